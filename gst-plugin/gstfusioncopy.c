// SPDX-License-Identifier: GPL-2.0
/*
 * Shared buffers for frames that are in other memory. Raw video has a pool, as it has
 * frames of one size; all else has an allocator.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>

#include "elements.h"
#include "gstfusioncopy.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

/* An allocator of dma-bufs that makes them, too. */
#define GST_TYPE_FUSION_ALLOCATOR (gst_fusion_allocator_get_type ())
G_DECLARE_FINAL_TYPE (GstFusionAllocator, gst_fusion_allocator, GST,
    FUSION_ALLOCATOR, GstDmaBufAllocator);

struct _GstFusionAllocator
{
  GstDmaBufAllocator parent;
  gint fd;                      /* of /dev/shrbuf */
};

G_DEFINE_TYPE (GstFusionAllocator, gst_fusion_allocator,
    GST_TYPE_DMABUF_ALLOCATOR);

struct _GstFusionCopy
{
  GstCaps *caps;
  GstVideoInfo info;
  gboolean is_video;
  GstBufferPool *pool;
  GstAllocator *allocator;
};

static GstMemory *
gst_fusion_allocator_alloc (GstAllocator * base, gsize size,
    GstAllocationParams * params)
{
  GstFusionAllocator *allocator = GST_FUSION_ALLOCATOR (base);
  gsize all = size + params->prefix + params->padding;
  GstMemory *memory;
  gint fd = shrbuf_alloc (allocator->fd, all, "gstreamer");

  if (fd < 0) {
    GST_ERROR_OBJECT (base, "no buffer of %" G_GSIZE_FORMAT " bytes: %s", all,
        shrbuf_explain (SHRBUF_REQUEST_ALLOC, fd));
    return NULL;
  }
  memory = gst_dmabuf_allocator_alloc_with_flags (base, fd, all,
      GST_FD_MEMORY_FLAG_KEEP_MAPPED);
  gst_memory_resize (memory, params->prefix, size);
  return memory;
}

static void
gst_fusion_allocator_finalize (GObject * object)
{
  GstFusionAllocator *allocator = GST_FUSION_ALLOCATOR (object);

  if (allocator->fd >= 0)
    close (allocator->fd);
  G_OBJECT_CLASS (gst_fusion_allocator_parent_class)->finalize (object);
}

static void
gst_fusion_allocator_class_init (GstFusionAllocatorClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_fusion_allocator_finalize;
  GST_ALLOCATOR_CLASS (klass)->alloc = gst_fusion_allocator_alloc;
}

static void
gst_fusion_allocator_init (GstFusionAllocator * allocator)
{
  allocator->fd = -1;
  /* others may use it as any allocator */
  GST_OBJECT_FLAG_UNSET (allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

GstFusionCopy *
gst_fusion_copy_new (void)
{
  return g_new0 (GstFusionCopy, 1);
}

void
gst_fusion_copy_reset (GstFusionCopy * copy)
{
  if (copy->pool)
    gst_buffer_pool_set_active (copy->pool, FALSE);
  gst_clear_object (&copy->pool);
  gst_clear_object (&copy->allocator);
  gst_clear_caps (&copy->caps);
}

void
gst_fusion_copy_free (GstFusionCopy * copy)
{
  gst_fusion_copy_reset (copy);
  g_free (copy);
}

gboolean
gst_fusion_copy_set_caps (GstFusionCopy * copy, GstCaps * caps,
    GstVideoInfo * info)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);

  gst_fusion_copy_reset (copy);
  copy->caps = gst_caps_ref (caps);
  copy->is_video = gst_structure_has_name (structure, "video/x-raw")
      && gst_shrbuf_caps_to_info (caps, &copy->info)
      && GST_VIDEO_INFO_FORMAT (&copy->info) != GST_VIDEO_FORMAT_ENCODED;
  *info = copy->info;
  return copy->is_video;
}

static GstBufferPool *
make_pool (GstCaps * caps, gsize size, guint min, GError ** error)
{
  GstBufferPool *pool = gst_shrbuf_pool_new (error);
  GstStructure *config;

  if (!pool)
    return NULL;
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, size, min, 0);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  if (gst_buffer_pool_set_config (pool, config))
    return pool;
  g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "There are no shared buffers for these caps.");
  gst_object_unref (pool);
  return NULL;
}

static GstAllocator *
make_allocator (GError ** error)
{
  gint fd = gst_shrbuf_open (error);
  GstFusionAllocator *allocator;

  if (fd < 0)
    return NULL;
  allocator = g_object_new (GST_TYPE_FUSION_ALLOCATOR, NULL);
  allocator->fd = fd;
  return GST_ALLOCATOR (gst_object_ref_sink (allocator));
}

void
gst_fusion_copy_propose (GstFusionCopy * copy, GstQuery * query,
    GstCaps * caps, gboolean need_pool, guint min)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  GError *error = NULL;
  GstBufferPool *pool = NULL;
  GstAllocator *allocator = NULL;
  GstVideoInfo info;

  if (!gst_structure_has_name (structure, "video/x-raw")
      || !gst_shrbuf_caps_to_info (caps, &info)) {
    allocator = make_allocator (&error);
    if (allocator)
      gst_query_add_allocation_param (query, allocator, NULL);
  } else {
    if (need_pool)
      pool = make_pool (caps, info.size, min, &error);
    gst_query_add_allocation_pool (query, pool, info.size, min, 0);
  }
  if (error)
    GST_WARNING ("nothing is proposed to upstream: %s", error->message);
  g_clear_error (&error);
  gst_clear_object (&pool);
  gst_clear_object (&allocator);
}

static gboolean
copy_meta (GstBuffer * buffer, GstMeta ** meta, gpointer to)
{
  static const GstMetaTransformCopy all = { FALSE, 0, -1 };
  const GstMetaInfo *info = (*meta)->info;

  /* the copy has its own layout */
  if (info->api != GST_VIDEO_META_API_TYPE && info->transform_func)
    info->transform_func (to, *meta, buffer, _gst_meta_transform_copy,
        (gpointer) & all);
  return TRUE;
}

static GstBuffer *
copy_video (GstFusionCopy * copy, GstBuffer * buffer, GError ** error)
{
  GstVideoFrame from, to;
  GstBuffer *out = NULL;

  if (!copy->pool) {
    copy->pool = make_pool (copy->caps, copy->info.size, 0, error);
    if (!copy->pool)
      return NULL;
    gst_buffer_pool_set_active (copy->pool, TRUE);
  }
  if (gst_buffer_pool_acquire_buffer (copy->pool, &out, NULL) != GST_FLOW_OK)
    return NULL;
  if (!gst_video_frame_map (&from, &copy->info, buffer, GST_MAP_READ))
    goto err;
  if (!gst_video_frame_map (&to, &copy->info, out, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&from);
    goto err;
  }
  gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  gst_buffer_foreach_meta (buffer, copy_meta, out);
  gst_buffer_copy_into (out, buffer,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return out;

err:
  gst_buffer_unref (out);
  return NULL;
}

static GstBuffer *
copy_bytes (GstFusionCopy * copy, GstBuffer * buffer, GError ** error)
{
  gsize size = gst_buffer_get_size (buffer);
  GstMapInfo map;
  GstBuffer *out;

  if (!copy->allocator)
    copy->allocator = make_allocator (error);
  if (!copy->allocator)
    return NULL;
  out = gst_buffer_new_allocate (copy->allocator, size, NULL);
  if (!out)
    return NULL;
  if (!gst_buffer_map (out, &map, GST_MAP_WRITE)) {
    gst_buffer_unref (out);
    return NULL;
  }
  gst_buffer_extract (buffer, 0, map.data, size);
  gst_buffer_unmap (out, &map);
  gst_buffer_copy_into (out, buffer, GST_BUFFER_COPY_METADATA, 0, -1);
  return out;
}

GstBuffer *
gst_fusion_copy_buffer (GstFusionCopy * copy, GstElement * element,
    GstBuffer * buffer)
{
  GError *error = NULL;
  GstBuffer *out;

  out = copy->is_video ? copy_video (copy, buffer, &error) :
      copy_bytes (copy, buffer, &error);
  if (!out)
    GST_ELEMENT_ERROR (element, RESOURCE, NO_SPACE_LEFT,
        ("There is no shared buffer for a frame. %s", error ? error->message :
            "Ask for smaller frames, or let receivers hold fewer."), (NULL));
  g_clear_error (&error);
  return out;
}
