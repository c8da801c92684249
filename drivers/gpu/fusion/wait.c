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
#include <linux/atomic.h>
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

/*
 * The rounds: while threads of a world wait, all of them are woken up every FUSION_RECHECK
 * nanoseconds, to look whether their waits still make sense. One work for the world costs
 * less than a timer for each wait. It stops when nobody waits:
 *
 *   waiter                            work
 *   nr_waiting++ (C)
 *   rounds? then no more              nobody waits: rounds = false (D)
 *   else start it                     somebody waits now? rounds? else go on
 *
 * Both (C) and (D) are full barriers, so one of the two sees what the other one did.
 */
static void next_round(struct fusion_world *world)
{
	queue_delayed_work(fusion_wq, &world->round, nsecs_to_jiffies(FUSION_RECHECK));
}

static void begin_rounds(struct fusion_world *world)
{
	if (READ_ONCE(world->rounds) || xchg(&world->rounds, true))
		return;
	fusion_world_get(world);
	next_round(world);
}

/* The task may be gone, then it does not wait. */
static void wake_waiting(struct fusion_thread *thread)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(thread->pid, PIDTYPE_PID);
	if (task && READ_ONCE(thread->waiting))
		wake_up_process(task);
	rcu_read_unlock();
}

/**
 * fusion_waits_round - make all threads of a world that wait look whether they still may
 * @work: in struct fusion_world
 */
void fusion_waits_round(struct work_struct *work)
{
	struct fusion_world *world = container_of(work, struct fusion_world, round.work);
	struct fusion_thread *thread;
	unsigned long token;

	xa_for_each(&world->threads, token, thread) {
		thread = fusion_thread_find(world, token);
		if (thread) {
			WRITE_ONCE(thread->look, true);
			wake_waiting(thread);
			fusion_thread_put(thread);
		}
		cond_resched();
	}
	if (!atomic_read(&world->nr_waiting)) {
		xchg(&world->rounds, false); /* (D) */
		if (!atomic_read(&world->nr_waiting) || xchg(&world->rounds, true)) {
			fusion_world_put(world);
			return;
		}
	}
	next_round(world);
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
 * member leaves or the world has ended, -EAGAIN after about FUSION_RECHECK nanoseconds
 * or earlier: see whether the wait still makes sense, then wait again.
 */
int fusion_wait(struct fusion_waiter *waiter, ktime_t deadline)
{
	struct fusion_thread *thread = waiter->thread;
	struct fusion_member *member = thread->member;
	struct fusion_world *world = member->world;
	/* Who has more time is woken up by a round before it is over. */
	bool soon = deadline != KTIME_MAX &&
		    ktime_before(deadline, ktime_add_ns(ktime_get(), 2 * FUSION_RECHECK));
	int ret;

	trace_fusion_wait(world->nr, member->id, thread->token, 0);
	WRITE_ONCE(thread->look, false);
	WRITE_ONCE(thread->waiting, true);
	atomic_inc_return(&world->nr_waiting); /* (C) */
	begin_rounds(world);
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
		if (READ_ONCE(thread->look))
			break;
		if (soon)
			schedule_hrtimeout(&deadline, HRTIMER_MODE_ABS);
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	atomic_dec(&world->nr_waiting);
	WRITE_ONCE(thread->waiting, false);
	trace_fusion_wait_end(world->nr, member->id, thread->token, ret);
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
	struct fusion_thread *thread;
	unsigned long index;

	/* Who is not seen to wait yet sees why it must not: see set_current_state(). */
	smp_mb();
	rcu_read_lock();
	xa_for_each(&member->threads, index, thread)
		wake_waiting(thread);
	rcu_read_unlock();
	wake_up_all(&member->queue.pollers);
}
