// SPDX-License-Identifier: GPL-2.0
/*
 * The table of formats.
 *
 * V4L2 names the bytes in the order of their addresses, DRM the bits of a little-endian
 * word. So V4L2's BGR is DRM's RGB. Only formats whose planes are in one piece of memory
 * are here, because then a buffer is one dma-buf.
 *
 * RGB comes first because every display shows it, then formats of one plane, because not
 * every importer is good at more.
 */

#include <stddef.h>
#include <string.h>

#include <drm_fourcc.h>
#include <linux/videodev2.h>

#include "formats.h"

const struct format formats[] = {
	{ V4L2_PIX_FMT_XBGR32,	DRM_FORMAT_XRGB8888,	1, 1, 1 },
	{ V4L2_PIX_FMT_ABGR32,	DRM_FORMAT_ARGB8888,	1, 1, 1 },
	{ V4L2_PIX_FMT_RGBX32,	DRM_FORMAT_XBGR8888,	1, 1, 1 },
	{ V4L2_PIX_FMT_RGBA32,	DRM_FORMAT_ABGR8888,	1, 1, 1 },
	{ V4L2_PIX_FMT_BGR24,	DRM_FORMAT_RGB888,	1, 1, 1 },
	{ V4L2_PIX_FMT_RGB24,	DRM_FORMAT_BGR888,	1, 1, 1 },
	{ V4L2_PIX_FMT_RGB565,	DRM_FORMAT_RGB565,	1, 1, 1 },
	{ V4L2_PIX_FMT_YUYV,	DRM_FORMAT_YUYV,	1, 1, 1 },
	{ V4L2_PIX_FMT_YVYU,	DRM_FORMAT_YVYU,	1, 1, 1 },
	{ V4L2_PIX_FMT_UYVY,	DRM_FORMAT_UYVY,	1, 1, 1 },
	{ V4L2_PIX_FMT_VYUY,	DRM_FORMAT_VYUY,	1, 1, 1 },
	{ V4L2_PIX_FMT_NV12,	DRM_FORMAT_NV12,	2, 1, 2 },
	{ V4L2_PIX_FMT_NV21,	DRM_FORMAT_NV21,	2, 1, 2 },
	{ V4L2_PIX_FMT_NV16,	DRM_FORMAT_NV16,	2, 1, 1 },
	{ V4L2_PIX_FMT_YUV420,	DRM_FORMAT_YUV420,	3, 2, 2 },
	{ V4L2_PIX_FMT_YVU420,	DRM_FORMAT_YVU420,	3, 2, 2 },
	{ V4L2_PIX_FMT_YUV422P,	DRM_FORMAT_YUV422,	3, 2, 1 },
	{ 0, 0, 0, 0, 0 },
};

const struct format *format_find(uint32_t v4l2)
{
	const struct format *format;

	for (format = formats; format->planes; format++)
		if (format->v4l2 == v4l2)
			return format;
	return NULL;
}

void format_layout(const struct format *format, uint32_t bytesperline, uint32_t height,
		   struct layout *layout)
{
	uint32_t offset = bytesperline * height;
	unsigned int i;

	memset(layout, 0, sizeof(*layout));
	layout->pitch[0] = bytesperline;
	for (i = 1; i < format->planes; i++) {
		layout->offset[i] = offset;
		layout->pitch[i] = bytesperline / format->pitch_divisor;
		offset += layout->pitch[i] * (height / format->rows_divisor);
	}
}
