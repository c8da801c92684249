// SPDX-License-Identifier: GPL-2.0
/*
 * What open files of /dev/shrbuf have to do with a buffer or with a queue.
 */

/**
 * DOC: sources and uses
 *
 * A buffer or an attached queue is a source of events. A use ties one open file (client)
 * to one source: it watches, holds the frame, or fills the buffer. A use keeps neither
 * side alive. Each side can go at any time, and takes the use apart:
 *
 * - The client unlinks the use from the source, under the lock of the source, and frees
 *   it. The source may be on its way out: its memory stays for an RCU grace period.
 * - The source unlinks all its uses and puts each on the list of dead uses of its client,
 *   who frees it with his next request, or when he goes.
 *
 * ::
 *
 *     CPU0: shrbuf_source_end()             CPU1: shrbuf_client_free()
 *
 *     spin_lock(&src->lock)                 rcu_read_lock()
 *     list_del(&use->node)                  src = use->source
 *     event and dead list of the client     not NULL: spin_lock(&src->lock) waits
 *     use->source = NULL (release)
 *     spin_unlock(&src->lock)               use->source is NULL: nothing to unlink
 *                                           spin_unlock(&src->lock)
 *                                           rcu_read_unlock()
 *                                           takes it from the dead list, frees it
 *                                           and the client
 *     ... grace period, source freed
 *
 * If CPU1 sees NULL at once, CPU0 touches neither use nor client any more.
 */

#include <linux/list.h>
#include <linux/ktime.h>

#include "shrbuf-priv.h"

/**
 * shrbuf_source_init - a source without uses
 * @src: part of a buffer or of a queue
 *
 * Any context.
 */
void shrbuf_source_init(struct shrbuf_source *src)
{
	spin_lock_init(&src->lock);
	INIT_LIST_HEAD(&src->uses);
}

/**
 * shrbuf_source_link - tie an open file to a source
 * @src: source, the caller knows that its memory stays
 * @use: new, in no list
 *
 * Any context.
 *
 * Return: false if the source is gone
 */
bool shrbuf_source_link(struct shrbuf_source *src, struct shrbuf_use *use)
{
	unsigned long flags;
	bool linked;

	spin_lock_irqsave(&src->lock, flags);
	linked = !src->ended;
	if (linked) {
		list_add_tail(&use->node, &src->uses);
		use->source = src;
	}
	spin_unlock_irqrestore(&src->lock, flags);
	return linked;
}

/**
 * shrbuf_source_notify - tell all who watch
 * @src: source
 * @event: all but the cookie
 *
 * Takes time proportional to the number of uses, and waits for nobody. The caller holds
 * the lock of @src. Any context.
 */
void shrbuf_source_notify(struct shrbuf_source *src, struct shrbuf_event *event)
{
	struct shrbuf_use *use;

	lockdep_assert_held(&src->lock);
	list_for_each_entry(use, &src->uses, node) {
		if (!use->watches || !(use->events & BIT(event->type)))
			continue;
		event->cookie = use->cookie;
		shrbuf_events_push(use->client, event);
	}
}

/**
 * shrbuf_source_end - the source goes
 * @src: source, the caller frees it after a grace period
 * @id: for the events: the id of the buffer, zero for a queue
 *
 * Any context.
 */
void shrbuf_source_end(struct shrbuf_source *src, u32 id)
{
	struct shrbuf_event event = {
		.type = SHRBUF_EVENT_GONE,
		.id = id,
		.time = ktime_get_ns(),
	};
	struct shrbuf_use *use, *next;
	unsigned long flags;

	spin_lock_irqsave(&src->lock, flags);
	src->ended = true;
	list_for_each_entry_safe(use, next, &src->uses, node) {
		list_del(&use->node);
		event.cookie = use->cookie;
		if (use->watches)
			shrbuf_events_push(use->client, &event);
		spin_lock(&use->client->events_lock);
		list_add_tail(&use->dead, &use->client->dead);
		spin_unlock(&use->client->events_lock);
		/* Last, see "sources and uses". */
		smp_store_release(&use->source, NULL);
	}
	spin_unlock_irqrestore(&src->lock, flags);
}
