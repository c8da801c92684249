// SPDX-License-Identifier: GPL-2.0
/*
 * What is said to a queue: SHRBUF_IOC_CONFIGURE, SHRBUF_ATTACH_TEST, and both for ported
 * drivers, until the queue goes. What a configured queue does to readers is in
 * test-readers.c and test-wait.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "requests.h"
#include "testcam.h"

#define REFUSE	SHRBUF_CONFIG_REFUSE
#define WAIT	SHRBUF_CONFIG_WAIT
#define FENCES	SHRBUF_CONFIG_FENCES
#define COOKIE	7

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
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -ENOTCONN);
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
	assert_int_equal(try_configure(-1, REFUSE, 0), -EBADF);
	assert_int_equal(try_configure(shrbuf_dev(), REFUSE, 0), -EINVAL);

	/* as long as there are buffers, of whatever memory */
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_configure(cam.fd, 0, 0), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), 0);
	detach(cam.fd);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -ENOTCONN);
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
	assert_int_equal(try_configure(fd, REFUSE, 0), -EOPNOTSUPP);
	close(fd);

	testcam_new("unlocked");
	testcam_open(&cam);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -EOPNOTSUPP);
	camera_close(&cam);
	testcam_act("free");

	testcam_attached(&cam);
	testcam_act("unregister");
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -ENODEV);
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
	dev = client_new(0);
	do_ioctl(dev, SHRBUF_IOC_CONFIGURE, &(struct shrbuf_queue_config){
		.fd = cam.fd, .flags = REFUSE });
	close(dev);
	camera_close(&cam);

	camera_open(&other, CAMERA_SINGLE);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	fd = export_plane(&other, 0, 0);
	camera_run(&other, 4);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_queue(&other, 0), -EBUSY);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	close(fd);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 0);
	detach(other.fd);

	attach(other.fd);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 3);
	fd = export_plane(&other, 0, 0);
	camera_run(&other, 4);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_queue(&other, 0), 0);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	camera_close(&other);
}

/* Neither attaching nor CONFIGURE with no flags makes V4L2 care for readers. */
static void default_is_stock(void **state)
{
	struct shrbuf_info before, after;
	struct camera cam;
	int fd;

	(void)state;
	fd = testcam_with_frame(&cam, 0, 0);
	before = get_info(fd);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_queue(&cam, 0), 0);
	testcam_act("frame");
	after = get_info(fd);
	assert_int_equal(after.frame.state, SHRBUF_STATE_FILLED);
	assert_int_equal(after.frame.seq, before.frame.seq + 2);
	assert_int_equal(after.holds, 1);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
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
	fd = export_plane(&cam, 0, 0);
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

/* A ported driver gives shared buffers anyway; attached it can be watched and configured. */
static void ported(void **state)
{
	struct camera cam;
	int fd, dev;

	(void)state;
	testcam_new("ported");
	testcam_open(&cam);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), -ENOTCONN);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_attach(cam.fd), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	attach(cam.fd);
	assert_int_equal(try_attach(cam.fd), -EALREADY);
	assert_int_equal(try_configure(cam.fd, REFUSE, 0), 0);
	dev = client_new(O_NONBLOCK);
	watch(dev, cam.fd, SHRBUF_WATCH_QUEUE, COOKIE, ALL_EVENTS);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	fd = export_plane(&cam, 0, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	expect_event_now(dev, SHRBUF_EVENT_FILLING, COOKIE);
	expect_event_now(dev, SHRBUF_EVENT_FILLED, COOKIE);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_queue(&cam, 0), -EBUSY);
	assert_int_equal(try_release(shrbuf_dev(), fd), 0);
	expect_event_now(dev, SHRBUF_EVENT_RELEASED, COOKIE);
	assert_int_equal(try_streamoff(&cam), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	expect_event_now(dev, SHRBUF_EVENT_ORPHANED, COOKIE);
	expect_event_now(dev, SHRBUF_EVENT_ORPHANED, COOKIE);
	detach(cam.fd);
	expect_event_now(dev, SHRBUF_EVENT_GONE, COOKIE);
	close(fd);

	/* as it was, with the operations of the driver */
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = export_plane(&cam, 0, 0);
	assert_true(import_id(fd) > 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	assert_int_equal(try_streamon(&cam), 0);
	testcam_act("frame");
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	assert_int_equal(try_hold(shrbuf_dev(), fd, 0, NULL), 0);
	assert_int_equal(try_queue(&cam, 0), 0);
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
			assert_int_equal(try_configure(cam.fd, REFUSE | FENCES,
						       SHRBUF_MAX_FENCE_MS), 0);
			dev = client_new(O_NONBLOCK);
			watch(dev, cam.fd, SHRBUF_WATCH_QUEUE, COOKIE, ALL_EVENTS);
			if (bufs) {
				/* exported, so that there are fences */
				camera_reqbufs(&cam, V4L2_MEMORY_MMAP, bufs);
				fd = export_plane(&cam, 0, 0);
				camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
				assert_int_equal(try_streamon(&cam), 0);
			}
			testcam_act("unregister");
			camera_close(&cam);
			close(fd);
			/* the queue lives on, with the operations of the driver */
			testcam_act("register");
			testcam_open(&again);
			assert_int_equal(try_configure(again.fd, REFUSE, 0), -ENOTCONN);
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
static void stream(struct camera *cam, void *arg)
{
	int *memory = arg;

	try_attach(cam->fd);
	try_configure(cam->fd, REFUSE | FENCES, SHRBUF_MAX_FENCE_MS);
	/* without memory in between, so that removal ends the attachment */
	try_reqbufs(cam, V4L2_MEMORY_DMABUF, 2);
	try_streamon(cam);
	try_qbuf(cam, V4L2_MEMORY_DMABUF, 0, memory, NULL);
	try_streamoff(cam);
	try_reqbufs(cam, V4L2_MEMORY_DMABUF, 0);
	try_configure(cam->fd, 0, 0);
}

static void races_with_removal(void **state)
{
	int memory = alloc_buffer(65536, O_RDWR);

	(void)state;
	testcam_race(stream, &memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTCAM_TEST(wrong),
		TESTCAM_TEST(wrong_devices),
		TESTCAM_TEST(lasts_until_detach),
		TESTCAM_TEST(default_is_stock),
		TESTCAM_TEST(attach_test),
		TESTCAM_TEST(attach_test_devices),
		TESTCAM_TEST(ported),
		TESTCAM_TEST(configured_and_removed),
		TESTCAM_TEST(races_with_removal),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, check_signals);
}
