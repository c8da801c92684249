/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libdrm_fusion: the requests of the fusion render node as functions.
 */
#ifndef _LIBDRM_FUSION_H
#define _LIBDRM_FUSION_H

#include <stddef.h>
#include <stdint.h>

#include <drm/fusion_drm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: rules for all functions
 *
 * Functions that can fail return zero or a negative error number, and do not set errno.
 * Those that give a file descriptor return it in place of zero. fusion_explain() makes a
 * sentence of an error. A request that a signal interrupted is restarted.
 *
 * A timeout is absolute, in nanoseconds of CLOCK_MONOTONIC: DRM_FUSION_FOREVER waits
 * without end, zero does not wait.
 *
 * A handle may be used by all threads of a process at the same time, but for the function
 * that frees it. After fork() the child has no handle of its parent: each function gives
 * it -EPERM, and fusion_leave() frees the child's copy. A child joins the world itself, with
 * a file descriptor of fusion_export().
 */

/* a member of a world */
struct fusion;

/**
 * fusion_create - make a world and be its first member
 * @fusion: out: the member
 * @args: names, flags and limits, see &struct drm_fusion_world_create
 *
 * Return: 0; -ENODEV if there is no render node of fusion, -EACCES if none may be opened;
 * -EINVAL for a name without end or a limit that is too large; -ENOMEM.
 */
int fusion_create(struct fusion **fusion, const struct drm_fusion_world_create *args);

/**
 * fusion_join - be a member of a world
 * @fusion: out: the member
 * @world: file descriptor that fusion_export() gave, stays the caller's
 * @name: name to show, less than DRM_FUSION_NAME_LEN bytes
 *
 * Return: 0; as fusion_create(); -EBADF, -EINVAL if @world is something else; -EUSERS if
 * the world has all the members that it may have; -ESHUTDOWN if it has ended.
 */
int fusion_join(struct fusion **fusion, int world, const char *name);

/**
 * fusion_leave - leave the world
 * @fusion: member, freed. All its handles of objects were closed.
 *
 * What the member holds is released, also what other threads have locked.
 */
void fusion_leave(struct fusion *fusion);

/**
 * fusion_export - let others join
 * @fusion: member
 *
 * Return: a file descriptor to pass on, closed on exec; -EMFILE, -ENFILE, -ENOMEM,
 * -ESHUTDOWN.
 */
int fusion_export(struct fusion *fusion);

/**
 * fusion_info - names, limits and numbers of the world
 * @fusion: member
 * @info: out
 *
 * Return: 0 or -ESHUTDOWN.
 */
int fusion_info(struct fusion *fusion, struct drm_fusion_world_info *info);

/**
 * fusion_query - what there is in the world
 * @fusion: member
 * @query: what, and where to put it, see &struct drm_fusion_query
 *
 * Return: 0, -EINVAL, -EFAULT, -ESHUTDOWN.
 */
int fusion_query(struct fusion *fusion, struct drm_fusion_query *query);

/**
 * fusion_fd - the open render node
 * @fusion: member
 *
 * To poll() and read() messages, and for what libdrm does with buffers. It stays the
 * member's: do not close it.
 *
 * Return: a file descriptor.
 */
int fusion_fd(struct fusion *fusion);

/**
 * fusion_member_id - the number of the member in its world
 * @fusion: member
 *
 * Return: the number.
 */
uint32_t fusion_member_id(struct fusion *fusion);

/**
 * fusion_rename - change the name of an object
 * @fusion: member
 * @type: DRM_FUSION_SKIRMISH to DRM_FUSION_BUFFER
 * @id: its number
 * @name: less than DRM_FUSION_NAME_LEN bytes
 *
 * Return: 0, -EINVAL, -ENOENT, -EACCES if neither the first member nor the creator asks.
 */
int fusion_rename(struct fusion *fusion, uint32_t type, uint32_t id, const char *name);

/**
 * fusion_destroy - destroy an object for all members
 * @fusion: member
 * @type: DRM_FUSION_SKIRMISH to DRM_FUSION_BUFFER
 * @id: its number
 *
 * Who waits for it gets -EIDRM, who uses it later -ENOENT.
 *
 * Return: 0, -EINVAL, -ENOENT.
 */
int fusion_destroy(struct fusion *fusion, uint32_t type, uint32_t id);

/**
 * fusion_explain - what an error means and what to do
 * @error: negative, as the functions return it
 *
 * Return: a sentence, constant.
 */
const char *fusion_explain(int error);

/**
 * DOC: skirmishes
 *
 * A skirmish is a lock of a thread. The thread may lock it again, and unlocks it as often.
 * While nobody else wants it, neither takes a system call. Who wants it gets it in the
 * order of coming, once it has asked the kernel.
 *
 * When the owner dies, the next one gets it with -EOWNERDEAD: it has locked it, and what
 * it protects may be half-done. It repairs that and calls fusion_skirmish_consistent(), or
 * the next one is told again.
 *
 * These functions are not for signal handlers.
 */

/* a handle of a skirmish */
struct fusion_skirmish;

/**
 * fusion_skirmish_create - make a skirmish
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @skirmish: out: handle
 *
 * Return: 0, -EINVAL, -ENOSPC at the limit of the world, -ENOMEM.
 */
int fusion_skirmish_create(struct fusion *fusion, const char *name,
			   struct fusion_skirmish **skirmish);

/**
 * fusion_skirmish_open - a handle of a skirmish that another member has made
 * @fusion: member
 * @id: its number
 * @skirmish: out: handle
 *
 * Return: 0, -ENOENT, -ENOMEM.
 */
int fusion_skirmish_open(struct fusion *fusion, uint32_t id, struct fusion_skirmish **skirmish);

/**
 * fusion_skirmish_close - free a handle
 * @skirmish: handle. The skirmish stays, and locked if it is.
 */
void fusion_skirmish_close(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_destroy - destroy it for all members
 * @skirmish: handle, still to be closed
 *
 * Return: 0 or -ENOENT.
 */
int fusion_skirmish_destroy(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_id - its number, for other members
 * @skirmish: handle
 *
 * Return: the number.
 */
uint32_t fusion_skirmish_id(const struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_lock - lock, and wait as long as it takes
 * @skirmish: handle
 *
 * Return: 0; -EOWNERDEAD: locked, but an owner died; -EDEADLK: the owner waits for the
 * caller, over others perhaps; -EOVERFLOW: locked too often; -ENOENT, -EIDRM: destroyed;
 * -EUSERS: too many threads; -ENOMEM, -ESHUTDOWN.
 */
int fusion_skirmish_lock(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_trylock - lock if that needs no wait
 * @skirmish: handle
 *
 * Return: as fusion_skirmish_lock(), and -EBUSY.
 */
int fusion_skirmish_trylock(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_timedlock - lock, and wait until a time
 * @skirmish: handle
 * @timeout: when to give up
 *
 * Return: as fusion_skirmish_lock(), and -ETIMEDOUT.
 */
int fusion_skirmish_timedlock(struct fusion_skirmish *skirmish, int64_t timeout);

/**
 * fusion_skirmish_unlock - undo one lock
 * @skirmish: handle
 *
 * Return: 0, -EPERM if the calling thread does not own it, -ENOENT. A thread that the world
 * does not know yet: -EUSERS, -ENOMEM.
 */
int fusion_skirmish_unlock(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_wait - wait for a notification
 * @skirmish: handle, locked by the calling thread
 * @timeout: when to give up
 *
 * Unlocks it, however often it was locked, sleeps, and locks it again as often. Look in a
 * loop whether what was waited for has come true.
 *
 * Return: 0; -ETIMEDOUT: locked again, too; -EOWNERDEAD: notified and locked again, but an
 * owner died meanwhile; -EPERM if the caller does not own it; -EUSERS, -ENOMEM.
 * -ENOENT, -EIDRM, -EDEADLK, -ESHUTDOWN: the caller does not have it any more.
 */
int fusion_skirmish_wait(struct fusion_skirmish *skirmish, int64_t timeout);

/**
 * fusion_skirmish_notify - wake up the thread that waits longest for a notification
 * @skirmish: handle, locked by the calling thread
 *
 * Return: as fusion_skirmish_unlock().
 */
int fusion_skirmish_notify(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_notify_all - wake up all threads that wait for a notification
 * @skirmish: handle, locked by the calling thread
 *
 * Return: as fusion_skirmish_unlock().
 */
int fusion_skirmish_notify_all(struct fusion_skirmish *skirmish);

/**
 * fusion_skirmish_consistent - what it protects is in order again
 * @skirmish: handle, locked by the calling thread
 *
 * Return: as fusion_skirmish_unlock().
 */
int fusion_skirmish_consistent(struct fusion_skirmish *skirmish);

/**
 * DOC: buffers
 *
 * A buffer is memory, of the member or of a device: a camera's, for example. It is known by
 * a GEM handle of the member, so libdrm can be used with fusion_fd() as well, and in the
 * world by a number once it is shared. Its mappings are shared, and end with munmap().
 *
 * Importing the same dma-buf again gives the same handle: closing it once ends both.
 * Opening a number again gives another handle.
 */

/**
 * fusion_buffer_create - make a buffer of zeros
 * @fusion: member
 * @size: bytes, rounded up to whole pages
 * @handle: out: GEM handle
 *
 * Return: 0, -EINVAL for no bytes, -ENOMEM.
 */
int fusion_buffer_create(struct fusion *fusion, uint64_t size, uint32_t *handle);

/**
 * fusion_buffer_map - map a buffer, to be read and written
 * @fusion: member
 * @handle: GEM handle, may be closed then
 * @size: bytes, from the beginning
 * @memory: out: where it is
 *
 * Return: 0, -ENOENT, -EINVAL if it is not so large, -EACCES if it was imported by a
 * read-only file descriptor, -ENOMEM, or what the exporter of an imported one says.
 */
int fusion_buffer_map(struct fusion *fusion, uint32_t handle, size_t size, void **memory);

/**
 * fusion_buffer_share - let other members open a buffer
 * @fusion: member
 * @handle: GEM handle, may be closed then
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @id: out: number, the same one each time until it is destroyed
 *
 * It is shared until fusion_destroy(), or until the member leaves. Who has opened it keeps
 * it.
 *
 * Return: 0, -EINVAL, -ENOENT, -ENOSPC, -ENOMEM at the limit of the world.
 */
int fusion_buffer_share(struct fusion *fusion, uint32_t handle, const char *name, uint32_t *id);

/**
 * fusion_buffer_open - have a buffer that another member shares
 * @fusion: member
 * @id: its number
 * @handle: out: GEM handle
 * @size: out: bytes, or NULL
 *
 * Return: 0, -ENOENT, -EIDRM, -ENOMEM.
 */
int fusion_buffer_open(struct fusion *fusion, uint32_t id, uint32_t *handle, uint64_t *size);

/**
 * fusion_buffer_close - give a handle back
 * @fusion: member
 * @handle: GEM handle
 *
 * Return: 0 or -EINVAL.
 */
int fusion_buffer_close(struct fusion *fusion, uint32_t handle);

/**
 * fusion_buffer_export - a dma-buf for devices and other programs
 * @fusion: member
 * @handle: GEM handle
 *
 * For a buffer that was imported it is the one that it was.
 *
 * Return: a file descriptor, closed on exec; -ENOENT, -EMFILE, -ENOMEM.
 */
int fusion_buffer_export(struct fusion *fusion, uint32_t handle);

/**
 * fusion_buffer_import - have a dma-buf as a buffer
 * @fusion: member
 * @dmabuf: file descriptor, stays the caller's
 * @handle: out: GEM handle
 *
 * Return: 0, -EBADF, -EINVAL if it is no dma-buf, -ENOMEM, or what its exporter says.
 */
int fusion_buffer_import(struct fusion *fusion, int dmabuf, uint32_t *handle);

/**
 * DOC: pools
 *
 * A pool is memory that grows, at the same address in all members: pointers into a pool
 * may be stored in it. It stays until it is destroyed, or the world ends.
 *
 * Memory that another member has added is there after fusion_pool_update(), and
 * DRM_FUSION_EVENT_POOL tells that there is some. A pointer that came by a message or under
 * a lock may be newer than that: update when it is beyond fusion_pool_size().
 *
 * A child has its parent's mappings after fork(): it closes the parent's handle, which
 * unmaps its copy only, joins the world, and opens the pool itself.
 */

/* a handle of a pool */
struct fusion_pool;

/**
 * fusion_pool_create - make a pool without memory
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @max_size: what it may grow to, whole pages
 * @pool: out: handle
 *
 * Return: 0, -EINVAL, -ENOSPC if the world has no such range of addresses or no more objects,
 * -EEXIST if the process has something there, -ENOMEM.
 */
int fusion_pool_create(struct fusion *fusion, const char *name, uint64_t max_size,
		       struct fusion_pool **pool);

/**
 * fusion_pool_open - a handle of a pool that another member has made
 * @fusion: member
 * @id: its number
 * @pool: out: handle. Open a pool once in a process.
 *
 * Return: 0, -ENOENT, -EEXIST if the process has something at its addresses, -ENOMEM.
 */
int fusion_pool_open(struct fusion *fusion, uint32_t id, struct fusion_pool **pool);

/**
 * fusion_pool_close - unmap it and free the handle
 * @pool: handle. The pool stays.
 */
void fusion_pool_close(struct fusion_pool *pool);

/**
 * fusion_pool_destroy - destroy it for all members
 * @pool: handle, still to be closed: what is mapped stays until then
 *
 * Return: 0 or -ENOENT.
 */
int fusion_pool_destroy(struct fusion_pool *pool);

/**
 * fusion_pool_id - its number, for other members
 * @pool: handle
 *
 * Return: the number.
 */
uint32_t fusion_pool_id(const struct fusion_pool *pool);

/**
 * fusion_pool_grow - make sure that it has so much memory
 * @pool: handle
 * @size: bytes
 *
 * Return: 0, -ENOSPC for more than its largest size, or after too many small steps, -ENOMEM,
 * -ENOENT, -EIDRM.
 */
int fusion_pool_grow(struct fusion_pool *pool, uint64_t size);

/**
 * fusion_pool_update - map what others have added
 * @pool: handle
 *
 * Return: 0, -ENOENT, -EIDRM, -ENOMEM.
 */
int fusion_pool_update(struct fusion_pool *pool);

/**
 * fusion_pool_address - where it begins
 * @pool: handle
 *
 * Return: the same address for all members.
 */
void *fusion_pool_address(const struct fusion_pool *pool);

/**
 * fusion_pool_size - how much of it may be touched
 * @pool: handle
 *
 * Return: bytes that are mapped here.
 */
uint64_t fusion_pool_size(const struct fusion_pool *pool);

/**
 * DOC: messages
 *
 * What others send comes as messages, see &struct drm_fusion_event. fusion_serve() is a
 * loop for threads that do nothing else; in a loop of the program's own poll() fusion_fd()
 * and call fusion_receive() with a timeout of zero.
 *
 * A message is processed when the thread that has received it receives again.
 */

/**
 * fusion_send - send a message to one member
 * @fusion: member
 * @message: what, and to whom
 *
 * Return: 0; -ENOENT if there is no such member or handle, -ESHUTDOWN if it has just left;
 * -ETIMEDOUT if its queue was full; -EMSGSIZE, -EFAULT, -ENOMEM, -EINVAL.
 */
int fusion_send(struct fusion *fusion, const struct drm_fusion_message_send *message);

/**
 * fusion_receive - reply to a call, then receive messages
 * @fusion: member
 * @args: see &struct drm_fusion_receive; its reply_error is set to zero first
 *
 * Return: 0, -ETIMEDOUT if none has come, -EMSGSIZE if the first one has no room,
 * -ESHUTDOWN, -EFAULT, -ENOMEM, -EUSERS; errors of the reply, see fusion_call_reply().
 */
int fusion_receive(struct fusion *fusion, struct drm_fusion_receive *args);

/**
 * fusion_event_next - one message after the other
 * @args: of fusion_receive()
 * @event: a message, or NULL for the first one
 *
 * Return: the next message, or NULL.
 */
const struct drm_fusion_event *fusion_event_next(const struct drm_fusion_receive *args,
						 const struct drm_fusion_event *event);

/**
 * fusion_event_handles - the buffers of a message
 * @event: message, with what is behind it
 *
 * Return: as many GEM handles as event->nr_handles says.
 */
const uint32_t *fusion_event_handles(const struct drm_fusion_event *event);

/**
 * fusion_event_data - the data of a message
 * @event: message, with what is behind it
 *
 * Return: as many bytes as event->size says.
 */
const void *fusion_event_data(const struct drm_fusion_event *event);

/**
 * typedef fusion_handler - handles a message
 * @user: of fusion_serve()
 * @event: message, with what is behind it
 * @reply: all zero; for a call that wants a reply, fill in its result and payload, which
 *	must stay until the handler is called again
 *
 * Return: 0 to go on, else what fusion_serve() returns; a positive number ends it well.
 */
typedef int fusion_handler(void *user, const struct drm_fusion_event *event,
			   struct drm_fusion_call_reply *reply);

/**
 * fusion_serve - receive messages and handle them
 * @fusion: member
 * @handler: called for each message. Calls are replied to with what it has filled in.
 * @user: for @handler
 *
 * Each of several threads may do it at the same time. A call and its reply cost one
 * system call.
 *
 * Return: what @handler has returned if that was not zero: if positive, after the reply;
 * -ESHUTDOWN when the world has ended; errors as fusion_receive().
 */
int fusion_serve(struct fusion *fusion, fusion_handler *handler, void *user);

/**
 * DOC: calls
 *
 * A call is a procedure that the member runs that has created it. See fusion_serve().
 */

/**
 * fusion_call_create - make a call that the member handles
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @context: given to the handler with each call
 * @id: out: its number
 *
 * Return: 0, -EINVAL, -ENOSPC at the limit of the world, -ENOMEM.
 */
int fusion_call_create(struct fusion *fusion, const char *name, uint64_t context, uint32_t *id);

/**
 * fusion_call - run a call
 * @fusion: member
 * @args: see &struct drm_fusion_call_execute; its serial is set to zero first
 *
 * Return: 0: the handler's result is in args->result, or it is one-way and sent; -EPIPE if
 * the handler is gone; -EIDRM if the call was destroyed; -EDEADLK if the handler waits for
 * the caller, over others perhaps; -ETIMEDOUT; -ENOENT; -EMSGSIZE, -EINVAL, -EFAULT,
 * -ENOMEM, -EUSERS, -ESHUTDOWN.
 */
int fusion_call(struct fusion *fusion, struct drm_fusion_call_execute *args);

/**
 * fusion_call_reply - give the result of a call
 * @fusion: member that handles it
 * @args: see &struct drm_fusion_call_reply
 *
 * Return: 0; -ENOMSG if nobody waits for it any more; -E2BIG if it is more than the caller
 * takes; -EMSGSIZE, -EINVAL, -EFAULT, -ENOENT, -ENOMEM, -ESHUTDOWN.
 */
int fusion_call_reply(struct fusion *fusion, struct drm_fusion_call_reply *args);

/**
 * DOC: reactors
 *
 * What is dispatched on a channel of a reactor, all members get that are attached there.
 */

/**
 * fusion_reactor_create - make a reactor
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @id: out: its number
 *
 * Return: 0, -EINVAL, -ENOSPC at the limit of the world, -ENOMEM.
 */
int fusion_reactor_create(struct fusion *fusion, const char *name, uint32_t *id);

/**
 * fusion_reactor_attach - listen to a channel
 * @fusion: member
 * @id: number of the reactor
 * @channel: below DRM_FUSION_CHANNELS
 * @policy: DRM_FUSION_FULL_BLOCK, _DROP_OLDEST or _DISCONNECT
 * @limit: how many messages may wait, at most 1024, zero for 64
 *
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOMEM, -EOVERFLOW.
 */
int fusion_reactor_attach(struct fusion *fusion, uint32_t id, uint32_t channel,
			  uint32_t policy, uint32_t limit);

/**
 * fusion_reactor_detach - undo one attachment
 * @fusion: member
 * @id: number of the reactor
 * @channel: channel
 *
 * Return: 0, -EINVAL, -ENOENT if the member is not attached, or there is no reactor.
 */
int fusion_reactor_detach(struct fusion *fusion, uint32_t id, uint32_t channel);

/**
 * fusion_reactor_dispatch - send to all that listen
 * @fusion: member
 * @args: see &struct drm_fusion_reactor_dispatch
 *
 * Return: 0; -ETIMEDOUT: those that had no room have not got it; any other error: nobody
 * has: -ENOENT, -EIDRM, -EMSGSIZE, -EINVAL, -EFAULT, -ENOMEM, -EUSERS, -ESHUTDOWN.
 */
int fusion_reactor_dispatch(struct fusion *fusion, struct drm_fusion_reactor_dispatch *args);

/**
 * DOC: references
 *
 * A reference has a global count, and a local one for each member. The local counts of a
 * member are dropped when it is gone, however it ended. Counting takes no system call,
 * unless somebody wants to know when the sum is at zero, and one of the counts gets there
 * or leaves it.
 */

/* a handle of a reference */
struct fusion_ref;

/**
 * fusion_ref_create - make a reference with all counts at zero
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @ref: out: handle
 *
 * Return: 0, -EINVAL, -ENOSPC at the limit of the world or of the member, -ENOMEM, -EUSERS.
 */
int fusion_ref_create(struct fusion *fusion, const char *name, struct fusion_ref **ref);

/**
 * fusion_ref_open - a handle of a reference that another member has made
 * @fusion: member
 * @id: its number
 * @ref: out: handle. All handles of a member are for the same local count.
 *
 * Return: 0, -ENOENT, -EIDRM, -ENOSPC if the member has all references that it may have,
 * -ENOMEM, -EUSERS: too many threads.
 */
int fusion_ref_open(struct fusion *fusion, uint32_t id, struct fusion_ref **ref);

/**
 * fusion_ref_close - free a handle
 * @ref: handle. The reference stays, and so do all counts.
 */
void fusion_ref_close(struct fusion_ref *ref);

/**
 * fusion_ref_destroy - destroy it for all members
 * @ref: handle, still to be closed
 *
 * Return: 0 or -ENOENT.
 */
int fusion_ref_destroy(struct fusion_ref *ref);

/**
 * fusion_ref_id - its number, for other members
 * @ref: handle
 *
 * Return: the number.
 */
uint32_t fusion_ref_id(const struct fusion_ref *ref);

/**
 * fusion_ref_up - one more local count
 * @ref: handle
 *
 * Return: 0; -EAGAIN: it is locked at zero; -ERANGE: there are 2^30 - 1 already; -ENOENT,
 * -EIDRM: destroyed; -ESHUTDOWN.
 */
int fusion_ref_up(struct fusion_ref *ref);

/**
 * fusion_ref_down - one less local count
 * @ref: handle
 *
 * Return: 0; -ERANGE: the member has none; -ENOENT, -EIDRM, -ESHUTDOWN.
 */
int fusion_ref_down(struct fusion_ref *ref);

/**
 * fusion_ref_up_global - one more global count
 * @ref: handle
 *
 * Return: as fusion_ref_up().
 */
int fusion_ref_up_global(struct fusion_ref *ref);

/**
 * fusion_ref_down_global - one less global count, no matter who has counted it
 * @ref: handle
 *
 * Return: as fusion_ref_down().
 */
int fusion_ref_down_global(struct fusion_ref *ref);

/**
 * fusion_ref_zero_lock - wait until the sum is zero, and keep it there
 * @ref: handle
 * @timeout: when to give up
 *
 * Return: 0; -ETIMEDOUT: the sum is not zero; -EBUSY: the time is over, and another member
 * has locked it; -EALREADY: this member has; -ENOENT, -EIDRM, -ENOMEM, -EUSERS, -ESHUTDOWN.
 */
int fusion_ref_zero_lock(struct fusion_ref *ref, int64_t timeout);

/**
 * fusion_ref_zero_unlock - let others count again
 * @ref: handle
 *
 * Return: 0, -EPERM if the member has not locked it, -ENOENT.
 */
int fusion_ref_zero_unlock(struct fusion_ref *ref);

/**
 * fusion_ref_watch - be told each time when the sum falls to zero
 * @ref: handle
 * @call: number of a call to run one-way, or zero for a message
 * @arg: argument of the call, cookie of the message (DRM_FUSION_EVENT_REF_ZERO)
 *
 * Return: 0; -EACCES: only the member that created it may watch; -EBUSY: it is watched;
 * -ENOENT: also for the call; -ENOMEM.
 */
int fusion_ref_watch(struct fusion_ref *ref, uint32_t call, uint64_t arg);

/**
 * fusion_ref_inherit - count the local counts of another reference here, too
 * @ref: handle
 * @other: number of the other reference, which may inherit itself
 *
 * Return: 0; -EBUSY: it inherits already; -ELOOP: a circle, or a chain of more than
 * DRM_FUSION_REF_CHAIN; -ENOENT, -EIDRM.
 */
int fusion_ref_inherit(struct fusion_ref *ref, uint32_t other);

/**
 * fusion_ref_throw - give one local count away
 * @ref: handle
 * @member: number of the member that is to catch it
 *
 * At no time the sum is less. The count is dropped if the other member goes before it has
 * caught it, and stays if this one goes.
 *
 * Return: 0; -ERANGE: the member has none; -ENOENT: no such member, or no reference;
 * -EBUSY: others have changed the count all the time; -ENOMEM.
 */
int fusion_ref_throw(struct fusion_ref *ref, uint32_t member);

/**
 * fusion_ref_catch - take a local count that was thrown
 * @ref: handle
 *
 * Return: 0; -EACCES: there is none; -ERANGE, -EBUSY, -ENOENT.
 */
int fusion_ref_catch(struct fusion_ref *ref);

/**
 * fusion_ref_stat - read the counts
 * @ref: handle
 * @stat: out
 *
 * Return: 0, -ENOENT, -EIDRM, -ESHUTDOWN.
 */
int fusion_ref_stat(struct fusion_ref *ref, struct drm_fusion_ref_stat *stat);

/**
 * DOC: properties
 *
 * A property is owned by one thread: by lease for a short time, or by purchase for long.
 * Who owns it may take it again in the same way, and cedes it as often.
 */

/* a handle of a property */
struct fusion_property;

/**
 * fusion_property_create - make a property that nobody owns
 * @fusion: member
 * @name: to show, less than DRM_FUSION_NAME_LEN bytes
 * @property: out: handle
 *
 * Return: 0, -EINVAL, -ENOSPC at the limit of the world, -ENOMEM.
 */
int fusion_property_create(struct fusion *fusion, const char *name,
			   struct fusion_property **property);

/**
 * fusion_property_open - a handle of a property that another member has made
 * @fusion: member
 * @id: its number
 * @property: out: handle
 *
 * Return: 0, -ENOENT, -ENOMEM.
 */
int fusion_property_open(struct fusion *fusion, uint32_t id, struct fusion_property **property);

/**
 * fusion_property_close - free a handle
 * @property: handle. The property stays, and so does its owner.
 */
void fusion_property_close(struct fusion_property *property);

/**
 * fusion_property_destroy - destroy it for all members
 * @property: handle, still to be closed
 *
 * Return: 0 or -ENOENT.
 */
int fusion_property_destroy(struct fusion_property *property);

/**
 * fusion_property_id - its number, for other members
 * @property: handle
 *
 * Return: the number.
 */
uint32_t fusion_property_id(const struct fusion_property *property);

/**
 * fusion_property_lease - own it for a short time
 * @property: handle
 * @timeout: when to give up
 *
 * Return: 0; -ETIMEDOUT; -EBUSY: the thread has purchased it, or another one has, more
 * than 100 ms ago; -EOVERFLOW: taken too often; -ENOENT, -EIDRM, -EUSERS, -ENOMEM,
 * -ESHUTDOWN.
 */
int fusion_property_lease(struct fusion_property *property, int64_t timeout);

/**
 * fusion_property_purchase - own it for long
 * @property: handle
 * @timeout: when to give up
 *
 * Return: as fusion_property_lease(), but -EBUSY: the thread has leased it, or another one
 * has purchased it more than a second ago.
 */
int fusion_property_purchase(struct fusion_property *property, int64_t timeout);

/**
 * fusion_property_cede - own it once less
 * @property: handle
 *
 * Return: 0; -EPERM: the calling thread does not own it, or does not any more; -ENOENT. A
 * thread that the world does not know yet: -EUSERS, -ENOMEM.
 */
int fusion_property_cede(struct fusion_property *property);

/**
 * fusion_property_holdup - take it from a purchaser
 * @property: handle
 *
 * The purchaser's process is killed if the world has DRM_FUSION_WORLD_HOLDUP_KILLS.
 *
 * Return: 0; -EACCES: not the first member, or it may not kill that process; -ENODATA:
 * nobody has purchased it; -ENOENT.
 */
int fusion_property_holdup(struct fusion_property *property);

#ifdef __cplusplus
}
#endif

#endif /* _LIBDRM_FUSION_H */
