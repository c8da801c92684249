#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# Tests of what shrbufctl tells of the whole system: top, trace, doctor.

load helper

setup() {
	fake_reset
	fake_listings
	fake_buffers
	DIR=$BATS_TEST_TMPDIR
	ROOT=$SHRBUFCTL_ROOT
}

# top

@test "top shows buffers, their owners, and the memory of each process" {
	ctl top
	equal 0 "$status"
	equal '' "$stderr"
	equal 'Shared buffers: 3, bytes: 8912897 (8.5 MiB); of these without a process: 1, bytes: 614400 (600.0 KiB)

 PID  BUFFERS               SIZE              SHARE  PROCESS
1001        2  8298497 (7.9 MiB)  4151297 (4.0 MiB)  camera app
1002        1  8294400 (7.9 MiB)  4147200 (4.0 MiB)  viewer

ID                SIZE  STATE   CHANGE     AGE  HOLDS  DEVICES  OWNERS                       NAME
 1  614400 (600.0 KiB)  empty        7  1.5 ms      2  -        -                            queue
12   8294400 (7.9 MiB)  filled       7  1.5 ms      2  -        camera app/1001,viewer/1002  test pattern
13      4097 (4.0 KiB)  error        7  1.5 ms      2  -        camera app/1001              small' \
		"$output"
}

@test "top as JSON: shares and what nobody has add up to the total of the listing" {
	fake_process 1004 third 121
	ctl top --json
	equal 0 "$status"
	equal 1 "${#lines[@]}"
	json '.command == "top" and .ok and .scope == "system" and .denied == 0'
	json '.total == {buffers: 3, size: (614400 + 8294400 + 4097)}'
	json '.unowned == {buffers: 1, size: 614400}'
	json '([.processes[].share] | add) + .unowned.size == .total.size'
	json '.buffers[1].owners == [
		{pid: 1001, process: "camera app", fds: [5], mapped: false},
		{pid: 1002, process: "viewer", fds: [3, 4], mapped: true},
		{pid: 1004, process: "third", fds: [], mapped: true}]'
	json '[.processes[] | select(.pid == 1002) | .size, .buffers] == [8294400, 1]'
	# what the module says of a buffer is there as in list
	json '.buffers[2] | .id == 13 and .state == "error" and .age == 1500000'
}

@test "shares of a size that cannot be divided differ by one byte" {
	fake_process 1004 third 131
	ctl top --json
	json '[.processes[] | select(.pid == 1004) | .share] == [2048]'
	json '([.processes[].share] | add) + .unowned.size == .total.size'
}

@test "top without the column of inodes asks the buffers themselves" {
	cut -f 1-10,12 "$SHRBUF_DEBUGFS/buffers" >"$DIR/new"
	mv "$DIR/new" "$SHRBUF_DEBUGFS/buffers"
	ctl top --once --json
	equal 0 "$status"
	json '[.buffers[].owners | map(.pid)] == [[], [1001, 1002], [1001]]'
	json '.buffers[1].owners[1].mapped'
	grep -q '^info' "$FAKE_LOG"
}

@test "top with the column of inodes asks no buffer" {
	ctl top
	equal '' "$(cat "$FAKE_LOG")"
}

@test "top takes a listing of an older module" {
	fake_listings
	ctl top --json
	equal 0 "$status"
	json '.total == {buffers: 2, size: 8908800} and .buffers[0].id == 1'
	json '[.buffers[].owners | map(.pid)] == [[], [1001, 1002]]'
	ctl top
	contains "$output" 'vivid-000-vid-cap 0'
}

@test "top for others than root shows what their processes have" {
	FAKE_OPEN="/dev/shrbuf=0 $SHRBUF_DEBUGFS/buffers=13" ctl top --json
	equal 0 "$status"
	json '.scope == "own" and .total == {buffers: 2, size: 8298497}'
	json '[.buffers[].id] | sort == [12, 13]'
	json '.buffers[0] | .state == "filled" and .seq == 7 and .holds == 2 and .age > 0'
	json '([.processes[].share] | add) == .total.size and .unowned.size == 0'
	FAKE_OPEN="/dev/shrbuf=0 $SHRBUF_DEBUGFS/buffers=13" ctl top
	contains "$output" 'Root sees all: sudo shrbufctl top.'
}

@test "top of nothing, and of processes that end meanwhile" {
	empty_listings
	ctl top
	equal 0 "$status"
	equal 'Shared buffers: 0, bytes: 0; of these without a process: 0, bytes: 0' "$output"
	rm "$ROOT/proc/1001/comm" "$ROOT/proc/1002/maps"
	rm -r "$ROOT/proc/1002/fd"
	fake_buffers_listing=$(printf 'id\tsize\tinodes\n13\t10\t131\n')
	echo "$fake_buffers_listing" >"$SHRBUF_DEBUGFS/buffers"
	ctl top --json
	equal 0 "$status"
	json '[.processes[] | [.pid, .process]] == [[1001, "?"]]'
}

@test "names of processes cannot send control characters" {
	printf '\033[2Jx\n' >"$ROOT/proc/1001/comm"
	ctl top
	contains "$output" '?[2Jx/1001'
}

@test "top on a terminal fits on it, and a signal ends it" {
	cat >"$DIR/terminal.py" <<-'E'
		import fcntl, os, pty, signal, struct, sys, termios
		pid, fd = pty.fork()
		if not pid:
		    os.execve(sys.argv[1], [sys.argv[1], "top"], os.environ)
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 6, 40, 0, 0))
		out = b""
		# the second screen has the right size for sure
		while out.count(b"\x1b[H") < 3:
		    out += os.read(fd, 4096)
		os.kill(pid, signal.SIGINT)
		try:
		    while True:
		        more = os.read(fd, 4096)
		        if not more:
		            break
		        out += more
		except OSError:
		    pass
		_, status = os.waitpid(pid, 0)
		screen = out.split(b"\x1b[H")[2].decode()
		lines = [l.replace("\x1b[K", "").replace("\x1b[J", "") for l in screen.split("\r\n")]
		assert len(lines) == 6, lines
		assert max(map(len, lines)) <= 40, lines
		assert lines[0].startswith("Shared buffers: 3"), lines
		assert lines[5] == "...", lines
		assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, status
	E
	env LD_PRELOAD="$FAKE" python3 "$DIR/terminal.py" "$SHRBUFCTL"
}

@test "top without the module says how to load it" {
	rm -r "$SHRBUF_DEBUGFS"
	FAKE_OPEN='' ctl top
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
	FAKE_OPEN='' ctl top --json
	equal 1 "$status"
	json '.command == "top" and .ok == false and .error.errno == "ENOENT"'
}

# trace

# fake_trace PID: the instance that the kernel would make for this process
fake_trace() {
	local dir=$ROOT/sys/kernel/tracing/instances/shrbufctl-$1

	mkdir -p "$dir/events/shrbuf"
	: >"$dir/events/shrbuf/enable"
	mkfifo "$dir/trace_pipe"
	printf '%s' "$dir"
}

# traced FILE ARG...: runs trace with the text of FILE as what the kernel says, to
# $DIR/out
traced() {
	local text=$1

	shift
	export TRACE_TEXT=$text
	# shellcheck disable=SC2016 # the inner shell expands these
	run env FAKE="$FAKE" bash -c '
		dir=$1/sys/kernel/tracing/instances/shrbufctl-$$
		mkdir -p "$dir/events/shrbuf"
		: >"$dir/events/shrbuf/enable"
		mkfifo "$dir/trace_pipe"
		cat "$TRACE_TEXT" >"$dir/trace_pipe" &
		shift
		LD_PRELOAD=$FAKE exec "$@"' - "$ROOT" "$SHRBUFCTL" trace "$@"
}

@test "trace prints events for people, and turns them off at the end" {
	cat >"$DIR/text" <<-'E'
		   camera app-1001    [001] d..1.  3050.123456: shrbuf_create: id=12 size=8294400 backing=pages name=test pattern
		CPU:1 [LOST 3 EVENTS]
		            <...>-17      [000] .....  3050.200000: shrbuf_device_attach: id=12 dev=0000:00:02.0
		            <...>-1001    [000] .....  3050.250000: shrbuf_hold: id=12
		            [1] x-18      [000] .....  3050.300000: shrbuf_new: what=ever
		           modprob-19     [000] .....  3050.400000: shrbuf_queue_attach: node=video0
		           modprob-19     [000] .....  3050.500000: shrbuf_queue_attach: node=video1
	E
	traced "$DIR/text" --count 5
	equal '3050.123456  camera app-1001  buffer made: id=12 size=8294400 backing=pages name=test pattern
Events were lost here, there are too many.
3050.200000  ?-17  device imports a buffer: id=12 dev=0000:00:02.0
3050.250000  camera app-1001  frame held: id=12
3050.300000  [1] x-18  new: what=ever
3050.400000  modprob-19  video device attached: node=video0' "$(grep -v '^shrbufctl:' <<<"$output")"
	# A directory of files cannot be removed as the kernel's can, so that is said.
	equal 1 "$status"
	contains "$output" 'Do it as root: rmdir'
	equal 0 "$(cat "$ROOT"/sys/kernel/tracing/instances/*/events/shrbuf/enable)"
}

@test "trace as JSON has the fields with types" {
	cat >"$DIR/text" <<-'E'
		   camera app-1001    [001] d..1.  3050.123456: shrbuf_create: id=12 size=8294400 backing=pages name=a b=c 7
		            <...>-17      [000] .....  3050.200000: shrbuf_device_attach: id=12 dev=0000:00:02.0
		            <...>-17      [000] .....  3050.200000: shrbuf_odd: nothing like a field
	E
	traced "$DIR/text" --count 3 --json
	output="[${lines[0]},${lines[1]},${lines[2]}]"
	json '.[0] == {event: "shrbuf_create", time: 3050.123456, process: "camera app", pid: 1001,
		cpu: 1, fields: {id: 12, size: 8294400, backing: "pages", name: "a b=c 7"}}'
	json '.[1].fields == {id: 12, dev: "0000:00:02.0"}'
	json '.[2].fields == {}'
}

@test "trace removes what a killed trace has left, and no other" {
	# a process that has ended
	bash -c 'echo $$' >"$DIR/pid"
	mkdir -p "$ROOT/sys/kernel/tracing/instances/"{"shrbufctl-$(cat "$DIR/pid")","shrbufctl-$$",other}
	ctl trace
	equal 1 "$status"
	equal "other
shrbufctl-$$" "$(cd "$ROOT/sys/kernel/tracing/instances"; ls -d other "shrbufctl-$$")"
	[ ! -e "$ROOT/sys/kernel/tracing/instances/shrbufctl-$(cat "$DIR/pid")" ]
}

@test "trace without tracefs, without the module, and without its events" {
	ctl trace
	equal 1 "$status"
	contains "$stderr" 'mount -t tracefs'
	FAKE_OPEN='' ctl trace
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
	mkdir -p "$ROOT/sys/kernel/tracing/instances"
	ctl trace --json
	equal 1 "$status"
	json '.command == "trace" and .ok == false and (.error.message | test("no trace events"))'
	# and leaves nothing
	equal '' "$(ls "$ROOT/sys/kernel/tracing/instances")"
}

# doctor

# A system on which all is well.
healthy() {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	FAKE_GROUP=$(getent group video | cut -d: -f3)
	export FAKE_GROUP
	release=$(sed -n "s/^\tversion: '\(.*\)',/\1/p" "$TOP/meson.build")
	abi=$(sed -n 's/^#define SHRBUF_ABI_VERSION[[:space:]]*//p' \
		"$TOP/include/uapi/linux/shrbuf.h")
	export FAKE_VERSION="$abi:63:$release"
	printf 'none /sys/kernel/%s %s rw 0 0\n' debug debugfs tracing tracefs >"$ROOT/proc/mounts"
	mkdir -p "$ROOT/sys/class/video4linux/"{video0,v4l-subdev0} "$ROOT/sys/module/shrbuf" \
		"$ROOT/sys/module/module/parameters" "$ROOT/sys/kernel/security" \
		"$ROOT/lib/modules/$(uname -r)/updates" "$ROOT/sys/firmware/efi/efivars"
	echo N >"$ROOT/sys/module/module/parameters/sig_enforce"
	echo '[none] integrity confidentiality' >"$ROOT/sys/kernel/security/lockdown"
	printf '%s\n' 'kernel/x.ko:' 'updates/shrbuf.ko: kernel/x.ko' \
		>"$ROOT/lib/modules/$(uname -r)/modules.dep"
	echo module >"$ROOT/lib/modules/$(uname -r)/updates/shrbuf.ko"
}

# The module is installed but not loaded.
unload() {
	export FAKE_OPEN='/dev/video0=0'
	rmdir "$ROOT/sys/module/shrbuf"
}

# problem CHECK WORDS: doctor finds just this problem
problem() {
	ctl doctor
	echo "$output"
	equal 1 "$status"
	contains "$output" "$2"
	equal 1 "$(grep -c '^problem ' <<<"$output")"
	contains "$output" '1 problem.'
	ctl doctor --json
	equal 1 "$status"
	json ".ok == false and [.checks[] | select(.level == \"problem\") | .check] == [\"$1\"]"
}

@test "doctor finds nothing wrong with a healthy system, and changes nothing" {
	healthy
	ctl doctor
	echo "$output"
	equal 0 "$status"
	equal '' "$stderr"
	contains "$output" 'Nothing is wrong.'
	[[ $output != *problem* && $output != *note* ]]
	equal 'version
test /dev/video0' "$(cat "$FAKE_LOG")"
	ctl doctor --json
	equal 0 "$status"
	json '.command == "doctor" and .ok and ([.checks[].check] | unique) ==
		["access", "debugfs", "module", "version", "video"]'
}

@test "doctor: the module is installed but not loaded" {
	healthy
	unload
	problem module 'installed but not loaded. Load it as root: modprobe shrbuf'
}

@test "doctor: the module is not installed for this kernel" {
	healthy
	unload
	sed -i /shrbuf/d "$ROOT/lib/modules/$(uname -r)/modules.dep"
	problem module "not installed for this kernel, $(uname -r). Build and install it"
	rm -r "$ROOT/lib/modules"
	problem module 'modules_install'
}

@test "doctor: the module is loaded but its device is not there" {
	healthy
	export FAKE_OPEN='/dev/video0=0'
	problem module 'there is no /dev/shrbuf here. In a container'
}

@test "doctor: secure boot and a module without a signature" {
	healthy
	unload
	echo 'none [integrity] confidentiality' >"$ROOT/sys/kernel/security/lockdown"
	problem module 'only signed modules, and'
	printf '\6\0\0\0\1' >"$ROOT/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	problem module 'because secure boot is on'
	contains "$output" 'Install the package mokutil'
	mkdir -p "$ROOT/usr/bin"
	: >"$ROOT/usr/bin/mokutil"
	ctl doctor
	[[ $output != *'Install the package mokutil'* ]]
	echo '~Module signature appended~' >>"$ROOT/lib/modules/$(uname -r)/updates/shrbuf.ko"
	problem module 'only trusted signatures are taken'
}

@test "doctor: a kernel that enforces signatures without secure boot" {
	healthy
	unload
	echo Y >"$ROOT/sys/module/module/parameters/sig_enforce"
	problem module 'only signed modules, and'
	# one that is compressed cannot be looked into
	sed -i 's/shrbuf.ko/shrbuf.ko.xz/' "$ROOT/lib/modules/$(uname -r)/modules.dep"
	problem module 'not loaded. Load it'
}

@test "doctor: module and program of different releases" {
	healthy
	FAKE_VERSION="$abi:63:0.0.7" problem version 'The module is release 0.0.7, this program'
	FAKE_VERSION="0:63:$release" problem version 'knows interface 0'
	FAKE_VERSION=25 problem version 'its module does not know the request'
}

@test "doctor: the device is for a group that the user is not in" {
	healthy
	export FAKE_OPEN='/dev/shrbuf=13 /dev/video0=0'
	# the user of this test is in few groups
	FAKE_GROUP=$(getent group tape | cut -d: -f3) problem access \
		"the group tape may. Join it as root, then log in again: usermod -aG tape $(id -un)"
	FAKE_GROUP=$(id -g) FAKE_MODE=600 problem access 'Only root may use /dev/shrbuf'
	FAKE_GROUP=0 problem access 'no rule of udev gave it to a group. Install the rules'
}

@test "doctor: the device is for root only, and the user is root" {
	healthy
	FAKE_GROUP=0 ctl doctor
	equal 0 "$status"
	contains "$output" 'note     /dev/shrbuf has not the owner and mode'
}

@test "doctor: debugfs and tracefs are not mounted" {
	healthy
	sed -i /debugfs/d "$ROOT/proc/mounts"
	problem debugfs 'mount -t debugfs none /sys/kernel/debug'
	healthy
	sed -i /tracefs/d "$ROOT/proc/mounts"
	problem tracefs 'mount -t tracefs none /sys/kernel/tracing'
}

@test "doctor: the listing is for root only, is hidden by lockdown, or is damaged" {
	healthy
	FAKE_OPEN="$FAKE_OPEN $SHRBUF_DEBUGFS/buffers=13" ctl doctor
	equal 0 "$status"
	contains "$output" 'note     Only root can see the buffers of all users'
	echo '[integrity]' >"$ROOT/sys/kernel/security/lockdown"
	FAKE_OPEN="$FAKE_OPEN $SHRBUF_DEBUGFS/buffers=1" problem debugfs 'locked down and hides debugfs'
	echo >"$SHRBUF_DEBUGFS/buffers"
	echo x >>"$SHRBUF_DEBUGFS/buffers"
	printf 'id\n-\n' >"$SHRBUF_DEBUGFS/buffers"
	problem debugfs 'not as expected'
}

@test "doctor: a driver that does not tell about its queue" {
	healthy
	FAKE_QUEUE='/dev/video0=95' problem video \
		'/dev/video0 cannot be attached: its driver fakecam does not tell'
	# V4L2_CAP_VIDEO_M2M_MPLANE
	FAKE_CAPS='/dev/video0=16384' FAKE_QUEUE='/dev/video0=95' ctl doctor
	equal 0 "$status"
	contains "$output" 'note     /dev/video0 (driver fakecam) converts frames'
	# V4L2_CAP_META_CAPTURE has no frames
	FAKE_CAPS='/dev/video0=8388608' FAKE_QUEUE='/dev/video0=95' ctl doctor
	equal 0 "$status"
	contains "$output" 'There is no video device'
}

@test "doctor: what the module says of video devices" {
	healthy
	contains "$(ctl doctor; echo "$output")" 'shrbufctl attach /dev/video0'
	while read -r number level words; do
		FAKE_QUEUE="/dev/video0=$number" ctl doctor
		contains "$output" "$level"
		contains "$output" "$words"
	done <<-E
		114 ok /dev/video0 (driver fakecam) is attached
		16 note /dev/video0 (driver fakecam) is in use
		19 problem /dev/video0: The device was removed
	E
	# a module that cannot test is asked otherwise
	export FAKE_OLD=1
	: >"$FAKE_LOG"
	while read -r number level words; do
		FAKE_QUEUE="/dev/video0=$number" ctl doctor
		contains "$output" "$level"
		contains "$output" "$words"
	done <<-E
		2 ok /dev/video0 (driver fakecam) is attached
		107 ok shrbufctl attach /dev/video0
		25 note too old to tell whether /dev/video0
		19 problem /dev/video0: The device was removed
		95 problem /dev/video0 cannot be attached
	E
	equal 'unwatch /dev/video0
version' "$(sort -u "$FAKE_LOG")"
	unset FAKE_OLD
	FAKE_CAPS='/dev/video0=0' problem video '/dev/video0 does not say what it is'
	FAKE_OPEN='/dev/shrbuf=0 /dev/video0=16' problem video 'Another program uses the device'
	FAKE_OPEN='/dev/shrbuf=0 /dev/video0=13' FAKE_GROUP=$(getent group tape | cut -d: -f3) \
		problem access "may not use /dev/video0, the group tape may. Join it"
}

@test "doctor: no video device at all" {
	healthy
	rm -r "$ROOT/sys/class"
	ctl doctor
	equal 0 "$status"
	contains "$output" 'There is no video device. Plug in a camera'
}
