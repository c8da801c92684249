/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shrbufsink: video on a display, without a copy.
 */
#ifndef _GST_SHRBUF_SINK_H
#define _GST_SHRBUF_SINK_H

#include <gst/video/gstvideosink.h>

G_BEGIN_DECLS

#define GST_TYPE_SHRBUF_SINK (gst_shrbuf_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufSink, gst_shrbuf_sink, GST, SHRBUF_SINK,
    GstVideoSink)

GST_ELEMENT_REGISTER_DECLARE (shrbufsink);

G_END_DECLS

#endif
