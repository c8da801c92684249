// SPDX-License-Identifier: GPL-2.0
/*
 * Every step of the interface with its n-th allocation, or its n-th copy from or to
 * user space, failing; for n = 1, 2, 3, ... until nothing is left to fail.
 *
 * A step either works, because the kernel got by without, or fails with one of the
 * errors listed for it. Then nothing may have leaked, and the same step without a fault
 * has to work: the failure has left nothing broken behind.
 *
 * EFAULT is in every list: a fault when the result is copied out comes after the work
 * was done. What the step has left then (V4L2 has made a file descriptor, or queued a
 * buffer) is undone as after success.
 *
 * Stock defects met, and how they are kept out of the sweep:
 *
 * - vb2_dc_get_dmabuf() has a WARN_ON() for a scatterlist that cannot be allocated. The
 *   list is made by the first export of a buffer and kept, so the contiguous camera's
 *   buffers are exported once, in another mode, before the sweep over their export.
 * - event_define_fields() has a WARN_ON(), too, when the trace events of a module are
 *   registered. The sweep over loading stays within our own part.
 * - untrack_pfn() of x86 has one for a mapping of contiguous memory of which
 *   remap_pfn_range() could not make the page tables. Mappings of the contiguous
 *   camera's buffers are left out: only the allocator's part differs from the others.
 * - dma_buf_vmap() has one for an exporter that cannot map, in place of an error alone.
 *   A second importer maps the buffer before the sweep over import by V4L2, and the
 *   exporters keep that mapping.
 * - DMA_API_DEBUG, see stress.h.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "stress.h"
#include "../kernel/shrbuf_testdev.h"

#define MAX_ERRORS	6
#define PAGE		4096
#define NR_PAGES	40	/* of the buffers that shrbuf allocates */
#define SMALL_PAGES	16	/* allocated in one run, enough for a small plane */
#define DUMB_SIZE	64	/* pixels in a row, and rows, of a display's buffer */

/* test_cleanup() closes all files from here on. What steps make is below. */
#define HIGH_FD		32

/**
 * struct step - one thing that can fail
 * @name: of the test
 * @prepare: what has to be there, asserts
 * @run: the step: a number that is not negative, or a negative errno
 * @undo: takes back what @run has done, whether it worked or not, asserts. Files and
 *	mappings that @run made are closed for it.
 * @errors: what @run may fail with, 0 ends the list
 */
struct step {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	void (*undo)(void);
	int errors[MAX_ERRORS];
};

/* What steps use. */
static struct camera cam;
static int dmabuf_fd;
static int drm_fd;
static void *mapping;
static size_t mapping_size;

/* what must be the same afterwards */

struct usage {
	int buffers;
	int shrbuf_refs;
	int vivid_refs;
	int fds;
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static struct usage usage_now(void)
{
	return (struct usage){
		.buffers = buffers_alive(),
		.shrbuf_refs = module_refs("shrbuf"),
		.vivid_refs = module_refs("vivid"),
		.fds = count_fds(),
	};
}

static bool usage_is(void *arg)
{
	struct usage now = usage_now();

	return !memcmp(&now, arg, sizeof(now));
}

static void expect_usage(struct usage *want, const char *when)
{
	struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	struct usage now;
	int i;

	for (i = 0; i < 1000 && !usage_is(want); i++)
		nanosleep(&nap, NULL);
	now = usage_now();
	if (!memcmp(&now, want, sizeof(now)))
		return;
	fail_msg("%s: %d buffers, %d and %d references, %d files; they were %d, %d, %d, %d",
		 when, now.buffers, now.shrbuf_refs, now.vivid_refs, now.fds,
		 want->buffers, want->shrbuf_refs, want->vivid_refs, want->fds);
}

/* A file that run() does not close. */
static int keep(int fd)
{
	int high;

	assert_true(fd >= 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	assert_true(high >= HIGH_FD);
	close(fd);
	return high;
}

/* the sweep */

static int first_fd;	/* run() gets files from here on */

static void undo(const struct step *step)
{
	if (mapping) {
		munmap(mapping, mapping_size);
		mapping = NULL;
	}
	close_range(first_fd, HIGH_FD - 1, 0);
	if (step->undo)
		step->undo();
}

static bool allowed(const struct step *step, int error)
{
	int i;

	for (i = 0; i < MAX_ERRORS && step->errors[i]; i++)
		if (step->errors[i] == error)
			return true;
	return false;
}

static void run_plain(const struct step *step, const char *when)
{
	int ret = step->run();

	if (ret < 0)
		fail_msg("%s: %s", when, strerror(-ret));
	undo(step);
}

static void sweep(void **state)
{
	const struct step *step = *state;
	unsigned int hits = 0, failures = 0, n;
	unsigned int errors[MAX_ERRORS] = { 0 };
	struct usage before;
	char when[64];
	bool hit;
	int ret, i;

	expect_no_dma_debug();
	shrbuf_dev();
	test_dev();
	if (step->prepare)
		step->prepare();
	first_fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
	assert_true(first_fd >= 0 && first_fd < HIGH_FD);
	close(first_fd);

	before = usage_now();
	/* Also fills caches, so that the sweep is over this step alone. */
	run_plain(step, "without a fault");
	expect_usage(&before, "without a fault");

	for (n = 1;; n++) {
		nth_set(n);
		ret = step->run();
		hit = nth_end();

		snprintf(when, sizeof(when), "after fault %u (%s)", n,
			 ret < 0 ? strerrorname_np(-ret) : "success");
		hits += hit;
		if (ret < 0) {
			if (!hit)
				fail_msg("fails without a fault, %s", when);
			if (!allowed(step, -ret))
				fail_msg("wrong error, %s", when);
			failures++;
			for (i = 0; i < MAX_ERRORS; i++)
				errors[i] += step->errors[i] == -ret;
		}
		undo(step);
		expect_usage(&before, when);
		if (ret < 0) {
			run_plain(step, when);
			expect_usage(&before, when);
		}
		if (!hit)
			break;
	}

	printf("# %s: %u faults, %u errors:", step->name, hits, failures);
	for (i = 0; i < MAX_ERRORS && step->errors[i]; i++)
		printf(" %u %s", errors[i], strerrorname_np(step->errors[i]));
	printf("\n");
	assert_true(hits > 0);

	assert_int_equal(test_cleanup(NULL), 0);
	expect_no_buffers();
}

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

/* See "stock defects" above. Read-only, so that read-write has yet to be made. */
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

/* A dma-buf that is not of shrbuf. */
static void prepare_foreign(void)
{
	int drm = keep(drm_open("vgem"));

	dmabuf_fd = dumb_buffer(drm);
	close(drm);
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

static int run_alloc(void)
{
	return try_ioctl(test_dev(), SHRBUF_TEST_ALLOC, (void *)NR_PAGES);
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

/* See "stock defects" above. */
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

static void *user_memory;

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

static int read_all(const char *path)
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

/* the module itself */

static char module_path[512];
static int module_file;

static void wait_gone(const char *name)
{
	int i, ret = 0;

	/* the last reference may just be on its way */
	for (i = 0; i < 100; i++) {
		ret = syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
		if (!ret || ret == -ENOENT)
			return;
		usleep(10000);
	}
	fail_msg("%s cannot be removed: %s", name, strerror(-ret));
}

static int run_load(void)
{
	return syscall(SYS_finit_module, module_file, "", 0) ? -errno : 0;
}

/*
 * Where was the last fault? Its stack is in the kernel log, unless the allocation asked
 * for silence, as those that kmemleak makes for each of the others do.
 */
enum fault_at { FAULT_UNKNOWN, FAULT_OUTSIDE, FAULT_INSIDE };

static enum fault_at fault_at(int kmsg)
{
	enum fault_at at = FAULT_UNKNOWN;
	char record[2048];
	ssize_t len;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;	/* records were lost, go on with the next */
		if (len <= 0)
			return at;
		record[len] = 0;
		if (strstr(record, "shrbuf_module_init"))
			at = FAULT_INSIDE;
		else if (at == FAULT_UNKNOWN && strstr(record, "FAULT_INJECTION"))
			at = FAULT_OUTSIDE;
	}
}

/* The module is there and whole, or it is not there at all. */
static void expect_loaded(int ret, unsigned int n)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	if (!ret) {
		if (fd < 0)
			fail_msg("loaded with fault %u, but /dev/shrbuf: %s", n,
				 strerror(errno));
		close(fd);
		wait_gone("shrbuf");
		return;
	}
	if (ret != -ENOMEM)
		fail_msg("loading with fault %u: %s", n, strerror(-ret));
	assert_int_equal(fd, -1);
	assert_int_equal(module_refs("shrbuf"), -1);
	assert_int_equal(access("/sys/kernel/debug/shrbuf", F_OK), -1);
}

/*
 * Most of loading is code of the kernel, which is not under test, and some of it warns
 * when memory is short. Our own part is the last one, so this sweep goes backwards from
 * the end, and stops soon before our part: how many allocations there are varies a
 * little from one time to the next.
 */
#define LOAD_MARGIN	8

static void sweep_load(void **state)
{
	unsigned int most = 1000000, n;
	unsigned int hits = 0, failures = 0, inside = 0, outside = 0;
	int files, kmsg, left, ret;
	FILE *pipe;

	(void)state;
	pipe = popen("modinfo -n shrbuf", "re");
	assert_non_null(pipe);
	assert_non_null(fgets(module_path, sizeof(module_path), pipe));
	pclose(pipe);
	module_path[strcspn(module_path, "\n")] = 0;
	module_file = keep(open(module_path, O_RDONLY | O_CLOEXEC));
	kmsg = keep(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

	wait_gone("shrbuf_testdev");
	wait_gone("shrbuf");
	files = count_fds();

	/* how many there are */
	nth_set(most);
	ret = run_load();
	left = nth_left();
	nth_set(0);
	assert_int_equal(ret, 0);
	wait_gone("shrbuf");

	nth_traces(true);
	for (n = most - left; n && outside < LOAD_MARGIN; n--) {
		enum fault_at at;

		lseek(kmsg, 0, SEEK_END);
		nth_set(n);
		ret = run_load();
		hits += nth_end();
		at = fault_at(kmsg);

		expect_loaded(ret, n);
		assert_int_equal(count_fds(), files);
		inside += at == FAULT_INSIDE;
		failures += ret != 0;
		if (at == FAULT_INSIDE)
			outside = 0;
		else if (at == FAULT_OUTSIDE && inside)
			outside++;
	}
	close(kmsg);
	close(module_file);
	ret = system("modprobe shrbuf && modprobe shrbuf_testdev");
	nth_traces(false);
	printf("# load: %u faults, at least %u of them in our part, %u errors\n",
	       hits, inside, failures);
	assert_true(inside > 0);
	assert_int_equal(ret, 0);
	assert_true(failures > 0);
}

static struct step steps[] = {
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
	{ "mmap adopted", prepare_adopted, run_mmap, NULL, { ENOMEM } },
	{ "sync vmalloc", prepare_export, run_sync, NULL, { ENOMEM, EFAULT } },
	{ "sync pages", prepare_pages, run_sync, NULL, { ENOMEM, EFAULT } },
	{ "prime vmalloc", prepare_prime_vmalloc, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime contig", prepare_prime_contig, run_prime, undo_prime,
	  { ENOMEM, EFAULT } },
	{ "prime pages", prepare_prime_pages, run_prime, undo_prime,
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
	/* the test device copies nothing, so there is no EFAULT */
	{ "alloc", NULL, run_alloc, NULL, { ENOMEM, ENFILE } },
	{ "adopt", prepare_foreign, run_adopt, NULL, { ENOMEM, ENFILE } },
	{ "adopt again", prepare_adopted_before, run_adopt, NULL,
	  { ENOMEM, ENFILE } },
	{ "buffers", prepare_lists, run_buffers, NULL, { ENOMEM, EFAULT } },
	{ "queues", prepare_lists, run_queues, NULL, { ENOMEM, EFAULT } },
	{ "fdinfo", prepare_export, run_fdinfo, NULL, { ENOMEM, EFAULT } },
};

/* SHRBUF_TEST_IMPORT allocates nothing, so it cannot fail for that. */
static void import_needs_no_memory(void **state)
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

static int close_all(void **state)
{
	nth_set(0);
	if (mapping) {
		munmap(mapping, mapping_size);
		mapping = NULL;
	}
	return test_cleanup(state);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(steps) + 2] = {
		{ .name = "load", .test_func = sweep_load },
		cmocka_unit_test(import_needs_no_memory),
	};
	unsigned int i;
	int status;

	if (!nth_open()) {
		printf("1..0 # SKIP the kernel has no fault injection (fail-nth)\n");
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		tests[i + 2] = (struct CMUnitTest){
			.name = steps[i].name,
			.test_func = sweep,
			.teardown_func = close_all,
			.initial_state = &steps[i],
		};
	status = cmocka_run_group_tests_name("fail-nth", tests, NULL, NULL);
	free(user_memory);
	return status;
}
