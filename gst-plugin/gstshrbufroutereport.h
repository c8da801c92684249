/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a route says of itself, as structures for applications.
 */
#ifndef _GST_SHRBUF_ROUTE_REPORT_H
#define _GST_SHRBUF_ROUTE_REPORT_H

#include <gst/gst.h>
#include <shrbuf.h>

G_BEGIN_DECLS

/* The parts of a route. */
typedef enum
{
  GST_SHRBUF_ROUTE_CAMERA,
  GST_SHRBUF_ROUTE_DISPLAY,
  GST_SHRBUF_ROUTE_TAP,
  GST_SHRBUF_ROUTE_PARTS
} GstShrbufRoutePart;

/*
 * A route, and what was already said of it.
 * @route_fd: -1 if there is none
 * @sinks: number of each part, zero for the camera and for what is not there
 * @seen: statistics of the last gst_shrbuf_route_report_drops()
 */
typedef struct
{
  gint route_fd;
  guint32 sinks[GST_SHRBUF_ROUTE_PARTS];
  struct shrbuf_route_stats seen[GST_SHRBUF_ROUTE_PARTS];
} GstShrbufRouteReport;

/* Never NULL, also when there is no route. */
GstStructure *gst_shrbuf_route_report_stats (const GstShrbufRouteReport *
    report);
/* Messages for frames that were dropped since the last time. */
void gst_shrbuf_route_report_drops (GstShrbufRouteReport * report,
    GstElement * element);
/* A message, or an error if the route or the display is over. FALSE: it was an error. */
gboolean gst_shrbuf_route_report_event (const GstShrbufRouteReport * report,
    GstElement * element, const struct shrbuf_route_event *event);

G_END_DECLS

#endif
