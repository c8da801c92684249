/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames of a route, as buffers.
 */
#ifndef _GST_SHRBUF_TAP_H
#define _GST_SHRBUF_TAP_H

#include <gst/video/video.h>
#include <shrbuf.h>

G_BEGIN_DECLS

typedef struct _GstShrbufTap GstShrbufTap;

/* A tap of a route that may hold so many frames. @policy is SHRBUF_SINK_NEWEST or
 * SHRBUF_SINK_EVERY. NULL with an error that says what to do. */
GstShrbufTap *gst_shrbuf_tap_new (gint shrbuf_fd, gint route_fd,
    guint policy, guint max_held, GError ** error);
/* What it gave out stays valid. */
void gst_shrbuf_tap_unref (GstShrbufTap * tap);
/* Never blocks. For poll(). */
gint gst_shrbuf_tap_get_fd (GstShrbufTap * tap);
/* Number of the sink in its route. */
guint32 gst_shrbuf_tap_get_sink (GstShrbufTap * tap);
/* Whether all frames were given back. */
gboolean gst_shrbuf_tap_is_idle (GstShrbufTap * tap);
/* How the frames are to be read. Known from the first one on. */
const GstVideoInfo *gst_shrbuf_tap_get_info (GstShrbufTap * tap);
/* A frame with its layout as GstVideoMeta, or a negative error number: -EAGAIN if there is
 * none. It goes back to the route when the last reference to its memory has gone. */
gint gst_shrbuf_tap_take (GstShrbufTap * tap, GstBuffer ** buffer,
    struct shrbuf_frame *frame);

G_END_DECLS

#endif
