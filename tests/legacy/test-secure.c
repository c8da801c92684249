// SPDX-License-Identifier: GPL-2.0
/*
 * Permissions in a secure world of /dev/fusionN.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "legacy.h"

#define BIT(request)	(1U << ((request) & 0xff))

static void the_first_one_decides(void **state)
{
	int master = master_new(false), slave = legacy_open(0, O_RDWR), id;

	(void)state;
	assert_int_equal(try_enter(slave, 9, 0, true), 2);
	id = id_new(master, L_SKIRMISH_NEW);
	assert_int_equal(try_id(slave, L_SKIRMISH_SWOOP, id), 0);
}

static void old_versions_know_no_permissions(void **state)
{
	int master = legacy_open(0, O_RDWR), slave = legacy_open(0, O_RDWR), id;

	(void)state;
	assert_int_equal(try_enter(master, 8, 4, true), 1);
	do_ioctl(master, L_UNBLOCK, NULL);
	assert_int_equal(try_enter(slave, 8, 4, true), 2);
	id = id_new(master, L_SKIRMISH_NEW);
	assert_int_equal(try_id(slave, L_SKIRMISH_SWOOP, id), 0);
}

static void others_need_permission(void **state)
{
	int master = master_new(true), first = slave_new(), second = slave_new();
	int id = id_new(master, L_SKIRMISH_NEW);

	(void)state;
	assert_int_equal(try_id(first, L_SKIRMISH_SWOOP, id), -EPERM);
	assert_int_equal(try_permit(master, L_TYPE_SKIRMISH, id, 2, BIT(L_SKIRMISH_SWOOP)), 0);
	assert_int_equal(try_id(first, L_SKIRMISH_SWOOP, id), 0);
	assert_int_equal(try_id(first, L_SKIRMISH_DISMISS, id), -EPERM);
	assert_int_equal(try_id(second, L_SKIRMISH_SWOOP, id), -EPERM);
	/* more, for everybody; what was allowed stays so */
	assert_int_equal(try_permit(master, L_TYPE_SKIRMISH, id, 0, BIT(L_SKIRMISH_DISMISS)), 0);
	assert_int_equal(try_id(first, L_SKIRMISH_SWOOP, id), 0);
	assert_int_equal(try_id(first, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(try_id(first, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(try_id(second, L_SKIRMISH_DISMISS, id), -EIO);
	assert_int_equal(try_id(second, L_SKIRMISH_DESTROY, id), -EPERM);
}

static void master_and_creator_may_all(void **state)
{
	int master = master_new(true), creator = slave_new(), other = slave_new();
	int id = id_new(creator, L_REF_NEW);

	(void)state;
	assert_int_equal(try_id(creator, L_REF_UP, id), 0);
	assert_int_equal(try_id(master, L_REF_UP, id), 0);
	assert_int_equal(try_id(other, L_REF_UP, id), -EPERM);
	assert_int_equal(try_permit(other, L_TYPE_REF, id, 4, BIT(L_REF_UP)), -EPERM);
	assert_int_equal(try_permit(creator, L_TYPE_REF, id, 3, BIT(L_REF_UP)), 0);
	assert_int_equal(try_id(other, L_REF_UP, id), 0);
	assert_int_equal(try_permit(master, L_TYPE_REF, id, 3, BIT(L_REF_DOWN)), 0);
	assert_int_equal(try_id(other, L_REF_DOWN, id), 0);
	assert_int_equal(try_permit(master, L_TYPE_REF, 100, 3, 1), -EINVAL);
	assert_int_equal(try_permit(master, 1, id, 3, 1), -ENOSYS);
}

/* each kind of entries */
static void all_kinds_are_protected(void **state)
{
	int master = master_new(true), slave = slave_new();
	int call = call_new(master, 1, 2), id;
	struct l_pool_new pool = { .max_size = 4096 };
	struct l_pool_attach attach;

	(void)state;
	id = id_new(master, L_PROPERTY_NEW);
	assert_int_equal(try_id(slave, L_PROPERTY_LEASE, id), -EPERM);
	id = id_new(master, L_REACTOR_NEW);
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 0), -EPERM);
	assert_int_equal(try_execute(slave, call, 1, L_ONEWAY, NULL), -EPERM);
	do_ioctl(master, L_SHMPOOL_NEW, &pool);
	attach.pool_id = pool.pool_id;
	assert_int_equal(try_ioctl(slave, L_SHMPOOL_ATTACH, &attach), -EPERM);
	assert_int_equal(try_permit(master, L_TYPE_SHMPOOL, pool.pool_id, 0,
				    BIT(L_SHMPOOL_ATTACH) | BIT(L_SHMPOOL_DETACH)), 0);
	assert_int_equal(try_ioctl(slave, L_SHMPOOL_ATTACH, &attach), 0);
	assert_int_equal(attach.addr_base, pool.addr_base);
	assert_int_equal(try_id(slave, L_SHMPOOL_DETACH, pool.pool_id), 0);
	assert_int_equal(try_permit(master, L_TYPE_CALL, call, 0,
				    BIT(L_CALL_EXECUTE) | BIT(L_CALL_DESTROY)), 0);
	assert_int_equal(try_execute(slave, call, 1, L_ONEWAY, NULL), 0);
	/* permitted, but not its own */
	assert_int_equal(try_id(slave, L_CALL_DESTROY, call), -EIO);
	assert_int_equal(try_id(master, L_CALL_DESTROY, call), 0);
}

static void some_requests_are_for_all(void **state)
{
	int master = master_new(true), slave = slave_new(), own = id_new(slave, L_SKIRMISH_NEW);
	uint64_t base;

	(void)state;
	assert_int_equal(try_id(slave, L_SKIRMISH_SWOOP, own), 0);
	do_ioctl(slave, L_SHMPOOL_GET_BASE, &base);
	do_ioctl(slave, L_SHM_GET_BASE, &base);
	assert_int_equal(try_message(slave, 1, 1, 0, "hello", 6), 0);
	assert_int_equal(try_id(slave, L_SKIRMISH_SWOOP, 100), -EINVAL);
	assert_int_equal(try_message(master, 2, 1, 0, "hello", 6), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(the_first_one_decides),
		LEGACY_TEST(old_versions_know_no_permissions),
		LEGACY_TEST(others_need_permission),
		LEGACY_TEST(master_and_creator_may_all),
		LEGACY_TEST(all_kinds_are_protected),
		LEGACY_TEST(some_requests_are_for_all),
	};

	/* nothing sleeps here */
	return cmocka_run_group_tests_name("legacy-secure", tests, NULL, NULL);
}
