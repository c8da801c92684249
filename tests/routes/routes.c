// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of routes share, see routes.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>
#include <xf86drmMode.h>
#include <drm_fourcc.h>

#include "routes.h"

/* displays */

const char *display_path(const char *driver)
{
	static char path[64];
	glob_t found;
	size_t i;

	path[0] = 0;
	if (glob("/dev/dri/card*", 0, NULL, &found))
		return NULL;
	for (i = 0; i < found.gl_pathc && !path[0]; i++) {
		int fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);
		drmVersionPtr version;

		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		if (version && !strcmp(version->name, driver))
			snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
		drmFreeVersion(version);
		close(fd);
	}
	globfree(&found);
	return path[0] ? path : NULL;
}

static uint64_t plane_type(int fd, uint32_t plane)
{
	drmModeObjectPropertiesPtr props;
	uint64_t type = 0;
	uint32_t i;

	props = drmModeObjectGetProperties(fd, plane, DRM_MODE_OBJECT_PLANE);
	assert_non_null(props);
	for (i = 0; i < props->count_props; i++) {
		drmModePropertyPtr prop = drmModeGetProperty(fd, props->props[i]);

		if (prop && !strcmp(prop->name, "type"))
			type = props->prop_values[i];
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	return type;
}

static void find_planes(struct display *dsp)
{
	drmModePlaneResPtr res = drmModeGetPlaneResources(dsp->fd);
	uint32_t i;

	assert_non_null(res);
	for (i = 0; i < res->count_planes; i++) {
		drmModePlanePtr plane = drmModeGetPlane(dsp->fd, res->planes[i]);
		uint64_t type = plane_type(dsp->fd, res->planes[i]);

		if (plane->possible_crtcs & 1 << dsp->pipe) {
			if (type == DRM_PLANE_TYPE_PRIMARY && !dsp->plane)
				dsp->plane = plane->plane_id;
			if (type == DRM_PLANE_TYPE_OVERLAY && !dsp->overlay)
				dsp->overlay = plane->plane_id;
		}
		drmModeFreePlane(plane);
	}
	drmModeFreePlaneResources(res);
	assert_int_not_equal(dsp->plane, 0);
}

void display_use(struct display *dsp, int fd)
{
	drmModeResPtr res;

	memset(dsp, 0, sizeof(*dsp));
	dsp->fd = fd;
	assert_int_equal(drmSetClientCap(fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1), 0);
	assert_int_equal(drmSetClientCap(fd, DRM_CLIENT_CAP_ATOMIC, 1), 0);
	res = drmModeGetResources(fd);
	assert_non_null(res);
	assert_true(res->count_crtcs > 0 && res->count_connectors > 0);
	dsp->crtc = res->crtcs[0];
	dsp->connector = res->connectors[0];
	drmModeFreeResources(res);
	find_planes(dsp);
}

static uint32_t make_black(struct display *dsp, unsigned int width, unsigned int height)
{
	struct drm_mode_create_dumb dumb = {
		.width = width, .height = height, .bpp = 32,
	};
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	uint32_t fb;

	do_ioctl(dsp->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	handles[0] = dumb.handle;
	pitches[0] = dumb.pitch;
	assert_int_equal(drmModeAddFB2(dsp->fd, width, height, DRM_FORMAT_XRGB8888,
				       handles, pitches, offsets, &fb, 0), 0);
	return fb;
}

void display_mode(struct display *dsp, const char *name)
{
	drmModeConnectorPtr conn = drmModeGetConnector(dsp->fd, dsp->connector);
	drmModeModeInfoPtr mode = NULL;
	int i, ret;

	assert_non_null(conn);
	for (i = 0; i < conn->count_modes && !mode; i++)
		if (!strcmp(conn->modes[i].name, name))
			mode = &conn->modes[i];
	if (!mode)
		fail_msg("the display has no mode %s", name);
	dsp->black = make_black(dsp, mode->hdisplay, mode->vdisplay);
	do {
		/* a commit of a route may be under way */
		ret = drmModeSetCrtc(dsp->fd, dsp->crtc, dsp->black, 0, 0,
				     &dsp->connector, 1, mode);
	} while (ret == -EBUSY);
	if (ret)
		fail_msg("drmModeSetCrtc: %s", strerror(-ret));
	drmModeFreeConnector(conn);
}

void display_off(struct display *dsp)
{
	int ret;

	do {
		ret = drmModeSetCrtc(dsp->fd, dsp->crtc, 0, 0, 0, NULL, 0, NULL);
	} while (ret == -EBUSY);
	if (ret)
		fail_msg("drmModeSetCrtc: %s", strerror(-ret));
}

void display_keep(void)
{
	static int kept = -1;
	const char *path = display_path("vkms");

	if (kept >= 0 || !path)
		return;
	kept = open(path, O_RDWR | O_CLOEXEC);
	assert_true(kept >= 0);
	/* it has become master if nobody else was */
	drmDropMaster(kept);
	do_write("/sys/module/drm/parameters/vblankoffdelay", "0");
}

void display_open(struct display *dsp, const char *driver)
{
	const char *path = display_path(driver);

	if (!path) {
		print_message("# no display of %s\n", driver);
		skip();
	}
	if (!strcmp(driver, "vkms"))
		display_keep();
	display_use(dsp, do_open(display_path(driver), O_RDWR));
	/* the first one of the device is master, but somebody may just have gone */
	assert_int_equal(drmSetMaster(dsp->fd), 0);
	display_mode(dsp, "640x480");
}

void display_import(struct display *dsp, struct camera *cam)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	int fd, ret;

	pitches[0] = cam->fmt.fmt.pix.bytesperline;
	for (dsp->nr_fbs = 0; dsp->nr_fbs < cam->nr_bufs; dsp->nr_fbs++) {
		fd = camera_expbuf(cam, dsp->nr_fbs, 0, O_RDWR | O_CLOEXEC);
		assert_int_equal(drmPrimeFDToHandle(dsp->fd, fd, &handles[0]), 0);
		close(fd);
		ret = drmModeAddFB2(dsp->fd, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888,
				    handles, pitches, offsets,
				    &dsp->fbs[dsp->nr_fbs], 0);
		assert_int_equal(ret, 0);
	}
}

uint32_t display_shows(struct display *dsp, uint32_t plane)
{
	drmModePlanePtr p = drmModeGetPlane(dsp->fd, plane);
	uint32_t fb;

	assert_non_null(p);
	fb = p->fb_id;
	drmModeFreePlane(p);
	return fb;
}

bool display_shows_camera(struct display *dsp, uint32_t plane)
{
	uint32_t fb = display_shows(dsp, plane);
	unsigned int i;

	for (i = 0; i < dsp->nr_fbs; i++)
		if (dsp->fbs[i] == fb)
			return true;
	return false;
}

/* cameras */

/* as many frames a second as it can */
static void camera_fast(struct camera *cam)
{
	struct v4l2_streamparm parm = { .type = cam->type };

	parm.parm.capture.timeperframe.numerator = 1;
	parm.parm.capture.timeperframe.denominator = 1000;
	do_ioctl(cam->fd, VIDIOC_S_PARM, &parm);
}

void route_camera(struct camera *cam, unsigned int count)
{
	int ret;

	camera_open(cam, CAMERA_SINGLE);
	camera_format(cam, WIDTH, HEIGHT);
	assert_int_equal(cam->fmt.fmt.pix.width, WIDTH);
	assert_int_equal(cam->fmt.fmt.pix.height, HEIGHT);
	camera_fast(cam);
	/* a program that was killed may have left it so */
	ret = try_attach(cam->fd);
	if (ret && ret != -EALREADY)
		fail_msg("SHRBUF_IOC_ATTACH: %s", strerror(-ret));
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, count);
}

/* requests */

/* where test_cleanup() closes it */
static int high(int low)
{
	int fd = fcntl(low, F_DUPFD_CLOEXEC, 32);

	assert_true(fd >= 0);
	close(low);
	return fd;
}

int try_route_create(int video_fd, int *route_fd)
{
	struct shrbuf_route_op op = { .video_fd = video_fd };
	int ret = try_ioctl(shrbuf_dev(), SHRBUF_IOC_ROUTE_CREATE, &op);

	*route_fd = ret ? -1 : op.route_fd;
	return ret;
}

int route_create(struct camera *cam)
{
	int fd, ret = try_route_create(cam->fd, &fd);

	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_CREATE: %s", strerror(-ret));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return high(fd);
}

void kms_sink(struct shrbuf_kms_sink *sink, struct display *dsp)
{
	memset(sink, 0, sizeof(*sink));
	sink->sink.max_held = 3;
	sink->drm_fd = dsp->fd;
	sink->plane_id = dsp->plane;
	sink->crtc_id = dsp->crtc;
	sink->src_w = WIDTH << 16;
	sink->src_h = HEIGHT << 16;
	sink->crtc_w = WIDTH;
	sink->crtc_h = HEIGHT;
	sink->nr_fbs = dsp->nr_fbs;
	sink->fbs = (uintptr_t)dsp->fbs;
}

int try_add_kms(int route, struct shrbuf_kms_sink *sink)
{
	return try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_KMS, sink);
}

uint32_t add_kms(int route, struct display *dsp, uint32_t end)
{
	struct shrbuf_kms_sink sink;
	int ret;

	kms_sink(&sink, dsp);
	sink.end = end;
	ret = try_add_kms(route, &sink);
	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_ADD_KMS: %s", strerror(-ret));
	assert_int_not_equal(sink.sink.id, 0);
	return sink.sink.id;
}

int try_add_tap(int route, uint32_t policy, uint32_t max_held, uint32_t deadline_ms,
		struct shrbuf_tap_sink *sink)
{
	memset(sink, 0, sizeof(*sink));
	sink->sink.policy = policy;
	sink->sink.max_held = max_held;
	sink->sink.deadline_ms = deadline_ms;
	return try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_TAP, sink);
}

int add_tap(int route, uint32_t policy, uint32_t max_held, uint32_t *id)
{
	struct shrbuf_tap_sink sink;
	int ret = try_add_tap(route, policy, max_held, 0, &sink);

	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_ADD_TAP: %s", strerror(-ret));
	assert_true(fcntl(sink.tap_fd, F_GETFD) & FD_CLOEXEC);
	*id = sink.sink.id;
	return high(sink.tap_fd);
}

int try_remove(int route, uint32_t id)
{
	struct shrbuf_sink_op op = { .id = id };

	return try_ioctl(route, SHRBUF_IOC_ROUTE_REMOVE, &op);
}

int try_start(int route)
{
	struct shrbuf_route_start arg = { 0 };

	return try_ioctl(route, SHRBUF_IOC_ROUTE_START, &arg);
}

int try_stop(int route)
{
	return try_ioctl(route, SHRBUF_IOC_ROUTE_STOP, NULL);
}

void start(int route)
{
	int ret = try_start(route);

	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_START: %s", strerror(-ret));
}

void stop(int route)
{
	int ret = try_stop(route);

	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_STOP: %s", strerror(-ret));
}

struct shrbuf_route_stats stats(int route, uint32_t sink)
{
	struct shrbuf_route_stats arg = { .sink = sink };

	do_ioctl(route, SHRBUF_IOC_ROUTE_STATS, &arg);
	assert_int_equal(arg.sink, sink);
	return arg;
}

int try_take(int tap, struct shrbuf_tap_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	return try_ioctl(tap, SHRBUF_IOC_TAP_TAKE, frame);
}

int try_give(int tap, uint32_t index)
{
	struct shrbuf_tap_frame frame = { .index = index };

	return try_ioctl(tap, SHRBUF_IOC_TAP_GIVE, &frame);
}

struct shrbuf_tap_frame take(int tap)
{
	struct shrbuf_tap_frame frame;
	int ret = try_take(tap, &frame);

	if (ret)
		fail_msg("SHRBUF_IOC_TAP_TAKE: %s", strerror(-ret));
	return frame;
}

void give(int tap, uint32_t index)
{
	int ret = try_give(tap, index);

	if (ret)
		fail_msg("SHRBUF_IOC_TAP_GIVE: %s", strerror(-ret));
}

/* conditions */

struct wanted {
	int route;
	uint32_t sink;
	uint64_t shown;
	uint32_t state;
	uint32_t held;
};

static bool has_shown(void *arg)
{
	struct wanted *wanted = arg;
	struct shrbuf_route_stats s = stats(wanted->route, wanted->sink);

	return (wanted->sink ? s.frames_shown : s.frames_in) >= wanted->shown;
}

void wait_shown(int route, uint32_t sink, uint64_t more)
{
	struct shrbuf_route_stats s = stats(route, sink);
	struct wanted wanted = {
		.route = route,
		.sink = sink,
		.shown = (sink ? s.frames_shown : s.frames_in) + more,
	};

	wait_for(has_shown, &wanted, "frames");
}

static bool has_state(void *arg)
{
	struct wanted *wanted = arg;

	return stats(wanted->route, wanted->sink).state == wanted->state;
}

void wait_state(int route, uint32_t sink, uint32_t state)
{
	struct wanted wanted = { .route = route, .sink = sink, .state = state };

	wait_for(has_state, &wanted, "a state");
}

static bool has_held(void *arg)
{
	struct wanted *wanted = arg;

	return stats(wanted->route, wanted->sink).held == wanted->held;
}

void wait_held(int route, uint32_t sink, uint32_t held)
{
	struct wanted wanted = { .route = route, .sink = sink, .held = held };

	wait_for(has_held, &wanted, "frames that a sink holds");
}

struct shrbuf_route_event wait_event(int route, uint32_t type)
{
	struct pollfd pfd = { .fd = route, .events = POLLIN };
	struct shrbuf_route_event event;

	for (;;) {
		assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
		if (!(pfd.revents & POLLIN))
			fail_msg("no event of type %u", type);
		assert_int_equal(read(route, &event, sizeof(event)), sizeof(event));
		if (event.type == type)
			return event;
	}
}

int poll_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	assert_true(poll(&pfd, 1, 0) >= 0);
	return pfd.revents;
}

void expect_sums(int route, uint32_t sink)
{
	struct shrbuf_route_stats s = stats(route, sink);
	uint64_t latencies = 0;
	unsigned int i;

	assert_int_equal(s.frames_in, s.frames_shown + s.dropped_newer +
			 s.dropped_held + s.dropped_error + s.waiting);
	assert_true(s.waiting <= s.held);
	for (i = 0; i < SHRBUF_LATENCY_BINS; i++)
		latencies += s.latency[i];
	assert_int_equal(latencies, s.frames_shown);
}

void expect_usable(struct display *dsp)
{
	struct camera cam;

	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	camera_run(&cam, 8);
	camera_close(&cam);
	if (!dsp)
		return;
	display_open(dsp, "vkms");
	assert_int_equal(display_shows(dsp, dsp->plane), dsp->black);
}
