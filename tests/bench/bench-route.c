// SPDX-License-Identifier: GPL-2.0
/*
 * Measures what a frame from a camera to a display costs by a route, beside programs that do
 * the same, in one boot. For the deterministic mode of the guest, as bench.c.
 *
 * Usage: bench-route GST-COMMAND...
 *   GST-COMMAND  shows the camera by GStreamer; "num-buffers=NUMBER" is put after its
 *                third word, "v4l2src"
 *
 * Prints lines "NAME OURS PEER": nanoseconds of CPU time of the threads of the route, and of
 * the program, for a frame. And "copied BYTES": what the one that copies has copied for a frame.
 *
 * Each way is run twice. In the second run the kernel traces how long the functions take that are
 * behind VIDIOC_DQBUF and VIDIOC_QBUF and that commit a picture: the drivers' share, the same
 * functions for all ways. What is left is what it costs to bring a frame from the one to the
 * other.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "../routes/routes.h"

#define FRAMES	100
#define BUFS	12

#define TRACING		"/sys/kernel/tracing/"
#define DRIVER_FUNCTIONS "vb2_ioctl_dqbuf vb2_ioctl_qbuf drm_atomic_commit drm_atomic_nonblocking_commit"

static bool tracing;

static void trace_set(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	/* A list is taken word by word. */
	while (*value) {
		ssize_t len = write(fd, value, strlen(value));

		if (len <= 0)
			fail_msg("%s: %s", path, strerror(errno));
		value += len;
	}
	close(fd);
}

static void trace_setup(void)
{
	trace_set("tracing_on", "0");
	trace_set("set_ftrace_filter", DRIVER_FUNCTIONS);
	/* the time that they sleep does not count */
	trace_set("options/sleep-time", "0");
	trace_set("buffer_size_kb", "8192");
	trace_set("current_tracer", "function_graph");
}

/* Sum of all durations in the trace, in nanoseconds. */
static uint64_t trace_sum(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	unsigned int functions = 0;
	double sum = 0, us;
	char line[256];

	if (!f)
		fail_msg("trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *unit = strstr(line, " us ");
		char *start = unit;

		if (*line == '#' || !unit)
			continue;
		while (start > line && strchr("0123456789.", start[-1]))
			start--;
		if (sscanf(start, "%lf", &us) != 1)
			fail_msg("trace: %s", line);
		sum += us;
		functions++;
	}
	fclose(f);
	if (!functions)
		fail_msg("nothing was traced");
	return sum * 1000;
}

/* Begins what is measured. @time: so far. Return: for window_end() */
static uint64_t window_begin(uint64_t time)
{
	if (!tracing)
		return time;
	trace_set("trace", "");
	trace_set("tracing_on", "1");
	return 0;
}

/* Return: the CPU time since then, or that of the traced functions */
static uint64_t window_end(uint64_t begin, uint64_t time)
{
	if (!tracing)
		return time - begin;
	trace_set("tracing_on", "0");
	return trace_sum();
}

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t route_time(int route, const uint32_t *sinks, unsigned int nr)
{
	uint64_t sum = stats(route, 0).cpu_time;

	while (nr--)
		sum += stats(route, sinks[nr]).cpu_time;
	return sum;
}

/* Sleeps, so that asking does not cost what is measured. */
static uint64_t frames_of(int route, uint32_t sink, uint64_t wanted)
{
	struct shrbuf_route_stats s;
	uint64_t n;

	for (;;) {
		s = stats(route, sink);
		n = sink ? s.frames_shown : s.frames_in;
		if (n >= wanted)
			return n;
		usleep(10000);
	}
}

static uint64_t by_route(struct camera *cam, struct display *dsp)
{
	int route = route_create(cam);
	uint64_t before, frames;
	uint32_t sink;

	sink = add_kms(route, dsp, SHRBUF_KMS_END_RESTORE);
	start(route);
	frames = frames_of(route, sink, 5);
	before = window_begin(route_time(route, &sink, 1));
	frames = frames_of(route, sink, frames + FRAMES) - frames;
	before = window_end(before, route_time(route, &sink, 1));
	close(route);
	return before / frames;
}

/* Taps that nobody takes from: the cost of offering a frame. */
static uint64_t by_taps(struct camera *cam, unsigned int nr)
{
	int route = route_create(cam);
	uint64_t before, frames;
	uint32_t sinks[8];
	int fds[8];
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = add_tap(route, SHRBUF_SINK_NEWEST, 1, &sinks[i]);
	start(route);
	frames = frames_of(route, 0, 5);
	before = window_begin(route_time(route, sinks, nr));
	frames = frames_of(route, 0, frames + FRAMES) - frames;
	before = window_end(before, route_time(route, sinks, nr));
	for (i = 0; i < nr; i++)
		close(fds[i]);
	close(route);
	return before / frames;
}

static uint32_t property(int fd, uint32_t plane, const char *name)
{
	drmModeObjectPropertiesPtr props;
	uint32_t i, id = 0;

	props = drmModeObjectGetProperties(fd, plane, DRM_MODE_OBJECT_PLANE);
	for (i = 0; props && i < props->count_props; i++) {
		drmModePropertyPtr prop = drmModeGetProperty(fd, props->props[i]);

		if (prop && !strcmp(prop->name, name))
			id = props->props[i];
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	return id;
}

static int next_frame(struct camera *cam)
{
	struct pollfd video = { .fd = cam->fd, .events = POLLIN };
	int index;

	if (poll(&video, 1, TIMEOUT_MS) != 1)
		fail_msg("no frame");
	index = try_dqbuf(cam, V4L2_MEMORY_MMAP);
	if (index < 0)
		fail_msg("DQBUF: %s", strerror(-index));
	return index;
}

/* Shows a framebuffer, and waits until it is shown. */
static void flip(struct display *dsp, uint32_t fb)
{
	static uint32_t fb_id;
	drmModeAtomicReqPtr req = drmModeAtomicAlloc();
	char event[256];

	if (!fb_id)
		fb_id = property(dsp->fd, dsp->plane, "FB_ID");
	drmModeAtomicAddProperty(req, dsp->plane, fb_id, fb);
	if (drmModeAtomicCommit(dsp->fd, req, DRM_MODE_ATOMIC_NONBLOCK |
				DRM_MODE_PAGE_FLIP_EVENT, NULL))
		fail_msg("drmModeAtomicCommit: %s", strerror(errno));
	drmModeAtomicFree(req);
	if (read(dsp->fd, event, sizeof(event)) <= 0)
		fail_msg("no event");
}

/* As tight as it gets: wait, DQBUF, commit, wait for the flip, QBUF of the one before. */
static uint64_t by_program(struct camera *cam, struct display *dsp)
{
	uint64_t before = 0;
	int i, index, shown = -1;

	for (i = 0; i < BUFS; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	if (try_streamon(cam))
		fail_msg("STREAMON");
	for (i = -5; i < FRAMES; i++) {
		if (!i)
			before = window_begin(cpu_time());
		index = next_frame(cam);
		flip(dsp, dsp->fbs[index]);
		if (shown >= 0)
			camera_qbuf(cam, V4L2_MEMORY_MMAP, shown);
		shown = index;
	}
	before = window_end(before, cpu_time());
	try_streamoff(cam);
	return before / FRAMES;
}

/* A picture of the program's own on the display. */
struct canvas {
	uint32_t fb;
	void *addr;
};

static void make_canvas(struct canvas *canvas, struct display *dsp, size_t size)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	uint64_t offset, got;

	if (drmModeCreateDumbBuffer(dsp->fd, WIDTH, HEIGHT, 32, 0, handles, pitches, &got) ||
	    got < size ||
	    drmModeAddFB2(dsp->fd, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handles, pitches,
			  offsets, &canvas->fb, 0) ||
	    drmModeMapDumbBuffer(dsp->fd, handles[0], &offset))
		fail_msg("dumb buffer: %s", strerror(errno));
	canvas->addr = mmap(NULL, size, PROT_WRITE, MAP_SHARED, dsp->fd, offset);
	assert_ptr_not_equal(canvas->addr, MAP_FAILED);
}

static uint64_t copied;	/* bytes, by by_copy() */

/* How it is done without dma-bufs: maps the frames, and copies each. */
static uint64_t by_copy(struct camera *cam, struct display *dsp)
{
	size_t size = cam->fmt.fmt.pix.sizeimage;
	struct canvas canvas[2];
	void *frames[BUFS];
	uint64_t before = 0;
	int i, index;

	for (i = 0; i < BUFS; i++) {
		struct v4l2_buffer buf = {
			.type = cam->type, .memory = V4L2_MEMORY_MMAP, .index = i,
		};

		do_ioctl(cam->fd, VIDIOC_QUERYBUF, &buf);
		frames[i] = mmap(NULL, size, PROT_READ, MAP_SHARED, cam->fd, buf.m.offset);
		assert_ptr_not_equal(frames[i], MAP_FAILED);
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	}
	make_canvas(&canvas[0], dsp, size);
	make_canvas(&canvas[1], dsp, size);
	if (try_streamon(cam))
		fail_msg("STREAMON");
	for (i = -5; i < FRAMES; i++) {
		if (!i)
			before = window_begin(cpu_time());
		index = next_frame(cam);
		memcpy(canvas[i & 1].addr, frames[index], size);
		copied += i < 0 ? 0 : size;
		camera_qbuf(cam, V4L2_MEMORY_MMAP, index);
		flip(dsp, canvas[i & 1].fb);
	}
	before = window_end(before, cpu_time());
	try_streamoff(cam);
	for (i = 0; i < BUFS; i++)
		munmap(frames[i], size);
	/* A map keeps the display open, and so ours. */
	for (i = 0; i < 2; i++)
		munmap(canvas[i].addr, size);
	return before / FRAMES;
}

/* CPU time of a command that shows so many frames. */
static uint64_t run_gst(char **command, unsigned int frames)
{
	char *argv[32], count[32];
	struct rusage usage;
	int i, n = 0, status;
	pid_t pid;

	snprintf(count, sizeof(count), "num-buffers=%u", frames);
	for (i = 0; command[i] && n < 30; i++) {
		argv[n++] = command[i];
		if (i == 2)
			argv[n++] = count;
	}
	argv[n] = NULL;
	fflush(stdout);
	/* with all that it takes to start and to end */
	window_begin(0);
	pid = fork();
	if (!pid) {
		/* what it says is not ours */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	if (status)
		fail_msg("%s has ended with status 0x%x", argv[0], status);
	return window_end(0, (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ULL +
			  (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ULL);
}

/* Without starting and ending. */
static uint64_t by_gst(char **command)
{
	uint64_t few = run_gst(command, FRAMES);

	return (run_gst(command, 3 * FRAMES) - few) / (2 * FRAMES);
}

static void row(const char *name, uint64_t ours, uint64_t peer)
{
	printf("%s %llu %llu\n", name, (unsigned long long)ours, (unsigned long long)peer);
}

/**
 * struct costs - of all ways, for a frame
 * @route: of a route
 * @program: of a program with libdrm
 * @copy: of a program that copies each frame
 * @gst: of gst-launch-1.0
 * @taps: of a route with 1, 2, 4 and 8 taps
 */
struct costs {
	uint64_t route, program, copy, gst, taps[4];
};

static void measure_all(struct costs *costs, char **command)
{
	struct display dsp;
	struct camera cam;
	unsigned int i;

	display_open(&dsp, "vkms");
	route_camera(&cam, BUFS);
	display_import(&dsp, &cam);
	costs->program = by_program(&cam, &dsp);
	costs->copy = by_copy(&cam, &dsp);
	costs->route = by_route(&cam, &dsp);
	for (i = 0; i < ARRAY_SIZE(costs->taps); i++)
		costs->taps[i] = by_taps(&cam, 1U << i);
	close(dsp.fd);
	camera_close(&cam);
	costs->gst = by_gst(command);
}

static void measure(void **state)
{
	struct costs all, drivers;
	uint64_t bytes;
	unsigned int i;

	measure_all(&all, *state);
	bytes = copied / FRAMES;
	trace_setup();
	tracing = true;
	measure_all(&drivers, *state);
	trace_set("current_tracer", "nop");

	row("route-program-all", all.route, all.program);
	row("route-program", all.route - drivers.route, all.program - drivers.program);
	row("route-gst-all", all.route, all.gst);
	row("route-gst", all.route - drivers.route, all.gst - drivers.gst);
	row("route-copy-all", all.route, all.copy);
	printf("copied %llu\n", (unsigned long long)bytes);
	for (i = 1; i < ARRAY_SIZE(all.taps); i++) {
		char name[32];

		snprintf(name, sizeof(name), "route-taps-%u", 1U << i);
		row(name, all.taps[i], all.taps[0] << i);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(measure, argv + 1),
	};

	if (argc < 4) {
		fputs("usage: bench-route GST-COMMAND...\n", stderr);
		return 2;
	}
	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
