// SPDX-License-Identifier: GPL-2.0
/*
 * An exporter that is not shrbuf: one page, and counters of all that was asked.
 */

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "selftest.h"

static int foreign_attach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach)
{
	struct foreign *f = dmabuf->priv;

	if (!f->attach_error)
		f->attached++;
	return f->attach_error;
}

static void foreign_detach(struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach)
{
	struct foreign *f = dmabuf->priv;

	f->attached--;
}

static struct sg_table *foreign_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct foreign *f = attach->dmabuf->priv;
	struct sg_table *sgt;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, 1, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	sg_set_page(sgt->sgl, virt_to_page(f->vaddr), PAGE_SIZE, 0);
	if (dma_map_sgtable(attach->dev, sgt, dir, 0)) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	f->mapped++;
	return sgt;
}

static void foreign_unmap(struct dma_buf_attachment *attach,
			  struct sg_table *sgt, enum dma_data_direction dir)
{
	struct foreign *f = attach->dmabuf->priv;

	f->mapped--;
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static int foreign_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct foreign *f = dmabuf->priv;

	f->vmapped++;
	iosys_map_set_vaddr(map, f->vaddr);
	return 0;
}

static void foreign_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct foreign *f = dmabuf->priv;

	f->vmapped--;
}

static int foreign_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct foreign *f = dmabuf->priv;

	f->mmapped++;
	return vm_insert_page(vma, vma->vm_start, virt_to_page(f->vaddr));
}

static int foreign_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct foreign *f = dmabuf->priv;

	f->begun++;
	return 0;
}

static int foreign_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct foreign *f = dmabuf->priv;

	f->ended++;
	return 0;
}

static void foreign_release(struct dma_buf *dmabuf)
{
	struct foreign *f = dmabuf->priv;

	complete(&f->released);
}

static const struct dma_buf_ops foreign_ops = {
	.attach = foreign_attach,
	.detach = foreign_detach,
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.vmap = foreign_vmap,
	.vunmap = foreign_vunmap,
	.mmap = foreign_mmap,
	.begin_cpu_access = foreign_begin,
	.end_cpu_access = foreign_end,
	.release = foreign_release,
};

/* The caller owns the reference of f->dmabuf. */
int foreign_init(struct foreign *f, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);

	memset(f, 0, sizeof(*f));
	init_completion(&f->released);
	f->vaddr = (void *)get_zeroed_page(GFP_KERNEL);
	if (!f->vaddr)
		return -ENOMEM;
	exp_info.ops = &foreign_ops;
	exp_info.size = PAGE_SIZE;
	exp_info.flags = flags;
	exp_info.priv = f;
	f->dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(f->dmabuf)) {
		free_page((unsigned long)f->vaddr);
		return PTR_ERR(f->dmabuf);
	}
	return 0;
}

/* After the release. */
void foreign_exit(struct foreign *f)
{
	free_page((unsigned long)f->vaddr);
}
