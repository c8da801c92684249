// SPDX-License-Identifier: GPL-2.0
/*
 * Threads as the kernel knows them.
 *
 * A thread has a list of the worlds that it has used, and beside it, where it is found
 * without a call, the one that it used last. When a thread exits it tells the kernel, so
 * that what it holds goes on at once.
 *
 * A child process has a copy of the memory, but is no member. The copy of the list is
 * emptied before anything in the child can look at it, and new handles are told from old
 * ones by the number of forks.
 */

#include <errno.h>
#include <stdlib.h>

#include "private.h"

unsigned int fusion_forks;
__thread struct fusion_self *fusion_last
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static __thread struct fusion_self *selves
	__attribute__((tls_model("initial-exec")));
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

static void forget(struct fusion_self *self)
{
	struct drm_fusion_thread args = { .flags = DRM_FUSION_THREAD_GONE };
	struct fusion *fusion = self->fusion;

	pthread_mutex_lock(&fusion->lock);
	if (!fusion->left)
		fusion_request(fusion, DRM_IOCTL_FUSION_THREAD, &args);
	pthread_mutex_unlock(&fusion->lock);
	fusion_put(fusion);
	free(self);
}

static void thread_exits(void *list)
{
	struct fusion_self *self = list, *next;

	/* Destructors of others may still use the library: then this is called again. */
	selves = NULL;
	fusion_last = NULL;
	for (; self; self = next) {
		next = self->next;
		forget(self);
	}
}

/* In the child. The list is lost: its locks may be held by threads that are not here. */
static void forked(void)
{
	fusion_forks++;
	fusion_last = NULL;
	selves = NULL;
	pthread_setspecific(key, NULL);
}

static void init(void)
{
	key_error = -pthread_key_create(&key, thread_exits);
	if (key_error)
		return;
	key_error = -pthread_atfork(NULL, NULL, forked);
	if (key_error)
		pthread_key_delete(key);
}

/* A destructor of threads must not be called when the library is unloaded. */
__attribute__((destructor)) static void unload(void)
{
	pthread_once(&once, init);
	if (!key_error)
		pthread_key_delete(key);
}

static int add_self(struct fusion *fusion, struct fusion_self **out)
{
	struct drm_fusion_thread args = { 0 };
	struct fusion_self *self;
	int ret;

	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	ret = fusion_request(fusion, DRM_IOCTL_FUSION_THREAD, &args);
	if (!ret)
		ret = -pthread_setspecific(key, self);
	if (ret) {
		free(self);
		return ret;
	}
	self->fusion = fusion;
	self->serial = fusion->serial;
	self->token = args.token;
	self->state = (void *)(fusion->own_window + args.offset);
	pthread_mutex_lock(&fusion->lock);
	fusion->refs++;
	pthread_mutex_unlock(&fusion->lock);
	self->next = selves;
	selves = self;
	*out = self;
	return 0;
}

/* Worlds that were left since. */
static void forget_left(void)
{
	struct fusion_self **link = &selves, *self;

	fusion_last = NULL;
	while ((self = *link)) {
		if (__atomic_load_n(&self->fusion->left, __ATOMIC_RELAXED)) {
			*link = self->next;
			forget(self);
		} else {
			link = &self->next;
		}
	}
	pthread_setspecific(key, selves);
}

int fusion_self_find(struct fusion *fusion, struct fusion_self **out)
{
	struct fusion_self *self;
	int ret;

	pthread_once(&once, init);
	if (key_error)
		return key_error;
	if (fusion->forks != fusion_forks)
		return -EPERM;
	for (self = selves; self && self->serial != fusion->serial; self = self->next)
		;
	if (!self) {
		forget_left();
		ret = add_self(fusion, &self);
		if (ret)
			return ret;
	}
	fusion_last = self;
	*out = self;
	return 0;
}
