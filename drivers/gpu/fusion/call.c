// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: procedures that a member runs for others.
 *
 * A call is a message to its handler. If a reply is wanted, an execution goes along, see
 * exec.c, and the caller waits for its end. The thread of the handler that reads the
 * message runs the call, but each thread of the handler may reply.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fusion.h"

static struct fusion_call *to_call(struct fusion_object *object)
{
	return container_of(object, struct fusion_call, base);
}

/**
 * fusion_call_lost - why a call that is dead cannot be made
 * @call: call that was destroyed
 *
 * Return: -EPIPE if the handler has left, else -EIDRM.
 */
int fusion_call_lost(struct fusion_call *call)
{
	return READ_ONCE(call->handler->leaving) ? -EPIPE : -EIDRM;
}

/* The kind of objects */

static struct fusion_object *call_create(struct fusion_member *member,
					 struct drm_fusion_object_create *args)
{
	struct fusion_call *call = kzalloc(sizeof(*call), GFP_KERNEL_ACCOUNT);

	if (!call)
		return ERR_PTR(-ENOMEM);
	fusion_object_init(&call->base, DRM_FUSION_CALL, member, args->name);
	fusion_member_get(member);
	call->handler = member;
	call->context = args->arg;
	INIT_LIST_HEAD(&call->execs);
	spin_lock(&member->lock);
	list_add_tail(&call->link, &member->calls);
	spin_unlock(&member->lock);
	return &call->base;
}

static void call_destroy(struct fusion_object *object)
{
	struct fusion_call *call = to_call(object);
	struct fusion_member *handler = call->handler;

	spin_lock(&handler->lock);
	list_del_init(&call->link);
	spin_unlock(&handler->lock);
	fusion_execs_end(call, fusion_call_lost(call));
}

static void call_free(struct fusion_object *object)
{
	struct fusion_call *call = to_call(object);

	fusion_member_put(call->handler);
	kfree_rcu(call, base.rcu);
}

static void call_leave(struct fusion_member *member)
{
	struct fusion_call *call;

	for (;;) {
		spin_lock(&member->lock);
		call = list_first_entry_or_null(&member->calls, struct fusion_call, link);
		if (call) {
			list_del_init(&call->link);
			fusion_object_get(&call->base);
		}
		spin_unlock(&member->lock);
		if (!call)
			break;
		fusion_object_remove(&call->base);
		fusion_object_put(&call->base);
	}
}

static void call_query(struct fusion_object *object, struct drm_fusion_query_object *record)
{
	struct fusion_call *call = to_call(object);

	record->owner = call->handler->id;
	spin_lock(&object->lock);
	record->count = call->nr_execs;
	record->waiters = call->nr_execs;
	spin_unlock(&object->lock);
}

const struct fusion_type fusion_call_type = {
	.name = "call",
	.create = call_create,
	.destroy = call_destroy,
	.free = call_free,
	.thread_gone = fusion_execs_thread_gone,
	.leave = call_leave,
	.query = call_query,
};

/* The message: it has a reference of the execution, or, one-way, of the call. */

static bool message_wanted(struct fusion_message *message)
{
	struct fusion_call *call = message->private;

	if (message->exec)
		return !READ_ONCE(message->exec->ending);
	return !READ_ONCE(call->base.dead);
}

static void message_put(struct fusion_message *message)
{
	struct fusion_call *call = message->private;

	if (message->exec)
		fusion_exec_put(message->exec);
	else
		fusion_object_put(&call->base);
}

static void message_taken(struct fusion_message *message, struct fusion_thread *reader)
{
	if (message->exec)
		fusion_exec_take(message->exec, reader);
	message_put(message);
	/* That the reader reads again says nothing about a call. */
	message->done = NULL;
}

/* It was never read. */
static void message_done(struct fusion_message *message, struct fusion_member *member)
{
	if (message->exec)
		fusion_exec_end(message->exec, -EPIPE, 0, NULL);
	message_put(message);
}

static struct fusion_message *message_create(struct fusion_call *call, u32 sender, u64 arg)
{
	struct fusion_message *message = fusion_message_alloc(DRM_FUSION_EVENT_CALL, sender);

	if (!message)
		return NULL;
	message->event.object = call->base.id;
	message->event.arg = arg;
	message->event.context = call->context;
	message->wanted = message_wanted;
	message->taken = message_taken;
	message->done = message_done;
	message->private = call;
	return message;
}

static void message_free(struct fusion_message *message)
{
	message_put(message);
	fusion_message_free(message);
}

/* If it is not the thread that has to go, the handler is gone. */
static int post(struct fusion_thread *thread, struct fusion_call *call,
		struct fusion_message *message, ktime_t deadline)
{
	int ret = fusion_queue_post(thread, call->handler, message, deadline);

	return ret == -ESHUTDOWN && !fusion_member_going(thread->member) ? -EPIPE : ret;
}

/* One-way calls */

static int send(struct fusion_thread *thread, struct fusion_call *call,
		struct drm_fusion_call_execute *args, struct fusion_payload *payload)
{
	struct fusion_message *message = message_create(call, thread->member->id, args->arg);
	int ret;

	if (!message) {
		fusion_payload_put(payload);
		return -ENOMEM;
	}
	fusion_object_get(&call->base);
	message->payload = payload;
	message->quiet = args->flags & DRM_FUSION_CALL_QUEUE;
	ret = post(thread, call, message, args->timeout);
	if (ret) {
		if (READ_ONCE(call->base.dead) && ret == -ETIMEDOUT)
			ret = fusion_call_lost(call);
		message_free(message);
	}
	return ret;
}

/**
 * fusion_call_from_kernel - one-way call of the kernel itself
 * @world: world
 * @id: number of the call
 * @arg: argument
 *
 * It does not wait: without room in the queue of the handler it is lost, and the handler
 * is told.
 *
 * Context: sleeps.
 * Return: 0, -ENOENT, -ENOMEM.
 */
int fusion_call_from_kernel(struct fusion_world *world, u32 id, u64 arg)
{
	struct fusion_object *object = fusion_object_find(world, DRM_FUSION_CALL, id);
	struct fusion_message *message;

	if (IS_ERR(object))
		return PTR_ERR(object);
	message = message_create(to_call(object), 0, arg);
	if (!message) {
		fusion_object_put(object);
		return -ENOMEM;
	}
	fusion_object_get(object);
	fusion_queue_announce(to_call(object)->handler, message);
	fusion_object_put(object);
	return 0;
}

/* Synchronous calls */

static int take_reply(struct fusion_member *member, struct fusion_exec *exec,
		      struct drm_fusion_call_execute *args)
{
	struct fusion_payload *reply = exec->reply;
	u32 handles[DRM_FUSION_MAX_HANDLES];
	int ret;

	args->result = exec->result;
	if (!reply)
		return 0;
	if (copy_to_user(u64_to_user_ptr(args->reply), reply->data, reply->size))
		return -EFAULT;
	args->reply_size = reply->size;
	if (!reply->nr_buffers)
		return 0;
	ret = fusion_payload_install(member, reply, handles);
	if (ret)
		return ret;
	if (copy_to_user(u64_to_user_ptr(args->reply_handles), handles,
			 reply->nr_buffers * sizeof(handles[0]))) {
		fusion_payload_remove(member, reply, handles);
		return -EFAULT;
	}
	args->reply_nr_handles = reply->nr_buffers;
	return 0;
}

/* Waits for the end, or for a signal: then the thread keeps the execution. */
static int wait_reply(struct fusion_thread *thread, struct fusion_exec *exec,
		      struct drm_fusion_call_execute *args)
{
	int ret = fusion_exec_wait(exec, args->timeout);

	fusion_graph_done(thread);
	if (ret == -ERESTARTSYS) {
		thread->interrupted = exec;
		return ret;
	}
	if (ret)
		fusion_queue_drop(exec);
	else
		ret = take_reply(thread->member, exec, args);
	fusion_exec_put(exec);
	return ret;
}

static int begin(struct fusion_thread *thread, struct fusion_call *call,
		 struct drm_fusion_call_execute *args, struct fusion_payload *payload)
{
	struct fusion_message *message;
	struct fusion_exec *exec;
	int ret;

	fusion_exec_abandon(thread);
	exec = fusion_exec_create(call, thread, args->reply_room, args->reply_handles);
	if (IS_ERR(exec)) {
		fusion_payload_put(payload);
		return PTR_ERR(exec);
	}
	message = message_create(call, thread->member->id, args->arg);
	if (!message) {
		fusion_payload_put(payload);
		ret = -ENOMEM;
		goto end;
	}
	fusion_exec_get(exec);
	message->exec = exec;
	message->payload = payload;
	message->event.serial = fusion_exec_serial(exec);
	message->event.room = exec->room;
	/* Before it can be read: who takes it may ask for the caller's wait at once. */
	ret = fusion_graph_wait_exec(thread, exec);
	if (!ret)
		ret = post(thread, call, message, args->timeout);
	if (ret) {
		message_free(message);
		goto end;
	}
	args->serial = fusion_exec_serial(exec);
	return wait_reply(thread, exec, args);

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

static int go_on(struct fusion_thread *thread, struct drm_fusion_call_execute *args)
{
	struct fusion_exec *exec = thread->interrupted;
	int ret;

	if (!exec || fusion_exec_serial(exec) != args->serial || exec->call->base.id != args->id)
		return -ENOMSG;
	if (args->reply_room < exec->room || (exec->handles && !args->reply_handles))
		return -EINVAL;
	ret = fusion_graph_wait_exec(thread, exec);
	if (ret) {
		fusion_exec_abandon(thread);
		return ret;
	}
	thread->interrupted = NULL;
	return wait_reply(thread, exec, args);
}

static int execute(struct fusion_thread *thread, struct drm_fusion_call_execute *args)
{
	struct fusion_member *member = thread->member;
	struct fusion_payload *payload;
	struct fusion_object *object;
	int ret;

	object = fusion_object_find(member->world, DRM_FUSION_CALL, args->id);
	if (IS_ERR(object))
		return PTR_ERR(object);
	payload = fusion_payload_from_user(member, &args->payload);
	if (IS_ERR(payload))
		ret = PTR_ERR(payload);
	else if (args->flags & DRM_FUSION_CALL_ONEWAY)
		ret = send(thread, to_call(object), args, payload);
	else
		ret = begin(thread, to_call(object), args, payload);
	fusion_object_put(object);
	return ret;
}

/**
 * fusion_call_execute - DRM_IOCTL_FUSION_CALL_EXECUTE
 * @member: active member
 * @data: struct drm_fusion_call_execute
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOENT, -EMSGSIZE, -EFAULT, -ENOMEM, -EUSERS, -EPIPE, -EIDRM,
 * -EDEADLK, -ETIMEDOUT, -ESHUTDOWN, -ENOMSG for a serial that the thread does not wait for,
 * -ERESTARTSYS.
 */
int fusion_call_execute(struct fusion_member *member, void *data)
{
	struct drm_fusion_call_execute *args = data;
	struct fusion_thread *thread;
	int ret;

	args->reply_size = 0;
	args->reply_nr_handles = 0;
	args->result = 0;
	switch (args->flags) {
	case 0:
		break;
	case DRM_FUSION_CALL_ONEWAY:
	case DRM_FUSION_CALL_ONEWAY | DRM_FUSION_CALL_QUEUE:
		if (!args->serial && !args->reply && !args->reply_room && !args->reply_handles)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	if (args->reply_room > DRM_FUSION_MAX_PAYLOAD)
		return -EMSGSIZE;
	thread = fusion_thread_current(member);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	if (args->serial)
		ret = go_on(thread, args);
	else
		ret = execute(thread, args);
	fusion_thread_put(thread);
	return ret;
}

/* Replies */

static int reply(struct fusion_member *member, const struct drm_fusion_call_reply *args)
{
	struct fusion_payload *payload;
	struct fusion_exec *exec;
	int ret;

	if (args->flags)
		return -EINVAL;
	exec = fusion_exec_find(member, args->serial);
	if (!exec)
		return -ENOMSG;
	ret = -E2BIG;
	if (args->payload.size > exec->room || (args->payload.nr_handles && !exec->handles))
		goto put;
	payload = fusion_payload_from_user(member, &args->payload);
	ret = PTR_ERR_OR_ZERO(payload);
	if (ret)
		goto put;
	if (!fusion_exec_end(exec, 0, args->result, payload)) {
		fusion_payload_put(payload);
		ret = -ENOMSG;
	}
put:
	fusion_exec_put(exec);
	return ret;
}

/**
 * fusion_call_reply - DRM_IOCTL_FUSION_CALL_REPLY
 * @member: active member, the handler
 * @data: struct drm_fusion_call_reply
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -ENOMSG, -E2BIG, -EMSGSIZE, -EFAULT, -ENOENT for a handle that the
 * member does not have, -ENOMEM. Only after 0 and -ENOMSG it cannot be tried again.
 */
int fusion_call_reply(struct fusion_member *member, void *data)
{
	return reply(member, data);
}

/**
 * fusion_receive - DRM_IOCTL_FUSION_RECEIVE
 * @member: active member
 * @data: struct drm_fusion_receive
 *
 * Context: sleeps.
 * Return: 0, -EINVAL, -EUSERS; an error of the reply, which was not given then, or of the
 * messages: -ETIMEDOUT, -EMSGSIZE, -EFAULT, -ENOMEM, -ERESTARTSYS, -ESHUTDOWN.
 */
int fusion_receive(struct fusion_member *member, void *data)
{
	struct drm_fusion_receive *args = data;
	struct fusion_thread *reader;
	ssize_t ret;

	args->used = 0;
	if (args->flags)
		return -EINVAL;
	reader = fusion_thread_current(member);
	if (IS_ERR(reader))
		return PTR_ERR(reader);
	if (args->reply.serial) {
		ret = reply(member, &args->reply);
		args->reply_error = -ret;
		if (ret && ret != -ENOMSG)
			goto put;
		/* Not again when a signal has interrupted what follows. */
		args->reply.serial = 0;
	}
	ret = fusion_queue_read(reader, u64_to_user_ptr(args->buffer), args->size,
				max_t(s64, args->timeout, 0));
	if (ret > 0)
		args->used = ret;
	ret = ret == -EAGAIN ? -ETIMEDOUT : min_t(ssize_t, ret, 0);
put:
	fusion_thread_put(reader);
	return ret;
}
