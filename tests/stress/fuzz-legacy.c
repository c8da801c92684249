// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of /dev/fusionN. It is apart from the other one because fusionees kill each other:
 * with their master, by FUSION_KILL, by FUSION_PROPERTY_HOLDUP. So processes do what chance
 * says, and those that die are started again. What sleeps is interrupted by signals.
 *
 * Usage: fuzz-legacy [--count N] [--seed S]
 *   --count N   operations of all processes together (20000)
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
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"
#include "../legacy/legacy.h"

#define NR_WORKERS	4
#define NR_FILES	4
#define NR_WORLDS	2
#define NAP_US		3000	/* between signals */
#define HANG_SECONDS	120
#define BYTES		8192

static unsigned long count = 20000, seed;

/**
 * struct shared - what processes share with the one that started them
 * @done: operations, of each process
 * @worked: requests that have not failed, of each type and number
 * @tried: requests, of each type and number
 */
struct shared {
	unsigned long done[NR_WORKERS];
	unsigned long worked[8][16];
	unsigned long tried[8][16];
};

static struct shared *shared;

/* of a process; both of its threads use them */
static int files[NR_FILES];
static __thread uint64_t chance;
/* read and written by requests; the last page is not there */
static char *arguments;

static unsigned int below(unsigned int n)
{
	return random_next(&chance) % n;
}

static int any_file(void)
{
	return __atomic_load_n(&files[below(NR_FILES)], __ATOMIC_RELAXED);
}

static void request(int fd, unsigned long value, void *arg)
{
	unsigned int type = value >> 8 & 7, number = value & 15;

	__atomic_add_fetch(&shared->tried[type][number], 1, __ATOMIC_RELAXED);
	if (ioctl(fd, value, arg) >= 0)
		__atomic_add_fetch(&shared->worked[type][number], 1, __ATOMIC_RELAXED);
}

static void op_enter(void)
{
	struct l_enter args = { .major = below(16) ? 9 : (int)below(11), .secure = !below(8) };
	int fd = any_file();

	request(fd, L_ENTER, &args);
	request(fd, L_UNBLOCK, NULL);
}

/* It takes the place of another one, whose world may end. */
static void op_open(void)
{
	static const int flags[] = { 0, 0, 0, O_EXCL, O_APPEND, O_NONBLOCK };
	struct l_enter args = { .major = 9 };
	int fd, old;

	fd = try_legacy_open(below(NR_WORLDS), O_RDWR | flags[below(ARRAY_SIZE(flags))]);
	if (fd < 0)
		return;
	if (below(4)) {
		request(fd, L_ENTER, &args);
		request(fd, L_UNBLOCK, NULL);
	}
	old = __atomic_exchange_n(&files[below(NR_FILES)], fd, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

/* The requests with arguments that may be right. */
static void op_likely(void)
{
	static const unsigned long values[] = {
		L_UNBLOCK, L_SET_INFO, L_GET_INFO, L_FORK, L_SYNC, L_ADD_PERMISSIONS,
		L_SHM_GET_BASE, L_GET_FUSIONEE_INFO, L_SEND_MESSAGE, L_CALL_NEW, L_CALL_EXECUTE,
		L_CALL_RETURN, L_CALL_DESTROY, L_CALL_EXECUTE2, L_CALL_EXECUTE3, L_CALL_RETURN3,
		L_CALL_GET_OWNER, L_CALL_SET_QUOTA, L_REF_NEW, L_REF_UP, L_REF_UP_GLOBAL,
		L_REF_DOWN, L_REF_DOWN_GLOBAL, L_REF_ZERO_LOCK, L_REF_ZERO_TRYLOCK, L_REF_UNLOCK,
		L_REF_STAT, L_REF_WATCH, L_REF_INHERIT, L_REF_DESTROY, L_REF_CATCH, L_REF_THROW,
		L_REF_SET_SYNC, L_SKIRMISH_NEW, L_SKIRMISH_PREVAIL, L_SKIRMISH_SWOOP,
		L_SKIRMISH_DISMISS, L_SKIRMISH_DESTROY, L_SKIRMISH_LOCK_COUNT, L_SKIRMISH_WAIT,
		L_SKIRMISH_NOTIFY, L_PROPERTY_NEW, L_PROPERTY_LEASE, L_PROPERTY_PURCHASE,
		L_PROPERTY_CEDE, L_PROPERTY_HOLDUP, L_PROPERTY_DESTROY, L_REACTOR_NEW,
		L_REACTOR_ATTACH, L_REACTOR_DETACH, L_REACTOR_DISPATCH, L_REACTOR_DESTROY,
		L_REACTOR_SET_DISPATCH_CALLBACK, L_SHMPOOL_NEW, L_SHMPOOL_ATTACH,
		L_SHMPOOL_DETACH, L_SHMPOOL_DISPATCH, L_SHMPOOL_DESTROY, L_SHMPOOL_GET_BASE,
	};
	unsigned long value = values[below(ARRAY_SIZE(values))];
	uint32_t words[16];
	unsigned int i;

	/* small numbers: entries, fusionees, channels, sizes */
	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = below(4) ? 1 + below(6) : 0;
	if (value == L_SEND_MESSAGE) {
		struct l_send *send = (void *)words;

		*send = (struct l_send){
			.fusion_id = 1 + below(6), .size = 1 + below(BYTES),
			.data = (uintptr_t)arguments,
		};
	} else if (value == L_REACTOR_DISPATCH) {
		struct l_dispatch *dispatch = (void *)words;

		*dispatch = (struct l_dispatch){
			.reactor_id = 1 + below(6), .channel = below(4), .self = below(2),
			.size = 1 + below(BYTES), .data = (uintptr_t)arguments,
		};
	} else if (value == L_CALL_EXECUTE3) {
		struct l_exec3 *exec = (void *)words;

		*exec = (struct l_exec3){
			.call_id = 1 + below(6), .ptr = (uintptr_t)arguments,
			.length = below(BYTES), .ret_ptr = (uintptr_t)arguments,
			.ret_length = below(BYTES), .flags = below(64) & ~L_FOLLOW,
		};
	} else if (value == L_CALL_EXECUTE2) {
		struct l_exec2 *exec = (void *)words;

		*exec = (struct l_exec2){
			.call_id = 1 + below(6), .ptr = (uintptr_t)arguments,
			.length = below(BYTES), .flags = below(64),
		};
	} else if (value == L_CALL_RETURN3) {
		struct l_return3 *ret = (void *)words;

		*ret = (struct l_return3){
			.call_id = 1 + below(6), .serial = 1 + below(8),
			.ptr = (uintptr_t)arguments, .length = below(64),
		};
	}
	if (value == L_GET_FUSIONEE_INFO) {
		*(uint64_t *)arguments = 1 + below(6);
		request(any_file(), value, arguments);
		return;
	}
	request(any_file(), value, words);
}

/* Not every signal: one that stops would never end. */
static void op_kill(void)
{
	static const int signals[] = { 0, -1, 65, 1000, SIGURG, SIGTERM, SIGKILL };
	struct l_kill args = {
		.fusion_id = below(6), .signal = signals[below(ARRAY_SIZE(signals))],
		.timeout_ms = (int)below(10) - 1,
	};

	request(any_file(), L_KILL, &args);
}

/* Any request with any argument, now and then one that is only partly there. */
static void op_any(void)
{
	unsigned long value = random_next(&chance) & 0xffff0000;
	size_t at = below(4) ? below(BYTES - 64) : BYTES - below(64);
	unsigned int type = below(10), number = below(18), i;

	if (type == 0 && number == (L_KILL & 0xff))
		return;
	for (i = 0; i < 64 && at + i < BYTES; i++)
		if (!below(3))
			arguments[at + i] = random_next(&chance);
	request(any_file(), value | type << 8 | number, arguments + at);
}

/* What is read is answered, if it can be. */
static void op_read(void)
{
	static __thread char buffer[4 * L_PACKET];
	int fd = any_file();
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t length, at = 0;

	if (poll(&poll_fd, 1, below(3)) < 1)
		return;
	length = read(fd, buffer, below(4) ? sizeof(buffer) : below(sizeof(buffer)));
	while (length - at >= (ssize_t)sizeof(struct l_message)) {
		struct l_message *m = (void *)(buffer + at);
		struct l_call_message *call = message_data(m);
		struct l_call3_message *call3 = message_data(m);

		if (m->type == L_MSG_CALL && below(4)) {
			struct l_return args = { m->id, 1, call->serial };

			request(fd, L_CALL_RETURN, &args);
		} else if (m->type == L_MSG_CALL3 && below(4)) {
			struct l_return3 args = {
				m->id, call3->serial, (uintptr_t)arguments, below(64), 0,
			};

			request(fd, L_CALL_RETURN3, &args);
		}
		at += sizeof(*m) + (m->size + 3) / 4 * 4;
	}
}

static void op_mmap(void)
{
	int protection = below(2) ? PROT_READ : PROT_READ | PROT_WRITE;
	size_t size = 4096 * (1 + below(2));
	void *at = mmap(NULL, size, protection, below(4) ? MAP_SHARED : MAP_PRIVATE, any_file(),
			below(4) ? 0 : 4096);

	if (at == MAP_FAILED)
		return;
	if (protection & PROT_WRITE)
		*(int *)at = 1;
	munmap(at, size);
}

/* A child has the files and is no fusionee. */
static void op_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		op_likely();
		op_any();
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

static const struct {
	void (*run)(void);
	unsigned int weight;
} ops[] = {
	{ op_open, 4 }, { op_enter, 20 }, { op_likely, 300 }, { op_any, 60 }, { op_read, 80 },
	{ op_kill, 1 }, { op_mmap, 5 }, { op_fork, 1 },
};

static void one_operation(void)
{
	unsigned int i, total = 0, at;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	at = below(total);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	ops[i].run();
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* signals that end what sleeps, for the calling thread */
static void rain(void)
{
	const struct itimerspec often = {
		.it_value = { .tv_nsec = NAP_US * 1000 },
		.it_interval = { .tv_nsec = NAP_US * 1000 },
	};
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	timer_t timer;

	event._sigev_un._tid = gettid();	/* glibc has no name for it */
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &often, NULL))
		_exit(99);
}

static void *second_thread(void *arg)
{
	chance = (uintptr_t)arg;
	rain();
	for (;;)
		one_operation();
	return NULL;
}

static void worker(unsigned int number)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	unsigned long *done = &shared->done[number];
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGALRM, &sa, NULL);
	signal(SIGURG, SIG_IGN);
	arguments = mmap(NULL, BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (arguments == MAP_FAILED || mprotect(arguments + BYTES, 4096, PROT_NONE))
		_exit(99);
	for (i = 0; i < NR_FILES; i++)
		files[i] = -1;
	/* not the same again after a death */
	chance = seed * NR_WORKERS + number + *done * 1000003;
	rain();
	for (i = 0; i < NR_FILES; i++)
		op_open();
	if (pthread_create(&thread, NULL, second_thread, (void *)(uintptr_t)~chance))
		_exit(99);
	while (__atomic_add_fetch(done, 1, __ATOMIC_RELAXED) < count / NR_WORKERS)
		one_operation();
	_exit(0);
}

static pid_t start(unsigned int number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		worker(number);
	return pid;
}

static unsigned long all_done(void)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < NR_WORKERS; i++)
		sum += __atomic_load_n(&shared->done[i], __ATOMIC_RELAXED);
	return sum;
}

/* Starts those again that were killed; returns whether there are any left. */
static bool look_after(pid_t *pids, unsigned int *deaths)
{
	bool left = false;
	unsigned int i;
	int status;

	for (i = 0; i < NR_WORKERS; i++) {
		if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
			pids[i] = 0;
			if (WIFSIGNALED(status)) {
				assert_true(WTERMSIG(status) == SIGKILL ||
					    WTERMSIG(status) == SIGTERM);
				++*deaths;
				pids[i] = start(i);
			} else {
				assert_int_equal(status, 0);
			}
		}
		left |= pids[i] != 0;
	}
	return left;
}

static void run_workers(void **state)
{
	/* of the requests of each type */
	static const unsigned int numbers[] = { 10, 1, 9, 15, 8, 6, 6, 6 };
	const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	unsigned int i, j, deaths = 0, still = 0;
	unsigned long last = 0, now;
	pid_t pids[NR_WORKERS];

	(void)state;
	for (i = 0; i < NR_WORKERS; i++)
		pids[i] = start(i);
	while (look_after(pids, &deaths)) {
		nanosleep(&nap, NULL);
		now = all_done();
		still = now == last ? still + 1 : 0;
		last = now;
		if (still < HANG_SECONDS * 100)
			continue;
		printf("Bail out! Nothing goes on after %lu operations.\n", now);
		fflush(stdout);
		/* shows where they are */
		do_write("/proc/sysrq-trigger", "w");
		_exit(1);
	}
	printf("# %u processes were killed and started again\n", deaths);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		printf("# type %u, worked of tried:", i);
		for (j = 0; j < numbers[i]; j++)
			printf(" %lu/%lu", shared->worked[i][j], shared->tried[i][j]);
		printf("\n");
	}
}

static bool no_world(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < NR_WORLDS; i++) {
		int fd = try_legacy_open(i, O_RDWR | O_EXCL);

		if (fd < 0)
			return false;
		close(fd);
	}
	return module_refs("fusion") == 0;
}

static void all_is_released(void **state)
{
	(void)state;
	wait_for(no_world, NULL, "the worlds to be empty and the module to be unused");
}

static void a_world_works(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2), value;
	struct server *server = server_start(master, NULL, NULL);
	int skirmish = id_new(slave, L_SKIRMISH_NEW);

	(void)state;
	assert_int_equal(skirmish, 1);
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, skirmish), 0);
	assert_int_equal(try_execute(slave, call, 1, 0, &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(try_id(slave, L_SKIRMISH_DISMISS, skirmish), 0);
	server_stop(server);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ 0 },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_workers),
		cmocka_unit_test(all_is_released),
		LEGACY_TEST(a_world_works),
	};
	int option;

	seed = seed_from_clock();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = parse_number(optarg);
			break;
		case 'c':
			count = parse_number(optarg);
			break;
		default:
			fprintf(stderr, "usage: fuzz-legacy [--seed S] [--count N]\n");
			return 2;
		}
	}
	printf("# fuzz-legacy --seed %lu --count %lu\n", seed, count);
	fflush(stdout);
	shared = shared_new(sizeof(*shared));
	return cmocka_run_group_tests_name("fuzz-legacy", tests, NULL, NULL);
}
