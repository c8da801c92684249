// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of SHRBUF_ALLOC_DEBUG: a program that calls DMA_BUF_IOCTL_SYNC as it must sees
 * what devices see, one that does not sees something else, and is counted.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "common.h"
#include "shrbuf.h"
#include "../kernel/shrbuf_testdev.h"

#define PAGE		4096
#define NR_PAGES	3
#define SIZE		(NR_PAGES * PAGE)
#define TRACING		"/sys/kernel/tracing/"

#define START(access)	(DMA_BUF_SYNC_START | DMA_BUF_SYNC_##access)
#define END(access)	(DMA_BUF_SYNC_END | DMA_BUF_SYNC_##access)

/* A buffer, mapped, with what its listing says. */
struct buffer {
	int fd;
	unsigned char *p;
	unsigned int open, no_start, no_write, no_end, end_alone, end_differs;
};

static void buffer_open(struct buffer *buf, size_t size)
{
	memset(buf, 0, sizeof(*buf));
	buf->fd = do_alloc(size, SHRBUF_ALLOC_DEBUG, 0, "t");
	buf->p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf->fd, 0);
	assert_true(buf->p != MAP_FAILED);
}

/* Reads the counters: those of the only buffer of this kind. */
static void buffer_counts(struct buffer *buf)
{
	char line[256];
	FILE *list = fopen("/sys/kernel/debug/shrbuf/sync", "re");
	int fields;

	assert_non_null(list);
	assert_non_null(fgets(line, sizeof(line), list));
	assert_string_equal(line, "id\topen\tno-start\tno-write\tno-end\tend-alone\t"
				  "end-differs\tname\n");
	assert_non_null(fgets(line, sizeof(line), list));
	fclose(list);
	fields = sscanf(line, "%*u %u %u %u %u %u %u t", &buf->open,
			&buf->no_start, &buf->no_write, &buf->no_end,
			&buf->end_alone, &buf->end_differs);
	assert_int_equal(fields, 6);
}

static void expect_no_errors(struct buffer *buf)
{
	buffer_counts(buf);
	assert_int_equal(buf->no_start + buf->no_write + buf->no_end +
			 buf->end_alone + buf->end_differs, 0);
}

static void buffer_close(struct buffer *buf, size_t size)
{
	munmap(buf->p, size);
	close(buf->fd);
	expect_no_buffers();
}

static void sync_flags(struct buffer *buf, uint64_t flags)
{
	assert_int_equal(do_sync(buf->fd, flags), 0);
}

static void device_fill(struct buffer *buf, unsigned char c)
{
	assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_FILL,
				   (void *)SHRBUF_TEST_ARG(buf->fd, c)), 0);
}

/* First byte of a page as devices see it. */
static int device_byte(struct buffer *buf, unsigned int page)
{
	return try_ioctl(test_dev(), SHRBUF_TEST_PEEK,
			 (void *)SHRBUF_TEST_ARG(buf->fd, page));
}

/* A read that the compiler does not leave out. */
static int cpu_byte(struct buffer *buf, unsigned int page)
{
	return __atomic_load_n(&buf->p[page * PAGE], __ATOMIC_RELAXED);
}

static void correct_use(void **state)
{
	struct buffer buf;
	unsigned int round, i;

	(void)state;
	buffer_open(&buf, SIZE);
	for (round = 1; round < 4; round++) {
		sync_flags(&buf, START(WRITE));
		memset(buf.p, round, SIZE);
		sync_flags(&buf, END(WRITE));
		for (i = 0; i < NR_PAGES; i++)
			assert_int_equal(device_byte(&buf, i), round);

		device_fill(&buf, 0x10 + round);
		sync_flags(&buf, START(READ));
		for (i = 0; i < NR_PAGES; i++)
			assert_int_equal(cpu_byte(&buf, i), 0x10 + round);
		sync_flags(&buf, END(READ));

		sync_flags(&buf, START(RW));
		for (i = 0; i < NR_PAGES; i++)
			buf.p[i * PAGE]++;
		sync_flags(&buf, END(RW));
		for (i = 0; i < NR_PAGES; i++)
			assert_int_equal(device_byte(&buf, i), 0x11 + round);
	}
	expect_no_errors(&buf);
	assert_int_equal(buf.open, 0);
	buffer_close(&buf, SIZE);
}

/* Reading without START gives old content, once for each page that was not new. */
static void missing_start(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	device_fill(&buf, 1);
	assert_int_equal(cpu_byte(&buf, 0), 0);
	assert_int_equal(cpu_byte(&buf, 1), 0);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);
	sync_flags(&buf, START(READ));
	assert_int_equal(cpu_byte(&buf, 0), 1);
	sync_flags(&buf, END(READ));
	device_fill(&buf, 2);
	assert_int_equal(cpu_byte(&buf, 0), 1);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 2);
	assert_int_equal(buf.no_write, 0);
	buffer_close(&buf, SIZE);
}

/* What is written before START does not survive it. */
static void write_before_start(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	memset(buf.p, 7, SIZE);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);
	assert_int_equal(device_byte(&buf, 0), 0);
	sync_flags(&buf, START(RW));
	assert_int_equal(cpu_byte(&buf, 0), 0);
	sync_flags(&buf, END(RW));
	assert_int_equal(device_byte(&buf, 0), 0);
	buffer_close(&buf, SIZE);
}

static bool trace_has(const char *text)
{
	char line[512];
	FILE *trace = fopen(TRACING "trace", "re");
	bool found = false;

	assert_non_null(trace);
	while (!found && fgets(line, sizeof(line), trace))
		found = strstr(line, text);
	fclose(trace);
	return found;
}

static bool trace_has_no_end(void *arg)
{
	(void)arg;
	return trace_has("shrbuf_sync_missing: ") && trace_has("what=no-end name=t");
}

/* Devices see nothing of what was written without END; the last close notices it. */
static void missing_end(void **state)
{
	struct buffer buf;

	(void)state;
	close(do_open(TRACING "trace", O_WRONLY | O_TRUNC));
	do_write(TRACING "events/shrbuf/shrbuf_sync_missing/enable", "1");
	buffer_open(&buf, SIZE);
	sync_flags(&buf, START(WRITE));
	memset(buf.p, 9, SIZE);
	assert_int_equal(device_byte(&buf, 0), 0);
	expect_no_errors(&buf);
	assert_int_equal(buf.open, 1);
	assert_false(trace_has("what="));
	buffer_close(&buf, SIZE);
	wait_for(trace_has_no_end, NULL, "the trace event of the missing end");
	do_write(TRACING "events/shrbuf/shrbuf_sync_missing/enable", "0");
}

/* An access for reading does not give to devices what was written in it. */
static void write_when_reading(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	device_fill(&buf, 1);
	sync_flags(&buf, START(READ));
	assert_int_equal(cpu_byte(&buf, 0), 1);
	buffer_counts(&buf);
	assert_int_equal(buf.no_write, 0);
	buf.p[0] = 2;
	buf.p[PAGE] = 2;
	buffer_counts(&buf);
	assert_int_equal(buf.no_write, 1);
	sync_flags(&buf, END(READ));
	assert_int_equal(device_byte(&buf, 0), 1);
	sync_flags(&buf, START(READ));
	assert_int_equal(cpu_byte(&buf, 0), 1);
	sync_flags(&buf, END(READ));
	buffer_close(&buf, SIZE);
}

/*
 * An access for writing shows old content to those who read in it. What was not written
 * to stays as devices have it, other pages as well as the rest of the same page.
 */
static void read_when_writing(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	device_fill(&buf, 1);
	sync_flags(&buf, START(WRITE));
	assert_int_equal(cpu_byte(&buf, 0), 0);
	buf.p[PAGE + 100] = 2;
	sync_flags(&buf, END(WRITE));
	expect_no_errors(&buf);
	assert_int_equal(device_byte(&buf, 0), 1);
	assert_int_equal(device_byte(&buf, 1), 1);
	assert_int_equal(device_byte(&buf, 2), 1);
	sync_flags(&buf, START(READ));
	assert_int_equal(buf.p[PAGE + 99], 1);
	assert_int_equal(buf.p[PAGE + 100], 2);
	sync_flags(&buf, END(READ));
	buffer_close(&buf, SIZE);
}

static void unbalanced(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	sync_flags(&buf, END(READ));
	buffer_counts(&buf);
	assert_int_equal(buf.end_alone, 1);
	sync_flags(&buf, START(RW));
	sync_flags(&buf, END(WRITE));
	buffer_counts(&buf);
	assert_int_equal(buf.end_differs, 1);
	assert_int_equal(buf.open, 0);
	sync_flags(&buf, END(RW));
	buffer_counts(&buf);
	assert_int_equal(buf.end_alone, 2);
	assert_int_equal(buf.end_differs, 1);
	assert_int_equal(buf.no_start, 0);
	buffer_close(&buf, SIZE);
}

/* Two at work at the same time, on different pages, lose nothing. */
static void two_accesses(void **state)
{
	struct buffer buf;

	(void)state;
	buffer_open(&buf, SIZE);
	sync_flags(&buf, START(RW));
	buf.p[0] = 1;
	sync_flags(&buf, START(RW));
	assert_int_equal(cpu_byte(&buf, 0), 1);
	buf.p[PAGE] = 2;
	sync_flags(&buf, END(RW));
	buf.p[2 * PAGE] = 3;
	sync_flags(&buf, END(RW));
	expect_no_errors(&buf);
	assert_int_equal(device_byte(&buf, 0), 1);
	assert_int_equal(device_byte(&buf, 1), 2);
	assert_int_equal(device_byte(&buf, 2), 3);
	buffer_close(&buf, SIZE);
}

/* Every mapping counts: of another process, of another dma-buf, a part of one. */
static void all_mappings(void **state)
{
	struct buffer buf;
	unsigned char *moved;
	int status, pid;

	(void)state;
	buffer_open(&buf, SIZE);
	sync_flags(&buf, START(RW));
	memset(buf.p, 1, SIZE);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		bool ok = buf.p[0] == 1;

		buf.p[PAGE] = 2;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	sync_flags(&buf, END(RW));
	expect_no_errors(&buf);
	assert_int_equal(device_byte(&buf, 1), 2);

	/* the child inherits no open door: the parent has closed it meanwhile */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(buf.p[2 * PAGE] == 1 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);

	/* a hole, and a part that moves */
	sync_flags(&buf, START(READ));
	sync_flags(&buf, END(READ));
	assert_int_equal(munmap(buf.p + PAGE, PAGE), 0);
	moved = mremap(buf.p + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       buf.p + PAGE);
	assert_true(moved == buf.p + PAGE);
	assert_int_equal(__atomic_load_n(moved, __ATOMIC_RELAXED), 1);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 2);
	buffer_close(&buf, SIZE);
}

/* Only the program's own touch is an error. */
static void no_false_alarm(void **state)
{
	struct buffer buf;
	void *p;

	(void)state;
	buffer_open(&buf, SIZE);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		 buf.fd, 0);
	assert_true(p != MAP_FAILED);
	mlock(buf.p, SIZE);
	madvise(buf.p, SIZE, MADV_WILLNEED);
	expect_no_errors(&buf);
	assert_true(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, buf.fd, 0) ==
		    MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	munmap(p, SIZE);
	buffer_close(&buf, SIZE);
}

static bool is_picture(const unsigned char *p, size_t size)
{
	size_t i;

	for (i = 1; i < size; i++)
		if (p[i] != p[0])
			return true;
	return false;
}

/* A camera writes by the CPU, through dma_buf_vmap(): that is the device. */
static void capture(void **state)
{
	struct buffer buf;
	struct camera cam;
	size_t size;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_format(&cam, 320, 180);
	size = camera_plane_size(&cam, 0);
	buffer_open(&buf, size);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, 0, &buf.fd, NULL), 0);
	assert_int_equal(try_streamon(&cam), 0);
	assert_int_equal(try_dqbuf(&cam, V4L2_MEMORY_DMABUF), 0);
	assert_int_equal(try_streamoff(&cam), 0);
	expect_no_errors(&buf);

	assert_false(is_picture(buf.p, size));
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);
	sync_flags(&buf, START(READ));
	assert_true(is_picture(buf.p, size));
	sync_flags(&buf, END(READ));
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);
	camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, 0);
	camera_close(&cam);
	buffer_close(&buf, size);
}

/* The scopes of libshrbuf: the same as by hand, and they end by themselves. */
static void library_scopes(void **state)
{
	struct buffer buf;
	struct shrbuf_map map;
	unsigned int i;

	(void)state;
	buffer_open(&buf, SIZE);
	{
		SHRBUF_SCOPED_MAP(writer, buf.fd, SHRBUF_MAP_WRITE);

		assert_non_null(writer.addr);
		assert_int_equal(writer.size, SIZE);
		memset(writer.addr, 3, SIZE);
		assert_int_equal(device_byte(&buf, 0), 0);
	}
	assert_int_equal(device_byte(&buf, 0), 3);

	assert_int_equal(shrbuf_map(buf.fd, 0, SHRBUF_MAP_READ | SHRBUF_MAP_IDLE,
				    &map), 0);
	for (i = 4; i < 7; i++) {
		device_fill(&buf, i);
		{
			SHRBUF_SCOPED_ACCESS(access, &map);

			assert_ptr_equal(access.map, &map);
			assert_int_equal(((unsigned char *)map.addr)[PAGE], i);
		}
	}
	expect_no_errors(&buf);
	assert_int_equal(buf.open, 0);
	/* without an access it is old, and counted */
	device_fill(&buf, 9);
	assert_int_equal(__atomic_load_n((unsigned char *)map.addr + PAGE,
					 __ATOMIC_RELAXED), 6);
	buffer_counts(&buf);
	assert_int_equal(buf.no_start, 1);
	assert_int_equal(shrbuf_unmap(&map), 0);

	/* what is not a dma-buf */
	assert_int_equal(shrbuf_map(shrbuf_dev(), 0, SHRBUF_MAP_READ, &map), -ENOTTY);
	buffer_close(&buf, SIZE);
}

/* displays: the checksum of what a virtual one scans out */

struct display {
	int drm;
	uint32_t crtc, fb, handle;
	int crc;
	drmModeModeInfo mode;
};

static bool display_open(struct display *d)
{
	drmModeConnector *connector;
	drmModeRes *res;

	d->drm = drm_open("vkms");
	if (d->drm < 0)
		return false;
	res = drmModeGetResources(d->drm);
	assert_non_null(res);
	connector = drmModeGetConnector(d->drm, res->connectors[0]);
	assert_non_null(connector);
	assert_true(connector->count_modes > 0);
	d->crtc = res->crtcs[0];
	d->mode = connector->modes[connector->count_modes - 1];
	drmModeFreeConnector(connector);
	drmModeFreeResources(res);
	return true;
}

static size_t display_size(const struct display *d)
{
	return d->mode.hdisplay * 4UL * d->mode.vdisplay;
}

static void display_show(struct display *d, int dmabuf_fd)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { d->mode.hdisplay * 4 };
	uint32_t offsets[4] = { 0 };
	drmModeRes *res = drmModeGetResources(d->drm);

	assert_int_equal(drmPrimeFDToHandle(d->drm, dmabuf_fd, &d->handle), 0);
	handles[0] = d->handle;
	assert_int_equal(drmModeAddFB2(d->drm, d->mode.hdisplay, d->mode.vdisplay,
				       0x34325258 /* XR24 */, handles, pitches,
				       offsets, &d->fb, 0), 0);
	assert_int_equal(drmModeSetCrtc(d->drm, d->crtc, d->fb, 0, 0,
					res->connectors, 1, &d->mode), 0);
	drmModeFreeResources(res);
}

static void display_close(struct display *d)
{
	drmModeSetCrtc(d->drm, d->crtc, 0, 0, 0, NULL, 0, NULL);
	drmModeRmFB(d->drm, d->fb);
	drmCloseBufferHandle(d->drm, d->handle);
	close(d->drm);
}

static void crc_path(struct display *d, char *path, size_t len, const char *name)
{
	char target[64];
	int minor;

	snprintf(target, sizeof(target), "/proc/self/fd/%d", d->drm);
	minor = readlink(target, path, len - 1);
	assert_true(minor > 0);
	path[minor] = 0;
	minor = atoi(path + strcspn(path, "0123456789"));
	snprintf(path, len, "/sys/kernel/debug/dri/%d/crtc-0/crc/%s", minor, name);
}

/* Waits for a frame that began after this was called, gives its checksum. */
static uint32_t display_crc(struct display *d)
{
	char path[128], line[256];
	unsigned int frame, crc, i;
	int fd, fields;
	ssize_t len;

	crc_path(d, path, sizeof(path), "control");
	do_write(path, "auto");
	crc_path(d, path, sizeof(path), "data");
	fd = do_open(path, O_RDONLY);
	/* the first ones may be of a picture that was composed before */
	for (i = 0; i < 3; i++) {
		do {
			len = read(fd, line, sizeof(line) - 1);
		} while (len < 0 && errno == EINTR);
		assert_true(len > 0);
		line[len] = 0;
	}
	close(fd);
	fields = sscanf(line, "0x%x 0x%x", &frame, &crc);
	assert_int_equal(fields, 2);
	return crc;
}

/* A display shows what the CPU wrote when the access has ended, and not before. */
static void scan_out(void **state)
{
	struct display d = { 0 };
	uint32_t black, before, after;
	struct buffer buf;
	size_t size;

	(void)state;
	if (!display_open(&d))
		skip();
	size = display_size(&d);
	buffer_open(&buf, size);
	display_show(&d, buf.fd);
	black = display_crc(&d);
	sync_flags(&buf, START(WRITE));
	memset(buf.p, 0x7f, size);
	before = display_crc(&d);
	sync_flags(&buf, END(WRITE));
	after = display_crc(&d);
	assert_int_equal(black, before);
	assert_int_not_equal(before, after);
	expect_no_errors(&buf);
	display_close(&d);
	buffer_close(&buf, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(correct_use),
		API_TEST(missing_start),
		API_TEST(write_before_start),
		API_TEST(missing_end),
		API_TEST(write_when_reading),
		API_TEST(read_when_writing),
		API_TEST(unbalanced),
		API_TEST(two_accesses),
		API_TEST(all_mappings),
		API_TEST(no_false_alarm),
		API_TEST(library_scopes),
		API_TEST(capture),
		API_TEST(scan_out),
	};

	return cmocka_run_group_tests_name("coherency", tests, NULL, NULL);
}
