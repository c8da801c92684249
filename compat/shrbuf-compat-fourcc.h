/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of formats that came to the headers after 6.1. The numbers are part of the user
 * interface of V4L2 and DRM and never change, so older kernels may know them as well.
 */
#ifndef _SHRBUF_COMPAT_FOURCC_H
#define _SHRBUF_COMPAT_FOURCC_H

#include <drm/drm_fourcc.h>
#include <linux/videodev2.h>

/* 6.3 */
#ifndef V4L2_PIX_FMT_RGBX1010102
#define V4L2_PIX_FMT_RGBX1010102	v4l2_fourcc('R', 'X', '3', '0')
#endif
#ifndef V4L2_PIX_FMT_RGBA1010102
#define V4L2_PIX_FMT_RGBA1010102	v4l2_fourcc('R', 'A', '3', '0')
#endif
#ifndef V4L2_PIX_FMT_ARGB2101010
#define V4L2_PIX_FMT_ARGB2101010	v4l2_fourcc('A', 'R', '3', '0')
#endif
#ifndef V4L2_PIX_FMT_Y210
#define V4L2_PIX_FMT_Y210		v4l2_fourcc('Y', '2', '1', '0')
#endif
#ifndef V4L2_PIX_FMT_Y212
#define V4L2_PIX_FMT_Y212		v4l2_fourcc('Y', '2', '1', '2')
#endif
#ifndef V4L2_PIX_FMT_Y216
#define V4L2_PIX_FMT_Y216		v4l2_fourcc('Y', '2', '1', '6')
#endif

/* 6.4 */
#ifndef V4L2_PIX_FMT_P012
#define V4L2_PIX_FMT_P012		v4l2_fourcc('P', '0', '1', '2')
#endif
#ifndef V4L2_PIX_FMT_P012M
#define V4L2_PIX_FMT_P012M		v4l2_fourcc('P', 'M', '1', '2')
#endif

/* 6.14 */
#ifndef V4L2_PIX_FMT_NV15
#define V4L2_PIX_FMT_NV15		v4l2_fourcc('N', 'V', '1', '5')
#endif
#ifndef V4L2_PIX_FMT_NV20
#define V4L2_PIX_FMT_NV20		v4l2_fourcc('N', 'V', '2', '0')
#endif
#ifndef DRM_FORMAT_NV20
#define DRM_FORMAT_NV20			fourcc_code('N', 'V', '2', '0')
#endif
#ifndef DRM_FORMAT_MOD_VENDOR_MTK
#define DRM_FORMAT_MOD_VENDOR_MTK	0x0b
#endif
#ifndef DRM_FORMAT_MOD_MTK_16L_32S_TILE
#define DRM_FORMAT_MOD_MTK_16L_32S_TILE	fourcc_mod_code(MTK, 1)
#endif

#endif /* _SHRBUF_COMPAT_FOURCC_H */
