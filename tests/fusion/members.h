/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of fusion share: render nodes, worlds, members in other processes.
 *
 * foo() asserts that it worked, try_foo() returns 0 or a negative errno.
 */
#ifndef _TESTS_FUSION_MEMBERS_H
#define _TESTS_FUSION_MEMBERS_H

#include <sys/types.h>
#include <drm/fusion_drm.h>
#include "../api/common.h"

/* the render node, not yet member of a world */
int node_open(void);
/* a test, after which everything is closed, also if it failed */
#define FUSION_TEST(f)	cmocka_unit_test_teardown(f, close_all)
int close_all(void **state);

/* worlds */
int try_world(int fd, const struct drm_fusion_world_create *args);
/* a render node that is first member of a new world */
int world_new(uint32_t flags);
int world_export(int fd);
/* number of the member or a negative errno */
int try_join(int fd, int world, const char *name);
/* a render node that is member of the world of another one, in this process */
int member_new(int fd);
int try_leave(int fd);
struct drm_fusion_world_info world_info(int fd);
/* ktime in nanoseconds, after this many milliseconds */
int64_t after_ms(unsigned int ms);

/* objects */
int try_create(int fd, struct drm_fusion_object_create *args);
/* number of a new object */
uint32_t object_new(int fd, uint32_t type, uint64_t arg, uint64_t *offset);
int try_destroy(int fd, uint32_t type, uint32_t id);
/* how many waiters an object has, by a query */
uint32_t object_waiters(int fd, uint32_t type, uint32_t id);
struct drm_fusion_query_object object_record(int fd, uint32_t type, uint32_t id);
struct drm_fusion_query_member member_record(int fd, uint32_t id);
void wait_waiters(int fd, uint32_t type, uint32_t id, uint32_t count);
void wait_members(int fd, uint32_t count);

/* messages */
int try_send(int fd, uint32_t member, uint64_t kind, const void *data, uint32_t size,
	     int64_t timeout);
/* the next message, with its data behind it: static storage of the thread */
struct drm_fusion_event *read_event(int fd);
const void *event_data(const struct drm_fusion_event *event);
const uint32_t *event_handles(const struct drm_fusion_event *event);
/* the next message, which is of this type */
struct drm_fusion_event *expect_event(int fd, uint32_t type);
/* reads until there is a message of this type */
struct drm_fusion_event *skip_to(int fd, uint32_t type);
/* 0 if nothing is there */
int try_read(int fd, void *buffer, size_t size);

/*
 * A member in a process of its own: @run gets its render node, which has joined. The
 * process exits with what @run returns.
 */
pid_t member_fork(int fd, int (*run)(int fd, void *arg), void *arg);
/* waits for it and asserts that it has returned zero */
void member_wait(pid_t pid);
/* kills it and waits until it is gone */
void member_kill(pid_t pid);

#endif /* _TESTS_FUSION_MEMBERS_H */
