// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of formats. They need the table itself and functions that are not exported, so
 * this takes the source.
 */

#include <drm/drm_fourcc.h>
#include <linux/slab.h>

#include "format.c"
#include "selftest.h"

#define BE	DRM_FORMAT_BIG_ENDIAN

/* Says which entry it was, and leaves the test as failed. */
#define EXPECT_FOR(_v4l2, _cond)					\
do {									\
	u32 __v4l2 = (_v4l2);						\
									\
	if (!(_cond)) {							\
		pr_err("# %s:%d: %p4cc: not true: %s\n", __func__,	\
		       __LINE__, &__v4l2, #_cond);			\
		return false;						\
	}								\
} while (0)

/*
 * What drivers use, once more and from other sources than the table: the numbers of the
 * codes, which V4L2 and DRM share by intention for most formats with alpha or padding,
 * and the layouts written out.
 */
static const struct {
	u32 v4l2;
	u32 drm;
} well_known[] = {
	/* bytes B G R x: the format of displays */
	{ V4L2_PIX_FMT_XBGR32, DRM_FORMAT_XRGB8888 },
	/* bytes x R G B */
	{ V4L2_PIX_FMT_XRGB32, DRM_FORMAT_BGRX8888 },
	/* bytes R G B */
	{ V4L2_PIX_FMT_RGB24, DRM_FORMAT_BGR888 },
	/* bytes B G R */
	{ V4L2_PIX_FMT_BGR24, DRM_FORMAT_RGB888 },
	/* little endian and big endian words of 5, 6 and 5 bits */
	{ V4L2_PIX_FMT_RGB565, DRM_FORMAT_RGB565 },
	{ V4L2_PIX_FMT_RGB565X, DRM_FORMAT_RGB565 | BE },
	/* bytes Y U Y V */
	{ V4L2_PIX_FMT_YUYV, DRM_FORMAT_YUYV },
	/* bytes V U Y A: a little endian word A Y U V */
	{ V4L2_PIX_FMT_VUYA32, DRM_FORMAT_AYUV },
	{ V4L2_PIX_FMT_NV12, DRM_FORMAT_NV12 },
	{ V4L2_PIX_FMT_NV12M, DRM_FORMAT_NV12 },
	{ V4L2_PIX_FMT_YUV420, DRM_FORMAT_YUV420 },
	{ V4L2_PIX_FMT_GREY, DRM_FORMAT_R8 },
	/* old names */
	{ V4L2_PIX_FMT_BGR32, DRM_FORMAT_XRGB8888 },
	{ V4L2_PIX_FMT_RGB32, DRM_FORMAT_BGRX8888 },
	{ V4L2_PIX_FMT_RGB444, DRM_FORMAT_XRGB4444 },
	{ V4L2_PIX_FMT_RGB555, DRM_FORMAT_XRGB1555 },
	/* no name in DRM */
	{ V4L2_PIX_FMT_MJPEG, 0 },
	{ V4L2_PIX_FMT_SBGGR8, 0 },
	{ V4L2_PIX_FMT_HSV24, 0 },
	{ V4L2_PIX_FMT_YUV444, 0 },
	{ V4L2_PIX_FMT_BGR666, 0 },
	{ V4L2_PIX_FMT_M420, 0 },
	{ V4L2_PIX_FMT_Z16, 0 },
	{ V4L2_PIX_FMT_NV12_4L4, 0 },
};

static bool test_table(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		const struct fourcc *fcc = &fourccs[i];
		bool one = fcc->memories == 1;
		u32 back = shrbuf_fourcc_to_v4l2(fcc->drm, fcc->modifier, one);
		const struct fourcc *now = fourcc_find(back);

		EXPECT_FOR(fcc->v4l2, fourcc_find(fcc->v4l2) == fcc);
		EXPECT_FOR(fcc->v4l2, now && !now->old);
		/* Another name, of the same layout, or the same name. */
		EXPECT_FOR(fcc->v4l2, fcc->old == (now != fcc));
		EXPECT_FOR(fcc->v4l2, now->drm == fcc->drm);
		EXPECT_FOR(fcc->v4l2, now->modifier == fcc->modifier);
		EXPECT_FOR(fcc->v4l2, now->bits == fcc->bits);
		EXPECT_FOR(fcc->v4l2, one || fcc->memories == fcc->planes);
		for (j = 0; j < i; j++) {
			const struct fourcc *other = &fourccs[j];
			bool same = other->drm == fcc->drm &&
				    other->modifier == fcc->modifier &&
				    other->memories == fcc->memories;

			EXPECT_FOR(fcc->v4l2, other->v4l2 != fcc->v4l2);
			EXPECT_FOR(fcc->v4l2, !same || fcc->old);
		}
	}
	for (i = 0; i < ARRAY_SIZE(well_known); i++) {
		const struct fourcc *fcc = fourcc_find(well_known[i].v4l2);

		EXPECT_FOR(well_known[i].v4l2, (fcc ? fcc->drm : 0) == well_known[i].drm);
	}
	/* planes in one memory or in several, and one plane, which is in both */
	EXPECT(shrbuf_fourcc_to_v4l2(DRM_FORMAT_NV12, 0, true) == V4L2_PIX_FMT_NV12);
	EXPECT(shrbuf_fourcc_to_v4l2(DRM_FORMAT_NV12, 0, false) == V4L2_PIX_FMT_NV12M);
	EXPECT(shrbuf_fourcc_to_v4l2(DRM_FORMAT_XRGB8888, 0, true) ==
	       V4L2_PIX_FMT_XBGR32);
	EXPECT(shrbuf_fourcc_to_v4l2(DRM_FORMAT_XRGB8888, 0, false) ==
	       V4L2_PIX_FMT_XBGR32);
	/* V4L2 has these in several memories, or in one, only */
	EXPECT(!shrbuf_fourcc_to_v4l2(DRM_FORMAT_YUV444, 0, true));
	EXPECT(!shrbuf_fourcc_to_v4l2(DRM_FORMAT_YUV410, 0, false));
	EXPECT(!shrbuf_fourcc_to_v4l2(DRM_FORMAT_NV12, DRM_FORMAT_MOD_INVALID, true));
	EXPECT(!shrbuf_fourcc_to_v4l2(DRM_FORMAT_XRGB8888,
				      DRM_FORMAT_MOD_SAMSUNG_64_32_TILE, true));
	EXPECT(!shrbuf_fourcc_to_v4l2(0, 0, true));
	return true;
}

/*
 * DRM has names for more formats than it knows the geometry of, and warns when it is
 * asked for one of the others. In 6.1 it does not know these.
 */
static bool drm_knows(u32 drm)
{
	return drm != DRM_FORMAT_R16 && drm != DRM_FORMAT_AVUY8888 &&
	       drm != DRM_FORMAT_XVUY8888 && drm != DRM_FORMAT_NV20;
}

/* Wherever V4L2 or DRM know the geometry of a format, it is ours. */
static bool test_geometry(void)
{
	unsigned int i, p, seen_v4l2 = 0, seen_drm = 0;

	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		const struct fourcc *fcc = &fourccs[i];
		const struct v4l2_format_info *vi = v4l2_format_info(fcc->v4l2);
		const struct drm_format_info *di;

		if (vi) {
			seen_v4l2++;
			EXPECT_FOR(fcc->v4l2, vi->mem_planes == fcc->memories);
			EXPECT_FOR(fcc->v4l2, vi->comp_planes == fcc->planes);
		}
		/* 10 bits have no bytes for a pixel, and P010 was wrong for years. */
		if (vi && fcc->bits != 10 && fcc->v4l2 != V4L2_PIX_FMT_P010) {
			if (fcc->planes > 1) {
				EXPECT_FOR(fcc->v4l2, vi->hdiv == fcc->hdiv);
				EXPECT_FOR(fcc->v4l2, vi->vdiv == fcc->vdiv);
			}
			for (p = 0; p < fcc->planes; p++)
				EXPECT_FOR(fcc->v4l2,
					   line_size(fcc, p, 16 * fcc->hdiv) ==
					   16 * vi->bpp[p] * (p ? 1 : fcc->hdiv));
		}
		if (!drm_knows(fcc->drm & ~BE))
			continue;
		di = drm_format_info(fcc->drm & ~BE);
		EXPECT_FOR(fcc->v4l2, di);
		seen_drm++;
		EXPECT_FOR(fcc->v4l2, di->num_planes == fcc->planes);
		if (fcc->planes > 1) {
			EXPECT_FOR(fcc->v4l2, di->hsub == fcc->hdiv);
			EXPECT_FOR(fcc->v4l2, di->vsub == fcc->vdiv);
		}
		/* 48 is a multiple of all blocks */
		for (p = 0; p < fcc->planes; p++) {
			u32 columns = p ? 48 / di->hsub : 48;

			EXPECT_FOR(fcc->v4l2, line_size(fcc, p, 48) ==
					      drm_format_info_min_pitch(di, p, columns));
		}
	}
	/* so that this has compared something */
	EXPECT(seen_v4l2 > 30);
	EXPECT(seen_drm > 60);
	return true;
}

static void single(struct v4l2_format *f, u32 pixelformat, u32 width, u32 height,
		   u32 bytesperline)
{
	memset(f, 0, sizeof(*f));
	f->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	f->fmt.pix.pixelformat = pixelformat;
	f->fmt.pix.width = width;
	f->fmt.pix.height = height;
	f->fmt.pix.bytesperline = bytesperline;
	f->fmt.pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;
}

static void multi(struct v4l2_format *f, u32 pixelformat, u32 width, u32 height,
		  unsigned int planes)
{
	memset(f, 0, sizeof(*f));
	f->type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	f->fmt.pix_mp.pixelformat = pixelformat;
	f->fmt.pix_mp.width = width;
	f->fmt.pix_mp.height = height;
	f->fmt.pix_mp.num_planes = planes;
}

/* The stride that a driver may give, the size that it then needs, and the planes. */
static const struct {
	u32 v4l2;
	u32 width;
	u32 height;
	u32 stride;
	u32 size;
	u32 nr_planes;
	struct shrbuf_format_plane planes[3];
} layouts[] = {
	/* 640 * 4 = 2560, * 480 = 1228800 */
	{ V4L2_PIX_FMT_XBGR32, 640, 480, 2560, 1228800, 1, { { 0, 2560 } } },
	/* the same, as the driver does not say the stride */
	{ V4L2_PIX_FMT_XBGR32, 640, 480, 0, 1228800, 1, { { 0, 2560 } } },
	/* Y: 640 * 480 = 307200, UV: 640 * 240 = 153600 */
	{ V4L2_PIX_FMT_NV12, 640, 480, 640, 460800, 2, { { 0, 640 }, { 307200, 640 } } },
	/* with 768 for a line: 768 * 480 = 368640, 768 * 240 = 184320 */
	{ V4L2_PIX_FMT_NV12, 640, 480, 768, 552960, 2, { { 0, 768 }, { 368640, 768 } } },
	/* U and V of each column: 2 * 768 = 1536, 1536 * 480 = 737280 */
	{ V4L2_PIX_FMT_NV24, 640, 480, 768, 1105920, 2,
	  { { 0, 768 }, { 368640, 1536 } } },
	/* Y 307200, U and V 320 * 240 = 76800 each */
	{ V4L2_PIX_FMT_YUV420, 640, 480, 640, 460800, 3,
	  { { 0, 640 }, { 307200, 320 }, { 384000, 320 } } },
	/* 768 / 2 = 384, 384 * 240 = 92160 */
	{ V4L2_PIX_FMT_YVU420, 640, 480, 768, 552960, 3,
	  { { 0, 768 }, { 368640, 384 }, { 460800, 384 } } },
	/* 4:2:2: all lines, 384 * 480 = 184320 */
	{ V4L2_PIX_FMT_YUV422P, 640, 480, 768, 737280, 3,
	  { { 0, 768 }, { 368640, 384 }, { 552960, 384 } } },
	/* 640 / 4 = 160 columns, 480 / 4 = 120 lines, 160 * 120 = 19200 */
	{ V4L2_PIX_FMT_YUV410, 640, 480, 640, 345600, 3,
	  { { 0, 640 }, { 307200, 160 }, { 326400, 160 } } },
	/* odd: 321 columns and 241 lines of chroma, 641 * 481 = 308321, 321 * 241 = 77361 */
	{ V4L2_PIX_FMT_YUV420, 641, 481, 641, 463043, 3,
	  { { 0, 641 }, { 308321, 321 }, { 385682, 321 } } },
	/* an odd stride where the line does not need it: 643 / 2 = 321, 643 * 480 = 308640 */
	{ V4L2_PIX_FMT_YUV420, 640, 480, 643, 462720, 3,
	  { { 0, 643 }, { 308640, 321 }, { 385680, 321 } } },
	/* two bytes for each: 1280 * 480 = 614400, 1280 * 240 = 307200 */
	{ V4L2_PIX_FMT_P010, 640, 480, 1280, 921600, 2,
	  { { 0, 1280 }, { 614400, 1280 } } },
	/* four pixels in five bytes: 640 * 5 / 4 = 800, 800 * 480 = 384000 */
	{ V4L2_PIX_FMT_NV15, 640, 480, 0, 576000, 2, { { 0, 800 }, { 384000, 800 } } },
	/*
	 * 33 lines are two rows of tiles, 64 lines: 64 * 64 = 4096. Chroma has 17 lines, so
	 * one row of tiles, and is read up to the last line: 4096 + 17 * 64 = 5184.
	 */
	{ V4L2_PIX_FMT_NV12_32L32, 64, 33, 64, 5184, 2, { { 0, 64 }, { 4096, 64 } } },
	/* the driver alone knows what its compressed data is */
	{ V4L2_PIX_FMT_MJPEG, 640, 480, 0, 1000, 1, { { 0, 0 } } },
	{ V4L2_PIX_FMT_SBGGR8, 640, 480, 640, 307200, 1, { { 0, 640 } } },
};

static bool test_planes(void)
{
	struct shrbuf_format out;
	struct v4l2_format f;
	unsigned int i, p;
	size_t size;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		u32 v4l2 = layouts[i].v4l2;
		bool known = fourcc_find(v4l2);

		single(&f, v4l2, layouts[i].width, layouts[i].height, layouts[i].stride);
		EXPECT_FOR(v4l2, !shrbuf_format_from_v4l2(&f, NULL, 0, layouts[i].size,
							  &out));
		EXPECT_FOR(v4l2, out.v4l2_fourcc == v4l2);
		EXPECT_FOR(v4l2, known == !!out.fourcc);
		EXPECT_FOR(v4l2, out.nr_planes == layouts[i].nr_planes);
		EXPECT_FOR(v4l2, out.plane_mask == (1 << out.nr_planes) - 1);
		for (p = 0; p < out.nr_planes; p++) {
			EXPECT_FOR(v4l2, out.planes[p].offset ==
					 layouts[i].planes[p].offset);
			EXPECT_FOR(v4l2, out.planes[p].stride ==
					 layouts[i].planes[p].stride);
		}
		/* What is given to users could have come from one. */
		EXPECT_FOR(v4l2, !shrbuf_format_check(&out, layouts[i].size));
		if (!known)
			continue;
		/* Nothing follows the last pixel of the last line, no byte before may lack. */
		p = out.nr_planes - 1;
		size = layouts[i].size - (out.planes[p].stride -
					  line_size(fourcc_find(v4l2), p, out.width));
		EXPECT_FOR(v4l2, !shrbuf_format_from_v4l2(&f, NULL, 0, size, &out));
		EXPECT_FOR(v4l2, shrbuf_format_from_v4l2(&f, NULL, 0, size - 1, &out) ==
				 -EINVAL);
		EXPECT_FOR(v4l2, !memchr_inv(&out, 0, sizeof(out)));
	}
	return true;
}

static bool test_memories(void)
{
	struct shrbuf_format out;
	struct v4l2_format f;
	unsigned int i;

	/* each plane in its own buffer, whose strides have nothing to do with each other */
	multi(&f, V4L2_PIX_FMT_YUV420M, 640, 480, 3);
	f.fmt.pix_mp.plane_fmt[0].bytesperline = 700;
	f.fmt.pix_mp.plane_fmt[1].bytesperline = 0;
	f.fmt.pix_mp.plane_fmt[2].bytesperline = 512;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 700 * 480, &out));
	EXPECT(out.fourcc == DRM_FORMAT_YUV420 && out.nr_planes == 3);
	EXPECT(out.plane_mask == 1);
	EXPECT(out.planes[0].stride == 700 && !out.planes[1].stride);
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 1, 320 * 240, &out));
	EXPECT(out.plane_mask == 2);
	EXPECT(out.planes[1].stride == 320 && !out.planes[1].offset);
	EXPECT(!out.planes[0].stride && !out.planes[2].stride);
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 2, 512 * 240, &out));
	EXPECT(out.plane_mask == 4 && out.planes[2].stride == 512);
	EXPECT(!shrbuf_format_check(&out, 512 * 240));
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 3, 1 << 20, &out) == -EINVAL);
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 1, 320 * 240 - 1, &out) == -EINVAL);
	/* a line has 320 */
	f.fmt.pix_mp.plane_fmt[1].bytesperline = 319;
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 1, 1 << 20, &out) == -EINVAL);

	/* one memory with the multi-planar interface */
	multi(&f, V4L2_PIX_FMT_NV16, 64, 64, 1);
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 2 * 64 * 64, &out));
	EXPECT(out.plane_mask == 3 && out.planes[1].offset == 64 * 64);

	/* tiles */
	multi(&f, V4L2_PIX_FMT_NV12MT, 128, 64, 2);
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 1, 128 * 32, &out));
	EXPECT(out.fourcc == DRM_FORMAT_NV12 && out.plane_mask == 2);
	EXPECT(out.modifier == DRM_FORMAT_MOD_SAMSUNG_64_32_TILE);

	/* no name in DRM: planes are memories */
	multi(&f, v4l2_fourcc('t', 'e', 's', 't'), 64, 64, 4);
	f.fmt.pix_mp.plane_fmt[3].bytesperline = 64;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 3, 100, &out));
	EXPECT(!out.fourcc && out.nr_planes == 4 && out.plane_mask == 8);
	EXPECT(out.planes[3].stride == 64);
	EXPECT(!shrbuf_format_check(&out, 100));

	/* numbers of memories that contradict the format */
	for (i = 0; i <= VIDEO_MAX_PLANES; i++) {
		multi(&f, V4L2_PIX_FMT_NV12M, 64, 64, i);
		EXPECT((shrbuf_format_from_v4l2(&f, NULL, 0, 1 << 20, &out) == 0) ==
		       (i == 2));
		multi(&f, v4l2_fourcc('t', 'e', 's', 't'), 64, 64, i);
		EXPECT((shrbuf_format_from_v4l2(&f, NULL, 0, 1 << 20, &out) == 0) ==
		       (i >= 1 && i <= 4));
	}
	multi(&f, V4L2_PIX_FMT_NV12, 64, 64, 255);
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 200, 1 << 20, &out) == -EINVAL);
	single(&f, V4L2_PIX_FMT_NV12M, 64, 64, 64);
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 0, 1 << 20, &out) == -EINVAL);
	single(&f, V4L2_PIX_FMT_NV12, 64, 64, 64);
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 1, 1 << 20, &out) == -EINVAL);
	return true;
}

static bool test_colors_and_crop(void)
{
	struct shrbuf_format out;
	struct v4l2_format f;
	struct v4l2_rect r;

	single(&f, V4L2_PIX_FMT_YUYV, 640, 480, 1280);
	f.fmt.pix.colorspace = V4L2_COLORSPACE_REC709;
	f.fmt.pix.xfer_func = V4L2_XFER_FUNC_SRGB;
	f.fmt.pix.ycbcr_enc = V4L2_YCBCR_ENC_601;
	f.fmt.pix.quantization = V4L2_QUANTIZATION_FULL_RANGE;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 1280 * 480, &out));
	EXPECT(out.colorspace == V4L2_COLORSPACE_REC709);
	EXPECT(out.xfer_func == V4L2_XFER_FUNC_SRGB);
	EXPECT(out.ycbcr_enc == V4L2_YCBCR_ENC_601);
	EXPECT(out.quantization == V4L2_QUANTIZATION_FULL_RANGE);
	/* whoever does not know of the later fields has not set them */
	f.fmt.pix.priv = 0;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 1280 * 480, &out));
	EXPECT(out.colorspace == V4L2_COLORSPACE_REC709 && !out.xfer_func &&
	       !out.ycbcr_enc && !out.quantization);
	/* nonsense */
	f.fmt.pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;
	f.fmt.pix.colorspace = 1000;
	f.fmt.pix.xfer_func = U32_MAX;
	f.fmt.pix.ycbcr_enc = 0x101;
	f.fmt.pix.quantization = 0x101;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 1280 * 480, &out));
	EXPECT(!out.colorspace && !out.xfer_func && !out.ycbcr_enc && !out.quantization);
	multi(&f, V4L2_PIX_FMT_HSV32, 64, 64, 1);
	f.fmt.pix_mp.hsv_enc = V4L2_HSV_ENC_256;
	EXPECT(!shrbuf_format_from_v4l2(&f, NULL, 0, 64 * 64 * 4, &out));
	EXPECT(out.ycbcr_enc == V4L2_HSV_ENC_256);
	EXPECT(!shrbuf_format_check(&out, 64 * 64 * 4));

#define CROP(_left, _top, _width, _height, _x, _y, _w, _h)			\
do {										\
	r = (struct v4l2_rect){ _left, _top, _width, _height };			\
	single(&f, V4L2_PIX_FMT_GREY, 640, 480, 640);				\
	EXPECT(!shrbuf_format_from_v4l2(&f, &r, 0, 640 * 480, &out));		\
	EXPECT(out.crop.x == (_x) && out.crop.y == (_y));			\
	EXPECT(out.crop.width == (_w) && out.crop.height == (_h));		\
	EXPECT(!shrbuf_format_check(&out, 640 * 480));				\
} while (0)
	CROP(16, 8, 320, 240, 16, 8, 320, 240);
	CROP(0, 0, 640, 480, 0, 0, 640, 480);
	/* what sticks out is cut off */
	CROP(600, 470, 100, 100, 600, 470, 40, 10);
	CROP(-10, -20, 100, 100, 0, 0, 90, 80);
	CROP(0, 0, U32_MAX, U32_MAX, 0, 0, 640, 480);
	CROP(INT_MIN, INT_MIN, U32_MAX, U32_MAX, 0, 0, 640, 480);
	/* nothing left is nonsense */
	CROP(640, 0, 10, 10, 0, 0, 640, 480);
	CROP(0, 0, 0, 10, 0, 0, 640, 480);
	CROP(INT_MAX, INT_MAX, U32_MAX, U32_MAX, 0, 0, 640, 480);
#undef CROP
	return true;
}

/* Refused, or planes that lie in the buffer. Counts the latter. */
static bool hostile_format(const struct fourcc *fcc, u32 width, u32 height, u32 stride,
			   size_t size, unsigned int *accepted)
{
	unsigned int p, last = fcc->memories - 1;
	struct shrbuf_format out;
	struct v4l2_format f;

	multi(&f, fcc->v4l2, width, height, fcc->memories);
	f.fmt.pix_mp.plane_fmt[last].bytesperline = stride;
	if (shrbuf_format_from_v4l2(&f, NULL, last, size, &out)) {
		EXPECT_FOR(fcc->v4l2, !memchr_inv(&out, 0, sizeof(out)));
		return true;
	}
	++*accepted;
	for (p = 0; p < out.nr_planes; p++) {
		/* rounded down: such numbers cannot be larger than the right ones */
		u64 lines = height / (p ? fcc->vdiv : 1);
		u64 columns = width / (p ? fcc->hdiv : 1);
		u64 end = out.planes[p].offset;

		if (!(out.plane_mask & BIT(p)))
			continue;
		if (lines)
			end += (lines - 1) * out.planes[p].stride;
		EXPECT_FOR(fcc->v4l2, end < size);
		EXPECT_FOR(fcc->v4l2, out.planes[p].stride * 8ULL >= columns * fcc->bits);
	}
	return true;
}

/* Drivers with the worst numbers. */
static bool test_hostile_driver(void)
{
	static const u32 odd[] = {
		0, 1, 2, 3, 31, 33, 0x7fff, 0xffff, 0x10001, 0x7fffffff, 0x80000000,
		0xaaaaaaab, 0xfffffffe, 0xffffffff,
	};
	static const size_t sizes[] = { 0, 1, 4096, 0x10000, U32_MAX, SIZE_MAX };
	const unsigned int n = ARRAY_SIZE(odd);
	unsigned int i, j, z, accepted = 0;
	struct shrbuf_format out;
	struct v4l2_format f;

	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		for (j = 0; j < n * n * n; j++)
			for (z = 0; z < ARRAY_SIZE(sizes); z++)
				EXPECT(hostile_format(&fourccs[i], odd[j % n],
						      odd[j / n % n], odd[j / n / n],
						      sizes[z], &accepted));
		cond_resched();
	}
	EXPECT(accepted > 1000);

	/* no pictures at all */
	single(&f, V4L2_PIX_FMT_GREY, 64, 64, 64);
	f.type = V4L2_BUF_TYPE_VBI_CAPTURE;
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 0, 4096, &out) == -EINVAL);
	f.type = U32_MAX;
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 0, 4096, &out) == -EINVAL);
	single(&f, 0, 64, 64, 64);
	EXPECT(shrbuf_format_from_v4l2(&f, NULL, 0, 4096, &out) == -EINVAL);
	return true;
}

static void good_format(struct shrbuf_format *format)
{
	*format = (struct shrbuf_format){
		.fourcc = DRM_FORMAT_NV12,
		.v4l2_fourcc = V4L2_PIX_FMT_NV12,
		.width = 64, .height = 48, .nr_planes = 2, .plane_mask = 3,
		.planes = { { 0, 64 }, { 3072, 64 } },
		.crop = { 2, 4, 60, 40 },
		.colorspace = V4L2_COLORSPACE_SMPTE170M,
		.xfer_func = V4L2_XFER_FUNC_709,
		.ycbcr_enc = V4L2_YCBCR_ENC_601,
		.quantization = V4L2_QUANTIZATION_LIM_RANGE,
	};
}

#define GOOD	4608	/* 64 * 48 * 3 / 2 */

/* otherwise a good format */
#define WITH(_ret, _field, _value)					\
do {									\
	good_format(&f);						\
	f._field = _value;						\
	EXPECT(shrbuf_format_check(&f, GOOD) == (_ret));		\
} while (0)

static bool test_check(void)
{
	struct shrbuf_format f = { };

	/* not known */
	EXPECT(!shrbuf_format_check(&f, GOOD));
	f.crop.height = 1;
	EXPECT(shrbuf_format_check(&f, GOOD) == -EINVAL);
	good_format(&f);
	EXPECT(!shrbuf_format_check(&f, GOOD));
	EXPECT(!shrbuf_format_check(&f, 3073));
	EXPECT(shrbuf_format_check(&f, 3072) == -EINVAL);
	EXPECT(shrbuf_format_check(&f, 0) == -EINVAL);

	WITH(-EINVAL, width, 0);
	WITH(-EINVAL, height, 0);
	WITH(0, fourcc, 0);
	WITH(0, v4l2_fourcc, 0);
	WITH(0, fourcc, fourcc_code('t', 'e', 's', 't'));
	good_format(&f);
	f.fourcc = 0;
	f.v4l2_fourcc = 0;
	EXPECT(shrbuf_format_check(&f, GOOD) == -EINVAL);
	WITH(0, modifier, DRM_FORMAT_MOD_INVALID);
	WITH(-EINVAL, nr_planes, 0);
	WITH(-EINVAL, nr_planes, 1);
	WITH(0, nr_planes, 4);
	WITH(-EINVAL, nr_planes, 5);
	WITH(-EINVAL, nr_planes, 32);
	WITH(-EINVAL, nr_planes, U32_MAX);
	WITH(-EINVAL, plane_mask, 0);
	WITH(-EINVAL, plane_mask, 1);	/* plane 1 is not zero */
	WITH(-EINVAL, plane_mask, 7);
	WITH(-EINVAL, plane_mask, 0x80000003);
	WITH(-EINVAL, planes[2].offset, 1);
	WITH(-EINVAL, planes[3].stride, 1);
	WITH(-EINVAL, planes[1].offset, GOOD);
	WITH(0, planes[1].offset, GOOD - 1);
	WITH(-EINVAL, planes[1].offset, U32_MAX);
	WITH(0, planes[0].stride, 0);
	WITH(0, planes[0].stride, U32_MAX / 48);
	WITH(-EINVAL, planes[0].stride, U32_MAX / 48 + 1);
	WITH(-EINVAL, planes[0].stride, U32_MAX);
	WITH(-EINVAL, crop.width, 0);
	WITH(-EINVAL, crop.height, 0);
	WITH(0, crop.width, 62);
	WITH(-EINVAL, crop.width, 63);
	WITH(0, crop.height, 44);
	WITH(-EINVAL, crop.height, 45);
	WITH(-EINVAL, crop.x, 5);
	WITH(-EINVAL, crop.y, 9);
	WITH(-EINVAL, crop.x, U32_MAX);
	WITH(-EINVAL, crop.y, U32_MAX - 39);	/* + 40 is 0 */
	WITH(-EINVAL, crop.width, U32_MAX);
	WITH(0, colorspace, V4L2_COLORSPACE_DEFAULT);
	WITH(-EINVAL, colorspace, V4L2_COLORSPACE_LAST);
	WITH(-EINVAL, colorspace, U32_MAX);
	WITH(0, xfer_func, V4L2_XFER_FUNC_SMPTE2084);
	WITH(-EINVAL, xfer_func, V4L2_XFER_FUNC_LAST);
	WITH(0, ycbcr_enc, V4L2_YCBCR_ENC_DEFAULT);
	WITH(0, ycbcr_enc, V4L2_HSV_ENC_180);
	WITH(-EINVAL, ycbcr_enc, V4L2_YCBCR_ENC_LAST);
	WITH(-EINVAL, ycbcr_enc, V4L2_HSV_ENC_256 + 1);
	WITH(-EINVAL, ycbcr_enc, 0x100 | V4L2_YCBCR_ENC_601);
	WITH(-EINVAL, quantization, V4L2_QUANTIZATION_LIM_RANGE + 1);
	WITH(-EINVAL, quantization, 0x100 | V4L2_QUANTIZATION_LIM_RANGE);
	WITH(-EINVAL, reserved[0], 1);
	WITH(-EINVAL, reserved[1], 1ULL << 63);
	return true;
}

const struct selftest format_tests[] = {
	{ "format: the table, both ways", test_table },
	{ "format: geometry as V4L2 and DRM know it", test_geometry },
	{ "format: planes in one memory", test_planes },
	{ "format: planes in several memories", test_memories },
	{ "format: colours and the part with content", test_colors_and_crop },
	{ "format: drivers that say nonsense", test_hostile_driver },
	{ "format: formats from user space", test_check },
	{ }
};
