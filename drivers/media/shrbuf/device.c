// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/shrbuf, and start and end of the module.
 */

#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-priv.h"
#include "trace.h"

static long shrbuf_ioctl_version(void __user *uptr)
{
	struct shrbuf_version arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;

	arg.abi = SHRBUF_ABI_VERSION;
	arg.features = SHRBUF_FEATURE_ATTACH | SHRBUF_FEATURE_ALLOC;
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

/* A file descriptor of a buffer, which is then held by that and by the caller. */
static int shrbuf_alloc_fd(struct shrbuf *sb, void __user *uptr,
			   struct shrbuf_alloc_op *arg)
{
	struct dma_buf *dmabuf;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	dmabuf = shrbuf_get_dmabuf(sb, arg->fd_flags & O_ACCMODE);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(fd);
		return PTR_ERR(dmabuf);
	}
	arg->size = shrbuf_size(sb);
	arg->fd = fd;
	if (copy_to_user(uptr, arg, sizeof(*arg))) {
		put_unused_fd(fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	trace_shrbuf_export(sb);
	/* Nothing can fail from here on. The file takes our reference. */
	fd_install(fd, dmabuf->file);
	return 0;
}

static long shrbuf_ioctl_alloc(void __user *uptr)
{
	struct shrbuf_alloc_op arg;
	struct shrbuf *sb;
	long ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || arg.pad ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (arg.fd_flags & ~(O_ACCMODE | O_CLOEXEC) ||
	    (arg.fd_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (!memchr(arg.name, 0, sizeof(arg.name)) || arg.size > SIZE_MAX)
		return -EINVAL;

	sb = shrbuf_alloc(arg.size, arg.name[0] ? (char *)arg.name :
						  current->comm);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	ret = shrbuf_alloc_fd(sb, uptr, &arg);
	shrbuf_put(sb);
	return ret;
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
