// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors: sending.
 *
 * A dispatch has two steps. First it takes a place in the lane of each listener whose
 * policy is to block, and waits for it. Only then it sends, and nothing waits any more. So
 * a dispatch that a signal interrupts has sent nothing and can be done again as a whole,
 * and a listener gets what one thread dispatches in the order of the requests.
 *
 * Who waits for places takes them in the order of the members, so two senders on one
 * channel do not wait for each other.
 */
#include <linux/slab.h>
#include "reactor.h"

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

static struct fusion_listener *to_listener(struct fusion_message *message)
{
	return container_of(message->lane, struct fusion_listener, lane);
}

static void message_done(struct fusion_message *message, struct fusion_member *member)
{
	fusion_world_uncharge(member->world, sizeof(*message));
	if (message->lane)
		fusion_listener_put(to_listener(message));
	dispatch_put(message->private);
}

static void message_taken(struct fusion_message *message, struct fusion_thread *reader)
{
	if (message->private) {
		fusion_listener_put(to_listener(message));
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
static struct fusion_message *message_create(struct sending *s, struct fusion_listener *listener)
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
	fusion_listener_put(listener);
	return NULL;
}

static int reserve(struct sending *s, struct fusion_listener *listener)
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
static int prepare(struct sending *s, struct fusion_listener *listener)
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
	struct fusion_channel *channel = xa_load(&s->reactor->channels, s->args->channel);
	bool others = s->args->flags & DRM_FUSION_DISPATCH_OTHERS;
	struct fusion_listener *listener;
	unsigned long member;
	int ret;

	if (!channel)
		return 0;
	for (member = 0; (listener = fusion_listener_next(channel, &member)); member++) {
		if (others && listener->member == s->thread->member) {
			fusion_listener_put(listener);
			continue;
		}
		ret = prepare(s, listener);
		if (ret)
			return ret;
	}
	return fusion_reactor_closed(&s->reactor->base) ? -EIDRM : 0;
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

/* There is no place for a message to a listener that is not waited for. */
static bool make_place(struct sending *s, struct fusion_listener *listener)
{
	switch (READ_ONCE(listener->policy)) {
	case DRM_FUSION_FULL_DROP_OLDEST:
		fusion_queue_lost(listener->member);
		return fusion_lane_drop(listener->member, &listener->lane);
	case DRM_FUSION_FULL_DISCONNECT:
		fusion_listener_end(listener);
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
	struct fusion_listener *listener = to_listener(message);
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
	fusion_listener_put(listener);
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
