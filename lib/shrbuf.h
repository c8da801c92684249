/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libshrbuf: the requests of /dev/shrbuf as functions.
 */
#ifndef _SHRBUF_SHRBUF_H
#define _SHRBUF_SHRBUF_H

#include <linux/shrbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: rules for all functions
 *
 * All functions may be called from several threads at the same time. The library
 * keeps no state: there is nothing to initialise, and nothing to free but file
 * descriptors.
 *
 * Functions that can fail return a negative error number and do not set errno.
 * shrbuf_explain() makes a sentence of it. A request that a signal interrupted is
 * restarted, so no function returns -EINTR.
 *
 * File descriptors belong to the caller before and after each call: the library
 * closes none, and keeps none.
 */

/**
 * enum shrbuf_request - what failed, for shrbuf_explain()
 * @SHRBUF_REQUEST_OPEN: shrbuf_open()
 * @SHRBUF_REQUEST_GET_VERSION: shrbuf_get_version()
 * @SHRBUF_REQUEST_ATTACH_QUEUE: shrbuf_attach_queue()
 * @SHRBUF_REQUEST_DETACH_QUEUE: shrbuf_detach_queue()
 * @SHRBUF_REQUEST_ALLOC: shrbuf_alloc()
 * @SHRBUF_REQUEST_CONFIGURE_QUEUE: shrbuf_configure_queue()
 * @SHRBUF_REQUEST_TEST_QUEUE: shrbuf_test_queue()
 */
enum shrbuf_request {
	SHRBUF_REQUEST_OPEN,
	SHRBUF_REQUEST_GET_VERSION,
	SHRBUF_REQUEST_ATTACH_QUEUE,
	SHRBUF_REQUEST_DETACH_QUEUE,
	SHRBUF_REQUEST_ALLOC,
	SHRBUF_REQUEST_CONFIGURE_QUEUE,
	SHRBUF_REQUEST_TEST_QUEUE
};

/**
 * shrbuf_open - open /dev/shrbuf
 *
 * The file descriptor is for reading and writing and is closed on exec. The caller
 * owns it and gives it to close().
 *
 * Return: a file descriptor, or
 *
 * - -ENOENT, -ENODEV or -ENXIO: the module is not loaded
 * - -EACCES or -EPERM: the caller may not use the device
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -ENOMEM: out of memory
 */
int shrbuf_open(void);

/**
 * shrbuf_get_version - ask the module for its version and features
 * @fd: from shrbuf_open(), borrowed
 * @version: filled in on success, else unchanged
 *
 * Return: 0, or
 *
 * - -EBADF: @fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf
 * - -EINVAL: the module does not take the request of this library
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_get_version(int fd, struct shrbuf_version *version);

/**
 * shrbuf_attach_queue - make the buffers of a video device shared buffers
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device, borrowed
 *
 * The attachment belongs to the device: it stays when both file descriptors are
 * closed, until shrbuf_detach_queue() or until the device is removed. See
 * SHRBUF_IOC_ATTACH. Waits for a request on the device that runs already.
 *
 * Return: 0, or
 *
 * - -EALREADY: the queue is attached already
 * - -EBUSY: the queue has buffers
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EINVAL: @video_fd is not a V4L2 device node
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read the request
 */
int shrbuf_attach_queue(int fd, int video_fd);

/**
 * shrbuf_detach_queue - undo shrbuf_attach_queue()
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device, borrowed. It need not be the file descriptor or
 *	the process that the queue was attached with.
 *
 * Shared buffers that are still in use somewhere stay valid.
 *
 * Return: 0, or
 *
 * - -ENOTCONN: the queue is not attached
 * - -EBUSY: the queue has buffers
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EINVAL: @video_fd is not a V4L2 device node
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf
 * - -EFAULT: the module could not read the request
 */
int shrbuf_detach_queue(int fd, int video_fd);

/**
 * shrbuf_alloc - allocate a shared buffer
 * @fd: from shrbuf_open(), borrowed
 * @size: size in bytes, is rounded up to whole pages
 * @name: name for listings, at most 31 bytes. NULL or empty: the name of the program
 *
 * The memory is zeroed, and can be used by V4L2 (V4L2_MEMORY_DMABUF), displays (PRIME)
 * and by mmap() with MAP_SHARED. See SHRBUF_IOC_ALLOC.
 *
 * Return: a file descriptor of the buffer, for reading and writing, closed on exec. The
 * caller owns it and gives it to close(). Or
 *
 * - -EINVAL: @size is zero or more than 4 GiB less one page
 * - -ENAMETOOLONG: @name is too long
 * - -ENOMEM: out of memory, or over the limit of the memory cgroup
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -EBADF: @fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module cannot allocate
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_alloc(int fd, __u64 size, const char *name);

/**
 * shrbuf_explain - say what an error means and what to do
 * @what: the function that failed
 * @err: what it returned, or the positive error number
 *
 * Return: sentences in English, never NULL. The text is constant and belongs to the
 * library, do not free it. For an error that is not documented for @what, the text
 * says just that.
 */
const char *shrbuf_explain(enum shrbuf_request what, int err);

/**
 * shrbuf_library_release - release of the library that runs
 *
 * Return: text such as "0.1". It is constant and belongs to the library, do not
 * free it.
 */
const char *shrbuf_library_release(void);

/**
 * shrbuf_configure_queue - tell an attached queue what to do with held and fresh frames
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device, borrowed
 * @flags: SHRBUF_CONFIG_REFUSE and SHRBUF_CONFIG_FENCES, or SHRBUF_CONFIG_WAIT alone, or
 *	zero for what a queue does by default: nothing of this
 * @wait_ms: with SHRBUF_CONFIG_WAIT the longest wait, 1 to SHRBUF_MAX_WAIT_MS, else zero
 * @fence_ms: with SHRBUF_CONFIG_FENCES the longest life of a fence, 1 to
 *	SHRBUF_MAX_FENCE_MS, else zero
 *
 * Lasts until the queue is configured again or detached. See SHRBUF_IOC_CONFIGURE. Waits
 * for a request on the device that runs already.
 *
 * Return: 0, or
 *
 * - -EINVAL: @flags do not go together, a time is out of its range, or @video_fd is not a
 *   V4L2 device node
 * - -ENOTCONN: the queue is not attached
 * - -EBUSY: the queue has buffers
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module cannot do this
 * - -EFAULT: the module could not read the request
 */
int shrbuf_configure_queue(int fd, int video_fd, __u32 flags, __u32 wait_ms, __u32 fence_ms);

/**
 * shrbuf_test_queue - ask whether a queue could be attached
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device, borrowed
 *
 * Changes nothing. Another program may do it first, so shrbuf_attach_queue() may fail all
 * the same.
 *
 * Return: 0 if it could, or the errors of shrbuf_attach_queue(). A module that does not
 * know this request says -EINVAL.
 */
int shrbuf_test_queue(int fd, int video_fd);

#ifdef __cplusplus
}
#endif

#endif /* _SHRBUF_SHRBUF_H */
