// SPDX-License-Identifier: GPL-2.0
/*
 * Executions of legacy calls: those of the engine, with messages of the legacy queue.
 *
 * The thread that reads the message serves the execution until somebody returns, so it gets
 * the skirmishes of the caller, and of its callers, from the engine, as often as it asks and
 * however deep calls are nested; and before that already, because it is the only one that
 * reads, see skirmish-lend.c. Any thread that knows the serial may return.
 *
 * A caller that a signal interrupts comes back with the serial if it is resumable. If not,
 * the execution ends at once, and the call remembers its serial to say EIDRM to the one who
 * returns.
 */
#include <linux/err.h>
#include <linux/uaccess.h>
#include "legacy.h"

static struct fusion_call *to_call(struct fusion_object *object)
{
	return container_of(object, struct fusion_call, base);
}

static void message_done(struct fusion_legacy_message *message, struct fusion_member *receiver)
{
	fusion_legacy_quota_leave(message->private);
}

/* The head of the message, followed by the caller's data. */
static int fill_in(struct fusion_legacy_message *message, struct fusion_legacy_entry *entry,
		   const struct fusion_legacy_execute *args, u32 serial)
{
	struct fusion_legacy_call3_message head3 = {
		.handler = entry->cookies[0],
		.ctx = entry->cookies[1],
		.caller = args->caller,
		.call_arg = args->arg,
		.call_length = args->length,
		.ret_length = args->room,
		.serial = serial,
	};
	struct fusion_legacy_call_message head = {
		.handler = entry->cookies[0],
		.ctx = entry->cookies[1],
		.caller = args->caller,
		.call_arg = args->arg,
		.call_ptr = args->ptr,
		.serial = serial,
	};
	u8 *to = message->data;

	if (args->type == FMT_CALL3) {
		memcpy(to, &head3, sizeof(head3));
		to += sizeof(head3);
	} else {
		memcpy(to, &head, sizeof(head));
		to += sizeof(head);
	}
	if (args->length && copy_from_user(to, u64_to_user_ptr(args->data), args->length))
		return -EFAULT;
	return 0;
}

static struct fusion_legacy_message *make_message(struct fusion_object *object,
						  const struct fusion_legacy_execute *args,
						  u32 serial)
{
	u32 head = args->type == FMT_CALL3 ? sizeof(struct fusion_legacy_call3_message) :
					     sizeof(struct fusion_legacy_call_message);
	struct fusion_legacy_message *message;
	int ret;

	if (args->length > FUSION_MAX_PACKET_SIZE)
		return ERR_PTR(-E2BIG);
	message = fusion_legacy_message_alloc(object->world, args->type, object->id, 0,
					      head + args->length);
	if (IS_ERR(message))
		return message;
	ret = fill_in(message, fusion_legacy_entry(object), args, serial);
	if (ret) {
		fusion_legacy_message_free(message);
		return ERR_PTR(ret);
	}
	return message;
}

/* Sends a message, when the quota allows it. The message is used up. */
static int post(struct fusion_thread *thread, struct fusion_object *object,
		struct fusion_legacy_message *message)
{
	struct fusion_legacy_quota *quota = fusion_legacy_quota_enter(thread, object);
	int ret = PTR_ERR_OR_ZERO(quota);

	if (ret)
		goto free;
	if (quota) {
		message->private = quota;
		message->done = message_done;
	}
	ret = fusion_legacy_post(thread, to_call(object)->handler, message);
	if (!ret) {
		atomic_long_inc(&fusion_legacy_entry(object)->uses);
		return 0;
	}
	fusion_legacy_quota_leave(quota);
free:
	fusion_legacy_message_free(message);
	return ret;
}

static int send(struct fusion_thread *thread, struct fusion_object *object,
		struct fusion_legacy_execute *args)
{
	struct fusion_legacy_message *message = make_message(object, args, 0);

	if (IS_ERR(message))
		return PTR_ERR(message);
	message->quiet = args->flags & FCEF_QUEUE;
	return post(thread, object, message);
}

/* What is remembered of an execution is forgotten when somebody returns. */
static bool forget(struct fusion_legacy_entry *entry, u32 serial)
{
	if (!xa_erase(&entry->stopped, serial))
		return false;
	atomic_dec(&entry->nr_stopped);
	return true;
}

static void remember(struct fusion_legacy_entry *entry, u32 serial)
{
	if (atomic_inc_return(&entry->nr_stopped) <= FUSION_LEGACY_STOPPED &&
	    !xa_insert(&entry->stopped, serial, xa_mk_value(1), GFP_KERNEL_ACCOUNT))
		return;
	atomic_dec(&entry->nr_stopped);
}

/* Ends an execution for a caller that was interrupted; what has come before that counts. */
static int stop(struct fusion_exec *exec)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(&exec->call->base);

	/* First, so that who returns finds one or the other. */
	remember(entry, fusion_exec_serial(exec));
	if (fusion_exec_end(exec, -EINTR, 0, NULL))
		return -EINTR;
	forget(entry, fusion_exec_serial(exec));
	wait_for_completion(&exec->ended);
	return exec->status;
}

/* Waits for the end, or for a signal: then a resumable one is kept. */
static int wait_return(struct fusion_thread *thread, struct fusion_exec *exec,
		       struct fusion_legacy_execute *args)
{
	int ret = fusion_exec_wait(exec, KTIME_MAX);

	fusion_graph_done(thread);
	if (ret == -ERESTARTSYS && args->flags & FCEF_RESUMABLE) {
		thread->interrupted = exec;
		return ret;
	}
	if (ret == -ERESTARTSYS)
		ret = stop(exec);
	if (!ret) {
		args->result = exec->result;
		args->answer = exec->reply;
		fusion_payload_get(args->answer);
	}
	fusion_exec_put(exec);
	return ret;
}

static int begin(struct fusion_thread *thread, struct fusion_object *object,
		 struct fusion_legacy_execute *args)
{
	struct fusion_legacy_message *message;
	struct fusion_exec *exec;
	int ret;

	fusion_exec_abandon(thread);
	exec = fusion_exec_create(to_call(object), thread, args->room, false);
	if (IS_ERR(exec))
		return PTR_ERR(exec);
	message = make_message(object, args, fusion_exec_serial(exec));
	ret = PTR_ERR_OR_ZERO(message);
	if (ret)
		goto end;
	fusion_exec_get(exec);
	message->exec = exec;
	/* Before it can be read: who takes it may ask for the caller's wait at once. */
	ret = fusion_graph_wait_exec(thread, exec);
	if (ret) {
		fusion_legacy_message_free(message);
		goto end;
	}
	fusion_skirmish_offer(exec);
	ret = post(thread, object, message);
	if (ret)
		goto end;
	args->serial = fusion_exec_serial(exec);
	return wait_return(thread, exec, args);

end:
	fusion_graph_done(thread);
	/* If the call was destroyed in the meantime, that is the reason. */
	if (!fusion_exec_end(exec, ret, 0, NULL)) {
		wait_for_completion(&exec->ended);
		ret = exec->status ?: ret;
	}
	fusion_exec_put(exec);
	return ret;
}

static int go_on(struct fusion_thread *thread, struct fusion_object *object,
		 struct fusion_legacy_execute *args)
{
	struct fusion_exec *exec = thread->interrupted;
	int ret;

	if (!exec || fusion_exec_serial(exec) != args->serial || &exec->call->base != object)
		return -EIDRM;
	if (args->room < exec->room)
		return -EINVAL;
	thread->interrupted = NULL;
	ret = fusion_graph_wait_exec(thread, exec);
	if (!ret) {
		fusion_skirmish_offer(exec);
		return wait_return(thread, exec, args);
	}
	fusion_exec_end(exec, ret, 0, NULL);
	fusion_exec_put(exec);
	return ret;
}

/**
 * fusion_legacy_execute - make a call
 * @thread: the calling thread
 * @object: call
 * @args: what is asked, and what comes of it; the caller puts its answer
 *
 * After -ERESTARTSYS and with FCEF_RESUMABLE the same thread goes on with the serial that is
 * set then.
 *
 * Context: sleeps.
 * Return: 0, -E2BIG, -EFAULT, -EDEADLK, -EIDRM or -EPIPE if the call or its owner is gone,
 * -EAGAIN if there is no room in the queue that the caller itself reads, -ENOMEM,
 * -ESHUTDOWN, -ERESTARTSYS, -EINTR.
 */
int fusion_legacy_execute(struct fusion_thread *thread, struct fusion_object *object,
			  struct fusion_legacy_execute *args)
{
	args->answer = NULL;
	args->result = 0;
	if (args->flags & FCEF_ONEWAY)
		return send(thread, object, args);
	if (args->serial && args->flags & FCEF_RESUMABLE)
		return go_on(thread, object, args);
	args->serial = 0;
	return begin(thread, object, args);
}

/**
 * fusion_legacy_return - end an execution
 * @op: request, with the call as its object
 * @serial: of the execution
 * @result: for FUSION_CALL_EXECUTE and EXECUTE2
 * @data: address of the answer for FUSION_CALL_EXECUTE3
 * @length: its bytes
 *
 * Context: sleeps.
 * Return: 0, -EOPNOTSUPP without a serial, -ENOMSG for an unknown one, -EIDRM if the caller
 * was interrupted, -E2BIG if it has no room, -EFAULT, -ENOMEM. After -E2BIG, -EFAULT and
 * -ENOMEM it still waits.
 */
int fusion_legacy_return(struct fusion_legacy_op *op, u32 serial, s32 result, u64 data,
			 u32 length)
{
	struct drm_fusion_payload args = { .data = data, .size = length };
	struct fusion_call *call = to_call(op->object);
	struct fusion_payload *payload = NULL;
	struct fusion_exec *exec;
	int ret = -ENOMSG;

	if (!serial)
		return -EOPNOTSUPP;
	exec = fusion_exec_find(call->handler, serial);
	if (!exec)
		return forget(fusion_legacy_entry(op->object), serial) ? -EIDRM : -ENOMSG;
	if (exec->call != call)
		goto put;
	ret = -E2BIG;
	if (length > exec->room)
		goto put;
	payload = fusion_payload_from_user(op->member, &args);
	ret = PTR_ERR_OR_ZERO(payload);
	if (ret)
		goto put;
	if (!fusion_exec_end(exec, 0, result, payload)) {
		fusion_payload_put(payload);
		ret = forget(fusion_legacy_entry(op->object), serial) ? -EIDRM : -ENOMSG;
	}
put:
	fusion_exec_put(exec);
	return ret;
}

/**
 * fusion_legacy_call_kernel - one-way call of the kernel itself
 * @world: world of the engine
 * @id: id of the call
 * @arg: for the handler
 * @ptr: for the handler
 *
 * It does not wait: without room in the queue of the owner it is lost and counted.
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -E2BIG, -ENOMEM, -EAGAIN, -ESHUTDOWN.
 */
int fusion_legacy_call_kernel(struct fusion_world *world, u32 id, s32 arg, u64 ptr)
{
	struct fusion_object *object = fusion_object_find(world, DRM_FUSION_CALL, id);
	struct fusion_legacy_execute args = { .type = FMT_CALL, .arg = arg, .ptr = ptr };
	struct fusion_legacy_message *message;
	int ret;

	if (IS_ERR(object))
		return PTR_ERR(object);
	message = make_message(object, &args, 0);
	ret = PTR_ERR_OR_ZERO(message);
	if (ret)
		goto put;
	ret = fusion_legacy_post(NULL, to_call(object)->handler, message);
	if (ret)
		fusion_legacy_message_free(message);
	else
		atomic_long_inc(&fusion_legacy_entry(object)->uses);
put:
	fusion_object_put(object);
	return ret;
}

/**
 * fusion_legacy_call_wait - call of the kernel itself that is waited for
 * @thread: the calling thread, which waits
 * @id: id of the call
 * @arg: for the handler
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, or as fusion_legacy_execute(): then it may be on its way all the same.
 */
int fusion_legacy_call_wait(struct fusion_thread *thread, u32 id, s32 arg)
{
	struct fusion_world *world = thread->member->world;
	struct fusion_object *object = fusion_object_find(world, DRM_FUSION_CALL, id);
	struct fusion_legacy_execute args = { .type = FMT_CALL, .arg = arg };
	int ret;

	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = fusion_legacy_execute(thread, object, &args);
	fusion_payload_put(args.answer);
	fusion_object_put(object);
	return ret;
}
