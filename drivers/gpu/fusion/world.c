// SPDX-License-Identifier: GPL-2.0
/*
 * Worlds: what members share. A world is a capability: only an open file that was
 * exported by a member lets others in, and no request reaches a world without being
 * a member.
 *
 * A world lives as long as it has members or exported files. Its number only serves
 * to tell worlds apart in listings.
 *
 * DOC: locks, outermost first
 *
 *   world->lock		joining and leaving, and which reference inherits from which
 *   pool->growing		a pool that grows
 *   reactor->lock		a mutex: attaching to a reactor and detaching
 *   ref->lock			one reference; its heirs after it
 *   object->lock		one object; two only where its kind states the order
 *   member->lock		lists of what a member has
 *   thread->lock		what a thread has
 *   member->queue.lock		messages of a member
 *   world->waits_lock		who waits for whom
 *   world->ranges_lock		addresses of pools
 *
 * None of them is shared between worlds. fusion_worlds_lock is taken when a world is
 * made, freed or listed, never by a request of a member. What DRM locks for all GEM objects
 * of the device is in Documentation/fusion/world.rst.
 */
#include <linux/anon_inodes.h>
#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fusion.h"

/* protects the list of worlds and next_world */
DEFINE_MUTEX(fusion_worlds_lock);
LIST_HEAD(fusion_worlds);
static u32 next_world;
/* where worlds are freed, and their rounds are made */
struct workqueue_struct *fusion_wq;

/**
 * fusion_name_check - whether a name may be shown
 * @name: DRM_FUSION_NAME_LEN bytes
 *
 * Return: 0, or -EINVAL if it has no end or a byte that cannot be printed.
 */
int fusion_name_check(const u8 *name)
{
	size_t i, length = strnlen(name, DRM_FUSION_NAME_LEN);

	if (length == DRM_FUSION_NAME_LEN)
		return -EINVAL;
	for (i = 0; i < length; i++)
		if (iscntrl(name[i]))
			return -EINVAL;
	return 0;
}

static void world_free(struct work_struct *work)
{
	struct fusion_world *world = container_of(work, struct fusion_world, free);

	mutex_lock(&fusion_worlds_lock);
	list_del(&world->link);
	mutex_unlock(&fusion_worlds_lock);
	fusion_objects_end(world);
	xa_destroy(&world->members);
	xa_destroy(&world->threads);
	fusion_state_fini(&world->state);
	bitmap_free(world->ranges);
	mutex_destroy(&world->lock);
	kfree(world);
}

/**
 * fusion_world_create - make a world without members
 * @args: of the request
 *
 * Context: sleeps.
 * Return: the world with a reference, or ERR_PTR(-EINVAL), ERR_PTR(-ENOMEM).
 */
struct fusion_world *fusion_world_create(const struct drm_fusion_world_create *args)
{
	struct fusion_world *world;
	int i;

	if (args->flags & ~(DRM_FUSION_WORLD_SURVIVE | DRM_FUSION_WORLD_HOLDUP_KILLS) ||
	    args->max_members > FUSION_MAX_MEMBERS || args->max_objects > FUSION_MAX_OBJECTS ||
	    args->max_memory > FUSION_MAX_MEMORY || fusion_name_check(args->world_name))
		return ERR_PTR(-EINVAL);
	world = kzalloc(sizeof(*world), GFP_KERNEL_ACCOUNT);
	if (!world)
		return ERR_PTR(-ENOMEM);
	kref_init(&world->kref);
	world->flags = args->flags;
	world->max_members = args->max_members ?: FUSION_MAX_MEMBERS;
	world->max_objects = args->max_objects ?: FUSION_MAX_OBJECTS;
	world->max_memory = args->max_memory ?: FUSION_MAX_MEMORY;
	memcpy(world->name, args->world_name, sizeof(world->name));
	mutex_init(&world->lock);
	xa_init(&world->members);
	world->next_member = 1;
	for (i = 0; i < DRM_FUSION_TYPES; i++)
		xa_init_flags(&world->objects[i], XA_FLAGS_ALLOC1);
	xa_init_flags(&world->threads, XA_FLAGS_ALLOC1);
	spin_lock_init(&world->waits_lock);
	spin_lock_init(&world->ranges_lock);
	fusion_state_init(&world->state, DRM_FUSION_STATE_SIZE, FUSION_MAX_OBJECTS);
	INIT_DELAYED_WORK(&world->round, fusion_waits_round);
	INIT_WORK(&world->free, world_free);

	mutex_lock(&fusion_worlds_lock);
	world->nr = ++next_world;
	list_add_tail(&world->link, &fusion_worlds);
	mutex_unlock(&fusion_worlds_lock);
	return world;
}

/**
 * fusion_world_get - take a reference
 * @world: world that the caller has a reference of
 */
void fusion_world_get(struct fusion_world *world)
{
	kref_get(&world->kref);
}

static void world_unused(struct kref *kref)
{
	struct fusion_world *world = container_of(kref, struct fusion_world, kref);

	queue_work(fusion_wq, &world->free);
}

/**
 * fusion_world_put - drop a reference
 * @world: world
 *
 * Context: any.
 */
void fusion_world_put(struct fusion_world *world)
{
	kref_put(&world->kref, world_unused);
}

/**
 * fusion_worlds_init - before the first world
 *
 * Return: 0 or -ENOMEM.
 */
int fusion_worlds_init(void)
{
	fusion_wq = alloc_workqueue("fusion", WQ_UNBOUND, 0);
	return fusion_wq ? 0 : -ENOMEM;
}

/**
 * fusion_worlds_exit - wait until the last world is freed
 */
void fusion_worlds_exit(void)
{
	struct fusion_world *world;

	/* Nobody waits any more. The list keeps a world from being freed. */
	mutex_lock(&fusion_worlds_lock);
	list_for_each_entry(world, &fusion_worlds, link)
		if (cancel_delayed_work_sync(&world->round))
			fusion_world_put(world);
	mutex_unlock(&fusion_worlds_lock);
	destroy_workqueue(fusion_wq);
}

static int world_release(struct inode *inode, struct file *file)
{
	fusion_world_put(file->private_data);
	return 0;
}

static void world_show(struct seq_file *m, struct file *file)
{
	struct fusion_world *world = file->private_data;

	seq_printf(m, "fusion-world:\t%u\n", world->nr);
	seq_printf(m, "fusion-members:\t%u\n", READ_ONCE(world->nr_members));
}

static const struct file_operations world_fops = {
	.owner = THIS_MODULE,
	.release = world_release,
	.show_fdinfo = world_show,
};

/**
 * fusion_world_export - DRM_IOCTL_FUSION_WORLD_EXPORT
 * @member: active member
 * @data: struct drm_fusion_world_export
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EMFILE, -ENFILE, -ENOMEM.
 */
int fusion_world_export(struct fusion_member *member, void *data)
{
	struct drm_fusion_world_export *args = data;
	int fd;

	if (args->flags)
		return -EINVAL;
	fusion_world_get(member->world);
	fd = anon_inode_getfd("fusion-world", &world_fops, member->world, O_CLOEXEC);
	if (fd < 0) {
		fusion_world_put(member->world);
		return fd;
	}
	args->fd = fd;
	return 0;
}

/**
 * fusion_world_from_fd - the world behind a file descriptor
 * @fd: file descriptor, perhaps of something else
 *
 * Context: sleeps.
 * Return: the world with a reference, or ERR_PTR(-EBADF), ERR_PTR(-EINVAL).
 */
struct fusion_world *fusion_world_from_fd(int fd)
{
	struct fd f = fdget(fd);
	struct fusion_world *world;

	if (!f.file)
		return ERR_PTR(-EBADF);
	if (f.file->f_op == &world_fops) {
		world = f.file->private_data;
		fusion_world_get(world);
	} else {
		world = ERR_PTR(-EINVAL);
	}
	fdput(f);
	return world;
}

/**
 * fusion_world_charge - count memory of a world
 * @world: world
 * @bytes: how much more
 *
 * Context: any.
 * Return: 0 or -ENOMEM at the limit.
 */
int fusion_world_charge(struct fusion_world *world, u64 bytes)
{
	if (atomic64_add_return(bytes, &world->memory) <= world->max_memory)
		return 0;
	atomic64_sub(bytes, &world->memory);
	return -ENOMEM;
}

/**
 * fusion_world_uncharge - count memory of a world
 * @world: world
 * @bytes: how much less
 *
 * Context: any.
 */
void fusion_world_uncharge(struct fusion_world *world, u64 bytes)
{
	atomic64_sub(bytes, &world->memory);
}

/**
 * fusion_world_info - DRM_IOCTL_FUSION_WORLD_INFO
 * @member: active member
 * @data: struct drm_fusion_world_info
 *
 * Context: any.
 * Return: 0.
 */
int fusion_world_info(struct fusion_member *member, void *data)
{
	struct drm_fusion_world_info *info = data;
	struct fusion_world *world = member->world;

	memset(info, 0, sizeof(*info));
	info->flags = world->flags;
	info->member = member->id;
	info->members = READ_ONCE(world->nr_members);
	info->max_members = world->max_members;
	info->objects = atomic_read(&world->nr_objects);
	info->max_objects = world->max_objects;
	info->memory = atomic64_read(&world->memory);
	info->max_memory = world->max_memory;
	info->state_size = FUSION_WORLD_WINDOW;
	info->own_size = FUSION_OWN_WINDOW;
	info->address = FUSION_WORLD_ADDRESS;
	info->address_size = FUSION_WORLD_ADDRESS_SIZE;
	memcpy(info->world_name, world->name, sizeof(info->world_name));
	return 0;
}

/**
 * fusion_query - DRM_IOCTL_FUSION_QUERY
 * @member: active member
 * @data: struct drm_fusion_query
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EFAULT.
 */
int fusion_query(struct fusion_member *member, void *data)
{
	struct drm_fusion_query *args = data;

	switch (args->what) {
	case DRM_FUSION_QUERY_MEMBERS:
		return fusion_members_query(member, args);
	case DRM_FUSION_QUERY_OBJECTS:
		return fusion_objects_query(member, args);
	case DRM_FUSION_QUERY_WAITS:
		return fusion_waits_query(member, args);
	default:
		return -EINVAL;
	}
}

/**
 * fusion_world_broadcast - send a message of the kernel to all members
 * @world: world
 * @except: number of a member that does not get it
 * @type: DRM_FUSION_EVENT_*
 * @arg: for the message
 *
 * Context: sleeps.
 * Return: how many members there were.
 */
int fusion_world_broadcast(struct fusion_world *world, u32 except, u32 type, u64 arg)
{
	struct fusion_member *member;
	unsigned long index;
	int nr = 0;

	xa_for_each(&world->members, index, member) {
		if (index == except)
			continue;
		member = fusion_member_find(world, index);
		if (!member)
			continue;
		fusion_queue_event(member, type, 0, arg);
		fusion_member_put(member);
		nr++;
	}
	return nr;
}

/**
 * fusion_world_end - no more members, all waits end, requests fail
 * @world: world
 *
 * Context: sleeps.
 */
void fusion_world_end(struct fusion_world *world)
{
	struct fusion_member *member;
	unsigned long index;

	mutex_lock(&world->lock);
	WRITE_ONCE(world->ended, true);
	mutex_unlock(&world->lock);
	fusion_world_broadcast(world, 0, DRM_FUSION_EVENT_END, 0);
	xa_for_each(&world->members, index, member) {
		member = fusion_member_find(world, index);
		if (!member)
			continue;
		fusion_waits_end(member);
		fusion_member_put(member);
	}
}
