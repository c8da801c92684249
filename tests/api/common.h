/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test programs share: files, cameras, displays, and system calls under a
 * rain of signals.
 *
 * foo() asserts that it worked, try_foo() returns 0 or a negative errno.
 *
 * Environment:
 *   TEST_SIGNALS=1   every system call made through try_ioctl() is interrupted by a
 *                    timer signal, ever later, until it gets through
 */
#ifndef _TESTS_API_COMMON_H
#define _TESTS_API_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/shrbuf.h>
#include <linux/videodev2.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* No real wait is as long, even under emulation with all checks of the kernel. */
#define TIMEOUT_MS	60000

/* File descriptors below are not of a test, those from here on are closed after it. */
#define FIRST_TEST_FD	32

/* A test, after which everything is closed and detached, also if it failed. */
#define API_TEST(f)	cmocka_unit_test_teardown(f, test_cleanup)
int test_cleanup(void **state);
/* For the end of a group: fails if TEST_SIGNALS=1 and no call was interrupted. */
int check_signals(void **state);

/* system calls */
/* the calling thread gets no signals, whatever TEST_SIGNALS says */
void thread_without_signals(void);
int try_ioctl(int fd, unsigned long request, void *arg);
void do_ioctl(int fd, unsigned long request, void *arg);
int do_open(const char *path, int flags);
void do_write(const char *path, const char *text);
int do_sync(int dmabuf_fd, uint64_t flags);

/* waits until cond(arg) is true, fails the test after TIMEOUT_MS */
void wait_for(bool (*cond)(void *arg), void *arg, const char *what);

/* shrbuf; these two stay open */
int shrbuf_dev(void);
int test_dev(void);
int try_attach(int video_fd);
int try_detach(int video_fd);
void attach(int video_fd);
void detach(int video_fd);
/* number of live buffers, -1 where there is no debugfs */
int buffers_alive(void);
/* waits until all buffers are gone */
void expect_no_buffers(void);
/* id of the buffer behind a file descriptor by the test device, or -errno */
int import_id(int fd);

/*
 * cameras: vivid makes device nodes in an order that depends on what else is there,
 * so they are found by what they say of themselves
 */
enum camera_kind {
	CAMERA_SINGLE,		/* vivid 0: single-planar, vmalloc */
	CAMERA_MULTI,		/* vivid 1: multi-planar, dma-contig */
	CAMERA_OUTPUT,		/* vivid 0's output */
	CAMERA_OUTPUT_MULTI,	/* vivid 1's output */
};

struct camera {
	int fd;
	enum v4l2_buf_type type;
	unsigned int nr_planes;
	struct v4l2_format fmt;
	unsigned int nr_bufs;
};

/* path of the node, static storage */
const char *camera_path(enum camera_kind kind);
void camera_open(struct camera *cam, enum camera_kind kind);
void camera_close(struct camera *cam);
/* size, and a format with two planes for a multi-planar one */
void camera_format(struct camera *cam, unsigned int width, unsigned int height);
int try_reqbufs(struct camera *cam, enum v4l2_memory memory, unsigned int count);
void camera_reqbufs(struct camera *cam, enum v4l2_memory memory,
		    unsigned int count);
/* open, attached, with buffers */
void camera_shared(struct camera *cam, enum camera_kind kind, unsigned int count);
/* without buffers, detached, closed */
void camera_done(struct camera *cam);
int try_expbuf(struct camera *cam, unsigned int index, unsigned int plane,
	       unsigned int flags);
int camera_expbuf(struct camera *cam, unsigned int index, unsigned int plane,
		  unsigned int flags);
size_t camera_plane_size(struct camera *cam, unsigned int plane);
/* maps a plane through the video device */
void *camera_mmap(struct camera *cam, unsigned int index, unsigned int plane);
/* for V4L2_MEMORY_DMABUF: one for each plane, for V4L2_MEMORY_USERPTR likewise */
int try_qbuf(struct camera *cam, enum v4l2_memory memory, unsigned int index,
	     const int *fds, void *const *userptrs);
void camera_qbuf(struct camera *cam, enum v4l2_memory memory,
		 unsigned int index);
/* index of a filled buffer, or -errno */
int try_dqbuf(struct camera *cam, enum v4l2_memory memory);
int try_streamon(struct camera *cam);
int try_streamoff(struct camera *cam);
/* capture of frames with the buffers that were requested */
void camera_run(struct camera *cam, unsigned int frames);

/*
 * The first video device of this driver that is not for metadata, or -1. Fails no test: it
 * may just be going.
 */
int video_open(const char *driver);

/* A buffer that stays until it is closed; @device is for SHRBUF_ALLOC_DEVICE, else 0. */
int try_alloc(size_t size, uint32_t flags, int device, const char *name);
int do_alloc(size_t size, uint32_t flags, int device, const char *name);

/* references of a module, -1 if it is not loaded */
int module_refs(const char *module);

/* displays */
/* file descriptor of the DRM device of this driver, or -1 */
int drm_open(const char *driver);

#endif /* _TESTS_API_COMMON_H */
