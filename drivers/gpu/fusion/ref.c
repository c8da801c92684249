// SPDX-License-Identifier: GPL-2.0
/*
 * Counted references: one global count, and a local one for each member.
 *
 * DOC: where counts are
 *
 * A count is a word in memory that user space maps: the global one in the window of the
 * world, a local one in the window of its member. It is changed by compare and exchange
 * only, by user space without a system call or by the kernel, and it is nowhere else:
 *
 *   invariant: what a member has of a reference is what its word says, and the counts
 *   that were thrown to it, in struct fusion_ref_local.
 *
 * So a count of a member that dies cannot be half done, whatever instruction it died at:
 * one more has happened when the word has changed, and not before. When the member leaves,
 * no thread of it is in the kernel any more, and the kernel takes the word by one exchange
 * with DRM_FUSION_REF_GONE: its counts are dropped exactly once. A thread of the member
 * that is still there finds that mark, and counts nothing. A count that is thrown goes
 * from the word of one member to @thrown of the other one in one request, under the
 * reference's lock.
 *
 * What the kernel knows of zero: see ref-zero.c.
 *
 * Words of a hostile member: its own local one is its own harm. With the global one it can
 * keep others of its world from zero, or make them be at zero too early. The kernel adds
 * up words when it is asked for the sum and at no other time, does not use a word as an
 * index, and gives up changing one that never stands still.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "ref.h"

/* Nobody who counts honestly makes a compare and exchange fail as often. */
#define MAX_TRIES	1000

/**
 * fusion_ref_lock - find a reference and lock it
 * @member: active member
 * @id: number, perhaps a wrong one
 *
 * Context: sleeps. Call fusion_ref_unlock() at the end.
 * Return: the reference, or ERR_PTR(-ENOENT), ERR_PTR(-EIDRM).
 */
struct fusion_ref *fusion_ref_lock(struct fusion_member *member, u32 id)
{
	struct fusion_object *object;
	struct fusion_ref *ref;

	object = fusion_object_find(member->world, DRM_FUSION_REF, id);
	if (IS_ERR(object))
		return ERR_CAST(object);
	ref = to_ref(object);
	mutex_lock(&ref->lock);
	if (!READ_ONCE(object->dead))
		return ref;
	fusion_ref_unlock(ref);
	return ERR_PTR(-EIDRM);
}

/**
 * fusion_ref_unlock - end what fusion_ref_lock() began
 * @ref: reference
 */
void fusion_ref_unlock(struct fusion_ref *ref)
{
	mutex_unlock(&ref->lock);
	fusion_object_put(&ref->base);
}

/* Only while it is not dead: then the slot is given back. */
static u32 word_count(u32 *count)
{
	return atomic_read(fusion_ref_word(count)) & DRM_FUSION_REF_MASK;
}

/* The new count, or -ERANGE at the end, -EBUSY if the word never stands still. */
static int word_add(u32 *count, s32 by)
{
	atomic_t *word = fusion_ref_word(count);
	int old = atomic_read(word), tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		s64 sum = (s64)(old & DRM_FUSION_REF_MASK) + by;

		if (sum < 0 || sum > DRM_FUSION_REF_MASK)
			return -ERANGE;
		if (atomic_try_cmpxchg(word, &old, old + by))
			return sum;
	}
	return -EBUSY;
}

/* Life */

static struct fusion_object *ref_create(struct fusion_member *member,
					struct drm_fusion_object_create *args)
{
	struct fusion_world *world = member->world;
	struct fusion_ref *ref;

	if (args->arg)
		return ERR_PTR(-EINVAL);
	ref = kzalloc(sizeof(*ref), GFP_KERNEL_ACCOUNT);
	if (!ref)
		return ERR_PTR(-ENOMEM);
	ref->state = fusion_state_alloc(&world->state, &ref->slot);
	if (IS_ERR(ref->state)) {
		int ret = PTR_ERR(ref->state);

		kfree(ref);
		return ERR_PTR(ret);
	}
	fusion_object_init(&ref->base, DRM_FUSION_REF, member, args->name);
	mutex_init(&ref->lock);
	xa_init(&ref->attached);
	INIT_LIST_HEAD(&ref->waiters);
	INIT_LIST_HEAD(&ref->heirs);
	INIT_LIST_HEAD(&ref->heir);
	args->offset = (u64)ref->slot * DRM_FUSION_STATE_SIZE;
	return &ref->base;
}

/**
 * fusion_ref_attach_member - give a member a local count
 * @ref: locked reference
 * @member: active member
 *
 * Context: sleeps.
 * Return: what it has, now or since before, or ERR_PTR(-ENOSPC), ERR_PTR(-ENOMEM).
 */
struct fusion_ref_local *fusion_ref_attach_member(struct fusion_ref *ref,
						  struct fusion_member *member)
{
	struct fusion_ref_local *local;
	int ret;

	lockdep_assert_held(&ref->lock);
	local = xa_load(&ref->attached, member->id);
	if (local)
		return local;
	local = kzalloc(sizeof(*local), GFP_KERNEL_ACCOUNT);
	if (!local)
		return ERR_PTR(-ENOMEM);
	local->ref = ref;
	local->member = member;
	local->state = fusion_state_alloc(&member->own_refs, &local->slot);
	if (IS_ERR(local->state)) {
		ret = PTR_ERR(local->state);
		goto err_local;
	}
	ret = xa_insert(&ref->attached, member->id, local, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_state;
	WRITE_ONCE(local->state->count, ref->tracked ? DRM_FUSION_REF_KERNEL : 0);
	/* Released last: who finds the number finds the flag, too, and counts as it says. */
	smp_store_release(&local->state->id, ref->base.id);
	WRITE_ONCE(ref->state->id, ref->base.id);
	ref->nr_attached++;
	spin_lock(&member->lock);
	list_add_tail(&local->link, &member->refs);
	spin_unlock(&member->lock);
	return local;

err_state:
	fusion_state_free(&member->own_refs, local->slot);
err_local:
	kfree(local);
	return ERR_PTR(ret);
}

/* The counts of a member are dropped here, and nowhere else. */
static void detach(struct fusion_ref_local *local)
{
	struct fusion_member *member = local->member;
	struct fusion_ref *ref = local->ref;

	lockdep_assert_held(&ref->lock);
	atomic_xchg(fusion_ref_word(&local->state->count), DRM_FUSION_REF_GONE);
	WRITE_ONCE(local->state->id, 0);
	local->thrown = 0;
	fusion_ref_forget(ref, local);
	xa_erase(&ref->attached, member->id);
	ref->nr_attached--;
	spin_lock(&member->lock);
	list_del(&local->link);
	spin_unlock(&member->lock);
	fusion_state_free(&member->own_refs, local->slot);
	kfree(local);
}

static void ref_destroy(struct fusion_object *object)
{
	struct fusion_ref *ref = to_ref(object);
	struct fusion_ref_local *local;
	unsigned long index;

	fusion_ref_end(ref);
	mutex_lock(&ref->lock);
	atomic_xchg(fusion_ref_word(&ref->state->global), DRM_FUSION_REF_GONE);
	WRITE_ONCE(ref->state->id, 0);
	xa_for_each(&ref->attached, index, local)
		detach(local);
	mutex_unlock(&ref->lock);
	xa_destroy(&ref->attached);
	fusion_state_free(&object->world->state, ref->slot);
}

static void ref_free(struct fusion_object *object)
{
	struct fusion_ref *ref = to_ref(object);

	mutex_destroy(&ref->lock);
	kfree_rcu(ref, base.rcu);
}

static void ref_leave(struct fusion_member *member)
{
	struct fusion_ref_local *local;
	struct fusion_ref *ref;

	for (;;) {
		spin_lock(&member->lock);
		local = list_first_entry_or_null(&member->refs, struct fusion_ref_local, link);
		if (!local) {
			spin_unlock(&member->lock);
			return;
		}
		/* A reference that is destroyed takes it out of the list before it goes. */
		ref = local->ref;
		fusion_object_get(&ref->base);
		spin_unlock(&member->lock);

		mutex_lock(&ref->lock);
		local = xa_load(&ref->attached, member->id);
		if (local)
			detach(local);
		fusion_ref_unlock(ref);
	}
}

/* Looking at it */

static u64 sum_locals(struct fusion_ref *ref)
{
	struct fusion_ref_local *local;
	unsigned long index;
	u64 sum = 0;

	lockdep_assert_held(&ref->lock);
	xa_for_each(&ref->attached, index, local)
		sum += (u64)word_count(&local->state->count) + local->thrown;
	return sum;
}

/*
 * What a reference inherits: one reference after the other is locked, for members count
 * without asking, so there is no one moment for all of them anyway. The reference, which
 * is locked, is not when it returns.
 */
static u64 sum_inherited(struct fusion_ref *ref)
{
	struct fusion_ref *next;
	u64 sum = 0;

	next = ref->from;
	if (next)
		fusion_object_get(&next->base);
	mutex_unlock(&ref->lock);
	while (next) {
		ref = next;
		mutex_lock(&ref->lock);
		sum += sum_locals(ref);
		next = ref->from;
		if (next)
			fusion_object_get(&next->base);
		fusion_ref_unlock(ref);
	}
	return sum;
}

static void ref_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_ref *ref = to_ref(object);
	struct list_head *entry;
	u64 sum;

	mutex_lock(&ref->lock);
	if (READ_ONCE(object->dead)) {
		mutex_unlock(&ref->lock);
		return;
	}
	sum = word_count(&ref->state->global) + sum_locals(ref);
	record->owner = ref->owner ? ref->owner->member->id : 0;
	list_for_each(entry, &ref->waiters)
		record->waiters++;
	sum += sum_inherited(ref);
	record->count = min_t(u64, sum, U32_MAX);
}

/**
 * fusion_ref_stat - DRM_IOCTL_FUSION_REF_STAT
 * @member: active member
 * @data: struct drm_fusion_ref_stat
 *
 * Costs as much as members are attached.
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -EIDRM.
 */
int fusion_ref_stat(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_stat *args = data;
	struct fusion_ref *ref = fusion_ref_lock(member, args->id);
	struct fusion_ref_local *local;

	if (IS_ERR(ref))
		return PTR_ERR(ref);
	local = xa_load(&ref->attached, member->id);
	args->members = ref->nr_attached;
	args->global = word_count(&ref->state->global);
	args->local = local ? word_count(&local->state->count) : 0;
	args->locked_by = ref->owner ? ref->owner->member->id : 0;
	args->pad = 0;
	args->sum = args->global + sum_locals(ref);
	args->sum += sum_inherited(ref);
	fusion_object_put(&ref->base);
	return 0;
}

/* Counting */

/**
 * fusion_ref_attach - DRM_IOCTL_FUSION_REF_ATTACH
 * @member: active member
 * @data: struct drm_fusion_ref_attach
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOSPC, -ENOMEM.
 */
int fusion_ref_attach(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_attach *args = data;
	struct fusion_ref_local *local;
	struct fusion_ref *ref;

	if (args->flags)
		return -EINVAL;
	ref = fusion_ref_lock(member, args->id);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	local = fusion_ref_attach_member(ref, member);
	if (!IS_ERR(local)) {
		args->offset = FUSION_OWN_REFS + (u64)local->slot * sizeof(*local->state);
		args->state = (u64)ref->slot * DRM_FUSION_STATE_SIZE;
	}
	fusion_ref_unlock(ref);
	return PTR_ERR_OR_ZERO(local);
}

static int count(struct fusion_ref *ref, struct fusion_member *member, u32 flags)
{
	bool down = flags & DRM_FUSION_REF_DOWN;
	struct fusion_ref_local *local = NULL;
	int ret;

	if (ref->owner && !down)
		return -EAGAIN;
	if (!(flags & DRM_FUSION_REF_GLOBAL)) {
		local = fusion_ref_attach_member(ref, member);
		if (IS_ERR(local))
			return PTR_ERR(local);
	}
	ret = word_add(local ? &local->state->count : &ref->state->global, down ? -1 : 1);
	if (ret < 0)
		return ret;
	fusion_ref_set_active(ref, local, ret || (local && local->thrown));
	return 0;
}

/**
 * fusion_ref_count - DRM_IOCTL_FUSION_REF_COUNT
 * @member: active member
 * @data: struct drm_fusion_ref_count
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EAGAIN, -ERANGE, -EBUSY, -ENOSPC, -ENOMEM.
 */
int fusion_ref_count(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_count *args = data;
	struct fusion_ref *ref;
	int ret;

	if (args->flags & ~(DRM_FUSION_REF_GLOBAL | DRM_FUSION_REF_DOWN))
		return -EINVAL;
	ref = fusion_ref_lock(member, args->id);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	ret = count(ref, member, args->flags);
	fusion_ref_unlock(ref);
	return ret;
}

/**
 * fusion_ref_count_told - count, and tell the caller if the watcher has to be told
 * @member: active member
 * @args: of the request
 * @zero: not watched; set to what the watcher is to be told if the reference has come to
 *	zero: the caller has to do it
 *
 * Context: sleeps.
 * Return: as fusion_ref_count().
 */
int fusion_ref_count_told(struct fusion_member *member, const struct drm_fusion_ref_count *args,
			  struct fusion_ref_zero *zero)
{
	struct fusion_ref *ref = fusion_ref_lock(member, args->id);
	int ret;

	if (IS_ERR(ref))
		return PTR_ERR(ref);
	ref->zero = zero;
	ret = count(ref, member, args->flags);
	ref->zero = NULL;
	fusion_ref_unlock(ref);
	return ret;
}

static int throw(struct fusion_ref *ref, struct fusion_member *member,
		 struct fusion_member *catcher)
{
	struct fusion_ref_local *from = xa_load(&ref->attached, member->id);
	struct fusion_ref_local *to;
	int ret;

	if (!from)
		return -ERANGE;
	to = fusion_ref_attach_member(ref, catcher);
	if (IS_ERR(to))
		return PTR_ERR(to);
	if (to->thrown == DRM_FUSION_REF_MASK)
		return -ERANGE;
	ret = word_add(&from->state->count, -1);
	if (ret < 0)
		return ret;
	to->thrown++;
	/* In this order it is at zero at no time. */
	fusion_ref_set_active(ref, to, true);
	fusion_ref_set_active(ref, from, ret || from->thrown);
	return 0;
}

/**
 * fusion_ref_throw - DRM_IOCTL_FUSION_REF_THROW
 * @member: active member
 * @data: struct drm_fusion_ref_pair
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -EIDRM, -ERANGE, -EBUSY, -ENOSPC, -ENOMEM.
 */
int fusion_ref_throw(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_pair *args = data;
	struct fusion_member *catcher;
	struct fusion_ref *ref;
	int ret = -ENOENT;

	catcher = fusion_member_find(member->world, args->other);
	if (!catcher)
		return ret;
	/* It gives back what it has when it is not active any more. */
	if (!fusion_member_enter(catcher))
		goto put_member;
	ref = fusion_ref_lock(member, args->id);
	ret = PTR_ERR_OR_ZERO(ref);
	if (!ret) {
		ret = throw(ref, member, catcher);
		fusion_ref_unlock(ref);
	}
	fusion_member_exit(catcher);
put_member:
	fusion_member_put(catcher);
	return ret;
}

/**
 * fusion_ref_catch - DRM_IOCTL_FUSION_REF_CATCH
 * @member: active member
 * @data: struct drm_fusion_ref_count
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EACCES, -ERANGE, -EBUSY.
 */
int fusion_ref_catch(struct fusion_member *member, void *data)
{
	struct drm_fusion_ref_count *args = data;
	struct fusion_ref_local *local;
	struct fusion_ref *ref;
	int ret = -EACCES;

	if (args->flags)
		return -EINVAL;
	ref = fusion_ref_lock(member, args->id);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	local = xa_load(&ref->attached, member->id);
	if (local && local->thrown) {
		ret = word_add(&local->state->count, 1);
		if (ret > 0) {
			local->thrown--;
			ret = 0;
		}
	}
	fusion_ref_unlock(ref);
	return ret;
}

/* Copies */

static int copy(struct fusion_ref *ref, struct fusion_member *from, struct fusion_member *to)
{
	struct fusion_ref_local *local;
	int ret;

	lockdep_assert_held(&ref->lock);
	local = READ_ONCE(ref->base.dead) ? NULL : xa_load(&ref->attached, from->id);
	ret = local ? word_count(&local->state->count) : 0;
	if (!ret)
		return 0;
	local = fusion_ref_attach_member(ref, to);
	if (IS_ERR(local))
		return PTR_ERR(local);
	ret = word_add(&local->state->count, ret);
	if (ret < 0)
		return ret;
	fusion_ref_set_active(ref, local, true);
	return 0;
}

/* The references of a member, each with a reference, or ERR_PTR(-ENOMEM). */
static struct fusion_ref **get_all(struct fusion_member *member, u32 *nr)
{
	struct fusion_ref_local *local;
	struct fusion_ref **refs;
	u32 room = 1;

	spin_lock(&member->lock);
	list_for_each_entry(local, &member->refs, link)
		room++;
	spin_unlock(&member->lock);
	refs = kvmalloc_array(room, sizeof(*refs), GFP_KERNEL_ACCOUNT);
	if (!refs)
		return ERR_PTR(-ENOMEM);
	*nr = 0;
	spin_lock(&member->lock);
	list_for_each_entry(local, &member->refs, link) {
		/* It is just getting more: that is as if it was after the copy. */
		if (*nr == room)
			break;
		fusion_object_get(&local->ref->base);
		refs[(*nr)++] = local->ref;
	}
	spin_unlock(&member->lock);
	return refs;
}

/**
 * fusion_refs_copy - give a member the local counts that another one has
 * @from: active member
 * @to: active member
 *
 * Costs as much as @from has.
 *
 * Context: sleeps.
 * Return: 0, or -ERANGE, -EBUSY, -ENOSPC, -ENOMEM: then some are copied.
 */
int fusion_refs_copy(struct fusion_member *from, struct fusion_member *to)
{
	struct fusion_ref **refs;
	int ret = 0;
	u32 nr, i;

	refs = get_all(from, &nr);
	if (IS_ERR(refs))
		return PTR_ERR(refs);
	for (i = 0; i < nr; i++) {
		mutex_lock(&refs[i]->lock);
		if (!ret)
			ret = copy(refs[i], from, to);
		fusion_ref_unlock(refs[i]);
		cond_resched();
	}
	kvfree(refs);
	return ret;
}

const struct fusion_type fusion_ref_type = {
	.name = "ref",
	.create = ref_create,
	.destroy = ref_destroy,
	.free = ref_free,
	.leave = ref_leave,
	.query = ref_query,
};
