// SPDX-License-Identifier: GPL-2.0
/*
 * What routes do: a camera, a display, and programs that look at the frames.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drmMode.h>

#include "routes.h"

static const char *display_driver(void)
{
	return getenv("TEST_DISPLAY") ?: "vkms";
}

/* a route from a camera with so many buffers */
static int camera_route(struct camera *cam, unsigned int count)
{
	route_camera(cam, count);
	return route_create(cam);
}

/* the same, and a display that can show them */
static int display_route(struct display *dsp, struct camera *cam, unsigned int count)
{
	display_open(dsp, display_driver());
	route_camera(cam, count);
	display_import(dsp, cam);
	return route_create(cam);
}

/* camera -> display. This process does nothing but wait. */
static void to_display(void **state)
{
	struct display dsp;
	struct camera cam;
	uint32_t sink;
	int route;

	(void)state;
	route = display_route(&dsp, &cam, 6);
	sink = add_kms(route, &dsp, SHRBUF_KMS_END_KEEP);
	assert_int_equal(stats(route, 0).state, SHRBUF_ROUTE_STOPPED);
	start(route);
	wait_shown(route, sink, 30);
	assert_true(display_shows_camera(&dsp, dsp.plane));
	expect_sums(route, sink);
	assert_int_equal(stats(route, 0).state, SHRBUF_ROUTE_RUNNING);
	assert_int_equal(stats(route, 0).dropped_error, 0);
	assert_int_equal(stats(route, sink).dropped_error, 0);
	assert_int_equal(stats(route, sink).type, SHRBUF_SINK_TYPE_KMS);
	assert_true(stats(route, sink).cpu_time > 0);
	assert_true(stats(route, 0).cpu_time > 0);
	assert_int_equal(poll_now(route), 0);
}

/* frames are those of the camera, in order */
static void to_tap(void **state)
{
	uint32_t sink, sequence = 0, expect = 0;
	uint64_t timestamp = 0;
	int fds[MAX_BUFS], route, tap;
	struct shrbuf_tap_frame frame;
	struct camera cam;
	unsigned int i;
	uint8_t *map;

	(void)state;
	for (i = 0; i < MAX_BUFS; i++)
		fds[i] = -1;
	route = camera_route(&cam, 6);
	tap = add_tap(route, SHRBUF_SINK_EVERY, 2, &sink);
	start(route);
	for (i = 0; i < 20; i++) {
		frame = take(tap);
		assert_int_equal(frame.frame.state, SHRBUF_STATE_FILLED);
		if (fds[frame.index] < 0) {
			assert_int_equal(frame.nr_planes, 1);
			fds[frame.index] = frame.fds[0];
			/* a taker only reads */
			assert_int_equal(fcntl(frame.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
			assert_true(fcntl(frame.fds[0], F_GETFD) & FD_CLOEXEC);
		} else {
			assert_int_equal(frame.nr_planes, 0);
		}
		assert_int_equal(frame.fds[frame.nr_planes], -1);
		assert_int_equal(frame.frame.bytesused, camera_plane_size(&cam, 0));
		/*
		 * In order. Numbers of vivid are the time that has passed, and it takes the
		 * time for which it has worked off its wait twice: if it is slow it wakes up
		 * too early for the next number. The timestamp is that of its clock.
		 */
		assert_true(frame.frame.timestamp > timestamp);
		timestamp = frame.frame.timestamp;
		assert_true(frame.frame.sequence >= sequence);
		sequence = frame.frame.sequence;
		map = mmap(NULL, frame.frame.bytesused, PROT_READ, MAP_SHARED,
			   fds[frame.index], 0);
		assert_true(map != MAP_FAILED);
		/* the test pattern is not black from end to end */
		assert_true(memcmp(map, map + 1, frame.frame.bytesused - 1));
		munmap(map, frame.frame.bytesused);
		give(tap, frame.index);
		expect++;
	}
	assert_int_equal(stats(route, sink).frames_shown, expect);
	assert_int_equal(stats(route, sink).dropped_newer, 0);
	assert_int_equal(stats(route, sink).dropped_held, 0);
	expect_sums(route, sink);
	for (i = 0; i < MAX_BUFS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* a tap says when there is something, and what it holds is its limit */
static void tap_limit(void **state)
{
	struct shrbuf_tap_frame first, second, none;
	struct pollfd pfd = { .events = POLLIN };
	struct camera cam;
	uint32_t sink;
	int route;

	(void)state;
	route = camera_route(&cam, 6);
	pfd.fd = add_tap(route, SHRBUF_SINK_NEWEST, 2, &sink);
	fcntl(pfd.fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(try_take(pfd.fd, &none), -EAGAIN);
	assert_int_equal(poll_now(pfd.fd), 0);
	start(route);
	assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
	assert_int_equal(pfd.revents, POLLIN);
	first = take(pfd.fd);
	assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
	second = take(pfd.fd);
	assert_int_not_equal(first.index, second.index);
	/* it holds two, so there is no third, and the camera goes on */
	wait_shown(route, 0, 10);
	assert_int_equal(try_take(pfd.fd, &none), -EBUSY);
	assert_int_equal(stats(route, sink).held, 2);
	assert_true(stats(route, sink).dropped_held >= 8);
	assert_int_equal(try_give(pfd.fd, first.index), 0);
	assert_int_equal(try_give(pfd.fd, first.index), -ENOENT);
	assert_int_equal(try_give(pfd.fd, 99), -ENOENT);
	assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
	expect_sums(route, sink);
	close(first.fds[0]);
	close(second.fds[0]);
}

/* a display and two programs at once: one that is slow, one that sees everything */
static void fan_out(void **state)
{
	uint32_t kms, newest, every;
	struct shrbuf_tap_frame frame, kept;
	int route, lazy, eager;
	struct display dsp;
	struct camera cam;
	unsigned int i;

	(void)state;
	route = display_route(&dsp, &cam, 10);
	kms = add_kms(route, &dsp, SHRBUF_KMS_END_KEEP);
	lazy = add_tap(route, SHRBUF_SINK_NEWEST, 1, &newest);
	eager = add_tap(route, SHRBUF_SINK_EVERY, 3, &every);
	start(route);
	/* taken, and not given back */
	kept = take(lazy);
	for (i = 0; i < 30 || stats(route, kms).frames_shown < 10; i++) {
		frame = take(eager);
		give(eager, frame.index);
		if (frame.nr_planes)
			close(frame.fds[0]);
		assert_true(i < 10000);
	}
	assert_true(display_shows_camera(&dsp, dsp.plane));
	expect_sums(route, kms);
	expect_sums(route, newest);
	expect_sums(route, every);
	assert_int_equal(stats(route, every).dropped_newer, 0);
	assert_int_equal(stats(route, every).dropped_held, 0);
	assert_int_equal(stats(route, newest).frames_shown, 1);
	assert_true(stats(route, newest).dropped_held > 0);
	close(eager);
	give(lazy, kept.index);
	frame = take(lazy);
	assert_true(frame.frame.sequence > kept.frame.sequence);
}

/* An EVERY sink that nobody serves stalls the camera until it leaves. */
static void back_pressure(void **state)
{
	struct shrbuf_route_stats before, after;
	struct camera cam;
	uint32_t every;
	int route, tap;

	(void)state;
	route = camera_route(&cam, 8);
	tap = add_tap(route, SHRBUF_SINK_EVERY, 2, &every);
	start(route);
	wait_held(route, every, 2);
	before = stats(route, 0);
	usleep(300 * 1000);
	after = stats(route, 0);
	assert_int_equal(before.frames_in, after.frames_in);
	assert_int_equal(stats(route, every).waiting, 2);
	close(tap);
	wait_shown(route, 0, 10);
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_STATS,
				   &(struct shrbuf_route_stats){ .sink = every }),
			 -ENOENT);
}

static void join_and_leave(void **state)
{
	struct shrbuf_tap_frame frame;
	struct display dsp;
	struct camera cam;
	uint32_t kms, sink;
	int route, tap, i;

	(void)state;
	route = display_route(&dsp, &cam, 10);
	start(route);
	wait_shown(route, 0, 10);
	for (i = 0; i < 5; i++) {
		tap = add_tap(route, SHRBUF_SINK_NEWEST, 2, &sink);
		frame = take(tap);
		close(frame.fds[0]);
		kms = add_kms(route, &dsp, SHRBUF_KMS_END_RESTORE);
		wait_shown(route, kms, 5);
		assert_int_equal(try_remove(route, kms), 0);
		assert_int_equal(try_remove(route, kms), -ENOENT);
		assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
		if (i & 1)
			assert_int_equal(try_remove(route, sink), 0);
		close(tap);
	}
	/* all buffers are back with the camera */
	wait_shown(route, 0, 20);
	assert_int_equal(stats(route, 0).state, SHRBUF_ROUTE_RUNNING);
	assert_int_equal(poll_now(route), 0);
}

static void stop_and_start(void **state)
{
	struct shrbuf_tap_frame held;
	uint64_t cpu_time = 0;
	struct display dsp;
	struct camera cam;
	uint32_t kms, sink;
	int route, tap, i;

	(void)state;
	route = display_route(&dsp, &cam, 8);
	kms = add_kms(route, &dsp, SHRBUF_KMS_END_KEEP);
	tap = add_tap(route, SHRBUF_SINK_NEWEST, 1, &sink);
	assert_int_equal(try_stop(route), -ENOTCONN);
	for (i = 0; i < 5; i++) {
		start(route);
		assert_int_equal(try_start(route), -EALREADY);
		wait_shown(route, kms, 5);
		held = take(tap);
		stop(route);
		assert_int_equal(try_stop(route), -ENOTCONN);
		/* the last frame stays on the display, and with the program */
		assert_true(display_shows_camera(&dsp, dsp.plane));
		assert_int_equal(stats(route, sink).held, 1);
		/* given back before, and after the next start */
		if (i & 1)
			give(tap, held.index);
		start(route);
		wait_shown(route, kms, 5);
		if (!(i & 1))
			give(tap, held.index);
		stop(route);
		expect_sums(route, kms);
		expect_sums(route, sink);
		/* of all threads that it has had */
		assert_true(stats(route, 0).cpu_time > cpu_time);
		cpu_time = stats(route, 0).cpu_time;
	}
	/* what we have started, we have stopped: the buffers can go */
	close(route);
	close(tap);
	assert_int_equal(try_reqbufs(&cam, V4L2_MEMORY_MMAP, 0), 0);
}

/* A stream that runs already goes on after the route. */
static void running_stream(void **state)
{
	struct camera cam;
	unsigned int i;
	int route;

	(void)state;
	route_camera(&cam, 6);
	for (i = 0; i < 6; i++)
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(&cam), 0);
	/* two are with the user: the route takes them */
	assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
	assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
	route = route_create(&cam);
	start(route);
	wait_shown(route, 0, 20);
	close(route);
	for (i = 0; i < 3; i++)
		assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
	assert_int_equal(try_streamoff(&cam), 0);
}

/* what the plane shows after the sink */
static void ends(void **state)
{
	struct shrbuf_kms_sink sink;
	struct display dsp;
	struct camera cam;
	uint32_t kms, last;
	int route;

	(void)state;
	route = display_route(&dsp, &cam, 8);
	start(route);

	kms = add_kms(route, &dsp, SHRBUF_KMS_END_RESTORE);
	wait_shown(route, kms, 3);
	assert_int_equal(try_remove(route, kms), 0);
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);

	kms = add_kms(route, &dsp, SHRBUF_KMS_END_KEEP);
	wait_shown(route, kms, 3);
	assert_int_equal(try_remove(route, kms), 0);
	last = display_shows(&dsp, dsp.plane);
	assert_true(display_shows_camera(&dsp, dsp.plane));
	/* its buffer is not filled again: one less goes round */
	wait_shown(route, 0, 20);
	assert_int_equal(display_shows(&dsp, dsp.plane), last);
	assert_true(stats(route, 0).held >= 1);

	/* the next one lets it go */
	kms = add_kms(route, &dsp, SHRBUF_KMS_END_RESTORE);
	wait_shown(route, kms, 3);
	assert_int_equal(try_remove(route, kms), 0);
	assert_int_equal(display_shows(&dsp, dsp.plane), last);

	if (dsp.overlay) {
		kms_sink(&sink, &dsp);
		sink.plane_id = dsp.overlay;
		sink.end = SHRBUF_KMS_END_DISABLE;
		assert_int_equal(try_add_kms(route, &sink), 0);
		wait_shown(route, sink.sink.id, 3);
		assert_true(display_shows_camera(&dsp, dsp.overlay));
		assert_int_equal(try_remove(route, sink.sink.id), 0);
		assert_int_equal(display_shows(&dsp, dsp.overlay), 0);
	} else {
		print_message("# no overlay plane\n");
	}
}

static bool same_picture(void *arg)
{
	struct display *dsp = arg;

	return display_shows(dsp, dsp->plane) == display_shows(dsp, dsp->overlay);
}

/*
 * A display goes on to show a frame on two planes, after both sinks have gone: the camera does
 * not get it while one of them shows it.
 */
static void kept_twice(void **state)
{
	struct shrbuf_kms_sink overlay;
	struct display dsp;
	struct camera cam;
	uint32_t primary, last;
	int route;

	(void)state;
	route = display_route(&dsp, &cam, 12);
	if (!dsp.overlay)
		skip();
	primary = add_kms(route, &dsp, SHRBUF_KMS_END_KEEP);
	kms_sink(&overlay, &dsp);
	overlay.plane_id = dsp.overlay;
	assert_int_equal(try_add_kms(route, &overlay), 0);
	start(route);
	wait_shown(route, primary, 5);
	wait_shown(route, overlay.sink.id, 5);
	stop(route);
	/* both show the last frame then */
	wait_for(same_picture, &dsp, "the last frame on both planes");
	last = display_shows(&dsp, dsp.plane);
	assert_int_equal(try_remove(route, overlay.sink.id), 0);
	assert_int_equal(try_remove(route, primary), 0);
	assert_int_equal(stats(route, 0).held, 1);

	/* the overlay shows something else, and is switched off */
	start(route);
	overlay.sink.id = 0;
	overlay.end = SHRBUF_KMS_END_DISABLE;
	assert_int_equal(try_add_kms(route, &overlay), 0);
	wait_shown(route, overlay.sink.id, 5);
	assert_int_equal(try_remove(route, overlay.sink.id), 0);
	assert_int_equal(display_shows(&dsp, dsp.overlay), 0);
	assert_int_equal(display_shows(&dsp, dsp.plane), last);
	/* with all others the camera fills, the one on the primary plane is left */
	wait_shown(route, 0, 20);
	stop(route);
	assert_int_equal(stats(route, 0).held, 1);
}

/* two planes of one display: their commits meet */
static void two_planes(void **state)
{
	struct shrbuf_kms_sink overlay;
	struct display dsp;
	struct camera cam;
	uint32_t primary;
	int route;

	(void)state;
	display_open(&dsp, display_driver());
	if (!dsp.overlay)
		skip();
	route_camera(&cam, 10);
	display_import(&dsp, &cam);
	route = route_create(&cam);
	primary = add_kms(route, &dsp, SHRBUF_KMS_END_RESTORE);
	kms_sink(&overlay, &dsp);
	overlay.plane_id = dsp.overlay;
	overlay.src_w = (WIDTH / 2) << 16;
	overlay.src_h = (HEIGHT / 2) << 16;
	overlay.crtc_w = WIDTH / 2;
	overlay.crtc_h = HEIGHT / 2;
	overlay.end = SHRBUF_KMS_END_DISABLE;
	assert_int_equal(try_add_kms(route, &overlay), 0);
	start(route);
	wait_shown(route, primary, 20);
	wait_shown(route, overlay.sink.id, 20);
	assert_true(display_shows_camera(&dsp, dsp.overlay));
	expect_sums(route, primary);
	expect_sums(route, overlay.sink.id);
	assert_int_equal(stats(route, primary).dropped_error, 0);
	assert_int_equal(stats(route, overlay.sink.id).dropped_error, 0);
	close(route);
	assert_int_equal(display_shows(&dsp, dsp.overlay), 0);
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
}

/* realtime needs the right to it; we have it */
static void realtime(void **state)
{
	struct shrbuf_route_start arg = {
		.flags = SHRBUF_ROUTE_FIFO, .priority = 20,
	};
	struct camera cam;
	uint32_t sink;
	int route;

	(void)state;
	route = camera_route(&cam, 6);
	add_tap(route, SHRBUF_SINK_NEWEST, 2, &sink);
	do_ioctl(route, SHRBUF_IOC_ROUTE_START, &arg);
	wait_shown(route, 0, 20);
	stop(route);
	start(route);
	wait_shown(route, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(to_display),
		API_TEST(to_tap),
		API_TEST(tap_limit),
		API_TEST(fan_out),
		API_TEST(back_pressure),
		API_TEST(join_and_leave),
		API_TEST(stop_and_start),
		API_TEST(running_stream),
		API_TEST(ends),
		API_TEST(kept_twice),
		API_TEST(two_planes),
		API_TEST(realtime),
	};

	return cmocka_run_group_tests_name("routes", tests, NULL, check_signals);
}
