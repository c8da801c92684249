// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of backings which stand on the dma-buf of another exporter: passed
 * on one by one. Used by buffers of videobuf2 and by adopted dma-bufs.
 *
 * The outer dma-buf has the dma_resv of the inner one. So fences of both are the
 * same, and where dma-buf holds the dma_resv for an operation on the outer one it
 * holds the one that the inner one needs.
 */

/**
 * DOC: cache maintenance that videobuf2 leaves out
 *
 * The allocators of videobuf2 map their memory for an importer once, and keep that
 * mapping until the importer detaches: later mappings and all unmappings do nothing, and
 * the contiguous one maintains nothing at all. Access by the CPU is announced to the device
 * of the queue at most, and to none by the vmalloc allocator. An importer that is not
 * coherent, or that is served through a bounce buffer, would see old content.
 *
 * So &shrbuf_proxy.sync asks us to do it, for all devices that have the buffer mapped: at
 * each mapping, at each unmapping, and at start and end of access by the
 * CPU. That is done by the addresses in the scatterlist, since an importer may look at
 * nothing else in it. Devices that need no maintenance cost nothing.
 *
 * Memory of the contiguous allocator is coherent, unless the queue asked for the other
 * kind. Coherent memory needs none of this, and must not get it: it may have no mapping by
 * which the CPU could reach its cache lines.
 */

#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "shrbuf-priv.h"

/**
 * struct proxy_attachment - a device that is attached to the buffer
 * @node: in &shrbuf_proxy.attachments
 * @inner: its attachment to the inner dma-buf
 * @sgt: what the inner dma-buf gave last. Not ours to change.
 * @dir: direction of that, DMA_NONE if there was none
 * @mapped: number of mappings, usually 0 or 1
 * @sync: cache maintenance is wanted, and the device needs it
 *
 * Protected by &shrbuf_proxy.lock, but for @inner, which is invariant.
 */
struct proxy_attachment {
	struct list_head node;
	struct dma_buf_attachment *inner;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	unsigned int mapped;
	bool sync;
};

typedef void (*sync_fn)(struct device *dev, dma_addr_t addr, size_t size,
			enum dma_data_direction dir);

/* Behind an IOMMU, what is in one piece for the device is not for the caches. */
static size_t sync_step(struct device *dev, size_t size)
{
	return device_iommu_mapped(dev) ? min_t(size_t, PAGE_SIZE, size) : size;
}

/**
 * shrbuf_sync_for_cpu - the CPU is to see what a device wrote
 * @dev: device
 * @addr: of a mapped range, for @dev
 * @size: of the range in bytes
 * @dir: direction of the mapping
 */
void shrbuf_sync_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
			 enum dma_data_direction dir)
{
	size_t step;

	for (; size; size -= step, addr += step) {
		step = sync_step(dev, size);
		dma_sync_single_for_cpu(dev, addr, step, dir);
	}
}

/**
 * shrbuf_sync_for_device - a device is to see what the CPU wrote
 * @dev: device
 * @addr: of a mapped range, for @dev
 * @size: of the range in bytes
 * @dir: direction of the mapping
 */
void shrbuf_sync_for_device(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir)
{
	size_t step;

	for (; size; size -= step, addr += step) {
		step = sync_step(dev, size);
		dma_sync_single_for_device(dev, addr, step, dir);
	}
}

static void proxy_sync(struct proxy_attachment *pa, sync_fn sync)
{
	struct scatterlist *sg;
	unsigned int i;

	if (!pa->sync)
		return;
	for_each_sgtable_dma_sg(pa->sgt, sg, i)
		sync(pa->inner->dev, sg_dma_address(sg), sg_dma_len(sg), pa->dir);
}

static bool needs_sync(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (dma_need_sync(dev, sg_dma_address(sg)))
			return true;
	return false;
}

/**
 * shrbuf_proxy_init - the part of a buffer that stands on another dma-buf
 * @proxy: zeroed object
 * @sync: cache maintenance for importers is up to us, see above
 */
void shrbuf_proxy_init(struct shrbuf_proxy *proxy, bool sync)
{
	mutex_init(&proxy->lock);
	INIT_LIST_HEAD(&proxy->attachments);
	proxy->sync = sync;
}

int shrbuf_proxy_attach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	struct proxy_attachment *pa;

	pa = kzalloc(sizeof(*pa), GFP_KERNEL_ACCOUNT);
	if (!pa)
		return -ENOMEM;
	pa->dir = DMA_NONE;
	pa->inner = dma_buf_attach(proxy->inner, sa->dev);
	if (IS_ERR(pa->inner)) {
		int ret = PTR_ERR(pa->inner);

		kfree(pa);
		return ret;
	}
	sa->priv = pa;
	mutex_lock(&proxy->lock);
	list_add(&pa->node, &proxy->attachments);
	mutex_unlock(&proxy->lock);
	return 0;
}

void shrbuf_proxy_detach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	struct proxy_attachment *pa = sa->priv;

	mutex_lock(&proxy->lock);
	list_del(&pa->node);
	mutex_unlock(&proxy->lock);
	dma_buf_detach(proxy->inner, pa->inner);
	kfree(pa);
}

/* The lock is held throughout, so that no end of access falls between. */
struct sg_table *shrbuf_proxy_map(struct shrbuf *sb,
				  struct shrbuf_attachment *sa,
				  enum dma_data_direction dir)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	struct proxy_attachment *pa = sa->priv;
	struct sg_table *sgt;

	mutex_lock(&proxy->lock);
	sgt = dma_buf_map_attachment(pa->inner, dir);
	if (IS_ERR(sgt))
		goto out;
	pa->mapped++;
	if (pa->sgt != sgt || pa->dir != dir) {
		pa->sgt = sgt;
		pa->dir = dir;
		pa->sync = proxy->sync && needs_sync(pa->inner->dev, sgt);
	}
	proxy_sync(pa, shrbuf_sync_for_device);
out:
	mutex_unlock(&proxy->lock);
	return sgt;
}

void shrbuf_proxy_unmap(struct shrbuf *sb, struct shrbuf_attachment *sa,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	struct proxy_attachment *pa = sa->priv;

	mutex_lock(&proxy->lock);
	if (!--pa->mapped)
		proxy_sync(pa, shrbuf_sync_for_cpu);
	dma_buf_unmap_attachment(pa->inner, sgt, dir);
	mutex_unlock(&proxy->lock);
}

int shrbuf_proxy_vmap(struct shrbuf *sb, struct iosys_map *map)
{
	return dma_buf_vmap(to_shrbuf_proxy(sb)->inner, map);
}

void shrbuf_proxy_vunmap(struct shrbuf *sb, struct iosys_map *map)
{
	dma_buf_vunmap(to_shrbuf_proxy(sb)->inner, map);
}

static void proxy_sync_all(struct shrbuf_proxy *proxy, sync_fn sync)
{
	struct proxy_attachment *pa;

	if (!proxy->sync)
		return;
	mutex_lock(&proxy->lock);
	list_for_each_entry(pa, &proxy->attachments, node)
		if (pa->mapped)
			proxy_sync(pa, sync);
	mutex_unlock(&proxy->lock);
}

int shrbuf_proxy_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);

	proxy_sync_all(proxy, shrbuf_sync_for_cpu);
	return dma_buf_begin_cpu_access(proxy->inner, dir);
}

int shrbuf_proxy_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	struct shrbuf_proxy *proxy = to_shrbuf_proxy(sb);
	int ret = dma_buf_end_cpu_access(proxy->inner, dir);

	proxy_sync_all(proxy, shrbuf_sync_for_device);
	return ret;
}
