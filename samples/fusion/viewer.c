// SPDX-License-Identifier: GPL-2.0
/*
 * A viewer of fusion-camera: opens each buffer of the camera once, and then only reads.
 *
 * It needs no right to the camera, and no file descriptor but the one of the world.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "camera.h"
#include "viewer.h"

struct viewer {
	const struct family *family;
	struct fusion *fusion;
	unsigned int number;
	unsigned int frames;
	int shrbuf;
	/* the buffers, as far as they have been seen */
	struct {
		int dmabuf;
		struct shrbuf_map map;
	} views[CAMERA_BUFFERS];
};

/* The first frame in a buffer: it is opened, and stays open for the next ones. */
static int open_view(struct viewer *v, const struct frame *frame)
{
	uint32_t handle;
	int ret;

	ret = fusion_buffer_open(v->fusion, frame->buffer, &handle, NULL);
	if (ret)
		return complain(fusion_explain(ret), "Viewer %u cannot open buffer %u: %s.",
				v->number, frame->index, strerror(-ret));
	/*
	 * fusion_buffer_map() would do for memory of the world. But a device writes into this
	 * one, so each access has to begin and end: that is what libshrbuf's maps do, for
	 * every dma-buf.
	 */
	ret = fusion_buffer_export(v->fusion, handle);
	/* The dma-buf holds the memory, the handle is not needed for that. */
	fusion_buffer_close(v->fusion, handle);
	if (ret < 0)
		return complain(fusion_explain(ret), "Viewer %u gets no dma-buf: %s.", v->number,
				strerror(-ret));
	v->views[frame->index].dmabuf = ret;
	ret = shrbuf_map(ret, 0, SHRBUF_MAP_READ | SHRBUF_MAP_IDLE, &v->views[frame->index].map);
	if (ret)
		return complain(shrbuf_explain(SHRBUF_REQUEST_MAP, ret),
				"Viewer %u cannot map buffer %u.", v->number, frame->index);
	return 0;
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 2166136261;
	size_t i;

	for (i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 16777619;
	return sum;
}

static int look(struct viewer *v, const struct frame *frame)
{
	struct shrbuf_info before, after;
	struct shrbuf_map *map;
	uint32_t sum;
	bool known;
	int ret;

	if (v->views[frame->index].dmabuf < 0 && open_view(v, frame))
		return -1;
	map = &v->views[frame->index].map;
	if (frame->bytes > map->size)
		return complain("Start the publisher of the same version.",
				"Viewer %u: the picture is larger than its buffer.", v->number);
	/* A plain dma-buf has no such information. */
	known = !shrbuf_get_info(v->shrbuf, v->views[frame->index].dmabuf, &before);
	ret = shrbuf_map_begin(map);
	if (ret)
		return complain(shrbuf_explain(SHRBUF_REQUEST_MAP, ret),
				"Viewer %u cannot read buffer %u.", v->number, frame->index);
	sum = checksum(map->addr, frame->bytes);
	shrbuf_map_end(map);
	known = known && !shrbuf_get_info(v->shrbuf, v->views[frame->index].dmabuf, &after);
	if (!known)
		printf("viewer %u: buffer %u, checksum %08x\n", v->number, frame->index, sum);
	else
		/* The number of the change is another one if the camera had it meanwhile. */
		printf("viewer %u: frame %u, buffer %u, checksum %08x%s\n", v->number,
		       before.frame.sequence, frame->index, sum,
		       before.frame.state == SHRBUF_STATE_FILLED &&
		       before.frame.seq == after.frame.seq ? "" : ", overwritten");
	v->frames++;
	if (v->number == 1 && v->frames == v->family->kill)
		kill(getpid(), SIGKILL);
	return 0;
}

static int handle(void *user, const struct drm_fusion_event *event,
		  struct drm_fusion_call_reply *reply)
{
	struct viewer *v = user;
	struct frame frame;

	(void)reply;
	switch (event->base.type) {
	case DRM_FUSION_EVENT_REACTOR:
		/* Every member of the world could have sent this. */
		if (event->size != sizeof(frame))
			return 0;
		memcpy(&frame, fusion_event_data(event), sizeof(frame));
		return frame.index < CAMERA_BUFFERS ? look(v, &frame) : 0;
	case DRM_FUSION_EVENT_LOST:
		printf("viewer %u was too slow, and has missed %llu frames\n", v->number,
		       (unsigned long long)event->arg);
		return 0;
	case DRM_FUSION_EVENT_END:
		return 1;
	default:
		return 0;
	}
}

int view(struct fusion *fusion, unsigned int number, void *arg)
{
	const struct viewer_args *args = arg;
	struct viewer v = { .family = args->family, .fusion = fusion, .number = number };
	const struct drm_fusion_message_send ready = {
		.member = 1, .kind = READY, .timeout = DRM_FUSION_FOREVER,
	};
	unsigned int i;
	int ret;

	for (i = 0; i < CAMERA_BUFFERS; i++)
		v.views[i].dmabuf = -1;
	v.shrbuf = shrbuf_open();
	/*
	 * Two frames may wait for us. Who is slower misses some, and the camera goes on: with
	 * DRM_FUSION_FULL_BLOCK the slowest viewer would set the pace for all.
	 */
	ret = fusion_reactor_attach(fusion, args->reactor, FRAMES, DRM_FUSION_FULL_DROP_OLDEST, 2);
	if (!ret)
		ret = fusion_send(fusion, &ready);
	if (!ret)
		/* A frame is processed, for the publisher, when we receive the next one. */
		ret = fusion_serve(fusion, handle, &v);
	/* -1 is that of look(), which has said why */
	if (ret < -1 && ret != -ESHUTDOWN)
		complain(fusion_explain(ret), "Viewer %u cannot go on: %s.", number,
			 strerror(-ret));
	printf("viewer %u has seen %u frames\n", number, v.frames);
	/* What is open and mapped ends with the process. */
	return ret == 1 || ret == -ESHUTDOWN ? 0 : -1;
}
