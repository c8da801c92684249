/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a display shows: atomic commits, and when they are done.
 */
#ifndef _GST_SHRBUF_KMS_ATOMIC_H
#define _GST_SHRBUF_KMS_ATOMIC_H

#include "gstshrbufkms.h"

G_BEGIN_DECLS

/* Part of the framebuffer, and where it goes. */
typedef struct
{
  guint32 fb;
  GstVideoRectangle src;
  GstVideoRectangle dst;
} GstShrbufKmsPicture;

/* A plane, and the names of its properties. It must not move while a commit is pending. */
typedef struct
{
  GstShrbufKms *kms;
  guint32 plane;
  guint32 props[10];
  guint32 crtc_mode_id;
  guint32 crtc_active;
  guint32 connector_crtc_id;
  gboolean pending;             /* a commit whose event has not come */
  GstShrbufKmsPicture shown;    /* by the last commit, or without framebuffer */
} GstShrbufKmsPlane;

/* FALSE if it is no plane of this display. */
gboolean gst_shrbuf_kms_plane_init (GstShrbufKmsPlane * plane,
    GstShrbufKms * kms, guint32 id);
/* All return 0 or a negative error number. */

/* Whether it could be shown, with this mode, or with the one that is set (NULL). */
gint gst_shrbuf_kms_test (GstShrbufKmsPlane * plane,
    const GstShrbufKmsPicture * picture, const drmModeModeInfo * mode);
/* Shows it. With a mode it waits until it is set. An event comes when it is done. */
gint gst_shrbuf_kms_commit (GstShrbufKmsPlane * plane,
    const GstShrbufKmsPicture * picture, const drmModeModeInfo * mode);
/* When the file of the display can be read: the event may be there. */
gint gst_shrbuf_kms_take_events (GstShrbufKmsPlane * plane);
/* The plane shows nothing any more. */
gint gst_shrbuf_kms_disable (GstShrbufKmsPlane * plane);
/* The CRTC shows again what it showed when the display was opened. */
gint gst_shrbuf_kms_restore (GstShrbufKms * kms);

G_END_DECLS

#endif
