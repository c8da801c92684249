/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A camera whose buffers are shared. The order of calls:
 *
 *	camera_open, camera_share, camera_try..., camera_set_format, camera_start,
 *	camera_take and camera_give_back, camera_close
 *
 * A buffer belongs to the camera from camera_give_back() on, until camera_take() returns
 * its index. The program owns it in between, and its content does not change.
 */
#ifndef _SAMPLES_CAMERA_H
#define _SAMPLES_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/videodev2.h>

#include "formats.h"

/* on the display, on its way to it, the newest one, and two to fill meanwhile */
#define CAMERA_BUFFERS	5

struct camera {
	const char *path;
	int fd;
	enum v4l2_buf_type type;
	/* the format, after camera_set_format() */
	const struct format *format;
	uint32_t width, height, bytesperline;
	/* after camera_start(): the buffers as dma-bufs */
	unsigned int nr_buffers;
	int dmabufs[CAMERA_BUFFERS];
};

int camera_open(struct camera *cam, const char *path);

/* Makes the buffers shared buffers if that is possible, says if it is not. */
void camera_share(struct camera *cam);

bool camera_has_format(const struct camera *cam, uint32_t fourcc);
/* all formats as text, for sentences; static storage */
const char *camera_formats(const struct camera *cam);
/* What the camera makes of this size: *width and *height change. */
bool camera_try_size(const struct camera *cam, const struct format *format,
		     uint32_t *width, uint32_t *height);
int camera_set_format(struct camera *cam, const struct format *format, uint32_t width,
		      uint32_t height);

/* allocates and exports the buffers, gives all to the camera, and starts it */
int camera_start(struct camera *cam);
/* index of a filled buffer, CAMERA_NOTHING if there is none now, or -1 */
#define CAMERA_NOTHING	(-2)
int camera_take(struct camera *cam);
int camera_give_back(struct camera *cam, int index);

/* Stops it, too. cam->fd = -1 before camera_open() makes this always safe. */
void camera_close(struct camera *cam);

#endif /* _SAMPLES_CAMERA_H */
