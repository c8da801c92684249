// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes whose owners die, and members that write where they should not.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skirmishes.h"

#define MANY	100	/* skirmishes, more than a thread can write down */

/* what processes share beside the world */
struct shared {
	uint32_t ready;
	uint32_t stop;
	uint32_t inside;
	uint64_t counter;
	uint64_t done[4];
};

static struct shared *shared_new(void)
{
	struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(shared, MAP_FAILED);
	return shared;
}

static uint32_t get(uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static void expect_no_flags(struct fusion *fusion, uint32_t id)
{
	assert_int_equal(object_record(fusion_fd(fusion), DRM_FUSION_SKIRMISH, id).flags, 0);
}

static bool is_set(void *arg)
{
	return get(arg);
}

struct job {
	struct shared *shared;
	uint32_t ids[MANY];
	uint32_t count;
	uint32_t number;
};

static int lock_all_and_wait(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish;
	struct job *job = arg;
	uint32_t i;

	for (i = 0; i < job->count; i++)
		if (fusion_skirmish_open(fusion, job->ids[i], &skirmish) ||
		    fusion_skirmish_lock(skirmish) || fusion_skirmish_lock(skirmish))
			return 1;
	set(&job->shared->ready, 1);
	pause();
	return 2;
}

static int lock_it(struct worker *worker)
{
	return fusion_skirmish_lock(worker->skirmish) == -EOWNERDEAD ?
	       fusion_skirmish_unlock(worker->skirmish) : -EIO;
}

static void death_of_a_process(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	struct job job = { .shared = shared_new(), .count = 1 };
	struct worker worker = { .skirmish = skirmish };
	pid_t pid;

	(void)state;
	job.ids[0] = fusion_skirmish_id(skirmish);
	pid = fusion_fork(fusion, lock_all_and_wait, &job);
	wait_for(is_set, &job.shared->ready, "a lock in a child");
	worker_start(&worker, lock_it);
	wait_waiters(fusion_fd(fusion), DRM_FUSION_SKIRMISH, job.ids[0], 1);
	member_kill(pid);
	assert_int_equal(worker_join(&worker), 0);
	/* nobody has said that it is consistent */
	assert_int_equal(fusion_skirmish_lock(skirmish), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_lock(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	assert_int_equal(fusion_skirmish_consistent(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	assert_int_equal(fusion_skirmish_lock(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	expect_no_flags(fusion, job.ids[0]);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

/* More than the thread itself can write down: the kernel notes the rest. */
static void death_with_many(void **state)
{
	struct fusion *fusion = fusion_new();
	struct job job = { .shared = shared_new(), .count = MANY };
	struct fusion_skirmish *skirmishes[MANY];
	uint32_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < MANY; i++) {
		skirmishes[i] = skirmish_new(fusion);
		job.ids[i] = fusion_skirmish_id(skirmishes[i]);
	}
	pid = fusion_fork(fusion, lock_all_and_wait, &job);
	wait_for(is_set, &job.shared->ready, "locks in a child");
	assert_int_equal(member_record(fusion_fd(fusion), 2).skirmishes, DRM_FUSION_HELD_MAX);
	member_kill(pid);
	wait_members(fusion_fd(fusion), 1);
	for (i = 0; i < MANY; i++) {
		struct drm_fusion_query_object record =
			object_record(fusion_fd(fusion), DRM_FUSION_SKIRMISH, job.ids[i]);

		/* released at once, not when somebody comes */
		assert_int_equal(record.owner, 0);
		assert_int_equal(record.flags, DRM_FUSION_SKIRMISH_DIED);
		assert_int_equal(fusion_skirmish_lock(skirmishes[i]), -EOWNERDEAD);
		assert_int_equal(fusion_skirmish_consistent(skirmishes[i]), 0);
	}
	/* in another order than they were locked */
	for (i = 0; i < MANY; i++)
		assert_int_equal(fusion_skirmish_unlock(skirmishes[(i * 37) % MANY]), 0);
	assert_int_equal(member_record(fusion_fd(fusion), 1).skirmishes, 0);
	for (i = 0; i < MANY; i++)
		fusion_skirmish_close(skirmishes[i]);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

static int lock_and_exit(struct worker *worker)
{
	return fusion_skirmish_lock(worker->skirmish);
}

static int lock_request_and_exit(struct worker *worker)
{
	struct drm_fusion_skirmish_lock args = { .id = worker->id };

	return try_ioctl(worker->fd, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &args);
}

/* A thread that exits tells the kernel, or is found by who wants what it had. */
static void death_of_a_thread(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	uint32_t id = fusion_skirmish_id(skirmish);
	struct worker worker = { .skirmish = skirmish, .fd = fusion_fd(fusion), .id = id };

	(void)state;
	worker_start(&worker, lock_and_exit);
	assert_int_equal(worker_join(&worker), 0);
	assert_int_equal(object_record(worker.fd, DRM_FUSION_SKIRMISH, id).owner, 0);
	assert_int_equal(fusion_skirmish_trylock(skirmish), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);

	worker_start(&worker, lock_request_and_exit);
	assert_int_equal(worker_join(&worker), 0);
	assert_int_equal(fusion_skirmish_lock(skirmish), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
}

static int count(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish;
	struct job *job = arg;
	uint32_t i;

	if (fusion_skirmish_open(fusion, job->ids[0], &skirmish))
		return 1;
	for (i = 0; i < job->number; i++) {
		if (fusion_skirmish_lock(skirmish))
			return 2;
		job->shared->counter++;
		if (fusion_skirmish_unlock(skirmish))
			return 3;
	}
	return 0;
}

static void counter(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	struct job job = { .shared = shared_new(), .number = 20000 };
	pid_t pids[4];
	int i;

	(void)state;
	job.ids[0] = fusion_skirmish_id(skirmish);
	for (i = 0; i < 4; i++)
		pids[i] = fusion_fork(fusion, count, &job);
	for (i = 0; i < 4; i++)
		member_wait(pids[i]);
	assert_int_equal(job.shared->counter, 4 * job.number);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

/* Two processes that tell each other: each notification counts. */
static int ping_pong(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish;
	struct job *job = arg;
	uint64_t i;

	if (fusion_skirmish_open(fusion, job->ids[0], &skirmish) ||
	    fusion_skirmish_lock(skirmish))
		return 1;
	for (i = 0; i < 500; i++) {
		while (job->shared->counter % 2 != job->number)
			if (fusion_skirmish_wait(skirmish, DRM_FUSION_FOREVER))
				return 2;
		job->shared->counter++;
		if (fusion_skirmish_notify(skirmish))
			return 3;
	}
	return fusion_skirmish_unlock(skirmish);
}

static void no_lost_wakeup(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	struct job job = { .shared = shared_new() };
	pid_t pids[2];
	int i;

	(void)state;
	job.ids[0] = fusion_skirmish_id(skirmish);
	for (i = 0; i < 2; i++) {
		job.number = i;
		pids[i] = fusion_fork(fusion, ping_pong, &job);
	}
	member_wait(pids[0]);
	member_wait(pids[1]);
	assert_int_equal(job.shared->counter, 1000);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* The lock is wanted by both all the time, and each waits for a word of the other. */
static int play_rounds(struct worker *worker, struct job *job)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		if (try_lock(worker->fd, worker->id, DRM_FUSION_FOREVER))
			return 1;
		while (job->shared->counter % 2 != (uint64_t)worker->order)
			if (try_sleep(worker->fd, worker->id, DRM_FUSION_FOREVER))
				return 2;
		job->shared->counter++;
		if (try_notify(worker->fd, worker->id, 0) || try_unlock(worker->fd, worker->id))
			return 3;
	}
	return 0;
}

static int play(struct worker *worker)
{
	struct job *job = worker->arg;
	int ret = play_rounds(worker, job);

	__atomic_add_fetch(&job->shared->ready, ret ? 2 : 1, __ATOMIC_SEQ_CST);
	return ret;
}

/* Signals in all places, with requests that are restarted by the test or by the kernel. */
static void rain(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	int fd = world_new(0);
	struct job job = { .shared = shared_new() };
	struct worker workers[2] = {};
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < 2; i++) {
		workers[i].fd = fd;
		workers[i].id = i ? workers[0].id : object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
		workers[i].order = i;
		workers[i].arg = &job;
		worker_start(&workers[i], play);
	}
	/* until both are done, or one has failed; the threads are there until they are joined */
	for (i = 0; get(&job.shared->ready) < 2; i++) {
		pthread_kill(workers[i % 2].thread, SIGUSR1);
		usleep(i % 200);
	}
	assert_int_equal(worker_join(&workers[0]), 0);
	assert_int_equal(worker_join(&workers[1]), 0);
	assert_int_equal(job.shared->counter, 600);
	munmap(job.shared, 4096);
	close(fd);
}

static void signals(void **state)
{
	(void)state;
	rain(0);
	rain(SA_RESTART);
}

/*
 * Members that are killed at any instruction: the next one gets the skirmish, learns of it,
 * and never are two inside.
 */
static int lock_until_killed(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish;
	struct job *job = arg;
	int ret;

	if (fusion_skirmish_open(fusion, job->ids[0], &skirmish))
		return 1;
	for (;;) {
		ret = fusion_skirmish_lock(skirmish);
		if (ret && ret != -EOWNERDEAD)
			return 2;
		if (ret) {
			set(&job->shared->inside, 0);
			if (fusion_skirmish_consistent(skirmish))
				return 3;
		}
		if (__atomic_exchange_n(&job->shared->inside, 1, __ATOMIC_SEQ_CST))
			return 4;
		job->shared->done[job->number]++;
		set(&job->shared->inside, 0);
		if (fusion_skirmish_unlock(skirmish))
			return 5;
	}
}

static bool has_moved(void *arg)
{
	struct job *job = arg;

	return __atomic_load_n(&job->shared->done[job->number], __ATOMIC_RELAXED) != 0;
}

static void kills(void **state)
{
	const char *env = getenv("FUSION_KILLS");
	unsigned int left = env ? atoi(env) : 300, seed = 1, who, i;
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	struct job job = { .shared = shared_new() };
	pid_t pids[3];
	int status, ret;

	(void)state;
	job.ids[0] = fusion_skirmish_id(skirmish);
	for (i = 0; i < 3; i++) {
		job.number = i;
		pids[i] = fusion_fork(fusion, lock_until_killed, &job);
	}
	while (left--) {
		who = rand_r(&seed) % 3;
		job.number = who;
		/* it has got the skirmish since the others were killed */
		wait_for(has_moved, &job, "a lock of one of several");
		usleep(rand_r(&seed) % 2000);
		kill(pids[who], SIGKILL);
		assert_int_equal(waitpid(pids[who], &status, 0), pids[who]);
		assert_true(WIFSIGNALED(status));
		job.shared->done[who] = 0;
		pids[who] = fusion_fork(fusion, lock_until_killed, &job);
	}
	for (i = 0; i < 3; i++)
		member_kill(pids[i]);
	wait_members(fusion_fd(fusion), 1);
	ret = fusion_skirmish_trylock(skirmish);
	assert_true(!ret || ret == -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	expect_no_flags(fusion, job.ids[0]);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

/* Writes over all that is mapped, with words that mean something and words that do not. */
static int scribble(int fd, void *arg)
{
	uint32_t id = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL), seed = 1, token, value;
	struct job *job = arg;
	uint32_t *world, *own;

	token = own_token(fd);
	world = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, DRM_FUSION_MMAP_WORLD);
	own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, DRM_FUSION_MMAP_MEMBER);
	if (world == MAP_FAILED || own == MAP_FAILED || !id)
		return 1;
	set(&job->shared->ready, 1);
	while (!get(&job->shared->stop)) {
		switch (rand_r(&seed) % 8) {
		case 0:
			value = 0;
			break;
		case 1:
			value = token;
			break;
		case 2:
			value = rand_r(&seed);
			break;
		case 3:
			value = 1U << (rand_r(&seed) % 32);
			break;
		default:
			value = rand_r(&seed) % 16;
			value |= (rand_r(&seed) % 8U) << 29;
		}
		world[rand_r(&seed) % 256] = value;
		own[rand_r(&seed) % 256] = value;
		if (!(seed % 64)) {
			try_lock(fd, job->ids[seed % job->count], 0);
			try_unlock(fd, job->ids[seed % job->count]);
		}
	}
	return 0;
}

/* Every result is fine, but the process has to get one. */
static int lock_among_scribbles(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmishes[MANY];
	struct job *job = arg;
	uint32_t i, n, seed = job->number;

	for (i = 0; i < job->count; i++)
		if (fusion_skirmish_open(fusion, job->ids[i], &skirmishes[i]))
			return 1;
	for (n = 0; n < 400; n++) {
		i = rand_r(&seed) % job->count;
		fusion_skirmish_timedlock(skirmishes[i], after_ms(rand_r(&seed) % 20));
		if (!(n % 8))
			fusion_skirmish_wait(skirmishes[i], after_ms(2));
		if (!(n % 4))
			fusion_skirmish_notify_all(skirmishes[i]);
		if (!(n % 16))
			fusion_skirmish_consistent(skirmishes[i]);
		fusion_skirmish_unlock(skirmishes[i]);
	}
	return 0;
}

static void hostile(void **state)
{
	struct fusion *fusion = fusion_new();
	struct job job = { .shared = shared_new(), .count = 8 };
	struct fusion_skirmish *clean;
	pid_t enemy, pids[3];
	uint32_t i;

	(void)state;
	for (i = 0; i < job.count; i++)
		job.ids[i] = object_new(fusion_fd(fusion), DRM_FUSION_SKIRMISH, 0, NULL);
	enemy = member_fork(fusion_fd(fusion), scribble, &job);
	wait_for(is_set, &job.shared->ready, "the enemy");
	for (i = 0; i < 3; i++) {
		job.number = i;
		pids[i] = fusion_fork(fusion, lock_among_scribbles, &job);
	}
	for (i = 0; i < 3; i++)
		member_wait(pids[i]);
	/* objects come and go meanwhile */
	for (i = 0; i < 100; i++) {
		uint32_t id = object_new(fusion_fd(fusion), DRM_FUSION_SKIRMISH, 0, NULL);

		object_record(fusion_fd(fusion), DRM_FUSION_SKIRMISH, id);
		try_lock(fusion_fd(fusion), id, 0);
		assert_int_equal(try_destroy(fusion_fd(fusion), DRM_FUSION_SKIRMISH, id), 0);
	}
	set(&job.shared->stop, 1);
	member_wait(enemy);
	/* it was no more than what it wrote: new objects are good */
	clean = skirmish_new(fusion);
	assert_int_equal(fusion_skirmish_lock(clean), 0);
	assert_int_equal(fusion_skirmish_unlock(clean), 0);
	fusion_skirmish_close(clean);
	fusion_leave(fusion);
	munmap(job.shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(death_of_a_process),
		FUSION_TEST(death_with_many),
		FUSION_TEST(death_of_a_thread),
		FUSION_TEST(counter),
		FUSION_TEST(no_lost_wakeup),
		FUSION_TEST(signals),
		FUSION_TEST(kills),
		FUSION_TEST(hostile),
	};

	/* signals are a test of their own, most calls are made by the library */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
