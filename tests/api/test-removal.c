// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that go in awkward ways: see tests/kernel/shrbuf_testcam.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

#define PARAM	"/sys/module/shrbuf_testcam/parameters/"

static void act(const char *what)
{
	do_write(PARAM "act", what);
}

static void new_device(const char *kind)
{
	do_write(PARAM "kind", kind);
	act("new");
}

static bool device_is_there(void *arg)
{
	int *fd = arg;

	*fd = video_open("shrbuf_testcam");
	return *fd >= 0;
}

static void open_device(struct camera *cam)
{
	memset(cam, 0, sizeof(*cam));
	wait_for(device_is_there, &cam->fd, "the test camera");
	cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	cam->nr_planes = 1;
	cam->fmt.type = cam->type;
	do_ioctl(cam->fd, VIDIOC_G_FMT, &cam->fmt);
}

static void kinds(void **state)
{
	struct {
		const char *kind;
		int attach, detach;
	} expected[] = {
		{ "stock", 0, 0 },
		{ "dma-sg", 0, 0 },
		{ "ported", 0, 0 },
		{ "unknown", -EOPNOTSUPP, -ENOTCONN },
		{ "unlocked", -EOPNOTSUPP, -EOPNOTSUPP },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		struct camera cam;
		int fd;

		new_device(expected[i].kind);
		open_device(&cam);
		assert_int_equal(try_attach(cam.fd), expected[i].attach);
		if (!expected[i].attach) {
			camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
			fd = camera_expbuf(&cam, 0, 0, O_RDWR);
			assert_true(import_id(fd) > 0);
			close(fd);
			camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
			expect_no_buffers();
		}
		assert_int_equal(try_detach(cam.fd), expected[i].detach);
		camera_close(&cam);
		act("free");
	}
}

/*
 * The queue stays and is registered again: it gives shared buffers until its old ones
 * are gone, and can be attached afresh then.
 */
static void registered_again(void **state)
{
	static const char * const how[] = { "unregister", "unregister-locked" };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		struct camera old, new;
		int fd, fd2;

		new_device("stock");
		open_device(&old);
		attach(old.fd);
		camera_reqbufs(&old, V4L2_MEMORY_MMAP, 2);
		fd = camera_expbuf(&old, 0, 0, O_RDWR);
		act(how[i]);
		assert_int_equal(try_attach(old.fd), -ENODEV);
		assert_int_equal(try_detach(old.fd), -ENODEV);

		act("register");
		open_device(&new);
		assert_int_equal(try_attach(new.fd), -EBUSY);
		assert_int_equal(try_detach(new.fd), -EBUSY);
		assert_int_equal(buffers_alive(), 2);
		/* the last plane of the queue ends the attachment */
		camera_close(&old);
		assert_int_equal(buffers_alive(), 1);
		assert_int_equal(try_detach(new.fd), -ENOTCONN);
		camera_reqbufs(&new, V4L2_MEMORY_MMAP, 2);
		fd2 = camera_expbuf(&new, 0, 0, O_RDWR);
		assert_int_equal(import_id(fd2), -EINVAL);
		close(fd2);
		camera_reqbufs(&new, V4L2_MEMORY_MMAP, 0);
		attach(new.fd);
		camera_reqbufs(&new, V4L2_MEMORY_MMAP, 2);
		fd2 = camera_expbuf(&new, 0, 0, O_RDWR);
		assert_true(import_id(fd2) > 0);
		close(fd2);
		camera_close(&new);
		close(fd);
		act("unregister");
		act("free");
		expect_no_buffers();
	}
}

/* The driver frees the queue as soon as the device is unregistered. */
static void freed_at_once(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		struct camera cam;
		int fd;

		new_device("stock");
		open_device(&cam);
		attach(cam.fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		camera_close(&cam);
		act("free");
		assert_true(import_id(fd) > 0);
		close(fd);
	}
	expect_no_buffers();
}

/* Requests run while the device goes and comes. */
#define LOOPS	100

static bool stop;

static void *allocate(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct camera cam = {
			.fd = video_open("shrbuf_testcam"), .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		};
		int fd;

		if (cam.fd < 0)
			continue;
		try_attach(cam.fd);
		try_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		fd = try_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		try_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		close(cam.fd);
	}
	return NULL;
}

static void races(void **state)
{
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	new_device("stock");
	stop = false;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, allocate,
						NULL), 0);
	for (i = 0; i < LOOPS; i++) {
		/* without the lock: requests are in flight */
		act("unregister");
		usleep(1000);
		act("register");
		usleep(5000);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	act("unregister");
	act("free");
	expect_no_buffers();
}

static int free_device(void **state)
{
	int fd;

	test_cleanup(state);
	fd = open(PARAM "act", O_WRONLY | O_CLOEXEC);
	/* fails where there is none */
	if (fd >= 0 && write(fd, "free", 4) < 0)
		errno = 0;
	close(fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(kinds, free_device),
		cmocka_unit_test_teardown(registered_again, free_device),
		cmocka_unit_test_teardown(freed_at_once, free_device),
		cmocka_unit_test_teardown(races, free_device),
	};

	return cmocka_run_group_tests_name("removal", tests, NULL, NULL);
}
