// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers. They are known by GEM handles, so libdrm can be used with them as well.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <xf86drm.h>

#include "private.h"

EXPORTED int fusion_buffer_create(struct fusion *fusion, uint64_t size, uint32_t *handle)
{
	struct drm_fusion_buffer_create args = { .size = size };
	int ret = fusion_request(fusion, DRM_IOCTL_FUSION_BUFFER_CREATE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}

/* @at: where, or NULL for anywhere. Flags as for mmap(). */
int fusion_map(struct fusion *fusion, uint32_t handle, void *at, size_t size, int flags,
	       void **memory)
{
	struct drm_fusion_buffer_mmap args = { .handle = handle };
	int ret = fusion_request(fusion, DRM_IOCTL_FUSION_BUFFER_MMAP, &args);
	void *p;

	if (ret)
		return ret;
	p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fusion->fd,
		 (off_t)args.offset);
	if (p == MAP_FAILED)
		return -errno;
	*memory = p;
	return 0;
}

EXPORTED int fusion_buffer_map(struct fusion *fusion, uint32_t handle, size_t size, void **memory)
{
	return fusion_map(fusion, handle, NULL, size, 0, memory);
}

EXPORTED int fusion_buffer_share(struct fusion *fusion, uint32_t handle, const char *name,
				 uint32_t *id)
{
	struct drm_fusion_buffer_share args = { .handle = handle };
	int ret = fusion_name(args.name, name);

	if (!ret)
		ret = fusion_request(fusion, DRM_IOCTL_FUSION_BUFFER_SHARE, &args);
	if (!ret)
		*id = args.id;
	return ret;
}

EXPORTED int fusion_buffer_open(struct fusion *fusion, uint32_t id, uint32_t *handle,
				uint64_t *size)
{
	struct drm_fusion_buffer_share args = { .id = id };
	int ret = fusion_request(fusion, DRM_IOCTL_FUSION_BUFFER_OPEN, &args);

	if (ret)
		return ret;
	*handle = args.handle;
	if (size)
		*size = args.size;
	return 0;
}

EXPORTED int fusion_buffer_close(struct fusion *fusion, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return fusion_request(fusion, DRM_IOCTL_GEM_CLOSE, &args);
}

EXPORTED int fusion_buffer_export(struct fusion *fusion, uint32_t handle)
{
	struct drm_prime_handle args = {
		.handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1,
	};
	int ret = fusion_request(fusion, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

EXPORTED int fusion_buffer_import(struct fusion *fusion, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = fusion_request(fusion, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}
