// SPDX-License-Identifier: GPL-2.0
/*
 * A shared buffer as a dma-buf and as a file descriptor.
 */

/**
 * DOC: one identity
 *
 * dma-buf makes a new object, with its own dma_resv, for each export. Here all
 * exports of a buffer with the same access mode give the same dma-buf: GEM
 * handles of importers de-duplicate, and fences are seen by all. The access mode
 * is a property of the file of a dma-buf, so there is one dma-buf for each mode
 * that was asked for: a program that asked for a read-only file does not get a
 * writable one, nor the other way round. All share one dma_resv.
 *
 * A buffer that has users holds its dma-bufs, once they were made. It must: the file
 * of a dma-buf cannot be found again by a pointer without a reference, because the
 * release of a dma-buf runs when its *dentry* goes, and /proc can keep that for longer
 * than the file.
 *
 * A buffer without users is only held by dma-bufs in other hands. Whoever becomes a
 * user by one of these gets that one back. A dma-buf of another mode that is still
 * around then is not found, and an export of that mode makes another one.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "shrbuf-priv.h"
#include "trace.h"

static int shrbuf_dmabuf_attach(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attach)
{
	struct shrbuf *sb = dmabuf->priv;
	struct shrbuf_attachment *sa;
	int ret;

	sa = kzalloc(sizeof(*sa), GFP_KERNEL_ACCOUNT);
	if (!sa)
		return -ENOMEM;
	sa->dev = attach->dev;
	ret = sb->ops->attach(sb, sa);
	if (ret) {
		kfree(sa);
		return ret;
	}
	attach->priv = sa;
	mutex_lock(&sb->lock);
	list_add_tail(&sa->node, &sb->attachments);
	mutex_unlock(&sb->lock);
	trace_shrbuf_device_attach(sb, sa->dev);
	return 0;
}

static void shrbuf_dmabuf_detach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	struct shrbuf *sb = dmabuf->priv;
	struct shrbuf_attachment *sa = attach->priv;

	trace_shrbuf_device_detach(sb, sa->dev);
	mutex_lock(&sb->lock);
	list_del(&sa->node);
	mutex_unlock(&sb->lock);
	sb->ops->detach(sb, sa);
	kfree(sa);
}

static struct sg_table *shrbuf_dmabuf_map(struct dma_buf_attachment *attach,
					  enum dma_data_direction dir)
{
	struct shrbuf *sb = attach->dmabuf->priv;

	trace_shrbuf_device_map(sb, attach->dev);
	return sb->ops->map(sb, attach->priv, dir);
}

static void shrbuf_dmabuf_unmap(struct dma_buf_attachment *attach,
				struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct shrbuf *sb = attach->dmabuf->priv;

	sb->ops->unmap(sb, attach->priv, sgt, dir);
}

static int shrbuf_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_vmap(sb);
	return sb->ops->vmap(sb, map);
}

static void shrbuf_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_vunmap(sb);
	sb->ops->vunmap(sb, map);
}

static int shrbuf_dmabuf_mmap(struct dma_buf *dmabuf,
			      struct vm_area_struct *vma)
{
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_mmap(sb);
	return sb->ops->mmap(sb, vma);
}

static int shrbuf_dmabuf_begin_cpu_access(struct dma_buf *dmabuf,
					  enum dma_data_direction dir)
{
	bool write = dir != DMA_FROM_DEVICE;
	struct shrbuf *sb = dmabuf->priv;
	long ret;

	trace_shrbuf_begin_cpu_access(sb);
	/*
	 * dma-buf waits for fences only after this. Caches must be invalidated when
	 * the device has finished, not before.
	 */
	ret = dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(write), true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;
	return sb->ops->begin_cpu_access(sb, dir);
}

static int shrbuf_dmabuf_end_cpu_access(struct dma_buf *dmabuf,
					enum dma_data_direction dir)
{
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_end_cpu_access(sb);
	return sb->ops->end_cpu_access(sb, dir);
}

static void shrbuf_dmabuf_release(struct dma_buf *dmabuf)
{
	struct shrbuf *sb = dmabuf->priv;

	/* Nobody holds it, so it is not in sb->dmabuf either. */
	mutex_lock(&sb->lock);
	if (!--sb->nr_dmabufs) {
		memset(sb->inodes, 0, sizeof(sb->inodes));
		if (sb->ops->close)
			sb->ops->close(sb);
	}
	mutex_unlock(&sb->lock);
	shrbuf_put_memory(sb);
}

static const struct dma_buf_ops shrbuf_dmabuf_ops = {
	.attach			= shrbuf_dmabuf_attach,
	.detach			= shrbuf_dmabuf_detach,
	.map_dma_buf		= shrbuf_dmabuf_map,
	.unmap_dma_buf		= shrbuf_dmabuf_unmap,
	.begin_cpu_access	= shrbuf_dmabuf_begin_cpu_access,
	.end_cpu_access		= shrbuf_dmabuf_end_cpu_access,
	.mmap			= shrbuf_dmabuf_mmap,
	.vmap			= shrbuf_dmabuf_vmap,
	.vunmap			= shrbuf_dmabuf_vunmap,
	.release		= shrbuf_dmabuf_release,
};

/* For /proc/PID/fdinfo and the listing of dma-buf. Anybody who has it may rename it. */
static void shrbuf_name_dmabuf(struct dma_buf *dmabuf, const char *name)
{
	char *copy = kstrdup(name, GFP_KERNEL_ACCOUNT);

	spin_lock(&dmabuf->name_lock);
	/* Freed by dma-buf. Without memory it has no name, which hurts nobody. */
	dmabuf->name = copy;
	spin_unlock(&dmabuf->name_lock);
}

/* A new dma-buf for the buffer to hold, sb->lock is held. */
static struct dma_buf *shrbuf_new_dmabuf(struct shrbuf *sb, int mode)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct dma_buf *dmabuf;
	int ret;

	lockdep_assert_held(&sb->lock);
	if (!sb->nr_dmabufs) {
		ret = sb->ops->open(sb);
		if (ret)
			return ERR_PTR(ret);
	}

	exp_info.exp_name = KBUILD_MODNAME;
	exp_info.ops = &shrbuf_dmabuf_ops;
	exp_info.size = sb->size;
	exp_info.flags = mode;
	exp_info.resv = sb->resv;
	exp_info.priv = sb;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf)) {
		if (!sb->nr_dmabufs && sb->ops->close)
			sb->ops->close(sb);
		return dmabuf;
	}
	shrbuf_compat_outer_dmabuf(dmabuf);
	shrbuf_name_dmabuf(dmabuf, sb->name);

	/* Its first reference is the buffer's own. */
	kref_get(&sb->refcount);
	sb->nr_dmabufs++;
	sb->inodes[mode] = file_inode(dmabuf->file)->i_ino;
	WRITE_ONCE(sb->dmabuf[mode], dmabuf);
	return dmabuf;
}

/**
 * shrbuf_get_dmabuf - the dma-buf of a buffer
 * @sb: buffer, the caller is a user
 * @flags: access mode: O_RDONLY, O_WRONLY, O_RDWR, or O_ACCMODE for a file that allows
 *	neither reading nor writing; nothing else
 *
 * For kernel code that attaches a device: with the dma-buf it gets scatterlists
 * by dma_buf_attach() and dma_buf_map_attachment(). As long as the buffer has users,
 * the same dma-buf is returned for the same access mode. May sleep.
 *
 * The caller decides whether whoever gets it may have this access. Who came with a
 * file descriptor must not get more than that allows.
 *
 * Return: the dma-buf with a reference for dma_buf_put(), or
 *
 * - -EINVAL: bad @flags
 * - -EACCES: the buffer was adopted and its own exporter does not allow @flags
 * - -ENOMEM, -ENFILE: out of memory or files
 */
struct dma_buf *shrbuf_get_dmabuf(struct shrbuf *sb, int flags)
{
	struct dma_buf *dmabuf;

	might_sleep();
	if (flags < 0 || flags >= SHRBUF_NR_MODES)
		return ERR_PTR(-EINVAL);
	if (OPEN_FMODE(flags) & ~sb->fmode)
		return ERR_PTR(-EACCES);

	mutex_lock(&sb->lock);
	dmabuf = sb->dmabuf[flags];
	if (!dmabuf)
		dmabuf = shrbuf_new_dmabuf(sb, flags);
	if (!IS_ERR(dmabuf))
		get_dma_buf(dmabuf);
	mutex_unlock(&sb->lock);
	return dmabuf;
}
EXPORT_SYMBOL_GPL(shrbuf_get_dmabuf);

/**
 * shrbuf_from_dmabuf - the buffer behind a dma-buf
 * @dmabuf: any dma-buf, the caller holds a reference
 *
 * Any context.
 *
 * Return: the buffer; the caller does not become a user: it lives at least as long
 * as @dmabuf. NULL if @dmabuf belongs to another exporter.
 */
struct shrbuf *shrbuf_from_dmabuf(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &shrbuf_dmabuf_ops ? dmabuf->priv : NULL;
}
EXPORT_SYMBOL_GPL(shrbuf_from_dmabuf);

/**
 * shrbuf_export - make a file descriptor of a buffer
 * @sb: buffer, the caller is a user
 * @flags: access mode as for shrbuf_get_dmabuf(), and O_CLOEXEC; nothing else
 *
 * The file descriptor is a dma-buf. It holds the buffer until it is closed. It is
 * installed into the table of the calling process, so this is the last thing to
 * do in a request that can fail. May sleep.
 *
 * Return: a file descriptor, or the errors of shrbuf_get_dmabuf(), or -EMFILE.
 */
int shrbuf_export(struct shrbuf *sb, int flags)
{
	struct dma_buf *dmabuf;
	int fd;

	if (flags & ~(O_ACCMODE | O_CLOEXEC))
		return -EINVAL;
	dmabuf = shrbuf_get_dmabuf(sb, flags & O_ACCMODE);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	fd = dma_buf_fd(dmabuf, flags & O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	else
		trace_shrbuf_export(sb);
	return fd;
}
EXPORT_SYMBOL_GPL(shrbuf_export);

/**
 * shrbuf_import - get a buffer from a file descriptor
 * @fd: file descriptor of the calling process
 *
 * Gives back the very object that was exported. The file descriptor may be closed
 * afterwards. May sleep. The access mode of @fd does not limit what can be exported
 * then, see shrbuf_get_dmabuf().
 *
 * Return: the buffer, the caller is a user and calls shrbuf_put(), or
 *
 * - -EBADF: @fd is not an open file
 * - -EINVAL: @fd is a file of another kind, also a dma-buf of another exporter.
 *   For that see shrbuf_adopt().
 */
struct shrbuf *shrbuf_import(int fd)
{
	struct dma_buf *dmabuf;
	struct shrbuf *sb;

	might_sleep();
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);

	sb = shrbuf_from_dmabuf(dmabuf);
	if (sb) {
		shrbuf_get_by_dmabuf(sb, dmabuf);
		trace_shrbuf_import(sb);
	} else {
		sb = ERR_PTR(-EINVAL);
	}
	dma_buf_put(dmabuf);
	return sb;
}
EXPORT_SYMBOL_GPL(shrbuf_import);
