// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of /dev/shrbuf. See shrbuf.h for what they promise.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shrbuf.h"

/* The only place that calls the kernel with a request. */
static int shrbuf_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static int shrbuf_queue_request(int fd, unsigned long request, int video_fd)
{
	struct shrbuf_queue_op op = { .fd = video_fd };

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
	return shrbuf_queue_request(fd, SHRBUF_IOC_ATTACH, video_fd);
}

int shrbuf_detach_queue(int fd, int video_fd)
{
	return shrbuf_queue_request(fd, SHRBUF_IOC_DETACH, video_fd);
}

int shrbuf_alloc(int fd, __u64 size, const char *name)
{
	struct shrbuf_alloc_op op = { .size = size, .fd_flags = O_RDWR };
	int ret;

	if (name) {
		if (strlen(name) >= sizeof(op.name))
			return -ENAMETOOLONG;
		memcpy(op.name, name, strlen(name));
	}
	ret = shrbuf_ioctl(fd, SHRBUF_IOC_ALLOC, &op);
	return ret ? ret : op.fd;
}

const char *shrbuf_library_release(void)
{
	return SHRBUF_LIBRARY_RELEASE;
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

int shrbuf_test_queue(int fd, int video_fd)
{
	struct shrbuf_queue_op op = {
		.fd = video_fd, .flags = SHRBUF_ATTACH_TEST,
	};

	return shrbuf_ioctl(fd, SHRBUF_IOC_ATTACH, &op);
}
