// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the sweep over failing allocations that fusionees of a legacy world take.
 * fail-nth.c says what is done with them. After each one the engine's world has as many
 * members, objects and bytes as before.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail-nth.h"
#include "../legacy/legacy.h"

/* Of a world: what a step may not change. */
struct counts {
	unsigned int members, objects;
	long long memory;
};

static struct counts before;
static int master, slave, id;
/* Small: a large one takes fresh pages now and then, and what is the n-th changes. */
static char data[64];

static struct counts counts_now(void)
{
	unsigned int nr, max_members, max_objects;
	struct counts counts = { 0 };
	char line[256];
	glob_t found;
	int fields;
	FILE *file;

	assert_int_equal(glob("/sys/kernel/debug/dri/*/fusion/worlds", 0, NULL, &found), 0);
	file = fopen(found.gl_pathv[0], "re");
	globfree(&found);
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "\t/dev/fusion0\n"))
			continue;
		fields = sscanf(line, "%u %u %u %u %u %lld", &nr, &counts.members, &max_members,
				&counts.objects, &max_objects, &counts.memory);
		assert_int_equal(fields, 6);
	}
	fclose(file);
	return counts;
}

static void check(void)
{
	struct counts now = counts_now();

	assert_int_equal(now.members, before.members);
	assert_int_equal(now.objects, before.objects);
	assert_int_equal(now.memory, before.memory);
}

/* Reads all that waits, twice: the second time says that it was processed. */
static void drain(void)
{
	static char buffer[4 * L_PACKET];
	int fds[] = { master, slave };
	ssize_t ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		do {
			ret = read(fds[i], buffer, sizeof(buffer));
		} while (ret > 0);
		assert_int_equal(errno, EAGAIN);
	}
}

static void undo_messages(void)
{
	drain();
	drain();
	check();
}

static void prepare_world(void)
{
	master = legacy_open(0, O_RDWR | O_NONBLOCK);
	enter(master);
	do_ioctl(master, L_UNBLOCK, NULL);
	slave = legacy_open(0, O_RDWR | O_NONBLOCK);
	enter(slave);
	/* The threads are registered before they do something else. */
	id_new(master, L_SKIRMISH_NEW);
	id_new(slave, L_SKIRMISH_NEW);
	drain();
	before = counts_now();
	assert_int_equal(before.members, 2);
}

/* entering */

static void prepare_nothing(void)
{
	master = -1;
}

static int run_open(void)
{
	int fd = open("/dev/fusion0", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void prepare_open(void)
{
	prepare_world();
}

/* The open file is gone afterwards, and with it the member. */
static int run_enter(void)
{
	struct l_enter args = { .major = 9 };
	int fd = open("/dev/fusion0", O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = try_ioctl(fd, L_ENTER, &args);
	close(fd);
	return ret;
}

/* entries */

/* The fault may come here, too: then it is done again. */
static int destroy(unsigned long request, int what)
{
	int ret = try_id(master, request, what);

	if (ret)
		assert_int_equal(try_id(master, request, what), 0);
	return ret;
}

static int run_new(unsigned long request, unsigned long destroy_request)
{
	int ret;

	id = 0;
	ret = try_ioctl(master, request, &id);
	/* the number is not told if the copy fails: then it is one more than the last one */
	return ret ?: destroy(destroy_request, id);
}

static int run_skirmish(void)
{
	return run_new(L_SKIRMISH_NEW, L_SKIRMISH_DESTROY);
}

static int run_ref(void)
{
	return run_new(L_REF_NEW, L_REF_DESTROY);
}

static int run_property(void)
{
	return run_new(L_PROPERTY_NEW, L_PROPERTY_DESTROY);
}

static int run_reactor(void)
{
	return run_new(L_REACTOR_NEW, L_REACTOR_DESTROY);
}

static int run_call_new(void)
{
	struct l_call_new args = { .handler = 1 };
	int ret = try_ioctl(master, L_CALL_NEW, &args);

	return ret ?: destroy(L_CALL_DESTROY, args.call_id);
}

static int run_pool(void)
{
	struct l_pool_new args = { .max_size = 4096 };
	int ret = try_ioctl(master, L_SHMPOOL_NEW, &args);

	return ret ?: destroy(L_SHMPOOL_DESTROY, args.pool_id);
}

/* An entry whose number was not told stays. There is one at most, the last one. */
static void forget_lost(unsigned long create, unsigned long destroy, int offset)
{
	int args[6] = { 4096 }, ret;

	do_ioctl(master, create, args);
	id = args[offset];
	assert_int_equal(try_id(master, destroy, id), 0);
	ret = try_id(master, destroy, id - 1);
	assert_true(!ret || ret == -EINVAL);
	drain();
	check();
}

static void undo_ref(void)
{
	forget_lost(L_REF_NEW, L_REF_DESTROY, 0);
}

static void undo_property(void)
{
	forget_lost(L_PROPERTY_NEW, L_PROPERTY_DESTROY, 0);
}

static void undo_reactor(void)
{
	forget_lost(L_REACTOR_NEW, L_REACTOR_DESTROY, 0);
}

static void undo_call_new(void)
{
	forget_lost(L_CALL_NEW, L_CALL_DESTROY, 0);
}

static void undo_pool(void)
{
	forget_lost(L_SHMPOOL_NEW, L_SHMPOOL_DESTROY, 1);
}

/* What is known to be there is numbered 1 and 2. */
static void undo_skirmish(void)
{
	id = id_new(master, L_SKIRMISH_NEW);
	assert_int_equal(try_id(master, L_SKIRMISH_DESTROY, id), 0);
	if (id > 3)
		try_id(master, L_SKIRMISH_DESTROY, id - 1);
	check();
}

static int run_permissions(void)
{
	return try_permit(master, L_TYPE_SKIRMISH, 1, 2, 2);
}

/* use */

static int run_send(void)
{
	return try_message(master, 2, 1, 0, data, sizeof(data));
}

static void prepare_message(void)
{
	prepare_world();
	assert_int_equal(run_send(), 0);
	before = counts_now();
}

static int run_read(void)
{
	char buffer[4096];

	return read(slave, buffer, sizeof(buffer)) < 0 ? -errno : 0;
}

static void undo_read(void)
{
	drain();
	drain();
	assert_int_equal(run_send(), 0);
	check();
}

static int run_lock(void)
{
	return try_id(master, L_SKIRMISH_PREVAIL, 1);
}

static void undo_lock(void)
{
	int ret;

	do {
		ret = try_id(master, L_SKIRMISH_DISMISS, 1);
	} while (!ret);
	assert_int_equal(ret, -EIO);
	check();
}

static void prepare_ref(void)
{
	prepare_world();
	id = id_new(master, L_REF_NEW);
	before = counts_now();
}

static int run_up(void)
{
	return try_id(slave, L_REF_UP, id);
}

static void undo_up(void)
{
	int ret;

	do {
		ret = try_id(slave, L_REF_DOWN, id);
	} while (!ret);
	assert_int_equal(ret, -EIO);
	check();
}

static void prepare_reactor(void)
{
	prepare_world();
	id = id_new(master, L_REACTOR_NEW);
	before = counts_now();
}

static int run_attach(void)
{
	return try_pair(slave, L_REACTOR_ATTACH, id, 0);
}

static void undo_attach(void)
{
	int ret;

	do {
		ret = try_pair(slave, L_REACTOR_DETACH, id, 0);
	} while (!ret);
	assert_int_equal(ret, -EIO);
	check();
}

static void prepare_listener(void)
{
	prepare_reactor();
	assert_int_equal(run_attach(), 0);
	before = counts_now();
}

static int run_dispatch(void)
{
	struct l_dispatch args = {
		.reactor_id = id, .size = sizeof(data), .data = (uintptr_t)data,
	};

	return try_ioctl(master, L_REACTOR_DISPATCH, &args);
}

static void prepare_call(void)
{
	prepare_world();
	id = call_new(slave, 1, 2);
	before = counts_now();
}

static int run_oneway(void)
{
	struct l_exec2 args = {
		.call_id = id, .ptr = (uintptr_t)data, .length = sizeof(data),
		.flags = L_ONEWAY,
	};

	return try_ioctl(master, L_CALL_EXECUTE2, &args);
}

struct step legacy_steps[] = {
	{ "legacy: open", prepare_nothing, run_open, NULL, { ENOMEM, EFAULT } },
	{ "legacy: ENTER", prepare_open, run_enter, undo_messages, { ENOMEM, EFAULT } },
	{ "legacy: SKIRMISH_NEW", prepare_world, run_skirmish, undo_skirmish,
	  { ENOMEM, EFAULT } },
	{ "legacy: REF_NEW", prepare_world, run_ref, undo_ref, { ENOMEM, EFAULT } },
	{ "legacy: PROPERTY_NEW", prepare_world, run_property, undo_property,
	  { ENOMEM, EFAULT } },
	{ "legacy: REACTOR_NEW", prepare_world, run_reactor, undo_reactor, { ENOMEM, EFAULT } },
	{ "legacy: CALL_NEW", prepare_world, run_call_new, undo_call_new, { ENOMEM, EFAULT } },
	{ "legacy: SHMPOOL_NEW", prepare_world, run_pool, undo_pool, { ENOMEM, EFAULT } },
	{ "legacy: ENTRY_ADD_PERMISSIONS", prepare_world, run_permissions, check,
	  { ENOMEM, EFAULT } },
	{ "legacy: SEND_MESSAGE", prepare_world, run_send, undo_messages, { ENOMEM, EFAULT } },
	{ "legacy: read", prepare_message, run_read, undo_read, { ENOMEM, EFAULT } },
	{ "legacy: SKIRMISH_PREVAIL", prepare_world, run_lock, undo_lock, { ENOMEM, EFAULT } },
	{ "legacy: REF_UP", prepare_ref, run_up, undo_up, { ENOMEM, EFAULT } },
	{ "legacy: REACTOR_ATTACH", prepare_reactor, run_attach, undo_attach,
	  { ENOMEM, EFAULT } },
	{ "legacy: REACTOR_DISPATCH", prepare_listener, run_dispatch, undo_messages,
	  { ENOMEM, EFAULT } },
	{ "legacy: one-way call", prepare_call, run_oneway, undo_messages, { ENOMEM, EFAULT } },
};

_Static_assert(ARRAY_SIZE(legacy_steps) == NR_LEGACY_STEPS, "NR_LEGACY_STEPS is wrong");
