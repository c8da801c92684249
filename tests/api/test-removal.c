// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that go in awkward ways: see tests/kernel/shrbuf_testcam.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testcam.h"

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

		testcam_new(expected[i].kind);
		testcam_open(&cam);
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
		testcam_act("free");
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

		testcam_attached(&old);
		camera_reqbufs(&old, V4L2_MEMORY_MMAP, 2);
		fd = camera_expbuf(&old, 0, 0, O_RDWR);
		testcam_act(how[i]);
		assert_int_equal(try_attach(old.fd), -ENODEV);
		assert_int_equal(try_detach(old.fd), -ENODEV);

		testcam_act("register");
		testcam_open(&new);
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
		testcam_act("unregister");
		testcam_act("free");
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

		testcam_attached(&cam);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		camera_close(&cam);
		testcam_act("free");
		assert_true(import_id(fd) > 0);
		close(fd);
	}
	expect_no_buffers();
}

/* Requests run while the device goes and comes. */
static void allocate(struct camera *cam, void *arg)
{
	int fd;

	(void)arg;
	try_attach(cam->fd);
	try_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	fd = try_expbuf(cam, 0, 0, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	try_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
}

static void races(void **state)
{
	(void)state;
	testcam_race(allocate, NULL);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(kinds),
		TESTCAM_TEST(registered_again),
		TESTCAM_TEST(freed_at_once),
		TESTCAM_TEST(races),
	};

	return cmocka_run_group_tests_name("removal", tests, NULL, NULL);
}
