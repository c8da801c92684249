// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of an open /dev/shrbuf about buffers, see client.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "client.h"
#include "stress.h"

#define PAGE	4096

int try_info(int client, int fd, struct shrbuf_info *info)
{
	memset(info, 0, sizeof(*info));
	info->fd = fd;
	return try_ioctl(client, SHRBUF_IOC_INFO, info);
}

int try_set_format(int client, int fd)
{
	struct shrbuf_format_op op = {
		.fd = fd,
		.format = {
			.fourcc = DRM_FORMAT_XRGB8888,
			.v4l2_fourcc = V4L2_PIX_FMT_XBGR32,
			.width = 16,
			.height = 16,
			.nr_planes = 1,
			.plane_mask = 1,
			.planes = { { .stride = 16 * 4 } },
			.crop = { .width = 16, .height = 16 },
		},
	};

	return try_ioctl(client, SHRBUF_IOC_SET_FORMAT, &op);
}

int try_set_state(int client, int fd, uint32_t state)
{
	struct shrbuf_state_op op = { .fd = fd, .frame.state = state };

	return try_ioctl(client, SHRBUF_IOC_SET_STATE, &op);
}

int try_watch(int client, int fd, uint32_t flags, uint64_t cookie, uint32_t events)
{
	struct shrbuf_watch_op op = {
		.fd = fd, .flags = flags, .cookie = cookie, .events = events,
	};

	return try_ioctl(client, SHRBUF_IOC_WATCH, &op);
}

int try_unwatch(int client, int fd, uint32_t flags)
{
	struct shrbuf_watch_op op = { .fd = fd, .flags = flags };

	return try_ioctl(client, SHRBUF_IOC_UNWATCH, &op);
}

int try_hold(int client, int fd, uint64_t seq)
{
	struct shrbuf_hold_op op = { .fd = fd, .frame.seq = seq };

	return try_ioctl(client, SHRBUF_IOC_HOLD, &op);
}

static int buffer_op(int client, unsigned long request, int fd)
{
	struct shrbuf_buffer_op op = { .fd = fd };

	return try_ioctl(client, request, &op);
}

int try_release(int client, int fd)
{
	return buffer_op(client, SHRBUF_IOC_RELEASE, fd);
}

int try_disown(int client, int fd)
{
	return buffer_op(client, SHRBUF_IOC_DISOWN, fd);
}

int try_adopt(int client, int fd)
{
	struct shrbuf_adopt_op op = { .fd = fd, .fd_flags = O_RDWR | O_CLOEXEC };
	int ret = try_ioctl(client, SHRBUF_IOC_ADOPT, &op);

	return ret ? ret : op.buffer_fd;
}

int try_alloc_from(int client, unsigned int pages)
{
	struct shrbuf_alloc_op op = {
		.size = pages * PAGE, .fd_flags = O_RDWR | O_CLOEXEC,
		.name = "stress",
	};
	int ret = try_ioctl(client, SHRBUF_IOC_ALLOC, &op);

	return ret ? ret : op.fd;
}

int try_read_events(int client, struct shrbuf_event *events, unsigned int max)
{
	ssize_t len = read(client, events, max * sizeof(*events));

	return len < 0 ? -errno : (int)(len / sizeof(*events));
}

int client_uses(int client, const char *key)
{
	static const char *const keys[] = {
		"watches", "watched-queues", "holds", "fills", "adopted",
	};
	char path[64], line[128];
	int sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", client);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		unsigned int i, value;
		char name[32];

		if (sscanf(line, "shrbuf-%31[^:]: %u", name, &value) != 2)
			continue;
		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (!strcmp(name, keys[i]) && (!key || !strcmp(name, key)))
				sum += value;
	}
	fclose(file);
	return sum;
}
