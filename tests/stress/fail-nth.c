// SPDX-License-Identifier: GPL-2.0
/*
 * Every step of the interface with its n-th allocation, or its n-th copy from or to
 * user space, failing; for n = 1, 2, 3, ... until nothing is left to fail.
 *
 * A step either works, because the kernel got by without, or fails with one of the
 * errors listed for it. Then nothing may have leaked, and the same step without a fault
 * has to work: the failure has left nothing broken behind.
 *
 * EFAULT is in every list: a fault when the result is copied out comes after the work
 * was done. What the step has left then (V4L2 has made a file descriptor, or queued a
 * buffer) is undone as after success.
 *
 * Stock defects met, and how they are kept out of the sweep:
 *
 * - vb2_dc_get_dmabuf() has a WARN_ON() for a scatterlist that cannot be allocated. The
 *   list is made by the first export of a buffer and kept, so the contiguous camera's
 *   buffers are exported once, in another mode, before the sweep over their export. A
 *   request for contiguous memory allocates and exports at once, so it is left out: "reqbufs
 *   contig" goes through the same functions of ours.
 * - event_define_fields() has a WARN_ON(), too, when the trace events of a module are
 *   registered. The sweep over loading stays within our own part.
 * - untrack_pfn() of x86 has one for a mapping of contiguous memory of which
 *   remap_pfn_range() could not make the page tables. Mappings of the contiguous
 *   camera's buffers are left out: only the allocator's part differs from the others.
 * - dma_buf_vmap() has one for an exporter that cannot map, in place of an error alone.
 *   A second importer maps the buffer before the sweep over import by V4L2, and the
 *   exporters keep that mapping.
 * - DMA_API_DEBUG, see stress.h.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "fail-nth.h"

/* test_cleanup() closes all files from here on. What steps make is below. */
#define HIGH_FD		32

void *mapping;
size_t mapping_size;

/* what must be the same afterwards */

struct usage {
	int buffers;
	int shrbuf_refs;
	int vivid_refs;
	int fds;
	int uses;
};

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static struct usage usage_now(void)
{
	return (struct usage){
		.buffers = buffers_alive(),
		.shrbuf_refs = module_refs("shrbuf"),
		.vivid_refs = module_refs("vivid"),
		.fds = count_fds(),
		.uses = client < 0 ? 0 : client_uses(client, NULL),
	};
}

static bool usage_is(void *arg)
{
	struct usage now = usage_now();

	return !memcmp(&now, arg, sizeof(now));
}

static void expect_usage(struct usage *want, const char *when)
{
	struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	struct usage now;
	int i;

	for (i = 0; i < 1000 && !usage_is(want); i++)
		nanosleep(&nap, NULL);
	now = usage_now();
	if (!memcmp(&now, want, sizeof(now)))
		return;
	fail_msg("%s: %d buffers, %d, %d references, %d files, %d uses; were %d, %d, %d, %d, %d",
		 when, now.buffers, now.shrbuf_refs, now.vivid_refs, now.fds,
		 now.uses, want->buffers, want->shrbuf_refs, want->vivid_refs,
		 want->fds, want->uses);
}

int keep(int fd)
{
	int high;

	assert_true(fd >= 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	assert_true(high >= HIGH_FD);
	close(fd);
	return high;
}

/* the sweep */

static int first_fd;	/* run() gets files from here on */

static void undo(const struct step *step)
{
	if (mapping) {
		munmap(mapping, mapping_size);
		mapping = NULL;
	}
	close_range(first_fd, HIGH_FD - 1, 0);
	if (step->undo)
		step->undo();
}

static bool allowed(const struct step *step, int error)
{
	int i;

	for (i = 0; i < MAX_ERRORS && step->errors[i]; i++)
		if (step->errors[i] == error)
			return true;
	return false;
}

static void run_plain(const struct step *step, const char *when)
{
	int ret = step->run();

	if (ret < 0)
		fail_msg("%s: %s", when, strerror(-ret));
	undo(step);
}

static void sweep(void **state)
{
	const struct step *step = *state;
	unsigned int hits = 0, failures = 0, n;
	unsigned int errors[MAX_ERRORS] = { 0 };
	struct usage before;
	char when[64];
	bool hit;
	int ret, i;

	expect_no_dma_debug();
	shrbuf_dev();
	test_dev();
	client = -1;
	if (step->prepare)
		step->prepare();
	first_fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
	assert_true(first_fd >= 0 && first_fd < HIGH_FD);
	close(first_fd);

	before = usage_now();
	/* Also fills caches, so that the sweep is over this step alone. */
	run_plain(step, "without a fault");
	expect_usage(&before, "without a fault");

	for (n = 1;; n++) {
		nth_set(n);
		ret = step->run();
		hit = nth_end();

		snprintf(when, sizeof(when), "after fault %u (%s)", n,
			 ret < 0 ? strerrorname_np(-ret) : "success");
		hits += hit;
		if (ret < 0) {
			if (!hit)
				fail_msg("fails without a fault, %s", when);
			if (!allowed(step, -ret))
				fail_msg("wrong error, %s", when);
			failures++;
			for (i = 0; i < MAX_ERRORS; i++)
				errors[i] += step->errors[i] == -ret;
		}
		undo(step);
		expect_usage(&before, when);
		if (ret < 0) {
			run_plain(step, when);
			expect_usage(&before, when);
		}
		if (!hit)
			break;
	}

	printf("# %s: %u faults, %u errors:", step->name, hits, failures);
	for (i = 0; i < MAX_ERRORS && step->errors[i]; i++)
		printf(" %u %s", errors[i], strerrorname_np(step->errors[i]));
	printf("\n");
	assert_true(hits > 0);

	assert_int_equal(test_cleanup(NULL), 0);
	expect_no_buffers();
}

/* the module itself */

static char module_path[512];
static int module_file;

static void wait_gone(const char *name)
{
	int i, ret = 0;

	/* the last reference may just be on its way */
	for (i = 0; i < 100; i++) {
		ret = syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
		if (!ret || ret == -ENOENT)
			return;
		usleep(10000);
	}
	fail_msg("%s cannot be removed: %s", name, strerror(-ret));
}

static int run_load(void)
{
	return syscall(SYS_finit_module, module_file, "", 0) ? -errno : 0;
}

/*
 * Where was the last fault? Its stack is in the kernel log, unless the allocation asked
 * for silence, as those that kmemleak makes for each of the others do.
 */
enum fault_at { FAULT_UNKNOWN, FAULT_OUTSIDE, FAULT_INSIDE };

static enum fault_at fault_at(int kmsg)
{
	enum fault_at at = FAULT_UNKNOWN;
	char record[2048];
	ssize_t len;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;	/* records were lost, go on with the next */
		if (len <= 0)
			return at;
		record[len] = 0;
		if (strstr(record, "shrbuf_module_init"))
			at = FAULT_INSIDE;
		else if (at == FAULT_UNKNOWN && strstr(record, "FAULT_INJECTION"))
			at = FAULT_OUTSIDE;
	}
}

/* The module is there and whole, or it is not there at all. */
static void expect_loaded(int ret, unsigned int n)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	if (!ret) {
		if (fd < 0)
			fail_msg("loaded with fault %u, but /dev/shrbuf: %s", n,
				 strerror(errno));
		close(fd);
		wait_gone("shrbuf");
		return;
	}
	if (ret != -ENOMEM)
		fail_msg("loading with fault %u: %s", n, strerror(-ret));
	assert_int_equal(fd, -1);
	assert_int_equal(module_refs("shrbuf"), -1);
	assert_int_equal(access("/sys/kernel/debug/shrbuf", F_OK), -1);
}

/*
 * Most of loading is code of the kernel, which is not under test, and some of it warns
 * when memory is short. Our own part is the last one, so this sweep goes backwards from
 * the end, and stops soon before our part: how many allocations there are varies a
 * little from one time to the next.
 */
#define LOAD_MARGIN	8

static void sweep_load(void **state)
{
	unsigned int most = 1000000, n;
	unsigned int hits = 0, failures = 0, inside = 0, outside = 0;
	int files, kmsg, left, ret;
	FILE *pipe;

	(void)state;
	pipe = popen("modinfo -n shrbuf", "re");
	assert_non_null(pipe);
	assert_non_null(fgets(module_path, sizeof(module_path), pipe));
	pclose(pipe);
	module_path[strcspn(module_path, "\n")] = 0;
	module_file = keep(open(module_path, O_RDONLY | O_CLOEXEC));
	kmsg = keep(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

	wait_gone("shrbuf_testdev");
	wait_gone("shrbuf");
	files = count_fds();

	/* how many there are */
	nth_set(most);
	ret = run_load();
	left = nth_left();
	nth_set(0);
	assert_int_equal(ret, 0);
	wait_gone("shrbuf");

	nth_traces(true);
	for (n = most - left; n && outside < LOAD_MARGIN; n--) {
		enum fault_at at;

		lseek(kmsg, 0, SEEK_END);
		nth_set(n);
		ret = run_load();
		hits += nth_end();
		at = fault_at(kmsg);

		expect_loaded(ret, n);
		assert_int_equal(count_fds(), files);
		inside += at == FAULT_INSIDE;
		failures += ret != 0;
		if (at == FAULT_INSIDE)
			outside = 0;
		else if (at == FAULT_OUTSIDE && inside)
			outside++;
	}
	close(kmsg);
	close(module_file);
	ret = system("modprobe shrbuf && modprobe shrbuf_testdev");
	nth_traces(false);
	printf("# load: %u faults, at least %u of them in our part, %u errors\n",
	       hits, inside, failures);
	assert_true(inside > 0);
	assert_int_equal(ret, 0);
	assert_true(failures > 0);
}

static int close_all(void **state)
{
	nth_set(0);
	if (mapping) {
		munmap(mapping, mapping_size);
		mapping = NULL;
	}
	return test_cleanup(state);
}

int main(int argc, char **argv)
{
	static struct step *const groups[] = {
		steps, client_steps, route_steps, fusion_steps, legacy_steps,
	};
	static const unsigned int sizes[] = {
		NR_STEPS, NR_CLIENT_STEPS, NR_ROUTE_STEPS, NR_FUSION_STEPS, NR_LEGACY_STEPS,
	};
	struct CMUnitTest tests[NR_STEPS + NR_CLIENT_STEPS + NR_ROUTE_STEPS +
				NR_FUSION_STEPS + NR_LEGACY_STEPS + 3] = {
		{ .name = "load", .test_func = sweep_load },
		cmocka_unit_test(import_needs_no_memory),
		cmocka_unit_test_teardown(no_more_files, close_all),
	};
	unsigned int i, j, nr = 3;
	int status;

	if (!nth_open()) {
		printf("1..0 # SKIP the kernel has no fault injection (fail-nth)\n");
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (j = 0; j < sizes[i]; j++)
			tests[nr++] = (struct CMUnitTest){
				.name = groups[i][j].name,
				.test_func = sweep,
				.teardown_func = close_all,
				.initial_state = &groups[i][j],
			};
	/* only those that fit a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	status = cmocka_run_group_tests_name("fail-nth", tests, NULL, NULL);
	free(user_memory);
	return status;
}
