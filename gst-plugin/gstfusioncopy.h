/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared buffers for frames that are in other memory: what is proposed to upstream, and
 * copies.
 */
#ifndef _GST_FUSION_COPY_H
#define _GST_FUSION_COPY_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstFusionCopy GstFusionCopy;

GstFusionCopy *gst_fusion_copy_new (void);
void gst_fusion_copy_free (GstFusionCopy * copy);
/* Gives all memory back. */
void gst_fusion_copy_reset (GstFusionCopy * copy);

/* Caps of the frames to come. Returns whether they are raw video, with its info. */
gboolean gst_fusion_copy_set_caps (GstFusionCopy * copy, GstCaps * caps,
    GstVideoInfo * info);
/* Adds a pool, or an allocator, to an allocation query. */
void gst_fusion_copy_propose (GstFusionCopy * copy, GstQuery * query,
    GstCaps * caps, gboolean need_pool, guint min);
/* A copy in shared buffers, or NULL: then the element has posted an error. */
GstBuffer *gst_fusion_copy_buffer (GstFusionCopy * copy, GstElement * element,
    GstBuffer * buffer);

G_END_DECLS

#endif
