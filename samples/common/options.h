/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line, which is the same for all samples.
 */
#ifndef _SAMPLES_OPTIONS_H
#define _SAMPLES_OPTIONS_H

#include <stdint.h>

struct options {
	const char *display;	/* -D */
	const char *video;	/* -V */
	unsigned long count;	/* -c, 0 is without end */
	uint32_t fourcc;	/* -f, 0 is any */
	uint32_t width, height;	/* -s, 0 is any */
};

/* Fills in @options, or ends the program: -h with status 0, a wrong option with 2. */
void options_parse(struct options *options, int argc, char **argv, const char *purpose);

#endif /* _SAMPLES_OPTIONS_H */
