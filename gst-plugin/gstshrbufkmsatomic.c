// SPDX-License-Identifier: GPL-2.0
/*
 * What a display shows: atomic commits, and when they are done.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "elements.h"
#include "gstshrbufkmsatomic.h"

#define GST_CAT_DEFAULT gst_shrbuf_debug

/* In the order of GstShrbufKmsPlane.props */
static const gchar *const plane_props[] = {
  "FB_ID", "CRTC_ID", "SRC_X", "SRC_Y", "SRC_W", "SRC_H",
  "CRTC_X", "CRTC_Y", "CRTC_W", "CRTC_H",
};

static guint32
find_prop (GstShrbufKms * kms, guint32 object, guint32 type, const gchar * name)
{
  drmModeObjectPropertiesPtr props =
      drmModeObjectGetProperties (kms->fd, object, type);
  guint32 found = 0, i;

  for (i = 0; props && i < props->count_props && !found; i++) {
    drmModePropertyPtr prop = drmModeGetProperty (kms->fd, props->props[i]);

    if (prop && !strcmp (prop->name, name))
      found = prop->prop_id;
    drmModeFreeProperty (prop);
  }
  drmModeFreeObjectProperties (props);
  return found;
}

gboolean
gst_shrbuf_kms_plane_init (GstShrbufKmsPlane * plane, GstShrbufKms * kms,
    guint32 id)
{
  guint i;

  plane->kms = kms;
  plane->plane = id;
  for (i = 0; i < G_N_ELEMENTS (plane_props); i++) {
    plane->props[i] =
        find_prop (kms, id, DRM_MODE_OBJECT_PLANE, plane_props[i]);
    if (!plane->props[i])
      return FALSE;
  }
  plane->crtc_mode_id =
      find_prop (kms, kms->crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID");
  plane->crtc_active =
      find_prop (kms, kms->crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE");
  plane->connector_crtc_id =
      find_prop (kms, kms->connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID");
  return plane->crtc_mode_id && plane->crtc_active && plane->connector_crtc_id;
}

static void
add_picture (drmModeAtomicReqPtr req, GstShrbufKmsPlane * plane,
    const GstShrbufKmsPicture * picture)
{
  const guint64 values[G_N_ELEMENTS (plane_props)] = {
    picture->fb, picture->fb ? plane->kms->crtc : 0,
    (guint64) picture->src.x << 16, (guint64) picture->src.y << 16,
    (guint64) picture->src.w << 16, (guint64) picture->src.h << 16,
    (gint64) picture->dst.x, (gint64) picture->dst.y,
    picture->dst.w, picture->dst.h,
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (values); i++)
    drmModeAtomicAddProperty (req, plane->plane, plane->props[i], values[i]);
}

static void
add_mode (drmModeAtomicReqPtr req, GstShrbufKmsPlane * plane, guint32 blob)
{
  GstShrbufKms *kms = plane->kms;

  drmModeAtomicAddProperty (req, kms->crtc, plane->crtc_mode_id, blob);
  drmModeAtomicAddProperty (req, kms->crtc, plane->crtc_active, 1);
  drmModeAtomicAddProperty (req, kms->connector, plane->connector_crtc_id,
      kms->crtc);
}

static gint
commit (GstShrbufKmsPlane * plane, const GstShrbufKmsPicture * picture,
    const drmModeModeInfo * mode, guint32 flags)
{
  drmModeAtomicReqPtr req = drmModeAtomicAlloc ();
  gint fd = plane->kms->fd, ret = 0;
  guint32 blob = 0;

  add_picture (req, plane, picture);
  if (mode) {
    ret = drmModeCreatePropertyBlob (fd, mode, sizeof (*mode), &blob);
    add_mode (req, plane, blob);
    flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
  }
  if (!ret)
    ret = drmModeAtomicCommit (fd, req, flags, plane);
  if (blob)
    drmModeDestroyPropertyBlob (fd, blob);
  drmModeAtomicFree (req);
  return ret;
}

gint
gst_shrbuf_kms_test (GstShrbufKmsPlane * plane,
    const GstShrbufKmsPicture * picture, const drmModeModeInfo * mode)
{
  return commit (plane, picture, mode, DRM_MODE_ATOMIC_TEST_ONLY);
}

/* The next framebuffer at the same place, without the allocations of libdrm's requests. It
 * fails if others have changed the plane. */
static gint
flip (GstShrbufKmsPlane * plane, const GstShrbufKmsPicture * picture)
{
  guint64 value = picture->fb;
  guint32 count = 1;
  struct drm_mode_atomic request = {
    .flags = DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_ATOMIC_NONBLOCK,
    .count_objs = 1,
    .objs_ptr = (guintptr) & plane->plane,
    .count_props_ptr = (guintptr) & count,
    .props_ptr = (guintptr) & plane->props[0],
    .prop_values_ptr = (guintptr) & value,
    .user_data = (guintptr) plane,
  };

  if (!plane->shown.fb || memcmp (&plane->shown.src, &picture->src,
          sizeof (picture->src)) || memcmp (&plane->shown.dst, &picture->dst,
          sizeof (picture->dst)))
    return -EINVAL;
  return drmIoctl (plane->kms->fd, DRM_IOCTL_MODE_ATOMIC, &request) ? -errno :
      0;
}

gint
gst_shrbuf_kms_commit (GstShrbufKmsPlane * plane,
    const GstShrbufKmsPicture * picture, const drmModeModeInfo * mode)
{
  gint ret = mode ? -EBUSY : flip (plane, picture);

  if (ret && ret != -EBUSY)
    ret = commit (plane, picture, NULL,
        DRM_MODE_PAGE_FLIP_EVENT | DRM_MODE_ATOMIC_NONBLOCK);
  /* somebody else changes the CRTC, too: wait for that */
  if (ret == -EBUSY)
    ret = commit (plane, picture, mode, DRM_MODE_PAGE_FLIP_EVENT);
  if (!ret) {
    plane->pending = TRUE;
    plane->shown = *picture;
  }
  return ret;
}

gint
gst_shrbuf_kms_take_events (GstShrbufKmsPlane * plane)
{
  guint8 events[1024];
  gssize length = read (plane->kms->fd, events, sizeof (events)), i;
  struct drm_event_vblank event;

  if (length < 0)
    return errno == EINTR || errno == EAGAIN ? 0 : -errno;
  for (i = 0; i + (gssize) sizeof (event) <= length; i += event.base.length) {
    memcpy (&event, events + i, sizeof (event));
    /* the file may be of somebody who has commits of his own */
    if (event.base.type == DRM_EVENT_FLIP_COMPLETE
        && event.user_data == (guintptr) plane)
      plane->pending = FALSE;
  }
  return 0;
}

gint
gst_shrbuf_kms_disable (GstShrbufKmsPlane * plane)
{
  GstShrbufKmsPicture none = { 0 };

  plane->shown.fb = 0;
  return commit (plane, &none, NULL, 0);
}

/* Primary plane and mode are what this old request sets; it is atomic inside. */
gint
gst_shrbuf_kms_restore (GstShrbufKms * kms)
{
  if (!kms->was_on)
    return drmModeSetCrtc (kms->fd, kms->crtc, 0, 0, 0, NULL, 0, NULL);
  return drmModeSetCrtc (kms->fd, kms->crtc, kms->before_fb, 0, 0,
      &kms->connector, 1, &kms->before);
}
