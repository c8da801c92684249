// SPDX-License-Identifier: GPL-2.0
/*
 * The shared buffer object: references, identity, the list of all buffers.
 */

/**
 * DOC: lifetime
 *
 * A buffer lives until its last user lets go. There are two counts, because a buffer
 * and its dma-bufs need each other:
 *
 * - &shrbuf.users: those who hold the object itself: the producer, and kernel code that
 *   took a reference. As long as there are any, the buffer holds its dma-bufs, so that
 *   each export gives the same one.
 * - &shrbuf.refcount: holds the memory. All users together have one, and each dma-buf
 *   has one. A dma-buf is held by file descriptors, importers and mappings.
 *
 * When the last user goes, the buffer lets go of its dma-bufs. The last of those
 * to go takes the buffer along. If somebody becomes a user again, by a file
 * descriptor, the buffer holds the dma-buf of that file descriptor again. Both changes
 * are made under &shrbuf.lock.
 *
 * The list of all buffers holds no reference. It is walked under RCU, and a
 * walker takes a reference only if there still is one::
 *
 *     CPU0: last reference goes             CPU1: shrbuf_next()
 *
 *     kref 1 -> 0                           rcu_read_lock()
 *     xa_erase()                            sb = xa_find()
 *     ops->release()                        kref_get_unless_zero() fails,
 *     kfree_rcu()                             goes on to the next one
 *                                           rcu_read_unlock()
 *     ... grace period, memory freed
 *
 * A live buffer pins the module, whoever holds it. The last reference is dropped
 * by code of this module, so between that drop and the return from that code the
 * module could be unloaded. shrbuf_module_exit() therefore waits with
 * synchronize_rcu_tasks() until every task has gone through a voluntary context
 * switch. No function here sleeps after its last module_put().
 */

#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/fs.h>
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
 * @size: in bytes, not zero
 * @fmode: which access may be exported, of FMODE_READ and FMODE_WRITE
 * @name: who made it, is copied and cut to fit
 *
 * On success the caller is the only user. Visible to others at once, so
 * the backing must be complete. On failure the caller still owns the memory and
 * frees it. May sleep.
 *
 * Return: 0, or -ENOMEM, or -EBUSY when all ids are in use.
 */
int shrbuf_init(struct shrbuf *sb, const struct shrbuf_backing_ops *ops,
		size_t size, fmode_t fmode, const char *name)
{
	int ret;

	might_sleep();
	kref_init(&sb->refcount);
	refcount_set(&sb->users, 1);
	mutex_init(&sb->lock);
	INIT_LIST_HEAD(&sb->attachments);
	shrbuf_state_init(sb);
	sb->ops = ops;
	sb->size = size;
	sb->fmode = fmode;
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
	shrbuf_state_end(sb);
	sb->ops->release(sb);
	mutex_destroy(&sb->lock);
	kfree_rcu(sb, rcu);
	/* Last, see "lifetime" above. */
	module_put(THIS_MODULE);
}

/* Drops what holds the memory: of a dma-buf, of all users together, of a walker. */
void shrbuf_put_memory(struct shrbuf *sb)
{
	might_sleep();
	kref_put(&sb->refcount, shrbuf_release);
}

/**
 * shrbuf_get - become a user
 * @sb: buffer, the caller is a user already
 *
 * Any context.
 *
 * Return: @sb
 */
struct shrbuf *shrbuf_get(struct shrbuf *sb)
{
	refcount_inc(&sb->users);
	return sb;
}
EXPORT_SYMBOL_GPL(shrbuf_get);

/*
 * Becomes a user of a buffer that was found in a table and may be on its way out. There
 * may be no other user, but somebody who holds a dma-buf of it.
 */
bool shrbuf_get_unless_gone(struct shrbuf *sb)
{
	if (!kref_get_unless_zero(&sb->refcount))
		return false;
	mutex_lock(&sb->lock);
	if (refcount_inc_not_zero(&sb->users))
		kref_put(&sb->refcount, shrbuf_release);
	else
		refcount_set(&sb->users, 1);
	mutex_unlock(&sb->lock);
	return true;
}

/*
 * Becomes a user by a dma-buf, of which the caller holds a reference. There may be no
 * other user.
 */
void shrbuf_get_by_dmabuf(struct shrbuf *sb, struct dma_buf *dmabuf)
{
	unsigned int mode = dmabuf->file->f_flags & O_ACCMODE;

	mutex_lock(&sb->lock);
	if (!refcount_inc_not_zero(&sb->users)) {
		kref_get(&sb->refcount);
		refcount_set(&sb->users, 1);
	}
	if (!sb->dmabuf[mode]) {
		get_dma_buf(dmabuf);
		WRITE_ONCE(sb->dmabuf[mode], dmabuf);
	}
	mutex_unlock(&sb->lock);
}

/**
 * shrbuf_put - be a user no more
 * @sb: buffer, or NULL
 *
 * The last one lets the dma-bufs of the buffer go, and with the last of those goes the
 * buffer. May sleep. The caller must not hold a dma_resv, nor a lock that is taken
 * when a dma-buf is exported by a driver of the same memory.
 */
void shrbuf_put(struct shrbuf *sb)
{
	struct dma_buf *dmabuf[SHRBUF_NR_MODES];
	unsigned int i;

	might_sleep();
	if (!sb || !refcount_dec_and_mutex_lock(&sb->users, &sb->lock))
		return;
	for (i = 0; i < SHRBUF_NR_MODES; i++) {
		dmabuf[i] = sb->dmabuf[i];
		WRITE_ONCE(sb->dmabuf[i], NULL);
	}
	mutex_unlock(&sb->lock);

	for (i = 0; i < SHRBUF_NR_MODES; i++)
		if (dmabuf[i])
			dma_buf_put(dmabuf[i]);
	shrbuf_put_memory(sb);
}
EXPORT_SYMBOL_GPL(shrbuf_put);

/**
 * shrbuf_size - size of a buffer
 * @sb: buffer
 *
 * Any context.
 *
 * Return: bytes; whole pages but for adopted buffers, whose exporter decides
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
 * The walker holds the memory, and is no user: it gives that back by
 * shrbuf_put_memory().
 *
 * Return: the first buffer with an id of at least @id, or NULL. Takes logarithmic time.
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
