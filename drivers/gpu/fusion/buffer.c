// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that members share by number. What a buffer is, the front end knows.
 *
 * DOC: who keeps a buffer
 *
 * A shared buffer has a reference of the front end's buffer, until it is destroyed, or the
 * member that shared it leaves. Who opens it takes a reference of its own under the
 * object's lock, so it gets the buffer or is told that there is none any more:
 *
 *   destroy                           open
 *   lock object                       lock object
 *   buffer = NULL                     buffer? take a reference
 *   unlock object                     unlock object
 *   drop the reference                make a handle
 *
 * A member shares a buffer once: it finds the object in a table of its own.
 */
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fusion.h"

/**
 * struct fusion_buffer - a buffer of the world
 * @base: head; its lock protects @buffer
 * @owner: who shares it, with a reference
 * @front: of the owner
 * @buffer: of the front end, with a reference, NULL when it was destroyed. Not to be
 *	followed in this file.
 * @key: value of @buffer, constant
 * @size: bytes, charged to the world while it is shared
 * @link: in the owner's table, protected by the owner's lock
 */
struct fusion_buffer {
	struct fusion_object base;
	struct fusion_member *owner;
	const struct fusion_front *front;
	void *buffer;
	const void *key;
	u64 size;
	struct hlist_node link;
};

static struct fusion_buffer *to_buffer(struct fusion_object *object)
{
	return container_of(object, struct fusion_buffer, base);
}

static struct hlist_head *bucket(struct fusion_member *member, const void *key)
{
	return &member->buffers[hash_ptr(key, FUSION_BUFFER_BITS)];
}

/* The one that the member shares already, with a reference, or NULL. */
static struct fusion_buffer *find_shared(struct fusion_member *member, const void *key)
{
	struct fusion_buffer *shared;

	lockdep_assert_held(&member->lock);
	/* What is in the table has the reference of the world: see buffer_destroy() */
	hlist_for_each_entry(shared, bucket(member, key), link) {
		if (shared->key == key) {
			fusion_object_get(&shared->base);
			return shared;
		}
	}
	return NULL;
}

static void buffer_destroy(struct fusion_object *object)
{
	struct fusion_buffer *shared = to_buffer(object);
	void *buffer;

	spin_lock(&object->lock);
	buffer = shared->buffer;
	shared->buffer = NULL;
	spin_lock(&shared->owner->lock);
	hlist_del_init(&shared->link);
	spin_unlock(&shared->owner->lock);
	spin_unlock(&object->lock);
	shared->front->put(buffer);
	fusion_world_uncharge(object->world, shared->size);
}

static void buffer_free(struct fusion_object *object)
{
	struct fusion_buffer *shared = to_buffer(object);

	fusion_member_put(shared->owner);
	kfree_rcu(shared, base.rcu);
}

static void buffer_leave(struct fusion_member *member)
{
	struct fusion_buffer *shared;
	int i;

	for (i = 0; i < ARRAY_SIZE(member->buffers); i++) {
		for (;;) {
			spin_lock(&member->lock);
			shared = hlist_entry_safe(member->buffers[i].first, struct fusion_buffer,
						  link);
			if (shared) {
				fusion_object_get(&shared->base);
				hlist_del_init(&shared->link);
			}
			spin_unlock(&member->lock);
			if (!shared)
				break;
			fusion_object_remove(&shared->base);
			fusion_object_put(&shared->base);
		}
	}
}

static void buffer_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	record->owner = object->creator;
	record->size = to_buffer(object)->size;
}

const struct fusion_type fusion_buffer_type = {
	.name = "buffer",
	.destroy = buffer_destroy,
	.free = buffer_free,
	.leave = buffer_leave,
	.query = buffer_query,
};

/* Takes over the reference of @buffer. */
static struct fusion_buffer *share(struct fusion_member *member, void *buffer, const u8 *name)
{
	struct fusion_buffer *shared;
	u64 size = member->front->size(buffer);
	int ret;

	ret = fusion_world_charge(member->world, size);
	if (ret)
		goto err_put;
	shared = kzalloc(sizeof(*shared), GFP_KERNEL_ACCOUNT);
	if (!shared) {
		ret = -ENOMEM;
		goto err_charge;
	}
	fusion_object_init(&shared->base, DRM_FUSION_BUFFER, member, name);
	fusion_member_get(member);
	shared->owner = member;
	shared->front = member->front;
	shared->buffer = buffer;
	shared->key = buffer;
	shared->size = size;
	INIT_HLIST_NODE(&shared->link);
	ret = fusion_object_add(&shared->base);
	if (!ret)
		return shared;
	buffer_destroy(&shared->base);
	fusion_object_put(&shared->base);
	return ERR_PTR(ret);

err_charge:
	fusion_world_uncharge(member->world, size);
err_put:
	member->front->put(buffer);
	return ERR_PTR(ret);
}

/* Puts it into the table, unless another thread was first: then that one is returned. */
static struct fusion_buffer *remember(struct fusion_member *member, struct fusion_buffer *shared)
{
	struct fusion_buffer *other = NULL;

	spin_lock(&shared->base.lock);
	/* Its number can be guessed: it may be destroyed already. */
	if (!shared->base.dead) {
		spin_lock(&member->lock);
		other = find_shared(member, shared->key);
		if (!other)
			hlist_add_head(&shared->link, bucket(member, shared->key));
		spin_unlock(&member->lock);
	}
	spin_unlock(&shared->base.lock);
	if (!other)
		return shared;
	fusion_object_remove(&shared->base);
	fusion_object_put(&shared->base);
	return other;
}

/**
 * fusion_buffer_share - DRM_IOCTL_FUSION_BUFFER_SHARE
 * @member: active member
 * @data: struct drm_fusion_buffer_share
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT if the member has no such handle, -ENOSPC, -ENOMEM.
 */
int fusion_buffer_share(struct fusion_member *member, void *data)
{
	struct drm_fusion_buffer_share *args = data;
	struct fusion_buffer *shared;
	void *buffer;
	int ret;

	if (args->flags || args->pad)
		return -EINVAL;
	ret = fusion_name_check(args->name);
	if (ret)
		return ret;
	buffer = member->front->get(member, args->handle);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	spin_lock(&member->lock);
	shared = find_shared(member, buffer);
	spin_unlock(&member->lock);
	if (shared) {
		member->front->put(buffer);
	} else {
		shared = share(member, buffer, args->name);
		if (IS_ERR(shared))
			return PTR_ERR(shared);
		shared = remember(member, shared);
	}
	args->id = shared->base.id;
	args->size = shared->size;
	fusion_object_put(&shared->base);
	return 0;
}

/**
 * fusion_buffer_open - DRM_IOCTL_FUSION_BUFFER_OPEN
 * @member: active member
 * @data: struct drm_fusion_buffer_share
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOMEM.
 */
int fusion_buffer_open(struct fusion_member *member, void *data)
{
	struct drm_fusion_buffer_share *args = data;
	struct fusion_object *object;
	void *buffer;
	int ret;

	if (args->flags || args->pad)
		return -EINVAL;
	object = fusion_object_find(member->world, DRM_FUSION_BUFFER, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	spin_lock(&object->lock);
	buffer = to_buffer(object)->buffer;
	if (buffer)
		member->front->hold(buffer);
	memcpy(args->name, object->name, sizeof(args->name));
	spin_unlock(&object->lock);
	args->size = to_buffer(object)->size;
	fusion_object_put(object);
	if (!buffer)
		return -EIDRM;
	ret = member->front->install(member, buffer, &args->handle);
	member->front->put(buffer);
	return ret;
}

/**
 * fusion_buffer_create - DRM_IOCTL_FUSION_BUFFER_CREATE
 * @member: active member
 * @data: struct drm_fusion_buffer_create
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOMEM, also if it is more than a world may have.
 */
int fusion_buffer_create(struct fusion_member *member, void *data)
{
	struct drm_fusion_buffer_create *args = data;
	void *buffer;
	int ret;

	if (args->flags || !args->size)
		return -EINVAL;
	if (args->size > member->world->max_memory)
		return -ENOMEM;
	args->size = PAGE_ALIGN(args->size);
	buffer = member->front->create(member, args->size);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	ret = member->front->install(member, buffer, &args->handle);
	member->front->put(buffer);
	return ret;
}
