// SPDX-License-Identifier: GPL-2.0
/*
 * A USB camera that sends real video, its driver uvcvideo, and shared buffers. Every frame
 * carries its number, so that it is known to the last byte what a buffer must hold.
 *
 * With the argument "routes", which needs a driver that tells V4L2 about its queue: a route
 * from the camera.
 *
 * Environment, see run:
 *   UVC_DRIVER  "stock" for the driver of the kernel, else the path of the patched one
 *   UVC_CAMERA, UVC_GADGET  the script and the program of samples/uvc-gadget
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "picture.h"
#include "../api/requests.h"
#include "../routes/routes.h"
#include "../stress/stress.h"

#define BUFFERS	4
#define ROUTE_BUFS	8
#define NUMBERS	(1 << PICTURE_BITS)

static bool patched;
static pid_t gadget;

/* the camera */

static void run(const char *command)
{
	int status = system(command);

	if (status)
		fail_msg("'%s' has ended with status %d", command, status);
}

static void uvc_camera(const char *what)
{
	char command[4096];

	snprintf(command, sizeof(command), "%s %s >&2", getenv("UVC_CAMERA"), what);
	run(command);
}

static void load_driver(void)
{
	char command[4096];

	if (patched)
		snprintf(command, sizeof(command), "insmod %s", getenv("UVC_DRIVER"));
	else
		snprintf(command, sizeof(command), "modprobe uvcvideo");
	run(command);
}

static bool camera_is_there(void *arg)
{
	int *fd = arg;

	*fd = video_open("uvcvideo");
	return *fd >= 0;
}

static bool camera_is_gone(void *arg)
{
	int fd = video_open("uvcvideo");

	(void)arg;
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static void gadget_start(void)
{
	char node[64] = { 0 }, command[4096];
	FILE *pipe;

	snprintf(command, sizeof(command), "%s node", getenv("UVC_CAMERA"));
	pipe = popen(command, "re");
	assert_non_null(pipe);
	assert_non_null(fgets(node, sizeof(node), pipe));
	assert_int_equal(pclose(pipe), 0);
	node[strcspn(node, "\n")] = 0;
	gadget = fork();
	assert_true(gadget >= 0);
	if (!gadget) {
		execl(getenv("UVC_GADGET"), "uvc-gadget", node, NULL);
		_exit(127);
	}
}

/* It ends by itself when its device is gone. */
static void gadget_wait(void)
{
	int status;

	assert_int_equal(waitpid(gadget, &status, 0), gadget);
	gadget = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void plug(void)
{
	uvc_camera("plug");
	gadget_start();
}

static void unplug(void)
{
	uvc_camera("unplug");
	gadget_wait();
	wait_for(camera_is_gone, NULL, "the camera to go");
}

static int group_setup(void **state)
{
	const char *driver = getenv("UVC_DRIVER");

	(void)state;
	if (!driver || !getenv("UVC_CAMERA") || !getenv("UVC_GADGET")) {
		print_error("UVC_DRIVER, UVC_CAMERA and UVC_GADGET: see tests/usb/run\n");
		return -1;
	}
	patched = strcmp(driver, "stock");
	test_dev();
	shrbuf_dev();
	load_driver();
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	uvc_camera("remove");
	return system("rmmod uvcvideo");
}

static int plugged(void **state)
{
	(void)state;
	plug();
	return 0;
}

static int cleanup(void **state)
{
	(void)state;
	closefrom(FIRST_TEST_FD);
	uvc_camera("unplug");
	if (gadget)
		kill(gadget, SIGTERM);
	while (gadget && waitpid(gadget, NULL, 0) < 0 && errno == EINTR)
		;
	gadget = 0;
	return 0;
}

#define USB_TEST(f)	cmocka_unit_test_setup_teardown(f, plugged, cleanup)

/* streams */

struct stream {
	struct camera cam;
	enum v4l2_memory memory;
	struct picture picture;
	int fds[BUFFERS];	/* dma-bufs */
};

static void stream_format(struct stream *s, uint32_t fourcc)
{
	struct camera *cam = &s->cam;

	memset(s, 0, sizeof(*s));
	wait_for(camera_is_there, &cam->fd, "the camera");
	cam->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	cam->nr_planes = 1;
	cam->fmt.type = cam->type;
	cam->fmt.fmt.pix.width = WIDTH;
	cam->fmt.fmt.pix.height = HEIGHT;
	cam->fmt.fmt.pix.pixelformat = fourcc;
	do_ioctl(cam->fd, VIDIOC_S_FMT, &cam->fmt);
	assert_int_equal(cam->fmt.fmt.pix.pixelformat, fourcc);
	assert_int_equal(cam->fmt.fmt.pix.width, WIDTH);
	assert_int_equal(cam->fmt.fmt.pix.height, HEIGHT);
	assert_int_equal(picture_init(&s->picture, fourcc, WIDTH, HEIGHT), 0);
	assert_int_equal(camera_plane_size(cam, 0), picture_size(&s->picture));
}

static void stream_queue(struct stream *s, unsigned int index)
{
	assert_int_equal(try_qbuf(&s->cam, s->memory, index, &s->fds[index], NULL), 0);
}

/* The camera's own buffers, exported, or with @memory DMABUF those of shrbuf. */
static void stream_buffers(struct stream *s, enum v4l2_memory memory)
{
	unsigned int i;

	s->memory = memory;
	camera_reqbufs(&s->cam, memory, BUFFERS);
	for (i = 0; i < BUFFERS; i++) {
		if (memory == V4L2_MEMORY_DMABUF)
			s->fds[i] = alloc_buffer(camera_plane_size(&s->cam, 0), O_RDWR);
		else
			s->fds[i] = export_plane(&s->cam, i, 0);
		stream_queue(s, i);
	}
}

static void stream_start(struct stream *s, uint32_t fourcc, enum v4l2_memory memory)
{
	stream_format(s, fourcc);
	stream_buffers(s, memory);
	assert_int_equal(try_streamon(&s->cam), 0);
}

/* The kind of shared buffers that this driver can do. */
static enum v4l2_memory shared_memory(void)
{
	return patched ? V4L2_MEMORY_MMAP : V4L2_MEMORY_DMABUF;
}

/* A frame without error; index of its buffer. */
static int stream_frame(struct stream *s)
{
	struct v4l2_buffer buf = { .type = s->cam.type, .memory = s->memory };

	do_ioctl(s->cam.fd, VIDIOC_DQBUF, &buf);
	assert_false(buf.flags & V4L2_BUF_FLAG_ERROR);
	assert_int_equal(buf.bytesused, picture_size(&s->picture));
	return buf.index;
}

static void stream_end(struct stream *s)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++)
		close(s->fds[i]);
	camera_close(&s->cam);
	picture_free(&s->picture);
}

static void *map(int dmabuf, size_t size)
{
	void *addr = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf, 0);

	if (addr == MAP_FAILED)
		fail_msg("mmap of the dma-buf: %s", strerror(errno));
	return addr;
}

/* Compares a whole frame with what the camera sends; its number. */
static int check_frame(struct stream *s, int dmabuf)
{
	size_t size = picture_size(&s->picture);
	uint8_t *expected = malloc(size), *frame = map(dmabuf, size);
	int number;

	assert_non_null(expected);
	assert_int_equal(do_sync(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	number = picture_number(&s->picture, frame);
	assert_true(number >= 0);
	picture_draw(&s->picture, expected, number);
	if (memcmp(frame, expected, size))
		fail_msg("frame %d is not what the camera has sent", number);
	assert_int_equal(do_sync(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	munmap(frame, size);
	free(expected);
	return number;
}

/*
 * The camera goes on: a frame that was not there before. uvcvideo copies frames in parallel,
 * so that on a busy machine one may overtake another.
 */
static void check_new(bool *seen, int number)
{
	assert_in_range(number, 0, NUMBERS - 1);
	assert_false(seen[number]);
	seen[number] = true;
}

/* tests */

static void video_is_real(void **state)
{
	static const uint32_t fourccs[] = { V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_XBGR32 };
	struct stream s;
	unsigned int i, j;
	int index;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fourccs); i++) {
		bool seen[NUMBERS] = { false };

		stream_start(&s, fourccs[i], V4L2_MEMORY_MMAP);
		for (j = 0; j < 3 * BUFFERS; j++) {
			index = stream_frame(&s);
			check_new(seen, check_frame(&s, s.fds[index]));
			stream_queue(&s, index);
		}
		stream_end(&s);
	}
}

/* And so there is no route. */
static void route_is_refused(void **state)
{
	struct stream s;
	int fd;

	(void)state;
	stream_format(&s, V4L2_PIX_FMT_XBGR32);
	stream_buffers(&s, V4L2_MEMORY_MMAP);
	assert_int_equal(try_route_create(s.cam.fd, &fd), -EOPNOTSUPP);
	stream_end(&s);
}

/* Neither kernel has a queue that can be attached: the patched one needs no attaching. */
static void attach_is_refused(void **state)
{
	struct stream s;

	(void)state;
	stream_format(&s, V4L2_PIX_FMT_YUYV);
	assert_int_equal(try_attach(s.cam.fd), -EOPNOTSUPP);
	assert_int_equal(try_detach(s.cam.fd), -EOPNOTSUPP);
	stream_buffers(&s, V4L2_MEMORY_MMAP);
	assert_int_equal(try_attach(s.cam.fd), -EOPNOTSUPP);
	stream_end(&s);
}

/* What the patch is for. */
static void exports(void **state)
{
	int before = buffers_alive(), again, ids[BUFFERS];
	unsigned int i, j;
	struct stream s;

	(void)state;
	stream_start(&s, V4L2_PIX_FMT_YUYV, V4L2_MEMORY_MMAP);
	check_frame(&s, s.fds[stream_frame(&s)]);
	again = export_plane(&s.cam, 0, 0);
	if (!patched) {
		assert_int_equal(import_id(s.fds[0]), -EINVAL);
		assert_int_not_equal(inode_of(again), inode_of(s.fds[0]));
		assert_int_equal(buffers_alive(), before);
	} else {
		assert_int_equal(buffers_alive(), before + BUFFERS);
		for (i = 0; i < BUFFERS; i++) {
			ids[i] = import_id(s.fds[i]);
			assert_true(ids[i] > 0);
			for (j = 0; j < i; j++)
				assert_int_not_equal(ids[i], ids[j]);
		}
		assert_int_equal(import_id(again), ids[0]);
		assert_int_equal(inode_of(again), inode_of(s.fds[0]));
	}
	close(again);
	stream_end(&s);
	expect_no_buffers();
}

/* The camera writes into memory that shrbuf has allocated. Works with every driver. */
static void dmabuf_capture(void **state)
{
	bool seen[NUMBERS] = { false };
	int ids[BUFFERS], index;
	struct stream s;
	unsigned int i;

	(void)state;
	stream_start(&s, V4L2_PIX_FMT_YUYV, V4L2_MEMORY_DMABUF);
	assert_int_equal(buffers_alive(), BUFFERS);
	for (i = 0; i < BUFFERS; i++)
		ids[i] = import_id(s.fds[i]);
	for (i = 0; i < 3 * BUFFERS; i++) {
		index = stream_frame(&s);
		check_new(seen, check_frame(&s, s.fds[index]));
		assert_true(ids[index] > 0);
		assert_int_equal(import_id(s.fds[index]), ids[index]);
		stream_queue(&s, index);
	}
	stream_end(&s);
	expect_no_buffers();
}

/* A buffer of one page too few is refused as videobuf2 does it, and does no harm. */
static void dmabuf_too_small(void **state)
{
	struct stream s;
	int fd;

	(void)state;
	stream_format(&s, V4L2_PIX_FMT_YUYV);
	camera_reqbufs(&s.cam, V4L2_MEMORY_DMABUF, BUFFERS);
	fd = alloc_buffer(camera_plane_size(&s.cam, 0) - 4096, O_RDWR);
	assert_int_equal(try_qbuf(&s.cam, V4L2_MEMORY_DMABUF, 0, &fd, NULL), -EFAULT);
	close(fd);
	camera_close(&s.cam);
	picture_free(&s.picture);
	expect_no_buffers();
}

/* A frame on vkms: one handle, a framebuffer, and it is shown. */
static void scan_out(struct stream *s, int drm, int fd)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 }, fb, again;
	drmModeConnector *conn;
	drmModeRes *res;
	int fd2;

	assert_int_equal(drmPrimeFDToHandle(drm, fd, &handles[0]), 0);
	fd2 = fcntl(fd, F_DUPFD_CLOEXEC, 32);
	assert_int_equal(drmPrimeFDToHandle(drm, fd2, &again), 0);
	assert_int_equal(again, handles[0]);
	close(fd2);
	pitches[0] = s->cam.fmt.fmt.pix.bytesperline;
	assert_int_equal(drmModeAddFB2(drm, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handles,
				       pitches, offsets, &fb, 0), 0);
	res = drmModeGetResources(drm);
	assert_non_null(res);
	conn = drmModeGetConnector(drm, res->connectors[0]);
	assert_non_null(conn);
	for (int i = 0; i < conn->count_modes; i++) {
		if (conn->modes[i].hdisplay != WIDTH || conn->modes[i].vdisplay != HEIGHT)
			continue;
		assert_int_equal(drmModeSetCrtc(drm, res->crtcs[0], fb, 0, 0,
						&conn->connector_id, 1, &conn->modes[i]), 0);
		break;
	}
	drmModeFreeConnector(conn);
	drmModeFreeResources(res);
	assert_int_equal(drmModeRmFB(drm, fb), 0);
	assert_int_equal(drmCloseBufferHandle(drm, handles[0]), 0);
}

static void frames_are_shown(void **state)
{
	int drm = drm_open("vkms"), index, i;
	struct stream s;

	(void)state;
	assert_true(drm >= 0);
	stream_start(&s, V4L2_PIX_FMT_XBGR32, shared_memory());
	for (i = 0; i < BUFFERS; i++) {
		index = stream_frame(&s);
		scan_out(&s, drm, s.fds[index]);
		/* the display has not changed it */
		check_frame(&s, s.fds[index]);
		stream_queue(&s, index);
	}
	close(drm);
	stream_end(&s);
	expect_no_buffers();
}

/*
 * After the camera has gone while it streams: what was captured stays what it was, and
 * the device says that it is gone. @index is a buffer that we hold.
 */
static void after_unplug(struct stream *s, int index)
{
	int number = check_frame(s, s->fds[index]), ret;
	unsigned int errors = 0;

	/* first come the buffers that were queued, with or without a frame */
	while ((ret = try_dqbuf(&s->cam, s->memory)) >= 0)
		assert_true(++errors <= BUFFERS);
	assert_int_equal(ret, -ENODEV);
	assert_int_equal(try_qbuf(&s->cam, s->memory, index, &s->fds[index], NULL),
			 -ENODEV);
	assert_int_equal(try_attach(s->cam.fd), -ENODEV);
	assert_true(import_id(s->fds[index]) > 0);
	assert_int_equal(check_frame(s, s->fds[index]), number);
}

/* The order in which things go: camera, file, module of the driver, buffers. */
static void unplug_while_streaming(void **state)
{
	struct stream s;
	uint8_t *mapped;
	int index, number, refs, i;

	(void)state;
	stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
	index = stream_frame(&s);
	number = check_frame(&s, s.fds[index]);
	mapped = map(s.fds[index], picture_size(&s.picture));
	unplug();
	after_unplug(&s, index);
	camera_close(&s.cam);
	assert_int_equal(check_frame(&s, s.fds[index]), number);

	run("rmmod uvcvideo");
	assert_int_equal(buffers_alive(), BUFFERS);
	assert_true(import_id(s.fds[index]) > 0);
	assert_int_equal(check_frame(&s, s.fds[index]), number);
	refs = module_refs("shrbuf");
	for (i = 0; i < BUFFERS; i++)
		close(s.fds[i]);
	/* a mapping is a user like any other */
	assert_int_equal(picture_number(&s.picture, mapped), number);
	assert_int_equal(buffers_alive(), 1);
	munmap(mapped, picture_size(&s.picture));
	picture_free(&s.picture);
	expect_no_buffers();
	assert_true(module_refs("shrbuf") < refs);

	load_driver();
	plug();
	stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
	check_frame(&s, s.fds[stream_frame(&s)]);
	stream_end(&s);
}

/* The cable is pulled while a process sleeps in VIDIOC_DQBUF, several times. */
static void unplug_while_waiting(void **state)
{
	int round, status, index;
	struct stream s;
	pid_t child;

	(void)state;
	for (round = 0; round < 4; round++) {
		if (round)
			plug();
		stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
		index = stream_frame(&s);
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			int ret;

			do {
				ret = try_dqbuf(&s.cam, s.memory);
				if (ret >= 0)
					ret = try_qbuf(&s.cam, s.memory, ret, &s.fds[ret], NULL);
			} while (!ret);
			/* If it was asleep it sees the end of the stream first. */
			_exit(ret == -ENODEV || ret == -EINVAL ? 0 : -ret);
		}
		unplug();
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		after_unplug(&s, index);
		/* the file last, for once */
		close(s.fds[index]);
		s.fds[index] = -1;
		stream_end(&s);
		expect_no_buffers();
	}
}

/* The program behind the camera dies: for the host the camera is unplugged. */
static void gadget_dies(void **state)
{
	struct stream s;
	int index, status;

	(void)state;
	stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
	index = stream_frame(&s);
	kill(gadget, SIGKILL);
	assert_int_equal(waitpid(gadget, &status, 0), gadget);
	gadget = 0;
	wait_for(camera_is_gone, NULL, "the camera to go");
	after_unplug(&s, index);
	stream_end(&s);
	expect_no_buffers();
}

/* uvcvideo is unbound from the camera by hand, which is still plugged in. */
static void driver_unbound(void **state)
{
	glob_t found;
	struct stream s;
	int index;

	(void)state;
	stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
	index = stream_frame(&s);
	assert_int_equal(glob("/sys/bus/usb/drivers/uvcvideo/*:1.0", 0, NULL, &found), 0);
	do_write("/sys/bus/usb/drivers/uvcvideo/unbind", strrchr(found.gl_pathv[0], '/') + 1);
	wait_for(camera_is_gone, NULL, "the camera to go");
	after_unplug(&s, index);
	stream_end(&s);
	expect_no_buffers();
	do_write("/sys/bus/usb/drivers/uvcvideo/bind", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	stream_start(&s, V4L2_PIX_FMT_YUYV, shared_memory());
	check_frame(&s, s.fds[stream_frame(&s)]);
	stream_end(&s);
}

/* The owner of the stream is killed; its buffers go with it, but for the one passed on. */
static void owner_is_killed(void **state)
{
	int pipes[2], status, index, number;
	struct stream s;
	pid_t child;

	(void)state;
	stream_format(&s, V4L2_PIX_FMT_YUYV);
	stream_buffers(&s, shared_memory());
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		/* the parent has the same files: they were made before */
		if (try_streamon(&s.cam))
			_exit(1);
		index = try_dqbuf(&s.cam, s.memory);
		if (write(pipes[1], &index, sizeof(index)) != sizeof(index))
			_exit(1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &index, sizeof(index)), sizeof(index));
	assert_in_range(index, 0, BUFFERS - 1);
	close(pipes[0]);
	close(pipes[1]);
	number = check_frame(&s, s.fds[index]);
	camera_close(&s.cam);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(check_frame(&s, s.fds[index]), number);
	stream_end(&s);
	expect_no_buffers();
}

/* routes */

/* camera -> display and this program, which has taken a frame */
struct routed {
	struct stream s;
	struct display dsp;
	struct shrbuf_tap_frame taken;
	int fds[ROUTE_BUFS];
	int route, tap;
	uint32_t kms, tap_id;
};

static void routed_take(struct routed *r)
{
	r->taken = take(r->tap);
	if (r->taken.nr_planes)
		r->fds[r->taken.index] = fcntl(r->taken.fds[0], F_DUPFD_CLOEXEC, 32);
	close(r->taken.fds[0]);
}

static bool is_shown(void *arg)
{
	struct display *dsp = arg;

	return display_shows_camera(dsp, dsp->plane);
}

static void routed_start(struct routed *r)
{
	bool seen[NUMBERS] = { false };
	int i;

	memset(r, 0, sizeof(*r));
	stream_format(&r->s, V4L2_PIX_FMT_XBGR32);
	camera_reqbufs(&r->s.cam, V4L2_MEMORY_MMAP, ROUTE_BUFS);
	display_open(&r->dsp, "vkms");
	display_import(&r->dsp, &r->s.cam);
	r->route = route_create(&r->s.cam);
	r->kms = add_kms(r->route, &r->dsp, SHRBUF_KMS_END_RESTORE);
	r->tap = add_tap(r->route, SHRBUF_SINK_EVERY, 2, &r->tap_id);
	start(r->route);
	for (i = 0; i < 2 * ROUTE_BUFS; i++) {
		if (i)
			give(r->tap, r->taken.index);
		routed_take(r);
		check_new(seen, check_frame(&r->s, r->fds[r->taken.index]));
	}
	wait_for(is_shown, &r->dsp, "a frame on the display");
}

static void routed_end(struct routed *r)
{
	closefrom(32);
	picture_free(&r->s.picture);
	expect_no_buffers();
}

/* What everybody sees after the camera has gone. */
static void expect_gone(struct routed *r)
{
	int number = check_frame(&r->s, r->fds[r->taken.index]), ret;
	struct shrbuf_route_event event;
	struct shrbuf_tap_frame frame;

	event = wait_event(r->route, SHRBUF_ROUTE_EVENT_FAILED);
	assert_int_equal(event.error, ENODEV);
	assert_int_equal(poll_now(r->route), POLLERR | POLLHUP);
	while (!(ret = try_take(r->tap, &frame)))
		if (frame.nr_planes)
			close(frame.fds[0]);
	assert_int_equal(ret, -ENODEV);
	assert_int_equal(try_stop(r->route), 0);
	assert_int_equal(try_start(r->route), -ENODEV);
	assert_int_equal(check_frame(&r->s, r->fds[r->taken.index]), number);
	close(r->route);
	assert_int_equal(display_shows(&r->dsp, r->dsp.plane), r->dsp.black);
	assert_int_equal(check_frame(&r->s, r->fds[r->taken.index]), number);
}

static void route_unplugged(void **state)
{
	struct routed r;
	int round;

	(void)state;
	for (round = 0; round < 3; round++) {
		if (round)
			plug();
		routed_start(&r);
		unplug();
		expect_gone(&r);
		routed_end(&r);
	}
}

/* The program behind the camera dies: for the host the camera is unplugged. */
static void route_gadget_dies(void **state)
{
	struct routed r;
	int status;

	(void)state;
	routed_start(&r);
	kill(gadget, SIGKILL);
	assert_int_equal(waitpid(gadget, &status, 0), gadget);
	gadget = 0;
	wait_for(camera_is_gone, NULL, "the camera to go");
	expect_gone(&r);
	routed_end(&r);
}

static void route_unbound(void **state)
{
	struct routed r;
	glob_t found;

	(void)state;
	routed_start(&r);
	assert_int_equal(glob("/sys/bus/usb/drivers/uvcvideo/*:1.0", 0, NULL, &found), 0);
	do_write("/sys/bus/usb/drivers/uvcvideo/unbind", strrchr(found.gl_pathv[0], '/') + 1);
	wait_for(camera_is_gone, NULL, "the camera to go");
	expect_gone(&r);
	routed_end(&r);
	do_write("/sys/bus/usb/drivers/uvcvideo/bind", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	routed_start(&r);
	routed_end(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest routes[] = {
		USB_TEST(route_unplugged),
		USB_TEST(route_gadget_dies),
		USB_TEST(route_unbound),
	};
	const struct CMUnitTest tests[] = {
		USB_TEST(video_is_real),
		USB_TEST(attach_is_refused),
		USB_TEST(route_is_refused),
		USB_TEST(exports),
		USB_TEST(dmabuf_capture),
		USB_TEST(dmabuf_too_small),
		USB_TEST(frames_are_shown),
		USB_TEST(unplug_while_streaming),
		USB_TEST(unplug_while_waiting),
		USB_TEST(gadget_dies),
		USB_TEST(driver_unbound),
		USB_TEST(owner_is_killed),
	};

	if (argc > 1 && !strcmp(argv[1], "routes"))
		return cmocka_run_group_tests_name("usb routes", routes, group_setup,
						   group_teardown);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
