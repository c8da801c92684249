// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of /dev/fusionN.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

static struct inbox inbox;

static struct inbox *inbox_of(int fd)
{
	inbox.fd = fd;
	inbox.length = 0;
	inbox.at = 0;
	return &inbox;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* a signal that ends a request, for threads that do not restart it themselves */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
}

static void is_answered(void **state)
{
	int master = master_new(false), slave = slave_new(), value = 0;
	int call = call_new(master, 0x1111, 0x2222);
	struct server *server = server_start(master, NULL, NULL);

	(void)state;
	assert_int_equal(try_execute(slave, call, 41, 0, &value), 0);
	assert_int_equal(value, 42);
	/* to oneself, through the kernel */
	assert_int_equal(try_execute(master, call, 1, 0, &value), 0);
	assert_int_equal(value, 2);
	server_stop(server);
}

static void says_what_is_called(void **state)
{
	int master = master_new(false), slave = slave_new();
	int call = call_new(master, 0x1111222233334444, 0x5555666677778888);
	struct l_exec args = {
		.call_id = call, .call_arg = 7, .call_ptr = 0x99, .flags = L_RESUMABLE,
	};
	struct job *job = job_start(slave, L_CALL_EXECUTE, &args);
	struct l_message *message = expect_message(inbox_of(master), L_MSG_CALL);
	struct l_call_message *m = message_data(message);

	(void)state;
	assert_int_equal(message->id, call);
	assert_int_equal(message->channel, 0);
	assert_int_equal(message->size, 40);
	assert_int_equal(m->handler, 0x1111222233334444);
	assert_int_equal(m->ctx, 0x5555666677778888);
	assert_int_equal(m->caller, 2);
	assert_int_equal(m->call_arg, 7);
	assert_int_equal(m->call_ptr, 0x99);
	assert_int_not_equal(m->serial, 0);
	assert_int_equal(try_return(master, call, 0, 1), -EOPNOTSUPP);
	assert_int_equal(try_return(master, call, m->serial + 1, 1), -ENOMSG);
	assert_int_equal(try_return(master, call + 1, m->serial, 1), -EINVAL);
	assert_int_equal(try_return(master, call, m->serial, 123), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(args.ret_val, 123);
	assert_int_equal(try_return(master, call, m->serial, 123), -ENOMSG);
}

static void one_way_has_no_answer(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct l_call_message *m;

	(void)state;
	assert_int_equal(try_execute(slave, call, 5, L_ONEWAY, NULL), 0);
	m = message_data(expect_message(inbox_of(master), L_MSG_CALL));
	assert_int_equal(m->serial, 0);
	assert_int_equal(m->call_arg, 5);
	assert_int_equal(try_execute(slave, 100, 5, L_ONEWAY, NULL), -EINVAL);
}

static void data_may_be_appended(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct l_exec2 args = {
		.call_id = call, .call_arg = 9, .ptr = (uintptr_t)"with data", .length = 10,
		.flags = L_ONEWAY,
	};
	struct l_message *message;
	struct l_call_message *m;

	(void)state;
	do_ioctl(slave, L_CALL_EXECUTE2, &args);
	message = expect_message(inbox_of(master), L_MSG_CALL);
	assert_int_equal(message->size, 50);
	m = message_data(message);
	assert_int_equal(m->call_ptr, 0);
	assert_int_equal(m->call_arg, 9);
	assert_string_equal(m + 1, "with data");
	args.flags = 0;
	args.ptr = 8;
	assert_int_equal(try_ioctl(slave, L_CALL_EXECUTE2, &args), -EFAULT);
	args.length = L_PACKET;
	args.ptr = (uintptr_t)&inbox;
	assert_int_equal(try_ioctl(slave, L_CALL_EXECUTE2, &args), -E2BIG);
}

static void data_come_back(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 3, 4);
	char answer[64] = "", longer[65] = "";
	struct l_exec3 args = {
		.call_id = call, .call_arg = 9, .ptr = (uintptr_t)"question", .length = 9,
		.ret_ptr = (uintptr_t)answer, .ret_length = sizeof(answer),
		.flags = L_RESUMABLE,
	};
	struct job *job = job_start(slave, L_CALL_EXECUTE3, &args);
	struct l_message *message = expect_message(inbox_of(master), L_MSG_CALL3);
	struct l_call3_message *m = message_data(message);

	(void)state;
	assert_int_equal(message->id, call);
	assert_int_equal(message->size, 57);
	assert_int_equal(m->handler, 3);
	assert_int_equal(m->ctx, 4);
	assert_int_equal(m->caller, 2);
	assert_int_equal(m->call_arg, 9);
	assert_int_equal(m->call_ptr, 0);
	assert_int_equal(m->length, 9);
	assert_int_equal(m->ret_length, sizeof(answer));
	assert_string_equal(m + 1, "question");
	/* one byte more than there is room for */
	assert_int_equal(try_return3(master, call, m->serial, longer, sizeof(longer)), -E2BIG);
	assert_int_equal(try_return3(master, call, m->serial, "answer", 7), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(args.ret_length, 7);
	assert_int_equal(args.flags, L_RESUMABLE | L_DONE);
	assert_string_equal(answer, "answer");
}

static void answer_nothing(struct server *server, struct l_message *message)
{
	struct l_call3_message *m = message_data(message);

	if (message->type == L_MSG_CALL3 && m->serial)
		try_return3(server->inbox.fd, message->id, m->serial, NULL, 0);
}

static void no_data_are_an_error(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 3, 4);
	struct server *server = server_start(master, answer_nothing, NULL);
	char answer[8];
	struct l_exec3 args = {
		.call_id = call, .ptr = (uintptr_t)"x", .length = 1,
		.ret_ptr = (uintptr_t)answer, .ret_length = sizeof(answer),
		.flags = L_RESUMABLE,
	};

	(void)state;
	assert_int_equal(try_ioctl(slave, L_CALL_EXECUTE3, &args), -ENODATA);
	assert_int_equal(args.flags & L_ERROR, L_ERROR);
	server_stop(server);
}

/* Several in one request: each says what has become of it. */
static void calls_form_a_chain(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 3, 4), i;
	struct l_exec3 args[3];
	int data[3] = { 10, 20, 30 };

	(void)state;
	memset(args, 0, sizeof(args));
	for (i = 0; i < 3; i++)
		args[i] = (struct l_exec3){
			.call_id = call, .call_arg = i, .ptr = (uintptr_t)&data[i],
			.length = 4, .flags = L_ONEWAY | (i < 2 ? L_QUEUE | L_FOLLOW : 0),
		};
	do_ioctl(slave, L_CALL_EXECUTE3, args);
	assert_int_equal(args[0].flags, L_ONEWAY | L_QUEUE | L_FOLLOW | L_DONE);
	assert_int_equal(args[1].flags, L_ONEWAY | L_QUEUE | L_FOLLOW | L_DONE);
	assert_int_equal(args[2].flags, L_ONEWAY | L_DONE);
	inbox_of(master);
	for (i = 0; i < 3; i++) {
		struct l_call3_message *m = message_data(expect_message(&inbox, L_MSG_CALL3));

		assert_int_equal(m->call_arg, i);
		assert_int_equal(*(int *)(m + 1), data[i]);
	}
	/* what is done is not done again */
	args[2].flags &= ~L_DONE;
	do_ioctl(slave, L_CALL_EXECUTE3, args);
	assert_int_equal(((struct l_call3_message *)
			  message_data(expect_message(&inbox, L_MSG_CALL3)))->call_arg, 2);
	expect_silence(&inbox);
}

static void a_chain_ends_where_it_fails(void **state)
{
	int master = master_new(false), call = call_new(master, 3, 4);
	struct l_exec3 args[3] = {
		{ .call_id = call, .flags = L_ONEWAY | L_FOLLOW },
		{ .call_id = call + 1, .flags = L_ONEWAY | L_FOLLOW },
		{ .call_id = call, .flags = L_ONEWAY },
	};

	(void)state;
	assert_int_equal(try_ioctl(master, L_CALL_EXECUTE3, args), -EINVAL);
	assert_int_equal(args[0].flags & L_DONE, L_DONE);
	assert_int_equal(args[1].flags, L_ONEWAY | L_FOLLOW | L_ERROR);
	assert_int_equal(args[2].flags, L_ONEWAY);
}

static void has_an_owner(void **state)
{
	int master = master_new(false), slave = slave_new();
	struct l_owner args = { .call_id = call_new(slave, 1, 2) };

	(void)state;
	do_ioctl(master, L_CALL_GET_OWNER, &args);
	assert_int_equal(args.fusion_id, 2);
	args.call_id = 100;
	assert_int_equal(try_ioctl(master, L_CALL_GET_OWNER, &args), -EINVAL);
}

static void anybody_may_answer_in_an_insecure_world(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct l_exec args = { .call_id = call, .flags = L_RESUMABLE };
	struct job *job = job_start(slave, L_CALL_EXECUTE, &args);
	struct l_call_message *m = message_data(expect_message(inbox_of(master), L_MSG_CALL));

	(void)state;
	assert_int_equal(try_return(slave, call, m->serial, 5), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(args.ret_val, 5);
}

/**
 * struct interrupted - a call that a signal interrupts
 * @fd: entered
 * @args: of the call
 * @tid: of the thread that calls
 * @ended: the first time
 * @ret: what the first time gave
 * @go_on: it may call once more with the same structure
 * @again: what the second time gave
 * @thread: calls
 */
struct interrupted {
	int fd;
	struct l_exec args;
	pid_t tid;
	int ended, ret, go_on, again;
	pthread_t thread;
};

static void *execute_twice(void *arg)
{
	struct interrupted *i = arg;

	__atomic_store_n(&i->tid, gettid(), __ATOMIC_SEQ_CST);
	i->ret = ioctl(i->fd, L_CALL_EXECUTE, &i->args) ? -errno : 0;
	set_flag(&i->ended);
	wait_flag(&i->go_on, "the test");
	i->again = i->args.flags & L_RESUMABLE ? try_ioctl(i->fd, L_CALL_EXECUTE, &i->args) : 0;
	return NULL;
}

static void interrupt(struct interrupted *i)
{
	catch_signals();
	assert_int_equal(pthread_create(&i->thread, NULL, execute_twice, i), 0);
	wait_flag(&i->tid, "a thread to run");
	wait_in_request(i->tid, L_CALL_EXECUTE);
	assert_int_equal(pthread_kill(i->thread, SIGUSR1), 0);
	wait_flag(&i->ended, "the signal to end the call");
	assert_int_equal(i->ret, -EINTR);
}

static void let_go_on(struct interrupted *i)
{
	set_flag(&i->go_on);
	assert_int_equal(pthread_join(i->thread, NULL), 0);
}

static void goes_on_after_a_signal(void **state)
{
	int master = master_new(false), call = call_new(master, 1, 2);
	struct interrupted i = {
		.fd = slave_new(), .args = { .call_id = call, .flags = L_RESUMABLE },
	};
	struct l_call_message *m;

	(void)state;
	interrupt(&i);
	assert_int_not_equal(i.args.serial, 0);
	m = message_data(expect_message(inbox_of(master), L_MSG_CALL));
	assert_int_equal(m->serial, i.args.serial);
	set_flag(&i.go_on);
	wait_in_request(i.tid, L_CALL_EXECUTE);
	/* it is not called once more */
	expect_silence(&inbox);
	assert_int_equal(try_return(master, call, m->serial, 9), 0);
	let_go_on(&i);
	assert_int_equal(i.again, 0);
	assert_int_equal(i.args.ret_val, 9);
	/* it is over */
	assert_int_equal(try_ioctl(i.fd, L_CALL_EXECUTE, &i.args), -EIDRM);
}

static void answer_waits_for_who_was_interrupted(void **state)
{
	int master = master_new(false), call = call_new(master, 1, 2);
	struct interrupted i = {
		.fd = slave_new(), .args = { .call_id = call, .flags = L_RESUMABLE },
	};
	struct l_call_message *m;

	(void)state;
	interrupt(&i);
	m = message_data(expect_message(inbox_of(master), L_MSG_CALL));
	assert_int_equal(try_return(master, call, m->serial, 9), 0);
	let_go_on(&i);
	assert_int_equal(i.again, 0);
	assert_int_equal(i.args.ret_val, 9);
}

static void nobody_waits_after_a_signal_otherwise(void **state)
{
	int master = master_new(false), call = call_new(master, 1, 2);
	struct interrupted i = { .fd = slave_new(), .args = { .call_id = call } };
	struct l_call_message *m;

	(void)state;
	interrupt(&i);
	let_go_on(&i);
	m = message_data(expect_message(inbox_of(master), L_MSG_CALL));
	assert_int_equal(try_return(master, call, m->serial, 9), -EIDRM);
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), 0);
}

static void is_destroyed_once(void **state)
{
	int master = master_new(false), call = call_new(master, 1, 2);

	(void)state;
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), 0);
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), -EINVAL);
	assert_int_equal(try_execute(master, call, 1, L_ONEWAY, NULL), -EINVAL);
	/* numbers are not used again */
	assert_true(call_new(master, 1, 2) > call);
}

static void a_quota_makes_callers_wait(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2), i;
	struct l_quota quota = { .call_id = call, .fusion_id = 2, .limit = 5 };
	struct l_exec3 args = { .call_id = call, .call_arg = 6, .flags = L_ONEWAY };
	struct job *job;

	(void)state;
	do_ioctl(master, L_CALL_SET_QUOTA, &quota);
	for (i = 1; i <= 5; i++) {
		args.call_arg = i;
		args.flags = L_ONEWAY;
		do_ioctl(slave, L_CALL_EXECUTE3, &args);
	}
	args.call_arg = 6;
	args.flags = L_ONEWAY;
	job = job_start(slave, L_CALL_EXECUTE3, &args);
	/* taken is not yet processed, the second read() says it */
	inbox_of(master);
	for (i = 1; i <= 6; i++) {
		struct l_call3_message *m = message_data(expect_message(&inbox, L_MSG_CALL3));

		assert_int_equal(m->call_arg, i);
		if (i == 5) {
			assert_int_equal(try_message(master, 1, 1, 0, "wake", 5), 0);
			expect_message(&inbox, L_MSG_SEND);
		}
	}
	assert_int_equal(job_end(job), 0);
	quota.call_id = 100;
	assert_int_equal(try_ioctl(master, L_CALL_SET_QUOTA, &quota), -EINVAL);
}

/* Calls in calls, through two processes. */
static int call_chain(int fd, void *arg)
{
	int *calls = arg, value = -1;
	struct server *server = server_start(fd, NULL, NULL);

	calls[1] = call_new(fd, 1, 2);
	set_flag(&calls[2]);
	if (try_execute(fd, calls[0], 10, 0, &value) || value != 12)
		return 1;
	wait_flag(&calls[3], "the master");
	server_stop(server);
	return 0;
}

static int *chain_calls;

static void call_on(struct server *server, struct l_message *message)
{
	struct l_call_message *m = message_data(message);
	int value = -1;

	if (message->type != L_MSG_CALL)
		return;
	/* back into the process that has called */
	try_execute(server->inbox.fd, chain_calls[1], m->call_arg, 0, &value);
	try_return(server->inbox.fd, message->id, m->serial, value + 1);
}

static void calls_may_be_nested(void **state)
{
	int master = master_new(false);
	struct server *server;
	pid_t pid;

	(void)state;
	chain_calls = shared_new(4096);
	chain_calls[0] = call_new(master, 1, 2);
	pid = slave_fork(call_chain, chain_calls);
	wait_flag(&chain_calls[2], "the slave");
	server = server_start(master, call_on, NULL);
	set_flag(&chain_calls[3]);
	slave_wait(pid);
	server_stop(server);
	munmap(chain_calls, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(is_answered),
		LEGACY_TEST(says_what_is_called),
		LEGACY_TEST(one_way_has_no_answer),
		LEGACY_TEST(data_may_be_appended),
		LEGACY_TEST(data_come_back),
		LEGACY_TEST(no_data_are_an_error),
		LEGACY_TEST(calls_form_a_chain),
		LEGACY_TEST(a_chain_ends_where_it_fails),
		LEGACY_TEST(has_an_owner),
		LEGACY_TEST(anybody_may_answer_in_an_insecure_world),
		LEGACY_TEST(goes_on_after_a_signal),
		LEGACY_TEST(answer_waits_for_who_was_interrupted),
		LEGACY_TEST(nobody_waits_after_a_signal_otherwise),
		LEGACY_TEST(is_destroyed_once),
		LEGACY_TEST(a_quota_makes_callers_wait),
		LEGACY_TEST(calls_may_be_nested),
	};

	return cmocka_run_group_tests_name("legacy-call", tests, NULL, check_signals);
}
