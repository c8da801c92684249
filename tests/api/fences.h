/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fences of frames to come: the sync_file of a buffer, and the test camera with fences.
 */
#ifndef _TESTS_API_FENCES_H
#define _TESTS_API_FENCES_H

#include "requests.h"
#include "testcam.h"

#define PENDING	0	/* status of a sync_file, 1 is a frame, negative an error */
#define FRAME	1

/* what a reader of the buffer has to wait for, as a sync_file; closed after the test */
int sync_of(int fd);
int status_of(int sync);
/* waits for the end of the fence, and closes the sync_file */
int end_of(int sync);
/* a reader of the buffer has to wait */
bool is_pending(int fd);
/* what poll() says of a buffer or a sync_file at once */
bool is_readable(int fd);

/* the test camera with fences and two exported buffers */
void camera_with_fences(struct camera *cam, uint32_t fence_ms, int fds[2]);
/* the same, both buffers are queued, and the stream runs */
void camera_streaming(struct camera *cam, uint32_t fence_ms, int fds[2]);

#endif /* _TESTS_API_FENCES_H */
