// SPDX-License-Identifier: GPL-2.0
/*
 * What all sinks of a route have: the frames that they hold, policy, and statistics.
 */

/**
 * DOC: sinks
 *
 * The thread of the route offers each frame to each sink, and never waits for one. A sink takes
 * it into its list of pending frames, from which its own thread, or a program, takes it.
 *
 * - SHRBUF_SINK_NEWEST: a pending frame that nobody has begun to work with is replaced by a newer
 *   one. So such a sink has at most one pending frame, and the camera never waits for it.
 * - SHRBUF_SINK_EVERY: the route takes no frame from the camera while such a sink has no room.
 *
 * A sink holds at most &shrbuf_sink.max_held frames, pending ones included. A frame goes back to
 * the camera when the last sink has let it go.
 */

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/videodev2.h>
#include <uapi/linux/sched/types.h>

#include "shrbuf-priv.h"
#include "route.h"
#include "trace.h"

/**
 * shrbuf_sink_check - look at what a program wants
 * @config: from user space
 *
 * Return: 0 or -EINVAL
 */
int shrbuf_sink_check(const struct shrbuf_sink *config)
{
	if (config->policy > SHRBUF_SINK_EVERY || !config->max_held ||
	    config->max_held > SHRBUF_SINK_MAX_HELD || config->id)
		return -EINVAL;
	return 0;
}

/**
 * shrbuf_sink_init - a sink that is in no route yet
 * @sink: zeroed
 * @route: the sink gets a reference
 * @ops: of its kind
 * @config: was checked
 */
void shrbuf_sink_init(struct shrbuf_route_sink *sink, struct shrbuf_route *route,
		      const struct shrbuf_sink_ops *ops,
		      const struct shrbuf_sink *config)
{
	unsigned int i;

	kref_init(&sink->refcount);
	sink->route = shrbuf_route_get(route);
	sink->ops = ops;
	sink->config = *config;
	sink->stats.type = ops->type;
	get_task_comm(sink->comm, current);
	sink->pid = task_tgid_nr(current);
	init_waitqueue_head(&sink->wait);
	INIT_LIST_HEAD(&sink->pending);
	for (i = 0; i < SHRBUF_SINK_MAX_HELD; i++)
		INIT_LIST_HEAD(&sink->holds[i].node);
}

/**
 * shrbuf_sink_create_thread - a thread that is not woken yet
 * @sink: sink, the argument of @fn is this
 * @fn: what it does until kthread_should_stop()
 *
 * The caller wakes or stops it. May sleep.
 *
 * Return: 0, -ENOMEM or -EINTR
 */
int shrbuf_sink_create_thread(struct shrbuf_route_sink *sink, int (*fn)(void *data))
{
	struct task_struct *thread;

	thread = kthread_create(fn, sink, "shrbuf-%s", sink->ops->name);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	sink->thread = get_task_struct(thread);
	return 0;
}

/**
 * shrbuf_sink_priority - set the priority of the thread
 * @sink: sink
 * @priority: of SCHED_FIFO, the caller may use it; or zero
 *
 * May sleep.
 *
 * Return: 0, or what the scheduler says
 */
int shrbuf_sink_priority(struct shrbuf_route_sink *sink, u32 priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = priority ? SCHED_FIFO : SCHED_NORMAL,
		.sched_priority = priority,
	};

	return sink->thread ? sched_setattr_nocheck(sink->thread, &attr) : 0;
}

static void sink_free(struct kref *kref)
{
	struct shrbuf_route_sink *sink =
		container_of(kref, struct shrbuf_route_sink, refcount);
	struct shrbuf_route *route = sink->route;

	if (sink->thread)
		put_task_struct(sink->thread);
	sink->ops->free(sink);
	shrbuf_route_put(route);
}

/**
 * shrbuf_sink_put - give a reference back
 * @sink: sink
 *
 * May sleep.
 */
void shrbuf_sink_put(struct shrbuf_route_sink *sink)
{
	kref_put(&sink->refcount, sink_free);
}

/**
 * shrbuf_sink_release - free a slot
 * @sink: sink, the caller holds the lock of the frames
 * @hold: in use
 *
 * The frame may go back to the camera, see shrbuf_route_frame_put(). Process context.
 */
void shrbuf_sink_release(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold)
{
	struct shrbuf_route_frame *frame = hold->frame;

	lockdep_assert_held(&sink->route->frames_lock);
	list_del_init(&hold->node);
	hold->frame = NULL;
	sink->held--;
	shrbuf_route_frame_put(sink->route, frame);
}

static void sink_count_drop(struct shrbuf_route_sink *sink, u32 index,
			    enum shrbuf_drop why)
{
	lockdep_assert_held(&sink->route->frames_lock);
	switch (why) {
	case SHRBUF_DROP_NEWER:
		sink->stats.dropped_newer++;
		break;
	case SHRBUF_DROP_HELD:
		sink->stats.dropped_held++;
		break;
	case SHRBUF_DROP_ERROR:
		sink->stats.dropped_error++;
		break;
	}
	trace_shrbuf_route_drop(sink->route->id, sink->config.id, index, why);
}

/**
 * shrbuf_sink_drop_locked - as shrbuf_sink_drop(), but for the lock and the kick
 * @sink: sink, the caller holds the lock of the frames
 * @hold: in use
 * @why: reason
 *
 * The frame may go back to the camera, see shrbuf_route_frame_put(). Process context.
 */
void shrbuf_sink_drop_locked(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold,
			     enum shrbuf_drop why)
{
	sink_count_drop(sink, hold->frame->index, why);
	shrbuf_sink_release(sink, hold);
}

static void sink_take(struct shrbuf_route_sink *sink, struct shrbuf_route_frame *frame)
{
	struct shrbuf_sink_hold *hold = sink->holds;

	lockdep_assert_held(&sink->route->frames_lock);
	/* There is a free one: the caller has looked at @held. */
	while (hold->frame)
		hold++;
	hold->frame = frame;
	hold->since = ktime_get_ns();
	hold->late = false;
	hold->shown = false;
	list_add_tail(&hold->node, &sink->pending);
	sink->held++;
	frame->holders++;
}

/**
 * shrbuf_sink_has_room - may the route take the next frame from the camera
 * @sink: sink, the caller holds the lock of the frames
 *
 * Return: false for a sink that gets every frame and cannot take one now
 */
bool shrbuf_sink_has_room(struct shrbuf_route_sink *sink)
{
	lockdep_assert_held(&sink->route->frames_lock);
	return sink->config.policy == SHRBUF_SINK_NEWEST || sink->ended ||
	       sink->stats.state != SHRBUF_SINK_STATE_READY ||
	       sink->held < sink->config.max_held;
}

/**
 * shrbuf_sink_offer - a frame for a sink
 * @sink: sink
 * @frame: frame, the caller holds it
 *
 * Process context.
 */
void shrbuf_sink_offer(struct shrbuf_route_sink *sink, struct shrbuf_route_frame *frame)
{
	struct shrbuf_route *route = sink->route;
	struct shrbuf_sink_hold *old;

	spin_lock(&route->frames_lock);
	if (sink->ended || sink->stats.state == SHRBUF_SINK_STATE_FAILED)
		goto out;
	sink->stats.frames_in++;
	old = list_first_entry_or_null(&sink->pending, struct shrbuf_sink_hold, node);
	if (old && sink->config.policy == SHRBUF_SINK_NEWEST)
		shrbuf_sink_drop_locked(sink, old, SHRBUF_DROP_NEWER);
	if (sink->held < sink->config.max_held)
		sink_take(sink, frame);
	else
		sink_count_drop(sink, frame->index, SHRBUF_DROP_HELD);
out:
	spin_unlock(&route->frames_lock);
	wake_up_all(&sink->wait);
}

/**
 * shrbuf_sink_next - take the oldest pending frame
 * @sink: sink
 *
 * Process context.
 *
 * Return: the frame, for shrbuf_sink_shown() or shrbuf_sink_done(), or NULL
 */
struct shrbuf_sink_hold *shrbuf_sink_next(struct shrbuf_route_sink *sink)
{
	struct shrbuf_sink_hold *hold;

	spin_lock(&sink->route->frames_lock);
	hold = list_first_entry_or_null(&sink->pending, struct shrbuf_sink_hold, node);
	if (hold)
		list_del_init(&hold->node);
	spin_unlock(&sink->route->frames_lock);
	return hold;
}

/**
 * shrbuf_sink_done - let a frame go
 * @sink: sink
 * @hold: from shrbuf_sink_next()
 *
 * Process context.
 */
void shrbuf_sink_done(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold)
{
	spin_lock(&sink->route->frames_lock);
	shrbuf_sink_release(sink, hold);
	spin_unlock(&sink->route->frames_lock);
	/*
	 * A camera that has buffers enough gets this one when its next frame wakes the thread
	 * anyway, unless the thread waits for this sink.
	 */
	if (sink->config.policy == SHRBUF_SINK_EVERY ||
	    !shrbuf_source_has_spare(&sink->route->source, sink->route->reserve))
		shrbuf_route_kick(sink->route);
}

/**
 * shrbuf_sink_count_shown - a frame did what it was for, it is still held
 * @sink: sink, the caller holds the lock of the frames
 * @hold: from shrbuf_sink_next()
 *
 * Process context.
 */
void shrbuf_sink_count_shown(struct shrbuf_route_sink *sink,
			     struct shrbuf_sink_hold *hold)
{
	const struct shrbuf_frame *frame = &hold->frame->frame;
	s64 latency = ktime_get_ns() - frame->timestamp;
	/* Some drivers say when the frame will have ended. */
	u64 usecs = div_u64(max_t(s64, latency, 0), NSEC_PER_USEC);
	u32 clock = frame->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK;
	unsigned int bin;

	lockdep_assert_held(&sink->route->frames_lock);
	hold->shown = true;
	sink->stats.frames_shown++;
	/* Other clocks tell nothing. What was copied comes from a camera in the end. */
	if (clock == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC ||
	    clock == V4L2_BUF_FLAG_TIMESTAMP_COPY) {
		/* Bin 0 is below 16 microseconds. */
		bin = min_t(unsigned int, fls64(usecs / 16), SHRBUF_LATENCY_BINS - 1);
		sink->stats.latency[bin]++;
	}
	trace_shrbuf_route_shown(sink->route->id, sink->config.id, hold->frame->index,
				 min_t(u64, usecs, INT_MAX));
}

/**
 * shrbuf_sink_shown - as shrbuf_sink_count_shown(), but takes the lock
 * @sink: sink
 * @hold: from shrbuf_sink_next()
 *
 * Process context.
 */
void shrbuf_sink_shown(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold)
{
	spin_lock(&sink->route->frames_lock);
	shrbuf_sink_count_shown(sink, hold);
	spin_unlock(&sink->route->frames_lock);
}

/**
 * shrbuf_sink_drop - let a frame go that was not shown
 * @sink: sink
 * @hold: from shrbuf_sink_next()
 * @why: reason
 *
 * Process context.
 */
void shrbuf_sink_drop(struct shrbuf_route_sink *sink, struct shrbuf_sink_hold *hold,
		      enum shrbuf_drop why)
{
	spin_lock(&sink->route->frames_lock);
	shrbuf_sink_drop_locked(sink, hold, why);
	spin_unlock(&sink->route->frames_lock);
	shrbuf_route_kick(sink->route);
}

/**
 * shrbuf_sink_waiting - how many frames are not shown yet
 * @sink: sink, the caller holds the lock of the frames
 *
 * Process context.
 *
 * Return: number of frames
 */
unsigned int shrbuf_sink_waiting(struct shrbuf_route_sink *sink)
{
	unsigned int i, waiting = 0;

	lockdep_assert_held(&sink->route->frames_lock);
	for (i = 0; i < SHRBUF_SINK_MAX_HELD; i++)
		waiting += sink->holds[i].frame && !sink->holds[i].shown;
	return waiting;
}

/**
 * shrbuf_sink_wait - wait for a frame in the thread of a sink
 * @sink: sink
 *
 * May sleep.
 *
 * Return: false if the thread must end
 */
bool shrbuf_sink_wait(struct shrbuf_route_sink *sink)
{
	wait_event_freezable(sink->wait, kthread_should_stop() ||
			     !list_empty_careful(&sink->pending));
	return !kthread_should_stop();
}

/**
 * shrbuf_sink_account - note how much time the calling thread has used
 * @sink: of the thread
 *
 * Process context.
 */
void shrbuf_sink_account(struct shrbuf_route_sink *sink)
{
	spin_lock(&sink->route->frames_lock);
	sink->stats.cpu_time = current->se.sum_exec_runtime;
	spin_unlock(&sink->route->frames_lock);
}

/**
 * shrbuf_sink_set_state - a sink paused, resumed, or failed for good
 * @sink: sink
 * @state: SHRBUF_SINK_STATE_*
 * @error: positive error number, or zero
 *
 * Tells the program by an event, if it changed. A failed one stays so. Process context.
 */
void shrbuf_sink_set_state(struct shrbuf_route_sink *sink, u32 state, int error)
{
	static const u32 events[] = {
		[SHRBUF_SINK_STATE_READY] = SHRBUF_ROUTE_EVENT_SINK_RESUMED,
		[SHRBUF_SINK_STATE_PAUSED] = SHRBUF_ROUTE_EVENT_SINK_PAUSED,
		[SHRBUF_SINK_STATE_FAILED] = SHRBUF_ROUTE_EVENT_SINK_FAILED,
	};
	bool changed;

	spin_lock(&sink->route->frames_lock);
	changed = sink->stats.state != state &&
		  sink->stats.state != SHRBUF_SINK_STATE_FAILED;
	if (changed) {
		sink->stats.state = state;
		sink->stats.error = error;
		if (state == SHRBUF_SINK_STATE_FAILED && !sink->ended)
			sink->route->failed_sinks++;
	}
	spin_unlock(&sink->route->frames_lock);
	if (!changed)
		return;
	shrbuf_route_event(sink->route, events[state], sink->config.id, error, 0);
	shrbuf_route_kick(sink->route);
}

/**
 * shrbuf_sink_let_go - give all frames back, and take no more
 * @sink: sink, nobody is at work with its frames any more
 *
 * Process context.
 */
void shrbuf_sink_let_go(struct shrbuf_route_sink *sink)
{
	unsigned int i;

	spin_lock(&sink->route->frames_lock);
	if (!sink->ended && sink->stats.state == SHRBUF_SINK_STATE_FAILED)
		sink->route->failed_sinks--;
	sink->ended = true;
	for (i = 0; i < SHRBUF_SINK_MAX_HELD; i++)
		if (sink->holds[i].frame)
			shrbuf_sink_release(sink, &sink->holds[i]);
	spin_unlock(&sink->route->frames_lock);
	shrbuf_route_kick(sink->route);
}

/**
 * shrbuf_sink_check_deadline - report frames that a sink has for too long
 * @sink: sink
 * @now: ktime_get_ns()
 *
 * Each is reported once. Process context.
 */
void shrbuf_sink_check_deadline(struct shrbuf_route_sink *sink, u64 now)
{
	u64 limit = (u64)sink->config.deadline_ms * NSEC_PER_MSEC;
	struct shrbuf_sink_hold *hold;
	unsigned int index;
	bool late;

	if (!limit)
		return;
	for (hold = sink->holds; hold < sink->holds + SHRBUF_SINK_MAX_HELD; hold++) {
		spin_lock(&sink->route->frames_lock);
		late = hold->frame && !hold->late && now - hold->since > limit;
		if (late) {
			hold->late = true;
			index = hold->frame->index;
		}
		spin_unlock(&sink->route->frames_lock);
		if (!late)
			continue;
		pr_warn_ratelimited("shrbuf: %s sink %u of %s (pid %d) has had buffer %u of %s for more than %u ms\n",
				    sink->ops->name, sink->config.id, sink->comm,
				    sink->pid, index, sink->route->name,
				    sink->config.deadline_ms);
		shrbuf_route_event(sink->route, SHRBUF_ROUTE_EVENT_SINK_LATE,
				   sink->config.id, 0, index);
	}
}
