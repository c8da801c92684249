// SPDX-License-Identifier: GPL-2.0
/*
 * Names of formats and layouts of pictures: GStreamer's, DRM's, and those of shared
 * buffers. GStreamer names the bytes in memory, DRM a little endian word.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <drm_fourcc.h>
#include <gst/allocators/gstdmabuf.h>
#include <linux/videodev2.h>

#include "gstshrbufformat.h"

static const struct
{
  GstVideoFormat format;
  guint32 fourcc;
} formats[] = {
  {GST_VIDEO_FORMAT_BGRx, DRM_FORMAT_XRGB8888},
  {GST_VIDEO_FORMAT_BGRA, DRM_FORMAT_ARGB8888},
  {GST_VIDEO_FORMAT_RGBx, DRM_FORMAT_XBGR8888},
  {GST_VIDEO_FORMAT_RGBA, DRM_FORMAT_ABGR8888},
  {GST_VIDEO_FORMAT_xBGR, DRM_FORMAT_RGBX8888},
  {GST_VIDEO_FORMAT_ABGR, DRM_FORMAT_RGBA8888},
  {GST_VIDEO_FORMAT_xRGB, DRM_FORMAT_BGRX8888},
  {GST_VIDEO_FORMAT_ARGB, DRM_FORMAT_BGRA8888},
  {GST_VIDEO_FORMAT_BGR10A2_LE, DRM_FORMAT_ARGB2101010},
  {GST_VIDEO_FORMAT_RGB10A2_LE, DRM_FORMAT_ABGR2101010},
  {GST_VIDEO_FORMAT_NV12, DRM_FORMAT_NV12},
  {GST_VIDEO_FORMAT_NV21, DRM_FORMAT_NV21},
  {GST_VIDEO_FORMAT_NV16, DRM_FORMAT_NV16},
  {GST_VIDEO_FORMAT_NV61, DRM_FORMAT_NV61},
  {GST_VIDEO_FORMAT_NV24, DRM_FORMAT_NV24},
  {GST_VIDEO_FORMAT_P010_10LE, DRM_FORMAT_P010},
  {GST_VIDEO_FORMAT_P012_LE, DRM_FORMAT_P012},
  {GST_VIDEO_FORMAT_P016_LE, DRM_FORMAT_P016},
  {GST_VIDEO_FORMAT_I420, DRM_FORMAT_YUV420},
  {GST_VIDEO_FORMAT_YV12, DRM_FORMAT_YVU420},
  {GST_VIDEO_FORMAT_Y42B, DRM_FORMAT_YUV422},
  {GST_VIDEO_FORMAT_Y444, DRM_FORMAT_YUV444},
  {GST_VIDEO_FORMAT_Y41B, DRM_FORMAT_YUV411},
  {GST_VIDEO_FORMAT_YUY2, DRM_FORMAT_YUYV},
  {GST_VIDEO_FORMAT_UYVY, DRM_FORMAT_UYVY},
  {GST_VIDEO_FORMAT_YVYU, DRM_FORMAT_YVYU},
  {GST_VIDEO_FORMAT_VYUY, DRM_FORMAT_VYUY},
  {GST_VIDEO_FORMAT_VUYA, DRM_FORMAT_AYUV},
  {GST_VIDEO_FORMAT_RGB, DRM_FORMAT_BGR888},
  {GST_VIDEO_FORMAT_BGR, DRM_FORMAT_RGB888},
  {GST_VIDEO_FORMAT_RGB16, DRM_FORMAT_RGB565},
  {GST_VIDEO_FORMAT_BGR16, DRM_FORMAT_BGR565},
  {GST_VIDEO_FORMAT_RGB15, DRM_FORMAT_XRGB1555},
  {GST_VIDEO_FORMAT_BGR15, DRM_FORMAT_XBGR1555},
  {GST_VIDEO_FORMAT_GRAY8, DRM_FORMAT_R8},
};

guint32
gst_shrbuf_format_to_fourcc (GstVideoFormat format)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].format == format)
      return formats[i].fourcc;
  return 0;
}

GstVideoFormat
gst_shrbuf_format_from_fourcc (guint32 fourcc)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].fourcc == fourcc)
      return formats[i].format;
  return GST_VIDEO_FORMAT_UNKNOWN;
}

/* Colours. Several values of GStreamer may be one of V4L2, the first is what comes back. */

static const struct
{
  GstVideoColorPrimaries primaries;
  guint32 colorspace;
} primaries[] = {
  {GST_VIDEO_COLOR_PRIMARIES_SMPTE170M, V4L2_COLORSPACE_SMPTE170M},
  {GST_VIDEO_COLOR_PRIMARIES_SMPTE240M, V4L2_COLORSPACE_SMPTE240M},
  {GST_VIDEO_COLOR_PRIMARIES_BT709, V4L2_COLORSPACE_REC709},
  {GST_VIDEO_COLOR_PRIMARIES_BT709, V4L2_COLORSPACE_SRGB},
  {GST_VIDEO_COLOR_PRIMARIES_BT709, V4L2_COLORSPACE_JPEG},
  {GST_VIDEO_COLOR_PRIMARIES_BT470M, V4L2_COLORSPACE_470_SYSTEM_M},
  {GST_VIDEO_COLOR_PRIMARIES_BT470BG, V4L2_COLORSPACE_470_SYSTEM_BG},
  {GST_VIDEO_COLOR_PRIMARIES_BT2020, V4L2_COLORSPACE_BT2020},
  {GST_VIDEO_COLOR_PRIMARIES_ADOBERGB, V4L2_COLORSPACE_OPRGB},
  {GST_VIDEO_COLOR_PRIMARIES_SMPTERP431, V4L2_COLORSPACE_DCI_P3},
};

static const struct
{
  GstVideoTransferFunction transfer;
  guint32 xfer_func;
} transfers[] = {
  {GST_VIDEO_TRANSFER_BT709, V4L2_XFER_FUNC_709},
  {GST_VIDEO_TRANSFER_BT601, V4L2_XFER_FUNC_709},
  {GST_VIDEO_TRANSFER_BT2020_10, V4L2_XFER_FUNC_709},
  {GST_VIDEO_TRANSFER_BT2020_12, V4L2_XFER_FUNC_709},
  {GST_VIDEO_TRANSFER_SRGB, V4L2_XFER_FUNC_SRGB},
  {GST_VIDEO_TRANSFER_ADOBERGB, V4L2_XFER_FUNC_OPRGB},
  {GST_VIDEO_TRANSFER_SMPTE240M, V4L2_XFER_FUNC_SMPTE240M},
  {GST_VIDEO_TRANSFER_GAMMA10, V4L2_XFER_FUNC_NONE},
  {GST_VIDEO_TRANSFER_SMPTE2084, V4L2_XFER_FUNC_SMPTE2084},
};

static const struct
{
  GstVideoColorMatrix matrix;
  guint32 encoding;
} matrices[] = {
  {GST_VIDEO_COLOR_MATRIX_BT601, V4L2_YCBCR_ENC_601},
  {GST_VIDEO_COLOR_MATRIX_BT709, V4L2_YCBCR_ENC_709},
  {GST_VIDEO_COLOR_MATRIX_BT2020, V4L2_YCBCR_ENC_BT2020},
  {GST_VIDEO_COLOR_MATRIX_SMPTE240M, V4L2_YCBCR_ENC_SMPTE240M},
};

static void
colours_from_info (struct shrbuf_format *format, const GstVideoInfo * info)
{
  const GstVideoColorimetry *c = &info->colorimetry;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (primaries) && !format->colorspace; i++)
    if (primaries[i].primaries == c->primaries)
      format->colorspace = primaries[i].colorspace;
  if (GST_VIDEO_INFO_IS_RGB (info)
      && format->colorspace == V4L2_COLORSPACE_REC709)
    format->colorspace = V4L2_COLORSPACE_SRGB;
  for (i = 0; i < G_N_ELEMENTS (transfers) && !format->xfer_func; i++)
    if (transfers[i].transfer == c->transfer)
      format->xfer_func = transfers[i].xfer_func;
  for (i = 0; i < G_N_ELEMENTS (matrices) && !format->ycbcr_enc; i++)
    if (matrices[i].matrix == c->matrix)
      format->ycbcr_enc = matrices[i].encoding;
  if (c->range == GST_VIDEO_COLOR_RANGE_0_255)
    format->quantization = V4L2_QUANTIZATION_FULL_RANGE;
  else if (c->range == GST_VIDEO_COLOR_RANGE_16_235)
    format->quantization = V4L2_QUANTIZATION_LIM_RANGE;
}

/* Without a colour space it stays what GStreamer has as default. */
static void
colours_to_info (const struct shrbuf_format *format, GstVideoInfo * info)
{
  GstVideoColorimetry *c = &info->colorimetry;
  guint32 colorspace = format->colorspace;
  guint32 transfer = format->xfer_func, encoding = format->ycbcr_enc;
  guint32 range = format->quantization;
  guint i;

  if (colorspace && !transfer)
    transfer = V4L2_MAP_XFER_FUNC_DEFAULT (colorspace);
  if (colorspace && !encoding)
    encoding = V4L2_MAP_YCBCR_ENC_DEFAULT (colorspace);
  if (colorspace && !range)
    range = V4L2_MAP_QUANTIZATION_DEFAULT (GST_VIDEO_INFO_IS_RGB (info),
        colorspace, encoding);
  for (i = 0; i < G_N_ELEMENTS (primaries); i++)
    if (primaries[i].colorspace == colorspace)
      c->primaries = primaries[i].primaries;
  for (i = G_N_ELEMENTS (transfers); i > 0; i--)
    if (transfers[i - 1].xfer_func == transfer)
      c->transfer = transfers[i - 1].transfer;
  /* the same curve, two names */
  if (c->transfer == GST_VIDEO_TRANSFER_BT709
      && c->primaries == GST_VIDEO_COLOR_PRIMARIES_SMPTE170M)
    c->transfer = GST_VIDEO_TRANSFER_BT601;
  if (GST_VIDEO_INFO_IS_YUV (info))
    for (i = 0; i < G_N_ELEMENTS (matrices); i++)
      if (matrices[i].encoding == encoding)
        c->matrix = matrices[i].matrix;
  if (range == V4L2_QUANTIZATION_FULL_RANGE)
    c->range = GST_VIDEO_COLOR_RANGE_0_255;
  else if (range == V4L2_QUANTIZATION_LIM_RANGE)
    c->range = GST_VIDEO_COLOR_RANGE_16_235;
}

gboolean
gst_shrbuf_format_from_info (struct shrbuf_format *format,
    const GstVideoInfo * info)
{
  guint32 fourcc = gst_shrbuf_format_to_fourcc (GST_VIDEO_INFO_FORMAT (info));
  guint i;

  memset (format, 0, sizeof (*format));
  if (!fourcc || !info->width || !info->height)
    return FALSE;
  format->fourcc = fourcc;
  format->modifier = DRM_FORMAT_MOD_LINEAR;
  format->width = info->width;
  format->height = info->height;
  format->nr_planes = GST_VIDEO_INFO_N_PLANES (info);
  format->plane_mask = (1 << format->nr_planes) - 1;
  for (i = 0; i < format->nr_planes; i++) {
    format->planes[i].offset = GST_VIDEO_INFO_PLANE_OFFSET (info, i);
    format->planes[i].stride = GST_VIDEO_INFO_PLANE_STRIDE (info, i);
  }
  format->crop.width = info->width;
  format->crop.height = info->height;
  colours_from_info (format, info);
  return TRUE;
}

gboolean
gst_shrbuf_format_to_info (const struct shrbuf_format *format,
    GstVideoInfo * info)
{
  GstVideoFormat name = gst_shrbuf_format_from_fourcc (format->fourcc);
  guint i;

  if (name == GST_VIDEO_FORMAT_UNKNOWN
      || format->modifier != DRM_FORMAT_MOD_LINEAR
      || !gst_video_info_set_format (info, name, format->width,
          format->height) || format->nr_planes != GST_VIDEO_INFO_N_PLANES (info)
      || format->plane_mask != (1u << format->nr_planes) - 1)
    return FALSE;
  for (i = 0; i < format->nr_planes; i++) {
    info->offset[i] = format->planes[i].offset;
    info->stride[i] = format->planes[i].stride;
  }
  colours_to_info (format, info);
  return TRUE;
}

void
gst_shrbuf_info_from_buffer (GstVideoInfo * info,
    const GstVideoInfo * caps_info, GstBuffer * buffer)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  guint i;

  *info = *caps_info;
  info->size = gst_buffer_get_size (buffer);
  if (!meta)
    return;
  for (i = 0; i < meta->n_planes; i++) {
    info->offset[i] = meta->offset[i];
    info->stride[i] = meta->stride[i];
  }
}

GstVideoMeta *
gst_shrbuf_buffer_add_meta (GstBuffer * buffer, const GstVideoInfo * info)
{
  gsize offset[GST_VIDEO_MAX_PLANES];
  gint stride[GST_VIDEO_MAX_PLANES];

  memcpy (offset, info->offset, sizeof (offset));
  memcpy (stride, info->stride, sizeof (stride));
  return gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_INFO_FORMAT (info), GST_VIDEO_INFO_WIDTH (info),
      GST_VIDEO_INFO_HEIGHT (info), GST_VIDEO_INFO_N_PLANES (info), offset,
      stride);
}

/* caps */

static void
append_string (GValue * list, const gchar * string)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, string);
  gst_value_list_append_and_take_value (list, &value);
}

static GstStructure *
any_size (void)
{
  return gst_structure_new ("video/x-raw",
      "width", GST_TYPE_INT_RANGE, 1, G_MAXINT,
      "height", GST_TYPE_INT_RANGE, 1, G_MAXINT,
      "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
}

static void
append_dmabuf (GstCaps * caps, GstStructure * structure)
{
  gst_caps_append_structure_full (caps, structure,
      gst_caps_features_new (GST_CAPS_FEATURE_MEMORY_DMABUF, NULL));
}

#if GST_CHECK_VERSION (1, 24, 0)
static void
append_dma_drm (GstCaps * caps, const guint32 * fourccs, guint nr)
{
  GstStructure *structure = any_size ();
  GValue names = G_VALUE_INIT;
  guint i;

  gst_value_list_init (&names, nr);
  for (i = 0; i < nr; i++) {
    gchar *name =
        gst_video_dma_drm_fourcc_to_string (fourccs[i], DRM_FORMAT_MOD_LINEAR);

    if (name)
      append_string (&names, name);
    g_free (name);
  }
  gst_structure_set (structure, "format", G_TYPE_STRING, "DMA_DRM", NULL);
  gst_structure_take_value (structure, "drm-format", &names);
  append_dmabuf (caps, structure);
}
#endif

GstCaps *
gst_shrbuf_caps_from_fourccs (const guint32 * fourccs, guint nr)
{
  guint32 all[G_N_ELEMENTS (formats)];
  GstCaps *caps = gst_caps_new_empty ();
  GValue names = G_VALUE_INIT;
  GstStructure *structure;
  guint i, known = 0;

  if (!nr) {
    nr = G_N_ELEMENTS (formats);
    for (i = 0; i < nr; i++)
      all[i] = formats[i].fourcc;
    fourccs = all;
  }
  gst_value_list_init (&names, nr);
  for (i = 0; i < nr; i++) {
    GstVideoFormat format = gst_shrbuf_format_from_fourcc (fourccs[i]);

    if (format == GST_VIDEO_FORMAT_UNKNOWN)
      continue;
    append_string (&names, gst_video_format_to_string (format));
    known++;
  }
  if (!known) {
    g_value_unset (&names);
    return caps;
  }
  structure = any_size ();
  gst_structure_take_value (structure, "format", &names);
#if GST_CHECK_VERSION (1, 24, 0)
  append_dma_drm (caps, fourccs, nr);
#endif
  append_dmabuf (caps, gst_structure_copy (structure));
  gst_caps_append_structure (caps, structure);
  return caps;
}

GstCaps *
gst_shrbuf_caps_from_info (const GstVideoInfo * info, gboolean dmabuf)
{
  GstCaps *caps = gst_video_info_to_caps (info);

  if (caps && dmabuf)
    gst_caps_set_features_simple (caps,
        gst_caps_features_new (GST_CAPS_FEATURE_MEMORY_DMABUF, NULL));
  return caps;
}

gboolean
gst_shrbuf_caps_to_info (const GstCaps * caps, GstVideoInfo * info)
{
#if GST_CHECK_VERSION (1, 24, 0)
  GstVideoInfoDmaDrm drm;

  if (gst_video_is_dma_drm_caps (caps))
    return gst_video_info_dma_drm_from_caps (&drm, caps)
        && drm.drm_modifier == DRM_FORMAT_MOD_LINEAR
        && gst_video_info_dma_drm_to_video_info (&drm, info);
#endif
  return gst_video_info_from_caps (info, caps);
}
