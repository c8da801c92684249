// SPDX-License-Identifier: GPL-2.0
/*
 * Adopted buffers: a dma-buf of another exporter as a shared buffer, so that it
 * too can be tracked.
 */

/**
 * DOC: adoption
 *
 * The same dma-buf always gives the same shared buffer, as long as that lives.
 * A table finds it by the address of the dma-buf. The adopted dma-buf is held for
 * the lifetime of the shared buffer.
 *
 * A buffer whose last reference is gone may still be in the table for a moment.
 * shrbuf_adopt() then takes it out and puts a new one in::
 *
 *     CPU0: last reference goes          CPU1: shrbuf_adopt()
 *
 *     kref 1 -> 0                        mutex_lock(&adopt_lock)
 *     adopted_release()                  finds the entry of CPU0
 *       mutex_lock(&adopt_lock) waits    the reference count is zero:
 *                                        removes it, inserts a new one
 *                                        mutex_unlock(&adopt_lock)
 *       removing it again does nothing
 *       mutex_unlock(&adopt_lock)
 *       dma_buf_put(), freed
 */

#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "shrbuf-priv.h"
#include "trace.h"

/**
 * struct shrbuf_adopted - an adopted dma-buf
 * @proxy: base object, must be first. Its @inner is set for the whole lifetime.
 * @node: in the table of adopted buffers, protected by adopt_lock
 */
struct shrbuf_adopted {
	struct shrbuf_proxy proxy;
	struct rhash_head node;
};

static const struct rhashtable_params adopted_params = {
	.key_len = sizeof(struct dma_buf *),
	.key_offset = offsetof(struct shrbuf_adopted, proxy.inner),
	.head_offset = offsetof(struct shrbuf_adopted, node),
	.automatic_shrinking = true,
};

static struct rhashtable adopted;
static DEFINE_MUTEX(adopt_lock);	/* serialises changes of the table */

static int adopted_open(struct shrbuf *sb)
{
	sb->resv = to_shrbuf_proxy(sb)->inner->resv;
	return 0;
}

static int adopted_mmap(struct shrbuf *sb, struct vm_area_struct *vma)
{
	/*
	 * The exporter may find its mappings by their file, so they get the
	 * file of the inner dma-buf, and hold that and not us.
	 */
	return dma_buf_mmap(to_shrbuf_proxy(sb)->inner, vma, vma->vm_pgoff);
}

static void adopted_release(struct shrbuf *sb)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	struct shrbuf_adopted *ad =
		container_of(proxy, struct shrbuf_adopted, proxy);

	mutex_lock(&adopt_lock);
	rhashtable_remove_fast(&adopted, &ad->node, adopted_params);
	mutex_unlock(&adopt_lock);
	dma_buf_put(proxy->inner);
}

static const struct shrbuf_backing_ops adopted_ops = {
	.name			= "dma-buf",
	.open			= adopted_open,
	.attach			= shrbuf_proxy_attach,
	.detach			= shrbuf_proxy_detach,
	.map			= shrbuf_proxy_map,
	.unmap			= shrbuf_proxy_unmap,
	.vmap			= shrbuf_proxy_vmap,
	.vunmap			= shrbuf_proxy_vunmap,
	.mmap			= adopted_mmap,
	.begin_cpu_access	= shrbuf_proxy_begin_cpu_access,
	.end_cpu_access		= shrbuf_proxy_end_cpu_access,
	.release		= adopted_release,
};

/* Finds or makes the buffer of a foreign dma-buf, of which it takes a reference. */
static struct shrbuf *adopt_foreign(struct dma_buf *dmabuf)
{
	struct shrbuf_adopted *ad, *new;
	int ret;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	get_dma_buf(dmabuf);
	new->proxy.inner = dmabuf;
	new->proxy.sb.status = SHRBUF_STATUS_ADOPTED;
	/* Caches are up to the exporter, who alone knows what memory it is. */
	shrbuf_proxy_init(&new->proxy, false);

	mutex_lock(&adopt_lock);
	ad = rhashtable_lookup_fast(&adopted, &dmabuf, adopted_params);
	if (ad) {
		if (shrbuf_get_unless_gone(&ad->proxy.sb)) {
			mutex_unlock(&adopt_lock);
			kfree(new);
			dma_buf_put(dmabuf);
			return &ad->proxy.sb;
		}
		rhashtable_remove_fast(&adopted, &ad->node, adopted_params);
	}
	ret = rhashtable_insert_fast(&adopted, &new->node, adopted_params);
	if (ret)
		goto err_unlock;
	ret = shrbuf_init(&new->proxy.sb, &adopted_ops, dmabuf->size,
			  dmabuf->file->f_mode & (FMODE_READ | FMODE_WRITE),
			  dmabuf->exp_name);
	if (ret)
		goto err_remove;
	mutex_unlock(&adopt_lock);
	return &new->proxy.sb;

err_remove:
	rhashtable_remove_fast(&adopted, &new->node, adopted_params);
err_unlock:
	mutex_unlock(&adopt_lock);
	dma_buf_put(dmabuf);
	/* Lookups hold the mutex, but the table itself may still look at it. */
	kfree_rcu(new, proxy.sb.rcu);
	return ERR_PTR(ret);
}

/**
 * shrbuf_adopt_dmabuf - make a shared buffer of any dma-buf
 * @dmabuf: the caller holds a reference, and keeps it
 *
 * As shrbuf_adopt(), for whoever has looked at the dma-buf already: by the file
 * descriptor, another one could be found. May sleep.
 *
 * Return: the buffer, the caller is a user and calls shrbuf_put(), or -ENOMEM
 */
struct shrbuf *shrbuf_adopt_dmabuf(struct dma_buf *dmabuf)
{
	struct shrbuf *sb;

	might_sleep();
	sb = shrbuf_from_dmabuf(dmabuf);
	if (sb)
		shrbuf_get_by_dmabuf(sb, dmabuf);
	else
		sb = adopt_foreign(dmabuf);
	if (!IS_ERR(sb))
		trace_shrbuf_import(sb);
	return sb;
}

/**
 * shrbuf_adopt - make a shared buffer of any dma-buf
 * @fd: file descriptor of the calling process
 *
 * For a shared buffer this is shrbuf_import(). A dma-buf of another exporter is
 * wrapped: memory, mapping and cache maintenance stay with its exporter. Adopting
 * it again gives the same shared buffer. May sleep.
 *
 * Return: the buffer, the caller is a user and calls shrbuf_put(), or
 *
 * - -EBADF: @fd is not an open file
 * - -EINVAL: @fd is not a dma-buf
 * - -ENOMEM: out of memory
 */
struct shrbuf *shrbuf_adopt(int fd)
{
	struct dma_buf *dmabuf;
	struct shrbuf *sb;

	might_sleep();
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	sb = shrbuf_adopt_dmabuf(dmabuf);
	dma_buf_put(dmabuf);
	return sb;
}
EXPORT_SYMBOL_GPL(shrbuf_adopt);

int shrbuf_adopt_init(void)
{
	return rhashtable_init(&adopted, &adopted_params);
}

void shrbuf_adopt_exit(void)
{
	rhashtable_destroy(&adopted);
}
