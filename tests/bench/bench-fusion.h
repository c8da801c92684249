/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark of fusion share.
 */
#ifndef _TESTS_BENCH_BENCH_FUSION_H
#define _TESTS_BENCH_BENCH_FUSION_H

#include <sys/types.h>

#include <libdrm_fusion.h>

#include "bench.h"

/* prints "NAME OURS PEER", nanoseconds of the guest's clock for one time each */
void row(const char *name, long long ours, long long peer);
/* the first member of a new world */
struct fusion *bench_world(void);
/* a page that child processes share */
void *shared_page(void);
/* a process that exits with what @run returns */
pid_t bench_fork(int (*run)(void *arg), void *arg);
/* waits for it and asserts that it has returned zero */
void bench_wait(pid_t pid);

/* bench-fusion-lock.c */
void lock_rows(void);
/* bench-fusion-ref.c */
void ref_rows(void);
/* bench-fusion-call.c */
void call_rows(void);
/* bench-fusion-binder.c: a call and its reply by binder */
long long binder_call(void);
/* bench-fusion-dispatch.c */
void dispatch_rows(bool all);
/* bench-fusion-many.c */
void many_rows(void);

#endif /* _TESTS_BENCH_BENCH_FUSION_H */
