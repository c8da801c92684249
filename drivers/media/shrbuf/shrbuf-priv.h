/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbuf.ko share with each other, in the order of the files.
 */
#ifndef _SHRBUF_PRIV_H
#define _SHRBUF_PRIV_H

#include <linux/dma-buf.h>
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
};

#define to_shrbuf_proxy(s)	container_of(s, struct shrbuf_proxy, sb)

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

/* backing-vb2.c */
const struct vb2_mem_ops *shrbuf_vb2_wrapper(const struct vb2_mem_ops *base);
const struct vb2_mem_ops *shrbuf_vb2_base(const struct vb2_mem_ops *wrapper);

/* format.c */
struct shrbuf_format;
struct v4l2_format;
struct v4l2_rect;

u32 shrbuf_fourcc_to_v4l2(u32 drm_fourcc, u64 modifier, bool one_memory);
int shrbuf_format_from_v4l2(const struct v4l2_format *f, const struct v4l2_rect *crop,
			    unsigned int mem_plane, size_t size,
			    struct shrbuf_format *out);
int shrbuf_format_check(const struct shrbuf_format *format, size_t size);

/* format-queue.c */
int shrbuf_format_of_queue(struct vb2_queue *q, unsigned int mem_plane, size_t size,
			   struct shrbuf_format *out);

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

/* debugfs.c */
void shrbuf_debugfs_init(void);
void shrbuf_debugfs_exit(void);

#endif /* _SHRBUF_PRIV_H */
