/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A moving test picture: colour bars that scroll, and the number of the frame in a row
 * of black and white blocks, by which a receiver can tell frames apart.
 */
#ifndef _SAMPLES_UVC_GADGET_PICTURE_H
#define _SAMPLES_UVC_GADGET_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/* The number is in the upper left corner, its lowest bit first. */
#define PICTURE_BITS		16
#define PICTURE_BLOCK		16	/* pixels, in both directions */

struct picture {
	uint32_t fourcc;	/* V4L2_PIX_FMT_YUYV or V4L2_PIX_FMT_XBGR32 */
	unsigned int width;
	unsigned int height;
	size_t stride;
	unsigned int pixel;	/* bytes of one */
	uint8_t *line;		/* bars of twice the width */
};

/* 0, or a negative errno: -EINVAL for another format, or too small a picture */
int picture_init(struct picture *pic, uint32_t fourcc, unsigned int width,
		 unsigned int height);
/* from -128 to 127, of the bars only */
void picture_set_brightness(struct picture *pic, int brightness);
void picture_free(struct picture *pic);
size_t picture_size(const struct picture *pic);
void picture_draw(const struct picture *pic, uint8_t *frame, unsigned int number);
/* the number in a frame, or -1 if there is none or the blocks are torn */
int picture_number(const struct picture *pic, const uint8_t *frame);

#endif /* _SAMPLES_UVC_GADGET_PICTURE_H */
