/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the publisher of fusion-camera tells the viewers, and the viewer.
 */
#ifndef _SAMPLES_FUSION_VIEWER_H
#define _SAMPLES_FUSION_VIEWER_H

#include <stdint.h>

#include "family.h"

/* of the reactor */
#define FRAMES	0

/* A message of the reactor: there is a frame in this buffer. */
struct frame {
	uint32_t buffer;	/* number in the world */
	uint32_t index;		/* below CAMERA_BUFFERS */
	uint32_t bytes;		/* of the picture */
};

/* kind of the message by which a viewer says that it listens */
#define READY	1

struct viewer_args {
	const struct family *family;
	uint32_t reactor;
};

/* A child that looks at all frames until the world ends. */
int view(struct fusion *fusion, unsigned int number, void *args);

#endif /* _SAMPLES_FUSION_VIEWER_H */
