// SPDX-License-Identifier: GPL-2.0
/*
 * Formats of buffers of attached queues: for all formats of vivid, what SHRBUF_IOC_INFO
 * says is enough to find the colours of its test picture, by the definitions of DRM.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-buf.h>

#include "common.h"

#define BE		DRM_FORMAT_BIG_ENDIAN
#define MAX_PLANES	3

/* Newer than the headers of Debian 12. */
#ifndef DRM_FORMAT_AVUY8888
#define DRM_FORMAT_AVUY8888	fourcc_code('A', 'V', 'U', 'Y')
#endif
#ifndef DRM_FORMAT_XVUY8888
#define DRM_FORMAT_XVUY8888	fourcc_code('X', 'V', 'U', 'Y')
#endif

/*
 * How DRM defines its formats: the components of a little endian word, the most
 * significant first, with their bits, for each plane. 4:2:2 has two pixels in a word.
 */
static const struct drm_format {
	uint32_t fourcc;
	unsigned int hdiv, vdiv;	/* of the second and third plane */
	const char *words[MAX_PLANES];
} drm_formats[] = {
	{ DRM_FORMAT_RGB332, 1, 1, { "R3G3B2" } },
	{ DRM_FORMAT_ARGB4444, 1, 1, { "A4R4G4B4" } },
	{ DRM_FORMAT_XRGB4444, 1, 1, { "x4R4G4B4" } },
	{ DRM_FORMAT_RGBA4444, 1, 1, { "R4G4B4A4" } },
	{ DRM_FORMAT_RGBX4444, 1, 1, { "R4G4B4x4" } },
	{ DRM_FORMAT_ABGR4444, 1, 1, { "A4B4G4R4" } },
	{ DRM_FORMAT_XBGR4444, 1, 1, { "x4B4G4R4" } },
	{ DRM_FORMAT_BGRA4444, 1, 1, { "B4G4R4A4" } },
	{ DRM_FORMAT_BGRX4444, 1, 1, { "B4G4R4x4" } },
	{ DRM_FORMAT_ARGB1555, 1, 1, { "A1R5G5B5" } },
	{ DRM_FORMAT_XRGB1555, 1, 1, { "x1R5G5B5" } },
	{ DRM_FORMAT_RGBA5551, 1, 1, { "R5G5B5A1" } },
	{ DRM_FORMAT_RGBX5551, 1, 1, { "R5G5B5x1" } },
	{ DRM_FORMAT_ABGR1555, 1, 1, { "A1B5G5R5" } },
	{ DRM_FORMAT_XBGR1555, 1, 1, { "x1B5G5R5" } },
	{ DRM_FORMAT_BGRA5551, 1, 1, { "B5G5R5A1" } },
	{ DRM_FORMAT_BGRX5551, 1, 1, { "B5G5R5x1" } },
	{ DRM_FORMAT_RGB565, 1, 1, { "R5G6B5" } },
	{ DRM_FORMAT_RGB888, 1, 1, { "R8G8B8" } },
	{ DRM_FORMAT_BGR888, 1, 1, { "B8G8R8" } },
	{ DRM_FORMAT_ARGB8888, 1, 1, { "A8R8G8B8" } },
	{ DRM_FORMAT_XRGB8888, 1, 1, { "x8R8G8B8" } },
	{ DRM_FORMAT_RGBA8888, 1, 1, { "R8G8B8A8" } },
	{ DRM_FORMAT_RGBX8888, 1, 1, { "R8G8B8x8" } },
	{ DRM_FORMAT_ABGR8888, 1, 1, { "A8B8G8R8" } },
	{ DRM_FORMAT_XBGR8888, 1, 1, { "x8B8G8R8" } },
	{ DRM_FORMAT_BGRA8888, 1, 1, { "B8G8R8A8" } },
	{ DRM_FORMAT_BGRX8888, 1, 1, { "B8G8R8x8" } },
	/* red stands for grey */
	{ DRM_FORMAT_R8, 1, 1, { "Y8" } },
	{ DRM_FORMAT_R10, 1, 1, { "x6Y10" } },
	{ DRM_FORMAT_R12, 1, 1, { "x4Y12" } },
	{ DRM_FORMAT_R16, 1, 1, { "Y16" } },
	{ DRM_FORMAT_YUYV, 1, 1, { "V8Y8U8Y8" } },
	{ DRM_FORMAT_YVYU, 1, 1, { "U8Y8V8Y8" } },
	{ DRM_FORMAT_UYVY, 1, 1, { "Y8V8Y8U8" } },
	{ DRM_FORMAT_VYUY, 1, 1, { "Y8U8Y8V8" } },
	{ DRM_FORMAT_AYUV, 1, 1, { "A8Y8U8V8" } },
	{ DRM_FORMAT_XYUV8888, 1, 1, { "x8Y8U8V8" } },
	{ DRM_FORMAT_AVUY8888, 1, 1, { "A8V8U8Y8" } },
	{ DRM_FORMAT_XVUY8888, 1, 1, { "x8V8U8Y8" } },
	{ DRM_FORMAT_NV12, 2, 2, { "Y8", "V8U8" } },
	{ DRM_FORMAT_NV21, 2, 2, { "Y8", "U8V8" } },
	{ DRM_FORMAT_NV16, 2, 1, { "Y8", "V8U8" } },
	{ DRM_FORMAT_NV61, 2, 1, { "Y8", "U8V8" } },
	{ DRM_FORMAT_NV24, 1, 1, { "Y8", "V8U8" } },
	{ DRM_FORMAT_NV42, 1, 1, { "Y8", "U8V8" } },
	{ DRM_FORMAT_YUV420, 2, 2, { "Y8", "U8", "V8" } },
	{ DRM_FORMAT_YVU420, 2, 2, { "Y8", "V8", "U8" } },
	{ DRM_FORMAT_YUV422, 2, 1, { "Y8", "U8", "V8" } },
	{ DRM_FORMAT_YVU422, 2, 1, { "Y8", "V8", "U8" } },
	{ DRM_FORMAT_YUV444, 1, 1, { "Y8", "U8", "V8" } },
	{ DRM_FORMAT_YVU444, 1, 1, { "Y8", "V8", "U8" } },
};

/* DRM has no names for these. */
static const uint32_t no_drm[] = {
	V4L2_PIX_FMT_YUV555, V4L2_PIX_FMT_YUV565, V4L2_PIX_FMT_YUV444,
	V4L2_PIX_FMT_BGR666, V4L2_PIX_FMT_HSV24, V4L2_PIX_FMT_HSV32,
	V4L2_PIX_FMT_SBGGR8, V4L2_PIX_FMT_SGBRG8, V4L2_PIX_FMT_SGRBG8,
	V4L2_PIX_FMT_SRGGB8, V4L2_PIX_FMT_SBGGR10, V4L2_PIX_FMT_SGBRG10,
	V4L2_PIX_FMT_SGRBG10, V4L2_PIX_FMT_SRGGB10, V4L2_PIX_FMT_SBGGR12,
	V4L2_PIX_FMT_SGBRG12, V4L2_PIX_FMT_SGRBG12, V4L2_PIX_FMT_SRGGB12,
	V4L2_PIX_FMT_SBGGR16, V4L2_PIX_FMT_SGBRG16, V4L2_PIX_FMT_SGRBG16,
	V4L2_PIX_FMT_SRGGB16,
};

/* In messages. */
static const char *name(uint32_t fourcc)
{
	static char text[8];

	snprintf(text, sizeof(text), "%c%c%c%c%s", fourcc & 0x7f, fourcc >> 8 & 0x7f,
		 fourcc >> 16 & 0x7f, fourcc >> 24 & 0x7f, fourcc & BE ? "-BE" : "");
	return text;
}

#define expect(v4l2, cond)						\
do {									\
	if (!(cond))							\
		fail_msg("%s: not true: %s", name(v4l2), #cond);	\
} while (0)

static void get_info(int fd, struct shrbuf_info *info)
{
	memset(info, 0, sizeof(*info));
	info->fd = fd;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, info);
}

/* Sets a control of vivid by its name. */
static void set_control(int fd, const char *text, int value)
{
	struct v4l2_query_ext_ctrl query = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };

	while (!try_ioctl(fd, VIDIOC_QUERY_EXT_CTRL, &query)) {
		if (!strcmp(query.name, text)) {
			struct v4l2_control ctrl = { .id = query.id, .value = value };

			do_ioctl(fd, VIDIOC_S_CTRL, &ctrl);
			return;
		}
		query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	}
	fail_msg("vivid has no control '%s'", text);
}

static uint32_t fmt_pixelformat(const struct camera *cam)
{
	return V4L2_TYPE_IS_MULTIPLANAR(cam->type) ? cam->fmt.fmt.pix_mp.pixelformat :
						     cam->fmt.fmt.pix.pixelformat;
}

static unsigned int fmt_stride(const struct camera *cam, unsigned int plane)
{
	return V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
	       cam->fmt.fmt.pix_mp.plane_fmt[plane].bytesperline :
	       cam->fmt.fmt.pix.bytesperline;
}

/* As camera_format(), for any format, and with lines that are longer than needed. */
static void set_format(struct camera *cam, uint32_t pixelformat, unsigned int width,
		       unsigned int height)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
			struct v4l2_pix_format_mplane *mp = &cam->fmt.fmt.pix_mp;
			unsigned int p;

			mp->width = width;
			mp->height = height;
			mp->pixelformat = pixelformat;
			for (p = 0; p < VIDEO_MAX_PLANES; p++)
				mp->plane_fmt[p].bytesperline =
					i ? mp->plane_fmt[p].bytesperline + 64 : 0;
		} else {
			struct v4l2_pix_format *pix = &cam->fmt.fmt.pix;

			pix->width = width;
			pix->height = height;
			pix->pixelformat = pixelformat;
			pix->bytesperline = i ? pix->bytesperline + 64 : 0;
		}
		do_ioctl(cam->fd, VIDIOC_S_FMT, &cam->fmt);
	}
	expect(pixelformat, fmt_pixelformat(cam) == pixelformat);
	cam->nr_planes = V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
			 cam->fmt.fmt.pix_mp.num_planes : 1;
}

static const struct drm_format *drm_format_of(uint32_t fourcc)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(drm_formats); i++)
		if (drm_formats[i].fourcc == (fourcc & ~BE))
			return &drm_formats[i];
	return NULL;
}

static unsigned int word_bits(const char *word)
{
	unsigned int bits = 0;

	while (*word)
		bits += strtoul(word + 1, (char **)&word, 10);
	return bits;
}

/* All components of a word, in 16 bits. */
static void read_word(const char *word, const uint8_t *p, bool big, unsigned int *values)
{
	unsigned int left = word_bits(word), bytes = left / 8, i;
	uint64_t value = 0;

	for (i = 0; i < bytes; i++)
		value |= (uint64_t)p[big ? bytes - 1 - i : i] << (8 * i);
	while (*word) {
		unsigned char component = *word;
		unsigned int bits = strtoul(word + 1, (char **)&word, 10);

		left -= bits;
		values[component] = (value >> left & ((1U << bits) - 1)) << (16 - bits);
	}
}

/* A buffer with its planes, which may lie in several. */
struct picture {
	struct shrbuf_format format;
	const uint8_t *planes[MAX_PLANES];
	const uint8_t *ends[MAX_PLANES];
};

/* All components of the pixel. */
static void read_pixel(const struct picture *pic, unsigned int x, unsigned int y,
		       unsigned int *values)
{
	const struct drm_format *drm = drm_format_of(pic->format.fourcc);
	unsigned int i;

	for (i = 0; i < MAX_PLANES && drm->words[i]; i++) {
		const char *word = drm->words[i];
		/* two pixels have two Y */
		bool pair = strchr(word, 'Y') != strrchr(word, 'Y');
		unsigned int column = x / (i ? drm->hdiv : pair ? 2 : 1);
		unsigned int line = y / (i ? drm->vdiv : 1);
		const uint8_t *p = pic->planes[i] +
				   (size_t)line * pic->format.planes[i].stride +
				   column * (word_bits(word) / 8);

		expect(pic->format.v4l2_fourcc, p + word_bits(word) / 8 <= pic->ends[i]);
		read_word(word, p, pic->format.fourcc & BE, values);
	}
}

/* What is not told apart here is no other format's colour either. */
static char color_of(const struct drm_format *drm, const unsigned int *v)
{
	const unsigned int half = 0x8000;

	if (strchr(drm->words[0], 'R')) {
		bool r = v['R'] > half, g = v['G'] > half, b = v['B'] > half;

		return r + g + b != 1 ? '?' : r ? 'R' : g ? 'G' : 'B';
	}
	if (v['V'] > half && v['U'] < half && v['Y'] < half)
		return 'R';
	if (v['U'] > half && v['V'] < half && v['Y'] < half / 2)
		return 'B';
	return v['U'] < half && v['V'] < half && v['Y'] > half ? 'G' : '?';
}

/* The bars of vivid: white, yellow, cyan, green, magenta, red, blue, black. */
static void check_picture(const struct picture *pic)
{
	static const struct {
		unsigned int bar;
		char color;
	} bars[] = { { 3, 'G' }, { 5, 'R' }, { 6, 'B' } };
	const struct drm_format *drm = drm_format_of(pic->format.fourcc);
	const uint32_t v4l2 = pic->format.v4l2_fourcc;
	bool grey = !drm->words[1] && !strpbrk(drm->words[0], "RU");
	unsigned int i, last, luma[ARRAY_SIZE(bars)];

	for (last = 0; last < 2; last++) {
		for (i = 0; i < ARRAY_SIZE(bars); i++) {
			unsigned int values[128] = { 0 };
			unsigned int x = (2 * bars[i].bar + 1) * pic->format.width / 16;
			char color;

			read_pixel(pic, x, last ? pic->format.height - 1 : 0, values);
			luma[i] = values['Y'];
			if (grey)
				continue;
			color = color_of(drm, values);
			if (color != bars[i].color)
				fail_msg("%s: %s line: %c shows as %c (%x %x %x, %x %x %x)",
					 name(v4l2), last ? "last" : "first",
					 bars[i].color, color, values['R'], values['G'],
					 values['B'], values['Y'], values['U'],
					 values['V']);
		}
		/* grey has this order, and enough between them */
		if (!strchr(drm->words[0], 'R')) {
			expect(v4l2, luma[0] > luma[1] + 0x1000);
			expect(v4l2, luma[1] > luma[2] + 0x1000);
		}
	}
}

/* What INFO says of each buffer, against what V4L2 says. */
static void check_info(const struct camera *cam, unsigned int plane,
		       const struct shrbuf_info *info)
{
	const struct shrbuf_format *f = &info->format;
	uint32_t v4l2 = fmt_pixelformat(cam);
	bool unnamed = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(no_drm); i++)
		unnamed |= no_drm[i] == v4l2;
	expect(v4l2, f->v4l2_fourcc == v4l2);
	expect(v4l2, !f->fourcc == unnamed);
	expect(v4l2, f->modifier == DRM_FORMAT_MOD_LINEAR);
	expect(v4l2, unnamed || drm_format_of(f->fourcc));
	expect(v4l2, f->width == 320 && f->height == 180);
	expect(v4l2, !f->crop.x && !f->crop.y);
	expect(v4l2, f->crop.width == 320 && f->crop.height == 180);
	expect(v4l2, f->colorspace == (V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
				       cam->fmt.fmt.pix_mp.colorspace :
				       cam->fmt.fmt.pix.colorspace));
	expect(v4l2, f->planes[plane].stride == fmt_stride(cam, plane));
	expect(v4l2, !f->planes[plane].offset);
	if (cam->nr_planes > 1) {
		expect(v4l2, f->nr_planes == cam->nr_planes);
		expect(v4l2, f->plane_mask == 1U << plane);
	} else {
		expect(v4l2, f->plane_mask == (1U << f->nr_planes) - 1);
	}
	for (i = 0; i < SHRBUF_MAX_PLANES; i++) {
		if (f->plane_mask & 1U << i)
			expect(v4l2, f->planes[i].offset < info->size);
		else
			expect(v4l2, !f->planes[i].offset && !f->planes[i].stride);
	}
}

/* A frame; where the data of each plane begins is known only now. */
static void capture(struct camera *cam, unsigned int *data_offsets)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	unsigned int i;

	for (i = 0; i < cam->nr_bufs; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
	assert_int_equal(try_streamon(cam), 0);
	do {
		i = try_dqbuf(cam, V4L2_MEMORY_MMAP);
		assert_in_range(i, 0, cam->nr_bufs - 1);
	} while (i);
	memset(&buf, 0, sizeof(buf));
	memset(planes, 0, sizeof(planes));
	buf.type = cam->type;
	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		buf.m.planes = planes;
		buf.length = VIDEO_MAX_PLANES;
	}
	do_ioctl(cam->fd, VIDIOC_QUERYBUF, &buf);
	for (i = 0; i < MAX_PLANES; i++)
		data_offsets[i] = planes[i].data_offset;
	assert_int_equal(try_streamoff(cam), 0);
}

/* One format: what INFO says, and, of a camera, whether the picture is found by it. */
static void check_format(struct camera *cam, uint32_t pixelformat)
{
	unsigned int p, i, data_offsets[MAX_PLANES] = { 0 };
	struct picture pic = { .format = { 0 } };
	struct shrbuf_info infos[MAX_PLANES];
	uint8_t *maps[MAX_PLANES];
	int fds[MAX_PLANES];

	set_format(cam, pixelformat, 320, 180);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 2);
	for (p = 0; p < cam->nr_planes; p++) {
		fds[p] = camera_expbuf(cam, 0, p, O_RDWR);
		get_info(fds[p], &infos[p]);
		check_info(cam, p, &infos[p]);
		maps[p] = mmap(NULL, infos[p].size, PROT_READ, MAP_SHARED, fds[p], 0);
		expect(pixelformat, maps[p] != MAP_FAILED);
	}
	if (!V4L2_TYPE_IS_OUTPUT(cam->type) && infos[0].format.fourcc) {
		capture(cam, data_offsets);
		pic.format = infos[0].format;
		for (p = 0; p < cam->nr_planes; p++) {
			do_sync(fds[p], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
			expect(pixelformat, infos[p].format.fourcc == pic.format.fourcc);
			for (i = 0; i < MAX_PLANES; i++) {
				const struct shrbuf_format *f = &infos[p].format;

				if (!(f->plane_mask & 1U << i))
					continue;
				pic.format.planes[i] = f->planes[i];
				pic.planes[i] = maps[p] + f->planes[i].offset +
						data_offsets[p];
				pic.ends[i] = maps[p] + infos[p].size;
			}
		}
		for (i = 0; i < pic.format.nr_planes; i++)
			expect(pixelformat, pic.planes[i]);
		check_picture(&pic);
		for (p = 0; p < cam->nr_planes; p++)
			do_sync(fds[p], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
	for (p = 0; p < cam->nr_planes; p++) {
		munmap(maps[p], infos[p].size);
		close(fds[p]);
	}
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
}

static void check_all(enum camera_kind kind, unsigned int at_least)
{
	/* Signals have nothing to do with the format: some of them will do. */
	const unsigned int step = getenv("TEST_SIGNALS") ? 8 : 1;
	struct v4l2_fmtdesc desc = { 0 };
	struct camera cam;
	int input = 0;

	camera_open(&cam, kind);
	if (!V4L2_TYPE_IS_OUTPUT(cam.type)) {
		/* the webcam */
		do_ioctl(cam.fd, VIDIOC_S_INPUT, &input);
		set_control(cam.fd, "Test Pattern", 1);
		set_control(cam.fd, "OSD Text Mode", 2);
	}
	attach(cam.fd);
	desc.type = cam.type;
	while (!try_ioctl(cam.fd, VIDIOC_ENUM_FMT, &desc)) {
		if (desc.index % step == 0)
			check_format(&cam, desc.pixelformat);
		desc.index++;
	}
	print_message("# %u formats\n", desc.index);
	assert_true(desc.index >= at_least);
	if (!V4L2_TYPE_IS_OUTPUT(cam.type)) {
		set_control(cam.fd, "Test Pattern", 0);
		set_control(cam.fd, "OSD Text Mode", 0);
	}
	detach(cam.fd);
	camera_close(&cam);
	expect_no_buffers();
}

static void single_planar(void **state)
{
	(void)state;
	check_all(CAMERA_SINGLE, 80);
}

static void multi_planar(void **state)
{
	(void)state;
	check_all(CAMERA_MULTI, 90);
}

static void outputs(void **state)
{
	(void)state;
	check_all(CAMERA_OUTPUT, 80);
	check_all(CAMERA_OUTPUT_MULTI, 90);
}

/* The input or output with this name. */
static void select_hdmi(struct camera *cam, const char *prefix)
{
	struct v4l2_input input = { 0 };
	struct v4l2_output output = { 0 };
	int index;

	if (V4L2_TYPE_IS_OUTPUT(cam->type)) {
		while (!try_ioctl(cam->fd, VIDIOC_ENUMOUTPUT, &output) &&
		       strncmp((char *)output.name, prefix, strlen(prefix)))
			output.index++;
		index = output.index;
		do_ioctl(cam->fd, VIDIOC_S_OUTPUT, &index);
	} else {
		while (!try_ioctl(cam->fd, VIDIOC_ENUMINPUT, &input) &&
		       strncmp((char *)input.name, prefix, strlen(prefix)))
			input.index++;
		index = input.index;
		do_ioctl(cam->fd, VIDIOC_S_INPUT, &index);
	}
}

/* A part of the picture has content. */
static void selection(void **state)
{
	static const enum camera_kind kinds[] = {
		CAMERA_SINGLE, CAMERA_MULTI, CAMERA_OUTPUT, CAMERA_OUTPUT_MULTI,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct v4l2_selection sel = { .r = { 16, 8, 64, 48 } };
		struct shrbuf_info info;
		struct camera cam;
		int first = 0, fd;
		bool output;

		camera_open(&cam, kinds[i]);
		output = V4L2_TYPE_IS_OUTPUT(cam.type);
		select_hdmi(&cam, "HDMI");
		do_ioctl(cam.fd, VIDIOC_G_FMT, &cam.fmt);
		set_format(&cam, V4L2_PIX_FMT_XBGR32, 320, 180);
		sel.type = output ? V4L2_BUF_TYPE_VIDEO_OUTPUT :
				    V4L2_BUF_TYPE_VIDEO_CAPTURE;
		sel.target = output ? V4L2_SEL_TGT_CROP : V4L2_SEL_TGT_COMPOSE;
		do_ioctl(cam.fd, VIDIOC_S_SELECTION, &sel);
		/* setting it may have changed the format */
		do_ioctl(cam.fd, VIDIOC_G_FMT, &cam.fmt);
		attach(cam.fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 2);
		fd = camera_expbuf(&cam, 0, 0, O_RDONLY);
		get_info(fd, &info);
		assert_int_equal(info.format.fourcc, DRM_FORMAT_XRGB8888);
		assert_int_equal(info.format.crop.x, sel.r.left);
		assert_int_equal(info.format.crop.y, sel.r.top);
		assert_int_equal(info.format.crop.width, sel.r.width);
		assert_int_equal(info.format.crop.height, sel.r.height);
		assert_true(info.format.crop.width < info.format.width);
		close(fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		detach(cam.fd);
		do_ioctl(cam.fd, output ? VIDIOC_S_OUTPUT : VIDIOC_S_INPUT, &first);
		camera_close(&cam);
	}
}

/* Buffers of VIDIOC_CREATE_BUFS for a larger format have the current one. */
static void larger_buffers(void **state)
{
	struct v4l2_create_buffers create = { .count = 1, .memory = V4L2_MEMORY_MMAP };
	struct shrbuf_info info;
	struct camera cam;
	int fd;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	set_format(&cam, V4L2_PIX_FMT_NV12, 320, 180);
	attach(cam.fd);
	create.format = cam.fmt;
	create.format.fmt.pix.sizeimage = 1 << 20;
	do_ioctl(cam.fd, VIDIOC_CREATE_BUFS, &create);
	fd = camera_expbuf(&cam, create.index, 0, O_RDONLY);
	get_info(fd, &info);
	assert_true(info.size >= 1 << 20);
	assert_int_equal(info.format.fourcc, DRM_FORMAT_NV12);
	assert_int_equal(info.format.width, 320);
	assert_int_equal(info.format.planes[1].offset, fmt_stride(&cam, 0) * 180);
	close(fd);
	camera_done(&cam);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(single_planar),
		API_TEST(multi_planar),
		API_TEST(outputs),
		API_TEST(selection),
		API_TEST(larger_buffers),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, check_signals);
}
