/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers that a display can show: pools of them, and copies into them.
 */
#ifndef _GST_SHRBUF_COPY_H
#define _GST_SHRBUF_COPY_H

#include "gstshrbufkms.h"

G_BEGIN_DECLS

/*
 * A pool of shared buffers that the display can import, with strides that it likes for
 * those who know GstVideoMeta. Configured, not active. NULL with an error that says what
 * to do.
 */
GstBufferPool *gst_shrbuf_kms_new_pool (GstShrbufKms * kms, GstCaps * caps,
    guint min, GError ** error);

/* Copies pictures into one of this size. The caller frees it. */
typedef struct
{
  GstVideoInfo in;
  GstVideoInfo out;
  GstBufferPool *pool;
  GstVideoConverter *converter;
} GstShrbufCopy;

/* The part src goes to dst, the rest is black. */
GstShrbufCopy *gst_shrbuf_copy_new (GstShrbufKms * kms,
    const GstVideoInfo * in, guint width, guint height,
    const GstVideoRectangle * src, const GstVideoRectangle * dst,
    GError ** error);
void gst_shrbuf_copy_free (GstShrbufCopy * copy);
/* NULL if it fails. The caller owns the buffer. */
GstBuffer *gst_shrbuf_copy_buffer (GstShrbufCopy * copy, GstBuffer * buffer);

G_END_DECLS

#endif
