// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that care for readers: a held frame is not overwritten, VIDIOC_QBUF is refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "requests.h"
#include "testcam.h"

#define REFUSE	SHRBUF_CONFIG_REFUSE
#define COOKIE	7

static void refuse(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd, dev;

	(void)state;
	fd = testcam_with_frame(&cam, REFUSE, 0);
	dev = client_new(0);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_hold(dev, fd, 0, NULL), 0);
	before = get_info(fd);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	assert_int_equal(try_prepare(&cam, 0), -EBUSY);
	after = get_info(fd);
	assert_memory_equal(&before, &after, sizeof(before));
	/* the other buffer is not concerned */
	assert_int_equal(try_queue(&cam, 1), 0);

	/* two hold it */
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	close(dev);
	assert_int_equal(try_queue(&cam, 0), 0);

	/* the driver has it at once, the stream runs */
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLING);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);
	testcam_act("frame");
	testcam_act("frame");
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	/* it can be held before it is taken out of the queue */
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 1);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	/* a hold does not keep the buffer from being freed */
	assert_int_equal(try_streamoff(&cam), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	camera_close(&cam);
}

/* Content is given up when the buffer is, even if no driver has it yet. */
static void empty_before_streamon(void **state)
{
	struct camera cam;
	uint64_t seq;
	int fd;

	(void)state;
	fd = testcam_with_frame(&cam, REFUSE, 0);
	assert_int_equal(try_streamoff(&cam), 0);
	seq = get_info(fd).frame.seq;
	assert_int_equal(try_prepare(&cam, 0), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	assert_int_equal(get_info(fd).frame.seq, seq + 1);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);
	assert_int_equal(try_queue(&cam, 0), 0);
	assert_int_equal(get_info(fd).frame.seq, seq + 1);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);

	/* it comes back unused: there is no frame to hold */
	testcam_act("refuse-start");
	assert_int_equal(try_streamon(&cam), -EIO);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);

	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("damaged");
	/* a damaged frame is one */
	assert_int_equal(state_of(fd), SHRBUF_STATE_ERROR);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	camera_close(&cam);
}

static void holder_is_killed(void **state)
{
	struct camera cam;
	int pid, fd;

	(void)state;
	fd = testcam_with_frame(&cam, REFUSE, 0);
	pid = start_holder(fd);
	assert_int_equal(get_info(fd).holds, 1);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	kill_child(pid);
	assert_int_equal(get_info(fd).holds, 0);
	assert_int_equal(try_queue(&cam, 0), 0);
	camera_close(&cam);
}

/* One plane is held: the others are as they were, too. */
static void refuse_planes(void **state)
{
	struct shrbuf_info before[2], after[2];
	unsigned int held, i;
	struct camera cam;
	int fds[2];

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	assert_int_equal(cam.nr_planes, 2);
	attach(cam.fd);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	for (i = 0; i < 2; i++)
		fds[i] = export_plane(&cam, 0, i);
	camera_run(&cam, 4);
	for (held = 0; held < 2; held++) {
		assert_int_equal(try_hold(shrbuf_dev(), fds[held], 0, NULL), 0);
		for (i = 0; i < 2; i++)
			before[i] = get_info(fds[i]);
		assert_int_equal(try_queue(&cam, 0), -EBUSY);
		assert_int_equal(try_prepare(&cam, 0), -EBUSY);
		for (i = 0; i < 2; i++)
			after[i] = get_info(fds[i]);
		assert_memory_equal(before, after, sizeof(before));
		assert_int_equal(try_hold(shrbuf_dev(), fds[!held], 0, NULL), 0);
		assert_int_equal(try_release(shrbuf_dev(), fds[!held]), 0);
		assert_int_equal(try_release(shrbuf_dev(), fds[held]), 0);
	}
	assert_int_equal(try_queue(&cam, 0), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(state_of(fds[i]), SHRBUF_STATE_EMPTY);
		assert_int_equal(try_hold(shrbuf_dev(), fds[i], 0, NULL), -ENODATA);
	}
	camera_close(&cam);
}

/* Memory of shrbuf that is captured into. */
static void refuse_imported(void **state)
{
	struct camera cam;
	int fd, other;

	(void)state;
	testcam_attached(&cam);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&cam, 0), O_RDWR);
	other = alloc_buffer(camera_plane_size(&cam, 0), O_RDWR);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_DMABUF), 0);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), -EBUSY);
	/* the buffer is the memory, not the number in the queue */
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 1, &fd, NULL), -EBUSY);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &other, NULL), 0);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 1, &fd, NULL), 0);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);
	camera_close(&cam);
}

/* Whoever holds a frame finds it unchanged until he lets go. */
struct race {
	struct camera cam;
	int fd, dev;
	unsigned int queued, refused, held, changed;
};

#define RACE_FRAMES	500

static bool race_ends;

static void *race_reader(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race_ends, __ATOMIC_RELAXED)) {
		struct shrbuf_frame frame;
		struct shrbuf_info info;
		int i;

		if (try_hold(race->dev, race->fd, 0, &frame))
			continue;
		race->held++;
		for (i = 0; i < 3; i++) {
			try_info(race->fd, &info);
			if (info.frame.seq != frame.seq)
				race->changed++;
		}
		try_release(race->dev, race->fd);
	}
	return NULL;
}

static void hold_against_queue(void **state)
{
	struct race race = { .queued = 0 };
	pthread_t thread;
	int ret;

	(void)state;
	race.fd = testcam_with_frame(&race.cam, REFUSE, 0);
	race.dev = client_new(0);
	race_ends = false;
	assert_int_equal(pthread_create(&thread, NULL, race_reader, &race), 0);
	/* until both have won often enough */
	while (race.queued < RACE_FRAMES || !race.refused ||
	       __atomic_load_n(&race.held, __ATOMIC_RELAXED) < RACE_FRAMES / 10) {
		ret = try_queue(&race.cam, 0);
		if (ret) {
			assert_int_equal(ret, -EBUSY);
			race.refused++;
			continue;
		}
		race.queued++;
		testcam_act("frame");
		assert_int_equal(try_dqbuf(&race.cam, V4L2_MEMORY_MMAP), 0);
	}
	__atomic_store_n(&race_ends, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	print_message("# %u queued, %u refused, %u held\n", race.queued, race.refused,
		      race.held);
	assert_int_equal(race.changed, 0);
	camera_close(&race.cam);
}

/* The example of Documentation/readers.rst. */
static void three_processes(void **state)
{
	int fd, dev, detector;
	struct camera cam;
	uint64_t seq;

	(void)state;
	fd = testcam_with_frame(&cam, REFUSE, 0);
	dev = client_new(O_NONBLOCK);
	watch(dev, cam.fd, SHRBUF_WATCH_QUEUE, COOKIE, ALL_EVENTS);
	seq = get_info(fd).frame.seq;
	/* this one is the display */
	assert_int_equal(try_hold(shrbuf_dev(), fd, seq, NULL), 0);
	detector = start_holder(fd);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	kill_child(detector);
	expect_event_now(dev, SHRBUF_EVENT_RELEASED, COOKIE);
	assert_int_equal(try_queue(&cam, 0), 0);
	expect_event_now(dev, SHRBUF_EVENT_EMPTY, COOKIE);
	expect_event_now(dev, SHRBUF_EVENT_FILLING, COOKIE);
	assert_int_equal(try_hold(shrbuf_dev(), fd, seq, NULL), -ESTALE);
	camera_close(&cam);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(refuse),
		TESTCAM_TEST(empty_before_streamon),
		TESTCAM_TEST(holder_is_killed),
		TESTCAM_TEST(refuse_planes),
		TESTCAM_TEST(refuse_imported),
		TESTCAM_TEST(hold_against_queue),
		TESTCAM_TEST(three_processes),
	};

	return cmocka_run_group_tests_name("readers", tests, NULL, check_signals);
}
