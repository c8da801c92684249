// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of costs when a world has many objects: those of requests, and that of a
 * member's death.
 */

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-fusion.h"

#define TIMES	10
/*
 * What RCU frees is freed after the others are told when there is little of it, and while
 * the clean-up runs when there is much: so both of these are much.
 */
#define MANY	20000
#define FEWER	5000

static uint32_t object_new(struct fusion *fusion, uint32_t type)
{
	struct drm_fusion_object_create args = { .type = type };

	if (ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_OBJECT_CREATE, &args))
		fail_msg("no object");
	return args.id;
}

/* Objects of the three kinds by turns, until there are so many. */
static void fill(struct fusion *fusion, unsigned int *alive, unsigned int wanted)
{
	static const uint32_t types[] = { DRM_FUSION_SKIRMISH, DRM_FUSION_REF, DRM_FUSION_CALL };

	for (; *alive < wanted; ++*alive)
		object_new(fusion, types[*alive % ARRAY_SIZE(types)]);
}

/* Requests */

struct costs {
	long long lock;
	long long ref;
	long long call;
};

/* The kernel's part: without it the number of objects makes no difference at all. */
static void lock_by_request(struct fusion *fusion, uint32_t id)
{
	struct drm_fusion_skirmish_lock lock = { .id = id };
	struct drm_fusion_skirmish_op unlock = { .id = id };

	if (ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_SKIRMISH_LOCK, &lock) ||
	    ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &unlock))
		fail_msg("it cannot be locked");
}

static void count_by_request(struct fusion *fusion, uint32_t id)
{
	struct drm_fusion_ref_count args = { .id = id };

	if (ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_REF_COUNT, &args))
		fail_msg("it cannot be counted");
	args.flags = DRM_FUSION_REF_DOWN;
	if (ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_REF_COUNT, &args))
		fail_msg("it cannot be counted");
}

/* One-way, and received: no other process is needed for it. */
static void call_oneself(struct fusion *fusion, uint32_t id)
{
	struct drm_fusion_event event;
	struct drm_fusion_call_execute call = { .id = id, .flags = DRM_FUSION_CALL_ONEWAY };
	struct drm_fusion_receive receive = {
		.buffer = (uintptr_t)&event, .size = sizeof(event),
	};

	if (ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_CALL_EXECUTE, &call) ||
	    ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_RECEIVE, &receive) ||
	    event.object != id)
		fail_msg("it cannot be called");
}

static struct costs measure(struct fusion *fusion)
{
	uint32_t skirmish = object_new(fusion, DRM_FUSION_SKIRMISH);
	uint32_t ref = object_new(fusion, DRM_FUSION_REF);
	uint32_t call = object_new(fusion, DRM_FUSION_CALL);
	struct costs costs;

	costs.lock = NS_OF(TIMES, lock_by_request(fusion, skirmish));
	costs.ref = NS_OF(TIMES, count_by_request(fusion, ref));
	costs.call = NS_OF(TIMES, call_oneself(fusion, call));
	return costs;
}

static void print(const char *name, unsigned int alive, long long ours, long long peer)
{
	char text[32];

	snprintf(text, sizeof(text), "%s-%u", name, alive);
	row(text, ours, peer);
}

/* Death */

struct victim {
	int world;
	unsigned int nr;
	int *ready;
};

/* Half of what it has are counts, the other half locks. */
static int hold(void *arg)
{
	struct victim *victim = arg;
	struct fusion_skirmish *skirmish;
	struct fusion *fusion;
	struct fusion_ref *ref;
	unsigned int i;

	if (fusion_join(&fusion, victim->world, "victim"))
		return 1;
	for (i = 0; i < victim->nr / 2; i++)
		if (fusion_ref_create(fusion, "", &ref) || fusion_ref_up(ref) ||
		    fusion_skirmish_create(fusion, "", &skirmish) ||
		    fusion_skirmish_lock(skirmish))
			return 2;
	__atomic_store_n(victim->ready, 1, __ATOMIC_SEQ_CST);
	pause();
	return 3;
}

static bool is_ready(void *ready)
{
	return __atomic_load_n((int *)ready, __ATOMIC_SEQ_CST);
}

/* Waits for the next message of this type. */
static void skip_to(struct fusion *fusion, uint32_t type)
{
	struct drm_fusion_event event;
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)&event, .size = sizeof(event),
		.timeout = DRM_FUSION_FOREVER,
	};

	do {
		assert_int_equal(fusion_receive(fusion, &args), 0);
	} while (event.base.type != type);
}

/* From the kill until the others are told: then all was released. */
static long long one_death(struct fusion *fusion, unsigned int nr)
{
	struct victim victim = { .nr = nr, .ready = shared_page() };
	long long start, cost;
	int status;
	pid_t pid;

	victim.world = fusion_export(fusion);
	assert_true(victim.world >= 0);
	pid = bench_fork(hold, &victim);
	wait_for(is_ready, victim.ready, "the victim");
	start = now();
	kill(pid, SIGKILL);
	skip_to(fusion, DRM_FUSION_EVENT_LEAVE);
	cost = now() - start;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(victim.world);
	munmap(victim.ready, 4096);
	return cost;
}

static long long death(struct fusion *fusion, unsigned int nr)
{
	long long values[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = one_death(fusion, nr);
	return median(values, ARRAY_SIZE(values));
}

void many_rows(void)
{
	static const unsigned int counts[] = { 10, 1000, 100000 };
	struct fusion *fusion = bench_world();
	long long few = 0, some, nothing;
	struct costs first = {}, costs;
	unsigned int i, alive = 0;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		fill(fusion, &alive, counts[i]);
		costs = measure(fusion);
		some = death(fusion, 1000);
		if (!i) {
			first = costs;
			few = some;
			nothing = death(fusion, 0);
			row("death", (death(fusion, MANY) - nothing) / MANY,
			    (death(fusion, FEWER) - nothing) / FEWER);
			continue;
		}
		print("many-lock", counts[i], costs.lock, first.lock);
		print("many-ref", counts[i], costs.ref, first.ref);
		print("many-call", counts[i], costs.call, first.call);
		print("many-death", counts[i], some, few);
	}
	fusion_leave(fusion);
}
