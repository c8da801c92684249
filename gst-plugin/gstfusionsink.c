// SPDX-License-Identifier: GPL-2.0
/**
 * SECTION:element-fusionsink
 * @title: fusionsink
 * @short_description: publishes frames for other processes
 * @see_also: #fusionsrc
 *
 * Publishes frames into a world of fusion, from where any number of #fusionsrc in other
 * processes receive them without a copy. A receiver that is slow, stopped or killed costs
 * the others nothing.
 *
 * Memory that is a dma-buf goes as it is. For other memory fusionsink proposes a pool of
 * shared buffers; who does not take it costs a copy.
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
#include <unistd.h>

#include <gst/base/gstbasesink.h>
#include <libdrm_fusion.h>

#include "elements.h"
#include "gstfusionaddress.h"
#include "gstfusioncopy.h"
#include "gstfusionexport.h"
#include "gstfusionframe.h"
#include "publisher.h"
#include "rendezvous.h"

GST_DEBUG_CATEGORY_STATIC (gst_fusion_sink_debug);
#define GST_CAT_DEFAULT gst_fusion_sink_debug
GST_DEBUG_CATEGORY_STATIC (GST_CAT_PERFORMANCE);

#define DEFAULT_SOCKET_MODE 0600
#define DEFAULT_DRAIN_TIMEOUT GST_SECOND

/* The newest frame, two that wait in queues, and one that is being made. */
#define MIN_BUFFERS 4

enum
{
  PROP_SOCKET_MODE = GST_FUSION_PROP_LAST,
  PROP_FD,
  PROP_WAIT_FOR_CONNECTION,
  PROP_MAX_CLIENTS,
  PROP_MAX_FRAMES,
  PROP_DRAIN_TIMEOUT,
  PROP_NUM_CLIENTS,
  PROP_STATS,
};

#define GST_TYPE_FUSION_SINK (gst_fusion_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstFusionSink, gst_fusion_sink, GST, FUSION_SINK,
    GstBaseSink);

struct _GstFusionSink
{
  GstBaseSink parent;

  /* properties, protected by the object's lock */
  GstFusionAddress address;
  guint socket_mode;
  gboolean wait;
  guint max_clients;
  guint max_frames;
  guint64 drain_timeout;

  /* from start() to stop(), changed with the object's lock */
  Publisher *publisher;
  gint fd;                      /* of the world */
  gchar *path;                  /* of the socket, to be removed */
  guint64 published, copied, dropped;

  /* of the streaming thread */
  GstFusionExport *export;
  GstFusionCopy *copy;
  gchar *caps;
  GstVideoInfo info;
  gboolean is_video;            /* raw */
  GByteArray *description;
  GstBufferPool *pool;          /* where buffers come from, only to be compared */
  guint pool_size;              /* its limit, or zero */
  gboolean warned;
  gboolean full;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE (GstFusionSink, gst_fusion_sink, GST_TYPE_BASE_SINK);
GST_ELEMENT_REGISTER_DEFINE (fusionsink, "fusionsink", GST_RANK_NONE,
    GST_TYPE_FUSION_SINK);

/* events of the publisher */

static void
frame_released (gpointer user, gpointer frame)
{
  gst_buffer_unref (frame);
}

static void
clients_changed (gpointer user)
{
  g_object_notify (user, "num-clients");
}

/* start and stop */

static gboolean
gst_fusion_sink_listen (GstFusionSink * sink, const gchar * path)
{
  gboolean abstract = gst_fusion_address_is_abstract (&sink->address);
  gint socket = rendezvous_listen (path, abstract, sink->socket_mode);

  if (socket >= 0) {
    publisher_listen (sink->publisher, socket);
    if (!abstract)
      sink->path = g_strdup (path);
    return TRUE;
  }
  switch (socket) {
    case -EADDRINUSE:
      GST_ELEMENT_ERROR (sink, RESOURCE, BUSY,
          ("Somebody publishes at %s already. Take another name, or end "
              "the other one.", path), (NULL));
      break;
    case -EEXIST:
      GST_ELEMENT_ERROR (sink, RESOURCE, OPEN_WRITE,
          ("%s is not a socket. Remove it, or take another path.", path),
          (NULL));
      break;
    case -ENAMETOOLONG:
      GST_ELEMENT_ERROR (sink, RESOURCE, SETTINGS,
          ("%s is too long for a socket. Take a shorter path.", path), (NULL));
      break;
    default:
      GST_ELEMENT_ERROR (sink, RESOURCE, OPEN_WRITE,
          ("There can be no socket %s: %s. Set socket-path to where you may "
              "make files.", path, g_strerror (-socket)), (NULL));
  }
  return FALSE;
}

static gboolean
gst_fusion_sink_open (GstFusionSink * sink, const gchar * path)
{
  static const PublisherEvents events = { frame_released, clients_changed };
  Publisher *publisher;
  gint ret, fd;

  ret = publisher_new (sink->address.world ? sink->address.world : "gstreamer",
      sink->max_clients, &events, sink, &publisher);
  if (ret) {
    GST_ELEMENT_ERROR (sink, RESOURCE, OPEN_READ_WRITE,
        ("There is no world: %s. %s", g_strerror (-ret), fusion_explain (ret)),
        (NULL));
    return FALSE;
  }
  fd = publisher_export (publisher);
  GST_OBJECT_LOCK (sink);
  sink->publisher = publisher;
  sink->fd = fd;
  sink->published = sink->copied = sink->dropped = 0;
  GST_OBJECT_UNLOCK (sink);
  if (fd < 0) {
    GST_ELEMENT_ERROR (sink, RESOURCE, OPEN_READ_WRITE,
        ("The world cannot be given to others. %s", fusion_explain (fd)),
        (NULL));
    return FALSE;
  }
  sink->export = gst_fusion_export_new (publisher);
  return !path || gst_fusion_sink_listen (sink, path);
}

static gboolean
gst_fusion_sink_stop (GstBaseSink * base)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);
  Publisher *publisher;
  gint fd;

  /* nobody new is to come to a world that ends */
  if (sink->path)
    unlink (sink->path);
  g_clear_pointer (&sink->path, g_free);
  GST_OBJECT_LOCK (sink);
  publisher = g_steal_pointer (&sink->publisher);
  fd = sink->fd;
  sink->fd = -1;
  GST_OBJECT_UNLOCK (sink);
  if (fd >= 0)
    close (fd);
  if (publisher) {
    publisher_close (publisher);
    publisher_unref (publisher);
  }
  g_clear_pointer (&sink->export, gst_fusion_export_unref);
  gst_fusion_copy_reset (sink->copy);
  g_clear_pointer (&sink->caps, g_free);
  sink->pool = NULL;
  sink->warned = FALSE;
  sink->full = FALSE;
  return TRUE;
}

static gboolean
gst_fusion_sink_start (GstBaseSink * base)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);
  GError *error = NULL;
  gchar *path = gst_fusion_address_resolve (&sink->address, &error);
  gboolean ret;

  if (error) {
    gst_element_message_full (GST_ELEMENT (sink), GST_MESSAGE_ERROR,
        error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
        GST_FUNCTION, __LINE__);
    g_error_free (error);
    return FALSE;
  }
  ret = gst_fusion_sink_open (sink, path);
  g_free (path);
  if (!ret)
    gst_fusion_sink_stop (base);
  return ret;
}

static gboolean
gst_fusion_sink_unlock (GstBaseSink * base)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);

  publisher_wake (sink->publisher, TRUE);
  return TRUE;
}

static gboolean
gst_fusion_sink_unlock_stop (GstBaseSink * base)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);

  publisher_wake (sink->publisher, FALSE);
  return TRUE;
}

/* negotiation */

static gboolean
gst_fusion_sink_set_caps (GstBaseSink * base, GstCaps * caps)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);

  g_free (sink->caps);
  sink->caps = gst_caps_to_string (caps);
  sink->is_video = gst_fusion_copy_set_caps (sink->copy, caps, &sink->info);
  return TRUE;
}

static gboolean
gst_fusion_sink_propose_allocation (GstBaseSink * base, GstQuery * query)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);
  gboolean need_pool;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, &need_pool);
  if (!caps)
    return FALSE;
  gst_fusion_copy_propose (sink->copy, query, caps, need_pool, MIN_BUFFERS);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query,
      GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_REFERENCE_TIMESTAMP_META_API_TYPE,
      NULL);
  return TRUE;
}

/* frames */

/* A time of the segment, as one of CLOCK_MONOTONIC. */
static guint64
to_monotonic (GstFusionSink * sink, guint64 time, GstClockTimeDiff offset)
{
  GstSegment *segment = &GST_BASE_SINK (sink)->segment;

  if (segment->format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (time))
    return GST_CLOCK_TIME_NONE;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
  return GST_CLOCK_TIME_IS_VALID (time) ? time + offset : GST_CLOCK_TIME_NONE;
}

static void
gst_fusion_sink_describe (GstFusionSink * sink, GstBuffer * buffer)
{
  GstClockTime base_time = gst_element_get_base_time (GST_ELEMENT (sink));
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (sink));
  GstFusionTimes times = {
    .pts = GST_CLOCK_TIME_NONE,
    .dts = GST_CLOCK_TIME_NONE,
    .duration = GST_BUFFER_DURATION (buffer),
    .offset = GST_BUFFER_OFFSET (buffer),
    .offset_end = GST_BUFFER_OFFSET_END (buffer),
    .latency = gst_base_sink_get_latency (GST_BASE_SINK (sink)),
    .flags = GST_BUFFER_FLAGS (buffer),
  };

  if (clock) {
    GstClockTimeDiff offset = base_time + gst_fusion_clock_offset (clock);

    times.pts = to_monotonic (sink, GST_BUFFER_PTS (buffer), offset);
    times.dts = to_monotonic (sink, GST_BUFFER_DTS (buffer), offset);
    gst_object_unref (clock);
  }
  g_byte_array_set_size (sink->description, 0);
  gst_fusion_frame_describe (sink->description, buffer, &times,
      sink->caps ? sink->caps : "", sink->is_video ? &sink->info : NULL);
}

/* How many frames may be out before upstream has no buffer left: zero if it always has. */
static guint
gst_fusion_sink_limit (GstFusionSink * sink, GstBuffer * buffer)
{
  GstStructure *config;
  guint limit;

  GST_OBJECT_LOCK (sink);
  limit = sink->max_frames;
  GST_OBJECT_UNLOCK (sink);
  if (limit || !buffer->pool)
    return limit;
  if (buffer->pool != sink->pool) {
    sink->pool = buffer->pool;
    config = gst_buffer_pool_get_config (buffer->pool);
    gst_buffer_pool_config_get_params (config, NULL, NULL, NULL,
        &sink->pool_size);
    gst_structure_free (config);
  }
  return sink->pool_size ? MAX (sink->pool_size - 1, 1) : 0;
}

/* Says once why there is a copy. */
static void
gst_fusion_sink_warn_copy (GstFusionSink * sink, gboolean full)
{
  gboolean *said = full ? &sink->full : &sink->warned;

  if (*said)
    return;
  *said = TRUE;
  if (full)
    GST_CAT_WARNING_OBJECT (GST_CAT_PERFORMANCE, sink, "receivers have all "
        "buffers that upstream can spare: frames are copied until they give "
        "some back");
  else
    GST_CAT_WARNING_OBJECT (GST_CAT_PERFORMANCE, sink, "frames are copied: "
        "their memory is no dma-buf. Let upstream use the pool that is "
        "proposed, or its own dma-bufs (v4l2src io-mode=dmabuf)");
}

/* Memories of a buffer that can be published: the one that came, or a copy. Takes the
 * buffer and gives one back. */
static gint
gst_fusion_sink_export (GstFusionSink * sink, GstBuffer ** buffer,
    WireMemory * memories)
{
  guint limit = gst_fusion_sink_limit (sink, *buffer);
  gboolean full = limit && publisher_in_flight (sink->publisher) >= limit;
  GstBuffer *copy;
  gint n = 0;

  if (!full)
    n = gst_fusion_export_buffer (sink->export, *buffer, memories);
  if (n)
    return n;
  gst_fusion_sink_warn_copy (sink, full);
  copy = gst_fusion_copy_buffer (sink->copy, GST_ELEMENT (sink), *buffer);
  if (!copy)
    return 0;
  GST_LOG_OBJECT (sink, "a frame is copied");
  gst_buffer_replace (buffer, copy);
  gst_buffer_unref (copy);
  GST_OBJECT_LOCK (sink);
  sink->copied++;
  GST_OBJECT_UNLOCK (sink);
  return gst_fusion_export_buffer (sink->export, *buffer, memories);
}

static GstFlowReturn
gst_fusion_sink_publish (GstFusionSink * sink, GstBuffer * buffer)
{
  WireMemory memories[WIRE_MAX_MEMORIES];
  gint ret;

  gst_buffer_ref (buffer);
  ret = gst_fusion_sink_export (sink, &buffer, memories);
  if (ret > 0) {
    gst_fusion_sink_describe (sink, buffer);
    ret = publisher_publish (sink->publisher, memories, ret,
        sink->description->data, sink->description->len, buffer);
    if (!ret) {
      GST_OBJECT_LOCK (sink);
      sink->published++;
      GST_OBJECT_UNLOCK (sink);
      return GST_FLOW_OK;
    }
  } else if (!ret) {
    /* said why */
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  gst_buffer_unref (buffer);
  if (ret == -EBUSY) {
    GST_OBJECT_LOCK (sink);
    sink->dropped++;
    GST_OBJECT_UNLOCK (sink);
    GST_WARNING_OBJECT (sink, "a frame is dropped: receivers hold too many");
    return GST_FLOW_OK;
  }
  GST_ELEMENT_ERROR (sink, RESOURCE, WRITE,
      ("A frame cannot be published: %s. %s", g_strerror (-ret),
          fusion_explain (ret)), (NULL));
  return GST_FLOW_ERROR;
}

static GstFlowReturn
gst_fusion_sink_render (GstBaseSink * base, GstBuffer * buffer)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);
  GstFlowReturn ret;
  gboolean wait;

  GST_OBJECT_LOCK (sink);
  wait = sink->wait;
  GST_OBJECT_UNLOCK (sink);
  while (wait && !publisher_wait_receiver (sink->publisher)) {
    ret = gst_base_sink_wait_preroll (base);
    if (ret != GST_FLOW_OK)
      return ret;
  }
  /* an empty one has nothing to be shared */
  if (!gst_buffer_get_size (buffer))
    return GST_FLOW_OK;
  return gst_fusion_sink_publish (sink, buffer);
}

static GstFlowReturn
gst_fusion_sink_wait_event (GstBaseSink * base, GstEvent * event)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);
  GstFlowReturn ret =
      GST_BASE_SINK_CLASS (gst_fusion_sink_parent_class)->wait_event (base,
      event);
  guint64 timeout;

  if (ret != GST_FLOW_OK || GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return ret;
  /* the application may end the world as soon as it knows of the end */
  publisher_end_stream (sink->publisher);
  GST_OBJECT_LOCK (sink);
  timeout = sink->drain_timeout;
  GST_OBJECT_UNLOCK (sink);
  if (!publisher_drain (sink->publisher,
          g_get_monotonic_time () + timeout / 1000))
    GST_INFO_OBJECT (sink, "not all receivers have got the last frames");
  return ret;
}

static gboolean
gst_fusion_sink_event (GstBaseSink * base, GstEvent * event)
{
  GstFusionSink *sink = GST_FUSION_SINK (base);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    publisher_forget_newest (sink->publisher);
  return GST_BASE_SINK_CLASS (gst_fusion_sink_parent_class)->event (base,
      event);
}

/* the object */

static void
gst_fusion_sink_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstFusionSink *sink = GST_FUSION_SINK (object);

  GST_OBJECT_LOCK (sink);
  switch (id) {
    case PROP_SOCKET_MODE:
      sink->socket_mode = g_value_get_uint (value);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      sink->wait = g_value_get_boolean (value);
      break;
    case PROP_MAX_CLIENTS:
      sink->max_clients = g_value_get_uint (value);
      break;
    case PROP_MAX_FRAMES:
      sink->max_frames = g_value_get_uint (value);
      break;
    case PROP_DRAIN_TIMEOUT:
      sink->drain_timeout = g_value_get_uint64 (value);
      break;
    default:
      if (!gst_fusion_address_set (&sink->address, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (sink);
}

/* With the object's lock. */
static GstStructure *
gst_fusion_sink_stats (GstFusionSink * sink)
{
  Publisher *publisher = sink->publisher;

  return gst_structure_new ("fusionsink",
      "published", G_TYPE_UINT64, sink->published,
      "copied", G_TYPE_UINT64, sink->copied,
      "dropped", G_TYPE_UINT64, sink->dropped,
      "in-flight", G_TYPE_UINT,
      publisher ? publisher_in_flight (publisher) : 0,
      "clients", G_TYPE_UINT,
      publisher ? publisher_receivers (publisher) : 0, NULL);
}

static void
gst_fusion_sink_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstFusionSink *sink = GST_FUSION_SINK (object);

  GST_OBJECT_LOCK (sink);
  switch (id) {
    case PROP_SOCKET_MODE:
      g_value_set_uint (value, sink->socket_mode);
      break;
    case PROP_FD:
      g_value_set_int (value, sink->fd);
      break;
    case PROP_WAIT_FOR_CONNECTION:
      g_value_set_boolean (value, sink->wait);
      break;
    case PROP_MAX_CLIENTS:
      g_value_set_uint (value, sink->max_clients);
      break;
    case PROP_MAX_FRAMES:
      g_value_set_uint (value, sink->max_frames);
      break;
    case PROP_DRAIN_TIMEOUT:
      g_value_set_uint64 (value, sink->drain_timeout);
      break;
    case PROP_NUM_CLIENTS:
      g_value_set_uint (value,
          sink->publisher ? publisher_receivers (sink->publisher) : 0);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, gst_fusion_sink_stats (sink));
      break;
    default:
      if (!gst_fusion_address_get (&sink->address, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (sink);
}

static void
gst_fusion_sink_finalize (GObject * object)
{
  GstFusionSink *sink = GST_FUSION_SINK (object);

  gst_fusion_address_clear (&sink->address);
  gst_fusion_copy_free (sink->copy);
  g_byte_array_unref (sink->description);
  G_OBJECT_CLASS (gst_fusion_sink_parent_class)->finalize (object);
}

static void
gst_fusion_sink_install_properties (GObjectClass * klass)
{
  const GParamFlags changeable = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags ready = changeable | GST_PARAM_MUTABLE_READY;
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  gst_fusion_address_install (klass);
  g_object_class_install_property (klass, PROP_SOCKET_MODE,
      g_param_spec_uint ("socket-mode", "Mode of the socket",
          "Mode of the socket's file: who may write to it may receive "
          "(384 is 0600, 432 is 0660, 438 is 0666)", 0, 0777,
          DEFAULT_SOCKET_MODE, ready));
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "File descriptor of the world while there is one, for fusionsrc in "
          "other processes. It stays the element's: duplicate it", -1,
          G_MAXINT, -1, readable));
  g_object_class_install_property (klass, PROP_WAIT_FOR_CONNECTION,
      g_param_spec_boolean ("wait-for-connection", "Wait for a connection",
          "Wait with frames until there is a receiver", FALSE, changeable));
  g_object_class_install_property (klass, PROP_MAX_CLIENTS,
      g_param_spec_uint ("max-clients", "Most clients",
          "How many receivers there may be (0: as many as the kernel allows)",
          0, 1023, 0, ready));
  g_object_class_install_property (klass, PROP_MAX_FRAMES,
      g_param_spec_uint ("max-frames", "Most frames",
          "How many frames receivers may keep from upstream before new ones "
          "are copied (0: one less than there are in upstream's pool)", 0, 64,
          0, changeable));
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "How long to wait at the end of the stream until receivers have got "
          "the last frames, in nanoseconds", 0, G_MAXINT64,
          DEFAULT_DRAIN_TIMEOUT, changeable));
  g_object_class_install_property (klass, PROP_NUM_CLIENTS,
      g_param_spec_uint ("num-clients", "Clients",
          "How many receivers there are", 0, G_MAXUINT, 0, readable));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Frames published, copied and dropped since the start, frames that "
          "are in flight, and clients", GST_TYPE_STRUCTURE, readable));
}

static void
gst_fusion_sink_class_init (GstFusionSinkClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_fusion_sink_debug, "fusionsink", 0,
      "publishes frames for other processes");
  GST_DEBUG_CATEGORY_GET (GST_CAT_PERFORMANCE, "GST_PERFORMANCE");
  object_class->set_property = gst_fusion_sink_set_property;
  object_class->get_property = gst_fusion_sink_get_property;
  object_class->finalize = gst_fusion_sink_finalize;
  gst_fusion_sink_install_properties (object_class);
  gst_element_class_set_static_metadata (element_class, "Fusion sink",
      "Sink", "Publishes frames for other processes, without a copy",
      "The shrbuf authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  base_class->start = gst_fusion_sink_start;
  base_class->stop = gst_fusion_sink_stop;
  base_class->unlock = gst_fusion_sink_unlock;
  base_class->unlock_stop = gst_fusion_sink_unlock_stop;
  base_class->set_caps = gst_fusion_sink_set_caps;
  base_class->propose_allocation = gst_fusion_sink_propose_allocation;
  base_class->render = gst_fusion_sink_render;
  base_class->wait_event = gst_fusion_sink_wait_event;
  base_class->event = gst_fusion_sink_event;
}

static void
gst_fusion_sink_init (GstFusionSink * sink)
{
  gst_fusion_address_init (&sink->address);
  sink->socket_mode = DEFAULT_SOCKET_MODE;
  sink->drain_timeout = DEFAULT_DRAIN_TIMEOUT;
  sink->fd = -1;
  sink->copy = gst_fusion_copy_new ();
  sink->description = g_byte_array_new ();
  /* the newest frame is kept anyway */
  gst_base_sink_set_last_sample_enabled (GST_BASE_SINK (sink), FALSE);
}
