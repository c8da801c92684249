// SPDX-License-Identifier: GPL-2.0
/*
 * A route: a video device whose frames go to sinks, without a system call for a frame.
 */

/**
 * DOC: routes
 *
 * The thread of a route takes the frames of the camera, offers each to all sinks, and gives a
 * buffer back when the last sink has let it go. It is woken by the driver (wait queue of the
 * video device), by sinks that let go, and by requests.
 *
 * A route lives as long as its file. Its end stops the thread and the sinks and, if the route has
 * started the stream, the stream, and closes the video device. Sinks hold the route's memory, not
 * its file: a tap that somebody else still has open keeps nothing busy.
 *
 * All sinks together may not hold so many frames that the camera has less than it needs. So one
 * that never lets go cannot stop the others: it gets no new ones.
 *
 * The deadline of frames is looked at once a second, and when there is work.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <media/v4l2-dev.h>

#include "shrbuf-priv.h"
#include "route.h"

/* All routes whose file is open, for root. Outside of all other locks of routes. */
static DEFINE_MUTEX(routes_lock);
static LIST_HEAD(routes);
static u32 routes_next_id;	/* protected by routes_lock */

/**
 * shrbuf_route_get - another reference
 * @route: the caller has one
 *
 * Any context.
 *
 * Return: @route
 */
struct shrbuf_route *shrbuf_route_get(struct shrbuf_route *route)
{
	kref_get(&route->refcount);
	return route;
}

static void route_free(struct kref *kref)
{
	struct shrbuf_route *route = container_of(kref, struct shrbuf_route, refcount);
	struct shrbuf_route_keep *keep, *next;

	list_for_each_entry_safe(keep, next, &route->kept, node)
		kfree(keep);
	mutex_destroy(&route->state_lock);
	mutex_destroy(&route->sinks_lock);
	kvfree(route->frames);
	kfree(route);
}

/**
 * shrbuf_route_put - give a reference back
 * @route: route
 *
 * May sleep.
 */
void shrbuf_route_put(struct shrbuf_route *route)
{
	kref_put(&route->refcount, route_free);
}

/**
 * shrbuf_route_event - tell the program
 * @route: route
 * @type: SHRBUF_ROUTE_EVENT_*
 * @sink: number of the sink or zero
 * @error: positive error number or zero
 * @index: of a buffer or zero
 *
 * Process context.
 */
void shrbuf_route_event(struct shrbuf_route *route, u32 type, u32 sink, int error,
			u32 index)
{
	struct shrbuf_route_event event = {
		.time = ktime_get_ns(),
		.type = type,
		.sink = sink,
		.error = error,
		.index = index,
	};

	spin_lock(&route->frames_lock);
	event.lost = route->lost;
	if (kfifo_put(&route->events, event))
		route->lost = 0;
	else
		route->lost++;
	spin_unlock(&route->frames_lock);
	wake_up_interruptible_all(&route->events_wait);
}

static int route_check_priority(const struct shrbuf_route_start *arg)
{
	if (!(arg->flags & SHRBUF_ROUTE_FIFO))
		return arg->priority ? -EINVAL : 0;
	if (!arg->priority || arg->priority >= MAX_RT_PRIO)
		return -EINVAL;
	if (arg->priority > rlimit(RLIMIT_RTPRIO) && !capable(CAP_SYS_NICE))
		return -EPERM;
	return 0;
}

static long route_ioctl_start(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_route_start arg;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~SHRBUF_ROUTE_FIFO ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = route_check_priority(&arg);
	if (ret)
		return ret;
	mutex_lock(&route->state_lock);
	ret = shrbuf_route_start(route, arg.priority);
	mutex_unlock(&route->state_lock);
	return ret;
}

static long route_ioctl_stop(struct shrbuf_route *route, unsigned long arg)
{
	int ret;

	if (arg)
		return -EINVAL;
	mutex_lock(&route->state_lock);
	ret = shrbuf_route_stop(route);
	mutex_unlock(&route->state_lock);
	return ret;
}

/* How many frames all sinks may hold together, and displays do without a sink. */
static unsigned int route_max_held(struct shrbuf_route *route)
{
	struct shrbuf_route_keep *keep;
	struct shrbuf_route_sink *sink;
	unsigned int sum = 0;

	lockdep_assert_held(&route->sinks_lock);
	list_for_each_entry(sink, &route->sinks, node)
		sum += sink->config.max_held;
	spin_lock(&route->frames_lock);
	list_for_each_entry(keep, &route->kept, node)
		sum += !!keep->frames[0] + !!keep->frames[1];
	spin_unlock(&route->frames_lock);
	return sum;
}

/**
 * shrbuf_route_add - a sink joins
 * @route: route
 * @sink: ready; on success the route has a reference
 * @id: out: number of the sink
 *
 * May sleep.
 *
 * Return: 0, -ENOBUFS if there are too few buffers, or what the scheduler says
 */
int shrbuf_route_add(struct shrbuf_route *route, struct shrbuf_route_sink *sink, u32 *id)
{
	int ret = 0;

	mutex_lock(&route->sinks_lock);
	if (route_max_held(route) + sink->config.max_held + route->reserve >
		 route->nr_frames)
		ret = -ENOBUFS;
	else
		ret = shrbuf_sink_priority(sink, route->priority);
	if (!ret) {
		*id = ++route->next_id;
		sink->config.id = *id;
		kref_get(&sink->refcount);
		list_add_tail(&sink->node, &route->sinks);
	}
	mutex_unlock(&route->sinks_lock);
	return ret;
}

/* Finds a sink, and takes it out of the list if @remove. The caller has a reference. */
static struct shrbuf_route_sink *route_find(struct shrbuf_route *route, u32 id, bool remove)
{
	struct shrbuf_route_sink *sink, *found = NULL;

	mutex_lock(&route->sinks_lock);
	list_for_each_entry(sink, &route->sinks, node) {
		if (sink->config.id != id)
			continue;
		found = sink;
		break;
	}
	if (found && remove) {
		/* The caller takes over the reference of the list. */
		list_del(&found->node);
	} else if (found) {
		kref_get(&found->refcount);
	}
	mutex_unlock(&route->sinks_lock);
	return found;
}

/**
 * shrbuf_route_remove - a sink leaves
 * @route: route
 * @id: number of the sink
 *
 * May sleep, and waits for what the sink is doing.
 *
 * Return: 0, or -ENOENT
 */
int shrbuf_route_remove(struct shrbuf_route *route, u32 id)
{
	struct shrbuf_route_sink *sink = route_find(route, id, true);

	if (!sink)
		return -ENOENT;
	sink->ops->end(sink);
	shrbuf_sink_put(sink);
	return 0;
}

static long route_ioctl_remove(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_sink_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return shrbuf_route_remove(route, arg.id);
}

/* How many frames the camera cannot have. */
static unsigned int route_held(struct shrbuf_route *route)
{
	unsigned int i, held = 0;

	lockdep_assert_held(&route->frames_lock);
	for (i = 0; i < route->nr_frames; i++)
		held += !!route->frames[i].holders;
	return held;
}

static long route_ioctl_stats(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_route_sink *sink = NULL;
	struct shrbuf_route_stats arg, stats;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	if (arg.sink) {
		sink = route_find(route, arg.sink, false);
		if (!sink)
			return -ENOENT;
	}
	spin_lock(&route->frames_lock);
	stats = sink ? sink->stats : route->stats;
	stats.held = sink ? sink->held : route_held(route);
	stats.waiting = sink ? shrbuf_sink_waiting(sink) : 0;
	spin_unlock(&route->frames_lock);
	stats.sink = arg.sink;
	if (sink)
		shrbuf_sink_put(sink);
	return copy_to_user(uptr, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long route_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct shrbuf_route *route = file->private_data;
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case SHRBUF_IOC_ROUTE_ADD_KMS:
		return shrbuf_route_add_kms(route, uptr);
	case SHRBUF_IOC_ROUTE_ADD_VIDEO:
		return shrbuf_route_add_video(route, uptr);
	case SHRBUF_IOC_ROUTE_ADD_TAP:
		return shrbuf_route_add_tap(route, uptr);
	case SHRBUF_IOC_ROUTE_REMOVE:
		return route_ioctl_remove(route, uptr);
	case SHRBUF_IOC_ROUTE_START:
		return route_ioctl_start(route, uptr);
	case SHRBUF_IOC_ROUTE_STOP:
		return route_ioctl_stop(route, arg);
	case SHRBUF_IOC_ROUTE_STATS:
		return route_ioctl_stats(route, uptr);
	default:
		return -ENOTTY;
	}
}

static ssize_t route_read(struct file *file, char __user *uptr, size_t len, loff_t *pos)
{
	struct shrbuf_route *route = file->private_data;
	struct shrbuf_route_event event;
	bool got;
	int ret;

	if (len < sizeof(event))
		return -EINVAL;
	do {
		spin_lock(&route->frames_lock);
		got = kfifo_get(&route->events, &event);
		spin_unlock(&route->frames_lock);
		if (got)
			return copy_to_user(uptr, &event, sizeof(event)) ?
			       -EFAULT : sizeof(event);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(route->events_wait,
					       !kfifo_is_empty(&route->events));
	} while (!ret);
	return ret;
}

static __poll_t route_poll(struct file *file, struct poll_table_struct *table)
{
	struct shrbuf_route *route = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &route->events_wait, table);
	if (!kfifo_is_empty(&route->events))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(route->stats.state) == SHRBUF_ROUTE_FAILED)
		mask |= EPOLLERR | EPOLLHUP;
	if (READ_ONCE(route->failed_sinks))
		mask |= EPOLLERR;
	return mask;
}

static void route_end(struct shrbuf_route *route)
{
	struct shrbuf_route_sink *sink;

	mutex_lock(&routes_lock);
	list_del(&route->node);
	mutex_unlock(&routes_lock);
	mutex_lock(&route->state_lock);
	shrbuf_route_stop(route);
	mutex_unlock(&route->state_lock);
	/* No more sinks can join, and taps leave by themselves at any time. */
	for (;;) {
		mutex_lock(&route->sinks_lock);
		sink = list_first_entry_or_null(&route->sinks, struct shrbuf_route_sink,
						node);
		if (sink)
			list_del(&sink->node);
		mutex_unlock(&route->sinks_lock);
		if (!sink)
			break;
		sink->ops->end(sink);
		shrbuf_sink_put(sink);
	}
	shrbuf_source_close(&route->source);
	shrbuf_route_put(route);
}

static const char * const route_states[] = {
	[SHRBUF_ROUTE_STOPPED] = "stopped",
	[SHRBUF_ROUTE_RUNNING] = "running",
	[SHRBUF_ROUTE_FAILED] = "failed",
};

static const char * const sink_states[] = {
	[SHRBUF_SINK_STATE_READY] = "ready",
	[SHRBUF_SINK_STATE_PAUSED] = "paused",
	[SHRBUF_SINK_STATE_FAILED] = "failed",
};

static void route_show_stats(struct seq_file *m, const struct shrbuf_route_stats *stats)
{
	seq_printf(m, "%u\t%llu\t%llu\t%llu\t%llu\t%llu\t%u\t%u\t%llu\t", stats->error,
		   stats->frames_in, stats->frames_shown, stats->dropped_newer,
		   stats->dropped_held, stats->dropped_error, stats->held,
		   stats->waiting, stats->cpu_time);
}

/* A line for the route, and one for each sink. */
static void route_show(struct seq_file *m, struct shrbuf_route *route)
{
	struct shrbuf_route_stats stats;
	struct shrbuf_route_sink *sink;

	mutex_lock(&route->sinks_lock);
	spin_lock(&route->frames_lock);
	stats = route->stats;
	stats.held = route_held(route);
	spin_unlock(&route->frames_lock);
	seq_printf(m, "%u\t0\tsource\t%s\t%s\t", route->id, route->name,
		   route_states[stats.state]);
	route_show_stats(m, &stats);
	seq_printf(m, "%d\t", route->pid);
	seq_escape(m, route->comm, "\t\n\\");
	seq_putc(m, '\n');
	list_for_each_entry(sink, &route->sinks, node) {
		spin_lock(&route->frames_lock);
		stats = sink->stats;
		stats.held = sink->held;
		stats.waiting = shrbuf_sink_waiting(sink);
		spin_unlock(&route->frames_lock);
		seq_printf(m, "%u\t%u\t%s\t%s\t%s\t", route->id, sink->config.id,
			   sink->ops->name, sink->target, sink_states[stats.state]);
		route_show_stats(m, &stats);
		seq_printf(m, "%d\t", sink->pid);
		seq_escape(m, sink->comm, "\t\n\\");
		seq_putc(m, '\n');
	}
	mutex_unlock(&route->sinks_lock);
}

/* What debugfs says of all routes to root, a program may know of its own. */
static void __maybe_unused route_show_fdinfo(struct seq_file *m, struct file *file)
{
	route_show(m, file->private_data);
}

static int route_release(struct inode *inode, struct file *file)
{
	route_end(file->private_data);
	return 0;
}

/**
 * shrbuf_routes_show - debugfs: all routes
 * @m: file
 *
 * A line for each route and each sink. May sleep.
 */
void shrbuf_routes_show(struct seq_file *m)
{
	struct shrbuf_route *route;

	seq_puts(m, "route\tsink\ttype\ttarget\tstate\terror\tin\tshown\tnewer\theld\t");
	seq_puts(m, "damaged\tholds\twaiting\tcpu\tpid\tcomm\n");
	mutex_lock(&routes_lock);
	list_for_each_entry(route, &routes, node)
		route_show(m, route);
	mutex_unlock(&routes_lock);
}

static const struct file_operations route_fops = {
	.owner		= THIS_MODULE,
	.release	= route_release,
	.unlocked_ioctl	= route_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.read		= route_read,
	.poll		= route_poll,
#ifdef CONFIG_PROC_FS
	.show_fdinfo	= route_show_fdinfo,
#endif
	.llseek		= no_llseek,
};

/* A queue can be in one route. */
static int route_list(struct shrbuf_route *route)
{
	struct shrbuf_route *other;
	int ret = 0;

	mutex_lock(&routes_lock);
	list_for_each_entry(other, &routes, node)
		if (other->source.q == route->source.q)
			ret = -EBUSY;
	if (!ret) {
		route->id = ++routes_next_id;
		list_add_tail(&route->node, &routes);
	}
	mutex_unlock(&routes_lock);
	return ret;
}

/* The route of an open source. */
static struct shrbuf_route *route_new(int video_fd)
{
	struct shrbuf_route *route;
	unsigned int i;
	int ret;

	route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	if (!route)
		return ERR_PTR(-ENOMEM);
	ret = shrbuf_source_open(&route->source, video_fd, false);
	if (ret)
		goto err_free;
	ret = shrbuf_source_check(&route->source, &route->nr_frames, &route->reserve);
	if (ret)
		goto err_source;
	ret = -ENOMEM;
	route->frames = kvcalloc(route->nr_frames, sizeof(*route->frames),
				 GFP_KERNEL_ACCOUNT);
	if (!route->frames)
		goto err_source;
	for (i = 0; i < route->nr_frames; i++) {
		route->frames[i].index = i;
		INIT_LIST_HEAD(&route->frames[i].node);
	}
	kref_init(&route->refcount);
	mutex_init(&route->state_lock);
	mutex_init(&route->sinks_lock);
	spin_lock_init(&route->frames_lock);
	init_waitqueue_head(&route->events_wait);
	INIT_LIST_HEAD(&route->sinks);
	INIT_LIST_HEAD(&route->returned);
	INIT_LIST_HEAD(&route->kept);
	INIT_KFIFO(route->events);
	shrbuf_route_init_thread(route);
	strscpy(route->name, video_device_node_name(route->source.vdev),
		sizeof(route->name));
	get_task_comm(route->comm, current);
	route->pid = task_tgid_nr(current);
	ret = route_list(route);
	if (ret)
		goto err_frames;
	return route;

err_frames:
	kvfree(route->frames);
err_source:
	shrbuf_source_close(&route->source);
err_free:
	kfree(route);
	return ERR_PTR(ret);
}

/**
 * shrbuf_route_create - SHRBUF_IOC_ROUTE_CREATE
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_route_create(void __user *uptr)
{
	struct shrbuf_route_op arg;
	struct shrbuf_route *route;
	struct file *file;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || arg.pad || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	arg.route_fd = get_unused_fd_flags(O_CLOEXEC);
	if (arg.route_fd < 0)
		return arg.route_fd;
	route = route_new(arg.video_fd);
	if (IS_ERR(route)) {
		ret = PTR_ERR(route);
		goto err_fd;
	}
	file = anon_inode_getfile("[shrbuf-route]", &route_fops, route,
				  O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		route_end(route);
		goto err_fd;
	}
	if (copy_to_user(uptr, &arg, sizeof(arg))) {
		ret = -EFAULT;
		/* Ends the route. */
		fput(file);
		goto err_fd;
	}
	fd_install(arg.route_fd, file);
	return 0;

err_fd:
	put_unused_fd(arg.route_fd);
	return ret;
}
