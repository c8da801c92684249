/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of calls share: requests, callers in threads, and a handler.
 */
#ifndef _TESTS_FUSION_CALLS_H
#define _TESTS_FUSION_CALLS_H

#include <pthread.h>
#include "members.h"

uint32_t call_new(int fd, uint64_t context);
int try_call(int fd, struct drm_fusion_call_execute *args);
/* a call without data */
int try_simple(int fd, uint32_t id, uint64_t arg, int64_t timeout, int *result);
int try_oneway(int fd, uint32_t id, uint64_t arg, uint32_t flags);
int try_reply(int fd, uint64_t serial, int result, const void *reply, uint32_t size);
void nonblock(int fd);

/* a call by a thread of its own */
struct caller {
	pthread_t thread;
	int fd, ret;
	struct drm_fusion_call_execute args;
};

/* without a time-out in @args it waits for ever */
void caller_start(struct caller *c, int fd, uint32_t id);
int caller_end(struct caller *c);

/*
 * A handler in a process of its own: it replies with the data that it gets and twice the
 * argument, in one system call for each. Its first message to the first member has the
 * number of its call.
 */
int echo(int fd, void *arg);
/* the number of the call of a handler that was started just now */
uint32_t handler_call(int fd);

#endif /* _TESTS_FUSION_CALLS_H */
