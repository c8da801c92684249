// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the sweep over failing allocations: what each one needs, does and leaves,
 * and the errors that it may fail with. fail-nth.c says what is done with them.
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

#include "fail-nth.h"
#include "../kernel/shrbuf_testdev.h"

#define PAGE		4096
#define NR_PAGES	40	/* of the buffers that shrbuf allocates */
#define SMALL_PAGES	16	/* allocated in one run, enough for a small plane */
#define DUMB_SIZE	64	/* pixels in a row, and rows, of a display's buffer */

/* What steps use. */
static struct camera cam;
static int dmabuf_fd;
static int drm_fd;

/* the device and its requests */

static int run_open(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int run_version(void)
{
	struct shrbuf_version version = { 0 };

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_VERSION, &version);
}

static void prepare_camera(void)
{
	camera_open(&cam, CAMERA_SINGLE);
}

static int run_attach(void)
{
	return try_attach(cam.fd);
}

static void undo_attach(void)
{
	int ret = try_detach(cam.fd);

	assert_true(!ret || ret == -ENOTCONN);
}

static void prepare_attached(void)
{
	prepare_camera();
	attach(cam.fd);
}

static void prepare_attached_multi(void)
{
	camera_open(&cam, CAMERA_MULTI);
	attach(cam.fd);
}

static int run_detach(void)
{
	return try_detach(cam.fd);
}

static void undo_detach(void)
{
	int ret = try_attach(cam.fd);

	assert_true(!ret || ret == -EALREADY);
}

/* buffers of an attached camera */

static int run_reqbufs(void)
{
	return try_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
}

static void undo_reqbufs(void)
{
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
}

static int run_create_bufs(void)
{
	struct v4l2_create_buffers create = {
		.count = 2, .memory = V4L2_MEMORY_MMAP, .format = cam.fmt,
	};

	return try_ioctl(cam.fd, VIDIOC_CREATE_BUFS, &create);
}

static void prepare_bufs(void)
{
	prepare_attached();
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
}

/* A buffer keeps the dma-bufs that were made of it, so each export needs a fresh one. */
static void fresh_bufs(void)
{
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
}

/* See "stock defects" in fail-nth.c. Read-only, so that read-write has yet to be made. */
static void fresh_bufs_multi(void)
{
	fresh_bufs();
	close(camera_expbuf(&cam, 0, 1, O_RDONLY | O_CLOEXEC));
}

static void prepare_bufs_multi(void)
{
	prepare_attached_multi();
	fresh_bufs_multi();
}

static int run_free_bufs(void)
{
	return try_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
}

static void undo_free_bufs(void)
{
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
}

static int run_expbuf(void)
{
	return try_expbuf(&cam, 0, cam.nr_planes - 1, O_RDWR | O_CLOEXEC);
}

/* One for each access mode, which share the inner dma-buf. */
static int run_expbuf_modes(void)
{
	int rw = try_expbuf(&cam, 1, 0, O_RDWR | O_CLOEXEC);

	return rw < 0 ? rw : try_expbuf(&cam, 1, 0, O_RDONLY | O_CLOEXEC);
}

static void prepare_queued(void)
{
	prepare_bufs();
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
}

static int run_stream(void)
{
	int ret = try_streamon(&cam);

	return ret ? ret : try_dqbuf(&cam, V4L2_MEMORY_MMAP);
}

static void undo_stream(void)
{
	assert_int_equal(try_streamoff(&cam), 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, 1);
}

/* the dma-buf */

static void use_export(void)
{
	dmabuf_fd = keep(camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC));
}

static void prepare_export(void)
{
	prepare_bufs();
	use_export();
}

static void prepare_export_multi(void)
{
	prepare_bufs_multi();
	use_export();
}

static void prepare_pages(void)
{
	dmabuf_fd = keep(try_ioctl(test_dev(), SHRBUF_TEST_ALLOC,
				   (void *)NR_PAGES));
}

static int dumb_buffer(int drm)
{
	struct drm_mode_create_dumb create = {
		.width = DUMB_SIZE, .height = DUMB_SIZE, .bpp = 32,
	};
	int fd;

	do_ioctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	assert_int_equal(drmPrimeHandleToFD(drm, create.handle,
					    DRM_CLOEXEC | DRM_RDWR, &fd), 0);
	return keep(fd);
}

int foreign_dmabuf(void)
{
	int drm = keep(drm_open("vgem"));
	int fd = dumb_buffer(drm);

	close(drm);
	return fd;
}

static void prepare_foreign(void)
{
	dmabuf_fd = foreign_dmabuf();
}

static void prepare_adopted(void)
{
	int foreign;

	prepare_foreign();
	foreign = dmabuf_fd;
	dmabuf_fd = keep(try_ioctl(test_dev(), SHRBUF_TEST_ADOPT,
				   (void *)(long)foreign));
	close(foreign);
}

/* The foreign one again, while its adopted buffer is alive: that one is found. */
static void prepare_adopted_before(void)
{
	int foreign;

	prepare_foreign();
	foreign = keep(dup(dmabuf_fd));
	keep(try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)foreign));
}

static int run_mmap(void)
{
	char *p;
	size_t i;

	mapping_size = lseek(dmabuf_fd, 0, SEEK_END);
	mapping = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       dmabuf_fd, 0);
	if (mapping == MAP_FAILED) {
		mapping = NULL;
		return -errno;
	}
	p = mapping;
	for (i = 0; i < mapping_size; i += PAGE)
		__atomic_add_fetch(&p[i], 1, __ATOMIC_RELAXED);
	return 0;
}

/* Both ends with the direction, so that every allocation of both is reached. */
static int run_sync(void)
{
	int ret = do_sync(dmabuf_fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);

	return ret ? ret : do_sync(dmabuf_fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

static int run_import(void)
{
	return try_ioctl(test_dev(), SHRBUF_TEST_IMPORT, (void *)(long)dmabuf_fd);
}

static int run_adopt(void)
{
	return try_ioctl(test_dev(), SHRBUF_TEST_ADOPT, (void *)(long)dmabuf_fd);
}

static int alloc_flags(uint32_t flags, int device)
{
	struct shrbuf_alloc_op op = {
		.size = NR_PAGES * PAGE, .fd_flags = O_RDWR, .name = "fail-nth",
		.flags = flags, .device = device,
	};
	int ret = try_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);

	return ret ? ret : op.fd;
}

static int run_alloc(void)
{
	return alloc_flags(0, 0);
}

static int run_alloc_device(void)
{
	return alloc_flags(SHRBUF_ALLOC_DEVICE, cam.fd);
}

static int run_alloc_debug(void)
{
	return alloc_flags(SHRBUF_ALLOC_DEBUG, 0);
}

static void prepare_debug(void)
{
	dmabuf_fd = keep(run_alloc_debug());
}

/* displays */

static void use_vkms(void)
{
	drm_fd = keep(drm_open("vkms"));
}

static void prepare_prime_vmalloc(void)
{
	prepare_export();
	use_vkms();
}

static void prepare_prime_contig(void)
{
	prepare_export_multi();
	use_vkms();
}

static void prepare_prime_pages(void)
{
	prepare_pages();
	use_vkms();
}

static void prepare_prime_debug(void)
{
	prepare_debug();
	use_vkms();
}

static void prepare_prime_adopted(void)
{
	prepare_adopted();
	use_vkms();
}

static int run_prime(void)
{
	struct drm_prime_handle prime = { .fd = dmabuf_fd };
	struct drm_gem_close gem_close = { 0 };
	int ret = try_ioctl(drm_fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

	if (ret)
		return ret;
	gem_close.handle = prime.handle;
	return try_ioctl(drm_fd, DRM_IOCTL_GEM_CLOSE, &gem_close);
}

/* The handle is not known if it could not be copied out; the lowest ones are given. */
static void undo_prime(void)
{
	uint32_t handle;

	for (handle = 1; handle <= 4; handle++)
		drmCloseBufferHandle(drm_fd, handle);
}

/* import by V4L2 */

static void ready_dmabuf(void)
{
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
}

/* See "stock defects" in fail-nth.c. */
static void keep_mapped(void)
{
	const int fds[] = { dmabuf_fd };
	struct camera output;

	camera_open(&output, CAMERA_OUTPUT);
	camera_reqbufs(&output, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_qbuf(&output, V4L2_MEMORY_DMABUF, 0, fds, NULL), 0);
	/* stays open until the end of the test */
}

static void prepare_v4l2_pages(void)
{
	prepare_attached();
	dmabuf_fd = keep(try_ioctl(test_dev(), SHRBUF_TEST_ALLOC,
				   (void *)((camera_plane_size(&cam, 0) + PAGE - 1) /
					    PAGE)));
	keep_mapped();
	ready_dmabuf();
}

/* The importer is not attached: stock code with our buffer. */
static void prepare_v4l2_stock(void)
{
	prepare_v4l2_pages();
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	detach(cam.fd);
	ready_dmabuf();
}

static int run_qbuf_dmabuf(void)
{
	const int fds[] = { dmabuf_fd, dmabuf_fd };

	return try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, fds, NULL);
}

/*
 * Pages in one run for a contiguous importer: small enough. Both planes use the same
 * buffer, which is large enough for each.
 */
static void prepare_v4l2_contig(void)
{
	prepare_attached_multi();
	camera_format(&cam, 320, 180);
	assert_true(camera_plane_size(&cam, 0) <= SMALL_PAGES * PAGE);
	dmabuf_fd = keep(try_ioctl(test_dev(), SHRBUF_TEST_ALLOC,
				   (void *)SMALL_PAGES));
	ready_dmabuf();
}

void *user_memory;

static void prepare_userptr(void)
{
	size_t size;

	prepare_attached();
	size = camera_plane_size(&cam, 0);
	free(user_memory);
	user_memory = aligned_alloc(PAGE, (size + PAGE - 1) & ~(PAGE - 1UL));
	assert_non_null(user_memory);
	memset(user_memory, 0, size);
	camera_reqbufs(&cam, V4L2_MEMORY_USERPTR, 2);
}

static int run_qbuf_userptr(void)
{
	void *const ptrs[] = { user_memory };

	return try_qbuf(&cam, V4L2_MEMORY_USERPTR, 0, NULL, ptrs);
}

static void undo_qbuf_userptr(void)
{
	camera_reqbufs(&cam, V4L2_MEMORY_USERPTR, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_USERPTR, 2);
}

/* listings */

int read_all(const char *path)
{
	char text[512];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		len = read(fd, text, sizeof(text));
	} while (len > 0);
	return len < 0 ? -errno : 0;
}

/* Some of each kind, one of them imported. */
static void prepare_lists(void)
{
	struct drm_prime_handle prime = { 0 };

	prepare_adopted();
	prepare_prime_pages();
	prime.fd = dmabuf_fd;
	do_ioctl(drm_fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	prepare_export();
}

static int run_buffers(void)
{
	return read_all("/sys/kernel/debug/shrbuf/buffers");
}

static int run_sync_list(void)
{
	return read_all("/sys/kernel/debug/shrbuf/sync");
}

static int run_queues(void)
{
	return read_all("/sys/kernel/debug/shrbuf/queues");
}

static int run_fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dmabuf_fd);
	return read_all(path);
}

/* queues with fences */

static int run_configure(void)
{
	struct shrbuf_queue_config config = {
		.fd = cam.fd,
		.flags = SHRBUF_CONFIG_REFUSE | SHRBUF_CONFIG_FENCES,
		.fence_ms = SHRBUF_MAX_FENCE_MS,
	};

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
}

static int run_qbuf_fence(void)
{
	return try_qbuf(&cam, V4L2_MEMORY_MMAP, 0, NULL, NULL);
}

/*
 * Whether it was queued or not: the next one needs a new fence. If there was no memory to add
 * the fence to the buffer, the buffer keeps it for its next frame.
 */
static void undo_qbuf_fence(void)
{
	assert_int_equal(try_streamoff(&cam), 0);
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(run_qbuf_fence(), 0);
	assert_int_equal(try_streamoff(&cam), 0);
	assert_int_equal(try_streamon(&cam), 0);
}

/* The last fence of a buffer stays in its dma_resv, so that there is one from now on. */
static void prepare_fences(void)
{
	prepare_attached();
	assert_int_equal(run_configure(), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
	use_export();
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(run_qbuf_fence(), 0);
	undo_qbuf_fence();
}

struct step steps[] = {
	{ "open", NULL, run_open, NULL, { ENOMEM, EFAULT, ENFILE } },
	{ "version", NULL, run_version, NULL, { EFAULT } },
	{ "attach", prepare_camera, run_attach, undo_attach,
	  { ENOMEM, EFAULT } },
	{ "detach", prepare_attached, run_detach, undo_detach, { EFAULT } },
	{ "reqbufs vmalloc", prepare_attached, run_reqbufs, undo_reqbufs,
	  { ENOMEM, EFAULT } },
	{ "reqbufs contig", prepare_attached_multi, run_reqbufs, undo_reqbufs,
	  { ENOMEM, EFAULT } },
	{ "create_bufs vmalloc", prepare_attached, run_create_bufs,
	  undo_reqbufs, { ENOMEM, EFAULT } },
	{ "create_bufs contig", prepare_attached_multi, run_create_bufs,
	  undo_reqbufs, { ENOMEM, EFAULT } },
	{ "free bufs", prepare_bufs, run_free_bufs, undo_free_bufs,
	  { ENOMEM, EFAULT } },
	/* videobuf2 says EINVAL for whatever get_dmabuf() fails with */
	{ "expbuf vmalloc", prepare_bufs, run_expbuf, fresh_bufs,
	  { ENOMEM, EFAULT, EINVAL } },
	{ "expbuf contig", prepare_bufs_multi, run_expbuf, fresh_bufs_multi,
	  { ENOMEM, EFAULT, EINVAL } },
	{ "expbuf both modes", prepare_bufs, run_expbuf_modes,
	  fresh_bufs, { ENOMEM, EFAULT, EINVAL } },
	{ "stream", prepare_queued, run_stream, undo_stream,
	  { ENOMEM, EFAULT } },
	{ "mmap vmalloc", prepare_export, run_mmap, NULL, { ENOMEM } },
	{ "mmap pages", prepare_pages, run_mmap, NULL, { ENOMEM } },
	/* the pages come with the touch, which only tries again */
	{ "mmap debug", prepare_debug, run_mmap, NULL, { ENOMEM } },
	{ "mmap adopted", prepare_adopted, run_mmap, NULL, { ENOMEM } },
	{ "sync vmalloc", prepare_export, run_sync, NULL, { ENOMEM, EFAULT } },
	{ "sync pages", prepare_pages, run_sync, NULL, { ENOMEM, EFAULT } },
	{ "sync debug", prepare_debug, run_sync, NULL, { ENOMEM, EFAULT } },
	{ "prime vmalloc", prepare_prime_vmalloc, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime contig", prepare_prime_contig, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime pages", prepare_prime_pages, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime debug", prepare_prime_debug, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime adopted", prepare_prime_adopted, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	/* videobuf2's vmalloc says EFAULT if it cannot map an imported buffer */
	{ "v4l2 import pages", prepare_v4l2_pages, run_qbuf_dmabuf,
	  ready_dmabuf, { ENOMEM, EFAULT } },
	{ "v4l2 import pages, stock", prepare_v4l2_stock, run_qbuf_dmabuf,
	  ready_dmabuf, { ENOMEM, EFAULT } },
	/* videobuf2's contig says EINVAL */
	{ "v4l2 import contig", prepare_v4l2_contig, run_qbuf_dmabuf,
	  ready_dmabuf, { ENOMEM, EFAULT, EINVAL } },
	{ "v4l2 userptr", prepare_userptr, run_qbuf_userptr, undo_qbuf_userptr,
	  { ENOMEM, EFAULT } },
	{ "alloc", NULL, run_alloc, NULL, { ENOMEM, ENFILE, EFAULT } },
	{ "alloc device", prepare_camera, run_alloc_device, NULL,
	  { ENOMEM, ENFILE, EFAULT } },
	{ "alloc debug", NULL, run_alloc_debug, NULL, { ENOMEM, ENFILE, EFAULT } },
	/* the test device copies nothing, so there is no EFAULT */
	{ "adopt", prepare_foreign, run_adopt, NULL, { ENOMEM, ENFILE } },
	{ "adopt again", prepare_adopted_before, run_adopt, NULL,
	  { ENOMEM, ENFILE } },
	{ "buffers", prepare_lists, run_buffers, NULL, { ENOMEM, EFAULT } },
	{ "sync list", prepare_debug, run_sync_list, NULL, { ENOMEM, EFAULT } },
	{ "queues", prepare_lists, run_queues, NULL, { ENOMEM, EFAULT } },
	{ "fdinfo", prepare_export, run_fdinfo, NULL, { ENOMEM, EFAULT } },
	{ "configure", prepare_attached, run_configure, NULL, { EFAULT, ENOMEM } },
	{ "qbuf with a fence", prepare_fences, run_qbuf_fence, undo_qbuf_fence,
	  { ENOMEM, EFAULT } },
};

_Static_assert(ARRAY_SIZE(steps) == NR_STEPS, "NR_STEPS must be the number of steps");

/* SHRBUF_TEST_IMPORT allocates nothing, so it cannot fail for that. */
void import_needs_no_memory(void **state)
{
	int ret;

	(void)state;
	prepare_pages();
	nth_set(1);
	ret = run_import();
	assert_false(nth_end());
	assert_true(ret > 0);
	assert_int_equal(test_cleanup(NULL), 0);
	expect_no_buffers();
}
