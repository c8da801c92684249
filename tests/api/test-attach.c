// SPDX-License-Identifier: GPL-2.0
/*
 * Attached queues: all memory types work as before, attach and detach in every
 * order with streaming, REQBUFS(0), close, unbind and module removal.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/module.h>
#include <linux/userfaultfd.h>

#include "requests.h"

#define DRIVER	"/sys/bus/platform/drivers/vivid/"

static const enum camera_kind kinds[] = { CAMERA_SINGLE, CAMERA_MULTI };

static void attach_is_for_all(void **state)
{
	struct camera cam, other;
	int fd;

	(void)state;
	/* the attachment stays when the file that made it is closed */
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	camera_close(&cam);

	camera_open(&other, CAMERA_SINGLE);
	assert_int_equal(try_attach(other.fd), -EALREADY);
	camera_reqbufs(&other, V4L2_MEMORY_MMAP, 2);
	fd = camera_expbuf(&other, 0, 0, O_RDWR);
	assert_true(import_id(fd) > 0);
	close(fd);
	camera_close(&other);
	expect_no_buffers();

	camera_open(&other, CAMERA_SINGLE);
	detach(other.fd);
	camera_close(&other);
}

static void mmap_streaming(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct camera cam;

		camera_shared(&cam, kinds[i], 4);
		assert_int_equal(buffers_alive(), 4 * cam.nr_planes);
		camera_run(&cam, 10);
		/* again with the same buffers */
		camera_run(&cam, 5);
		/* and with others */
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		assert_int_equal(buffers_alive(), 2 * cam.nr_planes);
		camera_run(&cam, 5);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		expect_no_buffers();
		detach(cam.fd);
		camera_close(&cam);
	}
}

static void create_bufs(void **state)
{
	struct v4l2_create_buffers create;
	struct camera cam;
	int fd;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 2);
	memset(&create, 0, sizeof(create));
	create.count = 2;
	create.memory = V4L2_MEMORY_MMAP;
	create.format = cam.fmt;
	do_ioctl(cam.fd, VIDIOC_CREATE_BUFS, &create);
	assert_int_equal(buffers_alive(), 2 + create.count);
	fd = camera_expbuf(&cam, create.index, 0, O_RDWR);
	assert_true(import_id(fd) > 0);
	close(fd);
	camera_done(&cam);
	expect_no_buffers();
}

/* Shared buffers of a camera as the memory of an output, both attached. */
static void dmabuf_streaming(void **state)
{
	static const enum camera_kind outputs[] = {
		CAMERA_OUTPUT, CAMERA_OUTPUT_MULTI,
	};
	unsigned int i, j, p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct camera from, to;
		int fds[3][VIDEO_MAX_PLANES];

		camera_open(&from, kinds[i]);
		camera_open(&to, outputs[i]);
		/*
		 * vivid does not tell the size of segments that it can take, so the
		 * DMA debugging of the kernel allows a contiguous plane 64 KiB.
		 */
		if (kinds[i] == CAMERA_MULTI)
			camera_format(&from, 320, 180);
		to.fmt = from.fmt;
		to.fmt.type = to.type;
		do_ioctl(to.fd, VIDIOC_S_FMT, &to.fmt);
		attach(from.fd);
		attach(to.fd);
		camera_reqbufs(&from, V4L2_MEMORY_MMAP, 3);
		camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 3);
		for (j = 0; j < 3; j++)
			for (p = 0; p < from.nr_planes; p++)
				fds[j][p] = camera_expbuf(&from, j, p, O_RDWR);
		camera_run(&from, 3);
		for (j = 0; j < 3; j++) {
			int ret = try_qbuf(&to, V4L2_MEMORY_DMABUF, j, fds[j],
					   NULL);

			if (ret)
				fail_msg("QBUF of a shared buffer: %s",
					 strerror(-ret));
		}
		assert_int_equal(try_streamon(&to), 0);
		for (j = 0; j < 2; j++)
			assert_true(try_dqbuf(&to, V4L2_MEMORY_DMABUF) >= 0);
		assert_int_equal(try_streamoff(&to), 0);
		camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 0);
		camera_reqbufs(&from, V4L2_MEMORY_MMAP, 0);
		assert_int_equal(buffers_alive(), 3 * from.nr_planes);
		for (j = 0; j < 3; j++)
			for (p = 0; p < from.nr_planes; p++)
				close(fds[j][p]);
		detach(from.fd);
		detach(to.fd);
		camera_close(&from);
		camera_close(&to);
		expect_no_buffers();
	}
}

static void userptr_streaming(void **state)
{
	void *memory[3][VIDEO_MAX_PLANES];
	struct camera cam;
	unsigned int i;
	int index;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_USERPTR, 3);
	for (i = 0; i < 3; i++) {
		size_t size = (camera_plane_size(&cam, 0) + 4095) & ~4095UL;

		memory[i][0] = aligned_alloc(4096, size);
		assert_non_null(memory[i][0]);
		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_USERPTR, i, NULL,
					  memory[i]), 0);
	}
	assert_int_equal(try_streamon(&cam), 0);
	for (i = 0; i < 5; i++) {
		index = try_dqbuf(&cam, V4L2_MEMORY_USERPTR);
		assert_true(index >= 0);
		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_USERPTR, index,
					  NULL, memory[index]), 0);
	}
	assert_int_equal(try_streamoff(&cam), 0);
	/* memory that is not there */
	{
		void *nowhere[1] = { (void *)4096 };

		assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_USERPTR, 0, NULL,
					  nowhere), -EFAULT);
	}
	camera_reqbufs(&cam, V4L2_MEMORY_USERPTR, 0);
	assert_int_equal(buffers_alive(), 0);
	for (i = 0; i < 3; i++)
		free(memory[i][0]);
	detach(cam.fd);
	camera_close(&cam);
}

static void dmabuf_wrong(void **state)
{
	struct camera cam;
	int null, fd;

	(void)state;
	null = do_open("/dev/null", O_RDWR);
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	fd = -1;
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL),
			 -EINVAL);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &null, NULL),
			 -EINVAL);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	detach(cam.fd);
	camera_close(&cam);
	close(null);
}

static void read_works(void **state)
{
	struct camera cam;
	ssize_t ret = -1;
	size_t size;
	char *buf;
	int tries;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	size = camera_plane_size(&cam, 0);
	buf = calloc(1, size);
	assert_non_null(buf);
	for (tries = 0; tries < 100 && ret < 0; tries++)
		ret = read(cam.fd, buf, size);
	assert_int_equal(ret, size);
	assert_int_equal(try_detach(cam.fd), -EBUSY);
	free(buf);
	camera_close(&cam);
	camera_open(&cam, CAMERA_SINGLE);
	detach(cam.fd);
	camera_close(&cam);
	expect_no_buffers();
}

/* Flags that tell whether somebody uses a buffer are those of the stock driver. */
static uint32_t buffer_flags(struct camera *cam)
{
	struct v4l2_buffer buf = {
		.type = cam->type, .memory = V4L2_MEMORY_MMAP,
	};

	do_ioctl(cam->fd, VIDIOC_QUERYBUF, &buf);
	return buf.flags;
}

static void flags_are_stock(void **state)
{
	uint32_t flags[2][4];
	struct camera cam;
	int attached, fd;
	void *p;

	(void)state;
	for (attached = 0; attached < 2; attached++) {
		camera_open(&cam, CAMERA_SINGLE);
		if (attached)
			attach(cam.fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		flags[attached][0] = buffer_flags(&cam);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		flags[attached][1] = buffer_flags(&cam);
		close(fd);
		flags[attached][2] = buffer_flags(&cam);
		p = camera_mmap(&cam, 0, 0);
		flags[attached][3] = buffer_flags(&cam);
		munmap(p, camera_plane_size(&cam, 0));
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		if (attached)
			detach(cam.fd);
		camera_close(&cam);
	}
	assert_memory_equal(flags[0], flags[1], sizeof(flags[0]));
	assert_true(flags[1][1] & V4L2_BUF_FLAG_MAPPED);
	assert_false(flags[1][2] & V4L2_BUF_FLAG_MAPPED);
}

/* Close while streaming: all is given back, a kept buffer keeps its picture. */
static void close_while_streaming(void **state)
{
	struct camera cam;
	unsigned char *p;
	size_t size;
	int fd, i;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 3);
	size = camera_plane_size(&cam, 0);
	fd = camera_expbuf(&cam, 0, 0, O_RDONLY);
	for (i = 0; i < 3; i++)
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_MMAP), 0);
	camera_close(&cam);
	assert_int_equal(buffers_alive(), 1);
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	assert_int_not_equal(memcmp(p, p + size / 2, size / 4) |
			     memcmp(p, p + 4, 4096), 0);
	munmap(p, size);
	close(fd);
	expect_no_buffers();
	camera_open(&cam, CAMERA_SINGLE);
	detach(cam.fd);
	camera_close(&cam);
}

/*
 * A signal while the request waits for the lock of the queue: EINTR, and nothing has
 * changed. Streaming off holds the lock until the driver's thread has ended.
 */
static bool stop_toggling;

static void *toggle_streaming(void *arg)
{
	struct camera *cam = arg;
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!__atomic_load_n(&stop_toggling, __ATOMIC_RELAXED)) {
		for (i = 0; i < 3; i++)
			try_qbuf(cam, V4L2_MEMORY_MMAP, i, NULL, NULL);
		try_streamon(cam);
		try_streamoff(cam);
	}
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interrupted(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;
	struct itimerval rain = { { 0, 3000 }, { 0, 3000 } }, dry = { 0 };
	static const unsigned long requests[] = {
		SHRBUF_IOC_ATTACH, SHRBUF_IOC_DETACH,
	};
	struct camera cam;
	pthread_t thread;
	unsigned int i;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 3);
	stop_toggling = false;
	assert_int_equal(pthread_create(&thread, NULL, toggle_streaming, &cam),
			 0);
	sigaction(SIGALRM, &sa, &old);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		struct shrbuf_queue_op op = { .fd = cam.fd };
		int tries = 200000, ret;

		setitimer(ITIMER_REAL, &rain, NULL);
		do {
			ret = ioctl(shrbuf_dev(), requests[i], &op) ? -errno : 0;
			/* the queue is attached and busy all the time */
			if (ret != -EINTR)
				assert_int_equal(ret, i ? -EBUSY : -EALREADY);
		} while (ret != -EINTR && --tries);
		setitimer(ITIMER_REAL, &dry, NULL);
		assert_true(tries);
	}
	sigaction(SIGALRM, &old, NULL);
	__atomic_store_n(&stop_toggling, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	camera_done(&cam);
	expect_no_buffers();
}

/* removal of the device */

struct refs {
	int shrbuf, vivid;
};

static struct refs refs_now(void)
{
	return (struct refs){ module_refs("shrbuf"), module_refs("vivid") };
}

static bool refs_are(void *arg)
{
	struct refs *want = arg, now = refs_now();

	return now.shrbuf == want->shrbuf && now.vivid == want->vivid;
}

/* What is open or streaming when the device goes. */
enum unbind_at {
	UNBIND_IDLE,		/* attached, nobody has it open */
	UNBIND_OPEN,		/* open, no buffers */
	UNBIND_BUFFERS,		/* buffers and an exported one */
	UNBIND_STREAMING,
	UNBIND_NR,
};

static void unbind_attached(void **state)
{
	struct refs before;
	int at;

	(void)state;
	shrbuf_dev();
	before = refs_now();
	for (at = 0; at < UNBIND_NR; at++) {
		struct camera cam;
		int fd = -1, i;

		camera_open(&cam, CAMERA_SINGLE);
		attach(cam.fd);
		if (at == UNBIND_IDLE)
			camera_close(&cam);
		if (at >= UNBIND_BUFFERS) {
			camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
			fd = camera_expbuf(&cam, 0, 0, O_RDWR);
		}
		if (at == UNBIND_STREAMING) {
			for (i = 0; i < 3; i++)
				camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
			assert_int_equal(try_streamon(&cam), 0);
			assert_true(try_dqbuf(&cam, V4L2_MEMORY_MMAP) >= 0);
		}

		camera_unbind();

		if (at != UNBIND_IDLE) {
			assert_int_equal(try_attach(cam.fd), -ENODEV);
			assert_int_equal(try_detach(cam.fd), -ENODEV);
			assert_int_equal(try_reqbufs(&cam, V4L2_MEMORY_MMAP, 1),
					 -ENODEV);
			camera_close(&cam);
		}
		if (fd >= 0) {
			assert_true(import_id(fd) > 0);
			assert_int_equal(buffers_alive(), 1);
			close(fd);
		}
		expect_no_buffers();
		wait_for(refs_are, &before, "references of the modules");

		camera_bind();
		/* a fresh device is not attached */
		camera_open(&cam, CAMERA_SINGLE);
		assert_int_equal(try_detach(cam.fd), -ENOTCONN);
		attach(cam.fd);
		detach(cam.fd);
		camera_close(&cam);
	}
}

static bool no_queue_listed(void *arg)
{
	FILE *file = fopen("/sys/kernel/debug/shrbuf/queues", "re");
	int lines = -1;		/* the headline */
	int c;

	(void)arg;
	if (!file)
		return false;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines == 0;
}

/* A read() of a picture into memory that is not there until we say so. */
struct reader {
	int fd;
	void *memory;
	size_t size;
	ssize_t ret;
};

static void no_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void *read_picture(void *arg)
{
	struct reader *reader = arg;

	no_signals();
	reader->ret = read(reader->fd, reader->memory, reader->size);
	return NULL;
}

static bool node_is_gone(void *arg)
{
	return access(arg, F_OK) != 0;
}

static void *unbind_in_thread(void *arg)
{
	int fd = open(DRIVER "unbind", O_WRONLY | O_CLOEXEC);

	no_signals();
	if (fd < 0 || write(fd, arg, strlen(arg)) < 0)
		abort();
	close(fd);
	return NULL;
}

/*
 * The device goes while a request holds the lock of its queue: read() copies the
 * picture under the lock, and waits there for a page that userfaultfd holds back.
 */
static void unbind_while_locked(void **state)
{
	static struct reader reader;	/* a failed test may leave the thread */
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	pthread_t reading, unbinding;
	struct pollfd pollfd;
	struct refs before;
	struct camera cam;
	char path[64];
	int uffd;

	(void)state;
	snprintf(path, sizeof(path), "%s", camera_path(CAMERA_SINGLE));
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0)
		skip();
	do_ioctl(uffd, UFFDIO_API, &api);
	shrbuf_dev();
	before = refs_now();
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	reader.fd = cam.fd;
	reader.size = camera_plane_size(&cam, 0);
	reader.memory = mmap(NULL, reader.size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(reader.memory != MAP_FAILED);
	reg.range.start = (unsigned long)reader.memory;
	reg.range.len = (reader.size + 4095) & ~4095UL;
	do_ioctl(uffd, UFFDIO_REGISTER, &reg);

	assert_int_equal(pthread_create(&reading, NULL, read_picture, &reader),
			 0);
	pollfd = (struct pollfd){ .fd = uffd, .events = POLLIN };
	assert_int_equal(poll(&pollfd, 1, TIMEOUT_MS), 1);
	/* it waits in the copy now */
	assert_int_equal(pthread_create(&unbinding, NULL, unbind_in_thread,
					"vivid.0"), 0);
	wait_for(node_is_gone, path, "the device node to go");
	/* the planes of the queue keep it */
	assert_false(no_queue_listed(NULL));
	assert_true(module_refs("shrbuf") > before.shrbuf);

	do_ioctl(uffd, UFFDIO_UNREGISTER, &reg.range);
	pthread_join(reading, NULL);
	pthread_join(unbinding, NULL);
	assert_int_equal(reader.ret, reader.size);
	assert_int_equal(try_attach(cam.fd), -ENODEV);
	camera_close(&cam);
	close(uffd);
	munmap(reader.memory, reader.size);
	expect_no_buffers();
	assert_true(no_queue_listed(NULL));
	wait_for(refs_are, &before, "references of the modules");

	camera_bind();
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	detach(cam.fd);
	camera_close(&cam);
}

static int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* An attachment holds shrbuf, and its end gives that back. */
static void module_is_held(void **state)
{
	struct camera cam;
	struct refs before;

	(void)state;
	shrbuf_dev();
	before = refs_now();
	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	camera_close(&cam);
	assert_true(module_refs("shrbuf") > before.shrbuf);
	assert_int_equal(module_refs("vivid"), before.vivid);
	assert_int_equal(remove_module("shrbuf"), -EAGAIN);
	camera_open(&cam, CAMERA_SINGLE);
	detach(cam.fd);
	camera_close(&cam);
	wait_for(refs_are, &before, "references of the modules");
}

static void load_vivid(void)
{
	assert_int_equal(system("modprobe vivid n_devs=2 multiplanar=1,2 allocators=0,1"),
			 0);
	camera_wait();
}

/* The driver goes while its camera is attached and a picture is still in use. */
static void driver_goes(void **state)
{
	unsigned char *p, first;
	struct camera cam;
	size_t size;
	int fd;

	(void)state;
	camera_shared(&cam, CAMERA_SINGLE, 3);
	size = camera_plane_size(&cam, 0);
	camera_run(&cam, 3);
	fd = camera_expbuf(&cam, 0, 0, O_RDONLY);
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	first = p[size / 2];
	camera_close(&cam);
	assert_int_equal(buffers_alive(), 1);
	assert_int_equal(remove_module("vivid"), 0);
	assert_int_equal(p[size / 2], first);
	munmap(p, size);
	assert_true(import_id(fd) > 0);
	close(fd);
	expect_no_buffers();
	load_vivid();
}

/* Memory that is given back through the device holds the driver. */
static void contiguous_holds_driver(void **state)
{
	struct camera cam;
	struct refs before;
	int fd;

	(void)state;
	shrbuf_dev();
	before = refs_now();
	camera_shared(&cam, CAMERA_MULTI, 2);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR);
	camera_done(&cam);
	assert_int_equal(buffers_alive(), 1);
	assert_int_equal(remove_module("vivid"), -EAGAIN);
	close(fd);
	expect_no_buffers();
	wait_for(refs_are, &before, "references of the modules");
	assert_int_equal(remove_module("vivid"), 0);
	load_vivid();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(attach_is_for_all),
		API_TEST(mmap_streaming),
		API_TEST(create_bufs),
		API_TEST(dmabuf_streaming),
		API_TEST(userptr_streaming),
		API_TEST(dmabuf_wrong),
		API_TEST(read_works),
		API_TEST(flags_are_stock),
		API_TEST(close_while_streaming),
		API_TEST(interrupted),
		API_TEST(module_is_held),
		API_TEST(driver_goes),
		API_TEST(contiguous_holds_driver),
		API_TEST(unbind_attached),
		API_TEST(unbind_while_locked),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL,
					   check_signals);
}
