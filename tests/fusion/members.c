// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of fusion share, see members.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "members.h"

int close_all(void **state)
{
	(void)state;
	closefrom(FIRST_TEST_FD);
	return 0;
}

/* files of tests have these numbers */
static int keep(int fd)
{
	int high;

	if (fd < 0)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(high >= 0);
	close(fd);
	return high;
}

int node_open(void)
{
	static char path[64];
	glob_t nodes;
	size_t i;

	if (path[0])
		return keep(do_open(path, O_RDWR | O_CLOEXEC));
	assert_int_equal(glob("/dev/dri/renderD*", 0, NULL, &nodes), 0);
	for (i = 0; i < nodes.gl_pathc && !path[0]; i++) {
		int fd = open(nodes.gl_pathv[i], O_RDWR | O_CLOEXEC);
		drmVersionPtr version = fd < 0 ? NULL : drmGetVersion(fd);

		if (version && !strcmp(version->name, "fusion"))
			snprintf(path, sizeof(path), "%s", nodes.gl_pathv[i]);
		drmFreeVersion(version);
		if (fd >= 0)
			close(fd);
	}
	globfree(&nodes);
	if (!path[0])
		fail_msg("there is no render node of fusion");
	return keep(do_open(path, O_RDWR | O_CLOEXEC));
}

/* worlds */

int try_world(int fd, const struct drm_fusion_world_create *args)
{
	struct drm_fusion_world_create copy = *args;

	return try_ioctl(fd, DRM_IOCTL_FUSION_WORLD_CREATE, &copy);
}

int world_new(uint32_t flags)
{
	struct drm_fusion_world_create args = {
		.flags = flags, .world_name = "test", .member_name = "first",
	};
	int fd = node_open();

	assert_int_equal(try_world(fd, &args), 0);
	return fd;
}

int world_export(int fd)
{
	struct drm_fusion_world_export args = { .fd = -1 };

	do_ioctl(fd, DRM_IOCTL_FUSION_WORLD_EXPORT, &args);
	return keep(args.fd);
}

int try_join(int fd, int world, const char *name)
{
	struct drm_fusion_world_join args = { .fd = world };
	int ret;

	strncpy((char *)args.member_name, name, sizeof(args.member_name) - 1);
	ret = try_ioctl(fd, DRM_IOCTL_FUSION_WORLD_JOIN, &args);
	return ret ? ret : (int)args.member;
}

int member_new(int fd)
{
	int world = world_export(fd), member = node_open();

	assert_true(try_join(member, world, "member") > 1);
	close(world);
	return member;
}

int try_leave(int fd)
{
	return try_ioctl(fd, DRM_IOCTL_FUSION_WORLD_LEAVE, NULL);
}

struct drm_fusion_world_info world_info(int fd)
{
	struct drm_fusion_world_info info;

	do_ioctl(fd, DRM_IOCTL_FUSION_WORLD_INFO, &info);
	return info;
}

int64_t after_ms(unsigned int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec + ms * 1000000LL;
}

/* objects */

int try_create(int fd, struct drm_fusion_object_create *args)
{
	return try_ioctl(fd, DRM_IOCTL_FUSION_OBJECT_CREATE, args);
}

uint32_t object_new(int fd, uint32_t type, uint64_t arg, uint64_t *offset)
{
	struct drm_fusion_object_create args = { .type = type, .arg = arg, .name = "object" };

	assert_int_equal(try_create(fd, &args), 0);
	assert_int_not_equal(args.id, 0);
	if (offset)
		*offset = args.offset;
	return args.id;
}

int try_destroy(int fd, uint32_t type, uint32_t id)
{
	struct drm_fusion_object args = { .type = type, .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_OBJECT_DESTROY, &args);
}

struct drm_fusion_query_object object_record(int fd, uint32_t type, uint32_t id)
{
	struct drm_fusion_query_object record = {};
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_OBJECTS, .type = type, .after = id - 1, .count = 1,
		.records = (uintptr_t)&record,
	};

	do_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 1);
	assert_int_equal(record.id, id);
	return record;
}

struct drm_fusion_query_member member_record(int fd, uint32_t id)
{
	struct drm_fusion_query_member record = {};
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_MEMBERS, .after = id - 1, .count = 1,
		.records = (uintptr_t)&record,
	};

	do_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args);
	assert_int_equal(args.count, 1);
	assert_int_equal(record.id, id);
	return record;
}

uint32_t object_waiters(int fd, uint32_t type, uint32_t id)
{
	return object_record(fd, type, id).waiters;
}

struct condition {
	int fd;
	uint32_t type, id, count;
};

static bool has_waiters(void *arg)
{
	struct condition *c = arg;

	return object_waiters(c->fd, c->type, c->id) == c->count;
}

void wait_waiters(int fd, uint32_t type, uint32_t id, uint32_t count)
{
	struct condition c = { fd, type, id, count };

	wait_for(has_waiters, &c, "waiters of an object");
}

static bool has_members(void *arg)
{
	struct condition *c = arg;

	return world_info(c->fd).members == c->count;
}

void wait_members(int fd, uint32_t count)
{
	struct condition c = { .fd = fd, .count = count };

	wait_for(has_members, &c, "members of a world");
}

/* messages */

int try_send(int fd, uint32_t member, uint64_t kind, const void *data, uint32_t size,
	     int64_t timeout)
{
	struct drm_fusion_message_send args = {
		.member = member, .kind = kind, .timeout = timeout,
		.payload = { .data = (uintptr_t)data, .size = size },
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_MESSAGE_SEND, &args);
}

int try_read(int fd, void *buffer, size_t size)
{
	ssize_t ret;

	do {
		ret = read(fd, buffer, size);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : (int)ret;
}

struct drm_fusion_event *read_event(int fd)
{
	static __thread struct {
		struct drm_fusion_event event;
		char rest[DRM_FUSION_MAX_PAYLOAD + 4 * DRM_FUSION_MAX_HANDLES];
	} m;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t size = sizeof(m.event);
	int ret;

	/* one message at a time: try with the smallest buffer that takes one */
	for (;;) {
		do {
			ret = poll(&poll_fd, 1, TIMEOUT_MS);
		} while (ret < 0 && errno == EINTR);
		if (ret != 1)
			fail_msg("no message has come");
		ret = try_read(fd, &m, size);
		if (ret != -EMSGSIZE)
			break;
		size = size < 128 ? size + 8 : size * 2 > sizeof(m) ? sizeof(m) : size * 2;
	}
	if (ret < 0)
		fail_msg("read: %s", strerror(-ret));
	/* several small ones fit where one large one was expected */
	assert_int_equal(ret, m.event.base.length);
	return &m.event;
}

const uint32_t *event_handles(const struct drm_fusion_event *event)
{
	return (const uint32_t *)(event + 1);
}

const void *event_data(const struct drm_fusion_event *event)
{
	return (const char *)(event + 1) + (event->nr_handles * 4 + 7) / 8 * 8;
}

struct drm_fusion_event *expect_event(int fd, uint32_t type)
{
	struct drm_fusion_event *event = read_event(fd);

	assert_int_equal(event->base.type, type);
	return event;
}

struct drm_fusion_event *skip_to(int fd, uint32_t type)
{
	struct drm_fusion_event *event;

	do {
		event = read_event(fd);
	} while (event->base.type != type);
	return event;
}

/* processes */

pid_t member_fork(int fd, int (*run)(int fd, void *arg), void *arg)
{
	int world = world_export(fd), member;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		close(world);
		return pid;
	}
	/* no assertion of cmocka can end this process well */
	member = node_open();
	if (try_join(member, world, "child") < 0)
		_exit(99);
	close(world);
	_exit(run(member, arg));
}

/* a signal of another thread may come in between */
static int wait_status(pid_t pid)
{
	int status, ret;

	do {
		ret = waitpid(pid, &status, 0);
	} while (ret < 0 && errno == EINTR);
	assert_int_equal(ret, pid);
	return status;
}

void member_wait(pid_t pid)
{
	int status = wait_status(pid);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("the member has ended with status %#x", status);
}

void member_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_status(pid);
}
