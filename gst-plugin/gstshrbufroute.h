/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shrbufroute: a camera on a display, by a route in the kernel.
 */
#ifndef _GST_SHRBUF_ROUTE_H
#define _GST_SHRBUF_ROUTE_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHRBUF_ROUTE (gst_shrbuf_route_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufRoute, gst_shrbuf_route, GST, SHRBUF_ROUTE,
    GstElement)

GST_ELEMENT_REGISTER_DECLARE (shrbufroute);

G_END_DECLS

#endif
