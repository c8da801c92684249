// SPDX-License-Identifier: GPL-2.0
/*
 * A moving test picture, see picture.h. Drawing a frame is one memcpy() for each line,
 * so that also a slow machine reaches the rate of a camera.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/videodev2.h>

#include "picture.h"

#define STEP	4	/* pixels that the bars move with each frame, must be even */

/* Y, Cb, Cr of BT.601 and R, G, B of the same colours */
static const struct colour {
	uint8_t y, cb, cr;
	uint8_t r, g, b;
} bars[] = {
	{ 180, 128, 128, 191, 191, 191 },
	{ 162,  44, 142, 191, 191,   0 },
	{ 131, 156,  44,   0, 191, 191 },
	{ 112,  72,  58,   0, 191,   0 },
	{  84, 184, 198, 191,   0, 191 },
	{  65, 100, 212, 191,   0,   0 },
	{  35, 212, 114,   0,   0, 191 },
	{  16, 128, 128,   0,   0,   0 },
};

static const struct colour white = { 235, 128, 128, 255, 255, 255 };
static const struct colour black = { 16, 128, 128, 0, 0, 0 };

#define NR_BARS	(sizeof(bars) / sizeof(bars[0]))

static void put_pixel(const struct picture *pic, uint8_t *line, unsigned int x,
		      const struct colour *c)
{
	uint8_t *p = line + x * pic->pixel;

	if (pic->fourcc == V4L2_PIX_FMT_YUYV) {
		p[0] = c->y;
		p[1] = x % 2 ? c->cr : c->cb;
	} else {
		p[0] = c->b;
		p[1] = c->g;
		p[2] = c->r;
		p[3] = 0xff;
	}
}

static uint8_t add(uint8_t value, int more)
{
	int sum = value + more;

	return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

void picture_set_brightness(struct picture *pic, int brightness)
{
	struct colour c;
	unsigned int x;

	for (x = 0; x < 2 * pic->width; x++) {
		c = bars[x / (pic->width / NR_BARS) % NR_BARS];
		c.y = add(c.y, brightness);
		c.r = add(c.r, brightness);
		c.g = add(c.g, brightness);
		c.b = add(c.b, brightness);
		put_pixel(pic, pic->line, x, &c);
	}
}

/* Green will do for the brightness of black and white. */
static uint8_t brightness(const struct picture *pic, const uint8_t *line, unsigned int x)
{
	return line[x * pic->pixel + (pic->fourcc == V4L2_PIX_FMT_YUYV ? 0 : 1)];
}

int picture_init(struct picture *pic, uint32_t fourcc, unsigned int width,
		 unsigned int height)
{
	if (fourcc != V4L2_PIX_FMT_YUYV && fourcc != V4L2_PIX_FMT_XBGR32)
		return -EINVAL;
	if (width % (2 * NR_BARS) || width < PICTURE_BITS * PICTURE_BLOCK ||
	    height < PICTURE_BLOCK)
		return -EINVAL;
	pic->fourcc = fourcc;
	pic->width = width;
	pic->height = height;
	pic->pixel = fourcc == V4L2_PIX_FMT_YUYV ? 2 : 4;
	pic->stride = (size_t)width * pic->pixel;
	pic->line = malloc(2 * pic->stride);
	if (!pic->line)
		return -ENOMEM;
	picture_set_brightness(pic, 0);
	return 0;
}

void picture_free(struct picture *pic)
{
	free(pic->line);
	pic->line = NULL;
}

size_t picture_size(const struct picture *pic)
{
	return pic->stride * pic->height;
}

void picture_draw(const struct picture *pic, uint8_t *frame, unsigned int number)
{
	const uint8_t *line = pic->line + number * STEP % pic->width * pic->pixel;
	unsigned int x, y;

	for (y = 0; y < pic->height; y++)
		memcpy(frame + y * pic->stride, line, pic->stride);
	for (x = 0; x < PICTURE_BITS * PICTURE_BLOCK; x++)
		put_pixel(pic, frame, x,
			  number >> x / PICTURE_BLOCK & 1 ? &white : &black);
	for (y = 1; y < PICTURE_BLOCK; y++)
		memcpy(frame + y * pic->stride, frame,
		       (size_t)PICTURE_BITS * PICTURE_BLOCK * pic->pixel);
}

int picture_number(const struct picture *pic, const uint8_t *frame)
{
	unsigned int bit, x, number = 0;
	uint8_t level;

	for (bit = 0; bit < PICTURE_BITS; bit++) {
		x = bit * PICTURE_BLOCK;
		level = brightness(pic, frame, x);
		/* all of a block is the same */
		if (level != brightness(pic, frame + (PICTURE_BLOCK - 1) * pic->stride,
					x + PICTURE_BLOCK - 1))
			return -1;
		if (level > 200)
			number |= 1U << bit;
		else if (level > 50)
			return -1;
	}
	return number;
}
