// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the object, of export and import, of pages and of adopted dma-bufs.
 */

#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <media/shrbuf.h>

#include "selftest.h"

#define SIZE	(5 * PAGE_SIZE)

static bool test_alloc_bad_size(void)
{
	EXPECT(PTR_ERR(shrbuf_alloc(0, "t")) == -EINVAL);
	EXPECT(PTR_ERR(shrbuf_alloc(SIZE_MAX, "t")) == -EINVAL);
	EXPECT(PTR_ERR(shrbuf_alloc(SIZE_MAX - PAGE_SIZE, "t")) == -EINVAL);
	return true;
}

static bool test_alloc_rounds_up(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE - 7, "t");

	EXPECT(!IS_ERR(sb));
	EXPECT(shrbuf_size(sb) == SIZE);
	EXPECT(shrbuf_id(sb));
	selftest_put(sb);
	shrbuf_put(NULL);
	return true;
}

static bool test_import_gives_same_object(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct shrbuf *other;
	int fd;

	EXPECT(!IS_ERR(sb));
	fd = shrbuf_export(sb, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	other = shrbuf_import(fd);
	EXPECT(other == sb);
	/* one user more, and one less */
	EXPECT(shrbuf_get(other) == sb);
	selftest_put(other);
	EXPECT(shrbuf_size(other) == SIZE);
	selftest_put(other);
	other = shrbuf_adopt(fd);
	EXPECT(other == sb);
	selftest_put(other);
	selftest_close(fd);
	EXPECT(PTR_ERR(shrbuf_import(fd)) == -EBADF);
	selftest_put(sb);
	return true;
}

static bool test_import_wrong_fd(void)
{
	struct file *file;
	struct foreign f;
	int fd;

	EXPECT(PTR_ERR(shrbuf_import(-1)) == -EBADF);
	EXPECT(PTR_ERR(shrbuf_import(INT_MAX)) == -EBADF);
	EXPECT(PTR_ERR(shrbuf_adopt(-1)) == -EBADF);

	file = filp_open("/dev/null", O_RDWR, 0);
	EXPECT(!IS_ERR(file));
	fd = get_unused_fd_flags(O_CLOEXEC);
	EXPECT(fd >= 0);
	fd_install(fd, file);
	EXPECT(PTR_ERR(shrbuf_import(fd)) == -EINVAL);
	EXPECT(PTR_ERR(shrbuf_adopt(fd)) == -EINVAL);
	selftest_close(fd);

	/* a dma-buf, but not ours */
	EXPECT(!foreign_init(&f, O_RDWR));
	fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
	EXPECT(fd >= 0);
	EXPECT(PTR_ERR(shrbuf_import(fd)) == -EINVAL);
	selftest_close(fd);
	EXPECT(wait_for_completion_timeout(&f.released, SELFTEST_TIMEOUT));
	foreign_exit(&f);
	return true;
}

static bool test_export_bad_flags(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");

	EXPECT(!IS_ERR(sb));
	EXPECT(shrbuf_export(sb, O_RDWR | O_NONBLOCK) == -EINVAL);
	EXPECT(shrbuf_export(sb, -1) == -EINVAL);
	EXPECT(PTR_ERR(shrbuf_get_dmabuf(sb, O_CLOEXEC)) == -EINVAL);
	EXPECT(PTR_ERR(shrbuf_get_dmabuf(sb, -1)) == -EINVAL);
	selftest_put(sb);
	return true;
}

static bool test_one_dmabuf_per_mode(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct dma_buf *rw, *rw2, *ro;

	EXPECT(!IS_ERR(sb));
	rw = shrbuf_get_dmabuf(sb, O_RDWR);
	rw2 = shrbuf_get_dmabuf(sb, O_RDWR);
	ro = shrbuf_get_dmabuf(sb, O_RDONLY);
	EXPECT(!IS_ERR(rw) && !IS_ERR(ro));
	EXPECT(rw == rw2);
	EXPECT(rw != ro);
	EXPECT(rw->resv == ro->resv);
	EXPECT(shrbuf_from_dmabuf(rw) == sb && shrbuf_from_dmabuf(ro) == sb);
	EXPECT(rw->file->f_mode & FMODE_WRITE);
	EXPECT(!(ro->file->f_mode & FMODE_WRITE));
	selftest_put_dmabuf(rw);
	selftest_put_dmabuf(rw2);
	selftest_put_dmabuf(ro);
	selftest_put(sb);
	return true;
}

/* The content stays when all dma-bufs are gone and a new one is made. */
static bool test_content_survives_close(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct shrbuf *other;
	struct iosys_map map, map2;
	struct dma_buf *dmabuf;
	int fd;

	EXPECT(!IS_ERR(sb));
	fd = shrbuf_export(sb, O_RDWR);
	EXPECT(fd >= 0);
	dmabuf = dma_buf_get(fd);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(!dma_buf_vmap(dmabuf, &map));
	EXPECT(!memchr_inv(map.vaddr, 0, SIZE));	/* zeroed memory */
	memset(map.vaddr, 0x5a, SIZE);
	dma_buf_vunmap(dmabuf, &map);
	selftest_put_dmabuf(dmabuf);
	selftest_close(fd);

	fd = shrbuf_export(sb, O_RDONLY);
	EXPECT(fd >= 0);
	/* now the fd is the last user */
	selftest_put(sb);
	other = shrbuf_import(fd);
	EXPECT(other == sb);
	selftest_close(fd);
	dmabuf = shrbuf_get_dmabuf(other, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(!dma_buf_vmap(dmabuf, &map));
	EXPECT(!memchr_inv(map.vaddr, 0x5a, SIZE));
	/* two dma-bufs, each with its own count of mappings */
	fd = shrbuf_export(other, O_RDONLY);
	EXPECT(fd >= 0);
	{
		struct dma_buf *ro = dma_buf_get(fd);

		EXPECT(!IS_ERR(ro) && ro != dmabuf);
		EXPECT(!dma_buf_vmap(ro, &map2));
		EXPECT(iosys_map_is_equal(&map, &map2));
		dma_buf_vunmap(dmabuf, &map);
		EXPECT(!memchr_inv(map2.vaddr, 0x5a, SIZE));
		dma_buf_vunmap(ro, &map2);
		selftest_put_dmabuf(ro);
	}
	selftest_close(fd);
	selftest_put_dmabuf(dmabuf);
	selftest_put(other);
	return true;
}

/* A scatterlist for a device, and cache maintenance while it is mapped. */
static bool test_device_mapping(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct dma_buf_attachment *attach, *second;
	struct scatterlist *sg;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	size_t len = 0;
	int i;

	EXPECT(!IS_ERR(sb));
	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	attach = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(attach));
	second = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(second));
	sgt = dma_buf_map_attachment(attach, DMA_FROM_DEVICE);
	EXPECT(!IS_ERR(sgt));
	for_each_sgtable_dma_sg(sgt, sg, i)
		len += sg_dma_len(sg);
	EXPECT(len == SIZE);
	EXPECT(PTR_ERR(dma_buf_map_attachment(attach, DMA_TO_DEVICE)) == -EBUSY);
	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE));
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE));
	dma_buf_unmap_attachment(attach, sgt, DMA_FROM_DEVICE);
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	EXPECT(!IS_ERR(sgt));
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, second);
	dma_buf_detach(dmabuf, attach);
	selftest_put_dmabuf(dmabuf);
	selftest_put(sb);
	return true;
}

static bool test_no_read_no_write(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct dma_buf *dmabuf;
	loff_t pos = 0;
	char c = 0;

	EXPECT(!IS_ERR(sb));
	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(kernel_read(dmabuf->file, &c, 1, &pos) < 0);
	EXPECT(kernel_write(dmabuf->file, &c, 1, &pos) < 0);
	selftest_put_dmabuf(dmabuf);
	selftest_put(sb);
	return true;
}

/* Adopting gives one object, and every operation reaches the other exporter. */
static bool test_adopt(void)
{
	struct dma_buf_attachment *attach;
	struct shrbuf *sb, *again;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct sg_table *sgt;
	struct foreign f;
	int fd;

	EXPECT(!foreign_init(&f, O_RDWR));
	fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
	EXPECT(fd >= 0);
	sb = shrbuf_adopt(fd);
	EXPECT(!IS_ERR(sb));
	again = shrbuf_adopt(fd);
	EXPECT(again == sb);
	selftest_put(again);
	EXPECT(shrbuf_size(sb) == PAGE_SIZE);
	selftest_close(fd);

	dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);
	EXPECT(!IS_ERR(dmabuf));
	EXPECT(dmabuf != f.dmabuf);
	EXPECT(dmabuf->resv == f.dmabuf->resv);
	f.attach_error = -EBUSY;
	EXPECT(PTR_ERR(dma_buf_attach(dmabuf, selftest_dev)) == -EBUSY);
	EXPECT(f.attached == 0);
	f.attach_error = 0;
	attach = dma_buf_attach(dmabuf, selftest_dev);
	EXPECT(!IS_ERR(attach));
	EXPECT(f.attached == 1);
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(sgt));
	EXPECT(f.mapped == 1);
	dma_buf_unmap_attachment(attach, sgt, DMA_BIDIRECTIONAL);
	EXPECT(f.mapped == 0);
	dma_buf_detach(dmabuf, attach);
	EXPECT(f.attached == 0);
	EXPECT(!dma_buf_vmap(dmabuf, &map));
	EXPECT(f.vmapped == 1 && map.vaddr == f.vaddr);
	dma_buf_vunmap(dmabuf, &map);
	EXPECT(f.vmapped == 0);
	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE));
	EXPECT(f.begun == 1 && f.ended == 1);
	selftest_put_dmabuf(dmabuf);
	EXPECT(!completion_done(&f.released));
	selftest_put(sb);
	EXPECT(wait_for_completion_timeout(&f.released, SELFTEST_TIMEOUT));
	foreign_exit(&f);
	return true;
}

/* Never more access than the adopted file has: reading, writing, both, or none. */
static bool test_adopt_keeps_access_mode(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE };
	struct shrbuf *sb;
	struct foreign f;
	int fd, i, j;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT(!foreign_init(&f, modes[i]));
		fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
		EXPECT(fd >= 0);
		sb = shrbuf_adopt(fd);
		EXPECT(!IS_ERR(sb));
		selftest_close(fd);
		for (j = 0; j < ARRAY_SIZE(modes); j++) {
			fd = shrbuf_export(sb, modes[j]);
			if (OPEN_FMODE(modes[j]) & ~OPEN_FMODE(modes[i])) {
				EXPECT(fd == -EACCES);
				continue;
			}
			EXPECT(fd >= 0);
			selftest_close(fd);
		}
		EXPECT(!completion_done(&f.released));
		fd = shrbuf_export(sb, modes[i]);
		EXPECT(fd >= 0);
		selftest_put(sb);
		EXPECT(!completion_done(&f.released));
		selftest_close(fd);
		EXPECT(wait_for_completion_timeout(&f.released,
						   SELFTEST_TIMEOUT));
		foreign_exit(&f);
	}
	return true;
}

/* The last user may be the producer, a file descriptor or a mapping. */
static bool test_last_put_from_each_side(void)
{
	unsigned long addr;
	struct shrbuf *sb;
	struct foreign f;
	char c = 0;
	int fd, i;

	for (i = 0; i < 3; i++) {
		EXPECT(!foreign_init(&f, O_RDWR));
		memset(f.vaddr, 0x77, PAGE_SIZE);
		fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
		EXPECT(fd >= 0);
		sb = shrbuf_adopt(fd);
		EXPECT(!IS_ERR(sb));
		selftest_close(fd);
		fd = shrbuf_export(sb, O_RDWR | O_CLOEXEC);
		EXPECT(fd >= 0);

		switch (i) {
		case 0:	/* the producer */
			selftest_close(fd);
			EXPECT(!completion_done(&f.released));
			selftest_put(sb);
			break;
		case 1:	/* the file descriptor */
			selftest_put(sb);
			EXPECT(!completion_done(&f.released));
			selftest_close(fd);
			break;
		case 2:	/* a mapping; it goes to the foreign file */
			{
				struct file *file = fget(fd);

				EXPECT(file);
				addr = vm_mmap(file, 0, PAGE_SIZE,
					       PROT_READ | PROT_WRITE,
					       MAP_SHARED, 0);
				fput(file);
			}
			EXPECT(!IS_ERR_VALUE(addr));
			EXPECT(f.mmapped == 1);
			selftest_put(sb);
			selftest_close(fd);
			EXPECT(!completion_done(&f.released));
			EXPECT(!copy_from_user(&c, (void __user *)addr, 1));
			EXPECT(c == 0x77);
			/*
			 * The release runs when this process returns to user
			 * mode, too late for us: hold the file, let it go in
			 * the worker.
			 */
			get_dma_buf(f.dmabuf);
			fd = dma_buf_fd(f.dmabuf, O_CLOEXEC);
			EXPECT(fd >= 0);
			vm_munmap(addr, PAGE_SIZE);
			EXPECT(!completion_done(&f.released));
			selftest_close(fd);
			break;
		}
		EXPECT(wait_for_completion_timeout(&f.released,
						   SELFTEST_TIMEOUT));
		foreign_exit(&f);
	}
	return true;
}

/* Exports race with the last close of the dma-buf. */
#define RACE_LOOPS	2000

static int race_thread(void *data)
{
	struct shrbuf *sb = data;
	int i, bad = 0;

	for (i = 0; i < RACE_LOOPS; i++) {
		struct dma_buf *dmabuf = shrbuf_get_dmabuf(sb, O_RDWR);

		if (IS_ERR(dmabuf) || shrbuf_from_dmabuf(dmabuf) != sb)
			bad++;
		if (!IS_ERR(dmabuf))
			dma_buf_put(dmabuf);
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return bad;
}

static bool test_export_races_with_close(void)
{
	struct shrbuf *sb = shrbuf_alloc(SIZE, "t");
	struct task_struct *thread[3];
	int i, bad = 0;

	EXPECT(!IS_ERR(sb));
	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		thread[i] = kthread_run(race_thread, sb, "shrbuf-race/%d", i);
		EXPECT(!IS_ERR(thread[i]));
	}
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		bad += kthread_stop(thread[i]);
	EXPECT(!bad);
	flush_delayed_fput();
	shrbuf_put(sb);
	return true;
}

const struct selftest buffer_tests[] = {
	{ "buffer: bad sizes are refused", test_alloc_bad_size },
	{ "buffer: sizes are rounded up to pages", test_alloc_rounds_up },
	{ "buffer: import gives the same object", test_import_gives_same_object },
	{ "buffer: import of wrong file descriptors", test_import_wrong_fd },
	{ "buffer: export with bad flags", test_export_bad_flags },
	{ "buffer: one dma-buf for each access mode", test_one_dmabuf_per_mode },
	{ "buffer: content survives the last close", test_content_survives_close },
	{ "buffer: device mapping", test_device_mapping },
	{ "buffer: read and write fail", test_no_read_no_write },
	{ "buffer: adopt passes everything on", test_adopt },
	{ "buffer: adopt keeps the access mode", test_adopt_keeps_access_mode },
	{ "buffer: last put from each side", test_last_put_from_each_side },
	{ "buffer: export races with close", test_export_races_with_close },
	{ }
};
