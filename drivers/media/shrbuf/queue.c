// SPDX-License-Identifier: GPL-2.0
/*
 * Attached queues: stock drivers whose videobuf2 queue was told to give shared
 * buffers.
 */

/**
 * DOC: attached queues
 *
 * Attaching replaces &vb2_queue.mem_ops by the wrapper of the same allocator, under
 * the lock of the queue and while the queue has no buffers. So no buffer ever sees
 * two sets of operations. Detaching does the reverse.
 *
 * An attachment outlives the file descriptor it was made with. It holds the video
 * device and the module of its driver, as an open file would do, and this module.
 *
 * Removal of the device. The class of video devices tells us through a
 * &struct class_interface, while the driver still waits in
 * video_unregister_device(). If the lock of the queue is free, the attachment ends
 * right there: drivers may free their queue afterwards. If not, a request is still
 * running, or the driver unregisters under its lock; in both cases the queue must
 * live as long as the video device, and a work item ends the attachment as soon as
 * it gets the lock.
 *
 * If the queue still has buffers then, it keeps the wrapper, a constant structure of
 * this module. Buffers pin this module, and a queue whose device is gone gets no new
 * ones: V4L2 checks video_is_registered() under the lock of the queue.
 *
 * Whoever takes an attachment out of the list of queues ends it::
 *
 *     CPU0: shrbuf_queue_detach()           CPU1: queue_removed()
 *
 *     mutex_lock(queue)
 *     spin_lock(&queues_lock)
 *     list_del()
 *     spin_unlock(&queues_lock)             spin_lock(&queues_lock)
 *     ends it                               not found: nothing to do
 *
 *     or                                    spin_lock(&queues_lock)
 *                                           list_del()
 *     spin_lock(&queues_lock)               spin_unlock(&queues_lock)
 *     not registered: -ENODEV               ends it, or its work item does
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
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <media/v4l2-common.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/videobuf2-core.h>

#include "shrbuf-priv.h"
#include "trace.h"

/**
 * struct shrbuf_queue - an attached queue
 * @node: in the list of queues, protected by queues_lock
 * @vdev: the video device, a reference of its device is held
 * @q: its queue
 * @qlock: the lock of @q
 * @owner: module of the driver, a reference is held
 * @base: what &vb2_queue.mem_ops was before
 * @work: ends the attachment if the removal of @vdev cannot
 */
struct shrbuf_queue {
	struct list_head node;
	struct video_device *vdev;
	struct vb2_queue *q;
	struct mutex *qlock;	/* see above */
	struct module *owner;
	const struct vb2_mem_ops *base;
	struct work_struct work;
};

/* Innermost, nothing is called with it held. */
static DEFINE_SPINLOCK(queues_lock);
static LIST_HEAD(queues);

static struct workqueue_struct *queue_wq;

/* Serialises the registration of video_interface, outside all other locks. */
static DEFINE_MUTEX(interface_lock);
static struct class_interface video_interface;

/* Gives back what an attachment holds. The caller drops THIS_MODULE. */
static void queue_free(struct shrbuf_queue *sq)
{
	struct module *owner = sq->owner;

	put_device(&sq->vdev->dev);
	module_put(owner);
	kfree(sq);
}

/* The end of an attachment whose device is gone. Unlocks the queue. */
static void queue_end_gone(struct shrbuf_queue *sq)
{
	lockdep_assert_held(sq->qlock);
	if (!vb2_is_busy(sq->q))
		sq->q->mem_ops = sq->base;
	mutex_unlock(sq->qlock);
	trace_shrbuf_queue_detach(video_device_node_name(sq->vdev));
	queue_free(sq);
	/* shrbuf_queue_exit() waits for both callers. */
	module_put(THIS_MODULE);
}

static void queue_gone_work(struct work_struct *work)
{
	struct shrbuf_queue *sq = container_of(work, struct shrbuf_queue, work);

	mutex_lock(sq->qlock);
	queue_end_gone(sq);
}

/* Called under the mutex of the class, perhaps also under the lock of the queue. */
static void queue_removed(struct device *dev)
{
	struct shrbuf_queue *sq, *found = NULL;

	spin_lock(&queues_lock);
	list_for_each_entry(sq, &queues, node) {
		if (&sq->vdev->dev == dev) {
			list_del(&sq->node);
			found = sq;
			break;
		}
	}
	spin_unlock(&queues_lock);

	if (!found)
		return;
	if (mutex_trylock(found->qlock))
		queue_end_gone(found);
	else
		queue_work(queue_wq, &found->work);
}

SHRBUF_COMPAT_REMOVE_DEV(queue_removed_cb, queue_removed)

/* The class of video devices is not exported, any device knows it. */
static int queue_watch_class(struct video_device *vdev)
{
	int ret = 0;

	mutex_lock(&interface_lock);
	if (!video_interface.class) {
		shrbuf_compat_set_class(&video_interface, &vdev->dev);
		video_interface.remove_dev = queue_removed_cb;
		ret = class_interface_register(&video_interface);
		if (ret)
			video_interface.class = NULL;
	}
	mutex_unlock(&interface_lock);
	return ret;
}

/* A file that V4L2 opened, or an error. The caller gives it to fput(). */
static struct file *queue_get_file(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	/* The V4L2 core owns all minors of this major number. */
	if (!S_ISCHR(file_inode(file)->i_mode) ||
	    imajor(file_inode(file)) != VIDEO_MAJOR) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	return file;
}

/* The lock that V4L2 takes for requests of this queue, or NULL. */
static struct mutex *queue_lock_of(struct video_device *vdev)
{
	return vdev->queue->lock ?: vdev->lock;
}

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

/* Everything that needs the lock of the queue. Takes over @sq on success. */
static int queue_attach_locked(struct shrbuf_queue *sq)
{
	const struct vb2_mem_ops *wrapper;
	bool lost = false;

	lockdep_assert_held(sq->qlock);
	if (!video_is_registered(sq->vdev))
		return -ENODEV;
	if (shrbuf_vb2_base(sq->q->mem_ops))
		return -EALREADY;
	wrapper = shrbuf_vb2_wrapper(sq->q->mem_ops);
	if (!wrapper)
		return -EOPNOTSUPP;
	if (vb2_is_busy(sq->q))
		return -EBUSY;
	sq->base = sq->q->mem_ops;

	spin_lock(&queues_lock);
	if (video_is_registered(sq->vdev))
		list_add_tail(&sq->node, &queues);
	else
		lost = true;
	spin_unlock(&queues_lock);
	if (lost)
		return -ENODEV;

	sq->q->mem_ops = wrapper;
	return 0;
}

/**
 * shrbuf_queue_attach - SHRBUF_IOC_ATTACH
 * @fd: of an open video device
 *
 * Return: 0, or the errors that are documented there
 */
int shrbuf_queue_attach(int fd)
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
	if (!vdev->queue || !queue_lock_of(vdev)) {
		ret = -EOPNOTSUPP;
		goto out_file;
	}
	ret = queue_watch_class(vdev);
	if (ret)
		goto out_file;

	sq = kzalloc(sizeof(*sq), GFP_KERNEL_ACCOUNT);
	if (!sq) {
		ret = -ENOMEM;
		goto out_file;
	}
	sq->vdev = vdev;
	sq->q = vdev->queue;
	sq->qlock = queue_lock_of(vdev);
	sq->owner = vdev->fops->owner;
	INIT_WORK(&sq->work, queue_gone_work);
	get_device(&vdev->dev);
	/* The open files of the device and of /dev/shrbuf hold both modules. */
	__module_get(sq->owner);
	__module_get(THIS_MODULE);

	if (mutex_lock_interruptible(sq->qlock)) {
		ret = -ERESTARTSYS;
	} else {
		struct mutex *qlock = sq->qlock;

		ret = queue_attach_locked(sq);
		/* From here on the removal of the device may free @sq. */
		mutex_unlock(qlock);
	}
	if (ret) {
		queue_free(sq);
		module_put(THIS_MODULE);
	} else {
		trace_shrbuf_queue_attach(video_device_node_name(vdev));
	}
out_file:
	fput(file);
	return ret;
}

/**
 * shrbuf_queue_detach - SHRBUF_IOC_DETACH
 * @fd: of an open video device
 *
 * Return: 0, or the errors that are documented there
 */
int shrbuf_queue_detach(int fd)
{
	struct shrbuf_queue *sq = NULL;
	struct video_device *vdev;
	struct mutex *qlock;	/* of the queue */
	struct file *file;
	int ret = 0;

	might_sleep();
	file = queue_get_file(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vdev = video_devdata(file);
	if (!vdev->queue || !queue_lock_of(vdev)) {
		ret = -EOPNOTSUPP;
		goto out_file;
	}
	qlock = queue_lock_of(vdev);

	if (mutex_lock_interruptible(qlock)) {
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
		list_del(&sq->node);
	spin_unlock(&queues_lock);
	if (!ret)
		sq->q->mem_ops = sq->base;
	mutex_unlock(qlock);

	if (!ret) {
		trace_shrbuf_queue_detach(video_device_node_name(vdev));
		queue_free(sq);
		/* The open file of /dev/shrbuf still holds the module. */
		module_put(THIS_MODULE);
	}
out_file:
	fput(file);
	return ret;
}

/* For debugfs: a line for each attached queue. Names only, no addresses. */
void shrbuf_queue_show(struct seq_file *m)
{
	struct shrbuf_queue *sq;

	spin_lock(&queues_lock);
	list_for_each_entry(sq, &queues, node) {
		seq_printf(m, "%s\t", video_device_node_name(sq->vdev));
		/* A name may come from a USB device. */
		seq_escape(m, sq->vdev->name, "\t\n\\");
		seq_printf(m, "\t%s\t%u\n", module_name(sq->owner),
			   vb2_is_busy(sq->q));
	}
	spin_unlock(&queues_lock);
}

int shrbuf_queue_init(void)
{
	queue_wq = alloc_workqueue("shrbuf", 0, 0);
	return queue_wq ? 0 : -ENOMEM;
}

/* No attachments are left, but what ended the last ones may still be running. */
void shrbuf_queue_exit(void)
{
	if (video_interface.class)
		class_interface_unregister(&video_interface);
	destroy_workqueue(queue_wq);
}
