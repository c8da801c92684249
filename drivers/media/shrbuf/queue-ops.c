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
 * two of them wrapped: buf_prepare, which may fail, and buf_queue. A queue that is not
 * configured keeps its operations, and costs nothing.
 *
 * The operations change only while the queue has no buffers: under the lock of the queue, or
 * when the device is removed, as those of the memory do (see queue.c). The wrapped ones are
 * only called for buffers. Somebody may have fetched the pointer to the copy for another operation,
 * which is the driver's own: the copy lives until he must have gone on, see queue_release().
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
 * If CPU1 has the lock first, CPU0 finds the hold and fails with -EBUSY, or waits.
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
		sb->claimed = true;
	spin_unlock_irq(&sb->source.lock);
	return claimed;
}

static void queue_unclaim_plane(struct shrbuf *sb, bool give_up)
{
	const struct shrbuf_frame empty = { .state = SHRBUF_STATE_EMPTY };

	spin_lock_irq(&sb->source.lock);
	sb->claimed = false;
	/* A buffer may have several planes in one shared buffer. */
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

static void queue_buf_queue(struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq = queue_of(vb), *ignored;
	struct shrbuf *sb;
	unsigned int i;

	if (sq->config.flags & SHRBUF_CONFIG_FENCES && !vb->vb2_queue->is_output) {
		for (i = 0; i < vb->num_planes; i++) {
			sb = shrbuf_flight_buffer(vb, i, &ignored);
			if (sb)
				shrbuf_fence_publish(sb, vb,
						     sq->config.fence_ms);
		}
	}
	sq->base_ops->buf_queue(vb);
}

/**
 * shrbuf_queue_ops_set - a queue is configured
 * @sq: attached queue without buffers
 * @config: valid
 *
 * The caller holds the lock of the queue, and that of the list of queues.
 */
void shrbuf_queue_ops_set(struct shrbuf_queue *sq,
			  const struct shrbuf_queue_config *config)
{
	sq->config = *config;
	/* Once it is wrapped it stays so: the copy is in use from now on. */
	if (!config->flags || sq->base_ops)
		return;
	sq->base_ops = sq->q->ops;
	sq->ops = *sq->base_ops;
	sq->ops.buf_prepare = queue_buf_prepare;
	sq->ops.buf_queue = queue_buf_queue;
	WRITE_ONCE(sq->q->ops, &sq->ops);
}
