/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared buffers: one object, one identity, many users.
 *
 * The functions are documented where they are defined, in
 * drivers/media/shrbuf. Documentation/concepts.rst has the overview.
 */
#ifndef _MEDIA_SHRBUF_H
#define _MEDIA_SHRBUF_H

#include <linux/types.h>

struct dma_buf;
struct shrbuf;
struct vb2_mem_ops;

/* the object: drivers/media/shrbuf/buffer.c */
struct shrbuf *shrbuf_get(struct shrbuf *sb);
void shrbuf_put(struct shrbuf *sb);
size_t shrbuf_size(const struct shrbuf *sb);
u32 shrbuf_id(const struct shrbuf *sb);

/* file descriptors and dma-bufs: drivers/media/shrbuf/export.c */
struct dma_buf *shrbuf_get_dmabuf(struct shrbuf *sb, int flags);
struct shrbuf *shrbuf_from_dmabuf(struct dma_buf *dmabuf);
int shrbuf_export(struct shrbuf *sb, int flags);
struct shrbuf *shrbuf_import(int fd);

/* where the memory comes from: backing-pages.c and adopt.c */
struct shrbuf *shrbuf_alloc(size_t size, const char *name);
struct shrbuf *shrbuf_adopt(int fd);

/*
 * For capture drivers: assign one of these to &vb2_queue.mem_ops in place of
 * the operations of the same allocator of videobuf2. Nothing else changes.
 * See drivers/media/shrbuf/backing-vb2.c.
 */
extern const struct vb2_mem_ops shrbuf_vb2_vmalloc_memops;
extern const struct vb2_mem_ops shrbuf_vb2_dma_sg_memops;
extern const struct vb2_mem_ops shrbuf_vb2_dma_contig_memops;

#endif /* _MEDIA_SHRBUF_H */
