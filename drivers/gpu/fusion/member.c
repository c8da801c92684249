// SPDX-License-Identifier: GPL-2.0
/*
 * Members of a world: one open file each, of one process.
 *
 * A request holds its member active. A member that leaves first ends the waits of its
 * own threads, then waits until no request is active, and then gives back what it had,
 * so nothing can come behind the clean-up:
 *
 *   request                           leave
 *   active++ unless zero
 *   ...                               leaving = true
 *   wait: sees leaving, ends          wake up own threads
 *   active--                          active--, wait for zero
 *                                     clean up
 *   active is zero: ENOTCONN
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fusion.h"
#include "trace.h"

static void member_free(struct kref *kref)
{
	struct fusion_member *member = container_of(kref, struct fusion_member, kref);

	fusion_state_fini(&member->own_threads);
	fusion_state_fini(&member->own_refs);
	xa_destroy(&member->threads);
	xa_destroy(&member->execs);
	put_pid(member->pid);
	if (member->front->free)
		member->front->free(member);
	fusion_world_put(member->world);
	kfree_rcu(member, rcu);
}

/**
 * fusion_member_get - take a reference
 * @member: member that the caller has a reference of
 */
void fusion_member_get(struct fusion_member *member)
{
	kref_get(&member->kref);
}

/**
 * fusion_member_put - drop a reference
 * @member: member
 *
 * Context: any.
 */
void fusion_member_put(struct fusion_member *member)
{
	kref_put(&member->kref, member_free);
}

/**
 * fusion_member_find - the member of a number
 * @world: world
 * @id: number, perhaps a wrong one
 *
 * Context: any.
 * Return: the member with a reference, or NULL.
 */
struct fusion_member *fusion_member_find(struct fusion_world *world, u32 id)
{
	struct fusion_member *member;

	rcu_read_lock();
	member = xa_load(&world->members, id);
	if (member && !kref_get_unless_zero(&member->kref))
		member = NULL;
	rcu_read_unlock();
	return member;
}

/**
 * fusion_member_create - join a world
 * @world: world
 * @name: name of the member, not checked yet
 * @front: functions of the front end
 * @file: for the front end, which keeps it if this fails
 *
 * The others are told.
 *
 * Context: sleeps.
 * Return: the member with the reference of its file, or ERR_PTR(-EINVAL) for a bad name,
 * ERR_PTR(-ESHUTDOWN), ERR_PTR(-EUSERS), ERR_PTR(-ENOMEM).
 */
struct fusion_member *fusion_member_create(struct fusion_world *world, const u8 *name,
					   const struct fusion_front *front, void *file)
{
	struct fusion_member *member;
	int ret;

	ret = fusion_name_check(name);
	if (ret)
		return ERR_PTR(ret);
	member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);
	if (!member)
		return ERR_PTR(-ENOMEM);
	kref_init(&member->kref);
	refcount_set(&member->active, 1);
	init_completion(&member->idle);
	fusion_world_get(world);
	member->world = world;
	member->pid = get_pid(task_tgid(current));
	memcpy(member->name, name, sizeof(member->name));
	member->front = front;
	member->file = file;
	spin_lock_init(&member->lock);
	xa_init(&member->threads);
	INIT_LIST_HEAD(&member->refs);
	INIT_LIST_HEAD(&member->listens);
	INIT_LIST_HEAD(&member->calls);
	xa_init_flags(&member->execs, XA_FLAGS_ALLOC1);
	INIT_LIST_HEAD(&member->pools);
	fusion_state_init(&member->own_threads, sizeof(struct drm_fusion_thread_state),
			  FUSION_MAX_THREADS);
	fusion_state_init(&member->own_refs, sizeof(struct drm_fusion_ref_local),
			  FUSION_MAX_OBJECTS);
	fusion_queue_init(&member->queue);
	ret = xa_reserve(&member->execs, 1, GFP_KERNEL_ACCOUNT);
	if (ret) {
		fusion_member_put(member);
		return ERR_PTR(ret);
	}

	mutex_lock(&world->lock);
	ret = -ESHUTDOWN;
	if (world->ended)
		goto unlock;
	ret = -EUSERS;
	if (world->nr_members >= world->max_members)
		goto unlock;
	member->id = world->next_member;
	ret = xa_insert(&world->members, member->id, member, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto unlock;
	world->next_member++;
	world->nr_members++;
unlock:
	mutex_unlock(&world->lock);
	if (ret) {
		member->file = NULL;
		fusion_member_put(member);
		return ERR_PTR(ret);
	}
	trace_fusion_member_join(world->nr, member->id);
	fusion_world_broadcast(world, member->id, DRM_FUSION_EVENT_JOIN, member->id);
	return member;
}

/**
 * fusion_member_enter - begin a request
 * @member: member
 *
 * Context: any.
 * Return: false if the member is gone. Else call fusion_member_exit() at the end.
 */
bool fusion_member_enter(struct fusion_member *member)
{
	return refcount_inc_not_zero(&member->active);
}

/**
 * fusion_member_exit - end a request
 * @member: member that fusion_member_enter() was called for
 *
 * Context: any.
 */
void fusion_member_exit(struct fusion_member *member)
{
	if (refcount_dec_and_test(&member->active))
		complete(&member->idle);
}

/**
 * fusion_member_going - whether a member may wait no more
 * @member: member
 *
 * Context: any.
 * Return: true if it leaves, or the world has ended.
 */
bool fusion_member_going(const struct fusion_member *member)
{
	return READ_ONCE(member->leaving) || READ_ONCE(member->world->ended);
}

/**
 * fusion_member_leave - leave the world and give back what the member had
 * @member: member; the front end calls this once. The caller keeps its reference.
 *
 * Costs as much as the member had, and a message to each of the others.
 *
 * Context: sleeps.
 */
void fusion_member_leave(struct fusion_member *member)
{
	struct fusion_world *world = member->world;

	WRITE_ONCE(member->leaving, true);
	fusion_waits_end(member);
	fusion_member_exit(member);
	wait_for_completion(&member->idle);

	mutex_lock(&world->lock);
	xa_erase(&world->members, member->id);
	world->nr_members--;
	mutex_unlock(&world->lock);

	fusion_threads_leave(member);
	fusion_objects_leave(member);
	fusion_queue_close(member);
	if (member->front->closed)
		member->front->closed(member);
	trace_fusion_member_leave(world->nr, member->id);
	fusion_world_broadcast(world, member->id, DRM_FUSION_EVENT_LEAVE, member->id);
	if (member->id == 1 && !(world->flags & DRM_FUSION_WORLD_SURVIVE))
		fusion_world_end(world);
}

/**
 * fusion_member_page - a page of the member's own window
 * @member: member
 * @index: number of the page
 *
 * Context: any.
 * Return: the page with a reference, or NULL if there is none.
 */
struct page *fusion_member_page(struct fusion_member *member, unsigned long index)
{
	unsigned long refs = FUSION_OWN_REFS >> PAGE_SHIFT;

	if (index < refs)
		return fusion_state_page(&member->own_threads, index);
	return fusion_state_page(&member->own_refs, index - refs);
}

static u32 count(struct list_head *list)
{
	struct list_head *entry;
	u32 nr = 0;

	list_for_each(entry, list)
		nr++;
	return nr;
}

/* What the member's threads say that they hold. */
static u32 count_held(struct fusion_member *member)
{
	struct fusion_thread *thread;
	unsigned long index;
	u32 nr = 0;
	int i;

	rcu_read_lock();
	xa_for_each(&member->threads, index, thread)
		for (i = 0; i < DRM_FUSION_HELD_MAX; i++)
			nr += !!READ_ONCE(thread->state->held[i]);
	rcu_read_unlock();
	return nr;
}

/**
 * fusion_member_record - describe a member
 * @member: member
 * @record: filled in
 *
 * Context: any.
 */
void fusion_member_record(struct fusion_member *member, struct drm_fusion_query_member *record)
{
	memset(record, 0, sizeof(*record));
	record->id = member->id;
	record->pid = pid_vnr(member->pid);
	memcpy(record->name, member->name, sizeof(record->name));
	record->skirmishes = count_held(member);
	spin_lock(&member->lock);
	record->threads = member->nr_threads;
	record->refs = count(&member->refs);
	record->reactors = count(&member->listens);
	record->properties = member->nr_properties;
	spin_unlock(&member->lock);
	spin_lock(&member->queue.lock);
	record->queued = member->queue.nr;
	record->memory = member->queue.bytes;
	spin_unlock(&member->queue.lock);
}

/**
 * fusion_members_query - DRM_FUSION_QUERY_MEMBERS
 * @self: active member
 * @args: of the request
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EFAULT.
 */
int fusion_members_query(struct fusion_member *self, struct drm_fusion_query *args)
{
	struct drm_fusion_query_member __user *to = u64_to_user_ptr(args->records);
	struct drm_fusion_query_member record;
	struct fusion_member *member;
	unsigned long index;
	u32 written = 0;

	if (args->type)
		return -EINVAL;
	xa_for_each_start(&self->world->members, index, member, (unsigned long)args->after + 1) {
		if (written == args->count)
			break;
		member = fusion_member_find(self->world, index);
		if (!member)
			continue;
		fusion_member_record(member, &record);
		fusion_member_put(member);
		if (copy_to_user(to + written, &record, sizeof(record)))
			return -EFAULT;
		written++;
	}
	args->count = written;
	return 0;
}
