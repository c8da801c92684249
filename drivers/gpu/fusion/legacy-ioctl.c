// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the legacy devices: found by type and number, checked, and handed on.
 *
 * The argument is copied from user space once. The id in it, the permission for that entry
 * and what is done with it come from that one copy, and the entry that was checked is the
 * one that the request gets.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include "legacy.h"

/* By the type in the value of a request. */
const struct fusion_legacy_type *const fusion_legacy_types[FUSION_LEGACY_TYPES] = {
	[FT_LOUNGE] = &fusion_legacy_lounge,
	[FT_MESSAGING] = &fusion_legacy_messaging,
	[FT_CALL] = &fusion_legacy_call,
	[FT_REF] = &fusion_legacy_ref,
	[FT_SKIRMISH] = &fusion_legacy_skirmish,
	[FT_PROPERTY] = &fusion_legacy_property,
	[FT_REACTOR] = &fusion_legacy_reactor,
	[FT_SHMPOOL] = &fusion_legacy_shmpool,
};

/**
 * fusion_legacy_errno - what the old interface says for an error of the engine
 * @ret: result, perhaps an error
 *
 * Return: @ret, or the error that takes its place.
 */
int fusion_legacy_errno(int ret)
{
	switch (ret) {
	case -ERESTARTSYS:
		return -EINTR;
	case -ENOENT:
		return -EINVAL;
	case -ESHUTDOWN:
	case -EPIPE:
		return -EIDRM;
	default:
		return ret;
	}
}

static const struct fusion_legacy_request *find_request(unsigned int cmd)
{
	const struct fusion_legacy_type *type;
	const struct fusion_legacy_request *request;
	unsigned int nr = _IOC_NR(cmd);

	if (_IOC_TYPE(cmd) >= FUSION_LEGACY_TYPES)
		return NULL;
	type = fusion_legacy_types[array_index_nospec(_IOC_TYPE(cmd), FUSION_LEGACY_TYPES)];
	if (!type || nr >= type->nr_requests)
		return NULL;
	request = &type->requests[array_index_nospec(nr, type->nr_requests)];
	return request->run ? request : NULL;
}

static bool names_entry(unsigned int cmd, const struct fusion_legacy_request *request)
{
	return fusion_legacy_types[_IOC_TYPE(cmd)]->class && !(request->flags & FUSION_LEGACY_NEW);
}

/* The caller is active. */
static int run_inside(struct fusion_legacy_op *op, unsigned int cmd,
		      const struct fusion_legacy_request *request)
{
	int ret;

	op->thread = fusion_thread_current(op->member);
	if (IS_ERR(op->thread))
		return PTR_ERR(op->thread);
	if (names_entry(cmd, request)) {
		op->object = fusion_legacy_find(op, _IOC_TYPE(cmd), _IOC_NR(cmd),
						*(s32 *)op->data);
		if (IS_ERR(op->object)) {
			ret = PTR_ERR(op->object);
			goto put_thread;
		}
	}
	ret = request->run(op);
	if (op->object)
		fusion_object_put(op->object);
put_thread:
	fusion_thread_put(op->thread);
	return ret;
}

static int run(struct fusion_legacy_op *op, unsigned int cmd,
	       const struct fusion_legacy_request *request)
{
	int ret;

	if (request->flags & FUSION_LEGACY_OUTSIDE)
		return request->run(op);
	op->member = fusion_legacy_file_enter(op->file);
	if (IS_ERR(op->member))
		return PTR_ERR(op->member);
	ret = run_inside(op, cmd, request);
	fusion_member_exit(op->member);
	return ret;
}

/**
 * fusion_legacy_ioctl - all requests
 * @fp: open file of a device
 * @cmd: value; only the type and the number in it count
 * @arg: argument
 *
 * Context: sleeps.
 * Return: what the request says; -ENOSYS for an unknown one, -EFAULT, -EPERM before
 * FUSION_ENTER or without permission, -EINVAL for an unknown id, -EUSERS, -ENOMEM.
 */
long fusion_legacy_ioctl(struct file *fp, unsigned int cmd, unsigned long arg)
{
	const struct fusion_legacy_request *request = find_request(cmd);
	u64 data[FUSION_LEGACY_ARGUMENT / sizeof(u64)] = {};
	struct fusion_legacy_op op = {
		.file = fp->private_data,
		.user = (void __user *)arg,
		.data = data,
	};
	int ret;

	if (!request)
		return -ENOSYS;
	op.world = op.file->world;
	if (copy_from_user(data, op.user, request->size))
		return -EFAULT;
	ret = fusion_legacy_errno(run(&op, cmd, request));
	if (ret >= 0 || request->flags & FUSION_LEGACY_ALWAYS)
		if (copy_to_user(op.user, data, request->back))
			return -EFAULT;
	return ret;
}
