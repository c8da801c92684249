// SPDX-License-Identifier: GPL-2.0
/*
 * Who is in a legacy world: entering, and what fusionees may know and do about others.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "legacy.h"
#include "shrbuf-compat.h"

/* The member and its file are not used any more. */
static void fusionee_free(struct fusion_legacy_fusionee *fusionee)
{
	if (!fusionee)
		return;
	put_pid(fusionee->pid);
	kfree(fusionee->exe);
	kfree(fusionee);
}

static void member_free(struct fusion_member *member)
{
	fusionee_free(fusion_legacy_of(member));
}

/* Without its master there is no world: those who are left are killed. */
static void member_event(struct fusion_member *member, u32 type, u32 object, u64 arg)
{
	if (type == DRM_FUSION_EVENT_END && member->pid != task_tgid(current))
		kill_pid(member->pid, SIGKILL, 1);
}

const struct fusion_front fusion_legacy_front = {
	.event = member_event,
	.free = member_free,
};

/* Entering */

static bool known_major(s32 major)
{
	return major == 3 || major == 4 || major == 8 || major == 9;
}

/* The first one to come decides for all. The world's lock is held. */
static int agree(struct fusion_legacy_world *world, const struct fusion_legacy_enter *args,
		 bool slave)
{
	lockdep_assert_held(&world->lock);
	if (!world->major && !slave) {
		if (!known_major(args->major))
			return -ENOPROTOOPT;
		world->minor = args->minor;
		world->secure = args->secure && (args->major > 8 ||
						 (args->major == 8 && args->minor >= 5));
		WRITE_ONCE(world->major, args->major);
		return 0;
	}
	if (READ_ONCE(world->world->ended))
		return -EIDRM;
	if (!world->unblocked)
		return -EAGAIN;
	return args->major == world->major && args->minor <= world->minor ? 0 : -ENOPROTOOPT;
}

/* The path of the calling program, or NULL. */
static char *own_path(void)
{
	char *buffer = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT), *path = NULL;
	struct file *exe;

	if (!buffer)
		return NULL;
	rcu_read_lock();
	exe = shrbuf_compat_exe_file(current->mm);
	rcu_read_unlock();
	if (exe) {
		path = d_path(&exe->f_path, buffer, PATH_MAX);
		path = IS_ERR(path) ? NULL : kstrdup(path, GFP_KERNEL_ACCOUNT);
		fput(exe);
	}
	kfree(buffer);
	return path;
}

static struct fusion_legacy_fusionee *fusionee_create(struct fusion_legacy_world *world)
{
	struct fusion_legacy_fusionee *fusionee = kzalloc(sizeof(*fusionee), GFP_KERNEL_ACCOUNT);

	if (!fusionee)
		return NULL;
	fusionee->world = world;
	fusionee->pid = get_pid(task_pid(current));
	fusionee->exe = own_path();
	fusion_legacy_queue_init(&fusionee->queue);
	return fusionee;
}

/* Makes the file a member. The world's lock is held: the first one is the master. */
static int join(struct fusion_legacy_file *file, u64 *id)
{
	struct fusion_legacy_fusionee *fusionee = fusionee_create(file->world);
	u8 name[DRM_FUSION_NAME_LEN] = {};
	struct fusion_member *member;

	if (!fusionee)
		return -ENOMEM;
	member = fusion_member_create(file->world->world, name, &fusion_legacy_front, fusionee);
	if (IS_ERR(member)) {
		fusionee_free(fusionee);
		return PTR_ERR(member);
	}
	spin_lock(&file->lock);
	file->member = member;
	spin_unlock(&file->lock);
	*id = member->id;
	return 0;
}

static int try_enter(struct fusion_legacy_file *file, struct fusion_legacy_enter *args)
{
	struct fusion_legacy_world *world = file->world;
	bool first;
	int ret;

	mutex_lock(&world->lock);
	first = !world->major;
	ret = file->member ? -EBUSY : agree(world, args, file->slave);
	if (!ret) {
		ret = join(file, &args->fusion_id);
		if (ret && first)
			WRITE_ONCE(world->major, 0);
	}
	mutex_unlock(&world->lock);
	return ret;
}

/* FUSION_ENTER */
static int enter(struct fusion_legacy_op *op)
{
	struct fusion_legacy_world *world = op->world;
	int ret;

	while ((ret = try_enter(op->file, op->data)) == -EAGAIN) {
		ret = wait_event_interruptible(world->entering, READ_ONCE(world->unblocked) ||
					       READ_ONCE(world->world->ended));
		if (ret)
			break;
	}
	return ret;
}

/* FUSION_UNBLOCK */
static int unblock(struct fusion_legacy_op *op)
{
	if (op->member->id != FUSION_ID_MASTER)
		return -EPERM;
	mutex_lock(&op->world->lock);
	WRITE_ONCE(op->world->unblocked, true);
	mutex_unlock(&op->world->lock);
	wake_up_all(&op->world->entering);
	return 0;
}

/* FUSION_SHM_GET_BASE */
static int get_base(struct fusion_legacy_op *op)
{
	*(u64 *)op->data = FUSION_LEGACY_BASE + op->world->nr * FUSION_LEGACY_SIZE;
	return 0;
}

/* FUSION_GET_FUSIONEE_INFO: what is written back is not part of the argument's copy. */
static int get_fusionee_info(struct fusion_legacy_op *op)
{
	struct fusion_legacy_fusionee_info *info;
	struct fusion_legacy_fusionee *fusionee;
	u64 id = *(u64 *)op->data;
	struct fusion_member *member;
	int ret = 0;

	member = id <= U32_MAX ? fusion_member_find(op->world->world, id) : NULL;
	if (!member)
		return -EINVAL;
	info = kzalloc(sizeof(*info), GFP_KERNEL_ACCOUNT);
	if (info) {
		fusionee = fusion_legacy_of(member);
		info->fusion_id = id;
		strscpy(info->exe_file, fusionee->exe ?: "", sizeof(info->exe_file));
		info->pid = pid_vnr(fusionee->pid);
		if (copy_to_user(op->user, info, sizeof(*info)))
			ret = -EFAULT;
		kfree(info);
	} else {
		ret = -ENOMEM;
	}
	fusion_member_put(member);
	return ret;
}

#define ENTER_SIZE	sizeof(struct fusion_legacy_enter)
#define INFO_SIZE	sizeof(struct fusion_legacy_info)

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_ENTER)] = { enter, ENTER_SIZE, ENTER_SIZE, FUSION_LEGACY_OUTSIDE },
	[_IOC_NR(FUSION_UNBLOCK)] = { unblock },
	[_IOC_NR(FUSION_ENTRY_SET_INFO)] = { fusion_legacy_set_info, INFO_SIZE },
	[_IOC_NR(FUSION_ENTRY_GET_INFO)] = { fusion_legacy_get_info, INFO_SIZE, INFO_SIZE },
	[_IOC_NR(FUSION_ENTRY_ADD_PERMISSIONS)] = {
		fusion_legacy_add_permissions, sizeof(struct fusion_legacy_permissions)
	},
	[_IOC_NR(FUSION_SHM_GET_BASE)] = { get_base, 0, sizeof(u64), FUSION_LEGACY_OUTSIDE },
	[_IOC_NR(FUSION_GET_FUSIONEE_INFO)] = { get_fusionee_info, sizeof(u64) },
};

const struct fusion_legacy_type fusion_legacy_lounge = {
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
};
