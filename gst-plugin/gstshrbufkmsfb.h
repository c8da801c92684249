/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Framebuffers of a display, made of dma-bufs.
 */
#ifndef _GST_SHRBUF_KMS_FB_H
#define _GST_SHRBUF_KMS_FB_H

#include "gstshrbufkms.h"

G_BEGIN_DECLS

/*
 * The framebuffer of a buffer. It is made once and kept with the first memory of the
 * buffer, until that is freed or the display is closed. Zero: it is no dma-buf, or the
 * display cannot import it; the reason is constant text.
 */
guint32 gst_shrbuf_kms_get_fb (GstShrbufKms * kms, GstBuffer * buffer,
    const GstVideoInfo * info, const gchar ** reason);

G_END_DECLS

#endif
