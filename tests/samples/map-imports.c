// SPDX-License-Identifier: GPL-2.0
/*
 * Preload for Mesa's software renderer (kms_swrast) on displays without a GPU.
 *
 * It imports a dma-buf as an EGL image with success, and maps it later with
 * DRM_IOCTL_MODE_MAP_DUMB. The kernel refuses that for all imported buffers (-EINVAL,
 * drm_gem_dumb_map_offset()), and Mesa 22.3 crashes at the first access to the texture.
 * What is imported is a dma-buf that can be mapped by itself, so this library maps that
 * one in place of the handle. Nothing is copied, and a GPU never gets here.
 */

/* mmap() and mmap64() are two symbols here, not one under the name of the other. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm.h>
#include <drm_mode.h>

#define MAX_IMPORTS	64

/* Offsets that the DRM core never gives: it counts pages from 4 GiB on. */
#define OFFSET(i)	(1LL << 52 | (long long)(i) << 32)
#define INDEX(offset)	((offset) >> 32 & 0xfffff)

/* imported buffers; @dmabuf is a duplicate, 0 if the entry is free */
static struct {
	int dmabuf;
	uint32_t handle;
} imports[MAX_IMPORTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* with the lock held; -1 if there is none */
static int find(uint32_t handle)
{
	int i;

	for (i = 0; i < MAX_IMPORTS; i++)
		if (imports[i].dmabuf && imports[i].handle == handle)
			return i;
	return -1;
}

static void forget(uint32_t handle)
{
	int i;

	pthread_mutex_lock(&lock);
	i = find(handle);
	if (i >= 0) {
		close(imports[i].dmabuf);
		imports[i].dmabuf = 0;
	}
	pthread_mutex_unlock(&lock);
}

static void remember(uint32_t handle, int dmabuf)
{
	int i;

	pthread_mutex_lock(&lock);
	if (find(handle) < 0)
		for (i = 0; i < MAX_IMPORTS; i++)
			if (!imports[i].dmabuf) {
				imports[i].dmabuf = fcntl(dmabuf, F_DUPFD_CLOEXEC, 3);
				imports[i].handle = handle;
				break;
			}
	pthread_mutex_unlock(&lock);
}

static int map_import(struct drm_mode_map_dumb *map)
{
	int i;

	pthread_mutex_lock(&lock);
	i = find(map->handle);
	if (i >= 0)
		map->offset = OFFSET(i);
	pthread_mutex_unlock(&lock);
	if (i >= 0)
		return 0;
	errno = EINVAL;
	return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, void *arg);
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!next)
		next = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");

	/* before the handle can be given to somebody else */
	if (request == DRM_IOCTL_GEM_CLOSE)
		forget(((struct drm_gem_close *)arg)->handle);
	else if (request == DRM_IOCTL_MODE_DESTROY_DUMB)
		forget(((struct drm_mode_destroy_dumb *)arg)->handle);

	ret = next(fd, request, arg);
	if (!ret && request == DRM_IOCTL_PRIME_FD_TO_HANDLE)
		remember(((struct drm_prime_handle *)arg)->handle,
			 ((struct drm_prime_handle *)arg)->fd);
	else if (ret && errno == EINVAL && request == DRM_IOCTL_MODE_MAP_DUMB)
		ret = map_import(arg);
	return ret;
}

static void *map(const char *name, void *addr, size_t size, int prot, int flags, int fd,
		 off_t offset)
{
	void *(*next)(void *addr, size_t size, int prot, int flags, int fd, off_t offset);

	next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, name);
	if (offset >> 52 == 1 && INDEX(offset) < MAX_IMPORTS) {
		fd = imports[INDEX(offset)].dmabuf;
		offset = 0;
	}
	return next(addr, size, prot, flags, fd, offset);
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	return map("mmap", addr, size, prot, flags, fd, offset);
}

void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	return map("mmap64", addr, size, prot, flags, fd, offset);
}
