// SPDX-License-Identifier: GPL-2.0
/*
 * Where /dev/fusionN differs from the old driver by intent, other than by its defects: see
 * Documentation/fusion/legacy.rst.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

#define MANY	5000

static struct inbox inbox;

static void nobody_enters_twice(void **state)
{
	int master = master_new(false);

	(void)state;
	assert_int_equal(try_enter(master, 9, 0, false), -EBUSY);
	assert_int_equal(try_message(master, 1, 1, 0, "me", 3), 0);
}

static void who_reads_does_not_wait_for_itself(void **state)
{
	int fd = master_new(false);
	char buffer[256];

	(void)state;
	assert_int_equal(try_message(fd, 1, 1, 0, "me", 3), 0);
	assert_true(read(fd, buffer, sizeof(buffer)) > 0);
	/* now this thread is the one that reads */
	assert_int_equal(try_ioctl(fd, L_SYNC, NULL), -EDEADLK);
}

static void who_has_to_return_does_not_wait_for_it(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct l_exec args = { .call_id = call, .flags = L_RESUMABLE };
	struct job *job = job_start(slave, L_CALL_EXECUTE, &args);
	struct l_call_message *m;

	(void)state;
	inbox.fd = master;
	m = message_data(expect_message(&inbox, L_MSG_CALL));
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), -EDEADLK);
	assert_int_equal(try_return(master, call, m->serial, 1), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), 0);
}

static void chains_have_an_end(void **state)
{
	int fd = master_new(false), call = call_new(fd, 1, 2), i;
	struct l_exec3 *args = calloc(MANY, sizeof(*args));

	(void)state;
	assert_non_null(args);
	/* done already: nothing is called */
	for (i = 0; i < MANY; i++) {
		args[i].call_id = call;
		args[i].flags = L_ONEWAY | L_FOLLOW | L_DONE;
	}
	assert_int_equal(try_ioctl(fd, L_CALL_EXECUTE3, args), -E2BIG);
	free(args);
}

static void *lock_and_exit(void *arg)
{
	int *args = arg;

	args[2] = try_id(args[0], L_SKIRMISH_PREVAIL, args[1]);
	return NULL;
}

/* It was locked until the process ended. */
static void a_thread_that_exits_keeps_no_lock(void **state)
{
	int args[3] = { master_new(false) };
	pthread_t thread;

	(void)state;
	args[1] = id_new(args[0], L_SKIRMISH_NEW);
	assert_int_equal(pthread_create(&thread, NULL, lock_and_exit, args), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(args[2], 0);
	assert_int_equal(try_id(args[0], L_SKIRMISH_PREVAIL, args[1]), 0);
	assert_int_equal(try_id(args[0], L_SKIRMISH_DISMISS, args[1]), 0);
}

/* The child has the file, but not the place in the world. */
static int has_ended(int fd, void *arg)
{
	int *flags = arg;

	if (!fork()) {
		set_flag(&flags[0]);
		wait_flag(&flags[1], "the parent to be gone");
		flags[3] = try_message(fd, 1, 1, 0, "x", 2);
		set_flag(&flags[2]);
		_exit(0);
	}
	wait_flag(&flags[0], "the child");
	return 0;
}

static void a_fusionee_ends_with_its_process(void **state)
{
	int *flags = shared_new(4096), master = master_new(false);
	pid_t pid = slave_fork(has_ended, flags);

	(void)state;
	slave_wait(pid);
	inbox.fd = master;
	inbox.length = 0;
	inbox.at = 0;
	expect_message(&inbox, L_MSG_LEAVE);
	set_flag(&flags[1]);
	wait_flag(&flags[2], "the child's request");
	assert_int_equal(flags[3], -EIDRM);
	munmap(flags, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(nobody_enters_twice),
		LEGACY_TEST(who_reads_does_not_wait_for_itself),
		LEGACY_TEST(who_has_to_return_does_not_wait_for_it),
		LEGACY_TEST(chains_have_an_end),
		LEGACY_TEST(a_thread_that_exits_keeps_no_lock),
		LEGACY_TEST(a_fusionee_ends_with_its_process),
	};

	return cmocka_run_group_tests_name("legacy-differences", tests, NULL, check_signals);
}
