// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong arguments of the requests that take a buffer: each wrong in one way, otherwise
 * valid. None of them may change anything.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "requests.h"

#define SIZE	4096

static int client, buffer;

/* Any argument, and how to reach what all have. */
union argument {
	struct {
		int32_t fd;
		uint32_t flags;
	};
	struct shrbuf_info info;
	struct shrbuf_format_op format;
	struct shrbuf_state_op state;
	struct shrbuf_watch_op watch;
	struct shrbuf_hold_op hold;
	struct shrbuf_buffer_op buffer;
	struct shrbuf_adopt_op adopt;
	uint8_t bytes[512];
};

static void prepare_unwatch(void)
{
	watch(client, buffer, 0, 0, ALL_EVENTS);
}

static void prepare_hold(void)
{
	set_state(client, buffer, SHRBUF_STATE_FILLED);
}

static void prepare_release(void)
{
	set_state(client, buffer, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(client, buffer, 0, NULL), 0);
}

static void prepare_disown(void)
{
	close(adopt(client, buffer, O_RDWR));
}

#define REQUEST(_name, _type, ...)					\
	{								\
		.name = #_name,						\
		.request = SHRBUF_IOC_##_name,				\
		.size = sizeof(_type),					\
		.reserved = offsetof(_type, reserved),			\
		.reserved_size = sizeof(((_type *)0)->reserved),	\
		__VA_ARGS__						\
	}

static const struct {
	const char *name;
	unsigned int request;
	size_t size;
	size_t reserved, reserved_size;
	/* before one that is to succeed */
	void (*prepare)(void);
	/* flags that are known */
	uint32_t known;
	/* takes any dma-buf; takes only what is open for writing */
	bool foreign, write;
} requests[] = {
	REQUEST(INFO, struct shrbuf_info),
	REQUEST(SET_FORMAT, struct shrbuf_format_op, .write = true),
	REQUEST(SET_STATE, struct shrbuf_state_op, .write = true),
	REQUEST(WATCH, struct shrbuf_watch_op, .known = SHRBUF_WATCH_QUEUE),
	REQUEST(UNWATCH, struct shrbuf_watch_op, .known = SHRBUF_WATCH_QUEUE,
		.prepare = prepare_unwatch),
	REQUEST(HOLD, struct shrbuf_hold_op, .prepare = prepare_hold),
	REQUEST(RELEASE, struct shrbuf_buffer_op, .prepare = prepare_release),
	REQUEST(ADOPT, struct shrbuf_adopt_op, .foreign = true),
	REQUEST(DISOWN, struct shrbuf_buffer_op, .prepare = prepare_disown),
};

static union argument good(unsigned int i)
{
	union argument arg;

	memset(&arg, 0, sizeof(arg));
	arg.fd = buffer;
	switch (requests[i].request) {
	case SHRBUF_IOC_SET_FORMAT:
		arg.format.format.fourcc = DRM_FORMAT_XRGB8888;
		arg.format.format.width = 16;
		arg.format.format.height = 16;
		arg.format.format.nr_planes = 1;
		arg.format.format.plane_mask = 1;
		arg.format.format.planes[0].stride = 64;
		arg.format.format.crop.width = 16;
		arg.format.format.crop.height = 16;
		break;
	case SHRBUF_IOC_SET_STATE:
		arg.state.frame.state = SHRBUF_STATE_FILLED;
		break;
	case SHRBUF_IOC_ADOPT:
		arg.adopt.fd_flags = O_RDWR;
		break;
	}
	return arg;
}

static void expect(unsigned int i, const union argument *arg, int error,
		   const char *what)
{
	union argument copy = *arg;
	int ret = try_ioctl(client, requests[i].request, &copy);

	if (ret != error)
		fail_msg("%s with %s: %d, not %d", requests[i].name, what, ret,
			 error);
	/* what is out is not written either */
	assert_memory_equal(&copy, arg, sizeof(copy));
}

/* A fresh buffer and a fresh file for each test. */
static void begin(void)
{
	client = client_new(0);
	buffer = alloc_buffer(SIZE, O_RDWR);
}

/* Nothing that failed may have done anything. */
static void unchanged(void)
{
	static const char * const numbers[] = {
		"watches", "watched-queues", "holds", "fills", "adopted",
		"events", "lost",
	};
	struct shrbuf_info info = get_info(buffer);
	unsigned int i;

	assert_int_equal(info.frame.seq, 0);
	assert_int_equal(info.holds, 0);
	assert_int_equal(info.format.width, 0);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(fdinfo_number(client, numbers[i]), 0);
	close(client);
	close(buffer);
	expect_no_buffers();
}

/* The others below fail for one reason: without it, it works. */
static void right(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		union argument arg;
		int ret;

		begin();
		arg = good(i);
		if (requests[i].prepare)
			requests[i].prepare();
		ret = try_ioctl(client, requests[i].request, &arg);
		if (ret)
			fail_msg("%s: %s", requests[i].name, strerror(-ret));
		if (requests[i].request == SHRBUF_IOC_ADOPT)
			close(arg.adopt.buffer_fd);
		close(buffer);
		close(client);
		expect_no_buffers();
	}
}

static void flags(void **state)
{
	unsigned int i, bit;

	(void)state;
	begin();
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (bit = 0; bit < 32; bit++) {
			union argument arg = good(i);

			arg.flags = 1U << bit;
			if (!(arg.flags & requests[i].known))
				expect(i, &arg, -EINVAL, "a flag");
		}
	}
	unchanged();
}

static void reserved(void **state)
{
	unsigned int i, byte;

	(void)state;
	begin();
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		for (byte = 0; byte < requests[i].reserved_size; byte++) {
			union argument arg = good(i);

			arg.bytes[requests[i].reserved + byte] = 0x80;
			expect(i, &arg, -EINVAL, "a byte that must be zero");
		}
	}
	unchanged();
}

static void wrong_fd(void **state)
{
	int null, memory, sockets[2], path, node, video, foreign, closed;
	struct camera cam;
	unsigned int i, j;

	(void)state;
	begin();
	null = do_open("/dev/null", O_RDWR);
	memory = high_fd(memfd_create("test", MFD_CLOEXEC));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	path = do_open("/dev/null", O_PATH);
	node = shrbuf_dev();
	camera_open(&cam, CAMERA_SINGLE);
	video = cam.fd;
	foreign = vgem_buffer(O_RDWR);
	closed = high_fd(dup(buffer));
	close(closed);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct {
			int fd, error;
		} wrong[] = {
			{ -1, -EBADF }, { 1 << 30, -EBADF },
			{ 0x7fffffff, -EBADF }, { -0x7fffffff, -EBADF },
			{ closed, -EBADF }, { path, -EBADF },
			{ null, -EINVAL }, { memory, -EINVAL },
			{ sockets[0], -EINVAL }, { node, -EINVAL },
			{ video, -EINVAL },
			/* last: for some it is right */
			{ foreign, -EINVAL },
		};

		for (j = 0; j < ARRAY_SIZE(wrong) - requests[i].foreign; j++) {
			union argument arg = good(i);

			arg.fd = wrong[j].fd;
			expect(i, &arg, wrong[j].error, "a wrong file");
		}
	}
	close(sockets[0]);
	close(sockets[1]);
	close(foreign);
	camera_close(&cam);
	unchanged();
}

/* Watches of queues, whose file must be a video device. */
static void wrong_video_fd(void **state)
{
	static const unsigned long both[] = {
		SHRBUF_IOC_WATCH, SHRBUF_IOC_UNWATCH,
	};
	int null, path, m2m;
	unsigned int i, j;
	struct camera cam;

	(void)state;
	begin();
	null = do_open("/dev/null", O_RDWR);
	path = do_open(camera_path(CAMERA_SINGLE), O_PATH);
	camera_open(&cam, CAMERA_SINGLE);
	m2m = video_open("vim2m");
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		const struct {
			int fd, error;
		} wrong[] = {
			{ -1, -EBADF }, { path, -EBADF }, { null, -EINVAL },
			{ buffer, -EINVAL }, { shrbuf_dev(), -EINVAL },
			{ cam.fd, -ENOTCONN },
			/* last: it may not be there */
			{ m2m, -EOPNOTSUPP },
		};

		for (j = 0; j < ARRAY_SIZE(wrong) - (m2m < 0); j++) {
			struct shrbuf_watch_op op = {
				.fd = wrong[j].fd, .flags = SHRBUF_WATCH_QUEUE,
			};

			assert_int_equal(try_ioctl(client, both[i], &op),
					 wrong[j].error);
		}
	}
	camera_close(&cam);
	unchanged();
}

static void read_only_buffer(void **state)
{
	unsigned int i;
	int ro;

	(void)state;
	begin();
	ro = adopt(client, buffer, O_RDONLY);
	assert_int_equal(try_disown(client, ro), 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		union argument arg = good(i);

		arg.fd = ro;
		if (requests[i].write ||
		    requests[i].request == SHRBUF_IOC_ADOPT)
			expect(i, &arg, -EACCES, "a read-only file");
	}
	close(ro);
	unchanged();
}

/* Memory of the argument: none, half of it, and memory that can only be read. */
static void wrong_memory(void **state)
{
	uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	(void)state;
	begin();
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		union argument arg = good(i);
		size_t size = requests[i].size;
		unsigned int r = requests[i].request;
		uint8_t *p;

		assert_int_equal(try_ioctl(client, r, NULL), -EFAULT);
		assert_int_equal(try_ioctl(client, r, (void *)-4096L), -EFAULT);
		assert_int_equal(try_ioctl(client, r, pages + 4096), -EFAULT);
		p = pages + 4096 - size / 2;
		memcpy(p, &arg, size / 2);
		assert_int_equal(try_ioctl(client, r, p), -EFAULT);
		if (!(_IOC_DIR(r) & _IOC_READ))
			continue;
		/* there would be something to hold */
		if (r == SHRBUF_IOC_HOLD)
			continue;
		p = pages + 4096 - size;
		memcpy(p, &arg, size);
		assert_int_equal(mprotect(pages, 4096, PROT_READ), 0);
		assert_int_equal(try_ioctl(client, r, p), -EFAULT);
		assert_int_equal(mprotect(pages, 4096, PROT_READ | PROT_WRITE), 0);
	}
	unchanged();

	/* a hold that cannot be told of is none */
	begin();
	prepare_hold();
	{
		struct shrbuf_hold_op op = { .fd = buffer };

		memcpy(pages, &op, sizeof(op));
		assert_int_equal(mprotect(pages, 4096, PROT_READ), 0);
		assert_int_equal(try_ioctl(client, SHRBUF_IOC_HOLD, pages),
				 -EFAULT);
	}
	assert_int_equal(get_info(buffer).holds, 0);
	assert_int_equal(fdinfo_number(client, "holds"), 0);
	assert_int_equal(try_hold(client, buffer, 0, NULL), 0);
	munmap(pages, 8192);
	close(client);
	close(buffer);
}

static void wrong_size(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		union argument arg = good(i);
		unsigned int r = requests[i].request;
		unsigned int dir = _IOC_DIR(r), nr = _IOC_NR(r);
		size_t size = requests[i].size;
		const unsigned int wrong[] = {
			_IOC(dir, SHRBUF_IOC_MAGIC, nr, size - 8),
			_IOC(dir, SHRBUF_IOC_MAGIC, nr, size + 8),
			_IOC(_IOC_NONE, SHRBUF_IOC_MAGIC, nr, 0),
			_IOC(_IOC_READ, SHRBUF_IOC_MAGIC, nr, size),
			_IOC(dir, SHRBUF_IOC_MAGIC - 1, nr, size),
		};
		unsigned int j;

		assert_int_equal(_IOC_SIZE(r), size);
		for (j = 0; j < ARRAY_SIZE(wrong); j++)
			assert_int_equal(try_ioctl(client, wrong[j], &arg),
					 -ENOTTY);
	}
	unchanged();
}

/* values */

static void refuse_frame(const struct shrbuf_frame *frame, int line)
{
	struct shrbuf_frame copy = *frame;
	int ret = try_set_frame(client, buffer, &copy);

	if (ret != -EINVAL)
		fail_msg("frame of line %d: %d", line, ret);
}

#define REFUSE(...)							\
	refuse_frame(&(struct shrbuf_frame){ __VA_ARGS__ }, __LINE__)

static void frames(void **state)
{
	uint32_t s, bit;

	(void)state;
	begin();
	REFUSE(.state = SHRBUF_STATE_ERROR + 1);
	REFUSE(.state = ~0U);
	for (s = 0; s <= SHRBUF_STATE_ERROR; s++) {
		REFUSE(.state = s, .seq = 1);
		REFUSE(.state = s, .time = 1);
		REFUSE(.state = s, .reserved = 1);
		REFUSE(.state = s, .bytesused = SIZE + 1);
		REFUSE(.state = s, .bytesused = ~0ULL);
		REFUSE(.state = s, .field = V4L2_FIELD_INTERLACED_BT + 1);
		REFUSE(.state = s, .flags = V4L2_BUF_FLAG_ERROR);
		REFUSE(.state = s, .flags = V4L2_BUF_FLAG_MAPPED);
	}
	for (s = SHRBUF_STATE_EMPTY; s <= SHRBUF_STATE_FILLING; s++) {
		REFUSE(.state = s, .timestamp = 1);
		REFUSE(.state = s, .bytesused = 1);
		REFUSE(.state = s, .sequence = 1);
		REFUSE(.state = s, .field = 1);
		REFUSE(.state = s, .flags = V4L2_BUF_FLAG_KEYFRAME);
	}
	for (bit = 0; bit < 32; bit++) {
		const uint32_t known = V4L2_BUF_FLAG_KEYFRAME |
			V4L2_BUF_FLAG_PFRAME | V4L2_BUF_FLAG_BFRAME |
			V4L2_BUF_FLAG_LAST | V4L2_BUF_FLAG_TIMESTAMP_MASK |
			V4L2_BUF_FLAG_TSTAMP_SRC_MASK;

		if (!(known & 1U << bit))
			REFUSE(.state = SHRBUF_STATE_FILLED, .flags = 1U << bit);
	}
	unchanged();
}

static void watches(void **state)
{
	uint32_t bit;
	struct shrbuf_watch_op op;

	(void)state;
	begin();
	for (bit = SHRBUF_EVENT_OVERFLOW + 1; bit < 32; bit++)
		assert_int_equal(try_watch(client, buffer, 0, 0, 1U << bit),
				 -EINVAL);
	op = (struct shrbuf_watch_op){ .fd = buffer, .pad = 1 };
	assert_int_equal(try_ioctl(client, SHRBUF_IOC_WATCH, &op), -EINVAL);
	assert_int_equal(try_ioctl(client, SHRBUF_IOC_UNWATCH, &op), -EINVAL);
	op = (struct shrbuf_watch_op){ .fd = buffer, .cookie = 1 };
	assert_int_equal(try_ioctl(client, SHRBUF_IOC_UNWATCH, &op), -EINVAL);
	op = (struct shrbuf_watch_op){ .fd = buffer, .events = 1 };
	assert_int_equal(try_ioctl(client, SHRBUF_IOC_UNWATCH, &op), -EINVAL);
	assert_int_equal(try_unwatch(client, buffer, 0), -ENOENT);
	unchanged();
}

static void holds(void **state)
{
	const size_t first = offsetof(struct shrbuf_frame, time);
	size_t byte;

	(void)state;
	begin();
	/* anything of the frame but seq */
	for (byte = first; byte < sizeof(struct shrbuf_frame); byte++) {
		struct shrbuf_hold_op op = { .fd = buffer };

		((uint8_t *)&op.frame)[byte] = 1;
		assert_int_equal(try_ioctl(client, SHRBUF_IOC_HOLD, &op), -EINVAL);
	}
	assert_int_equal(try_release(client, buffer), -ENOENT);
	unchanged();
}

static void adoptions(void **state)
{
	static const uint32_t wrong[] = {
		O_ACCMODE, O_RDWR | O_NONBLOCK, O_RDWR | O_APPEND, O_CREAT,
		1U << 31, ~0U,
	};
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(try_adopt(client, buffer, wrong[i]), -EINVAL);
	assert_int_equal(try_disown(client, buffer), -ENOENT);
	close(adopt(client, buffer, O_RDONLY | O_CLOEXEC));
	assert_int_equal(try_disown(client, buffer), 0);
	unchanged();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(right),
		API_TEST(flags),
		API_TEST(reserved),
		API_TEST(wrong_fd),
		API_TEST(wrong_video_fd),
		API_TEST(read_only_buffer),
		API_TEST(wrong_memory),
		API_TEST(wrong_size),
		API_TEST(frames),
		API_TEST(watches),
		API_TEST(holds),
		API_TEST(adoptions),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
