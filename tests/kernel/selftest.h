/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbuf_selftest.ko share.
 */
#ifndef _SHRBUF_SELFTEST_H
#define _SHRBUF_SELFTEST_H

#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/kernel.h>

struct device;
struct shrbuf;

/* A wait in a test has a bound that only a real failure reaches. */
#define SELFTEST_TIMEOUT	(60 * HZ)

struct selftest {
	const char *name;
	bool (*run)(void);
};

extern const struct selftest buffer_tests[];
extern const struct selftest vb2_tests[];
extern const struct selftest format_tests[];
extern const struct selftest coherency_tests[];

/* Only the tests of coherency, by bounce buffers, which upset others. */
extern bool coherency_bounce;

/* A device with a DMA mask, for attaching. */
extern struct device *selftest_dev;

/*
 * Leaves the test as failed. What the test holds then is not given back: the
 * module may stay loaded, which fails the run as well.
 */
#define EXPECT(_cond)							\
do {									\
	if (!(_cond)) {							\
		pr_err("# %s:%d: not true: %s\n", __func__, __LINE__,	\
		       #_cond);						\
		return false;						\
	}								\
} while (0)

/* Give a reference back. If it was the last one the release has run afterwards. */
void selftest_close(int fd);
void selftest_put_dmabuf(struct dma_buf *dmabuf);
void selftest_put(struct shrbuf *sb);

/**
 * struct foreign - a dma-buf of another exporter, which counts what is asked of it
 */
struct foreign {
	struct dma_buf *dmabuf;
	struct completion released;
	void *vaddr;
	int attached, mapped, vmapped, mmapped, begun, ended;
	int attach_error;	/* what attaching gives back */
};

int foreign_init(struct foreign *f, int flags);
void foreign_exit(struct foreign *f);

#endif /* _SHRBUF_SELFTEST_H */
