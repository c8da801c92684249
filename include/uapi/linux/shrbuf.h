/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User interface of /dev/shrbuf, the control device of the shared buffer
 * framework.
 *
 * Rules for all requests:
 *
 * - All structures have the same layout for 32-bit and 64-bit programs.
 * - Fields marked "in" are read only, fields marked "out" are written only when
 *   the request succeeds.
 * - Reserved fields and unknown flags must be zero, else the request fails with
 *   EINVAL. They may get a meaning in a later version.
 * - An unknown request fails with ENOTTY.
 * - Interfaces are only ever appended to. Ask SHRBUF_IOC_VERSION what is there.
 */
#ifndef _UAPI_LINUX_SHRBUF_H
#define _UAPI_LINUX_SHRBUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Number of the interface that this header describes. */
#define SHRBUF_ABI_VERSION	1

/* Bits of &struct shrbuf_version.features. */
#define SHRBUF_FEATURE_ATTACH	(1ULL << 0)	/* ATTACH and DETACH */
#define SHRBUF_FEATURE_ALLOC	(1ULL << 1)	/* ALLOC */
#define SHRBUF_FEATURE_STATE	(1ULL << 2)	/* INFO, SET_FORMAT and SET_STATE */
#define SHRBUF_FEATURE_WATCH	(1ULL << 3)	/* WATCH, UNWATCH, and read() */
#define SHRBUF_FEATURE_HOLD	(1ULL << 4)	/* HOLD and RELEASE */
#define SHRBUF_FEATURE_ADOPT	(1ULL << 5)	/* ADOPT and DISOWN */
#define SHRBUF_FEATURE_CONFIG	(1ULL << 6)	/* CONFIGURE, and ATTACH_TEST */
#define SHRBUF_FEATURE_CONTIG	(1ULL << 7)	/* SHRBUF_ALLOC_CONTIG and _DEVICE */
#define SHRBUF_FEATURE_DEBUG	(1ULL << 8)	/* SHRBUF_ALLOC_DEBUG */
#define SHRBUF_FEATURE_ROUTE	(1ULL << 9)	/* ROUTE_CREATE, <linux/shrbuf-route.h> */
#define SHRBUF_FEATURE_ROUTE_KMS (1ULL << 10)	/* ROUTE_ADD_KMS */

/**
 * struct shrbuf_version - argument of SHRBUF_IOC_VERSION
 * @abi: out: number of the newest interface that the module knows, it also
 *	knows all lower ones. See SHRBUF_ABI_VERSION.
 * @flags: in: must be zero. Unchanged by the request.
 * @features: out: SHRBUF_FEATURE_* bits, what this module can do on this kernel
 * @release: out: release of the module as text, ends with a zero byte, the rest
 *	is zero
 * @reserved: in: must be zero. Unchanged by the request.
 */
struct shrbuf_version {
	__u32 abi;
	__u32 flags;
	__u64 features;
	__u8 release[32];
	__u64 reserved[2];
};

/* Bit of &struct shrbuf_queue_op.flags: say whether it could be done, change nothing. */
#define SHRBUF_ATTACH_TEST	(1U << 0)

/**
 * struct shrbuf_queue_op - argument of SHRBUF_IOC_ATTACH and SHRBUF_IOC_DETACH
 * @fd: in: file descriptor of an open video device node
 * @flags: in: SHRBUF_ATTACH_TEST or zero, for SHRBUF_IOC_DETACH zero
 * @reserved: in: must be zero
 */
struct shrbuf_queue_op {
	__s32 fd;
	__u32 flags;
	__u64 reserved[2];
};

/*
 * Bits of &struct shrbuf_alloc_op.flags.
 *
 * SHRBUF_ALLOC_CONTIG: in one piece, for devices without scatter-gather. Without
 * SHRBUF_ALLOC_DEVICE it lies in the lowest 4 GiB of the bus. It is coherent memory: CPU
 * and devices see the same at any time, on some machines because no cache is used.
 *
 * SHRBUF_ALLOC_DEVICE: the memory suits the device in &struct shrbuf_alloc_op.device: it
 * lies where that can reach it. Others may use it as well.
 *
 * SHRBUF_ALLOC_DEBUG: behaves like memory of a machine whose CPU caches see nothing of
 * what devices do. A program that forgets DMA_BUF_IOCTL_SYNC gets old content, on any
 * machine, and the kernel counts what it sees of that (debugfs, trace events). Takes twice
 * the memory, and much time. Not with SHRBUF_ALLOC_CONTIG.
 */
#define SHRBUF_ALLOC_CONTIG	(1U << 0)
#define SHRBUF_ALLOC_DEVICE	(1U << 1)
#define SHRBUF_ALLOC_DEBUG	(1U << 2)

/**
 * struct shrbuf_alloc_op - argument of SHRBUF_IOC_ALLOC
 * @size: in: size in bytes. out: size of the buffer, rounded up to whole pages
 * @flags: in: SHRBUF_ALLOC_* bits or zero
 * @fd_flags: in: access mode of the file descriptor: O_RDONLY, O_WRONLY or O_RDWR, and
 *	O_CLOEXEC or not, which changes nothing
 * @fd: out: file descriptor of the buffer, closed on exec
 * @device: in: with SHRBUF_ALLOC_DEVICE the file descriptor of an open V4L2 or DRM device,
 *	else it must be zero
 * @name: in: name of the buffer in listings, ends with a zero byte; if it is empty the
 *	buffer is named after the program
 * @reserved: in: must be zero
 */
struct shrbuf_alloc_op {
	__u64 size;
	__u32 flags;
	__u32 fd_flags;
	__s32 fd;
	__s32 device;
	__u8 name[32];
	__u64 reserved[2];
};

/* Content of a buffer, &struct shrbuf_frame.state. */
#define SHRBUF_STATE_EMPTY	0	/* nothing to read */
#define SHRBUF_STATE_FILLING	1	/* a producer writes */
#define SHRBUF_STATE_FILLED	2	/* a complete frame */
#define SHRBUF_STATE_ERROR	3	/* a frame that is damaged, or was never completed */

/**
 * struct shrbuf_frame - what is in a buffer now
 * @seq: number of the change that led here. Each change of the content gets the next
 *	number of its buffer, the first is 1. Who reads the memory compares it before and
 *	after: if it is the same and @state is SHRBUF_STATE_FILLED, the frame was not
 *	overwritten meanwhile.
 * @time: when that change was, in nanoseconds of CLOCK_MONOTONIC
 * @timestamp: of the frame, in nanoseconds, as its producer gave it. V4L2 says in @flags
 *	which clock that is. Zero unless @state is SHRBUF_STATE_FILLED or
 *	SHRBUF_STATE_ERROR, and so are the fields that follow @state. Zero too if the driver
 *	has not set it when it is done; what VIDIOC_DQBUF tells later is put in then,
 *	with the same @seq.
 * @bytesused: bytes of this buffer that the frame takes, @data_offset included
 * @state: SHRBUF_STATE_*
 * @sequence: number of the frame, as its producer gave it
 * @field: enum v4l2_field, zero if the producer did not say
 * @flags: V4L2_BUF_FLAG_KEYFRAME, _PFRAME, _BFRAME, _LAST, and those of
 *	V4L2_BUF_FLAG_TIMESTAMP_MASK and V4L2_BUF_FLAG_TSTAMP_SRC_MASK; no others
 * @data_offset: bytes of this buffer before the frame, which the offsets of its planes do
 *	not count
 * @reserved: zero
 */
struct shrbuf_frame {
	__u64 seq;
	__u64 time;
	__u64 timestamp;
	__u64 bytesused;
	__u32 state;
	__u32 sequence;
	__u32 field;
	__u32 flags;
	__u32 data_offset;
	__u32 reserved;
};

/* As many as DRM knows. */
#define SHRBUF_MAX_PLANES	4

/**
 * struct shrbuf_format_plane - a plane of a picture
 * @offset: of the first byte of the plane in its buffer, in bytes, not counting
 *	&struct shrbuf_frame.data_offset
 * @stride: from one line to the next, in bytes
 */
struct shrbuf_format_plane {
	__u32 offset;
	__u32 stride;
};

/**
 * struct shrbuf_rect - a part of a picture, in pixels
 * @x: columns left of it
 * @y: lines above it
 * @width: its columns
 * @height: its lines
 */
struct shrbuf_rect {
	__u32 x;
	__u32 y;
	__u32 width;
	__u32 height;
};

/**
 * struct shrbuf_format - how the memory of a buffer is to be read
 * @fourcc: DRM_FORMAT_*, zero if DRM has no name for it (compressed and raw sensor
 *	formats)
 * @v4l2_fourcc: V4L2_PIX_FMT_*, zero if V4L2 has no name for it
 * @modifier: DRM_FORMAT_MOD_*
 * @width: columns, zero if the format is not known, then all else is zero too
 * @height: lines
 * @nr_planes: planes of the picture, 1 to 4
 * @plane_mask: which of them lie in this buffer: bit n for plane n. Not all, when the
 *	driver gives each plane memory of its own: then each has its own buffer.
 * @planes: planes of the picture. Zero for those that lie in other buffers.
 * @crop: the part of the picture that has content
 * @colorspace: enum v4l2_colorspace
 * @xfer_func: enum v4l2_xfer_func
 * @ycbcr_enc: enum v4l2_ycbcr_encoding, or enum v4l2_hsv_encoding
 * @quantization: enum v4l2_quantization
 * @reserved: zero
 */
struct shrbuf_format {
	__u32 fourcc;
	__u32 v4l2_fourcc;
	__u64 modifier;
	__u32 width;
	__u32 height;
	__u32 nr_planes;
	__u32 plane_mask;
	struct shrbuf_format_plane planes[SHRBUF_MAX_PLANES];
	struct shrbuf_rect crop;
	__u32 colorspace;
	__u32 xfer_func;
	__u32 ycbcr_enc;
	__u32 quantization;
	__u64 reserved[2];
};

/* Bits of &struct shrbuf_info.status. */
#define SHRBUF_STATUS_QUEUE	(1U << 0)	/* memory of the queue of a video device */
#define SHRBUF_STATUS_ORPHANED	(1U << 1)	/* that queue has given it up */
#define SHRBUF_STATUS_ADOPTED	(1U << 2)	/* memory of another exporter */
#define SHRBUF_STATUS_DEVICE	(1U << 3)	/* a video device has it at this moment */

/**
 * struct shrbuf_info - argument of SHRBUF_IOC_INFO
 * @fd: in: file descriptor of a buffer
 * @flags: in: must be zero
 * @id: out: number of the buffer, for people. No request takes it.
 * @status: out: SHRBUF_STATUS_* bits
 * @size: out: size of the buffer in bytes
 * @holds: out: how many hold the frame by SHRBUF_IOC_HOLD
 * @device_reads: out: how many video devices read the frame at this moment
 * @name: out: name of the buffer, ends with a zero byte
 * @backing: out: where the memory comes from, as in listings, ends with a zero byte
 * @frame: out: what is in the buffer
 * @format: out: how it is to be read
 * @reserved: in: must be zero. Unchanged.
 */
struct shrbuf_info {
	__s32 fd;
	__u32 flags;
	__u32 id;
	__u32 status;
	__u64 size;
	__u32 holds;
	__u32 device_reads;
	__u8 name[48];
	__u8 backing[16];
	struct shrbuf_frame frame;
	struct shrbuf_format format;
	__u64 reserved[4];
};

/**
 * struct shrbuf_format_op - argument of SHRBUF_IOC_SET_FORMAT
 * @fd: in: file descriptor of a buffer, open for writing
 * @flags: in: must be zero
 * @format: in: the format. @format.width may be zero to say that it is not known.
 * @reserved: in: must be zero
 */
struct shrbuf_format_op {
	__s32 fd;
	__u32 flags;
	struct shrbuf_format format;
	__u64 reserved[2];
};

/**
 * struct shrbuf_state_op - argument of SHRBUF_IOC_SET_STATE
 * @fd: in: file descriptor of a buffer, open for writing
 * @flags: in: must be zero
 * @frame: in: the new state. @frame.seq and @frame.time must be zero; so must the other
 *	fields when @frame.state is SHRBUF_STATE_EMPTY or SHRBUF_STATE_FILLING. out:
 *	@frame.seq and @frame.time of the change.
 * @reserved: in: must be zero
 */
struct shrbuf_state_op {
	__s32 fd;
	__u32 flags;
	struct shrbuf_frame frame;
	__u64 reserved[2];
};

/*
 * What an event says, &struct shrbuf_event.type. The first four are the new
 * SHRBUF_STATE_* of the content.
 */
#define SHRBUF_EVENT_EMPTY	SHRBUF_STATE_EMPTY
#define SHRBUF_EVENT_FILLING	SHRBUF_STATE_FILLING
#define SHRBUF_EVENT_FILLED	SHRBUF_STATE_FILLED
#define SHRBUF_EVENT_ERROR	SHRBUF_STATE_ERROR
#define SHRBUF_EVENT_RELEASED	4	/* nobody holds the frame any more */
#define SHRBUF_EVENT_ORPHANED	5	/* the queue gave the buffer up: no more frames */
#define SHRBUF_EVENT_GONE	6	/* the watch ended: no buffer or queue any more */
#define SHRBUF_EVENT_OVERFLOW	7	/* events were lost here */

/**
 * struct shrbuf_event - what read() of /dev/shrbuf gives
 * @cookie: of the watch, from &struct shrbuf_watch_op. Zero for SHRBUF_EVENT_OVERFLOW.
 * @seq: &struct shrbuf_frame.seq
 * @time: when it was, in nanoseconds of CLOCK_MONOTONIC
 * @timestamp: &struct shrbuf_frame.timestamp
 * @type: SHRBUF_EVENT_*
 * @id: number of the buffer, as &struct shrbuf_info.id. Zero for SHRBUF_EVENT_OVERFLOW
 *	and for SHRBUF_EVENT_GONE of a queue.
 * @index: of the buffer in its queue, for a watch of a queue, else zero
 * @sequence: &struct shrbuf_frame.sequence
 * @bytesused: &struct shrbuf_frame.bytesused
 * @lost: for SHRBUF_EVENT_OVERFLOW: number of events that were lost, else zero
 */
struct shrbuf_event {
	__u64 cookie;
	__u64 seq;
	__u64 time;
	__u64 timestamp;
	__u32 type;
	__u32 id;
	__u32 index;
	__u32 sequence;
	__u64 bytesused;
	__u64 lost;
};

/* Bit of &struct shrbuf_watch_op.flags: @fd is a video device, not a buffer. */
#define SHRBUF_WATCH_QUEUE	(1U << 0)

/**
 * struct shrbuf_watch_op - argument of SHRBUF_IOC_WATCH and SHRBUF_IOC_UNWATCH
 * @fd: in: file descriptor of a buffer, or of a video device whose queue is attached
 * @flags: in: SHRBUF_WATCH_QUEUE or zero
 * @cookie: in: comes back in each event, for the caller's own use. Must be zero for
 *	SHRBUF_IOC_UNWATCH.
 * @events: in: which events: bit n for the event with the number n, zero for all.
 *	SHRBUF_EVENT_GONE and SHRBUF_EVENT_OVERFLOW always come. Must be zero for
 *	SHRBUF_IOC_UNWATCH.
 * @pad: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_watch_op {
	__s32 fd;
	__u32 flags;
	__u64 cookie;
	__u32 events;
	__u32 pad;
	__u64 reserved[2];
};

/**
 * struct shrbuf_hold_op - argument of SHRBUF_IOC_HOLD
 * @fd: in: file descriptor of a buffer
 * @flags: in: must be zero
 * @frame: in: @frame.seq is the frame to hold, as an event or SHRBUF_IOC_INFO named it,
 *	or zero for whichever is there. All else must be zero. out: the frame.
 * @reserved: in: must be zero
 */
struct shrbuf_hold_op {
	__s32 fd;
	__u32 flags;
	struct shrbuf_frame frame;
	__u64 reserved[2];
};

/**
 * struct shrbuf_buffer_op - argument of SHRBUF_IOC_RELEASE and SHRBUF_IOC_DISOWN
 * @fd: in: file descriptor of a buffer
 * @flags: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_buffer_op {
	__s32 fd;
	__u32 flags;
	__u64 reserved[2];
};

/**
 * struct shrbuf_adopt_op - argument of SHRBUF_IOC_ADOPT
 * @fd: in: file descriptor of any dma-buf
 * @flags: in: must be zero
 * @fd_flags: in: as in &struct shrbuf_alloc_op
 * @buffer_fd: out: file descriptor of the buffer, closed on exec
 * @reserved: in: must be zero
 */
struct shrbuf_adopt_op {
	__s32 fd;
	__u32 flags;
	__u32 fd_flags;
	__s32 buffer_fd;
	__u64 reserved[2];
};

/* Bits of &struct shrbuf_queue_config.flags. */
#define SHRBUF_CONFIG_REFUSE	(1U << 0)	/* a held buffer cannot be queued */
#define SHRBUF_CONFIG_WAIT	(1U << 1)	/* as REFUSE, but after a wait */
#define SHRBUF_CONFIG_FENCES	(1U << 2)	/* fences for frames to come */

/* Limits of &struct shrbuf_queue_config. */
#define SHRBUF_MAX_WAIT_MS	10000
#define SHRBUF_MAX_FENCE_MS	10000

/**
 * struct shrbuf_queue_config - argument of SHRBUF_IOC_CONFIGURE
 * @fd: in: file descriptor of an open video device node
 * @flags: in: SHRBUF_CONFIG_* bits, WAIT only alone
 * @wait_ms: in: with SHRBUF_CONFIG_WAIT the longest wait, in milliseconds, 1 to
 *	SHRBUF_MAX_WAIT_MS; else zero
 * @fence_ms: in: with SHRBUF_CONFIG_FENCES the longest life of a fence, in milliseconds,
 *	1 to SHRBUF_MAX_FENCE_MS; else zero
 * @reserved: in: must be zero
 */
struct shrbuf_queue_config {
	__s32 fd;
	__u32 flags;
	__u32 wait_ms;
	__u32 fence_ms;
	__u64 reserved[2];
};

/* 0xBC is free in the kernel's list of ioctl numbers. */
#define SHRBUF_IOC_MAGIC	0xBC

/**
 * define SHRBUF_IOC_VERSION - ask for version and features
 *
 * Never sleeps. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags or @reserved is not zero
 */
#define SHRBUF_IOC_VERSION	_IOWR(SHRBUF_IOC_MAGIC, 0x00, struct shrbuf_version)

/**
 * define SHRBUF_IOC_ATTACH - make the buffers of a video device shared buffers
 *
 * From now on the buffers that are allocated (VIDIOC_REQBUFS, VIDIOC_CREATE_BUFS
 * with V4L2_MEMORY_MMAP) in the queue of this device are shared buffers, and
 * VIDIOC_EXPBUF gives file descriptors of shared buffers. All else stays as it
 * was, for all programs that use the device. The attachment belongs to the device: it
 * stays when the file descriptor is closed, and whoever may open the device and
 * /dev/shrbuf may end it. It ends with SHRBUF_IOC_DETACH or when the device is
 * removed. While it lasts, the module of shrbuf cannot be unloaded.
 *
 * A driver that is ported to shrbuf gives shared buffers by itself. It can be attached as
 * well, so that its queue can be watched and configured.
 *
 * The request waits for the lock of the queue. A signal interrupts that wait; it
 * is then restarted, or fails with EINTR, with nothing changed. Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: unknown @flags, @reserved is not zero, or @fd is not a V4L2 device node
 * - EBADF: @fd is not an open file
 * - EOPNOTSUPP: the driver does not tell V4L2 about its queue, or the queue has
 *   an allocator or a locking that shrbuf does not know
 * - EALREADY: the queue is attached already
 * - EBUSY: the queue has buffers. Free them (VIDIOC_REQBUFS with count 0) first.
 * - ENODEV: the device was removed
 * - ENOMEM: out of memory
 * - EINTR: interrupted by a signal
 */
#define SHRBUF_IOC_ATTACH	_IOW(SHRBUF_IOC_MAGIC, 0x01, struct shrbuf_queue_op)

/**
 * define SHRBUF_IOC_DETACH - undo SHRBUF_IOC_ATTACH
 *
 * Shared buffers that are still in use somewhere stay valid. Errors as for
 * SHRBUF_IOC_ATTACH, without EALREADY and ENOMEM, and
 *
 * - ENOTCONN: the queue is not attached
 */
#define SHRBUF_IOC_DETACH	_IOW(SHRBUF_IOC_MAGIC, 0x02, struct shrbuf_queue_op)

/**
 * define SHRBUF_IOC_ALLOC - allocate a shared buffer
 *
 * The memory is zeroed, in pages that need not be contiguous unless the flags say so, and
 * charged to the memory cgroup of the caller (but for memory that the system has set aside
 * for contiguous allocations). The size never changes. The buffer is a dma-buf: V4L2 takes
 * it as V4L2_MEMORY_DMABUF, displays import it, and it can be mapped (MAP_SHARED). It lives
 * until the last user has let go. With SHRBUF_ALLOC_CONTIG and SHRBUF_ALLOC_DEVICE it keeps
 * the driver of the device loaded. Sleeps while it waits for memory. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @size is zero or more than 4 GiB less one page, @flags has unknown bits or bits
 *   that exclude each other, @reserved is not zero, @device is not zero without
 *   SHRBUF_ALLOC_DEVICE or is a file of another kind, @fd_flags has other flags, or @name
 *   has no zero byte
 * - EBADF: @device is not an open file
 * - ENODEV: the device of @device was removed
 * - EOPNOTSUPP: the device of @device does not access memory by itself
 * - EIO: SHRBUF_ALLOC_CONTIG without SHRBUF_ALLOC_DEVICE on a system that has no such
 *   memory
 * - ENOMEM: out of memory, or over the limit of the memory cgroup, or no contiguous piece
 *   of memory is as large (many systems have none above 4 MiB)
 * - EMFILE, ENFILE: too many open files in the process, in the system
 * - EINTR: the caller was killed
 */
#define SHRBUF_IOC_ALLOC	_IOWR(SHRBUF_IOC_MAGIC, 0x03, struct shrbuf_alloc_op)

/**
 * define SHRBUF_IOC_INFO - ask what a buffer is and what is in it
 *
 * Whoever has a file descriptor of the buffer may ask, in whatever process. The frame
 * is one consistent state. Never sleeps long. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags or @reserved is not zero, or @fd is a file of another kind, also a
 *   dma-buf of another exporter
 * - EBADF: @fd is not an open file
 */
#define SHRBUF_IOC_INFO		_IOWR(SHRBUF_IOC_MAGIC, 0x04, struct shrbuf_info)

/**
 * define SHRBUF_IOC_SET_FORMAT - say how a buffer is to be read
 *
 * For buffers whose format the kernel does not know from a video device. The numbers are
 * given to others as they are, but for this: all planes begin inside the
 * buffer, and @crop lies inside the picture. Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: @flags or a reserved field is not zero, the format makes no sense, or @fd is a
 *   file of another kind
 * - EBADF: @fd is not an open file
 * - EACCES: @fd is not open for writing
 * - EPERM: the buffer belongs to a video device, which has set the format
 */
#define SHRBUF_IOC_SET_FORMAT	_IOW(SHRBUF_IOC_MAGIC, 0x05, struct shrbuf_format_op)

/**
 * define SHRBUF_IOC_SET_STATE - say what is in a buffer
 *
 * For producers in user space. SHRBUF_STATE_FILLING makes the open file of /dev/shrbuf
 * the producer of the next frame: until it has set another state, nobody else can set
 * one; when it is closed first, also because its process died, the content is
 * SHRBUF_STATE_ERROR. The other states may be set at any time. The content cannot
 * change while somebody holds the frame, or a video device has the buffer. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags, a reserved field or a field that must be zero is not, a field has an
 *   unknown value, @frame.bytesused is more than the buffer has, or @fd is a file of
 *   another kind
 * - EBADF: @fd is not an open file
 * - EACCES: @fd is not open for writing
 * - EPERM: the buffer belongs to the queue of a video device
 * - EBUSY: somebody holds the frame, a video device has the buffer, or another producer
 *   fills it
 * - ENOSPC: this open file has to do with too many buffers
 * - ENOMEM: out of memory
 */
#define SHRBUF_IOC_SET_STATE	_IOWR(SHRBUF_IOC_MAGIC, 0x06, struct shrbuf_state_op)

/**
 * define SHRBUF_IOC_WATCH - have events of a buffer or of a queue
 *
 * Events are read by read() as whole &struct shrbuf_event, as many as fit; poll() tells
 * when there are some. read() fails with EINVAL if not even one fits, with EAGAIN if there
 * is none and the file is O_NONBLOCK, with EFAULT if the memory cannot be written, and
 * waits otherwise. Up to 512 events are kept for each open file. When more come they are
 * lost, and SHRBUF_EVENT_OVERFLOW tells where and how many.
 *
 * A watch of a queue tells of all buffers in it, also of those that come later; of each
 * buffer with several planes once, namely of its first plane. Its cookie is that of the
 * queue, &struct shrbuf_event.index names the buffer.
 *
 * A watch holds nothing: it ends with SHRBUF_IOC_UNWATCH, when this file is closed, or,
 * with SHRBUF_EVENT_GONE, when the buffer is freed or the queue is detached. Watching
 * again changes @cookie and @events. Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: unknown @flags or @events, @pad or @reserved is not zero, or @fd is a file of
 *   another kind
 * - EBADF: @fd is not an open file
 * - ENOTCONN: the queue is not attached
 * - EOPNOTSUPP: the driver does not tell V4L2 about its queue
 * - ENODEV: the video device was removed
 * - ENOSPC: this open file has to do with too many buffers
 * - ENOMEM: out of memory
 */
#define SHRBUF_IOC_WATCH	_IOW(SHRBUF_IOC_MAGIC, 0x07, struct shrbuf_watch_op)

/**
 * define SHRBUF_IOC_UNWATCH - have no more events of a buffer or of a queue
 *
 * Events that have come already can still be read. Errors as for SHRBUF_IOC_WATCH,
 * without ENOSPC and ENOMEM, and
 *
 * - ENOENT: this open file does not watch it
 */
#define SHRBUF_IOC_UNWATCH	_IOW(SHRBUF_IOC_MAGIC, 0x08, struct shrbuf_watch_op)

/**
 * define SHRBUF_IOC_HOLD - keep the frame in a buffer from being overwritten
 *
 * Producers in user space cannot fill a buffer whose frame is held. A queue does as it
 * was told: by default it does not care, as without shrbuf. The hold belongs to this open
 * file of /dev/shrbuf and ends with SHRBUF_IOC_RELEASE or when it is closed, also because
 * its process died, or when the buffer is freed: a hold does not keep the memory, the file
 * descriptor of the buffer does. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags, @reserved or a field that must be zero is not, or @fd is a file of
 *   another kind
 * - EBADF: @fd is not an open file
 * - ENODATA: there is no frame: the state is neither SHRBUF_STATE_FILLED nor
 *   SHRBUF_STATE_ERROR, or a producer is just about to take the buffer
 * - ESTALE: another frame is there than the one asked for
 * - EALREADY: this open file holds it already
 * - ENOSPC: this open file has to do with too many buffers
 * - ENOMEM: out of memory
 */
#define SHRBUF_IOC_HOLD		_IOWR(SHRBUF_IOC_MAGIC, 0x09, struct shrbuf_hold_op)

/**
 * define SHRBUF_IOC_RELEASE - end a hold
 *
 * Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: @flags or @reserved is not zero, or @fd is a file of another kind
 * - EBADF: @fd is not an open file
 * - ENOENT: this open file does not hold it
 */
#define SHRBUF_IOC_RELEASE	_IOW(SHRBUF_IOC_MAGIC, 0x0a, struct shrbuf_buffer_op)

/**
 * define SHRBUF_IOC_ADOPT - make a shared buffer of the buffer of another exporter
 *
 * Gives a file descriptor of a shared buffer that stands on the memory of @fd, or, if @fd
 * is a shared buffer, of itself. Adopting the same memory again, also elsewhere, gives the
 * same buffer. This open file of /dev/shrbuf keeps the buffer, so that this stays so,
 * until SHRBUF_IOC_DISOWN or until it is closed. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @flags or @reserved is not zero, @fd_flags has other flags, or @fd is not a
 *   dma-buf
 * - EBADF: @fd is not an open file
 * - EACCES: @fd does not allow the access mode of @fd_flags
 * - ENOSPC: this open file has to do with too many buffers
 * - ENOMEM: out of memory
 * - EMFILE, ENFILE: too many open files in the process, in the system
 */
#define SHRBUF_IOC_ADOPT	_IOWR(SHRBUF_IOC_MAGIC, 0x0b, struct shrbuf_adopt_op)

/**
 * define SHRBUF_IOC_DISOWN - undo SHRBUF_IOC_ADOPT
 *
 * The buffer lives on as long as others use it. Errors as for SHRBUF_IOC_RELEASE.
 */
#define SHRBUF_IOC_DISOWN	_IOW(SHRBUF_IOC_MAGIC, 0x0c, struct shrbuf_buffer_op)

/**
 * define SHRBUF_IOC_CONFIGURE - tell an attached queue what to do with held and fresh frames
 *
 * Lasts until the queue is configured again or detached. By default a queue does nothing
 * of this.
 *
 * SHRBUF_CONFIG_REFUSE: VIDIOC_QBUF and VIDIOC_PREPARE_BUF of a buffer whose frame is held
 * (SHRBUF_IOC_HOLD) fail with EBUSY, and nothing changes. When they succeed, the content
 * becomes SHRBUF_STATE_EMPTY at once, so that nobody can hold it any more.
 *
 * SHRBUF_CONFIG_WAIT: they wait first until nobody holds the frame, for @wait_ms. A signal
 * interrupts that. The wait keeps the lock of the queue, as any request on the device does,
 * so other threads cannot use the device meanwhile. It ends when the device is removed.
 * Drivers may need that lock to complete frames, which then wait for a program: so this does
 * not go together with SHRBUF_CONFIG_FENCES.
 *
 * SHRBUF_CONFIG_FENCES: while the driver of a streaming device has a buffer to fill, its
 * dma-buf has a write fence, for displays that wait for it by themselves and for
 * DMA_BUF_IOCTL_EXPORT_SYNC_FILE. The kernel signals it: when the frame is there, with error
 * EIO when the frame is damaged or the stream is stopped first, ECANCELED when the driver
 * gives the buffer back unused, ETIMEDOUT after @fence_ms. A display that waits for a fence
 * shows nothing else meanwhile, therefore this is not the default. A buffer that was not
 * exported when it was queued has no fence, nor has one that is queued before VIDIOC_STREAMON
 * until that succeeds. Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: unknown or contradicting @flags, a time that is out of its range, @reserved is
 *   not zero, or @fd is not a V4L2 device node
 * - EBADF: @fd is not an open file
 * - EOPNOTSUPP: the driver does not tell V4L2 about its queue
 * - ENOTCONN: the queue is not attached
 * - EBUSY: the queue has buffers. Free them (VIDIOC_REQBUFS with count 0) first.
 * - ENOMEM: out of memory
 * - ENODEV: the device was removed
 * - EINTR: interrupted by a signal
 */
#define SHRBUF_IOC_CONFIGURE	_IOW(SHRBUF_IOC_MAGIC, 0x0d, struct shrbuf_queue_config)

#endif /* _UAPI_LINUX_SHRBUF_H */
