// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that stream as fast as they can, against all who look at, watch and hold the
 * buffers, and against those who take queue, buffers and device away. Bounded by count.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "requests.h"

#define LOOPS	180
#define NR_BUFS	4

/*
 * File descriptors of buffers that all threads use, at numbers that stay. Threads that
 * work with them meet closed, other and foreign ones.
 */
static int shared[NR_BUFS];
static char path[64];

/* Set when the thread that decides how long it takes is done. */
static bool stop;

/* Results that no race can give, and the first of them. */
static int bad, first_bad, first_line;

static void count_bad(int line)
{
	if (!__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED)) {
		first_bad = errno;
		first_line = line;
	}
}

/* Success, or one of these errors, which end with 0. */
static void check_line(int line, int ret, ...)
{
	va_list args;
	int error;

	if (ret >= 0)
		return;
	va_start(args, ret);
	while ((error = va_arg(args, int)))
		if (error == ret)
			break;
	va_end(args);
	if (!error) {
		errno = -ret;
		count_bad(line);
	}
}

#define CHECK(...)	check_line(__LINE__, __VA_ARGS__, 0)

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static int pick(unsigned int *seed)
{
	return shared[next_random(seed) % NR_BUFS];
}

static void set_shared(unsigned int i, int fd)
{
	if (fd >= 0) {
		dup3(fd, shared[i], O_CLOEXEC);
		close(fd);
	}
}

/* those who look, again and again */

struct looker {
	unsigned int seed;
	int client;
	struct shrbuf_info last;
};

static void ask(struct looker *l)
{
	struct shrbuf_info info;
	int ret = try_info(pick(&l->seed), &info);

	CHECK(ret, -EBADF, -EINVAL);
	if (ret)
		return;
	/* one consistent state, whatever happens at the same time */
	if (info.frame.state > SHRBUF_STATE_ERROR ||
	    (info.frame.state <= SHRBUF_STATE_FILLING &&
	     (info.frame.bytesused || info.frame.sequence ||
	      info.frame.timestamp || info.frame.flags)) ||
	    (info.frame.state == SHRBUF_STATE_FILLED &&
	     info.status & SHRBUF_STATUS_QUEUE &&
	     !info.frame.bytesused) ||
	    (info.id == l->last.id && info.frame.seq < l->last.frame.seq))
		count_bad(__LINE__);
	l->last = info;
}

static void hold_and_release(struct looker *l)
{
	int fd = pick(&l->seed);

	CHECK(try_hold(l->client, fd, 0, NULL), -EBADF, -EINVAL, -ENODATA, -EALREADY);
	CHECK(try_release(l->client, fd), -EBADF, -EINVAL, -ENOENT);
}

static void watch_and_read(struct looker *l)
{
	/* not always: it could not be unloaded */
	int video = next_random(&l->seed) % 8 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	struct shrbuf_event events[16];
	int fd = pick(&l->seed);
	ssize_t len;

	CHECK(try_watch(l->client, fd, 0, 1, 0), -EBADF, -EINVAL);
	/* the device may be gone, or never have been there */
	CHECK(try_watch(l->client, video, SHRBUF_WATCH_QUEUE, 2, 0),
	      -ENOTCONN, -ENODEV, -EBADF);
	len = read(l->client, events, sizeof(events));
	CHECK(len < 0 ? -errno : 0, -EAGAIN);
	if (len > 0 && (len % sizeof(events[0]) ||
			events[0].type > SHRBUF_EVENT_OVERFLOW))
		count_bad(__LINE__);
	if (next_random(&l->seed) % 2)
		CHECK(try_unwatch(l->client, fd, 0), -EBADF, -EINVAL, -ENOENT);
	if (next_random(&l->seed) % 4 == 0)
		CHECK(try_unwatch(l->client, video, SHRBUF_WATCH_QUEUE),
		      -ENOTCONN, -ENODEV, -ENOENT, -EBADF);
	close(video);
}

static void fill(struct looker *l)
{
	uint32_t s = next_random(&l->seed) % (SHRBUF_STATE_ERROR + 1);

	CHECK(try_set_state(l->client, pick(&l->seed), s), -EBADF, -EINVAL, -EPERM, -EBUSY);
}

static void own(struct looker *l)
{
	struct shrbuf_adopt_op op = {
		.fd = pick(&l->seed), .fd_flags = O_RDWR,
	};
	int ret = try_ioctl(l->client, SHRBUF_IOC_ADOPT, &op);

	CHECK(ret, -EBADF, -EINVAL);
	if (!ret && next_random(&l->seed) % 2)
		CHECK(try_disown(l->client, op.buffer_fd), -ENOENT);
	if (!ret)
		close(op.buffer_fd);
}

static void read_fdinfo(struct looker *l)
{
	char line[128];
	int fd;

	(void)l;
	for (fd = 0; fd < 64; fd++) {
		FILE *file;

		snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
		file = fopen(line, "re");
		while (file && fgets(line, sizeof(line), file))
			;
		if (file)
			fclose(file);
	}
	buffers_alive();
}

/* @keeps: about so many times with the same file of /dev/shrbuf */
static const struct {
	void (*look)(struct looker *l);
	unsigned int keeps;
} everybody[] = {
	{ ask, 16 }, { ask, 16 }, { hold_and_release, 16 },
	{ watch_and_read, 32 }, { watch_and_read, 32 }, { fill, 16 }, { own, 16 },
	{ read_fdinfo, 16 },
};

static int open_client(void)
{
	return open("/dev/shrbuf", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* Signals are for the one who decides: all of them together would never let him go on. */
static void *start(void *arg)
{
	unsigned long i = (unsigned long)arg;
	struct looker l = { .seed = i + 1, .client = open_client() };

	thread_without_signals();
	while (!stopped()) {
		everybody[i].look(&l);
		if (next_random(&l.seed) % everybody[i].keeps)
			continue;
		/* what it has goes with the file */
		close(l.client);
		l.client = open_client();
	}
	close(l.client);
	return NULL;
}

/* those who decide */

static void *stream(void *arg)
{
	struct camera *cam = arg;
	unsigned int i;

	for (i = 0; i < LOOPS; i++) {
		int index;

		/* now and then stop and start, with buffers in flight */
		if (i % 30 == 29) {
			CHECK(try_streamoff(cam));
			for (index = 0; index < NR_BUFS; index++)
				CHECK(try_queue(cam, index));
			CHECK(try_streamon(cam));
		}
		index = try_dqbuf(cam, V4L2_MEMORY_MMAP);
		CHECK(index);
		CHECK(try_queue(cam, index));
	}
	return NULL;
}

/* The buffers are imported, by turns those of others. */
static void *stream_imported(void *arg)
{
	struct camera *cam = arg;
	unsigned int i;

	for (i = 0; i < LOOPS; i++) {
		int index = try_dqbuf(cam, V4L2_MEMORY_DMABUF);

		CHECK(index);
		if (i % 8 == 7) {
			struct shrbuf_alloc_op op = {
				.size = camera_plane_size(cam, 0),
				.fd_flags = O_RDWR,
			};

			CHECK(try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op));
			set_shared(index, op.fd);
		}
		CHECK(try_qbuf(cam, V4L2_MEMORY_DMABUF, index, &shared[index],
			       NULL));
	}
	return NULL;
}

/* attaches, allocates, and streams */
static void begin(struct camera *cam)
{
	int i;

	CHECK(try_attach(cam->fd), -EALREADY);
	CHECK(try_reqbufs(cam, V4L2_MEMORY_MMAP, NR_BUFS));
	for (i = 0; i < NR_BUFS; i++) {
		set_shared(i, try_expbuf(cam, i, 0, O_RDWR | O_CLOEXEC));
		CHECK(try_queue(cam, i));
	}
	CHECK(try_streamon(cam));
	CHECK(try_dqbuf(cam, V4L2_MEMORY_MMAP));
}

/* Half of the time frees and detaches, else just closes. */
static void *come_and_go(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < LOOPS / 10; i++) {
		struct camera cam = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

		cam.fd = open(path, O_RDWR | O_CLOEXEC);
		if (cam.fd < 0)
			continue;
		begin(&cam);
		if (i % 2) {
			CHECK(try_streamoff(&cam));
			CHECK(try_reqbufs(&cam, V4L2_MEMORY_MMAP, 0));
			CHECK(try_detach(cam.fd));
		}
		close(cam.fd);
	}
	return NULL;
}

static bool reload(bool load)
{
	static const char options[] = "n_devs=2 multiplanar=1,2 allocators=0,1";
	char command[128];

	if (load) {
		snprintf(command, sizeof(command), "modprobe vivid %s", options);
		return !system(command);
	}
	return !syscall(SYS_delete_module, "vivid", O_NONBLOCK);
}

static bool camera_is_there(void *arg)
{
	(void)arg;
	return !access(path, F_OK);
}

/* The driver is unloaded as soon as nobody has the device open. */
static void *unload(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < LOOPS / 60; i++) {
		struct camera cam = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
		int j;

		cam.fd = open(path, O_RDWR | O_CLOEXEC);
		if (cam.fd < 0) {
			count_bad(__LINE__);
			break;
		}
		begin(&cam);
		close(cam.fd);
		for (j = 0; j < 10000 && !reload(false); j++)
			usleep(1000);
		if (j == 10000)
			count_bad(__LINE__);
		else if (!reload(true))
			count_bad(__LINE__);
		wait_for(camera_is_there, NULL, "the camera");
	}
	return NULL;
}

static void run(void *(*decider)(void *), void *arg)
{
	pthread_t threads[ARRAY_SIZE(everybody)];
	unsigned int i;

	stop = false;
	bad = 0;
	for (i = 0; i < ARRAY_SIZE(everybody); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, start,
						(void *)(long)i), 0);
	decider(arg);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(everybody); i++)
		pthread_join(threads[i], NULL);
	if (bad)
		fail_msg("%d wrong results, the first in line %d: %s", bad,
			 first_line, strerror(first_bad));
}

static void prepare(struct camera *cam)
{
	struct v4l2_streamparm parm = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.parm.capture.timeperframe = { 1, 60 },
	};
	unsigned int i;

	snprintf(path, sizeof(path), "%s", camera_path(CAMERA_SINGLE));
	shrbuf_dev();
	camera_open(cam, CAMERA_SINGLE);
	camera_pause(cam, false);
	/* the fastest that there is */
	camera_format(cam, 320, 180);
	do_ioctl(cam->fd, VIDIOC_S_PARM, &parm);
	for (i = 0; i < NR_BUFS; i++)
		shared[i] = alloc_buffer(camera_plane_size(cam, 0), O_RDWR);
}

static void streaming(void **state)
{
	struct camera cam;
	unsigned int i;

	(void)state;
	prepare(&cam);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, NR_BUFS);
	for (i = 0; i < NR_BUFS; i++) {
		set_shared(i, camera_expbuf(&cam, i, 0, O_RDWR | O_CLOEXEC));
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	}
	assert_int_equal(try_streamon(&cam), 0);
	run(stream, &cam);
}

static void importing(void **state)
{
	struct camera cam;
	unsigned int i;

	(void)state;
	prepare(&cam);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, NR_BUFS);
	for (i = 0; i < NR_BUFS; i++)
		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, i, &shared[i],
					  NULL), 0);
	assert_int_equal(try_streamon(&cam), 0);
	run(stream_imported, &cam);
}

static void coming_and_going(void **state)
{
	struct camera cam;

	(void)state;
	prepare(&cam);
	camera_close(&cam);
	run(come_and_go, NULL);
}

static void unloading(void **state)
{
	struct camera cam;

	(void)state;
	prepare(&cam);
	camera_close(&cam);
	run(unload, NULL);
}

/* Everything that the threads had must be gone with them. */
static int cleanup(void **state)
{
	if (access("/sys/module/vivid", F_OK))
		reload(true);
	test_cleanup(state);
	expect_no_buffers();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(streaming, cleanup),
		cmocka_unit_test_teardown(importing, cleanup),
		cmocka_unit_test_teardown(coming_and_going, cleanup),
		cmocka_unit_test_teardown(unloading, cleanup),
	};

	return cmocka_run_group_tests_name("state-race", tests, NULL, NULL);
}
