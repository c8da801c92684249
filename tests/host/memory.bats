#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2164
#
# Library and tool under valgrind, and under the sanitizers of the compiler in a
# build of their own, build/asan.

load helper

setup() {
	fake_reset
	fake_listings
	export CMOCKA_MESSAGE_OUTPUT=TAP
}

# Exits with 99 if valgrind has anything to say, leaks included.
memcheck() {
	env LD_PRELOAD="$FAKE" valgrind --quiet --error-exitcode=99 --leak-check=full \
		--show-leak-kinds=all --errors-for-leak-kinds=all --track-fds=no "$@"
}

# checked WANTED-STATUS ARG...: shrbufctl under valgrind
checked() {
	local wanted=$1

	shift
	run memcheck "$SHRBUFCTL" "$@"
	echo "$output"
	equal "$wanted" "$status"
	[[ $output != *==*==* ]]
}

asan_build() {
	local build=$TOP/build/asan

	# Another test of this file may have made it.
	[ -f "$build/build.ninja" ] ||
		meson setup "$build" "$TOP" -Db_sanitize=address,undefined -Dtests=enabled
	ninja -C "$build"
	ASAN_TESTLIB=$build/tests/host/test-libshrbuf
	ASAN_CTL=$build/tools/shrbufctl/shrbufctl
	nm -D "$ASAN_TESTLIB" | grep -q __asan_init
	nm -D "$ASAN_CTL" | grep -q __asan_init
	nm -D "$ASAN_CTL" | grep -q __ubsan_handle
	export ASAN_OPTIONS=exitcode=99:detect_leaks=1
	export UBSAN_OPTIONS=halt_on_error=1:exitcode=99:print_stacktrace=1
}

@test "valgrind notices an error, so that its silence means something" {
	cat >"$BATS_TEST_TMPDIR/leak.c" <<-E
		#include <stdlib.h>
		int main(void) { volatile char *p = malloc(3); p[0] = 1; p = 0; return 0; }
	E
	gcc -O0 -o "$BATS_TEST_TMPDIR/leak" "$BATS_TEST_TMPDIR/leak.c"
	run memcheck "$BATS_TEST_TMPDIR/leak"
	equal 99 "$status"
}

@test "library tests are clean under valgrind" {
	memcheck "$TESTLIB"
	memcheck "$TESTLIB-frames"
}

@test "shrbufctl version is clean under valgrind" {
	checked 0 version
	checked 0 version --json
	FAKE_OPEN='/dev/shrbuf=0' checked 0 version
	FAKE_OPEN='/dev/shrbuf=13' checked 1 version
}

@test "shrbufctl list is clean under valgrind" {
	checked 0 list
	checked 0 list --json
	printf 'id\tdevices\n1\ta,b\nx\ty\n' >"$SHRBUF_DEBUGFS/buffers"
	checked 1 list
	checked 1 list --json
}

@test "shrbufctl attach and detach are clean under valgrind" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0 /dev/video1=0' FAKE_QUEUE='/dev/video1=16'
	checked 1 attach 0 1 2
	checked 0 detach 0 --json
	FAKE_OPEN='' checked 1 attach 0
}

@test "shrbufctl info, watch and alloc are clean under valgrind" {
	fake_buffers
	checked 0 info 1001 1002 1003 1001:5
	checked 0 info 1001 1002 --json
	checked 1 info 77 1001:6 x
	export FAKE_EVENTS=$BATS_TEST_TMPDIR/events
	{
		event 1 2 12 0 17 0
		event 0 7 0 0 0 5
		event 1 6 12 0 0 0
	} >"$FAKE_EVENTS"
	checked 0 watch 1001:5
	checked 0 watch 1001:5 --json
	checked 1 watch 1001:5 video7
	unset FAKE_EVENTS
	export FAKE_ALLOC=$BATS_TEST_TMPDIR/b12
	checked 1 alloc x
	checked 1 alloc 4K -- no-such-program
	FAKE_ALLOC=12 checked 1 alloc 4K
}

@test "shrbufctl top, route, trace and doctor are clean under valgrind" {
	fake_buffers
	printf 'route\tsink\tpid\n3\t0\t1001\n3\t1\t1001\n' >"$SHRBUF_DEBUGFS/routes"
	checked 0 top
	checked 0 top --json
	checked 0 route list
	checked 0 route show 3
	checked 1 route stop 3
	FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' checked 1 route create 0 no-card
	FAKE_OPEN="/dev/shrbuf=0 $SHRBUF_DEBUGFS/buffers=13" checked 0 top
	FAKE_OPEN='' checked 1 trace
	mkdir -p "$SHRBUFCTL_ROOT/sys/class/video4linux/video0"
	FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' checked 1 doctor
	FAKE_OPEN='/dev/shrbuf=13' checked 1 doctor --json
	FAKE_OPEN='' checked 1 doctor
}

@test "shrbufctl help and usage errors are clean under valgrind" {
	checked 0 --help
	checked 2 fly
}

@test "library tests are clean under AddressSanitizer and UBSan" {
	asan_build
	"$ASAN_TESTLIB"
	"$ASAN_TESTLIB-frames"
	"${ASAN_TESTLIB/libshrbuf/libroute}"
}

@test "shrbufctl is clean under AddressSanitizer and UBSan" {
	asan_build
	local preload
	preload=$(gcc -print-file-name=libasan.so):$FAKE
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0 /dev/video1=0' FAKE_QUEUE='/dev/video1=16'
	for arg in list version help; do
		env LD_PRELOAD="$preload" "$ASAN_CTL" "$arg"
		env LD_PRELOAD="$preload" "$ASAN_CTL" "$arg" --json
	done
	run env LD_PRELOAD="$preload" "$ASAN_CTL" attach 0 1 2
	equal 1 "$status"
	fake_buffers
	mkdir -p "$SHRBUFCTL_ROOT/sys/class/video4linux/video0"
	export FAKE_ALLOC=$BATS_TEST_TMPDIR/b12
	for args in top 'top --json' 'info 1001 1002 1003 self:1' doctor 'doctor --json' trace \
		'alloc 4K -- no-such-program' 'watch 1001:5 --count 1'; do
		# shellcheck disable=SC2086 # words
		run env LD_PRELOAD="$preload" FAKE_EVENTS=/dev/zero "$ASAN_CTL" $args
		echo "$output"
		[ "$status" -le 1 ]
	done
	# All of this is what a listing may not have.
	many=$(printf 'a\\t%.0s' {1..60})
	for text in '' "$many\n" "name\n$many\n" 'id' 'id\tsize\n1' 'devices\n,\n' 'name\n\377\360\217\n'; do
		printf '%b' "$text" >"$SHRBUF_DEBUGFS/buffers"
		run env LD_PRELOAD="$preload" "$ASAN_CTL" list
		echo "$output"
		[ "$status" -le 1 ]
	done
}
