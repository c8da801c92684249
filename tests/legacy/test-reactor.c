// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors of /dev/fusionN: broadcast over channels.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

#define LARGEST	(L_PACKET - (int)sizeof(struct l_message))

static struct inbox first_inbox, second_inbox;

static struct inbox *inbox_at(struct inbox *inbox, int fd)
{
	inbox->fd = fd;
	inbox->length = 0;
	inbox->at = 0;
	return inbox;
}

static int try_dispatch(int fd, int id, int channel, bool self, const void *data, int size)
{
	struct l_dispatch args = {
		.reactor_id = id, .channel = channel, .self = self, .size = size,
		.data = (uintptr_t)data,
	};

	return try_ioctl(fd, L_REACTOR_DISPATCH, &args);
}

static void all_who_listen_hear_it_once(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REACTOR_NEW);
	struct l_message *message;

	(void)state;
	inbox_at(&first_inbox, master);
	inbox_at(&second_inbox, slave);
	/* nobody listens */
	assert_int_equal(try_dispatch(master, id, 0, true, "none", 5), 0);
	assert_int_equal(try_pair(master, L_REACTOR_ATTACH, id, 3), 0);
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 3), 0);
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 3), 0);
	assert_int_equal(try_dispatch(master, id, 4, true, "four", 5), 0);
	assert_int_equal(try_dispatch(master, id, 3, true, "three", 6), 0);
	message = expect_message(&first_inbox, L_MSG_REACTOR);
	assert_int_equal(message->id, id);
	assert_int_equal(message->channel, 3);
	assert_int_equal(message->size, 6);
	assert_string_equal(message_data(message), "three");
	assert_string_equal(message_data(expect_message(&second_inbox, L_MSG_REACTOR)), "three");
	expect_silence(&first_inbox);
	expect_silence(&second_inbox);
	/* as often as attached */
	assert_int_equal(try_pair(slave, L_REACTOR_DETACH, id, 3), 0);
	assert_int_equal(try_dispatch(master, id, 3, false, "again", 6), 0);
	assert_string_equal(message_data(expect_message(&second_inbox, L_MSG_REACTOR)), "again");
	expect_silence(&first_inbox);
	assert_int_equal(try_pair(slave, L_REACTOR_DETACH, id, 3), 0);
	assert_int_equal(try_dispatch(master, id, 3, false, "more", 5), 0);
	expect_silence(&second_inbox);
}

static void channels_have_numbers(void **state)
{
	int fd = master_new(false), id = id_new(fd, L_REACTOR_NEW);

	(void)state;
	assert_int_equal(try_pair(fd, L_REACTOR_ATTACH, id, -1), -EINVAL);
	assert_int_equal(try_pair(fd, L_REACTOR_ATTACH, id, 1024), -EINVAL);
	assert_int_equal(try_pair(fd, L_REACTOR_ATTACH, id, 1023), 0);
	assert_int_equal(try_pair(fd, L_REACTOR_DETACH, id, 1024), -EINVAL);
	assert_int_equal(try_pair(fd, L_REACTOR_DETACH, id, 1023), 0);
	assert_int_equal(try_dispatch(fd, id, 1024, true, "x", 2), -EINVAL);
	assert_int_equal(try_dispatch(fd, id, -1, true, "x", 2), -EINVAL);
	assert_int_equal(try_pair(fd, L_REACTOR_DETACH, id, 0), -EIO);
}

static void old_programs_have_one_channel(void **state)
{
	int fd = legacy_open(0, O_RDWR), id, *at_the_end;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	assert_int_equal(try_enter(fd, 4, 0, false), 1);
	id = id_new(fd, L_REACTOR_NEW);
	/* their argument is the number alone: nothing behind it is looked at */
	at_the_end = (int *)(pages + 4096) - 1;
	*at_the_end = id;
	assert_int_equal(try_ioctl(fd, L_REACTOR_ATTACH, at_the_end), 0);
	assert_int_equal(try_dispatch(fd, id, 0, true, "zero", 5), 0);
	assert_string_equal(message_data(expect_message(inbox_at(&first_inbox, fd),
							L_MSG_REACTOR)), "zero");
	assert_int_equal(try_ioctl(fd, L_REACTOR_DETACH, at_the_end), 0);
	munmap(pages, 8192);
}

static void has_a_size(void **state)
{
	static char data[65537];
	int fd = master_new(false), id = id_new(fd, L_REACTOR_NEW);

	(void)state;
	assert_int_equal(try_pair(fd, L_REACTOR_ATTACH, id, 0), 0);
	assert_int_equal(try_dispatch(fd, id, 0, true, data, 0), -EINVAL);
	assert_int_equal(try_dispatch(fd, id, 0, true, data, -4), -EINVAL);
	assert_int_equal(try_dispatch(fd, id, 0, true, data, 65537), -EMSGSIZE);
	assert_int_equal(try_dispatch(fd, id, 0, true, data, LARGEST + 1), -E2BIG);
	assert_int_equal(try_dispatch(fd, id, 0, true, data, LARGEST), 0);
	assert_int_equal(expect_message(inbox_at(&first_inbox, fd), L_MSG_REACTOR)->size, LARGEST);
	assert_int_equal(try_dispatch(fd, 100, 0, true, data, 4), -EINVAL);
	assert_int_equal(try_dispatch(fd, id, 0, true, (void *)8, 4), -EFAULT);
}

/* The one who has asked for it hears when all have processed a message. */
static void tells_when_all_are_done(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REACTOR_NEW);
	struct l_callback callback = {
		.reactor_id = id, .call_id = call_new(master, 0x11, 0x22), .call_ptr = 0x99,
	};
	struct l_call_message *m;
	struct l_message *message;

	(void)state;
	do_ioctl(master, L_REACTOR_SET_DISPATCH_CALLBACK, &callback);
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 7), 0);
	assert_int_equal(try_dispatch(master, id, 7, false, "data", 5), 0);
	expect_message(inbox_at(&second_inbox, slave), L_MSG_REACTOR);
	/* read, but not processed */
	expect_silence(inbox_at(&first_inbox, master));
	assert_int_equal(try_message(master, 2, 1, 0, "next", 5), 0);
	expect_message(&second_inbox, L_MSG_SEND);
	message = expect_message(&first_inbox, L_MSG_CALL);
	assert_int_equal(message->id, callback.call_id);
	m = message_data(message);
	assert_int_equal(m->handler, 0x11);
	assert_int_equal(m->ctx, 0x22);
	assert_int_equal(m->caller, 0);
	assert_int_equal(m->call_arg, 7);
	assert_int_equal(m->call_ptr, 0x99);
	assert_int_equal(m->serial, 0);
	callback.reactor_id = 100;
	assert_int_equal(try_ioctl(master, L_REACTOR_SET_DISPATCH_CALLBACK, &callback), -EINVAL);
}

/* One pointer into the window of the world is given back, so that who sent it may free it. */
static void a_pointer_comes_back(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REACTOR_NEW);
	struct l_callback callback = { .reactor_id = id, .call_id = call_new(master, 1, 2) };
	struct l_call_message *m;
	uint64_t pointer;

	(void)state;
	do_ioctl(master, L_SHM_GET_BASE, &pointer);
	pointer += 0x80100;
	do_ioctl(master, L_REACTOR_SET_DISPATCH_CALLBACK, &callback);
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 0), 0);
	assert_int_equal(try_dispatch(master, id, 0, false, &pointer, sizeof(pointer)), 0);
	/* who dies has processed all */
	close(slave);
	m = message_data(expect_message(inbox_at(&first_inbox, master), L_MSG_CALL));
	assert_int_equal(m->call_ptr, pointer);
}

static void is_gone_when_nobody_listens(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REACTOR_NEW);

	(void)state;
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 0), 0);
	assert_int_equal(try_id(master, L_REACTOR_DESTROY, id), 0);
	assert_int_equal(try_dispatch(master, id, 0, true, "x", 2), -EIDRM);
	assert_int_equal(try_pair(slave, L_REACTOR_DETACH, id, 0), 0);
	assert_int_equal(try_dispatch(master, id, 0, true, "x", 2), -EINVAL);
	assert_int_equal(try_id(master, L_REACTOR_DESTROY, id), -EINVAL);
}

static void the_dead_do_not_listen(void **state)
{
	int master = master_new(false), slave = slave_new(), id = id_new(master, L_REACTOR_NEW);

	(void)state;
	assert_int_equal(try_pair(slave, L_REACTOR_ATTACH, id, 0), 0);
	close(slave);
	expect_message(inbox_at(&first_inbox, master), L_MSG_LEAVE);
	assert_int_equal(try_dispatch(master, id, 0, true, "x", 2), 0);
	/* its last listener was that one */
	assert_int_equal(try_id(master, L_REACTOR_DESTROY, id), 0);
	assert_int_equal(try_dispatch(master, id, 0, true, "x", 2), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(all_who_listen_hear_it_once),
		LEGACY_TEST(channels_have_numbers),
		LEGACY_TEST(old_programs_have_one_channel),
		LEGACY_TEST(has_a_size),
		LEGACY_TEST(tells_when_all_are_done),
		LEGACY_TEST(a_pointer_comes_back),
		LEGACY_TEST(is_gone_when_nobody_listens),
		LEGACY_TEST(the_dead_do_not_listen),
	};

	/* nothing sleeps here */
	return cmocka_run_group_tests_name("legacy-reactor", tests, NULL, NULL);
}
