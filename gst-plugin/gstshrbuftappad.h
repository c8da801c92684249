/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source pad with the frames of a route.
 */
#ifndef _GST_SHRBUF_TAP_PAD_H
#define _GST_SHRBUF_TAP_PAD_H

#include <gst/gst.h>

#include "gstshrbufshow.h"

G_BEGIN_DECLS

#define GST_TYPE_SHRBUF_TAP_PAD (gst_shrbuf_tap_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufTapPad, gst_shrbuf_tap_pad, GST,
    SHRBUF_TAP_PAD, GstPad)

/*
 * What a tap is to be like.
 * @policy: SHRBUF_SINK_NEWEST or SHRBUF_SINK_EVERY
 * @max_held: frames that the pipeline may have at a time
 * @num_buffers: after so many it is over, -1 for never
 * @fps_n: of the camera, zero if it is not known
 * @fps_d: of the camera
 */
typedef struct
{
  guint policy;
  guint max_held;
  gint num_buffers;
  gint fps_n;
  gint fps_d;
} GstShrbufTapConfig;

/* @ended is called with the element when the last of num_buffers was pushed. */
GstPad *gst_shrbuf_tap_pad_new (GstPadTemplate * templ,
    void (*ended) (GstElement *));
/* From now on it taps the route while it is linked. The pad is active. */
void gst_shrbuf_tap_pad_open (GstShrbufTapPad * pad, gint shrbuf_fd,
    gint route_fd, const GstShrbufTapConfig * config);
/* No more. The pad is not active. */
void gst_shrbuf_tap_pad_close (GstShrbufTapPad * pad);
/* Pushes EOS when what is under way is done. */
void gst_shrbuf_tap_pad_end (GstShrbufTapPad * pad);
/* Number of the sink in its route, zero if there is none now. */
guint32 gst_shrbuf_tap_pad_get_sink (GstShrbufTapPad * pad);

G_END_DECLS

#endif
