// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of fusionees.
 */
#include <linux/slab.h>
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
