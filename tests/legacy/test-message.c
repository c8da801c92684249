// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of /dev/fusionN: what read() gives, when, and how much waits for whom.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

#define LARGEST	(L_PACKET - (int)sizeof(struct l_message))

static struct inbox inbox;
static char data[65537];

static struct inbox *inbox_of(int fd)
{
	inbox.fd = fd;
	inbox.length = 0;
	inbox.at = 0;
	return &inbox;
}

static void comes_as_it_was_sent(void **state)
{
	int master = master_new(false), slave = slave_new();
	struct l_message *message;

	(void)state;
	assert_int_equal(try_message(master, 2, 77, 5, "hello", 6), 0);
	message = expect_message(inbox_of(slave), L_MSG_SEND);
	assert_int_equal(message->id, 77);
	assert_int_equal(message->channel, 5);
	assert_int_equal(message->size, 6);
	/* padded with zeros to whole words */
	assert_memory_equal(message_data(message), "hello\0\0\0", 8);
	assert_int_equal(inbox.length, 24);
	expect_silence(&inbox);
}

static void may_be_for_oneself(void **state)
{
	int fd = master_new(false);

	(void)state;
	assert_int_equal(try_message(fd, 1, 1, 0, "me", 3), 0);
	assert_string_equal(message_data(expect_message(inbox_of(fd), L_MSG_SEND)), "me");
}

static void has_a_size(void **state)
{
	int fd = master_new(false);

	(void)state;
	assert_int_equal(try_message(fd, 1, 1, 0, data, 0), -EINVAL);
	assert_int_equal(try_message(fd, 1, 1, 0, data, -1), -EINVAL);
	assert_int_equal(try_message(fd, 1, 1, 0, data, 65537), -EMSGSIZE);
	assert_int_equal(try_message(fd, 1, 1, 0, data, LARGEST + 1), -E2BIG);
	assert_int_equal(try_message(fd, 1, 1, 0, data, LARGEST), 0);
	assert_int_equal(expect_message(inbox_of(fd), L_MSG_SEND)->size, LARGEST);
	assert_int_equal(try_message(fd, 9, 1, 0, data, 1), -EINVAL);
	assert_int_equal(try_message(fd, 1, 1, 0, (void *)8, 4), -EFAULT);
	expect_silence(&inbox);
}

static void several_come_at_once(void **state)
{
	int fd = master_new(false), i;

	(void)state;
	for (i = 1; i < 100; i++)
		assert_int_equal(try_message(fd, 1, i, 0, data, i), 0);
	inbox_of(fd);
	for (i = 1; i < 100; i++) {
		struct l_message *message = expect_message(&inbox, L_MSG_SEND);

		assert_int_equal(message->id, i);
		assert_int_equal(message->size, i);
		/* all of them were in the first read() */
		assert_true(i == 99 || inbox.at < inbox.length);
	}
	expect_silence(&inbox);
}

static void packets_stay_whole(void **state)
{
	int fd = master_new(false), i;
	static char buffer[4 * L_PACKET];
	ssize_t ret;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(try_message(fd, 1, i, 0, data, 16000), 0);
	/* too small for the first one: nothing is taken */
	assert_int_equal(read(fd, buffer, 100), -1);
	assert_int_equal(errno, EMSGSIZE);
	/* one and a half packets */
	ret = read(fd, buffer, 24000);
	assert_int_equal(ret, 16016);
	ret = read(fd, buffer, sizeof(buffer));
	assert_int_equal(ret, 2 * 16016);
}

static void reading_may_not_wait(void **state)
{
	int fd = legacy_open(0, O_RDWR | O_NONBLOCK);
	char buffer[64];

	(void)state;
	enter(fd);
	assert_int_equal(read(fd, buffer, sizeof(buffer)), -1);
	assert_int_equal(errno, EAGAIN);
}

static void on_signal(int sig)
{
	(void)sig;
}

struct reading {
	int fd;
	pid_t tid;
	ssize_t ret;
	int error;
};

static void *read_once(void *arg)
{
	struct reading *reading = arg;
	char buffer[64];

	__atomic_store_n(&reading->tid, gettid(), __ATOMIC_SEQ_CST);
	reading->ret = read(reading->fd, buffer, sizeof(buffer));
	reading->error = errno;
	return NULL;
}

/* Even where the program has asked for restarts. */
static void a_signal_ends_reading(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct reading reading = { .fd = master_new(false) };
	pthread_t thread;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	assert_int_equal(pthread_create(&thread, NULL, read_once, &reading), 0);
	wait_flag(&reading.tid, "a thread to run");
	wait_in_read(reading.tid);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reading.ret, -1);
	assert_int_equal(reading.error, EINTR);
}

static void poll_tells_of_messages_only(void **state)
{
	struct pollfd fd = {
		.fd = master_new(false),
		.events = POLLIN | POLLRDNORM | POLLOUT | POLLHUP,
	};

	(void)state;
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(try_message(fd.fd, 1, 1, 0, data, 4), 0);
	assert_int_equal(poll(&fd, 1, TIMEOUT_MS), 1);
	assert_int_equal(fd.revents, POLLIN | POLLRDNORM);
	expect_message(inbox_of(fd.fd), L_MSG_SEND);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void all_hear_who_leaves(void **state)
{
	int master = master_new(false), first = slave_new(), second = slave_new(), i;

	(void)state;
	close(first);
	for (i = 0; i < 2; i++) {
		struct l_message *message = expect_message(inbox_of(i ? second : master),
							   L_MSG_LEAVE);

		assert_int_equal(message->id, 0);
		assert_int_equal(message->channel, 0);
		assert_int_equal(message->size, 8);
		assert_int_equal(*(int *)message_data(message), 2);
	}
}

/* Calls that nobody waits for may wait themselves, until something else comes. */
static void queued_calls_come_later(void **state)
{
	int fd = master_new(false), call = call_new(fd, 1, 2), i;

	(void)state;
	inbox_of(fd);
	for (i = 0; i < 3; i++)
		assert_int_equal(try_execute(fd, call, i, L_ONEWAY | L_QUEUE, NULL), 0);
	expect_silence(&inbox);
	assert_int_equal(try_execute(fd, call, 3, L_ONEWAY, NULL), 0);
	for (i = 0; i < 4; i++) {
		struct l_call_message *m = message_data(expect_message(&inbox, L_MSG_CALL));

		assert_int_equal(m->call_arg, i);
		assert_int_equal(m->serial, 0);
	}
	expect_silence(&inbox);
}

static void full_packets_wait_no_longer(void **state)
{
	int fd = master_new(false), call = call_new(fd, 1, 2), i;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int nr = L_PACKET / (int)(sizeof(struct l_message) + sizeof(struct l_call_message));

	(void)state;
	for (i = 0; i < nr + 1; i++)
		assert_int_equal(try_execute(fd, call, i, L_ONEWAY | L_QUEUE, NULL), 0);
	assert_int_equal(poll(&poll_fd, 1, TIMEOUT_MS), 1);
}

static void sync_waits_until_all_is_done(void **state)
{
	int fd = master_new(false), call = call_new(fd, 1, 2), i, handled = 0;
	struct server *server;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(try_execute(fd, call, i, L_ONEWAY | L_QUEUE, NULL), 0);
	server = server_start(fd, count_messages, &handled);
	assert_int_equal(try_ioctl(fd, L_SYNC, NULL), 0);
	assert_int_equal(__atomic_load_n(&handled, __ATOMIC_SEQ_CST), 5);
	assert_int_equal(try_ioctl(fd, L_SYNC, NULL), 0);
	server_stop(server);
}

/* sends as many as go, in a process of its own */
static int send_many(int fd, void *arg)
{
	int *sent = arg;

	for (;;) {
		int ret = try_message(fd, 1, *sent, 0, data, 16000);

		if (ret)
			return 1;
		__atomic_add_fetch(sent, 1, __ATOMIC_SEQ_CST);
	}
}

static void who_sends_too_much_sleeps(void **state)
{
	int *sent = shared_new(4096), master = master_new(false), i;
	pid_t pid;

	(void)state;
	pid = slave_fork(send_many, sent);
	wait_flag(sent, "a message");
	wait_in_request(pid, L_SEND_MESSAGE);
	/* a few packets, not all memory */
	assert_in_range(*sent, 1, 64);
	inbox_of(master);
	for (i = 0; i < 200; i++)
		assert_int_equal(expect_message(&inbox, L_MSG_SEND)->id, i);
	slave_kill(pid);
	munmap(sent, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(comes_as_it_was_sent),
		LEGACY_TEST(may_be_for_oneself),
		LEGACY_TEST(has_a_size),
		LEGACY_TEST(several_come_at_once),
		LEGACY_TEST(packets_stay_whole),
		LEGACY_TEST(reading_may_not_wait),
		LEGACY_TEST(a_signal_ends_reading),
		LEGACY_TEST(poll_tells_of_messages_only),
		LEGACY_TEST(all_hear_who_leaves),
		LEGACY_TEST(queued_calls_come_later),
		LEGACY_TEST(full_packets_wait_no_longer),
		LEGACY_TEST(sync_waits_until_all_is_done),
		LEGACY_TEST(who_sends_too_much_sleeps),
	};

	return cmocka_run_group_tests_name("legacy-message", tests, NULL, NULL);
}
