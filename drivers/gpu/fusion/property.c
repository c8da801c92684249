// SPDX-License-Identifier: GPL-2.0
/*
 * Properties: something that one thread at a time owns, by lease for a short time or by
 * purchase for long.
 *
 * Who wants a property waits in the order in which he came, and is the owner when he wakes
 * up. There is no sense in waiting long for a purchaser: he has it for long, so he is
 * waited for only while he has had it for no longer than 100 ms (by who wants a lease) or
 * one second (by who wants to purchase). One who already waits when it is purchased finds
 * that out when he looks, once a second.
 *
 * An owner that is gone has ceded, at once when its member leaves, and when somebody waits
 * or wants it if the thread alone has exited.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "fusion.h"

/* How long ago the purchase may be for one who wants it. */
#define LEASE_PATIENCE		(100 * NSEC_PER_MSEC)
#define PURCHASE_PATIENCE	NSEC_PER_SEC

/**
 * struct fusion_property - something to own
 * @base: head; its lock protects what follows
 * @link: in the list of the owner, protected by its member's lock, too
 * @owner: thread that has it, with a reference, or NULL
 * @kind: DRM_FUSION_PROPERTY_* of the owner
 * @count: how often it has taken it
 * @since: when it was taken first
 * @waiters: struct fusion_waiter, longest first; private is the kind
 */
struct fusion_property {
	struct fusion_object base;
	struct list_head link;
	struct fusion_thread *owner;
	u32 kind;
	u32 count;
	ktime_t since;
	struct list_head waiters;
};

static struct fusion_property *to_property(struct fusion_object *object)
{
	return container_of(object, struct fusion_property, base);
}

static struct fusion_object *property_create(struct fusion_member *member,
					     struct drm_fusion_object_create *args)
{
	struct fusion_property *property;

	if (args->arg)
		return ERR_PTR(-EINVAL);
	property = kzalloc(sizeof(*property), GFP_KERNEL_ACCOUNT);
	if (!property)
		return ERR_PTR(-ENOMEM);
	fusion_object_init(&property->base, DRM_FUSION_PROPERTY, member, args->name);
	INIT_LIST_HEAD(&property->link);
	INIT_LIST_HEAD(&property->waiters);
	return &property->base;
}

static void set_owner(struct fusion_property *property, struct fusion_thread *thread, u32 kind)
{
	struct fusion_member *member = thread->member;

	lockdep_assert_held(&property->base.lock);
	fusion_thread_get(thread);
	property->owner = thread;
	property->kind = kind;
	property->count = 1;
	property->since = ktime_get();
	spin_lock(&member->lock);
	list_add_tail(&property->link, &thread->properties);
	member->nr_properties++;
	spin_unlock(&member->lock);
}

/* The property is free, or of the one who has waited longest. */
static void release(struct fusion_property *property)
{
	struct fusion_thread *thread = property->owner;
	struct fusion_waiter *waiter;

	lockdep_assert_held(&property->base.lock);
	spin_lock(&thread->member->lock);
	list_del_init(&property->link);
	thread->member->nr_properties--;
	spin_unlock(&thread->member->lock);
	property->owner = NULL;
	property->count = 0;
	fusion_thread_put(thread);

	waiter = list_first_entry_or_null(&property->waiters, struct fusion_waiter, link);
	if (!waiter)
		return;
	set_owner(property, waiter->thread, waiter->private);
	fusion_wake(waiter, 0);
}

static void property_destroy(struct fusion_object *object)
{
	struct fusion_property *property = to_property(object);

	spin_lock(&object->lock);
	fusion_wake_all(&property->waiters, -EIDRM);
	if (property->owner)
		release(property);
	spin_unlock(&object->lock);
}

static void property_free(struct fusion_object *object)
{
	kfree_rcu(to_property(object), base.rcu);
}

static void property_thread_gone(struct fusion_thread *thread)
{
	struct fusion_member *member = thread->member;
	struct fusion_property *property;

	for (;;) {
		spin_lock(&member->lock);
		property = list_first_entry_or_null(&thread->properties, struct fusion_property,
						    link);
		if (!property) {
			spin_unlock(&member->lock);
			return;
		}
		/* One that is destroyed leaves the list before it goes. */
		fusion_object_get(&property->base);
		spin_unlock(&member->lock);

		spin_lock(&property->base.lock);
		if (property->owner == thread)
			release(property);
		spin_unlock(&property->base.lock);
		fusion_object_put(&property->base);
	}
}

static void property_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_property *property = to_property(object);
	struct list_head *entry;

	spin_lock(&object->lock);
	if (property->owner) {
		record->owner = property->owner->member->id;
		record->owner_tid = pid_vnr(property->owner->pid);
		record->count = property->count;
		record->flags = property->kind;
	}
	list_for_each(entry, &property->waiters)
		record->waiters++;
	spin_unlock(&object->lock);
}

/* One look at a property: 0: taken, -EAGAIN: to wait until @until, or what is wrong. */
static int try_take(struct fusion_property *property, struct fusion_thread *thread, u32 kind,
		    ktime_t *until)
{
	u64 patience = kind == DRM_FUSION_PROPERTY_LEASE ? LEASE_PATIENCE : PURCHASE_PATIENCE;

	lockdep_assert_held(&property->base.lock);
	if (property->base.dead)
		return -EIDRM;
	if (!property->owner) {
		set_owner(property, thread, kind);
		return 0;
	}
	if (property->owner == thread) {
		if (property->kind != kind)
			return -EBUSY;
		if (property->count == U32_MAX)
			return -EOVERFLOW;
		property->count++;
		return 0;
	}
	*until = KTIME_MAX;
	if (property->kind == DRM_FUSION_PROPERTY_LEASE)
		return -EAGAIN;
	*until = ktime_add_ns(property->since, patience);
	return ktime_compare(ktime_get(), *until) < 0 ? -EAGAIN : -EBUSY;
}

/* An owner that has exited without a word has it no more. */
static void check_owner(struct fusion_property *property)
{
	struct fusion_thread *owner;

	spin_lock(&property->base.lock);
	owner = property->owner;
	if (owner)
		fusion_thread_get(owner);
	spin_unlock(&property->base.lock);
	if (!owner)
		return;
	if (!fusion_thread_alive(owner))
		fusion_thread_release(owner);
	fusion_thread_put(owner);
}

static int take(struct fusion_property *property, struct fusion_thread *thread, u32 kind,
		ktime_t deadline)
{
	struct fusion_waiter waiter;
	ktime_t until;
	int ret;

	fusion_waiter_init(&waiter, thread);
	waiter.private = kind;
	for (;;) {
		check_owner(property);
		spin_lock(&property->base.lock);
		if (waiter.done)
			break;
		ret = try_take(property, thread, kind, &until);
		if (ret != -EAGAIN)
			goto unlist;
		if (list_empty(&waiter.link))
			list_add_tail(&waiter.link, &property->waiters);
		spin_unlock(&property->base.lock);

		ret = fusion_wait(&waiter, min(deadline, until));
		spin_lock(&property->base.lock);
		if (waiter.done)
			break;
		/* Another look says whether it was bought too long ago by now. */
		if (ret != -EAGAIN && !(ret == -ETIMEDOUT && until < deadline))
			goto unlist;
		spin_unlock(&property->base.lock);
	}
	ret = waiter.status;
	goto unlock;

unlist:
	list_del_init(&waiter.link);
unlock:
	spin_unlock(&property->base.lock);
	return ret;
}

/**
 * fusion_property_take - DRM_IOCTL_FUSION_PROPERTY_TAKE
 * @member: active member
 * @data: struct drm_fusion_property_take
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EBUSY, -EOVERFLOW, -ETIMEDOUT, -ERESTARTSYS, -ESHUTDOWN,
 * -EUSERS, -ENOMEM.
 */
int fusion_property_take(struct fusion_member *member, void *data)
{
	struct drm_fusion_property_take *args = data;
	struct fusion_object *object;
	struct fusion_thread *thread;
	int ret;

	if (args->kind != DRM_FUSION_PROPERTY_LEASE && args->kind != DRM_FUSION_PROPERTY_PURCHASE)
		return -EINVAL;
	thread = fusion_thread_current(member);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	object = fusion_object_find(member->world, DRM_FUSION_PROPERTY, args->id);
	ret = PTR_ERR_OR_ZERO(object);
	if (!ret) {
		ret = take(to_property(object), thread, args->kind, args->timeout);
		fusion_object_put(object);
	}
	fusion_thread_put(thread);
	return ret;
}

/**
 * fusion_property_cede - DRM_IOCTL_FUSION_PROPERTY_CEDE
 * @member: active member
 * @data: struct drm_fusion_property_op
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EPERM, -EUSERS, -ENOMEM.
 */
int fusion_property_cede(struct fusion_member *member, void *data)
{
	struct drm_fusion_property_op *args = data;
	struct fusion_property *property;
	struct fusion_object *object;
	struct fusion_thread *thread;
	int ret = -EPERM;

	if (args->flags)
		return -EINVAL;
	thread = fusion_thread_current(member);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	object = fusion_object_find(member->world, DRM_FUSION_PROPERTY, args->id);
	if (IS_ERR(object)) {
		ret = PTR_ERR(object);
		goto put_thread;
	}
	property = to_property(object);
	spin_lock(&object->lock);
	if (property->owner == thread) {
		if (!--property->count)
			release(property);
		ret = 0;
	}
	spin_unlock(&object->lock);
	fusion_object_put(object);
put_thread:
	fusion_thread_put(thread);
	return ret;
}

/* The thread that has purchased it, with a reference, or NULL. */
static struct fusion_thread *purchaser(struct fusion_property *property)
{
	struct fusion_thread *owner;

	spin_lock(&property->base.lock);
	owner = property->kind == DRM_FUSION_PROPERTY_PURCHASE ? property->owner : NULL;
	if (owner)
		fusion_thread_get(owner);
	spin_unlock(&property->base.lock);
	return owner;
}

/**
 * fusion_property_holdup - DRM_IOCTL_FUSION_PROPERTY_HOLDUP
 * @member: active member
 * @data: struct drm_fusion_property_op
 *
 * The purchaser's process is killed as the caller would do by kill(): he must be allowed to.
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EACCES, -ENODATA.
 */
int fusion_property_holdup(struct fusion_member *member, void *data)
{
	struct drm_fusion_property_op *args = data;
	struct fusion_property *property;
	struct fusion_object *object;
	struct fusion_thread *owner;
	int ret = 0;

	if (args->flags)
		return -EINVAL;
	if (member->id != 1)
		return -EACCES;
	object = fusion_object_find(member->world, DRM_FUSION_PROPERTY, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	property = to_property(object);
	owner = purchaser(property);
	if (!owner) {
		ret = -ENODATA;
		goto put_object;
	}
	if (member->world->flags & DRM_FUSION_WORLD_HOLDUP_KILLS)
		ret = kill_pid(owner->member->pid, SIGKILL, 0);
	if (ret == -EPERM) {
		ret = -EACCES;
		goto put_owner;
	}
	/* A process that is gone already is as good as killed. */
	ret = 0;
	spin_lock(&object->lock);
	if (property->owner == owner)
		release(property);
	spin_unlock(&object->lock);
put_owner:
	fusion_thread_put(owner);
put_object:
	fusion_object_put(object);
	return ret;
}

const struct fusion_type fusion_property_type = {
	.name = "property",
	.create = property_create,
	.destroy = property_destroy,
	.free = property_free,
	.thread_gone = property_thread_gone,
	.query = property_query,
};
