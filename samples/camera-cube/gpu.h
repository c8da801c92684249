/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A GPU that reads dma-bufs as textures, and draws for a display.
 */
#ifndef _SAMPLES_GPU_H
#define _SAMPLES_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES2/gl2.h>
#include <gbm.h>

#include "display.h"
#include "formats.h"

struct gpu {
	struct display *display;
	struct gbm_device *gbm;
	struct gbm_surface *surface;
	EGLDisplay egl;
	EGLContext context;
	EGLSurface egl_surface;
	/* what is on the screen, and what comes next */
	struct gbm_bo *shown, *coming;
};

/* makes a context, and a surface with the size of the display's mode */
int gpu_open(struct gpu *gpu, struct display *d);
/* formats that can be imported, by their names of DRM */
bool gpu_takes(const struct gpu *gpu, uint32_t fourcc);
/* as text, for sentences; static storage */
const char *gpu_formats(const struct gpu *gpu);

/* Says what is wrong if the renderer cannot read what it imports, see gpu.c. */
int gpu_check_import(const struct gpu *gpu, int dmabuf);
/* Makes an image of a dma-buf, without a copy. It ends with gpu_drop_image(). */
int gpu_import(const struct gpu *gpu, int dmabuf, const struct format *format,
	       uint32_t width, uint32_t height, const struct layout *layout,
	       EGLImageKHR *image);
void gpu_drop_image(const struct gpu *gpu, EGLImageKHR image);
/* The texture that is bound to GL_TEXTURE_EXTERNAL_OES becomes this image. */
void gpu_use_image(EGLImageKHR image);

/* Shows what was drawn; display->pending tells when that is done. */
int gpu_show(struct gpu *gpu);
/* The flip has ended: the old picture may be drawn over. */
void gpu_flip_ended(struct gpu *gpu);

/* after display_restore(); safe after a gpu_open() that failed */
void gpu_close(struct gpu *gpu);

#endif /* _SAMPLES_GPU_H */
