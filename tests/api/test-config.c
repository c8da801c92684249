// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that care for readers: a held frame is not overwritten. And the two requests that
 * go with it, SHRBUF_IOC_CONFIGURE and SHRBUF_ATTACH_TEST.
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

#include "testcam.h"

#define REFUSE	SHRBUF_CONFIG_REFUSE
#define WAIT	SHRBUF_CONFIG_WAIT
#define FENCES	SHRBUF_CONFIG_FENCES

static int try_config(int video_fd, uint32_t flags, uint32_t wait_ms)
{
	struct shrbuf_queue_config config = {
		.fd = video_fd, .flags = flags, .wait_ms = wait_ms,
		.fence_ms = flags & FENCES ? SHRBUF_MAX_FENCE_MS : 0,
	};

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
}

static int hold_by(int dev, int fd, uint64_t *seq)
{
	struct shrbuf_hold_op op = { .fd = fd };
	int ret = try_ioctl(dev, SHRBUF_IOC_HOLD, &op);

	if (!ret && seq)
		*seq = op.frame.seq;
	return ret;
}

static int hold(int fd)
{
	return hold_by(shrbuf_dev(), fd, NULL);
}

static int let_go(int fd)
{
	struct shrbuf_buffer_op op = { .fd = fd };

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_RELEASE, &op);
}

static struct shrbuf_info info_of(int fd)
{
	struct shrbuf_info info = { .fd = fd };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, &info);
	return info;
}

static unsigned int state_of(int fd)
{
	return info_of(fd).frame.state;
}

static int try_prepare(struct camera *cam, unsigned int index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buf = {
		.type = cam->type, .memory = V4L2_MEMORY_MMAP, .index = index,
	};

	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		buf.m.planes = planes;
		buf.length = cam->nr_planes;
	}
	return try_ioctl(cam->fd, VIDIOC_PREPARE_BUF, &buf);
}

static int queue_it(struct camera *cam, unsigned int index)
{
	return try_qbuf(cam, V4L2_MEMORY_MMAP, index, NULL, NULL);
}

/* What the kernel gives is closed after the test if it is a high number. */
static int high(int fd)
{
	int ret = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	assert_true(ret >= 0);
	close(fd);
	return ret;
}

static int alloc_buffer(size_t size)
{
	struct shrbuf_alloc_op op = { .size = size, .fd_flags = O_RDWR };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	return high(op.fd);
}

static int exported(struct camera *cam, unsigned int plane)
{
	return high(camera_expbuf(cam, 0, plane, O_RDWR));
}

/* The test camera, configured, streaming, with one exported buffer that has a frame. */
static int camera_with_frame(struct camera *cam, uint32_t flags, uint32_t wait_ms)
{
	int fd;

	testcam_new("stock");
	testcam_open(cam);
	attach(cam->fd);
	assert_int_equal(try_config(cam->fd, flags, wait_ms), 0);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	fd = exported(cam, 0);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	return fd;
}

/* CONFIGURE */

static void wrong(void **state)
{
	static const struct shrbuf_queue_config configs[] = {
		{ .flags = 1U << 3 },
		{ .flags = 1U << 31 },
		{ .flags = REFUSE | WAIT, .wait_ms = 1 },
		{ .flags = WAIT | FENCES, .wait_ms = 1, .fence_ms = 1 },
		{ .flags = WAIT },
		{ .flags = WAIT, .wait_ms = SHRBUF_MAX_WAIT_MS + 1 },
		{ .flags = WAIT, .wait_ms = UINT32_MAX },
		{ .flags = WAIT, .wait_ms = 1, .fence_ms = 1 },
		{ .flags = REFUSE, .wait_ms = 1 },
		{ .flags = REFUSE, .fence_ms = 1 },
		{ .flags = FENCES },
		{ .flags = FENCES, .fence_ms = SHRBUF_MAX_FENCE_MS + 1 },
		{ .flags = FENCES, .fence_ms = UINT32_MAX },
		{ .flags = FENCES, .fence_ms = 1, .wait_ms = 1 },
		{ .wait_ms = 1 },
		{ .fence_ms = 1 },
		{ .reserved = { 1, 0 } },
		{ .reserved = { 0, 1ULL << 63 } },
	};
	static const struct shrbuf_queue_config good[] = {
		{ .flags = 0 },
		{ .flags = REFUSE },
		{ .flags = WAIT, .wait_ms = 1 },
		{ .flags = WAIT, .wait_ms = SHRBUF_MAX_WAIT_MS },
		{ .flags = FENCES, .fence_ms = 1 },
		{ .flags = FENCES | REFUSE, .fence_ms = SHRBUF_MAX_FENCE_MS },
		{ .flags = 0 },
	};
	struct shrbuf_queue_config config;
	struct camera cam;
	unsigned int i;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -ENOTCONN);
	attach(cam.fd);
	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		config = configs[i];
		config.fd = cam.fd;
		assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE,
					   &config), -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		config = good[i];
		config.fd = cam.fd;
		do_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
	}
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, NULL),
			 -EFAULT);
	assert_int_equal(try_config(-1, REFUSE, 0), -EBADF);
	assert_int_equal(try_config(shrbuf_dev(), REFUSE, 0), -EINVAL);

	/* as long as there are buffers, of whatever memory */
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_config(cam.fd, 0, 0), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), 0);
	detach(cam.fd);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -ENOTCONN);
	camera_close(&cam);
}

static void wrong_devices(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	/* a mem2mem driver does not tell of its queues */
	fd = video_open("vim2m");
	assert_true(fd >= 0);
	assert_int_equal(try_config(fd, REFUSE, 0), -EOPNOTSUPP);
	close(fd);

	testcam_new("unlocked");
	testcam_open(&cam);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -EOPNOTSUPP);
	camera_close(&cam);
	testcam_act("free");

	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	testcam_act("unregister");
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -ENODEV);
	camera_close(&cam);
}

/* The queue behaves so as long as it is attached, whoever has files open. */
static void lasts_until_detach(void **state)
{
	struct camera cam, other;
	int dev, fd;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	dev = do_open("/dev/shrbuf", O_RDWR);
	do_ioctl(dev, SHRBUF_IOC_CONFIGURE, &(struct shrbuf_queue_config){
		.fd = cam.fd, .flags = REFUSE });
	close(dev);
	camera_close(&cam);

	camera_open(&other, CAMERA_SINGLE);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	fd = exported(&other, 0);
	camera_run(&other, 4);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(queue_it(&other, 0), -EBUSY);
	assert_int_equal(let_go(fd), 0);
	close(fd);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 0);
	detach(other.fd);

	attach(other.fd);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	fd = exported(&other, 0);
	camera_run(&other, 4);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(queue_it(&other, 0), 0);
	assert_int_equal(let_go(fd), 0);
	camera_close(&other);
}

/* Neither attaching nor CONFIGURE with no flags makes V4L2 care for readers. */
static void default_is_stock(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, 0, 0);
	before = info_of(fd);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(queue_it(&cam, 0), 0);
	testcam_act("frame");
	after = info_of(fd);
	assert_int_equal(after.frame.state, SHRBUF_STATE_FILLED);
	assert_int_equal(after.frame.seq, before.frame.seq + 2);
	assert_int_equal(after.holds, 1);
	assert_int_equal(let_go(fd), 0);
	camera_close(&cam);
}

/* REFUSE */

static void refuse(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd, dev;

	(void)state;
	fd = camera_with_frame(&cam, REFUSE, 0);
	dev = do_open("/dev/shrbuf", O_RDWR);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(hold_by(dev, fd, NULL), 0);
	before = info_of(fd);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	assert_int_equal(try_prepare(&cam, 0), -EBUSY);
	after = info_of(fd);
	assert_memory_equal(&before, &after, sizeof(before));
	/* the other buffer is not concerned */
	assert_int_equal(queue_it(&cam, 1), 0);

	/* two hold it */
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	close(dev);
	assert_int_equal(queue_it(&cam, 0), 0);

	/* the driver has it at once, the stream runs */
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLING);
	assert_int_equal(hold(fd), -ENODATA);
	testcam_act("frame");
	testcam_act("frame");
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	/* it can be held before it is taken out of the queue */
	assert_int_equal(hold(fd), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 1);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	/* a hold does not keep the buffer from being freed */
	assert_int_equal(try_streamoff(&cam), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(let_go(fd), 0);
	camera_close(&cam);
}

/* Content is given up when the buffer is, even if no driver has it yet. */
static void empty_before_streamon(void **state)
{
	struct camera cam;
	uint64_t seq;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, REFUSE, 0);
	assert_int_equal(try_streamoff(&cam), 0);
	seq = info_of(fd).frame.seq;
	assert_int_equal(try_prepare(&cam, 0), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	assert_int_equal(info_of(fd).frame.seq, seq + 1);
	assert_int_equal(hold(fd), -ENODATA);
	assert_int_equal(queue_it(&cam, 0), 0);
	assert_int_equal(info_of(fd).frame.seq, seq + 1);
	assert_int_equal(hold(fd), -ENODATA);

	/* it comes back unused: there is no frame to hold */
	testcam_act("refuse-start");
	assert_int_equal(try_streamon(&cam), -EIO);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	assert_int_equal(hold(fd), -ENODATA);

	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("damaged");
	/* a damaged frame is one */
	assert_int_equal(state_of(fd), SHRBUF_STATE_ERROR);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	camera_close(&cam);
}

/* A process that holds the frame of @fd until it is killed. */
static pid_t holder(int fd)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct shrbuf_hold_op op = { .fd = fd };
		int dev = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

		if (ioctl(dev, SHRBUF_IOC_HOLD, &op) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_holder(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void holder_is_killed(void **state)
{
	struct camera cam;
	pid_t pid;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, REFUSE, 0);
	pid = holder(fd);
	assert_int_equal(info_of(fd).holds, 1);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	kill_holder(pid);
	assert_int_equal(info_of(fd).holds, 0);
	assert_int_equal(queue_it(&cam, 0), 0);
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
	assert_int_equal(try_config(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	for (i = 0; i < 2; i++)
		fds[i] = exported(&cam, i);
	camera_run(&cam, 4);
	for (held = 0; held < 2; held++) {
		assert_int_equal(hold(fds[held]), 0);
		for (i = 0; i < 2; i++)
			before[i] = info_of(fds[i]);
		assert_int_equal(queue_it(&cam, 0), -EBUSY);
		assert_int_equal(try_prepare(&cam, 0), -EBUSY);
		for (i = 0; i < 2; i++)
			after[i] = info_of(fds[i]);
		assert_memory_equal(before, after, sizeof(before));
		assert_int_equal(hold(fds[!held]), 0);
		assert_int_equal(let_go(fds[!held]), 0);
		assert_int_equal(let_go(fds[held]), 0);
	}
	assert_int_equal(queue_it(&cam, 0), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(state_of(fds[i]), SHRBUF_STATE_EMPTY);
		assert_int_equal(hold(fds[i]), -ENODATA);
	}
	camera_close(&cam);
}

/* Memory of shrbuf that is captured into. */
static void refuse_imported(void **state)
{
	struct camera cam;
	int fd, other;

	(void)state;
	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&cam, 0));
	other = alloc_buffer(camera_plane_size(&cam, 0));
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_DMABUF), 0);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), -EBUSY);
	/* the buffer is the memory, not the number in the queue */
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 1, &fd, NULL), -EBUSY);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &other, NULL), 0);
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 1, &fd, NULL), 0);
	assert_int_equal(hold(fd), -ENODATA);
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
	struct shrbuf_buffer_op op = { .fd = race->fd };

	while (!__atomic_load_n(&race_ends, __ATOMIC_RELAXED)) {
		struct shrbuf_info info = { .fd = race->fd };
		uint64_t seq;
		int i;

		if (hold_by(race->dev, race->fd, &seq))
			continue;
		race->held++;
		for (i = 0; i < 3; i++) {
			try_ioctl(race->dev, SHRBUF_IOC_INFO, &info);
			if (info.frame.seq != seq)
				race->changed++;
		}
		try_ioctl(race->dev, SHRBUF_IOC_RELEASE, &op);
	}
	return NULL;
}

static void hold_against_queue(void **state)
{
	struct race race = { .queued = 0 };
	pthread_t thread;
	int ret;

	(void)state;
	race.fd = camera_with_frame(&race.cam, REFUSE, 0);
	race.dev = do_open("/dev/shrbuf", O_RDWR);
	race_ends = false;
	assert_int_equal(pthread_create(&thread, NULL, race_reader, &race), 0);
	/* until both have won often enough */
	while (race.queued < RACE_FRAMES || !race.refused ||
	       __atomic_load_n(&race.held, __ATOMIC_RELAXED) < RACE_FRAMES / 10) {
		ret = queue_it(&race.cam, 0);
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

/* WAIT */

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
	sigset_t timer;

	if (w->memory >= 0) {
		buf.memory = V4L2_MEMORY_DMABUF;
		buf.m.fd = w->memory;
	}

	/* The rain of signals is not for this one. */
	sigemptyset(&timer);
	sigaddset(&timer, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &timer, NULL);
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
	struct shrbuf_state_op op = { .frame.state = SHRBUF_STATE_FILLED };
	/* VIVID_CID_BUF_PREPARE_ERROR */
	struct v4l2_control inject = { .id = (0x00f00000 | 0xf000) + 68 };
	struct camera cam, vivid;
	static struct waiter w;
	int fd;

	(void)state;
	camera_open(&vivid, CAMERA_SINGLE);
	attach(vivid.fd);
	assert_int_equal(try_config(vivid.fd, REFUSE, 0), 0);
	camera_reqbufs(&vivid, V4L2_MEMORY_DMABUF, 2);
	fd = alloc_buffer(camera_plane_size(&vivid, 0));
	testcam_new("stock");
	testcam_open(&cam);
	attach(cam.fd);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	op.fd = fd;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &op);

	testcam_act("block");
	start_waiter(&w, &cam, fd);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(hold(fd), -ENODATA);
	do_ioctl(vivid.fd, VIDIOC_S_CTRL, &inject);
	assert_int_equal(try_qbuf(&vivid, V4L2_MEMORY_DMABUF, 0, &fd, NULL), -EINVAL);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(hold(fd), -ENODATA);
	testcam_act("unblock");
	assert_int_equal(end_waiter(&w), 0);
	assert_int_equal(state_of(fd), SHRBUF_STATE_EMPTY);
	/* and nobody has claimed it for ever */
	assert_int_equal(try_streamoff(&cam), 0);
	memset(&op.frame, 0, sizeof(op.frame));
	op.frame.state = SHRBUF_STATE_FILLED;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &op);
	assert_int_equal(hold(fd), 0);
	camera_close(&cam);
	camera_close(&vivid);
}

static void wait_for_release(void **state)
{
	struct camera cam;
	struct waiter w;
	pid_t pid;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(hold(fd), 0);
	start_waiter(&w, &cam, -1);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(end_waiter(&w), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);

	/* or because the reader died */
	pid = holder(fd);
	start_waiter(&w, &cam, -1);
	kill_holder(pid);
	assert_int_equal(end_waiter(&w), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	/* nobody holds it: no wait */
	assert_int_equal(queue_it(&cam, 0), 0);
	camera_close(&cam);
}

static void wait_times_out(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, WAIT, 20);
	assert_int_equal(hold(fd), 0);
	before = info_of(fd);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	assert_int_equal(try_prepare(&cam, 0), -EBUSY);
	after = info_of(fd);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(queue_it(&cam, 0), 0);
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
	fd = camera_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(hold(fd), 0);
	start_waiter(&w, &cam, -1);
	assert_int_equal(pthread_kill(w.thread, SIGUSR1), 0);
	assert_int_equal(end_waiter(&w), -EINTR);
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(queue_it(&cam, 0), 0);
	camera_close(&cam);
}

static void wait_ends_with_the_device(void **state)
{
	struct camera cam;
	struct waiter w;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(hold(fd), 0);
	start_waiter(&w, &cam, -1);
	testcam_act("unregister");
	assert_int_equal(end_waiter(&w), -ENODEV);
	/* the frame is still there, and held */
	assert_int_equal(state_of(fd), SHRBUF_STATE_FILLED);
	assert_int_equal(info_of(fd).holds, 1);
	camera_close(&cam);
	assert_int_equal(let_go(fd), 0);
}

static void wait_disturbs_nobody(void **state)
{
	struct camera cam, other;
	struct waiter w;
	int fd;

	(void)state;
	fd = camera_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(hold(fd), 0);
	start_waiter(&w, &cam, -1);
	/* all the others go on: another camera, requests for this very buffer */
	camera_open(&other, CAMERA_SINGLE);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	camera_run(&other, 3);
	camera_close(&other);
	assert_int_equal(info_of(fd).holds, 1);
	assert_int_equal(buffers_alive(), 2);
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(end_waiter(&w), 0);
	camera_close(&cam);
}

/* The process that waits is killed: the lock of the queue is free again. */
static void waiter_is_killed(void **state)
{
	struct camera cam;
	int fd, status;
	pid_t pid;

	(void)state;
	fd = camera_with_frame(&cam, WAIT, SHRBUF_MAX_WAIT_MS);
	assert_int_equal(hold(fd), 0);
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
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(queue_it(&cam, 0), 0);
	camera_close(&cam);
}

/* ATTACH_TEST */

static int attach_op(unsigned long request, int fd, uint32_t flags, uint64_t reserved)
{
	struct shrbuf_queue_op op = {
		.fd = fd, .flags = flags, .reserved = { 0, reserved },
	};

	return try_ioctl(shrbuf_dev(), request, &op);
}

static int try_test(int fd)
{
	return attach_op(SHRBUF_IOC_ATTACH, fd, SHRBUF_ATTACH_TEST, 0);
}

static void attach_test(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	assert_int_equal(try_test(cam.fd), 0);
	assert_int_equal(try_test(cam.fd), 0);
	/* nothing has changed */
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = exported(&cam, 0);
	assert_int_equal(import_id(fd), -EINVAL);
	close(fd);
	assert_int_equal(try_test(cam.fd), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	attach(cam.fd);
	assert_int_equal(try_test(cam.fd), -EALREADY);
	detach(cam.fd);
	assert_int_equal(try_test(cam.fd), 0);

	assert_int_equal(attach_op(SHRBUF_IOC_ATTACH, cam.fd, 2, 0), -EINVAL);
	assert_int_equal(attach_op(SHRBUF_IOC_ATTACH, cam.fd, SHRBUF_ATTACH_TEST, 1),
			 -EINVAL);
	assert_int_equal(attach_op(SHRBUF_IOC_DETACH, cam.fd, SHRBUF_ATTACH_TEST, 0),
			 -EINVAL);
	assert_int_equal(try_test(-1), -EBADF);
	assert_int_equal(try_test(shrbuf_dev()), -EINVAL);
	camera_close(&cam);
}

static void attach_test_devices(void **state)
{
	static const struct {
		const char *kind;
		int ret;
	} kinds[] = {
		{ "stock", 0 }, { "ported", 0 }, { "dma-sg", 0 },
		{ "unknown", -EOPNOTSUPP }, { "unlocked", -EOPNOTSUPP },
	};
	struct camera cam;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		testcam_new(kinds[i].kind);
		testcam_open(&cam);
		assert_int_equal(try_test(cam.fd), kinds[i].ret);
		testcam_act("unregister");
		assert_int_equal(try_test(cam.fd), -ENODEV);
		camera_close(&cam);
		testcam_act("free");
	}
}

/* ported drivers */

static int watch_queue(int video_fd)
{
	struct shrbuf_watch_op op = {
		.fd = video_fd, .flags = SHRBUF_WATCH_QUEUE, .cookie = 7,
	};
	int dev = do_open("/dev/shrbuf", O_RDWR | O_NONBLOCK);

	do_ioctl(dev, SHRBUF_IOC_WATCH, &op);
	return dev;
}

static void expect_event(int dev, uint32_t type)
{
	struct shrbuf_event event = { .type = ~0U };

	assert_int_equal(read(dev, &event, sizeof(event)), sizeof(event));
	assert_int_equal(event.type, type);
	assert_int_equal(event.cookie, 7);
}

/* It gives shared buffers anyway; attached it can be watched and configured. */
static void ported(void **state)
{
	struct camera cam;
	int fd, dev;

	(void)state;
	testcam_new("ported");
	testcam_open(&cam);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), -ENOTCONN);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_attach(cam.fd), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	attach(cam.fd);
	assert_int_equal(try_attach(cam.fd), -EALREADY);
	assert_int_equal(try_config(cam.fd, REFUSE, 0), 0);
	dev = watch_queue(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	fd = exported(&cam, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	expect_event(dev, SHRBUF_EVENT_FILLING);
	expect_event(dev, SHRBUF_EVENT_FILLED);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	assert_int_equal(let_go(fd), 0);
	expect_event(dev, SHRBUF_EVENT_RELEASED);
	assert_int_equal(try_streamoff(&cam), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	expect_event(dev, SHRBUF_EVENT_ORPHANED);
	expect_event(dev, SHRBUF_EVENT_ORPHANED);
	detach(cam.fd);
	expect_event(dev, SHRBUF_EVENT_GONE);
	close(fd);

	/* as it was, with the operations of the driver */
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = exported(&cam, 0);
	assert_true(import_id(fd) > 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(hold(fd), 0);
	assert_int_equal(queue_it(&cam, 0), 0);
	camera_close(&cam);
}

/* The example of Documentation/readers.rst. */
static void three_processes(void **state)
{
	struct shrbuf_hold_op display = { 0 };
	struct shrbuf_info info;
	struct camera cam;
	pid_t detector;
	int fd, dev;

	(void)state;
	fd = camera_with_frame(&cam, REFUSE, 0);
	dev = watch_queue(cam.fd);
	info = info_of(fd);
	display.fd = fd;
	display.frame.seq = info.frame.seq;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_HOLD, &display);
	detector = holder(fd);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	assert_int_equal(let_go(fd), 0);
	assert_int_equal(queue_it(&cam, 0), -EBUSY);
	kill_holder(detector);
	expect_event(dev, SHRBUF_EVENT_RELEASED);
	assert_int_equal(queue_it(&cam, 0), 0);
	expect_event(dev, SHRBUF_EVENT_EMPTY);
	expect_event(dev, SHRBUF_EVENT_FILLING);
	memset(&display.frame, 0, sizeof(display.frame));
	display.frame.seq = info.frame.seq;
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_HOLD, &display), -ESTALE);
	camera_close(&cam);
}

/* A configured queue that goes, with and without buffers. */
static void configured_and_removed(void **state)
{
	static const char * const kinds[] = { "stock", "ported" };
	unsigned int i, bufs;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (bufs = 0; bufs <= 2; bufs += 2) {
			struct camera cam, again;
			int dev, fd = -1;

			testcam_new(kinds[i]);
			testcam_open(&cam);
			attach(cam.fd);
			assert_int_equal(try_config(cam.fd, REFUSE | FENCES, 0), 0);
			dev = watch_queue(cam.fd);
			if (bufs) {
				/* exported, so that there are fences */
				camera_reqbufs(&cam, V4L2_MEMORY_MMAP, bufs);
				fd = exported(&cam, 0);
				camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
				assert_int_equal(try_streamon(&cam), 0);
			}
			testcam_act("unregister");
			camera_close(&cam);
			close(fd);
			/* the queue lives on, with the operations of the driver */
			testcam_act("register");
			testcam_open(&again);
			assert_int_equal(try_config(again.fd, REFUSE, 0), -ENOTCONN);
			camera_reqbufs(&again, V4L2_MEMORY_MMAP, 2);
			camera_qbuf(&again, V4L2_MEMORY_MMAP, 0);
			assert_int_equal(try_streamon(&again), 0);
			testcam_act("frame");
			camera_close(&again);
			testcam_act("free");
			close(dev);
		}
	}
	expect_no_buffers();
}

/* The operations of the queue change back while requests run in it. */
#define LOOPS	100

static bool stop;

static void *stream(void *arg)
{
	int *memory = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct camera cam = {
			.fd = video_open("shrbuf_testcam"),
			.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
			.fmt.fmt.pix.sizeimage = 65536,
		};

		if (cam.fd < 0)
			continue;
		try_attach(cam.fd);
		try_config(cam.fd, REFUSE | FENCES, 0);
		/* without memory in between, so that removal ends the attachment */
		try_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
		try_streamon(&cam);
		try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, memory, NULL);
		try_streamoff(&cam);
		try_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
		try_config(cam.fd, 0, 0);
		close(cam.fd);
	}
	return NULL;
}

static void races_with_removal(void **state)
{
	pthread_t threads[3];
	unsigned int i;
	int memory;

	(void)state;
	memory = alloc_buffer(65536);
	testcam_new("stock");
	stop = false;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, stream, &memory),
				 0);
	for (i = 0; i < LOOPS; i++) {
		testcam_act("unregister");
		usleep(1000);
		testcam_act("register");
		usleep(5000);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	testcam_act("unregister");
	testcam_act("free");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(wrong),
		TESTCAM_TEST(wrong_devices),
		TESTCAM_TEST(lasts_until_detach),
		TESTCAM_TEST(default_is_stock),
		TESTCAM_TEST(refuse),
		TESTCAM_TEST(empty_before_streamon),
		TESTCAM_TEST(holder_is_killed),
		TESTCAM_TEST(refuse_planes),
		TESTCAM_TEST(refuse_imported),
		TESTCAM_TEST(hold_against_queue),
		TESTCAM_TEST(hold_against_two_queues),
		TESTCAM_TEST(wait_for_release),
		TESTCAM_TEST(wait_times_out),
		TESTCAM_TEST(wait_is_interrupted),
		TESTCAM_TEST(wait_ends_with_the_device),
		TESTCAM_TEST(wait_disturbs_nobody),
		TESTCAM_TEST(waiter_is_killed),
		TESTCAM_TEST(attach_test),
		TESTCAM_TEST(attach_test_devices),
		TESTCAM_TEST(ported),
		TESTCAM_TEST(three_processes),
		TESTCAM_TEST(configured_and_removed),
		TESTCAM_TEST(races_with_removal),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, check_signals);
}
