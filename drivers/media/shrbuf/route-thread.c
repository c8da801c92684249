// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a route: takes frames from the camera, offers them, gives buffers back.
 */

/**
 * DOC: frames of a route
 *
 * From start to stop all buffers of the camera belong to the route: each is with the driver, held
 * by sinks, or in the list of those that go back. A program that uses the queue meanwhile breaks
 * this: the route notices it, and fails, rather than show something that is being overwritten:
 *
 * - A stream that is stopped wakes &shrbuf_route.done, even if it is started again at once.
 * - A buffer that comes from the driver while a sink holds it was queued by somebody else.
 * - The driver refuses a buffer that it has already.
 *
 * A buffer of an attached queue whose frame is held by a program (SHRBUF_IOC_HOLD) may be refused,
 * too, depending on how the queue was configured, and there may be no memory for what the driver
 * does with one. It stays in the list, and is tried again.
 */

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <media/videobuf2-core.h>
#include <uapi/linux/sched/types.h>

#include "shrbuf-priv.h"
#include "route.h"
#include "trace.h"

/* How often a buffer that was refused is tried again. */
#define ROUTE_RETRY	(HZ / 50 ?: 1)

/**
 * shrbuf_route_kick - there may be work for the thread
 * @route: route
 *
 * Any context.
 */
void shrbuf_route_kick(struct shrbuf_route *route)
{
	atomic_set_release(&route->kicked, 1);
	wake_up(&route->wake);
}

/**
 * shrbuf_route_frame_put - a holder lets a frame go
 * @route: route, the caller holds the lock of the frames
 * @frame: the last holder gives it back, and kicks the thread after it has unlocked
 *
 * Process context.
 */
void shrbuf_route_frame_put(struct shrbuf_route *route, struct shrbuf_route_frame *frame)
{
	lockdep_assert_held(&route->frames_lock);
	if (!--frame->holders)
		list_add_tail(&frame->node, &route->returned);
}

/**
 * shrbuf_route_keep - a display shows frames though its sink is about to go
 * @route: route
 * @keep: what it shows, and the plane. The sink still holds the frames. The route takes it
 *	over, and frees it.
 *
 * Process context.
 */
void shrbuf_route_keep(struct shrbuf_route *route, struct shrbuf_route_keep *keep)
{
	unsigned int i;

	spin_lock(&route->frames_lock);
	for (i = 0; i < ARRAY_SIZE(keep->frames); i++)
		if (keep->frames[i])
			keep->frames[i]->holders++;
	list_add_tail(&keep->node, &route->kept);
	spin_unlock(&route->frames_lock);
}

/**
 * shrbuf_route_unkeep - a display shows something else
 * @route: route
 * @plane: of the display
 *
 * Process context.
 */
void shrbuf_route_unkeep(struct shrbuf_route *route, const void *plane)
{
	struct shrbuf_route_keep *keep, *next;
	unsigned int i;

	spin_lock(&route->frames_lock);
	list_for_each_entry_safe(keep, next, &route->kept, node) {
		if (keep->plane != plane)
			continue;
		for (i = 0; i < ARRAY_SIZE(keep->frames); i++)
			if (keep->frames[i])
				shrbuf_route_frame_put(route, keep->frames[i]);
		list_del(&keep->node);
		kfree(keep);
	}
	spin_unlock(&route->frames_lock);
	shrbuf_route_kick(route);
}

/* All sinks that get every frame can take one. */
static bool route_has_room(struct shrbuf_route *route)
{
	struct shrbuf_route_sink *sink;
	bool room = true;

	lockdep_assert_held(&route->sinks_lock);
	spin_lock(&route->frames_lock);
	list_for_each_entry(sink, &route->sinks, node)
		room = room && shrbuf_sink_has_room(sink);
	spin_unlock(&route->frames_lock);
	return room;
}

/* A frame has come. An error if it cannot have come from a buffer that we have queued. */
static int route_accept(struct shrbuf_route *route, unsigned int index,
			const struct shrbuf_frame *frame)
{
	struct shrbuf_route_frame *rf;
	int ret = -EBUSY;

	/* VIDIOC_CREATE_BUFS came after us. */
	if (index >= route->nr_frames)
		return -EBUSY;
	rf = &route->frames[index];
	spin_lock(&route->frames_lock);
	if (!rf->holders && list_empty(&rf->node)) {
		rf->frame = *frame;
		/* Ours, until all sinks were asked. */
		rf->holders = 1;
		route->stats.frames_in++;
		if (frame->state == SHRBUF_STATE_ERROR)
			route->stats.dropped_error++;
		ret = 0;
	}
	spin_unlock(&route->frames_lock);
	return ret;
}

static void route_distribute(struct shrbuf_route *route, struct shrbuf_route_frame *frame)
{
	struct shrbuf_route_sink *sink;

	lockdep_assert_held(&route->sinks_lock);
	trace_shrbuf_route_frame(route->id, frame->index, frame->frame.sequence);
	if (frame->frame.state == SHRBUF_STATE_FILLED)
		list_for_each_entry(sink, &route->sinks, node)
			shrbuf_sink_offer(sink, frame);
	spin_lock(&route->frames_lock);
	shrbuf_route_frame_put(route, frame);
	spin_unlock(&route->frames_lock);
}

/* All frames that the camera has. An error ends the route. */
static int route_take(struct shrbuf_route *route)
{
	struct shrbuf_frame frame;
	int index, ret = 0;

	mutex_lock(&route->sinks_lock);
	while (!ret && route_has_room(route)) {
		index = shrbuf_source_dqbuf(&route->source, &frame);
		if (index < 0) {
			ret = index;
			break;
		}
		ret = route_accept(route, index, &frame);
		if (!ret)
			route_distribute(route, &route->frames[index]);
	}
	mutex_unlock(&route->sinks_lock);
	return ret == -EAGAIN ? 0 : ret;
}

/* All frames that nobody holds. -EAGAIN: later, another error ends the route. */
static int route_give_back(struct shrbuf_route *route)
{
	struct shrbuf_route_frame *frame;
	int ret = 0;

	while (!ret) {
		spin_lock(&route->frames_lock);
		frame = list_first_entry_or_null(&route->returned,
						 struct shrbuf_route_frame, node);
		if (frame)
			list_del_init(&frame->node);
		spin_unlock(&route->frames_lock);
		if (!frame)
			break;
		ret = shrbuf_source_qbuf(&route->source, frame->index, NULL);
		if (ret == -EBUSY || ret == -ENOMEM) {
			spin_lock(&route->frames_lock);
			list_add_tail(&frame->node, &route->returned);
			spin_unlock(&route->frames_lock);
			ret = -EAGAIN;
		}
	}
	return ret;
}

static void route_check_deadlines(struct shrbuf_route *route)
{
	struct shrbuf_route_sink *sink;
	u64 now = ktime_get_ns();

	mutex_lock(&route->sinks_lock);
	list_for_each_entry(sink, &route->sinks, node)
		shrbuf_sink_check_deadline(sink, now);
	mutex_unlock(&route->sinks_lock);
}

static void route_set_state(struct shrbuf_route *route, u32 state, int error)
{
	spin_lock(&route->frames_lock);
	route->stats.state = state;
	route->stats.error = error;
	spin_unlock(&route->frames_lock);
}

static void route_fail(struct shrbuf_route *route, int error)
{
	struct shrbuf_route_sink *sink;

	trace_shrbuf_route_fail(route->id, error);
	route_set_state(route, SHRBUF_ROUTE_FAILED, error);
	shrbuf_route_event(route, SHRBUF_ROUTE_EVENT_FAILED, 0, error, 0);
	/* Programs that wait for frames. */
	mutex_lock(&route->sinks_lock);
	list_for_each_entry(sink, &route->sinks, node)
		wake_up_all(&sink->wait);
	mutex_unlock(&route->sinks_lock);
}

/* One round. -EAGAIN: another one soon, another error ends the route. */
static int route_work(struct shrbuf_route *route)
{
	int back = 0, ret = 0;

	if (!READ_ONCE(route->cancelled)) {
		back = route_give_back(route);
		if (!back || back == -EAGAIN)
			ret = route_take(route);
		ret = ret ?: back;
	}
	/* What went wrong meanwhile went wrong because of that. */
	if (READ_ONCE(route->cancelled))
		ret = -ECANCELED;
	if (ret && ret != -EAGAIN && shrbuf_source_gone(&route->source))
		ret = -ENODEV;
	return ret;
}

static int route_thread(void *data)
{
	struct shrbuf_route *route = data;
	/* Of the threads before. */
	u64 cpu_time = route->stats.cpu_time;
	long timeout = HZ;
	bool failed = false;
	int ret;

	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_freezable_timeout(route->wake,
					     kthread_should_stop() ||
					     atomic_read_acquire(&route->kicked),
					     timeout);
		atomic_set(&route->kicked, 0);
		/* Pairs with setting it after there is work. */
		smp_mb__after_atomic();
		/* A failed route waits for its end. */
		if (failed)
			continue;
		ret = route_work(route);
		timeout = ret == -EAGAIN ? ROUTE_RETRY : HZ;
		route_check_deadlines(route);
		failed = ret && ret != -EAGAIN;
		if (failed)
			route_fail(route, -ret);
		spin_lock(&route->frames_lock);
		route->stats.cpu_time = cpu_time + current->se.sum_exec_runtime;
		spin_unlock(&route->frames_lock);
	}
	return 0;
}

/*
 * The driver has given a buffer back, or the stream has ended. Called under the lock of the wait
 * queue, perhaps in an interrupt.
 */
static int route_done(struct wait_queue_entry *wait, unsigned int mode, int sync,
		      void *key)
{
	struct shrbuf_route *route = container_of(wait, struct shrbuf_route, done);

	if (!vb2_is_streaming(route->source.q))
		WRITE_ONCE(route->cancelled, true);
	shrbuf_route_kick(route);
	return 0;
}

/**
 * shrbuf_route_init_thread - initialise what the thread needs
 * @route: new
 */
void shrbuf_route_init_thread(struct shrbuf_route *route)
{
	init_waitqueue_head(&route->wake);
	init_waitqueue_func_entry(&route->done, route_done);
}

/* Gives the camera all buffers that neither it nor a sink has. */
static int route_queue_all(struct shrbuf_route *route)
{
	struct shrbuf_route_frame *frame;
	unsigned int i;
	bool held;
	int ret = 0;

	for (i = 0; i < route->nr_frames && !ret; i++) {
		frame = &route->frames[i];
		spin_lock(&route->frames_lock);
		held = frame->holders;
		/* What the last run did not give back any more. */
		if (!held)
			list_del_init(&frame->node);
		spin_unlock(&route->frames_lock);
		if (!held && shrbuf_source_idle(&route->source, i))
			ret = shrbuf_source_qbuf(&route->source, i, NULL);
	}
	return ret;
}

static int route_set_priority(struct shrbuf_route *route, u32 priority)
{
	struct shrbuf_route_sink *sink;
	int ret = 0;

	mutex_lock(&route->sinks_lock);
	route->priority = priority;
	list_for_each_entry(sink, &route->sinks, node) {
		ret = shrbuf_sink_priority(sink, priority);
		if (ret)
			break;
	}
	mutex_unlock(&route->sinks_lock);
	return ret;
}

static int route_prepare(struct shrbuf_route *route, struct task_struct *thread,
			 u32 priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = priority,
	};
	int ret = priority ? sched_setattr_nocheck(thread, &attr) : 0;

	if (!ret)
		ret = route_set_priority(route, priority);
	if (!ret)
		ret = route_queue_all(route);
	return ret;
}

/**
 * shrbuf_route_start - move frames
 * @route: route, the caller holds &shrbuf_route.state_lock
 * @priority: of SCHED_FIFO, or zero
 *
 * May sleep.
 *
 * Return: 0, -EALREADY, -ENOMEM, -EINTR, or what the driver says
 */
int shrbuf_route_start(struct shrbuf_route *route, u32 priority)
{
	struct task_struct *thread;
	int ret;

	lockdep_assert_held(&route->state_lock);
	if (route->thread)
		return -EALREADY;
	thread = kthread_create(route_thread, route, "shrbuf-%s", route->name);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	/* Before the stream can tell us anything. */
	route->cancelled = false;
	route_set_state(route, SHRBUF_ROUTE_RUNNING, 0);
	ret = route_prepare(route, thread, priority);
	if (!ret)
		ret = shrbuf_source_start(&route->source, &route->done,
					  &route->started);
	if (ret) {
		kthread_stop(thread);
		route_set_state(route, SHRBUF_ROUTE_STOPPED, 0);
		return ret;
	}
	/* Frames may be there already. */
	atomic_set(&route->kicked, 1);
	route->thread = thread;
	wake_up_process(thread);
	return 0;
}

/**
 * shrbuf_route_stop - move no more frames
 * @route: route, the caller holds &shrbuf_route.state_lock
 *
 * May sleep.
 *
 * Return: 0 or -ENOTCONN
 */
int shrbuf_route_stop(struct shrbuf_route *route)
{
	lockdep_assert_held(&route->state_lock);
	if (!route->thread)
		return -ENOTCONN;
	remove_wait_queue(&route->source.q->done_wq, &route->done);
	kthread_stop(route->thread);
	route->thread = NULL;
	/* If somebody else has stopped it, it is not our stream any more. */
	if (route->started && !route->cancelled)
		shrbuf_source_stop(&route->source);
	route->started = false;
	if (route->stats.state == SHRBUF_ROUTE_RUNNING)
		route_set_state(route, SHRBUF_ROUTE_STOPPED, 0);
	return 0;
}
