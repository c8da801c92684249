// SPDX-License-Identifier: GPL-2.0
/*
 * A call and its reply, of 64 bytes each, beside what else processes can do for that: one
 * of them asks, the other one answers, and both sleep in between.
 */

#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-fusion.h"

#define SIZE	64
#define CALLS	10

/* fusion */

struct server {
	int world;
	uint32_t *call;
};

static int answer(void *user, const struct drm_fusion_event *event,
		  struct drm_fusion_call_reply *reply)
{
	static char data[SIZE];

	(void)user;
	if (event->base.type != DRM_FUSION_EVENT_CALL)
		return 0;
	memcpy(data, fusion_event_data(event), SIZE);
	reply->payload.data = (uintptr_t)data;
	reply->payload.size = SIZE;
	/* Positive: it was the last one. */
	return event->arg;
}

static int serve(void *arg)
{
	struct server *server = arg;
	struct fusion *fusion;
	uint32_t call;

	if (fusion_join(&fusion, server->world, "server") ||
	    fusion_call_create(fusion, "answer", 0, &call))
		return 1;
	__atomic_store_n(server->call, call, __ATOMIC_SEQ_CST);
	return fusion_serve(fusion, answer, NULL) > 0 ? 0 : 2;
}

static void call(struct fusion *fusion, uint32_t id, bool last)
{
	char in[SIZE] = "question", out[SIZE];
	struct drm_fusion_call_execute args = {
		.id = id, .arg = last, .timeout = DRM_FUSION_FOREVER,
		.payload = { .data = (uintptr_t)in, .size = SIZE },
		.reply = (uintptr_t)out, .reply_room = SIZE,
	};

	if (fusion_call(fusion, &args) || args.reply_size != SIZE)
		fail_msg("no answer");
}

static bool is_there(void *word)
{
	return __atomic_load_n((uint32_t *)word, __ATOMIC_SEQ_CST);
}

static long long by_fusion(void)
{
	struct server server = { .call = shared_page() };
	struct fusion *fusion = bench_world();
	long long cost;
	pid_t pid;

	server.world = fusion_export(fusion);
	assert_true(server.world >= 0);
	pid = bench_fork(serve, &server);
	wait_for(is_there, server.call, "the call");
	cost = NS_OF(CALLS, call(fusion, *server.call, false));
	call(fusion, *server.call, true);
	bench_wait(pid);
	close(server.world);
	munmap(server.call, 4096);
	fusion_leave(fusion);
	return cost;
}

/* sockets */

static int answer_by_socket(void *arg)
{
	int *fds = arg;
	char data[SIZE];

	close(fds[0]);
	while (read(fds[1], data, SIZE) == SIZE)
		if (write(fds[1], data, SIZE) != SIZE)
			return 1;
	return 0;
}

static void ask_by_socket(int fd)
{
	char in[SIZE] = "question", out[SIZE];

	if (write(fd, in, SIZE) != SIZE || read(fd, out, SIZE) != SIZE)
		fail_msg("the socket has failed");
}

static long long by_socket(void)
{
	long long cost;
	int fds[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	pid = bench_fork(answer_by_socket, fds);
	close(fds[1]);
	cost = NS_OF(CALLS, ask_by_socket(fds[0]));
	close(fds[0]);
	bench_wait(pid);
	return cost;
}

/* shared memory, with an eventfd in each direction */

struct shared {
	int ask;
	int tell;
	char *data;	/* question, answer */
};

static void signal_it(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		fail_msg("the eventfd has failed");
}

static void await(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		fail_msg("the eventfd has failed");
}

static int answer_by_memory(void *arg)
{
	struct shared *shared = arg;
	bool last;

	do {
		await(shared->ask);
		last = !shared->data[0];
		memcpy(shared->data + SIZE, shared->data, SIZE);
		signal_it(shared->tell);
	} while (!last);
	return 0;
}

static void ask_by_memory(struct shared *shared, const char *question)
{
	char in[SIZE] = {}, out[SIZE];

	strncpy(in, question, SIZE - 1);
	memcpy(shared->data, in, SIZE);
	signal_it(shared->ask);
	await(shared->tell);
	memcpy(out, shared->data + SIZE, SIZE);
	if (out[0] != question[0])
		fail_msg("the answer is another one");
}

static long long by_memory(void)
{
	struct shared shared = {
		.ask = eventfd(0, EFD_CLOEXEC), .tell = eventfd(0, EFD_CLOEXEC),
		.data = shared_page(),
	};
	long long cost;
	pid_t pid;

	assert_true(shared.ask >= 0 && shared.tell >= 0);
	pid = bench_fork(answer_by_memory, &shared);
	cost = NS_OF(CALLS, ask_by_memory(&shared, "question"));
	ask_by_memory(&shared, "");
	bench_wait(pid);
	close(shared.ask);
	close(shared.tell);
	munmap(shared.data, 4096);
	return cost;
}

void call_rows(void)
{
	long long ours = by_fusion();

	row("call-seqpacket", ours, by_socket());
	row("call-binder", ours, binder_call());
	row("call-eventfd", ours, by_memory());
}
