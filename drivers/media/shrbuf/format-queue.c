// SPDX-License-Identifier: GPL-2.0
/*
 * The format of a queue: asks the driver, while a buffer is being allocated.
 */

/**
 * DOC: the format of a queue
 *
 * videobuf2 does not know what is in its buffers: drivers keep the format, and give it to
 * VIDIOC_G_FMT, for which V4L2 calls them with an open file. The allocator is not told
 * which file that is. But buffers are allocated for a process in one of its system calls
 * (VIDIOC_REQBUFS, VIDIOC_CREATE_BUFS, VIDIOC_QBUF, VIDIOC_PREPARE_BUF, or read(),
 * write() or poll() of the device), so the process has the device open. Any of its files
 * of the device will do: there is one queue for all of them, so one format.
 *
 * Locks. VIDIOC_G_FMT runs under &video_device.lock; whatever locks the driver takes
 * within, it takes inside of that one. Allocation runs under &vb2_queue.lock if there is
 * one, else under &video_device.lock. So the driver can be asked right there, as V4L2
 * would ask it, if
 *
 * - both are the same lock, or the queue has none: the driver is called with the locks
 *   that it expects, and the order of locks is one that V4L2 has made before. The format
 *   cannot change under us: VIDIOC_S_FMT takes that lock as well.
 * - the driver takes no lock of its own around the allocation that it takes in
 *   VIDIOC_G_FMT too. There is none if it has left the request to videobuf2's functions.
 *   A few drivers (in 6.1 vivid and exynos4-is) have functions of their own for
 *   VIDIOC_REQBUFS or VIDIOC_CREATE_BUFS, which look at the arguments, and take no lock:
 *   drivers whose V4L2 takes the lock have no use for another. These are trusted. No
 *   driver does this with the other system calls, and one that did is not asked.
 *
 * Where the queue has a lock of its own that is not tried. Reading the format there would
 * be no worse a race than the driver's own queue_setup(), which runs under the same lock
 * just before. But the locks that the driver takes for VIDIOC_G_FMT may be the outer ones
 * elsewhere: uvcvideo's VIDIOC_S_FMT takes its stream lock and then that of the queue.
 * Such a queue has no format, as have those whose driver does not tell V4L2 about them.
 */

#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/videodev2.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-ioctl.h>
#include <media/videobuf2-core.h>
#include <media/videobuf2-v4l2.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-priv.h"

/**
 * struct file_search - what queue_file_match() looks for
 * @q: queue of the device
 * @file: out: an open file of the device, with a reference, or NULL
 */
struct file_search {
	const struct vb2_queue *q;
	struct file *file;
};

/* Runs under the spinlock of the file table. */
static int queue_file_match(const void *arg, struct file *file, unsigned int fd)
{
	struct file_search *search = *(struct file_search *const *)arg;

	/* O_PATH opens no device. All others were opened by V4L2, which keeps the device. */
	if ((file->f_mode & FMODE_PATH) || !shrbuf_is_device(file, VIDEO_MAJOR) ||
	    video_devdata(file)->queue != search->q)
		return 0;
	search->file = get_file(file);
	return 1;
}

/*
 * An open file of the device of the queue, or NULL. Another thread may close it
 * meanwhile: then the driver hears of it after the caller's fput(), when this task is
 * back outside of all locks.
 */
static struct file *queue_file(const struct vb2_queue *q)
{
	struct file_search search = { .q = q };
	struct file_search *arg = &search;

	iterate_fd(current->files, 0, queue_file_match, &arg);
	return search.file;
}

/* No lock of the driver but V4L2's is around allocations, see above. */
static bool driver_can_be_asked(struct video_device *vdev)
{
	const struct v4l2_file_operations *fops = vdev->fops;
	const struct v4l2_ioctl_ops *ops = vdev->ioctl_ops;
	const struct vb2_queue *q = vdev->queue;

	if (!vdev->lock || (q->lock && q->lock != vdev->lock))
		return false;
	return ops && fops &&
	       (!ops->vidioc_prepare_buf ||
		ops->vidioc_prepare_buf == vb2_ioctl_prepare_buf) &&
	       (!ops->vidioc_qbuf || ops->vidioc_qbuf == vb2_ioctl_qbuf) &&
	       (!fops->read || fops->read == vb2_fop_read) &&
	       (!fops->write || fops->write == vb2_fop_write) &&
	       (!fops->poll || fops->poll == vb2_fop_poll);
}

/* The driver has it, and has not disabled it for this device. */
static bool ioctl_valid(struct video_device *vdev, unsigned int cmd, const void *op)
{
	return op && test_bit(_IOC_NR(cmd), vdev->valid_ioctls);
}

static int queue_g_fmt(struct file *file, struct video_device *vdev,
		       struct v4l2_format *f)
{
	const struct v4l2_ioctl_ops *ops = vdev->ioctl_ops;
	int (*op)(struct file *file, void *fh, struct v4l2_format *f);
	bool single = true;
	int ret;

	switch (f->type) {
	case V4L2_BUF_TYPE_VIDEO_CAPTURE:
		op = ops->vidioc_g_fmt_vid_cap;
		break;
	case V4L2_BUF_TYPE_VIDEO_OUTPUT:
		op = ops->vidioc_g_fmt_vid_out;
		break;
	case V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
		op = ops->vidioc_g_fmt_vid_cap_mplane;
		single = false;
		break;
	case V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE:
		op = ops->vidioc_g_fmt_vid_out_mplane;
		single = false;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!ioctl_valid(vdev, VIDIOC_G_FMT, op))
		return -EOPNOTSUPP;

	if (single)
		f->fmt.pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;
	ret = op(file, file->private_data, f);
	/* Drivers clear it, V4L2 puts it back. */
	if (single)
		f->fmt.pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;
	return ret;
}

/* The part of the picture that the device writes or reads. */
static int queue_g_selection(struct file *file, struct video_device *vdev, u32 type,
			     struct v4l2_rect *rect)
{
	const struct v4l2_ioctl_ops *ops = vdev->ioctl_ops;
	struct v4l2_selection sel = { };
	int ret;

	if (!ioctl_valid(vdev, VIDIOC_G_SELECTION, ops->vidioc_g_selection))
		return -ENOTTY;
	/* Drivers see the single-planar types only. */
	if (V4L2_TYPE_IS_OUTPUT(type)) {
		sel.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
		sel.target = V4L2_SEL_TGT_CROP;
	} else {
		sel.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
		sel.target = V4L2_SEL_TGT_COMPOSE;
	}
	ret = ops->vidioc_g_selection(file, file->private_data, &sel);
	*rect = sel.r;
	return ret;
}

/**
 * shrbuf_format_of_queue - how a buffer that is being allocated is to be read
 * @q: queue
 * @mem_plane: which plane of the buffer it is
 * @size: of the plane, in bytes
 * @out: out: the format, all zero if it fails
 *
 * Context: process context, in the memory operations alloc and attach_dmabuf of
 * videobuf2, so under the lock that V4L2 takes for requests of this queue. Calls the
 * driver, may sleep.
 *
 * Return: 0, or a negative errno, which means only that the format is not known:
 *
 * - -ENODATA: the current process has no device of this queue open
 * - -ENODEV: the device was removed
 * - -EOPNOTSUPP: it is no queue of pictures, or the driver cannot be asked here
 * - -EINVAL: the driver's answer makes no sense for this plane
 * - what the driver says
 */
int shrbuf_format_of_queue(struct vb2_queue *q, unsigned int mem_plane, size_t size,
			   struct shrbuf_format *out)
{
	struct v4l2_format f = { .type = q->type };
	struct video_device *vdev;
	struct v4l2_rect rect;
	struct file *file;
	bool whole;
	int ret;

	might_sleep();
	memset(out, 0, sizeof(*out));
	file = queue_file(q);
	if (!file)
		return -ENODATA;
	vdev = video_devdata(file);
	ret = -ENODEV;
	if (!video_is_registered(vdev))
		goto out_file;
	ret = -EOPNOTSUPP;
	if (!driver_can_be_asked(vdev))
		goto out_file;
	lockdep_assert_held(vdev->lock);

	ret = queue_g_fmt(file, vdev, &f);
	if (ret)
		goto out_file;
	whole = queue_g_selection(file, vdev, f.type, &rect);
	ret = shrbuf_format_from_v4l2(&f, whole ? NULL : &rect, mem_plane, size, out);

out_file:
	fput(file);
	return ret;
}
