// SPDX-License-Identifier: GPL-2.0
/*
 * How threads wait for objects.
 *
 * A waiter is on the stack of the thread, in the list of an object and under the lock
 * of that object. It leaves the list in two ways:
 *
 *   waker                             waiter
 *   lock object
 *   list_del(link)
 *   status = ...
 *   done = true (A)
 *   unlock object
 *   wake up                           sees done (B): returns status, no lock
 *
 *   waker                             waiter
 *                                     signal, time-out or end of the world
 *                                     lock object
 *   (lock object)                     done? then as above, else list_del(link)
 *                                     unlock object
 *
 * (A) is a release and (B) an acquire: all that the waker wrote is seen. After (A) the
 * waiter may be gone, so the waker holds a reference on the task.
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include "fusion.h"
#include "trace.h"

/**
 * fusion_waiter_init - prepare a waiter
 * @waiter: on the stack of the caller
 * @thread: the calling thread
 */
void fusion_waiter_init(struct fusion_waiter *waiter, struct fusion_thread *thread)
{
	INIT_LIST_HEAD(&waiter->link);
	waiter->thread = thread;
	waiter->task = current;
	waiter->killable = false;
	waiter->done = false;
	waiter->status = 0;
	waiter->private = 0;
}

static void set_waiter(struct fusion_thread *thread, struct fusion_waiter *waiter)
{
	spinlock_t *lock = &thread->member->world->waits_lock;

	spin_lock(lock);
	thread->waiter = waiter;
	spin_unlock(lock);
}

/**
 * fusion_wait - sleep until somebody wakes the waiter up
 * @waiter: waiter of the calling thread, in the list of an object
 * @deadline: when to stop
 *
 * When the result is not zero the waiter is still in the list, unless it was woken in
 * the meantime: look at its done again, under the lock of the object.
 *
 * Context: sleeps.
 * Return: 0 if it was woken up, -ERESTARTSYS for a signal, -ETIMEDOUT, -ESHUTDOWN if the
 * member leaves or the world has ended, -EAGAIN after about FUSION_RECHECK nanoseconds: see
 * whether the wait still makes sense, then wait again.
 */
int fusion_wait(struct fusion_waiter *waiter, ktime_t deadline)
{
	struct fusion_member *member = waiter->thread->member;
	/* Waits are short: a timer that most often does nothing is one that costs little. */
	bool soon = deadline != KTIME_MAX &&
		    ktime_before(deadline, ktime_add_ns(ktime_get(), FUSION_RECHECK));
	long recheck = nsecs_to_jiffies(FUSION_RECHECK);
	int ret;

	trace_fusion_wait(member->world->nr, member->id, waiter->thread->token, 0);
	set_waiter(waiter->thread, waiter);
	for (;;) {
		set_current_state(waiter->killable ? TASK_KILLABLE : TASK_INTERRUPTIBLE);
		ret = 0;
		if (smp_load_acquire(&waiter->done)) /* (B) */
			break;
		ret = -ESHUTDOWN;
		if (fusion_member_going(member))
			break;
		ret = -ERESTARTSYS;
		if (waiter->killable ? fatal_signal_pending(current) : signal_pending(current))
			break;
		ret = -ETIMEDOUT;
		if (soon && ktime_compare(ktime_get(), deadline) >= 0)
			break;
		ret = -EAGAIN;
		if (!recheck)
			break;
		if (soon)
			schedule_hrtimeout(&deadline, HRTIMER_MODE_ABS);
		else
			recheck = schedule_timeout(recheck);
	}
	__set_current_state(TASK_RUNNING);
	set_waiter(waiter->thread, NULL);
	trace_fusion_wait_end(member->world->nr, member->id, waiter->thread->token, ret);
	return ret;
}

/**
 * fusion_wake - end a wait
 * @waiter: taken out of its list. Not to be used any more.
 * @status: what the waiter is told
 *
 * Context: any; the caller holds the lock of the object.
 */
void fusion_wake(struct fusion_waiter *waiter, int status)
{
	struct fusion_member *member = waiter->thread->member;
	struct task_struct *task = waiter->task;

	trace_fusion_wake(member->world->nr, member->id, waiter->thread->token, status);
	get_task_struct(task);
	list_del_init(&waiter->link);
	waiter->status = status;
	smp_store_release(&waiter->done, true); /* (A) */
	wake_up_process(task);
	put_task_struct(task);
}

/**
 * fusion_wake_all - end all waits of a list
 * @waiters: list, protected by a lock that the caller holds
 * @status: what the waiters are told
 */
void fusion_wake_all(struct list_head *waiters, int status)
{
	struct fusion_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, waiters, link)
		fusion_wake(waiter, status);
}

/**
 * fusion_waits_end - make the threads of a member look whether they may still wait
 * @member: member that leaves, or whose world has ended
 *
 * Context: may sleep.
 */
void fusion_waits_end(struct fusion_member *member)
{
	struct fusion_world *world = member->world;
	struct fusion_thread *thread;
	unsigned long index;

	rcu_read_lock();
	xa_for_each(&member->threads, index, thread) {
		spin_lock(&world->waits_lock);
		if (thread->waiter)
			wake_up_process(thread->waiter->task);
		spin_unlock(&world->waits_lock);
	}
	rcu_read_unlock();
	wake_up_all(&member->queue.pollers);
}
