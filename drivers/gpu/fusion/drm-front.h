/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the DRM front end share: drm-*.c
 */
#ifndef _FUSION_DRM_FRONT_H
#define _FUSION_DRM_FRONT_H

#include <linux/spinlock.h>
#include <drm/drm_ioctl.h>
#include "fusion.h"

struct drm_device;
struct drm_file;
struct drm_gem_object;
struct drm_minor;
struct file;
struct seq_file;

/**
 * struct fusion_file - an open file of the render node
 * @lock: protects @member
 * @member: what it is in a world, with a reference, or NULL
 * @drm: constant
 * @client: number of the open file, constant
 */
struct fusion_file {
	spinlock_t lock;	/* member */
	struct fusion_member *member;
	struct drm_file *drm;
	u64 client;
};

struct fusion_member *fusion_file_enter(struct fusion_file *file, bool ended);
int fusion_file_join(struct fusion_file *file, struct fusion_world *world, const u8 *name,
		     u32 *id);
int fusion_file_leave(struct fusion_file *file);

struct drm_gem_object *fusion_gem_alloc(struct drm_device *dev, size_t size);
void *fusion_gem_create(struct fusion_member *member, u64 size);
int fusion_gem_offset(struct fusion_member *member, void *data);

void fusion_fdinfo(struct seq_file *m, struct file *fp);
void fusion_debugfs(struct drm_minor *minor);

extern const struct fusion_front fusion_drm_front;
extern const struct drm_ioctl_desc fusion_ioctls[];
extern const int fusion_nr_ioctls;
long fusion_ioctl(struct file *fp, unsigned int cmd, unsigned long arg);

#endif /* _FUSION_DRM_FRONT_H */
