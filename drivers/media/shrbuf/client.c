// SPDX-License-Identifier: GPL-2.0
/*
 * An open /dev/shrbuf: what it watches, holds, fills and has adopted. All of that ends when
 * it is closed, so also when its process dies.
 */

#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/videodev2.h>

#include "shrbuf-priv.h"

/**
 * shrbuf_client_new - open
 *
 * May sleep.
 *
 * Return: a client without uses, or ERR_PTR(-ENOMEM)
 */
struct shrbuf_client *shrbuf_client_new(void)
{
	struct shrbuf_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);
	mutex_init(&client->lock);
	mutex_init(&client->read_lock);
	xa_init_flags(&client->buffers, XA_FLAGS_ACCOUNT);
	xa_init_flags(&client->queues, XA_FLAGS_ACCOUNT);
	spin_lock_init(&client->events_lock);
	INIT_LIST_HEAD(&client->dead);
	init_waitqueue_head(&client->wait);
	return client;
}

static struct xarray *use_table(struct shrbuf_client *client, bool is_queue)
{
	return is_queue ? &client->queues : &client->buffers;
}

/* Ends what the use does with its source. False if the source was gone. */
static bool use_unlink(struct shrbuf_use *use)
{
	struct shrbuf_source *src;
	unsigned long flags;
	struct shrbuf *sb;
	bool linked;

	rcu_read_lock();
	/* Pairs with smp_store_release() in shrbuf_source_end(). */
	src = smp_load_acquire(&use->source);
	if (!src) {
		rcu_read_unlock();
		return false;
	}
	spin_lock_irqsave(&src->lock, flags);
	linked = use->source;
	if (linked) {
		sb = container_of(src, struct shrbuf, source);
		if (use->holds)
			shrbuf_state_release(sb, use);
		if (use->fills)
			shrbuf_state_abandon(sb, use);
		list_del(&use->node);
		WRITE_ONCE(use->source, NULL);
	}
	spin_unlock_irqrestore(&src->lock, flags);
	rcu_read_unlock();
	return linked;
}

static void use_free(struct shrbuf_use *use)
{
	struct shrbuf_client *client = use->client;

	lockdep_assert_held(&client->lock);
	if (!use_unlink(use)) {
		spin_lock_irq(&client->events_lock);
		list_del(&use->dead);
		spin_unlock_irq(&client->events_lock);
	}
	xa_erase(use_table(client, use->is_queue), use->index);
	client->nr_uses--;
	/* shrbuf_client_show() may be looking at it. */
	kfree_rcu(use, rcu);
}

/* Frees the uses whose source is gone. */
static void client_reap(struct shrbuf_client *client)
{
	struct shrbuf_use *use;

	lockdep_assert_held(&client->lock);
	/* Others only add to the list, at its end. */
	while ((use = list_first_entry_or_null(&client->dead, struct shrbuf_use,
					       dead)))
		use_free(use);
}

static struct shrbuf_use *use_find(struct shrbuf_client *client, u32 index,
				   bool is_queue)
{
	lockdep_assert_held(&client->lock);
	client_reap(client);
	return xa_load(use_table(client, is_queue), index);
}

/* What this client has to do with a source that does not go, new if there is nothing. */
static struct shrbuf_use *use_get(struct shrbuf_client *client,
				  struct shrbuf_source *src, u32 index,
				  bool is_queue)
{
	struct shrbuf_use *use = use_find(client, index, is_queue);
	int ret;

	if (use)
		return use;
	if (client->nr_uses >= SHRBUF_MAX_USES)
		return ERR_PTR(-ENOSPC);
	use = kzalloc(sizeof(*use), GFP_KERNEL_ACCOUNT);
	if (!use)
		return ERR_PTR(-ENOMEM);
	use->client = client;
	use->index = index;
	use->is_queue = is_queue;
	ret = xa_err(xa_store(use_table(client, is_queue), index, use,
			      GFP_KERNEL_ACCOUNT));
	if (ret)
		goto err_free;
	/* Only a queue can be gone: a buffer is held by the file descriptor. */
	if (!shrbuf_source_link(src, use)) {
		ret = -ENOTCONN;
		goto err_erase;
	}
	client->nr_uses++;
	return use;

err_erase:
	xa_erase(use_table(client, is_queue), index);
err_free:
	kfree_rcu(use, rcu);
	return ERR_PTR(ret);
}

/* Frees a use that has nothing to do any more. */
static void use_put(struct shrbuf_use *use)
{
	lockdep_assert_held(&use->client->lock);
	if (!use->watches && !use->holds && !use->fills && !use->adopted)
		use_free(use);
}

static void client_free_uses(struct shrbuf_client *client, struct xarray *uses)
{
	struct shrbuf_use *use;
	unsigned long index;
	struct shrbuf *sb;

	xa_for_each(uses, index, use) {
		sb = use->adopted;
		use_free(use);
		shrbuf_put(sb);
	}
	xa_destroy(uses);
}

/**
 * shrbuf_client_free - the last close
 * @client: open file
 *
 * May sleep.
 */
void shrbuf_client_free(struct shrbuf_client *client)
{
	mutex_lock(&client->lock);
	client_free_uses(client, &client->buffers);
	client_free_uses(client, &client->queues);
	mutex_unlock(&client->lock);
	mutex_destroy(&client->read_lock);
	mutex_destroy(&client->lock);
	kvfree(client->events);
	kfree(client);
}

/**
 * shrbuf_client_set_state - SHRBUF_IOC_SET_STATE
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_set_state(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_state_op arg;
	struct shrbuf_use *use;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	long ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_get_by_fd(arg.fd, &sb, &dmabuf);
	if (ret)
		return ret;
	ret = shrbuf_frame_check(&arg.frame, shrbuf_size(sb));
	if (!ret && !(dmabuf->file->f_mode & FMODE_WRITE))
		ret = -EACCES;
	/* So that it does not fail when all is done. */
	if (!ret && copy_to_user(uptr, &arg, sizeof(arg)))
		ret = -EFAULT;
	if (ret)
		goto out_dmabuf;

	mutex_lock(&client->lock);
	use = use_get(client, &sb->source, sb->id, false);
	ret = PTR_ERR_OR_ZERO(use);
	if (!ret) {
		ret = shrbuf_state_set(sb, use, &arg.frame);
		use_put(use);
	}
	mutex_unlock(&client->lock);
	if (!ret && copy_to_user(uptr, &arg, sizeof(arg)))
		ret = -EFAULT;
out_dmabuf:
	dma_buf_put(dmabuf);
	return ret;
}

/* False if the source has ended meanwhile: its last event had the old cookie. */
static bool use_set_watch(struct shrbuf_use *use, struct shrbuf_source *src,
			  const struct shrbuf_watch_op *arg)
{
	bool linked;

	spin_lock_irq(&src->lock);
	linked = use->source;
	if (linked) {
		use->watches = true;
		use->cookie = arg->cookie;
		use->events = arg->events ?: U32_MAX;
	}
	spin_unlock_irq(&src->lock);
	return linked;
}

static int client_watch(struct shrbuf_client *client, struct shrbuf_source *src,
			u32 index, bool is_queue,
			const struct shrbuf_watch_op *arg)
{
	struct shrbuf_use *use;
	int ret;

	mutex_lock(&client->lock);
	ret = shrbuf_events_alloc(client);
	if (ret)
		goto out;
	use = use_get(client, src, index, is_queue);
	ret = PTR_ERR_OR_ZERO(use);
	if (!ret && !use_set_watch(use, src, arg))
		ret = -ENOTCONN;
out:
	mutex_unlock(&client->lock);
	return ret;
}

static int client_unwatch(struct shrbuf_client *client, struct shrbuf_source *src,
			  u32 index, bool is_queue)
{
	struct shrbuf_use *use;
	int ret = 0;

	mutex_lock(&client->lock);
	use = use_find(client, index, is_queue);
	if (use && use->watches) {
		spin_lock_irq(&src->lock);
		use->watches = false;
		spin_unlock_irq(&src->lock);
		use_put(use);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&client->lock);
	return ret;
}

/* Both requests, on whatever kind of source. */
static long client_watch_op(struct shrbuf_client *client,
			    const struct shrbuf_watch_op *arg, bool watch)
{
	struct shrbuf_source *src;
	struct shrbuf_queue *sq;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	int ret;

	if (arg->flags & SHRBUF_WATCH_QUEUE) {
		sq = shrbuf_queue_get(arg->fd);
		if (IS_ERR(sq))
			return PTR_ERR(sq);
		src = shrbuf_queue_source(sq);
		if (watch)
			ret = client_watch(client, src, shrbuf_queue_id(sq),
					   true, arg);
		else
			ret = client_unwatch(client, src, shrbuf_queue_id(sq),
					     true);
		shrbuf_queue_put(sq);
		return ret;
	}

	ret = shrbuf_get_by_fd(arg->fd, &sb, &dmabuf);
	if (ret)
		return ret;
	if (watch)
		ret = client_watch(client, &sb->source, sb->id, false, arg);
	else
		ret = client_unwatch(client, &sb->source, sb->id, false);
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * shrbuf_client_watch - SHRBUF_IOC_WATCH
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_watch(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_watch_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~SHRBUF_WATCH_QUEUE || arg.pad ||
	    arg.events >= BIT(SHRBUF_EVENT_OVERFLOW + 1) ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return client_watch_op(client, &arg, true);
}

/**
 * shrbuf_client_unwatch - SHRBUF_IOC_UNWATCH
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_unwatch(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_watch_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~SHRBUF_WATCH_QUEUE || arg.pad || arg.events ||
	    arg.cookie || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return client_watch_op(client, &arg, false);
}

/* Ends the hold of a use. */
static void use_release(struct shrbuf_use *use, struct shrbuf *sb)
{
	spin_lock_irq(&sb->source.lock);
	shrbuf_state_release(sb, use);
	spin_unlock_irq(&sb->source.lock);
}

/**
 * shrbuf_client_hold - SHRBUF_IOC_HOLD
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_hold(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_frame wanted = { };
	struct shrbuf_hold_op arg;
	struct shrbuf_use *use;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	long ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	wanted.seq = arg.frame.seq;
	if (arg.flags || memcmp(&wanted, &arg.frame, sizeof(wanted)) ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	ret = shrbuf_get_by_fd(arg.fd, &sb, &dmabuf);
	if (ret)
		return ret;

	mutex_lock(&client->lock);
	use = use_get(client, &sb->source, sb->id, false);
	ret = PTR_ERR_OR_ZERO(use);
	if (!ret) {
		ret = shrbuf_state_hold(sb, use, &arg.frame);
		if (!ret && copy_to_user(uptr, &arg, sizeof(arg))) {
			use_release(use, sb);
			ret = -EFAULT;
		}
		use_put(use);
	}
	mutex_unlock(&client->lock);
	dma_buf_put(dmabuf);
	return ret;
}

/* The argument of a request that has a buffer and nothing else. */
static long client_buffer_op(void __user *uptr, struct shrbuf **sb,
			     struct dma_buf **dmabuf)
{
	struct shrbuf_buffer_op arg;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return shrbuf_get_by_fd(arg.fd, sb, dmabuf);
}

/**
 * shrbuf_client_release - SHRBUF_IOC_RELEASE
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_release(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_use *use;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	long ret;

	ret = client_buffer_op(uptr, &sb, &dmabuf);
	if (ret)
		return ret;
	mutex_lock(&client->lock);
	use = use_find(client, sb->id, false);
	if (use && use->holds) {
		use_release(use, sb);
		use_put(use);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&client->lock);
	dma_buf_put(dmabuf);
	return ret;
}

/*
 * The client becomes a user of a buffer, and gets a file descriptor of it, or neither. The
 * lock is held until both is done, so that nobody can disown it before.
 */
static int client_own(struct shrbuf_client *client, struct shrbuf *sb,
		      struct shrbuf_adopt_op *arg, void __user *uptr)
{
	struct shrbuf_use *use;
	int ret;

	mutex_lock(&client->lock);
	use = use_get(client, &sb->source, sb->id, false);
	ret = PTR_ERR_OR_ZERO(use);
	if (ret)
		goto out;
	ret = shrbuf_give_fd(sb, arg->fd_flags, &arg->buffer_fd, uptr, arg,
			     sizeof(*arg));
	if (!ret && !use->adopted)
		WRITE_ONCE(use->adopted, shrbuf_get(sb));
	use_put(use);
out:
	mutex_unlock(&client->lock);
	return ret;
}

/**
 * shrbuf_client_adopt - SHRBUF_IOC_ADOPT
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_adopt(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf_adopt_op arg;
	struct dma_buf *dmabuf;
	struct shrbuf *sb;
	unsigned int mode;
	long ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || !shrbuf_fd_flags_valid(arg.fd_flags) ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;

	dmabuf = dma_buf_get(arg.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = -EACCES;
	mode = arg.fd_flags & O_ACCMODE;
	if (OPEN_FMODE(mode) & ~dmabuf->file->f_mode)
		goto out_dmabuf;
	sb = shrbuf_adopt_dmabuf(dmabuf);
	ret = PTR_ERR_OR_ZERO(sb);
	if (ret)
		goto out_dmabuf;
	ret = client_own(client, sb, &arg, uptr);
	shrbuf_put(sb);
out_dmabuf:
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * shrbuf_client_disown - SHRBUF_IOC_DISOWN
 * @client: open file
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_client_disown(struct shrbuf_client *client, void __user *uptr)
{
	struct shrbuf *sb, *adopted = NULL;
	struct shrbuf_use *use;
	struct dma_buf *dmabuf;
	long ret;

	ret = client_buffer_op(uptr, &sb, &dmabuf);
	if (ret)
		return ret;
	mutex_lock(&client->lock);
	use = use_find(client, sb->id, false);
	if (use && use->adopted) {
		adopted = use->adopted;
		WRITE_ONCE(use->adopted, NULL);
		use_put(use);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&client->lock);
	shrbuf_put(adopted);
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * shrbuf_client_show - for /proc/PID/fdinfo
 * @client: open file
 * @m: output
 *
 * The numbers need not be those of one moment.
 */
void shrbuf_client_show(struct shrbuf_client *client, struct seq_file *m)
{
	unsigned int watches = 0, holds = 0, fills = 0, adopted = 0, queues = 0;
	struct shrbuf_use *use;
	unsigned long index;

	/* No lock: a request may be waiting for memory of its program with it. */
	rcu_read_lock();
	xa_for_each(&client->buffers, index, use) {
		adopted += !!READ_ONCE(use->adopted);
		/* The buffer is gone, and what there was with it. */
		if (!READ_ONCE(use->source))
			continue;
		watches += READ_ONCE(use->watches);
		holds += READ_ONCE(use->holds);
		fills += READ_ONCE(use->fills);
	}
	xa_for_each(&client->queues, index, use)
		queues += READ_ONCE(use->source) && READ_ONCE(use->watches);
	rcu_read_unlock();
	seq_printf(m, "shrbuf-watches:\t%u\n", watches);
	seq_printf(m, "shrbuf-watched-queues:\t%u\n", queues);
	seq_printf(m, "shrbuf-holds:\t%u\n", holds);
	seq_printf(m, "shrbuf-fills:\t%u\n", fills);
	seq_printf(m, "shrbuf-adopted:\t%u\n", adopted);
	seq_printf(m, "shrbuf-events:\t%u\n", READ_ONCE(client->nr_events));
	seq_printf(m, "shrbuf-lost:\t%llu\n", READ_ONCE(client->lost));
}
