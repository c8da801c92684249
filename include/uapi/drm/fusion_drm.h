/* SPDX-License-Identifier: MIT */
/*
 * User interface of the fusion render node: processes that share locks, counters,
 * messages, calls and buffers, and that survive each other's crashes.
 *
 * Rules that hold for all requests:
 *
 * - Flags that have no name here, and members called pad or reserved, must be zero:
 *   else EINVAL.
 * - A timeout is absolute, in nanoseconds of CLOCK_MONOTONIC. DRM_FUSION_FOREVER
 *   waits without end, a time that has passed does not wait. ETIMEDOUT when it ends.
 * - What sleeps can be interrupted by a signal: EINTR. The same request with the
 *   same argument goes on where it was.
 * - ENOTCONN: this open file is no member of a world. EPERM: it is one of another
 *   process (after fork()). ESHUTDOWN: the world has ended, or the member leaves.
 * - ENOENT: there is no object with that number. EIDRM: it was destroyed meanwhile.
 */
#ifndef _UAPI_DRM_FUSION_DRM_H
#define _UAPI_DRM_FUSION_DRM_H

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_FUSION_FOREVER	0x7fffffffffffffffLL
#define DRM_FUSION_NAME_LEN	32	/* with the zero byte at the end */

/* Kinds of objects. Each kind has numbers of its own, from 1. */
#define DRM_FUSION_SKIRMISH	1	/* recursive lock of a thread, with wait and notify */
#define DRM_FUSION_REF		2	/* counted reference */
#define DRM_FUSION_REACTOR	3	/* broadcast */
#define DRM_FUSION_CALL		4	/* procedure that a member runs for others */
#define DRM_FUSION_PROPERTY	5	/* ownership by lease or purchase */
#define DRM_FUSION_POOL		6	/* shared memory that grows */
#define DRM_FUSION_BUFFER	7	/* GEM object of the world */
#define DRM_FUSION_TYPES	8

#define DRM_FUSION_GET_PARAM		0x00
#define DRM_FUSION_WORLD_CREATE		0x01
#define DRM_FUSION_WORLD_EXPORT		0x02
#define DRM_FUSION_WORLD_JOIN		0x03
#define DRM_FUSION_WORLD_LEAVE		0x04
#define DRM_FUSION_WORLD_INFO		0x05
#define DRM_FUSION_QUERY		0x06
#define DRM_FUSION_THREAD		0x07
#define DRM_FUSION_OBJECT_CREATE	0x08
#define DRM_FUSION_OBJECT_DESTROY	0x09
#define DRM_FUSION_OBJECT_NAME		0x0a
#define DRM_FUSION_MESSAGE_SEND		0x0b

#define DRM_FUSION_SKIRMISH_LOCK	0x10
#define DRM_FUSION_SKIRMISH_UNLOCK	0x11
#define DRM_FUSION_SKIRMISH_WAIT	0x12
#define DRM_FUSION_SKIRMISH_NOTIFY	0x13
#define DRM_FUSION_SKIRMISH_CONSISTENT	0x14

#define DRM_FUSION_REF_ATTACH		0x18
#define DRM_FUSION_REF_COUNT		0x19
#define DRM_FUSION_REF_ZERO_LOCK	0x1a
#define DRM_FUSION_REF_UNLOCK		0x1b
#define DRM_FUSION_REF_WATCH		0x1c
#define DRM_FUSION_REF_INHERIT		0x1d
#define DRM_FUSION_REF_THROW		0x1e
#define DRM_FUSION_REF_CATCH		0x1f
#define DRM_FUSION_REF_STAT		0x20

#define DRM_FUSION_REACTOR_ATTACH	0x24
#define DRM_FUSION_REACTOR_DETACH	0x25
#define DRM_FUSION_REACTOR_DISPATCH	0x26

#define DRM_FUSION_CALL_EXECUTE		0x2c
#define DRM_FUSION_CALL_REPLY		0x2d
#define DRM_FUSION_RECEIVE		0x2e

#define DRM_FUSION_PROPERTY_TAKE	0x34
#define DRM_FUSION_PROPERTY_CEDE	0x35
#define DRM_FUSION_PROPERTY_HOLDUP	0x36

#define DRM_FUSION_BUFFER_CREATE	0x3c
#define DRM_FUSION_BUFFER_MMAP		0x3d
#define DRM_FUSION_BUFFER_SHARE		0x3e
#define DRM_FUSION_BUFFER_OPEN		0x3f
#define DRM_FUSION_POOL_GROW		0x40
#define DRM_FUSION_POOL_SEGMENTS	0x41

/* What DRM_IOCTL_FUSION_GET_PARAM can be asked. */
#define DRM_FUSION_PARAM_FEATURES	1	/* DRM_FUSION_FEATURE_* */
#define DRM_FUSION_PARAM_MAX_MEMBERS	2	/* of a world, at most */
#define DRM_FUSION_PARAM_MAX_OBJECTS	3	/* of all kinds in a world, at most */
#define DRM_FUSION_PARAM_MAX_MEMORY	4	/* of a world, at most, in bytes */
#define DRM_FUSION_PARAM_MAX_PAYLOAD	5	/* of a message or call, in bytes */

#define DRM_FUSION_FEATURE_WORLD	(1ULL << 0)
#define DRM_FUSION_FEATURE_SKIRMISH	(1ULL << DRM_FUSION_SKIRMISH)
#define DRM_FUSION_FEATURE_REF		(1ULL << DRM_FUSION_REF)
#define DRM_FUSION_FEATURE_REACTOR	(1ULL << DRM_FUSION_REACTOR)
#define DRM_FUSION_FEATURE_CALL		(1ULL << DRM_FUSION_CALL)
#define DRM_FUSION_FEATURE_PROPERTY	(1ULL << DRM_FUSION_PROPERTY)
#define DRM_FUSION_FEATURE_POOL		(1ULL << DRM_FUSION_POOL)
#define DRM_FUSION_FEATURE_BUFFER	(1ULL << DRM_FUSION_BUFFER)

/**
 * struct drm_fusion_get_param - argument of DRM_IOCTL_FUSION_GET_PARAM
 * @param: in: DRM_FUSION_PARAM_*
 * @value: out: what it is
 *
 * EINVAL for a parameter that this driver does not know.
 */
struct drm_fusion_get_param {
	__u64 param;
	__u64 value;
};

/*
 * Worlds
 */

/* The world goes on when its first member is gone, instead of ending for all. */
#define DRM_FUSION_WORLD_SURVIVE	(1 << 0)
/* DRM_IOCTL_FUSION_PROPERTY_HOLDUP may kill the process that has purchased. */
#define DRM_FUSION_WORLD_HOLDUP_KILLS	(1 << 1)

/**
 * struct drm_fusion_world_create - argument of DRM_IOCTL_FUSION_WORLD_CREATE
 * @flags: in: DRM_FUSION_WORLD_*
 * @max_members: in: limit, zero for the largest
 * @max_objects: in: limit for objects of all kinds, zero for the largest
 * @member: out: number of the caller in the world: 1
 * @max_memory: in: limit in bytes for buffers and what waits in queues, zero for the
 *	largest
 * @world_name: in: name to show, ended by a zero byte
 * @member_name: in: name of the caller, ended by a zero byte
 *
 * Makes a world with the caller as its first member. EISCONN: this open file is
 * already member of a world.
 */
struct drm_fusion_world_create {
	__u32 flags;
	__u32 max_members;
	__u32 max_objects;
	__u32 member;
	__u64 max_memory;
	__u8 world_name[DRM_FUSION_NAME_LEN];
	__u8 member_name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_world_export - argument of DRM_IOCTL_FUSION_WORLD_EXPORT
 * @flags: in: must be zero
 * @fd: out: file descriptor, closed on exec, that lets its holder join the world
 */
struct drm_fusion_world_export {
	__u32 flags;
	__s32 fd;
};

/**
 * struct drm_fusion_world_join - argument of DRM_IOCTL_FUSION_WORLD_JOIN
 * @fd: in: file descriptor that DRM_IOCTL_FUSION_WORLD_EXPORT gave
 * @flags: in: must be zero
 * @member: out: number of the caller in the world, never used again for others
 * @pad: in: must be zero
 * @member_name: in: name of the caller, ended by a zero byte
 *
 * EBADF: no file descriptor. EINVAL: not one of a world. EISCONN: already member of
 * a world. EUSERS: the world has all the members that it may have.
 */
struct drm_fusion_world_join {
	__s32 fd;
	__u32 flags;
	__u32 member;
	__u32 pad;
	__u8 member_name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_world_info - argument of DRM_IOCTL_FUSION_WORLD_INFO
 * @flags: out: DRM_FUSION_WORLD_*
 * @member: out: number of the caller
 * @members: out: how many there are
 * @max_members: out: limit
 * @objects: out: how many there are, of all kinds
 * @max_objects: out: limit
 * @memory: out: bytes in use
 * @max_memory: out: limit
 * @state_size: out: bytes of the window of the world's state that may be mapped, at
 *	offset DRM_FUSION_MMAP_WORLD
 * @own_size: out: bytes of the window of the member's own state, at offset
 *	DRM_FUSION_MMAP_MEMBER
 * @address: out: where the address range begins that the world gives to its pools
 * @address_size: out: its size in bytes
 * @world_name: out: name
 */
struct drm_fusion_world_info {
	__u32 flags;
	__u32 member;
	__u32 members;
	__u32 max_members;
	__u32 objects;
	__u32 max_objects;
	__u64 memory;
	__u64 max_memory;
	__u64 state_size;
	__u64 own_size;
	__u64 address;
	__u64 address_size;
	__u8 world_name[DRM_FUSION_NAME_LEN];
};

/*
 * The state of skirmishes and references is in memory that members map, so that what
 * needs no other member needs no system call. Two windows: the one of the world is
 * the same for all its members, the other one belongs to the member alone. Both are
 * mapped shared, readable and writable, and not inherited by a child process. A word
 * is changed by compare and exchange only. The kernel believes none of the words:
 * wrong ones give errors to members of the same world.
 */
#define DRM_FUSION_MMAP_WORLD	0x00000000ULL
#define DRM_FUSION_MMAP_MEMBER	0x10000000ULL

/* State of an object in the window of the world, at drm_fusion_object_create.offset */
#define DRM_FUSION_STATE_SIZE	64

/* drm_fusion_skirmish_state.word */
#define DRM_FUSION_SKIRMISH_OWNER	0x00ffffff	/* token of a thread, or zero */
#define DRM_FUSION_SKIRMISH_SLOW	0x20000000	/* the kernel must unlock it */
#define DRM_FUSION_SKIRMISH_DIED	0x40000000	/* an owner died in it */
#define DRM_FUSION_SKIRMISH_WAITERS	0x80000000	/* somebody waits: as SLOW */

/**
 * struct drm_fusion_skirmish_state - state of a skirmish
 * @word: zero: free. Else the token of the thread that has it, and flags. A thread
 *	may change zero into its token, and its token back into zero when no flag is
 *	set and @count is 1; for all else it asks the kernel.
 * @count: how often the owner has locked it. Only the owner changes it.
 * @id: number of the skirmish. A thread that finds another one after it has changed
 *	@word changes it back: the skirmish was destroyed and its state is used again.
 * @pad: unused
 */
struct drm_fusion_skirmish_state {
	__u32 word;
	__u32 count;
	__u32 id;
	__u32 pad[13];
};

/* A count of a reference, global or local. */
#define DRM_FUSION_REF_MASK	0x3fffffff	/* the count */
#define DRM_FUSION_REF_GONE	0x40000000	/* it counts nothing any more: ask the kernel */
#define DRM_FUSION_REF_KERNEL	0x80000000	/* the kernel is asked from and to zero */

/*
 * Counts of references are changed together with the number behind them, by compare and
 * exchange of both, 8 bytes: a count that was given to another reference is left alone.
 * With DRM_FUSION_REF_KERNEL a count is not changed from zero to one or back, but by
 * DRM_IOCTL_FUSION_REF_COUNT, and with DRM_FUSION_REF_GONE not at all.
 */

/**
 * struct drm_fusion_ref_state - state of a reference
 * @global: its global count and DRM_FUSION_REF_*
 * @id: number of the reference, from the first DRM_IOCTL_FUSION_REF_ATTACH on
 * @pad: unused
 */
struct drm_fusion_ref_state {
	__u32 global;
	__u32 id;
	__u32 pad[14];
};

/**
 * struct drm_fusion_ref_local - what a member has of a reference, in its own window
 * @count: its local count and DRM_FUSION_REF_*
 * @id: number of the reference
 */
struct drm_fusion_ref_local {
	__u32 count;
	__u32 id;
};

#define DRM_FUSION_HELD_MAX	62

/**
 * struct drm_fusion_thread_state - what a thread holds, in its member's own window
 * @token: token of the thread, zero: unused. Written by the kernel.
 * @pad: unused
 * @held: numbers of skirmishes, zero for an unused entry. Before a thread changes
 *	the word of a skirmish into its token, it writes the number here, and it
 *	removes the number after it has changed the word back. So the kernel finds
 *	what a dead thread held, whatever instruction it died at. A thread that has
 *	no entry left locks with DRM_FUSION_LOCK_NOTE.
 */
struct drm_fusion_thread_state {
	__u32 token;
	__u32 pad;
	__u32 held[DRM_FUSION_HELD_MAX];
};

#define DRM_FUSION_THREAD_GONE	(1 << 0)	/* the thread will not come back */

/**
 * struct drm_fusion_thread - argument of DRM_IOCTL_FUSION_THREAD
 * @flags: in: zero to register the calling thread, DRM_FUSION_THREAD_GONE to end that:
 *	what it holds is released as if it had died
 * @token: out: its token, at most DRM_FUSION_SKIRMISH_OWNER
 * @offset: out: of its struct drm_fusion_thread_state in the member's own window
 *
 * Registering twice gives the same answer. EUSERS: the member has all the threads
 * that it may have.
 */
struct drm_fusion_thread {
	__u32 flags;
	__u32 token;
	__u64 offset;
};

/*
 * Objects
 */

/**
 * struct drm_fusion_object_create - argument of DRM_IOCTL_FUSION_OBJECT_CREATE
 * @type: in: DRM_FUSION_SKIRMISH to DRM_FUSION_POOL
 * @flags: in: must be zero
 * @id: out: its number
 * @pad: in: must be zero
 * @arg: in: of a call: given to the handler with each call; of a pool: its largest
 *	size in bytes, whole pages; else zero
 * @offset: out: of a skirmish or reference: where its state is in the window of the
 *	world; of a pool: the address that the world gives it; else zero
 * @name: in: name to show, ended by a zero byte
 *
 * ENOSPC: the world has all the objects that it may have, or no address range that is
 * large enough. ENOMEM: its memory limit, or the system's.
 */
struct drm_fusion_object_create {
	__u32 type;
	__u32 flags;
	__u32 id;
	__u32 pad;
	__u64 arg;
	__u64 offset;
	__u8 name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_object - argument of DRM_IOCTL_FUSION_OBJECT_DESTROY and others
 * @type: in: DRM_FUSION_*
 * @id: in: number of the object
 *
 * A destroyed object is gone for all members. Who waits for it gets EIDRM.
 */
struct drm_fusion_object {
	__u32 type;
	__u32 id;
};

/**
 * struct drm_fusion_object_name - argument of DRM_IOCTL_FUSION_OBJECT_NAME
 * @type: in: DRM_FUSION_*
 * @id: in: number of the object
 * @name: in: new name to show, ended by a zero byte
 *
 * EACCES: neither the first member nor the one that created it.
 */
struct drm_fusion_object_name {
	__u32 type;
	__u32 id;
	__u8 name[DRM_FUSION_NAME_LEN];
};

/*
 * Queries: what there is in the caller's world
 */
#define DRM_FUSION_QUERY_MEMBERS	0	/* struct drm_fusion_query_member */
#define DRM_FUSION_QUERY_OBJECTS	1	/* struct drm_fusion_query_object */
#define DRM_FUSION_QUERY_WAITS		2	/* struct drm_fusion_query_wait */

/**
 * struct drm_fusion_query - argument of DRM_IOCTL_FUSION_QUERY
 * @what: in: DRM_FUSION_QUERY_*
 * @type: in: kind of the objects, else zero
 * @after: in: only what has greater numbers; tokens of threads for waits
 * @count: in: how many records there is room for; out: how many were written
 * @records: in: address of an array of records
 */
struct drm_fusion_query {
	__u32 what;
	__u32 type;
	__u32 after;
	__u32 count;
	__u64 records;
};

/**
 * struct drm_fusion_query_member - a member
 * @id: its number
 * @pid: its process in the caller's namespace, zero if it is not visible there
 * @threads: registered threads
 * @queued: messages that wait for it
 * @memory: bytes that these take
 * @skirmishes: how many it holds
 * @refs: to how many references it is attached
 * @reactors: to how many reactors it is attached
 * @properties: how many it owns
 * @name: its name
 */
struct drm_fusion_query_member {
	__u32 id;
	__s32 pid;
	__u32 threads;
	__u32 queued;
	__u64 memory;
	__u32 skirmishes;
	__u32 refs;
	__u32 reactors;
	__u32 properties;
	__u8 name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_query_object - an object
 * @type: DRM_FUSION_*
 * @id: its number
 * @creator: member that created it
 * @owner: member that owns it now (skirmish, property, locked reference, handler of a
 *	call), or zero
 * @owner_tid: thread of the owner in the caller's namespace, or zero
 * @count: times locked, sum of counts, listeners, calls at work, or segments
 * @waiters: how many wait for it
 * @flags: of a skirmish: word without the owner; of a property: 1 lease, 2 purchase
 * @size: bytes, of pools and buffers
 * @offset: of a skirmish: where its state is in the window of the world, else zero
 * @name: its name
 */
struct drm_fusion_query_object {
	__u32 type;
	__u32 id;
	__u32 creator;
	__u32 owner;
	__s32 owner_tid;
	__u32 count;
	__u32 waiters;
	__u32 flags;
	__u64 size;
	__u64 offset;
	__u8 name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_query_wait - a thread that waits
 * @token: token of the thread
 * @member: its member
 * @tid: the thread in the caller's namespace, zero if it is not visible there
 * @type: what it waits for: DRM_FUSION_SKIRMISH or DRM_FUSION_CALL
 * @id: number of that
 * @for_member: the member whose turn it is
 * @for_token: its thread, zero if any of its threads may end the wait
 * @deadlock: not zero: the thread is part of a circle, or was refused because it would
 *	have closed one. That stays to be read until the thread waits again, or is gone.
 */
struct drm_fusion_query_wait {
	__u32 token;
	__u32 member;
	__s32 tid;
	__u32 type;
	__u32 id;
	__u32 for_member;
	__u32 for_token;
	__u32 deadlock;
};

/*
 * Messages, from read() on the render node or DRM_IOCTL_FUSION_RECEIVE. They begin as
 * all DRM events do, with types of the driver's range, and come one behind another, as
 * many as the buffer has room for. Each one ends on a multiple of 8 bytes. EMSGSIZE:
 * the first one has no room, it stays. EAGAIN: there is none and O_NONBLOCK is set.
 */
#define DRM_FUSION_EVENT_MESSAGE	0x80000001	/* DRM_IOCTL_FUSION_MESSAGE_SEND */
#define DRM_FUSION_EVENT_CALL		0x80000002	/* a call to run */
#define DRM_FUSION_EVENT_REACTOR	0x80000003	/* a dispatch */
#define DRM_FUSION_EVENT_DISPATCHED	0x80000004	/* all listeners have processed it */
#define DRM_FUSION_EVENT_REF_ZERO	0x80000005	/* a watched reference is at zero */
#define DRM_FUSION_EVENT_POOL		0x80000006	/* a pool has grown */
#define DRM_FUSION_EVENT_JOIN		0x80000007	/* a member has come */
#define DRM_FUSION_EVENT_LEAVE		0x80000008	/* a member is gone */
#define DRM_FUSION_EVENT_LOST		0x80000009	/* messages were dropped, or the member
							 * was detached from a reactor
							 */
#define DRM_FUSION_EVENT_END		0x8000000a	/* the world has ended */

/**
 * struct drm_fusion_event - head of a message
 * @base: type and length in bytes, with this head and what fills up to 8 bytes
 * @object: number of the call, reactor, reference or pool, or zero
 * @sender: member that sent it, zero for the kernel
 * @serial: of a call: to be given back in the reply, zero if none is wanted
 * @arg: of a call: its argument; of a reactor: the channel; of a dispatch that is done
 *	or a reference at zero: the cookie; of a pool: its new size; of a message: its
 *	kind; of lost messages: their number; of a member that came or went: its number
 * @context: of a call: what its creation was given
 * @size: bytes of data behind the handles
 * @nr_handles: GEM handles of the receiver behind this head, __u32 each, filled up to
 *	8 bytes
 * @room: of a call: bytes that the reply may have
 * @flags: zero
 */
struct drm_fusion_event {
	struct drm_event base;
	__u32 object;
	__u32 sender;
	__u64 serial;
	__u64 arg;
	__u64 context;
	__u32 size;
	__u32 nr_handles;
	__u32 room;
	__u32 flags;
};

#define DRM_FUSION_MAX_PAYLOAD	65536	/* bytes of data of a message */
#define DRM_FUSION_MAX_HANDLES	16	/* GEM handles of a message */

/**
 * struct drm_fusion_payload - what goes along with a message or a call
 * @data: in: address of the data
 * @size: in: its bytes, at most DRM_FUSION_MAX_PAYLOAD
 * @nr_handles: in: number of @handles, at most DRM_FUSION_MAX_HANDLES
 * @handles: in: address of an array of __u32: GEM handles of the sender
 */
struct drm_fusion_payload {
	__u64 data;
	__u32 size;
	__u32 nr_handles;
	__u64 handles;
};

/**
 * struct drm_fusion_message_send - argument of DRM_IOCTL_FUSION_MESSAGE_SEND
 * @member: in: who gets it, may be the sender
 * @flags: in: must be zero
 * @kind: in: for the receiver, any value
 * @payload: in: data and buffers
 * @timeout: in: how long to wait while the queue of the receiver is full
 */
struct drm_fusion_message_send {
	__u32 member;
	__u32 flags;
	__u64 kind;
	struct drm_fusion_payload payload;
	__s64 timeout;
};

/*
 * Skirmishes
 */
/* Keep note of it in the kernel: for a thread that has no free entry to do it itself. */
#define DRM_FUSION_LOCK_NOTE	(1 << 0)

/**
 * struct drm_fusion_skirmish_lock - argument of DRM_IOCTL_FUSION_SKIRMISH_LOCK, _WAIT
 * @id: in: number of the skirmish
 * @flags: in: DRM_FUSION_LOCK_*, zero to wait for a notification
 * @timeout: in: how long to wait
 *
 * EOWNERDEAD: locked, and an owner died in it: its data may need repair, see
 * DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT. EDEADLK: this wait would have closed a circle.
 * EOVERFLOW: the caller has locked it too often.
 *
 * A wait for a notification: EPERM if the caller is not the owner, or has the skirmish
 * from the caller of a call. It releases the skirmish whole and has it again when it
 * returns, also with ETIMEDOUT, EINTR or EOWNERDEAD. After EIDRM it has nothing, nor after
 * EDEADLK: getting it back would have closed a circle.
 */
struct drm_fusion_skirmish_lock {
	__u32 id;
	__u32 flags;
	__s64 timeout;
};

#define DRM_FUSION_NOTIFY_ALL	(1 << 0)	/* all that wait, not the first one alone */

/**
 * struct drm_fusion_skirmish_op - argument of DRM_IOCTL_FUSION_SKIRMISH_UNLOCK,
 *	_NOTIFY, _CONSISTENT
 * @id: in: number of the skirmish
 * @flags: in: DRM_FUSION_NOTIFY_* for a notification, else zero
 *
 * EPERM: the caller does not own it. A thread that is not registered becomes so: EUSERS,
 * ENOMEM, as for DRM_IOCTL_FUSION_THREAD.
 */
struct drm_fusion_skirmish_op {
	__u32 id;
	__u32 flags;
};

/*
 * References
 */

/**
 * struct drm_fusion_ref_attach - argument of DRM_IOCTL_FUSION_REF_ATTACH
 * @id: in: number of the reference
 * @flags: in: must be zero
 * @offset: out: where the member's struct drm_fusion_ref_local is in its own window.
 *	Attaching again gives the same answer.
 * @state: out: where the struct drm_fusion_ref_state is in the window of the world
 *
 * The other requests attach the member, too, where they have to. It is attached until
 * it leaves.
 */
struct drm_fusion_ref_attach {
	__u32 id;
	__u32 flags;
	__u64 offset;
	__u64 state;
};

#define DRM_FUSION_REF_GLOBAL	(1 << 0)	/* the global count, not the member's */
#define DRM_FUSION_REF_DOWN	(1 << 1)	/* one less, not one more */

/**
 * struct drm_fusion_ref_count - argument of DRM_IOCTL_FUSION_REF_COUNT, _UNLOCK, _CATCH
 * @id: in: number of the reference
 * @flags: in: DRM_FUSION_REF_GLOBAL, DRM_FUSION_REF_DOWN for _COUNT, else zero
 *
 * _COUNT: EAGAIN: it is locked at zero. ERANGE: the count is at zero already, or at its
 * end. EBUSY: others have changed the count all the time. _UNLOCK: EPERM: the caller has
 * not locked it. _CATCH: a count that was thrown to the caller is its own one now.
 * EACCES: there is none. ERANGE, EBUSY as for _COUNT.
 */
struct drm_fusion_ref_count {
	__u32 id;
	__u32 flags;
};

/**
 * struct drm_fusion_ref_zero - argument of DRM_IOCTL_FUSION_REF_ZERO_LOCK
 * @id: in: number of the reference
 * @flags: in: must be zero
 * @timeout: in: how long to wait for zero
 *
 * Locks the reference when its sum is zero: counting up is EAGAIN until
 * DRM_IOCTL_FUSION_REF_UNLOCK, or until the member that locked it is gone. EALREADY:
 * the caller has locked it. EBUSY: another member has, and the timeout has passed.
 * ETIMEDOUT: the sum is not zero. Who has waited longest is the next one.
 */
struct drm_fusion_ref_zero {
	__u32 id;
	__u32 flags;
	__s64 timeout;
};

/**
 * struct drm_fusion_ref_watch - argument of DRM_IOCTL_FUSION_REF_WATCH
 * @id: in: number of the reference
 * @call: in: number of a call to run one-way at zero, or zero for a message
 * @arg: in: argument of the call, cookie of the message
 *
 * When the sum falls to zero, each time, until the member leaves. EACCES: only the
 * member that created it may watch. EBUSY: it is watched. ENOENT: also for the call. When
 * the call is gone at zero, the watcher gets DRM_FUSION_EVENT_LOST.
 */
struct drm_fusion_ref_watch {
	__u32 id;
	__u32 call;
	__u64 arg;
};

/**
 * struct drm_fusion_ref_pair - argument of DRM_IOCTL_FUSION_REF_INHERIT, _THROW
 * @id: in: number of the reference
 * @other: in: for _INHERIT: reference whose local counts count here, too; for _THROW:
 *	member that is to catch one of the caller's local counts
 *
 * _INHERIT: also what @other itself inherits. EBUSY: the reference inherits already.
 * ELOOP: it would inherit from itself, or the chain be longer than
 * DRM_FUSION_REF_CHAIN. _THROW: the count is no count of the caller any more. It counts in
 * the sum until it is caught and dropped, or the catcher leaves. ENOENT: no such member.
 * ERANGE: the caller has no count. EBUSY as for _COUNT.
 */
struct drm_fusion_ref_pair {
	__u32 id;
	__u32 other;
};

#define DRM_FUSION_REF_CHAIN	8	/* references that inherit one from another */

/**
 * struct drm_fusion_ref_stat - argument of DRM_IOCTL_FUSION_REF_STAT
 * @id: in: number of the reference
 * @members: out: how many members are attached
 * @global: out: global count
 * @local: out: count of the caller
 * @sum: out: of all counts, with inherited ones and those on their way to a catcher
 * @locked_by: out: member that has locked it at zero, or zero
 * @pad: out: zero
 */
struct drm_fusion_ref_stat {
	__u32 id;
	__u32 members;
	__u32 global;
	__u32 local;
	__u64 sum;
	__u32 locked_by;
	__u32 pad;
};

/*
 * Reactors
 */
#define DRM_FUSION_CHANNELS	1024

/* What happens when a listener's messages of this reactor reach its limit. */
#define DRM_FUSION_FULL_BLOCK		0	/* the sender waits */
#define DRM_FUSION_FULL_DROP_OLDEST	1	/* the oldest one is lost, the listener is told */
#define DRM_FUSION_FULL_DISCONNECT	2	/* the listener is detached and told */

/**
 * struct drm_fusion_reactor_attach - argument of DRM_IOCTL_FUSION_REACTOR_ATTACH, _DETACH
 * @id: in: number of the reactor
 * @channel: in: below DRM_FUSION_CHANNELS
 * @policy: in: DRM_FUSION_FULL_*, zero for _DETACH
 * @limit: in: how many messages of it may wait, 1 to 1024, zero for 64
 *
 * Attaching is counted: as many detachments end it, and what has come before stays in
 * the queue. ENOENT: not attached. The policy and limit of the last attachment are those
 * that hold; both are zero for _DETACH.
 */
struct drm_fusion_reactor_attach {
	__u32 id;
	__u32 channel;
	__u32 policy;
	__u32 limit;
};

#define DRM_FUSION_DISPATCH_OTHERS	(1 << 0)	/* not to the sender itself */
#define DRM_FUSION_DISPATCH_DONE	(1 << 1)	/* DRM_FUSION_EVENT_DISPATCHED at the end */

/**
 * struct drm_fusion_reactor_dispatch - argument of DRM_IOCTL_FUSION_REACTOR_DISPATCH
 * @id: in: number of the reactor
 * @channel: in: below DRM_FUSION_CHANNELS
 * @flags: in: DRM_FUSION_DISPATCH_*
 * @listeners: out: how many get it
 * @cookie: in: for the message that all have processed it, or are gone
 * @payload: in: data and buffers
 * @timeout: in: how long to wait for listeners whose policy says so; who has no room
 *	then is left out, and the result is ETIMEDOUT
 *
 * Nobody gets it before there is room at all that are waited for. After any other error,
 * EINTR as well, nobody has got it. EMSGSIZE: @payload is too large.
 */
struct drm_fusion_reactor_dispatch {
	__u32 id;
	__u32 channel;
	__u32 flags;
	__u32 listeners;
	__u64 cookie;
	struct drm_fusion_payload payload;
	__s64 timeout;
};

/*
 * Calls
 */
#define DRM_FUSION_CALL_ONEWAY	(1 << 0)	/* no reply */
#define DRM_FUSION_CALL_QUEUE	(1 << 1)	/* one-way: does not wake the handler up */

/**
 * struct drm_fusion_call_execute - argument of DRM_IOCTL_FUSION_CALL_EXECUTE
 * @id: in: number of the call
 * @flags: in: DRM_FUSION_CALL_*
 * @arg: in: argument
 * @payload: in: data and buffers
 * @reply: in: address of memory for the data of the reply
 * @reply_room: in: bytes of @reply, at most DRM_FUSION_MAX_PAYLOAD
 * @reply_size: out: bytes of the reply
 * @reply_handles: in: address of an array of DRM_FUSION_MAX_HANDLES __u32 for the GEM
 *	handles of the reply, or zero if none are taken
 * @reply_nr_handles: out: how many there are
 * @result: out: of the handler
 * @timeout: in: how long to wait, for room and for the reply
 * @serial: in: zero for a new call; after EINTR what it was set to, so that the same
 *	call is waited for again; out: serial of the call
 *
 * A one-way call has no @reply, @reply_room, @reply_handles and @serial: EINVAL. Data
 * that is too large: EMSGSIZE.
 *
 * EPIPE: the handler is gone, or its thread that ran the call is. EDEADLK: this wait
 * would have closed a circle. ETIMEDOUT: the reply will be dropped. ENOMSG: the calling
 * thread does not wait for @serial. A thread has at most one interrupted call: a new one
 * ends it.
 */
struct drm_fusion_call_execute {
	__u32 id;
	__u32 flags;
	__u64 arg;
	struct drm_fusion_payload payload;
	__u64 reply;
	__u32 reply_room;
	__u32 reply_size;
	__u64 reply_handles;
	__u32 reply_nr_handles;
	__s32 result;
	__s64 timeout;
	__u64 serial;
};

/**
 * struct drm_fusion_call_reply - argument of DRM_IOCTL_FUSION_CALL_REPLY
 * @serial: in: of the call that was received
 * @result: in: for the caller
 * @flags: in: must be zero
 * @payload: in: data and buffers
 *
 * Any thread of the handler may reply. ENOMSG: no such call waits for a reply of this
 * member: the caller is gone or has timed out, or there was a reply. E2BIG: the caller
 * has no room for so much. After other errors than ENOMSG the call still waits.
 */
struct drm_fusion_call_reply {
	__u64 serial;
	__s32 result;
	__u32 flags;
	struct drm_fusion_payload payload;
};

/**
 * struct drm_fusion_receive - argument of DRM_IOCTL_FUSION_RECEIVE
 * @reply: in: a reply that is given before, none if its serial is zero. The serial is
 *	set to zero when that is done, so EINTR does not do it twice.
 * @reply_error: in: zero; out: what became of the reply, zero or the number of an error
 * @flags: in: must be zero
 * @buffer: in: address of memory for messages
 * @size: in: its bytes. With none nothing is received, or waited for (ETIMEDOUT): that says
 *	that what was received before is processed.
 * @used: out: bytes of messages
 * @timeout: in: how long to wait for the first one
 *
 * A reply that comes too late (ENOMSG) is no error of the request. After another error of
 * the reply, which is the result then, its serial is still there and nothing is received.
 */
struct drm_fusion_receive {
	struct drm_fusion_call_reply reply;
	__u32 reply_error;
	__u32 flags;
	__u64 buffer;
	__u32 size;
	__u32 used;
	__s64 timeout;
};

/*
 * Properties
 */
#define DRM_FUSION_PROPERTY_LEASE	1	/* for a short time */
#define DRM_FUSION_PROPERTY_PURCHASE	2	/* for long */

/**
 * struct drm_fusion_property_take - argument of DRM_IOCTL_FUSION_PROPERTY_TAKE
 * @id: in: number of the property
 * @kind: in: DRM_FUSION_PROPERTY_LEASE or DRM_FUSION_PROPERTY_PURCHASE
 * @timeout: in: how long to wait
 *
 * The owner is a thread, and may take again what it has: as often it has to cede. EBUSY:
 * the caller has it the other way, or another one has purchased it longer ago than
 * 100 ms (for a lease), one second (for a purchase): there is no sense in waiting.
 * EOVERFLOW: it was taken too often.
 */
struct drm_fusion_property_take {
	__u32 id;
	__u32 kind;
	__s64 timeout;
};

/**
 * struct drm_fusion_property_op - argument of DRM_IOCTL_FUSION_PROPERTY_CEDE, _HOLDUP
 * @id: in: number of the property
 * @flags: in: must be zero
 *
 * _CEDE: EPERM if the caller is not the owner; EUSERS, ENOMEM as for
 * DRM_IOCTL_FUSION_THREAD. _HOLDUP takes the property from a
 * purchaser, whose process is killed if the world was created so: EACCES if the caller
 * is not the first member, or may not kill that process; ENODATA if nobody has
 * purchased it.
 */
struct drm_fusion_property_op {
	__u32 id;
	__u32 flags;
};

/*
 * Buffers and pools
 */

/**
 * struct drm_fusion_buffer_create - argument of DRM_IOCTL_FUSION_BUFFER_CREATE
 * @size: in: bytes, out: rounded up to whole pages
 * @handle: out: GEM handle
 * @flags: in: must be zero
 *
 * It is memory of zeros that comes when it is mapped first. Its mappings are cached.
 * ENOMEM: more than the world may have, or the system has.
 */
struct drm_fusion_buffer_create {
	__u64 size;
	__u32 handle;
	__u32 flags;
};

/**
 * struct drm_fusion_buffer_mmap - argument of DRM_IOCTL_FUSION_BUFFER_MMAP
 * @handle: in: GEM handle
 * @flags: in: must be zero
 * @offset: out: for mmap() on the render node, shared, and from the beginning of the
 *	buffer
 *
 * A buffer that was imported is mapped by its exporter. mmap() fails with EACCES if it is to
 * be written and the file descriptor that was imported is read-only.
 */
struct drm_fusion_buffer_mmap {
	__u32 handle;
	__u32 flags;
	__u64 offset;
};

/**
 * struct drm_fusion_buffer_share - argument of DRM_IOCTL_FUSION_BUFFER_SHARE, _OPEN
 * @handle: GEM handle: in for _SHARE, out for _OPEN
 * @id: number in the world: out for _SHARE, in for _OPEN
 * @flags: in: must be zero
 * @pad: in: must be zero
 * @size: out: bytes
 * @name: in for _SHARE, out for _OPEN: name to show
 *
 * The buffer is in the world until DRM_IOCTL_FUSION_OBJECT_DESTROY, or until the member
 * that shared it is gone; who has opened it keeps it. When the same member shares it again
 * the number is the same; another member gets a number of its own. Its bytes are part of the
 * world's memory as long as it is shared. Each time that it is opened gives a new handle.
 */
struct drm_fusion_buffer_share {
	__u32 handle;
	__u32 id;
	__u32 flags;
	__u32 pad;
	__u64 size;
	__u8 name[DRM_FUSION_NAME_LEN];
};

/**
 * struct drm_fusion_pool_grow - argument of DRM_IOCTL_FUSION_POOL_GROW
 * @id: in: number of the pool
 * @flags: in: must be zero
 * @size: in: wanted size in bytes, out: size that it has, which never shrinks
 *
 * All members that have opened segments of it are told. ENOSPC: more than its largest
 * size, or in more than 1024 pieces: grow in larger steps. ENOMEM: more than the world
 * may have.
 */
struct drm_fusion_pool_grow {
	__u32 id;
	__u32 flags;
	__u64 size;
};

/**
 * struct drm_fusion_pool_segment - one piece of a pool
 * @handle: GEM handle of the caller
 * @pad: zero
 * @offset: where it begins in the pool, in bytes
 * @size: its bytes
 */
struct drm_fusion_pool_segment {
	__u32 handle;
	__u32 pad;
	__u64 offset;
	__u64 size;
};

/**
 * struct drm_fusion_pool_segments - argument of DRM_IOCTL_FUSION_POOL_SEGMENTS
 * @id: in: number of the pool
 * @first: in: the first one that is wanted
 * @count: in: how many there is room for; out: how many were written
 * @flags: in: must be zero
 * @segments: in: address of an array of struct drm_fusion_pool_segment
 * @address: out: the address that the world gives the pool
 * @size: out: its size now
 * @max_size: out: its largest size
 *
 * Each time that a segment is asked for gives a new handle. Who has asked, for none
 * perhaps, is told when the pool grows.
 */
struct drm_fusion_pool_segments {
	__u32 id;
	__u32 first;
	__u32 count;
	__u32 flags;
	__u64 segments;
	__u64 address;
	__u64 size;
	__u64 max_size;
};

#define DRM_IOCTL_FUSION_GET_PARAM \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_GET_PARAM, struct drm_fusion_get_param)
#define DRM_IOCTL_FUSION_WORLD_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_WORLD_CREATE, struct drm_fusion_world_create)
#define DRM_IOCTL_FUSION_WORLD_EXPORT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_WORLD_EXPORT, struct drm_fusion_world_export)
#define DRM_IOCTL_FUSION_WORLD_JOIN \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_WORLD_JOIN, struct drm_fusion_world_join)
#define DRM_IOCTL_FUSION_WORLD_LEAVE \
	DRM_IO(DRM_COMMAND_BASE + DRM_FUSION_WORLD_LEAVE)
#define DRM_IOCTL_FUSION_WORLD_INFO \
	DRM_IOR(DRM_COMMAND_BASE + DRM_FUSION_WORLD_INFO, struct drm_fusion_world_info)
#define DRM_IOCTL_FUSION_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_QUERY, struct drm_fusion_query)
#define DRM_IOCTL_FUSION_THREAD \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_THREAD, struct drm_fusion_thread)
#define DRM_IOCTL_FUSION_OBJECT_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_OBJECT_CREATE, struct drm_fusion_object_create)
#define DRM_IOCTL_FUSION_OBJECT_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_OBJECT_DESTROY, struct drm_fusion_object)
#define DRM_IOCTL_FUSION_OBJECT_NAME \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_OBJECT_NAME, struct drm_fusion_object_name)
#define DRM_IOCTL_FUSION_MESSAGE_SEND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_MESSAGE_SEND, struct drm_fusion_message_send)
#define DRM_IOCTL_FUSION_SKIRMISH_LOCK \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_SKIRMISH_LOCK, struct drm_fusion_skirmish_lock)
#define DRM_IOCTL_FUSION_SKIRMISH_UNLOCK \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_SKIRMISH_UNLOCK, struct drm_fusion_skirmish_op)
#define DRM_IOCTL_FUSION_SKIRMISH_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_SKIRMISH_WAIT, struct drm_fusion_skirmish_lock)
#define DRM_IOCTL_FUSION_SKIRMISH_NOTIFY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_SKIRMISH_NOTIFY, struct drm_fusion_skirmish_op)
#define DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_SKIRMISH_CONSISTENT, struct drm_fusion_skirmish_op)
#define DRM_IOCTL_FUSION_REF_ATTACH \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_REF_ATTACH, struct drm_fusion_ref_attach)
#define DRM_IOCTL_FUSION_REF_COUNT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_COUNT, struct drm_fusion_ref_count)
#define DRM_IOCTL_FUSION_REF_ZERO_LOCK \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_ZERO_LOCK, struct drm_fusion_ref_zero)
#define DRM_IOCTL_FUSION_REF_UNLOCK \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_UNLOCK, struct drm_fusion_ref_count)
#define DRM_IOCTL_FUSION_REF_WATCH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_WATCH, struct drm_fusion_ref_watch)
#define DRM_IOCTL_FUSION_REF_INHERIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_INHERIT, struct drm_fusion_ref_pair)
#define DRM_IOCTL_FUSION_REF_THROW \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_THROW, struct drm_fusion_ref_pair)
#define DRM_IOCTL_FUSION_REF_CATCH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REF_CATCH, struct drm_fusion_ref_count)
#define DRM_IOCTL_FUSION_REF_STAT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_REF_STAT, struct drm_fusion_ref_stat)
#define DRM_IOCTL_FUSION_REACTOR_ATTACH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REACTOR_ATTACH, struct drm_fusion_reactor_attach)
#define DRM_IOCTL_FUSION_REACTOR_DETACH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_REACTOR_DETACH, struct drm_fusion_reactor_attach)
#define DRM_IOCTL_FUSION_REACTOR_DISPATCH \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_REACTOR_DISPATCH, struct drm_fusion_reactor_dispatch)
#define DRM_IOCTL_FUSION_CALL_EXECUTE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_CALL_EXECUTE, struct drm_fusion_call_execute)
#define DRM_IOCTL_FUSION_CALL_REPLY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_CALL_REPLY, struct drm_fusion_call_reply)
#define DRM_IOCTL_FUSION_RECEIVE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_RECEIVE, struct drm_fusion_receive)
#define DRM_IOCTL_FUSION_PROPERTY_TAKE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_PROPERTY_TAKE, struct drm_fusion_property_take)
#define DRM_IOCTL_FUSION_PROPERTY_CEDE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_PROPERTY_CEDE, struct drm_fusion_property_op)
#define DRM_IOCTL_FUSION_PROPERTY_HOLDUP \
	DRM_IOW(DRM_COMMAND_BASE + DRM_FUSION_PROPERTY_HOLDUP, struct drm_fusion_property_op)
#define DRM_IOCTL_FUSION_BUFFER_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_BUFFER_CREATE, struct drm_fusion_buffer_create)
#define DRM_IOCTL_FUSION_BUFFER_MMAP \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_BUFFER_MMAP, struct drm_fusion_buffer_mmap)
#define DRM_IOCTL_FUSION_BUFFER_SHARE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_BUFFER_SHARE, struct drm_fusion_buffer_share)
#define DRM_IOCTL_FUSION_BUFFER_OPEN \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_BUFFER_OPEN, struct drm_fusion_buffer_share)
#define DRM_IOCTL_FUSION_POOL_GROW \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_POOL_GROW, struct drm_fusion_pool_grow)
#define DRM_IOCTL_FUSION_POOL_SEGMENTS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_FUSION_POOL_SEGMENTS, struct drm_fusion_pool_segments)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DRM_FUSION_DRM_H */
