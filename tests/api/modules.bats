#!/usr/bin/env -S bats --tap
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading in every order, seen from a shell. Runs in a guest, last: it
# leaves the modules as it found them.

vivid_options=(n_devs=2 "multiplanar=1,2" "allocators=0,1")

setup() {
	ctl="$BATS_TEST_DIRNAME/../../build/user/tools/shrbufctl/shrbufctl"
	modprobe shrbuf
	modprobe vivid "${vivid_options[@]}"
	modprobe shrbuf_testdev
	# It uses shrbuf, which these tests unload.
	rmmod shrbuf_testcam 2>/dev/null || true
	camera=$(camera)
}

# The node of the first camera.
camera() {
	local node

	for node in /dev/video*; do
		if v4l2-ctl -d "$node" -D | grep -q 'Bus info.*vivid-000' &&
		   v4l2-ctl -d "$node" -D | sed -n '/Device Caps/,$p' |
			grep -q 'Video Capture$'; then
			echo "$node"
			return
		fi
	done
	return 1
}

@test "the camera can be attached, listed and detached by shrbufctl" {
	"$ctl" attach "$camera"
	"$ctl" list --json | jq -e --arg node "${camera#/dev/}" \
		'[.. | strings] | any(. == $node or . == "/dev/" + $node)'
	"$ctl" detach "$camera"
}

@test "the camera's module can be unloaded while attached" {
	"$ctl" attach "$camera"
	rmmod vivid
	run "$ctl" list --json
	[ "$status" -eq 0 ]
	[[ $output != *vivid* ]]
	modprobe vivid "${vivid_options[@]}"
	"$ctl" attach "$(camera)"
	"$ctl" detach "$(camera)"
}

@test "shrbuf cannot be unloaded while attached, and can afterwards" {
	rmmod shrbuf_testdev
	"$ctl" attach "$camera"
	run rmmod shrbuf
	[ "$status" -ne 0 ]
	"$ctl" detach "$camera"
	rmmod shrbuf
	[ ! -e /dev/shrbuf ]
	# the camera goes on without us
	v4l2-ctl -d "$camera" --stream-mmap --stream-count=3
}

@test "a camera that is removed while attached lets shrbuf go" {
	rmmod shrbuf_testdev
	"$ctl" attach "$camera"
	echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
	rmmod shrbuf
	rmmod vivid
}

@test "loading and unloading again and again, with a buffer each time" {
	for _ in 1 2 3 4 5; do
		rmmod shrbuf_testdev
		rmmod shrbuf
		modprobe shrbuf
		modprobe shrbuf_testdev
		"$ctl" attach "$camera"
		v4l2-ctl -d "$camera" --stream-mmap --stream-count=2
		"$ctl" detach "$camera"
	done
}

@test "unloading shrbuf races with the last put of a buffer" {
	rmmod shrbuf_testdev
	for _ in 1 2 3 4 5 6 7 8; do
		modprobe shrbuf
		"$ctl" attach "$camera"
		v4l2-ctl -d "$camera" --stream-mmap --stream-count=1 &
		for _ in $(seq 200); do
			"$ctl" detach "$camera" 2>/dev/null && break
			sleep 0.05
		done
		rmmod shrbuf
		wait $!
	done
}

@test "stock tools see no difference: v4l2-ctl in all memory types" {
	"$ctl" attach "$camera"
	v4l2-ctl -d "$camera" --stream-mmap --stream-count=5
	v4l2-ctl -d "$camera" --stream-user --stream-count=5
	v4l2-ctl -d "$camera" --stream-mmap --stream-count=2 --stream-to=/tmp/frame
	[ -s /tmp/frame ]
	"$ctl" detach "$camera"
}

@test "trace events tell the life of a buffer" {
	trace=/sys/kernel/tracing
	echo >"$trace/trace"
	echo 1 >"$trace/events/shrbuf/enable"
	"$ctl" attach "$camera"
	v4l2-ctl -d "$camera" --stream-mmap=3 --stream-count=3
	"$ctl" detach "$camera"
	echo 0 >"$trace/events/shrbuf/enable"
	grep -q shrbuf_queue_attach "$trace/trace"
	grep -q shrbuf_queue_detach "$trace/trace"
	[ "$(grep -c 'shrbuf_create:' "$trace/trace")" -ge 3 ]
	[ "$(grep -c 'shrbuf_create:' "$trace/trace")" = \
	  "$(grep -c 'shrbuf_release:' "$trace/trace")" ]
}

@test "trace events tell which device uses a buffer" {
	trace=/sys/kernel/tracing
	echo >"$trace/trace"
	echo 1 >"$trace/events/shrbuf/enable"
	"$BATS_TEST_DIRNAME/../../build/user/tests/api/test-export"
	echo 0 >"$trace/events/shrbuf/enable"
	grep -qE 'shrbuf_device_attach: id=[0-9]+ dev=.*vkms' "$trace/trace"
	# every device has gone again
	[ "$(grep -c 'shrbuf_device_attach:' "$trace/trace")" = \
	  "$(grep -c 'shrbuf_device_detach:' "$trace/trace")" ]
}

@test "debugfs is for root only, /dev/shrbuf not for the world" {
	[ "$(stat -c %a /sys/kernel/debug/shrbuf/buffers)" = 400 ]
	[ "$(stat -c %a /sys/kernel/debug/shrbuf/queues)" = 400 ]
	[ "$(stat -c %a /dev/shrbuf)" = 660 ]
}
