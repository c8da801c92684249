// SPDX-License-Identifier: GPL-2.0
/*
 * What fences are for: a display is told to show a frame before it is captured. The flip
 * is committed without waiting, and is done when the frame is there, or when it is clear
 * that it will not come.
 *
 * vkms of 6.1 can lock up the machine when its CRTC is switched off: it cancels the timer of
 * its vertical blank under a spinlock that the timer takes::
 *
 *     CPU0: drm_crtc_vblank_off()           CPU1: timer
 *
 *     vblank_time_lock
 *                                           drm_handle_vblank()
 *                                             waits for vblank_time_lock
 *     hrtimer_cancel()
 *       waits for the timer
 *
 * So the display of this test is slow, is never switched off when it is idle, and otherwise
 * only when its timer has just run.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "fences.h"

#define SIZE	128	/* pixels of the test camera's lines, and its lines */
#define REFRESH	5	/* pictures per second */
#define VBLANKS	3	/* that pass while a flip waits */

/* when an idle CRTC has its vertical blank switched off, in milliseconds, 0 is never */
#define OFFDELAY	"/sys/module/drm/parameters/vblankoffdelay"

struct display {
	int fd;
	uint32_t crtc, connector, plane;
	uint32_t fbs[2];
	/* of the last flip that was done */
	bool done;
	unsigned int sequence;
};

/* the display */

static uint32_t property_id(struct display *d, uint32_t object, const char *name)
{
	drmModeObjectPropertiesPtr props =
		drmModeObjectGetProperties(d->fd, object, DRM_MODE_OBJECT_ANY);
	uint32_t i, id = 0;

	assert_non_null(props);
	for (i = 0; i < props->count_props && !id; i++) {
		drmModePropertyPtr prop = drmModeGetProperty(d->fd, props->props[i]);

		if (!strcmp(prop->name, name))
			id = prop->prop_id;
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	if (!id)
		fail_msg("no property %s", name);
	return id;
}

static void add(struct display *d, drmModeAtomicReqPtr req, uint32_t object,
		const char *name, uint64_t value)
{
	assert_true(drmModeAtomicAddProperty(req, object, property_id(d, object, name),
					     value) > 0);
}

static uint32_t framebuffer(struct display *d, int dmabuf)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { SIZE * 4 }, offsets[4] = { 0 };
	uint32_t id;

	assert_int_equal(drmPrimeFDToHandle(d->fd, dmabuf, &handles[0]), 0);
	assert_int_equal(drmModeAddFB2(d->fd, SIZE, SIZE, DRM_FORMAT_XRGB8888, handles,
				       pitches, offsets, &id, 0), 0);
	return id;
}

static void show(struct display *d, drmModeAtomicReqPtr req, uint32_t fb)
{
	add(d, req, d->plane, "FB_ID", fb);
	add(d, req, d->plane, "CRTC_ID", d->crtc);
	add(d, req, d->plane, "SRC_W", (uint64_t)SIZE << 16);
	add(d, req, d->plane, "SRC_H", (uint64_t)SIZE << 16);
	add(d, req, d->plane, "CRTC_W", SIZE);
	add(d, req, d->plane, "CRTC_H", SIZE);
}

/* As large as the frames of the test camera. */
static void set_mode(struct display *d, uint32_t fb)
{
	drmModeModeInfo mode = {
		.clock = 160 * 140 * REFRESH / 1000,
		.hdisplay = SIZE, .hsync_start = 136, .hsync_end = 144, .htotal = 160,
		.vdisplay = SIZE, .vsync_start = 130, .vsync_end = 134,
		.vtotal = 140, .vrefresh = REFRESH, .name = "camera",
	};
	drmModeAtomicReqPtr req = drmModeAtomicAlloc();
	uint32_t blob;

	assert_int_equal(drmModeCreatePropertyBlob(d->fd, &mode, sizeof(mode), &blob), 0);
	show(d, req, fb);
	add(d, req, d->crtc, "MODE_ID", blob);
	add(d, req, d->crtc, "ACTIVE", 1);
	add(d, req, d->connector, "CRTC_ID", d->crtc);
	assert_int_equal(drmModeAtomicCommit(d->fd, req, DRM_MODE_ATOMIC_ALLOW_MODESET,
					     NULL), 0);
	drmModeAtomicFree(req);
}

static uint32_t primary_plane(struct display *d)
{
	drmModePlaneResPtr planes = drmModeGetPlaneResources(d->fd);
	uint32_t i, found = 0;

	assert_non_null(planes);
	for (i = 0; i < planes->count_planes && !found; i++) {
		drmModeObjectPropertiesPtr props =
			drmModeObjectGetProperties(d->fd, planes->planes[i],
						   DRM_MODE_OBJECT_PLANE);
		uint32_t type = property_id(d, planes->planes[i], "type"), j;

		for (j = 0; j < props->count_props; j++)
			if (props->props[j] == type &&
			    props->prop_values[j] == DRM_PLANE_TYPE_PRIMARY)
				found = planes->planes[i];
		drmModeFreeObjectProperties(props);
	}
	drmModeFreePlaneResources(planes);
	assert_true(found);
	return found;
}

/* vkms, which shows buffer 0 now */
static void display_open(struct display *d, const int fds[2])
{
	drmModeResPtr res;
	int i;

	memset(d, 0, sizeof(*d));
	d->fd = drm_open("vkms");
	assert_true(d->fd >= 0);
	d->fd = high_fd(d->fd);
	assert_int_equal(drmSetMaster(d->fd), 0);
	assert_int_equal(drmSetClientCap(d->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1), 0);
	assert_int_equal(drmSetClientCap(d->fd, DRM_CLIENT_CAP_ATOMIC, 1), 0);
	res = drmModeGetResources(d->fd);
	assert_non_null(res);
	d->crtc = res->crtcs[0];
	d->connector = res->connectors[0];
	drmModeFreeResources(res);
	d->plane = primary_plane(d);
	for (i = 0; i < 2; i++)
		d->fbs[i] = framebuffer(d, fds[i]);
	set_mode(d, d->fbs[0]);
}

/* An explicit fence, or -1. */
static int try_flip_to(struct display *d, unsigned int buffer, int fence)
{
	drmModeAtomicReqPtr req = drmModeAtomicAlloc();
	int ret;

	show(d, req, d->fbs[buffer]);
	if (fence >= 0)
		add(d, req, d->plane, "IN_FENCE_FD", fence);
	ret = drmModeAtomicCommit(d->fd, req, DRM_MODE_ATOMIC_NONBLOCK |
				  DRM_MODE_PAGE_FLIP_EVENT, d);
	drmModeAtomicFree(req);
	return ret;
}

static void flip_to(struct display *d, unsigned int buffer, int fence)
{
	int ret;

	d->done = false;
	ret = try_flip_to(d, buffer, fence);
	if (ret)
		fail_msg("the flip: %s", strerror(-ret));
}

static void on_flip(int fd, unsigned int sequence, unsigned int sec, unsigned int usec,
		    unsigned int crtc, void *data)
{
	struct display *d = data;

	(void)fd;
	(void)sec;
	(void)usec;
	(void)crtc;
	d->done = true;
	d->sequence = sequence;
}

static bool flip_is_done(void *arg)
{
	drmEventContext events = { .version = 3, .page_flip_handler2 = on_flip };
	struct display *d = arg;
	struct pollfd p = { .fd = d->fd, .events = POLLIN };

	if (poll(&p, 1, 0) > 0)
		assert_int_equal(drmHandleEvent(d->fd, &events), 0);
	return d->done;
}

static uint64_t vblank(struct display *d)
{
	uint64_t sequence;

	assert_int_equal(drmCrtcGetSequence(d->fd, d->crtc, &sequence, NULL), 0);
	return sequence;
}

struct passed {
	struct display *d;
	uint64_t until;
};

static bool vblanks_passed(void *arg)
{
	struct passed *passed = arg;

	return vblank(passed->d) >= passed->until;
}

/* Some pictures later: the display is on, but the flip was not done. */
static uint64_t expect_flip_waits(struct display *d)
{
	struct passed passed = { .d = d, .until = vblank(d) + VBLANKS };

	wait_for(vblanks_passed, &passed, "pictures of the display");
	assert_false(flip_is_done(d));
	return vblank(d);
}

/* Takes the framebuffers along, and with them the display's hold of the buffers. */
static void display_close(struct display *d)
{
	struct passed passed = { .d = d, .until = vblank(d) + 1 };

	wait_for(vblanks_passed, &passed, "a picture of the display");
	/* a quarter of the way to the next one, see above */
	usleep(1000000 / REFRESH / 4);
	close(d->fd);
}

/* the camera */

static void camera_with_display(struct camera *cam, uint32_t fence_ms, int fds[2],
				struct display *d)
{
	camera_with_fences(cam, fence_ms, fds);
	display_open(d, fds);
	assert_int_equal(try_streamon(cam), 0);
}

static void end(struct camera *cam, struct display *d)
{
	camera_close(cam);
	display_close(d);
}

/*
 * @fence: hand the fence over in a sync_file. Otherwise the display finds it in the
 * buffer by itself.
 */
static void flip_before_frame(bool fence)
{
	struct shrbuf_frame frame;
	struct display d;
	struct camera cam;
	uint64_t before;
	int fds[2], i;

	camera_with_display(&cam, SHRBUF_MAX_FENCE_MS, fds, &d);
	for (i = 1; i <= 6; i++) {
		unsigned int now = i % 2;

		camera_qbuf(&cam, V4L2_MEMORY_MMAP, now);
		flip_to(&d, now, fence ? sync_of(fds[now]) : -1);
		assert_int_equal(state_of(fds[now]), SHRBUF_STATE_FILLING);
		before = expect_flip_waits(&d);
		frame = get_info(fds[now]).frame;
		assert_int_equal(frame.state, SHRBUF_STATE_FILLING);
		/* nobody else can use the CRTC meanwhile */
		assert_int_equal(try_flip_to(&d, !now, -1), -EBUSY);

		testcam_act("frame");
		wait_for(flip_is_done, &d, "the flip");
		/* it was done after the frame had come */
		assert_true(d.sequence > before);
		assert_int_equal(state_of(fds[now]), SHRBUF_STATE_FILLED);
		assert_int_equal(get_info(fds[now]).frame.seq, frame.seq + 1);
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), now);
	}
	end(&cam, &d);
}

static void implicit(void **state)
{
	(void)state;
	flip_before_frame(false);
}

static void explicit(void **state)
{
	(void)state;
	flip_before_frame(true);
}

/* The display is not stuck when the frame will not come. */
static void stream_ends(void **state)
{
	static const char * const how[] = { "damaged", "giveback", NULL };
	struct display d;
	struct camera cam;
	unsigned int i;
	int fds[2];

	(void)state;
	camera_with_display(&cam, SHRBUF_MAX_FENCE_MS, fds, &d);
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
		flip_to(&d, 1, -1);
		expect_flip_waits(&d);
		if (how[i])
			testcam_act(how[i]);
		else
			assert_int_equal(try_streamoff(&cam), 0);
		wait_for(flip_is_done, &d, "the flip");
		assert_int_not_equal(state_of(fds[1]), SHRBUF_STATE_FILLED);
		/* the buffer is free again, and the display can be used */
		try_streamoff(&cam);
		flip_to(&d, 0, -1);
		wait_for(flip_is_done, &d, "the flip back");
		assert_int_equal(try_streamon(&cam), 0);
	}
	end(&cam, &d);
}

static void stream_stalls(void **state)
{
	struct display d;
	struct camera cam;
	int fds[2], i;

	(void)state;
	camera_with_display(&cam, 300, fds, &d);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	for (i = 0; i < 2; i++) {
		flip_to(&d, 1, -1);
		/* nothing comes but the watchdog */
		wait_for(flip_is_done, &d, "the flip");
		assert_int_equal(state_of(fds[1]), SHRBUF_STATE_FILLING);
	}
	end(&cam, &d);
}

/* Whoever streams closes the camera, or the camera goes. */
static void camera_goes(void **state)
{
	struct display d;
	struct camera cam;
	int fds[2];

	(void)state;
	camera_with_display(&cam, SHRBUF_MAX_FENCE_MS, fds, &d);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	flip_to(&d, 1, -1);
	expect_flip_waits(&d);
	testcam_act("unregister");
	camera_close(&cam);
	wait_for(flip_is_done, &d, "the flip");
	display_close(&d);
	close(fds[0]);
	close(fds[1]);
	testcam_act("free");
	expect_no_buffers();
}

/* The display is closed while a flip waits: closing waits for the fence, no longer. */
static void display_goes(void **state)
{
	struct display d;
	struct camera cam;
	int fds[2];

	(void)state;
	camera_with_display(&cam, 500, fds, &d);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	flip_to(&d, 1, -1);
	end(&cam, &d);
	close(fds[0]);
	close(fds[1]);
	testcam_act("free");
	expect_no_buffers();
}

/* By default nothing waits: the flip shows what is there, as without shrbuf. */
static void no_fences_no_wait(void **state)
{
	struct display d;
	struct camera cam;
	int fds[2];

	(void)state;
	camera_with_display(&cam, SHRBUF_MAX_FENCE_MS, fds, &d);
	assert_int_equal(try_streamoff(&cam), 0);
	/* queued, but the stream does not run */
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	flip_to(&d, 1, -1);
	wait_for(flip_is_done, &d, "the flip");
	end(&cam, &d);
}

static char offdelay[16];

static int setup(void **state)
{
	int fd = open(OFFDELAY, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0 || read(fd, offdelay, sizeof(offdelay) - 1) <= 0)
		return -1;
	close(fd);
	do_write(OFFDELAY, "0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	do_write(OFFDELAY, offdelay);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(implicit),
		TESTCAM_TEST(explicit),
		TESTCAM_TEST(stream_ends),
		TESTCAM_TEST(stream_stalls),
		TESTCAM_TEST(camera_goes),
		TESTCAM_TEST(display_goes),
		TESTCAM_TEST(no_fences_no_wait),
	};

	return cmocka_run_group_tests_name("flip", tests, setup, teardown);
}
