// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of libshrbuf against mocks of ioctl() and read(): what is in a buffer, watches,
 * holds, and adoption.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shrbuf.h"

#define FD		41
#define BUFFER_FD	43
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* The structure that the last ioctl() got, as the mock saw it. */
static union {
	unsigned char bytes[512];
	struct shrbuf_info info;
	struct shrbuf_format_op format;
	struct shrbuf_state_op state;
	struct shrbuf_watch_op watch;
	struct shrbuf_hold_op hold;
	struct shrbuf_buffer_op buffer;
	struct shrbuf_adopt_op adopt;
	struct shrbuf_alloc_op alloc;
} seen;

/* What a module would answer. */
static void answer(unsigned long request, void *arg)
{
	struct shrbuf_frame frame = {
		.seq = 7, .time = 8, .timestamp = 9, .bytesused = 10,
		.state = SHRBUF_STATE_FILLED, .sequence = 11,
	};

	switch (request) {
	case SHRBUF_IOC_INFO: {
		struct shrbuf_info *info = arg;

		info->id = 12;
		info->size = 0x100000000ULL;
		info->frame = frame;
		strcpy((char *)info->name, "test pattern");
		break;
	}
	case SHRBUF_IOC_SET_STATE:
		((struct shrbuf_state_op *)arg)->frame.seq = 7;
		((struct shrbuf_state_op *)arg)->frame.time = 8;
		break;
	case SHRBUF_IOC_HOLD:
		((struct shrbuf_hold_op *)arg)->frame = frame;
		break;
	case SHRBUF_IOC_ADOPT:
		((struct shrbuf_adopt_op *)arg)->buffer_fd = 77;
		break;
	}
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = mock_type(int);

	check_expected(fd);
	check_expected(request);
	assert_true(_IOC_SIZE(request) <= sizeof(seen));
	memset(&seen, 0xff, sizeof(seen));
	memcpy(&seen, arg, _IOC_SIZE(request));
	/* Callers must not see this of a request that failed. */
	if (ret != -EINTR)
		answer(request, arg);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	ssize_t ret = mock_type(ssize_t);

	check_expected(fd);
	check_expected(len);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	memset(buf, 0x55, ret);
	return ret;
}

static void expect_ioctl(unsigned long request, int ret)
{
	expect_value(__wrap_ioctl, fd, FD);
	expect_value(__wrap_ioctl, request, request);
	will_return(__wrap_ioctl, ret);
}

/* Wraps a function that takes two file descriptors, whatever else it takes. */
typedef int (*call_t)(void);

/* What all have in common: errors are given back, interrupted requests made again. */
static void check_request(call_t call, unsigned long request, int success)
{
	static const int errors[] = { EFAULT, EINVAL, EBADF, ENOTTY, EACCES, EPERM, EBUSY,
				      ENOSPC, ENOMEM, ENOENT, ENODATA, ESTALE, EALREADY,
				      ENOTCONN, EOPNOTSUPP, ENODEV, EMFILE, ENFILE };
	unsigned char first[sizeof(seen)];
	size_t i;

	expect_ioctl(request, 0);
	assert_int_equal(call(), success);
	/* All of these structures begin so. */
	assert_int_equal(seen.buffer.fd, BUFFER_FD);
	memcpy(first, &seen, sizeof(first));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_ioctl(request, -errors[i]);
		assert_int_equal(call(), -errors[i]);
		assert_memory_equal(&seen, first, sizeof(first));
	}
	expect_ioctl(request, -EINTR);
	expect_ioctl(request, -EINTR);
	expect_ioctl(request, 0);
	assert_int_equal(call(), success);
}

/* All that follows the first @len bytes of a structure of @size bytes is zero. */
static void assert_zero_after(size_t len, size_t size)
{
	for (; len < size; len++)
		assert_int_equal(seen.bytes[len], 0);
}

static struct shrbuf_info info;

static int call_info(void)
{
	memset(&info, 0xaa, sizeof(info));
	return shrbuf_get_info(FD, BUFFER_FD, &info);
}

static void test_info(void **state)
{
	struct shrbuf_info unchanged;

	(void)state;
	check_request(call_info, SHRBUF_IOC_INFO, 0);
	assert_int_equal(info.id, 12);
	assert_true(info.size == 0x100000000ULL);
	assert_string_equal((char *)info.name, "test pattern");
	assert_int_equal(info.frame.seq, 7);

	expect_ioctl(SHRBUF_IOC_INFO, 0);
	assert_int_equal(call_info(), 0);
	/* What the caller had in the structure does not reach the kernel. */
	assert_zero_after(sizeof(seen.info.fd), sizeof(seen.info));

	memset(&unchanged, 0xaa, sizeof(unchanged));
	expect_ioctl(SHRBUF_IOC_INFO, -EINVAL);
	assert_int_equal(call_info(), -EINVAL);
	assert_memory_equal(&info, &unchanged, sizeof(info));
}

static int call_format(void)
{
	static const struct shrbuf_format format = {
		.fourcc = 1, .modifier = 0x100000002ULL, .width = 3, .planes[3].stride = 4,
		.crop.height = 5, .quantization = 6, .reserved[1] = 7,
	};

	return shrbuf_set_format(FD, BUFFER_FD, &format);
}

static void test_format(void **state)
{
	(void)state;
	check_request(call_format, SHRBUF_IOC_SET_FORMAT, 0);
	assert_int_equal(seen.format.flags, 0);
	assert_int_equal(seen.format.format.fourcc, 1);
	assert_true(seen.format.format.modifier == 0x100000002ULL);
	assert_int_equal(seen.format.format.planes[3].stride, 4);
	assert_int_equal(seen.format.format.crop.height, 5);
	assert_int_equal(seen.format.format.quantization, 6);
	/* The kernel judges what it does not know, the library does not. */
	assert_int_equal(seen.format.format.reserved[1], 7);
	assert_zero_after(offsetof(struct shrbuf_format_op, reserved), sizeof(seen.format));

	expect_ioctl(SHRBUF_IOC_SET_FORMAT, 0);
	assert_int_equal(shrbuf_set_format(FD, BUFFER_FD, NULL), 0);
	assert_zero_after(sizeof(seen.format.fd), sizeof(seen.format));
}

static struct shrbuf_frame frame;

static int call_state(void)
{
	frame = (struct shrbuf_frame){
		.seq = 1, .time = 2, .timestamp = 3, .bytesused = 4,
		.state = SHRBUF_STATE_ERROR, .sequence = 5, .field = 6, .flags = 7,
		.reserved = 8,
	};
	return shrbuf_set_state(FD, BUFFER_FD, &frame);
}

static void test_state(void **state)
{
	(void)state;
	check_request(call_state, SHRBUF_IOC_SET_STATE, 0);
	assert_int_equal(seen.state.flags, 0);
	assert_int_equal(seen.state.frame.seq, 0);
	assert_int_equal(seen.state.frame.time, 0);
	assert_int_equal(seen.state.frame.timestamp, 3);
	assert_int_equal(seen.state.frame.bytesused, 4);
	assert_int_equal(seen.state.frame.state, SHRBUF_STATE_ERROR);
	assert_int_equal(seen.state.frame.sequence, 5);
	assert_int_equal(seen.state.frame.field, 6);
	assert_int_equal(seen.state.frame.flags, 7);
	assert_int_equal(seen.state.frame.reserved, 8);
	assert_zero_after(offsetof(struct shrbuf_state_op, reserved), sizeof(seen.state));
	assert_int_equal(frame.seq, 7);
	assert_int_equal(frame.time, 8);
	assert_int_equal(frame.sequence, 5);

	expect_ioctl(SHRBUF_IOC_SET_STATE, -EBUSY);
	assert_int_equal(call_state(), -EBUSY);
	assert_int_equal(frame.seq, 1);
	assert_int_equal(frame.time, 2);
}

static int call_watch(void)
{
	return shrbuf_watch(FD, BUFFER_FD, UINT64_MAX, 1U << SHRBUF_EVENT_GONE);
}

static int call_watch_queue(void)
{
	return shrbuf_watch_queue(FD, BUFFER_FD, 5, 0);
}

static int call_unwatch(void)
{
	return shrbuf_unwatch(FD, BUFFER_FD);
}

static int call_unwatch_queue(void)
{
	return shrbuf_unwatch_queue(FD, BUFFER_FD);
}

static void check_watch(call_t call, unsigned long request, __u32 flags, __u64 cookie,
			__u32 events)
{
	check_request(call, request, 0);
	assert_int_equal(seen.watch.flags, flags);
	assert_true(seen.watch.cookie == cookie);
	assert_int_equal(seen.watch.events, events);
	assert_zero_after(offsetof(struct shrbuf_watch_op, pad), sizeof(seen.watch));
}

static void test_watch(void **state)
{
	(void)state;
	check_watch(call_watch, SHRBUF_IOC_WATCH, 0, UINT64_MAX, 1U << SHRBUF_EVENT_GONE);
	check_watch(call_watch_queue, SHRBUF_IOC_WATCH, SHRBUF_WATCH_QUEUE, 5, 0);
}

static void test_unwatch(void **state)
{
	(void)state;
	check_watch(call_unwatch, SHRBUF_IOC_UNWATCH, 0, 0, 0);
	check_watch(call_unwatch_queue, SHRBUF_IOC_UNWATCH, SHRBUF_WATCH_QUEUE, 0, 0);
}

static void expect_read(size_t len, ssize_t ret)
{
	expect_value(__wrap_read, fd, FD);
	expect_value(__wrap_read, len, len);
	will_return(__wrap_read, ret);
}

static void test_read_events(void **state)
{
	static const int errors[] = { EAGAIN, EINTR, EINVAL, EBADF, EFAULT };
	static const size_t size = sizeof(struct shrbuf_event);
	struct shrbuf_event events[3];
	size_t i;

	(void)state;
	expect_read(sizeof(events), size);
	assert_int_equal(shrbuf_read_events(FD, events, 3), 1);
	expect_read(sizeof(events), sizeof(events));
	assert_int_equal(shrbuf_read_events(FD, events, 3), 3);
	/* Nothing is made again: who waits must be able to stop. */
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		expect_read(size, -errors[i]);
		assert_int_equal(shrbuf_read_events(FD, events, 1), -errors[i]);
	}
	/* Other files than /dev/shrbuf give this. */
	expect_read(size, 0);
	assert_int_equal(shrbuf_read_events(FD, events, 1), -EINVAL);
	expect_read(size, size - 1);
	assert_int_equal(shrbuf_read_events(FD, events, 1), -EINVAL);
	/* The kernel judges that, too. */
	expect_read(0, -EINVAL);
	assert_int_equal(shrbuf_read_events(FD, events, 0), -EINVAL);
	/* No overflow of what is asked for. */
	expect_read(INT_MAX / size * size, size);
	assert_int_equal(shrbuf_read_events(FD, events, SIZE_MAX), 1);
}

static int call_hold(void)
{
	memset(&frame, 0xaa, sizeof(frame));
	return shrbuf_hold(FD, BUFFER_FD, UINT64_MAX, &frame);
}

static void test_hold(void **state)
{
	struct shrbuf_frame unchanged;

	(void)state;
	check_request(call_hold, SHRBUF_IOC_HOLD, 0);
	assert_int_equal(seen.hold.flags, 0);
	assert_true(seen.hold.frame.seq == UINT64_MAX);
	assert_zero_after(offsetof(struct shrbuf_hold_op, frame.time), sizeof(seen.hold));
	assert_int_equal(frame.seq, 7);
	assert_int_equal(frame.sequence, 11);

	memset(&unchanged, 0xaa, sizeof(unchanged));
	expect_ioctl(SHRBUF_IOC_HOLD, -ESTALE);
	assert_int_equal(call_hold(), -ESTALE);
	assert_memory_equal(&frame, &unchanged, sizeof(frame));

	expect_ioctl(SHRBUF_IOC_HOLD, 0);
	assert_int_equal(shrbuf_hold(FD, BUFFER_FD, 0, NULL), 0);
	assert_true(seen.hold.frame.seq == 0);
}

static int call_release(void)
{
	return shrbuf_release(FD, BUFFER_FD);
}

static int call_disown(void)
{
	return shrbuf_disown(FD, BUFFER_FD);
}

static void test_release(void **state)
{
	(void)state;
	check_request(call_release, SHRBUF_IOC_RELEASE, 0);
	assert_zero_after(sizeof(seen.buffer.fd), sizeof(seen.buffer));
}

static void test_disown(void **state)
{
	(void)state;
	check_request(call_disown, SHRBUF_IOC_DISOWN, 0);
	assert_zero_after(sizeof(seen.buffer.fd), sizeof(seen.buffer));
}

static int call_adopt(void)
{
	return shrbuf_adopt(FD, BUFFER_FD, O_RDWR);
}

static void test_adopt(void **state)
{
	(void)state;
	check_request(call_adopt, SHRBUF_IOC_ADOPT, 77);
	assert_int_equal(seen.adopt.flags, 0);
	assert_int_equal(seen.adopt.fd_flags, O_RDWR);
	assert_zero_after(offsetof(struct shrbuf_adopt_op, buffer_fd), sizeof(seen.adopt));
}

static void test_alloc_flags(void **state)
{
	(void)state;
	expect_ioctl(SHRBUF_IOC_ALLOC, 0);
	shrbuf_alloc_flags(FD, 4096, "n", SHRBUF_ALLOC_CONTIG | SHRBUF_ALLOC_DEVICE, 50);
	assert_int_equal(seen.alloc.flags, SHRBUF_ALLOC_CONTIG | SHRBUF_ALLOC_DEVICE);
	assert_int_equal(seen.alloc.device, 50);
	assert_string_equal((char *)seen.alloc.name, "n");
	/* The module wants zero then. */
	expect_ioctl(SHRBUF_IOC_ALLOC, -ENOMEM);
	assert_int_equal(shrbuf_alloc_flags(FD, 1, NULL, SHRBUF_ALLOC_CONTIG, -1), -ENOMEM);
	assert_int_equal(seen.alloc.device, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_unwatch),
		cmocka_unit_test(test_read_events),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_disown),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_alloc_flags),
	};

	return cmocka_run_group_tests_name("libshrbuf-frames", tests, NULL, NULL);
}
