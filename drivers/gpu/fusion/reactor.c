// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors: what one member dispatches on a channel, all that listen there get.
 *
 * A listener is one member on one channel. Its messages have a lane of their own in the
 * member's queue, so a slow listener fills its lane, and what happens then is its policy.
 *
 * A dispatch has two steps. First it takes a place in the lane of each listener whose
 * policy is to block, and waits for it. Only then it sends, and nothing waits any more. So
 * a dispatch that a signal interrupts has sent nothing and can be done again as a whole,
 * and a listener gets what one thread dispatches in the order of the requests.
 *
 * Who waits for places takes them in the order of the members, so two senders on one
 * channel do not wait for each other.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include "fusion.h"

#define REACTOR_LIMIT		64	/* of a lane, if the listener does not say */
#define REACTOR_MAX_LIMIT	1024

/**
 * struct fusion_reactor - a broadcast
 * @base: head
 * @lock: serialises attaching and detaching. Taken before the locks of members.
 * @channels: struct channel, for each one that was ever used
 * @nr_listeners: how many there are, protected by @lock
 * @nr_waiting: senders that wait for places
 */
struct fusion_reactor {
	struct fusion_object base;
	struct mutex lock;	/* attaching and detaching */
	struct xarray channels;
	u32 nr_listeners;
	atomic_t nr_waiting;
};

/**
 * struct channel - those who listen to a channel
 * @listeners: by the number of the member. Read under RCU.
 * @last: the highest number that there ever was: a search that goes on beyond it costs more
 *	than all that a dispatch to a few does. Protected by the reactor's lock, and only
 *	grows.
 */
struct channel {
	struct xarray listeners;
	unsigned long last;
};

/**
 * struct listener - a member on a channel
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
struct listener {
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

/**
 * struct dispatch - a dispatch whose end the sender wants to know
 * @refs: messages, and the request itself
 * @sender: with a reference
 * @message: for the sender
 */
struct dispatch {
	refcount_t refs;
	struct fusion_member *sender;
	struct fusion_message *message;
};

static struct fusion_reactor *to_reactor(struct fusion_object *object)
{
	return container_of(object, struct fusion_reactor, base);
}

static void listener_free(struct kref *kref)
{
	struct listener *listener = container_of(kref, struct listener, kref);

	fusion_world_uncharge(listener->member->world, sizeof(*listener));
	fusion_member_put(listener->member);
	fusion_object_put(&listener->reactor->base);
	kfree_rcu(listener, rcu);
}

static void listener_put(struct listener *listener)
{
	kref_put(&listener->kref, listener_free);
}

/* The first listener from a number of a member on, with a reference, or NULL. */
static struct listener *next_listener(struct channel *channel, unsigned long *member)
{
	unsigned long last = READ_ONCE(channel->last);
	struct listener *listener;

	rcu_read_lock();
	listener = xa_find(&channel->listeners, member, last, XA_PRESENT);
	/* Whoever has no reference left is as good as gone. */
	while (listener && !kref_get_unless_zero(&listener->kref))
		listener = xa_find_after(&channel->listeners, member, last, XA_PRESENT);
	rcu_read_unlock();
	return listener;
}

/* What is in the lane stays there. Takes the channel's reference. */
static void detach(struct listener *listener)
{
	struct fusion_reactor *reactor = listener->reactor;
	struct channel *channel = xa_load(&reactor->channels, listener->channel);
	struct fusion_member *member = listener->member;

	lockdep_assert_held(&reactor->lock);
	listener->count = 0;
	xa_erase(&channel->listeners, member->id);
	reactor->nr_listeners--;
	spin_lock(&member->lock);
	list_del(&listener->link);
	spin_unlock(&member->lock);
	fusion_lane_close(member, &listener->lane);
	listener_put(listener);
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
	unsigned long index, member;
	struct listener *listener;
	struct channel *channel;

	mutex_lock(&reactor->lock);
	xa_for_each(&reactor->channels, index, channel)
		xa_for_each(&channel->listeners, member, listener)
			detach(listener);
	mutex_unlock(&reactor->lock);
}

static void reactor_free(struct fusion_object *object)
{
	struct fusion_reactor *reactor = to_reactor(object);
	struct channel *channel;
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
	struct fusion_reactor *reactor;
	struct listener *listener;

	for (;;) {
		spin_lock(&member->lock);
		listener = list_first_entry_or_null(&member->listens, struct listener, link);
		if (listener)
			kref_get(&listener->kref);
		spin_unlock(&member->lock);
		if (!listener)
			break;
		reactor = listener->reactor;
		mutex_lock(&reactor->lock);
		if (listener->count)
			detach(listener);
		mutex_unlock(&reactor->lock);
		listener_put(listener);
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

static struct channel *make_channel(struct fusion_reactor *reactor, u32 nr)
{
	struct channel *channel = xa_load(&reactor->channels, nr);
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

static int attach_new(struct fusion_reactor *reactor, struct channel *channel,
		      struct fusion_member *member,
		      const struct drm_fusion_reactor_attach *args)
{
	struct listener *listener;
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
		listener_put(listener);
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
	struct listener *listener;
	struct channel *channel;

	lockdep_assert_held(&reactor->lock);
	if (READ_ONCE(reactor->base.dead))
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
	struct listener *listener = NULL;
	struct fusion_reactor *reactor;
	struct fusion_object *object;
	struct channel *channel;

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
	fusion_object_put(object);
	return listener ? 0 : -ENOENT;
}

/* The end of a dispatch */

static struct dispatch *dispatch_create(struct fusion_member *sender,
					struct fusion_reactor *reactor, u64 cookie)
{
	struct dispatch *dispatch = kzalloc(sizeof(*dispatch), GFP_KERNEL_ACCOUNT);

	if (!dispatch)
		return ERR_PTR(-ENOMEM);
	dispatch->message = fusion_message_alloc(DRM_FUSION_EVENT_DISPATCHED, 0);
	if (!dispatch->message) {
		kfree(dispatch);
		return ERR_PTR(-ENOMEM);
	}
	dispatch->message->event.object = reactor->base.id;
	dispatch->message->event.arg = cookie;
	refcount_set(&dispatch->refs, 1);
	fusion_member_get(sender);
	dispatch->sender = sender;
	return dispatch;
}

static void dispatch_put(struct dispatch *dispatch)
{
	if (!dispatch || !refcount_dec_and_test(&dispatch->refs))
		return;
	if (dispatch->message)
		fusion_queue_announce(dispatch->sender, dispatch->message);
	fusion_member_put(dispatch->sender);
	kfree(dispatch);
}

/* Nothing was sent: nobody is told. */
static void dispatch_forget(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	fusion_message_free(dispatch->message);
	dispatch->message = NULL;
}

/* Messages */

static struct listener *to_listener(struct fusion_message *message)
{
	return container_of(message->lane, struct listener, lane);
}

static void message_done(struct fusion_message *message, struct fusion_member *member)
{
	fusion_world_uncharge(member->world, sizeof(*message));
	if (message->lane)
		listener_put(to_listener(message));
	dispatch_put(message->private);
}

static void message_taken(struct fusion_message *message, struct fusion_thread *reader)
{
	if (message->private) {
		listener_put(to_listener(message));
		message->lane = NULL;
		return;
	}
	message_done(message, reader->member);
	message->done = NULL;
}

/* It was not sent. */
static void message_free(struct fusion_message *message)
{
	message_done(message, to_listener(message)->member);
	fusion_message_free(message);
}

/**
 * struct sending - a dispatch at work
 * @thread: the calling thread
 * @reactor: reactor
 * @args: of the request
 * @payload: for all
 * @dispatch: if the end is to be told, or NULL
 * @placed: messages that have a place
 * @direct: messages whose policy is not to wait for one
 * @late: somebody who is waited for had no place at the end
 */
struct sending {
	struct fusion_thread *thread;
	struct fusion_reactor *reactor;
	struct drm_fusion_reactor_dispatch *args;
	struct fusion_payload *payload;
	struct dispatch *dispatch;
	struct list_head placed;
	struct list_head direct;
	bool late;
};

/* Takes the reference of the listener. */
static struct fusion_message *message_create(struct sending *s, struct listener *listener)
{
	struct fusion_member *sender = s->thread->member;
	struct fusion_message *message;

	if (fusion_world_charge(sender->world, sizeof(*message)))
		goto err_listener;
	message = fusion_message_alloc(DRM_FUSION_EVENT_REACTOR, sender->id);
	if (!message)
		goto err_charge;
	message->event.object = s->reactor->base.id;
	message->event.arg = s->args->channel;
	fusion_payload_get(s->payload);
	message->payload = s->payload;
	message->lane = &listener->lane;
	message->taken = message_taken;
	message->done = message_done;
	message->private = s->dispatch;
	if (s->dispatch)
		refcount_inc(&s->dispatch->refs);
	return message;

err_charge:
	fusion_world_uncharge(sender->world, sizeof(*message));
err_listener:
	listener_put(listener);
	return NULL;
}

static int reserve(struct sending *s, struct listener *listener)
{
	int ret = fusion_lane_reserve(NULL, listener->member, &listener->lane, 0);

	if (ret != -EAGAIN)
		return ret;
	atomic_inc(&s->reactor->nr_waiting);
	ret = fusion_lane_reserve(s->thread, listener->member, &listener->lane, s->args->timeout);
	atomic_dec(&s->reactor->nr_waiting);
	return ret;
}

/* The first step for one listener. */
static int prepare(struct sending *s, struct listener *listener)
{
	struct fusion_message *message = message_create(s, listener);
	int ret;

	if (!message)
		return -ENOMEM;
	if (READ_ONCE(listener->policy) != DRM_FUSION_FULL_BLOCK) {
		list_add_tail(&message->link, &s->direct);
		return 0;
	}
	ret = reserve(s, listener);
	if (!ret) {
		list_add_tail(&message->link, &s->placed);
		return 0;
	}
	message_free(message);
	if (ret == -ETIMEDOUT)
		s->late = true;
	else if (ret == -ERESTARTSYS || fusion_member_going(s->thread->member))
		return ret;
	/* It has gone, or is left out. */
	return 0;
}

static int prepare_all(struct sending *s)
{
	struct channel *channel = xa_load(&s->reactor->channels, s->args->channel);
	bool others = s->args->flags & DRM_FUSION_DISPATCH_OTHERS;
	struct listener *listener;
	unsigned long member;
	int ret;

	if (!channel)
		return 0;
	for (member = 0; (listener = next_listener(channel, &member)); member++) {
		if (others && listener->member == s->thread->member) {
			listener_put(listener);
			continue;
		}
		ret = prepare(s, listener);
		if (ret)
			return ret;
	}
	return READ_ONCE(s->reactor->base.dead) ? -EIDRM : 0;
}

static void undo(struct sending *s)
{
	struct fusion_message *message, *next;

	list_for_each_entry_safe(message, next, &s->placed, link) {
		fusion_lane_cancel(to_listener(message)->member, message->lane);
		message_free(message);
	}
	list_for_each_entry_safe(message, next, &s->direct, link)
		message_free(message);
}

static void disconnect(struct listener *listener)
{
	struct fusion_reactor *reactor = listener->reactor;

	mutex_lock(&reactor->lock);
	if (listener->count)
		detach(listener);
	mutex_unlock(&reactor->lock);
}

/* There is no place for a message to a listener that is not waited for. */
static bool make_place(struct sending *s, struct listener *listener)
{
	switch (READ_ONCE(listener->policy)) {
	case DRM_FUSION_FULL_DROP_OLDEST:
		fusion_queue_lost(listener->member);
		return fusion_lane_drop(listener->member, &listener->lane);
	case DRM_FUSION_FULL_DISCONNECT:
		disconnect(listener);
		fusion_queue_lost(listener->member);
		return false;
	default:
		/* It has changed its mind a moment ago. */
		s->late = true;
		return false;
	}
}

/* The second step for one listener. */
static void send(struct sending *s, struct fusion_message *message, bool placed)
{
	struct listener *listener = to_listener(message);
	int ret;

	/* The message, and its reference, may be gone when it is posted. */
	kref_get(&listener->kref);
	list_del_init(&message->link);
	if (placed) {
		ret = fusion_lane_post(listener->member, message);
	} else {
		do {
			ret = fusion_queue_post(NULL, listener->member, message, 0);
		} while (ret == -EAGAIN && make_place(s, listener));
	}
	if (ret)
		message_free(message);
	else
		s->args->listeners++;
	listener_put(listener);
}

static int dispatch(struct sending *s)
{
	struct fusion_message *message, *next;
	int ret;

	ret = prepare_all(s);
	if (ret) {
		dispatch_forget(s->dispatch);
		undo(s);
		return ret;
	}
	list_for_each_entry_safe(message, next, &s->placed, link)
		send(s, message, true);
	list_for_each_entry_safe(message, next, &s->direct, link)
		send(s, message, false);
	return s->late ? -ETIMEDOUT : 0;
}

/**
 * fusion_reactor_dispatch - DRM_IOCTL_FUSION_REACTOR_DISPATCH
 * @member: active member
 * @data: struct drm_fusion_reactor_dispatch
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EIDRM, -EMSGSIZE, -EFAULT, -ENOMEM, -EUSERS, -ERESTARTSYS,
 * -ESHUTDOWN: nobody gets it. -ETIMEDOUT: some do not get it.
 */
int fusion_reactor_dispatch(struct fusion_member *member, void *data)
{
	struct drm_fusion_reactor_dispatch *args = data;
	struct sending s = { .args = args };
	struct fusion_object *object;
	int ret;

	args->listeners = 0;
	if (args->flags & ~(DRM_FUSION_DISPATCH_OTHERS | DRM_FUSION_DISPATCH_DONE) ||
	    args->channel >= DRM_FUSION_CHANNELS)
		return -EINVAL;
	INIT_LIST_HEAD(&s.placed);
	INIT_LIST_HEAD(&s.direct);
	object = fusion_object_find(member->world, DRM_FUSION_REACTOR, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	s.reactor = to_reactor(object);
	s.payload = fusion_payload_from_user(member, &args->payload);
	ret = PTR_ERR_OR_ZERO(s.payload);
	if (ret)
		goto put_object;
	s.thread = fusion_thread_current(member);
	ret = PTR_ERR_OR_ZERO(s.thread);
	if (ret)
		goto put_payload;
	if (args->flags & DRM_FUSION_DISPATCH_DONE)
		s.dispatch = dispatch_create(member, s.reactor, args->cookie);
	ret = PTR_ERR_OR_ZERO(s.dispatch);
	if (!ret) {
		ret = dispatch(&s);
		dispatch_put(s.dispatch);
	}
	fusion_thread_put(s.thread);
put_payload:
	fusion_payload_put(s.payload);
put_object:
	fusion_object_put(object);
	return ret;
}
