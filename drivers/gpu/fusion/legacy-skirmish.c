// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes of the old interface: those of the engine, whose words nobody maps. What a
 * thread holds is noted by the kernel, so its death costs as much as that.
 *
 * A caller lends what it has to the dispatcher of the callee: see skirmish-lend.c. Nothing
 * happens to a skirmish because of a call, until the dispatcher wants it.
 *
 * The old interface does not know of locks whose owner has died: the next owner is not
 * told.
 */
#include <linux/err.h>
#include <linux/seq_file.h>
#include "legacy.h"

static int skirmish_new(struct fusion_legacy_op *op)
{
	return fusion_legacy_new(op, DRM_FUSION_SKIRMISH);
}

static int take(struct fusion_legacy_op *op, ktime_t deadline)
{
	struct fusion_skirmish *skirmish = fusion_to_skirmish(op->object);
	struct drm_fusion_skirmish_op mend = { .id = op->object->id };
	int ret;

	ret = fusion_skirmish_take(skirmish, op->thread, DRM_FUSION_LOCK_NOTE, deadline);
	if (ret == -EOWNERDEAD) {
		fusion_skirmish_consistent(op->member, &mend);
		ret = 0;
	}
	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_PREVAIL);
	return ret;
}

static int prevail(struct fusion_legacy_op *op)
{
	return take(op, KTIME_MAX);
}

static int swoop(struct fusion_legacy_op *op)
{
	int ret = take(op, 0);

	return ret == -ETIMEDOUT ? -EAGAIN : ret;
}

static int dismiss(struct fusion_legacy_op *op)
{
	int ret = fusion_skirmish_release(fusion_to_skirmish(op->object), op->thread);

	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_DISMISS);
	return ret == -EPERM ? -EIO : ret;
}

static int skirmish_destroy(struct fusion_legacy_op *op)
{
	fusion_object_remove(op->object);
	return 0;
}

static int lock_count(struct fusion_legacy_op *op)
{
	s32 *args = op->data;

	args[1] = min_t(u32, fusion_skirmish_count(fusion_to_skirmish(op->object), op->thread),
			INT_MAX);
	return 0;
}

/*
 * After a signal the same structure goes on: with the time that is left, and with what says
 * whether there was a notification meanwhile. Nothing else depends on what is in it: a
 * thread that could lie about its count could lock as often as well.
 */
static int skirmish_wait(struct fusion_legacy_op *op)
{
	struct fusion_legacy_skirmish_wait *args = op->data;
	struct drm_fusion_skirmish_op mend = { .id = op->object->id };
	struct fusion_resume resume = {
		.count = args->lock_count,
		.notified = args->notify_count,
	};
	ktime_t deadline = KTIME_MAX;
	int ret;

	if (args->timeout)
		deadline = ktime_add_ms(ktime_get(), args->timeout);
	ret = fusion_skirmish_wait_resumable(fusion_to_skirmish(op->object), op->thread,
					     deadline, &resume);
	args->lock_count = resume.count;
	args->notify_count = resume.notified;
	switch (ret) {
	case -ERESTARTSYS:
		/* Zero would be for ever. */
		if (args->timeout)
			args->timeout = max_t(s64, ktime_ms_delta(deadline, ktime_get()), 1);
		return ret;
	case -EOWNERDEAD:
		fusion_skirmish_consistent(op->member, &mend);
		return 0;
	case -EPERM:
		return -EIO;
	default:
		return ret;
	}
}

static int skirmish_notify(struct fusion_legacy_op *op)
{
	struct drm_fusion_skirmish_op args = {
		.id = op->object->id,
		.flags = DRM_FUSION_NOTIFY_ALL,
	};
	int ret = fusion_skirmish_notify(op->member, &args);

	return ret == -EPERM ? -EIO : ret;
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_SKIRMISH_NEW)] = { skirmish_new, 0, sizeof(s32), FUSION_LEGACY_NEW },
	[_IOC_NR(FUSION_SKIRMISH_PREVAIL)] = { prevail, sizeof(s32) },
	[_IOC_NR(FUSION_SKIRMISH_SWOOP)] = { swoop, sizeof(s32) },
	[_IOC_NR(FUSION_SKIRMISH_DISMISS)] = { dismiss, sizeof(s32) },
	[_IOC_NR(FUSION_SKIRMISH_DESTROY)] = { skirmish_destroy, sizeof(s32) },
	[_IOC_NR(FUSION_SKIRMISH_LOCK_COUNT)] = { lock_count, sizeof(s32), 2 * sizeof(s32) },
	[_IOC_NR(FUSION_SKIRMISH_WAIT)] = {
		skirmish_wait, sizeof(struct fusion_legacy_skirmish_wait),
		sizeof(struct fusion_legacy_skirmish_wait), FUSION_LEGACY_ALWAYS
	},
	[_IOC_NR(FUSION_SKIRMISH_NOTIFY)] = { skirmish_notify, sizeof(s32) },
};

/* The two innermost callers that have lent it, as the old interface had two. */
static void show_lent(struct seq_file *m, struct fusion_skirmish *skirmish)
{
	struct fusion_lent *lent = list_first_entry_or_null(&skirmish->lent, struct fusion_lent,
							    link);
	int i;

	lockdep_assert_held(&skirmish->base.lock);
	for (i = 1; i <= 2; i++) {
		seq_printf(m, "[%d] t:%u, f:%u, fpid:%d, c:%u ", i,
			   lent ? lent->exec->handler->id : 0, lent ? lent->from->member->id : 0,
			   lent ? pid_vnr(lent->from->pid) : 0, lent ? lent->count : 0);
		if (i == 1)
			seq_printf(m, "s:%u, ", lent ? (u32)fusion_exec_serial(lent->exec) : 0);
		if (lent && list_is_last(&lent->link, &skirmish->lent))
			lent = NULL;
		else if (lent)
			lent = list_next_entry(lent, link);
	}
}

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct fusion_skirmish *skirmish = fusion_to_skirmish(object);
	struct drm_fusion_query_object record;
	struct fusion_waiter *waiter;

	fusion_object_record(object, &record);
	spin_lock(&object->lock);
	show_lent(m, skirmish);
	seq_printf(m, "c:%u, f:0x%08x, p:%d, waiters:%u", record.count, record.owner,
		   record.owner_tid, record.waiters);
	list_for_each_entry(waiter, &skirmish->waiters, link)
		seq_printf(m, " %d", pid_vnr(waiter->thread->pid));
	spin_unlock(&object->lock);
}

const struct fusion_legacy_type fusion_legacy_skirmish = {
	.name = "skirmishs",
	.class = DRM_FUSION_SKIRMISH,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.show = show,
};
