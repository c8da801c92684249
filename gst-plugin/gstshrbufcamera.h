/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a camera can do, as caps.
 */
#ifndef _GST_SHRBUF_CAMERA_H
#define _GST_SHRBUF_CAMERA_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* File descriptor, or -1 with an error that says what to do. */
gint gst_shrbuf_camera_open (const gchar * path, GError ** error);
/* All raw formats with their sizes and rates, the format that is set first. */
GstCaps *gst_shrbuf_camera_get_caps (gint fd);
/* The size and rate that are set. Zero if they are not known. */
void gst_shrbuf_camera_get_current (gint fd, gint * width, gint * height,
    gint * fps_n, gint * fps_d);
/* FALSE if the camera has taken something else. */
gboolean gst_shrbuf_camera_set_caps (gint fd, const GstCaps * fixed);

G_END_DECLS

#endif
