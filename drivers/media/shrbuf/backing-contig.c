// SPDX-License-Identifier: GPL-2.0
/*
 * Contiguous memory that shrbuf allocates, for a device or for no one in particular.
 */

/**
 * DOC: contiguous memory
 *
 * The contiguous allocator of videobuf2 does the work. It wants to know a queue and a
 * buffer of videobuf2, but only for the few fields that say how to allocate, so it gets
 * empty ones, which live as long as the memory. All else is as for the memory of a video
 * queue, see backing-vb2.c.
 *
 * The memory is coherent: mapping it for a device and access by the CPU need no
 * maintenance.
 *
 * Memory for no device in particular is made for /dev/shrbuf, whose DMA mask is that of
 * most devices: 32 bits.
 */

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <media/videobuf2-core.h>
#include <media/videobuf2-dma-contig.h>

#include "shrbuf-priv.h"

/**
 * struct shrbuf_contig - a shared buffer in contiguous memory
 * @base: base object, must be first
 * @q: for the allocator
 * @vb: for the allocator, which keeps a pointer to it
 */
struct shrbuf_contig {
	struct shrbuf_vb2 base;
	struct vb2_queue q;
	struct vb2_buffer vb;
};

/**
 * shrbuf_alloc_contig - allocate a buffer in contiguous memory
 * @dev: device that must be able to use it, NULL for the lowest 4 GiB of the bus
 * @owner: module that must stay as long as @dev is in use, or NULL. The caller makes sure
 *	that it is there now.
 * @size: in bytes, is rounded up to whole pages
 * @name: for listings, is copied and cut to fit
 *
 * The memory is zeroed and charged to the memory cgroup of the caller, but for memory of
 * a pool. The device is held as long as the buffer lives. May sleep.
 *
 * Return: the buffer, the caller is its user and calls shrbuf_put(), or
 *
 * - -EINVAL: @size is zero or beyond 4 GiB less one page
 * - -EOPNOTSUPP: @dev has no coherent memory
 * - -EIO: as shrbuf_dma_device()
 * - -ENOMEM: no contiguous memory of this size, or over the limit of the cgroup
 */
struct shrbuf *shrbuf_alloc_contig(struct device *dev, struct module *owner,
				   size_t size, const char *name)
{
	struct shrbuf_contig *buf;
	int ret;

	might_sleep();
	if (!shrbuf_size_ok(size))
		return ERR_PTR(-EINVAL);
	size = PAGE_ALIGN(size);
	if (!dev)
		dev = shrbuf_dma_device();
	if (IS_ERR(dev))
		return ERR_CAST(dev);
	/* The DMA interface would warn. */
	if (!dev->coherent_dma_mask)
		return ERR_PTR(-EOPNOTSUPP);

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->q.dma_dir = DMA_BIDIRECTIONAL;
	/* The size is the caller's choice, so no warning when it is too large. */
	buf->q.gfp_flags = __GFP_ACCOUNT | __GFP_NOWARN;
	buf->vb.vb2_queue = &buf->q;
	buf->vb.num_planes = 1;

	ret = shrbuf_vb2_init(&buf->base, &buf->vb, dev, size,
			      &vb2_dma_contig_memops, &shrbuf_contig_backing,
			      owner, name);
	if (ret) {
		kfree(buf);
		return ERR_PTR(ret);
	}
	return &buf->base.proxy.sb;
}
