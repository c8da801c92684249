#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2154,SC2164
#
# Tests of the completion of shrbufctl, as bash calls it.

load helper

setup() {
	fake_reset
	fake_listings
	fake_buffers
	mkdir -p "$SHRBUFCTL_ROOT"/sys/class/video4linux/{video0,video12,v4l-subdev0,vbi0}
}

# completed LINE: what bash offers at the end of the line, in one line
completed() {
	(
		set +u
		# shellcheck source=tools/shrbufctl/completion/shrbufctl
		source "$TOP/tools/shrbufctl/completion/shrbufctl"
		COMP_LINE=$1
		COMP_POINT=${#1}
		# as bash does it: colons are words of their own
		read -ra COMP_WORDS <<<"${1//:/ : }"
		[[ $1 != *' ' && $1 != *: ]] || COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		COMPREPLY=()
		function=$(complete -p shrbufctl | sed 's/.*-F \([^ ]*\).*/\1/')
		"$function" shrbufctl "${COMP_WORDS[COMP_CWORD]}" ''
		echo "${COMPREPLY[*]}"
	)
}

@test "all commands are offered, and no other" {
	ctl help --json
	equal "$(jq -r '[.commands[].name] | sort | join(" ")' <<<"$output")" \
		"$(completed 'shrbufctl ')"
	equal 'detach doctor' "$(completed 'shrbufctl d')"
	equal 'list' "$(completed 'shrbufctl --json l')"
	equal '' "$(completed 'shrbufctl fly')"
}

@test "each command is offered the options that it takes, and no other" {
	for command in $(completed 'shrbufctl '); do
		for option in $(completed "shrbufctl $command -"); do
			case $option in
			--help | --json | --version) continue ;;
			--count) value=0 ;;
			--name | --priority) value=x ;;
			*) value= ;;
			esac
			echo "$command $option"
			# It is not refused; the wrong number or the missing argument is.
			# shellcheck disable=SC2086 # no word if it is empty
			[ "$option" = --once ] || ctl "$command" "$option" $value
			[[ $stderr != *'has no option'* ]]
		done
	done
	equal '--count --help --json --name --version' "$(completed 'shrbufctl alloc 4K -')"
	equal '--once' "$(completed 'shrbufctl top --o')"
	equal '--help --json --version' "$(completed 'shrbufctl list -')"
}

@test "options are those of the help" {
	ctl --help
	equal "$(grep -oE '^  -[a-zA-Z], --[a-z]+' <<<"$output" | grep -oE -- '--[a-z]+' | sort | xargs)" \
		"$(completed 'shrbufctl -')"
}

@test "devices are offered by path and by name" {
	for command in attach detach; do
		equal '/dev/video0 /dev/video12 video0 video12' "$(completed "shrbufctl $command ")"
		equal '/dev/video12' "$(completed "shrbufctl $command /dev/video1")"
		equal 'video0' "$(completed "shrbufctl $command video12 video0")"
	done
	rm -r "$SHRBUFCTL_ROOT/sys"
	equal '' "$(completed 'shrbufctl attach ')"
}

@test "buffers and processes are offered, colons notwithstanding" {
	equal '1001 1001:5 1001:7 1001:8 1002 1002:3 1002:4 self:' "$(completed 'shrbufctl info ')"
	equal '3 4' "$(completed 'shrbufctl info 1002:')"
	equal '7' "$(completed 'shrbufctl info 1002:3 1001:7')"
	contains "$(completed 'shrbufctl watch ')" '/dev/video0'
	contains "$(completed 'shrbufctl watch ')" '1002:4'
}

@test "values of options, and what takes no argument, are not guessed" {
	equal '' "$(completed 'shrbufctl watch --count ')"
	equal '' "$(completed 'shrbufctl alloc -n ')"
	equal '' "$(completed 'shrbufctl list ')"
	# the value of an option is no command
	equal 'alloc attach' "$(completed 'shrbufctl --count 3 a')"
}

@test "alloc is offered programs and files for its program" {
	contains " $(completed 'shrbufctl alloc 4K -- shells') $(completed 'shrbufctl alloc 4K -- bas') " ' bash '
	cd "$TOP"
	equal 'README.md' "$(completed 'shrbufctl alloc 4K -- cat READ')"
}

@test "after route come actions, and what they are about" {
	mkdir -p "$SHRBUFCTL_ROOT"/sys/class/drm/{card0,card1,card0-Virtual-1,renderD128}
	printf 'route\tsink\n3\t0\n3\t1\n4\t0\n' >"$SHRBUF_DEBUGFS/routes"
	equal 'create list show stop' "$(completed 'shrbufctl route ')"
	equal 'show stop' "$(completed 'shrbufctl --json route s')"
	equal '3 4' "$(completed 'shrbufctl route show ')"
	equal '3 4' "$(completed 'shrbufctl route stop ')"
	equal '' "$(completed 'shrbufctl route stop 3 ')"
	equal '' "$(completed 'shrbufctl route list ')"
	equal '/dev/video0 /dev/video12 video0 video12' "$(completed 'shrbufctl route create ')"
	equal '/dev/dri/card0 /dev/dri/card1 card0 card1' \
		"$(completed 'shrbufctl --priority 3 route create video0 ')"
	equal '' "$(completed 'shrbufctl route --priority ')"
	rm "$SHRBUF_DEBUGFS/routes"
	equal '' "$(completed 'shrbufctl route show ')"
}

@test "world is offered what it can do, and the worlds that there are" {
	dir=$SHRBUFCTL_ROOT/sys/kernel/debug/dri/128/fusion
	mkdir -p "$dir"
	printf 'world\tname\n3\ta\n17\tb c\n' >"$dir/worlds"
	equal 'deadlocks kill legacy list show' "$(completed 'shrbufctl world ')"
	equal '17 3' "$(completed 'shrbufctl world show ')"
	equal '17' "$(completed 'shrbufctl world kill 1')"
	equal '' "$(completed 'shrbufctl world list ')"
	equal '' "$(completed 'shrbufctl world kill 3 ')"
}
