// SPDX-License-Identifier: GPL-2.0
/*
 * Executions: synchronous calls on their way.
 *
 * An execution ends once: by the reply, because the caller gives up, because the call is
 * destroyed, or because the handler or its thread is gone. Who sets exec->ending ends it,
 * all others come too late:
 *
 *   handler                           caller
 *   lock call
 *   ending = true
 *   unlock call
 *                                     time-out: lock call
 *                                     ending is set: unlock call, wait for ended
 *   lock waits
 *   over = true, out of server's list
 *   unlock waits
 *   give back what was lent
 *   lock call
 *   status, result, reply
 *   wake up the caller if it waits
 *   unlock call
 *   ended (A)                         sees ended (B): takes the reply
 *
 * A thread that takes the message of an execution looks at over under the waits_lock, so
 * it never serves what has ended.
 */
#include <linux/bits.h>
#include <linux/slab.h>
#include "fusion.h"
#include "trace.h"

static void exec_free(struct kref *kref)
{
	struct fusion_exec *exec = container_of(kref, struct fusion_exec, kref);

	fusion_payload_put(exec->reply);
	if (exec->server)
		fusion_thread_put(exec->server);
	fusion_thread_put(exec->caller);
	fusion_member_put(exec->handler);
	fusion_object_put(&exec->call->base);
	kfree(exec);
}

/**
 * fusion_exec_get - take a reference
 * @exec: execution that the caller has a reference of, or holds the waits_lock and finds
 *	it served
 */
void fusion_exec_get(struct fusion_exec *exec)
{
	kref_get(&exec->kref);
}

/**
 * fusion_exec_put - drop a reference
 * @exec: execution
 *
 * Context: may sleep.
 */
void fusion_exec_put(struct fusion_exec *exec)
{
	kref_put(&exec->kref, exec_free);
}

#define SLOT_BITS	32
#define SHORT_SLOT_BITS	16

static unsigned int slot_bits(const struct fusion_member *handler)
{
	return handler->front->short_serials ? SHORT_SLOT_BITS : SLOT_BITS;
}

static u32 slot_mask(const struct fusion_member *handler)
{
	return GENMASK(slot_bits(handler) - 1, 0);
}

/**
 * fusion_exec_create - begin a synchronous call
 * @call: call
 * @caller: the calling thread
 * @room: bytes of data that it takes
 * @handles: whether it takes buffers
 *
 * Context: sleeps.
 * Return: the execution with a reference, or ERR_PTR(-EIDRM), ERR_PTR(-EPIPE) if the call
 * was destroyed, ERR_PTR(-ENOMEM).
 */
struct fusion_exec *fusion_exec_create(struct fusion_call *call, struct fusion_thread *caller,
				       u32 room, bool handles)
{
	struct fusion_exec *exec = kzalloc(sizeof(*exec), GFP_KERNEL_ACCOUNT);
	struct fusion_member *handler = call->handler;
	bool dead;
	int ret;

	if (!exec)
		return ERR_PTR(-ENOMEM);
	kref_init(&exec->kref);
	fusion_object_get(&call->base);
	exec->call = call;
	fusion_member_get(handler);
	exec->handler = handler;
	fusion_thread_get(caller);
	exec->caller = caller;
	exec->room = room;
	exec->handles = handles;
	INIT_LIST_HEAD(&exec->link);
	INIT_LIST_HEAD(&exec->lent);
	init_completion(&exec->ended);
	exec->round = atomic_inc_return(&handler->next_round);
	if (handler->front->short_serials)
		exec->round &= U32_MAX >> SHORT_SLOT_BITS;

	/* The table's reference. From here on the handler may end it. */
	fusion_exec_get(exec);
	ret = xa_alloc(&handler->execs, &exec->slot, exec,
		       XA_LIMIT(0, slot_mask(handler)), GFP_KERNEL_ACCOUNT);
	if (ret) {
		fusion_exec_put(exec);
		fusion_exec_put(exec);
		return ERR_PTR(ret == -EBUSY ? -ENOMEM : ret);
	}
	spin_lock(&call->base.lock);
	dead = call->base.dead;
	if (!dead && !exec->ending) {
		list_add_tail(&exec->link, &call->execs);
		call->nr_execs++;
	}
	spin_unlock(&call->base.lock);
	if (dead) {
		ret = fusion_call_lost(call);
		fusion_exec_end(exec, ret, 0, NULL);
		fusion_exec_put(exec);
		return ERR_PTR(ret);
	}
	trace_fusion_call_begin(exec, caller->token, 0);
	return exec;
}

/**
 * fusion_exec_serial - what names an execution in a reply
 * @exec: execution
 *
 * Slots are used again at once, so that the table neither grows nor shrinks from call to
 * call. The number beside it tells the executions that have had the slot from each other.
 * A short serial comes again after 65536 calls, if its slot is the same by chance.
 *
 * Return: the serial, not zero.
 */
u64 fusion_exec_serial(const struct fusion_exec *exec)
{
	return (u64)exec->round << slot_bits(exec->handler) | exec->slot;
}

/**
 * fusion_exec_find - the execution that a handler replies to
 * @handler: member
 * @serial: serial, perhaps a wrong one
 *
 * Context: any.
 * Return: the execution with a reference, or NULL.
 */
struct fusion_exec *fusion_exec_find(struct fusion_member *handler, u64 serial)
{
	struct fusion_exec *exec;

	xa_lock(&handler->execs);
	exec = xa_load(&handler->execs, serial & slot_mask(handler));
	if (exec && fusion_exec_serial(exec) == serial)
		fusion_exec_get(exec);
	else
		exec = NULL;
	xa_unlock(&handler->execs);
	return exec;
}

/**
 * fusion_exec_take - a thread has received a call
 * @exec: execution
 * @server: the calling thread
 *
 * Context: any.
 */
void fusion_exec_take(struct fusion_exec *exec, struct fusion_thread *server)
{
	struct fusion_world *world = exec->handler->world;

	trace_fusion_call_take(exec, server->token, 0);
	spin_lock(&world->waits_lock);
	if (!exec->over) {
		fusion_thread_get(server);
		exec->server = server;
		exec->outer = server->serving;
		if (exec->outer)
			exec->outer->inner = exec;
		server->serving = exec;
	}
	spin_unlock(&world->waits_lock);
}

/* Nobody serves it any more, and its caller waits for nobody. */
static void stop_serving(struct fusion_exec *exec)
{
	struct fusion_world *world = exec->handler->world;
	struct fusion_thread *caller = exec->caller;

	spin_lock(&world->waits_lock);
	exec->over = true;
	if (exec->server) {
		if (exec->inner)
			exec->inner->outer = exec->outer;
		else
			exec->server->serving = exec->outer;
		if (exec->outer)
			exec->outer->inner = exec->inner;
		exec->inner = NULL;
		exec->outer = NULL;
	}
	if (caller->waits_for == DRM_FUSION_CALL && caller->exec == exec)
		caller->waits_for = 0;
	spin_unlock(&world->waits_lock);
}

/**
 * fusion_exec_end - end an execution
 * @exec: execution
 * @status: 0 or a negative errno
 * @result: for the caller
 * @reply: payload for the caller, or NULL; the execution owns it if the result is true
 *
 * Context: may sleep; no locks are held.
 * Return: false if somebody else ends it or has ended it.
 */
bool fusion_exec_end(struct fusion_exec *exec, int status, s32 result,
		     struct fusion_payload *reply)
{
	struct fusion_call *call = exec->call;
	bool late;

	spin_lock(&call->base.lock);
	late = exec->ending;
	exec->ending = true;
	if (!late && !list_empty(&exec->link)) {
		list_del_init(&exec->link);
		call->nr_execs--;
	}
	spin_unlock(&call->base.lock);
	if (late)
		return false;

	if (!status)
		trace_fusion_call_reply(exec, exec->caller->token, result);
	stop_serving(exec);
	fusion_skirmish_return(exec);
	xa_erase(&exec->handler->execs, exec->slot);

	spin_lock(&call->base.lock);
	exec->status = status;
	exec->result = result;
	exec->reply = reply;
	if (exec->waiter)
		fusion_wake(exec->waiter, 0);
	exec->waiter = NULL;
	spin_unlock(&call->base.lock);
	trace_fusion_call_end(exec, exec->caller->token, status);
	complete_all(&exec->ended); /* (A) */
	fusion_exec_put(exec);
	return true;
}

/* Whether the thread that runs it is dead: then it is released, and with it this ends. */
static void check_server(struct fusion_exec *exec)
{
	struct fusion_world *world = exec->handler->world;
	struct fusion_thread *server;

	spin_lock(&world->waits_lock);
	server = exec->server;
	if (server)
		fusion_thread_get(server);
	spin_unlock(&world->waits_lock);
	if (!server)
		return;
	if (!fusion_thread_alive(server))
		fusion_thread_release(server);
	fusion_thread_put(server);
}

/* Waits once. */
static int wait(struct fusion_exec *exec, ktime_t deadline)
{
	spinlock_t *lock = &exec->call->base.lock;
	struct fusion_waiter waiter;
	bool ending;
	int ret;

	fusion_waiter_init(&waiter, exec->caller);
	spin_lock(lock);
	ending = exec->ending;
	if (!ending)
		exec->waiter = &waiter;
	spin_unlock(lock);
	if (ending)
		return 0;
	ret = fusion_wait(&waiter, deadline);
	if (!ret)
		return 0;
	spin_lock(lock);
	exec->waiter = NULL;
	if (waiter.done)
		ret = 0;
	spin_unlock(lock);
	return ret;
}

/**
 * fusion_exec_wait - wait for the end of an execution
 * @exec: execution of the calling thread
 * @deadline: when to give up
 *
 * After -ERESTARTSYS it goes on, and can be waited for again. Else it has ended.
 *
 * Context: sleeps.
 * Return: its status, or -ERESTARTSYS, -ETIMEDOUT, -ESHUTDOWN.
 */
int fusion_exec_wait(struct fusion_exec *exec, ktime_t deadline)
{
	int ret;

	while ((ret = wait(exec, deadline)) == -EAGAIN)
		check_server(exec);
	if (ret == -ERESTARTSYS)
		return ret;
	if (ret && fusion_exec_end(exec, ret, 0, NULL))
		return ret;
	/* Who ends it does not wait for anybody. */
	wait_for_completion(&exec->ended); /* (B) */
	return exec->status;
}

/**
 * fusion_execs_end - end all executions of a call
 * @call: call that is dead, so there will be no more
 * @status: for the callers
 *
 * Context: may sleep.
 */
void fusion_execs_end(struct fusion_call *call, int status)
{
	struct fusion_exec *exec;

	for (;;) {
		spin_lock(&call->base.lock);
		exec = list_first_entry_or_null(&call->execs, struct fusion_exec, link);
		if (exec)
			fusion_exec_get(exec);
		spin_unlock(&call->base.lock);
		if (!exec)
			break;
		fusion_exec_end(exec, status, 0, NULL);
		fusion_exec_put(exec);
	}
}

/**
 * fusion_execs_thread_gone - end what a thread serves and what it has begun
 * @thread: thread that is gone
 *
 * Context: sleeps.
 */
void fusion_execs_thread_gone(struct fusion_thread *thread)
{
	struct fusion_world *world = thread->member->world;
	struct fusion_exec *exec;

	for (;;) {
		spin_lock(&world->waits_lock);
		exec = thread->serving;
		if (exec)
			fusion_exec_get(exec);
		spin_unlock(&world->waits_lock);
		if (!exec)
			break;
		if (!fusion_exec_end(exec, -EPIPE, 0, NULL))
			wait_for_completion(&exec->ended);
		fusion_exec_put(exec);
	}
	fusion_exec_abandon(thread);
}

/**
 * fusion_exec_abandon - a thread does not come back to the call that it was waiting for
 * @thread: the calling thread, or one that is gone
 *
 * Context: may sleep.
 */
void fusion_exec_abandon(struct fusion_thread *thread)
{
	struct fusion_exec *exec = thread->interrupted;

	if (!exec)
		return;
	thread->interrupted = NULL;
	fusion_exec_end(exec, -ECANCELED, 0, NULL);
	fusion_queue_drop(exec);
	fusion_exec_put(exec);
}
