// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of libshrbuf against mocks of open() and ioctl().
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "shrbuf.h"

#define FD		41
#define VIDEO_FD	42
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* The structure that each ioctl() got, as the mock saw it. */
static union {
	struct shrbuf_version version;
	struct shrbuf_queue_op op;
	struct shrbuf_alloc_op alloc;
	struct shrbuf_queue_config config;
} seen;

int __wrap_open(const char *path, int flags, ...)
{
	int ret = mock_type(int);

	check_expected_ptr(path);
	check_expected(flags);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = mock_type(int);

	check_expected(fd);
	check_expected(request);
	memset(&seen, 0xff, sizeof(seen));
	memcpy(&seen, arg, _IOC_SIZE(request));
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	if (request == SHRBUF_IOC_VERSION) {
		struct shrbuf_version *version = arg;

		version->abi = 7;
		version->features = 0x8000000000000001ULL;
		strcpy((char *)version->release, "1.2");
	}
	if (request == SHRBUF_IOC_ALLOC)
		((struct shrbuf_alloc_op *)arg)->fd = 77;
	return ret;
}

static void expect_open(int ret)
{
	expect_string(__wrap_open, path, "/dev/shrbuf");
	expect_value(__wrap_open, flags, O_RDWR | O_CLOEXEC);
	will_return(__wrap_open, ret);
}

/* One call of ioctl() on FD. */
static void expect_ioctl(unsigned long request, int ret)
{
	expect_value(__wrap_ioctl, fd, FD);
	expect_value(__wrap_ioctl, request, request);
	will_return(__wrap_ioctl, ret);
}

static void assert_zero(const void *mem, size_t len)
{
	static const char zeros[64];

	assert_true(len <= sizeof(zeros));
	assert_memory_equal(mem, zeros, len);
}

static void test_open(void **state)
{
	(void)state;
	expect_open(FD);
	assert_int_equal(shrbuf_open(), FD);
	/* A program may have closed its standard input. */
	expect_open(0);
	errno = EIO;
	assert_int_equal(shrbuf_open(), 0);
}

static void test_open_errors(void **state)
{
	static const int errors[] = { ENOENT, ENODEV, ENXIO, EACCES, EPERM, EMFILE,
				      ENFILE, ENOMEM };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_open(-errors[i]);
		assert_int_equal(shrbuf_open(), -errors[i]);
	}
}

static void test_version(void **state)
{
	struct shrbuf_version version;

	(void)state;
	memset(&version, 0xaa, sizeof(version));
	expect_ioctl(SHRBUF_IOC_VERSION, 0);
	assert_int_equal(shrbuf_get_version(FD, &version), 0);
	assert_int_equal(version.abi, 7);
	assert_true(version.features == 0x8000000000000001ULL);
	assert_string_equal((char *)version.release, "1.2");
	/* What the caller had in the structure does not reach the kernel. */
	assert_zero(&seen.version, sizeof(seen.version));
	assert_zero(version.reserved, sizeof(version.reserved));
	assert_int_equal(version.flags, 0);
}

static void test_version_errors(void **state)
{
	static const int errors[] = { EBADF, ENOTTY, EINVAL, EFAULT };
	struct shrbuf_version version, before;
	size_t i;

	(void)state;
	memset(&version, 0xaa, sizeof(version));
	before = version;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(SHRBUF_IOC_VERSION, -errors[i]);
		assert_int_equal(shrbuf_get_version(FD, &version), -errors[i]);
		assert_memory_equal(&version, &before, sizeof(version));
	}
}

static void test_version_interrupted(void **state)
{
	struct shrbuf_version version;

	(void)state;
	expect_ioctl(SHRBUF_IOC_VERSION, -EINTR);
	expect_ioctl(SHRBUF_IOC_VERSION, -EINTR);
	expect_ioctl(SHRBUF_IOC_VERSION, 0);
	assert_int_equal(shrbuf_get_version(FD, &version), 0);
	assert_zero(&seen.version, sizeof(seen.version));
	assert_int_equal(version.abi, 7);
}

static void test_alloc(void **state)
{
	static const char longest[] = "0123456789012345678901234567890";
	static const char too_long[] = "01234567890123456789012345678901";

	(void)state;
	expect_ioctl(SHRBUF_IOC_ALLOC, 0);
	assert_int_equal(shrbuf_alloc(FD, 0x123456789ULL, longest), 77);
	assert_true(seen.alloc.size == 0x123456789ULL);
	assert_string_equal((char *)seen.alloc.name, longest);
	assert_int_equal(seen.alloc.fd_flags, O_RDWR);
	assert_int_equal(seen.alloc.flags, 0);
	assert_int_equal(seen.alloc.device, 0);
	assert_zero(seen.alloc.reserved, sizeof(seen.alloc.reserved));

	expect_ioctl(SHRBUF_IOC_ALLOC, -EINTR);
	expect_ioctl(SHRBUF_IOC_ALLOC, 0);
	assert_int_equal(shrbuf_alloc(FD, 1, NULL), 77);
	assert_zero(seen.alloc.name, sizeof(seen.alloc.name));

	/* does not reach the kernel */
	assert_int_equal(shrbuf_alloc(FD, 1, too_long), -ENAMETOOLONG);
}

static void test_alloc_errors(void **state)
{
	static const int errors[] = { EINVAL, ENOMEM, EMFILE, ENFILE, EBADF, ENOTTY,
				      EFAULT };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(SHRBUF_IOC_ALLOC, -errors[i]);
		assert_int_equal(shrbuf_alloc(FD, 4096, "t"), -errors[i]);
	}
}

/* What attach and detach have in common. */
static void check_queue(int (*call)(int fd, int video_fd), unsigned long request)
{
	static const int errors[] = { EALREADY, ENOTCONN, EBUSY, EOPNOTSUPP, ENODEV,
				      EINVAL, EBADF, ENOTTY, ENOMEM, EFAULT, EAGAIN };
	size_t i;

	expect_ioctl(request, 0);
	assert_int_equal(call(FD, VIDEO_FD), 0);
	assert_int_equal(seen.op.fd, VIDEO_FD);
	assert_int_equal(seen.op.flags, 0);
	assert_zero(seen.op.reserved, sizeof(seen.op.reserved));

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(request, -errors[i]);
		assert_int_equal(call(FD, VIDEO_FD), -errors[i]);
	}

	/* The kernel judges file descriptors, the library does not. */
	expect_ioctl(request, -EBADF);
	assert_int_equal(call(FD, -1), -EBADF);
	assert_int_equal(seen.op.fd, -1);
}

static void check_queue_interrupted(int (*call)(int fd, int video_fd),
				    unsigned long request)
{
	int i;

	for (i = 0; i < 3; i++)
		expect_ioctl(request, -EINTR);
	expect_ioctl(request, 0);
	assert_int_equal(call(FD, VIDEO_FD), 0);
	/* The last request is the same as the first. */
	assert_int_equal(seen.op.fd, VIDEO_FD);
	assert_int_equal(seen.op.flags, 0);
	assert_zero(seen.op.reserved, sizeof(seen.op.reserved));

	expect_ioctl(request, -EINTR);
	expect_ioctl(request, -EBUSY);
	assert_int_equal(call(FD, VIDEO_FD), -EBUSY);
}

static void test_attach(void **state)
{
	(void)state;
	check_queue(shrbuf_attach_queue, SHRBUF_IOC_ATTACH);
}

static void test_attach_interrupted(void **state)
{
	(void)state;
	check_queue_interrupted(shrbuf_attach_queue, SHRBUF_IOC_ATTACH);
}

static void test_detach(void **state)
{
	(void)state;
	check_queue(shrbuf_detach_queue, SHRBUF_IOC_DETACH);
}

static void test_detach_interrupted(void **state)
{
	(void)state;
	check_queue_interrupted(shrbuf_detach_queue, SHRBUF_IOC_DETACH);
}

/* The errors that shrbuf.h documents. */
static const struct {
	enum shrbuf_request what;
	int errors[12];
} documented[] = {
	{ SHRBUF_REQUEST_OPEN,
	  { ENOENT, ENODEV, ENXIO, EACCES, EPERM, EMFILE, ENFILE, ENOMEM } },
	{ SHRBUF_REQUEST_GET_VERSION,
	  { EBADF, ENOTTY, EINVAL, EFAULT } },
	{ SHRBUF_REQUEST_ATTACH_QUEUE,
	  { EALREADY, EBUSY, EOPNOTSUPP, ENODEV, EINVAL, EBADF, ENOTTY, ENOMEM,
	    EFAULT } },
	{ SHRBUF_REQUEST_DETACH_QUEUE,
	  { ENOTCONN, EBUSY, EOPNOTSUPP, ENODEV, EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_MAP,
	  { EINVAL, EBADF, ENOTTY, EACCES, ENODEV, EMFILE, ENOMEM } },
	{ SHRBUF_REQUEST_ALLOC,
	  { EINVAL, ENAMETOOLONG, ENOMEM, EMFILE, ENFILE, EBADF, ENOTTY, EFAULT, ENODEV,
	    EOPNOTSUPP, EIO } },
	{ SHRBUF_REQUEST_TEST_QUEUE,
	  { EALREADY, EBUSY, EOPNOTSUPP, ENODEV, EINVAL, EBADF, ENOTTY, ENOMEM,
	    EFAULT } },
	{ SHRBUF_REQUEST_CONFIGURE_QUEUE,
	  { ENOTCONN, EBUSY, EOPNOTSUPP, ENODEV, EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_GET_INFO,
	  { EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_SET_FORMAT,
	  { EINVAL, EACCES, EPERM, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_SET_STATE,
	  { EBUSY, EINVAL, EACCES, EPERM, ENOSPC, ENOMEM, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_WATCH,
	  { EINVAL, ENOSPC, ENOMEM, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_WATCH_QUEUE,
	  { ENOTCONN, EOPNOTSUPP, ENODEV, EINVAL, ENOSPC, ENOMEM, EBADF, ENOTTY,
	    EFAULT } },
	{ SHRBUF_REQUEST_UNWATCH,
	  { ENOENT, EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_UNWATCH_QUEUE,
	  { ENOENT, ENOTCONN, EOPNOTSUPP, ENODEV, EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_READ_EVENTS,
	  { EAGAIN, EINTR, EINVAL, EBADF, EFAULT } },
	{ SHRBUF_REQUEST_HOLD,
	  { ENODATA, ESTALE, EALREADY, EINVAL, ENOSPC, ENOMEM, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_RELEASE,
	  { ENOENT, EINVAL, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_ADOPT,
	  { EINVAL, EACCES, ENOSPC, ENOMEM, EMFILE, ENFILE, EBADF, ENOTTY, EFAULT } },
	{ SHRBUF_REQUEST_DISOWN,
	  { ENOENT, EINVAL, EBADF, ENOTTY, EFAULT } },
};

static void test_explain_documented(void **state)
{
	size_t i, j, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(documented); i++) {
		enum shrbuf_request what = documented[i].what;
		const char *unknown = shrbuf_explain(what, ENOTEMPTY);
		const int *errors = documented[i].errors;

		for (j = 0; errors[j]; j++) {
			const char *text = shrbuf_explain(what, -errors[j]);

			assert_non_null(text);
			/* At least two sentences: what is wrong, what to do. */
			assert_true(strlen(text) > 40);
			assert_non_null(strstr(text, ". "));
			assert_int_equal(text[strlen(text) - 1], '.');
			assert_string_not_equal(text, unknown);
			assert_string_equal(text, shrbuf_explain(what, errors[j]));
			for (k = 0; k < j; k++)
				assert_string_not_equal(text,
							shrbuf_explain(what, errors[k]));
		}
	}
}

static void test_explain_other(void **state)
{
	(void)state;
	/* The same number means other things for other requests. */
	assert_string_not_equal(shrbuf_explain(SHRBUF_REQUEST_OPEN, ENODEV),
				shrbuf_explain(SHRBUF_REQUEST_ATTACH_QUEUE, ENODEV));
	assert_string_not_equal(shrbuf_explain(SHRBUF_REQUEST_ATTACH_QUEUE, EBUSY),
				shrbuf_explain(SHRBUF_REQUEST_DETACH_QUEUE, EBUSY));
	/* Not documented for the request, or no request at all. */
	assert_string_equal(shrbuf_explain(SHRBUF_REQUEST_OPEN, EALREADY),
			    shrbuf_explain(SHRBUF_REQUEST_OPEN, ENOTEMPTY));
	assert_string_equal(shrbuf_explain((enum shrbuf_request)31, EBUSY),
			    shrbuf_explain(SHRBUF_REQUEST_OPEN, ENOTEMPTY));
	assert_string_equal(shrbuf_explain((enum shrbuf_request)-1, EBUSY),
			    shrbuf_explain(SHRBUF_REQUEST_OPEN, ENOTEMPTY));
	assert_string_not_equal(shrbuf_explain(SHRBUF_REQUEST_OPEN, 0),
				shrbuf_explain(SHRBUF_REQUEST_OPEN, ENOTEMPTY));
	assert_non_null(shrbuf_explain(SHRBUF_REQUEST_OPEN, INT32_MIN));
}

static void test_release(void **state)
{
	(void)state;
	assert_string_equal(shrbuf_library_release(), RELEASE);
}

static void test_test_queue(void **state)
{
	static const int errors[] = { EALREADY, EBUSY, EOPNOTSUPP, ENODEV, EINVAL,
				      EBADF, ENOTTY, ENOMEM, EFAULT };
	size_t i;

	(void)state;
	expect_ioctl(SHRBUF_IOC_ATTACH, -EINTR);
	expect_ioctl(SHRBUF_IOC_ATTACH, 0);
	assert_int_equal(shrbuf_test_queue(FD, VIDEO_FD), 0);
	assert_int_equal(seen.op.fd, VIDEO_FD);
	assert_int_equal(seen.op.flags, SHRBUF_ATTACH_TEST);
	assert_zero(seen.op.reserved, sizeof(seen.op.reserved));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(SHRBUF_IOC_ATTACH, -errors[i]);
		assert_int_equal(shrbuf_test_queue(FD, VIDEO_FD), -errors[i]);
	}
}

static void test_configure(void **state)
{
	static const int errors[] = { EINVAL, ENOTCONN, EBUSY, EOPNOTSUPP, ENODEV,
				      EBADF, ENOTTY, EFAULT };
	size_t i;

	(void)state;
	expect_ioctl(SHRBUF_IOC_CONFIGURE, -EINTR);
	expect_ioctl(SHRBUF_IOC_CONFIGURE, 0);
	assert_int_equal(shrbuf_configure_queue(FD, VIDEO_FD, 5, 0, 40), 0);
	assert_int_equal(seen.config.fd, VIDEO_FD);
	assert_int_equal(seen.config.flags, 5);
	assert_int_equal(seen.config.wait_ms, 0);
	assert_int_equal(seen.config.fence_ms, 40);
	assert_zero(seen.config.reserved, sizeof(seen.config.reserved));

	/* The kernel judges, the library does not. */
	expect_ioctl(SHRBUF_IOC_CONFIGURE, -EINVAL);
	assert_int_equal(shrbuf_configure_queue(FD, -1, ~0U, 7, 0), -EINVAL);
	assert_int_equal(seen.config.fd, -1);
	assert_true(seen.config.flags == ~0U);
	assert_int_equal(seen.config.wait_ms, 7);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(SHRBUF_IOC_CONFIGURE, -errors[i]);
		assert_int_equal(shrbuf_configure_queue(FD, VIDEO_FD, 0, 0, 0),
				 -errors[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_version_errors),
		cmocka_unit_test(test_version_interrupted),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_alloc_errors),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_interrupted),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_detach_interrupted),
		cmocka_unit_test(test_explain_documented),
		cmocka_unit_test(test_explain_other),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_test_queue),
		cmocka_unit_test(test_configure),
	};

	return cmocka_run_group_tests_name("libshrbuf", tests, NULL, NULL);
}
