/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the samples of libdrm_fusion share: the command line, and children that join the
 * world of their parent. Functions that can fail return -1 after they have said why.
 */
#ifndef _SAMPLES_FUSION_FAMILY_H
#define _SAMPLES_FUSION_FAMILY_H

#include <stdint.h>

#include <libdrm_fusion.h>

#include "common.h"

#define MAX_PROCESSES	32

/* No healthy program is silent as long as this, in seconds. */
#define PATIENCE	60

struct family {
	unsigned int processes;	/* -n */
	unsigned int count;	/* -c */
	unsigned int kill;	/* -k, zero for nobody */
	const char *video;	/* -V, or NULL if the program has no camera */
	unsigned int running;
};

/* the lines of the help that each program has of its own */
struct family_help {
	const char *purpose, *processes, *count, *kill;
};

/* Changes @family, which has the defaults, or ends the program. */
void family_parse(struct family *family, int argc, char **argv, const struct family_help *help);

/* the time in so many seconds, as libdrm_fusion wants it */
int64_t seconds_from_now(unsigned int seconds);

/* What a child does. It has joined as @fusion, and is number 1, 2 and so on. */
typedef int family_child(struct fusion *fusion, unsigned int number, void *arg);

/* Forks @children processes that join the world of @fusion. */
int family_start(struct family *family, struct fusion *fusion, unsigned int children,
		 family_child *child, void *arg);

/* Waits for all of them. -1 if one has failed; one that was killed did what it should. */
int family_wait(struct family *family);

#endif /* _SAMPLES_FUSION_FAMILY_H */
