// SPDX-License-Identifier: GPL-2.0
/*
 * Measures /dev/fusionN beside the render node, both by requests, and with many idle objects
 * beside few. For the deterministic mode of the guest: see tests/bench/legacy.py.
 *
 * Prints lines "NAME OURS PEER", in nanoseconds of the guest's clock.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../fusion/members.h"
#include "../legacy/legacy.h"

#define ROUNDS	101
#define TIMES	20
#define FEW	10
#define MANY	1000

static char data[64];

/* one of the two interfaces, with two members */
struct side {
	const char *name;
	int first, second, call, skirmish, reactor;
	unsigned int objects;
	pthread_t server;
};

static long long clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const long long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void must(int ret)
{
	if (ret < 0)
		fail_msg("a request has failed");
}

/* the legacy side */

static void *legacy_server(void *arg)
{
	static struct inbox inbox;
	struct side *side = arg;
	struct l_return reply;

	inbox.fd = side->first;
	for (;;) {
		struct l_message *message = (void *)inbox.data;
		struct l_call_message *call = message_data(message);

		must(read(side->first, inbox.data, sizeof(inbox.data)));
		if (message->type != L_MSG_CALL)
			return NULL;
		reply = (struct l_return){
			.call_id = message->id, .serial = call->serial, .val = call->call_arg,
		};
		must(ioctl(side->first, L_CALL_RETURN, &reply));
	}
}

static void legacy_call(struct side *side)
{
	struct l_exec2 args = {
		.call_id = side->call, .ptr = (uintptr_t)data, .length = sizeof(data),
	};

	must(ioctl(side->second, L_CALL_EXECUTE2, &args));
}

static void legacy_lock(struct side *side)
{
	must(ioctl(side->second, L_SKIRMISH_PREVAIL, &side->skirmish));
	must(ioctl(side->second, L_SKIRMISH_DISMISS, &side->skirmish));
}

static void legacy_dispatch(struct side *side)
{
	static char buffer[4096];
	struct l_dispatch args = {
		.reactor_id = side->reactor, .size = sizeof(data), .data = (uintptr_t)data,
	};

	must(ioctl(side->first, L_REACTOR_DISPATCH, &args));
	must(read(side->second, buffer, sizeof(buffer)));
}

static void legacy_more(struct side *side, unsigned int objects)
{
	for (; side->objects < objects; side->objects++)
		id_new(side->second, L_SKIRMISH_NEW);
}

static void legacy_open_side(struct side *side)
{
	side->first = master_new(false);
	side->second = slave_new();
	side->call = call_new(side->first, 1, 2);
	side->skirmish = id_new(side->first, L_SKIRMISH_NEW);
	side->reactor = id_new(side->first, L_REACTOR_NEW);
	must(try_pair(side->second, L_REACTOR_ATTACH, side->reactor, 0));
	assert_int_equal(pthread_create(&side->server, NULL, legacy_server, side), 0);
}

static void legacy_close_side(struct side *side)
{
	must(try_message(side->second, 1, 1, 0, data, sizeof(data)));
	assert_int_equal(pthread_join(side->server, NULL), 0);
	close(side->first);
	close(side->second);
}

/* the render node */

static void *node_server(void *arg)
{
	struct side *side = arg;
	struct drm_fusion_call_reply reply;
	static union {
		struct drm_fusion_event event;
		char space[4096];
	} m;

	for (;;) {
		must(read(side->first, &m, sizeof(m)));
		if (m.event.base.type != DRM_FUSION_EVENT_CALL)
			return NULL;
		reply = (struct drm_fusion_call_reply){ .serial = m.event.serial };
		must(ioctl(side->first, DRM_IOCTL_FUSION_CALL_REPLY, &reply));
	}
}

static void node_call(struct side *side)
{
	struct drm_fusion_call_execute args = {
		.id = side->call, .timeout = DRM_FUSION_FOREVER,
		.payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};

	must(ioctl(side->second, DRM_IOCTL_FUSION_CALL_EXECUTE, &args));
}

static void node_lock(struct side *side)
{
	struct drm_fusion_skirmish_lock lock = {
		.id = side->skirmish, .flags = DRM_FUSION_LOCK_NOTE,
		.timeout = DRM_FUSION_FOREVER,
	};
	struct drm_fusion_skirmish_op unlock = { .id = side->skirmish };

	must(ioctl(side->second, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &lock));
	must(ioctl(side->second, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &unlock));
}

static void node_dispatch(struct side *side)
{
	static char buffer[4096];
	struct drm_fusion_reactor_dispatch args = {
		.id = side->reactor, .timeout = DRM_FUSION_FOREVER,
		.payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};

	must(ioctl(side->first, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args));
	must(read(side->second, buffer, sizeof(buffer)));
}

static void node_more(struct side *side, unsigned int objects)
{
	for (; side->objects < objects; side->objects++)
		object_new(side->second, DRM_FUSION_SKIRMISH, 0, NULL);
}

static void node_open_side(struct side *side)
{
	struct drm_fusion_reactor_attach attach = { 0 };

	side->first = world_new(0);
	side->second = member_new(side->first);
	/* that somebody has joined */
	expect_event(side->first, DRM_FUSION_EVENT_JOIN);
	side->call = object_new(side->first, DRM_FUSION_CALL, 0, NULL);
	side->skirmish = object_new(side->first, DRM_FUSION_SKIRMISH, 0, NULL);
	side->reactor = object_new(side->first, DRM_FUSION_REACTOR, 0, NULL);
	attach.id = side->reactor;
	do_ioctl(side->second, DRM_IOCTL_FUSION_REACTOR_ATTACH, &attach);
	assert_int_equal(pthread_create(&side->server, NULL, node_server, side), 0);
}

static void node_close_side(struct side *side)
{
	must(try_send(side->second, 1, 1, data, sizeof(data), 0));
	assert_int_equal(pthread_join(side->server, NULL), 0);
	close(side->first);
	close(side->second);
}

static long long measure(void (*run)(struct side *side), struct side *side)
{
	static long long values[ROUNDS];
	unsigned int i, j;

	for (i = 0; i < ROUNDS; i++) {
		long long start = clock_ns();

		for (j = 0; j < TIMES; j++)
			run(side);
		values[i] = clock_ns() - start;
	}
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2] / TIMES;
}

static void bench(void **state)
{
	static const struct {
		const char *name;
		void (*legacy)(struct side *side);
		void (*node)(struct side *side);
	} runs[] = {
		{ "call", legacy_call, node_call },
		{ "lock", legacy_lock, node_lock },
		{ "dispatch", legacy_dispatch, node_dispatch },
	};
	struct side legacy = { 0 }, node = { 0 };
	long long few[ARRAY_SIZE(runs)], peer[ARRAY_SIZE(runs)];
	unsigned int i;

	(void)state;
	legacy_open_side(&legacy);
	legacy_more(&legacy, FEW);
	for (i = 0; i < ARRAY_SIZE(runs); i++)
		few[i] = measure(runs[i].legacy, &legacy);
	legacy_more(&legacy, MANY);
	for (i = 0; i < ARRAY_SIZE(runs); i++)
		printf("legacy-%s-many %lld %lld\n", runs[i].name, measure(runs[i].legacy, &legacy),
		       few[i]);
	legacy_close_side(&legacy);

	node_open_side(&node);
	node_more(&node, FEW);
	for (i = 0; i < ARRAY_SIZE(runs); i++)
		peer[i] = measure(runs[i].node, &node);
	node_close_side(&node);
	for (i = 0; i < ARRAY_SIZE(runs); i++)
		printf("legacy-%s %lld %lld\n", runs[i].name, few[i], peer[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench) };

	do_write("/sys/module/fusion/parameters/legacy_devices", "1");
	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
