/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memories that a publisher has shared: each one once, until it is freed.
 */
#ifndef _GST_FUSION_EXPORT_H
#define _GST_FUSION_EXPORT_H

#include <gst/gst.h>

#include "publisher.h"

G_BEGIN_DECLS

typedef struct _GstFusionExport GstFusionExport;

/* Takes a reference of the publisher. */
GstFusionExport *gst_fusion_export_new (Publisher * publisher);
/* Freed when all memories are, too. */
void gst_fusion_export_unref (GstFusionExport * export);

/* Tells where the memories of a buffer are. Returns their number, zero if not all of them are
 * dma-bufs, or a negative error number. */
gint gst_fusion_export_buffer (GstFusionExport * export, GstBuffer * buffer,
    WireMemory memories[WIRE_MAX_MEMORIES]);

G_END_DECLS

#endif
