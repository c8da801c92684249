/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that do one request at a time, as they are told, for tests that compare what
 * happens with a model.
 */
#ifndef _TESTS_FUSION_PUPPETS_H
#define _TESTS_FUSION_PUPPETS_H

#include "skirmishes.h"

enum order {
	IDLE,
	LOCK,
	UNLOCK,
	CALL,
	RECEIVE,
	REPLY,
	QUIT,
};

/**
 * struct puppet - a thread
 * @thread: it
 * @fd: its member
 * @token: its number in the world
 * @lock: protects what follows
 * @told: there is an order
 * @order: what it does
 * @id: number of a skirmish or call, or the serial for a reply
 * @result: of what it did; of a call: what was replied
 * @event: what it has received
 * @done: it has a result
 */
struct puppet {
	pthread_t thread;
	int fd;
	uint32_t token;
	pthread_mutex_t lock;
	pthread_cond_t told;
	enum order order;
	uint64_t id;
	int result;
	struct drm_fusion_event event;
	bool done;
};

void puppet_start(struct puppet *puppet, int fd);
void puppet_end(struct puppet *puppet);
void puppet_tell(struct puppet *puppet, enum order order, uint64_t id);
bool puppet_is_done(struct puppet *puppet);
/* waits until it has a result */
void puppet_finish(struct puppet *puppet, const char *what);
/* waits until it has a result, or is seen waiting */
void puppet_settle(struct puppet *puppet, const char *what);

#endif /* _TESTS_FUSION_PUPPETS_H */
