# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the clients share: devices, screenshots, and TAP. To be sourced by a
# script with "set -u" in a guest with a cirrus display.

build=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/user
shrbufctl=$build/tools/shrbufctl/shrbufctl
: "${GUEST_OUT:?runs in a guest, see tests/guest/run}"
work=
debugfs=
card=
camera=
pid=
number=0
# No real wait is as long, in tenths of a second.
patience=600

## TAP

# begin: finds the display, or ends the script
begin() {
	if ! find_card cirrus; then
		echo '1..0 # SKIP there is no display'
		exit 0
	fi
	work=$(mktemp -d)
	failed=0
}

# check NAME FUNCTION: a test; what it prints is shown if it fails
check() {
	local result=ok start=$SECONDS

	number=$((number + 1))
	"$2" >"$work/output" 2>&1 || result='not ok'
	stop_quietly >>"$work/output" 2>&1
	echo "$result $number - $1"
	echo "# $((SECONDS - start)) s"
	if [ "$result" != ok ]; then
		failed=1
		sed 's/^/# /' "$work/output"
		[ ! -e "$work/log" ] || sed 's/^/# log: /' "$work/log"
	fi
}

finish() {
	echo "1..$number"
	rm -rf "$work"
	exit "$failed"
}

## Waiting

# wait_for COMMAND...: until it succeeds
wait_for() {
	local i

	for ((i = 0; i < patience; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	echo "it never came true: $*"
	return 1
}

## Devices

# find_card DRIVER: sets $card and $debugfs
find_card() {
	local name

	for name in /sys/kernel/debug/dri/*/name; do
		if grep -q "^$1 " "$name"; then
			debugfs=${name%/name}
			# shellcheck disable=SC2034 # for those who source this
			card=/dev/dri/card${debugfs##*/}
			return 0
		fi
	done
	return 1
}

# node DRIVER: the first capture device of a driver
node() {
	local n info

	for n in /dev/video*; do
		info=$(v4l2-ctl -d "$n" -D)
		if grep -q "Driver name *: $1\$" <<<"$info" &&
		   sed -n '/Device Caps/,$p' <<<"$info" | grep -q 'Video Capture$'; then
			echo "$n"
			return
		fi
	done
	echo "there is no capture device of $1" >&2
	return 1
}

# video_named NAME: the video device with this name
video_named() {
	local name

	for name in /sys/class/video4linux/*/name; do
		if [ "$(cat "$name")" = "$1" ]; then
			name=${name%/name}
			echo "/dev/${name##*/}"
			return 0
		fi
	done
	return 1
}

# pattern NAME: what the camera sees
pattern() {
	local value

	case $1 in
	bars) value=1 ;;
	red) value=7 ;;
	green) value=8 ;;
	blue) value=9 ;;
	esac
	v4l2-ctl -d "$camera" -c "test_pattern=$value"
}

# What the display shows, without what differs from time to time.
display_state() {
	grep -E '^(plane|crtc)\[|^	(crtc|fb|enable|active|mode)=|crtc-pos=|^	mode: ' \
		"$debugfs/state"
}

no_buffers() {
	[ "$("$shrbufctl" --json list | jq '.buffers | length')" -eq 0 ]
}

# all five buffers of the camera are shared buffers that the display has imported
buffers_on_display() {
	local device

	device=$(sed 's/.* dev=\([^ ]*\).*/\1/' "$debugfs/name")
	[ "$("$shrbufctl" --json list |
		jq --arg dev "$device" '[.buffers[] | select(.devices == [$dev])] | length')" -eq 5 ]
}

## Programs

# launch COMMAND...: in the background, with its output in $work/log
launch() {
	"$@" >"$work/log" 2>&1 &
	pid=$!
}

# ended STATUS: the program ends, with this status
ended() {
	local status=0

	wait_for not_running || return
	wait "$pid" || status=$?
	pid=
	[ "$status" -eq "$1" ] || { echo "its status is $status, not $1"; return 1; }
}

not_running() { ! kill -0 "$pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$pid/status"; }

stop_quietly() {
	[ -n "$pid" ] || return 0
	kill -9 "$pid"
	wait "$pid"
	pid=
}

# says STATUS TEXT COMMAND...: it ends with the status and a sentence with the text
says() {
	local wanted=$1 text=$2 status=0

	shift 2
	timeout $((patience / 10)) "$@" >"$work/log" 2>&1 || status=$?
	if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" "$work/log"; then
		echo "$*: status $status, and what it says is not '$text':"
		cat "$work/log"
		return 1
	fi
}

logged() { grep -q "$1" "$work/log"; }

## The screen

# looks COLOUR... -- X,Y...: the pixels have these colours, or all have the only one.
# The parts of a colour are red, green and blue: 0 is dark, 1 is bright.
looks() {
	local wanted=() got red green blue i=0

	while [ "$1" != -- ]; do
		wanted+=("$1")
		shift
	done
	shift
	guest-screenshot "$work/shot.png" || return
	got=$("$build/tests/samples/pixels" "$work/shot.png" "$@") || return
	while read -r red green blue; do
		matches "${wanted[i < ${#wanted[@]} ? i : 0]}" "$red" "$green" "$blue" || {
			echo "pixel $((i + 1)) is $red $green $blue"
			return 1
		}
		i=$((i + 1))
	done <<<"$got"
}

# matches COLOUR RED GREEN BLUE
matches() {
	local colour=$1 i

	shift
	for i in 0 1 2; do
		case ${colour:i:1} in
		0) [ "$1" -lt 60 ] || return ;;
		1) [ "$1" -gt 120 ] || return ;;
		esac
		shift
	done
}

# another picture than that of the last call of looks
changed() {
	cp "$work/shot.png" "$work/before.png"
	guest-screenshot "$work/shot.png"
	! cmp -s "$work/before.png" "$work/shot.png"
}
