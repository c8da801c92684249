// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors of the old interface: who is attached is known by those of the engine, messages
 * go into the packets of the old interface.
 *
 * A dispatch makes all messages, and waits for room where they go to, before it sends the
 * first one. So one that a signal interrupts has sent nothing, and is done again as a whole.
 *
 * When all have processed a message, or are gone, the callback of the reactor is called. It
 * has a reference of each message, and one of the dispatch itself.
 */
#include <linux/err.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "legacy.h"

/**
 * struct callback - to be called when all have processed a message
 * @refs: messages, and the request itself
 * @world: with a reference
 * @call: number of the call
 * @arg: its argument
 * @ptr: its pointer
 */
struct callback {
	refcount_t refs;
	struct fusion_world *world;
	u32 call;
	s32 arg;
	u64 ptr;
};

/**
 * struct sending - a dispatch at work
 * @op: request
 * @args: its argument
 * @data: what is sent
 * @callback: or NULL
 * @messages: that are made; the receiver's id is in their arg
 */
struct sending {
	struct fusion_legacy_op *op;
	const struct fusion_legacy_reactor_dispatch *args;
	void *data;
	struct callback *callback;
	struct list_head messages;
};

static int reactor_new(struct fusion_legacy_op *op)
{
	return fusion_legacy_new(op, DRM_FUSION_REACTOR);
}

/* Attaching */

/* Up to version 4 there are no channels. The id is not read again. */
static int read_channel(struct fusion_legacy_op *op, u32 *channel)
{
	s32 __user *args = op->user;

	*channel = 0;
	if (op->world->major <= 4)
		return 0;
	return get_user(*channel, args + 1);
}

static int attach(struct fusion_legacy_op *op)
{
	/* The limit is that of the packets: nothing goes into the lane of the engine. */
	struct drm_fusion_reactor_attach args = { .id = op->object->id };
	int ret;

	ret = read_channel(op, &args.channel);
	if (!ret)
		ret = fusion_reactor_attach(op->member, &args);
	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_ATTACH);
	return ret;
}

static int detach(struct fusion_legacy_op *op)
{
	struct drm_fusion_reactor_attach args = { .id = op->object->id };
	int ret;

	ret = read_channel(op, &args.channel);
	if (!ret)
		ret = fusion_reactor_detach(op->member, &args);
	if (!ret)
		fusion_legacy_count(op, FUSION_STAT_DETACH);
	return ret == -ENOENT ? -EIO : ret;
}

static int copy(struct fusion_member *child, struct fusion_member *parent)
{
	return fusion_reactors_copy(parent, child);
}

/* Callbacks */

static void callback_put(struct callback *callback)
{
	if (!callback || !refcount_dec_and_test(&callback->refs))
		return;
	/* Without the call, or room for it, there is nobody to be told. */
	if (callback->call)
		fusion_legacy_call_kernel(callback->world, callback->call, callback->arg,
					  callback->ptr);
	fusion_world_put(callback->world);
	kfree(callback);
}

/* A message that is one pointer into the window of the world is what the callback is about. */
static bool is_pointer(struct sending *s, u64 *ptr)
{
	u64 base = FUSION_LEGACY_BASE + s->op->world->nr * (u64)FUSION_LEGACY_SIZE;
	unsigned long value;

	if (s->args->size != sizeof(value))
		return false;
	memcpy(&value, s->data, sizeof(value));
	*ptr = value;
	return value >= base && value - base < FUSION_LEGACY_SIZE;
}

/* The callback of a dispatch, NULL if the reactor has none, or ERR_PTR(-ENOMEM). */
static struct callback *callback_create(struct sending *s)
{
	struct fusion_object *object = s->op->object;
	struct fusion_legacy_entry *entry = fusion_legacy_entry(object);
	struct callback *callback;
	u64 call, ptr, value;

	spin_lock(&object->lock);
	call = entry->cookies[0];
	ptr = entry->cookies[1];
	spin_unlock(&object->lock);
	if (!call)
		return NULL;
	callback = kzalloc(sizeof(*callback), GFP_KERNEL_ACCOUNT);
	if (!callback)
		return ERR_PTR(-ENOMEM);
	refcount_set(&callback->refs, 1);
	fusion_world_get(s->op->world->world);
	callback->world = s->op->world->world;
	callback->call = call;
	callback->arg = s->args->channel;
	callback->ptr = is_pointer(s, &value) ? value : ptr;
	return callback;
}

static int set_callback(struct fusion_legacy_op *op)
{
	struct fusion_legacy_reactor_callback *args = op->data;
	struct fusion_legacy_entry *entry = fusion_legacy_entry(op->object);

	if (args->call_id < 0)
		return -EINVAL;
	spin_lock(&op->object->lock);
	entry->cookies[0] = args->call_id;
	entry->cookies[1] = args->call_ptr;
	spin_unlock(&op->object->lock);
	return 0;
}

/* Dispatching */

static void message_done(struct fusion_legacy_message *message, struct fusion_member *receiver)
{
	callback_put(message->private);
}

/* It was not sent. */
static void message_drop(struct fusion_legacy_message *message)
{
	list_del_init(&message->link);
	callback_put(message->private);
	fusion_legacy_message_free(message);
}

/* The first step for one receiver. */
static int prepare(struct fusion_member *member, void *data)
{
	struct sending *s = data;
	struct fusion_legacy_op *op = s->op;
	struct fusion_legacy_message *message;
	int ret;

	if (member == op->member && !s->args->self)
		return 0;
	ret = fusion_legacy_room(op->thread, member);
	if (ret == -ESHUTDOWN && !fusion_member_going(op->member))
		return 0;
	if (ret)
		return ret;
	message = fusion_legacy_message_alloc(op->world->world, FMT_REACTOR, op->object->id,
					      s->args->channel, s->args->size);
	if (IS_ERR(message))
		return PTR_ERR(message);
	memcpy(message->data, s->data, s->args->size);
	message->arg = member->id;
	if (s->callback) {
		refcount_inc(&s->callback->refs);
		message->private = s->callback;
		message->done = message_done;
	}
	list_add_tail(&message->link, &s->messages);
	return 0;
}

/* The second step for one receiver, which may have gone. */
static void send(struct sending *s, struct fusion_legacy_message *message)
{
	struct fusion_member *member = fusion_member_find(s->op->world->world, message->arg);

	list_del_init(&message->link);
	if (!member || fusion_legacy_post(NULL, member, message))
		message_drop(message);
	else
		fusion_legacy_sent(s->op->member);
	if (member)
		fusion_member_put(member);
}

static int dispatch_all(struct sending *s)
{
	struct fusion_object *object = s->op->object;
	struct fusion_legacy_message *message, *next;
	int ret;

	ret = fusion_reactor_each(object, s->args->channel, prepare, s);
	if (ret && s->callback)
		/* Nothing was sent: nobody is told. */
		s->callback->call = 0;
	list_for_each_entry_safe(message, next, &s->messages, link) {
		if (ret)
			message_drop(message);
		else
			send(s, message);
	}
	if (ret)
		return ret;
	atomic_long_inc(&fusion_legacy_entry(object)->uses);
	fusion_legacy_count(s->op, FUSION_STAT_DISPATCH);
	return 0;
}

static int dispatch(struct fusion_legacy_op *op)
{
	const struct fusion_legacy_reactor_dispatch *args = op->data;
	struct sending s = { .op = op, .args = args };
	int ret;

	if (args->size <= 0 || args->channel < 0 || args->channel >= FUSION_MAX_CHANNELS)
		return -EINVAL;
	if (args->size > FUSION_MAX_MESSAGE_SIZE)
		return -EMSGSIZE;
	if (args->size > FUSION_MAX_PACKET_SIZE - sizeof(struct fusion_legacy_message_header))
		return -E2BIG;
	INIT_LIST_HEAD(&s.messages);
	s.data = memdup_user(u64_to_user_ptr(args->data), args->size);
	if (IS_ERR(s.data))
		return PTR_ERR(s.data);
	s.callback = callback_create(&s);
	ret = PTR_ERR_OR_ZERO(s.callback);
	if (!ret) {
		ret = dispatch_all(&s);
		callback_put(s.callback);
	}
	kfree(s.data);
	return ret;
}

/* Who is attached stays so until he detaches, but gets nothing any more. */
static int reactor_destroy(struct fusion_legacy_op *op)
{
	return fusion_reactor_close(op->object);
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_REACTOR_NEW)] = { reactor_new, 0, sizeof(s32), FUSION_LEGACY_NEW },
	[_IOC_NR(FUSION_REACTOR_ATTACH)] = { attach, sizeof(s32) },
	[_IOC_NR(FUSION_REACTOR_DETACH)] = { detach, sizeof(s32) },
	[_IOC_NR(FUSION_REACTOR_DISPATCH)] = {
		dispatch, sizeof(struct fusion_legacy_reactor_dispatch)
	},
	[_IOC_NR(FUSION_REACTOR_DESTROY)] = { reactor_destroy, sizeof(s32) },
	[_IOC_NR(FUSION_REACTOR_SET_DISPATCH_CALLBACK)] = {
		set_callback, sizeof(struct fusion_legacy_reactor_callback)
	},
};

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct drm_fusion_query_object record;

	fusion_object_record(object, &record);
	seq_printf(m, "%5ldx dispatch, %u nodes%s",
		   atomic_long_read(&fusion_legacy_entry(object)->uses), record.count,
		   fusion_reactor_closed(object) ? "  DESTROYED" : "");
}

const struct fusion_legacy_type fusion_legacy_reactor = {
	.name = "reactors",
	.class = DRM_FUSION_REACTOR,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.fork = copy,
	.show = show,
};
