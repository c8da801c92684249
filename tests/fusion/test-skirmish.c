// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes: who has them, who gets them, and who waits for whom.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skirmishes.h"

static void recursion(void **state)
{
	struct drm_fusion_skirmish_lock bad = { .flags = 2 };
	struct drm_fusion_skirmish_op bad_op = { .flags = 2 };
	struct drm_fusion_object_create create = { .type = DRM_FUSION_SKIRMISH, .arg = 1 };
	struct drm_fusion_skirmish_state *window;
	struct drm_fusion_query_object record;
	int fd = world_new(0);
	uint64_t offset;
	uint32_t id = object_new(fd, DRM_FUSION_SKIRMISH, 0, &offset);

	(void)state;
	assert_int_equal(try_create(fd, &create), -EINVAL);
	assert_int_equal(try_lock(fd, id, 0), 0);
	assert_int_equal(try_lock(fd, id, 0), 0);
	assert_int_equal(try_lock(fd, id, 0), 0);
	record = object_record(fd, DRM_FUSION_SKIRMISH, id);
	assert_int_equal(record.owner, 1);
	assert_int_equal(record.owner_tid, gettid());
	assert_int_equal(record.count, 3);
	assert_int_equal(record.waiters, 0);
	assert_int_equal(record.flags, 0);
	assert_int_equal(record.offset, offset);

	window = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset & ~4095ULL);
	assert_ptr_not_equal(window, MAP_FAILED);
	assert_int_equal(window[offset / 64].id, id);
	assert_int_equal(window[offset / 64].word, own_token(fd));
	window[offset / 64].count = UINT_MAX;
	assert_int_equal(try_lock(fd, id, 0), -EOVERFLOW);
	window[offset / 64].count = 3;

	assert_int_equal(try_unlock(fd, id), 0);
	assert_int_equal(try_unlock(fd, id), 0);
	assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, id).count, 1);
	assert_int_equal(try_unlock(fd, id), 0);
	assert_int_equal(window[offset / 64].word, 0);
	munmap(window, 4096);
	assert_int_equal(try_unlock(fd, id), -EPERM);
	assert_int_equal(try_consistent(fd, id), -EPERM);
	assert_int_equal(try_notify(fd, id, 0), -EPERM);
	assert_int_equal(try_sleep(fd, id, 0), -EPERM);
	assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, id).owner, 0);

	bad.id = id;
	bad_op.id = id;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &bad), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_WAIT, &bad), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &bad_op), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, &bad_op), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT, &bad_op), -EINVAL);
	assert_int_equal(try_lock(fd, id + 1, 0), -ENOENT);
	assert_int_equal(try_unlock(fd, 0), -ENOENT);
	close(fd);
}

static int next_order;

static int lock_in_order(struct worker *worker)
{
	int ret;

	thread_without_signals();
	ret = try_lock(worker->fd, worker->id, worker->timeout);
	if (ret)
		return ret;
	worker->order = __atomic_fetch_add(&next_order, 1, __ATOMIC_SEQ_CST);
	return try_unlock(worker->fd, worker->id);
}

/* Who comes first is first, and a time that is over ends a wait. */
static void order(void **state)
{
	struct worker workers[5] = {};
	int fd = world_new(0), i;
	uint32_t id = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	struct worker late = { .fd = fd, .id = id, .timeout = 0 };

	(void)state;
	next_order = 0;
	assert_int_equal(try_lock(fd, id, 0), 0);
	worker_start(&late, lock_in_order);
	assert_int_equal(worker_join(&late), -ETIMEDOUT);
	late.timeout = after_ms(20);
	worker_start(&late, lock_in_order);
	assert_int_equal(worker_join(&late), -ETIMEDOUT);
	/* nothing is left of them */
	assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, id).flags, 0);

	for (i = 0; i < 5; i++) {
		workers[i] = (struct worker){
			.fd = fd, .id = id, .timeout = DRM_FUSION_FOREVER,
		};
		worker_start(&workers[i], lock_in_order);
		wait_waiters(fd, DRM_FUSION_SKIRMISH, id, i + 1);
	}
	assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, id).flags,
			 DRM_FUSION_SKIRMISH_WAITERS);
	assert_int_equal(try_unlock(fd, id), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(worker_join(&workers[i]), 0);
		assert_int_equal(workers[i].order, i);
	}
	assert_int_equal(object_record(fd, DRM_FUSION_SKIRMISH, id).flags, 0);
	close(fd);
}

/* Who is interrupted sleeps anew, behind the others: the tests have an order. */
static int sleep_deep(struct worker *worker)
{
	int ret, i;

	thread_without_signals();
	for (i = 0; i < 3; i++)
		assert_int_equal(try_lock(worker->fd, worker->id, DRM_FUSION_FOREVER), 0);
	ret = try_sleep(worker->fd, worker->id, worker->timeout);
	if (ret == -EIDRM)
		return ret;
	/* it is there again, and as often */
	for (i = 0; i < 3; i++)
		if (try_unlock(worker->fd, worker->id))
			ret = -EIO;
	__atomic_store_n(&worker->order, 1, __ATOMIC_SEQ_CST);
	return try_unlock(worker->fd, worker->id) == -EPERM ? ret : -EIO;
}

static void notifications(void **state)
{
	struct worker workers[4] = {};
	int fd = world_new(0), i, woken, expected;
	uint32_t id = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);

	(void)state;
	for (i = 0; i < 4; i++) {
		workers[i] = (struct worker){
			.fd = fd, .id = id, .timeout = DRM_FUSION_FOREVER,
		};
		worker_start(&workers[i], sleep_deep);
		wait_waiters(fd, DRM_FUSION_SKIRMISH, id, i + 1);
	}
	/* they wait, and nobody has it */
	for (woken = 0; woken < 2; woken++) {
		assert_int_equal(try_lock(fd, id, after_ms(TIMEOUT_MS)), 0);
		assert_int_equal(try_notify(fd, id, 0), 0);
		assert_int_equal(try_unlock(fd, id), 0);
		wait_waiters(fd, DRM_FUSION_SKIRMISH, id, 3 - woken);
	}
	assert_int_equal(worker_join(&workers[0]), 0);
	assert_int_equal(worker_join(&workers[1]), 0);
	assert_int_equal(try_lock(fd, id, after_ms(TIMEOUT_MS)), 0);
	assert_int_equal(try_notify(fd, id, DRM_FUSION_NOTIFY_ALL), 0);
	assert_int_equal(try_unlock(fd, id), 0);
	assert_int_equal(worker_join(&workers[2]), 0);
	assert_int_equal(worker_join(&workers[3]), 0);

	/* a time that is over */
	workers[0].timeout = after_ms(20);
	worker_start(&workers[0], sleep_deep);
	assert_int_equal(worker_join(&workers[0]), -ETIMEDOUT);
	workers[0].timeout = 0;
	worker_start(&workers[0], sleep_deep);
	assert_int_equal(worker_join(&workers[0]), -ETIMEDOUT);
	/* it ends while somebody has the skirmish, who then notifies: that counts */
	workers[0].timeout = after_ms(100);
	workers[0].order = 0;
	worker_start(&workers[0], sleep_deep);
	while (!object_waiters(fd, DRM_FUSION_SKIRMISH, id) &&
	       !__atomic_load_n(&workers[0].order, __ATOMIC_SEQ_CST))
		usleep(1000);
	assert_int_equal(try_lock(fd, id, after_ms(TIMEOUT_MS)), 0);
	/* on a slow machine it has ended before */
	while (object_record(fd, DRM_FUSION_SKIRMISH, id).flags != DRM_FUSION_SKIRMISH_WAITERS &&
	       !__atomic_load_n(&workers[0].order, __ATOMIC_SEQ_CST))
		usleep(1000);
	expected = workers[0].order ? -ETIMEDOUT : 0;
	assert_int_equal(try_notify(fd, id, 0), 0);
	assert_int_equal(try_unlock(fd, id), 0);
	assert_int_equal(worker_join(&workers[0]), expected);
	close(fd);
}

static void destruction(void **state)
{
	struct worker wants = { .timeout = DRM_FUSION_FOREVER }, sleeps = wants;
	int fd = world_new(0);
	uint32_t id = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);

	(void)state;
	wants.fd = fd;
	wants.id = id;
	sleeps.fd = fd;
	sleeps.id = id;
	worker_start(&sleeps, sleep_deep);
	wait_waiters(fd, DRM_FUSION_SKIRMISH, id, 1);
	assert_int_equal(try_lock(fd, id, after_ms(TIMEOUT_MS)), 0);
	worker_start(&wants, lock_in_order);
	wait_waiters(fd, DRM_FUSION_SKIRMISH, id, 2);
	assert_int_equal(try_destroy(fd, DRM_FUSION_SKIRMISH, id), 0);
	assert_int_equal(worker_join(&wants), -EIDRM);
	assert_int_equal(worker_join(&sleeps), -EIDRM);
	assert_int_equal(try_unlock(fd, id), -ENOENT);
	assert_int_equal(try_lock(fd, id, 0), -ENOENT);
	assert_int_equal(try_destroy(fd, DRM_FUSION_SKIRMISH, id), -ENOENT);
	close(fd);
}

/* the library */

static int try_from_thread(struct worker *worker)
{
	int ret = fusion_skirmish_unlock(worker->skirmish);

	return ret == -EPERM ? fusion_skirmish_trylock(worker->skirmish) : ret;
}

static int handles_of_parent(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish = arg, *own;
	int ret;

	if (fusion_skirmish_lock(skirmish) != -EPERM)
		return 1;
	ret = fusion_skirmish_open(fusion, fusion_skirmish_id(skirmish), &own);
	if (ret || fusion_skirmish_trylock(own) != -EBUSY)
		return 2;
	if (fusion_skirmish_timedlock(own, after_ms(10)) != -ETIMEDOUT)
		return 3;
	if (fusion_skirmish_open(fusion, 4711, &own) != -ENOENT)
		return 4;
	return 0;
}

static void library(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion), *second;
	struct worker worker = { .skirmish = skirmish };

	(void)state;
	assert_int_equal(fusion_skirmish_open(fusion, fusion_skirmish_id(skirmish), &second), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), -EPERM);
	assert_int_equal(fusion_skirmish_lock(skirmish), 0);
	assert_int_equal(fusion_skirmish_trylock(second), 0);
	worker_start(&worker, try_from_thread);
	assert_int_equal(worker_join(&worker), -EBUSY);
	member_wait(fusion_fork(fusion, handles_of_parent, skirmish));
	assert_int_equal(fusion_skirmish_wait(skirmish, after_ms(10)), -ETIMEDOUT);
	assert_int_equal(fusion_skirmish_notify(skirmish), 0);
	assert_int_equal(fusion_skirmish_notify_all(skirmish), 0);
	assert_int_equal(fusion_skirmish_consistent(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(second), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), 0);
	assert_int_equal(fusion_skirmish_unlock(skirmish), -EPERM);

	assert_int_equal(fusion_skirmish_lock(skirmish), 0);
	assert_int_equal(fusion_skirmish_destroy(second), 0);
	assert_int_equal(fusion_skirmish_lock(second), -ENOENT);
	assert_int_equal(fusion_skirmish_unlock(skirmish), -ENOENT);
	fusion_skirmish_close(second);
	/* its state is used again: the old handle does not hurt the new one */
	second = skirmish_new(fusion);
	assert_int_equal(fusion_skirmish_lock(skirmish), -ENOENT);
	worker.skirmish = second;
	worker_start(&worker, try_from_thread);
	assert_int_equal(worker_join(&worker), 0);
	fusion_skirmish_close(second);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
}

static int lock_without_system_calls(struct fusion *fusion, void *arg)
{
	struct fusion_skirmish *skirmish, *other;
	int i, ret = 0;

	if (fusion_skirmish_create(fusion, "other", &other) ||
	    fusion_skirmish_open(fusion, *(uint32_t *)arg, &skirmish) ||
	    fusion_skirmish_lock(skirmish) || fusion_skirmish_unlock(skirmish) ||
	    forbid_system_calls())
		return 1;
	for (i = 0; i < 1000; i++) {
		ret |= fusion_skirmish_lock(skirmish);
		ret |= fusion_skirmish_lock(other);
		ret |= fusion_skirmish_trylock(skirmish);
		ret |= fusion_skirmish_unlock(skirmish);
		ret |= fusion_skirmish_unlock(skirmish);
		ret |= fusion_skirmish_unlock(other);
	}
	return ret ? 2 : 0;
}

static int one_system_call(struct fusion *fusion, void *arg)
{
	(void)fusion;
	(void)arg;
	forbid_system_calls();
	return getppid() < 0;
}

static void no_system_call(void **state)
{
	struct fusion *fusion = fusion_new();
	struct fusion_skirmish *skirmish = skirmish_new(fusion);
	uint32_t id = fusion_skirmish_id(skirmish);
	int status;
	pid_t pid;

	(void)state;
	member_wait(fusion_fork(fusion, lock_without_system_calls, &id));
	/* the filter does what it is for */
	pid = fusion_fork(fusion, one_system_call, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	fusion_skirmish_close(skirmish);
	fusion_leave(fusion);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(recursion),
		FUSION_TEST(order),
		FUSION_TEST(notifications),
		FUSION_TEST(destruction),
		FUSION_TEST(library),
		FUSION_TEST(no_system_call),
	};

	/* its threads take no signals: see test-skirmish-robust.c for those */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
