// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that go along with messages: GEM objects, named by handles of the sender and
 * of the receiver.
 */
#include <linux/err.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include "drm-front.h"

static void *front_get(struct fusion_member *member, u32 handle)
{
	struct fusion_file *file = member->file;

	return drm_gem_object_lookup(file->drm, handle) ?: ERR_PTR(-ENOENT);
}

static void front_hold(void *buffer)
{
	drm_gem_object_get(buffer);
}

static void front_put(void *buffer)
{
	drm_gem_object_put(buffer);
}

static int front_install(struct fusion_member *member, void *buffer, u32 *handle)
{
	struct fusion_file *file = member->file;

	return drm_gem_handle_create(file->drm, buffer, handle);
}

static void front_remove(struct fusion_member *member, u32 handle)
{
	struct fusion_file *file = member->file;

	drm_gem_handle_delete(file->drm, handle);
}

static u64 front_size(void *buffer)
{
	struct drm_gem_object *gem = buffer;

	return gem->size;
}

const struct fusion_front fusion_drm_front = {
	.get = front_get,
	.hold = front_hold,
	.put = front_put,
	.install = front_install,
	.remove = front_remove,
	.create = fusion_gem_create,
	.size = front_size,
};
