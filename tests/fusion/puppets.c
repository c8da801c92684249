// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that do as they are told, see puppets.h.
 */

#include <string.h>

#include "puppets.h"

static int call(struct puppet *puppet)
{
	struct drm_fusion_call_execute args = {
		.id = puppet->id, .timeout = DRM_FUSION_FOREVER,
	};

	return try_ioctl(puppet->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
}

static int receive(struct puppet *puppet)
{
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)&puppet->event, .size = sizeof(puppet->event),
		.timeout = DRM_FUSION_FOREVER,
	};

	return try_ioctl(puppet->fd, DRM_IOCTL_FUSION_RECEIVE, &args);
}

static int reply(struct puppet *puppet)
{
	struct drm_fusion_call_reply args = { .serial = puppet->id };

	return try_ioctl(puppet->fd, DRM_IOCTL_FUSION_CALL_REPLY, &args);
}

static int obey(struct puppet *puppet)
{
	switch (puppet->order) {
	case LOCK:
		return try_lock(puppet->fd, puppet->id, DRM_FUSION_FOREVER);
	case UNLOCK:
		return try_unlock(puppet->fd, puppet->id);
	case CALL:
		return call(puppet);
	case RECEIVE:
		return receive(puppet);
	default:
		return reply(puppet);
	}
}

static void *puppet_run(void *arg)
{
	struct puppet *puppet = arg;

	/* A wait that is interrupted is no wait for a moment: a model has no such moment. */
	thread_without_signals();
	pthread_mutex_lock(&puppet->lock);
	puppet->token = own_token(puppet->fd);
	puppet->done = true;
	for (;;) {
		while (puppet->order == IDLE)
			pthread_cond_wait(&puppet->told, &puppet->lock);
		if (puppet->order == QUIT)
			break;
		pthread_mutex_unlock(&puppet->lock);
		puppet->result = obey(puppet);
		pthread_mutex_lock(&puppet->lock);
		puppet->order = IDLE;
		puppet->done = true;
	}
	pthread_mutex_unlock(&puppet->lock);
	return NULL;
}

bool puppet_is_done(struct puppet *puppet)
{
	bool done;

	pthread_mutex_lock(&puppet->lock);
	done = puppet->done;
	pthread_mutex_unlock(&puppet->lock);
	return done;
}

static bool is_done(void *arg)
{
	return puppet_is_done(arg);
}

static bool is_settled(void *arg)
{
	struct puppet *puppet = arg;
	struct drm_fusion_query_wait record;

	if (puppet_is_done(puppet))
		return true;
	record = wait_record(puppet->fd, puppet->token);
	return record.type && !record.deadlock;
}

void puppet_finish(struct puppet *puppet, const char *what)
{
	wait_for(is_done, puppet, what);
}

void puppet_settle(struct puppet *puppet, const char *what)
{
	wait_for(is_settled, puppet, what);
}

void puppet_start(struct puppet *puppet, int fd)
{
	memset(puppet, 0, sizeof(*puppet));
	puppet->fd = fd;
	pthread_mutex_init(&puppet->lock, NULL);
	pthread_cond_init(&puppet->told, NULL);
	assert_int_equal(pthread_create(&puppet->thread, NULL, puppet_run, puppet), 0);
	puppet_finish(puppet, "the start of a thread");
}

void puppet_tell(struct puppet *puppet, enum order order, uint64_t id)
{
	pthread_mutex_lock(&puppet->lock);
	puppet->order = order;
	puppet->id = id;
	puppet->done = false;
	pthread_cond_signal(&puppet->told);
	pthread_mutex_unlock(&puppet->lock);
}

void puppet_end(struct puppet *puppet)
{
	puppet_tell(puppet, QUIT, 0);
	pthread_join(puppet->thread, NULL);
	pthread_mutex_destroy(&puppet->lock);
	pthread_cond_destroy(&puppet->told);
}
