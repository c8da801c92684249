/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A display: the device, and the connector, CRTC, mode and plane to show pictures with.
 */
#ifndef _GST_SHRBUF_KMS_H
#define _GST_SHRBUF_KMS_H

#include <gst/video/video.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

G_BEGIN_DECLS

#define GST_SHRBUF_KMS_MAX_PLANES 32

typedef struct
{
  const gchar *driver;          /* NULL: any */
  const gchar *bus_id;          /* NULL: any */
  gint fd;                      /* master or lease, or -1: open one */
  guint32 connector;            /* zero: choose */
  guint32 plane;                /* zero: choose */
} GstShrbufKmsWish;

/*
 * Counted, because memory that has a framebuffer may live longer. Constant after
 * gst_shrbuf_kms_open() but for what is below the mutex, and fd, which the mutex
 * protects from gst_shrbuf_kms_close().
 */
typedef struct
{
  gint fd;
  gboolean own;                 /* opened here */
  gint slot;                    /* of those that are open */
  GQuark quark;                 /* of framebuffers, by slot */
  gchar *driver;
  guint32 connector;
  guint32 crtc;
  drmModeModeInfo before;       /* mode that was set, if was_on */
  guint32 before_fb;            /* what the CRTC showed, zero: unknown */
  gboolean was_on;

  GMutex mutex;
  gint refs;
  GArray *fbs;                  /* numbers; NULL after gst_shrbuf_kms_close() */
} GstShrbufKms;

/* Opens a display and becomes its master. NULL with an error that says what to do. */
GstShrbufKms *gst_shrbuf_kms_open (const GstShrbufKmsWish * wish,
    GError ** error);
/* Removes all framebuffers, closes the display, and drops the caller's reference. */
void gst_shrbuf_kms_close (GstShrbufKms * kms);
GstShrbufKms *gst_shrbuf_kms_ref (GstShrbufKms * kms);
void gst_shrbuf_kms_unref (GstShrbufKms * kms);

/* Modes of the connector, which the caller frees: that of this size, the one that it likes
 * best, and the others. */
GArray *gst_shrbuf_kms_modes (GstShrbufKms * kms, guint width, guint height);
/* Formats of planes, without those that come twice. The caller frees the array. */
GArray *gst_shrbuf_kms_formats (GstShrbufKms * kms, const guint32 * planes,
    guint nr);
/* How many bytes the lines of a plane of memory must be a multiple of. */
guint gst_shrbuf_kms_stride_align (GstShrbufKms * kms,
    const GstVideoInfo * info);

G_END_DECLS

#endif
