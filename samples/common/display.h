/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A display by atomic KMS: one connector, one CRTC, and its primary plane. The order of
 * calls:
 *
 *	display_open, display_takes..., display_choose_mode, display_import...,
 *	display_show and display_read_events, display_close
 *
 * A framebuffer belongs to the display from display_show() on, until the flip to the
 * *next* one is complete. Before that its buffer must not be written.
 */
#ifndef _SAMPLES_DISPLAY_H
#define _SAMPLES_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <xf86drmMode.h>

#include "formats.h"

/* what a picture on the display is made of, see display.c */
#define DISPLAY_PROPERTIES	13

struct display_property {
	uint32_t object, id;
	/* what it was before us */
	uint64_t saved;
};

struct display {
	const char *path;
	int fd;
	drmModeConnector *connector;
	uint32_t crtc, plane;
	drmModePlane *plane_info;
	struct display_property properties[DISPLAY_PROPERTIES];
	/* index in connector->modes */
	int mode;
	/* We have changed something. */
	bool on;
	/* The flip to a picture is under way. */
	bool pending;
};

int display_open(struct display *d, const char *path);
bool display_takes(const struct display *d, uint32_t fourcc);
/* all formats of the plane as text, for sentences; static storage */
const char *display_formats(const struct display *d);
/* the first mode of this size, -1 if there is none */
int display_find_mode(const struct display *d, uint32_t width, uint32_t height);

/* Makes a framebuffer of a dma-buf. It ends with drmModeRmFB(d->fd, *fb). */
int display_import(struct display *d, int dmabuf, const struct format *format,
		   uint32_t width, uint32_t height, const struct layout *layout,
		   uint32_t *fb);

/* Starts a flip. d->pending is true until display_read_events() has seen its end. */
int display_show(struct display *d, uint32_t fb, uint32_t width, uint32_t height);
int display_read_events(struct display *d);

/* Waits for the flip, and puts back what was there. Before framebuffers are removed. */
void display_restore(struct display *d);
/* d->fd = -1 before display_open() makes this always safe. */
void display_close(struct display *d);

#endif /* _SAMPLES_DISPLAY_H */
