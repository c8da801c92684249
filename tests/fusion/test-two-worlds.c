// SPDX-License-Identifier: GPL-2.0
/*
 * Two worlds: in one of them everything stands still that can. Locks, references and
 * properties are owned and waited for, queues are full and senders wait, calls are not
 * taken, and members that have much die. The other one does not wait for anything.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffers.h"
#include "skirmishes.h"

#define ROUNDS		50
#define DEATHS		4
#define MANY		2000	/* of what one that dies has */
#define QUEUED		1000	/* messages that nobody reads, less than there is room for */

/* objects of the world that stands still */
struct still {
	uint32_t skirmish, empty, ref, property, reactor, call;
};

static struct still still;

static int try_take(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_property_take args = {
		.id = id, .kind = DRM_FUSION_PROPERTY_LEASE, .timeout = timeout,
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_TAKE, &args);
}

static int try_cede(int fd, uint32_t id)
{
	struct drm_fusion_property_op args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_CEDE, &args);
}

static int try_zero_lock(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_ref_zero args = { .id = id, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_ZERO_LOCK, &args);
}

static int try_zero_unlock(int fd, uint32_t id)
{
	struct drm_fusion_ref_count args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_UNLOCK, &args);
}

static int try_count(int fd, uint32_t id, uint32_t flags)
{
	struct drm_fusion_ref_count args = { .id = id, .flags = flags };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &args);
}

static int try_attach_to(int fd, uint32_t id)
{
	struct drm_fusion_reactor_attach args = { .id = id, .limit = 1 };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_ATTACH, &args);
}

static int try_dispatch(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_reactor_dispatch args = { .id = id, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args);
}

static int try_call(int fd, uint32_t id, uint32_t flags, int64_t timeout)
{
	struct drm_fusion_call_execute args = { .id = id, .flags = flags, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
}

/* the world that stands still */

static int stand(int fd, int failed)
{
	if (failed || try_send(fd, 1, 1, NULL, 0, 0))
		return 1;
	for (;;)
		pause();
}

/* Has all that others want, and reads nothing. */
static int owner(int fd, void *arg)
{
	struct drm_fusion_object_create call = { .type = DRM_FUSION_CALL };
	unsigned int i;
	int ret;

	(void)arg;
	ret = try_lock(fd, still.skirmish, 0) || try_zero_lock(fd, still.ref, 0) ||
	      try_take(fd, still.property, 0) || try_attach_to(fd, still.reactor) ||
	      try_create(fd, &call) || try_dispatch(fd, still.reactor, 0);
	for (i = 0; !ret && i < QUEUED; i++)
		ret = try_send(fd, 2, i, NULL, 0, 0);
	/* what is left of the room */
	while (!ret && !try_send(fd, 2, 0, NULL, 0, 0))
		;
	return stand(fd, ret);
}

static int wants_lock(int fd, void *arg)
{
	(void)arg;
	return -try_lock(fd, still.skirmish, DRM_FUSION_FOREVER);
}

static int wants_word(int fd, void *arg)
{
	(void)arg;
	if (try_lock(fd, still.empty, DRM_FUSION_FOREVER))
		return 1;
	return -try_sleep(fd, still.empty, DRM_FUSION_FOREVER);
}

static int wants_zero(int fd, void *arg)
{
	(void)arg;
	return -try_zero_lock(fd, still.ref, DRM_FUSION_FOREVER);
}

static int wants_property(int fd, void *arg)
{
	(void)arg;
	return -try_take(fd, still.property, DRM_FUSION_FOREVER);
}

static int wants_listeners(int fd, void *arg)
{
	(void)arg;
	return -try_dispatch(fd, still.reactor, DRM_FUSION_FOREVER);
}

static int wants_room(int fd, void *arg)
{
	(void)arg;
	return -try_send(fd, 2, 0, NULL, 0, DRM_FUSION_FOREVER);
}

static int wants_reply(int fd, void *arg)
{
	(void)arg;
	return -try_call(fd, still.call, 0, DRM_FUSION_FOREVER);
}

static int (*const waiters[])(int fd, void *arg) = {
	wants_lock, wants_word, wants_zero, wants_property, wants_listeners, wants_room,
	wants_reply,
};

/* Who waits, of those that are counted. */
static void check_still(int fd)
{
	wait_waiters(fd, DRM_FUSION_SKIRMISH, still.skirmish, 1);
	wait_waiters(fd, DRM_FUSION_SKIRMISH, still.empty, 1);
	wait_waiters(fd, DRM_FUSION_REF, still.ref, 1);
	wait_waiters(fd, DRM_FUSION_PROPERTY, still.property, 1);
	wait_waiters(fd, DRM_FUSION_REACTOR, still.reactor, 1);
	wait_waiters(fd, DRM_FUSION_CALL, still.call, 1);
	assert_true(member_record(fd, 2).queued >= QUEUED);
}

/* The world goes on: nothing here may wait, but to be scheduled. */
struct busy {
	int fd, other, world;
	uint32_t skirmish, ref, property, reactor, call;
};

static void busy_start(struct busy *busy)
{
	busy->fd = world_new(0);
	busy->other = member_new(busy->fd);
	busy->world = world_export(busy->fd);
	busy->skirmish = object_new(busy->fd, DRM_FUSION_SKIRMISH, 0, NULL);
	busy->ref = object_new(busy->fd, DRM_FUSION_REF, 0, NULL);
	busy->property = object_new(busy->fd, DRM_FUSION_PROPERTY, 0, NULL);
	busy->reactor = object_new(busy->fd, DRM_FUSION_REACTOR, 0, NULL);
	busy->call = object_new(busy->other, DRM_FUSION_CALL, 0, NULL);
	assert_int_equal(try_attach_to(busy->other, busy->reactor), 0);
}

static void busy_round(struct busy *busy)
{
	int fd = busy->fd, member = node_open();
	uint32_t id;

	assert_int_equal(try_lock(fd, busy->skirmish, 0), 0);
	assert_int_equal(try_notify(fd, busy->skirmish, DRM_FUSION_NOTIFY_ALL), 0);
	assert_int_equal(try_unlock(fd, busy->skirmish), 0);
	assert_int_equal(try_count(fd, busy->ref, 0), 0);
	assert_int_equal(try_count(fd, busy->ref, DRM_FUSION_REF_DOWN), 0);
	assert_int_equal(try_zero_lock(fd, busy->ref, 0), 0);
	assert_int_equal(try_zero_unlock(fd, busy->ref), 0);
	assert_int_equal(try_take(fd, busy->property, 0), 0);
	assert_int_equal(try_cede(fd, busy->property), 0);
	assert_int_equal(try_dispatch(fd, busy->reactor, 0), 0);
	skip_to(busy->other, DRM_FUSION_EVENT_REACTOR);
	assert_int_equal(try_call(fd, busy->call, DRM_FUSION_CALL_ONEWAY, 0), 0);
	skip_to(busy->other, DRM_FUSION_EVENT_CALL);
	assert_int_equal(try_send(fd, 2, 1, "x", 1, 0), 0);
	skip_to(busy->other, DRM_FUSION_EVENT_MESSAGE);
	id = object_new(fd, DRM_FUSION_POOL, 4096, NULL);
	assert_int_equal(try_destroy(fd, DRM_FUSION_POOL, id), 0);
	id = buffer_new(fd, 4096);
	buffer_open(busy->other, buffer_share(fd, id));
	handle_close(fd, id);
	/* members come and go */
	assert_true(try_join(member, busy->world, "short") > 0);
	assert_int_equal(try_leave(member), 0);
	close(member);
	skip_to(fd, DRM_FUSION_EVENT_LEAVE);
	skip_to(busy->other, DRM_FUSION_EVENT_LEAVE);
}

/* A member that has much of everything. */
static int rich(int fd, void *arg)
{
	struct drm_fusion_object_create create = { .type = DRM_FUSION_SKIRMISH };
	struct drm_fusion_ref_count count = { 0 };
	unsigned int i;
	int ret = 0;

	(void)arg;
	for (i = 0; !ret && i < MANY; i++) {
		create.type = i % 2 ? DRM_FUSION_SKIRMISH : DRM_FUSION_REF;
		ret = try_create(fd, &create);
		count.id = create.id;
		if (!ret && i % 2)
			ret = try_lock(fd, create.id, 0);
		else if (!ret)
			ret = try_ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &count);
	}
	return stand(fd, ret);
}

static void one_stands_still(void **state)
{
	int fd = world_new(0), status;
	pid_t pids[ARRAY_SIZE(waiters)], holder, dying;
	struct busy busy;
	unsigned int i, n;

	(void)state;
	still.skirmish = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	still.empty = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	still.ref = object_new(fd, DRM_FUSION_REF, 0, NULL);
	still.property = object_new(fd, DRM_FUSION_PROPERTY, 0, NULL);
	still.reactor = object_new(fd, DRM_FUSION_REACTOR, 0, NULL);
	/* the only one of the world, made by the owner */
	still.call = 1;
	holder = member_fork(fd, owner, NULL);
	skip_to(fd, DRM_FUSION_EVENT_MESSAGE);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		pids[i] = member_fork(fd, waiters[i], NULL);
	check_still(fd);

	busy_start(&busy);
	for (i = 0; i < ROUNDS; i++)
		busy_round(&busy);
	for (n = 0; n < DEATHS; n++) {
		dying = member_fork(fd, rich, NULL);
		skip_to(fd, DRM_FUSION_EVENT_MESSAGE);
		assert_int_equal(kill(dying, SIGKILL), 0);
		/* while it gives back what it had */
		do {
			busy_round(&busy);
		} while (!waitpid(dying, &status, WNOHANG));
		assert_true(WIFSIGNALED(status));
	}
	/* all of them are where they were */
	check_still(fd);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		member_kill(pids[i]);
	member_kill(holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(one_stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
