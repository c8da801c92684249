/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbuf.ko share with each other, in the order of the files.
 */
#ifndef _SHRBUF_PRIV_H
#define _SHRBUF_PRIV_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <media/shrbuf.h>
#include <media/videobuf2-core.h>

#include "shrbuf-compat.h"

#define SHRBUF_RELEASE		"0.1"
#define SHRBUF_NAME_LEN		48
/* O_RDONLY, O_WRONLY, O_RDWR, and 3: neither read nor write */
#define SHRBUF_NR_MODES		4

struct dentry;
struct device;
struct file;
struct module;
struct seq_file;

/* buffer.c */

/**
 * struct shrbuf_attachment - a device that is attached to a buffer
 * @node: in &shrbuf.attachments, protected by &shrbuf.lock
 * @dev: the device. Invariant over the lifetime.
 * @priv: for the backing
 */
struct shrbuf_attachment {
	struct list_head node;
	struct device *dev;
	void *priv;
};

/**
 * struct shrbuf_backing_ops - where the memory of a shared buffer comes from
 *
 * The exporter passes what dma-buf asks for on to these. The locks that dma-buf
 * holds differ between kernel versions: from 6.2 on @map, @unmap, @vmap and
 * @vunmap run under the dma_resv of the buffer. Implementations must work with
 * it held or not, and must not take it.
 */
struct shrbuf_backing_ops {
	/** @name: for listings, at most 15 characters */
	const char *name;

	/**
	 * @open: a first dma-buf is about to be made. Sets &shrbuf.resv, which
	 * stays valid until @close. Runs under &shrbuf.lock, may sleep.
	 */
	int (*open)(struct shrbuf *sb);

	/**
	 * @close: the last dma-buf is gone, or the first could not be made.
	 * Runs under &shrbuf.lock, may sleep. Optional.
	 */
	void (*close)(struct shrbuf *sb);

	/**
	 * @attach: as &dma_buf_ops.attach, sets &shrbuf_attachment.priv. May
	 * sleep.
	 */
	int (*attach)(struct shrbuf *sb, struct shrbuf_attachment *sa);

	/** @detach: as &dma_buf_ops.detach. May sleep. */
	void (*detach)(struct shrbuf *sb, struct shrbuf_attachment *sa);

	/** @map: as &dma_buf_ops.map_dma_buf. May sleep. */
	struct sg_table *(*map)(struct shrbuf *sb, struct shrbuf_attachment *sa,
				enum dma_data_direction dir);

	/** @unmap: as &dma_buf_ops.unmap_dma_buf. May sleep. */
	void (*unmap)(struct shrbuf *sb, struct shrbuf_attachment *sa,
		      struct sg_table *sgt, enum dma_data_direction dir);

	/**
	 * @vmap: as &dma_buf_ops.vmap. Called once for each of the dma-bufs of
	 * the buffer (they differ in access mode), and must give the same
	 * address each time until as many calls of @vunmap have been made.
	 */
	int (*vmap)(struct shrbuf *sb, struct iosys_map *map);

	/** @vunmap: as &dma_buf_ops.vunmap */
	void (*vunmap)(struct shrbuf *sb, struct iosys_map *map);

	/**
	 * @mmap: as &dma_buf_ops.mmap. Runs under mmap_lock for writing. The
	 * range lies inside the buffer. @vma holds the file of the dma-buf, so
	 * the buffer, unless the backing gives it another file.
	 */
	int (*mmap)(struct shrbuf *sb, struct vm_area_struct *vma);

	/** @begin_cpu_access: as &dma_buf_ops.begin_cpu_access */
	int (*begin_cpu_access)(struct shrbuf *sb, enum dma_data_direction dir);

	/** @end_cpu_access: as &dma_buf_ops.end_cpu_access */
	int (*end_cpu_access)(struct shrbuf *sb, enum dma_data_direction dir);

	/**
	 * @release: the last reference is gone. Gives the memory back. &struct
	 * shrbuf itself, the first member of the backing's structure, is freed
	 * by the caller. May sleep.
	 */
	void (*release)(struct shrbuf *sb);
};

/**
 * struct shrbuf - a shared buffer
 *
 * Always the first member of a larger structure of its backing, so that one
 * kfree_rcu() frees both.
 */
struct shrbuf {
	/**
	 * @refcount: holds the memory, see "lifetime" in buffer.c: one for each
	 * dma-buf, one for all @users together
	 */
	struct kref refcount;

	/**
	 * @users: the producer, and whoever called shrbuf_get(),
	 * shrbuf_import() and so on. Becomes zero, or more than that again, under
	 * @lock.
	 */
	refcount_t users;

	/** @id: number for people. Invariant over the lifetime. */
	u32 id;

	/** @fmode: which access may be exported. Invariant over the lifetime. */
	fmode_t fmode;

	/** @size: in bytes. Invariant over the lifetime. */
	size_t size;

	/** @ops: Invariant over the lifetime. */
	const struct shrbuf_backing_ops *ops;

	/** @name: who made it. Invariant over the lifetime. */
	char name[SHRBUF_NAME_LEN];

	/**
	 * @lock: protects @dmabuf, @nr_dmabufs, @resv, @attachments. No
	 * dma_resv is taken under it.
	 */
	struct mutex lock;

	/**
	 * @dmabuf: one dma-buf for each access mode, or NULL. A reference is held.
	 * Only while there are @users. Written under @lock; a user may read a
	 * pointer without it, since it stays as long as he does.
	 */
	struct dma_buf *dmabuf[SHRBUF_NR_MODES];

	/**
	 * @nr_dmabufs: number of dma-bufs that were made and not released yet.
	 * Protected by @lock.
	 */
	unsigned int nr_dmabufs;

	/** @resv: shared by all dma-bufs of this buffer. Protected by @lock. */
	struct dma_resv *resv;

	/** @attachments: &struct shrbuf_attachment. Protected by @lock. */
	struct list_head attachments;

	/** @rcu: frees, the list of buffers is walked under RCU */
	struct rcu_head rcu;
};

int shrbuf_init(struct shrbuf *sb, const struct shrbuf_backing_ops *ops,
		size_t size, fmode_t fmode, const char *name);
bool shrbuf_get_unless_gone(struct shrbuf *sb);
void shrbuf_get_by_dmabuf(struct shrbuf *sb, struct dma_buf *dmabuf);
void shrbuf_put_memory(struct shrbuf *sb);
struct shrbuf *shrbuf_next(unsigned long *id);
void shrbuf_buffers_exit(void);

/* backing-pages.c */

/**
 * struct shrbuf_pages - a buffer in pages
 */
struct shrbuf_pages {
	/** @sb: base object, must be first */
	struct shrbuf sb;

	/** @resv: of all dma-bufs of the buffer */
	struct dma_resv resv;

	/** @pages: the memory. Invariant over the lifetime. */
	struct page **pages;

	/** @nr_pages: number of @pages. Invariant over the lifetime. */
	unsigned int nr_pages;

	/**
	 * @lock: protects @attachments, @vaddr, @vmap_count, and what backing-pages.c
	 * keeps for each attachment. Innermost lock.
	 */
	struct mutex lock;

	/** @attachments: all attached devices */
	struct list_head attachments;

	/** @vaddr: kernel mapping, NULL without one */
	void *vaddr;

	/** @vmap_count: number of users of @vaddr */
	unsigned int vmap_count;
};

#define to_shrbuf_pages(s)	container_of(s, struct shrbuf_pages, sb)

bool shrbuf_size_ok(size_t size);
struct shrbuf *shrbuf_alloc_pages(size_t size, gfp_t zone, const char *name);
int shrbuf_pages_init(struct shrbuf_pages *buf, size_t size, gfp_t zone);
void shrbuf_pages_fini(struct shrbuf_pages *buf);
struct page **shrbuf_pages_new(unsigned int nr, gfp_t zone);
void shrbuf_pages_free(struct page **pages, unsigned int nr);
int shrbuf_pages_open(struct shrbuf *sb);
int shrbuf_pages_attach(struct shrbuf *sb, struct shrbuf_attachment *sa);
void shrbuf_pages_detach(struct shrbuf *sb, struct shrbuf_attachment *sa);
struct sg_table *shrbuf_pages_map(struct shrbuf *sb,
				  struct shrbuf_attachment *sa,
				  enum dma_data_direction dir);
void shrbuf_pages_unmap(struct shrbuf *sb, struct shrbuf_attachment *sa,
			struct sg_table *sgt, enum dma_data_direction dir);
int shrbuf_pages_vmap(struct shrbuf *sb, struct iosys_map *map);
void shrbuf_pages_vunmap(struct shrbuf *sb, struct iosys_map *map);
int shrbuf_pages_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir);
int shrbuf_pages_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir);

/* backing-proxy.c */

/**
 * struct shrbuf_proxy - base of backings which stand on another dma-buf
 */
struct shrbuf_proxy {
	/** @sb: base object, must be first */
	struct shrbuf sb;

	/**
	 * @inner: the dma-buf that does the work. A reference is held. Valid
	 * from &shrbuf_backing_ops.open to &shrbuf_backing_ops.close; written
	 * under &shrbuf.lock.
	 */
	struct dma_buf *inner;

	/** @sync: cache maintenance for importers is up to us. Invariant. */
	bool sync;

	/** @lock: protects @attachments and what they are used for */
	struct mutex lock;

	/** @attachments: devices, see backing-proxy.c */
	struct list_head attachments;
};

#define to_shrbuf_proxy(s)	container_of(s, struct shrbuf_proxy, sb)

void shrbuf_proxy_init(struct shrbuf_proxy *proxy, bool sync);
int shrbuf_proxy_attach(struct shrbuf *sb, struct shrbuf_attachment *sa);
void shrbuf_proxy_detach(struct shrbuf *sb, struct shrbuf_attachment *sa);
struct sg_table *shrbuf_proxy_map(struct shrbuf *sb,
				  struct shrbuf_attachment *sa,
				  enum dma_data_direction dir);
void shrbuf_proxy_unmap(struct shrbuf *sb, struct shrbuf_attachment *sa,
			struct sg_table *sgt, enum dma_data_direction dir);
int shrbuf_proxy_vmap(struct shrbuf *sb, struct iosys_map *map);
void shrbuf_proxy_vunmap(struct shrbuf *sb, struct iosys_map *map);
int shrbuf_proxy_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir);
int shrbuf_proxy_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir);
void shrbuf_sync_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
			 enum dma_data_direction dir);
void shrbuf_sync_for_device(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir);

/* backing-vb2.c */

/**
 * struct shrbuf_vb2 - a shared buffer in memory of a videobuf2 allocator
 */
struct shrbuf_vb2 {
	/**
	 * @proxy: base object, must be first. Its @inner is the allocator's dma-buf
	 * while the buffer is exported.
	 */
	struct shrbuf_proxy proxy;

	/** @base: the allocator. Invariant over the lifetime. */
	const struct vb2_mem_ops *base;

	/** @priv: what the allocator returned. One reference of it is ours. */
	void *priv;

	/** @owner: module of the driver of the device that @priv needs, or NULL */
	struct module *owner;

	/**
	 * @dev: device whose caches are to be maintained by us when the CPU accesses
	 * the memory, or NULL. The allocator holds it. Invariant over the lifetime.
	 */
	struct device *dev;

	/** @addr: address of the memory for @dev, in one piece */
	dma_addr_t addr;

	/** @dma_dir: direction of the mapping for @dev */
	enum dma_data_direction dma_dir;

	/**
	 * @vb: for the allocator when it makes a dma-buf. NULL once the queue has
	 * given the plane back: the allocators take the argument but look only at
	 * @priv. Protected by &shrbuf.lock.
	 */
	struct vb2_buffer *vb;
};

#define to_shrbuf_vb2(s)	container_of(s, struct shrbuf_vb2, proxy.sb)

extern const struct shrbuf_backing_ops shrbuf_contig_backing;

int shrbuf_vb2_init(struct shrbuf_vb2 *buf, struct vb2_buffer *vb,
		    struct device *dev, unsigned long size,
		    const struct vb2_mem_ops *base,
		    const struct shrbuf_backing_ops *ops, struct module *owner,
		    const char *name);
const struct vb2_mem_ops *shrbuf_vb2_wrapper(const struct vb2_mem_ops *base);
const struct vb2_mem_ops *shrbuf_vb2_base(const struct vb2_mem_ops *wrapper);

/* backing-contig.c */
struct shrbuf *shrbuf_alloc_contig(struct device *dev, struct module *owner,
				   size_t size, const char *name);

/* backing-debug.c */
struct shrbuf *shrbuf_alloc_debug(size_t size, gfp_t zone, const char *name);
bool shrbuf_debug_show(struct seq_file *m, struct shrbuf *sb);

/* alloc.c */
long shrbuf_ioctl_alloc(void __user *uptr);

/* adopt.c */
int shrbuf_adopt_init(void);
void shrbuf_adopt_exit(void);

/* queue.c */
struct shrbuf_queue;

bool shrbuf_queue_plane_new(struct vb2_queue *q, struct shrbuf_queue **sq);
void shrbuf_queue_plane_gone(struct shrbuf_queue *sq);
int shrbuf_queue_attach(int fd);
int shrbuf_queue_detach(int fd);
void shrbuf_queue_show(struct seq_file *m);
void shrbuf_queue_exit(void);

/* device.c */
struct device *shrbuf_dma_device(void);

/* debugfs.c */
void shrbuf_debugfs_init(void);
void shrbuf_debugfs_exit(void);

#endif /* _SHRBUF_PRIV_H */
