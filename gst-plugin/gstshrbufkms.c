// SPDX-License-Identifier: GPL-2.0
/*
 * A display: the device, and the connector, CRTC and mode to show pictures with.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <drm_mode.h>

#include "elements.h"
#include "gstshrbufkms.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

#define MAX_CARDS 64

/* One bit for each display that is open, so that several can show the same memory. */
static guint64 slots;
static GMutex slots_mutex;

static gint
take_slot (void)
{
  gint slot;

  g_mutex_lock (&slots_mutex);
  for (slot = 0; slot < 64 && slots & G_GUINT64_CONSTANT (1) << slot; slot++);
  if (slot < 64)
    slots |= G_GUINT64_CONSTANT (1) << slot;
  g_mutex_unlock (&slots_mutex);
  return slot < 64 ? slot : -1;
}

static void
give_slot (gint slot)
{
  g_mutex_lock (&slots_mutex);
  slots &= ~(G_GUINT64_CONSTANT (1) << slot);
  g_mutex_unlock (&slots_mutex);
}

/* device */

static gboolean
is_driver (gint fd, const gchar * driver)
{
  drmVersionPtr version = drmGetVersion (fd);
  gboolean is = version && (!driver || !strcmp (version->name, driver));

  drmFreeVersion (version);
  return is;
}

static gboolean
is_bus_id (gint fd, const gchar * wanted)
{
  drmSetVersion version = { 1, 4, -1, -1 };
  gboolean is;
  char *id;

  if (!wanted)
    return TRUE;
  drmSetInterfaceVersion (fd, &version);
  id = drmGetBusid (fd);
  is = id && !strcmp (id, wanted);
  drmFreeBusid (id);
  return is;
}

/* A connector that has a display, or the one that is wanted. */
static guint32
find_connector (gint fd, guint32 wanted)
{
  drmModeResPtr res = drmModeGetResources (fd);
  guint32 found = 0;
  gint i;

  for (i = 0; res && i < res->count_connectors && !found; i++) {
    drmModeConnectorPtr connector =
        drmModeGetConnector (fd, res->connectors[i]);

    if (connector && (!wanted || wanted == connector->connector_id)
        && connector->connection == DRM_MODE_CONNECTED
        && connector->count_modes > 0)
      found = connector->connector_id;
    drmModeFreeConnector (connector);
  }
  drmModeFreeResources (res);
  return found;
}

/* All displays were tried: what went wrong with the one that came closest. */
static void
explain_open (GError ** error, const GstShrbufKmsWish * wish,
    gboolean forbidden, gboolean display)
{
  const gchar *driver = wish->driver ? wish->driver : "any driver";

  if (display)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "No connector%s of the display (%s) has a monitor. "
        "See which have one: modetest -c.",
        wish->connector ? " with this connector-id" : "", driver);
  else if (forbidden)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "You may not open the displays in /dev/dri. Be in the group video, "
        "or be the user who is logged in at the display.");
  else
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no display of %s%s%s in /dev/dri. See which there are: "
        "modetest. Choose one by driver-name or bus-id, or none of them "
        "to take any.", driver, wish->bus_id ? " on bus " : "",
        wish->bus_id ? wish->bus_id : "");
}

static gint
open_device (const GstShrbufKmsWish * wish, GError ** error)
{
  gboolean forbidden = FALSE, display = FALSE;
  gint i, fd;

  for (i = 0; i < MAX_CARDS; i++) {
    gchar *path = g_strdup_printf ("/dev/dri/card%d", i);

    fd = open (path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
      forbidden = TRUE;
    g_free (path);
    if (fd < 0)
      continue;
    if (is_driver (fd, wish->driver) && is_bus_id (fd, wish->bus_id)) {
      drmModeResPtr res = drmModeGetResources (fd);

      display |= res && res->count_connectors > 0;
      drmModeFreeResources (res);
      if (find_connector (fd, wish->connector))
        return fd;
    }
    close (fd);
  }
  explain_open (error, wish, forbidden, display);
  return -1;
}

/* The kernel lets only masters and lessees change what is shown. */
static gboolean
become_master (gint fd, gboolean given, GError ** error)
{
  if (drmIsMaster (fd) || (!given && !drmSetMaster (fd)))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
      given ? "The file descriptor in fd is not master of the display, and "
      "no lease. Give one that is (drmSetMaster, drmModeCreateLease)." :
      "Another program is master of the display, perhaps a desktop. Stop it, "
      "or switch to a text console, or give a lease of it in fd.");
  return FALSE;
}

/* CRTC */

/* The one that drives the connector now, or one that can and drives nothing. */
static guint32
find_crtc (gint fd, guint32 connector_id)
{
  drmModeConnectorPtr connector = drmModeGetConnector (fd, connector_id);
  drmModeResPtr res = drmModeGetResources (fd);
  drmModeEncoderPtr encoder;
  guint32 found = 0, possible = 0;
  gint i;

  if (!connector || !res)
    goto out;
  encoder = drmModeGetEncoder (fd, connector->encoder_id);
  if (encoder)
    found = encoder->crtc_id;
  drmModeFreeEncoder (encoder);
  for (i = 0; i < connector->count_encoders; i++) {
    encoder = drmModeGetEncoder (fd, connector->encoders[i]);
    if (encoder)
      possible |= encoder->possible_crtcs;
    drmModeFreeEncoder (encoder);
  }
  for (i = 0; i < res->count_crtcs && !found; i++) {
    drmModeCrtcPtr crtc = drmModeGetCrtc (fd, res->crtcs[i]);

    if (crtc && !crtc->mode_valid && possible & 1U << i)
      found = crtc->crtc_id;
    drmModeFreeCrtc (crtc);
  }
out:
  drmModeFreeResources (res);
  drmModeFreeConnector (connector);
  return found;
}

static gboolean
choose (GstShrbufKms * kms, const GstShrbufKmsWish * wish, GError ** error)
{
  drmModeCrtcPtr crtc;

  if (drmSetClientCap (kms->fd, DRM_CLIENT_CAP_ATOMIC, 1)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The driver %s of the display is not atomic, or fd is no display. "
        "Use kmssink for displays of this driver.", kms->driver);
    return FALSE;
  }
  kms->connector = find_connector (kms->fd, wish->connector);
  if (!kms->connector) {
    explain_open (error, wish, FALSE, TRUE);
    return FALSE;
  }
  kms->crtc = find_crtc (kms->fd, kms->connector);
  crtc = kms->crtc ? drmModeGetCrtc (kms->fd, kms->crtc) : NULL;
  if (!crtc) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
        "No CRTC is free for connector %u. Switch another monitor off, or "
        "choose one that is on by connector-id.", kms->connector);
    return FALSE;
  }
  kms->was_on = crtc->mode_valid;
  kms->before = crtc->mode;
  kms->before_fb = crtc->buffer_id;
  drmModeFreeCrtc (crtc);
  return TRUE;
}

GstShrbufKms *
gst_shrbuf_kms_open (const GstShrbufKmsWish * wish, GError ** error)
{
  GstShrbufKms *kms = g_new0 (GstShrbufKms, 1);
  drmVersionPtr version;
  gchar *name;

  kms->refs = 1;
  kms->fbs = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_mutex_init (&kms->mutex);
  kms->slot = take_slot ();
  name = g_strdup_printf ("shrbuf-framebuffer-%d", kms->slot);
  kms->quark = g_quark_from_string (name);
  g_free (name);
  kms->own = wish->fd < 0;
  if (kms->own)
    kms->fd = open_device (wish, error);
  else
    kms->fd = fcntl (wish->fd, F_DUPFD_CLOEXEC, 0);
  if (kms->fd < 0 || kms->slot < 0) {
    if (error && !*error)
      g_set_error (error, GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_OPEN_READ_WRITE,
          "The file descriptor in fd cannot be used, or too many displays "
          "are open: %s.", g_strerror (errno));
    gst_shrbuf_kms_close (kms);
    return NULL;
  }
  version = drmGetVersion (kms->fd);
  kms->driver = g_strdup (version ? version->name : "unknown");
  drmFreeVersion (version);
  if (!choose (kms, wish, error)
      || !become_master (kms->fd, wish->fd >= 0, error)) {
    gst_shrbuf_kms_close (kms);
    return NULL;
  }
  GST_INFO ("display of %s, connector %u, CRTC %u%s", kms->driver,
      kms->connector, kms->crtc, kms->was_on ? "" : ", which is off");
  return kms;
}

void
gst_shrbuf_kms_close (GstShrbufKms * kms)
{
  guint i;

  g_mutex_lock (&kms->mutex);
  for (i = 0; i < kms->fbs->len; i++)
    drmModeRmFB (kms->fd, g_array_index (kms->fbs, guint32, i));
  g_clear_pointer (&kms->fbs, g_array_unref);
  /* buffers that were made for this display may keep the file */
  if (kms->own)
    drmDropMaster (kms->fd);
  if (kms->fd >= 0)
    close (kms->fd);
  kms->fd = -1;
  g_mutex_unlock (&kms->mutex);
  gst_shrbuf_kms_unref (kms);
}

GstShrbufKms *
gst_shrbuf_kms_ref (GstShrbufKms * kms)
{
  g_atomic_int_inc (&kms->refs);
  return kms;
}

void
gst_shrbuf_kms_unref (GstShrbufKms * kms)
{
  if (!g_atomic_int_dec_and_test (&kms->refs))
    return;
  if (kms->slot >= 0)
    give_slot (kms->slot);
  g_mutex_clear (&kms->mutex);
  g_free (kms->driver);
  g_free (kms);
}

/* what it can do */

GArray *
gst_shrbuf_kms_modes (GstShrbufKms * kms, guint width, guint height)
{
  drmModeConnectorPtr connector = drmModeGetConnector (kms->fd, kms->connector);
  GArray *modes = g_array_new (FALSE, FALSE, sizeof (drmModeModeInfo));
  guint rank;
  gint i;

  for (rank = 0; connector && rank < 3; rank++) {
    for (i = 0; i < connector->count_modes; i++) {
      drmModeModeInfo *mode = &connector->modes[i];
      guint has = 2;

      if (mode->hdisplay == width && mode->vdisplay == height)
        has = 0;
      else if (mode->type & DRM_MODE_TYPE_PREFERRED)
        has = 1;
      if (has == rank)
        g_array_append_val (modes, *mode);
    }
  }
  drmModeFreeConnector (connector);
  return modes;
}

GArray *
gst_shrbuf_kms_formats (GstShrbufKms * kms, const guint32 * planes, guint nr)
{
  GArray *formats = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint i, j, k;

  for (i = 0; i < nr; i++) {
    drmModePlanePtr plane = drmModeGetPlane (kms->fd, planes[i]);

    for (j = 0; plane && j < plane->count_formats; j++) {
      for (k = 0; k < formats->len; k++)
        if (g_array_index (formats, guint32, k) == plane->formats[j])
          break;
      if (k == formats->len)
        g_array_append_val (formats, plane->formats[j]);
    }
    drmModeFreePlane (plane);
  }
  return formats;
}

/* The driver tells it of a buffer of its own. The lowest bit of its stride is enough. */
guint
gst_shrbuf_kms_stride_align (GstShrbufKms * kms, const GstVideoInfo * info)
{
  struct drm_mode_create_dumb dumb = {
    .width = GST_VIDEO_INFO_WIDTH (info),
    .height = GST_VIDEO_INFO_HEIGHT (info),
    .bpp = GST_VIDEO_INFO_COMP_PSTRIDE (info, 0) * 8,
  };
  struct drm_mode_destroy_dumb destroy = { 0 };
  guint align;

  if (!dumb.bpp || drmIoctl (kms->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
    return 1;
  destroy.handle = dumb.handle;
  drmIoctl (kms->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
  align = dumb.pitch & -dumb.pitch;
  return CLAMP (align, 1, 4096);
}
