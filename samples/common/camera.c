// SPDX-License-Identifier: GPL-2.0
/*
 * A camera whose buffers are shared.
 *
 * Nothing here is special to shrbuf but camera_share(): all else is what every V4L2
 * program does that exports its buffers.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "camera.h"
#include "common.h"

static bool is_multiplanar(const struct camera *cam)
{
	return cam->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

int camera_open(struct camera *cam, const char *path)
{
	struct v4l2_capability cap = { 0 };

	cam->path = path;
	/* O_NONBLOCK: poll() says when there is a frame */
	cam->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (cam->fd < 0)
		return complain(FIND_CAMERA,
				"%s cannot be opened: %s.", path, strerror(errno));
	if (retry_ioctl(cam->fd, VIDIOC_QUERYCAP, &cap) < 0)
		return complain(FIND_CAMERA, "%s is no video device.", path);
	if (!(cap.capabilities & V4L2_CAP_DEVICE_CAPS))
		cap.device_caps = cap.capabilities;
	if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE)
		cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	else if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE)
		cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	else
		return complain(FIND_CAMERA, "%s (%s) captures no video.", path, cap.card);
	if (!(cap.device_caps & V4L2_CAP_STREAMING))
		return complain(FIND_CAMERA,
				"%s (%s) has no buffers that can be shared, only read().",
				path, cap.card);
	return 0;
}

/*
 * The one step for shrbuf. It must come before there are buffers. The attachment belongs
 * to the device and stays when we end: another program may use it by then, and to detach
 * is for the one who looks after the machine (shrbufctl detach).
 */
void camera_share(struct camera *cam)
{
	enum shrbuf_request what = SHRBUF_REQUEST_OPEN;
	int dev, err;

	dev = shrbuf_open();
	err = dev;
	if (dev >= 0) {
		what = SHRBUF_REQUEST_ATTACH_QUEUE;
		err = shrbuf_attach_queue(dev, cam->fd);
		close(dev);
	}
	if (err >= 0 || err == -EALREADY)
		printf("The buffers of %s are shared buffers.\n", cam->path);
	else
		/* A plain VIDIOC_EXPBUF can be shown as well, but nobody can see who has it. */
		say("The buffers of %s are not shared buffers, going on with plain ones. %s",
		    cam->path, shrbuf_explain(what, err));
}

bool camera_has_format(const struct camera *cam, uint32_t fourcc)
{
	struct v4l2_fmtdesc desc = { .type = cam->type };

	for (; !retry_ioctl(cam->fd, VIDIOC_ENUM_FMT, &desc); desc.index++)
		if (desc.pixelformat == fourcc)
			return true;
	return false;
}

const char *camera_formats(const struct camera *cam)
{
	struct v4l2_fmtdesc desc = { .type = cam->type };
	static char text[1000];
	size_t used = 0;

	text[0] = 0;
	for (; !retry_ioctl(cam->fd, VIDIOC_ENUM_FMT, &desc); desc.index++)
		if (used < sizeof(text) - 8)
			used += sprintf(text + used, "%s%s", used ? " " : "",
					fourcc_text(desc.pixelformat));
	return used ? text : "none";
}

/* The two kinds of V4L2 interfaces have the same numbers in different places. */
static void fill_format(const struct camera *cam, struct v4l2_format *fmt, uint32_t fourcc,
			uint32_t width, uint32_t height)
{
	memset(fmt, 0, sizeof(*fmt));
	fmt->type = cam->type;
	if (is_multiplanar(cam)) {
		fmt->fmt.pix_mp.pixelformat = fourcc;
		fmt->fmt.pix_mp.width = width;
		fmt->fmt.pix_mp.height = height;
		fmt->fmt.pix_mp.field = V4L2_FIELD_NONE;
	} else {
		fmt->fmt.pix.pixelformat = fourcc;
		fmt->fmt.pix.width = width;
		fmt->fmt.pix.height = height;
		fmt->fmt.pix.field = V4L2_FIELD_NONE;
	}
}

bool camera_try_size(const struct camera *cam, const struct format *format,
		     uint32_t *width, uint32_t *height)
{
	bool multi = is_multiplanar(cam);
	struct v4l2_format fmt;

	fill_format(cam, &fmt, format->v4l2, *width, *height);
	/* The driver never refuses a size, it returns the nearest one that it has. */
	if (retry_ioctl(cam->fd, VIDIOC_TRY_FMT, &fmt) < 0)
		return false;
	*width = multi ? fmt.fmt.pix_mp.width : fmt.fmt.pix.width;
	*height = multi ? fmt.fmt.pix_mp.height : fmt.fmt.pix.height;
	return (multi ? fmt.fmt.pix_mp.pixelformat : fmt.fmt.pix.pixelformat) == format->v4l2;
}

int camera_set_format(struct camera *cam, const struct format *format, uint32_t width,
		      uint32_t height)
{
	bool multi = is_multiplanar(cam);
	struct v4l2_format fmt;

	fill_format(cam, &fmt, format->v4l2, width, height);
	if (retry_ioctl(cam->fd, VIDIOC_S_FMT, &fmt) < 0 && errno == EBUSY)
		return complain(FIND_USER, "%s is in use.", cam->path);
	cam->format = format;
	cam->width = multi ? fmt.fmt.pix_mp.width : fmt.fmt.pix.width;
	cam->height = multi ? fmt.fmt.pix_mp.height : fmt.fmt.pix.height;
	cam->bytesperline = multi ? fmt.fmt.pix_mp.plane_fmt[0].bytesperline :
				    fmt.fmt.pix.bytesperline;
	if (cam->width != width || cam->height != height ||
	    (multi ? fmt.fmt.pix_mp.pixelformat : fmt.fmt.pix.pixelformat) != format->v4l2)
		return complain(FIND_FORMAT,
				"%s does not take %ux%u %s.",
				cam->path, width, height, fourcc_text(format->v4l2));
	return 0;
}

static int export_buffer(struct camera *cam, unsigned int index)
{
	struct v4l2_exportbuffer exp = {
		.type = cam->type,
		.index = index,
		/* Who imports it may map it for writing, even if it only reads. */
		.flags = O_RDWR | O_CLOEXEC,
	};

	if (retry_ioctl(cam->fd, VIDIOC_EXPBUF, &exp) < 0)
		return complain(FIND_CAMERA,
				"%s cannot export its buffers: %s.",
				cam->path, strerror(errno));
	cam->dmabufs[index] = exp.fd;
	return 0;
}

int camera_start(struct camera *cam)
{
	struct v4l2_requestbuffers req = {
		.type = cam->type,
		.memory = V4L2_MEMORY_MMAP,
		.count = CAMERA_BUFFERS,
	};
	unsigned int i;

	if (retry_ioctl(cam->fd, VIDIOC_REQBUFS, &req) < 0)
		return complain(FIND_USER,
				"%s gives no buffers: %s.", cam->path, strerror(errno));
	if (req.count > CAMERA_BUFFERS)
		return complain("Raise CAMERA_BUFFERS in its source.",
				"%s wants %u buffers, this program has room for %u.",
				cam->path, req.count, CAMERA_BUFFERS);
	for (; cam->nr_buffers < req.count; cam->nr_buffers++)
		if (export_buffer(cam, cam->nr_buffers))
			return -1;
	for (i = 0; i < cam->nr_buffers; i++)
		if (camera_give_back(cam, i))
			return -1;
	if (retry_ioctl(cam->fd, VIDIOC_STREAMON, &cam->type) < 0)
		return complain(SEE_KERNEL_LOG,
				"%s does not start: %s.", cam->path, strerror(errno));
	return 0;
}

static int camera_error(const struct camera *cam)
{
	if (errno == ENODEV)
		return complain("Plug the camera in again, and start again.",
				"%s was removed.", cam->path);
	return complain(SEE_KERNEL_LOG, "%s has stopped: %s.", cam->path, strerror(errno));
}

int camera_take(struct camera *cam)
{
	struct v4l2_plane plane = { 0 };
	struct v4l2_buffer buf = { .type = cam->type, .memory = V4L2_MEMORY_MMAP };

	if (is_multiplanar(cam)) {
		buf.m.planes = &plane;
		buf.length = 1;
	}
	if (retry_ioctl(cam->fd, VIDIOC_DQBUF, &buf) < 0)
		return errno == EAGAIN ? CAMERA_NOTHING : camera_error(cam);
	if (buf.flags & V4L2_BUF_FLAG_ERROR) {
		/* It arrived damaged, and may be whole next time. */
		return camera_give_back(cam, buf.index) ? -1 : CAMERA_NOTHING;
	}
	return buf.index;
}

int camera_give_back(struct camera *cam, int index)
{
	struct v4l2_plane plane = { 0 };
	struct v4l2_buffer buf = {
		.type = cam->type, .memory = V4L2_MEMORY_MMAP, .index = index,
	};

	if (is_multiplanar(cam)) {
		buf.m.planes = &plane;
		buf.length = 1;
	}
	if (retry_ioctl(cam->fd, VIDIOC_QBUF, &buf) < 0)
		return camera_error(cam);
	return 0;
}

/*
 * The order does not matter for the memory: a buffer lives until the last one lets go,
 * be it this file descriptor, the camera, or a display that imported it.
 */
void camera_close(struct camera *cam)
{
	while (cam->nr_buffers)
		close(cam->dmabufs[--cam->nr_buffers]);
	/* stops the camera, and frees the buffers */
	if (cam->fd >= 0)
		close(cam->fd);
	cam->fd = -1;
}
