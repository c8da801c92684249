// SPDX-License-Identifier: GPL-2.0
/*
 * References of the old interface: those of the engine, whose words nobody maps, so all
 * counting is done here.
 *
 * A watcher is called when the last count goes. The engine tells the front end so with the
 * reference locked: then the call is one-way. If it was made synchronous, who counts down
 * makes it himself and waits, when nothing is locked any more.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include "legacy.h"
#include "ref.h"

static int ref_new(struct fusion_legacy_op *op)
{
	return fusion_legacy_new(op, DRM_FUSION_REF);
}

/* What the watcher is called with, in one number. */
static u64 pack(s32 call, s32 arg)
{
	return (u64)call << 32 | (u32)arg;
}

/**
 * fusion_legacy_ref_zero - a reference has come to zero
 * @watcher: who wants to know
 * @arg: that of DRM_FUSION_EVENT_REF_ZERO
 *
 * Context: sleeps. The reference is locked.
 */
void fusion_legacy_ref_zero(struct fusion_member *watcher, u64 arg)
{
	fusion_legacy_call_kernel(watcher->world, arg >> 32, (s32)arg, 0);
}

static int stat(struct fusion_legacy_op *op, struct drm_fusion_ref_stat *args)
{
	memset(args, 0, sizeof(*args));
	args->id = op->object->id;
	return fusion_ref_stat(op->member, args);
}

static int count_up(struct fusion_legacy_op *op, u32 flags)
{
	struct drm_fusion_ref_count args = { .id = op->object->id, .flags = flags };
	int ret = fusion_ref_count(op->member, &args);

	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_UP);
	return ret == -ERANGE ? -EOVERFLOW : ret;
}

static int count_down(struct fusion_legacy_op *op, u32 flags)
{
	struct drm_fusion_ref_count args = {
		.id = op->object->id,
		.flags = flags | DRM_FUSION_REF_DOWN,
	};
	struct fusion_ref_zero zero = { .watched = false };
	struct drm_fusion_ref_stat at;
	int ret;

	if (READ_ONCE(fusion_legacy_entry(op->object)->cookies[0]))
		ret = fusion_ref_count_told(op->member, &args, &zero);
	else
		ret = fusion_ref_count(op->member, &args);
	if (ret == -ERANGE)
		return !stat(op, &at) && at.locked_by ? -EAGAIN : -EIO;
	if (ret)
		return ret;
	fusion_legacy_count(op, FUSION_STAT_DOWN);
	/* The count is down, whatever becomes of the call. */
	if (zero.watched)
		fusion_legacy_call_wait(op->thread, zero.arg >> 32, (s32)zero.arg);
	return 0;
}

static int up_local(struct fusion_legacy_op *op)
{
	return count_up(op, 0);
}

static int up_global(struct fusion_legacy_op *op)
{
	return count_up(op, DRM_FUSION_REF_GLOBAL);
}

static int down_local(struct fusion_legacy_op *op)
{
	return count_down(op, 0);
}

static int down_global(struct fusion_legacy_op *op)
{
	return count_down(op, DRM_FUSION_REF_GLOBAL);
}

static int ref_stat(struct fusion_legacy_op *op)
{
	struct drm_fusion_ref_stat at;

	return stat(op, &at) ?: (int)min_t(u64, at.sum, INT_MAX);
}

static int lock_at_zero(struct fusion_legacy_op *op, ktime_t deadline)
{
	struct drm_fusion_ref_zero args = { .id = op->object->id, .timeout = deadline };
	struct drm_fusion_ref_stat at;
	int ret;

	ret = stat(op, &at);
	if (ret)
		return ret;
	if (at.locked_by)
		return at.locked_by == op->member->id ? -EIO : -EAGAIN;
	ret = fusion_ref_zero_lock(op->member, &args);
	switch (ret) {
	case -EALREADY:
		return -EIO;
	case -EBUSY:
		return -EAGAIN;
	case -ETIMEDOUT:
		return -ETOOMANYREFS;
	default:
		return ret;
	}
}

static int zero_lock(struct fusion_legacy_op *op)
{
	return lock_at_zero(op, KTIME_MAX);
}

static int zero_trylock(struct fusion_legacy_op *op)
{
	return lock_at_zero(op, 0);
}

static int zero_unlock(struct fusion_legacy_op *op)
{
	struct drm_fusion_ref_count args = { .id = op->object->id };
	int ret = fusion_ref_zero_unlock(op->member, &args);

	return ret == -EPERM ? -EIO : ret;
}

static int watch(struct fusion_legacy_op *op)
{
	struct fusion_legacy_ref_watch *args = op->data;
	struct drm_fusion_ref_watch watch = {
		.id = op->object->id,
		.arg = pack(args->call_id, args->call_arg),
	};
	struct drm_fusion_ref_stat at;
	struct fusion_object *call;
	int ret;

	if (fusion_legacy_entry(op->object)->pid != task_pid(current))
		return -EACCES;
	if (args->call_id <= 0)
		return -EINVAL;
	call = fusion_object_find(op->world->world, DRM_FUSION_CALL, args->call_id);
	if (IS_ERR(call))
		return PTR_ERR(call);
	fusion_object_put(call);
	ret = stat(op, &at);
	if (ret)
		return ret;
	return at.sum ? fusion_ref_watch(op->member, &watch) : -EIO;
}

static int set_sync(struct fusion_legacy_op *op)
{
	WRITE_ONCE(fusion_legacy_entry(op->object)->cookies[0], 1);
	return 0;
}

static int inherit(struct fusion_legacy_op *op)
{
	struct fusion_legacy_ref_inherit *args = op->data;
	struct drm_fusion_ref_pair pair = { .id = op->object->id, .other = args->from };

	return args->from > 0 ? fusion_ref_inherit(op->member, &pair) : -EINVAL;
}

static int throw(struct fusion_legacy_op *op)
{
	struct fusion_legacy_ref_throw *args = op->data;
	struct drm_fusion_ref_pair pair = { .id = op->object->id, .other = args->catcher };
	int ret;

	if (args->catcher <= 0)
		return -EINVAL;
	ret = fusion_ref_throw(op->member, &pair);
	return ret == -ERANGE ? -EIO : ret;
}

/* The catcher has counted up before: what was thrown is not wanted any more. */
static int catch(struct fusion_legacy_op *op)
{
	struct drm_fusion_ref_count args = { .id = op->object->id };
	int ret = fusion_ref_catch(op->member, &args);

	if (ret)
		return ret == -ERANGE ? -EOVERFLOW : ret;
	return count_down(op, 0);
}

static int ref_destroy(struct fusion_legacy_op *op)
{
	fusion_object_remove(op->object);
	return 0;
}

static int copy(struct fusion_member *child, struct fusion_member *parent)
{
	return fusion_refs_copy(parent, child);
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_REF_NEW)] = { ref_new, 0, sizeof(s32), FUSION_LEGACY_NEW },
	[_IOC_NR(FUSION_REF_UP)] = { up_local, sizeof(s32) },
	[_IOC_NR(FUSION_REF_UP_GLOBAL)] = { up_global, sizeof(s32) },
	[_IOC_NR(FUSION_REF_DOWN)] = { down_local, sizeof(s32) },
	[_IOC_NR(FUSION_REF_DOWN_GLOBAL)] = { down_global, sizeof(s32) },
	[_IOC_NR(FUSION_REF_ZERO_LOCK)] = { zero_lock, sizeof(s32) },
	[_IOC_NR(FUSION_REF_ZERO_TRYLOCK)] = { zero_trylock, sizeof(s32) },
	[_IOC_NR(FUSION_REF_UNLOCK)] = { zero_unlock, sizeof(s32) },
	[_IOC_NR(FUSION_REF_STAT)] = { ref_stat, sizeof(s32) },
	[_IOC_NR(FUSION_REF_WATCH)] = { watch, sizeof(struct fusion_legacy_ref_watch) },
	[_IOC_NR(FUSION_REF_INHERIT)] = { inherit, sizeof(struct fusion_legacy_ref_inherit) },
	[_IOC_NR(FUSION_REF_DESTROY)] = { ref_destroy, sizeof(s32) },
	[_IOC_NR(FUSION_REF_CATCH)] = { catch, sizeof(s32) },
	[_IOC_NR(FUSION_REF_THROW)] = { throw, sizeof(struct fusion_legacy_ref_throw) },
	[_IOC_NR(FUSION_REF_SET_SYNC)] = { set_sync, sizeof(s32) },
};

static u32 count_of(u32 *word)
{
	return atomic_read(fusion_ref_word(word)) & DRM_FUSION_REF_MASK;
}

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct fusion_ref *ref = to_ref(object);
	struct fusion_ref_local *local;
	unsigned long id;
	u32 sum = 0;

	mutex_lock(&ref->lock);
	if (READ_ONCE(object->dead))
		goto unlock;
	xa_for_each(&ref->attached, id, local)
		sum += count_of(&local->state->count) + local->thrown;
	seq_printf(m, "%2u %2u ", count_of(&ref->state->global), sum);
	if (ref->owner)
		seq_printf(m, "(locked by %u)", ref->owner->member->id);
	xa_for_each(&ref->attached, id, local) {
		sum = count_of(&local->state->count) + local->thrown;
		if (sum)
			seq_printf(m, " 0x%08lx(%u)", id, sum);
	}
unlock:
	mutex_unlock(&ref->lock);
}

const struct fusion_legacy_type fusion_legacy_ref = {
	.name = "refs",
	.class = DRM_FUSION_REF,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.fork = copy,
	.show = show,
};
