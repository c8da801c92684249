// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of frames to come: they are there when a driver that streams has an exported
 * buffer, and never else, and they say how the frame ended.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "fences.h"

static void none_by_default(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	testcam_attached(&cam);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = export_plane(&cam, 0, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLING);
	assert_false(is_pending(fd));
	assert_true(is_readable(fd));
	camera_close(&cam);
}

static void frame(void **state)
{
	struct camera cam;
	int fds[2], sync[2], i;

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	for (i = 0; i < 50; i++) {
		int now = i % 2;

		sync[0] = sync_of(fds[now]);
		sync[1] = sync_of(fds[!now]);
		assert_int_equal(status_of(sync[0]), PENDING);
		assert_false(is_readable(sync[0]));
		/* a reader may also poll the buffer */
		assert_false(is_readable(fds[now]));
		testcam_act("frame");
		assert_int_equal(status_of(sync[0]), FRAME);
		assert_true(is_readable(sync[0]));
		assert_true(is_readable(fds[now]));
		assert_int_equal(status_of(sync[1]), PENDING);
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), now);
		/* what was signalled stays so, the next frame has a fence of its own */
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, now);
		assert_true(is_pending(fds[now]));
		assert_int_equal(status_of(sync[0]), FRAME);
		close(sync[0]);
		close(sync[1]);
	}
	camera_close(&cam);
}

/* Who says what the fence is of. */
static void names(void **state)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = {
		.num_fences = 1, .sync_fence_info = (uintptr_t)&fence,
	};
	struct shrbuf_info buffer;
	struct camera cam;
	int fds[2];

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	do_ioctl(sync_of(fds[0]), SYNC_IOC_FILE_INFO, &info);
	assert_int_equal(info.num_fences, 1);
	assert_string_equal(fence.driver_name, "shrbuf");
	buffer = get_info(fds[0]);
	/* cut to 31 characters by the interface */
	assert_int_equal(strncmp(fence.obj_name, (char *)buffer.name, 31), 0);
	camera_close(&cam);
}

/* A read-only export of the buffer waits for the same frame. */
static void all_access_modes(void **state)
{
	struct camera cam;
	int fds[2], ro, sync;

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	ro = high_fd(camera_expbuf(&cam, 0, 0, O_RDONLY));
	close(fds[0]);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	sync = sync_of(ro);
	assert_int_equal(status_of(sync), PENDING);
	testcam_act("frame");
	assert_int_equal(status_of(sync), FRAME);
	camera_close(&cam);
}

/* Nothing is promised before the driver streams. */
static void not_before_streamon(void **state)
{
	struct camera cam;
	int fds[2];

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	assert_int_equal(try_prepare(&cam, 0), 0);
	assert_false(is_pending(fds[0]));
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_false(is_pending(fds[0]));
	testcam_act("refuse-start");
	assert_int_equal(try_streamon(&cam), -EIO);
	assert_false(is_pending(fds[0]));
	assert_int_equal(try_streamon(&cam), 0);
	assert_true(is_pending(fds[0]));
	/* prepared while it streams: the driver does not have it */
	assert_int_equal(try_prepare(&cam, 1), 0);
	assert_false(is_pending(fds[1]));
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	assert_true(is_pending(fds[1]));
	camera_close(&cam);
}

/*
 * While the driver starts the stream it has the buffer, but there is no promise yet: it may
 * allocate memory, and who frees some may wait for fences.
 */
static void *start_stream(void *arg)
{
	struct camera *cam = arg;

	return try_streamon(cam) ? NULL : arg;
}

static void not_while_it_starts(void **state)
{
	static struct camera cam;
	pthread_t thread;
	void *result;
	int fds[2];

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	testcam_act("block");
	assert_int_equal(pthread_create(&thread, NULL, start_stream, &cam), 0);
	/* the driver has it */
	wait_for_state(fds[0], SHRBUF_STATE_FILLING);
	assert_false(is_pending(fds[0]));
	testcam_act("unblock");
	pthread_join(thread, &result);
	assert_non_null(result);
	assert_true(is_pending(fds[0]));
	camera_close(&cam);
}

/* An export that comes after the buffer was queued is too late for that frame. */
static void not_for_private_buffers(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	testcam_attached(&cam);
	assert_int_equal(try_configure(cam.fd, SHRBUF_CONFIG_FENCES, SHRBUF_MAX_FENCE_MS), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	fd = export_plane(&cam, 0, 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLING);
	assert_false(is_pending(fd));
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_true(is_pending(fd));
	camera_close(&cam);
}

/* Frames that do not come. */
static void errors(void **state)
{
	struct camera cam;
	int fds[2], sync[2];

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	sync[0] = sync_of(fds[0]);
	sync[1] = sync_of(fds[1]);
	testcam_act("damaged");
	assert_int_equal(status_of(sync[0]), -EIO);
	assert_int_equal(status_of(sync[1]), PENDING);
	testcam_act("giveback");
	assert_int_equal(status_of(sync[1]), -ECANCELED);
	close(sync[0]);
	close(sync[1]);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);

	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	sync[0] = sync_of(fds[0]);
	assert_int_equal(status_of(sync[0]), PENDING);
	assert_int_equal(try_streamoff(&cam), 0);
	assert_int_equal(status_of(sync[0]), -EIO);
	assert_false(is_pending(fds[0]));
	camera_close(&cam);
}

/* A device that stops to deliver: the promise ends, the frame may still come. */
static void watchdog(void **state)
{
	struct camera cam;
	int fds[2], sync;

	(void)state;
	camera_with_fences(&cam, 100, fds);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	sync = sync_of(fds[0]);
	assert_int_equal(end_of(sync), -ETIMEDOUT);
	assert_int_equal(state_of(fds[0]), SHRBUF_STATE_FILLING);
	assert_false(is_pending(fds[0]));
	testcam_act("frame");
	assert_int_equal(state_of(fds[0]), SHRBUF_STATE_FILLED);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	/* and again */
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	sync = sync_of(fds[0]);
	assert_int_equal(end_of(sync), -ETIMEDOUT);
	camera_close(&cam);
}

/* Frame and watchdog come at the same time, again and again: the fence ends once. */
static void watchdog_against_frame(void **state)
{
	unsigned int frames = 0, timeouts = 0, i;
	int fds[2], sync, status;
	struct camera cam;

	(void)state;
	camera_with_fences(&cam, 1, fds);
	assert_int_equal(try_streamon(&cam), 0);
	for (i = 0; i < 300; i++) {
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
		sync = sync_of(fds[0]);
		if (i % 3)
			usleep(i * 10);
		testcam_act("frame");
		/* it may have ended before there was a sync_file of it */
		status = end_of(sync);
		assert_true(status == FRAME || status == -ETIMEDOUT);
		if (status == FRAME)
			frames++;
		else
			timeouts++;
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	}
	print_message("# %u frames, %u timeouts\n", frames, timeouts);
	camera_close(&cam);
}

/* Capture into memory of shrbuf: nobody but the queue and a file descriptor has it. */
static void imported(void **state)
{
	struct camera cam;
	int fd, sync, i;

	(void)state;
	testcam_attached(&cam);
	assert_int_equal(try_configure(cam.fd, SHRBUF_CONFIG_FENCES, SHRBUF_MAX_FENCE_MS), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&cam, 0), O_RDWR);
	assert_int_equal(try_streamon(&cam), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, i % 2, &fd, NULL),
				 0);
		sync = sync_of(fd);
		assert_int_equal(status_of(sync), PENDING);
		testcam_act(i == 1 ? "damaged" : "frame");
		assert_int_equal(status_of(sync), i == 1 ? -EIO : FRAME);
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_DMABUF), i % 2);
		close(sync);
	}
	/* the queue is the last one that has the buffer, and goes */
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	sync = sync_of(fd);
	close(fd);
	camera_close(&cam);
	assert_int_equal(status_of(sync), -EIO);
	expect_no_buffers();
}

/*
 * vivid, at its own pace, one plane or two: what the fence says is what V4L2 says of the
 * frame. Some frames are there before their fence can be looked at.
 */
static void vivid_frames(enum camera_kind kind)
{
	unsigned int frames = 0, damaged = 0, i, p;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	int fds[4][2], sync[4][2] = { 0 };
	struct camera cam;

	camera_open(&cam, kind);
	attach(cam.fd);
	assert_int_equal(try_configure(cam.fd, SHRBUF_CONFIG_FENCES, SHRBUF_MAX_FENCE_MS), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	for (i = 0; i < 4; i++) {
		for (p = 0; p < cam.nr_planes; p++)
			fds[i][p] = export_plane(&cam, i, p);
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	}
	set_control(&cam, "Inject VIDIOC_STREAMON Error", 1);
	assert_true(try_streamon(&cam) < 0);
	for (i = 0; i < 4; i++)
		for (p = 0; p < cam.nr_planes; p++)
			assert_false(is_pending(fds[i][p]));
	assert_int_equal(try_streamon(&cam), 0);

	for (i = 0; i < 300 && (frames < 10 || damaged < 3); i++) {
		struct v4l2_buffer buf = {
			.type = cam.type, .memory = V4L2_MEMORY_MMAP,
			.m.planes = planes, .length = cam.nr_planes,
		};
		bool pending = true;

		if (i % 5 == 4)
			set_control(&cam, "Inject V4L2_BUF_FLAG_ERROR", 1);
		do_ioctl(cam.fd, VIDIOC_DQBUF, &buf);
		for (p = 0; p < cam.nr_planes; p++) {
			if (!sync[buf.index][p])
				continue;
			assert_int_equal(status_of(sync[buf.index][p]),
					 buf.flags & V4L2_BUF_FLAG_ERROR ? -EIO :
					 FRAME);
			close(sync[buf.index][p]);
			sync[buf.index][p] = 0;
			if (buf.flags & V4L2_BUF_FLAG_ERROR)
				damaged++;
			else
				frames++;
		}
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, buf.index);
		for (p = 0; p < cam.nr_planes; p++) {
			sync[buf.index][p] = sync_of(fds[buf.index][p]);
			pending &= status_of(sync[buf.index][p]) == PENDING;
		}
		for (p = 0; p < cam.nr_planes && !pending; p++) {
			close(sync[buf.index][p]);
			sync[buf.index][p] = 0;
		}
	}
	assert_true(frames >= 10 && damaged >= 3);
	camera_close(&cam);
}

static void vivid_one_plane(void **state)
{
	(void)state;
	vivid_frames(CAMERA_SINGLE);
}

static void vivid_two_planes(void **state)
{
	(void)state;
	vivid_frames(CAMERA_MULTI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(none_by_default),
		TESTCAM_TEST(frame),
		TESTCAM_TEST(names),
		TESTCAM_TEST(all_access_modes),
		TESTCAM_TEST(not_before_streamon),
		TESTCAM_TEST(not_while_it_starts),
		TESTCAM_TEST(not_for_private_buffers),
		TESTCAM_TEST(errors),
		TESTCAM_TEST(watchdog),
		TESTCAM_TEST(watchdog_against_frame),
		TESTCAM_TEST(imported),
		TESTCAM_TEST(vivid_one_plane),
		TESTCAM_TEST(vivid_two_planes),
	};

	return cmocka_run_group_tests_name("fence", tests, NULL, check_signals);
}
