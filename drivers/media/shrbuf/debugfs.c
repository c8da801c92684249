// SPDX-License-Identifier: GPL-2.0
/*
 * Listings for root in debugfs, one record a line, fields separated by tabs, the
 * first line names the fields. shrbufctl reads them. Names and numbers only,
 * never an address.
 */

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/ktime.h>

#include "shrbuf-priv.h"
#include "route.h"

static struct dentry *shrbuf_dir;

/*
 * The dma-bufs that somebody but the buffer itself holds: of those that the buffer
 * holds, the ones with more than that one reference.
 */
static unsigned int count_exports(struct shrbuf *sb)
{
	unsigned int i, exports = sb->nr_dmabufs;

	lockdep_assert_held(&sb->lock);
	for (i = 0; i < SHRBUF_NR_MODES; i++)
		if (sb->dmabuf[i] && file_count(sb->dmabuf[i]->file) == 1)
			exports--;
	return exports;
}

/* What /proc/PID/fdinfo and /proc/PID/maps know the dma-bufs by. */
static void show_inodes(struct seq_file *m, const unsigned long *inodes)
{
	const char *separator = "";
	unsigned int i;

	for (i = 0; i < SHRBUF_NR_MODES; i++) {
		if (!inodes[i])
			continue;
		seq_printf(m, "%s%lu", separator, inodes[i]);
		separator = ",";
	}
	if (!*separator)
		seq_putc(m, '-');
}

static int buffers_show(struct seq_file *m, void *v)
{
	static const char * const states[] = {
		[SHRBUF_STATE_EMPTY] = "empty",
		[SHRBUF_STATE_FILLING] = "filling",
		[SHRBUF_STATE_FILLED] = "filled",
		[SHRBUF_STATE_ERROR] = "error",
	};
	unsigned long inodes[SHRBUF_NR_MODES];
	struct shrbuf_attachment *sa;
	const char *separator = "";
	struct shrbuf_info info;
	struct shrbuf *sb = v;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "id\tsize\tbacking\tusers\texports\tdevices\t");
		seq_puts(m, "state\tseq\t");
		seq_puts(m, "age\tholds\treads\tinodes\tname\n");
		return 0;
	}

	mutex_lock(&sb->lock);
	seq_printf(m, "%u\t%zu\t%s\t%u\t%u\t", sb->id, sb->size, sb->ops->name,
		   refcount_read(&sb->users), count_exports(sb));
	if (list_empty(&sb->attachments))
		seq_putc(m, '-');
	list_for_each_entry(sa, &sb->attachments, node) {
		seq_printf(m, "%s%s", separator, dev_name(sa->dev));
		separator = ",";
	}
	memcpy(inodes, sb->inodes, sizeof(inodes));
	mutex_unlock(&sb->lock);
	shrbuf_state_read(sb, &info);
	/* The age is that of the last change, in nanoseconds. */
	seq_printf(m, "\t%s\t%llu\t%llu\t%u\t%u\t", states[info.frame.state],
		   info.frame.seq, ktime_get_ns() - info.frame.time, info.holds,
		   info.device_reads);
	show_inodes(m, inodes);
	seq_putc(m, '\t');
	seq_escape(m, sb->name, "\t\n\\");
	seq_putc(m, '\n');
	return 0;
}

/* Position 0 is the headline, position n the first buffer with an id >= n. */
static void *buffers_start(struct seq_file *m, loff_t *pos)
{
	unsigned long id = *pos;
	struct shrbuf *sb;

	if (!*pos)
		return SEQ_START_TOKEN;
	if (*pos > U32_MAX)
		return NULL;
	sb = shrbuf_next(&id);
	*pos = id;
	return sb;
}

static void *buffers_next(struct seq_file *m, void *v, loff_t *pos)
{
	if (v != SEQ_START_TOKEN)
		shrbuf_put_memory(v);
	++*pos;
	return buffers_start(m, pos);
}

static void buffers_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		shrbuf_put_memory(v);
}

static const struct seq_operations buffers_sops = {
	.start	= buffers_start,
	.next	= buffers_next,
	.stop	= buffers_stop,
	.show	= buffers_show,
};
DEFINE_SEQ_ATTRIBUTE(buffers);

/* The same walk, other lines. */
static int sync_show(struct seq_file *m, void *v)
{
	return shrbuf_debug_show(m, v == SEQ_START_TOKEN ? NULL : v) ? 0 : SEQ_SKIP;
}

static const struct seq_operations sync_sops = {
	.start	= buffers_start,
	.next	= buffers_next,
	.stop	= buffers_stop,
	.show	= sync_show,
};
DEFINE_SEQ_ATTRIBUTE(sync);

static int queues_show(struct seq_file *m, void *v)
{
	seq_puts(m, "node\tname\tdriver\tbusy\n");
	shrbuf_queue_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static int routes_show(struct seq_file *m, void *v)
{
	shrbuf_routes_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(routes);

void shrbuf_debugfs_init(void)
{
	shrbuf_dir = debugfs_create_dir("shrbuf", NULL);
	debugfs_create_file("buffers", 0400, shrbuf_dir, NULL, &buffers_fops);
	debugfs_create_file("sync", 0400, shrbuf_dir, NULL, &sync_fops);
	debugfs_create_file("queues", 0400, shrbuf_dir, NULL, &queues_fops);
	debugfs_create_file("routes", 0400, shrbuf_dir, NULL, &routes_fops);
}

void shrbuf_debugfs_exit(void)
{
	debugfs_remove(shrbuf_dir);
}
