// SPDX-License-Identifier: GPL-2.0
/*
 * Shows buffers on a display: on which plane, where, and until when they are kept.
 *
 * A commit does not wait until it is done. The next one does, so two buffers are kept: the
 * one on the display and the one that comes at the next vertical blank.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <string.h>
#include <shrbuf.h>

#include "elements.h"
#include "gstshrbufkmsfb.h"
#include "gstshrbufscreen.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

/* Longer than any display takes for a picture. */
#define FLIP_TIMEOUT (10 * GST_SECOND)

GST_DEBUG_CATEGORY_STATIC (performance);

GstShrbufScreen *
gst_shrbuf_screen_new (GstObject * owner, GstShrbufKms * kms, guint32 plane,
    GError ** error)
{
  GstShrbufScreen *screen = g_new0 (GstShrbufScreen, 1);
  GstShrbufKmsPlane wanted;
  gint nr = 1;

  GST_DEBUG_CATEGORY_GET (performance, "GST_PERFORMANCE");
  screen->owner = owner;
  screen->kms = kms;
  screen->planes[0] = plane;
  if (!plane)
    nr = shrbuf_display_planes (kms->fd, kms->crtc, 0, screen->planes,
        GST_SHRBUF_KMS_MAX_PLANES);
  else if (!gst_shrbuf_kms_plane_init (&wanted, kms, plane))
    nr = 0;
  if (nr <= 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The display has no %s for CRTC %u. See which there are: modetest -p.",
        plane ? "plane with this plane-id" : "free plane", kms->crtc);
    g_free (screen);
    gst_shrbuf_kms_close (kms);
    return NULL;
  }
  screen->nr_planes = nr;
  screen->on = kms->was_on;
  screen->mode = screen->mode_on = kms->before;
  screen->poll = gst_poll_new (TRUE);
  gst_poll_fd_init (&screen->pollfd);
  screen->pollfd.fd = kms->fd;
  gst_poll_add_fd (screen->poll, &screen->pollfd);
  gst_poll_fd_ctl_read (screen->poll, &screen->pollfd, TRUE);
  return screen;
}

void
gst_shrbuf_screen_set_flushing (GstShrbufScreen * screen, gboolean flushing)
{
  gst_poll_set_flushing (screen->poll, flushing);
}

/* Until the last commit is done. */
static GstFlowReturn
wait_flip (GstShrbufScreen * screen, GError ** error)
{
  gint ret = 0;

  while (screen->plane.pending) {
    ret = gst_poll_wait (screen->poll, FLIP_TIMEOUT);
    if (ret < 0 && errno == EBUSY)
      return GST_FLOW_FLUSHING;
    if (ret < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (ret > 0)
      ret = gst_shrbuf_kms_take_events (&screen->plane);
    else
      ret = ret ? -errno : -ETIMEDOUT;
    if (ret)
      break;
  }
  if (ret < 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "The display has not shown the last picture: %s. See the kernel's "
        "log: dmesg.", g_strerror (-ret));
    return GST_FLOW_ERROR;
  }
  if (screen->next) {
    gst_clear_buffer (&screen->shown);
    screen->shown = g_steal_pointer (&screen->next);
  }
  return GST_FLOW_OK;
}

static void
restore (GstShrbufScreen * screen)
{
  gint ret = gst_shrbuf_kms_restore (screen->kms);

  if (ret)
    GST_WARNING_OBJECT (screen->owner, "the display cannot show what it showed "
        "before: %s", g_strerror (-ret));
}

/* Only primary planes are taken from others. */
static void
leave_plane (GstShrbufScreen * screen)
{
  gint ret;

  if (!screen->used)
    return;
  screen->used = FALSE;
  if (screen->was_used) {
    restore (screen);
    return;
  }
  ret = gst_shrbuf_kms_disable (&screen->plane);
  /* some drivers want a primary plane as long as there is a mode */
  if (ret && !screen->mode_was_set)
    GST_WARNING_OBJECT (screen->owner, "plane %u cannot be disabled: %s",
        screen->plane.plane, g_strerror (-ret));
}

void
gst_shrbuf_screen_free (GstShrbufScreen * screen)
{
  GError *error = NULL;

  gst_poll_set_flushing (screen->poll, FALSE);
  if (wait_flip (screen, &error) != GST_FLOW_OK)
    GST_WARNING_OBJECT (screen->owner, "%s", error->message);
  g_clear_error (&error);
  leave_plane (screen);
  if (screen->mode_was_set)
    restore (screen);
  gst_clear_buffer (&screen->shown);
  gst_clear_buffer (&screen->next);
  g_clear_pointer (&screen->copy, gst_shrbuf_copy_free);
  g_clear_pointer (&screen->modes, g_array_unref);
  gst_poll_free (screen->poll);
  gst_shrbuf_kms_close (screen->kms);
  g_free (screen);
}

void
gst_shrbuf_screen_set_info (GstShrbufScreen * screen, const GstVideoInfo * info)
{
  screen->info = *info;
  screen->chosen = FALSE;
  g_clear_pointer (&screen->copy, gst_shrbuf_copy_free);
  g_clear_pointer (&screen->modes, g_array_unref);
  screen->modes = gst_shrbuf_kms_modes (screen->kms,
      GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
}

void
gst_shrbuf_screen_set_area (GstShrbufScreen * screen,
    const GstVideoRectangle * area)
{
  screen->area = *area;
  screen->chosen = FALSE;
}

void
gst_shrbuf_screen_expose (GstShrbufScreen * screen)
{
  screen->chosen = FALSE;
}

/* where */

static void
get_area (GstShrbufScreen * screen, GstVideoRectangle * area)
{
  *area = screen->area;
  if (area->w > 0 && area->h > 0)
    return;
  area->x = area->y = 0;
  area->w = screen->mode.hdisplay;
  area->h = screen->mode.vdisplay;
}

static void
get_crop (GstShrbufScreen * screen, GstBuffer * buffer,
    GstVideoRectangle * crop)
{
  GstVideoCropMeta *meta = gst_buffer_get_video_crop_meta (buffer);

  crop->x = meta ? meta->x : 0;
  crop->y = meta ? meta->y : 0;
  crop->w = meta ? meta->width : (guint) GST_VIDEO_INFO_WIDTH (&screen->info);
  crop->h = meta ? meta->height : (guint) GST_VIDEO_INFO_HEIGHT (&screen->info);
}

/* In the middle of the area: as large as it fits with its proportions, or pixel by pixel,
 * without what does not fit. */
static void
place (GstShrbufScreen * screen, gboolean scale, GstVideoRectangle * src,
    GstVideoRectangle * dst)
{
  GstVideoRectangle area, shape = screen->crop;
  guint num, den;

  get_area (screen, &area);
  *src = screen->crop;
  if (scale && gst_video_calculate_display_ratio (&num, &den, src->w, src->h,
          GST_VIDEO_INFO_PAR_N (&screen->info),
          GST_VIDEO_INFO_PAR_D (&screen->info), 1, 1))
    shape.w = gst_util_uint64_scale_int (shape.h, num, den);
  shape.x = shape.y = 0;
  gst_video_center_rect (&shape, &area, dst, scale);
  if (scale)
    return;
  src->x += (src->w - dst->w) / 2;
  src->y += (src->h - dst->h) / 2;
  src->w = dst->w;
  src->h = dst->h;
}

/* how */

static const drmModeModeInfo *
new_mode (GstShrbufScreen * screen)
{
  return screen->set_mode ? &screen->mode : NULL;
}

/* A picture as large as the display is where it belongs. */
static gint
try_plane (GstShrbufScreen * screen, GstShrbufKmsPlane * plane,
    GstShrbufKmsPicture * picture)
{
  gint scale, ret = -EINVAL;

  if (screen->way == GST_SHRBUF_WAY_FULL)
    return gst_shrbuf_kms_test (plane, picture, new_mode (screen));
  for (scale = screen->can_scale; scale >= 0 && ret && ret != -EACCES; scale--) {
    place (screen, scale, &picture->src, &picture->dst);
    ret = gst_shrbuf_kms_test (plane, picture, new_mode (screen));
  }
  return ret;
}

static gboolean
is_used (GstShrbufScreen * screen, guint32 id)
{
  drmModePlanePtr plane = drmModeGetPlane (screen->kms->fd, id);
  gboolean used = plane && plane->fb_id;

  drmModeFreePlane (plane);
  return used;
}

/* A plane that can show the picture. A mode that is set wants a primary one. */
static gint
choose_plane (GstShrbufScreen * screen, GstShrbufKmsPicture * picture)
{
  gboolean primary = screen->set_mode || screen->mode_was_set
      || screen->force_mode;
  GstShrbufKmsPlane plane = { 0 };
  gint ret = -EINVAL;
  guint i, id;

  for (i = 0; i < screen->nr_planes && ret && ret != -EACCES; i++) {
    id = screen->planes[primary ? screen->nr_planes - 1 - i : i];
    if (gst_shrbuf_kms_plane_init (&plane, screen->kms, id))
      ret = try_plane (screen, &plane, picture);
  }
  if (ret)
    return ret;
  if (screen->plane.plane != plane.plane) {
    leave_plane (screen);
    screen->was_used = is_used (screen, plane.plane);
    screen->plane = plane;
  }
  screen->picture = *picture;
  screen->chosen = TRUE;
  GST_INFO_OBJECT (screen->owner, "plane %u of %s shows %dx%d+%d+%d at "
      "%dx%d+%d+%d", plane.plane, screen->kms->driver, picture->src.w,
      picture->src.h, picture->src.x, picture->src.y, picture->dst.w,
      picture->dst.h, picture->dst.x, picture->dst.y);
  return 0;
}

/* copies */

static gboolean
make_copy (GstShrbufScreen * screen, GError ** error)
{
  GstVideoRectangle src = { 0, 0, screen->info.width, screen->info.height };
  GstVideoRectangle dst = src, area;
  guint width = src.w, height = src.h;

  if (screen->way == GST_SHRBUF_WAY_FULL) {
    width = screen->mode.hdisplay;
    height = screen->mode.vdisplay;
    get_area (screen, &area);
    place (screen, screen->crop.w > area.w || screen->crop.h > area.h, &src,
        &dst);
  }
  if (screen->copy && screen->copy->out.width == (gint) width
      && screen->copy->out.height == (gint) height
      && screen->way == GST_SHRBUF_WAY_COPY)
    return TRUE;
  g_clear_pointer (&screen->copy, gst_shrbuf_copy_free);
  screen->copy = gst_shrbuf_copy_new (screen->kms, &screen->info, width, height,
      &src, &dst, error);
  return screen->copy != NULL;
}

static void
warn_once (GstShrbufScreen * screen, const gchar * reason)
{
  if (screen->warned)
    return;
  screen->warned = TRUE;
  GST_CAT_WARNING_OBJECT (performance, screen->owner,
      "each frame is copied: %s. Use a producer that takes buffers of this "
      "sink, or whose memory, format and stride the display can show.", reason);
}

/* A buffer with a framebuffer, as screen->way says. NULL, perhaps with an error. */
static GstBuffer *
get_buffer (GstShrbufScreen * screen, GstBuffer * buffer, guint32 * fb,
    const gchar ** reason, GError ** error)
{
  GstBuffer *copy;

  if (screen->way == GST_SHRBUF_WAY_DIRECT) {
    *fb = gst_shrbuf_kms_get_fb (screen->kms, buffer, &screen->info, reason);
    return *fb ? gst_buffer_ref (buffer) : NULL;
  }
  copy = gst_shrbuf_copy_buffer (screen->copy, buffer);
  if (!copy) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
        "A frame cannot be copied: its memory cannot be read.");
    return NULL;
  }
  *fb = gst_shrbuf_kms_get_fb (screen->kms, copy, &screen->copy->out, reason);
  if (!*fb)
    gst_clear_buffer (&copy);
  return copy;
}

static void
set_display_error (GstShrbufScreen * screen, gint ret, GError ** error)
{
  if (ret == -EACCES || ret == -EPERM)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
        "Another program has become master of the display, or the lease was "
        "taken back.");
  else
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "No plane of the display (%s) can show %s of %dx%d here: %s. Choose "
        "another plane-id, render-rectangle, size or format.",
        screen->kms->driver,
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&screen->info)),
        screen->info.width, screen->info.height, g_strerror (-ret));
}

/* The first way in which a plane can show the buffer in this mode. */
static gint
try_mode (GstShrbufScreen * screen, const drmModeModeInfo * mode,
    GstBuffer * buffer, GstBuffer ** shown, GError ** error)
{
  const GstVideoRectangle all = { 0, 0, mode->hdisplay, mode->vdisplay };
  GstShrbufKmsPicture picture = { 0 };
  const gchar *reason = NULL, *first = NULL;
  gint ret = -EINVAL;

  screen->mode = *mode;
  screen->set_mode = !screen->on
      || memcmp (mode, &screen->mode_on, sizeof (*mode));
  for (screen->way = GST_SHRBUF_WAY_DIRECT;
      screen->way <= GST_SHRBUF_WAY_FULL && ret && ret != -EACCES;
      screen->way++) {
    if (screen->way != GST_SHRBUF_WAY_DIRECT && !make_copy (screen, error))
      return -EINVAL;
    *shown = get_buffer (screen, buffer, &picture.fb, &reason, error);
    if (*error)
      return -EINVAL;
    if (!first)
      first = *shown ? "no plane can show it at this size and place" : reason;
    if (!*shown)
      continue;
    picture.src = picture.dst = all;
    ret = choose_plane (screen, &picture);
    if (ret)
      gst_clear_buffer (shown);
    else
      break;
  }
  if (!ret && screen->way != GST_SHRBUF_WAY_DIRECT)
    warn_once (screen, first);
  return ret;
}

/* The mode that is set is changed if the user wants it, or if there is no other way. */
static GstBuffer *
choose (GstShrbufScreen * screen, GstBuffer * buffer, GError ** error)
{
  GstBuffer *shown = NULL;
  drmModeModeInfo mode;
  gint ret = -EINVAL;
  guint i;

  if (screen->on && !screen->force_mode) {
    mode = screen->mode_on;
    ret = try_mode (screen, &mode, buffer, &shown, error);
  }
  for (i = 0; i < screen->modes->len && ret && ret != -EACCES && !*error; i++) {
    mode = g_array_index (screen->modes, drmModeModeInfo, i);
    ret = try_mode (screen, &mode, buffer, &shown, error);
  }
  if (ret && !*error)
    set_display_error (screen, ret, error);
  return shown;
}

GstFlowReturn
gst_shrbuf_screen_show (GstShrbufScreen * screen, GstBuffer * buffer,
    GError ** error)
{
  const gchar *reason = NULL;
  GstVideoRectangle crop;
  GstBuffer *shown = NULL;
  GstFlowReturn flow;
  gint ret;

  flow = wait_flip (screen, error);
  if (flow != GST_FLOW_OK)
    return flow;
  /* GstVideoSink shows the first one twice */
  if (screen->chosen && buffer == screen->shown)
    return GST_FLOW_OK;
  get_crop (screen, buffer, &crop);
  if (memcmp (&crop, &screen->crop, sizeof (crop)))
    screen->chosen = FALSE;
  screen->crop = crop;
  if (screen->chosen)
    shown = get_buffer (screen, buffer, &screen->picture.fb, &reason, error);
  if (!shown && !*error)
    shown = choose (screen, buffer, error);
  if (!shown)
    return GST_FLOW_ERROR;
  ret = gst_shrbuf_kms_commit (&screen->plane, &screen->picture,
      new_mode (screen));
  if (ret) {
    gst_buffer_unref (shown);
    set_display_error (screen, ret, error);
    return GST_FLOW_ERROR;
  }
  screen->used = TRUE;
  if (screen->set_mode) {
    screen->mode_was_set = screen->on = TRUE;
    screen->mode_on = screen->mode;
    screen->set_mode = FALSE;
  }
  screen->copied += screen->way != GST_SHRBUF_WAY_DIRECT;
  screen->next = shown;
  return GST_FLOW_OK;
}
