// SPDX-License-Identifier: GPL-2.0
/*
 * References at zero: who wants to know, and how the kernel knows.
 *
 * DOC: tracked references
 *
 * While nobody wants to know, all counts go up and down without the kernel. A reference is
 * tracked while it is watched, locked at zero, wanted to be locked, or inherited from: then
 * each word has DRM_FUSION_REF_KERNEL, and no count gets from zero to one or back but in a
 * request, under the reference's lock. So the kernel need not look at words: it keeps in
 * mind which ones are not zero, and adds up nothing. Setting the flag and reading the
 * count is one step, so no change is missed:
 *
 *   kernel, has the lock              member
 *                                     word = 1, without flag: read below
 *   old = fetch_or(word, KERNEL)
 *   active = count of old != 0
 *                                     sees the flag: asks, waits for the lock
 *
 * A reference that is locked at zero has the flag in all its words, and its requests are
 * refused: nothing else is needed to keep it there.
 *
 * What a member writes into its word makes no difference to what the kernel has in mind
 * but by its own requests, and until it leaves.
 *
 * DOC: inheritance
 *
 * A reference that has heirs tells them when the first of its local counts comes and when
 * the last one goes, with its own lock held, so that for them this is one step, too. Locks
 * are nested from the reference to its heirs: there are no circles, for they are looked
 * for under the world's lock, and a chain is not longer than DRM_FUSION_REF_CHAIN.
 */
#include "ref.h"

static bool locals_active(struct fusion_ref *ref)
{
	return ref->nr_active || ref->from_active;
}

static bool is_zero(struct fusion_ref *ref)
{
	return !ref->global_active && !locals_active(ref);
}

static bool start(u32 *count)
{
	atomic_t *word = fusion_ref_word(count);

	return atomic_fetch_or(DRM_FUSION_REF_KERNEL, word) & DRM_FUSION_REF_MASK;
}

static void stop(u32 *count)
{
	atomic_andnot(DRM_FUSION_REF_KERNEL, fusion_ref_word(count));
}

/**
 * fusion_ref_track - begin or end to track a reference, as somebody wants to know or not
 * @ref: locked reference
 *
 * Costs as much as members are attached, if there is something to do.
 */
void fusion_ref_track(struct fusion_ref *ref)
{
	bool wanted = ref->owner || ref->watcher || !list_empty(&ref->waiters) ||
		      !list_empty(&ref->heirs);
	struct fusion_ref_local *local;
	unsigned long index;

	lockdep_assert_held(&ref->lock);
	if (wanted == ref->tracked)
		return;
	ref->tracked = wanted;
	if (!wanted) {
		stop(&ref->state->global);
		xa_for_each(&ref->attached, index, local)
			stop(&local->state->count);
		return;
	}
	ref->global_active = start(&ref->state->global);
	ref->nr_active = 0;
	xa_for_each(&ref->attached, index, local) {
		local->active = start(&local->state->count) || local->thrown;
		ref->nr_active += local->active;
	}
}

/* Gives the lock to the one who has waited longest, if he may have it. */
static void grant(struct fusion_ref *ref)
{
	struct fusion_waiter *waiter;

	lockdep_assert_held(&ref->lock);
	waiter = list_first_entry_or_null(&ref->waiters, struct fusion_waiter, link);
	if (!waiter || ref->owner || !is_zero(ref))
		return;
	ref->owner = (struct fusion_ref_local *)waiter->private;
	fusion_wake(waiter, 0);
}

/* A watcher whose call is gone is told that something was lost. */
static void tell(struct fusion_ref *ref, struct fusion_member *watcher)
{
	lockdep_assert_held(&ref->lock);
	if (ref->zero) {
		ref->zero->watched = true;
		ref->zero->call = ref->call;
		ref->zero->arg = ref->arg;
	} else if (!ref->call) {
		fusion_queue_event(watcher, DRM_FUSION_EVENT_REF_ZERO, ref->base.id, ref->arg);
	} else if (fusion_call_from_kernel(ref->base.world, ref->call, ref->arg)) {
		fusion_queue_lost(watcher);
	}
}

/* What follows from a change: @zero and @locals are what they were before. */
static void settle(struct fusion_ref *ref, bool zero, bool locals, unsigned int nesting)
{
	struct fusion_ref *heir;

	lockdep_assert_held(&ref->lock);
	if (locals != locals_active(ref)) {
		list_for_each_entry(heir, &ref->heirs, heir) {
			bool heir_zero, heir_locals;

			mutex_lock_nested(&heir->lock, nesting + 1);
			heir_zero = is_zero(heir);
			heir_locals = locals_active(heir);
			heir->from_active = !locals;
			settle(heir, heir_zero, heir_locals, nesting + 1);
			mutex_unlock(&heir->lock);
		}
	}
	if (!ref->tracked || zero || !is_zero(ref))
		return;
	if (ref->watcher)
		tell(ref, ref->watcher->member);
	grant(ref);
}

/**
 * fusion_ref_set_active - a count has come to zero or left it
 * @ref: locked reference
 * @local: whose count, NULL for the global one
 * @active: it is not zero
 *
 * Context: sleeps.
 */
void fusion_ref_set_active(struct fusion_ref *ref, struct fusion_ref_local *local, bool active)
{
	bool *was = local ? &local->active : &ref->global_active;
	bool zero, locals;

	lockdep_assert_held(&ref->lock);
	if (!ref->tracked || *was == active)
		return;
	zero = is_zero(ref);
	locals = locals_active(ref);
	*was = active;
	if (local)
		ref->nr_active += active ? 1 : -1;
	settle(ref, zero, locals, 0);
}

/**
 * fusion_ref_forget - a member has nothing of a reference any more
 * @ref: locked reference
 * @local: what it had
 *
 * Context: sleeps.
 */
void fusion_ref_forget(struct fusion_ref *ref, struct fusion_ref_local *local)
{
	lockdep_assert_held(&ref->lock);
	if (ref->watcher == local)
		ref->watcher = NULL;
	if (ref->owner == local)
		ref->owner = NULL;
	fusion_ref_set_active(ref, local, false);
	grant(ref);
	fusion_ref_track(ref);
}

static int zero_lock(struct fusion_ref *ref, struct fusion_thread *thread, ktime_t deadline)
{
	struct fusion_ref_local *local = fusion_ref_attach_member(ref, thread->member);
	struct fusion_waiter waiter;
	int ret;

	lockdep_assert_held(&ref->lock);
	if (IS_ERR(local))
		return PTR_ERR(local);
	if (ref->owner == local)
		return -EALREADY;
	fusion_waiter_init(&waiter, thread);
	waiter.private = (unsigned long)local;
	list_add_tail(&waiter.link, &ref->waiters);
	fusion_ref_track(ref);
	grant(ref);
	while (!waiter.done) {
		mutex_unlock(&ref->lock);
		ret = fusion_wait(&waiter, deadline);
		mutex_lock(&ref->lock);
		if (waiter.done || !ret || ret == -EAGAIN)
			continue;
		list_del(&waiter.link);
		fusion_ref_track(ref);
		return ret == -ETIMEDOUT && ref->owner ? -EBUSY : ret;
	}
	return waiter.status;
}

/**
 * fusion_ref_zero_lock - DRM_IOCTL_FUSION_REF_ZERO_LOCK
 * @member: active member
 * @data: struct drm_fusion_ref_zero
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EALREADY, -EBUSY, -ETIMEDOUT, -ERESTARTSYS, -ESHUTDOWN,
 * -EUSERS, -ENOSPC, -ENOMEM.
 */
int fusion_ref_zero_lock(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_zero *args = data;
	struct fusion_thread *thread;
	struct fusion_ref *ref;
	int ret;

	if (args->flags)
		return -EINVAL;
	thread = fusion_thread_current(member);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	ref = fusion_ref_lock(member, args->id);
	ret = PTR_ERR_OR_ZERO(ref);
	if (!ret) {
		ret = zero_lock(ref, thread, args->timeout);
		fusion_ref_unlock(ref);
	}
	fusion_thread_put(thread);
	return ret;
}

/**
 * fusion_ref_zero_unlock - DRM_IOCTL_FUSION_REF_UNLOCK
 * @member: active member
 * @data: struct drm_fusion_ref_count
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EPERM.
 */
int fusion_ref_zero_unlock(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_count *args = data;
	struct fusion_ref *ref;
	int ret = -EPERM;

	if (args->flags)
		return -EINVAL;
	ref = fusion_ref_lock(member, args->id);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	if (ref->owner && ref->owner->member == member) {
		ref->owner = NULL;
		grant(ref);
		fusion_ref_track(ref);
		ret = 0;
	}
	fusion_ref_unlock(ref);
	return ret;
}

/**
 * fusion_ref_watch - DRM_IOCTL_FUSION_REF_WATCH
 * @member: active member
 * @data: struct drm_fusion_ref_watch
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, also for the call, -EIDRM, -EACCES, -EBUSY, -ENOSPC, -ENOMEM.
 */
int fusion_ref_watch(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_watch *args = data;
	struct fusion_ref *ref = fusion_ref_lock(member, args->id);
	struct fusion_ref_local *local;
	struct fusion_object *call;
	int ret;

	if (IS_ERR(ref))
		return PTR_ERR(ref);
	ret = -EACCES;
	if (ref->base.creator != member->id)
		goto unlock;
	ret = -EBUSY;
	if (ref->watcher)
		goto unlock;
	if (args->call) {
		call = fusion_object_find(member->world, DRM_FUSION_CALL, args->call);
		ret = PTR_ERR_OR_ZERO(call);
		if (ret)
			goto unlock;
		fusion_object_put(call);
	}
	local = fusion_ref_attach_member(ref, member);
	ret = PTR_ERR_OR_ZERO(local);
	if (ret)
		goto unlock;
	ref->watcher = local;
	ref->call = args->call;
	ref->arg = args->arg;
	fusion_ref_track(ref);
unlock:
	fusion_ref_unlock(ref);
	return ret;
}

/* Inheritance */

/* How many references there are in the longest chain from @ref on. */
static unsigned int heirs_depth(struct fusion_ref *ref)
{
	unsigned int depth = 0;
	struct fusion_ref *heir;

	lockdep_assert_held(&ref->base.world->lock);
	list_for_each_entry(heir, &ref->heirs, heir)
		depth = max(depth, heirs_depth(heir));
	return depth + 1;
}

static int inherit(struct fusion_ref *ref, struct fusion_ref *from)
{
	unsigned int length = heirs_depth(ref);
	struct fusion_ref *at;
	bool zero, locals;
	int ret;

	lockdep_assert_held(&ref->base.world->lock);
	for (at = from; at; at = at->from)
		if (at == ref || ++length > DRM_FUSION_REF_CHAIN)
			return -ELOOP;

	mutex_lock(&from->lock);
	mutex_lock_nested(&ref->lock, SINGLE_DEPTH_NESTING);
	ret = -EIDRM;
	if (READ_ONCE(ref->base.dead) || READ_ONCE(from->base.dead))
		goto unlock;
	ret = -EBUSY;
	if (ref->from)
		goto unlock;
	ret = 0;
	fusion_object_get(&from->base);
	ref->from = from;
	list_add_tail(&ref->heir, &from->heirs);
	fusion_ref_track(from);
	zero = is_zero(ref);
	locals = locals_active(ref);
	ref->from_active = locals_active(from);
	settle(ref, zero, locals, SINGLE_DEPTH_NESTING);
unlock:
	mutex_unlock(&ref->lock);
	mutex_unlock(&from->lock);
	return ret;
}

/**
 * fusion_ref_inherit - DRM_IOCTL_FUSION_REF_INHERIT
 * @member: active member
 * @data: struct drm_fusion_ref_pair
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -EIDRM, -EBUSY, -ELOOP.
 */
int fusion_ref_inherit(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_pair *args = data;
	struct fusion_world *world = member->world;
	struct fusion_object *ref, *from;
	int ret;

	ref = fusion_object_find(world, DRM_FUSION_REF, args->id);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	from = fusion_object_find(world, DRM_FUSION_REF, args->other);
	ret = PTR_ERR_OR_ZERO(from);
	if (!ret) {
		mutex_lock(&world->lock);
		ret = inherit(to_ref(ref), to_ref(from));
		mutex_unlock(&world->lock);
		fusion_object_put(from);
	}
	fusion_object_put(ref);
	return ret;
}

static void disinherit(struct fusion_ref *ref)
{
	struct fusion_ref *from = ref->from;
	bool zero, locals;

	lockdep_assert_held(&ref->base.world->lock);
	mutex_lock(&from->lock);
	mutex_lock_nested(&ref->lock, SINGLE_DEPTH_NESTING);
	list_del_init(&ref->heir);
	ref->from = NULL;
	zero = is_zero(ref);
	locals = locals_active(ref);
	ref->from_active = false;
	settle(ref, zero, locals, SINGLE_DEPTH_NESTING);
	fusion_ref_track(from);
	mutex_unlock(&ref->lock);
	mutex_unlock(&from->lock);
	fusion_object_put(&from->base);
}

/**
 * fusion_ref_end - nobody wants to know about a reference any more
 * @ref: reference that is dead
 *
 * Context: sleeps.
 */
void fusion_ref_end(struct fusion_ref *ref)
{
	struct fusion_world *world = ref->base.world;
	struct fusion_ref *heir, *next;
	bool related;

	mutex_lock(&ref->lock);
	fusion_wake_all(&ref->waiters, -EIDRM);
	ref->owner = NULL;
	ref->watcher = NULL;
	/* It is dead: nothing more comes. */
	related = ref->from || !list_empty(&ref->heirs);
	fusion_ref_track(ref);
	mutex_unlock(&ref->lock);
	if (!related)
		return;
	mutex_lock(&world->lock);
	if (ref->from)
		disinherit(ref);
	list_for_each_entry_safe(heir, next, &ref->heirs, heir)
		disinherit(heir);
	mutex_unlock(&world->lock);
}
