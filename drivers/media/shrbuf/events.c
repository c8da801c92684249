// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of events of an open /dev/shrbuf.
 *
 * It has a fixed size. Who does not read loses events and delays nobody; the place where
 * they were lost is marked: SHRBUF_EVENT_OVERFLOW comes after the last event that was
 * kept, and before the next one.
 */

#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "shrbuf-priv.h"

/**
 * shrbuf_events_alloc - memory for events
 * @client: open file, the caller holds its lock
 *
 * May sleep.
 *
 * Return: 0, or -ENOMEM
 */
int shrbuf_events_alloc(struct shrbuf_client *client)
{
	struct shrbuf_event *events;

	lockdep_assert_held(&client->lock);
	if (client->events)
		return 0;
	events = kvcalloc(SHRBUF_NR_EVENTS, sizeof(*events), GFP_KERNEL_ACCOUNT);
	if (!events)
		return -ENOMEM;
	spin_lock_irq(&client->events_lock);
	client->events = events;
	spin_unlock_irq(&client->events_lock);
	return 0;
}

static void events_add(struct shrbuf_client *client,
		       const struct shrbuf_event *event)
{
	unsigned int i = client->first + client->nr_events++;

	client->events[i % SHRBUF_NR_EVENTS] = *event;
}

/* Adds the mark that stands for the lost events. */
static void events_add_overflow(struct shrbuf_client *client, u64 time)
{
	struct shrbuf_event event = {
		.type = SHRBUF_EVENT_OVERFLOW,
		.time = time,
		.lost = client->lost,
	};

	events_add(client, &event);
	client->lost = 0;
}

/**
 * shrbuf_events_push - an event for an open file
 * @client: open file that has a watch
 * @event: is copied
 *
 * Any context.
 */
void shrbuf_events_push(struct shrbuf_client *client,
			const struct shrbuf_event *event)
{
	unsigned long flags;

	spin_lock_irqsave(&client->events_lock, flags);
	/* After a loss there must be room for the mark too. */
	if (client->nr_events + !!client->lost >= SHRBUF_NR_EVENTS) {
		client->lost++;
	} else {
		if (client->lost)
			events_add_overflow(client, event->time);
		events_add(client, event);
	}
	spin_unlock_irqrestore(&client->events_lock, flags);
	wake_up_interruptible_poll(&client->wait, EPOLLIN | EPOLLRDNORM);
}

static bool events_pending(struct shrbuf_client *client)
{
	return READ_ONCE(client->nr_events) || READ_ONCE(client->lost);
}

/* The oldest event, which stays where it is: more are only added behind it. */
static bool events_peek(struct shrbuf_client *client, struct shrbuf_event *event)
{
	bool found;

	lockdep_assert_held(&client->read_lock);
	spin_lock_irq(&client->events_lock);
	if (!client->nr_events && client->lost)
		events_add_overflow(client, ktime_get_ns());
	found = client->nr_events;
	if (found)
		*event = client->events[client->first];
	spin_unlock_irq(&client->events_lock);
	return found;
}

static void events_drop(struct shrbuf_client *client)
{
	lockdep_assert_held(&client->read_lock);
	spin_lock_irq(&client->events_lock);
	client->first = (client->first + 1) % SHRBUF_NR_EVENTS;
	client->nr_events--;
	spin_unlock_irq(&client->events_lock);
}

/* Whole events that are there and fit, or -EFAULT with nothing lost. */
static ssize_t events_copy(struct shrbuf_client *client, char __user *uptr,
			   size_t len)
{
	struct shrbuf_event event;
	size_t done = 0;

	while (len - done >= sizeof(event) && events_peek(client, &event)) {
		if (copy_to_user(uptr + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		events_drop(client);
		done += sizeof(event);
	}
	return done;
}

/**
 * shrbuf_events_read - read() of /dev/shrbuf
 * @client: open file
 * @uptr: memory for events
 * @len: bytes at @uptr
 * @nonblock: do not wait
 *
 * May sleep.
 *
 * Return: bytes that were written, always whole events, or the errors that are documented
 * with SHRBUF_IOC_WATCH, or -ERESTARTSYS
 */
ssize_t shrbuf_events_read(struct shrbuf_client *client, char __user *uptr,
			   size_t len, bool nonblock)
{
	ssize_t ret;

	if (len < sizeof(struct shrbuf_event))
		return -EINVAL;
	do {
		ret = mutex_lock_interruptible(&client->read_lock);
		if (ret)
			return -ERESTARTSYS;
		ret = events_copy(client, uptr, len);
		mutex_unlock(&client->read_lock);
		if (ret)
			return ret;
		if (nonblock)
			return -EAGAIN;
		ret = wait_event_interruptible(client->wait,
					       events_pending(client));
	} while (!ret);
	return ret;
}

/**
 * shrbuf_events_poll - poll() of /dev/shrbuf
 * @client: open file
 * @file: the same
 * @table: of the caller
 *
 * Return: EPOLLIN and EPOLLRDNORM if read() would not wait
 */
__poll_t shrbuf_events_poll(struct shrbuf_client *client, struct file *file,
			    struct poll_table_struct *table)
{
	poll_wait(file, &client->wait, table);
	return events_pending(client) ? EPOLLIN | EPOLLRDNORM : 0;
}
