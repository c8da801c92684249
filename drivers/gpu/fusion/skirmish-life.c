// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes: how they begin and end, and what happens to those of a thread that is gone.
 *
 * DOC: death
 *
 * What a thread holds is in its held[], or noted by the kernel, from before it has changed
 * the word until after it has changed it back. When it is gone, the skirmishes that are
 * named there and have its token in their words are released; what is wrong there names
 * skirmishes that do not have its token. A thread that exits without a word is found by who
 * wants the skirmish, at once or within FUSION_RECHECK.
 */
#include <linux/slab.h>
#include "fusion.h"

static struct fusion_object *skirmish_create(struct fusion_member *member,
					     struct drm_fusion_object_create *args)
{
	struct fusion_skirmish *skirmish;
	void *state;

	if (args->arg)
		return ERR_PTR(-EINVAL);
	skirmish = kzalloc(sizeof(*skirmish), GFP_KERNEL_ACCOUNT);
	if (!skirmish)
		return ERR_PTR(-ENOMEM);
	state = fusion_state_alloc(&member->world->state, &skirmish->slot);
	if (IS_ERR(state)) {
		kfree(skirmish);
		return state;
	}
	skirmish->state = state;
	INIT_LIST_HEAD(&skirmish->waiters);
	INIT_LIST_HEAD(&skirmish->sleepers);
	INIT_LIST_HEAD(&skirmish->lent);
	fusion_object_init(&skirmish->base, DRM_FUSION_SKIRMISH, member, args->name);
	args->offset = (u64)skirmish->slot * DRM_FUSION_STATE_SIZE;
	return &skirmish->base;
}

static void skirmish_numbered(struct fusion_object *object)
{
	spin_lock(&object->lock);
	if (!object->dead)
		fusion_skirmish_write_id(fusion_to_skirmish(object));
	spin_unlock(&object->lock);
}

/* Who comes by the word now asks the kernel, and learns there that it is gone. */
static void skirmish_destroy(struct fusion_object *object)
{
	struct fusion_skirmish *skirmish = fusion_to_skirmish(object);
	struct fusion_waiter *waiter, *next;

	spin_lock(&object->lock);
	fusion_lents_end(skirmish);
	WRITE_ONCE(skirmish->state->id, 0);
	WRITE_ONCE(skirmish->state->word, DRM_FUSION_SKIRMISH_SLOW);
	fusion_sleepers_end(skirmish);
	list_for_each_entry_safe(waiter, next, &skirmish->waiters, link) {
		fusion_graph_done(waiter->thread);
		fusion_wake(waiter, -EIDRM);
	}
	spin_unlock(&object->lock);
}

static void skirmish_free(struct fusion_object *object)
{
	struct fusion_skirmish *skirmish = fusion_to_skirmish(object);

	fusion_state_free(&object->world->state, skirmish->slot);
	kfree_rcu(skirmish, base.rcu);
}

static void release_of(struct fusion_thread *thread, u32 id)
{
	struct fusion_skirmish *skirmish;
	struct fusion_object *object;
	struct fusion_lent *own;

	object = fusion_object_find(thread->member->world, DRM_FUSION_SKIRMISH, id);
	if (IS_ERR(object))
		return;
	skirmish = fusion_to_skirmish(object);
	spin_lock(&object->lock);
	own = fusion_lent_by(skirmish, thread);
	if (own) {
		skirmish->died = true;
		fusion_lent_leave(skirmish, own);
		fusion_skirmish_settle(skirmish);
	}
	if (!fusion_skirmish_check(skirmish, thread)) {
		skirmish->died = true;
		fusion_skirmish_freeze(skirmish);
		fusion_skirmish_pass_on(skirmish);
	}
	spin_unlock(&object->lock);
	fusion_object_put(object);
}

static void skirmish_thread_gone(struct fusion_thread *thread)
{
	unsigned long id;
	void *entry;
	int i;

	for (i = 0; i < DRM_FUSION_HELD_MAX; i++) {
		id = READ_ONCE(thread->state->held[i]);
		if (id)
			release_of(thread, id);
	}
	xa_for_each(&thread->noted, id, entry)
		release_of(thread, id);
}

static void skirmish_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_skirmish *skirmish = fusion_to_skirmish(object);
	u32 word = READ_ONCE(skirmish->state->word);
	struct fusion_thread *owner;
	struct fusion_waiter *waiter;

	owner = fusion_thread_find(object->world, word & DRM_FUSION_SKIRMISH_OWNER);
	if (owner) {
		record->owner = owner->member->id;
		record->owner_tid = pid_vnr(owner->pid);
		record->count = READ_ONCE(skirmish->state->count);
		fusion_thread_put(owner);
	}
	record->flags = word & ~DRM_FUSION_SKIRMISH_OWNER;
	record->offset = (u64)skirmish->slot * DRM_FUSION_STATE_SIZE;
	skirmish_numbered(object);
	spin_lock(&object->lock);
	list_for_each_entry(waiter, &skirmish->waiters, link)
		record->waiters++;
	record->waiters += fusion_sleepers_count(skirmish);
	spin_unlock(&object->lock);
}

const struct fusion_type fusion_skirmish_type = {
	.name = "skirmish",
	.create = skirmish_create,
	.numbered = skirmish_numbered,
	.destroy = skirmish_destroy,
	.free = skirmish_free,
	.thread_gone = skirmish_thread_gone,
	.query = skirmish_query,
};
