// SPDX-License-Identifier: GPL-2.0
/*
 * Properties of /dev/fusionN: leases and purchases.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "legacy.h"

static int elsewhere(int fd, unsigned long request, int id)
{
	return job_end(job_run(fd, request, &id));
}

static void belongs_to_a_thread_recursively(void **state)
{
	static const unsigned long kinds[] = { L_PROPERTY_LEASE, L_PROPERTY_PURCHASE };
	int fd = master_new(false), id = id_new(fd, L_PROPERTY_NEW);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(try_id(fd, kinds[i], id), 0);
		assert_int_equal(try_id(fd, kinds[i], id), 0);
		/* both by one owner is an error */
		assert_int_equal(try_id(fd, kinds[!i], id), -EIO);
		assert_int_equal(elsewhere(fd, L_PROPERTY_CEDE, id), -EIO);
		assert_int_equal(try_id(fd, L_PROPERTY_CEDE, id), 0);
		assert_int_equal(try_id(fd, L_PROPERTY_CEDE, id), 0);
		assert_int_equal(try_id(fd, L_PROPERTY_CEDE, id), -EIO);
	}
}

static void unknown_ones_are_invalid(void **state)
{
	static const unsigned long requests[] = {
		L_PROPERTY_LEASE, L_PROPERTY_PURCHASE, L_PROPERTY_CEDE, L_PROPERTY_HOLDUP,
		L_PROPERTY_DESTROY,
	};
	int fd = master_new(false);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(try_id(fd, requests[i], 3), -EINVAL);
}

static void a_lease_is_waited_for(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_PROPERTY_NEW);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(master, L_PROPERTY_LEASE, id), 0);
	job = job_start(slave, L_PROPERTY_LEASE, &id);
	assert_int_equal(try_id(master, L_PROPERTY_CEDE, id), 0);
	assert_int_equal(job_end(job), 0);
}

static void destroying_wakes_who_waits(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_PROPERTY_NEW);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(master, L_PROPERTY_LEASE, id), 0);
	job = job_start_quietly(slave, L_PROPERTY_LEASE, &id);
	assert_int_equal(try_id(master, L_PROPERTY_DESTROY, id), 0);
	assert_int_equal(job_end(job), -EIDRM);
}

/* Who comes early waits, but not for ever; who comes late is told at once. */
static void a_purchase_is_not_waited_for(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_PROPERTY_NEW);
	struct timespec nap = { .tv_sec = 1, .tv_nsec = 100000000 };
	int ret;

	(void)state;
	assert_int_equal(try_id(master, L_PROPERTY_PURCHASE, id), 0);
	ret = elsewhere(slave, L_PROPERTY_LEASE, id);
	assert_true(ret == -ETIMEDOUT || ret == -EAGAIN);
	nanosleep(&nap, NULL);
	assert_int_equal(elsewhere(slave, L_PROPERTY_LEASE, id), -EAGAIN);
	assert_int_equal(elsewhere(slave, L_PROPERTY_PURCHASE, id), -EAGAIN);
	assert_int_equal(try_id(master, L_PROPERTY_CEDE, id), 0);
	assert_int_equal(elsewhere(slave, L_PROPERTY_PURCHASE, id), 0);
}

static int purchase_and_wait(int fd, void *arg)
{
	int *shared = arg;

	if (try_id(fd, L_PROPERTY_PURCHASE, shared[0]))
		return 1;
	return slave_sleep(fd, &shared[1]);
}

static void the_master_takes_it_back(void **state)
{
	int *shared = shared_new(4096), master = master_new(false), slave = slave_new();
	pid_t pid;

	(void)state;
	shared[0] = id_new(master, L_PROPERTY_NEW);
	assert_int_equal(try_id(slave, L_PROPERTY_HOLDUP, shared[0]), -EPERM);
	pid = slave_fork(purchase_and_wait, shared);
	wait_flag(&shared[1], "a purchase");
	assert_int_equal(try_id(master, L_PROPERTY_HOLDUP, shared[0]), 0);
	slave_killed(pid, SIGKILL);
	munmap(shared, 4096);
}

static bool can_purchase(void *arg)
{
	int *args = arg;

	return !try_id(args[0], L_PROPERTY_PURCHASE, args[1]);
}

static void the_dead_cede(void **state)
{
	int *shared = shared_new(4096), args[2] = { master_new(false) };
	pid_t pid;

	(void)state;
	shared[0] = id_new(args[0], L_PROPERTY_NEW);
	args[1] = shared[0];
	pid = slave_fork(purchase_and_wait, shared);
	wait_flag(&shared[1], "a purchase");
	slave_kill(pid);
	wait_for(can_purchase, args, "the dead to cede");
	munmap(shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(belongs_to_a_thread_recursively),
		LEGACY_TEST(unknown_ones_are_invalid),
		LEGACY_TEST(a_lease_is_waited_for),
		LEGACY_TEST(destroying_wakes_who_waits),
		LEGACY_TEST(a_purchase_is_not_waited_for),
		LEGACY_TEST(the_master_takes_it_back),
		LEGACY_TEST(the_dead_cede),
	};

	return cmocka_run_group_tests_name("legacy-property", tests, NULL, check_signals);
}
