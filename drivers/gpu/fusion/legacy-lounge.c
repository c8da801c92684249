// SPDX-License-Identifier: GPL-2.0
/*
 * Who is in a legacy world: entering, and what fusionees may know and do about others.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
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

static void send_leave(struct fusion_member *member, u64 id)
{
	struct fusion_legacy_message *message;

	message = fusion_legacy_message_alloc(member->world, FMT_LEAVE, 0, 0, sizeof(id));
	if (IS_ERR(message))
		return;
	memcpy(message->data, &id, sizeof(id));
	if (fusion_legacy_post(NULL, member, message))
		fusion_legacy_message_free(message);
}

/* Without its master there is no world: those who are left are killed. */
static void member_event(struct fusion_member *member, u32 type, u32 object, u64 arg)
{
	switch (type) {
	case DRM_FUSION_EVENT_LEAVE:
		if (arg != FUSION_ID_MASTER)
			send_leave(member, arg);
		break;
	case DRM_FUSION_EVENT_REF_ZERO:
		fusion_legacy_ref_zero(member, arg);
		break;
	case DRM_FUSION_EVENT_END:
		if (member->pid != task_tgid(current))
			kill_pid(member->pid, SIGKILL, 1);
		break;
	}
}

static void member_closed(struct fusion_member *member)
{
	fusion_legacy_pools_leave(member);
	fusion_legacy_queue_close(member);
}

const struct fusion_front fusion_legacy_front = {
	.patient = true,
	.short_serials = true,
	.event = member_event,
	.closed = member_closed,
	.free = member_free,
};

/**
 * fusion_legacy_find_fusionee - the fusionee of an id
 * @world: world of the engine
 * @id: id, perhaps a wrong one
 *
 * Context: any.
 * Return: the member with a reference, or NULL.
 */
struct fusion_member *fusion_legacy_find_fusionee(struct fusion_world *world, u64 id)
{
	return id <= U32_MAX ? fusion_member_find(world, id) : NULL;
}

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
	INIT_LIST_HEAD(&fusionee->pools);
	return fusionee;
}

/* Makes the file a member. The world's lock is held: the first one is the master. */
static int join(struct fusion_legacy_file *file, u64 *id)
{
	struct fusion_legacy_fusionee *fusionee = fusionee_create(file->world);
	char name[DRM_FUSION_NAME_LEN] = {}, comm[TASK_COMM_LEN];
	int i;
	struct fusion_member *member;

	if (!fusionee)
		return -ENOMEM;
	get_task_comm(comm, current->group_leader);
	for (i = 0; comm[i]; i++)
		name[i] = iscntrl(comm[i]) ? '?' : comm[i];
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

/* Signals those whom a request means, and returns how many there are. */
static int signal_them(struct fusion_legacy_op *op, u64 id, int signal)
{
	struct fusion_world *world = op->world->world;
	struct fusion_member *member;
	unsigned long index;
	int nr = 0;

	xa_for_each(&world->members, index, member) {
		if (id ? index != id : index == op->member->id)
			continue;
		member = fusion_member_find(world, index);
		if (!member)
			continue;
		kill_pid(member->pid, signal, 1);
		fusion_member_put(member);
		nr++;
	}
	return nr;
}

/* Waits until one more fusionee has left than had when @departures was read. */
static int wait_departure(struct fusion_legacy_op *op, int departures, ktime_t deadline)
{
	struct fusion_legacy_world *world = op->world;
	ktime_t left = KTIME_MAX;
	int ret;

	if (deadline != KTIME_MAX)
		left = ktime_sub(deadline, ktime_get());
	if (left <= 0)
		return -ETIMEDOUT;
	ret = wait_event_interruptible_hrtimeout(world->entering,
						 atomic_read(&world->departures) != departures ||
						 fusion_member_going(op->member), left);
	if (ret == -ETIME)
		return -ETIMEDOUT;
	return !ret && fusion_member_going(op->member) ? -ESHUTDOWN : ret;
}

/*
 * FUSION_KILL: the signal goes to the process that has entered, which a struct pid names
 * for ever. Who waits signals again whenever it looks.
 */
static int kill(struct fusion_legacy_op *op)
{
	struct fusion_legacy_kill *args = op->data;
	ktime_t deadline = KTIME_MAX;
	int ret, departures;

	if (op->member->id != FUSION_ID_MASTER)
		return -EPERM;
	if (!valid_signal(args->signal) || args->signal <= 0)
		return -EINVAL;
	if (args->timeout_ms > 0)
		deadline = ktime_add_ms(ktime_get(), args->timeout_ms);
	do {
		departures = atomic_read(&op->world->departures);
		if (!signal_them(op, args->fusion_id, args->signal) || args->timeout_ms < 0)
			return 0;
		ret = wait_departure(op, departures, deadline);
	} while (!ret);
	return ret;
}

/* FUSION_FORK: what was done when one type fails goes with the child. */
static int fork_from(struct fusion_legacy_op *op)
{
	u64 *id = op->data;
	struct fusion_member *parent = fusion_legacy_find_fusionee(op->world->world, *id);
	int i, ret = 0;

	if (!parent)
		return -EINVAL;
	if (!fusion_member_enter(parent)) {
		ret = -EINVAL;
		goto put;
	}
	for (i = 0; i < FUSION_LEGACY_TYPES && !ret; i++)
		if (fusion_legacy_types[i] && fusion_legacy_types[i]->fork)
			ret = fusion_legacy_types[i]->fork(op->member, parent);
	fusion_member_exit(parent);
	*id = op->member->id;
put:
	fusion_member_put(parent);
	return ret;
}

/* FUSION_SYNC */
static int sync(struct fusion_legacy_op *op)
{
	return fusion_legacy_sync(op->thread);
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

	member = fusion_legacy_find_fusionee(op->world->world, id);
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
	[_IOC_NR(FUSION_KILL)] = { kill, sizeof(struct fusion_legacy_kill) },
	[_IOC_NR(FUSION_FORK)] = { fork_from, sizeof(u64), sizeof(u64) },
	[_IOC_NR(FUSION_SYNC)] = { sync },
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
