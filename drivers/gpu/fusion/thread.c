// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of members: who holds, waits and serves.
 *
 * A thread is known from its first request on, until it says that it goes, until
 * somebody who waits for it finds it dead, or until its member leaves. Its token names
 * it in the words of skirmishes.
 */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "fusion.h"

static void thread_free(struct kref *kref)
{
	struct fusion_thread *thread = container_of(kref, struct fusion_thread, kref);

	xa_destroy(&thread->noted);
	put_pid(thread->pid);
	fusion_member_put(thread->member);
	kfree_rcu(thread, rcu);
}

/**
 * fusion_thread_get - take a reference
 * @thread: thread that the caller has a reference of
 */
void fusion_thread_get(struct fusion_thread *thread)
{
	kref_get(&thread->kref);
}

/**
 * fusion_thread_put - drop a reference
 * @thread: thread
 *
 * Context: any.
 */
void fusion_thread_put(struct fusion_thread *thread)
{
	kref_put(&thread->kref, thread_free);
}

/**
 * fusion_thread_find - the thread of a token
 * @world: world
 * @token: token, perhaps a wrong one
 *
 * Context: any.
 * Return: the thread with a reference, or NULL.
 */
struct fusion_thread *fusion_thread_find(struct fusion_world *world, u32 token)
{
	struct fusion_thread *thread;

	rcu_read_lock();
	thread = xa_load(&world->threads, token);
	if (thread && !kref_get_unless_zero(&thread->kref))
		thread = NULL;
	rcu_read_unlock();
	return thread;
}

/**
 * fusion_thread_alive - whether a thread can still do something
 * @thread: thread
 *
 * Context: any.
 * Return: false if it has exited or was released.
 */
bool fusion_thread_alive(struct fusion_thread *thread)
{
	struct task_struct *task;
	bool alive;

	rcu_read_lock();
	task = pid_task(thread->pid, PIDTYPE_PID);
	alive = task && !READ_ONCE(task->exit_state) && !READ_ONCE(thread->gone);
	rcu_read_unlock();
	return alive;
}

static struct fusion_thread *thread_create(struct fusion_member *member)
{
	struct fusion_world *world = member->world;
	struct fusion_thread *thread;
	int ret;

	thread = kzalloc(sizeof(*thread), GFP_KERNEL_ACCOUNT);
	if (!thread)
		return ERR_PTR(-ENOMEM);
	kref_init(&thread->kref);
	fusion_member_get(member);
	thread->member = member;
	spin_lock_init(&thread->lock);
	xa_init(&thread->noted);
	INIT_LIST_HEAD(&thread->unprocessed);
	INIT_LIST_HEAD(&thread->properties);
	INIT_LIST_HEAD(&thread->found);
	thread->pid = get_pid(task_pid(current));

	thread->state = fusion_state_alloc(&member->own_threads, &thread->slot);
	if (IS_ERR(thread->state)) {
		ret = PTR_ERR(thread->state);
		ret = ret == -ENOSPC ? -EUSERS : ret;
		goto err_thread;
	}
	/* Cyclic: a token in a word that nobody cleared means nobody for long. */
	ret = xa_alloc_cyclic(&world->threads, &thread->token, thread,
			      XA_LIMIT(1, DRM_FUSION_SKIRMISH_OWNER), &world->next_token,
			      GFP_KERNEL_ACCOUNT);
	if (ret < 0) {
		ret = ret == -EBUSY ? -EUSERS : ret;
		goto err_state;
	}
	WRITE_ONCE(thread->state->token, thread->token);

	/* Only this thread adds its own number. */
	ret = xa_insert(&member->threads, pid_nr(thread->pid), thread, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_token;
	spin_lock(&member->lock);
	member->nr_threads++;
	spin_unlock(&member->lock);
	WRITE_ONCE(member->recent, thread);
	return thread;

err_token:
	xa_erase(&world->threads, thread->token);
err_state:
	fusion_state_free(&member->own_threads, thread->slot);
err_thread:
	fusion_thread_put(thread);
	return ERR_PTR(ret);
}

/* Threads that have exited without a word make room for others. */
static bool release_dead(struct fusion_member *member)
{
	struct fusion_thread *thread;
	unsigned long index;
	bool any = false;

	rcu_read_lock();
	xa_for_each(&member->threads, index, thread) {
		if (fusion_thread_alive(thread) || !kref_get_unless_zero(&thread->kref))
			continue;
		rcu_read_unlock();
		fusion_thread_release(thread);
		fusion_thread_put(thread);
		any = true;
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return any;
}

/**
 * fusion_thread_current - the calling thread as a thread of a member
 * @member: member that is active
 *
 * Context: sleeps.
 * Return: the thread with a reference, registered if need be, or ERR_PTR(-EUSERS),
 * ERR_PTR(-ENOMEM).
 */
struct fusion_thread *fusion_thread_current(struct fusion_member *member)
{
	struct fusion_thread *thread;

	rcu_read_lock();
	/* Most members have one thread. */
	thread = READ_ONCE(member->recent);
	if (!thread || thread->pid != task_pid(current))
		thread = xa_load(&member->threads, pid_nr(task_pid(current)));
	if (thread && !kref_get_unless_zero(&thread->kref))
		thread = NULL;
	rcu_read_unlock();
	if (thread && thread->pid != task_pid(current)) {
		/* It died, and its number is used again. */
		fusion_thread_release(thread);
		fusion_thread_put(thread);
		thread = NULL;
	}
	if (thread)
		return thread;
	thread = thread_create(member);
	if (thread == ERR_PTR(-EUSERS) && release_dead(member))
		thread = thread_create(member);
	if (!IS_ERR(thread))
		fusion_thread_get(thread);
	return thread;
}

/**
 * fusion_thread_release - a thread is gone: release what it had
 * @thread: thread that the caller has a reference of
 *
 * Only the first caller does it. Costs as much as the thread held.
 *
 * Context: sleeps.
 */
void fusion_thread_release(struct fusion_thread *thread)
{
	struct fusion_member *member = thread->member;
	bool gone;

	spin_lock(&member->lock);
	gone = thread->gone;
	WRITE_ONCE(thread->gone, true);
	member->nr_threads -= !gone;
	spin_unlock(&member->lock);
	if (gone)
		return;

	fusion_objects_thread_gone(thread);
	fusion_queue_processed(thread);
	cmpxchg(&member->recent, thread, NULL);
	spin_lock(&member->world->waits_lock);
	if (member->dispatcher == thread)
		WRITE_ONCE(member->dispatcher, NULL);
	spin_unlock(&member->world->waits_lock);
	/* A thread with the same number may have come. */
	xa_cmpxchg(&member->threads, pid_nr(thread->pid), thread, NULL, 0);
	xa_erase(&member->world->threads, thread->token);
	fusion_state_free(&member->own_threads, thread->slot);
	fusion_thread_put(thread);
}

/**
 * fusion_threads_leave - release all threads of a member
 * @member: member that has no active requests any more
 *
 * Context: sleeps.
 */
void fusion_threads_leave(struct fusion_member *member)
{
	struct fusion_thread *thread;
	unsigned long index;

	xa_for_each(&member->threads, index, thread) {
		/* The table's reference is there: only a release drops it. */
		fusion_thread_get(thread);
		fusion_thread_release(thread);
		fusion_thread_put(thread);
	}
}

/**
 * fusion_thread_request - DRM_IOCTL_FUSION_THREAD
 * @member: active member
 * @data: struct drm_fusion_thread
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EUSERS, -ENOMEM.
 */
int fusion_thread_request(struct fusion_member *member, void *data)
{
	struct drm_fusion_thread *args = data;
	struct fusion_thread *thread;

	if (args->flags & ~DRM_FUSION_THREAD_GONE)
		return -EINVAL;
	thread = fusion_thread_current(member);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	args->token = thread->token;
	args->offset = (u64)thread->slot * sizeof(struct drm_fusion_thread_state);
	if (args->flags & DRM_FUSION_THREAD_GONE)
		fusion_thread_release(thread);
	fusion_thread_put(thread);
	return 0;
}
