// SPDX-License-Identifier: GPL-2.0
/*
 * A camera for many viewers, without a copy: the publisher.
 *
 *	camera --DQBUF--> publisher --dispatch--> viewers --all have processed it--> QBUF
 *
 * The publisher imports the buffers of the camera into a world, where each gets a number.
 * For each frame it dispatches the number of the buffer over a reactor. The kernel tells
 * when all viewers have processed that, or have missed it, or are dead: then the buffer goes
 * back to the camera. So a viewer that is killed costs the others nothing: try it with -k.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "camera.h"
#include "viewer.h"

struct publisher {
	struct family family;
	struct fusion *fusion;
	struct viewer_args viewer;
	struct camera cam;
	struct frame frames[CAMERA_BUFFERS];
	uint32_t bytes;
	/* those that are alive, and those that have said READY */
	unsigned int viewers, ready;
	/* frames that were dispatched, and those of them that viewers still have */
	unsigned int published, out;
};

static int handle(struct publisher *p, const struct drm_fusion_event *event)
{
	switch (event->base.type) {
	case DRM_FUSION_EVENT_MESSAGE:
		p->ready += event->arg == READY;
		return 0;
	case DRM_FUSION_EVENT_LEAVE:
		p->viewers--;
		printf("member %llu is gone, viewers left: %u\n",
		       (unsigned long long)event->arg, p->viewers);
		return 0;
	case DRM_FUSION_EVENT_DISPATCHED:
		/* The cookie is ours: the kernel has kept it. */
		p->out--;
		return camera_give_back(&p->cam, event->arg);
	default:
		return 0;
	}
}

/* Handles what has come; waits for something until @timeout. */
static int receive(struct publisher *p, int64_t timeout)
{
	uint64_t buffer[512];
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)buffer, .size = sizeof(buffer), .timeout = timeout,
	};
	const struct drm_fusion_event *event = NULL;
	int ret = fusion_receive(p->fusion, &args);

	if (ret == -ETIMEDOUT && !timeout)
		return 0;
	if (ret)
		return complain(fusion_explain(ret), "The publisher hears nothing: %s.",
				strerror(-ret));
	while (!ret && (event = fusion_event_next(&args, event)))
		ret = handle(p, event);
	return ret;
}

/* camera */

/* Viewers do not need a special format: the first one that camera and table have. */
static int choose_format(struct camera *cam)
{
	uint32_t width = 320, height = 240;
	const struct format *format;

	for (format = formats; format->planes; format++)
		if (camera_has_format(cam, format->v4l2) &&
		    camera_try_size(cam, format, &width, &height))
			return camera_set_format(cam, format, width, height);
	return complain(FIND_CAMERA, "%s has none of our formats, only: %s.", cam->path,
			camera_formats(cam));
}

/* A buffer of the camera becomes one of the world. */
static int share_buffer(struct publisher *p, unsigned int index)
{
	char name[DRM_FUSION_NAME_LEN];
	uint32_t handle;
	int ret;

	snprintf(name, sizeof(name), "camera %u", index);
	ret = fusion_buffer_import(p->fusion, p->cam.dmabufs[index], &handle);
	if (ret)
		return complain(fusion_explain(ret), "Buffer %u cannot be imported: %s.", index,
				strerror(-ret));
	ret = fusion_buffer_share(p->fusion, handle, name, &p->frames[index].buffer);
	/* It stays in the world until we leave, also without the handle. */
	fusion_buffer_close(p->fusion, handle);
	if (ret)
		return complain(fusion_explain(ret), "Buffer %u cannot be shared: %s.", index,
				strerror(-ret));
	p->frames[index].index = index;
	p->frames[index].bytes = p->bytes;
	return 0;
}

static int start_camera(struct publisher *p)
{
	struct camera *cam = &p->cam;
	unsigned int i;

	if (camera_open(cam, p->family.video))
		return -1;
	camera_share(cam);
	if (choose_format(cam) || camera_start(cam))
		return -1;
	/* the first plane is enough for a checksum */
	p->bytes = cam->bytesperline * cam->height;
	for (i = 0; i < cam->nr_buffers; i++)
		if (share_buffer(p, i))
			return -1;
	printf("%s: %ux%u %s, %u buffers, %u viewers.\n", cam->path, cam->width, cam->height,
	       fourcc_text(cam->format->v4l2), cam->nr_buffers, p->viewers);
	return 0;
}

static int publish(struct publisher *p)
{
	int index = camera_take(&p->cam), ret;
	struct drm_fusion_reactor_dispatch args = {
		.id = p->viewer.reactor,
		.channel = FRAMES,
		.flags = DRM_FUSION_DISPATCH_DONE,
		.cookie = index,
		.payload.size = sizeof(p->frames[0]),
		.timeout = DRM_FUSION_FOREVER,
	};

	if (index == CAMERA_NOTHING)
		return 0;
	if (index < 0)
		return -1;
	args.payload.data = (uintptr_t)&p->frames[index];
	ret = fusion_reactor_dispatch(p->fusion, &args);
	if (ret)
		return complain(fusion_explain(ret), "A frame cannot be dispatched: %s.",
				strerror(-ret));
	p->published++;
	p->out++;
	return 0;
}

static int run(struct publisher *p)
{
	struct pollfd fds[] = {
		{ .fd = fusion_fd(p->fusion), .events = POLLIN },
		{ .fd = p->cam.fd, .events = POLLIN },
	};

	/* in the end until the viewers have seen all */
	while (p->published < p->family.count || p->out) {
		if (!p->viewers)
			return complain("Start again.", "All viewers are gone.");
		if (p->published == p->family.count)
			fds[1].fd = -1;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return complain(SEE_KERNEL_LOG, "poll() has failed: %s.",
					strerror(errno));
		/* First what gives buffers back. */
		if (fds[0].revents && receive(p, 0))
			return -1;
		if (fds[1].fd >= 0 && fds[1].revents && publish(p))
			return -1;
	}
	printf("%u frames were published.\n", p->published);
	return 0;
}

static int start(struct publisher *p)
{
	int ret = fusion_reactor_create(p->fusion, "frames", &p->viewer.reactor);

	if (ret)
		return complain(fusion_explain(ret), "There is no reactor: %s.", strerror(-ret));
	p->viewer.family = &p->family;
	p->viewers = p->family.processes;
	/* before the camera is open: the viewers inherit none of its file descriptors */
	if (family_start(&p->family, p->fusion, p->viewers, view, &p->viewer))
		return -1;
	while (p->ready < p->viewers)
		if (receive(p, seconds_from_now(PATIENCE)))
			return -1;
	return start_camera(p);
}

int main(int argc, char **argv)
{
	static const struct family_help text = {
		.purpose = "Shares a camera with viewers that print what they see.",
		.processes = "viewers",
		.count = "end after so many frames",
		.kill = "the first viewer is killed at its Nth frame, to see what the others do",
	};
	/* No DRM_FUSION_WORLD_SURVIVE: without the publisher there is nothing to see. */
	const struct drm_fusion_world_create args = {
		.world_name = "fusion-camera",
		.member_name = "publisher",
	};
	struct publisher p = {
		.family = { .processes = 3, .count = 100, .video = "/dev/video0" },
		.cam.fd = -1,
	};
	int ret;

	family_parse(&p.family, argc, argv, &text);
	ret = fusion_create(&p.fusion, &args);
	if (ret) {
		complain(fusion_explain(ret), "There is no world: %s.", strerror(-ret));
		return 1;
	}
	ret = start(&p);
	if (!ret)
		ret = run(&p);
	/* The world ends, and with it the viewers; then nobody reads the buffers any more. */
	fusion_leave(p.fusion);
	if (family_wait(&p.family))
		ret = -1;
	camera_close(&p.cam);
	return ret ? 1 : 0;
}
