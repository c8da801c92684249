/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios of kill share. Victims may not use what asserts: a failed assertion
 * would go on with the next test in the victim. Whatever fails, they just go on.
 */
#ifndef _TESTS_STRESS_KILL_H
#define _TESTS_STRESS_KILL_H

#include <sys/types.h>

#include "stress.h"

#define NR_BUFS		3

/*
 * How far victims got, shared with them: a run in which no victim was killed in between
 * would prove nothing.
 */
enum milestone {
	DID_ATTACH,
	DID_EXPORT,
	DID_IMPORT,
	DID_MAP,
	DID_STREAM,
	DID_PASS,
	DID_HOLD,
	DID_FILL,
	DID_ADOPT,
	DID_READ,
	DID_ROUTE,
	DID_TAKE,
	DID_CALL,
	DID_LEND,
	DID_DISPATCH,
	DID_SHARE,
	DID_LOCK,
	DID_ALL,
	NR_MILESTONES,
};

#define BIT(milestone)	(1U << (milestone))

void reached(enum milestone what);

/* A camera that a victim uses. */
struct victim {
	struct camera cam;
	int fds[NR_BUFS];
	int drm;
	void *maps[NR_BUFS];
};

void victim_open(struct victim *v, bool multi);
void victim_export(struct victim *v);
void victim_stream(struct victim *v, unsigned int frames);
void victim_close(struct victim *v);
void send_fds(int sock, const int *fds, unsigned int nr);

/* Starts a victim, waits a while, kills it; a random number of the one who kills. */
pid_t start_victim(void (*scene)(void));
void wait_random(void);
uint64_t random_kill(void);
void kill_and_wait(pid_t pid);

/* kill-clients.c */
void run_clients(void);

/* kill-fusion.c */
void run_fusion(void);

/* kill-routes.c */
void run_routes(void);

/* kill-legacy.c */
void run_legacy(void);

#endif /* _TESTS_STRESS_KILL_H */
