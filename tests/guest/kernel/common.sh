# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the scripts that prepare kernels for the guest. Sourced, not run.

# Messages go to stderr: the standard output of these scripts is a path.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

cache_dir() {
	local dir=${SHRBUF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shrbuf}

	mkdir -p "$dir/lock"
	(cd "$dir" && pwd -P)
}

# lock NAME: hold an exclusive lock until the calling script ends, so that two
# concurrent first uses build a thing once.
lock() {
	local fd

	exec {fd}>"$(cache_dir)/lock/$1"
	flock "$fd"
}

# headers_version KVER: the version of the package with the headers, or
# nothing if the kernel is not one of the distribution.
headers_version() {
	local answer

	answer=$(dpkg-query -W -f '${Status}\t${Version}' "linux-headers-$1" 2>/dev/null) || return 0
	case $answer in
	*" installed	"*) printf '%s\n' "${answer#*	}" ;;
	esac
}

# kernel_release: KVER if it is set, else the running kernel, else the newest
# one with headers. Only kernels of the distribution have an image to fetch.
kernel_release() {
	local dir release

	if [ -n "${KVER:-}" ]; then
		printf '%s\n' "$KVER"
		return
	fi
	while read -r release; do
		if [ -e "/lib/modules/$release/build" ] &&
		   [ -n "$(headers_version "$release")" ]; then
			printf '%s\n' "$release"
			return
		fi
	done < <(uname -r; for dir in /lib/modules/*/; do basename "$dir"; done | sort -rV)
	die "no kernel headers are installed: install the package linux-headers-amd64"
}

# source_tree RELEASE PATH...: extract files of the package linux-source into
# the cache (once) and print the directory which has them.
source_tree() {
	local release=$1 series version tar dir path
	shift

	series=$(printf '%s\n' "$release" | cut -d. -f1,2)
	tar=/usr/src/linux-source-$series.tar.xz
	[ -r "$tar" ] || die "$tar is missing: install the package linux-source-$series"
	version=$(dpkg-query -W -f '${Version}' "linux-source-$series")
	dir=$(cache_dir)/source/$series-$version-$(printf '%s\n' "$@" | sha256sum | cut -c1-12)
	lock "source-${dir##*/}"
	if [ ! -e "$dir/ready" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		say "extracting parts of linux-source-$series (once)"
		tar -xf "$tar" -C "$dir" --strip-components=1 \
			"${@/#/linux-source-$series/}" >&2
		for path; do
			[ -e "$dir/$path" ] || die "$tar has no $path"
		done
		touch "$dir/ready"
	fi
	printf '%s\n' "$dir"
}
