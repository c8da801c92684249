// SPDX-License-Identifier: GPL-2.0
/*
 * A camera, a display, and the wait for both, see show.h.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "show.h"

/* Slower cameras are broken ones. */
#define TIMEOUT_MS	10000

int show_open(struct show *s)
{
	s->signals = signals_open();
	if (s->signals < 0 ||
	    display_open(&s->display, s->options.display) ||
	    camera_open(&s->cam, s->options.video))
		return -1;
	return 0;
}

bool show_is_enough(const struct show *s)
{
	return s->options.count && s->flips >= s->options.count;
}

int show_run(struct show *s, int (*ready)(void *program, bool camera, bool display),
	     void *program)
{
	struct pollfd fds[] = {
		{ .fd = s->cam.fd, .events = POLLIN },
		{ .fd = s->display.fd, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};

	clock_gettime(CLOCK_MONOTONIC, &s->start);
	while (!show_is_enough(s)) {
		int n = poll(fds, ARRAY_SIZE(fds), TIMEOUT_MS);

		if (n < 0 && errno != EINTR)
			return complain("Report this.", "poll: %s.", strerror(errno));
		if (!n)
			return complain("Check its cable and its input, see: v4l2-ctl --all.",
					"%s gives no frames.", s->cam.path);
		if (fds[2].revents)
			return 0;
		/* also for POLLERR: the call returns the reason */
		if (ready(program, fds[0].revents, fds[1].revents))
			return -1;
	}
	return 0;
}

double show_seconds(const struct show *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - s->start.tv_sec + (now.tv_nsec - s->start.tv_nsec) / 1e9;
}

void show_close(struct show *s)
{
	camera_close(&s->cam);
	display_close(&s->display);
	if (s->signals >= 0)
		close(s->signals);
}
