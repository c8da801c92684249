// SPDX-License-Identifier: GPL-2.0
/*
 * The program behind a USB camera that Linux plays: it answers the requests of the
 * host and supplies the video, a moving test picture.
 *
 * Usage: uvc-gadget DEVICE
 *   DEVICE  the output device of the kernel's UVC gadget function, driver g_uvc
 *
 * uvc-camera, beside this file, makes the gadget. What the camera offers is taken from
 * what that has written to configfs. The program ends when the gadget is removed.
 *
 * How a host starts a stream (Universal Serial Bus Device Class Definition for Video
 * Devices, 4.3.1.1): it proposes parameters (SET_CUR of PROBE), asks what it would get
 * (GET_CUR of PROBE), takes that (SET_CUR of COMMIT), and selects the alternate setting
 * of the streaming interface that has an endpoint. The kernel waits with the answer to
 * the last one until VIDIOC_STREAMON.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/usb/g_uvc.h>
#include <linux/videodev2.h>

#include "gadget.h"

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("uvc-gadget: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

int request(struct gadget *g, unsigned long req, void *arg, const char *what)
{
	int ret;

	do {
		ret = ioctl(g->fd, req, arg);
	} while (ret < 0 && errno == EINTR);
	if (ret >= 0)
		return 0;
	ret = -errno;
	if (ret != -ENODEV && what)
		say("%s: %s", what, strerror(-ret));
	return ret;
}

/* what the camera can do */

static uint32_t first_interval(struct gadget *g, const struct mode *mode)
{
	struct v4l2_frmivalenum ival = {
		.pixel_format = mode->fourcc,
		.width = mode->width,
		.height = mode->height,
	};

	if (request(g, VIDIOC_ENUM_FRAMEINTERVALS, &ival, "frame intervals") ||
	    !ival.discrete.denominator)
		return 0;
	return 10000000ULL * ival.discrete.numerator / ival.discrete.denominator;
}

static int find_modes(struct gadget *g)
{
	struct v4l2_fmtdesc fmt = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };
	struct v4l2_frmsizeenum size;
	struct picture picture;
	struct mode *mode;

	for (; !request(g, VIDIOC_ENUM_FMT, &fmt, NULL); fmt.index++) {
		memset(&size, 0, sizeof(size));
		size.pixel_format = fmt.pixelformat;
		for (; !request(g, VIDIOC_ENUM_FRAMESIZES, &size, NULL); size.index++) {
			if (g->nr_modes == MAX_MODES)
				return 0;
			mode = &g->modes[g->nr_modes];
			mode->fourcc = fmt.pixelformat;
			mode->format = fmt.index + 1;
			mode->frame = size.index + 1;
			mode->width = size.discrete.width;
			mode->height = size.discrete.height;
			mode->interval = first_interval(g, mode);
			if (!mode->interval)
				return -EINVAL;
			if (picture_init(&picture, mode->fourcc, mode->width,
					 mode->height)) {
				say("there is no picture for %.4s %ux%u",
				    (const char *)&mode->fourcc, mode->width,
				    mode->height);
				return -EINVAL;
			}
			picture_free(&picture);
			say("%.4s %ux%u", (const char *)&mode->fourcc, mode->width,
			    mode->height);
			g->nr_modes++;
		}
	}
	if (!g->nr_modes) {
		say("the gadget offers no format");
		return -EINVAL;
	}
	return 0;
}

/* the stream */

static void stop(struct gadget *g)
{
	struct v4l2_requestbuffers rb = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = V4L2_MEMORY_MMAP,
	};
	int type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	struct itimerspec never = { 0 };
	unsigned int i;

	if (!g->streaming)
		return;
	g->streaming = false;
	timerfd_settime(g->timer, 0, &never, NULL);
	request(g, VIDIOC_STREAMOFF, &type, "VIDIOC_STREAMOFF");
	for (i = 0; i < NR_BUFFERS; i++) {
		if (g->mem[i])
			munmap(g->mem[i], g->len[i]);
		g->mem[i] = NULL;
	}
	request(g, VIDIOC_REQBUFS, &rb, "VIDIOC_REQBUFS");
	picture_free(&g->picture);
	say("stream off after %u frames", g->number);
}

static int queue_frame(struct gadget *g, unsigned int i)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.memory = V4L2_MEMORY_MMAP,
		.index = i,
		.bytesused = picture_size(&g->picture),
	};
	int ret;

	picture_draw(&g->picture, g->mem[i], g->number);
	ret = request(g, VIDIOC_QBUF, &buf, "VIDIOC_QBUF");
	if (!ret) {
		g->number++;
		g->idle[i] = false;
	}
	return ret;
}

static int set_format(struct gadget *g, const struct mode *mode)
{
	struct v4l2_format fmt = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.fmt.pix = {
			.width = mode->width,
			.height = mode->height,
			.pixelformat = mode->fourcc,
			.field = V4L2_FIELD_NONE,
		},
	};
	int ret = request(g, VIDIOC_S_FMT, &fmt, "VIDIOC_S_FMT");

	if (ret)
		return ret;
	ret = picture_init(&g->picture, mode->fourcc, mode->width, mode->height);
	if (!ret)
		picture_set_brightness(&g->picture, control_brightness(g));
	return ret;
}

static int get_buffers(struct gadget *g)
{
	struct v4l2_requestbuffers rb = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.memory = V4L2_MEMORY_MMAP,
		.count = NR_BUFFERS,
	};
	unsigned int i;
	int ret;

	ret = request(g, VIDIOC_REQBUFS, &rb, "VIDIOC_REQBUFS");
	if (ret)
		return ret;
	if (rb.count != NR_BUFFERS) {
		say("%u buffers instead of %u", rb.count, NR_BUFFERS);
		return -ENOMEM;
	}
	for (i = 0; i < NR_BUFFERS; i++) {
		struct v4l2_buffer buf = {
			.type = rb.type, .memory = rb.memory, .index = i,
		};
		void *addr;

		ret = request(g, VIDIOC_QUERYBUF, &buf, "VIDIOC_QUERYBUF");
		if (ret)
			return ret;
		if (buf.length < picture_size(&g->picture)) {
			say("a buffer has only %u bytes", buf.length);
			return -EINVAL;
		}
		addr = mmap(NULL, buf.length, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd,
			    buf.m.offset);
		if (addr == MAP_FAILED) {
			ret = -errno;
			say("mmap: %s", strerror(errno));
			return ret;
		}
		g->mem[i] = addr;
		g->len[i] = buf.length;
	}
	return 0;
}

static void start(struct gadget *g)
{
	const struct mode *mode = control_mode(g);
	uint64_t ns = g->commit.dwFrameInterval * 100ULL;
	struct itimerspec every = {
		.it_value = { ns / 1000000000, ns % 1000000000 },
		.it_interval = { ns / 1000000000, ns % 1000000000 },
	};
	int type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	unsigned int i;

	stop(g);
	g->number = 0;
	g->streaming = true;	/* so that stop() cleans up */
	if (set_format(g, mode) || get_buffers(g))
		goto err;
	for (i = 0; i < NR_BUFFERS; i++)
		g->idle[i] = true;
	if (queue_frame(g, 0) || request(g, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON"))
		goto err;
	timerfd_settime(g->timer, 0, &every, NULL);
	say("stream on: %.4s %ux%u, %u frames in ten seconds", (const char *)&mode->fourcc,
	    mode->width, mode->height, 100000000 / g->commit.dwFrameInterval);
	return;
err:
	/* The host gets no answer, and reports a time-out. */
	stop(g);
}

/* Takes back what was sent. */
static void take_back(struct gadget *g)
{
	struct v4l2_buffer buf = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = V4L2_MEMORY_MMAP,
	};

	while (g->streaming && !request(g, VIDIOC_DQBUF, &buf, NULL))
		g->idle[buf.index] = true;
}

/* It is time for the next frame. If the host is too slow, it gets one less. */
static void next_frame(struct gadget *g)
{
	uint64_t ticks;
	unsigned int i;

	if (read(g->timer, &ticks, sizeof(ticks)) != sizeof(ticks) || !g->streaming)
		return;
	take_back(g);
	for (i = 0; i < NR_BUFFERS; i++) {
		if (!g->idle[i])
			continue;
		queue_frame(g, i);
		return;
	}
}

/* the program */

static void handle_events(struct gadget *g)
{
	struct v4l2_event event;
	struct uvc_event uvc;

	while (!request(g, VIDIOC_DQEVENT, &event, NULL)) {
		memcpy(&uvc, &event.u.data, sizeof(uvc));
		switch (event.type) {
		case UVC_EVENT_SETUP:
			control_setup(g, &uvc.req);
			break;
		case UVC_EVENT_DATA:
			control_data(g, &uvc.data);
			break;
		case UVC_EVENT_STREAMON:
			start(g);
			break;
		case UVC_EVENT_STREAMOFF:
		case UVC_EVENT_DISCONNECT:
			stop(g);
			break;
		case UVC_EVENT_CONNECT:
			say("connected");
			break;
		}
	}
}

/* The first subscription makes the gadget visible to the host. */
static int subscribe(struct gadget *g)
{
	static const uint32_t types[] = {
		UVC_EVENT_CONNECT, UVC_EVENT_DISCONNECT, UVC_EVENT_STREAMON,
		UVC_EVENT_STREAMOFF, UVC_EVENT_DATA, UVC_EVENT_SETUP,
	};
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct v4l2_event_subscription sub = { .type = types[i] };

		ret = request(g, VIDIOC_SUBSCRIBE_EVENT, &sub, "VIDIOC_SUBSCRIBE_EVENT");
		if (ret)
			return ret;
	}
	return 0;
}

static int stopped;

static void on_signal(int sig)
{
	(void)sig;
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

/* Returns when the gadget was removed, or a signal has come. */
static void serve(struct gadget *g)
{
	struct pollfd fds[] = {
		{ .fd = g->fd, .events = POLLPRI },
		{ .fd = g->timer, .events = POLLIN },
	};

	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents & POLLPRI)
			handle_events(g);
		/* V4L2 says POLLERR also when nothing was queued. */
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			struct v4l2_capability cap;

			if (request(g, VIDIOC_QUERYCAP, &cap, NULL) == -ENODEV) {
				say("the gadget was removed");
				return;
			}
			if (!(fds[0].revents & POLLPRI))
				usleep(10000);
		}
		if (fds[1].revents & POLLIN)
			next_frame(g);
	}
}

static int open_gadget(struct gadget *g, const char *path)
{
	struct v4l2_capability cap;

	g->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (g->fd < 0) {
		say("%s: %s", path, strerror(errno));
		return -1;
	}
	if (request(g, VIDIOC_QUERYCAP, &cap, path))
		return -1;
	if (strcmp((char *)cap.driver, "g_uvc")) {
		say("%s belongs to %s, not to a UVC gadget: uvc-camera says which one does",
		    path, cap.driver);
		return -1;
	}
	g->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (g->timer < 0) {
		say("timerfd_create: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	static struct gadget gadget;

	if (argc != 2 || argv[1][0] == '-') {
		fputs("Usage: uvc-gadget DEVICE\n", stderr);
		return 2;
	}
	if (open_gadget(&gadget, argv[1]) || find_modes(&gadget))
		return 1;
	control_init(&gadget);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (subscribe(&gadget))
		return 1;
	serve(&gadget);
	stop(&gadget);
	close(gadget.fd);
	return 0;
}
