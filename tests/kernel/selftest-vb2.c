// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the wrapped memory operations of videobuf2, as a driver that was ported
 * with one line uses them: for each allocator a queue with two planes a buffer.
 */

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <media/shrbuf.h>
#include <media/videobuf2-core.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-dma-sg.h>

#include "selftest.h"

#define NR_BUFS		3
#define PLANE_SIZE	(3 * PAGE_SIZE)

static int vb2_test_queue_setup(struct vb2_queue *q, unsigned int *nbuffers,
				unsigned int *nplanes, unsigned int sizes[],
				struct device *alloc_devs[])
{
	*nplanes = 2;
	sizes[0] = PLANE_SIZE;
	sizes[1] = PAGE_SIZE;
	return 0;
}

static void vb2_test_buf_queue(struct vb2_buffer *vb)
{
}

static const struct vb2_ops vb2_test_ops = {
	.queue_setup = vb2_test_queue_setup,
	.buf_queue = vb2_test_buf_queue,
};

static struct vb2_queue *queue_new(const struct vb2_mem_ops *mem_ops)
{
	struct vb2_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return NULL;
	q->type = 1;
	q->io_modes = VB2_MMAP | VB2_DMABUF | VB2_USERPTR;
	q->ops = &vb2_test_ops;
	q->mem_ops = mem_ops;
	q->dev = selftest_dev;
	/*
	 * dma-sg maps its memory when it allocates it, and again for each
	 * importer. The DMA debugging of the kernel dislikes two mappings that
	 * a device may write through, so let this one only read.
	 */
	q->is_output = 1;
	if (vb2_core_queue_init(q)) {
		kfree(q);
		return NULL;
	}
	return q;
}

static void queue_free(struct vb2_queue *q)
{
	vb2_core_queue_release(q);
	kfree(q);
}

/* Life of the buffers of a queue, exported or not, and their content. */
static bool run_mmap(const struct vb2_mem_ops *mem_ops)
{
	unsigned int count = NR_BUFS;
	struct dma_buf *dmabuf;
	struct vb2_queue *q;
	struct iosys_map map;
	struct shrbuf *sb, *sb2, *plane1;
	int fd, fd2, ro;

	q = queue_new(mem_ops);
	EXPECT(q);
	EXPECT(!vb2_core_reqbufs(q, VB2_MEMORY_MMAP, 0, &count));
	EXPECT(count == NR_BUFS);
	EXPECT(mem_ops->num_users(q->bufs[0]->planes[0].mem_priv) == 1);
	memset(vb2_plane_vaddr(q->bufs[0], 0), 0x31, PLANE_SIZE);

	EXPECT(!vb2_core_expbuf(q, &fd, 1, 0, 0, O_RDWR | O_CLOEXEC));
	EXPECT(!vb2_core_expbuf(q, &fd2, 1, 0, 0, O_RDWR | O_CLOEXEC));
	EXPECT(mem_ops->num_users(q->bufs[0]->planes[0].mem_priv) > 1);
	sb = shrbuf_import(fd);
	sb2 = shrbuf_import(fd2);
	EXPECT(!IS_ERR(sb) && sb == sb2);
	selftest_put(sb2);
	dmabuf = dma_buf_get(fd2);
	selftest_close(fd2);
	fd2 = dma_buf_fd(dmabuf, O_CLOEXEC);	/* moves the reference */
	EXPECT(dma_buf_get(fd) == dmabuf);
	selftest_put_dmabuf(dmabuf);

	EXPECT(!vb2_core_expbuf(q, &ro, 1, 0, 0, O_RDONLY));
	sb2 = shrbuf_import(ro);
	EXPECT(sb2 == sb);
	selftest_put(sb2);
	selftest_close(ro);

	EXPECT(!vb2_core_expbuf(q, &ro, 1, 0, 1, O_RDONLY));
	plane1 = shrbuf_import(ro);
	EXPECT(!IS_ERR(plane1) && plane1 != sb);
	EXPECT(shrbuf_size(plane1) == PAGE_SIZE);
	selftest_put(plane1);
	selftest_close(ro);

	/* both file descriptors closed: as if it had not been exported */
	selftest_close(fd);
	selftest_close(fd2);
	EXPECT(mem_ops->num_users(q->bufs[0]->planes[0].mem_priv) == 1);
	fd = shrbuf_export(sb, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	selftest_put(sb);

	/* the queue goes, the content stays */
	queue_free(q);
	sb = shrbuf_import(fd);
	EXPECT(!IS_ERR(sb));
	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(!dma_buf_vmap(dmabuf, &map));
	EXPECT(!memchr_inv(map.vaddr, 0x31, PLANE_SIZE));
	dma_buf_vunmap(dmabuf, &map);
	selftest_put_dmabuf(dmabuf);
	selftest_close(fd);

	/* a buffer without queue and without file descriptor, exported again */
	fd = shrbuf_export(sb, O_RDONLY);
	EXPECT(fd >= 0);
	selftest_put(sb);
	selftest_close(fd);
	return true;
}

/* What a device sees: the address that the driver gets, and the scatterlist. */
static bool run_device(const struct vb2_mem_ops *mem_ops)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	unsigned int count = 1;
	struct scatterlist *sg;
	struct vb2_queue *q;
	struct sg_table *sgt;
	struct shrbuf *sb;
	size_t len = 0;
	int fd, i;

	q = queue_new(mem_ops);
	EXPECT(q);
	EXPECT(!vb2_core_reqbufs(q, VB2_MEMORY_MMAP, 0, &count));
	EXPECT(!vb2_core_expbuf(q, &fd, 1, 0, 0, O_RDWR));
	dmabuf = dma_buf_get(fd);
	EXPECT(!IS_ERR(dmabuf));
	attach = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(attach));
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(sgt));
	for_each_sgtable_dma_sg(sgt, sg, i)
		len += sg_dma_len(sg);
	EXPECT(len == PLANE_SIZE);
	if (mem_ops == &shrbuf_vb2_dma_contig_memops)
		EXPECT(vb2_dma_contig_plane_dma_addr(q->bufs[0], 0) ==
		       sg_dma_address(sgt->sgl));
	if (mem_ops == &shrbuf_vb2_dma_sg_memops)
		EXPECT(vb2_dma_sg_plane_desc(q->bufs[0], 0)->orig_nents);
	if (mem_ops->prepare) {
		mem_ops->prepare(q->bufs[0]->planes[0].mem_priv);
		mem_ops->finish(q->bufs[0]->planes[0].mem_priv);
	}
	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE));
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE));
	dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	selftest_put_dmabuf(dmabuf);
	queue_free(q);
	sb = shrbuf_import(fd);
	EXPECT(!IS_ERR(sb));
	selftest_put(sb);
	selftest_close(fd);
	return true;
}

/* Memory of others: a dma-buf that comes in, and memory of a process. */
static bool run_import(const struct vb2_mem_ops *mem_ops)
{
	unsigned int count = 1;
	struct vb2_queue *q;
	struct vb2_buffer *vb;
	struct shrbuf *sb;
	struct dma_buf *dmabuf;
	unsigned long addr;
	struct foreign f;
	void *priv;
	char c = 0x13;
	int fd;

	q = queue_new(mem_ops);
	EXPECT(q);
	EXPECT(!vb2_core_reqbufs(q, VB2_MEMORY_MMAP, 0, &count));
	vb = q->bufs[0];

	/* one page is contiguous for every allocator */
	sb = shrbuf_alloc(PAGE_SIZE, "t");
	EXPECT(!IS_ERR(sb));
	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	priv = mem_ops->attach_dmabuf(vb, selftest_dev, dmabuf, PAGE_SIZE);
	EXPECT(!IS_ERR_OR_NULL(priv));
	EXPECT(!mem_ops->map_dmabuf(priv));
	EXPECT(mem_ops->vaddr(vb, priv));
	*(char *)mem_ops->vaddr(vb, priv) = c;
	mem_ops->unmap_dmabuf(priv);
	mem_ops->detach_dmabuf(priv);
	/* too small */
	EXPECT(IS_ERR(mem_ops->attach_dmabuf(vb, selftest_dev, dmabuf,
					     PAGE_SIZE + 1)));
	selftest_put_dmabuf(dmabuf);
	selftest_put(sb);

	EXPECT(!foreign_init(&f, O_RDWR));
	priv = mem_ops->attach_dmabuf(vb, selftest_dev, f.dmabuf, PAGE_SIZE);
	EXPECT(!IS_ERR_OR_NULL(priv));
	EXPECT(!mem_ops->map_dmabuf(priv));
	mem_ops->unmap_dmabuf(priv);
	mem_ops->detach_dmabuf(priv);
	fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
	EXPECT(fd >= 0);
	selftest_close(fd);
	EXPECT(wait_for_completion_timeout(&f.released, SELFTEST_TIMEOUT));
	foreign_exit(&f);

	addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	EXPECT(!IS_ERR_VALUE(addr));
	EXPECT(!copy_to_user((void __user *)addr, &c, 1));
	priv = mem_ops->get_userptr(vb, selftest_dev, addr, PAGE_SIZE);
	EXPECT(!IS_ERR_OR_NULL(priv));
	EXPECT(*(char *)mem_ops->vaddr(vb, priv) == c);
	mem_ops->put_userptr(priv);
	vm_munmap(addr, PAGE_SIZE);
	EXPECT(IS_ERR(mem_ops->get_userptr(vb, selftest_dev, addr, PAGE_SIZE)));

	queue_free(q);
	return true;
}

#define VB2_TESTS(_alloc)						\
static bool test_##_alloc##_mmap(void)					\
{									\
	return run_mmap(&shrbuf_vb2_##_alloc##_memops);			\
}									\
									\
static bool test_##_alloc##_device(void)				\
{									\
	return run_device(&shrbuf_vb2_##_alloc##_memops);		\
}									\
									\
static bool test_##_alloc##_import(void)				\
{									\
	return run_import(&shrbuf_vb2_##_alloc##_memops);		\
}

VB2_TESTS(vmalloc)
VB2_TESTS(dma_sg)
VB2_TESTS(dma_contig)

const struct selftest vb2_tests[] = {
	{ "vb2: vmalloc: life of the buffers", test_vmalloc_mmap },
	{ "vb2: vmalloc: devices", test_vmalloc_device },
	{ "vb2: vmalloc: memory of others", test_vmalloc_import },
	{ "vb2: dma-sg: life of the buffers", test_dma_sg_mmap },
	{ "vb2: dma-sg: devices", test_dma_sg_device },
	{ "vb2: dma-sg: memory of others", test_dma_sg_import },
	{ "vb2: dma-contig: life of the buffers", test_dma_contig_mmap },
	{ "vb2: dma-contig: devices", test_dma_contig_device },
	{ "vb2: dma-contig: memory of others", test_dma_contig_import },
	{ }
};
