// SPDX-License-Identifier: GPL-2.0
/*
 * Worlds: who comes in, who is told, and what is left when somebody goes.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "members.h"

static uint64_t get_param(int fd, uint64_t param)
{
	struct drm_fusion_get_param args = { .param = param };

	do_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &args);
	return args.value;
}

static void params(void **state)
{
	struct drm_fusion_get_param args = { .param = 0 };
	int fd = node_open();

	(void)state;
	assert_true(get_param(fd, DRM_FUSION_PARAM_FEATURES) & DRM_FUSION_FEATURE_WORLD);
	assert_true(get_param(fd, DRM_FUSION_PARAM_MAX_MEMBERS) > 1);
	assert_true(get_param(fd, DRM_FUSION_PARAM_MAX_OBJECTS) >= 100000);
	assert_true(get_param(fd, DRM_FUSION_PARAM_MAX_MEMORY) > 0);
	assert_int_equal(get_param(fd, DRM_FUSION_PARAM_MAX_PAYLOAD), 65536);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &args), -EINVAL);
	args.param = ~0ULL;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &args), -EINVAL);
	close(fd);
}

static void wrong_worlds(void **state)
{
	const struct drm_fusion_world_create good = { .world_name = "w", .member_name = "m" };
	struct drm_fusion_world_create args = good;
	int fd = node_open();

	(void)state;
	args.flags = 1U << 31;
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	args.max_members = get_param(fd, DRM_FUSION_PARAM_MAX_MEMBERS) + 1;
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	args.max_objects = get_param(fd, DRM_FUSION_PARAM_MAX_OBJECTS) + 1;
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	args.max_memory = get_param(fd, DRM_FUSION_PARAM_MAX_MEMORY) + 1;
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	memset(args.world_name, 'x', sizeof(args.world_name));
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	memset(args.member_name, 'x', sizeof(args.member_name));
	assert_int_equal(try_world(fd, &args), -EINVAL);
	args = good;
	args.member_name[0] = '\n';
	assert_int_equal(try_world(fd, &args), -EINVAL);
	/* none of them has made it a member */
	assert_int_equal(try_leave(fd), -ENOTCONN);
	assert_int_equal(try_world(fd, &good), 0);
	assert_int_equal(try_world(fd, &good), -EISCONN);
	close(fd);
}

static void join(void **state)
{
	struct drm_fusion_world_join args = { .flags = 1 };
	struct drm_fusion_world_info info;
	int first = world_new(0), world = world_export(first), second, pipes[2];

	(void)state;
	assert_true(fcntl(world, F_GETFD) & FD_CLOEXEC);
	second = node_open();
	assert_int_equal(try_join(second, -1, "x"), -EBADF);
	assert_int_equal(try_join(second, second, "x"), -EINVAL);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(try_join(second, pipes[0], "x"), -EINVAL);
	assert_int_equal(try_join(second, world, "a\tb"), -EINVAL);
	args.fd = world;
	assert_int_equal(try_ioctl(second, DRM_IOCTL_FUSION_WORLD_JOIN, &args), -EINVAL);
	args.flags = 0;
	args.pad = 1;
	assert_int_equal(try_ioctl(second, DRM_IOCTL_FUSION_WORLD_JOIN, &args), -EINVAL);

	assert_int_equal(try_join(second, world, "second"), 2);
	assert_int_equal(try_join(second, world, "second"), -EISCONN);
	assert_int_equal(try_join(first, world, "first"), -EISCONN);
	info = world_info(second);
	assert_int_equal(info.member, 2);
	assert_int_equal(info.members, 2);
	assert_string_equal((char *)info.world_name, "test");
	/* the first one is told, the second one is not told of itself */
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_JOIN)->arg, 2);

	/* numbers are not used again */
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(try_leave(second), -ENOTCONN);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_LEAVE)->arg, 2);
	assert_int_equal(try_join(second, world, "again"), 3);
	close(second);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_JOIN)->arg, 3);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_LEAVE)->arg, 3);
	close(pipes[0]);
	close(pipes[1]);
	close(world);
	close(first);
}

static void no_member(void **state)
{
	struct drm_fusion_object_create create = { .type = DRM_FUSION_SKIRMISH };
	struct drm_fusion_world_export export = {};
	struct drm_fusion_thread thread = {};
	struct drm_fusion_query query = {};
	struct drm_fusion_world_info info;
	struct pollfd poll_fd = { .events = POLLIN };
	int fd = node_open();
	char buffer[128];

	(void)state;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_WORLD_EXPORT, &export), -ENOTCONN);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_WORLD_INFO, &info), -ENOTCONN);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &thread), -ENOTCONN);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &query), -ENOTCONN);
	assert_int_equal(try_create(fd, &create), -ENOTCONN);
	assert_int_equal(try_send(fd, 1, 0, NULL, 0, 0), -ENOTCONN);
	assert_int_equal(try_read(fd, buffer, sizeof(buffer)), -ENOTCONN);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, DRM_FUSION_MMAP_WORLD),
			 MAP_FAILED);
	assert_int_equal(errno, ENOTCONN);
	poll_fd.fd = fd;
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_int_equal(poll_fd.revents, POLLERR);
	close(fd);
}

static void limits(void **state)
{
	struct drm_fusion_world_create args = {
		.max_members = 2, .world_name = "small", .member_name = "first",
	};
	int first = node_open(), second = node_open(), third = node_open(), world;

	(void)state;
	assert_int_equal(try_world(first, &args), 0);
	world = world_export(first);
	assert_int_equal(try_join(second, world, "second"), 2);
	assert_int_equal(try_join(third, world, "third"), -EUSERS);
	assert_int_equal(try_leave(second), 0);
	assert_int_equal(try_join(third, world, "third"), 3);
	close(world);
	close(second);
	close(third);
	close(first);
}

static void end_of_the_first(void **state)
{
	int first = world_new(0), world = world_export(first), second = member_new(first);
	struct pollfd poll_fd = { .fd = second, .events = POLLIN };
	struct drm_fusion_world_info info;
	int third = node_open();

	(void)state;
	close(first);
	/* all that is left is to go */
	assert_int_equal(try_ioctl(second, DRM_IOCTL_FUSION_WORLD_INFO, &info), -ESHUTDOWN);
	assert_int_equal(try_join(third, world, "late"), -ESHUTDOWN);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_int_equal(poll_fd.revents & (POLLIN | POLLHUP), POLLIN | POLLHUP);
	assert_int_equal(expect_event(second, DRM_FUSION_EVENT_LEAVE)->arg, 1);
	expect_event(second, DRM_FUSION_EVENT_END);
	assert_int_equal(try_read(second, &info, sizeof(info)), -ESHUTDOWN);
	assert_int_equal(try_leave(second), 0);
	close(world);
	close(second);
	close(third);
}

static void survival(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), world = world_export(first);
	int second = member_new(first), third = node_open();

	(void)state;
	close(first);
	assert_int_equal(expect_event(second, DRM_FUSION_EVENT_LEAVE)->arg, 1);
	assert_int_equal(try_join(third, world, "third"), 3);
	assert_int_equal(world_info(second).members, 2);
	close(second);
	close(third);
	/* a world without members goes on while somebody can join */
	third = node_open();
	assert_int_equal(try_join(third, world, "fourth"), 4);
	close(third);
	close(world);
}

static int child_of_member(int fd, void *arg)
{
	int inherited = *(int *)arg, world;
	struct drm_fusion_world_info info;
	struct drm_fusion_world_export export = {};

	(void)fd;
	/* the file of the parent is no way into the world */
	if (try_ioctl(inherited, DRM_IOCTL_FUSION_WORLD_INFO, &info) != -EPERM ||
	    try_ioctl(inherited, DRM_IOCTL_FUSION_WORLD_EXPORT, &export) != -EPERM ||
	    try_leave(inherited) != -EPERM)
		return 1;
	world = open("/dev/null", O_RDONLY);
	return world < 0;
}

static void other_process(void **state)
{
	int first = world_new(0);

	(void)state;
	member_wait(member_fork(first, child_of_member, &first));
	assert_int_equal(world_info(first).member, 1);
	close(first);
}

static int wait_for_end(int fd, void *arg)
{
	(void)fd;
	(void)arg;
	pause();
	return 1;
}

/* The death of a process is its end as a member, also if a child has the file. */
static int die_with_child(int fd, void *arg)
{
	int *pipes = arg;
	char c;

	(void)fd;
	if (!fork()) {
		/* keeps the file until the test says so */
		close(pipes[1]);
		_exit(read(pipes[0], &c, 1) < 0);
	}
	return 0;
}

static void death(void **state)
{
	int first = world_new(0), pipes[2];
	pid_t pid = member_fork(first, wait_for_end, NULL);

	(void)state;
	wait_members(first, 2);
	member_kill(pid);
	wait_members(first, 1);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_JOIN)->arg, 2);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_LEAVE)->arg, 2);

	assert_int_equal(pipe(pipes), 0);
	pid = member_fork(first, die_with_child, pipes);
	member_wait(pid);
	wait_members(first, 1);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_JOIN)->arg, 3);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_LEAVE)->arg, 3);
	close(pipes[0]);
	close(pipes[1]);
	close(first);
}

static void messages(void **state)
{
	int first = world_new(0), second = member_new(first);
	struct drm_fusion_message_send bad = { .member = 2, .flags = 1 };
	struct drm_fusion_event *event;
	char data[DRM_FUSION_MAX_PAYLOAD], small[sizeof(*event)];
	size_t sizes[] = { 0, 1, 7, 8, 9, 4096, sizeof(data) };
	size_t i;

	(void)state;
	expect_event(first, DRM_FUSION_EVENT_JOIN);
	memset(data, 0x5a, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(try_send(first, 2, i + 100, data, sizes[i], 0), 0);
		event = expect_event(second, DRM_FUSION_EVENT_MESSAGE);
		assert_int_equal(event->sender, 1);
		assert_int_equal(event->arg, i + 100);
		assert_int_equal(event->size, sizes[i]);
		assert_int_equal(event->nr_handles, 0);
		assert_memory_equal(event_data(event), data, sizes[i]);
		assert_int_equal(event->base.length % 8, 0);
	}
	/* to oneself */
	assert_int_equal(try_send(first, 1, 1, data, 3, 0), 0);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_MESSAGE)->sender, 1);

	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_MESSAGE_SEND, &bad), -EINVAL);
	assert_int_equal(try_send(first, 99, 0, data, 1, 0), -ENOENT);
	assert_int_equal(try_send(first, 0, 0, data, 1, 0), -ENOENT);
	assert_int_equal(try_send(first, 2, 0, data, sizeof(data) + 1, 0), -EMSGSIZE);
	assert_int_equal(try_send(first, 2, 0, (void *)8, 8, 0), -EFAULT);

	/* what has no room stays */
	assert_int_equal(try_send(first, 2, 7, data, 1, 0), 0);
	assert_int_equal(try_read(second, small, sizeof(small)), -EMSGSIZE);
	assert_int_equal(try_read(second, (void *)8, sizeof(data)), -EFAULT);
	assert_int_equal(expect_event(second, DRM_FUSION_EVENT_MESSAGE)->arg, 7);

	/* nothing there */
	fcntl(second, F_SETFL, O_RDWR | O_NONBLOCK);
	assert_int_equal(try_read(second, data, sizeof(data)), -EAGAIN);
	close(second);
	close(first);
}

static void batches(void **state)
{
	int first = world_new(0), second = member_new(first);
	char buffer[4096], *at = buffer;
	struct drm_fusion_event *event;
	uint64_t i;
	int ret;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(try_send(first, 2, i, &i, sizeof(i), 0), 0);
	ret = try_read(second, buffer, sizeof(buffer));
	assert_int_equal(ret, 10 * (sizeof(*event) + sizeof(i)));
	for (i = 0; i < 10; i++) {
		event = (struct drm_fusion_event *)at;
		assert_int_equal(event->arg, i);
		assert_memory_equal(event_data(event), &i, sizeof(i));
		at += event->base.length;
	}
	close(second);
	close(first);
}

static void *send_one(void *arg)
{
	return (void *)(intptr_t)try_send(*(int *)arg, 2, 4711, NULL, 0, DRM_FUSION_FOREVER);
}

/* A full queue makes senders wait, and nobody else. */
static void full_queue(void **state)
{
	int first = world_new(0), second = member_new(first);
	unsigned int sent = 0, got = 0;
	struct drm_fusion_event *event;
	pthread_t thread;
	void *result;

	(void)state;
	while (!try_send(first, 2, sent, NULL, 0, 0))
		sent++;
	assert_true(sent >= 16);
	assert_int_equal(try_send(first, 2, 0, NULL, 0, 0), -ETIMEDOUT);
	assert_int_equal(try_send(first, 2, 0, NULL, 0, after_ms(10)), -ETIMEDOUT);
	assert_int_equal(try_send(first, 1, 0, NULL, 0, 0), 0);
	assert_int_equal(member_record(first, 2).queued, sent);

	assert_int_equal(pthread_create(&thread, NULL, send_one, &first), 0);
	for (;;) {
		event = expect_event(second, DRM_FUSION_EVENT_MESSAGE);
		if (event->arg == 4711)
			break;
		assert_int_equal(event->arg, got++);
	}
	assert_int_equal(got, sent);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, 0);

	/* a sender that waits learns that the receiver has gone */
	while (!try_send(first, 2, 0, NULL, 0, 0))
		;
	assert_int_equal(pthread_create(&thread, NULL, send_one, &first), 0);
	close(second);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true((intptr_t)result == -ESHUTDOWN || (intptr_t)result == -ENOENT);
	close(first);
}

/* Messages of the kernel are bounded, too, and it says what was lost. */
static void lost_events(void **state)
{
	int first = world_new(0), world = world_export(first), other = node_open();
	unsigned int i, told = 0;
	struct drm_fusion_event *event;

	(void)state;
	for (i = 0; i < 500; i++) {
		assert_true(try_join(other, world, "other") > 1);
		assert_int_equal(try_leave(other), 0);
	}
	fcntl(first, F_SETFL, O_RDWR | O_NONBLOCK);
	event = expect_event(first, DRM_FUSION_EVENT_LOST);
	told += event->arg;
	while (told < 1000) {
		event = read_event(first);
		assert_true(event->base.type == DRM_FUSION_EVENT_JOIN ||
			    event->base.type == DRM_FUSION_EVENT_LEAVE);
		told++;
	}
	assert_int_equal(try_read(first, event, 1000), -EAGAIN);
	close(other);
	close(world);
	close(first);
}

static void memory_limit(void **state)
{
	struct drm_fusion_world_create args = {
		.max_memory = 200000, .world_name = "small", .member_name = "first",
	};
	static char data[DRM_FUSION_MAX_PAYLOAD];
	int fd = node_open();

	(void)state;
	assert_int_equal(try_world(fd, &args), 0);
	while (world_info(fd).memory + sizeof(data) + 256 < 200000)
		assert_int_equal(try_send(fd, 1, 0, data, sizeof(data), 0), 0);
	assert_int_equal(try_send(fd, 1, 0, data, sizeof(data), 0), -ENOMEM);
	expect_event(fd, DRM_FUSION_EVENT_MESSAGE);
	assert_int_equal(try_send(fd, 1, 0, data, sizeof(data), 0), 0);
	while (world_info(fd).memory)
		read_event(fd);
	close(fd);
}

static void threads_of_members(void **state)
{
	int fd = world_new(0);
	struct drm_fusion_thread args = {}, again = {}, bad = { .flags = 2 };
	struct drm_fusion_thread_state *own;

	(void)state;
	do_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &args);
	assert_true(args.token >= 1 && args.token <= DRM_FUSION_SKIRMISH_OWNER);
	do_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &again);
	assert_memory_equal(&args, &again, sizeof(args));
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &bad), -EINVAL);
	assert_int_equal(member_record(fd, 1).threads, 1);

	own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, DRM_FUSION_MMAP_MEMBER);
	assert_ptr_not_equal(own, MAP_FAILED);
	assert_int_equal(((struct drm_fusion_thread_state *)((char *)own + args.offset))->token,
			 args.token);
	munmap(own, 4096);

	args.flags = DRM_FUSION_THREAD_GONE;
	do_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &args);
	assert_int_equal(member_record(fd, 1).threads, 0);
	again.flags = 0;
	do_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &again);
	assert_int_not_equal(again.token, args.token);
	close(fd);
}

static void windows(void **state)
{
	int fd = world_new(0);
	struct drm_fusion_world_info info = world_info(fd);
	static const uint64_t starts[] = { DRM_FUSION_MMAP_WORLD, DRM_FUSION_MMAP_MEMBER };
	uint64_t sizes[] = { info.state_size, info.own_size };
	void *p;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		p = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, fd, starts[i]);
		assert_ptr_not_equal(p, MAP_FAILED);
		assert_int_equal(munmap(p, sizes[i]), 0);
		assert_ptr_equal(mmap(NULL, sizes[i] + 4096, PROT_READ, MAP_SHARED, fd, starts[i]),
				 MAP_FAILED);
		assert_int_equal(errno, EINVAL);
		assert_ptr_equal(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd,
				      starts[i] + sizes[i] - 4096), MAP_FAILED);
		assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, starts[i]),
				 MAP_FAILED);
	}
	/* what is not there is a signal, not memory */
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, DRM_FUSION_MMAP_WORLD + 4096 * 100);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(write(-1, p, 1), -1);
	assert_int_equal(try_send(fd, 1, 0, p, 1, 0), -EFAULT);
	munmap(p, 4096);
	close(fd);
}

static void queries(void **state)
{
	int first = world_new(0), second = member_new(first);
	struct drm_fusion_query_member records[3] = {};
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_MEMBERS, .count = 3, .records = (uintptr_t)records,
	};

	(void)state;
	do_ioctl(second, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 2);
	assert_int_equal(records[0].id, 1);
	assert_int_equal(records[0].pid, getpid());
	assert_string_equal((char *)records[0].name, "first");
	assert_int_equal(records[1].id, 2);
	assert_string_equal((char *)records[1].name, "member");
	args.after = 1;
	args.count = 1;
	do_ioctl(second, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 1);
	assert_int_equal(records[0].id, 2);
	args.after = UINT_MAX;
	do_ioctl(second, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 0);
	args.after = 0;
	args.count = 1;
	args.records = 8;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args), -EFAULT);
	args.what = 99;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args), -EINVAL);
	args.what = DRM_FUSION_QUERY_MEMBERS;
	args.type = DRM_FUSION_REF;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args), -EINVAL);
	args.what = DRM_FUSION_QUERY_OBJECTS;
	args.type = DRM_FUSION_TYPES;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_QUERY, &args), -EINVAL);
	close(second);
	close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(params),
		FUSION_TEST(wrong_worlds),
		FUSION_TEST(join),
		FUSION_TEST(no_member),
		FUSION_TEST(limits),
		FUSION_TEST(end_of_the_first),
		FUSION_TEST(survival),
		FUSION_TEST(other_process),
		FUSION_TEST(death),
		FUSION_TEST(messages),
		FUSION_TEST(batches),
		FUSION_TEST(full_queue),
		FUSION_TEST(lost_events),
		FUSION_TEST(memory_limit),
		FUSION_TEST(threads_of_members),
		FUSION_TEST(windows),
		FUSION_TEST(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
