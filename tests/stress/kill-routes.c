// SPDX-License-Identifier: GPL-2.0
/*
 * A process is killed while it has a route: from a camera to a display that it has leased,
 * to an output, and to a program that takes frames, which is killed as well. Whatever they
 * were at, the display must show again what it showed before, and the camera and the
 * output must be as they were.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "kill.h"
#include "../routes/routes.h"

#define BUFS	12

static char output_node[64];
static struct display dsp;
static int lease;

/* the program that takes frames */
static pid_t start_taker(int tap, int route, struct victim *v)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(route);
	close(v->cam.fd);
	close(v->drm);
	close(lease);
	for (;;) {
		struct shrbuf_tap_frame frame;

		if (try_take(tap, &frame))
			_exit(0);
		reached(DID_TAKE);
		if (frame.nr_planes)
			close(frame.fds[0]);
		try_give(tap, frame.index);
	}
}

static void add_display(int route, struct victim *v)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	struct display leased = dsp;
	struct shrbuf_kms_sink sink;
	unsigned int i;
	int fd;

	leased.fd = lease;
	leased.nr_fbs = BUFS;
	pitches[0] = v->cam.fmt.fmt.pix.bytesperline;
	for (i = 0; i < BUFS; i++) {
		fd = try_expbuf(&v->cam, i, 0, O_RDWR | O_CLOEXEC);
		if (fd < 0 || drmPrimeFDToHandle(lease, fd, &handles[0]) ||
		    drmModeAddFB2(lease, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handles,
				  pitches, offsets, &leased.fbs[i], 0))
			return;
		close(fd);
	}
	kms_sink(&sink, &leased);
	sink.end = SHRBUF_KMS_END_RESTORE;
	if (!try_add_kms(route, &sink))
		reached(DID_IMPORT);
}

static void add_output(int route)
{
	struct shrbuf_video_sink sink = {
		.sink = { .max_held = 4 },
		.video_fd = open(output_node, O_RDWR | O_CLOEXEC),
	};

	if (!try_ioctl(route, SHRBUF_IOC_ROUTE_ADD_VIDEO, &sink))
		reached(DID_EXPORT);
	close(sink.video_fd);
}

static void scene_routes(void)
{
	struct shrbuf_tap_sink sink;
	unsigned int round;
	struct victim v;
	pid_t taker;
	int route;

	victim_open(&v, false);
	try_reqbufs(&v.cam, V4L2_MEMORY_MMAP, BUFS);
	if (try_route_create(v.cam.fd, &route))
		return;
	add_display(route, &v);
	add_output(route);
	for (round = 0; round < 3; round++) {
		if (try_add_tap(route, SHRBUF_SINK_EVERY, 2, 0, &sink))
			break;
		if (!try_start(route))
			reached(DID_ROUTE);
		taker = start_taker(sink.tap_fd, route, &v);
		wait_random();
		kill(taker, SIGKILL);
		waitpid(taker, NULL, 0);
		close(sink.tap_fd);
		try_stop(route);
	}
	close(route);
	victim_close(&v);
}

/* The picture that stays, and sizes: they are kept by the devices. */
static void prepare(void)
{
	struct camera cam;

	snprintf(output_node, sizeof(output_node), "%s", camera_path(CAMERA_OUTPUT));
	display_open(&dsp, "vkms");
	camera_open(&cam, CAMERA_OUTPUT);
	camera_format(&cam, WIDTH, HEIGHT);
	camera_close(&cam);
	camera_open(&cam, CAMERA_SINGLE);
	camera_format(&cam, WIDTH, HEIGHT);
	camera_close(&cam);
}

static void check_output(void)
{
	struct camera out;
	int fd;

	camera_open(&out, CAMERA_OUTPUT);
	camera_format(&out, WIDTH, HEIGHT);
	camera_reqbufs(&out, V4L2_MEMORY_MMAP, 2);
	fd = camera_expbuf(&out, 0, 0, O_RDWR | O_CLOEXEC);
	assert_int_equal(import_id(fd), -EINVAL);
	close(fd);
	camera_close(&out);
}

void run_routes(void)
{
	uint32_t objects[3], lessee;
	pid_t pid;

	prepare();
	objects[0] = dsp.plane;
	objects[1] = dsp.crtc;
	objects[2] = dsp.connector;
	lease = drmModeCreateLease(dsp.fd, objects, 3, O_CLOEXEC, &lessee);
	assert_true(lease >= 0);
	pid = start_victim(scene_routes);
	close(lease);
	wait_random();
	kill_and_wait(pid);
	/* who took frames is ours now */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(display_shows(&dsp, dsp.plane), dsp.black);
	close(dsp.fd);
	check_output();
}
