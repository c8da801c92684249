// SPDX-License-Identifier: GPL-2.0
/*
 * Formats: from V4L2 to what &struct shrbuf_format says, and back.
 */

/**
 * DOC: formats
 *
 * V4L2 and DRM have names of their own for the same formats. What a name of V4L2 means
 * is in the kernel's Documentation/userspace-api/media/v4l/pixfmt-*.rst, what one of DRM
 * means in the comments of include/uapi/drm/drm_fourcc.h. The table follows from those
 * two; tests/host/fourcc-docs reads both and compares them with it.
 *
 * Both name formats with less than 8 bits for a component, or more, by the order in a
 * little endian word. With 8 bits, V4L2 names the order of the bytes in memory, DRM
 * still that in a little endian word: V4L2_PIX_FMT_RGB24 is DRM_FORMAT_BGR888. The
 * numbers do not help: V4L2_PIX_FMT_ABGR32 and DRM_FORMAT_ARGB8888 have the same number
 * and are the same format, V4L2_PIX_FMT_AYUV32 and DRM_FORMAT_AYUV are not.
 *
 * Planes are those of the picture, in the order of DRM, which is that of V4L2. In V4L2
 * they lie one after the other in one memory, or, for the formats whose names end with M
 * and some tiled ones, each in memory of its own. In the first case V4L2 gives the stride
 * of the first plane only, and those of the others follow from it.
 *
 * A format without a name in DRM keeps its name in V4L2. Then as many planes are told as
 * the driver has memories, each beginning where its memory begins.
 */

#include <drm/drm_fourcc.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/videodev2.h>
#include <media/v4l2-common.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-compat-fourcc.h"
#include "shrbuf-priv.h"

/**
 * struct fourcc - a format that V4L2 and DRM know
 * @v4l2: V4L2_PIX_FMT_*
 * @drm: DRM_FORMAT_*
 * @modifier: DRM_FORMAT_MOD_*
 * @old: a name that V4L2 has replaced by another for the same format
 * @planes: planes of the picture
 * @memories: in how many memories they lie: one, or each in its own
 * @bits: for a pixel of the first plane
 * @hdiv: columns for which the other planes have one
 * @vdiv: lines for which the other planes have one
 * @tile: lines of a tile, which all planes have a multiple of; 1 if there are no tiles
 */
struct fourcc {
	u32 v4l2;
	u32 drm;
	u64 modifier;
	bool old;
	u8 planes;
	u8 memories;
	u8 bits;
	u8 hdiv;
	u8 vdiv;
	u8 tile;
};

#define PACKED(_v4l2, _drm, _bits)					\
{									\
	.v4l2 = V4L2_PIX_FMT_##_v4l2, .drm = _drm,			\
	.planes = 1, .memories = 1, .bits = _bits,			\
	.hdiv = 1, .vdiv = 1, .tile = 1,				\
}

#define PACKED_OLD(_v4l2, _drm, _bits)					\
{									\
	.v4l2 = V4L2_PIX_FMT_##_v4l2, .drm = _drm, .old = true,		\
	.planes = 1, .memories = 1, .bits = _bits,			\
	.hdiv = 1, .vdiv = 1, .tile = 1,				\
}

#define PLANAR(_v4l2, _drm, _planes, _memories, _bits, _hdiv, _vdiv)	\
{									\
	.v4l2 = V4L2_PIX_FMT_##_v4l2, .drm = _drm,			\
	.planes = _planes, .memories = _memories, .bits = _bits,	\
	.hdiv = _hdiv, .vdiv = _vdiv, .tile = 1,			\
}

#define TILED(_v4l2, _drm, _modifier, _memories, _tile)			\
{									\
	.v4l2 = V4L2_PIX_FMT_##_v4l2, .drm = _drm,			\
	.modifier = _modifier,						\
	.planes = 2, .memories = _memories, .bits = 8,			\
	.hdiv = 2, .vdiv = 2, .tile = _tile,				\
}

static const struct fourcc fourccs[] = {
	/* RGB, named by words */
	PACKED(RGB332, DRM_FORMAT_RGB332, 8),
	PACKED(ARGB444, DRM_FORMAT_ARGB4444, 16),
	PACKED(XRGB444, DRM_FORMAT_XRGB4444, 16),
	PACKED(RGBA444, DRM_FORMAT_RGBA4444, 16),
	PACKED(RGBX444, DRM_FORMAT_RGBX4444, 16),
	PACKED(ABGR444, DRM_FORMAT_ABGR4444, 16),
	PACKED(XBGR444, DRM_FORMAT_XBGR4444, 16),
	PACKED(BGRA444, DRM_FORMAT_BGRA4444, 16),
	PACKED(BGRX444, DRM_FORMAT_BGRX4444, 16),
	PACKED(ARGB555, DRM_FORMAT_ARGB1555, 16),
	PACKED(XRGB555, DRM_FORMAT_XRGB1555, 16),
	PACKED(RGBA555, DRM_FORMAT_RGBA5551, 16),
	PACKED(RGBX555, DRM_FORMAT_RGBX5551, 16),
	PACKED(ABGR555, DRM_FORMAT_ABGR1555, 16),
	PACKED(XBGR555, DRM_FORMAT_XBGR1555, 16),
	PACKED(BGRA555, DRM_FORMAT_BGRA5551, 16),
	PACKED(BGRX555, DRM_FORMAT_BGRX5551, 16),
	PACKED(RGB565, DRM_FORMAT_RGB565, 16),
	PACKED(ARGB555X, DRM_FORMAT_ARGB1555 | DRM_FORMAT_BIG_ENDIAN, 16),
	PACKED(XRGB555X, DRM_FORMAT_XRGB1555 | DRM_FORMAT_BIG_ENDIAN, 16),
	PACKED(RGB565X, DRM_FORMAT_RGB565 | DRM_FORMAT_BIG_ENDIAN, 16),
	PACKED(RGBX1010102, DRM_FORMAT_RGBX1010102, 32),
	PACKED(RGBA1010102, DRM_FORMAT_RGBA1010102, 32),
	PACKED(ARGB2101010, DRM_FORMAT_ARGB2101010, 32),

	/* RGB, named by bytes in V4L2, by words in DRM */
	PACKED(BGR24, DRM_FORMAT_RGB888, 24),
	PACKED(RGB24, DRM_FORMAT_BGR888, 24),
	PACKED(ABGR32, DRM_FORMAT_ARGB8888, 32),
	PACKED(XBGR32, DRM_FORMAT_XRGB8888, 32),
	PACKED(BGRA32, DRM_FORMAT_RGBA8888, 32),
	PACKED(BGRX32, DRM_FORMAT_RGBX8888, 32),
	PACKED(RGBA32, DRM_FORMAT_ABGR8888, 32),
	PACKED(RGBX32, DRM_FORMAT_XBGR8888, 32),
	PACKED(ARGB32, DRM_FORMAT_BGRA8888, 32),
	PACKED(XRGB32, DRM_FORMAT_BGRX8888, 32),

	/* the old names, with bits that are alpha or nothing, as the driver likes */
	PACKED_OLD(RGB444, DRM_FORMAT_XRGB4444, 16),
	PACKED_OLD(RGB555, DRM_FORMAT_XRGB1555, 16),
	PACKED_OLD(RGB555X, DRM_FORMAT_XRGB1555 | DRM_FORMAT_BIG_ENDIAN, 16),
	PACKED_OLD(BGR32, DRM_FORMAT_XRGB8888, 32),
	PACKED_OLD(RGB32, DRM_FORMAT_BGRX8888, 32),

	/* grey, which DRM sees as red, and a palette */
	PACKED(GREY, DRM_FORMAT_R8, 8),
	PACKED(Y10, DRM_FORMAT_R10, 16),
	PACKED(Y12, DRM_FORMAT_R12, 16),
	PACKED(Y16, DRM_FORMAT_R16, 16),
	PACKED(Y16_BE, DRM_FORMAT_R16 | DRM_FORMAT_BIG_ENDIAN, 16),
	PACKED(PAL8, DRM_FORMAT_C8, 8),

	/* YUV 4:2:2: both name the bytes */
	PACKED(YUYV, DRM_FORMAT_YUYV, 16),
	PACKED(YVYU, DRM_FORMAT_YVYU, 16),
	PACKED(UYVY, DRM_FORMAT_UYVY, 16),
	PACKED(VYUY, DRM_FORMAT_VYUY, 16),
	PACKED(Y210, DRM_FORMAT_Y210, 32),
	PACKED(Y212, DRM_FORMAT_Y212, 32),
	PACKED(Y216, DRM_FORMAT_Y216, 32),

	/* YUV 4:4:4, named by bytes in V4L2, by words in DRM */
	PACKED(YUV24, DRM_FORMAT_VUY888, 24),
	PACKED(VUYA32, DRM_FORMAT_AYUV, 32),
	PACKED(VUYX32, DRM_FORMAT_XYUV8888, 32),
	PACKED(YUVA32, DRM_FORMAT_AVUY8888, 32),
	PACKED(YUVX32, DRM_FORMAT_XVUY8888, 32),
	PACKED(AYUV32, DRM_FORMAT_AYUV | DRM_FORMAT_BIG_ENDIAN, 32),
	PACKED(XYUV32, DRM_FORMAT_XYUV8888 | DRM_FORMAT_BIG_ENDIAN, 32),
	PACKED_OLD(YUV32, DRM_FORMAT_AYUV | DRM_FORMAT_BIG_ENDIAN, 32),

	/* two planes: Y, and U with V */
	PLANAR(NV12, DRM_FORMAT_NV12, 2, 1, 8, 2, 2),
	PLANAR(NV21, DRM_FORMAT_NV21, 2, 1, 8, 2, 2),
	PLANAR(NV16, DRM_FORMAT_NV16, 2, 1, 8, 2, 1),
	PLANAR(NV61, DRM_FORMAT_NV61, 2, 1, 8, 2, 1),
	PLANAR(NV24, DRM_FORMAT_NV24, 2, 1, 8, 1, 1),
	PLANAR(NV42, DRM_FORMAT_NV42, 2, 1, 8, 1, 1),
	PLANAR(NV15, DRM_FORMAT_NV15, 2, 1, 10, 2, 2),
	PLANAR(NV20, DRM_FORMAT_NV20, 2, 1, 10, 2, 1),
	PLANAR(P010, DRM_FORMAT_P010, 2, 1, 16, 2, 2),
	PLANAR(P012, DRM_FORMAT_P012, 2, 1, 16, 2, 2),
	PLANAR(NV12M, DRM_FORMAT_NV12, 2, 2, 8, 2, 2),
	PLANAR(NV21M, DRM_FORMAT_NV21, 2, 2, 8, 2, 2),
	PLANAR(NV16M, DRM_FORMAT_NV16, 2, 2, 8, 2, 1),
	PLANAR(NV61M, DRM_FORMAT_NV61, 2, 2, 8, 2, 1),
	PLANAR(P012M, DRM_FORMAT_P012, 2, 2, 16, 2, 2),

	/* three planes: Y, U, V or Y, V, U */
	PLANAR(YUV410, DRM_FORMAT_YUV410, 3, 1, 8, 4, 4),
	PLANAR(YVU410, DRM_FORMAT_YVU410, 3, 1, 8, 4, 4),
	PLANAR(YUV411P, DRM_FORMAT_YUV411, 3, 1, 8, 4, 1),
	PLANAR(YUV420, DRM_FORMAT_YUV420, 3, 1, 8, 2, 2),
	PLANAR(YVU420, DRM_FORMAT_YVU420, 3, 1, 8, 2, 2),
	PLANAR(YUV422P, DRM_FORMAT_YUV422, 3, 1, 8, 2, 1),
	PLANAR(YUV420M, DRM_FORMAT_YUV420, 3, 3, 8, 2, 2),
	PLANAR(YVU420M, DRM_FORMAT_YVU420, 3, 3, 8, 2, 2),
	PLANAR(YUV422M, DRM_FORMAT_YUV422, 3, 3, 8, 2, 1),
	PLANAR(YVU422M, DRM_FORMAT_YVU422, 3, 3, 8, 2, 1),
	PLANAR(YUV444M, DRM_FORMAT_YUV444, 3, 3, 8, 1, 1),
	PLANAR(YVU444M, DRM_FORMAT_YVU444, 3, 3, 8, 1, 1),

	/*
	 * Tiles. Other tiled formats of V4L2 have no modifier that says exactly the
	 * same of the chroma plane.
	 */
	TILED(NV12MT, DRM_FORMAT_NV12, DRM_FORMAT_MOD_SAMSUNG_64_32_TILE, 2, 32),
	TILED(NV12MT_16X16, DRM_FORMAT_NV12, DRM_FORMAT_MOD_SAMSUNG_16_16_TILE, 2, 16),
	TILED(NV12_32L32, DRM_FORMAT_NV12, DRM_FORMAT_MOD_ALLWINNER_TILED, 1, 32),
	TILED(MM21, DRM_FORMAT_NV12, DRM_FORMAT_MOD_MTK_16L_32S_TILE, 2, 32),
};

static const struct fourcc *fourcc_find(u32 v4l2)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fourccs); i++)
		if (fourccs[i].v4l2 == v4l2)
			return &fourccs[i];
	return NULL;
}

/**
 * shrbuf_fourcc_to_v4l2 - the name that V4L2 has for a format of DRM
 * @drm_fourcc: DRM_FORMAT_*
 * @modifier: DRM_FORMAT_MOD_*. DRM_FORMAT_MOD_INVALID says nothing, and is unknown.
 * @one_memory: all planes lie in one memory, else each has its own. Makes no difference
 *	for a format with one plane.
 *
 * Context: any
 * Return: V4L2_PIX_FMT_*, 0 if V4L2 has none
 */
u32 shrbuf_fourcc_to_v4l2(u32 drm_fourcc, u64 modifier, bool one_memory)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		const struct fourcc *fcc = &fourccs[i];
		bool one = fcc->memories == 1;

		if (fcc->drm == drm_fourcc && fcc->modifier == modifier && !fcc->old &&
		    (fcc->planes == 1 || one == one_memory))
			return fcc->v4l2;
	}
	return 0;
}

/* Bytes that a line of a plane takes at least. */
static u64 line_size(const struct fourcc *fcc, unsigned int plane, u32 width)
{
	u64 columns = width;
	unsigned int bits = fcc->bits;

	if (plane) {
		columns = DIV_ROUND_UP_ULL(columns, fcc->hdiv);
		/* U and V together */
		if (fcc->planes == 2)
			bits *= 2;
	}
	return DIV_ROUND_UP_ULL(columns * bits, 8);
}

/* Stride of a plane that lies in the same memory as the first one. */
static u64 line_stride(const struct fourcc *fcc, unsigned int plane, u64 first,
		       u32 width)
{
	u64 stride = first;

	if (!plane)
		return stride;
	if (fcc->planes == 2)
		stride *= 2;
	/* An odd one is rounded up only where the line needs it. */
	return max(div_u64(stride, fcc->hdiv), line_size(fcc, plane, width));
}

/*
 * The planes that lie in one memory. @stride is what the driver said, perhaps 0, which
 * stands for lines without a gap.
 */
static int format_planes(const struct fourcc *fcc, unsigned int mem_plane, u32 stride,
			 u64 size, struct shrbuf_format *out)
{
	unsigned int plane = fcc->memories > 1 ? mem_plane : 0;
	unsigned int last = fcc->memories > 1 ? mem_plane : fcc->planes - 1;
	u64 first = stride ?: line_size(fcc, plane, out->width);
	u64 offset = 0;

	for (; plane <= last; plane++) {
		u64 lines = out->height;
		u64 bytes = line_size(fcc, plane, out->width);
		u64 step = first;

		if (fcc->memories == 1)
			step = line_stride(fcc, plane, first, out->width);
		if (plane)
			lines = DIV_ROUND_UP_ULL(lines, fcc->vdiv);
		/*
		 * @size has 32 bits, so now @step and @lines have, and their product
		 * fits. What follows the first plane is at most twice as large.
		 */
		if (bytes > step || step > size ||
		    offset + (lines - 1) * step + bytes > size)
			return -EINVAL;
		out->planes[plane].offset = offset;
		out->planes[plane].stride = step;
		out->plane_mask |= BIT(plane);
		offset += ALIGN(lines, (u64)fcc->tile) * step;
	}
	return 0;
}

/* The part with content, or all if the driver says something impossible. */
static void format_crop(const struct v4l2_rect *crop, struct shrbuf_format *out)
{
	s64 left = 0, top = 0, right = out->width, bottom = out->height;

	if (crop) {
		left = max_t(s64, left, crop->left);
		top = max_t(s64, top, crop->top);
		right = min_t(s64, right, (s64)crop->left + crop->width);
		bottom = min_t(s64, bottom, (s64)crop->top + crop->height);
	}
	if (left < right && top < bottom) {
		out->crop.x = left;
		out->crop.y = top;
		out->crop.width = right - left;
		out->crop.height = bottom - top;
	} else {
		out->crop.width = out->width;
		out->crop.height = out->height;
	}
}

static bool colorspace_ok(u32 value)
{
	return value == V4L2_COLORSPACE_DEFAULT || v4l2_is_colorspace_valid(value);
}

static bool xfer_func_ok(u32 value)
{
	return value == V4L2_XFER_FUNC_DEFAULT || v4l2_is_xfer_func_valid(value);
}

/* The helpers of V4L2 for these two look at 8 bits only. */
static bool ycbcr_enc_ok(u32 value)
{
	return value == V4L2_YCBCR_ENC_DEFAULT ||
	       (value <= U8_MAX && (v4l2_is_ycbcr_enc_valid(value) ||
				    v4l2_is_hsv_enc_valid(value)));
}

static bool quantization_ok(u32 value)
{
	return value == V4L2_QUANTIZATION_DEFAULT ||
	       (value <= U8_MAX && v4l2_is_quant_valid(value));
}

/* What is not known is the default. */
static void format_colors(u32 colorspace, u32 xfer_func, u32 ycbcr_enc,
			  u32 quantization, struct shrbuf_format *out)
{
	out->colorspace = colorspace_ok(colorspace) ? colorspace : 0;
	out->xfer_func = xfer_func_ok(xfer_func) ? xfer_func : 0;
	out->ycbcr_enc = ycbcr_enc_ok(ycbcr_enc) ? ycbcr_enc : 0;
	out->quantization = quantization_ok(quantization) ? quantization : 0;
}

/**
 * shrbuf_format_from_v4l2 - how a buffer of a video device is to be read
 * @f: the format, as VIDIOC_G_FMT gives it, of a video capture or output queue, single-
 *	or multi-planar. What it says is not trusted.
 * @crop: the part of the picture with content, NULL for all of it
 * @mem_plane: which plane of the V4L2 buffer the memory is, 0 for single-planar
 * @size: of the memory, in bytes
 * @out: out: the format, all zero if it fails
 *
 * A format that DRM has no name for gets &shrbuf_format.fourcc and
 * &shrbuf_format.modifier 0, and as many planes as V4L2 has memories: @mem_plane begins at
 * offset 0 with the stride of V4L2, which is 0 for compressed ones.
 *
 * &v4l2_plane.data_offset is not part of a format, but of a frame: it is not in the
 * offsets.
 *
 * Context: any
 * Return: 0; -EINVAL if @f is no format of a picture, contradicts itself, or describes
 * planes that do not lie in @size bytes
 */
int shrbuf_format_from_v4l2(const struct v4l2_format *f, const struct v4l2_rect *crop,
			    unsigned int mem_plane, size_t size,
			    struct shrbuf_format *out)
{
	const struct v4l2_pix_format_mplane *mp = &f->fmt.pix_mp;
	const struct v4l2_pix_format *pix = &f->fmt.pix;
	unsigned int memories = 1;
	const struct fourcc *fcc;
	u32 stride;
	int ret = 0;

	memset(out, 0, sizeof(*out));
	switch (f->type) {
	case V4L2_BUF_TYPE_VIDEO_CAPTURE:
	case V4L2_BUF_TYPE_VIDEO_OUTPUT:
		out->v4l2_fourcc = pix->pixelformat;
		out->width = pix->width;
		out->height = pix->height;
		stride = pix->bytesperline;
		if (pix->priv == V4L2_PIX_FMT_PRIV_MAGIC)
			format_colors(pix->colorspace, pix->xfer_func, pix->ycbcr_enc,
				      pix->quantization, out);
		else
			format_colors(pix->colorspace, 0, 0, 0, out);
		break;
	case V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
	case V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE:
		memories = mp->num_planes;
		if (mem_plane >= memories || memories > SHRBUF_MAX_PLANES)
			return -EINVAL;
		out->v4l2_fourcc = mp->pixelformat;
		out->width = mp->width;
		out->height = mp->height;
		stride = mp->plane_fmt[mem_plane].bytesperline;
		format_colors(mp->colorspace, mp->xfer_func, mp->ycbcr_enc,
			      mp->quantization, out);
		break;
	default:
		return -EINVAL;
	}

	fcc = fourcc_find(out->v4l2_fourcc);
	if (mem_plane >= memories || !size || !out->v4l2_fourcc || !out->width ||
	    !out->height || (fcc && fcc->memories != memories)) {
		ret = -EINVAL;
	} else if (fcc) {
		out->fourcc = fcc->drm;
		out->modifier = fcc->modifier;
		out->nr_planes = fcc->planes;
		ret = format_planes(fcc, mem_plane, stride, min_t(u64, size, U32_MAX),
				    out);
	} else {
		out->nr_planes = memories;
		out->plane_mask = BIT(mem_plane);
		out->planes[mem_plane].stride = stride;
	}
	if (ret)
		memset(out, 0, sizeof(*out));
	else
		format_crop(crop, out);
	return ret;
}

/* The planes of a format from user space. */
static bool planes_ok(const struct shrbuf_format *format, size_t size)
{
	unsigned int i;

	if (!format->nr_planes || format->nr_planes > SHRBUF_MAX_PLANES ||
	    !format->plane_mask || format->plane_mask >> format->nr_planes)
		return false;
	for (i = 0; i < SHRBUF_MAX_PLANES; i++) {
		const struct shrbuf_format_plane *plane = &format->planes[i];

		if (!(format->plane_mask & BIT(i))) {
			if (plane->offset || plane->stride)
				return false;
			continue;
		}
		if (plane->offset >= size)
			return false;
		/* No buffer is as large, and readers need not look for overflows. */
		if ((u64)plane->stride * format->height > U32_MAX)
			return false;
	}
	return true;
}

static bool crop_ok(const struct shrbuf_format *format)
{
	const struct shrbuf_rect *crop = &format->crop;

	return crop->width && crop->width <= format->width &&
	       crop->x <= format->width - crop->width &&
	       crop->height && crop->height <= format->height &&
	       crop->y <= format->height - crop->height;
}

/**
 * shrbuf_format_check - check the argument of SHRBUF_IOC_SET_FORMAT
 * @format: from user space
 * @size: of the buffer, in bytes
 *
 * Names of formats need not be known here: what is new to the kernel may be well known
 * to those who share the buffer.
 *
 * Context: any
 * Return: 0, or -EINVAL as documented there
 */
int shrbuf_format_check(const struct shrbuf_format *format, size_t size)
{
	if (!format->width)
		return memchr_inv(format, 0, sizeof(*format)) ? -EINVAL : 0;
	if (!format->height || (!format->fourcc && !format->v4l2_fourcc) ||
	    format->reserved[0] || format->reserved[1] ||
	    !planes_ok(format, size) || !crop_ok(format) ||
	    !colorspace_ok(format->colorspace) || !xfer_func_ok(format->xfer_func) ||
	    !ycbcr_enc_ok(format->ycbcr_enc) || !quantization_ok(format->quantization))
		return -EINVAL;
	return 0;
}
