/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The description of a frame: what a buffer has besides its memory, as bytes. See
 * Documentation/gstreamer/fusion-protocol.rst.
 */
#ifndef _GST_FUSION_FRAME_H
#define _GST_FUSION_FRAME_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct
{
  guint64 pts;                  /* of CLOCK_MONOTONIC, or GST_CLOCK_TIME_NONE */
  guint64 dts;                  /* the same */
  guint64 duration;
  guint64 offset;
  guint64 offset_end;
  guint64 latency;              /* after its time it is published so late */
  guint32 flags;                /* GstBufferFlags, but for those about memory */
  guint32 pad;
} GstFusionTimes;

/* Appends the description of a buffer with these caps. The info is of raw video, or NULL. */
void gst_fusion_frame_describe (GByteArray * bytes, GstBuffer * buffer,
    const GstFusionTimes * times, const gchar * caps,
    const GstVideoInfo * info);

/* Adds what is described to a buffer. Caps are those of the bytes, which are there as long
 * as these. FALSE if they are no description. */
gboolean gst_fusion_frame_apply (gconstpointer bytes, gsize size,
    GstBuffer * buffer, GstFusionTimes * times, const gchar ** caps);

/* What to add to a time of this clock for one of CLOCK_MONOTONIC. */
GstClockTimeDiff gst_fusion_clock_offset (GstClock * clock);

G_END_DECLS

#endif
