// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to know: watchers of a stream, and requests about one buffer of many.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "../kernel/shrbuf_testdev.h"

#define MAX_WATCHERS	10
#define MAX_BUFS	10000

/* of the vivid driver: "OSD Text Mode", 2 is "None" */
#define CID_OSD_TEXT_MODE	((0x00f00000 | 0xf000) + 1)

static int watchers[MAX_WATCHERS];

static void request(int dev, unsigned long nr, void *arg)
{
	if (ioctl(dev, nr, arg))
		fail_msg("ioctl 0x%lx: %s", nr, strerror(errno));
}

static void watch(int dev, int fd, unsigned int flags)
{
	struct shrbuf_watch_op op = { .fd = fd, .flags = flags };

	request(dev, SHRBUF_IOC_WATCH, &op);
}

static void watchers_open(unsigned int nr, int fd, unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		watchers[i] = do_open("/dev/shrbuf", O_RDWR | O_NONBLOCK);
		watch(watchers[i], fd, flags);
	}
}

/* So that no ring gets full: a lost event would cost less than one that is kept. */
static void watchers_read(unsigned int nr)
{
	struct shrbuf_event events[64];
	unsigned int i;
	ssize_t len;

	for (i = 0; i < nr; i++)
		do {
			len = read(watchers[i], events, sizeof(events));
			if (len > 0 && events[0].type == SHRBUF_EVENT_OVERFLOW)
				fail_msg("a watcher has lost events");
		} while (len == sizeof(events));
}

static void watchers_close(unsigned int nr)
{
	while (nr)
		close(watchers[--nr]);
}

/* Number of the thread of the camera that fills buffers. */
static int camera_thread(void)
{
	glob_t found;
	int pid = 0;
	size_t i;

	if (glob("/proc/[0-9]*/comm", 0, NULL, &found))
		fail_msg("no /proc");
	for (i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "re");
		char name[32] = "";

		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) &&
		    !strcmp(name, "vivid-000-vid-cap\n"))
			pid = atoi(found.gl_pathv[i] + strlen("/proc/"));
		fclose(file);
	}
	globfree(&found);
	if (!pid)
		fail_msg("the camera has no thread");
	return pid;
}

/* How long it has run so far. */
static long long thread_time(int pid)
{
	char path[64];
	long long time = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &time) != 1)
		fail_msg("%s: cannot be read", path);
	fclose(file);
	return time;
}

struct cost {
	long long program;	/* DQBUF and QBUF */
	long long driver;	/* the camera's thread, for a frame */
};

static struct cost stream(struct camera *cam, unsigned int nr_watchers)
{
	static long long values[ROUNDS], driver[ROUNDS];
	unsigned int i;
	int thread;

	camera_reqbufs(cam, V4L2_MEMORY_MMAP, BUFS);
	watchers_open(nr_watchers, cam->fd, SHRBUF_WATCH_QUEUE);
	for (i = 0; i < BUFS; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	if (try_streamon(cam))
		fail_msg("STREAMON");
	thread = camera_thread();
	for (i = 0; i < ROUNDS; i++) {
		struct pollfd pollfd = { .fd = cam->fd, .events = POLLIN };
		struct v4l2_buffer buf = {
			.type = cam->type, .memory = V4L2_MEMORY_MMAP,
		};
		long long start, before = thread_time(thread);

		/* the thread goes back to sleep after the frame */
		if (poll(&pollfd, 1, TIMEOUT_MS) != 1)
			fail_msg("no frame");
		usleep(2000);
		driver[i] = thread_time(thread) - before;
		start = now();
		if (ioctl(cam->fd, VIDIOC_DQBUF, &buf) ||
		    ioctl(cam->fd, VIDIOC_QBUF, &buf))
			fail_msg("DQBUF, QBUF: %s", strerror(errno));
		values[i] = now() - start;
		watchers_read(nr_watchers);
	}
	try_streamoff(cam);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	watchers_close(nr_watchers);
	return (struct cost){
		.program = median(values, ROUNDS),
		.driver = median(driver, ROUNDS),
	};
}

/* A change of the content by a program. */
static long long set_state(unsigned int nr_watchers)
{
	static long long values[ROUNDS];
	struct shrbuf_alloc_op alloc = {
		.size = 4096, .fd_flags = O_RDWR, .name = "bench",
	};
	unsigned int i;

	request(shrbuf_dev(), SHRBUF_IOC_ALLOC, &alloc);
	watchers_open(nr_watchers, alloc.fd, 0);
	for (i = 0; i < ROUNDS; i++) {
		struct shrbuf_state_op op = {
			.fd = alloc.fd, .frame.state = SHRBUF_STATE_FILLED,
		};
		long long start = now();

		request(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &op);
		values[i] = now() - start;
		watchers_read(nr_watchers);
	}
	close(alloc.fd);
	watchers_close(nr_watchers);
	return median(values, ROUNDS);
}

void watcher_rows(void)
{
	static const unsigned int counts[] = { 0, 1, MAX_WATCHERS };
	struct v4l2_control no_text = { .id = CID_OSD_TEXT_MODE, .value = 2 };
	struct cost stock, ours[3];
	struct camera cam;
	long long set[3];
	unsigned int i;

	camera_open(&cam, CAMERA_SINGLE);
	/* small, and the same each time: the picture is not what is measured */
	camera_format(&cam, 160, 120);
	do_ioctl(cam.fd, VIDIOC_S_CTRL, &no_text);
	stock = stream(&cam, 0);
	attach(cam.fd);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		ours[i] = stream(&cam, counts[i]);
		set[i] = set_state(counts[i]);
	}
	detach(cam.fd);
	camera_close(&cam);

	printf("frame %lld %lld\n", ours[0].driver, stock.driver);
	for (i = 1; i < ARRAY_SIZE(counts); i++) {
		printf("cycle-watched-%u %lld %lld\n", counts[i], ours[i].program,
		       stock.program);
		printf("frame-watched-%u %lld %lld\n", counts[i], ours[i].driver,
		       stock.driver);
	}
	printf("cycle-ten-watchers %lld %lld\n", ours[2].program - ours[0].program,
	       MAX_WATCHERS * (ours[1].program - ours[0].program));
	printf("set-ten-watchers %lld %lld\n", set[2] - set[0],
	       MAX_WATCHERS * (set[1] - set[0]));
}

static long long info(int fd)
{
	struct shrbuf_info op = { .fd = fd };
	long long start = now();

	request(shrbuf_dev(), SHRBUF_IOC_INFO, &op);
	return now() - start;
}

static long long unwatch_and_watch(int fd)
{
	struct shrbuf_watch_op op = { .fd = fd };
	long long start = now();

	request(shrbuf_dev(), SHRBUF_IOC_UNWATCH, &op);
	request(shrbuf_dev(), SHRBUF_IOC_WATCH, &op);
	return now() - start;
}

static long long hold_and_release(int fd)
{
	struct shrbuf_hold_op hold = { .fd = fd };
	struct shrbuf_buffer_op release = { .fd = fd };
	long long start = now();

	request(shrbuf_dev(), SHRBUF_IOC_HOLD, &hold);
	request(shrbuf_dev(), SHRBUF_IOC_RELEASE, &release);
	return now() - start;
}

/* One more buffer with a frame, which is watched. */
static int new_buffer(void)
{
	struct shrbuf_state_op op = { .frame.state = SHRBUF_STATE_FILLED };

	op.fd = ioctl(test_dev(), SHRBUF_TEST_ALLOC, 1L);
	if (op.fd < 0)
		fail_msg("a buffer: %s", strerror(errno));
	request(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &op);
	watch(shrbuf_dev(), op.fd, 0);
	return op.fd;
}

/* Requests about one of many buffers, all of which this open file watches. */
void state_rows(void)
{
	static const struct {
		const char *name;
		long long (*cost)(int fd);
	} rows[] = {
		{ "info", info },
		{ "watch", unwatch_and_watch },
		{ "hold", hold_and_release },
	};
	static const unsigned int counts[] = { 100, 1000, MAX_BUFS };
	static long long values[ROUNDS];
	static int fds[MAX_BUFS];
	long long costs[ARRAY_SIZE(rows)][ARRAY_SIZE(counts)];
	struct rlimit limit = { 2 * MAX_BUFS, 2 * MAX_BUFS };
	unsigned int i, j, k, alive = 0;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail_msg("setrlimit: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (; alive < counts[i]; alive++)
			fds[alive] = new_buffer();
		for (j = 0; j < ARRAY_SIZE(rows); j++) {
			for (k = 0; k < ROUNDS; k++)
				values[k] = rows[j].cost(fds[k * 97 % alive]);
			costs[j][i] = median(values, ROUNDS);
		}
	}
	for (i = 1; i < ARRAY_SIZE(counts); i++)
		for (j = 0; j < ARRAY_SIZE(rows); j++)
			printf("%s-%u %lld %lld\n", rows[j].name, counts[i],
			       costs[j][i], costs[j][i - 1]);
	while (alive)
		close(fds[--alive]);
}
