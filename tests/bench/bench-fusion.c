// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the costs of fusion's primitives beside those of what programs use without it.
 * For the deterministic mode of the guest: see tests/bench/fusion.py.
 *
 * Prints lines "NAME OURS PEER", in nanoseconds of the guest's clock.
 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libdrm_fusion.h>

#include "../api/common.h"

#define ROUNDS		101
#define PAIRS		100
#define HANDOFFS	300
#define CIRCLE		3

static long long now(void)
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

static long long median(long long *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), by_value);
	return values[nr / 2];
}

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

static struct fusion *world_new(void)
{
	struct drm_fusion_world_create args = { .world_name = "bench", .member_name = "bench" };
	struct fusion *fusion;

	assert_int_equal(fusion_create(&fusion, &args), 0);
	return fusion;
}

static pthread_mutex_t *mutex_new(void)
{
	pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	assert_ptr_not_equal(mutex, MAP_FAILED);
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
	static long long values[ROUNDS];
	unsigned int i, j;

	for (i = 0; i < ROUNDS; i++) {
		long long start = now();

		for (j = 0; j < PAIRS; j++) {
			fusion_skirmish_lock(skirmish);
			fusion_skirmish_unlock(skirmish);
		}
		values[i] = now() - start;
	}
	return median(values, ROUNDS) / PAIRS;
}

static long long mutex_pairs(pthread_mutex_t *mutex)
{
	static long long values[ROUNDS];
	unsigned int i, j;

	for (i = 0; i < ROUNDS; i++) {
		long long start = now();

		for (j = 0; j < PAIRS; j++) {
			pthread_mutex_lock(mutex);
			pthread_mutex_unlock(mutex);
		}
		values[i] = now() - start;
	}
	return median(values, ROUNDS) / PAIRS;
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

static int run_in_child(struct fusion *fusion, int world, struct bench_lock *locks, int *ready)
{
	unsigned int i;

	if (fusion && fusion_join(&fusion, world, "child"))
		return 1;
	for (i = 0; fusion && i < CIRCLE; i++) {
		uint32_t id = fusion_skirmish_id(locks[i].skirmish);

		if (fusion_skirmish_open(fusion, id, &locks[i].skirmish))
			return 2;
	}
	lock(&locks[1]);
	__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
	run_around(locks, 1);
	return 0;
}

static long long handoff(struct fusion *fusion, struct bench_lock *locks)
{
	int *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int world = fusion ? fusion_export(fusion) : -1, status;
	long long start;
	pid_t pid;

	assert_ptr_not_equal(ready, MAP_FAILED);
	lock(&locks[0]);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(run_in_child(fusion, world, locks, ready));
	while (!__atomic_load_n(ready, __ATOMIC_SEQ_CST))
		sched_yield();
	start = now();
	run_around(locks, 0);
	start = now() - start;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(ready, 4096);
	if (world >= 0)
		close(world);
	return start / (2 * HANDOFFS);
}

static void bench(void **state)
{
	struct bench_lock ours[CIRCLE] = {}, peers[CIRCLE] = {};
	struct fusion *fusion = world_new();
	unsigned int i;

	(void)state;
	for (i = 0; i < CIRCLE; i++) {
		assert_int_equal(fusion_skirmish_create(fusion, "bench", &ours[i].skirmish), 0);
		peers[i].mutex = mutex_new();
	}
	printf("skirmish %lld %lld\n", skirmish_pairs(ours[0].skirmish),
	       mutex_pairs(peers[0].mutex));
	printf("skirmish-handoff %lld %lld\n", handoff(fusion, ours), handoff(NULL, peers));
	for (i = 0; i < CIRCLE; i++) {
		fusion_skirmish_close(ours[i].skirmish);
		munmap(peers[i].mutex, 4096);
	}
	fusion_leave(fusion);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench) };

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
