// SPDX-License-Identifier: GPL-2.0
/*
 * The video device of a route: its driver's own requests, with the file of the user.
 */

/**
 * DOC: driving a video device
 *
 * A route does to a video device what its user would do: VIDIOC_QBUF, VIDIOC_DQBUF,
 * VIDIOC_STREAMON and VIDIOC_STREAMOFF, by the functions of the driver, with the file of the
 * user, under the lock that V4L2 takes for them. So it works with any driver, and the checks of
 * videobuf2 hold: only the file that has the queue can use it.
 *
 * VIDIOC_DQBUF waits for a frame if the file is not O_NONBLOCK. The route calls it only
 * when there is one, which nobody else can take meanwhile, for the lock is held.
 *
 * The queue is that of the device, or for a mem2mem device that of the open file.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <media/media-device.h>
#include <media/v4l2-common.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-mem2mem.h>
#include <media/videobuf2-v4l2.h>

#include "shrbuf-priv.h"
#include "route.h"

/* Who has the queue: the handle of the file, or the file itself for older drivers. */
static void *source_fh(struct shrbuf_route_source *src)
{
	return src->file->private_data;
}

static struct v4l2_m2m_ctx *source_m2m(struct file *file)
{
	struct v4l2_fh *fh = file->private_data;

	/* V4L2 sets the flag for handles of this kind, and only those have a context. */
	if (!test_bit(V4L2_FL_USES_V4L2_FH, &video_devdata(file)->flags))
		return NULL;
	return fh->m2m_ctx;
}

/* The queue, and the lock that V4L2 takes for its requests. */
static int source_queue(struct shrbuf_route_source *src, bool output)
{
	struct v4l2_m2m_ctx *m2m = source_m2m(src->file);

	if (m2m) {
		src->q = output ? &m2m->out_q_ctx.q : &m2m->cap_q_ctx.q;
		src->lock = m2m->q_lock ?: src->vdev->lock;
	} else {
		src->q = src->vdev->queue;
		if (!src->q)
			return -EOPNOTSUPP;
		src->lock = src->q->lock ?: src->vdev->lock;
	}
	if (!src->lock)
		return -EOPNOTSUPP;
	if (!!src->q->is_output != output)
		return -EINVAL;
	return 0;
}

/* Drivers may switch requests off, or may not have them. */
static bool source_has_requests(struct video_device *vdev)
{
	static const unsigned int requests[] = {
		VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_STREAMON, VIDIOC_STREAMOFF,
		VIDIOC_REQBUFS,
	};
	const struct v4l2_ioctl_ops *ops = vdev->ioctl_ops;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (!test_bit(_IOC_NR(requests[i]), vdev->valid_ioctls))
			return false;
	return ops->vidioc_qbuf && ops->vidioc_dqbuf && ops->vidioc_streamon &&
	       ops->vidioc_streamoff && ops->vidioc_reqbufs;
}

/**
 * shrbuf_source_open - the queue behind a file descriptor
 * @src: out
 * @fd: of the calling process
 * @output: the queue that takes frames, else the one that gives them
 *
 * May sleep.
 *
 * Return: 0, then the caller calls shrbuf_source_close(), or -EBADF, -EINVAL if it is no such
 * device, -ENODEV, -EOPNOTSUPP if the driver does not tell V4L2 about its queue
 */
int shrbuf_source_open(struct shrbuf_route_source *src, int fd, bool output)
{
	int ret;

	src->file = fget(fd);
	if (!src->file)
		return -EBADF;
	ret = -EINVAL;
	if (!shrbuf_is_device(src->file, VIDEO_MAJOR))
		goto err;
	src->vdev = video_devdata(src->file);
	ret = -ENODEV;
	if (!video_is_registered(src->vdev))
		goto err;
	ret = source_queue(src, output);
	if (ret)
		goto err;
	ret = -EOPNOTSUPP;
	if (!source_has_requests(src->vdev))
		goto err;
	return 0;

err:
	fput(src->file);
	return ret;
}

/* V4L2 takes a lock around that of the queue where requests of buffers are possible. */
static struct mutex *source_outer_lock(struct shrbuf_route_source *src)
{
#ifdef CONFIG_MEDIA_CONTROLLER
	if (v4l2_device_supports_requests(src->vdev->v4l2_dev))
		return &src->vdev->v4l2_dev->mdev->req_queue_mutex;
#endif
	return NULL;
}

static void source_unlock_stream(struct shrbuf_route_source *src, struct mutex *outer)
{
	mutex_unlock(src->lock);
	if (outer)
		mutex_unlock(outer);
}

/* For source_unlock_stream(), or -ENODEV. As V4L2, touches nothing of what was removed. */
static int source_lock_stream(struct shrbuf_route_source *src, struct mutex **outer)
{
	if (!video_is_registered(src->vdev))
		return -ENODEV;
	*outer = source_outer_lock(src);
	if (*outer)
		mutex_lock(*outer);
	mutex_lock(src->lock);
	if (video_is_registered(src->vdev))
		return 0;
	source_unlock_stream(src, *outer);
	return -ENODEV;
}

/**
 * shrbuf_source_check - can a route use the queue
 * @src: source
 * @nr_bufs: out: number of buffers
 * @reserve: out: how many of them the driver needs at least
 *
 * May sleep.
 *
 * Return: 0, or -EINVAL if it has no buffers of its own memory, -EBUSY if another file has the
 * queue, -ERESTARTSYS
 */
int shrbuf_source_check(struct shrbuf_route_source *src, unsigned int *nr_bufs,
			unsigned int *reserve)
{
	int ret = 0;

	if (mutex_lock_interruptible(src->lock))
		return -ERESTARTSYS;
	*nr_bufs = src->q->num_buffers;
	*reserve = max(src->q->min_buffers_needed, 1U);
	if (!*nr_bufs || src->q->memory != VB2_MEMORY_MMAP)
		ret = -EINVAL;
	else if (src->q->owner && src->q->owner != source_fh(src))
		ret = -EBUSY;
	mutex_unlock(src->lock);
	return ret;
}

/**
 * shrbuf_source_close - let the file go
 * @src: from shrbuf_source_open()
 *
 * May sleep.
 */
void shrbuf_source_close(struct shrbuf_route_source *src)
{
	fput(src->file);
}

/*
 * How much is in the planes for VIDIOC_QBUF of an output. What is not in the first one has no
 * number of its own: pictures in several planes are not compressed, so they are full.
 */
static void source_fill(struct shrbuf_route_source *src, struct v4l2_buffer *buf,
			const struct shrbuf_frame *frame)
{
	struct vb2_buffer *vb = vb2_get_buffer(src->q, buf->index);
	unsigned int i;

	buf->field = frame->field;
	v4l2_buffer_set_timestamp(buf, frame->timestamp);
	if (!V4L2_TYPE_IS_MULTIPLANAR(buf->type)) {
		buf->bytesused = frame->bytesused;
		return;
	}
	buf->m.planes[0].bytesused = frame->bytesused;
	for (i = 1; vb && i < vb->num_planes; i++)
		buf->m.planes[i].bytesused = vb->planes[i].length;
}

/* What VIDIOC_QBUF and VIDIOC_DQBUF want to know for this queue. */
static void source_buffer(struct shrbuf_route_source *src, struct v4l2_buffer *buf,
			  struct v4l2_plane *planes)
{
	memset(buf, 0, sizeof(*buf));
	buf->type = src->q->type;
	buf->memory = V4L2_MEMORY_MMAP;
	if (V4L2_TYPE_IS_MULTIPLANAR(buf->type)) {
		memset(planes, 0, sizeof(*planes) * VIDEO_MAX_PLANES);
		buf->m.planes = planes;
		buf->length = VIDEO_MAX_PLANES;
	}
}

static void source_frame(struct shrbuf_route_source *src, const struct v4l2_buffer *buf,
			 struct shrbuf_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	frame->state = buf->flags & V4L2_BUF_FLAG_ERROR ? SHRBUF_STATE_ERROR :
							  SHRBUF_STATE_FILLED;
	frame->sequence = buf->sequence;
	frame->field = buf->field;
	frame->timestamp = v4l2_buffer_get_timestamp(buf);
	frame->bytesused = V4L2_TYPE_IS_MULTIPLANAR(buf->type) ?
			   buf->m.planes[0].bytesused : buf->bytesused;
	frame->flags = buf->flags & SHRBUF_FRAME_FLAGS;
}

/**
 * shrbuf_source_dqbuf - take a frame
 * @src: source
 * @frame: out: the frame
 *
 * May sleep, but does not wait for a frame.
 *
 * Return: index of the buffer, or -EAGAIN if there is no frame, -ENODEV if the device is gone,
 * -ECANCELED if the stream was stopped, or what the driver says: -EIO, -EPIPE at the end of the
 * stream, -EBUSY if another file has the queue
 */
int shrbuf_source_dqbuf(struct shrbuf_route_source *src, struct shrbuf_frame *frame)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	int ret;

	source_buffer(src, &buf, planes);
	mutex_lock(src->lock);
	if (!video_is_registered(src->vdev))
		ret = -ENODEV;
	else if (!vb2_is_streaming(src->q))
		ret = -ECANCELED;
	else if (src->q->error)
		ret = -EIO;
	else if (src->q->waiting_in_dqbuf)
		/* The user waits for a frame, which is as wrong as it is harmless. */
		ret = -EAGAIN;
	else if (list_empty_careful(&src->q->done_list))
		ret = -EAGAIN;
	else
		ret = src->vdev->ioctl_ops->vidioc_dqbuf(src->file, source_fh(src),
							 &buf);
	mutex_unlock(src->lock);
	if (ret)
		return ret;
	source_frame(src, &buf, frame);
	return buf.index;
}

/**
 * shrbuf_source_qbuf - give a buffer to the driver
 * @src: source
 * @index: of the buffer
 * @frame: for an output queue: the frame, else NULL
 *
 * May sleep.
 *
 * Return: 0, or what the driver says
 */
int shrbuf_source_qbuf(struct shrbuf_route_source *src, unsigned int index,
		       const struct shrbuf_frame *frame)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	int ret = -ENODEV;

	source_buffer(src, &buf, planes);
	buf.index = index;
	mutex_lock(src->lock);
	if (frame)
		source_fill(src, &buf, frame);
	if (video_is_registered(src->vdev))
		ret = src->vdev->ioctl_ops->vidioc_qbuf(src->file, source_fh(src),
							&buf);
	mutex_unlock(src->lock);
	return ret;
}

/**
 * shrbuf_source_has_spare - ask whether the camera can go on without another buffer
 * @src: source
 * @reserve: how many it needs at least
 *
 * Any context.
 *
 * Return: true if its driver has more than that
 */
bool shrbuf_source_has_spare(const struct shrbuf_route_source *src, unsigned int reserve)
{
	return atomic_read(&src->q->owned_by_drv_count) > (int)reserve;
}

/**
 * shrbuf_source_gone - was the device removed
 * @src: source
 *
 * Any context.
 *
 * Return: true if there is no device any more
 */
bool shrbuf_source_gone(struct shrbuf_route_source *src)
{
	return !video_is_registered(src->vdev);
}

/**
 * shrbuf_source_idle - is a buffer in user space
 * @src: source
 * @index: of the buffer
 *
 * May sleep.
 *
 * Return: true if it could be queued
 */
bool shrbuf_source_idle(struct shrbuf_route_source *src, unsigned int index)
{
	struct vb2_buffer *vb;
	bool idle;

	mutex_lock(src->lock);
	vb = vb2_get_buffer(src->q, index);
	idle = vb && vb->state == VB2_BUF_STATE_DEQUEUED;
	mutex_unlock(src->lock);
	return idle;
}

/**
 * shrbuf_source_start - stream
 * @src: source
 * @wait: is woken by each frame, and when the stream ends
 * @started: out: it did not stream before
 *
 * May sleep.
 *
 * Return: 0, or what the driver says
 */
int shrbuf_source_start(struct shrbuf_route_source *src, struct wait_queue_entry *wait,
			bool *started)
{
	struct mutex *outer;	/* see source_lock_stream() */
	int ret;

	*started = false;
	ret = source_lock_stream(src, &outer);
	if (ret)
		return ret;
	if (!vb2_is_streaming(src->q)) {
		ret = src->vdev->ioctl_ops->vidioc_streamon(src->file, source_fh(src),
							    src->q->type);
		*started = !ret;
	}
	/* Under the lock: nobody can have stopped it before we would notice. */
	if (!ret)
		add_wait_queue(&src->q->done_wq, wait);
	source_unlock_stream(src, outer);
	return ret;
}

/**
 * shrbuf_source_stop - stop the stream
 * @src: source
 *
 * May sleep.
 */
void shrbuf_source_stop(struct shrbuf_route_source *src)
{
	struct mutex *outer;	/* see source_lock_stream() */

	if (source_lock_stream(src, &outer))
		return;
	if (vb2_is_streaming(src->q))
		src->vdev->ioctl_ops->vidioc_streamoff(src->file, source_fh(src),
						       src->q->type);
	source_unlock_stream(src, outer);
}

/**
 * shrbuf_source_planes - the shared buffers of a buffer
 * @src: source
 * @index: of the buffer
 * @planes: out: VIDEO_MAX_PLANES of them, the caller is a user of each
 *
 * May sleep.
 *
 * Return: number of @planes, zero if the memory is not shared
 */
unsigned int shrbuf_source_planes(struct shrbuf_route_source *src, unsigned int index,
				  struct shrbuf **planes)
{
	struct shrbuf_queue *sq;
	struct vb2_buffer *vb;
	unsigned int i, nr = 0;

	mutex_lock(src->lock);
	vb = vb2_get_buffer(src->q, index);
	for (i = 0; vb && i < vb->num_planes; i++) {
		planes[i] = shrbuf_vb2_plane(vb, i, &sq);
		if (!planes[i])
			break;
		shrbuf_get(planes[i]);
		nr++;
	}
	mutex_unlock(src->lock);
	return nr;
}

/**
 * shrbuf_source_nr_planes - number of planes of the first buffer
 * @src: source
 *
 * May sleep.
 *
 * Return: number of planes, zero without buffers
 */
unsigned int shrbuf_source_nr_planes(struct shrbuf_route_source *src)
{
	struct vb2_buffer *vb;
	unsigned int nr;

	mutex_lock(src->lock);
	vb = vb2_get_buffer(src->q, 0);
	nr = vb ? vb->num_planes : 0;
	mutex_unlock(src->lock);
	return nr;
}

/**
 * shrbuf_source_reqbufs - VIDIOC_REQBUFS
 * @src: source
 * @count: number of buffers, zero to free them
 *
 * May sleep.
 *
 * Return: number of buffers, or what the driver says
 */
int shrbuf_source_reqbufs(struct shrbuf_route_source *src, unsigned int count)
{
	struct v4l2_requestbuffers req = {
		.count = count,
		.type = src->q->type,
		.memory = V4L2_MEMORY_MMAP,
	};
	struct mutex *outer;	/* see source_lock_stream() */
	int ret;

	ret = source_lock_stream(src, &outer);
	if (ret)
		return ret;
	ret = src->vdev->ioctl_ops->vidioc_reqbufs(src->file, source_fh(src), &req);
	source_unlock_stream(src, outer);
	return ret ?: req.count;
}
