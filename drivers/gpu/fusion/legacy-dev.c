// SPDX-License-Identifier: GPL-2.0
/*
 * The devices of the legacy front end, /dev/fusionN: each is a world, which is there while
 * an open file of it is.
 *
 * DOC: legacy worlds and the render node
 *
 * A legacy world is a world of the engine and is listed as such, a fusionee is a member of
 * it. Members of the render node do not come in: there a world is a capability that a
 * member gives away, here it is a number that everybody who may open the device knows; there
 * words of locks are mapped by the members, here they are the kernel's own; and they would
 * not understand each other's messages.
 *
 * DOC: locks, outermost first
 *
 *   device->lock		the world of a device; not taken by any request
 *   legacy world->lock		entering
 *   those of the engine, see world.c
 *   fusionee->queue.lock	messages; nothing but the engine's waits_lock inside
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "legacy.h"
#include "shrbuf-compat.h"

/**
 * struct legacy_device - a device
 * @lock: protects @world
 * @world: while it has open files, else NULL
 * @dev: in sysfs, or NULL. Protected by devices_lock.
 */
struct legacy_device {
	struct mutex lock;	/* world */
	struct fusion_legacy_world *world;
	struct device *dev;
};

static struct legacy_device devices[FUSION_LEGACY_DEVICES];
static DEFINE_MUTEX(devices_lock);	/* how many there are; never taken by users of them */
static unsigned int nr_devices;
static bool ready;
static dev_t first_dev;
static struct cdev cdev;
static struct class legacy_class = { .name = "fusion" };

/* Worlds */

static struct fusion_legacy_world *world_create(u32 nr)
{
	struct drm_fusion_world_create args = {
		.flags = DRM_FUSION_WORLD_HOLDUP_KILLS,
	};
	struct fusion_legacy_world *world = kzalloc(sizeof(*world), GFP_KERNEL_ACCOUNT);

	if (!world)
		return ERR_PTR(-ENOMEM);
	snprintf(args.world_name, sizeof(args.world_name), "/dev/fusion%u", nr);
	world->world = fusion_world_create(&args);
	if (IS_ERR(world->world)) {
		int ret = PTR_ERR(world->world);

		kfree(world);
		return ERR_PTR(ret);
	}
	kref_init(&world->kref);
	world->nr = nr;
	mutex_init(&world->lock);
	init_waitqueue_head(&world->entering);
	return world;
}

/* The device's lock is held, so nobody gets the world any more. */
static void world_release(struct kref *kref)
{
	struct fusion_legacy_world *world = container_of(kref, struct fusion_legacy_world, kref);

	lockdep_assert_held(&devices[world->nr].lock);
	if (devices[world->nr].world == world)
		devices[world->nr].world = NULL;
	fusion_legacy_show_remove(world);
	fusion_world_put(world->world);
	if (world->root)
		put_page(world->root);
	mutex_destroy(&world->lock);
	kfree(world);
}

static void world_put(struct fusion_legacy_world *world)
{
	struct legacy_device *device = &devices[world->nr];

	mutex_lock(&device->lock);
	kref_put(&world->kref, world_release);
	mutex_unlock(&device->lock);
}

/*
 * The world of a device with a reference, made if need be. One that has lost its master is
 * left to those who are in it.
 */
static struct fusion_legacy_world *world_of(u32 nr, unsigned int flags)
{
	struct legacy_device *device = &devices[nr];
	struct fusion_legacy_world *world;

	mutex_lock(&device->lock);
	world = device->world;
	if (!world || READ_ONCE(world->world->ended)) {
		world = world_create(nr);
		if (!IS_ERR(world)) {
			if (device->world)
				fusion_legacy_show_remove(device->world);
			device->world = world;
			fusion_legacy_show_add(world);
		}
	} else if (flags & O_EXCL && READ_ONCE(world->major)) {
		world = ERR_PTR(-EBUSY);
	} else {
		kref_get(&world->kref);
	}
	mutex_unlock(&device->lock);
	return world;
}

/* Open files */

/**
 * fusion_legacy_file_enter - begin a request of a fusionee
 * @file: open file
 *
 * Context: any.
 * Return: the member, active until fusion_member_exit(): the file keeps its reference as
 * long. ERR_PTR(-EPERM) before FUSION_ENTER, ERR_PTR(-EIDRM) if it is gone because its
 * process is.
 */
struct fusion_member *fusion_legacy_file_enter(struct fusion_legacy_file *file)
{
	struct fusion_member *member;

	spin_lock(&file->lock);
	member = file->member;
	if (!member)
		member = ERR_PTR(-EPERM);
	else if (fusion_member_going(member) || !fusion_member_enter(member))
		member = ERR_PTR(-EIDRM);
	spin_unlock(&file->lock);
	return member;
}

static int legacy_open(struct inode *inode, struct file *fp)
{
	struct fusion_legacy_file *file;
	struct fusion_legacy_world *world;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	world = world_of(MINOR(inode->i_rdev) - MINOR(first_dev), fp->f_flags);
	if (IS_ERR(world)) {
		kfree(file);
		return PTR_ERR(world);
	}
	spin_lock_init(&file->lock);
	file->world = world;
	file->slave = fp->f_flags & O_APPEND;
	fp->private_data = file;
	return nonseekable_open(inode, fp);
}

static void leave(struct fusion_legacy_file *file)
{
	struct fusion_member *member;

	/* It stays there until the last close: the file does not enter once more. */
	spin_lock(&file->lock);
	member = file->member;
	if (member && member->leaving)
		member = NULL;
	if (member) {
		WRITE_ONCE(member->leaving, true);
		fusion_member_get(member);
	}
	spin_unlock(&file->lock);
	if (!member)
		return;
	/* Its requests end now, also one that waits here. */
	wake_up_all(&file->world->entering);
	fusion_member_leave(member);
	fusion_member_put(member);
	atomic_inc(&file->world->departures);
	wake_up_all(&file->world->entering);
}

/* Each close() comes here; one of the process that has entered, when it exits, is its end. */
static int legacy_flush(struct file *fp, fl_owner_t id)
{
	struct fusion_legacy_file *file = fp->private_data;
	struct fusion_member *member = READ_ONCE(file->member);

	if (current->flags & PF_EXITING && member && member->pid == task_tgid(current))
		leave(file);
	return 0;
}

static int legacy_release(struct inode *inode, struct file *fp)
{
	struct fusion_legacy_file *file = fp->private_data;

	leave(file);
	if (file->member)
		fusion_member_put(file->member);
	world_put(file->world);
	kfree(file);
	return 0;
}

static ssize_t legacy_read(struct file *fp, char __user *buffer, size_t size, loff_t *offset)
{
	struct fusion_member *member = fusion_legacy_file_enter(fp->private_data);
	struct fusion_thread *reader;
	ssize_t ret;

	if (IS_ERR(member))
		return PTR_ERR(member);
	reader = fusion_thread_current(member);
	ret = PTR_ERR_OR_ZERO(reader);
	if (!ret) {
		ret = fusion_legacy_read(reader, buffer, size, !(fp->f_flags & O_NONBLOCK));
		fusion_thread_put(reader);
	}
	fusion_member_exit(member);
	return ret < 0 ? fusion_legacy_errno(ret) : ret;
}

static __poll_t legacy_poll(struct file *fp, struct poll_table_struct *wait)
{
	struct fusion_member *member = fusion_legacy_file_enter(fp->private_data);
	__poll_t ret = 0;

	if (IS_ERR(member))
		return EPOLLERR;
	poll_wait(fp, &fusion_legacy_of(member)->queue.pollers, wait);
	if (fusion_legacy_readable(member))
		ret = EPOLLIN | EPOLLRDNORM;
	fusion_member_exit(member);
	return ret;
}

/* The page of the world, made by the master; others may only look. */
static struct page *root_page(struct fusion_legacy_world *world, bool master)
{
	struct page *page;

	mutex_lock(&world->lock);
	if (!world->root && master)
		world->root = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	page = world->root;
	mutex_unlock(&world->lock);
	return page ?: ERR_PTR(master ? -ENOMEM : -EINVAL);
}

static int legacy_mmap(struct file *fp, struct vm_area_struct *vma)
{
	struct fusion_legacy_file *file = fp->private_data;
	struct fusion_member *member;
	struct page *page;
	bool master;

	member = fusion_legacy_file_enter(file);
	if (IS_ERR(member))
		return PTR_ERR(member);
	master = member->id == FUSION_ID_MASTER;
	fusion_member_exit(member);
	if (vma->vm_pgoff || vma_pages(vma) != 1 || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (!master) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	page = root_page(file->world, master);
	if (IS_ERR(page))
		return PTR_ERR(page);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_insert_page(vma, vma->vm_start, page);
}

static void legacy_fdinfo(struct seq_file *m, struct file *fp)
{
	struct fusion_legacy_file *file = fp->private_data;
	struct fusion_legacy_queue *queue;
	struct fusion_member *member = fusion_legacy_file_enter(file);

	seq_printf(m, "fusion-device:\t%u\n", file->world->nr);
	if (IS_ERR(member))
		return;
	fusion_member_show(member, m);
	queue = &fusion_legacy_of(member)->queue;
	spin_lock(&queue->lock);
	seq_printf(m, "fusion-packets:\t%u\n", queue->packets);
	seq_printf(m, "fusion-messages:\t%u\n", queue->waiting);
	seq_printf(m, "fusion-lost:\t%llu\n", queue->lost);
	spin_unlock(&queue->lock);
	fusion_member_exit(member);
}

static const struct file_operations legacy_fops = {
	.owner = THIS_MODULE,
	.open = legacy_open,
	.flush = legacy_flush,
	.release = legacy_release,
	.read = legacy_read,
	.poll = legacy_poll,
	.mmap = legacy_mmap,
	.unlocked_ioctl = fusion_legacy_ioctl,
	.show_fdinfo = legacy_fdinfo,
};

/* Devices */

static int make_devices(unsigned int nr)
{
	struct device *dev;

	lockdep_assert_held(&devices_lock);
	for (; nr_devices < nr; nr_devices++) {
		dev = device_create(&legacy_class, NULL, first_dev + nr_devices, NULL,
				    "fusion%u", nr_devices);
		if (IS_ERR(dev))
			return PTR_ERR(dev);
		devices[nr_devices].dev = dev;
	}
	return 0;
}

static unsigned int wanted;

static int set_wanted(const char *value, const struct kernel_param *param)
{
	unsigned int nr;
	int ret;

	ret = kstrtouint(value, 0, &nr);
	if (ret)
		return ret;
	if (nr > FUSION_LEGACY_DEVICES)
		return -ERANGE;
	mutex_lock(&devices_lock);
	if (nr < wanted && ready)
		ret = -EBUSY;
	else if (ready)
		ret = make_devices(nr);
	if (!ret)
		wanted = nr;
	mutex_unlock(&devices_lock);
	return ret;
}

static const struct kernel_param_ops wanted_ops = {
	.set = set_wanted,
	.get = param_get_uint,
};
module_param_cb(legacy_devices, &wanted_ops, &wanted, 0644);
MODULE_PARM_DESC(legacy_devices,
		 "how many devices of the legacy interface there are, at most 32; more can be made at any time");

/**
 * fusion_legacy_init - make the devices
 *
 * Context: sleeps.
 * Return: 0 or a negative errno.
 */
int fusion_legacy_init(void)
{
	int i, ret;

	for (i = 0; i < FUSION_LEGACY_DEVICES; i++)
		mutex_init(&devices[i].lock);
	ret = class_register(&legacy_class);
	if (ret)
		return ret;
	fusion_legacy_show_init();
	ret = alloc_chrdev_region(&first_dev, 0, FUSION_LEGACY_DEVICES, "fusion");
	if (ret)
		goto err_class;
	cdev_init(&cdev, &legacy_fops);
	cdev.owner = THIS_MODULE;
	ret = cdev_add(&cdev, first_dev, FUSION_LEGACY_DEVICES);
	if (ret)
		goto err_region;
	mutex_lock(&devices_lock);
	ret = make_devices(wanted);
	ready = !ret;
	mutex_unlock(&devices_lock);
	if (!ret)
		return 0;
	fusion_legacy_exit();
	return ret;

err_region:
	unregister_chrdev_region(first_dev, FUSION_LEGACY_DEVICES);
err_class:
	fusion_legacy_show_exit();
	class_unregister(&legacy_class);
	return ret;
}

/**
 * fusion_legacy_exit - remove the devices
 *
 * Context: sleeps. No file is open.
 */
void fusion_legacy_exit(void)
{
	mutex_lock(&devices_lock);
	ready = false;
	while (nr_devices)
		device_destroy(&legacy_class, first_dev + --nr_devices);
	mutex_unlock(&devices_lock);
	cdev_del(&cdev);
	unregister_chrdev_region(first_dev, FUSION_LEGACY_DEVICES);
	fusion_legacy_show_exit();
	class_unregister(&legacy_class);
}
