// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that use the same objects at the same time. Bounded by count.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xf86drm.h>

#include "common.h"
#include "../kernel/shrbuf_testdev.h"

#define LOOPS	300

static struct camera cam;
static int shared_fd;

/* Results that are neither success nor one of the errors that a race can give. */
static int bad;

static void count_bad(int ret, int ok1, int ok2)
{
	if (ret < 0 && ret != ok1 && ret != ok2)
		__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
}

static void *export_and_close(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS; i++) {
		int fd = try_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);

		count_bad(fd, 0, 0);
		if (fd < 0)
			continue;
		count_bad(import_id(fd), 0, 0);
		close(fd);
	}
	return NULL;
}

/* Closes and makes again the file descriptor that others import at that time. */
static void *replace(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS; i++) {
		int fd = try_expbuf(&cam, i % 2, 0, O_RDWR | O_CLOEXEC);

		count_bad(fd, 0, 0);
		if (fd < 0)
			continue;
		dup3(fd, shared_fd, O_CLOEXEC);
		close(fd);
	}
	return NULL;
}

static void *import_shared(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS; i++) {
		int fd;

		count_bad(import_id(shared_fd), -EBADF, -EINVAL);
		fd = ioctl(test_dev(), SHRBUF_TEST_ADOPT, (long)shared_fd);
		if (fd >= 0)
			close(fd);
		else
			count_bad(-errno, -EBADF, -EINVAL);
	}
	return NULL;
}

static void *prime_import(void *arg)
{
	int drm = drm_open("vkms");
	int i;

	(void)arg;
	if (drm < 0)
		return NULL;
	for (i = 0; i < LOOPS; i++) {
		uint32_t handle;

		if (drmPrimeFDToHandle(drm, shared_fd, &handle) == 0)
			drmCloseBufferHandle(drm, handle);
	}
	close(drm);
	return NULL;
}

static void *list(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS / 4; i++)
		if (buffers_alive() < 0)
			count_bad(-EIO, 0, 0);
	return NULL;
}

static void *attach_detach(void *arg)
{
	int fd = open(arg, O_RDWR | O_CLOEXEC);
	int i;

	for (i = 0; i < LOOPS; i++) {
		count_bad(try_attach(fd), -EALREADY, -EBUSY);
		count_bad(try_detach(fd), -ENOTCONN, -EBUSY);
	}
	close(fd);
	return NULL;
}

static void *reqbufs(void *arg)
{
	struct camera mine = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	int i;

	mine.fd = open(arg, O_RDWR | O_CLOEXEC);
	for (i = 0; i < LOOPS / 4; i++) {
		int fd;

		count_bad(try_reqbufs(&mine, V4L2_MEMORY_MMAP, 2), -EBUSY, 0);
		fd = try_expbuf(&mine, 0, 0, O_RDWR | O_CLOEXEC);
		count_bad(try_reqbufs(&mine, V4L2_MEMORY_MMAP, 0), -EBUSY, 0);
		if (fd >= 0)
			close(fd);
	}
	close(mine.fd);
	return NULL;
}

/* The last one to close an adopted buffer meets one who adopts it again. */
static void *adopt_and_close(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS; i++) {
		int fd = ioctl(test_dev(), SHRBUF_TEST_ADOPT, (long)shared_fd);

		count_bad(fd < 0 ? -errno : fd, 0, 0);
		if (fd < 0)
			continue;
		count_bad(import_id(fd), 0, 0);
		close(fd);
	}
	return NULL;
}

static void *alloc_and_close(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < LOOPS; i++) {
		int fd = ioctl(test_dev(), SHRBUF_TEST_ALLOC, 1L);

		count_bad(fd < 0 ? -errno : fd, 0, 0);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void run_threads(void *(*const *functions)(void *), unsigned int nr,
			void *arg)
{
	pthread_t threads[16];
	unsigned int i;

	assert_true(nr <= ARRAY_SIZE(threads));
	bad = 0;
	for (i = 0; i < nr; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, functions[i],
						arg), 0);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bad, 0);
}

static void import_and_close(void **state)
{
	static void *(*const functions[])(void *) = {
		export_and_close, export_and_close, replace, import_shared,
		import_shared, prime_import, list,
	};

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 2);
	shared_fd = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	run_threads(functions, ARRAY_SIZE(functions), NULL);
	close(shared_fd);
	camera_done(&cam);
	expect_no_buffers();
}

static void attach_and_allocate(void **state)
{
	static void *(*const functions[])(void *) = {
		attach_detach, attach_detach, reqbufs, reqbufs, list,
	};
	char path[64];
	int fd, ret;

	(void)state;
	strncpy(path, camera_path(CAMERA_SINGLE), sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	run_threads(functions, ARRAY_SIZE(functions), path);
	fd = do_open(path, O_RDWR);
	ret = try_detach(fd);
	assert_true(!ret || ret == -ENOTCONN);
	close(fd);
	expect_no_buffers();
}

static void adopt_again(void **state)
{
	static void *(*const functions[])(void *) = {
		adopt_and_close, adopt_and_close, adopt_and_close, list,
	};

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	/* not attached: a dma-buf of another exporter */
	shared_fd = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	run_threads(functions, ARRAY_SIZE(functions), NULL);
	expect_no_buffers();
	close(shared_fd);
	camera_close(&cam);
}

static void list_and_free(void **state)
{
	static void *(*const functions[])(void *) = {
		alloc_and_close, alloc_and_close, alloc_and_close, list, list,
	};
	static const char event[] =
		"/sys/kernel/tracing/events/shrbuf/shrbuf_release/enable";

	(void)state;
	/* A traced release takes longer to leave the list: more readers meet it. */
	do_write(event, "1");
	run_threads(functions, ARRAY_SIZE(functions), NULL);
	do_write(event, "0");
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(import_and_close),
		API_TEST(attach_and_allocate),
		API_TEST(adopt_again),
		API_TEST(list_and_free),
	};

	return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
