/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libshrbuf: the requests of /dev/shrbuf as functions.
 */
#ifndef _SHRBUF_SHRBUF_H
#define _SHRBUF_SHRBUF_H

#include <stddef.h>

#include <linux/shrbuf.h>
#include <linux/shrbuf-route.h>

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
 * restarted, so no function returns -EINTR but those that wait for as long as nothing
 * happens: shrbuf_read_events(), shrbuf_route_read_event() and shrbuf_tap_take().
 *
 * File descriptors belong to the caller before and after each call: the library
 * closes none, and keeps none. A &struct shrbuf_map has one of its own.
 */

/**
 * enum shrbuf_request - what failed, for shrbuf_explain()
 * @SHRBUF_REQUEST_OPEN: shrbuf_open()
 * @SHRBUF_REQUEST_GET_VERSION: shrbuf_get_version()
 * @SHRBUF_REQUEST_ATTACH_QUEUE: shrbuf_attach_queue()
 * @SHRBUF_REQUEST_DETACH_QUEUE: shrbuf_detach_queue()
 * @SHRBUF_REQUEST_ALLOC: shrbuf_alloc(), shrbuf_alloc_flags()
 * @SHRBUF_REQUEST_MAP: shrbuf_map(), shrbuf_map_begin(), shrbuf_map_end(), shrbuf_unmap()
 * @SHRBUF_REQUEST_GET_INFO: shrbuf_get_info()
 * @SHRBUF_REQUEST_SET_FORMAT: shrbuf_set_format()
 * @SHRBUF_REQUEST_SET_STATE: shrbuf_set_state()
 * @SHRBUF_REQUEST_WATCH: shrbuf_watch()
 * @SHRBUF_REQUEST_WATCH_QUEUE: shrbuf_watch_queue()
 * @SHRBUF_REQUEST_UNWATCH: shrbuf_unwatch()
 * @SHRBUF_REQUEST_UNWATCH_QUEUE: shrbuf_unwatch_queue()
 * @SHRBUF_REQUEST_READ_EVENTS: shrbuf_read_events()
 * @SHRBUF_REQUEST_HOLD: shrbuf_hold()
 * @SHRBUF_REQUEST_RELEASE: shrbuf_release()
 * @SHRBUF_REQUEST_ADOPT: shrbuf_adopt()
 * @SHRBUF_REQUEST_DISOWN: shrbuf_disown()
 * @SHRBUF_REQUEST_TEST_QUEUE: shrbuf_test_queue()
 * @SHRBUF_REQUEST_CONFIGURE_QUEUE: shrbuf_configure_queue()
 * @SHRBUF_REQUEST_ROUTE_CREATE: shrbuf_route_create()
 * @SHRBUF_REQUEST_ROUTE_ADD_KMS: shrbuf_route_add_kms()
 * @SHRBUF_REQUEST_ROUTE_ADD_VIDEO: shrbuf_route_add_video()
 * @SHRBUF_REQUEST_ROUTE_ADD_TAP: shrbuf_route_add_tap()
 * @SHRBUF_REQUEST_ROUTE_START: shrbuf_route_start()
 * @SHRBUF_REQUEST_ROUTE: all other functions of routes and taps
 * @SHRBUF_REQUEST_ROUTE_DISPLAY: shrbuf_route_to_display()
 */
enum shrbuf_request {
	SHRBUF_REQUEST_OPEN,
	SHRBUF_REQUEST_GET_VERSION,
	SHRBUF_REQUEST_ATTACH_QUEUE,
	SHRBUF_REQUEST_DETACH_QUEUE,
	SHRBUF_REQUEST_ALLOC,
	SHRBUF_REQUEST_MAP,
	SHRBUF_REQUEST_GET_INFO,
	SHRBUF_REQUEST_SET_FORMAT,
	SHRBUF_REQUEST_SET_STATE,
	SHRBUF_REQUEST_WATCH,
	SHRBUF_REQUEST_WATCH_QUEUE,
	SHRBUF_REQUEST_UNWATCH,
	SHRBUF_REQUEST_UNWATCH_QUEUE,
	SHRBUF_REQUEST_READ_EVENTS,
	SHRBUF_REQUEST_HOLD,
	SHRBUF_REQUEST_RELEASE,
	SHRBUF_REQUEST_ADOPT,
	SHRBUF_REQUEST_DISOWN,
	SHRBUF_REQUEST_TEST_QUEUE,
	SHRBUF_REQUEST_CONFIGURE_QUEUE,
	SHRBUF_REQUEST_ROUTE_CREATE,
	SHRBUF_REQUEST_ROUTE_ADD_KMS,
	SHRBUF_REQUEST_ROUTE_ADD_VIDEO,
	SHRBUF_REQUEST_ROUTE_ADD_TAP,
	SHRBUF_REQUEST_ROUTE_START,
	SHRBUF_REQUEST_ROUTE,
	SHRBUF_REQUEST_ROUTE_DISPLAY
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
 * shrbuf_test_queue - ask whether shrbuf_attach_queue() would succeed
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device, borrowed
 *
 * Changes nothing.
 *
 * Return: 0 if it would, or the error that it would have
 *
 * - -EALREADY: the queue is attached already
 * - -EBUSY: the queue has buffers
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EINVAL: @video_fd is not a V4L2 device node, or the module cannot test
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read the request
 */
int shrbuf_test_queue(int fd, int video_fd);

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
 * shrbuf_alloc_flags - allocate a shared buffer for certain devices
 * @fd: from shrbuf_open(), borrowed
 * @size: as for shrbuf_alloc()
 * @name: as for shrbuf_alloc()
 * @flags: SHRBUF_ALLOC_* bits or zero
 * @device_fd: with SHRBUF_ALLOC_DEVICE an open V4L2 or DRM device, borrowed; else not read
 *
 * Return: as shrbuf_alloc(), and besides
 *
 * - -EINVAL: @flags has unknown bits or bits that exclude each other, or @device_fd is
 *   neither a V4L2 nor a DRM device
 * - -EBADF: @device_fd is not an open file
 * - -ENODEV: the device was removed
 * - -EOPNOTSUPP: the device does not access memory by itself
 * - -EIO: the system has no contiguous memory without a device
 * - -ENOMEM: no contiguous piece of memory is as large
 */
int shrbuf_alloc_flags(int fd, __u64 size, const char *name, __u32 flags, int device_fd);

/**
 * shrbuf_get_info - ask what a buffer is and what is in it
 * @fd: from shrbuf_open(), borrowed
 * @buffer_fd: any file descriptor of the buffer, borrowed
 * @info: filled in on success, else unchanged
 *
 * The frame in @info is one consistent state. See SHRBUF_IOC_INFO.
 *
 * Return: 0, or
 *
 * - -EINVAL: @buffer_fd is not a shared buffer. shrbuf_adopt() makes one of any dma-buf.
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_get_info(int fd, int buffer_fd, struct shrbuf_info *info);

/**
 * shrbuf_set_format - say how a buffer is to be read
 * @fd: from shrbuf_open(), borrowed
 * @buffer_fd: a file descriptor of the buffer, open for writing, borrowed
 * @format: the format, or NULL to say that it is not known
 *
 * For buffers that do not belong to a video device. See SHRBUF_IOC_SET_FORMAT.
 *
 * Return: 0, or
 *
 * - -EINVAL: @format makes no sense, or @buffer_fd is not a shared buffer
 * - -EACCES: @buffer_fd is not open for writing
 * - -EPERM: the buffer belongs to a video device, which has set the format
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_set_format(int fd, int buffer_fd, const struct shrbuf_format *format);

/**
 * shrbuf_set_state - say what is in a buffer
 * @fd: from shrbuf_open(), borrowed. With SHRBUF_STATE_FILLING it becomes the producer of
 *	the frame: if it is closed before another state is set, the frame is damaged.
 * @buffer_fd: a file descriptor of the buffer, open for writing, borrowed
 * @frame: the new state, and for SHRBUF_STATE_FILLED and SHRBUF_STATE_ERROR what is known
 *	of the frame, else zero. @frame->seq and @frame->time are not read, and are those
 *	of the change after success.
 *
 * For producers in programs. See SHRBUF_IOC_SET_STATE.
 *
 * Return: 0, or
 *
 * - -EBUSY: somebody holds the frame, a video device has the buffer, or another producer
 *   fills it
 * - -EINVAL: a field of @frame has a value that it cannot have, or @buffer_fd is not a
 *   shared buffer
 * - -EACCES: @buffer_fd is not open for writing
 * - -EPERM: the buffer belongs to the queue of a video device
 * - -ENOSPC: @fd has to do with too many buffers
 * - -ENOMEM: out of memory
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_set_state(int fd, int buffer_fd, struct shrbuf_frame *frame);

/**
 * shrbuf_watch - have events of a buffer
 * @fd: from shrbuf_open(), borrowed. The events are read from it, and poll() tells when
 *	there are some.
 * @buffer_fd: any file descriptor of the buffer, borrowed. It may be closed afterwards, the
 *	watch does not need it, but it does not keep the buffer either.
 * @cookie: comes back in each event, for the caller's own use
 * @events: which events: bit n for the event with the number n (SHRBUF_EVENT_*), zero for
 *	all
 *
 * Watching again changes @cookie and @events. See SHRBUF_IOC_WATCH.
 *
 * Return: 0, or
 *
 * - -EINVAL: @events has unknown bits, or @buffer_fd is not a shared buffer
 * - -ENOSPC: @fd has to do with too many buffers
 * - -ENOMEM: out of memory
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_watch(int fd, int buffer_fd, __u64 cookie, __u32 events);

/**
 * shrbuf_watch_queue - have events of all buffers of a video device
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device that is attached, borrowed
 * @cookie: as for shrbuf_watch()
 * @events: as for shrbuf_watch()
 *
 * Return: 0, or
 *
 * - -ENOTCONN: the queue is not attached
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EINVAL: @events has unknown bits, or @video_fd is not a V4L2 device node
 * - -ENOSPC: @fd has to do with too many buffers
 * - -ENOMEM: out of memory
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_watch_queue(int fd, int video_fd, __u64 cookie, __u32 events);

/**
 * shrbuf_unwatch - undo shrbuf_watch()
 * @fd: that was given to shrbuf_watch(), borrowed
 * @buffer_fd: any file descriptor of the buffer, borrowed
 *
 * Events that have come already can still be read.
 *
 * Return: 0, or
 *
 * - -ENOENT: @fd does not watch the buffer
 * - -EINVAL: @buffer_fd is not a shared buffer
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_unwatch(int fd, int buffer_fd);

/**
 * shrbuf_unwatch_queue - undo shrbuf_watch_queue()
 * @fd: that was given to shrbuf_watch_queue(), borrowed
 * @video_fd: an open file of the video device, borrowed
 *
 * Events that have come already can still be read.
 *
 * Return: 0, or
 *
 * - -ENOENT: @fd does not watch the queue
 * - -ENOTCONN: the queue is not attached
 * - -EOPNOTSUPP: shrbuf cannot attach the queues of this driver
 * - -ENODEV: the device was removed
 * - -EINVAL: @video_fd is not a V4L2 device node
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_unwatch_queue(int fd, int video_fd);

/**
 * shrbuf_read_events - read what has happened to what is watched
 * @fd: that was given to shrbuf_watch() or shrbuf_watch_queue(), borrowed
 * @events: gets the events, the oldest first. Unchanged on failure.
 * @nr: how many fit into @events, at least 1
 *
 * Waits until there is an event, unless @fd is O_NONBLOCK. Gives all that there are and
 * that fit. See SHRBUF_IOC_WATCH and &struct shrbuf_event.
 *
 * Return: how many events there are in @events, at least 1, or
 *
 * - -EAGAIN: there are none, and @fd is O_NONBLOCK
 * - -EINTR: a signal came before an event
 * - -EINVAL: @nr is zero, or @fd is not /dev/shrbuf
 * - -EBADF: @fd is not an open file
 * - -EFAULT: @events cannot be written
 */
int shrbuf_read_events(int fd, struct shrbuf_event *events, size_t nr);

/**
 * shrbuf_hold - keep the frame in a buffer from being overwritten
 * @fd: from shrbuf_open(), borrowed. The hold ends when it is closed, also because the
 *	process dies.
 * @buffer_fd: any file descriptor of the buffer, borrowed. Keep it open: a hold does not
 *	keep the memory.
 * @seq: the frame, as an event or shrbuf_get_info() named it, or zero for whichever is there
 * @frame: filled in on success with the frame that is held, else unchanged. May be NULL.
 *
 * See SHRBUF_IOC_HOLD for what producers do then.
 *
 * Return: 0, or
 *
 * - -ENODATA: there is no frame in the buffer, or it is just about to be overwritten
 * - -ESTALE: another frame is there than the one asked for
 * - -EALREADY: @fd holds it already
 * - -EINVAL: @buffer_fd is not a shared buffer
 * - -ENOSPC: @fd has to do with too many buffers
 * - -ENOMEM: out of memory
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_hold(int fd, int buffer_fd, __u64 seq, struct shrbuf_frame *frame);

/**
 * shrbuf_release - undo shrbuf_hold()
 * @fd: that was given to shrbuf_hold(), borrowed
 * @buffer_fd: any file descriptor of the buffer, borrowed
 *
 * Return: 0, or
 *
 * - -ENOENT: @fd does not hold the frame
 * - -EINVAL: @buffer_fd is not a shared buffer
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_release(int fd, int buffer_fd);

/**
 * shrbuf_adopt - make a shared buffer of any dma-buf
 * @fd: from shrbuf_open(), borrowed. It keeps the buffer until shrbuf_disown() or until it
 *	is closed.
 * @dmabuf_fd: file descriptor of the dma-buf, borrowed
 * @mode: O_RDONLY, O_WRONLY or O_RDWR, the access mode of the new file descriptor. Not more
 *	than @dmabuf_fd allows.
 *
 * Adopting the same memory again gives the same buffer. See SHRBUF_IOC_ADOPT.
 *
 * Return: a file descriptor of the buffer, closed on exec. The caller owns it and gives it
 * to close(). Or
 *
 * - -EINVAL: @dmabuf_fd is not a dma-buf, or @mode is something else
 * - -EACCES: @dmabuf_fd does not allow @mode
 * - -ENOSPC: @fd has to do with too many buffers
 * - -ENOMEM: out of memory
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -EBADF: @fd or @dmabuf_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_adopt(int fd, int dmabuf_fd, int mode);

/**
 * shrbuf_disown - undo shrbuf_adopt()
 * @fd: that was given to shrbuf_adopt(), borrowed
 * @buffer_fd: any file descriptor of the buffer, borrowed
 *
 * The buffer lives on as long as others use it.
 *
 * Return: 0, or
 *
 * - -ENOENT: @fd has not adopted the buffer
 * - -EINVAL: @buffer_fd is not a shared buffer
 * - -EBADF: @fd or @buffer_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EFAULT: the module could not read the request
 */
int shrbuf_disown(int fd, int buffer_fd);

/**
 * shrbuf_route_create - make a route whose source is a video device
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open video device with buffers (VIDIOC_REQBUFS), borrowed. The route keeps
 *	the device open by itself.
 *
 * The route does nothing before shrbuf_route_start(), and ends with its last file
 * descriptor. See SHRBUF_IOC_ROUTE_CREATE.
 *
 * Return: a file descriptor of the route, closed on exec, which the caller owns and gives to
 * close(), or
 *
 * - -EINVAL: @video_fd is not a V4L2 device node, has no capture queue, or no buffers of its own
 * - -EBUSY: another file or another route has the queue
 * - -EOPNOTSUPP: the driver does not tell V4L2 about its queue
 * - -ENODEV: the device was removed
 * - -EBADF: @fd or @video_fd is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know the request
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_route_create(int fd, int video_fd);

/**
 * shrbuf_route_add_kms - show the frames of a route on a display
 * @route_fd: from shrbuf_route_create(), borrowed
 * @sink: what and where; sink->sink.id is filled in on success
 *
 * See SHRBUF_IOC_ROUTE_ADD_KMS. The display stays open as long as the sink.
 *
 * Return: 0, or
 *
 * - -EINVAL: a value is out of its range, the file is no display, or the display cannot show the
 *   framebuffers like this
 * - -ERANGE: the rectangle on the display is out of range
 * - -ENOSPC: the part to show is larger than the picture, or the route has 32 sinks
 * - -EOPNOTSUPP: the display's driver is not atomic, or the module was built without displays
 * - -EACCES: the file of the display is not master
 * - -ENOENT: the file of the display has no such plane, CRTC or framebuffer
 * - -ENOBUFS: all sinks together may hold more than the camera can do without
 * - -ENODEV: the display was removed
 * - -EBADF: a file descriptor is not an open file
 * - -ENOTTY: @route_fd is not a route
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_route_add_kms(int route_fd, struct shrbuf_kms_sink *sink);

/**
 * shrbuf_route_add_video - give the frames of a route to a video device
 * @route_fd: from shrbuf_route_create(), borrowed
 * @sink: which; sink->sink.id is filled in on success
 *
 * See SHRBUF_IOC_ROUTE_ADD_VIDEO. The device stays open as long as the sink.
 *
 * Return: 0, or
 *
 * - -EINVAL: a value is out of its range, the file is no V4L2 device node with an output queue, its
 *   format does not fit to that of the camera, or its driver keeps as many frames as it may hold
 * - -EBUSY: the queue has buffers, is attached, or another file has it
 * - -EOPNOTSUPP: the camera's buffers are not shared, or the device cannot import
 * - -ENOSPC: the route has 32 sinks
 * - -ENOBUFS: as for shrbuf_route_add_kms(), or the device cannot have as many buffers
 * - -ENODEV: the device was removed
 * - -EBADF: a file descriptor is not an open file
 * - -ENOTTY: @route_fd is not a route
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read or write the request
 * - others: from VIDIOC_REQBUFS and VIDIOC_STREAMON of the driver
 */
int shrbuf_route_add_video(int route_fd, struct shrbuf_video_sink *sink);

/**
 * shrbuf_route_add_tap - let a program take frames of a route
 * @route_fd: from shrbuf_route_create(), borrowed
 * @sink: how; sink->sink.id and sink->tap_fd are filled in on success. The caller owns the file
 *	descriptor and gives it to close(), which ends the tap.
 *
 * See SHRBUF_IOC_ROUTE_ADD_TAP.
 *
 * Return: 0, or
 *
 * - -EINVAL: a value is out of its range
 * - -EOPNOTSUPP: the camera's buffers are not shared
 * - -ENOSPC: the route has 32 sinks
 * - -ENOBUFS: as for shrbuf_route_add_kms()
 * - -EBADF: @route_fd is not an open file
 * - -ENOTTY: @route_fd is not a route
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -ENOMEM: out of memory
 * - -EFAULT: the module could not read or write the request
 */
int shrbuf_route_add_tap(int route_fd, struct shrbuf_tap_sink *sink);

/**
 * shrbuf_route_remove - end a sink
 * @route_fd: from shrbuf_route_create(), borrowed
 * @id: number of the sink
 *
 * Return: 0, or
 *
 * - -ENOENT: there is no such sink
 * - -EBADF: @route_fd is not an open file
 * - -ENOTTY: @route_fd is not a route
 */
int shrbuf_route_remove(int route_fd, __u32 id);

/**
 * shrbuf_route_start - move frames
 * @route_fd: from shrbuf_route_create(), borrowed
 * @priority: of SCHED_FIFO for all threads of the route, 1 to 99, or 0 for none
 *
 * From now on all buffers of the camera belong to the route. See SHRBUF_IOC_ROUTE_START.
 *
 * Return: 0, or
 *
 * - -EINVAL: @priority is out of its range
 * - -EPERM: the caller may not use this priority
 * - -EALREADY: it runs
 * - -ENODEV: the device was removed
 * - -EBADF: @route_fd is not an open file
 * - -ENOTTY: @route_fd is not a route
 * - others: from VIDIOC_QBUF and VIDIOC_STREAMON of the driver
 */
int shrbuf_route_start(int route_fd, unsigned int priority);

/**
 * shrbuf_route_stop - move no more frames
 * @route_fd: from shrbuf_route_create(), borrowed
 *
 * Displays keep the last frame, and sinks stay. It can be started again.
 *
 * Return: 0, or
 *
 * - -ENOTCONN: it does not run
 * - -EBADF: @route_fd is not an open file
 * - -ENOTTY: @route_fd is not a route
 */
int shrbuf_route_stop(int route_fd);

/**
 * shrbuf_route_get_stats - ask what a route or one of its sinks did
 * @route_fd: from shrbuf_route_create(), borrowed
 * @sink: number of the sink, or 0 for the route
 * @stats: filled in on success, else unchanged
 *
 * Return: 0, or
 *
 * - -ENOENT: there is no such sink
 * - -EBADF: @route_fd is not an open file
 * - -ENOTTY: @route_fd is not a route
 */
int shrbuf_route_get_stats(int route_fd, __u32 sink, struct shrbuf_route_stats *stats);

/**
 * shrbuf_route_read_event - take an event, or wait for one
 * @route_fd: from shrbuf_route_create(), borrowed
 * @event: filled in on success, else unchanged
 *
 * Return: 0, or
 *
 * - -EAGAIN: there is none, and @route_fd is O_NONBLOCK
 * - -EINTR: a signal came first
 * - -EIO: @route_fd is not a route
 * - -EBADF: @route_fd is not an open file
 */
int shrbuf_route_read_event(int route_fd, struct shrbuf_route_event *event);

/**
 * shrbuf_tap_take - take a frame out of a tap, or wait for one
 * @tap_fd: from shrbuf_route_add_tap(), borrowed
 * @frame: filled in on success, else unchanged. The caller owns its file descriptors, which are
 *	there the first time that a buffer comes, and -1 afterwards.
 *
 * Return: 0, or
 *
 * - -EAGAIN: there is none, and @tap_fd is O_NONBLOCK
 * - -EBUSY: the tap has as many as it may, give one back first
 * - -ENODEV: the route is over
 * - -EINTR: a signal came first
 * - -EBADF: @tap_fd is not an open file
 * - -ENOTTY: @tap_fd is not a tap
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -ENOMEM: out of memory
 */
int shrbuf_tap_take(int tap_fd, struct shrbuf_tap_frame *frame);

/**
 * shrbuf_tap_give - give a frame back
 * @tap_fd: from shrbuf_route_add_tap(), borrowed
 * @index: of the frame
 *
 * Return: 0, or
 *
 * - -ENOENT: the tap does not have this buffer
 * - -EBADF: @tap_fd is not an open file
 * - -ENOTTY: @tap_fd is not a tap
 */
int shrbuf_tap_give(int tap_fd, __u32 index);

/**
 * shrbuf_display_set_mode - switch a display on, with a black picture
 * @drm_fd: an open display that is master or a lease, borrowed
 * @connector_id: connector, zero: the first one that has something connected
 * @width: of the picture that is to be shown, zero if it is not known
 * @height: of the picture that is to be shown
 *
 * Sets the mode with this size, or if there is none the preferred one. The picture lasts as
 * long as @drm_fd.
 *
 * Return: 0, or
 *
 * - -ENXIO: nothing is connected there
 * - -EACCES: @drm_fd is not master
 * - -EINVAL: @drm_fd is no display
 * - others: from the driver
 */
int shrbuf_display_set_mode(int drm_fd, __u32 connector_id, __u32 width, __u32 height);

/* Bits of &struct shrbuf_display.flags. */
#define SHRBUF_DISPLAY_KEEP_FORMAT	(1U << 0)	/* set no other format or size */
#define SHRBUF_DISPLAY_STOPPED		(1U << 1)	/* do not start the route */

/**
 * struct shrbuf_display - a camera on a display, for shrbuf_route_to_display()
 * @crtc_id: in: CRTC, zero: the first one that is on. out: which it is
 * @plane_id: in: plane, zero: the best one. out: which it is
 * @end: in: SHRBUF_KMS_END_*
 * @priority: in: as for shrbuf_route_start()
 * @extra: in: how many more buffers to request, for sinks that are added later
 * @fourcc: out: DRM_FORMAT_* of the frames
 * @width: out: of the frames
 * @height: out: of the frames
 * @nr_bufs: out: number of buffers, and of @fbs
 * @sink: out: number of the sink
 * @fbs: out: framebuffers, which belong to the file of the display
 * @flags: in: SHRBUF_DISPLAY_*
 * @policy: in: SHRBUF_SINK_NEWEST or SHRBUF_SINK_EVERY
 * @connector_id: in: connector that the CRTC drives, zero: any
 * @box: in: the part of the display to show it in, all zero: all of it
 */
struct shrbuf_display {
	__u32 crtc_id;
	__u32 plane_id;
	__u32 end;
	__u32 priority;
	__u32 extra;
	__u32 fourcc;
	__u32 width;
	__u32 height;
	__u32 nr_bufs;
	__u32 sink;
	__u32 fbs[32];
	__u32 flags;
	__u32 policy;
	__u32 connector_id;
	struct shrbuf_rect box;
};

/**
 * shrbuf_route_to_display - show a camera on the best plane of a display
 * @fd: from shrbuf_open(), borrowed
 * @video_fd: an open camera without buffers, with the size and format that is wanted,
 *	borrowed
 * @drm_fd: an open display that is master or a lease, with a mode, borrowed
 * @display: what is wanted, and what it has become
 *
 * Attaches the camera, requests buffers, makes framebuffers, adds the sink, and starts the
 * route. The plane is a free overlay that can show the format of the camera, or the primary
 * one. If there is none, a format that both know is set, and if need be the size of the
 * display. The picture is as large as the box, or if the plane cannot scale, in its
 * middle. If it fails, all is as it was before.
 *
 * The camera stays attached when the route has ended.
 *
 * Return: a file descriptor of the route as from shrbuf_route_create(), or
 *
 * - -ENXIO: the display has no such CRTC that is on
 * - -EMEDIUMTYPE: camera and display have no format in common that a plane can show here
 * - -EINVAL: @video_fd is no camera, @drm_fd is no display, or @display has a value out of range
 * - -EBUSY: the camera has buffers, or another file has it
 * - -EOPNOTSUPP: the camera cannot be attached, or the display's driver is not atomic
 * - -EACCES: @drm_fd is not master
 * - -EPERM: the caller may not use this priority
 * - -ENOBUFS: the camera cannot have as many buffers
 * - -ENODEV: a device was removed
 * - -EBADF: a file descriptor is not an open file
 * - -ENOTTY: @fd is not /dev/shrbuf, or the module does not know routes
 * - -EMFILE: the process has too many open files
 * - -ENFILE: the system has too many open files
 * - -ENOMEM: out of memory
 * - others: from the drivers
 */
int shrbuf_route_to_display(int fd, int video_fd, int drm_fd, struct shrbuf_display *display);

/**
 * shrbuf_display_planes - find the planes of a display that can show a picture, best first
 * @drm_fd: an open display, borrowed. It gets DRM_CLIENT_CAP_UNIVERSAL_PLANES.
 * @crtc_id: CRTC of the display
 * @fourcc: DRM_FORMAT_* of the picture, or 0 for any
 * @planes: filled in
 * @nr: how many fit into @planes
 *
 * First come overlays that nobody uses, then primary planes. No cursors.
 *
 * Return: how many there are in @planes, or
 *
 * - -ENOENT: the display has no such CRTC
 * - -EINVAL: @drm_fd is no display
 */
int shrbuf_display_planes(int drm_fd, __u32 crtc_id, __u32 fourcc, __u32 *planes,
			  unsigned int nr);

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

/* access by the CPU */

/* Bits for shrbuf_map(). */
#define SHRBUF_MAP_READ		(1U << 0)	/* the program reads */
#define SHRBUF_MAP_WRITE	(1U << 1)	/* the program writes */
#define SHRBUF_MAP_IDLE		(1U << 2)	/* no access yet, shrbuf_map_begin() begins it */

/**
 * struct shrbuf_map - a mapped buffer
 * @addr: the memory, NULL if there is none
 * @size: in bytes
 * @flags: SHRBUF_MAP_*
 * @depth: number of accesses that are open, one in another
 * @fd: file descriptor of the map
 * @error: why there is no memory: a negative error number, else 0
 *
 * Read it, change nothing. One thread at a time may use it. Memory is accessed between
 * the begin and the end of an access only: shrbuf_map() begins one.
 */
struct shrbuf_map {
	void *addr;
	size_t size;
	unsigned int flags;
	unsigned int depth;
	int fd;
	int error;
};

/**
 * struct shrbuf_access - an access that ends with a block, see SHRBUF_SCOPED_ACCESS()
 * @map: the map, NULL if the access could not begin
 */
struct shrbuf_access {
	struct shrbuf_map *map;
};

/**
 * shrbuf_map - map a buffer and begin an access by the CPU
 * @buffer_fd: a buffer or any other dma-buf, borrowed. It may be closed afterwards.
 * @size: how many bytes from its start, 0 for all
 * @flags: SHRBUF_MAP_READ, SHRBUF_MAP_WRITE, or both, as the program is going to access
 *	the memory. For writing, @buffer_fd must be open for reading and writing. With
 *	SHRBUF_MAP_IDLE there is no access yet.
 * @map: filled in, also on failure
 *
 * Beginning an access waits for devices whose fences are on the buffer, and makes the CPU
 * see what they wrote. Who says that he only writes must not read, and sees old content
 * if he does.
 *
 * Return: 0, or
 *
 * - -EINVAL: wrong @flags, or @size is more than the buffer has
 * - -EBADF: @buffer_fd is not an open file
 * - -ENOTTY: @buffer_fd is not a dma-buf
 * - -EACCES: @buffer_fd does not allow this access
 * - -ENODEV: the memory cannot be mapped
 * - -EMFILE: the process has too many open files
 * - -ENOMEM: out of memory or address space
 */
int shrbuf_map(int buffer_fd, size_t size, unsigned int flags, struct shrbuf_map *map);

/**
 * shrbuf_unmap - end all accesses and unmap
 * @map: from shrbuf_map(), also of one that failed or was unmapped: that does nothing
 *
 * Return: 0, or the error of the end of the access. The memory is unmapped in any case.
 */
int shrbuf_unmap(struct shrbuf_map *map);

/**
 * shrbuf_map_begin - begin an access, for memory that stays mapped
 * @map: a map
 *
 * Accesses nest: the first begin and the last end count. So a function may put a pair of
 * them around what it does, whether its caller has begun an access or not.
 *
 * Return: 0, or
 *
 * - -EINVAL: @map has no memory
 * - -ENOMEM and others: from the exporter of the buffer
 */
int shrbuf_map_begin(struct shrbuf_map *map);

/**
 * shrbuf_map_end - end an access
 * @map: a map
 *
 * Devices see what was written when the outermost access has ended.
 *
 * Return: 0, or
 *
 * - -EINVAL: @map has no memory, or no access is open
 * - others: from the exporter of the buffer. The access has ended all the same.
 */
int shrbuf_map_end(struct shrbuf_map *map);

/**
 * shrbuf_map_scope - shrbuf_map() of all, for SHRBUF_SCOPED_MAP()
 * @buffer_fd: as for shrbuf_map()
 * @flags: as for shrbuf_map()
 *
 * Return: the map. Without memory, its @error says why.
 */
struct shrbuf_map shrbuf_map_scope(int buffer_fd, unsigned int flags);

/**
 * shrbuf_map_scope_end - shrbuf_unmap(), for SHRBUF_SCOPED_MAP()
 * @map: from shrbuf_map_scope()
 */
void shrbuf_map_scope_end(struct shrbuf_map *map);

/**
 * shrbuf_access_scope - shrbuf_map_begin(), for SHRBUF_SCOPED_ACCESS()
 * @map: a map
 *
 * Return: the access. Its @map is NULL if it could not begin.
 */
struct shrbuf_access shrbuf_access_scope(struct shrbuf_map *map);

/**
 * shrbuf_access_scope_end - shrbuf_map_end(), for SHRBUF_SCOPED_ACCESS()
 * @access: from shrbuf_access_scope()
 */
void shrbuf_access_scope_end(struct shrbuf_access *access);

#if defined(__GNUC__)
/**
 * SHRBUF_SCOPED_MAP() - declare a map that ends with the block it is declared in
 * @name: of the variable, a &struct shrbuf_map
 * @buffer_fd: as for shrbuf_map(), all of the buffer
 * @flags: as for shrbuf_map()
 *
 * However the block is left, also by return, break, goto, and a C++ exception, the access
 * has ended then and the memory is unmapped. If it failed name.addr is NULL, and
 * name.error is the error of shrbuf_map(). For GCC and clang.
 */
#define SHRBUF_SCOPED_MAP(name, buffer_fd, flags)				\
	struct shrbuf_map name __attribute__((cleanup(shrbuf_map_scope_end))) =	\
		shrbuf_map_scope(buffer_fd, flags)

/**
 * SHRBUF_SCOPED_ACCESS() - declare an access that ends with the block it is declared in
 * @name: of the variable, a &struct shrbuf_access; name.map is NULL if it could not begin
 * @map: a pointer to a &struct shrbuf_map that stays mapped longer
 */
#define SHRBUF_SCOPED_ACCESS(name, map)						\
	struct shrbuf_access name __attribute__((cleanup(shrbuf_access_scope_end))) = \
		shrbuf_access_scope(map)
#endif

#ifdef __cplusplus
}
#endif

#endif /* _SHRBUF_SHRBUF_H */
