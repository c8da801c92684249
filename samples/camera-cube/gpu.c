// SPDX-License-Identifier: GPL-2.0
/*
 * A GPU that reads dma-bufs as textures, and draws for a display.
 *
 * EGL_EXT_image_dma_buf_import makes an EGL image of a dma-buf, GL_OES_EGL_image_external
 * a texture of that. The texture is the memory of the camera: what the camera writes is
 * there in the next drawing, and nobody has to upload it. GBM is the other direction:
 * memory to draw to that the display takes.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <GLES2/gl2.h>
#include <GLES2/gl2ext.h>
#include <xf86drm.h>

#include "common.h"
#include "gpu.h"

#define MAX_FORMATS	256

/* Functions of extensions have no symbols, they are looked up. */
static PFNEGLCREATEIMAGEKHRPROC create_image;
static PFNEGLDESTROYIMAGEKHRPROC destroy_image;
static PFNEGLQUERYDMABUFFORMATSEXTPROC query_formats;
static PFNGLEGLIMAGETARGETTEXTURE2DOESPROC image_target_texture;

static bool has_extension(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list; list = strchr(list, ' ')) {
		list += strspn(list, " ");
		if (!strncmp(list, name, length) && (list[length] == ' ' || !list[length]))
			return true;
	}
	return false;
}

static int need(const struct gpu *gpu, const char *list, const char *name)
{
	if (has_extension(list, name))
		return 0;
	return complain("Install a newer Mesa, or choose another display with -D.",
			"The GL driver of %s lacks %s.", gpu->display->path, name);
}

static int look_up(const struct gpu *gpu)
{
	const char *egl = eglQueryString(gpu->egl, EGL_EXTENSIONS);

	if (need(gpu, egl, "EGL_EXT_image_dma_buf_import") ||
	    need(gpu, egl, "EGL_EXT_image_dma_buf_import_modifiers") ||
	    need(gpu, egl, "EGL_KHR_image_base") ||
	    need(gpu, (const char *)glGetString(GL_EXTENSIONS), "GL_OES_EGL_image_external"))
		return -1;
	create_image = (PFNEGLCREATEIMAGEKHRPROC)eglGetProcAddress("eglCreateImageKHR");
	destroy_image = (PFNEGLDESTROYIMAGEKHRPROC)eglGetProcAddress("eglDestroyImageKHR");
	query_formats = (PFNEGLQUERYDMABUFFORMATSEXTPROC)
		eglGetProcAddress("eglQueryDmaBufFormatsEXT");
	image_target_texture = (PFNGLEGLIMAGETARGETTEXTURE2DOESPROC)
		eglGetProcAddress("glEGLImageTargetTexture2DOES");
	return 0;
}

/* EGL knows only sizes of colours, the display wants one exact format. */
static bool choose_config(const struct gpu *gpu, uint32_t fourcc, EGLConfig *config)
{
	static const EGLint wanted[] = {
		EGL_SURFACE_TYPE, EGL_WINDOW_BIT,
		EGL_RENDERABLE_TYPE, EGL_OPENGL_ES2_BIT,
		EGL_RED_SIZE, 8, EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8,
		EGL_NONE,
	};
	EGLConfig configs[100];
	EGLint count = 0, format, i;

	eglChooseConfig(gpu->egl, wanted, configs, ARRAY_SIZE(configs), &count);
	for (i = 0; i < count; i++)
		if (eglGetConfigAttrib(gpu->egl, configs[i], EGL_NATIVE_VISUAL_ID, &format) &&
		    (uint32_t)format == fourcc) {
			*config = configs[i];
			return true;
		}
	return false;
}

int gpu_open(struct gpu *gpu, struct display *d)
{
	const drmModeModeInfo *mode = &d->connector->modes[d->mode];
	static const EGLint context[] = { EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE };
	EGLConfig config;

	gpu->display = d;
	gpu->gbm = gbm_create_device(d->fd);
	gpu->egl = gpu->gbm ? eglGetPlatformDisplay(EGL_PLATFORM_GBM_KHR, gpu->gbm, NULL) :
			      EGL_NO_DISPLAY;
	if (gpu->egl == EGL_NO_DISPLAY || !eglInitialize(gpu->egl, NULL, NULL))
		return complain("Install Mesa: libegl-mesa0, libgl1-mesa-dri.",
				"There is no GL driver for %s.", d->path);
	if (!display_takes(d, GBM_FORMAT_XRGB8888) ||
	    !choose_config(gpu, GBM_FORMAT_XRGB8888, &config))
		return complain(FIND_DISPLAY,
				"%s does not show XRGB8888, which this program draws.",
				d->path);
	eglBindAPI(EGL_OPENGL_ES_API);
	gpu->surface = gbm_surface_create(gpu->gbm, mode->hdisplay, mode->vdisplay,
					  GBM_FORMAT_XRGB8888,
					  GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
	gpu->context = eglCreateContext(gpu->egl, config, EGL_NO_CONTEXT, context);
	gpu->egl_surface = gpu->surface ?
		eglCreateWindowSurface(gpu->egl, config,
				       (EGLNativeWindowType)gpu->surface, NULL) :
		EGL_NO_SURFACE;
	if (!eglMakeCurrent(gpu->egl, gpu->egl_surface, gpu->egl_surface, gpu->context))
		return complain("Choose a smaller size with -s.",
				"The GL driver of %s cannot draw %ux%u (EGL error %#x).",
				d->path, mode->hdisplay, mode->vdisplay, eglGetError());
	return look_up(gpu);
}

static EGLint list_formats(const struct gpu *gpu, EGLint *list)
{
	EGLint count = 0;

	query_formats(gpu->egl, MAX_FORMATS, list, &count);
	return count;
}

bool gpu_takes(const struct gpu *gpu, uint32_t fourcc)
{
	EGLint list[MAX_FORMATS], count = list_formats(gpu, list);

	while (count--)
		if ((uint32_t)list[count] == fourcc)
			return true;
	return false;
}

const char *gpu_formats(const struct gpu *gpu)
{
	EGLint list[MAX_FORMATS], count = list_formats(gpu, list), i;
	static char text[MAX_FORMATS * 5 + 1];

	for (i = 0; i < count; i++)
		sprintf(text + 5 * i, "%s ", fourcc_text(list[i]));
	return text;
}

/*
 * Mesa's software renderer imports a dma-buf into the display's driver and maps it there
 * when it draws. The kernel maps no imported buffer in that way, and Mesa 22.3 crashes. So
 * this does the same before, to say it in a sentence. A GPU maps nothing.
 */
int gpu_check_import(const struct gpu *gpu, int dmabuf)
{
	const char *renderer = (const char *)glGetString(GL_RENDERER);
	struct drm_mode_map_dumb map = { 0 };
	int ret;

	if (!strstr(renderer, "llvmpipe") && !strstr(renderer, "softpipe"))
		return 0;
	if (drmPrimeFDToHandle(gpu->display->fd, dmabuf, &map.handle))
		return complain(FIND_DISPLAY,
				"%s cannot import the buffers of the camera: %s.",
				gpu->display->path, strerror(errno));
	ret = drmIoctl(gpu->display->fd, DRM_IOCTL_MODE_MAP_DUMB, &map);
	drmCloseBufferHandle(gpu->display->fd, map.handle);
	if (ret)
		return complain("Use a display with a GPU, or see Documentation/samples.rst.",
				"The software renderer (%s) of %s cannot read buffers of a camera: the kernel does not map them for it.",
				renderer, gpu->display->path);
	return 0;
}

int gpu_import(const struct gpu *gpu, int dmabuf, const struct format *format,
	       uint32_t width, uint32_t height, const struct layout *layout,
	       EGLImageKHR *image)
{
	static const EGLint names[][3] = {
		{ EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT,
		  EGL_DMA_BUF_PLANE0_PITCH_EXT },
		{ EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT,
		  EGL_DMA_BUF_PLANE1_PITCH_EXT },
		{ EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT,
		  EGL_DMA_BUF_PLANE2_PITCH_EXT },
	};
	EGLint attributes[6 + 3 * 6 + 1] = {
		EGL_WIDTH, width, EGL_HEIGHT, height, EGL_LINUX_DRM_FOURCC_EXT, format->drm,
	};
	EGLint *next = attributes + 6;
	unsigned int i;

	for (i = 0; i < format->planes; i++) {
		*next++ = names[i][0];
		*next++ = dmabuf;
		*next++ = names[i][1];
		*next++ = layout->offset[i];
		*next++ = names[i][2];
		*next++ = layout->pitch[i];
	}
	*next = EGL_NONE;
	/* EGL does not take the file descriptor, it makes its own reference. */
	*image = create_image(gpu->egl, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
	if (*image == EGL_NO_IMAGE_KHR)
		return complain(FIND_FORMAT,
				"The GL driver does not import %ux%u %s with %u bytes a line (EGL error %#x).",
				width, height, fourcc_text(format->drm), layout->pitch[0],
				eglGetError());
	return 0;
}

void gpu_drop_image(const struct gpu *gpu, EGLImageKHR image)
{
	destroy_image(gpu->egl, image);
}

void gpu_use_image(EGLImageKHR image)
{
	image_target_texture(GL_TEXTURE_EXTERNAL_OES, image);
}

/* A framebuffer lives as long as the memory that GBM made. */
static void drop_framebuffer(struct gbm_bo *bo, void *data)
{
	drmModeRmFB(gbm_device_get_fd(gbm_bo_get_device(bo)), (uint32_t)(uintptr_t)data);
}

static uint32_t framebuffer(const struct gpu *gpu, struct gbm_bo *bo)
{
	uint32_t handles[4] = { gbm_bo_get_handle(bo).u32 };
	uint32_t pitches[4] = { gbm_bo_get_stride(bo) };
	uint32_t offsets[4] = { gbm_bo_get_offset(bo, 0) };
	uint32_t fb = (uint32_t)(uintptr_t)gbm_bo_get_user_data(bo);

	if (fb)
		return fb;
	if (drmModeAddFB2(gpu->display->fd, gbm_bo_get_width(bo), gbm_bo_get_height(bo),
			  gbm_bo_get_format(bo), handles, pitches, offsets, &fb, 0))
		return 0;
	gbm_bo_set_user_data(bo, (void *)(uintptr_t)fb, drop_framebuffer);
	return fb;
}

int gpu_show(struct gpu *gpu)
{
	struct gbm_bo *bo;
	uint32_t fb;

	if (!eglSwapBuffers(gpu->egl, gpu->egl_surface))
		return complain(SEE_KERNEL_LOG,
				"The GL driver cannot finish the picture (EGL error %#x).",
				eglGetError());
	bo = gbm_surface_lock_front_buffer(gpu->surface);
	fb = bo ? framebuffer(gpu, bo) : 0;
	if (!fb)
		return complain(FIND_DISPLAY,
				"%s makes no framebuffer of what was drawn.",
				gpu->display->path);
	gpu->coming = bo;
	return display_show(gpu->display, fb, gbm_bo_get_width(bo), gbm_bo_get_height(bo));
}

void gpu_flip_ended(struct gpu *gpu)
{
	if (gpu->shown)
		gbm_surface_release_buffer(gpu->surface, gpu->shown);
	gpu->shown = gpu->coming;
	gpu->coming = NULL;
}

void gpu_close(struct gpu *gpu)
{
	if (gpu->egl != EGL_NO_DISPLAY) {
		eglMakeCurrent(gpu->egl, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
		eglTerminate(gpu->egl);
	}
	if (gpu->surface)
		gbm_surface_destroy(gpu->surface);
	if (gpu->gbm)
		gbm_device_destroy(gpu->gbm);
}
