// SPDX-License-Identifier: GPL-2.0
/*
 * References of /dev/fusionN: counts of fusionees and a global one, watched and inherited.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

static struct inbox inbox;

static int count_of(int fd, int id)
{
	return try_id(fd, L_REF_STAT, id);
}

static void counts_up_and_down(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);

	(void)state;
	assert_int_equal(count_of(master, id), 0);
	assert_int_equal(try_id(master, L_REF_UP, id), 0);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	assert_int_equal(try_id(slave, L_REF_UP_GLOBAL, id), 0);
	assert_int_equal(count_of(slave, id), 3);
	assert_int_equal(try_id(master, L_REF_DOWN, id), 0);
	/* each has a count of its own, and the global one is everybody's */
	assert_int_equal(try_id(master, L_REF_DOWN, id), -EIO);
	assert_int_equal(try_id(master, L_REF_DOWN_GLOBAL, id), 0);
	assert_int_equal(try_id(master, L_REF_DOWN_GLOBAL, id), -EIO);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), -EIO);
	assert_int_equal(count_of(master, id), 0);
}

static void unknown_ones_are_invalid(void **state)
{
	static const unsigned long requests[] = {
		L_REF_UP, L_REF_UP_GLOBAL, L_REF_DOWN, L_REF_DOWN_GLOBAL, L_REF_ZERO_LOCK,
		L_REF_ZERO_TRYLOCK, L_REF_UNLOCK, L_REF_STAT, L_REF_DESTROY, L_REF_CATCH,
		L_REF_SET_SYNC,
	};
	struct l_watch watch = { .id = 9 };
	int fd = master_new(false);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(try_id(fd, requests[i], 9), -EINVAL);
	assert_int_equal(try_ioctl(fd, L_REF_WATCH, &watch), -EINVAL);
	assert_int_equal(try_pair(fd, L_REF_INHERIT, 9, 8), -EINVAL);
	assert_int_equal(try_pair(fd, L_REF_THROW, 9, 1), -EINVAL);
}

static void is_locked_at_zero(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);

	(void)state;
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	assert_int_equal(try_id(master, L_REF_ZERO_TRYLOCK, id), -ETOOMANYREFS);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(master, L_REF_ZERO_TRYLOCK, id), 0);
	assert_int_equal(try_id(slave, L_REF_UP, id), -EAGAIN);
	assert_int_equal(try_id(slave, L_REF_UP_GLOBAL, id), -EAGAIN);
	assert_int_equal(try_id(master, L_REF_ZERO_LOCK, id), -EIO);
	assert_int_equal(try_id(slave, L_REF_UNLOCK, id), -EIO);
	assert_int_equal(try_id(master, L_REF_UNLOCK, id), 0);
	assert_int_equal(try_id(master, L_REF_UNLOCK, id), -EIO);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
}

static void locking_waits_for_zero(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	job = job_start(master, L_REF_ZERO_LOCK, &id);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(try_id(slave, L_REF_UP, id), -EAGAIN);
}

static void destroying_wakes_who_waits(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	job = job_start_quietly(master, L_REF_ZERO_LOCK, &id);
	assert_int_equal(try_id(slave, L_REF_DESTROY, id), 0);
	assert_int_equal(job_end(job), -EIDRM);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), -EINVAL);
}

static void zero_is_announced(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);
	int call = call_new(master, 1, 2);
	struct l_watch watch = { .id = id, .call_id = call, .call_arg = 77 };
	struct l_call_message *m;
	struct job *job;

	(void)state;
	inbox.fd = master;
	assert_int_equal(try_ioctl(master, L_REF_WATCH, &watch), -EIO);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	/* only the thread that has made it */
	job = job_run(master, L_REF_WATCH, &watch);
	assert_int_equal(job_end(job), -EACCES);
	watch.call_id = 100;
	assert_int_equal(try_ioctl(master, L_REF_WATCH, &watch), -EINVAL);
	watch.call_id = call;
	assert_int_equal(try_ioctl(master, L_REF_WATCH, &watch), 0);
	assert_int_equal(try_ioctl(master, L_REF_WATCH, &watch), -EBUSY);
	expect_silence(&inbox);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	m = message_data(expect_message(&inbox, L_MSG_CALL));
	assert_int_equal(m->caller, 0);
	assert_int_equal(m->call_arg, 77);
	assert_int_equal(m->serial, 0);
}

/* with SET_SYNC who lets go waits until the watcher has done its work */
static void zero_may_be_announced_within_down(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);
	struct l_watch watch = { .id = id, .call_id = call_new(master, 1, 2), .call_arg = 5 };
	struct l_message *message;
	struct l_call_message *m;
	struct job *job;

	(void)state;
	inbox.fd = master;
	assert_int_equal(try_id(master, L_REF_SET_SYNC, id), 0);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	do_ioctl(master, L_REF_WATCH, &watch);
	/* the count is down, also if a signal ends the wait */
	job = job_start_quietly(slave, L_REF_DOWN, &id);
	message = expect_message(&inbox, L_MSG_CALL);
	m = message_data(message);
	assert_int_equal(m->caller, 0);
	assert_int_equal(m->call_arg, 5);
	assert_int_not_equal(m->serial, 0);
	assert_int_equal(try_return(master, message->id, m->serial, 0), 0);
	assert_int_equal(job_end(job), 0);
}

static int up_and_wait(int fd, void *arg)
{
	int *shared = arg;

	if (try_id(fd, L_REF_UP, shared[0]) || try_id(fd, L_REF_UP, shared[0]))
		return 1;
	return slave_sleep(fd, &shared[1]);
}

static void the_dead_let_go(void **state)
{
	int *shared = shared_new(4096), master = master_new(false);
	struct l_watch watch = { .call_id = call_new(master, 1, 2), .call_arg = 6 };
	struct l_call_message *m;
	pid_t pid;

	(void)state;
	inbox.fd = master;
	shared[0] = id_new(master, L_REF_NEW);
	watch.id = shared[0];
	pid = slave_fork(up_and_wait, shared);
	wait_flag(&shared[1], "a slave to count up");
	do_ioctl(master, L_REF_WATCH, &watch);
	assert_int_equal(count_of(master, shared[0]), 2);
	slave_kill(pid);
	m = message_data(expect_message(&inbox, L_MSG_CALL));
	assert_int_equal(m->call_arg, 6);
	assert_int_equal(count_of(master, shared[0]), 0);
	munmap(shared, 4096);
}

static void counts_are_inherited(void **state)
{
	int master = master_new(false), slave = slave_new();
	int own = id_new(master, L_REF_NEW), from = id_new(master, L_REF_NEW);

	(void)state;
	assert_int_equal(try_id(slave, L_REF_UP, from), 0);
	assert_int_equal(try_pair(master, L_REF_INHERIT, own, from), 0);
	assert_int_equal(try_pair(master, L_REF_INHERIT, own, from), -EBUSY);
	assert_int_equal(count_of(master, own), 1);
	assert_int_equal(try_id(slave, L_REF_UP, from), 0);
	assert_int_equal(count_of(master, own), 2);
	assert_int_equal(try_id(slave, L_REF_DOWN, from), 0);
	assert_int_equal(try_id(slave, L_REF_DOWN, from), 0);
	assert_int_equal(count_of(master, own), 0);
}

/* The catcher counts up, then the count of the thrower is dropped for it. */
static void is_thrown_and_caught(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REF_NEW);

	(void)state;
	assert_int_equal(try_pair(master, L_REF_THROW, id, 2), -EIO);
	assert_int_equal(try_id(slave, L_REF_CATCH, id), -EACCES);
	assert_int_equal(try_id(master, L_REF_UP, id), 0);
	assert_int_equal(try_pair(master, L_REF_THROW, id, 2), 0);
	assert_int_equal(try_pair(master, L_REF_THROW, id, 2), -EIO);
	assert_int_equal(try_id(slave, L_REF_UP, id), 0);
	assert_int_equal(count_of(master, id), 2);
	assert_int_equal(try_id(slave, L_REF_CATCH, id), 0);
	assert_int_equal(count_of(master, id), 1);
	assert_int_equal(try_id(slave, L_REF_CATCH, id), -EACCES);
	assert_int_equal(try_id(slave, L_REF_DOWN, id), 0);
	assert_int_equal(try_id(master, L_REF_DOWN, id), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(counts_up_and_down),
		LEGACY_TEST(unknown_ones_are_invalid),
		LEGACY_TEST(is_locked_at_zero),
		LEGACY_TEST(locking_waits_for_zero),
		LEGACY_TEST(destroying_wakes_who_waits),
		LEGACY_TEST(zero_is_announced),
		LEGACY_TEST(zero_may_be_announced_within_down),
		LEGACY_TEST(the_dead_let_go),
		LEGACY_TEST(counts_are_inherited),
		LEGACY_TEST(is_thrown_and_caught),
	};

	return cmocka_run_group_tests_name("legacy-ref", tests, NULL, check_signals);
}
