# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Loaded by all bats files here.

bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${BUILD:-$TOP/build/user}
# shellcheck disable=SC2034 # the bats files use it
TESTLIB=$BUILD/tests/host/test-libshrbuf
SHRBUFCTL=$BUILD/tools/shrbufctl/shrbufctl
FAKE=$BUILD/tests/host/fake-shrbuf.so

# Every test begins without a module and without devices, see fake-shrbuf.c.
fake_reset() {
	unset "${!FAKE_@}"
	export SHRBUF_DEBUGFS=$BATS_TEST_TMPDIR/debugfs
	export FAKE_LOG=$BATS_TEST_TMPDIR/log
	: >"$FAKE_LOG"
}

# fake_listings: as the module with two buffers and one attached queue
fake_listings() {
	mkdir -p "$SHRBUF_DEBUGFS"
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
		id size backing users exports devices name \
		1 614400 vb2-vmalloc 2 1 - 'vivid-000-vid-cap 0' \
		12 8294400 pages 1 2 '0000:00:02.0,vkms' 'test pattern' \
		>"$SHRBUF_DEBUGFS/buffers"
	printf '%s\t%s\t%s\t%s\n' \
		node name driver busy \
		video0 'vivid-000-vid-cap' vivid 1 \
		video12 'USB Camera' uvcvideo 0 \
		>"$SHRBUF_DEBUGFS/queues"
}

# fake_buffers: files that are the buffers 12 and 13, and processes that have them:
# 1001 (camera app) has both, 1002 (viewer) has maps of 12, and has 12 twice. Inode
# 99 is a dma-buf of another exporter. The listings must be there.
fake_buffers() {
	local dir=$BATS_TEST_TMPDIR

	export SHRBUFCTL_ROOT=$dir/root FAKE_OPEN="/dev/shrbuf=0"
	truncate -s 8294400 "$dir/b12"
	truncate -s 4097 "$dir/b13"
	export FAKE_BUFFERS="$dir/b12=12 $dir/b13=13"
	export FAKE_PROCESS="1001:5=$dir/b12 1001:7=$dir/b13 1002:3=$dir/b12 1002:4=$dir/b12 1003:0=x"
	fake_process 1001 'camera app' 5=121 7=131 8=99:vgem 9
	fake_process 1002 viewer 3=121 4=122 121 99
	fake_process 1003 idle 0
	: >"$SHRBUFCTL_ROOT/proc/uptime"
	tr ' ' '\t' <<<'id size backing users exports devices state seq age holds inodes name' \
		>"$SHRBUF_DEBUGFS/buffers"
	printf '%s\t%s\tpages\t1\t1\t-\t%s\t7\t1500000\t2\t%s\t%s\n' \
		1 614400 empty - queue \
		12 8294400 filled 121,122 'test pattern' \
		13 4097 error 131 small >>"$SHRBUF_DEBUGFS/buffers"
}

# fake_process PID NAME [FD=INODE[:EXPORTER] | FD | INODE]...: FD alone is another file,
# an inode from 10 on a mapping
fake_process() {
	local dir=$SHRBUFCTL_ROOT/proc/$1 use fd ino

	mkdir -p "$dir/fd" "$dir/fdinfo"
	echo "$2" >"$dir/comm"
	echo '7f0000000000-7f0000001000 r--p 00000000 fe:01 99  /usr/lib/libc.so' >"$dir/maps"
	for use in "${@:3}"; do
		fd=${use%%=*}
		ino=${use#*=}
		if [[ $use == *=* ]]; then
			ln -s /dmabuf: "$dir/fd/$fd"
			printf 'pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t%s\nsize:\t1\ncount:\t2\nexp_name:\t%s\n' \
				"${ino%%:*}" "$([[ $ino == *:* ]] && echo "${ino#*:}" || echo shrbuf)" \
				>"$dir/fdinfo/$fd"
		elif [ "$use" -lt 10 ]; then
			ln -s /dev/null "$dir/fd/$use"
			printf 'pos:\t0\nino:\t4\n' >"$dir/fdinfo/$use"
		else
			# mapped in two parts
			printf '7f10000%s00-7f10000%s10 rw-s 00000000 00:0e %s  /dmabuf:\n' \
				a a "$use" b b "$use" >>"$dir/maps"
		fi
	done
}

# event COOKIE TYPE ID INDEX SEQUENCE LOST: an event as the module gives it, seq is 7,
# time is 1.5 s, 4096 bytes are used
event() {
	python3 -c 'import struct, sys
c, t, i, x, s, l = map(int, sys.argv[1:])
sys.stdout.buffer.write(struct.pack("=QQQQIIIIQQ", c, 7, 1500000000, 5, t, i, x, s, 4096, l))' "$@"
}

# empty_listings: as the module with nothing to list
empty_listings() {
	fake_listings
	sed -i '2,$d' "$SHRBUF_DEBUGFS/buffers" "$SHRBUF_DEBUGFS/queues"
}

# ctl ARG...: run shrbufctl on the fakes. Sets status, output and stderr.
ctl() {
	run --separate-stderr env LD_PRELOAD="$FAKE" "$SHRBUFCTL" "$@"
}

# shellcheck disable=SC2154 # run sets output
# json FILTER: the JSON output must be valid and FILTER true for it.
json() {
	jq -e "$1" <<<"$output" || {
		echo "This is not true: $1, in: $output"
		return 1
	}
}

# equal WANTED GOT
equal() {
	[ "$1" = "$2" ] || {
		printf 'wanted: %s\ngot:    %s\n' "$1" "$2"
		return 1
	}
}

# contains TEXT PART
contains() {
	[[ $1 == *"$2"* ]] || {
		echo "This is missing: $2, in: $1"
		return 1
	}
}

# wait_for_line FILE TEXT: until the file has it
wait_for_line() {
	local i

	for ((i = 0; i < 600; i++)); do
		! grep -qF -- "$2" "$1" || return 0
		sleep 0.1
	done
	echo "This does not come: $2, in: $(cat "$1")"
	return 1
}
