// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that a display can show: pools of them, and copies into them.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <unistd.h>

#include "elements.h"
#include "gstshrbufcopy.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

/* pool */

static gboolean
can_import (GstShrbufKms * kms, gint fd)
{
  guint32 handle;

  if (drmPrimeFDToHandle (kms->fd, fd, &handle))
    return FALSE;
  drmCloseBufferHandle (kms->fd, handle);
  return TRUE;
}

/* The kind of memory with the fewest demands that the display can import. */
static gboolean
find_memory (GstShrbufKms * kms, gsize size, guint32 * flags, GError ** error)
{
  static const guint32 kinds[] = {
    SHRBUF_ALLOC_DEVICE, 0, SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG,
    SHRBUF_ALLOC_CONTIG
  };
  gint dev = gst_shrbuf_open (error), fd, first = 0;
  gboolean found = FALSE;
  guint i;

  if (dev < 0)
    return FALSE;
  for (i = 0; i < G_N_ELEMENTS (kinds) && !found; i++) {
    fd = shrbuf_alloc_flags (dev, size, "gstreamer", kinds[i], kms->fd);
    if (fd < 0 && kinds[i] == 0)
      first = fd;
    if (fd < 0)
      continue;
    *flags = kinds[i];
    found = can_import (kms, fd);
    close (fd);
  }
  close (dev);
  if (!found && first)
    gst_shrbuf_set_error (error, SHRBUF_REQUEST_ALLOC, first);
  else if (!found)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
        "The display of the driver %s imports no memory of others (PRIME). "
        "Use another one, or kmssink.", kms->driver);
  return found;
}

GstBufferPool *
gst_shrbuf_kms_new_pool (GstShrbufKms * kms, GstCaps * caps, guint min,
    GError ** error)
{
  GstVideoAlignment align;
  GstStructure *config;
  GstBufferPool *pool;
  GstVideoInfo info;
  guint32 flags;
  guint i;

  if (!gst_shrbuf_caps_to_info (caps, &info)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "These are not the caps of raw video.");
    return NULL;
  }
  if (!find_memory (kms, info.size, &flags, error))
    return NULL;
  pool = gst_shrbuf_pool_new (error);
  if (!pool)
    return NULL;
  gst_shrbuf_pool_set_memory (GST_SHRBUF_POOL (pool), flags, kms->fd);
  gst_video_alignment_reset (&align);
  for (i = 0; i < GST_VIDEO_INFO_N_PLANES (&info); i++)
    align.stride_align[i] = gst_shrbuf_kms_stride_align (kms, &info) - 1;
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, info.size, min, 0);
  gst_buffer_pool_config_add_option (config,
      GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
  gst_buffer_pool_config_set_video_alignment (config, &align);
  if (!gst_buffer_pool_set_config (pool, config)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "No buffers can be made for these caps.");
    gst_clear_object (&pool);
  }
  return pool;
}

/* copy */

static gboolean
start_pool (GstShrbufCopy * copy)
{
  GstStructure *config = gst_buffer_pool_get_config (copy->pool);

  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  return gst_buffer_pool_set_config (copy->pool, config)
      && gst_buffer_pool_set_active (copy->pool, TRUE);
}

GstShrbufCopy *
gst_shrbuf_copy_new (GstShrbufKms * kms, const GstVideoInfo * in, guint width,
    guint height, const GstVideoRectangle * src, const GstVideoRectangle * dst,
    GError ** error)
{
  GstShrbufCopy *copy = g_new0 (GstShrbufCopy, 1);
  GstCaps *caps;

  copy->in = *in;
  gst_video_info_set_format (&copy->out, GST_VIDEO_INFO_FORMAT (in), width,
      height);
  copy->out.colorimetry = in->colorimetry;
  copy->out.chroma_site = in->chroma_site;
  copy->out.fps_n = in->fps_n;
  copy->out.fps_d = in->fps_d;
  caps = gst_video_info_to_caps (&copy->out);
  copy->pool = gst_shrbuf_kms_new_pool (kms, caps, 0, error);
  gst_caps_unref (caps);
  if (!copy->pool) {
    gst_shrbuf_copy_free (copy);
    return NULL;
  }
  copy->converter = gst_video_converter_new (&copy->in, &copy->out,
      gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, src->x,
          GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, src->y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, src->w,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, src->h,
          GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, dst->x,
          GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, dst->y,
          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, dst->w,
          GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, dst->h, NULL));
  if (!copy->converter || !start_pool (copy)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
        "There are no buffers to copy frames into.");
    gst_shrbuf_copy_free (copy);
    return NULL;
  }
  return copy;
}

void
gst_shrbuf_copy_free (GstShrbufCopy * copy)
{
  if (copy->pool)
    gst_buffer_pool_set_active (copy->pool, FALSE);
  gst_clear_object (&copy->pool);
  if (copy->converter)
    gst_video_converter_free (copy->converter);
  g_free (copy);
}

GstBuffer *
gst_shrbuf_copy_buffer (GstShrbufCopy * copy, GstBuffer * buffer)
{
  GstVideoFrame in, out;
  GstBuffer *result;

  if (gst_buffer_pool_acquire_buffer (copy->pool, &result, NULL) != GST_FLOW_OK)
    return NULL;
  if (!gst_video_frame_map (&in, &copy->in, buffer, GST_MAP_READ))
    goto no_in;
  if (!gst_video_frame_map (&out, &copy->out, result, GST_MAP_WRITE))
    goto no_out;
  gst_video_converter_frame (copy->converter, &in, &out);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);
  return result;

no_out:
  gst_video_frame_unmap (&in);
no_in:
  GST_ERROR ("a frame cannot be mapped to be copied");
  gst_buffer_unref (result);
  return NULL;
}
