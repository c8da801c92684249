/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbuf.ko share with each other, in the order of the files.
 */
#ifndef _SHRBUF_PRIV_H
#define _SHRBUF_PRIV_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <media/shrbuf.h>
#include <media/videobuf2-core.h>
#include <uapi/linux/shrbuf.h>

#include "shrbuf-compat.h"

#define SHRBUF_RELEASE		"0.1"
#define SHRBUF_NAME_LEN		48
/* O_RDONLY, O_WRONLY, O_RDWR, and 3: neither read nor write */
#define SHRBUF_NR_MODES		4

struct dentry;
struct device;
struct file;
struct module;
struct poll_table_struct;
struct seq_file;
struct shrbuf;
struct shrbuf_fence;
struct shrbuf_queue;
struct video_device;
struct shrbuf_client;

/*
 * A file of one of the devices of a core, which owns all minors of its major number:
 * VIDEO_MAJOR, DRM_MAJOR. Unless it is an O_PATH file, the core has opened it.
 */
static inline bool shrbuf_is_device(const struct file *file, unsigned int major)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) && imajor(inode) == major;
}

/* source.c */

/**
 * struct shrbuf_source - what open files of /dev/shrbuf have to do with something
 *
 * Part of each buffer and of each attached queue, whose owner frees it after an RCU
 * grace period.
 */
struct shrbuf_source {
	/**
	 * @lock: protects @uses, and what the owner says. Taken with interrupts off,
	 * since video devices change the state of buffers in their interrupts.
	 */
	spinlock_t lock;

	/** @uses: &struct shrbuf_use. Protected by @lock. */
	struct list_head uses;

	/** @ended: nobody can be linked any more. Protected by @lock. */
	bool ended;
};

/**
 * struct shrbuf_use - what one open file has to do with one source
 */
struct shrbuf_use {
	/** @client: the open file. Invariant over the lifetime. */
	struct shrbuf_client *client;

	/**
	 * @source: NULL once the source is gone. Cleared under its lock, and then
	 * with release semantics as the last access of the source's side to this use.
	 */
	struct shrbuf_source *source;

	/** @node: in &shrbuf_source.uses, protected by &shrbuf_source.lock */
	struct list_head node;

	/** @dead: in &shrbuf_client.dead, protected by &shrbuf_client.events_lock */
	struct list_head dead;

	/** @index: in the table of the client. Invariant over the lifetime. */
	unsigned long index;

	/** @is_queue: in which table. Invariant over the lifetime. */
	bool is_queue;

	/** @watches: wants @events. Protected by &shrbuf_source.lock. */
	bool watches;

	/** @holds: holds the frame. Protected by &shrbuf_source.lock. */
	bool holds;

	/** @fills: is the producer of the frame. Protected by &shrbuf_source.lock. */
	bool fills;

	/** @events: bits of the events wanted. Protected by &shrbuf_source.lock. */
	u32 events;

	/** @cookie: for the events. Protected by &shrbuf_source.lock. */
	u64 cookie;

	/**
	 * @adopted: the buffer that the client is a user of, or NULL. Protected by
	 * &shrbuf_client.lock.
	 */
	struct shrbuf *adopted;

	/** @rcu: frees, fdinfo looks at uses without a lock */
	struct rcu_head rcu;
};

void shrbuf_source_init(struct shrbuf_source *src);
bool shrbuf_source_link(struct shrbuf_source *src, struct shrbuf_use *use);
void shrbuf_source_notify(struct shrbuf_source *src, struct shrbuf_event *event);
void shrbuf_source_end(struct shrbuf_source *src, u32 id);

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

/* One that is filled, and some that read at the same time. */
#define SHRBUF_NR_FLIGHTS	9

/**
 * struct shrbuf_flight - a buffer that the driver of a video device has
 * @node: in the table of flights, protected by the lock of its bucket
 * @vb: what the driver has, NULL when there is no flight. Protected by both the lock of
 *	the bucket and &shrbuf_source.lock.
 * @plane: number of the plane of @vb. Protected as @vb.
 * @sb: the buffer. Invariant over the lifetime.
 * @queue: the attached queue of @vb, if its watchers are to hear of the buffer and do not
 *	so by &shrbuf.queue, else NULL. Protected by &shrbuf_source.lock. The driver has
 *	the plane, so the attachment stays until the flight ends.
 * @index: of @vb in @queue. Protected as @queue.
 * @timestamp: of @vb when the flight began. Protected as @queue.
 */
struct shrbuf_flight {
	struct hlist_node node;
	struct vb2_buffer *vb;
	unsigned int plane;
	struct shrbuf *sb;
	struct shrbuf_queue *queue;
	u32 index;
	u64 timestamp;
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
	 * @lock: protects @dmabuf, @nr_dmabufs, @inodes, @resv, @attachments. No
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

	/**
	 * @inodes: inode number of the newest dma-buf of each access mode, for listings.
	 * Zero if there was none since the buffer had no dma-buf at all. Protected by @lock.
	 */
	unsigned long inodes[SHRBUF_NR_MODES];

	/** @resv: shared by all dma-bufs of this buffer. Protected by @lock. */
	struct dma_resv *resv;

	/** @attachments: &struct shrbuf_attachment. Protected by @lock. */
	struct list_head attachments;

	/**
	 * @source: who watches, holds and fills. Its lock protects all that follows.
	 * Inside of @lock, if both are taken.
	 */
	struct shrbuf_source source;

	/** @seqcount: to read @frame, @format and the counts without the lock */
	seqcount_spinlock_t seqcount;

	/** @frame: what is in the buffer */
	struct shrbuf_frame frame;

	/**
	 * @late: the buffer of videobuf2 that the frame came from, if its driver gave it
	 * back without a timestamp, else NULL. Is only compared.
	 */
	const struct vb2_buffer *late;

	/** @format: how it is to be read */
	struct shrbuf_format format;

	/** @format_fixed: a video device knows @format, programs cannot set it */
	bool format_fixed;

	/** @status: SHRBUF_STATUS_*, without SHRBUF_STATUS_DEVICE */
	u32 status;

	/** @holds: number of uses that hold the frame */
	u32 holds;

	/** @claimed: number of queues that are about to take the buffer: nobody can hold it */
	unsigned int claimed;

	/** @filler: the use that fills the buffer, or NULL */
	struct shrbuf_use *filler;

	/**
	 * @queue: the attached queue whose memory this is, or NULL. It is there until
	 * the buffer is orphaned. Queues that only import it are in @flights.
	 */
	struct shrbuf_queue *queue;

	/** @index: of the buffer in @queue */
	u32 index;

	/** @nr_imports: number of @flights in attached queues that have only imported it */
	unsigned int nr_imports;

	/** @flights: what video devices do with it, see flight.c */
	struct shrbuf_flight flights[SHRBUF_NR_FLIGHTS];

	/** @fence: signalled when the frame is there, or NULL */
	struct shrbuf_fence *fence;

	/** @spare_fence: allocated for the next frame, or NULL */
	struct shrbuf_fence *spare_fence;

	/** @fence_context: of all fences of the buffer, zero before the first */
	u64 fence_context;

	/** @fence_seqno: of the last fence */
	u64 fence_seqno;

	/** @released: woken when nobody holds the frame any more */
	wait_queue_head_t released;

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

/* state.c */

/* flags of V4L2 that tell of a frame, and those of its timestamp, too: shrbuf_frame.flags */
#define SHRBUF_FRAME_KIND	(V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME | \
				 V4L2_BUF_FLAG_BFRAME | V4L2_BUF_FLAG_LAST)
#define SHRBUF_FRAME_FLAGS	(SHRBUF_FRAME_KIND | V4L2_BUF_FLAG_TIMESTAMP_MASK | \
				 V4L2_BUF_FLAG_TSTAMP_SRC_MASK)

int shrbuf_frame_check(const struct shrbuf_frame *frame, size_t size);
void shrbuf_state_init(struct shrbuf *sb);
void shrbuf_state_end(struct shrbuf *sb);
void shrbuf_state_read(struct shrbuf *sb, struct shrbuf_info *info);
void shrbuf_state_change(struct shrbuf *sb, const struct shrbuf_frame *frame);
void shrbuf_state_event(struct shrbuf *sb, u32 type);
void shrbuf_state_orphan(struct shrbuf *sb);
int shrbuf_state_set(struct shrbuf *sb, struct shrbuf_use *use,
		     struct shrbuf_frame *frame);
int shrbuf_state_set_format(struct shrbuf *sb, const struct shrbuf_format *format);
int shrbuf_state_hold(struct shrbuf *sb, struct shrbuf_use *use,
		      struct shrbuf_frame *frame);
void shrbuf_state_release(struct shrbuf *sb, struct shrbuf_use *use);
void shrbuf_state_abandon(struct shrbuf *sb, struct shrbuf_use *use);

/* flight.c */
int shrbuf_flights_init(void);
void shrbuf_flights_exit(void);
bool shrbuf_in_flight(const struct shrbuf *sb);
struct shrbuf *shrbuf_flight_buffer(struct vb2_buffer *vb, unsigned int plane,
				    struct shrbuf_queue **sq);
void shrbuf_flights_end(struct shrbuf *sb);
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
struct shrbuf *shrbuf_vb2_plane(struct vb2_buffer *vb, unsigned int plane,
				struct shrbuf_queue **sq);

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

/* backing-contig.c */
struct shrbuf *shrbuf_alloc_contig(struct device *dev, struct module *owner,
				   size_t size, const char *name);

/* backing-debug.c */
struct shrbuf *shrbuf_alloc_debug(size_t size, gfp_t zone, const char *name);
bool shrbuf_debug_show(struct seq_file *m, struct shrbuf *sb);

/* alloc.c */
long shrbuf_ioctl_alloc(void __user *uptr);

/* adopt.c */
struct shrbuf *shrbuf_adopt_dmabuf(struct dma_buf *dmabuf);
int shrbuf_adopt_init(void);
void shrbuf_adopt_exit(void);

/* queue.c */

/**
 * struct shrbuf_queue - an attached queue
 *
 * In the list of queues until one of detach, removal and last plane has taken it out.
 * What has no other lock is protected by the lock of that list.
 */
struct shrbuf_queue {
	/** @node: in the list of queues */
	struct list_head node;

	/**
	 * @vdev: the video device, NULL when the attachment is orphaned. No reference
	 * is held.
	 */
	struct video_device *vdev;

	/**
	 * @q: its queue. No reference is held: valid while @vdev is set, and in the
	 * operations of its planes.
	 */
	struct vb2_queue *q;

	/** @base: what &vb2_queue.mem_ops was before. Invariant over the lifetime. */
	const struct vb2_mem_ops *base;

	/** @planes: number of wrapped planes, and of running wrapped operations */
	unsigned int planes;

	/** @waits_for: the buffer whose readers VIDIOC_QBUF waits for, or NULL */
	struct shrbuf *waits_for;

	/**
	 * @refcount: holds the memory: one for the attachment, and who called
	 * shrbuf_queue_get()
	 */
	struct kref refcount;

	/** @rcu: frees, see queue_release() */
	struct rcu_head rcu;

	/** @source: who watches. Has its own lock. */
	struct shrbuf_source source;

	/** @id: for tables of watches. Invariant over the lifetime. */
	u32 id;

	/**
	 * @config: what the queue was told to do. Changes only while the queue has no
	 * buffers, under the lock of the queue.
	 */
	struct shrbuf_queue_config config;

	/** @ops: our copy of the operations, or NULL. Protected as @config. */
	const struct vb2_ops *ops;

	/**
	 * @base_ops: what &vb2_queue.ops was before it was set to @ops, or NULL. Protected
	 * as @config.
	 */
	const struct vb2_ops *base_ops;

	/** @dev: name of the device node. Invariant over the lifetime. */
	char dev[32];

	/** @name: name of the video device. Invariant over the lifetime. */
	char name[32];

	/** @driver: name of the driver's module. Invariant over the lifetime. */
	char driver[MODULE_NAME_LEN];
};

bool shrbuf_queue_plane_new(struct vb2_queue *q, struct shrbuf_queue **sq);
void shrbuf_queue_plane_gone(struct shrbuf_queue *sq);
struct shrbuf_queue *shrbuf_queue_enter(struct vb2_queue *q);
void shrbuf_queue_leave(struct shrbuf_queue *sq);
int shrbuf_queue_attach(int fd, bool test);
int shrbuf_queue_detach(int fd);
struct shrbuf_queue *shrbuf_queue_get(int fd);
void shrbuf_queue_put(struct shrbuf_queue *sq);
u32 shrbuf_queue_id(const struct shrbuf_queue *sq);
struct shrbuf_source *shrbuf_queue_source(struct shrbuf_queue *sq);
void shrbuf_queue_notify(struct shrbuf_queue *sq, struct shrbuf_event *event);
int shrbuf_queue_configure(const struct shrbuf_queue_config *arg);
bool shrbuf_queue_wait(struct shrbuf_queue *sq, struct shrbuf *sb);
void shrbuf_queue_show(struct seq_file *m);
void shrbuf_queue_exit(void);

/* queue-ops.c */
bool shrbuf_queue_ops_set(struct shrbuf_queue *sq,
			  const struct shrbuf_queue_config *config, void *copy);

/* fence.c */
int shrbuf_fence_prepare(struct shrbuf *sb);
void shrbuf_fence_publish(struct shrbuf *sb, struct vb2_buffer *vb,
			  unsigned int plane, unsigned int timeout_ms);
void shrbuf_fence_signal(struct shrbuf *sb, int error);
void shrbuf_fence_end(struct shrbuf *sb);

/* client.c */

/* Enough for the buffers of many cameras, and a bound for each open file. */
#define SHRBUF_MAX_USES		65536
/* Half a second of eight cameras with two events a frame at 60 frames per second. */
#define SHRBUF_NR_EVENTS	512

/**
 * struct shrbuf_client - an open file of /dev/shrbuf
 */
struct shrbuf_client {
	/**
	 * @lock: protects @buffers, @queues (which fdinfo reads under RCU) and
	 * @nr_uses, and serialises requests that change what this file has to do with a
	 * buffer. Outside of all locks of buffers.
	 */
	struct mutex lock;

	/** @buffers: &struct shrbuf_use by id of the buffer. Protected by @lock. */
	struct xarray buffers;

	/** @queues: &struct shrbuf_use by id of the queue. Protected by @lock. */
	struct xarray queues;

	/** @nr_uses: in both tables. Protected by @lock. */
	unsigned int nr_uses;

	/** @read_lock: one reader of @events at a time. Outside of @events_lock. */
	struct mutex read_lock;

	/**
	 * @events_lock: protects all that follows. Taken inside of
	 * &shrbuf_source.lock, with interrupts off.
	 */
	spinlock_t events_lock;

	/** @dead: uses whose source is gone, to be freed by the client */
	struct list_head dead;

	/** @events: ring of SHRBUF_NR_EVENTS, NULL before the first watch */
	struct shrbuf_event *events;

	/** @first: index of the oldest event in @events */
	unsigned int first;

	/** @nr_events: number of events in @events */
	unsigned int nr_events;

	/** @lost: number of events that came after those in @events and had no room */
	u64 lost;

	/** @wait: readers and pollers */
	wait_queue_head_t wait;
};

struct shrbuf_client *shrbuf_client_new(void);
void shrbuf_client_free(struct shrbuf_client *client);
long shrbuf_client_set_state(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_watch(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_unwatch(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_hold(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_release(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_adopt(struct shrbuf_client *client, void __user *uptr);
long shrbuf_client_disown(struct shrbuf_client *client, void __user *uptr);
void shrbuf_client_show(struct shrbuf_client *client, struct seq_file *m);

/* events.c */
int shrbuf_events_alloc(struct shrbuf_client *client);
void shrbuf_events_push(struct shrbuf_client *client,
			const struct shrbuf_event *event);
ssize_t shrbuf_events_read(struct shrbuf_client *client, char __user *uptr,
			   size_t len, bool nonblock);
__poll_t shrbuf_events_poll(struct shrbuf_client *client, struct file *file,
			    struct poll_table_struct *table);

/* device.c */
bool shrbuf_fd_flags_valid(u32 fd_flags);
int shrbuf_get_by_fd(int fd, struct shrbuf **sb, struct dma_buf **dmabuf);
int shrbuf_give_fd(struct shrbuf *sb, u32 fd_flags, s32 *fd, void __user *uptr,
		   const void *arg, size_t len);
struct device *shrbuf_dma_device(void);

/* debugfs.c */
void shrbuf_debugfs_init(void);
void shrbuf_debugfs_exit(void);

#endif /* _SHRBUF_PRIV_H */
