/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share.
 */
#ifndef _TESTS_BENCH_BENCH_H
#define _TESTS_BENCH_BENCH_H

#include "../api/common.h"

#define ROUNDS	101
#define BUFS	4

/* nanoseconds of the guest's clock */
long long now(void);
/* sorts them */
long long median(long long *values, unsigned int nr);

/* bench-state.c */
void watcher_rows(void);
void state_rows(void);

#endif /* _TESTS_BENCH_BENCH_H */
