// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of the driver: /proc/PID/fdinfo for an open file, debugfs for root.
 * The keys are those of Documentation/gpu/drm-usage-stats.rst in the kernel's sources,
 * and fusion's own.
 */
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/seq_file.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include "drm-front.h"

/* Bytes of the buffers that the file has handles of. */
static u64 count_buffers(struct drm_file *drm)
{
	struct drm_gem_object *gem;
	u64 bytes = 0;
	int handle;

	spin_lock(&drm->table_lock);
	idr_for_each_entry(&drm->object_idr, gem, handle)
		bytes += gem->size;
	spin_unlock(&drm->table_lock);
	return bytes;
}

/**
 * fusion_fdinfo - what an open file is
 * @m: where to
 * @fp: the file
 *
 * Context: sleeps.
 */
void fusion_fdinfo(struct seq_file *m, struct file *fp)
{
	struct drm_file *drm = fp->private_data;
	struct fusion_file *file = drm->driver_priv;
	struct fusion_member *member;

	seq_printf(m, "drm-driver:\t%s\n", drm->minor->dev->driver->name);
	seq_printf(m, "drm-client-id:\t%llu\n", file->client);
	seq_printf(m, "drm-memory-system:\t%llu\n", count_buffers(drm));

	spin_lock(&file->lock);
	member = file->member;
	if (member)
		fusion_member_get(member);
	spin_unlock(&file->lock);
	if (!member)
		return;
	fusion_member_show(member, m);
	fusion_member_put(member);
}

#ifdef CONFIG_DEBUG_FS
static int worlds_show(struct seq_file *m, void *v)
{
	fusion_show_worlds(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(worlds);

static int members_show(struct seq_file *m, void *v)
{
	fusion_show_members(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(members);

static int objects_show(struct seq_file *m, void *v)
{
	fusion_show_objects(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

static int waits_show(struct seq_file *m, void *v)
{
	fusion_show_waits(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(waits);

/**
 * fusion_debugfs - listings below the directory of the render node
 * @minor: one of the nodes of the device. DRM removes what is below it.
 *
 * Context: sleeps.
 */
void fusion_debugfs(struct drm_minor *minor)
{
	struct dentry *dir;

	if (minor->type != DRM_MINOR_RENDER)
		return;
	dir = debugfs_create_dir("fusion", minor->debugfs_root);
	debugfs_create_file("worlds", 0400, dir, NULL, &worlds_fops);
	debugfs_create_file("members", 0400, dir, NULL, &members_fops);
	debugfs_create_file("objects", 0400, dir, NULL, &objects_fops);
	debugfs_create_file("waits", 0400, dir, NULL, &waits_fops);
}
#endif
