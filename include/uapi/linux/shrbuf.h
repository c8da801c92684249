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

/**
 * struct shrbuf_queue_op - argument of SHRBUF_IOC_ATTACH and SHRBUF_IOC_DETACH
 * @fd: in: file descriptor of an open video device node
 * @flags: in: must be zero
 * @reserved: in: must be zero
 */
struct shrbuf_queue_op {
	__s32 fd;
	__u32 flags;
	__u64 reserved[2];
};

/**
 * struct shrbuf_alloc_op - argument of SHRBUF_IOC_ALLOC
 * @size: in: size in bytes. out: size of the buffer, rounded up to whole pages
 * @flags: in: must be zero
 * @fd_flags: in: access mode of the file descriptor: O_RDONLY, O_WRONLY or O_RDWR, and
 *	O_CLOEXEC or not, which changes nothing
 * @fd: out: file descriptor of the buffer, closed on exec
 * @pad: in: must be zero
 * @name: in: name of the buffer in listings, ends with a zero byte; if it is empty the
 *	buffer is named after the program
 * @reserved: in: must be zero
 */
struct shrbuf_alloc_op {
	__u64 size;
	__u32 flags;
	__u32 fd_flags;
	__s32 fd;
	__u32 pad;
	__u8 name[32];
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
 * The request waits for the lock of the queue. A signal interrupts that wait; it
 * is then restarted, or fails with EINTR, with nothing changed. Errors:
 *
 * - EFAULT: the argument cannot be read
 * - EINVAL: @flags or @reserved is not zero, or @fd is not a V4L2 device node
 * - EBADF: @fd is not an open file
 * - EOPNOTSUPP: the driver does not tell V4L2 about its queue, or the queue has
 *   an allocator or a locking that shrbuf does not know
 * - EALREADY: the queue gives shared buffers already
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
 * The memory is zeroed, in pages that need not be contiguous, and charged to the memory
 * cgroup of the caller. The size never changes. The buffer is a dma-buf: V4L2 takes it
 * as V4L2_MEMORY_DMABUF, displays import it, and it can be mapped (MAP_SHARED). It lives
 * until the last user has let go. Sleeps while it waits for memory. Errors:
 *
 * - EFAULT: the argument cannot be read or written
 * - EINVAL: @size is zero or more than 4 GiB less one page, @flags, @pad or @reserved
 *   is not zero, @fd_flags has other flags, or @name has no zero byte
 * - ENOMEM: out of memory, or over the limit of the memory cgroup
 * - EMFILE, ENFILE: too many open files in the process, in the system
 * - EINTR: the caller was killed
 */
#define SHRBUF_IOC_ALLOC	_IOWR(SHRBUF_IOC_MAGIC, 0x03, struct shrbuf_alloc_op)

#endif /* _UAPI_LINUX_SHRBUF_H */
