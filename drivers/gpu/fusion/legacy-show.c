// SPDX-License-Identifier: GPL-2.0
/*
 * What the old driver showed below /proc/fusion/N, for root below fusion/legacy/N in debugfs,
 * in the same format. Numbers of threads are those of the reader's namespace.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "legacy.h"

#ifdef CONFIG_DEBUG_FS
static struct dentry *fusion_dir, *legacy_dir;

/* How long ago somebody has looked for it. */
static void show_age(struct seq_file *m, unsigned long used)
{
	unsigned long ms;

	if (!used) {
		seq_puts(m, "  -.-    ");
		return;
	}
	ms = jiffies_to_msecs(jiffies - used);
	if (ms < MSEC_PER_SEC)
		seq_printf(m, "%3lu  ms  ", ms);
	else if (ms < 3600 * MSEC_PER_SEC)
		seq_printf(m, "%3lu.%lu s  ", ms / MSEC_PER_SEC, ms / 100 % 10);
	else
		seq_printf(m, "%3lu.%lu h  ", ms / (3600 * MSEC_PER_SEC),
			   ms / (360 * MSEC_PER_SEC) % 10);
}

static void show_entry(struct seq_file *m, const struct fusion_legacy_type *type,
		       struct fusion_object *object)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(object);
	char name[DRM_FUSION_NAME_LEN];

	spin_lock(&object->lock);
	memcpy(name, object->name, sizeof(name));
	spin_unlock(&object->lock);
	show_age(m, READ_ONCE(entry->used));
	seq_printf(m, "(%5d) 0x%08x  %-24s  ", pid_vnr(entry->pid), object->id, name);
	if (type->show)
		type->show(m, object);
	seq_putc(m, '\n');
}

static int entries_show(struct seq_file *m, void *v)
{
	struct fusion_legacy_view *view = m->private;
	struct fusion_world *world = view->world->world;
	struct fusion_object *object;
	unsigned long id;

	xa_for_each(&world->objects[view->type->class], id, object) {
		object = fusion_object_find(world, view->type->class, id);
		if (IS_ERR(object))
			continue;
		show_entry(m, view->type, object);
		fusion_object_put(object);
		cond_resched();
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(entries);

static void show_fusionee(struct seq_file *m, struct fusion_member *member)
{
	struct fusion_legacy_fusionee *fusionee = fusion_legacy_of(member);
	struct fusion_legacy_queue *queue = &fusionee->queue;
	u64 received, sent;
	u32 packets;

	spin_lock(&queue->lock);
	packets = queue->packets;
	received = queue->received;
	sent = queue->sent;
	spin_unlock(&queue->lock);
	seq_printf(m, "(%5d) 0x%08x (%4u packets waiting, %7llu received, %7llu sent) - wcq 0x%08x - '",
		   pid_vnr(fusionee->pid), member->id, packets, received, sent,
		   READ_ONCE(fusionee->quota));
	seq_escape(m, fusionee->exe ?: "", "\n\\'");
	seq_puts(m, "'\n");
}

static int fusionees_show(struct seq_file *m, void *v)
{
	struct fusion_legacy_world *world = m->private;
	struct fusion_member *member;
	unsigned long id;

	xa_for_each(&world->world->members, id, member) {
		member = fusion_member_find(world->world, id);
		if (!member)
			continue;
		show_fusionee(m, member);
		fusion_member_put(member);
		cond_resched();
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(fusionees);

static int stat_show(struct seq_file *m, void *v)
{
	struct fusion_legacy_world *world = m->private;
	int i;

	seq_printf(m, "Fusion API:%d.%d\n", FUSION_API_MAJOR_PROVIDED,
		   FUSION_API_MINOR_PROVIDED);
	seq_puts(m, "lease/purchase       cede     attach     detach   dispatch     ref up   ");
	seq_puts(m, "ref down  prevail/swoop    dismiss\n");
	for (i = 0; i < FUSION_STATS; i++)
		seq_printf(m, "%*ld", i == FUSION_STAT_LEASE ? 14 :
			   i == FUSION_STAT_PREVAIL ? 15 : 11,
			   atomic_long_read(&world->stats[i]));
	seq_putc(m, '\n');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

/**
 * fusion_legacy_show_init - make the directory of all worlds
 *
 * Context: sleeps.
 */
void fusion_legacy_show_init(void)
{
	fusion_dir = debugfs_create_dir("fusion", NULL);
	legacy_dir = debugfs_create_dir("legacy", fusion_dir);
}

/**
 * fusion_legacy_show_exit - remove the directory of all worlds
 *
 * Context: sleeps.
 */
void fusion_legacy_show_exit(void)
{
	debugfs_remove_recursive(fusion_dir);
}

/**
 * fusion_legacy_show_add - make the directory of a world
 * @world: new world
 *
 * Context: sleeps; the caller holds the lock of the device.
 */
void fusion_legacy_show_add(struct fusion_legacy_world *world)
{
	struct fusion_legacy_view *view;
	char name[12];
	int i;

	snprintf(name, sizeof(name), "%u", world->nr);
	world->dir = debugfs_create_dir(name, legacy_dir);
	debugfs_create_file("fusionees", 0400, world->dir, world, &fusionees_fops);
	debugfs_create_file("stat", 0400, world->dir, world, &stat_fops);
	for (i = 0; i < FUSION_LEGACY_TYPES; i++) {
		view = &world->views[i];
		view->world = world;
		view->type = fusion_legacy_types[i];
		if (view->type && view->type->name)
			debugfs_create_file(view->type->name, 0400, world->dir, view,
					    &entries_fops);
	}
}

/**
 * fusion_legacy_show_remove - remove the directory of a world
 * @world: world; nothing happens if it has none any more
 *
 * Context: sleeps, until nobody reads there; the caller holds the lock of the device.
 */
void fusion_legacy_show_remove(struct fusion_legacy_world *world)
{
	debugfs_remove_recursive(world->dir);
	world->dir = NULL;
}
#endif
