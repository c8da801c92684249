// SPDX-License-Identifier: GPL-2.0
/*
 * A source pad with the frames of a route.
 *
 * The route has the tap only while the pad is linked, and until the pipeline has given
 * all frames back.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <linux/videodev2.h>
#include <time.h>

#include <gst/video/video.h>

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbuftap.h"
#include "gstshrbuftappad.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug
GST_DEBUG_CATEGORY_STATIC (GST_CAT_PERFORMANCE);

/*
 * @lock: protects @route_fd, @tap, and whether the task runs
 * @route_fd: -1 if it is closed. Borrowed, as @shrbuf_fd.
 * @tap: NULL while nothing is linked
 * @ending: EOS is to be pushed. Atomic.
 * @done: what is linked wants no more. Atomic.
 * @started: stream-start, caps and segment were pushed. Atomic.
 *
 * The rest is of the task, or of those who know that it does not run.
 */
struct _GstShrbufTapPad
{
  GstPad parent;
  void (*ended) (GstElement *);
  GMutex lock;
  gint shrbuf_fd;
  gint route_fd;
  GstShrbufTapConfig config;
  GstShrbufTap *tap;
  gint ending;
  gint done;
  GstPoll *poll;
  GstPollFD poll_fd;
  gint started;
  gboolean copy;
  gboolean warned;
  guint64 count;
  guint32 sequence;
  GstVideoInfo info;
};

G_DEFINE_TYPE (GstShrbufTapPad, gst_shrbuf_tap_pad, GST_TYPE_PAD);

static GstElement *
get_element (GstShrbufTapPad * self)
{
  return GST_PAD_PARENT (self);
}

static void
post_error (GstShrbufTapPad * self, GError * error)
{
  gst_element_message_full (get_element (self), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);
  g_error_free (error);
}

/* the tap */

static gboolean
open_tap (GstShrbufTapPad * self)
{
  GError *error = NULL;

  if (self->tap)
    return TRUE;
  g_mutex_lock (&self->lock);
  self->tap = gst_shrbuf_tap_new (self->shrbuf_fd, self->route_fd,
      self->config.policy, self->config.max_held, &error);
  g_mutex_unlock (&self->lock);
  if (!self->tap) {
    post_error (self, error);
    return FALSE;
  }
  gst_poll_fd_init (&self->poll_fd);
  self->poll_fd.fd = gst_shrbuf_tap_get_fd (self->tap);
  gst_poll_add_fd (self->poll, &self->poll_fd);
  gst_poll_fd_ctl_read (self->poll, &self->poll_fd, TRUE);
  return TRUE;
}

/* With the lock. */
static void
drop_tap (GstShrbufTapPad * self)
{
  if (!self->tap)
    return;
  gst_poll_remove_fd (self->poll, &self->poll_fd);
  gst_shrbuf_tap_unref (self->tap);
  self->tap = NULL;
}

guint32
gst_shrbuf_tap_pad_get_sink (GstShrbufTapPad * self)
{
  guint32 sink = 0;

  g_mutex_lock (&self->lock);
  if (self->tap)
    sink = gst_shrbuf_tap_get_sink (self->tap);
  g_mutex_unlock (&self->lock);
  return sink;
}

/* before the first frame */

static void
push_stream_start (GstShrbufTapPad * self)
{
  gchar *id = gst_pad_create_stream_id (GST_PAD (self), get_element (self),
      NULL);
  GstEvent *event = gst_event_new_stream_start (id);

  gst_event_set_group_id (event, gst_util_group_id_next ());
  gst_pad_push_event (GST_PAD (self), event);
  g_free (id);
}

static gboolean
push_caps (GstShrbufTapPad * self)
{
  gboolean ret = FALSE;
  GstCaps *caps;

  self->info = *gst_shrbuf_tap_get_info (self->tap);
  self->info.fps_n = self->config.fps_n;
  self->info.fps_d = MAX (self->config.fps_d, 1);
  caps = gst_video_info_to_caps (&self->info);
  if (caps) {
    ret = gst_pad_push_event (GST_PAD (self), gst_event_new_caps (caps));
    gst_caps_unref (caps);
  }
  /* who has no caps yet may come later */
  return ret || !gst_pad_is_linked (GST_PAD (self));
}

/* Whether the frames look as who does not know GstVideoMeta takes it for granted. */
static gboolean
is_plain (const GstVideoInfo * info)
{
  GstVideoInfo plain;
  guint i;

  gst_video_info_set_format (&plain, GST_VIDEO_INFO_FORMAT (info),
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
  for (i = 0; i < GST_VIDEO_INFO_N_PLANES (info); i++)
    if (plain.offset[i] != info->offset[i]
        || plain.stride[i] != info->stride[i])
      return FALSE;
  return TRUE;
}

/* Whether those behind must get another layout. */
static void
ask_allocation (GstShrbufTapPad * self)
{
  GstCaps *caps = gst_pad_get_current_caps (GST_PAD (self));
  GstQuery *query;

  self->copy = FALSE;
  if (caps && !is_plain (&self->info)) {
    query = gst_query_new_allocation (caps, FALSE);
    gst_pad_peer_query (GST_PAD (self), query);
    self->copy = !gst_query_find_allocation_meta (query,
        GST_VIDEO_META_API_TYPE, NULL);
    gst_query_unref (query);
  }
  if (self->copy && !self->warned)
    GST_CAT_WARNING_OBJECT (GST_CAT_PERFORMANCE, self,
        "frames are copied: what is linked does not know GstVideoMeta");
  self->warned = self->warned || self->copy;
  gst_clear_caps (&caps);
}

static gboolean
begin (GstShrbufTapPad * self)
{
  GstSegment segment;

  if (!g_atomic_int_get (&self->started)) {
    push_stream_start (self);
    if (!push_caps (self))
      return FALSE;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (GST_PAD (self), gst_event_new_segment (&segment));
    g_atomic_int_set (&self->started, TRUE);
  }
  if (gst_pad_check_reconfigure (GST_PAD (self)))
    ask_allocation (self);
  return TRUE;
}

/* frames */

static GstClockTime
get_duration (GstShrbufTapPad * self)
{
  if (!self->config.fps_n)
    return GST_CLOCK_TIME_NONE;
  return gst_util_uint64_scale_int (GST_SECOND, self->config.fps_d,
      self->config.fps_n);
}

/* Running time at which it was captured. The camera's clock may be another one. */
static GstClockTime
get_pts (GstShrbufTapPad * self, const struct shrbuf_frame *frame)
{
  GstElement *element = get_element (self);
  GstClock *clock = gst_element_get_clock (element);
  GstClockTime now, age = 0;
  struct timespec ts;

  if (!clock)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock) - gst_element_get_base_time (element);
  gst_object_unref (clock);
  clock_gettime (CLOCK_MONOTONIC, &ts);
  if ((frame->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) ==
      V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC && frame->timestamp
      && GST_TIMESPEC_TO_TIME (ts) > frame->timestamp)
    age = GST_TIMESPEC_TO_TIME (ts) - frame->timestamp;
  return now > age ? now - age : 0;
}

static void
set_times (GstShrbufTapPad * self, GstBuffer * buffer,
    const struct shrbuf_frame *frame)
{
  GST_BUFFER_PTS (buffer) = get_pts (self, frame);
  GST_BUFFER_DURATION (buffer) = get_duration (self);
  GST_BUFFER_OFFSET (buffer) = frame->sequence;
  GST_BUFFER_OFFSET_END (buffer) = (guint64) frame->sequence + 1;
  if (!self->count || frame->sequence != self->sequence + 1)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->sequence = frame->sequence;
}

/* The frame in the layout of its caps. */
static GstBuffer *
copy_frame (GstShrbufTapPad * self, GstBuffer * buffer)
{
  GstVideoFrame from, to;
  GstVideoInfo plain;
  GstBuffer *copy;

  gst_video_info_set_format (&plain, GST_VIDEO_INFO_FORMAT (&self->info),
      GST_VIDEO_INFO_WIDTH (&self->info), GST_VIDEO_INFO_HEIGHT (&self->info));
  copy = gst_buffer_new_allocate (NULL, plain.size, NULL);
  if (gst_video_frame_map (&from, &self->info, buffer, GST_MAP_READ)) {
    if (gst_video_frame_map (&to, &plain, copy, GST_MAP_WRITE)) {
      gst_video_frame_copy (&to, &from);
      gst_video_frame_unmap (&to);
    }
    gst_video_frame_unmap (&from);
  }
  gst_buffer_copy_into (copy, buffer,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_buffer_unref (buffer);
  return copy;
}

/* -EAGAIN: there was none */
static gint
take (GstShrbufTapPad * self, GstFlowReturn * flow)
{
  struct shrbuf_frame frame;
  GstBuffer *buffer;
  gint ret;

  ret = gst_shrbuf_tap_take (self->tap, &buffer, &frame);
  if (ret < 0)
    return ret;
  if (g_atomic_int_get (&self->done)) {
    gst_buffer_unref (buffer);
    *flow = GST_FLOW_EOS;
    return 0;
  }
  if (!begin (self)) {
    gst_buffer_unref (buffer);
    *flow = GST_FLOW_NOT_NEGOTIATED;
    return 0;
  }
  set_times (self, buffer, &frame);
  if (self->copy)
    buffer = copy_frame (self, buffer);
  *flow = gst_pad_push (GST_PAD (self), buffer);
  self->count++;
  return 0;
}

/* the task */

static void
push_eos (GstShrbufTapPad * self)
{
  if (!g_atomic_int_get (&self->started))
    push_stream_start (self);
  g_atomic_int_set (&self->started, TRUE);
  gst_pad_push_event (GST_PAD (self), gst_event_new_eos ());
  gst_pad_pause_task (GST_PAD (self));
}

/*
 * Nobody wants frames any more. The tap stays until it has all back, and frames are taken
 * meanwhile, for a route may wait for it.
 */
static void
leave (GstShrbufTapPad * self)
{
  g_mutex_lock (&self->lock);
  if ((g_atomic_int_get (&self->done) || !gst_pad_is_linked (GST_PAD (self)))
      && gst_shrbuf_tap_is_idle (self->tap)) {
    drop_tap (self);
    gst_pad_pause_task (GST_PAD (self));
  }
  g_mutex_unlock (&self->lock);
}

static void
handle_flow (GstShrbufTapPad * self, GstFlowReturn flow)
{
  GstElement *element = get_element (self);

  if (flow == GST_FLOW_OK && self->config.num_buffers >= 0
      && self->count >= (guint64) self->config.num_buffers) {
    push_eos (self);
    self->ended (element);
  } else if (flow == GST_FLOW_NOT_LINKED && !gst_pad_is_linked (GST_PAD (self))) {
    leave (self);
  } else if (flow == GST_FLOW_EOS) {
    if (g_atomic_int_compare_and_exchange (&self->done, FALSE, TRUE))
      gst_pad_push_event (GST_PAD (self), gst_event_new_eos ());
    leave (self);
  } else if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS) {
    GST_ELEMENT_FLOW_ERROR (element, flow);
    push_eos (self);
  } else if (flow != GST_FLOW_OK) {
    gst_pad_pause_task (GST_PAD (self));
  }
}

static void
gst_shrbuf_tap_pad_loop (gpointer data)
{
  GstShrbufTapPad *self = data;
  GstFlowReturn flow = GST_FLOW_OK;
  GError *error = NULL;
  gint ret;

  if (!open_tap (self)) {
    push_eos (self);
    return;
  }
  if (gst_poll_wait (self->poll, GST_CLOCK_TIME_NONE) < 0) {
    if (errno != EBUSY)
      return;
    if (g_atomic_int_get (&self->ending))
      push_eos (self);
    else
      gst_pad_pause_task (GST_PAD (self));
    return;
  }
  ret = take (self, &flow);
  if (ret == -EAGAIN || ret == -EBUSY || ret == -EINTR)
    return;
  if (ret == 0) {
    handle_flow (self, flow);
  } else {
    /* if the route is over, the element says why */
    if (ret != -ENODEV) {
      g_set_error_literal (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
          ret == -EMEDIUMTYPE ?
          "GStreamer has no name for the format of the camera. Set another one by the property caps."
          : shrbuf_explain (SHRBUF_REQUEST_ROUTE, ret));
      post_error (self, error);
    }
    push_eos (self);
  }
}

/* With the lock. */
static void
start (GstShrbufTapPad * self)
{
  if (self->route_fd >= 0 && gst_pad_is_linked (GST_PAD (self))
      && !g_atomic_int_get (&self->ending))
    gst_pad_start_task (GST_PAD (self), gst_shrbuf_tap_pad_loop, self, NULL);
}

static void
on_linked (GstPad * pad, GstPad * peer, gpointer data)
{
  GstShrbufTapPad *self = GST_SHRBUF_TAP_PAD (pad);

  g_mutex_lock (&self->lock);
  /* what had ended begins again */
  if (g_atomic_int_compare_and_exchange (&self->done, TRUE, FALSE))
    g_atomic_int_set (&self->started, FALSE);
  start (self);
  g_mutex_unlock (&self->lock);
}

/* of the element */

void
gst_shrbuf_tap_pad_open (GstShrbufTapPad * self, gint shrbuf_fd,
    gint route_fd, const GstShrbufTapConfig * config)
{
  g_mutex_lock (&self->lock);
  self->shrbuf_fd = shrbuf_fd;
  self->route_fd = route_fd;
  self->config = *config;
  g_atomic_int_set (&self->started, FALSE);
  self->warned = FALSE;
  self->count = 0;
  g_atomic_int_set (&self->done, FALSE);
  gst_pad_mark_reconfigure (GST_PAD (self));
  start (self);
  g_mutex_unlock (&self->lock);
}

void
gst_shrbuf_tap_pad_close (GstShrbufTapPad * self)
{
  g_mutex_lock (&self->lock);
  drop_tap (self);
  self->route_fd = -1;
  g_mutex_unlock (&self->lock);
}

void
gst_shrbuf_tap_pad_end (GstShrbufTapPad * self)
{
  g_atomic_int_set (&self->ending, TRUE);
  gst_poll_set_flushing (self->poll, TRUE);
}

/* of the pad */

static gboolean
gst_shrbuf_tap_pad_activate_mode (GstPad * pad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  GstShrbufTapPad *self = GST_SHRBUF_TAP_PAD (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active) {
    g_atomic_int_set (&self->ending, FALSE);
    gst_poll_set_flushing (self->poll, FALSE);
    return TRUE;
  }
  gst_poll_set_flushing (self->poll, TRUE);
  return gst_pad_stop_task (pad);
}

/* A frame is there when it is complete, and the pipeline may keep max_held of them. */
static gboolean
gst_shrbuf_tap_pad_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstShrbufTapPad *self = GST_SHRBUF_TAP_PAD (pad);
  GstClockTime duration;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  g_mutex_lock (&self->lock);
  duration = get_duration (self);
  if (GST_CLOCK_TIME_IS_VALID (duration))
    gst_query_set_latency (query, TRUE, duration,
        duration * MAX (self->config.max_held, 1));
  else
    gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static void
gst_shrbuf_tap_pad_finalize (GObject * object)
{
  GstShrbufTapPad *self = GST_SHRBUF_TAP_PAD (object);

  gst_poll_free (self->poll);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_shrbuf_tap_pad_parent_class)->finalize (object);
}

static void
gst_shrbuf_tap_pad_class_init (GstShrbufTapPadClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_shrbuf_tap_pad_finalize;
  GST_DEBUG_CATEGORY_GET (GST_CAT_PERFORMANCE, "GST_PERFORMANCE");
}

static void
gst_shrbuf_tap_pad_init (GstShrbufTapPad * self)
{
  g_mutex_init (&self->lock);
  self->route_fd = -1;
  self->poll = gst_poll_new (TRUE);
}

GstPad *
gst_shrbuf_tap_pad_new (GstPadTemplate * templ, void (*ended) (GstElement *))
{
  GstShrbufTapPad *self = g_object_new (GST_TYPE_SHRBUF_TAP_PAD, "name", "src",
      "direction", GST_PAD_SRC, "template", templ, NULL);
  GstPad *pad = GST_PAD (self);

  self->ended = ended;
  gst_pad_set_activatemode_function (pad, gst_shrbuf_tap_pad_activate_mode);
  gst_pad_set_query_function (pad, gst_shrbuf_tap_pad_query);
  g_signal_connect (pad, "linked", G_CALLBACK (on_linked), NULL);
  return pad;
}
