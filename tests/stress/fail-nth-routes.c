// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the sweep over failing allocations that a route takes: it is made, gets
 * sinks of each kind, runs, gives a frame to a program, and ends. fail-nth.c says what is
 * done with them.
 *
 * The fault is in the system call. What the threads of the route need meanwhile is there.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fail-nth.h"
#include "../routes/routes.h"

#define BUFS	8

static struct camera cam, out;
static struct display dsp;
static struct shrbuf_kms_sink kms;
static int route;
static uint32_t sink;	/* zero: none */

/* A buffer keeps the dma-bufs that were made of it, so those that routes use come first. */
static void prepare_camera(void)
{
	unsigned int i;

	route_camera(&cam, BUFS);
	for (i = 0; i < BUFS; i++)
		close(camera_expbuf(&cam, i, 0, O_RDONLY | O_CLOEXEC));
}

static void prepare_route(void)
{
	prepare_camera();
	route = route_create(&cam);
	sink = 0;
}

static int run_create(void)
{
	int fd, ret = try_route_create(cam.fd, &fd);

	return ret ? ret : fd;
}

/* Whatever was added is gone, and what it could have held. */
static void expect_no_sink(void)
{
	if (sink)
		assert_int_equal(try_remove(route, sink), 0);
	sink = 0;
	assert_int_equal(stats(route, 0).held, 0);
}

static int run_add_tap(void)
{
	struct shrbuf_tap_sink arg;
	int ret = try_add_tap(route, SHRBUF_SINK_NEWEST, BUFS - 2, 0, &arg);

	return ret ? ret : arg.tap_fd;
}

static void prepare_display(void)
{
	display_open(&dsp, "vkms");
	prepare_route();
	display_import(&dsp, &cam);
	kms_sink(&kms, &dsp);
	kms.end = SHRBUF_KMS_END_RESTORE;
}

static int run_add_display(void)
{
	int ret;

	kms.sink.id = 0;
	ret = try_add_kms(route, &kms);
	sink = ret ? 0 : kms.sink.id;
	return ret;
}

/*
 * A device that has all buffers mapped, and keeps them so: see "stock defects" in
 * fail-nth.c.
 */
static void map_all(void)
{
	struct camera m2m = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .nr_planes = 1 };
	struct v4l2_format fmt = { .type = m2m.type };
	unsigned int i;
	int fd;

	m2m.fd = keep(video_open("vim2m"));
	fmt.fmt.pix.width = 320;
	fmt.fmt.pix.height = 240;
	fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_RGB565;
	do_ioctl(m2m.fd, VIDIOC_S_FMT, &fmt);
	camera_reqbufs(&m2m, V4L2_MEMORY_DMABUF, BUFS);
	for (i = 0; i < BUFS; i++) {
		/* those that the route uses, too */
		fd = camera_expbuf(&cam, i, 0, O_RDONLY | O_CLOEXEC);
		assert_int_equal(try_qbuf(&m2m, V4L2_MEMORY_DMABUF, i, &fd, NULL), 0);
		close(fd);
	}
}

static void prepare_output(void)
{
	prepare_route();
	map_all();
	camera_open(&out, CAMERA_OUTPUT);
	camera_format(&out, WIDTH, HEIGHT);
}

static int run_add_output(void)
{
	struct shrbuf_video_sink arg = {
		.sink = { .max_held = 4 }, .video_fd = out.fd,
	};
	int ret = try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &arg);

	sink = ret ? 0 : arg.sink.id;
	return ret;
}

/* The queue has its own memory again. */
static void undo_add_output(void)
{
	int fd;

	expect_no_sink();
	camera_reqbufs(&out, V4L2_MEMORY_MMAP, 2);
	fd = camera_expbuf(&out, 0, 0, O_RDWR);
	assert_int_equal(import_id(fd), -EINVAL);
	close(fd);
	camera_reqbufs(&out, V4L2_MEMORY_MMAP, 0);
}

static int run_start(void)
{
	int ret = try_start(route);

	return ret ? ret : try_stop(route);
}

static void undo_start(void)
{
	int ret = try_stop(route);

	assert_true(!ret || ret == -ENOTCONN);
}

static void prepare_running(void)
{
	prepare_route();
	add_tap(route, SHRBUF_SINK_NEWEST, 1, &sink);
	start(route);
	wait_shown(route, 0, 2);
}

/* A new tap each time, which gives the file descriptors of its buffer. */
static int run_take(void)
{
	struct shrbuf_tap_frame frame;
	struct shrbuf_tap_sink arg;
	int ret = try_add_tap(route, SHRBUF_SINK_EVERY, 1, 0, &arg);

	if (!ret)
		ret = try_take(arg.tap_fd, &frame);
	return ret ? ret : try_give(arg.tap_fd, frame.index);
}

static int run_stats(void)
{
	struct shrbuf_route_stats arg = { .sink = sink };

	return try_ioctl(route, SHRBUF_IOC_ROUTE_STATS, &arg);
}

static int run_list(void)
{
	return read_all("/sys/kernel/debug/shrbuf/routes");
}

/* ends: the display gets back what it showed before, for which there must be memory */

static void show(void)
{
	assert_int_equal(run_add_display(), 0);
	wait_shown(route, sink, 1);
}

static void prepare_shown(void)
{
	prepare_display();
	start(route);
	show();
}

static int run_remove(void)
{
	return try_remove(route, sink);
}

static void undo_remove(void)
{
	int ret = try_remove(route, sink);

	assert_true(!ret || ret == -ENOENT);
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
	show();
}

static int run_close(void)
{
	close(route);
	return 0;
}

static void undo_close(void)
{
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
	route = route_create(&cam);
	start(route);
	show();
}

struct step route_steps[] = {
	{ "ROUTE_CREATE", prepare_camera, run_create, NULL,
	  { ENOMEM, EFAULT, ENFILE } },
	{ "ROUTE_ADD_TAP", prepare_route, run_add_tap, expect_no_sink,
	  { ENOMEM, EFAULT, ENFILE } },
	{ "ROUTE_ADD_KMS", prepare_display, run_add_display, expect_no_sink,
	  { ENOMEM, EFAULT } },
	/*
	 * videobuf2's vmalloc says EFAULT if it cannot map an imported buffer. Without memory
	 * for a buffer itself there are fewer of them.
	 */
	{ "ROUTE_ADD_VIDEO", prepare_output, run_add_output, undo_add_output,
	  { ENOMEM, EFAULT, ENOBUFS } },
	{ "ROUTE_START", prepare_route, run_start, undo_start, { ENOMEM, EFAULT } },
	{ "TAP_TAKE", prepare_running, run_take, NULL, { ENOMEM, EFAULT, ENFILE } },
	{ "ROUTE_STATS", prepare_running, run_stats, NULL, { EFAULT } },
	{ "list of routes", prepare_running, run_list, NULL, { ENOMEM, EFAULT } },
	{ "ROUTE_REMOVE", prepare_shown, run_remove, undo_remove, { EFAULT } },
	{ "end of a route", prepare_shown, run_close, undo_close, { } },
};

_Static_assert(ARRAY_SIZE(route_steps) == NR_ROUTE_STEPS,
	       "NR_ROUTE_STEPS must be the number of steps");
