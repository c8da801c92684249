/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The requests of /dev/shrbuf as functions, and what tests of states and events share.
 * foo() asserts that it worked, try_foo() returns 0 or a negative errno.
 */
#ifndef _TESTS_API_REQUESTS_H
#define _TESTS_API_REQUESTS_H

#include "common.h"

/* Bit of an event in shrbuf_watch_op.events */
#define EVENT(name)	(1U << SHRBUF_EVENT_##name)
#define ALL_EVENTS	0

/* file descriptors; all of these are closed after the test */
/* moves it to where test_cleanup() finds it */
int high_fd(int fd);
/* the same for all file descriptors of a buffer */
unsigned long inode_of(int fd);
/* another open /dev/shrbuf */
int client_new(int flags);
/* SHRBUF_IOC_ALLOC; access is O_RDWR and so on */
int alloc_buffer(size_t size, int access);
/* a dma-buf of vgem, of about 64 KiB or as asked */
int vgem_buffer(int access);
int vgem_buffer_sized(size_t size, int access);
/*
 * A dma-buf of another exporter to capture into: of a DMA heap where there is one, as on the
 * debug kernel. There, a mapping of vgem makes lockdep give up, see known-reports.
 */
int foreign_buffer(size_t size);

/* state */
int try_info(int fd, struct shrbuf_info *info);
struct shrbuf_info get_info(int fd);
uint32_t state_of(int fd);
int try_set_frame(int client, int fd, struct shrbuf_frame *frame);
/* SHRBUF_IOC_SET_STATE with nothing but a state */
int try_set_state(int client, int fd, uint32_t state);
void set_state(int client, int fd, uint32_t state);
int try_set_format(int fd, uint32_t fourcc, uint32_t width, uint32_t height);
/* fails the test unless the buffer comes to that state */
void wait_for_state(int fd, uint32_t state);

/* watches and events */
int try_watch(int client, int fd, uint32_t flags, uint64_t cookie,
	      uint32_t events);
void watch(int client, int fd, uint32_t flags, uint64_t cookie, uint32_t events);
int try_unwatch(int client, int fd, uint32_t flags);
/* waits for the next event */
struct shrbuf_event next_event(int client);
/* waits for it, and fails unless it is of this type and cookie */
struct shrbuf_event expect_event(int client, uint32_t type, uint64_t cookie);
/* the same, and does not wait: it has to be there */
struct shrbuf_event expect_event_now(int client, uint32_t type, uint64_t cookie);
/* true if there is no event now */
bool no_event(int client);
/* reads and forgets all that is there */
void drain(int client);
/* from /proc/self/fdinfo, name without "shrbuf-" */
long fdinfo_number(int client, const char *name);

/* holds and adoption */
int try_hold(int client, int fd, uint64_t seq, struct shrbuf_frame *frame);
int try_release(int client, int fd);
/* file descriptor of the buffer, or -errno */
int try_adopt(int client, int fd, int access);
int adopt(int client, int fd, int access);
int try_disown(int client, int fd);
/* a child that holds the frame until kill_child() */
int start_holder(int fd);

/* cameras */
/* ms is for SHRBUF_CONFIG_WAIT or SHRBUF_CONFIG_FENCES, which exclude each other */
int try_configure(int video_fd, uint32_t flags, uint32_t ms);
/* a plane as a dma-buf, to read and write; closed after the test */
int export_plane(struct camera *cam, unsigned int index, unsigned int plane);
/* V4L2_MEMORY_MMAP */
int try_queue(struct camera *cam, unsigned int index);
int try_prepare(struct camera *cam, unsigned int index);
/* as try_dqbuf(), with all that V4L2 tells; planes may be NULL for single-planar */
int try_dqbuf_full(struct camera *cam, enum v4l2_memory memory,
		   struct v4l2_buffer *buf, struct v4l2_plane *planes);
void set_control(struct camera *cam, const char *name, int value);
/* vivid makes no more frames: buffers stay with the driver. Or makes them again. */
void camera_pause(struct camera *cam, bool pause);

/* takes the single-planar camera from its driver, and gives it back */
void camera_unbind(void);
void camera_bind(void);
/* waits until it is there again */
void camera_wait(void);
/* as test_cleanup(), for tests that unbind it */
int bind_and_cleanup(void **state);

/*
 * What the kernel frees after an RCU grace period is free by then, most likely: whoever
 * uses it still is caught. Nothing is wrong if it is not.
 */
void let_memory_go(void);

/* processes */
/* runs f(arg) in a child, returns its pid; f returns the status of the child */
int start_child(int (*f)(void *arg), void *arg);
/* fails the test unless the child ends with this status; -9: killed by signal 9 */
void end_child(int pid, int status);
void kill_child(int pid);

#endif /* _TESTS_API_REQUESTS_H */
