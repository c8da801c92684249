// SPDX-License-Identifier: GPL-2.0
/*
 * A camera on the best plane of a display.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/videodev2.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "internal.h"

/* The frame that is shown, the next one, and a newer one. */
#define MAX_HELD	3
/* What the most demanding drivers want to have, and one that is on its way. */
#define CAMERA_BUFS	3
#define MAX_PLANES	32
/* Of memory, of one buffer. */
#define MAX_MEM		4
/* Of a route, and of what it shows. */
#define MAX_BUFS	32

#define ALL_FLAGS	(SHRBUF_DISPLAY_KEEP_FORMAT | SHRBUF_DISPLAY_STOPPED)

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* Formats to try when the camera's own cannot be shown, best first. */
static const struct {
	uint32_t v4l2;
	uint32_t drm;
} known_formats[] = {
	{ V4L2_PIX_FMT_XBGR32, DRM_FORMAT_XRGB8888 },
	{ V4L2_PIX_FMT_NV12, DRM_FORMAT_NV12 },
	{ V4L2_PIX_FMT_YUYV, DRM_FORMAT_YUYV },
	{ V4L2_PIX_FMT_UYVY, DRM_FORMAT_UYVY },
	{ V4L2_PIX_FMT_RGB565, DRM_FORMAT_RGB565 },
	{ V4L2_PIX_FMT_BGR24, DRM_FORMAT_RGB888 },
};

/* What drmModeAddFB2() wants of each plane of a picture. */
struct drm_fb {
	uint32_t handles[MAX_MEM];
	uint32_t pitches[MAX_MEM];
	uint32_t offsets[MAX_MEM];
};

/**
 * struct attempt - all that shrbuf_route_to_display() works with
 * @fd: of /dev/shrbuf
 * @video_fd: the camera
 * @drm_fd: the display
 * @display: of the caller
 * @type: of the camera's queue
 * @mode: of the display
 * @box: part of the display to show it in
 * @planes: candidates, best first
 * @nr_planes: number of @planes
 */
struct attempt {
	int fd;
	int video_fd;
	int drm_fd;
	struct shrbuf_display *display;
	uint32_t type;
	drmModeModeInfo mode;
	struct shrbuf_rect box;
	uint32_t planes[MAX_PLANES];
	unsigned int nr_planes;
};

/* display */

/* The CRTC that drives the connector, zero if none does. */
static uint32_t connector_crtc(int drm_fd, uint32_t id)
{
	drmModeConnectorPtr conn = drmModeGetConnectorCurrent(drm_fd, id);
	drmModeEncoderPtr encoder = NULL;
	uint32_t crtc = 0;

	if (conn && conn->encoder_id)
		encoder = drmModeGetEncoder(drm_fd, conn->encoder_id);
	if (encoder)
		crtc = encoder->crtc_id;
	drmModeFreeEncoder(encoder);
	drmModeFreeConnector(conn);
	return crtc;
}

/* The CRTC that is wanted, or the first one that is on. */
static int choose_crtc(struct attempt *a)
{
	drmModeResPtr res = drmModeGetResources(a->drm_fd);
	uint32_t wanted = a->display->crtc_id;
	drmModeCrtcPtr crtc;
	int i, ret = -ENXIO;

	if (!res)
		return -EINVAL;
	if (!wanted && a->display->connector_id)
		wanted = connector_crtc(a->drm_fd, a->display->connector_id);
	for (i = 0; i < res->count_crtcs && ret; i++) {
		if (a->display->connector_id && !wanted)
			break;
		crtc = drmModeGetCrtc(a->drm_fd, res->crtcs[i]);
		if (crtc && crtc->mode_valid && (!wanted || wanted == crtc->crtc_id)) {
			a->display->crtc_id = crtc->crtc_id;
			a->mode = crtc->mode;
			ret = 0;
		}
		drmModeFreeCrtc(crtc);
	}
	drmModeFreeResources(res);
	return ret;
}

/* Overlays first, for they are what is meant for it. */
static int find_planes(struct attempt *a)
{
	int ret;

	if (a->display->plane_id) {
		a->planes[0] = a->display->plane_id;
		a->nr_planes = 1;
		return 0;
	}
	ret = shrbuf_display_planes(a->drm_fd, a->display->crtc_id, 0, a->planes, MAX_PLANES);
	if (ret < 0)
		return ret;
	a->nr_planes = ret;
	return ret ? 0 : -EMEDIUMTYPE;
}

/* camera */

static int find_type(struct attempt *a)
{
	struct v4l2_capability cap = { 0 };
	int ret = shrbuf_ioctl(a->video_fd, VIDIOC_QUERYCAP, &cap);
	uint32_t caps = cap.device_caps;

	if (ret)
		return ret == -EBADF ? ret : -EINVAL;
	if (caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_M2M))
		a->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	else if (caps & (V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_M2M_MPLANE))
		a->type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	else
		return -EINVAL;
	return 0;
}

/* 0 in @fourcc, @width: as they are. Fails if the driver wants something else. */
static int set_format(struct attempt *a, uint32_t fourcc, uint32_t width, uint32_t height)
{
	struct v4l2_format fmt = { .type = a->type };
	struct v4l2_pix_format_mplane *mp = &fmt.fmt.pix_mp;
	struct v4l2_pix_format *pix = &fmt.fmt.pix;
	bool mplane = a->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	unsigned int i;
	int ret = shrbuf_ioctl(a->video_fd, VIDIOC_G_FMT, &fmt);

	if (ret || (!fourcc && !width))
		return ret;
	if (mplane) {
		mp->pixelformat = fourcc ? fourcc : mp->pixelformat;
		mp->width = width ? width : mp->width;
		mp->height = width ? height : mp->height;
		for (i = 0; i < VIDEO_MAX_PLANES; i++)
			mp->plane_fmt[i].bytesperline = 0;
	} else {
		pix->pixelformat = fourcc ? fourcc : pix->pixelformat;
		pix->width = width ? width : pix->width;
		pix->height = width ? height : pix->height;
		pix->bytesperline = 0;
	}
	ret = shrbuf_ioctl(a->video_fd, VIDIOC_S_FMT, &fmt);
	if (ret)
		return ret;
	if (fourcc && (mplane ? mp->pixelformat : pix->pixelformat) != fourcc)
		return -EMEDIUMTYPE;
	/* width and height are at the same place in both */
	if (width && (pix->width != width || pix->height != height))
		return -EMEDIUMTYPE;
	return 0;
}

static int request(struct attempt *a, unsigned int count)
{
	struct v4l2_requestbuffers req = {
		.count = count, .type = a->type, .memory = V4L2_MEMORY_MMAP,
	};
	int ret = shrbuf_ioctl(a->video_fd, VIDIOC_REQBUFS, &req);

	if (ret)
		return ret;
	a->display->nr_bufs = req.count;
	if (count && (req.count < count || req.count > MAX_BUFS))
		return -ENOBUFS;
	return 0;
}

/* File descriptor of a plane of a buffer. */
static int export_plane(struct attempt *a, unsigned int index, unsigned int plane)
{
	struct v4l2_exportbuffer exp = {
		.type = a->type, .index = index, .plane = plane,
		.flags = O_RDWR | O_CLOEXEC,
	};
	int ret = shrbuf_ioctl(a->video_fd, VIDIOC_EXPBUF, &exp);

	return ret ? ret : exp.fd;
}

/* How a plane of a buffer is to be read: the kernel knows. */
static int get_format(struct attempt *a, int buf_fd, struct shrbuf_format *format)
{
	struct shrbuf_info info = { .fd = buf_fd };
	int ret = shrbuf_ioctl(a->fd, SHRBUF_IOC_INFO, &info);

	*format = info.format;
	if (!ret && (!format->fourcc || !format->nr_planes))
		ret = -EMEDIUMTYPE;
	return ret;
}

/* framebuffers */

/*
 * A GEM handle for each plane of memory of a buffer, and where the planes of the picture are
 * in them.
 */
static int import_planes(struct attempt *a, unsigned int index,
			 struct shrbuf_format *format, uint32_t *mem, struct drm_fb *fb)
{
	unsigned int i, nr, done = 0;
	int fd, ret;

	for (nr = 0; nr < MAX_MEM && (!nr || done < format->nr_planes); nr++) {
		fd = export_plane(a, index, nr);
		if (fd < 0)
			return fd;
		ret = get_format(a, fd, format);
		if (!ret && drmPrimeFDToHandle(a->drm_fd, fd, &mem[nr]))
			ret = -errno;
		close(fd);
		if (ret)
			return ret;
		for (i = 0; i < format->nr_planes; i++) {
			if (!(format->plane_mask & 1U << i))
				continue;
			fb->handles[i] = mem[nr];
			fb->pitches[i] = format->planes[i].stride;
			fb->offsets[i] = format->planes[i].offset;
			done++;
		}
	}
	return 0;
}

/* The framebuffer keeps the memory, so the handles are not needed any more. */
static int make_fb(struct attempt *a, unsigned int index, struct shrbuf_format *format)
{
	uint32_t mem[MAX_MEM] = { 0 };
	struct drm_fb fb = { 0 };
	int i, ret;

	ret = import_planes(a, index, format, mem, &fb);
	if (!ret && drmModeAddFB2(a->drm_fd, format->width, format->height, format->fourcc,
				  fb.handles, fb.pitches, fb.offsets,
				  &a->display->fbs[index], 0))
		ret = -errno;
	for (i = 0; i < MAX_MEM; i++)
		if (mem[i])
			drmCloseBufferHandle(a->drm_fd, mem[i]);
	return ret;
}

static void drop_buffers(struct attempt *a)
{
	unsigned int i;

	for (i = 0; i < MAX_BUFS; i++) {
		if (a->display->fbs[i])
			drmModeRmFB(a->drm_fd, a->display->fbs[i]);
		a->display->fbs[i] = 0;
	}
	request(a, 0);
}

/* route */

static void centre(struct shrbuf_kms_sink *sink, const struct shrbuf_rect *box)
{
	sink->crtc_x = (int)box->x + ((int)box->width - (int)sink->crtc_w) / 2;
	sink->crtc_y = (int)box->y + ((int)box->height - (int)sink->crtc_h) / 2;
}

static void middle(struct shrbuf_kms_sink *sink, const struct attempt *a)
{
	sink->crtc_w = a->display->width;
	sink->crtc_h = a->display->height;
	centre(sink, &a->box);
}

/* As large as the box, with its proportions. */
static void large(struct shrbuf_kms_sink *sink, const struct attempt *a)
{
	uint64_t w = a->display->width, h = a->display->height;

	if (w * a->box.height > h * a->box.width) {
		sink->crtc_w = a->box.width;
		sink->crtc_h = h * a->box.width / w;
	} else {
		sink->crtc_w = w * a->box.height / h;
		sink->crtc_h = a->box.height;
	}
	centre(sink, &a->box);
}

/* Tries planes and rectangles. -EMEDIUMTYPE: none can show it. */
static int add_sink(struct attempt *a, int route)
{
	void (*const rects[])(struct shrbuf_kms_sink *, const struct attempt *) = {
		large, middle,
	};
	struct shrbuf_kms_sink sink;
	unsigned int i, j;
	int ret;

	for (i = 0; i < a->nr_planes; i++) {
		if (!shrbuf_plane_has_format(a->drm_fd, a->planes[i], a->display->fourcc))
			continue;
		for (j = 0; j < 2; j++) {
			memset(&sink, 0, sizeof(sink));
			sink.sink.policy = a->display->policy;
			sink.sink.max_held = MAX_HELD;
			sink.drm_fd = a->drm_fd;
			sink.plane_id = a->planes[i];
			sink.crtc_id = a->display->crtc_id;
			sink.end = a->display->end;
			sink.src_w = a->display->width << 16;
			sink.src_h = a->display->height << 16;
			sink.nr_fbs = a->display->nr_bufs;
			sink.fbs = (uintptr_t)a->display->fbs;
			rects[j](&sink, a);
			ret = shrbuf_route_add_kms(route, &sink);
			if (!ret) {
				a->display->plane_id = a->planes[i];
				a->display->sink = sink.sink.id;
				return 0;
			}
			if (ret != -EINVAL && ret != -ERANGE && ret != -ENOSPC)
				return ret;
		}
	}
	return -EMEDIUMTYPE;
}

/* With one format: a route that runs, -EMEDIUMTYPE to try another one, or an error. */
static int try_format(struct attempt *a, uint32_t fourcc, uint32_t width, uint32_t height)
{
	struct shrbuf_format format = { 0 };
	int ret, route = -1;
	unsigned int i;

	ret = set_format(a, fourcc, width, height);
	if (ret)
		return ret;
	ret = request(a, MAX_HELD + CAMERA_BUFS + a->display->extra);
	for (i = 0; !ret && i < a->display->nr_bufs; i++)
		ret = make_fb(a, i, &format);
	/* The display does not know this one. */
	if (ret == -EINVAL)
		ret = -EMEDIUMTYPE;
	if (!ret) {
		a->display->fourcc = format.fourcc;
		a->display->width = format.width;
		a->display->height = format.height;
		route = shrbuf_route_create(a->fd, a->video_fd);
		ret = route < 0 ? route : add_sink(a, route);
	}
	if (!ret && !(a->display->flags & SHRBUF_DISPLAY_STOPPED))
		ret = shrbuf_route_start(route, a->display->priority);
	if (!ret)
		return route;
	if (route >= 0)
		close(route);
	drop_buffers(a);
	return ret;
}

/* The formats that a plane knows, in a size. */
static int try_formats(struct attempt *a, uint32_t width, uint32_t height)
{
	unsigned int i, j;
	int ret = try_format(a, 0, width, height);

	if (a->display->flags & SHRBUF_DISPLAY_KEEP_FORMAT)
		return ret;
	for (i = 0; i < ARRAY_SIZE(known_formats); i++) {
		if (ret != -EMEDIUMTYPE)
			break;
		for (j = 0; j < a->nr_planes; j++)
			if (shrbuf_plane_has_format(a->drm_fd, a->planes[j], known_formats[i].drm))
				break;
		if (j < a->nr_planes)
			ret = try_format(a, known_formats[i].v4l2, width, height);
	}
	return ret;
}

int shrbuf_route_to_display(int fd, int video_fd, int drm_fd,
			    struct shrbuf_display *display)
{
	struct attempt a = {
		.fd = fd, .video_fd = video_fd, .drm_fd = drm_fd, .display = display,
	};
	struct v4l2_streamparm interval = { 0 };
	struct v4l2_format before = { 0 };
	bool attached = false, timed;
	int ret;

	memset(display->fbs, 0, sizeof(display->fbs));
	if (display->extra > MAX_BUFS - MAX_HELD - CAMERA_BUFS || display->flags & ~ALL_FLAGS)
		return -EINVAL;
	ret = find_type(&a);
	if (ret)
		return ret;
	ret = choose_crtc(&a);
	if (!ret)
		ret = find_planes(&a);
	if (ret)
		return ret;
	a.box = display->box;
	if (!a.box.width || !a.box.height)
		a.box = (struct shrbuf_rect) {
			.width = a.mode.hdisplay, .height = a.mode.vdisplay,
		};
	before.type = a.type;
	ret = shrbuf_ioctl(video_fd, VIDIOC_G_FMT, &before);
	if (ret)
		return ret;
	/* Another format may come with another rate. Not all devices have one. */
	interval.type = a.type;
	timed = !shrbuf_ioctl(video_fd, VIDIOC_G_PARM, &interval);
	ret = shrbuf_attach_queue(fd, video_fd);
	if (ret && ret != -EALREADY)
		return ret;
	attached = !ret;
	ret = try_formats(&a, 0, 0);
	if (ret == -EMEDIUMTYPE && !(display->flags & SHRBUF_DISPLAY_KEEP_FORMAT))
		ret = try_formats(&a, a.mode.hdisplay, a.mode.vdisplay);
	/* Leave all as it was. */
	if (ret < 0) {
		shrbuf_ioctl(video_fd, VIDIOC_S_FMT, &before);
		if (timed)
			shrbuf_ioctl(video_fd, VIDIOC_S_PARM, &interval);
		if (attached)
			shrbuf_detach_queue(fd, video_fd);
	}
	return ret;
}
