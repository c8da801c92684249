// SPDX-License-Identifier: GPL-2.0
/*
 * Properties. The kernel keeps all of it.
 */

#include <errno.h>
#include <stdlib.h>

#include "private.h"

/**
 * struct fusion_property - a handle
 * @fusion: member
 * @id: number
 */
struct fusion_property {
	struct fusion *fusion;
	uint32_t id;
};

static int new_handle(struct fusion *fusion, uint32_t id, struct fusion_property **out)
{
	struct fusion_property *property = malloc(sizeof(*property));

	if (!property)
		return -ENOMEM;
	property->fusion = fusion;
	property->id = id;
	*out = property;
	return 0;
}

EXPORTED int fusion_property_create(struct fusion *fusion, const char *name,
				    struct fusion_property **property)
{
	uint32_t id;
	int ret;

	ret = fusion_object(fusion, DRM_FUSION_PROPERTY, 0, name, &id, NULL);
	if (ret)
		return ret;
	ret = new_handle(fusion, id, property);
	if (ret)
		fusion_destroy(fusion, DRM_FUSION_PROPERTY, id);
	return ret;
}

EXPORTED int fusion_property_open(struct fusion *fusion, uint32_t id,
				  struct fusion_property **property)
{
	struct drm_fusion_query_object info;
	int ret = fusion_object_info(fusion, DRM_FUSION_PROPERTY, id, &info);

	return ret ? ret : new_handle(fusion, id, property);
}

EXPORTED void fusion_property_close(struct fusion_property *property)
{
	free(property);
}

EXPORTED int fusion_property_destroy(struct fusion_property *property)
{
	return fusion_destroy(property->fusion, DRM_FUSION_PROPERTY, property->id);
}

EXPORTED uint32_t fusion_property_id(const struct fusion_property *property)
{
	return property->id;
}

/* The thread is registered, so that the property is ceded when it exits. */
static int take(struct fusion_property *property, uint32_t kind, int64_t timeout)
{
	struct drm_fusion_property_take args = {
		.id = property->id, .kind = kind, .timeout = timeout,
	};
	struct fusion_self *self;
	int ret = fusion_self(property->fusion, &self);

	return ret ? ret : fusion_request(property->fusion, DRM_IOCTL_FUSION_PROPERTY_TAKE,
					  &args);
}

EXPORTED int fusion_property_lease(struct fusion_property *property, int64_t timeout)
{
	return take(property, DRM_FUSION_PROPERTY_LEASE, timeout);
}

EXPORTED int fusion_property_purchase(struct fusion_property *property, int64_t timeout)
{
	return take(property, DRM_FUSION_PROPERTY_PURCHASE, timeout);
}

EXPORTED int fusion_property_cede(struct fusion_property *property)
{
	struct drm_fusion_property_op args = { .id = property->id };

	return fusion_request(property->fusion, DRM_IOCTL_FUSION_PROPERTY_CEDE, &args);
}

EXPORTED int fusion_property_holdup(struct fusion_property *property)
{
	struct drm_fusion_property_op args = { .id = property->id };

	return fusion_request(property->fusion, DRM_IOCTL_FUSION_PROPERTY_HOLDUP, &args);
}
