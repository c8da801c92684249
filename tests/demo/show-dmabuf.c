// SPDX-License-Identifier: GPL-2.0
/*
 * A camera on a display, for drivers whose own buffers cannot be shared buffers: shrbuf
 * allocates the memory, the camera captures into it (V4L2_MEMORY_DMABUF), the display
 * imports it. This program sees file descriptors only, and maps nothing.
 *
 * Usage: show-dmabuf DEVICE DRIVER
 *   DEVICE  a camera with 640x480 BGRX
 *   DRIVER  of the display: cirrus, vkms
 *
 * Ends with SIGINT, and says how many frames it has shown.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/videodev2.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "shrbuf.h"

#define WIDTH	640
#define HEIGHT	480
/* one is shown, one waits for the flip, two are with the camera */
#define BUFFERS	4

struct show {
	int camera;
	int display;
	struct v4l2_pix_format pix;
	int fds[BUFFERS];
	uint32_t fbs[BUFFERS];
	uint32_t crtc;
	uint32_t connector;
	drmModeModeInfo mode;
	int shown;	/* buffer on the screen, or -1 */
	int pending;	/* buffer that a flip waits for, or -1 */
	unsigned int rendered;
	unsigned int dropped;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "show-dmabuf: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void request(int fd, unsigned long req, void *arg, const char *what)
{
	int ret;

	do {
		ret = ioctl(fd, req, arg);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		die(what, errno);
}

static void camera_open(struct show *s, const char *path)
{
	struct v4l2_format fmt = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {
			.width = WIDTH, .height = HEIGHT,
			.pixelformat = V4L2_PIX_FMT_XBGR32,
		},
	};
	struct v4l2_requestbuffers rb = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.count = BUFFERS,
	};

	s->camera = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (s->camera < 0)
		die(path, errno);
	request(s->camera, VIDIOC_S_FMT, &fmt, "VIDIOC_S_FMT");
	if (fmt.fmt.pix.width != WIDTH || fmt.fmt.pix.height != HEIGHT ||
	    fmt.fmt.pix.pixelformat != V4L2_PIX_FMT_XBGR32)
		die("the camera has no 640x480 BGRX", EINVAL);
	s->pix = fmt.fmt.pix;
	request(s->camera, VIDIOC_REQBUFS, &rb, "VIDIOC_REQBUFS");
	if (rb.count != BUFFERS)
		die("VIDIOC_REQBUFS gave another number of buffers", ENOMEM);
}

static void camera_queue(struct show *s, unsigned int index)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.index = index,
		.m.fd = s->fds[index],
		.length = s->pix.sizeimage,
	};

	request(s->camera, VIDIOC_QBUF, &buf, "VIDIOC_QBUF");
}

static void allocate(struct show *s)
{
	int dev = shrbuf_open();
	unsigned int i;
	char name[32];

	if (dev < 0) {
		fprintf(stderr, "show-dmabuf: %s\n",
			shrbuf_explain(SHRBUF_REQUEST_OPEN, dev));
		exit(1);
	}
	for (i = 0; i < BUFFERS; i++) {
		/* as the buffers of a queue are named */
		snprintf(name, sizeof(name), "show/%u.0", i);
		s->fds[i] = shrbuf_alloc(dev, s->pix.sizeimage, name);
		if (s->fds[i] < 0) {
			fprintf(stderr, "show-dmabuf: %s\n",
				shrbuf_explain(SHRBUF_REQUEST_ALLOC, s->fds[i]));
			exit(1);
		}
	}
	close(dev);
}

/* The connector that has this size, and a CRTC for it. */
static bool find_output(struct show *s, drmModeRes *res, uint32_t id)
{
	drmModeConnector *conn = drmModeGetConnector(s->display, id);
	drmModeEncoder *enc = NULL;
	bool found = false;
	int i;

	if (!conn)
		return false;
	for (i = 0; i < conn->count_modes && !found; i++) {
		if (conn->modes[i].hdisplay == WIDTH && conn->modes[i].vdisplay == HEIGHT) {
			s->mode = conn->modes[i];
			found = conn->connection == DRM_MODE_CONNECTED;
		}
	}
	if (found)
		enc = drmModeGetEncoder(s->display, conn->encoders[0]);
	found = false;
	for (i = 0; enc && i < res->count_crtcs && !found; i++) {
		if (enc->possible_crtcs & 1U << i) {
			s->crtc = res->crtcs[i];
			s->connector = id;
			found = true;
		}
	}
	drmModeFreeEncoder(enc);
	drmModeFreeConnector(conn);
	return found;
}

static void display_open(struct show *s, const char *driver)
{
	drmModeRes *res;
	int i;

	s->display = drmOpen(driver, NULL);
	if (s->display < 0)
		die(driver, ENODEV);
	res = drmModeGetResources(s->display);
	if (!res)
		die("drmModeGetResources", errno);
	for (i = 0; i < res->count_connectors && !s->connector; i++)
		find_output(s, res, res->connectors[i]);
	drmModeFreeResources(res);
	if (!s->connector)
		die("the display has no mode of 640x480", ENODEV);
}

/* A framebuffer on the memory, when a frame in it is shown for the first time. */
static uint32_t framebuffer(struct show *s, unsigned int index)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };

	if (s->fbs[index])
		return s->fbs[index];
	pitches[0] = s->pix.bytesperline;
	if (drmPrimeFDToHandle(s->display, s->fds[index], &handles[0]))
		die("drmPrimeFDToHandle", errno);
	if (drmModeAddFB2(s->display, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handles, pitches,
			  offsets, &s->fbs[index], 0))
		die("drmModeAddFB2", errno);
	/* the framebuffer has it now */
	drmCloseBufferHandle(s->display, handles[0]);
	return s->fbs[index];
}

static void flipped(int fd, unsigned int sequence, unsigned int sec, unsigned int usec,
		    void *data)
{
	struct show *s = data;

	(void)fd;
	(void)sequence;
	(void)sec;
	(void)usec;
	if (s->shown >= 0)
		camera_queue(s, s->shown);
	s->shown = s->pending;
	s->pending = -1;
}

static void show_frame(struct show *s)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_DMABUF,
	};
	int ret;

	request(s->camera, VIDIOC_DQBUF, &buf, "VIDIOC_DQBUF");
	if (buf.flags & V4L2_BUF_FLAG_ERROR || s->pending >= 0) {
		s->dropped++;
		camera_queue(s, buf.index);
		return;
	}
	if (s->shown < 0) {
		ret = drmModeSetCrtc(s->display, s->crtc, framebuffer(s, buf.index), 0, 0,
				     &s->connector, 1, &s->mode);
		if (ret)
			die("drmModeSetCrtc", errno);
		s->shown = buf.index;
	} else {
		ret = drmModePageFlip(s->display, s->crtc, framebuffer(s, buf.index),
				      DRM_MODE_PAGE_FLIP_EVENT, s);
		if (ret)
			die("drmModePageFlip", errno);
		s->pending = buf.index;
	}
	s->rendered++;
}

static int stopped;

static void on_signal(int sig)
{
	(void)sig;
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

static void run(struct show *s)
{
	drmEventContext events = { .version = 2, .page_flip_handler = flipped };
	struct pollfd fds[] = {
		{ .fd = s->camera, .events = POLLIN },
		{ .fd = s->display, .events = POLLIN },
	};

	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			die("poll", errno);
		}
		if (fds[1].revents & POLLIN)
			drmHandleEvent(s->display, &events);
		if (fds[0].revents & (POLLIN | POLLERR))
			show_frame(s);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct show s = { .shown = -1, .pending = -1 };
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	unsigned int i;

	if (argc != 3) {
		fputs("Usage: show-dmabuf DEVICE DRIVER\n", stderr);
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	camera_open(&s, argv[1]);
	display_open(&s, argv[2]);
	allocate(&s);
	for (i = 0; i < BUFFERS; i++)
		camera_queue(&s, i);
	request(s.camera, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
	run(&s);
	request(s.camera, VIDIOC_STREAMOFF, &type, "VIDIOC_STREAMOFF");
	/* the words of fpsdisplaysink */
	printf("rendered: %u, dropped: %u\n", s.rendered, s.dropped);
	return 0;
}
