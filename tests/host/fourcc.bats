#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Each test is a shell of its own, whose commands must all succeed:
# shellcheck disable=SC2030,SC2031,SC2164
#
# Tests of the table of formats against what the kernel's documents say of them.

load helper

TABLE=drivers/media/shrbuf/format.c

setup_file() {
	local archive=/usr/src/linux-source-6.1.tar.xz name
	local docs=linux-source-6.1/Documentation/userspace-api/media/v4l
	local uapi=linux-source-6.1/include/uapi members=()

	[ -r "$archive" ] || skip "$archive is missing: run tools/deps"
	for name in rgb packed-yuv yuv-luma yuv-planar; do
		members+=("$docs/pixfmt-$name.rst")
	done
	# each file is there once, so tar need not read to the end
	tar -C "$BATS_FILE_TMPDIR" --strip-components=1 --occurrence=1 -xJf "$archive" \
		"${members[@]}" "$uapi"/{drm/drm_fourcc.h,linux/videodev2.h}
}

setup() {
	cd "$TOP"
}

# broken SED-COMMAND: compare a table in which one thing is wrong
broken() {
	sed "$1" "$TABLE" >"$BATS_TEST_TMPDIR/format.c"
	! cmp -s "$TABLE" "$BATS_TEST_TMPDIR/format.c"
	run tests/host/fourcc-docs "$BATS_TEST_TMPDIR/format.c" "$BATS_FILE_TMPDIR"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
}

@test "the table of formats says what the documents of V4L2 and DRM say" {
	tests/host/fourcc-docs "$TABLE" "$BATS_FILE_TMPDIR"
}

@test "wrong entries are found" {
	broken 's/PACKED(RGB24, DRM_FORMAT_BGR888/PACKED(RGB24, DRM_FORMAT_RGB888/'
	broken 's/PACKED(RGB565X, DRM_FORMAT_RGB565 | DRM_FORMAT_BIG_ENDIAN/PACKED(RGB565X, DRM_FORMAT_RGB565/'
	broken 's/PACKED(VUYA32, DRM_FORMAT_AYUV,/PACKED(VUYA32, DRM_FORMAT_AVUY8888,/'
	broken 's/PACKED_OLD(BGR32, DRM_FORMAT_XRGB8888/PACKED_OLD(BGR32, DRM_FORMAT_BGRX8888/'
	broken 's/PACKED(Y10, DRM_FORMAT_R10/PACKED(Y10, DRM_FORMAT_R12/'
	broken 's/PACKED(YUYV, DRM_FORMAT_YUYV, 16/PACKED(YUYV, DRM_FORMAT_YUYV, 32/'
	broken 's/PLANAR(NV12, DRM_FORMAT_NV12/PLANAR(NV12, DRM_FORMAT_NV21/'
	broken 's/PLANAR(NV61M, DRM_FORMAT_NV61, 2, 2/PLANAR(NV61M, DRM_FORMAT_NV61, 2, 1/'
	broken 's/DRM_FORMAT_YUV410, 3, 1, 8, 4, 4/DRM_FORMAT_YUV410, 3, 1, 8, 4, 2/'
}

@test "entries that are missing are found" {
	broken '/PACKED(XRGB32,/d'
	broken '/PLANAR(YVU422M,/d'
}
