// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of frames to come, for queues that were told to have them.
 */

/**
 * DOC: fences
 *
 * A fence says that a frame will be there soon, so that a display can be told to show it
 * before. It is a promise of the kernel: nobody may publish a fence that waits for user
 * space to do something. Hence:
 *
 * - It is published only when a driver that is streaming gets the buffer, by the wrapped
 *   buf_queue of the queue (queue-ops.c). From then on the frame comes without anybody
 *   doing anything, or stream-off, close or removal gives the buffer back.
 * - It is signalled when the flight ends (flight.c), by interrupts and kernel threads. No
 *   request signals it.
 * - If the device stops to deliver, a timer signals it with -ETIMEDOUT. The frame may still
 *   come, but nobody waits for it.
 *
 * Memory for it is allocated when the buffer is prepared, where that can fail. On the way to the
 * signal nothing is allocated and no lock is taken but spin locks:
 * dma_fence_begin_signalling() makes lockdep check that.
 *
 * Buffers of a queue may be done in any order, so each buffer has a context of its own.
 *
 * The fence has the name of the buffer, and holds this module: the buffer may be gone when the
 * last one looks at it.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "shrbuf-priv.h"
#include "trace.h"

/**
 * struct shrbuf_fence - a frame that will be there soon
 * @base: first, dma_fence_free() frees it
 * @lock: of @base
 * @watchdog: runs until the fence is signalled, and holds a reference
 * @name: of the buffer
 */
struct shrbuf_fence {
	struct dma_fence base;
	spinlock_t lock;	/* see above */
	struct timer_list watchdog;
	char name[SHRBUF_NAME_LEN];
};

#define to_shrbuf_fence(f)	container_of(f, struct shrbuf_fence, base)

static const char *fence_driver_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *fence_timeline_name(struct dma_fence *fence)
{
	return to_shrbuf_fence(fence)->name;
}

static void fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	/* Last, see "lifetime" in buffer.c. */
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name	= fence_driver_name,
	.get_timeline_name	= fence_timeline_name,
	.release		= fence_release,
};

/* The first of frame, end of stream and watchdog signals, the others find it done. */
static void fence_signal(struct shrbuf_fence *fence, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&fence->lock, flags);
	if (!dma_fence_is_signaled_locked(&fence->base)) {
		if (error)
			dma_fence_set_error(&fence->base, error);
		dma_fence_signal_locked(&fence->base);
	}
	spin_unlock_irqrestore(&fence->lock, flags);
}

static void fence_timeout(struct timer_list *timer)
{
	struct shrbuf_fence *fence = from_timer(fence, timer, watchdog);
	bool cookie = dma_fence_begin_signalling();

	fence_signal(fence, -ETIMEDOUT);
	dma_fence_end_signalling(cookie);
	dma_fence_put(&fence->base);
}

/**
 * shrbuf_fence_prepare - memory for the next fence of a buffer
 * @sb: buffer, the caller holds the lock of the queue that it is in
 *
 * May sleep.
 *
 * Return: 0, or -ENOMEM
 */
int shrbuf_fence_prepare(struct shrbuf *sb)
{
	struct shrbuf_fence *fence;

	might_sleep();
	if (READ_ONCE(sb->spare_fence))
		return 0;
	fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);
	if (!fence)
		return -ENOMEM;
	spin_lock_init(&fence->lock);
	timer_setup(&fence->watchdog, fence_timeout, 0);
	strscpy(fence->name, sb->name, sizeof(fence->name));

	spin_lock_irq(&sb->source.lock);
	if (!sb->fence_context)
		sb->fence_context = dma_fence_context_alloc(1);
	/* Two queues may prepare the same memory. */
	if (!sb->spare_fence) {
		__module_get(THIS_MODULE);
		dma_fence_init(&fence->base, &fence_ops, &fence->lock,
			       sb->fence_context, ++sb->fence_seqno);
		sb->spare_fence = fence;
		fence = NULL;
	}
	spin_unlock_irq(&sb->source.lock);
	kfree(fence);
	return 0;
}

/* Any dma-buf of the buffer, with a reference. NULL if it was not exported. */
static struct dma_buf *fence_dmabuf(struct shrbuf *sb)
{
	struct dma_buf *dmabuf = NULL;
	unsigned int i;

	mutex_lock(&sb->lock);
	for (i = 0; i < SHRBUF_NR_MODES && !dmabuf; i++)
		dmabuf = sb->dmabuf[i];
	if (dmabuf)
		get_dma_buf(dmabuf);
	mutex_unlock(&sb->lock);
	return dmabuf;
}

/*
 * The spare fence becomes that of the frame to come, if the flight of @vb is the one that
 * fills the buffer: it ends the fence. Two references, one is for the timer.
 */
static struct shrbuf_fence *fence_take(struct shrbuf *sb, struct vb2_buffer *vb)
{
	struct shrbuf_fence *fence = NULL;

	spin_lock_irq(&sb->source.lock);
	if (sb->flights[0].vb == vb && !sb->fence)
		fence = sb->spare_fence;
	if (fence) {
		sb->spare_fence = NULL;
		sb->fence = fence;
		dma_fence_get(&fence->base);
	}
	spin_unlock_irq(&sb->source.lock);
	return fence;
}

/**
 * shrbuf_fence_publish - the driver is about to get the buffer
 * @sb: buffer in flight
 * @vb: what the driver gets, the caller holds the lock of its queue
 * @timeout_ms: of the watchdog
 *
 * Does nothing if the buffer was not exported. Takes the dma_resv. May sleep.
 */
void shrbuf_fence_publish(struct shrbuf *sb, struct vb2_buffer *vb,
			  unsigned int timeout_ms)
{
	struct shrbuf_fence *fence;
	struct dma_buf *dmabuf;

	might_sleep();
	dmabuf = fence_dmabuf(sb);
	if (!dmabuf)
		return;
	/* A stream that is started again has used up the fence of the preparation. */
	if (shrbuf_fence_prepare(sb))
		goto out_put;

	dma_resv_lock(dmabuf->resv, NULL);
	if (dma_resv_reserve_fences(dmabuf->resv, 1))
		goto out_unlock;
	fence = fence_take(sb, vb);
	if (fence) {
		dma_resv_add_fence(dmabuf->resv, &fence->base, DMA_RESV_USAGE_WRITE);
		trace_shrbuf_fence_publish(sb, fence->base.seqno, 0);
		mod_timer(&fence->watchdog, jiffies + msecs_to_jiffies(timeout_ms));
	}
out_unlock:
	dma_resv_unlock(dmabuf->resv);
out_put:
	dma_buf_put(dmabuf);
}

/**
 * shrbuf_fence_signal - the frame is there, or will never be
 * @sb: buffer, the caller holds the lock of its source
 * @error: negative error number, or 0
 *
 * Any context.
 */
void shrbuf_fence_signal(struct shrbuf *sb, int error)
{
	struct shrbuf_fence *fence = sb->fence;
	bool cookie;

	lockdep_assert_held(&sb->source.lock);
	if (!fence)
		return;
	cookie = dma_fence_begin_signalling();
	sb->fence = NULL;
	trace_shrbuf_fence_signal(sb, fence->base.seqno, error);
	fence_signal(fence, error);
	dma_fence_end_signalling(cookie);
	if (del_timer(&fence->watchdog))
		dma_fence_put(&fence->base);
	dma_fence_put(&fence->base);
}

/**
 * shrbuf_fence_end - the buffer goes
 * @sb: without references, so not in flight
 */
void shrbuf_fence_end(struct shrbuf *sb)
{
	spin_lock_irq(&sb->source.lock);
	/* There is none, unless the driver did not give the buffer back. */
	shrbuf_fence_signal(sb, -ECANCELED);
	spin_unlock_irq(&sb->source.lock);
	if (sb->spare_fence) {
		/* Nobody has seen it, but dma_fence warns of unsignalled ones. */
		fence_signal(sb->spare_fence, -ECANCELED);
		dma_fence_put(&sb->spare_fence->base);
	}
}
