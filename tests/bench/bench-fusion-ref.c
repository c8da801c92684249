// SPDX-License-Identifier: GPL-2.0
/*
 * References beside atomic operations, and beside counting by system calls.
 */

#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench-fusion.h"

#define PAIRS	100

/* functions, as those of a library are: the call is part of the cost */
static void __attribute__((noinline)) atomic_up(int *count)
{
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
}

static void __attribute__((noinline)) atomic_down(int *count)
{
	__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST);
}

static void count_by_request(struct fusion *fusion, struct fusion_ref *ref)
{
	struct drm_fusion_ref_count args = { .id = fusion_ref_id(ref) };

	ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_REF_COUNT, &args);
	args.flags = DRM_FUSION_REF_DOWN;
	ioctl(fusion_fd(fusion), DRM_IOCTL_FUSION_REF_COUNT, &args);
}

void ref_rows(void)
{
	struct fusion *fusion = bench_world();
	long long ours, functions, by_request;
	int *count = shared_page();
	struct drm_fusion_ref_stat stat;
	struct fusion_ref *ref;

	assert_int_equal(fusion_ref_create(fusion, "bench", &ref), 0);
	ours = NS_OF(PAIRS, (fusion_ref_up(ref), fusion_ref_down(ref)));
	functions = NS_OF(PAIRS, (atomic_up(count), atomic_down(count)));
	by_request = NS_OF(PAIRS, count_by_request(fusion, ref));
	row("ref", ours, functions);
	row("ref-ioctl", ours, by_request);

	assert_int_equal(fusion_ref_stat(ref, &stat), 0);
	assert_int_equal(stat.sum, 0);
	fusion_ref_close(ref);
	munmap(count, 4096);
	fusion_leave(fusion);
}
