// SPDX-License-Identifier: GPL-2.0
/*
 * What routes do when a driver fails, a reader keeps a buffer, and somebody else uses the
 * queues. vivid fails on demand.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "routes.h"

/* Controls of vivid: the next one, or the whole queue, has an error. */
#define VIVID_BASE		0x00f0f000
#define VIVID_DQBUF_ERROR	(VIVID_BASE + 66)
#define VIVID_PREPARE_ERROR	(VIVID_BASE + 68)
#define VIVID_START_ERROR	(VIVID_BASE + 69)
#define VIVID_QUEUE_ERROR	(VIVID_BASE + 70)
#define DRIVER			"/sys/bus/platform/drivers/vivid/"

#define BUFS	6

static void press(struct camera *cam, uint32_t button)
{
	struct v4l2_control control = { .id = button, .value = 1 };

	do_ioctl(cam->fd, VIDIOC_S_CTRL, &control);
}

static void expect_failed(int route, uint32_t error)
{
	struct shrbuf_route_event event;

	event = wait_event(route, SHRBUF_ROUTE_EVENT_FAILED);
	assert_int_equal(event.error, error);
	assert_int_equal(poll_now(route), POLLERR | POLLHUP);
	assert_int_equal(stats(route, 0).error, error);
}

/* It is stopped, started, and runs again. */
static void expect_recovers(int route)
{
	stop(route);
	start(route);
	wait_shown(route, 0, 10);
	assert_int_equal(poll_now(route), 0);
}

static bool is_damaged(void *arg)
{
	return stats(*(int *)arg, 0).dropped_error > 0;
}

/* A damaged frame goes to nobody. */
static void damaged_frame(void **state)
{
	struct shrbuf_tap_frame frame;
	struct camera cam;
	uint32_t id;
	int route, tap, i;

	(void)state;
	route_camera(&cam, BUFS);
	route = route_create(&cam);
	tap = add_tap(route, SHRBUF_SINK_EVERY, 2, &id);
	start(route);
	press(&cam, VIVID_DQBUF_ERROR);
	for (i = 0; i < 1000 && !is_damaged(&route); i++) {
		frame = take(tap);
		assert_int_equal(frame.frame.state, SHRBUF_STATE_FILLED);
		if (frame.nr_planes)
			close(frame.fds[0]);
		give(tap, frame.index);
	}
	close(tap);
	wait_for(is_damaged, &route, "a damaged frame");
	assert_int_equal(stats(route, 0).dropped_error, 1);
	wait_shown(route, 0, 10);
	assert_int_equal(poll_now(route), 0);
}

static void queue_error(void **state)
{
	struct camera cam;
	int route;

	(void)state;
	route_camera(&cam, BUFS);
	route = route_create(&cam);
	start(route);
	wait_shown(route, 0, 3);
	press(&cam, VIVID_QUEUE_ERROR);
	expect_failed(route, EIO);
	expect_recovers(route);
}

static void prepare_error(void **state)
{
	struct camera cam;
	int route;

	(void)state;
	route_camera(&cam, BUFS);
	route = route_create(&cam);
	/* when it is started, and while it runs */
	press(&cam, VIVID_PREPARE_ERROR);
	assert_int_equal(try_start(route), -EINVAL);
	assert_int_equal(try_stop(route), -ENOTCONN);
	start(route);
	wait_shown(route, 0, 3);
	press(&cam, VIVID_PREPARE_ERROR);
	expect_failed(route, EINVAL);
	expect_recovers(route);
}

static void start_error(void **state)
{
	struct camera cam;
	int route;

	(void)state;
	route_camera(&cam, BUFS);
	route = route_create(&cam);
	press(&cam, VIVID_START_ERROR);
	assert_int_equal(try_start(route), -EINVAL);
	assert_int_equal(stats(route, 0).state, SHRBUF_ROUTE_STOPPED);
	assert_int_equal(try_stop(route), -ENOTCONN);
	start(route);
	wait_shown(route, 0, 10);
}

/* One of these buffers, all of which had a frame before. */
static bool takes_one_of(int tap, const struct shrbuf_tap_frame *frames, unsigned int nr)
{
	struct shrbuf_tap_frame frame = take(tap);
	bool found = false;
	unsigned int i;

	for (i = 0; i < nr; i++)
		found = found || frames[i].index == frame.index;
	if (frame.nr_planes)
		close(frame.fds[0]);
	give(tap, frame.index);
	return found;
}

#define HELD	(BUFS - 2)	/* so that the camera goes on */

/*
 * A program that has taken frames holds them as a reader, too, and gives them back. The driver
 * refuses these buffers, and gets them when the reader goes: the route does not fail.
 */
static void reader_holds(void **state)
{
	struct shrbuf_queue_config config = { .flags = SHRBUF_CONFIG_REFUSE };
	struct shrbuf_tap_frame frames[HELD];
	int route, tap, client;
	struct camera cam;
	unsigned int i;
	uint32_t id;

	(void)state;
	route_camera(&cam, BUFS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	config.fd = cam.fd;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFS);
	client = do_open("/dev/shrbuf", O_RDWR);
	route = route_create(&cam);
	tap = add_tap(route, SHRBUF_SINK_EVERY, HELD, &id);
	start(route);
	for (i = 0; i < HELD; i++) {
		struct shrbuf_hold_op hold = { 0 };

		frames[i] = take(tap);
		assert_int_equal(frames[i].nr_planes, 1);
		hold.fd = frames[i].fds[0];
		do_ioctl(client, SHRBUF_IOC_HOLD, &hold);
	}
	for (i = 0; i < HELD; i++)
		give(tap, frames[i].index);
	close(tap);
	tap = add_tap(route, SHRBUF_SINK_NEWEST, 1, &id);
	for (i = 0; i < 20; i++)
		assert_false(takes_one_of(tap, frames, HELD));
	assert_int_equal(poll_now(route), 0);
	close(client);
	for (i = 0; i < 1000 && !takes_one_of(tap, frames, HELD); i++)
		;
	assert_true(i < 1000);
	for (i = 0; i < HELD; i++)
		close(frames[i].fds[0]);
}

static uint32_t add_output(int route, struct camera *out)
{
	struct shrbuf_video_sink sink = { .sink.max_held = 3, .video_fd = out->fd };

	do_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &sink);
	return sink.sink.id;
}

/* A program queues the buffers of an output that the route feeds. */
static void output_used(void **state)
{
	struct shrbuf_route_event event;
	struct camera cam, out;
	uint32_t id;
	int route, i;

	(void)state;
	route_camera(&cam, BUFS);
	camera_open(&out, CAMERA_OUTPUT);
	camera_format(&out, WIDTH, HEIGHT);
	route = route_create(&cam);
	id = add_output(route, &out);
	for (i = 0; i < BUFS; i++)
		camera_qbuf(&out, V4L2_MEMORY_MMAP, i);
	start(route);
	event = wait_event(route, SHRBUF_ROUTE_EVENT_SINK_FAILED);
	assert_int_equal(event.sink, id);
	/* one that the route wants to queue, or one that is done */
	assert_true(event.error == EINVAL || event.error == EBUSY);
	wait_shown(route, 0, 20);
	assert_int_equal(try_remove(route, id), 0);
	id = add_output(route, &out);
	wait_shown(route, id, 5);
	expect_sums(route, id);
}

/* The buffers go, and others come, while the route is stopped. */
static void other_buffers(void **state)
{
	struct shrbuf_video_sink video = { .sink.max_held = 3 };
	struct shrbuf_tap_sink sink;
	struct camera cam, out;
	int route, ret;
	uint32_t id;

	(void)state;
	route_camera(&cam, BUFS);
	camera_open(&out, CAMERA_OUTPUT);
	camera_format(&out, WIDTH, HEIGHT);
	route = route_create(&cam);
	add_tap(route, SHRBUF_SINK_NEWEST, 1, &id);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	video.video_fd = out.fd;
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &video), -EINVAL);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 1, 0, &sink), -EOPNOTSUPP);
	ret = try_start(route);
	assert_int_equal(ret, -EINVAL);
	/* less: those work; and more: the route did not know them */
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	start(route);
	wait_shown(route, 0, 10);
	stop(route);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFS + 1);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, BUFS);
	start(route);
	expect_failed(route, EBUSY);
}

/* The camera goes before there is a route. */
static void gone_before(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	route_camera(&cam, BUFS);
	do_write(DRIVER "unbind", "vivid.0");
	assert_int_equal(try_route_create(cam.fd, &fd), -ENODEV);
	camera_close(&cam);
	do_write(DRIVER "bind", "vivid.0");
	expect_usable(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(damaged_frame),
		API_TEST(queue_error),
		API_TEST(prepare_error),
		API_TEST(start_error),
		API_TEST(reader_holds),
		API_TEST(output_used),
		API_TEST(other_buffers),
		API_TEST(gone_before),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, check_signals);
}
