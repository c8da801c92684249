// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes beside mutexes: without contention, and from process to process.
 */

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench-fusion.h"

#define PAIRS		100
#define HANDOFFS	300
#define CIRCLE		3

/* a lock of either kind */
struct bench_lock {
	struct fusion_skirmish *skirmish;
	pthread_mutex_t *mutex;
};

static void lock(struct bench_lock *l)
{
	if (l->skirmish ? fusion_skirmish_lock(l->skirmish) : pthread_mutex_lock(l->mutex))
		fail_msg("nothing was got");
}

static void unlock(struct bench_lock *l)
{
	if (l->skirmish ? fusion_skirmish_unlock(l->skirmish) : pthread_mutex_unlock(l->mutex))
		fail_msg("nothing was given back");
}

static pthread_mutex_t *mutex_new(void)
{
	pthread_mutex_t *mutex = shared_page();
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	assert_int_equal(pthread_mutex_init(mutex, &attr), 0);
	pthread_mutexattr_destroy(&attr);
	return mutex;
}

/* The calls are written out: a choice between them would be measured, too. */
static long long skirmish_pairs(struct fusion_skirmish *skirmish)
{
	return NS_OF(PAIRS, (fusion_skirmish_lock(skirmish), fusion_skirmish_unlock(skirmish)));
}

static long long mutex_pairs(pthread_mutex_t *mutex)
{
	return NS_OF(PAIRS, (pthread_mutex_lock(mutex), pthread_mutex_unlock(mutex)));
}

/*
 * Two processes run after each other around three locks, each with one in its hands: they
 * take the next one and leave the last one. So they take turns, and each step is a wait and
 * a hand-off.
 */
static void run_around(struct bench_lock *locks, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < HANDOFFS; i++, at++) {
		lock(&locks[(at + 1) % CIRCLE]);
		unlock(&locks[at % CIRCLE]);
	}
	unlock(&locks[at % CIRCLE]);
}

struct runner {
	int world;
	struct bench_lock *locks;
	int *ready;
};

static int run_in_child(void *arg)
{
	struct runner *runner = arg;
	struct bench_lock *locks = runner->locks;
	struct fusion *fusion;
	unsigned int i;

	if (runner->world >= 0 && fusion_join(&fusion, runner->world, "child"))
		return 1;
	for (i = 0; runner->world >= 0 && i < CIRCLE; i++) {
		uint32_t id = fusion_skirmish_id(locks[i].skirmish);

		if (fusion_skirmish_open(fusion, id, &locks[i].skirmish))
			return 2;
	}
	lock(&locks[1]);
	__atomic_store_n(runner->ready, 1, __ATOMIC_SEQ_CST);
	run_around(locks, 1);
	return 0;
}

/* @fusion: NULL for mutexes */
static long long handoff(struct fusion *fusion, struct bench_lock *locks)
{
	struct runner runner = {
		.world = fusion ? fusion_export(fusion) : -1, .locks = locks,
		.ready = shared_page(),
	};
	long long start;
	pid_t pid;

	lock(&locks[0]);
	pid = bench_fork(run_in_child, &runner);
	while (!__atomic_load_n(runner.ready, __ATOMIC_SEQ_CST))
		sched_yield();
	start = now();
	run_around(locks, 0);
	start = now() - start;
	bench_wait(pid);
	munmap(runner.ready, 4096);
	if (runner.world >= 0)
		close(runner.world);
	return start / (2 * HANDOFFS);
}

void lock_rows(void)
{
	struct bench_lock ours[CIRCLE] = {}, peers[CIRCLE] = {};
	struct fusion *fusion = bench_world();
	unsigned int i;

	for (i = 0; i < CIRCLE; i++) {
		assert_int_equal(fusion_skirmish_create(fusion, "bench", &ours[i].skirmish), 0);
		peers[i].mutex = mutex_new();
	}
	row("skirmish", skirmish_pairs(ours[0].skirmish), mutex_pairs(peers[0].mutex));
	row("skirmish-handoff", handoff(fusion, ours), handoff(NULL, peers));
	for (i = 0; i < CIRCLE; i++) {
		fusion_skirmish_close(ours[i].skirmish);
		munmap(peers[i].mutex, 4096);
	}
	fusion_leave(fusion);
}
