// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of backings which stand on the dma-buf of another exporter: passed
 * on one by one. Used by buffers of videobuf2 and by adopted dma-bufs.
 *
 * The outer dma-buf has the dma_resv of the inner one. So fences of both are the
 * same, and where dma-buf holds the dma_resv for an operation on the outer one it
 * holds the one that the inner one needs.
 */

#include <linux/dma-buf.h>

#include "shrbuf-priv.h"

int shrbuf_proxy_attach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	struct dma_buf_attachment *inner;

	inner = dma_buf_attach(to_shrbuf_proxy(sb)->inner, sa->dev);
	if (IS_ERR(inner))
		return PTR_ERR(inner);
	sa->priv = inner;
	return 0;
}

void shrbuf_proxy_detach(struct shrbuf *sb, struct shrbuf_attachment *sa)
{
	dma_buf_detach(to_shrbuf_proxy(sb)->inner, sa->priv);
}

struct sg_table *shrbuf_proxy_map(struct shrbuf *sb,
				  struct shrbuf_attachment *sa,
				  enum dma_data_direction dir)
{
	return dma_buf_map_attachment(sa->priv, dir);
}

void shrbuf_proxy_unmap(struct shrbuf *sb, struct shrbuf_attachment *sa,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_buf_unmap_attachment(sa->priv, sgt, dir);
}

int shrbuf_proxy_vmap(struct shrbuf *sb, struct iosys_map *map)
{
	return dma_buf_vmap(to_shrbuf_proxy(sb)->inner, map);
}

void shrbuf_proxy_vunmap(struct shrbuf *sb, struct iosys_map *map)
{
	dma_buf_vunmap(to_shrbuf_proxy(sb)->inner, map);
}

int shrbuf_proxy_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir)
{
	return dma_buf_begin_cpu_access(to_shrbuf_proxy(sb)->inner, dir);
}

int shrbuf_proxy_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	return dma_buf_end_cpu_access(to_shrbuf_proxy(sb)->inner, dir);
}
