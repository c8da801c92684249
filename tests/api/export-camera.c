// SPDX-License-Identifier: GPL-2.0
/*
 * A program that has the buffers of a camera, for the tests of shrbufctl: it allocates
 * and exports them, and streams until it is killed.
 *
 * Usage: export-camera DEVICE COUNT
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static void must(int fd, unsigned long request, void *arg, const char *what)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0) {
		fprintf(stderr, "export-camera: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static struct v4l2_buffer buffer(unsigned int index)
{
	return (struct v4l2_buffer){
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
		.index = index,
	};
}

int main(int argc, char **argv)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	struct v4l2_requestbuffers req = { .type = type, .memory = V4L2_MEMORY_MMAP };
	struct v4l2_buffer buf;
	unsigned int i;
	int fd;

	if (argc != 3) {
		fputs("Usage: export-camera DEVICE COUNT\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	req.count = atoi(argv[2]);
	must(fd, VIDIOC_REQBUFS, &req, "VIDIOC_REQBUFS");
	for (i = 0; i < req.count; i++) {
		struct v4l2_exportbuffer exp = { .type = type, .index = i, .flags = O_RDWR };

		must(fd, VIDIOC_EXPBUF, &exp, "VIDIOC_EXPBUF");
		buf = buffer(i);
		must(fd, VIDIOC_QBUF, &buf, "VIDIOC_QBUF");
	}
	must(fd, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
	for (;;) {
		buf = buffer(0);
		must(fd, VIDIOC_DQBUF, &buf, "VIDIOC_DQBUF");
		must(fd, VIDIOC_QBUF, &buf, "VIDIOC_QBUF");
	}
}
