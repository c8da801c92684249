// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes that a thread has from its callers.
 *
 * A thread that runs a call works for the caller, which waits for it, and for the caller of
 * that one. What one of these owns is no obstacle: the thread gets it, and it goes back when
 * the thread has unlocked it, or when the call ends:
 *
 *   C owns S, calls T                 C <- word
 *   T locks S                         C <- lent to T          word: T | SLOW
 *   T calls U, which locks S          C <- lent to T <- lent to U      word: U | SLOW
 *   U unlocks S                       C <- lent to T          word: T | SLOW
 *   T's call ends                     C <- word, count as it was
 *
 * So the threads that have a skirmish form a chain, the innermost one in the word, the
 * others in the list of struct fusion_lent: each says who has lent it, and in which
 * execution. A link goes away with one of its ends, and its neighbours join:
 *
 *  - The innermost one unlocks, dies, or its execution ends: the word goes to the one who
 *    has lent it, with the count that it had then.
 *  - One in the middle goes, because its execution has ended or it is dead: what it has lent
 *    now goes back to the one who had lent it to it.
 *  - The first owner goes, dead, or it unlocks after it has given up waiting: the next one
 *    has it for good.
 *
 * A struct fusion_lent is in two lists: of its skirmish under the skirmish's lock, and of
 * its execution under the world's waits_lock, which is taken inside. It is made and freed
 * with both held, so who finds it in the list of the execution has to look again:
 *
 *   fusion_skirmish_return()          unlock
 *   lock waits, first of the list,
 *   get the skirmish, unlock waits
 *                                     lock skirmish, free the link, unlock
 *   lock skirmish
 *   is there one of the execution? no
 *
 * A member may have one thread that alone takes its calls, the dispatcher. Then a call that it
 * has not taken yet lends as well: while the dispatcher does something else, which may need
 * what the caller owns, nobody could go on otherwise. Who lends is found from the other end,
 * from the owner on: he waits for a call, the dispatcher of its handler waits for a call, and
 * so on until the one who wants the skirmish. He may want it before or after the others began
 * to wait: fusion_skirmish_offer() is for a call that comes later.
 *
 * A thread gets nothing in the name of an execution that has ended: call.c takes it out of
 * the thread's serving, under waits_lock, before it calls fusion_skirmish_return().
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include "fusion.h"

/**
 * fusion_lent_by - what a thread has lent of a skirmish
 * @skirmish: skirmish
 * @thread: thread
 *
 * Context: the skirmish's lock is held.
 * Return: the link, or NULL.
 */
struct fusion_lent *fusion_lent_by(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	struct fusion_lent *lent;

	list_for_each_entry(lent, &skirmish->lent, link)
		if (lent->from == thread)
			return lent;
	return NULL;
}

/* Puts a thread on the list of those to be looked at, once in a search. */
static void meet(struct fusion_thread *thread, struct list_head *found)
{
	struct fusion_world *world = thread->member->world;

	if (thread->stamp == world->stamp)
		return;
	thread->stamp = world->stamp;
	list_add_tail(&thread->found, found);
}

/* Whether a thread, or a caller of it however far out, is the owner. */
static bool search(struct fusion_thread *thread, const struct fusion_thread *owner)
{
	struct fusion_exec *exec;
	LIST_HEAD(found);
	bool ret = false;

	meet(thread, &found);
	while (!list_empty(&found)) {
		thread = list_first_entry(&found, struct fusion_thread, found);
		list_del_init(&thread->found);
		ret |= thread == owner;
		for (exec = thread->serving; exec && !ret; exec = exec->outer)
			meet(exec->caller, &found);
	}
	return ret;
}

/*
 * In which of the calls that the thread runs the owner is met, or NULL. A thread may have
 * taken several calls. Callers that have given up and are called by whom they called form a
 * circle: each thread is met once.
 */
static struct fusion_exec *find_caller(struct fusion_thread *thread,
				       const struct fusion_thread *owner)
{
	struct fusion_world *world = thread->member->world;
	struct fusion_exec *exec;

	lockdep_assert_held(&world->waits_lock);
	world->stamp++;
	thread->stamp = world->stamp;
	for (exec = thread->serving; exec; exec = exec->outer)
		if (search(exec->caller, owner))
			break;
	return exec;
}

/**
 * fusion_thread_dispatches - the calling thread is the one that alone takes calls
 * @thread: thread
 *
 * Context: any.
 */
void fusion_thread_dispatches(struct fusion_thread *thread)
{
	struct fusion_member *member = thread->member;

	if (READ_ONCE(member->dispatcher) == thread)
		return;
	spin_lock(&member->world->waits_lock);
	WRITE_ONCE(member->dispatcher, thread);
	spin_unlock(&member->world->waits_lock);
}

/* What a thread waits for in the end, if it and all on the way wait for dispatchers: see above. */
static struct fusion_thread *next_dispatcher(struct fusion_thread *thread)
{
	struct fusion_world *world = thread->member->world;

	lockdep_assert_held(&world->waits_lock);
	if (thread->waits_for != DRM_FUSION_CALL || thread->exec->over ||
	    thread->stamp == world->stamp)
		return NULL;
	thread->stamp = world->stamp;
	return thread->exec->handler->dispatcher;
}

/* The call that a thread is waited for in, by the owner or somebody on the way, or NULL. */
static struct fusion_exec *find_call(struct fusion_thread *thread, struct fusion_thread *owner)
{
	struct fusion_thread *next;

	thread->member->world->stamp++;
	while ((next = next_dispatcher(owner))) {
		if (next == thread)
			return owner->exec;
		owner = next;
	}
	return NULL;
}

/**
 * fusion_lent_begin - get a skirmish from a caller
 * @skirmish: skirmish, frozen
 * @thread: thread that wants it
 * @owner: token of the one who has it
 * @new: memory, all zero, set to NULL when it is used; NULL if @thread runs no call
 *
 * Context: the skirmish's lock is held. The caller writes the word and the count.
 * Return: whether @thread has it now.
 */
bool fusion_lent_begin(struct fusion_skirmish *skirmish, struct fusion_thread *thread, u32 owner,
		       struct fusion_lent **new)
{
	struct fusion_world *world = skirmish->base.world;
	struct fusion_lent *lent = *new;
	struct fusion_thread *from;
	struct fusion_exec *exec;

	if (!lent)
		return false;
	from = fusion_thread_find(world, owner);
	if (!from)
		return false;
	spin_lock(&world->waits_lock);
	exec = find_caller(thread, from);
	if (!exec && thread->member->dispatcher == thread)
		exec = find_call(thread, from);
	if (exec) {
		fusion_object_get(&skirmish->base);
		lent->skirmish = skirmish;
		lent->from = from;
		lent->exec = exec;
		lent->count = max(READ_ONCE(skirmish->state->count), 1U);
		list_add(&lent->link, &skirmish->lent);
		list_add(&lent->given, &lent->exec->lent);
		*new = NULL;
	}
	spin_unlock(&world->waits_lock);
	if (!exec)
		fusion_thread_put(from);
	return exec;
}

static void lent_free(struct fusion_lent *lent)
{
	struct fusion_skirmish *skirmish = lent->skirmish;
	struct fusion_world *world = skirmish->base.world;

	list_del(&lent->link);
	spin_lock(&world->waits_lock);
	list_del(&lent->given);
	spin_unlock(&world->waits_lock);
	fusion_thread_put(lent->from);
	/* Not the last one: the caller has its own. */
	fusion_object_put(&skirmish->base);
	kfree(lent);
}

/**
 * fusion_lent_end - the one it was lent to does not have it any more
 * @skirmish: skirmish, frozen if it is the innermost link
 * @lent: link, freed
 *
 * Context: the skirmish's lock is held, and the caller has a reference.
 */
void fusion_lent_end(struct fusion_skirmish *skirmish, struct fusion_lent *lent)
{
	u32 token = lent->from->token;
	struct fusion_lent *inner;

	if (list_is_first(&lent->link, &skirmish->lent)) {
		WRITE_ONCE(skirmish->state->count, lent->count);
		lent_free(lent);
		fusion_skirmish_write(skirmish, token);
		return;
	}
	inner = list_prev_entry(lent, link);
	swap(inner->from, lent->from);
	inner->count = lent->count;
	lent_free(lent);
}

/**
 * fusion_lent_leave - the one that has lent it does not have it any more
 * @skirmish: skirmish
 * @lent: link, freed if it was the outermost one
 *
 * Context: the skirmish's lock is held, and the caller has a reference and writes the word.
 */
void fusion_lent_leave(struct fusion_skirmish *skirmish, struct fusion_lent *lent)
{
	if (list_is_last(&lent->link, &skirmish->lent))
		lent_free(lent);
	else
		fusion_lent_end(skirmish, list_next_entry(lent, link));
}

/**
 * fusion_lents_end - the skirmish is destroyed
 * @skirmish: skirmish
 *
 * Context: the skirmish's lock is held, and the caller has a reference.
 */
void fusion_lents_end(struct fusion_skirmish *skirmish)
{
	struct fusion_lent *lent, *next;

	list_for_each_entry_safe(lent, next, &skirmish->lent, link)
		lent_free(lent);
}

/**
 * fusion_skirmish_return - a call ends: what its server still has goes back
 * @exec: execution that no thread is serving any more
 *
 * Costs as much as is lent.
 *
 * Context: process context, no locks held.
 */
void fusion_skirmish_return(struct fusion_exec *exec)
{
	struct fusion_world *world = exec->caller->member->world;
	struct fusion_skirmish *skirmish;
	struct fusion_lent *lent;

	for (;;) {
		spin_lock(&world->waits_lock);
		lent = list_first_entry_or_null(&exec->lent, struct fusion_lent, given);
		skirmish = lent ? lent->skirmish : NULL;
		if (skirmish)
			fusion_object_get(&skirmish->base);
		spin_unlock(&world->waits_lock);
		if (!skirmish)
			return;

		spin_lock(&skirmish->base.lock);
		list_for_each_entry(lent, &skirmish->lent, link) {
			if (lent->exec != exec)
				continue;
			fusion_skirmish_freeze(skirmish);
			fusion_lent_end(skirmish, lent);
			fusion_skirmish_write(skirmish, fusion_skirmish_freeze(skirmish));
			break;
		}
		spin_unlock(&skirmish->base.lock);
		fusion_object_put(&skirmish->base);
	}
}

/**
 * fusion_skirmish_claim - look whether a thread that waits may have the skirmish
 * @skirmish: skirmish
 * @thread: thread that waits for it, or not any more
 *
 * Context: sleeps.
 */
void fusion_skirmish_claim(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	struct fusion_lent *lent = kzalloc(sizeof(*lent), GFP_KERNEL_ACCOUNT);
	struct fusion_waiter *waiter;
	u32 owner;

	spin_lock(&skirmish->base.lock);
	list_for_each_entry(waiter, &skirmish->waiters, link) {
		if (waiter->thread != thread)
			continue;
		owner = fusion_skirmish_freeze(skirmish);
		if (owner && fusion_lent_begin(skirmish, thread, owner, &lent))
			fusion_skirmish_give(skirmish, waiter);
		else
			fusion_skirmish_write(skirmish, owner);
		break;
	}
	spin_unlock(&skirmish->base.lock);
	kfree(lent);
}

/**
 * fusion_skirmish_offer - what the dispatcher wants and its callers have is lent to it
 * @exec: execution that the calling thread is going to wait for
 *
 * Costs as much as threads wait one for the other.
 *
 * Context: sleeps.
 */
void fusion_skirmish_offer(struct fusion_exec *exec)
{
	struct fusion_world *world = exec->handler->world;
	struct fusion_thread *thread = exec->caller, *next;
	struct fusion_object *skirmish = NULL;

	if (!READ_ONCE(exec->handler->dispatcher))
		return;
	spin_lock(&world->waits_lock);
	world->stamp++;
	while ((next = next_dispatcher(thread)))
		thread = next;
	if (thread->waits_for == DRM_FUSION_SKIRMISH) {
		skirmish = thread->skirmish;
		fusion_object_get(skirmish);
		fusion_thread_get(thread);
	}
	spin_unlock(&world->waits_lock);
	if (!skirmish)
		return;
	fusion_skirmish_claim(container_of(skirmish, struct fusion_skirmish, base), thread);
	fusion_thread_put(thread);
	fusion_object_put(skirmish);
}
