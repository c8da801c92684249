/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two parts of the model share.
 */
#ifndef _TESTS_STRESS_MODEL_H
#define _TESTS_STRESS_MODEL_H

#include "stress.h"

#define NR_PROCS	4
/* buffers that all processes have */
#define NR_SHARED	6

extern unsigned long seed;
extern unsigned long count;	/* operations of all processes together */

/* chance, of the process that calls */
extern uint64_t random_state;
unsigned int below(unsigned int n);
bool one_in(unsigned int n);

/* Ends the process with a message: the test fails then. */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *format, ...);

#define CHECK(cond, ...)		\
	do {				\
		if (!(cond))		\
			wrong(__VA_ARGS__);	\
	} while (0)

/* Runs a function in all processes at once, fails if it does not end well in one. */
void run_processes(void (*function)(unsigned int me));

/* Memory that they share. */
void *share(size_t size);

/* model-books.c */
void books(void **state);

/* model-race.c */
void race(void **state);

#endif /* _TESTS_STRESS_MODEL_H */
