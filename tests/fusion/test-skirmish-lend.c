// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes of callers: who runs a call may have them, and gives them back.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skirmishes.h"

/*
 * A server does what the argument of a call says, from the lowest digit on. The result of
 * the call is the first error, or zero.
 */
enum step {
	END,
	LOCK,		/* the skirmish, without waiting */
	UNLOCK,
	SLEEP,		/* wait for a notification */
	CALL,		/* the next server, which is told what is in the upper half */
	GATE,		/* say so, and wait until the test says so */
	WAIT_OTHER,	/* lock the other skirmish, waiting */
	QUIT,
};

#define STEPS(a, b, c, d)	((a) | (b) << 4 | (c) << 8 | (d) << 12)

struct gate {
	uint32_t reached;
	uint32_t open;
};

struct server {
	struct worker worker;
	struct server *next;
	struct gate *gate;
	uint32_t call, other;
};

static bool is_reached(void *arg)
{
	struct gate *gate = arg;

	return __atomic_load_n(&gate->reached, __ATOMIC_SEQ_CST);
}

static bool is_open(void *arg)
{
	struct gate *gate = arg;

	return __atomic_load_n(&gate->open, __ATOMIC_SEQ_CST);
}

static void reach(struct gate *gate)
{
	__atomic_store_n(&gate->reached, 1, __ATOMIC_SEQ_CST);
}

static void open_gate(struct gate *gate)
{
	__atomic_store_n(&gate->open, 1, __ATOMIC_SEQ_CST);
}

static int try_call(int fd, uint32_t call, uint64_t arg, int64_t timeout)
{
	struct drm_fusion_call_execute args = { .id = call, .arg = arg, .timeout = timeout };
	int ret = try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);

	return ret ? ret : args.result;
}

static int do_step(struct server *server, enum step step, uint64_t arg)
{
	int fd = server->worker.fd;

	switch (step) {
	case LOCK:
		return try_lock(fd, server->worker.id, 0);
	case UNLOCK:
		return try_unlock(fd, server->worker.id);
	case SLEEP:
		return try_sleep(fd, server->worker.id, after_ms(10));
	case CALL:
		return try_call(fd, server->next->call, arg >> 32, DRM_FUSION_FOREVER);
	case GATE:
		reach(server->gate);
		wait_for(is_open, server->gate, "a gate");
		return 0;
	case WAIT_OTHER:
		return try_lock(fd, server->other, DRM_FUSION_FOREVER);
	default:
		return -EINVAL;
	}
}

static int serve(struct worker *worker)
{
	struct server *server = worker->arg;
	struct drm_fusion_call_reply reply = {};
	struct drm_fusion_event *event;
	uint64_t arg;
	int shift, ret;

	thread_without_signals();
	for (;;) {
		event = skip_to(worker->fd, DRM_FUSION_EVENT_CALL);
		reply.serial = event->serial;
		reply.result = 0;
		arg = event->arg;
		for (shift = 0; arg >> shift & 7 && (arg >> shift & 7) != QUIT; shift += 4) {
			ret = do_step(server, arg >> shift & 7, arg);
			if (ret && !reply.result)
				reply.result = ret;
		}
		ret = try_ioctl(worker->fd, DRM_IOCTL_FUSION_CALL_REPLY, &reply);
		if ((arg >> shift & 7) == QUIT)
			return ret;
	}
}

/* two servers, of which the first one may call the second one */
struct lend {
	int fd;
	uint32_t id;
	struct gate gate;
	struct server first, second;
};

static void server_start(struct lend *lend, struct server *server, struct server *next)
{
	server->worker.fd = member_new(lend->fd);
	server->worker.id = lend->id;
	server->worker.arg = server;
	server->gate = &lend->gate;
	server->next = next;
	server->call = object_new(server->worker.fd, DRM_FUSION_CALL, 0, NULL);
	worker_start(&server->worker, serve);
}

static bool has_calls(void)
{
	struct drm_fusion_get_param args = { .param = DRM_FUSION_PARAM_FEATURES };
	int fd = node_open();

	do_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &args);
	close(fd);
	return args.value & DRM_FUSION_FEATURE_CALL;
}

static void lend_start(struct lend *lend)
{
	if (!has_calls())
		skip();
	thread_without_signals();
	memset(lend, 0, sizeof(*lend));
	lend->fd = world_new(0);
	lend->id = object_new(lend->fd, DRM_FUSION_SKIRMISH, 0, NULL);
	server_start(lend, &lend->second, NULL);
	server_start(lend, &lend->first, &lend->second);
}

static void lend_end(struct lend *lend)
{
	assert_int_equal(try_call(lend->fd, lend->first.call, QUIT, DRM_FUSION_FOREVER), 0);
	assert_int_equal(try_call(lend->fd, lend->second.call, QUIT, DRM_FUSION_FOREVER), 0);
	assert_int_equal(worker_join(&lend->first.worker), 0);
	assert_int_equal(worker_join(&lend->second.worker), 0);
	close(lend->first.worker.fd);
	close(lend->second.worker.fd);
	close(lend->fd);
}

static struct drm_fusion_query_object record(struct lend *lend)
{
	return object_record(lend->fd, DRM_FUSION_SKIRMISH, lend->id);
}

static void expect_own(struct lend *lend, uint32_t count)
{
	struct drm_fusion_query_object now = record(lend);

	assert_int_equal(now.owner, 1);
	assert_int_equal(now.owner_tid, gettid());
	assert_int_equal(now.count, count);
	assert_int_equal(now.flags & ~DRM_FUSION_SKIRMISH_WAITERS, 0);
}

static int call_first(struct lend *lend, uint64_t arg)
{
	return try_call(lend->fd, lend->first.call, arg, DRM_FUSION_FOREVER);
}

static int lock_and_unlock(struct worker *worker)
{
	int ret;

	thread_without_signals();
	ret = try_lock(worker->fd, worker->id, DRM_FUSION_FOREVER);
	return ret ? ret : try_unlock(worker->fd, worker->id);
}

/* One server, while somebody else waits: that one gets it last. */
static void one_call(void **state)
{
	struct lend lend;
	struct worker waits = {};

	(void)state;
	lend_start(&lend);
	assert_int_equal(call_first(&lend, STEPS(LOCK, LOCK, UNLOCK, UNLOCK)), 0);
	assert_int_equal(record(&lend).owner, 0);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	waits.fd = lend.fd;
	waits.id = lend.id;
	worker_start(&waits, lock_and_unlock);
	wait_waiters(lend.fd, DRM_FUSION_SKIRMISH, lend.id, 1);
	assert_int_equal(call_first(&lend, STEPS(LOCK, LOCK, UNLOCK, UNLOCK)), 0);
	expect_own(&lend, 2);
	/* twice in one call */
	assert_int_equal(call_first(&lend, STEPS(LOCK, UNLOCK, LOCK, UNLOCK)), 0);
	expect_own(&lend, 2);
	/* it is not the server's */
	assert_int_equal(call_first(&lend, STEPS(UNLOCK, END, 0, 0)), -EPERM);
	assert_int_equal(call_first(&lend, STEPS(LOCK, SLEEP, UNLOCK, END)), -EPERM);
	/* a server that forgets to unlock */
	assert_int_equal(call_first(&lend, STEPS(LOCK, LOCK, END, 0)), 0);
	expect_own(&lend, 2);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	assert_int_equal(worker_join(&waits), 0);
	assert_int_equal(record(&lend).flags, 0);
	lend_end(&lend);
}

static void nested_calls(void **state)
{
	const uint64_t deep = STEPS(LOCK, LOCK, UNLOCK, UNLOCK);
	struct lend lend;

	(void)state;
	lend_start(&lend);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	/* from the caller's caller */
	assert_int_equal(call_first(&lend, STEPS(CALL, END, 0, 0) | deep << 32), 0);
	expect_own(&lend, 1);
	/* through the one between, which has it before and after */
	assert_int_equal(call_first(&lend, STEPS(LOCK, CALL, UNLOCK, END) | deep << 32), 0);
	expect_own(&lend, 1);
	/* nobody unlocks */
	assert_int_equal(call_first(&lend, STEPS(LOCK, CALL, LOCK, END) |
					   (uint64_t)STEPS(LOCK, END, 0, 0) << 32), 0);
	expect_own(&lend, 1);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	/* from the one between alone */
	assert_int_equal(call_first(&lend, STEPS(LOCK, CALL, UNLOCK, END) | deep << 32), 0);
	assert_int_equal(record(&lend).owner, 0);
	lend_end(&lend);
}

/* A caller that gives up has it back, the server finds that it has lost it. */
static void timeout(void **state)
{
	struct lend lend;

	(void)state;
	lend_start(&lend);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	assert_int_equal(try_call(lend.fd, lend.first.call, STEPS(LOCK, GATE, UNLOCK, END),
				  after_ms(200)), -ETIMEDOUT);
	wait_for(is_reached, &lend.gate, "the server's lock");
	expect_own(&lend, 1);
	open_gate(&lend.gate);
	assert_int_equal(call_first(&lend, END), 0);
	expect_own(&lend, 1);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	lend_end(&lend);
}

static int call_and_hold(int fd, void *arg)
{
	struct lend *lend = arg;

	if (try_lock(fd, lend->id, 0))
		return 1;
	try_call(fd, lend->first.call, STEPS(LOCK, GATE, UNLOCK, END), DRM_FUSION_FOREVER);
	return 2;
}

/* The caller dies: nobody has it in the end, and the next one is told. */
static void caller_dies(void **state)
{
	struct lend lend;
	pid_t pid;

	(void)state;
	lend_start(&lend);
	pid = member_fork(lend.fd, call_and_hold, &lend);
	wait_for(is_reached, &lend.gate, "the server's lock");
	member_kill(pid);
	wait_members(lend.fd, 3);
	open_gate(&lend.gate);
	assert_int_equal(call_first(&lend, END), 0);
	assert_int_equal(record(&lend).owner, 0);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), -EOWNERDEAD);
	assert_int_equal(try_consistent(lend.fd, lend.id), 0);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	lend_end(&lend);
}

static int lock_in_call_and_die(int fd, void *arg)
{
	struct lend *lend = arg;
	uint32_t call = object_new(fd, DRM_FUSION_CALL, 0, NULL);

	if (try_send(fd, 1, call, NULL, 0, DRM_FUSION_FOREVER))
		return 1;
	skip_to(fd, DRM_FUSION_EVENT_CALL);
	if (try_lock(fd, lend->id, 0))
		return 2;
	raise(SIGKILL);
	return 3;
}

/* The server dies with it: the caller has it, and may say nothing of it. */
static void server_dies(void **state)
{
	struct lend lend;
	uint32_t call;
	int status;
	pid_t pid;

	(void)state;
	lend_start(&lend);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	pid = member_fork(lend.fd, lock_in_call_and_die, &lend);
	call = skip_to(lend.fd, DRM_FUSION_EVENT_MESSAGE)->arg;
	assert_int_equal(try_call(lend.fd, call, 0, DRM_FUSION_FOREVER), -EPIPE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	wait_members(lend.fd, 3);
	assert_int_equal(record(&lend).owner, 1);
	assert_int_equal(record(&lend).flags, DRM_FUSION_SKIRMISH_DIED);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), -EOWNERDEAD);
	assert_int_equal(try_consistent(lend.fd, lend.id), 0);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	lend_end(&lend);
}

static int destroy_at_gate(struct worker *worker)
{
	struct lend *lend = worker->arg;
	int ret;

	thread_without_signals();
	wait_for(is_reached, &lend->gate, "the server's lock");
	ret = try_destroy(lend->fd, DRM_FUSION_SKIRMISH, lend->id);
	open_gate(&lend->gate);
	return ret;
}

static void destroyed(void **state)
{
	struct worker worker = {};
	struct lend lend;

	(void)state;
	lend_start(&lend);
	worker.arg = &lend;
	worker_start(&worker, destroy_at_gate);
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	assert_int_equal(call_first(&lend, STEPS(LOCK, GATE, UNLOCK, END)), -ENOENT);
	assert_int_equal(worker_join(&worker), 0);
	assert_int_equal(try_unlock(lend.fd, lend.id), -ENOENT);
	lend_end(&lend);
}

static int hold_other_and_want(struct worker *worker)
{
	struct lend *lend = worker->arg;
	int ret;

	thread_without_signals();
	if (try_lock(lend->fd, lend->first.other, 0))
		return 1;
	reach(&lend->gate);
	ret = try_lock(lend->fd, lend->id, DRM_FUSION_FOREVER);
	return ret || try_unlock(lend->fd, lend->id) || try_unlock(lend->fd, lend->first.other);
}

/* A circle through a call: the server wants what waits for its caller's skirmish. */
static void deadlock(void **state)
{
	struct worker worker = {};
	struct lend lend;

	(void)state;
	lend_start(&lend);
	lend.first.other = object_new(lend.fd, DRM_FUSION_SKIRMISH, 0, NULL);
	worker.arg = &lend;
	assert_int_equal(try_lock(lend.fd, lend.id, 0), 0);
	worker_start(&worker, hold_other_and_want);
	wait_for(is_reached, &lend.gate, "the other lock");
	wait_waiters(lend.fd, DRM_FUSION_SKIRMISH, lend.id, 1);
	assert_int_equal(call_first(&lend, STEPS(WAIT_OTHER, END, 0, 0)), -EDEADLK);
	assert_int_equal(call_first(&lend, STEPS(LOCK, WAIT_OTHER, END, 0)), -EDEADLK);
	expect_own(&lend, 1);
	assert_int_equal(try_unlock(lend.fd, lend.id), 0);
	assert_int_equal(worker_join(&worker), 0);
	lend_end(&lend);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(one_call),
		FUSION_TEST(nested_calls),
		FUSION_TEST(timeout),
		FUSION_TEST(caller_dies),
		FUSION_TEST(server_dies),
		FUSION_TEST(destroyed),
		FUSION_TEST(deadlock),
	};

	/* its threads take no signals */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
