// SPDX-License-Identifier: GPL-2.0
/*
 * How events are read: read(), poll() and their kin, signals, and events that are lost.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <unistd.h>

#include "requests.h"

#define SIZE	4096
#define RING	512	/* as the interface says */

#define EVENT_SIZE	sizeof(struct shrbuf_event)

/* n events: EMPTY, FILLING, EMPTY, ... with seq as it goes on */
static void produce(int fd, unsigned int n)
{
	while (n--) {
		bool empty = get_info(fd).frame.state == SHRBUF_STATE_EMPTY;

		set_state(shrbuf_dev(), fd, empty ? SHRBUF_STATE_FILLING :
						    SHRBUF_STATE_EMPTY);
	}
}

static void expect_read_error(int client, size_t len, int error)
{
	char buf[2 * EVENT_SIZE];

	errno = 0;
	assert_int_equal(read(client, buf, len), -1);
	assert_int_equal(errno, error);
}

static void sizes(void **state)
{
	int client = client_new(O_NONBLOCK), fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_event events[8];
	unsigned int i;

	(void)state;
	assert_int_equal(EVENT_SIZE, 64);
	/* too short is an error whether there is an event or not, watched or not */
	expect_read_error(client, 0, EINVAL);
	expect_read_error(client, 63, EINVAL);
	expect_read_error(client, 64, EAGAIN);
	watch(client, fd, 0, 0, ALL_EVENTS);
	expect_read_error(client, 64, EAGAIN);
	produce(fd, 7);
	expect_read_error(client, 0, EINVAL);
	expect_read_error(client, 63, EINVAL);
	/* whole events */
	assert_int_equal(read(client, events, 64), 64);
	assert_int_equal(events[0].seq, 1);
	assert_int_equal(read(client, events, 127), 64);
	assert_int_equal(events[0].seq, 2);
	memset(events, 0x55, sizeof(events));
	assert_int_equal(read(client, events, 200), 192);
	for (i = 0; i < 3; i++)
		assert_int_equal(events[i].seq, 3 + i);
	/* and not a byte more */
	for (i = 192; i < sizeof(events); i++)
		assert_int_equal(((uint8_t *)events)[i], 0x55);
	/* fewer than fit */
	assert_int_equal(read(client, events, sizeof(events)), 128);
	assert_int_equal(events[1].seq, 7);
	expect_read_error(client, 64, EAGAIN);
	assert_int_equal(lseek(client, 0, SEEK_SET), -1);
	assert_int_equal(errno, ESPIPE);
}

/* Memory that cannot be written: nothing is lost. */
static void fault(void **state)
{
	int client = client_new(O_NONBLOCK), fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_event event;
	char *nowhere = (char *)4096;
	char *pages;

	(void)state;
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	watch(client, fd, 0, 0, ALL_EVENTS);
	produce(fd, 4);
	assert_int_equal(read(client, nowhere, 64), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(read(client, pages + 4096, 64), -1);
	assert_int_equal(errno, EFAULT);
	/* the first two fit, the third one is half in the hole */
	assert_int_equal(read(client, pages + 4096 - 160, 256), 128);
	memcpy(&event, pages + 4096 - 160, EVENT_SIZE);
	assert_int_equal(event.seq, 1);
	assert_int_equal(read(client, pages + 4096 - 32, 64), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_FILLING, 0).seq, 3);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_EMPTY, 0).seq, 4);
	assert_true(no_event(client));
	munmap(pages, 8192);
}

/* waking up */

struct waker {
	int fd;
	bool go;
};

/* Sleeps until told, then a bit, so that the other one most likely waits by then. */
static void *wake(void *arg)
{
	struct waker *waker = arg;

	while (!__atomic_load_n(&waker->go, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(50000);
	set_state(shrbuf_dev(), waker->fd, SHRBUF_STATE_FILLED);
	return NULL;
}

enum wait_by {
	BY_READ,
	BY_POLL,
	BY_PPOLL_FOR_EVER,
	BY_SELECT,
	BY_EPOLL,
	BY_EPOLL_EDGE,
	BY_NR,
};

static void wait_event_by(int client, enum wait_by by)
{
	struct pollfd pfd = { .fd = client, .events = POLLIN | POLLRDNORM };
	struct epoll_event ev = { .events = EPOLLIN };
	struct timeval tv = { TIMEOUT_MS / 1000, 0 };
	fd_set set;
	int ep;

	switch (by) {
	case BY_READ:
		break;
	case BY_POLL:
		assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
		assert_int_equal(pfd.revents, POLLIN | POLLRDNORM);
		break;
	case BY_PPOLL_FOR_EVER:
		pfd.events = POLLIN;
		assert_int_equal(ppoll(&pfd, 1, NULL, NULL), 1);
		assert_int_equal(pfd.revents, POLLIN);
		break;
	case BY_SELECT:
		FD_ZERO(&set);
		FD_SET(client, &set);
		assert_int_equal(select(client + 1, &set, NULL, NULL, &tv), 1);
		assert_true(FD_ISSET(client, &set));
		break;
	default:
		if (by == BY_EPOLL_EDGE)
			ev.events |= EPOLLET;
		ep = high_fd(epoll_create1(EPOLL_CLOEXEC));
		assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, client, &ev), 0);
		assert_int_equal(epoll_wait(ep, &ev, 1, TIMEOUT_MS), 1);
		assert_int_equal(ev.events, EPOLLIN);
		close(ep);
		break;
	}
}

static void wake_ups(void **state)
{
	int by;

	(void)state;
	for (by = 0; by < BY_NR; by++) {
		struct waker waker = { .fd = alloc_buffer(SIZE, O_RDWR) };
		int client = client_new(0);
		struct shrbuf_event event;
		pthread_t thread;

		watch(client, waker.fd, 0, by, EVENT(FILLED));
		assert_true(no_event(client));
		assert_int_equal(pthread_create(&thread, NULL, wake, &waker), 0);
		__atomic_store_n(&waker.go, true, __ATOMIC_RELEASE);
		wait_event_by(client, by);
		assert_int_equal(read(client, &event, EVENT_SIZE), EVENT_SIZE);
		assert_int_equal(event.cookie, by);
		pthread_join(thread, NULL);
		close(waker.fd);
		close(client);
	}
	/* who polls before the first watch is woken too */
	{
		int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
		int ep = high_fd(epoll_create1(EPOLL_CLOEXEC));
		struct epoll_event ev = { .events = EPOLLIN };

		assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, client, &ev), 0);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
		watch(client, fd, 0, 0, ALL_EVENTS);
		set_state(client, fd, SHRBUF_STATE_FILLED);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 1);
		drain(client);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
		/* it can be written to never */
		ev.events = EPOLLOUT;
		assert_int_equal(epoll_ctl(ep, EPOLL_CTL_MOD, client, &ev), 0);
		assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
	}
}

/* signals */

static int signals;

static void on_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

struct blocked {
	pthread_t thread;
	int client;
	ssize_t ret;
	int error;
	bool done;
};

static void *read_one(void *arg)
{
	struct blocked *blocked = arg;
	struct shrbuf_event event;

	blocked->ret = read(blocked->client, &event, EVENT_SIZE);
	blocked->error = errno;
	__atomic_store_n(&blocked->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void signal_while_reading(void **state)
{
	int restart;

	(void)state;
	for (restart = 0; restart < 2; restart++) {
		struct sigaction sa = {
			.sa_handler = on_signal,
			.sa_flags = restart ? SA_RESTART : 0,
		};
		struct blocked blocked = { .client = client_new(0) };
		int fd = alloc_buffer(SIZE, O_RDWR);

		watch(blocked.client, fd, 0, 0, ALL_EVENTS);
		sigaction(SIGUSR1, &sa, NULL);
		signals = 0;
		assert_int_equal(pthread_create(&blocked.thread, NULL, read_one,
						&blocked), 0);
		if (restart) {
			while (__atomic_load_n(&signals, __ATOMIC_RELAXED) < 5) {
				pthread_kill(blocked.thread, SIGUSR1);
				usleep(10000);
			}
			/* still in there, and gets the event */
			assert_false(__atomic_load_n(&blocked.done,
						     __ATOMIC_ACQUIRE));
			set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
			pthread_join(blocked.thread, NULL);
			assert_int_equal(blocked.ret, EVENT_SIZE);
		} else {
			/* one that comes too early interrupts nothing */
			while (!__atomic_load_n(&blocked.done,
						__ATOMIC_ACQUIRE)) {
				pthread_kill(blocked.thread, SIGUSR1);
				usleep(10000);
			}
			pthread_join(blocked.thread, NULL);
			assert_int_equal(blocked.ret, -1);
			assert_int_equal(blocked.error, EINTR);
			set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
			expect_event(blocked.client, SHRBUF_EVENT_FILLED, 0);
		}
		close(fd);
		close(blocked.client);
	}
}

static int read_for_ever(void *arg)
{
	struct shrbuf_event event;

	return read(*(int *)arg, &event, EVENT_SIZE) < 0 ? 1 : 0;
}

static void killed_while_reading(void **state)
{
	int client = client_new(0), child;

	(void)state;
	child = start_child(read_for_ever, &client);
	usleep(20000);
	kill_child(child);
}

/* Several readers of one file: each event comes to exactly one of them. */
static void several_readers(void **state)
{
	struct blocked blocked[4];
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
	unsigned int i;

	(void)state;
	watch(client, fd, 0, 0, ALL_EVENTS);
	for (i = 0; i < ARRAY_SIZE(blocked); i++) {
		blocked[i] = (struct blocked){ .client = client };
		assert_int_equal(pthread_create(&blocked[i].thread, NULL,
						read_one, &blocked[i]), 0);
	}
	produce(fd, ARRAY_SIZE(blocked));
	for (i = 0; i < ARRAY_SIZE(blocked); i++) {
		pthread_join(blocked[i].thread, NULL);
		assert_int_equal(blocked[i].ret, EVENT_SIZE);
	}
	assert_true(no_event(client));
}

/* losses */

/* Reads all there is. Checks order, and that what is not there is said to be lost. */
static void expect_all(int client, uint64_t first, unsigned int kept,
		       unsigned int lost)
{
	struct shrbuf_event event;
	unsigned int i;

	for (i = 0; i < kept; i++) {
		event = next_event(client);
		assert_in_range(event.type, SHRBUF_EVENT_EMPTY,
				SHRBUF_EVENT_FILLING);
		assert_int_equal(event.seq, first + i);
		assert_int_equal(event.lost, 0);
	}
	if (lost) {
		event = expect_event(client, SHRBUF_EVENT_OVERFLOW, 0);
		assert_int_equal(event.lost, lost);
		assert_int_equal(event.id, 0);
		assert_int_equal(event.seq, 0);
	}
}

static void overflow(void **state)
{
	int client = client_new(O_NONBLOCK), fd = alloc_buffer(SIZE, O_RDWR);

	(void)state;
	watch(client, fd, 0, 1, ALL_EVENTS);
	/* as many as there is room for */
	produce(fd, RING);
	assert_int_equal(fdinfo_number(client, "events"), RING);
	assert_int_equal(fdinfo_number(client, "lost"), 0);
	expect_all(client, 1, RING, 0);
	assert_true(no_event(client));

	/* one more */
	produce(fd, RING + 1);
	assert_int_equal(fdinfo_number(client, "lost"), 1);
	expect_all(client, RING + 1, RING, 1);
	assert_true(no_event(client));
	assert_int_equal(fdinfo_number(client, "lost"), 0);

	/* many more; then it goes on as if nothing had been */
	produce(fd, 3 * RING);
	expect_all(client, 2 * RING + 2, RING, 2 * RING);
	produce(fd, 2);
	expect_all(client, 5 * RING + 2, 2, 0);
	assert_true(no_event(client));
}

/* The mark is where they were lost: between what came before and after. */
static void overflow_in_between(void **state)
{
	int client = client_new(O_NONBLOCK), fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_event event;

	(void)state;
	watch(client, fd, 0, 1, ALL_EVENTS);
	produce(fd, RING + 10);
	/* room for one event is no room for the mark and an event */
	assert_int_equal(next_event(client).seq, 1);
	produce(fd, 1);
	assert_int_equal(fdinfo_number(client, "lost"), 11);
	assert_int_equal(next_event(client).seq, 2);
	produce(fd, 1);
	assert_int_equal(fdinfo_number(client, "lost"), 0);
	assert_int_equal(fdinfo_number(client, "events"), RING);
	/* full again: a second loss, with a mark of its own */
	produce(fd, 5);
	expect_all(client, 3, RING - 2, 11);
	event = next_event(client);
	assert_int_equal(event.seq, RING + 12);
	event = expect_event(client, SHRBUF_EVENT_OVERFLOW, 0);
	assert_int_equal(event.lost, 5);
	assert_true(no_event(client));
	produce(fd, 1);
	assert_int_equal(next_event(client).seq, RING + 18);
}

/* kept + lost == produced, whatever reader and producer do at the same time */

#define PRODUCED	20000

struct counting {
	int client;
	uint64_t kept, lost, seq;
	bool disorder;
};

static void *count_events(void *arg)
{
	struct counting *count = arg;

	while (count->kept + count->lost < PRODUCED) {
		struct shrbuf_event events[7];
		ssize_t len = read(count->client, events, sizeof(events));
		unsigned int i;

		for (i = 0; len > 0 && i < len / EVENT_SIZE; i++) {
			if (events[i].type == SHRBUF_EVENT_OVERFLOW) {
				count->lost += events[i].lost;
				count->seq += events[i].lost;
				continue;
			}
			count->kept++;
			count->disorder |= events[i].seq != ++count->seq;
		}
		/* so that some are lost */
		if (count->kept % 16 == 0)
			usleep(100);
	}
	return NULL;
}

static void overflow_race(void **state)
{
	int fd = alloc_buffer(SIZE, O_RDWR), idle = client_new(0), i;
	struct counting count = { .client = client_new(0) };
	pthread_t thread;

	(void)state;
	/* who never reads is in nobody's way, and has his loss counted, too */
	watch(idle, fd, 0, 1, ALL_EVENTS);
	watch(count.client, fd, 0, 2, ALL_EVENTS);
	assert_int_equal(pthread_create(&thread, NULL, count_events, &count), 0);
	for (i = 0; i < PRODUCED; i++)
		set_state(shrbuf_dev(), fd, i % 2 ? SHRBUF_STATE_EMPTY :
						    SHRBUF_STATE_FILLING);
	pthread_join(thread, NULL);
	print_message("# %llu kept, %llu lost\n", (unsigned long long)count.kept,
		      (unsigned long long)count.lost);
	assert_false(count.disorder);
	assert_int_equal(count.kept + count.lost, PRODUCED);
	assert_true(no_event(count.client));
	assert_int_equal(fdinfo_number(idle, "events"), RING);
	expect_all(idle, 1, RING, PRODUCED - RING);
	assert_true(no_event(idle));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(sizes),
		API_TEST(fault),
		API_TEST(wake_ups),
		API_TEST(signal_while_reading),
		API_TEST(killed_while_reading),
		API_TEST(several_readers),
		API_TEST(overflow),
		API_TEST(overflow_in_between),
		API_TEST(overflow_race),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
