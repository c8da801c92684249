// SPDX-License-Identifier: GPL-2.0
/*
 * Data and buffers on their way from one member to others: copied from the sender once,
 * whatever the number of receivers, and charged to the world until the last one has it.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "fusion.h"

static void put_buffers(struct fusion_payload *payload)
{
	while (payload->nr_buffers)
		payload->front->put(payload->buffers[--payload->nr_buffers]);
}

static int get_buffers(struct fusion_payload *payload, struct fusion_member *member,
		       const struct drm_fusion_payload *args)
{
	u32 handles[DRM_FUSION_MAX_HANDLES];
	void *buffer;
	u32 i;

	if (copy_from_user(handles, u64_to_user_ptr(args->handles),
			   args->nr_handles * sizeof(handles[0])))
		return -EFAULT;
	for (i = 0; i < args->nr_handles; i++) {
		buffer = payload->front->get(member, handles[i]);
		if (IS_ERR(buffer))
			return PTR_ERR(buffer);
		payload->buffers[payload->nr_buffers++] = buffer;
	}
	return 0;
}

/**
 * fusion_payload_from_user - take what a member sends
 * @member: active member
 * @args: where it is
 *
 * Context: sleeps.
 * Return: the payload, or NULL if there is neither data nor a handle, or ERR_PTR(-EMSGSIZE)
 * if it is too much, ERR_PTR(-EFAULT), ERR_PTR(-ENOMEM), ERR_PTR(-ENOENT) for a handle that
 * the member does not have.
 */
struct fusion_payload *fusion_payload_from_user(struct fusion_member *member,
						const struct drm_fusion_payload *args)
{
	struct fusion_payload *payload;
	size_t data, bytes;
	int ret;

	if (args->size > DRM_FUSION_MAX_PAYLOAD || args->nr_handles > DRM_FUSION_MAX_HANDLES)
		return ERR_PTR(-EMSGSIZE);
	if (!args->size && !args->nr_handles)
		return NULL;
	data = ALIGN(args->size, sizeof(void *));
	bytes = struct_size(payload, data, data) + args->nr_handles * sizeof(void *);
	ret = fusion_world_charge(member->world, bytes);
	if (ret)
		return ERR_PTR(ret);
	payload = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!payload) {
		fusion_world_uncharge(member->world, bytes);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&payload->refs, 1);
	fusion_world_get(member->world);
	payload->world = member->world;
	payload->front = member->front;
	payload->charged = bytes;
	payload->size = args->size;
	payload->nr_buffers = 0;
	payload->buffers = (void **)(payload->data + data);

	ret = -EFAULT;
	if (!copy_from_user(payload->data, u64_to_user_ptr(args->data), args->size))
		ret = args->nr_handles ? get_buffers(payload, member, args) : 0;
	if (ret) {
		fusion_payload_put(payload);
		return ERR_PTR(ret);
	}
	return payload;
}

/**
 * fusion_payload_get - take a reference for one more message
 * @payload: payload, or NULL
 */
void fusion_payload_get(struct fusion_payload *payload)
{
	if (payload)
		refcount_inc(&payload->refs);
}

/**
 * fusion_payload_put - drop a reference
 * @payload: payload, or NULL
 *
 * Context: may sleep.
 */
void fusion_payload_put(struct fusion_payload *payload)
{
	if (!payload || !refcount_dec_and_test(&payload->refs))
		return;
	put_buffers(payload);
	fusion_world_uncharge(payload->world, payload->charged);
	fusion_world_put(payload->world);
	kvfree(payload);
}

/**
 * fusion_payload_install - give a member handles of the buffers
 * @member: the receiver
 * @payload: payload, or NULL
 * @handles: room for DRM_FUSION_MAX_HANDLES numbers
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM: then it has got none.
 */
int fusion_payload_install(struct fusion_member *member, struct fusion_payload *payload,
			   u32 *handles)
{
	u32 i, nr = payload ? payload->nr_buffers : 0;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = member->front->install(member, payload->buffers[i], &handles[i]);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	while (i--)
		member->front->remove(member, handles[i]);
	return ret;
}

/**
 * fusion_payload_remove - take handles back that the member never learnt
 * @member: the receiver
 * @payload: payload, or NULL
 * @handles: what fusion_payload_install() gave
 *
 * Context: sleeps.
 */
void fusion_payload_remove(struct fusion_member *member, struct fusion_payload *payload,
			   const u32 *handles)
{
	u32 i, nr = payload ? payload->nr_buffers : 0;

	for (i = 0; i < nr; i++)
		member->front->remove(member, handles[i]);
}
