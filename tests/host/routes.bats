#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# Tests of shrbufctl route on fakes. What needs a route is in tests/routes/shrbufctl.

load helper

setup() {
	fake_reset
	export SHRBUFCTL_ROOT=$BATS_TEST_TMPDIR/root FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	mkdir -p "$SHRBUF_DEBUGFS"
	{
		tr ' ' '\t' <<<'route sink type target state error in shown newer held damaged holds waiting cpu pid comm'
		tr ' ' '\t' <<<'3 0 source video0 running 0 70 0 0 0 1 4 0 5000 1001 shrbufctl'
		tr ' ' '\t' <<<'3 1 display card0_plane_33 ready 0 69 60 5 2 0 3 2 7000 1001 shrbufctl'
		tr ' ' '\t' <<<'7 0 source video2 failed 19 8 0 0 0 0 0 0 100 1002 viewer'
	} >"$SHRBUF_DEBUGFS/routes"
}

# usage ARG...: the command line is wrong
usage() {
	ctl "$@"
	equal 2 "$status"
	equal '' "$output"
	contains "$stderr" 'shrbufctl --help'
}

@test "the action must be one, with what it needs" {
	usage route
	contains "$stderr" 'needs an action: list, show, stop or create'
	usage route fly
	contains "$stderr" "no action 'fly'"
	contains "$stderr" 'list, show, stop or create'
	usage route list 3
	contains "$stderr" 'shrbufctl route list.'
	usage route show
	contains "$stderr" 'shrbufctl route show ROUTE.'
	usage route stop 3 7
	contains "$stderr" 'shrbufctl route stop ROUTE.'
	usage route create 0
	contains "$stderr" 'shrbufctl route create CAMERA DISPLAY.'
	usage --json route create 0 0 0
}

@test "a priority is from 1 to 99, and for create only" {
	for priority in 0 100 x '' -1; do
		usage route create 0 0 --priority "$priority"
		contains "$stderr" "'$priority' is not a priority"
	done
	usage route list --priority 3
	contains "$stderr" 'Only route create'
	usage list --priority 3
	contains "$stderr" 'list has no option -p'
}

@test "list shows routes and sinks" {
	ctl route list
	equal 0 "$status"
	equal '' "$stderr"
	equal 4 "${#lines[@]}"
	contains "${lines[2]}" 'card0_plane_33'
	ctl --json route list
	equal 0 "$status"
	json '.command == "route" and .action == "list" and .ok'
	json '[.routes[].route] == [3, 3, 7]'
	json '.routes[1] == {route: 3, sink: 1, type: "display", target: "card0_plane_33",
		state: "ready", error: 0, in: 69, shown: 60, newer: 5, held: 2, damaged: 0,
		holds: 3, waiting: 2, cpu: 7000, pid: 1001, comm: "shrbufctl"}'
}

@test "list says how to make a route if there is none" {
	sed -i '2,$d' "$SHRBUF_DEBUGFS/routes"
	ctl route list
	equal 0 "$status"
	contains "$output" 'shrbufctl route create CAMERA DISPLAY'
	ctl route list --json
	json '.routes == []'
}

@test "list says what is missing" {
	FAKE_OPEN="/dev/shrbuf=0 $SHRBUF_DEBUGFS/routes=13" ctl route list
	equal 1 "$status"
	contains "$stderr" 'as root'
	rm "$SHRBUF_DEBUGFS/routes"
	ctl route list
	equal 1 "$status"
	contains "$stderr" 'does not list routes'
	contains "$stderr" 'shrbufctl version'
	rmdir "$SHRBUF_DEBUGFS"
	ctl route list
	equal 1 "$status"
	contains "$stderr" 'mount -t debugfs'
	FAKE_OPEN='' ctl --json route list
	equal 1 "$status"
	json '.action == "list" and .ok == false and .error.errno == "ENOENT"'
	json '.error.message | test("modprobe shrbuf")'
}

@test "show shows one of them" {
	ctl --json route show 3
	equal 0 "$status"
	json '.action == "show" and [.routes[].sink] == [0, 1]'
	ctl route show 7
	equal 2 "${#lines[@]}"
	contains "$output" video2
}

@test "a route that is none is named, and it is said where to find one" {
	for action in show stop; do
		for name in x '' -3 3x 0 99999999999; do
			ctl route "$action" -- "$name"
			equal 1 "$status"
			contains "$stderr" "'$name' is not the number of a route"
			contains "$stderr" 'shrbufctl route list'
		done
		ctl route "$action" 4
		equal 1 "$status"
		contains "$stderr" 'There is no route 4'
		contains "$stderr" 'shrbufctl route list'
	done
	ctl --json route stop 4
	json '.action == "stop" and .ok == false and .error.errno == "ENOENT"'
}

@test "a route whose program does not have it any more is not stopped" {
	export FAKE_PROCESS='1001:3=9 1002:3=9'
	fake_process 1001 shrbufctl 3
	fake_process 1002 viewer 3
	for route in 3 7; do
		ctl route stop "$route"
		equal 1 "$status"
		contains "$stderr" 'does not have it any more'
	done
}

@test "a route of another program may not be everybody's to stop" {
	# the file is found, and cannot be had
	export FAKE_PROCESS='1002:3=1'
	fake_process 1002 viewer 3
	printf 'pos:\t0\n7\t0\tsource\tvideo2\tfailed\n' >"$SHRBUFCTL_ROOT/proc/1002/fdinfo/3"
	ctl route stop 7
	equal 1 "$status"
	contains "$stderr" 'as its user or as root'
	contains "$stderr" '(EPERM)'
	# nor asked for more
	ctl --json route show 7
	equal 0 "$status"
}

@test "create says what is wrong with the camera and the display" {
	FAKE_OPEN='/dev/video0=0' ctl route create 0 0
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
	ctl route create 5 0
	equal 1 "$status"
	contains "$stderr" '/dev/video5: There is no such device'
	ctl route create 0 /dev/null
	equal 1 "$status"
	contains "$stderr" '/dev/null: This is not a display'
	contains "$stderr" 'ls /dev/dri/card'
	ctl --json route create 0 no-card
	equal 1 "$status"
	json '.command == "route" and .action == "create" and .ok == false'
	json '.target == "/dev/dri/no-card" and .error.errno == "ENOENT"'
}

@test "top shows routes to root, and does without them" {
	fake_listings
	fake_buffers
	ctl top --once
	equal 0 "$status"
	contains "$output" card0_plane_33
	ctl top --json
	json '.routes | length == 3'
	rm "$SHRBUF_DEBUGFS/routes"
	ctl top --json
	equal 0 "$status"
	json 'has("routes") | not'
	ctl top --once
	equal 0 "$status"
	[[ $output != *SINK* ]]
}
