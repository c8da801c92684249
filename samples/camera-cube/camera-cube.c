// SPDX-License-Identifier: GPL-2.0
/*
 * A camera on the faces of a turning cube, without a copy.
 *
 * The buffers of the camera are textures. The cube turns at the speed of the display and
 * always wears the newest frame:
 *
 *	camera --VIDIOC_DQBUF--> newest --draw--> worn --VIDIOC_QBUF--> camera
 *
 * The worn frame may go back when the GPU has read it for the last time. No fence is asked
 * for that: a flip ends only after the drawing that it shows, and the next drawing begins
 * only after the flip.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "camera.h"
#include "common.h"
#include "cube.h"
#include "display.h"
#include "gpu.h"
#include "options.h"

#define NONE		(-1)
#define TIMEOUT_MS	10000

struct program {
	struct options options;
	struct camera cam;
	struct display display;
	struct gpu gpu;
	int signals;
	/* for each buffer of the camera */
	EGLImageKHR images[CAMERA_BUFFERS];
	/* indices of buffers, see above */
	int newest, worn;
	/* of the camera, that were on the cube, and pictures of the cube */
	unsigned long captured, used, flips;
	struct timespec start;
};

static float seconds(const struct program *p)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - p->start.tv_sec + (now.tv_nsec - p->start.tv_nsec) / 1e9f;
}

/* The mode that was asked for, else the one that the screen likes best. */
static int choose_mode(struct program *p)
{
	p->display.mode = 0;
	if (p->options.width)
		p->display.mode = display_find_mode(&p->display, p->options.width,
						    p->options.height);
	if (p->display.mode < 0)
		return complain("Choose another size with -s, or leave -s out.",
				"The screen of %s has no mode of %ux%u.",
				p->display.path, p->options.width, p->options.height);
	return 0;
}

/* A format that the camera has and the GPU reads, in about the size of the screen. */
static int choose_format(struct program *p)
{
	const drmModeModeInfo *mode = &p->display.connector->modes[p->display.mode];
	uint32_t width = mode->hdisplay, height = mode->vdisplay;
	uint32_t fourcc = p->options.fourcc;
	const struct format *format;

	for (format = formats; format->planes; format++)
		if ((!fourcc || fourcc == format->v4l2) && gpu_takes(&p->gpu, format->drm) &&
		    camera_has_format(&p->cam, format->v4l2) &&
		    camera_try_size(&p->cam, format, &width, &height))
			return camera_set_format(&p->cam, format, width, height);
	if (fourcc && !camera_has_format(&p->cam, fourcc))
		return complain("Choose one with -f, or leave -f out.",
				"%s has no format '%s', it has: %s.",
				p->cam.path, fourcc_text(fourcc), camera_formats(&p->cam));
	return complain("Choose one with -f, or use another camera.",
			"The GL driver reads no format that was asked for. The camera has: %s; the driver (names of DRM): %s.",
			camera_formats(&p->cam), gpu_formats(&p->gpu));
}

static int import_buffers(struct program *p)
{
	struct camera *cam = &p->cam;
	struct layout layout;
	unsigned int i;

	if (gpu_check_import(&p->gpu, cam->dmabufs[0]))
		return -1;
	format_layout(cam->format, cam->bytesperline, cam->height, &layout);
	for (i = 0; i < cam->nr_buffers; i++)
		if (gpu_import(&p->gpu, cam->dmabufs[i], cam->format, cam->width, cam->height,
			       &layout, &p->images[i]))
			return -1;
	return 0;
}

/* Only while no flip is pending. */
static int draw(struct program *p)
{
	if (p->newest != NONE) {
		if (p->worn != NONE && camera_give_back(&p->cam, p->worn))
			return -1;
		p->worn = p->newest;
		p->newest = NONE;
		p->used++;
		gpu_use_image(p->images[p->worn]);
	}
	cube_draw(seconds(p));
	return gpu_show(&p->gpu);
}

static int frame_arrived(struct program *p)
{
	int index = camera_take(&p->cam);

	if (index == CAMERA_NOTHING)
		return 0;
	if (index < 0)
		return -1;
	p->captured++;
	/* It was never drawn, so nobody reads it. */
	if (p->newest != NONE && camera_give_back(&p->cam, p->newest))
		return -1;
	p->newest = index;
	/* The first one starts the turning. */
	return p->worn == NONE && !p->display.pending ? draw(p) : 0;
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
	gpu_flip_ended(&p->gpu);
	return is_enough(p) ? 0 : draw(p);
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
		/* First the camera: the next drawing shall have the newest frame. */
		if (fds[0].revents && frame_arrived(p))
			return -1;
		if (fds[1].revents && flip_ended(p))
			return -1;
	}
	return 0;
}

static int start(struct program *p)
{
	const drmModeModeInfo *mode;

	p->signals = signals_open();
	if (p->signals < 0 ||
	    display_open(&p->display, p->options.display) ||
	    camera_open(&p->cam, p->options.video) ||
	    choose_mode(p) ||
	    gpu_open(&p->gpu, &p->display))
		return -1;
	mode = &p->display.connector->modes[p->display.mode];
	camera_share(&p->cam);
	if (cube_init(mode->hdisplay, mode->vdisplay) ||
	    choose_format(p) ||
	    camera_start(&p->cam) ||
	    import_buffers(p))
		return -1;
	printf("%s: %ux%u %s, %u buffers, read by %s, on %s (%ux%u).\n", p->cam.path,
	       p->cam.width, p->cam.height, fourcc_text(p->cam.format->v4l2),
	       p->cam.nr_buffers, glGetString(GL_RENDERER), p->display.path,
	       mode->hdisplay, mode->vdisplay);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &p->start);
	return 0;
}

static void stop(struct program *p)
{
	unsigned int i;

	display_restore(&p->display);
	for (i = 0; i < CAMERA_BUFFERS; i++)
		if (p->images[i] != EGL_NO_IMAGE_KHR)
			gpu_drop_image(&p->gpu, p->images[i]);
	gpu_close(&p->gpu);
	camera_close(&p->cam);
	display_close(&p->display);
	if (p->signals >= 0)
		close(p->signals);
}

int main(int argc, char **argv)
{
	struct program p = {
		.cam.fd = -1, .display.fd = -1, .signals = -1,
		.newest = NONE, .worn = NONE,
	};
	int ret;

	options_parse(&p.options, argc, argv,
		      "Shows a camera on a turning cube, drawn by the GPU without a copy.");
	ret = start(&p);
	if (!ret) {
		ret = run(&p);
		printf("%lu frames captured, %lu drawn, %lu pictures shown, in %.1f s.\n",
		       p.captured, p.used, p.flips, seconds(&p));
	}
	stop(&p);
	return ret ? 1 : 0;
}
