// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that wait for a member, and how its threads read them.
 *
 * A queue is bounded: what members send waits for room, what the kernel itself has to
 * say is counted as lost when there is none, and the reader is told how much.
 *
 * A message is processed when the thread that has read it reads again, or is gone.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fusion.h"
#include "trace.h"

/**
 * fusion_message_alloc - make a message
 * @type: DRM_FUSION_EVENT_*
 * @sender: number of the member that sends it, zero for the kernel
 *
 * Context: sleeps.
 * Return: the message, counted and loud, or NULL.
 */
struct fusion_message *fusion_message_alloc(u32 type, u32 sender)
{
	struct fusion_message *message = kzalloc(sizeof(*message), GFP_KERNEL_ACCOUNT);

	if (!message)
		return NULL;
	INIT_LIST_HEAD(&message->link);
	INIT_LIST_HEAD(&message->family);
	message->event.base.type = type;
	message->event.sender = sender;
	message->counted = true;
	return message;
}

/**
 * fusion_message_free - free a message that is in no queue
 * @message: message; its done() is not called
 *
 * Context: may sleep.
 */
void fusion_message_free(struct fusion_message *message)
{
	fusion_payload_put(message->payload);
	kfree(message);
}

static void finish(struct fusion_message *message, struct fusion_member *member)
{
	if (message->done)
		message->done(message, member);
	fusion_message_free(message);
}

/**
 * fusion_queue_init - prepare an empty queue
 * @queue: queue
 */
void fusion_queue_init(struct fusion_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->messages);
	INIT_LIST_HEAD(&queue->readers);
	INIT_LIST_HEAD(&queue->senders);
	init_waitqueue_head(&queue->pollers);
}

/* Wakes the reader that has waited longest, and those who poll. */
static void wake_reader(struct fusion_queue *queue)
{
	struct fusion_waiter *waiter;

	lockdep_assert_held(&queue->lock);
	waiter = list_first_entry_or_null(&queue->readers, struct fusion_waiter, link);
	if (waiter)
		fusion_wake(waiter, 0);
	if (wq_has_sleeper(&queue->pollers))
		wake_up(&queue->pollers);
}

static void wake_sender(struct fusion_queue *queue)
{
	struct fusion_waiter *waiter;

	lockdep_assert_held(&queue->lock);
	waiter = list_first_entry_or_null(&queue->senders, struct fusion_waiter, link);
	if (waiter)
		fusion_wake(waiter, 0);
}

static void link(struct fusion_queue *queue, struct fusion_message *message, bool first)
{
	lockdep_assert_held(&queue->lock);
	if (first)
		list_add(&message->link, &queue->messages);
	else
		list_add_tail(&message->link, &queue->messages);
	if (message->siblings) {
		if (first)
			list_add(&message->family, message->siblings);
		else
			list_add_tail(&message->family, message->siblings);
	}
	queue->nr_counted += message->counted;
	queue->nr_events += !message->counted;
	queue->loud += !message->quiet;
	queue->bytes += message->payload ? message->payload->size : 0;
}

static void unlink(struct fusion_queue *queue, struct fusion_message *message)
{
	lockdep_assert_held(&queue->lock);
	list_del_init(&message->link);
	list_del_init(&message->family);
	queue->nr_counted -= message->counted;
	queue->nr_events -= !message->counted;
	queue->loud -= !message->quiet;
	queue->bytes -= message->payload ? message->payload->size : 0;
	if (message->counted)
		wake_sender(queue);
}

/*
 * One look of a sender: 0, -ESHUTDOWN, or -EAGAIN if there is no room; then @waiter,
 * if any, is in the list.
 */
static int try_post(struct fusion_member *member, struct fusion_message *message,
		    struct fusion_waiter *waiter)
{
	struct fusion_queue *queue = &member->queue;
	int ret = 0;

	spin_lock(&queue->lock);
	if (queue->closed) {
		ret = -ESHUTDOWN;
	} else if (message->counted && queue->nr_counted >= FUSION_MAX_QUEUED) {
		ret = -EAGAIN;
		if (waiter)
			list_add_tail(&waiter->link, &queue->senders);
	} else {
		link(queue, message, false);
		trace_fusion_message_send(member->world->nr, message->event.sender, member->id,
					  message->event.base.type, message->event.object);
		if (!message->quiet)
			wake_reader(queue);
	}
	spin_unlock(&queue->lock);
	return ret;
}

/*
 * Sleeps until the waiter, which is in a list of the queue, is woken up. Returns 0 when
 * it is time to look again.
 */
static int sleep(struct fusion_queue *queue, struct fusion_waiter *waiter, ktime_t deadline)
{
	int ret = fusion_wait(waiter, deadline);

	if (!ret)
		return 0;
	spin_lock(&queue->lock);
	if (waiter->done)
		ret = 0;
	else
		list_del_init(&waiter->link);
	spin_unlock(&queue->lock);
	return ret == -EAGAIN ? 0 : ret;
}

/**
 * fusion_queue_post - put a message into the queue of a member
 * @sender: the calling thread, or NULL not to wait
 * @member: the receiver
 * @message: message. The queue owns it if the result is zero.
 * @deadline: until when @sender waits for room. Messages that are not counted do not
 *	wait.
 *
 * Context: sleeps if there is a @sender, else any.
 * Return: 0, -ESHUTDOWN if the receiver is gone or the sender has to go, -EAGAIN (without
 * @sender) or -ETIMEDOUT if there was no room, -ERESTARTSYS.
 */
int fusion_queue_post(struct fusion_thread *sender, struct fusion_member *member,
		      struct fusion_message *message, ktime_t deadline)
{
	struct fusion_queue *queue = &member->queue;
	struct fusion_waiter waiter;
	int ret;

	if (!sender)
		return try_post(member, message, NULL);
	do {
		fusion_waiter_init(&waiter, sender);
		ret = try_post(member, message, &waiter);
		if (ret != -EAGAIN)
			return ret;
		ret = sleep(queue, &waiter, deadline);
	} while (!ret);
	return ret;
}

/**
 * fusion_queue_lost - tell a member that it has not got a message
 * @member: member
 *
 * Context: any.
 */
void fusion_queue_lost(struct fusion_member *member)
{
	struct fusion_queue *queue = &member->queue;

	spin_lock(&queue->lock);
	queue->lost++;
	wake_reader(queue);
	spin_unlock(&queue->lock);
}

/**
 * fusion_queue_event - send a message of the kernel itself
 * @member: the receiver
 * @type: DRM_FUSION_EVENT_*
 * @object: number of the object, or zero
 * @arg: for the message
 *
 * It is never waited for: without room or memory it is counted as lost.
 *
 * Context: sleeps.
 */
void fusion_queue_event(struct fusion_member *member, u32 type, u32 object, u64 arg)
{
	struct fusion_message *message;

	if (READ_ONCE(member->queue.nr_events) >= FUSION_MAX_EVENTS)
		goto lost;
	message = fusion_message_alloc(type, 0);
	if (!message)
		goto lost;
	message->event.object = object;
	message->event.arg = arg;
	message->counted = false;
	if (fusion_queue_post(NULL, member, message, 0))
		fusion_message_free(message);
	return;

lost:
	fusion_queue_lost(member);
}

/**
 * fusion_queue_drop - take the oldest of messages that belong together out of a queue
 * @member: member whose queue it is
 * @siblings: their list
 *
 * The message is done, the member is not told.
 *
 * Context: may sleep.
 * Return: false if there is none.
 */
bool fusion_queue_drop(struct fusion_member *member, struct list_head *siblings)
{
	struct fusion_queue *queue = &member->queue;
	struct fusion_message *message;

	spin_lock(&queue->lock);
	message = list_first_entry_or_null(siblings, struct fusion_message, family);
	if (message)
		unlink(queue, message);
	spin_unlock(&queue->lock);
	if (!message)
		return false;
	finish(message, member);
	return true;
}

/**
 * fusion_queue_readable - whether a read would not wait
 * @member: member
 *
 * Context: any.
 * Return: true if there is a message that wakes readers up, or nothing
 * will come any more.
 */
bool fusion_queue_readable(struct fusion_member *member)
{
	struct fusion_queue *queue = &member->queue;

	return READ_ONCE(queue->loud) || READ_ONCE(queue->lost) || READ_ONCE(member->leaving) ||
	       READ_ONCE(member->world->ended);
}

static size_t handles_size(const struct fusion_message *message)
{
	return ALIGN((message->payload ? message->payload->nr_buffers : 0) * sizeof(u32), 8);
}

static size_t message_size(const struct fusion_message *message)
{
	return sizeof(message->event) + handles_size(message) +
	       ALIGN(message->payload ? message->payload->size : 0, 8);
}

/*
 * The oldest message, taken out of the queue, or ERR_PTR(-EMSGSIZE) if there is no room
 * for it, or NULL. What was lost is a message, too.
 */
static struct fusion_message *next_message(struct fusion_queue *queue, size_t room,
					   struct fusion_message *lost)
{
	struct fusion_message *message;

	spin_lock(&queue->lock);
	if (queue->lost) {
		message = ERR_PTR(-EMSGSIZE);
		if (room >= sizeof(lost->event)) {
			memset(lost, 0, sizeof(*lost));
			lost->event.base.type = DRM_FUSION_EVENT_LOST;
			lost->event.arg = queue->lost;
			queue->lost = 0;
			message = lost;
		}
		goto unlock;
	}
	message = list_first_entry_or_null(&queue->messages, struct fusion_message, link);
	if (!message)
		goto unlock;
	if (message_size(message) > room)
		message = ERR_PTR(-EMSGSIZE);
	else
		unlink(queue, message);
unlock:
	spin_unlock(&queue->lock);
	return message;
}

/* A message that could not be delivered is the next one again. */
static void put_back(struct fusion_member *member, struct fusion_message *message,
		     struct fusion_message *lost)
{
	struct fusion_queue *queue = &member->queue;
	bool closed;

	spin_lock(&queue->lock);
	closed = queue->closed;
	if (message == lost)
		queue->lost += lost->event.arg;
	else if (!closed)
		link(queue, message, true);
	wake_reader(queue);
	spin_unlock(&queue->lock);
	if (message != lost && closed)
		finish(message, member);
}

static int copy_message(struct fusion_member *member, struct fusion_message *message,
			char __user *to)
{
	struct fusion_payload *payload = message->payload;
	u32 handles[DRM_FUSION_MAX_HANDLES] = {};
	size_t filled;
	int ret;

	message->event.base.length = message_size(message);
	message->event.size = payload ? payload->size : 0;
	message->event.nr_handles = payload ? payload->nr_buffers : 0;
	ret = fusion_payload_install(member, payload, handles);
	if (ret)
		return ret;
	ret = -EFAULT;
	if (copy_to_user(to, &message->event, sizeof(message->event)))
		goto remove;
	if (!payload)
		return 0;
	to += sizeof(message->event);
	if (copy_to_user(to, handles, handles_size(message)))
		goto remove;
	to += handles_size(message);
	filled = ALIGN(payload->size, 8) - payload->size;
	if (copy_to_user(to, payload->data, payload->size) ||
	    clear_user(to + payload->size, filled))
		goto remove;
	return 0;

remove:
	fusion_payload_remove(member, payload, handles);
	return ret;
}

static void taken(struct fusion_message *message, struct fusion_thread *reader)
{
	if (message->taken)
		message->taken(message, reader);
	fusion_payload_put(message->payload);
	message->payload = NULL;
	if (!message->done) {
		fusion_message_free(message);
		return;
	}
	spin_lock(&reader->lock);
	list_add_tail(&message->link, &reader->unprocessed);
	spin_unlock(&reader->lock);
}

/* As many messages as there are and as there is room for. */
static ssize_t read_some(struct fusion_thread *reader, char __user *buffer, size_t size)
{
	struct fusion_member *member = reader->member;
	struct fusion_message *message, lost;
	size_t used = 0, length;
	int ret = 0;

	while (used < size) {
		message = next_message(&member->queue, size - used, &lost);
		if (!message)
			break;
		if (IS_ERR(message)) {
			ret = PTR_ERR(message);
			break;
		}
		if (message != &lost && message->wanted && !message->wanted(message)) {
			finish(message, member);
			continue;
		}
		length = message_size(message);
		ret = copy_message(member, message, buffer + used);
		if (ret) {
			put_back(member, message, &lost);
			break;
		}
		used += length;
		trace_fusion_message_read(member->world->nr, message->event.sender, member->id,
					  message->event.base.type, message->event.object);
		if (message != &lost)
			taken(message, reader);
	}
	return used ?: ret;
}

/**
 * fusion_queue_read - read messages
 * @reader: the calling thread
 * @buffer: where to
 * @size: its bytes
 * @deadline: until when to wait for the first one, zero not to wait
 *
 * What the thread has read before is processed now.
 *
 * Context: sleeps.
 * Return: bytes of whole messages; -EAGAIN if there is none and it must not wait,
 * -ETIMEDOUT, -EMSGSIZE if the first one has no room, -EFAULT, -ENOMEM, -ERESTARTSYS,
 * -ESHUTDOWN. A message that could not be delivered stays.
 */
ssize_t fusion_queue_read(struct fusion_thread *reader, char __user *buffer, size_t size,
			  ktime_t deadline)
{
	struct fusion_member *member = reader->member;
	struct fusion_queue *queue = &member->queue;
	struct fusion_waiter waiter;
	ssize_t ret;

	WRITE_ONCE(reader->server, true);
	fusion_queue_processed(reader);
	for (;;) {
		ret = read_some(reader, buffer, size);
		if (ret)
			return ret;
		if (READ_ONCE(member->leaving) || READ_ONCE(member->world->ended))
			return -ESHUTDOWN;
		if (!deadline)
			return -EAGAIN;
		fusion_waiter_init(&waiter, reader);
		spin_lock(&queue->lock);
		if (queue->loud || queue->lost) {
			spin_unlock(&queue->lock);
			continue;
		}
		list_add_tail(&waiter.link, &queue->readers);
		spin_unlock(&queue->lock);
		ret = sleep(queue, &waiter, deadline);
		if (ret)
			return ret;
	}
}

/**
 * fusion_queue_processed - a thread is done with all that it has read
 * @reader: thread
 *
 * Context: may sleep.
 */
void fusion_queue_processed(struct fusion_thread *reader)
{
	struct fusion_message *message, *next;
	LIST_HEAD(done);

	spin_lock(&reader->lock);
	list_splice_init(&reader->unprocessed, &done);
	spin_unlock(&reader->lock);
	list_for_each_entry_safe(message, next, &done, link)
		finish(message, reader->member);
}

/**
 * fusion_queue_close - drop all messages and take no more
 * @member: member that leaves
 *
 * Context: may sleep.
 */
void fusion_queue_close(struct fusion_member *member)
{
	struct fusion_queue *queue = &member->queue;
	struct fusion_message *message;

	for (;;) {
		spin_lock(&queue->lock);
		queue->closed = true;
		message = list_first_entry_or_null(&queue->messages, struct fusion_message, link);
		if (message)
			unlink(queue, message);
		spin_unlock(&queue->lock);
		if (!message)
			break;
		finish(message, member);
	}
	spin_lock(&queue->lock);
	fusion_wake_all(&queue->senders, 0);
	fusion_wake_all(&queue->readers, 0);
	spin_unlock(&queue->lock);
	wake_up_all(&queue->pollers);
}

/**
 * fusion_message_send - DRM_IOCTL_FUSION_MESSAGE_SEND
 * @member: active member
 * @data: struct drm_fusion_message_send
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT if there is no such member, -ESHUTDOWN if it has just gone,
 * -EMSGSIZE, -EFAULT, -ENOMEM, -ETIMEDOUT, -ERESTARTSYS.
 */
int fusion_message_send(struct fusion_member *member, void *data)
{
	struct drm_fusion_message_send *args = data;
	struct fusion_message *message;
	struct fusion_payload *payload;
	struct fusion_thread *sender;
	struct fusion_member *to;
	int ret;

	if (args->flags)
		return -EINVAL;
	to = fusion_member_find(member->world, args->member);
	if (!to)
		return -ENOENT;
	payload = fusion_payload_from_user(member, &args->payload);
	if (IS_ERR(payload)) {
		ret = PTR_ERR(payload);
		goto put_member;
	}
	message = fusion_message_alloc(DRM_FUSION_EVENT_MESSAGE, member->id);
	if (!message) {
		fusion_payload_put(payload);
		ret = -ENOMEM;
		goto put_member;
	}
	message->payload = payload;
	message->event.arg = args->kind;
	sender = fusion_thread_current(member);
	ret = PTR_ERR_OR_ZERO(sender);
	if (!ret) {
		ret = fusion_queue_post(sender, to, message, args->timeout);
		fusion_thread_put(sender);
	}
	if (ret)
		fusion_message_free(message);
put_member:
	fusion_member_put(to);
	return ret;
}
