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
 *
 * and say by its parameter "kind" what the next new queue is like:
 *
 *   stock       vb2_vmalloc_memops
 *   ported      shrbuf_vb2_vmalloc_memops
 *   dma-sg      vb2_dma_sg_memops
 *   unknown     an allocator of its own
 *   unlocked    no lock at all
 */

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/poison.h>
#include <linux/slab.h>
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
};

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

static void testcam_buf_queue(struct vb2_buffer *vb)
{
}

static const struct vb2_ops testcam_vb2_ops = {
	.queue_setup = testcam_queue_setup,
	.buf_queue = testcam_buf_queue,
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
	.vidioc_dqbuf = vb2_ioctl_dqbuf,
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
	q = &cam->queue;
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
