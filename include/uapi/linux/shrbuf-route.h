/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Routes of /dev/shrbuf: a video device's frames go to displays, video devices and
 * programs inside the kernel.
 *
 * The rules of <linux/shrbuf.h> hold here, too.
 */
#ifndef _UAPI_LINUX_SHRBUF_ROUTE_H
#define _UAPI_LINUX_SHRBUF_ROUTE_H

#include <linux/shrbuf.h>

/**
 * struct shrbuf_route_op - argument of SHRBUF_IOC_ROUTE_CREATE
 * @video_fd: in: file descriptor of an open video device, which has the buffers
 * @flags: in: must be zero
 * @route_fd: out: file descriptor of the route, closed on exec
 * @pad: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_route_op {
	__s32 video_fd;
	__u32 flags;
	__s32 route_fd;
	__u32 pad;
	__u64 reserved[4];
};

/* Which frames a sink gets, &struct shrbuf_sink.policy. */
#define SHRBUF_SINK_NEWEST	0	/* the newest: never stalls the camera */
#define SHRBUF_SINK_EVERY	1	/* every one: the camera waits for it */

/* What a display shows when the sink goes, &struct shrbuf_kms_sink.end. */
#define SHRBUF_KMS_END_KEEP	0	/* the last frame */
#define SHRBUF_KMS_END_DISABLE	1	/* nothing: the plane is switched off */
#define SHRBUF_KMS_END_RESTORE	2	/* the framebuffer that was there before */

/**
 * struct shrbuf_sink - what all kinds of sinks have
 * @policy: in: SHRBUF_SINK_NEWEST or SHRBUF_SINK_EVERY
 * @max_held: in: how many frames it may have at a time, 1 to 32, a display 2 at least. With 3
 *	it has a newer frame at hand when it has shown one.
 * @deadline_ms: in: a frame that it has for longer is reported, zero for never
 * @id: out: number of the sink in its route
 */
struct shrbuf_sink {
	__u32 policy;
	__u32 max_held;
	__u32 deadline_ms;
	__u32 id;
};

/**
 * struct shrbuf_kms_sink - argument of SHRBUF_IOC_ROUTE_ADD_KMS
 * @sink: in and out
 * @drm_fd: in: file descriptor of a DRM device that is master, or a lease
 * @plane_id: in: plane
 * @crtc_id: in: CRTC, which is switched on and has a mode
 * @end: in: SHRBUF_KMS_END_*
 * @src_x: in: part of the picture to show, in 16.16 fixed point
 * @src_y: in: as @src_x
 * @src_w: in: as @src_x
 * @src_h: in: as @src_x
 * @crtc_x: in: where to show it, in pixels of the CRTC
 * @crtc_y: in: as @crtc_x
 * @crtc_w: in: as @crtc_x
 * @crtc_h: in: as @crtc_x
 * @nr_fbs: in: number of @fbs, which is that of the buffers of the video device
 * @flags: in: must be zero
 * @fbs: in: address of an array of __u32: the framebuffer of each buffer by its index
 * @reserved: in: must be zero
 */
struct shrbuf_kms_sink {
	struct shrbuf_sink sink;
	__s32 drm_fd;
	__u32 plane_id;
	__u32 crtc_id;
	__u32 end;
	__u32 src_x;
	__u32 src_y;
	__u32 src_w;
	__u32 src_h;
	__s32 crtc_x;
	__s32 crtc_y;
	__u32 crtc_w;
	__u32 crtc_h;
	__u32 nr_fbs;
	__u32 flags;
	__u64 fbs;
	__u64 reserved[2];
};

/**
 * struct shrbuf_video_sink - argument of SHRBUF_IOC_ROUTE_ADD_VIDEO
 * @sink: in and out
 * @video_fd: in: file descriptor of an output or mem2mem device with its output queue set
 *	up for the format of the source, without buffers
 * @flags: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_video_sink {
	struct shrbuf_sink sink;
	__s32 video_fd;
	__u32 flags;
	__u64 reserved[2];
};

/**
 * struct shrbuf_tap_sink - argument of SHRBUF_IOC_ROUTE_ADD_TAP
 * @sink: in and out
 * @flags: in: must be zero
 * @tap_fd: out: file descriptor from which frames are taken, closed on exec
 * @reserved: in: must be zero
 */
struct shrbuf_tap_sink {
	struct shrbuf_sink sink;
	__u32 flags;
	__s32 tap_fd;
	__u64 reserved[2];
};

/**
 * struct shrbuf_tap_frame - argument of SHRBUF_IOC_TAP_TAKE and SHRBUF_IOC_TAP_GIVE
 * @flags: in: must be zero
 * @index: of the buffer in its queue. out for TAKE, in for GIVE.
 * @nr_planes: out: number of @fds
 * @pad: must be zero
 * @fds: out: file descriptors of the buffer's planes, read-only, closed on exec; only the
 *	first time that the tap gives this buffer, afterwards -1
 * @frame: out: the frame
 * @reserved: must be zero
 */
struct shrbuf_tap_frame {
	__u32 flags;
	__u32 index;
	__u32 nr_planes;
	__u32 pad;
	__s32 fds[SHRBUF_MAX_PLANES];
	struct shrbuf_frame frame;
	__u64 reserved[2];
};

/* What happened, &struct shrbuf_route_event.type. */
#define SHRBUF_ROUTE_EVENT_FAILED	0	/* the source failed, the route is over */
#define SHRBUF_ROUTE_EVENT_SINK_FAILED	1	/* a sink failed for good */
#define SHRBUF_ROUTE_EVENT_SINK_PAUSED	2	/* a display belongs to somebody else now */
#define SHRBUF_ROUTE_EVENT_SINK_RESUMED	3	/* it is ours again */
#define SHRBUF_ROUTE_EVENT_SINK_LATE	4	/* a sink has a frame past its deadline */

/**
 * struct shrbuf_route_event - what read() of a route gives
 * @time: when it was, in nanoseconds of CLOCK_MONOTONIC
 * @type: SHRBUF_ROUTE_EVENT_*
 * @sink: number of the sink, zero for the route
 * @error: positive error number of a failure, else zero
 * @index: of the buffer that is late, else zero
 * @lost: number of events that were lost before this one
 */
struct shrbuf_route_event {
	__u64 time;
	__u32 type;
	__u32 sink;
	__u32 error;
	__u32 index;
	__u64 lost;
};

/**
 * struct shrbuf_sink_op - argument of SHRBUF_IOC_ROUTE_REMOVE
 * @id: in: number of the sink
 * @flags: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_sink_op {
	__u32 id;
	__u32 flags;
	__u64 reserved[2];
};

/* Bits of &struct shrbuf_route_start.flags. */
#define SHRBUF_ROUTE_FIFO	(1U << 0)	/* realtime, with @priority */

/**
 * struct shrbuf_route_start - argument of SHRBUF_IOC_ROUTE_START
 * @flags: in: SHRBUF_ROUTE_FIFO or zero
 * @priority: in: with SHRBUF_ROUTE_FIFO, of SCHED_FIFO, 1 to 99, else zero
 * @reserved: in: must be zero
 */
struct shrbuf_route_start {
	__u32 flags;
	__u32 priority;
	__u64 reserved[2];
};

/* What a route does, &struct shrbuf_route_stats.state of the route. */
#define SHRBUF_ROUTE_STOPPED		0
#define SHRBUF_ROUTE_RUNNING		1
#define SHRBUF_ROUTE_FAILED		2	/* see @error */

/* What a sink does, &struct shrbuf_route_stats.state of a sink. */
#define SHRBUF_SINK_STATE_READY		0
#define SHRBUF_SINK_STATE_PAUSED	1
#define SHRBUF_SINK_STATE_FAILED	2	/* see @error */

/* Kinds of sinks, &struct shrbuf_route_stats.type. */
#define SHRBUF_SINK_TYPE_KMS		1
#define SHRBUF_SINK_TYPE_VIDEO		2
#define SHRBUF_SINK_TYPE_TAP		3

/*
 * Latency histogram: bin n counts latencies below 2^n * 16 microseconds that are not in a bin
 * before, the last one all others. A timestamp in the future counts as no latency.
 */
#define SHRBUF_LATENCY_BINS	20

/**
 * struct shrbuf_route_stats - argument of SHRBUF_IOC_ROUTE_STATS
 * @sink: in: number of a sink, or zero for the route itself
 * @flags: in: must be zero
 * @state: out: SHRBUF_ROUTE_* for the route, SHRBUF_SINK_STATE_* for a sink
 * @type: out: SHRBUF_SINK_TYPE_* for a sink
 * @frames_in: out: frames that came from the source, for a sink: that it was offered
 * @frames_shown: out: frames that a sink showed, encoded, or gave to a program
 * @dropped_newer: out: frames that were replaced by newer ones
 * @dropped_held: out: frames for which the sink had no room
 * @dropped_error: out: damaged frames, and frames that could not be committed or queued
 * @held: out: frames that the sink has now, for the route: that the camera cannot have
 * @waiting: out: of those, the ones that were not shown yet: @frames_in is the sum of
 *	@frames_shown, @waiting, and all that were dropped
 * @error: out: positive error number for which it stopped, or zero
 * @pad: out: zero
 * @cpu_time: out: of the thread of the route or sink, in nanoseconds
 * @latency: out: from capture timestamp to shown, see SHRBUF_LATENCY_BINS
 * @reserved: in: must be zero
 */
struct shrbuf_route_stats {
	__u32 sink;
	__u32 flags;
	__u32 state;
	__u32 type;
	__u64 frames_in;
	__u64 frames_shown;
	__u64 dropped_newer;
	__u64 dropped_held;
	__u64 dropped_error;
	__u32 held;
	__u32 waiting;
	__u32 error;
	__u32 pad;
	__u64 cpu_time;
	__u64 latency[SHRBUF_LATENCY_BINS];
	__u64 reserved[2];
};

/**
 * define SHRBUF_IOC_ROUTE_CREATE - make a route whose source is a video device
 *
 * A request of /dev/shrbuf. The video device must have its buffers (VIDIOC_REQBUFS with
 * V4L2_MEMORY_MMAP); it may be streaming. Until SHRBUF_IOC_ROUTE_START the route does
 * nothing with it. The route ends when its last file descriptor is closed. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags, @pad or @reserved is not zero, @video_fd is no V4L2 device node, has no
 *   capture queue, or no buffers of its own memory
 * - EBADF: @video_fd is not an open file
 * - EBUSY: another file or another route has the queue
 * - EOPNOTSUPP: the driver does not tell V4L2 about its queue
 * - ENODEV: the device was removed
 * - EINTR: interrupted by a signal
 * - ENOMEM, EMFILE, ENFILE: out of memory or files
 */
#define SHRBUF_IOC_ROUTE_CREATE	_IOWR(SHRBUF_IOC_MAGIC, 0x20, struct shrbuf_route_op)

/**
 * define SHRBUF_IOC_ROUTE_ADD_KMS - show the frames on a display
 *
 * A request of a route, as those that follow. Sinks may be added while the route runs.
 * The file of the display stays open as long as the sink.
 *
 * A display that belongs to somebody else for a while, or whose mode does not fit any more,
 * pauses the sink. One that is gone, or a lease that was revoked, ends it: it fails for good,
 * poll() of the route says POLLERR. Errors:
 *
 * - EFAULT: the argument or @fbs cannot be read or written
 * - EINVAL: a value is out of its range, @drm_fd is no DRM device, a field that must be zero
 *   is not, or the display cannot show the framebuffers like this
 * - ERANGE, ENOSPC: the rectangles are outside of the display or of the framebuffers
 * - EBADF: @drm_fd is not an open file
 * - EOPNOTSUPP: the display's driver is not atomic, or the module was built without displays
 * - EACCES: @drm_fd is not master
 * - ENODEV: the display was removed
 * - ENOENT: there is no such plane, CRTC or framebuffer for @drm_fd
 * - ENOBUFS: what all sinks may hold together would leave the camera too few buffers: request
 *   more buffers, or let the sinks hold less
 * - ENOMEM: out of memory
 */
#define SHRBUF_IOC_ROUTE_ADD_KMS _IOWR(SHRBUF_IOC_MAGIC, 0x21, struct shrbuf_kms_sink)

/**
 * define SHRBUF_IOC_ROUTE_ADD_VIDEO - give the frames to a video device
 *
 * An output device, or the output side of one that converts or encodes; its other side may be
 * the source of another route, for the same file. The buffers of the route's source must be shared
 * buffers (SHRBUF_IOC_ATTACH before VIDIOC_REQBUFS). The route requests as many buffers from the
 * video device, on the same memory, and starts its stream; both end with the sink. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: a value is out of its range, a field that must be zero is not, @video_fd is no V4L2
 *   device node or has no output queue, its format has other planes or needs larger buffers than
 *   the source has, or its driver keeps as many frames as max_held
 * - EBADF: @video_fd is not an open file
 * - EBUSY: the queue has buffers, is attached, or another file has it
 * - EOPNOTSUPP: the buffers of the source are no shared buffers, or the device cannot import
 * - ENODEV: the device was removed
 * - ENOBUFS: as for SHRBUF_IOC_ROUTE_ADD_KMS, or the device cannot have as many buffers
 * - ENOMEM: out of memory
 * - what VIDIOC_REQBUFS and VIDIOC_STREAMON of the driver say
 */
#define SHRBUF_IOC_ROUTE_ADD_VIDEO _IOWR(SHRBUF_IOC_MAGIC, 0x22, struct shrbuf_video_sink)

/**
 * define SHRBUF_IOC_ROUTE_ADD_TAP - let a program take frames
 *
 * The buffers must be shared buffers (SHRBUF_IOC_ATTACH before VIDIOC_REQBUFS). The tap ends
 * when its last file descriptor is closed: what it had goes back. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: a value is out of its range, or a field that must be zero is not
 * - EOPNOTSUPP: the buffers are no shared buffers
 * - ENOBUFS: as for SHRBUF_IOC_ROUTE_ADD_KMS
 * - ENOMEM, EMFILE, ENFILE: out of memory or files
 */
#define SHRBUF_IOC_ROUTE_ADD_TAP _IOWR(SHRBUF_IOC_MAGIC, 0x23, struct shrbuf_tap_sink)

/**
 * define SHRBUF_IOC_ROUTE_REMOVE - end a sink
 *
 * If the last frame stays on a display (SHRBUF_KMS_END_KEEP), the camera does not get its buffer
 * before something else of this route is shown on that plane, or the route ends.
 *
 * Errors: EFAULT, EINVAL as above, ENOENT: there is no such sink.
 */
#define SHRBUF_IOC_ROUTE_REMOVE	_IOW(SHRBUF_IOC_MAGIC, 0x24, struct shrbuf_sink_op)

/**
 * define SHRBUF_IOC_ROUTE_START - move frames
 *
 * Queues all buffers that the video device does not have, and starts the stream unless it runs.
 * From now on the buffers belong to the route: a program that stops the stream or queues buffers
 * itself makes it fail (ECANCELED, EBUSY). Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: unknown @flags, @priority is out of its range, or @reserved is not zero
 * - EPERM: the caller may not use this realtime priority (CAP_SYS_NICE, RLIMIT_RTPRIO)
 * - EALREADY: it runs
 * - ENODEV: the device was removed
 * - ENOMEM: out of memory
 * - what VIDIOC_QBUF and VIDIOC_STREAMON of the driver say
 */
#define SHRBUF_IOC_ROUTE_START	_IOW(SHRBUF_IOC_MAGIC, 0x25, struct shrbuf_route_start)

/**
 * define SHRBUF_IOC_ROUTE_STOP - move no more frames
 *
 * The stream is stopped if SHRBUF_IOC_ROUTE_START started it. Displays keep the last frame, sinks
 * stay. The argument is zero. Errors:
 *
 * - EINVAL: the argument is not zero
 * - ENOTCONN: it does not run
 */
#define SHRBUF_IOC_ROUTE_STOP	_IO(SHRBUF_IOC_MAGIC, 0x26)

/**
 * define SHRBUF_IOC_ROUTE_STATS - ask what a route or a sink did
 *
 * Errors: EFAULT, EINVAL as above, ENOENT: there is no such sink.
 */
#define SHRBUF_IOC_ROUTE_STATS	_IOWR(SHRBUF_IOC_MAGIC, 0x27, struct shrbuf_route_stats)

/**
 * define SHRBUF_IOC_TAP_TAKE - take a frame out of a tap
 *
 * A request of a tap. Waits for a frame unless the file is O_NONBLOCK. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags, @pad or @reserved is not zero
 * - EAGAIN: there is none, and the file is O_NONBLOCK
 * - EBUSY: the tap holds as many as it may, give one back first
 * - ENODEV: the route is over
 * - EMFILE, ENFILE, ENOMEM: out of files or memory
 * - EINTR: interrupted by a signal
 */
#define SHRBUF_IOC_TAP_TAKE	_IOWR(SHRBUF_IOC_MAGIC, 0x28, struct shrbuf_tap_frame)

/**
 * define SHRBUF_IOC_TAP_GIVE - give a frame back
 *
 * Errors: EFAULT, EINVAL as above, ENOENT: the tap does not have this buffer.
 */
#define SHRBUF_IOC_TAP_GIVE	_IOW(SHRBUF_IOC_MAGIC, 0x29, struct shrbuf_tap_frame)

#endif /* _UAPI_LINUX_SHRBUF_ROUTE_H */
