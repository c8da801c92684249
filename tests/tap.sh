# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For scripts that run several programs in a guest and leave a TAP file of each one in
# $out. To be sourced; sets $failed to 1 if something failed.

: "${out:?where the TAP files go}"
failed=0

# tap NAME COMMAND...: a TAP file; a program that dies leaves a mark in it
tap() {
	local name=$1 status=0

	shift
	"$@" >"$out/$name.tap" 2>"$out/$name.err" || status=$?
	sed 's/^/# /' "$out/$name.err" >>"$out/$name.tap"
	if [ "$status" -ne 0 ]; then
		# shellcheck disable=SC2034 # for the script that sources this
		failed=1
		grep -q '^not ok' "$out/$name.tap" ||
			printf '\nBail out! It ended with status %d.\n' "$status" \
				>>"$out/$name.tap"
	fi
}
