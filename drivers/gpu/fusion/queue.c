// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that wait for a member, and how its threads read them.
 *
 * A queue is bounded, by lanes: each message takes a place in one of them. What members
 * send waits for a place, what the kernel itself has to say is counted as lost when
 * there is none, and the reader is told how much. Each attachment to a reactor has a lane
 * of its own. All lanes are read in the order in which the messages came.
 *
 * A place is given back when the message is read, and then one sender is woken up, which
 * looks again: somebody else may have been faster, then it is the first one to wait.
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
 * Return: the message, a loud one, or NULL.
 */
struct fusion_message *fusion_message_alloc(u32 type, u32 sender)
{
	struct fusion_message *message = kzalloc(sizeof(*message), GFP_KERNEL_ACCOUNT);

	if (!message)
		return NULL;
	INIT_LIST_HEAD(&message->link);
	INIT_LIST_HEAD(&message->in_lane);
	message->event.base.type = type;
	message->event.sender = sender;
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
 * fusion_lane_init - prepare an empty lane
 * @lane: lane
 * @limit: how many messages may be in it
 */
void fusion_lane_init(struct fusion_lane *lane, u32 limit)
{
	INIT_LIST_HEAD(&lane->messages);
	INIT_LIST_HEAD(&lane->senders);
	lane->nr = 0;
	lane->limit = limit;
	lane->closed = false;
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
	fusion_lane_init(&queue->members, FUSION_MAX_QUEUED);
	fusion_lane_init(&queue->events, FUSION_MAX_EVENTS);
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

/* A place is free. */
static void leave_lane(struct fusion_queue *queue, struct fusion_lane *lane)
{
	struct fusion_waiter *waiter;

	lockdep_assert_held(&queue->lock);
	lane->nr--;
	waiter = list_first_entry_or_null(&lane->senders, struct fusion_waiter, link);
	if (waiter)
		fusion_wake(waiter, 0);
}

/* Takes a place: 0, -ESHUTDOWN, -ENOTCONN, or -EAGAIN if there is none. */
static int enter_lane(struct fusion_queue *queue, struct fusion_lane *lane)
{
	lockdep_assert_held(&queue->lock);
	if (queue->closed)
		return -ESHUTDOWN;
	if (lane->closed)
		return -ENOTCONN;
	if (lane->nr >= lane->limit)
		return -EAGAIN;
	lane->nr++;
	return 0;
}

/* The message has its place. */
static void link(struct fusion_queue *queue, struct fusion_message *message, bool first)
{
	struct fusion_member *member = container_of(queue, struct fusion_member, queue);

	lockdep_assert_held(&queue->lock);
	if (first) {
		list_add(&message->link, &queue->messages);
		list_add(&message->in_lane, &message->lane->messages);
	} else {
		list_add_tail(&message->link, &queue->messages);
		list_add_tail(&message->in_lane, &message->lane->messages);
		trace_fusion_message_send(member->world->nr, message->event.sender, member->id,
					  message->event.base.type, message->event.object);
	}
	if (message->exec)
		message->exec->message = message;
	/* Who sends next would wait for a reader that sleeps. */
	if (message->lane->nr >= message->lane->limit)
		message->quiet = false;
	queue->nr++;
	queue->loud += !message->quiet;
	queue->bytes += message->payload ? message->payload->size : 0;
	if (!message->quiet)
		wake_reader(queue);
}

/* It keeps its place until leave_lane(). */
static void unlink(struct fusion_queue *queue, struct fusion_message *message)
{
	lockdep_assert_held(&queue->lock);
	list_del_init(&message->link);
	list_del_init(&message->in_lane);
	if (message->exec)
		message->exec->message = NULL;
	queue->nr--;
	queue->loud -= !message->quiet;
	queue->bytes -= message->payload ? message->payload->size : 0;
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

/* Takes a place for a message and puts it there, if there is one. See enter_lane(). */
static int enter(struct fusion_thread *sender, struct fusion_member *member,
		 struct fusion_lane *lane, struct fusion_message *message, ktime_t deadline)
{
	struct fusion_queue *queue = &member->queue;
	struct fusion_waiter waiter;
	bool again = false;
	int ret;

	for (;;) {
		if (sender)
			fusion_waiter_init(&waiter, sender);
		spin_lock(&queue->lock);
		ret = enter_lane(queue, lane);
		if (!ret && message)
			link(queue, message, false);
		if (ret == -EAGAIN && sender) {
			if (again)
				list_add(&waiter.link, &lane->senders);
			else
				list_add_tail(&waiter.link, &lane->senders);
		}
		spin_unlock(&queue->lock);
		if (ret != -EAGAIN || !sender)
			return ret;
		ret = sleep(queue, &waiter, deadline);
		if (ret)
			return ret;
		if (message && message->wanted && !message->wanted(message))
			deadline = 0;
		again = true;
	}
}

/**
 * fusion_queue_post - put a message into the queue of a member
 * @sender: the calling thread, or NULL not to wait
 * @member: the receiver
 * @message: message. The queue owns it if the result is zero.
 * @deadline: until when @sender waits for a place
 *
 * Context: sleeps if there is a @sender, else any.
 * Return: 0, -ESHUTDOWN if the receiver is gone or the sender has to go, -ENOTCONN if the
 * lane was closed, -EAGAIN (without @sender) or -ETIMEDOUT if there was no place,
 * -ERESTARTSYS.
 */
int fusion_queue_post(struct fusion_thread *sender, struct fusion_member *member,
		      struct fusion_message *message, ktime_t deadline)
{
	if (!message->lane)
		message->lane = &member->queue.members;
	return enter(sender, member, message->lane, message, deadline);
}

/**
 * fusion_lane_reserve - take a place for a message that will come
 * @sender: the calling thread, or NULL not to wait
 * @member: the receiver
 * @lane: lane
 * @deadline: until when @sender waits for a place
 *
 * Use it with fusion_lane_post(), or give it back with fusion_lane_cancel().
 *
 * Context: sleeps if there is a @sender, else any.
 * Return: as fusion_queue_post().
 */
int fusion_lane_reserve(struct fusion_thread *sender, struct fusion_member *member,
			struct fusion_lane *lane, ktime_t deadline)
{
	return enter(sender, member, lane, NULL, deadline);
}

/**
 * fusion_lane_cancel - give a place back
 * @member: the receiver
 * @lane: lane with a place that was reserved
 *
 * Context: any.
 */
void fusion_lane_cancel(struct fusion_member *member, struct fusion_lane *lane)
{
	struct fusion_queue *queue = &member->queue;

	spin_lock(&queue->lock);
	leave_lane(queue, lane);
	spin_unlock(&queue->lock);
}

/**
 * fusion_lane_post - put a message into a place that was reserved
 * @member: the receiver
 * @message: message. The queue owns it if the result is zero.
 *
 * Context: any.
 * Return: 0, -ESHUTDOWN or -ENOTCONN as fusion_queue_post(): then the place is given back.
 */
int fusion_lane_post(struct fusion_member *member, struct fusion_message *message)
{
	struct fusion_queue *queue = &member->queue;
	int ret = 0;

	spin_lock(&queue->lock);
	if (queue->closed)
		ret = -ESHUTDOWN;
	else if (message->lane->closed)
		ret = -ENOTCONN;
	if (ret)
		leave_lane(queue, message->lane);
	else
		link(queue, message, false);
	spin_unlock(&queue->lock);
	return ret;
}

/**
 * fusion_lane_limit - set how many messages may be in a lane
 * @member: member whose queue it is
 * @lane: lane
 * @limit: limit. What is there stays.
 *
 * Context: any.
 */
void fusion_lane_limit(struct fusion_member *member, struct fusion_lane *lane, u32 limit)
{
	struct fusion_queue *queue = &member->queue;

	spin_lock(&queue->lock);
	lane->limit = limit;
	fusion_wake_all(&lane->senders, 0);
	spin_unlock(&queue->lock);
}

/**
 * fusion_lane_close - take no more messages
 * @member: member whose queue it is
 * @lane: lane. What is there stays; who waits for a place learns that it is closed.
 *
 * Context: any.
 */
void fusion_lane_close(struct fusion_member *member, struct fusion_lane *lane)
{
	struct fusion_queue *queue = &member->queue;

	spin_lock(&queue->lock);
	lane->closed = true;
	fusion_wake_all(&lane->senders, 0);
	spin_unlock(&queue->lock);
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
 * fusion_queue_announce - put a message of the kernel itself into the queue of a member
 * @member: the receiver
 * @message: message. The queue owns it.
 *
 * It is never waited for: without room it is done, and counted as lost.
 *
 * Context: may sleep.
 */
void fusion_queue_announce(struct fusion_member *member, struct fusion_message *message)
{
	int ret;

	message->lane = &member->queue.events;
	ret = fusion_queue_post(NULL, member, message, 0);
	if (!ret)
		return;
	if (ret == -EAGAIN)
		fusion_queue_lost(member);
	finish(message, member);
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

	if (member->front->event) {
		member->front->event(member, type, object, arg);
		return;
	}
	message = fusion_message_alloc(type, 0);
	if (!message) {
		fusion_queue_lost(member);
		return;
	}
	message->event.object = object;
	message->event.arg = arg;
	fusion_queue_announce(member, message);
}

/* Takes a message out of a queue for good. */
static void drop(struct fusion_queue *queue, struct fusion_message *message)
{
	lockdep_assert_held(&queue->lock);
	unlink(queue, message);
	leave_lane(queue, message->lane);
}

/**
 * fusion_lane_drop - take the oldest message of a lane out of a queue
 * @member: member whose queue it is
 * @lane: lane
 *
 * The message is done, the member is not told.
 *
 * Context: may sleep.
 * Return: false if there is none.
 */
bool fusion_lane_drop(struct fusion_member *member, struct fusion_lane *lane)
{
	struct fusion_queue *queue = &member->queue;
	struct fusion_message *message;

	spin_lock(&queue->lock);
	message = list_first_entry_or_null(&lane->messages, struct fusion_message, in_lane);
	if (message)
		drop(queue, message);
	spin_unlock(&queue->lock);
	if (!message)
		return false;
	finish(message, member);
	return true;
}

/**
 * fusion_queue_drop - take the message of a call out of the queue of its handler
 * @exec: execution, whose message is done. Nothing happens if it was read.
 *
 * Context: may sleep.
 */
void fusion_queue_drop(struct fusion_exec *exec)
{
	struct fusion_queue *queue = &exec->handler->queue;
	struct fusion_message *message;

	spin_lock(&queue->lock);
	message = exec->message;
	if (message)
		drop(queue, message);
	spin_unlock(&queue->lock);
	if (message)
		finish(message, exec->handler);
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

	return READ_ONCE(queue->loud) || READ_ONCE(queue->lost) || fusion_member_going(member);
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
 * for it, or NULL. It keeps its place in its lane. What was lost is a message, too.
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
	if (message == lost) {
		queue->lost += lost->event.arg;
		wake_reader(queue);
	} else if (closed) {
		leave_lane(queue, message->lane);
	} else {
		link(queue, message, true);
	}
	spin_unlock(&queue->lock);
	if (message != lost && closed)
		finish(message, member);
}

static int copy_message(struct fusion_member *member, struct fusion_message *message,
			char __user *to)
{
	struct fusion_payload *payload = message->payload;
	u32 handles[DRM_FUSION_MAX_HANDLES];
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
	if (payload->nr_buffers) {
		/* what fills up to 8 bytes */
		if (payload->nr_buffers % 2)
			handles[payload->nr_buffers] = 0;
		if (copy_to_user(to, handles, handles_size(message)))
			goto remove;
		to += handles_size(message);
	}
	if (copy_to_user(to, payload->data, payload->size))
		goto remove;
	filled = ALIGN(payload->size, 8) - payload->size;
	if (filled && clear_user(to + payload->size, filled))
		goto remove;
	return 0;

remove:
	fusion_payload_remove(member, payload, handles);
	return ret;
}

static void taken(struct fusion_message *message, struct fusion_thread *reader)
{
	fusion_lane_cancel(reader->member, message->lane);
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
			fusion_lane_cancel(member, message->lane);
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

/* Who leaves a message in the queue may have been woken up for it: others can read it. */
static void pass_on(struct fusion_queue *queue)
{
	spin_lock(&queue->lock);
	if (queue->loud || queue->lost)
		wake_reader(queue);
	spin_unlock(&queue->lock);
}

/**
 * fusion_queue_read - read messages
 * @reader: the calling thread
 * @buffer: where to
 * @size: its bytes. With none nothing is read, or waited for.
 * @deadline: until when to wait for the first one, zero not to wait
 *
 * What the thread has read before is processed now.
 *
 * Context: sleeps.
 * Return: bytes of whole messages; -EAGAIN if there is none and it must not wait, or no room;
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
	/* What waits would never fit, and there is nothing to wait for. */
	if (!size)
		return -EAGAIN;
	for (;;) {
		ret = read_some(reader, buffer, size);
		if (ret < 0)
			pass_on(queue);
		if (ret)
			return ret;
		if (fusion_member_going(member))
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
			drop(queue, message);
		spin_unlock(&queue->lock);
		if (!message)
			break;
		finish(message, member);
	}
	spin_lock(&queue->lock);
	fusion_wake_all(&queue->members.senders, 0);
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
