// SPDX-License-Identifier: GPL-2.0
/*
 * The second part of the model: processes hold, fill and watch the same buffers at the
 * same time. Each knows only what it does itself, and checks what follows from that. Now
 * and then all of them stop, and the sum of what they know must be what the kernel says.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "model.h"

#define ROUNDS		4	/* the watchers read in every other one */
#define NR_CLIENTS	2	/* of each process */
#define MAX_EVENTS	64

struct tally {
	bool holds;
	bool fills;
};

static struct sums {
	pthread_barrier_t barrier;
	struct tally tallies[NR_PROCS][NR_CLIENTS][NR_SHARED];
	unsigned long events, lost, holds, fills;
} *sums;

static int buffers[NR_SHARED];

/* of this process */
static struct tally (*mine)[NR_SHARED];
static int clients[NR_CLIENTS];
static uint64_t held_seq[NR_CLIENTS][NR_SHARED];	/* of the frame that is held */
static uint64_t known_seq[NR_SHARED];

/* An open file that watches all, and what it has read: the last event of each buffer. */
static int watcher;
static uint64_t last_seq[NR_SHARED];
static uint64_t nr_lost, nr_missing, nr_read;

static void expect(const char *what, int got, int want, int or_this)
{
	CHECK(got == want || got == or_this, "%s: %s", what,
	      strerror(got < 0 ? -got : 0));
}

static void check_info(unsigned int b)
{
	struct shrbuf_info info;
	unsigned int c, holds = 0;

	expect("INFO", try_info(watcher, buffers[b], &info), 0, 0);
	CHECK(info.frame.seq >= known_seq[b], "INFO: seq %llu after %llu",
	      info.frame.seq, (unsigned long long)known_seq[b]);
	known_seq[b] = info.frame.seq;
	for (c = 0; c < NR_CLIENTS; c++) {
		CHECK(!mine[c][b].holds || info.frame.seq == held_seq[c][b],
		      "a frame changed while it was held");
		CHECK(!mine[c][b].fills || info.frame.state == SHRBUF_STATE_FILLING,
		      "state %u while it was filled", info.frame.state);
		holds += mine[c][b].holds;
	}
	CHECK(info.holds >= holds && info.holds <= NR_PROCS * NR_CLIENTS,
	      "INFO: %u holds, %u of them are mine", info.holds, holds);
}

static void hold(unsigned int c, unsigned int b)
{
	struct shrbuf_hold_op op = { .fd = buffers[b] };
	int ret = try_ioctl(clients[c], SHRBUF_IOC_HOLD, &op);

	if (mine[c][b].holds) {
		expect("HOLD again", ret, -EALREADY, -EALREADY);
		return;
	}
	expect("HOLD", ret, 0, -ENODATA);
	if (ret)
		return;
	CHECK(op.frame.state >= SHRBUF_STATE_FILLED, "HOLD in state %u",
	      op.frame.state);
	mine[c][b].holds = true;
	held_seq[c][b] = op.frame.seq;
	__atomic_add_fetch(&sums->holds, 1, __ATOMIC_RELAXED);
}

static void release(unsigned int c, unsigned int b)
{
	int ret = try_release(clients[c], buffers[b]);
	int want = mine[c][b].holds ? 0 : -ENOENT;

	expect("RELEASE", ret, want, want);
	mine[c][b].holds = false;
}

static void set_state(unsigned int c, unsigned int b)
{
	uint32_t state = below(4);
	bool held = false;
	unsigned int i;
	int ret;

	for (i = 0; i < NR_CLIENTS; i++) {
		held |= mine[i][b].holds;
		/* or all would wait for this process */
		if (mine[i][b].fills && !one_in(4))
			c = i;
	}
	ret = try_set_state(clients[c], buffers[b], state);
	if (held)
		expect("SET_STATE of a held frame", ret, -EBUSY, -EBUSY);
	else if (mine[c][b].fills)
		expect("SET_STATE by the producer", ret, 0, 0);
	else
		expect("SET_STATE", ret, 0, -EBUSY);
	if (ret)
		return;
	mine[c][b].fills = state == SHRBUF_STATE_FILLING;
	__atomic_add_fetch(&sums->fills, 1, __ATOMIC_RELAXED);
}

static int open_client(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	CHECK(fd >= 0, "open: %s", strerror(errno));
	return fd;
}

/* With all that it holds and fills. */
static void close_and_open(unsigned int c)
{
	close(clients[c]);
	memset(mine[c], 0, sizeof(mine[c]));
	clients[c] = open_client();
}

/* Events of a buffer have numbers without gaps, unless it was told that some are lost. */
static void check_event(const struct shrbuf_event *event)
{
	unsigned int b = event->cookie;

	if (event->type == SHRBUF_EVENT_OVERFLOW) {
		CHECK(event->lost, "an overflow, but nothing was lost");
		nr_lost += event->lost;
		return;
	}
	CHECK(b < NR_SHARED && event->type <= SHRBUF_EVENT_ERROR,
	      "event %u with cookie %llu", event->type, event->cookie);
	CHECK(event->seq > last_seq[b], "event with seq %llu after %llu", event->seq,
	      (unsigned long long)last_seq[b]);
	nr_missing += event->seq - last_seq[b] - 1;
	CHECK(nr_missing <= nr_lost, "%llu events are missing, %llu were lost",
	      (unsigned long long)nr_missing, (unsigned long long)nr_lost);
	last_seq[b] = event->seq;
	nr_read++;
}

static int read_some(unsigned int max)
{
	struct shrbuf_event events[MAX_EVENTS];
	int nr = try_read_events(watcher, events, max), i;

	expect("read", nr < 0 ? nr : 0, 0, -EAGAIN);
	for (i = 0; i < nr; i++)
		check_event(&events[i]);
	return nr;
}

/* All have stopped. */
static void settle(void)
{
	struct shrbuf_info info;
	unsigned int b, c, p;

	while (read_some(MAX_EVENTS) > 0)
		;
	for (b = 0; b < NR_SHARED; b++) {
		unsigned int holds = 0, fills = 0;

		for (p = 0; p < NR_PROCS; p++)
			for (c = 0; c < NR_CLIENTS; c++) {
				holds += sums->tallies[p][c][b].holds;
				fills += sums->tallies[p][c][b].fills;
			}
		expect("INFO", try_info(watcher, buffers[b], &info), 0, 0);
		CHECK(info.holds == holds, "INFO: %u holds, and all together %u",
		      info.holds, holds);
		CHECK(fills == (info.frame.state == SHRBUF_STATE_FILLING),
		      "%u fill it, state %u", fills, info.frame.state);
		nr_missing += info.frame.seq - last_seq[b];
		last_seq[b] = info.frame.seq;
	}
	CHECK(nr_missing == nr_lost, "%llu events are missing, %llu were lost",
	      (unsigned long long)nr_missing, (unsigned long long)nr_lost);
}

static void process(unsigned int me)
{
	unsigned int round, b, c;
	unsigned long nr;

	mine = sums->tallies[me];
	for (c = 0; c < NR_CLIENTS; c++)
		clients[c] = open_client();
	watcher = open_client();
	for (b = 0; b < NR_SHARED; b++)
		expect("WATCH", try_watch(watcher, buffers[b], 0, b, STATE_EVENTS), 0,
		       0);
	pthread_barrier_wait(&sums->barrier);

	for (round = 0; round < ROUNDS; round++) {
		for (nr = 0; nr < count / NR_PROCS / ROUNDS; nr++) {
			b = below(NR_SHARED);
			c = below(NR_CLIENTS);
			switch (below(16)) {
			case 0:
				hold(c, b);
				break;
			case 1 ... 4:
				release(c, b);
				break;
			case 5 ... 13:
				set_state(c, b);
				break;
			case 14:
				check_info(b);
				break;
			default:
				if (one_in(16))
					close_and_open(c);
				else if (round % 2)
					read_some(1 + below(MAX_EVENTS));
				break;
			}
		}
		pthread_barrier_wait(&sums->barrier);
		settle();
		pthread_barrier_wait(&sums->barrier);
	}
	__atomic_add_fetch(&sums->events, nr_read, __ATOMIC_RELAXED);
	__atomic_add_fetch(&sums->lost, nr_lost, __ATOMIC_RELAXED);
}

void race(void **state)
{
	pthread_barrierattr_t attr;
	unsigned int b;

	(void)state;
	sums = share(sizeof(*sums));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	assert_int_equal(pthread_barrier_init(&sums->barrier, &attr, NR_PROCS), 0);
	for (b = 0; b < NR_SHARED; b++) {
		buffers[b] = try_alloc_from(shrbuf_dev(), 1);
		assert_true(buffers[b] >= 0);
	}

	run_processes(process);

	printf("# %lu holds, %lu changes, %lu events read, %lu lost\n", sums->holds,
	       sums->fills, sums->events, sums->lost);
	/* else it was not tested */
	if (count >= 20000)
		assert_true(sums->holds && sums->fills && sums->events && sums->lost);
	for (b = 0; b < NR_SHARED; b++) {
		struct shrbuf_info info;

		assert_int_equal(try_info(shrbuf_dev(), buffers[b], &info), 0);
		assert_int_equal(info.holds, 0);
		assert_int_not_equal(info.frame.state, SHRBUF_STATE_FILLING);
		close(buffers[b]);
	}
	expect_no_buffers();
}
