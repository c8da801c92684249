// SPDX-License-Identifier: GPL-2.0
/*
 * Switching a display on.
 */

#include <errno.h>
#include <string.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "internal.h"

/* The mode with this size, or the preferred one. */
static drmModeModeInfoPtr choose_mode(drmModeConnectorPtr conn, uint32_t width,
				      uint32_t height)
{
	int i;

	for (i = 0; i < conn->count_modes; i++)
		if (conn->modes[i].hdisplay == width && conn->modes[i].vdisplay == height)
			return &conn->modes[i];
	return &conn->modes[0];
}

/* A CRTC for this connector, zero if there is none. */
static uint32_t choose_crtc(int drm_fd, drmModeResPtr res, drmModeConnectorPtr conn)
{
	drmModeEncoderPtr encoder;
	uint32_t crtc = 0;
	int i, j;

	for (i = 0; i < conn->count_encoders && !crtc; i++) {
		encoder = drmModeGetEncoder(drm_fd, conn->encoders[i]);
		for (j = 0; encoder && j < res->count_crtcs && !crtc; j++)
			if (encoder->possible_crtcs & 1U << j)
				crtc = res->crtcs[j];
		drmModeFreeEncoder(encoder);
	}
	return crtc;
}

/* Shows black in this mode. */
static int show_black(int drm_fd, uint32_t crtc, uint32_t connector,
		      drmModeModeInfoPtr mode)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { 0 }, offsets[4] = { 0 };
	uint64_t size;
	uint32_t fb;

	if (drmModeCreateDumbBuffer(drm_fd, mode->hdisplay, mode->vdisplay, 32, 0, handles,
				    pitches, &size) ||
	    drmModeAddFB2(drm_fd, mode->hdisplay, mode->vdisplay, DRM_FORMAT_XRGB8888, handles,
			  pitches, offsets, &fb, 0) ||
	    drmModeSetCrtc(drm_fd, crtc, fb, 0, 0, &connector, 1, mode))
		return -errno;
	return 0;
}

int shrbuf_display_set_mode(int drm_fd, __u32 connector_id, __u32 width, __u32 height)
{
	drmModeResPtr res = drmModeGetResources(drm_fd);
	drmModeConnectorPtr conn;
	int i, ret = -ENXIO;
	uint32_t crtc;

	if (!res)
		return -EINVAL;
	for (i = 0; i < res->count_connectors && ret == -ENXIO; i++) {
		if (connector_id && connector_id != res->connectors[i])
			continue;
		conn = drmModeGetConnector(drm_fd, res->connectors[i]);
		if (!conn)
			continue;
		crtc = choose_crtc(drm_fd, res, conn);
		if (crtc && conn->connection == DRM_MODE_CONNECTED && conn->count_modes)
			ret = show_black(drm_fd, crtc, conn->connector_id,
					 choose_mode(conn, width, height));
		drmModeFreeConnector(conn);
	}
	drmModeFreeResources(res);
	return ret;
}
