// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that behave as on a machine whose CPU caches are not coherent with devices,
 * to find programs that forget DMA_BUF_IOCTL_SYNC.
 */

/**
 * DOC: two copies
 *
 * There are two sets of pages. Devices, and drivers through dma_buf_vmap(), use one of
 * them; a driver that writes frames there by the CPU is the device of its buffer, and
 * videobuf2 has no begin_cpu_access for it. Mappings of user space show the other one, the
 * cache. It is brought up to date only by begin_cpu_access and end_cpu_access, and only
 * as their direction says:
 *
 * - The start of reading fetches all pages from the device's set. What was written
 *   outside of an access is dropped.
 * - The end of writing stores the pages that were written since.
 * - When an access is for writing only, pages keep their old content until they are
 *   written to. Then they are fetched first, as a cache line is, so that writing half of
 *   a page leaves the other half alone.
 *
 * All mappings lose their pages at each start and end. So the first touch in an access,
 * or outside of any, comes to debug_fault(), and the first write to a page comes to
 * debug_mkwrite(). Touching a mapping while no access is open is counted once until the
 * next start or end, and goes on with what is in the cache.
 *
 * Starts and ends do not say whose they are. An access of one process covers the mapping
 * of another one, and so does an access of a driver.
 *
 * Locks: mmap_lock, then shrbuf_debug.lock, then those that unmap_mapping_range() takes,
 * and the lock of the pages.
 */

#include <linux/bitmap.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "shrbuf-priv.h"
#include "trace.h"

/* What a program can do wrong, and can be seen doing. */
enum sync_error {
	SYNC_NO_START,		/* touched while no access was open */
	SYNC_NO_WRITE,		/* written in an access for reading */
	SYNC_NO_END,		/* still open when the last file was closed */
	SYNC_END_ALONE,		/* an end without a start */
	SYNC_END_DIFFERS,	/* an end with another direction than its start */
	NR_SYNC_ERRORS
};

static const char * const sync_error_names[NR_SYNC_ERRORS] = {
	"no-start", "no-write", "no-end", "end-alone", "end-differs",
};

/**
 * struct debug_mapping - an address space that maps the buffer: a file of a dma-buf
 * @node: in &shrbuf_debug.mappings
 * @mapping: valid as long as we are, the areas hold the file
 * @areas: number of virtual memory areas
 */
struct debug_mapping {
	struct list_head node;
	struct address_space *mapping;
	unsigned int areas;
};

/**
 * struct shrbuf_debug - a buffer with two sets of pages
 * @device: base object, must be first, and the set for devices
 * @lock: protects what follows
 * @cache: the set for mappings. The array is invariant over the lifetime.
 * @dirty: which pages of @cache were written to and not stored yet
 * @fresh: all pages of @cache were fetched since accesses are open
 * @told: touching outside of an access was counted since the last start or end
 * @logged: the kernel log knows of this buffer
 * @open: number of open accesses of each direction
 * @errors: number of errors of each kind
 * @mappings: &struct debug_mapping
 */
struct shrbuf_debug {
	struct shrbuf_pages device;
	struct mutex lock;	/* see above */
	struct page **cache;
	unsigned long *dirty;
	bool fresh;
	bool told;
	bool logged;
	unsigned int open[DMA_NONE];
	unsigned int errors[NR_SYNC_ERRORS];
	struct list_head mappings;
};

#define to_shrbuf_debug(s)	container_of(s, struct shrbuf_debug, device.sb)

static bool is_read(enum dma_data_direction dir)
{
	return dir != DMA_TO_DEVICE;
}

static bool is_write(enum dma_data_direction dir)
{
	return dir != DMA_FROM_DEVICE;
}

static unsigned int nr_writing(const struct shrbuf_debug *buf)
{
	return buf->open[DMA_TO_DEVICE] + buf->open[DMA_BIDIRECTIONAL];
}

static unsigned int nr_open(const struct shrbuf_debug *buf)
{
	return nr_writing(buf) + buf->open[DMA_FROM_DEVICE];
}

static void debug_report(struct shrbuf_debug *buf, enum sync_error error)
{
	struct shrbuf *sb = &buf->device.sb;

	lockdep_assert_held(&buf->lock);
	buf->errors[error]++;
	trace_shrbuf_sync_missing(sb, sync_error_names[error]);
	if (buf->logged)
		return;
	buf->logged = true;
	pr_notice_ratelimited("shrbuf: buffer %u: %s[%d]: DMA_BUF_IOCTL_SYNC is missing or wrong (%s), more in debugfs\n",
			      sb->id, current->comm, task_pid_nr(current),
			      sync_error_names[error]);
}

/* The next touch of any page comes to debug_fault(). */
static void debug_zap(struct shrbuf_debug *buf)
{
	struct debug_mapping *dm;

	lockdep_assert_held(&buf->lock);
	list_for_each_entry(dm, &buf->mappings, node)
		unmap_mapping_range(dm->mapping, 0, 0, 1);
	buf->told = false;
}

static void debug_fetch(struct shrbuf_debug *buf, unsigned int i)
{
	copy_highpage(buf->cache[i], buf->device.pages[i]);
	flush_dcache_page(buf->cache[i]);
}

static void debug_store(struct shrbuf_debug *buf, unsigned int i)
{
	flush_dcache_page(buf->cache[i]);
	copy_highpage(buf->device.pages[i], buf->cache[i]);
}

static int debug_begin_cpu_access(struct shrbuf *sb,
				  enum dma_data_direction dir)
{
	struct shrbuf_debug *buf = to_shrbuf_debug(sb);
	unsigned int i;

	mutex_lock(&buf->lock);
	shrbuf_pages_begin_cpu_access(sb, dir);
	debug_zap(buf);
	for (i = 0; is_read(dir) && i < buf->device.nr_pages; i++) {
		/* Others may be at work. If not, it was written outside. */
		if (nr_writing(buf) && test_bit(i, buf->dirty))
			continue;
		clear_bit(i, buf->dirty);
		debug_fetch(buf, i);
		cond_resched();
	}
	if (is_read(dir))
		buf->fresh = true;
	buf->open[dir]++;
	mutex_unlock(&buf->lock);
	return 0;
}

/* Ends an access of this direction, or else the one that was most likely meant. */
static void debug_close_access(struct shrbuf_debug *buf,
			       enum dma_data_direction dir)
{
	static const enum dma_data_direction others[] = {
		DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE,
	};
	unsigned int i;

	if (!nr_open(buf)) {
		debug_report(buf, SYNC_END_ALONE);
		return;
	}
	if (!buf->open[dir])
		debug_report(buf, SYNC_END_DIFFERS);
	for (i = 0; !buf->open[dir]; i++)
		dir = others[i];
	buf->open[dir]--;
}

static int debug_end_cpu_access(struct shrbuf *sb, enum dma_data_direction dir)
{
	struct shrbuf_debug *buf = to_shrbuf_debug(sb);
	unsigned int i;

	mutex_lock(&buf->lock);
	debug_close_access(buf, dir);
	debug_zap(buf);
	if (is_write(dir)) {
		for_each_set_bit(i, buf->dirty, buf->device.nr_pages)
			debug_store(buf, i);
		bitmap_zero(buf->dirty, buf->device.nr_pages);
	}
	if (!nr_open(buf))
		buf->fresh = false;
	shrbuf_pages_end_cpu_access(sb, dir);
	mutex_unlock(&buf->lock);
	return 0;
}

/* The file of the area is our dma-buf, it holds the buffer. */
static struct shrbuf_debug *debug_of(struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = vma->vm_file->private_data;

	return to_shrbuf_debug((struct shrbuf *)dmabuf->priv);
}

/*
 * The page is inserted under the lock, and not given to the caller to be inserted: it
 * could then come after the next debug_zap().
 */
static vm_fault_t debug_fault(struct vm_fault *vmf)
{
	struct shrbuf_debug *buf = debug_of(vmf->vma);
	int ret;

	if (vmf->pgoff >= buf->device.nr_pages)
		return VM_FAULT_SIGBUS;
	mutex_lock(&buf->lock);
	if (!nr_open(buf) && !buf->told) {
		debug_report(buf, SYNC_NO_START);
		buf->told = true;
	}
	ret = vm_insert_page(vmf->vma, vmf->address, buf->cache[vmf->pgoff]);
	mutex_unlock(&buf->lock);
	/* Another thread may have been faster. */
	return ret && ret != -EBUSY ? vmf_error(ret) : VM_FAULT_NOPAGE;
}

/* The page is mapped for reading, and is to be written to. */
static vm_fault_t debug_mkwrite(struct vm_fault *vmf)
{
	struct shrbuf_debug *buf = debug_of(vmf->vma);
	pgoff_t i = vmf->pgoff;

	mutex_lock(&buf->lock);
	if (nr_open(buf) && !nr_writing(buf) && !buf->told) {
		debug_report(buf, SYNC_NO_WRITE);
		buf->told = true;
	}
	if (!test_and_set_bit(i, buf->dirty) && nr_writing(buf) && !buf->fresh)
		debug_fetch(buf, i);
	mutex_unlock(&buf->lock);
	/* If the page was taken away meanwhile the caller sees that, and begins anew. */
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static void debug_vma_open(struct vm_area_struct *vma)
{
	struct shrbuf_debug *buf = debug_of(vma);
	struct debug_mapping *dm = vma->vm_private_data;

	mutex_lock(&buf->lock);
	dm->areas++;
	mutex_unlock(&buf->lock);
}

/* The area still holds the file, and so the buffer. */
static void debug_vma_close(struct vm_area_struct *vma)
{
	struct shrbuf_debug *buf = debug_of(vma);
	struct debug_mapping *dm = vma->vm_private_data;

	mutex_lock(&buf->lock);
	if (!--dm->areas) {
		list_del(&dm->node);
		kfree(dm);
	}
	mutex_unlock(&buf->lock);
}

static const struct vm_operations_struct debug_vm_ops = {
	.open		= debug_vma_open,
	.close		= debug_vma_close,
	.fault		= debug_fault,
	.page_mkwrite	= debug_mkwrite,
};

static int debug_mmap(struct shrbuf *sb, struct vm_area_struct *vma)
{
	struct shrbuf_debug *buf = to_shrbuf_debug(sb);
	struct debug_mapping *dm, *new;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;

	mutex_lock(&buf->lock);
	list_for_each_entry(dm, &buf->mappings, node)
		if (dm->mapping == vma->vm_file->f_mapping)
			break;
	if (list_entry_is_head(dm, &buf->mappings, node)) {
		dm = new;
		new = NULL;
		dm->mapping = vma->vm_file->f_mapping;
		list_add(&dm->node, &buf->mappings);
	}
	dm->areas++;
	mutex_unlock(&buf->lock);
	kfree(new);

	/* VM_IO: only the program touches it, not MAP_POPULATE nor mlock() for it. */
	vm_flags_set(vma, VM_MIXEDMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = dm;
	vma->vm_ops = &debug_vm_ops;
	return 0;
}

static void debug_close(struct shrbuf *sb)
{
	struct shrbuf_debug *buf = to_shrbuf_debug(sb);

	mutex_lock(&buf->lock);
	if (nr_open(buf))
		debug_report(buf, SYNC_NO_END);
	memset(buf->open, 0, sizeof(buf->open));
	buf->fresh = false;
	mutex_unlock(&buf->lock);
}

static void debug_release(struct shrbuf *sb)
{
	struct shrbuf_debug *buf = to_shrbuf_debug(sb);

	shrbuf_pages_free(buf->cache, buf->device.nr_pages);
	shrbuf_pages_fini(&buf->device);
	bitmap_free(buf->dirty);
	mutex_destroy(&buf->lock);
}

static const struct shrbuf_backing_ops debug_ops = {
	.name			= "debug",
	.open			= shrbuf_pages_open,
	.close			= debug_close,
	.attach			= shrbuf_pages_attach,
	.detach			= shrbuf_pages_detach,
	.map			= shrbuf_pages_map,
	.unmap			= shrbuf_pages_unmap,
	.vmap			= shrbuf_pages_vmap,
	.vunmap			= shrbuf_pages_vunmap,
	.mmap			= debug_mmap,
	.begin_cpu_access	= debug_begin_cpu_access,
	.end_cpu_access		= debug_end_cpu_access,
	.release		= debug_release,
};

/**
 * shrbuf_alloc_debug - allocate a buffer that shows missing cache maintenance
 * @size: in bytes, is rounded up to whole pages
 * @zone: as for shrbuf_pages_new()
 * @name: for listings, is copied and cut to fit
 *
 * Return: as shrbuf_alloc()
 */
struct shrbuf *shrbuf_alloc_debug(size_t size, gfp_t zone, const char *name)
{
	struct shrbuf_debug *buf;
	int ret;

	might_sleep();
	if (!shrbuf_size_ok(size))
		return ERR_PTR(-EINVAL);
	size = PAGE_ALIGN(size);

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	ret = shrbuf_pages_init(&buf->device, size, zone);
	if (ret)
		goto err_free;
	buf->cache = shrbuf_pages_new(buf->device.nr_pages, 0);
	if (IS_ERR(buf->cache)) {
		ret = PTR_ERR(buf->cache);
		goto err_fini;
	}
	ret = -ENOMEM;
	buf->dirty = bitmap_zalloc(buf->device.nr_pages, GFP_KERNEL_ACCOUNT);
	if (!buf->dirty)
		goto err_cache;
	mutex_init(&buf->lock);
	INIT_LIST_HEAD(&buf->mappings);
	ret = shrbuf_init(&buf->device.sb, &debug_ops, size,
			  FMODE_READ | FMODE_WRITE, name);
	if (ret)
		goto err_lock;
	return &buf->device.sb;

err_lock:
	mutex_destroy(&buf->lock);
	bitmap_free(buf->dirty);
err_cache:
	shrbuf_pages_free(buf->cache, buf->device.nr_pages);
err_fini:
	shrbuf_pages_fini(&buf->device);
err_free:
	kfree(buf);
	return ERR_PTR(ret);
}

/**
 * shrbuf_debug_show - a line of the listing of debug buffers
 * @m: where to
 * @sb: any buffer, NULL for the headline
 *
 * Return: false if @sb is a buffer of another kind
 */
bool shrbuf_debug_show(struct seq_file *m, struct shrbuf *sb)
{
	struct shrbuf_debug *buf;
	unsigned int i;

	if (!sb) {
		seq_puts(m, "id\topen");
		for (i = 0; i < NR_SYNC_ERRORS; i++)
			seq_printf(m, "\t%s", sync_error_names[i]);
		seq_puts(m, "\tname\n");
		return true;
	}
	if (sb->ops != &debug_ops)
		return false;
	buf = to_shrbuf_debug(sb);
	mutex_lock(&buf->lock);
	seq_printf(m, "%u\t%u", sb->id, nr_open(buf));
	for (i = 0; i < NR_SYNC_ERRORS; i++)
		seq_printf(m, "\t%u", buf->errors[i]);
	mutex_unlock(&buf->lock);
	seq_putc(m, '\t');
	seq_escape(m, sb->name, "\t\n\\");
	seq_putc(m, '\n');
	return true;
}
