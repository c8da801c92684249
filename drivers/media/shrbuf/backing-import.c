// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of a video device's queue that stand on the memory of others: memory operations for
 * queues that a route feeds.
 */

/**
 * DOC: imported buffers
 *
 * VIDIOC_QBUF with V4L2_MEMORY_DMABUF looks file descriptors up in the calling process, so the
 * thread of a route cannot use it. Instead the queue gets buffers of its own (V4L2_MEMORY_MMAP)
 * whose allocator does not allocate: it attaches and maps the dma-buf of the camera's buffer with
 * the same index and plane, by what the driver's own allocator does for V4L2_MEMORY_DMABUF.
 *
 * The operations are replaced while the queue has no buffers, under its lock, and put back after
 * the last plane was freed. That is done by whoever comes last: the sink, or the queue, if the
 * device was removed and keeps its buffers until the last file is closed. A caller may have fetched
 * the pointer to the operations before: they are freed after a grace period, see queue.c.
 *
 * The caches are the exporter's business, as with V4L2_MEMORY_DMABUF: there is no prepare and no
 * finish. Programs can neither map these buffers nor export them.
 */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <media/videobuf2-core.h>

#include "shrbuf-priv.h"
#include "route.h"

/**
 * struct shrbuf_import - operations of one queue
 * @ops: what the queue has
 * @base: operations of the driver's allocator, or of one that wraps it
 * @before: what the queue had before
 * @q: the queue, valid while @planes is not zero and until shrbuf_import_end()
 * @nr_bufs: number of buffers in @dmabufs
 * @nr_planes: of each buffer
 * @dmabufs: by index of the buffer and plane, references are held until the end
 * @planes: number of planes that live. Protected by import_lock.
 * @ended: the last plane frees all. Protected by import_lock, and written under the lock of
 *	the queue.
 * @error: of the last plane that could not be made
 * @rcu: frees
 */
struct shrbuf_import {
	struct vb2_mem_ops ops;
	const struct vb2_mem_ops *base;
	const struct vb2_mem_ops *before;
	struct vb2_queue *q;
	unsigned int nr_bufs;
	unsigned int nr_planes;
	struct dma_buf **dmabufs;
	unsigned int planes;
	bool ended;
	int error;
	struct rcu_head rcu;
};

/**
 * struct import_plane - what videobuf2 holds for one plane
 * @imp: the queue's operations
 * @priv: what the driver's allocator returned for the dma-buf
 * @dmabuf: a reference is held
 */
struct import_plane {
	struct shrbuf_import *imp;
	void *priv;
	struct dma_buf *dmabuf;
};

/* Innermost. */
static DEFINE_SPINLOCK(import_lock);

static void import_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct shrbuf_import, rcu));
}

/* Nobody has planes any more, and nobody can get one. */
static void import_free(struct shrbuf_import *imp)
{
	unsigned int i;

	for (i = 0; i < imp->nr_bufs * imp->nr_planes; i++)
		if (imp->dmabufs[i])
			dma_buf_put(imp->dmabufs[i]);
	kvfree(imp->dmabufs);
	call_rcu_tasks(&imp->rcu, import_free_rcu);
	/* shrbuf_module_exit() waits until the caller has returned, and for the above. */
	module_put(THIS_MODULE);
}

/* One plane less, or the sink ends. The last one puts the queue's operations back. */
static void import_put(struct shrbuf_import *imp, bool end)
{
	bool last;

	spin_lock(&import_lock);
	if (end)
		imp->ended = true;
	else
		imp->planes--;
	last = imp->ended && !imp->planes;
	if (last)
		WRITE_ONCE(imp->q->mem_ops, imp->before);
	spin_unlock(&import_lock);
	if (last)
		import_free(imp);
}

/* Which plane videobuf2 is about to make: it makes them in their order. */
static unsigned int import_plane_number(const struct vb2_buffer *vb)
{
	unsigned int plane = 0;

	while (plane < VB2_MAX_PLANES && vb->planes[plane].mem_priv)
		plane++;
	return plane;
}

static int import_map(struct import_plane *ip, struct vb2_buffer *vb,
		      struct device *dev, unsigned long size)
{
	const struct vb2_mem_ops *base = ip->imp->base;
	int ret;

	ip->priv = base->attach_dmabuf(vb, dev, ip->dmabuf, size);
	if (IS_ERR(ip->priv))
		return PTR_ERR(ip->priv);
	ret = base->map_dmabuf(ip->priv);
	if (ret)
		base->detach_dmabuf(ip->priv);
	return ret;
}

static void *import_alloc(struct vb2_buffer *vb, struct device *dev, unsigned long size)
{
	struct shrbuf_import *imp = container_of(vb->vb2_queue->mem_ops,
						 struct shrbuf_import, ops);
	unsigned int plane = import_plane_number(vb);
	struct import_plane *ip;
	int ret = -EINVAL;

	/* No more for who goes on with the queue when the sink has gone. */
	if (imp->ended || vb->index >= imp->nr_bufs || plane >= imp->nr_planes)
		goto err;
	ret = -ENOMEM;
	ip = kzalloc(sizeof(*ip), GFP_KERNEL_ACCOUNT);
	if (!ip)
		goto err;
	ip->imp = imp;
	ip->dmabuf = imp->dmabufs[vb->index * imp->nr_planes + plane];
	ret = ip->dmabuf->size < size ? -EINVAL : import_map(ip, vb, dev, size);
	if (ret) {
		kfree(ip);
		goto err;
	}
	get_dma_buf(ip->dmabuf);
	spin_lock(&import_lock);
	imp->planes++;
	spin_unlock(&import_lock);
	return ip;

err:
	imp->error = ret;
	return ERR_PTR(ret);
}

static void import_put_plane(void *priv)
{
	struct import_plane *ip = priv;
	struct shrbuf_import *imp = ip->imp;

	imp->base->unmap_dmabuf(ip->priv);
	imp->base->detach_dmabuf(ip->priv);
	dma_buf_put(ip->dmabuf);
	kfree(ip);
	import_put(imp, false);
}

static void *import_vaddr(struct vb2_buffer *vb, void *priv)
{
	struct import_plane *ip = priv;

	return ip->imp->base->vaddr ? ip->imp->base->vaddr(vb, ip->priv) : NULL;
}

static void *import_cookie(struct vb2_buffer *vb, void *priv)
{
	struct import_plane *ip = priv;

	return ip->imp->base->cookie(vb, ip->priv);
}

/* Nobody but the queue. */
static unsigned int import_num_users(void *priv)
{
	return 1;
}

static int import_mmap(void *priv, struct vm_area_struct *vma)
{
	return -EINVAL;
}

/* The dma-bufs of the camera's buffers, which must be shared. */
static int import_get_dmabufs(struct shrbuf_import *imp, struct shrbuf_route_source *from)
{
	struct shrbuf *planes[VIDEO_MAX_PLANES];
	struct dma_buf *dmabuf;
	unsigned int i, j, nr;
	int ret = 0;

	for (i = 0; i < imp->nr_bufs && !ret; i++) {
		nr = shrbuf_source_planes(from, i, planes);
		if (nr != imp->nr_planes)
			ret = nr ? -EINVAL : -EOPNOTSUPP;
		for (j = 0; j < nr; j++) {
			dmabuf = ret ? NULL : shrbuf_get_dmabuf(planes[j], O_RDONLY);
			if (IS_ERR(dmabuf))
				ret = PTR_ERR(dmabuf);
			else if (dmabuf)
				imp->dmabufs[i * nr + j] = dmabuf;
			shrbuf_put(planes[j]);
		}
	}
	return ret;
}

/* Replaces the operations of a queue without buffers. */
static int import_install(struct shrbuf_import *imp, struct shrbuf_route_source *to)
{
	const struct vb2_mem_ops *before;
	struct shrbuf_queue *sq;
	int ret = 0;

	mutex_lock(to->lock);
	/* One that is attached gives buffers of its own, and gets its operations back. */
	sq = shrbuf_queue_enter(to->q);
	if (sq) {
		mutex_unlock(to->lock);
		shrbuf_queue_leave(sq);
		return -EBUSY;
	}
	before = to->q->mem_ops;
	imp->before = before;
	/* A ported driver has wrapped operations, which wrap those that we need. */
	imp->base = shrbuf_vb2_base(before) ?: before;
	if (vb2_is_busy(to->q) || before->alloc == import_alloc)
		ret = -EBUSY;
	else if (!imp->base->attach_dmabuf || !imp->base->detach_dmabuf ||
		 !imp->base->map_dmabuf || !imp->base->unmap_dmabuf)
		ret = -EOPNOTSUPP;
	if (!ret) {
		imp->q = to->q;
		imp->ops = (struct vb2_mem_ops){
			.alloc		= import_alloc,
			.put		= import_put_plane,
			.vaddr		= import_vaddr,
			.cookie		= imp->base->cookie ? import_cookie : NULL,
			.num_users	= import_num_users,
			.mmap		= import_mmap,
		};
		WRITE_ONCE(to->q->mem_ops, &imp->ops);
	}
	mutex_unlock(to->lock);
	return ret;
}

/**
 * shrbuf_import_begin - the next buffers of a queue stand on those of another
 * @to: queue without buffers
 * @from: queue whose buffers are shared
 * @nr_bufs: number of its buffers
 * @nr_planes: number of planes of each
 *
 * May sleep.
 *
 * Return: for shrbuf_import_end(), or an error: -EBUSY if @to has buffers or is attached,
 * -EOPNOTSUPP if @from is not shared or @to cannot import, -EINVAL if their planes do not match,
 * -ENOMEM
 */
struct shrbuf_import *shrbuf_import_begin(struct shrbuf_route_source *to,
					  struct shrbuf_route_source *from,
					  unsigned int nr_bufs, unsigned int nr_planes)
{
	struct shrbuf_import *imp = kzalloc(sizeof(*imp), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!imp)
		return ERR_PTR(-ENOMEM);
	/* The queue may use our operations for longer than the route lives, which holds us now. */
	__module_get(THIS_MODULE);
	imp->nr_bufs = nr_bufs;
	imp->nr_planes = nr_planes;
	imp->dmabufs = kvcalloc(nr_bufs * nr_planes, sizeof(*imp->dmabufs),
				GFP_KERNEL_ACCOUNT);
	if (imp->dmabufs)
		ret = import_get_dmabufs(imp, from);
	if (!ret)
		ret = import_install(imp, to);
	if (!ret)
		return imp;
	if (!imp->dmabufs)
		imp->nr_bufs = 0;
	import_free(imp);
	return ERR_PTR(ret);
}

/**
 * shrbuf_import_error - why the queue got no buffers
 * @imp: from shrbuf_import_begin()
 *
 * Return: the error, or zero
 */
int shrbuf_import_error(const struct shrbuf_import *imp)
{
	return imp->error;
}

/**
 * shrbuf_import_end - the queue gets its own operations back
 * @imp: from shrbuf_import_begin()
 * @to: as there
 *
 * At once if it has no buffers any more, else with the last of them. May sleep.
 */
void shrbuf_import_end(struct shrbuf_import *imp, struct shrbuf_route_source *to)
{
	/* Nobody is making a buffer. */
	mutex_lock(to->lock);
	import_put(imp, true);
	mutex_unlock(to->lock);
}
