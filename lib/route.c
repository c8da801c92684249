// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of routes and taps. See shrbuf.h for what they promise.
 */

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

int shrbuf_route_create(int fd, int video_fd)
{
	struct shrbuf_route_op op = { .video_fd = video_fd };
	int ret = shrbuf_ioctl(fd, SHRBUF_IOC_ROUTE_CREATE, &op);

	return ret ? ret : op.route_fd;
}

int shrbuf_route_add_kms(int route_fd, struct shrbuf_kms_sink *sink)
{
	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_ADD_KMS, sink);
}

int shrbuf_route_add_video(int route_fd, struct shrbuf_video_sink *sink)
{
	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_ADD_VIDEO, sink);
}

int shrbuf_route_add_tap(int route_fd, struct shrbuf_tap_sink *sink)
{
	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_ADD_TAP, sink);
}

int shrbuf_route_remove(int route_fd, __u32 id)
{
	struct shrbuf_sink_op op = { .id = id };

	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_REMOVE, &op);
}

int shrbuf_route_start(int route_fd, unsigned int priority)
{
	struct shrbuf_route_start arg = {
		.flags = priority ? SHRBUF_ROUTE_FIFO : 0,
		.priority = priority,
	};

	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_START, &arg);
}

int shrbuf_route_stop(int route_fd)
{
	return shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_STOP, NULL);
}

int shrbuf_route_get_stats(int route_fd, __u32 sink, struct shrbuf_route_stats *stats)
{
	struct shrbuf_route_stats arg = { .sink = sink };
	int ret = shrbuf_ioctl(route_fd, SHRBUF_IOC_ROUTE_STATS, &arg);

	if (!ret)
		*stats = arg;
	return ret;
}

int shrbuf_route_read_event(int route_fd, struct shrbuf_route_event *event)
{
	struct shrbuf_route_event got;
	ssize_t len = read(route_fd, &got, sizeof(got));

	if (len < 0)
		return -errno;
	/* A file of another kind. */
	if (len != sizeof(got))
		return -EIO;
	*event = got;
	return 0;
}

int shrbuf_tap_take(int tap_fd, struct shrbuf_tap_frame *frame)
{
	struct shrbuf_tap_frame arg = { 0 };

	/* It may wait for long, so a signal ends it. */
	if (ioctl(tap_fd, SHRBUF_IOC_TAP_TAKE, &arg) < 0)
		return -errno;
	*frame = arg;
	return 0;
}

int shrbuf_tap_give(int tap_fd, __u32 index)
{
	struct shrbuf_tap_frame arg = { .index = index };

	return shrbuf_ioctl(tap_fd, SHRBUF_IOC_TAP_GIVE, &arg);
}
