// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors. See libdrm_fusion.h for what the functions promise.
 */

#include "private.h"

EXPORTED int fusion_reactor_create(struct fusion *fusion, const char *name, uint32_t *id)
{
	return fusion_object(fusion, DRM_FUSION_REACTOR, 0, name, id, NULL);
}

EXPORTED int fusion_reactor_attach(struct fusion *fusion, uint32_t id, uint32_t channel,
				   uint32_t policy, uint32_t limit)
{
	struct drm_fusion_reactor_attach args = {
		.id = id, .channel = channel, .policy = policy, .limit = limit,
	};

	return fusion_request(fusion, DRM_IOCTL_FUSION_REACTOR_ATTACH, &args);
}

EXPORTED int fusion_reactor_detach(struct fusion *fusion, uint32_t id, uint32_t channel)
{
	struct drm_fusion_reactor_attach args = { .id = id, .channel = channel };

	return fusion_request(fusion, DRM_IOCTL_FUSION_REACTOR_DETACH, &args);
}

EXPORTED int fusion_reactor_dispatch(struct fusion *fusion,
				     struct drm_fusion_reactor_dispatch *args)
{
	return fusion_request(fusion, DRM_IOCTL_FUSION_REACTOR_DISPATCH, args);
}
