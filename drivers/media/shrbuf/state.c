// SPDX-License-Identifier: GPL-2.0
/*
 * What is in a buffer: state, frame, format, and who holds it.
 */

/**
 * DOC: state
 *
 * The content of a buffer is empty, being filled, filled, or wrong. One enum says that;
 * who holds the frame is counted beside it, for many may do so at once.
 *
 * ::
 *
 *              a producer begins              it is done
 *     EMPTY ----------------------> FILLING ---------------> FILLED
 *       ^     FILLED, ERROR ------>    |                       |
 *       |                              +-> ERROR               |
 *       +------------------------------------------------------+
 *                        the content is given up
 *
 * Video devices are producers: FILLING begins when the driver gets the buffer, and ends
 * when it gives it back, see flight.c. It ends with ERROR when the stream is stopped
 * first, and with EMPTY when the driver could not even start. For buffers that are no
 * memory of a queue, programs can be producers. A program that goes before it is done
 * leaves ERROR.
 *
 * All changes are made under the lock of &struct shrbuf_source, with interrupts off. Reading takes
 * no lock: the sequence count tells a reader that he read while it was written. The lock
 * is held while the watchers get the event, so they get the events in order.
 */

#include <linux/string.h>
#include <linux/ktime.h>
#include <linux/videodev2.h>

#include "shrbuf-priv.h"
#include "trace.h"

/**
 * shrbuf_state_init - the state of a new buffer: empty, and no format
 * @sb: zeroed
 */
void shrbuf_state_init(struct shrbuf *sb)
{
	unsigned int i;

	shrbuf_source_init(&sb->source);
	seqcount_spinlock_init(&sb->seqcount, &sb->source.lock);
	init_waitqueue_head(&sb->released);
	sb->frame.time = ktime_get_ns();
	for (i = 0; i < SHRBUF_NR_FLIGHTS; i++)
		sb->flights[i].sb = sb;
}

/**
 * shrbuf_state_end - the buffer goes
 * @sb: without references, the caller frees it after a grace period
 */
void shrbuf_state_end(struct shrbuf *sb)
{
	shrbuf_flights_end(sb);
	shrbuf_fence_end(sb);
	shrbuf_source_end(&sb->source, sb->id);
}

/**
 * shrbuf_state_read - all that can change, as it was at one moment
 * @sb: buffer, the caller holds it
 * @info: fields @status, @holds, @device_reads, @frame and @format are set
 *
 * Takes no lock. Any context.
 */
void shrbuf_state_read(struct shrbuf *sb, struct shrbuf_info *info)
{
	unsigned int seq, i;

	do {
		seq = read_seqcount_begin(&sb->seqcount);
		info->status = sb->status;
		info->holds = sb->holds;
		info->frame = sb->frame;
		info->format = sb->format;
		info->device_reads = 0;
		if (READ_ONCE(sb->flights[0].vb))
			info->status |= SHRBUF_STATUS_DEVICE;
		for (i = 1; i < SHRBUF_NR_FLIGHTS; i++)
			if (READ_ONCE(sb->flights[i].vb))
				info->device_reads++;
	} while (read_seqcount_retry(&sb->seqcount, seq));
	if (info->device_reads)
		info->status |= SHRBUF_STATUS_DEVICE;
}

/*
 * Nobody wants to know, which is so most of the time. A queue is looked at without its lock:
 * who begins to watch it at this moment hears of what comes after.
 */
static bool state_unwatched(const struct shrbuf *sb)
{
	return list_empty(&sb->source.uses) && !sb->nr_imports &&
	       (!sb->queue || list_empty(&sb->queue->source.uses));
}

/**
 * shrbuf_state_event - tell the watchers of a buffer, and those of its queue
 * @sb: buffer, the caller holds the lock of its source
 * @type: SHRBUF_EVENT_*
 */
void shrbuf_state_event(struct shrbuf *sb, u32 type)
{
	struct shrbuf_event event;
	unsigned int i;

	lockdep_assert_held(&sb->source.lock);
	if (state_unwatched(sb))
		return;
	event = (struct shrbuf_event) {
		.seq = sb->frame.seq,
		.timestamp = sb->frame.timestamp,
		.type = type,
		.id = sb->id,
		.sequence = sb->frame.sequence,
		.bytesused = sb->frame.bytesused,
	};
	event.time = type <= SHRBUF_EVENT_ERROR ? sb->frame.time : ktime_get_ns();
	shrbuf_source_notify(&sb->source, &event);
	if (sb->queue) {
		event.index = sb->index;
		shrbuf_queue_notify(sb->queue, &event);
	}
	/* Also where it is only imported. */
	for (i = 0; sb->nr_imports && i < SHRBUF_NR_FLIGHTS; i++) {
		if (!sb->flights[i].queue)
			continue;
		event.index = sb->flights[i].index;
		shrbuf_queue_notify(sb->flights[i].queue, &event);
	}
}

/**
 * shrbuf_state_change - the content changes
 * @sb: buffer, the caller holds the lock of its source
 * @frame: what is in it now; @seq and @time are not read
 */
void shrbuf_state_change(struct shrbuf *sb, const struct shrbuf_frame *frame)
{
	u64 seq = sb->frame.seq + 1;

	lockdep_assert_held(&sb->source.lock);
	write_seqcount_begin(&sb->seqcount);
	sb->frame = *frame;
	sb->frame.seq = seq;
	sb->frame.time = ktime_get_ns();
	write_seqcount_end(&sb->seqcount);
	WRITE_ONCE(sb->late, NULL);
	trace_shrbuf_state(sb);
	shrbuf_state_event(sb, frame->state);
}

/**
 * shrbuf_state_orphan - the queue gives the buffer up
 * @sb: buffer in the memory of a queue
 *
 * The content stays, for those who have the buffer. Any context.
 */
void shrbuf_state_orphan(struct shrbuf *sb)
{
	unsigned long flags;

	spin_lock_irqsave(&sb->source.lock, flags);
	write_seqcount_begin(&sb->seqcount);
	sb->status |= SHRBUF_STATUS_ORPHANED;
	write_seqcount_end(&sb->seqcount);
	shrbuf_state_event(sb, SHRBUF_EVENT_ORPHANED);
	/* The watchers of the queue were told, it may go now. */
	sb->queue = NULL;
	spin_unlock_irqrestore(&sb->source.lock, flags);
}

/**
 * shrbuf_frame_check - look at a frame that a program wants to set
 * @frame: as for SHRBUF_IOC_SET_STATE
 * @size: of the buffer
 *
 * Any context.
 *
 * Return: 0, or -EINVAL as documented for SHRBUF_IOC_SET_STATE
 */
int shrbuf_frame_check(const struct shrbuf_frame *frame, size_t size)
{
	const struct shrbuf_frame none = { .state = frame->state };

	switch (frame->state) {
	case SHRBUF_STATE_EMPTY:
	case SHRBUF_STATE_FILLING:
		return memcmp(frame, &none, sizeof(none)) ? -EINVAL : 0;
	case SHRBUF_STATE_FILLED:
	case SHRBUF_STATE_ERROR:
		break;
	default:
		return -EINVAL;
	}
	if (frame->seq || frame->time || frame->reserved ||
	    frame->bytesused > size || frame->data_offset > frame->bytesused ||
	    frame->flags & ~SHRBUF_FRAME_FLAGS ||
	    frame->field > V4L2_FIELD_INTERLACED_BT)
		return -EINVAL;
	return 0;
}

/**
 * shrbuf_state_set - a program says what is in a buffer
 * @sb: buffer
 * @use: of the caller, linked
 * @frame: valid as documented for SHRBUF_IOC_SET_STATE; @seq and @time are set
 *
 * Any context.
 *
 * Return: 0, or -EPERM or -EBUSY as documented for SHRBUF_IOC_SET_STATE
 */
int shrbuf_state_set(struct shrbuf *sb, struct shrbuf_use *use,
		     struct shrbuf_frame *frame)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&sb->source.lock, flags);
	if (sb->status & SHRBUF_STATUS_QUEUE) {
		ret = -EPERM;
	} else if (sb->holds || sb->claimed || shrbuf_in_flight(sb) ||
		   (sb->filler && sb->filler != use)) {
		ret = -EBUSY;
	} else {
		use->fills = frame->state == SHRBUF_STATE_FILLING;
		sb->filler = use->fills ? use : NULL;
		shrbuf_state_change(sb, frame);
		*frame = sb->frame;
	}
	spin_unlock_irqrestore(&sb->source.lock, flags);
	return ret;
}

/**
 * shrbuf_state_set_format - say how a buffer is to be read
 * @sb: buffer
 * @format: was checked by shrbuf_format_check(), or is that of a queue
 *
 * Any context.
 *
 * Return: 0, or -EPERM if the buffer is the memory of a queue, which has set the format
 */
int shrbuf_state_set_format(struct shrbuf *sb, const struct shrbuf_format *format)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&sb->source.lock, flags);
	if (sb->format_fixed) {
		ret = -EPERM;
	} else {
		write_seqcount_begin(&sb->seqcount);
		sb->format = *format;
		write_seqcount_end(&sb->seqcount);
	}
	spin_unlock_irqrestore(&sb->source.lock, flags);
	return ret;
}

/**
 * shrbuf_state_hold - hold the frame
 * @sb: buffer
 * @use: of the caller, linked
 * @frame: in: @seq is that of the wanted frame, or zero. out: the frame
 *
 * Any context.
 *
 * Return: 0, or -ENODATA, -ESTALE or -EALREADY as documented for SHRBUF_IOC_HOLD
 */
int shrbuf_state_hold(struct shrbuf *sb, struct shrbuf_use *use,
		      struct shrbuf_frame *frame)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&sb->source.lock, flags);
	if (use->holds) {
		ret = -EALREADY;
	} else if (frame->seq && frame->seq != sb->frame.seq) {
		ret = -ESTALE;
	} else if (sb->claimed || (sb->frame.state != SHRBUF_STATE_FILLED &&
				   sb->frame.state != SHRBUF_STATE_ERROR)) {
		ret = -ENODATA;
	} else {
		use->holds = true;
		write_seqcount_begin(&sb->seqcount);
		sb->holds++;
		write_seqcount_end(&sb->seqcount);
		*frame = sb->frame;
		trace_shrbuf_hold(sb);
	}
	spin_unlock_irqrestore(&sb->source.lock, flags);
	return ret;
}

/**
 * shrbuf_state_release - hold the frame no more
 * @sb: buffer, the caller holds the lock of its source
 * @use: that holds the frame
 */
void shrbuf_state_release(struct shrbuf *sb, struct shrbuf_use *use)
{
	lockdep_assert_held(&sb->source.lock);
	use->holds = false;
	write_seqcount_begin(&sb->seqcount);
	sb->holds--;
	write_seqcount_end(&sb->seqcount);
	trace_shrbuf_unhold(sb);
	if (!sb->holds) {
		shrbuf_state_event(sb, SHRBUF_EVENT_RELEASED);
		wake_up_all(&sb->released);
	}
}

/**
 * shrbuf_state_abandon - the producer is gone before it was done
 * @sb: buffer, the caller holds the lock of its source
 * @use: that fills it
 */
void shrbuf_state_abandon(struct shrbuf *sb, struct shrbuf_use *use)
{
	const struct shrbuf_frame frame = { .state = SHRBUF_STATE_ERROR };

	lockdep_assert_held(&sb->source.lock);
	use->fills = false;
	sb->filler = NULL;
	shrbuf_state_change(sb, &frame);
}
