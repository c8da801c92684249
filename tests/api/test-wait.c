// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that wait for readers: VIDIOC_QBUF sleeps while the frame is held, and whatever
 * happens meanwhile ends that.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "requests.h"
#include "testcam.h"

#define REFUSE	SHRBUF_CONFIG_REFUSE
#define WAIT	SHRBUF_CONFIG_WAIT

struct waiter {
	struct camera *cam;
	int memory;	/* to import, or -1 */
	pthread_t thread;
	pid_t tid;
	int ret;
	bool done;
};

static void *queue_and_wait(void *arg)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
	};
	struct waiter *w = arg;

	if (w->memory >= 0) {
		buf.memory = V4L2_MEMORY_DMABUF;
		buf.m.fd = w->memory;
	}

	/* The rain of signals is not for this one. */
	thread_without_signals();
	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	/* once: a signal has to be seen */
	w->ret = ioctl(w->cam->fd, VIDIOC_QBUF, &buf) ? -errno : 0;
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool waiter_is_done(void *arg)
{
	struct waiter *w = arg;

	return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE);
}

/* It sleeps in a system call. */
static bool waiter_sleeps(void *arg)
{
	struct waiter *w = arg;
	char path[64], text[128] = "";
	ssize_t len;
	int fd;

	if (!__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", w->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	/* "running", or the number of the call */
	return len > 0 && atoi(text) == SYS_ioctl && text[0] != 'r';
}

static void start_waiter(struct waiter *w, struct camera *cam, int memory)
{
	memset(w, 0, sizeof(*w));
	w->cam = cam;
	w->memory = memory;
	assert_int_equal(pthread_create(&w->thread, NULL, queue_and_wait, w), 0);
	wait_for(waiter_sleeps, w, "VIDIOC_QBUF that waits");
	assert_false(waiter_is_done(w));
}

static int end_waiter(struct waiter *w)
{
	wait_for(waiter_is_done, w, "the end of VIDIOC_QBUF");
	pthread_join(w->thread, NULL);
	return w->ret;
}

/*
 * Two queues want the buffer. While the driver of one prepares it, that of the other fails to
 * do so: the frame is still spoken for.
 */
static void hold_against_two_queues(void **state)
{
	struct camera cam, vivid;
	static struct waiter w;
	int fd;

	(void)state;
	camera_open(&vivid, CAMERA_SINGLE);
	attach(vivid.fd);
	assert_int_equal(try_configure(vivid.fd, REFUSE, 0), 0);
	camera_reqbufs(&vivid, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&vivid, 0), O_RDWR);
	testcam_attached(&cam);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);

	testcam_act("block");
	start_waiter(&w, &cam, fd);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);
	set_control(&vivid, "Inject VIDIOC_QBUF Error", 1);
	assert_int_equal(try_qbuf(&vivid, V4L2_MEMORY_DMABUF, 0, &fd, NULL), -EINVAL);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), -ENODATA);
	testcam_act("unblock");
	assert_int_equal(end_waiter(&w), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	/* and nobody has claimed it for ever */
	assert_int_equal(try_streamoff(&cam), 0);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	camera_close(&cam);
	camera_close(&vivid);
}

static void wait_for_release(void **state)
{
	struct camera cam;
	struct waiter w;
	int pid, fd;

	(void)state;
	fd = testcam_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	start_waiter(&w, &cam, -1);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(end_waiter(&w), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);

	/* or because the reader died */
	pid = start_holder(fd);
	start_waiter(&w, &cam, -1);
	kill_child(pid);
	assert_int_equal(end_waiter(&w), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	/* nobody holds it: no wait */
	assert_int_equal(try_queue(&cam, 0), 0);
	camera_close(&cam);
}

static void wait_times_out(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd;

	(void)state;
	fd = testcam_with_frame(&cam, WAIT, 20);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	before = get_info(fd);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	assert_int_equal(try_prepare(&cam, 0), -EBUSY);
	after = get_info(fd);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_queue(&cam, 0), 0);
	camera_close(&cam);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void wait_is_interrupted(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct camera cam;
	struct waiter w;
	int fd;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	fd = testcam_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	start_waiter(&w, &cam, -1);
	assert_int_equal(pthread_kill(w.thread, SIGUSR1), 0);
	assert_int_equal(end_waiter(&w), -EINTR);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_queue(&cam, 0), 0);
	camera_close(&cam);
}

static void wait_ends_with_the_device(void **state)
{
	struct camera cam;
	struct waiter w;
	int fd;

	(void)state;
	fd = testcam_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	start_waiter(&w, &cam, -1);
	testcam_act("unregister");
	assert_int_equal(end_waiter(&w), -ENODEV);
	/* the frame is still there, and held */
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(get_info(fd).holds, 1);
	camera_close(&cam);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
}

static void wait_disturbs_nobody(void **state)
{
	struct camera cam, other;
	struct waiter w;
	int fd;

	(void)state;
	fd = testcam_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	start_waiter(&w, &cam, -1);
	/* all the others go on: another camera, requests for this very buffer */
	camera_open(&other, CAMERA_SINGLE);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	camera_run(&other, 3);
	camera_close(&other);
	assert_int_equal(get_info(fd).holds, 1);
	assert_int_equal(buffers_alive(), 2);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(end_waiter(&w), 0);
	camera_close(&cam);
}

/* The process that waits is killed: the lock of the queue is free again. */
static void waiter_is_killed(void **state)
{
	struct camera cam;
	int fd, status, pid;

	(void)state;
	fd = testcam_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct waiter w = { .cam = &cam, .memory = -1 };

		queue_and_wait(&w);
		_exit(w.ret == 0);
	}
	usleep(50 * 1000);	/* whether it waits already or not */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status));
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	assert_int_equal(try_queue(&cam, 0), 0);
	camera_close(&cam);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(hold_against_two_queues),
		TESTCAM_TEST(wait_for_release),
		TESTCAM_TEST(wait_times_out),
		TESTCAM_TEST(wait_is_interrupted),
		TESTCAM_TEST(wait_ends_with_the_device),
		TESTCAM_TEST(wait_disturbs_nobody),
		TESTCAM_TEST(waiter_is_killed),
	};

	return cmocka_run_group_tests_name("wait", tests, NULL, check_signals);
}
