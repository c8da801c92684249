// SPDX-License-Identifier: GPL-2.0
/*
 * A device for test programs, see shrbuf_testdev.h.
 */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/pm_domain.h>
#include <media/shrbuf.h>

#include "shrbuf-compat.h"
#include "shrbuf_testdev.h"

/* Suspends that were refused, and whether the next one is. */
static atomic_t refused;
static bool refuses;

/* Exports a buffer and gives its reference back. */
static long testdev_export(struct shrbuf *sb)
{
	long fd;

	if (IS_ERR(sb))
		return PTR_ERR(sb);
	fd = shrbuf_export(sb, O_RDWR | O_CLOEXEC);
	shrbuf_put(sb);
	return fd;
}

/* Fills all memory with @number, or looks at the first byte of that page. */
static long testdev_vmap(unsigned int cmd, int fd, unsigned long number)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct iosys_map map;
	long ret;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = -EINVAL;
	if (cmd == SHRBUF_TEST_PEEK && number >= dmabuf->size >> PAGE_SHIFT)
		goto out;
	ret = dma_buf_vmap(dmabuf, &map);
	if (ret)
		goto out;
	if (cmd == SHRBUF_TEST_PEEK)
		ret = *((u8 *)map.vaddr + (number << PAGE_SHIFT));
	else
		memset(map.vaddr, number, dmabuf->size);
	dma_buf_vunmap(dmabuf, &map);
out:
	dma_buf_put(dmabuf);
	return ret;
}

static long testdev_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	struct shrbuf *sb;
	long id;

	switch (cmd) {
	case SHRBUF_TEST_IMPORT:
		sb = shrbuf_import(arg);
		if (IS_ERR(sb))
			return PTR_ERR(sb);
		id = shrbuf_id(sb);
		shrbuf_put(sb);
		return id;
	case SHRBUF_TEST_ADOPT:
		return testdev_export(shrbuf_adopt(arg));
	case SHRBUF_TEST_KEEP:
		sb = shrbuf_import(arg);
		if (IS_ERR(sb))
			return PTR_ERR(sb);
		if (cmpxchg(&file->private_data, NULL, sb)) {
			shrbuf_put(sb);
			return -EBUSY;
		}
		return 0;
	case SHRBUF_TEST_ALLOC:
		return testdev_export(shrbuf_alloc(arg << PAGE_SHIFT, "test"));
	case SHRBUF_TEST_FILL:
	case SHRBUF_TEST_PEEK:
		return testdev_vmap(cmd, arg & U16_MAX, arg >> 16);
	case SHRBUF_TEST_REFUSE_SUSPEND:
		WRITE_ONCE(refuses, arg);
		return atomic_read(&refused);
	default:
		return -ENOTTY;
	}
}

static int testdev_open(struct inode *inode, struct file *file)
{
	/* misc puts its device here */
	file->private_data = NULL;
	return 0;
}

static int testdev_release(struct inode *inode, struct file *file)
{
	shrbuf_put(file->private_data);
	return 0;
}

static const struct file_operations testdev_fops = {
	.owner = THIS_MODULE,
	.open = testdev_open,
	.release = testdev_release,
	.unlocked_ioctl = testdev_ioctl,
};

static struct miscdevice testdev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shrbuf_test",
	.fops = &testdev_fops,
	.mode = 0600,
};

/* The first that devices see of a suspend: all tasks are frozen, no device sleeps yet. */
static int testdev_prepare(struct device *dev)
{
	if (!READ_ONCE(refuses))
		return 0;
	atomic_inc(&refused);
	return -EBUSY;
}

static struct dev_pm_domain testdev_domain = {
	.ops.prepare = testdev_prepare,
};

static int __init testdev_init(void)
{
	int ret = misc_register(&testdev);

	if (!ret)
		dev_pm_domain_set(testdev.this_device, &testdev_domain);
	return ret;
}
module_init(testdev_init);

static void __exit testdev_exit(void)
{
	dev_pm_domain_set(testdev.this_device, NULL);
	misc_deregister(&testdev);
}
module_exit(testdev_exit);

MODULE_DESCRIPTION("Test device of shared buffers");
MODULE_LICENSE("GPL");
SHRBUF_COMPAT_IMPORT_NS_DMA_BUF;
