/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A display for tests of elements that show something: 640x480, black, and no master.
 */
#ifndef _TESTS_GST_SCREEN_H
#define _TESTS_GST_SCREEN_H

#include <gst/video/video.h>

#define SCREEN_WIDTH 640
#define SCREEN_HEIGHT 480

typedef struct
{
  gint fd;
  guint32 connector;
  guint32 crtc;
  guint32 primary;              /* plane */
  guint32 black;                /* framebuffer */
  guint8 *pixels;               /* of the reference picture, XRGB8888 */
  guint32 pitch;
  guint32 reference;            /* its framebuffer */
} Screen;

/* FALSE if there is no display of this driver. Keep it open while others use the display:
 * vkms may lock up the machine when it is switched off, see tests/api/test-flip.c. */
gboolean screen_open (Screen * screen, const gchar * driver);
/* Framebuffer on the plane that is in front of the others. */
guint32 screen_shows (Screen * screen);
/* Checksum of what vkms shows from now on. */
guint32 screen_crc (Screen * screen);
/* Checksum of a picture in black, at this place. */
guint32 screen_reference_crc (Screen * screen, GstVideoFrame * frame,
    gint x, gint y);

#endif
