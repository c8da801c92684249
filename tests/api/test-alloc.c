// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that shrbuf allocates: in pages, contiguous, for a device; what it can be used
 * for, and who stays as long as it lives.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "requests.h"
#include "testcam.h"
#include "../kernel/shrbuf_testdev.h"

#define PAGE		4096

/* Which memory, and how it is listed. */
static const struct kind {
	uint32_t flags;
	const char *backing;
} kinds[] = {
	{ 0, "pages" },
	{ SHRBUF_ALLOC_CONTIG, "contig" },
	{ SHRBUF_ALLOC_DEVICE, "pages" },
	{ SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG, "contig" },
	{ SHRBUF_ALLOC_DEBUG, "debug" },
	{ SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_DEBUG, "debug" },
};

static int alloc_kind(const struct kind *kind, size_t size, int device)
{
	return do_alloc(size, kind->flags,
			kind->flags & SHRBUF_ALLOC_DEVICE ? device : 0, "t");
}

static void *map_all(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		fail_msg("mmap: %s", strerror(errno));
	return p;
}

static void start(int fd)
{
	assert_int_equal(do_sync(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
}

static void end(int fd)
{
	assert_int_equal(do_sync(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
}

/* The field of the only buffer in the listing. */
static void expect_backing(const char *backing)
{
	char line[512], *field;
	FILE *list = fopen("/sys/kernel/debug/shrbuf/buffers", "re");

	assert_non_null(list);
	assert_non_null(fgets(line, sizeof(line), list));
	assert_non_null(fgets(line, sizeof(line), list));
	fclose(list);
	strtok(line, "\t");
	strtok(NULL, "\t");
	field = strtok(NULL, "\t");
	assert_string_equal(field, backing);
}

static void zeroed_and_kept(void **state)
{
	size_t i, j, size = 20 * PAGE;
	struct camera cam;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = alloc_kind(&kinds[i], size - 7, cam.fd);
		unsigned char *p = map_all(fd, size);

		expect_backing(kinds[i].backing);
		assert_int_equal(lseek(fd, 0, SEEK_END), size);
		assert_true(import_id(fd) > 0);
		start(fd);
		for (j = 0; j < size; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0x42, size);
		end(fd);
		munmap(p, size);
		/* what drivers see, and another mapping */
		assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_PEEK,
					   (void *)SHRBUF_TEST_ARG(fd, 19)), 0x42);
		p = map_all(fd, size);
		close(fd);
		/* the mapping keeps it */
		assert_int_equal(buffers_alive(), 1);
		munmap(p, size);
		expect_no_buffers();
	}
	camera_close(&cam);
}

/* Nothing changes the size. */
static void sealed_size(void **state)
{
	struct camera cam;
	unsigned int i;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = alloc_kind(&kinds[i], 2 * PAGE, cam.fd);
		struct stat st;

		assert_int_equal(ftruncate(fd, PAGE), -1);
		assert_int_equal(ftruncate(fd, 4 * PAGE), -1);
		assert_int_equal(ftruncate(fd, 0), -1);
		assert_int_equal(fallocate(fd, 0, 0, 4 * PAGE), -1);
		assert_int_equal(fallocate(fd, FALLOC_FL_KEEP_SIZE |
					   FALLOC_FL_PUNCH_HOLE, 0, PAGE), -1);
		assert_int_equal(lseek(fd, PAGE, SEEK_SET), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(lseek(fd, PAGE, SEEK_END), -1);
		assert_int_equal(lseek(fd, 0, SEEK_END), 2 * PAGE);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, 2 * PAGE);
		assert_true(mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, 0) ==
			    MAP_FAILED);
		assert_true(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE) ==
			    MAP_FAILED);
		close(fd);
		expect_no_buffers();
	}
	camera_close(&cam);
}

/* A request that no system fulfils fails quietly. */
static void contig_too_large(void **state)
{
	(void)state;
	assert_int_equal(try_alloc(3ULL << 30, SHRBUF_ALLOC_CONTIG, 0, "t"),
			 -ENOMEM);
	expect_no_buffers();
}

/* DMA debugging wants segments below 64 KiB, as vivid does not say more. */
static void small_format(struct camera *cam)
{
	camera_format(cam, 320, 180);
}

static void capture(struct camera *cam, const int *fds)
{
	camera_reqbufs(cam, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_qbuf(cam, V4L2_MEMORY_DMABUF, 0, fds, NULL), 0);
	assert_int_equal(try_streamon(cam), 0);
	assert_int_equal(try_dqbuf(cam, V4L2_MEMORY_DMABUF), 0);
	assert_int_equal(try_streamoff(cam), 0);
	camera_reqbufs(cam, V4L2_MEMORY_DMABUF, 0);
}

static void expect_picture(int fd, size_t size)
{
	unsigned char *p = map_all(fd, size);
	size_t i;

	start(fd);
	for (i = 1; i < size && p[i] == p[0]; i++)
		;
	end(fd);
	munmap(p, size);
	if (i == size)
		fail_msg("all %zu bytes are the same: no picture", size);
}

/* A device that takes only contiguous memory captures into it. */
static void capture_contig(void **state)
{
	const uint32_t flags[] = {
		SHRBUF_ALLOC_CONTIG, SHRBUF_ALLOC_CONTIG | SHRBUF_ALLOC_DEVICE,
	};
	unsigned int i, plane;
	struct camera cam;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	small_format(&cam);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		int fds[VIDEO_MAX_PLANES];

		for (plane = 0; plane < cam.nr_planes; plane++)
			fds[plane] = do_alloc(camera_plane_size(&cam, plane),
					      flags[i],
					      flags[i] & SHRBUF_ALLOC_DEVICE ?
					      cam.fd : 0, "t");
		capture(&cam, fds);
		for (plane = 0; plane < cam.nr_planes; plane++) {
			expect_picture(fds[plane], camera_plane_size(&cam, plane));
			close(fds[plane]);
		}
		expect_no_buffers();
	}
	camera_close(&cam);
}

/* ... and does not take other memory, so the test above says something. */
static void capture_needs_contig(void **state)
{
	int fds[VIDEO_MAX_PLANES];
	struct camera cam;
	int ret;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	camera_format(&cam, 1280, 720);
	fds[0] = do_alloc(camera_plane_size(&cam, 0), 0, 0, "t");
	fds[1] = do_alloc(camera_plane_size(&cam, 1), 0, 0, "t");
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	ret = try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, fds, NULL);
	assert_int_equal(ret, -EFAULT);
	camera_close(&cam);
	close(fds[0]);
	close(fds[1]);
	expect_no_buffers();
}

/* A device that takes anything. */
static void capture_any(void **state)
{
	struct camera cam;
	unsigned int i;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = alloc_kind(&kinds[i], camera_plane_size(&cam, 0), cam.fd);

		capture(&cam, &fd);
		expect_picture(fd, camera_plane_size(&cam, 0));
		close(fd);
		expect_no_buffers();
	}
	camera_close(&cam);
}

/* For displays, which import it; primary and render nodes. */
static void displays(void **state)
{
	static const char * const drivers[] = { "vkms", "vgem", "cirrus" };
	unsigned int i, j, found = 0;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		int drm = drm_open(drivers[i]);

		if (drm < 0)
			continue;
		found++;
		for (j = 0; j < ARRAY_SIZE(kinds); j++) {
			int fd = alloc_kind(&kinds[j], 15 * PAGE, drm);
			uint32_t handle;

			assert_int_equal(drmPrimeFDToHandle(drm, fd, &handle), 0);
			close(fd);
			/* the display keeps it */
			assert_int_equal(buffers_alive(), 1);
			assert_int_equal(drmCloseBufferHandle(drm, handle), 0);
			expect_no_buffers();
		}
		close(drm);
	}
	if (!found)
		skip();
}

static int testcam_fd(const char *kind)
{
	struct camera cam;

	testcam_new(kind);
	testcam_open(&cam);
	return cam.fd;
}

static void device_without_dma(void **state)
{
	int fd = testcam_fd("no-dma");

	(void)state;
	assert_int_equal(try_alloc(PAGE, SHRBUF_ALLOC_DEVICE, fd, "t"),
			 -EOPNOTSUPP);
	assert_int_equal(try_alloc(PAGE, SHRBUF_ALLOC_DEVICE |
				   SHRBUF_ALLOC_CONTIG, fd, "t"), -EOPNOTSUPP);
	close(fd);
	testcam_act("free");
	expect_no_buffers();
}

static void device_gone(void **state)
{
	int fd = testcam_fd("stock");
	int buf = do_alloc(PAGE, SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG, fd, "t");

	(void)state;
	testcam_act("unregister");
	assert_int_equal(try_alloc(PAGE, SHRBUF_ALLOC_DEVICE, fd, "t"), -ENODEV);
	assert_int_equal(try_alloc(PAGE, SHRBUF_ALLOC_DEVICE |
				   SHRBUF_ALLOC_CONTIG, fd, "t"), -ENODEV);
	close(fd);
	testcam_act("free");
	assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_PEEK,
				   (void *)SHRBUF_TEST_ARG(buf, 0)), 0);
	close(buf);
	expect_no_buffers();
}

static bool testcam_unused(void *arg)
{
	return module_refs("shrbuf_testcam") == *(int *)arg;
}

/* Contiguous memory keeps the driver; pages do not need it. */
static void driver_stays(void **state)
{
	int before = module_refs("shrbuf_testcam");
	int fd = testcam_fd("stock");
	int pages, contig;

	(void)state;
	pages = do_alloc(PAGE, SHRBUF_ALLOC_DEVICE, fd, "t");
	contig = do_alloc(PAGE, SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG, fd, "t");
	close(fd);
	testcam_act("free");
	assert_int_equal(module_refs("shrbuf_testcam"), before + 1);
	close(contig);
	wait_for(testcam_unused, &before, "the driver to be unused");
	close(pages);
	expect_no_buffers();
}

/* The device loses its driver while buffers made for it are in use. */
static void unbind(void **state)
{
	const size_t size = 4 * PAGE;
	struct camera cam;
	unsigned char *p;
	int fd;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	fd = do_alloc(size, SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_CONTIG, cam.fd, "t");
	camera_close(&cam);
	p = map_all(fd, size);
	start(fd);
	memset(p, 0x21, size);
	end(fd);
	camera_unbind();
	assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_PEEK,
				   (void *)SHRBUF_TEST_ARG(fd, 3)), 0x21);
	assert_int_equal(p[size - 1], 0x21);
	munmap(p, size);
	close(fd);
	expect_no_buffers();
	camera_bind();
	/* fails the test if it is not there again */
	camera_path(CAMERA_MULTI);
}

/* Runs in a cgroup with a limit, ends with the number of buffers that it got. */
static void alloc_until_limit(uint32_t flags)
{
	int got = 0;

	while (got < 64 && try_alloc(1024 * 1024, flags, 0, "t") >= 0)
		got++;
	_exit(got);
}

static bool write_to(const char *dir, const char *name, const char *text)
{
	char path[128];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* The memory counts for who asked for it: 16 MiB are not enough for 64 buffers. */
static void charged(void **state)
{
	static const uint32_t flags[] = { 0, SHRBUF_ALLOC_CONTIG, SHRBUF_ALLOC_DEBUG };
	char root[] = "/tmp/cgroup-XXXXXX", group[64];
	bool can = false;
	unsigned int i;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(group, sizeof(group), "%s/shrbuf-test", root);
	if (!mount("none", root, "cgroup2", 0, NULL)) {
		can = write_to(root, "cgroup.subtree_control", "+memory") &&
		      !mkdir(group, 0755);
		if (!can)
			umount(root);
	}
	if (!can) {
		rmdir(root);
		skip();
	}
	assert_true(write_to(group, "memory.max", "16777216"));
	shrbuf_dev();
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		int status, pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			if (!write_to(group, "cgroup.procs", "0"))
				_exit(99);
			alloc_until_limit(flags[i]);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		/* the system may also have ended it for that */
		if (WIFEXITED(status)) {
			assert_true(WEXITSTATUS(status) > 0);
			assert_true(WEXITSTATUS(status) < 16);
		} else {
			assert_int_equal(WTERMSIG(status), SIGKILL);
		}
		expect_no_buffers();
	}
	assert_int_equal(rmdir(group), 0);
	assert_int_equal(umount(root), 0);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(zeroed_and_kept),
		API_TEST(sealed_size),
		API_TEST(contig_too_large),
		API_TEST(capture_contig),
		API_TEST(capture_needs_contig),
		API_TEST(capture_any),
		API_TEST(displays),
		API_TEST(device_without_dma),
		API_TEST(device_gone),
		API_TEST(driver_stays),
		API_TEST(unbind),
		API_TEST(charged),
	};

	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
