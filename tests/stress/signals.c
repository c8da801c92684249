// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that wait for events in read(), while signals interrupt them at any point. No
 * event may be lost or come twice, and read() fails with EINTR only if the signal is one
 * that does not restart system calls.
 *
 * Usage: signals [--count N] [--seed S]
 *   --count N   events, for each test (3000)
 *   --seed S    of the random numbers (from the clock). It is printed.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "stress.h"

#define MAX_READERS	3
#define MAX_EVENTS	4
/* So many are not read yet, at most: less than the kernel keeps. */
#define MAX_AHEAD	256
#define MAX_PAUSE	200000	/* nanoseconds */

static unsigned long seed;
static unsigned long count = 3000;

/**
 * struct rain - a test
 * @readers: number of threads that read from the same file
 * @flags: of the signal's action
 * @polls: they wait in poll() first
 */
struct rain {
	unsigned int readers;
	int flags;
	bool polls;
};

static const struct rain *rain;
static int client, buffer;
static pthread_t threads[MAX_READERS];
static unsigned char *seen;		/* by number of the event */
static unsigned long nr_read;		/* different events */
static unsigned int interrupted, errors, alive;

static void on_signal(int sig)
{
	(void)sig;
}

static void failed(const char *what, int error)
{
	printf("# %s: %s\n", what, strerror(error));
	__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
}

/* True if there are more to come. */
static bool take(const struct shrbuf_event *event, uint64_t *last)
{
	if (event->type != SHRBUF_EVENT_FILLED || event->seq <= *last)
		failed("wrong event", EINVAL);
	if (rain->readers == 1 && event->seq != *last + 1)
		failed("lost event", ENOMSG);
	*last = event->seq;
	if (event->seq > count)
		return false;
	if (__atomic_exchange_n(&seen[event->seq - 1], 1, __ATOMIC_RELAXED))
		failed("an event came twice", EEXIST);
	else
		__atomic_add_fetch(&nr_read, 1, __ATOMIC_RELAXED);
	return true;
}

static void *thread_read(void *arg)
{
	struct pollfd pollfd = { .fd = client, .events = POLLIN };
	struct shrbuf_event events[MAX_EVENTS];
	uint64_t random = seed + (long)arg, last = 0;
	bool more = true;
	int nr, i;

	while (more) {
		/* A signal always ends poll(). Another reader may be faster. */
		if (rain->polls && poll(&pollfd, 1, -1) < 0)
			continue;
		nr = try_read_events(client, events,
				     1 + random_next(&random) % MAX_EVENTS);
		if (nr == -EINTR && !(rain->flags & SA_RESTART)) {
			__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (nr <= 0) {
			failed("read", -nr);
			break;
		}
		for (i = 0; i < nr; i++)
			more &= take(&events[i], &last);
	}
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void pause_random(uint64_t *random)
{
	struct timespec nap = { .tv_nsec = random_next(random) % MAX_PAUSE };

	nanosleep(&nap, NULL);
}

/* Signals for all, until there are no more events to come. */
static void *thread_rain(void *arg)
{
	uint64_t random = seed + MAX_READERS;

	(void)arg;
	while (__atomic_load_n(&alive, __ATOMIC_ACQUIRE)) {
		/* a thread that has ended stays until it is joined */
		pthread_kill(threads[random_next(&random) % rain->readers], SIGUSR1);
		pause_random(&random);
	}
	return NULL;
}

static void interrupt_readers(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t random;
	unsigned long i;
	pthread_t cloud;

	rain = *state;
	random = seed + MAX_READERS + 1;
	sa.sa_flags = rain->flags;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	seen = calloc(count, 1);
	assert_non_null(seen);
	nr_read = 0;
	interrupted = 0;
	errors = 0;
	client = do_open("/dev/shrbuf", O_RDWR);
	buffer = try_alloc_from(shrbuf_dev(), 1);
	assert_true(buffer >= 0);
	assert_int_equal(try_watch(client, buffer, 0, 0, 0), 0);

	alive = rain->readers;
	for (i = 0; i < rain->readers; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_read,
						(void *)(long)i), 0);
	assert_int_equal(pthread_create(&cloud, NULL, thread_rain, NULL), 0);
	for (i = 0; i < count; i++) {
		while (i - __atomic_load_n(&nr_read, __ATOMIC_RELAXED) >= MAX_AHEAD &&
		       __atomic_load_n(&alive, __ATOMIC_ACQUIRE))
			pause_random(&random);
		if (random_next(&random) % 2)
			pause_random(&random);
		assert_int_equal(try_set_state(shrbuf_dev(), buffer,
					       SHRBUF_STATE_FILLED), 0);
	}
	/* each reader ends with one more event */
	while (__atomic_load_n(&alive, __ATOMIC_ACQUIRE)) {
		assert_int_equal(try_set_state(shrbuf_dev(), buffer,
					       SHRBUF_STATE_FILLED), 0);
		pause_random(&random);
	}
	pthread_join(cloud, NULL);
	for (i = 0; i < rain->readers; i++)
		pthread_join(threads[i], NULL);
	close(buffer);
	close(client);
	free(seen);
	expect_no_buffers();

	printf("# %lu events read, %u reads interrupted\n", nr_read, interrupted);
	assert_int_equal(errors, 0);
	assert_int_equal(nr_read, count);
	/* else it was not tested */
	if (!(rain->flags & SA_RESTART) && !rain->polls)
		assert_true(interrupted > 0);
}

int main(int argc, char **argv)
{
	static struct rain one = { .readers = 1 };
	static struct rain three = { .readers = 3 };
	static struct rain restarted = { .readers = 1, .flags = SA_RESTART };
	static struct rain all_restarted = { .readers = 3, .flags = SA_RESTART };
	static struct rain polled = { .readers = 1, .polls = true };
	const struct CMUnitTest tests[] = {
		{ "a reader", interrupt_readers, NULL, NULL, &one },
		{ "readers of one file", interrupt_readers, NULL, NULL, &three },
		{ "a reader, restarted", interrupt_readers, NULL, NULL, &restarted },
		{ "readers of one file, restarted", interrupt_readers, NULL, NULL,
		  &all_restarted },
		{ "a reader that polls", interrupt_readers, NULL, NULL, &polled },
	};
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	seed = seed_from_clock();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			count = parse_number(optarg);
			break;
		case 's':
			seed = parse_number(optarg);
			break;
		default:
			fprintf(stderr, "usage: signals [--count N] [--seed S]\n");
			return 2;
		}
	}
	printf("# signals --seed %lu --count %lu\n", seed, count);
	return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
