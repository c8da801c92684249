// SPDX-License-Identifier: GPL-2.0
/*
 * A dispatch to many listeners, of 64 bytes, beside a write to a socket of each: what the
 * sender pays. Nobody sleeps meanwhile.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-fusion.h"

#define SIZE		64
#define MOST		1000
#define CHANNEL		0
#define DISPATCHES	4	/* fewer than fit into a queue or a socket */

struct listeners {
	struct fusion *fusion[MOST];
	int sockets[MOST][2];
	unsigned int nr;
};

static void add(struct listeners *l, int world, uint32_t reactor)
{
	struct fusion **fusion = &l->fusion[l->nr];

	assert_int_equal(fusion_join(fusion, world, "listener"), 0);
	assert_int_equal(fusion_reactor_attach(*fusion, reactor, CHANNEL, DRM_FUSION_FULL_BLOCK,
					       0), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				    l->sockets[l->nr]), 0);
	l->nr++;
}

/* All that has come, also who has joined. */
static void drain(struct fusion *fusion)
{
	static char buffer[256 * 1024];
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)buffer, .size = sizeof(buffer),
	};
	int ret;

	do {
		ret = fusion_receive(fusion, &args);
	} while (!ret);
	assert_int_equal(ret, -ETIMEDOUT);
}

static void drain_all(struct listeners *l)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		drain(l->fusion[i]);
}

static void dispatch(struct fusion *fusion, uint32_t reactor, unsigned int listeners)
{
	static char data[SIZE];
	struct drm_fusion_reactor_dispatch args = {
		.id = reactor, .channel = CHANNEL, .timeout = DRM_FUSION_FOREVER,
		.payload = { .data = (uintptr_t)data, .size = SIZE },
	};

	if (fusion_reactor_dispatch(fusion, &args) || args.listeners != listeners)
		fail_msg("not all have got it");
}

static void write_all(struct listeners *l)
{
	static char data[SIZE];
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		if (write(l->sockets[i][0], data, SIZE) != SIZE)
			fail_msg("a socket has failed");
}

static void read_all(struct listeners *l)
{
	char data[SIZE];
	unsigned int i, j;

	for (i = 0; i < l->nr; i++)
		for (j = 0; j < DISPATCHES; j++)
			if (read(l->sockets[i][1], data, SIZE) != SIZE)
				fail_msg("a socket has failed");
}

/* For each one of the listeners. */
static void measure(struct fusion *fusion, uint32_t reactor, struct listeners *l,
		    long long *ours, long long *peer)
{
	long long values[2][ROUNDS], start;
	unsigned int i, j, rounds = l->nr < 100 ? ROUNDS : 11;

	for (i = 0; i < rounds; i++) {
		drain_all(l);
		start = now();
		for (j = 0; j < DISPATCHES; j++)
			dispatch(fusion, reactor, l->nr);
		values[0][i] = now() - start;
		start = now();
		for (j = 0; j < DISPATCHES; j++)
			write_all(l);
		values[1][i] = now() - start;
		read_all(l);
	}
	*ours = median(values[0], rounds) / DISPATCHES / l->nr;
	*peer = median(values[1], rounds) / DISPATCHES / l->nr;
}

void dispatch_rows(bool all)
{
	static const unsigned int counts[] = { 1, 10, 100, 1000 };
	long long ours[ARRAY_SIZE(counts)], peer[ARRAY_SIZE(counts)];
	struct listeners *l = calloc(1, sizeof(*l));
	unsigned int i, nr = all ? ARRAY_SIZE(counts) : 2;
	struct fusion *fusion = bench_world();
	uint32_t reactor;
	char name[32];
	int world;

	assert_non_null(l);
	assert_int_equal(fusion_reactor_create(fusion, "bench", &reactor), 0);
	world = fusion_export(fusion);
	assert_true(world >= 0);
	for (i = 0; i < nr; i++) {
		while (l->nr < counts[i])
			add(l, world, reactor);
		measure(fusion, reactor, l, &ours[i], &peer[i]);
		snprintf(name, sizeof(name), "dispatch-%u", counts[i]);
		row(name, ours[i], peer[i]);
	}
	if (all)
		row("dispatch-linear", ours[3], ours[2]);

	while (l->nr--) {
		fusion_leave(l->fusion[l->nr]);
		close(l->sockets[l->nr][0]);
		close(l->sockets[l->nr][1]);
	}
	close(world);
	fusion_leave(fusion);
	free(l);
}
