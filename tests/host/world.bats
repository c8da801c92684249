#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# shrbufctl world on fakes of the listings of the module fusion.

load helper

setup() {
	fake_reset
	export SHRBUFCTL_ROOT=$BATS_TEST_TMPDIR/root
	dir=$SHRBUFCTL_ROOT/sys/kernel/debug/dri/128/fusion
	mkdir -p "$dir"
	victims=()
	worlds '3 2 1024 5 262144 4096 1073741824 0 0 the session' \
		'7 1 8 0 262144 0 1073741824 1 0 lonely'
	members '3 1 4242 2 0 0 1 1 0 0 window manager' '3 2 4243 1 7 512 0 0 2 0 clock' \
		'7 1 0 1 0 0 0 0 0 0 elsewhere'
	objects '3 skirmish 1 1 2 4243 1 1 0 0 stack lock' '3 pool 1 1 0 0 2 0 0 8192 heap'
	waits '17 1 4244 skirmish 1 2 18 1' '18 2 4243 call 9 1 17 1' \
		'19 2 4245 skirmish 5 1 0 0'
}

teardown() {
	for victim in "${victims[@]}"; do
		kill "$victim" 2>/dev/null || true
	done
}

# lines FILE HEADLINE RECORD...: fields are separated by blanks; the name, the rest, may have some
lines() {
	local file=$1 head=$2 fields

	shift 2
	fields=$(wc -w <<<"$head")
	tr ' ' '\t' <<<"$head" >"$dir/$file"
	for record; do
		for ((i = 1; i < fields; i++)); do
			printf '%s\t' "${record%% *}"
			record=${record#* }
		done
		echo "$record"
	done >>"$dir/$file"
}

worlds() {
	lines worlds 'world members max_members objects max_objects memory max_memory flags ended name' "$@"
}

members() {
	lines members 'world member pid threads queued memory skirmishes refs reactors properties name' "$@"
}

objects() {
	lines objects 'world type id creator owner tid count waiters flags size name' "$@"
}

# all in world 3
waits() {
	lines waits 'world token member tid type id for_member for_token deadlock' "${@/#/3 }"
}

@test "worlds are listed" {
	ctl world list
	equal 0 "$status"
	equal '' "$stderr"
	equal 'WORLD MEMBERS OBJECTS MEMORY LIMIT ENDED NAME' "$(xargs <<<"${lines[0]}")"
	equal '3 2 5 4096 (4.0 KiB) 1073741824 (1.0 GiB) no the session' "$(xargs <<<"${lines[1]}")"
	ctl world list --json
	json '.ok and .action == "list" and [.worlds[].world] == [3, 7] and
		.worlds[0].name == "the session" and .worlds[0].ended == false and
		.worlds[0].memory == 4096'
	worlds
	ctl world list
	equal 0 "$status"
	equal 'There are no worlds.' "$output"
}

@test "a world is shown, and no other one" {
	ctl world show 3
	equal 0 "$status"
	contains "$output" 'window manager'
	contains "$output" 'stack lock'
	[[ $output != *elsewhere* ]]
	ctl --json world show 3
	json '[.members[].pid] == [4242, 4243] and (.objects | length) == 2 and
		(.waits | length) == 3 and .objects[0].type == "skirmish" and
		.objects[0].owner == 2 and .objects[1].size == 8192 and
		(.worlds | length) == 1'
	ctl world show 7
	equal 0 "$status"
	contains "$output" 'It has no objects.'
	contains "$output" 'Nobody waits.'
}

@test "deadlocks are those of the waits that cannot end" {
	ctl world deadlocks --json
	equal 0 "$status"
	json '[.waits[].token] == [17, 18] and .waits[0].for_token == 18'
	ctl world deadlocks 3
	equal 3 "${#lines[@]}"
	ctl world deadlocks 7
	equal 0 "$status"
	equal 'There is no deadlock.' "$output"
}

@test "a world or member that is not there is a failure" {
	for words in 'show 4' 'kill 4' 'deadlocks 4'; do
		# shellcheck disable=SC2086 # words
		ctl world $words
		equal 1 "$status"
		contains "$stderr" 'There is no world 4'
		contains "$stderr" 'ENOENT'
	done
	ctl world kill 3 9 --json
	equal 1 "$status"
	json '.ok == false and .error.errno == "ENOENT" and
		(.error.message | contains("World 3 has no member 9")) and .killed == []'
}

@test "a wrong command line is refused, and says what is right" {
	for words in fly 'list 3' 'legacy 1 2' 'legacy x' 'legacy 0' show 'show 3 4' kill 'kill 1 2 3' 'show x' 'show 0' 'show -1' \
		'kill 3 1x' 'show 99999999999999999999'; do
		# shellcheck disable=SC2086 # words
		ctl world -- $words
		equal 2 "$status"
		[[ $stderr == *'shrbufctl world'* || $stderr == *'It can: list, show'* ]]
	done
	ctl world
	equal 2 "$status"
	contains "$stderr" 'needs what to do'
}

@test "legacy devices are made, and counted" {
	ctl world legacy
	equal 1 "$status"
	contains "$stderr" 'modprobe fusion'
	parameters=$SHRBUFCTL_ROOT/sys/module/fusion/parameters
	mkdir -p "$parameters"
	echo 0 >"$parameters/legacy_devices"
	ctl world legacy
	equal 0 "$status"
	equal 'There are no legacy devices.' "$output"
	ctl world legacy 1
	equal 'The legacy device is /dev/fusion0.' "$output"
	equal 1 "$(cat "$parameters/legacy_devices")"
	ctl world legacy 3
	equal 'The legacy devices are /dev/fusion0 to /dev/fusion2.' "$output"
	# there are enough
	ctl world legacy 2 --json
	equal 0 "$status"
	json '.ok and .devices == 3'
	equal 3 "$(cat "$parameters/legacy_devices")"
	rm "$parameters/legacy_devices"
	ln -s /dev/full "$parameters/legacy_devices"
	ctl world legacy 1
	equal 1 "$status"
}

@test "members are killed, all of a world or one" {
	for i in 0 1 2; do
		sleep 600 3>&- &
		victims+=($!)
	done
	members "3 1 ${victims[0]} 2 0 0 1 1 0 0 a" "3 2 ${victims[1]} 1 7 512 0 0 2 0 b" \
		"7 1 ${victims[2]} 1 0 0 0 0 0 0 c"
	ctl world kill 3 2 --json
	equal 0 "$status"
	json "[.killed[] | [.member, .pid, .name]] == [[2, ${victims[1]}, \"b\"]]"
	status=0
	wait "${victims[1]}" || status=$?
	equal 137 "$status"
	kill -0 "${victims[0]}"
	ctl world kill 3
	equal 0 "$status"
	contains "$output" 'a'
	status=0
	wait "${victims[0]}" || status=$?
	equal 137 "$status"
	kill -0 "${victims[2]}"
}

@test "what is gone is no failure, what is not visible is" {
	members '3 1 4194304 1 0 0 0 0 0 0 gone'
	ctl world kill 3
	equal 0 "$status"
	equal 'Nobody was there to be killed.' "$output"
	ctl world kill 7 1
	equal 1 "$status"
	members '7 1 0 1 0 0 0 0 0 0 elsewhere'
	ctl world kill 7
	equal 1 "$status"
	contains "$stderr" 'cannot be killed'
}

@test "missing or wrong listings are explained" {
	printf 'no listing\n1\t2\n' >"$dir/waits"
	ctl world show 3
	equal 1 "$status"
	contains "$stderr" EBADMSG
	rm "$dir/worlds"
	ctl world list
	equal 1 "$status"
	contains "$stderr" 'cannot be read'
	rm -r "$dir"
	for words in list 'show 3' deadlocks 'kill 3'; do
		# shellcheck disable=SC2086 # words
		ctl world $words
		equal 1 "$status"
		contains "$stderr" 'modprobe fusion'
	done
}

@test "a name cannot do things to the terminal" {
	worlds $'3 2 1024 5 262144 4096 1073741824 0 0 a\e[31mb'
	ctl world list
	contains "$output" 'a?[31mb'
}
