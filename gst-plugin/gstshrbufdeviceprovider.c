// SPDX-License-Identifier: GPL-2.0
/*
 * Cameras that can be the source of a route, for applications that look for devices.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <glob.h>
#include <linux/videodev2.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <shrbuf.h>

#include "elements.h"
#include "gstshrbufcamera.h"
#include "gstshrbufdeviceprovider.h"
#include "gstshrbufroute.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

#define DEV_DIRECTORY "/dev"
#define DEV_PREFIX "video"

/* cameras */

struct _GstShrbufDevice
{
  GstDevice parent;
  gchar *path;
};

G_DEFINE_TYPE (GstShrbufDevice, gst_shrbuf_device, GST_TYPE_DEVICE);

static gboolean
gst_shrbuf_device_reconfigure (GstDevice * device, GstElement * element)
{
  if (!GST_IS_SHRBUF_ROUTE (element))
    return FALSE;
  g_object_set (element, "device", GST_SHRBUF_DEVICE (device)->path, NULL);
  return TRUE;
}

static GstElement *
gst_shrbuf_device_create_element (GstDevice * device, const gchar * name)
{
  GstElement *element = gst_element_factory_make ("shrbufroute", name);

  if (element)
    gst_shrbuf_device_reconfigure (device, element);
  return element;
}

static void
gst_shrbuf_device_finalize (GObject * object)
{
  g_free (GST_SHRBUF_DEVICE (object)->path);
  G_OBJECT_CLASS (gst_shrbuf_device_parent_class)->finalize (object);
}

static void
gst_shrbuf_device_class_init (GstShrbufDeviceClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_shrbuf_device_finalize;
  GST_DEVICE_CLASS (klass)->create_element = gst_shrbuf_device_create_element;
  GST_DEVICE_CLASS (klass)->reconfigure_element = gst_shrbuf_device_reconfigure;
}

static void
gst_shrbuf_device_init (GstShrbufDevice * self)
{
}

/* Whether its queue is one that shrbuf can attach. Who has it now does not matter. */
static gboolean
can_route (gint shrbuf_fd, gint fd)
{
  gint ret = shrbuf_test_queue (shrbuf_fd, fd);

  return ret == 0 || ret == -EALREADY || ret == -EBUSY;
}

static GstDevice *
new_device (const gchar * path, gint fd)
{
  struct v4l2_capability cap = { 0 };
  GstStructure *properties;
  GstShrbufDevice *self;
  GstCaps *caps;

  if (ioctl (fd, VIDIOC_QUERYCAP, &cap) < 0)
    return NULL;
  caps = gst_shrbuf_camera_get_caps (fd);
  properties = gst_structure_new ("shrbuf-camera",
      "device.api", G_TYPE_STRING, "shrbuf",
      "device.path", G_TYPE_STRING, path,
      "v4l2.device.driver", G_TYPE_STRING, (const gchar *) cap.driver,
      "v4l2.device.card", G_TYPE_STRING, (const gchar *) cap.card,
      "v4l2.device.bus_info", G_TYPE_STRING, (const gchar *) cap.bus_info,
      NULL);
  self =
      g_object_new (GST_TYPE_SHRBUF_DEVICE, "display-name",
      (const gchar *) cap.card, "device-class", "Video/Source", "caps", caps,
      "properties", properties, NULL);
  self->path = g_strdup (path);
  gst_structure_free (properties);
  gst_caps_unref (caps);
  return GST_DEVICE (self);
}

/* NULL if it is no camera that can be the source of a route. */
static GstDevice *
probe_device (gint shrbuf_fd, const gchar * path)
{
  gint fd = gst_shrbuf_camera_open (path, NULL);
  GstDevice *device = NULL;

  if (fd < 0)
    return NULL;
  if (can_route (shrbuf_fd, fd))
    device = new_device (path, fd);
  close (fd);
  return device;
}

/* the provider */

/*
 * @thread: waits for new and lost nodes
 * @poll: what it waits with
 * @inotify_fd: of the directory of devices
 */
struct _GstShrbufDeviceProvider
{
  GstDeviceProvider parent;
  GThread *thread;
  GstPoll *poll;
  gint inotify_fd;
};

G_DEFINE_TYPE (GstShrbufDeviceProvider, gst_shrbuf_device_provider,
    GST_TYPE_DEVICE_PROVIDER);
GST_DEVICE_PROVIDER_REGISTER_DEFINE (shrbufdeviceprovider,
    "shrbufdeviceprovider", GST_RANK_PRIMARY, GST_TYPE_SHRBUF_DEVICE_PROVIDER);

static GList *
gst_shrbuf_device_provider_probe (GstDeviceProvider * provider)
{
  gint shrbuf_fd = shrbuf_open ();
  GList *devices = NULL;
  GstDevice *device;
  glob_t found;
  gsize i;

  if (shrbuf_fd < 0) {
    GST_INFO_OBJECT (provider, "%s", shrbuf_explain (SHRBUF_REQUEST_OPEN,
            shrbuf_fd));
    return NULL;
  }
  if (glob (DEV_DIRECTORY "/" DEV_PREFIX "*", 0, NULL, &found) == 0) {
    for (i = 0; i < found.gl_pathc; i++) {
      device = probe_device (shrbuf_fd, found.gl_pathv[i]);
      if (device)
        devices = g_list_append (devices, gst_object_ref_sink (device));
    }
    globfree (&found);
  }
  close (shrbuf_fd);
  return devices;
}

/* The device of the provider with this path, with a reference, or NULL. */
static GstDevice *
find_device (GstDeviceProvider * provider, const gchar * path)
{
  GstDevice *ret = NULL;
  GList *l;

  GST_OBJECT_LOCK (provider);
  for (l = provider->devices; l && !ret; l = l->next)
    if (g_str_equal (GST_SHRBUF_DEVICE (l->data)->path, path))
      ret = gst_object_ref (l->data);
  GST_OBJECT_UNLOCK (provider);
  return ret;
}

/* A node has come, has gone, or somebody else may use it now. */
static void
update (GstDeviceProvider * provider, const gchar * name, gboolean gone)
{
  gchar *path = g_strdup_printf (DEV_DIRECTORY "/%s", name);
  GstDevice *device, *known = find_device (provider, path);
  gint shrbuf_fd;

  if (known && gone)
    gst_device_provider_device_remove (provider, known);
  shrbuf_fd = gone || known ? -1 : shrbuf_open ();
  if (shrbuf_fd >= 0) {
    device = probe_device (shrbuf_fd, path);
    if (device)
      gst_device_provider_device_add (provider, device);
    close (shrbuf_fd);
  }
  gst_clear_object (&known);
  g_free (path);
}

static void
read_events (GstShrbufDeviceProvider * self)
{
  gchar buffer[4096]
      __attribute__((aligned (__alignof__ (struct inotify_event))));
  struct inotify_event *event;
  gssize len = read (self->inotify_fd, buffer, sizeof (buffer));
  gchar *p;

  for (p = buffer; len > 0 && p < buffer + len;
      p += sizeof (*event) + event->len) {
    event = (struct inotify_event *) p;
    if (event->len && g_str_has_prefix (event->name, DEV_PREFIX))
      update (GST_DEVICE_PROVIDER (self), event->name,
          (event->mask & IN_DELETE) != 0);
  }
}

static gpointer
wait_for_devices (gpointer data)
{
  GstShrbufDeviceProvider *self = data;
  gint ret;

  while ((ret = gst_poll_wait (self->poll, GST_CLOCK_TIME_NONE)) > 0
      || errno != EBUSY)
    if (ret > 0)
      read_events (self);
  return NULL;
}

static gboolean
gst_shrbuf_device_provider_start (GstDeviceProvider * provider)
{
  GstShrbufDeviceProvider *self = GST_SHRBUF_DEVICE_PROVIDER (provider);
  GstPollFD fd = GST_POLL_FD_INIT;
  GList *devices, *l;

  self->inotify_fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  /* attributes: who may use a new node is set after it was made */
  if (self->inotify_fd < 0 || inotify_add_watch (self->inotify_fd,
          DEV_DIRECTORY, IN_CREATE | IN_DELETE | IN_ATTRIB) < 0) {
    GST_WARNING_OBJECT (self, "inotify: %s", g_strerror (errno));
    if (self->inotify_fd >= 0)
      close (self->inotify_fd);
    return FALSE;
  }
  devices = gst_shrbuf_device_provider_probe (provider);
  for (l = devices; l; l = l->next)
    gst_device_provider_device_add (provider, l->data);
  g_list_free_full (devices, gst_object_unref);
  self->poll = gst_poll_new (TRUE);
  fd.fd = self->inotify_fd;
  gst_poll_add_fd (self->poll, &fd);
  gst_poll_fd_ctl_read (self->poll, &fd, TRUE);
  self->thread = g_thread_new ("shrbufdevices", wait_for_devices, self);
  return TRUE;
}

static void
gst_shrbuf_device_provider_stop (GstDeviceProvider * provider)
{
  GstShrbufDeviceProvider *self = GST_SHRBUF_DEVICE_PROVIDER (provider);

  gst_poll_set_flushing (self->poll, TRUE);
  g_thread_join (self->thread);
  gst_poll_free (self->poll);
  close (self->inotify_fd);
}

static void
gst_shrbuf_device_provider_class_init (GstShrbufDeviceProviderClass * klass)
{
  GstDeviceProviderClass *provider_class = GST_DEVICE_PROVIDER_CLASS (klass);

  provider_class->probe = gst_shrbuf_device_provider_probe;
  provider_class->start = gst_shrbuf_device_provider_start;
  provider_class->stop = gst_shrbuf_device_provider_stop;
  gst_device_provider_class_set_static_metadata (provider_class,
      "Cameras for routes", "Source/Video",
      "Lists cameras that shrbufroute can put on a display",
      "The shrbuf project");
}

static void
gst_shrbuf_device_provider_init (GstShrbufDeviceProvider * self)
{
  self->inotify_fd = -1;
}
