// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers in pages that shrbuf allocates: scatter-gather, no device needed.
 */

/**
 * DOC: pages
 *
 * Memory comes as zeroed pages, in runs of up to 64 KiB where the system has
 * them, and is charged to the memory cgroup of the caller. Devices get it as a
 * scatterlist with segments as long as they can take.
 *
 * Cache maintenance: mapping and unmapping a device does it, and importers keep
 * mappings for long, so begin_cpu_access and end_cpu_access do it for all devices
 * that have the buffer mapped at that time.
 *
 * The scatterlist that a device gets is a copy. dma-buf may scramble it while it is
 * handed out (CONFIG_DMABUF_DEBUG), and we need a whole one for the maintenance.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "shrbuf-priv.h"

/* 16 pages: few enough to be found when memory is fragmented. */
#define SHRBUF_PAGES_ORDER	4

/**
 * struct pages_attachment - a device that is attached to the buffer
 * @node: in &shrbuf_pages.attachments
 * @dev: the device
 * @own: the whole scatterlist, for mapping and cache maintenance
 * @out: the copy that the importer gets
 * @dir: direction of the mapping, valid while @mapped
 * @mapped: the device has the buffer mapped
 */
struct pages_attachment {
	struct list_head node;
	struct device *dev;
	struct sg_table own;
	struct sg_table out;
	enum dma_data_direction dir;
	bool mapped;
};

int shrbuf_pages_open(struct shrbuf *sb)
{
	sb->resv = &to_shrbuf_pages(sb)->resv;
	return 0;
}

int shrbuf_pages_attach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa;
	unsigned int max_seg;
	int ret;

	pa = kzalloc(sizeof(*pa), GFP_KERNEL_ACCOUNT);
	if (!pa)
		return -ENOMEM;
	pa->dev = sa->dev;
	/* A device that cannot take a page at once gets one, and fails to map it. */
	max_seg = max_t(unsigned int, dma_get_max_seg_size(pa->dev), PAGE_SIZE);
	ret = sg_alloc_table_from_pages_segment(&pa->own, buf->pages,
						buf->nr_pages, 0, sb->size,
						max_seg, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_free;
	ret = sg_alloc_table(&pa->out, pa->own.orig_nents, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_own;

	sa->priv = pa;
	mutex_lock(&buf->lock);
	list_add(&pa->node, &buf->attachments);
	mutex_unlock(&buf->lock);
	return 0;

err_own:
	sg_free_table(&pa->own);
err_free:
	kfree(pa);
	return ret;
}

void shrbuf_pages_detach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa = sa->priv;

	mutex_lock(&buf->lock);
	list_del(&pa->node);
	mutex_unlock(&buf->lock);
	sg_free_table(&pa->out);
	sg_free_table(&pa->own);
	kfree(pa);
}

/* Pages and addresses of a mapped scatterlist into another one of the same size. */
static void pages_copy_sgt(struct sg_table *to, const struct sg_table *from)
{
	struct scatterlist *src = from->sgl;
	struct scatterlist *dst;
	unsigned int i;

	for_each_sgtable_sg(to, dst, i) {
		sg_set_page(dst, sg_page(src), src->length, src->offset);
		sg_dma_address(dst) = sg_dma_address(src);
		sg_dma_len(dst) = sg_dma_len(src);
		src = sg_next(src);
	}
	to->nents = from->nents;
}

/*
 * One mapping for each attachment: a second one could ask for another direction,
 * which would need other cache maintenance.
 */
struct sg_table *shrbuf_pages_map(struct shrbuf *sb,
				  struct shrbuf_attachment *sa,
				  enum dma_data_direction dir)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa = sa->priv;
	int ret = -EBUSY;

	mutex_lock(&buf->lock);
	if (pa->mapped)
		goto out;
	ret = dma_map_sgtable(pa->dev, &pa->own, dir, 0);
	if (ret)
		goto out;
	pages_copy_sgt(&pa->out, &pa->own);
	pa->dir = dir;
	pa->mapped = true;
out:
	mutex_unlock(&buf->lock);
	return ret ? ERR_PTR(ret) : &pa->out;
}

void shrbuf_pages_unmap(struct shrbuf *sb, struct shrbuf_attachment *sa,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa = sa->priv;

	mutex_lock(&buf->lock);
	dma_unmap_sgtable(pa->dev, &pa->own, pa->dir, 0);
	pa->mapped = false;
	mutex_unlock(&buf->lock);
}

int shrbuf_pages_vmap(struct shrbuf *sb, struct iosys_map *map)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	int ret = 0;

	mutex_lock(&buf->lock);
	if (!buf->vmap_count)
		buf->vaddr = vmap(buf->pages, buf->nr_pages, VM_MAP,
				  PAGE_KERNEL);
	if (buf->vaddr) {
		buf->vmap_count++;
		iosys_map_set_vaddr(map, buf->vaddr);
	} else {
		ret = -ENOMEM;
	}
	mutex_unlock(&buf->lock);
	return ret;
}

void shrbuf_pages_vunmap(struct shrbuf *sb, struct iosys_map *map)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);

	mutex_lock(&buf->lock);
	if (!--buf->vmap_count) {
		vunmap(buf->vaddr);
		buf->vaddr = NULL;
	}
	mutex_unlock(&buf->lock);
}

static int pages_mmap(struct shrbuf *sb, struct vm_area_struct *vma)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);

	/* A private mapping would be a copy as soon as it is written to. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages(vma, buf->pages, buf->nr_pages);
}

int shrbuf_pages_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa;

	mutex_lock(&buf->lock);
	list_for_each_entry(pa, &buf->attachments, node)
		if (pa->mapped)
			dma_sync_sgtable_for_cpu(pa->dev, &pa->own, pa->dir);
	mutex_unlock(&buf->lock);
	return 0;
}

int shrbuf_pages_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	struct shrbuf_pages *buf = to_shrbuf_pages(sb);
	struct pages_attachment *pa;

	mutex_lock(&buf->lock);
	list_for_each_entry(pa, &buf->attachments, node)
		if (pa->mapped)
			dma_sync_sgtable_for_device(pa->dev, &pa->own, pa->dir);
	mutex_unlock(&buf->lock);
	return 0;
}

static void pages_release(struct shrbuf *sb)
{
	shrbuf_pages_fini(to_shrbuf_pages(sb));
}

static const struct shrbuf_backing_ops pages_ops = {
	.name			= "pages",
	.open			= shrbuf_pages_open,
	.attach			= shrbuf_pages_attach,
	.detach			= shrbuf_pages_detach,
	.map			= shrbuf_pages_map,
	.unmap			= shrbuf_pages_unmap,
	.vmap			= shrbuf_pages_vmap,
	.vunmap			= shrbuf_pages_vunmap,
	.mmap			= pages_mmap,
	.begin_cpu_access	= shrbuf_pages_begin_cpu_access,
	.end_cpu_access		= shrbuf_pages_end_cpu_access,
	.release		= pages_release,
};

/* Fills @pages; returns how many there are, less than @nr if it failed with *@error. */
static unsigned int pages_fill(struct page **pages, unsigned int nr, gfp_t zone,
			       int *error)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | zone;
	unsigned int order = SHRBUF_PAGES_ORDER;
	unsigned int i, have = 0;

	while (have < nr) {
		struct page *page;

		*error = -EINTR;
		if (fatal_signal_pending(current))
			break;
		while (order && (1U << order) > nr - have)
			order--;
		/* Long runs are welcome, but not worth an effort. */
		page = alloc_pages(order ? gfp | __GFP_NORETRY : gfp, order);
		if (!page) {
			*error = -ENOMEM;
			if (!order)
				break;
			order--;
			continue;
		}
		/* Separate pages, as mappings of user space need them. */
		split_page(page, order);
		for (i = 0; i < 1U << order; i++)
			pages[have++] = page + i;
		cond_resched();
	}
	return have;
}

/**
 * shrbuf_pages_new - allocate pages
 * @nr: how many, not zero
 * @zone: GFP_DMA or GFP_DMA32, if they must lie there, or zero
 *
 * They are zeroed and charged to the memory cgroup of the caller. May sleep, a fatal
 * signal interrupts it.
 *
 * Return: an array for shrbuf_pages_free(), or -ENOMEM or -EINTR.
 */
struct page **shrbuf_pages_new(unsigned int nr, gfp_t zone)
{
	struct page **pages;
	unsigned int have;
	int error = 0;

	pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	have = pages_fill(pages, nr, zone, &error);
	if (have < nr) {
		shrbuf_pages_free(pages, have);
		return ERR_PTR(error);
	}
	return pages;
}

/**
 * shrbuf_pages_free - free pages and the array of them
 * @pages: from shrbuf_pages_new()
 * @nr: how many
 */
void shrbuf_pages_free(struct page **pages, unsigned int nr)
{
	while (nr)
		__free_page(pages[--nr]);
	kvfree(pages);
}

/**
 * shrbuf_pages_init - all of a buffer in pages but its base object
 * @buf: zeroed object
 * @size: in bytes, whole pages
 * @zone: as for shrbuf_pages_new()
 *
 * Return: 0, or the errors of shrbuf_pages_new()
 */
int shrbuf_pages_init(struct shrbuf_pages *buf, size_t size, gfp_t zone)
{
	buf->nr_pages = size >> PAGE_SHIFT;
	buf->pages = shrbuf_pages_new(buf->nr_pages, zone);
	if (IS_ERR(buf->pages))
		return PTR_ERR(buf->pages);
	mutex_init(&buf->lock);
	INIT_LIST_HEAD(&buf->attachments);
	dma_resv_init(&buf->resv);
	return 0;
}

/**
 * shrbuf_pages_fini - undo shrbuf_pages_init()
 * @buf: without attachments
 */
void shrbuf_pages_fini(struct shrbuf_pages *buf)
{
	shrbuf_pages_free(buf->pages, buf->nr_pages);
	dma_resv_fini(&buf->resv);
	mutex_destroy(&buf->lock);
}

/**
 * shrbuf_size_ok - may a buffer be of this size
 * @size: in bytes, before it is rounded up
 *
 * Our own limit, far below where kvcalloc() would warn.
 */
bool shrbuf_size_ok(size_t size)
{
	return size && size <= round_down(U32_MAX, PAGE_SIZE);
}

/**
 * shrbuf_alloc_pages - allocate a buffer in pages that lie in a zone of memory
 * @size: in bytes, is rounded up to whole pages
 * @zone: as for shrbuf_pages_new()
 * @name: for listings, is copied and cut to fit
 *
 * Return: as shrbuf_alloc()
 */
struct shrbuf *shrbuf_alloc_pages(size_t size, gfp_t zone, const char *name)
{
	struct shrbuf_pages *buf;
	int ret;

	might_sleep();
	if (!shrbuf_size_ok(size))
		return ERR_PTR(-EINVAL);
	size = PAGE_ALIGN(size);

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	ret = shrbuf_pages_init(buf, size, zone);
	if (ret)
		goto err_free;
	ret = shrbuf_init(&buf->sb, &pages_ops, size, FMODE_READ | FMODE_WRITE,
			  name);
	if (ret)
		goto err_fini;
	return &buf->sb;

err_fini:
	shrbuf_pages_fini(buf);
err_free:
	kfree(buf);
	return ERR_PTR(ret);
}

/**
 * shrbuf_alloc - allocate a buffer in pages
 * @size: in bytes, is rounded up to whole pages
 * @name: for listings, is copied and cut to fit
 *
 * The memory is zeroed, not contiguous, and charged to the memory cgroup of the
 * caller. May sleep, a fatal signal interrupts it.
 *
 * Return: the buffer, the caller is its user and calls shrbuf_put(), or
 *
 * - -EINVAL: @size is zero or beyond 4 GiB less one page
 * - -ENOMEM: out of memory, or over the limit of the cgroup
 * - -EINTR: the caller was killed
 */
struct shrbuf *shrbuf_alloc(size_t size, const char *name)
{
	return shrbuf_alloc_pages(size, 0, name);
}
EXPORT_SYMBOL_GPL(shrbuf_alloc);
