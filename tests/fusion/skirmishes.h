/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of skirmishes share: requests, and members through the library.
 */
#ifndef _TESTS_FUSION_SKIRMISHES_H
#define _TESTS_FUSION_SKIRMISHES_H

#include <pthread.h>
#include <libdrm_fusion.h>
#include "members.h"

/* requests */
int try_lock(int fd, uint32_t id, int64_t timeout);
int try_unlock(int fd, uint32_t id);
int try_sleep(int fd, uint32_t id, int64_t timeout);
int try_notify(int fd, uint32_t id, uint32_t flags);
int try_consistent(int fd, uint32_t id);
/* what a thread waits for; its type is zero if it does not wait and was not refused */
struct drm_fusion_query_wait wait_record(int fd, uint32_t token);
/* the calling thread's token */
uint32_t own_token(int fd);

/* a thread that calls a function, and what that has returned */
struct worker {
	pthread_t thread;
	int (*run)(struct worker *worker);
	int fd;
	uint32_t id;
	int64_t timeout;
	int order;
	struct fusion_skirmish *skirmish;
	void *arg;
	int result;
};

void worker_start(struct worker *worker, int (*run)(struct worker *worker));
int worker_join(struct worker *worker);

/* the library: a new world, and a member of it in another process */
struct fusion *fusion_new(void);
struct fusion_skirmish *skirmish_new(struct fusion *fusion);
pid_t fusion_fork(struct fusion *fusion, int (*run)(struct fusion *fusion, void *arg), void *arg);
/* From here on any system call but the one that ends the process kills it: 0 if that works. */
int forbid_system_calls(void);

#endif /* _TESTS_FUSION_SKIRMISHES_H */
