// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the sweep over failing allocations that an open /dev/shrbuf takes: it
 * watches, holds, fills and adopts. fail-nth.c says what is done with them. What the open
 * file has to do with buffers is counted there before and after: a step that failed must
 * not have left anything of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "fail-nth.h"

#define COOKIE	77

static struct camera cam;
static int buffer;	/* of shrbuf */
static int foreign;	/* of another exporter */
int client = -1;

static void expect(int ret, int or_this)
{
	if (ret && ret != or_this)
		fail_msg("undo: %s", strerror(-ret));
}

/* Not the one that all tests share: this one goes with the test. */
static void open_client(void)
{
	client = keep(open("/dev/shrbuf", O_RDWR | O_CLOEXEC));
}

static void prepare_buffer(void)
{
	open_client();
	buffer = keep(try_alloc_from(client, 2));
}

static void prepare_filled(void)
{
	prepare_buffer();
	expect(try_set_state(client, buffer, SHRBUF_STATE_FILLED), 0);
}

static void prepare_watched(void)
{
	prepare_filled();
	expect(try_watch(client, buffer, 0, COOKIE, 0), 0);
}

static void prepare_queue(void)
{
	open_client();
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
}

static void prepare_watched_queue(void)
{
	prepare_queue();
	expect(try_watch(client, cam.fd, SHRBUF_WATCH_QUEUE, COOKIE, 0), 0);
}

/* requests about a buffer */

static int run_info(void)
{
	struct shrbuf_info info;

	return try_info(client, buffer, &info);
}

static int run_set_format(void)
{
	return try_set_format(client, buffer);
}

static int run_set_state(void)
{
	return try_set_state(client, buffer, SHRBUF_STATE_FILLED);
}

/* Makes the open file the producer. */
static int run_fill(void)
{
	return try_set_state(client, buffer, SHRBUF_STATE_FILLING);
}

static void undo_fill(void)
{
	expect(try_set_state(client, buffer, SHRBUF_STATE_EMPTY), 0);
}

static int run_hold(void)
{
	return try_hold(client, buffer, 0);
}

static void undo_hold(void)
{
	expect(try_release(client, buffer), -ENOENT);
}

static void prepare_held(void)
{
	prepare_filled();
	expect(run_hold(), 0);
}

static int run_release(void)
{
	return try_release(client, buffer);
}

static void undo_release(void)
{
	expect(run_hold(), -EALREADY);
}

/* watches */

/* The first one of an open file needs a ring for events. */
static int run_first_watch(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = try_watch(fd, buffer, 0, COOKIE, 0);
	return ret ? ret : fd;
}

static int run_watch(void)
{
	return try_watch(client, buffer, 0, COOKIE, 0);
}

static void undo_watch(void)
{
	expect(try_unwatch(client, buffer, 0), -ENOENT);
}

static int run_watch_queue(void)
{
	return try_watch(client, cam.fd, SHRBUF_WATCH_QUEUE, COOKIE, 0);
}

static void undo_watch_queue(void)
{
	expect(try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE), -ENOENT);
}

static int run_unwatch(void)
{
	return try_unwatch(client, buffer, 0);
}

static void undo_unwatch(void)
{
	expect(run_watch(), 0);
}

static int run_unwatch_queue(void)
{
	return try_unwatch(client, cam.fd, SHRBUF_WATCH_QUEUE);
}

static void undo_unwatch_queue(void)
{
	expect(run_watch_queue(), 0);
}

/* events: one is there before each run, and if reading failed it still is */

static int read_result;

static void one_event(void)
{
	expect(try_set_state(client, buffer, SHRBUF_STATE_FILLED), 0);
}

static void prepare_event(void)
{
	prepare_buffer();
	expect(run_watch(), 0);
	one_event();
	read_result = 1;
}

static int run_read(void)
{
	struct shrbuf_event events[2];

	read_result = try_read_events(client, events, 2);
	return read_result;
}

static void undo_read(void)
{
	struct shrbuf_event event;

	if (read_result < 0)
		assert_int_equal(try_read_events(client, &event, 1), 1);
	else
		assert_int_equal(read_result, 1);
	one_event();
}

static int run_poll(void)
{
	struct pollfd pollfd = { .fd = client, .events = POLLIN };
	int ret = poll(&pollfd, 1, 0);

	return ret < 0 ? -errno : ret;
}

/* the listing of what an open file does */
static int run_client_fdinfo(void)
{
	char path[64], text[512];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", client);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		len = read(fd, text, sizeof(text));
	} while (len > 0);
	return len < 0 ? -errno : 0;
}

/* adoption */

static int adopt_result;

static void prepare_vgem(void)
{
	open_client();
	foreign = foreign_dmabuf();
}

/* A camera that is not attached. */
static void prepare_stock(void)
{
	open_client();
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	foreign = keep(camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC));
}

static int run_adopt(void)
{
	adopt_result = try_adopt(client, foreign);
	return adopt_result;
}

/* Its file descriptor was closed, so adopting again finds the buffer, or makes it. */
static void undo_adopt(void)
{
	int fd;

	assert_int_equal(client_uses(client, "adopted"), adopt_result >= 0);
	fd = try_adopt(client, foreign);
	assert_true(fd >= 0);
	expect(try_disown(client, fd), 0);
	close(fd);
	assert_int_equal(client_uses(client, "adopted"), 0);
}

static void prepare_adopted(void)
{
	prepare_vgem();
	buffer = keep(try_adopt(client, foreign));
}

static int run_disown(void)
{
	return try_disown(client, buffer);
}

static void undo_disown(void)
{
	int fd = try_adopt(client, buffer);

	assert_true(fd >= 0);
	close(fd);
}

struct step client_steps[] = {
	{ "info", prepare_filled, run_info, NULL, { EFAULT } },
	{ "set format", prepare_buffer, run_set_format, NULL, { EFAULT } },
	{ "set state", prepare_buffer, run_set_state, NULL, { ENOMEM, EFAULT } },
	{ "fill", prepare_buffer, run_fill, undo_fill, { ENOMEM, EFAULT } },
	{ "hold", prepare_filled, run_hold, undo_hold, { ENOMEM, EFAULT } },
	{ "release", prepare_held, run_release, undo_release, { EFAULT } },
	{ "first watch", prepare_filled, run_first_watch, NULL,
	  { ENOMEM, EFAULT, ENFILE } },
	{ "watch", prepare_filled, run_watch, undo_watch, { ENOMEM, EFAULT } },
	{ "watch a queue", prepare_queue, run_watch_queue, undo_watch_queue,
	  { ENOMEM, EFAULT } },
	/* changes the cookie, and needs nothing for that */
	{ "watch again", prepare_watched, run_watch, NULL, { EFAULT } },
	{ "unwatch", prepare_watched, run_unwatch, undo_unwatch, { EFAULT } },
	{ "unwatch a queue", prepare_watched_queue, run_unwatch_queue,
	  undo_unwatch_queue, { EFAULT } },
	{ "read an event", prepare_event, run_read, undo_read, { EFAULT } },
	{ "poll", prepare_event, run_poll, NULL, { EFAULT } },
	{ "fdinfo of /dev/shrbuf", prepare_watched, run_client_fdinfo, NULL,
	  { ENOMEM, EFAULT } },
	{ "ADOPT", prepare_vgem, run_adopt, undo_adopt,
	  { ENOMEM, EFAULT, ENFILE } },
	{ "ADOPT of a stock camera's", prepare_stock, run_adopt, undo_adopt,
	  { ENOMEM, EFAULT, ENFILE } },
	{ "DISOWN", prepare_adopted, run_disown, undo_disown, { EFAULT } },
};

_Static_assert(ARRAY_SIZE(client_steps) == NR_CLIENT_STEPS,
	       "NR_CLIENT_STEPS must be the number of steps");

/* What makes a file descriptor, when there can be no more. */

static int run_open(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int run_alloc(void)
{
	return try_alloc_from(client, 2);
}

void no_more_files(void **state)
{
	static const struct {
		void (*prepare)(void);
		int (*run)(void);
	} tries[] = {
		{ prepare_buffer, run_open },
		{ prepare_buffer, run_alloc },
		{ prepare_vgem, run_adopt },
		{ prepare_stock, run_adopt },
	};
	struct rlimit before, none;
	unsigned int i;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		int alive, ret;

		tries[i].prepare();
		alive = buffers_alive();
		/* what is open stays open */
		none = before;
		none.rlim_cur = 0;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		ret = tries[i].run();
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(ret, -EMFILE);
		assert_int_equal(buffers_alive(), alive);
		assert_int_equal(client_uses(client, NULL), 0);

		ret = tries[i].run();
		assert_true(ret >= 0);
		close(ret);
		if (tries[i].run == run_adopt)
			undo_adopt();
		assert_int_equal(buffers_alive(), alive);
		assert_int_equal(test_cleanup(NULL), 0);
		expect_no_buffers();
	}
}
