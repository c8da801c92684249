// SPDX-License-Identifier: GPL-2.0
/*
 * What a route says of itself, as structures for applications.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>

#include "gstshrbufpool.h"
#include "gstshrbufroutereport.h"

static const gchar *const part_names[] = { "camera", "display", "tap" };

static const gchar *
part_name (const GstShrbufRouteReport * report, guint32 sink)
{
  if (!sink)
    return part_names[GST_SHRBUF_ROUTE_CAMERA];
  if (sink == report->sinks[GST_SHRBUF_ROUTE_DISPLAY])
    return part_names[GST_SHRBUF_ROUTE_DISPLAY];
  return part_names[GST_SHRBUF_ROUTE_TAP];
}

static gboolean
get_stats (const GstShrbufRouteReport * report, GstShrbufRoutePart part,
    struct shrbuf_route_stats *stats)
{
  if (report->route_fd < 0
      || (part != GST_SHRBUF_ROUTE_CAMERA && !report->sinks[part]))
    return FALSE;
  return shrbuf_route_get_stats (report->route_fd, report->sinks[part],
      stats) == 0;
}

/* statistics */

static const gchar *
state_name (GstShrbufRoutePart part, guint state)
{
  static const gchar *const camera[] = { "stopped", "running", "failed" };
  static const gchar *const sink[] = { "ready", "paused", "failed" };

  return state < 3 ? (part == GST_SHRBUF_ROUTE_CAMERA ? camera : sink)[state]
      : "unknown";
}

/* Upper bound of the latency of this share of all frames, none if there were no frames. */
static GstClockTime
latency_below (const struct shrbuf_route_stats *stats, guint percent)
{
  guint64 all = 0, wanted, seen;
  guint i;

  for (i = 0; i < SHRBUF_LATENCY_BINS; i++)
    all += stats->latency[i];
  if (!all)
    return GST_CLOCK_TIME_NONE;
  wanted = (all * percent + 99) / 100;
  seen = stats->latency[0];
  for (i = 0; i < SHRBUF_LATENCY_BINS - 1 && seen < wanted;)
    seen += stats->latency[++i];
  return (16 * GST_USECOND) << i;
}

static GstStructure *
part_stats (GstShrbufRoutePart part, const struct shrbuf_route_stats *stats)
{
  GstStructure *s = gst_structure_new (part_names[part],
      "state", G_TYPE_STRING, state_name (part, stats->state),
      "frames", G_TYPE_UINT64, (guint64) stats->frames_in,
      "held", G_TYPE_UINT, stats->held,
      "damaged", G_TYPE_UINT64, (guint64) stats->dropped_error,
      "cpu-time", G_TYPE_UINT64, (guint64) stats->cpu_time,
      "error", G_TYPE_INT, (gint) stats->error, NULL);

  if (part != GST_SHRBUF_ROUTE_CAMERA)
    gst_structure_set (s,
        "shown", G_TYPE_UINT64, (guint64) stats->frames_shown,
        "waiting", G_TYPE_UINT, stats->waiting,
        "dropped-newer", G_TYPE_UINT64, (guint64) stats->dropped_newer,
        "dropped-held", G_TYPE_UINT64, (guint64) stats->dropped_held,
        "latency-median-below", G_TYPE_UINT64, latency_below (stats, 50),
        "latency-99-percent-below", G_TYPE_UINT64, latency_below (stats, 99),
        NULL);
  return s;
}

GstStructure *
gst_shrbuf_route_report_stats (const GstShrbufRouteReport * report)
{
  GstStructure *all = gst_structure_new_empty ("application/x-shrbuf-route");
  struct shrbuf_route_stats stats;
  GstStructure *one;
  gint part;

  for (part = 0; part < GST_SHRBUF_ROUTE_PARTS; part++) {
    if (!get_stats (report, part, &stats))
      continue;
    one = part_stats (part, &stats);
    gst_structure_set (all, part_names[part], GST_TYPE_STRUCTURE, one, NULL);
    gst_structure_free (one);
  }
  return all;
}

/* messages */

static void
post (GstElement * element, GstStructure * structure)
{
  gst_element_post_message (element,
      gst_message_new_element (GST_OBJECT (element), structure));
}

void
gst_shrbuf_route_report_drops (GstShrbufRouteReport * report,
    GstElement * element)
{
  struct shrbuf_route_stats now, *seen;
  gint part;

  for (part = 0; part < GST_SHRBUF_ROUTE_PARTS; part++) {
    seen = &report->seen[part];
    if (!get_stats (report, part, &now))
      continue;
    /* another tap */
    if (now.frames_in < seen->frames_in)
      memset (seen, 0, sizeof (*seen));
    if (now.dropped_newer != seen->dropped_newer
        || now.dropped_held != seen->dropped_held
        || now.dropped_error != seen->dropped_error)
      post (element, gst_structure_new ("shrbufroute-dropped",
              "part", G_TYPE_STRING, part_names[part],
              "newer", G_TYPE_UINT64,
              (guint64) (now.dropped_newer - seen->dropped_newer),
              "held", G_TYPE_UINT64,
              (guint64) (now.dropped_held - seen->dropped_held),
              "damaged", G_TYPE_UINT64,
              (guint64) (now.dropped_error - seen->dropped_error), NULL));
    *seen = now;
  }
}

static void
post_error (const GstShrbufRouteReport * report, GstElement * element,
    const struct shrbuf_route_event *event)
{
  enum shrbuf_request what = event->sink ? SHRBUF_REQUEST_ROUTE_ADD_KMS :
      SHRBUF_REQUEST_ROUTE;
  GError *error = NULL;

  gst_shrbuf_set_error (&error, what, -(gint) event->error);
  g_prefix_error (&error, "The %s has failed. ",
      part_name (report, event->sink));
  gst_element_message_full (element, GST_MESSAGE_ERROR, error->domain,
      error->code, g_strdup (error->message),
      g_strdup_printf ("errno %u", event->error), __FILE__, GST_FUNCTION,
      __LINE__);
  g_error_free (error);
}

gboolean
gst_shrbuf_route_report_event (const GstShrbufRouteReport * report,
    GstElement * element, const struct shrbuf_route_event *event)
{
  const gchar *part = part_name (report, event->sink);

  if (event->lost)
    post (element, gst_structure_new ("shrbufroute-events-lost",
            "count", G_TYPE_UINT64, (guint64) event->lost, NULL));
  switch (event->type) {
    case SHRBUF_ROUTE_EVENT_FAILED:
    case SHRBUF_ROUTE_EVENT_SINK_FAILED:
      post_error (report, element, event);
      return FALSE;
    case SHRBUF_ROUTE_EVENT_SINK_PAUSED:
      post (element, gst_structure_new ("shrbufroute-paused",
              "part", G_TYPE_STRING, part,
              "error", G_TYPE_INT, (gint) event->error,
              "reason", G_TYPE_STRING, event->error == EACCES ?
              "The display belongs to another program." :
              "The plane does not fit the mode of the display.", NULL));
      break;
    case SHRBUF_ROUTE_EVENT_SINK_RESUMED:
      post (element, gst_structure_new ("shrbufroute-resumed",
              "part", G_TYPE_STRING, part, NULL));
      break;
    case SHRBUF_ROUTE_EVENT_SINK_LATE:
      post (element, gst_structure_new ("shrbufroute-late",
              "part", G_TYPE_STRING, part,
              "index", G_TYPE_UINT, event->index, NULL));
      break;
    default:
      break;
  }
  return TRUE;
}
