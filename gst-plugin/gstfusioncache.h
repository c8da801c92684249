/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memories of the buffers that a receiver has got. A buffer that comes again is the same
 * GstMemory again, still mapped, and with what other elements have attached to it.
 */
#ifndef _GST_FUSION_CACHE_H
#define _GST_FUSION_CACHE_H

#include <gst/gst.h>

#include "subscriber.h"

G_BEGIN_DECLS

typedef struct _GstFusionCache GstFusionCache;

/* Takes a reference of the subscriber. */
GstFusionCache *gst_fusion_cache_new (Subscriber * subscriber);
/* Frees it when the last frame is released. */
void gst_fusion_cache_unref (GstFusionCache * cache);

/* Appends the memories of a frame to a buffer. The frame is released when none of them is
 * used any more, also if this fails. Returns zero or a negative error number. */
gint gst_fusion_cache_fill (GstFusionCache * cache,
    const SubscriberEvent * frame, GstBuffer * buffer);

void gst_fusion_cache_forget (GstFusionCache * cache, guint32 id);
void gst_fusion_cache_forget_all (GstFusionCache * cache);

G_END_DECLS

#endif
