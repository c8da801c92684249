// SPDX-License-Identifier: GPL-2.0
/*
 * What the test programs share, see common.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "common.h"
#include "../kernel/shrbuf_testdev.h"

int test_cleanup(void **state)
{
	static const enum camera_kind kinds[] = {
		CAMERA_SINGLE, CAMERA_MULTI, CAMERA_OUTPUT, CAMERA_OUTPUT_MULTI,
	};
	unsigned int i;

	(void)state;
	closefrom(FIRST_TEST_FD);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = do_open(camera_path(kinds[i]), O_RDWR);

		try_detach(fd);
		close(fd);
	}
	return 0;
}

/* system calls */

static void on_alarm(int sig)
{
	(void)sig;
}

static __thread bool quiet;

void thread_without_signals(void)
{
	quiet = true;
}

static bool signals_wanted(void)
{
	static int wanted = -1;

	if (quiet)
		return false;
	if (wanted < 0) {
		const char *env = getenv("TEST_SIGNALS");
		/* without SA_RESTART: the call itself must come back */
		struct sigaction sa = { .sa_handler = on_alarm };

		wanted = env && !strcmp(env, "1");
		sigaction(SIGALRM, &sa, NULL);
	}
	return wanted;
}

/* Signals for this thread alone: others may sit in calls that nobody repeats. */
static timer_t rain_start(long usec)
{
	const struct timespec after = { .tv_sec = usec / 1000000,
					.tv_nsec = usec % 1000000 * 1000 };
	/* again, in case the first one comes before the call starts */
	const struct itimerspec its = { .it_value = after, .it_interval = after };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = SIGALRM };
	timer_t timer;

	event._sigev_un._tid = gettid();	/* glibc has no name for it */
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &its, NULL))
		fail_msg("a timer: %s", strerror(errno));
	return timer;
}

/* How many system calls came back with EINTR. */
static int interrupted;

/* A rain of signals that never hit anything has tested nothing. */
int check_signals(void **state)
{
	(void)state;
	if (!signals_wanted())
		return 0;
	print_message("# %d system calls were interrupted\n", interrupted);
	return interrupted ? 0 : -1;
}

int try_ioctl(int fd, unsigned long request, void *arg)
{
	bool signals = signals_wanted();
	timer_t timer = NULL;
	long usec = 5;
	int ret;

	do {
		if (signals)
			timer = rain_start(usec);
		ret = ioctl(fd, request, arg);
		ret = ret < 0 ? -errno : ret;
		if (signals)
			timer_delete(timer);
		if (ret == -EINTR)
			__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
		usec *= 2;
	} while (ret == -EINTR);
	return ret;
}

void do_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = try_ioctl(fd, request, arg);

	if (ret < 0)
		fail_msg("ioctl 0x%lx: %s", request, strerror(-ret));
}

int do_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int high;

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(high >= 0);
	close(fd);
	return high;
}

void do_write(const char *path, const char *text)
{
	int fd = do_open(path, O_WRONLY);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("%s < %s: %s", path, text, strerror(errno));
	close(fd);
}

int do_sync(int dmabuf_fd, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };
	int ret;

	do {
		ret = try_ioctl(dmabuf_fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (ret == -EAGAIN);
	return ret;
}

void wait_for(bool (*cond)(void *arg), void *arg, const char *what)
{
	struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	int left;

	for (left = TIMEOUT_MS / 10; left; left--) {
		if (cond(arg))
			return;
		nanosleep(&nap, NULL);
	}
	fail_msg("waited too long: %s", what);
}

/* shrbuf */

/* Devices that stay open over all tests, below all other file descriptors. */
static int open_for_ever(const char *path)
{
	int fd = do_open(path, O_RDWR);
	int low = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	assert_true(low >= 0 && low < FIRST_TEST_FD);
	close(fd);
	return low;
}

int shrbuf_dev(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open_for_ever("/dev/shrbuf");
	return fd;
}

int test_dev(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open_for_ever("/dev/shrbuf_test");
	return fd;
}

static int queue_op(unsigned long request, int video_fd)
{
	struct shrbuf_queue_op op = { .fd = video_fd };

	return try_ioctl(shrbuf_dev(), request, &op);
}

int try_attach(int video_fd)
{
	return queue_op(SHRBUF_IOC_ATTACH, video_fd);
}

int try_detach(int video_fd)
{
	return queue_op(SHRBUF_IOC_DETACH, video_fd);
}

void attach(int video_fd)
{
	int ret = try_attach(video_fd);

	if (ret)
		fail_msg("SHRBUF_IOC_ATTACH: %s", strerror(-ret));
}

void detach(int video_fd)
{
	int ret = try_detach(video_fd);

	if (ret)
		fail_msg("SHRBUF_IOC_DETACH: %s", strerror(-ret));
}

int buffers_alive(void)
{
	FILE *file = fopen("/sys/kernel/debug/shrbuf/buffers", "re");
	int lines = -1;		/* the headline */
	int c;

	if (!file)
		return -1;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static bool no_buffers(void *arg)
{
	(void)arg;
	return buffers_alive() <= 0;
}

void expect_no_buffers(void)
{
	wait_for(no_buffers, NULL, "all buffers to be gone");
}

int import_id(int fd)
{
	return try_ioctl(test_dev(), SHRBUF_TEST_IMPORT, (void *)(long)fd);
}

int try_alloc(size_t size, uint32_t flags, int device, const char *name)
{
	struct shrbuf_alloc_op op = {
		.size = size, .flags = flags, .device = device, .fd_flags = O_RDWR,
	};
	int ret, fd;

	strncpy((char *)op.name, name, sizeof(op.name) - 1);
	ret = try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	if (ret)
		return ret;
	fd = fcntl(op.fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(fd >= 0);
	close(op.fd);
	return fd;
}

int do_alloc(size_t size, uint32_t flags, int device, const char *name)
{
	int fd = try_alloc(size, flags, device, name);

	if (fd < 0)
		fail_msg("SHRBUF_IOC_ALLOC with flags %u: %s", flags, strerror(-fd));
	return fd;
}

/* cameras */

static bool camera_matches(int fd, enum camera_kind kind)
{
	struct v4l2_capability cap = { 0 };
	const char *bus = "platform:vivid-000";
	uint32_t want;

	switch (kind) {
	case CAMERA_SINGLE:
		want = V4L2_CAP_VIDEO_CAPTURE;
		break;
	case CAMERA_MULTI:
		want = V4L2_CAP_VIDEO_CAPTURE_MPLANE;
		bus = "platform:vivid-001";
		break;
	case CAMERA_OUTPUT:
		want = V4L2_CAP_VIDEO_OUTPUT;
		break;
	default:
		want = V4L2_CAP_VIDEO_OUTPUT_MPLANE;
		bus = "platform:vivid-001";
		break;
	}
	return !ioctl(fd, VIDIOC_QUERYCAP, &cap) &&
	       !strcmp((char *)cap.bus_info, bus) && (cap.device_caps & want);
}

const char *camera_path(enum camera_kind kind)
{
	static char path[64];
	glob_t found;
	size_t i;

	path[0] = 0;
	if (glob("/dev/video*", 0, NULL, &found))
		fail_msg("no video devices: load vivid");
	for (i = 0; i < found.gl_pathc && !path[0]; i++) {
		int fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (camera_matches(fd, kind))
			snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
	if (!path[0])
		fail_msg("no video device of kind %d", kind);
	return path;
}

void camera_open(struct camera *cam, enum camera_kind kind)
{
	memset(cam, 0, sizeof(*cam));
	cam->fd = do_open(camera_path(kind), O_RDWR);
	cam->nr_planes = 1;
	switch (kind) {
	case CAMERA_SINGLE:
		cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
		break;
	case CAMERA_MULTI:
		cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
		break;
	case CAMERA_OUTPUT:
		cam->type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
		break;
	default:
		cam->type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
		break;
	}
	camera_format(cam, 640, 360);
}

void camera_close(struct camera *cam)
{
	close(cam->fd);
	cam->fd = -1;
}

void camera_format(struct camera *cam, unsigned int width, unsigned int height)
{
	unsigned int i;

	cam->fmt.type = cam->type;
	do_ioctl(cam->fd, VIDIOC_G_FMT, &cam->fmt);
	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		cam->fmt.fmt.pix_mp.width = width;
		cam->fmt.fmt.pix_mp.height = height;
		cam->fmt.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_NV16M;
		/* otherwise vivid keeps longer lines */
		for (i = 0; i < VIDEO_MAX_PLANES; i++)
			cam->fmt.fmt.pix_mp.plane_fmt[i].bytesperline = 0;
	} else {
		cam->fmt.fmt.pix.width = width;
		cam->fmt.fmt.pix.height = height;
		cam->fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_XBGR32;
		cam->fmt.fmt.pix.bytesperline = 0;
	}
	do_ioctl(cam->fd, VIDIOC_S_FMT, &cam->fmt);
	cam->nr_planes = V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
			 cam->fmt.fmt.pix_mp.num_planes : 1;
}

size_t camera_plane_size(struct camera *cam, unsigned int plane)
{
	return V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
	       cam->fmt.fmt.pix_mp.plane_fmt[plane].sizeimage :
	       cam->fmt.fmt.pix.sizeimage;
}

int try_reqbufs(struct camera *cam, enum v4l2_memory memory, unsigned int count)
{
	struct v4l2_requestbuffers req = {
		.count = count, .type = cam->type, .memory = memory,
	};
	int ret = try_ioctl(cam->fd, VIDIOC_REQBUFS, &req);

	cam->nr_bufs = ret < 0 ? 0 : req.count;
	return ret;
}

void camera_reqbufs(struct camera *cam, enum v4l2_memory memory,
		    unsigned int count)
{
	int ret = try_reqbufs(cam, memory, count);

	if (ret)
		fail_msg("REQBUFS: %s", strerror(-ret));
	/* the driver may want more, these tests count on what they asked for */
	assert_int_equal(cam->nr_bufs, count);
}

void camera_shared(struct camera *cam, enum camera_kind kind, unsigned int count)
{
	camera_open(cam, kind);
	attach(cam->fd);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, count);
}

void camera_done(struct camera *cam)
{
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	detach(cam->fd);
	camera_close(cam);
}

int try_expbuf(struct camera *cam, unsigned int index, unsigned int plane,
	       unsigned int flags)
{
	struct v4l2_exportbuffer exp = {
		.type = cam->type, .index = index, .plane = plane,
		.flags = flags,
	};
	int ret = try_ioctl(cam->fd, VIDIOC_EXPBUF, &exp);

	return ret < 0 ? ret : exp.fd;
}

int camera_expbuf(struct camera *cam, unsigned int index, unsigned int plane,
		  unsigned int flags)
{
	int fd = try_expbuf(cam, index, plane, flags);

	if (fd < 0)
		fail_msg("EXPBUF: %s", strerror(-fd));
	return fd;
}

static void buffer_init(struct camera *cam, struct v4l2_buffer *buf,
			struct v4l2_plane *planes, enum v4l2_memory memory,
			unsigned int index)
{
	memset(buf, 0, sizeof(*buf));
	memset(planes, 0, sizeof(*planes) * VIDEO_MAX_PLANES);
	buf->type = cam->type;
	buf->memory = memory;
	buf->index = index;
	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		buf->m.planes = planes;
		buf->length = cam->nr_planes;
	}
}

void *camera_mmap(struct camera *cam, unsigned int index, unsigned int plane)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	size_t length;
	off_t offset;
	void *addr;

	buffer_init(cam, &buf, planes, V4L2_MEMORY_MMAP, index);
	do_ioctl(cam->fd, VIDIOC_QUERYBUF, &buf);
	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		length = planes[plane].length;
		offset = planes[plane].m.mem_offset;
	} else {
		length = buf.length;
		offset = buf.m.offset;
	}
	addr = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, cam->fd,
		    offset);
	if (addr == MAP_FAILED)
		fail_msg("mmap of the video device: %s", strerror(errno));
	return addr;
}

int try_qbuf(struct camera *cam, enum v4l2_memory memory, unsigned int index,
	     const int *fds, void *const *userptrs)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	unsigned int i;

	buffer_init(cam, &buf, planes, memory, index);
	if (!V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		buf.length = camera_plane_size(cam, 0);
		if (memory == V4L2_MEMORY_DMABUF)
			buf.m.fd = fds[0];
		else if (memory == V4L2_MEMORY_USERPTR)
			buf.m.userptr = (unsigned long)userptrs[0];
	} else {
		for (i = 0; i < cam->nr_planes; i++) {
			planes[i].length = camera_plane_size(cam, i);
			if (memory == V4L2_MEMORY_DMABUF)
				planes[i].m.fd = fds[i];
			else if (memory == V4L2_MEMORY_USERPTR)
				planes[i].m.userptr =
					(unsigned long)userptrs[i];
		}
	}
	return try_ioctl(cam->fd, VIDIOC_QBUF, &buf);
}

void camera_qbuf(struct camera *cam, enum v4l2_memory memory,
		 unsigned int index)
{
	int ret = try_qbuf(cam, memory, index, NULL, NULL);

	if (ret)
		fail_msg("QBUF: %s", strerror(-ret));
}

int try_dqbuf(struct camera *cam, enum v4l2_memory memory)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	int ret;

	buffer_init(cam, &buf, planes, memory, 0);
	ret = try_ioctl(cam->fd, VIDIOC_DQBUF, &buf);
	return ret < 0 ? ret : (int)buf.index;
}

int try_streamon(struct camera *cam)
{
	int type = cam->type;

	return try_ioctl(cam->fd, VIDIOC_STREAMON, &type);
}

int try_streamoff(struct camera *cam)
{
	int type = cam->type;

	return try_ioctl(cam->fd, VIDIOC_STREAMOFF, &type);
}

void camera_run(struct camera *cam, unsigned int frames)
{
	unsigned int i;
	int index;

	for (i = 0; i < cam->nr_bufs; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(cam), 0);
	for (i = 0; i < frames; i++) {
		index = try_dqbuf(cam, V4L2_MEMORY_MMAP);
		if (index < 0)
			fail_msg("DQBUF: %s", strerror(-index));
		if (i + cam->nr_bufs < frames + 1)
			camera_qbuf(cam, V4L2_MEMORY_MMAP, index);
	}
	assert_int_equal(try_streamoff(cam), 0);
}

int video_open(const char *driver)
{
	glob_t found;
	int fd = -1;
	size_t i;

	if (glob("/dev/video*", 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc && fd < 0; i++) {
		struct v4l2_capability cap = { 0 };
		int low = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);

		if (low < 0)
			continue;
		if (!try_ioctl(low, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.driver, driver) &&
		    !(cap.device_caps & V4L2_CAP_META_CAPTURE))
			fd = fcntl(low, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
		close(low);
	}
	globfree(&found);
	return fd;
}

int module_refs(const char *module)
{
	char path[64], text[16] = "";
	int fd, refs = -1;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		refs = atoi(text);
	close(fd);
	return refs;
}

/* displays */

int drm_open(const char *driver)
{
	glob_t found;
	int fd = -1;
	size_t i;

	if (glob("/dev/dri/card*", 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc && fd < 0; i++) {
		drmVersionPtr version;

		fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		if (!version || strcmp(version->name, driver)) {
			close(fd);
			fd = -1;
		}
		drmFreeVersion(version);
	}
	globfree(&found);
	return fd;
}
