// SPDX-License-Identifier: GPL-2.0
/*
 * The sample camera: what v4l2-compliance does not look at. Its frames are shared
 * buffers, the picture is right and moves, and the camera may go at any time.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/sync_file.h>

#include "../stress/stress.h"

#define DRIVER	"/sys/bus/platform/drivers/shrcam/"
#define BUFFERS	4

/* of the kernel's test pattern generator, media/tpg/v4l2-tpg.h */
#define PATTERN_BARS	0
#define PATTERN_RED	7

static bool camera_is_there(void *arg)
{
	int *fd = arg;

	*fd = video_open("shrcam");
	return *fd >= 0;
}

static void set_pattern(struct camera *cam, int pattern)
{
	struct v4l2_control ctrl = {
		.id = V4L2_CID_TEST_PATTERN, .value = pattern,
	};

	do_ioctl(cam->fd, VIDIOC_S_CTRL, &ctrl);
}

static void open_shrcam(struct camera *cam, uint32_t fourcc)
{
	memset(cam, 0, sizeof(*cam));
	wait_for(camera_is_there, &cam->fd, "the sample camera");
	cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	cam->nr_planes = 1;
	cam->fmt.type = cam->type;
	cam->fmt.fmt.pix.width = 640;
	cam->fmt.fmt.pix.height = 480;
	cam->fmt.fmt.pix.pixelformat = fourcc;
	do_ioctl(cam->fd, VIDIOC_S_FMT, &cam->fmt);
	assert_int_equal(cam->fmt.fmt.pix.pixelformat, fourcc);
	assert_int_equal(cam->fmt.fmt.pix.width, 640);
	assert_int_equal(cam->fmt.fmt.pix.height, 480);
	set_pattern(cam, PATTERN_BARS);
}

static void stream(struct camera *cam)
{
	unsigned int i;

	camera_reqbufs(cam, V4L2_MEMORY_MMAP, BUFFERS);
	for (i = 0; i < BUFFERS; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(cam), 0);
}

static void *map(int dmabuf, size_t size)
{
	void *addr = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf, 0);

	if (addr == MAP_FAILED)
		fail_msg("mmap of the dma-buf: %s", strerror(errno));
	return addr;
}

/* A copy of what is in the buffer, to be freed. */
static unsigned char *content(int dmabuf, size_t size)
{
	unsigned char *copy = malloc(size);
	void *addr = map(dmabuf, size);

	assert_non_null(copy);
	assert_int_equal(do_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	memcpy(copy, addr, size);
	assert_int_equal(do_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	munmap(addr, size);
	return copy;
}

static void exports_shared_buffers(void **state)
{
	int fds[BUFFERS], ids[BUFFERS], again, i, j;
	struct camera cam;

	(void)state;
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	/* It is ported, so it need not be attached, but can. */
	attach(cam.fd);
	assert_int_equal(try_attach(cam.fd), -EALREADY);
	detach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFFERS);
	assert_int_equal(buffers_alive(), BUFFERS);
	for (i = 0; i < BUFFERS; i++) {
		fds[i] = camera_expbuf(&cam, i, 0, O_RDWR);
		ids[i] = import_id(fds[i]);
		assert_true(ids[i] > 0);
		for (j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	again = camera_expbuf(&cam, 0, 0, O_RDWR);
	assert_int_equal(import_id(again), ids[0]);
	close(again);
	for (i = 0; i < BUFFERS; i++)
		close(fds[i]);
	camera_close(&cam);
	expect_no_buffers();
}

/* All frames with different pictures, numbered without gap, later and later. */
static void picture_moves(void **state)
{
	static const uint32_t fourccs[] = { V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_YUYV };
	unsigned char *frames[BUFFERS];
	int64_t before, time;
	struct camera cam;
	unsigned int i, j;
	size_t size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		open_shrcam(&cam, fourccs[i]);
		size = camera_plane_size(&cam, 0);
		stream(&cam);
		before = 0;
		for (j = 0; j < BUFFERS; j++) {
			struct v4l2_buffer buf = {
				.type = cam.type, .memory = V4L2_MEMORY_MMAP,
			};
			int fd;

			do_ioctl(cam.fd, VIDIOC_DQBUF, &buf);
			assert_int_equal(buf.sequence, j);
			assert_int_equal(buf.bytesused, size);
			assert_false(buf.flags & V4L2_BUF_FLAG_ERROR);
			time = buf.timestamp.tv_sec * 1000000LL + buf.timestamp.tv_usec;
			assert_true(time > before);
			before = time;
			fd = camera_expbuf(&cam, buf.index, 0, O_RDWR);
			frames[j] = content(fd, size);
			close(fd);
			assert_true(!j || memcmp(frames[j], frames[j - 1], size));
		}
		for (j = 0; j < BUFFERS; j++)
			free(frames[j]);
		camera_close(&cam);
	}
	expect_no_buffers();
}

/* A control has its effect while streaming, and the bytes are where the format has them. */
static void picture_is_right(void **state)
{
	unsigned char *frame;
	struct camera cam;
	size_t size, i;
	int fd, index;

	(void)state;
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	size = camera_plane_size(&cam, 0);
	stream(&cam);
	set_pattern(&cam, PATTERN_RED);
	/* All may have been filled before. The one after them was not. */
	for (i = 0; i <= BUFFERS; i++) {
		index = try_dqbuf(&cam, V4L2_MEMORY_MMAP);
		assert_true(index >= 0);
		if (i < BUFFERS)
			camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
	}
	fd = camera_expbuf(&cam, index, 0, O_RDONLY);
	frame = content(fd, size);
	for (i = 0; i < size; i += 4)
		if (frame[i] > 8 || frame[i + 1] > 8 || frame[i + 2] < 247)
			fail_msg("byte %zu: %u %u %u is not red", i, frame[i],
				 frame[i + 1], frame[i + 2]);
	free(frame);
	close(fd);
	camera_close(&cam);
	expect_no_buffers();
}

/*
 * With each allocation of VIDIOC_STREAMON failing: the buffers stay queued, and the next
 * try finds them. videobuf2 in the debug kernel warns of buffers that are not given back.
 */
static void start_fails(void **state)
{
	unsigned int n, failures = 0;
	struct camera cam;
	int ret, i;
	bool hit;

	(void)state;
	if (!nth_open()) {
		print_message("# the kernel has no fault injection (fail-nth)\n");
		skip();
	}
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFFERS);
	for (i = 0; i < BUFFERS; i++)
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	for (n = 1, hit = true; hit; n++) {
		nth_set(n);
		ret = try_streamon(&cam);
		hit = nth_end();
		if (!ret && hit) {
			/* There was another way to get that memory. */
			assert_int_equal(try_streamoff(&cam), 0);
			for (i = 0; i < BUFFERS; i++)
				camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
		}
		if (!ret)
			continue;
		if (!hit)
			fail_msg("STREAMON: %s", strerror(-ret));
		failures += ret == -ENOMEM;
		for (i = 0; i < BUFFERS; i++) {
			struct v4l2_buffer buf = {
				.type = cam.type, .memory = V4L2_MEMORY_MMAP, .index = i,
			};

			do_ioctl(cam.fd, VIDIOC_QUERYBUF, &buf);
			assert_true(buf.flags & V4L2_BUF_FLAG_QUEUED);
		}
	}
	print_message("# %u failures of %u tries\n", failures, n - 1);
	assert_true(failures > 0);
	for (i = 0; i < BUFFERS; i++)
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), i);
	camera_close(&cam);
	expect_no_buffers();
}

/* waits for frames until there are no more */
static void *reader(void *arg)
{
	struct camera *cam = arg;
	int index;

	do {
		index = try_dqbuf(cam, V4L2_MEMORY_MMAP);
		if (index >= 0)
			index = try_qbuf(cam, V4L2_MEMORY_MMAP, index, NULL, NULL);
	} while (index >= 0);
	return NULL;
}

static int delete_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/*
 * The device goes while a thread streams, again and again: the thread comes to an end,
 * the open file only fails, the exported buffer keeps its identity and its memory.
 */
static void unplugged_while_streaming(void **state)
{
	unsigned char *before, *after;
	struct camera cam;
	pthread_t thread;
	int fd, id, i;
	size_t size;

	(void)state;
	for (i = 0; i < 10; i++) {
		open_shrcam(&cam, V4L2_PIX_FMT_YUYV);
		size = camera_plane_size(&cam, 0);
		stream(&cam);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		id = import_id(fd);
		assert_true(id > 0);
		/* at least one frame */
		assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
		assert_int_equal(pthread_create(&thread, NULL, reader, &cam), 0);
		/* half of the times in the midst of it */
		if (i % 2)
			usleep(40000);
		do_write(DRIVER "unbind", "shrcam");
		pthread_join(thread, NULL);

		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_MMAP, 0, NULL, NULL), -ENODEV);
		assert_int_equal(import_id(fd), id);
		assert_int_equal(buffers_alive(), 1);
		/* Nobody writes into it any more. */
		before = content(fd, size);
		usleep(100000);
		after = content(fd, size);
		assert_memory_equal(before, after, size);
		free(before);
		free(after);
		/* The old file and a new device live side by side. */
		do_write(DRIVER "bind", "shrcam");
		assert_int_equal(delete_module("shrcam"), -EWOULDBLOCK);
		camera_close(&cam);
		close(fd);
		expect_no_buffers();
	}
}

static int sync_status(int sync)
{
	struct sync_file_info info = { 0 };

	do_ioctl(sync, SYNC_IOC_FILE_INFO, &info);
	return info.status;
}

/*
 * Attached, as any other queue: it is watched, refuses held frames, and has fences. The
 * frames come at the camera's own pace, so some are there before their fence is looked at.
 * It goes in the midst of that.
 */
static void attached(void **state)
{
	struct shrbuf_queue_config config = {
		.flags = SHRBUF_CONFIG_REFUSE | SHRBUF_CONFIG_FENCES,
		.fence_ms = SHRBUF_MAX_FENCE_MS,
	};
	struct shrbuf_watch_op watch = { .flags = SHRBUF_WATCH_QUEUE };
	unsigned int i, index, fences = 0, filled = 0;
	int dev, fds[BUFFERS], sync[BUFFERS];
	struct shrbuf_event event;
	struct camera cam;

	(void)state;
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	attach(cam.fd);
	config.fd = cam.fd;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
	dev = do_open("/dev/shrbuf", O_RDWR | O_NONBLOCK);
	watch.fd = cam.fd;
	do_ioctl(dev, SHRBUF_IOC_WATCH, &watch);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFFERS);
	for (i = 0; i < BUFFERS; i++) {
		fds[i] = camera_expbuf(&cam, i, 0, O_RDWR);
		sync[i] = -1;
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	}
	assert_int_equal(try_streamon(&cam), 0);
	for (i = 0; i < 100 && fences < 10; i++) {
		struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_READ };
		struct shrbuf_buffer_op release = { 0 };
		struct shrbuf_hold_op hold = { 0 };
		int ret = try_dqbuf(&cam, V4L2_MEMORY_MMAP);

		assert_true(ret >= 0);
		index = ret;
		if (sync[index] >= 0) {
			assert_int_equal(sync_status(sync[index]), 1);
			close(sync[index]);
			fences++;
		}
		hold.fd = fds[index];
		do_ioctl(dev, SHRBUF_IOC_HOLD, &hold);
		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_MMAP, index, NULL, NULL),
				 -EBUSY);
		release.fd = fds[index];
		do_ioctl(dev, SHRBUF_IOC_RELEASE, &release);
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
		do_ioctl(fds[index], DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export);
		sync[index] = export.fd;
		if (sync_status(export.fd)) {
			close(export.fd);
			sync[index] = -1;
		}
	}
	assert_int_equal(fences, 10);
	while (read(dev, &event, sizeof(event)) == sizeof(event))
		filled += event.type == SHRBUF_EVENT_FILLED;
	assert_true(filled >= 10);

	do_write(DRIVER "unbind", "shrcam");
	for (i = 0; i < BUFFERS; i++) {
		if (sync[i] < 0)
			continue;
		assert_int_not_equal(sync_status(sync[i]), 0);
		close(sync[i]);
	}
	camera_close(&cam);
	for (i = 0; i < BUFFERS; i++)
		close(fds[i]);
	expect_no_buffers();
	do_write(DRIVER "bind", "shrcam");
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);
	camera_close(&cam);
}

static bool module_is_gone(void *arg)
{
	(void)arg;
	return !delete_module("shrcam");
}

/* Must be the last test. Buffers outlive the driver, and the picture is there. */
static void buffers_outlive_the_module(void **state)
{
	unsigned char *before, *after;
	struct camera cam;
	int fd, id;
	size_t size;
	void *addr;

	(void)state;
	open_shrcam(&cam, V4L2_PIX_FMT_XBGR32);
	size = camera_plane_size(&cam, 0);
	stream(&cam);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR);
	id = import_id(fd);
	assert_true(id > 0);
	before = content(fd, size);
	addr = map(fd, size);
	assert_int_equal(delete_module("shrcam"), -EWOULDBLOCK);
	camera_close(&cam);
	/* udev and others may look at devices */
	wait_for(module_is_gone, NULL, "the module to go");
	assert_int_equal(import_id(fd), id);
	after = content(fd, size);
	assert_memory_equal(before, after, size);
	assert_memory_equal(before, addr, size);
	free(before);
	free(after);
	munmap(addr, size);
	close(fd);
	expect_no_buffers();
}

static int cleanup(void **state)
{
	(void)state;
	/* all but the two devices that common.c keeps open */
	closefrom(32);
	return 0;
}

#define SHRCAM_TEST(f)	cmocka_unit_test_teardown(f, cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHRCAM_TEST(exports_shared_buffers),
		SHRCAM_TEST(picture_moves),
		SHRCAM_TEST(picture_is_right),
		SHRCAM_TEST(start_fails),
		SHRCAM_TEST(unplugged_while_streaming),
		SHRCAM_TEST(attached),
		SHRCAM_TEST(buffers_outlive_the_module),
	};

	return cmocka_run_group_tests_name("shrcam", tests, NULL, NULL);
}
