/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pool of shared buffers.
 */
#ifndef _GST_SHRBUF_POOL_H
#define _GST_SHRBUF_POOL_H

#include <gst/gst.h>
#include <shrbuf.h>

G_BEGIN_DECLS

#define GST_TYPE_SHRBUF_POOL (gst_shrbuf_pool_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufPool, gst_shrbuf_pool, GST, SHRBUF_POOL,
    GstBufferPool)

/* Opens /dev/shrbuf. NULL with an error that says what to do. */
GstBufferPool *gst_shrbuf_pool_new (GError ** error);
/* What kind of memory the buffers get: SHRBUF_ALLOC_* flags, and the device for
 * SHRBUF_ALLOC_DEVICE, which is duplicated. Before the pool is active. */
void gst_shrbuf_pool_set_memory (GstShrbufPool * pool, guint32 flags,
    gint device_fd);

/* File descriptor of /dev/shrbuf, closed on exec, or -1 with an error. */
gint gst_shrbuf_open (GError ** error);
/* Sets an error of a function of libshrbuf. */
void gst_shrbuf_set_error (GError ** error, enum shrbuf_request what,
    gint err);

G_END_DECLS

#endif
