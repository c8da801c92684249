// SPDX-License-Identifier: GPL-2.0
/*
 * Planes of displays.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xf86drm.h>
#include <xf86drmMode.h>

#include "internal.h"

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* Which bit of drmModePlane.possible_crtcs it is. */
static int find_pipe(int drm_fd, uint32_t crtc_id)
{
	drmModeResPtr res = drmModeGetResources(drm_fd);
	int i, pipe = -ENOENT;

	if (!res)
		return -EINVAL;
	for (i = 0; i < res->count_crtcs; i++)
		if (res->crtcs[i] == crtc_id)
			pipe = i;
	drmModeFreeResources(res);
	return pipe;
}

static uint64_t plane_type(int drm_fd, uint32_t plane)
{
	uint64_t type = DRM_PLANE_TYPE_CURSOR;
	drmModeObjectPropertiesPtr props;
	drmModePropertyPtr prop;
	uint32_t i;

	props = drmModeObjectGetProperties(drm_fd, plane, DRM_MODE_OBJECT_PLANE);
	for (i = 0; props && i < props->count_props; i++) {
		prop = drmModeGetProperty(drm_fd, props->props[i]);
		if (prop && !strcmp(prop->name, "type"))
			type = props->prop_values[i];
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	return type;
}

static bool has_format(drmModePlanePtr plane, uint32_t fourcc)
{
	uint32_t i;

	for (i = 0; i < plane->count_formats; i++)
		if (plane->formats[i] == fourcc)
			return true;
	return false;
}

bool shrbuf_plane_has_format(int drm_fd, uint32_t plane_id, uint32_t fourcc)
{
	drmModePlanePtr plane = drmModeGetPlane(drm_fd, plane_id);
	bool found = plane && has_format(plane, fourcc);

	drmModeFreePlane(plane);
	return found;
}

/* An overlay with a picture is somebody else's. */
static bool plane_fits(int drm_fd, drmModePlanePtr plane, int pipe, uint32_t fourcc,
		       uint64_t type)
{
	return plane->possible_crtcs & 1U << pipe &&
	       (!fourcc || has_format(plane, fourcc)) &&
	       (type == DRM_PLANE_TYPE_PRIMARY || !plane->fb_id) &&
	       plane_type(drm_fd, plane->plane_id) == type;
}

int shrbuf_display_planes(int drm_fd, __u32 crtc_id, __u32 fourcc, __u32 *planes,
			  unsigned int nr)
{
	/* Overlays first, for they are what is meant for it. */
	static const uint64_t types[] = { DRM_PLANE_TYPE_OVERLAY, DRM_PLANE_TYPE_PRIMARY };
	unsigned int found = 0, i, j;
	drmModePlaneResPtr res;
	drmModePlanePtr plane;
	int pipe;

	if (drmSetClientCap(drm_fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1))
		return -EINVAL;
	pipe = find_pipe(drm_fd, crtc_id);
	if (pipe < 0)
		return pipe;
	res = drmModeGetPlaneResources(drm_fd);
	if (!res)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (j = 0; j < res->count_planes && found < nr; j++) {
			plane = drmModeGetPlane(drm_fd, res->planes[j]);
			if (plane && plane_fits(drm_fd, plane, pipe, fourcc, types[i]))
				planes[found++] = plane->plane_id;
			drmModeFreePlane(plane);
		}
	}
	drmModeFreePlaneResources(res);
	return found;
}
