// SPDX-License-Identifier: GPL-2.0
/*
 * Messages, calls and reactors through libdrm_fusion.
 */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <libdrm_fusion.h>

#include "../api/common.h"

static void worlds_begin(struct fusion **first, struct fusion **second)
{
	struct drm_fusion_world_create args = { .world_name = "test", .member_name = "first" };
	int world;

	assert_int_equal(fusion_create(first, &args), 0);
	world = fusion_export(*first);
	assert_true(world >= 0);
	assert_int_equal(fusion_join(second, world, "second"), 0);
	close(world);
}

/* What a server has seen: an upper-case echo until it gets the message 99. */
struct server {
	struct fusion *fusion;
	unsigned int calls, oneways, dispatches;
	char reply[64];
	int ret;
};

static int handle(void *user, const struct drm_fusion_event *event,
		  struct drm_fusion_call_reply *reply)
{
	struct server *s = user;
	const char *data = fusion_event_data(event);
	unsigned int i;

	switch (event->base.type) {
	case DRM_FUSION_EVENT_CALL:
		if (!event->serial) {
			s->oneways++;
			return 0;
		}
		s->calls++;
		if (event->arg == 98)
			return -ECANCELED;
		for (i = 0; i < event->size && i < sizeof(s->reply); i++)
			s->reply[i] = data[i] >= 'a' && data[i] <= 'z' ? data[i] - 32 : data[i];
		reply->result = event->arg + event->context;
		reply->payload.data = (uintptr_t)s->reply;
		reply->payload.size = i;
		return event->arg == 99;
	case DRM_FUSION_EVENT_REACTOR:
		s->dispatches++;
		return 0;
	default:
		return 0;
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;

	s->ret = fusion_serve(s->fusion, handle, s);
	return NULL;
}

static void served(void **state)
{
	struct fusion *first, *second;
	struct server s = {};
	struct drm_fusion_reactor_dispatch dispatch = { .channel = 3 };
	struct drm_fusion_call_execute call = { .timeout = DRM_FUSION_FOREVER };
	char reply[16] = "";
	pthread_t thread;
	uint32_t id;
	int i;

	(void)state;
	worlds_begin(&first, &second);
	s.fusion = second;
	assert_int_equal(fusion_call_create(second, "echo", 1000, &id), 0);
	assert_int_equal(fusion_reactor_create(first, "news", &dispatch.id), 0);
	assert_int_equal(fusion_reactor_attach(second, dispatch.id, 3, DRM_FUSION_FULL_BLOCK, 0),
			 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	assert_int_equal(fusion_reactor_dispatch(first, &dispatch), 0);
	assert_int_equal(dispatch.listeners, 1);

	call.id = id;
	call.flags = DRM_FUSION_CALL_ONEWAY;
	assert_int_equal(fusion_call(first, &call), 0);
	call.flags = 0;
	call.payload.data = (uintptr_t)"hello";
	call.payload.size = 6;
	call.reply = (uintptr_t)reply;
	call.reply_room = sizeof(reply);
	for (i = 0; i < 100; i++) {
		call.arg = i % 90;
		assert_int_equal(fusion_call(first, &call), 0);
		assert_int_equal(call.result, 1000 + i % 90);
		assert_int_equal(call.reply_size, 6);
		assert_string_equal(reply, "HELLO");
	}
	/* the last one ends the server, after its reply */
	call.arg = 99;
	assert_int_equal(fusion_call(first, &call), 0);
	assert_int_equal(call.result, 1099);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.ret, 1);
	assert_int_equal(s.calls, 101);
	assert_int_equal(s.oneways, 1);
	assert_int_equal(s.dispatches, 1);
	assert_int_equal(fusion_reactor_detach(second, dispatch.id, 3), 0);
	assert_int_equal(fusion_reactor_detach(second, dispatch.id, 3), -ENOENT);

	/* a server that gives up: its thread says so when it exits */
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	call.arg = 98;
	assert_int_equal(fusion_call(first, &call), -EPIPE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.ret, -ECANCELED);

	/* and one whose world ends */
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	fusion_leave(first);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.ret, -ESHUTDOWN);
	fusion_leave(second);
}

static void received(void **state)
{
	struct fusion *first, *second;
	struct drm_fusion_message_send send = { .member = 2, .timeout = 0 };
	uint64_t buffer[512];
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)buffer, .size = sizeof(buffer),
	};
	const struct drm_fusion_event *event;
	struct drm_fusion_call_reply reply = { .serial = 12345 };
	unsigned int i;

	(void)state;
	worlds_begin(&first, &second);
	assert_int_equal(fusion_receive(second, &args), -ETIMEDOUT);
	for (i = 0; i < 5; i++) {
		send.kind = i;
		send.payload.data = (uintptr_t)"message";
		send.payload.size = i;
		assert_int_equal(fusion_send(first, &send), 0);
	}
	send.member = 3;
	assert_int_equal(fusion_send(first, &send), -ENOENT);
	assert_int_equal(fusion_receive(second, &args), 0);
	for (i = 0, event = NULL; (event = fusion_event_next(&args, event)); i++) {
		assert_int_equal(event->base.type, DRM_FUSION_EVENT_MESSAGE);
		assert_int_equal(event->arg, i);
		assert_int_equal(event->size, i);
		assert_memory_equal(fusion_event_data(event), "message", i);
		assert_int_equal(event->nr_handles, 0);
		assert_ptr_equal(fusion_event_handles(event), event + 1);
	}
	assert_int_equal(i, 5);
	assert_int_equal(fusion_call_reply(second, &reply), -ENOMSG);
	args.reply.serial = 12345;
	assert_int_equal(fusion_receive(second, &args), -ETIMEDOUT);
	assert_int_equal(args.reply_error, ENOMSG);
	fusion_leave(second);
	fusion_leave(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(served),
		cmocka_unit_test(received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
