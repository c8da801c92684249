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
#include "route.h"
#include "trace.h"

static long shrbuf_ioctl_version(void __user *uptr)
{
	struct shrbuf_version arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;

	arg.abi = SHRBUF_ABI_VERSION;
	arg.features = SHRBUF_FEATURE_ATTACH | SHRBUF_FEATURE_ALLOC |
		       SHRBUF_FEATURE_STATE | SHRBUF_FEATURE_WATCH |
		       SHRBUF_FEATURE_HOLD | SHRBUF_FEATURE_ADOPT |
		       SHRBUF_FEATURE_CONFIG | SHRBUF_FEATURE_CONTIG |
		       SHRBUF_FEATURE_DEBUG | SHRBUF_FEATURE_ROUTE;
#ifdef SHRBUF_HAS_KMS
	arg.features |= SHRBUF_FEATURE_ROUTE_KMS;
#endif
	memset(arg.release, 0, sizeof(arg.release));
	strscpy(arg.release, SHRBUF_RELEASE, sizeof(arg.release));
	return copy_to_user(uptr, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long shrbuf_ioctl_queue(unsigned int cmd, void __user *uptr)
{
	struct shrbuf_queue_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (cmd == SHRBUF_IOC_DETACH)
		return arg.flags ? -EINVAL : shrbuf_queue_detach(arg.fd);
	if (arg.flags & ~SHRBUF_ATTACH_TEST)
		return -EINVAL;
	return shrbuf_queue_attach(arg.fd, arg.flags & SHRBUF_ATTACH_TEST);
}

/* A time in milliseconds that must be given exactly when it is wanted. */
static bool time_valid(bool wanted, u32 time, u32 max)
{
	return wanted ? time >= 1 && time <= max : !time;
}

static long shrbuf_ioctl_configure(void __user *uptr)
{
	struct shrbuf_queue_config arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~(SHRBUF_CONFIG_REFUSE | SHRBUF_CONFIG_WAIT |
			  SHRBUF_CONFIG_FENCES) ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	/* It contradicts REFUSE, and makes fences of some drivers depend on programs. */
	if (arg.flags & SHRBUF_CONFIG_WAIT && arg.flags != SHRBUF_CONFIG_WAIT)
		return -EINVAL;
	if (!time_valid(arg.flags & SHRBUF_CONFIG_WAIT, arg.wait_ms,
			SHRBUF_MAX_WAIT_MS) ||
	    !time_valid(arg.flags & SHRBUF_CONFIG_FENCES, arg.fence_ms,
			SHRBUF_MAX_FENCE_MS))
		return -EINVAL;
	return shrbuf_queue_configure(&arg);
}

/* What programs may ask for in fd_flags. */
bool shrbuf_fd_flags_valid(u32 fd_flags)
{
	return !(fd_flags & ~(O_ACCMODE | O_CLOEXEC)) &&
	       (fd_flags & O_ACCMODE) != O_ACCMODE;
}

/**
 * shrbuf_get_by_fd - the buffer of a file descriptor
 * @fd: of the calling process
 * @sb: out: the buffer; the caller is no user of it
 * @dmabuf: out: holds @sb until dma_buf_put()
 *
 * May sleep.
 *
 * Return: 0, or -EBADF, or -EINVAL if it is no shared buffer
 */
int shrbuf_get_by_fd(int fd, struct shrbuf **sb, struct dma_buf **dmabuf)
{
	*dmabuf = dma_buf_get(fd);
	if (IS_ERR(*dmabuf))
		return PTR_ERR(*dmabuf);
	*sb = shrbuf_from_dmabuf(*dmabuf);
	if (!*sb) {
		dma_buf_put(*dmabuf);
		return -EINVAL;
	}
	return 0;
}

/**
 * shrbuf_give_fd - give the caller a file descriptor of a buffer, and end the request
 * @sb: buffer, the caller is a user
 * @fd_flags: valid ones
 * @fd: out: field of @arg for the file descriptor
 * @uptr: where the argument of the request came from
 * @arg: the argument
 * @len: its size
 *
 * The file descriptor is installed when nothing can fail any more. May sleep.
 *
 * Return: 0, -EFAULT, -EMFILE, or the errors of shrbuf_get_dmabuf()
 */
int shrbuf_give_fd(struct shrbuf *sb, u32 fd_flags, s32 *fd, void __user *uptr,
		   const void *arg, size_t len)
{
	struct dma_buf *dmabuf;

	*fd = get_unused_fd_flags(O_CLOEXEC);
	if (*fd < 0)
		return *fd;
	dmabuf = shrbuf_get_dmabuf(sb, fd_flags & O_ACCMODE);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(*fd);
		return PTR_ERR(dmabuf);
	}
	if (copy_to_user(uptr, arg, len)) {
		put_unused_fd(*fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	trace_shrbuf_export(sb);
	/* The file takes our reference. */
	fd_install(*fd, dmabuf->file);
	return 0;
}

static long shrbuf_ioctl_info(void __user *uptr)
{
	struct dma_buf *dmabuf;
	struct shrbuf_info arg;
	struct shrbuf *sb;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_get_by_fd(arg.fd, &sb, &dmabuf);
	if (ret)
		return ret;
	arg.id = sb->id;
	arg.size = sb->size;
	strscpy_pad(arg.name, sb->name, sizeof(arg.name));
	strscpy_pad(arg.backing, sb->ops->name, sizeof(arg.backing));
	shrbuf_state_read(sb, &arg);
	dma_buf_put(dmabuf);
	return copy_to_user(uptr, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long shrbuf_ioctl_set_format(void __user *uptr)
{
	struct shrbuf_format_op arg;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_get_by_fd(arg.fd, &sb, &dmabuf);
	if (ret)
		return ret;
	ret = shrbuf_format_check(&arg.format, sb->size);
	if (!ret && !(dmabuf->file->f_mode & FMODE_WRITE))
		ret = -EACCES;
	if (!ret)
		ret = shrbuf_state_set_format(sb, &arg.format);
	dma_buf_put(dmabuf);
	return ret;
}

static long shrbuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct shrbuf_client *client = file->private_data;
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case SHRBUF_IOC_VERSION:
		return shrbuf_ioctl_version(uptr);
	case SHRBUF_IOC_ATTACH:
	case SHRBUF_IOC_DETACH:
		return shrbuf_ioctl_queue(cmd, uptr);
	case SHRBUF_IOC_ROUTE_CREATE:
		return shrbuf_route_create(uptr);
	case SHRBUF_IOC_CONFIGURE:
		return shrbuf_ioctl_configure(uptr);
	case SHRBUF_IOC_ALLOC:
		return shrbuf_ioctl_alloc(uptr);
	case SHRBUF_IOC_INFO:
		return shrbuf_ioctl_info(uptr);
	case SHRBUF_IOC_SET_FORMAT:
		return shrbuf_ioctl_set_format(uptr);
	case SHRBUF_IOC_SET_STATE:
		return shrbuf_client_set_state(client, uptr);
	case SHRBUF_IOC_WATCH:
		return shrbuf_client_watch(client, uptr);
	case SHRBUF_IOC_UNWATCH:
		return shrbuf_client_unwatch(client, uptr);
	case SHRBUF_IOC_HOLD:
		return shrbuf_client_hold(client, uptr);
	case SHRBUF_IOC_RELEASE:
		return shrbuf_client_release(client, uptr);
	case SHRBUF_IOC_ADOPT:
		return shrbuf_client_adopt(client, uptr);
	case SHRBUF_IOC_DISOWN:
		return shrbuf_client_disown(client, uptr);
	default:
		return -ENOTTY;
	}
}

static int shrbuf_open(struct inode *inode, struct file *file)
{
	struct shrbuf_client *client = shrbuf_client_new();

	if (IS_ERR(client))
		return PTR_ERR(client);
	file->private_data = client;
	/* Events come in order, there is no place to seek to. */
	return stream_open(inode, file);
}

static int shrbuf_release(struct inode *inode, struct file *file)
{
	shrbuf_client_free(file->private_data);
	return 0;
}

static ssize_t shrbuf_read(struct file *file, char __user *uptr, size_t len,
			   loff_t *pos)
{
	return shrbuf_events_read(file->private_data, uptr, len,
				  file->f_flags & O_NONBLOCK);
}

static __poll_t shrbuf_poll(struct file *file, struct poll_table_struct *table)
{
	return shrbuf_events_poll(file->private_data, file, table);
}

static void shrbuf_show_fdinfo(struct seq_file *m, struct file *file)
{
	shrbuf_client_show(file->private_data, m);
}

static const struct file_operations shrbuf_fops = {
	.owner		= THIS_MODULE,
	.open		= shrbuf_open,
	.release	= shrbuf_release,
	.read		= shrbuf_read,
	.poll		= shrbuf_poll,
	.show_fdinfo	= shrbuf_show_fdinfo,
	.unlocked_ioctl	= shrbuf_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= no_llseek,
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
	ret = shrbuf_flights_init();
	if (ret)
		goto err_adopt;
	shrbuf_debugfs_init();
	/* Final step: expose to user space. */
	ret = misc_register(&shrbuf_device);
	if (ret)
		goto err_debugfs;
	return 0;

err_debugfs:
	shrbuf_debugfs_exit();
	shrbuf_flights_exit();
err_adopt:
	shrbuf_adopt_exit();
	return ret;
}

static void __exit shrbuf_module_exit(void)
{
	misc_deregister(&shrbuf_device);
	shrbuf_debugfs_exit();
	shrbuf_queue_exit();
	shrbuf_flights_exit();
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
