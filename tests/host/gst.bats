#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Elements of the GStreamer plugin that find no device, under valgrind.

load helper

@test "gst: elements without devices fail cleanly" {
	test="$BUILD/tests/gst/test-gst-host"
	[ -x "$test" ] || skip "GStreamer has no development files here"
	eval "$("$TOP/tests/demo/gst-env")"
	# The libraries keep what they have allocated, but nothing gets lost.
	CK_FORK=no run valgrind --quiet --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --error-exitcode=99 "$test" </dev/null
	echo "$output"
	[ "$status" -eq 0 ]
}
