// SPDX-License-Identifier: GPL-2.0
/*
 * What is watched: buffers and queues, which events come to whom, and how a watch ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "requests.h"

#define SIZE	4096

static void buffer_events(void **state)
{
	struct shrbuf_frame frame = {
		.state = SHRBUF_STATE_FILLED, .sequence = 9, .bytesused = 33,
		.timestamp = 1234,
	};
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_event event, before;
	uint32_t id = get_info(fd).id;

	(void)state;
	/* what was before the watch does not come */
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	watch(client, fd, 0, ~0ULL, ALL_EVENTS);
	assert_true(no_event(client));

	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLING);
	before = expect_event(client, SHRBUF_EVENT_FILLING, ~0ULL);
	assert_int_equal(before.seq, 2);
	assert_int_equal(before.id, id);
	assert_int_equal(before.time, get_info(fd).frame.time);
	assert_int_equal(before.sequence, 0);
	assert_int_equal(before.timestamp, 0);
	assert_int_equal(before.bytesused, 0);
	assert_int_equal(before.lost, 0);
	assert_int_equal(before.index, 0);

	assert_int_equal(try_set_frame(shrbuf_dev(), fd, &frame), 0);
	event = expect_event(client, SHRBUF_EVENT_FILLED, ~0ULL);
	assert_int_equal(event.seq, 3);
	assert_int_equal(event.sequence, 9);
	assert_int_equal(event.timestamp, 1234);
	assert_int_equal(event.bytesused, 33);
	assert_int_equal(event.time, frame.time);
	assert_true(event.time >= before.time);

	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	assert_true(no_event(client));
	assert_int_equal(try_release(client, fd), 0);
	event = expect_event(client, SHRBUF_EVENT_RELEASED, ~0ULL);
	assert_int_equal(event.seq, 3);
	assert_int_equal(event.sequence, 9);

	set_state(shrbuf_dev(), fd, SHRBUF_STATE_ERROR);
	expect_event(client, SHRBUF_EVENT_ERROR, ~0ULL);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_EMPTY);
	expect_event(client, SHRBUF_EVENT_EMPTY, ~0ULL);
	/* a format is no event */
	assert_int_equal(try_set_format(fd, 0x34325258, 16, 16), 0);
	assert_true(no_event(client));

	close(fd);
	event = expect_event(client, SHRBUF_EVENT_GONE, ~0ULL);
	assert_int_equal(event.id, id);
	assert_true(no_event(client));
	assert_int_equal(fdinfo_number(client, "watches"), 0);
	close(client);
}

static void several_watchers(void **state)
{
	int clients[5], fd = alloc_buffer(SIZE, O_RDWR);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = client_new(0);
		watch(clients[i], fd, 0, i + 100, ALL_EVENTS);
	}
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		expect_event(clients[i], SHRBUF_EVENT_FILLED, i + 100);
		assert_true(no_event(clients[i]));
	}
	/* one goes, the others stay */
	assert_int_equal(try_unwatch(clients[1], fd, 0), 0);
	close(clients[3]);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_EMPTY);
	assert_true(no_event(clients[1]));
	assert_int_equal(try_unwatch(clients[1], fd, 0), -ENOENT);
	close(fd);
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		if (i == 1 || i == 3)
			continue;
		expect_event(clients[i], SHRBUF_EVENT_EMPTY, i + 100);
		expect_event(clients[i], SHRBUF_EVENT_GONE, i + 100);
	}
	assert_true(no_event(clients[1]));
}

static void masks(void **state)
{
	int fd = alloc_buffer(SIZE, O_RDWR);
	uint32_t type, s;

	(void)state;
	for (type = 0; type <= SHRBUF_EVENT_RELEASED; type++) {
		int client = client_new(0);

		watch(client, fd, 0, type, 1U << type);
		for (s = 0; s <= SHRBUF_STATE_ERROR; s++)
			set_state(client, fd, s);
		assert_int_equal(try_hold(client, fd, 0, NULL), 0);
		assert_int_equal(try_release(client, fd), 0);
		expect_event(client, type, type);
		assert_true(no_event(client));
		close(client);
	}
	/* the end comes, whether asked for or not */
	{
		int client = client_new(0);

		watch(client, fd, 0, 1, EVENT(FILLED));
		set_state(client, fd, SHRBUF_STATE_ERROR);
		close(fd);
		expect_event(client, SHRBUF_EVENT_GONE, 1);
		assert_true(no_event(client));
	}
}

/* Watching again changes the watch, it does not make two. */
static void watch_again(void **state)
{
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);

	(void)state;
	watch(client, fd, 0, 1, EVENT(FILLED));
	watch(client, fd, 0, 2, EVENT(EMPTY) | EVENT(ERROR));
	assert_int_equal(fdinfo_number(client, "watches"), 1);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	set_state(client, fd, SHRBUF_STATE_ERROR);
	watch(client, fd, 0, 3, ALL_EVENTS);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	expect_event(client, SHRBUF_EVENT_ERROR, 2);
	expect_event(client, SHRBUF_EVENT_FILLED, 3);
	assert_true(no_event(client));
	/* events that have come can be read after the watch */
	set_state(client, fd, SHRBUF_STATE_EMPTY);
	assert_int_equal(try_unwatch(client, fd, 0), 0);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	expect_event(client, SHRBUF_EVENT_EMPTY, 3);
	assert_true(no_event(client));
	assert_int_equal(try_unwatch(client, fd, 0), -ENOENT);
	close(fd);
	assert_true(no_event(client));
}

/* A watch keeps neither the buffer nor anything else. */
static void holds_nothing(void **state)
{
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
	int copy = high_fd(dup(fd));

	(void)state;
	watch(client, fd, 0, 1, ALL_EVENTS);
	/* other file descriptors are the same buffer */
	assert_int_equal(try_unwatch(client, copy, 0), 0);
	watch(client, copy, 0, 2, ALL_EVENTS);
	close(fd);
	set_state(client, copy, SHRBUF_STATE_FILLED);
	expect_event(client, SHRBUF_EVENT_FILLED, 2);
	close(copy);
	expect_event(client, SHRBUF_EVENT_GONE, 2);
	expect_no_buffers();
}

/* queues */

static void queue_events(void **state)
{
	static const enum camera_kind kinds[] = { CAMERA_SINGLE, CAMERA_MULTI };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int client = client_new(0), fds[3];
		struct shrbuf_event event;
		struct camera cam;
		int index;

		camera_open(&cam, kinds[i]);
		assert_int_equal(try_watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 5,
					   0), -ENOTCONN);
		attach(cam.fd);
		watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 5, ALL_EVENTS);
		assert_int_equal(fdinfo_number(client, "watched-queues"), 1);
		/* also of buffers that come later */
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
		for (j = 0; j < 3; j++)
			fds[j] = high_fd(camera_expbuf(&cam, j, 0, O_RDONLY));
		assert_true(no_event(client));
		camera_pause(&cam, true);
		for (j = 0; j < 3; j++)
			camera_qbuf(&cam, V4L2_MEMORY_MMAP, j);
		assert_int_equal(try_streamon(&cam), 0);
		/* a buffer with two planes is told of once */
		for (j = 0; j < 3; j++) {
			event = expect_event(client, SHRBUF_EVENT_FILLING, 5);
			assert_int_equal(event.index, j);
			assert_int_equal(event.id, get_info(fds[j]).id);
		}
		assert_true(no_event(client));
		camera_pause(&cam, false);
		/* frames come in order; DQBUF is not needed to know of them */
		for (j = 0; j < 2; j++) {
			event = expect_event(client, SHRBUF_EVENT_FILLED, 5);
			assert_int_equal(event.index, j);
			index = try_dqbuf(&cam, V4L2_MEMORY_MMAP);
			assert_int_equal(index, j);
			assert_int_equal(event.seq, get_info(fds[j]).frame.seq);
			assert_int_equal(event.sequence,
					 get_info(fds[j]).frame.sequence);
			assert_int_equal(event.bytesused,
					 get_info(fds[j]).frame.bytesused);
		}
		assert_int_equal(try_streamoff(&cam), 0);
		/* the third one, whether it was filled in time or not */
		event = next_event(client);
		assert_true(event.type == SHRBUF_EVENT_FILLED ||
			    event.type == SHRBUF_EVENT_ERROR);
		assert_int_equal(event.index, 2);
		/* the queue gives them up; each that somebody has lives on */
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		for (j = 0; j < 3; j++) {
			event = expect_event(client, SHRBUF_EVENT_ORPHANED, 5);
			assert_int_equal(event.id, get_info(fds[event.index]).id);
		}
		assert_true(no_event(client));
		/* which is nothing to the queue any more */
		close(fds[0]);
		assert_true(no_event(client));
		detach(cam.fd);
		event = expect_event(client, SHRBUF_EVENT_GONE, 5);
		assert_int_equal(event.id, 0);
		assert_int_equal(fdinfo_number(client, "watched-queues"), 0);
		assert_int_equal(try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE),
				 -ENOTCONN);
		/* a new attachment is not watched */
		attach(cam.fd);
		assert_int_equal(try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE),
				 -ENOENT);
		detach(cam.fd);
		assert_true(no_event(client));
		camera_close(&cam);
		closefrom(FIRST_TEST_FD);
		expect_no_buffers();
	}
}

/* Who watches both has both, the buffer first. */
static void queue_and_buffer(void **state)
{
	int client = client_new(0), fd;
	struct camera cam;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 3);
	fd = high_fd(camera_expbuf(&cam, 1, 0, O_RDONLY));
	watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 1, EVENT(ORPHANED));
	watch(client, fd, 0, 2, EVENT(ORPHANED));
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_ORPHANED, 1).index, 0);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_ORPHANED, 2).index, 0);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_ORPHANED, 1).index, 1);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_ORPHANED, 1).index, 2);
	assert_int_equal(try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE), 0);
	detach(cam.fd);
	assert_true(no_event(client));
	/* the buffer was not attached but watched */
	close(fd);
	expect_event(client, SHRBUF_EVENT_GONE, 2);
	camera_close(&cam);
	expect_no_buffers();
}

/* The device goes: its buffers are orphans, then the queue is gone. */
static void queue_removed(void **state)
{
	int client = client_new(0), i, fd;
	struct camera cam;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 1, ALL_EVENTS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	fd = high_fd(camera_expbuf(&cam, 0, 0, O_RDONLY));
	/* vivid frees its buffers at once, though it is still open */
	camera_unbind();
	for (i = 0; i < 3; i++)
		expect_event(client, SHRBUF_EVENT_ORPHANED, 1);
	expect_event(client, SHRBUF_EVENT_GONE, 1);
	assert_true(no_event(client));
	assert_int_equal(try_watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 2, 0),
			 -ENODEV);
	assert_int_equal(try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE),
			 -ENODEV);
	camera_close(&cam);
	close(fd);
	camera_bind();
	/* without buffers: at once */
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	watch(client, cam.fd, SHRBUF_WATCH_QUEUE, 3, ALL_EVENTS);
	camera_close(&cam);
	camera_unbind();
	expect_event(client, SHRBUF_EVENT_GONE, 3);
	camera_bind();
	expect_no_buffers();
}

/* lifetimes */

static int end_with_watch(void *arg)
{
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	return try_watch(client, *(int *)arg, 0, 1, 0);
}

static int read_inherited(void *arg)
{
	struct shrbuf_event event;
	int client = *(int *)arg;

	if (read(client, &event, sizeof(event)) != sizeof(event))
		return 1;
	return event.cookie == 8 ? 0 : 2;
}

/* The watch belongs to the open file: it ends with the last one who has it. */
static void who_has_the_file(void **state)
{
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR), copy;

	(void)state;
	end_child(start_child(end_with_watch, &fd), 0);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);

	watch(client, fd, 0, 8, ALL_EVENTS);
	copy = high_fd(dup(client));
	close(client);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_EMPTY);
	expect_event(copy, SHRBUF_EVENT_EMPTY, 8);
	/* a child has the same file: who reads first has the event */
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	end_child(start_child(read_inherited, &copy), 0);
	assert_true(no_event(copy));
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_EMPTY);
	expect_event(copy, SHRBUF_EVENT_EMPTY, 8);
	/* closed with events that nobody has read */
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	close(copy);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_EMPTY);
	close(fd);
	expect_no_buffers();
}

/* many */

#define MANY	10000

static void many(void **state)
{
	struct rlimit limit, old;
	int client = client_new(0);
	int *fds = calloc(MANY, sizeof(*fds));
	unsigned int i;

	(void)state;
	assert_non_null(fds);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit.rlim_cur = MANY + 100;
	limit.rlim_max = old.rlim_max < limit.rlim_cur ? limit.rlim_cur :
							 old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < MANY; i++) {
		struct shrbuf_alloc_op op = { .size = 1, .fd_flags = O_RDWR };

		do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
		fds[i] = op.fd;
		watch(client, fds[i], 0, i, ALL_EVENTS);
	}
	assert_int_equal(fdinfo_number(client, "watches"), MANY);
	for (i = 0; i < MANY; i += 97) {
		set_state(client, fds[i], SHRBUF_STATE_FILLED);
		expect_event(client, SHRBUF_EVENT_FILLED, i);
	}
	for (i = 0; i < MANY; i += 2)
		assert_int_equal(try_unwatch(client, fds[i], 0), 0);
	assert_int_equal(fdinfo_number(client, "watches"), MANY / 2);
	/* half of the others end while nobody reads, the rest with the client */
	for (i = 0; i < MANY / 2; i++)
		close(fds[i]);
	assert_int_equal(fdinfo_number(client, "events") +
			 fdinfo_number(client, "lost"), MANY / 4);
	assert_int_equal(fdinfo_number(client, "watches"), MANY / 4);
	close(client);
	for (; i < MANY; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &old);
	free(fds);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(buffer_events),
		API_TEST(several_watchers),
		API_TEST(masks),
		API_TEST(watch_again),
		API_TEST(holds_nothing),
		API_TEST(queue_events),
		API_TEST(queue_and_buffer),
		cmocka_unit_test_teardown(queue_removed, bind_and_cleanup),
		API_TEST(who_has_the_file),
		API_TEST(many),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
