/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of libdrm_fusion share.
 */
#ifndef _LIBDRM_FUSION_PRIVATE_H
#define _LIBDRM_FUSION_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdrm_fusion.h"

#define HIDDEN		__attribute__((visibility("hidden")))
#define EXPORTED	__attribute__((visibility("default")))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/**
 * struct fusion - a member
 * @fd: the render node
 * @member: its number
 * @serial: of the handle, never used again in the process. Zero in no handle.
 * @forks: of fusion_forks when it was made: else it is of the parent process
 * @world_window: states of skirmishes and references
 * @own_window: states of threads and local counts
 * @world_size: of @world_window
 * @own_size: of @own_window
 * @lock: protects @left and @refs
 * @left: @fd is closed. Threads that still know the handle forget it.
 * @refs: the handle itself, and one for each thread that knows it
 */
struct fusion {
	int fd;
	uint32_t member;
	uint64_t serial;
	unsigned int forks;
	char *world_window;
	char *own_window;
	size_t world_size;
	size_t own_size;
	pthread_mutex_t lock;
	bool left;
	unsigned int refs;
};

/**
 * struct fusion_self - a thread as the kernel knows it in one world
 * @next: of the same thread in another world
 * @fusion: with a reference
 * @serial: of @fusion
 * @token: of the thread
 * @nr_held: entries of @state that are in use, the first ones
 * @state: where the kernel finds what the thread holds
 */
struct fusion_self {
	struct fusion_self *next;
	struct fusion *fusion;
	uint64_t serial;
	uint32_t token;
	uint32_t nr_held;
	struct drm_fusion_thread_state *state;
};

/*
 * A request, restarted after signals: 0 or a negative errno. -EPERM in a child of the
 * process that has joined.
 */
int fusion_request(struct fusion *fusion, unsigned long request, void *arg) HIDDEN;
/* Copies a name: -EINVAL if it is too long. */
int fusion_name(uint8_t *to, const char *name) HIDDEN;
/* Makes an object; @offset may be NULL. */
int fusion_object(struct fusion *fusion, uint32_t type, uint64_t arg, const char *name,
		  uint32_t *id, uint64_t *offset) HIDDEN;
/* What a query tells of an object, or -ENOENT. */
int fusion_object_info(struct fusion *fusion, uint32_t type, uint32_t id,
		       struct drm_fusion_query_object *info) HIDDEN;
/* Maps a buffer; @at and @flags as for mmap(). */
int fusion_map(struct fusion *fusion, uint32_t handle, void *at, size_t size, int flags,
	       void **memory) HIDDEN;
/* Drops a reference that was taken under @lock. */
void fusion_put(struct fusion *fusion) HIDDEN;

/* How often this process was forked from one that uses the library. */
extern unsigned int fusion_forks HIDDEN;

/* The thread in the world that it used last. */
extern __thread struct fusion_self *fusion_last
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Registers the calling thread, or finds it: @self is only written if that works. */
int fusion_self_find(struct fusion *fusion, struct fusion_self **self) HIDDEN;

/* The calling thread: no system call but in the first call of a thread. */
static inline int fusion_self(struct fusion *fusion, struct fusion_self **self)
{
	struct fusion_self *last = fusion_last;

	if (likely(last && last->serial == fusion->serial)) {
		*self = last;
		return 0;
	}
	return fusion_self_find(fusion, self);
}

#endif /* _LIBDRM_FUSION_PRIVATE_H */
