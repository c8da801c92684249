// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: shared memory that grows, at the same address for all members.
 *
 * A pool is a row of segments, each one a buffer of the front end. It grows by one segment
 * at a time and never shrinks. The world gives it a range of addresses that is as large as
 * the pool may ever be, so that members can map each segment at the same place and have
 * pointers in it. The kernel maps nothing itself.
 *
 * DOC: growth
 *
 * Who grows holds the pool's mutex, makes the segment, and publishes it under the object's
 * lock. Segments that are published do not change, so a reader needs that lock only for the
 * moment in which it takes its reference. Members that have asked for segments are in a
 * table: they are told. A member enters the table before it looks, so it has seen a new
 * segment or is told:
 *
 *   grow                              segments
 *   publish the segment               enter the table
 *   tell all in the table             read segments
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fusion.h"

/* Pools lie on multiples of this. At least a page behind each one is nobody's. */
#define UNIT	SZ_1M
#define UNITS	(FUSION_WORLD_ADDRESS_SIZE / UNIT)

/**
 * struct segment - one piece of a pool
 * @buffer: of the front end, with a reference that the pool drops when it is destroyed
 * @offset: in the pool
 * @size: bytes
 */
struct segment {
	void *buffer;
	u64 offset;
	u64 size;
};

/**
 * struct user - a member that has asked for segments of a pool
 * @pool: with a reference
 * @link: in the member's list, protected by the member's lock
 */
struct user {
	struct fusion_pool *pool;
	struct list_head link;
};

/**
 * struct fusion_pool - shared memory that grows
 * @base: head; its lock protects @segments, @nr_segments, @size and @users
 * @growing: serialises growth, taken before @base.lock
 * @front: to drop the buffers
 * @unit: where its address range begins, constant
 * @max_size: constant
 * @size: of all segments
 * @nr_segments: how many
 * @segments: struct segment by number
 * @users: struct user by number of the member
 */
struct fusion_pool {
	struct fusion_object base;
	struct mutex growing;	/* growth */
	const struct fusion_front *front;
	unsigned long unit;
	u64 max_size;
	u64 size;
	u32 nr_segments;
	struct xarray segments;
	struct xarray users;
};

static struct fusion_pool *to_pool(struct fusion_object *object)
{
	return container_of(object, struct fusion_pool, base);
}

static unsigned long units_of(u64 max_size)
{
	return DIV_ROUND_UP_ULL(max_size + PAGE_SIZE, UNIT);
}

static u64 address_of(struct fusion_pool *pool)
{
	return FUSION_WORLD_ADDRESS + (u64)pool->unit * UNIT;
}

/* A range of addresses for @max_size bytes: its first unit, or -ENOSPC, -ENOMEM. */
static long take_range(struct fusion_world *world, u64 max_size)
{
	unsigned long *ranges = NULL, unit, nr = units_of(max_size);

	if (!READ_ONCE(world->ranges)) {
		ranges = bitmap_zalloc(UNITS, GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return -ENOMEM;
	}
	spin_lock(&world->ranges_lock);
	if (!world->ranges)
		swap(world->ranges, ranges);
	unit = bitmap_find_next_zero_area(world->ranges, UNITS, 0, nr, 0);
	if (unit < UNITS)
		bitmap_set(world->ranges, unit, nr);
	spin_unlock(&world->ranges_lock);
	bitmap_free(ranges);
	return unit < UNITS ? (long)unit : -ENOSPC;
}

static void give_range(struct fusion_world *world, unsigned long unit, u64 max_size)
{
	spin_lock(&world->ranges_lock);
	bitmap_clear(world->ranges, unit, units_of(max_size));
	spin_unlock(&world->ranges_lock);
}

static struct fusion_object *pool_create(struct fusion_member *member,
					 struct drm_fusion_object_create *args)
{
	struct fusion_pool *pool;
	long unit;

	if (!args->arg || !PAGE_ALIGNED(args->arg))
		return ERR_PTR(-EINVAL);
	if (args->arg > FUSION_WORLD_ADDRESS_SIZE - PAGE_SIZE)
		return ERR_PTR(-ENOSPC);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	unit = take_range(member->world, args->arg);
	if (unit < 0) {
		kfree(pool);
		return ERR_PTR(unit);
	}
	fusion_object_init(&pool->base, DRM_FUSION_POOL, member, args->name);
	mutex_init(&pool->growing);
	pool->front = member->front;
	pool->unit = unit;
	pool->max_size = args->arg;
	xa_init(&pool->segments);
	xa_init(&pool->users);
	args->offset = address_of(pool);
	return &pool->base;
}

/* Ends the use of a pool by a member, which holds the member's lock. */
static struct user *unlink_user(struct fusion_member *member, struct fusion_pool *pool)
{
	struct user *user;

	lockdep_assert_held(&member->lock);
	user = xa_erase(&pool->users, member->id);
	if (user)
		list_del(&user->link);
	return user;
}

static void free_user(struct user *user)
{
	if (!user)
		return;
	fusion_object_put(&user->pool->base);
	kfree(user);
}

/* Nobody finds it any more, and who has found it sees that it is dead: nothing is added. */
static void pool_destroy(struct fusion_object *object)
{
	struct fusion_pool *pool = to_pool(object);
	struct fusion_member *member;
	struct segment *segment;
	unsigned long index;
	struct user *user;

	xa_for_each(&pool->segments, index, segment)
		pool->front->put(segment->buffer);
	fusion_world_uncharge(object->world, pool->size);
	give_range(object->world, pool->unit, pool->max_size);
	xa_for_each(&pool->users, index, user) {
		/* Without a member there is one that is just leaving: it does this. */
		member = fusion_member_find(object->world, index);
		if (!member)
			continue;
		spin_lock(&member->lock);
		user = unlink_user(member, pool);
		spin_unlock(&member->lock);
		free_user(user);
		fusion_member_put(member);
	}
}

static void pool_free(struct fusion_object *object)
{
	struct fusion_pool *pool = to_pool(object);
	struct segment *segment;
	unsigned long index;

	xa_for_each(&pool->segments, index, segment)
		kfree(segment);
	xa_destroy(&pool->segments);
	xa_destroy(&pool->users);
	mutex_destroy(&pool->growing);
	kfree_rcu(pool, base.rcu);
}

static void pool_leave(struct fusion_member *member)
{
	struct user *user;

	for (;;) {
		spin_lock(&member->lock);
		user = list_first_entry_or_null(&member->pools, struct user, link);
		if (user)
			unlink_user(member, user->pool);
		spin_unlock(&member->lock);
		if (!user)
			break;
		free_user(user);
	}
}

static void pool_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_pool *pool = to_pool(object);

	spin_lock(&object->lock);
	record->size = pool->size;
	record->count = pool->nr_segments;
	spin_unlock(&object->lock);
}

const struct fusion_type fusion_pool_type = {
	.name = "pool",
	.create = pool_create,
	.destroy = pool_destroy,
	.free = pool_free,
	.leave = pool_leave,
	.query = pool_query,
};

/* Adds a segment of @size bytes, whole pages. */
static int add_segment(struct fusion_member *member, struct fusion_pool *pool, u64 size)
{
	struct segment *segment;
	int ret;

	lockdep_assert_held(&pool->growing);
	if (pool->nr_segments == FUSION_MAX_SEGMENTS)
		return -ENOSPC;
	ret = fusion_world_charge(member->world, size);
	if (ret)
		return ret;
	ret = -ENOMEM;
	segment = kzalloc(sizeof(*segment), GFP_KERNEL_ACCOUNT);
	if (!segment)
		goto err_charge;
	segment->buffer = member->front->create(member, size);
	if (IS_ERR(segment->buffer)) {
		ret = PTR_ERR(segment->buffer);
		goto err_segment;
	}
	segment->offset = pool->size;
	segment->size = size;
	ret = xa_reserve(&pool->segments, pool->nr_segments, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_buffer;

	ret = -EIDRM;
	spin_lock(&pool->base.lock);
	if (!pool->base.dead) {
		xa_store(&pool->segments, pool->nr_segments, segment, 0);
		pool->nr_segments++;
		pool->size += size;
		ret = 0;
	}
	spin_unlock(&pool->base.lock);
	if (!ret)
		return 0;

err_buffer:
	member->front->put(segment->buffer);
err_segment:
	kfree(segment);
err_charge:
	fusion_world_uncharge(member->world, size);
	return ret;
}

static void tell_users(struct fusion_pool *pool)
{
	struct fusion_member *member;
	unsigned long index;
	struct user *user;

	lockdep_assert_held(&pool->growing);
	xa_for_each(&pool->users, index, user) {
		member = fusion_member_find(pool->base.world, index);
		if (!member)
			continue;
		fusion_queue_event(member, DRM_FUSION_EVENT_POOL, pool->base.id, pool->size);
		fusion_member_put(member);
	}
}

static int grow(struct fusion_member *member, struct fusion_pool *pool, u64 *size)
{
	int ret = 0;

	/* Checked before it is rounded up, which could overflow. */
	if (*size > pool->max_size)
		return -ENOSPC;
	if (mutex_lock_interruptible(&pool->growing))
		return -ERESTARTSYS;
	if (*size > pool->size) {
		ret = add_segment(member, pool, PAGE_ALIGN(*size) - pool->size);
		if (!ret)
			tell_users(pool);
	}
	*size = pool->size;
	mutex_unlock(&pool->growing);
	return ret;
}

/**
 * fusion_pool_grow - DRM_IOCTL_FUSION_POOL_GROW
 * @member: active member
 * @data: struct drm_fusion_pool_grow
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOSPC if it may not be so large or in so many
 * pieces, -ENOMEM, -ERESTARTSYS.
 */
int fusion_pool_grow(struct fusion_member *member, void *data)
{
	struct drm_fusion_pool_grow *args = data;
	struct fusion_object *object;
	u64 size = args->size;
	int ret;

	if (args->flags)
		return -EINVAL;
	object = fusion_object_find(member->world, DRM_FUSION_POOL, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = grow(member, to_pool(object), &size);
	/* What did not work is asked for again as it was. */
	if (!ret)
		args->size = size;
	fusion_object_put(object);
	return ret;
}

/* From now on the member is told when the pool grows. */
static int use(struct fusion_member *member, struct fusion_pool *pool)
{
	struct user *user, *unused;
	int ret;

	if (xa_load(&pool->users, member->id))
		return 0;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return -ENOMEM;
	ret = xa_reserve(&pool->users, member->id, GFP_KERNEL_ACCOUNT);
	if (ret) {
		kfree(user);
		return ret;
	}
	unused = user;
	spin_lock(&pool->base.lock);
	spin_lock(&member->lock);
	if (pool->base.dead) {
		ret = -EIDRM;
	} else if (!xa_load(&pool->users, member->id)) {
		fusion_object_get(&pool->base);
		user->pool = pool;
		list_add_tail(&user->link, &member->pools);
		xa_store(&pool->users, member->id, user, 0);
		unused = NULL;
	}
	spin_unlock(&member->lock);
	spin_unlock(&pool->base.lock);
	kfree(unused);
	return ret;
}

/* Gives the member a handle of a segment: 0, -ENOENT behind the last one, -EIDRM, ... */
static int open_segment(struct fusion_member *member, struct fusion_pool *pool, u32 nr,
			struct drm_fusion_pool_segment *record)
{
	struct segment *segment;
	void *buffer = NULL;
	int ret = -ENOENT;

	memset(record, 0, sizeof(*record));
	spin_lock(&pool->base.lock);
	if (pool->base.dead) {
		ret = -EIDRM;
	} else if (nr < pool->nr_segments) {
		segment = xa_load(&pool->segments, nr);
		record->offset = segment->offset;
		record->size = segment->size;
		buffer = segment->buffer;
		member->front->hold(buffer);
	}
	spin_unlock(&pool->base.lock);
	if (!buffer)
		return ret;
	ret = member->front->install(member, buffer, &record->handle);
	member->front->put(buffer);
	return ret;
}

static int open_segments(struct fusion_member *member, struct fusion_pool *pool,
			 struct drm_fusion_pool_segments *args)
{
	struct drm_fusion_pool_segment __user *to = u64_to_user_ptr(args->segments);
	struct drm_fusion_pool_segment record;
	u32 written, nr;
	int ret = 0;

	for (written = 0; written < args->count; written++) {
		if (check_add_overflow(args->first, written, &nr))
			break;
		ret = open_segment(member, pool, nr, &record);
		if (ret)
			break;
		if (copy_to_user(to + written, &record, sizeof(record))) {
			member->front->remove(member, record.handle);
			ret = -EFAULT;
			break;
		}
	}
	args->count = written;
	/* Handles that were given are not lost: the rest fails when it is asked for. */
	return written || ret == -ENOENT ? 0 : ret;
}

/**
 * fusion_pool_segments - DRM_IOCTL_FUSION_POOL_SEGMENTS
 * @member: active member
 * @data: struct drm_fusion_pool_segments
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOMEM, -EFAULT.
 */
int fusion_pool_segments(struct fusion_member *member, void *data)
{
	struct drm_fusion_pool_segments *args = data;
	struct fusion_object *object;
	struct fusion_pool *pool;
	int ret;

	if (args->flags)
		return -EINVAL;
	object = fusion_object_find(member->world, DRM_FUSION_POOL, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	pool = to_pool(object);
	ret = use(member, pool);
	if (!ret)
		ret = open_segments(member, pool, args);
	args->address = address_of(pool);
	args->max_size = pool->max_size;
	spin_lock(&object->lock);
	args->size = pool->size;
	spin_unlock(&object->lock);
	fusion_object_put(object);
	return ret;
}
