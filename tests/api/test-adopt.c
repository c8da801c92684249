// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of other exporters as shared buffers.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <xf86drm.h>

#include "requests.h"

#define SIZE	65536

/* dma-bufs of other exporters: a file descriptor, or -1 where there is no such thing */

static int from_vgem(void)
{
	return vgem_buffer(O_RDWR);
}

static int from_camera(enum camera_kind kind)
{
	struct camera cam;
	int fd;

	camera_open(&cam, kind);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	fd = high_fd(camera_expbuf(&cam, 0, 0, O_RDWR));
	camera_close(&cam);
	return fd;
}

static int from_vmalloc_camera(void)
{
	return from_camera(CAMERA_SINGLE);
}

static int from_contig_camera(void)
{
	return from_camera(CAMERA_MULTI);
}

static int from_udmabuf(void)
{
	struct udmabuf_create create = { .size = SIZE };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd;

	if (dev < 0)
		return -1;
	create.memfd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_int_equal(ftruncate(create.memfd, SIZE), 0);
	assert_int_equal(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	close(create.memfd);
	close(dev);
	return high_fd(fd);
}

static int from_heap(void)
{
	struct dma_heap_allocation_data data = {
		.len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (dev < 0)
		return -1;
	do_ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data);
	close(dev);
	return high_fd(data.fd);
}

static const struct {
	const char *name;
	int (*make)(void);
	bool always;		/* every kernel of ours has it */
} exporters[] = {
	{ "vgem", from_vgem, true },
	{ "vmalloc camera", from_vmalloc_camera, true },
	{ "contiguous camera", from_contig_camera, true },
	{ "udmabuf", from_udmabuf, false },
	{ "dma-heap", from_heap, false },
};

static void every_exporter(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(exporters); i++) {
		int client = client_new(0), foreign, fd, again;
		struct shrbuf_info info;
		uint32_t *p, *q;

		foreign = exporters[i].make();
		if (foreign < 0 && !exporters[i].always) {
			print_message("# there is no %s\n", exporters[i].name);
			close(client);
			continue;
		}
		/* as it is, it is not ours */
		assert_int_equal(try_info(foreign, &info), -EINVAL);
		fd = adopt(client, foreign, O_RDWR);
		info = get_info(fd);
		assert_int_equal(info.status, SHRBUF_STATUS_ADOPTED);
		assert_string_equal((char *)info.backing, "dma-buf");
		assert_true(info.name[0]);
		assert_int_equal(info.size, lseek(foreign, 0, SEEK_END));
		assert_int_equal(info.frame.state, SHRBUF_STATE_EMPTY);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		/* the same memory */
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, foreign,
			 0);
		q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_true(p != MAP_FAILED && q != MAP_FAILED);
		*p = 0x12345678;
		assert_int_equal(*q, 0x12345678);
		/* again, it is the same buffer; also by itself */
		again = adopt(client, foreign, O_RDWR);
		assert_int_equal(inode_of(again), inode_of(fd));
		close(again);
		again = adopt(client, fd, O_RDWR);
		assert_int_equal(inode_of(again), inode_of(fd));
		assert_int_equal(get_info(again).id, info.id);
		assert_int_equal(fdinfo_number(client, "adopted"), 1);
		assert_int_equal(buffers_alive(), 1);
		/* it has a state */
		set_state(client, again, SHRBUF_STATE_FILLED);
		assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_FILLED);
		/* the exporter's may go, the memory stays */
		close(foreign);
		munmap(p, 4096);
		assert_int_equal(*q, 0x12345678);
		munmap(q, 4096);
		close(fd);
		assert_int_equal(buffers_alive(), 1);
		assert_int_equal(try_disown(client, again), 0);
		assert_int_equal(try_disown(client, again), -ENOENT);
		assert_int_equal(buffers_alive(), 1);
		close(again);
		expect_no_buffers();
		close(client);
	}
}

/* As long as one file has adopted it, who adopts it finds it and what is known of it. */
static void kept_by_client(void **state)
{
	int one = client_new(0), two = client_new(0);
	int foreign = vgem_buffer(O_RDWR), fd;
	ino_t first;
	uint32_t id;

	(void)state;
	fd = adopt(one, foreign, O_RDWR);
	first = inode_of(fd);
	id = get_info(fd).id;
	set_state(one, fd, SHRBUF_STATE_FILLED);
	close(fd);
	assert_int_equal(buffers_alive(), 1);
	fd = adopt(two, foreign, O_RDWR);
	assert_int_equal(inode_of(fd), first);
	assert_int_equal(get_info(fd).id, id);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_FILLED);
	close(fd);
	/* each has its own share */
	close(one);
	fd = adopt(two, foreign, O_RDWR);
	assert_int_equal(get_info(fd).id, id);
	close(fd);
	close(two);
	expect_no_buffers();
	/* a new one, which knows nothing of the old one */
	fd = adopt(shrbuf_dev(), foreign, O_RDWR);
	assert_int_not_equal(get_info(fd).id, id);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_EMPTY);
	assert_int_equal(try_disown(shrbuf_dev(), fd), 0);
	close(fd);
	close(foreign);
	expect_no_buffers();
}

struct other {
	int foreign;
	ino_t inode;
};

static int adopt_elsewhere(void *arg)
{
	struct other *other = arg;
	struct shrbuf_adopt_op op = {
		.fd = other->foreign, .fd_flags = O_RDWR,
	};
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (try_ioctl(client, SHRBUF_IOC_ADOPT, &op))
		return 1;
	if (fstat(op.buffer_fd, &st) || st.st_ino != other->inode)
		return 2;
	if (try_set_state(client, op.buffer_fd, SHRBUF_STATE_ERROR))
		return 3;
	return 0;
}

static void two_processes(void **state)
{
	struct other other = { .foreign = vgem_buffer(O_RDWR) };
	int fd = adopt(shrbuf_dev(), other.foreign, O_RDWR);

	(void)state;
	other.inode = inode_of(fd);
	end_child(start_child(adopt_elsewhere, &other), 0);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_ERROR);
	assert_int_equal(try_disown(shrbuf_dev(), fd), 0);
	close(fd);
	close(other.foreign);
	expect_no_buffers();
}

/* Nobody gets more than he has. */
static void access_modes(void **state)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int client = client_new(0);
	unsigned int own, have, want;

	(void)state;
	for (own = 0; own < 2; own++) {
		for (have = 0; have < 3; have++) {
			int fd;

			/* vgem knows no write-only buffers */
			if (!own && modes[have] == O_WRONLY)
				continue;
			fd = own ? alloc_buffer(SIZE, modes[have]) :
				   vgem_buffer(modes[have]);
			for (want = 0; want < 3; want++) {
				bool ok = modes[have] == O_RDWR || have == want;
				int got = try_adopt(client, fd, modes[want]);

				if (!ok) {
					assert_int_equal(got, -EACCES);
					continue;
				}
				assert_true(got >= 0);
				assert_int_equal(fcntl(got, F_GETFL) & O_ACCMODE,
						 modes[want]);
				assert_int_equal(try_disown(client, got), 0);
				close(got);
			}
			assert_int_equal(fdinfo_number(client, "adopted"), 0);
			close(fd);
			expect_no_buffers();
		}
	}
}

/* The file descriptor becomes another one while it is adopted. */

#define LOOPS	3000

struct swap {
	int fd, writable, read_only;
	bool stop;
};

static void *swap_fd(void *arg)
{
	struct swap *swap = arg;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED)) {
		dup3(swap->read_only, swap->fd, O_CLOEXEC);
		dup3(swap->writable, swap->fd, O_CLOEXEC);
	}
	return NULL;
}

static void access_is_of_one_file(void **state)
{
	struct swap swap = {
		.writable = alloc_buffer(4096, O_RDWR),
		.read_only = alloc_buffer(4096, O_RDONLY),
	};
	uint32_t id = get_info(swap.writable).id;
	int client = client_new(0), refused = 0, i;
	pthread_t thread;

	(void)state;
	swap.fd = high_fd(dup(swap.writable));
	assert_int_equal(pthread_create(&thread, NULL, swap_fd, &swap), 0);
	for (i = 0; i < LOOPS; i++) {
		int fd = try_adopt(client, swap.fd, O_RDWR);

		refused += fd < 0;
		if (fd < 0) {
			assert_int_equal(fd, -EACCES);
			continue;
		}
		/* only what was open for writing */
		assert_int_equal(get_info(fd).id, id);
		close(fd);
	}
	__atomic_store_n(&swap.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	print_message("# %d of %d were refused\n", refused, LOOPS);
}

/* A request that fails adopts nothing. */
static void failed_is_undone(void **state)
{
	int client = client_new(0), foreign = vgem_buffer(O_RDWR), ret;
	struct shrbuf_adopt_op *op;
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ret = try_adopt(client, foreign, O_RDWR);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(fdinfo_number(client, "adopted"), 0);
	expect_no_buffers();

	op = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(op != MAP_FAILED);
	op->fd = foreign;
	op->fd_flags = O_RDWR;
	assert_int_equal(mprotect(op, 4096, PROT_READ), 0);
	assert_int_equal(try_ioctl(client, SHRBUF_IOC_ADOPT, op), -EFAULT);
	munmap(op, 4096);
	assert_int_equal(fdinfo_number(client, "adopted"), 0);
	expect_no_buffers();
}

/* A display takes the adopted buffer, under one name with the buffer itself. */
static void on_a_display(void **state)
{
	int client = client_new(0), foreign = vgem_buffer(O_RDWR), fd, drm;
	uint32_t a, b;

	(void)state;
	drm = drm_open("vkms");
	if (drm < 0)
		skip();
	fd = adopt(client, foreign, O_RDWR);
	assert_int_equal(drmPrimeFDToHandle(drm, fd, &a), 0);
	close(fd);
	fd = adopt(client, foreign, O_RDWR);
	assert_int_equal(drmPrimeFDToHandle(drm, fd, &b), 0);
	assert_int_equal(a, b);
	close(fd);
	close(foreign);
	close(client);
	/* the display has it */
	assert_int_equal(buffers_alive(), 1);
	assert_int_equal(drmPrimeHandleToFD(drm, a, DRM_CLOEXEC, &fd), 0);
	fd = high_fd(fd);
	assert_int_equal(get_info(fd).status, SHRBUF_STATUS_ADOPTED);
	close(fd);
	assert_int_equal(drmCloseBufferHandle(drm, a), 0);
	close(drm);
	expect_no_buffers();
}

/* The one who watches, holds, fills and owns: each ends on its own. */
static void all_at_once(void **state)
{
	int client = client_new(0), foreign = vgem_buffer(O_RDWR);
	int fd = adopt(client, foreign, O_RDWR);

	(void)state;
	watch(client, fd, 0, 1, ALL_EVENTS);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	close(foreign);
	assert_int_equal(try_disown(client, fd), 0);
	assert_int_equal(get_info(fd).holds, 1);
	assert_int_equal(try_unwatch(client, fd, 0), 0);
	assert_int_equal(get_info(fd).holds, 1);
	assert_int_equal(try_release(client, fd), 0);
	set_state(client, fd, SHRBUF_STATE_FILLING);
	/* owned, watched and being filled when the client goes */
	close(adopt(client, fd, O_RDONLY));
	watch(client, fd, 0, 1, ALL_EVENTS);
	watch(shrbuf_dev(), fd, 0, 2, EVENT(ERROR));
	close(client);
	expect_event(shrbuf_dev(), SHRBUF_EVENT_ERROR, 2);
	close(fd);
	expect_event(shrbuf_dev(), SHRBUF_EVENT_GONE, 2);
	/* a client that owns, watches and holds the last of a buffer */
	client = client_new(0);
	fd = alloc_buffer(SIZE, O_RDWR);
	close(adopt(client, fd, O_RDWR));
	set_state(client, fd, SHRBUF_STATE_FILLED);
	watch(client, fd, 0, 3, ALL_EVENTS);
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	close(fd);
	assert_true(no_event(client));
	assert_int_equal(buffers_alive(), 1);
	close(client);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(every_exporter),
		API_TEST(kept_by_client),
		API_TEST(two_processes),
		API_TEST(access_modes),
		API_TEST(access_is_of_one_file),
		API_TEST(failed_is_undone),
		API_TEST(on_a_display),
		API_TEST(all_at_once),
	};

	return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
