// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors: what one member dispatches on a channel, all that listen there get.
 *
 * A listener is one member on one channel. Its messages have a lane of their own in the
 * member's queue, so a slow listener fills its lane, and what happens then is its policy.
 * See reactor-dispatch.c for the sending.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include "reactor.h"

#define REACTOR_LIMIT		64	/* of a lane, if the listener does not say */
#define REACTOR_MAX_LIMIT	1024

static void listener_free(struct kref *kref)
{
	struct fusion_listener *listener = container_of(kref, struct fusion_listener, kref);

	fusion_world_uncharge(listener->member->world, sizeof(*listener));
	fusion_member_put(listener->member);
	fusion_object_put(&listener->reactor->base);
	kfree_rcu(listener, rcu);
}

/**
 * fusion_listener_put - drop a reference
 * @listener: listener
 *
 * Context: any.
 */
void fusion_listener_put(struct fusion_listener *listener)
{
	kref_put(&listener->kref, listener_free);
}

/**
 * fusion_listener_next - the first listener from a number of a member on
 * @channel: of a reactor
 * @member: number of a member, set to that of the listener
 *
 * Context: any.
 * Return: the listener with a reference, or NULL.
 */
struct fusion_listener *fusion_listener_next(struct fusion_channel *channel, unsigned long *member)
{
	unsigned long last = READ_ONCE(channel->last);
	struct fusion_listener *listener;

	rcu_read_lock();
	listener = xa_find(&channel->listeners, member, last, XA_PRESENT);
	/* Whoever has no reference left is as good as gone. */
	while (listener && !kref_get_unless_zero(&listener->kref))
		listener = xa_find_after(&channel->listeners, member, last, XA_PRESENT);
	rcu_read_unlock();
	return listener;
}

/* What is in the lane stays there. Takes the channel's reference. */
static void detach(struct fusion_listener *listener)
{
	struct fusion_reactor *reactor = listener->reactor;
	struct fusion_channel *channel = xa_load(&reactor->channels, listener->channel);
	struct fusion_member *member = listener->member;

	lockdep_assert_held(&reactor->lock);
	listener->count = 0;
	xa_erase(&channel->listeners, member->id);
	reactor->nr_listeners--;
	spin_lock(&member->lock);
	list_del(&listener->link);
	spin_unlock(&member->lock);
	fusion_lane_close(member, &listener->lane);
	fusion_listener_put(listener);
}

/* One that is closed goes with its last listener. */
static void remove_unused(struct fusion_reactor *reactor)
{
	bool unused;

	mutex_lock(&reactor->lock);
	unused = reactor->closed && !reactor->nr_listeners;
	mutex_unlock(&reactor->lock);
	if (unused)
		fusion_object_remove(&reactor->base);
}

/**
 * fusion_listener_end - detach a listener, however often it was attached
 * @listener: listener
 *
 * Context: sleeps.
 */
void fusion_listener_end(struct fusion_listener *listener)
{
	struct fusion_reactor *reactor = listener->reactor;

	mutex_lock(&reactor->lock);
	if (listener->count)
		detach(listener);
	mutex_unlock(&reactor->lock);
	remove_unused(reactor);
}

/* The kind of objects */

static struct fusion_object *reactor_create(struct fusion_member *member,
					    struct drm_fusion_object_create *args)
{
	struct fusion_reactor *reactor;

	if (args->arg)
		return ERR_PTR(-EINVAL);
	reactor = kzalloc(sizeof(*reactor), GFP_KERNEL_ACCOUNT);
	if (!reactor)
		return ERR_PTR(-ENOMEM);
	fusion_object_init(&reactor->base, DRM_FUSION_REACTOR, member, args->name);
	mutex_init(&reactor->lock);
	xa_init(&reactor->channels);
	return &reactor->base;
}

static void reactor_destroy(struct fusion_object *object)
{
	struct fusion_reactor *reactor = to_reactor(object);
	struct fusion_listener *listener;
	struct fusion_channel *channel;
	unsigned long index, member;

	mutex_lock(&reactor->lock);
	xa_for_each(&reactor->channels, index, channel)
		xa_for_each(&channel->listeners, member, listener)
			detach(listener);
	mutex_unlock(&reactor->lock);
}

static void reactor_free(struct fusion_object *object)
{
	struct fusion_reactor *reactor = to_reactor(object);
	struct fusion_channel *channel;
	unsigned long index;

	xa_for_each(&reactor->channels, index, channel) {
		xa_destroy(&channel->listeners);
		kfree(channel);
	}
	xa_destroy(&reactor->channels);
	mutex_destroy(&reactor->lock);
	kfree_rcu(reactor, base.rcu);
}

static void reactor_leave(struct fusion_member *member)
{
	struct fusion_listener *listener;

	for (;;) {
		spin_lock(&member->lock);
		listener = list_first_entry_or_null(&member->listens, struct fusion_listener, link);
		if (listener)
			kref_get(&listener->kref);
		spin_unlock(&member->lock);
		if (!listener)
			break;
		fusion_listener_end(listener);
		fusion_listener_put(listener);
	}
}

static void reactor_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_reactor *reactor = to_reactor(object);

	record->count = READ_ONCE(reactor->nr_listeners);
	record->waiters = atomic_read(&reactor->nr_waiting);
}

const struct fusion_type fusion_reactor_type = {
	.name = "reactor",
	.create = reactor_create,
	.destroy = reactor_destroy,
	.free = reactor_free,
	.leave = reactor_leave,
	.query = reactor_query,
};

/* Attaching */

static struct fusion_channel *make_channel(struct fusion_reactor *reactor, u32 nr)
{
	struct fusion_channel *channel = xa_load(&reactor->channels, nr);
	int ret;

	lockdep_assert_held(&reactor->lock);
	if (channel)
		return channel;
	channel = kzalloc(sizeof(*channel), GFP_KERNEL_ACCOUNT);
	if (!channel)
		return ERR_PTR(-ENOMEM);
	xa_init(&channel->listeners);
	ret = xa_insert(&reactor->channels, nr, channel, GFP_KERNEL_ACCOUNT);
	if (ret) {
		kfree(channel);
		return ERR_PTR(ret);
	}
	return channel;
}

static int attach_new(struct fusion_reactor *reactor, struct fusion_channel *channel,
		      struct fusion_member *member,
		      const struct drm_fusion_reactor_attach *args)
{
	struct fusion_listener *listener;
	int ret;

	ret = fusion_world_charge(member->world, sizeof(*listener));
	if (ret)
		return ret;
	listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	if (!listener) {
		fusion_world_uncharge(member->world, sizeof(*listener));
		return -ENOMEM;
	}
	kref_init(&listener->kref);
	fusion_object_get(&reactor->base);
	listener->reactor = reactor;
	fusion_member_get(member);
	listener->member = member;
	listener->channel = args->channel;
	listener->count = 1;
	listener->policy = args->policy;
	fusion_lane_init(&listener->lane, args->limit);
	ret = xa_insert(&channel->listeners, member->id, listener, GFP_KERNEL_ACCOUNT);
	if (ret) {
		fusion_listener_put(listener);
		return ret;
	}
	WRITE_ONCE(channel->last, max_t(unsigned long, channel->last, member->id));
	reactor->nr_listeners++;
	spin_lock(&member->lock);
	list_add_tail(&listener->link, &member->listens);
	spin_unlock(&member->lock);
	return 0;
}

static int attach(struct fusion_reactor *reactor, struct fusion_member *member,
		  const struct drm_fusion_reactor_attach *args)
{
	struct fusion_listener *listener;
	struct fusion_channel *channel;

	lockdep_assert_held(&reactor->lock);
	if (READ_ONCE(reactor->base.dead) || reactor->closed)
		return -EIDRM;
	channel = make_channel(reactor, args->channel);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	listener = xa_load(&channel->listeners, member->id);
	if (!listener)
		return attach_new(reactor, channel, member, args);
	if (listener->count == U32_MAX)
		return -EOVERFLOW;
	listener->count++;
	WRITE_ONCE(listener->policy, args->policy);
	fusion_lane_limit(member, &listener->lane, args->limit);
	return 0;
}

/**
 * fusion_reactor_attach - DRM_IOCTL_FUSION_REACTOR_ATTACH
 * @member: active member
 * @data: struct drm_fusion_reactor_attach
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -ENOMEM, -EOVERFLOW.
 */
int fusion_reactor_attach(struct fusion_member *member, void *data)
{
	struct drm_fusion_reactor_attach *args = data;
	struct fusion_reactor *reactor;
	struct fusion_object *object;
	int ret;

	if (args->channel >= DRM_FUSION_CHANNELS || args->policy > DRM_FUSION_FULL_DISCONNECT ||
	    args->limit > REACTOR_MAX_LIMIT)
		return -EINVAL;
	args->limit = args->limit ?: REACTOR_LIMIT;
	object = fusion_object_find(member->world, DRM_FUSION_REACTOR, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	reactor = to_reactor(object);
	mutex_lock(&reactor->lock);
	ret = attach(reactor, member, args);
	mutex_unlock(&reactor->lock);
	fusion_object_put(object);
	return ret;
}

/**
 * fusion_reactor_detach - DRM_IOCTL_FUSION_REACTOR_DETACH
 * @member: active member
 * @data: struct drm_fusion_reactor_attach
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT if there is no such reactor, or the member is not attached.
 */
int fusion_reactor_detach(struct fusion_member *member, void *data)
{
	struct drm_fusion_reactor_attach *args = data;
	struct fusion_listener *listener = NULL;
	struct fusion_reactor *reactor;
	struct fusion_object *object;
	struct fusion_channel *channel;

	if (args->channel >= DRM_FUSION_CHANNELS || args->policy || args->limit)
		return -EINVAL;
	object = fusion_object_find(member->world, DRM_FUSION_REACTOR, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	reactor = to_reactor(object);
	mutex_lock(&reactor->lock);
	channel = xa_load(&reactor->channels, args->channel);
	if (channel)
		listener = xa_load(&channel->listeners, member->id);
	if (listener && listener->count > 1)
		listener->count--;
	else if (listener)
		detach(listener);
	mutex_unlock(&reactor->lock);
	if (listener)
		remove_unused(reactor);
	fusion_object_put(object);
	return listener ? 0 : -ENOENT;
}

/**
 * fusion_reactor_close - nothing is dispatched any more, and it goes with the last listener
 * @object: reactor
 *
 * Context: sleeps.
 * Return: 0, -EIDRM if it was closed or destroyed.
 */
int fusion_reactor_close(struct fusion_object *object)
{
	struct fusion_reactor *reactor = to_reactor(object);
	bool late;

	mutex_lock(&reactor->lock);
	late = fusion_reactor_closed(object);
	WRITE_ONCE(reactor->closed, true);
	mutex_unlock(&reactor->lock);
	if (late)
		return -EIDRM;
	remove_unused(reactor);
	return 0;
}

/**
 * fusion_reactor_closed - whether nothing is dispatched any more
 * @object: reactor
 *
 * Context: any.
 * Return: true if it was closed or destroyed.
 */
bool fusion_reactor_closed(struct fusion_object *object)
{
	return READ_ONCE(to_reactor(object)->closed) || READ_ONCE(object->dead);
}

/**
 * fusion_reactor_each - visit the members that listen on a channel
 * @object: reactor
 * @nr: of the channel, below DRM_FUSION_CHANNELS
 * @visit: called for each one, without locks. What is not zero ends it.
 * @data: for @visit
 *
 * Who comes or goes meanwhile is visited or not.
 *
 * Context: as @visit.
 * Return: 0, what @visit returned, -EIDRM if it was closed or destroyed.
 */
int fusion_reactor_each(struct fusion_object *object, u32 nr,
			int (*visit)(struct fusion_member *member, void *data), void *data)
{
	struct fusion_reactor *reactor = to_reactor(object);
	struct fusion_channel *channel = xa_load(&reactor->channels, nr);
	struct fusion_listener *listener;
	unsigned long member = 0;
	int ret;

	for (; channel && (listener = fusion_listener_next(channel, &member)); member++) {
		ret = visit(listener->member, data);
		fusion_listener_put(listener);
		if (ret)
			return ret;
	}
	return fusion_reactor_closed(object) ? -EIDRM : 0;
}

/* Attaches a member where and as often as another one is. */
static int copy(struct fusion_listener *from, struct fusion_member *to)
{
	struct fusion_reactor *reactor = from->reactor;
	struct drm_fusion_reactor_attach args = {
		.channel = from->channel,
		.policy = from->policy,
		.limit = from->lane.limit,
	};
	struct fusion_channel *channel;
	struct fusion_listener *listener;
	int ret;

	lockdep_assert_held(&reactor->lock);
	if (!from->count || reactor->closed)
		return 0;
	ret = attach(reactor, to, &args);
	if (ret)
		return ret;
	channel = xa_load(&reactor->channels, from->channel);
	listener = xa_load(&channel->listeners, to->id);
	if (check_add_overflow(listener->count, from->count - 1, &listener->count)) {
		listener->count = U32_MAX;
		return -EOVERFLOW;
	}
	return 0;
}

/* The listeners of a member, each with a reference, or ERR_PTR(-ENOMEM). */
static struct fusion_listener **get_all(struct fusion_member *member, u32 *nr)
{
	struct fusion_listener *listener, **all;
	u32 room = 1;

	spin_lock(&member->lock);
	list_for_each_entry(listener, &member->listens, link)
		room++;
	spin_unlock(&member->lock);
	all = kvmalloc_array(room, sizeof(*all), GFP_KERNEL_ACCOUNT);
	if (!all)
		return ERR_PTR(-ENOMEM);
	*nr = 0;
	spin_lock(&member->lock);
	list_for_each_entry(listener, &member->listens, link) {
		/* It is just getting more: that is as if it was after the copy. */
		if (*nr == room)
			break;
		kref_get(&listener->kref);
		all[(*nr)++] = listener;
	}
	spin_unlock(&member->lock);
	return all;
}

/**
 * fusion_reactors_copy - attach a member to all that another one is attached to
 * @from: active member
 * @to: active member
 *
 * Costs as much as @from has.
 *
 * Context: sleeps.
 * Return: 0, or -EOVERFLOW, -ENOMEM: then some are copied.
 */
int fusion_reactors_copy(struct fusion_member *from, struct fusion_member *to)
{
	struct fusion_listener **all;
	int ret = 0;
	u32 nr, i;

	all = get_all(from, &nr);
	if (IS_ERR(all))
		return PTR_ERR(all);
	for (i = 0; i < nr; i++) {
		mutex_lock(&all[i]->reactor->lock);
		if (!ret)
			ret = copy(all[i], to);
		mutex_unlock(&all[i]->reactor->lock);
		fusion_listener_put(all[i]);
		cond_resched();
	}
	kvfree(all);
	return ret;
}
