// SPDX-License-Identifier: GPL-2.0
/*
 * The test camera, see testcam.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "requests.h"
#include "testcam.h"

#define PARAM	"/sys/module/shrbuf_testcam/parameters/"

int try_testcam_act(const char *what)
{
	int fd = open(PARAM "act", O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, what, strlen(what)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void testcam_act(const char *what)
{
	int ret = try_testcam_act(what);

	if (ret)
		fail_msg("the test camera does not do \"%s\": %s", what,
			 strerror(-ret));
}

void testcam_new(const char *kind)
{
	do_write(PARAM "kind", kind);
	testcam_act("new");
}

static bool device_is_there(void *arg)
{
	int *fd = arg;

	*fd = video_open("shrbuf_testcam");
	return *fd >= 0;
}

void testcam_open(struct camera *cam)
{
	memset(cam, 0, sizeof(*cam));
	wait_for(device_is_there, &cam->fd, "the test camera");
	cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	cam->nr_planes = 1;
	cam->fmt.type = cam->type;
	do_ioctl(cam->fd, VIDIOC_G_FMT, &cam->fmt);
}

void testcam_attached(struct camera *cam)
{
	testcam_new("stock");
	testcam_open(cam);
	attach(cam->fd);
}

int testcam_with_frame(struct camera *cam, uint32_t flags, uint32_t ms)
{
	int fd;

	testcam_attached(cam);
	assert_int_equal(try_configure(cam->fd, flags, ms), 0);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	fd = export_plane(cam, 0, 0);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	return fd;
}

#define THREADS	3
#define LOOPS	100

struct race {
	void (*f)(struct camera *cam, void *arg);
	void *arg;
	bool stop;
};

static void *race_thread(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		struct camera cam = {
			.fd = video_open("shrbuf_testcam"),
			.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
			.fmt.fmt.pix.sizeimage = 65536,
		};

		if (cam.fd < 0)
			continue;
		race->f(&cam, race->arg);
		close(cam.fd);
	}
	return NULL;
}

void testcam_race(void (*f)(struct camera *cam, void *arg), void *arg)
{
	static struct race race;
	pthread_t threads[THREADS];
	unsigned int i;

	race = (struct race){ .f = f, .arg = arg };
	testcam_new("stock");
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_thread, &race), 0);
	for (i = 0; i < LOOPS; i++) {
		/* without the lock: requests are in flight */
		testcam_act("unregister");
		usleep(1000);
		testcam_act("register");
		usleep(5000);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	testcam_act("unregister");
	testcam_act("free");
}

int testcam_cleanup(void **state)
{
	/* fail where there is none; a test that failed may have left a thread waiting */
	try_testcam_act("unblock");
	test_cleanup(state);
	try_testcam_act("free");
	return 0;
}
