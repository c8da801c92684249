// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: what a caller gets, whatever happens to the handler, and the other way round.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "members.h"

static char data[DRM_FUSION_MAX_PAYLOAD];

static uint32_t call_new(int fd, uint64_t context)
{
	return object_new(fd, DRM_FUSION_CALL, context, NULL);
}

static int try_call(int fd, struct drm_fusion_call_execute *args)
{
	return try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, args);
}

/* a call without data */
static int try_simple(int fd, uint32_t id, uint64_t arg, int64_t timeout, int *result)
{
	struct drm_fusion_call_execute args = { .id = id, .arg = arg, .timeout = timeout };
	int ret = try_call(fd, &args);

	if (result)
		*result = args.result;
	return ret;
}

static int try_oneway(int fd, uint32_t id, uint64_t arg, uint32_t flags)
{
	struct drm_fusion_call_execute args = {
		.id = id, .arg = arg, .flags = DRM_FUSION_CALL_ONEWAY | flags,
	};

	return try_call(fd, &args);
}

static int try_reply(int fd, uint64_t serial, int result, const void *reply, uint32_t size)
{
	struct drm_fusion_call_reply args = {
		.serial = serial, .result = result,
		.payload = { .data = (uintptr_t)reply, .size = size },
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &args);
}

static void nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

/* a call by a thread of its own */
struct caller {
	pthread_t thread;
	int fd, ret;
	struct drm_fusion_call_execute args;
};

static void *caller_run(void *arg)
{
	struct caller *c = arg;

	c->ret = try_call(c->fd, &c->args);
	return NULL;
}

static void caller_start(struct caller *c, int fd, uint32_t id)
{
	c->fd = fd;
	c->args.id = id;
	if (!c->args.timeout)
		c->args.timeout = DRM_FUSION_FOREVER;
	assert_int_equal(pthread_create(&c->thread, NULL, caller_run, c), 0);
}

static int caller_end(struct caller *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->ret;
}

/*
 * A handler in a process of its own: it replies with the data that it gets and twice the
 * argument, in one system call for each. Its first message to the first member has the
 * number of its call.
 */
static int echo(int fd, void *arg)
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

/* the number of the call of a handler that was started just now */
static uint32_t handler_call(int fd)
{
	return skip_to(fd, DRM_FUSION_EVENT_MESSAGE)->arg;
}

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

/* Circles of waits */

static void self_deadlock(void **state)
{
	int fd = world_new(0);
	uint32_t id = call_new(fd, 0);

	(void)state;
	nonblock(fd);
	assert_int_equal(try_read(fd, data, sizeof(data)), -EAGAIN);
	assert_int_equal(try_simple(fd, id, 0, DRM_FUSION_FOREVER, NULL), -EDEADLK);
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);
	assert_int_equal(try_read(fd, data, sizeof(data)), -EAGAIN);
	assert_int_equal(try_oneway(fd, id, 0, 0), 0);
}

struct back {
	int fd;
	uint32_t id;
};

/* runs one call, by calling back */
static void *call_back(void *arg)
{
	struct back *b = arg;
	uint64_t serial = skip_to(b->fd, DRM_FUSION_EVENT_CALL)->serial;
	int result, ret = try_simple(b->fd, b->id, 0, DRM_FUSION_FOREVER, &result);

	try_reply(b->fd, serial, ret ? ret : result, NULL, 0);
	return NULL;
}

/* runs one call */
static void *serve_one(void *arg)
{
	int fd = *(int *)arg;

	try_reply(fd, skip_to(fd, DRM_FUSION_EVENT_CALL)->serial, 4711, NULL, 0);
	return NULL;
}

static void circle(void **state)
{
	int a = world_new(0), b = member_new(a), result, ret;
	uint32_t id_a = call_new(a, 0), id_b = call_new(b, 0);
	struct back back = { b, id_a };
	pthread_t thread, server;

	(void)state;
	/* a's only thread that takes calls is the one that waits for b */
	skip_to(a, DRM_FUSION_EVENT_JOIN);
	assert_int_equal(pthread_create(&thread, NULL, call_back, &back), 0);
	ret = try_simple(a, id_b, 0, DRM_FUSION_FOREVER, &result);
	if (ret) {
		/* a signal: b has called before a came back to its wait, and a is refused */
		assert_int_equal(ret, -EDEADLK);
		serve_one(&a);
	} else {
		assert_int_equal(result, -EDEADLK);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);

	/* with another one that takes it, it works, or is refused if that one comes too late */
	assert_int_equal(pthread_create(&server, NULL, serve_one, &a), 0);
	assert_int_equal(pthread_create(&thread, NULL, call_back, &back), 0);
	ret = try_simple(a, id_b, 0, DRM_FUSION_FOREVER, &result);
	if (ret)
		assert_int_equal(ret, -EDEADLK);
	else if (result == -EDEADLK)
		assert_int_equal(try_oneway(b, id_a, 0, 0), 0);
	else
		assert_int_equal(result, 4711);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_join(server, NULL), 0);
}

/* A member calls itself: another one of its threads runs it. */
static void self_call(void **state)
{
	int fd = world_new(0), result;
	uint32_t id = call_new(fd, 0);
	pthread_t server;

	(void)state;
	assert_int_equal(pthread_create(&server, NULL, serve_one, &fd), 0);
	assert_int_equal(try_simple(fd, id, 0, DRM_FUSION_FOREVER, &result), 0);
	assert_int_equal(result, 4711);
	assert_int_equal(pthread_join(server, NULL), 0);
}

/*
 * Three processes with several threads each. To run a call with argument n is to call the
 * next one with n - 1, so the depth is n.
 */
#define RING		3
#define RING_THREADS	4
#define RING_DEPTH	10

static void *ring_server(void *arg)
{
	struct back *b = arg;
	struct drm_fusion_event event;
	struct drm_fusion_receive receive = {
		.buffer = (uintptr_t)&event, .size = sizeof(event), .timeout = DRM_FUSION_FOREVER,
	};
	int ret, result;

	for (;;) {
		ret = try_ioctl(b->fd, DRM_IOCTL_FUSION_RECEIVE, &receive);
		if (ret)
			return NULL;
		if (event.base.type != DRM_FUSION_EVENT_CALL)
			continue;
		result = 0;
		if (event.arg)
			ret = try_simple(b->fd, b->id % RING + 1, event.arg - 1,
					 DRM_FUSION_FOREVER, &result);
		receive.reply.serial = event.serial;
		receive.reply.result = ret ? ret : result + 1;
	}
}

static int ring_member(int fd, void *arg)
{
	struct back b = { fd, call_new(fd, 0) };
	pthread_t threads[RING_THREADS];
	int i;

	(void)arg;
	for (i = 0; i < RING_THREADS; i++)
		if (pthread_create(&threads[i], NULL, ring_server, &b))
			return 1;
	if (try_send(fd, 1, b.id, NULL, 0, DRM_FUSION_FOREVER))
		return 2;
	for (i = 0; i < RING_THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void nested(void **state)
{
	pid_t pids[RING];
	int i, fd = world_new(0), result;

	(void)state;
	for (i = 0; i < RING; i++) {
		pids[i] = member_fork(fd, ring_member, NULL);
		assert_int_equal(handler_call(fd), i + 1);
	}
	for (i = 0; i <= RING_DEPTH; i++) {
		assert_int_equal(try_simple(fd, 1 + i % RING, i, DRM_FUSION_FOREVER, &result), 0);
		assert_int_equal(result, i + 1);
	}
	/* too deep for the threads that there are: refused somewhere, and all come back */
	assert_int_equal(try_simple(fd, 1, 100, DRM_FUSION_FOREVER, &result), 0);
	assert_true(result < 0 || result > RING_DEPTH);
	/* what was refused to a caller that came back from a signal may still be at work */
	for (i = 1; i <= RING; i++)
		wait_waiters(fd, DRM_FUSION_CALL, i, 0);
	assert_int_equal(try_simple(fd, 1, RING_DEPTH, DRM_FUSION_FOREVER, &result), 0);
	assert_int_equal(result, RING_DEPTH + 1);
	assert_int_equal(try_leave(fd), 0);
	for (i = 0; i < RING; i++)
		member_wait(pids[i]);
}

/* Interrupted callers */

static void on_signal(int nr)
{
	(void)nr;
}

struct interrupted {
	int fd, interrupts, ret;
	uint32_t id;
	int go_on;
	uint64_t serial;
	pthread_t thread;
	pthread_barrier_t away, back;
	struct drm_fusion_call_execute args;
};

/* is interrupted in a call, and then waits for the same one again, or not */
static void *interrupted_run(void *arg)
{
	struct interrupted *in = arg;

	thread_without_signals();
	in->args.id = in->id;
	in->args.timeout = DRM_FUSION_FOREVER;
	in->ret = ioctl(in->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &in->args) ? -errno : 0;
	in->serial = in->args.serial;
	pthread_barrier_wait(&in->away);
	pthread_barrier_wait(&in->back);
	if (in->go_on) {
		in->ret = ioctl(in->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &in->args) ? -errno : 0;
	} else {
		struct drm_fusion_call_execute other = { .id = in->id };

		in->ret = ioctl(in->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &other) ? -errno : 0;
	}
	return NULL;
}

static void interrupted(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = call_new(handler, 0);
	struct interrupted in;
	struct timespec nap = { .tv_nsec = 5000000 };
	uint64_t serial;
	int go_on;

	(void)state;
	sigaction(SIGUSR2, &action, NULL);
	for (go_on = 0; go_on < 2; go_on++) {
		memset(&in, 0, sizeof(in));
		in.fd = fd;
		in.id = id;
		in.go_on = go_on;
		pthread_barrier_init(&in.away, NULL, 2);
		pthread_barrier_init(&in.back, NULL, 2);
		assert_int_equal(pthread_create(&in.thread, NULL, interrupted_run, &in), 0);
		serial = skip_to(handler, DRM_FUSION_EVENT_CALL)->serial;
		/* it has sent the call, so it sleeps, or a signal ends its sleep at once */
		assert_int_equal(pthread_kill(in.thread, SIGUSR2), 0);
		pthread_barrier_wait(&in.away);
		assert_int_equal(in.ret, -EINTR);
		assert_int_equal(in.serial, serial);
		if (go_on)
			assert_int_equal(try_reply(handler, serial, 12, NULL, 0), 0);
		pthread_barrier_wait(&in.back);
		assert_int_equal(pthread_join(in.thread, NULL), 0);
		assert_int_equal(in.ret, go_on ? 0 : -ETIMEDOUT);
		assert_int_equal(in.args.result, go_on ? 12 : 0);
		assert_int_equal(try_reply(handler, serial, 12, NULL, 0), -ENOMSG);
		pthread_barrier_destroy(&in.away);
		pthread_barrier_destroy(&in.back);
	}
	nanosleep(&nap, NULL);
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);
}

/* Kills at any time */

static void nap_random(unsigned int max_us)
{
	struct timespec nap = { .tv_nsec = random() % max_us * 1000 };

	nanosleep(&nap, NULL);
}

/* calls until it fails */
static void *call_often(void *arg)
{
	struct caller *c = arg;

	do {
		c->ret = try_simple(c->fd, c->args.id, 1, DRM_FUSION_FOREVER, NULL);
	} while (!c->ret);
	return NULL;
}

static void handler_kills(void **state)
{
	int fd = world_new(0), i, j;
	struct caller c[2] = {};
	uint32_t id;
	pid_t pid;

	(void)state;
	for (i = 0; i < 300; i++) {
		pid = member_fork(fd, echo, NULL);
		id = handler_call(fd);
		for (j = 0; j < 2; j++) {
			c[j].fd = fd;
			c[j].args.id = id;
			assert_int_equal(pthread_create(&c[j].thread, NULL, call_often, &c[j]), 0);
		}
		nap_random(2000);
		member_kill(pid);
		for (j = 0; j < 2; j++) {
			caller_end(&c[j]);
			/* before it was killed, or after */
			if (c[j].ret != -EPIPE)
				assert_int_equal(c[j].ret, -ENOENT);
		}
	}
	wait_members(fd, 1);
	assert_int_equal(world_info(fd).objects, 0);
}

static int calls_for_ever(int fd, void *arg)
{
	struct caller c = { .fd = fd, .args.id = *(uint32_t *)arg };

	call_often(&c);
	return 1;
}

static void *serve_often(void *arg)
{
	int fd = *(int *)arg, ret;
	struct drm_fusion_event event[8];
	struct drm_fusion_receive receive = {
		.buffer = (uintptr_t)event, .size = sizeof(event), .timeout = DRM_FUSION_FOREVER,
	};
	unsigned int i;

	for (;;) {
		do_ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &receive);
		for (i = 0; i < receive.used / sizeof(event[0]); i++) {
			if (event[i].base.type == DRM_FUSION_EVENT_MESSAGE)
				return NULL;
			if (event[i].base.type != DRM_FUSION_EVENT_CALL)
				continue;
			ret = try_reply(fd, event[i].serial, 0, NULL, 0);
			if (ret)
				assert_int_equal(ret, -ENOMSG);
		}
	}
}

static void caller_kills(void **state)
{
	int fd = world_new(0), handler = member_new(fd), i;
	uint32_t id = call_new(handler, 0);
	pthread_t thread;
	pid_t pid;

	(void)state;
	for (i = 0; i < 100; i++) {
		pid = member_fork(fd, calls_for_ever, &id);
		if (!i)
			assert_int_equal(pthread_create(&thread, NULL, serve_often, &handler), 0);
		nap_random(5000);
		member_kill(pid);
	}
	wait_members(fd, 2);
	assert_int_equal(object_waiters(fd, DRM_FUSION_CALL, id), 0);
	assert_int_equal(try_send(fd, 2, 0, NULL, 0, DRM_FUSION_FOREVER), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(world_info(fd).memory, 0);
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
		FUSION_TEST(self_deadlock),
		FUSION_TEST(circle),
		FUSION_TEST(self_call),
		FUSION_TEST(nested),
		FUSION_TEST(interrupted),
		FUSION_TEST(handler_kills),
		FUSION_TEST(caller_kills),
	};

	return cmocka_run_group_tests(tests, NULL, check_signals);
}
