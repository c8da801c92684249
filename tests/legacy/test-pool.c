// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory pools of /dev/fusionN: addresses that the kernel gives, for files that the
 * programs make.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "legacy.h"

#define BASE	0x523000000000ULL
#define WINDOW	0x1000000000ULL

static struct inbox inbox;

static int try_pool(int fd, int size, struct l_pool_new *args)
{
	*args = (struct l_pool_new){ .max_size = size };
	return try_ioctl(fd, L_SHMPOOL_NEW, args);
}

static int try_attach_pool(int fd, int id, struct l_pool_attach *args)
{
	*args = (struct l_pool_attach){ .pool_id = id };
	return try_ioctl(fd, L_SHMPOOL_ATTACH, args);
}

static void addresses_are_as_they_were(void **state)
{
	struct l_pool_new first, second, third;
	int fd = master_new(false);

	(void)state;
	assert_int_equal(try_pool(fd, 0x20000, &first), 0);
	assert_int_equal(first.pool_id, 1);
	assert_int_equal(first.addr_base, BASE + 0x80000);
	/* a page between, and whole 64 KiB */
	assert_int_equal(try_pool(fd, 1, &second), 0);
	assert_int_equal(second.addr_base, first.addr_base + 0x30000);
	assert_int_equal(try_pool(fd, 1, &third), 0);
	assert_int_equal(third.addr_base, second.addr_base + 0x10000);
	assert_int_equal(try_pool(fd, 0, &third), -EINVAL);
	assert_int_equal(try_pool(fd, -1, &third), -EINVAL);
}

static void attached_ones_hear_of_the_size(void **state)
{
	int master = master_new(false), slave = slave_new();
	struct l_pool_attach attach;
	struct l_pool_message *m;
	struct l_message *message;
	struct l_pool_new pool;

	(void)state;
	inbox.fd = slave;
	inbox.length = 0;
	inbox.at = 0;
	assert_int_equal(try_pool(master, 0x100000, &pool), 0);
	assert_int_equal(try_attach_pool(master, pool.pool_id, &attach), 0);
	assert_int_equal(attach.addr_base, pool.addr_base);
	assert_int_equal(attach.size, 0);
	assert_int_equal(try_attach_pool(slave, pool.pool_id, &attach), 0);
	assert_int_equal(try_pair(master, L_SHMPOOL_DISPATCH, pool.pool_id, 0x8000), 0);
	message = expect_message(&inbox, L_MSG_SHMPOOL);
	assert_int_equal(message->id, pool.pool_id);
	assert_int_equal(message->size, 8);
	m = message_data(message);
	assert_int_equal(m->kind, 0);
	assert_int_equal(m->size, 0x8000);
	/* not who says it */
	inbox.fd = master;
	expect_silence(&inbox);
	assert_int_equal(try_attach_pool(slave, pool.pool_id, &attach), 0);
	assert_int_equal(attach.size, 0x8000);
}

static void detaching_wants_attaching(void **state)
{
	struct l_pool_attach attach;
	struct l_pool_new pool;
	int fd = master_new(false);

	(void)state;
	assert_int_equal(try_pool(fd, 4096, &pool), 0);
	assert_int_equal(try_id(fd, L_SHMPOOL_DETACH, pool.pool_id), -EIO);
	assert_int_equal(try_attach_pool(fd, pool.pool_id, &attach), 0);
	assert_int_equal(try_id(fd, L_SHMPOOL_DETACH, pool.pool_id), 0);
	assert_int_equal(try_id(fd, L_SHMPOOL_DETACH, pool.pool_id), -EIO);
	assert_int_equal(try_id(fd, L_SHMPOOL_DESTROY, pool.pool_id), 0);
	assert_int_equal(try_attach_pool(fd, pool.pool_id, &attach), -EINVAL);
	assert_int_equal(try_id(fd, L_SHMPOOL_DETACH, pool.pool_id), -EINVAL);
	assert_int_equal(try_id(fd, L_SHMPOOL_DESTROY, pool.pool_id), -EINVAL);
	assert_int_equal(try_pair(fd, L_SHMPOOL_DISPATCH, pool.pool_id, 1), -EINVAL);
}

/* 64 GiB are 31 pools of nearly 2 GiB: none overlaps another one, or leaves the window. */
static void the_window_is_full_at_its_end(void **state)
{
	struct l_pool_new pool, again;
	int fd = master_new(false), i, ret;
	uint64_t end = BASE + 0x80000;

	(void)state;
	for (i = 0; i < 100; i++) {
		ret = try_pool(fd, INT_MAX, &pool);
		if (ret)
			break;
		assert_true(pool.addr_base >= end);
		end = pool.addr_base + INT_MAX;
		assert_true(end < BASE + WINDOW);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(i, 31);
	/* what is given back is used again */
	assert_int_equal(try_id(fd, L_SHMPOOL_DESTROY, i), 0);
	assert_int_equal(try_pool(fd, INT_MAX, &again), 0);
	assert_true(again.pool_id > i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(addresses_are_as_they_were),
		LEGACY_TEST(attached_ones_hear_of_the_size),
		LEGACY_TEST(detaching_wants_attaching),
		LEGACY_TEST(the_window_is_full_at_its_end),
	};

	/* nothing sleeps here */
	return cmocka_run_group_tests_name("legacy-pool", tests, NULL, NULL);
}
