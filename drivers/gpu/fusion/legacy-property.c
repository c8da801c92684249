// SPDX-License-Identifier: GPL-2.0
/*
 * Properties of the old interface: those of the engine. What differs is what it says: who
 * finds a property purchased for too long learns that at once (EAGAIN), and if he has waited
 * until it was too long, that the time is over (ETIMEDOUT).
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include "legacy.h"

static int property_new(struct fusion_legacy_op *op)
{
	return fusion_legacy_new(op, DRM_FUSION_PROPERTY);
}

/* Whether the calling thread has it. */
static bool is_own(struct fusion_legacy_op *op)
{
	struct drm_fusion_query_object record;

	fusion_object_record(op->object, &record);
	return record.owner == op->member->id && record.owner_tid == task_pid_vnr(current);
}

static int take(struct fusion_legacy_op *op, u32 kind)
{
	struct drm_fusion_property_take args = { .id = op->object->id, .kind = kind };
	int refused = -EAGAIN;
	int ret;

	ret = fusion_property_take(op->member, &args);
	if (ret == -ETIMEDOUT) {
		/* It is leased, or was purchased a moment ago. */
		args.timeout = KTIME_MAX;
		refused = -ETIMEDOUT;
		ret = fusion_property_take(op->member, &args);
	}
	if (ret == -EBUSY)
		return is_own(op) ? -EIO : refused;
	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_LEASE);
	return ret;
}

static int lease(struct fusion_legacy_op *op)
{
	return take(op, DRM_FUSION_PROPERTY_LEASE);
}

static int purchase(struct fusion_legacy_op *op)
{
	return take(op, DRM_FUSION_PROPERTY_PURCHASE);
}

static int cede(struct fusion_legacy_op *op)
{
	struct drm_fusion_property_op args = { .id = op->object->id };
	int ret = fusion_property_cede(op->member, &args);

	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_CEDE);
	return ret == -EPERM ? -EIO : ret;
}

static int holdup(struct fusion_legacy_op *op)
{
	struct drm_fusion_property_op args = { .id = op->object->id };
	struct drm_fusion_query_object record;
	int ret;

	if (op->member->id != FUSION_ID_MASTER)
		return -EPERM;
	fusion_object_record(op->object, &record);
	if (record.flags == DRM_FUSION_PROPERTY_PURCHASE && record.owner == op->member->id)
		return -EIO;
	ret = fusion_property_holdup(op->member, &args);
	switch (ret) {
	case -ENODATA:
		return 0;
	case -EACCES:
		return -EPERM;
	default:
		return ret;
	}
}

static int property_destroy(struct fusion_legacy_op *op)
{
	fusion_object_remove(op->object);
	return 0;
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_PROPERTY_NEW)] = { property_new, 0, sizeof(s32), FUSION_LEGACY_NEW },
	[_IOC_NR(FUSION_PROPERTY_LEASE)] = { lease, sizeof(s32) },
	[_IOC_NR(FUSION_PROPERTY_PURCHASE)] = { purchase, sizeof(s32) },
	[_IOC_NR(FUSION_PROPERTY_CEDE)] = { cede, sizeof(s32) },
	[_IOC_NR(FUSION_PROPERTY_HOLDUP)] = { holdup, sizeof(s32) },
	[_IOC_NR(FUSION_PROPERTY_DESTROY)] = { property_destroy, sizeof(s32) },
};

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct drm_fusion_query_object record;

	fusion_object_record(object, &record);
	if (record.owner)
		seq_printf(m, "%s by 0x%08x (%d) %ux",
			   record.flags == DRM_FUSION_PROPERTY_LEASE ? "leased" : "purchased",
			   record.owner, record.owner_tid, record.count);
}

const struct fusion_legacy_type fusion_legacy_property = {
	.name = "properties",
	.class = DRM_FUSION_PROPERTY,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.show = show,
};
