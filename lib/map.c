// SPDX-License-Identifier: GPL-2.0
/*
 * Access to a buffer by the CPU, as a scope that cannot be forgotten. See shrbuf.h for
 * what the functions promise.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "shrbuf.h"

#define MAP_FLAGS	(SHRBUF_MAP_READ | SHRBUF_MAP_WRITE | SHRBUF_MAP_IDLE)

/* Signals and a busy GPU driver interrupt it, and then it has done nothing. */
static int map_sync(const struct shrbuf_map *map, __u64 what)
{
	struct dma_buf_sync sync = { .flags = what };
	int ret;

	if (map->flags & SHRBUF_MAP_READ)
		sync.flags |= DMA_BUF_SYNC_READ;
	if (map->flags & SHRBUF_MAP_WRITE)
		sync.flags |= DMA_BUF_SYNC_WRITE;
	do {
		ret = ioctl(map->fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	return ret < 0 ? -errno : 0;
}

/* Maps, without an access. On failure @map has nothing that must be given back. */
static int map_memory(struct shrbuf_map *map, int buffer_fd, size_t size)
{
	int prot = PROT_READ;
	off_t all;
	int ret;

	map->fd = fcntl(buffer_fd, F_DUPFD_CLOEXEC, 0);
	/* EINVAL: the limit allows no number at all */
	if (map->fd < 0)
		return errno == EINVAL ? -EMFILE : -errno;
	all = lseek(map->fd, 0, SEEK_END);
	/* a pipe or socket says ESPIPE, which is of no help */
	if (all < 0) {
		ret = -ENOTTY;
		goto err;
	}
	if (!size)
		size = all;
	if (!size || size > (__u64)all) {
		ret = -EINVAL;
		goto err;
	}
	if (map->flags & SHRBUF_MAP_WRITE)
		prot |= PROT_WRITE;
	map->addr = mmap(NULL, size, prot, MAP_SHARED, map->fd, 0);
	if (map->addr == MAP_FAILED) {
		ret = -errno;
		goto err;
	}
	map->size = size;
	return 0;

err:
	close(map->fd);
	return ret;
}

int shrbuf_map(int buffer_fd, size_t size, unsigned int flags, struct shrbuf_map *map)
{
	struct shrbuf_map new;
	int ret;

	memset(&new, 0, sizeof(new));
	new.flags = flags;
	if (flags & ~MAP_FLAGS || !(flags & (SHRBUF_MAP_READ | SHRBUF_MAP_WRITE)))
		ret = -EINVAL;
	else
		ret = map_memory(&new, buffer_fd, size);
	if (!ret && !(flags & SHRBUF_MAP_IDLE)) {
		ret = shrbuf_map_begin(&new);
		if (ret) {
			munmap(new.addr, new.size);
			close(new.fd);
		}
	}
	if (ret) {
		/* good for shrbuf_unmap(), which then has nothing to do */
		memset(map, 0, sizeof(*map));
		map->fd = -1;
		map->error = ret;
		return ret;
	}
	*map = new;
	return 0;
}

int shrbuf_map_begin(struct shrbuf_map *map)
{
	int ret = 0;

	if (!map->addr)
		return -EINVAL;
	if (!map->depth)
		ret = map_sync(map, DMA_BUF_SYNC_START);
	if (!ret)
		map->depth++;
	return ret;
}

int shrbuf_map_end(struct shrbuf_map *map)
{
	if (!map->addr || !map->depth)
		return -EINVAL;
	if (--map->depth)
		return 0;
	return map_sync(map, DMA_BUF_SYNC_END);
}

int shrbuf_unmap(struct shrbuf_map *map)
{
	int ret = 0;

	if (!map->addr)
		return 0;
	if (map->depth)
		ret = map_sync(map, DMA_BUF_SYNC_END);
	munmap(map->addr, map->size);
	close(map->fd);
	memset(map, 0, sizeof(*map));
	map->fd = -1;
	return ret;
}

/* for the macros, which have no place for an error but the map */

struct shrbuf_map shrbuf_map_scope(int buffer_fd, unsigned int flags)
{
	struct shrbuf_map map;

	shrbuf_map(buffer_fd, 0, flags, &map);
	return map;
}

void shrbuf_map_scope_end(struct shrbuf_map *map)
{
	shrbuf_unmap(map);
}

struct shrbuf_map *shrbuf_access_scope(struct shrbuf_map *map)
{
	return shrbuf_map_begin(map) ? NULL : map;
}

void shrbuf_access_scope_end(struct shrbuf_map **map)
{
	if (*map)
		shrbuf_map_end(*map);
}
