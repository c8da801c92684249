// SPDX-License-Identifier: GPL-2.0
/*
 * Properties: who may own, who waits, and who takes it away.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skirmishes.h"

#define LEASE		DRM_FUSION_PROPERTY_LEASE
#define PURCHASE	DRM_FUSION_PROPERTY_PURCHASE

static uint32_t property_new(int fd)
{
	return object_new(fd, DRM_FUSION_PROPERTY, 0, NULL);
}

static struct drm_fusion_query_object record_of(int fd, uint32_t id)
{
	return object_record(fd, DRM_FUSION_PROPERTY, id);
}

static int try_take(int fd, uint32_t id, uint32_t kind, int64_t timeout)
{
	struct drm_fusion_property_take args = { .id = id, .kind = kind, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_TAKE, &args);
}

static int try_cede(int fd, uint32_t id)
{
	struct drm_fusion_property_op args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_CEDE, &args);
}

static int try_holdup(int fd, uint32_t id)
{
	struct drm_fusion_property_op args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_HOLDUP, &args);
}

static void wrong_requests(void **state)
{
	struct drm_fusion_object_create create = {
		.type = DRM_FUSION_PROPERTY, .arg = 1, .name = "x",
	};
	struct drm_fusion_get_param param = { .param = DRM_FUSION_PARAM_FEATURES };
	struct drm_fusion_property_op op = { .flags = 1 };
	int fd = world_new(0);
	uint32_t id = property_new(fd);

	(void)state;
	do_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &param);
	assert_true(param.value & DRM_FUSION_FEATURE_PROPERTY);
	assert_int_equal(try_create(fd, &create), -EINVAL);
	op.id = id;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_CEDE, &op), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_HOLDUP, &op), -EINVAL);
	assert_int_equal(try_take(fd, id, 0, 0), -EINVAL);
	assert_int_equal(try_take(fd, id, 3, 0), -EINVAL);
	assert_int_equal(try_take(fd, 77, LEASE, 0), -ENOENT);
	assert_int_equal(try_cede(fd, 77), -ENOENT);
	assert_int_equal(try_holdup(fd, 77), -ENOENT);
	assert_int_equal(try_cede(fd, id), -EPERM);
	assert_int_equal(try_holdup(fd, id), -ENODATA);
}

static void owner(void **state)
{
	static const uint32_t kinds[] = { LEASE, PURCHASE };
	int fd = world_new(0);
	uint32_t id = property_new(fd);
	struct drm_fusion_query_object record;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(try_take(fd, id, kinds[i], 0), 0);
		assert_int_equal(try_take(fd, id, kinds[i], 0), 0);
		assert_int_equal(try_take(fd, id, kinds[!i], DRM_FUSION_FOREVER), -EBUSY);
		record = record_of(fd, id);
		assert_int_equal(record.owner, 1);
		assert_int_equal(record.owner_tid, getpid());
		assert_int_equal(record.count, 2);
		assert_int_equal(record.flags, kinds[i]);
		assert_int_equal(member_record(fd, 1).properties, 1);
		assert_int_equal(try_cede(fd, id), 0);
		assert_int_equal(record_of(fd, id).owner, 1);
		assert_int_equal(try_cede(fd, id), 0);
		record = record_of(fd, id);
		assert_int_equal(record.owner, 0);
		assert_int_equal(record.count, 0);
		assert_int_equal(record.flags, 0);
		assert_int_equal(member_record(fd, 1).properties, 0);
		assert_int_equal(try_cede(fd, id), -EPERM);
	}
}

struct taker {
	int fd;
	uint32_t id, kind;
	int64_t timeout;
	int ret;
	pthread_t thread;
};

/* The thread ends, and says nothing of what it has. */
static void *take_thread(void *arg)
{
	struct taker *t = arg;

	thread_without_signals();
	t->ret = try_take(t->fd, t->id, t->kind, t->timeout);
	return NULL;
}

static void take_later(struct taker *t, int fd, uint32_t id, uint32_t kind)
{
	uint32_t waiters = record_of(fd, id).waiters;

	*t = (struct taker){ .fd = fd, .id = id, .kind = kind, .timeout = DRM_FUSION_FOREVER };
	assert_int_equal(pthread_create(&t->thread, NULL, take_thread, t), 0);
	wait_waiters(fd, DRM_FUSION_PROPERTY, id, waiters + 1);
}

static int take_result(struct taker *t)
{
	assert_int_equal(pthread_join(t->thread, NULL), 0);
	return t->ret;
}

/* Threads own, not members. Leases are waited for, in order. */
static void leases(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(first);
	struct taker one, two, three;

	(void)state;
	assert_int_equal(try_take(first, id, LEASE, 0), 0);
	assert_int_equal(try_take(second, id, LEASE, 0), -ETIMEDOUT);
	assert_int_equal(try_take(second, id, PURCHASE, after_ms(20)), -ETIMEDOUT);
	assert_int_equal(try_cede(second, id), -EPERM);
	assert_int_equal(record_of(first, id).waiters, 0);
	take_later(&one, first, id, LEASE);
	take_later(&two, second, id, LEASE);
	assert_int_equal(try_cede(first, id), 0);
	assert_int_equal(take_result(&one), 0);
	/* the thread has exited with the lease: who waits finds out */
	assert_int_equal(take_result(&two), 0);
	/* and so does who comes */
	assert_int_equal(try_take(first, id, PURCHASE, DRM_FUSION_FOREVER), 0);
	assert_int_equal(try_cede(first, id), 0);

	/* the member leaves with its lease, while others wait */
	assert_int_equal(try_take(second, id, LEASE, 0), 0);
	take_later(&three, first, id, LEASE);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(take_result(&three), 0);
	assert_int_equal(record_of(first, id).owner, 1);
}

static void *end_thread(void *arg)
{
	struct drm_fusion_thread args = { .flags = DRM_FUSION_THREAD_GONE };
	struct taker *t = arg;

	take_thread(t);
	do_ioctl(t->fd, DRM_IOCTL_FUSION_THREAD, &args);
	return NULL;
}

static void thread_ends(void **state)
{
	int fd = world_new(0);
	uint32_t ids[3];
	struct taker t = { .fd = fd, .kind = LEASE };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		ids[i] = property_new(fd);
		t.id = ids[i];
		assert_int_equal(pthread_create(&t.thread, NULL, end_thread, &t), 0);
		assert_int_equal(take_result(&t), 0);
		assert_int_equal(record_of(fd, ids[i]).owner, 0);
	}
	assert_int_equal(member_record(fd, 1).properties, 0);
}

static void purchases(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(first);
	int64_t begin;

	(void)state;
	begin = after_ms(0);
	assert_int_equal(try_take(first, id, PURCHASE, 0), 0);
	/* waited for, for a time that ends by itself */
	assert_int_equal(try_take(second, id, LEASE, DRM_FUSION_FOREVER), -EBUSY);
	assert_true(after_ms(0) >= begin + 100000000LL);
	/* the same without a wait, now that it is so long ago */
	assert_int_equal(try_take(second, id, LEASE, 0), -EBUSY);
	assert_int_equal(try_take(second, id, PURCHASE, DRM_FUSION_FOREVER), -EBUSY);
	assert_true(after_ms(0) >= begin + 1000000000LL);
	assert_int_equal(try_take(second, id, PURCHASE, 0), -EBUSY);
	assert_int_equal(try_cede(first, id), 0);
	assert_int_equal(try_take(second, id, PURCHASE, 0), 0);
	/* a time of the caller that comes first */
	assert_int_equal(try_take(first, id, PURCHASE, 0), -ETIMEDOUT);
}

static void *purchase_and_stay(void *arg)
{
	struct taker *t = arg;

	take_thread(t);
	pause();
	return NULL;
}

/* Who waits behind a purchaser learns that there is no sense in it. */
static void purchased_meanwhile(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(first);
	struct taker buyer, t;

	(void)state;
	assert_int_equal(try_take(first, id, LEASE, 0), 0);
	buyer = (struct taker){
		.fd = second, .id = id, .kind = PURCHASE, .timeout = DRM_FUSION_FOREVER,
	};
	assert_int_equal(pthread_create(&buyer.thread, NULL, purchase_and_stay, &buyer), 0);
	wait_waiters(first, DRM_FUSION_PROPERTY, id, 1);
	take_later(&t, first, id, LEASE);
	assert_int_equal(try_cede(first, id), 0);
	assert_int_equal(take_result(&t), -EBUSY);
	assert_int_equal(record_of(first, id).owner, 2);
	assert_int_equal(try_holdup(first, id), 0);
	assert_int_equal(record_of(first, id).owner, 0);
	pthread_cancel(buyer.thread);
	assert_int_equal(pthread_join(buyer.thread, NULL), 0);
}

static void holdup(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(second);

	(void)state;
	assert_int_equal(try_take(second, id, LEASE, 0), 0);
	assert_int_equal(try_holdup(second, id), -EACCES);
	assert_int_equal(try_holdup(first, id), -ENODATA);
	assert_int_equal(try_cede(second, id), 0);
	assert_int_equal(try_holdup(first, id), -ENODATA);
	assert_int_equal(try_take(second, id, PURCHASE, 0), 0);
	assert_int_equal(try_take(second, id, PURCHASE, 0), 0);
	assert_int_equal(try_holdup(first, id), 0);
	/* nobody was killed: it is just not his any more */
	assert_int_equal(try_cede(second, id), -EPERM);
	assert_int_equal(record_of(first, id).owner, 0);
	assert_int_equal(try_take(first, id, LEASE, 0), 0);
}

struct purchase {
	uint32_t id;
	int pipe;
};

static int purchase_and_pause(int fd, void *arg)
{
	struct purchase *p = arg;

	/* the process that waits for it may be none that can kill it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (try_take(fd, p->id, PURCHASE, DRM_FUSION_FOREVER) || write(p->pipe, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static pid_t purchaser(int fd, uint32_t id)
{
	struct purchase p = { .id = id };
	int pipes[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(pipes), 0);
	p.pipe = pipes[1];
	pid = member_fork(fd, purchase_and_pause, &p);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void holdup_kills(void **state)
{
	int fd = world_new(DRM_FUSION_WORLD_HOLDUP_KILLS), status;
	uint32_t id = property_new(fd);
	pid_t pid;

	(void)state;
	pid = purchaser(fd, id);
	assert_int_not_equal(record_of(fd, id).owner, 0);
	assert_int_equal(try_holdup(fd, id), 0);
	assert_int_equal(record_of(fd, id).owner, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	wait_members(fd, 1);
	assert_int_equal(try_take(fd, id, PURCHASE, 0), 0);
}

/* The first member cannot kill whom it could not kill by itself, and takes nothing. */
static void holdup_of_strangers(void **state)
{
	int fd = world_new(DRM_FUSION_WORLD_HOLDUP_KILLS), status;
	uint32_t id = property_new(fd);
	pid_t pid = purchaser(fd, id);

	(void)state;
	assert_int_equal(getuid(), 0);
	/* by its real or effective user */
	assert_int_equal(setresuid(65534, 65534, 0), 0);
	assert_int_equal(try_holdup(fd, id), -EACCES);
	assert_int_not_equal(record_of(fd, id).owner, 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(setresuid(0, 0, 0), 0);
	assert_int_equal(try_holdup(fd, id), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void destroyed(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(first);
	struct taker t;

	(void)state;
	assert_int_equal(try_take(first, id, LEASE, 0), 0);
	take_later(&t, second, id, LEASE);
	assert_int_equal(try_destroy(second, DRM_FUSION_PROPERTY, id), 0);
	assert_int_equal(take_result(&t), -EIDRM);
	assert_int_equal(try_cede(first, id), -ENOENT);
	assert_int_equal(member_record(first, 1).properties, 0);

	id = property_new(first);
	assert_int_equal(try_take(first, id, LEASE, 0), 0);
	take_later(&t, second, id, LEASE);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(take_result(&t), -ESHUTDOWN);
	assert_int_equal(record_of(first, id).waiters, 0);
}

/* Processes that take and cede are killed at any moment: nobody waits for a dead one. */
static int take_and_cede(int fd, void *arg)
{
	uint32_t id = *(uint32_t *)arg;
	int ret;

	for (;;) {
		ret = try_take(fd, id, getpid() % 2 ? LEASE : PURCHASE, DRM_FUSION_FOREVER);
		if (ret && ret != -EBUSY)
			return 1;
		if (!ret && try_cede(fd, id))
			return 2;
	}
}

static void kills(void **state)
{
	int fd = world_new(0), i, j;
	uint32_t id = property_new(fd);
	unsigned int seed = 1;
	pid_t pids[3];

	(void)state;
	for (i = 0; i < 3; i++)
		pids[i] = member_fork(fd, take_and_cede, &id);
	for (i = 0; i < 60; i++) {
		usleep(rand_r(&seed) % 20000);
		j = rand_r(&seed) % 3;
		member_kill(pids[j]);
		pids[j] = member_fork(fd, take_and_cede, &id);
	}
	for (i = 0; i < 3; i++)
		member_kill(pids[i]);
	assert_int_equal(try_take(fd, id, LEASE, DRM_FUSION_FOREVER), 0);
	assert_int_equal(try_cede(fd, id), 0);
	wait_members(fd, 1);
	assert_int_equal(record_of(fd, id).waiters, 0);
}

/* A wait that ends in time, and goes on where it was under a rain of signals. */
static void long_wait(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = property_new(first);
	int64_t end = after_ms(1300);

	(void)state;
	assert_int_equal(try_take(second, id, LEASE, 0), 0);
	assert_int_equal(try_take(first, id, LEASE, end), -ETIMEDOUT);
	assert_true(after_ms(0) >= end);
}

static void *lease_in_thread(void *arg)
{
	return (void *)(intptr_t)fusion_property_lease(arg, DRM_FUSION_FOREVER);
}

/* By the library a thread that exits says so. */
static void library(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_property *property, *again;
	pthread_t thread;
	uint32_t id;
	void *ret;

	(void)state;
	assert_int_equal(fusion_property_create(fusion, "thing", &property), 0);
	id = fusion_property_id(property);
	assert_int_equal(fusion_property_open(fusion, id + 1, &again), -ENOENT);
	assert_int_equal(fusion_property_open(fusion, id, &again), 0);
	assert_int_equal(fusion_property_purchase(property, 0), 0);
	assert_int_equal(fusion_property_lease(again, 0), -EBUSY);
	assert_int_equal(record_of(fusion_fd(fusion), id).flags, PURCHASE);
	assert_int_equal(fusion_property_holdup(property), 0);
	assert_int_equal(fusion_property_holdup(property), -ENODATA);
	assert_int_equal(fusion_property_cede(again), -EPERM);
	assert_int_equal(pthread_create(&thread, NULL, lease_in_thread, property), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, 0);
	assert_int_equal(record_of(fusion_fd(fusion), id).owner, 0);
	assert_int_equal(fusion_property_lease(property, 0), 0);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(fusion_property_destroy(property), 0);
	assert_int_equal(fusion_property_lease(again, 0), -ENOENT);
	fusion_property_close(again);
	fusion_property_close(property);
	fusion_leave(fusion);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong_requests),
		FUSION_TEST(owner),
		FUSION_TEST(leases),
		FUSION_TEST(thread_ends),
		FUSION_TEST(purchases),
		FUSION_TEST(purchased_meanwhile),
		FUSION_TEST(holdup),
		FUSION_TEST(holdup_kills),
		FUSION_TEST(holdup_of_strangers),
		FUSION_TEST(destroyed),
		FUSION_TEST(kills),
		FUSION_TEST(long_wait),
		FUSION_TEST(library),
	};

	return cmocka_run_group_tests(tests, NULL, check_signals);
}
