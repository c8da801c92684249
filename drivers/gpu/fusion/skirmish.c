// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes: recursive locks of threads. See skirmish-wait.c for wait and notify,
 * skirmish-lend.c for calls.
 *
 * DOC: the word
 *
 * A thread locks by changing the word from zero to its token and unlocks by changing it
 * back, without the kernel. Any flag in the word makes both fail, so that the thread asks
 * the kernel. That is how the kernel gets the word for itself, with one atomic operation
 * and no loop that a member could keep going:
 *
 *   kernel                            members
 *                                     word: 0 -> token, token -> 0
 *   lock object
 *   set SLOW (A)
 *                                     word: fails, ask the kernel: lock object
 *   read word, decide (B)
 *   write word, with or without flags
 *   unlock object
 *
 * From (A) on only the kernel changes the word, so what (B) reads stays true. A member that
 * writes into the word all the same makes the kernel decide on a wrong owner: it is an error
 * of its world, and all that follows from the kernel's own lists stays right.
 *
 * DOC: order
 *
 * Who finds it locked waits in a list. While the list is not empty the word has the flag
 * WAITERS, and an unlock goes to the kernel, which gives the skirmish to the thread that
 * has waited longest: it owns it before it is awake. So nobody can come in between, and
 * nobody starves.
 */
#include <linux/atomic.h>
#include <linux/slab.h>
#include "fusion.h"

static u32 read_owner(struct fusion_skirmish *skirmish)
{
	return READ_ONCE(skirmish->state->word) & DRM_FUSION_SKIRMISH_OWNER;
}

/**
 * fusion_skirmish_freeze - keep members from changing the word
 * @skirmish: skirmish
 *
 * What they did before they changed it is seen.
 *
 * Context: the object's lock is held. fusion_skirmish_write() follows.
 * Return: the token of the owner, or zero.
 */
u32 fusion_skirmish_freeze(struct fusion_skirmish *skirmish)
{
	u32 *word = &skirmish->state->word;

	lockdep_assert_held(&skirmish->base.lock);
	atomic_or(DRM_FUSION_SKIRMISH_SLOW, (atomic_t *)word); /* (A) */
	return smp_load_acquire(word) & DRM_FUSION_SKIRMISH_OWNER; /* (B) */
}

/**
 * fusion_skirmish_write - write the word, with the flags that have to be there
 * @skirmish: skirmish, whose word is frozen
 * @token: of the owner, or zero
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_write(struct fusion_skirmish *skirmish, u32 token)
{
	u32 word = token;

	lockdep_assert_held(&skirmish->base.lock);
	if (skirmish->died)
		word |= DRM_FUSION_SKIRMISH_DIED;
	if (!list_empty(&skirmish->lent))
		word |= DRM_FUSION_SKIRMISH_SLOW;
	if (!list_empty(&skirmish->waiters))
		word |= DRM_FUSION_SKIRMISH_WAITERS;
	/* Who reads it sees what the last owner did. */
	smp_store_release(&skirmish->state->word, word);
}

/**
 * fusion_skirmish_give - a waiter has it
 * @skirmish: skirmish, whose word is frozen
 * @waiter: in its list
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_give(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter)
{
	list_del_init(&waiter->link);
	fusion_graph_done(waiter->thread);
	WRITE_ONCE(skirmish->state->count, waiter->private);
	fusion_skirmish_write(skirmish, waiter->thread->token);
	fusion_wake(waiter, skirmish->died ? -EOWNERDEAD : 0);
}

/**
 * fusion_skirmish_pass_on - the owner has it no more: give it to the next one
 * @skirmish: skirmish, whose word is frozen
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_pass_on(struct fusion_skirmish *skirmish)
{
	struct fusion_waiter *waiter;

	if (!list_empty(&skirmish->lent)) {
		fusion_lent_end(skirmish, list_first_entry(&skirmish->lent, struct fusion_lent,
							   link));
		return;
	}
	waiter = list_first_entry_or_null(&skirmish->waiters, struct fusion_waiter, link);
	if (waiter)
		fusion_skirmish_give(skirmish, waiter);
	else
		fusion_skirmish_write(skirmish, 0);
}

/**
 * fusion_skirmish_write_id - write the number into the state, where it is not
 * @skirmish: skirmish that has a number
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_write_id(struct fusion_skirmish *skirmish)
{
	lockdep_assert_held(&skirmish->base.lock);
	if (READ_ONCE(skirmish->state->id) != skirmish->base.id)
		WRITE_ONCE(skirmish->state->id, skirmish->base.id);
}

static struct fusion_thread *find_owner(struct fusion_skirmish *skirmish, u32 token)
{
	return token ? xa_load(&skirmish->base.world->threads, token) : NULL;
}

/*
 * Freezes the word, and puts right what can be wrong in the state, by death or by members
 * that write there: an owner that is not there, and nobody having what somebody waits for.
 * Gives the owner, if there is one. RCU is read locked for it.
 */
static struct fusion_thread *settle(struct fusion_skirmish *skirmish)
{
	u32 token = fusion_skirmish_freeze(skirmish);
	struct fusion_thread *owner = find_owner(skirmish, token);

	fusion_skirmish_write_id(skirmish);
	skirmish->died |= token && !owner;
	if (owner || (!token && list_empty(&skirmish->lent) && list_empty(&skirmish->waiters)))
		return owner;
	fusion_skirmish_pass_on(skirmish);
	return find_owner(skirmish, fusion_skirmish_freeze(skirmish));
}

/**
 * fusion_skirmish_settle - put the state right, and let members go on
 * @skirmish: skirmish
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_settle(struct fusion_skirmish *skirmish)
{
	struct fusion_thread *owner;

	rcu_read_lock();
	owner = settle(skirmish);
	fusion_skirmish_write(skirmish, owner ? owner->token : 0);
	rcu_read_unlock();
}

/**
 * fusion_skirmish_bury_owner - release what a dead owner has, this one included
 * @skirmish: skirmish, perhaps with an owner that is alive
 *
 * Context: sleeps.
 */
void fusion_skirmish_bury_owner(struct fusion_skirmish *skirmish)
{
	struct fusion_thread *owner = fusion_thread_find(skirmish->base.world,
							 read_owner(skirmish));

	if (owner) {
		if (!fusion_thread_alive(owner))
			fusion_thread_release(owner);
		fusion_thread_put(owner);
	}
	spin_lock(&skirmish->base.lock);
	if (!skirmish->base.dead)
		fusion_skirmish_settle(skirmish);
	spin_unlock(&skirmish->base.lock);
}

/*
 * Locks it if that needs no wait: 0, -EOWNERDEAD, -EOVERFLOW, or -EBUSY: then @owner has it,
 * and the word stays frozen. @lent is used up, and set to NULL, if it is got from a caller.
 */
static int take(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
		struct fusion_lent **lent, struct fusion_thread **owner)
{
	u32 *count = &skirmish->state->count;
	struct fusion_lent *own;

	if (read_owner(skirmish) == thread->token) {
		if (READ_ONCE(*count) == U32_MAX)
			return -EOVERFLOW;
		WRITE_ONCE(*count, READ_ONCE(*count) + 1);
		return 0;
	}
	own = fusion_lent_by(skirmish, thread);
	if (own) {
		if (own->count == U32_MAX)
			return -EOVERFLOW;
		own->count++;
		return 0;
	}
	*owner = settle(skirmish);
	if (*owner && !fusion_lent_begin(skirmish, thread, (*owner)->token, lent))
		return -EBUSY;
	WRITE_ONCE(*count, 1);
	fusion_skirmish_write(skirmish, thread->token);
	return skirmish->died ? -EOWNERDEAD : 0;
}

/**
 * fusion_skirmish_give_up - take a waiter out of the list
 * @skirmish: skirmish
 * @waiter: not done, perhaps not in the list
 *
 * Context: the object's lock is held.
 */
void fusion_skirmish_give_up(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter)
{
	list_del_init(&waiter->link);
	fusion_graph_done(waiter->thread);
	if (!skirmish->base.dead)
		fusion_skirmish_settle(skirmish);
}

/* The waiter is in the list: 0, or -EDEADLK: then it is not. */
static int wait_for(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter,
		    const struct fusion_thread *owner)
{
	int ret = fusion_graph_wait_skirmish(waiter->thread, skirmish, owner);

	if (ret)
		fusion_skirmish_give_up(skirmish, waiter);
	return ret;
}

/**
 * fusion_skirmish_queue_up - put a waiter at the end of the list
 * @skirmish: skirmish
 * @waiter: of the calling thread
 *
 * Context: the object's lock is held.
 * Return: 0, and perhaps the waiter is done already; -EDEADLK: it is not in the list.
 */
int fusion_skirmish_queue_up(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter)
{
	list_add_tail(&waiter->link, &skirmish->waiters);
	fusion_skirmish_settle(skirmish);
	return waiter->done ? 0 : wait_for(skirmish, waiter, NULL);
}

/*
 * Locks it, or leaves @waiter in the list, not done: then the result is zero, too. -EAGAIN:
 * the owner is dead and has to be buried first, if it is not @buried already.
 */
static int take_or_queue(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter,
			 ktime_t deadline, struct fusion_lent **lent, bool buried)
{
	struct fusion_thread *owner;
	int ret;

	ret = skirmish->base.dead ? -ENOENT : take(skirmish, waiter->thread, lent, &owner);
	if (ret != -EBUSY) {
		waiter->done = true;
		waiter->status = ret;
		return 0;
	}
	/* The word is frozen since the owner was read there. */
	if (!buried && !fusion_thread_alive(owner))
		ret = -EAGAIN;
	else if (deadline != KTIME_MAX && ktime_compare(ktime_get(), deadline) >= 0)
		ret = -ETIMEDOUT;
	else
		list_add_tail(&waiter->link, &skirmish->waiters);
	fusion_skirmish_write(skirmish, owner->token);
	return ret == -EBUSY ? wait_for(skirmish, waiter, owner) : ret;
}

/* The first step of a lock, see take_or_queue(). */
static int attempt(struct fusion_skirmish *skirmish, struct fusion_waiter *waiter,
		   ktime_t deadline, struct fusion_lent **lent, bool buried)
{
	int ret;

	spin_lock(&skirmish->base.lock);
	rcu_read_lock();
	ret = take_or_queue(skirmish, waiter, deadline, lent, buried);
	rcu_read_unlock();
	spin_unlock(&skirmish->base.lock);
	return ret;
}

static int lock(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
		ktime_t deadline, struct fusion_lent **lent)
{
	struct fusion_waiter waiter;
	int ret;

	fusion_waiter_init(&waiter, thread);
	waiter.private = 1;
	ret = attempt(skirmish, &waiter, deadline, lent, false);
	if (ret == -EAGAIN) {
		fusion_skirmish_bury_owner(skirmish);
		ret = attempt(skirmish, &waiter, deadline, lent, true);
	}
	if (ret)
		return ret;
	/* The owner may have begun to wait for it meanwhile, see fusion_skirmish_offer(). */
	if (!smp_load_acquire(&waiter.done) && READ_ONCE(thread->member->dispatcher) == thread)
		fusion_skirmish_claim(skirmish, thread);
	/* Pairs with (A) of wait.c. */
	while (!smp_load_acquire(&waiter.done)) {
		ret = fusion_wait(&waiter, deadline);
		if (ret == -EAGAIN) {
			fusion_skirmish_bury_owner(skirmish);
			fusion_skirmish_claim(skirmish, thread);
			continue;
		}
		if (!ret)
			break;
		spin_lock(&skirmish->base.lock);
		if (!waiter.done) {
			fusion_skirmish_give_up(skirmish, &waiter);
			spin_unlock(&skirmish->base.lock);
			return ret;
		}
		spin_unlock(&skirmish->base.lock);
	}
	return waiter.status;
}

/**
 * fusion_skirmish_begin - what a request needs
 * @member: active member
 * @id: number, perhaps a wrong one
 * @skirmish: set, with a reference
 * @thread: set to the calling thread, with a reference
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_begin(struct fusion_member *member, u32 id,
			  struct fusion_skirmish **skirmish, struct fusion_thread **thread)
{
	struct fusion_object *object;

	object = fusion_object_find(member->world, DRM_FUSION_SKIRMISH, id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	*thread = fusion_thread_current(member);
	if (IS_ERR(*thread)) {
		fusion_object_put(object);
		return PTR_ERR(*thread);
	}
	*skirmish = fusion_to_skirmish(object);
	return 0;
}

/**
 * fusion_skirmish_end - the end of what fusion_skirmish_begin() has begun
 * @skirmish: skirmish
 * @thread: the calling thread
 */
void fusion_skirmish_end(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	fusion_thread_put(thread);
	fusion_object_put(&skirmish->base);
}

/**
 * fusion_skirmish_check - whether a thread owns it
 * @skirmish: skirmish
 * @thread: thread
 *
 * Context: the object's lock is held.
 * Return: 0, -ENOENT if it was destroyed, -EPERM.
 */
int fusion_skirmish_check(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	if (skirmish->base.dead)
		return -ENOENT;
	return read_owner(skirmish) == thread->token ? 0 : -EPERM;
}

/**
 * fusion_skirmish_take - lock a skirmish
 * @skirmish: skirmish
 * @thread: the calling thread
 * @flags: DRM_FUSION_LOCK_*
 * @deadline: until when to wait
 *
 * Context: sleeps.
 * Return: as fusion_skirmish_lock().
 */
int fusion_skirmish_take(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
			 u32 flags, ktime_t deadline)
{
	struct fusion_lent *lent = NULL;
	bool noted = false;
	int ret;

	if (flags & DRM_FUSION_LOCK_NOTE) {
		ret = xa_insert(&thread->noted, skirmish->base.id, xa_mk_value(1),
				GFP_KERNEL_ACCOUNT);
		if (ret && ret != -EBUSY)
			return ret;
		noted = !ret;
	}
	if (READ_ONCE(thread->serving) || READ_ONCE(thread->member->dispatcher) == thread) {
		lent = kzalloc(sizeof(*lent), GFP_KERNEL_ACCOUNT);
		ret = lent ? 0 : -ENOMEM;
		if (ret)
			goto out;
	}
	ret = lock(skirmish, thread, deadline, &lent);
	kfree(lent);
out:
	if (noted && ret && ret != -EOWNERDEAD)
		xa_erase(&thread->noted, skirmish->base.id);
	return ret;
}

/**
 * fusion_skirmish_lock - DRM_IOCTL_FUSION_SKIRMISH_LOCK
 * @member: active member
 * @data: struct drm_fusion_skirmish_lock
 *
 * Context: sleeps.
 * Return: 0, -EOWNERDEAD: locked; -EINVAL, -ENOENT, -EIDRM, -EDEADLK, -EOVERFLOW,
 * -ETIMEDOUT, -ERESTARTSYS, -ESHUTDOWN, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_lock(struct fusion_member *member, void *data)
{
	struct drm_fusion_skirmish_lock *args = data;
	struct fusion_skirmish *skirmish;
	struct fusion_thread *thread;
	int ret;

	if (args->flags & ~DRM_FUSION_LOCK_NOTE)
		return -EINVAL;
	ret = fusion_skirmish_begin(member, args->id, &skirmish, &thread);
	if (ret)
		return ret;
	ret = fusion_skirmish_take(skirmish, thread, args->flags, ns_to_ktime(args->timeout));
	fusion_skirmish_end(skirmish, thread);
	return ret;
}

/* One lock less: true if it was the last one. The object's lock is held. */
static bool unlock_once(struct fusion_skirmish *skirmish)
{
	u32 count = READ_ONCE(skirmish->state->count);

	if (count > 1) {
		WRITE_ONCE(skirmish->state->count, count - 1);
		return false;
	}
	fusion_skirmish_freeze(skirmish);
	fusion_skirmish_pass_on(skirmish);
	return true;
}

/**
 * fusion_skirmish_release - unlock a skirmish
 * @skirmish: skirmish
 * @thread: the calling thread
 *
 * Context: any.
 * Return: 0, -ENOENT, -EPERM.
 */
int fusion_skirmish_release(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	struct fusion_lent *own;
	bool last = false;
	int ret;

	spin_lock(&skirmish->base.lock);
	ret = fusion_skirmish_check(skirmish, thread);
	own = ret == -EPERM ? fusion_lent_by(skirmish, thread) : NULL;
	if (!ret) {
		last = unlock_once(skirmish);
	} else if (own) {
		ret = 0;
		last = !--own->count;
		if (last) {
			fusion_lent_leave(skirmish, own);
			fusion_skirmish_settle(skirmish);
		}
	}
	spin_unlock(&skirmish->base.lock);
	if (last && !xa_empty(&thread->noted))
		xa_erase(&thread->noted, skirmish->base.id);
	return ret;
}

/**
 * fusion_skirmish_unlock - DRM_IOCTL_FUSION_SKIRMISH_UNLOCK
 * @member: active member
 * @data: struct drm_fusion_skirmish_op
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EPERM, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_unlock(struct fusion_member *member, void *data)
{
	struct drm_fusion_skirmish_op *args = data;
	struct fusion_skirmish *skirmish;
	struct fusion_thread *thread;
	int ret;

	if (args->flags)
		return -EINVAL;
	ret = fusion_skirmish_begin(member, args->id, &skirmish, &thread);
	if (ret)
		return ret;
	ret = fusion_skirmish_release(skirmish, thread);
	fusion_skirmish_end(skirmish, thread);
	return ret;
}

/**
 * fusion_skirmish_count - how often a thread has locked a skirmish
 * @skirmish: skirmish
 * @thread: thread
 *
 * Context: any.
 * Return: how often.
 */
u32 fusion_skirmish_count(struct fusion_skirmish *skirmish, struct fusion_thread *thread)
{
	struct fusion_lent *own;
	u32 count = 0;
	int ret;

	spin_lock(&skirmish->base.lock);
	ret = fusion_skirmish_check(skirmish, thread);
	own = ret == -EPERM ? fusion_lent_by(skirmish, thread) : NULL;
	if (!ret)
		count = READ_ONCE(skirmish->state->count);
	else if (own)
		count = own->count;
	spin_unlock(&skirmish->base.lock);
	return count;
}

/**
 * fusion_skirmish_consistent - DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT
 * @member: active member
 * @data: struct drm_fusion_skirmish_op
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EPERM, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_consistent(struct fusion_member *member, void *data)
{
	struct drm_fusion_skirmish_op *args = data;
	struct fusion_skirmish *skirmish;
	struct fusion_thread *thread;
	int ret;

	if (args->flags)
		return -EINVAL;
	ret = fusion_skirmish_begin(member, args->id, &skirmish, &thread);
	if (ret)
		return ret;
	spin_lock(&skirmish->base.lock);
	ret = fusion_skirmish_check(skirmish, thread);
	if (!ret) {
		skirmish->died = false;
		fusion_skirmish_settle(skirmish);
	}
	spin_unlock(&skirmish->base.lock);
	fusion_skirmish_end(skirmish, thread);
	return ret;
}
