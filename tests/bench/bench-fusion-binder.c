// SPDX-License-Identifier: GPL-2.0
/*
 * A call and its reply by binder, of 64 bytes each: the least that a client and a server
 * can do. What one writes and what it reads next is one request, as with its libraries.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/android/binder.h>

#include "bench-fusion.h"

#define DEVICE		"/dev/binder"
#define SIZE		64
#define CALLS		10
#define MEMORY		(1024 * 1024)	/* what the receiver maps */
#define ANSWER		1
#define THE_LAST	2

struct __attribute__((packed)) command {
	uint32_t command;
	struct binder_transaction_data data;
};

/* what is sent at once: first a buffer is given back */
struct __attribute__((packed)) output {
	uint32_t free;
	binder_uintptr_t buffer;
	struct command command;
};

static int binder_open(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || mmap(NULL, MEMORY, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return -1;
	return fd;
}

/*
 * Sends, and waits until there is a transaction or a reply. Returns false when the other
 * one is gone.
 */
static bool exchange(int fd, const void *out, size_t out_size, struct binder_transaction_data *in)
{
	struct binder_write_read io = { .write_buffer = (uintptr_t)out, .write_size = out_size };
	uint32_t command;
	char buffer[512];
	size_t at;

	for (;;) {
		io.read_buffer = (uintptr_t)buffer;
		io.read_size = sizeof(buffer);
		io.read_consumed = 0;
		if (ioctl(fd, BINDER_WRITE_READ, &io))
			return false;
		for (at = 0; at < io.read_consumed; at += _IOC_SIZE(command)) {
			memcpy(&command, buffer + at, sizeof(command));
			at += sizeof(command);
			if (command == BR_DEAD_REPLY || command == BR_FAILED_REPLY)
				return false;
			if (command != BR_TRANSACTION && command != BR_REPLY)
				continue;
			memcpy(in, buffer + at, sizeof(*in));
			return true;
		}
	}
}

static struct output output_of(uint32_t command, uint32_t code, const void *data)
{
	return (struct output) {
		.free = BC_FREE_BUFFER,
		.command = {
			.command = command,
			.data = {
				.code = code, .data_size = SIZE,
				.data.ptr.buffer = (uintptr_t)data,
			},
		},
	};
}

static int serve(void *arg)
{
	uint32_t enter = BC_ENTER_LOOPER;
	struct binder_transaction_data in;
	char data[SIZE];
	struct output out = output_of(BC_REPLY, 0, data);
	int zero = 0, fd = binder_open();
	bool last;

	(void)arg;
	if (fd < 0 || ioctl(fd, BINDER_SET_CONTEXT_MGR, &zero))
		return 1;
	if (!exchange(fd, &enter, sizeof(enter), &in))
		return 2;
	do {
		last = in.code == THE_LAST;
		memcpy(data, (void *)(uintptr_t)in.data.ptr.buffer, SIZE);
		out.buffer = in.data.ptr.buffer;
		if (last)
			break;
	} while (exchange(fd, &out, sizeof(out), &in));
	/* The caller of the last one learns that the server is gone. */
	return last ? 0 : 3;
}

/* @buffer: of the last reply, which is given back now */
static bool ask(int fd, uint32_t code, binder_uintptr_t *buffer)
{
	char question[SIZE] = "question", answer[SIZE];
	struct output out = output_of(BC_TRANSACTION, code, question);
	struct binder_transaction_data in;
	bool ret;

	out.buffer = *buffer;
	if (*buffer)
		ret = exchange(fd, &out, sizeof(out), &in);
	else
		ret = exchange(fd, &out.command, sizeof(out.command), &in);
	if (!ret)
		return false;
	memcpy(answer, (void *)(uintptr_t)in.data.ptr.buffer, SIZE);
	*buffer = in.data.ptr.buffer;
	return !memcmp(answer, question, SIZE);
}

struct client {
	int fd;
	binder_uintptr_t buffer;
};

/* Fails until the server is ready. */
static bool answers(void *arg)
{
	struct client *client = arg;

	return ask(client->fd, ANSWER, &client->buffer);
}

static void ask_again(struct client *client)
{
	if (!ask(client->fd, ANSWER, &client->buffer))
		fail_msg("binder has failed");
}

long long binder_call(void)
{
	struct client client = { .buffer = 0 };
	long long cost;
	pid_t pid;

	client.fd = binder_open();
	if (client.fd < 0)
		fail_msg("%s: %s: load binder_linux", DEVICE, strerror(errno));
	pid = bench_fork(serve, NULL);
	wait_for(answers, &client, "the server of binder");
	cost = NS_OF(CALLS, ask_again(&client));
	assert_false(ask(client.fd, THE_LAST, &client.buffer));
	bench_wait(pid);
	close(client.fd);
	return cost;
}
