// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of frames to come end whatever happens to the device and to processes, and all ways
 * to wait for them see it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "fences.h"

/* The files are closed, the device goes. */
static void removal(void **state)
{
	struct camera cam;
	int fds[2], sync[2];

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	sync[0] = sync_of(fds[0]);
	camera_close(&cam);
	assert_int_equal(status_of(sync[0]), -EIO);
	testcam_act("free");
	close(fds[0]);
	close(fds[1]);
	close(sync[0]);

	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	sync[0] = sync_of(fds[0]);
	sync[1] = sync_of(fds[1]);
	testcam_act("unregister");
	/* this driver goes on; that of a real device gives all back */
	assert_int_equal(status_of(sync[0]), PENDING);
	testcam_act("frame");
	assert_int_equal(status_of(sync[0]), FRAME);
	camera_close(&cam);
	assert_int_equal(status_of(sync[1]), -EIO);
	testcam_act("free");
	close(fds[0]);
	close(fds[1]);
	close(sync[0]);
	close(sync[1]);
	expect_no_buffers();

	/* vivid, in the middle of the stream */
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	assert_int_equal(try_configure(cam.fd, SHRBUF_CONFIG_FENCES, SHRBUF_MAX_FENCE_MS), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	fds[0] = export_plane(&cam, 3, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 2);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 3);
	assert_int_equal(try_streamon(&cam), 0);
	sync[0] = sync_of(fds[0]);
	assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
	assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
	camera_unbind();
	end_of(sync[0]);
	assert_false(is_pending(fds[0]));
	camera_close(&cam);
	camera_bind();
}

static bool refcount_is(void *arg)
{
	return module_refs("shrbuf") == *(int *)arg;
}

/* A fence may outlive the buffer, the queue and the attachment. It holds the module. */
static void holds_the_module(void **state)
{
	int before, with;
	struct camera cam;
	int fds[2], sync;

	(void)state;
	shrbuf_dev();
	testcam_new("stock");
	testcam_act("free");
	before = module_refs("shrbuf");
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	sync = sync_of(fds[0]);
	assert_true(module_refs("shrbuf") > before + 1);
	camera_close(&cam);
	testcam_act("free");
	close(fds[0]);
	close(fds[1]);
	expect_no_buffers();
	with = before + 1;
	wait_for(refcount_is, &with, "the references of all but the fence");
	assert_int_equal(status_of(sync), -EIO);
	close(sync);
	wait_for(refcount_is, &before, "the references of the module");
}

/* Runs in a process of its own: both buffers are queued, and have a fence. */
static int stream_and_pause(void *arg)
{
	int *pipe_fd = arg;
	struct camera cam;
	int fds[4];

	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	fds[2] = sync_of(fds[0]);
	fds[3] = sync_of(fds[1]);
	if (write(*pipe_fd, &fds[2], 2 * sizeof(int)) != 2 * sizeof(int))
		return 1;
	for (;;)
		pause();
}

/* The process that streams is stopped, then killed: nobody waits for it. */
static void needs_no_process(void **state)
{
	int sync[2], ends[2], pid, status, pidfd;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = start_child(stream_and_pause, &ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], sync, sizeof(sync)), sizeof(sync));
	close(ends[0]);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	sync[0] = high_fd(syscall(SYS_pidfd_getfd, pidfd, sync[0], 0));
	sync[1] = high_fd(syscall(SYS_pidfd_getfd, pidfd, sync[1], 0));
	close(pidfd);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(status_of(sync[0]), PENDING);
	testcam_act("frame");
	assert_int_equal(status_of(sync[0]), FRAME);
	assert_int_equal(status_of(sync[1]), PENDING);
	kill_child(pid);
	assert_int_equal(end_of(sync[1]), -EIO);
}

/*
 * User space cannot end a fence, but by what gives the buffer back. Looked at: who calls
 * shrbuf_fence_signal() is the end of a flight, which the driver says, and the release of a
 * buffer that nobody has. No request of /dev/shrbuf leads to either. The requests of
 * dma-buf add fences and wait for them, those of sync_file make new ones of them. Nor
 * can it delay the end: that takes spinlocks which are held for a bounded time only, and the
 * watchdog needs none of them. What may delay the frame, the watchdog ends.
 */
static void user_space_cannot_end_it(void **state)
{
	struct dma_buf_import_sync_file import = { .flags = DMA_BUF_SYNC_WRITE };
	struct camera cam;
	int fds[2], sync, signalled;

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	signalled = sync_of(fds[1]);
	assert_int_equal(status_of(signalled), FRAME);
	assert_int_equal(fcntl(cam.fd, F_SETFL, O_NONBLOCK), 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	sync = sync_of(fds[0]);

	assert_int_equal(try_set_state(shrbuf_dev(), fds[0], SHRBUF_STATE_FILLED), -EPERM);
	assert_int_equal(try_hold(shrbuf_dev(), fds[0], 0, NULL), -ENODATA);
	assert_int_equal(try_release(shrbuf_dev(), fds[0]), -ENOENT);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), -EAGAIN);
	import.fd = signalled;
	do_ioctl(fds[0], DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import);
	assert_int_equal(status_of(sync), PENDING);
	assert_true(is_pending(fds[0]));
	testcam_act("frame");
	assert_int_equal(status_of(sync), FRAME);
	camera_close(&cam);
}

/* Access by the CPU waits for the frame. */
static void *read_when_ready(void *arg)
{
	int fd = *(int *)arg;

	if (do_sync(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ) ||
	    state_of(fd) != SHRBUF_STATE_FILLED ||
	    do_sync(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ))
		return NULL;
	return arg;
}

static void sync_waits(void **state)
{
	pthread_t thread;
	struct camera cam;
	void *result;
	int fds[2];

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	assert_int_equal(pthread_create(&thread, NULL, read_when_ready, &fds[0]), 0);
	usleep(20 * 1000);	/* whether it waits already or not */
	testcam_act("frame");
	pthread_join(thread, &result);
	assert_non_null(result);
	camera_close(&cam);
}

/* poll() that waits: of the buffer, and of the sync_file. */
static void *poll_for_frame(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	if (poll(&p, 1, TIMEOUT_MS) != 1 || p.revents != POLLIN)
		return NULL;
	return arg;
}

static void poll_waits(void **state)
{
	int fds[2], of_poll[2], i;
	pthread_t threads[2];
	struct camera cam;
	void *result;

	(void)state;
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	of_poll[0] = fds[0];
	of_poll[1] = sync_of(fds[0]);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, poll_for_frame,
						&of_poll[i]), 0);
	usleep(20 * 1000);	/* whether they wait already or not */
	testcam_act("frame");
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	/* a poll that nobody ends does not keep the buffer */
	assert_false(is_readable(fds[1]));
	close(fds[0]);
	close(fds[1]);
	close(of_poll[1]);
	camera_close(&cam);
	testcam_act("free");
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(removal),
		TESTCAM_TEST(holds_the_module),
		TESTCAM_TEST(needs_no_process),
		TESTCAM_TEST(user_space_cannot_end_it),
		TESTCAM_TEST(sync_waits),
		TESTCAM_TEST(poll_waits),
	};

	return cmocka_run_group_tests_name("fence-end", tests, NULL, check_signals);
}
