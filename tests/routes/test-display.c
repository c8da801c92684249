// SPDX-License-Identifier: GPL-2.0
/*
 * The one call of the library that shows a camera on a display.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drmMode.h>

#include <shrbuf.h>

#include "routes.h"

static void plain_camera(struct camera *cam, uint32_t fourcc, unsigned int width,
			 unsigned int height)
{
	camera_open(cam, CAMERA_SINGLE);
	cam->fmt.fmt.pix.width = width;
	cam->fmt.fmt.pix.height = height;
	cam->fmt.fmt.pix.pixelformat = fourcc;
	cam->fmt.fmt.pix.bytesperline = 0;
	do_ioctl(cam->fd, VIDIOC_S_FMT, &cam->fmt);
	assert_int_equal(cam->fmt.fmt.pix.width, width);
	assert_int_equal(cam->fmt.fmt.pix.pixelformat, fourcc);
}

static void expect_shown(struct display *dsp, struct camera *cam,
			 struct shrbuf_display *shown)
{
	int route = shrbuf_route_to_display(shrbuf_dev(), cam->fd, dsp->fd, shown);

	if (route < 0)
		fail_msg("shrbuf_route_to_display: %s", strerror(-route));
	wait_shown(route, shown->sink, 10);
	assert_int_equal(stats(route, shown->sink).dropped_error, 0);
	assert_int_equal(shown->crtc_id, dsp->crtc);
	close(route);
	assert_int_equal(try_reqbufs(cam, V4L2_MEMORY_MMAP, 0), 0);
}

/* The camera's own format and size, on the plane that is made for it. */
static void as_it_is(void **state)
{
	struct shrbuf_display shown = { .end = SHRBUF_KMS_END_RESTORE };
	struct display dsp;
	struct camera cam;

	(void)state;
	display_open(&dsp, "vkms");
	plain_camera(&cam, V4L2_PIX_FMT_XBGR32, WIDTH, HEIGHT);
	expect_shown(&dsp, &cam, &shown);
	assert_int_equal(shown.fourcc, DRM_FORMAT_XRGB8888);
	assert_int_equal(shown.width, WIDTH);
	assert_int_equal(shown.height, HEIGHT);
	assert_int_equal(shown.plane_id, dsp.overlay ? dsp.overlay : dsp.plane);
}

/* The plane cannot show the format: one that both know is set. */
static void other_format(void **state)
{
	struct shrbuf_display shown = { .end = SHRBUF_KMS_END_RESTORE };
	struct display dsp;
	struct camera cam;

	(void)state;
	display_open(&dsp, "vkms");
	plain_camera(&cam, V4L2_PIX_FMT_YUYV, WIDTH, HEIGHT);
	expect_shown(&dsp, &cam, &shown);
	assert_int_equal(shown.fourcc, DRM_FORMAT_XRGB8888);
}

/* A camera whose format and rate are as they were before a call that failed. */
static void put_back(void **state)
{
	struct v4l2_streamparm parm = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.parm.capture.timeperframe = { 1, 60 },
	}, got = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct shrbuf_display shown = { 0 };
	struct v4l2_format fmt = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct display dsp;
	struct camera cam;

	(void)state;
	display_open(&dsp, "vkms");
	plain_camera(&cam, V4L2_PIX_FMT_XBGR32, 320, 180);
	do_ioctl(cam.fd, VIDIOC_S_PARM, &parm);
	shown.plane_id = dsp.plane;
	/* It fails at the end, when another size was set. */
	shown.priority = 100;
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown), -EINVAL);
	do_ioctl(cam.fd, VIDIOC_G_FMT, &fmt);
	assert_int_equal(fmt.fmt.pix.width, 320);
	assert_int_equal(fmt.fmt.pix.height, 180);
	do_ioctl(cam.fd, VIDIOC_G_PARM, &got);
	assert_int_equal(got.parm.capture.timeperframe.numerator,
			 parm.parm.capture.timeperframe.numerator);
	assert_int_equal(got.parm.capture.timeperframe.denominator,
			 parm.parm.capture.timeperframe.denominator);
}

/* The primary plane must cover all: the size is set, too. */
static void other_size(void **state)
{
	struct shrbuf_display shown = { .end = SHRBUF_KMS_END_RESTORE };
	struct display dsp;
	struct camera cam;

	(void)state;
	display_open(&dsp, "vkms");
	plain_camera(&cam, V4L2_PIX_FMT_XBGR32, 320, 180);
	shown.plane_id = dsp.plane;
	expect_shown(&dsp, &cam, &shown);
	assert_int_equal(shown.width, WIDTH);
	assert_int_equal(shown.height, HEIGHT);
	assert_int_equal(shown.plane_id, dsp.plane);
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
}

static void impossible(void **state)
{
	struct shrbuf_display shown = { 0 };
	struct display dsp;
	struct camera cam;
	int other;

	(void)state;
	display_open(&dsp, "vkms");
	plain_camera(&cam, V4L2_PIX_FMT_XBGR32, WIDTH, HEIGHT);
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), dsp.fd, dsp.fd, &shown), -EINVAL);
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, cam.fd, &shown), -EINVAL);
	other = do_open(display_path("vkms"), O_RDWR);
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, other, &shown), -EACCES);
	close(other);
	display_off(&dsp);
	memset(&shown, 0, sizeof(shown));
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown), -ENXIO);
	/* nothing is left behind: the camera can be used */
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	camera_run(&cam, 4);
}

/* Overlays first, only those that nobody uses, only those with the format. */
static void planes(void **state)
{
	uint32_t found[32] = { 0 };
	struct display dsp;
	int nr, null;

	(void)state;
	display_open(&dsp, "vkms");
	nr = shrbuf_display_planes(dsp.fd, dsp.crtc, DRM_FORMAT_XRGB8888, found, 32);
	assert_true(nr >= (dsp.overlay ? 2 : 1));
	assert_int_equal(found[0], dsp.overlay ? dsp.overlay : dsp.plane);
	assert_int_equal(found[nr - 1], dsp.plane);
	assert_int_equal(shrbuf_display_planes(dsp.fd, dsp.crtc, 0, found, 1), 1);
	assert_int_equal(shrbuf_display_planes(dsp.fd, dsp.crtc, DRM_FORMAT_YUYV, found, 32), 0);
	if (dsp.overlay) {
		assert_int_equal(drmModeSetPlane(dsp.fd, dsp.overlay, dsp.crtc, dsp.black, 0, 0, 0,
						 WIDTH, HEIGHT, 0, 0, WIDTH << 16,
						 HEIGHT << 16), 0);
		assert_int_equal(shrbuf_display_planes(dsp.fd, dsp.crtc, 0, found, 32), nr - 1);
		assert_int_not_equal(found[0], dsp.overlay);
		assert_int_equal(drmModeSetPlane(dsp.fd, dsp.overlay, 0, 0, 0, 0, 0, 0, 0, 0, 0,
						 0, 0), 0);
	}
	assert_int_equal(shrbuf_display_planes(dsp.fd, 12345, 0, found, 32), -ENOENT);
	null = do_open("/dev/null", O_RDWR);
	assert_int_equal(shrbuf_display_planes(null, dsp.crtc, 0, found, 32), -EINVAL);
}

/* Where the overlay is, as its properties say. */
static void expect_place(struct display *dsp, uint64_t x, uint64_t y, uint64_t w, uint64_t h)
{
	const struct {
		const char *name;
		uint64_t value;
	} wanted[] = {
		{ "CRTC_X", x }, { "CRTC_Y", y }, { "CRTC_W", w }, { "CRTC_H", h },
	};
	drmModeObjectPropertiesPtr props = drmModeObjectGetProperties(dsp->fd, dsp->overlay,
								      DRM_MODE_OBJECT_PLANE);
	unsigned int i, j, found = 0;

	assert_non_null(props);
	for (i = 0; i < props->count_props; i++) {
		drmModePropertyPtr prop = drmModeGetProperty(dsp->fd, props->props[i]);

		assert_non_null(prop);
		for (j = 0; j < 4; j++) {
			if (strcmp(prop->name, wanted[j].name))
				continue;
			assert_int_equal(props->prop_values[i], wanted[j].value);
			found++;
		}
		drmModeFreeProperty(prop);
	}
	assert_int_equal(found, 4);
	drmModeFreeObjectProperties(props);
}

/* Part of a display, no other format, and no frame before the start. */
static void as_it_is_wanted(void **state)
{
	struct shrbuf_display shown = {
		.end = SHRBUF_KMS_END_RESTORE,
		.flags = SHRBUF_DISPLAY_KEEP_FORMAT | SHRBUF_DISPLAY_STOPPED,
		.box = { .x = 320, .y = 240, .width = 320, .height = 240 },
	};
	struct display dsp;
	struct camera cam;
	int route;

	(void)state;
	display_open(&dsp, "vkms");
	if (!dsp.overlay)
		skip();
	shown.connector_id = dsp.connector;
	plain_camera(&cam, V4L2_PIX_FMT_YUYV, 320, 180);
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown),
			 -EMEDIUMTYPE);
	cam.fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_XBGR32;
	cam.fmt.fmt.pix.bytesperline = 0;
	do_ioctl(cam.fd, VIDIOC_S_FMT, &cam.fmt);
	shown.crtc_id = 0;
	shown.plane_id = dsp.overlay;
	route = shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown);
	if (route < 0)
		fail_msg("shrbuf_route_to_display: %s", strerror(-route));
	assert_int_equal(shown.crtc_id, dsp.crtc);
	assert_int_equal(stats(route, 0).state, SHRBUF_ROUTE_STOPPED);
	start(route);
	wait_shown(route, shown.sink, 10);
	expect_place(&dsp, 320, 270, 320, 180);
	close(route);
	shown.flags = ~0U;
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown), -EINVAL);
	memset(&shown, 0, sizeof(shown));
	shown.connector_id = 0x7fffffff;
	assert_int_equal(shrbuf_route_to_display(shrbuf_dev(), cam.fd, dsp.fd, &shown), -ENXIO);
}

static void switched_on(void **state)
{
	drmModeCrtcPtr crtc;
	struct display dsp;
	int other;

	(void)state;
	display_open(&dsp, "vkms");
	assert_int_equal(shrbuf_display_set_mode(dsp.fd, dsp.connector, 800, 600), 0);
	crtc = drmModeGetCrtc(dsp.fd, dsp.crtc);
	assert_non_null(crtc);
	assert_true(crtc->mode_valid);
	assert_int_equal(crtc->mode.hdisplay, 800);
	assert_int_equal(crtc->mode.vdisplay, 600);
	drmModeFreeCrtc(crtc);
	assert_int_equal(shrbuf_display_set_mode(dsp.fd, 0x7fffffff, 800, 600), -ENXIO);
	other = do_open(display_path("vkms"), O_RDWR);
	assert_int_equal(shrbuf_display_set_mode(other, 0, 0, 0), -EACCES);
	close(other);
	assert_int_equal(shrbuf_display_set_mode(shrbuf_dev(), 0, 0, 0), -EINVAL);
	assert_int_equal(shrbuf_display_set_mode(dsp.fd, 0, 640, 480), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(as_it_is),
		API_TEST(other_format),
		API_TEST(other_size),
		API_TEST(put_back),
		API_TEST(impossible),
		API_TEST(planes),
		API_TEST(as_it_is_wanted),
		API_TEST(switched_on),
	};

	return cmocka_run_group_tests_name("display", tests, NULL, NULL);
}
