// SPDX-License-Identifier: GPL-2.0
/*
 * Attached queues that care for readers, and that have fences: wrapped operations of the
 * driver.
 */

/**
 * DOC: wrapped driver operations
 *
 * Trace points (flight.c) tell what happens, but cannot refuse a buffer, and cannot sleep. A
 * queue that is configured to do one of these gets a copy of the driver's &struct vb2_ops with
 * three of them wrapped: buf_prepare, which may fail, buf_queue and start_streaming. A queue
 * that is not configured keeps its operations, and costs nothing.
 *
 * The operations change only while the queue has no buffers: under the lock of the queue, or
 * when the device is removed, as those of the memory do (see queue.c). Two of the wrapped ones
 * are only called for buffers with memory, which keeps the attachment. start_streaming may run
 * without, so it first looks under queues_lock whether the queue is still attached, and keeps
 * the attachment as a plane does. If the device was removed just now, it fails.
 *
 * Somebody may have fetched the pointer to the copy for another operation, which is the
 * driver's own: the copy lives until he must have gone on, see queue_release().
 *
 * Fences are published when the driver has got the buffer and streams. Doing so earlier, in
 * buf_queue before start_streaming, would make memory that is allocated there wait for the
 * fence, if a shrinker does::
 *
 *     CPU0: VIDIOC_STREAMON                 CPU1: reclaim of memory by a GPU driver
 *
 *     buf_queue(): fence published
 *     start_streaming()
 *       kmalloc(GFP_KERNEL)
 *         waits for reclaim                 waits for the fence of an imported buffer,
 *                                           which nobody can fill
 *
 * A buffer whose frame is held is not prepared. Otherwise it is claimed, so that nobody can hold
 * it while the driver prepares it, and then its content is given up::
 *
 *     CPU0: VIDIOC_QBUF                     CPU1: SHRBUF_IOC_HOLD
 *
 *     lock, no holds: claimed, unlock
 *                                           lock, claimed: -ENODATA, unlock
 *     driver's buf_prepare()
 *     lock, EMPTY, not claimed, unlock
 *                                           lock, EMPTY: -ENODATA, unlock
 *
 * If CPU1 has the lock first, CPU0 finds the hold and fails with -EBUSY, or waits. Claims are
 * counted: memory of shrbuf may be queued in two queues, or be two planes of one buffer.
 */

#include <linux/jiffies.h>
#include <linux/wait.h>
#include <media/videobuf2-core.h>

#include "shrbuf-priv.h"

/* False if somebody holds the frame. */
static bool queue_claim_plane(struct shrbuf *sb)
{
	bool claimed;

	spin_lock_irq(&sb->source.lock);
	claimed = !sb->holds;
	if (claimed)
		sb->claimed++;
	spin_unlock_irq(&sb->source.lock);
	return claimed;
}

static void queue_unclaim_plane(struct shrbuf *sb, bool give_up)
{
	const struct shrbuf_frame empty = { .state = SHRBUF_STATE_EMPTY };

	spin_lock_irq(&sb->source.lock);
	sb->claimed--;
	/* Given up already if it has several planes in one shared buffer. */
	if (give_up && (sb->frame.state == SHRBUF_STATE_FILLED ||
			sb->frame.state == SHRBUF_STATE_ERROR))
		shrbuf_state_change(sb, &empty);
	spin_unlock_irq(&sb->source.lock);
}

/* The first @nr planes that are shared buffers. */
static void queue_unclaim(struct vb2_buffer *vb, unsigned int nr, bool give_up)
{
	struct shrbuf_queue *sq;
	struct shrbuf *sb;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		sb = shrbuf_flight_buffer(vb, i, &sq);
		if (sb)
			queue_unclaim_plane(sb, give_up);
	}
}

/* Claims all planes, or none: then the result is a held one. */
static struct shrbuf *queue_claim(struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq;
	struct shrbuf *sb;
	unsigned int i;

	for (i = 0; i < vb->num_planes; i++) {
		sb = shrbuf_flight_buffer(vb, i, &sq);
		if (sb && !queue_claim_plane(sb)) {
			queue_unclaim(vb, i, false);
			return sb;
		}
	}
	return NULL;
}

/*
 * Waits until nobody holds the frame. Under the lock of the queue: videobuf2 would not
 * notice if the buffer were freed meanwhile. Returns the remaining time in jiffies, or an
 * error.
 */
static long queue_wait_readers(struct shrbuf_queue *sq, struct shrbuf *sb,
			       long timeout)
{
	if (!shrbuf_queue_wait(sq, sb))
		return -ENODEV;
	timeout = wait_event_interruptible_timeout(sb->released,
						   !READ_ONCE(sb->holds) ||
						   !READ_ONCE(sq->vdev),
						   timeout);
	if (!shrbuf_queue_wait(sq, NULL))
		return -ENODEV;
	return timeout ?: -EBUSY;
}

static int queue_claim_wait(struct shrbuf_queue *sq, struct vb2_buffer *vb)
{
	long timeout = msecs_to_jiffies(sq->config.wait_ms);
	struct shrbuf *held;

	while ((held = queue_claim(vb))) {
		if (!(sq->config.flags & SHRBUF_CONFIG_WAIT))
			return -EBUSY;
		timeout = queue_wait_readers(sq, held, timeout);
		if (timeout < 0)
			return timeout;
	}
	return 0;
}

static int queue_prepare_fences(struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq;
	struct shrbuf *sb;
	unsigned int i;
	int ret;

	for (i = 0; i < vb->num_planes; i++) {
		sb = shrbuf_flight_buffer(vb, i, &sq);
		ret = sb ? shrbuf_fence_prepare(sb) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

/* The attached queue of a buffer that has memory. */
static struct shrbuf_queue *queue_of(struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq;

	shrbuf_vb2_plane(vb, 0, &sq);
	return sq;
}

static int queue_buf_prepare(struct vb2_buffer *vb)
{
	const u32 care = SHRBUF_CONFIG_REFUSE | SHRBUF_CONFIG_WAIT;
	struct shrbuf_queue *sq = queue_of(vb);
	/* A device that reads the frame is a reader like others. */
	bool claims = sq->config.flags & care && !vb->vb2_queue->is_output;
	int ret = 0;

	if (sq->config.flags & SHRBUF_CONFIG_FENCES && !vb->vb2_queue->is_output)
		ret = queue_prepare_fences(vb);
	if (!ret && claims)
		ret = queue_claim_wait(sq, vb);
	if (ret)
		return ret;
	if (sq->base_ops->buf_prepare)
		ret = sq->base_ops->buf_prepare(vb);
	if (claims)
		queue_unclaim(vb, vb->num_planes, !ret);
	return ret;
}

/* The driver may be done with the buffer already, but nobody has taken it out yet. */
static void queue_publish_fences(struct shrbuf_queue *sq, struct vb2_buffer *vb)
{
	struct shrbuf_queue *ignored;
	struct shrbuf *sb;
	unsigned int i;

	if (!(sq->config.flags & SHRBUF_CONFIG_FENCES) || vb->vb2_queue->is_output)
		return;
	for (i = 0; i < vb->num_planes; i++) {
		sb = shrbuf_flight_buffer(vb, i, &ignored);
		if (sb)
			shrbuf_fence_publish(sb, vb, i, sq->config.fence_ms);
	}
}

static void queue_buf_queue(struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq = queue_of(vb);

	sq->base_ops->buf_queue(vb);
	/* Otherwise queue_start_streaming() does it. */
	if (vb->vb2_queue->start_streaming_called || !sq->base_ops->start_streaming)
		queue_publish_fences(sq, vb);
}

static int queue_start_streaming(struct vb2_queue *q, unsigned int count)
{
	struct shrbuf_queue *sq = shrbuf_queue_enter(q);
	struct vb2_buffer *vb;
	int ret;

	/* There is not one buffer with memory, or it would be attached. */
	if (!sq)
		return -ENODEV;
	ret = sq->base_ops->start_streaming(q, count);
	if (!ret)
		list_for_each_entry(vb, &q->queued_list, queued_entry)
			queue_publish_fences(sq, vb);
	shrbuf_queue_leave(sq);
	return ret;
}

static void queue_wrap_ops(struct vb2_ops *const ops, const struct vb2_ops *base)
{
	*ops = *base;
	ops->buf_prepare = queue_buf_prepare;
	ops->buf_queue = queue_buf_queue;
	if (base->start_streaming)
		ops->start_streaming = queue_start_streaming;
}

/**
 * shrbuf_queue_ops_set - a queue is configured
 * @sq: attached queue without buffers
 * @config: valid
 * @copy: memory for a copy of the operations, if @config has flags
 *
 * The caller holds the lock of the queue, and that of the list of queues.
 *
 * Return: true if @copy belongs to @sq now
 */
bool shrbuf_queue_ops_set(struct shrbuf_queue *sq,
			  const struct shrbuf_queue_config *config, void *copy)
{
	sq->config = *config;
	/* Once it is wrapped it stays so: the copy is in use from now on. */
	if (!config->flags || sq->base_ops)
		return false;
	queue_wrap_ops(copy, sq->q->ops);
	sq->ops = copy;
	sq->base_ops = sq->q->ops;
	WRITE_ONCE(sq->q->ops, sq->ops);
	return true;
}
