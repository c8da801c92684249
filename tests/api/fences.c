// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of frames to come, see fences.h.
 */

#include <poll.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/sync_file.h>

#include "fences.h"

int sync_of(int fd)
{
	struct dma_buf_export_sync_file sync = { .flags = DMA_BUF_SYNC_READ };

	do_ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &sync);
	return high_fd(sync.fd);
}

int status_of(int sync)
{
	struct sync_file_info info = { 0 };

	do_ioctl(sync, SYNC_IOC_FILE_INFO, &info);
	return info.status;
}

bool is_pending(int fd)
{
	int sync = sync_of(fd);
	int status = status_of(sync);

	close(sync);
	return status == PENDING;
}

bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_true(poll(&p, 1, 0) >= 0);
	return p.revents & POLLIN;
}

static bool has_ended(void *arg)
{
	return status_of(*(int *)arg) != PENDING;
}

int end_of(int sync)
{
	int status;

	wait_for(has_ended, &sync, "the end of a fence");
	assert_true(is_readable(sync));
	status = status_of(sync);
	close(sync);
	return status;
}

void camera_with_fences(struct camera *cam, uint32_t fence_ms, int fds[2])
{
	testcam_attached(cam);
	assert_int_equal(try_configure(cam->fd, SHRBUF_CONFIG_FENCES, fence_ms), 0);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	fds[0] = export_plane(cam, 0, 0);
	fds[1] = export_plane(cam, 1, 0);
}

void camera_streaming(struct camera *cam, uint32_t fence_ms, int fds[2])
{
	camera_with_fences(cam, fence_ms, fds);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 0);
	camera_qbuf(cam, V4L2_MEMORY_MMAP, 1);
	assert_int_equal(try_streamon(cam), 0);
}
