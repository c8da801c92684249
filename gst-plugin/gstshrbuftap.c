// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of a route, as buffers.
 *
 * Each buffer of the camera has memories that are made once, and mapped once. They are
 * lent: when the last reference to one goes, be it a buffer, a copy of a buffer or a part
 * of the memory, the memory comes back here instead of being freed. When all of a frame
 * are back, the route gets it.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"
#include "gstshrbuftap.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

/* As many as a queue has. */
#define MAX_FRAMES 32

/*
 * A buffer of the camera.
 * @memories: of its planes. The tap has a reference to each that is not lent.
 * @n_memories: zero until it came for the first time
 * @lent: how many of @memories are not back. Atomic.
 */
typedef struct
{
  GstMemory *memories[SHRBUF_MAX_PLANES];
  guint n_memories;
  gint lent;
} TapFrame;

/*
 * @refcount: one of the user, one for each memory that is lent. Atomic.
 * @n_lent: frames that are not back. Atomic.
 * @info: how all frames are to be read, its format is unknown until there was one
 */
struct _GstShrbufTap
{
  gint refcount;
  gint n_lent;
  gint shrbuf_fd;
  gint fd;
  guint32 sink;
  gboolean ending;
  GstAllocator *allocator;
  GstVideoInfo info;
  TapFrame frames[MAX_FRAMES];
};

/* Which memory of which tap this is. */
typedef struct
{
  GstShrbufTap *tap;
  guint index;
} TapMemory;

static G_DEFINE_QUARK (GstShrbufTapMemory, tap_memory);

static void
tap_free (GstShrbufTap * tap)
{
  guint i, j;

  /* Closing it gives all frames back: nobody has one. */
  tap->ending = TRUE;
  close (tap->fd);
  for (i = 0; i < MAX_FRAMES; i++)
    for (j = 0; j < tap->frames[i].n_memories; j++)
      gst_memory_unref (tap->frames[i].memories[j]);
  close (tap->shrbuf_fd);
  gst_object_unref (tap->allocator);
  g_free (tap);
}

void
gst_shrbuf_tap_unref (GstShrbufTap * tap)
{
  if (g_atomic_int_dec_and_test (&tap->refcount))
    tap_free (tap);
}

/* Called when the last reference goes. FALSE: it is not to be freed. */
static gboolean
memory_dispose (GstMiniObject * object)
{
  TapMemory *memory = gst_mini_object_get_qdata (object, tap_memory_quark ());
  GstShrbufTap *tap = memory->tap;
  TapFrame *frame = &tap->frames[memory->index];

  if (tap->ending)
    return TRUE;
  /* the reference of the tap */
  gst_mini_object_ref (object);
  if (g_atomic_int_dec_and_test (&frame->lent)) {
    g_atomic_int_add (&tap->n_lent, -1);
    /* fails if the route is over, then it has the frame already */
    shrbuf_tap_give (tap->fd, memory->index);
  }
  /* This may free the tap and the memory. */
  gst_shrbuf_tap_unref (tap);
  return FALSE;
}

GstShrbufTap *
gst_shrbuf_tap_new (gint shrbuf_fd, gint route_fd, guint policy,
    guint max_held, GError ** error)
{
  struct shrbuf_tap_sink sink = {
    .sink = {.policy = policy,.max_held = max_held},
  };
  GstShrbufTap *tap;
  gint ret, flags;

  ret = shrbuf_route_add_tap (route_fd, &sink);
  if (ret < 0) {
    gst_shrbuf_set_error (error, SHRBUF_REQUEST_ROUTE_ADD_TAP, ret);
    return NULL;
  }
  flags = fcntl (sink.tap_fd, F_GETFL);
  fcntl (sink.tap_fd, F_SETFL, flags | O_NONBLOCK);
  tap = g_new0 (GstShrbufTap, 1);
  tap->refcount = 1;
  tap->fd = sink.tap_fd;
  tap->sink = sink.sink.id;
  tap->shrbuf_fd = fcntl (shrbuf_fd, F_DUPFD_CLOEXEC, 0);
  tap->allocator = gst_dmabuf_allocator_new ();
  gst_video_info_init (&tap->info);
  return tap;
}

gint
gst_shrbuf_tap_get_fd (GstShrbufTap * tap)
{
  return tap->fd;
}

guint32
gst_shrbuf_tap_get_sink (GstShrbufTap * tap)
{
  return tap->sink;
}

gboolean
gst_shrbuf_tap_is_idle (GstShrbufTap * tap)
{
  return g_atomic_int_get (&tap->n_lent) == 0;
}

const GstVideoInfo *
gst_shrbuf_tap_get_info (GstShrbufTap * tap)
{
  return &tap->info;
}

/* The memories of a buffer are one behind the other in a GstBuffer. */
static gint
read_formats (GstShrbufTap * tap, const struct shrbuf_tap_frame *taken,
    gsize * sizes, struct shrbuf_format *all)
{
  struct shrbuf_info info;
  gsize start = 0;
  guint i, j;
  gint ret;

  for (i = 0; i < taken->nr_planes; i++) {
    ret = shrbuf_get_info (tap->shrbuf_fd, taken->fds[i], &info);
    if (ret < 0)
      return ret;
    if (i == 0)
      *all = info.format;
    all->plane_mask |= info.format.plane_mask;
    for (j = 0; j < info.format.nr_planes; j++) {
      if (!(info.format.plane_mask & 1U << j))
        continue;
      all->planes[j] = info.format.planes[j];
      all->planes[j].offset += start;
    }
    sizes[i] = info.size;
    start += info.size;
  }
  return 0;
}

static void
close_fds (const struct shrbuf_tap_frame *taken)
{
  guint i;

  for (i = 0; i < taken->nr_planes; i++)
    close (taken->fds[i]);
}

/* This buffer came for the first time. The tap owns its file descriptors from now on. */
static gint
make_memories (GstShrbufTap * tap, const struct shrbuf_tap_frame *taken)
{
  TapFrame *frame = &tap->frames[taken->index];
  gsize sizes[SHRBUF_MAX_PLANES];
  struct shrbuf_format format;
  TapMemory *memory;
  guint i;
  gint ret;

  ret = read_formats (tap, taken, sizes, &format);
  if (ret == 0 && !gst_shrbuf_format_to_info (&format, &tap->info))
    ret = -EMEDIUMTYPE;
  if (ret < 0) {
    close_fds (taken);
    return ret;
  }
  for (i = 0; i < taken->nr_planes; i++) {
    frame->memories[i] = gst_dmabuf_allocator_alloc_with_flags (tap->allocator,
        taken->fds[i], sizes[i], GST_FD_MEMORY_FLAG_KEEP_MAPPED);
    /* others look at it, too */
    GST_MINI_OBJECT_FLAG_SET (frame->memories[i], GST_MEMORY_FLAG_READONLY);
    memory = g_new (TapMemory, 1);
    memory->tap = tap;
    memory->index = taken->index;
    gst_mini_object_set_qdata (GST_MINI_OBJECT_CAST (frame->memories[i]),
        tap_memory_quark (), memory, g_free);
    GST_MINI_OBJECT_CAST (frame->memories[i])->dispose = memory_dispose;
  }
  frame->n_memories = taken->nr_planes;
  return 0;
}

static GstBuffer *
lend (GstShrbufTap * tap, guint index)
{
  TapFrame *frame = &tap->frames[index];
  GstBuffer *buffer = gst_buffer_new ();
  guint i;

  g_atomic_int_add (&tap->refcount, frame->n_memories);
  g_atomic_int_add (&tap->n_lent, 1);
  g_atomic_int_set (&frame->lent, frame->n_memories);
  for (i = 0; i < frame->n_memories; i++)
    gst_buffer_append_memory (buffer, frame->memories[i]);
  gst_shrbuf_buffer_add_meta (buffer, &tap->info);
  return buffer;
}

gint
gst_shrbuf_tap_take (GstShrbufTap * tap, GstBuffer ** buffer,
    struct shrbuf_frame *frame)
{
  struct shrbuf_tap_frame taken;
  gint ret;

  ret = shrbuf_tap_take (tap->fd, &taken);
  if (ret < 0)
    return ret;
  if (taken.index >= MAX_FRAMES)
    ret = -EIO;
  else if (!tap->frames[taken.index].n_memories)
    ret = make_memories (tap, &taken);
  if (ret < 0) {
    shrbuf_tap_give (tap->fd, taken.index);
    return ret;
  }
  *buffer = lend (tap, taken.index);
  *frame = taken.frame;
  return 0;
}
