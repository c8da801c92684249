// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of the render node: each one is checked here for what DRM does not check,
 * and done by the engine.
 *
 * drm_ioctl() copies the argument, fills up a shorter one with zeros, and copies it back
 * also when the request failed.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>
#include "drm-front.h"

/* A request of a member, which stays active until it is done. */
static int as_member(struct drm_file *drm,
		     int (*request)(struct fusion_member *member, void *data), void *data)
{
	struct fusion_member *member = fusion_file_enter(drm->driver_priv, false);
	int ret;

	if (IS_ERR(member))
		return PTR_ERR(member);
	ret = request(member, data);
	fusion_member_exit(member);
	return ret;
}

static int get_param(struct drm_device *dev, void *data, struct drm_file *drm)
{
	struct drm_fusion_get_param *args = data;

	switch (args->param) {
	case DRM_FUSION_PARAM_FEATURES:
		args->value = DRM_FUSION_FEATURE_WORLD | fusion_types_known();
		break;
	case DRM_FUSION_PARAM_MAX_MEMBERS:
		args->value = FUSION_MAX_MEMBERS;
		break;
	case DRM_FUSION_PARAM_MAX_OBJECTS:
		args->value = FUSION_MAX_OBJECTS;
		break;
	case DRM_FUSION_PARAM_MAX_MEMORY:
		args->value = FUSION_MAX_MEMORY;
		break;
	case DRM_FUSION_PARAM_MAX_PAYLOAD:
		args->value = DRM_FUSION_MAX_PAYLOAD;
		break;
	default:
		return -EINVAL;
	}
	return 0;
}

static int world_create(struct drm_device *dev, void *data, struct drm_file *drm)
{
	struct drm_fusion_world_create *args = data;
	struct fusion_world *world = fusion_world_create(args);
	int ret;

	if (IS_ERR(world))
		return PTR_ERR(world);
	ret = fusion_file_join(drm->driver_priv, world, args->member_name, &args->member);
	fusion_world_put(world);
	return ret;
}

static int world_join(struct drm_device *dev, void *data, struct drm_file *drm)
{
	struct drm_fusion_world_join *args = data;
	struct fusion_world *world;
	int ret;

	if (args->flags || args->pad)
		return -EINVAL;
	world = fusion_world_from_fd(args->fd);
	if (IS_ERR(world))
		return PTR_ERR(world);
	ret = fusion_file_join(drm->driver_priv, world, args->member_name, &args->member);
	fusion_world_put(world);
	return ret;
}

static int world_leave(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return fusion_file_leave(drm->driver_priv);
}

static int world_export(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_world_export, data);
}

static int world_info(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_world_info, data);
}

static int query(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_query, data);
}

static int thread(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_thread_request, data);
}

static int object_create(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_object_create, data);
}

static int object_destroy(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_object_destroy, data);
}

static int object_name(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_object_rename, data);
}

static int message_send(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_message_send, data);
}

static int skirmish_lock(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_skirmish_lock, data);
}

static int skirmish_unlock(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_skirmish_unlock, data);
}

static int skirmish_wait(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_skirmish_wait, data);
}

static int skirmish_notify(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_skirmish_notify, data);
}

static int skirmish_consistent(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_skirmish_consistent, data);
}

static int buffer_create(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_buffer_create, data);
}

static int buffer_mmap(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_gem_offset, data);
}

static int buffer_share(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_buffer_share, data);
}

static int buffer_open(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_buffer_open, data);
}

static int pool_grow(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_pool_grow, data);
}

static int pool_segments(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_pool_segments, data);
}

static int reactor_attach(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_reactor_attach, data);
}

static int reactor_detach(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_reactor_detach, data);
}

static int reactor_dispatch(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_reactor_dispatch, data);
}

static int call_execute(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_call_execute, data);
}

static int call_reply(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_call_reply, data);
}

static int receive(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_receive, data);
}

static int ref_attach(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_attach, data);
}

static int ref_count(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_count, data);
}

static int ref_zero_lock(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_zero_lock, data);
}

static int ref_unlock(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_zero_unlock, data);
}

static int ref_watch(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_watch, data);
}

static int ref_inherit(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_inherit, data);
}

static int ref_throw(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_throw, data);
}

static int ref_catch(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_catch, data);
}

static int ref_stat(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_ref_stat, data);
}

static int property_take(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_property_take, data);
}

static int property_cede(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_property_cede, data);
}

static int property_holdup(struct drm_device *dev, void *data, struct drm_file *drm)
{
	return as_member(drm, fusion_property_holdup, data);
}

#define REQUEST(name, function) DRM_IOCTL_DEF_DRV(FUSION_##name, function, DRM_RENDER_ALLOW)

const struct drm_ioctl_desc fusion_ioctls[] = {
	REQUEST(GET_PARAM, get_param),
	REQUEST(WORLD_CREATE, world_create),
	REQUEST(WORLD_EXPORT, world_export),
	REQUEST(WORLD_JOIN, world_join),
	REQUEST(WORLD_LEAVE, world_leave),
	REQUEST(WORLD_INFO, world_info),
	REQUEST(QUERY, query),
	REQUEST(THREAD, thread),
	REQUEST(OBJECT_CREATE, object_create),
	REQUEST(OBJECT_DESTROY, object_destroy),
	REQUEST(OBJECT_NAME, object_name),
	REQUEST(MESSAGE_SEND, message_send),
	REQUEST(SKIRMISH_LOCK, skirmish_lock),
	REQUEST(SKIRMISH_UNLOCK, skirmish_unlock),
	REQUEST(SKIRMISH_WAIT, skirmish_wait),
	REQUEST(SKIRMISH_NOTIFY, skirmish_notify),
	REQUEST(SKIRMISH_CONSISTENT, skirmish_consistent),
	REQUEST(REACTOR_ATTACH, reactor_attach),
	REQUEST(REACTOR_DETACH, reactor_detach),
	REQUEST(REACTOR_DISPATCH, reactor_dispatch),
	REQUEST(BUFFER_CREATE, buffer_create),
	REQUEST(BUFFER_MMAP, buffer_mmap),
	REQUEST(BUFFER_SHARE, buffer_share),
	REQUEST(BUFFER_OPEN, buffer_open),
	REQUEST(POOL_GROW, pool_grow),
	REQUEST(POOL_SEGMENTS, pool_segments),
	REQUEST(CALL_EXECUTE, call_execute),
	REQUEST(CALL_REPLY, call_reply),
	REQUEST(RECEIVE, receive),
	REQUEST(REF_ATTACH, ref_attach),
	REQUEST(REF_COUNT, ref_count),
	REQUEST(REF_ZERO_LOCK, ref_zero_lock),
	REQUEST(REF_UNLOCK, ref_unlock),
	REQUEST(REF_WATCH, ref_watch),
	REQUEST(REF_INHERIT, ref_inherit),
	REQUEST(REF_THROW, ref_throw),
	REQUEST(REF_CATCH, ref_catch),
	REQUEST(REF_STAT, ref_stat),
	REQUEST(PROPERTY_TAKE, property_take),
	REQUEST(PROPERTY_CEDE, property_cede),
	REQUEST(PROPERTY_HOLDUP, property_holdup),
};

const int fusion_nr_ioctls = ARRAY_SIZE(fusion_ioctls);

/*
 * The requests that a lock, a count, a call or a dispatch consists of, without what
 * drm_ioctl() does for all drivers: its lookups, messages and buffer of any size cost more
 * than some of them. What matters of it is the same: the device is there, the argument is
 * copied, and copied back also when the request failed. DRM_RENDER_ALLOW alone lets every
 * client pass, so there is no permission to check. A command is matched as a whole, with the
 * size of its argument: any other size, and all from 32-bit programs, go through drm_ioctl().
 */
static __always_inline long at_once(struct file *fp, unsigned int cmd, void __user *user,
				    int (*request)(struct fusion_member *member, void *data),
				    void *data, size_t size)
{
	struct drm_file *drm = fp->private_data;
	long ret;

	if (drm_dev_is_unplugged(drm->minor->dev))
		return -ENODEV;
	if (copy_from_user(data, user, size))
		return -EFAULT;
	ret = as_member(drm, request, data);
	if (_IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, data, size))
		return -EFAULT;
	return ret;
}

/**
 * fusion_ioctl - requests on the node
 * @fp: open file
 * @cmd: request
 * @arg: address of its argument
 *
 * Context: sleeps.
 * Return: 0 or a negative errno.
 */
long fusion_ioctl(struct file *fp, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union {
		struct drm_fusion_skirmish_lock lock;
		struct drm_fusion_skirmish_op unlock;
		struct drm_fusion_ref_count count;
		struct drm_fusion_reactor_dispatch dispatch;
		struct drm_fusion_call_execute execute;
		struct drm_fusion_call_reply reply;
		struct drm_fusion_receive receive;
	} a;

	switch (cmd) {
	case DRM_IOCTL_FUSION_SKIRMISH_LOCK:
		return at_once(fp, cmd, user, fusion_skirmish_lock, &a, sizeof(a.lock));
	case DRM_IOCTL_FUSION_SKIRMISH_UNLOCK:
		return at_once(fp, cmd, user, fusion_skirmish_unlock, &a, sizeof(a.unlock));
	case DRM_IOCTL_FUSION_REF_COUNT:
		return at_once(fp, cmd, user, fusion_ref_count, &a, sizeof(a.count));
	case DRM_IOCTL_FUSION_REACTOR_DISPATCH:
		return at_once(fp, cmd, user, fusion_reactor_dispatch, &a, sizeof(a.dispatch));
	case DRM_IOCTL_FUSION_CALL_EXECUTE:
		return at_once(fp, cmd, user, fusion_call_execute, &a, sizeof(a.execute));
	case DRM_IOCTL_FUSION_CALL_REPLY:
		return at_once(fp, cmd, user, fusion_call_reply, &a, sizeof(a.reply));
	case DRM_IOCTL_FUSION_RECEIVE:
		return at_once(fp, cmd, user, fusion_receive, &a, sizeof(a.receive));
	default:
		return drm_ioctl(fp, cmd, arg);
	}
}
