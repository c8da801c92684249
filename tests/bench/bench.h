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

/* nanoseconds for one of @times times that @statement is done, in a loop: the median */
#define NS_OF(times, statement) ({						\
	static long long values_[ROUNDS];					\
	const unsigned int times_ = (times);					\
	unsigned int round_, time_;						\
										\
	for (round_ = 0; round_ < ROUNDS; round_++) {				\
		long long start_ = now();					\
										\
		for (time_ = 0; time_ < times_; time_++)			\
			statement;						\
		values_[round_] = now() - start_;				\
	}									\
	median(values_, ROUNDS) / times_;					\
})

/* bench-state.c */
void watcher_rows(void);
void state_rows(void);

#endif /* _TESTS_BENCH_BENCH_H */
