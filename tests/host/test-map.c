// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the maps of libshrbuf on a memfd, with a mock of DMA_BUF_IOCTL_SYNC.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/dma-buf.h>

#include "shrbuf.h"

#define PAGE		4096
#define SIZE		(3 * PAGE)
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define START(access)	(DMA_BUF_SYNC_START | DMA_BUF_SYNC_##access)
#define END(access)	(DMA_BUF_SYNC_END | DMA_BUF_SYNC_##access)

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	uint64_t flags = ((struct dma_buf_sync *)arg)->flags;
	int ret = mock_type(int);

	assert_true(request == DMA_BUF_IOCTL_SYNC);
	/* the file descriptor is the map's own, and open */
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	check_expected(flags);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

static void expect_sync(uint64_t flags, int ret)
{
	expect_value(__wrap_ioctl, flags, flags);
	will_return(__wrap_ioctl, ret);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

static bool is_mapped(void *addr)
{
	return !msync(addr, PAGE, MS_ASYNC);
}

/* A stand-in for a buffer. */
static int buffer(void)
{
	int fd = memfd_create("buffer", 0);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	return fd;
}

static void test_read(void **state)
{
	int before = open_files(), fd = buffer();
	struct shrbuf_map map;
	void *addr;
	char c = 5;

	(void)state;
	assert_int_equal(pwrite(fd, &c, 1, SIZE - 1), 1);
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ, &map), 0);
	assert_int_equal(map.size, SIZE);
	assert_int_equal(map.depth, 1);
	assert_int_equal(map.error, 0);
	/* the map does without it */
	close(fd);
	assert_int_equal(((char *)map.addr)[SIZE - 1], c);
	addr = map.addr;
	expect_sync(END(READ), 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	assert_null(map.addr);
	assert_false(is_mapped(addr));
	assert_int_equal(open_files(), before);
	/* once more does nothing */
	assert_int_equal(shrbuf_unmap(&map), 0);
}

static void test_write(void **state)
{
	struct shrbuf_map map;
	int fd = buffer();
	char c = 0;

	(void)state;
	expect_sync(START(WRITE), 0);
	assert_int_equal(shrbuf_map(fd, PAGE, SHRBUF_MAP_WRITE, &map), 0);
	assert_int_equal(map.size, PAGE);
	((char *)map.addr)[7] = 9;
	expect_sync(END(WRITE), 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	assert_int_equal(pread(fd, &c, 1, 7), 1);
	assert_int_equal(c, 9);

	expect_sync(START(RW), 0);
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ | SHRBUF_MAP_WRITE, &map), 0);
	assert_int_equal(((char *)map.addr)[7]++, 9);
	expect_sync(END(RW), 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	close(fd);
}

/* Signals and busy drivers: the same request again, at start and end. */
static void test_restarted(void **state)
{
	struct shrbuf_map map;
	int fd = buffer();

	(void)state;
	expect_sync(START(READ), -EINTR);
	expect_sync(START(READ), -EAGAIN);
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ, &map), 0);
	expect_sync(END(READ), -EAGAIN);
	expect_sync(END(READ), -EINTR);
	expect_sync(END(READ), 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	close(fd);
}

static void test_nesting(void **state)
{
	struct shrbuf_map map;
	int fd = buffer();

	(void)state;
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ | SHRBUF_MAP_IDLE, &map), 0);
	assert_int_equal(map.depth, 0);
	assert_int_equal(shrbuf_map_end(&map), -EINVAL);
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map_begin(&map), 0);
	assert_int_equal(shrbuf_map_begin(&map), 0);
	assert_int_equal(shrbuf_map_end(&map), 0);
	expect_sync(END(READ), 0);
	assert_int_equal(shrbuf_map_end(&map), 0);
	assert_int_equal(shrbuf_map_end(&map), -EINVAL);

	/* a start that fails has not begun */
	expect_sync(START(READ), -EIO);
	assert_int_equal(shrbuf_map_begin(&map), -EIO);
	assert_int_equal(map.depth, 0);
	/* an end that fails has ended */
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map_begin(&map), 0);
	expect_sync(END(READ), -EIO);
	assert_int_equal(shrbuf_map_end(&map), -EIO);
	assert_int_equal(map.depth, 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	close(fd);

	assert_int_equal(shrbuf_map_begin(&map), -EINVAL);
	assert_int_equal(shrbuf_map_end(&map), -EINVAL);
}

/* All that is open ends with the map, by one end. */
static void test_unmap_ends(void **state)
{
	struct shrbuf_map map;
	int fd = buffer();

	(void)state;
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ, &map), 0);
	assert_int_equal(shrbuf_map_begin(&map), 0);
	expect_sync(END(READ), -EIO);
	assert_int_equal(shrbuf_unmap(&map), -EIO);
	assert_null(map.addr);
	close(fd);
}

static void expect_failure(int fd, size_t size, unsigned int flags, int error)
{
	int before = open_files();
	struct shrbuf_map map;

	memset(&map, 0xaa, sizeof(map));
	assert_int_equal(shrbuf_map(fd, size, flags, &map), error);
	assert_null(map.addr);
	assert_int_equal(map.error, error);
	assert_int_equal(shrbuf_unmap(&map), 0);
	assert_int_equal(open_files(), before);
}

static void test_errors(void **state)
{
	int fd = buffer(), pipes[2], empty, read_only, write_only;
	struct rlimit limit, none;
	struct shrbuf_map map;
	char path[64];
	int ret;

	(void)state;
	expect_failure(fd, 0, 0, -EINVAL);
	expect_failure(fd, 0, SHRBUF_MAP_IDLE, -EINVAL);
	expect_failure(fd, 0, SHRBUF_MAP_READ | 8, -EINVAL);
	expect_failure(fd, SIZE + 1, SHRBUF_MAP_READ, -EINVAL);
	expect_failure(fd, SIZE_MAX, SHRBUF_MAP_READ, -EINVAL);
	expect_failure(-1, 0, SHRBUF_MAP_READ, -EBADF);
	assert_int_equal(pipe(pipes), 0);
	expect_failure(pipes[0], 0, SHRBUF_MAP_READ, -ENOTTY);
	close(pipes[0]);
	close(pipes[1]);
	empty = memfd_create("empty", 0);
	expect_failure(empty, 0, SHRBUF_MAP_READ, -EINVAL);
	close(empty);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY);
	write_only = open(path, O_WRONLY);
	expect_failure(read_only, 0, SHRBUF_MAP_WRITE, -EACCES);
	expect_failure(write_only, 0, SHRBUF_MAP_WRITE, -EACCES);
	close(read_only);
	close(write_only);

	/* a file that can be mapped, but is no dma-buf */
	expect_sync(START(READ), -ENOTTY);
	expect_failure(fd, 0, SHRBUF_MAP_READ, -ENOTTY);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ret = shrbuf_map(fd, 0, SHRBUF_MAP_READ, &map);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(ret, -EMFILE);
	close(fd);
}

static int scoped(int fd, int leave, void **addr)
{
	int i;

	for (i = 0; i < 2; i++) {
		SHRBUF_SCOPED_MAP(map, fd, SHRBUF_MAP_READ);

		if (!map.addr)
			return map.error;
		*addr = map.addr;
		if (leave == 1)
			break;
		if (leave == 2)
			goto out;
		if (leave == 3)
			return 3;
	}
out:
	return 0;
}

/* However the block is left, the access ends and the memory goes. */
static void test_scoped_map(void **state)
{
	int before = open_files(), fd = buffer(), leave, round;
	void *addr = NULL;

	(void)state;
	for (leave = 0; leave <= 3; leave++) {
		/* twice when it is left at the end of the loop */
		for (round = 0; round < (leave ? 1 : 2); round++) {
			expect_sync(START(READ), 0);
			expect_sync(END(READ), 0);
		}
		assert_int_equal(scoped(fd, leave, &addr), leave == 3 ? 3 : 0);
		assert_false(is_mapped(addr));
	}
	close(fd);
	assert_int_equal(scoped(fd, 0, &addr), -EBADF);
	assert_int_equal(open_files(), before);
}

static int access_once(struct shrbuf_map *map)
{
	SHRBUF_SCOPED_ACCESS(access, map);

	if (!access)
		return -1;
	return *(char *)access->addr;
}

static void test_scoped_access(void **state)
{
	struct shrbuf_map map;
	int fd = buffer(), i;

	(void)state;
	assert_int_equal(shrbuf_map(fd, 0, SHRBUF_MAP_READ | SHRBUF_MAP_IDLE, &map), 0);
	for (i = 0; i < 2; i++) {
		expect_sync(START(READ), 0);
		expect_sync(END(READ), 0);
		assert_int_equal(access_once(&map), 0);
	}
	expect_sync(START(READ), -EIO);
	assert_int_equal(access_once(&map), -1);
	/* inside of another one */
	expect_sync(START(READ), 0);
	assert_int_equal(shrbuf_map_begin(&map), 0);
	assert_int_equal(access_once(&map), 0);
	expect_sync(END(READ), 0);
	assert_int_equal(shrbuf_unmap(&map), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_unmap_ends),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_scoped_map),
		cmocka_unit_test(test_scoped_access),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
