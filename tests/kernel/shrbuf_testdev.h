/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/shrbuf_test: lets test programs call the interface inside the kernel. The
 * argument is a number, not a pointer.
 */
#ifndef _SHRBUF_TESTDEV_H
#define _SHRBUF_TESTDEV_H

#include <linux/ioctl.h>

/* shrbuf_import(arg), gives the id back */
#define SHRBUF_TEST_IMPORT	_IO('t', 0)
/* shrbuf_adopt(arg) and shrbuf_export(), gives a file descriptor back */
#define SHRBUF_TEST_ADOPT	_IO('t', 1)
/*
 * shrbuf_import(arg), and the file stays a user of the buffer until it is closed. One
 * buffer for each file, else EBUSY.
 */
#define SHRBUF_TEST_KEEP	_IO('t', 3)
/* shrbuf_alloc() of arg pages and shrbuf_export(), gives a file descriptor back */
#define SHRBUF_TEST_ALLOC	_IO('t', 2)
/*
 * What a driver does that uses dma_buf_vmap() without begin_cpu_access, as videobuf2's
 * vmalloc allocator: SHRBUF_TEST_FILL writes a byte all over the memory,
 * SHRBUF_TEST_PEEK gives back the first byte of a page. For any dma-buf.
 */
#define SHRBUF_TEST_FILL	_IO('t', 4)
#define SHRBUF_TEST_PEEK	_IO('t', 5)
/* The argument of these: a file descriptor below 65536, and the byte or the page. */
#define SHRBUF_TEST_ARG(fd, number)	((unsigned long)(number) << 16 | (fd))
/*
 * From now on, if the argument is not zero, the machine does not suspend: all tasks are frozen,
 * and go on, since this device is not ready. Gives back how often that was. No device sleeps,
 * not even those that the file system of the guest needs.
 */
#define SHRBUF_TEST_REFUSE_SUSPEND	_IO('t', 6)

#endif /* _SHRBUF_TESTDEV_H */
