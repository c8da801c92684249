/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a receiver does not get into a world, and what to do.
 */
#ifndef _GST_FUSION_EXPLAIN_H
#define _GST_FUSION_EXPLAIN_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts an error for a path, or for a file descriptor if there is none. */
void gst_fusion_src_explain (GstElement * src, const gchar * path, gint fd,
    gint err);

G_END_DECLS

#endif
