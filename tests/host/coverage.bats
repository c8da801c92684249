#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Tests of tools/coverage: the numbers of a small program, from two runs.

# run sets stderr:
# shellcheck disable=SC2154

load helper

setup() {
	root=$BATS_TEST_TMPDIR/top
	objects=$root/build/kmod/release
	mkdir -p "$root/drivers/a" "$root/lib" "$objects"
	cat >"$root/drivers/a/hit.c" <<-'END'
		#include "own.h"
		#include "../../lib/other.h"
		int never(int n);
		int main(int argc, char **argv)
		{
			(void)argv;
			if (argc == 2)
				return own(argc);
			if (argc == 3)
				return never(argc) + other(argc);
			return 0;
		}
	END
	cat >"$root/drivers/a/own.h" <<-'END'
		static inline int own(int n)
		{
			return n - 2;
		}
	END
	cat >"$root/drivers/a/never.c" <<-'END'
		int never(int n)
		{
			return n;
		}
	END
	# neither in drivers/ nor a source of it
	cat >"$root/lib/other.h" <<-'END'
		static inline int other(int n)
		{
			return n;
		}
	END
	# as tools/kmod-links does it
	cp -rs "$root/drivers" "$root/lib" "$objects/"
	compile
	# runs without and with an argument; as never.c was not loaded, it has no counts
	count one
	count two argument
}

# The compiler's paths are absolute, as Kbuild's are.
compile() {
	gcc --coverage -c -o "$objects/drivers/a/hit.o" "$objects/drivers/a/hit.c"
	gcc --coverage -c -o "$objects/drivers/a/never.o" "$objects/drivers/a/never.c"
	gcc --coverage -o "$BATS_TEST_TMPDIR/program" "$objects"/drivers/a/*.o
}

# count NAME ARG...: a run of the program, its data as a run of a guest leaves it
count() {
	local data=$root/build/coverage/data/$1/drivers/a

	shift
	mkdir -p "$data"
	"$BATS_TEST_TMPDIR/program" "$@"
	mv "$objects/drivers/a/hit.gcda" "$data"
	rm "$objects/drivers/a/never.gcda"
	cp "$objects"/drivers/a/*.gcno "$data"
	ln -sfn "$objects" "$root/build/coverage/data/objects"
}

coverage() {
	run --separate-stderr "$TOP/tools/coverage" --top "$root" --report "$@"
}

@test "runs are added up, file by file" {
	coverage
	equal 0 "$status"
	contains "$output" 'drivers/a/never.c      2      0    0.0         0      0      -  below 85 %'
	run jq -c '.[] | [.file, .lines, .lines_hit, .line_percent,
		.branches, .branches_hit, .branch_percent]' "$root/build/coverage.json"
	equal '["drivers/a/hit.c",6,5,83.3,4,3,75]
["drivers/a/never.c",2,0,0,0,0,null]
["drivers/a/own.h",2,2,100,0,0,null]' "$output"
	[ -s "$root/build/coverage/index.html" ]
}

@test "lines that were not reached are listed" {
	coverage --uncovered
	equal 0 "$status"
	equal 'drivers/a/hit.c:10: return never(argc) + other(argc);
drivers/a/never.c:1: int never(int n)
drivers/a/never.c:3: return n;' "$(sed -n '/^$/,$p' <<<"$output" | sed 1d)"
}

@test "too little fails only where that is asked for" {
	coverage --require 85
	equal 1 "$status"
	contains "$stderr" 'in: drivers/a/hit.c drivers/a/never.c.'
	coverage --require 83
	equal 1 "$status"
	contains "$stderr" 'in: drivers/a/never.c.'
	rm -f "$root"/drivers/a/never.c "$objects"/drivers/a/never.*
	rm "$root"/build/coverage/data/*/drivers/a/never.gcno
	coverage --require 83
	equal 0 "$status"
	coverage --require 84
	equal 1 "$status"
}

@test "a source that was not compiled for coverage is seen" {
	echo 'int x;' >"$root/drivers/a/plain.c"
	coverage
	equal 0 "$status"
	contains "$output" 'not compiled for coverage'
	coverage --require 0
	equal 1 "$status"
	contains "$stderr" 'drivers/a/plain.c'
}

@test "counts of another build are refused" {
	sed -i 's/^int main/static int more(void) { return 1; }\nint main/; s/return 0/return more()/' \
		"$root/drivers/a/hit.c"
	compile
	cp "$objects/drivers/a/hit.gcno" "$root/build/coverage/data/one/drivers/a/"
	coverage
	equal 1 "$status"
	contains "$stderr" 'another build'
}

@test "a source that was changed after the run is told" {
	touch -d '1 hour' "$root/drivers/a/never.c"
	coverage
	equal 0 "$status"
	contains "$stderr" 'Changed after the compilation: drivers/a/never.c.'
}

@test "no counts are an error" {
	find "$root/build" -name '*.gcda' -delete
	coverage
	equal 1 "$status"
	contains "$stderr" 'No run left counts'
	rm -r "$root/build/coverage/data"
	coverage
	equal 1 "$status"
	contains "$stderr" 'run without --report'
}
