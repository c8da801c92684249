// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of /dev/shrbuf. See shrbuf.h for what they promise.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

/* All requests but those that wait for as long as nothing happens. */
int shrbuf_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static int shrbuf_queue_request(int fd, unsigned long request, int video_fd, __u32 flags)
{
	struct shrbuf_queue_op op = { .fd = video_fd, .flags = flags };

	return shrbuf_ioctl(fd, request, &op);
}

int shrbuf_open(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int shrbuf_get_version(int fd, struct shrbuf_version *version)
{
	struct shrbuf_version arg = { 0 };
	int ret = shrbuf_ioctl(fd, SHRBUF_IOC_VERSION, &arg);

	if (!ret)
		*version = arg;
	return ret;
}

int shrbuf_attach_queue(int fd, int video_fd)
{
	return shrbuf_queue_request(fd, SHRBUF_IOC_ATTACH, video_fd, 0);
}

int shrbuf_detach_queue(int fd, int video_fd)
{
	return shrbuf_queue_request(fd, SHRBUF_IOC_DETACH, video_fd, 0);
}

int shrbuf_test_queue(int fd, int video_fd)
{
	return shrbuf_queue_request(fd, SHRBUF_IOC_ATTACH, video_fd, SHRBUF_ATTACH_TEST);
}

int shrbuf_configure_queue(int fd, int video_fd, __u32 flags, __u32 wait_ms,
			   __u32 fence_ms)
{
	struct shrbuf_queue_config config = {
		.fd = video_fd, .flags = flags, .wait_ms = wait_ms,
		.fence_ms = fence_ms,
	};

	return shrbuf_ioctl(fd, SHRBUF_IOC_CONFIGURE, &config);
}

int shrbuf_alloc(int fd, __u64 size, const char *name)
{
	return shrbuf_alloc_flags(fd, size, name, 0, 0);
}

int shrbuf_alloc_flags(int fd, __u64 size, const char *name, __u32 flags, int device_fd)
{
	struct shrbuf_alloc_op op = { .size = size, .flags = flags, .fd_flags = O_RDWR };
	int ret;

	if (flags & SHRBUF_ALLOC_DEVICE)
		op.device = device_fd;
	if (name) {
		if (strlen(name) >= sizeof(op.name))
			return -ENAMETOOLONG;
		memcpy(op.name, name, strlen(name));
	}
	ret = shrbuf_ioctl(fd, SHRBUF_IOC_ALLOC, &op);
	return ret ? ret : op.fd;
}

int shrbuf_get_info(int fd, int buffer_fd, struct shrbuf_info *info)
{
	struct shrbuf_info arg = { .fd = buffer_fd };
	int ret = shrbuf_ioctl(fd, SHRBUF_IOC_INFO, &arg);

	if (!ret)
		*info = arg;
	return ret;
}

int shrbuf_set_format(int fd, int buffer_fd, const struct shrbuf_format *format)
{
	struct shrbuf_format_op op = { .fd = buffer_fd };

	if (format)
		op.format = *format;
	return shrbuf_ioctl(fd, SHRBUF_IOC_SET_FORMAT, &op);
}

int shrbuf_set_state(int fd, int buffer_fd, struct shrbuf_frame *frame)
{
	struct shrbuf_state_op op = { .fd = buffer_fd, .frame = *frame };
	int ret;

	/* Those of the last change, if the caller uses the structure again. */
	op.frame.seq = 0;
	op.frame.time = 0;
	ret = shrbuf_ioctl(fd, SHRBUF_IOC_SET_STATE, &op);
	if (!ret) {
		frame->seq = op.frame.seq;
		frame->time = op.frame.time;
	}
	return ret;
}

int shrbuf_watch(int fd, int buffer_fd, __u64 cookie, __u32 events)
{
	struct shrbuf_watch_op op = {
		.fd = buffer_fd, .cookie = cookie, .events = events,
	};

	return shrbuf_ioctl(fd, SHRBUF_IOC_WATCH, &op);
}

int shrbuf_watch_queue(int fd, int video_fd, __u64 cookie, __u32 events)
{
	struct shrbuf_watch_op op = {
		.fd = video_fd, .flags = SHRBUF_WATCH_QUEUE,
		.cookie = cookie, .events = events,
	};

	return shrbuf_ioctl(fd, SHRBUF_IOC_WATCH, &op);
}

int shrbuf_unwatch(int fd, int buffer_fd)
{
	struct shrbuf_watch_op op = { .fd = buffer_fd };

	return shrbuf_ioctl(fd, SHRBUF_IOC_UNWATCH, &op);
}

int shrbuf_unwatch_queue(int fd, int video_fd)
{
	struct shrbuf_watch_op op = { .fd = video_fd, .flags = SHRBUF_WATCH_QUEUE };

	return shrbuf_ioctl(fd, SHRBUF_IOC_UNWATCH, &op);
}

int shrbuf_read_events(int fd, struct shrbuf_event *events, size_t nr)
{
	ssize_t len;

	/* The number must fit into what is returned. */
	if (nr > INT_MAX / sizeof(*events))
		nr = INT_MAX / sizeof(*events);
	len = read(fd, events, nr * sizeof(*events));
	if (len < 0)
		return -errno;
	/* Nothing at all, as of /dev/null, or half an event: a file of another kind. */
	if (!len || len % sizeof(*events))
		return -EINVAL;
	return len / sizeof(*events);
}

int shrbuf_hold(int fd, int buffer_fd, __u64 seq, struct shrbuf_frame *frame)
{
	struct shrbuf_hold_op op = { .fd = buffer_fd, .frame.seq = seq };
	int ret = shrbuf_ioctl(fd, SHRBUF_IOC_HOLD, &op);

	if (!ret && frame)
		*frame = op.frame;
	return ret;
}

static int shrbuf_buffer_request(int fd, unsigned long request, int buffer_fd)
{
	struct shrbuf_buffer_op op = { .fd = buffer_fd };

	return shrbuf_ioctl(fd, request, &op);
}

int shrbuf_release(int fd, int buffer_fd)
{
	return shrbuf_buffer_request(fd, SHRBUF_IOC_RELEASE, buffer_fd);
}

int shrbuf_adopt(int fd, int dmabuf_fd, int mode)
{
	struct shrbuf_adopt_op op = { .fd = dmabuf_fd, .fd_flags = mode };
	int ret = shrbuf_ioctl(fd, SHRBUF_IOC_ADOPT, &op);

	return ret ? ret : op.buffer_fd;
}

int shrbuf_disown(int fd, int buffer_fd)
{
	return shrbuf_buffer_request(fd, SHRBUF_IOC_DISOWN, buffer_fd);
}

const char *shrbuf_library_release(void)
{
	return SHRBUF_LIBRARY_RELEASE;
}
