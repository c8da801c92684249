/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libshrbuf: the requests of /dev/shrbuf as functions.
 */
#ifndef _SHRBUF_SHRBUF_H
#define _SHRBUF_SHRBUF_H

#include <stddef.h>

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
 * closes none, and keeps none. A &struct shrbuf_map has one of its own.
 */

/**
 * enum shrbuf_request - what failed, for shrbuf_explain()
 * @SHRBUF_REQUEST_OPEN: shrbuf_open()
 * @SHRBUF_REQUEST_GET_VERSION: shrbuf_get_version()
 * @SHRBUF_REQUEST_ATTACH_QUEUE: shrbuf_attach_queue()
 * @SHRBUF_REQUEST_DETACH_QUEUE: shrbuf_detach_queue()
 * @SHRBUF_REQUEST_ALLOC: shrbuf_alloc()
 * @SHRBUF_REQUEST_MAP: shrbuf_map(), shrbuf_map_begin(), shrbuf_map_end(), shrbuf_unmap()
 */
enum shrbuf_request {
	SHRBUF_REQUEST_OPEN,
	SHRBUF_REQUEST_GET_VERSION,
	SHRBUF_REQUEST_ATTACH_QUEUE,
	SHRBUF_REQUEST_DETACH_QUEUE,
	SHRBUF_REQUEST_ALLOC,
	SHRBUF_REQUEST_MAP
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
