// SPDX-License-Identifier: GPL-2.0
/*
 * A sink of a route from which programs take frames.
 */

/**
 * DOC: taps
 *
 * A tap is a file. What a program has taken, it gives back by a request, or all at once by closing
 * the file. It may keep the file for ever, and may be in the middle of a request when the
 * route ends: nothing that ends a tap waits for a program. So no lock is held while a request
 * copies to user space, and what it needs of the route's source was looked up when the tap was
 * made.
 */

#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/videodev2.h>

#include "shrbuf-priv.h"
#include "route.h"

/**
 * struct tap_buffer - what a tap knows of a buffer
 * @planes: shared buffers, the tap is a user of each until it ends
 * @nr_planes: number of @planes
 * @taken: the program has it, else NULL
 * @given: the program has got the file descriptors of it
 *
 * All is protected by &shrbuf_route.frames_lock.
 */
struct tap_buffer {
	struct shrbuf *planes[SHRBUF_MAX_PLANES];
	unsigned int nr_planes;
	struct shrbuf_sink_hold *taken;
	bool given;
};

/**
 * struct tap_sink - a tap
 * @sink: first
 * @buffers: by index of the buffer. The array is invariant over the lifetime.
 */
struct tap_sink {
	struct shrbuf_route_sink sink;
	struct tap_buffer *buffers;
};

#define to_tap_sink(s)	container_of(s, struct tap_sink, sink)

/* Stops to be a user of the buffers, for nobody can take one any more. */
static void tap_put_planes(struct tap_sink *tap)
{
	struct tap_buffer *buffer;
	unsigned int i;

	for (i = 0; i < tap->sink.route->nr_frames; i++) {
		buffer = &tap->buffers[i];
		while (buffer->nr_planes)
			shrbuf_put(buffer->planes[--buffer->nr_planes]);
	}
}

static void tap_end(struct shrbuf_route_sink *sink)
{
	struct tap_sink *tap = to_tap_sink(sink);

	/* From here on nobody looks at the buffers. */
	shrbuf_sink_let_go(sink);
	wake_up_all(&sink->wait);
	tap_put_planes(tap);
}

static void tap_free(struct shrbuf_route_sink *sink)
{
	struct tap_sink *tap = to_tap_sink(sink);

	tap_put_planes(tap);
	kvfree(tap->buffers);
	kfree(tap);
}

static const struct shrbuf_sink_ops tap_ops = {
	.type	= SHRBUF_SINK_TYPE_TAP,
	.name	= "tap",
	.end	= tap_end,
	.free	= tap_free,
};

/**
 * struct tap_fds - file descriptors that are not installed yet
 * @fd: numbers
 * @file: dma-bufs of the planes
 * @nr: number of both
 */
struct tap_fds {
	int fd[SHRBUF_MAX_PLANES];
	struct file *file[SHRBUF_MAX_PLANES];
	unsigned int nr;
};

static void tap_drop_fds(struct tap_fds *fds)
{
	while (fds->nr) {
		fds->nr--;
		put_unused_fd(fds->fd[fds->nr]);
		fput(fds->file[fds->nr]);
	}
}

/* One more file descriptor, read-only: a taker must not change what others see. */
static int tap_reserve_fd(struct tap_fds *fds, struct shrbuf *sb)
{
	struct dma_buf *dmabuf;
	int fd;

	dmabuf = shrbuf_get_dmabuf(sb, O_RDONLY);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	fds->fd[fds->nr] = fd;
	fds->file[fds->nr++] = dmabuf->file;
	return 0;
}

static int tap_reserve_fds(struct tap_fds *fds, struct shrbuf *const *planes,
			   unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = tap_reserve_fd(fds, planes[i]);
	if (ret)
		tap_drop_fds(fds);
	return ret;
}

/**
 * struct tap_take - a frame on its way to a program
 * @arg: for the program
 * @hold: of the sink. Valid while the sink has not ended.
 * @planes: those whose file descriptors the program has not got yet, with a reference
 * @nr_planes: number of @planes
 */
struct tap_take {
	struct shrbuf_tap_frame arg;
	struct shrbuf_sink_hold *hold;
	struct shrbuf *planes[SHRBUF_MAX_PLANES];
	unsigned int nr_planes;
};

/* The oldest pending frame, for tap_commit() or tap_undo(). */
static int tap_begin(struct tap_sink *tap, struct tap_take *take)
{
	struct shrbuf_route_sink *sink = &tap->sink;
	struct tap_buffer *buffer;
	unsigned int i;
	int ret = 0;

	memset(take, 0, sizeof(*take));
	spin_lock(&sink->route->frames_lock);
	take->hold = list_first_entry_or_null(&sink->pending, struct shrbuf_sink_hold,
					      node);
	if (take->hold)
		list_del_init(&take->hold->node);
	else if (sink->ended || sink->route->stats.state == SHRBUF_ROUTE_FAILED)
		ret = -ENODEV;
	else if (sink->held >= sink->config.max_held)
		ret = -EBUSY;
	else
		ret = -EAGAIN;
	if (!ret) {
		take->arg.index = take->hold->frame->index;
		take->arg.frame = take->hold->frame->frame;
		buffer = &tap->buffers[take->arg.index];
		if (!buffer->given)
			take->nr_planes = buffer->nr_planes;
		for (i = 0; i < take->nr_planes; i++)
			take->planes[i] = shrbuf_get(buffer->planes[i]);
	}
	spin_unlock(&sink->route->frames_lock);
	return ret;
}

/*
 * Puts a frame that could not be delivered in front of the others again, unless a newer one has
 * come that replaces it.
 */
static void tap_undo(struct tap_sink *tap, struct tap_take *take)
{
	struct shrbuf_route_sink *sink = &tap->sink;
	bool newest = sink->config.policy == SHRBUF_SINK_NEWEST;

	spin_lock(&sink->route->frames_lock);
	/* A tap that has ended has no holds any more. */
	if (!sink->ended && newest && !list_empty(&sink->pending))
		shrbuf_sink_drop_locked(sink, take->hold, SHRBUF_DROP_NEWER);
	else if (!sink->ended)
		list_add(&take->hold->node, &sink->pending);
	spin_unlock(&sink->route->frames_lock);
	shrbuf_route_kick(sink->route);
	wake_up_all(&sink->wait);
}

/* It is the program's. Fails if the tap has ended meanwhile. */
static int tap_commit(struct tap_sink *tap, struct tap_take *take)
{
	struct tap_buffer *buffer = &tap->buffers[take->arg.index];
	struct shrbuf_route_sink *sink = &tap->sink;
	int ret = -ENODEV;

	spin_lock(&sink->route->frames_lock);
	if (!sink->ended) {
		shrbuf_sink_count_shown(sink, take->hold);
		buffer->taken = take->hold;
		buffer->given = true;
		ret = 0;
	}
	spin_unlock(&sink->route->frames_lock);
	return ret;
}

static int tap_deliver(struct tap_sink *tap, struct tap_take *take, void __user *uptr)
{
	struct tap_fds fds = { };
	unsigned int i;
	int ret;

	for (i = 0; i < SHRBUF_MAX_PLANES; i++)
		take->arg.fds[i] = -1;
	ret = tap_reserve_fds(&fds, take->planes, take->nr_planes);
	if (ret)
		return ret;
	take->arg.nr_planes = fds.nr;
	for (i = 0; i < fds.nr; i++)
		take->arg.fds[i] = fds.fd[i];
	ret = -EFAULT;
	if (!copy_to_user(uptr, &take->arg, sizeof(take->arg)))
		ret = tap_commit(tap, take);
	if (ret) {
		tap_drop_fds(&fds);
		return ret;
	}
	for (i = 0; i < fds.nr; i++)
		fd_install(fds.fd[i], fds.file[i]);
	return 0;
}

/* A frame, -EAGAIN if there is none, or an error. */
static int tap_try_take(struct tap_sink *tap, void __user *uptr)
{
	struct tap_take take;
	unsigned int i;
	int ret;

	ret = tap_begin(tap, &take);
	if (ret)
		return ret;
	ret = tap_deliver(tap, &take, uptr);
	if (ret)
		tap_undo(tap, &take);
	for (i = 0; i < take.nr_planes; i++)
		shrbuf_put(take.planes[i]);
	return ret;
}

static bool tap_ready(struct shrbuf_route_sink *sink)
{
	return !list_empty_careful(&sink->pending) || READ_ONCE(sink->ended) ||
	       READ_ONCE(sink->route->stats.state) == SHRBUF_ROUTE_FAILED;
}

static long tap_ioctl_take(struct tap_sink *tap, struct file *file, void __user *uptr)
{
	struct shrbuf_tap_frame arg;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || arg.pad || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	do {
		ret = tap_try_take(tap, uptr);
		if (ret != -EAGAIN || file->f_flags & O_NONBLOCK)
			return ret;
		ret = wait_event_interruptible(tap->sink.wait, tap_ready(&tap->sink));
	} while (!ret);
	return ret;
}

static long tap_ioctl_give(struct tap_sink *tap, void __user *uptr)
{
	struct shrbuf_route_sink *sink = &tap->sink;
	struct shrbuf_route *route = sink->route;
	struct shrbuf_sink_hold *hold = NULL;
	struct shrbuf_tap_frame arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || arg.pad || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	spin_lock(&route->frames_lock);
	if (arg.index < route->nr_frames && !sink->ended)
		hold = tap->buffers[arg.index].taken;
	if (hold) {
		tap->buffers[arg.index].taken = NULL;
		shrbuf_sink_release(sink, hold);
	}
	spin_unlock(&route->frames_lock);
	if (!hold)
		return -ENOENT;
	shrbuf_route_kick(route);
	return 0;
}

static long tap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tap_sink *tap = file->private_data;
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case SHRBUF_IOC_TAP_TAKE:
		return tap_ioctl_take(tap, file, uptr);
	case SHRBUF_IOC_TAP_GIVE:
		return tap_ioctl_give(tap, uptr);
	default:
		return -ENOTTY;
	}
}

static __poll_t tap_poll(struct file *file, struct poll_table_struct *table)
{
	struct tap_sink *tap = file->private_data;
	struct shrbuf_route_sink *sink = &tap->sink;
	__poll_t mask = 0;

	poll_wait(file, &sink->wait, table);
	if (!list_empty_careful(&sink->pending))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(sink->ended) ||
	    READ_ONCE(sink->route->stats.state) == SHRBUF_ROUTE_FAILED)
		mask |= EPOLLHUP;
	return mask;
}

static int tap_release(struct inode *inode, struct file *file)
{
	struct tap_sink *tap = file->private_data;

	/* Fails if the route has ended it, or never had it: then the number is zero. */
	shrbuf_route_remove(tap->sink.route, tap->sink.config.id);
	shrbuf_sink_put(&tap->sink);
	return 0;
}

static const struct file_operations tap_fops = {
	.owner		= THIS_MODULE,
	.release	= tap_release,
	.unlocked_ioctl	= tap_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= tap_poll,
	.llseek		= no_llseek,
};

static int tap_get_planes(struct tap_sink *tap)
{
	struct shrbuf_route *route = tap->sink.route;
	struct shrbuf *planes[VIDEO_MAX_PLANES];
	struct tap_buffer *buffer;
	unsigned int i, j, nr;

	for (i = 0; i < route->nr_frames; i++) {
		buffer = &tap->buffers[i];
		nr = shrbuf_source_planes(&route->source, i, planes);
		for (j = 0; j < nr; j++) {
			if (j < SHRBUF_MAX_PLANES)
				buffer->planes[buffer->nr_planes++] = planes[j];
			else
				shrbuf_put(planes[j]);
		}
		if (!nr || nr > SHRBUF_MAX_PLANES)
			return -EOPNOTSUPP;
	}
	return 0;
}

static struct tap_sink *tap_new(struct shrbuf_route *route,
				const struct shrbuf_sink *config)
{
	struct tap_sink *tap = kzalloc(sizeof(*tap), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!tap)
		return ERR_PTR(-ENOMEM);
	tap->buffers = kvcalloc(route->nr_frames, sizeof(*tap->buffers),
				GFP_KERNEL_ACCOUNT);
	if (!tap->buffers) {
		kfree(tap);
		return ERR_PTR(-ENOMEM);
	}
	shrbuf_sink_init(&tap->sink, route, &tap_ops, config);
	strscpy(tap->sink.target, "-", sizeof(tap->sink.target));
	ret = tap_get_planes(tap);
	if (ret) {
		shrbuf_sink_put(&tap->sink);
		return ERR_PTR(ret);
	}
	return tap;
}

/**
 * shrbuf_route_add_tap - SHRBUF_IOC_ROUTE_ADD_TAP
 * @route: route
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_route_add_tap(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_tap_sink arg;
	struct tap_sink *tap;
	struct file *file;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_sink_check(&arg.sink);
	if (ret)
		return ret;
	tap = tap_new(route, &arg.sink);
	if (IS_ERR(tap))
		return PTR_ERR(tap);
	arg.tap_fd = get_unused_fd_flags(O_CLOEXEC);
	if (arg.tap_fd < 0) {
		ret = arg.tap_fd;
		goto err_sink;
	}
	file = anon_inode_getfile("[shrbuf-tap]", &tap_fops, tap, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}
	/* The file has our reference now. */
	ret = shrbuf_route_add(route, &tap->sink, &arg.sink.id);
	if (!ret && copy_to_user(uptr, &arg, sizeof(arg)))
		ret = -EFAULT;
	if (ret) {
		put_unused_fd(arg.tap_fd);
		fput(file);
		return ret;
	}
	fd_install(arg.tap_fd, file);
	return 0;

err_fd:
	put_unused_fd(arg.tap_fd);
err_sink:
	shrbuf_sink_put(&tap->sink);
	return ret;
}
