// SPDX-License-Identifier: GPL-2.0
/*
 * The DRM driver: a render node without hardware. One open file is at most one member
 * of one world.
 *
 * DOC: when a member leaves
 *
 * By DRM_IOCTL_FUSION_WORLD_LEAVE, with the last close, or when its process dies while
 * another one, a child perhaps, still has the file: flush() runs for each file of a
 * process that exits. The member belongs to the process that joined; others that have
 * the file get -EPERM.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_managed.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>
#include "drm-front.h"
#include "legacy.h"
#include "shrbuf-compat.h"

static struct platform_device *fusion_pdev;
static struct drm_device *fusion_drm;
static atomic64_t clients;

/**
 * fusion_file_enter - begin a request of a member
 * @file: open file
 * @ended: also when the world has ended, to read what was said before
 *
 * Context: any.
 * Return: the member, active until fusion_member_exit(): the file keeps its reference as
 * long. ERR_PTR(-ENOTCONN) if the file is no member, ERR_PTR(-EPERM) if it is one of another
 * process, ERR_PTR(-ESHUTDOWN) if the world has ended.
 */
struct fusion_member *fusion_file_enter(struct fusion_file *file, bool ended)
{
	struct fusion_member *member;

	spin_lock(&file->lock);
	member = file->member;
	if (!member)
		member = ERR_PTR(-ENOTCONN);
	else if (member->pid != task_tgid(current))
		member = ERR_PTR(-EPERM);
	else if (!ended && READ_ONCE(member->world->ended))
		member = ERR_PTR(-ESHUTDOWN);
	else if (!fusion_member_enter(member))
		member = ERR_PTR(-ENOTCONN);
	spin_unlock(&file->lock);
	return member;
}

/**
 * fusion_file_join - make an open file a member
 * @file: open file
 * @world: world
 * @name: name of the member
 * @id: its number
 *
 * Context: sleeps.
 * Return: 0, -EISCONN, -EINVAL, -EUSERS, -ESHUTDOWN, -ENOMEM.
 */
int fusion_file_join(struct fusion_file *file, struct fusion_world *world, const u8 *name,
		     u32 *id)
{
	struct fusion_member *member;
	bool late;

	if (READ_ONCE(file->member))
		return -EISCONN;
	member = fusion_member_create(world, name, &fusion_drm_front, file);
	if (IS_ERR(member))
		return PTR_ERR(member);
	spin_lock(&file->lock);
	late = file->member;
	if (!late)
		file->member = member;
	*id = member->id;
	spin_unlock(&file->lock);
	if (!late)
		return 0;
	fusion_member_leave(member);
	fusion_member_put(member);
	return -EISCONN;
}

static int leave(struct fusion_file *file, bool any_process)
{
	struct fusion_member *member;

	spin_lock(&file->lock);
	member = file->member;
	if (member && !any_process && member->pid != task_tgid(current)) {
		spin_unlock(&file->lock);
		return -EPERM;
	}
	file->member = NULL;
	spin_unlock(&file->lock);
	if (!member)
		return -ENOTCONN;
	fusion_member_leave(member);
	fusion_member_put(member);
	return 0;
}

/**
 * fusion_file_leave - DRM_IOCTL_FUSION_WORLD_LEAVE
 * @file: open file
 *
 * Context: sleeps.
 * Return: 0, -ENOTCONN, -EPERM.
 */
int fusion_file_leave(struct fusion_file *file)
{
	return leave(file, false);
}

static int fusion_open(struct drm_device *dev, struct drm_file *drm)
{
	struct fusion_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	spin_lock_init(&file->lock);
	file->drm = drm;
	file->client = atomic64_inc_return(&clients);
	drm->driver_priv = file;
	return 0;
}

static void fusion_postclose(struct drm_device *dev, struct drm_file *drm)
{
	struct fusion_file *file = drm->driver_priv;

	leave(file, true);
	kfree(file);
}

static struct fusion_file *to_file(struct file *fp)
{
	struct drm_file *drm = fp->private_data;

	return drm->driver_priv;
}

/* Each close() comes here; one of a process that exits is its end as a member. */
static int fusion_flush(struct file *fp, fl_owner_t id)
{
	if (current->flags & PF_EXITING)
		leave(to_file(fp), false);
	return 0;
}

static ssize_t fusion_read(struct file *fp, char __user *buffer, size_t size, loff_t *offset)
{
	struct fusion_member *member = fusion_file_enter(to_file(fp), true);
	ktime_t deadline = fp->f_flags & O_NONBLOCK ? 0 : KTIME_MAX;
	struct fusion_thread *reader;
	ssize_t ret;

	if (IS_ERR(member))
		return PTR_ERR(member);
	reader = fusion_thread_current(member);
	ret = PTR_ERR_OR_ZERO(reader);
	if (!ret) {
		ret = fusion_queue_read(reader, buffer, size, deadline);
		fusion_thread_put(reader);
	}
	fusion_member_exit(member);
	return size || ret != -EAGAIN ? ret : 0;
}

static __poll_t fusion_poll(struct file *fp, struct poll_table_struct *wait)
{
	struct fusion_member *member = fusion_file_enter(to_file(fp), true);
	__poll_t ret = 0;

	if (IS_ERR(member))
		return EPOLLERR;
	poll_wait(fp, &member->queue.pollers, wait);
	if (fusion_queue_readable(member))
		ret = EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(member->world->ended))
		ret |= EPOLLHUP;
	fusion_member_exit(member);
	return ret;
}

/* The windows of states */

static vm_fault_t state_fault(struct vm_fault *vmf)
{
	/* also when the world has ended: a thread may just be in the middle of a lock */
	struct fusion_member *member = fusion_file_enter(to_file(vmf->vma->vm_file), true);
	unsigned long own = DRM_FUSION_MMAP_MEMBER >> PAGE_SHIFT;

	if (IS_ERR(member))
		return VM_FAULT_SIGBUS;
	if (vmf->pgoff < own)
		vmf->page = fusion_state_page(&member->world->state, vmf->pgoff);
	else
		vmf->page = fusion_member_page(member, vmf->pgoff - own);
	fusion_member_exit(member);
	return vmf->page ? 0 : VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct state_vm_ops = {
	.fault = state_fault,
};

static int state_mmap(struct file *fp, struct vm_area_struct *vma)
{
	struct fusion_member *member = fusion_file_enter(to_file(fp), false);
	unsigned long own = DRM_FUSION_MMAP_MEMBER >> PAGE_SHIFT;
	unsigned long pgoff = vma->vm_pgoff, pages = FUSION_WORLD_WINDOW >> PAGE_SHIFT;

	if (IS_ERR(member))
		return PTR_ERR(member);
	fusion_member_exit(member);
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (pgoff >= own) {
		pgoff -= own;
		pages = FUSION_OWN_WINDOW >> PAGE_SHIFT;
	}
	if (pgoff > pages || vma_pages(vma) > pages - pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &state_vm_ops;
	return 0;
}

static int fusion_mmap(struct file *fp, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff < DRM_FILE_PAGE_OFFSET_START)
		return state_mmap(fp, vma);
	return drm_gem_mmap(fp, vma);
}

static const struct file_operations fusion_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.flush = fusion_flush,
	.release = drm_release,
	.unlocked_ioctl = fusion_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.read = fusion_read,
	.poll = fusion_poll,
	.mmap = fusion_mmap,
	.llseek = noop_llseek,
	.show_fdinfo = fusion_fdinfo,
};

static struct drm_driver fusion_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = fusion_open,
	.postclose = fusion_postclose,
	.ioctls = fusion_ioctls,
	.fops = &fusion_fops,
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = fusion_debugfs,
#endif
	.gem_create_object = fusion_gem_alloc,
	.gem_prime_import_sg_table = drm_gem_shmem_prime_import_sg_table,
	.gem_prime_mmap = drm_gem_prime_mmap,
	.name = "fusion",
	.desc = "Fusion IPC",
	.date = "20261122",
	.major = 1,
	.minor = 0,
};

static int __init fusion_init(void)
{
	int ret;

	ret = fusion_worlds_init();
	if (ret)
		return ret;
	fusion_pdev = platform_device_register_simple("fusion", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(fusion_pdev)) {
		ret = PTR_ERR(fusion_pdev);
		goto err_worlds;
	}
	/* Imported buffers are not touched by hardware: any address will do. */
	ret = dma_coerce_mask_and_coherent(&fusion_pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_pdev;
	fusion_driver.num_ioctls = fusion_nr_ioctls;
	fusion_drm = drm_dev_alloc(&fusion_driver, &fusion_pdev->dev);
	if (IS_ERR(fusion_drm)) {
		ret = PTR_ERR(fusion_drm);
		goto err_pdev;
	}
	ret = fusion_legacy_init();
	if (ret)
		goto err_drm;
	/* The last step: user space can come. */
	ret = drm_dev_register(fusion_drm, 0);
	if (ret)
		goto err_legacy;
	return 0;

err_legacy:
	fusion_legacy_exit();
err_drm:
	drm_dev_put(fusion_drm);
err_pdev:
	platform_device_unregister(fusion_pdev);
err_worlds:
	fusion_worlds_exit();
	return ret;
}
module_init(fusion_init);

static void __exit fusion_exit(void)
{
	/* Nobody has a file or a world any more, so nobody is in a request. */
	fusion_legacy_exit();
	drm_dev_unregister(fusion_drm);
	/* A world that is being freed gives its buffers back to the device. */
	fusion_worlds_exit();
	drm_dev_put(fusion_drm);
	platform_device_unregister(fusion_pdev);
	/* Objects, threads and members are freed by RCU. */
	rcu_barrier();
}
module_exit(fusion_exit);

MODULE_DESCRIPTION("Fusion IPC on a DRM render node");
MODULE_LICENSE("GPL");
SHRBUF_COMPAT_IMPORT_NS_DMA_BUF;
