/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the legacy front end share: legacy-*.c
 */
#ifndef _FUSION_LEGACY_H
#define _FUSION_LEGACY_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <linux/fusion-legacy.h>
#include "fusion.h"

#define FUSION_LEGACY_DEVICES	32	/* worlds at most */
#define FUSION_LEGACY_TYPES	8
#define FUSION_LEGACY_GRANTS	1024	/* fusionees with permissions for one entry */
#define FUSION_LEGACY_PACKETS	10	/* that wait before senders do */
#define FUSION_LEGACY_MAX_PACKETS 1024	/* for those who must not wait for these */

/* Where the pools of a world lie: see Documentation/fusion/legacy.rst. */
#if BITS_PER_LONG == 64
#define FUSION_LEGACY_BASE	0x523000000000ULL
#define FUSION_LEGACY_SIZE	0x1000000000ULL
#else
#define FUSION_LEGACY_BASE	0x20000000ULL
#define FUSION_LEGACY_SIZE	(SZ_512M / FUSION_LEGACY_DEVICES)
#endif

struct dentry;
struct fusion_legacy_message;
struct fusion_legacy_type;
struct fusion_legacy_world;
struct page;
struct seq_file;

/* The last line of the file stat, in its order. */
enum fusion_legacy_stat {
	FUSION_STAT_LEASE,
	FUSION_STAT_CEDE,
	FUSION_STAT_ATTACH,
	FUSION_STAT_DETACH,
	FUSION_STAT_DISPATCH,
	FUSION_STAT_UP,
	FUSION_STAT_DOWN,
	FUSION_STAT_PREVAIL,
	FUSION_STAT_DISMISS,
	FUSION_STATS
};

/**
 * struct fusion_legacy_view - what a file of debugfs shows
 * @world: world
 * @type: kind of entries
 */
struct fusion_legacy_view {
	struct fusion_legacy_world *world;
	const struct fusion_legacy_type *type;
};

/**
 * struct fusion_legacy_world - the world of a device
 * @kref: references of open files
 * @nr: number of the device, constant
 * @world: of the engine, with a reference, constant
 * @lock: protects what follows, but for @departures and @stats
 * @major: version of the interface that the master wants, zero before it has entered
 * @minor: the same
 * @secure: requests need permissions. Set before there is a member.
 * @unblocked: slaves may enter
 * @entering: slaves wait for @unblocked, the master for @departures, both for the end
 * @departures: how many fusionees have left
 * @root: what offset zero of the device shows, or NULL
 * @stats: for people
 * @dir: of debugfs, or NULL. Protected by the lock of the device.
 * @views: for the files there
 */
struct fusion_legacy_world {
	struct kref kref;
	u32 nr;
	struct fusion_world *world;
	struct mutex lock;	/* what follows */
	s32 major;
	s32 minor;
	bool secure;
	bool unblocked;
	wait_queue_head_t entering;
	atomic_t departures;
	struct page *root;
	atomic_long_t stats[FUSION_STATS];
	struct dentry *dir;
	struct fusion_legacy_view views[FUSION_LEGACY_TYPES];
};

/**
 * struct fusion_legacy_file - an open file of a device
 * @lock: protects @member
 * @member: what it is in the world, with a reference, or NULL before FUSION_ENTER
 * @world: constant, with a reference
 * @slave: it never becomes the master, constant
 */
struct fusion_legacy_file {
	spinlock_t lock;	/* member */
	struct fusion_member *member;
	struct fusion_legacy_world *world;
	bool slave;
};

/**
 * struct fusion_legacy_queue - messages of a fusionee, in packets
 * @lock: protects all of it
 * @messages: oldest first
 * @tail: first message of the last packet, or NULL
 * @packets: how many there are
 * @flushed: the last packet may be read; those before it always may
 * @closed: the fusionee goes: nothing more comes in
 * @readers: struct fusion_waiter, wait for a packet
 * @senders: struct fusion_waiter, wait until there are fewer packets
 * @syncers: struct fusion_waiter, wait until all is read and processed
 * @unprocessed: messages with a done() that were read
 * @pollers: wait in poll()
 * @dispatcher: the thread that has read last, with a reference, or NULL
 * @reading: it waits in read()
 * @waiting: messages in the queue
 * @received: messages that came in, ever
 * @sent: messages that the fusionee has sent, ever
 * @lost: messages of the kernel that there was no room for
 */
struct fusion_legacy_queue {
	spinlock_t lock;	/* all of it */
	struct list_head messages;
	struct fusion_legacy_message *tail;
	u32 packets;
	bool flushed;
	bool closed;
	struct list_head readers;
	struct list_head senders;
	struct list_head syncers;
	struct list_head unprocessed;
	wait_queue_head_t pollers;
	struct fusion_thread *dispatcher;
	bool reading;
	u32 waiting;
	u64 received;
	u64 sent;
	u64 lost;
};

/**
 * struct fusion_legacy_fusionee - what the front end keeps of a member
 * @world: constant; its file has the reference, and this is used as long as it lives
 * @pid: the thread that has entered, with a reference
 * @exe: path of its program
 * @queue: messages for it
 * @pools: what it is attached to, see legacy-shmpool.c. Protected by the member's lock.
 * @quota: id of the call that a thread of it waits for because of a quota, or zero
 */
struct fusion_legacy_fusionee {
	struct fusion_legacy_world *world;
	struct pid *pid;
	char *exe;
	struct fusion_legacy_queue queue;
	struct list_head pools;
	u32 quota;
};

static inline struct fusion_legacy_fusionee *fusion_legacy_of(struct fusion_member *member)
{
	return member->file;
}

/*
 * legacy-entry.c: what the front end keeps of an object
 */

/**
 * struct fusion_legacy_entry - what the front end keeps of an object
 * @base: how to free it
 * @pid: the thread that has created the object, with a reference, constant
 * @everybody: requests that all may make, a bit for each number
 * @grants: requests that fusionees may make, by their id
 * @nr_grants: how many, protected by the lock of @grants
 * @used: when somebody has looked for it, in jiffies, or zero
 * @cookies: for the type: the handler and its context of a call, constant; the callback of a
 *	reactor and its pointer; whether the watcher of a reference is waited for. Protected
 *	by the object's lock.
 * @uses: how often, for people
 * @quotas: of a call: struct fusion_legacy_quota by the id of the caller
 * @nr_quotas: how many, protected by the lock of @quotas
 * @stopped: of a call: serials of executions whose callers did not wait until the return
 * @nr_stopped: how many
 */
struct fusion_legacy_entry {
	struct fusion_entry base;
	struct pid *pid;
	u32 everybody;
	struct xarray grants;
	u32 nr_grants;
	unsigned long used;
	u64 cookies[2];
	atomic_long_t uses;
	struct xarray quotas;
	u32 nr_quotas;
	struct xarray stopped;
	atomic_t nr_stopped;
};

static inline struct fusion_legacy_entry *fusion_legacy_entry(struct fusion_object *object)
{
	return container_of(object->entry, struct fusion_legacy_entry, base);
}

/*
 * legacy-ioctl.c: requests
 */

/**
 * struct fusion_legacy_op - a request at work
 * @file: of the open file
 * @world: of the open file
 * @member: the caller, active; NULL for a request that may come before FUSION_ENTER
 * @thread: the calling thread, with a reference; NULL if @member is
 * @object: what the first integer of the argument names, with a reference, and the caller
 *	may make this request; NULL for types and numbers without
 * @data: the argument, copied from user space once, as long as the request says
 * @user: where it was and what follows it
 */
struct fusion_legacy_op {
	struct fusion_legacy_file *file;
	struct fusion_legacy_world *world;
	struct fusion_member *member;
	struct fusion_thread *thread;
	struct fusion_object *object;
	void *data;
	void __user *user;
};

#define FUSION_LEGACY_NEW	BIT(0)	/* it names no entry, or looks for its entries itself */
#define FUSION_LEGACY_OUTSIDE	BIT(1)	/* also before FUSION_ENTER */
#define FUSION_LEGACY_ALWAYS	BIT(2)	/* written back also when it has failed */

/**
 * struct fusion_legacy_request - one request of a type
 * @run: does it. Sleeps. Returns what user space gets, or a negative errno; -ERESTARTSYS
 *	becomes EINTR, and -ENOENT, -ESHUTDOWN and -EPIPE what fusion_legacy_errno() says.
 * @size: bytes of the argument that are copied from user space, at most
 *	FUSION_LEGACY_ARGUMENT
 * @back: bytes of it that are copied back
 * @flags: FUSION_LEGACY_*
 */
struct fusion_legacy_request {
	int (*run)(struct fusion_legacy_op *op);
	u8 size;
	u8 back;
	u8 flags;
};

#define FUSION_LEGACY_ARGUMENT	64

/**
 * struct fusion_legacy_type - one type of requests
 * @name: of its file in debugfs, or NULL
 * @class: DRM_FUSION_* of its entries, or zero if it has none
 * @requests: by their number
 * @nr_requests: how many
 * @fork: gives @child what @parent has. Both are active; sleeps. May be NULL.
 * @show: the end of an entry's line, without the newline. Sleeps. The caller has a reference.
 */
struct fusion_legacy_type {
	const char *name;
	u32 class;
	const struct fusion_legacy_request *requests;
	u32 nr_requests;
	int (*fork)(struct fusion_member *child, struct fusion_member *parent);
	void (*show)(struct seq_file *m, struct fusion_object *object);
};

extern const struct fusion_legacy_type *const fusion_legacy_types[FUSION_LEGACY_TYPES];

long fusion_legacy_ioctl(struct file *fp, unsigned int cmd, unsigned long arg);
int fusion_legacy_errno(int ret);

int fusion_legacy_publish(struct fusion_legacy_op *op, struct fusion_object *object,
			  u64 cookie0, u64 cookie1);
int fusion_legacy_create(struct fusion_legacy_op *op, u32 class);

/* A request that makes an object of the engine, and whose argument is the id. */
static inline int fusion_legacy_new(struct fusion_legacy_op *op, u32 class)
{
	int id = fusion_legacy_create(op, class);

	*(s32 *)op->data = id;
	return min(id, 0);
}

struct fusion_object *fusion_legacy_find(struct fusion_legacy_op *op, u32 type, u32 nr, s32 id);
int fusion_legacy_set_info(struct fusion_legacy_op *op);
int fusion_legacy_get_info(struct fusion_legacy_op *op);
int fusion_legacy_add_permissions(struct fusion_legacy_op *op);

/*
 * legacy-dev.c: devices, open files
 */
struct fusion_member *fusion_legacy_file_enter(struct fusion_legacy_file *file);
int fusion_legacy_init(void);
void fusion_legacy_exit(void);

/*
 * legacy-lounge.c: fusionees
 */
extern const struct fusion_legacy_type fusion_legacy_lounge;
extern const struct fusion_front fusion_legacy_front;

struct fusion_member *fusion_legacy_find_fusionee(struct fusion_world *world, u64 id);

static inline bool fusion_is_legacy(const struct fusion_member *member)
{
	return member->front == &fusion_legacy_front;
}

static inline void fusion_legacy_count(struct fusion_legacy_op *op, enum fusion_legacy_stat stat)
{
	atomic_long_inc(&op->world->stats[stat]);
}

/*
 * legacy-queue.c: messages
 */

/**
 * struct fusion_legacy_message - a message for one fusionee
 * @link: in its queue, or in the list of those that it has not processed
 * @packet: bytes of the packet that this is the first message of, else zero
 * @quiet: it can wait until there is something else to read
 * @done: the receiver has processed it, or never will. Called once for each message that
 *	was posted, without locks, may sleep. The queue frees the message after that. May be
 *	NULL.
 * @private: for @done
 * @arg: for @done
 * @exec: of a synchronous call: the execution, with a reference, or NULL
 * @world: to which its memory is charged, with a reference
 * @header: as it is read
 * @data: as it is read, with zeros after it up to a multiple of four bytes
 */
struct fusion_legacy_message {
	struct list_head link;
	u32 packet;
	bool quiet;
	void (*done)(struct fusion_legacy_message *message, struct fusion_member *receiver);
	void *private;
	u64 arg;
	struct fusion_exec *exec;
	struct fusion_world *world;
	struct fusion_legacy_message_header header;
	u8 data[];
};

extern const struct fusion_legacy_type fusion_legacy_messaging;
void fusion_legacy_queue_init(struct fusion_legacy_queue *queue);
struct fusion_legacy_message *fusion_legacy_message_alloc(struct fusion_world *world, u32 type,
							  s32 id, s32 channel, u32 size);
void fusion_legacy_message_free(struct fusion_legacy_message *message);
int fusion_legacy_post(struct fusion_thread *sender, struct fusion_member *to,
		       struct fusion_legacy_message *message);
ssize_t fusion_legacy_read(struct fusion_thread *reader, char __user *buffer, size_t size,
			   bool wait);
int fusion_legacy_room(struct fusion_thread *sender, struct fusion_member *to);
void fusion_legacy_sent(struct fusion_member *member);
bool fusion_legacy_readable(struct fusion_member *member);
int fusion_legacy_sync(struct fusion_thread *thread);
void fusion_legacy_queue_close(struct fusion_member *member);

/*
 * legacy-quota.c: how much callers may have on its way
 */

/**
 * struct fusion_legacy_quota - how many calls of a fusionee may wait to be processed
 * @kref: references of the call and of messages
 * @lock: protects what follows
 * @limit: how many; zero: any number
 * @count: how many there are
 * @waiters: struct fusion_waiter, wait until there are less
 */
struct fusion_legacy_quota {
	struct kref kref;
	spinlock_t lock;	/* what follows */
	u32 limit;
	u32 count;
	struct list_head waiters;
};

int fusion_legacy_quota_set(struct fusion_object *call, u32 id, u32 limit);
struct fusion_legacy_quota *fusion_legacy_quota_enter(struct fusion_thread *thread,
						      struct fusion_object *call);
void fusion_legacy_quota_leave(struct fusion_legacy_quota *quota);
void fusion_legacy_quotas_wake(struct fusion_object *call);
void fusion_legacy_quotas_free(struct fusion_legacy_entry *entry);

/*
 * legacy-call.c, legacy-exec.c: calls
 */
#define FUSION_LEGACY_CHAIN	4096	/* calls of one request */
#define FUSION_LEGACY_STOPPED	1024	/* serials that a call remembers */

/**
 * struct fusion_legacy_execute - a call to be made
 * @flags: FCEF_*
 * @type: FMT_CALL or FMT_CALL3
 * @caller: id for the handler
 * @arg: for the handler
 * @ptr: for the handler
 * @data: address of data for the handler
 * @length: its bytes
 * @room: bytes that the caller takes
 * @serial: of the execution; in: zero, or the one to wait for again
 * @result: out: what FUSION_CALL_RETURN said
 * @answer: out: what FUSION_CALL_RETURN3 said, or NULL; the caller puts it
 */
struct fusion_legacy_execute {
	u32 flags;
	u32 type;
	u32 caller;
	s32 arg;
	u64 ptr;
	u64 data;
	u32 length;
	u32 room;
	u32 serial;
	s32 result;
	struct fusion_payload *answer;
};

int fusion_legacy_execute(struct fusion_thread *thread, struct fusion_object *object,
			  struct fusion_legacy_execute *args);
int fusion_legacy_return(struct fusion_legacy_op *op, u32 serial, s32 result, u64 data,
			 u32 length);
extern const struct fusion_legacy_type fusion_legacy_call;
int fusion_legacy_call_kernel(struct fusion_world *world, u32 id, s32 arg, u64 ptr);
int fusion_legacy_call_wait(struct fusion_thread *thread, u32 id, s32 arg);

/*
 * legacy-skirmish.c, legacy-ref.c, legacy-property.c, legacy-reactor.c
 */
extern const struct fusion_legacy_type fusion_legacy_skirmish;
extern const struct fusion_legacy_type fusion_legacy_ref;
extern const struct fusion_legacy_type fusion_legacy_property;
extern const struct fusion_legacy_type fusion_legacy_reactor;
void fusion_legacy_ref_zero(struct fusion_member *watcher, u64 arg);

/*
 * legacy-shmpool.c: pools
 */
extern const struct fusion_legacy_type fusion_legacy_shmpool;
void fusion_legacy_pools_leave(struct fusion_member *member);

/*
 * legacy-show.c: for people
 */
#ifdef CONFIG_DEBUG_FS
void fusion_legacy_show_init(void);
void fusion_legacy_show_exit(void);
void fusion_legacy_show_add(struct fusion_legacy_world *world);
void fusion_legacy_show_remove(struct fusion_legacy_world *world);
#else
static inline void fusion_legacy_show_init(void) {}
static inline void fusion_legacy_show_exit(void) {}
static inline void fusion_legacy_show_add(struct fusion_legacy_world *world) {}
static inline void fusion_legacy_show_remove(struct fusion_legacy_world *world) {}
#endif

#endif /* _FUSION_LEGACY_H */
