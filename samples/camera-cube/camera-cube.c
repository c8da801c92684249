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

#include <stdio.h>

#include "common.h"
#include "cube.h"
#include "gpu.h"
#include "show.h"

#define NONE		(-1)

struct program {
	struct show show;
	struct gpu gpu;
	/* for each buffer of the camera */
	EGLImageKHR images[CAMERA_BUFFERS];
	/* indices of buffers, see above */
	int newest, worn;
	/* frames that were on the cube */
	unsigned long used;
};

/* The mode that was asked for, else the one that the screen likes best. */
static int choose_mode(struct program *p)
{
	const struct options *options = &p->show.options;
	struct display *d = &p->show.display;

	d->mode = 0;
	if (options->width)
		d->mode = display_find_mode(d, options->width, options->height);
	if (d->mode < 0)
		return complain("Choose another size with -s, or leave -s out.",
				"The screen of %s has no mode of %ux%u.",
				d->path, options->width, options->height);
	return 0;
}

/* A format that the camera has and the GPU reads, in about the size of the screen. */
static int choose_format(struct program *p)
{
	const drmModeModeInfo *mode = &p->show.display.connector->modes[p->show.display.mode];
	uint32_t width = mode->hdisplay, height = mode->vdisplay;
	uint32_t fourcc = p->show.options.fourcc;
	struct camera *cam = &p->show.cam;
	const struct format *format;

	for (format = formats; format->planes; format++)
		if ((!fourcc || fourcc == format->v4l2) && gpu_takes(&p->gpu, format->drm) &&
		    camera_has_format(cam, format->v4l2) &&
		    camera_try_size(cam, format, &width, &height))
			return camera_set_format(cam, format, width, height);
	if (fourcc && !camera_has_format(cam, fourcc))
		return complain("Choose one with -f, or leave -f out.",
				"%s has no format '%s', it has: %s.",
				cam->path, fourcc_text(fourcc), camera_formats(cam));
	return complain("Choose one with -f, or use another camera.",
			"The GL driver reads no format that was asked for. The camera has: %s; the driver (names of DRM): %s.",
			camera_formats(cam), gpu_formats(&p->gpu));
}

static int import_buffers(struct program *p)
{
	struct camera *cam = &p->show.cam;
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
		if (p->worn != NONE && camera_give_back(&p->show.cam, p->worn))
			return -1;
		p->worn = p->newest;
		p->newest = NONE;
		p->used++;
		gpu_use_image(p->images[p->worn]);
	}
	cube_draw(show_seconds(&p->show));
	return gpu_show(&p->gpu);
}

static int frame_arrived(struct program *p)
{
	int index = camera_take(&p->show.cam);

	if (index == CAMERA_NOTHING)
		return 0;
	if (index < 0)
		return -1;
	p->show.captured++;
	/* It was never drawn, so nobody reads it. */
	if (p->newest != NONE && camera_give_back(&p->show.cam, p->newest))
		return -1;
	p->newest = index;
	/* The first one starts the turning. */
	return p->worn == NONE && !p->show.display.pending ? draw(p) : 0;
}

static int flip_ended(struct program *p)
{
	if (display_read_events(&p->show.display))
		return -1;
	if (p->show.display.pending)
		return 0;
	p->show.flips++;
	gpu_flip_ended(&p->gpu);
	return show_is_enough(&p->show) ? 0 : draw(p);
}

static int ready(void *program, bool camera, bool display)
{
	struct program *p = program;

	/* First the camera: the next drawing shall have the newest frame. */
	if (camera && frame_arrived(p))
		return -1;
	return display ? flip_ended(p) : 0;
}

static int start(struct program *p)
{
	struct display *d = &p->show.display;
	struct camera *cam = &p->show.cam;
	const drmModeModeInfo *mode;

	if (show_open(&p->show) ||
	    choose_mode(p) ||
	    gpu_open(&p->gpu, d))
		return -1;
	mode = &d->connector->modes[d->mode];
	camera_share(cam);
	if (cube_init(mode->hdisplay, mode->vdisplay) ||
	    choose_format(p) ||
	    camera_start(cam) ||
	    import_buffers(p))
		return -1;
	printf("%s: %ux%u %s, %u buffers, read by %s, on %s (%ux%u).\n", cam->path,
	       cam->width, cam->height, fourcc_text(cam->format->v4l2), cam->nr_buffers,
	       glGetString(GL_RENDERER), d->path, mode->hdisplay, mode->vdisplay);
	fflush(stdout);
	return 0;
}

static void stop(struct program *p)
{
	unsigned int i;

	display_restore(&p->show.display);
	for (i = 0; i < CAMERA_BUFFERS; i++)
		if (p->images[i] != EGL_NO_IMAGE_KHR)
			gpu_drop_image(&p->gpu, p->images[i]);
	gpu_close(&p->gpu);
	show_close(&p->show);
}

int main(int argc, char **argv)
{
	struct program p = {
		.show = SHOW_CLOSED,
		.newest = NONE, .worn = NONE,
	};
	int ret;

	options_parse(&p.show.options, argc, argv,
		      "Shows a camera on a turning cube, drawn by the GPU without a copy.");
	ret = start(&p);
	if (!ret) {
		ret = show_run(&p.show, ready, &p);
		printf("%lu frames captured, %lu drawn, %lu pictures shown, in %.1f s.\n",
		       p.show.captured, p.used, p.show.flips, show_seconds(&p.show));
	}
	stop(&p);
	return ret ? 1 : 0;
}
