// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes: wait and notify.
 *
 * A thread that is notified is put at the end of the list of those who want the skirmish,
 * and sleeps on until it has it. One whose wait ends otherwise goes there, too, but stays
 * in the list of sleepers until it has the skirmish: a notification in between counts, so
 * none is lost when the request is restarted after a signal:
 *
 *   sleeper                           owner
 *   signal: queues up
 *                                     notify: it is notified
 *                                     unlock: gives it the skirmish
 *   0, not -ERESTARTSYS
 *
 * A wait that can be resumed ends with a signal without the skirmish. What is needed to go
 * on is kept by the caller: how often it had locked it, and how many notifications there
 * had been. If there are more when it goes on, it was notified.
 */
#include <linux/sched/signal.h>
#include "fusion.h"

/**
 * struct sleeper - a thread that waits for a notification, on its stack
 * @waiter: how it gets the skirmish back: @waiter.private is how often it had locked it
 * @link: in the list of sleepers, until it is notified. Protected by the object's lock, as
 *	what follows.
 * @notified: it was notified
 * @awake: the sleep has ended otherwise: only the skirmish is waited for
 * @resumable: a signal ends it at any time
 */
struct sleeper {
	struct fusion_waiter waiter;
	struct list_head link;
	bool notified;
	bool awake;
	bool resumable;
};

/* The sleep has ended with @cause: from now on only the skirmish is waited for. */
static int want_back(struct fusion_skirmish *skirmish, struct sleeper *sleeper, int cause)
{
	if (cause != -ETIMEDOUT && (cause != -ERESTARTSYS || fatal_signal_pending(current)))
		return cause;
	if (sleeper->awake || (sleeper->resumable && cause == -ERESTARTSYS))
		return cause;
	sleeper->awake = true;
	sleeper->waiter.killable = !sleeper->resumable;
	if (!list_empty(&sleeper->waiter.link))
		return 0;
	return fusion_skirmish_queue_up(skirmish, &sleeper->waiter);
}

/* Sleeps until it has the skirmish again: 0, or the reason why it has nothing. */
static int sleep(struct fusion_skirmish *skirmish, struct sleeper *sleeper, ktime_t deadline,
		 int *cause)
{
	struct fusion_waiter *waiter = &sleeper->waiter;
	int ret;

	/* Pairs with (A) of wait.c. */
	while (!smp_load_acquire(&waiter->done)) {
		if (sleeper->awake)
			fusion_skirmish_claim(skirmish, waiter->thread);
		ret = fusion_wait(waiter, sleeper->awake ? KTIME_MAX : deadline);
		if (!ret)
			break;
		if (ret == -EAGAIN) {
			fusion_skirmish_bury_owner(skirmish);
			fusion_skirmish_claim(skirmish, waiter->thread);
			continue;
		}
		spin_lock(&skirmish->base.lock);
		if (!waiter->done) {
			*cause = ret;
			ret = want_back(skirmish, sleeper, ret);
			if (ret) {
				list_del_init(&sleeper->link);
				fusion_skirmish_give_up(skirmish, waiter);
				spin_unlock(&skirmish->base.lock);
				return ret;
			}
		}
		spin_unlock(&skirmish->base.lock);
	}
	return 0;
}

/* The owner releases it and begins to sleep. */
static int fall_asleep(struct fusion_skirmish *skirmish, struct sleeper *sleeper,
		       ktime_t deadline, struct fusion_resume *resume)
{
	lockdep_assert_held(&skirmish->base.lock);
	/* It would go back to the caller that has lent it: nobody could notify. */
	if (!list_empty(&skirmish->lent))
		return -EPERM;
	if (ktime_compare(ktime_get(), deadline) >= 0)
		return -ETIMEDOUT;
	sleeper->waiter.private = READ_ONCE(skirmish->state->count);
	if (resume) {
		resume->count = sleeper->waiter.private;
		resume->notified = skirmish->notified;
	}
	list_add_tail(&sleeper->link, &skirmish->sleepers);
	fusion_skirmish_freeze(skirmish);
	fusion_skirmish_pass_on(skirmish);
	return 0;
}

/* A signal has interrupted the sleep: it goes on, or only the skirmish is waited for. */
static int sleep_on(struct fusion_skirmish *skirmish, struct sleeper *sleeper,
		    ktime_t deadline, const struct fusion_resume *resume, int *cause)
{
	lockdep_assert_held(&skirmish->base.lock);
	sleeper->waiter.private = resume->count;
	sleeper->notified = skirmish->notified != resume->notified;
	sleeper->awake = sleeper->notified;
	if (!sleeper->notified) {
		list_add_tail(&sleeper->link, &skirmish->sleepers);
		if (ktime_compare(ktime_get(), deadline) < 0)
			return 0;
		*cause = -ETIMEDOUT;
		sleeper->awake = true;
	}
	return fusion_skirmish_queue_up(skirmish, &sleeper->waiter);
}

static int wait(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
		ktime_t deadline, struct fusion_resume *resume)
{
	struct sleeper sleeper = { .resumable = resume };
	int ret, cause = 0;

	fusion_waiter_init(&sleeper.waiter, thread);
	INIT_LIST_HEAD(&sleeper.link);
	spin_lock(&skirmish->base.lock);
	ret = fusion_skirmish_check(skirmish, thread);
	if (!ret)
		ret = fall_asleep(skirmish, &sleeper, deadline, resume);
	else if (ret == -EPERM && resume && resume->count)
		ret = sleep_on(skirmish, &sleeper, deadline, resume, &cause);
	if (ret)
		list_del_init(&sleeper.link);
	spin_unlock(&skirmish->base.lock);
	if (ret)
		return ret;

	ret = sleep(skirmish, &sleeper, deadline, &cause);
	if (ret)
		return ret;
	spin_lock(&skirmish->base.lock);
	list_del_init(&sleeper.link);
	spin_unlock(&skirmish->base.lock);
	ret = sleeper.waiter.status;
	if (sleeper.notified || ret == -EIDRM)
		return ret;
	return cause == -ERESTARTSYS || !ret ? cause : ret;
}

/**
 * fusion_skirmish_wait - DRM_IOCTL_FUSION_SKIRMISH_WAIT
 * @member: active member
 * @data: struct drm_fusion_skirmish_lock
 *
 * Context: sleeps.
 * Return: 0, -EOWNERDEAD, -ETIMEDOUT, -ERESTARTSYS: the caller has it; -EPERM: it does not own
 * it, or it was lent to it; -EIDRM, -EDEADLK, -ESHUTDOWN: it does not have it any more;
 * -EINVAL, -ENOENT, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_wait(struct fusion_member *member, void *data)
{
	struct drm_fusion_skirmish_lock *args = data;
	struct fusion_skirmish *skirmish;
	struct fusion_thread *thread;
	int ret;

	if (args->flags)
		return -EINVAL;
	ret = fusion_skirmish_begin(member, args->id, &skirmish, &thread);
	if (ret)
		return ret;
	ret = wait(skirmish, thread, ns_to_ktime(args->timeout), NULL);
	fusion_skirmish_end(skirmish, thread);
	return ret;
}

/**
 * fusion_skirmish_wait_resumable - wait for a notification until a signal
 * @skirmish: skirmish
 * @thread: the calling thread
 * @deadline: when to stop
 * @resume: count is zero, or as it was left when a signal ended the wait: then the wait
 *	goes on
 *
 * The caller owns the skirmish, unless it goes on. It is noted, as for DRM_FUSION_LOCK_NOTE.
 *
 * Context: sleeps.
 * Return: as fusion_skirmish_wait(), but after -ERESTARTSYS the caller does not have it.
 */
int fusion_skirmish_wait_resumable(struct fusion_skirmish *skirmish, struct fusion_thread *thread,
				   ktime_t deadline, struct fusion_resume *resume)
{
	int ret;

	ret = xa_insert(&thread->noted, skirmish->base.id, xa_mk_value(1), GFP_KERNEL_ACCOUNT);
	if (ret && ret != -EBUSY)
		return ret;
	return wait(skirmish, thread, deadline, resume);
}

static void notify(struct fusion_skirmish *skirmish, struct sleeper *sleeper)
{
	struct fusion_waiter *waiter = &sleeper->waiter;

	list_del_init(&sleeper->link);
	sleeper->notified = true;
	if (waiter->done || !list_empty(&waiter->link))
		return;
	list_add_tail(&waiter->link, &skirmish->waiters);
	/* It waits for the caller, which does not wait: that is no deadlock. */
	fusion_graph_wait_skirmish(waiter->thread, skirmish, NULL);
}

/**
 * fusion_skirmish_notify - DRM_IOCTL_FUSION_SKIRMISH_NOTIFY
 * @member: active member
 * @data: struct drm_fusion_skirmish_op
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EPERM, -EUSERS, -ENOMEM.
 */
int fusion_skirmish_notify(struct fusion_member *member, void *data)
{
	struct drm_fusion_skirmish_op *args = data;
	struct fusion_skirmish *skirmish;
	struct sleeper *sleeper, *next;
	struct fusion_thread *thread;
	int ret;

	if (args->flags & ~DRM_FUSION_NOTIFY_ALL)
		return -EINVAL;
	ret = fusion_skirmish_begin(member, args->id, &skirmish, &thread);
	if (ret)
		return ret;
	spin_lock(&skirmish->base.lock);
	ret = fusion_skirmish_check(skirmish, thread);
	if (!ret) {
		skirmish->notified++;
		list_for_each_entry_safe(sleeper, next, &skirmish->sleepers, link) {
			notify(skirmish, sleeper);
			if (!(args->flags & DRM_FUSION_NOTIFY_ALL))
				break;
		}
		fusion_skirmish_settle(skirmish);
	}
	spin_unlock(&skirmish->base.lock);
	fusion_skirmish_end(skirmish, thread);
	return ret;
}

/**
 * fusion_sleepers_end - the skirmish is destroyed: those who sleep are told
 * @skirmish: skirmish
 *
 * Those who are also in the list of waiters are left to the caller.
 *
 * Context: the object's lock is held.
 */
void fusion_sleepers_end(struct fusion_skirmish *skirmish)
{
	struct sleeper *sleeper, *next;

	list_for_each_entry_safe(sleeper, next, &skirmish->sleepers, link) {
		list_del_init(&sleeper->link);
		if (list_empty(&sleeper->waiter.link) && !sleeper->waiter.done)
			fusion_wake(&sleeper->waiter, -EIDRM);
	}
}

/**
 * fusion_sleepers_count - how many wait for a notification
 * @skirmish: skirmish
 *
 * Context: the object's lock is held.
 * Return: how many, without those who are also in the list of waiters.
 */
u32 fusion_sleepers_count(struct fusion_skirmish *skirmish)
{
	struct sleeper *sleeper;
	u32 nr = 0;

	list_for_each_entry(sleeper, &skirmish->sleepers, link)
		nr += list_empty(&sleeper->waiter.link);
	return nr;
}
