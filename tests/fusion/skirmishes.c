// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of skirmishes share, see skirmishes.h.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "skirmishes.h"

/* Threads of tests that use requests alone have the kernel keep note of what they hold. */
int try_lock(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_skirmish_lock args = {
		.id = id, .flags = DRM_FUSION_LOCK_NOTE, .timeout = timeout,
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &args);
}

int try_unlock(int fd, uint32_t id)
{
	struct drm_fusion_skirmish_op args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, &args);
}

int try_sleep(int fd, uint32_t id, int64_t timeout)
{
	struct drm_fusion_skirmish_lock args = { .id = id, .timeout = timeout };

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_WAIT, &args);
}

int try_notify(int fd, uint32_t id, uint32_t flags)
{
	struct drm_fusion_skirmish_op args = { .id = id, .flags = flags };

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, &args);
}

int try_consistent(int fd, uint32_t id)
{
	struct drm_fusion_skirmish_op args = { .id = id };

	return try_ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT, &args);
}

struct drm_fusion_query_wait wait_record(int fd, uint32_t token)
{
	struct drm_fusion_query_wait record = {};
	struct drm_fusion_query args = {
		.what = DRM_FUSION_QUERY_WAITS, .after = token - 1, .count = 1,
		.records = (uintptr_t)&record,
	};

	do_ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args);
	if (!args.count || record.token != token)
		memset(&record, 0, sizeof(record));
	return record;
}

uint32_t own_token(int fd)
{
	struct drm_fusion_thread args = {};

	do_ioctl(fd, DRM_IOCTL_FUSION_THREAD, &args);
	return args.token;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;

	worker->result = worker->run(worker);
	return NULL;
}

void worker_start(struct worker *worker, int (*run)(struct worker *worker))
{
	worker->run = run;
	assert_int_equal(pthread_create(&worker->thread, NULL, worker_run, worker), 0);
}

int worker_join(struct worker *worker)
{
	assert_int_equal(pthread_join(worker->thread, NULL), 0);
	return worker->result;
}

struct fusion *fusion_new(void)
{
	struct drm_fusion_world_create args = { .world_name = "test", .member_name = "first" };
	struct fusion *fusion;

	assert_int_equal(fusion_create(&fusion, &args), 0);
	return fusion;
}

struct fusion_skirmish *skirmish_new(struct fusion *fusion)
{
	struct fusion_skirmish *skirmish;

	assert_int_equal(fusion_skirmish_create(fusion, "lock", &skirmish), 0);
	return skirmish;
}

pid_t fusion_fork(struct fusion *fusion, int (*run)(struct fusion *fusion, void *arg), void *arg)
{
	int world = fusion_export(fusion);
	struct fusion *member;
	pid_t pid;

	assert_true(world >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		close(world);
		return pid;
	}
	if (fusion_join(&member, world, "child"))
		_exit(99);
	_exit(run(member, arg));
}

int forbid_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
