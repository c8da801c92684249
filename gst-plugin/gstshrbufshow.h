/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A camera on a display: what a route needs, found and opened.
 */
#ifndef _GST_SHRBUF_SHOW_H
#define _GST_SHRBUF_SHOW_H

#include <gst/gst.h>
#include <shrbuf.h>

G_BEGIN_DECLS

/*
 * A camera on a display.
 * @device: path of the camera
 * @driver_name: of the display, or NULL
 * @drm_device: path of the display, or NULL
 * @lease_fd: file of the display, or -1. Borrowed.
 * @display: what is wanted, and what it has become
 *
 * The rest is of gst_shrbuf_show_open(). gst_shrbuf_show_close() frees the names.
 */
typedef struct
{
  gchar *device;
  gchar *driver_name;
  gchar *drm_device;
  gint lease_fd;
  struct shrbuf_display display;

  gint shrbuf_fd;
  gint video_fd;
  gint drm_fd;
  gint route_fd;
  gboolean detach;
} GstShrbufShow;

/* Before all else. */
void gst_shrbuf_show_init (GstShrbufShow * show);
/* Makes a route that is not started. Caps that the camera is to have, or NULL. FALSE with
 * an error that says what to do, and nothing is open. */
gboolean gst_shrbuf_show_open (GstShrbufShow * show, const GstCaps * filter,
    GError ** error);
void gst_shrbuf_show_close (GstShrbufShow * show);

G_END_DECLS

#endif
