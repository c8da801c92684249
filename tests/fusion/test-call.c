// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: what a caller gets, whatever happens to the handler, and the other way round.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "calls.h"

static char data[DRM_FUSION_MAX_PAYLOAD];

static void wrong(void **state)
{
	int fd = world_new(0), other = node_open();
	uint32_t id = call_new(fd, 0);
	const struct drm_fusion_call_execute good = { .id = id };
	struct drm_fusion_call_execute args = good;
	struct drm_fusion_object_create create = { .type = DRM_FUSION_CALL, .flags = 1 };
	struct drm_fusion_receive receive = { .flags = 1 };
	struct drm_fusion_call_reply reply = { .flags = 1 };

	(void)state;
	assert_int_equal(try_create(fd, &create), -EINVAL);
	assert_int_equal(try_call(other, &args), -ENOTCONN);
	args.flags = 4;
	assert_int_equal(try_call(fd, &args), -EINVAL);
	args.flags = DRM_FUSION_CALL_QUEUE;
	assert_int_equal(try_call(fd, &args), -EINVAL);
	args.flags = DRM_FUSION_CALL_ONEWAY;
	args.reply_room = 1;
	assert_int_equal(try_call(fd, &args), -EINVAL);
	args.reply_room = 0;
	args.reply_handles = (uintptr_t)data;
	assert_int_equal(try_call(fd, &args), -EINVAL);
	args.reply_handles = 0;
	args.serial = 1;
	assert_int_equal(try_call(fd, &args), -EINVAL);
	args = good;
	args.id = id + 1;
	assert_int_equal(try_call(fd, &args), -ENOENT);
	args = good;
	args.payload.size = DRM_FUSION_MAX_PAYLOAD + 1;
	assert_int_equal(try_call(fd, &args), -EMSGSIZE);
	args = good;
	args.reply_room = DRM_FUSION_MAX_PAYLOAD + 1;
	assert_int_equal(try_call(fd, &args), -EMSGSIZE);
	args = good;
	args.payload.size = 1;
	args.payload.data = 8;
	assert_int_equal(try_call(fd, &args), -EFAULT);
	args = good;
	args.payload.nr_handles = 1;
	args.payload.handles = (uintptr_t)data;
	assert_int_equal(try_call(fd, &args), -ENOENT);
	args = good;
	args.serial = 1;
	assert_int_equal(try_call(fd, &args), -ENOMSG);

	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &reply), -EINVAL);
	assert_int_equal(try_reply(fd, 0, 0, NULL, 0), -ENOMSG);
	assert_int_equal(try_reply(fd, 1, 0, NULL, 0), -ENOMSG);
	assert_int_equal(try_reply(fd, 1ULL << 32, 0, NULL, 0), -ENOMSG);
	assert_int_equal(try_reply(fd, ~0ULL, 0, NULL, 0), -ENOMSG);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &receive), -EINVAL);
	receive.flags = 0;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &receive), -ETIMEDOUT);
	receive.timeout = after_ms(10);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &receive), -ETIMEDOUT);
	/* nothing was left over */
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);
	assert_int_equal(world_info(fd).memory, 0);
}

static void payloads(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 7, 8, 9, 100, 4095, 4096, 65535, 65536 };
	static char reply[DRM_FUSION_MAX_PAYLOAD + 1];
	int fd = world_new(0);
	pid_t pid = member_fork(fd, echo, NULL);
	struct drm_fusion_call_execute args;
	struct drm_fusion_query_object record;
	uint32_t id = handler_call(fd);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(reply, 0x55, sizeof(reply));
		memset(&args, 0, sizeof(args));
		args.id = id;
		args.arg = i;
		args.payload.data = (uintptr_t)data;
		args.payload.size = sizes[i];
		args.reply = (uintptr_t)reply;
		args.reply_room = sizes[i];
		args.timeout = DRM_FUSION_FOREVER;
		assert_int_equal(try_call(fd, &args), 0);
		assert_int_equal(args.result, 2 * i);
		assert_int_equal(args.reply_size, sizes[i]);
		assert_int_equal(args.reply_nr_handles, 0);
		assert_memory_equal(reply, data, sizes[i]);
		assert_int_equal(reply[sizes[i]], 0x55);
	}
	assert_int_equal(world_info(fd).memory, 0);
	record = object_record(fd, DRM_FUSION_CALL, id);
	assert_int_equal(record.owner, 2);
	assert_int_equal(record.count, 0);
	/* the child has the file, too */
	assert_int_equal(try_leave(fd), 0);
	member_wait(pid);
}

/* A reply that is wrong can be given again, one that was given cannot. */
static void replies(void **state)
{
	int fd = world_new(0), handler = member_new(fd), third = member_new(fd);
	uint32_t id = call_new(handler, 5);
	char reply[8] = "";
	struct caller c = { .args = { .arg = 3, .reply = (uintptr_t)reply, .reply_room = 8 } };
	struct drm_fusion_receive receive = { .buffer = (uintptr_t)data, .size = sizeof(data) };
	struct drm_fusion_call_reply handles = {
		.payload = { .nr_handles = 1, .handles = (uintptr_t)data },
	};
	struct drm_fusion_event *event;

	(void)state;
	caller_start(&c, fd, id);
	event = skip_to(handler, DRM_FUSION_EVENT_CALL);
	assert_int_equal(event->object, id);
	assert_int_equal(event->sender, 1);
	assert_int_equal(event->arg, 3);
	assert_int_equal(event->context, 5);
	assert_int_equal(event->room, 8);
	assert_int_not_equal(event->serial, 0);
	assert_int_equal(object_record(fd, DRM_FUSION_CALL, id).count, 1);

	assert_int_equal(try_reply(handler, event->serial, 1, data, 9), -E2BIG);
	assert_int_equal(try_reply(handler, event->serial, 1, (void *)8, 8), -EFAULT);
	handles.serial = event->serial;
	assert_int_equal(try_ioctl(handler, DRM_IOCTL_FUSION_CALL_REPLY, &handles), -E2BIG);
	assert_int_equal(try_reply(third, event->serial, 1, NULL, 0), -ENOMSG);
	assert_int_equal(try_reply(fd, event->serial, 1, NULL, 0), -ENOMSG);
	receive.reply.serial = event->serial;
	receive.reply.payload.size = 9;
	receive.reply.payload.data = (uintptr_t)data;
	assert_int_equal(try_ioctl(handler, DRM_IOCTL_FUSION_RECEIVE, &receive), -E2BIG);
	assert_int_equal(receive.reply_error, E2BIG);
	assert_int_equal(receive.reply.serial, event->serial);
	assert_int_equal(object_record(fd, DRM_FUSION_CALL, id).count, 1);

	assert_int_equal(try_reply(handler, event->serial, -42, "hello", 6), 0);
	assert_int_equal(caller_end(&c), 0);
	assert_int_equal(c.args.result, -42);
	assert_int_equal(c.args.reply_size, 6);
	assert_string_equal(reply, "hello");
	assert_int_equal(try_reply(handler, event->serial, 1, NULL, 0), -ENOMSG);
	receive.reply.payload.size = 0;
	receive.reply_error = 0;
	assert_int_equal(try_ioctl(handler, DRM_IOCTL_FUSION_RECEIVE, &receive), -ETIMEDOUT);
	assert_int_equal(receive.reply_error, ENOMSG);

	/* a caller with bad memory fails alone */
	c.args.serial = 0;
	c.args.reply = 8;
	caller_start(&c, fd, id);
	event = skip_to(handler, DRM_FUSION_EVENT_CALL);
	assert_int_equal(try_reply(handler, event->serial, 0, "hello", 6), 0);
	assert_int_equal(caller_end(&c), -EFAULT);
	assert_int_equal(world_info(fd).memory, 0);
}

static void timeouts(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller c = { .args.timeout = after_ms(300) };
	struct drm_fusion_event *event;
	uint64_t serial;

	(void)state;
	/* nobody has read it: it is gone again */
	skip_to(fd, DRM_FUSION_EVENT_JOIN);
	assert_int_equal(try_simple(fd, id, 0, 0, NULL), -ETIMEDOUT);
	assert_int_equal(try_simple(fd, id, 0, after_ms(20), NULL), -ETIMEDOUT);
	assert_int_equal(member_record(fd, 2).queued, 0);

	/* a reply that never comes, and one that comes too late */
	caller_start(&c, fd, id);
	event = skip_to(handler, DRM_FUSION_EVENT_CALL);
	serial = event->serial;
	assert_int_equal(caller_end(&c), -ETIMEDOUT);
	assert_int_equal(try_reply(handler, serial, 0, NULL, 0), -ENOMSG);
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);
}

/* A queue without room, of calls that nobody reads. */
static void full(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller c = {};
	struct pollfd poll_fd = { .fd = handler, .events = POLLIN };
	unsigned int sent = 0, got = 0;
	int readable = 0;

	(void)state;
	/* quiet ones, but the last one that has room wakes the handler up */
	while (!try_oneway(fd, id, sent, DRM_FUSION_CALL_QUEUE)) {
		assert_int_equal(readable, 0);
		sent++;
		readable = poll(&poll_fd, 1, 0);
	}
	assert_int_equal(readable, 1);
	assert_true(sent >= 16);
	assert_int_equal(try_simple(fd, id, 0, after_ms(20), NULL), -ETIMEDOUT);
	c.args.arg = sent;
	caller_start(&c, fd, id);
	wait_waiters(fd, DRM_FUSION_CALL, id, 1);
	while (got <= sent) {
		struct drm_fusion_event *event = skip_to(handler, DRM_FUSION_EVENT_CALL);

		assert_int_equal(event->arg, got++);
		assert_int_equal(!event->serial, event->arg < sent);
		if (event->serial)
			assert_int_equal(try_reply(handler, event->serial, 0, NULL, 0), 0);
	}
	assert_int_equal(caller_end(&c), 0);

	/* it is destroyed while a caller waits for room: the others are not delivered */
	while (!try_oneway(fd, id, 0, 0))
		;
	c.args.serial = 0;
	caller_start(&c, fd, id);
	wait_waiters(fd, DRM_FUSION_CALL, id, 1);
	assert_int_equal(try_destroy(fd, DRM_FUSION_CALL, id), 0);
	/* if a signal came in between, nothing was sent, and it has come back too late */
	if (caller_end(&c) != -ENOENT)
		assert_int_equal(c.ret, -EIDRM);
	nonblock(handler);
	assert_int_equal(try_read(handler, data, sizeof(data)), -EAGAIN);
	assert_int_equal(try_send(fd, 2, 9, NULL, 0, 0), 0);
	assert_int_equal(expect_event(handler, DRM_FUSION_EVENT_MESSAGE)->arg, 9);
}

static void destroyed(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller queued = {}, running = {};
	uint64_t serial;

	(void)state;
	caller_start(&running, fd, id);
	serial = skip_to(handler, DRM_FUSION_EVENT_CALL)->serial;
	caller_start(&queued, fd, id);
	wait_waiters(fd, DRM_FUSION_CALL, id, 2);
	assert_int_equal(try_destroy(fd, DRM_FUSION_CALL, id), 0);
	assert_int_equal(caller_end(&running), -EIDRM);
	assert_int_equal(caller_end(&queued), -EIDRM);
	assert_int_equal(try_reply(handler, serial, 0, NULL, 0), -ENOMSG);
	assert_int_equal(try_simple(fd, id, 0, 0, NULL), -ENOENT);
	nonblock(handler);
	assert_int_equal(try_read(handler, data, sizeof(data)), -EAGAIN);
}

static void handler_leaves(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller queued = {}, running = {};

	(void)state;
	caller_start(&running, fd, id);
	skip_to(handler, DRM_FUSION_EVENT_CALL);
	caller_start(&queued, fd, id);
	wait_waiters(fd, DRM_FUSION_CALL, id, 2);
	assert_int_equal(try_leave(handler), 0);
	assert_int_equal(caller_end(&running), -EPIPE);
	assert_int_equal(caller_end(&queued), -EPIPE);
	assert_int_equal(try_simple(fd, id, 0, 0, NULL), -ENOENT);
}

static void world_ends(void **state)
{
	int fd = world_new(0), handler = member_new(fd), member = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller c = {};
	uint64_t serial;

	(void)state;
	caller_start(&c, member, id);
	serial = skip_to(handler, DRM_FUSION_EVENT_CALL)->serial;
	assert_int_equal(try_leave(fd), 0);
	assert_int_equal(caller_end(&c), -ESHUTDOWN);
	assert_int_equal(try_reply(handler, serial, 0, NULL, 0), -ESHUTDOWN);
}

/* The caller leaves while it waits. */
static void caller_leaves(void **state)
{
	int fd = world_new(0), member = member_new(fd);
	uint32_t id = call_new(fd, 0);
	struct caller c = {};
	uint64_t serial;

	(void)state;
	caller_start(&c, member, id);
	serial = skip_to(fd, DRM_FUSION_EVENT_CALL)->serial;
	assert_int_equal(try_leave(member), 0);
	/* if a signal came in between, it has come back too late */
	if (caller_end(&c) != -ENOTCONN)
		assert_int_equal(c.ret, -ESHUTDOWN);
	assert_int_equal(try_reply(fd, serial, 0, NULL, 0), -ENOMSG);
}

/* A thread of the handler that ends with a call, while its process goes on. */
static void *take_one(void *arg)
{
	skip_to(*(int *)arg, DRM_FUSION_EVENT_CALL);
	return NULL;
}

static void *take_one_and_say(void *arg)
{
	struct drm_fusion_thread args = { .flags = DRM_FUSION_THREAD_GONE };

	take_one(arg);
	do_ioctl(*(int *)arg, DRM_IOCTL_FUSION_THREAD, &args);
	return NULL;
}

static void server_thread_dies(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct caller c = {};
	pthread_t thread;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&thread, NULL, i ? take_one : take_one_and_say,
						&handler), 0);
		c.args.serial = 0;
		caller_start(&c, fd, id);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(caller_end(&c), -EPIPE);
	}
}

/* Callers in their own process, killed while the call is in the queue and while it runs. */
static int call_for_ever(int fd, void *arg)
{
	return try_simple(fd, *(uint32_t *)arg, 1, DRM_FUSION_FOREVER, NULL) ? 1 : 0;
}

static void caller_killed(void **state)
{
	int fd = world_new(0);
	uint32_t id = call_new(fd, 0);
	uint64_t serial;
	pid_t pid;

	(void)state;
	pid = member_fork(fd, call_for_ever, &id);
	wait_waiters(fd, DRM_FUSION_CALL, id, 1);
	member_kill(pid);
	wait_members(fd, 1);
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);

	pid = member_fork(fd, call_for_ever, &id);
	serial = skip_to(fd, DRM_FUSION_EVENT_CALL)->serial;
	member_kill(pid);
	wait_members(fd, 1);
	assert_int_equal(try_reply(fd, serial, 0, NULL, 0), -ENOMSG);
}

/* One-way calls: in order, in batches, and quiet ones wake nobody up. */
static void oneway(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 6), i;
	struct drm_fusion_receive receive = {
		.buffer = (uintptr_t)data, .size = sizeof(data), .timeout = DRM_FUSION_FOREVER,
	};
	struct pollfd poll_fd = { .fd = handler, .events = POLLIN };
	struct drm_fusion_event *event = (void *)data;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(try_oneway(fd, id, i, DRM_FUSION_CALL_QUEUE), 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	assert_int_equal(try_oneway(fd, id, i, 0), 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	do_ioctl(handler, DRM_IOCTL_FUSION_RECEIVE, &receive);
	assert_int_equal(receive.used, 11 * sizeof(*event));
	for (i = 0; i < 11; i++, event++) {
		assert_int_equal(event->base.type, DRM_FUSION_EVENT_CALL);
		assert_int_equal(event->base.length, sizeof(*event));
		assert_int_equal(event->arg, i);
		assert_int_equal(event->context, 6);
		assert_int_equal(event->serial, 0);
	}
	/* several with replies in one batch, replied to in another order */
	struct caller c[3] = {};

	for (i = 0; i < 3; i++) {
		c[i].args.arg = i;
		caller_start(&c[i], fd, id);
		wait_waiters(fd, DRM_FUSION_CALL, id, i + 1);
	}
	do_ioctl(handler, DRM_IOCTL_FUSION_RECEIVE, &receive);
	assert_int_equal(receive.used, 3 * sizeof(*event));
	event = (void *)data;
	for (i = 1; i < 4; i++)
		assert_int_equal(try_reply(handler, event[i % 3].serial, 10 + i % 3, NULL, 0), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(caller_end(&c[i]), 0);
		assert_int_equal(c[i].args.result, 10 + i);
	}
}

/* Without room nothing is read, and nobody waits: neither with messages nor without. */
static void receive_nothing(void **state)
{
	struct drm_fusion_receive receive = { .timeout = DRM_FUSION_FOREVER };
	int fd = world_new(0), second = member_new(fd);
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		assert_int_equal(try_ioctl(second, DRM_IOCTL_FUSION_RECEIVE, &receive),
				 -ETIMEDOUT);
		assert_int_equal(receive.used, 0);
		assert_int_equal(try_read(second, NULL, 0), 0);
		assert_int_equal(try_send(fd, 2, 1, "hello", 6, 0), 0);
	}
	skip_to(second, DRM_FUSION_EVENT_MESSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong),
		FUSION_TEST(payloads),
		FUSION_TEST(replies),
		FUSION_TEST(timeouts),
		FUSION_TEST(full),
		FUSION_TEST(destroyed),
		FUSION_TEST(handler_leaves),
		FUSION_TEST(world_ends),
		FUSION_TEST(caller_leaves),
		FUSION_TEST(server_thread_dies),
		FUSION_TEST(caller_killed),
		FUSION_TEST(oneway),
		FUSION_TEST(receive_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, check_signals);
}
