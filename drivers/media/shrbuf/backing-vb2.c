// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of videobuf2 as shared buffers: memory operations which wrap those of
 * videobuf2's own allocators.
 */

/**
 * DOC: wrapped memory operations
 *
 * The allocators of videobuf2 do all the work. The wrapper keeps, for each plane,
 * what the allocator returned. For memory that the driver allocates (MMAP) it also
 * makes a shared buffer. For memory of others (USERPTR, DMABUF) it only passes on.
 *
 * References: videobuf2 holds the plane, the plane is a user of the shared buffer, the
 * shared buffer holds the first reference of the allocator, which videobuf2 would
 * hold otherwise. So the memory outlives queue, device and driver, as long as
 * somebody uses it. Mappings made through the video device hold the allocator's
 * memory as they always did.
 *
 * Memory of the DMA allocators is given back through the device that it was allocated
 * for. The allocators hold the device; the shared buffer also holds the module of its
 * driver, which may contain the device or its release function. (If such a device is
 * unbound from its driver by hand while buffers live, freeing them is as good or bad as
 * it is for the allocators alone.)
 *
 * Export: the first export makes the allocator's own dma-buf, to which the shared
 * buffer passes everything on, see backing-proxy.c. The buffer keeps it and its own
 * dma-bufs. Number of users: videobuf2 asks it for V4L2_BUF_FLAG_MAPPED and others.
 * It is as it would be without us, so what the buffer keeps does not count.
 *
 * Context: all operations but finish run in process context, most of them under
 * the lock of the queue. finish runs in vb2_buffer_done(), perhaps in interrupt
 * context, and must not sleep. prepare runs at VIDIOC_QBUF or
 * VIDIOC_PREPARE_BUF, perhaps before VIDIOC_STREAMON.
 */

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <media/videobuf2-core.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-dma-sg.h>
#include <media/videobuf2-vmalloc.h>

#include "shrbuf-priv.h"
#include "trace.h"

/**
 * struct shrbuf_plane - what videobuf2 holds for one plane
 * @base: the allocator
 * @priv: what the allocator returned
 * @buf: the shared buffer that we are a user of, NULL for memory of others
 * @sq: the attached queue, NULL in the queue of a ported driver
 */
struct shrbuf_plane {
	const struct vb2_mem_ops *base;
	void *priv;
	struct shrbuf_vb2 *buf;
	struct shrbuf_queue *sq;
};

/* the shared buffer */

static int vb2_open(struct shrbuf *sb)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);
	struct dma_buf *inner;

	lockdep_assert_held(&sb->lock);
	inner = buf->base->get_dmabuf(buf->vb, buf->priv, O_RDWR);
	/* The allocators say only that it failed. Out of memory is all it can be. */
	if (IS_ERR_OR_NULL(inner))
		return inner ? PTR_ERR(inner) : -ENOMEM;
	WRITE_ONCE(buf->proxy.inner, inner);
	sb->resv = inner->resv;
	return 0;
}

static void vb2_close(struct shrbuf *sb)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);

	lockdep_assert_held(&sb->lock);
	dma_buf_put(buf->proxy.inner);
	WRITE_ONCE(buf->proxy.inner, NULL);
	sb->resv = NULL;
}

static int vb2_mmap_shared(struct shrbuf *sb, struct vm_area_struct *vma)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);

	/* As the allocator's dma-buf does it, but the file stays ours. */
	return buf->base->mmap(buf->priv, vma);
}

/* Memory of a queue for V4L2_MEMORY_FLAG_NON_COHERENT: its allocator forgets this. */
static int vb2_begin_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);

	if (buf->dev)
		shrbuf_sync_for_cpu(buf->dev, buf->addr, sb->size, buf->dma_dir);
	return shrbuf_proxy_begin_cpu_access(sb, dir);
}

static int vb2_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);
	int ret = shrbuf_proxy_end_cpu_access(sb, dir);

	if (buf->dev)
		shrbuf_sync_for_device(buf->dev, buf->addr, sb->size,
				       buf->dma_dir);
	return ret;
}

static void vb2_release(struct shrbuf *sb)
{
	struct shrbuf_vb2 *buf = to_shrbuf_vb2(sb);

	buf->base->put(buf->priv);
	module_put(buf->owner);
}

/* Differ in name only, so that listings tell where the memory is. */
#define SHRBUF_VB2_BACKING(_name)				\
{								\
	.name			= _name,			\
	.open			= vb2_open,			\
	.close			= vb2_close,			\
	.attach			= shrbuf_proxy_attach,		\
	.detach			= shrbuf_proxy_detach,		\
	.map			= shrbuf_proxy_map,		\
	.unmap			= shrbuf_proxy_unmap,		\
	.vmap			= shrbuf_proxy_vmap,		\
	.vunmap			= shrbuf_proxy_vunmap,		\
	.mmap			= vb2_mmap_shared,		\
	.begin_cpu_access	= vb2_begin_cpu_access,	\
	.end_cpu_access		= vb2_end_cpu_access,		\
	.release		= vb2_release,			\
}

static const struct shrbuf_backing_ops vmalloc_backing =
	SHRBUF_VB2_BACKING("vb2-vmalloc");
static const struct shrbuf_backing_ops dma_sg_backing =
	SHRBUF_VB2_BACKING("vb2-dma-sg");
static const struct shrbuf_backing_ops dma_contig_backing =
	SHRBUF_VB2_BACKING("vb2-dma-contig");
const struct shrbuf_backing_ops shrbuf_contig_backing =
	SHRBUF_VB2_BACKING("contig");

/**
 * shrbuf_vb2_init - allocate memory by an allocator of videobuf2 and make a buffer of it
 * @buf: zeroed object
 * @vb: for the allocator. Its queue says how to allocate.
 * @dev: for the allocator
 * @size: in bytes
 * @base: the allocator
 * @ops: the backing
 * @owner: module that must stay until the memory is given back, or NULL. It is there now.
 * @name: as for shrbuf_init()
 *
 * On failure the caller still owns @buf. May sleep.
 *
 * Return: 0, or the errors of shrbuf_init() and of the allocator.
 */
int shrbuf_vb2_init(struct shrbuf_vb2 *buf, struct vb2_buffer *vb,
		    struct device *dev, unsigned long size,
		    const struct vb2_mem_ops *base,
		    const struct shrbuf_backing_ops *ops, struct module *owner,
		    const char *name)
{
	bool contig = base == &vb2_dma_contig_memops;
	int ret;

	buf->base = base;
	buf->vb = vb;
	buf->owner = owner;
	buf->priv = base->alloc(vb, dev, size);
	if (IS_ERR_OR_NULL(buf->priv))
		return buf->priv ? PTR_ERR(buf->priv) : -ENOMEM;

	/* Coherent memory is left alone, see backing-proxy.c. */
	shrbuf_proxy_init(&buf->proxy, !contig || vb->vb2_queue->non_coherent_mem);
	if (contig && vb->vb2_queue->non_coherent_mem) {
		buf->addr = *(dma_addr_t *)base->cookie(vb, buf->priv);
		buf->dma_dir = vb->vb2_queue->dma_dir;
		/* As dma-buf's importers are served: only where it is needed. */
		if (dma_need_sync(dev, buf->addr))
			buf->dev = dev;
	}
	__module_get(owner);
	ret = shrbuf_init(&buf->proxy.sb, ops, size, FMODE_READ | FMODE_WRITE,
			  name);
	if (ret) {
		base->put(buf->priv);
		module_put(owner);
	}
	return ret;
}

/* the wrapped operations */

/*
 * A plane for a wrapper to fill. NULL if the allocator is in charge of @q again, and
 * the wrapper is to do what the allocator does.
 */
static struct shrbuf_plane *plane_new(struct vb2_queue *q,
				      const struct vb2_mem_ops *base)
{
	struct shrbuf_plane *plane = kzalloc(sizeof(*plane), GFP_KERNEL_ACCOUNT);

	if (!plane)
		return ERR_PTR(-ENOMEM);
	plane->base = base;
	if (!shrbuf_queue_plane_new(q, &plane->sq)) {
		kfree(plane);
		return NULL;
	}
	__module_get(THIS_MODULE);
	return plane;
}

static void plane_free(struct shrbuf_plane *plane)
{
	shrbuf_queue_plane_gone(plane->sq);
	kfree(plane);
	/* Last, see "lifetime" in buffer.c. */
	module_put(THIS_MODULE);
}

/* The module that must stay until memory of the DMA allocators is given back. */
static struct module *plane_owner(struct device *dev,
				  const struct vb2_mem_ops *base)
{
	/* The driver is at work for us, so its module is there. */
	if (base != &vb2_vmalloc_memops && dev && dev->driver)
		return dev->driver->owner;
	return NULL;
}

/* The plane that is being made is the first one without memory. */
static unsigned int plane_number(const struct vb2_buffer *vb)
{
	unsigned int plane = 0;

	while (plane < vb->num_planes && vb->planes[plane].mem_priv)
		plane++;
	return plane;
}

static void *plane_alloc(struct vb2_buffer *vb, struct device *dev,
			 unsigned long size, const struct vb2_mem_ops *base,
			 const struct shrbuf_backing_ops *ops)
{
	unsigned int number = plane_number(vb);
	char name[SHRBUF_NAME_LEN];
	struct shrbuf_plane *plane;
	struct shrbuf_vb2 *buf;
	int ret = -ENOMEM;

	plane = plane_new(vb->vb2_queue, base);
	if (IS_ERR(plane))
		return plane;
	if (!plane)
		return base->alloc(vb, dev, size);
	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		goto err_plane;

	buf->proxy.sb.status = SHRBUF_STATUS_QUEUE;
	/* Not all drivers can be asked, then a program may set the format. */
	buf->proxy.sb.format_fixed =
		!shrbuf_format_of_queue(vb->vb2_queue, number, size,
					&buf->proxy.sb.format);
	/* Of a buffer with several planes, the queue hears once. */
	if (!number) {
		buf->proxy.sb.queue = plane->sq;
		buf->proxy.sb.index = vb->index;
	}
	snprintf(name, sizeof(name), "%s/%u.%u", dev ? dev_name(dev) : "vb2",
		 vb->index, number);
	ret = shrbuf_vb2_init(buf, vb, dev, size, base, ops,
			      plane_owner(dev, base), name);
	if (ret)
		goto err_buf;
	plane->priv = buf->priv;
	plane->buf = buf;
	return plane;

err_buf:
	kfree(buf);
err_plane:
	plane_free(plane);
	return ERR_PTR(ret);
}

static void plane_put(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;
	struct shrbuf *sb = &plane->buf->proxy.sb;

	mutex_lock(&sb->lock);
	plane->buf->vb = NULL;
	mutex_unlock(&sb->lock);
	shrbuf_state_orphan(sb);
	shrbuf_put(sb);
	plane_free(plane);
}

static struct dma_buf *plane_get_dmabuf(struct vb2_buffer *vb, void *buf_priv,
					unsigned long flags)
{
	struct shrbuf_plane *plane = buf_priv;
	struct dma_buf *dmabuf;

	dmabuf = shrbuf_get_dmabuf(&plane->buf->proxy.sb, flags);
	if (!IS_ERR(dmabuf))
		trace_shrbuf_export(&plane->buf->proxy.sb);
	return dmabuf;
}

static void *plane_get_userptr(struct vb2_buffer *vb, struct device *dev,
			       unsigned long vaddr, unsigned long size,
			       const struct vb2_mem_ops *base)
{
	struct shrbuf_plane *plane = plane_new(vb->vb2_queue, base);
	void *priv;

	if (IS_ERR(plane))
		return plane;
	priv = base->get_userptr(vb, dev, vaddr, size);
	if (!plane)
		return priv;
	if (IS_ERR_OR_NULL(priv)) {
		plane_free(plane);
		return priv;
	}
	plane->priv = priv;
	return plane;
}

static void plane_put_userptr(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	plane->base->put_userptr(plane->priv);
	plane_free(plane);
}

/* A device that captures into a shared buffer says how it is to be read then. */
static void plane_import_format(struct vb2_buffer *vb, struct dma_buf *dbuf)
{
	struct shrbuf *sb = shrbuf_from_dmabuf(dbuf);
	struct shrbuf_format format;

	if (sb && !vb->vb2_queue->is_output &&
	    !shrbuf_format_of_queue(vb->vb2_queue, plane_number(vb), sb->size,
				    &format))
		/* Fails for the memory of another queue, which stays what that one said. */
		shrbuf_state_set_format(sb, &format);
}

static void *plane_attach_dmabuf(struct vb2_buffer *vb, struct device *dev,
				 struct dma_buf *dbuf, unsigned long size,
				 const struct vb2_mem_ops *base)
{
	struct shrbuf_plane *plane = plane_new(vb->vb2_queue, base);
	void *priv;

	if (IS_ERR(plane))
		return plane;
	priv = base->attach_dmabuf(vb, dev, dbuf, size);
	if (!plane)
		return priv;
	if (IS_ERR_OR_NULL(priv)) {
		plane_free(plane);
		return priv;
	}
	plane_import_format(vb, dbuf);
	plane->priv = priv;
	return plane;
}

static void plane_detach_dmabuf(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	plane->base->detach_dmabuf(plane->priv);
	plane_free(plane);
}

static int plane_map_dmabuf(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	return plane->base->map_dmabuf(plane->priv);
}

static void plane_unmap_dmabuf(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	plane->base->unmap_dmabuf(plane->priv);
}

static void plane_prepare(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	plane->base->prepare(plane->priv);
}

static void plane_finish(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	plane->base->finish(plane->priv);
}

static void *plane_vaddr(struct vb2_buffer *vb, void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	return plane->base->vaddr(vb, plane->priv);
}

static void *plane_cookie(struct vb2_buffer *vb, void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;

	return plane->base->cookie(vb, plane->priv);
}

static unsigned int plane_num_users(void *buf_priv)
{
	struct shrbuf_plane *plane = buf_priv;
	unsigned int i, users = plane->base->num_users(plane->priv);
	struct dma_buf *dmabuf;

	/* Memory of others, or a buffer that was not exported. */
	if (!plane->buf || !READ_ONCE(plane->buf->proxy.inner))
		return users;
	/* What the buffer keeps for itself is not a user. No lock, see "dmabuf". */
	users--;
	for (i = 0; i < SHRBUF_NR_MODES; i++) {
		dmabuf = READ_ONCE(plane->buf->proxy.sb.dmabuf[i]);
		if (dmabuf)
			users += file_count(dmabuf->file) - 1;
	}
	return users;
}

static int plane_mmap(void *buf_priv, struct vm_area_struct *vma)
{
	struct shrbuf_plane *plane = buf_priv;

	return plane->base->mmap(plane->priv, vma);
}

/*
 * videobuf2 asks the operations by their being there: a wrapper has exactly those
 * of its allocator. These three start a plane, so they know the allocator by
 * themselves.
 */
#define SHRBUF_VB2_START(_alloc)						\
static void *_alloc##_new(struct vb2_buffer *vb, struct device *dev,	\
			    unsigned long size)				\
{									\
	return plane_alloc(vb, dev, size, &vb2_##_alloc##_memops,	\
			   &_alloc##_backing);				\
}									\
									\
static void *_alloc##_get_userptr(struct vb2_buffer *vb,		\
				  struct device *dev,			\
				  unsigned long vaddr,			\
				  unsigned long size)			\
{									\
	return plane_get_userptr(vb, dev, vaddr, size,			\
				 &vb2_##_alloc##_memops);		\
}									\
									\
static void *_alloc##_attach_dmabuf(struct vb2_buffer *vb,		\
				    struct device *dev,			\
				    struct dma_buf *dbuf,		\
				    unsigned long size)			\
{									\
	return plane_attach_dmabuf(vb, dev, dbuf, size,			\
				   &vb2_##_alloc##_memops);		\
}

SHRBUF_VB2_START(vmalloc)
SHRBUF_VB2_START(dma_sg)
SHRBUF_VB2_START(dma_contig)

#define SHRBUF_VB2_COMMON(_alloc)					\
	.alloc		= _alloc##_new,					\
	.put		= plane_put,					\
	.get_dmabuf	= plane_get_dmabuf,				\
	.get_userptr	= _alloc##_get_userptr,				\
	.put_userptr	= plane_put_userptr,				\
	.attach_dmabuf	= _alloc##_attach_dmabuf,			\
	.detach_dmabuf	= plane_detach_dmabuf,				\
	.map_dmabuf	= plane_map_dmabuf,				\
	.unmap_dmabuf	= plane_unmap_dmabuf,				\
	.vaddr		= plane_vaddr,					\
	.num_users	= plane_num_users,				\
	.mmap		= plane_mmap

#define SHRBUF_VB2_DMA							\
	.prepare	= plane_prepare,				\
	.finish		= plane_finish,					\
	.cookie		= plane_cookie

/*
 * shrbuf_vb2_vmalloc_memops - in place of vb2_vmalloc_memops
 *
 * A driver that sets &vb2_queue.mem_ops to this before vb2_queue_init() exports
 * shared buffers. Nothing else changes for it.
 */
const struct vb2_mem_ops shrbuf_vb2_vmalloc_memops = {
	SHRBUF_VB2_COMMON(vmalloc),
};
EXPORT_SYMBOL_GPL(shrbuf_vb2_vmalloc_memops);

/*
 * shrbuf_vb2_dma_sg_memops - in place of vb2_dma_sg_memops
 *
 * As shrbuf_vb2_vmalloc_memops.
 */
const struct vb2_mem_ops shrbuf_vb2_dma_sg_memops = {
	SHRBUF_VB2_COMMON(dma_sg),
	SHRBUF_VB2_DMA,
};
EXPORT_SYMBOL_GPL(shrbuf_vb2_dma_sg_memops);

/*
 * shrbuf_vb2_dma_contig_memops - in place of vb2_dma_contig_memops
 *
 * As shrbuf_vb2_vmalloc_memops.
 */
const struct vb2_mem_ops shrbuf_vb2_dma_contig_memops = {
	SHRBUF_VB2_COMMON(dma_contig),
	SHRBUF_VB2_DMA,
};
EXPORT_SYMBOL_GPL(shrbuf_vb2_dma_contig_memops);

static const struct {
	const struct vb2_mem_ops *base;
	const struct vb2_mem_ops *wrapper;
} wrappers[] = {
	{ &vb2_vmalloc_memops, &shrbuf_vb2_vmalloc_memops },
	{ &vb2_dma_sg_memops, &shrbuf_vb2_dma_sg_memops },
	{ &vb2_dma_contig_memops, &shrbuf_vb2_dma_contig_memops },
};

/* The wrapper of an allocator, or NULL if it is not one of videobuf2's own. */
const struct vb2_mem_ops *shrbuf_vb2_wrapper(const struct vb2_mem_ops *base)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrappers); i++)
		if (wrappers[i].base == base)
			return wrappers[i].wrapper;
	return NULL;
}

/* The allocator of a wrapper, or NULL if it is not a wrapper. */
const struct vb2_mem_ops *shrbuf_vb2_base(const struct vb2_mem_ops *wrapper)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrappers); i++)
		if (wrappers[i].wrapper == wrapper)
			return wrappers[i].base;
	return NULL;
}

/**
 * shrbuf_vb2_plane - what is behind a plane of a buffer
 * @vb: buffer that videobuf2 is giving to its driver
 * @plane: number of the plane
 * @sq: out: the attached queue, NULL if it is none
 *
 * Any context.
 *
 * Return: the shared buffer, the plane is a user of it. NULL if the memory is not made by a
 * wrapper.
 */
struct shrbuf *shrbuf_vb2_plane(struct vb2_buffer *vb, unsigned int plane,
				struct shrbuf_queue **sq)
{
	struct shrbuf_plane *sp = vb->planes[plane].mem_priv;

	*sq = NULL;
	/* The operations stay as long as there are wrapped planes. */
	if (!sp || !shrbuf_vb2_base(READ_ONCE(vb->vb2_queue->mem_ops)))
		return NULL;
	*sq = sp->sq;
	return sp->buf ? &sp->buf->proxy.sb : NULL;
}
