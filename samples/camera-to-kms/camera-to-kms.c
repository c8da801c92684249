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

#include <stdio.h>

#include "common.h"
#include "negotiate.h"
#include "show.h"

#define NONE		(-1)
#define MAX_DROPS	200

struct program {
	struct show show;
	/* for each buffer of the camera */
	uint32_t fbs[CAMERA_BUFFERS];
	/* indices of buffers, see above */
	int newest, coming, shown;
	unsigned long dropped;
	/* since the last flip */
	unsigned int drops;
};

/* Each buffer is imported once, before the first frame, and not again for each frame. */
static int import_buffers(struct program *p)
{
	struct camera *cam = &p->show.cam;
	struct layout layout;
	unsigned int i;

	format_layout(cam->format, cam->bytesperline, cam->height, &layout);
	for (i = 0; i < cam->nr_buffers; i++)
		if (display_import(&p->show.display, cam->dmabufs[i], cam->format, cam->width,
				   cam->height, &layout, &p->fbs[i]))
			return -1;
	return 0;
}

/* One flip at a time: the display would refuse a second one. */
static int show_newest(struct program *p)
{
	const struct camera *cam = &p->show.cam;
	struct display *d = &p->show.display;

	if (p->newest == NONE || d->pending)
		return 0;
	if (display_show(d, p->fbs[p->newest], cam->width, cam->height))
		return -1;
	p->coming = p->newest;
	p->newest = NONE;
	p->drops = 0;
	return 0;
}

static int frame_arrived(struct program *p)
{
	int index = camera_take(&p->show.cam);

	if (index == CAMERA_NOTHING)
		return 0;
	if (index < 0)
		return -1;
	p->show.captured++;
	/* The camera is faster than the display: an old frame is not worth waiting for. */
	if (p->newest != NONE) {
		if (camera_give_back(&p->show.cam, p->newest))
			return -1;
		p->dropped++;
		if (++p->drops > MAX_DROPS)
			return complain(SEE_KERNEL_LOG,
					"%s does not finish its flips.", p->show.display.path);
	}
	p->newest = index;
	return show_newest(p);
}

static int flip_ended(struct program *p)
{
	if (display_read_events(&p->show.display))
		return -1;
	if (p->show.display.pending)
		return 0;
	p->show.flips++;
	/* Only now nobody looks at the old one any more. */
	if (p->shown != NONE && camera_give_back(&p->show.cam, p->shown))
		return -1;
	p->shown = p->coming;
	p->coming = NONE;
	return show_is_enough(&p->show) ? 0 : show_newest(p);
}

static int ready(void *program, bool camera, bool display)
{
	struct program *p = program;

	/* First the display: it may make room for the frame. */
	if (display && flip_ended(p))
		return -1;
	return camera ? frame_arrived(p) : 0;
}

static int start(struct program *p)
{
	struct display *d = &p->show.display;
	struct camera *cam = &p->show.cam;

	if (show_open(&p->show))
		return -1;
	camera_share(cam);
	if (negotiate(cam, d, &p->show.options) ||
	    camera_start(cam) ||
	    import_buffers(p))
		return -1;
	printf("%s: %ux%u %s, %u buffers, on %s.\n", cam->path, cam->width, cam->height,
	       fourcc_text(cam->format->v4l2), cam->nr_buffers, d->path);
	/* for those who read this through a pipe */
	fflush(stdout);
	return 0;
}

static void stop(struct program *p)
{
	unsigned int i;

	/* Removing the framebuffer that is shown would switch the screen off. */
	display_restore(&p->show.display);
	for (i = 0; i < CAMERA_BUFFERS; i++)
		if (p->fbs[i])
			drmModeRmFB(p->show.display.fd, p->fbs[i]);
	show_close(&p->show);
}

int main(int argc, char **argv)
{
	struct program p = {
		.show = SHOW_CLOSED,
		.newest = NONE, .coming = NONE, .shown = NONE,
	};
	int ret;

	options_parse(&p.show.options, argc, argv, "Shows a camera on a display without a copy.");
	ret = start(&p);
	if (!ret) {
		ret = show_run(&p.show, ready, &p);
		printf("%lu frames captured, %lu shown, %lu dropped, in %.1f s.\n",
		       p.show.captured, p.show.flips, p.dropped, show_seconds(&p.show));
	}
	stop(&p);
	return ret ? 1 : 0;
}
