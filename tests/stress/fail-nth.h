/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sweep over failing allocations and its steps share.
 */
#ifndef _TESTS_STRESS_FAIL_NTH_H
#define _TESTS_STRESS_FAIL_NTH_H

#include "stress.h"

#define MAX_ERRORS	6
#define NR_STEPS	40

/**
 * struct step - one thing that can fail
 * @name: of the test
 * @prepare: what has to be there, asserts
 * @run: the step: a number that is not negative, or a negative errno
 * @undo: takes back what @run has done, whether it worked or not, asserts. Files and
 *	mappings that @run made are closed for it.
 * @errors: what @run may fail with, 0 ends the list
 */
struct step {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	void (*undo)(void);
	int errors[MAX_ERRORS];
};

/* fail-nth.c: a mapping that a step has made, NULL if none */
extern void *mapping;
extern size_t mapping_size;

/* Makes a file one that is not closed after a step; returns its new number. */
int keep(int fd);

/* fail-nth-steps.c */
extern struct step steps[];	/* NR_STEPS */
extern void *user_memory;	/* allocated by a step, to be freed at the end */
void import_needs_no_memory(void **state);
/* A dma-buf that is not of shrbuf, kept. */
int foreign_dmabuf(void);

/* Reads a file from its beginning to its end. */
int read_all(const char *path);

/* fail-nth-routes.c */
#define NR_ROUTE_STEPS	10
extern struct step route_steps[];	/* NR_ROUTE_STEPS */

/* fail-nth-fusion.c */
#define NR_FUSION_STEPS	27
extern struct step fusion_steps[];	/* NR_FUSION_STEPS */

/* fail-nth-legacy.c */
#define NR_LEGACY_STEPS	16
extern struct step legacy_steps[];	/* NR_LEGACY_STEPS */

/* fail-nth-clients.c */
#define NR_CLIENT_STEPS	18
extern struct step client_steps[];	/* NR_CLIENT_STEPS */
extern int client;			/* what they use, -1 if nothing */
void no_more_files(void **state);

#endif /* _TESTS_STRESS_FAIL_NTH_H */
