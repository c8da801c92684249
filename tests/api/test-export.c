// SPDX-License-Identifier: GPL-2.0
/*
 * What an exported buffer of an attached camera is: one identity, the picture of the
 * camera, and a handle on displays.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "requests.h"
#include "../kernel/shrbuf_testdev.h"

static const enum camera_kind kinds[] = { CAMERA_SINGLE, CAMERA_MULTI };

/* A captured picture is not a single colour. */
static void expect_picture(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 1; i < len; i++)
		if (p[i] != p[0])
			return;
	fail_msg("all %zu bytes are 0x%02x: no picture", len, p[0]);
}

static void twice_gives_one(void **state)
{
	unsigned int i, plane;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct camera cam;

		camera_shared(&cam, kinds[i], 3);
		for (plane = 0; plane < cam.nr_planes; plane++) {
			int a = camera_expbuf(&cam, 1, plane, O_RDWR);
			int b = camera_expbuf(&cam, 1, plane, O_RDWR | O_CLOEXEC);
			int ro = camera_expbuf(&cam, 1, plane, O_CLOEXEC);
			int c = camera_expbuf(&cam, 2, plane, O_RDWR);

			assert_int_equal(inode_of(a), inode_of(b));
			assert_int_not_equal(inode_of(a), inode_of(c));
			assert_true(import_id(a) > 0);
			assert_int_equal(import_id(a), import_id(b));
			assert_int_equal(import_id(a), import_id(ro));
			assert_int_not_equal(import_id(a), import_id(c));
			/* flags of the file descriptor, not of the buffer */
			assert_int_equal(fcntl(a, F_GETFD) & FD_CLOEXEC, 0);
			assert_int_not_equal(fcntl(b, F_GETFD) & FD_CLOEXEC, 0);
			close(a);
			close(b);
			close(ro);
			close(c);
		}
		if (cam.nr_planes > 1) {
			int a = camera_expbuf(&cam, 1, 0, O_RDWR);
			int b = camera_expbuf(&cam, 1, 1, O_RDWR);

			assert_int_not_equal(import_id(a), import_id(b));
			close(a);
			close(b);
		}
		camera_done(&cam);
	}
	expect_no_buffers();
}

/* A read-only export stays read-only, whoever exported writable before. */
static void access_mode(void **state)
{
	struct camera cam;
	size_t size;
	int rw, ro;
	void *p;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 2);
	size = camera_plane_size(&cam, 0);
	rw = camera_expbuf(&cam, 0, 0, O_RDWR);
	ro = camera_expbuf(&cam, 0, 0, O_RDONLY);
	assert_int_equal(fcntl(rw, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fcntl(ro, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(mmap(NULL, size, PROT_WRITE, MAP_SHARED, ro, 0) ==
		    MAP_FAILED);
	assert_int_equal(errno, EACCES);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
	assert_true(p != MAP_FAILED);
	munmap(p, size);
	close(rw);
	close(ro);
	camera_done(&cam);
	expect_no_buffers();
}

static void no_read_no_write(void **state)
{
	struct camera cam;
	char c = 0;
	int fd;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 2);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR);
	assert_int_equal(read(fd, &c, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(write(fd, &c, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(pread(fd, &c, 1, 0), -1);
	assert_int_equal(pwrite(fd, &c, 1, 0), -1);
	/* size, as for every dma-buf */
	assert_true(lseek(fd, 0, SEEK_END) >=
		    (off_t)camera_plane_size(&cam, 0));
	close(fd);
	camera_done(&cam);
	expect_no_buffers();
}

/*
 * /proc can keep the name of a file for longer than the file. The buffer must not take
 * another file for its own then: what is in that place of memory by now.
 */
static void path_outlives_file(void **state)
{
	char name[64], link[64];
	int others[256], fd, path, round;
	unsigned int i;
	struct camera cam;
	ssize_t len;

	(void)state;
	for (round = 0; round < 2; round++) {
		camera_shared(&cam, CAMERA_SINGLE, 2);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		path = do_open(name, O_PATH);
		if (round) {
			/* only the file descriptor holds the buffer */
			camera_done(&cam);
		}
		close(fd);
		/* files are freed after a grace period, and used again */
		usleep(300 * 1000);
		for (i = 0; i < ARRAY_SIZE(others); i++)
			others[i] = do_open("/etc/passwd", O_RDONLY);
		if (!round) {
			fd = camera_expbuf(&cam, 0, 0, O_RDWR);
			snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
			len = readlink(name, link, sizeof(link) - 1);
			assert_true(len > 0);
			link[len] = 0;
			assert_non_null(strstr(link, "dmabuf"));
			assert_true(import_id(fd) > 0);
			close(fd);
			camera_done(&cam);
		}
		for (i = 0; i < ARRAY_SIZE(others); i++)
			close(others[i]);
		assert_true(buffers_alive() >= 0);
		close(path);
		expect_no_buffers();
	}
}

/* The mapping of the file descriptor shows what the camera wrote. */
static void mapping_shows_picture(void **state)
{
	unsigned int i, plane;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct camera cam;

		camera_shared(&cam, kinds[i], 3);
		camera_run(&cam, 5);
		for (plane = 0; plane < cam.nr_planes; plane++) {
			size_t size = camera_plane_size(&cam, plane);
			int fd = camera_expbuf(&cam, 0, plane, O_RDONLY);
			unsigned char *a, *b;

			a = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
			assert_true(a != MAP_FAILED);
			b = camera_mmap(&cam, 0, plane);
			assert_int_equal(do_sync(fd, DMA_BUF_SYNC_START |
						 DMA_BUF_SYNC_READ), 0);
			assert_memory_equal(a, b, size);
			expect_picture(a, size);
			assert_int_equal(do_sync(fd, DMA_BUF_SYNC_END |
						 DMA_BUF_SYNC_READ), 0);
			munmap(b, size);
			/* the mapping outlives the file descriptor */
			close(fd);
			expect_picture(a, size);
			munmap(a, size);
		}
		camera_done(&cam);
	}
	expect_no_buffers();
}

static void mapping_wrong(void **state)
{
	struct camera cam;
	off_t size;
	int fd;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 2);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR);
	size = lseek(fd, 0, SEEK_END);
	assert_true(mmap(NULL, size + 4096, PROT_READ, MAP_SHARED, fd, 0) ==
		    MAP_FAILED);
	assert_true(mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 4096) ==
		    MAP_FAILED);
	assert_int_equal(do_sync(fd, 0), -EINVAL);
	assert_int_equal(do_sync(fd, ~0ULL), -EINVAL);
	close(fd);
	camera_done(&cam);
	expect_no_buffers();
}

/* Two exports of one buffer are one GEM handle. */
static void one_handle(void **state)
{
	static const char * const drivers[] = { "vkms", "cirrus-qemu", "vgem" };
	unsigned int i, found = 0;
	struct camera cam;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		int drm = drm_open(drivers[i]);
		uint32_t a, b, c;
		int fd[3];

		if (drm < 0)
			drm = i == 1 ? drm_open("cirrus") : -1;
		if (drm < 0)
			continue;
		found++;
		attach(cam.fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		fd[0] = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
		fd[1] = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
		fd[2] = camera_expbuf(&cam, 1, 0, O_RDWR | O_CLOEXEC);
		assert_int_equal(drmPrimeFDToHandle(drm, fd[0], &a), 0);
		assert_int_equal(drmPrimeFDToHandle(drm, fd[1], &b), 0);
		assert_int_equal(drmPrimeFDToHandle(drm, fd[2], &c), 0);
		assert_int_equal(a, b);
		assert_int_not_equal(a, c);
		/* back out of the display it is the same buffer */
		close(fd[1]);
		assert_int_equal(drmPrimeHandleToFD(drm, a, DRM_CLOEXEC,
						    &fd[1]), 0);
		assert_int_equal(import_id(fd[0]), import_id(fd[1]));
		close(fd[0]);
		close(fd[1]);
		close(fd[2]);
		/* the display still holds it */
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		assert_int_equal(buffers_alive(), 2);
		detach(cam.fd);
		assert_int_equal(drmCloseBufferHandle(drm, a), 0);
		assert_int_equal(drmCloseBufferHandle(drm, c), 0);
		close(drm);
		expect_no_buffers();
	}
	camera_close(&cam);
	if (!found)
		skip();
}

/* Without attaching, each export is a dma-buf of its own: stock behaviour. */
static void unattached_is_stock(void **state)
{
	struct camera cam;
	int a, b;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	a = camera_expbuf(&cam, 0, 0, O_RDWR);
	b = camera_expbuf(&cam, 0, 0, O_RDWR);
	assert_int_not_equal(inode_of(a), inode_of(b));
	assert_int_equal(import_id(a), -EINVAL);
	assert_int_equal(buffers_alive(), 0);
	close(a);
	close(b);
	camera_close(&cam);
}

/* Pages of shrbuf: mapping, content, capture into them, display. */
static void pages(void **state)
{
	struct camera cam;
	unsigned char *p;
	size_t size;
	int fd, drm;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	size = camera_plane_size(&cam, 0);
	fd = try_ioctl(test_dev(), SHRBUF_TEST_ALLOC,
		       (void *)((size + 4095) / 4096));
	assert_true(fd >= 0);
	assert_true(import_id(fd) > 0);
	assert_true(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) ==
		    MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	memset(p, 0x42, size);

	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_DMABUF), 0);
	assert_int_equal(try_streamoff(&cam), 0);
	assert_int_equal(do_sync(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	expect_picture(p, size);
	assert_int_equal(do_sync(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	camera_close(&cam);

	drm = drm_open("vkms");
	if (drm >= 0) {
		uint32_t handle;

		assert_int_equal(drmPrimeFDToHandle(drm, fd, &handle), 0);
		assert_int_equal(do_sync(fd, DMA_BUF_SYNC_START |
					 DMA_BUF_SYNC_RW), 0);
		assert_int_equal(do_sync(fd, DMA_BUF_SYNC_END |
					 DMA_BUF_SYNC_RW), 0);
		assert_int_equal(drmCloseBufferHandle(drm, handle), 0);
		close(drm);
	}
	munmap(p, size);
	close(fd);
	expect_no_buffers();
}

/* What ALLOC gives: size, access, name in the listing, life until the last close. */
static void allocated(void **state)
{
	static const struct {
		uint64_t size, rounded;
	} sizes[] = { { 1, 4096 }, { 4096, 4096 }, { 4097, 8192 },
		      { 3000000, 3002368 } };
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR | O_CLOEXEC };
	struct shrbuf_alloc_op op;
	char line[4096];
	unsigned int i;
	size_t len;
	FILE *list;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(&op, 0, sizeof(op));
		op.size = sizes[i].size;
		op.fd_flags = O_RDWR;
		do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
		assert_int_equal(op.size, sizes[i].rounded);
		assert_int_equal(lseek(op.fd, 0, SEEK_END), sizes[i].rounded);
		assert_true(import_id(op.fd) > 0);
		close(op.fd);
	}
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		memset(&op, 0, sizeof(op));
		op.size = 4096;
		op.fd_flags = modes[i];
		strcpy((char *)op.name, "a\tname");
		do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
		assert_int_equal(fcntl(op.fd, F_GETFL) & O_ACCMODE,
				 modes[i] & O_ACCMODE);
		assert_true(fcntl(op.fd, F_GETFD) & FD_CLOEXEC);
		list = fopen("/sys/kernel/debug/shrbuf/buffers", "re");
		assert_non_null(list);
		len = fread(line, 1, sizeof(line) - 1, list);
		line[len] = 0;
		fclose(list);
		/* a name cannot forge a field */
		assert_non_null(strstr(line, "a\\011name\n"));
		close(op.fd);
	}
	expect_no_buffers();
}

/* A foreign dma-buf, adopted: one identity as well, same memory. */
static void adopted(void **state)
{
	unsigned char *mine, *theirs;
	struct camera cam;
	int foreign, a, b, keeper;
	size_t size;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	size = camera_plane_size(&cam, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	foreign = camera_expbuf(&cam, 0, 0, O_RDWR);
	a = try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)foreign);
	/* as long as it has a user, there is one dma-buf of it */
	keeper = do_open("/dev/shrbuf_test", O_RDWR);
	assert_int_equal(try_ioctl(keeper, SHRBUF_TEST_KEEP, (void *)(long)a),
			 0);
	b = try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)foreign);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(inode_of(a), inode_of(b));
	assert_int_equal(import_id(a), import_id(b));
	/* adopting our own gives our own */
	close(b);
	b = try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)a);
	assert_int_equal(inode_of(a), inode_of(b));
	assert_int_equal(buffers_alive(), 1);

	theirs = camera_mmap(&cam, 0, 0);
	mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	assert_true(mine != MAP_FAILED);
	memset(theirs, 0x17, size);
	assert_int_equal(mine[size / 2], 0x17);
	mine[size / 2] = 0x18;
	assert_int_equal(theirs[size / 2], 0x18);
	munmap(theirs, size);
	close(foreign);
	close(a);
	close(b);
	close(keeper);
	camera_close(&cam);
	/* the mapping stands on the foreign file, not on ours */
	expect_no_buffers();
	assert_int_equal(mine[size / 2], 0x18);
	munmap(mine, size);
}

/* More buffers than one read() of the listing gives back: each is there, once. */
static void listing_is_whole(void **state)
{
	int fds[300];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = try_ioctl(test_dev(), SHRBUF_TEST_ALLOC, (void *)1L);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(buffers_alive(), ARRAY_SIZE(fds));
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(twice_gives_one),
		API_TEST(access_mode),
		API_TEST(no_read_no_write),
		API_TEST(path_outlives_file),
		API_TEST(mapping_shows_picture),
		API_TEST(mapping_wrong),
		API_TEST(one_handle),
		API_TEST(unattached_is_stock),
		API_TEST(pages),
		API_TEST(allocated),
		API_TEST(adopted),
		API_TEST(listing_is_whole),
	};

	return cmocka_run_group_tests_name("export", tests, NULL,
					   check_signals);
}
