// SPDX-License-Identifier: GPL-2.0
/*
 * Attached queues: stock drivers whose videobuf2 queue was told to give shared
 * buffers.
 */

/**
 * DOC: attached queues
 *
 * Attaching replaces &vb2_queue.mem_ops by the wrapper of the same allocator, detaching
 * puts the allocator's own operations back. A plane must be freed by the operations
 * that made it, so operations are replaced only while the queue has no planes:
 *
 * - Requests attach and detach under the lock of the queue, while it has no buffers.
 * - The removal of the device cannot take that lock: the driver may hold it, or free it
 *   with the queue soon after. So the wrapper counts the planes it made, and all
 *   changes of operations and of that count are made under queues_lock. If there are no
 *   wrapped planes, removal puts the allocator's operations back at once. If there are,
 *   the attachment is orphaned, and the last plane to be freed does it: the queue is
 *   there, for it is freeing its plane.
 *
 * A request that was running in the queue meanwhile may have fetched the wrapper's
 * operation before the change. The wrapper looks again, under queues_lock, before it
 * makes a plane, and leaves the work to the allocator if it is not in charge any more::
 *
 *     CPU0: VIDIOC_REQBUFS                  CPU1: video_unregister_device()
 *
 *     alloc = q->mem_ops->alloc
 *                                           queue_removed()
 *                                             spin_lock(&queues_lock)
 *                                             no planes: q->mem_ops = base
 *                                             spin_unlock(&queues_lock)
 *     alloc()
 *       shrbuf_queue_plane_new()
 *         spin_lock(&queues_lock)
 *         q->mem_ops is not a wrapper:
 *         the plane is the allocator's own
 *
 * If CPU0 has queues_lock first it counts its plane, and CPU1 orphans the attachment.
 *
 * An attachment outlives the file descriptor it was made with. It holds this module, and
 * nothing else: the class of video devices tells us of the removal of a device, through a
 * &struct class_interface, while the driver still waits in video_unregister_device().
 *
 * A device may be removed while it is being attached::
 *
 *     CPU0: shrbuf_queue_attach()           CPU1: video_unregister_device()
 *
 *     spin_lock(&queues_lock)     (A)       clear_bit(V4L2_FL_REGISTERED)
 *     video_is_registered()?                queue_removed()
 *     list_add()                              spin_lock(&queues_lock)   (B)
 *     spin_unlock(&queues_lock)
 *
 * If (A) comes first, CPU1 finds the attachment. If (B) comes first, CPU0 sees the
 * cleared bit and fails with -ENODEV.
 */

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <media/v4l2-common.h>
#include <media/v4l2-dev.h>
#include <media/videobuf2-core.h>

#include "shrbuf-priv.h"
#include "trace.h"

/* Also protects &vb2_queue.mem_ops of attached queues. Innermost. */
static DEFINE_SPINLOCK(queues_lock);
static LIST_HEAD(queues);
static u32 next_id;	/* protected by queues_lock */

/* Serialises the registration of video_interface, outside all other locks. */
static DEFINE_MUTEX(interface_lock);
static struct class_interface video_interface;

/* In the list, or NULL. */
static struct shrbuf_queue *queue_find(const struct vb2_queue *q)
{
	struct shrbuf_queue *sq;

	lockdep_assert_held(&queues_lock);
	list_for_each_entry(sq, &queues, node)
		if (sq->q == q)
			return sq;
	return NULL;
}

/* Ends an attachment without planes. The caller calls queue_free() afterwards. */
static void queue_end(struct shrbuf_queue *sq)
{
	lockdep_assert_held(&queues_lock);
	WRITE_ONCE(sq->q->mem_ops, sq->base);
	if (sq->base_ops)
		WRITE_ONCE(sq->q->ops, sq->base_ops);
	list_del(&sq->node);
}

static void queue_release_rcu(struct rcu_head *rcu)
{
	struct shrbuf_queue *sq = container_of(rcu, struct shrbuf_queue, rcu);

	kfree(sq->ops);
	kfree(sq);
}

static void queue_release(struct kref *kref)
{
	struct shrbuf_queue *sq = container_of(kref, struct shrbuf_queue, refcount);

	/*
	 * Somebody may be between fetching the operations of the queue and fetching one of
	 * them, where he could be preempted. A grace period of tasks is one of RCU too.
	 */
	call_rcu_tasks(&sq->rcu, queue_release_rcu);
}

static void queue_free(struct shrbuf_queue *sq)
{
	trace_shrbuf_queue_detach(sq->dev);
	shrbuf_source_end(&sq->source, 0);
	shrbuf_queue_put(sq);
	/* shrbuf_module_exit() waits until the caller has returned. */
	module_put(THIS_MODULE);
}

/**
 * shrbuf_queue_plane_new - a plane is about to be made by a wrapper
 * @q: queue
 * @sq: out: attachment to give to shrbuf_queue_plane_gone(), NULL if @q is the queue of
 *	a ported driver
 *
 * Return: false if the wrapper is not in charge any more, the allocator is then
 */
bool shrbuf_queue_plane_new(struct vb2_queue *q, struct shrbuf_queue **sq)
{
	bool wrapped;

	spin_lock(&queues_lock);
	wrapped = shrbuf_vb2_base(q->mem_ops);
	*sq = wrapped ? queue_find(q) : NULL;
	if (*sq)
		(*sq)->planes++;
	spin_unlock(&queues_lock);
	return wrapped;
}

/**
 * shrbuf_queue_plane_gone - a plane was freed
 * @sq: from shrbuf_queue_plane_new()
 */
void shrbuf_queue_plane_gone(struct shrbuf_queue *sq)
{
	bool end = false;

	if (!sq)
		return;
	spin_lock(&queues_lock);
	if (!--sq->planes && !sq->vdev) {
		queue_end(sq);
		end = true;
	}
	spin_unlock(&queues_lock);
	if (end)
		queue_free(sq);
}

/**
 * shrbuf_queue_enter - a wrapped operation of a queue begins that needs no buffer
 * @q: queue, the caller holds its lock
 *
 * May sleep.
 *
 * Return: the attachment, which stays, as does this module, until shrbuf_queue_leave().
 * NULL if it has ended: the device was removed
 */
struct shrbuf_queue *shrbuf_queue_enter(struct vb2_queue *q)
{
	struct shrbuf_queue *sq;

	spin_lock(&queues_lock);
	sq = queue_find(q);
	if (sq) {
		sq->planes++;
		__module_get(THIS_MODULE);
	}
	spin_unlock(&queues_lock);
	return sq;
}

/**
 * shrbuf_queue_leave - a wrapped operation of a queue ends
 * @sq: from shrbuf_queue_enter()
 */
void shrbuf_queue_leave(struct shrbuf_queue *sq)
{
	shrbuf_queue_plane_gone(sq);
	/* Last, shrbuf_module_exit() waits until the caller has returned. */
	module_put(THIS_MODULE);
}

/* Called under the mutex of the class, perhaps also under the lock of the queue. */
static void queue_removed(struct device *dev)
{
	struct shrbuf_queue *sq, *ended = NULL;

	spin_lock(&queues_lock);
	list_for_each_entry(sq, &queues, node) {
		if (!sq->vdev || &sq->vdev->dev != dev)
			continue;
		WRITE_ONCE(sq->vdev, NULL);
		/* VIDIOC_QBUF may wait for a reader, see queue-ops.c. */
		if (sq->waits_for)
			wake_up_all(&sq->waits_for->released);
		if (!sq->planes) {
			queue_end(sq);
			ended = sq;
		}
		break;
	}
	spin_unlock(&queues_lock);
	if (ended)
		queue_free(ended);
}

SHRBUF_COMPAT_REMOVE_DEV(queue_removed_cb, queue_removed)

/* The class of video devices is not exported, any device knows it. */
static int queue_watch_class(struct video_device *vdev)
{
	int ret = 0;

	mutex_lock(&interface_lock);
	if (!video_interface.class) {
		video_interface.class = vdev->dev.class;
		video_interface.remove_dev = queue_removed_cb;
		ret = class_interface_register(&video_interface);
		if (ret)
			video_interface.class = NULL;
	}
	mutex_unlock(&interface_lock);
	return ret;
}

/* The lock that V4L2 takes for requests of this queue, or NULL. */
static struct mutex *queue_lock_of(struct video_device *vdev)
{
	return vdev->queue->lock ?: vdev->lock;
}

/*
 * A file that V4L2 opened, of a device with a queue and a lock, or an error. The caller
 * gives it to fput(), and looks under the lock again whether the device is there.
 */
static struct file *queue_get_file(int fd)
{
	struct file *file = fget(fd);
	struct video_device *vdev;
	int ret;

	if (!file)
		return ERR_PTR(-EBADF);
	ret = -EINVAL;
	if (!shrbuf_is_device(file, VIDEO_MAJOR))
		goto err;
	vdev = video_devdata(file);
	ret = -ENODEV;
	/* As V4L2 does it, before anything of the driver is touched. */
	if (!video_is_registered(vdev))
		goto err;
	ret = -EOPNOTSUPP;
	if (!vdev->queue || !queue_lock_of(vdev))
		goto err;
	return file;

err:
	fput(file);
	return ERR_PTR(ret);
}

/*
 * Everything that needs the lock of the queue, which the caller holds. The queue of a
 * ported driver keeps its operations, it is only known from now on.
 */
static int queue_attach_locked(struct shrbuf_queue *sq, bool test)
{
	const struct vb2_mem_ops *wrapper;
	struct shrbuf_queue *other;
	int ret = 0;

	spin_lock(&queues_lock);
	other = queue_find(sq->q);
	wrapper = shrbuf_vb2_wrapper(sq->q->mem_ops);
	if (shrbuf_vb2_base(sq->q->mem_ops))
		wrapper = sq->q->mem_ops;
	if (!video_is_registered(sq->vdev))
		ret = -ENODEV;
	else if (other && !other->vdev)
		ret = -EBUSY;	/* buffers of the time before it was removed */
	else if (other)
		ret = -EALREADY;
	else if (!wrapper)
		ret = -EOPNOTSUPP;
	else if (vb2_is_busy(sq->q))
		ret = -EBUSY;
	if (!ret && !test) {
		sq->base = sq->q->mem_ops;
		sq->id = next_id++;
		list_add_tail(&sq->node, &queues);
		WRITE_ONCE(sq->q->mem_ops, wrapper);
	}
	spin_unlock(&queues_lock);
	return ret;
}

/**
 * shrbuf_queue_attach - SHRBUF_IOC_ATTACH
 * @fd: of an open video device
 * @test: only look whether it could be done
 *
 * Return: 0, or the errors that are documented there
 */
int shrbuf_queue_attach(int fd, bool test)
{
	struct video_device *vdev;
	struct shrbuf_queue *sq;
	struct file *file;
	int ret;

	might_sleep();
	file = queue_get_file(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vdev = video_devdata(file);
	ret = queue_watch_class(vdev);
	if (ret)
		goto out_file;

	sq = kzalloc(sizeof(*sq), GFP_KERNEL_ACCOUNT);
	if (!sq) {
		ret = -ENOMEM;
		goto out_file;
	}
	kref_init(&sq->refcount);
	shrbuf_source_init(&sq->source);
	sq->vdev = vdev;
	sq->q = vdev->queue;
	strscpy(sq->dev, video_device_node_name(vdev), sizeof(sq->dev));
	strscpy(sq->name, vdev->name, sizeof(sq->name));
	strscpy(sq->driver, module_name(vdev->fops->owner), sizeof(sq->driver));

	if (mutex_lock_interruptible(queue_lock_of(vdev))) {
		ret = -ERESTARTSYS;
	} else {
		/* For the attachment. The open /dev/shrbuf holds us until then. */
		__module_get(THIS_MODULE);
		/* Once this succeeded, removal may free @sq at any time. */
		ret = queue_attach_locked(sq, test);
		mutex_unlock(queue_lock_of(vdev));
		if (ret || test)
			module_put(THIS_MODULE);
	}
	if (ret || test)
		kfree(sq);
	else
		trace_shrbuf_queue_attach(video_device_node_name(vdev));
out_file:
	fput(file);
	return ret;
}

/*
 * Calls @change for the attached queue of a video device that has no buffers, under the lock
 * of the queue and queues_lock.
 *
 * Return: 0, or the errors that are documented for SHRBUF_IOC_DETACH, without a call
 */
static int queue_change(int fd, void (*change)(struct shrbuf_queue *sq, void *arg), void *arg)
{
	struct video_device *vdev;
	struct shrbuf_queue *sq;
	struct file *file;
	int ret = 0;

	might_sleep();
	file = queue_get_file(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vdev = video_devdata(file);
	if (mutex_lock_interruptible(queue_lock_of(vdev))) {
		ret = -ERESTARTSYS;
		goto out_file;
	}
	spin_lock(&queues_lock);
	sq = queue_find(vdev->queue);
	if (!video_is_registered(vdev))
		ret = -ENODEV;
	else if (!sq)
		ret = -ENOTCONN;
	else if (vb2_is_busy(sq->q))
		ret = -EBUSY;
	else
		change(sq, arg);
	spin_unlock(&queues_lock);
	mutex_unlock(queue_lock_of(vdev));
out_file:
	fput(file);
	return ret;
}

static void queue_detach(struct shrbuf_queue *sq, void *arg)
{
	struct shrbuf_queue **ended = arg;

	queue_end(sq);
	*ended = sq;
}

/**
 * shrbuf_queue_detach - SHRBUF_IOC_DETACH
 * @fd: of an open video device
 *
 * Return: 0, or the errors that are documented there
 */
int shrbuf_queue_detach(int fd)
{
	struct shrbuf_queue *sq;
	int ret;

	ret = queue_change(fd, queue_detach, &sq);
	if (!ret)
		queue_free(sq);
	return ret;
}

/**
 * shrbuf_queue_get - the attached queue of a video device
 * @fd: of an open video device
 *
 * May sleep.
 *
 * Return: the queue, for shrbuf_queue_put(). Holds the memory, not the attachment. Or
 * the errors that are documented for SHRBUF_IOC_WATCH.
 */
struct shrbuf_queue *shrbuf_queue_get(int fd)
{
	struct shrbuf_queue *sq;
	struct file *file;

	might_sleep();
	file = queue_get_file(fd);
	if (IS_ERR(file))
		return ERR_CAST(file);
	spin_lock(&queues_lock);
	sq = queue_find(video_devdata(file)->queue);
	if (sq)
		kref_get(&sq->refcount);
	else
		sq = ERR_PTR(-ENOTCONN);
	spin_unlock(&queues_lock);
	fput(file);
	return sq;
}

/**
 * shrbuf_queue_put - give a queue of shrbuf_queue_get() back
 * @sq: queue
 *
 * Any context.
 */
void shrbuf_queue_put(struct shrbuf_queue *sq)
{
	kref_put(&sq->refcount, queue_release);
}

/* Any number, but another one for each attachment. */
u32 shrbuf_queue_id(const struct shrbuf_queue *sq)
{
	return sq->id;
}

/* Who watches the queue. Valid as long as the queue. */
struct shrbuf_source *shrbuf_queue_source(struct shrbuf_queue *sq)
{
	return &sq->source;
}

/**
 * shrbuf_queue_notify - tell the watchers of a queue of one of its buffers
 * @sq: queue of the buffer
 * @event: all but the cookie
 *
 * The caller holds the lock of the source of the buffer. Any context.
 */
void shrbuf_queue_notify(struct shrbuf_queue *sq, struct shrbuf_event *event)
{
	/* Interrupts are off. The source of a queue is inside of that of a buffer. */
	spin_lock_nested(&sq->source.lock, SINGLE_DEPTH_NESTING);
	shrbuf_source_notify(&sq->source, event);
	spin_unlock(&sq->source.lock);
}

struct queue_new_config {
	const struct shrbuf_queue_config *config;
	void *copy;
};

static void queue_configure(struct shrbuf_queue *sq, void *arg)
{
	struct queue_new_config *new = arg;

	if (shrbuf_queue_ops_set(sq, new->config, new->copy))
		new->copy = NULL;
}

/**
 * shrbuf_queue_configure - SHRBUF_IOC_CONFIGURE
 * @arg: checked, but for @arg.fd
 *
 * Return: 0, or the errors that are documented there
 */
int shrbuf_queue_configure(const struct shrbuf_queue_config *arg)
{
	struct queue_new_config new = { .config = arg };
	int ret;

	if (arg->flags) {
		new.copy = kmalloc(sizeof(const struct vb2_ops), GFP_KERNEL_ACCOUNT);
		if (!new.copy)
			return -ENOMEM;
	}
	ret = queue_change(arg->fd, queue_configure, &new);
	kfree(new.copy);
	return ret;
}

/**
 * shrbuf_queue_wait - say that VIDIOC_QBUF waits for a reader
 * @sq: queue, the caller holds its lock
 * @sb: whose &shrbuf.released the caller is going to wait for, or NULL
 *
 * May sleep.
 *
 * Return: false if the device is being removed, which wakes the waiter, too
 */
bool shrbuf_queue_wait(struct shrbuf_queue *sq, struct shrbuf *sb)
{
	bool there;

	spin_lock(&queues_lock);
	sq->waits_for = sb;
	there = sq->vdev;
	spin_unlock(&queues_lock);
	return there;
}

/* For debugfs: a line for each attached queue. Names only, no addresses. */
void shrbuf_queue_show(struct seq_file *m)
{
	struct shrbuf_queue *sq;

	spin_lock(&queues_lock);
	list_for_each_entry(sq, &queues, node) {
		seq_printf(m, "%s\t", sq->dev);
		/* A name may come from a USB device. */
		seq_escape(m, sq->name, "\t\n\\");
		seq_printf(m, "\t%s\t%u\n", sq->driver, sq->planes > 0);
	}
	spin_unlock(&queues_lock);
}

void shrbuf_queue_exit(void)
{
	if (video_interface.class)
		class_interface_unregister(&video_interface);
	rcu_barrier_tasks();
}
