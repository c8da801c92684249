// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufroute: a camera on a display, by a route in the kernel.
 */

/**
 * SECTION:element-shrbufroute
 * @title: shrbufroute
 * @short_description: a camera on a display, by a route in the kernel
 * @see_also: shrbufsink, v4l2src
 *
 * The kernel takes each frame from the camera to the display. The element sets that up and
 * looks after it: no frame costs a system call, none is copied, and the picture goes on
 * when the program is busy.
 *
 * If something is linked to the source pad it gets frames from a tap of the same route, as
 * dma-bufs with #GstVideoMeta. A pipeline there that is too slow gets fewer frames, and what
 * the display shows does not change (see #GstShrbufRoute:tap). The pad appears on the way
 * to PAUSED and stays.
 *
 * Messages of the type #GST_MESSAGE_ELEMENT:
 *
 * * `shrbufroute-dropped`: `part` (camera, display, tap) has left out frames since the last
 *   message: `newer` because of a newer one, `held` because it had no room, `damaged`
 * * `shrbufroute-paused`: the display belongs to another program, or its mode has changed:
 *   `reason`, `error`
 * * `shrbufroute-resumed`: it is ours again
 * * `shrbufroute-events-lost`: `count` of such messages
 *
 * A camera that is unplugged and a display that is gone are errors.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 shrbufroute device=/dev/video0
 * ]| A camera on the first display that can show it.
 * |[
 * gst-launch-1.0 shrbufroute num-buffers=50 ! videoconvert ! jpegenc ! avimux ! filesink location=camera.avi
 * ]| The same, and 50 frames of it in a file.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>

#include "elements.h"
#include "gstshrbufcamera.h"
#include "gstshrbufformat.h"
#include "gstshrbufroute.h"
#include "gstshrbufroutereport.h"
#include "gstshrbufshow.h"
#include "gstshrbuftappad.h"

GST_DEBUG_CATEGORY_STATIC (gst_shrbuf_route_debug);
#define GST_CAT_DEFAULT gst_shrbuf_route_debug

#define DEFAULT_DEVICE "/dev/video0"
#define DEFAULT_TAP_BUFFERS 4
#define MAX_TAP_BUFFERS 26
#define DEFAULT_REPORT_INTERVAL 1000

enum
{
  PROP_0,
  PROP_DEVICE,
  PROP_CAPS,
  PROP_DRIVER_NAME,
  PROP_DRM_DEVICE,
  PROP_FD,
  PROP_CONNECTOR_ID,
  PROP_PLANE_ID,
  PROP_RENDER_RECTANGLE,
  PROP_RESTORE,
  PROP_POLICY,
  PROP_PRIORITY,
  PROP_TAP,
  PROP_TAP_BUFFERS,
  PROP_NUM_BUFFERS,
  PROP_REPORT_INTERVAL,
  PROP_STATS
};

/*
 * @lock: protects @show.route_fd and @report while a route is opened or closed
 * @display: of the properties. This and the other properties are protected by the lock of
 *   the object.
 * @show: what is open between READY and PAUSED
 * @report: what is known of the route
 * @pad: the source pad, made once
 * @watch: the thread that waits for events of the route
 */
struct _GstShrbufRoute
{
  GstElement parent;

  gchar *device;
  GstCaps *caps;
  gchar *driver_name;
  gchar *drm_device;
  gint fd;
  struct shrbuf_display display;
  guint tap;
  guint tap_buffers;
  gint num_buffers;
  guint report_interval;

  GMutex lock;
  GstShrbufShow show;
  GstShrbufRouteReport report;
  GstPad *pad;

  GThread *watch;
  GstPoll *poll;
};

#define gst_shrbuf_route_parent_class parent_class
G_DEFINE_TYPE (GstShrbufRoute, gst_shrbuf_route, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (shrbufroute, "shrbufroute",
    GST_RANK_NONE, GST_TYPE_SHRBUF_ROUTE,
    GST_DEBUG_CATEGORY_INIT (gst_shrbuf_route_debug, "shrbufroute", 0,
        "camera on a display by a route"));

#define GST_TYPE_SHRBUF_ROUTE_POLICY (gst_shrbuf_route_policy_get_type ())
static GType
gst_shrbuf_route_policy_get_type (void)
{
  static const GEnumValue values[] = {
    {SHRBUF_SINK_NEWEST, "The newest frame, older ones are left out", "newest"},
    {SHRBUF_SINK_EVERY, "Every frame, the camera waits", "every"},
    {0, NULL, NULL}
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstShrbufRoutePolicy",
            values));
  return type;
}

#define GST_TYPE_SHRBUF_ROUTE_TAP (gst_shrbuf_route_tap_get_type ())
static GType
gst_shrbuf_route_tap_get_type (void)
{
  static const GEnumValue values[] = {
    {SHRBUF_SINK_NEWEST, "The latest frame, a slow pipeline gets fewer",
        "latest"},
    {SHRBUF_SINK_EVERY, "Every frame, a slow pipeline stops the camera",
        "every"},
    {0, NULL, NULL}
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstShrbufRouteTap",
            values));
  return type;
}

/* the end of all frames */

static void
end (GstElement * element)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (element);

  g_mutex_lock (&self->lock);
  if (self->show.route_fd >= 0)
    shrbuf_route_stop (self->show.route_fd);
  g_mutex_unlock (&self->lock);
  gst_element_post_message (element, gst_message_new_eos (GST_OBJECT (self)));
}

static gboolean
gst_shrbuf_route_send_event (GstElement * element, GstEvent * event)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (element);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_EOS:
      if (self->pad)
        gst_shrbuf_tap_pad_end (GST_SHRBUF_TAP_PAD (self->pad));
      end (element);
      break;
      /* the display shows frames at once */
    case GST_EVENT_LATENCY:
      break;
    default:
      return GST_ELEMENT_CLASS (parent_class)->send_event (element, event);
  }
  gst_event_unref (event);
  return TRUE;
}

static gboolean
gst_shrbuf_route_query (GstElement * element, GstQuery * query)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (element);

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && self->pad)
    return gst_pad_query (self->pad, query);
  return GST_ELEMENT_CLASS (parent_class)->query (element, query);
}

/* events of the route */

static void
update_tap (GstShrbufRoute * self)
{
  g_mutex_lock (&self->lock);
  if (self->pad)
    self->report.sinks[GST_SHRBUF_ROUTE_TAP] =
        gst_shrbuf_tap_pad_get_sink (GST_SHRBUF_TAP_PAD (self->pad));
  g_mutex_unlock (&self->lock);
}

static gpointer
watch (gpointer data)
{
  GstShrbufRoute *self = data;
  struct shrbuf_route_event event;
  gboolean over = FALSE;
  GstClockTime timeout;
  gint ret;

  while (!over) {
    GST_OBJECT_LOCK (self);
    timeout = self->report_interval ? self->report_interval * GST_MSECOND :
        GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK (self);
    ret = gst_poll_wait (self->poll, timeout);
    if (ret < 0 && errno == EBUSY)
      break;
    update_tap (self);
    if (ret == 0)
      gst_shrbuf_route_report_drops (&self->report, GST_ELEMENT (self));
    while (ret > 0 && !over
        && shrbuf_route_read_event (self->show.route_fd, &event) == 0)
      over = !gst_shrbuf_route_report_event (&self->report,
          GST_ELEMENT (self), &event);
  }
  return NULL;
}

static void
start_watch (GstShrbufRoute * self)
{
  GstPollFD fd = GST_POLL_FD_INIT;

  self->poll = gst_poll_new (TRUE);
  fd.fd = self->show.route_fd;
  gst_poll_add_fd (self->poll, &fd);
  gst_poll_fd_ctl_read (self->poll, &fd, TRUE);
  self->watch = g_thread_new ("shrbufroute", watch, self);
}

static void
stop_watch (GstShrbufRoute * self)
{
  if (!self->watch)
    return;
  gst_poll_set_flushing (self->poll, TRUE);
  g_thread_join (self->watch);
  self->watch = NULL;
  g_clear_pointer (&self->poll, gst_poll_free);
}

/* opening and closing */

/* A sometimes pad is there before the camera is asked, so that what is linked has a say. */
static void
make_pad (GstShrbufRoute * self)
{
  if (self->pad)
    return;
  self->pad =
      gst_shrbuf_tap_pad_new (gst_element_get_pad_template (GST_ELEMENT (self),
          "src"), end);
  gst_pad_set_active (self->pad, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), self->pad);
  gst_element_no_more_pads (GST_ELEMENT (self));
}

/* What the camera is asked for, NULL for anything. */
static GstCaps *
wanted_caps (GstShrbufRoute * self)
{
  GstCaps *caps, *peer, *both;

  GST_OBJECT_LOCK (self);
  caps = self->caps ? gst_caps_ref (self->caps) : gst_caps_new_any ();
  GST_OBJECT_UNLOCK (self);
  peer = gst_pad_peer_query_caps (self->pad, caps);
  both = peer ? gst_caps_intersect_full (peer, caps,
      GST_CAPS_INTERSECT_ZIG_ZAG) : gst_caps_ref (caps);
  gst_clear_caps (&peer);
  gst_caps_unref (caps);
  if (gst_caps_is_any (both))
    gst_clear_caps (&both);
  return both;
}

static gboolean
open_route (GstShrbufRoute * self)
{
  GstShrbufTapConfig config = { 0 };
  gint width, height;
  GError *error = NULL;
  GstShrbufShow show;
  GstCaps *caps;
  gboolean ret;

  make_pad (self);
  caps = wanted_caps (self);
  gst_shrbuf_show_init (&show);
  GST_OBJECT_LOCK (self);
  show.device = g_strdup (self->device);
  show.driver_name = g_strdup (self->driver_name);
  show.drm_device = g_strdup (self->drm_device);
  show.lease_fd = self->fd;
  show.display = self->display;
  show.display.extra = self->tap_buffers;
  config.policy = self->tap;
  config.max_held = self->tap_buffers;
  config.num_buffers = self->num_buffers;
  GST_OBJECT_UNLOCK (self);
  ret = gst_shrbuf_show_open (&show, caps, &error);
  gst_clear_caps (&caps);
  if (!ret) {
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR,
        error->domain, error->code, g_strdup (error->message), NULL, __FILE__,
        GST_FUNCTION, __LINE__);
    g_error_free (error);
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  self->show = show;
  memset (&self->report, 0, sizeof (self->report));
  self->report.route_fd = show.route_fd;
  self->report.sinks[GST_SHRBUF_ROUTE_DISPLAY] = show.display.sink;
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self, "%ux%u on plane %u", show.display.width,
      show.display.height, show.display.plane_id);
  start_watch (self);
  gst_shrbuf_camera_get_current (show.video_fd, &width, &height,
      &config.fps_n, &config.fps_d);
  gst_shrbuf_tap_pad_open (GST_SHRBUF_TAP_PAD (self->pad), show.shrbuf_fd,
      show.route_fd, &config);
  return TRUE;
}

static void
close_route (GstShrbufRoute * self)
{
  GstShrbufShow show;

  stop_watch (self);
  if (self->pad)
    gst_shrbuf_tap_pad_close (GST_SHRBUF_TAP_PAD (self->pad));
  g_mutex_lock (&self->lock);
  show = self->show;
  gst_shrbuf_show_init (&self->show);
  self->report.route_fd = -1;
  g_mutex_unlock (&self->lock);
  gst_shrbuf_show_close (&show);
}

static gboolean
start_route (GstShrbufRoute * self)
{
  guint priority = self->show.display.priority;
  gint ret = shrbuf_route_start (self->show.route_fd, priority);

  if (ret < 0) {
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
        ("%s", shrbuf_explain (SHRBUF_REQUEST_ROUTE_START, ret)),
        ("SHRBUF_IOC_ROUTE_START: %s", g_strerror (-ret)));
    return FALSE;
  }
  return TRUE;
}

static GstStateChangeReturn
gst_shrbuf_route_change_state (GstElement * element, GstStateChange transition)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    shrbuf_route_stop (self->show.route_fd);
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (ret == GST_STATE_CHANGE_FAILURE)
    return ret;
  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (!open_route (self))
        return GST_STATE_CHANGE_FAILURE;
      return GST_STATE_CHANGE_NO_PREROLL;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      if (!start_route (self))
        return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      return GST_STATE_CHANGE_NO_PREROLL;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      close_route (self);
      break;
    default:
      break;
  }
  return ret;
}

/* properties */

static void
set_rectangle (GstShrbufRoute * self, const GValue * value)
{
  gint v[4];
  guint i;

  if (gst_value_array_get_size (value) != 4) {
    g_warning ("render-rectangle wants <x, y, width, height>.");
    return;
  }
  for (i = 0; i < 4; i++)
    v[i] = g_value_get_int (gst_value_array_get_value (value, i));
  if (v[0] < 0 || v[1] < 0 || v[2] < 0 || v[3] < 0) {
    g_warning ("render-rectangle wants no negative numbers.");
    return;
  }
  self->display.box.x = v[0];
  self->display.box.y = v[1];
  self->display.box.width = v[2];
  self->display.box.height = v[3];
}

static void
get_rectangle (GstShrbufRoute * self, GValue * value)
{
  const guint v[] = {
    self->display.box.x, self->display.box.y, self->display.box.width,
    self->display.box.height
  };
  GValue one = G_VALUE_INIT;
  guint i;

  g_value_init (&one, G_TYPE_INT);
  for (i = 0; i < 4; i++) {
    g_value_set_int (&one, v[i]);
    gst_value_array_append_value (value, &one);
  }
  g_value_unset (&one);
}

static void
gst_shrbuf_route_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (object);
  const GstCaps *caps;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      g_free (self->device);
      self->device = g_value_dup_string (value);
      if (!self->device)
        self->device = g_strdup (DEFAULT_DEVICE);
      break;
    case PROP_CAPS:
      caps = gst_value_get_caps (value);
      gst_clear_caps (&self->caps);
      self->caps = caps ? gst_caps_copy (caps) : NULL;
      break;
    case PROP_DRIVER_NAME:
      g_free (self->driver_name);
      self->driver_name = g_value_dup_string (value);
      break;
    case PROP_DRM_DEVICE:
      g_free (self->drm_device);
      self->drm_device = g_value_dup_string (value);
      break;
    case PROP_FD:
      self->fd = g_value_get_int (value);
      break;
    case PROP_CONNECTOR_ID:
      self->display.connector_id = g_value_get_uint (value);
      break;
    case PROP_PLANE_ID:
      self->display.plane_id = g_value_get_uint (value);
      break;
    case PROP_RENDER_RECTANGLE:
      set_rectangle (self, value);
      break;
    case PROP_RESTORE:
      self->display.end = g_value_get_boolean (value) ?
          SHRBUF_KMS_END_RESTORE : SHRBUF_KMS_END_DISABLE;
      break;
    case PROP_POLICY:
      self->display.policy = g_value_get_enum (value);
      break;
    case PROP_PRIORITY:
      self->display.priority = g_value_get_uint (value);
      break;
    case PROP_TAP:
      self->tap = g_value_get_enum (value);
      break;
    case PROP_TAP_BUFFERS:
      self->tap_buffers = g_value_get_uint (value);
      break;
    case PROP_NUM_BUFFERS:
      self->num_buffers = g_value_get_int (value);
      break;
    case PROP_REPORT_INTERVAL:
      self->report_interval = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static GstStructure *
get_stats (GstShrbufRoute * self)
{
  GstStructure *stats;

  update_tap (self);
  g_mutex_lock (&self->lock);
  stats = gst_shrbuf_route_report_stats (&self->report);
  g_mutex_unlock (&self->lock);
  return stats;
}

static void
gst_shrbuf_route_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, get_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      g_value_set_string (value, self->device);
      break;
    case PROP_CAPS:
      gst_value_set_caps (value, self->caps);
      break;
    case PROP_DRIVER_NAME:
      g_value_set_string (value, self->driver_name);
      break;
    case PROP_DRM_DEVICE:
      g_value_set_string (value, self->drm_device);
      break;
    case PROP_FD:
      g_value_set_int (value, self->fd);
      break;
    case PROP_CONNECTOR_ID:
      g_value_set_uint (value, self->display.connector_id);
      break;
    case PROP_PLANE_ID:
      g_value_set_uint (value, self->display.plane_id);
      break;
    case PROP_RENDER_RECTANGLE:
      get_rectangle (self, value);
      break;
    case PROP_RESTORE:
      g_value_set_boolean (value, self->display.end == SHRBUF_KMS_END_RESTORE);
      break;
    case PROP_POLICY:
      g_value_set_enum (value, self->display.policy);
      break;
    case PROP_PRIORITY:
      g_value_set_uint (value, self->display.priority);
      break;
    case PROP_TAP:
      g_value_set_enum (value, self->tap);
      break;
    case PROP_TAP_BUFFERS:
      g_value_set_uint (value, self->tap_buffers);
      break;
    case PROP_NUM_BUFFERS:
      g_value_set_int (value, self->num_buffers);
      break;
    case PROP_REPORT_INTERVAL:
      g_value_set_uint (value, self->report_interval);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

/* the object */

static void
gst_shrbuf_route_finalize (GObject * object)
{
  GstShrbufRoute *self = GST_SHRBUF_ROUTE (object);

  g_free (self->device);
  gst_clear_caps (&self->caps);
  g_free (self->driver_name);
  g_free (self->drm_device);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_shrbuf_route_install_properties (GObjectClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_READY;
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_DEVICE,
      g_param_spec_string ("device", "Device", "The camera", DEFAULT_DEVICE,
          flags));
  g_object_class_install_property (klass, PROP_CAPS,
      g_param_spec_boxed ("caps", "Caps",
          "Format, size and rate of the camera (NULL = as it is, or what the display can show)",
          GST_TYPE_CAPS, flags));
  g_object_class_install_property (klass, PROP_DRIVER_NAME,
      g_param_spec_string ("driver-name", "Driver name",
          "Only displays of this driver (NULL = all)", NULL, flags));
  g_object_class_install_property (klass, PROP_DRM_DEVICE,
      g_param_spec_string ("drm-device", "DRM device",
          "The display, such as /dev/dri/card0 (NULL = the first that can show it)",
          NULL, flags));
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "Open file of the display, such as a lease of a compositor (-1 = open one)",
          -1, G_MAXINT, -1, flags));
  g_object_class_install_property (klass, PROP_CONNECTOR_ID,
      g_param_spec_uint ("connector-id", "Connector",
          "Connector of the display (0 = the first that is on)", 0, G_MAXUINT,
          0, flags));
  g_object_class_install_property (klass, PROP_PLANE_ID,
      g_param_spec_uint ("plane-id", "Plane",
          "Plane of the display (0 = the best one)", 0, G_MAXUINT, 0, flags));
  g_object_class_install_property (klass, PROP_RENDER_RECTANGLE,
      gst_param_spec_array ("render-rectangle", "Render rectangle",
          "Part of the display to show it in: <x, y, width, height> (all zero = all)",
          g_param_spec_int ("value", "Value", "A coordinate or size", 0,
              G_MAXINT, 0, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS), flags));
  g_object_class_install_property (klass, PROP_RESTORE,
      g_param_spec_boolean ("restore", "Restore",
          "In the end the plane gets back what it showed before (FALSE = it is switched off)",
          TRUE, flags));
  g_object_class_install_property (klass, PROP_POLICY,
      g_param_spec_enum ("policy", "Policy", "Which frames the display gets",
          GST_TYPE_SHRBUF_ROUTE_POLICY, SHRBUF_SINK_NEWEST, flags));
  g_object_class_install_property (klass, PROP_PRIORITY,
      g_param_spec_uint ("priority", "Priority",
          "Realtime priority (SCHED_FIFO) of the route in the kernel (0 = none)",
          0, 99, 0, flags));
  g_object_class_install_property (klass, PROP_TAP,
      g_param_spec_enum ("tap", "Tap", "Which frames the source pad gets",
          GST_TYPE_SHRBUF_ROUTE_TAP, SHRBUF_SINK_NEWEST, flags));
  g_object_class_install_property (klass, PROP_TAP_BUFFERS,
      g_param_spec_uint ("tap-buffers", "Tap buffers",
          "How many frames the pipeline behind the source pad may have at a time",
          1, MAX_TAP_BUFFERS, DEFAULT_TAP_BUFFERS, flags));
  g_object_class_install_property (klass, PROP_NUM_BUFFERS,
      g_param_spec_int ("num-buffers", "Number of buffers",
          "After so many frames on the source pad all ends with EOS (-1 = never)",
          -1, G_MAXINT, -1, flags));
  g_object_class_install_property (klass, PROP_REPORT_INTERVAL,
      g_param_spec_uint ("report-interval", "Report interval",
          "Milliseconds between looks for frames that were dropped (0 = never)",
          0, G_MAXUINT, DEFAULT_REPORT_INTERVAL, live));
  /**
   * GstShrbufRoute:stats:
   *
   * A structure for each of `camera`, `display` and `tap`, as far as they are there:
   *
   * * `state` (string): camera: stopped, running, failed; else ready, paused, failed
   * * `frames` (uint64): that came from the camera, or were offered
   * * `shown` (uint64): that were shown, or given to the pipeline
   * * `dropped-newer`, `dropped-held`, `damaged` (uint64): that were left out
   * * `held`, `waiting` (uint): that it has now, and of those what was not shown yet
   * * `cpu-time` (uint64): of its thread in the kernel, in nanoseconds
   * * `latency-median-below`, `latency-99-percent-below` (uint64): upper bounds of the
   *   time from capture to shown, in nanoseconds
   * * `error` (int): error number for which it failed
   */
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What the parts of the route did: camera, display, tap",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
add_template (GstElementClass * klass)
{
  GstCaps *all = gst_shrbuf_caps_from_fourccs (NULL, 0);
  /* in plain memory */
  GstCaps *caps = gst_caps_copy_nth (all, gst_caps_get_size (all) - 1);

  gst_element_class_add_pad_template (klass, gst_pad_template_new ("src",
          GST_PAD_SRC, GST_PAD_SOMETIMES, caps));
  gst_caps_unref (caps);
  gst_caps_unref (all);
}

static void
gst_shrbuf_route_class_init (GstShrbufRouteClass * klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = gst_shrbuf_route_set_property;
  object_class->get_property = gst_shrbuf_route_get_property;
  object_class->finalize = gst_shrbuf_route_finalize;
  gst_shrbuf_route_install_properties (object_class);
  element_class->change_state = gst_shrbuf_route_change_state;
  element_class->send_event = gst_shrbuf_route_send_event;
  element_class->query = gst_shrbuf_route_query;
  add_template (element_class);
  gst_element_class_set_static_metadata (element_class,
      "Camera on a display", "Source/Sink/Video/Hardware",
      "Shows a camera on a display by a route in the kernel, and taps its frames",
      "The shrbuf project");
  gst_type_mark_as_plugin_api (GST_TYPE_SHRBUF_ROUTE_POLICY, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SHRBUF_ROUTE_TAP, 0);
}

static void
gst_shrbuf_route_init (GstShrbufRoute * self)
{
  self->device = g_strdup (DEFAULT_DEVICE);
  self->fd = -1;
  self->display.end = SHRBUF_KMS_END_RESTORE;
  self->tap_buffers = DEFAULT_TAP_BUFFERS;
  self->num_buffers = -1;
  self->report_interval = DEFAULT_REPORT_INTERVAL;
  self->report.route_fd = -1;
  g_mutex_init (&self->lock);
  gst_shrbuf_show_init (&self->show);
  /* It ends a pipeline alone, too. */
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
}
