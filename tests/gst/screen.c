// SPDX-License-Identifier: GPL-2.0
/*
 * A display for tests of elements that show something.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <gst/check/gstcheck.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "screen.h"

static gint
open_driver (const gchar * driver)
{
  gint i;

  for (i = 0; i < 16; i++) {
    gchar *path = g_strdup_printf ("/dev/dri/card%d", i);
    gint fd = open (path, O_RDWR | O_CLOEXEC);
    drmVersionPtr version = fd < 0 ? NULL : drmGetVersion (fd);
    gboolean found = version && !strcmp (version->name, driver);

    g_free (path);
    drmFreeVersion (version);
    if (found)
      return fd;
    if (fd >= 0)
      close (fd);
  }
  return -1;
}

static guint32
make_fb (Screen * screen, guint8 ** pixels)
{
  struct drm_mode_create_dumb dumb = {
    .width = SCREEN_WIDTH,.height = SCREEN_HEIGHT,.bpp = 32
  };
  guint32 handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 }, id;
  struct drm_mode_map_dumb map = { 0 };

  fail_unless_equals_int (drmIoctl (screen->fd, DRM_IOCTL_MODE_CREATE_DUMB,
          &dumb), 0);
  handles[0] = map.handle = dumb.handle;
  screen->pitch = pitches[0] = dumb.pitch;
  fail_unless_equals_int (drmModeAddFB2 (screen->fd, SCREEN_WIDTH,
          SCREEN_HEIGHT, DRM_FORMAT_XRGB8888, handles, pitches, offsets, &id,
          0), 0);
  if (!pixels)
    return id;
  fail_unless_equals_int (drmIoctl (screen->fd, DRM_IOCTL_MODE_MAP_DUMB, &map),
      0);
  *pixels = mmap (NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED,
      screen->fd, map.offset);
  fail_unless (*pixels != MAP_FAILED);
  return id;
}

static void
show (Screen * screen, guint32 fb)
{
  drmModeConnectorPtr connector =
      drmModeGetConnector (screen->fd, screen->connector);
  drmModeModeInfoPtr mode = NULL;
  gint i;

  fail_unless (connector != NULL);
  for (i = 0; i < connector->count_modes && !mode; i++)
    if (connector->modes[i].hdisplay == SCREEN_WIDTH
        && connector->modes[i].vdisplay == SCREEN_HEIGHT)
      mode = &connector->modes[i];
  fail_unless (mode != NULL);
  fail_unless_equals_int (drmSetMaster (screen->fd), 0);
  fail_unless_equals_int (drmModeSetCrtc (screen->fd, screen->crtc, fb, 0, 0,
          &screen->connector, 1, mode), 0);
  fail_unless_equals_int (drmDropMaster (screen->fd), 0);
  drmModeFreeConnector (connector);
}

static void
stay_on (void)
{
  FILE *f = fopen ("/sys/module/drm/parameters/vblankoffdelay", "w");

  fail_unless (f != NULL);
  fputs ("0", f);
  fail_unless_equals_int (fclose (f), 0);
}

gboolean
screen_open (Screen * screen, const gchar * driver)
{
  drmModePlaneResPtr planes;
  drmModeResPtr res;
  guint i;

  screen->fd = open_driver (driver);
  if (screen->fd < 0)
    return FALSE;
  stay_on ();
  res = drmModeGetResources (screen->fd);
  fail_unless (res && res->count_crtcs > 0 && res->count_connectors > 0);
  screen->crtc = res->crtcs[0];
  screen->connector = res->connectors[0];
  drmModeFreeResources (res);
  screen->black = make_fb (screen, NULL);
  screen->reference = make_fb (screen, &screen->pixels);
  show (screen, screen->black);

  fail_unless_equals_int (drmSetClientCap (screen->fd,
          DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1), 0);
  planes = drmModeGetPlaneResources (screen->fd);
  for (i = 0; i < planes->count_planes; i++) {
    drmModePlanePtr plane = drmModeGetPlane (screen->fd, planes->planes[i]);

    if (plane->fb_id == screen->black)
      screen->primary = plane->plane_id;
    drmModeFreePlane (plane);
  }
  drmModeFreePlaneResources (planes);
  fail_unless (screen->primary != 0);
  return TRUE;
}

guint32
screen_shows (Screen * screen)
{
  drmModePlaneResPtr planes = drmModeGetPlaneResources (screen->fd);
  guint32 fb = 0;
  guint i;

  for (i = 0; i < planes->count_planes; i++) {
    drmModePlanePtr plane = drmModeGetPlane (screen->fd, planes->planes[i]);

    if (plane->crtc_id == screen->crtc && plane->fb_id)
      fb = plane->fb_id;
    drmModeFreePlane (plane);
  }
  drmModeFreePlaneResources (planes);
  return fb;
}

guint32
screen_crc (Screen * screen)
{
  gchar *path, line[256];
  guint frame, crc, i;
  struct stat st;
  ssize_t length;
  gint fd;

  fail_unless_equals_int (fstat (screen->fd, &st), 0);
  path = g_strdup_printf ("/sys/kernel/debug/dri/%u/crtc-0/crc/control",
      minor (st.st_rdev));
  fd = open (path, O_WRONLY);
  fail_unless (fd >= 0, "%s: %s", path, g_strerror (errno));
  fail_unless_equals_int (write (fd, "auto", 4), 4);
  close (fd);
  g_free (path);
  path = g_strdup_printf ("/sys/kernel/debug/dri/%u/crtc-0/crc/data",
      minor (st.st_rdev));
  fd = open (path, O_RDONLY);
  fail_unless (fd >= 0, "%s: %s", path, g_strerror (errno));
  g_free (path);
  /* the first ones may be of a picture that was composed before */
  for (i = 0; i < 3; i++) {
    do {
      length = read (fd, line, sizeof (line) - 1);
    } while (length < 0 && errno == EINTR);
    fail_unless (length > 0);
    line[length] = 0;
  }
  close (fd);
  fail_unless_equals_int (sscanf (line, "0x%x 0x%x", &frame, &crc), 2);
  return crc;
}

guint32
screen_reference_crc (Screen * screen, GstVideoFrame * frame, gint x, gint y)
{
  gint line, width = GST_VIDEO_FRAME_WIDTH (frame);
  guint32 crc;

  memset (screen->pixels, 0, (gsize) screen->pitch * SCREEN_HEIGHT);
  for (line = 0; line < GST_VIDEO_FRAME_HEIGHT (frame); line++)
    memcpy (screen->pixels + (y + line) * screen->pitch + x * 4,
        (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
        line * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0), width * 4);
  show (screen, screen->reference);
  crc = screen_crc (screen);
  show (screen, screen->black);
  return crc;
}
