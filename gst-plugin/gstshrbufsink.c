// SPDX-License-Identifier: GPL-2.0

/**
 * SECTION:element-shrbufsink
 * @title: shrbufsink
 * @short_description: shows video on a display without a copy
 *
 * Shows video on a display of the kernel (KMS), without a window system. Frames in dma-bufs
 * are shown as they are. Other producers are offered buffers that the display can show, so
 * that they write into what is shown. Frames are copied only if neither is possible, and
 * then a warning in the category GST_PERFORMANCE says why.
 *
 * Display, connector, CRTC, mode and plane are chosen; each can be set.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc ! shrbufsink
 * ]| A picture in the format that the display likes, painted into its buffers.
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf ! video/x-raw,format=BGRx,width=640,height=480 ! shrbufsink force-modesetting=true
 * ]| A camera, in a mode of its size if the display has one.
 * |[
 * gst-launch-1.0 videotestsrc ! video/x-raw,width=320,height=240 ! shrbufsink render-rectangle="<0,0,320,240>"
 * ]| In the corner.
 *
 * Since: 0.1
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbufscreen.h"
#include "gstshrbufsink.h"

GST_DEBUG_CATEGORY_STATIC (gst_shrbuf_sink_debug);
#define GST_CAT_DEFAULT gst_shrbuf_sink_debug

/* On the display, at the next vertical blank, and in the producer's hands. */
#define MIN_BUFFERS 3

struct _GstShrbufSink
{
  GstVideoSink parent;

  /* properties, under the object lock */
  gchar *driver_name;
  gchar *bus_id;
  gint fd;
  gint connector_id;
  gint plane_id;
  gboolean force_modesetting;
  gboolean can_scale;
  GstVideoRectangle area;

  /* between start and stop */
  GMutex mutex;                 /* of the screen; taken before the object lock */
  GstShrbufScreen *screen;
  GstCaps *caps;
};

enum
{
  PROP_0,
  PROP_DRIVER_NAME,
  PROP_BUS_ID,
  PROP_FD,
  PROP_CONNECTOR_ID,
  PROP_PLANE_ID,
  PROP_FORCE_MODESETTING,
  PROP_CAN_SCALE,
  PROP_DISPLAY_WIDTH,
  PROP_DISPLAY_HEIGHT,
  PROP_FRAMES_COPIED,
  PROP_LAST
};

static void gst_shrbuf_sink_overlay_init (GstVideoOverlayInterface * iface);

G_DEFINE_TYPE_WITH_CODE (GstShrbufSink, gst_shrbuf_sink, GST_TYPE_VIDEO_SINK,
    G_IMPLEMENT_INTERFACE (GST_TYPE_VIDEO_OVERLAY,
        gst_shrbuf_sink_overlay_init);
    GST_DEBUG_CATEGORY_INIT (gst_shrbuf_sink_debug, "shrbufsink", 0,
        "video on a display without a copy"));
GST_ELEMENT_REGISTER_DEFINE (shrbufsink, "shrbufsink", GST_RANK_NONE,
    GST_TYPE_SHRBUF_SINK);

/* state */

static void
post_error (GstShrbufSink * sink, GError * error)
{
  gst_element_message_full (GST_ELEMENT (sink), GST_MESSAGE_ERROR,
      error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
      GST_FUNCTION, __LINE__);
  g_error_free (error);
}

/* Its formats. */
static GstCaps *
screen_caps (GstShrbufScreen * screen)
{
  GArray *formats = gst_shrbuf_kms_formats (screen->kms, screen->planes,
      screen->nr_planes);
  GstCaps *caps = gst_caps_new_empty ();

  if (formats->len) {
    gst_caps_unref (caps);
    caps = gst_shrbuf_caps_from_fourccs ((const guint32 *) formats->data,
        formats->len);
  }
  g_array_unref (formats);
  return caps;
}

static gboolean
gst_shrbuf_sink_start (GstBaseSink * base)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);
  GstShrbufScreen *screen = NULL;
  GstShrbufKmsWish wish = { 0 };
  GError *error = NULL;
  GstShrbufKms *kms;

  GST_OBJECT_LOCK (sink);
  wish.driver = sink->driver_name;
  wish.bus_id = sink->bus_id;
  wish.fd = sink->fd;
  wish.connector = MAX (sink->connector_id, 0);
  wish.plane = MAX (sink->plane_id, 0);
  kms = gst_shrbuf_kms_open (&wish, &error);
  if (kms)
    screen = gst_shrbuf_screen_new (GST_OBJECT (sink), kms, wish.plane, &error);
  if (screen) {
    screen->force_mode = sink->force_modesetting;
    screen->can_scale = sink->can_scale;
    screen->area = sink->area;
  }
  GST_OBJECT_UNLOCK (sink);
  if (!screen) {
    post_error (sink, error);
    return FALSE;
  }
  g_mutex_lock (&sink->mutex);
  sink->screen = screen;
  sink->caps = screen_caps (screen);
  g_mutex_unlock (&sink->mutex);
  GST_DEBUG_OBJECT (sink, "can show %" GST_PTR_FORMAT, sink->caps);
  return TRUE;
}

static gboolean
gst_shrbuf_sink_stop (GstBaseSink * base)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);

  g_mutex_lock (&sink->mutex);
  g_clear_pointer (&sink->screen, gst_shrbuf_screen_free);
  gst_clear_caps (&sink->caps);
  g_mutex_unlock (&sink->mutex);
  return TRUE;
}

static gboolean
set_flushing (GstBaseSink * base, gboolean flushing)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);

  /* between start and stop, which are never at the same time */
  if (sink->screen)
    gst_shrbuf_screen_set_flushing (sink->screen, flushing);
  return TRUE;
}

static gboolean
gst_shrbuf_sink_unlock (GstBaseSink * base)
{
  return set_flushing (base, TRUE);
}

static gboolean
gst_shrbuf_sink_unlock_stop (GstBaseSink * base)
{
  return set_flushing (base, FALSE);
}

/* negotiation */

static GstCaps *
gst_shrbuf_sink_get_caps (GstBaseSink * base, GstCaps * filter)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);
  GstCaps *caps, *filtered;

  g_mutex_lock (&sink->mutex);
  caps = sink->caps ? gst_caps_ref (sink->caps) :
      gst_pad_get_pad_template_caps (GST_BASE_SINK_PAD (sink));
  g_mutex_unlock (&sink->mutex);
  if (!filter)
    return caps;
  filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return filtered;
}

static gboolean
gst_shrbuf_sink_set_caps (GstBaseSink * base, GstCaps * caps)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);
  GstVideoInfo info;

  if (!gst_shrbuf_caps_to_info (caps, &info)) {
    GST_ERROR_OBJECT (sink, "not the caps of raw video: %" GST_PTR_FORMAT,
        caps);
    return FALSE;
  }
  g_mutex_lock (&sink->mutex);
  if (sink->screen)
    gst_shrbuf_screen_set_info (sink->screen, &info);
  g_mutex_unlock (&sink->mutex);
  GST_VIDEO_SINK_WIDTH (sink) = GST_VIDEO_INFO_WIDTH (&info);
  GST_VIDEO_SINK_HEIGHT (sink) = GST_VIDEO_INFO_HEIGHT (&info);
  return TRUE;
}

static void
propose_pool (GstShrbufSink * sink, GstQuery * query, GstCaps * caps)
{
  GstBufferPool *pool = NULL;
  GError *error = NULL;
  GstVideoInfo info;

  g_mutex_lock (&sink->mutex);
  if (sink->screen)
    pool =
        gst_shrbuf_kms_new_pool (sink->screen->kms, caps, MIN_BUFFERS, &error);
  g_mutex_unlock (&sink->mutex);
  /* dma-bufs can be shown all the same */
  if (!pool)
    GST_WARNING_OBJECT (sink, "no buffers for the producer: %s",
        error ? error->message : "the display is closed");
  g_clear_error (&error);
  gst_shrbuf_caps_to_info (caps, &info);
  gst_query_add_allocation_pool (query, pool, info.size, MIN_BUFFERS, 0);
  gst_clear_object (&pool);
}

static gboolean
gst_shrbuf_sink_propose_allocation (GstBaseSink * base, GstQuery * query)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (base);
  gboolean need_pool;
  GstVideoInfo info;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, &need_pool);
  if (!caps || !gst_shrbuf_caps_to_info (caps, &info))
    return FALSE;
  if (need_pool)
    propose_pool (sink, query, caps);
  else
    gst_query_add_allocation_pool (query, NULL, info.size, MIN_BUFFERS, 0);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* frames */

static GstFlowReturn
gst_shrbuf_sink_show_frame (GstVideoSink * video, GstBuffer * buffer)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (video);
  GstFlowReturn flow = GST_FLOW_FLUSHING;
  GError *error = NULL;

  g_mutex_lock (&sink->mutex);
  if (sink->screen)
    flow = gst_shrbuf_screen_show (sink->screen, buffer, &error);
  g_mutex_unlock (&sink->mutex);
  if (error)
    post_error (sink, error);
  return flow;
}

/* GstVideoOverlay */

/* There is no window. */
static void
gst_shrbuf_sink_set_window_handle (GstVideoOverlay * overlay, guintptr handle)
{
}

static void
gst_shrbuf_sink_expose (GstVideoOverlay * overlay)
{
  GstSample *sample = gst_base_sink_get_last_sample (GST_BASE_SINK (overlay));
  GstShrbufSink *sink = GST_SHRBUF_SINK (overlay);

  if (!sample)
    return;
  g_mutex_lock (&sink->mutex);
  if (sink->screen)
    gst_shrbuf_screen_expose (sink->screen);
  g_mutex_unlock (&sink->mutex);
  if (gst_sample_get_buffer (sample))
    gst_shrbuf_sink_show_frame (GST_VIDEO_SINK (overlay),
        gst_sample_get_buffer (sample));
  gst_sample_unref (sample);
}

static void
gst_shrbuf_sink_set_render_rectangle (GstVideoOverlay * overlay, gint x,
    gint y, gint width, gint height)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (overlay);
  GstVideoRectangle area = { x, y, width, height };

  g_mutex_lock (&sink->mutex);
  GST_OBJECT_LOCK (sink);
  sink->area = area;
  GST_OBJECT_UNLOCK (sink);
  if (sink->screen)
    gst_shrbuf_screen_set_area (sink->screen, &area);
  g_mutex_unlock (&sink->mutex);
  gst_shrbuf_sink_expose (overlay);
}

static void
gst_shrbuf_sink_overlay_init (GstVideoOverlayInterface * iface)
{
  iface->set_window_handle = gst_shrbuf_sink_set_window_handle;
  iface->expose = gst_shrbuf_sink_expose;
  iface->set_render_rectangle = gst_shrbuf_sink_set_render_rectangle;
}

/* properties */

static void
gst_shrbuf_sink_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (object);

  if (gst_video_overlay_set_property (object, PROP_LAST, id, value))
    return;
  GST_OBJECT_LOCK (sink);
  switch (id) {
    case PROP_DRIVER_NAME:
      g_free (sink->driver_name);
      sink->driver_name = g_value_dup_string (value);
      break;
    case PROP_BUS_ID:
      g_free (sink->bus_id);
      sink->bus_id = g_value_dup_string (value);
      break;
    case PROP_FD:
      sink->fd = g_value_get_int (value);
      break;
    case PROP_CONNECTOR_ID:
      sink->connector_id = g_value_get_int (value);
      break;
    case PROP_PLANE_ID:
      sink->plane_id = g_value_get_int (value);
      break;
    case PROP_FORCE_MODESETTING:
      sink->force_modesetting = g_value_get_boolean (value);
      break;
    case PROP_CAN_SCALE:
      sink->can_scale = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (sink);
}

static void
get_screen_property (GstShrbufSink * sink, guint id, GValue * value)
{
  GstShrbufScreen *screen;

  g_mutex_lock (&sink->mutex);
  screen = sink->screen;
  if (id == PROP_FRAMES_COPIED)
    g_value_set_uint64 (value, screen ? screen->copied : 0);
  else if (id == PROP_DISPLAY_WIDTH)
    g_value_set_int (value, screen ? screen->mode.hdisplay : 0);
  else
    g_value_set_int (value, screen ? screen->mode.vdisplay : 0);
  g_mutex_unlock (&sink->mutex);
}

static void
gst_shrbuf_sink_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (object);

  if (id == PROP_DISPLAY_WIDTH || id == PROP_DISPLAY_HEIGHT
      || id == PROP_FRAMES_COPIED) {
    get_screen_property (sink, id, value);
    return;
  }
  GST_OBJECT_LOCK (sink);
  switch (id) {
    case PROP_DRIVER_NAME:
      g_value_set_string (value, sink->driver_name);
      break;
    case PROP_BUS_ID:
      g_value_set_string (value, sink->bus_id);
      break;
    case PROP_FD:
      g_value_set_int (value, sink->fd);
      break;
    case PROP_CONNECTOR_ID:
      g_value_set_int (value, sink->connector_id);
      break;
    case PROP_PLANE_ID:
      g_value_set_int (value, sink->plane_id);
      break;
    case PROP_FORCE_MODESETTING:
      g_value_set_boolean (value, sink->force_modesetting);
      break;
    case PROP_CAN_SCALE:
      g_value_set_boolean (value, sink->can_scale);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (sink);
}

static void
gst_shrbuf_sink_finalize (GObject * object)
{
  GstShrbufSink *sink = GST_SHRBUF_SINK (object);

  g_free (sink->driver_name);
  g_free (sink->bus_id);
  g_mutex_clear (&sink->mutex);
  G_OBJECT_CLASS (gst_shrbuf_sink_parent_class)->finalize (object);
}

#define READY (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | \
    GST_PARAM_MUTABLE_READY)
#define READ (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

static void
install_properties (GObjectClass * klass)
{
  g_object_class_install_property (klass, PROP_DRIVER_NAME,
      g_param_spec_string ("driver-name", "Driver",
          "Name of the display's driver, NULL for any", NULL, READY));
  g_object_class_install_property (klass, PROP_BUS_ID,
      g_param_spec_string ("bus-id", "Bus ID",
          "Bus of the display (pci:0000:00:02.0), NULL for any", NULL, READY));
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "Open display that is master, or a lease of one, which is "
          "duplicated; -1 to open one", -1, G_MAXINT, -1, READY));
  g_object_class_install_property (klass, PROP_CONNECTOR_ID,
      g_param_spec_int ("connector-id", "Connector",
          "Number of the connector, -1 for the first with a monitor", -1,
          G_MAXINT, -1, READY));
  g_object_class_install_property (klass, PROP_PLANE_ID,
      g_param_spec_int ("plane-id", "Plane",
          "Number of the plane, -1 for the best that can show the video", -1,
          G_MAXINT, -1, READY));
  g_object_class_install_property (klass, PROP_FORCE_MODESETTING,
      g_param_spec_boolean ("force-modesetting", "Force modesetting",
          "Set the mode with the size of the video, or the preferred one, "
          "even if the one that is set would do", FALSE, READY));
  g_object_class_install_property (klass, PROP_CAN_SCALE,
      g_param_spec_boolean ("can-scale", "Can scale",
          "Scale where the plane can, else show it in the middle", TRUE,
          READY));
  g_object_class_install_property (klass, PROP_DISPLAY_WIDTH,
      g_param_spec_int ("display-width", "Display width",
          "Width of the mode, 0 if none is set", 0, G_MAXINT, 0, READ));
  g_object_class_install_property (klass, PROP_DISPLAY_HEIGHT,
      g_param_spec_int ("display-height", "Display height",
          "Height of the mode, 0 if none is set", 0, G_MAXINT, 0, READ));
  g_object_class_install_property (klass, PROP_FRAMES_COPIED,
      g_param_spec_uint64 ("frames-copied", "Frames copied",
          "How many frames had to be copied since the start", 0, G_MAXUINT64, 0,
          READ));
  gst_video_overlay_install_properties (klass, PROP_LAST);
}

static void
gst_shrbuf_sink_class_init (GstShrbufSinkClass * klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *base_class = GST_BASE_SINK_CLASS (klass);
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstCaps *caps = gst_shrbuf_caps_from_fourccs (NULL, 0);

  object_class->set_property = gst_shrbuf_sink_set_property;
  object_class->get_property = gst_shrbuf_sink_get_property;
  object_class->finalize = gst_shrbuf_sink_finalize;
  install_properties (object_class);

  base_class->start = gst_shrbuf_sink_start;
  base_class->stop = gst_shrbuf_sink_stop;
  base_class->unlock = gst_shrbuf_sink_unlock;
  base_class->unlock_stop = gst_shrbuf_sink_unlock_stop;
  base_class->get_caps = gst_shrbuf_sink_get_caps;
  base_class->set_caps = gst_shrbuf_sink_set_caps;
  base_class->propose_allocation = gst_shrbuf_sink_propose_allocation;
  GST_VIDEO_SINK_CLASS (klass)->show_frame = gst_shrbuf_sink_show_frame;

  gst_element_class_add_pad_template (element_class,
      gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_caps_unref (caps);
  gst_element_class_set_static_metadata (element_class, "Display without copy",
      "Sink/Video", "Shows video on a display of the kernel, without a copy",
      "The shrbuf authors");
}

static void
gst_shrbuf_sink_init (GstShrbufSink * sink)
{
  g_mutex_init (&sink->mutex);
  sink->fd = -1;
  sink->connector_id = -1;
  sink->plane_id = -1;
  sink->can_scale = TRUE;
}
