// SPDX-License-Identifier: GPL-2.0
/*
 * A display by atomic KMS.
 *
 * Everything is a property of an object, and a commit changes all or nothing. So the same
 * short table serves to look the properties up, to change them, and to put them back.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>

#include "common.h"
#include "display.h"

enum {
	CONNECTOR_CRTC_ID, CRTC_MODE_ID, CRTC_ACTIVE,
	PLANE_FB_ID, PLANE_CRTC_ID,
	/* the part of the framebuffer, in 1/65536 of a pixel */
	PLANE_SRC_X, PLANE_SRC_Y, PLANE_SRC_W, PLANE_SRC_H,
	/* where that is on the screen */
	PLANE_CRTC_X, PLANE_CRTC_Y, PLANE_CRTC_W, PLANE_CRTC_H,
};

static const struct {
	uint32_t type;
	const char *name;
} names[DISPLAY_PROPERTIES] = {
	[CONNECTOR_CRTC_ID]	= { DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID" },
	[CRTC_MODE_ID]		= { DRM_MODE_OBJECT_CRTC, "MODE_ID" },
	[CRTC_ACTIVE]		= { DRM_MODE_OBJECT_CRTC, "ACTIVE" },
	[PLANE_FB_ID]		= { DRM_MODE_OBJECT_PLANE, "FB_ID" },
	[PLANE_CRTC_ID]		= { DRM_MODE_OBJECT_PLANE, "CRTC_ID" },
	[PLANE_SRC_X]		= { DRM_MODE_OBJECT_PLANE, "SRC_X" },
	[PLANE_SRC_Y]		= { DRM_MODE_OBJECT_PLANE, "SRC_Y" },
	[PLANE_SRC_W]		= { DRM_MODE_OBJECT_PLANE, "SRC_W" },
	[PLANE_SRC_H]		= { DRM_MODE_OBJECT_PLANE, "SRC_H" },
	[PLANE_CRTC_X]		= { DRM_MODE_OBJECT_PLANE, "CRTC_X" },
	[PLANE_CRTC_Y]		= { DRM_MODE_OBJECT_PLANE, "CRTC_Y" },
	[PLANE_CRTC_W]		= { DRM_MODE_OBJECT_PLANE, "CRTC_W" },
	[PLANE_CRTC_H]		= { DRM_MODE_OBJECT_PLANE, "CRTC_H" },
};

/* Value of a property by its name, and its id if *id is there. False: it has none. */
static bool get_property(int fd, uint32_t object, uint32_t type, const char *name,
			 uint32_t *id, uint64_t *value)
{
	drmModeObjectProperties *list = drmModeObjectGetProperties(fd, object, type);
	bool found = false;
	uint32_t i;

	for (i = 0; list && i < list->count_props && !found; i++) {
		drmModePropertyRes *property = drmModeGetProperty(fd, list->props[i]);

		if (property && !strcmp(property->name, name)) {
			found = true;
			*value = list->prop_values[i];
			if (id)
				*id = property->prop_id;
		}
		drmModeFreeProperty(property);
	}
	drmModeFreeObjectProperties(list);
	return found;
}

static drmModeConnector *find_connector(int fd, const drmModeRes *res)
{
	int i;

	for (i = 0; i < res->count_connectors; i++) {
		drmModeConnector *connector = drmModeGetConnector(fd, res->connectors[i]);

		if (connector && connector->connection == DRM_MODE_CONNECTED &&
		    connector->count_modes)
			return connector;
		drmModeFreeConnector(connector);
	}
	return NULL;
}

/* The CRTC that the connector has already, else the first one that it can have. */
static int find_crtc(struct display *d, const drmModeRes *res)
{
	drmModeEncoder *encoder;
	int i, j;

	encoder = drmModeGetEncoder(d->fd, d->connector->encoder_id);
	if (encoder)
		d->crtc = encoder->crtc_id;
	drmModeFreeEncoder(encoder);
	for (i = 0; i < d->connector->count_encoders && !d->crtc; i++) {
		encoder = drmModeGetEncoder(d->fd, d->connector->encoders[i]);
		for (j = 0; encoder && j < res->count_crtcs && !d->crtc; j++)
			if (encoder->possible_crtcs & 1U << j)
				d->crtc = res->crtcs[j];
		drmModeFreeEncoder(encoder);
	}
	for (i = 0; i < res->count_crtcs; i++)
		if (d->crtc && res->crtcs[i] == d->crtc)
			return i;
	return complain("Switch another screen off.",
			"%s has no free CRTC for its screen.", d->path);
}

static int find_plane(struct display *d, int crtc_index)
{
	drmModePlaneRes *list = drmModeGetPlaneResources(d->fd);
	uint64_t type = 0;
	uint32_t i;

	for (i = 0; list && i < list->count_planes && !d->plane_info; i++) {
		drmModePlane *plane = drmModeGetPlane(d->fd, list->planes[i]);

		if (plane && plane->possible_crtcs & 1U << crtc_index &&
		    get_property(d->fd, plane->plane_id, DRM_MODE_OBJECT_PLANE, "type",
				 NULL, &type) && type == DRM_PLANE_TYPE_PRIMARY) {
			d->plane = plane->plane_id;
			d->plane_info = plane;
		} else {
			drmModeFreePlane(plane);
		}
	}
	drmModeFreePlaneResources(list);
	if (!d->plane_info)
		return complain(FIND_DISPLAY, "%s has no primary plane.", d->path);
	return 0;
}

/* A mode is a blob. The old one may go with its owner, so this makes a copy. */
static uint64_t copy_blob(int fd, uint64_t id)
{
	drmModePropertyBlobRes *blob = id ? drmModeGetPropertyBlob(fd, id) : NULL;
	uint32_t copy = 0;

	if (blob)
		drmModeCreatePropertyBlob(fd, blob->data, blob->length, &copy);
	drmModeFreePropertyBlob(blob);
	return copy;
}

static int save_properties(struct display *d)
{
	unsigned int i;

	for (i = 0; i < DISPLAY_PROPERTIES; i++) {
		struct display_property *p = &d->properties[i];

		p->object = names[i].type == DRM_MODE_OBJECT_CONNECTOR ?
				    d->connector->connector_id :
			    names[i].type == DRM_MODE_OBJECT_CRTC ? d->crtc : d->plane;
		if (!get_property(d->fd, p->object, names[i].type, names[i].name, &p->id,
				  &p->saved))
			return complain(FIND_DISPLAY,
					"%s has no property %s.", d->path, names[i].name);
	}
	d->properties[CRTC_MODE_ID].saved =
		copy_blob(d->fd, d->properties[CRTC_MODE_ID].saved);
	return 0;
}

int display_open(struct display *d, const char *path)
{
	drmModeRes *res;
	int crtc_index;

	d->path = path;
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0)
		return complain(FIND_DISPLAY,
				"%s cannot be opened: %s.", path, strerror(errno));
	if (drmSetClientCap(d->fd, DRM_CLIENT_CAP_ATOMIC, 1))
		return complain(FIND_DISPLAY, "%s has no atomic modesetting.", path);
	if (!drmIsMaster(d->fd))
		return complain("Stop it, or switch to a text console (Ctrl+Alt+F3).",
				"Another program shows its picture on %s.", path);
	res = drmModeGetResources(d->fd);
	d->connector = res ? find_connector(d->fd, res) : NULL;
	if (!d->connector) {
		drmModeFreeResources(res);
		return complain("Connect one, or choose another display with -D.",
				"No screen is connected to %s.", path);
	}
	crtc_index = find_crtc(d, res);
	drmModeFreeResources(res);
	if (crtc_index < 0 || find_plane(d, crtc_index))
		return -1;
	return save_properties(d);
}

bool display_takes(const struct display *d, uint32_t fourcc)
{
	uint32_t i;

	for (i = 0; i < d->plane_info->count_formats; i++)
		if (d->plane_info->formats[i] == fourcc)
			return true;
	return false;
}

const char *display_formats(const struct display *d)
{
	static char text[1000];
	size_t used = 0;
	uint32_t i;

	text[0] = 0;
	for (i = 0; i < d->plane_info->count_formats && used < sizeof(text) - 8; i++)
		used += sprintf(text + used, "%s%s", used ? " " : "",
				fourcc_text(d->plane_info->formats[i]));
	return text;
}

int display_find_mode(const struct display *d, uint32_t width, uint32_t height)
{
	int i;

	for (i = 0; i < d->connector->count_modes; i++)
		if (d->connector->modes[i].hdisplay == width &&
		    d->connector->modes[i].vdisplay == height)
			return i;
	return -1;
}

int display_import(struct display *d, int dmabuf, const struct format *format,
		   uint32_t width, uint32_t height, const struct layout *layout,
		   uint32_t *fb)
{
	uint32_t handles[4] = { 0 }, handle;
	unsigned int i;
	int ret;

	ret = drmPrimeFDToHandle(d->fd, dmabuf, &handle);
	if (ret)
		return complain(FIND_DISPLAY,
				"%s cannot import the buffers of the camera: %s.",
				d->path, strerror(errno));
	for (i = 0; i < format->planes; i++)
		handles[i] = handle;
	ret = drmModeAddFB2(d->fd, width, height, format->drm, handles, layout->pitch,
			    layout->offset, fb, 0);
	/* The framebuffer holds the buffer, the handle is not needed any more. */
	drmCloseBufferHandle(d->fd, handle);
	if (ret)
		return complain(FIND_FORMAT,
				"%s makes no framebuffer of %ux%u %s with %u bytes a line: %s.",
				d->path, width, height, fourcc_text(format->drm), layout->pitch[0],
				strerror(-ret));
	return 0;
}

static int commit_error(const struct display *d, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return complain("Stop it, and start again.",
				"Another program has taken over %s.", d->path);
	case -ENODEV:
		return complain("Plug the display in again, and start again.",
				"%s was removed.", d->path);
	default:
		return complain("Choose another format with -f or size with -s.",
				"%s does not show the picture: %s.",
				d->path, strerror(-err));
	}
}

int display_show(struct display *d, uint32_t fb, uint32_t width, uint32_t height)
{
	const drmModeModeInfo *mode = &d->connector->modes[d->mode];
	uint32_t flags = DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT;
	uint64_t values[DISPLAY_PROPERTIES] = {
		[CONNECTOR_CRTC_ID] = d->crtc,
		[CRTC_ACTIVE] = 1,
		[PLANE_FB_ID] = fb,
		[PLANE_CRTC_ID] = d->crtc,
		[PLANE_SRC_W] = (uint64_t)width << 16,
		[PLANE_SRC_H] = (uint64_t)height << 16,
		[PLANE_CRTC_X] = (mode->hdisplay - width) / 2,
		[PLANE_CRTC_Y] = (mode->vdisplay - height) / 2,
		[PLANE_CRTC_W] = width,
		[PLANE_CRTC_H] = height,
	};
	drmModeAtomicReq *req = drmModeAtomicAlloc();
	/* After the first picture only the framebuffer changes. */
	unsigned int i = d->on ? PLANE_FB_ID : 0;
	unsigned int end = d->on ? PLANE_FB_ID + 1 : DISPLAY_PROPERTIES;
	uint32_t blob = 0;
	int ret = 0;

	if (!d->on) {
		flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
		ret = drmModeCreatePropertyBlob(d->fd, mode, sizeof(*mode), &blob);
		values[CRTC_MODE_ID] = blob;
	}
	for (; i < end && ret >= 0; i++)
		ret = drmModeAtomicAddProperty(req, d->properties[i].object,
					       d->properties[i].id, values[i]);
	if (ret >= 0)
		ret = drmModeAtomicCommit(d->fd, req, flags, d);
	drmModeAtomicFree(req);
	/* The state of the CRTC holds the mode now. */
	if (blob)
		drmModeDestroyPropertyBlob(d->fd, blob);
	if (ret < 0)
		return commit_error(d, ret);
	d->on = true;
	d->pending = true;
	return 0;
}

static void flip_done(int fd, unsigned int sequence, unsigned int sec, unsigned int usec,
		      unsigned int crtc, void *data)
{
	struct display *d = data;

	(void)fd;
	(void)sequence;
	(void)sec;
	(void)usec;
	(void)crtc;
	d->pending = false;
}

int display_read_events(struct display *d)
{
	drmEventContext context = { .version = 3, .page_flip_handler2 = flip_done };

	if (drmHandleEvent(d->fd, &context))
		return complain(SEE_KERNEL_LOG,
				"%s gives no events: %s.", d->path, strerror(errno));
	return 0;
}

void display_restore(struct display *d)
{
	drmModeAtomicReq *req;
	unsigned int i;
	int ret = 0;

	if (!d->on)
		return;
	req = drmModeAtomicAlloc();
	for (i = 0; i < DISPLAY_PROPERTIES && ret >= 0; i++)
		ret = drmModeAtomicAddProperty(req, d->properties[i].object,
					       d->properties[i].id, d->properties[i].saved);
	/* without NONBLOCK: waits for the flip that is under way */
	if (ret >= 0)
		ret = drmModeAtomicCommit(d->fd, req, DRM_MODE_ATOMIC_ALLOW_MODESET, NULL);
	drmModeAtomicFree(req);
	/*
	 * It fails if the old framebuffer is gone with its owner. Then the screen goes dark
	 * with our last framebuffer, or the kernel's console takes it when we close.
	 */
	if (ret < 0 && ret != -ENODEV)
		complain("Switch to its console, or restart its desktop.",
			 "The old picture of %s cannot be restored: %s.", d->path,
			 strerror(-ret));
	d->on = false;
}

void display_close(struct display *d)
{
	if (d->fd < 0)
		return;
	display_restore(d);
	drmModeFreePlane(d->plane_info);
	drmModeFreeConnector(d->connector);
	close(d->fd);
	d->fd = -1;
}
