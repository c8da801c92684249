// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl route create: a camera on a display, until Ctrl-C.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/videodev2.h>
#include <shrbuf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "shrbufctl.h"

/* Major number of all DRM device nodes. */
#define DRM_MAJOR	226

/**
 * struct creation - a route with all that it needs
 * @args: of the command
 * @camera: path
 * @card: path
 * @fd: of /dev/shrbuf
 * @video_fd: of @camera
 * @drm_fd: of @card
 * @route_fd: of the route
 * @detach: the camera was not attached before
 * @id: number of the route
 * @display: what is shown where
 */
struct creation {
	const struct args *args;
	char *camera;
	char *card;
	int fd;
	int video_fd;
	int drm_fd;
	int route_fd;
	bool detach;
	unsigned int id;
	struct shrbuf_display display;
};

/* Path of a display that the user names by path, by name in /dev/dri, or by number. */
static char *card_path(const char *name)
{
	const char *prefix = "";
	char *path;

	if (*name && name[strspn(name, "0123456789")] == '\0')
		prefix = "/dev/dri/card";
	else if (*name && !strchr(name, '/'))
		prefix = "/dev/dri/";
	if (asprintf(&path, "%s%s", prefix, name) < 0)
		die_no_memory();
	return path;
}

/* Return: a file descriptor, or a negative error number and @tree says why. */
static int open_card(const char *path, struct json_object *tree)
{
	struct stat st;
	int fd = -1, err;

	errno = 0;
	if (!stat(path, &st) && (!S_ISCHR(st.st_mode) || major(st.st_rdev) != DRM_MAJOR))
		errno = EINVAL;
	if (!errno)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = errno;
	if (err == EACCES || err == EPERM)
		tree_put_error(tree, err,
			       "You may not use the display. Join the group of the device (see: ls -l %s), or become root.",
			       path);
	else
		tree_put_error(tree, err,
			       "This is not a display that can be opened. List them: ls /dev/dri/card*.");
	tree_put_string(tree, "target", path);
	return -err;
}

/* Sets a mode on the first display that is connected, best that of the camera's size. */
static int set_mode(int drm_fd, int video_fd)
{
	struct v4l2_format fmt = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

	if (ioctl(video_fd, VIDIOC_G_FMT, &fmt)) {
		fmt.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
		/* Without a size it is the preferred mode. */
		if (ioctl(video_fd, VIDIOC_G_FMT, &fmt))
			memset(&fmt, 0, sizeof(fmt));
	}
	/* width and height are at the same place in both kinds of formats */
	return shrbuf_display_set_mode(drm_fd, 0, fmt.fmt.pix.width, fmt.fmt.pix.height);
}

/* Return: 0, or a negative error number and @tree says why. */
static int start(struct creation *c, struct json_object *tree)
{
	int ret;

	c->fd = shrbuf_open();
	if (c->fd < 0) {
		tree_put_error(tree, -c->fd, "%s", shrbuf_explain(SHRBUF_REQUEST_OPEN, c->fd));
		return c->fd;
	}
	c->video_fd = device_open(c->camera, tree);
	if (c->video_fd < 0) {
		tree_put_string(tree, "target", c->camera);
		return c->video_fd;
	}
	c->drm_fd = open_card(c->card, tree);
	if (c->drm_fd < 0)
		return c->drm_fd;
	c->detach = !shrbuf_test_queue(c->fd, c->video_fd);
	ret = shrbuf_route_to_display(c->fd, c->video_fd, c->drm_fd, &c->display);
	/* The display is off, or in a mode that does not suit. Try the one that suits best. */
	if (ret == -ENXIO || ret == -EMEDIUMTYPE) {
		int err = set_mode(c->drm_fd, c->video_fd);

		if (!err)
			ret = shrbuf_route_to_display(c->fd, c->video_fd, c->drm_fd,
						      &c->display);
		else if (err == -EACCES)
			ret = err;
	}
	c->route_fd = ret;
	if (ret < 0) {
		tree_put_error(tree, -ret, "%s",
			       shrbuf_explain(SHRBUF_REQUEST_ROUTE_DISPLAY, ret));
		return ret;
	}
	c->id = route_id(c->route_fd);
	return 0;
}

static void finish(struct creation *c)
{
	struct json_object *ignored = json_object_new_object();
	int fd;

	/* The route first: it puts back what the plane showed before. */
	if (c->route_fd >= 0)
		close(c->route_fd);
	if (c->drm_fd >= 0)
		close(c->drm_fd);
	if (c->video_fd >= 0)
		close(c->video_fd);
	if (c->route_fd >= 0 && c->detach) {
		/* Only now it has no buffers. It may be gone. */
		fd = device_open(c->camera, ignored);
		if (fd >= 0) {
			shrbuf_detach_queue(c->fd, fd);
			close(fd);
		}
	}
	if (c->fd >= 0)
		close(c->fd);
	json_object_put(ignored);
	free(c->camera);
	free(c->card);
}

static struct json_object *answer(const struct creation *c, const char *state, bool ok)
{
	struct json_object *tree = json_object_new_object();

	tree_put_string(tree, "command", "route");
	tree_put_string(tree, "action", "create");
	tree_put(tree, "ok", json_object_new_boolean(ok));
	tree_put_string(tree, "state", state);
	tree_put(tree, "route", json_object_new_uint64(c->id));
	return tree;
}

static void say_running(const struct creation *c)
{
	const struct shrbuf_display *d = &c->display;
	struct json_object *tree;
	char fourcc[5] = { 0 };

	memcpy(fourcc, &d->fourcc, 4);
	if (!c->args->json) {
		fprintf(stdout,
			"Route %u runs: %s on plane %u of %s, %ux%u %s. End it with Ctrl-C, or: shrbufctl route stop %u\n",
			c->id, c->camera, d->plane_id, c->card, d->width, d->height, fourcc,
			c->id);
		fflush(stdout);
		return;
	}
	tree = answer(c, "running", true);
	tree_put(tree, "pid", json_object_new_int(getpid()));
	tree_put_string(tree, "camera", c->camera);
	tree_put_string(tree, "display", c->card);
	tree_put(tree, "crtc", json_object_new_uint64(d->crtc_id));
	tree_put(tree, "plane", json_object_new_uint64(d->plane_id));
	tree_put(tree, "width", json_object_new_uint64(d->width));
	tree_put(tree, "height", json_object_new_uint64(d->height));
	tree_put_string(tree, "fourcc", fourcc);
	stream_json(tree);
}

static void say_event(const struct creation *c, const struct shrbuf_route_event *event)
{
	bool paused = event->type == SHRBUF_ROUTE_EVENT_SINK_PAUSED;

	if (!paused && event->type != SHRBUF_ROUTE_EVENT_SINK_RESUMED)
		return;
	if (c->args->json)
		stream_json(answer(c, paused ? "paused" : "running", true));
	else
		puts(paused ? "The display is somebody else's now, or in another mode." :
			      "The display is ours again.");
	fflush(stdout);
}

/* Until a signal, or until camera or display fail for good. */
static void wait_for_end(const struct creation *c, const struct stop *stop)
{
	struct pollfd fds[2] = {
		{ .fd = c->route_fd, .events = POLLIN },
		{ .fd = stop->fd, .events = POLLIN },
	};
	struct shrbuf_route_event event;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			return;
		if (fds[0].revents & POLLIN && !shrbuf_route_read_event(c->route_fd, &event))
			say_event(c, &event);
		else if (fds[0].revents)
			return;
	}
}

static void put_stats(struct json_object *tree, const char *name,
		      const struct shrbuf_route_stats *s)
{
	struct json_object *obj = json_object_new_object();

	tree_put(tree, name, obj);
	tree_put(obj, "in", json_object_new_uint64(s->frames_in));
	tree_put(obj, "shown", json_object_new_uint64(s->frames_shown));
	tree_put(obj, "newer", json_object_new_uint64(s->dropped_newer));
	tree_put(obj, "held", json_object_new_uint64(s->dropped_held));
	tree_put(obj, "damaged", json_object_new_uint64(s->dropped_error));
	tree_put(obj, "cpu_ns", json_object_new_uint64(s->cpu_time));
	route_put_latency(obj, s);
}

static int report(const struct creation *c)
{
	struct shrbuf_route_stats source = { 0 }, sink = { 0 };
	struct json_object *tree, *obj;
	int err;

	err = -shrbuf_route_get_stats(c->route_fd, 0, &source);
	if (!err)
		err = -shrbuf_route_get_stats(c->route_fd, c->display.sink, &sink);
	if (!err)
		err = (int)source.error;
	if (!err && sink.state == SHRBUF_SINK_STATE_FAILED)
		err = (int)sink.error;
	tree = answer(c, "ended", !err);
	put_stats(tree, "source", &source);
	put_stats(tree, "sink", &sink);
	obj = tree_get(tree, "sink");
	if (!c->args->json) {
		fprintf(stdout,
			"Frames: %s of the camera, %s shown; dropped: %s for newer ones, %s held, %s damaged.\n",
			tree_text(tree_get(tree, "source"), "in"), tree_text(obj, "shown"),
			tree_text(obj, "newer"), tree_text(obj, "held"),
			tree_text(obj, "damaged"));
		if (tree_get(obj, "latency")) {
			char *text = format_latency(tree_get(obj, "latency"));

			printf("Latency: %s\n", text);
			free(text);
		}
	}
	if (err) {
		tree_put_error(tree, err, "The route has failed. %s",
			       shrbuf_explain(source.error ? SHRBUF_REQUEST_ROUTE :
					      SHRBUF_REQUEST_ROUTE_ADD_KMS, err));
		if (!c->args->json)
			complain(NULL, tree_get(tree, "error"));
	}
	if (c->args->json)
		stream_json(tree);
	else
		json_object_put(tree);
	return err ? EXIT_FAILED : EXIT_OK;
}

int route_create(const struct args *args)
{
	struct creation c = {
		.args = args, .fd = -1, .video_fd = -1, .drm_fd = -1, .route_fd = -1,
		.camera = device_path(args->argv[1]), .card = card_path(args->argv[2]),
		.display = { .end = SHRBUF_KMS_END_RESTORE,
			     .priority = (__u32)args->priority },
	};
	struct json_object *tree = json_object_new_object();
	struct stop stop;
	int status;

	/* Before others can see the route, and end it. */
	stop_open(&stop);
	if (start(&c, tree)) {
		tree_put_string(tree, "action", "create");
		status = stream_fail(args, "route", tree);
	} else {
		json_object_put(tree);
		say_running(&c);
		wait_for_end(&c, &stop);
		status = report(&c);
	}
	finish(&c);
	stop_close(&stop);
	return status;
}
