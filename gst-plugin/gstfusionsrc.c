// SPDX-License-Identifier: GPL-2.0
/**
 * SECTION:element-fusionsrc
 * @title: fusionsrc
 * @short_description: receives frames of another process
 * @see_also: #fusionsink
 *
 * Receives the frames that a #fusionsink in another process publishes, without a copy. It
 * begins with the newest frame. Who is slow misses frames; the publisher and other
 * receivers do not wait.
 *
 * Memory is read-only: an element that writes into it gets a copy.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! fusionsink world=test
 * gst-launch-1.0 fusionsrc world=test ! videoconvert ! autovideosink
 * ]|
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <gst/base/gstpushsrc.h>
#include <libdrm_fusion.h>

#include "elements.h"
#include "gstfusionaddress.h"
#include "gstfusioncache.h"
#include "gstfusionexplain.h"
#include "gstfusionframe.h"
#include "rendezvous.h"
#include "subscriber.h"

GST_DEBUG_CATEGORY_STATIC (gst_fusion_src_debug);
#define GST_CAT_DEFAULT gst_fusion_src_debug

#define DEFAULT_QUEUE_SIZE 2
#define DEFAULT_MAX_HELD 4
#define DEFAULT_ON_DISCONNECT ON_DISCONNECT_EOS

/* How often to look for a publisher, and how long one may take to answer, in microseconds */
#define RETRY (50 * 1000)
#define PATIENCE (10 * G_USEC_PER_SEC)

enum
{
  PROP_FD = GST_FUSION_PROP_LAST,
  PROP_QUEUE_SIZE,
  PROP_MAX_HELD,
  PROP_CONNECTION_TIMEOUT,
  PROP_ON_DISCONNECT,
  PROP_STATS,
};

typedef enum
{
  ON_DISCONNECT_EOS,
  ON_DISCONNECT_ERROR,
  ON_DISCONNECT_RECONNECT,
} OnDisconnect;

#define GST_TYPE_FUSION_SRC (gst_fusion_src_get_type ())
G_DECLARE_FINAL_TYPE (GstFusionSrc, gst_fusion_src, GST, FUSION_SRC,
    GstPushSrc);

struct _GstFusionSrc
{
  GstPushSrc parent;

  /* properties, protected by the object's lock */
  GstFusionAddress address;
  gint fd;
  guint queue_size;
  guint max_held;
  guint64 connection_timeout;
  OnDisconnect on_disconnect;

  gint cancel_fd;               /* can be read while unlocked */

  /* from start() to stop(); set to NULL and back with the object's lock */
  Subscriber *subscriber;
  GstFusionCache *cache;
  gint64 give_up;               /* when to stop looking for a publisher */

  /* of the streaming thread */
  gchar *caps;
  guint64 sequence;

  /* protected by the object's lock */
  guint64 received, missed;
  GstClockTime latency;
  GstClockTime duration;
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE (GstFusionSrc, gst_fusion_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (fusionsrc, "fusionsrc", GST_RANK_NONE,
    GST_TYPE_FUSION_SRC);

#define GST_TYPE_FUSION_ON_DISCONNECT (on_disconnect_get_type ())
static GType
on_disconnect_get_type (void)
{
  static const GEnumValue values[] = {
    {ON_DISCONNECT_EOS, "The stream ends", "eos"},
    {ON_DISCONNECT_ERROR, "An error", "error"},
    {ON_DISCONNECT_RECONNECT, "Wait for the next publisher", "reconnect"},
    {0, NULL, NULL},
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstFusionOnDisconnect",
            values));
  return type;
}

/* connection */

static void
gst_fusion_src_disconnect (GstFusionSrc * src)
{
  Subscriber *subscriber;

  GST_OBJECT_LOCK (src);
  subscriber = g_steal_pointer (&src->subscriber);
  GST_OBJECT_UNLOCK (src);
  if (!subscriber)
    return;
  subscriber_stop (subscriber);
  /* frames that are still used keep both */
  gst_fusion_cache_forget_all (src->cache);
  g_clear_pointer (&src->cache, gst_fusion_cache_unref);
  subscriber_unref (subscriber);
  src->sequence = 0;
}

static gint
gst_fusion_src_join (GstFusionSrc * src, gint world)
{
  Subscriber *subscriber;
  gint ret = subscriber_new (world, g_get_prgname ()? g_get_prgname () :
      "receiver", src->queue_size, &subscriber);

  if (ret)
    return ret;
  src->cache = gst_fusion_cache_new (subscriber);
  GST_OBJECT_LOCK (src);
  src->subscriber = subscriber;
  GST_OBJECT_UNLOCK (src);
  return 0;
}

/* One attempt. Nobody is there: -ENOENT, -ECONNREFUSED. */
static gint
gst_fusion_src_try (GstFusionSrc * src, const gchar * path)
{
  gboolean abstract = gst_fusion_address_is_abstract (&src->address);
  gint world, ret;

  if (!path)
    return gst_fusion_src_join (src, src->fd);
  world = rendezvous_connect (path, abstract, src->cancel_fd,
      g_get_monotonic_time () + PATIENCE);
  if (world < 0)
    return world;
  ret = gst_fusion_src_join (src, world);
  close (world);
  /* it has ended since */
  return ret == -ESHUTDOWN || ret == -ENOENT ? -ECONNREFUSED : ret;
}

/* The path, NULL for the file descriptor, or FALSE after an error. */
static gboolean
gst_fusion_src_resolve (GstFusionSrc * src, gchar ** path)
{
  GError *error = NULL;

  *path = NULL;
  if (src->fd >= 0)
    return TRUE;
  *path = gst_fusion_address_resolve (&src->address, &error);
  if (*path)
    return TRUE;
  if (!error)
    g_set_error_literal (&error, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_SETTINGS, "It is not said what to receive: set "
        "world to the name that fusionsink has, or socket-path, or fd.");
  gst_element_message_full (GST_ELEMENT (src), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);
  g_error_free (error);
  return FALSE;
}

static gboolean
nobody_is_there (gint err)
{
  return err == -ENOENT || err == -ECONNREFUSED || err == -EAGAIN;
}

/* Waits until the next look, or is cancelled. */
static gint
gst_fusion_src_pause (GstFusionSrc * src)
{
  GPollFD fd = {.fd = src->cancel_fd,.events = G_IO_IN };

  return g_poll (&fd, 1, RETRY / 1000) > 0 ? -ECANCELED : 0;
}

/* In the streaming thread: looks for a publisher as long as it may. */
static GstFlowReturn
gst_fusion_src_connect (GstFusionSrc * src)
{
  gchar *path;
  gint ret;

  if (!gst_fusion_src_resolve (src, &path))
    return GST_FLOW_ERROR;
  for (;;) {
    ret = gst_fusion_src_try (src, path);
    if (!nobody_is_there (ret) || g_get_monotonic_time () >= src->give_up)
      break;
    ret = gst_fusion_src_pause (src);
    if (ret)
      break;
  }
  if (ret && ret != -ECANCELED)
    gst_fusion_src_explain (GST_ELEMENT (src), path, src->fd, ret);
  g_free (path);
  if (ret == -ECANCELED)
    return GST_FLOW_FLUSHING;
  return ret ? GST_FLOW_ERROR : GST_FLOW_OK;
}

static gboolean
gst_fusion_src_start (GstBaseSrc * base)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);
  guint64 timeout = src->connection_timeout / 1000;
  gchar *path;
  gint ret;

  if (!gst_fusion_src_resolve (src, &path))
    return FALSE;
  GST_OBJECT_LOCK (src);
  src->received = src->missed = 0;
  src->latency = 0;
  src->duration = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (src);
  src->give_up = timeout > G_MAXINT64 / 2 ? G_MAXINT64 :
      g_get_monotonic_time () + timeout;
  ret = gst_fusion_src_try (src, path);
  /* what can be told now is told now */
  if (ret && (!timeout || !nobody_is_there (ret))) {
    gst_fusion_src_explain (GST_ELEMENT (src), path, src->fd, ret);
    g_free (path);
    return FALSE;
  }
  g_free (path);
  return TRUE;
}

static gboolean
gst_fusion_src_stop (GstBaseSrc * base)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);

  gst_fusion_src_disconnect (src);
  g_clear_pointer (&src->caps, g_free);
  return TRUE;
}

static gboolean
gst_fusion_src_unlock (GstBaseSrc * base)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);
  guint64 one = 1;

  return write (src->cancel_fd, &one, sizeof (one)) == sizeof (one);
}

static gboolean
gst_fusion_src_unlock_stop (GstBaseSrc * base)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);
  guint64 count;

  /* it may not have been unlocked */
  if (read (src->cancel_fd, &count, sizeof (count)) < 0)
    GST_LOG_OBJECT (src, "nothing to stop");
  return TRUE;
}

/* frames */

/* The publisher is gone without having said so. */
static GstFlowReturn
gst_fusion_src_lost (GstFusionSrc * src)
{
  OnDisconnect what;

  GST_OBJECT_LOCK (src);
  what = src->on_disconnect;
  GST_OBJECT_UNLOCK (src);
  gst_fusion_src_disconnect (src);
  GST_INFO_OBJECT (src, "the publisher is gone");
  switch (what) {
    case ON_DISCONNECT_EOS:
      return GST_FLOW_EOS;
    case ON_DISCONNECT_ERROR:
      GST_ELEMENT_ERROR (src, RESOURCE, READ,
          ("The publisher is gone. Start it again, and set on-disconnect to "
              "reconnect to wait for it."), (NULL));
      return GST_FLOW_ERROR;
    default:
      src->give_up = G_MAXINT64;
      return GST_FLOW_OK;
  }
}

/* A time of CLOCK_MONOTONIC as one of the running time, not before it begins. */
static GstClockTime
to_running (guint64 time, GstClockTimeDiff offset)
{
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_CLOCK_TIME_NONE;
  return (gint64) time > offset ? time - offset : 0;
}

static void
gst_fusion_src_set_times (GstFusionSrc * src, GstBuffer * buffer,
    const GstFusionTimes * times)
{
  GstClockTime base_time = gst_element_get_base_time (GST_ELEMENT (src));
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (src));
  gboolean changed;

  if (clock) {
    GstClockTimeDiff offset = base_time + gst_fusion_clock_offset (clock);

    GST_BUFFER_PTS (buffer) = to_running (times->pts, offset);
    GST_BUFFER_DTS (buffer) = to_running (times->dts, offset);
    gst_object_unref (clock);
  }
  GST_OBJECT_LOCK (src);
  changed = src->latency != times->latency;
  src->latency = times->latency;
  src->duration = times->duration;
  GST_OBJECT_UNLOCK (src);
  if (changed)
    gst_element_post_message (GST_ELEMENT (src),
        gst_message_new_latency (GST_OBJECT (src)));
}

static GstFlowReturn
gst_fusion_src_set_caps (GstFusionSrc * src, const gchar * text)
{
  GstCaps *caps;
  gboolean ret;

  if (!g_strcmp0 (text, src->caps))
    return GST_FLOW_OK;
  g_clear_pointer (&src->caps, g_free);
  /* a stream without caps */
  if (!*text)
    return GST_FLOW_OK;
  caps = gst_caps_from_string (text);
  if (!caps) {
    GST_ELEMENT_ERROR (src, STREAM, FORMAT,
        ("The publisher's caps are not known here. Use the same version of "
            "GStreamer."), ("%s", text));
    return GST_FLOW_ERROR;
  }
  ret = gst_base_src_set_caps (GST_BASE_SRC (src), caps);
  gst_caps_unref (caps);
  if (!ret)
    return GST_FLOW_NOT_NEGOTIATED;
  src->caps = g_strdup (text);
  return GST_FLOW_OK;
}

/* Frames that were missed before this one. */
static void
gst_fusion_src_count (GstFusionSrc * src, GstBuffer * buffer, guint64 sequence)
{
  gboolean gap = src->sequence && sequence != src->sequence + 1;

  GST_OBJECT_LOCK (src);
  src->received++;
  if (gap)
    src->missed += sequence - src->sequence - 1;
  GST_OBJECT_UNLOCK (src);
  if (gap)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  src->sequence = sequence;
}

static GstFlowReturn
gst_fusion_src_take (GstFusionSrc * src, const SubscriberEvent * frame,
    GstBuffer ** out)
{
  GstBuffer *buffer = gst_buffer_new ();
  GstFlowReturn flow = GST_FLOW_OK;
  GstFusionTimes times;
  const gchar *caps;
  gint ret;

  ret = gst_fusion_cache_fill (src->cache, frame, buffer);
  if (ret) {
    gst_buffer_unref (buffer);
    /* the end of the world comes with the next messages */
    if (ret == -ESHUTDOWN || ret == -ENOENT || ret == -EIDRM)
      return GST_FLOW_OK;
    GST_ELEMENT_ERROR (src, RESOURCE, READ,
        ("The memory of a frame cannot be had: %s. %s", g_strerror (-ret),
            fusion_explain (ret)), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!gst_fusion_frame_apply (frame->description, frame->size, buffer, &times,
          &caps)) {
    GST_ELEMENT_ERROR (src, STREAM, DECODE,
        ("A frame is not described as it should be. Use the same version for "
            "fusionsink and fusionsrc."), (NULL));
    flow = GST_FLOW_ERROR;
  }
  if (flow == GST_FLOW_OK)
    flow = gst_fusion_src_set_caps (src, caps);
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }
  gst_fusion_src_set_times (src, buffer, &times);
  gst_fusion_src_count (src, buffer, frame->sequence);
  *out = buffer;
  return GST_FLOW_OK;
}

/* Whether downstream has as many frames as it may. */
static gboolean
gst_fusion_src_is_full (GstFusionSrc * src)
{
  gboolean ret;

  GST_OBJECT_LOCK (src);
  ret = subscriber_held (src->subscriber) >= src->max_held;
  GST_OBJECT_UNLOCK (src);
  return ret;
}

/* One step: GST_FLOW_OK without a buffer to go on. */
static GstFlowReturn
gst_fusion_src_step (GstFusionSrc * src, GstBuffer ** out)
{
  gboolean full = gst_fusion_src_is_full (src);
  SubscriberEvent event = { SUBSCRIBER_NOTHING };
  gint ret = full ? 0 : subscriber_receive (src->subscriber, &event);

  if (ret == -ESHUTDOWN)
    return gst_fusion_src_lost (src);
  if (ret) {
    GST_ELEMENT_ERROR (src, RESOURCE, READ,
        ("Frames cannot be received: %s. %s", g_strerror (-ret),
            fusion_explain (ret)), (NULL));
    return GST_FLOW_ERROR;
  }
  switch (event.type) {
    case SUBSCRIBER_FRAME:
      return gst_fusion_src_take (src, &event, out);
    case SUBSCRIBER_FORGET:
      gst_fusion_cache_forget (src->cache, event.buffer);
      return GST_FLOW_OK;
    case SUBSCRIBER_FORGET_ALL:
      gst_fusion_cache_forget_all (src->cache);
      return GST_FLOW_OK;
    case SUBSCRIBER_LAST:
      return GST_FLOW_EOS;
    default:
      ret = subscriber_wait (src->subscriber, !full, full, src->cancel_fd);
      return ret == -ECANCELED ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  }
}

static GstFlowReturn
gst_fusion_src_create (GstPushSrc * base, GstBuffer ** out)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);
  GstFlowReturn ret = GST_FLOW_OK;

  *out = NULL;
  while (ret == GST_FLOW_OK && !*out)
    ret = src->subscriber ? gst_fusion_src_step (src, out) :
        gst_fusion_src_connect (src);
  return ret;
}

/* Caps come with the frames. */
static gboolean
gst_fusion_src_negotiate (GstBaseSrc * base)
{
  return TRUE;
}

static gboolean
gst_fusion_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstFusionSrc *src = GST_FUSION_SRC (base);
  GstClockTime min, max = GST_CLOCK_TIME_NONE;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (gst_fusion_src_parent_class)->query (base,
        query);
  GST_OBJECT_LOCK (src);
  min = src->latency;
  /* more frames than these cannot wait downstream */
  if (GST_CLOCK_TIME_IS_VALID (src->duration))
    max = min + src->max_held * src->duration;
  GST_OBJECT_UNLOCK (src);
  gst_query_set_latency (query, TRUE, min, max);
  return TRUE;
}

/* the object */

static void
gst_fusion_src_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstFusionSrc *src = GST_FUSION_SRC (object);

  GST_OBJECT_LOCK (src);
  switch (id) {
    case PROP_FD:
      src->fd = g_value_get_int (value);
      break;
    case PROP_QUEUE_SIZE:
      src->queue_size = g_value_get_uint (value);
      break;
    case PROP_MAX_HELD:
      src->max_held = g_value_get_uint (value);
      break;
    case PROP_CONNECTION_TIMEOUT:
      src->connection_timeout = g_value_get_uint64 (value);
      break;
    case PROP_ON_DISCONNECT:
      src->on_disconnect = g_value_get_enum (value);
      break;
    default:
      if (!gst_fusion_address_set (&src->address, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (src);
}

static void
gst_fusion_src_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstFusionSrc *src = GST_FUSION_SRC (object);

  GST_OBJECT_LOCK (src);
  switch (id) {
    case PROP_FD:
      g_value_set_int (value, src->fd);
      break;
    case PROP_QUEUE_SIZE:
      g_value_set_uint (value, src->queue_size);
      break;
    case PROP_MAX_HELD:
      g_value_set_uint (value, src->max_held);
      break;
    case PROP_CONNECTION_TIMEOUT:
      g_value_set_uint64 (value, src->connection_timeout);
      break;
    case PROP_ON_DISCONNECT:
      g_value_set_enum (value, src->on_disconnect);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, gst_structure_new ("fusionsrc",
              "received", G_TYPE_UINT64, src->received,
              "missed", G_TYPE_UINT64, src->missed,
              "held", G_TYPE_UINT,
              src->subscriber ? subscriber_held (src->subscriber) : 0, NULL));
      break;
    default:
      if (!gst_fusion_address_get (&src->address, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (src);
}

static void
gst_fusion_src_finalize (GObject * object)
{
  GstFusionSrc *src = GST_FUSION_SRC (object);

  gst_fusion_address_clear (&src->address);
  if (src->cancel_fd >= 0)
    close (src->cancel_fd);
  G_OBJECT_CLASS (gst_fusion_src_parent_class)->finalize (object);
}

static void
gst_fusion_src_install_properties (GObjectClass * klass)
{
  const GParamFlags changeable = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags ready = changeable | GST_PARAM_MUTABLE_READY;

  gst_fusion_address_install (klass);
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "File descriptor of the world, instead of a name. It stays the "
          "caller's (-1: none)", -1, G_MAXINT, -1, ready));
  g_object_class_install_property (klass, PROP_QUEUE_SIZE,
      g_param_spec_uint ("queue-size", "Size of the queue",
          "How many frames may wait to be received: then the oldest is missed",
          1, 1024, DEFAULT_QUEUE_SIZE, ready));
  g_object_class_install_property (klass, PROP_MAX_HELD,
      g_param_spec_uint ("max-held", "Most frames held",
          "How many frames downstream may have at a time. A sink keeps one or "
          "two", 2, 64, DEFAULT_MAX_HELD, changeable));
  g_object_class_install_property (klass, PROP_CONNECTION_TIMEOUT,
      g_param_spec_uint64 ("connection-timeout", "Connection timeout",
          "How long to wait for a publisher at the start, in nanoseconds "
          "(0: it must be there, 18446744073709551615: as long as it takes)",
          0, G_MAXUINT64, 0, ready));
  g_object_class_install_property (klass, PROP_ON_DISCONNECT,
      g_param_spec_enum ("on-disconnect", "On disconnect",
          "What to do when the publisher is gone without an end of the stream",
          GST_TYPE_FUSION_ON_DISCONNECT, DEFAULT_ON_DISCONNECT, changeable));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Frames received and missed since the start, and frames that are "
          "held", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_type_mark_as_plugin_api (GST_TYPE_FUSION_ON_DISCONNECT, 0);
}

static void
gst_fusion_src_class_init (GstFusionSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_fusion_src_debug, "fusionsrc", 0,
      "receives frames of another process");
  object_class->set_property = gst_fusion_src_set_property;
  object_class->get_property = gst_fusion_src_get_property;
  object_class->finalize = gst_fusion_src_finalize;
  gst_fusion_src_install_properties (object_class);
  gst_element_class_set_static_metadata (element_class, "Fusion source",
      "Source", "Receives frames of another process, without a copy",
      "The shrbuf authors");
  gst_element_class_add_static_pad_template (element_class, &src_template);
  base_class->start = gst_fusion_src_start;
  base_class->stop = gst_fusion_src_stop;
  base_class->unlock = gst_fusion_src_unlock;
  base_class->unlock_stop = gst_fusion_src_unlock_stop;
  base_class->negotiate = gst_fusion_src_negotiate;
  base_class->query = gst_fusion_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_fusion_src_create;
}

static void
gst_fusion_src_init (GstFusionSrc * src)
{
  gst_fusion_address_init (&src->address);
  src->fd = -1;
  src->queue_size = DEFAULT_QUEUE_SIZE;
  src->max_held = DEFAULT_MAX_HELD;
  src->on_disconnect = DEFAULT_ON_DISCONNECT;
  src->cancel_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  gst_base_src_set_live (GST_BASE_SRC (src), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (src), GST_FORMAT_TIME);
}
