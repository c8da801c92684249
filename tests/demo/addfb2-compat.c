// SPDX-License-Identifier: GPL-2.0
/*
 * Preload for kmscube of Debian 12 on displays that know no format modifiers.
 *
 * That kmscube passes the modifier which it got from GBM on to the kernel, also if
 * it is DRM_FORMAT_MOD_INVALID, "there is none". The kernel refuses this value.
 * Programs must leave the modifier out in that case, as kmscube does since then.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include <drm_fourcc.h>
#include <drm_mode.h>
#include <xf86drmMode.h>

typedef int (*addfb2_fn)(int fd, uint32_t width, uint32_t height, uint32_t format,
			 const uint32_t handles[4], const uint32_t pitches[4],
			 const uint32_t offsets[4], const uint64_t modifiers[4],
			 uint32_t *id, uint32_t flags);

int drmModeAddFB2WithModifiers(int fd, uint32_t width, uint32_t height, uint32_t format,
			       const uint32_t handles[4], const uint32_t pitches[4],
			       const uint32_t offsets[4], const uint64_t modifiers[4],
			       uint32_t *id, uint32_t flags)
{
	addfb2_fn next;

	if ((flags & DRM_MODE_FB_MODIFIERS) && modifiers &&
	    modifiers[0] == DRM_FORMAT_MOD_INVALID)
		return drmModeAddFB2(fd, width, height, format, handles, pitches, offsets,
				     id, flags & ~DRM_MODE_FB_MODIFIERS);

	next = (addfb2_fn)dlsym(RTLD_NEXT, __func__);
	if (!next)
		return -EOPNOTSUPP;
	return next(fd, width, height, format, handles, pitches, offsets, modifiers, id,
		    flags);
}
