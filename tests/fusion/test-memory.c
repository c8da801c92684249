// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers and pools by libdrm_fusion.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdrm_fusion.h>

#include "members.h"

#define SIZE	65536
#define MAX	(1 << 20)

static struct fusion *first_member(void)
{
	const struct drm_fusion_world_create args = {
		.world_name = "test", .member_name = "first",
	};
	struct fusion *fusion;

	assert_int_equal(fusion_create(&fusion, &args), 0);
	return fusion;
}

/* by a file descriptor, in the same process or another one */
static struct fusion *other_member(int world)
{
	struct fusion *fusion;

	return fusion_join(&fusion, world, "other") ? NULL : fusion;
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void buffers(void **state)
{
	struct fusion *a = first_member(), *b;
	int world = fusion_export(a), out, in;
	uint32_t handle, mine, again, id, same;
	uint64_t size;
	void *p, *q;

	(void)state;
	assert_true(world >= 0);
	b = other_member(world);
	assert_non_null(b);
	close(world);
	assert_int_equal(fusion_buffer_create(a, 0, &handle), -EINVAL);
	assert_int_equal(fusion_buffer_create(a, SIZE - 1, &handle), 0);
	assert_int_equal(fusion_buffer_map(a, handle, SIZE, &p), 0);
	assert_int_equal(fusion_buffer_map(a, handle, SIZE + 1, &q), -EINVAL);
	assert_int_equal(fusion_buffer_share(a, handle, "picture", &id), 0);
	assert_int_equal(fusion_buffer_share(a, handle, "picture", &same), 0);
	assert_int_equal(same, id);
	assert_int_equal(fusion_buffer_share(a, handle,
					     "a name that is longer than thirty-one bytes", &id),
			 -EINVAL);
	assert_int_equal(fusion_buffer_open(b, id + 1, &mine, NULL), -ENOENT);
	assert_int_equal(fusion_buffer_open(b, id, &mine, &size), 0);
	assert_int_equal(size, SIZE);
	assert_int_equal(fusion_buffer_map(b, mine, SIZE, &q), 0);
	strcpy(p, "hello");
	assert_string_equal(q, "hello");

	out = fusion_buffer_export(a, handle);
	in = fusion_buffer_export(b, mine);
	assert_true(out >= 0 && in >= 0);
	assert_int_equal(inode(out), inode(in));
	assert_int_equal(fusion_buffer_import(b, out, &again), 0);
	assert_int_equal(again, mine);
	assert_int_equal(fusion_buffer_import(b, -1, &again), -EBADF);
	close(out);
	close(in);

	assert_int_equal(fusion_buffer_close(a, handle), 0);
	assert_int_equal(fusion_buffer_close(a, handle), -EINVAL);
	assert_int_equal(fusion_destroy(a, DRM_FUSION_BUFFER, id), 0);
	assert_int_equal(fusion_buffer_open(b, id, &again, NULL), -ENOENT);
	fusion_leave(a);
	assert_string_equal(q, "hello");
	munmap(p, SIZE);
	munmap(q, SIZE);
	fusion_leave(b);
}

struct node {
	struct node *next;
	char text[8];
};

struct job {
	int world;
	uint32_t id;
	struct fusion *parent;
	struct fusion_pool *copy;
};

/* in a child: adds a second node, in memory that the parent has not got yet */
static int add_node(struct job *job)
{
	struct fusion *fusion = other_member(job->world);
	struct fusion_pool *pool;
	struct node *head, *node;

	if (!fusion || fusion_pool_grow(job->copy, MAX) != -EPERM ||
	    fusion_pool_open(fusion, job->id, &pool) != -EEXIST)
		return 1;
	fusion_pool_close(job->copy);
	fusion_leave(job->parent);
	if (fusion_pool_open(fusion, job->id, &pool))
		return 2;
	head = fusion_pool_address(pool);
	if (strcmp(head->text, "first") || fusion_pool_size(pool) != 4096)
		return 3;
	if (fusion_pool_grow(pool, 2 * 4096) || fusion_pool_size(pool) != 2 * 4096)
		return 4;
	node = (struct node *)((char *)head + 4096);
	strcpy(node->text, "second");
	head->next = node;
	fusion_pool_close(pool);
	fusion_leave(fusion);
	return 0;
}

static void pools(void **state)
{
	struct job job = { .parent = first_member() };
	struct fusion *fusion = job.parent;
	struct fusion_pool *pool, *other;
	struct node *head;
	pid_t child;

	(void)state;
	assert_int_equal(fusion_pool_create(fusion, "heap", 1, &pool), -EINVAL);
	assert_int_equal(fusion_pool_create(fusion, "heap", MAX, &pool), 0);
	assert_int_equal(fusion_pool_open(fusion, fusion_pool_id(pool), &other), -EEXIST);
	assert_int_equal(fusion_pool_size(pool), 0);
	assert_int_equal(fusion_pool_grow(pool, MAX + 1), -ENOSPC);
	assert_int_equal(fusion_pool_grow(pool, 1), 0);
	assert_int_equal(fusion_pool_size(pool), 4096);
	head = fusion_pool_address(pool);
	strcpy(head->text, "first");
	job.world = fusion_export(fusion);
	job.id = fusion_pool_id(pool);
	job.copy = pool;
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(add_node(&job));
	member_wait(child);
	close(job.world);
	skip_to(fusion_fd(fusion), DRM_FUSION_EVENT_POOL);
	assert_int_equal(fusion_pool_size(pool), 4096);
	assert_int_equal(fusion_pool_update(pool), 0);
	assert_int_equal(fusion_pool_size(pool), 2 * 4096);
	assert_string_equal(head->next->text, "second");

	assert_int_equal(fusion_pool_destroy(pool), 0);
	assert_int_equal(fusion_pool_destroy(pool), -ENOENT);
	assert_int_equal(fusion_pool_update(pool), -ENOENT);
	/* what is mapped stays */
	assert_string_equal(head->next->text, "second");
	fusion_pool_close(pool);
	fusion_leave(fusion);
}

/* as many pools as one likes, each at its own place, closed and used again */
static void many_pools(void **state)
{
	struct fusion *fusion = first_member();
	struct fusion_pool *pool[50];
	void *address;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pool); i++) {
		assert_int_equal(fusion_pool_create(fusion, "p", MAX, &pool[i]), 0);
		assert_int_equal(fusion_pool_grow(pool[i], MAX), 0);
		memset(fusion_pool_address(pool[i]), (int)i, MAX);
	}
	for (i = 0; i < ARRAY_SIZE(pool); i++)
		assert_int_equal(((unsigned char *)fusion_pool_address(pool[i]))[MAX - 1], i);
	address = fusion_pool_address(pool[7]);
	assert_int_equal(fusion_pool_destroy(pool[7]), 0);
	fusion_pool_close(pool[7]);
	assert_int_equal(fusion_pool_create(fusion, "p", MAX, &pool[7]), 0);
	assert_ptr_equal(fusion_pool_address(pool[7]), address);
	for (i = 0; i < ARRAY_SIZE(pool); i++)
		fusion_pool_close(pool[i]);
	fusion_leave(fusion);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(buffers),
		FUSION_TEST(pools),
		FUSION_TEST(many_pools),
	};

	/* the library restarts what signals interrupt, so this is not counted */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
