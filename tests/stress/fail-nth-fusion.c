// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the sweep over failing allocations that members of a world of fusion take.
 * fail-nth.c says what is done with them. After each one the world has as many members,
 * objects and bytes as before.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail-nth.h"
#include "../fusion/buffers.h"

#define SIZE	4096
/* More than any step makes: numbers of handles are small. */
#define HANDLES	64

static struct drm_fusion_world_info before;
static uint32_t type, id, handle, shared;
static int first, second, world;
/* Small: a large one takes fresh pages now and then, and what is the n-th changes. */
static char data[64];

static void check(void)
{
	struct drm_fusion_world_info now = world_info(first);

	assert_int_equal(now.members, before.members);
	assert_int_equal(now.objects, before.objects);
	assert_int_equal(now.memory, before.memory);
}

/* Reads all that waits for the members. */
static void drain(void)
{
	static char buffer[4 * DRM_FUSION_MAX_PAYLOAD];
	int fds[] = { first, second }, ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		do {
			ret = try_read(fds[i], buffer, sizeof(buffer));
		} while (ret > 0);
		assert_int_equal(ret, -EAGAIN);
	}
}

static void undo_messages(void)
{
	drain();
	check();
}

static void prepare_world(void)
{
	struct drm_fusion_thread thread = {};

	first = world_new(0);
	second = member_new(first);
	world = world_export(first);
	fcntl(first, F_SETFL, O_RDWR | O_NONBLOCK);
	fcntl(second, F_SETFL, O_RDWR | O_NONBLOCK);
	/* The threads are registered before they do something else. */
	do_ioctl(first, DRM_IOCTL_FUSION_THREAD, &thread);
	do_ioctl(second, DRM_IOCTL_FUSION_THREAD, &thread);
	drain();
	before = world_info(first);
}

/* worlds */

static void prepare_node(void)
{
	first = node_open();
}

static int run_world(void)
{
	const struct drm_fusion_world_create args = { .world_name = "w", .member_name = "m" };

	return try_world(first, &args);
}

static void undo_world(void)
{
	int ret = try_leave(first);

	assert_true(!ret || ret == -ENOTCONN);
}

static int run_export(void)
{
	struct drm_fusion_world_export args = { .fd = -1 };
	int ret = try_ioctl(first, DRM_IOCTL_FUSION_WORLD_EXPORT, &args);

	return ret ? ret : args.fd;
}

static void prepare_left(void)
{
	prepare_world();
	assert_int_equal(try_leave(second), 0);
	before = world_info(first);
}

static int run_join(void)
{
	int ret = try_join(second, world, "again");

	return ret < 0 ? ret : 0;
}

static void undo_join(void)
{
	char buffer[4096];
	int ret = try_leave(second);

	assert_true(!ret || ret == -ENOTCONN);
	while (try_read(first, buffer, sizeof(buffer)) > 0)
		;
	check();
}

static int run_leave(void)
{
	return try_leave(second);
}

static void undo_leave(void)
{
	struct drm_fusion_thread thread = {};
	int ret = try_join(second, world, "again");

	assert_true(ret > 0 || ret == -EISCONN);
	do_ioctl(second, DRM_IOCTL_FUSION_THREAD, &thread);
	drain();
	check();
}

static int run_thread(void)
{
	struct drm_fusion_thread args = {};

	return try_ioctl(first, DRM_IOCTL_FUSION_THREAD, &args);
}

static void undo_thread(void)
{
	struct drm_fusion_thread args = { .flags = DRM_FUSION_THREAD_GONE };

	do_ioctl(first, DRM_IOCTL_FUSION_THREAD, &args);
	check();
}

static int run_query(void)
{
	struct drm_fusion_query_member records[2];
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_MEMBERS, .count = 2, .records = (uintptr_t)records,
	};

	return try_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args);
}

/* objects */

static void destroy_all(uint32_t of)
{
	struct drm_fusion_query_object record;
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_OBJECTS, .type = of, .count = 1,
		.records = (uintptr_t)&record,
	};

	for (;;) {
		args.count = 1;
		do_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args);
		if (!args.count)
			return;
		assert_int_equal(try_destroy(first, of, record.id), 0);
	}
}

static uint64_t arg_of(uint32_t of)
{
	return of == DRM_FUSION_POOL ? 16 * SIZE : 0;
}

static int run_create_object(void)
{
	struct drm_fusion_object_create args = {
		.type = type, .arg = arg_of(type), .name = "object",
	};

	return try_create(first, &args);
}

static void undo_create_object(void)
{
	destroy_all(type);
	check();
}

static void prepare_type(uint32_t of)
{
	prepare_world();
	type = of;
}

static void prepare_no_skirmish(void)
{
	prepare_type(DRM_FUSION_SKIRMISH);
}

static void prepare_no_ref(void)
{
	prepare_type(DRM_FUSION_REF);
}

static void prepare_no_reactor(void)
{
	prepare_type(DRM_FUSION_REACTOR);
}

static void prepare_no_call(void)
{
	prepare_type(DRM_FUSION_CALL);
}

static void prepare_no_property(void)
{
	prepare_type(DRM_FUSION_PROPERTY);
}

static void prepare_no_pool(void)
{
	prepare_type(DRM_FUSION_POOL);
}

static void make_object(uint32_t of)
{
	type = of;
	id = object_new(first, of, arg_of(of), NULL);
	before = world_info(first);
}

/* skirmishes and properties */

static void prepare_skirmish(void)
{
	prepare_world();
	make_object(DRM_FUSION_SKIRMISH);
}

static int run_lock(void)
{
	struct drm_fusion_skirmish_lock args = { .id = id, .flags = DRM_FUSION_LOCK_NOTE };

	return try_ioctl(first, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &args);
}

static void undo_lock(void)
{
	struct drm_fusion_skirmish_op args = { .id = id };
	int ret;

	do {
		ret = try_ioctl(first, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &args);
	} while (!ret);
	assert_int_equal(ret, -EPERM);
	check();
}

static void prepare_property(void)
{
	prepare_world();
	make_object(DRM_FUSION_PROPERTY);
}

static int run_take(void)
{
	struct drm_fusion_property_take args = { .id = id, .kind = DRM_FUSION_PROPERTY_LEASE };

	return try_ioctl(first, DRM_IOCTL_FUSION_PROPERTY_TAKE, &args);
}

static void undo_take(void)
{
	struct drm_fusion_property_op args = { .id = id };
	int ret;

	do {
		ret = try_ioctl(first, DRM_IOCTL_FUSION_PROPERTY_CEDE, &args);
	} while (!ret);
	assert_int_equal(ret, -EPERM);
	check();
}

/* references */

static void prepare_ref(void)
{
	prepare_world();
	make_object(DRM_FUSION_REF);
}

static int run_ref_attach(void)
{
	struct drm_fusion_ref_attach args = { .id = id };

	return try_ioctl(first, DRM_IOCTL_FUSION_REF_ATTACH, &args);
}

/* There is no way back but a new one. */
static void undo_ref_attach(void)
{
	assert_int_equal(try_destroy(first, DRM_FUSION_REF, id), 0);
	id = object_new(first, DRM_FUSION_REF, 0, NULL);
	check();
}

static void prepare_ref_attached(void)
{
	prepare_ref();
	assert_int_equal(run_ref_attach(), 0);
	before = world_info(first);
}

static int run_ref_up(void)
{
	struct drm_fusion_ref_count args = { .id = id };

	return try_ioctl(first, DRM_IOCTL_FUSION_REF_COUNT, &args);
}

static void undo_ref_up(void)
{
	struct drm_fusion_ref_count args = { .id = id, .flags = DRM_FUSION_REF_DOWN };
	int ret;

	do {
		ret = try_ioctl(first, DRM_IOCTL_FUSION_REF_COUNT, &args);
	} while (!ret);
	assert_int_equal(ret, -ERANGE);
	check();
}

/* messages, reactors, calls */

static int run_send(void)
{
	return try_send(first, 2, 1, data, sizeof(data), 0);
}

static void prepare_message(void)
{
	prepare_world();
	assert_int_equal(run_send(), 0);
	before = world_info(first);
}

static int run_read(void)
{
	char buffer[2 * SIZE];
	int ret = try_read(second, buffer, sizeof(buffer));

	return ret < 0 ? ret : 0;
}

static void undo_read(void)
{
	drain();
	assert_int_equal(run_send(), 0);
	check();
}

static void prepare_reactor(void)
{
	prepare_world();
	make_object(DRM_FUSION_REACTOR);
}

static int run_listen(void)
{
	struct drm_fusion_reactor_attach args = { .id = id };

	return try_ioctl(second, DRM_IOCTL_FUSION_REACTOR_ATTACH, &args);
}

static void undo_listen(void)
{
	struct drm_fusion_reactor_attach args = { .id = id };
	int ret;

	do {
		ret = try_ioctl(second, DRM_IOCTL_FUSION_REACTOR_DETACH, &args);
	} while (!ret);
	assert_int_equal(ret, -ENOENT);
	check();
}

static void prepare_listener(void)
{
	prepare_reactor();
	assert_int_equal(run_listen(), 0);
	before = world_info(first);
}

static int run_dispatch(void)
{
	struct drm_fusion_reactor_dispatch args = {
		.id = id, .flags = DRM_FUSION_DISPATCH_DONE,
		.payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};

	return try_ioctl(first, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args);
}

static void undo_dispatch(void)
{
	/* The second time tells the first member that all have processed it. */
	drain();
	undo_messages();
}

static void prepare_call(void)
{
	prepare_world();
	make_object(DRM_FUSION_CALL);
}

static int run_oneway(void)
{
	struct drm_fusion_call_execute args = {
		.id = id, .flags = DRM_FUSION_CALL_ONEWAY,
		.payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};

	return try_ioctl(second, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
}

/* It ends by its time, before anybody has taken it. */
static int run_call(void)
{
	struct drm_fusion_call_execute args = {
		.id = id, .payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};
	int ret = try_ioctl(second, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);

	return ret == -ETIMEDOUT ? 0 : ret;
}

/* buffers and pools */

static void close_handles(void)
{
	struct drm_gem_close args = {};

	for (args.handle = 1; args.handle < HANDLES; args.handle++)
		if (args.handle != handle)
			try_ioctl(first, DRM_IOCTL_GEM_CLOSE, &args);
}

static void prepare_no_buffer(void)
{
	prepare_world();
	handle = 0;
}

static int run_buffer(void)
{
	struct drm_fusion_buffer_create args = { .size = SIZE };

	return try_ioctl(first, DRM_IOCTL_FUSION_BUFFER_CREATE, &args);
}

static void undo_handles(void)
{
	close_handles();
	check();
}

static void prepare_buffer(void)
{
	prepare_world();
	handle = buffer_new(first, SIZE);
	before = world_info(first);
}

static int run_share(void)
{
	uint32_t number;

	return try_share(first, handle, &number);
}

static void undo_share(void)
{
	destroy_all(DRM_FUSION_BUFFER);
	check();
}

static void prepare_shared(void)
{
	prepare_world();
	handle = 0;
	shared = buffer_share(second, buffer_new(second, SIZE));
	before = world_info(first);
}

static int run_open_buffer(void)
{
	uint32_t opened;

	return try_open_buffer(first, shared, &opened);
}

static void prepare_pool(void)
{
	prepare_world();
	handle = 0;
	make_object(DRM_FUSION_POOL);
}

static int run_grow(void)
{
	struct drm_fusion_pool_grow args = { .id = id, .size = SIZE };

	return try_ioctl(first, DRM_IOCTL_FUSION_POOL_GROW, &args);
}

static void undo_grow(void)
{
	assert_int_equal(try_destroy(first, DRM_FUSION_POOL, id), 0);
	id = object_new(first, DRM_FUSION_POOL, arg_of(DRM_FUSION_POOL), NULL);
	drain();
	check();
}

static void prepare_grown(void)
{
	prepare_pool();
	assert_int_equal(run_grow(), 0);
	before = world_info(first);
}

static int run_segments(void)
{
	struct drm_fusion_pool_segment segments[2];
	struct drm_fusion_pool_segments args = {
		.id = id, .count = 2, .segments = (uintptr_t)segments,
	};

	return try_ioctl(first, DRM_IOCTL_FUSION_POOL_SEGMENTS, &args);
}

struct step fusion_steps[] = {
	{ "fusion: WORLD_CREATE", prepare_node, run_world, undo_world, { ENOMEM, EFAULT } },
	{ "fusion: WORLD_EXPORT", prepare_world, run_export, check, { ENOMEM, ENFILE, EFAULT } },
	{ "fusion: WORLD_JOIN", prepare_left, run_join, undo_join, { ENOMEM, EFAULT } },
	{ "fusion: WORLD_LEAVE", prepare_world, run_leave, undo_leave, { EFAULT } },
	{ "fusion: THREAD", prepare_world, run_thread, undo_thread, { ENOMEM, EFAULT } },
	{ "fusion: QUERY", prepare_world, run_query, check, { EFAULT } },
	{ "fusion: new skirmish", prepare_no_skirmish, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: new reference", prepare_no_ref, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: new reactor", prepare_no_reactor, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: new call", prepare_no_call, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: new property", prepare_no_property, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: new pool", prepare_no_pool, run_create_object, undo_create_object,
	  { ENOMEM, EFAULT } },
	{ "fusion: SKIRMISH_LOCK", prepare_skirmish, run_lock, undo_lock, { ENOMEM, EFAULT } },
	{ "fusion: PROPERTY_TAKE", prepare_property, run_take, undo_take, { ENOMEM, EFAULT } },
	{ "fusion: REF_ATTACH", prepare_ref, run_ref_attach, undo_ref_attach, { ENOMEM, EFAULT } },
	{ "fusion: REF_COUNT", prepare_ref_attached, run_ref_up, undo_ref_up, { ENOMEM, EFAULT } },
	{ "fusion: MESSAGE_SEND", prepare_world, run_send, undo_messages, { ENOMEM, EFAULT } },
	{ "fusion: read a message", prepare_message, run_read, undo_read, { ENOMEM, EFAULT } },
	{ "fusion: REACTOR_ATTACH", prepare_reactor, run_listen, undo_listen, { ENOMEM, EFAULT } },
	{ "fusion: REACTOR_DISPATCH", prepare_listener, run_dispatch, undo_dispatch,
	  { ENOMEM, EFAULT } },
	{ "fusion: one-way call", prepare_call, run_oneway, undo_messages, { ENOMEM, EFAULT } },
	{ "fusion: call", prepare_call, run_call, undo_messages, { ENOMEM, EFAULT } },
	{ "fusion: BUFFER_CREATE", prepare_no_buffer, run_buffer, undo_handles,
	  { ENOMEM, EFAULT } },
	{ "fusion: BUFFER_SHARE", prepare_buffer, run_share, undo_share, { ENOMEM, EFAULT } },
	{ "fusion: BUFFER_OPEN", prepare_shared, run_open_buffer, undo_handles,
	  { ENOMEM, EFAULT } },
	{ "fusion: POOL_GROW", prepare_pool, run_grow, undo_grow, { ENOMEM, EFAULT } },
	{ "fusion: POOL_SEGMENTS", prepare_grown, run_segments, undo_handles, { ENOMEM, EFAULT } },
};

_Static_assert(ARRAY_SIZE(fusion_steps) == NR_FUSION_STEPS, "NR_FUSION_STEPS is wrong");
