// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer does with routes: it makes them of any camera, adds and removes sinks,
 * starts and stops them, and takes frames, while the other threads use the same cameras.
 *
 * Displays get wild numbers only: no thread sets a mode, so none of them can show a frame.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/shrbuf-route.h>

#include "fuzz.h"

#define ROUTES	BIT(KIND_ROUTE)
#define TAPS	BIT(KIND_TAP)

/* Nobody waits for a frame or an event that may never come. */
static int place_nonblocking(int fd, enum kind kind)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return place(fd, kind);
}

int op_route_create(void)
{
	struct shrbuf_route_op arg = { .video_fd = pick(ANY_VIDEO) };
	int ret;

	flip(&arg, sizeof(arg));
	ret = ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_ROUTE_CREATE, &arg);
	return ret ? ret : place_nonblocking(arg.route_fd, KIND_ROUTE);
}

static void some_sink(struct shrbuf_sink *sink)
{
	sink->policy = below(2);
	sink->max_held = 1 + below(3);
	sink->deadline_ms = one_in(4) ? below(20) : 0;
}

static int add_tap(int route)
{
	struct shrbuf_tap_sink arg = { 0 };
	int ret;

	some_sink(&arg.sink);
	flip(&arg, sizeof(arg));
	ret = ioctl(route, SHRBUF_IOC_ROUTE_ADD_TAP, &arg);
	return ret ? ret : place_nonblocking(arg.tap_fd, KIND_TAP);
}

int op_route_tap(void)
{
	return add_tap(pick(ROUTES));
}

static int add_video(int route, int video)
{
	struct shrbuf_video_sink arg = { .video_fd = video };

	some_sink(&arg.sink);
	flip(&arg, sizeof(arg));
	return ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &arg);
}

/* Outputs, and devices that convert; and cameras, which cannot be it. */
int op_route_video(void)
{
	int route = pick(ROUTES), video = pick(one_in(8) ? ANY_VIDEO :
					       BIT(KIND_OUTPUT) | BIT(KIND_OUTPUT_MP) |
					       BIT(KIND_M2M));
	int type = type_for(video);
	struct v4l2_requestbuffers req = {
		.type = type, .memory = V4L2_MEMORY_MMAP,
	};
	struct shrbuf_queue_op detach = { .fd = video };

	/* buffers are in the way, and mostly there are some */
	ioctl(video, VIDIOC_STREAMOFF, &type);
	ioctl(video, VIDIOC_REQBUFS, &req);
	ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_DETACH, &detach);
	return add_video(route, video);
}

int op_route_display(void)
{
	uint32_t fbs[32];
	struct shrbuf_kms_sink arg = {
		.drm_fd = pick(BIT(KIND_DRM)), .plane_id = below(64),
		.crtc_id = below(64), .end = below(3), .src_w = below(64) << 16,
		.src_h = below(64) << 16, .crtc_w = below(64), .crtc_h = below(64),
		.nr_fbs = 3 + below(2), .fbs = (uintptr_t)fbs,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fbs); i++)
		fbs[i] = below(64);
	some_sink(&arg.sink);
	flip(&arg, sizeof(arg));
	return ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_ADD_KMS, &arg);
}

int op_route_start(void)
{
	struct shrbuf_route_start arg = { 0 };

	if (one_in(8)) {
		arg.flags = SHRBUF_ROUTE_FIFO;
		arg.priority = below(120);
	}
	flip(&arg, sizeof(arg));
	return ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_START, &arg);
}

int op_route_stop(void)
{
	return ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_STOP, one_in(8) ? random64() : 0);
}

int op_route_remove(void)
{
	struct shrbuf_sink_op arg = { .id = below(5) };

	flip(&arg, sizeof(arg));
	return ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_REMOVE, &arg);
}

int op_route_stats(void)
{
	struct shrbuf_route_stats arg = { .sink = one_in(2) ? below(5) : 0 };
	uint32_t sink = arg.sink;
	uint64_t known;

	if (one_in(4)) {
		flip(&arg, sizeof(arg));
		return ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_STATS, &arg);
	}
	if (ioctl(pick(ROUTES), SHRBUF_IOC_ROUTE_STATS, &arg))
		return -1;
	if (arg.sink != sink || arg.state > SHRBUF_SINK_STATE_FAILED ||
	    arg.waiting > arg.held)
		violated("STATS: sink %u for %u, state %u, %u of %u wait", arg.sink, sink,
			 arg.state, arg.waiting, arg.held);
	/* what a sink has when it ends it will not show */
	known = arg.frames_shown + arg.dropped_newer + arg.dropped_held +
		arg.dropped_error + arg.waiting;
	if (sink && known > arg.frames_in)
		violated("STATS: %llu frames of %llu", (unsigned long long)known,
			 (unsigned long long)arg.frames_in);
	return 0;
}

int op_route_events(void)
{
	struct shrbuf_route_event event;
	int fd = pick(ROUTES);
	ssize_t len;

	switch (below(8)) {
	case 0:
		return read(fd, user_memory + 2 * USER_SIZE - below(64), 64);
	case 1:
		return read(fd, (void *)random64(), below(4096));
	default:
		break;
	}
	/* a file of another kind may be there */
	if (ioctl(fd, SHRBUF_IOC_ROUTE_STATS, &(struct shrbuf_route_stats){ 0 }))
		return -1;
	len = read(fd, &event, sizeof(event));
	if (len != sizeof(event) ||
	    ioctl(fd, SHRBUF_IOC_ROUTE_STATS, &(struct shrbuf_route_stats){ 0 }))
		return len < 0 ? -1 : 0;
	if (event.type > SHRBUF_ROUTE_EVENT_SINK_LATE || !event.time)
		violated("event of type %u of a route", event.type);
	return 0;
}

int op_tap_take(void)
{
	struct shrbuf_tap_frame arg = { 0 }, back = { 0 };
	int tap = pick(TAPS);
	unsigned int i;

	flip(&arg, sizeof(arg));
	if (ioctl(tap, SHRBUF_IOC_TAP_TAKE, &arg))
		return -1;
	/* by its number alone it would seldom come back */
	back.index = arg.index;
	if (one_in(2))
		ioctl(tap, SHRBUF_IOC_TAP_GIVE, &back);
	if (arg.nr_planes > SHRBUF_MAX_PLANES ||
	    arg.frame.state != SHRBUF_STATE_FILLED) {
		violated("TAKE: %u planes, state %u", arg.nr_planes, arg.frame.state);
		return 0;
	}
	for (i = 0; i < arg.nr_planes; i++)
		place(arg.fds[i], KIND_DMABUF);
	return 0;
}

int op_tap_give(void)
{
	struct shrbuf_tap_frame arg = { .index = below(6) };

	flip(&arg, sizeof(arg));
	return ioctl(pick(TAPS), SHRBUF_IOC_TAP_GIVE, &arg);
}

/* All steps to a route that runs in a row: by chance alone they would seldom meet. */
int op_route(void)
{
	int video = pick(BIT(KIND_CAPTURE) | BIT(KIND_CAPTURE_MP) | BIT(KIND_M2M));
	struct shrbuf_queue_op attach = { .fd = video };
	struct v4l2_requestbuffers req = {
		.count = 6, .type = type_for(video), .memory = V4L2_MEMORY_MMAP,
	};
	struct shrbuf_route_op arg = { .video_fd = video };
	struct shrbuf_route_start start = { 0 };
	int dev = pick(BIT(KIND_SHRBUF)), type = req.type, route;

	ioctl(video, VIDIOC_STREAMOFF, &type);
	if (one_in(2)) {
		struct v4l2_requestbuffers none = req;

		none.count = 0;
		ioctl(video, VIDIOC_REQBUFS, &none);
		ioctl(dev, SHRBUF_IOC_ATTACH, &attach);
	}
	ioctl(video, VIDIOC_REQBUFS, &req);
	if (ioctl(dev, SHRBUF_IOC_ROUTE_CREATE, &arg))
		return -1;
	/* only we know its number as yet, so that it is this one */
	route = arg.route_fd;
	add_tap(route);
	if (one_in(2))
		add_video(route, pick(BIT(KIND_OUTPUT) | BIT(KIND_M2M)));
	ioctl(route, SHRBUF_IOC_ROUTE_START, &start);
	return place_nonblocking(route, KIND_ROUTE);
}

/* Any request to any of them, with an argument that ends too early, or is none. */
int op_route_wrong(void)
{
	static const unsigned long requests[] = {
		SHRBUF_IOC_ROUTE_ADD_KMS, SHRBUF_IOC_ROUTE_ADD_VIDEO,
		SHRBUF_IOC_ROUTE_ADD_TAP, SHRBUF_IOC_ROUTE_REMOVE,
		SHRBUF_IOC_ROUTE_START, SHRBUF_IOC_ROUTE_STATS, SHRBUF_IOC_TAP_TAKE,
		SHRBUF_IOC_TAP_GIVE, SHRBUF_IOC_ROUTE_CREATE,
	};
	unsigned long request = requests[below(ARRAY_SIZE(requests))];
	int fd = pick(ROUTES | TAPS | BIT(KIND_SHRBUF));

	if (one_in(4))
		request = _IOC(below(4), SHRBUF_IOC_MAGIC, 0x20 + below(16),
			       _IOC_SIZE(request));
	if (one_in(2))
		return ioctl(fd, request, random64() % (1 << 20));
	/* too short for all of them, for nobody would know a file descriptor */
	memset(user_memory + 2 * USER_SIZE - 8, 0, 8);
	return ioctl(fd, request, user_memory + 2 * USER_SIZE - 8);
}
