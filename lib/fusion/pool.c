// SPDX-License-Identifier: GPL-2.0
/*
 * Pools, mapped where the world wants them.
 *
 * The whole range of addresses is taken when a pool is opened, by a mapping that cannot be
 * touched, so that nothing else comes there before the pool has grown. Segments are put
 * over it. A mapping keeps its memory, so no GEM handle is kept.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "private.h"

/**
 * struct fusion_pool - a handle
 * @fusion: member
 * @id: number
 * @memory: the range of addresses
 * @max_size: of it
 * @lock: protects what follows
 * @nr_segments: how many are mapped, the first ones
 * @size: bytes that are mapped
 */
struct fusion_pool {
	struct fusion *fusion;
	uint32_t id;
	char *memory;
	uint64_t max_size;
	pthread_mutex_t lock;
	uint32_t nr_segments;
	uint64_t size;
};

/* Maps the next segment: 1, or 0 if there is none. */
static int map_next(struct fusion_pool *pool)
{
	struct drm_fusion_pool_segment segment;
	struct drm_fusion_pool_segments args = {
		.id = pool->id, .first = pool->nr_segments, .count = 1,
		.segments = (uintptr_t)&segment,
	};
	int ret = fusion_request(pool->fusion, DRM_IOCTL_FUSION_POOL_SEGMENTS, &args);
	void *memory;

	if (ret || !args.count)
		return ret;
	ret = fusion_map(pool->fusion, segment.handle, pool->memory + segment.offset,
			 segment.size, MAP_FIXED, &memory);
	fusion_buffer_close(pool->fusion, segment.handle);
	if (ret)
		return ret;
	pool->nr_segments++;
	__atomic_store_n(&pool->size, segment.offset + segment.size, __ATOMIC_RELEASE);
	return 1;
}

EXPORTED int fusion_pool_update(struct fusion_pool *pool)
{
	int ret;

	pthread_mutex_lock(&pool->lock);
	do {
		ret = map_next(pool);
	} while (ret > 0);
	pthread_mutex_unlock(&pool->lock);
	return ret;
}

EXPORTED int fusion_pool_open(struct fusion *fusion, uint32_t id, struct fusion_pool **out)
{
	struct drm_fusion_pool_segments args = { .id = id };
	struct fusion_pool *pool;
	void *wanted;
	int ret;

	ret = fusion_request(fusion, DRM_IOCTL_FUSION_POOL_SEGMENTS, &args);
	if (ret)
		return ret;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->fusion = fusion;
	pool->id = id;
	pool->max_size = args.max_size;
	wanted = (void *)(uintptr_t)args.address;
	pool->memory = mmap(wanted, pool->max_size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			    -1, 0);
	if (pool->memory == MAP_FAILED) {
		ret = -errno;
		free(pool);
		return ret;
	}
	pthread_mutex_init(&pool->lock, NULL);
	ret = fusion_pool_update(pool);
	if (ret)
		fusion_pool_close(pool);
	else
		*out = pool;
	return ret;
}

EXPORTED int fusion_pool_create(struct fusion *fusion, const char *name, uint64_t max_size,
				struct fusion_pool **pool)
{
	uint32_t id;
	int ret = fusion_object(fusion, DRM_FUSION_POOL, max_size, name, &id, NULL);

	if (ret)
		return ret;
	ret = fusion_pool_open(fusion, id, pool);
	if (ret)
		fusion_destroy(fusion, DRM_FUSION_POOL, id);
	return ret;
}

EXPORTED void fusion_pool_close(struct fusion_pool *pool)
{
	if (!pool)
		return;
	munmap(pool->memory, pool->max_size);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

EXPORTED int fusion_pool_destroy(struct fusion_pool *pool)
{
	return fusion_destroy(pool->fusion, DRM_FUSION_POOL, pool->id);
}

EXPORTED uint32_t fusion_pool_id(const struct fusion_pool *pool)
{
	return pool->id;
}

EXPORTED int fusion_pool_grow(struct fusion_pool *pool, uint64_t size)
{
	struct drm_fusion_pool_grow args = { .id = pool->id, .size = size };
	int ret = fusion_request(pool->fusion, DRM_IOCTL_FUSION_POOL_GROW, &args);

	return ret ? ret : fusion_pool_update(pool);
}

EXPORTED void *fusion_pool_address(const struct fusion_pool *pool)
{
	return pool->memory;
}

EXPORTED uint64_t fusion_pool_size(const struct fusion_pool *pool)
{
	return __atomic_load_n(&pool->size, __ATOMIC_ACQUIRE);
}
