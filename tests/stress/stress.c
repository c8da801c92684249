// SPDX-License-Identifier: GPL-2.0
/*
 * What the stress programs share, see stress.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define DEBUGFS	"/sys/kernel/debug/"

unsigned long parse_number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "'%s' is not a number.\n", text);
		exit(2);
	}
	return n;
}

unsigned long seed_from_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec ^ now.tv_nsec) & 0x7fffffff;
}

uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* fault injection */

static int nth_fd = -1;

bool nth_open(void)
{
	if (nth_fd >= 0)
		return true;
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return false;
	/* a stack trace for each fault would take longer than all the rest */
	nth_traces(false);
	do_write(DEBUGFS "fail_usercopy/verbose", "0");
	/* allocations that may sleep are those of a system call */
	do_write(DEBUGFS "failslab/ignore-gfp-wait", "N");
	do_write(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");
	do_write(DEBUGFS "fail_page_alloc/min-order", "0");
	return true;
}

void nth_set(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* the fault may still be to come, and hit this very call */
	while (pwrite(nth_fd, text, len, 0) != len)
		assert_int_equal(errno, EFAULT);
}

/* An error of the read is the fault itself, so there was one left. */
unsigned int nth_left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0) {
		assert_int_equal(errno, EFAULT);
		return 1;
	}
	return strtoul(text, NULL, 10);
}

bool nth_end(void)
{
	bool hit = !nth_left();

	nth_set(0);
	return hit;
}

void nth_traces(bool on)
{
	do_write(DEBUGFS "failslab/verbose", on ? "2" : "0");
	do_write(DEBUGFS "fail_page_alloc/verbose", on ? "2" : "0");
}

void expect_no_dma_debug(void)
{
	int fd = open(DEBUGFS "dma-api/disabled", O_RDONLY | O_CLOEXEC);
	char c = 'Y';

	if (fd < 0)
		return;
	if (read(fd, &c, 1) < 0)
		c = 'Y';
	close(fd);
	if (c == 'N')
		fail_msg("boot this kernel with dma_debug=off: tests/guest/run --boot");
}
