/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the fusion module share. The engine knows nothing of DRM but the
 * structures of its user interface.
 */
#ifndef _FUSION_H
#define _FUSION_H

#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/fusion_drm.h>

/* Limits of a world. They bound what one user can make the kernel keep. */
#define FUSION_MAX_MEMBERS	1024
#define FUSION_MAX_OBJECTS	262144
#define FUSION_MAX_MEMORY	SZ_1G
#define FUSION_MAX_THREADS	4096	/* of a member */
#define FUSION_MAX_QUEUED	1024	/* messages of a member, of those that may wait */
#define FUSION_MAX_EVENTS	256	/* messages of the kernel itself, beyond these */
#define FUSION_MAX_SEGMENTS	1024	/* of a pool */

/* Where pools may lie in the address space of a member: see Documentation/fusion. */
#define FUSION_WORLD_ADDRESS		0x523000000000ULL
#define FUSION_WORLD_ADDRESS_SIZE	0x1000000000ULL

struct fusion_exec;
struct fusion_lent;
struct fusion_member;
struct fusion_message;
struct fusion_object;
struct fusion_thread;
struct fusion_waiter;
struct fusion_world;
struct page;
struct seq_file;
struct vm_area_struct;

/*
 * state.c: memory that is mapped by user space
 */

/**
 * struct fusion_state - slots of one size in pages that user space may map
 * @slots: which slots are in use
 * @pages: the pages by their number; allocated at need, freed with all the rest
 * @lock: serialises the allocation of pages
 * @slot_size: bytes of a slot, a power of two
 * @nr_slots: how many there may be
 */
struct fusion_state {
	struct ida slots;
	struct xarray pages;
	struct mutex lock;	/* allocation of pages */
	u32 slot_size;
	u32 nr_slots;
};

void fusion_state_init(struct fusion_state *state, u32 slot_size, u32 nr_slots);
void fusion_state_fini(struct fusion_state *state);
void *fusion_state_alloc(struct fusion_state *state, u32 *slot);
void fusion_state_free(struct fusion_state *state, u32 slot);
struct page *fusion_state_page(struct fusion_state *state, unsigned long index);

/* The pages of a window, and where a member's references begin in its own one. */
#define FUSION_WORLD_WINDOW	((u64)FUSION_MAX_OBJECTS * DRM_FUSION_STATE_SIZE)
#define FUSION_OWN_REFS		((u64)FUSION_MAX_THREADS * sizeof(struct drm_fusion_thread_state))
#define FUSION_OWN_WINDOW \
	(FUSION_OWN_REFS + (u64)FUSION_MAX_OBJECTS * sizeof(struct drm_fusion_ref_local))

/*
 * object.c: what has a number in a world
 */

/**
 * struct fusion_type - one kind of objects
 * @name: in listings
 * @create: makes an object that is not visible yet, from @args, whose offset it sets.
 *	May sleep. NULL: it has a request of its own.
 * @numbered: the object has its number now, and others may have found it already. May
 *	sleep. May be NULL.
 * @destroy: the object has no number any more: wakes all that wait for it with -EIDRM.
 *	Called once. May sleep.
 * @free: the last reference is gone. Atomic context possible: no sleeping.
 * @thread_gone: a thread is gone: releases what it has of this kind. May sleep.
 * @leave: a member goes, its threads are gone: drops what it has. May sleep.
 * @query: fills in a record of the object, but for what all kinds have
 */
struct fusion_type {
	const char *name;
	struct fusion_object *(*create)(struct fusion_member *member,
					struct drm_fusion_object_create *args);
	void (*numbered)(struct fusion_object *object);
	void (*destroy)(struct fusion_object *object);
	void (*free)(struct fusion_object *object);
	void (*thread_gone)(struct fusion_thread *thread);
	void (*leave)(struct fusion_member *member);
	void (*query)(struct fusion_object *object, struct drm_fusion_query_object *record);
};

/**
 * struct fusion_entry - what a front end keeps of an object
 * @free: the object is freed, and this with it. Atomic context possible: no sleeping.
 */
struct fusion_entry {
	void (*free)(struct fusion_entry *entry);
};

/**
 * struct fusion_object - head of all objects
 * @kref: references; the world's table has one
 * @type: its kind
 * @class: DRM_FUSION_*, constant
 * @id: its number, constant once it is in the table
 * @world: constant; the object keeps no reference: members do
 * @creator: number of the member that created it, constant
 * @lock: protects what its kind says, and @dead
 * @dead: it was destroyed
 * @name: protected by @lock
 * @entry: of the front end, owned, constant once it has a number; or NULL
 * @rcu: frees it
 */
struct fusion_object {
	struct kref kref;
	const struct fusion_type *type;
	u32 class;
	u32 id;
	struct fusion_world *world;
	u32 creator;
	spinlock_t lock;	/* what its kind says, and dead */
	bool dead;
	char name[DRM_FUSION_NAME_LEN];
	struct fusion_entry *entry;
	struct rcu_head rcu;
};

void fusion_object_init(struct fusion_object *object, u32 class, struct fusion_member *member,
			const u8 *name);
int fusion_object_add(struct fusion_object *object);
struct fusion_object *fusion_object_find(struct fusion_world *world, u32 class, u32 id);
void fusion_object_get(struct fusion_object *object);
void fusion_object_put(struct fusion_object *object);
struct fusion_object *fusion_object_make(struct fusion_member *member,
					 struct drm_fusion_object_create *args);
int fusion_object_publish(struct fusion_object *object);
int fusion_object_create(struct fusion_member *member, void *data);
int fusion_object_destroy(struct fusion_member *member, void *data);
int fusion_object_rename(struct fusion_member *member, void *data);
void fusion_object_remove(struct fusion_object *object);
void fusion_objects_thread_gone(struct fusion_thread *thread);
void fusion_objects_leave(struct fusion_member *member);
void fusion_objects_end(struct fusion_world *world);
void fusion_object_record(struct fusion_object *object, struct drm_fusion_query_object *record);
int fusion_objects_query(struct fusion_member *member, struct drm_fusion_query *args);
u64 fusion_types_known(void);

/*
 * payload.c: data and buffers on their way
 */

/**
 * struct fusion_front - what the front end does for the engine
 * @patient: its threads wait also where no end is in sight: see graph.c
 * @short_serials: it has 32 bits for the serials of executions
 * @get: the buffer behind a handle of the member, with a reference, or ERR_PTR
 * @hold: takes one more reference. Atomic context is possible.
 * @put: drops a reference. May sleep.
 * @install: gives the member a handle of a buffer
 * @remove: takes a handle back
 * @create: makes a buffer of so many bytes, whole pages: with a reference, or ERR_PTR
 * @size: bytes of a buffer, whole pages
 * @event: tells the member something, in place of a message in its queue: see
 *	fusion_queue_event(). May sleep. NULL: it reads its queue.
 * @closed: the member gets no more messages. May sleep. May be NULL.
 * @free: the member is freed. Atomic context is possible. May be NULL.
 */
struct fusion_front {
	bool patient;
	bool short_serials;
	void *(*get)(struct fusion_member *member, u32 handle);
	void (*hold)(void *buffer);
	void (*put)(void *buffer);
	int (*install)(struct fusion_member *member, void *buffer, u32 *handle);
	void (*remove)(struct fusion_member *member, u32 handle);
	void *(*create)(struct fusion_member *member, u64 size);
	u64 (*size)(void *buffer);
	void (*event)(struct fusion_member *member, u32 type, u32 object, u64 arg);
	void (*closed)(struct fusion_member *member);
	void (*free)(struct fusion_member *member);
};

/**
 * struct fusion_payload - data and buffers of a message, shared by all its receivers
 * @refs: messages that have it
 * @world: to which its memory is charged, with a reference
 * @front: to drop the buffers
 * @charged: bytes
 * @size: bytes of @data
 * @nr_buffers: number of @buffers
 * @buffers: of the front end, each with a reference; behind @data
 * @data: copied from the sender, once
 */
struct fusion_payload {
	refcount_t refs;
	struct fusion_world *world;
	const struct fusion_front *front;
	size_t charged;
	u32 size;
	u32 nr_buffers;
	void **buffers;
	u8 data[] __aligned(sizeof(void *));
};

struct fusion_payload *fusion_payload_from_user(struct fusion_member *member,
						const struct drm_fusion_payload *args);
void fusion_payload_get(struct fusion_payload *payload);
void fusion_payload_put(struct fusion_payload *payload);
int fusion_payload_install(struct fusion_member *member, struct fusion_payload *payload,
			   u32 *handles);
void fusion_payload_remove(struct fusion_member *member, struct fusion_payload *payload,
			   const u32 *handles);

/*
 * queue.c: messages that wait for a member
 */

/**
 * struct fusion_lane - messages of a queue that share one limit
 * @messages: oldest first. All of it is protected by the lock of the queue.
 * @nr: places that are taken, by messages or by senders that will put one there
 * @limit: places that there are
 * @closed: nothing more comes in
 * @senders: struct fusion_waiter, wait for a place
 */
struct fusion_lane {
	struct list_head messages;
	u32 nr;
	u32 limit;
	bool closed;
	struct list_head senders;
};

/**
 * struct fusion_message - a message for one member
 * @link: in a queue, or in what a thread has read and not processed yet
 * @in_lane: in the messages of its lane, while it is in the queue
 * @lane: where it takes a place; NULL: that of the queue for messages of members. It
 *	lives until the message is taken or done.
 * @event: its head; base.length, size and nr_handles are set when it is read
 * @payload: data and buffers, or NULL. Owned.
 * @exec: of a synchronous call: the execution, with a reference, or NULL
 * @wanted: asked when its turn comes: false if nobody wants it any more, then it is
 *	done at once. Called without locks. May be NULL.
 * @taken: a thread has read it. Called in the context of the reader, may sleep. May be
 *	NULL. It may set @done to NULL: then the message ends here.
 * @done: it was processed, or will never be, because the reader or the member is gone.
 *	Called once for each message that was posted, without locks, may sleep. The
 *	queue frees the message with kfree() after that. May be NULL.
 * @quiet: it does not wake a reader up
 * @private: for the one who has posted it
 */
struct fusion_message {
	struct list_head link;
	struct list_head in_lane;
	struct fusion_lane *lane;
	struct drm_fusion_event event;
	struct fusion_payload *payload;
	struct fusion_exec *exec;
	bool (*wanted)(struct fusion_message *message);
	void (*taken)(struct fusion_message *message, struct fusion_thread *reader);
	void (*done)(struct fusion_message *message, struct fusion_member *member);
	bool quiet;
	void *private;
};

/**
 * struct fusion_queue - messages of a member
 * @lock: protects all of it, and its lanes
 * @messages: of all lanes, oldest first
 * @members: lane of what members send and call
 * @events: lane of what the kernel itself has to say
 * @nr: how many messages there are
 * @loud: how many of them wake readers up
 * @lost: how many there was no room for, since the last reader was told
 * @bytes: of data
 * @closed: the member goes: nothing more comes in
 * @readers: struct fusion_waiter, wait for messages
 * @pollers: wait in poll()
 */
struct fusion_queue {
	spinlock_t lock;	/* all of it, and its lanes */
	struct list_head messages;
	struct fusion_lane members;
	struct fusion_lane events;
	u32 nr;
	u32 loud;
	u32 lost;
	u64 bytes;
	bool closed;
	struct list_head readers;
	wait_queue_head_t pollers;
};

struct fusion_message *fusion_message_alloc(u32 type, u32 sender);
void fusion_message_free(struct fusion_message *message);
void fusion_queue_init(struct fusion_queue *queue);
int fusion_queue_post(struct fusion_thread *sender, struct fusion_member *member,
		      struct fusion_message *message, ktime_t deadline);
void fusion_queue_announce(struct fusion_member *member, struct fusion_message *message);
void fusion_queue_event(struct fusion_member *member, u32 type, u32 object, u64 arg);
void fusion_lane_init(struct fusion_lane *lane, u32 limit);
void fusion_lane_limit(struct fusion_member *member, struct fusion_lane *lane, u32 limit);
void fusion_lane_close(struct fusion_member *member, struct fusion_lane *lane);
int fusion_lane_reserve(struct fusion_thread *sender, struct fusion_member *member,
			struct fusion_lane *lane, ktime_t deadline);
void fusion_lane_cancel(struct fusion_member *member, struct fusion_lane *lane);
int fusion_lane_post(struct fusion_member *member, struct fusion_message *message);
bool fusion_lane_drop(struct fusion_member *member, struct fusion_lane *lane);
void fusion_queue_drop(struct fusion_exec *exec);
void fusion_queue_lost(struct fusion_member *member);
ssize_t fusion_queue_read(struct fusion_thread *reader, char __user *buffer, size_t size,
			  ktime_t deadline);
bool fusion_queue_readable(struct fusion_member *member);
void fusion_queue_close(struct fusion_member *member);
void fusion_queue_processed(struct fusion_thread *reader);
int fusion_message_send(struct fusion_member *member, void *data);

/*
 * thread.c: threads of members
 */

/**
 * struct fusion_thread - a thread that holds, waits or serves
 * @kref: references; the member's table has one until the thread is gone
 * @member: constant, with a reference
 * @token: number in the world, constant
 * @slot: of @state
 * @state: what it says that it holds, in the member's own window. Not to be believed.
 * @pid: the thread, with a reference
 * @gone: it was released. Protected by the member's lock.
 * @noted: numbers of skirmishes that the kernel keeps note of. Changed by the thread
 *	alone.
 * @lock: protects @unprocessed
 * @unprocessed: messages that it has read, until it reads again
 * @interrupted: the execution that a signal has kept it from waiting for, with a
 *	reference, or NULL. Used by the thread itself, or by who releases it.
 * @properties: what it owns, protected by the member's lock
 * @waiting: it is in fusion_wait(). Set by the thread itself.
 * @look: it is to look whether its wait still makes sense
 * @waits_for: class of what it waits for, or zero. This and what follows is protected
 *	by the world's waits_lock.
 * @skirmish: what it waits for, if that is a skirmish
 * @exec: what it waits for, if that is a call
 * @serving: the execution that it runs, the innermost one
 * @server: it has received messages, so it may run calls
 * @refused: what it wanted to wait for, if it was told EDEADLK then; else its type is zero
 * @stamp: of the last search that has met it
 * @found: in the list of that search
 * @rcu: frees it
 */
struct fusion_thread {
	struct kref kref;
	struct fusion_member *member;
	u32 token;
	u32 slot;
	struct drm_fusion_thread_state *state;
	struct pid *pid;
	bool gone;
	spinlock_t lock;	/* unprocessed */
	struct xarray noted;
	struct list_head unprocessed;
	struct fusion_exec *interrupted;
	struct list_head properties;
	bool waiting;
	bool look;
	u32 waits_for;
	struct fusion_object *skirmish;
	struct fusion_exec *exec;
	struct fusion_exec *serving;
	bool server;
	struct drm_fusion_query_wait refused;
	u64 stamp;
	struct list_head found;
	struct rcu_head rcu;
};

struct fusion_thread *fusion_thread_current(struct fusion_member *member);
struct fusion_thread *fusion_thread_find(struct fusion_world *world, u32 token);
void fusion_thread_get(struct fusion_thread *thread);
void fusion_thread_put(struct fusion_thread *thread);
bool fusion_thread_alive(struct fusion_thread *thread);
void fusion_thread_release(struct fusion_thread *thread);
void fusion_threads_leave(struct fusion_member *member);
int fusion_thread_request(struct fusion_member *member, void *data);

/*
 * wait.c: how threads wait, and for whom
 */

/* How often threads that wait look whether the owner has died without a word. */
#define FUSION_RECHECK	NSEC_PER_SEC

/**
 * struct fusion_waiter - a thread that waits, on its stack
 * @link: in the list of the object, protected by the object's lock
 * @thread: who waits
 * @task: current
 * @killable: only a signal that kills it ends the wait
 * @done: it was woken up with @status. Set last.
 * @status: the result for the waiter
 * @private: for the object
 */
struct fusion_waiter {
	struct list_head link;
	struct fusion_thread *thread;
	struct task_struct *task;
	bool killable;
	bool done;
	int status;
	unsigned long private;
};

void fusion_waiter_init(struct fusion_waiter *waiter, struct fusion_thread *thread);
int fusion_wait(struct fusion_waiter *waiter, ktime_t deadline);
void fusion_wake(struct fusion_waiter *waiter, int status);
void fusion_wake_all(struct list_head *waiters, int status);
void fusion_waits_end(struct fusion_member *member);
void fusion_waits_round(struct work_struct *work);

/*
 * skirmish.c, skirmish-life.c: locks
 */

/**
 * struct fusion_skirmish - a recursive lock of threads
 * @base: head; its lock protects what follows
 * @slot: of @state
 * @state: word and count, shared with user space and not to be believed
 * @died: an owner died in it, and nobody has said since that it is consistent
 * @waiters: struct fusion_waiter of those who want it, longest first
 * @sleepers: those who wait for a notification, longest first
 * @notified: how many notifications there were
 * @lent: struct fusion_lent, the innermost call first: to whom it goes back
 */
struct fusion_skirmish {
	struct fusion_object base;
	u32 slot;
	struct drm_fusion_skirmish_state *state;
	bool died;
	struct list_head waiters;
	struct list_head sleepers;
	u32 notified;
	struct list_head lent;
};

static inline struct fusion_skirmish *fusion_to_skirmish(struct fusion_object *object)
{
	return container_of(object, struct fusion_skirmish, base);
}

/* skirmish-life.c */
extern const struct fusion_type fusion_skirmish_type;

/* skirmish.c */
int fusion_skirmish_lock(struct fusion_member *member, void *data);
int fusion_skirmish_unlock(struct fusion_member *member, void *data);
int fusion_skirmish_consistent(struct fusion_member *member, void *data);
int fusion_skirmish_take(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
			 u32 flags, ktime_t deadline);
int fusion_skirmish_release(struct fusion_skirmish *skirmish, struct fusion_thread *thread);
u32 fusion_skirmish_count(struct fusion_skirmish *skirmish, struct fusion_thread *thread);
u32 fusion_skirmish_freeze(struct fusion_skirmish *skirmish);
void fusion_skirmish_write(struct fusion_skirmish *skirmish, u32 token);
void fusion_skirmish_give(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter);
void fusion_skirmish_pass_on(struct fusion_skirmish *skirmish);
void fusion_skirmish_write_id(struct fusion_skirmish *skirmish);
void fusion_skirmish_settle(struct fusion_skirmish *skirmish);
void fusion_skirmish_bury_owner(struct fusion_skirmish *skirmish);
void fusion_skirmish_give_up(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter);
int fusion_skirmish_queue_up(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter);
int fusion_skirmish_begin(struct fusion_member *member, u32 id,
			  struct fusion_skirmish **skirmish, struct fusion_thread **thread);
void fusion_skirmish_end(struct fusion_skirmish *skirmish, struct fusion_thread *thread);
int fusion_skirmish_check(struct fusion_skirmish *skirmish, struct fusion_thread *thread);

/*
 * skirmish-wait.c: wait and notify
 */

/**
 * struct fusion_resume - how to go on with a wait that a signal has ended
 * @count: how often the thread had locked the skirmish
 * @notified: how many notifications there were when it began to wait
 */
struct fusion_resume {
	u32 count;
	u32 notified;
};

int fusion_skirmish_wait(struct fusion_member *member, void *data);
int fusion_skirmish_wait_resumable(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
				   ktime_t deadline, struct fusion_resume *resume);
int fusion_skirmish_notify(struct fusion_member *member, void *data);
void fusion_sleepers_end(struct fusion_skirmish *skirmish);
u32 fusion_sleepers_count(struct fusion_skirmish *skirmish);

/*
 * skirmish-lend.c: what a thread has from its callers
 */

/**
 * struct fusion_lent - a skirmish that was lent for the length of a call
 * @link: in the list of the skirmish, protected by its lock, as all but @given
 * @given: in the list of the execution, protected by the world's waits_lock
 * @skirmish: with a reference, constant
 * @exec: in which it was lent, constant. Without a reference: it gives all back when it
 *	ends.
 * @from: who has lent it, with a reference
 * @count: how often that one has locked it
 */
struct fusion_lent {
	struct list_head link;
	struct list_head given;
	struct fusion_skirmish *skirmish;
	struct fusion_exec *exec;
	struct fusion_thread *from;
	u32 count;
};

struct fusion_lent *fusion_lent_by(struct fusion_skirmish *skirmish, struct fusion_thread *thread);
bool fusion_lent_begin(struct fusion_skirmish *skirmish, struct fusion_thread *thread, u32 owner,
		       struct fusion_lent **new);
void fusion_lent_end(struct fusion_skirmish *skirmish, struct fusion_lent *lent);
void fusion_lent_leave(struct fusion_skirmish *skirmish, struct fusion_lent *lent);
void fusion_lents_end(struct fusion_skirmish *skirmish);
void fusion_skirmish_return(struct fusion_exec *exec);
void fusion_thread_dispatches(struct fusion_thread *thread);
void fusion_skirmish_claim(struct fusion_skirmish *skirmish, struct fusion_thread *thread);
void fusion_skirmish_offer(struct fusion_exec *exec);

/*
 * ref.c, ref-zero.c: counted references
 */

/**
 * struct fusion_ref_zero - a watcher to be called
 * @watched: there is one
 * @call: number of the call, or zero for a message
 * @arg: with it
 */
struct fusion_ref_zero {
	bool watched;
	u32 call;
	u64 arg;
};

extern const struct fusion_type fusion_ref_type;
int fusion_ref_attach(struct fusion_member *member, void *data);
int fusion_ref_count(struct fusion_member *member, void *data);
int fusion_ref_count_told(struct fusion_member *member, const struct drm_fusion_ref_count *args,
			  struct fusion_ref_zero *zero);
int fusion_refs_copy(struct fusion_member *from, struct fusion_member *to);
int fusion_ref_zero_lock(struct fusion_member *member, void *data);
int fusion_ref_zero_unlock(struct fusion_member *member, void *data);
int fusion_ref_watch(struct fusion_member *member, void *data);
int fusion_ref_inherit(struct fusion_member *member, void *data);
int fusion_ref_throw(struct fusion_member *member, void *data);
int fusion_ref_catch(struct fusion_member *member, void *data);
int fusion_ref_stat(struct fusion_member *member, void *data);

/*
 * property.c: what one thread owns
 */
extern const struct fusion_type fusion_property_type;
int fusion_property_take(struct fusion_member *member, void *data);
int fusion_property_cede(struct fusion_member *member, void *data);
int fusion_property_holdup(struct fusion_member *member, void *data);

/*
 * call.c: calls
 */

/**
 * struct fusion_call - a procedure that a member runs for others
 * @base: head; its lock protects what follows
 * @handler: the member that created it, with a reference
 * @context: for the handler, constant
 * @link: in the member's calls, protected by the member's lock
 * @execs: executions that wait for a reply
 * @nr_execs: how many
 */
struct fusion_call {
	struct fusion_object base;
	struct fusion_member *handler;
	u64 context;
	struct list_head link;
	struct list_head execs;
	u32 nr_execs;
};

extern const struct fusion_type fusion_call_type;
int fusion_call_lost(struct fusion_call *call);
int fusion_call_execute(struct fusion_member *member, void *data);
int fusion_call_reply(struct fusion_member *member, void *data);
int fusion_receive(struct fusion_member *member, void *data);
int fusion_call_from_kernel(struct fusion_world *world, u32 id, u64 arg);

/*
 * exec.c: executions of calls
 */

/**
 * struct fusion_exec - one synchronous call on its way
 * @kref: references: caller, message, and the handler's table until it is over
 * @call: the call, with a reference
 * @handler: who runs it, with a reference
 * @caller: thread that waits for the reply, with a reference
 * @slot: in the handler's table, constant
 * @round: names it in the reply, with @slot, constant
 * @room: bytes of data that the caller takes, constant
 * @handles: whether the caller takes buffers, constant
 * @link: in the call's executions, protected by the call's lock as what follows
 * @waiter: how to wake the caller up, or NULL
 * @ending: somebody ends it, see exec.c
 * @status: 0 if there is a reply, else a negative errno. Final when it has ended, as
 *	what follows.
 * @result: of the handler
 * @reply: data and buffers of the reply, or NULL
 * @ended: it has ended
 * @message: while it is in the queue of the handler, protected by the lock of the queue
 * @server: thread that runs it or has run it, with a reference, or NULL if nobody has
 *	taken it. This and what follows is protected by the world's waits_lock.
 * @outer: what @server runs beside it and took before, or NULL
 * @inner: what @server runs beside it and took after it, or NULL
 * @over: nobody will run it any more
 * @lent: struct fusion_lent, skirmishes that @server has got from the callers
 */
struct fusion_exec {
	struct kref kref;
	struct fusion_call *call;
	struct fusion_member *handler;
	struct fusion_thread *caller;
	u32 slot;
	u32 round;
	u32 room;
	bool handles;
	struct list_head link;
	struct fusion_waiter *waiter;
	bool ending;
	int status;
	s32 result;
	struct fusion_payload *reply;
	struct completion ended;
	struct fusion_message *message;
	struct fusion_thread *server;
	struct fusion_exec *outer;
	struct fusion_exec *inner;
	bool over;
	struct list_head lent;
};

struct fusion_exec *fusion_exec_create(struct fusion_call *call, struct fusion_thread *caller,
				       u32 room, bool handles);
void fusion_exec_get(struct fusion_exec *exec);
void fusion_exec_put(struct fusion_exec *exec);
u64 fusion_exec_serial(const struct fusion_exec *exec);
struct fusion_exec *fusion_exec_find(struct fusion_member *handler, u64 serial);
void fusion_exec_take(struct fusion_exec *exec, struct fusion_thread *server);
bool fusion_exec_end(struct fusion_exec *exec, int status, s32 result,
		     struct fusion_payload *reply);
int fusion_exec_wait(struct fusion_exec *exec, ktime_t deadline);
void fusion_execs_end(struct fusion_call *call, int status);
void fusion_execs_thread_gone(struct fusion_thread *thread);
void fusion_exec_abandon(struct fusion_thread *thread);

/*
 * reactor.c, reactor-dispatch.c: broadcasts
 */
extern const struct fusion_type fusion_reactor_type;
int fusion_reactor_attach(struct fusion_member *member, void *data);
int fusion_reactor_detach(struct fusion_member *member, void *data);
int fusion_reactor_dispatch(struct fusion_member *member, void *data);
int fusion_reactor_close(struct fusion_object *object);
bool fusion_reactor_closed(struct fusion_object *object);
int fusion_reactor_each(struct fusion_object *object, u32 nr,
			int (*visit)(struct fusion_member *member, void *data), void *data);
int fusion_reactors_copy(struct fusion_member *from, struct fusion_member *to);

/*
 * buffer.c, pool.c: shared memory
 */
#define FUSION_BUFFER_BITS	6	/* of the table of what a member shares */

extern const struct fusion_type fusion_buffer_type;
extern const struct fusion_type fusion_pool_type;
int fusion_buffer_create(struct fusion_member *member, void *data);
int fusion_buffer_share(struct fusion_member *member, void *data);
int fusion_buffer_open(struct fusion_member *member, void *data);
int fusion_pool_grow(struct fusion_member *member, void *data);
int fusion_pool_segments(struct fusion_member *member, void *data);

/*
 * graph.c: who waits for whom
 */
int fusion_graph_wait_skirmish(struct fusion_thread *thread, struct fusion_skirmish *skirmish,
			       const struct fusion_thread *owner);
int fusion_graph_wait_exec(struct fusion_thread *thread, struct fusion_exec *exec);
void fusion_graph_done(struct fusion_thread *thread);
bool fusion_wait_record(struct fusion_thread *thread, struct drm_fusion_query_wait *record);
int fusion_waits_query(struct fusion_member *member, struct drm_fusion_query *args);

/*
 * member.c: processes in a world
 */

/**
 * struct fusion_member - an open file that is in a world
 * @kref: references
 * @active: requests at work, and one until it leaves
 * @idle: @active is zero
 * @leaving: it is on its way out: waits end. Set once.
 * @world: with a reference
 * @id: its number, constant
 * @pid: the process, with a reference
 * @name: constant
 * @front: functions of the front end
 * @file: of the front end
 * @lock: protects the lists below
 * @threads: registered threads by their number in the first pid namespace
 * @nr_threads: how many
 * @recent: one of @threads, the first one to look at, or NULL. Read under RCU.
 * @dispatcher: the thread that alone takes its calls, or NULL if each one may that reads.
 *	Protected by the world's waits_lock.
 * @refs: what it has of references (struct fusion_ref_local)
 * @listens: its attachments to reactors
 * @calls: calls that it handles
 * @execs: executions that it is to reply to, by their slot. Slot 1 is always in use, so
 *	that the table keeps its memory.
 * @next_round: counts them
 * @nr_properties: how many properties its threads own
 * @pools: of which it has opened segments
 * @buffers: what it shares (struct fusion_buffer), a hash table
 * @own_threads: states of its threads, at the beginning of its own window
 * @own_refs: its local counts, at FUSION_OWN_REFS
 * @queue: messages for it
 * @rcu: frees it
 */
struct fusion_member {
	struct kref kref;
	refcount_t active;
	struct completion idle;
	bool leaving;
	struct fusion_world *world;
	u32 id;
	struct pid *pid;
	char name[DRM_FUSION_NAME_LEN];
	const struct fusion_front *front;
	void *file;
	spinlock_t lock;	/* the lists below */
	struct xarray threads;
	u32 nr_threads;
	struct fusion_thread *recent;
	struct fusion_thread *dispatcher;
	struct list_head refs;
	struct list_head listens;
	struct list_head calls;
	struct xarray execs;
	atomic_t next_round;
	u32 nr_properties;
	struct list_head pools;
	struct hlist_head buffers[1 << FUSION_BUFFER_BITS];
	struct fusion_state own_threads;
	struct fusion_state own_refs;
	struct fusion_queue queue;
	struct rcu_head rcu;
};

bool fusion_member_going(const struct fusion_member *member);
struct fusion_member *fusion_member_create(struct fusion_world *world, const u8 *name,
					   const struct fusion_front *front, void *file);
void fusion_member_leave(struct fusion_member *member);
bool fusion_member_enter(struct fusion_member *member);
void fusion_member_exit(struct fusion_member *member);
struct fusion_member *fusion_member_find(struct fusion_world *world, u32 id);
void fusion_member_get(struct fusion_member *member);
void fusion_member_put(struct fusion_member *member);
void fusion_member_record(struct fusion_member *member, struct drm_fusion_query_member *record);
int fusion_members_query(struct fusion_member *member, struct drm_fusion_query *args);
struct page *fusion_member_page(struct fusion_member *member, unsigned long index);

/*
 * listing.c: for people
 */
void fusion_show_worlds(struct seq_file *m);
void fusion_show_members(struct seq_file *m);
void fusion_show_objects(struct seq_file *m);
void fusion_show_waits(struct seq_file *m);
void fusion_member_show(struct fusion_member *member, struct seq_file *m);

/*
 * world.c
 */

/**
 * struct fusion_world - what its members share
 * @kref: references of members, exported file descriptors and payloads
 * @nr: number in listings, constant
 * @flags: DRM_FUSION_WORLD_*, constant
 * @max_members: limit, constant
 * @max_objects: limit, constant
 * @max_memory: limit, constant
 * @name: constant
 * @lock: serialises joining, leaving, and which reference inherits from which. Taken before
 *	all other locks.
 * @members: by their number
 * @nr_members: how many, protected by @lock
 * @next_member: number of the next one, protected by @lock
 * @ended: no more members, requests fail. Set once, under @lock.
 * @objects: tables of objects by kind
 * @next_object: where the search for a free number goes on, for each kind
 * @nr_objects: how many
 * @memory: bytes charged
 * @threads: by their token
 * @next_token: where the search for a free token goes on
 * @waits_lock: protects who waits for whom: see graph.c. Innermost.
 * @stamp: number of the last search for circles, protected by @waits_lock
 * @nr_waiting: threads in fusion_wait()
 * @rounds: @round is on its way, with a reference: see wait.c
 * @round: looks after those who wait
 * @state: of skirmishes and references
 * @ranges_lock: protects @ranges
 * @ranges: which addresses pools have, a bit for each unit; allocated with the first pool
 * @link: in the list of all worlds
 * @free: frees it, for the last reference may go where nothing may sleep
 */
struct fusion_world {
	struct kref kref;
	u32 nr;
	u32 flags;
	u32 max_members;
	u32 max_objects;
	u64 max_memory;
	char name[DRM_FUSION_NAME_LEN];
	struct mutex lock;	/* joining, leaving, inheriting */
	struct xarray members;
	u32 nr_members;
	u32 next_member;
	bool ended;
	struct xarray objects[DRM_FUSION_TYPES];
	u32 next_object[DRM_FUSION_TYPES];
	atomic_t nr_objects;
	atomic64_t memory;
	struct xarray threads;
	u32 next_token;
	spinlock_t waits_lock;	/* who waits for whom */
	u64 stamp;
	atomic_t nr_waiting;
	bool rounds;
	struct delayed_work round;
	struct fusion_state state;
	spinlock_t ranges_lock;	/* ranges */
	unsigned long *ranges;
	struct list_head link;
	struct work_struct free;
};

struct fusion_world *fusion_world_create(const struct drm_fusion_world_create *args);
void fusion_world_get(struct fusion_world *world);
void fusion_world_put(struct fusion_world *world);
int fusion_world_export(struct fusion_member *member, void *data);
struct fusion_world *fusion_world_from_fd(int fd);
int fusion_world_charge(struct fusion_world *world, u64 bytes);
void fusion_world_uncharge(struct fusion_world *world, u64 bytes);
int fusion_world_info(struct fusion_member *member, void *data);
int fusion_query(struct fusion_member *member, void *data);
void fusion_world_end(struct fusion_world *world);
int fusion_world_broadcast(struct fusion_world *world, u32 except, u32 type, u64 arg);
int fusion_worlds_init(void);
void fusion_worlds_exit(void);
extern struct mutex fusion_worlds_lock;
extern struct list_head fusion_worlds;
extern struct workqueue_struct *fusion_wq;

/* Names of users are at most DRM_FUSION_NAME_LEN - 1 bytes, and printable. */
int fusion_name_check(const u8 *name);

#endif /* _FUSION_H */
