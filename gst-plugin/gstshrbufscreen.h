/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shows buffers on a display: on which plane, where, and until when they are kept.
 */
#ifndef _GST_SHRBUF_SCREEN_H
#define _GST_SHRBUF_SCREEN_H

#include "gstshrbufcopy.h"
#include "gstshrbufkmsatomic.h"

G_BEGIN_DECLS

/* How a frame comes to the display. Each is tried if the one before cannot be shown. */
typedef enum
{
  GST_SHRBUF_WAY_DIRECT,
  GST_SHRBUF_WAY_COPY,          /* into memory and strides that the display likes */
  GST_SHRBUF_WAY_FULL,          /* the same, as large as the display */
} GstShrbufWay;

/* The caller lets one thread at a time in, but for gst_shrbuf_screen_set_flushing(). */
typedef struct
{
  GstObject *owner;             /* for messages in the log, borrowed */
  GstShrbufKms *kms;
  GstPoll *poll;
  GstPollFD pollfd;

  /* what the user wants */
  gboolean can_scale;
  gboolean force_mode;
  GstVideoRectangle area;       /* without width: all */
  guint32 planes[GST_SHRBUF_KMS_MAX_PLANES];
  guint nr_planes;

  /* the video, and what was chosen for it */
  GstVideoInfo info;
  GstVideoRectangle crop;
  GArray *modes;                /* that could be set for it */
  drmModeModeInfo mode;
  gboolean set_mode;            /* with the next commit */
  gboolean mode_was_set;
  gboolean on;                  /* the display has a mode, which is */
  drmModeModeInfo mode_on;
  gboolean chosen;
  GstShrbufWay way;
  GstShrbufKmsPicture picture;
  GstShrbufCopy *copy;
  gboolean warned;

  /* what we have put something on */
  GstShrbufKmsPlane plane;
  gboolean used;
  gboolean was_used;            /* before, by somebody else */

  GstBuffer *shown;
  GstBuffer *next;              /* after the commit that is pending */
  guint64 copied;
} GstShrbufScreen;

/* Takes the display over, also if it fails: with an error that says what to do. */
GstShrbufScreen *gst_shrbuf_screen_new (GstObject * owner, GstShrbufKms * kms,
    guint32 plane, GError ** error);
/* The display is as it was before, and closed. */
void gst_shrbuf_screen_free (GstShrbufScreen * screen);

void gst_shrbuf_screen_set_info (GstShrbufScreen * screen,
    const GstVideoInfo * info);
void gst_shrbuf_screen_set_area (GstShrbufScreen * screen,
    const GstVideoRectangle * area);
/* The next one is shown even if it is on the display. */
void gst_shrbuf_screen_expose (GstShrbufScreen * screen);
/* Shows a buffer when the one before is on the display, and keeps it as long as needed.
 * GST_FLOW_FLUSHING if that was interrupted; GST_FLOW_ERROR with an error. */
GstFlowReturn gst_shrbuf_screen_show (GstShrbufScreen * screen,
    GstBuffer * buffer, GError ** error);
void gst_shrbuf_screen_set_flushing (GstShrbufScreen * screen,
    gboolean flushing);

G_END_DECLS

#endif
