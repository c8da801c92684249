// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the functions of routes in libshrbuf against a mock of ioctl().
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shrbuf.h"

#define FD		41
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* What the last ioctl() got. */
static union {
	unsigned char bytes[1024];
	struct shrbuf_route_op route;
	struct shrbuf_sink_op sink;
	struct shrbuf_route_start start;
	struct shrbuf_route_stats stats;
	struct shrbuf_tap_frame frame;
} seen;

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = mock_type(int);

	check_expected(fd);
	check_expected(request);
	assert_true(_IOC_SIZE(request) <= sizeof(seen));
	memset(&seen, 0xff, sizeof(seen));
	if (_IOC_SIZE(request))
		memcpy(&seen, arg, _IOC_SIZE(request));
	else
		assert_null(arg);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	if (request == SHRBUF_IOC_ROUTE_CREATE)
		((struct shrbuf_route_op *)arg)->route_fd = 77;
	else if (request == SHRBUF_IOC_ROUTE_STATS)
		((struct shrbuf_route_stats *)arg)->frames_in = 123;
	else if (request == SHRBUF_IOC_TAP_TAKE)
		((struct shrbuf_tap_frame *)arg)->index = 9;
	return ret;
}

static void expect_ioctl(unsigned long request, int ret)
{
	expect_value(__wrap_ioctl, fd, FD);
	expect_value(__wrap_ioctl, request, request);
	will_return(__wrap_ioctl, ret);
}

/* Nothing but what the test has looked at and cleared is set. */
static void assert_zero(size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(seen.bytes[i], 0);
}

static void test_create(void **state)
{
	(void)state;
	expect_ioctl(SHRBUF_IOC_ROUTE_CREATE, 0);
	assert_int_equal(shrbuf_route_create(FD, 5), 77);
	assert_int_equal(seen.route.video_fd, 5);
	seen.route.video_fd = 0;
	assert_zero(sizeof(seen.route));
	expect_ioctl(SHRBUF_IOC_ROUTE_CREATE, -EINTR);
	expect_ioctl(SHRBUF_IOC_ROUTE_CREATE, -EBUSY);
	assert_int_equal(shrbuf_route_create(FD, 5), -EBUSY);
}

static void test_sinks(void **state)
{
	struct shrbuf_video_sink video = { .video_fd = 3 };
	struct shrbuf_kms_sink kms = { .plane_id = 4 };
	struct shrbuf_tap_sink tap = { .sink.policy = 1 };

	(void)state;
	expect_ioctl(SHRBUF_IOC_ROUTE_ADD_KMS, 0);
	assert_int_equal(shrbuf_route_add_kms(FD, &kms), 0);
	assert_memory_equal(&seen, &kms, sizeof(kms));
	expect_ioctl(SHRBUF_IOC_ROUTE_ADD_VIDEO, 0);
	assert_int_equal(shrbuf_route_add_video(FD, &video), 0);
	assert_memory_equal(&seen, &video, sizeof(video));
	expect_ioctl(SHRBUF_IOC_ROUTE_ADD_TAP, -ENOBUFS);
	assert_int_equal(shrbuf_route_add_tap(FD, &tap), -ENOBUFS);
	assert_memory_equal(&seen, &tap, sizeof(tap));
	expect_ioctl(SHRBUF_IOC_ROUTE_REMOVE, 0);
	assert_int_equal(shrbuf_route_remove(FD, 6), 0);
	assert_int_equal(seen.sink.id, 6);
	seen.sink.id = 0;
	assert_zero(sizeof(seen.sink));
}

static void test_start_stop(void **state)
{
	(void)state;
	expect_ioctl(SHRBUF_IOC_ROUTE_START, 0);
	assert_int_equal(shrbuf_route_start(FD, 0), 0);
	assert_zero(sizeof(seen.start));
	expect_ioctl(SHRBUF_IOC_ROUTE_START, -EPERM);
	assert_int_equal(shrbuf_route_start(FD, 50), -EPERM);
	assert_int_equal(seen.start.flags, SHRBUF_ROUTE_FIFO);
	assert_int_equal(seen.start.priority, 50);
	expect_ioctl(SHRBUF_IOC_ROUTE_STOP, -ENOTCONN);
	assert_int_equal(shrbuf_route_stop(FD), -ENOTCONN);
}

static void test_stats(void **state)
{
	struct shrbuf_route_stats stats = { .frames_in = 5 };

	(void)state;
	expect_ioctl(SHRBUF_IOC_ROUTE_STATS, -ENOENT);
	assert_int_equal(shrbuf_route_get_stats(FD, 2, &stats), -ENOENT);
	assert_int_equal(stats.frames_in, 5);
	assert_int_equal(seen.stats.sink, 2);
	seen.stats.sink = 0;
	assert_zero(sizeof(seen.stats));
	expect_ioctl(SHRBUF_IOC_ROUTE_STATS, 0);
	assert_int_equal(shrbuf_route_get_stats(FD, 2, &stats), 0);
	assert_int_equal(stats.frames_in, 123);
}

static void test_tap(void **state)
{
	struct shrbuf_tap_frame frame = { .index = 5 };

	(void)state;
	expect_ioctl(SHRBUF_IOC_TAP_TAKE, -EAGAIN);
	assert_int_equal(shrbuf_tap_take(FD, &frame), -EAGAIN);
	assert_int_equal(frame.index, 5);
	/* it waits for frames, so a signal ends it */
	expect_ioctl(SHRBUF_IOC_TAP_TAKE, -EINTR);
	assert_int_equal(shrbuf_tap_take(FD, &frame), -EINTR);
	expect_ioctl(SHRBUF_IOC_TAP_TAKE, 0);
	assert_int_equal(shrbuf_tap_take(FD, &frame), 0);
	assert_zero(sizeof(seen.frame));
	assert_int_equal(frame.index, 9);
	expect_ioctl(SHRBUF_IOC_TAP_GIVE, -ENOENT);
	assert_int_equal(shrbuf_tap_give(FD, 9), -ENOENT);
	assert_int_equal(seen.frame.index, 9);
	seen.frame.index = 0;
	assert_zero(sizeof(seen.frame));
}

static void test_event(void **state)
{
	struct shrbuf_route_event event = { .type = 3, .sink = 1 }, got = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], &event, sizeof(event)), sizeof(event));
	assert_int_equal(shrbuf_route_read_event(fds[0], &got), 0);
	assert_memory_equal(&event, &got, sizeof(event));
	close(fds[1]);
	/* something that is no route */
	assert_int_equal(shrbuf_route_read_event(fds[0], &got), -EIO);
	close(fds[0]);
	assert_int_equal(shrbuf_route_read_event(-1, &got), -EBADF);
}

/* Each documented error has a text of its own kind. */
static void test_explain(void **state)
{
	static const struct {
		enum shrbuf_request what;
		int errs[16];
	} documented[] = {
		{ SHRBUF_REQUEST_ROUTE_CREATE,
		  { EINVAL, EBUSY, EOPNOTSUPP, ENODEV, EBADF, ENOTTY, EMFILE, ENFILE, ENOMEM,
		    EFAULT } },
		{ SHRBUF_REQUEST_ROUTE_ADD_KMS,
		  { EINVAL, ERANGE, ENOSPC, EOPNOTSUPP, EACCES, ENOENT, ENOBUFS, ENODEV, EBADF,
		    ENOTTY, ENOMEM, EFAULT } },
		{ SHRBUF_REQUEST_ROUTE_ADD_VIDEO,
		  { EINVAL, EBUSY, EOPNOTSUPP, ENOSPC, ENOBUFS, ENODEV, EBADF, ENOTTY, ENOMEM,
		    EFAULT } },
		{ SHRBUF_REQUEST_ROUTE_ADD_TAP,
		  { EINVAL, EOPNOTSUPP, ENOSPC, ENOBUFS, EBADF, ENOTTY, EMFILE, ENFILE, ENOMEM,
		    EFAULT } },
		{ SHRBUF_REQUEST_ROUTE_START,
		  { EINVAL, EPERM, EALREADY, ENODEV, EBADF, ENOTTY } },
		{ SHRBUF_REQUEST_ROUTE,
		  { ENOENT, ENOTCONN, EAGAIN, EINTR, EIO, EBUSY, ENODEV, EBADF, ENOTTY, EMFILE,
		    ENFILE, ENOMEM } },
		{ SHRBUF_REQUEST_ROUTE_DISPLAY,
		  { ENXIO, EMEDIUMTYPE, EINVAL, EBUSY, EOPNOTSUPP, EACCES, EPERM, ENOBUFS, ENODEV,
		    EBADF, ENOTTY, EMFILE, ENFILE, ENOMEM } },
	};
	const char *unknown = shrbuf_explain(SHRBUF_REQUEST_ROUTE, ENOTEMPTY);
	unsigned int i;
	const int *err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(documented); i++) {
		for (err = documented[i].errs; *err; err++) {
			const char *text = shrbuf_explain(documented[i].what, -*err);

			if (!strcmp(text, unknown))
				fail_msg("request %d, %s", documented[i].what,
					 strerrorname_np(*err));
			assert_int_equal(text[strlen(text) - 1], '.');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_sinks),
		cmocka_unit_test(test_start_stop),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests_name("libroute", tests, NULL, NULL);
}
