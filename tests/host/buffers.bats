#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# Tests of what shrbufctl does with single buffers: info, watch, alloc.

load helper

setup() {
	fake_reset
	fake_listings
	fake_buffers
	DIR=$BATS_TEST_TMPDIR
	export FAKE_EVENTS=$DIR/events
	: >"$FAKE_EVENTS"
}

# info

@test "info of PID:FD shows the buffer" {
	ctl info 1001:5
	equal 0 "$status"
	equal '' "$stderr"
	# the age is real
	equal '1001:5: buffer 12 "test pattern"
  memory   8294400 (7.9 MiB), pages
  status   queue; holds: 2, devices that read: 0
  state    filled, change 7, AGE ago
  frame    number 17, timestamp 12.345679 s (clock: monotonic), 8294400 bytes, field none, flags keyframe
  format   640x480, DRM NV12, modifier linear, V4L2 NM12
  plane 0  offset 0, stride 640
  plane 1  in another buffer
  crop     624x472 at 8,4
  colour   Rec. 709, transfer 99, encoding default, quantization default' \
		"$(sed -E 's/[0-9.]+ (ms|s|min|h) ago/AGE ago/' <<<"$output")"
}

@test "info as JSON has the same with types" {
	ctl info 1001:5 --json
	equal 0 "$status"
	json '.command == "info" and .ok and (.results | length) == 1'
	json '.results[0] | .target == "1001:5" and .id == 12 and .size == 8294400 and
		.name == "test pattern" and .backing == "pages" and .status == ["queue"] and
		.holds == 2 and .device_reads == 0'
	json '.results[0].frame | .state == "filled" and .seq == 7 and .time == 1000 and
		.age > 1000 and .sequence == 17 and .timestamp == 12345678901 and
		.clock == "monotonic" and .bytesused == 8294400 and .field == "none" and
		.flags == ["keyframe"]'
	json '.results[0].format | .fourcc == "NV12" and .v4l2_fourcc == "NM12" and
		.modifier == "linear" and .width == 640 and .height == 480 and
		.planes == [{offset: 0, stride: 640}, {}] and
		.crop == {x: 8, y: 4, width: 624, height: 472} and
		.colorspace == "Rec. 709" and .xfer_func == "99"'
}

@test "info of a buffer without a frame and without a format" {
	FAKE_STATE=1 ctl info 1001:7
	equal 0 "$status"
	contains "$output" 'state    filling, change 7'
	contains "$output" 'format   not known'
	[[ $output != *'frame    '* ]]
	FAKE_STATE=1 ctl info 1001:7 --json
	json '.results[0] | has("format") | not'
	json '.results[0].frame | has("sequence") | not'
}

@test "info of a state that is newer than the tool shows its number" {
	FAKE_STATE=9 ctl info 1001:7 --json
	json '.results[0].frame.state == "9"'
}

@test "info of a process shows each of its buffers once, and where it has it" {
	ctl info 1001
	equal 0 "$status"
	contains "$output" '1001 (camera app): fd 5: buffer 12 "test pattern"'
	contains "$output" '1001 (camera app): fd 7: buffer 13 "test pattern"'
	equal 2 "$(grep -c ': buffer' <<<"$output")"
	ctl info 1002
	equal 0 "$status"
	contains "$output" '1002 (viewer): fd 3,4, mapped: buffer 12 '
	equal 1 "$(grep -c ': buffer' <<<"$output")"
	ctl info 1002 1001 --json
	json '[.results[] | [.pid, .process, .fds, .mapped, .id]] ==
		[[1002, "viewer", [3, 4], true, 12], [1001, "camera app", [5], null, 12],
		[1001, "camera app", [7], null, 13]]'
}

@test "info of a process needs no listing" {
	rm -r "$SHRBUF_DEBUGFS"
	ctl info 1001 1002 --json
	equal 0 "$status"
	json '[.results[] | [.pid, .fds, .mapped, .id]] ==
		[[1001, [5], null, 12], [1001, [7], null, 13], [1002, [3, 4], true, 12]]'
}

@test "info of a process that only maps a buffer names it by the listing" {
	fake_process 1004 mapper 131
	ctl info 1004
	equal 0 "$status"
	equal '1004 (mapper): mapped: buffer 13, no file descriptor to ask for more' "$output"
}

@test "info of a process without buffers says so" {
	ctl info 1003
	equal 0 "$status"
	equal '1003 (idle): has no shared buffers' "$output"
	ctl info 1003 --json
	json '.ok and .results == [{pid: 1003, process: "idle", fds: []}]'
}

@test "info of an inherited file descriptor" {
	exec 9<"$DIR/b13"
	ctl info 9 self:9
	exec 9<&-
	equal 0 "$status"
	contains "$output" '9: buffer 13 '
	contains "$output" 'self:9: buffer 13 '
}

@test "info of a file that this program has opened by itself is none" {
	# bats has some open, too
	for command in info watch; do
		# shellcheck disable=SC2016 # the inner shell expands these
		run --separate-stderr bash -c \
			'exec 3<&- 4<&- 5<&- 6<&-; LD_PRELOAD=$0 exec "$@"' "$FAKE" \
			"$SHRBUFCTL" "$command" self:3 self:4 self:5
		equal 1 "$status"
		equal 3 "$(grep -c 'was started without' <<<"$stderr")"
	done
}

@test "info of a number that is open but no buffer is that of the process" {
	fake_process 9 nine
	exec 9</dev/null
	ctl info 9
	exec 9<&-
	equal 0 "$status"
	equal '9 (nine): has no shared buffers' "$output"
}

@test "what info cannot show is an error that says what to do" {
	while read -r target words; do
		ctl info "$target" 1001:7
		equal 1 "$status"
		contains "$stderr" "shrbufctl: $target: "
		contains "$stderr" "$words"
		# the others are still shown
		contains "$output" '1001:7: buffer 13 '
	done <<-E
		77:1 There is no such process. List
		77 There is no such process. List
		1001:6 no such file descriptor. List
		self:33 was started without such a file descriptor. Let
		abc not the name of a buffer. Give PID:FD
		1: not the name of a buffer. Give PID:FD
		:1 not the name of a buffer. Give PID:FD
		0:1 not the name of a buffer. Give PID:FD
		1:-1 not the name of a buffer. Give PID:FD
		99999999999:1 not the name of a buffer. Give PID:FD
	E
	FAKE_PROCESS='1001:5=1' ctl --json info 1001:5
	equal 1 "$status"
	json '.ok == false and .results[0].error.errno == "EPERM"'
	FAKE_PROCESS='1001:5=/etc/passwd' ctl info 1001:5
	equal 1 "$status"
	contains "$stderr" 'is not a shared buffer. Use one'
	contains "$stderr" '(EINVAL)'
	FAKE_BUFFER='12=25' ctl info 1001:5
	equal 1 "$status"
	contains "$stderr" '(ENOTTY)'
}

@test "info without the module says how to load it" {
	FAKE_OPEN='' ctl info 1001:5
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
	FAKE_OPEN='' ctl info 1001:5 --json
	json '.ok == false and .error.errno == "ENOENT" and .results == []'
}

# watch

@test "watch prints events until all is gone" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	{
		event 1 1 12 0 0 0
		event 2 2 40 3 17 0
		event 0 7 0 0 0 5
		event 0 7 0 0 0 1
		event 1 4 12 0 0 0
		event 1 6 12 0 0 0
		event 2 99 40 3 0 0
		event 2 6 0 0 0 0
		event 2 2 41 3 18 0
	} >"$DIR/events"
	ctl watch 1001:5 video0
	equal 0 "$status"
	equal '' "$stderr"
	equal '1.500000  1001:5  buffer 12  filling
1.500000  /dev/video0  buffer 40 index 3  filled  frame 17, 4096 bytes, change 7
1.500000  5 events were lost here: watch less, or let the output flow faster
1.500000  1 event was lost here: watch less, or let the output flow faster
1.500000  1001:5  buffer 12  released
1.500000  1001:5  buffer 12  gone
1.500000  /dev/video0  buffer 40 index 3  event 99
1.500000  /dev/video0  queue  gone' "$output"
	equal 'watch 12
watch /dev/video0' "$(cat "$FAKE_LOG")"
}

@test "watch as JSON prints one object in each line" {
	{
		event 1 2 12 0 17 0
		event 0 7 0 0 0 5
		event 1 6 12 0 0 0
	} >"$DIR/events"
	ctl watch 1001:5 --json
	equal 0 "$status"
	equal 3 "${#lines[@]}"
	output="[${lines[0]},${lines[1]},${lines[2]}]"
	json '.[0] == {event: "filled", time: 1500000000, target: "1001:5", id: 12, seq: 7,
		sequence: 17, timestamp: 5, bytesused: 4096}'
	json '.[1] == {event: "overflow", time: 1500000000, lost: 5}'
	json '.[2] == {event: "gone", time: 1500000000, target: "1001:5", id: 12, seq: 7}'
}

@test "watch --count ends after so many events" {
	{
		event 1 1 12 0 0 0
		event 1 2 12 0 0 0
		event 1 1 12 0 0 0
	} >"$DIR/events"
	ctl watch 1001:5 --count 2
	equal 0 "$status"
	equal 2 "${#lines[@]}"
}

@test "a signal ends watch, which is no failure" {
	mkfifo "$DIR/fifo"
	export FAKE_EVENTS=$DIR/fifo
	env LD_PRELOAD="$FAKE" "$SHRBUFCTL" watch 1001:5 >"$DIR/out" 3>&- &
	pid=$!
	event 1 1 12 0 0 0 >"$DIR/fifo"
	wait_for_line "$DIR/out" filling
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	equal 0 "$status"
	equal 1 "$(wc -l <"$DIR/out")"
}

@test "watch of several watches all or nothing" {
	export FAKE_EVENTS=/dev/zero
	ctl watch 1001:5 video7 1001:6
	equal 1 "$status"
	equal '' "$output"
	contains "$stderr" '/dev/video7: There is no such device'
	contains "$stderr" '1001:6: The process has no such file descriptor'
}

@test "watch of a device that is not attached says what to do" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' FAKE_QUEUE='/dev/video0=107'
	ctl watch 0
	equal 1 "$status"
	contains "$stderr" '/dev/video0: The device is not attached. Attach it first'
	ctl watch 0 --json
	equal 1 "$status"
	json '.command == "watch" and .ok == false and .target == "/dev/video0" and
		.error.errno == "ENOTCONN"'
}

@test "watch ends if events cannot be read" {
	: >"$DIR/events"
	ctl watch 1001:5
	equal 1 "$status"
	contains "$stderr" '(EINVAL)'
	FAKE_OPEN='' ctl watch 1001:5
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
}

# alloc

@test "alloc takes sizes in bytes and in units" {
	export FAKE_ALLOC=12
	while read -r size bytes; do
		: >"$FAKE_LOG"
		ctl alloc "$size"
		equal 1 "$status"
		contains "$stderr" '(ENOMEM)'
		equal "alloc $bytes " "$(cat "$FAKE_LOG")"
	done <<-E
		1 1
		4096 4096
		600K 614400
		8M 8388608
		3G 3221225472
		18446744073709551615 18446744073709551615
	E
}

@test "a size that is none does not reach the module" {
	for size in '' x 1x 1KB -1 1.5M 18446744073709551616 99999999999G; do
		ctl alloc -- "$size"
		equal 1 "$status"
		contains "$stderr" 'is not a number of bytes. Give one'
	done
	equal '' "$(cat "$FAKE_LOG")"
}

@test "alloc runs a program that has the buffers, and has its exit status" {
	export FAKE_ALLOC=$DIR/b12
	# shellcheck disable=SC2016 # the inner shell expands these
	ctl alloc 4K --name 'my name' --count 2 -- bash -c \
		'set -- $SHRBUF_FDS; echo $#; for fd; do readlink /proc/self/fd/$fd; done; exit 7'
	equal 7 "$status"
	equal "2
$DIR/b12
$DIR/b12" "$output"
	equal 'alloc 4096 my name
info
alloc 4096 my name
info' "$(cat "$FAKE_LOG")"
}

@test "alloc of a program that is not there says so" {
	export FAKE_ALLOC=$DIR/b12
	ctl alloc 4K -- no-such-program x
	equal 1 "$status"
	contains "$stderr" 'no-such-program cannot be run. Give the name of a program'
	contains "$stderr" '(ENOENT)'
}

@test "alloc as JSON tells which buffers the program has" {
	export FAKE_ALLOC=$DIR/b12
	ctl alloc 4K --json -- true
	equal 0 "$status"
	json '.command == "alloc" and .ok and (.buffers | length) == 1 and
		.buffers[0].id == 12 and .buffers[0].fd > 2'
}

@test "alloc without a program holds the buffer until it is told to end" {
	export FAKE_ALLOC=$DIR/b12
	env LD_PRELOAD="$FAKE" "$SHRBUFCTL" alloc 4K >"$DIR/out" 3>&- &
	pid=$!
	wait_for_line "$DIR/out" Ctrl-C
	fd=$(sed -n "s/^$pid:\([0-9]*\): buffer 12 .*/\1/p" "$DIR/out")
	equal "$DIR/b12" "$(readlink "/proc/$pid/fd/$fd")"
	contains "$(cat "$DIR/out")" "shrbufctl watch $pid:$fd"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	equal 0 "$status"
}

@test "alloc with a name that is too long says how long it may be" {
	ctl alloc 4K --name 12345678901234567890123456789012
	equal 1 "$status"
	contains "$stderr" 'at most 31 bytes'
	ctl alloc 4K --name 12345678901234567890123456789012 --json
	json '.command == "alloc" and .ok == false and .error.errno == "ENAMETOOLONG"'
}

@test "alloc without the module says how to load it" {
	FAKE_OPEN='' ctl alloc 4K
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
}
