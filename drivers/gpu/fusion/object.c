// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of a world: their numbers and their life.
 *
 * A table for each kind leads from numbers to objects. A lookup takes no lock: the
 * table is read under RCU, and an object whose last reference is gone is not found.
 * Destroying takes an object out of the table and tells its kind, once; whoever has a
 * reference then finds it dead.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fusion.h"
#include "trace.h"

/* In the order in which a member that leaves drops what it has. */
static const struct {
	u32 class;
	const struct fusion_type *type;
} fusion_types[] = {
	{ DRM_FUSION_SKIRMISH, &fusion_skirmish_type },
	{ DRM_FUSION_CALL, &fusion_call_type },
	{ DRM_FUSION_REACTOR, &fusion_reactor_type },
	{ DRM_FUSION_PROPERTY, &fusion_property_type },
	{ DRM_FUSION_REF, &fusion_ref_type },
	{ DRM_FUSION_POOL, &fusion_pool_type },
	{ DRM_FUSION_BUFFER, &fusion_buffer_type },
};

static const struct fusion_type *find_type(u32 class)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(fusion_types); i++)
		if (fusion_types[i].class == class)
			return fusion_types[i].type;
	return NULL;
}

/**
 * fusion_types_known - the kinds of objects that there are
 *
 * Return: a bit for each DRM_FUSION_*.
 */
u64 fusion_types_known(void)
{
	u64 known = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(fusion_types); i++)
		known |= BIT_ULL(fusion_types[i].class);
	return known;
}

/**
 * fusion_object_init - fill in the head of a new object
 * @object: object, all zero
 * @class: DRM_FUSION_*
 * @member: who creates it
 * @name: checked by fusion_name_check()
 *
 * The caller has the only reference.
 */
void fusion_object_init(struct fusion_object *object, u32 class, struct fusion_member *member,
			const u8 *name)
{
	kref_init(&object->kref);
	object->type = find_type(class);
	object->class = class;
	object->world = member->world;
	object->creator = member->id;
	spin_lock_init(&object->lock);
	memcpy(object->name, name, sizeof(object->name));
}

static void object_free(struct kref *kref)
{
	struct fusion_object *object = container_of(kref, struct fusion_object, kref);

	if (object->entry)
		object->entry->free(object->entry);
	object->type->free(object);
}

/**
 * fusion_object_get - take a reference
 * @object: object that the caller has a reference of
 */
void fusion_object_get(struct fusion_object *object)
{
	kref_get(&object->kref);
}

/**
 * fusion_object_put - drop a reference
 * @object: object
 *
 * Context: any.
 */
void fusion_object_put(struct fusion_object *object)
{
	kref_put(&object->kref, object_free);
}

/**
 * fusion_object_add - give an object a number: others can find it
 * @object: object of which the caller has the only reference. The table takes one of
 *	its own.
 *
 * Context: sleeps.
 * Return: 0, -ENOSPC at the limit of the world, -ENOMEM.
 */
int fusion_object_add(struct fusion_object *object)
{
	struct fusion_world *world = object->world;
	int ret;

	if (atomic_inc_return(&world->nr_objects) > world->max_objects) {
		ret = -ENOSPC;
		goto err;
	}
	fusion_object_get(object);
	/*
	 * Cyclic, so that a number that somebody still has means nothing for long. The
	 * number is written before the object can be found.
	 */
	ret = xa_alloc_cyclic(&world->objects[object->class], &object->id, object,
			      XA_LIMIT(1, INT_MAX), &world->next_object[object->class],
			      GFP_KERNEL_ACCOUNT);
	if (ret < 0) {
		fusion_object_put(object);
		goto err;
	}
	trace_fusion_object_create(world->nr, object->class, object->id, object->creator);
	return 0;

err:
	atomic_dec(&world->nr_objects);
	return ret;
}

/**
 * fusion_object_find - the object of a number
 * @world: world
 * @class: DRM_FUSION_*, a valid one
 * @id: number, perhaps a wrong one
 *
 * Context: any.
 * Return: the object with a reference, or ERR_PTR(-ENOENT).
 */
struct fusion_object *fusion_object_find(struct fusion_world *world, u32 class, u32 id)
{
	struct fusion_object *object;

	rcu_read_lock();
	object = xa_load(&world->objects[class], id);
	if (object && !kref_get_unless_zero(&object->kref))
		object = NULL;
	rcu_read_unlock();
	return object ?: ERR_PTR(-ENOENT);
}

/**
 * fusion_object_make - make an object that nobody can find yet
 * @member: active member
 * @args: of the request, offset is set
 *
 * Context: sleeps.
 * Return: the object with a reference, for fusion_object_publish(), or ERR_PTR(-EINVAL),
 * ERR_PTR(-ENOSPC), ERR_PTR(-ENOMEM).
 */
struct fusion_object *fusion_object_make(struct fusion_member *member,
					 struct drm_fusion_object_create *args)
{
	const struct fusion_type *type = find_type(args->type);
	int ret;

	if (!type || !type->create || args->flags || args->pad)
		return ERR_PTR(-EINVAL);
	ret = fusion_name_check(args->name);
	if (ret)
		return ERR_PTR(ret);
	args->offset = 0;
	return type->create(member, args);
}

/**
 * fusion_object_publish - give a new object its number, or destroy it
 * @object: object that nobody can find yet; the caller keeps its reference
 *
 * Context: sleeps.
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int fusion_object_publish(struct fusion_object *object)
{
	const struct fusion_type *type = object->type;
	int ret = fusion_object_add(object);

	if (!ret && type->numbered)
		type->numbered(object);
	else if (ret && type->destroy)
		type->destroy(object);
	return ret;
}

/**
 * fusion_object_create - DRM_IOCTL_FUSION_OBJECT_CREATE
 * @member: active member
 * @data: struct drm_fusion_object_create
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOSPC, -ENOMEM.
 */
int fusion_object_create(struct fusion_member *member, void *data)
{
	struct drm_fusion_object_create *args = data;
	struct fusion_object *object;
	int ret;

	object = fusion_object_make(member, args);
	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = fusion_object_publish(object);
	if (!ret)
		args->id = object->id;
	fusion_object_put(object);
	return ret;
}

static void destroy(struct fusion_object *object)
{
	spin_lock(&object->lock);
	object->dead = true;
	spin_unlock(&object->lock);
	atomic_dec(&object->world->nr_objects);
	trace_fusion_object_destroy(object->world->nr, object->class, object->id, object->creator);
	if (object->type->destroy)
		object->type->destroy(object);
	fusion_object_put(object);
}

/**
 * fusion_object_remove - destroy an object, unless somebody else does
 * @object: object that has a number, and that the caller has a reference of
 *
 * Context: sleeps.
 */
void fusion_object_remove(struct fusion_object *object)
{
	struct xarray *table = &object->world->objects[object->class];

	if (xa_cmpxchg(table, object->id, object, NULL, 0) == object)
		destroy(object);
}

/**
 * fusion_object_destroy - DRM_IOCTL_FUSION_OBJECT_DESTROY
 * @member: active member
 * @data: struct drm_fusion_object
 *
 * Context: sleeps.
 * Return: 0, -EINVAL for an unknown kind, -ENOENT.
 */
int fusion_object_destroy(struct fusion_member *member, void *data)
{
	struct drm_fusion_object *args = data;
	struct fusion_object *object;

	if (!find_type(args->type))
		return -EINVAL;
	/* Who takes it out of the table has the table's reference. */
	object = xa_erase(&member->world->objects[args->type], args->id);
	if (!object)
		return -ENOENT;
	destroy(object);
	return 0;
}

/**
 * fusion_object_rename - DRM_IOCTL_FUSION_OBJECT_NAME
 * @member: active member
 * @data: struct drm_fusion_object_name
 *
 * Context: any.
 * Return: 0, -EINVAL, -ENOENT, -EACCES.
 */
int fusion_object_rename(struct fusion_member *member, void *data)
{
	struct drm_fusion_object_name *args = data;
	struct fusion_object *object;
	int ret;

	if (!find_type(args->type))
		return -EINVAL;
	ret = fusion_name_check(args->name);
	if (ret)
		return ret;
	object = fusion_object_find(member->world, args->type, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	if (member->id != 1 && member->id != object->creator) {
		ret = -EACCES;
	} else {
		spin_lock(&object->lock);
		memcpy(object->name, args->name, sizeof(object->name));
		spin_unlock(&object->lock);
	}
	fusion_object_put(object);
	return ret;
}

/**
 * fusion_objects_thread_gone - a thread is gone: release what it has
 * @thread: thread
 *
 * Context: sleeps.
 */
void fusion_objects_thread_gone(struct fusion_thread *thread)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(fusion_types); i++)
		if (fusion_types[i].type->thread_gone)
			fusion_types[i].type->thread_gone(thread);
}

/**
 * fusion_objects_leave - a member goes: drop what it has
 * @member: member without active requests and threads
 *
 * Context: sleeps.
 */
void fusion_objects_leave(struct fusion_member *member)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(fusion_types); i++)
		if (fusion_types[i].type->leave)
			fusion_types[i].type->leave(member);
}

/**
 * fusion_objects_end - destroy all objects
 * @world: world that nobody uses any more
 *
 * Context: sleeps.
 */
void fusion_objects_end(struct fusion_world *world)
{
	struct fusion_object *object;
	unsigned long index;
	int class;

	for (class = 0; class < DRM_FUSION_TYPES; class++) {
		xa_for_each(&world->objects[class], index, object) {
			xa_erase(&world->objects[class], index);
			destroy(object);
		}
		xa_destroy(&world->objects[class]);
	}
}

/**
 * fusion_object_record - describe an object
 * @object: object
 * @record: filled in
 *
 * Context: any.
 */
void fusion_object_record(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	memset(record, 0, sizeof(*record));
	record->type = object->class;
	record->id = object->id;
	record->creator = object->creator;
	spin_lock(&object->lock);
	memcpy(record->name, object->name, sizeof(record->name));
	spin_unlock(&object->lock);
	if (object->type->query)
		object->type->query(object, record);
}

/**
 * fusion_objects_query - DRM_FUSION_QUERY_OBJECTS
 * @member: active member
 * @args: of the request
 *
 * Context: sleeps.
 * Return: 0, -EINVAL for an unknown kind, -EFAULT.
 */
int fusion_objects_query(struct fusion_member *member, struct drm_fusion_query *args)
{
	struct drm_fusion_query_object __user *to = u64_to_user_ptr(args->records);
	struct fusion_world *world = member->world;
	struct drm_fusion_query_object record;
	struct fusion_object *object;
	unsigned long index;
	u32 written = 0;

	if (!find_type(args->type))
		return -EINVAL;
	xa_for_each_start(&world->objects[args->type], index, object,
			  (unsigned long)args->after + 1) {
		if (written == args->count)
			break;
		object = fusion_object_find(world, args->type, index);
		if (IS_ERR(object))
			continue;
		fusion_object_record(object, &record);
		fusion_object_put(object);
		if (copy_to_user(to + written, &record, sizeof(record)))
			return -EFAULT;
		written++;
	}
	args->count = written;
	return 0;
}
