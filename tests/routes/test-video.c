// SPDX-License-Identifier: GPL-2.0
/*
 * Routes into video devices: an output, and one that converts, whose result goes on.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "routes.h"

#define DRIVER	"/sys/bus/platform/drivers/vivid/"
#define BUFS	10

static void set_format(int fd, uint32_t type, uint32_t fourcc, struct v4l2_format *fmt)
{
	memset(fmt, 0, sizeof(*fmt));
	fmt->type = type;
	fmt->fmt.pix.width = WIDTH;
	fmt->fmt.pix.height = HEIGHT;
	fmt->fmt.pix.pixelformat = fourcc;
	fmt->fmt.pix.field = V4L2_FIELD_NONE;
	do_ioctl(fd, VIDIOC_S_FMT, fmt);
	assert_int_equal(fmt->fmt.pix.width, WIDTH);
	assert_int_equal(fmt->fmt.pix.height, HEIGHT);
	assert_int_equal(fmt->fmt.pix.pixelformat, fourcc);
}

/* an attached camera of this format */
static void rgb_camera(struct camera *cam, uint32_t fourcc)
{
	route_camera(cam, BUFS);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	set_format(cam->fd, cam->type, fourcc, &cam->fmt);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, BUFS);
}

static void output_open(struct camera *out)
{
	camera_open(out, CAMERA_OUTPUT);
	set_format(out->fd, out->type, V4L2_PIX_FMT_XBGR32, &out->fmt);
}

/* a route from a camera, and an output that takes its frames */
static int output_route(struct camera *cam, struct camera *out)
{
	rgb_camera(cam, V4L2_PIX_FMT_XBGR32);
	output_open(out);
	return route_create(cam);
}

static int try_add_video(int route, int video_fd, uint32_t policy, uint32_t *id)
{
	struct shrbuf_video_sink sink = {
		.sink = { .policy = policy, .max_held = 4 },
		.video_fd = video_fd,
	};
	int ret = try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &sink);

	*id = sink.sink.id;
	return ret;
}

static uint32_t add_video(int route, int video_fd, uint32_t policy)
{
	uint32_t id;
	int ret = try_add_video(route, video_fd, policy, &id);

	if (ret)
		fail_msg("SHRBUF_IOC_ROUTE_ADD_VIDEO: %s", strerror(-ret));
	return id;
}

/* The queue is as it was: it gives memory of its own. */
static void expect_own_queue(struct camera *out)
{
	int fd;

	camera_reqbufs(out, V4L2_MEMORY_MMAP, 4);
	fd = camera_expbuf(out, 0, 0, O_RDWR);
	assert_int_equal(import_id(fd), -EINVAL);
	close(fd);
	assert_true(munmap(camera_mmap(out, 0, 0), camera_plane_size(out, 0)) == 0);
	camera_reqbufs(out, V4L2_MEMORY_MMAP, 0);
}

static void expect_no_mmap(struct camera *out)
{
	struct v4l2_buffer buf = { .type = out->type, .memory = V4L2_MEMORY_MMAP };

	do_ioctl(out->fd, VIDIOC_QUERYBUF, &buf);
	assert_true(mmap(NULL, buf.length, PROT_READ, MAP_SHARED, out->fd, buf.m.offset) ==
		    MAP_FAILED);
	assert_int_equal(errno, EINVAL);
}

static void to_output(void **state)
{
	struct camera cam, out;
	uint32_t policy, id;
	int route;

	(void)state;
	route = output_route(&cam, &out);
	start(route);
	for (policy = SHRBUF_SINK_NEWEST; policy <= SHRBUF_SINK_EVERY; policy++) {
		id = add_video(route, out.fd, policy);
		wait_shown(route, id, 30);
		expect_sums(route, id);
		assert_int_equal(stats(route, id).type, SHRBUF_SINK_TYPE_VIDEO);
		assert_int_equal(stats(route, id).dropped_error, 0);
		assert_true(stats(route, id).held <= 4);
		/* it is in use, by us */
		assert_int_equal(try_reqbufs(&out, V4L2_MEMORY_MMAP, 4), -EBUSY);
		/* its memory is not its own */
		assert_true(try_expbuf(&out, 0, 0, O_RDWR) < 0);
		expect_no_mmap(&out);
		assert_int_equal(try_remove(route, id), 0);
		expect_own_queue(&out);
	}
	wait_shown(route, 0, 20);
	assert_int_equal(poll_now(route), 0);
}

/* camera -> vim2m -> display, by two routes */
static void chain(void **state)
{
	struct camera cam, m2m = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .nr_planes = 1 };
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	struct v4l2_format fmt;
	struct display dsp;
	uint32_t id, kms;
	int first, second, fd;

	(void)state;
	m2m.fd = video_open("vim2m");
	if (m2m.fd < 0) {
		print_message("# no vim2m\n");
		skip();
	}
	display_open(&dsp, "vkms");
	rgb_camera(&cam, V4L2_PIX_FMT_RGB565);
	set_format(m2m.fd, V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_PIX_FMT_RGB565, &fmt);
	set_format(m2m.fd, V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_PIX_FMT_RGB565, &m2m.fmt);
	camera_reqbufs(&m2m, V4L2_MEMORY_MMAP, 6);
	for (dsp.nr_fbs = 0; dsp.nr_fbs < m2m.nr_bufs; dsp.nr_fbs++) {
		fd = camera_expbuf(&m2m, dsp.nr_fbs, 0, O_RDWR | O_CLOEXEC);
		assert_int_equal(drmPrimeFDToHandle(dsp.fd, fd, &handles[0]), 0);
		close(fd);
		pitches[0] = m2m.fmt.fmt.pix.bytesperline;
		assert_int_equal(drmModeAddFB2(dsp.fd, WIDTH, HEIGHT, DRM_FORMAT_RGB565,
					       handles, pitches, offsets,
					       &dsp.fbs[dsp.nr_fbs], 0), 0);
	}
	first = route_create(&cam);
	id = add_video(first, m2m.fd, SHRBUF_SINK_NEWEST);
	second = route_create(&m2m);
	kms = add_kms(second, &dsp, SHRBUF_KMS_END_RESTORE);
	start(second);
	start(first);
	wait_shown(second, kms, 20);
	assert_true(display_shows_camera(&dsp, dsp.plane));
	expect_sums(first, id);
	expect_sums(second, kms);
	assert_int_equal(stats(second, kms).dropped_error, 0);
	/* what comes out has the time of what went in, and so says the latency of all */
	close(first);
	close(second);
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
}

/* A camera whose frames have two planes, and an output that takes such; and one that does not. */
static void planes(void **state)
{
	struct camera cam, out, single;
	struct shrbuf_tap_frame frame;
	struct v4l2_format fmt;
	uint32_t id, tap_id;
	int route, tap;

	(void)state;
	camera_open(&cam, CAMERA_MULTI);
	camera_format(&cam, 320, 180);
	assert_int_equal(cam.nr_planes, 2);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFS);
	camera_open(&out, CAMERA_OUTPUT_MULTI);
	camera_format(&out, 320, 180);
	route = route_create(&cam);
	start(route);
	id = add_video(route, out.fd, SHRBUF_SINK_NEWEST);
	wait_shown(route, id, 20);
	expect_sums(route, id);
	assert_int_equal(stats(route, id).dropped_error, 0);
	tap = add_tap(route, SHRBUF_SINK_NEWEST, 2, &tap_id);
	frame = take(tap);
	assert_int_equal(frame.nr_planes, 2);
	assert_true(import_id(frame.fds[0]) > 0);
	assert_true(import_id(frame.fds[1]) > 0);
	assert_int_not_equal(import_id(frame.fds[0]), import_id(frame.fds[1]));
	close(frame.fds[0]);
	close(frame.fds[1]);
	close(tap);
	assert_int_equal(try_remove(route, id), 0);

	/* smaller than a plane of the camera, but in one piece */
	camera_open(&single, CAMERA_OUTPUT);
	fmt = single.fmt;
	fmt.fmt.pix.width = 160;
	fmt.fmt.pix.height = 120;
	fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	fmt.fmt.pix.bytesperline = 0;
	do_ioctl(single.fd, VIDIOC_S_FMT, &fmt);
	assert_true(fmt.fmt.pix.sizeimage < camera_plane_size(&cam, 0));
	assert_int_equal(try_add_video(route, single.fd, 0, &id), -EINVAL);
	do_ioctl(single.fd, VIDIOC_S_FMT, &single.fmt);
	expect_own_queue(&single);
}

/* The encoder among the devices of vicodec, set up for pictures of the camera. */
static bool encoder_open(struct camera *enc)
{
	struct v4l2_format fmt;
	glob_t found;
	size_t i;

	*enc = (struct camera){
		.fd = -1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .nr_planes = 1,
	};
	if (glob("/dev/video*", 0, NULL, &found))
		return false;
	for (i = 0; i < found.gl_pathc && enc->fd < 0; i++) {
		struct v4l2_fmtdesc desc = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

		enc->fd = do_open(found.gl_pathv[i], O_RDWR);
		/* what it makes is compressed, what it takes is not */
		if (!try_ioctl(enc->fd, VIDIOC_ENUM_FMT, &desc) &&
		    desc.pixelformat == V4L2_PIX_FMT_FWHT)
			break;
		close(enc->fd);
		enc->fd = -1;
	}
	globfree(&found);
	if (enc->fd < 0)
		return false;
	set_format(enc->fd, V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_PIX_FMT_XBGR32, &fmt);
	set_format(enc->fd, enc->type, V4L2_PIX_FMT_FWHT, &enc->fmt);
	return true;
}

/* A whole frame of the size that the camera has. Returns its timestamp in microseconds. */
static uint64_t check_encoded(struct camera *enc)
{
	struct v4l2_buffer buf = { .type = enc->type, .memory = V4L2_MEMORY_MMAP };
	size_t size = camera_plane_size(enc, 0);
	uint32_t *header;

	do_ioctl(enc->fd, VIDIOC_DQBUF, &buf);
	assert_false(buf.flags & V4L2_BUF_FLAG_ERROR);
	header = camera_mmap(enc, buf.index, 0);
	/* magic numbers, version, width, height, ... size of what follows */
	assert_int_equal(header[0], 0x4f4f4f4f);
	assert_int_equal(header[1], 0xffffffff);
	assert_int_equal(be32toh(header[3]), WIDTH);
	assert_int_equal(be32toh(header[4]), HEIGHT);
	assert_int_equal(be32toh(header[10]) + 11 * sizeof(*header), buf.bytesused);
	/* a test pattern is not nothing, and is made smaller */
	assert_in_range(buf.bytesused, 1000, WIDTH * HEIGHT * 4 / 2);
	munmap(header, size);
	do_ioctl(enc->fd, VIDIOC_QBUF, &buf);
	return buf.timestamp.tv_sec * 1000000ULL + buf.timestamp.tv_usec;
}

/* camera -> encoder, whose stream a program reads; until it does not any more */
static void encoded(void **state)
{
	struct camera cam, enc;
	uint64_t time, last = 0;
	unsigned int i;
	uint32_t id;
	int route;

	(void)state;
	if (!encoder_open(&enc)) {
		print_message("# no vicodec\n");
		skip();
	}
	rgb_camera(&cam, V4L2_PIX_FMT_XBGR32);
	camera_reqbufs(&enc, V4L2_MEMORY_MMAP, 4);
	for (i = 0; i < enc.nr_bufs; i++)
		camera_qbuf(&enc, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(&enc), 0);
	route = route_create(&cam);
	id = add_video(route, enc.fd, SHRBUF_SINK_NEWEST);
	start(route);
	for (i = 0; i < 12; i++) {
		time = check_encoded(&enc);
		assert_true(time >= last);
		last = time;
	}
	assert_int_equal(stats(route, id).dropped_error, 0);
	/* one is counted when the encoder may have done it already */
	wait_shown(route, id, 1);
	assert_true(stats(route, id).frames_shown >= 12);
	expect_sums(route, id);
	/* nobody reads it: the encoder is full, the camera goes on */
	wait_held(route, id, 4);
	wait_shown(route, 0, 10);
	assert_true(stats(route, id).dropped_newer + stats(route, id).dropped_held > 0);
	/* and what it has it still encodes */
	check_encoded(&enc);
	close(route);
	assert_int_equal(try_streamoff(&enc), 0);
}

static void output_stopped(void **state)
{
	struct shrbuf_route_event event;
	struct camera cam, out;
	uint32_t id;
	int route;

	(void)state;
	route = output_route(&cam, &out);
	start(route);
	id = add_video(route, out.fd, SHRBUF_SINK_EVERY);
	wait_shown(route, id, 5);
	assert_int_equal(try_streamoff(&out), 0);
	event = wait_event(route, SHRBUF_ROUTE_EVENT_SINK_FAILED);
	assert_int_equal(event.sink, id);
	assert_int_equal(event.error, ECANCELED);
	assert_int_equal(poll_now(route), POLLERR);
	/* the camera does not wait for it any more */
	wait_shown(route, 0, 20);
	assert_int_equal(try_remove(route, id), 0);
	/* the queue is its user's: the buffers still stand on the camera's */
	assert_int_equal(try_reqbufs(&out, V4L2_MEMORY_MMAP, 0), 0);
	expect_own_queue(&out);
	id = add_video(route, out.fd, SHRBUF_SINK_EVERY);
	wait_shown(route, id, 5);
}

/* Camera and output go at once, and their files stay open. */
static void both_unbound(void **state)
{
	struct camera cam, out;
	uint32_t id;
	int route;

	(void)state;
	route = output_route(&cam, &out);
	start(route);
	id = add_video(route, out.fd, SHRBUF_SINK_NEWEST);
	wait_shown(route, id, 5);
	do_write(DRIVER "unbind", "vivid.0");
	wait_state(route, 0, SHRBUF_ROUTE_FAILED);
	wait_state(route, id, SHRBUF_SINK_STATE_FAILED);
	assert_int_equal(stats(route, id).error, ENODEV);
	close(route);
	camera_close(&cam);
	camera_close(&out);
	do_write(DRIVER "bind", "vivid.0");
	expect_usable(NULL);
}

static void wrong(void **state)
{
	struct shrbuf_video_sink sink = { .sink = { .max_held = 4 } };
	struct camera cam, out;
	struct v4l2_format fmt;
	uint32_t id;
	int route;

	(void)state;
	route = output_route(&cam, &out);
	sink.video_fd = out.fd;
#define ADD try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &sink)
	sink.flags = 1;
	assert_int_equal(ADD, -EINVAL);
	sink.flags = 0;
	sink.reserved[0] = 1;
	assert_int_equal(ADD, -EINVAL);
	sink.reserved[0] = 0;
	sink.sink.max_held = 0;
	assert_int_equal(ADD, -EINVAL);
	sink.sink.max_held = BUFS;
	assert_int_equal(ADD, -ENOBUFS);
	sink.sink.max_held = 4;
	assert_int_equal(try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, NULL), -EFAULT);
	assert_int_equal(try_add_video(route, -1, 0, &id), -EBADF);
	assert_int_equal(try_add_video(route, shrbuf_dev(), 0, &id), -EINVAL);
	assert_int_equal(try_add_video(route, cam.fd, 0, &id), -EINVAL);	/* no output */
	/* attached, and with buffers of its own */
	attach(out.fd);
	assert_int_equal(try_add_video(route, out.fd, 0, &id), -EBUSY);
	detach(out.fd);
	camera_reqbufs(&out, V4L2_MEMORY_MMAP, 4);
	assert_int_equal(try_add_video(route, out.fd, 0, &id), -EBUSY);
	camera_reqbufs(&out, V4L2_MEMORY_MMAP, 0);
	/* larger frames than the camera's */
	fmt = out.fmt;
	fmt.fmt.pix.width = 720;
	fmt.fmt.pix.height = 576;
	fmt.fmt.pix.bytesperline = 0;
	do_ioctl(out.fd, VIDIOC_S_FMT, &fmt);
	assert_true(fmt.fmt.pix.sizeimage > out.fmt.fmt.pix.sizeimage);
	assert_int_equal(try_add_video(route, out.fd, 0, &id), -EINVAL);
	do_ioctl(out.fd, VIDIOC_S_FMT, &out.fmt);
	/* nothing of that is left */
	expect_own_queue(&out);
	assert_int_equal(try_add_video(route, out.fd, 0, &id), 0);
	/* twice */
	assert_int_equal(try_add_video(route, out.fd, 0, &id), -EBUSY);
	close(route);
	expect_own_queue(&out);
}

/* The buffers are the camera driver's own. */
static void not_shared(void **state)
{
	struct camera cam, out;
	uint32_t id;
	int route;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, BUFS);
	output_open(&out);
	route = route_create(&cam);
	assert_int_equal(try_add_video(route, out.fd, 0, &id), -EOPNOTSUPP);
	expect_own_queue(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(to_output),
		API_TEST(planes),
		API_TEST(chain),
		API_TEST(encoded),
		API_TEST(output_stopped),
		API_TEST(both_unbound),
		API_TEST(wrong),
		API_TEST(not_shared),
	};

	return cmocka_run_group_tests_name("video", tests, NULL, check_signals);
}
