// SPDX-License-Identifier: GPL-2.0
/*
 * One test for each way to ask a route for something wrong, otherwise valid.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>
#include <xf86drmMode.h>

#include "routes.h"

/* Sets a field, expects an error, and puts the field back. */
#define EXPECT(ptr, value, request, error) do {					\
	__typeof__(ptr) field_ = (ptr);						\
	__typeof__(*field_) before_ = *field_;					\
										\
	*field_ = (value);							\
	assert_int_equal(request, error);					\
	*field_ = before_;							\
} while (0)

static struct camera cam;
static struct display dsp;
static int route;

static void scene(unsigned int bufs)
{
	display_open(&dsp, "vkms");
	route_camera(&cam, bufs);
	display_import(&dsp, &cam);
	route = route_create(&cam);
}

static void create_fields(void **state)
{
	struct shrbuf_route_op op = { 0 };
	int dev = shrbuf_dev();

	(void)state;
	route_camera(&cam, 4);
	op.video_fd = cam.fd;
#define CREATE try_ioctl(dev, SHRBUF_IOC_ROUTE_CREATE, &op)
	EXPECT(&op.flags, 1, CREATE, -EINVAL);
	EXPECT(&op.pad, 1, CREATE, -EINVAL);
	EXPECT(&op.reserved[0], 1, CREATE, -EINVAL);
	EXPECT(&op.reserved[3], 1, CREATE, -EINVAL);
	EXPECT(&op.video_fd, -1, CREATE, -EBADF);
	EXPECT(&op.video_fd, 1000, CREATE, -EBADF);
	EXPECT(&op.video_fd, dev, CREATE, -EINVAL);
	EXPECT(&op.video_fd, do_open("/dev/null", O_RDWR), CREATE, -EINVAL);
	EXPECT(&op.video_fd, do_open("/proc/self/maps", O_RDONLY), CREATE, -EINVAL);
	assert_int_equal(try_ioctl(dev, SHRBUF_IOC_ROUTE_CREATE, NULL), -EFAULT);
	assert_int_equal(CREATE, 0);
	close(op.route_fd);
}

/* The argument can be read but not written: no file descriptor may be left behind. */
static void expect_read_only(int fd, unsigned long request, const void *arg, size_t size)
{
	int first, second;
	void *map;

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(map != MAP_FAILED);
	memcpy(map, arg, size);
	assert_int_equal(mprotect(map, 4096, PROT_READ), 0);
	first = dup(0);
	close(first);
	assert_int_equal(try_ioctl(fd, request, map), -EFAULT);
	second = dup(0);
	close(second);
	assert_int_equal(first, second);
	munmap(map, 4096);
}

static void create_read_only(void **state)
{
	struct shrbuf_route_op op = { 0 };

	(void)state;
	route_camera(&cam, 4);
	op.video_fd = cam.fd;
	expect_read_only(shrbuf_dev(), SHRBUF_IOC_ROUTE_CREATE, &op, sizeof(op));
	/* nor a route */
	close(route_create(&cam));
}

/* Nor sinks: they would keep buffers, the plane and the output. */
static void sinks_read_only(void **state)
{
	struct shrbuf_tap_sink tap = { .sink.max_held = 6 };
	struct shrbuf_video_sink video = { .sink.max_held = 6 };
	struct shrbuf_kms_sink kms;
	struct camera out;
	int i;

	(void)state;
	scene(8);
	camera_open(&out, CAMERA_OUTPUT);
	camera_format(&out, WIDTH, HEIGHT);
	video.video_fd = out.fd;
	kms_sink(&kms, &dsp);
	kms.sink.max_held = 6;
	kms.end = SHRBUF_KMS_END_RESTORE;
	start(route);
	for (i = 0; i < 2; i++) {
		expect_read_only(route, SHRBUF_IOC_ROUTE_ADD_TAP, &tap, sizeof(tap));
		expect_read_only(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &video, sizeof(video));
		expect_read_only(route, SHRBUF_IOC_ROUTE_ADD_KMS, &kms, sizeof(kms));
		assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
	}
	wait_shown(route, 0, 10);
	assert_int_equal(stats(route, 0).held, 0);
}

/* There is no file descriptor left. */
static void no_fds(void **state)
{
	struct shrbuf_tap_sink tap;
	struct rlimit old, limit;
	int fd, dev = shrbuf_dev();

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(try_ioctl(dev, SHRBUF_IOC_ROUTE_CREATE,
				   &(struct shrbuf_route_op){ .video_fd = cam.fd }), -EMFILE);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 4, 0, &tap), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 4, 0, &tap), 0);
	close(tap.tap_fd);
	close(route);
	assert_int_equal(try_route_create(cam.fd, &fd), 0);
	close(fd);
}

static void create_queues(void **state)
{
	struct camera other;
	int fd, again;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	assert_int_equal(try_route_create(cam.fd, &fd), -EINVAL);	/* no buffers */
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 4);
	assert_int_equal(try_route_create(cam.fd, &fd), -EINVAL);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);

	camera_open(&other, CAMERA_OUTPUT);
	assert_int_equal(try_route_create(other.fd, &fd), -EINVAL);
	camera_close(&other);

	/* another file of the same device */
	other.fd = do_open(camera_path(CAMERA_SINGLE), O_RDWR);
	assert_int_equal(try_route_create(other.fd, &fd), -EBUSY);
	close(other.fd);

	/* two routes of one queue */
	fd = route_create(&cam);
	assert_int_equal(try_route_create(cam.fd, &again), -EBUSY);
	close(fd);
	fd = route_create(&cam);
	close(fd);

	/* a device without a video queue */
	other.fd = open("/dev/radio0", O_RDWR | O_CLOEXEC);
	if (other.fd >= 0) {
		assert_int_equal(try_route_create(other.fd, &fd), -EOPNOTSUPP);
		close(other.fd);
	}
}

static void kms_fields(void **state)
{
	struct shrbuf_kms_sink sink;
	uint32_t fbs[MAX_BUFS];
	int other;

	(void)state;
	scene(8);
	kms_sink(&sink, &dsp);
#define ADD try_add_kms(route, &sink)
	EXPECT(&sink.flags, 1, ADD, -EINVAL);
	EXPECT(&sink.reserved[0], 1, ADD, -EINVAL);
	EXPECT(&sink.reserved[1], 1, ADD, -EINVAL);
	EXPECT(&sink.sink.policy, 2, ADD, -EINVAL);
	EXPECT(&sink.sink.max_held, 0, ADD, -EINVAL);
	EXPECT(&sink.sink.max_held, 1, ADD, -EINVAL);
	EXPECT(&sink.sink.max_held, 33, ADD, -EINVAL);
	EXPECT(&sink.sink.max_held, ~0U, ADD, -EINVAL);
	EXPECT(&sink.sink.max_held, 8, ADD, -ENOBUFS);
	EXPECT(&sink.sink.id, 1, ADD, -EINVAL);
	EXPECT(&sink.end, 3, ADD, -EINVAL);
	EXPECT(&sink.nr_fbs, 7, ADD, -EINVAL);
	EXPECT(&sink.nr_fbs, 9, ADD, -EINVAL);
	EXPECT(&sink.nr_fbs, ~0U, ADD, -EINVAL);
	EXPECT(&sink.fbs, 8, ADD, -EFAULT);
	EXPECT(&sink.fbs, ~0ULL - 4096, ADD, -EFAULT);
	EXPECT(&sink.drm_fd, -1, ADD, -EBADF);
	EXPECT(&sink.drm_fd, cam.fd, ADD, -EINVAL);
	EXPECT(&sink.drm_fd, shrbuf_dev(), ADD, -EINVAL);
	EXPECT(&sink.plane_id, 0, ADD, -ENOENT);
	EXPECT(&sink.plane_id, dsp.crtc, ADD, -ENOENT);
	EXPECT(&sink.crtc_id, dsp.plane, ADD, -ENOENT);
	EXPECT(&sink.crtc_id, ~0U, ADD, -ENOENT);
	/* outside of the framebuffer, and of all numbers */
	EXPECT(&sink.src_w, (WIDTH + 1) << 16, ADD, -ENOSPC);
	EXPECT(&sink.src_x, 1 << 16, ADD, -ENOSPC);
	EXPECT(&sink.src_h, ~0U, ADD, -ENOSPC);
	EXPECT(&sink.crtc_w, ~0U, ADD, -ERANGE);
	EXPECT(&sink.crtc_h, 0x80000000U, ADD, -ERANGE);
	/* a primary plane that does not cover all */
	EXPECT(&sink.crtc_x, 100, ADD, -EINVAL);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_KMS, NULL), -EFAULT);

	/* a framebuffer that is none */
	memcpy(fbs, dsp.fbs, sizeof(fbs));
	fbs[7] = dsp.plane;
	EXPECT(&sink.fbs, (uintptr_t)fbs, ADD, -ENOENT);

	/* not master */
	other = do_open(display_path("vkms"), O_RDWR);
	EXPECT(&sink.drm_fd, other, ADD, -EACCES);
	close(other);

	/* a driver that shows nothing */
	other = drm_open("vgem");
	if (other >= 0) {
		EXPECT(&sink.drm_fd, other, ADD, -EOPNOTSUPP);
		close(other);
	}

	/* a CRTC that is off */
	display_off(&dsp);
	assert_int_equal(ADD, -EINVAL);
	display_mode(&dsp, "640x480");
	assert_int_equal(ADD, 0);
	assert_int_equal(try_remove(route, sink.sink.id), 0);
}

static void tap_fields(void **state)
{
	struct shrbuf_tap_sink sink = { .sink.max_held = 2 };
	unsigned int i;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
#define TAP try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_TAP, &sink)
	EXPECT(&sink.flags, 1, TAP, -EINVAL);
	EXPECT(&sink.reserved[0], 1, TAP, -EINVAL);
	EXPECT(&sink.sink.policy, 2, TAP, -EINVAL);
	EXPECT(&sink.sink.max_held, 0, TAP, -EINVAL);
	EXPECT(&sink.sink.max_held, 33, TAP, -EINVAL);
	EXPECT(&sink.sink.max_held, 6, TAP, -ENOBUFS);
	EXPECT(&sink.sink.id, 1, TAP, -EINVAL);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_TAP, NULL), -EFAULT);
	assert_int_equal(TAP, 0);
	/* the buffers are used up, until it is gone */
	sink.sink.id = 0;
	sink.sink.max_held = 4;
	i = sink.tap_fd;
	assert_int_equal(TAP, -ENOBUFS);
	close(i);
	assert_int_equal(TAP, 0);
	close(sink.tap_fd);
}

/* The buffers are the driver's own. */
static void tap_not_shared(void **state)
{
	struct shrbuf_tap_sink sink;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 6);
	route = route_create(&cam);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 2, 0, &sink), -EOPNOTSUPP);
}

static void many_taps(void **state)
{
	struct shrbuf_tap_sink sink;
	int i, ret, fds[32];
	uint32_t id = 0;

	(void)state;
	route_camera(&cam, 32);
	route = route_create(&cam);
	for (i = 0; i < 32; i++) {
		ret = try_add_tap(route, SHRBUF_SINK_NEWEST, 1, 0, &sink);
		if (ret)
			break;
		id = sink.sink.id;
		fds[i] = sink.tap_fd;
	}
	/* the camera keeps one or two */
	assert_int_equal(ret, -ENOBUFS);
	assert_true(i >= 30);
	start(route);
	wait_shown(route, 0, 40);
	assert_int_equal(stats(route, id).held, 1);
	expect_sums(route, id);
	while (i--)
		close(fds[i]);
}

static void tap_requests(void **state)
{
	struct shrbuf_tap_frame frame;
	uint32_t id;
	int tap;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
	tap = add_tap(route, SHRBUF_SINK_NEWEST, 1, &id);
	start(route);
	wait_shown(route, 0, 3);
	memset(&frame, 0, sizeof(frame));
#define TAKE try_ioctl(tap, SHRBUF_IOC_TAP_TAKE, &frame)
	EXPECT(&frame.flags, 1, TAKE, -EINVAL);
	EXPECT(&frame.pad, 1, TAKE, -EINVAL);
	EXPECT(&frame.reserved[1], 1, TAKE, -EINVAL);
	assert_int_equal(try_ioctl(tap, SHRBUF_IOC_TAP_TAKE, NULL), -EFAULT);
	assert_int_equal(TAKE, 0);
	close(frame.fds[0]);
#define GIVE try_ioctl(tap, SHRBUF_IOC_TAP_GIVE, &frame)
	EXPECT(&frame.flags, 1, GIVE, -EINVAL);
	EXPECT(&frame.pad, 1, GIVE, -EINVAL);
	EXPECT(&frame.reserved[0], 1, GIVE, -EINVAL);
	EXPECT(&frame.index, 6, GIVE, -ENOENT);
	EXPECT(&frame.index, ~0U, GIVE, -ENOENT);
	assert_int_equal(try_ioctl(tap, SHRBUF_IOC_TAP_GIVE, NULL), -EFAULT);
	assert_int_equal(GIVE, 0);
	assert_int_equal(GIVE, -ENOENT);
	/* those of a route, and of the device */
	assert_int_equal(try_start(tap), -ENOTTY);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_TAP_TAKE, &frame), -ENOTTY);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_TAP_TAKE, &frame), -ENOTTY);
}

/* A frame that could not be delivered is not lost, nor are file descriptors. */
static void take_read_only(void **state)
{
	struct shrbuf_tap_frame *frame, again;
	int first, second, tap;
	uint32_t id;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
	tap = add_tap(route, SHRBUF_SINK_EVERY, 1, &id);
	start(route);
	wait_held(route, id, 1);
	frame = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(frame != MAP_FAILED);
	first = dup(0);
	close(first);
	assert_int_equal(try_ioctl(tap, SHRBUF_IOC_TAP_TAKE, frame), -EFAULT);
	second = dup(0);
	close(second);
	assert_int_equal(first, second);
	assert_int_equal(stats(route, id).frames_shown, 0);
	again = take(tap);
	assert_int_equal(again.nr_planes, 1);
	close(again.fds[0]);
	munmap(frame, 4096);
}

/* There is no file descriptor left for the frame: it can be taken later. */
static void take_no_fds(void **state)
{
	struct shrbuf_tap_frame frame;
	struct rlimit old, limit;
	uint32_t id;
	int tap;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
	tap = add_tap(route, SHRBUF_SINK_EVERY, 1, &id);
	start(route);
	wait_held(route, id, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(try_take(tap, &frame), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	frame = take(tap);
	assert_int_equal(frame.nr_planes, 1);
	close(frame.fds[0]);
}

static void other_requests(void **state)
{
	struct shrbuf_sink_op op = { .id = 1 };
	struct shrbuf_route_start arg = { 0 };
	struct shrbuf_route_stats st = { 0 };
	struct shrbuf_route_event event;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
#define REMOVE try_ioctl(route, SHRBUF_IOC_ROUTE_REMOVE, &op)
	EXPECT(&op.flags, 1, REMOVE, -EINVAL);
	EXPECT(&op.reserved[0], 1, REMOVE, -EINVAL);
	EXPECT(&op.id, 0, REMOVE, -ENOENT);
	assert_int_equal(REMOVE, -ENOENT);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_REMOVE, NULL), -EFAULT);
#define START try_ioctl(route, SHRBUF_IOC_ROUTE_START, &arg)
	EXPECT(&arg.flags, 2, START, -EINVAL);
	EXPECT(&arg.flags, 1, START, -EINVAL);		/* no priority */
	EXPECT(&arg.priority, 1, START, -EINVAL);	/* for nothing */
	EXPECT(&arg.reserved[1], 1, START, -EINVAL);
	arg.flags = SHRBUF_ROUTE_FIFO;
	EXPECT(&arg.priority, 100, START, -EINVAL);
	EXPECT(&arg.priority, ~0U, START, -EINVAL);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_START, NULL), -EFAULT);
#define STATS try_ioctl(route, SHRBUF_IOC_ROUTE_STATS, &st)
	EXPECT(&st.flags, 1, STATS, -EINVAL);
	EXPECT(&st.reserved[0], 1, STATS, -EINVAL);
	EXPECT(&st.sink, 1, STATS, -ENOENT);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_STATS, NULL), -EFAULT);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_STOP, (void *)1L), -EINVAL);
	assert_int_equal(try_ioctl(route, _IO(SHRBUF_IOC_MAGIC, 0x3f), NULL), -ENOTTY);

	fcntl(route, F_SETFL, O_NONBLOCK);
	assert_int_equal(read(route, &event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(read(route, &event, sizeof(event) - 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(route, &event, sizeof(event)), -1);
	assert_int_equal(errno, EINVAL);
}

/* Realtime only for those who may use it. */
static void priority_refused(void **state)
{
	struct shrbuf_route_start arg = { .flags = SHRBUF_ROUTE_FIFO, .priority = 5 };
	struct rlimit none = { 0, 0 }, some = { 5, 5 };
	int status;
	pid_t pid;

	(void)state;
	route_camera(&cam, 6);
	route = route_create(&cam);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int ret = 1;

		if (!setrlimit(RLIMIT_RTPRIO, &some) && !setgroups(0, NULL) &&
		    !setuid(65534)) {
			arg.priority = 6;
			ret = ioctl(route, SHRBUF_IOC_ROUTE_START, &arg) ? 0 : 2;
			ret = !ret && errno == EPERM ? 0 : 3;
			arg.priority = 5;
			if (!ret && ioctl(route, SHRBUF_IOC_ROUTE_START, &arg))
				ret = 4;
			if (!ret && ioctl(route, SHRBUF_IOC_ROUTE_STOP, 0))
				ret = 5;
			if (!ret && setrlimit(RLIMIT_RTPRIO, &none))
				ret = 6;
			if (!ret && !ioctl(route, SHRBUF_IOC_ROUTE_START, &arg))
				ret = 7;
		}
		_exit(ret);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(create_fields),
		API_TEST(create_read_only),
		API_TEST(sinks_read_only),
		API_TEST(no_fds),
		API_TEST(create_queues),
		API_TEST(kms_fields),
		API_TEST(tap_fields),
		API_TEST(tap_not_shared),
		API_TEST(many_taps),
		API_TEST(tap_requests),
		API_TEST(take_read_only),
		API_TEST(take_no_fds),
		API_TEST(other_requests),
		API_TEST(priority_refused),
	};

	return cmocka_run_group_tests_name("bad", tests, NULL, check_signals);
}
