#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2164
#
# Tests of tests/tap-merge: it must not lose a failure.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# merge WANTED-STATUS WANTED-OUTPUT NAME=FILE...
merge() {
	local wanted=$1 text=$2

	shift 2
	run "$TOP/tests/tap-merge" "$@"
	equal "$text" "$output"
	equal "$wanted" "$status"
}

@test "points of several files get names and numbers in one row" {
	printf '1..2\nok 1 - x\nok 2 --y\n' >a
	printf 'TAP version 13\n# hello\nok 1\n1..1\n' >b
	merge 0 'ok 1 - A: x
ok 2 - A: --y
# TAP version 13
# hello
ok 3 - B
1..3' A=a B=b
}

@test "a failure stays a failure" {
	printf '1..2\nnot ok 1 - x\n# why\nok 2 - y\n' >a
	merge 1 'not ok 1 - A: x
# why
ok 2 - A: y
1..2' A=a
}

@test "skip and todo are no failures" {
	printf '1..3\nok 1 - x # SKIP no\nnot ok 2 - y # TODO later\nok 3 - #1 is here\n' >a
	merge 0 'ok 1 - A: x # SKIP no
not ok 2 - A: y # TODO later
ok 3 - A: #1 is here
1..3' A=a
	echo '1..0 # Skipped: no device' >b
	merge 0 'ok 1 - B # SKIP Skipped: no device
1..1' B=b
}

@test "points of subtests are not counted" {
	printf 'KTAP version 1\n1..1\n    1..1\n    not ok 1 inner\nok 1 outer\n' >a
	merge 0 '# KTAP version 1
#     1..1
#     not ok 1 inner
ok 1 - A: outer
1..1' A=a
}

@test "too few points, too many points and no points are failures" {
	printf '1..2\nok 1 - x\n' >a
	merge 1 'ok 1 - A: x
not ok 2 - A: ran 1 tests, its plan says 2
1..2' A=a
	printf '1..0\nok 1 - x\n' >a
	run "$TOP/tests/tap-merge" A=a
	equal 1 "$status"
	: >a
	merge 1 'not ok 1 - A: has no plan, it ended after 0 tests
1..1' A=a
}

@test "a missing plan, two plans and wrong numbers are failures" {
	printf 'ok 1 - x\n' >a
	merge 1 'ok 1 - A: x
not ok 2 - A: has no plan, it ended after 1 tests
1..2' A=a
	printf '1..1\nok 1 - x\n1..1\n' >a
	run "$TOP/tests/tap-merge" A=a
	equal 1 "$status"
	contains "$output" 'has two plans'
	printf '1..2\nok 1 - x\nok 3 - y\n' >a
	run "$TOP/tests/tap-merge" A=a
	equal 1 "$status"
	contains "$output" 'out of order'
}

@test "a program that gives up and a file that is missing are failures" {
	printf '1..2\nok 1 - x\nBail out! status 3\n' >a
	merge 1 'ok 1 - A: x
not ok 2 - A: Bail out! status 3
1..2' A=a
	merge 1 'not ok 1 - B: b cannot be read: No such file or directory
1..1' B=b
}

@test "a wrong command line is an error" {
	run "$TOP/tests/tap-merge"
	equal 2 "$status"
	run "$TOP/tests/tap-merge" a
	equal 2 "$status"
}
