// SPDX-License-Identifier: GPL-2.0
/*
 * Calls. See libdrm_fusion.h for what the functions promise.
 */

#include <errno.h>

#include "private.h"

EXPORTED int fusion_call_create(struct fusion *fusion, const char *name, uint64_t context,
				uint32_t *id)
{
	return fusion_object(fusion, DRM_FUSION_CALL, context, name, id, NULL);
}

EXPORTED int fusion_call(struct fusion *fusion, struct drm_fusion_call_execute *args)
{
	struct fusion_self *self;
	int ret = fusion_self(fusion, &self);

	if (ret)
		return ret;
	args->serial = 0;
	return fusion_request(fusion, DRM_IOCTL_FUSION_CALL_EXECUTE, args);
}

EXPORTED int fusion_call_reply(struct fusion *fusion, struct drm_fusion_call_reply *args)
{
	return fusion_request(fusion, DRM_IOCTL_FUSION_CALL_REPLY, args);
}
