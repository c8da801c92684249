// SPDX-License-Identifier: GPL-2.0
/*
 * The shared buffer object: references, identity, the list of all buffers.
 */

/**
 * DOC: lifetime
 *
 * A buffer lives until its last user lets go. Users are the producer, every
 * dma-buf that was made of it (and so every file descriptor, every importing
 * device and every mapping), and kernel code that took a reference.
 *
 * The list of all buffers holds no reference. It is walked under RCU, and a
 * walker takes a reference only if there still is one::
 *
 *     CPU0: shrbuf_put(), last one          CPU1: shrbuf_next()
 *
 *     kref 1 -> 0                           rcu_read_lock()
 *     ops->release()                        sb = xa_find()
 *     xa_erase()                            kref_get_unless_zero() fails,
 *     kfree_rcu()                             goes on to the next one
 *                                           rcu_read_unlock()
 *     ... grace period, memory freed
 *
 * A live buffer pins the module, whoever holds it. The last reference is dropped
 * by code of this module, so between that drop and the return from that code the
 * module could be unloaded. shrbuf_exit() therefore waits with
 * synchronize_rcu_tasks() until every task has gone through a voluntary context
 * switch. No function here sleeps after its last module_put().
 */

#include <linux/export.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "shrbuf-priv.h"
#include "trace.h"

/* All buffers by id. Readers use RCU, writers the lock of the xarray. */
static DEFINE_XARRAY_ALLOC1(buffers);
static u32 next_id;	/* protected by the lock of the xarray */

/**
 * shrbuf_init - make a buffer of a zeroed object
 * @sb: first member of an allocated and zeroed structure of the backing
 * @ops: operations of the backing
 * @size: in bytes, whole pages, not zero
 * @name: who made it, is copied and cut to fit
 *
 * On success the caller owns the only reference. Visible to others at once, so
 * the backing must be complete. On failure the caller still owns the memory and
 * frees it. May sleep.
 *
 * Return: 0, or -ENOMEM, or -EBUSY when all ids are in use.
 */
int shrbuf_init(struct shrbuf *sb, const struct shrbuf_backing_ops *ops,
		size_t size, const char *name)
{
	int ret;

	might_sleep();
	kref_init(&sb->refcount);
	mutex_init(&sb->lock);
	sb->ops = ops;
	sb->size = size;
	if (!sb->fmode)
		sb->fmode = FMODE_READ | FMODE_WRITE;
	strscpy(sb->name, name, sizeof(sb->name));

	/* Reserve first: nobody may find the object before it has its id. */
	ret = xa_alloc_cyclic(&buffers, &sb->id, NULL, xa_limit_32b, &next_id,
			      GFP_KERNEL);
	if (ret < 0)
		return ret;
	__module_get(THIS_MODULE);
	trace_shrbuf_create(sb);
	/* Cannot fail: the entry was reserved. */
	xa_store(&buffers, sb->id, sb, GFP_KERNEL);
	return 0;
}

static void shrbuf_release(struct kref *kref)
{
	struct shrbuf *sb = container_of(kref, struct shrbuf, refcount);

	trace_shrbuf_release(sb);
	xa_erase(&buffers, sb->id);
	sb->ops->release(sb);
	mutex_destroy(&sb->lock);
	kfree_rcu(sb, rcu);
	/* Last, see "lifetime" above. */
	module_put(THIS_MODULE);
}

/**
 * shrbuf_get - take a reference
 * @sb: buffer, the caller holds a reference
 *
 * Any context.
 *
 * Return: @sb
 */
struct shrbuf *shrbuf_get(struct shrbuf *sb)
{
	kref_get(&sb->refcount);
	return sb;
}
EXPORT_SYMBOL_GPL(shrbuf_get);

/**
 * shrbuf_put - give a reference back
 * @sb: buffer, or NULL
 *
 * The last one frees the buffer. May sleep, the caller must hold no lock of a
 * video queue that does not also protect its buffers, and no dma_resv.
 */
void shrbuf_put(struct shrbuf *sb)
{
	might_sleep();
	if (sb)
		kref_put(&sb->refcount, shrbuf_release);
}
EXPORT_SYMBOL_GPL(shrbuf_put);

/**
 * shrbuf_size - size of a buffer
 * @sb: buffer
 *
 * Any context.
 *
 * Return: bytes, always whole pages
 */
size_t shrbuf_size(const struct shrbuf *sb)
{
	return sb->size;
}
EXPORT_SYMBOL_GPL(shrbuf_size);

/**
 * shrbuf_id - number of a buffer, for messages and traces
 * @sb: buffer
 *
 * Numbers count up from 1 and are not used again soon. They name a buffer to
 * people. No interface takes them: a program can only name a buffer by a file
 * descriptor that it holds. Any context.
 *
 * Return: the number, never 0
 */
u32 shrbuf_id(const struct shrbuf *sb)
{
	return sb->id;
}
EXPORT_SYMBOL_GPL(shrbuf_id);

/**
 * shrbuf_next - walk over all buffers
 * @id: in: where to start, out: id of the buffer that was found
 *
 * Return: the first buffer with an id of at least @id, with a reference, or
 * NULL. Takes logarithmic time.
 */
struct shrbuf *shrbuf_next(unsigned long *id)
{
	struct shrbuf *sb;

	rcu_read_lock();
	for (sb = xa_find(&buffers, id, ULONG_MAX, XA_PRESENT); sb;
	     sb = xa_find_after(&buffers, id, ULONG_MAX, XA_PRESENT))
		if (kref_get_unless_zero(&sb->refcount))
			break;
	rcu_read_unlock();
	return sb;
}

/* Module exit: all buffers are gone, or the module could not be unloaded. */
void shrbuf_buffers_exit(void)
{
	xa_destroy(&buffers);
}
