#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# The man pages have all that there is, and nothing else.

load helper

setup_file() {
	export DEST=$BATS_FILE_TMPDIR/dest
	local build=${BUILD:-$BATS_TEST_DIRNAME/../../build/user}

	DESTDIR=$DEST meson install --no-rebuild --quiet -C "$build"
	MAN=$(find "$DEST" -type d -name man)
	[ -d "$MAN" ]
	export MAN MANPATH=$MAN MANWIDTH=200 LC_ALL=C
}

# page NAME SECTION: as text. An alias shows the page that it stands for.
page() {
	man --no-hyphenation --no-justification -P cat "$2" "$1" | col -b
}

# section TEXT NAME: one section of a page
section() {
	awk -v name="$2" '/^[A-Z]/ { on = $0 == name; next } on' <<<"$1"
}

# library NAME: the one that functions and documented are about
library() {
	case $1 in
	libshrbuf)
		header=$TOP/lib/shrbuf.h symbols=$TOP/lib/libshrbuf.symbols
		overview=shrbuf prefix=shrbuf_
		;;
	libdrm_fusion)
		header=$TOP/lib/fusion/libdrm_fusion.h
		symbols=$TOP/lib/fusion/libdrm_fusion.symbols
		overview=libdrm_fusion prefix=fusion_
		;;
	esac
}

functions() {
	sed -n '/^#/!s/@@.*//p' "$symbols"
}

# documented FUNCTION: the errors that the header has for it: in a list, or after
# "Return:", where it may say that they are those of other functions, too
documented() {
	local word

	awk -v name="$1" '
		/^\/\*\*/ { on = 0; result = 0 }
		index($0, " * " name " - ") == 1 { on = 1 }
		/^ \* Return:/ { result = 1 }
		on && (result || /^ \* - -E/) {
			if (!result)
				sub(/:.*/, "")
			while (match($0, /-E[A-Z0-9]+|(as|see) [a-z_]+\(\)/)) {
				word = substr($0, RSTART, RLENGTH)
				gsub(/^(-|as |see )/, "", word)
				print word
				$0 = substr($0, RSTART + RLENGTH)
			}
		}
		/^ \*\// { on = 0 }' "$header" |
		while read -r word; do
			case $word in
			*'()') documented "${word%'()'}" ;;
			*) echo "$word" ;;
			esac
		done
}

# pages_have_prototypes LIBRARY: each function has a page, which names it
pages_have_prototypes() {
	local name text prototype

	library "$1"
	for name in $(functions); do
		echo "$name"
		text=$(page "$name" 3)
		contains "$(section "$text" NAME)" "$name"
		prototype=$(awk -v name="$name" '
			$0 ~ "^[a-z].*[ *]" name "\\(" { on = 1 }
			on { print }
			/;/ { on = 0 }' "$header" |
			tr '\n' ' ' | tr -s '\t ' ' ')
		[ -n "$prototype" ]
		contains "$(section "$text" SYNOPSIS | tr -s '\n\t ' ' ')" "${prototype% }"
		contains "$(section "$text" DESCRIPTION)$(section "$text" 'RETURN VALUE')" "$name"
	done
}

# pages_have_errors LIBRARY: those that the header has, and no other
pages_have_errors() {
	local name names file text error

	library "$1"
	for name in $(functions); do
		echo "$name"
		text=$(page "$name" 3)
		for error in $(documented "$name"); do
			section "$text" ERRORS | grep -qx " *-$error"
		done
	done
	for file in "$TOP/man/$prefix"*.3.scd; do
		name=$(basename "$file" .3.scd)
		text=$(page "$name" 3)
		mapfile -t names < <(section "$text" NAME | sed 's/ - .*//' | tr -d ' ' | tr , '\n')
		diff <(for name in "${names[@]}"; do documented "$name"; done | sort -u) \
			<(section "$text" ERRORS | grep -oE '^ *-E[A-Z0-9]+$' | tr -d ' -' | sort -u)
	done
}

# pages_are_listed LIBRARY: in the overview, and there are none of other functions
pages_are_listed() {
	local text file

	library "$1"
	text=$(page "$overview" 3)
	for file in "$TOP/man/$prefix"*.3.scd; do
		contains "$text" "$(basename "$file" .3.scd)(3)"
	done
	for file in "$MAN/man3/$prefix"*; do
		functions | grep -qx "$(basename "$file" .3)"
	done
}

# page_has_requests TEXT PATTERN HEADER...: those that match are in the page of the device
page_has_requests() {
	local name names

	names=$(grep -ohE "^#define $2[A-Z_]+" "${@:3}" | sed 's/.* //' | grep -v MAGIC)
	for name in $names; do
		echo "$name"
		{ section "$1" REQUESTS; section "$1" ROUTES; } | grep -qw "$name"
	done
}

@test "every function of libshrbuf has a page, which names it, with its prototype" {
	pages_have_prototypes libshrbuf
}

@test "every function of libdrm_fusion has a page, which names it, with its prototype" {
	pages_have_prototypes libdrm_fusion
}

@test "every error that shrbuf.h documents is in the page, and no other" {
	pages_have_errors libshrbuf
}

@test "every error that libdrm_fusion.h documents is in the page, and no other" {
	pages_have_errors libdrm_fusion
}

@test "every page of a function is in the overview, and is about what is in the library" {
	pages_are_listed libshrbuf
	pages_are_listed libdrm_fusion
}

@test "every command of shrbufctl is in its page" {
	text=$(page shrbufctl 1)
	fake_reset
	ctl help --json
	while read -r name; do
		echo "$name"
		section "$text" SYNOPSIS | grep -qE "^ *shrbufctl .*\] $name\>"
		section "$text" COMMANDS | grep -qE "^       $name( |\$)"
	done < <(jq -r '.commands[].name' <<<"$output")
	# and it has no others
	equal "$(jq '.commands | length' <<<"$output")" \
		"$(section "$text" COMMANDS | grep -cE '^       [a-z]')"
}

@test "every option and variable of shrbufctl is in its page" {
	text=$(page shrbufctl 1)
	fake_reset
	ctl --help
	while read -r _ word; do
		section "$text" OPTIONS | grep -qE "^       -[a-zA-Z], $word( |\$)"
	done < <(grep -oE '^  -[a-zA-Z], --[a-z]+' <<<"$output")
	equal "$(grep -cE '^  -[a-zA-Z], --' <<<"$output")" \
		"$(section "$text" OPTIONS | grep -cE '^       -')"
	while read -r word; do
		section "$text" ENVIRONMENT | grep -qx " *$word"
	done < <(grep -oE '^  SHRBUF[A-Z_]*' <<<"$output")
}

@test "every request of the headers is in the page of the device" {
	page_has_requests "$(page shrbuf 4)" SHRBUF_IOC_ "$TOP"/include/uapi/linux/shrbuf*.h
	page_has_requests "$(page fusion 4)" DRM_IOCTL_FUSION_ "$TOP/include/uapi/drm/fusion_drm.h"
}

@test "every page that a page names is there, if it is ours" {
	for file in "$TOP"/man/*.scd; do
		name=$(basename "$file" .scd)
		page "${name%.*}" "${name#*.}" | grep -oE '(shrbuf|fusion|libdrm_fusion)[a-z_]*\([0-9]\)' | sort -u |
			while IFS='()' read -r other number; do
				echo "$name: $other($number)"
				[ -f "$MAN/man$number/$other.$number" ]
			done
	done
}

@test "man has nothing to complain about" {
	for file in "$MAN"/man*/*; do
		echo "$file"
		run --separate-stderr man --warnings=w -P cat -l "$file"
		equal 0 "$status"
		equal '' "$stderr"
		[ -n "$output" ]
	done
}
