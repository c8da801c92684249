// SPDX-License-Identifier: GPL-2.0
/*
 * SHRBUF_IOC_ALLOC: which memory, and for which device.
 */

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>
#include <media/v4l2-dev.h>
#include <media/videobuf2-core.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-priv.h"

#define ALLOC_FLAGS	(SHRBUF_ALLOC_CONTIG | SHRBUF_ALLOC_DEVICE | SHRBUF_ALLOC_DEBUG)

/**
 * struct alloc_device - the device that memory is for
 * @file: the open file that was named, a reference is held. It keeps all of the rest.
 * @dev: what accesses memory
 * @owner: module of its driver, or NULL
 */
struct alloc_device {
	struct file *file;
	struct device *dev;
	struct module *owner;
};

static int alloc_device_v4l2(struct alloc_device *ad)
{
	struct video_device *vdev = video_devdata(ad->file);

	/* As V4L2 does it, before anything of the driver is touched. */
	if (!video_is_registered(vdev))
		return -ENODEV;
	/* The queue knows best. Drivers that do not show it have the device as parent. */
	if (vdev->queue)
		ad->dev = vdev->queue->dev;
	if (!ad->dev)
		ad->dev = vdev->dev_parent;
	ad->owner = vdev->fops->owner;
	return 0;
}

/* Reads structures only: a function of DRM would keep us from loading without it. */
static int alloc_device_drm(struct alloc_device *ad)
{
	struct drm_file *file_priv = ad->file->private_data;
	struct drm_device *drm = file_priv->minor->dev;

	if (READ_ONCE(drm->unplugged))
		return -ENODEV;
	ad->dev = drm->dev;
	ad->owner = drm->driver->fops->owner;
	return 0;
}

/*
 * Finds the device behind a file descriptor. On success the caller gives ad->file to
 * fput(). Does not sleep.
 *
 * Return: 0, -EBADF, -EINVAL, -ENODEV or -EOPNOTSUPP as documented at SHRBUF_IOC_ALLOC
 */
static int alloc_device_get(struct alloc_device *ad, int fd)
{
	int ret = -EINVAL;

	ad->file = fget(fd);
	if (!ad->file)
		return -EBADF;
	if (shrbuf_is_device(ad->file, VIDEO_MAJOR))
		ret = alloc_device_v4l2(ad);
	else if (shrbuf_is_device(ad->file, DRM_MAJOR))
		ret = alloc_device_drm(ad);
	if (!ret && (!ad->dev || !ad->dev->dma_mask || !*ad->dev->dma_mask))
		ret = -EOPNOTSUPP;
	if (ret)
		fput(ad->file);
	return ret;
}

/* Where pages must lie for a device to reach them without bouncing. NULL: anywhere. */
static gfp_t alloc_zone(struct device *dev)
{
	u64 mask;

	if (!dev)
		return 0;
	mask = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
	/* All memory of this system, or what the IOMMU needs, which is less. */
	if (mask >= dma_get_required_mask(dev))
		return 0;
	return mask >= DMA_BIT_MASK(32) ? GFP_DMA32 : GFP_DMA;
}

static struct shrbuf *alloc_buffer(const struct shrbuf_alloc_op *arg,
				   const struct alloc_device *ad)
{
	const char *name = arg->name[0] ? (const char *)arg->name : current->comm;

	if (arg->flags & SHRBUF_ALLOC_CONTIG)
		return shrbuf_alloc_contig(ad->dev, ad->owner, arg->size, name);
	if (arg->flags & SHRBUF_ALLOC_DEBUG)
		return shrbuf_alloc_debug(arg->size, alloc_zone(ad->dev), name);
	return shrbuf_alloc_pages(arg->size, alloc_zone(ad->dev), name);
}

static bool alloc_valid(const struct shrbuf_alloc_op *arg)
{
	if (arg->flags & ~ALLOC_FLAGS ||
	    (arg->flags & SHRBUF_ALLOC_CONTIG && arg->flags & SHRBUF_ALLOC_DEBUG))
		return false;
	if (arg->device && !(arg->flags & SHRBUF_ALLOC_DEVICE))
		return false;
	if (!shrbuf_fd_flags_valid(arg->fd_flags))
		return false;
	return memchr(arg->name, 0, sizeof(arg->name)) &&
	       !memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) &&
	       arg->size <= SIZE_MAX && shrbuf_size_ok(arg->size);
}

/**
 * shrbuf_ioctl_alloc - SHRBUF_IOC_ALLOC
 * @uptr: the argument of the caller
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_ioctl_alloc(void __user *uptr)
{
	struct alloc_device ad = { };
	struct shrbuf_alloc_op arg;
	struct shrbuf *sb;
	long ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (!alloc_valid(&arg))
		return -EINVAL;
	if (arg.flags & SHRBUF_ALLOC_DEVICE) {
		ret = alloc_device_get(&ad, arg.device);
		if (ret)
			return ret;
	}

	sb = alloc_buffer(&arg, &ad);
	if (ad.file)
		fput(ad.file);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	arg.size = shrbuf_size(sb);
	ret = shrbuf_give_fd(sb, arg.fd_flags, &arg.fd, uptr, &arg, sizeof(arg));
	shrbuf_put(sb);
	return ret;
}
