#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# A program that asks for attached queues by the library, on fakes of the devices.

load helper

setup_file() {
	cat >"$BATS_FILE_TMPDIR/client.c" <<-E
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include "shrbuf.h"

		/* client test NODE | client configure NODE FLAGS WAIT FENCE */
		int main(int argc, char **argv)
		{
			enum shrbuf_request what = SHRBUF_REQUEST_TEST_QUEUE;
			int dev = shrbuf_open(), fd = open(argv[2], O_RDWR), ret;

			if (argc == 3) {
				ret = shrbuf_test_queue(dev, fd);
			} else {
				what = SHRBUF_REQUEST_CONFIGURE_QUEUE;
				ret = shrbuf_configure_queue(dev, fd, atoi(argv[3]),
							     atoi(argv[4]), atoi(argv[5]));
			}
			puts(ret ? shrbuf_explain(what, ret) : "ok");
			return ret != 0;
		}
	E
	gcc -o "$BATS_FILE_TMPDIR/client" "$BATS_FILE_TMPDIR/client.c" \
		-I"$TOP/lib" -I"$TOP/include/uapi" "$BUILD/lib/libshrbuf.a"
}

setup() {
	fake_reset
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0 /dev/video1=0'
}

client() {
	run env LD_PRELOAD="$FAKE" "$BATS_FILE_TMPDIR/client" "$@"
}

@test "a queue is tested, and not attached" {
	client test /dev/video0
	equal 0 "$status"
	equal 'test /dev/video0' "$(cat "$FAKE_LOG")"
}

@test "a test that fails says why and what to do" {
	FAKE_QUEUE='/dev/video0=95 /dev/video1=16'
	export FAKE_QUEUE
	client test /dev/video0
	equal 1 "$status"
	contains "$output" 'does not let shrbuf see its queue'
	client test /dev/video1
	equal 1 "$status"
	contains "$output" 'has buffers'
}

@test "a queue is configured, also if a signal comes" {
	client configure /dev/video0 5 0 100
	equal 0 "$status"
	FAKE_EINTR=2 client configure /dev/video1 2 250 0
	equal 0 "$status"
	diff - "$FAKE_LOG" <<-E
		configure 5 0 100 /dev/video0
		interrupted
		interrupted
		configure 2 250 0 /dev/video1
	E
}

@test "settings that do not go together are refused with a sentence" {
	for settings in '3 1 0' '6 1 1' '2 0 0' '2 10001 0' '4 0 0' '4 0 10001' '0 1 0' \
		'1 0 1' '8 0 0'; do
		# shellcheck disable=SC2086 # words
		client configure /dev/video0 $settings
		equal 1 "$status"
		contains "$output" 'do not go together'
	done
	equal '' "$(cat "$FAKE_LOG")"
}

@test "a queue that is not attached is not configured" {
	FAKE_QUEUE='/dev/video0=107'
	export FAKE_QUEUE
	client configure /dev/video0 1 0 0
	equal 1 "$status"
	contains "$output" 'shrbufctl attach'
}
