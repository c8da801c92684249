// SPDX-License-Identifier: GPL-2.0
/*
 * References. A count that the kernel need not know of is changed here, by one compare and
 * exchange of the count and the number behind it: so it is the count of this reference
 * and no other, and a thread that dies has changed it or has not.
 *
 * The kernel is asked when the reference is not there any more, at the ends of the count,
 * and with DRM_FUSION_REF_KERNEL from and to zero.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/**
 * struct fusion_ref - a handle
 * @fusion: member
 * @local: its count, in its own window
 * @global: the global count, at the beginning of &struct drm_fusion_ref_state in the window
 *	of the world. It is laid out as a local one is.
 * @id: number
 */
struct fusion_ref {
	struct fusion *fusion;
	uint64_t *local;
	uint64_t *global;
	uint32_t id;
};

/* One more or less: false if the kernel is to be asked. */
static inline bool count_here(uint64_t *at, uint32_t id, bool down)
{
	uint64_t old = __atomic_load_n(at, __ATOMIC_RELAXED), new;
	struct drm_fusion_ref_local is;

	do {
		memcpy(&is, &old, sizeof(is));
		if (unlikely(is.id != id))
			return false;
		/* at an end, or with a flag */
		if (unlikely(is.count - down >= DRM_FUSION_REF_MASK)) {
			uint32_t count = is.count & DRM_FUSION_REF_MASK;

			if (is.count & DRM_FUSION_REF_GONE || count <= down ||
			    count == DRM_FUSION_REF_MASK)
				return false;
		}
		is.count += down ? -1 : 1;
		memcpy(&new, &is, sizeof(new));
	} while (unlikely(!__atomic_compare_exchange_n(at, &old, new, true, __ATOMIC_ACQ_REL,
						       __ATOMIC_RELAXED)));
	return true;
}

static int request(struct fusion_ref *ref, unsigned long number, uint32_t flags)
{
	struct drm_fusion_ref_count args = { .id = ref->id, .flags = flags };

	return fusion_request(ref->fusion, number, &args);
}

/* A child of fork() has no windows. */
static inline int count(struct fusion_ref *ref, uint64_t *at, uint32_t flags)
{
	if (likely(ref->fusion->forks == fusion_forks) &&
	    likely(count_here(at, ref->id, flags & DRM_FUSION_REF_DOWN)))
		return 0;
	return request(ref, DRM_IOCTL_FUSION_REF_COUNT, flags);
}

EXPORTED int fusion_ref_up(struct fusion_ref *ref)
{
	return count(ref, ref->local, 0);
}

EXPORTED int fusion_ref_down(struct fusion_ref *ref)
{
	return count(ref, ref->local, DRM_FUSION_REF_DOWN);
}

EXPORTED int fusion_ref_up_global(struct fusion_ref *ref)
{
	return count(ref, ref->global, DRM_FUSION_REF_GLOBAL);
}

EXPORTED int fusion_ref_down_global(struct fusion_ref *ref)
{
	return count(ref, ref->global, DRM_FUSION_REF_GLOBAL | DRM_FUSION_REF_DOWN);
}

EXPORTED int fusion_ref_open(struct fusion *fusion, uint32_t id, struct fusion_ref **out)
{
	struct drm_fusion_ref_attach args = { .id = id };
	struct fusion_ref *ref;
	struct fusion_self *self;
	int ret;

	/* The thread need not be known, but from here on a child of fork() is. */
	ret = fusion_self(fusion, &self);
	if (ret)
		return ret;
	ref = malloc(sizeof(*ref));
	if (!ref)
		return -ENOMEM;
	ret = fusion_request(fusion, DRM_IOCTL_FUSION_REF_ATTACH, &args);
	if (ret) {
		free(ref);
		return ret;
	}
	ref->fusion = fusion;
	ref->local = (uint64_t *)(fusion->own_window + args.offset);
	ref->global = (uint64_t *)(fusion->world_window + args.state);
	ref->id = id;
	*out = ref;
	return 0;
}

EXPORTED int fusion_ref_create(struct fusion *fusion, const char *name, struct fusion_ref **ref)
{
	uint32_t id;
	int ret;

	ret = fusion_object(fusion, DRM_FUSION_REF, 0, name, &id, NULL);
	if (ret)
		return ret;
	ret = fusion_ref_open(fusion, id, ref);
	if (ret)
		fusion_destroy(fusion, DRM_FUSION_REF, id);
	return ret;
}

EXPORTED void fusion_ref_close(struct fusion_ref *ref)
{
	free(ref);
}

EXPORTED int fusion_ref_destroy(struct fusion_ref *ref)
{
	return fusion_destroy(ref->fusion, DRM_FUSION_REF, ref->id);
}

EXPORTED uint32_t fusion_ref_id(const struct fusion_ref *ref)
{
	return ref->id;
}

EXPORTED int fusion_ref_zero_lock(struct fusion_ref *ref, int64_t timeout)
{
	struct drm_fusion_ref_zero args = { .id = ref->id, .timeout = timeout };

	return fusion_request(ref->fusion, DRM_IOCTL_FUSION_REF_ZERO_LOCK, &args);
}

EXPORTED int fusion_ref_zero_unlock(struct fusion_ref *ref)
{
	return request(ref, DRM_IOCTL_FUSION_REF_UNLOCK, 0);
}

EXPORTED int fusion_ref_watch(struct fusion_ref *ref, uint32_t call, uint64_t arg)
{
	struct drm_fusion_ref_watch args = { .id = ref->id, .call = call, .arg = arg };

	return fusion_request(ref->fusion, DRM_IOCTL_FUSION_REF_WATCH, &args);
}

EXPORTED int fusion_ref_inherit(struct fusion_ref *ref, uint32_t other)
{
	struct drm_fusion_ref_pair args = { .id = ref->id, .other = other };

	return fusion_request(ref->fusion, DRM_IOCTL_FUSION_REF_INHERIT, &args);
}

EXPORTED int fusion_ref_throw(struct fusion_ref *ref, uint32_t member)
{
	struct drm_fusion_ref_pair args = { .id = ref->id, .other = member };

	return fusion_request(ref->fusion, DRM_IOCTL_FUSION_REF_THROW, &args);
}

EXPORTED int fusion_ref_catch(struct fusion_ref *ref)
{
	return request(ref, DRM_IOCTL_FUSION_REF_CATCH, 0);
}

EXPORTED int fusion_ref_stat(struct fusion_ref *ref, struct drm_fusion_ref_stat *stat)
{
	stat->id = ref->id;
	return fusion_request(ref->fusion, DRM_IOCTL_FUSION_REF_STAT, stat);
}
