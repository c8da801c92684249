// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the interface inside the kernel. They run when the module is loaded and
 * report in KTAP to the kernel log.
 */

#include <linux/dma-mapping.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/workqueue.h>
#include <media/shrbuf.h>

#include "selftest.h"
#include "shrbuf-compat.h"

struct device *selftest_dev;

/*
 * A process runs the release of a file on its way back to user mode, too late for
 * the test. So last references are dropped by a kernel thread, which leaves releases
 * to a work item that can be waited for.
 */
struct put_work {
	struct work_struct work;
	struct file *file;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
};

static void put_work(struct work_struct *work)
{
	struct put_work *pw = container_of(work, struct put_work, work);

	if (pw->file)
		fput(pw->file);
	if (pw->dmabuf)
		dma_buf_put(pw->dmabuf);
	if (pw->sb)
		shrbuf_put(pw->sb);
	/* A dma-buf may hold another one. */
	flush_delayed_fput();
	flush_delayed_fput();
}

static void put_in_worker(struct put_work *pw)
{
	INIT_WORK_ONSTACK(&pw->work, put_work);
	schedule_work(&pw->work);
	flush_work(&pw->work);
	destroy_work_on_stack(&pw->work);
}

void selftest_close(int fd)
{
	struct put_work pw = { .file = fget(fd) };

	if (!pw.file)
		return;
	close_fd(fd);
	put_in_worker(&pw);
}

void selftest_put_dmabuf(struct dma_buf *dmabuf)
{
	struct put_work pw = { .dmabuf = dmabuf };

	put_in_worker(&pw);
}

void selftest_put(struct shrbuf *sb)
{
	struct put_work pw = { .sb = sb };

	put_in_worker(&pw);
}

static int run(const struct selftest *tests, int *nr)
{
	int failed = 0;

	for (; tests->name; tests++) {
		bool ok = tests->run();

		pr_info("%s %d %s\n", ok ? "ok" : "not ok", ++*nr, tests->name);
		failed += !ok;
	}
	return failed;
}

static int count(const struct selftest *tests)
{
	int nr = 0;

	while (tests[nr].name)
		nr++;
	return nr;
}

static int __init selftest_init(void)
{
	struct platform_device *pdev;
	int failed, nr = 0;

	pdev = platform_device_register_simple("shrbuf-selftest", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	selftest_dev = &pdev->dev;
	failed = dma_coerce_mask_and_coherent(selftest_dev, DMA_BIT_MASK(64));
	if (failed) {
		platform_device_unregister(pdev);
		return failed;
	}

	pr_info("KTAP version 1\n");
	pr_info("1..%d\n", count(coherency_tests) +
		(coherency_bounce ? 0 : count(buffer_tests) + count(vb2_tests) +
		 count(format_tests)));
	if (!coherency_bounce) {
		failed = run(buffer_tests, &nr);
		failed += run(vb2_tests, &nr);
		failed += run(format_tests, &nr);
	}
	failed += run(coherency_tests, &nr);
	pr_info("# shrbuf_selftest: %d failed\n", failed);

	platform_device_unregister(pdev);
	/* Not an error: a failed test may have left dma-bufs behind. */
	return 0;
}

static void __exit selftest_exit(void)
{
}

module_init(selftest_init);
module_exit(selftest_exit);

MODULE_DESCRIPTION("Self-tests of shared buffers");
MODULE_LICENSE("GPL");
SHRBUF_COMPAT_IMPORT_NS_DMA_BUF;
