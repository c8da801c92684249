// SPDX-License-Identifier: GPL-2.0
/*
 * A sink of a route that gives frames to a video device: an output, or one that converts or
 * encodes.
 */

/**
 * DOC: video devices as sinks
 *
 * The output queue gets as many buffers as the camera, on the same memory (backing-import.c), so a
 * frame is passed on by VIDIOC_QBUF with the index that it had. The thread of the sink queues
 * frames as they come and dequeues those that the device is done with. It is woken by the route,
 * and by the driver through the wait queue of the video device, as the thread of the route is.
 *
 * What a mem2mem device makes of it comes from its capture queue, which its user reads, or which is
 * the source of another route: for the same open file.
 */

#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <media/v4l2-dev.h>
#include <media/videobuf2-core.h>

#include "shrbuf-priv.h"
#include "route.h"

/**
 * struct video_sink - an output queue
 * @sink: first
 * @out: the queue
 * @import: its memory operations
 * @done: in its wait queue
 * @kicked: there may be frames that it is done with
 * @cancelled: somebody has stopped its stream
 * @queued: what it has, by index. Used by the thread only.
 */
struct video_sink {
	struct shrbuf_route_sink sink;
	struct shrbuf_route_source out;
	struct shrbuf_import *import;
	struct wait_queue_entry done;
	atomic_t kicked;
	bool cancelled;
	struct shrbuf_sink_hold **queued;
};

#define to_video_sink(s)	container_of(s, struct video_sink, sink)

/* Called under the lock of the wait queue, perhaps in an interrupt. */
static int video_done(struct wait_queue_entry *wait, unsigned int mode, int sync,
		      void *key)
{
	struct video_sink *vs = container_of(wait, struct video_sink, done);

	if (!vb2_is_streaming(vs->out.q))
		WRITE_ONCE(vs->cancelled, true);
	atomic_set_release(&vs->kicked, 1);
	wake_up_all(&vs->sink.wait);
	return 0;
}

/* Lets all frames go that the device is done with. */
static int video_collect(struct video_sink *vs)
{
	struct shrbuf_frame ignored;
	int index;

	while ((index = shrbuf_source_dqbuf(&vs->out, &ignored)) >= 0) {
		if (index >= vs->sink.route->nr_frames || !vs->queued[index])
			return -EBUSY;	/* somebody else has queued it */
		shrbuf_sink_done(&vs->sink, vs->queued[index]);
		vs->queued[index] = NULL;
	}
	return index == -EAGAIN ? 0 : index;
}

static int video_queue(struct video_sink *vs)
{
	struct shrbuf_sink_hold *hold;
	unsigned int index;
	int ret = 0;

	while (!ret && (hold = shrbuf_sink_next(&vs->sink))) {
		index = hold->frame->index;
		ret = shrbuf_source_qbuf(&vs->out, index, &hold->frame->frame);
		if (!ret) {
			vs->queued[index] = hold;
			shrbuf_sink_shown(&vs->sink, hold);
			continue;
		}
		shrbuf_sink_drop(&vs->sink, hold, SHRBUF_DROP_ERROR);
		/* There may be memory for the next one. */
		if (ret == -ENOMEM)
			ret = 0;
	}
	return ret;
}

/* One round. An error is for good. */
static int video_work(struct video_sink *vs)
{
	int ret = 0;

	if (!READ_ONCE(vs->cancelled))
		ret = video_collect(vs);
	if (!ret && !READ_ONCE(vs->cancelled))
		ret = video_queue(vs);
	/* What went wrong meanwhile went wrong because of that. */
	if (READ_ONCE(vs->cancelled))
		ret = -ECANCELED;
	return ret && shrbuf_source_gone(&vs->out) ? -ENODEV : ret;
}

static int video_thread(void *data)
{
	struct shrbuf_route_sink *sink = data;
	struct video_sink *vs = to_video_sink(sink);
	struct shrbuf_sink_hold *hold;
	bool failed = false;
	int ret;

	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_freezable(sink->wait, kthread_should_stop() ||
				     !list_empty_careful(&sink->pending) ||
				     atomic_read_acquire(&vs->kicked));
		atomic_set(&vs->kicked, 0);
		/* Pairs with setting it after there is work. */
		smp_mb__after_atomic();
		if (failed) {
			while ((hold = shrbuf_sink_next(sink)))
				shrbuf_sink_drop(sink, hold, SHRBUF_DROP_ERROR);
			continue;
		}
		ret = video_work(vs);
		shrbuf_sink_account(sink);
		if (ret) {
			failed = true;
			shrbuf_sink_set_state(sink, SHRBUF_SINK_STATE_FAILED, -ret);
		}
	}
	return 0;
}

/* Ends the stream, and gives the queue back as it was. */
static void video_stop(struct video_sink *vs)
{
	remove_wait_queue(&vs->out.q->done_wq, &vs->done);
	/* If somebody else has stopped it, it is not our stream any more. */
	if (!vs->cancelled) {
		shrbuf_source_stop(&vs->out);
		shrbuf_source_reqbufs(&vs->out, 0);
	}
	shrbuf_import_end(vs->import, &vs->out);
	vs->import = NULL;
}

static void video_end(struct shrbuf_route_sink *sink)
{
	struct video_sink *vs = to_video_sink(sink);

	kthread_stop(sink->thread);
	/* Then the device does not read the frames any more. */
	video_stop(vs);
	shrbuf_sink_let_go(sink);
}

static void video_free(struct shrbuf_route_sink *sink)
{
	struct video_sink *vs = to_video_sink(sink);

	if (vs->out.file)
		shrbuf_source_close(&vs->out);
	kvfree(vs->queued);
	kfree(vs);
}

static const struct shrbuf_sink_ops video_ops = {
	.type	= SHRBUF_SINK_TYPE_VIDEO,
	.name	= "video",
	.end	= video_end,
	.free	= video_free,
};

/* Gives the output queue its buffers, and starts it. */
static int video_start(struct video_sink *vs)
{
	struct shrbuf_route *route = vs->sink.route;
	unsigned int nr_planes;
	bool started;
	int ret;

	nr_planes = shrbuf_source_nr_planes(&route->source);
	if (!nr_planes)
		return -EINVAL;
	vs->import = shrbuf_import_begin(&vs->out, &route->source, route->nr_frames,
					 nr_planes);
	if (IS_ERR(vs->import))
		return PTR_ERR(vs->import);
	ret = shrbuf_source_reqbufs(&vs->out, route->nr_frames);
	if (ret >= 0 && ret != route->nr_frames)
		ret = shrbuf_import_error(vs->import) ?: -ENOBUFS;
	else if (ret < 0 && shrbuf_import_error(vs->import))
		ret = shrbuf_import_error(vs->import);
	if (ret > 0 && shrbuf_source_nr_planes(&vs->out) != nr_planes)
		ret = -EINVAL;
	if (ret > 0)
		ret = shrbuf_source_start(&vs->out, &vs->done, &started);
	if (!ret)
		return 0;
	shrbuf_source_reqbufs(&vs->out, 0);
	shrbuf_import_end(vs->import, &vs->out);
	return ret;
}

/* The queue behind the file descriptor, if it can be fed. */
static int video_open(struct video_sink *vs, int fd)
{
	int ret;

	ret = shrbuf_source_open(&vs->out, fd, true);
	if (ret) {
		vs->out.file = NULL;
		return ret;
	}
	snprintf(vs->sink.target, sizeof(vs->sink.target), "%s",
		 video_device_node_name(vs->out.vdev));
	/* Some keep what they have until there is more. */
	if (vs->sink.config.max_held <= vs->out.q->min_buffers_needed)
		return -EINVAL;
	return 0;
}

static struct video_sink *video_new(struct shrbuf_route *route,
				    const struct shrbuf_sink *config)
{
	struct video_sink *vs = kzalloc(sizeof(*vs), GFP_KERNEL_ACCOUNT);

	if (!vs)
		return NULL;
	vs->queued = kvcalloc(route->nr_frames, sizeof(*vs->queued), GFP_KERNEL_ACCOUNT);
	if (!vs->queued) {
		kfree(vs);
		return NULL;
	}
	init_waitqueue_func_entry(&vs->done, video_done);
	shrbuf_sink_init(&vs->sink, route, &video_ops, config);
	return vs;
}

/**
 * shrbuf_route_add_video - SHRBUF_IOC_ROUTE_ADD_VIDEO
 * @route: route
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_route_add_video(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_video_sink arg;
	struct video_sink *vs;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_sink_check(&arg.sink);
	if (ret)
		return ret;
	vs = video_new(route, &arg.sink);
	if (!vs)
		return -ENOMEM;
	ret = video_open(vs, arg.video_fd);
	if (ret)
		goto out_put;
	ret = shrbuf_sink_create_thread(&vs->sink, video_thread);
	if (ret)
		goto out_put;
	ret = video_start(vs);
	if (ret) {
		kthread_stop(vs->sink.thread);
		goto out_put;
	}
	ret = shrbuf_route_add(route, &vs->sink, &arg.sink.id);
	if (ret) {
		kthread_stop(vs->sink.thread);
		video_stop(vs);
		goto out_put;
	}
	wake_up_process(vs->sink.thread);
	if (copy_to_user(uptr, &arg, sizeof(arg))) {
		shrbuf_route_remove(route, arg.sink.id);
		ret = -EFAULT;
	}
out_put:
	shrbuf_sink_put(&vs->sink);
	return ret;
}
