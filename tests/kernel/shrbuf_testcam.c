// SPDX-License-Identifier: GPL-2.0
/*
 * A video device without a picture, whose life and queue are as awkward as drivers can
 * be. Tests write what it should do to its parameter "act":
 *
 *   register           a video device for the queue that is there
 *   unregister         take the video device away, the queue stays
 *   unregister-locked  the same with the lock of the queue held, as some drivers do
 *   free               as unregister-locked, and free the queue at once. Only while
 *                      nobody has the device open, as for a driver with devm memory.
 *   new                a new queue, after free
 *   frame              fill the oldest buffer, as an interrupt does
 *   damaged            the same, but the frame is damaged
 *   giveback           give the oldest buffer back unused, though the stream goes on
 *   refuse-start       fail when the stream is started next time
 *   block              from now on, to prepare a buffer and to start the stream takes
 *   unblock            until this
 *
 * It makes no frame by itself: a test sees everything happen in the order that it chose.
 *
 * They say by its parameter "kind" what the next new queue is like:
 *
 *   stock       vb2_vmalloc_memops
 *   ported      shrbuf_vb2_vmalloc_memops
 *   dma-sg      vb2_dma_sg_memops
 *   unknown     an allocator of its own
 *   unlocked    no lock at all
 */

#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/poison.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <media/shrbuf.h>
#include <media/v4l2-device.h>
#include <media/v4l2-ioctl.h>
#include <media/videobuf2-dma-sg.h>
#include <media/videobuf2-v4l2.h>
#include <media/videobuf2-vmalloc.h>

#define TESTCAM	"shrbuf_testcam"
#define SIZE	65536

struct testcam {
	struct mutex lock;	/* of queue and video device */
	struct vb2_queue queue;
	struct video_device *vdev;	/* NULL while unregistered */
	bool refuse_start;	/* under the lock of the queue */
	struct completion unblocked;	/* complete, unless "block" was said */

	spinlock_t buffers_lock;	/* protects all that follows */
	struct list_head buffers;	/* ours, oldest first */
	u32 sequence;	/* of the next frame */
};

struct testcam_buffer {
	struct vb2_v4l2_buffer vb;	/* first: videobuf2 allocates the whole */
	struct list_head entry;		/* in testcam.buffers, while it is ours */
};

#define to_testcam_buffer(v)	container_of(v, struct testcam_buffer, vb.vb2_buf)

static struct platform_device *pdev;
static struct v4l2_device v4l2;
static struct testcam *cam;
static char kind[16] = "stock";
static struct vb2_mem_ops unknown_memops;

/* Serialises the writers of "act". */
static DEFINE_MUTEX(act_lock);

static int testcam_queue_setup(struct vb2_queue *q, unsigned int *nbuffers,
			       unsigned int *nplanes, unsigned int sizes[],
			       struct device *alloc_devs[])
{
	if (*nplanes)
		return sizes[0] < SIZE ? -EINVAL : 0;
	*nplanes = 1;
	sizes[0] = SIZE;
	return 0;
}

static int testcam_buf_prepare(struct vb2_buffer *vb)
{
	struct testcam *c = container_of(vb->vb2_queue, struct testcam, queue);

	return wait_for_completion_interruptible(&c->unblocked);
}

static void testcam_buf_queue(struct vb2_buffer *vb)
{
	struct testcam *c = container_of(vb->vb2_queue, struct testcam, queue);

	spin_lock_irq(&c->buffers_lock);
	list_add_tail(&to_testcam_buffer(vb)->entry, &c->buffers);
	spin_unlock_irq(&c->buffers_lock);
}

/* Any context. False if there is no buffer. */
static bool testcam_done(struct testcam *c, enum vb2_buffer_state state)
{
	struct testcam_buffer *buf;
	unsigned long flags;

	spin_lock_irqsave(&c->buffers_lock, flags);
	buf = list_first_entry_or_null(&c->buffers, struct testcam_buffer, entry);
	if (buf) {
		list_del(&buf->entry);
		buf->vb.sequence = c->sequence;
		if (state != VB2_BUF_STATE_QUEUED)
			c->sequence++;
	}
	spin_unlock_irqrestore(&c->buffers_lock, flags);
	if (!buf)
		return false;
	buf->vb.field = V4L2_FIELD_NONE;
	buf->vb.vb2_buf.timestamp = ktime_get_ns();
	vb2_set_plane_payload(&buf->vb.vb2_buf, 0, SIZE);
	vb2_buffer_done(&buf->vb.vb2_buf, state);
	return true;
}

static int testcam_start_streaming(struct vb2_queue *q, unsigned int count)
{
	struct testcam *c = container_of(q, struct testcam, queue);

	int ret = wait_for_completion_interruptible(&c->unblocked);

	c->sequence = 0;
	if (!ret && c->refuse_start)
		ret = -EIO;
	c->refuse_start = false;
	while (ret && testcam_done(c, VB2_BUF_STATE_QUEUED))
		;
	return ret;
}

static void testcam_stop_streaming(struct vb2_queue *q)
{
	struct testcam *c = container_of(q, struct testcam, queue);

	while (testcam_done(c, VB2_BUF_STATE_ERROR))
		;
}

static const struct vb2_ops testcam_vb2_ops = {
	.queue_setup = testcam_queue_setup,
	.buf_prepare = testcam_buf_prepare,
	.buf_queue = testcam_buf_queue,
	.start_streaming = testcam_start_streaming,
	.stop_streaming = testcam_stop_streaming,
	.wait_prepare = vb2_ops_wait_prepare,
	.wait_finish = vb2_ops_wait_finish,
};

static int testcam_querycap(struct file *file, void *priv,
			    struct v4l2_capability *cap)
{
	strscpy(cap->driver, TESTCAM, sizeof(cap->driver));
	strscpy(cap->card, TESTCAM, sizeof(cap->card));
	strscpy(cap->bus_info, "platform:" TESTCAM, sizeof(cap->bus_info));
	return 0;
}

static int testcam_fmt(struct file *file, void *priv, struct v4l2_format *fmt)
{
	struct v4l2_pix_format *pix = &fmt->fmt.pix;

	pix->width = 128;
	pix->height = 128;
	pix->pixelformat = V4L2_PIX_FMT_XBGR32;
	pix->field = V4L2_FIELD_NONE;
	pix->bytesperline = 512;
	pix->sizeimage = SIZE;
	pix->colorspace = V4L2_COLORSPACE_SRGB;
	return 0;
}

static const struct v4l2_ioctl_ops testcam_ioctl_ops = {
	.vidioc_querycap = testcam_querycap,
	.vidioc_g_fmt_vid_cap = testcam_fmt,
	.vidioc_s_fmt_vid_cap = testcam_fmt,
	.vidioc_try_fmt_vid_cap = testcam_fmt,
	.vidioc_reqbufs = vb2_ioctl_reqbufs,
	.vidioc_querybuf = vb2_ioctl_querybuf,
	.vidioc_expbuf = vb2_ioctl_expbuf,
	.vidioc_qbuf = vb2_ioctl_qbuf,
	.vidioc_prepare_buf = vb2_ioctl_prepare_buf,
	.vidioc_dqbuf = vb2_ioctl_dqbuf,
	.vidioc_streamon = vb2_ioctl_streamon,
	.vidioc_streamoff = vb2_ioctl_streamoff,
};

static const struct v4l2_file_operations testcam_fops = {
	.owner = THIS_MODULE,
	.open = v4l2_fh_open,
	.release = vb2_fop_release,
	.unlocked_ioctl = video_ioctl2,
	.mmap = vb2_fop_mmap,
};

static int testcam_register(void)
{
	struct video_device *vdev = video_device_alloc();
	int ret;

	if (!vdev)
		return -ENOMEM;
	strscpy(vdev->name, TESTCAM, sizeof(vdev->name));
	vdev->v4l2_dev = &v4l2;
	vdev->fops = &testcam_fops;
	vdev->ioctl_ops = &testcam_ioctl_ops;
	vdev->queue = &cam->queue;
	vdev->lock = cam->queue.lock;
	vdev->release = video_device_release;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
	ret = video_register_device(vdev, VFL_TYPE_VIDEO, -1);
	if (ret)
		video_device_release(vdev);
	else
		cam->vdev = vdev;
	return ret;
}

static void testcam_unregister(bool locked)
{
	if (!cam->vdev)
		return;
	locked = locked && cam->queue.lock;
	if (locked)
		mutex_lock(cam->queue.lock);
	video_unregister_device(cam->vdev);
	cam->vdev = NULL;
	if (locked)
		mutex_unlock(cam->queue.lock);
}

/* Whoever looks at it now looks at poison. */
static void testcam_free(void)
{
	testcam_unregister(true);
	memset(cam, POISON_FREE, sizeof(*cam));
	kfree(cam);
	cam = NULL;
}

static int testcam_new(void)
{
	struct vb2_queue *q;
	int ret;

	cam = kzalloc(sizeof(*cam), GFP_KERNEL);
	if (!cam)
		return -ENOMEM;
	mutex_init(&cam->lock);
	spin_lock_init(&cam->buffers_lock);
	INIT_LIST_HEAD(&cam->buffers);
	init_completion(&cam->unblocked);
	complete_all(&cam->unblocked);
	q = &cam->queue;
	q->buf_struct_size = sizeof(struct testcam_buffer);
	q->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	q->io_modes = VB2_MMAP | VB2_DMABUF | VB2_USERPTR;
	q->ops = &testcam_vb2_ops;
	q->mem_ops = &vb2_vmalloc_memops;
	q->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	q->dev = &pdev->dev;
	q->lock = &cam->lock;
	if (sysfs_streq(kind, "ported"))
		q->mem_ops = &shrbuf_vb2_vmalloc_memops;
	else if (sysfs_streq(kind, "dma-sg"))
		q->mem_ops = &vb2_dma_sg_memops;
	else if (sysfs_streq(kind, "unknown"))
		q->mem_ops = &unknown_memops;
	else if (sysfs_streq(kind, "unlocked"))
		q->lock = NULL;
	else if (sysfs_streq(kind, "no-dma"))
		q->dev = NULL;
	ret = vb2_queue_init(q);
	if (!ret)
		ret = testcam_register();
	if (ret) {
		kfree(cam);
		cam = NULL;
	}
	return ret;
}

/* As an interrupt. The result is negative if there is no buffer. */
struct testcam_frame {
	struct irq_work work;
	enum vb2_buffer_state state;
	int ret;
};

static void testcam_irq(struct irq_work *work)
{
	struct testcam_frame *frame = container_of(work, struct testcam_frame, work);

	frame->ret = testcam_done(cam, frame->state) ? 0 : -ENOBUFS;
}

static int testcam_frame(enum vb2_buffer_state state)
{
	struct testcam_frame frame = {
		.work = IRQ_WORK_INIT_HARD(testcam_irq),
		.state = state,
	};

	irq_work_queue(&frame.work);
	irq_work_sync(&frame.work);
	return frame.ret;
}

static int testcam_act(const char *val, const struct kernel_param *kp)
{
	int ret = 0;

	mutex_lock(&act_lock);
	if (sysfs_streq(val, "new") && !cam)
		ret = testcam_new();
	else if (sysfs_streq(val, "register") && cam && !cam->vdev)
		ret = testcam_register();
	else if (sysfs_streq(val, "unregister") && cam)
		testcam_unregister(false);
	else if (sysfs_streq(val, "unregister-locked") && cam)
		testcam_unregister(true);
	else if (sysfs_streq(val, "free") && cam)
		testcam_free();
	else if (sysfs_streq(val, "frame") && cam)
		ret = testcam_frame(VB2_BUF_STATE_DONE);
	else if (sysfs_streq(val, "damaged") && cam)
		ret = testcam_frame(VB2_BUF_STATE_ERROR);
	else if (sysfs_streq(val, "giveback") && cam)
		ret = testcam_frame(VB2_BUF_STATE_QUEUED);
	else if (sysfs_streq(val, "refuse-start") && cam)
		cam->refuse_start = true;
	else if (sysfs_streq(val, "block") && cam)
		reinit_completion(&cam->unblocked);
	else if (sysfs_streq(val, "unblock") && cam)
		complete_all(&cam->unblocked);
	else
		ret = -EINVAL;
	mutex_unlock(&act_lock);
	return ret;
}

static const struct kernel_param_ops act_ops = { .set = testcam_act };
module_param_cb(act, &act_ops, NULL, 0200);
MODULE_PARM_DESC(act, "what to do now");

module_param_string(kind, kind, sizeof(kind), 0600);
MODULE_PARM_DESC(kind, "what the next new queue is like");

static int __init testcam_init(void)
{
	int ret;

	unknown_memops = vb2_vmalloc_memops;
	pdev = platform_device_register_simple(TESTCAM, -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_pdev;
	strscpy(v4l2.name, TESTCAM, sizeof(v4l2.name));
	ret = v4l2_device_register(NULL, &v4l2);
	if (ret)
		goto err_pdev;
	return 0;

err_pdev:
	platform_device_unregister(pdev);
	return ret;
}

static void __exit testcam_exit(void)
{
	if (cam)
		testcam_free();
	v4l2_device_unregister(&v4l2);
	platform_device_unregister(pdev);
}

module_init(testcam_init);
module_exit(testcam_exit);

MODULE_DESCRIPTION("Awkward video device for tests of shared buffers");
MODULE_LICENSE("GPL");
