// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/shrbuf, and start and end of the module.
 */

#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-priv.h"

static long shrbuf_ioctl_version(void __user *uptr)
{
	struct shrbuf_version arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;

	arg.abi = SHRBUF_ABI_VERSION;
	arg.features = SHRBUF_FEATURE_ATTACH | SHRBUF_FEATURE_ALLOC |
		       SHRBUF_FEATURE_CONTIG | SHRBUF_FEATURE_DEBUG;
	memset(arg.release, 0, sizeof(arg.release));
	strscpy(arg.release, SHRBUF_RELEASE, sizeof(arg.release));
	return copy_to_user(uptr, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long shrbuf_ioctl_queue(unsigned int cmd, void __user *uptr)
{
	struct shrbuf_queue_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return cmd == SHRBUF_IOC_ATTACH ? shrbuf_queue_attach(arg.fd) :
					  shrbuf_queue_detach(arg.fd);
}

static long shrbuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case SHRBUF_IOC_VERSION:
		return shrbuf_ioctl_version(uptr);
	case SHRBUF_IOC_ATTACH:
	case SHRBUF_IOC_DETACH:
		return shrbuf_ioctl_queue(cmd, uptr);
	case SHRBUF_IOC_ALLOC:
		return shrbuf_ioctl_alloc(uptr);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations shrbuf_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= shrbuf_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice shrbuf_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shrbuf",
	.fops	= &shrbuf_fops,
	.mode	= 0660,
};

/**
 * shrbuf_dma_device - the device to allocate memory for that is for no other one
 *
 * Only while /dev/shrbuf is open. It gets its DMA mask when it is needed first, because
 * programs can open it before misc_register() has returned. May sleep.
 *
 * Return: a device with a DMA mask of 32 bits, as most devices have, or -EIO if this
 * system has no memory for that
 */
struct device *shrbuf_dma_device(void)
{
	static DEFINE_MUTEX(lock);
	struct device *dev = shrbuf_device.this_device;
	int ret = 0;

	mutex_lock(&lock);
	if (!dev->dma_mask)
		ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(32));
	mutex_unlock(&lock);
	return ret ? ERR_PTR(ret) : dev;
}

static int __init shrbuf_module_init(void)
{
	int ret;

	ret = shrbuf_adopt_init();
	if (ret)
		return ret;
	shrbuf_debugfs_init();
	/* Final step: expose to user space. */
	ret = misc_register(&shrbuf_device);
	if (ret)
		goto err_debugfs;
	return 0;

err_debugfs:
	shrbuf_debugfs_exit();
	shrbuf_adopt_exit();
	return ret;
}

static void __exit shrbuf_module_exit(void)
{
	misc_deregister(&shrbuf_device);
	shrbuf_debugfs_exit();
	shrbuf_queue_exit();
	shrbuf_adopt_exit();
	shrbuf_buffers_exit();
	/*
	 * Whoever dropped the last reference of this module may not have
	 * returned from its code yet, see "lifetime" in buffer.c.
	 */
	synchronize_rcu_tasks();
}

module_init(shrbuf_module_init);
module_exit(shrbuf_module_exit);

MODULE_DESCRIPTION("Shared buffers between devices and processes");
MODULE_LICENSE("GPL");
MODULE_VERSION(SHRBUF_RELEASE);
SHRBUF_COMPAT_IMPORT_NS_DMA_BUF;
