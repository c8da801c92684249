// SPDX-License-Identifier: GPL-2.0
/*
 * Worlds and members. See libdrm_fusion.h for what the functions promise.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include "private.h"

/* The only place that calls the kernel with a request. */
static int restart_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int fusion_request(struct fusion *fusion, unsigned long request, void *arg)
{
	if (fusion->forks != fusion_forks)
		return -EPERM;
	return restart_ioctl(fusion->fd, request, arg);
}

int fusion_name(uint8_t *to, const char *name)
{
	size_t length = strnlen(name, DRM_FUSION_NAME_LEN);

	if (length == DRM_FUSION_NAME_LEN)
		return -EINVAL;
	memcpy(to, name, length);
	memset(to + length, 0, DRM_FUSION_NAME_LEN - length);
	return 0;
}

static bool is_fusion(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool ret = version && !strcmp(version->name, "fusion");

	drmFreeVersion(version);
	return ret;
}

/* There is one render node of fusion, somewhere among those of the graphics cards. */
static int open_node(void)
{
	char path[sizeof(DRM_DIR_NAME) + NAME_MAX + 1];
	struct dirent *entry;
	int fd, ret = -ENODEV;
	DIR *dir;

	dir = opendir(DRM_DIR_NAME);
	if (!dir)
		return errno == ENOENT ? -ENODEV : -errno;
	while (ret < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "renderD", strlen("renderD")))
			continue;
		snprintf(path, sizeof(path), DRM_DIR_NAME "/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			ret = errno == EACCES || errno == EPERM ? -EACCES : ret;
			continue;
		}
		if (is_fusion(fd))
			ret = fd;
		else
			close(fd);
	}
	closedir(dir);
	return ret;
}

static int map_windows(struct fusion *fusion)
{
	struct drm_fusion_world_info info;
	int ret = restart_ioctl(fusion->fd, DRM_IOCTL_FUSION_WORLD_INFO, &info);
	void *window;

	if (ret)
		return ret;
	fusion->member = info.member;
	window = mmap(NULL, info.state_size, PROT_READ | PROT_WRITE, MAP_SHARED, fusion->fd,
		      DRM_FUSION_MMAP_WORLD);
	if (window == MAP_FAILED)
		return -errno;
	fusion->world_window = window;
	fusion->world_size = info.state_size;
	window = mmap(NULL, info.own_size, PROT_READ | PROT_WRITE, MAP_SHARED, fusion->fd,
		      DRM_FUSION_MMAP_MEMBER);
	if (window == MAP_FAILED)
		return -errno;
	fusion->own_window = window;
	fusion->own_size = info.own_size;
	return 0;
}

static void unmap_windows(struct fusion *fusion)
{
	if (fusion->own_window)
		munmap(fusion->own_window, fusion->own_size);
	if (fusion->world_window)
		munmap(fusion->world_window, fusion->world_size);
}

/* Opens the render node and makes it a member by @request. */
static int become_member(struct fusion **out, unsigned long request, void *arg)
{
	static uint64_t last_serial;
	struct fusion *fusion = calloc(1, sizeof(*fusion));
	int ret;

	if (!fusion)
		return -ENOMEM;
	ret = open_node();
	if (ret < 0)
		goto err_free;
	fusion->fd = ret;
	fusion->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
	fusion->forks = fusion_forks;
	fusion->refs = 1;
	pthread_mutex_init(&fusion->lock, NULL);
	ret = restart_ioctl(fusion->fd, request, arg);
	if (ret)
		goto err_close;
	ret = map_windows(fusion);
	if (ret)
		goto err_unmap;
	*out = fusion;
	return 0;

err_unmap:
	unmap_windows(fusion);
err_close:
	close(fusion->fd);
	pthread_mutex_destroy(&fusion->lock);
err_free:
	free(fusion);
	return ret;
}

EXPORTED int fusion_create(struct fusion **fusion, const struct drm_fusion_world_create *args)
{
	struct drm_fusion_world_create copy = *args;

	return become_member(fusion, DRM_IOCTL_FUSION_WORLD_CREATE, &copy);
}

EXPORTED int fusion_join(struct fusion **fusion, int world, const char *name)
{
	struct drm_fusion_world_join args = { .fd = world };
	int ret = fusion_name(args.member_name, name);

	return ret ? ret : become_member(fusion, DRM_IOCTL_FUSION_WORLD_JOIN, &args);
}

void fusion_put(struct fusion *fusion)
{
	bool last;

	pthread_mutex_lock(&fusion->lock);
	last = !--fusion->refs;
	pthread_mutex_unlock(&fusion->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&fusion->lock);
	free(fusion);
}

EXPORTED void fusion_leave(struct fusion *fusion)
{
	if (!fusion)
		return;
	/* A child has the descriptor, but neither the windows nor the member. */
	if (fusion->forks == fusion_forks) {
		restart_ioctl(fusion->fd, DRM_IOCTL_FUSION_WORLD_LEAVE, NULL);
		unmap_windows(fusion);
	}
	pthread_mutex_lock(&fusion->lock);
	fusion->left = true;
	close(fusion->fd);
	pthread_mutex_unlock(&fusion->lock);
	fusion_put(fusion);
}

EXPORTED int fusion_export(struct fusion *fusion)
{
	struct drm_fusion_world_export args = { .fd = -1 };
	int ret = fusion_request(fusion, DRM_IOCTL_FUSION_WORLD_EXPORT, &args);

	return ret ? ret : args.fd;
}

EXPORTED int fusion_info(struct fusion *fusion, struct drm_fusion_world_info *info)
{
	return fusion_request(fusion, DRM_IOCTL_FUSION_WORLD_INFO, info);
}

EXPORTED int fusion_query(struct fusion *fusion, struct drm_fusion_query *query)
{
	return fusion_request(fusion, DRM_IOCTL_FUSION_QUERY, query);
}

EXPORTED int fusion_fd(struct fusion *fusion)
{
	return fusion->fd;
}

EXPORTED uint32_t fusion_member_id(struct fusion *fusion)
{
	return fusion->member;
}

/* objects of all kinds */

int fusion_object(struct fusion *fusion, uint32_t type, uint64_t arg, const char *name,
		  uint32_t *id, uint64_t *offset)
{
	struct drm_fusion_object_create args = { .type = type, .arg = arg };
	int ret = fusion_name(args.name, name);

	if (ret)
		return ret;
	ret = fusion_request(fusion, DRM_IOCTL_FUSION_OBJECT_CREATE, &args);
	if (ret)
		return ret;
	*id = args.id;
	if (offset)
		*offset = args.offset;
	return 0;
}

int fusion_object_info(struct fusion *fusion, uint32_t type, uint32_t id,
		       struct drm_fusion_query_object *info)
{
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_OBJECTS, .type = type, .after = id - 1, .count = 1,
		.records = (uintptr_t)info,
	};
	int ret;

	if (!id)
		return -ENOENT;
	ret = fusion_request(fusion, DRM_IOCTL_FUSION_QUERY, &args);
	if (ret)
		return ret;
	return args.count && info->id == id ? 0 : -ENOENT;
}

EXPORTED int fusion_rename(struct fusion *fusion, uint32_t type, uint32_t id, const char *name)
{
	struct drm_fusion_object_name args = { .type = type, .id = id };
	int ret = fusion_name(args.name, name);

	return ret ? ret : fusion_request(fusion, DRM_IOCTL_FUSION_OBJECT_NAME, &args);
}

EXPORTED int fusion_destroy(struct fusion *fusion, uint32_t type, uint32_t id)
{
	struct drm_fusion_object args = { .type = type, .id = id };

	return fusion_request(fusion, DRM_IOCTL_FUSION_OBJECT_DESTROY, &args);
}
