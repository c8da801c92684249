// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of frames to come: they are there when a driver that streams has an exported
 * buffer, and never else, and they end whatever happens.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/sync_file.h>

#include "testcam.h"

#define DRIVER	"/sys/bus/platform/drivers/vivid/"
#define SHRBUF	"/sys/module/shrbuf/refcnt"
#define PENDING	0	/* status of a sync_file, 1 is a frame, negative an error */
#define FRAME	1

/* What the kernel gives is closed after the test if it is a high number. */
static int high(int fd)
{
	int ret = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	assert_true(ret >= 0);
	close(fd);
	return ret;
}

static void configure(int video_fd, uint32_t fence_ms)
{
	struct shrbuf_queue_config config = {
		.fd = video_fd, .flags = SHRBUF_CONFIG_FENCES, .fence_ms = fence_ms,
	};

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
}

static unsigned int state_of(int fd)
{
	struct shrbuf_info info = { .fd = fd };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, &info);
	return info.frame.state;
}

static int alloc_buffer(size_t size)
{
	struct shrbuf_alloc_op op = { .size = size, .fd_flags = O_RDWR };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	return high(op.fd);
}

static int exported(struct camera *cam, unsigned int index, unsigned int plane)
{
	return high(camera_expbuf(cam, index, plane, O_RDWR));
}

/* What a reader of the buffer has to wait for. */
static int sync_of(int fd)
{
	struct dma_buf_export_sync_file sync = { .flags = DMA_BUF_SYNC_READ };

	do_ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &sync);
	return high(sync.fd);
}

static int status_of(int sync)
{
	struct sync_file_info info = { 0 };

	do_ioctl(sync, SYNC_IOC_FILE_INFO, &info);
	return info.status;
}

static bool is_pending(int fd)
{
	int sync = sync_of(fd);
	int status = status_of(sync);

	close(sync);
	return status == PENDING;
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_true(poll(&p, 1, 0) >= 0);
	return p.revents & POLLIN;
}

static bool has_ended(void *arg)
{
	return status_of(*(int *)arg) != PENDING;
}

/* The status of a fence that ends, some time. */
static int end_of(int sync)
{
	int status;

	wait_for(has_ended, &sync, "the end of a fence");
	assert_true(is_readable(sync));
	status = status_of(sync);
	close(sync);
	return status;
}

/* The test camera with fences and two exported buffers. */
static void camera_with_fences(struct camera *cam, uint32_t fence_ms, int fds[2])
{
	testcam_new("stock");
	testcam_open(cam);
	attach(cam->fd);
	configure(cam->fd, fence_ms);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	fds[0] = exported(cam, 0, 0);
	fds[1] = exported(cam, 1, 0);
}

/* as above, both buffers are queued, and the stream runs */
static void camera_streaming(struct camera *cam, uint32_t fence_ms, int fds[2])
{
	camera_with_fences(cam, fence_ms, fds);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 1);
	assert_int_equal(try_streamon(cam), 0);
}

static int dequeue(struct camera *cam)
{
	return try_dqbuf(cam, V4L2_MEMORY_MMAP);
}

static void none_by_default(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = exported(&cam, 0, 0);
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
		assert_int_equal(dequeue(&cam), now);
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
	memset(&buffer, 0, sizeof(buffer));
	buffer.fd = fds[0];
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, &buffer);
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
	ro = high(camera_expbuf(&cam, 0, 0, O_RDONLY));
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
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
	};
	struct camera cam;
	int fds[2];

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	do_ioctl(cam.fd, VIDIOC_PREPARE_BUF, &buf);
	assert_false(is_pending(fds[0]));
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_false(is_pending(fds[0]));
	testcam_act("refuse-start");
	assert_int_equal(try_streamon(&cam), -EIO);
	assert_false(is_pending(fds[0]));
	assert_int_equal(try_streamon(&cam), 0);
	assert_true(is_pending(fds[0]));
	/* prepared while it streams: the driver does not have it */
	buf.index = 1;
	do_ioctl(cam.fd, VIDIOC_PREPARE_BUF, &buf);
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

struct state_wanted {
	int fd;
	unsigned int state;
};

static bool state_is(void *arg)
{
	struct state_wanted *want = arg;

	return state_of(want->fd) == want->state;
}

static void not_while_it_starts(void **state)
{
	struct state_wanted filling = { .state = SHRBUF_STATE_FILLING };
	static struct camera cam;
	pthread_t thread;
	void *result;
	int fds[2];

	(void)state;
	camera_with_fences(&cam, SHRBUF_MAX_FENCE_MS, fds);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	testcam_act("block");
	assert_int_equal(pthread_create(&thread, NULL, start_stream, &cam), 0);
	filling.fd = fds[0];
	wait_for(state_is, &filling, "the driver to have the buffer");
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
	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	configure(cam.fd, SHRBUF_MAX_FENCE_MS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	fd = exported(&cam, 0, 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLING);
	assert_false(is_pending(fd));
	testcam_act("frame");
	assert_int_equal(dequeue(&cam), 0);
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
	assert_int_equal(dequeue(&cam), 0);

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
	assert_int_equal(dequeue(&cam), 0);
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
		assert_int_equal(dequeue(&cam), 0);
	}
	print_message("# %u frames, %u timeouts\n", frames, timeouts);
	camera_close(&cam);
}

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
	configure(cam.fd, SHRBUF_MAX_FENCE_MS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	fds[0] = exported(&cam, 3, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 2);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 3);
	assert_int_equal(try_streamon(&cam), 0);
	sync[0] = sync_of(fds[0]);
	do_write(DRIVER "unbind", "vivid.0");
	end_of(sync[0]);
	assert_false(is_pending(fds[0]));
	camera_close(&cam);
	do_write(DRIVER "bind", "vivid.0");
}

static long refcount(void)
{
	char text[32] = "";
	int fd = open(SHRBUF, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

static bool refcount_is(void *arg)
{
	return refcount() == *(long *)arg;
}

/* A fence may outlive the buffer, the queue and the attachment. It holds the module. */
static void holds_the_module(void **state)
{
	long before, with;
	struct camera cam;
	int fds[2], sync;

	(void)state;
	shrbuf_dev();
	testcam_new("stock");
	testcam_act("free");
	before = refcount();
	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	sync = sync_of(fds[0]);
	assert_true(refcount() > before + 1);
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
static void stream_and_pause(int pipe_fd)
{
	struct camera cam;
	int fds[4];

	camera_streaming(&cam, SHRBUF_MAX_FENCE_MS, fds);
	fds[2] = sync_of(fds[0]);
	fds[3] = sync_of(fds[1]);
	if (write(pipe_fd, &fds[2], 2 * sizeof(int)) != 2 * sizeof(int))
		_exit(1);
	for (;;)
		pause();
}

/* The process that streams is stopped, then killed: nobody waits for it. */
static void needs_no_process(void **state)
{
	int sync[2], ends[2], status, pidfd;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		stream_and_pause(ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], sync, sizeof(sync)), sizeof(sync));
	close(ends[0]);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	sync[0] = high(syscall(SYS_pidfd_getfd, pidfd, sync[0], 0));
	sync[1] = high(syscall(SYS_pidfd_getfd, pidfd, sync[1], 0));
	close(pidfd);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(status_of(sync[0]), PENDING);
	testcam_act("frame");
	assert_int_equal(status_of(sync[0]), FRAME);
	assert_int_equal(status_of(sync[1]), PENDING);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
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
	struct shrbuf_buffer_op release = { 0 };
	struct shrbuf_hold_op hold = { 0 };
	struct shrbuf_state_op set = { 0 };
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

	set.fd = fds[0];
	hold.fd = fds[0];
	release.fd = fds[0];
	set.frame.state = SHRBUF_STATE_FILLED;
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &set), -EPERM);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_HOLD, &hold), -ENODATA);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_RELEASE, &release), -ENOENT);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	assert_int_equal(dequeue(&cam), -EAGAIN);
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

/* Capture into memory of shrbuf: nobody but the queue and a file descriptor has it. */
static void imported(void **state)
{
	struct camera cam;
	int fd, sync, i;

	(void)state;
	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	configure(cam.fd, SHRBUF_MAX_FENCE_MS);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&cam, 0));
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

static uint32_t control_id(int fd, const char *name)
{
	struct v4l2_queryctrl ctrl = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };

	while (!try_ioctl(fd, VIDIOC_QUERYCTRL, &ctrl)) {
		if (!strcmp((char *)ctrl.name, name))
			return ctrl.id;
		ctrl.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	}
	fail_msg("vivid has no control \"%s\"", name);
	return 0;
}

static void press(int fd, const char *name)
{
	struct v4l2_control ctrl = { .id = control_id(fd, name) };

	do_ioctl(fd, VIDIOC_S_CTRL, &ctrl);
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
	configure(cam.fd, SHRBUF_MAX_FENCE_MS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 4);
	for (i = 0; i < 4; i++) {
		for (p = 0; p < cam.nr_planes; p++)
			fds[i][p] = exported(&cam, i, p);
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	}
	press(cam.fd, "Inject VIDIOC_STREAMON Error");
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
			press(cam.fd, "Inject V4L2_BUF_FLAG_ERROR");
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
		TESTCAM_TEST(removal),
		TESTCAM_TEST(holds_the_module),
		TESTCAM_TEST(needs_no_process),
		TESTCAM_TEST(user_space_cannot_end_it),
		TESTCAM_TEST(sync_waits),
		TESTCAM_TEST(poll_waits),
		TESTCAM_TEST(imported),
		TESTCAM_TEST(vivid_one_plane),
		TESTCAM_TEST(vivid_two_planes),
	};

	return cmocka_run_group_tests_name("fence", tests, NULL, check_signals);
}
