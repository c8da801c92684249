// SPDX-License-Identifier: GPL-2.0
/*
 * What routes do when cameras, displays and programs go.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>
#include <xf86drmMode.h>

#include "routes.h"
#include "../kernel/shrbuf_testdev.h"

#define DRIVER			"/sys/bus/platform/drivers/vivid/"
#define VIVID_CID_DISCONNECT	(0x00f0f000 + 65)

/* A camera, a display and a tap that has taken a frame, running. */
struct scene {
	struct display dsp;
	struct camera cam;
	int route;
	int tap;
	uint32_t kms_id;
	uint32_t tap_id;
	struct shrbuf_tap_frame taken;
};

static void scene_start(struct scene *scene, uint32_t end)
{
	memset(scene, 0, sizeof(*scene));
	display_open(&scene->dsp, "vkms");
	route_camera(&scene->cam, 10);
	display_import(&scene->dsp, &scene->cam);
	scene->route = route_create(&scene->cam);
	scene->kms_id = add_kms(scene->route, &scene->dsp, end);
	scene->tap = add_tap(scene->route, SHRBUF_SINK_NEWEST, 2, &scene->tap_id);
	start(scene->route);
	scene->taken = take(scene->tap);
	wait_shown(scene->route, scene->kms_id, 3);
}

static void scene_close(struct scene *scene)
{
	close(scene->taken.fds[0]);
	close(scene->tap);
	close(scene->route);
	close(scene->cam.fd);
	close(scene->dsp.fd);
}

/* The route has failed, and everybody who is interested knows. */
static void expect_failed(struct scene *scene, int error)
{
	struct shrbuf_route_event event;
	struct shrbuf_tap_frame frame;

	event = wait_event(scene->route, SHRBUF_ROUTE_EVENT_FAILED);
	assert_int_equal(event.error, error);
	assert_int_equal(event.sink, 0);
	assert_int_equal(event.lost, 0);
	assert_int_equal(stats(scene->route, 0).state, SHRBUF_ROUTE_FAILED);
	assert_int_equal(stats(scene->route, 0).error, error);
	assert_int_equal(poll_now(scene->route), POLLERR | POLLHUP);
	assert_true(poll_now(scene->tap) & POLLHUP);
	/* what was there already can be taken */
	while (!try_take(scene->tap, &frame))
		if (frame.nr_planes)
			close(frame.fds[0]);
	assert_int_equal(try_take(scene->tap, &frame), -ENODEV);
	expect_sums(scene->route, scene->kms_id);
	expect_sums(scene->route, scene->tap_id);
}

static void disconnected(void **state)
{
	struct v4l2_control control = { .id = VIVID_CID_DISCONNECT, .value = 1 };
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_RESTORE);
	do_ioctl(scene.cam.fd, VIDIOC_S_CTRL, &control);
	expect_failed(&scene, ENODEV);
	assert_int_equal(try_stop(scene.route), 0);
	assert_int_equal(try_start(scene.route), -ENODEV);
	close(scene.route);
	assert_int_equal(display_shows(&scene.dsp, scene.dsp.plane), scene.dsp.black);
	scene_close(&scene);
	/* vivid comes back when everybody has closed it: nothing of ours is left */
	expect_usable(&scene.dsp);
}

static void unbound(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	do_write(DRIVER "unbind", "vivid.0");
	expect_failed(&scene, ENODEV);
	/* the memory of the frames stays with those who have them */
	assert_true(display_shows_camera(&scene.dsp, scene.dsp.plane));
	assert_int_equal(do_sync(scene.taken.fds[0], 0), -EINVAL);
	scene_close(&scene);
	do_write(DRIVER "bind", "vivid.0");
	expect_usable(&scene.dsp);
}

/* Somebody stops the stream. Starting it again at once does not hide it. */
static void stream_off(void **state)
{
	struct scene scene;
	unsigned int i;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	assert_int_equal(try_streamoff(&scene.cam), 0);
	expect_failed(&scene, ECANCELED);
	assert_int_equal(try_stop(scene.route), 0);
	/* the route can be started again */
	start(scene.route);
	assert_int_equal(poll_now(scene.route), 0);
	wait_shown(scene.route, scene.kms_id, 3);
	stop(scene.route);
	start(scene.route);

	assert_int_equal(try_streamoff(&scene.cam), 0);
	for (i = 0; i < scene.cam.nr_bufs; i++)
		try_qbuf(&scene.cam, V4L2_MEMORY_MMAP, i, NULL, NULL);
	assert_int_equal(try_streamon(&scene.cam), 0);
	expect_failed(&scene, ECANCELED);
	/* it is not the route's stream any more */
	close(scene.route);
	assert_true(try_dqbuf(&scene.cam, V4L2_MEMORY_MMAP) >= 0);
	scene_close(&scene);
	expect_usable(&scene.dsp);
}

static void buffers_freed(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	assert_int_equal(try_reqbufs(&scene.cam, V4L2_MEMORY_MMAP, 0), -EBUSY);
	assert_int_equal(try_streamoff(&scene.cam), 0);
	assert_int_equal(try_reqbufs(&scene.cam, V4L2_MEMORY_MMAP, 0), 0);
	expect_failed(&scene, ECANCELED);
	assert_int_equal(try_stop(scene.route), 0);
	scene_close(&scene);
	expect_usable(&scene.dsp);
}

/* A program queues a buffer that a tap has: it would be overwritten. */
static void queued_behind(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	camera_qbuf(&scene.cam, V4L2_MEMORY_MMAP, scene.taken.index);
	expect_failed(&scene, EBUSY);
	scene_close(&scene);
	expect_usable(&scene.dsp);
}

/* A program takes frames from the queue: the route has one less, and goes on. */
static void dequeued_behind(void **state)
{
	struct scene scene;
	int index;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	index = try_dqbuf(&scene.cam, V4L2_MEMORY_MMAP);
	assert_true(index >= 0);
	wait_shown(scene.route, 0, 10);
	camera_qbuf(&scene.cam, V4L2_MEMORY_MMAP, index);
	wait_shown(scene.route, 0, 10);
	assert_int_equal(poll_now(scene.route), 0);
	scene_close(&scene);
}

static void format_change(void **state)
{
	struct scene scene;
	struct v4l2_format fmt;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	fmt = scene.cam.fmt;
	fmt.fmt.pix.width = 320;
	fmt.fmt.pix.height = 180;
	assert_int_equal(try_ioctl(scene.cam.fd, VIDIOC_S_FMT, &fmt), -EBUSY);
	wait_shown(scene.route, scene.kms_id, 3);
	scene_close(&scene);
}

static void master_dropped(void **state)
{
	struct shrbuf_route_event event;
	struct scene scene;
	int other;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	assert_int_equal(drmDropMaster(scene.dsp.fd), 0);
	event = wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_PAUSED);
	assert_int_equal(event.sink, scene.kms_id);
	assert_int_equal(event.error, EACCES);
	assert_int_equal(stats(scene.route, scene.kms_id).state, SHRBUF_SINK_STATE_PAUSED);
	/* somebody else has the display, the camera goes on */
	other = do_open(display_path("vkms"), O_RDWR);
	assert_int_equal(drmSetMaster(other), 0);
	wait_shown(scene.route, 0, 10);
	assert_int_equal(poll_now(scene.route) & (POLLERR | POLLHUP), 0);
	expect_sums(scene.route, scene.kms_id);
	assert_int_equal(drmDropMaster(other), 0);
	close(other);
	assert_int_equal(drmSetMaster(scene.dsp.fd), 0);
	event = wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_RESUMED);
	assert_int_equal(event.sink, scene.kms_id);
	wait_shown(scene.route, scene.kms_id, 5);
	expect_sums(scene.route, scene.kms_id);
	scene_close(&scene);
}

static void lease_revoked(void **state)
{
	struct shrbuf_route_event event;
	struct display dsp, leased;
	uint32_t objects[3], lessee, kms;
	struct camera cam;
	int fd, route;

	(void)state;
	display_open(&dsp, "vkms");
	objects[0] = dsp.plane;
	objects[1] = dsp.crtc;
	objects[2] = dsp.connector;
	fd = drmModeCreateLease(dsp.fd, objects, 3, O_CLOEXEC, &lessee);
	assert_true(fd >= 0);
	display_use(&leased, fd);
	display_mode(&leased, "640x480");
	route_camera(&cam, 8);
	display_import(&leased, &cam);
	route = route_create(&cam);
	kms = add_kms(route, &leased, SHRBUF_KMS_END_KEEP);
	start(route);
	wait_shown(route, kms, 5);
	assert_int_equal(drmModeRevokeLease(dsp.fd, lessee), 0);
	event = wait_event(route, SHRBUF_ROUTE_EVENT_SINK_FAILED);
	assert_int_equal(event.sink, kms);
	assert_int_equal(event.error, ENOENT);
	assert_int_equal(stats(route, kms).state, SHRBUF_SINK_STATE_FAILED);
	assert_int_equal(poll_now(route), POLLERR);
	/* the route goes on without it */
	wait_shown(route, 0, 20);
	assert_int_equal(try_remove(route, kms), 0);
	assert_int_equal(poll_now(route), 0);
	close(fd);
}

static void mode_changed(void **state)
{
	struct shrbuf_route_event event;
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	/* vkms wants a primary plane that covers all */
	display_mode(&scene.dsp, "800x600");
	event = wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_PAUSED);
	assert_int_equal(event.error, EINVAL);
	assert_int_equal(display_shows(&scene.dsp, scene.dsp.plane), scene.dsp.black);
	display_mode(&scene.dsp, "640x480");
	wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_RESUMED);
	wait_shown(scene.route, scene.kms_id, 5);
	assert_true(display_shows_camera(&scene.dsp, scene.dsp.plane));

	display_off(&scene.dsp);
	event = wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_PAUSED);
	assert_int_equal(event.error, EINVAL);
	display_mode(&scene.dsp, "640x480");
	wait_event(scene.route, SHRBUF_ROUTE_EVENT_SINK_RESUMED);
	wait_shown(scene.route, scene.kms_id, 5);
	expect_sums(scene.route, scene.kms_id);
	scene_close(&scene);
}

/* The monitor is unplugged: the CRTC goes on, and so does the route. */
static void connector_gone(void **state)
{
	char path[128];
	struct scene scene;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	snprintf(path, sizeof(path), "/sys/class/drm/%s-Virtual-1/status",
		 strrchr(display_path("vkms"), '/') + 1);
	do_write(path, "off");
	wait_shown(scene.route, scene.kms_id, 10);
	do_write(path, "detect");
	wait_shown(scene.route, scene.kms_id, 5);
	scene_close(&scene);
}

/* Runs fn in a child, which calls ready() when it is set up, and then waits to be killed. */
static void ready(int fd)
{
	assert_int_equal(write(fd, "r", 1), 1);
	for (;;)
		pause();
}

static pid_t in_child(void (*fn)(int fd, void *arg), void *arg)
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		fn(fds[1], arg);
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fail_msg("the child has failed");
	}
	close(fds[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void take_frames(int fd, void *arg)
{
	struct shrbuf_tap_frame frame;
	int tap = *(int *)arg;

	while (!try_take(tap, &frame))
		;
	ready(fd);
}

/* A program that takes frames is killed: its sink goes, its frames come back. */
static void taker_killed(void **state)
{
	struct scene scene;
	uint32_t id;
	pid_t pid;
	int tap;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	tap = add_tap(scene.route, SHRBUF_SINK_EVERY, 2, &id);
	fcntl(tap, F_SETFL, O_NONBLOCK);
	wait_held(scene.route, id, 2);
	pid = in_child(take_frames, &tap);
	close(tap);
	/* the camera waits for it */
	assert_true(stats(scene.route, id).held > 0);
	end_child(pid);
	assert_int_equal(try_remove(scene.route, id), -ENOENT);
	wait_shown(scene.route, 0, 20);
	scene_close(&scene);
}

static void run_scene(int fd, void *arg)
{
	struct scene scene;

	(void)arg;
	scene_start(&scene, SHRBUF_KMS_END_RESTORE);
	ready(fd);
}

/* The program with the route is killed: camera and display can be used at once. */
static void owner_killed(void **state)
{
	struct display dsp;
	pid_t pid;
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		pid = in_child(run_scene, NULL);
		end_child(pid);
		expect_usable(&dsp);
		close(dsp.fd);
	}
}

static bool more_frames(const char *text, unsigned long *frames)
{
	unsigned int route, sink, error;
	unsigned long in;
	char type[32];

	if (sscanf(text, "%u\t%u\t%31s\t%*s\t%*s\t%u\t%lu", &route, &sink, type, &error,
		   &in) != 5 || strcmp(type, "source"))
		return false;
	*frames = in;
	return true;
}

/* Of the only route, by the list for root. */
static unsigned long frames_by_debugfs(void)
{
	unsigned long frames = 0;
	char line[512];
	bool found = false;
	FILE *file;

	file = fopen("/sys/kernel/debug/shrbuf/routes", "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found = more_frames(line, &frames) || found;
	fclose(file);
	assert_true(found);
	return frames;
}

static bool has_more(void *arg)
{
	return frames_by_debugfs() >= *(unsigned long *)arg;
}

/* The program is stopped: the picture moves on. */
static void owner_stopped(void **state)
{
	unsigned long frames;
	int status;
	pid_t pid;

	(void)state;
	pid = in_child(run_scene, NULL);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	frames = frames_by_debugfs() + 20;
	wait_for(has_more, &frames, "frames while the program is stopped");
	end_child(pid);
}

/* A tap that somebody else has keeps neither camera nor display. */
static void tap_outlives(void **state)
{
	struct shrbuf_tap_frame frame;
	struct scene scene;
	struct display dsp;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_RESTORE);
	close(scene.route);
	close(scene.cam.fd);
	close(scene.dsp.fd);
	assert_int_equal(try_take(scene.tap, &frame), -ENODEV);
	assert_int_equal(try_give(scene.tap, scene.taken.index), -ENOENT);
	assert_int_equal(poll_now(scene.tap), POLLHUP);
	expect_usable(&dsp);
	close(scene.tap);
	/* the frame itself belongs to who has it */
	assert_true(import_id(scene.taken.fds[0]) > 0);
	close(scene.taken.fds[0]);
}

static bool modules_back(void *arg)
{
	int *refs = arg;

	return module_refs("shrbuf") == refs[0] && module_refs("vivid") == refs[1] &&
	       module_refs("vkms") == refs[2];
}

/* No module of a running route can be unloaded, though the program has closed its files. */
static void modules_held(void **state)
{
	static const char * const modules[] = { "shrbuf", "vivid", "vkms" };
	struct camera cam;
	struct scene scene;
	unsigned int i;
	int refs[3];

	(void)state;
	display_keep();
	camera_open(&cam, CAMERA_SINGLE);
	try_detach(cam.fd);
	attach(cam.fd);
	camera_close(&cam);
	for (i = 0; i < 3; i++)
		refs[i] = module_refs(modules[i]);
	camera_open(&cam, CAMERA_SINGLE);
	detach(cam.fd);
	camera_close(&cam);

	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	close(scene.cam.fd);
	close(scene.dsp.fd);
	for (i = 0; i < 3; i++) {
		assert_true(module_refs(modules[i]) > refs[i]);
		assert_int_equal(syscall(SYS_delete_module, modules[i], O_NONBLOCK), -1);
		assert_int_equal(errno, EWOULDBLOCK);
	}
	wait_shown(scene.route, scene.kms_id, 5);
	close(scene.taken.fds[0]);
	close(scene.tap);
	close(scene.route);
	wait_for(modules_back, refs, "references to go");
}

/* There is a line with this in the log, from here on. */
static void expect_logged(int log, const char *text)
{
	char record[1024];
	ssize_t len;

	for (;;) {
		len = read(log, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;	/* records were lost, go on with the next */
		if (len < 0)
			fail_msg("'%s' is not in the log: %s", text, strerror(errno));
		record[len < 0 ? 0 : len] = 0;
		if (strstr(record, text))
			return;
	}
}

static void deadline(void **state)
{
	struct shrbuf_route_event event;
	struct shrbuf_tap_frame frame;
	struct shrbuf_tap_sink sink;
	struct camera cam;
	char line[128];
	int route, log;

	(void)state;
	route_camera(&cam, 8);
	route = route_create(&cam);
	log = do_open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	assert_true(lseek(log, 0, SEEK_END) >= 0);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 1, 50, &sink), 0);
	start(route);
	frame = take(sink.tap_fd);
	/* there is none yet: it waits */
	assert_int_equal(read(route, &event, sizeof(event)), sizeof(event));
	assert_int_equal(event.type, SHRBUF_ROUTE_EVENT_SINK_LATE);
	/* the log names the holder: us */
	snprintf(line, sizeof(line), "tap sink %u of test-robust (pid %d) has had buffer %u",
		 event.sink, getpid(), event.index);
	expect_logged(log, line);
	assert_int_equal(event.sink, sink.sink.id);
	assert_int_equal(event.index, frame.index);
	assert_true(event.time > 0);
	/* once for each frame */
	wait_shown(route, 0, 30);
	assert_int_equal(poll_now(route), 0);
	close(frame.fds[0]);
	close(sink.tap_fd);
}

/* Events that nobody reads: the first ones stay, and how many others there were is told. */
static void events_lost(void **state)
{
	struct shrbuf_route_event event;
	struct shrbuf_tap_frame frame;
	struct shrbuf_tap_sink sink;
	unsigned int kept = 0, i;
	struct camera cam;
	int route;

	(void)state;
	route_camera(&cam, 8);
	route = route_create(&cam);
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 1, 1, &sink), 0);
	start(route);
	/* nearly each one is late when the third frame after it has come */
	for (i = 0; i < 120; i++) {
		frame = take(sink.tap_fd);
		wait_shown(route, 0, 3);
		give(sink.tap_fd, frame.index);
		if (frame.nr_planes)
			close(frame.fds[0]);
	}
	stop(route);
	close(sink.tap_fd);
	fcntl(route, F_SETFL, O_NONBLOCK);
	while (read(route, &event, sizeof(event)) == sizeof(event)) {
		assert_int_equal(event.lost, 0);
		assert_int_equal(event.type, SHRBUF_ROUTE_EVENT_SINK_LATE);
		kept++;
	}
	assert_int_equal(kept, 64);
	/* the next one says how many are missing */
	assert_int_equal(try_add_tap(route, SHRBUF_SINK_NEWEST, 1, 1, &sink), 0);
	start(route);
	frame = take(sink.tap_fd);
	event = wait_event(route, SHRBUF_ROUTE_EVENT_SINK_LATE);
	assert_true(event.lost > 0);
	assert_int_equal(poll_now(route), 0);
	close(sink.tap_fd);
}

/* A program can look at its own route without being root. */
static void own_listing(void **state)
{
	unsigned long frames = 0;
	struct scene scene;
	char text[512];
	bool found = false;
	FILE *file;

	(void)state;
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", scene.route);
	file = fopen(text, "re");
	assert_non_null(file);
	while (fgets(text, sizeof(text), file))
		found = more_frames(text, &frames) || found;
	fclose(file);
	assert_true(found && frames >= 3);
	scene_close(&scene);
}

/* Threads are frozen for suspend, and go on. */
static void suspended(void **state)
{
	struct scene scene;
	int power, i;

	(void)state;
	if (access("/sys/power/state", W_OK)) {
		print_message("# the kernel cannot suspend\n");
		skip();
	}
	scene_start(&scene, SHRBUF_KMS_END_KEEP);
	power = do_open("/sys/power/state", O_WRONLY);
	assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_REFUSE_SUSPEND, (void *)1L), 0);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(write(power, "freeze", 6), -1);
		assert_int_equal(errno, EBUSY);
		assert_int_equal(try_ioctl(test_dev(), SHRBUF_TEST_REFUSE_SUSPEND,
					   (void *)1L), i);
		wait_shown(scene.route, scene.kms_id, 10);
		assert_int_equal(poll_now(scene.route), 0);
	}
	try_ioctl(test_dev(), SHRBUF_TEST_REFUSE_SUSPEND, NULL);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(disconnected),
		API_TEST(unbound),
		API_TEST(stream_off),
		API_TEST(buffers_freed),
		API_TEST(queued_behind),
		API_TEST(dequeued_behind),
		API_TEST(format_change),
		API_TEST(master_dropped),
		API_TEST(lease_revoked),
		API_TEST(mode_changed),
		API_TEST(connector_gone),
		API_TEST(taker_killed),
		API_TEST(owner_killed),
		API_TEST(owner_stopped),
		API_TEST(tap_outlives),
		API_TEST(modules_held),
		API_TEST(deadline),
		API_TEST(events_lost),
		API_TEST(own_listing),
		API_TEST(suspended),
	};

	return cmocka_run_group_tests_name("robust", tests, NULL, check_signals);
}
