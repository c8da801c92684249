// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of cache maintenance. "The device" writes to and reads from the addresses that
 * were mapped for it. Where the kernel was booted with swiotlb=force those are bounce
 * buffers, so that device and CPU see different memory, and all maintenance counts.
 * The parameter bounce=1 makes sure that it is so; without it, nothing here can be stale.
 */

#include <linux/dma-direct.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/videodev2.h>
#include <linux/workqueue.h>
#include <media/shrbuf.h>
#include <media/videobuf2-core.h>

#include "selftest.h"

#define SIZE	(3 * PAGE_SIZE)

bool coherency_bounce;
module_param_named(bounce, coherency_bounce, bool, 0400);
MODULE_PARM_DESC(bounce, "the kernel must use bounce buffers for all devices");

/* The memory of a mapped scatterlist as the device sees it. */
static bool device_is(struct sg_table *sgt, char c)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (memchr_inv(phys_to_virt(dma_to_phys(selftest_dev,
							sg_dma_address(sg))),
			       c, sg_dma_len(sg)))
			return false;
	return true;
}

static void device_write(struct sg_table *sgt, char c)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		memset(phys_to_virt(dma_to_phys(selftest_dev,
						sg_dma_address(sg))),
		       c, sg_dma_len(sg));
}

static bool cpu_is(struct iosys_map *map, char c)
{
	return !memchr_inv(map->vaddr, c, SIZE);
}

static bool cpu_write(struct dma_buf *dmabuf, struct iosys_map *map, char c)
{
	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	memset(map->vaddr, c, SIZE);
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE));
	return true;
}

/* What the CPU sees in an access for reading. */
static bool cpu_reads(struct dma_buf *dmabuf, struct iosys_map *map, char c)
{
	bool same;

	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE));
	same = cpu_is(map, c);
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE));
	return same;
}

/* Runs with a device that keeps the buffer mapped, and with one that maps it again. */
static bool run_coherency(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach, *other;
	struct sg_table *sgt, *sgt2;
	struct iosys_map map;

	EXPECT(!dma_buf_vmap(dmabuf, &map));
	EXPECT(cpu_write(dmabuf, &map, 1));
	attach = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(attach));
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(sgt));
	EXPECT(!coherency_bounce || dma_need_sync(selftest_dev, sg_dma_address(sgt->sgl)));
	EXPECT(device_is(sgt, 1));

	/* mapped all the time: only start and end of access tell */
	EXPECT(cpu_write(dmabuf, &map, 2));
	EXPECT(device_is(sgt, 2));
	device_write(sgt, 3);
	if (coherency_bounce)
		EXPECT(cpu_is(&map, 2));
	EXPECT(cpu_reads(dmabuf, &map, 3));

	/* a second device at the same time; DMA debugging wants it to be a reader */
	other = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(other));
	sgt2 = dma_buf_map_attachment(other, DMA_TO_DEVICE);
	EXPECT(!IS_ERR(sgt2));
	EXPECT(device_is(sgt2, 3));
	EXPECT(cpu_write(dmabuf, &map, 4));
	EXPECT(device_is(sgt, 4) && device_is(sgt2, 4));
	dma_buf_unmap_attachment(other, sgt2, DMA_TO_DEVICE);
	EXPECT(cpu_write(dmabuf, &map, 5));
	sgt2 = dma_buf_map_attachment(other, DMA_TO_DEVICE);
	EXPECT(!IS_ERR(sgt2));
	EXPECT(device_is(sgt2, 5));
	dma_buf_unmap_attachment(other, sgt2, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, other);

	/* unmapping tells the CPU, mapping tells the device */
	device_write(sgt, 6);
	dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	EXPECT(cpu_reads(dmabuf, &map, 6));
	EXPECT(cpu_write(dmabuf, &map, 7));
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(sgt));
	EXPECT(device_is(sgt, 7));
	dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	dma_buf_vunmap(dmabuf, &map);
	return true;
}

/* a device that is still at work */

struct slow_device {
	struct dma_fence fence;	/* first: freed with the last reference of it */
	struct delayed_work work;
	spinlock_t lock;	/* of the fence */
	struct sg_table *sgt;
};

static const char *slow_name(struct dma_fence *fence)
{
	return "slow";
}

static const struct dma_fence_ops slow_ops = {
	.get_driver_name = slow_name,
	.get_timeline_name = slow_name,
};

static void slow_work(struct work_struct *work)
{
	struct slow_device *slow =
		container_of(to_delayed_work(work), struct slow_device, work);

	device_write(slow->sgt, 0x55);
	dma_fence_signal(&slow->fence);
}

/* The start of an access waits for the device first, and maintains the cache then. */
static bool run_fence(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	struct slow_device *slow;
	struct iosys_map map;

	slow = kzalloc(sizeof(*slow), GFP_KERNEL);
	EXPECT(slow);
	spin_lock_init(&slow->lock);
	INIT_DELAYED_WORK(&slow->work, slow_work);
	dma_fence_init(&slow->fence, &slow_ops, &slow->lock,
		       dma_fence_context_alloc(1), 1);
	EXPECT(!dma_buf_vmap(dmabuf, &map));
	attach = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(attach));
	slow->sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(slow->sgt));

	dma_resv_lock(dmabuf->resv, NULL);
	EXPECT(!dma_resv_reserve_fences(dmabuf->resv, 1));
	dma_resv_add_fence(dmabuf->resv, &slow->fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(dmabuf->resv);
	schedule_delayed_work(&slow->work, HZ / 5);
	EXPECT(cpu_reads(dmabuf, &map, 0x55));

	flush_delayed_work(&slow->work);
	dma_buf_unmap_attachment(attach, slow->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	dma_buf_vunmap(dmabuf, &map);
	dma_fence_put(&slow->fence);
	return true;
}

/* the backings */

static bool run_pages(bool (*run)(struct dma_buf *dmabuf))
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct dma_buf *dmabuf;

	EXPECT(!IS_ERR(sb));
	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(run(dmabuf));
	selftest_put_dmabuf(dmabuf);
	selftest_put(sb);
	return true;
}

static bool test_pages(void)
{
	return run_pages(run_coherency);
}

static bool test_pages_fence(void)
{
	return run_pages(run_fence);
}

static int coherency_queue_setup(struct vb2_queue *q, unsigned int *nbuffers,
				 unsigned int *nplanes, unsigned int sizes[],
				 struct device *alloc_devs[])
{
	*nplanes = 1;
	sizes[0] = SIZE;
	return 0;
}

static void coherency_buf_queue(struct vb2_buffer *vb)
{
}

static const struct vb2_ops coherency_ops = {
	.queue_setup = coherency_queue_setup,
	.buf_queue = coherency_buf_queue,
};

static bool run_vb2(const struct vb2_mem_ops *mem_ops, unsigned int flags,
		    bool (*run)(struct dma_buf *dmabuf))
{
	struct vb2_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);
	struct dma_buf *dmabuf;
	unsigned int count = 1;
	int fd;

	EXPECT(q);
	q->type = 1;
	q->io_modes = VB2_MMAP;
	q->ops = &coherency_ops;
	q->mem_ops = mem_ops;
	q->dev = selftest_dev;
	q->is_output = 1;
	q->allow_cache_hints = 1;
	EXPECT(!vb2_core_queue_init(q));
	EXPECT(!vb2_core_reqbufs(q, VB2_MEMORY_MMAP, flags, &count));
	EXPECT(!vb2_core_expbuf(q, &fd, 1, 0, 0, O_RDWR));
	dmabuf = dma_buf_get(fd);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(run(dmabuf));

	/* the same when the queue is gone */
	vb2_core_queue_release(q);
	kfree(q);
	EXPECT(run(dmabuf));
	selftest_put_dmabuf(dmabuf);
	selftest_close(fd);
	return true;
}

static bool test_vmalloc(void)
{
	return run_vb2(&shrbuf_vb2_vmalloc_memops, 0, run_coherency);
}

static bool test_vmalloc_fence(void)
{
	return run_vb2(&shrbuf_vb2_vmalloc_memops, 0, run_fence);
}

static bool test_dma_sg(void)
{
	return run_vb2(&shrbuf_vb2_dma_sg_memops, 0, run_coherency);
}

static bool test_dma_sg_fence(void)
{
	return run_vb2(&shrbuf_vb2_dma_sg_memops, 0, run_fence);
}

static bool test_contig_non_coherent(void)
{
	return run_vb2(&shrbuf_vb2_dma_contig_memops,
		       V4L2_MEMORY_FLAG_NON_COHERENT, run_coherency);
}

/* Coherent memory is for devices that reach it: no bounce buffer, no maintenance. */
static bool test_contig(void)
{
	return coherency_bounce || run_vb2(&shrbuf_vb2_dma_contig_memops, 0, run_coherency);
}

const struct selftest coherency_tests[] = {
	{ "coherency: pages", test_pages },
	{ "coherency: pages: fence", test_pages_fence },
	{ "coherency: vb2-vmalloc", test_vmalloc },
	{ "coherency: vb2-vmalloc: fence", test_vmalloc_fence },
	{ "coherency: vb2-dma-sg", test_dma_sg },
	{ "coherency: vb2-dma-sg: fence", test_dma_sg_fence },
	{ "coherency: vb2-dma-contig, non-coherent", test_contig_non_coherent },
	{ "coherency: vb2-dma-contig", test_contig },
	{ }
};
