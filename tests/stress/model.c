// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that hold, fill, watch and adopt buffers by chance, and keep books of what
 * must be the case. In the first test they take turns, so that the result of each request,
 * and each event, is known beforehand. In the second one, in model-race.c, they do not,
 * and what must hold all the same is checked.
 *
 * Open files of /dev/shrbuf are shared by processes, are on their way from one to another
 * in messages, and are closed while they hold and fill.
 *
 * Usage: model [--seed S] [--count N]
 *   --seed S    same seed, same choices of each process (from the clock). It is printed.
 *   --count N   operations of all processes together, for each test (20000)
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

unsigned long seed;
unsigned long count = 20000;

uint64_t random_state;

unsigned int below(unsigned int n)
{
	return random_next(&random_state) % n;
}

bool one_in(unsigned int n)
{
	return !below(n);
}

void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# error: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(1);
}

void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

void run_processes(void (*function)(unsigned int me))
{
	pid_t pids[NR_PROCS];
	unsigned int i, failed = 0;
	int status;

	fflush(stdout);
	for (i = 0; i < NR_PROCS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		random_state = seed * NR_PROCS + i;
		function(i);
		fflush(stdout);
		_exit(0);
	}
	for (i = 0; i < NR_PROCS; i++) {
		assert_true(wait(&status) > 0);
		if (!status || failed)
			continue;
		/* the others may wait for it for ever */
		failed = NR_PROCS;
		while (failed)
			kill(pids[--failed], SIGKILL);
		failed = 1;
	}
	assert_int_equal(failed, 0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ 0 },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(books),
		cmocka_unit_test(race),
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
			fprintf(stderr, "usage: model [--seed S] [--count N]\n");
			return 2;
		}
	}
	printf("# model --seed %lu --count %lu\n", seed, count);
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
