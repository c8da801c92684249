// SPDX-License-Identifier: GPL-2.0
/*
 * A picture that both the camera and the display take.
 *
 * Nobody converts the pictures here, so the bytes that the camera writes must be bytes that
 * the plane reads: a format that both have, and a size that the display has a mode for.
 */

#include "common.h"
#include "negotiate.h"

/* A format that both have, after @last or from the start. NULL: no more */
static const struct format *next_format(const struct camera *cam, const struct display *d,
					const struct options *options,
					const struct format *last)
{
	const struct format *format = last ? last + 1 : formats;

	for (; format->planes; format++)
		if ((!options->fourcc || options->fourcc == format->v4l2) &&
		    display_takes(d, format->drm) && camera_has_format(cam, format->v4l2))
			return format;
	return NULL;
}

static int no_format(const struct camera *cam, const struct display *d,
		     const struct options *options)
{
	if (options->fourcc && !camera_has_format(cam, options->fourcc))
		return complain("Choose one with -f, or leave -f out.",
				"%s has no format '%s', it has: %s.",
				cam->path, fourcc_text(options->fourcc), camera_formats(cam));
	if (options->fourcc)
		return complain("Choose another one with -f, or leave -f out.",
				"%s cannot show '%s', it shows (names of DRM): %s.",
				d->path, fourcc_text(options->fourcc), display_formats(d));
	return complain("Use camera-cube, whose GPU converts, or another camera.",
			"%s has no format that %s shows. The camera has: %s; the display (names of DRM): %s.",
			cam->path, d->path, camera_formats(cam), display_formats(d));
}

/* The size that was asked for, or the first mode that the camera can fill. */
static bool exact_size(const struct camera *cam, struct display *d,
		       const struct options *options, const struct format *format)
{
	int i;

	for (i = 0; i < d->connector->count_modes; i++) {
		uint32_t mode_width = d->connector->modes[i].hdisplay;
		uint32_t mode_height = d->connector->modes[i].vdisplay;
		uint32_t width = mode_width, height = mode_height;

		if (options->width && (width != options->width || height != options->height))
			continue;
		if (!camera_try_size(cam, format, &width, &height))
			return false;
		if (width == mode_width && height == mode_height) {
			d->mode = i;
			return true;
		}
	}
	return false;
}

int negotiate(struct camera *cam, struct display *d, const struct options *options)
{
	const drmModeModeInfo *preferred;
	const struct format *format;
	uint32_t width, height;

	format = next_format(cam, d, options, NULL);
	if (!format)
		return no_format(cam, d, options);
	for (; format; format = next_format(cam, d, options, format))
		if (exact_size(cam, d, options, format)) {
			const drmModeModeInfo *mode = &d->connector->modes[d->mode];

			return camera_set_format(cam, format, mode->hdisplay, mode->vdisplay);
		}
	/*
	 * No mode fits. A smaller picture in the middle of the first mode, which is the one
	 * that the screen likes best: not all displays can do that, the commit will tell.
	 */
	format = next_format(cam, d, options, NULL);
	d->mode = 0;
	preferred = &d->connector->modes[d->mode];
	width = options->width ? options->width : preferred->hdisplay;
	height = options->height ? options->height : preferred->vdisplay;
	if (!camera_try_size(cam, format, &width, &height) ||
	    (options->width && (width != options->width || height != options->height)))
		return complain("Choose another one with -s, see: v4l2-ctl --list-formats-ext.",
				"%s has no %s of this size.", cam->path,
				fourcc_text(format->v4l2));
	if (width > preferred->hdisplay || height > preferred->vdisplay)
		return complain("Choose one with -s, see: v4l2-ctl --list-formats-ext.",
				"The picture of %s (%ux%u) is larger than the screen (%ux%u).",
				cam->path, width, height, preferred->hdisplay,
				preferred->vdisplay);
	return camera_set_format(cam, format, width, height);
}
