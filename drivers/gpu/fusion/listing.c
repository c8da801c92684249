// SPDX-License-Identifier: GPL-2.0
/*
 * Listings of all worlds for root, and what a member is for /proc/PID/fdinfo.
 *
 * A listing has one record a line, fields separated by tabs, and the first line names
 * the fields. Names and numbers only, never an address. Numbers of processes and threads
 * are those of the reader's namespace, zero if they are not visible there.
 */
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include "fusion.h"

static void put_name(struct seq_file *m, const char *name)
{
	seq_putc(m, '\t');
	seq_escape(m, name, "\t\n\\");
	seq_putc(m, '\n');
}

/* While the lock is held a world in the list is not freed, whatever its references. */
static void each_world(struct seq_file *m,
		       void (*show)(struct seq_file *m, struct fusion_world *world))
{
	struct fusion_world *world;

	mutex_lock(&fusion_worlds_lock);
	list_for_each_entry(world, &fusion_worlds, link)
		show(m, world);
	mutex_unlock(&fusion_worlds_lock);
}

static void show_world(struct seq_file *m, struct fusion_world *world)
{
	seq_printf(m, "%u\t%u\t%u\t%u\t%u\t%lld\t%llu\t%u\t%u", world->nr,
		   READ_ONCE(world->nr_members), world->max_members,
		   atomic_read(&world->nr_objects), world->max_objects,
		   (long long)atomic64_read(&world->memory), world->max_memory, world->flags,
		   READ_ONCE(world->ended));
	put_name(m, world->name);
}

/**
 * fusion_show_worlds - list the worlds
 * @m: where to
 *
 * Context: sleeps.
 */
void fusion_show_worlds(struct seq_file *m)
{
	seq_puts(m, "world\tmembers\tmax_members\tobjects\tmax_objects\tmemory\tmax_memory\t");
	seq_puts(m, "flags\tended\tname\n");
	each_world(m, show_world);
}

static void show_members(struct seq_file *m, struct fusion_world *world)
{
	struct drm_fusion_query_member record;
	struct fusion_member *member;
	unsigned long index;

	xa_for_each(&world->members, index, member) {
		member = fusion_member_find(world, index);
		if (!member)
			continue;
		fusion_member_record(member, &record);
		fusion_member_put(member);
		seq_printf(m, "%u\t%u\t%d\t%u\t%u\t%llu\t%u\t%u\t%u\t%u", world->nr, record.id,
			   record.pid, record.threads, record.queued,
			   (unsigned long long)record.memory, record.skirmishes, record.refs,
			   record.reactors, record.properties);
		put_name(m, (const char *)record.name);
		cond_resched();
	}
}

/**
 * fusion_show_members - list the members of all worlds
 * @m: where to
 *
 * Context: sleeps.
 */
void fusion_show_members(struct seq_file *m)
{
	seq_puts(m, "world\tmember\tpid\tthreads\tqueued\tmemory\tskirmishes\trefs\treactors\t");
	seq_puts(m, "properties\tname\n");
	each_world(m, show_members);
}

static void show_objects(struct seq_file *m, struct fusion_world *world)
{
	struct drm_fusion_query_object record;
	struct fusion_object *object;
	unsigned long index;
	u32 class;

	for (class = 0; class < DRM_FUSION_TYPES; class++) {
		xa_for_each(&world->objects[class], index, object) {
			object = fusion_object_find(world, class, index);
			if (IS_ERR(object))
				continue;
			fusion_object_record(object, &record);
			seq_printf(m, "%u\t%s\t%u\t%u\t%u\t%d\t%u\t%u\t%u\t%llu", world->nr,
				   object->type->name, record.id, record.creator,
				   record.owner, record.owner_tid, record.count,
				   record.waiters, record.flags,
				   (unsigned long long)record.size);
			fusion_object_put(object);
			put_name(m, (const char *)record.name);
			cond_resched();
		}
	}
}

/**
 * fusion_show_objects - list the objects of all worlds
 * @m: where to
 *
 * Context: sleeps.
 */
void fusion_show_objects(struct seq_file *m)
{
	seq_puts(m, "world\ttype\tid\tcreator\towner\ttid\tcount\twaiters\tflags\tsize\tname\n");
	each_world(m, show_objects);
}

static void show_waits(struct seq_file *m, struct fusion_world *world)
{
	struct drm_fusion_query_wait record;
	struct fusion_thread *thread;
	unsigned long token;
	bool any;

	xa_for_each(&world->threads, token, thread) {
		thread = fusion_thread_find(world, token);
		if (!thread)
			continue;
		any = fusion_wait_record(thread, &record);
		fusion_thread_put(thread);
		if (!any)
			continue;
		seq_printf(m, "%u\t%u\t%u\t%d\t%s\t%u\t%u\t%u\t%u\n", world->nr,
			   record.token, record.member, record.tid,
			   record.type == DRM_FUSION_SKIRMISH ? "skirmish" : "call", record.id,
			   record.for_member, record.for_token, !!record.deadlock);
		cond_resched();
	}
}

/**
 * fusion_show_waits - list who waits for whom in all worlds
 * @m: where to
 *
 * Context: sleeps.
 */
void fusion_show_waits(struct seq_file *m)
{
	seq_puts(m, "world\ttoken\tmember\ttid\ttype\tid\tfor_member\tfor_token\tdeadlock\n");
	each_world(m, show_waits);
}

/**
 * fusion_member_show - say what a member is, a key in each line
 * @member: member
 * @m: where to
 *
 * Context: any that may use @m.
 */
void fusion_member_show(struct fusion_member *member, struct seq_file *m)
{
	struct fusion_world *world = member->world;
	struct drm_fusion_query_member record;

	fusion_member_record(member, &record);
	seq_printf(m, "fusion-world:\t%u\n", world->nr);
	seq_printf(m, "fusion-member:\t%u\n", record.id);
	seq_printf(m, "fusion-members:\t%u\n", READ_ONCE(world->nr_members));
	seq_printf(m, "fusion-objects:\t%u\n", atomic_read(&world->nr_objects));
	seq_printf(m, "fusion-memory:\t%lld\n", (long long)atomic64_read(&world->memory));
	seq_printf(m, "fusion-threads:\t%u\n", record.threads);
	seq_printf(m, "fusion-queued:\t%u\n", record.queued);
	seq_printf(m, "fusion-skirmishes:\t%u\n", record.skirmishes);
	seq_printf(m, "fusion-refs:\t%u\n", record.refs);
	seq_printf(m, "fusion-reactors:\t%u\n", record.reactors);
	seq_printf(m, "fusion-properties:\t%u\n", record.properties);
}
