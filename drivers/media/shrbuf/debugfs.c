// SPDX-License-Identifier: GPL-2.0
/*
 * Listings for root in debugfs, one record a line, fields separated by tabs, the
 * first line names the fields. shrbufctl reads them. Names and numbers only,
 * never an address.
 */

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "shrbuf-priv.h"

static struct dentry *shrbuf_dir;

/* Devices that are attached to a dma-buf, separated by commas. */
static bool show_devices(struct seq_file *m, struct dma_buf *dmabuf, bool first)
{
	struct dma_buf_attachment *attach;

	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		seq_printf(m, "%s%s", first ? "" : ",", dev_name(attach->dev));
		first = false;
	}
	dma_resv_unlock(dmabuf->resv);
	return first;
}

static int buffers_show(struct seq_file *m, void *v)
{
	struct dma_buf *dmabuf[SHRBUF_NR_MODES] = {};
	struct shrbuf *sb = v;
	unsigned int i, exports = 0;
	bool first = true;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "id\tsize\tbacking\tusers\texports\tdevices\tname\n");
		return 0;
	}

	/* dma_resv is not taken under sb->lock, so hold the dma-bufs instead. */
	mutex_lock(&sb->lock);
	for (i = 0; i < SHRBUF_NR_MODES; i++) {
		if (!sb->dmabuf[i] ||
		    !shrbuf_compat_get_file_active(sb->dmabuf[i]->file))
			continue;
		dmabuf[i] = sb->dmabuf[i];
		exports++;
	}
	mutex_unlock(&sb->lock);

	/* One user is this listing itself. */
	seq_printf(m, "%u\t%zu\t%s\t%u\t%u\t", sb->id, sb->size, sb->ops->name,
		   kref_read(&sb->refcount) - 1, exports);
	for (i = 0; i < SHRBUF_NR_MODES; i++) {
		if (!dmabuf[i])
			continue;
		first = show_devices(m, dmabuf[i], first);
		dma_buf_put(dmabuf[i]);
	}
	seq_puts(m, first ? "-\t" : "\t");
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
		shrbuf_put(v);
	++*pos;
	return buffers_start(m, pos);
}

static void buffers_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		shrbuf_put(v);
}

static const struct seq_operations buffers_sops = {
	.start	= buffers_start,
	.next	= buffers_next,
	.stop	= buffers_stop,
	.show	= buffers_show,
};
DEFINE_SEQ_ATTRIBUTE(buffers);

static int queues_show(struct seq_file *m, void *v)
{
	seq_puts(m, "node\tname\tdriver\tbusy\n");
	shrbuf_queue_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

void shrbuf_debugfs_init(void)
{
	shrbuf_dir = debugfs_create_dir("shrbuf", NULL);
	debugfs_create_file("buffers", 0400, shrbuf_dir, NULL, &buffers_fops);
	debugfs_create_file("queues", 0400, shrbuf_dir, NULL, &queues_fops);
}

void shrbuf_debugfs_exit(void)
{
	debugfs_remove(shrbuf_dir);
}
