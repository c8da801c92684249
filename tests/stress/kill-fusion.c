// SPDX-License-Identifier: GPL-2.0
/*
 * Three members of a world are killed one after the other, while each of them locks, lends
 * what it has locked to calls that go on to the next one, counts, dispatches to listeners
 * that must not lose anything, waits, owns, and shares memory. After each kill the others
 * go on. At the end all is as it was before they came, and the first member was told.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdrm_fusion.h>

#include "kill.h"
#include "../fusion/members.h"

#define NR_MEMBERS	3
#define NR_SERVERS	2	/* threads of a member that run calls */
#define DEPTH		2	/* of calls that call */
#define OWN_COUNTS	3	/* of the first member */
#define POOL_SIZE	(64 * 4096)

/**
 * struct plan - what all of them know, in shared memory
 * @skirmish: locked while @inside is set, and while calls are made
 * @waiting: skirmish of those who wait for notifications
 * @ref: counted without a limit
 * @property: owned for a moment
 * @reactor: all listen to it
 * @pool: grows
 * @inside: somebody has @skirmish
 * @calls: of each member, zero before it has one
 * @ids: of the members
 * @buffers: what each member shares
 * @loops: how far each one is
 * @line: where one of them has seen what must not be
 * @error: what it has seen
 */
struct plan {
	uint32_t skirmish, waiting, ref, property, reactor, pool;
	uint32_t inside;
	uint32_t calls[NR_MEMBERS], ids[NR_MEMBERS], buffers[NR_MEMBERS], loops[NR_MEMBERS];
	int line, error;
};

static struct plan *plan;
static int world, role;

/* of a victim */
static struct fusion *fusion;
static struct fusion_skirmish *skirmish;

static uint32_t get(uint32_t *value)
{
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static void set(uint32_t *value, uint32_t to)
{
	__atomic_store_n(value, to, __ATOMIC_SEQ_CST);
}

static void wrong(int line, int error)
{
	plan->error = error;
	plan->line = line;
	_exit(1);
}

/* Others are gone or are leaving, or all would wait for each other. */
static bool is_fine(int ret)
{
	return ret >= 0 || ret == -EPIPE || ret == -ENOENT || ret == -EIDRM ||
	       ret == -EDEADLK || ret == -ESHUTDOWN;
}

#define EXPECT(ret) do { int r = (ret); if (!is_fine(r)) wrong(__LINE__, r); } while (0)

static unsigned int next(void)
{
	return (role + 1) % NR_MEMBERS;
}

static int call_next(uint64_t depth)
{
	struct drm_fusion_call_execute args = {
		.id = get(&plan->calls[next()]), .arg = depth, .timeout = DRM_FUSION_FOREVER,
	};

	return args.id ? fusion_call(fusion, &args) : -ENOENT;
}

/* The caller has locked it, and lends it. It may be killed meanwhile, or this member is. */
static int handle(void *user, const struct drm_fusion_event *event,
		  struct drm_fusion_call_reply *reply)
{
	uint32_t i;
	int ret;

	(void)user;
	(void)reply;
	for (i = 0; i < event->nr_handles; i++)
		EXPECT(fusion_buffer_close(fusion, fusion_event_handles(event)[i]));
	if (event->base.type != DRM_FUSION_EVENT_CALL)
		return 0;
	ret = fusion_skirmish_lock(skirmish);
	if (ret && ret != -EOWNERDEAD) {
		EXPECT(ret);
		return 0;
	}
	reached(DID_LEND);
	if (event->arg)
		EXPECT(call_next(event->arg - 1));
	ret = fusion_skirmish_unlock(skirmish);
	/* with the caller the call ended, and what it had lent */
	if (ret != -EPERM)
		EXPECT(ret);
	return 0;
}

static void *serve(void *arg)
{
	(void)arg;
	EXPECT(fusion_serve(fusion, handle, NULL));
	return NULL;
}

/* One inside at a time, who calls the others. */
static void lock_and_call(void)
{
	int ret = fusion_skirmish_lock(skirmish);

	if (ret == -EOWNERDEAD) {
		set(&plan->inside, 0);
		EXPECT(fusion_skirmish_consistent(skirmish));
		ret = 0;
	}
	if (ret)
		wrong(__LINE__, ret);
	if (__atomic_exchange_n(&plan->inside, 1, __ATOMIC_SEQ_CST))
		wrong(__LINE__, 0);
	ret = call_next(DEPTH);
	EXPECT(ret);
	if (!ret)
		reached(DID_CALL);
	set(&plan->inside, 0);
	ret = fusion_skirmish_unlock(skirmish);
	if (ret)
		wrong(__LINE__, ret);
}

static void wait_and_notify(struct fusion_skirmish *waiting)
{
	int ret = fusion_skirmish_lock(waiting);

	if (ret && ret != -EOWNERDEAD)
		wrong(__LINE__, ret);
	if (ret)
		EXPECT(fusion_skirmish_consistent(waiting));
	EXPECT(fusion_skirmish_notify_all(waiting));
	ret = fusion_skirmish_wait(waiting, after_ms(2));
	if (ret && ret != -ETIMEDOUT && ret != -EOWNERDEAD)
		wrong(__LINE__, ret);
	EXPECT(fusion_skirmish_unlock(waiting));
}

static void dispatch(void)
{
	struct drm_fusion_reactor_dispatch args = {
		.id = plan->reactor, .timeout = DRM_FUSION_FOREVER,
		.payload = { .data = (uintptr_t)"dispatch", .size = 8 },
	};

	EXPECT(fusion_reactor_dispatch(fusion, &args));
	if (args.listeners)
		reached(DID_DISPATCH);
}

static void own(struct fusion_property *property)
{
	int ret = fusion_property_lease(property, DRM_FUSION_FOREVER);

	if (ret)
		wrong(__LINE__, ret);
	EXPECT(fusion_property_cede(property));
}

/* There is always one to be opened by the others: the last one goes when the next has come. */
static void share(void)
{
	static uint32_t last, last_handle;
	struct drm_fusion_message_send message = {
		.member = get(&plan->ids[next()]), .timeout = after_ms(5),
		.payload = { .nr_handles = 1 },
	};
	uint32_t handle, other, id;
	uint64_t size;
	int ret;

	EXPECT(fusion_buffer_create(fusion, 4096, &handle));
	EXPECT(fusion_buffer_share(fusion, handle, "shared", &id));
	set(&plan->buffers[role], id);
	if (last) {
		EXPECT(fusion_destroy(fusion, DRM_FUSION_BUFFER, last));
		EXPECT(fusion_buffer_close(fusion, last_handle));
	}
	last = id;
	last_handle = handle;
	ret = fusion_buffer_open(fusion, get(&plan->buffers[next()]), &other, &size);
	EXPECT(ret);
	if (!ret) {
		reached(DID_SHARE);
		EXPECT(fusion_buffer_close(fusion, other));
	}
	message.payload.handles = (uintptr_t)&handle;
	ret = fusion_send(fusion, &message);
	if (ret != -ETIMEDOUT)
		EXPECT(ret);
}

static void grow(void)
{
	struct fusion_pool *pool;
	int ret = fusion_pool_open(fusion, plan->pool, &pool);

	if (ret)
		wrong(__LINE__, ret);
	EXPECT(fusion_pool_grow(pool, (1 + get(&plan->loops[role]) % 16) * 4096));
	memset(fusion_pool_address(pool), role, 4096);
	fusion_pool_close(pool);
}

static void scene_fusion(void)
{
	struct fusion_property *property;
	struct fusion_skirmish *waiting;
	pthread_t threads[NR_SERVERS];
	struct fusion_ref *ref;
	unsigned int i;
	uint32_t call;

	i = fusion_join(&fusion, world, "victim") ||
	    fusion_skirmish_open(fusion, plan->skirmish, &skirmish) ||
	    fusion_skirmish_open(fusion, plan->waiting, &waiting) ||
	    fusion_ref_open(fusion, plan->ref, &ref) ||
	    fusion_property_open(fusion, plan->property, &property) ||
	    fusion_call_create(fusion, "victim", 0, &call) ||
	    fusion_reactor_attach(fusion, plan->reactor, 0, DRM_FUSION_FULL_BLOCK, 4);
	if (i)
		wrong(__LINE__, 0);
	for (i = 0; i < NR_SERVERS; i++)
		if (pthread_create(&threads[i], NULL, serve, NULL))
			wrong(__LINE__, 0);
	set(&plan->ids[role], fusion_member_id(fusion));
	set(&plan->calls[role], call);
	for (;;) {
		share();
		for (i = 0; i < 4; i++)
			EXPECT(fusion_ref_up(ref));
		lock_and_call();
		for (i = 0; i < 3; i++)
			EXPECT(fusion_ref_down(ref));
		dispatch();
		own(property);
		grow();
		wait_and_notify(waiting);
		__atomic_add_fetch(&plan->loops[role], 1, __ATOMIC_SEQ_CST);
	}
}

/* the first member */

struct goal {
	unsigned int role;
	uint32_t loops;
};

static bool has_gone_on(void *arg)
{
	struct goal *goal = arg;

	return get(&plan->loops[goal->role]) != goal->loops || plan->line;
}

static void goes_on(unsigned int who)
{
	struct goal goal = { who, get(&plan->loops[who]) };

	wait_for(has_gone_on, &goal, "a member that goes on after another one was killed");
	if (plan->line)
		fail_msg("kill-fusion.c:%d: a member has seen %s", plan->line,
			 strerror(-plan->error));
}

/* All three are gone: the first member has all to itself, at once. */
static void check_first(struct fusion *first)
{
	struct drm_fusion_ref_stat stat = { .id = plan->ref };
	struct drm_fusion_property_take take = {
		.id = plan->property, .kind = DRM_FUSION_PROPERTY_LEASE,
	};
	struct drm_fusion_property_op cede = { .id = plan->property };
	uint32_t ids[] = { plan->skirmish, plan->waiting }, i;
	struct fusion_skirmish *lock;
	int fd = fusion_fd(first), ret;

	do_ioctl(fd, DRM_IOCTL_FUSION_REF_STAT, &stat);
	assert_int_equal(stat.sum, OWN_COUNTS);
	assert_int_equal(stat.members, 1);
	do_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_TAKE, &take);
	do_ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_CEDE, &cede);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(fusion_skirmish_open(first, ids[i], &lock), 0);
		ret = fusion_skirmish_trylock(lock);
		assert_true(!ret || ret == -EOWNERDEAD);
		assert_int_equal(fusion_skirmish_unlock(lock), 0);
		fusion_skirmish_close(lock);
		assert_int_equal(object_waiters(fd, DRM_FUSION_SKIRMISH, ids[i]), 0);
	}
}

/* Of each one that came it is told that it is gone, and that all have what was dispatched. */
static void check_told(int fd)
{
	unsigned int came = 0, left = 0, done = 0;
	bool all_came = false;

	/* who has not come before this has not come at all */
	assert_int_equal(try_send(fd, 1, 0, NULL, 0, 0), 0);
	while (!all_came || left < came || !done) {
		const struct drm_fusion_event *event = read_event(fd);

		came += event->base.type == DRM_FUSION_EVENT_JOIN;
		left += event->base.type == DRM_FUSION_EVENT_LEAVE;
		done += event->base.type == DRM_FUSION_EVENT_DISPATCHED;
		all_came |= event->base.type == DRM_FUSION_EVENT_MESSAGE;
		assert_int_not_equal(event->base.type, DRM_FUSION_EVENT_LOST);
	}
	assert_true(came <= NR_MEMBERS);
	assert_int_equal(left, came);
	assert_int_equal(done, 1);
}

static void check_nothing_left(int fd)
{
	struct drm_fusion_world_info info;

	assert_int_equal(world_info(fd).objects, 6);
	assert_int_equal(try_destroy(fd, DRM_FUSION_SKIRMISH, plan->skirmish), 0);
	assert_int_equal(try_destroy(fd, DRM_FUSION_SKIRMISH, plan->waiting), 0);
	assert_int_equal(try_destroy(fd, DRM_FUSION_REF, plan->ref), 0);
	assert_int_equal(try_destroy(fd, DRM_FUSION_PROPERTY, plan->property), 0);
	assert_int_equal(try_destroy(fd, DRM_FUSION_REACTOR, plan->reactor), 0);
	assert_int_equal(try_destroy(fd, DRM_FUSION_POOL, plan->pool), 0);
	info = world_info(fd);
	assert_int_equal(info.objects, 0);
	assert_int_equal(info.memory, 0);
}

void run_fusion(void)
{
	const struct drm_fusion_world_create args = {
		.world_name = "kill", .member_name = "first",
	};
	struct drm_fusion_reactor_dispatch done = { .flags = DRM_FUSION_DISPATCH_DONE };
	struct fusion *first;
	unsigned int i, who, begin;
	pid_t pids[NR_MEMBERS];
	struct fusion_ref *ref;
	int fd;

	if (!plan) {
		plan = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_true(plan != MAP_FAILED);
	}
	memset(plan, 0, sizeof(*plan));
	assert_int_equal(fusion_create(&first, &args), 0);
	fd = fusion_fd(first);
	plan->skirmish = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	plan->waiting = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	plan->property = object_new(fd, DRM_FUSION_PROPERTY, 0, NULL);
	plan->reactor = object_new(fd, DRM_FUSION_REACTOR, 0, NULL);
	plan->pool = object_new(fd, DRM_FUSION_POOL, POOL_SIZE, NULL);
	assert_int_equal(fusion_ref_create(first, "ref", &ref), 0);
	plan->ref = fusion_ref_id(ref);
	for (i = 0; i < OWN_COUNTS; i++)
		assert_int_equal(fusion_ref_up(ref), 0);

	world = fusion_export(first);
	assert_true(world >= 0);
	for (role = 0; role < NR_MEMBERS; role++)
		pids[role] = start_victim(scene_fusion);
	close(world);
	begin = random_kill() % NR_MEMBERS;
	wait_random();
	done.id = plan->reactor;
	done.timeout = after_ms(TIMEOUT_MS);
	do_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &done);
	for (i = 0; i < NR_MEMBERS; i++) {
		who = (begin + i) % NR_MEMBERS;
		kill_and_wait(pids[who]);
		if (i + 1 < NR_MEMBERS)
			goes_on((who + 1) % NR_MEMBERS);
		if (!i)
			wait_random();
	}
	wait_members(fd, 1);
	check_first(first);
	check_told(fd);
	check_nothing_left(fd);
	fusion_ref_close(ref);
	fusion_leave(first);
}
