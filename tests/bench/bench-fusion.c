// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the costs of fusion's primitives beside those of what programs use without it.
 * See tests/bench/fusion.py.
 *
 * usage: bench-fusion [throughput]
 *
 * With "throughput" only what makes sense by the clock, on several processors.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-fusion.h"

static bool throughput;

void row(const char *name, long long ours, long long peer)
{
	printf("%s %lld %lld\n", name, ours, peer);
	fflush(stdout);
}

struct fusion *bench_world(void)
{
	struct drm_fusion_world_create args = { .world_name = "bench", .member_name = "bench" };
	struct fusion *fusion;

	assert_int_equal(fusion_create(&fusion, &args), 0);
	return fusion;
}

void *shared_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

pid_t bench_fork(int (*run)(void *arg), void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(run(arg));
	return pid;
}

void bench_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void bench(void **state)
{
	(void)state;
	lock_rows();
	ref_rows();
	call_rows();
	dispatch_rows(!throughput);
	if (!throughput)
		many_rows();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bench) };
	struct rlimit limit = { 4096, 4096 };

	throughput = argc > 1 && !strcmp(argv[1], "throughput");
	if (argc > 2 || (argc == 2 && !throughput)) {
		fprintf(stderr, "usage: bench-fusion [throughput]\n");
		return 2;
	}
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		perror("bench-fusion: 4096 open files are needed: run it as root");
		return 1;
	}
	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
