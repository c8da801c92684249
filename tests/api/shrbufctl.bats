#!/usr/bin/env -S bats --tap
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# shrbufctl on real buffers: those of the first camera of vivid, and its own. Runs in a
# guest.

bats_require_minimum_version 1.5.0

setup_file() {
	modprobe shrbuf
	camera=$(node)
	export camera
}

setup() {
	ctl=$BATS_TEST_DIRNAME/../../build/user/tools/shrbufctl/shrbufctl
	jobs=()
	out=$BATS_TEST_TMPDIR/out
}

teardown() {
	for job in "${jobs[@]}"; do
		kill "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	done
	"$ctl" detach "$camera" || true
	chmod 660 /dev/shrbuf
}

# The node of the first camera.
node() {
	local node

	for node in /dev/video*; do
		if v4l2-ctl -d "$node" -D | grep -q 'Bus info.*vivid-000' &&
		   v4l2-ctl -d "$node" -D | sed -n '/Device Caps/,$p' | grep -q 'Video Capture$'; then
			echo "$node"
			return
		fi
	done
	return 1
}

# background COMMAND...: its output goes to $out
background() {
	"$@" >>"$out" 2>&1 3>&- &
	jobs+=($!)
}

# until_true COMMAND...
until_true() {
	local i

	for ((i = 0; i < 600; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	echo "This does not come true: $*"
	cat "$out"
	return 1
}

# json FILTER: it must be true for the output
json() {
	jq -e "$1" <<<"$output" >/dev/null || {
		echo "This is not true: $1, in: $output"
		return 1
	}
}

# hold ARG...: alloc that holds its buffers; sets pid and fd (of the first)
hold() {
	: >"$out"
	background "$ctl" alloc --json "$@"
	pid=$!
	until_true grep -q '"ok":true' "$out"
	fd=$(jq '.buffers[0].fd' "$out")
}

# camera_buffers: a program has four buffers of the camera, and streams; sets pid
camera_buffers() {
	"$ctl" attach "$camera"
	background "$BATS_TEST_DIRNAME/../../build/user/tests/api/export-camera" "$camera" 4
	pid=$!
	until_true shared_fds "$pid" 4
}

# shared_fds PID NUMBER: whether the process has so many file descriptors of buffers
shared_fds() {
	[ "$(grep -lx 'exp_name:	shrbuf' "/proc/$1/fdinfo/"* | wc -l)" -eq "$2" ]
}

# waits PID: whether the process watches already
waits() {
	find "/proc/$1/fd" -lname '*signalfd*' | grep -q .
}

no_buffers() {
	[ "$("$ctl" list --json | jq '.buffers | length')" -eq 0 ]
}

@test "watch tells each frame of a camera, and ends when it is detached" {
	"$ctl" attach "$camera"
	background "$ctl" watch "$camera" --json
	watch=$!
	until_true waits "$watch"
	v4l2-ctl -d "$camera" --stream-mmap=3 --stream-count=5
	until_true no_buffers
	"$ctl" detach "$camera"
	wait "$watch"
	output=$(jq -s . "$out")
	json '[.[] | select(.event == "filled") | .sequence][0:5] == [0, 1, 2, 3, 4]'
	json 'all(.[] | select(.event == "filled"); .bytesused > 0 and .index < 3)'
	json '[.[] | select(.event == "filling") | .index] | unique == [0, 1, 2]'
	json '.[-1].event == "gone" and .[-1].id == 0'
}

@test "watch of a buffer of another process ends when it is freed" {
	hold 64K --name watched
	: >"$out"
	background "$ctl" watch "$pid:$fd"
	watch=$!
	until_true waits "$watch"
	kill "$pid"
	wait "$watch"
	grep -qE "^[0-9.]+  $pid:$fd  buffer [0-9]+  gone\$" "$out"
}

@test "watch of a camera that is not attached fails" {
	run "$ctl" watch "$camera"
	[ "$status" -eq 1 ]
	[[ $output == *'not attached. Attach it first'* ]]
}

@test "info shows the buffers of a camera that a program has" {
	camera_buffers
	run "$ctl" info "$pid" --json
	[ "$status" -eq 0 ]
	json '.results | length == 4'
	json 'all(.results[]; .process == "export-camera" and .fds != [] and
		.backing == "vb2-vmalloc" and (.status | index("queue")) and .size > 0)'
	json '[.results[].id] | unique | length == 4'
	json 'all(.results[].frame.state; IN("empty", "filling", "filled", "error"))'
	number=$(jq '.results[1].fds[0]' <<<"$output")
	id=$(jq '.results[1].id' <<<"$output")
	run "$ctl" info "$pid:$number" --json
	[ "$status" -eq 0 ]
	json ".results[0].id == $id"
	run "$ctl" info "$pid"
	[ "$(grep -c '^[0-9]* (export-camera): fd [0-9]*.*: buffer [0-9]' <<<"$output")" -eq 4 ]
}

@test "info of file descriptors that are no buffers, and of processes that are not there" {
	hold 64K
	run "$ctl" info "$pid:0" "$pid:99" 4194304 "$pid:$fd" --json
	[ "$status" -eq 1 ]
	json '[.results[].error.errno] == ["EINVAL", "EBADF", "ESRCH", null]'
}

@test "alloc: what it says is what others see, and it ends with its program" {
	hold 600K --count 2 --name 'two words'
	output=$(cat "$out")
	json 'all(.buffers[]; .name == "two words" and .size == 614400 and .backing == "pages")'
	run "$ctl" list --json
	json '[.buffers[] | .name, .size] == ["two words", 614400, "two words", 614400]'
	kill "$pid"
	wait "$pid"
	until_true no_buffers
}

@test "alloc gives its buffers to a program" {
	# shellcheck disable=SC2016 # the inner shell expands these
	run "$ctl" alloc 4096 --count 3 --name inner -- bash -c \
		'for fd in $SHRBUF_FDS; do "$0" info --json "$fd" | jq -r ".results[].name"; done' "$ctl"
	[ "$status" -eq 0 ]
	[ "$output" = 'inner
inner
inner' ]
	until_true no_buffers
}

@test "alloc says what it cannot" {
	run "$ctl" alloc 0
	[ "$status" -eq 1 ]
	[[ $output == *'Ask for at least 1 byte'* ]]
	run "$ctl" alloc 4G
	[ "$status" -eq 1 ]
	[[ $output == *'(EINVAL)'* ]]
}

@test "top: the total is what the module lists, and what the kernel counts" {
	hold 600K --count 3
	camera_buffers
	run "$ctl" top --json
	[ "$status" -eq 0 ]
	json '.scope == "system" and .total.buffers == 7'
	listed=$("$ctl" list --json | jq '[.buffers[].size] | add')
	json ".total.size == $listed"
	json '([.processes[].share] | add) + .unowned.size == .total.size'
	json '[.processes[].process] | sort == ["export-camera", "shrbufctl"]'
	# the kernel's own list of dma-bufs: each of these buffers was exported once
	counted=$(awk '$5 == "shrbuf" { sum += $1 } END { print sum }' \
		/sys/kernel/debug/dma_buf/bufinfo)
	json ".total.size == $counted"
	run "$ctl" top
	[ "$(grep -c export-camera/ <<<"$output")" -eq 4 ]
}

@test "top: a buffer that two processes have counts once" {
	# shellcheck disable=SC2016 # the inner shell expands it
	background "$ctl" alloc 600K --name both -- bash -c 'sleep 1000 & trap "kill $!" TERM; wait'
	pid=$!
	owners() {
		[ "$("$ctl" top --json | jq '.processes | length')" -eq "$1" ]
	}
	until_true owners 2
	run "$ctl" top --json
	json '.total == {buffers: 1, size: 614400} and .unowned.size == 0'
	json '[.processes[] | .size, .share] == [614400, 307200, 614400, 307200]'
}

@test "top: a buffer of a queue that nobody has exported belongs to no process" {
	"$ctl" attach "$camera"
	background v4l2-ctl -d "$camera" --stream-mmap=3
	have() {
		[ "$("$ctl" top --json | jq .unowned.buffers)" -eq 3 ]
	}
	until_true have
	run "$ctl" top --json
	json '.processes == [] and .unowned == .total'
}

@test "top: a mapping is a share, also when no file descriptor is left" {
	head -1 /sys/kernel/debug/shrbuf/buffers | grep -qw inodes ||
		skip 'the module does not list inodes'
	cat >"$BATS_TEST_TMPDIR/map.py" <<-'E'
		import ctypes, os, time
		fd = int(os.environ["SHRBUF_FDS"])
		mmap = ctypes.CDLL(None).mmap
		mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
		mmap.restype = ctypes.c_void_p
		assert mmap(None, 65536, 3, 1, fd, 0) != ctypes.c_void_p(-1).value
		os.close(fd)
		print("mapped", flush=True)
		time.sleep(1000)
	E
	background "$ctl" alloc 64K --name map -- python3 "$BATS_TEST_TMPDIR/map.py"
	pid=$!
	until_true grep -q mapped "$out"
	run "$ctl" top --json
	json ".buffers[0].owners == [{pid: $pid, process: \"python3\", fds: [], mapped: true}]"
	json '.processes[0].share == 65536 and .unowned.size == 0'
	run "$ctl" info "$pid" --json
	json '.results[0].mapped and .results[0].id > 0'
}

@test "others than root see their own buffers, and learn who sees more" {
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${nobody[@]}" test -x "$ctl" || skip 'the project is where others may not read'
	chmod 666 /dev/shrbuf
	hold 64K --name 'of root'
	: >"$out"
	background "${nobody[@]}" "$ctl" alloc 600K --name 'of nobody'
	own=$!
	until_true grep -q 'Ctrl-C' "$out"
	run --separate-stderr "${nobody[@]}" "$ctl" top --json
	[ "$status" -eq 0 ]
	json '.scope == "own" and [.buffers[].name] == ["of nobody"] and .denied > 0'
	json ".buffers[0].owners[0].pid == $own and .total.size == 614400"
	run --separate-stderr "${nobody[@]}" "$ctl" info "$own" "$pid" --json
	[ "$status" -eq 1 ]
	json '.results[0].name == "of nobody" and .results[1].error.errno == "EACCES"'
	run "${nobody[@]}" "$ctl" info "$pid:$fd"
	[[ $output == *'(EPERM)'* ]]
	run "${nobody[@]}" "$ctl" list
	[[ $output == *'Only root'* ]]
	run "${nobody[@]}" "$ctl" trace
	[[ $output == *'Only root may trace'* ]]
	chmod 660 /dev/shrbuf
	run "${nobody[@]}" "$ctl" doctor
	[ "$status" -eq 1 ]
	[[ $output == *'problem  '* ]]
}

# The instance of a trace that runs.
tracing() {
	grep -qx 1 /sys/kernel/tracing/instances/shrbufctl-"$1"/events/shrbuf/enable
}

@test "trace prints what happens, and leaves no trace" {
	background "$ctl" trace --json
	trace=$!
	until_true tracing "$trace"
	"$ctl" alloc 600K --name 'traced buffer' -- true
	until_true grep -q '"event":"shrbuf_release"' "$out"
	[ "$(cat /sys/kernel/tracing/events/shrbuf/enable)" = 0 ]
	kill -INT "$trace"
	wait "$trace"
	output=$(jq -s . "$out")
	json 'any(.[]; .event == "shrbuf_create" and .pid > 1 and
		.fields.size == 614400 and .fields.name == "traced buffer")'
	[ -z "$(ls /sys/kernel/tracing/instances)" ]
	until_true no_buffers
}

@test "trace that was killed is cleaned up by the next one" {
	background "$ctl" trace
	trace=$!
	until_true tracing "$trace"
	kill -KILL "$trace"
	wait "$trace" || true
	tracing "$trace"
	background "$ctl" trace --count 1
	next=$!
	until_true tracing "$next"
	[ ! -e "/sys/kernel/tracing/instances/shrbufctl-$trace" ]
	"$ctl" alloc 4K -- true
	wait "$next"
	[ -z "$(ls /sys/kernel/tracing/instances)" ]
}

@test "trace and watch have the same clock" {
	hold 64K
	: >"$out"
	background "$ctl" trace --json --count 1
	trace=$!
	until_true tracing "$trace"
	before=$(awk '{ print $1 }' /proc/uptime)
	"$ctl" alloc 4K -- true
	wait "$trace"
	output=$(cat "$out")
	after=$(awk '{ print $1 }' /proc/uptime)
	# /proc/uptime has hundredths
	json ".time >= $before - 0.01 and .time <= $after + 0.01"
}

@test "doctor finds nothing wrong here, and tells what is attached" {
	run "$ctl" doctor
	[ "$status" -eq 0 ]
	[[ $output == *"ok       $camera (driver vivid) can be attached"* ]]
	"$ctl" attach "$camera"
	run "$ctl" doctor
	[ "$status" -eq 0 ]
	[[ $output == *"ok       $camera (driver vivid) is attached."* ]]
	# it has changed nothing
	[[ $("$ctl" attach "$camera") == *'was attached already' ]]
}

@test "doctor knows a device whose driver does not tell about its queue" {
	m2m=$(v4l2-ctl --list-devices 2>/dev/null | sed -n '/vim2m/,/^$/s/^\t\(.*video.*\)/\1/p')
	[ -n "$m2m" ] || skip 'vim2m is not loaded'
	run "$ctl" doctor
	[ "$status" -eq 0 ]
	[[ $output == *"note     $m2m (driver vim2m) converts frames"* ]]
}

@test "version names what the module can" {
	run "$ctl" version --json
	[ "$status" -eq 0 ]
	json '[.module.features[]] | contains(["attach", "alloc", "state", "watch", "hold", "adopt"])'
	json 'all(.module.features[]; startswith("bit") | not)'
}
