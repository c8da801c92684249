// SPDX-License-Identifier: GPL-2.0
/*
 * Entries: what the legacy front end keeps of each object, and who may use it.
 *
 * The entry is of the object, so whoever has a reference of the object may look at it. It
 * has no lock of its own: what can change is one word, or in an xarray.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "legacy.h"

static void entry_free(struct fusion_entry *base)
{
	struct fusion_legacy_entry *entry = container_of(base, struct fusion_legacy_entry, base);

	xa_destroy(&entry->grants);
	xa_destroy(&entry->stopped);
	fusion_legacy_quotas_free(entry);
	put_pid(entry->pid);
	kfree(entry);
}

/**
 * fusion_legacy_publish - give a new object an entry and its id
 * @op: request of the creator
 * @object: object that nobody can find yet; the reference is the callee's, also on failure
 * @cookie0: for the type
 * @cookie1: for the type
 *
 * Context: sleeps.
 * Return: the id, or -ENOSPC, -ENOMEM.
 */
int fusion_legacy_publish(struct fusion_legacy_op *op, struct fusion_object *object,
			  u64 cookie0, u64 cookie1)
{
	struct fusion_legacy_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!entry) {
		if (object->type->destroy)
			object->type->destroy(object);
		goto put;
	}
	entry->base.free = entry_free;
	entry->pid = get_pid(task_pid(current));
	xa_init(&entry->grants);
	xa_init(&entry->quotas);
	xa_init(&entry->stopped);
	entry->cookies[0] = cookie0;
	entry->cookies[1] = cookie1;
	object->entry = &entry->base;
	ret = fusion_object_publish(object);
	if (!ret)
		ret = object->id;
put:
	fusion_object_put(object);
	return ret;
}

/**
 * fusion_legacy_create - make an object of a kind of the engine
 * @op: request
 * @class: DRM_FUSION_*
 *
 * Context: sleeps.
 * Return: the id, or -ENOSPC, -ENOMEM.
 */
int fusion_legacy_create(struct fusion_legacy_op *op, u32 class)
{
	struct drm_fusion_object_create args = { .type = class };
	struct fusion_object *object = fusion_object_make(op->member, &args);

	if (IS_ERR(object))
		return PTR_ERR(object);
	return fusion_legacy_publish(op, object, 0, 0);
}

static bool may(struct fusion_legacy_op *op, struct fusion_object *object, u32 nr)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(object);
	u32 id = op->member->id, mask = READ_ONCE(entry->everybody);

	if (!op->world->secure || id == FUSION_ID_MASTER || id == object->creator)
		return true;
	mask |= xa_to_value(xa_load(&entry->grants, id) ?: xa_mk_value(0));
	return mask & BIT(nr);
}

static struct fusion_object *find(struct fusion_legacy_op *op, u32 type, s32 id)
{
	struct fusion_object *object;

	if (type >= FUSION_LEGACY_TYPES || !fusion_legacy_types[type] ||
	    !fusion_legacy_types[type]->class)
		return ERR_PTR(-ENOSYS);
	if (id <= 0)
		return ERR_PTR(-EINVAL);
	object = fusion_object_find(op->world->world, fusion_legacy_types[type]->class, id);
	if (!IS_ERR(object))
		WRITE_ONCE(fusion_legacy_entry(object)->used, jiffies);
	return object;
}

/**
 * fusion_legacy_find - the object of an id, if the caller may do this with it
 * @op: request; its object is not looked at
 * @type: FT_CALL to FT_SHMPOOL
 * @nr: number of the request, less than 32
 * @id: id, perhaps a wrong one
 *
 * Context: any.
 * Return: the object with a reference, or ERR_PTR(-ENOSYS) for a type without entries,
 * ERR_PTR(-EINVAL), ERR_PTR(-ENOENT) for an unknown id, ERR_PTR(-EPERM).
 */
struct fusion_object *fusion_legacy_find(struct fusion_legacy_op *op, u32 type, u32 nr, s32 id)
{
	struct fusion_object *object = find(op, type, id);

	if (IS_ERR(object) || may(op, object, nr))
		return object;
	fusion_object_put(object);
	return ERR_PTR(-EPERM);
}

/**
 * fusion_legacy_set_info - FUSION_ENTRY_SET_INFO
 * @op: request: struct fusion_legacy_info
 *
 * Anybody may name anything, as ever. What cannot be shown is left out.
 *
 * Context: any.
 * Return: 0, -ENOSYS for a type without entries, -EINVAL.
 */
int fusion_legacy_set_info(struct fusion_legacy_op *op)
{
	struct fusion_legacy_info *info = op->data;
	struct fusion_object *object = find(op, info->type, info->id);
	char name[DRM_FUSION_NAME_LEN] = {};
	char *to = name;
	int i;

	if (IS_ERR(object))
		return PTR_ERR(object);
	for (i = 0; i < FUSION_ENTRY_INFO_NAME_LENGTH - 1 && info->name[i]; i++)
		if (!iscntrl(info->name[i]))
			*to++ = info->name[i];
	spin_lock(&object->lock);
	memcpy(object->name, name, sizeof(object->name));
	spin_unlock(&object->lock);
	fusion_object_put(object);
	return 0;
}

/**
 * fusion_legacy_get_info - FUSION_ENTRY_GET_INFO
 * @op: request: struct fusion_legacy_info, filled in
 *
 * Context: any.
 * Return: 0, -ENOSYS for a type without entries, -EINVAL.
 */
int fusion_legacy_get_info(struct fusion_legacy_op *op)
{
	struct fusion_legacy_info *info = op->data;
	struct fusion_object *object = find(op, info->type, info->id);

	if (IS_ERR(object))
		return PTR_ERR(object);
	spin_lock(&object->lock);
	memcpy(info->name, object->name, sizeof(info->name));
	spin_unlock(&object->lock);
	fusion_object_put(object);
	return 0;
}

/* Forgets fusionees that are gone, whose ids nobody gets again. The lock is held. */
static void forget_gone(struct fusion_legacy_entry *entry, struct fusion_world *world)
{
	unsigned long id;
	void *mask;

	xa_for_each(&entry->grants, id, mask) {
		if (id < READ_ONCE(world->next_member) && !xa_load(&world->members, id)) {
			__xa_erase(&entry->grants, id);
			entry->nr_grants--;
		}
	}
}

static int grant(struct fusion_legacy_entry *entry, struct fusion_world *world, u32 id, u32 mask)
{
	void *old;
	int ret = 0;

	/* Makes room, where that may sleep. */
	ret = xa_reserve(&entry->grants, id, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	xa_lock(&entry->grants);
	old = xa_load(&entry->grants, id);
	if (!old && entry->nr_grants == FUSION_LEGACY_GRANTS)
		forget_gone(entry, world);
	if (!old && entry->nr_grants == FUSION_LEGACY_GRANTS) {
		ret = -ENOSPC;
	} else {
		entry->nr_grants += !old;
		mask |= old ? xa_to_value(old) : 0;
		ret = xa_err(__xa_store(&entry->grants, id, xa_mk_value(mask), GFP_ATOMIC));
	}
	xa_unlock(&entry->grants);
	if (ret)
		xa_release(&entry->grants, id);
	return ret;
}

/**
 * fusion_legacy_add_permissions - FUSION_ENTRY_ADD_PERMISSIONS
 * @op: request: struct fusion_legacy_permissions
 *
 * Context: sleeps.
 * Return: 0, -ENOSYS for a type without entries, -EINVAL, -EPERM, -ENOSPC, -ENOMEM.
 */
int fusion_legacy_add_permissions(struct fusion_legacy_op *op)
{
	struct fusion_legacy_permissions *args = op->data;
	struct fusion_object *object = find(op, args->type, args->id);
	struct fusion_legacy_entry *entry;
	u32 mask = args->mask & INT_MAX;	/* more than there are requests */
	int ret = 0;

	if (IS_ERR(object))
		return PTR_ERR(object);
	entry = fusion_legacy_entry(object);
	if (op->member->id != FUSION_ID_MASTER && op->member->id != object->creator) {
		ret = -EPERM;
	} else if (!args->fusion_id) {
		spin_lock(&object->lock);
		WRITE_ONCE(entry->everybody, entry->everybody | mask);
		spin_unlock(&object->lock);
	} else if (args->fusion_id > INT_MAX) {
		ret = -EINVAL;
	} else if (mask) {
		ret = grant(entry, op->world->world, args->fusion_id, mask);
	}
	fusion_object_put(object);
	return ret;
}
