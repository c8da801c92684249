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

functions() {
	sed -n '/^#/!s/@@.*//p' "$TOP/lib/libshrbuf.symbols"
}

# documented FUNCTION: the errors that shrbuf.h has for it
documented() {
	awk -v name="$1" '
		/^\/\*\*/ { on = 0 }
		index($0, " * " name " - ") == 1 { on = 1 }
		on && /^ \* - -E/ { sub(/:.*/, ""); while (match($0, /E[A-Z0-9]+/)) {
			print substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH) } }
		/^ \*\// { on = 0 }' "$TOP/lib/shrbuf.h"
}

@test "every function of the library has a page, which names it, with its prototype" {
	for name in $(functions); do
		echo "$name"
		text=$(page "$name" 3)
		contains "$(section "$text" NAME)" "$name"
		prototype=$(awk -v name="$name" '
			$0 ~ "^[a-z].*[ *]" name "\\(" { on = 1 }
			on { print }
			/;/ { on = 0 }' "$TOP/lib/shrbuf.h" |
			tr '\n' ' ' | tr -s '\t ' ' ')
		[ -n "$prototype" ]
		contains "$(section "$text" SYNOPSIS | tr -s '\n ' ' ')" "${prototype% }"
		contains "$(section "$text" DESCRIPTION)$(section "$text" 'RETURN VALUE')" "$name"
	done
}

@test "every error that shrbuf.h documents is in the page, and no other" {
	for name in $(functions); do
		echo "$name"
		text=$(page "$name" 3)
		for error in $(documented "$name"); do
			section "$text" ERRORS | grep -qx " *-$error"
		done
	done
	for file in "$TOP"/man/shrbuf_*.3.scd; do
		name=$(basename "$file" .3.scd)
		text=$(page "$name" 3)
		mapfile -t names < <(section "$text" NAME | sed 's/ - .*//' | tr -d ' ' | tr , '\n')
		diff <(for name in "${names[@]}"; do documented "$name"; done | sort -u) \
			<(section "$text" ERRORS | grep -oE '^ *-E[A-Z0-9]+$' | tr -d ' -' | sort -u)
	done
}

@test "every page of a function is in the overview, and is about what is in the library" {
	text=$(page shrbuf 3)
	for file in "$TOP"/man/shrbuf_*.3.scd; do
		contains "$text" "$(basename "$file" .3.scd)(3)"
	done
	for file in "$MAN"/man3/shrbuf_*; do
		functions | grep -qx "$(basename "$file" .3)"
	done
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
	text=$(page shrbuf 4)
	while read -r _ name; do
		echo "$name"
		{ section "$text" REQUESTS; section "$text" ROUTES; } | grep -qw "$name"
	done < <(grep -ohE '^#define SHRBUF_IOC_[A-Z_]+' "$TOP"/include/uapi/linux/shrbuf*.h |
		grep -v MAGIC)
}

@test "every page that a page names is there, if it is ours" {
	for file in "$TOP"/man/*.scd; do
		name=$(basename "$file" .scd)
		page "${name%.*}" "${name#*.}" | grep -oE 'shrbuf[a-z_]*\([0-9]\)' | sort -u |
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
