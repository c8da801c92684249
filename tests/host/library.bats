#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2164
#
# Tests of what libshrbuf looks like to those who link with it.

load helper

setup_file() {
	# One installation for all tests, made without a change to the build.
	export DEST=$BATS_FILE_TMPDIR/dest
	local build=${BUILD:-$BATS_TEST_DIRNAME/../../build/user}

	DESTDIR=$DEST meson install --no-rebuild --quiet -C "$build"
	PC=$(find "$DEST" -name shrbuf.pc)
	[ -f "$PC" ]
	export PKG_CONFIG_PATH=${PC%/*}
	# The prefix is where the .pc file is, not where it would be without DESTDIR.
	prefix=$(PKG_CONFIG_PATH=${PC%/*} pkg-config --variable=prefix shrbuf)
	export PREFIX=$DEST$prefix
	export LIBDIR=${PC%/pkgconfig/*}
}

@test "the library exports the symbols in libshrbuf.symbols, and no other" {
	nm -D --defined-only "$BUILD/lib/libshrbuf.so" |
		awk '$2 != "A" { print $3 }' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/symbols"
	diff <(grep -v '^#' "$TOP/lib/libshrbuf.symbols") "$BATS_TEST_TMPDIR/symbols"
}

@test "every exported function is declared in shrbuf.h with its documentation" {
	while read -r name; do
		echo "$name"
		grep -q "^ \* $name - " "$TOP/lib/shrbuf.h"
		tr -s '\n\t ' ' ' <"$TOP/lib/shrbuf.h" | grep -q "[ *]$name([^;{]*);"
	done < <(sed -n '/^#/!s/@@.*//p' "$TOP/lib/libshrbuf.symbols")
}

@test "libdrm_fusion exports the symbols in libdrm_fusion.symbols, and no other" {
	nm -D --defined-only "$BUILD/lib/fusion/libdrm_fusion.so" |
		awk '$2 != "A" { print $3 }' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/symbols"
	diff <(grep -v '^#' "$TOP/lib/fusion/libdrm_fusion.symbols") "$BATS_TEST_TMPDIR/symbols"
}

@test "every function of libdrm_fusion is declared with its documentation" {
	while read -r name; do
		echo "$name"
		grep -q "^ \* $name - " "$TOP/lib/fusion/libdrm_fusion.h"
		tr -s '\n\t ' ' ' <"$TOP/lib/fusion/libdrm_fusion.h" | grep -q "[ *]$name([^;{]*);"
	done < <(sed -n '/^#/!s/@@.*//p' "$TOP/lib/fusion/libdrm_fusion.symbols")
}

@test "a program that was told by libdrm_fusion.pc links with it" {
	echo '#include <libdrm_fusion.h>
	int main(void) { return !fusion_explain(0); }' >"$BATS_TEST_TMPDIR/a.c"
	read -ra flags < <(pkg-config --cflags --libs libdrm_fusion)
	# libdrm is where it says, and this library is not there yet
	gcc -o "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a.c" "-I$PREFIX/include" \
		"-L$LIBDIR" "${flags[@]}"
	LD_LIBRARY_PATH=$LIBDIR "$BATS_TEST_TMPDIR/a"
}

@test "the soname is libshrbuf.so.0" {
	run readelf -d "$BUILD/lib/libshrbuf.so"
	contains "$output" 'soname: [libshrbuf.so.0]'
}

@test "install gives library, headers, shrbuf.pc and shrbufctl" {
	for file in "$LIBDIR"/libshrbuf.{a,so,so.0} "$LIBDIR/pkgconfig/shrbuf.pc" \
		"$PREFIX"/include/{shrbuf,linux}/shrbuf.h "$PREFIX/bin/shrbufctl" \
		"$PREFIX/share/bash-completion/completions/shrbufctl" \
		"$PREFIX"/share/man/man{1/shrbufctl.1,3/shrbuf.3,4/shrbuf.4}; do
		echo "$file"
		[ -f "$file" ]
	done
	run find "$DEST" -name '*test-*' -o -name '*fake*' -o -name '*testcam*'
	equal '' "$output"
}

# build_client OPTION...: a program as a user of the library would build it
build_client() {
	cat >"$BATS_TEST_TMPDIR/client.c" <<-E
		#include <shrbuf/shrbuf.h>
		#include <stdio.h>

		int main(void)
		{
			puts(shrbuf_library_release());
			return shrbuf_explain(SHRBUF_REQUEST_OPEN, shrbuf_open()) == 0;
		}
	E
	# shellcheck disable=SC2046 # words of options
	gcc -o "$BATS_TEST_TMPDIR/client" "$BATS_TEST_TMPDIR/client.c" "$@" \
		$(pkg-config --define-variable=prefix="$PREFIX" --cflags --libs shrbuf)
}

@test "a program builds with pkg-config and runs with the shared library" {
	build_client
	run ldd "$BATS_TEST_TMPDIR/client"
	contains "$output" libshrbuf.so.0
	LD_LIBRARY_PATH=$LIBDIR run "$BATS_TEST_TMPDIR/client"
	equal 0 "$status"
	equal "$(pkg-config --modversion shrbuf)" "$output"
}

@test "a program builds with pkg-config --static and runs alone" {
	build_client -static
	run "$BATS_TEST_TMPDIR/client"
	equal 0 "$status"
	equal "$(pkg-config --modversion shrbuf)" "$output"
}

@test "the installed shrbufctl finds the installed library" {
	LD_LIBRARY_PATH=$LIBDIR run "$PREFIX/bin/shrbufctl" --version
	equal 0 "$status"
}

@test "the scopes of the library compile in C11 and C++, and nothing is unused" {
	cat >"$BATS_TEST_TMPDIR/scope.c" <<-E
		#include <shrbuf/shrbuf.h>

		int first_byte(int fd);
		int first_byte(int fd)
		{
			SHRBUF_SCOPED_MAP(map, fd, SHRBUF_MAP_READ | SHRBUF_MAP_IDLE);
			SHRBUF_SCOPED_ACCESS(access, &map);

			return access.map ? *(char *)map.addr : map.error;
		}
	E
	local cflags
	read -ra cflags < <(pkg-config --define-variable=prefix="$PREFIX" --cflags shrbuf)
	gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only "${cflags[@]}" "$BATS_TEST_TMPDIR/scope.c"
	g++ -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only "${cflags[@]}" \
		"$BATS_TEST_TMPDIR/scope.c"
}
