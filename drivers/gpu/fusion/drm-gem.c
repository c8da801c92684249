// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers as GEM objects: those of shmem helpers, and imported dma-bufs.
 *
 * Mappings of own buffers are cached: nothing but processors writes them, unless they are
 * exported to a device. Who shares one with a device surrounds each access with
 * DMA_BUF_IOCTL_SYNC on the exported file descriptor, as for all dma-bufs. A mapping of an
 * imported buffer is its exporter's, whatever kind that is.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_vma_manager.h>
#include "drm-front.h"
#include "shrbuf-compat.h"

/*
 * The dma-buf of an import is that of the attachment: gem->dma_buf is NULL when the last
 * handle was closed, and a buffer that is shared in a world gets handles again after that.
 */
static int mmap_import(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = gem->import_attach->dmabuf;
	int ret;

	/* As mmap() on its file descriptor: this device may be writable when it is not. */
	if (!(dmabuf->file->f_mode & FMODE_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_ops = NULL;
	vma->vm_private_data = NULL;
	ret = dma_buf_mmap(dmabuf, vma, 0);
	/* The mapping keeps the dma-buf, not the object. */
	if (!ret)
		drm_gem_object_put(gem);
	return ret;
}

static int gem_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	/* The fault handler of the helpers counts pages from the start of the mapping. */
	if (vma->vm_pgoff != drm_vma_node_start(&gem->vma_node))
		return -EINVAL;
	if (gem->import_attach)
		return mmap_import(gem, vma);
	return drm_gem_shmem_object_mmap(gem, vma);
}

static const struct drm_gem_object_funcs gem_funcs = {
	.free = drm_gem_shmem_object_free,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = gem_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * fusion_gem_alloc - memory for a GEM object of the helpers
 * @dev: device
 * @size: not used
 *
 * Context: sleeps.
 * Return: the object, to be filled in, or ERR_PTR(-ENOMEM).
 */
struct drm_gem_object *fusion_gem_alloc(struct drm_device *dev, size_t size)
{
	struct drm_gem_shmem_object *shmem = kzalloc(sizeof(*shmem), GFP_KERNEL_ACCOUNT);

	if (!shmem)
		return ERR_PTR(-ENOMEM);
	shmem->base.funcs = &gem_funcs;
	return &shmem->base;
}

/**
 * fusion_gem_create - a new buffer
 * @member: who makes it
 * @size: bytes, whole pages
 *
 * Its pages come when it is mapped first, and are charged to who does that.
 *
 * Context: sleeps.
 * Return: a GEM object with a reference, or ERR_PTR(-ENOMEM).
 */
void *fusion_gem_create(struct fusion_member *member, u64 size)
{
	struct fusion_file *file = member->file;
	struct drm_gem_shmem_object *shmem;

	shmem = drm_gem_shmem_create(file->drm->minor->dev, size);
	if (!IS_ERR(shmem))
		return &shmem->base;
	/* The word of shmem for a lack of memory for its inode. */
	return PTR_ERR(shmem) == -ENOSPC ? ERR_PTR(-ENOMEM) : ERR_CAST(shmem);
}

/**
 * fusion_gem_offset - DRM_IOCTL_FUSION_BUFFER_MMAP
 * @member: active member
 * @data: struct drm_fusion_buffer_mmap
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT.
 */
int fusion_gem_offset(struct fusion_member *member, void *data)
{
	struct drm_fusion_buffer_mmap *args = data;
	struct fusion_file *file = member->file;
	struct drm_gem_object *gem;

	if (args->flags)
		return -EINVAL;
	gem = drm_gem_object_lookup(file->drm, args->handle);
	if (!gem)
		return -ENOENT;
	/* Each object of the helpers has an offset from its creation on. */
	args->offset = drm_vma_node_offset_addr(&gem->vma_node);
	drm_gem_object_put(gem);
	return 0;
}
