// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl watch
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* As many events as are read at once. */
#define MAX_EVENTS	64

/**
 * struct watched - one argument. The cookie of its events is its index plus one.
 * @name: as given, or the path of the device
 * @queue: it is a video device
 * @gone: its watch has ended
 */
struct watched {
	char *name;
	bool queue;
	bool gone;
};

static const char * const event_names[] = {
	[SHRBUF_EVENT_EMPTY]	= "empty",
	[SHRBUF_EVENT_FILLING]	= "filling",
	[SHRBUF_EVENT_FILLED]	= "filled",
	[SHRBUF_EVENT_ERROR]	= "error",
	[SHRBUF_EVENT_RELEASED]	= "released",
	[SHRBUF_EVENT_ORPHANED]	= "orphaned",
	[SHRBUF_EVENT_GONE]	= "gone",
	[SHRBUF_EVENT_OVERFLOW]	= "overflow",
};

/* Events that are newer than this program are shown by number. */
static void put_event(struct json_object *obj, __u32 type)
{
	char number[16];

	if (type < ARRAY_SIZE(event_names)) {
		tree_put_string(obj, "event", event_names[type]);
		return;
	}
	snprintf(number, sizeof(number), "%u", type);
	tree_put_string(obj, "event", number);
}

static bool has_frame(const struct shrbuf_event *event)
{
	return event->type == SHRBUF_EVENT_FILLED || event->type == SHRBUF_EVENT_ERROR;
}

static void print_json(const struct shrbuf_event *event, const struct watched *watched)
{
	struct json_object *obj = json_object_new_object();

	if (!obj)
		die_no_memory();
	put_event(obj, event->type);
	tree_put(obj, "time", json_object_new_uint64(event->time));
	if (watched) {
		tree_put_string(obj, "target", watched->name);
		tree_put(obj, "id", json_object_new_uint64(event->id));
		if (watched->queue)
			tree_put(obj, "index", json_object_new_uint64(event->index));
		tree_put(obj, "seq", json_object_new_uint64(event->seq));
	}
	if (has_frame(event)) {
		tree_put(obj, "sequence", json_object_new_uint64(event->sequence));
		tree_put(obj, "timestamp", json_object_new_uint64(event->timestamp));
		tree_put(obj, "bytesused", json_object_new_uint64(event->bytesused));
	}
	if (event->type == SHRBUF_EVENT_OVERFLOW)
		tree_put(obj, "lost", json_object_new_uint64(event->lost));
	stream_json(obj);
}

static void print_text(const struct shrbuf_event *event, const struct watched *watched)
{
	printf("%llu.%06llu  ", event->time / 1000000000, event->time / 1000 % 1000000);
	if (event->type == SHRBUF_EVENT_OVERFLOW) {
		printf("%llu event%s lost here: watch less, or let the output flow faster\n",
		       event->lost, event->lost == 1 ? " was" : "s were");
		fflush(stdout);
		return;
	}
	printf("%s  ", watched ? watched->name : "?");
	if (event->id)
		printf("buffer %u", event->id);
	else
		printf("queue");
	if (watched && watched->queue && event->id)
		printf(" index %u", event->index);
	if (event->type < ARRAY_SIZE(event_names))
		printf("  %s", event_names[event->type]);
	else
		printf("  event %u", event->type);
	if (has_frame(event))
		printf("  frame %u, %llu bytes, change %llu", event->sequence,
		       event->bytesused, event->seq);
	putchar('\n');
	fflush(stdout);
}

/* Return: 0 or a negative error number, then a message was printed */
static int watch_one(const struct args *args, int fd, int number, struct watched *watched)
{
	const char *name = args->argv[number];
	struct json_object *result = json_object_new_object();
	enum shrbuf_request what;
	int target, ret;

	if (!result)
		die_no_memory();
	watched->queue = !target_valid(name);
	if (watched->queue)
		watched->name = device_path(name);
	else
		watched->name = strdup(name);
	if (!watched->name)
		die_no_memory();
	tree_put_string(result, "target", watched->name);

	target = watched->queue ? device_open(watched->name, result) :
				  target_open(name, result);
	if (target < 0) {
		stream_fail(args, "watch", result);
		return target;
	}
	if (watched->queue) {
		what = SHRBUF_REQUEST_WATCH_QUEUE;
		ret = shrbuf_watch_queue(fd, target, number + 1, 0);
	} else {
		what = SHRBUF_REQUEST_WATCH;
		ret = shrbuf_watch(fd, target, number + 1, 0);
	}
	/* The buffer shall not live on because it is watched. */
	close(target);
	if (ret) {
		tree_put_error(result, -ret, "%s", shrbuf_explain(what, ret));
		stream_fail(args, "watch", result);
		return ret;
	}
	json_object_put(result);
	return 0;
}

/* Return: number of events, or a negative error number. 0: the user has had enough */
static int wait_events(int fd, const struct stop *stop, struct shrbuf_event *events)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop->fd, .events = POLLIN },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (fds[1].revents)
		return 0;
	return shrbuf_read_events(fd, events, MAX_EVENTS);
}

static int fail(const struct args *args, enum shrbuf_request what, int err)
{
	struct json_object *tree = json_object_new_object();

	if (!tree)
		die_no_memory();
	tree_put_error(tree, -err, "%s", shrbuf_explain(what, err));
	return stream_fail(args, "watch", tree);
}

/* @left: number of watches that have not ended */
static int watch_loop(const struct args *args, int fd, struct watched *watched, int left)
{
	struct shrbuf_event events[MAX_EVENTS];
	unsigned long count = 0;
	int status = EXIT_OK;
	struct stop stop;
	int i, nr;

	stop_open(&stop);
	while (left) {
		nr = wait_events(fd, &stop, events);
		if (!nr)
			break;
		if (nr == -EINTR || nr == -EAGAIN)
			continue;
		if (nr < 0) {
			status = fail(args, SHRBUF_REQUEST_READ_EVENTS, nr);
			break;
		}
		for (i = 0; i < nr && left; i++) {
			struct shrbuf_event *event = &events[i];
			struct watched *w = NULL;

			if (event->cookie && event->cookie <= (__u64)args->argc)
				w = &watched[event->cookie - 1];
			if (args->json)
				print_json(event, w);
			else
				print_text(event, w);
			if (event->type == SHRBUF_EVENT_GONE && w && !w->gone) {
				w->gone = true;
				left--;
			}
			if (args->count && ++count == args->count)
				left = 0;
		}
	}
	stop_close(&stop);
	return status;
}

int watch_stream(const struct args *args)
{
	struct watched *watched = calloc(args->argc, sizeof(*watched));
	int status = EXIT_OK;
	int fd = shrbuf_open();
	int i;

	if (!watched)
		die_no_memory();
	if (fd < 0) {
		free(watched);
		return fail(args, SHRBUF_REQUEST_OPEN, fd);
	}
	/* All or nothing: who looks at some might take the others for quiet. */
	for (i = 0; i < args->argc; i++)
		if (watch_one(args, fd, i, &watched[i]))
			status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = watch_loop(args, fd, watched, args->argc);
	close(fd);
	for (i = 0; i < args->argc; i++)
		free(watched[i].name);
	free(watched);
	return status;
}
