// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of the old interface: addresses, and who is attached. The memory is files that user
 * space makes and maps.
 *
 * A pool lies behind the one with the highest address, so the window is used from its
 * beginning on, and what is given back at its end is used again. Only when nothing is left
 * there, gaps are looked for.
 *
 * DOC: locks
 *
 *   legacy world->lock		making a pool: where it lies, until it can be found
 *   object->lock		what a pool has, and who uses it
 *   member->lock		what a member uses
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "legacy.h"

#define FIRST_POOL	SZ_512K		/* where the first one lies in the window */
#define POOL_ALIGN	SZ_64K
#define MAX_POOLS	1024		/* of a world */

/**
 * struct legacy_pool - addresses
 * @base: head; its lock protects @size, @users and @nr_users
 * @address: constant
 * @max_size: constant
 * @size: as somebody has said
 * @users: struct pool_user by number of the member
 * @nr_users: how many
 */
struct legacy_pool {
	struct fusion_object base;
	u64 address;
	u32 max_size;
	u32 size;
	struct xarray users;
	u32 nr_users;
};

/**
 * struct pool_user - a member that is attached to a pool
 * @pool: with a reference
 * @link: in what the member uses, protected by the member's lock
 * @count: how often, protected by the pool's lock
 */
struct pool_user {
	struct legacy_pool *pool;
	struct list_head link;
	u32 count;
};

static struct legacy_pool *to_pool(struct fusion_object *object)
{
	return container_of(object, struct legacy_pool, base);
}

static u64 window_of(struct fusion_legacy_world *world)
{
	return FUSION_LEGACY_BASE + world->nr * (u64)FUSION_LEGACY_SIZE;
}

/* Where the next one may lie: there is a page between them that is nobody's. */
static u64 end_of(u64 address, u32 max_size)
{
	return ALIGN(address + PAGE_ALIGN((u64)max_size) + PAGE_SIZE, POOL_ALIGN);
}

/* Finds the end of all pools, or of those that lie where a new one would be. */
static u64 end_of_pools(struct fusion_world *world, u64 from, u64 to, u32 *nr)
{
	struct fusion_object *object;
	unsigned long id;
	u64 end = from;

	*nr = 0;
	rcu_read_lock();
	xa_for_each(&world->objects[DRM_FUSION_POOL], id, object) {
		struct legacy_pool *pool = to_pool(object);
		u64 its_end = end_of(pool->address, pool->max_size);

		++*nr;
		if (pool->address < to && its_end > from)
			end = max(end, its_end);
	}
	rcu_read_unlock();
	return end;
}

/* An address for a new pool, or zero. */
static u64 find_place(struct fusion_legacy_world *world, u32 max_size)
{
	u64 window = window_of(world), end = window + FUSION_LEGACY_SIZE;
	u64 at = window + FIRST_POOL, next;
	u32 nr;

	lockdep_assert_held(&world->lock);
	next = end_of_pools(world->world, at, end, &nr);
	if (nr >= MAX_POOLS)
		return 0;
	if (end_of(next, max_size) <= end)
		return next;
	while (end_of(at, max_size) <= end) {
		next = end_of_pools(world->world, at, end_of(at, max_size), &nr);
		if (next == at)
			return at;
		at = next;
		cond_resched();
	}
	return 0;
}

/* Life */

/* Ends the use of a pool by a member. Both locks are held. */
static struct pool_user *unlink_user(struct fusion_member *member, struct legacy_pool *pool)
{
	struct pool_user *user;

	lockdep_assert_held(&pool->base.lock);
	lockdep_assert_held(&member->lock);
	user = xa_erase(&pool->users, member->id);
	if (user) {
		list_del(&user->link);
		pool->nr_users--;
	}
	return user;
}

/* The lock of the pool is not held. */
static void remove_user(struct fusion_member *member, struct legacy_pool *pool)
{
	struct pool_user *user;

	spin_lock(&pool->base.lock);
	spin_lock(&member->lock);
	user = unlink_user(member, pool);
	spin_unlock(&member->lock);
	spin_unlock(&pool->base.lock);
	if (!user)
		return;
	kfree(user);
	fusion_object_put(&pool->base);
}

static void pool_destroy(struct fusion_object *object)
{
	struct legacy_pool *pool = to_pool(object);
	struct fusion_member *member;
	struct pool_user *user;
	unsigned long id;

	/* It is dead: nobody is added. */
	xa_for_each(&pool->users, id, user) {
		/* Without a member there is one that is just leaving: it does this. */
		member = fusion_member_find(object->world, id);
		if (!member)
			continue;
		remove_user(member, pool);
		fusion_member_put(member);
	}
}

static void pool_free(struct fusion_object *object)
{
	struct legacy_pool *pool = to_pool(object);

	xa_destroy(&pool->users);
	kfree_rcu(pool, base.rcu);
}

static void pool_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct legacy_pool *pool = to_pool(object);

	spin_lock(&object->lock);
	record->size = pool->size;
	record->count = pool->nr_users;
	spin_unlock(&object->lock);
}

static const struct fusion_type legacy_pool_type = {
	.name = "pool",
	.destroy = pool_destroy,
	.free = pool_free,
	.query = pool_query,
};

/**
 * fusion_legacy_pools_leave - a fusionee goes: it is detached from all pools
 * @member: member without active requests
 *
 * Context: sleeps.
 */
void fusion_legacy_pools_leave(struct fusion_member *member)
{
	struct fusion_legacy_fusionee *fusionee = fusion_legacy_of(member);
	struct legacy_pool *pool;
	struct pool_user *user;

	for (;;) {
		spin_lock(&member->lock);
		user = list_first_entry_or_null(&fusionee->pools, struct pool_user, link);
		pool = user ? user->pool : NULL;
		if (pool)
			fusion_object_get(&pool->base);
		spin_unlock(&member->lock);
		if (!pool)
			break;
		remove_user(member, pool);
		fusion_object_put(&pool->base);
	}
}

static struct legacy_pool *pool_make(struct fusion_legacy_op *op, u32 max_size)
{
	static const u8 no_name[DRM_FUSION_NAME_LEN];
	struct legacy_pool *pool;
	u64 address;

	address = find_place(op->world, max_size);
	if (!address)
		return ERR_PTR(-ENOSPC);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	fusion_object_init(&pool->base, DRM_FUSION_POOL, op->member, no_name);
	pool->base.type = &legacy_pool_type;
	pool->address = address;
	pool->max_size = max_size;
	xa_init(&pool->users);
	return pool;
}

static int pool_new(struct fusion_legacy_op *op)
{
	struct fusion_legacy_pool_new *args = op->data;
	struct legacy_pool *pool;
	u64 address = 0;
	int ret;

	if (args->max_size <= 0)
		return -EINVAL;
	mutex_lock(&op->world->lock);
	pool = pool_make(op, args->max_size);
	ret = PTR_ERR_OR_ZERO(pool);
	if (!ret) {
		address = pool->address;
		ret = fusion_legacy_publish(op, &pool->base, 0, 0);
	}
	mutex_unlock(&op->world->lock);
	if (ret < 0)
		return ret;
	args->pool_id = ret;
	args->addr_base = address;
	return 0;
}

/* Use */

/* Attaches a member so often. */
static int attach(struct fusion_member *member, struct legacy_pool *pool, u32 count)
{
	struct pool_user *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT), *user;
	int ret;

	if (!new)
		return -ENOMEM;
	ret = xa_reserve(&pool->users, member->id, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto free;
	spin_lock(&pool->base.lock);
	user = xa_load(&pool->users, member->id);
	if (pool->base.dead) {
		ret = -EIDRM;
	} else if (user) {
		ret = user->count > U32_MAX - count ? -EOVERFLOW : 0;
		user->count += ret ? 0 : count;
	} else {
		fusion_object_get(&pool->base);
		new->pool = pool;
		new->count = count;
		spin_lock(&member->lock);
		list_add_tail(&new->link, &fusion_legacy_of(member)->pools);
		spin_unlock(&member->lock);
		xa_store(&pool->users, member->id, new, 0);
		pool->nr_users++;
		new = NULL;
	}
	spin_unlock(&pool->base.lock);
free:
	kfree(new);
	return ret;
}

static int pool_attach(struct fusion_legacy_op *op)
{
	struct fusion_legacy_pool_attach *args = op->data;
	struct legacy_pool *pool = to_pool(op->object);
	int ret;

	ret = attach(op->member, pool, 1);
	if (ret)
		return ret;
	args->addr_base = pool->address;
	args->size = READ_ONCE(pool->size);
	return 0;
}

static int pool_detach(struct fusion_legacy_op *op)
{
	struct legacy_pool *pool = to_pool(op->object);
	struct pool_user *user, *unused = NULL;

	spin_lock(&op->object->lock);
	user = xa_load(&pool->users, op->member->id);
	if (user && !--user->count) {
		spin_lock(&op->member->lock);
		unused = unlink_user(op->member, pool);
		spin_unlock(&op->member->lock);
	}
	spin_unlock(&op->object->lock);
	if (unused)
		fusion_object_put(op->object);
	kfree(unused);
	return user ? 0 : -EIO;
}

static int tell(struct fusion_legacy_op *op, struct fusion_member *member, s32 size)
{
	struct fusion_legacy_pool_message *data;
	struct fusion_legacy_message *message;
	int ret;

	message = fusion_legacy_message_alloc(op->world->world, FMT_SHMPOOL, op->object->id, 0,
					      sizeof(*data));
	if (IS_ERR(message))
		return PTR_ERR(message);
	data = (struct fusion_legacy_pool_message *)message->data;
	data->type = FUSION_POOL_REMAP;
	data->size = size;
	ret = fusion_legacy_post(op->thread, member, message);
	if (!ret)
		return 0;
	fusion_legacy_message_free(message);
	/* It is just leaving. */
	return ret == -ESHUTDOWN && !fusion_member_going(op->member) ? 0 : ret;
}

static int pool_dispatch(struct fusion_legacy_op *op)
{
	struct fusion_legacy_pool_dispatch *args = op->data;
	struct legacy_pool *pool = to_pool(op->object);
	struct fusion_member *member;
	struct pool_user *user;
	unsigned long id;
	int ret = 0;

	if (args->size <= 0 || args->size > pool->max_size)
		return -EINVAL;
	spin_lock(&op->object->lock);
	pool->size = args->size;
	spin_unlock(&op->object->lock);
	atomic_long_inc(&fusion_legacy_entry(op->object)->uses);
	xa_for_each(&pool->users, id, user) {
		if (id == op->member->id)
			continue;
		member = fusion_member_find(op->world->world, id);
		if (!member)
			continue;
		ret = tell(op, member, args->size);
		fusion_member_put(member);
		if (ret)
			break;
	}
	return ret;
}

static int pool_remove(struct fusion_legacy_op *op)
{
	fusion_object_remove(op->object);
	return 0;
}

static int get_base(struct fusion_legacy_op *op)
{
	*(u64 *)op->data = window_of(op->world);
	return 0;
}

/* What a member uses, one after another: the next one after @after, with a reference. */
static struct legacy_pool *next_pool(struct fusion_member *member, u32 after, u32 *count)
{
	struct legacy_pool *pool = NULL;
	struct pool_user *user;

	spin_lock(&member->lock);
	list_for_each_entry(user, &fusion_legacy_of(member)->pools, link)
		if (user->pool->base.id > after && (!pool || user->pool->base.id < pool->base.id)) {
			pool = user->pool;
			*count = READ_ONCE(user->count);
		}
	if (pool)
		fusion_object_get(&pool->base);
	spin_unlock(&member->lock);
	return pool;
}

static int copy(struct fusion_member *child, struct fusion_member *parent)
{
	struct legacy_pool *pool;
	u32 after = 0, count;
	int ret = 0;

	/* There are at most MAX_POOLS. */
	while (!ret && (pool = next_pool(parent, after, &count))) {
		after = pool->base.id;
		ret = attach(child, pool, max(count, 1U));
		if (ret == -EIDRM)
			ret = 0;
		fusion_object_put(&pool->base);
		cond_resched();
	}
	return ret;
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_SHMPOOL_NEW)] = {
		pool_new, sizeof(struct fusion_legacy_pool_new),
		sizeof(struct fusion_legacy_pool_new), FUSION_LEGACY_NEW
	},
	[_IOC_NR(FUSION_SHMPOOL_ATTACH)] = {
		pool_attach, sizeof(struct fusion_legacy_pool_attach),
		sizeof(struct fusion_legacy_pool_attach)
	},
	[_IOC_NR(FUSION_SHMPOOL_DETACH)] = { pool_detach, sizeof(s32) },
	[_IOC_NR(FUSION_SHMPOOL_DISPATCH)] = {
		pool_dispatch, sizeof(struct fusion_legacy_pool_dispatch)
	},
	[_IOC_NR(FUSION_SHMPOOL_DESTROY)] = { pool_remove, sizeof(s32) },
	[_IOC_NR(FUSION_SHMPOOL_GET_BASE)] = { get_base, 0, sizeof(u64), FUSION_LEGACY_NEW },
};

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct legacy_pool *pool = to_pool(object);

	spin_lock(&object->lock);
	seq_printf(m, "0x%llx [0x%x] - 0x%x, %ldx dispatch, %u nodes",
		   (unsigned long long)pool->address, pool->max_size, pool->size,
		   atomic_long_read(&fusion_legacy_entry(object)->uses), pool->nr_users);
	spin_unlock(&object->lock);
}

const struct fusion_legacy_type fusion_legacy_shmpool = {
	.name = "shmpools",
	.class = DRM_FUSION_POOL,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.show = show,
	.fork = copy,
};
