// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the costs of shared buffers beside those of stock videobuf2, in one boot. For
 * the deterministic mode of the guest, where a guest nanosecond is a fixed fraction of an
 * instruction: see tests/bench/run.
 *
 * Prints lines "NAME OURS PEER", in nanoseconds of the guest's clock. A number is the
 * median of many runs: the timer interrupt and the camera's thread come in between now
 * and then.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "../kernel/shrbuf_testdev.h"

/*
 * Cost of a frame for the program: DQBUF of a buffer that is ready, and QBUF. With
 * buffers that were exported, or not.
 */
static long long cycle(struct camera *cam, bool exported)
{
	static long long values[ROUNDS];
	int fds[BUFS];
	unsigned int i;

	camera_reqbufs(cam, V4L2_MEMORY_MMAP, BUFS);
	for (i = 0; i < BUFS; i++) {
		fds[i] = exported ? camera_expbuf(cam, i, 0, O_RDWR) : -1;
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	}
	if (try_streamon(cam))
		fail_msg("STREAMON");
	for (i = 0; i < ROUNDS; i++) {
		struct pollfd pollfd = { .fd = cam->fd, .events = POLLIN };
		struct v4l2_buffer buf = {
			.type = cam->type, .memory = V4L2_MEMORY_MMAP,
		};
		long long start;

		if (poll(&pollfd, 1, TIMEOUT_MS) != 1)
			fail_msg("no frame");
		start = now();
		if (ioctl(cam->fd, VIDIOC_DQBUF, &buf) ||
		    ioctl(cam->fd, VIDIOC_QBUF, &buf))
			fail_msg("DQBUF, QBUF: %s", strerror(errno));
		values[i] = now() - start;
	}
	try_streamoff(cam);
	for (i = 0; exported && i < BUFS; i++)
		close(fds[i]);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	return median(values, ROUNDS);
}

/* Allocating and freeing the buffers of a queue. */
static long long allocate(struct camera *cam)
{
	static long long values[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		long long start = now();

		camera_reqbufs(cam, V4L2_MEMORY_MMAP, BUFS);
		camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
		values[i] = now() - start;
	}
	return median(values, ROUNDS);
}

/* Exporting a buffer: the first time, or again. */
static long long export(struct camera *cam, bool again)
{
	static long long values[ROUNDS];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		long long start;
		int fd, first = -1;

		camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
		if (again)
			first = camera_expbuf(cam, 0, 0, O_RDWR);
		start = now();
		fd = camera_expbuf(cam, 0, 0, O_RDWR);
		values[i] = now() - start;
		close(fd);
		if (again)
			close(first);
		camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	}
	return median(values, ROUNDS);
}

static void queue_rows(void)
{
	long long ours[5], peer[5];
	struct camera cam;
	int attached;

	camera_open(&cam, CAMERA_SINGLE);
	for (attached = 0; attached < 2; attached++) {
		long long *row = attached ? ours : peer;

		if (attached)
			attach(cam.fd);
		row[0] = cycle(&cam, false);
		row[4] = cycle(&cam, true);
		row[1] = allocate(&cam);
		row[2] = export(&cam, false);
		row[3] = export(&cam, true);
		if (attached)
			detach(cam.fd);
	}
	camera_close(&cam);
	printf("cycle %lld %lld\n", ours[0], peer[0]);
	printf("cycle-exported %lld %lld\n", ours[4], peer[4]);
	printf("allocate %lld %lld\n", ours[1], peer[1]);
	printf("export-first %lld %lld\n", ours[2], peer[2]);
	printf("export-again %lld %lld\n", ours[3], peer[3]);
}

/* Operations with many buffers alive, against the same with few. */
static void many_rows(void)
{
	static const unsigned int counts[] = { 100, 1000, 10000 };
	static long long values[ROUNDS];
	long long import[3], alloc[3], list[3];
	struct rlimit limit = { 20000, 20000 };
	unsigned int i, j, alive = 0;
	static int fds[10000];

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail_msg("setrlimit: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		long long start;

		for (; alive < counts[i]; alive++) {
			fds[alive] = ioctl(test_dev(), SHRBUF_TEST_ALLOC, 1L);
			if (fds[alive] < 0)
				fail_msg("buffer %u: %s", alive, strerror(errno));
		}
		for (j = 0; j < ROUNDS; j++) {
			start = now();
			if (ioctl(test_dev(), SHRBUF_TEST_IMPORT,
				  (long)fds[(j * 97) % alive]) < 0)
				fail_msg("import: %s", strerror(errno));
			values[j] = now() - start;
		}
		import[i] = median(values, ROUNDS);
		for (j = 0; j < ROUNDS; j++) {
			int fd;

			start = now();
			fd = ioctl(test_dev(), SHRBUF_TEST_ALLOC, 1L);
			values[j] = now() - start;
			close(fd);
		}
		alloc[i] = median(values, ROUNDS);
		for (j = 0; j < 5; j++) {
			start = now();
			if (buffers_alive() != (int)alive)
				fail_msg("the listing is not whole");
			values[j] = (now() - start) / alive;
		}
		list[i] = median(values, 5);
	}
	for (i = 1; i < ARRAY_SIZE(counts); i++) {
		printf("import-%u %lld %lld\n", counts[i], import[i], import[0]);
		printf("alloc-%u %lld %lld\n", counts[i], alloc[i], alloc[0]);
		printf("list-%u %lld %lld\n", counts[i], list[i], list[0]);
	}
	for (i = 0; i < alive; i++)
		close(fds[i]);
}

static void bench(void **state)
{
	(void)state;
	queue_rows();
	watcher_rows();
	many_rows();
	state_rows();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench) };

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
