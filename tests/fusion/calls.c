// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of calls share, see calls.h.
 */

#include <errno.h>
#include <fcntl.h>

#include "calls.h"

uint32_t call_new(int fd, uint64_t context)
{
	return object_new(fd, DRM_FUSION_CALL, context, NULL);
}

int try_call(int fd, struct drm_fusion_call_execute *args)
{
	return try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, args);
}

int try_simple(int fd, uint32_t id, uint64_t arg, int64_t timeout, int *result)
{
	struct drm_fusion_call_execute args = { .id = id, .arg = arg, .timeout = timeout };
	int ret = try_call(fd, &args);

	if (result)
		*result = args.result;
	return ret;
}

int try_oneway(int fd, uint32_t id, uint64_t arg, uint32_t flags)
{
	struct drm_fusion_call_execute args = {
		.id = id, .arg = arg, .flags = DRM_FUSION_CALL_ONEWAY | flags,
	};

	return try_call(fd, &args);
}

int try_reply(int fd, uint64_t serial, int result, const void *reply, uint32_t size)
{
	struct drm_fusion_call_reply args = {
		.serial = serial, .result = result,
		.payload = { .data = (uintptr_t)reply, .size = size },
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &args);
}

void nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

static void *caller_run(void *arg)
{
	struct caller *c = arg;

	c->ret = try_call(c->fd, &c->args);
	return NULL;
}

void caller_start(struct caller *c, int fd, uint32_t id)
{
	c->fd = fd;
	c->args.id = id;
	if (!c->args.timeout)
		c->args.timeout = DRM_FUSION_FOREVER;
	assert_int_equal(pthread_create(&c->thread, NULL, caller_run, c), 0);
}

int caller_end(struct caller *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->ret;
}

int echo(int fd, void *arg)
{
	static struct {
		struct drm_fusion_event event;
		char rest[DRM_FUSION_MAX_PAYLOAD];
	} m;
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)&m, .size = sizeof(m), .timeout = DRM_FUSION_FOREVER,
	};
	int ret;

	(void)arg;
	if (try_send(fd, 1, call_new(fd, 77), NULL, 0, DRM_FUSION_FOREVER))
		return 1;
	for (;;) {
		ret = try_ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &args);
		if (ret == -ESHUTDOWN)
			return 0;
		if (ret)
			return 2;
		if (m.event.base.type != DRM_FUSION_EVENT_CALL || !m.event.serial)
			continue;
		if (args.used != m.event.base.length || m.event.context != 77)
			return 3;
		args.reply.serial = m.event.serial;
		args.reply.result = 2 * m.event.arg;
		args.reply.payload.data = (uintptr_t)event_data(&m.event);
		args.reply.payload.size = m.event.size;
	}
}

uint32_t handler_call(int fd)
{
	return skip_to(fd, DRM_FUSION_EVENT_MESSAGE)->arg;
}
