// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that call: circles, members that call themselves, depth; callers that come back from
 * signals, and kills at any time.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "calls.h"

static char data[DRM_FUSION_MAX_PAYLOAD];

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
