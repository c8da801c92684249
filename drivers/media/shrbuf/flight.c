// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that the driver of a video device has: state by the trace points of videobuf2.
 */

/**
 * DOC: flights
 *
 * videobuf2 tells by trace points, which any module may use, when a driver gets a buffer
 * (vb2_buf_queue), when it gives it back (vb2_buf_done), and when a program takes it out
 * of the queue (vb2_dqbuf). Between the first and the second the buffer is in flight. The
 * driver need not know of shrbuf, nor need the queue be attached: memory of shrbuf that
 * is queued with V4L2_MEMORY_DMABUF has its state as well.
 *
 * A capturing device fills the buffer, so there can be one such flight. Devices that
 * read may be several; more than the room for them are not counted.
 *
 * The trace point of buf_done comes when others can see already that the buffer is done.
 * So it can be late, even for a buffer that was queued again, perhaps with other
 * memory::
 *
 *     CPU0: interrupt                       CPU1: program
 *
 *     vb2_buffer_done()
 *       vb->state = DONE
 *                                           VIDIOC_DQBUF
 *                                             probe of dqbuf: state is DONE,
 *                                             the flight ends: FILLED
 *                                           VIDIOC_QBUF
 *                                             vb->state = ACTIVE
 *                                             probe of buf_queue: FILLING
 *       probe of buf_done: state is
 *       ACTIVE, this is old news
 *
 * So whichever of the two probes comes first ends the flight, and a flight whose buffer
 * is ACTIVE does not end. If the driver is done again before CPU0 goes on, the probe on
 * CPU0 ends the new flight, rightly, and the probe of the new buf_done finds none.
 *
 * The probe of buf_done cannot look into the buffer of videobuf2, for that may be changing.
 * Flights are therefore found in a table by the address of &struct vb2_buffer, which is
 * compared and, if there is a flight, read: a flight ends before the program or the queue
 * gets the buffer back, so that it is there.
 *
 * Timestamps: videobuf2 keeps the timestamp of the frame before, and some drivers set the new
 * one only after they have given the buffer back (vivid does), or never, as when they give
 * back what they had at the end of the stream. A timestamp that is still that of
 * VIDIOC_QBUF is no timestamp of this frame, so it is told as zero. If VIDIOC_DQBUF
 * knows it then, it is put right. (Queues that copy timestamps may well have the same twice.)
 *
 * Locks: bucket of the table, source of the buffer, source of the queue, events of a client.
 * Probes run with preemption off, that of buf_done perhaps in an interrupt.
 */

#include <linux/hash.h>
#include <linux/list.h>
#include <linux/tracepoint.h>
#include <media/videobuf2-v4l2.h>
#include <trace/events/vb2.h>

#include "shrbuf-priv.h"

#define SHRBUF_FLIGHT_BITS	8

/**
 * struct flight_bucket - part of the table of flights
 * @lock: protects the list and the flights in it. Taken with interrupts off.
 * @flights: &struct shrbuf_flight. Is looked at without the lock to see if it is empty.
 */
struct flight_bucket {
	spinlock_t lock;	/* see above */
	struct hlist_head flights;
};

static struct flight_bucket buckets[1 << SHRBUF_FLIGHT_BITS];

static struct flight_bucket *flight_bucket(const struct vb2_buffer *vb)
{
	return &buckets[hash_ptr(vb, SHRBUF_FLIGHT_BITS)];
}

/* Any video device has it. The caller holds the lock of the source. */
bool shrbuf_in_flight(const struct shrbuf *sb)
{
	unsigned int i;

	lockdep_assert_held(&sb->source.lock);
	for (i = 0; i < SHRBUF_NR_FLIGHTS; i++)
		if (sb->flights[i].vb)
			return true;
	return false;
}

/* The frame as V4L2 will tell of it. */
static void flight_frame(struct vb2_buffer *vb, unsigned int plane,
			 struct shrbuf_frame *frame)
{
	const struct vb2_queue *q = vb->vb2_queue;
	const struct vb2_v4l2_buffer *vbuf;

	/* An output device sets it when it is done, but for those that copy. */
	if (!q->is_output || q->copy_timestamp)
		frame->timestamp = vb->timestamp;
	frame->bytesused = vb->planes[plane].bytesused;
	frame->data_offset = vb->planes[plane].data_offset;
	/* DVB uses videobuf2 too, with a smaller structure. */
	if (q->buf_struct_size < sizeof(*vbuf))
		return;
	vbuf = to_vb2_v4l2_buffer(vb);
	frame->sequence = vbuf->sequence;
	frame->field = vbuf->field;
	frame->flags = (vbuf->flags & SHRBUF_FRAME_KIND) |
		       (q->timestamp_flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) |
		       ((q->copy_timestamp ? vbuf->flags : q->timestamp_flags) &
			V4L2_BUF_FLAG_TSTAMP_SRC_MASK);
}

/* The slot for a new flight of this buffer, or NULL. */
static struct shrbuf_flight *flight_slot(struct shrbuf *sb,
					 const struct vb2_buffer *vb, bool reads)
{
	struct shrbuf_flight *slot = NULL;
	unsigned int i;

	if (!reads)
		return sb->flights[0].vb ? NULL : &sb->flights[0];
	for (i = SHRBUF_NR_FLIGHTS - 1; i; i--) {
		/* Several planes of a picture in one buffer: one device reads. */
		if (sb->flights[i].vb == vb)
			return NULL;
		if (!sb->flights[i].vb)
			slot = &sb->flights[i];
	}
	return slot;
}

static void flight_begin(struct shrbuf *sb, struct vb2_buffer *vb,
			 unsigned int plane, struct shrbuf_queue *sq)
{
	struct shrbuf_frame frame = { .state = SHRBUF_STATE_FILLING };
	struct flight_bucket *bucket = flight_bucket(vb);
	bool reads = vb->vb2_queue->is_output;
	struct shrbuf_flight *flight;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	spin_lock(&sb->source.lock);
	flight = flight_slot(sb, vb, reads);
	if (!flight)
		goto out;
	/* Readers without the lock look whether there is a flight. */
	write_seqcount_begin(&sb->seqcount);
	WRITE_ONCE(flight->vb, vb);
	write_seqcount_end(&sb->seqcount);
	flight->plane = plane;
	/* Of a buffer with several planes, the queue hears once. */
	flight->queue = plane || sq == sb->queue ? NULL : sq;
	sb->nr_imports += !!flight->queue;
	flight->index = vb->index;
	flight->timestamp = vb->timestamp;
	hlist_add_head(&flight->node, &bucket->flights);

	if (!reads) {
		if (sb->filler)
			sb->filler->fills = false;
		sb->filler = NULL;
		shrbuf_state_change(sb, &frame);
	} else if (sb->status & SHRBUF_STATUS_QUEUE) {
		/* The program has filled the memory of the queue. */
		frame.state = SHRBUF_STATE_FILLED;
		flight_frame(vb, plane, &frame);
		shrbuf_state_change(sb, &frame);
	}
out:
	spin_unlock(&sb->source.lock);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/* What a flight leaves behind, by the state that the driver gave the buffer. */
static void flight_result(const struct shrbuf_flight *flight,
			  struct vb2_buffer *vb)
{
	struct shrbuf_frame frame = { .state = SHRBUF_STATE_EMPTY };
	int error = -ECANCELED;
	bool late = false;

	switch (vb->state) {
	case VB2_BUF_STATE_DONE:
		frame.state = SHRBUF_STATE_FILLED;
		error = 0;
		break;
	case VB2_BUF_STATE_ERROR:
		frame.state = SHRBUF_STATE_ERROR;
		error = -EIO;
		break;
	default:
		/* Given back as it was, since the stream could not start. */
		break;
	}
	if (frame.state != SHRBUF_STATE_EMPTY) {
		flight_frame(vb, flight->plane, &frame);
		late = !vb->vb2_queue->copy_timestamp &&
		       frame.timestamp == flight->timestamp;
		if (late)
			frame.timestamp = 0;
	}
	shrbuf_state_change(flight->sb, &frame);
	shrbuf_fence_signal(flight->sb, error);
	if (late)
		WRITE_ONCE(flight->sb->late, vb);
}

static void flight_end(struct shrbuf_flight *flight)
{
	struct vb2_buffer *vb = flight->vb;
	struct shrbuf *sb = flight->sb;

	lockdep_assert_held(&sb->source.lock);
	hlist_del(&flight->node);
	write_seqcount_begin(&sb->seqcount);
	WRITE_ONCE(flight->vb, NULL);
	write_seqcount_end(&sb->seqcount);
	if (flight == &sb->flights[0])
		flight_result(flight, vb);
	sb->nr_imports -= !!flight->queue;
	flight->queue = NULL;
}

/**
 * shrbuf_flight_buffer - what the driver gets with a plane
 * @vb: buffer that the queue is giving to its driver
 * @plane: number of the plane
 * @sq: out: the attached queue, or NULL
 *
 * Any context.
 *
 * Return: the shared buffer, which lives as long as @vb has the memory, or NULL
 */
struct shrbuf *shrbuf_flight_buffer(struct vb2_buffer *vb, unsigned int plane,
				    struct shrbuf_queue **sq)
{
	struct dma_buf *dmabuf;

	*sq = NULL;
	switch (vb->memory) {
	case VB2_MEMORY_MMAP:
		return shrbuf_vb2_plane(vb, plane, sq);
	case VB2_MEMORY_DMABUF:
		shrbuf_vb2_plane(vb, plane, sq);
		dmabuf = vb->planes[plane].dbuf;
		return dmabuf ? shrbuf_from_dmabuf(dmabuf) : NULL;
	default:
		return NULL;
	}
}

static void flight_buf_queue(void *data, struct vb2_queue *q,
			     struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq;
	struct shrbuf *sb;
	unsigned int i;

	for (i = 0; i < vb->num_planes; i++) {
		sb = shrbuf_flight_buffer(vb, i, &sq);
		if (sb)
			flight_begin(sb, vb, i, sq);
	}
}

/* For buf_done, and part of dqbuf, see "flights". */
static void flight_back(void *data, struct vb2_queue *q, struct vb2_buffer *vb)
{
	struct flight_bucket *bucket = flight_bucket(vb);
	struct shrbuf_flight *flight;
	struct hlist_node *next;
	unsigned long flags;

	if (hlist_empty(&bucket->flights))
		return;
	spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry_safe(flight, next, &bucket->flights, node) {
		if (flight->vb != vb ||
		    READ_ONCE(vb->state) == VB2_BUF_STATE_ACTIVE)
			continue;
		spin_lock(&flight->sb->source.lock);
		flight_end(flight);
		spin_unlock(&flight->sb->source.lock);
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/* A driver that was late with the timestamp has set it by now, or never will. */
static void flight_dqbuf(void *data, struct vb2_queue *q, struct vb2_buffer *vb)
{
	struct shrbuf_queue *sq;
	struct shrbuf *sb;
	unsigned long flags;
	unsigned int i;

	flight_back(data, q, vb);
	for (i = 0; i < vb->num_planes; i++) {
		sb = shrbuf_flight_buffer(vb, i, &sq);
		if (!sb || READ_ONCE(sb->late) != vb)
			continue;
		spin_lock_irqsave(&sb->source.lock, flags);
		if (sb->late == vb) {
			write_seqcount_begin(&sb->seqcount);
			sb->frame.timestamp = vb->timestamp;
			write_seqcount_end(&sb->seqcount);
			WRITE_ONCE(sb->late, NULL);
		}
		spin_unlock_irqrestore(&sb->source.lock, flags);
	}
}

/**
 * shrbuf_flights_end - the buffer goes
 * @sb: without references
 *
 * Drivers hold the buffers that they have, so there is none in flight. A driver that did not
 * give its buffers back must not leave pointers in the table, though.
 */
void shrbuf_flights_end(struct shrbuf *sb)
{
	struct flight_bucket *bucket;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < SHRBUF_NR_FLIGHTS; i++) {
		struct vb2_buffer *vb = READ_ONCE(sb->flights[i].vb);

		if (!vb)
			continue;
		bucket = flight_bucket(vb);
		spin_lock_irqsave(&bucket->lock, flags);
		if (sb->flights[i].vb)
			hlist_del(&sb->flights[i].node);
		sb->flights[i].vb = NULL;
		sb->flights[i].queue = NULL;
		spin_unlock_irqrestore(&bucket->lock, flags);
	}
}

int shrbuf_flights_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(buckets); i++) {
		spin_lock_init(&buckets[i].lock);
		INIT_HLIST_HEAD(&buckets[i].flights);
	}
	ret = register_trace_vb2_buf_queue(flight_buf_queue, NULL);
	if (ret)
		return ret;
	ret = register_trace_vb2_buf_done(flight_back, NULL);
	if (ret)
		goto err_queue;
	ret = register_trace_vb2_dqbuf(flight_dqbuf, NULL);
	if (ret)
		goto err_done;
	return 0;

err_done:
	unregister_trace_vb2_buf_done(flight_back, NULL);
err_queue:
	unregister_trace_vb2_buf_queue(flight_buf_queue, NULL);
	tracepoint_synchronize_unregister();
	return ret;
}

void shrbuf_flights_exit(void)
{
	unregister_trace_vb2_dqbuf(flight_dqbuf, NULL);
	unregister_trace_vb2_buf_done(flight_back, NULL);
	unregister_trace_vb2_buf_queue(flight_buf_queue, NULL);
	tracepoint_synchronize_unregister();
}
