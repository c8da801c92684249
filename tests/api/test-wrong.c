// SPDX-License-Identifier: GPL-2.0
/*
 * One test for each way to be wrong, otherwise valid.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"
#include "../kernel/shrbuf_testdev.h"

static void version_ok(void **state)
{
	struct shrbuf_version version;

	(void)state;
	memset(&version, 0, sizeof(version));
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, &version);
	assert_int_equal(version.abi, SHRBUF_ABI_VERSION);
	/* Displays need a kernel that has DRM. */
	assert_int_equal(version.features & ~SHRBUF_FEATURE_ROUTE_KMS,
			 SHRBUF_FEATURE_ATTACH | SHRBUF_FEATURE_ALLOC |
			 SHRBUF_FEATURE_STATE | SHRBUF_FEATURE_WATCH |
			 SHRBUF_FEATURE_HOLD | SHRBUF_FEATURE_ADOPT |
			 SHRBUF_FEATURE_CONFIG | SHRBUF_FEATURE_CONTIG |
			 SHRBUF_FEATURE_DEBUG | SHRBUF_FEATURE_ROUTE);
	assert_true(version.release[0]);
	assert_int_equal(version.release[sizeof(version.release) - 1], 0);
}

static void version_wrong(void **state)
{
	struct shrbuf_version version;

	(void)state;
	memset(&version, 0, sizeof(version));
	version.flags = 1;
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, &version),
			 -EINVAL);
	assert_int_equal(version.abi, 0);
	version.flags = 0;
	version.reserved[1] = 1;
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, &version),
			 -EINVAL);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, NULL),
			 -EFAULT);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION,
				   (void *)-4096L), -EFAULT);
}

/* The argument can be read but not written. */
static void version_read_only(void **state)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, page),
			 -EFAULT);
	munmap(page, 4096);
}

static void unknown_request(void **state)
{
	struct shrbuf_version version = { 0 };
	unsigned long requests[] = {
		_IO(SHRBUF_IOC_MAGIC, 0xff),
		_IOWR(SHRBUF_IOC_MAGIC, 0x00, __u32),	/* wrong size */
		_IOR(SHRBUF_IOC_MAGIC, 0x00, struct shrbuf_version),
		_IOWR('V', 0x00, struct shrbuf_version),
		0, ~0UL,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(try_ioctl(shrbuf_dev(), requests[i], &version),
				 -ENOTTY);
}

static void node_read_write(void **state)
{
	char c = 0;

	(void)state;
	assert_int_equal(read(shrbuf_dev(), &c, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(shrbuf_dev(), &c, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED, shrbuf_dev(), 0) ==
		    MAP_FAILED);
	assert_int_equal(errno, ENODEV);
}

static const unsigned long queue_requests[] = {
	SHRBUF_IOC_ATTACH, SHRBUF_IOC_DETACH,
};

static void queue_arguments(void **state)
{
	struct shrbuf_queue_op op;
	struct camera cam;
	unsigned int i;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	for (i = 0; i < ARRAY_SIZE(queue_requests); i++) {
		unsigned long request = queue_requests[i];

		memset(&op, 0, sizeof(op));
		op.fd = cam.fd;
		op.flags = 2;
		assert_int_equal(try_ioctl(shrbuf_dev(), request, &op), -EINVAL);
		op.flags = 0x80000000;
		assert_int_equal(try_ioctl(shrbuf_dev(), request, &op), -EINVAL);
		op.flags = 0;
		op.reserved[0] = 1;
		assert_int_equal(try_ioctl(shrbuf_dev(), request, &op), -EINVAL);
		op.reserved[0] = 0;
		op.reserved[1] = 1ULL << 63;
		assert_int_equal(try_ioctl(shrbuf_dev(), request, &op), -EINVAL);
		assert_int_equal(try_ioctl(shrbuf_dev(), request, NULL), -EFAULT);
	}
	camera_close(&cam);
}

/* A file descriptor of each wrong kind. */
static void queue_wrong_fd(void **state)
{
	int sockets[2], pipes[2], null, memory, path, output;
	unsigned int i;

	(void)state;
	null = do_open("/dev/null", O_RDWR);
	memory = memfd_create("test", MFD_CLOEXEC);
	assert_true(memory >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(pipes), 0);
	path = do_open(camera_path(CAMERA_SINGLE), O_PATH);
	output = do_open("/proc/self/stat", O_RDONLY);

	for (i = 0; i < ARRAY_SIZE(queue_requests); i++) {
		struct {
			int fd;
			int error;
		} wrong[] = {
			{ -1, -EBADF },
			{ 1 << 30, -EBADF },
			{ 0x7fffffff, -EBADF },
			{ path, -EBADF },
			{ null, -EINVAL },
			{ memory, -EINVAL },
			{ sockets[0], -EINVAL },
			{ pipes[0], -EINVAL },
			{ output, -EINVAL },
			{ shrbuf_dev(), -EINVAL },
		};
		unsigned int j;

		for (j = 0; j < ARRAY_SIZE(wrong); j++) {
			struct shrbuf_queue_op op = { .fd = wrong[j].fd };

			assert_int_equal(try_ioctl(shrbuf_dev(),
						   queue_requests[i], &op),
					 wrong[j].error);
		}
	}
	close(null);
	close(memory);
	close(sockets[0]);
	close(sockets[1]);
	close(pipes[0]);
	close(pipes[1]);
	close(path);
	close(output);
}

static void queue_wrong_state(void **state)
{
	struct camera cam;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);

	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_attach(cam.fd), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);

	attach(cam.fd);
	assert_int_equal(try_attach(cam.fd), -EALREADY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_attach(cam.fd), -EALREADY);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	detach(cam.fd);
	assert_int_equal(try_detach(cam.fd), -ENOTCONN);
	camera_close(&cam);
}

/* A device whose driver does not tell V4L2 about its queue: vim2m. */
static void queue_unknown(void **state)
{
	int fd = video_open("vim2m");

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(try_attach(fd), -EOPNOTSUPP);
	assert_int_equal(try_detach(fd), -EOPNOTSUPP);
	close(fd);
}

/* Fails with this error, and leaves neither a buffer nor a file descriptor. */
static void alloc_fails(struct shrbuf_alloc_op op, int error)
{
	op.fd = -1;
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op), error);
	assert_int_equal(op.fd, -1);
	assert_int_equal(buffers_alive(), 0);
}

static void alloc_wrong(void **state)
{
	const struct shrbuf_alloc_op good = { .size = 1, .fd_flags = O_RDWR };
	struct shrbuf_alloc_op op;

	(void)state;
	op = good;
	op.size = 0;
	alloc_fails(op, -EINVAL);
	op.size = 0xffffffffULL;
	alloc_fails(op, -EINVAL);
	op.size = ~0ULL;
	alloc_fails(op, -EINVAL);
	op.size = 1ULL << 63;
	alloc_fails(op, -EINVAL);
	op = good;
	op.flags = 8;
	alloc_fails(op, -EINVAL);
	op.flags = 0x80000000;
	alloc_fails(op, -EINVAL);
	op.flags = SHRBUF_ALLOC_CONTIG | SHRBUF_ALLOC_DEBUG;
	alloc_fails(op, -EINVAL);
	op = good;
	op.device = 1;
	alloc_fails(op, -EINVAL);
	op = good;
	op.reserved[1] = 1;
	alloc_fails(op, -EINVAL);
	op = good;
	op.fd_flags = O_ACCMODE;
	alloc_fails(op, -EINVAL);
	op.fd_flags = O_RDWR | O_NONBLOCK;
	alloc_fails(op, -EINVAL);
	op = good;
	memset(op.name, 'n', sizeof(op.name));
	alloc_fails(op, -EINVAL);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, NULL),
			 -EFAULT);
}

/* Each wrong size and device, for each kind of memory. */
static void alloc_flags_wrong(void **state)
{
	static const uint32_t flags[] = {
		SHRBUF_ALLOC_CONTIG, SHRBUF_ALLOC_DEBUG,
		SHRBUF_ALLOC_DEVICE,
		SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG,
		SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_DEBUG,
	};
	int null = do_open("/dev/null", O_RDWR);
	int path = do_open(camera_path(CAMERA_SINGLE), O_PATH);
	int file = do_open("/proc/self/stat", O_RDONLY);
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct {
			int fd;
			int error;
		} wrong[] = {
			{ -1, -EBADF }, { 0x7fffffff, -EBADF }, { path, -EBADF },
			{ null, -EINVAL }, { file, -EINVAL },
			{ shrbuf_dev(), -EINVAL },
		};
		struct shrbuf_alloc_op op = {
			.size = 4096, .fd_flags = O_RDWR, .flags = flags[i],
		};

		if (!(flags[i] & SHRBUF_ALLOC_DEVICE)) {
			op.device = null;
			alloc_fails(op, -EINVAL);
			op.device = 0;
			op.size = 0;
			alloc_fails(op, -EINVAL);
			op.size = ~0ULL;
			alloc_fails(op, -EINVAL);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(wrong); j++) {
			op.device = wrong[j].fd;
			alloc_fails(op, wrong[j].error);
		}
	}
	close(null);
	close(path);
	close(file);
}

/* The result cannot be written: the buffer and its file descriptor are taken back. */
static void alloc_read_only(void **state)
{
	struct shrbuf_alloc_op *op;
	int before, after;

	(void)state;
	op = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(op != MAP_FAILED);
	op->size = 4096;
	op->fd_flags = O_RDWR;
	assert_int_equal(mprotect(op, 4096, PROT_READ), 0);
	before = dup(0);
	close(before);
	assert_int_equal(try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, op), -EFAULT);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	munmap(op, 4096);
	expect_no_buffers();
}

static void alloc_no_free_fd(void **state)
{
	struct shrbuf_alloc_op op = { .size = 4096, .fd_flags = O_RDWR };
	struct rlimit limit, old;
	int ret;

	(void)state;
	shrbuf_dev();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ret = try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(ret, -EMFILE);
	expect_no_buffers();
}

static void import_wrong_fd(void **state)
{
	int null = do_open("/dev/null", O_RDWR);
	struct camera cam;
	int fd;

	(void)state;
	assert_int_equal(import_id(-1), -EBADF);
	assert_int_equal(import_id(null), -EINVAL);
	close(null);

	/* a dma-buf of stock videobuf2 */
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	assert_int_equal(import_id(fd), -EINVAL);
	close(fd);
	assert_int_equal(import_id(fd), -EBADF);
	camera_close(&cam);
}

static void expbuf_wrong(void **state)
{
	struct camera cam;
	int fd;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	assert_int_equal(try_expbuf(&cam, 0, 0, O_CLOEXEC), -EINVAL);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	assert_int_equal(try_expbuf(&cam, 2, 0, O_CLOEXEC), -EINVAL);
	assert_int_equal(try_expbuf(&cam, 0, 1, O_CLOEXEC), -EINVAL);
	assert_int_equal(try_expbuf(&cam, 0, 0, O_NONBLOCK), -EINVAL);
	/* neither for reading nor for writing: strange, but stock videobuf2 does it */
	fd = camera_expbuf(&cam, 0, 0, O_ACCMODE);
	assert_true(import_id(fd) > 0);
	close(fd);
	camera_done(&cam);
	expect_no_buffers();
}

/* The table of files is full: the buffer, and the export, are undone. */
static void no_free_fd(void **state)
{
	struct rlimit limit, none;
	int alloc, adopt, expbuf;
	struct camera cam;
	int foreign;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	foreign = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	camera_close(&cam);
	camera_shared(&cam, CAMERA_SINGLE, 2);
	test_dev();

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	alloc = try_ioctl(test_dev(), SHRBUF_TEST_ALLOC, (void *)1L);
	adopt = try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)foreign);
	expbuf = try_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	/* before anything that opens a file */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(alloc, -EMFILE);
	assert_int_equal(adopt, -EMFILE);
	assert_int_equal(expbuf, -EMFILE);

	close(foreign);
	camera_done(&cam);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(version_ok),
		API_TEST(version_wrong),
		API_TEST(version_read_only),
		API_TEST(unknown_request),
		API_TEST(node_read_write),
		API_TEST(queue_arguments),
		API_TEST(queue_wrong_fd),
		API_TEST(queue_wrong_state),
		API_TEST(queue_unknown),
		API_TEST(alloc_wrong),
		API_TEST(alloc_flags_wrong),
		API_TEST(alloc_read_only),
		API_TEST(alloc_no_free_fd),
		API_TEST(import_wrong_fd),
		API_TEST(expbuf_wrong),
		API_TEST(no_free_fd),
	};

	return cmocka_run_group_tests_name("wrong", tests, NULL, NULL);
}
