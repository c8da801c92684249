// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits for whom, and whether that can end.
 *
 * A thread that waits for a skirmish waits for its owner. One that waits for a call waits
 * for the thread that runs it, or, while nobody has taken it, for any thread of the
 * handler that takes calls. So a wait can end if, going on from thread to thread, there
 * is one that does not wait. If there is none, all of them wait for each other for ever:
 * the wait that would make it so is refused.
 *
 * A thread enters its wait and searches under one lock, so of two waits that would close
 * a circle together, the second one finds it:
 *
 *   A, has S, wants T                 B, has T, wants S
 *   lock
 *   A waits for T, owner B
 *   B does not wait: good
 *   unlock
 *                                     lock
 *                                     B waits for S, owner A
 *                                     A waits for T, owner B: nobody is left
 *                                     B does not wait, unlock, -EDEADLK
 *
 * A front end may not be able to say which threads take part in a call: some may be handed
 * what another one has received, and reply. Its threads are not refused anything.
 *
 * Who owns a skirmish is read from its word, which members can write. While somebody
 * waits for it an honest owner asks the kernel to unlock. A wrong word makes this search
 * wrong, for members of the same world, and never endless: each thread is met once.
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fusion.h"

static u32 owner_of(struct fusion_object *object)
{
	struct fusion_skirmish *skirmish = container_of(object, struct fusion_skirmish, base);

	return READ_ONCE(skirmish->state->word) & DRM_FUSION_SKIRMISH_OWNER;
}

/* Puts a thread on the list of those to be looked at; false if it does not wait. */
static bool meet(struct fusion_world *world, struct fusion_thread *thread,
		 struct list_head *found)
{
	if (!thread->waits_for)
		return false;
	if (thread->stamp != world->stamp) {
		thread->stamp = world->stamp;
		list_add_tail(&thread->found, found);
	}
	return true;
}

/* Whether all threads that @thread waits for wait themselves. */
static bool all_wait(struct fusion_world *world, struct fusion_thread *thread,
		     struct list_head *found)
{
	struct fusion_thread *next;
	unsigned long index;
	bool any = false;

	if (thread->waits_for == DRM_FUSION_SKIRMISH) {
		/* It is just being handed over, or the owner is dead: the wait will end. */
		next = xa_load(&world->threads, owner_of(thread->skirmish));
		return next && next != thread && meet(world, next, found);
	}
	/* Only the caller has to see it. */
	if (thread->exec->over)
		return false;
	if (thread->exec->server)
		return meet(world, thread->exec->server, found);
	xa_for_each(&thread->exec->handler->threads, index, next) {
		if (!READ_ONCE(next->server))
			continue;
		if (!meet(world, next, found))
			return false;
		any = true;
	}
	return any;
}

static bool is_deadlock(struct fusion_world *world, struct fusion_thread *thread)
{
	LIST_HEAD(found);
	bool ret = true;

	lockdep_assert_held(&world->waits_lock);
	world->stamp++;
	/* Threads are freed by RCU: those that the search meets stay as long. */
	rcu_read_lock();
	meet(world, thread, &found);
	while (ret && !list_empty(&found)) {
		thread = list_first_entry(&found, struct fusion_thread, found);
		list_del_init(&thread->found);
		ret = all_wait(world, thread, &found);
	}
	while (!list_empty(&found))
		list_del_init(found.next);
	rcu_read_unlock();
	return ret;
}

/* What a thread waits for; the rest of the record is of the reader. */
static void describe(struct fusion_world *world, struct fusion_thread *thread,
		     struct drm_fusion_query_wait *record)
{
	struct fusion_thread *turn;

	memset(record, 0, sizeof(*record));
	record->token = thread->token;
	record->member = thread->member->id;
	record->type = thread->waits_for;
	rcu_read_lock();
	if (thread->waits_for == DRM_FUSION_SKIRMISH) {
		record->id = thread->skirmish->id;
		turn = xa_load(&world->threads, owner_of(thread->skirmish));
	} else {
		record->id = thread->exec->call->base.id;
		record->for_member = thread->exec->handler->id;
		turn = thread->exec->server;
	}
	if (turn) {
		record->for_member = turn->member->id;
		record->for_token = turn->token;
	}
	rcu_read_unlock();
}

/* @next: whom it waits for, or NULL if that is to be found out. */
static int wait_or_refuse(struct fusion_world *world, struct fusion_thread *thread,
			  const struct fusion_thread *next)
{
	lockdep_assert_held(&world->waits_lock);
	thread->refused.type = 0;
	if (thread->member->front->patient || (next && !next->waits_for) ||
	    !is_deadlock(world, thread))
		return 0;
	describe(world, thread, &thread->refused);
	thread->refused.deadlock = 1;
	thread->waits_for = 0;
	return -EDEADLK;
}

/**
 * fusion_graph_wait_skirmish - a thread is going to wait for a skirmish
 * @thread: the calling thread
 * @skirmish: in whose word the flag is set that keeps the owner from unlocking it alone
 * @owner: who has it, or NULL if the caller does not know
 *
 * Context: the caller holds the skirmish's lock, and an RCU read lock for @owner. It calls
 * fusion_graph_done() when it does not wait any more.
 * Return: 0, or -EDEADLK if the wait could not end: then it does not wait.
 */
int fusion_graph_wait_skirmish(struct fusion_thread *thread, struct fusion_skirmish *skirmish,
			       const struct fusion_thread *owner)
{
	struct fusion_world *world = thread->member->world;
	int ret;

	spin_lock(&world->waits_lock);
	thread->waits_for = DRM_FUSION_SKIRMISH;
	thread->skirmish = &skirmish->base;
	ret = wait_or_refuse(world, thread, owner);
	spin_unlock(&world->waits_lock);
	return ret;
}

/**
 * fusion_graph_wait_exec - a thread is going to wait for a call
 * @thread: the calling thread
 * @exec: the execution
 *
 * Context: any; the caller calls fusion_graph_done() when it does not wait any more.
 * Return: 0, or -EDEADLK if the wait could not end: then it does not wait.
 */
int fusion_graph_wait_exec(struct fusion_thread *thread, struct fusion_exec *exec)
{
	struct fusion_world *world = thread->member->world;
	const struct fusion_thread *server;
	int ret;

	spin_lock(&world->waits_lock);
	rcu_read_lock();
	thread->waits_for = DRM_FUSION_CALL;
	thread->exec = exec;
	/* Nobody has taken it: then it is enough that one of the handler's threads can. */
	server = exec->server ?: READ_ONCE(exec->handler->recent);
	if (server && !READ_ONCE(server->server))
		server = NULL;
	ret = wait_or_refuse(world, thread, server);
	rcu_read_unlock();
	spin_unlock(&world->waits_lock);
	return ret;
}

/**
 * fusion_graph_done - a thread does not wait any more
 * @thread: the calling thread, or one that is being woken up
 *
 * Context: any.
 */
void fusion_graph_done(struct fusion_thread *thread)
{
	struct fusion_world *world = thread->member->world;

	spin_lock(&world->waits_lock);
	thread->waits_for = 0;
	spin_unlock(&world->waits_lock);
}

/**
 * fusion_wait_record - describe what a thread waits for, or was refused to wait for
 * @thread: thread
 * @record: filled in
 *
 * Context: any.
 * Return: false if there is nothing to tell.
 */
bool fusion_wait_record(struct fusion_thread *thread, struct drm_fusion_query_wait *record)
{
	struct fusion_world *world = thread->member->world;

	spin_lock(&world->waits_lock);
	*record = thread->refused;
	if (thread->waits_for) {
		describe(world, thread, record);
		record->deadlock = is_deadlock(world, thread);
	}
	spin_unlock(&world->waits_lock);
	record->tid = pid_vnr(thread->pid);
	return record->type;
}

/**
 * fusion_waits_query - DRM_FUSION_QUERY_WAITS
 * @member: active member
 * @args: of the request
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EFAULT.
 */
int fusion_waits_query(struct fusion_member *member, struct drm_fusion_query *args)
{
	struct drm_fusion_query_wait __user *to = u64_to_user_ptr(args->records);
	struct fusion_world *world = member->world;
	struct drm_fusion_query_wait record;
	struct fusion_thread *thread;
	unsigned long token;
	u32 written = 0;
	bool any;

	if (args->type)
		return -EINVAL;
	xa_for_each_start(&world->threads, token, thread, (unsigned long)args->after + 1) {
		if (written == args->count)
			break;
		cond_resched();
		thread = fusion_thread_find(world, token);
		if (!thread)
			continue;
		any = fusion_wait_record(thread, &record);
		fusion_thread_put(thread);
		if (!any)
			continue;
		if (copy_to_user(to + written, &record, sizeof(record)))
			return -EFAULT;
		written++;
	}
	args->count = written;
	return 0;
}
