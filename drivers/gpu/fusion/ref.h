/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of counted references share: ref*.c
 */
#ifndef _FUSION_REF_H
#define _FUSION_REF_H

#include <linux/atomic.h>
#include "fusion.h"

/**
 * struct fusion_ref_local - what a member has of a reference
 * @link: in the list of the member, protected by the member's lock
 * @ref: constant
 * @member: constant. It goes after this.
 * @slot: of @state
 * @state: its count, shared with the member and not to be believed
 * @thrown: counts that wait for the member to catch them
 * @active: @thrown or the count was not zero; while the reference is tracked
 *
 * @thrown and @active are protected by the reference's lock.
 */
struct fusion_ref_local {
	struct list_head link;
	struct fusion_ref *ref;
	struct fusion_member *member;
	u32 slot;
	struct drm_fusion_ref_local *state;
	u32 thrown;
	bool active;
};

/**
 * struct fusion_ref - a counted reference
 * @base: head
 * @lock: protects what follows. Of two references the one that is inherited from first.
 * @slot: of @state
 * @state: the global count, shared with user space and not to be believed
 * @attached: struct fusion_ref_local by number of the member
 * @nr_attached: how many
 * @tracked: somebody wants to know when it is at zero
 * @global_active: the global count was not zero; this and what follows: while @tracked
 * @nr_active: how many members' counts were not zero
 * @owner: member that has locked it at zero, or NULL
 * @watcher: member that is told when it falls to zero, or NULL
 * @call: how to tell it, see struct drm_fusion_ref_watch
 * @arg: with @call
 * @zero: where to put that and not to call, while somebody counts who does that; else NULL
 * @waiters: struct fusion_waiter, want to lock it, longest first; private is a struct
 *	fusion_ref_local
 * @from: reference that it inherits from, with a reference, or NULL. Changed also under
 *	the world's lock.
 * @from_active: local counts of @from were not zero, with what it inherits itself
 * @heirs: references that inherit from it. Changed also under the world's lock.
 * @heir: in @heirs of @from
 */
struct fusion_ref {
	struct fusion_object base;
	struct mutex lock;	/* all of it */
	u32 slot;
	struct drm_fusion_ref_state *state;
	struct xarray attached;
	u32 nr_attached;
	bool tracked;
	bool global_active;
	u32 nr_active;
	struct fusion_ref_local *owner;
	struct fusion_ref_local *watcher;
	u32 call;
	u64 arg;
	struct fusion_ref_zero *zero;
	struct list_head waiters;
	struct fusion_ref *from;
	bool from_active;
	struct list_head heirs;
	struct list_head heir;
};

static inline struct fusion_ref *to_ref(struct fusion_object *object)
{
	return container_of(object, struct fusion_ref, base);
}

/* A count in memory that user space maps. */
static inline atomic_t *fusion_ref_word(u32 *count)
{
	return (atomic_t *)count;
}

/* ref.c */
struct fusion_ref *fusion_ref_lock(struct fusion_member *member, u32 id);
void fusion_ref_unlock(struct fusion_ref *ref);
struct fusion_ref_local *fusion_ref_attach_member(struct fusion_ref *ref,
						  struct fusion_member *member);

/* ref-zero.c */
void fusion_ref_track(struct fusion_ref *ref);
void fusion_ref_set_active(struct fusion_ref *ref, struct fusion_ref_local *local, bool active);
void fusion_ref_forget(struct fusion_ref *ref, struct fusion_ref_local *local);
void fusion_ref_end(struct fusion_ref *ref);

#endif /* _FUSION_REF_H */
