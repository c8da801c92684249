#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# Tests of shrbufctl on fakes of /dev/shrbuf, of video devices and of debugfs.

load helper

setup() {
	fake_reset
}

# command line

@test "--help lists every command and option" {
	ctl --help
	equal 0 "$status"
	equal '' "$stderr"
	for word in attach detach list info watch alloc top route trace world doctor version help \
		--json --count --name --once --priority --help --version SHRBUF_DEBUGFS SHRBUFCTL_ROOT; do
		contains "$output" "$word"
	done
	text=$output
	ctl help
	equal "$text" "$output"
	ctl attach -h
	equal 0 "$status"
	equal "$text" "$output"
}

@test "--version prints name and release" {
	release=$(sed -n "s/^\tversion: '\(.*\)',/\1/p" "$TOP/meson.build")
	ctl --version
	equal 0 "$status"
	equal "shrbufctl $release" "$output"
	ctl -V
	equal "shrbufctl $release" "$output"
}

@test "the release is the same in user space and in the module" {
	user=$(sed -n "s/^\tversion: '\(.*\)',/\1/p" "$TOP/meson.build")
	module=$(sed -n 's/^#define SHRBUF_RELEASE[[:space:]]*"\(.*\)"/\1/p' \
		"$TOP/drivers/media/shrbuf/shrbuf-priv.h")
	[ -n "$user" ]
	equal "$user" "$module"
}

# wrong ARG...: a command line that is not valid
wrong() {
	ctl "$@"
	equal 2 "$status"
	equal '' "$output"
	contains "$stderr" 'shrbufctl --help'
	equal '' "$(cat "$FAKE_LOG")"
}

@test "no command is a usage error" {
	wrong
	contains "$stderr" 'command is missing'
	wrong --json
}

@test "an unknown command is a usage error and is named" {
	wrong fly
	contains "$stderr" "'fly'"
	wrong --json fly
}

@test "an unknown option is a usage error and is named" {
	wrong --fly
	contains "$stderr" '--fly'
	wrong list --fly
	wrong -x list
	wrong --json=1 list
}

@test "attach and detach without a device are usage errors" {
	wrong attach
	contains "$stderr" 'needs a device'
	wrong detach --json
}

@test "info, watch and alloc without an argument are usage errors" {
	wrong info
	contains "$stderr" 'needs a buffer or a process'
	wrong watch
	contains "$stderr" 'needs a buffer or a device'
	wrong alloc
	contains "$stderr" 'needs a size'
}

@test "an option that a command does not take is a usage error" {
	wrong list --count 1
	contains "$stderr" 'list has no option -c'
	wrong --once watch 0
	contains "$stderr" 'watch has no option -o'
	wrong attach 0 --name x
	contains "$stderr" 'attach has no option -n'
}

@test "a count that is none is a usage error" {
	for count in 0 -1 x 1x '' 99999999999999999999; do
		wrong watch 0 --count "$count"
		contains "$stderr" "'$count' is not a number greater than zero"
	done
}

@test "commands that take no argument say so" {
	for command in list top trace doctor version help; do
		wrong "$command" 0
		contains "$stderr" 'takes no arguments'
	done
}

@test "help as JSON names the commands" {
	ctl --json help
	equal 0 "$status"
	json '[.commands[].name] == ["attach", "detach", "list", "info", "watch", "alloc", "top",
		"route", "trace", "world", "doctor", "version", "help"]'
}

@test "output that cannot be written is a failure" {
	# shellcheck disable=SC2016 # the inner shell expands these
	run --separate-stderr bash -c 'env LD_PRELOAD="$1" "$2" --help >/dev/full' \
		- "$FAKE" "$SHRBUFCTL"
	equal 1 "$status"
	contains "$stderr" 'cannot be written'
}

# attach and detach

@test "attach attaches, and says so" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	ctl attach /dev/video0
	equal 0 "$status"
	equal '/dev/video0: attached' "$output"
	equal '' "$stderr"
	equal 'attach /dev/video0' "$(cat "$FAKE_LOG")"
}

@test "detach detaches, and says so" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	ctl detach /dev/video0
	equal 0 "$status"
	equal '/dev/video0: detached' "$output"
	equal 'detach /dev/video0' "$(cat "$FAKE_LOG")"
}

@test "a device is a path, a name or a number" {
	export FAKE_OPEN="/dev/shrbuf=0 /dev/video3=0 /dev/video-front=0 $BATS_TEST_TMPDIR/cam=0"
	ctl attach 3 video3 /dev/video3 video-front "$BATS_TEST_TMPDIR/cam"
	equal 0 "$status"
	equal "attach /dev/video3
attach /dev/video3
attach /dev/video3
attach /dev/video-front
attach $BATS_TEST_TMPDIR/cam" "$(cat "$FAKE_LOG")"
}

@test "an empty name is no device" {
	export FAKE_OPEN='/dev/shrbuf=0'
	ctl attach ''
	equal 1 "$status"
	contains "$stderr" 'no such device'
}

@test "attach of an attached device succeeds" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' FAKE_QUEUE='/dev/video0=114'
	ctl attach 0
	equal 0 "$status"
	equal '/dev/video0: was attached already' "$output"
	equal '' "$stderr"
	ctl --json attach 0
	equal 0 "$status"
	json '.ok == true and .results == [{device: "/dev/video0", ok: true, already: true}]'
}

@test "detach of a device that is not attached succeeds" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' FAKE_QUEUE='/dev/video0=107'
	ctl detach 0
	equal 0 "$status"
	equal '/dev/video0: was not attached' "$output"
	equal '' "$stderr"
	ctl --json detach 0
	equal 0 "$status"
	json '.ok == true and .results == [{device: "/dev/video0", ok: true, already: true}]'
}

@test "what is no failure of attach is one of detach, and the reverse" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	FAKE_QUEUE='/dev/video0=107' ctl attach 0
	equal 1 "$status"
	FAKE_QUEUE='/dev/video0=114' ctl detach 0
	equal 1 "$status"
}

@test "each error of a device is a sentence that says what to do" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0'
	while read -r number name words; do
		for command in attach detach; do
			FAKE_QUEUE="/dev/video0=$number" ctl "$command" 0
			equal 1 "$status"
			equal '' "$output"
			contains "$stderr" "shrbufctl: /dev/video0: "
			contains "$stderr" "($name)"
			contains "$stderr" "$words"
		done
	done <<-E
		16 EBUSY Stop the program
		19 ENODEV Plug it in
		22 EINVAL v4l2-ctl --list-devices
		95 EOPNOTSUPP does not let shrbuf see its queue
	E
}

@test "several devices: goes on after a failure, exit status 1" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0 /dev/video1=0 /dev/video3=0'
	export FAKE_QUEUE='/dev/video1=16'
	ctl attach 0 1 2 3
	equal 1 "$status"
	equal '/dev/video0: attached
/dev/video3: attached' "$output"
	contains "$stderr" '/dev/video1: The device has buffers'
	contains "$stderr" '/dev/video2: There is no such device'
	ctl attach 0 1 2 3 --json
	equal 1 "$status"
	equal '' "$stderr"
	json '.command == "attach" and .ok == false'
	json '[.results[].device] == ["/dev/video0", "/dev/video1", "/dev/video2", "/dev/video3"]'
	json '[.results[].ok] == [true, false, false, true]'
	json '[.results[].error.errno] == [null, "EBUSY", "ENOENT", null]'
	json '.results[1].error.message | test("Stop the program")'
	json '.results[0] == {device: "/dev/video0", ok: true, already: false}'
}

@test "several devices: exit status 1 also if the last one succeeds, and all are done" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video1=0'
	ctl detach 0 1
	equal 1 "$status"
	equal 'detach /dev/video1' "$(cat "$FAKE_LOG")"
}

@test "errors of opening a device say what to do" {
	while read -r number words; do
		export FAKE_OPEN="/dev/shrbuf=0 /dev/video0=$number"
		ctl attach 0
		equal 1 "$status"
		contains "$stderr" "$words"
	done <<-E
		13 Join the group of the device
		16 Another program uses the device
		1 settings of this container
		2 There is no such device
		6 The device was removed
		5 kernel log
	E
	equal '' "$(cat "$FAKE_LOG")"
}

@test "what is no video device is not opened" {
	export FAKE_OPEN='/dev/shrbuf=0'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	: >"$BATS_TEST_TMPDIR/file"
	for path in /dev/null "$BATS_TEST_TMPDIR"/{fifo,file} /; do
		ctl attach "$path"
		equal 1 "$status"
		contains "$stderr" "$path: The file is not a V4L2 device node"
	done
	equal '' "$(cat "$FAKE_LOG")"
}

@test "a request that a signal interrupts is made again" {
	export FAKE_OPEN='/dev/shrbuf=0 /dev/video0=0' FAKE_EINTR=2
	ctl attach 0
	equal 0 "$status"
	equal 'interrupted
interrupted
attach /dev/video0' "$(cat "$FAKE_LOG")"
}

@test "without the module attach and detach say how to load it" {
	export FAKE_OPEN='/dev/video0=0'
	for command in attach detach; do
		ctl "$command" 0 1
		equal 1 "$status"
		equal '' "$output"
		contains "$stderr" 'modprobe shrbuf'
		equal 1 "$(wc -l <<<"$stderr")"
		ctl --json "$command" 0
		equal 1 "$status"
		equal '' "$stderr"
		json '.ok == false and .error.errno == "ENOENT" and .results == []'
		json '.error.message | test("modprobe shrbuf")'
	done
}

@test "without permission attach says what to join" {
	export FAKE_OPEN='/dev/shrbuf=13 /dev/video0=0'
	ctl attach 0
	equal 1 "$status"
	contains "$stderr" 'Join the group'
	contains "$stderr" '(EACCES)'
}

# version

@test "version shows tool, library and module" {
	export FAKE_OPEN='/dev/shrbuf=0' FAKE_VERSION='3:1:9.8'
	ctl version
	equal 0 "$status"
	equal '' "$stderr"
	release=$(sed -n "s/^\tversion: '\(.*\)',/\1/p" "$TOP/meson.build")
	abi=$(sed -n 's/^#define SHRBUF_ABI_VERSION[[:space:]]*//p' \
		"$TOP/include/uapi/linux/shrbuf.h")
	equal "tool     $release, interface $abi" "${lines[0]}"
	equal "library  $release" "${lines[1]}"
	equal 'module   9.8, interface 3, features: attach' "${lines[2]}"
	equal 3 "${#lines[@]}"
	ctl version --json
	json ".tool == {release: \"$release\", abi: $abi}"
	json ".library == {release: \"$release\"}"
	json '.module == {loaded: true, release: "9.8", abi: 3, features: ["attach"]}'
}

@test "features that are unknown are shown by number" {
	export FAKE_OPEN='/dev/shrbuf=0' FAKE_VERSION='1:9223372036854775809:1'
	ctl --json version
	json '.module.features == ["attach", "bit63"]'
	FAKE_VERSION='1:0:1' ctl version
	contains "$output" 'features: -'
}

@test "a module that is older than the tool is noticed" {
	export FAKE_OPEN='/dev/shrbuf=0' FAKE_VERSION='0:0:0.0'
	ctl version
	equal 0 "$status"
	contains "$output" 'older than this program'
}

@test "version says that the module is not loaded" {
	ctl version
	equal 0 "$status"
	contains "$output" 'module   not loaded. '
	contains "$output" 'modprobe shrbuf'
	ctl version --json
	equal 0 "$status"
	json '.ok and .module.loaded == false and .module.error.errno == "ENOENT"'
}

@test "version fails if the module cannot be asked" {
	FAKE_OPEN='/dev/shrbuf=13' ctl version
	equal 1 "$status"
	contains "$output" 'module   unknown'
	contains "$stderr" 'Join the group'
	export FAKE_OPEN='/dev/shrbuf=0' FAKE_VERSION=25
	ctl version --json
	equal 1 "$status"
	json '.ok == false and .module.error.errno == "ENOTTY" and (.module | has("loaded") | not)'
}

# list

@test "list shows buffers and queues, aligned" {
	fake_listings
	ctl list
	equal 0 "$status"
	equal '' "$stderr"
	equal 'ID                SIZE  BACKING      USERS  EXPORTS  DEVICES            NAME
 1  614400 (600.0 KiB)  vb2-vmalloc      2        1  -                  vivid-000-vid-cap 0
12   8294400 (7.9 MiB)  pages            1        2  0000:00:02.0,vkms  test pattern
2 shared buffers, bytes in all: 8908800 (8.5 MiB)

NODE     DRIVER    BUSY  NAME
video0   vivid     yes   vivid-000-vid-cap
video12  uvcvideo  no    USB Camera' "$output"
}

@test "list as JSON has the same with types" {
	fake_listings
	ctl --json list
	equal 0 "$status"
	json '.command == "list" and .ok'
	json '.buffers[1] == {id: 12, size: 8294400, backing: "pages", users: 1, exports: 2,
		devices: ["0000:00:02.0", "vkms"], name: "test pattern"}'
	json '.buffers[0].devices == []'
	json '.queues == [{node: "video0", name: "vivid-000-vid-cap", driver: "vivid", busy: true},
		{node: "video12", name: "USB Camera", driver: "uvcvideo", busy: false}]'
}

@test "list of nothing says so" {
	empty_listings
	ctl list
	equal 0 "$status"
	contains "$output" 'There are no shared buffers.'
	contains "$output" 'shrbufctl attach DEVICE'
	ctl --json list
	equal 0 "$status"
	json '.buffers == [] and .queues == []'
}

@test "list finds fields by name, and takes new ones and lacking ones" {
	fake_listings
	printf 'state\tsize\tid\nFILLED\t18446744073709551615\t5\n' >"$SHRBUF_DEBUGFS/buffers"
	ctl --json list
	equal 0 "$status"
	json '.buffers == [{state: "FILLED", size: 18446744073709551615, id: 5}]'
	contains "$output" '18446744073709551615'
	ctl list
	equal 0 "$status"
	contains "$output" ' 5  18446744073709551615 (16.0 EiB)  -            -        -  -        FILLED  -'
}

@test "sizes are readable at the edges of units" {
	mkdir -p "$SHRBUF_DEBUGFS"
	empty_listings
	while read -r size text; do
		printf 'size\n%s\n' "$size" >"$SHRBUF_DEBUGFS/buffers"
		ctl list
		contains "$output" "bytes in all: $text"
	done <<-E
		1023 1023
		1024 1024 (1.0 KiB)
		1048523 1048523 (1023.9 KiB)
		1048575 1048575 (1.0 MiB)
		1073741824 1073741824 (1.0 GiB)
	E
}

@test "names cannot send control characters, and JSON stays valid" {
	fake_listings
	printf 'node\tname\tdriver\tbusy\nvideo0\t\033[2J\377caf\303\251\302\233\355\240\200\300\200\tx\t0\n' \
		>"$SHRBUF_DEBUGFS/queues"
	ctl --json list
	equal 0 "$status"
	json '.queues[0].name == "?[2J?café???????"'
	ctl list
	contains "$output" '?[2J?café???????'
}

# malformed TEXT: a listing of buffers that is none
malformed() {
	printf '%b' "$1" >"$SHRBUF_DEBUGFS/buffers"
	ctl list
	equal 1 "$status"
	equal '' "$output"
	contains "$stderr" 'not as expected'
	contains "$stderr" '(EBADMSG)'
}

@test "a listing that makes no sense is an error" {
	fake_listings
	malformed ''
	malformed 'id'
	malformed 'id\tsize\n1\n'
	malformed 'id\tsize\n1\t2\t3\n'
	malformed 'name\nlast line is cut'
	malformed 'id\n-1\n'
	malformed 'id\n1x\n'
	malformed 'id\n\n'
	malformed 'id\n18446744073709551616\n'
	malformed "$(printf 'a\\t%.0s' {1..40})b\n"
	fake_listings
	sed -i 's/1$/2/' "$SHRBUF_DEBUGFS/queues"
	ctl --json list
	equal 1 "$status"
	json '.ok == false and .error.errno == "EBADMSG"'
}

@test "list for others than root says who may" {
	fake_listings
	export FAKE_OPEN="$SHRBUF_DEBUGFS/buffers=13"
	ctl list
	equal 1 "$status"
	equal '' "$output"
	contains "$stderr" 'Only root'
	contains "$stderr" 'sudo shrbufctl list'
	ctl --json list
	equal 1 "$status"
	json '.ok == false and .error.errno == "EACCES"'
}

@test "list without the module says how to load it" {
	ctl list
	equal 1 "$status"
	contains "$stderr" 'modprobe shrbuf'
}

@test "list without debugfs says how to mount it" {
	export FAKE_OPEN='/dev/shrbuf=0'
	ctl list
	equal 1 "$status"
	contains "$stderr" 'mount -t debugfs'
}

@test "list of what cannot be read is an error" {
	mkdir -p "$SHRBUF_DEBUGFS/buffers"
	ctl list
	equal 1 "$status"
	contains "$stderr" "$SHRBUF_DEBUGFS/buffers cannot be read"
	contains "$stderr" '(EIO)'
}
