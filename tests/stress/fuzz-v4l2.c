// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer does with video devices: requests of V4L2, alone and in the order in
 * which they make a stream, read() and poll().
 */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

/* V4L2 */

unsigned int type_for(int fd)
{
	unsigned int slot = fd - FIRST_FD;
	enum kind kind = slot < NR_SLOTS ? kind_of(slot) : KIND_NONE;

	if (one_in(16))
		return below(16);
	switch (kind) {
	case KIND_CAPTURE_MP:
		return V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	case KIND_OUTPUT:
		return V4L2_BUF_TYPE_VIDEO_OUTPUT;
	case KIND_OUTPUT_MP:
		return V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	case KIND_M2M:
		return one_in(2) ? V4L2_BUF_TYPE_VIDEO_OUTPUT :
				   V4L2_BUF_TYPE_VIDEO_CAPTURE;
	default:
		return V4L2_BUF_TYPE_VIDEO_CAPTURE;
	}
}

static unsigned int some_memory(void)
{
	return one_in(2) ? V4L2_MEMORY_MMAP : 1 + below(4);
}

int op_reqbufs(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_requestbuffers arg = {
		.count = below(5), .type = type_for(fd), .memory = some_memory(),
	};

	flip(&arg, sizeof(arg));
	return ioctl(fd, VIDIOC_REQBUFS, &arg);
}

/* A format that its device takes, but small. */
static void some_format(struct v4l2_format *fmt, int fd)
{
	static const unsigned int sizes[][2] = {
		{ 320, 180 }, { 640, 360 }, { 160, 120 }, { 1, 1 },
	};
	static const unsigned int formats[] = {
		V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_RGB565,
		V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV16M, V4L2_PIX_FMT_YUV420M,
	};
	const unsigned int *size = sizes[below(ARRAY_SIZE(sizes))];
	unsigned int format = formats[below(ARRAY_SIZE(formats))];

	memset(fmt, 0, sizeof(*fmt));
	fmt->type = type_for(fd);
	fmt->fmt.pix.field = V4L2_FIELD_NONE;
	flip(fmt, sizeof(*fmt));
	if (V4L2_TYPE_IS_MULTIPLANAR(fmt->type)) {
		unsigned int i;

		fmt->fmt.pix_mp.width = size[0];
		fmt->fmt.pix_mp.height = size[1];
		fmt->fmt.pix_mp.pixelformat = format;
		for (i = 0; i < VIDEO_MAX_PLANES; i++) {
			fmt->fmt.pix_mp.plane_fmt[i].bytesperline = 0;
			fmt->fmt.pix_mp.plane_fmt[i].sizeimage =
				one_in(4) ? below(USER_SIZE) : USER_SIZE / 2;
		}
	} else {
		fmt->fmt.pix.width = size[0];
		fmt->fmt.pix.height = size[1];
		fmt->fmt.pix.pixelformat = format;
		fmt->fmt.pix.bytesperline = 0;
		fmt->fmt.pix.sizeimage =
			one_in(4) ? below(USER_SIZE) : USER_SIZE;
	}
}

int op_s_fmt(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_format fmt;

	some_format(&fmt, fd);
	return ioctl(fd, one_in(8) ? VIDIOC_TRY_FMT : VIDIOC_S_FMT, &fmt);
}

int op_create_bufs(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_create_buffers arg = {
		.count = below(3), .memory = some_memory(),
	};

	flip(&arg, sizeof(arg));
	some_format(&arg.format, fd);
	return ioctl(fd, VIDIOC_CREATE_BUFS, &arg);
}

int op_expbuf(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_exportbuffer arg = {
		.type = type_for(fd), .index = below(5), .plane = one_in(8),
		.flags = (one_in(4) ? below(4) : O_RDWR) | O_CLOEXEC,
	};

	flip(&arg, sizeof(arg));
	if (ioctl(fd, VIDIOC_EXPBUF, &arg))
		return -1;
	return place(arg.fd, KIND_DMABUF);
}

static int buffer_op(int fd, unsigned long request)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer arg = {
		.type = type_for(fd), .index = below(5),
		.memory = some_memory(),
	};
	unsigned int i;

	flip(&arg, sizeof(arg));
	flip(planes, sizeof(planes));
	arg.length = USER_SIZE;
	if (V4L2_TYPE_IS_MULTIPLANAR(arg.type)) {
		arg.length = one_in(8) ? below(12) : 2;
		arg.m.planes = one_in(64) ? (void *)(PAGE * below(4)) : planes;
		for (i = 0; i < VIDEO_MAX_PLANES; i++) {
			planes[i].length = USER_SIZE / 2;
			if (arg.memory == V4L2_MEMORY_DMABUF)
				planes[i].m.fd = pick(BIT(KIND_DMABUF));
			else
				planes[i].m.userptr =
					(unsigned long)user_memory +
					PAGE * below(16);
		}
	} else if (arg.memory == V4L2_MEMORY_DMABUF) {
		arg.m.fd = pick(BIT(KIND_DMABUF));
	} else {
		arg.m.userptr = (unsigned long)user_memory + PAGE * below(16);
	}
	return ioctl(fd, request, &arg);
}

int op_qbuf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_QBUF);
}

int op_dqbuf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_DQBUF);
}

int op_prepare_buf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_PREPARE_BUF);
}

int op_streamon(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);

	return ioctl(fd, VIDIOC_STREAMON, &type);
}

int op_streamoff(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);

	return ioctl(fd, VIDIOC_STREAMOFF, &type);
}

/* All steps to a stream in a row: by chance alone they would seldom meet. */
int op_stream(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);
	struct v4l2_requestbuffers req = {
		.count = 3, .type = type, .memory = V4L2_MEMORY_MMAP,
	};
	unsigned int i;

	if (ioctl(fd, VIDIOC_REQBUFS, &req))
		return -1;
	for (i = 0; i < req.count; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
		struct v4l2_buffer buf = {
			.type = type, .index = i, .memory = V4L2_MEMORY_MMAP,
		};

		if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
			buf.m.planes = planes;
			buf.length = VIDEO_MAX_PLANES;
		}
		if (ioctl(fd, VIDIOC_QBUF, &buf))
			return -1;
	}
	return ioctl(fd, VIDIOC_STREAMON, &type);
}

/* The same for buffers of others. */
int op_stream_import(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);
	struct v4l2_requestbuffers req = {
		.count = 3, .type = type, .memory = V4L2_MEMORY_DMABUF,
	};
	unsigned int i, j;

	if (ioctl(fd, VIDIOC_REQBUFS, &req))
		return -1;
	for (i = 0; i < req.count; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
		struct v4l2_buffer buf = {
			.type = type, .index = i, .memory = V4L2_MEMORY_DMABUF,
		};

		if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
			buf.m.planes = planes;
			buf.length = VIDEO_MAX_PLANES;
			for (j = 0; j < VIDEO_MAX_PLANES; j++)
				planes[j].m.fd = pick(BIT(KIND_DMABUF));
		} else {
			buf.m.fd = pick(BIT(KIND_DMABUF));
		}
		if (ioctl(fd, VIDIOC_QBUF, &buf))
			return -1;
	}
	return ioctl(fd, VIDIOC_STREAMON, &type);
}

int op_v4l2_wrong(void)
{
	static const unsigned long requests[] = {
		VIDIOC_REQBUFS, VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_EXPBUF,
		VIDIOC_QUERYBUF, VIDIOC_CREATE_BUFS, VIDIOC_STREAMON,
	};
	unsigned long request = requests[below(ARRAY_SIZE(requests))];
	char arg[512] = { 0 };

	request ^= 1UL << (16 + below(16));
	return ioctl(pick(ANY_VIDEO), request,
		     one_in(4) ? (void *)(PAGE * below(4)) : arg);
}

int op_read_frame(void)
{
	return read(pick(ANY_VIDEO), user_memory, one_in(4) ? below(PAGE) : USER_SIZE);
}

int op_poll(void)
{
	struct pollfd fds[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i].fd = pick(ANY_VIDEO | BIT(KIND_DMABUF) | BIT(KIND_ROUTE) |
				 BIT(KIND_TAP));
		fds[i].events = random64();
	}
	return poll(fds, ARRAY_SIZE(fds), 0);
}
