// SPDX-License-Identifier: GPL-2.0
/*
 * A camera on a display, without a copy.
 *
 *	camera --VIDIOC_DQBUF--> newest --commit--> coming --flip--> shown --VIDIOC_QBUF--> camera
 *
 * Each buffer is in one of these places, and moves on when poll() says that the camera has
 * filled one or the display has flipped. What the display shows, or is about to show, is
 * never given back to the camera: it would be overwritten in the midst of it.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "camera.h"
#include "common.h"
#include "display.h"
#include "negotiate.h"
#include "options.h"

#define NONE		(-1)
/* Slower cameras are broken ones. */
#define TIMEOUT_MS	10000
#define MAX_DROPS	200

struct program {
	struct options options;
	struct camera cam;
	struct display display;
	int signals;
	/* for each buffer of the camera */
	uint32_t fbs[CAMERA_BUFFERS];
	/* indices of buffers, see above */
	int newest, coming, shown;
	unsigned long captured, flips, dropped;
	/* since the last flip */
	unsigned int drops;
};

/* Each buffer is imported once, before the first frame, and not again for each frame. */
static int import_buffers(struct program *p)
{
	struct camera *cam = &p->cam;
	struct layout layout;
	unsigned int i;

	format_layout(cam->format, cam->bytesperline, cam->height, &layout);
	for (i = 0; i < cam->nr_buffers; i++)
		if (display_import(&p->display, cam->dmabufs[i], cam->format, cam->width,
				   cam->height, &layout, &p->fbs[i]))
			return -1;
	return 0;
}

/* One flip at a time: the display would refuse a second one. */
static int show_newest(struct program *p)
{
	if (p->newest == NONE || p->display.pending)
		return 0;
	if (display_show(&p->display, p->fbs[p->newest], p->cam.width, p->cam.height))
		return -1;
	p->coming = p->newest;
	p->newest = NONE;
	p->drops = 0;
	return 0;
}

static int frame_arrived(struct program *p)
{
	int index = camera_take(&p->cam);

	if (index == CAMERA_NOTHING)
		return 0;
	if (index < 0)
		return -1;
	p->captured++;
	/* The camera is faster than the display: an old frame is not worth waiting for. */
	if (p->newest != NONE) {
		if (camera_give_back(&p->cam, p->newest))
			return -1;
		p->dropped++;
		if (++p->drops > MAX_DROPS)
			return complain(SEE_KERNEL_LOG,
					"%s does not finish its flips.", p->display.path);
	}
	p->newest = index;
	return show_newest(p);
}

static bool is_enough(const struct program *p)
{
	return p->options.count && p->flips >= p->options.count;
}

static int flip_ended(struct program *p)
{
	if (display_read_events(&p->display))
		return -1;
	if (p->display.pending)
		return 0;
	p->flips++;
	/* Only now nobody looks at the old one any more. */
	if (p->shown != NONE && camera_give_back(&p->cam, p->shown))
		return -1;
	p->shown = p->coming;
	p->coming = NONE;
	return is_enough(p) ? 0 : show_newest(p);
}

static int run(struct program *p)
{
	struct pollfd fds[] = {
		{ .fd = p->cam.fd, .events = POLLIN },
		{ .fd = p->display.fd, .events = POLLIN },
		{ .fd = p->signals, .events = POLLIN },
	};

	while (!is_enough(p)) {
		int ready = poll(fds, ARRAY_SIZE(fds), TIMEOUT_MS);

		if (ready < 0 && errno != EINTR)
			return complain("Report this.", "poll: %s.", strerror(errno));
		if (!ready)
			return complain("Check its cable and its input, see: v4l2-ctl --all.",
					"%s gives no frames.", p->cam.path);
		if (fds[2].revents)
			return 0;
		/* First the display: it may make room for the frame. */
		if (fds[1].revents && flip_ended(p))
			return -1;
		/* also for POLLERR: the call returns the reason */
		if (fds[0].revents && frame_arrived(p))
			return -1;
	}
	return 0;
}

static int start(struct program *p)
{
	p->signals = signals_open();
	if (p->signals < 0 ||
	    display_open(&p->display, p->options.display) ||
	    camera_open(&p->cam, p->options.video))
		return -1;
	camera_share(&p->cam);
	if (negotiate(&p->cam, &p->display, &p->options) ||
	    camera_start(&p->cam) ||
	    import_buffers(p))
		return -1;
	printf("%s: %ux%u %s, %u buffers, on %s.\n", p->cam.path, p->cam.width,
	       p->cam.height, fourcc_text(p->cam.format->v4l2), p->cam.nr_buffers,
	       p->display.path);
	/* for those who read this through a pipe */
	fflush(stdout);
	return 0;
}

static void stop(struct program *p)
{
	unsigned int i;

	/* Removing the framebuffer that is shown would switch the screen off. */
	display_restore(&p->display);
	for (i = 0; i < CAMERA_BUFFERS; i++)
		if (p->fbs[i])
			drmModeRmFB(p->display.fd, p->fbs[i]);
	camera_close(&p->cam);
	display_close(&p->display);
	if (p->signals >= 0)
		close(p->signals);
}

int main(int argc, char **argv)
{
	struct program p = {
		.cam.fd = -1, .display.fd = -1, .signals = -1,
		.newest = NONE, .coming = NONE, .shown = NONE,
	};
	struct timespec from, to;
	int ret;

	options_parse(&p.options, argc, argv, "Shows a camera on a display without a copy.");
	ret = start(&p);
	if (!ret) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		ret = run(&p);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%lu frames captured, %lu shown, %lu dropped, in %.1f s.\n", p.captured,
		       p.flips, p.dropped,
		       to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
	}
	stop(&p);
	return ret ? 1 : 0;
}
