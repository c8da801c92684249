/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of reactors share: reactor*.c
 */
#ifndef _FUSION_REACTOR_H
#define _FUSION_REACTOR_H

#include "fusion.h"

/**
 * struct fusion_reactor - a broadcast
 * @base: head
 * @lock: serialises attaching and detaching. Taken before the locks of members.
 * @channels: struct fusion_channel, for each one that was ever used
 * @nr_listeners: how many there are, protected by @lock
 * @closed: nothing is dispatched any more, it goes with the last listener. Set under @lock.
 * @nr_waiting: senders that wait for places
 */
struct fusion_reactor {
	struct fusion_object base;
	struct mutex lock;	/* attaching and detaching */
	struct xarray channels;
	u32 nr_listeners;
	bool closed;
	atomic_t nr_waiting;
};

/**
 * struct fusion_channel - those who listen to a channel
 * @listeners: by the number of the member. Read under RCU.
 * @last: the highest number that there ever was: a search that goes on beyond it costs more
 *	than all that a dispatch to a few does. Protected by the reactor's lock, and only
 *	grows.
 */
struct fusion_channel {
	struct xarray listeners;
	unsigned long last;
};

/**
 * struct fusion_listener - a member on a channel
 * @kref: references: of the channel, and of each message in the lane
 * @reactor: with a reference
 * @member: with a reference
 * @channel: constant
 * @count: how often it is attached, zero: not any more. Protected by the reactor's lock.
 * @policy: DRM_FUSION_FULL_*
 * @link: in what the member listens to, protected by the member's lock
 * @lane: its messages
 * @rcu: frees it
 */
struct fusion_listener {
	struct kref kref;
	struct fusion_reactor *reactor;
	struct fusion_member *member;
	u32 channel;
	u32 count;
	u32 policy;
	struct list_head link;
	struct fusion_lane lane;
	struct rcu_head rcu;
};

static inline struct fusion_reactor *to_reactor(struct fusion_object *object)
{
	return container_of(object, struct fusion_reactor, base);
}

/* reactor.c */
struct fusion_listener *fusion_listener_next(struct fusion_channel *channel, unsigned long *member);
void fusion_listener_put(struct fusion_listener *listener);
void fusion_listener_end(struct fusion_listener *listener);

#endif /* _FUSION_REACTOR_H */
