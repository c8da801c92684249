// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: addresses, growth, and who is told.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffers.h"

#define PAGE	4096ULL
#define MAX	(64 * PAGE)

static int try_pool(int fd, uint64_t max, uint32_t *id, uint64_t *address)
{
	struct drm_fusion_object_create args = {
		.type = DRM_FUSION_POOL, .arg = max, .name = "pool",
	};
	int ret = try_create(fd, &args);

	*id = args.id;
	*address = args.offset;
	return ret;
}

static uint32_t pool_new(int fd, uint64_t max, uint64_t *address)
{
	uint32_t id;

	assert_int_equal(try_pool(fd, max, &id, address), 0);
	return id;
}

static int try_grow(int fd, uint32_t id, uint64_t *size)
{
	struct drm_fusion_pool_grow args = { .id = id, .size = *size };
	int ret = try_ioctl(fd, DRM_IOCTL_FUSION_POOL_GROW, &args);

	*size = args.size;
	return ret;
}

/* size that it has then */
static uint64_t pool_grow(int fd, uint32_t id, uint64_t size)
{
	assert_int_equal(try_grow(fd, id, &size), 0);
	return size;
}

static int try_segments(int fd, struct drm_fusion_pool_segments *args)
{
	return try_ioctl(fd, DRM_IOCTL_FUSION_POOL_SEGMENTS, args);
}

/* maps a segment where the world wants it */
static void *map_segment(int fd, uint32_t id, uint32_t nr)
{
	struct drm_fusion_pool_segment segment;
	struct drm_fusion_pool_segments args = {
		.id = id, .first = nr, .count = 1, .segments = (uintptr_t)&segment,
	};
	struct drm_fusion_buffer_mmap map = {};
	void *wanted;

	assert_int_equal(try_segments(fd, &args), 0);
	assert_int_equal(args.count, 1);
	map.handle = segment.handle;
	do_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_MMAP, &map);
	wanted = (void *)(uintptr_t)(args.address + segment.offset);
	assert_ptr_equal(mmap(wanted, segment.size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED_NOREPLACE, fd, (off_t)map.offset), wanted);
	return wanted;
}

static void wrong_pools(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 4095, 4097, UINT64_MAX, 1ULL << 63,
					  UINT64_MAX - 4095, 1ULL << 36, 1ULL << 37 };
	struct drm_fusion_pool_segments args = { .id = 1 };
	struct drm_fusion_pool_grow grow = { .id = 1 };
	int fd = world_new(0);
	uint64_t address, size;
	uint32_t id;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(try_pool(fd, sizes[i], &id, &address),
				 i < 5 ? -EINVAL : -ENOSPC);
	assert_int_equal(world_info(fd).objects, 0);
	assert_int_equal(try_segments(fd, &args), -ENOENT);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_POOL_GROW, &grow), -ENOENT);
	id = pool_new(fd, MAX, &address);
	args.id = id;
	args.flags = 1;
	assert_int_equal(try_segments(fd, &args), -EINVAL);
	grow.id = id;
	grow.flags = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_POOL_GROW, &grow), -EINVAL);
	size = MAX + 1;
	assert_int_equal(try_grow(fd, id, &size), -ENOSPC);
	size = UINT64_MAX;
	assert_int_equal(try_grow(fd, id, &size), -ENOSPC);
	size = 1ULL << 32;
	assert_int_equal(try_grow(fd, id, &size), -ENOSPC);
	assert_int_equal(size, 1ULL << 32);
	assert_int_equal(world_info(fd).memory, 0);
}

static void growth(void **state)
{
	struct drm_fusion_pool_segment segments[4];
	struct drm_fusion_pool_segments args = {
		.count = 4, .segments = (uintptr_t)segments,
	};
	int fd = world_new(0);
	uint64_t address;

	(void)state;
	args.id = pool_new(fd, MAX, &address);
	assert_int_equal(try_segments(fd, &args), 0);
	assert_int_equal(args.count, 0);
	assert_int_equal(args.size, 0);
	assert_int_equal(args.max_size, MAX);
	assert_int_equal(args.address, address);

	assert_int_equal(pool_grow(fd, args.id, 0), 0);
	assert_int_equal(pool_grow(fd, args.id, 1), PAGE);
	/* it does not shrink, and is not cut where there is nothing to add */
	assert_int_equal(pool_grow(fd, args.id, 7), PAGE);
	assert_int_equal(pool_grow(fd, args.id, 3 * PAGE), 3 * PAGE);
	assert_int_equal(pool_grow(fd, args.id, MAX), MAX);
	assert_int_equal(world_info(fd).memory, MAX);
	assert_int_equal(object_record(fd, DRM_FUSION_POOL, args.id).size, MAX);
	assert_int_equal(object_record(fd, DRM_FUSION_POOL, args.id).count, 3);

	args.first = 1;
	args.count = 4;
	assert_int_equal(try_segments(fd, &args), 0);
	assert_int_equal(args.count, 2);
	assert_int_equal(segments[0].offset, PAGE);
	assert_int_equal(segments[0].size, 2 * PAGE);
	assert_int_equal(segments[1].offset, 3 * PAGE);
	assert_int_equal(segments[1].size, MAX - 3 * PAGE);
	args.first = UINT_MAX;
	args.count = UINT_MAX;
	assert_int_equal(try_segments(fd, &args), 0);
	assert_int_equal(args.count, 0);
	args.first = 0;
	args.count = 1;
	args.segments = 8;
	assert_int_equal(try_segments(fd, &args), -EFAULT);

	assert_int_equal(try_destroy(fd, DRM_FUSION_POOL, args.id), 0);
	assert_int_equal(world_info(fd).memory, 0);
}

static void memory_limit(void **state)
{
	const struct drm_fusion_world_create args = {
		.max_memory = 4 * PAGE, .world_name = "w", .member_name = "m",
	};
	uint64_t address, size = 5 * PAGE;
	int fd = node_open();
	uint32_t id;

	(void)state;
	assert_int_equal(try_world(fd, &args), 0);
	id = pool_new(fd, MAX, &address);
	assert_int_equal(try_grow(fd, id, &size), -ENOMEM);
	assert_int_equal(world_info(fd).memory, 0);
	assert_int_equal(pool_grow(fd, id, 4 * PAGE), 4 * PAGE);
	size = 4 * PAGE + 1;
	assert_int_equal(try_grow(fd, id, &size), -ENOMEM);
}

/* a page at a time: there is an end of it that is no end of memory */
static void many_segments(void **state)
{
	uint64_t address, size = 0;
	int fd = world_new(0), ret;
	uint32_t id = pool_new(fd, 4096 * PAGE, &address);

	(void)state;
	do {
		size += PAGE;
		ret = try_grow(fd, id, &size);
	} while (!ret);
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(size, 1025 * PAGE);
	assert_int_equal(object_record(fd, DRM_FUSION_POOL, id).count, 1024);
}

/* Ranges are inside the window, apart from each other, and used again. */
static void addresses(void **state)
{
	static const uint64_t sizes[] = { PAGE, 1 << 20, 3 << 20, (1 << 20) - PAGE, 1ULL << 30 };
	uint64_t address[ARRAY_SIZE(sizes)], again, end;
	struct drm_fusion_world_info info;
	uint32_t ids[ARRAY_SIZE(sizes)], id;
	int fd = world_new(0);
	size_t i, j;

	(void)state;
	info = world_info(fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ids[i] = pool_new(fd, sizes[i], &address[i]);
		assert_int_equal(address[i] % PAGE, 0);
		assert_true(address[i] >= info.address);
		assert_true(address[i] + sizes[i] < info.address + info.address_size);
		/* with a page between them */
		for (j = 0; j < i; j++)
			assert_true(address[i] + sizes[i] < address[j] ||
				    address[j] + sizes[j] < address[i]);
	}
	assert_int_equal(try_destroy(fd, DRM_FUSION_POOL, ids[2]), 0);
	pool_new(fd, 3 << 20, &again);
	assert_int_equal(again, address[2]);

	/* all of it, but for the page behind the last one */
	end = info.address_size;
	for (i = 0; i < 100; i++)
		if (try_pool(fd, 1ULL << 30, &id, &again))
			break;
	assert_true(i > 60 && i < 64);
	assert_int_equal(try_pool(fd, end - PAGE, &id, &again), -ENOSPC);
	/* other worlds have the same window */
	close(fd);
	fd = world_new(0);
	pool_new(fd, end - PAGE, &again);
	assert_int_equal(again, info.address);
	assert_int_equal(try_pool(fd, PAGE, &id, &again), -ENOSPC);
}

struct chain {
	struct chain *next;
	char text[8];
};

static int follow_pointers(int fd, void *arg)
{
	struct drm_fusion_pool_segments args = { .id = *(uint32_t *)arg };
	struct chain *head, *second;

	if (try_segments(fd, &args))
		return 1;
	/* of another process, at the same place */
	munmap((void *)(uintptr_t)args.address, args.size);
	head = map_segment(fd, args.id, 0);
	second = map_segment(fd, args.id, 1);
	if (head->next != second || strcmp(head->next->text, "second"))
		return 2;
	strcpy(head->text, "done");
	return 0;
}

static void same_address(void **state)
{
	int fd = world_new(0);
	struct chain *head;
	uint64_t address;
	uint32_t id;

	(void)state;
	id = pool_new(fd, MAX, &address);
	pool_grow(fd, id, PAGE);
	pool_grow(fd, id, 4 * PAGE);
	head = map_segment(fd, id, 0);
	assert_ptr_equal(head, (void *)(uintptr_t)address);
	head->next = map_segment(fd, id, 1);
	assert_ptr_equal(head->next, (void *)(uintptr_t)(address + PAGE));
	strcpy(head->next->text, "second");
	member_wait(member_fork(fd, follow_pointers, &id));
	assert_string_equal(head->text, "done");
	munmap(head, 4 * PAGE);
}

static void who_is_told(void **state)
{
	int first = world_new(0), second = member_new(first), third = member_new(first);
	struct drm_fusion_pool_segments args = {};
	struct drm_fusion_event *event;
	uint64_t address;
	char buffer[256];

	(void)state;
	args.id = pool_new(first, MAX, &address);
	assert_int_equal(expect_event(second, DRM_FUSION_EVENT_JOIN)->arg, 3);
	assert_int_equal(try_segments(second, &args), 0);
	assert_int_equal(try_segments(second, &args), 0);
	pool_grow(third, args.id, 2 * PAGE);
	event = expect_event(second, DRM_FUSION_EVENT_POOL);
	assert_int_equal(event->object, args.id);
	assert_int_equal(event->arg, 2 * PAGE);
	/* once, and nobody else; nothing has grown, nobody is told */
	pool_grow(third, args.id, PAGE);
	assert_int_equal(fcntl(second, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(try_read(second, buffer, sizeof(buffer)), -EAGAIN);
	assert_int_equal(fcntl(third, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(try_read(third, buffer, sizeof(buffer)), -EAGAIN);
	/* who leaves is not told, and the pool stays */
	close(second);
	pool_grow(third, args.id, 3 * PAGE);
	assert_int_equal(object_record(third, DRM_FUSION_POOL, args.id).count, 2);
	/* destroyed with users */
	assert_int_equal(try_segments(third, &args), 0);
	assert_int_equal(try_destroy(first, DRM_FUSION_POOL, args.id), 0);
	assert_int_equal(try_segments(third, &args), -ENOENT);
}

static void pool_without_creator(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(first);
	uint64_t address;
	uint32_t id;
	char *p;

	(void)state;
	id = pool_new(first, MAX, &address);
	pool_grow(first, id, PAGE);
	close(first);
	wait_members(second, 1);
	pool_grow(second, id, 2 * PAGE);
	p = map_segment(second, id, 0);
	*p = 1;
	/* a mapping outlives the pool */
	assert_int_equal(try_destroy(second, DRM_FUSION_POOL, id), 0);
	*p = 2;
	munmap(p, PAGE);
}

struct grower {
	int fd;
	uint32_t id;
};

static void *grow_all(void *arg)
{
	struct grower *g = arg;
	uint64_t size;

	thread_without_signals();
	for (size = PAGE; size <= MAX; size += PAGE)
		if (pool_grow(g->fd, g->id, size) < size)
			return "too small";
	return NULL;
}

static void race_of_growth(void **state)
{
	struct drm_fusion_pool_segment segments[MAX / PAGE];
	struct drm_fusion_pool_segments args = {
		.count = ARRAY_SIZE(segments), .segments = (uintptr_t)segments,
	};
	struct grower growers[2];
	pthread_t threads[2];
	uint64_t address, size = 0;
	uint32_t i;
	void *ret;

	(void)state;
	growers[0].fd = world_new(0);
	growers[1].fd = member_new(growers[0].fd);
	growers[0].id = pool_new(growers[0].fd, MAX, &address);
	growers[1].id = growers[0].id;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, grow_all, &growers[i]), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], &ret), 0);
		assert_null(ret);
	}
	args.id = growers[0].id;
	assert_int_equal(try_segments(growers[0].fd, &args), 0);
	/* one behind another, without holes */
	for (i = 0; i < args.count; i++) {
		assert_int_equal(segments[i].offset, size);
		size += segments[i].size;
	}
	assert_int_equal(size, MAX);
	assert_int_equal(world_info(growers[0].fd).memory, MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong_pools),
		FUSION_TEST(growth),
		FUSION_TEST(memory_limit),
		FUSION_TEST(many_segments),
		FUSION_TEST(addresses),
		FUSION_TEST(same_address),
		FUSION_TEST(who_is_told),
		FUSION_TEST(pool_without_creator),
		FUSION_TEST(race_of_growth),
	};

	/* no request here waits, so no signal need have interrupted one */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
