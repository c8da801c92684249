// SPDX-License-Identifier: GPL-2.0
/*
 * What crashed, hung or leaked with the driver that /dev/fusionN is compatible with, and has
 * a defined result here.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "legacy.h"

#define BIT(request)	(1U << ((request) & 0xff))
#define DEPTH		6

static struct inbox inbox;

static struct inbox *inbox_of(int fd)
{
	inbox.fd = fd;
	inbox.length = 0;
	inbox.at = 0;
	return &inbox;
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

/* The child had no count of its own, although the total was raised for it: a crash at its end. */
static void fork_takes_local_references(void **state)
{
	int master = master_new(false), parent = slave_new(), child;
	int id = id_new(master, L_REF_NEW);
	uint64_t fusionee = 2;

	(void)state;
	assert_int_equal(try_id(parent, L_REF_UP, id), 0);
	assert_int_equal(try_id(parent, L_REF_UP, id), 0);
	child = slave_new();
	assert_int_equal(try_ioctl(child, L_FORK, &fusionee), 0);
	assert_int_equal(try_id(master, L_REF_STAT, id), 4);
	assert_int_equal(try_id(child, L_REF_DOWN, id), 0);
	close(child);
	expect_message(inbox_of(master), L_MSG_LEAVE);
	assert_int_equal(try_id(master, L_REF_STAT, id), 2);
	assert_int_equal(try_id(parent, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(parent, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(parent, L_REF_DOWN, id), -EIO);
}

/* The handler returns while it still has what the caller has lent to it: a crash. */
static void keep_lent(struct server *server, struct l_message *message)
{
	struct l_call_message *m = message_data(message);

	if (message->type != L_MSG_CALL)
		return;
	try_id(server->inbox.fd, L_SKIRMISH_PREVAIL, *(int *)server->arg);
	try_return(server->inbox.fd, message->id, m->serial, 1);
}

static void what_is_lent_comes_back(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	int id = id_new(master, L_SKIRMISH_NEW), value = 0;
	struct server *server = server_start(master, keep_lent, &id);

	(void)state;
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_execute(slave, call, 1, 0, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(lock_count(slave, id), 1);
	assert_int_equal(try_id(slave, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(elsewhere(master, L_SKIRMISH_SWOOP, id), 0);
	server_stop(server);
}

/* what processes that will die share */
struct victims {
	int skirmish, call, ready, taken;
	pid_t pid;
};

/* takes the skirmish and calls the master, which does not answer */
static int lend_and_call(int fd, void *arg)
{
	struct victims *v = arg;

	try_id(fd, L_SKIRMISH_PREVAIL, v->skirmish);
	set_flag(&v->ready);
	try_execute(fd, v->call, 1, 0, NULL);
	return 0;
}

/* serves, takes what is lent to it, and never answers */
static int take_lent(int fd, void *arg)
{
	struct victims *v = arg;

	inbox_of(fd);
	__atomic_store_n(&v->call, call_new(fd, 1, 2), __ATOMIC_SEQ_CST);
	set_flag(&v->ready);
	while (next_message(&inbox)->type != L_MSG_CALL)
		;
	try_id(fd, L_SKIRMISH_PREVAIL, v->skirmish);
	return slave_sleep(fd, &v->taken);
}

static void a_caller_dies_while_it_lends(void **state)
{
	struct victims *v = shared_new(4096);
	int master = master_new(false);
	struct l_message *message;
	struct l_call_message *m;
	pid_t pid;

	(void)state;
	v->skirmish = id_new(master, L_SKIRMISH_NEW);
	v->call = call_new(master, 1, 2);
	pid = slave_fork(lend_and_call, v);
	message = expect_message(inbox_of(master), L_MSG_CALL);
	m = message_data(message);
	assert_int_equal(try_id(master, L_SKIRMISH_PREVAIL, v->skirmish), 0);
	slave_kill(pid);
	/* whoever it is returned to is not there */
	assert_true(try_return(master, message->id, m->serial, 0) < 0);
	try_id(master, L_SKIRMISH_DISMISS, v->skirmish);
	assert_int_equal(elsewhere(master, L_SKIRMISH_PREVAIL, v->skirmish), 0);
	assert_int_equal(try_id(master, L_CALL_DESTROY, v->call), 0);
	munmap(v, 4096);
}

/* kills a process when it has what was lent to it */
static void *kill_when_taken(void *arg)
{
	struct victims *v = arg;

	wait_flag(&v->taken, "the handler to have it");
	kill(v->pid, SIGKILL);
	return NULL;
}

/* The caller slept for ever, and what it had lent stayed locked. */
static void a_callee_dies_with_what_is_lent(void **state)
{
	struct victims *v = shared_new(4096);
	struct l_exec args = { .flags = L_RESUMABLE };
	int master = master_new(false), ret;
	pthread_t killer;

	(void)state;
	v->skirmish = id_new(master, L_SKIRMISH_NEW);
	v->pid = slave_fork(take_lent, v);
	wait_flag(&v->ready, "a slave to serve");
	args.call_id = v->call;
	assert_int_equal(try_id(master, L_SKIRMISH_PREVAIL, v->skirmish), 0);
	assert_int_equal(pthread_create(&killer, NULL, kill_when_taken, v), 0);
	ret = try_ioctl(master, L_CALL_EXECUTE, &args);
	/* when a signal has come in between, the call is not there any more */
	assert_true(ret == -EIDRM || ret == -EINVAL);
	assert_int_equal(pthread_join(killer, NULL), 0);
	slave_killed(v->pid, SIGKILL);
	assert_int_equal(lock_count(master, v->skirmish), 1);
	assert_int_equal(try_id(master, L_SKIRMISH_DISMISS, v->skirmish), 0);
	assert_int_equal(elsewhere(master, L_SKIRMISH_SWOOP, v->skirmish), 0);
	munmap(v, 4096);
}

/* Calls under one skirmish, from one process to the next: the third one stood still. */
struct chain {
	int skirmish;
	int calls[DEPTH + 1];
	int failed;
	int end;
};

struct link {
	struct chain *chain;
	int at;
};

static void pass_on(struct server *server, struct l_message *message)
{
	struct l_call_message *m = message_data(message);
	struct link *link = server->arg;
	int fd = server->inbox.fd, value = 0;

	if (message->type != L_MSG_CALL)
		return;
	if (try_id(fd, L_SKIRMISH_PREVAIL, link->chain->skirmish) ||
	    (link->at < DEPTH && try_execute(fd, link->chain->calls[link->at + 1], 0, 0, &value)) ||
	    try_id(fd, L_SKIRMISH_DISMISS, link->chain->skirmish))
		set_flag(&link->chain->failed);
	try_return(fd, message->id, m->serial, value + 1);
}

static int run_link(int fd, void *arg)
{
	struct link *link = arg;
	struct server *server;

	server = server_start(fd, pass_on, link);
	__atomic_store_n(&link->chain->calls[link->at], call_new(fd, 1, 2), __ATOMIC_SEQ_CST);
	wait_flag(&link->chain->end, "the end");
	server_stop(server);
	return 0;
}

static void lending_has_no_depth(void **state)
{
	struct chain *chain = shared_new(4096);
	int master = master_new(false), i, value = 0;
	pid_t pids[DEPTH + 1];

	(void)state;
	chain->skirmish = id_new(master, L_SKIRMISH_NEW);
	for (i = 1; i <= DEPTH; i++) {
		struct link link = { chain, i };

		pids[i] = slave_fork(run_link, &link);
		wait_flag(&chain->calls[i], "a slave to serve");
	}
	assert_int_equal(try_id(master, L_SKIRMISH_PREVAIL, chain->skirmish), 0);
	assert_int_equal(try_execute(master, chain->calls[1], 0, 0, &value), 0);
	assert_int_equal(value, DEPTH);
	assert_int_equal(chain->failed, 0);
	assert_int_equal(lock_count(master, chain->skirmish), 1);
	set_flag(&chain->end);
	for (i = 1; i <= DEPTH; i++)
		slave_wait(pids[i]);
	munmap(chain, 4096);
}

/* Fewer than four calls: a division by zero. */
static void small_quotas_make_callers_wait(void **state)
{
	int master = master_new(false), slave = slave_new(), limit, i;

	(void)state;
	for (limit = 1; limit <= 3; limit++) {
		struct l_quota quota = {
			.call_id = call_new(master, 1, 2), .fusion_id = 2, .limit = limit,
		};
		struct l_exec args = { .call_id = quota.call_id, .flags = L_ONEWAY };
		struct job *job;

		do_ioctl(master, L_CALL_SET_QUOTA, &quota);
		for (i = 0; i < limit; i++)
			assert_int_equal(try_execute(slave, args.call_id, i, L_ONEWAY, NULL), 0);
		job = job_start(slave, L_CALL_EXECUTE, &args);
		inbox_of(master);
		for (i = 0; i < limit; i++)
			expect_message(&inbox, L_MSG_CALL);
		/* the next read() says that these are processed */
		assert_int_equal(try_message(master, 1, 1, 0, "next", 5), 0);
		expect_message(&inbox, L_MSG_SEND);
		assert_int_equal(job_end(job), 0);
		expect_message(&inbox, L_MSG_CALL);
	}
}

/* Calls went before the references that wanted to call. */
static void a_world_ends_with_watched_references(void **state)
{
	int master = master_new(false), own = id_new(master, L_REF_NEW);
	int from = id_new(master, L_REF_NEW);
	struct l_watch watch = { .id = own, .call_id = call_new(master, 1, 2) };

	(void)state;
	assert_int_equal(try_id(master, L_REF_UP, from), 0);
	assert_int_equal(try_id(master, L_REF_UP, own), 0);
	assert_int_equal(try_pair(master, L_REF_INHERIT, own, from), 0);
	do_ioctl(master, L_REF_WATCH, &watch);
	watch.id = from;
	do_ioctl(master, L_REF_WATCH, &watch);
	close(master);
	master = master_new(false);
	assert_int_equal(try_id(master, L_REF_STAT, own), -EINVAL);
}

/* Memory of the caller was read without a check. */
static void what_follows_may_not_be_there(void **state)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct l_exec3 *last = (struct l_exec3 *)(pages + 4096) - 1;
	int master = master_new(false), call = call_new(master, 1, 2);
	int reactor = id_new(master, L_REACTOR_NEW);
	struct l_callback callback = { .reactor_id = reactor, .call_id = call, .call_ptr = 3 };
	struct l_dispatch dispatch = { .reactor_id = reactor, .self = 1, .size = 4 };
	struct l_call_message *m;

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	last->call_id = call;
	last->flags = L_ONEWAY | L_FOLLOW;
	assert_int_equal(try_ioctl(master, L_CALL_EXECUTE3, last), -EFAULT);
	/* the first one was there, and was done */
	assert_int_equal(last->flags, L_ONEWAY | L_FOLLOW | L_DONE);
	expect_message(inbox_of(master), L_MSG_CALL3);

	do_ioctl(master, L_REACTOR_SET_DISPATCH_CALLBACK, &callback);
	assert_int_equal(try_pair(master, L_REACTOR_ATTACH, reactor, 0), 0);
	dispatch.data = (uintptr_t)pages + 4092;
	assert_int_equal(try_ioctl(master, L_REACTOR_DISPATCH, &dispatch), 0);
	expect_message(&inbox, L_MSG_REACTOR);
	assert_int_equal(try_message(master, 1, 1, 0, "next", 5), 0);
	/* fewer bytes than a pointer has are none */
	do {
		m = message_data(next_message(&inbox));
	} while (((struct l_message *)m - 1)->type != L_MSG_CALL);
	assert_int_equal(m->call_ptr, 3);
	dispatch.size = 8;
	assert_int_equal(try_ioctl(master, L_REACTOR_DISPATCH, &dispatch), -EFAULT);
	munmap(pages, 8192);
}

/* A number in memory that another thread changes: checked for one entry, used for another. */
struct race {
	int number, allowed, forbidden, end;
};

static void *change_number(void *arg)
{
	struct race *r = arg;

	while (!__atomic_load_n(&r->end, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&r->number, r->forbidden, __ATOMIC_SEQ_CST);
		__atomic_store_n(&r->number, r->allowed, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void permissions_cannot_be_raced(void **state)
{
	int master = master_new(true), slave = slave_new(), i, done = 0;
	struct race r = { 0 };
	pthread_t thread;

	(void)state;
	r.allowed = id_new(master, L_REF_NEW);
	r.forbidden = id_new(master, L_REF_NEW);
	r.number = r.allowed;
	assert_int_equal(try_permit(master, L_TYPE_REF, r.allowed, 0, BIT(L_REF_UP)), 0);
	assert_int_equal(pthread_create(&thread, NULL, change_number, &r), 0);
	for (i = 0; i < 20000; i++) {
		int ret = try_ioctl(slave, L_REF_UP, &r.number);

		assert_true(!ret || ret == -EPERM);
		done += !ret;
	}
	set_flag(&r.end);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(try_id(master, L_REF_STAT, r.forbidden), 0);
	assert_int_equal(try_id(master, L_REF_STAT, r.allowed), done);
}

/* It became the last real-time signal. */
static void signal_zero_kills_nobody(void **state)
{
	struct l_kill args = { .fusion_id = 2, .signal = 0, .timeout_ms = -1 };
	int *flag = shared_new(4096), master = master_new(false), status, ret;
	pid_t pid = slave_fork(slave_sleep, flag);

	(void)state;
	wait_flag(flag, "a slave");
	ret = try_ioctl(master, L_KILL, &args);
	assert_true(!ret || ret == -EINVAL);
	args.signal = 65;
	assert_int_equal(try_ioctl(master, L_KILL, &args), -EINVAL);
	args.signal = -1;
	assert_int_equal(try_ioctl(master, L_KILL, &args), -EINVAL);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	slave_kill(pid);
	munmap(flag, 4096);
}

/* Destroying a call waited for an execution that nobody would ever take up again. */
static void a_dead_caller_holds_nothing_up(void **state)
{
	struct victims *v = shared_new(4096);
	int master = master_new(false);
	struct l_message *message;
	struct l_call_message *m;
	pid_t pid;

	(void)state;
	v->skirmish = id_new(master, L_SKIRMISH_NEW);
	v->call = call_new(master, 1, 2);
	pid = slave_fork(lend_and_call, v);
	message = expect_message(inbox_of(master), L_MSG_CALL);
	m = message_data(message);
	slave_kill(pid);
	expect_message(&inbox, L_MSG_LEAVE);
	assert_true(try_return(master, message->id, m->serial, 0) < 0);
	assert_int_equal(try_id(master, L_CALL_DESTROY, v->call), 0);
	munmap(v, 4096);
}

/* Everything worked for who had not entered. */
static void nothing_works_before_entering(void **state)
{
	static const unsigned long requests[] = {
		L_UNBLOCK, L_KILL, L_SET_INFO, L_GET_INFO, L_FORK, L_SYNC, L_ADD_PERMISSIONS,
		L_GET_FUSIONEE_INFO, L_SEND_MESSAGE, L_CALL_NEW, L_REF_NEW,
		L_SKIRMISH_NEW, L_PROPERTY_NEW, L_REACTOR_NEW, L_SHMPOOL_NEW, L_PROPERTY_HOLDUP,
		L_SKIRMISH_DESTROY,
	};
	char arg[8192] = { 0 };
	int master = master_new(false), stranger = legacy_open(0, O_RDWR);
	unsigned int i;

	(void)state;
	id_new(master, L_SKIRMISH_NEW);
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(try_ioctl(stranger, requests[i], arg), -EPERM);
	assert_int_equal(read(stranger, arg, sizeof(arg)), -1);
	assert_int_equal(errno, EPERM);
}

/* Only slaves had to wait. */
static int read_when_told(int fd, void *arg)
{
	int *flags = arg;

	set_flag(&flags[0]);
	wait_flag(&flags[1], "the master");
	inbox_of(fd);
	while (next_message(&inbox)->id != -1)
		;
	return 0;
}

static void *flood(void *arg)
{
	static char data[16000];
	int *args = arg, i;

	__atomic_store_n(&args[1], gettid(), __ATOMIC_SEQ_CST);
	for (i = 0; i < 2000; i++)
		if (try_message(args[0], 2, i, 0, data, sizeof(data)))
			return (void *)1;
	return NULL;
}

static void the_master_has_to_wait_as_well(void **state)
{
	int *flags = shared_new(4096), args[2] = { master_new(false) };
	pid_t pid = slave_fork(read_when_told, flags);
	pthread_t thread;
	void *failed;

	(void)state;
	wait_flag(&flags[0], "a slave");
	assert_int_equal(pthread_create(&thread, NULL, flood, args), 0);
	wait_flag(&args[1], "a thread to run");
	wait_in_request(args[1], L_SEND_MESSAGE);
	set_flag(&flags[1]);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	assert_int_equal(try_message(args[0], 2, -1, 0, "end", 4), 0);
	slave_wait(pid);
	munmap(flags, 4096);
}

/* The count of a channel went to -1, which was as good as attached. */
static void a_channel_is_not_detached_too_often(void **state)
{
	int master = master_new(false), id = id_new(master, L_REACTOR_NEW);
	struct l_dispatch args = {
		.reactor_id = id, .channel = 2, .self = 1, .size = 2, .data = (uintptr_t)"x",
	};

	(void)state;
	assert_int_equal(try_pair(master, L_REACTOR_ATTACH, id, 1), 0);
	assert_int_equal(try_pair(master, L_REACTOR_DETACH, id, 2), -EIO);
	do_ioctl(master, L_REACTOR_DISPATCH, &args);
	expect_silence(inbox_of(master));
	assert_int_equal(try_pair(master, L_REACTOR_DETACH, id, 1), 0);
}

static int look_around(int fd, void *arg)
{
	static struct l_fusionee_info info;

	(void)arg;
	info.fusion_id = 1;
	if (try_ioctl(fd, L_GET_FUSIONEE_INFO, &info))
		return 1;
	/* the master is not in this namespace */
	return info.pid ? 2 : 0;
}

static void processes_are_those_of_the_namespace(void **state)
{
	int master = master_new(false), status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(98);
		/* the child is process 1 of the new namespace */
		pid = fork();
		if (!pid) {
			int fd;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			closefrom(FIRST_TEST_FD);
			fd = try_legacy_open(0, O_RDWR);
			if (fd < 0 || try_enter(fd, 9, 0, false) < 2)
				_exit(97);
			_exit(look_around(fd, NULL));
		}
		if (waitpid(pid, &status, 0) != pid)
			_exit(96);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 95);
	}
	slave_wait(pid);
	close(master);
}

static void listings_are_for_root(void **state)
{
	int master = master_new(false);

	(void)state;
	assert_int_equal(access("/proc/fusion", F_OK), -1);
	id_new(master, L_SKIRMISH_NEW);
	listing_line(0, "skirmishs", "0x00000001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(fork_takes_local_references),
		LEGACY_TEST(what_is_lent_comes_back),
		LEGACY_TEST(a_caller_dies_while_it_lends),
		LEGACY_TEST(a_callee_dies_with_what_is_lent),
		LEGACY_TEST(lending_has_no_depth),
		LEGACY_TEST(small_quotas_make_callers_wait),
		LEGACY_TEST(a_world_ends_with_watched_references),
		LEGACY_TEST(what_follows_may_not_be_there),
		LEGACY_TEST(permissions_cannot_be_raced),
		LEGACY_TEST(signal_zero_kills_nobody),
		LEGACY_TEST(a_dead_caller_holds_nothing_up),
		LEGACY_TEST(nothing_works_before_entering),
		LEGACY_TEST(the_master_has_to_wait_as_well),
		LEGACY_TEST(a_channel_is_not_detached_too_often),
		LEGACY_TEST(processes_are_those_of_the_namespace),
		LEGACY_TEST(listings_are_for_root),
	};

	return cmocka_run_group_tests_name("legacy-defects", tests, NULL, check_signals);
}
