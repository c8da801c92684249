# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For scripts that run several programs in a guest and leave a TAP file of each one in
# $out. To be sourced; sets $failed to 1 if something failed.
#
# Environment:
#   TEST_TWICE=1   a program that fails is run once more, and the second run counts. What
#                  the first one said stays in NAME.first, and run-all names it. A report
#                  of the kernel fails the guest all the same.

: "${out:?where the TAP files go}"
failed=0

# tap NAME COMMAND...: a TAP file; a program that dies leaves a mark in it
tap() {
	local name=$1 status=0

	shift
	tap_once "$name" "$@" || status=$?
	if [ "$status" -ne 0 ] && [ "${TEST_TWICE-}" = 1 ]; then
		mv "$out/$name.tap" "$out/$name.first"
		status=0
		tap_once "$name" "$@" || status=$?
	fi
	# shellcheck disable=SC2034 # for the script that sources this
	[ "$status" -eq 0 ] || failed=1
}

tap_once() {
	local name=$1 status=0

	shift
	"$@" >"$out/$name.tap" 2>"$out/$name.err" || status=$?
	sed 's/^/# /' "$out/$name.err" >>"$out/$name.tap"
	[ "$status" -eq 0 ] || grep -q '^not ok' "$out/$name.tap" ||
		printf '\nBail out! It ended with status %d.\n' "$status" >>"$out/$name.tap"
	return "$status"
}
