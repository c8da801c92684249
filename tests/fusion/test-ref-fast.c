// SPDX-License-Identifier: GPL-2.0
/*
 * References through the library: counts that take no system call, that are exact when
 * members are killed at any instruction, and that hostile words do not break for others.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skirmishes.h"

static struct fusion_ref *ref_new(struct fusion *fusion)
{
	struct fusion_ref *ref;

	assert_int_equal(fusion_ref_create(fusion, "ref", &ref), 0);
	return ref;
}

static struct drm_fusion_ref_stat stat_of(struct fusion_ref *ref)
{
	struct drm_fusion_ref_stat stat;

	assert_int_equal(fusion_ref_stat(ref, &stat), 0);
	return stat;
}

/* memory that processes share */
static void *shared_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static unsigned int get(unsigned int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static unsigned int add(unsigned int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}

static void set(unsigned int *p, unsigned int value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

/* What a member has to say of zero: how many times, with what it has lost. */
struct events {
	unsigned int zeros, lost, others;
};

/* Reads what there is, for some time, which may be zero. */
static void read_events(struct fusion *fusion, struct events *events, int ms)
{
	int64_t end = after_ms(ms);
	struct drm_fusion_event *event;
	struct pollfd fd = { .fd = fusion_fd(fusion), .events = POLLIN };
	char buffer[16384];
	int ret, at;

	do {
		if (poll(&fd, 1, (end - after_ms(0)) / 1000000 > 0 ? 1 : 0) <= 0)
			continue;
		ret = try_read(fd.fd, buffer, sizeof(buffer));
		assert_true(ret > 0);
		for (at = 0; at < ret; at += event->base.length) {
			event = (struct drm_fusion_event *)(buffer + at);
			if (event->base.type == DRM_FUSION_EVENT_REF_ZERO)
				events->zeros++;
			else if (event->base.type == DRM_FUSION_EVENT_LOST)
				events->lost += event->arg;
			else
				events->others++;
		}
	} while (after_ms(0) < end);
}

static void rules(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion), *other = ref_new(fusion), *again;
	struct events events = {};

	(void)state;
	assert_int_equal(fusion_ref_open(fusion, fusion_ref_id(ref), &again), 0);
	assert_int_equal(fusion_ref_open(fusion, 999, &again), -ENOENT);
	assert_int_equal(fusion_ref_down(ref), -ERANGE);
	assert_int_equal(fusion_ref_down_global(ref), -ERANGE);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(again), 0);
	assert_int_equal(fusion_ref_up_global(ref), 0);
	assert_int_equal(stat_of(ref).local, 2);
	assert_int_equal(stat_of(ref).global, 1);
	assert_int_equal(fusion_ref_zero_lock(ref, 0), -ETIMEDOUT);
	assert_int_equal(fusion_ref_watch(ref, 0, 7), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(fusion_ref_down_global(ref), 0);
	read_events(fusion, &events, 0);
	assert_int_equal(events.zeros, 0);
	assert_int_equal(fusion_ref_throw(ref, 1), 0);
	assert_int_equal(fusion_ref_catch(ref), 0);
	assert_int_equal(fusion_ref_catch(ref), -EACCES);
	assert_int_equal(fusion_ref_down(again), 0);
	read_events(fusion, &events, 0);
	assert_int_equal(events.zeros, 1);
	assert_int_equal(fusion_ref_down(ref), -ERANGE);
	assert_int_equal(fusion_ref_zero_lock(ref, 0), 0);
	assert_int_equal(fusion_ref_up(ref), -EAGAIN);
	assert_int_equal(fusion_ref_up_global(ref), -EAGAIN);
	assert_int_equal(fusion_ref_zero_unlock(ref), 0);
	assert_int_equal(fusion_ref_inherit(ref, fusion_ref_id(other)), 0);
	assert_int_equal(fusion_ref_up(other), 0);
	assert_int_equal(fusion_ref_up(other), 0);
	assert_int_equal(stat_of(ref).sum, 2);
	assert_int_equal(fusion_ref_down(other), 0);
	assert_int_equal(fusion_ref_down(other), 0);
	read_events(fusion, &events, 0);
	assert_int_equal(events.zeros, 2);

	/* the memory of a reference that is gone belongs to others */
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_destroy(ref), 0);
	again = ref_new(fusion);
	assert_int_equal(fusion_ref_up(ref), -ENOENT);
	assert_int_equal(fusion_ref_down(ref), -ENOENT);
	assert_int_equal(fusion_ref_up_global(ref), -ENOENT);
	assert_int_equal(stat_of(again).sum, 0);
	fusion_ref_close(again);
	fusion_ref_close(other);
	fusion_ref_close(ref);
	fusion_leave(fusion);
}

struct silent {
	uint32_t id;
	int start, steps;
};

/* From @start on, up and down again, with no system call. */
static int count_silently(struct fusion *fusion, void *arg)
{
	struct silent *silent = arg;
	struct fusion_ref *ref;
	int i, ret = 0;

	if (fusion_ref_open(fusion, silent->id, &ref))
		return 1;
	for (i = 0; i < silent->start; i++)
		ret |= fusion_ref_up(ref) | fusion_ref_up_global(ref);
	if (ret || forbid_system_calls())
		return 2;
	for (i = 0; i < 1000; i++) {
		ret |= fusion_ref_up(ref);
		ret |= fusion_ref_up_global(ref);
		ret |= fusion_ref_up(ref);
		ret |= fusion_ref_down(ref);
		ret |= fusion_ref_down_global(ref);
		ret |= fusion_ref_down(ref);
	}
	for (i = 0; i < silent->steps; i++)
		ret |= fusion_ref_down(ref) | fusion_ref_down_global(ref);
	return ret ? 3 : 0;
}

static int run_silent(struct fusion *fusion, struct fusion_ref *ref, int start, int steps)
{
	struct silent silent = { fusion_ref_id(ref), start, steps };
	int status;

	assert_true(waitpid(fusion_fork(fusion, count_silently, &silent), &status, 0) > 0);
	return status;
}

static void no_system_calls(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);
	int status;

	(void)state;
	/* nobody wants to know: also from and to zero */
	assert_int_equal(run_silent(fusion, ref, 0, 0), 0);
	assert_int_equal(run_silent(fusion, ref, 2, 2), 0);
	assert_int_equal(stat_of(ref).sum, 0);
	/* a watch: but from and to zero */
	assert_int_equal(fusion_ref_watch(ref, 0, 0), 0);
	assert_int_equal(run_silent(fusion, ref, 1, 0), 0);
	assert_int_equal(fusion_ref_down_global(ref), 0);
	/* this test can fail */
	status = run_silent(fusion, ref, 1, 1);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	fusion_leave(fusion);
}

static int in_child(struct fusion_ref *ref)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(fusion_ref_up(ref) != -EPERM || fusion_ref_down_global(ref) != -EPERM);
	assert_true(waitpid(pid, &status, 0) > 0);
	return status;
}

static void child_of_fork(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(in_child(ref), 0);
	assert_int_equal(stat_of(ref).sum, 1);
	fusion_leave(fusion);
}

struct counting_thread {
	pthread_t thread;
	struct fusion_ref *ref;
	int times, ret;
};

static void *count_in_thread(void *arg)
{
	struct counting_thread *t = arg;
	int i;

	for (i = 0; i < t->times; i++)
		t->ret |= fusion_ref_up(t->ref) | fusion_ref_up_global(t->ref) |
			  fusion_ref_up(t->ref) | fusion_ref_down(t->ref);
	return NULL;
}

/* Threads, and a watch that comes and makes the words of the kernel's in the middle. */
static void threads(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);
	struct counting_thread t[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		t[i] = (struct counting_thread){ .ref = ref, .times = 20000 };
		assert_int_equal(pthread_create(&t[i].thread, NULL, count_in_thread, &t[i]), 0);
	}
	assert_int_equal(fusion_ref_watch(ref, 0, 0), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i].thread, NULL), 0);
		assert_int_equal(t[i].ret, 0);
	}
	assert_int_equal(stat_of(ref).local, 80000);
	assert_int_equal(stat_of(ref).global, 80000);
	fusion_leave(fusion);
}

/* Death at any moment */

struct kills {
	uint32_t id;
	unsigned int ready, go;
	unsigned int begun, done;
};

/* Counts in all ways, and throws to the others and to the first member. */
static int count_wildly(struct fusion *fusion, void *arg)
{
	struct kills *kills = arg;
	uint32_t self = fusion_member_id(fusion);
	unsigned int seed = self;
	struct fusion_ref *ref;
	int ret;

	if (fusion_ref_open(fusion, kills->id, &ref))
		return 1;
	add(&kills->ready, 1);
	for (;;) {
		switch (rand_r(&seed) % 8) {
		case 0:
			ret = fusion_ref_throw(ref, 1);
			break;
		case 1:
			ret = fusion_ref_throw(ref, self + rand_r(&seed) % 5 - 2);
			break;
		case 2:
			ret = fusion_ref_catch(ref);
			break;
		case 3:
		case 4:
			ret = fusion_ref_down(ref);
			break;
		default:
			ret = fusion_ref_up(ref);
		}
		if (ret && ret != -ERANGE && ret != -EACCES && ret != -ENOENT)
			return 2;
	}
}

/* Between nothing and one, and says so. */
static int count_from_zero(struct fusion *fusion, void *arg)
{
	struct kills *kills = arg;
	struct fusion_ref *ref;

	if (fusion_ref_open(fusion, kills->id, &ref))
		return 1;
	add(&kills->ready, 1);
	while (!get(&kills->go))
		sched_yield();
	for (;;) {
		add(&kills->begun, 1);
		if (fusion_ref_up(ref))
			return 2;
		add(&kills->done, 1);
		if (fusion_ref_down(ref))
			return 3;
	}
}

static bool is_ready(void *arg)
{
	struct kills *kills = arg;

	return get(&kills->ready) >= kills->go;
}

static void killed(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* not by an error of its own before that */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Three at a time: afterwards the first member's counts are all that is left. */
static void kills_of_three(void **state)
{
	struct kills *kills = shared_new(sizeof(*kills));
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);
	unsigned int seed = 1, round, i, left;
	pid_t pids[3];

	(void)state;
	kills->id = fusion_ref_id(ref);
	assert_int_equal(fusion_ref_watch(ref, 0, 0), 0);
	for (round = 0; round < 60; round++) {
		struct events events = {};

		/* while this one is there the sum is not zero */
		assert_int_equal(fusion_ref_up(ref), 0);
		set(&kills->ready, 0);
		kills->go = 3;
		for (i = 0; i < 3; i++)
			pids[i] = fusion_fork(fusion, count_wildly, kills);
		wait_for(is_ready, kills, "three members");
		for (i = 0; i < 3; i++) {
			usleep(rand_r(&seed) % 4000);
			killed(pids[i]);
		}
		wait_members(fusion_fd(fusion), 1);
		while (!fusion_ref_catch(ref))
			;
		assert_int_equal(stat_of(ref).members, 1);
		assert_int_equal(stat_of(ref).sum, stat_of(ref).local);
		read_events(fusion, &events, 0);
		assert_int_equal(events.zeros, 0);
		assert_int_equal(events.lost, 0);
		for (left = stat_of(ref).local; left > 1; left--)
			assert_int_equal(fusion_ref_down(ref), 0);
		read_events(fusion, &events, 0);
		assert_int_equal(events.zeros, 0);
		assert_int_equal(fusion_ref_down(ref), 0);
		read_events(fusion, &events, 0);
		assert_int_equal(events.zeros, 1);
		assert_int_equal(stat_of(ref).sum, 0);
	}
	fusion_leave(fusion);
	munmap(kills, sizeof(*kills));
}

/*
 * One at a time, from and to zero: each time that it has counted up, the sum has fallen to
 * zero afterwards, by itself or by its death, and that was told once.
 */
static void kills_at_zero(void **state)
{
	struct kills *kills = shared_new(sizeof(*kills));
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);
	unsigned int seed = 2, round, held = 0, total = 0;
	pid_t pid;

	(void)state;
	kills->id = fusion_ref_id(ref);
	assert_int_equal(fusion_ref_watch(ref, 0, 0), 0);
	for (round = 0; round < 120; round++) {
		struct events events = {};
		unsigned int told;

		memset(&kills->ready, 0, sizeof(*kills) - offsetof(struct kills, ready));
		pid = fusion_fork(fusion, count_from_zero, kills);
		while (!get(&kills->ready))
			sched_yield();
		read_events(fusion, &events, 0);
		assert_int_equal(events.zeros + events.lost, 0);
		events.others = 0;
		set(&kills->go, 1);
		read_events(fusion, &events, rand_r(&seed) % 8);
		killed(pid);
		wait_members(fusion_fd(fusion), 1);
		assert_int_equal(stat_of(ref).sum, 0);
		/* the message that the member has left comes after all of that */
		while (!events.others && !events.lost)
			read_events(fusion, &events, 1);
		read_events(fusion, &events, 20);
		/* it may be among those that were lost */
		told = events.zeros + events.lost - !events.others;
		assert_true(told >= get(&kills->done) && told <= get(&kills->begun));
		assert_true(get(&kills->begun) - get(&kills->done) <= 1);
		held += get(&kills->begun) != get(&kills->done);
		total += told;
	}
	print_message("# %u times at zero, %u of 120 killed while counting up\n", total, held);
	assert_true(total > 120);
	fusion_leave(fusion);
	munmap(kills, sizeof(*kills));
}

/* The zero lock against those who count */

struct battle {
	uint32_t id;
	unsigned int inside, locked, wrong, ups, refused, end;
};

static int count_in_battle(struct fusion *fusion, void *arg)
{
	struct battle *battle = arg;
	unsigned int seed = getpid();
	struct fusion_ref *ref;
	int ret;

	if (fusion_ref_open(fusion, battle->id, &ref))
		return 1;
	while (!get(&battle->end)) {
		bool global = rand_r(&seed) % 4 == 0;

		ret = global ? fusion_ref_up_global(ref) : fusion_ref_up(ref);
		if (ret == -EAGAIN) {
			add(&battle->refused, 1);
			usleep(200);
			continue;
		}
		if (ret)
			return 2;
		add(&battle->inside, 1);
		if (get(&battle->locked))
			add(&battle->wrong, 1);
		add(&battle->ups, 1);
		add(&battle->inside, -1);
		if (global ? fusion_ref_down_global(ref) : fusion_ref_down(ref))
			return 3;
		usleep(rand_r(&seed) % 300);
	}
	return 0;
}

static void zero_lock_in_battle(void **state)
{
	struct battle *battle = shared_new(sizeof(*battle));
	struct fusion *fusion = fusion_new();
	struct fusion_ref *ref = ref_new(fusion);
	pid_t pids[3];
	int i, j;

	(void)state;
	battle->id = fusion_ref_id(ref);
	for (i = 0; i < 3; i++)
		pids[i] = fusion_fork(fusion, count_in_battle, battle);
	for (i = 0; i < 300; i++) {
		assert_int_equal(fusion_ref_zero_lock(ref, after_ms(TIMEOUT_MS)), 0);
		set(&battle->locked, 1);
		for (j = 0; j < 20; j++) {
			assert_int_equal(get(&battle->inside), 0);
			sched_yield();
		}
		assert_int_equal(stat_of(ref).sum, 0);
		set(&battle->locked, 0);
		assert_int_equal(fusion_ref_zero_unlock(ref), 0);
		usleep(300);
	}
	set(&battle->end, 1);
	for (i = 0; i < 3; i++)
		member_wait(pids[i]);
	print_message("# counted %u times, refused %u times\n", battle->ups, battle->refused);
	assert_int_equal(battle->wrong, 0);
	assert_true(battle->ups > 0 && battle->refused > 0);
	assert_int_equal(stat_of(ref).sum, 0);
	fusion_leave(fusion);
	munmap(battle, sizeof(*battle));
}

/* A hostile member */

struct hostile {
	uint32_t ids[4];
	unsigned int own_size, ready;
};

/* All words of its own window and of the world's first page, all the time. */
static int scribble(struct fusion *fusion, void *arg)
{
	struct hostile *hostile = arg;
	int fd = fusion_fd(fusion), i;
	struct drm_fusion_ref_attach attach = {};
	struct drm_fusion_ref_count count = {};
	uint32_t *own, *world, seed = 1;

	for (i = 0; i < 4; i++) {
		attach.id = hostile->ids[i];
		if (ioctl(fd, DRM_IOCTL_FUSION_REF_ATTACH, &attach))
			return 1;
	}
	own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   DRM_FUSION_MMAP_MEMBER + (attach.offset & ~4095ULL));
	world = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, DRM_FUSION_MMAP_WORLD);
	if (own == MAP_FAILED || world == MAP_FAILED)
		return 2;
	set(&hostile->ready, 1);
	for (;;) {
		for (i = 0; i < 1024; i++) {
			seed = seed * 1664525 + 1013904223;
			__atomic_store_n(&own[i], seed, __ATOMIC_RELAXED);
			__atomic_store_n(&world[i], seed % 5 ? seed : hostile->ids[i % 4],
					 __ATOMIC_RELAXED);
		}
		/* with what it has made of its words */
		seed = seed * 1664525 + 1013904223;
		count.id = hostile->ids[seed >> 30];
		count.flags = (seed >> 28) & 3;
		ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &count);
		count.flags = 0;
		ioctl(fd, DRM_IOCTL_FUSION_REF_CATCH, &count);
		ioctl(fd, DRM_IOCTL_FUSION_REF_THROW,
		      &(struct drm_fusion_ref_pair){ .id = count.id, .other = 2 });
	}
}

static void hostile_words(void **state)
{
	struct hostile *hostile = shared_new(sizeof(*hostile));
	struct fusion *fusion = fusion_new();
	unsigned int own[4] = {}, seed = 3, i, n, worked = 0;
	struct fusion_ref *refs[4], *fresh;
	pid_t pid;
	int ret;

	(void)state;
	for (i = 0; i < 4; i++) {
		refs[i] = ref_new(fusion);
		hostile->ids[i] = fusion_ref_id(refs[i]);
	}
	assert_int_equal(fusion_ref_watch(refs[0], 0, 0), 0);
	assert_int_equal(fusion_ref_inherit(refs[0], hostile->ids[1]), 0);
	pid = fusion_fork(fusion, scribble, hostile);
	while (!get(&hostile->ready))
		sched_yield();
	for (i = 0; i < 20000; i++) {
		n = rand_r(&seed) % 4;
		switch (rand_r(&seed) % 8) {
		case 0:
			ret = fusion_ref_zero_lock(refs[n], 0);
			assert_true(!ret || ret == -ETIMEDOUT || ret == -EALREADY);
			break;
		case 1:
			ret = fusion_ref_zero_unlock(refs[n]);
			assert_true(!ret || ret == -EPERM);
			break;
		case 2:
			ret = fusion_ref_up_global(refs[n]);
			assert_true(!ret || ret == -EAGAIN || ret == -ERANGE || ret == -EBUSY);
			break;
		case 3:
			ret = fusion_ref_down_global(refs[n]);
			assert_true(!ret || ret == -ERANGE || ret == -EBUSY);
			break;
		case 4:
			assert_true(stat_of(refs[n]).sum >= own[n]);
			break;
		case 5:
			ret = fusion_ref_down(refs[n]);
			assert_int_equal(ret, own[n] ? 0 : -ERANGE);
			own[n] -= !ret;
			break;
		default:
			ret = fusion_ref_up(refs[n]);
			assert_true(!ret || ret == -EAGAIN);
			own[n] += !ret;
			worked += !ret;
		}
	}
	member_kill(pid);
	wait_members(fusion_fd(fusion), 1);
	/* what is one's own was never touched */
	assert_true(worked > 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(stat_of(refs[i]).local, own[i]);
		assert_int_equal(stat_of(refs[i]).sum, own[i] + stat_of(refs[i]).global +
						       (i ? 0 : own[1]));
	}
	/* and a new one is as new */
	for (i = 0; i < 4; i++)
		assert_int_equal(fusion_ref_destroy(refs[i]), 0);
	fresh = ref_new(fusion);
	assert_int_equal(stat_of(fresh).sum, 0);
	assert_int_equal(fusion_ref_up_global(fresh), 0);
	assert_int_equal(fusion_ref_down_global(fresh), 0);
	assert_int_equal(fusion_ref_zero_lock(fresh, 0), 0);
	fusion_leave(fusion);
	munmap(hostile, sizeof(*hostile));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(rules),
		FUSION_TEST(no_system_calls),
		FUSION_TEST(child_of_fork),
		FUSION_TEST(threads),
		FUSION_TEST(kills_of_three),
		FUSION_TEST(kills_at_zero),
		FUSION_TEST(zero_lock_in_battle),
		FUSION_TEST(hostile_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
