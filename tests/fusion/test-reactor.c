// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors: who gets what is dispatched, and what becomes of a sender when a listener is
 * slow, stopped or dead.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "members.h"

#define CHANNEL	7

static char data[DRM_FUSION_MAX_PAYLOAD];

static uint32_t reactor_new(int fd)
{
	return object_new(fd, DRM_FUSION_REACTOR, 0, NULL);
}

static int try_attach_to(int fd, uint32_t id, uint32_t channel, uint32_t policy, uint32_t limit)
{
	struct drm_fusion_reactor_attach args = {
		.id = id, .channel = channel, .policy = policy, .limit = limit,
	};

	return try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_ATTACH, &args);
}

static int try_detach_from(int fd, uint32_t id, uint32_t channel)
{
	struct drm_fusion_reactor_attach args = { .id = id, .channel = channel };

	return try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DETACH, &args);
}

/* A dispatch of a number. Returns how many get it, or a negative errno. */
static int try_dispatch(int fd, uint32_t id, uint32_t flags, uint64_t number, int64_t timeout)
{
	struct drm_fusion_reactor_dispatch args = {
		.id = id, .channel = CHANNEL, .flags = flags, .cookie = number,
		.timeout = timeout,
		.payload = { .data = (uintptr_t)&number, .size = sizeof(number) },
	};
	int ret = try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args);

	return ret ? ret : (int)args.listeners;
}

static void expect_number(int fd, uint32_t id, uint64_t number)
{
	struct drm_fusion_event *event = expect_event(fd, DRM_FUSION_EVENT_REACTOR);

	assert_int_equal(event->object, id);
	assert_int_equal(event->arg, CHANNEL);
	assert_int_equal(event->size, sizeof(number));
	assert_memory_equal(event_data(event), &number, sizeof(number));
}

static void expect_nothing(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(try_read(fd, data, sizeof(data)), -EAGAIN);
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
}

static void wrong(void **state)
{
	int fd = world_new(0), other = node_open();
	uint32_t id = reactor_new(fd);
	const struct drm_fusion_reactor_dispatch good = { .id = id };
	struct drm_fusion_reactor_dispatch args = good;
	struct drm_fusion_object_create create = { .type = DRM_FUSION_REACTOR, .arg = 1 };
	struct drm_fusion_reactor_attach detach = { .id = id, .policy = 1 };

	(void)state;
	assert_int_equal(try_create(fd, &create), -EINVAL);
	assert_int_equal(try_attach_to(other, id, 0, 0, 0), -ENOTCONN);
	assert_int_equal(try_attach_to(fd, id + 1, 0, 0, 0), -ENOENT);
	assert_int_equal(try_attach_to(fd, id, DRM_FUSION_CHANNELS, 0, 0), -EINVAL);
	assert_int_equal(try_attach_to(fd, id, 0, 3, 0), -EINVAL);
	assert_int_equal(try_attach_to(fd, id, 0, 0, 1025), -EINVAL);
	assert_int_equal(try_detach_from(fd, id, DRM_FUSION_CHANNELS), -EINVAL);
	assert_int_equal(try_detach_from(fd, id + 1, 0), -ENOENT);
	assert_int_equal(try_detach_from(fd, id, 0), -ENOENT);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DETACH, &detach), -EINVAL);
	detach.policy = 0;
	detach.limit = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DETACH, &detach), -EINVAL);
	args.flags = 4;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -EINVAL);
	args = good;
	args.channel = DRM_FUSION_CHANNELS;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -EINVAL);
	args = good;
	args.id = id + 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -ENOENT);
	args = good;
	args.payload.size = DRM_FUSION_MAX_PAYLOAD + 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -EMSGSIZE);
	args = good;
	args.payload.size = 1;
	args.payload.data = 8;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -EFAULT);
	assert_int_equal(world_info(fd).memory, 0);
}

/* Attaching is counted, for each channel. */
static void counted(void **state)
{
	int fd = world_new(0);
	uint32_t id = reactor_new(fd);
	int i;

	(void)state;
	assert_int_equal(try_dispatch(fd, id, 0, 1, 0), 0);
	assert_int_equal(try_attach_to(fd, id, CHANNEL + 1, 0, 0), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 1, 0), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(try_attach_to(fd, id, CHANNEL, 0, 0), 0);
	assert_int_equal(object_record(fd, DRM_FUSION_REACTOR, id).count, 2);
	assert_int_equal(member_record(fd, 1).reactors, 2);
	for (i = 0; i < 3; i++) {
		assert_int_equal(try_dispatch(fd, id, 0, i, 0), 1);
		assert_int_equal(try_detach_from(fd, id, CHANNEL), 0);
	}
	assert_int_equal(try_dispatch(fd, id, 0, 4, 0), 0);
	assert_int_equal(try_detach_from(fd, id, CHANNEL), -ENOENT);
	assert_int_equal(object_record(fd, DRM_FUSION_REACTOR, id).count, 1);
	/* what has come before stays, also when the reactor goes */
	assert_int_equal(try_destroy(fd, DRM_FUSION_REACTOR, id), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 4, 0), -ENOENT);
	assert_int_equal(member_record(fd, 1).reactors, 0);
	for (i = 0; i < 3; i++)
		expect_number(fd, id, i);
	expect_nothing(fd);
	assert_int_equal(world_info(fd).memory, 0);
}

/* From 1 to 100 listeners: everybody gets all, in order, and large ones as well. */
static void listeners(void **state)
{
	static const int counts[] = { 1, 2, 10, 100 };
	int fd = world_new(0), fds[100], i, n = 0;
	uint32_t id = reactor_new(fd);
	struct drm_fusion_reactor_dispatch args = {
		.id = id, .channel = CHANNEL,
		.payload = { .data = (uintptr_t)data, .size = sizeof(data) },
	};
	struct drm_fusion_event *event;
	uint64_t k;
	size_t j;

	(void)state;
	for (j = 0; j < ARRAY_SIZE(counts); j++) {
		for (; n < counts[j]; n++) {
			fds[n] = member_new(fd);
			assert_int_equal(try_attach_to(fds[n], id, CHANNEL, 0, 0), 0);
		}
		for (k = 0; k < 5; k++)
			assert_int_equal(try_dispatch(fd, id, 0, k, 0), n);
		memset(data, j + 1, sizeof(data));
		do_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args);
		assert_int_equal(args.listeners, n);
		/* one copy for all */
		assert_in_range(world_info(fd).memory, 65536, 65536 + n * 4096);
		for (i = 0; i < n; i++) {
			for (k = 0; k < 5; k++) {
				event = skip_to(fds[i], DRM_FUSION_EVENT_REACTOR);
				assert_int_equal(event->sender, 1);
				assert_memory_equal(event_data(event), &k, sizeof(k));
			}
			event = expect_event(fds[i], DRM_FUSION_EVENT_REACTOR);
			assert_int_equal(event->size, sizeof(data));
			assert_memory_equal(event_data(event), data, sizeof(data));
		}
	}
	for (i = 0; i < n; i++)
		close(fds[i]);
	assert_int_equal(try_dispatch(fd, id, 0, 0, 0), 0);
	assert_int_equal(world_info(fd).memory, 0);
}

static void others(void **state)
{
	int fd = world_new(0), other = member_new(fd);
	uint32_t id = reactor_new(fd);

	(void)state;
	skip_to(fd, DRM_FUSION_EVENT_JOIN);
	assert_int_equal(try_attach_to(fd, id, CHANNEL, 0, 0), 0);
	assert_int_equal(try_attach_to(other, id, CHANNEL, 0, 0), 0);
	assert_int_equal(try_dispatch(fd, id, DRM_FUSION_DISPATCH_OTHERS, 1, 0), 1);
	assert_int_equal(try_dispatch(other, id, DRM_FUSION_DISPATCH_OTHERS, 2, 0), 1);
	assert_int_equal(try_dispatch(other, id, 0, 3, 0), 2);
	expect_number(fd, id, 2);
	expect_number(fd, id, 3);
	expect_number(other, id, 1);
	expect_number(other, id, 3);
}

/* a dispatch by a thread of its own */
struct sender {
	pthread_t thread;
	int fd, ret;
	uint32_t id;
	uint64_t number;
	int64_t timeout;
};

static void *sender_run(void *arg)
{
	struct sender *s = arg;

	s->ret = try_dispatch(s->fd, s->id, 0, s->number, s->timeout);
	return NULL;
}

static void sender_start(struct sender *s, int fd, uint32_t id, uint64_t number, int64_t timeout)
{
	s->fd = fd;
	s->id = id;
	s->number = number;
	s->timeout = timeout;
	assert_int_equal(pthread_create(&s->thread, NULL, sender_run, s), 0);
}

static int sender_end(struct sender *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	return s->ret;
}

static void blocking(void **state)
{
	int fd = world_new(0), slow = member_new(fd), fast = member_new(fd);
	uint32_t id = reactor_new(fd);
	struct drm_fusion_reactor_dispatch args = { .id = id, .channel = CHANNEL };
	struct sender s;
	int i;

	(void)state;
	skip_to(slow, DRM_FUSION_EVENT_JOIN);
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 3), 0);
	assert_int_equal(try_attach_to(fast, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 0), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(try_dispatch(fd, id, 0, i, 0), 2);
	/* who has no room is left out */
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -ETIMEDOUT);
	assert_int_equal(args.listeners, 1);
	args.timeout = after_ms(20);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args), -ETIMEDOUT);
	assert_int_equal(args.listeners, 1);
	for (i = 0; i < 3; i++)
		expect_number(fast, id, i);
	for (i = 0; i < 2; i++)
		assert_int_equal(expect_event(fast, DRM_FUSION_EVENT_REACTOR)->size, 0);
	/* other messages to it do not wait */
	assert_int_equal(try_send(fd, 2, 5, NULL, 0, 0), 0);

	/* while a sender waits, nobody gets it */
	sender_start(&s, fd, id, 3, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	expect_nothing(fast);
	expect_number(slow, id, 0);
	assert_int_equal(sender_end(&s), 2);
	expect_number(fast, id, 3);

	/* a larger limit, a listener that detaches, one that leaves: they let the sender go */
	sender_start(&s, fd, id, 4, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 4), 0);
	assert_int_equal(sender_end(&s), 2);
	assert_int_equal(try_detach_from(slow, id, CHANNEL), 0);
	sender_start(&s, fd, id, 5, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	assert_int_equal(try_detach_from(slow, id, CHANNEL), 0);
	assert_int_equal(sender_end(&s), 1);
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 1), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 6, 0), 2);
	sender_start(&s, fd, id, 7, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	close(slow);
	assert_int_equal(sender_end(&s), 1);
	for (i = 4; i < 7; i++)
		expect_number(fast, id, i);
	/* the news that the other one has gone may come before */
	assert_int_equal(*(uint64_t *)event_data(skip_to(fast, DRM_FUSION_EVENT_REACTOR)), 7);

	/* and the end of the reactor */
	assert_int_equal(try_attach_to(fast, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 1), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 8, 0), 1);
	sender_start(&s, fd, id, 9, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	assert_int_equal(try_destroy(fd, DRM_FUSION_REACTOR, id), 0);
	/* if a signal came in between, it has come back too late */
	if (sender_end(&s) != -ENOENT)
		assert_int_equal(s.ret, -EIDRM);
	skip_to(fast, DRM_FUSION_EVENT_REACTOR);
	assert_int_equal(world_info(fd).memory, 0);
}

/* A sender that leaves while it waits, and a world that ends. */
static void waiting_ends(void **state)
{
	int fd = world_new(0), sender = member_new(fd), slow = member_new(fd);
	uint32_t id = reactor_new(fd);
	struct sender s;

	(void)state;
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 1), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 0, 0), 1);
	sender_start(&s, sender, id, 1, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	assert_int_equal(try_leave(sender), 0);
	/* if a signal came in between, it has come back too late */
	if (sender_end(&s) != -ENOTCONN)
		assert_int_equal(s.ret, -ESHUTDOWN);
	sender = member_new(fd);
	sender_start(&s, sender, id, 1, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, id, 1);
	assert_int_equal(try_leave(fd), 0);
	assert_int_equal(sender_end(&s), -ESHUTDOWN);
}

static void dropping(void **state)
{
	int fd = world_new(0), slow = member_new(fd);
	uint32_t id = reactor_new(fd);
	int i;

	(void)state;
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_DROP_OLDEST, 3), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(try_dispatch(fd, id, 0, i, 0), 1);
	assert_int_equal(expect_event(slow, DRM_FUSION_EVENT_LOST)->arg, 7);
	for (i = 7; i < 10; i++)
		expect_number(slow, id, i);
	expect_nothing(slow);
	/* a smaller limit drops more than one */
	for (i = 0; i < 3; i++)
		assert_int_equal(try_dispatch(fd, id, 0, i, 0), 1);
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_DROP_OLDEST, 1), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 4, 0), 1);
	assert_int_equal(expect_event(slow, DRM_FUSION_EVENT_LOST)->arg, 3);
	expect_number(slow, id, 4);
}

static void disconnecting(void **state)
{
	int fd = world_new(0), slow = member_new(fd);
	uint32_t id = reactor_new(fd);
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_DISCONNECT, 2),
				 0);
	assert_int_equal(try_dispatch(fd, id, 0, 0, 0), 1);
	assert_int_equal(try_dispatch(fd, id, 0, 1, 0), 1);
	assert_int_equal(try_dispatch(fd, id, 0, 2, 0), 0);
	assert_int_equal(try_detach_from(slow, id, CHANNEL), -ENOENT);
	assert_int_equal(expect_event(slow, DRM_FUSION_EVENT_LOST)->arg, 1);
	expect_number(slow, id, 0);
	expect_number(slow, id, 1);
	assert_int_equal(try_dispatch(fd, id, 0, 3, 0), 0);
	assert_int_equal(try_attach_to(slow, id, CHANNEL, DRM_FUSION_FULL_DISCONNECT, 2), 0);
	assert_int_equal(try_dispatch(fd, id, 0, 4, 0), 1);
	expect_number(slow, id, 4);
}

/* The sender learns when all have processed it. */
static void expect_done(int fd, uint32_t id, uint64_t cookie)
{
	struct drm_fusion_event *event = skip_to(fd, DRM_FUSION_EVENT_DISPATCHED);

	assert_int_equal(event->object, id);
	assert_int_equal(event->arg, cookie);
}

static void not_done(int fd)
{
	struct drm_fusion_query_member record = member_record(fd, 1);

	assert_int_equal(record.queued, 0);
}

static void done(void **state)
{
	int fd = world_new(0), a = member_new(fd), b = member_new(fd), c = member_new(fd), i;
	const uint32_t flags = DRM_FUSION_DISPATCH_DONE;
	uint32_t id = reactor_new(fd);

	(void)state;
	skip_to(a, DRM_FUSION_EVENT_JOIN);
	skip_to(a, DRM_FUSION_EVENT_JOIN);
	skip_to(b, DRM_FUSION_EVENT_JOIN);
	for (i = 0; i < 3; i++)
		skip_to(fd, DRM_FUSION_EVENT_JOIN);
	/* nobody listens */
	assert_int_equal(try_dispatch(fd, id, flags, 1, 0), 0);
	expect_done(fd, id, 1);

	assert_int_equal(try_attach_to(a, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 2), 0);
	assert_int_equal(try_attach_to(b, id, CHANNEL, DRM_FUSION_FULL_DROP_OLDEST, 1), 0);
	assert_int_equal(try_attach_to(c, id, CHANNEL, DRM_FUSION_FULL_DISCONNECT, 1), 0);
	assert_int_equal(try_dispatch(fd, id, flags, 2, 0), 3);
	/* it is dropped at b, c is detached, but has the first one */
	assert_int_equal(try_dispatch(fd, id, 0, 3, 0), 2);
	expect_event(c, DRM_FUSION_EVENT_LOST);
	expect_number(c, id, 2);
	not_done(fd);
	expect_nothing(c);
	not_done(fd);
	expect_number(a, id, 2);
	not_done(fd);
	/* it reads again */
	expect_number(a, id, 3);
	expect_done(fd, id, 2);

	/* who has gone has processed it: before it was read, and after */
	assert_int_equal(try_attach_to(c, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 2), 0);
	expect_event(b, DRM_FUSION_EVENT_LOST);
	expect_number(b, id, 3);
	assert_int_equal(try_dispatch(fd, id, flags, 4, 0), 3);
	expect_number(a, id, 4);
	expect_nothing(a);
	expect_number(b, id, 4);
	not_done(fd);
	assert_int_equal(try_leave(b), 0);
	skip_to(fd, DRM_FUSION_EVENT_LEAVE);
	not_done(fd);
	assert_int_equal(try_leave(c), 0);
	expect_done(fd, id, 4);

	/* nobody has room for it */
	assert_int_equal(try_dispatch(fd, id, 0, 5, 0), 1);
	assert_int_equal(try_dispatch(fd, id, 0, 6, 0), 1);
	assert_int_equal(try_dispatch(fd, id, flags, 7, 0), -ETIMEDOUT);
	expect_done(fd, id, 7);
	/* the sender goes before the end */
	assert_int_equal(try_detach_from(a, id, CHANNEL), 0);
	assert_int_equal(try_attach_to(a, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 2), 0);
	assert_int_equal(try_dispatch(fd, id, flags, 8, 0), 1);
	assert_int_equal(try_leave(fd), 0);
	skip_to(a, DRM_FUSION_EVENT_END);
}

/* Listeners in other processes */

struct listen {
	uint32_t id, policy;
};

static int listen_run(int fd, void *arg)
{
	struct listen *l = arg;
	int ret;

	if (try_attach_to(fd, l->id, CHANNEL, l->policy, 2))
		return 1;
	if (try_send(fd, 1, 0, NULL, 0, DRM_FUSION_FOREVER))
		return 2;
	do {
		ret = try_read(fd, data, sizeof(data));
	} while (ret > 0);
	return ret == -ESHUTDOWN ? 0 : 3;
}

static pid_t listen_fork(int fd, uint32_t id, uint32_t policy)
{
	struct listen l = { id, policy };
	pid_t pid = member_fork(fd, listen_run, &l);

	skip_to(fd, DRM_FUSION_EVENT_MESSAGE);
	return pid;
}

/* A stopped listener holds up who waits for it, and nobody else. */
static void stopped(void **state)
{
	int fd = world_new(0), i, status;
	uint32_t drop = reactor_new(fd), block = reactor_new(fd);
	pid_t a = listen_fork(fd, drop, DRM_FUSION_FULL_DROP_OLDEST);
	pid_t b = listen_fork(fd, block, DRM_FUSION_FULL_BLOCK);
	struct sender s;

	(void)state;
	assert_int_equal(kill(a, SIGSTOP), 0);
	assert_int_equal(waitpid(a, &status, WUNTRACED), a);
	assert_int_equal(kill(b, SIGSTOP), 0);
	assert_int_equal(waitpid(b, &status, WUNTRACED), b);
	for (i = 0; i < 1000; i++)
		assert_int_equal(try_dispatch(fd, drop, 0, i, 0), 1);
	assert_true(member_record(fd, 2).queued <= 3);
	while (try_dispatch(fd, block, 0, 0, 0) == 1)
		;
	sender_start(&s, fd, block, 0, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, block, 1);
	assert_int_equal(kill(b, SIGCONT), 0);
	assert_int_equal(sender_end(&s), 1);

	/* and one that is killed while it is waited for */
	assert_int_equal(kill(b, SIGSTOP), 0);
	assert_int_equal(waitpid(b, &status, WUNTRACED), b);
	while (try_dispatch(fd, block, 0, 0, 0) == 1)
		;
	sender_start(&s, fd, block, 0, DRM_FUSION_FOREVER);
	wait_waiters(fd, DRM_FUSION_REACTOR, block, 1);
	member_kill(b);
	assert_int_equal(sender_end(&s), 0);
	member_kill(a);
	wait_members(fd, 1);
	assert_int_equal(world_info(fd).memory, 0);
}

/* Listeners that die at any time: each dispatch comes to its end. */
static void kills(void **state)
{
	int fd = world_new(0), i, ret;
	uint32_t id = reactor_new(fd), flags = DRM_FUSION_DISPATCH_DONE;
	uint64_t sent = 0;
	struct timespec nap = {};
	pid_t pid;

	(void)state;
	for (i = 0; i < 150; i++) {
		pid = listen_fork(fd, id, i % 3);
		for (int n = random() % 10; n; n--) {
			ret = try_dispatch(fd, id, flags, ++sent, DRM_FUSION_FOREVER);
			assert_true(ret == 0 || ret == 1);
			expect_done(fd, id, sent);
		}
		ret = try_dispatch(fd, id, flags, ++sent, DRM_FUSION_FOREVER);
		assert_true(ret == 0 || ret == 1);
		nap.tv_nsec = random() % 500000;
		nanosleep(&nap, NULL);
		member_kill(pid);
		expect_done(fd, id, sent);
	}
	wait_members(fd, 1);
	assert_int_equal(object_record(fd, DRM_FUSION_REACTOR, id).count, 0);
	assert_int_equal(world_info(fd).memory, 0);
}

/* Several senders: each listener gets what one of them sends in its order. */
#define SENDERS		3
#define EACH		200

struct source {
	pthread_t thread;
	int fd;
	uint32_t id;
	uint64_t first;
};

static void *source_run(void *arg)
{
	struct source *s = arg;
	uint64_t i;

	for (i = 0; i < EACH; i++)
		assert_int_equal(try_dispatch(s->fd, s->id, 0, s->first + i,
					      DRM_FUSION_FOREVER), 2);
	return NULL;
}

static void *drain(void *arg)
{
	uint64_t next[SENDERS] = {}, number;
	int fd = *(int *)arg, i;

	for (i = 0; i < SENDERS * EACH; i++) {
		memcpy(&number, event_data(skip_to(fd, DRM_FUSION_EVENT_REACTOR)), sizeof(number));
		if (number % 1000 != next[number / 1000]++)
			return "wrong order";
	}
	return NULL;
}

static void order(void **state)
{
	int fd = world_new(0), a = member_new(fd), b = member_new(fd), i;
	uint32_t id = reactor_new(fd);
	struct source sources[SENDERS];
	pthread_t readers[2];
	void *result;

	(void)state;
	assert_int_equal(try_attach_to(a, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 1), 0);
	assert_int_equal(try_attach_to(b, id, CHANNEL, DRM_FUSION_FULL_BLOCK, 5), 0);
	assert_int_equal(pthread_create(&readers[0], NULL, drain, &a), 0);
	assert_int_equal(pthread_create(&readers[1], NULL, drain, &b), 0);
	for (i = 0; i < SENDERS; i++) {
		sources[i] = (struct source){ .fd = fd, .id = id, .first = i * 1000 };
		assert_int_equal(pthread_create(&sources[i].thread, NULL, source_run,
						&sources[i]), 0);
	}
	for (i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_join(sources[i].thread, NULL), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(readers[i], &result), 0);
		assert_null(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong),
		FUSION_TEST(counted),
		FUSION_TEST(listeners),
		FUSION_TEST(others),
		FUSION_TEST(blocking),
		FUSION_TEST(waiting_ends),
		FUSION_TEST(dropping),
		FUSION_TEST(disconnecting),
		FUSION_TEST(done),
		FUSION_TEST(stopped),
		FUSION_TEST(kills),
		FUSION_TEST(order),
	};

	return cmocka_run_group_tests(tests, NULL, check_signals);
}
