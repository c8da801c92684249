// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of shared buffers: each is one allocation of /dev/shrbuf in one dma-buf memory,
 * with GstVideoMeta. The memory stays mapped once somebody has mapped it; the allocator
 * of dma-bufs tells the kernel when the CPU begins and ends to use it.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>
#include <gst/video/gstvideopool.h>

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

struct _GstShrbufPool
{
  GstBufferPool parent;

  gint fd;                      /* of /dev/shrbuf */
  gint device_fd;
  guint32 flags;
  GstAllocator *allocator;
  GstVideoInfo info;            /* from the config, with strides and offsets */
  GstVideoAlignment alignment;
  struct shrbuf_format format;  /* the same for the kernel, or without width */
};

G_DEFINE_TYPE (GstShrbufPool, gst_shrbuf_pool, GST_TYPE_BUFFER_POOL);

void
gst_shrbuf_set_error (GError ** error, enum shrbuf_request what, gint err)
{
  gint code = GST_RESOURCE_ERROR_FAILED;

  if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
    code = GST_RESOURCE_ERROR_NOT_FOUND;
  else if (err == -EACCES || err == -EPERM)
    code = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
  else if (err == -EBUSY)
    code = GST_RESOURCE_ERROR_BUSY;
  else if (err == -ENOMEM || err == -ENOSPC)
    code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
  g_set_error_literal (error, GST_RESOURCE_ERROR, code,
      shrbuf_explain (what, err));
}

gint
gst_shrbuf_open (GError ** error)
{
  gint fd = shrbuf_open ();

  if (fd >= 0)
    return fd;
  gst_shrbuf_set_error (error, SHRBUF_REQUEST_OPEN, fd);
  return -1;
}

static const gchar **
gst_shrbuf_pool_get_options (GstBufferPool * base)
{
  static const gchar *options[] = {
    GST_BUFFER_POOL_OPTION_VIDEO_META, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT,
    NULL
  };

  return options;
}

/* Who does not know GstVideoMeta gets strides as the caps say them. */
static gboolean
align (GstShrbufPool * pool, GstStructure * config)
{
  GstVideoAlignment *alignment = &pool->alignment;

  gst_video_alignment_reset (alignment);
  if (!gst_buffer_pool_config_has_option (config,
          GST_BUFFER_POOL_OPTION_VIDEO_META)
      || !gst_buffer_pool_config_has_option (config,
          GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT)
      || !gst_buffer_pool_config_get_video_alignment (config, alignment))
    return TRUE;
  if (!gst_video_info_align (&pool->info, alignment))
    return FALSE;
  gst_buffer_pool_config_set_video_alignment (config, alignment);
  return TRUE;
}

static gboolean
gst_shrbuf_pool_set_config (GstBufferPool * base, GstStructure * config)
{
  GstShrbufPool *pool = GST_SHRBUF_POOL (base);
  guint size, min, max;
  GstCaps *caps;

  if (!gst_buffer_pool_config_get_params (config, &caps, &size, &min, &max)) {
    GST_WARNING_OBJECT (pool, "the configuration has no parameters");
    return FALSE;
  }
  if (!caps || !gst_shrbuf_caps_to_info (caps, &pool->info)) {
    GST_WARNING_OBJECT (pool, "not the caps of raw video: %" GST_PTR_FORMAT,
        caps);
    return FALSE;
  }
  if (!align (pool, config)) {
    GST_WARNING_OBJECT (pool, "the alignment is impossible");
    return FALSE;
  }
  /* a producer may want more behind the picture */
  pool->info.size = MAX (size, pool->info.size);
  gst_shrbuf_format_from_info (&pool->format, &pool->info);
  gst_buffer_pool_config_set_params (config, caps, pool->info.size, min, max);
  gst_buffer_pool_config_set_allocator (config, pool->allocator, NULL);
  return GST_BUFFER_POOL_CLASS (gst_shrbuf_pool_parent_class)->set_config (base,
      config);
}

static GstFlowReturn
gst_shrbuf_pool_alloc (GstBufferPool * base, GstBuffer ** buffer,
    GstBufferPoolAcquireParams * params)
{
  GstShrbufPool *pool = GST_SHRBUF_POOL (base);
  GstVideoMeta *meta;
  GstMemory *memory;
  gint fd, ret;

  fd = shrbuf_alloc_flags (pool->fd, pool->info.size, "gstreamer", pool->flags,
      pool->device_fd);
  if (fd < 0) {
    GST_ERROR_OBJECT (pool, "no buffer of %" G_GSIZE_FORMAT " bytes: %s",
        pool->info.size, shrbuf_explain (SHRBUF_REQUEST_ALLOC, fd));
    return GST_FLOW_ERROR;
  }
  if (pool->format.width) {
    ret = shrbuf_set_format (pool->fd, fd, &pool->format);
    if (ret)
      GST_WARNING_OBJECT (pool, "others will not know the format: %s",
          shrbuf_explain (SHRBUF_REQUEST_SET_FORMAT, ret));
  }
  memory = gst_dmabuf_allocator_alloc_with_flags (pool->allocator, fd,
      pool->info.size, GST_FD_MEMORY_FLAG_KEEP_MAPPED);
  if (!memory) {
    close (fd);
    return GST_FLOW_ERROR;
  }
  *buffer = gst_buffer_new ();
  gst_buffer_append_memory (*buffer, memory);
  meta = gst_shrbuf_buffer_add_meta (*buffer, &pool->info);
  gst_video_meta_set_alignment (meta, pool->alignment);
  return GST_FLOW_OK;
}

static void
gst_shrbuf_pool_finalize (GObject * object)
{
  GstShrbufPool *pool = GST_SHRBUF_POOL (object);

  gst_clear_object (&pool->allocator);
  if (pool->device_fd >= 0)
    close (pool->device_fd);
  if (pool->fd >= 0)
    close (pool->fd);
  G_OBJECT_CLASS (gst_shrbuf_pool_parent_class)->finalize (object);
}

static void
gst_shrbuf_pool_class_init (GstShrbufPoolClass * klass)
{
  GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = gst_shrbuf_pool_finalize;
  pool_class->get_options = gst_shrbuf_pool_get_options;
  pool_class->set_config = gst_shrbuf_pool_set_config;
  pool_class->alloc_buffer = gst_shrbuf_pool_alloc;
}

static void
gst_shrbuf_pool_init (GstShrbufPool * pool)
{
  pool->fd = -1;
  pool->device_fd = -1;
  pool->allocator = gst_dmabuf_allocator_new ();
}

GstBufferPool *
gst_shrbuf_pool_new (GError ** error)
{
  GstShrbufPool *pool;
  gint fd = gst_shrbuf_open (error);

  if (fd < 0)
    return NULL;
  pool = g_object_new (GST_TYPE_SHRBUF_POOL, NULL);
  gst_object_ref_sink (pool);
  pool->fd = fd;
  return GST_BUFFER_POOL (pool);
}

void
gst_shrbuf_pool_set_memory (GstShrbufPool * pool, guint32 flags, gint device_fd)
{
  g_return_if_fail (!gst_buffer_pool_is_active (GST_BUFFER_POOL (pool)));

  if (pool->device_fd >= 0)
    close (pool->device_fd);
  pool->device_fd = -1;
  pool->flags = flags;
  if (flags & SHRBUF_ALLOC_DEVICE)
    pool->device_fd = fcntl (device_fd, F_DUPFD_CLOEXEC, 0);
}
