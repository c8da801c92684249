// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer does with the render node of fusion: members of worlds, in this process
 * and in children, which join, lock, count, send, call, share and die, and write over the
 * states that they all have mapped.
 *
 * Kept out of it: waits without end, worlds of more than a few MiB, and worlds whose first
 * member may kill others, which could be the fuzzer itself.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "../fusion/members.h"

#define MEMBERS		BIT(KIND_FUSION)
#define WORLDS		BIT(KIND_WORLD)
#define MAX_MEMORY	(4 << 20)
#define MAX_OBJECTS	48
/* what a child does before it goes */
#define CHILD_OPS	64

static char path[64];

void find_fusion(void)
{
	char link[64];
	int fd = node_open();

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(readlink(link, path, sizeof(path) - 1) > 0);
	close(fd);
}

/* Over already, or soon. */
static int64_t deadline(void)
{
	struct timespec now;

	if (one_in(2))
		return one_in(8) ? -(int64_t)below(1000) : 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec + below(10) * 1000000;
}

/* The number of an object or a member of the world, mostly one that there is. */
static uint32_t some(int fd, uint32_t what, uint32_t type)
{
	struct drm_fusion_query_object records[8];
	struct drm_fusion_query args = {
		.what = what, .type = type, .count = 1 + below(ARRAY_SIZE(records)),
		.records = (uintptr_t)records,
	};

	if (one_in(8) || ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args) || !args.count)
		return one_in(8) ? random64() : below(8);
	if (what == DRM_FUSION_QUERY_OBJECTS)
		return records[args.count - 1].id;
	return ((struct drm_fusion_query_member *)records)[args.count - 1].id;
}

static uint32_t some_object(int fd, uint32_t type)
{
	return some(fd, DRM_FUSION_QUERY_OBJECTS, type);
}

static uint32_t some_member(int fd)
{
	return some(fd, DRM_FUSION_QUERY_MEMBERS, 0);
}

static uint32_t some_type(void)
{
	return below(DRM_FUSION_TYPES + !below(8));
}

static struct drm_fusion_payload some_payload(void)
{
	static __thread uint32_t handles[DRM_FUSION_MAX_HANDLES + 1];
	struct drm_fusion_payload payload = {
		.data = (uintptr_t)user_memory,
		.size = below(one_in(8) ? DRM_FUSION_MAX_PAYLOAD + 2 : 64),
	};
	unsigned int i;

	if (one_in(4)) {
		for (i = 0; i < ARRAY_SIZE(handles); i++)
			handles[i] = 1 + below(6);
		payload.handles = (uintptr_t)handles;
		payload.nr_handles = one_in(16) ? below(ARRAY_SIZE(handles) + 1) : below(3);
	}
	return payload;
}

/* worlds */

static int new_world(int fd)
{
	struct drm_fusion_world_create args = { .world_name = "fuzz", .member_name = "first" };

	flip(&args, sizeof(args));
	args.flags &= ~DRM_FUSION_WORLD_HOLDUP_KILLS;
	if (!one_in(4))
		args.flags |= DRM_FUSION_WORLD_SURVIVE;
	args.max_memory = MAX_MEMORY;
	args.max_objects = MAX_OBJECTS;
	return ioctl(fd, DRM_IOCTL_FUSION_WORLD_CREATE, &args);
}

static int join_world(int fd)
{
	struct drm_fusion_world_join args = { .fd = pick(WORLDS), .member_name = "fuzz" };

	flip(&args, sizeof(args));
	return ioctl(fd, DRM_IOCTL_FUSION_WORLD_JOIN, &args);
}

static int export_world(int fd)
{
	struct drm_fusion_world_export args = { .fd = -1 };

	flip(&args, sizeof(args));
	if (ioctl(fd, DRM_IOCTL_FUSION_WORLD_EXPORT, &args))
		return -1;
	return place(args.fd, KIND_WORLD);
}

/* A member, and what lets others in. */
int op_fusion_open(void)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (join_world(fd) && !new_world(fd))
		export_world(fd);
	return place(fd, KIND_FUSION);
}

int op_fusion_world(void)
{
	int fd = pick(MEMBERS);

	switch (below(4)) {
	case 0:
		return new_world(fd);
	case 1:
		return join_world(fd);
	case 2:
		return export_world(fd);
	default:
		return one_in(2) ? ioctl(fd, DRM_IOCTL_FUSION_WORLD_LEAVE) : 0;
	}
}

int op_fusion_query(void)
{
	struct drm_fusion_query args = {
		.what = below(4), .after = one_in(2) ? 0 : below(8), .count = below(32),
		.records = (uintptr_t)user_memory,
	};
	struct drm_fusion_get_param param = { .param = below(8) };
	struct drm_fusion_world_info info;
	int fd = pick(MEMBERS);

	if (args.what == DRM_FUSION_QUERY_OBJECTS)
		args.type = some_type();
	flip(&args.what, offsetof(struct drm_fusion_query, count));
	if (one_in(8))
		args.records = (uintptr_t)user_memory + 2 * USER_SIZE - below(512);
	ioctl(fd, DRM_IOCTL_FUSION_GET_PARAM, &param);
	if (!ioctl(fd, DRM_IOCTL_FUSION_WORLD_INFO, &info) &&
	    (info.objects > info.max_objects + 64 || info.memory > info.max_memory + USER_SIZE))
		violated("a world has %u objects and %llu bytes", info.objects, info.memory);
	return ioctl(fd, DRM_IOCTL_FUSION_QUERY, &args);
}

int op_fusion_thread(void)
{
	struct drm_fusion_thread args = { .flags = one_in(4) ? DRM_FUSION_THREAD_GONE : 0 };

	flip(&args, sizeof(args));
	return ioctl(pick(MEMBERS), DRM_IOCTL_FUSION_THREAD, &args);
}

/* objects */

int op_fusion_create(void)
{
	struct drm_fusion_object_create args = { .type = some_type(), .name = "fuzz" };

	if (args.type == DRM_FUSION_POOL)
		args.arg = one_in(8) ? random64() : 16 * PAGE;
	else if (args.type == DRM_FUSION_CALL)
		args.arg = random64();
	flip(&args, sizeof(args));
	return ioctl(pick(MEMBERS), DRM_IOCTL_FUSION_OBJECT_CREATE, &args);
}

int op_fusion_destroy(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_object_name name = { .type = some_type(), .name = "a\tname" };
	struct drm_fusion_object args = { .type = name.type };

	args.id = some_object(fd, args.type);
	name.id = args.id;
	flip(&name, sizeof(name));
	ioctl(fd, DRM_IOCTL_FUSION_OBJECT_NAME, &name);
	return ioctl(fd, DRM_IOCTL_FUSION_OBJECT_DESTROY, &args);
}

int op_fusion_skirmish(void)
{
	static const unsigned long requests[] = {
		DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, DRM_IOCTL_FUSION_SKIRMISH_UNLOCK,
		DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT,
	};
	int fd = pick(MEMBERS);
	struct drm_fusion_skirmish_lock lock = { .id = some_object(fd, DRM_FUSION_SKIRMISH) };
	struct drm_fusion_skirmish_op op = { .id = lock.id };

	switch (below(6)) {
	case 0:
	case 1:
		lock.flags = below(2);
		flip(&lock, sizeof(lock));
		lock.timeout = deadline();
		return ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_LOCK, &lock);
	case 2:
		lock.timeout = deadline();
		return ioctl(fd, DRM_IOCTL_FUSION_SKIRMISH_WAIT, &lock);
	default:
		op.flags = one_in(4);
		flip(&op, sizeof(op));
		return ioctl(fd, requests[below(ARRAY_SIZE(requests))], &op);
	}
}

int op_fusion_ref(void)
{
	int fd = pick(MEMBERS);
	uint32_t id = some_object(fd, DRM_FUSION_REF);
	struct drm_fusion_ref_attach attach = { .id = id };
	struct drm_fusion_ref_count count = { .id = id, .flags = below(4) };
	struct drm_fusion_ref_zero zero = { .id = id, .timeout = deadline() };
	struct drm_fusion_ref_watch watch = {
		.id = id, .call = one_in(2) ? some_object(fd, DRM_FUSION_CALL) : 0,
	};
	struct drm_fusion_ref_pair pair = { .id = id };
	struct drm_fusion_ref_stat stat = { .id = id };

	switch (below(11)) {
	case 0:
		return ioctl(fd, DRM_IOCTL_FUSION_REF_ATTACH, &attach);
	case 1:
		return ioctl(fd, DRM_IOCTL_FUSION_REF_ZERO_LOCK, &zero);
	case 2:
		count.flags = 0;
		return ioctl(fd, DRM_IOCTL_FUSION_REF_UNLOCK, &count);
	case 3:
		return ioctl(fd, DRM_IOCTL_FUSION_REF_WATCH, &watch);
	case 4:
		pair.other = some_object(fd, DRM_FUSION_REF);
		return ioctl(fd, DRM_IOCTL_FUSION_REF_INHERIT, &pair);
	case 5:
		pair.other = some_member(fd);
		return ioctl(fd, DRM_IOCTL_FUSION_REF_THROW, &pair);
	case 6:
		count.flags = 0;
		return ioctl(fd, DRM_IOCTL_FUSION_REF_CATCH, &count);
	case 7:
		return ioctl(fd, DRM_IOCTL_FUSION_REF_STAT, &stat);
	default:
		flip(&count, sizeof(count));
		return ioctl(fd, DRM_IOCTL_FUSION_REF_COUNT, &count);
	}
}

int op_fusion_property(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_property_take take = {
		.id = some_object(fd, DRM_FUSION_PROPERTY), .kind = 1 + below(2),
	};
	struct drm_fusion_property_op op = { .id = take.id };

	if (one_in(2)) {
		flip(&take, sizeof(take));
		take.timeout = deadline();
		return ioctl(fd, DRM_IOCTL_FUSION_PROPERTY_TAKE, &take);
	}
	flip(&op, sizeof(op));
	return ioctl(fd, one_in(4) ? DRM_IOCTL_FUSION_PROPERTY_HOLDUP :
		     DRM_IOCTL_FUSION_PROPERTY_CEDE, &op);
}

/* messages, dispatches and calls */

int op_fusion_send(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_message_send args = {
		.member = some_member(fd), .payload = some_payload(), .kind = random64(),
	};

	flip(&args, sizeof(args));
	args.timeout = deadline();
	return ioctl(fd, DRM_IOCTL_FUSION_MESSAGE_SEND, &args);
}

int op_fusion_reactor(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_reactor_attach attach = {
		.id = some_object(fd, DRM_FUSION_REACTOR), .channel = below(2),
		.policy = below(3), .limit = below(4),
	};
	struct drm_fusion_reactor_dispatch dispatch = {
		.id = attach.id, .channel = below(2), .flags = below(4),
		.payload = some_payload(),
	};

	switch (below(4)) {
	case 0:
		flip(&attach, sizeof(attach));
		return ioctl(fd, DRM_IOCTL_FUSION_REACTOR_ATTACH, &attach);
	case 1:
		attach.policy = 0;
		attach.limit = 0;
		return ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DETACH, &attach);
	default:
		flip(&dispatch, sizeof(dispatch));
		dispatch.timeout = deadline();
		return ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &dispatch);
	}
}

int op_fusion_call(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_call_execute args = {
		.id = some_object(fd, DRM_FUSION_CALL), .payload = some_payload(),
	};

	if (one_in(4)) {
		args.flags = DRM_FUSION_CALL_ONEWAY | below(2) * DRM_FUSION_CALL_QUEUE;
	} else {
		args.reply = (uintptr_t)user_memory + USER_SIZE;
		args.reply_room = below(256);
		args.reply_handles = one_in(2) ? (uintptr_t)user_memory : 0;
	}
	flip(&args, sizeof(args));
	args.timeout = deadline();
	return ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
}

/* What has come must be messages as the header says, one behind another. */
static void check_messages(const char *at, size_t left)
{
	while (left) {
		struct drm_fusion_event event;

		if (left < sizeof(event))
			return violated("%zu bytes of a message", left);
		memcpy(&event, at, sizeof(event));
		if (event.base.length < sizeof(event) || event.base.length > left ||
		    event.base.length % 8 || event.nr_handles > DRM_FUSION_MAX_HANDLES ||
		    event.base.length < sizeof(event) + 4 * event.nr_handles + event.size)
			return violated("message of type %#x, length %u of %zu", event.base.type,
					event.base.length, left);
		at += event.base.length;
		left -= event.base.length;
	}
}

/* Receives, and replies to the last call or to any number; several times in a row. */
int op_fusion_serve(void)
{
	static __thread char buffer[16384];
	struct drm_fusion_receive args = { .buffer = (uintptr_t)buffer };
	int fd = pick(MEMBERS), ret = 0;
	unsigned int i, times = 1 + below(4);

	for (i = 0; i < times && !ret; i++) {
		struct drm_fusion_event *event = (void *)buffer;

		args.size = one_in(8) ? below(256) : sizeof(buffer);
		args.timeout = deadline();
		args.reply.payload = some_payload();
		args.reply.flags = !below(32);
		ret = ioctl(fd, DRM_IOCTL_FUSION_RECEIVE, &args);
		if (ret)
			break;
		check_messages(buffer, args.used);
		args.reply.serial = one_in(16) ? below(64) : event->serial;
		args.reply.payload = some_payload();
		if (one_in(2) && args.reply.serial) {
			ret = ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &args.reply);
			args.reply.serial = one_in(8) ? args.reply.serial : 0;
		}
	}
	return ret;
}

int op_fusion_read(void)
{
	static __thread char buffer[16384];
	int fd = pick(MEMBERS);
	struct drm_fusion_world_info info;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t len;

	switch (below(8)) {
	case 0:
		return read(fd, user_memory + 2 * USER_SIZE - below(512), 2048);
	case 1:
		return read(fd, (void *)random64(), below(4096));
	case 2:
		return poll(&poll_fd, 1, below(2));
	default:
		break;
	}
	/* a file of another kind may be there, before or after */
	if (ioctl(fd, DRM_IOCTL_FUSION_WORLD_INFO, &info))
		return -1;
	len = read(fd, buffer, below(sizeof(buffer)));
	if (len > 0 && !ioctl(fd, DRM_IOCTL_FUSION_WORLD_INFO, &info))
		check_messages(buffer, len);
	return len < 0 ? -1 : 0;
}

/* memory */

int op_fusion_buffer(void)
{
	int fd = pick(MEMBERS);
	struct drm_fusion_buffer_create create = { .size = below(8 * PAGE) };
	struct drm_fusion_buffer_share share = { .handle = 1 + below(6), .name = "fuzz" };
	struct drm_fusion_buffer_mmap map = { .handle = 1 + below(6) };
	size_t size = PAGE * (1 + below(4));
	void *memory;

	switch (below(4)) {
	case 0:
		return ioctl(fd, DRM_IOCTL_FUSION_BUFFER_CREATE, &create);
	case 1:
		flip(&share, sizeof(share));
		return ioctl(fd, DRM_IOCTL_FUSION_BUFFER_SHARE, &share);
	case 2:
		share.id = some_object(fd, DRM_FUSION_BUFFER);
		return ioctl(fd, DRM_IOCTL_FUSION_BUFFER_OPEN, &share);
	default:
		if (ioctl(fd, DRM_IOCTL_FUSION_BUFFER_MMAP, &map))
			return -1;
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      one_in(16) ? MAP_PRIVATE : MAP_SHARED, fd,
			      map.offset + PAGE * !below(8));
		if (memory == MAP_FAILED)
			return -1;
		keep_map(memory, size);
		return 0;
	}
}

int op_fusion_pool(void)
{
	struct drm_fusion_pool_segment segments[8];
	int fd = pick(MEMBERS);
	struct drm_fusion_pool_grow grow = {
		.id = some_object(fd, DRM_FUSION_POOL), .size = below(20 * PAGE),
	};
	struct drm_fusion_pool_segments args = {
		.id = grow.id, .first = below(2), .count = below(ARRAY_SIZE(segments) + 1),
		.segments = (uintptr_t)segments,
	};

	if (one_in(2)) {
		flip(&grow.id, sizeof(grow.id));
		return ioctl(fd, DRM_IOCTL_FUSION_POOL_GROW, &grow);
	}
	flip(&args.flags, sizeof(args.flags));
	return ioctl(fd, DRM_IOCTL_FUSION_POOL_SEGMENTS, &args);
}

int op_fusion_map(void)
{
	bool own = one_in(2);
	size_t size = PAGE * (1 + below(2));
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, one_in(16) ? MAP_PRIVATE : MAP_SHARED,
			 pick(MEMBERS), (own ? DRM_FUSION_MMAP_MEMBER : DRM_FUSION_MMAP_WORLD) +
			 (one_in(8) ? PAGE * random64() % (1 << 30) : 0));

	if (map == MAP_FAILED)
		return -1;
	keep_map(map, size);
	return 0;
}

/* Words that mean something, and words that do not, all over a mapping. */
int op_fusion_scribble(void)
{
	unsigned int i = below(NR_MAPS), n;
	uint32_t *words = self->maps[i];
	size_t nr = self->map_sizes[i] / sizeof(*words);

	if (!words)
		return -1;
	if (!sigsetjmp(self->bus, 1)) {
		self->bus_armed = true;
		for (n = 0; n < 64; n++) {
			uint32_t word = below(12) | (below(8) << 29);

			if (one_in(4))
				word = one_in(2) ? 0 : random64();
			/* the first objects and threads are those that are used */
			__atomic_store_n(&words[below(one_in(2) ? nr : 128)], word,
					 __ATOMIC_RELAXED);
		}
	}
	self->bus_armed = false;
	return 0;
}

int op_fusion_syncobj(void)
{
	int fd = pick(MEMBERS);
	struct drm_syncobj_create create = { .flags = below(2) };
	struct drm_syncobj_handle handle = { .handle = 1 + below(4) };
	uint32_t handles[2] = { 1 + below(4), 1 + below(4) };
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)handles, .count_handles = below(3),
		.flags = below(4), .timeout_nsec = deadline(),
	};
	struct drm_syncobj_array array = {
		.handles = (uintptr_t)handles, .count_handles = below(3),
	};
	struct drm_syncobj_destroy destroy = { .handle = 1 + below(4) };

	switch (below(6)) {
	case 0:
		return ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create);
	case 1:
		handle.flags = below(2);
		if (ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &handle))
			return -1;
		return place(handle.fd, handle.flags ? KIND_SYNC_FILE : KIND_OTHER);
	case 2:
		handle.fd = pick(BIT(KIND_SYNC_FILE) | BIT(KIND_OTHER));
		handle.flags = below(2);
		return ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &handle);
	case 3:
		return ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
	case 4:
		return ioctl(fd, one_in(2) ? DRM_IOCTL_SYNCOBJ_SIGNAL : DRM_IOCTL_SYNCOBJ_RESET,
			     &array);
	default:
		return ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
	}
}

/* Any request with any bytes, with half of an argument, or none. */
int op_fusion_wrong(void)
{
	static const struct {
		unsigned long request;
		size_t timeout;
	} requests[] = {
#define WAITS(name, type) { DRM_IOCTL_FUSION_##name, offsetof(struct drm_fusion_##type, timeout) }
		WAITS(MESSAGE_SEND, message_send),
		WAITS(SKIRMISH_LOCK, skirmish_lock),
		WAITS(SKIRMISH_WAIT, skirmish_lock),
		WAITS(REF_ZERO_LOCK, ref_zero),
		WAITS(REACTOR_DISPATCH, reactor_dispatch),
		WAITS(CALL_EXECUTE, call_execute),
		WAITS(RECEIVE, receive),
		WAITS(PROPERTY_TAKE, property_take),
		{ DRM_IOCTL_FUSION_GET_PARAM, 0 }, { DRM_IOCTL_FUSION_WORLD_INFO, 0 },
		{ DRM_IOCTL_FUSION_QUERY, 0 }, { DRM_IOCTL_FUSION_THREAD, 0 },
		{ DRM_IOCTL_FUSION_OBJECT_CREATE, 0 }, { DRM_IOCTL_FUSION_OBJECT_DESTROY, 0 },
		{ DRM_IOCTL_FUSION_OBJECT_NAME, 0 }, { DRM_IOCTL_FUSION_SKIRMISH_UNLOCK, 0 },
		{ DRM_IOCTL_FUSION_SKIRMISH_NOTIFY, 0 },
		{ DRM_IOCTL_FUSION_SKIRMISH_CONSISTENT, 0 }, { DRM_IOCTL_FUSION_REF_ATTACH, 0 },
		{ DRM_IOCTL_FUSION_REF_COUNT, 0 }, { DRM_IOCTL_FUSION_REF_UNLOCK, 0 },
		{ DRM_IOCTL_FUSION_REF_WATCH, 0 }, { DRM_IOCTL_FUSION_REF_INHERIT, 0 },
		{ DRM_IOCTL_FUSION_REF_THROW, 0 }, { DRM_IOCTL_FUSION_REF_CATCH, 0 },
		{ DRM_IOCTL_FUSION_REF_STAT, 0 }, { DRM_IOCTL_FUSION_REACTOR_ATTACH, 0 },
		{ DRM_IOCTL_FUSION_REACTOR_DETACH, 0 }, { DRM_IOCTL_FUSION_CALL_REPLY, 0 },
		{ DRM_IOCTL_FUSION_PROPERTY_CEDE, 0 }, { DRM_IOCTL_FUSION_PROPERTY_HOLDUP, 0 },
		{ DRM_IOCTL_FUSION_BUFFER_MMAP, 0 }, { DRM_IOCTL_FUSION_BUFFER_SHARE, 0 },
		{ DRM_IOCTL_FUSION_BUFFER_OPEN, 0 }, { DRM_IOCTL_FUSION_POOL_GROW, 0 },
		{ DRM_IOCTL_FUSION_POOL_SEGMENTS, 0 },
	};
	unsigned int i = below(ARRAY_SIZE(requests)), n;
	unsigned long request = requests[i].request;
	size_t size = _IOC_SIZE(request);
	uint64_t arg[32];
	int64_t until = deadline();

	/* small numbers mean something, most others are refused at once */
	for (n = 0; n < ARRAY_SIZE(arg); n++)
		arg[n] = one_in(4) ? random64() : below(8) | (uint64_t)below(4) << 32;
	if (requests[i].timeout)
		memcpy((char *)arg + requests[i].timeout, &until, sizeof(until));
	switch (below(4)) {
	case 0:
		return ioctl(pick(MEMBERS), request, random64() % (1 << 20));
	case 1:
		/* what is missing is zero, so nothing waits for long */
		size = below(size + 1);
		if (requests[i].timeout && size > requests[i].timeout)
			size = requests[i].timeout;
		request = _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
		break;
	default:
		break;
	}
	return ioctl(pick(MEMBERS), request, arg);
}

/* Members in a process of their own: it ends, or is killed, wherever it is. */
static int child(void)
{
	static int (*const ops[])(void) = {
		op_fusion_create, op_fusion_skirmish, op_fusion_skirmish, op_fusion_ref,
		op_fusion_property, op_fusion_send, op_fusion_reactor, op_fusion_call,
		op_fusion_serve, op_fusion_serve, op_fusion_read, op_fusion_buffer,
		op_fusion_pool, op_fusion_map, op_fusion_scribble, op_fusion_wrong,
		op_fusion_world, op_fusion_thread, op_fusion_destroy,
	};
	unsigned int i, nr = below(CHILD_OPS);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 4; i++)
		op_fusion_open();
	for (i = 0; i < nr; i++)
		ops[below(ARRAY_SIZE(ops))]();
	return 0;
}

int op_fusion_child(void)
{
	bool killed = one_in(2);
	pid_t pid = fork();

	if (!pid)
		_exit(child());
	if (pid < 0)
		return -1;
	if (killed) {
		usleep(below(20000));
		kill(pid, SIGKILL);
	}
	return waitpid(pid, NULL, 0);
}
