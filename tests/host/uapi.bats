#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2164
#
# Tests of the headers that programs include.

load helper

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	mapfile -t list < <(cd include/uapi && find . -name '*.h' -printf '%P\n' | sort)
	[ "${#list[@]}" -gt 0 ]
	export HEADERS=${list[*]}
}

setup() {
	cd "$TOP"
	read -ra headers <<<"$HEADERS"
	# where drm.h is, which those of DRM drivers include
	drm=-isystem$(pkg-config --variable=includedir libdrm)/libdrm
}

# compile HEADER COMPILER OPTION...: it must compile alone, without a message
compile() {
	local header=$1

	shift
	echo "$* with <$header>"
	"$@" -Iinclude/uapi "$drm" -Wall -Wextra -Werror -fsyntax-only - <<<"#include <$header>"
}

@test "uapi headers compile alone as C90, for 32 and 64 bit" {
	for header in "${headers[@]}"; do
		for bits in -m32 -m64; do
			compile "$header" gcc -x c "$bits" -std=c90 -pedantic -Wno-long-long
		done
	done
}

@test "uapi headers compile alone as C11 and C++" {
	for header in "${headers[@]}"; do
		compile "$header" gcc -x c -std=c11 -pedantic
		for std in c++98 c++11 c++17; do
			compile "$header" g++ -x c++ -std="$std" -Wno-long-long
		done
	done
}

@test "uapi structures have no holes, for 32 and 64 bit" {
	for header in "${headers[@]}"; do
		for bits in -m32 -m64; do
			compile "$header" gcc -x c "$bits" -Wpadded
		done
	done
}

@test "uapi layouts and ioctl numbers are the same for 32 and 64 bit" {
	for header in "${headers[@]}"; do
		for bits in 32 64; do
			tests/host/uapi-layout "include/uapi/$header" -m$bits -Iinclude/uapi \
				"$drm" >"$BATS_TEST_TMPDIR/$bits"
		done
		grep -q '^sizeof(struct ' "$BATS_TEST_TMPDIR/64"
		# those of the legacy device have names that are older
		grep -Eq '_IOC(TL)?_|^FUSION_ENTER ' "$BATS_TEST_TMPDIR/64"
		diff "$BATS_TEST_TMPDIR"/{32,64}
	done
}

@test "a layout that differs is found" {
	cat >"$BATS_TEST_TMPDIR/bad.h" <<-E
		struct bad {
			unsigned int a;	/* a hole */
			unsigned long long b[2];
			char *c;
		};
		#define BAD_IOC_X (sizeof(struct bad) + (1ULL << 40))
	E
	for bits in 32 64; do
		tests/host/uapi-layout "$BATS_TEST_TMPDIR/bad.h" -m$bits \
			>"$BATS_TEST_TMPDIR/$bits"
	done
	contains "$(<"$BATS_TEST_TMPDIR/32")" 'offsetof(struct bad, b) = 0x4'
	contains "$(<"$BATS_TEST_TMPDIR/64")" 'offsetof(struct bad, b) = 0x8'
	contains "$(<"$BATS_TEST_TMPDIR/32")" 'BAD_IOC_X = 0x10000000018'
	contains "$(<"$BATS_TEST_TMPDIR/64")" 'BAD_IOC_X = 0x10000000020'
	contains "$(<"$BATS_TEST_TMPDIR/64")" 'sizeof(struct bad.c) = 0x8'
}

@test "the header of the library compiles alone as C90, C11 and C++" {
	for std in c90 c11; do
		compile shrbuf.h gcc -x c -std="$std" -pedantic -Wno-long-long -Ilib
	done
	compile shrbuf.h g++ -x c++ -std=c++11 -Ilib
}
