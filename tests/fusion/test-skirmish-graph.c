// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that wait for each other: those that would wait for ever are refused, and no
 * others. What happens is compared with a model that looks at all paths.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "puppets.h"

#define THREADS		6
#define LOCKS		6
#define NO		(-1)

/* The model: who has what, how often, and who wants it, in the order of coming. */
struct model {
	int owner[LOCKS];
	int count[LOCKS];
	int queue[LOCKS][THREADS];
	int queued[LOCKS];
	int wants[THREADS];
};

/* All paths of at most THREADS steps from each thread to each other. */
static bool model_has_circle(const struct model *model)
{
	bool path[THREADS][THREADS] = {};
	int a, b, c;

	for (a = 0; a < THREADS; a++)
		if (model->wants[a] != NO)
			path[a][model->owner[model->wants[a]]] = true;
	for (c = 0; c < THREADS; c++)
		for (a = 0; a < THREADS; a++)
			for (b = 0; b < THREADS; b++)
				path[a][b] |= path[a][c] && path[c][b];
	for (a = 0; a < THREADS; a++)
		if (path[a][a])
			return true;
	return false;
}

/* The result of a lock; NO if the thread waits */
static int model_lock(struct model *model, int thread, int lock)
{
	if (model->owner[lock] == NO || model->owner[lock] == thread) {
		model->owner[lock] = thread;
		model->count[lock]++;
		return 0;
	}
	model->wants[thread] = lock;
	if (model_has_circle(model)) {
		model->wants[thread] = NO;
		return -EDEADLK;
	}
	model->queue[lock][model->queued[lock]++] = thread;
	return NO;
}

/* The thread that has got it, or NO */
static int model_unlock(struct model *model, int lock)
{
	int next;

	if (--model->count[lock])
		return NO;
	if (!model->queued[lock]) {
		model->owner[lock] = NO;
		return NO;
	}
	next = model->queue[lock][0];
	memmove(model->queue[lock], model->queue[lock] + 1,
		--model->queued[lock] * sizeof(model->queue[lock][0]));
	model->owner[lock] = next;
	model->count[lock] = 1;
	model->wants[next] = NO;
	return next;
}

static void check_waits(const struct model *model, struct puppet *puppets, const uint32_t *ids)
{
	struct drm_fusion_query_wait record;
	int i;

	for (i = 0; i < THREADS; i++) {
		if (model->wants[i] == NO)
			continue;
		record = wait_record(puppets[i].fd, puppets[i].token);
		assert_int_equal(record.type, DRM_FUSION_SKIRMISH);
		assert_int_equal(record.id, ids[model->wants[i]]);
		assert_int_equal(record.for_token, puppets[model->owner[model->wants[i]]].token);
		assert_int_equal(record.member, 1);
		assert_int_equal(record.for_member, 1);
		assert_int_equal(record.deadlock, 0);
		assert_int_not_equal(record.tid, 0);
	}
}

static void do_unlock(struct model *model, struct puppet *puppets, const uint32_t *ids,
		      int thread, int lock)
{
	int next = model_unlock(model, lock);

	puppet_tell(&puppets[thread], UNLOCK, ids[lock]);
	puppet_finish(&puppets[thread], "an unlock");
	assert_int_equal(puppets[thread].result, 0);
	if (next == NO)
		return;
	puppet_finish(&puppets[next], "a lock that was handed over");
	assert_int_equal(puppets[next].result, 0);
}

static void do_lock(struct model *model, struct puppet *puppets, const uint32_t *ids,
		    int thread, int lock, unsigned int *refused)
{
	int expected = model_lock(model, thread, lock);
	struct drm_fusion_query_wait record;

	puppet_tell(&puppets[thread], LOCK, ids[lock]);
	puppet_settle(&puppets[thread], "a lock");
	assert_int_equal(puppet_is_done(&puppets[thread]), expected != NO);
	if (expected == NO)
		return;
	assert_int_equal(puppets[thread].result, expected);
	if (expected != -EDEADLK)
		return;
	/* what it wanted can be read */
	record = wait_record(puppets[thread].fd, puppets[thread].token);
	assert_int_equal(record.type, DRM_FUSION_SKIRMISH);
	assert_int_equal(record.id, ids[lock]);
	assert_int_equal(record.deadlock, 1);
	assert_int_equal(record.for_token, puppets[model->owner[lock]].token);
	++*refused;
}

static void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	memset(model->owner, 0xff, sizeof(model->owner));
	memset(model->wants, 0xff, sizeof(model->wants));
}

static void start(int *fd, struct puppet *puppets, uint32_t *ids, struct model *model)
{
	int i;

	*fd = world_new(0);
	for (i = 0; i < LOCKS; i++)
		ids[i] = object_new(*fd, DRM_FUSION_SKIRMISH, 0, NULL);
	for (i = 0; i < THREADS; i++)
		puppet_start(&puppets[i], *fd);
	model_init(model);
}

static void finish(int fd, struct puppet *puppets, uint32_t *ids, struct model *model)
{
	int lock, left;

	/* there is always one that can go on */
	do {
		left = 0;
		for (lock = 0; lock < LOCKS; lock++) {
			int owner = model->owner[lock];

			if (owner == NO)
				continue;
			left++;
			if (model->wants[owner] == NO)
				do_unlock(model, puppets, ids, owner, lock);
		}
	} while (left);
	for (lock = 0; lock < LOCKS; lock++)
		assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, ids[lock]).flags, 0);
	for (left = 0; left < THREADS; left++)
		puppet_end(&puppets[left]);
	close(fd);
}

/* Circles of 2 to THREADS: the last one is refused, the others go on. */
static void circles(void **state)
{
	struct puppet puppets[THREADS];
	unsigned int refused = 0;
	uint32_t ids[LOCKS];
	struct model model;
	int fd, n, i;

	(void)state;
	for (n = 2; n <= THREADS; n++) {
		start(&fd, puppets, ids, &model);
		for (i = 0; i < n; i++)
			do_lock(&model, puppets, ids, i, i, &refused);
		for (i = 0; i < n; i++)
			do_lock(&model, puppets, ids, i, (i + 1) % n, &refused);
		assert_int_equal(refused, n - 1);
		check_waits(&model, puppets, ids);
		finish(fd, puppets, ids, &model);
	}
}

static void generated(void **state)
{
	struct puppet puppets[THREADS];
	unsigned int refused = 0, waited = 0, seed = 1, graph, step;
	uint32_t ids[LOCKS];
	struct model model;
	int fd, thread, lock;

	(void)state;
	for (graph = 0; graph < 6; graph++) {
		start(&fd, puppets, ids, &model);
		for (step = 0; step < 150; step++) {
			thread = rand_r(&seed) % THREADS;
			lock = rand_r(&seed) % LOCKS;
			if (model.wants[thread] != NO)
				continue;
			if (model.owner[lock] == thread && rand_r(&seed) % 4)
				do_unlock(&model, puppets, ids, thread, lock);
			else
				do_lock(&model, puppets, ids, thread, lock, &refused);
			waited += model.wants[thread] != NO;
			check_waits(&model, puppets, ids);
		}
		finish(fd, puppets, ids, &model);
	}
	/* the graphs were worth it */
	assert_true(refused > 10);
	assert_true(waited > 50);
}

static void wrong_queries(void **state)
{
	struct drm_fusion_query_wait record;
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_WAITS, .count = 1, .records = (uintptr_t)&record,
	};
	int fd = world_new(0);

	(void)state;
	do_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 0);
	args.type = DRM_FUSION_SKIRMISH;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args), -EINVAL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(circles),
		FUSION_TEST(generated),
		FUSION_TEST(wrong_queries),
	};

	/* its threads take no signals */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
