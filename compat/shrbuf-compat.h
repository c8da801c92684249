/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernel versions, and nothing else. Each entry is shaped like
 * the newest interface. SHRBUF_HAVE_* come from compat/probe, which looks at the
 * headers that the module is built against: stable updates take over interfaces, so
 * version numbers do not tell.
 */
#ifndef _SHRBUF_COMPAT_H
#define _SHRBUF_COMPAT_H

#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

/* 6.3: vm_flags_set(), before that the flags were set directly. */
#ifndef SHRBUF_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.10: __assign_str() knows the source from __string(). */
#ifdef SHRBUF_HAVE_ASSIGN_STR_1
#define shrbuf_compat_assign_str(dst, src)	__assign_str(dst)
#else
#define shrbuf_compat_assign_str(dst, src)	__assign_str(dst, src)
#endif

/* 6.13: the namespace became a string. */
#ifdef SHRBUF_HAVE_NS_STRING
#define SHRBUF_COMPAT_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#else
#define SHRBUF_COMPAT_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#endif

/* 6.4: remove_dev() lost its second argument. */
#ifdef SHRBUF_HAVE_REMOVE_DEV_1
#define SHRBUF_COMPAT_REMOVE_DEV(_name, _func)				\
static void _name(struct device *dev)					\
{									\
	_func(dev);							\
}
#else
#define SHRBUF_COMPAT_REMOVE_DEV(_name, _func)				\
static void _name(struct device *dev, struct class_interface *intf)	\
{									\
	_func(dev);							\
}
#endif

/* 6.11: remove() of a platform driver returns nothing, as remove_new() did before. */
#ifdef SHRBUF_HAVE_REMOVE_VOID
#define SHRBUF_COMPAT_REMOVE	remove
#else
#define SHRBUF_COMPAT_REMOVE	remove_new
#endif

/* 6.7: get_file_rcu() reads the pointer. The file with a reference, or NULL. */
#ifdef SHRBUF_HAVE_GET_FILE_RCU_POINTER
#define shrbuf_compat_exe_file(mm)	get_file_rcu(&(mm)->exe_file)
#else
static inline struct file *shrbuf_compat_exe_file(struct mm_struct *mm)
{
	struct file *file = rcu_dereference(mm->exe_file);

	return file && get_file_rcu(file) ? file : NULL;
}
#endif

/*
 * Until 6.2 each dma-buf had a mutex, which dma_buf_vmap() holds while it calls the
 * exporter. A dma-buf that stands on another one nests the two, so its mutex needs
 * a class of its own. The order is always outer, inner: a shared buffer never
 * stands on a shared buffer.
 */
#ifdef SHRBUF_HAVE_DMABUF_MUTEX
#define shrbuf_compat_outer_dmabuf(dmabuf)				\
do {									\
	static struct lock_class_key __key;				\
									\
	lockdep_set_class(&(dmabuf)->lock, &__key);			\
} while (0)
#else
#define shrbuf_compat_outer_dmabuf(dmabuf)	do { } while (0)
#endif

#endif /* _SHRBUF_COMPAT_H */
