// SPDX-License-Identifier: GPL-2.0
/*
 * References by requests alone: each rule and each error. What needs no request is tested
 * in test-ref-fast.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "members.h"

#define GLOBAL	DRM_FUSION_REF_GLOBAL
#define DOWN	DRM_FUSION_REF_DOWN

static uint32_t ref_new(int fd)
{
	return object_new(fd, DRM_FUSION_REF, 0, NULL);
}

static int try_attach_ref(int fd, uint32_t id, struct drm_fusion_ref_attach *args)
{
	*args = (struct drm_fusion_ref_attach){ .id = id };
	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_ATTACH, args);
}

static int try_count(int fd, uint32_t id, uint32_t flags)
{
	struct drm_fusion_ref_count args = { .id = id, .flags = flags };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &args);
}

static void count(int fd, uint32_t id, uint32_t flags)
{
	assert_int_equal(try_count(fd, id, flags), 0);
}

static int try_zero_lock(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_ref_zero args = { .id = id, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_ZERO_LOCK, &args);
}

static int try_unlock(int fd, uint32_t id)
{
	struct drm_fusion_ref_count args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_UNLOCK, &args);
}

static int try_watch(int fd, uint32_t id, uint32_t call, uint64_t arg)
{
	struct drm_fusion_ref_watch args = { .id = id, .call = call, .arg = arg };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_WATCH, &args);
}

static int try_inherit(int fd, uint32_t id, uint32_t other)
{
	struct drm_fusion_ref_pair args = { .id = id, .other = other };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_INHERIT, &args);
}

static int try_throw(int fd, uint32_t id, uint32_t member)
{
	struct drm_fusion_ref_pair args = { .id = id, .other = member };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_THROW, &args);
}

static int try_catch(int fd, uint32_t id)
{
	struct drm_fusion_ref_count args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_CATCH, &args);
}

static struct drm_fusion_ref_stat stat_of(int fd, uint32_t id)
{
	struct drm_fusion_ref_stat args = { .id = id, .pad = 1 };

	do_ioctl(fd, DRM_IOCTL_FUSION_REF_STAT, &args);
	assert_int_equal(args.pad, 0);
	return args;
}

static uint64_t sum_of(int fd, uint32_t id)
{
	return stat_of(fd, id).sum;
}

/* A watched reference has told that it fell to zero, exactly once. */
static void expect_zero(int fd, uint32_t id, uint64_t cookie)
{
	struct drm_fusion_event *event = skip_to(fd, DRM_FUSION_EVENT_REF_ZERO);

	assert_int_equal(event->object, id);
	assert_int_equal(event->arg, cookie);
	assert_int_equal(event->sender, 0);
}

static void expect_nothing(int fd)
{
	struct drm_fusion_event event;

	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	while (try_read(fd, &event, sizeof(event)) > 0)
		assert_int_not_equal(event.base.type, DRM_FUSION_EVENT_REF_ZERO);
	fcntl(fd, F_SETFL, O_RDWR);
}

static void wrong_requests(void **state)
{
	struct drm_fusion_object_create create = { .type = DRM_FUSION_REF, .arg = 1, .name = "x" };
	struct drm_fusion_ref_attach attach = { .flags = 1 };
	struct drm_fusion_ref_count op = { .flags = 4 };
	struct drm_fusion_ref_zero zero = { .flags = 1 };
	struct drm_fusion_ref_stat stat = { .id = 77 };
	struct drm_fusion_get_param param = { .param = DRM_FUSION_PARAM_FEATURES };
	int fd = world_new(0);
	uint32_t id = ref_new(fd);

	(void)state;
	do_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &param);
	assert_true(param.value & DRM_FUSION_FEATURE_REF);
	assert_int_equal(try_create(fd, &create), -EINVAL);
	attach.id = id;
	op.id = id;
	zero.id = id;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_ATTACH, &attach), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &op), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_ZERO_LOCK, &zero), -EINVAL);
	op.flags = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_UNLOCK, &op), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_CATCH, &op), -EINVAL);

	assert_int_equal(try_attach_ref(fd, 77, &attach), -ENOENT);
	assert_int_equal(try_count(fd, 0, 0), -ENOENT);
	assert_int_equal(try_count(fd, 77, GLOBAL), -ENOENT);
	assert_int_equal(try_zero_lock(fd, 77, 0), -ENOENT);
	assert_int_equal(try_unlock(fd, 77), -ENOENT);
	assert_int_equal(try_watch(fd, 77, 0, 0), -ENOENT);
	assert_int_equal(try_inherit(fd, 77, id), -ENOENT);
	assert_int_equal(try_inherit(fd, id, 77), -ENOENT);
	assert_int_equal(try_throw(fd, 77, 1), -ENOENT);
	assert_int_equal(try_throw(fd, id, 77), -ENOENT);
	assert_int_equal(try_catch(fd, 77), -ENOENT);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REF_STAT, &stat), -ENOENT);
	/* nothing of that has attached it */
	assert_int_equal(stat_of(fd, id).members, 0);
}

static void counting(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(first);
	struct drm_fusion_ref_stat stat;

	(void)state;
	assert_int_equal(try_count(first, id, DOWN), -ERANGE);
	assert_int_equal(try_count(first, id, GLOBAL | DOWN), -ERANGE);
	count(first, id, 0);
	count(first, id, 0);
	count(second, id, 0);
	count(second, id, GLOBAL);
	stat = stat_of(first, id);
	assert_int_equal(stat.members, 2);
	assert_int_equal(stat.local, 2);
	assert_int_equal(stat.global, 1);
	assert_int_equal(stat.sum, 4);
	assert_int_equal(stat.locked_by, 0);
	assert_int_equal(object_record(first, DRM_FUSION_REF, id).count, 4);
	assert_int_equal(member_record(first, 1).refs, 1);
	/* a local count is of its member alone, the global one is everybody's */
	count(second, id, DOWN);
	assert_int_equal(try_count(second, id, DOWN), -ERANGE);
	count(first, id, GLOBAL | DOWN);
	assert_int_equal(sum_of(second, id), 2);
	assert_int_equal(stat_of(second, id).local, 0);
	assert_int_equal(try_leave(first), 0);
}

static void attaching(void **state)
{
	int fd = world_new(0);
	struct drm_fusion_ref_attach one, again, other;
	uint32_t id = ref_new(fd), id2 = ref_new(fd);

	(void)state;
	assert_int_equal(try_attach_ref(fd, id, &one), 0);
	assert_int_equal(try_attach_ref(fd, id, &again), 0);
	assert_memory_equal(&one, &again, sizeof(one));
	assert_int_equal(try_attach_ref(fd, id2, &other), 0);
	assert_true(one.offset != other.offset);
	assert_true(one.state != other.state);
	assert_int_equal(one.offset % 8, 0);
	assert_true(one.offset < world_info(fd).own_size);
	assert_int_equal(stat_of(fd, id).members, 1);
	assert_int_equal(member_record(fd, 1).refs, 2);
	assert_int_equal(try_destroy(fd, DRM_FUSION_REF, id), 0);
	assert_int_equal(member_record(fd, 1).refs, 1);
	assert_int_equal(try_count(fd, id, 0), -ENOENT);
}

/* Counts of who goes are dropped, by leaving and by dying, and the others are not. */
static int count_and_stay(int fd, void *arg)
{
	uint32_t id = *(uint32_t *)arg;
	int i;

	for (i = 0; i < 3; i++)
		if (try_count(fd, id, 0))
			return 1;
	if (try_count(fd, id, GLOBAL))
		return 2;
	pause();
	return 0;
}

struct expected_sum {
	int fd;
	uint32_t id;
	uint64_t sum;
};

static bool has_sum(void *arg)
{
	struct expected_sum *e = arg;

	return sum_of(e->fd, e->id) == e->sum;
}

static void wait_sum(int fd, uint32_t id, uint64_t sum)
{
	struct expected_sum e = { fd, id, sum };

	wait_for(has_sum, &e, "the sum of a reference");
}

static void death(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(first);
	pid_t pid;

	(void)state;
	count(first, id, 0);
	count(second, id, 0);
	count(second, id, 0);
	pid = member_fork(first, count_and_stay, &id);
	wait_sum(first, id, 7);
	assert_int_equal(stat_of(first, id).members, 3);
	member_kill(pid);
	/* its file is closed when the parent sees it dead; only its global count is left */
	wait_sum(first, id, 4);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(sum_of(first, id), 2);
	assert_int_equal(stat_of(first, id).members, 1);
}

struct locker {
	int fd;
	uint32_t id;
	int ret;
};

static void *lock_thread(void *arg)
{
	struct locker *l = arg;

	thread_without_signals();
	l->ret = try_zero_lock(l->fd, l->id, DRM_FUSION_FOREVER);
	return NULL;
}

static pthread_t lock_later(struct locker *l, int fd, uint32_t id)
{
	uint32_t waiters = object_waiters(fd, DRM_FUSION_REF, id);
	pthread_t thread;

	*l = (struct locker){ fd, id, 1 };
	assert_int_equal(pthread_create(&thread, NULL, lock_thread, l), 0);
	wait_waiters(fd, DRM_FUSION_REF, id, waiters + 1);
	return thread;
}

static int lock_result(pthread_t thread, struct locker *l)
{
	assert_int_equal(pthread_join(thread, NULL), 0);
	return l->ret;
}

static void zero_lock(void **state)
{
	int first = world_new(0), second = member_new(first), third = member_new(first);
	uint32_t id = ref_new(first);
	struct locker l2, l3;
	pthread_t t2, t3;

	(void)state;
	assert_int_equal(try_unlock(first, id), -EPERM);
	count(first, id, 0);
	assert_int_equal(try_zero_lock(second, id, 0), -ETIMEDOUT);
	assert_int_equal(try_zero_lock(second, id, after_ms(20)), -ETIMEDOUT);
	count(first, id, GLOBAL);
	count(first, id, DOWN);
	assert_int_equal(try_zero_lock(second, id, 0), -ETIMEDOUT);
	count(first, id, GLOBAL | DOWN);
	assert_int_equal(object_waiters(first, DRM_FUSION_REF, id), 0);

	assert_int_equal(try_zero_lock(second, id, 0), 0);
	assert_int_equal(stat_of(first, id).locked_by, 2);
	assert_int_equal(object_record(first, DRM_FUSION_REF, id).owner, 2);
	assert_int_equal(try_zero_lock(second, id, DRM_FUSION_FOREVER), -EALREADY);
	assert_int_equal(try_zero_lock(first, id, 0), -EBUSY);
	assert_int_equal(try_zero_lock(first, id, after_ms(20)), -EBUSY);
	/* nobody counts up, not the owner either */
	assert_int_equal(try_count(first, id, 0), -EAGAIN);
	assert_int_equal(try_count(second, id, 0), -EAGAIN);
	assert_int_equal(try_count(third, id, GLOBAL), -EAGAIN);
	assert_int_equal(try_count(second, id, DOWN), -ERANGE);
	assert_int_equal(try_unlock(first, id), -EPERM);

	/* the longest wait is the first to end, and the next one begins where it is unlocked */
	t2 = lock_later(&l2, first, id);
	t3 = lock_later(&l3, third, id);
	assert_int_equal(try_unlock(second, id), 0);
	assert_int_equal(lock_result(t2, &l2), 0);
	assert_int_equal(stat_of(first, id).locked_by, 1);
	assert_int_equal(try_unlock(first, id), 0);
	assert_int_equal(lock_result(t3, &l3), 0);
	/* the owner leaves: it is open again */
	assert_int_equal(try_leave(third), 0);
	assert_int_equal(stat_of(first, id).locked_by, 0);
	count(first, id, 0);

	/* a wait ends when the last count is gone, be it by death */
	count(second, id, 0);
	t2 = lock_later(&l2, first, id);
	count(first, id, DOWN);
	assert_int_equal(object_waiters(first, DRM_FUSION_REF, id), 1);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(lock_result(t2, &l2), 0);
	assert_int_equal(try_unlock(first, id), 0);
	count(first, id, 0);
}

/* Under a rain of signals this goes on where it was, and ends in time. */
static void zero_lock_long(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(first);
	int64_t end;

	(void)state;
	count(second, id, 0);
	end = after_ms(1300);
	assert_int_equal(try_zero_lock(first, id, end), -ETIMEDOUT);
	assert_true(after_ms(0) >= end);
	assert_int_equal(object_waiters(first, DRM_FUSION_REF, id), 0);
}

static void destroyed(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(first);
	struct locker l;
	pthread_t thread;

	(void)state;
	count(second, id, 0);
	thread = lock_later(&l, first, id);
	assert_int_equal(try_destroy(second, DRM_FUSION_REF, id), 0);
	assert_int_equal(lock_result(thread, &l), -EIDRM);
	assert_int_equal(try_count(second, id, DOWN), -ENOENT);
	assert_int_equal(member_record(first, 1).refs, 0);

	/* the member leaves while one of its threads waits */
	id = ref_new(first);
	count(first, id, 0);
	thread = lock_later(&l, second, id);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(lock_result(thread, &l), -ESHUTDOWN);
	assert_int_equal(object_waiters(first, DRM_FUSION_REF, id), 0);
}

static void watch(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(first);
	uint32_t id = ref_new(second);

	(void)state;
	assert_int_equal(try_watch(first, id, 0, 1), -EACCES);
	assert_int_equal(try_watch(second, id, 99, 1), -ENOENT);
	assert_int_equal(try_watch(second, id, 0, 0x123456789abcULL), 0);
	assert_int_equal(try_watch(second, id, 0, 2), -EBUSY);
	/* to be at zero is not to fall to zero */
	expect_nothing(second);
	count(first, id, 0);
	count(first, id, GLOBAL);
	count(first, id, DOWN);
	expect_nothing(second);
	count(first, id, GLOBAL | DOWN);
	expect_zero(second, id, 0x123456789abcULL);
	/* each time */
	count(second, id, 0);
	count(second, id, DOWN);
	expect_zero(second, id, 0x123456789abcULL);
	expect_nothing(second);
	/* by death */
	count(first, id, 0);
	count(first, id, 0);
	assert_int_equal(try_leave(first), 0);
	expect_zero(second, id, 0x123456789abcULL);
	expect_nothing(second);
	/* a watch that begins while there are counts sees the last one go */
	id = ref_new(second);
	count(second, id, 0);
	count(second, id, 0);
	assert_int_equal(try_watch(second, id, 0, 3), 0);
	count(second, id, DOWN);
	expect_nothing(second);
	count(second, id, DOWN);
	expect_zero(second, id, 3);
}

/* The watch may run a call of any member. */
static void watch_by_call(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(first), call = object_new(second, DRM_FUSION_CALL, 77, NULL);
	struct drm_fusion_event *event;

	(void)state;
	assert_int_equal(try_watch(first, id, call, 0x123456789abcULL), 0);
	count(second, id, 0);
	count(second, id, DOWN);
	event = skip_to(second, DRM_FUSION_EVENT_CALL);
	assert_int_equal(event->object, call);
	assert_int_equal(event->arg, 0x123456789abcULL);
	assert_int_equal(event->context, 77);
	assert_int_equal(event->sender, 0);
	assert_int_equal(event->serial, 0);
	expect_nothing(first);
	/* the call is gone: the watcher learns that something was lost */
	assert_int_equal(try_destroy(second, DRM_FUSION_CALL, call), 0);
	count(second, id, 0);
	count(second, id, DOWN);
	assert_int_equal(skip_to(first, DRM_FUSION_EVENT_LOST)->arg, 1);
}

/* The watcher goes, and with it the watch; the reference and its counts stay. */
static void watcher_leaves(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t id = ref_new(second);

	(void)state;
	assert_int_equal(try_watch(second, id, 0, 1), 0);
	count(first, id, 0);
	count(second, id, 0);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(sum_of(first, id), 1);
	count(first, id, DOWN);
	count(first, id, 0);
	assert_int_equal(sum_of(first, id), 1);
}

static void inherit(void **state)
{
	int first = world_new(0), second = member_new(first);
	uint32_t heir = ref_new(first), from = ref_new(first), far = ref_new(first);

	(void)state;
	assert_int_equal(try_inherit(first, heir, heir), -ELOOP);
	assert_int_equal(try_watch(first, heir, 0, 5), 0);
	count(second, far, 0);
	assert_int_equal(try_inherit(first, heir, from), 0);
	assert_int_equal(try_inherit(first, heir, far), -EBUSY);
	assert_int_equal(try_inherit(first, from, heir), -ELOOP);
	assert_int_equal(try_inherit(second, from, far), 0);
	assert_int_equal(try_inherit(first, far, heir), -ELOOP);
	/* local counts, over two steps, but no global ones */
	assert_int_equal(sum_of(first, heir), 1);
	count(first, from, GLOBAL);
	assert_int_equal(sum_of(first, heir), 1);
	assert_int_equal(sum_of(first, from), 2);
	assert_int_equal(object_record(first, DRM_FUSION_REF, heir).count, 1);
	count(first, from, 0);
	assert_int_equal(sum_of(first, heir), 2);
	/* the watch of the heir sees them go, also by death */
	assert_int_equal(try_zero_lock(first, heir, 0), -ETIMEDOUT);
	count(first, from, DOWN);
	expect_nothing(first);
	assert_int_equal(try_leave(second), 0);
	expect_zero(first, heir, 5);
	assert_int_equal(try_zero_lock(first, heir, 0), 0);
	assert_int_equal(try_unlock(first, heir), 0);
	/* its own ones count as well */
	count(first, heir, 0);
	count(first, far, 0);
	count(first, heir, DOWN);
	expect_nothing(first);
	count(first, heir, GLOBAL);
	count(first, far, DOWN);
	expect_nothing(first);
	count(first, heir, GLOBAL | DOWN);
	expect_zero(first, heir, 5);
	/* what is destroyed is inherited no more */
	count(first, far, 0);
	assert_int_equal(sum_of(first, heir), 1);
	assert_int_equal(try_destroy(first, DRM_FUSION_REF, from), 0);
	expect_zero(first, heir, 5);
	assert_int_equal(sum_of(first, heir), 0);
	assert_int_equal(try_inherit(first, heir, far), 0);
	assert_int_equal(sum_of(first, heir), 1);
	assert_int_equal(try_destroy(first, DRM_FUSION_REF, heir), 0);
	count(first, far, DOWN);
	expect_nothing(first);
}

static void chains(void **state)
{
	uint32_t ids[DRM_FUSION_REF_CHAIN + 1];
	int fd = world_new(0);
	unsigned int i, n = DRM_FUSION_REF_CHAIN;

	(void)state;
	for (i = 0; i <= n; i++)
		ids[i] = ref_new(fd);
	/* two halves that are put together */
	for (i = 0; i + 1 < n; i++)
		if (i != n / 2)
			assert_int_equal(try_inherit(fd, ids[i], ids[i + 1]), 0);
	assert_int_equal(try_inherit(fd, ids[n / 2], ids[n / 2 + 1]), 0);
	/* nothing more at either end */
	assert_int_equal(try_inherit(fd, ids[n - 1], ids[n]), -ELOOP);
	assert_int_equal(try_inherit(fd, ids[n], ids[0]), -ELOOP);
	assert_int_equal(try_inherit(fd, ids[n - 1], ids[0]), -ELOOP);
	/* but a second heir */
	assert_int_equal(try_inherit(fd, ids[n], ids[1]), 0);
	assert_int_equal(try_watch(fd, ids[0], 0, 1), 0);
	assert_int_equal(try_watch(fd, ids[n], 0, 2), 0);
	count(fd, ids[n - 1], 0);
	assert_int_equal(sum_of(fd, ids[0]), 1);
	count(fd, ids[n - 1], DOWN);
	expect_zero(fd, ids[0], 1);
	expect_zero(fd, ids[n], 2);
	/* destroyed from the middle */
	for (i = 0; i <= n; i++)
		assert_int_equal(try_destroy(fd, DRM_FUSION_REF, ids[(i + 3) % (n + 1)]), 0);
}

static void throw_and_catch(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(first);
	int third = member_new(first);
	uint32_t id = ref_new(first);

	(void)state;
	assert_int_equal(try_watch(first, id, 0, 9), 0);
	assert_int_equal(try_throw(second, id, 1), -ERANGE);
	assert_int_equal(try_catch(second, id), -EACCES);
	count(second, id, 0);
	assert_int_equal(try_throw(second, id, 3), 0);
	assert_int_equal(try_throw(second, id, 3), -ERANGE);
	assert_int_equal(stat_of(second, id).local, 0);
	assert_int_equal(stat_of(third, id).local, 0);
	assert_int_equal(sum_of(first, id), 1);
	assert_int_equal(try_catch(second, id), -EACCES);
	assert_int_equal(try_count(third, id, DOWN), -ERANGE);
	assert_int_equal(try_catch(third, id), 0);
	assert_int_equal(try_catch(third, id), -EACCES);
	assert_int_equal(stat_of(third, id).local, 1);
	assert_int_equal(sum_of(first, id), 1);
	/* to oneself */
	assert_int_equal(try_throw(third, id, 3), 0);
	assert_int_equal(try_catch(third, id), 0);
	/* the thrower goes: what it has thrown is not its own any more */
	assert_int_equal(try_throw(third, id, 2), 0);
	count(third, id, 0);
	assert_int_equal(try_leave(third), 0);
	assert_int_equal(sum_of(first, id), 1);
	expect_nothing(first);
	assert_int_equal(try_catch(second, id), 0);
	count(second, id, DOWN);
	expect_zero(first, id, 9);
	/* the catcher goes before it has caught */
	count(first, id, 0);
	assert_int_equal(try_throw(first, id, 2), 0);
	expect_nothing(first);
	assert_int_equal(try_leave(second), 0);
	expect_zero(first, id, 9);
	assert_int_equal(sum_of(first, id), 0);
	assert_int_equal(try_throw(first, id, 2), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong_requests),
		FUSION_TEST(counting),
		FUSION_TEST(attaching),
		FUSION_TEST(death),
		FUSION_TEST(zero_lock),
		FUSION_TEST(zero_lock_long),
		FUSION_TEST(destroyed),
		FUSION_TEST(watch),
		FUSION_TEST(watch_by_call),
		FUSION_TEST(watcher_leaves),
		FUSION_TEST(inherit),
		FUSION_TEST(chains),
		FUSION_TEST(throw_and_catch),
	};

	return cmocka_run_group_tests(tests, NULL, check_signals);
}
