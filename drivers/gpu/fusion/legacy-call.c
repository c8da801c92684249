// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of legacy calls. The object is a call of the engine, whose handler is the
 * fusionee that has made it; it goes with the fusionee, and who waits for it then gets
 * EIDRM. How a call is made is in legacy-exec.c.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include "legacy.h"

static struct fusion_call *to_call(struct fusion_object *object)
{
	return container_of(object, struct fusion_call, base);
}

/* FUSION_CALL_NEW */
static int call_new(struct fusion_legacy_op *op)
{
	struct drm_fusion_object_create create = { .type = DRM_FUSION_CALL };
	struct fusion_legacy_call_new *args = op->data;
	struct fusion_object *object = fusion_object_make(op->member, &create);
	int ret;

	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = fusion_legacy_publish(op, object, args->handler, args->ctx);
	if (ret < 0)
		return ret;
	args->call_id = ret;
	return 0;
}

/* FUSION_CALL_EXECUTE, with its serial also after EINTR */
static int call_execute(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_execute *args = op->data;
	struct fusion_legacy_execute execute = {
		.flags = args->flags,
		.type = FMT_CALL,
		.caller = op->member->id,
		.arg = args->call_arg,
		.ptr = args->call_ptr,
		.serial = args->serial,
	};
	int ret = fusion_legacy_execute(op->thread, op->object, &execute);

	fusion_payload_put(execute.answer);
	args->serial = execute.serial;
	args->ret_val = execute.result;
	if ((!ret || ret == -ERESTARTSYS) && copy_to_user(op->user, args, sizeof(*args)))
		return -EFAULT;
	return ret;
}

/* FUSION_CALL_EXECUTE2, with its serial also after EINTR */
static int call_execute2(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_execute2 *args = op->data;
	struct fusion_legacy_execute execute = {
		.flags = args->flags,
		.type = FMT_CALL,
		.caller = op->member->id,
		.arg = args->call_arg,
		.data = args->ptr,
		.length = args->length,
		.serial = args->serial,
	};
	int ret = fusion_legacy_execute(op->thread, op->object, &execute);

	fusion_payload_put(execute.answer);
	args->serial = execute.serial;
	args->ret_val = execute.result;
	if ((!ret || ret == -ERESTARTSYS) && copy_to_user(op->user, args, sizeof(*args)))
		return -EFAULT;
	return ret;
}

static int give_answer(struct fusion_legacy_call_execute3 *args, struct fusion_payload *answer)
{
	if (!answer) {
		args->ret_length = 0;
		return -ENODATA;
	}
	args->ret_length = answer->size;
	if (copy_to_user(u64_to_user_ptr(args->ret_ptr), answer->data, answer->size))
		return -EFAULT;
	return 0;
}

/* One call of a chain. */
static int execute3(struct fusion_legacy_op *op, struct fusion_legacy_call_execute3 *args)
{
	struct fusion_legacy_execute execute = {
		.flags = args->flags,
		.type = FMT_CALL3,
		.caller = op->member->id,
		.arg = args->call_arg,
		.data = args->ptr,
		.length = args->length,
		.room = args->ret_length,
		.serial = args->serial,
	};
	struct fusion_object *object;
	int ret;

	object = fusion_legacy_find(op, FT_CALL, _IOC_NR(FUSION_CALL_EXECUTE3), args->call_id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = fusion_legacy_execute(op->thread, object, &execute);
	fusion_object_put(object);
	args->serial = execute.serial;
	if (!ret && !(args->flags & FCEF_ONEWAY))
		ret = give_answer(args, execute.answer);
	fusion_payload_put(execute.answer);
	return ret;
}

/*
 * FUSION_CALL_EXECUTE3: calls that follow each other until one fails. Each structure is read
 * once. What is done is not done again when the request is repeated.
 */
static int call_execute3(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_execute3 __user *user = op->user;
	struct fusion_legacy_call_execute3 *args = op->data;
	int i, ret;

	for (i = 0; i < FUSION_LEGACY_CHAIN; i++) {
		if (i && copy_from_user(args, user + i, sizeof(*args)))
			return -EFAULT;
		if (!(args->flags & FCEF_DONE)) {
			ret = execute3(op, args);
			args->flags &= ~FCEF_ERROR;
			if (!ret)
				args->flags |= FCEF_DONE;
			else if (ret != -ERESTARTSYS && ret != -EINTR)
				args->flags |= FCEF_ERROR;
			if (copy_to_user(user + i, args, sizeof(*args)))
				return -EFAULT;
			if (ret)
				return ret;
		}
		if (!(args->flags & FCEF_FOLLOW))
			return 0;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return -E2BIG;
}

/* FUSION_CALL_RETURN */
static int call_return(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_return *args = op->data;

	return fusion_legacy_return(op, args->serial, args->val, 0, 0);
}

/* FUSION_CALL_RETURN3 */
static int call_return3(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_return3 *args = op->data;

	return fusion_legacy_return(op, args->serial, 0, args->ptr, args->length);
}

/* FUSION_CALL_GET_OWNER */
static int call_get_owner(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_owner *args = op->data;

	args->fusion_id = to_call(op->object)->handler->id;
	return 0;
}

/* FUSION_CALL_SET_QUOTA */
static int call_set_quota(struct fusion_legacy_op *op)
{
	struct fusion_legacy_call_quota *args = op->data;
	struct fusion_member *member;
	int ret;

	member = fusion_legacy_find_fusionee(op->world->world, args->fusion_id);
	if (!member)
		return -EINVAL;
	ret = fusion_legacy_quota_set(op->object, member->id, args->limit);
	fusion_member_put(member);
	return ret;
}

/* An execution that waits for its return, with a reference, or NULL. */
static struct fusion_exec *pending(struct fusion_call *call)
{
	struct fusion_exec *exec;

	spin_lock(&call->base.lock);
	exec = list_first_entry_or_null(&call->execs, struct fusion_exec, link);
	if (exec)
		fusion_exec_get(exec);
	spin_unlock(&call->base.lock);
	return exec;
}

static bool serves(struct fusion_thread *thread, struct fusion_exec *exec)
{
	struct fusion_world *world = thread->member->world;
	bool ret;

	spin_lock(&world->waits_lock);
	ret = exec->server == thread;
	spin_unlock(&world->waits_lock);
	return ret;
}

/* Waits until an execution has ended, whoever ends it. */
static int wait_end(struct fusion_legacy_op *op, struct fusion_exec *exec)
{
	long ret;

	if (serves(op->thread, exec))
		return -EDEADLK;
	do {
		if (fusion_member_going(op->member))
			return -ESHUTDOWN;
		ret = wait_for_completion_interruptible_timeout(&exec->ended, HZ);
	} while (!ret);
	return ret < 0 ? ret : 0;
}

/*
 * FUSION_CALL_DESTROY: waits for the executions that are on their way. -EDEADLK if the
 * caller is the one who would have to return.
 */
static int call_destroy(struct fusion_legacy_op *op)
{
	struct fusion_exec *exec;
	int ret;

	if (op->world->secure && op->member->id != op->object->creator)
		return -EIO;
	while ((exec = pending(to_call(op->object)))) {
		ret = wait_end(op, exec);
		fusion_exec_put(exec);
		if (ret)
			return ret;
	}
	fusion_object_remove(op->object);
	fusion_legacy_quotas_wake(op->object);
	return 0;
}

static void show(struct seq_file *m, struct fusion_object *object)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(object);
	struct fusion_call *call = to_call(object);
	struct fusion_legacy_quota *quota;
	struct fusion_exec *exec;
	unsigned long id;

	seq_printf(m, "(%ld calls) ", atomic_long_read(&entry->uses));
	spin_lock(&object->lock);
	seq_puts(m, call->nr_execs ? "executing" : "idle");
	spin_unlock(&object->lock);
	xa_lock(&entry->quotas);
	if (entry->nr_quotas) {
		seq_puts(m, " [");
		xa_for_each(&entry->quotas, id, quota)
			seq_printf(m, " 0x%08lx %u/%u", id, READ_ONCE(quota->count),
				   READ_ONCE(quota->limit));
		seq_puts(m, " ]");
	}
	xa_unlock(&entry->quotas);
	seq_puts(m, "  ");
	spin_lock(&object->lock);
	list_for_each_entry(exec, &call->execs, link)
		seq_printf(m, "[0x%08x]", exec->caller->member->id);
	spin_unlock(&object->lock);
}

#define EXECUTE_SIZE	sizeof(struct fusion_legacy_call_execute)
#define EXECUTE2_SIZE	sizeof(struct fusion_legacy_call_execute2)
#define EXECUTE3_SIZE	sizeof(struct fusion_legacy_call_execute3)
#define OWNER_SIZE	sizeof(struct fusion_legacy_call_owner)

static const struct fusion_legacy_request requests[] = {
	[_IOC_NR(FUSION_CALL_NEW)] = {
		call_new, sizeof(struct fusion_legacy_call_new), sizeof(s32), FUSION_LEGACY_NEW
	},
	[_IOC_NR(FUSION_CALL_EXECUTE)] = { call_execute, EXECUTE_SIZE },
	[_IOC_NR(FUSION_CALL_RETURN)] = { call_return, sizeof(struct fusion_legacy_call_return) },
	[_IOC_NR(FUSION_CALL_DESTROY)] = { call_destroy, sizeof(s32) },
	[_IOC_NR(FUSION_CALL_EXECUTE2)] = { call_execute2, EXECUTE2_SIZE },
	[_IOC_NR(FUSION_CALL_EXECUTE3)] = {
		call_execute3, EXECUTE3_SIZE, 0, FUSION_LEGACY_NEW
	},
	[_IOC_NR(FUSION_CALL_RETURN3)] = {
		call_return3, sizeof(struct fusion_legacy_call_return3)
	},
	[_IOC_NR(FUSION_CALL_GET_OWNER)] = { call_get_owner, OWNER_SIZE, OWNER_SIZE },
	[_IOC_NR(FUSION_CALL_SET_QUOTA)] = {
		call_set_quota, sizeof(struct fusion_legacy_call_quota)
	},
};

const struct fusion_legacy_type fusion_legacy_call = {
	.name = "calls",
	.class = DRM_FUSION_CALL,
	.requests = requests,
	.nr_requests = ARRAY_SIZE(requests),
	.show = show,
};
