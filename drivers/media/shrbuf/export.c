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
 * is a property of the file of a dma-buf, so there is at most one dma-buf for
 * each mode: a program that asked for a read-only file does not get a writable
 * one, nor the other way round. All share one dma_resv.
 *
 * The buffer knows its dma-bufs, but does not hold them. A dma-buf whose last
 * file reference is gone is replaced by a new one::
 *
 *     CPU0: last close()                  CPU1: shrbuf_get_dmabuf()
 *
 *     f_count 1 -> 0                      mutex_lock(&sb->lock)
 *     __fput()                            dmabuf = sb->dmabuf[mode]
 *       shrbuf_dmabuf_release()           f_count is 0: not taken
 *         mutex_lock(&sb->lock) waits     sb->dmabuf[mode] = new one
 *                                         nr_dmabufs 1 -> 2
 *                                         mutex_unlock(&sb->lock)
 *         sb->dmabuf[mode] is another:
 *           left alone
 *         nr_dmabufs 2 -> 1, so the
 *           backing stays open
 *
 * CPU1 may look at the file of the old dma-buf because the file is freed only
 * after shrbuf_dmabuf_release(), which needs the lock that CPU1 holds.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "shrbuf-priv.h"
#include "trace.h"

static int shrbuf_dmabuf_attach(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attach)
{
	struct shrbuf *sb = dmabuf->priv;
	int ret = sb->ops->attach(sb, attach);

	if (!ret)
		trace_shrbuf_device_attach(sb, attach->dev);
	return ret;
}

static void shrbuf_dmabuf_detach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_device_detach(sb, attach->dev);
	sb->ops->detach(sb, attach);
}

static struct sg_table *shrbuf_dmabuf_map(struct dma_buf_attachment *attach,
					  enum dma_data_direction dir)
{
	struct shrbuf *sb = attach->dmabuf->priv;

	trace_shrbuf_device_map(sb, attach->dev);
	return sb->ops->map(sb, attach, dir);
}

static void shrbuf_dmabuf_unmap(struct dma_buf_attachment *attach,
				struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct shrbuf *sb = attach->dmabuf->priv;

	sb->ops->unmap(sb, attach, sgt, dir);
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
	struct shrbuf *sb = dmabuf->priv;

	trace_shrbuf_begin_cpu_access(sb);
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
	unsigned int i;

	mutex_lock(&sb->lock);
	for (i = 0; i < SHRBUF_NR_MODES; i++)
		if (sb->dmabuf[i] == dmabuf)
			sb->dmabuf[i] = NULL;
	if (!--sb->nr_dmabufs && sb->ops->close)
		sb->ops->close(sb);
	mutex_unlock(&sb->lock);
	shrbuf_put(sb);
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

/* A new dma-buf, sb->lock is held. */
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

	shrbuf_get(sb);
	sb->nr_dmabufs++;
	sb->dmabuf[mode] = dmabuf;
	return dmabuf;
}

/**
 * shrbuf_get_dmabuf - the dma-buf of a buffer
 * @sb: buffer, the caller holds a reference
 * @flags: access mode: O_RDONLY, O_WRONLY or O_RDWR; nothing else
 *
 * For kernel code that attaches a device: with the dma-buf it gets scatterlists
 * by dma_buf_attach() and dma_buf_map_attachment(). As long as one exists, the
 * same dma-buf is returned for the same access mode. May sleep.
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
	if (!dmabuf || !shrbuf_compat_get_file_active(dmabuf->file))
		dmabuf = shrbuf_new_dmabuf(sb, flags);
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
 * Return: the buffer, without a reference of its own: it lives at least as long
 * as @dmabuf. NULL if @dmabuf belongs to another exporter.
 */
struct shrbuf *shrbuf_from_dmabuf(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &shrbuf_dmabuf_ops ? dmabuf->priv : NULL;
}
EXPORT_SYMBOL_GPL(shrbuf_from_dmabuf);

/**
 * shrbuf_export - make a file descriptor of a buffer
 * @sb: buffer, the caller holds a reference
 * @flags: access mode and O_CLOEXEC, nothing else
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

	trace_shrbuf_export(sb);
	fd = dma_buf_fd(dmabuf, flags & O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}
EXPORT_SYMBOL_GPL(shrbuf_export);

/**
 * shrbuf_import - get a buffer from a file descriptor
 * @fd: file descriptor of the calling process
 *
 * Gives back the very object that was exported. The file descriptor may be closed
 * afterwards. May sleep.
 *
 * Return: the buffer with a reference for shrbuf_put(), or
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
		shrbuf_get(sb);
		trace_shrbuf_import(sb);
	} else {
		sb = ERR_PTR(-EINVAL);
	}
	dma_buf_put(dmabuf);
	return sb;
}
EXPORT_SYMBOL_GPL(shrbuf_import);
