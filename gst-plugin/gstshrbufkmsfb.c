// SPDX-License-Identifier: GPL-2.0
/*
 * Framebuffers of a display, made of dma-bufs. Producers have few buffers and use them
 * again and again, so a framebuffer is kept with the memory.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <string.h>

#include <gst/allocators/gstdmabuf.h>

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbufkmsfb.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

#define MAX_PLANES 4

/* What a framebuffer was made of. All of it is compared. */
typedef struct
{
  guint32 width;
  guint32 height;
  guint32 fourcc;
  guint32 nr_planes;
  gint fds[MAX_PLANES];
  guint32 pitches[MAX_PLANES];
  guint32 offsets[MAX_PLANES];
} Layout;

typedef struct
{
  GstShrbufKms *kms;
  guint32 id;
  Layout layout;
} Framebuffer;

static void
free_framebuffer (gpointer data)
{
  Framebuffer *fb = data;
  guint i;

  g_mutex_lock (&fb->kms->mutex);
  for (i = 0; fb->kms->fbs && i < fb->kms->fbs->len; i++) {
    if (g_array_index (fb->kms->fbs, guint32, i) != fb->id)
      continue;
    drmModeRmFB (fb->kms->fd, fb->id);
    g_array_remove_index_fast (fb->kms->fbs, i);
    break;
  }
  g_mutex_unlock (&fb->kms->mutex);
  gst_shrbuf_kms_unref (fb->kms);
  g_free (fb);
}

/* Where the planes are, in which dma-bufs. */
static gboolean
get_layout (GstBuffer * buffer, const GstVideoInfo * caps_info, Layout * layout,
    const gchar ** reason)
{
  GstVideoInfo info;
  guint i;

  gst_shrbuf_info_from_buffer (&info, caps_info, buffer);
  memset (layout, 0, sizeof (*layout));
  layout->width = GST_VIDEO_INFO_WIDTH (&info);
  layout->height = GST_VIDEO_INFO_HEIGHT (&info);
  layout->fourcc = gst_shrbuf_format_to_fourcc (GST_VIDEO_INFO_FORMAT (&info));
  layout->nr_planes = GST_VIDEO_INFO_N_PLANES (&info);
  for (i = 0; i < layout->nr_planes; i++) {
    guint index, length;
    GstMemory *memory;
    gsize skip;

    if (!gst_buffer_find_memory (buffer, GST_VIDEO_INFO_PLANE_OFFSET (&info, i),
            1, &index, &length, &skip)) {
      *reason = "the buffer is too small";
      return FALSE;
    }
    memory = gst_buffer_peek_memory (buffer, index);
    if (!gst_is_dmabuf_memory (memory)) {
      *reason = "it is not in a dma-buf";
      return FALSE;
    }
    if (GST_VIDEO_INFO_PLANE_STRIDE (&info, i) <= 0) {
      *reason = "its lines are upside down";
      return FALSE;
    }
    layout->fds[i] = gst_dmabuf_memory_get_fd (memory);
    layout->pitches[i] = GST_VIDEO_INFO_PLANE_STRIDE (&info, i);
    layout->offsets[i] = memory->offset + skip;
  }
  return TRUE;
}

/* The framebuffer keeps the memory, so the handles are not needed any more. */
static guint32
add_fb (GstShrbufKms * kms, const Layout * layout, const gchar ** reason)
{
  guint32 handles[MAX_PLANES] = { 0 }, id = 0;
  guint i, j;

  *reason = NULL;
  for (i = 0; i < layout->nr_planes && !*reason; i++)
    if (drmPrimeFDToHandle (kms->fd, layout->fds[i], &handles[i]))
      *reason = "the display cannot import the memory";
  if (!*reason && drmModeAddFB2 (kms->fd, layout->width, layout->height,
          layout->fourcc, handles, layout->pitches, layout->offsets, &id, 0))
    *reason = "the display cannot show this format, size or stride";
  for (i = 0; i < layout->nr_planes; i++) {
    /* the same memory has the same handle */
    for (j = 0; j < i && handles[j] != handles[i]; j++);
    if (handles[i] && j == i)
      drmCloseBufferHandle (kms->fd, handles[i]);
  }
  return id;
}

guint32
gst_shrbuf_kms_get_fb (GstShrbufKms * kms, GstBuffer * buffer,
    const GstVideoInfo * info, const gchar ** reason)
{
  GstMiniObject *memory;
  Framebuffer *fb;
  Layout layout;
  guint32 id;

  if (!get_layout (buffer, info, &layout, reason))
    return 0;
  memory = GST_MINI_OBJECT_CAST (gst_buffer_peek_memory (buffer, 0));
  fb = gst_mini_object_get_qdata (memory, kms->quark);
  if (fb && !memcmp (&fb->layout, &layout, sizeof (layout)))
    return fb->id;
  id = add_fb (kms, &layout, reason);
  if (!id)
    return 0;
  fb = g_new0 (Framebuffer, 1);
  fb->kms = gst_shrbuf_kms_ref (kms);
  fb->id = id;
  fb->layout = layout;
  g_mutex_lock (&kms->mutex);
  g_array_append_val (kms->fbs, id);
  g_mutex_unlock (&kms->mutex);
  gst_mini_object_set_qdata (memory, kms->quark, fb, free_framebuffer);
  GST_DEBUG ("framebuffer %u for memory %p", id, memory);
  return id;
}
