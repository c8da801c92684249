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
