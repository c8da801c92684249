/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Formats: V4L2 and DRM have different names for the same order of bytes.
 */
#ifndef _SAMPLES_FORMATS_H
#define _SAMPLES_FORMATS_H

#include <stdint.h>

/* one format under both names, and where its planes are in a buffer */
struct format {
	uint32_t v4l2;		/* V4L2_PIX_FMT_* */
	uint32_t drm;		/* DRM_FORMAT_* */
	unsigned int planes;
	/* of the planes after the first one: by how much they are smaller */
	unsigned int pitch_divisor;
	unsigned int rows_divisor;
};

/* The best ones first; the last one has no planes. */
extern const struct format formats[];

/* the format with this V4L2 name, NULL if it has no DRM name that we know */
const struct format *format_find(uint32_t v4l2);

/* where the planes of a picture are, as DRM and EGL want to know it */
struct layout {
	uint32_t offset[4];
	uint32_t pitch[4];
};

void format_layout(const struct format *format, uint32_t bytesperline, uint32_t height,
		   struct layout *layout);

#endif /* _SAMPLES_FORMATS_H */
