/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the routes share with each other.
 */
#ifndef _SHRBUF_ROUTE_H
#define _SHRBUF_ROUTE_H

#include <linux/kfifo.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/videodev2.h>
#include <linux/wait.h>
#include <uapi/linux/shrbuf-route.h>

#define SHRBUF_SINK_MAX_HELD	32
#define SHRBUF_SINK_TARGET_LEN	32
/* A power of two. Events are rare: failures, not frames. */
#define SHRBUF_ROUTE_NR_EVENTS	64

struct file;
struct poll_table_struct;
struct seq_file;
struct shrbuf;
struct shrbuf_route;
struct vb2_queue;
struct video_device;

/* route-source.c */

/**
 * struct shrbuf_route_source - a queue of a video device, driven as its user would
 * @file: the open device, a reference is held. All else is invariant and valid with it.
 * @vdev: the device
 * @q: the queue
 * @lock: what V4L2 holds for requests of this queue
 */
struct shrbuf_route_source {
	struct file *file;
	struct video_device *vdev;
	struct vb2_queue *q;
	struct mutex *lock;	/* see above */
};

int shrbuf_source_open(struct shrbuf_route_source *src, int fd, bool output);
void shrbuf_source_close(struct shrbuf_route_source *src);
int shrbuf_source_dqbuf(struct shrbuf_route_source *src, struct shrbuf_frame *frame);
int shrbuf_source_qbuf(struct shrbuf_route_source *src, unsigned int index,
		       const struct shrbuf_frame *frame);
bool shrbuf_source_has_spare(const struct shrbuf_route_source *src, unsigned int reserve);
bool shrbuf_source_gone(struct shrbuf_route_source *src);
bool shrbuf_source_idle(struct shrbuf_route_source *src, unsigned int index);
int shrbuf_source_check(struct shrbuf_route_source *src, unsigned int *nr_bufs,
			unsigned int *reserve);
int shrbuf_source_start(struct shrbuf_route_source *src, struct wait_queue_entry *wait,
			bool *started);
void shrbuf_source_stop(struct shrbuf_route_source *src);
unsigned int shrbuf_source_planes(struct shrbuf_route_source *src, unsigned int index,
				  struct shrbuf **planes);

unsigned int shrbuf_source_nr_planes(struct shrbuf_route_source *src);
int shrbuf_source_reqbufs(struct shrbuf_route_source *src, unsigned int count);

/* backing-import.c */
struct shrbuf_import;

struct shrbuf_import *shrbuf_import_begin(struct shrbuf_route_source *to,
					  struct shrbuf_route_source *from,
					  unsigned int nr_bufs, unsigned int nr_planes);
int shrbuf_import_error(const struct shrbuf_import *imp);
void shrbuf_import_end(struct shrbuf_import *imp, struct shrbuf_route_source *to);

/* route-sink.c */

/**
 * struct shrbuf_route_frame - a buffer of the source
 */
struct shrbuf_route_frame {
	/** @node: in &shrbuf_route.returned. Protected by &shrbuf_route.frames_lock. */
	struct list_head node;

	/** @index: in the queue. Invariant over the lifetime. */
	unsigned int index;

	/** @holders: who keeps it from the camera. Protected as @node. */
	unsigned int holders;

	/** @frame: what is in it. Written by the thread of the route while nobody holds it. */
	struct shrbuf_frame frame;
};

/**
 * struct shrbuf_route_keep - what a display still shows though its sink has gone
 * @node: in &shrbuf_route.kept. Protected by &shrbuf_route.frames_lock.
 * @plane: of the display. Compared, not used. Invariant over the lifetime.
 * @frames: the one that is shown, and one for which it may have been replaced, each held; or
 *	NULL. Invariant over the lifetime.
 */
struct shrbuf_route_keep {
	struct list_head node;
	const void *plane;
	struct shrbuf_route_frame *frames[2];
};

/**
 * struct shrbuf_sink_hold - a frame that a sink has
 * @node: in &shrbuf_route_sink.pending, or empty when the sink is at work with it
 * @frame: NULL: the slot is free
 * @since: when it got it, in nanoseconds
 * @late: it was reported
 * @shown: it is counted as shown
 *
 * All is protected by &shrbuf_route.frames_lock.
 */
struct shrbuf_sink_hold {
	struct list_head node;
	struct shrbuf_route_frame *frame;
	u64 since;
	bool late;
	bool shown;
};

/**
 * enum shrbuf_drop - why a sink did not show a frame
 * @SHRBUF_DROP_NEWER: a newer one has come
 * @SHRBUF_DROP_HELD: the sink had no room
 * @SHRBUF_DROP_ERROR: it could not be shown
 */
enum shrbuf_drop {
	SHRBUF_DROP_NEWER,
	SHRBUF_DROP_HELD,
	SHRBUF_DROP_ERROR,
};

struct shrbuf_route_sink;

/**
 * struct shrbuf_sink_ops - what a kind of sink does
 */
struct shrbuf_sink_ops {
	/** @type: SHRBUF_SINK_TYPE_* */
	u32 type;

	/** @name: for messages */
	const char *name;

	/**
	 * @end: the sink is in no list any more. Stops threads, lets all holds go. May
	 * sleep.
	 */
	void (*end)(struct shrbuf_route_sink *sink);

	/** @free: the last reference is gone. May sleep. */
	void (*free)(struct shrbuf_route_sink *sink);
};

/**
 * struct shrbuf_route_sink - where frames go, first member of each kind of sink
 */
struct shrbuf_route_sink {
	/** @refcount: the list of the route, a tap's file, and who looks at it */
	struct kref refcount;

	/** @node: in &shrbuf_route.sinks, protected by &shrbuf_route.sinks_lock */
	struct list_head node;

	/** @route: reference is held. Invariant over the lifetime. */
	struct shrbuf_route *route;

	/** @ops: Invariant over the lifetime. */
	const struct shrbuf_sink_ops *ops;

	/** @config: from user space, with the id. Invariant over the lifetime. */
	struct shrbuf_sink config;

	/** @comm: name of the program that added it. Invariant over the lifetime. */
	char comm[TASK_COMM_LEN];

	/** @pid: of that program. Invariant over the lifetime. */
	pid_t pid;

	/** @target: which device, for people. Invariant over the lifetime. */
	char target[SHRBUF_SINK_TARGET_LEN];

	/** @thread: of the sink, a reference is held, or NULL. Invariant while in a list. */
	struct task_struct *thread;

	/** @wait: for pending frames, and for the end */
	wait_queue_head_t wait;

	/* All that follows is protected by &shrbuf_route.frames_lock. */

	/** @pending: &struct shrbuf_sink_hold, oldest first */
	struct list_head pending;

	/** @holds: all that it has, pending or not */
	struct shrbuf_sink_hold holds[SHRBUF_SINK_MAX_HELD];

	/** @held: number of @holds in use */
	unsigned int held;

	/** @ended: it gets no more frames */
	bool ended;

	/** @stats: for user space */
	struct shrbuf_route_stats stats;
};

int shrbuf_sink_check(const struct shrbuf_sink *config);
void shrbuf_sink_init(struct shrbuf_route_sink *sink, struct shrbuf_route *route,
		      const struct shrbuf_sink_ops *ops,
		      const struct shrbuf_sink *config);
int shrbuf_sink_create_thread(struct shrbuf_route_sink *sink, int (*fn)(void *data));
int shrbuf_sink_priority(struct shrbuf_route_sink *sink, u32 priority);
void shrbuf_sink_put(struct shrbuf_route_sink *sink);
bool shrbuf_sink_has_room(struct shrbuf_route_sink *sink);
void shrbuf_sink_offer(struct shrbuf_route_sink *sink, struct shrbuf_route_frame *frame);
struct shrbuf_sink_hold *shrbuf_sink_next(struct shrbuf_route_sink *sink);
void shrbuf_sink_done(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold);
void shrbuf_sink_shown(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold);
void shrbuf_sink_drop(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold,
		      enum shrbuf_drop why);
void shrbuf_sink_drop_locked(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold,
			     enum shrbuf_drop why);
bool shrbuf_sink_wait(struct shrbuf_route_sink *sink);
void shrbuf_sink_account(struct shrbuf_route_sink *sink);
void shrbuf_sink_release(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold);
void shrbuf_sink_count_shown(struct shrbuf_route_sink *sink,
			     struct shrbuf_sink_hold *hold);
unsigned int shrbuf_sink_waiting(struct shrbuf_route_sink *sink);
void shrbuf_sink_set_state(struct shrbuf_route_sink *sink, u32 state, int error);
void shrbuf_sink_let_go(struct shrbuf_route_sink *sink);
void shrbuf_sink_check_deadline(struct shrbuf_route_sink *sink, u64 now);

/* route.c */

/**
 * struct shrbuf_route - a source and its sinks
 */
struct shrbuf_route {
	/** @refcount: the file of the route, and each sink */
	struct kref refcount;

	/** @node: in the list of routes, protected by its lock */
	struct list_head node;

	/** @id: for people. Invariant over the lifetime. */
	u32 id;

	/**
	 * @source: closed with the file of the route: what outlives that must not use it.
	 * @name has its name for messages.
	 */
	struct shrbuf_route_source source;

	/** @name: of the video device. Invariant over the lifetime. */
	char name[SHRBUF_SINK_TARGET_LEN];

	/** @comm: name of the program that made it. Invariant over the lifetime. */
	char comm[TASK_COMM_LEN];

	/** @pid: of that program. Invariant over the lifetime. */
	pid_t pid;

	/** @state_lock: serialises start and stop. Outside of @sinks_lock. */
	struct mutex state_lock;

	/** @thread: while it runs, else NULL. Protected by @state_lock. */
	struct task_struct *thread;

	/** @started: we have started the stream. Protected by @state_lock. */
	bool started;

	/** @done: in the wait queue of the source while @thread is there */
	struct wait_queue_entry done;

	/** @wake: the thread waits here */
	wait_queue_head_t wake;

	/** @kicked: there may be work */
	atomic_t kicked;

	/** @cancelled: somebody has stopped the stream. Set by @done. */
	bool cancelled;

	/**
	 * @sinks_lock: protects the three that follow. The thread holds it to offer. Outside
	 * of the lock of the source's queue.
	 */
	struct mutex sinks_lock;

	/** @sinks: &struct shrbuf_route_sink */
	struct list_head sinks;

	/** @next_id: of the next sink */
	u32 next_id;

	/** @priority: of SCHED_FIFO of all threads, or zero */
	u32 priority;

	/** @frames_lock: protects all that follows. Innermost but for that of @events_wait. */
	spinlock_t frames_lock;

	/** @frames: by index. The array is invariant over the lifetime. */
	struct shrbuf_route_frame *frames;

	/** @nr_frames: in @frames. Invariant over the lifetime. */
	unsigned int nr_frames;

	/** @reserve: how many of them the camera needs. Invariant over the lifetime. */
	unsigned int reserve;

	/** @returned: frames without holders, to be given back to the camera */
	struct list_head returned;

	/** @kept: &struct shrbuf_route_keep, freed with the route */
	struct list_head kept;

	/** @stats: for user space */
	struct shrbuf_route_stats stats;

	/** @events: for read() */
	DECLARE_KFIFO(events, struct shrbuf_route_event, SHRBUF_ROUTE_NR_EVENTS);

	/** @lost: number of events for which there was no room */
	u64 lost;

	/** @failed_sinks: number of sinks that failed for good */
	unsigned int failed_sinks;

	/** @events_wait: readers and pollers */
	wait_queue_head_t events_wait;
};

long shrbuf_route_create(void __user *uptr);
void shrbuf_routes_show(struct seq_file *m);
struct shrbuf_route *shrbuf_route_get(struct shrbuf_route *route);
void shrbuf_route_put(struct shrbuf_route *route);
void shrbuf_route_event(struct shrbuf_route *route, u32 type, u32 sink, int error,
			u32 index);
int shrbuf_route_add(struct shrbuf_route *route, struct shrbuf_route_sink *sink, u32 *id);
int shrbuf_route_remove(struct shrbuf_route *route, u32 id);

/* route-thread.c */
void shrbuf_route_kick(struct shrbuf_route *route);
void shrbuf_route_frame_put(struct shrbuf_route *route, struct shrbuf_route_frame *frame);
void shrbuf_route_keep(struct shrbuf_route *route, struct shrbuf_route_keep *keep);
void shrbuf_route_unkeep(struct shrbuf_route *route, const void *plane);
void shrbuf_route_init_thread(struct shrbuf_route *route);
int shrbuf_route_start(struct shrbuf_route *route, u32 priority);
int shrbuf_route_stop(struct shrbuf_route *route);

/* sink-kms.c, sink-tap.c, sink-video.c */
#ifdef SHRBUF_HAS_KMS
long shrbuf_route_add_kms(struct shrbuf_route *route, void __user *uptr);
#else
static inline long shrbuf_route_add_kms(struct shrbuf_route *route, void __user *uptr)
{
	return -EOPNOTSUPP;
}
#endif
long shrbuf_route_add_tap(struct shrbuf_route *route, void __user *uptr);
long shrbuf_route_add_video(struct shrbuf_route *route, void __user *uptr);

#endif /* _SHRBUF_ROUTE_H */
