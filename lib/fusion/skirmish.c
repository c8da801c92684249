// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes. What needs nobody else is done here, in the memory of the world:
 *
 *   held[n] = number            what the kernel looks at when the thread dies
 *   word: 0 -> token            (A) acquire
 *   count = 1
 *   number of the state still the same?
 *   ...
 *   word: token -> 0            (B) release
 *   held[n] = 0
 *
 * Between (A) and (B) the number is in held[], whatever instruction the thread dies at. A
 * word with a flag goes through neither (A) nor (B): the kernel is asked.
 */

#include <errno.h>
#include <stdlib.h>

#include "private.h"

/**
 * struct fusion_skirmish - a handle
 * @fusion: member
 * @state: in the window of the world
 * @id: number
 */
struct fusion_skirmish {
	struct fusion *fusion;
	struct drm_fusion_skirmish_state *state;
	uint32_t id;
};

static bool swap_word(struct drm_fusion_skirmish_state *state, uint32_t old, uint32_t new,
		      int order)
{
	return __atomic_compare_exchange_n(&state->word, &old, new, false, order,
					   __ATOMIC_RELAXED);
}

static uint32_t read_word(const struct drm_fusion_skirmish_state *state)
{
	return __atomic_load_n(&state->word, __ATOMIC_RELAXED);
}

static void set_held(struct fusion_self *self, uint32_t at, uint32_t id)
{
	__atomic_store_n(&self->state->held[at], id, __ATOMIC_RELEASE);
}

/* The last one is most often the one. Until it is written over, it is there twice. */
static void drop_held(struct fusion_self *self, uint32_t id)
{
	uint32_t at = self->nr_held, last = at - 1;

	while (at--) {
		if (self->state->held[at] != id)
			continue;
		if (unlikely(at != last))
			set_held(self, at, self->state->held[last]);
		set_held(self, last, 0);
		self->nr_held = last;
		return;
	}
}

static int request(struct fusion_skirmish *skirmish, unsigned long number, uint32_t flags)
{
	struct drm_fusion_skirmish_op args = { .id = skirmish->id, .flags = flags };

	return fusion_request(skirmish->fusion, number, &args);
}

static int new_handle(struct fusion *fusion, uint32_t id, uint64_t offset,
		      struct fusion_skirmish **out)
{
	struct fusion_skirmish *skirmish = malloc(sizeof(*skirmish));

	if (!skirmish)
		return -ENOMEM;
	skirmish->fusion = fusion;
	skirmish->state = (void *)(fusion->world_window + offset);
	skirmish->id = id;
	*out = skirmish;
	return 0;
}

EXPORTED int fusion_skirmish_create(struct fusion *fusion, const char *name,
				    struct fusion_skirmish **skirmish)
{
	uint64_t offset;
	uint32_t id;
	int ret;

	ret = fusion_object(fusion, DRM_FUSION_SKIRMISH, 0, name, &id, &offset);
	if (ret)
		return ret;
	ret = new_handle(fusion, id, offset, skirmish);
	if (ret)
		fusion_destroy(fusion, DRM_FUSION_SKIRMISH, id);
	return ret;
}

EXPORTED int fusion_skirmish_open(struct fusion *fusion, uint32_t id,
				  struct fusion_skirmish **skirmish)
{
	struct drm_fusion_query_object info;
	int ret = fusion_object_info(fusion, DRM_FUSION_SKIRMISH, id, &info);

	return ret ? ret : new_handle(fusion, id, info.offset, skirmish);
}

EXPORTED void fusion_skirmish_close(struct fusion_skirmish *skirmish)
{
	free(skirmish);
}

EXPORTED int fusion_skirmish_destroy(struct fusion_skirmish *skirmish)
{
	return fusion_destroy(skirmish->fusion, DRM_FUSION_SKIRMISH, skirmish->id);
}

EXPORTED uint32_t fusion_skirmish_id(const struct fusion_skirmish *skirmish)
{
	return skirmish->id;
}

static int lock_slow(struct fusion_skirmish *skirmish, struct fusion_self *self,
		     int64_t timeout)
{
	struct drm_fusion_skirmish_lock args = { .id = skirmish->id, .timeout = timeout };
	bool full = self->nr_held == DRM_FUSION_HELD_MAX;
	/* Whoever has it already has a note of it: this one would be one too many. */
	bool again = (read_word(skirmish->state) & DRM_FUSION_SKIRMISH_OWNER) == self->token;
	int ret;

	if (!again && full)
		args.flags = DRM_FUSION_LOCK_NOTE;
	else if (!again)
		set_held(self, self->nr_held++, skirmish->id);
	ret = fusion_request(skirmish->fusion, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &args);
	if (ret && ret != -EOWNERDEAD && !again && !full)
		drop_held(self, skirmish->id);
	return ret;
}

/* The state belongs to another skirmish now: give it back as it was. */
static int not_there(struct fusion_skirmish *skirmish, struct fusion_self *self)
{
	struct drm_fusion_skirmish_op args = {
		.id = __atomic_load_n(&skirmish->state->id, __ATOMIC_RELAXED),
	};

	if (!swap_word(skirmish->state, self->token, 0, __ATOMIC_RELEASE))
		fusion_request(skirmish->fusion, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &args);
	drop_held(self, skirmish->id);
	return -ENOENT;
}

static inline int lock_until(struct fusion_skirmish *skirmish, int64_t timeout)
{
	struct drm_fusion_skirmish_state *state = skirmish->state;
	struct fusion_self *self;
	int ret;

	ret = fusion_self(skirmish->fusion, &self);
	if (unlikely(ret))
		return ret;
	if (unlikely(self->nr_held == DRM_FUSION_HELD_MAX))
		return lock_slow(skirmish, self, timeout);
	set_held(self, self->nr_held, skirmish->id);
	if (unlikely(!swap_word(state, 0, self->token, __ATOMIC_ACQUIRE))) {
		set_held(self, self->nr_held, 0);
		if (read_word(state) != self->token || state->count == UINT32_MAX)
			return lock_slow(skirmish, self, timeout);
		state->count++;
		return 0;
	}
	self->nr_held++;
	state->count = 1;
	if (unlikely(__atomic_load_n(&state->id, __ATOMIC_RELAXED) != skirmish->id))
		return not_there(skirmish, self);
	return 0;
}

EXPORTED int fusion_skirmish_lock(struct fusion_skirmish *skirmish)
{
	return lock_until(skirmish, DRM_FUSION_FOREVER);
}

EXPORTED int fusion_skirmish_trylock(struct fusion_skirmish *skirmish)
{
	int ret = lock_until(skirmish, 0);

	return ret == -ETIMEDOUT ? -EBUSY : ret;
}

EXPORTED int fusion_skirmish_timedlock(struct fusion_skirmish *skirmish, int64_t timeout)
{
	return lock_until(skirmish, timeout);
}

EXPORTED int fusion_skirmish_unlock(struct fusion_skirmish *skirmish)
{
	struct drm_fusion_skirmish_state *state = skirmish->state;
	struct fusion_self *self;
	int ret;

	ret = fusion_self(skirmish->fusion, &self);
	if (unlikely(ret))
		return ret;
	if (likely(read_word(state) == self->token)) {
		if (state->count > 1) {
			state->count--;
			return 0;
		}
		if (likely(swap_word(state, self->token, 0, __ATOMIC_RELEASE))) {
			drop_held(self, skirmish->id);
			return 0;
		}
	}
	ret = request(skirmish, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, 0);
	if ((read_word(state) & DRM_FUSION_SKIRMISH_OWNER) != self->token)
		drop_held(self, skirmish->id);
	return ret;
}

EXPORTED int fusion_skirmish_wait(struct fusion_skirmish *skirmish, int64_t timeout)
{
	struct drm_fusion_skirmish_lock args = { .id = skirmish->id, .timeout = timeout };
	struct fusion_self *self;
	int ret;

	ret = fusion_self(skirmish->fusion, &self);
	if (ret)
		return ret;
	ret = fusion_request(skirmish->fusion, DRM_IOCTL_FUSION_SKIRMISH_WAIT, &args);
	if (ret == -EIDRM || ret == -EDEADLK || ret == -ESHUTDOWN)
		drop_held(self, skirmish->id);
	return ret;
}

EXPORTED int fusion_skirmish_notify(struct fusion_skirmish *skirmish)
{
	return request(skirmish, DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, 0);
}

EXPORTED int fusion_skirmish_notify_all(struct fusion_skirmish *skirmish)
{
	return request(skirmish, DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, DRM_FUSION_NOTIFY_ALL);
}

EXPORTED int fusion_skirmish_consistent(struct fusion_skirmish *skirmish)
{
	return request(skirmish, DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT, 0);
}
