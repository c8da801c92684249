// SPDX-License-Identifier: GPL-2.0
/*
 * What tests of buffers and pools share, see buffers.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include "buffers.h"

uint32_t buffer_new(int fd, uint64_t size)
{
	struct drm_fusion_buffer_create args = { .size = size };

	do_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_CREATE, &args);
	assert_int_equal(args.size, (size + 4095) / 4096 * 4096);
	assert_int_not_equal(args.handle, 0);
	return args.handle;
}

int try_share(int fd, uint32_t handle, uint32_t *id)
{
	struct drm_fusion_buffer_share args = { .handle = handle, .name = "buffer" };
	int ret = try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_SHARE, &args);

	*id = args.id;
	return ret;
}

uint32_t buffer_share(int fd, uint32_t handle)
{
	uint32_t id;

	assert_int_equal(try_share(fd, handle, &id), 0);
	assert_int_not_equal(id, 0);
	return id;
}

int try_open_buffer(int fd, uint32_t id, uint32_t *handle)
{
	struct drm_fusion_buffer_share args = { .id = id };
	int ret = try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_OPEN, &args);

	*handle = args.handle;
	return ret;
}

uint32_t buffer_open(int fd, uint32_t id)
{
	uint32_t handle;

	assert_int_equal(try_open_buffer(fd, id, &handle), 0);
	return handle;
}

void handle_close(int fd, uint32_t handle)
{
	assert_int_equal(drmCloseBufferHandle(fd, handle), 0);
}

void *try_map(int fd, uint32_t handle, size_t size, int prot)
{
	struct drm_fusion_buffer_mmap args = { .handle = handle };

	do_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_MMAP, &args);
	return mmap(NULL, size, prot, MAP_SHARED, fd, (off_t)args.offset);
}

void *buffer_map(int fd, uint32_t handle, size_t size)
{
	void *p = try_map(fd, handle, size, PROT_READ | PROT_WRITE);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

int prime_export(int fd, uint32_t handle)
{
	int dmabuf, high;

	assert_int_equal(drmPrimeHandleToFD(fd, handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf), 0);
	high = fcntl(dmabuf, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(high >= 0);
	close(dmabuf);
	return high;
}

uint32_t prime_import(int fd, int dmabuf)
{
	uint32_t handle;

	assert_int_equal(drmPrimeFDToHandle(fd, dmabuf, &handle), 0);
	return handle;
}
