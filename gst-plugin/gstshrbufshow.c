// SPDX-License-Identifier: GPL-2.0
/*
 * A camera on a display: what a route needs, found and opened.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>
#include <xf86drmMode.h>

#include "elements.h"
#include "gstshrbufcamera.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"
#include "gstshrbufshow.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

void
gst_shrbuf_show_init (GstShrbufShow * show)
{
  memset (show, 0, sizeof (*show));
  show->lease_fd = show->shrbuf_fd = show->video_fd = -1;
  show->drm_fd = show->route_fd = -1;
}

/* the format of the camera */

/* As near to what the camera does now as the caps allow. */
static GstCaps *
fixate (GstShrbufShow * show, const GstCaps * caps, guint index)
{
  GstCaps *fixed = gst_caps_copy_nth (caps, index);
  GstStructure *structure = gst_caps_get_structure (fixed, 0);
  gint width, height, fps_n, fps_d;

  gst_shrbuf_camera_get_current (show->video_fd, &width, &height, &fps_n,
      &fps_d);
  gst_structure_fixate_field_nearest_int (structure, "width", width);
  gst_structure_fixate_field_nearest_int (structure, "height", height);
  if (fps_n)
    gst_structure_fixate_field_nearest_fraction (structure, "framerate", fps_n,
        fps_d);
  return gst_caps_fixate (fixed);
}

/* the display */

/* The route with the camera as it is. */
static gint
make_route (GstShrbufShow * show, gboolean set_mode)
{
  struct shrbuf_display display = show->display;
  gint width, height, fps_n, fps_d, ret;

  if (set_mode) {
    gst_shrbuf_camera_get_current (show->video_fd, &width, &height, &fps_n,
        &fps_d);
    ret = shrbuf_display_set_mode (show->drm_fd, display.connector_id, width,
        height);
    if (ret < 0)
      return ret;
  }
  ret = shrbuf_route_to_display (show->shrbuf_fd, show->video_fd, show->drm_fd,
      &display);
  if (ret >= 0)
    show->display = display;
  return ret;
}

/* What any plane of the display may be able to show. */
static GstCaps *
display_caps (gint fd)
{
  drmModePlaneResPtr res;
  GstCaps *caps, *all = gst_caps_new_empty ();
  drmModePlanePtr plane;
  guint i;

  drmSetClientCap (fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1);
  res = drmModeGetPlaneResources (fd);
  for (i = 0; res && i < res->count_planes; i++) {
    plane = drmModeGetPlane (fd, res->planes[i]);
    if (plane && plane->count_formats) {
      caps = gst_shrbuf_caps_from_fourccs (plane->formats,
          plane->count_formats);
      all = gst_caps_merge (all, caps);
    }
    drmModeFreePlane (plane);
  }
  drmModeFreePlaneResources (res);
  return all;
}

/* All candidates that change the size that the camera has now, or none of them. */
static gint
try_sizes (GstShrbufShow * show, const GstCaps * caps, gboolean set_mode,
    gint width, gint height, gboolean change)
{
  gint w, h, ret = -EMEDIUMTYPE;
  GstCaps *fixed;
  guint i;

  for (i = 0; i < gst_caps_get_size (caps) && ret == -EMEDIUMTYPE; i++) {
    fixed = fixate (show, caps, i);
    gst_structure_get (gst_caps_get_structure (fixed, 0), "width", G_TYPE_INT,
        &w, "height", G_TYPE_INT, &h, NULL);
    if ((w != width || h != height) == change
        && gst_shrbuf_camera_set_caps (show->video_fd, fixed)) {
      ret = make_route (show, set_mode);
      GST_DEBUG ("%" GST_PTR_FORMAT " on the display: %s", fixed,
          ret < 0 ? g_strerror (-ret) : "ok");
    }
    gst_caps_unref (fixed);
  }
  return ret;
}

/* With each of the caps until the display takes one. */
static gint
try_caps (GstShrbufShow * show, const GstCaps * wanted, gboolean set_mode)
{
  gint width, height, fps_n, fps_d, ret;
  GstCaps *known, *caps;

  if (!wanted)
    return make_route (show, set_mode);
  known = display_caps (show->drm_fd);
  caps = gst_caps_intersect_full ((GstCaps *) wanted, known,
      GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (known);
  show->display.flags |= SHRBUF_DISPLAY_KEEP_FORMAT;
  gst_shrbuf_camera_get_current (show->video_fd, &width, &height, &fps_n,
      &fps_d);
  ret = try_sizes (show, caps, set_mode, width, height, FALSE);
  if (ret == -EMEDIUMTYPE)
    ret = try_sizes (show, caps, set_mode, width, height, TRUE);
  gst_caps_unref (caps);
  return ret;
}

/* As it is, or if it is off or does not suit, in another mode. */
static gint
try_display (GstShrbufShow * show, const GstCaps * caps)
{
  gint ret = try_caps (show, caps, FALSE), again;

  if (ret == -ENXIO || ret == -EMEDIUMTYPE) {
    again = try_caps (show, caps, TRUE);
    if (again != -ENXIO)
      ret = again;
  }
  return ret;
}

static gboolean
has_driver (gint fd, const gchar * name)
{
  drmVersionPtr version = drmGetVersion (fd);
  gboolean ret = version && g_str_equal (version->name, name);

  drmFreeVersion (version);
  return ret;
}

/* Whether something can be shown there at all. */
static gboolean
is_display (gint fd)
{
  drmModeResPtr res = drmModeGetResources (fd);
  gboolean ret = res && res->count_crtcs && res->count_connectors;

  drmModeFreeResources (res);
  return ret;
}

/* Tries one display. -ENXIO: it is none. */
static gint
try_card (GstShrbufShow * show, const gchar * path, const GstCaps * caps)
{
  gint ret = -ENXIO;

  show->drm_fd = open (path, O_RDWR | O_CLOEXEC);
  if (show->drm_fd < 0)
    return -errno;
  if ((!show->driver_name || has_driver (show->drm_fd, show->driver_name))
      && is_display (show->drm_fd))
    ret = try_display (show, caps);
  GST_DEBUG ("display %s: %s", path, ret < 0 ? g_strerror (-ret) : "ok");
  if (ret < 0) {
    close (show->drm_fd);
    show->drm_fd = -1;
  }
  return ret;
}

/* The first display that does it. If none does, the error of the first that is one. */
static gint
try_cards (GstShrbufShow * show, const GstCaps * caps)
{
  gint ret = -ENXIO, one;
  glob_t found;
  gsize i;

  if (show->drm_device)
    return try_card (show, show->drm_device, caps);
  if (glob ("/dev/dri/card*", 0, NULL, &found))
    return -ENXIO;
  for (i = 0; i < found.gl_pathc && ret < 0; i++) {
    one = try_card (show, found.gl_pathv[i], caps);
    if (one >= 0 || ret == -ENXIO)
      ret = one;
  }
  globfree (&found);
  return ret;
}

static gint
try_lease (GstShrbufShow * show, const GstCaps * caps)
{
  show->drm_fd = fcntl (show->lease_fd, F_DUPFD_CLOEXEC, 0);
  return show->drm_fd < 0 ? -errno : try_display (show, caps);
}

/* opening and closing */

static void
set_display_error (GstShrbufShow * show, const GstCaps * caps, gint err,
    GError ** error)
{
  const gchar *name = show->drm_device;

  if (err == -ENXIO && show->driver_name) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no display of the driver %s that is connected. List them: grep -s . /sys/class/drm/card*-*/status.",
        show->driver_name);
  } else if (name && access (name, R_OK | W_OK)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "The display %s cannot be opened (%s). List them with their groups: ls -l /dev/dri/card*.",
        name, g_strerror (errno));
  } else if (err == -ENXIO) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "%s is not a display that is connected. List them: grep -s . /sys/class/drm/card*-*/status.",
        name ? name : "None of /dev/dri/card*");
  } else {
    gst_shrbuf_set_error (error, SHRBUF_REQUEST_ROUTE_DISPLAY, err);
    if (caps && err == -EMEDIUMTYPE)
      g_prefix_error (error,
          "None of the formats that are wanted fits camera and display. ");
  }
}

/* What the camera can do of the filter. NULL with an error if that is nothing. */
static GstCaps *
camera_caps (GstShrbufShow * show, const GstCaps * filter, GError ** error)
{
  GstCaps *all = gst_shrbuf_camera_get_caps (show->video_fd);
  GstCaps *caps = gst_caps_intersect_full (all, (GstCaps *) filter,
      GST_CAPS_INTERSECT_FIRST);
  gchar *name;

  gst_caps_unref (all);
  if (!gst_caps_is_empty (caps))
    return caps;
  gst_caps_unref (caps);
  name = gst_caps_to_string (filter);
  g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
      "The camera %s cannot do %s. List what it can do: v4l2-ctl -d %s --list-formats-ext.",
      show->device, name, show->device);
  g_free (name);
  return NULL;
}

gboolean
gst_shrbuf_show_open (GstShrbufShow * show, const GstCaps * filter,
    GError ** error)
{
  GstCaps *caps = NULL;
  gint ret;

  show->shrbuf_fd = gst_shrbuf_open (error);
  if (show->shrbuf_fd < 0)
    goto failed;
  show->video_fd = gst_shrbuf_camera_open (show->device, error);
  if (show->video_fd < 0)
    goto failed;
  if (filter) {
    caps = camera_caps (show, filter, error);
    if (!caps)
      goto failed;
  }
  show->detach = shrbuf_test_queue (show->shrbuf_fd, show->video_fd) == 0;
  show->display.flags |= SHRBUF_DISPLAY_STOPPED;
  ret = show->lease_fd >= 0 ? try_lease (show, caps) : try_cards (show, caps);
  if (ret < 0)
    set_display_error (show, caps, ret, error);
  gst_clear_caps (&caps);
  if (ret < 0)
    goto failed;
  show->route_fd = ret;
  fcntl (ret, F_SETFL, fcntl (ret, F_GETFL) | O_NONBLOCK);
  return TRUE;

failed:
  gst_shrbuf_show_close (show);
  return FALSE;
}

static void
close_fd (gint * fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

void
gst_shrbuf_show_close (GstShrbufShow * show)
{
  gboolean was_route = show->route_fd >= 0;
  guint i;

  /* The route first: it puts back what the plane showed before. */
  close_fd (&show->route_fd);
  /* the file of a lease lives on */
  for (i = 0; was_route && i < show->display.nr_bufs; i++)
    drmModeRmFB (show->drm_fd, show->display.fbs[i]);
  close_fd (&show->drm_fd);
  close_fd (&show->video_fd);
  if (was_route && show->detach) {
    /* Only now it has no buffers. It may be gone. */
    show->video_fd = open (show->device, O_RDWR | O_CLOEXEC);
    if (show->video_fd >= 0)
      shrbuf_detach_queue (show->shrbuf_fd, show->video_fd);
    close_fd (&show->video_fd);
  }
  close_fd (&show->shrbuf_fd);
  g_clear_pointer (&show->device, g_free);
  g_clear_pointer (&show->driver_name, g_free);
  g_clear_pointer (&show->drm_device, g_free);
}
