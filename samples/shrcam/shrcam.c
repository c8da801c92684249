// SPDX-License-Identifier: GPL-2.0
/*
 * shrcam: a camera without hardware, to show how a capture driver is written whose
 * frames are shared buffers. The picture is the kernel's test pattern generator.
 *
 * What makes it a driver for shared buffers is one line in shrcam_init_queue(). All
 * the rest is what every capture driver with videobuf2 has to do, and the comments
 * say why. For other memory than vmalloc memory, see <media/shrbuf.h>.
 *
 * Locks, outer first:
 *
 *   shrcam.lock	serialises all requests of user space: the V4L2 core takes it
 *			for ioctls, videobuf2 for read, poll and close. Protects format
 *			and size. Most callbacks run under it.
 *   shrcam.ctrls.lock	of the control framework, held in s_ctrl. Protects what
 *			controls change and the picture depends on: the generator.
 *   shrcam.buffers_lock	protects the list of buffers. A leaf.
 *
 * The frame work must not take shrcam.lock: stop_streaming waits for the work with that
 * lock held. So it gets along with the two others.
 */

#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/videodev2.h>
#include <linux/workqueue.h>
#include <media/shrbuf.h>
#include <media/tpg/v4l2-tpg.h>
#include <media/v4l2-common.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-ioctl.h>
#include <media/videobuf2-v4l2.h>

#include "shrbuf-compat.h"

#define SHRCAM		"shrcam"
#define SHRCAM_FPS	30

/* The first one is the default. DRM calls it XRGB8888, every display can show it. */
static const u32 shrcam_formats[] = { V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_YUYV };

static const struct v4l2_frmsize_discrete shrcam_sizes[] = {
	{ 320, 240 }, { 640, 480 }, { 1280, 720 },
};

struct shrcam {
	/* Counts the users: the bound driver and open files. See shrcam_release(). */
	struct v4l2_device v4l2_dev;
	struct video_device vdev;
	struct v4l2_ctrl_handler ctrls;
	struct mutex lock;	/* outermost, see above */
	struct vb2_queue queue;
	struct v4l2_pix_format pix;	/* fixed while the queue has buffers */

	spinlock_t buffers_lock;	/* a leaf, see above */
	struct list_head buffers;	/* ours, in the order to fill them */
	struct tpg_data tpg;	/* the generator, under the lock of ctrls */

	/* makes the frames while streaming; what follows is for it alone */
	struct delayed_work work;
	ktime_t next;		/* when the next frame is due */
	u32 sequence;		/* and its number */
};

struct shrcam_buffer {
	struct vb2_v4l2_buffer vb;	/* first: videobuf2 allocates the whole */
	struct list_head entry;		/* in shrcam.buffers, while it is ours */
};

/* making frames */

/* The caller has to give the buffer back. */
static struct shrcam_buffer *shrcam_take_buffer(struct shrcam *cam)
{
	struct shrcam_buffer *buf;

	/* A driver that calls this in its interrupt handler needs spin_lock_irqsave(). */
	spin_lock(&cam->buffers_lock);
	buf = list_first_entry_or_null(&cam->buffers, struct shrcam_buffer, entry);
	if (buf)
		list_del(&buf->entry);
	spin_unlock(&cam->buffers_lock);
	return buf;
}

/*
 * The hardware, once for each frame while streaming. What it does at the end of a frame
 * is done in the interrupt handler of a real driver: vb2_buffer_done() may be called in
 * any context, also with shared buffers. From then on the buffer is user space's,
 * so all that is to be said about the frame is said before.
 */
static void shrcam_work(struct work_struct *work)
{
	struct shrcam *cam = container_of(work, struct shrcam, work.work);
	struct shrcam_buffer *buf = shrcam_take_buffer(cam);
	ktime_t now;

	if (buf) {
		/* against shrcam_s_ctrl() */
		mutex_lock(cam->ctrls.lock);
		tpg_fillbuffer(&cam->tpg, 0, 0, vb2_plane_vaddr(&buf->vb.vb2_buf, 0));
		tpg_update_mv_count(&cam->tpg, true);
		mutex_unlock(cam->ctrls.lock);
		buf->vb.sequence = cam->sequence;
		buf->vb.field = V4L2_FIELD_NONE;
		buf->vb.vb2_buf.timestamp = ktime_get_ns();
		vb2_buffer_done(&buf->vb.vb2_buf, VB2_BUF_STATE_DONE);
	}
	/* A frame without a buffer is lost, and has a number, so that one sees the gap. */
	cam->sequence++;

	/*
	 * From the time when this one was due, not from now, or the small delays add
	 * up. If there was no time for a whole frame, start anew rather than hurry.
	 */
	now = ktime_get();
	cam->next = ktime_add_ns(cam->next, NSEC_PER_SEC / SHRCAM_FPS);
	if (ktime_before(cam->next, now))
		cam->next = ktime_add_ns(now, NSEC_PER_SEC / SHRCAM_FPS);
	queue_delayed_work(system_unbound_wq, &cam->work,
			   nsecs_to_jiffies(ktime_to_ns(ktime_sub(cam->next, now))));
}

/* the queue */

/*
 * VIDIOC_REQBUFS, VIDIOC_CREATE_BUFS and the first read(), with shrcam.lock. Says how
 * much memory a buffer needs. For VIDIOC_CREATE_BUFS *nplanes is set and user space
 * wants these sizes: larger ones are good, smaller ones are refused.
 */
static int shrcam_queue_setup(struct vb2_queue *q, unsigned int *nbuffers,
			      unsigned int *nplanes, unsigned int sizes[],
			      struct device *alloc_devs[])
{
	struct shrcam *cam = vb2_get_drv_priv(q);

	if (*nplanes)
		return sizes[0] < cam->pix.sizeimage ? -EINVAL : 0;
	*nplanes = 1;
	sizes[0] = cam->pix.sizeimage;
	return 0;
}

/*
 * VIDIOC_QBUF or VIDIOC_PREPARE_BUF, with shrcam.lock: the last chance to refuse a
 * buffer. The memory may be of somebody else (USERPTR, DMABUF), who chose its size.
 */
static int shrcam_buf_prepare(struct vb2_buffer *vb)
{
	struct shrcam *cam = vb2_get_drv_priv(vb->vb2_queue);

	if (vb2_plane_size(vb, 0) < cam->pix.sizeimage)
		return -EINVAL;
	vb2_set_plane_payload(vb, 0, cam->pix.sizeimage);
	return 0;
}

/*
 * From here on the buffer is ours. With shrcam.lock, before start_streaming or while
 * streaming, so the work may be at the list at the same time.
 */
static void shrcam_buf_queue(struct vb2_buffer *vb)
{
	struct shrcam *cam = vb2_get_drv_priv(vb->vb2_queue);
	struct shrcam_buffer *buf = container_of(vb, struct shrcam_buffer, vb.vb2_buf);

	spin_lock(&cam->buffers_lock);
	list_add_tail(&buf->entry, &cam->buffers);
	spin_unlock(&cam->buffers_lock);
}

/* Gives back all buffers that are ours. The work does not run. */
static void shrcam_return_buffers(struct shrcam *cam, enum vb2_buffer_state state)
{
	struct shrcam_buffer *buf;

	while ((buf = shrcam_take_buffer(cam)))
		vb2_buffer_done(&buf->vb.vb2_buf, state);
}

/*
 * VIDIOC_STREAMON, with shrcam.lock. There may be no buffer yet: a driver whose
 * hardware cannot run without some says so in its queue, this one need not.
 *
 * If it fails, it has to give back all buffers, and as queued ones: for user space
 * VIDIOC_STREAMON did nothing, its buffers are still in the queue, and it may try again.
 */
static int shrcam_start_streaming(struct vb2_queue *q, unsigned int count)
{
	struct shrcam *cam = vb2_get_drv_priv(q);
	int ret = tpg_alloc(&cam->tpg, cam->pix.width);

	if (ret) {
		shrcam_return_buffers(cam, VB2_BUF_STATE_QUEUED);
		return ret;
	}
	mutex_lock(cam->ctrls.lock);
	tpg_s_fourcc(&cam->tpg, cam->pix.pixelformat);
	tpg_reset_source(&cam->tpg, cam->pix.width, cam->pix.height, V4L2_FIELD_NONE);
	/* after the size: the steps depend on it */
	tpg_s_mv_hor_mode(&cam->tpg, TPG_MOVE_POS);
	mutex_unlock(cam->ctrls.lock);

	cam->sequence = 0;
	cam->next = ktime_get();
	/* last: nothing that the work uses changes after it */
	queue_delayed_work(system_unbound_wq, &cam->work, 0);
	return 0;
}

/*
 * VIDIOC_STREAMOFF, the close of the file, or the removal of the device, with shrcam.lock.
 * Afterwards nobody may write into any buffer, because user space or others take
 * the memory back: first the hardware is stopped, then the buffers are given back, all
 * of them. They hold no frame, so with the state ERROR.
 */
static void shrcam_stop_streaming(struct vb2_queue *q)
{
	struct shrcam *cam = vb2_get_drv_priv(q);

	/* also if it is about to queue itself again */
	cancel_delayed_work_sync(&cam->work);
	shrcam_return_buffers(cam, VB2_BUF_STATE_ERROR);
	tpg_free(&cam->tpg);
}

static const struct vb2_ops shrcam_vb2_ops = {
	.queue_setup = shrcam_queue_setup,
	.buf_prepare = shrcam_buf_prepare,
	.buf_queue = shrcam_buf_queue,
	.start_streaming = shrcam_start_streaming,
	.stop_streaming = shrcam_stop_streaming,
	/* VIDIOC_DQBUF lets go of shrcam.lock while it waits, or VIDIOC_QBUF could not come. */
	.wait_prepare = vb2_ops_wait_prepare,
	.wait_finish = vb2_ops_wait_finish,
};

static int shrcam_init_queue(struct shrcam *cam, struct device *dev)
{
	struct vb2_queue *q = &cam->queue;

	q->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	/* The CPU draws into vmalloc memory, so memory of user space is as good. */
	q->io_modes = VB2_MMAP | VB2_DMABUF | VB2_USERPTR | VB2_READ;
	q->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	q->buf_struct_size = sizeof(struct shrcam_buffer);
	q->ops = &shrcam_vb2_ops;
	/* This line makes the frames shared buffers. It was &vb2_vmalloc_memops. */
	q->mem_ops = &shrbuf_vb2_vmalloc_memops;
	q->drv_priv = cam;
	q->dev = dev;
	/* The same as of the video device: no request sees another one half done. */
	q->lock = &cam->lock;
	return vb2_queue_init(q);
}

/* controls */

/*
 * With the lock of the handler, perhaps while streaming: the work looks at the generator
 * with that lock held.
 */
static int shrcam_s_ctrl(struct v4l2_ctrl *ctrl)
{
	struct shrcam *cam = container_of(ctrl->handler, struct shrcam, ctrls);

	if (ctrl->id == V4L2_CID_BRIGHTNESS)
		tpg_s_brightness(&cam->tpg, ctrl->val);
	else
		tpg_s_pattern(&cam->tpg, ctrl->val);
	return 0;
}

static const struct v4l2_ctrl_ops shrcam_ctrl_ops = {
	.s_ctrl = shrcam_s_ctrl,
};

static int shrcam_init_controls(struct shrcam *cam)
{
	struct v4l2_ctrl_handler *hdl = &cam->ctrls;

	/* Errors add up in hdl->error, so one check at the end will do. */
	v4l2_ctrl_handler_init(hdl, 2);
	v4l2_ctrl_new_std(hdl, &shrcam_ctrl_ops, V4L2_CID_BRIGHTNESS, 0, 255, 1, 128);
	v4l2_ctrl_new_std_menu_items(hdl, &shrcam_ctrl_ops, V4L2_CID_TEST_PATTERN, TPG_PAT_NOISE, 0,
				     TPG_PAT_75_COLORBAR, tpg_pattern_strings);
	cam->v4l2_dev.ctrl_handler = hdl;
	/* The generator gets the default values. */
	return hdl->error ?: v4l2_ctrl_handler_setup(hdl);
}

/* ioctls: all of them in process context with shrcam.lock */

/* The core fills in the rest, the bus from the platform device. */
static int shrcam_querycap(struct file *file, void *priv, struct v4l2_capability *cap)
{
	strscpy(cap->driver, SHRCAM, sizeof(cap->driver));
	strscpy(cap->card, SHRCAM, sizeof(cap->card));
	return 0;
}

static bool shrcam_has_format(u32 fourcc)
{
	return fourcc == shrcam_formats[0] || fourcc == shrcam_formats[1];
}

/* The core knows the names of all formats. */
static int shrcam_enum_fmt(struct file *file, void *priv, struct v4l2_fmtdesc *f)
{
	if (f->index >= ARRAY_SIZE(shrcam_formats))
		return -EINVAL;
	f->pixelformat = shrcam_formats[f->index];
	return 0;
}

static int shrcam_enum_framesizes(struct file *file, void *priv,
				  struct v4l2_frmsizeenum *fsize)
{
	if (fsize->index >= ARRAY_SIZE(shrcam_sizes) || !shrcam_has_format(fsize->pixel_format))
		return -EINVAL;
	fsize->type = V4L2_FRMSIZE_TYPE_DISCRETE;
	fsize->discrete = shrcam_sizes[fsize->index];
	return 0;
}

static const struct v4l2_frmsize_discrete *shrcam_nearest_size(u32 width, u32 height)
{
	return v4l2_find_nearest_size(shrcam_sizes, ARRAY_SIZE(shrcam_sizes),
				      width, height, width, height);
}

static int shrcam_enum_frameintervals(struct file *file, void *priv,
				      struct v4l2_frmivalenum *fival)
{
	const struct v4l2_frmsize_discrete *size = shrcam_nearest_size(fival->width, fival->height);

	if (fival->index || !shrcam_has_format(fival->pixel_format) ||
	    size->width != fival->width || size->height != fival->height)
		return -EINVAL;
	fival->type = V4L2_FRMIVAL_TYPE_DISCRETE;
	fival->discrete.numerator = 1;
	fival->discrete.denominator = SHRCAM_FPS;
	return 0;
}

static int shrcam_g_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct shrcam *cam = video_drvdata(file);

	f->fmt.pix = cam->pix;
	return 0;
}

/* Whatever user space asks for, it gets the nearest that there is, and no error. */
static void shrcam_adjust(struct v4l2_pix_format *pix)
{
	const struct v4l2_frmsize_discrete *size = shrcam_nearest_size(pix->width, pix->height);

	if (!shrcam_has_format(pix->pixelformat))
		pix->pixelformat = shrcam_formats[0];
	pix->width = size->width;
	pix->height = size->height;
	pix->bytesperline = pix->width * (pix->pixelformat == V4L2_PIX_FMT_YUYV ? 2 : 4);
	pix->sizeimage = pix->bytesperline * pix->height;
	pix->field = V4L2_FIELD_NONE;
	pix->flags = 0;
	pix->colorspace = V4L2_COLORSPACE_SRGB;
	pix->ycbcr_enc = V4L2_YCBCR_ENC_DEFAULT;
	pix->quantization = V4L2_QUANTIZATION_DEFAULT;
	pix->xfer_func = V4L2_XFER_FUNC_DEFAULT;
}

static int shrcam_try_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	shrcam_adjust(&f->fmt.pix);
	return 0;
}

static int shrcam_s_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct shrcam *cam = video_drvdata(file);

	/* Existing buffers may be too small for another format. */
	if (vb2_is_busy(&cam->queue))
		return -EBUSY;
	shrcam_adjust(&f->fmt.pix);
	cam->pix = f->fmt.pix;
	return 0;
}

/* The core has checked the type of the buffer. The rate is fixed: setting is getting. */
static int shrcam_g_parm(struct file *file, void *priv, struct v4l2_streamparm *sp)
{
	struct v4l2_captureparm *cap = &sp->parm.capture;

	memset(cap, 0, sizeof(*cap));
	cap->capability = V4L2_CAP_TIMEPERFRAME;
	cap->timeperframe.numerator = 1;
	cap->timeperframe.denominator = SHRCAM_FPS;
	cap->readbuffers = 2;	/* behind read() */
	return 0;
}

static int shrcam_enum_input(struct file *file, void *priv, struct v4l2_input *input)
{
	if (input->index)
		return -EINVAL;
	input->type = V4L2_INPUT_TYPE_CAMERA;
	strscpy(input->name, "Test Pattern Generator", sizeof(input->name));
	return 0;
}

static int shrcam_g_input(struct file *file, void *priv, unsigned int *index)
{
	*index = 0;
	return 0;
}

static int shrcam_s_input(struct file *file, void *priv, unsigned int index)
{
	return index ? -EINVAL : 0;
}

static int shrcam_log_status(struct file *file, void *priv)
{
	struct shrcam *cam = video_drvdata(file);

	mutex_lock(cam->ctrls.lock);
	tpg_log_status(&cam->tpg);
	mutex_unlock(cam->ctrls.lock);
	return v4l2_ctrl_log_status(file, priv);
}

/* All about buffers is done by videobuf2, to which video_device.queue leads. */
static const struct v4l2_ioctl_ops shrcam_ioctl_ops = {
	.vidioc_querycap = shrcam_querycap,
	.vidioc_enum_fmt_vid_cap = shrcam_enum_fmt,
	.vidioc_g_fmt_vid_cap = shrcam_g_fmt,
	.vidioc_try_fmt_vid_cap = shrcam_try_fmt,
	.vidioc_s_fmt_vid_cap = shrcam_s_fmt,
	.vidioc_enum_framesizes = shrcam_enum_framesizes,
	.vidioc_enum_frameintervals = shrcam_enum_frameintervals,
	.vidioc_g_parm = shrcam_g_parm,
	.vidioc_s_parm = shrcam_g_parm,
	.vidioc_enum_input = shrcam_enum_input,
	.vidioc_g_input = shrcam_g_input,
	.vidioc_s_input = shrcam_s_input,
	.vidioc_reqbufs = vb2_ioctl_reqbufs,
	.vidioc_create_bufs = vb2_ioctl_create_bufs,
	.vidioc_prepare_buf = vb2_ioctl_prepare_buf,
	.vidioc_querybuf = vb2_ioctl_querybuf,
	.vidioc_qbuf = vb2_ioctl_qbuf,
	.vidioc_dqbuf = vb2_ioctl_dqbuf,
	.vidioc_expbuf = vb2_ioctl_expbuf,
	.vidioc_streamon = vb2_ioctl_streamon,
	.vidioc_streamoff = vb2_ioctl_streamoff,
	.vidioc_log_status = shrcam_log_status,
	.vidioc_subscribe_event = v4l2_ctrl_subscribe_event,
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe,
};

static const struct v4l2_file_operations shrcam_fops = {
	/* An open file keeps the module. An exported buffer does not have to. */
	.owner = THIS_MODULE,
	.open = v4l2_fh_open,
	/* stops the stream and frees the buffers, if this file has them */
	.release = vb2_fop_release,
	.unlocked_ioctl = video_ioctl2,
	.mmap = vb2_fop_mmap,
	.read = vb2_fop_read,
	.poll = vb2_fop_poll,
};

/* life of the device */

/*
 * The last user is gone: the driver, or the last open file. Files may be open long after
 * the device was removed, and their requests use the camera. So it is not devm memory.
 */
static void shrcam_release(struct v4l2_device *v4l2_dev)
{
	struct shrcam *cam = container_of(v4l2_dev, struct shrcam, v4l2_dev);

	v4l2_ctrl_handler_free(&cam->ctrls);
	v4l2_device_unregister(v4l2_dev);
	mutex_destroy(&cam->lock);
	kfree(cam);
}

static int shrcam_register(struct shrcam *cam)
{
	struct video_device *vdev = &cam->vdev;

	strscpy(vdev->name, SHRCAM, sizeof(vdev->name));
	vdev->v4l2_dev = &cam->v4l2_dev;
	vdev->fops = &shrcam_fops;
	vdev->ioctl_ops = &shrcam_ioctl_ops;
	/* also lets shrbuf find the queue, for its listing and for attaching */
	vdev->queue = &cam->queue;
	vdev->lock = &cam->lock;
	/* It is a part of the camera, so shrcam_release() frees it. */
	vdev->release = video_device_release_empty;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING |
			    V4L2_CAP_READWRITE;
	video_set_drvdata(vdev, cam);
	return video_register_device(vdev, VFL_TYPE_VIDEO, -1);
}

static int shrcam_probe(struct platform_device *pdev)
{
	struct shrcam *cam;
	int ret;

	cam = kzalloc(sizeof(*cam), GFP_KERNEL);
	if (!cam)
		return -ENOMEM;
	mutex_init(&cam->lock);
	spin_lock_init(&cam->buffers_lock);
	INIT_LIST_HEAD(&cam->buffers);
	INIT_DELAYED_WORK(&cam->work, shrcam_work);
	shrcam_adjust(&cam->pix);
	tpg_init(&cam->tpg, cam->pix.width, cam->pix.height);

	platform_set_drvdata(pdev, cam);
	cam->v4l2_dev.release = shrcam_release;
	ret = v4l2_device_register(&pdev->dev, &cam->v4l2_dev);
	if (ret) {
		kfree(cam);
		return ret;
	}
	ret = shrcam_init_controls(cam);
	if (ret)
		goto err_put;
	ret = shrcam_init_queue(cam, &pdev->dev);
	if (ret)
		goto err_put;
	/* last: from here on user space comes */
	ret = shrcam_register(cam);
err_put:
	if (ret)
		v4l2_device_put(&cam->v4l2_dev);
	return ret;
}

/*
 * Unplugged, perhaps in the midst of streaming. vb2_video_unregister_device() keeps new
 * requests away, stops the stream and frees the buffers of the queue. Whoever has
 * an exported one keeps it: shared buffers do not depend on the device.
 */
static void shrcam_remove(struct platform_device *pdev)
{
	struct shrcam *cam = platform_get_drvdata(pdev);

	vb2_video_unregister_device(&cam->vdev);
	v4l2_device_put(&cam->v4l2_dev);
}

static struct platform_driver shrcam_driver = {
	.probe = shrcam_probe,
	.SHRBUF_COMPAT_REMOVE = shrcam_remove,
	.driver.name = SHRCAM,
};

/* Where there is hardware, the bus finds it. */
static struct platform_device *shrcam_pdev;

static int __init shrcam_init(void)
{
	int ret = platform_driver_register(&shrcam_driver);

	if (ret)
		return ret;
	shrcam_pdev = platform_device_register_simple(SHRCAM, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(shrcam_pdev)) {
		platform_driver_unregister(&shrcam_driver);
		return PTR_ERR(shrcam_pdev);
	}
	return 0;
}

static void __exit shrcam_exit(void)
{
	platform_device_unregister(shrcam_pdev);
	platform_driver_unregister(&shrcam_driver);
}

module_init(shrcam_init);
module_exit(shrcam_exit);

MODULE_DESCRIPTION("Sample camera whose frames are shared buffers");
MODULE_LICENSE("GPL");
