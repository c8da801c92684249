# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What both demonstrations share in the guest. Sourced, not run. Those who source it set
# $shrbufctl, $out, $screenshots, $camera and $camera_minor. It sets $pid to the program
# that runs, or to nothing.

# shellcheck disable=SC2154

tracefs=/sys/kernel/tracing
trace=$tracefs/instances/demo
# The pictures are taken after the first number of frames; the program is stopped
# after the second one.
picture_at=40
frames=100
pid=

say() { printf '%s\n' "$*"; }
indent() { sed 's/^/    /'; }
die() { say "$*" >&2; exit 1; }

# wait_for LOG COMMAND...: until COMMAND succeeds; LOG is what the program $pid
# writes. No time limit: the runner has one.
wait_for() {
	local log=$1
	shift

	until "$@"; do
		if ! kill -0 "$pid" 2>/dev/null; then
			tail -n 20 "$log" >&2
			die "The program ended early. Its last words are above."
		fi
		sleep 0.1
	done
}

# node NAME: the device node of a video device with this name
node() {
	local name

	for name in /sys/class/video4linux/video*/name; do
		if [ "$(cat "$name")" = "$1" ]; then
			name=${name%/name}
			echo "/dev/${name##*/}"
			return 0
		fi
	done
	die "There is no video device with the name $1."
}

minor() { cut -d: -f2 "/sys/class/video4linux/${1##*/}/dev"; }

# card DRIVER: the directory of a display in debugfs
card() {
	local name

	for name in /sys/kernel/debug/dri/*/name; do
		if grep -q "^$1 " "$name"; then
			echo "${name%/name}"
			return 0
		fi
	done
	die "There is no display of the driver $1."
}

## Trace

trace_on() {
	local probe

	mkdir "$trace"
	# The kernel replaces $arg2.
	# Who maps frames through the video device? shrbuf_mmap does not see that.
	# Which framebuffers does a display show? The structures are those of drm_mode.h.
	# shellcheck disable=SC2016
	for probe in 'p:demo/v4l2_mmap v4l2_mmap' \
		'p:demo/show drm_mode_setcrtc fb=+16($arg2):u32' \
		'p:demo/show drm_mode_setplane fb=+8($arg2):u32' \
		'p:demo/show drm_mode_page_flip_ioctl fb=+4($arg2):u32'; do
		echo "$probe" >>"$tracefs/kprobe_events" ||
			die "The kernel cannot probe '$probe' (CONFIG_KPROBE_EVENTS)."
	done
	local event
	for event in shrbuf v4l2/v4l2_dqbuf v4l2/v4l2_qbuf demo; do
		echo 1 >"$trace/events/$event/enable"
	done
}

trace_off() {
	[ -d "$trace" ] || return 0
	echo 0 >"$trace/events/enable"
	rmdir "$trace"
	echo >"$tracefs/kprobe_events"
}

trace_clear() { echo >"$trace/trace"; }
count() { grep -c ": $1: ${2:-}" "$trace/trace" || true; }
# captured NUMBER: so many frames have left the camera
captured() { [ "$(count v4l2_dqbuf "minor = $camera_minor,")" -ge "$1" ]; }

## A camera on a display

# show PART DRIVER COMMAND...: COMMAND shows frames of $camera on this display until it
# gets SIGINT. On cirrus, screenshots are taken after the numbers of frames in
# $screenshots.
show() {
	local driver=$2 dir=$out/$1 debug device status=0 number
	shift 2

	mkdir -p "$dir"
	debug=$(card "$driver")
	device=$(sed 's/.* dev=\([^ ]*\).*/\1/' "$debug/name")
	printf 'driver=%s\ndevice=%s\nminor=%s\n' "$driver" "$device" "$camera_minor" >"$dir/facts"

	trace_clear
	"$@" >"$dir/log" 2>&1 &
	pid=$!
	wait_for "$dir/log" captured $picture_at
	"$shrbufctl" list | tee "$dir/list" | indent
	"$shrbufctl" --json list >"$dir/list.json"
	# Only what is asked: the rest of these files has addresses in it.
	grep -E '^(plane|framebuffer)\[|^	(fb=|allocated by)|imported=' "$debug/framebuffer" \
		"$debug/state" -h >"$dir/framebuffers"
	if [ "$driver" = cirrus ]; then
		for number in $screenshots; do
			wait_for "$dir/log" captured "$number"
			guest-screenshot "$dir/picture-$number.png"
		done
	else
		# A display without a screen, but it has checksums of its pictures.
		echo auto >"$debug/crtc-0/crc/control"
		# Each read gives one, and a zero byte. A busy machine may show no new frame
		# for a while.
		for ((number = 0; number < 40; number++)); do
			dd if="$debug/crtc-0/crc/data" bs=4096 count=30 status=none |
				tr -d '\0' >>"$dir/checksums"
			[ "$(awk '{ print $2 }' "$dir/checksums" | sort -u | wc -l)" -lt 2 ] || break
		done
	fi
	wait_for "$dir/log" captured $frames
	kill -INT $pid
	wait $pid || status=$?
	pid=
	cat "$trace/trace" >"$dir/trace"
	echo "status=$status" >>"$dir/facts"
	echo "${1##*/} has ended with status $status." | indent
}

# show_gst PART DRIVER: by gst-launch-1.0
show_gst() {
	local pipeline

	pipeline=(v4l2src "device=$camera" io-mode=dmabuf !
		"video/x-raw,format=BGRx,width=640,height=480" !
		fpsdisplaysink text-overlay=false sync=false fps-update-interval=1
		"video-sink=kmssink driver-name=$2 force-modesetting=true")
	say "$2: gst-launch-1.0 ${pipeline[*]:0:${#pipeline[@]}-1} \"${pipeline[-1]}\""
	GST_DEBUG_NO_COLOR=1 GST_DEBUG=GST_PERFORMANCE:4,kmssink:4 \
		show "$1" "$2" gst-launch-1.0 -e -v "${pipeline[@]}"
}
