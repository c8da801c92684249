// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of fusionees, which read() gives in packets.
 *
 * A message goes into the last packet while it fits, else it begins a new one. A packet is
 * only a number of messages that follow each other: the first one knows how many bytes they
 * have. What may not be read yet can only be the last packet: one with nothing but messages
 * that are in no hurry.
 *
 * DOC: bounds
 *
 * Who sends to a fusionee that has more than FUSION_LEGACY_PACKETS packets waits, but not
 * the master, the kernel, and the one who would have to read them: for these
 * FUSION_LEGACY_MAX_PACKETS are the end. Then the master waits, the reader gets EAGAIN, and
 * what the kernel had to say is lost and counted. The memory of messages is charged to the
 * world, and has the world's limit.
 *
 * DOC: processed
 *
 * What was read is processed when any thread of the fusionee reads again. Messages that
 * somebody wants to know that of are kept until then.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "legacy.h"

/**
 * fusion_legacy_queue_init - prepare an empty queue
 * @queue: queue
 */
void fusion_legacy_queue_init(struct fusion_legacy_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->messages);
	INIT_LIST_HEAD(&queue->readers);
	INIT_LIST_HEAD(&queue->senders);
	INIT_LIST_HEAD(&queue->syncers);
	INIT_LIST_HEAD(&queue->unprocessed);
	init_waitqueue_head(&queue->pollers);
}

static struct fusion_legacy_queue *queue_of(struct fusion_member *member)
{
	return &fusion_legacy_of(member)->queue;
}

/* Bytes of a message in a packet. */
static u32 length_of(const struct fusion_legacy_message *message)
{
	return sizeof(message->header) + ALIGN(message->header.msg_size, 4);
}

static size_t memory_of(u32 size)
{
	return sizeof(struct fusion_legacy_message) + ALIGN(size, 4);
}

/**
 * fusion_legacy_message_alloc - make a message
 * @world: world of sender and receiver
 * @type: FMT_*
 * @id: for the header
 * @channel: for the header
 * @size: bytes of data, which the caller fills in
 *
 * Context: sleeps.
 * Return: the message, a loud one, or ERR_PTR(-E2BIG) if it does not fit a packet,
 * ERR_PTR(-ENOMEM).
 */
struct fusion_legacy_message *fusion_legacy_message_alloc(struct fusion_world *world, u32 type,
							  s32 id, s32 channel, u32 size)
{
	struct fusion_legacy_message *message;
	int ret;

	if (size > FUSION_MAX_PACKET_SIZE - sizeof(message->header))
		return ERR_PTR(-E2BIG);
	ret = fusion_world_charge(world, memory_of(size));
	if (ret)
		return ERR_PTR(ret);
	message = kzalloc(memory_of(size), GFP_KERNEL_ACCOUNT);
	if (!message) {
		fusion_world_uncharge(world, memory_of(size));
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&message->link);
	fusion_world_get(world);
	message->world = world;
	message->header.msg_type = type;
	message->header.msg_id = id;
	message->header.msg_size = size;
	message->header.msg_channel = channel;
	return message;
}

/**
 * fusion_legacy_message_free - free a message that is in no queue
 * @message: message; its done() is not called
 *
 * Context: may sleep.
 */
void fusion_legacy_message_free(struct fusion_legacy_message *message)
{
	if (message->exec)
		fusion_exec_put(message->exec);
	fusion_world_uncharge(message->world, memory_of(message->header.msg_size));
	fusion_world_put(message->world);
	kfree(message);
}

static void finish(struct fusion_legacy_message *message, struct fusion_member *receiver)
{
	if (message->done)
		message->done(message, receiver);
	fusion_legacy_message_free(message);
}

static bool readable(const struct fusion_legacy_queue *queue)
{
	return queue->packets > 1 || (queue->packets && queue->flushed);
}

static bool idle(const struct fusion_legacy_queue *queue)
{
	return queue->reading && !queue->packets && list_empty(&queue->unprocessed);
}

static void wake_readers(struct fusion_legacy_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	fusion_wake_all(&queue->readers, 0);
	if (wq_has_sleeper(&queue->pollers))
		wake_up(&queue->pollers);
}

/* Sending */

/* 0, -EAGAIN if there is no room now, -ESHUTDOWN. */
static int check_room(const struct fusion_legacy_queue *queue, struct fusion_thread *sender)
{
	lockdep_assert_held(&queue->lock);
	if (queue->closed)
		return -ESHUTDOWN;
	if (queue->packets >= FUSION_LEGACY_MAX_PACKETS)
		return -EAGAIN;
	if (!sender || sender == queue->dispatcher || sender->member->id == FUSION_ID_MASTER)
		return 0;
	return queue->packets > FUSION_LEGACY_PACKETS ? -EAGAIN : 0;
}

static void append(struct fusion_legacy_queue *queue, struct fusion_legacy_message *message)
{
	u32 length = length_of(message);

	lockdep_assert_held(&queue->lock);
	if (queue->tail && queue->tail->packet + length <= FUSION_MAX_PACKET_SIZE) {
		queue->tail->packet += length;
		queue->flushed |= !message->quiet;
	} else {
		message->packet = length;
		queue->tail = message;
		/* The one before it is full now. */
		queue->flushed = !message->quiet;
		queue->packets++;
	}
	list_add_tail(&message->link, &queue->messages);
	queue->waiting++;
	queue->received++;
	if (readable(queue))
		wake_readers(queue);
}

/*
 * Sleeps until the waiter, which is in a list of the queue, is woken up. Returns 0 when it is
 * time to look again.
 */
static int sleep(struct fusion_legacy_queue *queue, struct fusion_waiter *waiter)
{
	int ret = fusion_wait(waiter, KTIME_MAX);

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
 * fusion_legacy_sent - count a message
 * @member: who has sent it
 *
 * Context: any.
 */
void fusion_legacy_sent(struct fusion_member *member)
{
	struct fusion_legacy_queue *queue = queue_of(member);

	spin_lock(&queue->lock);
	queue->sent++;
	spin_unlock(&queue->lock);
}

/* Waits for room, and puts a message there if there is one. */
static int wait_room(struct fusion_thread *sender, struct fusion_member *to,
		     struct fusion_legacy_message *message)
{
	struct fusion_legacy_queue *queue = queue_of(to);
	struct fusion_waiter waiter;
	bool own;
	int ret;

	for (;;) {
		if (sender)
			fusion_waiter_init(&waiter, sender);
		spin_lock(&queue->lock);
		ret = check_room(queue, sender);
		own = sender && sender == queue->dispatcher;
		if (!ret && message)
			append(queue, message);
		else if (ret == -EAGAIN && sender && !own)
			list_add_tail(&waiter.link, &queue->senders);
		else if (ret == -EAGAIN && !sender)
			queue->lost++;
		spin_unlock(&queue->lock);
		if (ret != -EAGAIN || !sender || own)
			return ret;
		ret = sleep(queue, &waiter);
		if (ret)
			return ret;
	}
}

/**
 * fusion_legacy_room - wait for room in the queue of a fusionee
 * @sender: the calling thread
 * @to: the receiver
 *
 * Nothing is kept free: it is for who sends to several with fusion_legacy_post() and does not
 * want to wait then.
 *
 * Context: sleeps.
 * Return: as fusion_legacy_post().
 */
int fusion_legacy_room(struct fusion_thread *sender, struct fusion_member *to)
{
	return wait_room(sender, to, NULL);
}

/**
 * fusion_legacy_post - put a message into the queue of a fusionee
 * @sender: the calling thread, which waits for room; NULL if it is the kernel, which does not
 * @to: the receiver
 * @message: message. The queue owns it if the result is zero.
 *
 * Context: sleeps if there is a @sender, else any.
 * Return: 0, -ESHUTDOWN if the receiver is gone or the sender has to go, -EAGAIN if there
 * is no room and it does not wait, -ERESTARTSYS.
 */
int fusion_legacy_post(struct fusion_thread *sender, struct fusion_member *to,
		       struct fusion_legacy_message *message)
{
	int ret = wait_room(sender, to, message);

	if (!ret && sender)
		fusion_legacy_sent(sender->member);
	return ret;
}

/* FUSION_SEND_MESSAGE: -EAGAIN if the caller would wait for itself */
static int send(struct fusion_legacy_op *op)
{
	struct fusion_legacy_send *args = op->data;
	struct fusion_legacy_message *message;
	struct fusion_member *to;
	int ret;

	if (args->size <= 0)
		return -EINVAL;
	if (args->size > FUSION_MAX_MESSAGE_SIZE)
		return -EMSGSIZE;
	to = fusion_legacy_find_fusionee(op->world->world, args->fusion_id);
	if (!to)
		return -EINVAL;
	message = fusion_legacy_message_alloc(op->world->world, FMT_SEND, args->msg_id,
					      args->channel, args->size);
	ret = PTR_ERR_OR_ZERO(message);
	if (ret)
		goto put;
	ret = -EFAULT;
	if (!copy_from_user(message->data, u64_to_user_ptr(args->data), args->size))
		ret = fusion_legacy_post(op->thread, to, message);
	if (ret)
		fusion_legacy_message_free(message);
put:
	fusion_member_put(to);
	return ret;
}

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_SEND_MESSAGE)] = {
		send, sizeof(struct fusion_legacy_send)
	},
};

const struct fusion_legacy_type fusion_legacy_messaging = {
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
};

/* Reading */

/*
 * Takes the packets that have room, into @list, and returns their bytes; 0 if there is none
 * to be read, -EMSGSIZE if the first one has no room.
 */
static ssize_t take(struct fusion_legacy_queue *queue, size_t room, struct list_head *list)
{
	struct fusion_legacy_message *message;
	size_t used = 0;

	lockdep_assert_held(&queue->lock);
	while (readable(queue)) {
		message = list_first_entry(&queue->messages, struct fusion_legacy_message, link);
		if (message->packet > room - used)
			break;
		used += message->packet;
		if (message == queue->tail)
			queue->tail = NULL;
		do {
			list_move_tail(&message->link, list);
			queue->waiting--;
			message = list_first_entry(&queue->messages,
						   struct fusion_legacy_message, link);
		} while (!list_entry_is_head(message, &queue->messages, link) &&
			 !message->packet);
		queue->packets--;
	}
	return used || !readable(queue) ? used : -EMSGSIZE;
}

/* What could not be copied is the next again. */
static void put_back(struct fusion_member *member, struct list_head *list)
{
	struct fusion_legacy_queue *queue = queue_of(member);
	struct fusion_legacy_message *message, *next;
	bool closed;

	spin_lock(&queue->lock);
	closed = queue->closed;
	list_for_each_entry_safe_reverse(message, next, list, link) {
		if (closed)
			break;
		if (message->packet && !queue->tail) {
			queue->tail = message;
			queue->flushed = true;
		}
		queue->packets += !!message->packet;
		queue->waiting++;
		list_move(&message->link, &queue->messages);
	}
	if (!closed)
		wake_readers(queue);
	spin_unlock(&queue->lock);
	list_for_each_entry_safe(message, next, list, link)
		finish(message, member);
}

static int copy(struct list_head *list, char __user *to)
{
	struct fusion_legacy_message *message;

	list_for_each_entry(message, list, link) {
		void *from = &message->header;

		/* The data lies behind the header. */
		if (copy_to_user(to, from, length_of(message)))
			return -EFAULT;
		to += length_of(message);
		cond_resched();
	}
	return 0;
}

/* The reader has them. */
static void taken(struct fusion_thread *reader, struct list_head *list)
{
	struct fusion_legacy_queue *queue = queue_of(reader->member);
	struct fusion_legacy_message *message, *next;
	bool closed;

	list_for_each_entry_safe(message, next, list, link) {
		if (message->exec)
			fusion_exec_take(message->exec, reader);
		if (message->done)
			continue;
		list_del(&message->link);
		fusion_legacy_message_free(message);
	}
	if (list_empty(list))
		return;
	spin_lock(&queue->lock);
	closed = queue->closed;
	if (!closed)
		list_splice_tail_init(list, &queue->unprocessed);
	spin_unlock(&queue->lock);
	list_for_each_entry_safe(message, next, list, link)
		finish(message, reader->member);
}

/* Somebody reads again: what was read before is processed. */
static void processed(struct fusion_member *member, struct fusion_thread *reader)
{
	struct fusion_legacy_queue *queue = queue_of(member);
	struct fusion_legacy_message *message, *next;
	struct fusion_thread *old = NULL;
	LIST_HEAD(list);

	spin_lock(&queue->lock);
	list_splice_init(&queue->unprocessed, &list);
	if (queue->dispatcher != reader) {
		old = queue->dispatcher;
		queue->dispatcher = reader;
		if (reader)
			fusion_thread_get(reader);
	}
	spin_unlock(&queue->lock);
	if (old)
		fusion_thread_put(old);
	list_for_each_entry_safe(message, next, &list, link)
		finish(message, member);
}

/* Waits for a packet: 0 when it is time to look. */
static int wait_packet(struct fusion_thread *reader)
{
	struct fusion_legacy_queue *queue = queue_of(reader->member);
	struct fusion_waiter waiter;
	int ret = 0;

	fusion_waiter_init(&waiter, reader);
	spin_lock(&queue->lock);
	if (readable(queue)) {
		spin_unlock(&queue->lock);
		return 0;
	}
	list_add_tail(&waiter.link, &queue->readers);
	queue->reading = true;
	if (idle(queue))
		fusion_wake_all(&queue->syncers, 0);
	spin_unlock(&queue->lock);
	ret = sleep(queue, &waiter);
	spin_lock(&queue->lock);
	queue->reading = !list_empty(&queue->readers);
	spin_unlock(&queue->lock);
	return ret;
}

/**
 * fusion_legacy_read - read packets
 * @reader: the calling thread, the dispatcher from now on
 * @buffer: where to
 * @size: its bytes
 * @wait: whether to wait for the first one
 *
 * Context: sleeps.
 * Return: bytes of whole packets; -EAGAIN if there is none, -EMSGSIZE, -EFAULT: nothing was
 * read; -ERESTARTSYS, -ESHUTDOWN.
 */
ssize_t fusion_legacy_read(struct fusion_thread *reader, char __user *buffer, size_t size,
			   bool wait)
{
	struct fusion_member *member = reader->member;
	struct fusion_legacy_queue *queue = queue_of(member);
	LIST_HEAD(list);
	ssize_t used;
	bool full;
	int ret;

	WRITE_ONCE(reader->server, true);
	fusion_thread_dispatches(reader);
	processed(member, reader);
	for (;;) {
		spin_lock(&queue->lock);
		full = queue->packets >= FUSION_LEGACY_MAX_PACKETS;
		used = take(queue, size, &list);
		/* Those that one of the two limits keeps waiting. */
		if (used > 0 && (full || queue->packets <= FUSION_LEGACY_PACKETS))
			fusion_wake_all(&queue->senders, 0);
		spin_unlock(&queue->lock);
		if (used)
			break;
		if (!wait)
			return -EAGAIN;
		ret = wait_packet(reader);
		if (ret)
			return ret;
	}
	if (used < 0)
		return used;
	ret = copy(&list, buffer);
	if (ret) {
		put_back(member, &list);
		return ret;
	}
	taken(reader, &list);
	return used;
}

/**
 * fusion_legacy_readable - whether read() would not wait
 * @member: member
 *
 * Context: any.
 */
bool fusion_legacy_readable(struct fusion_member *member)
{
	struct fusion_legacy_queue *queue = queue_of(member);
	bool ret;

	spin_lock(&queue->lock);
	ret = readable(queue);
	spin_unlock(&queue->lock);
	return ret;
}

/**
 * fusion_legacy_sync - wait until the own fusionee has processed all messages
 * @thread: the calling thread
 *
 * Messages in no hurry may be read now.
 *
 * Context: sleeps.
 * Return: 0, -EDEADLK if the caller is the one who reads them, -ERESTARTSYS, -ESHUTDOWN.
 */
int fusion_legacy_sync(struct fusion_thread *thread)
{
	struct fusion_legacy_queue *queue = queue_of(thread->member);
	struct fusion_waiter waiter;
	int ret = 0;
	bool done;

	for (;;) {
		fusion_waiter_init(&waiter, thread);
		spin_lock(&queue->lock);
		if (queue->dispatcher == thread)
			ret = -EDEADLK;
		if (queue->packets && !queue->flushed) {
			queue->flushed = true;
			wake_readers(queue);
		}
		done = ret || idle(queue);
		if (!done)
			list_add_tail(&waiter.link, &queue->syncers);
		spin_unlock(&queue->lock);
		if (done)
			return ret;
		ret = sleep(queue, &waiter);
		if (ret)
			return ret;
	}
}

/**
 * fusion_legacy_queue_close - drop all messages and take no more
 * @member: member that leaves, without active requests
 *
 * Context: may sleep.
 */
void fusion_legacy_queue_close(struct fusion_member *member)
{
	struct fusion_legacy_queue *queue = queue_of(member);
	struct fusion_legacy_message *message, *next;
	LIST_HEAD(list);

	spin_lock(&queue->lock);
	queue->closed = true;
	list_splice_init(&queue->messages, &list);
	queue->tail = NULL;
	queue->packets = 0;
	queue->waiting = 0;
	fusion_wake_all(&queue->senders, 0);
	spin_unlock(&queue->lock);
	processed(member, NULL);
	list_for_each_entry_safe(message, next, &list, link)
		finish(message, member);
}
