// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes of /dev/fusionN that are lent to a dispatcher which does something else, and
 * what a child or a catcher gets.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "legacy.h"

static struct inbox first_inbox, second_inbox;

static struct inbox *inbox_at(struct inbox *inbox, int fd)
{
	inbox->fd = fd;
	inbox->length = 0;
	inbox->at = 0;
	return inbox;
}

static int lock_count(int fd, int id)
{
	int args[2] = { id, -1 };

	do_ioctl(fd, L_SKIRMISH_LOCK_COUNT, args);
	return args[1];
}

static int elsewhere(int fd, unsigned long request, int id)
{
	return job_end(job_run(fd, request, &id));
}

enum { NOTHING, USE, USE_WHEN_TOLD, CALL };

/* what a dispatcher does for each argument of a call */
struct work {
	int skirmish;
	int busy;	/* set when USE_WHEN_TOLD has begun */
	int go;		/* set for USE_WHEN_TOLD to go on */
	int next;	/* call to be made by CALL */
	int failed;
};

static void work(struct server *server, struct l_message *message)
{
	struct l_call_message *m = message_data(message);
	struct work *w = server->arg;
	int fd = server->inbox.fd, value = 0;

	if (message->type != L_MSG_CALL)
		return;
	if (m->call_arg == USE_WHEN_TOLD) {
		set_flag(&w->busy);
		wait_flag(&w->go, "the caller to wait");
	}
	if (m->call_arg == USE || m->call_arg == USE_WHEN_TOLD)
		if (try_id(fd, L_SKIRMISH_PREVAIL, w->skirmish) ||
		    try_id(fd, L_SKIRMISH_DISMISS, w->skirmish))
			set_flag(&w->failed);
	if (m->call_arg == CALL && try_execute(fd, w->next, NOTHING, L_RESUMABLE, &value))
		set_flag(&w->failed);
	try_return(fd, message->id, m->serial, 0);
}

/* It waits for what the caller has, and only then the caller calls. */
static void a_dispatcher_that_waits_gets_it(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct work w = { .skirmish = id_new(master, L_SKIRMISH_NEW) };
	struct l_exec use = { .call_id = call, .call_arg = USE, .flags = L_RESUMABLE };
	struct server *server = server_start(master, work, &w);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, w.skirmish), 0);
	job = job_start(slave, L_CALL_EXECUTE, &use);
	wait_in_request(server->tid, L_SKIRMISH_PREVAIL);
	assert_int_equal(try_execute(slave, call, NOTHING, L_RESUMABLE, NULL), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(w.failed, 0);
	assert_int_equal(lock_count(slave, w.skirmish), 1);
	assert_int_equal(elsewhere(slave, L_SKIRMISH_SWOOP, w.skirmish), -EAGAIN);
	server_stop(server);
}

/* a thread that has the skirmish and calls */
struct caller {
	int fd, call, skirmish, ret;
	pid_t tid;
};

static void *have_and_call(void *arg)
{
	struct caller *c = arg;

	c->ret = try_id(c->fd, L_SKIRMISH_PREVAIL, c->skirmish);
	__atomic_store_n(&c->tid, gettid(), __ATOMIC_SEQ_CST);
	if (!c->ret)
		c->ret = try_execute(c->fd, c->call, NOTHING, L_RESUMABLE, NULL);
	if (!c->ret && lock_count(c->fd, c->skirmish) != 1)
		c->ret = 1;
	if (!c->ret)
		c->ret = try_id(c->fd, L_SKIRMISH_DISMISS, c->skirmish);
	return NULL;
}

/* It wants what the caller has before it has taken the call. */
static void a_dispatcher_that_is_busy_gets_it(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct work w = { .skirmish = id_new(master, L_SKIRMISH_NEW) };
	struct l_exec use = { .call_id = call, .call_arg = USE_WHEN_TOLD, .flags = L_RESUMABLE };
	struct caller c = { .fd = slave, .call = call, .skirmish = w.skirmish };
	struct server *server = server_start(master, work, &w);
	pthread_t thread;
	struct job *job;

	(void)state;
	job = job_start(slave, L_CALL_EXECUTE, &use);
	wait_flag(&w.busy, "the dispatcher to be busy");
	assert_int_equal(pthread_create(&thread, NULL, have_and_call, &c), 0);
	wait_flag(&c.tid, "a thread to have it");
	wait_in_request(c.tid, L_CALL_EXECUTE);
	set_flag(&w.go);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.ret, 0);
	assert_int_equal(w.failed, 0);
	server_stop(server);
}

/* The one who waits is called by the one whom the caller calls. */
static void the_last_of_a_chain_gets_it(void **state)
{
	int master = master_new(false), slave = slave_new(), other = slave_new();
	struct work last = { .skirmish = id_new(master, L_SKIRMISH_NEW) };
	struct work first = { .next = call_new(other, 1, 2) };
	struct l_exec use = { .call_id = first.next, .call_arg = USE, .flags = L_RESUMABLE };
	struct server *servers[2] = {
		server_start(master, work, &first), server_start(other, work, &last),
	};
	int call = call_new(master, 1, 2);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, last.skirmish), 0);
	job = job_start(slave, L_CALL_EXECUTE, &use);
	wait_in_request(servers[1]->tid, L_SKIRMISH_PREVAIL);
	assert_int_equal(try_execute(slave, call, CALL, L_RESUMABLE, NULL), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(first.failed, 0);
	assert_int_equal(last.failed, 0);
	assert_int_equal(lock_count(slave, last.skirmish), 1);
	server_stop(servers[0]);
	server_stop(servers[1]);
}

/* A thread that waits for a notification, and is interrupted. */
struct sleeper {
	int fd, ret, interrupted, go;
	pid_t tid;
	struct l_wait args;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void *wait_in_pieces(void *arg)
{
	struct sleeper *s = arg;

	try_id(s->fd, L_SKIRMISH_PREVAIL, s->args.id);
	__atomic_store_n(&s->tid, gettid(), __ATOMIC_SEQ_CST);
	s->ret = ioctl(s->fd, L_SKIRMISH_WAIT, &s->args) ? -errno : 0;
	set_flag(&s->interrupted);
	if (s->ret != -EINTR)
		return NULL;
	wait_flag(&s->go, "the notification");
	s->ret = try_ioctl(s->fd, L_SKIRMISH_WAIT, &s->args);
	if (!s->ret && lock_count(s->fd, s->args.id) != 1)
		s->ret = 1;
	return NULL;
}

/* It does not have the skirmish until it goes on, and hears of what has come meanwhile. */
static void a_wait_that_is_interrupted_lets_others_in(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct sleeper s = { .fd = master_new(false), .args = { .timeout = 50000000 } };
	pthread_t thread;

	(void)state;
	s.args.id = id_new(s.fd, L_SKIRMISH_NEW);
	sigaction(SIGUSR1, &sa, NULL);
	assert_int_equal(pthread_create(&thread, NULL, wait_in_pieces, &s), 0);
	wait_flag(&s.tid, "a thread to have it");
	wait_in_request(s.tid, L_SKIRMISH_WAIT);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	wait_flag(&s.interrupted, "the signal");
	assert_int_equal(s.args.lock_count, 1);
	assert_true(s.args.timeout > 0 && s.args.timeout <= 50000000);
	assert_int_equal(try_id(s.fd, L_SKIRMISH_SWOOP, s.args.id), 0);
	assert_int_equal(try_id(s.fd, L_SKIRMISH_NOTIFY, s.args.id), 0);
	assert_int_equal(try_id(s.fd, L_SKIRMISH_DISMISS, s.args.id), 0);
	set_flag(&s.go);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.ret, 0);
}

/* A child is attached where, and as often as, its parent is. */
static void a_child_is_attached_as_its_parent(void **state)
{
	int master = master_new(false), parent = slave_new(), child;
	int reactor = id_new(master, L_REACTOR_NEW);
	struct l_pool_new pool = { .max_size = 4096 };
	struct l_pool_attach attach = { 0 };
	struct l_dispatch dispatch = {
		.reactor_id = reactor, .channel = 3, .size = 5, .data = (uintptr_t)"news",
	};
	uint64_t fusionee = 2;

	(void)state;
	do_ioctl(master, L_SHMPOOL_NEW, &pool);
	attach.pool_id = pool.pool_id;
	do_ioctl(parent, L_SHMPOOL_ATTACH, &attach);
	do_ioctl(parent, L_SHMPOOL_ATTACH, &attach);
	assert_int_equal(try_pair(parent, L_REACTOR_ATTACH, reactor, 3), 0);
	assert_int_equal(try_pair(parent, L_REACTOR_ATTACH, reactor, 3), 0);
	child = slave_new();
	do_ioctl(child, L_FORK, &fusionee);
	assert_int_equal(fusionee, 3);

	do_ioctl(master, L_REACTOR_DISPATCH, &dispatch);
	inbox_at(&first_inbox, parent);
	inbox_at(&second_inbox, child);
	assert_string_equal(message_data(expect_message(&first_inbox, L_MSG_REACTOR)), "news");
	assert_string_equal(message_data(expect_message(&second_inbox, L_MSG_REACTOR)), "news");
	assert_int_equal(try_pair(child, L_REACTOR_DETACH, reactor, 3), 0);
	assert_int_equal(try_pair(child, L_REACTOR_DETACH, reactor, 3), 0);
	assert_int_equal(try_pair(child, L_REACTOR_DETACH, reactor, 3), -EIO);
	assert_int_equal(try_id(child, L_SHMPOOL_DETACH, pool.pool_id), 0);
	assert_int_equal(try_id(child, L_SHMPOOL_DETACH, pool.pool_id), 0);
	assert_int_equal(try_id(child, L_SHMPOOL_DETACH, pool.pool_id), -EIO);
	assert_int_equal(try_id(parent, L_SHMPOOL_DETACH, pool.pool_id), 0);
}

/* What was thrown is the catcher's: it goes with him, and not with the thrower. */
static void a_thrown_count_outlives_the_thrower(void **state)
{
	int master = master_new(false), thrower = slave_new(), catcher = slave_new();
	int id = id_new(master, L_REF_NEW);

	(void)state;
	assert_int_equal(try_id(thrower, L_REF_UP, id), 0);
	assert_int_equal(try_pair(thrower, L_REF_THROW, id, 3), 0);
	assert_int_equal(try_id(thrower, L_REF_DOWN, id), -EIO);
	close(thrower);
	expect_message(inbox_at(&first_inbox, master), L_MSG_LEAVE);
	assert_int_equal(try_id(master, L_REF_STAT, id), 1);
	assert_int_equal(try_id(catcher, L_REF_UP, id), 0);
	assert_int_equal(try_id(catcher, L_REF_CATCH, id), 0);
	assert_int_equal(try_id(master, L_REF_STAT, id), 1);
	assert_int_equal(try_pair(catcher, L_REF_THROW, id, 9), -EINVAL);
	assert_int_equal(try_pair(catcher, L_REF_THROW, id, 1), 0);
	assert_int_equal(try_id(master, L_REF_STAT, id), 1);
	close(catcher);
	expect_message(&first_inbox, L_MSG_LEAVE);
	assert_int_equal(try_id(master, L_REF_STAT, id), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(a_dispatcher_that_waits_gets_it),
		LEGACY_TEST(a_dispatcher_that_is_busy_gets_it),
		LEGACY_TEST(the_last_of_a_chain_gets_it),
		LEGACY_TEST(a_wait_that_is_interrupted_lets_others_in),
		LEGACY_TEST(a_child_is_attached_as_its_parent),
		LEGACY_TEST(a_thrown_count_outlives_the_thrower),
	};

	return cmocka_run_group_tests_name("legacy-lend", tests, NULL, check_signals);
}
