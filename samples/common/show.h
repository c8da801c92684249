/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A camera, a display, and the wait for both. The order of calls:
 *
 *	options_parse, show_open, ..., show_run, display_restore, show_close
 */
#ifndef _SAMPLES_SHOW_H
#define _SAMPLES_SHOW_H

#include <stdbool.h>
#include <time.h>

#include "camera.h"
#include "display.h"
#include "options.h"

struct show {
	struct options options;
	struct camera cam;
	struct display display;
	int signals;
	/* frames of the camera, and flips of the display, which the program counts */
	unsigned long captured, flips;
	struct timespec start;
};

#define SHOW_CLOSED	{ .cam.fd = -1, .display.fd = -1, .signals = -1 }

/* opens the display and the camera of the options, and catches signals */
int show_open(struct show *s);

/*
 * Calls @ready with @program when the camera has a frame or the display an event, until it
 * returns -1, there were as many flips as the options say, or a signal has come.
 */
int show_run(struct show *s, int (*ready)(void *program, bool camera, bool display),
	     void *program);
bool show_is_enough(const struct show *s);
/* since show_run() began */
double show_seconds(const struct show *s);

/* SHOW_CLOSED before show_open() makes this always safe. */
void show_close(struct show *s);

#endif /* _SAMPLES_SHOW_H */
