// SPDX-License-Identifier: GPL-2.0
/*
 * Messages. See libdrm_fusion.h for what the functions promise.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* the largest message, and as many small ones */
#define BATCH	(sizeof(struct drm_fusion_event) + DRM_FUSION_MAX_HANDLES * sizeof(uint32_t) + \
		 DRM_FUSION_MAX_PAYLOAD)

EXPORTED int fusion_send(struct fusion *fusion, const struct drm_fusion_message_send *message)
{
	struct drm_fusion_message_send args = *message;

	return fusion_request(fusion, DRM_IOCTL_FUSION_MESSAGE_SEND, &args);
}

EXPORTED int fusion_receive(struct fusion *fusion, struct drm_fusion_receive *args)
{
	struct fusion_self *self;
	int ret = fusion_self(fusion, &self);

	if (ret)
		return ret;
	args->reply_error = 0;
	return fusion_request(fusion, DRM_IOCTL_FUSION_RECEIVE, args);
}

EXPORTED const uint32_t *fusion_event_handles(const struct drm_fusion_event *event)
{
	return (const uint32_t *)(event + 1);
}

EXPORTED const void *fusion_event_data(const struct drm_fusion_event *event)
{
	return (const char *)(event + 1) + (event->nr_handles * sizeof(uint32_t) + 7) / 8 * 8;
}

EXPORTED const struct drm_fusion_event *fusion_event_next(const struct drm_fusion_receive *args,
							  const struct drm_fusion_event *event)
{
	const char *begin = (const char *)(uintptr_t)args->buffer;
	const char *next = event ? (const char *)event + event->base.length : begin;

	return next < begin + args->used ? (const void *)next : NULL;
}

/* Gives the reply that is left over from the call before. */
static int reply_now(struct fusion *fusion, struct drm_fusion_call_reply *reply)
{
	int ret = 0;

	if (reply->serial)
		ret = fusion_call_reply(fusion, reply);
	/* That the caller is gone is its own affair. */
	return ret == -ENOMSG ? 0 : ret;
}

EXPORTED int fusion_serve(struct fusion *fusion, fusion_handler *handler, void *user)
{
	struct drm_fusion_receive args = { .size = BATCH, .timeout = DRM_FUSION_FOREVER };
	const struct drm_fusion_event *event;
	void *buffer = malloc(BATCH);
	int ret;

	if (!buffer)
		return -ENOMEM;
	args.buffer = (uintptr_t)buffer;
	do {
		/* The last reply goes along. */
		ret = fusion_receive(fusion, &args);
		for (event = NULL; !ret && (event = fusion_event_next(&args, event));) {
			ret = reply_now(fusion, &args.reply);
			if (ret)
				break;
			memset(&args.reply, 0, sizeof(args.reply));
			ret = handler(user, event, &args.reply);
			args.reply.serial = event->base.type == DRM_FUSION_EVENT_CALL ?
					    event->serial : 0;
		}
	} while (!ret);
	/* After an error of the kernel there is nobody to reply to. */
	if (ret > 0)
		reply_now(fusion, &args.reply);
	free(buffer);
	return ret;
}
