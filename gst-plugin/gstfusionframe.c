// SPDX-License-Identifier: GPL-2.0
/*
 * The description of a frame: times, and then items, each with its type and size, filled up
 * to 8 bytes. Who does not know an item skips it.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <string.h>

#include "gstfusionframe.h"

/* types of items */
#define ITEM_CAPS 1
#define ITEM_VIDEO 2
#define ITEM_CROP 3
#define ITEM_REFERENCE_TIME 4
#define ITEM_REGION 5
#define ITEM_SERIALIZED 6

typedef struct
{
  guint32 type;
  guint32 size;                 /* without this head */
} Item;

typedef struct
{
  guint32 flags;
  guint32 format;               /* GstVideoFormat */
  guint32 width;
  guint32 height;
  guint32 planes;
  guint32 padding_top;
  guint32 padding_bottom;
  guint32 padding_left;
  guint32 padding_right;
  guint32 stride_align[GST_VIDEO_MAX_PLANES];
  gint32 stride[GST_VIDEO_MAX_PLANES];
  guint32 pad;
  guint64 offset[GST_VIDEO_MAX_PLANES];
} ItemVideo;

typedef struct
{
  guint32 x;
  guint32 y;
  guint32 width;
  guint32 height;
} ItemCrop;

/* Behind it is the text of the caps, with a zero byte. */
typedef struct
{
  guint64 time;
  guint64 duration;
} ItemReferenceTime;

/* Behind it is the name of the type, with a zero byte. */
typedef struct
{
  gint32 id;
  gint32 parent;
  ItemCrop area;
} ItemRegion;

/* memory is the publisher's affair, and these are of pads */
#define FLAGS_LEFT_OUT (GST_BUFFER_FLAG_TAG_MEMORY | \
    (GST_MINI_OBJECT_FLAG_LAST - 1))

static void
add_item (GByteArray * bytes, guint32 type, gconstpointer data, gsize size,
    const gchar * text)
{
  static const guint8 zeros[8] = { 0 };
  gsize length = text ? strlen (text) + 1 : 0;
  Item item = { type, size + length };

  g_byte_array_append (bytes, (gpointer) & item, sizeof (item));
  g_byte_array_append (bytes, data, size);
  g_byte_array_append (bytes, (gpointer) text, length);
  g_byte_array_append (bytes, zeros, -(size + length) & 7);
}

static void
add_video (GByteArray * bytes, GstVideoMeta * meta)
{
  ItemVideo item = {
    .flags = meta->flags,
    .format = meta->format,
    .width = meta->width,
    .height = meta->height,
    .planes = meta->n_planes,
    .padding_top = meta->alignment.padding_top,
    .padding_bottom = meta->alignment.padding_bottom,
    .padding_left = meta->alignment.padding_left,
    .padding_right = meta->alignment.padding_right,
  };
  guint i;

  for (i = 0; i < meta->n_planes; i++) {
    item.stride_align[i] = meta->alignment.stride_align[i];
    item.stride[i] = meta->stride[i];
    item.offset[i] = meta->offset[i];
  }
  add_item (bytes, ITEM_VIDEO, &item, sizeof (item), NULL);
}

/* Strides are always told, also those that the caps imply. */
static void
add_video_info (GByteArray * bytes, const GstVideoInfo * info)
{
  GstVideoMeta meta = {
    .format = GST_VIDEO_INFO_FORMAT (info),
    .width = GST_VIDEO_INFO_WIDTH (info),
    .height = GST_VIDEO_INFO_FIELD_HEIGHT (info),
    .n_planes = GST_VIDEO_INFO_N_PLANES (info),
  };
  guint i;

  for (i = 0; i < meta.n_planes; i++) {
    meta.stride[i] = GST_VIDEO_INFO_PLANE_STRIDE (info, i);
    meta.offset[i] = GST_VIDEO_INFO_PLANE_OFFSET (info, i);
  }
  add_video (bytes, &meta);
}

static void
add_crop (GByteArray * bytes, GstVideoCropMeta * meta)
{
  ItemCrop item = { meta->x, meta->y, meta->width, meta->height };

  add_item (bytes, ITEM_CROP, &item, sizeof (item), NULL);
}

static void
add_reference_time (GByteArray * bytes, GstReferenceTimestampMeta * meta)
{
  ItemReferenceTime item = { meta->timestamp, meta->duration };
  gchar *caps = gst_caps_to_string (meta->reference);

  add_item (bytes, ITEM_REFERENCE_TIME, &item, sizeof (item), caps);
  g_free (caps);
}

static void
add_region (GByteArray * bytes, GstVideoRegionOfInterestMeta * meta)
{
  ItemRegion item = { meta->id, meta->parent_id,
    {meta->x, meta->y, meta->w, meta->h}
  };
  const gchar *name = g_quark_to_string (meta->roi_type);

  add_item (bytes, ITEM_REGION, &item, sizeof (item), name ? name : "");
}

static gboolean
add_meta (GstBuffer * buffer, GstMeta ** meta, gpointer data)
{
  GByteArray *bytes = data;
  GType api = (*meta)->info->api;

  if (api == GST_VIDEO_META_API_TYPE) {
    add_video (bytes, (GstVideoMeta *) * meta);
  } else if (api == GST_VIDEO_CROP_META_API_TYPE) {
    add_crop (bytes, (GstVideoCropMeta *) * meta);
  } else if (api == GST_REFERENCE_TIMESTAMP_META_API_TYPE) {
    add_reference_time (bytes, (GstReferenceTimestampMeta *) * meta);
  } else if (api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
    add_region (bytes, (GstVideoRegionOfInterestMeta *) * meta);
#if GST_CHECK_VERSION (1, 24, 0)
  } else {
    GByteArray *serialized = g_byte_array_new ();

    if (gst_meta_serialize_simple (*meta, serialized))
      add_item (bytes, ITEM_SERIALIZED, serialized->data, serialized->len,
          NULL);
    g_byte_array_unref (serialized);
#endif
  }
  return TRUE;
}

void
gst_fusion_frame_describe (GByteArray * bytes, GstBuffer * buffer,
    const GstFusionTimes * times, const gchar * caps, const GstVideoInfo * info)
{
  GstFusionTimes copy = *times;

  copy.flags &= ~FLAGS_LEFT_OUT;
  g_byte_array_append (bytes, (gpointer) & copy, sizeof (copy));
  add_item (bytes, ITEM_CAPS, NULL, 0, caps);
  gst_buffer_foreach_meta (buffer, add_meta, bytes);
  if (info && !gst_buffer_get_video_meta (buffer))
    add_video_info (bytes, info);
}

/* The text behind an item, or NULL. */
static const gchar *
item_text (gconstpointer data, gsize size, gsize head)
{
  const gchar *text = data;

  return size > head && !text[size - 1] ? text + head : NULL;
}

static gboolean
apply_video (GstBuffer * buffer, gconstpointer data, gsize size)
{
  const ItemVideo *item = data;
  gsize offset[GST_VIDEO_MAX_PLANES];
  gint stride[GST_VIDEO_MAX_PLANES];
  GstVideoAlignment alignment;
  GstVideoMeta *meta;
  guint i;

  if (size < sizeof (*item) || !item->planes
      || item->planes > GST_VIDEO_MAX_PLANES)
    return FALSE;
  gst_video_alignment_reset (&alignment);
  alignment.padding_top = item->padding_top;
  alignment.padding_bottom = item->padding_bottom;
  alignment.padding_left = item->padding_left;
  alignment.padding_right = item->padding_right;
  for (i = 0; i < GST_VIDEO_MAX_PLANES; i++) {
    alignment.stride_align[i] = item->stride_align[i];
    offset[i] = item->offset[i];
    stride[i] = item->stride[i];
  }
  meta = gst_buffer_add_video_meta_full (buffer, item->flags, item->format,
      item->width, item->height, item->planes, offset, stride);
  if (!meta)
    return FALSE;
  /* not all formats can be aligned: zero needs no call */
  if (item->padding_top | item->padding_bottom | item->padding_left |
      item->padding_right)
    gst_video_meta_set_alignment (meta, alignment);
  return TRUE;
}

static gboolean
apply_crop (GstBuffer * buffer, gconstpointer data, gsize size)
{
  const ItemCrop *item = data;
  GstVideoCropMeta *meta;

  if (size < sizeof (*item))
    return FALSE;
  meta = gst_buffer_add_video_crop_meta (buffer);
  meta->x = item->x;
  meta->y = item->y;
  meta->width = item->width;
  meta->height = item->height;
  return TRUE;
}

static gboolean
apply_reference_time (GstBuffer * buffer, gconstpointer data, gsize size)
{
  const ItemReferenceTime *item = data;
  const gchar *text = item_text (data, size, sizeof (*item));
  GstCaps *caps = text ? gst_caps_from_string (text) : NULL;

  if (!caps)
    return FALSE;
  gst_buffer_add_reference_timestamp_meta (buffer, caps, item->time,
      item->duration);
  gst_caps_unref (caps);
  return TRUE;
}

static gboolean
apply_region (GstBuffer * buffer, gconstpointer data, gsize size)
{
  const ItemRegion *item = data;
  const gchar *text = item_text (data, size, sizeof (*item));
  GstVideoRegionOfInterestMeta *meta;

  if (!text)
    return FALSE;
  meta = gst_buffer_add_video_region_of_interest_meta (buffer, text,
      item->area.x, item->area.y, item->area.width, item->area.height);
  meta->id = item->id;
  meta->parent_id = item->parent;
  return TRUE;
}

static gboolean
apply_item (GstBuffer * buffer, guint32 type, gconstpointer data, gsize size,
    const gchar ** caps)
{
  switch (type) {
    case ITEM_CAPS:
      *caps = item_text (data, size, 0);
      return *caps != NULL;
    case ITEM_VIDEO:
      return apply_video (buffer, data, size);
    case ITEM_CROP:
      return apply_crop (buffer, data, size);
    case ITEM_REFERENCE_TIME:
      return apply_reference_time (buffer, data, size);
    case ITEM_REGION:
      return apply_region (buffer, data, size);
#if GST_CHECK_VERSION (1, 24, 0)
    case ITEM_SERIALIZED:
    {
      guint32 consumed;

      /* one that is not known here is left out */
      gst_meta_deserialize (buffer, data, size, &consumed);
      return TRUE;
    }
#endif
    default:
      return TRUE;
  }
}

gboolean
gst_fusion_frame_apply (gconstpointer bytes, gsize size, GstBuffer * buffer,
    GstFusionTimes * times, const gchar ** caps)
{
  const gchar *at = bytes;

  *caps = NULL;
  if (size < sizeof (*times))
    return FALSE;
  memcpy (times, at, sizeof (*times));
  at += sizeof (*times);
  size -= sizeof (*times);
  GST_BUFFER_DURATION (buffer) = times->duration;
  GST_BUFFER_OFFSET (buffer) = times->offset;
  GST_BUFFER_OFFSET_END (buffer) = times->offset_end;
  GST_BUFFER_FLAG_SET (buffer, times->flags & ~FLAGS_LEFT_OUT);
  while (size) {
    Item item;
    gsize length;

    if (size < sizeof (item))
      return FALSE;
    memcpy (&item, at, sizeof (item));
    length = sizeof (item) + GST_ROUND_UP_8 ((gsize) item.size);
    if (length > size
        || !apply_item (buffer, item.type, at + sizeof (item), item.size, caps))
      return FALSE;
    at += length;
    size -= length;
  }
  return *caps != NULL;
}

GstClockTimeDiff
gst_fusion_clock_offset (GstClock * clock)
{
  GstClockType type = GST_CLOCK_TYPE_OTHER;
  GstClockTime before, at, after;

  if (G_OBJECT_TYPE (clock) == GST_TYPE_SYSTEM_CLOCK)
    g_object_get (clock, "clock-type", &type, NULL);
  if (type == GST_CLOCK_TYPE_MONOTONIC)
    return 0;
  before = gst_util_get_timestamp ();
  at = gst_clock_get_time (clock);
  after = gst_util_get_timestamp ();
  return GST_CLOCK_DIFF (at, before + (after - before) / 2);
}
