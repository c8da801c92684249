// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen: fdinfo, debugfs, trace points; and what keeps the module loaded.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffers.h"

#define TRACING	"/sys/kernel/tracing"

static char text[1 << 20];

/* the whole file, in one static buffer */
static const char *content(const char *path)
{
	int fd = do_open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t ret;

	do {
		ret = read(fd, text + used, sizeof(text) - 1 - used);
		assert_true(ret >= 0);
		used += (size_t)ret;
	} while (ret);
	close(fd);
	text[used] = '\0';
	return text;
}

static void has(const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0))
		fail_msg("no line is like %s in:\n%s", pattern, text);
	regfree(&re);
}

static void no_addresses(void)
{
	if (strstr(text, "0x") || strstr(text, "ffff"))
		fail_msg("an address is in:\n%s", text);
}

static void read_fdinfo(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	content(path);
	no_addresses();
}

/* of the line that begins with key and a colon */
static unsigned long long value_of(const char *key)
{
	char *line = strstr(text, key);

	if (!line)
		fail_msg("no %s in:\n%s", key, text);
	return strtoull(line + strlen(key) + 1, NULL, 10);
}

static void info_of_files(void **state)
{
	int none = node_open(), first = world_new(0), second = member_new(first);
	unsigned long long client;
	uint32_t handle;

	(void)state;
	read_fdinfo(none);
	has("^drm-driver:\tfusion$");
	client = value_of("drm-client-id");
	assert_null(strstr(text, "fusion-world"));

	handle = buffer_new(second, 65536);
	buffer_share(second, handle);
	read_fdinfo(second);
	has("^drm-driver:\tfusion$");
	has("^drm-memory-system:\t65536$");
	has("^fusion-world:\t[0-9]+$");
	has("^fusion-member:\t2$");
	has("^fusion-members:\t2$");
	has("^fusion-objects:\t1$");
	has("^fusion-memory:\t65536$");
	has("^fusion-skirmishes:\t0$");
	has("^fusion-refs:\t0$");
	has("^fusion-queued:\t0$");
	assert_int_not_equal(value_of("drm-client-id"), client);
	/* the message that a second one has come */
	read_fdinfo(first);
	has("^fusion-queued:\t1$");
	has("^drm-memory-system:\t0$");
	/* keys and values have no blanks */
	assert_null(strpbrk(strstr(text, "drm-driver"), " "));
}

static const char *listing(const char *name)
{
	char path[256];
	glob_t dirs;

	assert_int_equal(glob("/sys/kernel/debug/dri/*/fusion", 0, NULL, &dirs), 0);
	assert_int_equal(dirs.gl_pathc, 1);
	snprintf(path, sizeof(path), "%s/%s", dirs.gl_pathv[0], name);
	globfree(&dirs);
	content(path);
	no_addresses();
	return text;
}

static void listings(void **state)
{
	const struct drm_fusion_world_create args = {
		.max_members = 7, .max_objects = 8, .max_memory = 1 << 20,
		.flags = DRM_FUSION_WORLD_SURVIVE,
		.world_name = "a \\ world", .member_name = "boss number one",
	};
	int first = node_open(), second;
	unsigned long long world;
	char pattern[256];
	uint32_t pool;

	(void)state;
	assert_int_equal(try_world(first, &args), 0);
	second = member_new(first);
	read_fdinfo(first);
	world = value_of("fusion-world");
	pool = object_new(second, DRM_FUSION_POOL, 4096, NULL);

	listing("worlds");
	has("^world\tmembers\tmax_members\tobjects\tmax_objects\tmemory\tmax_memory\tflags\t"
	    "ended\tname$");
	snprintf(pattern, sizeof(pattern),
		 "^%llu\t2\t7\t1\t8\t0\t1048576\t1\t0\ta \\\\134 world$", world);
	has(pattern);
	listing("members");
	snprintf(pattern, sizeof(pattern),
		 "^%llu\t1\t%d\t[01]\t1\t0\t0\t0\t0\t0\tboss number one$", world, getpid());
	has(pattern);
	snprintf(pattern, sizeof(pattern), "^%llu\t2\t%d\t[01]\t0\t0\t0\t0\t0\t0\tmember$",
		 world, getpid());
	has(pattern);
	listing("objects");
	snprintf(pattern, sizeof(pattern), "^%llu\tpool\t%u\t2\t0\t0\t0\t0\t0\t0\tobject$",
		 world, pool);
	has(pattern);
	close(first);
	close(second);
	listing("members");
	snprintf(pattern, sizeof(pattern), "\n%llu\t", world);
	assert_null(strstr(text, pattern));
}

static void trace_points(void **state)
{
	int first, second;
	uint32_t id;

	(void)state;
	do_write(TRACING "/trace", "");
	do_write(TRACING "/events/fusion/enable", "1");
	first = world_new(0);
	second = member_new(first);
	id = object_new(first, DRM_FUSION_POOL, 4096, NULL);
	assert_int_equal(try_destroy(second, DRM_FUSION_POOL, id), 0);
	assert_int_equal(expect_event(first, DRM_FUSION_EVENT_JOIN)->arg, 2);
	/* waits for a message that does not come in time */
	assert_int_equal(try_send(second, 1, 7, "x", 1, after_ms(TIMEOUT_MS)), 0);
	expect_event(first, DRM_FUSION_EVENT_MESSAGE);
	do_write(TRACING "/events/fusion/enable", "0");
	content(TRACING "/trace");
	has("fusion_member_join: world=[0-9]+ member=2");
	has("fusion_object_create: world=[0-9]+ type=pool id=1 creator=1");
	has("fusion_object_destroy: world=[0-9]+ type=pool id=1 creator=1");
	has("fusion_message_send: world=[0-9]+ sender=0 member=1 event=join object=0");
	has("fusion_message_send: world=[0-9]+ sender=2 member=1 event=message object=0");
	has("fusion_message_read: world=[0-9]+ sender=2 member=1 event=message object=0");
	no_addresses();
}

static int wake_reader(int fd, void *arg)
{
	(void)arg;
	/* the reader sleeps by then, or the test has waited too long */
	sleep(1);
	return -try_send(fd, 1, 1, "x", 1, after_ms(TIMEOUT_MS));
}

static void traced_wait(void **state)
{
	int first = world_new(0);
	char buffer[256];
	pid_t child;

	(void)state;
	do_write(TRACING "/trace", "");
	do_write(TRACING "/events/fusion/enable", "1");
	child = member_fork(first, wake_reader, NULL);
	assert_true(try_read(first, buffer, sizeof(buffer)) > 0);
	assert_true(try_read(first, buffer, sizeof(buffer)) > 0);
	member_wait(child);
	do_write(TRACING "/events/fusion/enable", "0");
	content(TRACING "/trace");
	has("fusion_wait: world=[0-9]+ member=1 token=[0-9]+ status=0");
	has("fusion_wake: world=[0-9]+ member=1 token=[0-9]+ status=0");
	has("fusion_wait_end: world=[0-9]+ member=1 token=[0-9]+ status=0");
}

static int answer(int fd, void *arg)
{
	struct drm_fusion_object_create create = { .type = DRM_FUSION_CALL, .name = "answer" };
	struct drm_fusion_call_reply reply = { .result = 42 };

	(void)arg;
	if (try_create(fd, &create) || try_send(fd, 1, create.id, NULL, 0, after_ms(TIMEOUT_MS)))
		return 1;
	reply.serial = skip_to(fd, DRM_FUSION_EVENT_CALL)->serial;
	if (try_ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &reply))
		return 2;
	/* the next one has no reply, but an end */
	skip_to(fd, DRM_FUSION_EVENT_CALL);
	return 0;
}

static void traced_call(void **state)
{
	struct drm_fusion_call_execute call = { .timeout = DRM_FUSION_FOREVER };
	int first = world_new(0);
	pid_t child;

	(void)state;
	do_write(TRACING "/trace", "");
	do_write(TRACING "/events/fusion/enable", "1");
	child = member_fork(first, answer, NULL);
	call.id = skip_to(first, DRM_FUSION_EVENT_MESSAGE)->arg;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_CALL_EXECUTE, &call), 0);
	assert_int_equal(call.result, 42);
	call.serial = 0;
	assert_int_equal(try_ioctl(first, DRM_IOCTL_FUSION_CALL_EXECUTE, &call), -EPIPE);
	member_wait(child);
	do_write(TRACING "/events/fusion/enable", "0");
	content(TRACING "/trace");
	has("fusion_call_begin: world=[0-9]+ member=2 call=1 serial=[0-9]+ token=[0-9]+ status=0");
	has("fusion_call_take: world=[0-9]+ member=2 call=1 serial=[0-9]+ token=[0-9]+ status=0");
	has("fusion_call_reply: world=[0-9]+ member=2 call=1 serial=[0-9]+ token=[0-9]+ status=42");
	has("fusion_call_end: world=[0-9]+ member=2 call=1 serial=[0-9]+ token=[0-9]+ status=0");
	has("fusion_call_end: world=[0-9]+ member=2 call=1 serial=[0-9]+ token=[0-9]+ status=-32");
	no_addresses();
}

/* of shrbufctl with these arguments, in text; fails the test unless it worked */
static void run_tool(const char *args)
{
	char command[512], self[256];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t used;
	FILE *f;

	assert_true(len > 0);
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command), "%s/../../tools/shrbufctl/shrbufctl %s", self, args);
	f = popen(command, "r");
	assert_non_null(f);
	used = fread(text, 1, sizeof(text) - 1, f);
	text[used] = '\0';
	assert_int_equal(pclose(f), 0);
}

static int try_lock(int fd, uint32_t id)
{
	struct drm_fusion_skirmish_lock args = { .id = id, .timeout = DRM_FUSION_FOREVER };

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &args);
}

/* has the second, wants the first */
static int lock_both(int fd, void *arg)
{
	uint32_t *ids = arg;

	return try_lock(fd, ids[1]) || try_lock(fd, ids[0]);
}

static void waits(void **state)
{
	int first = world_new(0), status;
	unsigned long long world;
	char args[256];
	uint32_t ids[2];
	pid_t child;

	(void)state;
	read_fdinfo(first);
	world = value_of("fusion-world");
	ids[0] = object_new(first, DRM_FUSION_SKIRMISH, 0, NULL);
	ids[1] = object_new(first, DRM_FUSION_SKIRMISH, 0, NULL);
	assert_int_equal(try_lock(first, ids[0]), 0);
	child = member_fork(first, lock_both, ids);
	wait_waiters(first, DRM_FUSION_SKIRMISH, ids[0], 1);
	assert_int_equal(try_lock(first, ids[1]), -EDEADLK);

	listing("waits");
	snprintf(args, sizeof(args), "^%llu\t[0-9]+\t2\t%d\tskirmish\t%u\t1\t[0-9]+\t0$",
		 world, child, ids[0]);
	has(args);
	snprintf(args, sizeof(args), "^%llu\t[0-9]+\t1\t%d\tskirmish\t%u\t2\t[0-9]+\t1$",
		 world, getpid(), ids[1]);
	has(args);
	listing("objects");
	snprintf(args, sizeof(args), "^%llu\tskirmish\t%u\t1\t1\t%d\t1\t1\t", world, ids[0],
		 getpid());
	has(args);

	run_tool("world list");
	snprintf(args, sizeof(args), "^ *%llu +2 +2 .* test$", world);
	has(args);
	snprintf(args, sizeof(args), "world deadlocks %llu", world);
	run_tool(args);
	snprintf(args, sizeof(args), "^ *%llu +1 +%d +skirmish +%u +2 +[0-9]+ +yes$", world,
		 getpid(), ids[1]);
	has(args);
	snprintf(args, sizeof(args), "world show %llu", world);
	run_tool(args);
	snprintf(args, sizeof(args), "^ *2 +%d .* child$", child);
	has(args);
	snprintf(args, sizeof(args), "world kill %llu 2", world);
	run_tool(args);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	wait_members(first, 1);
	/* what it had can be locked, and is known to be of a dead one */
	assert_int_equal(try_lock(first, ids[1]), -EOWNERDEAD);
	listing("waits");
	snprintf(args, sizeof(args), "\t%d\t", child);
	assert_null(strstr(text, args));
}

/* Nobody can take the driver away from under a member: it has no driver to unbind. */
static void module_in_use(void **state)
{
	int fd, world, dmabuf;
	void *p;

	(void)state;
	assert_int_equal(access("/sys/bus/platform/devices/fusion", F_OK), 0);
	assert_int_equal(access("/sys/bus/platform/devices/fusion/driver", F_OK), -1);

	fd = world_new(DRM_FUSION_WORLD_SURVIVE);
	assert_int_equal(syscall(SYS_delete_module, "fusion", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	/* a world without members */
	world = world_export(fd);
	object_new(fd, DRM_FUSION_POOL, 4096, NULL);
	close(fd);
	assert_int_equal(syscall(SYS_delete_module, "fusion", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	close(world);
	/* a buffer that is known elsewhere */
	fd = world_new(0);
	dmabuf = prime_export(fd, buffer_new(fd, 4096));
	close(fd);
	assert_int_equal(syscall(SYS_delete_module, "fusion", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	close(dmabuf);
	/* a mapping */
	fd = world_new(0);
	p = buffer_map(fd, buffer_new(fd, 4096), 4096);
	close(fd);
	assert_int_equal(syscall(SYS_delete_module, "fusion", O_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	munmap(p, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(info_of_files),
		FUSION_TEST(listings),
		FUSION_TEST(trace_points),
		FUSION_TEST(traced_wait),
		FUSION_TEST(traced_call),
		FUSION_TEST(waits),
		FUSION_TEST(module_in_use),
	};

	/* no request here waits, so no signal need have interrupted one */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
