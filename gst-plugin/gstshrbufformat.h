/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of formats and layouts of pictures: GStreamer's, DRM's, and those of shared
 * buffers.
 *
 * All layouts are linear.
 */
#ifndef _GST_SHRBUF_FORMAT_H
#define _GST_SHRBUF_FORMAT_H

#include <gst/video/video.h>
#include <shrbuf.h>

G_BEGIN_DECLS

/* zero, GST_VIDEO_FORMAT_UNKNOWN: the other side has no such format */
guint32 gst_shrbuf_format_to_fourcc (GstVideoFormat format);
GstVideoFormat gst_shrbuf_format_from_fourcc (guint32 fourcc);

/* FALSE if the other side has no such format. The size and layout of the info are those
 * of the memory. */
gboolean gst_shrbuf_format_from_info (struct shrbuf_format * format,
    const GstVideoInfo * info);
gboolean gst_shrbuf_format_to_info (const struct shrbuf_format * format,
    GstVideoInfo * info);

/* The info of caps, with where the planes of this buffer really are. */
void gst_shrbuf_info_from_buffer (GstVideoInfo * info,
    const GstVideoInfo * caps_info, GstBuffer * buffer);
/* Meta that says where they are. The buffer must be writable and have none. */
GstVideoMeta *gst_shrbuf_buffer_add_meta (GstBuffer * buffer,
    const GstVideoInfo * info);

/* Caps of all sizes and rates with these formats, or with all that are known if there are
 * none: in memory:DMABuf (and DMA_DRM where GStreamer has it), then in plain memory. */
GstCaps *gst_shrbuf_caps_from_fourccs (const guint32 * fourccs, guint nr);
/* Fixed caps. */
GstCaps *gst_shrbuf_caps_from_info (const GstVideoInfo * info,
    gboolean dmabuf);
/* As gst_video_info_from_caps(), but knows DMA_DRM, too. */
gboolean gst_shrbuf_caps_to_info (const GstCaps * caps, GstVideoInfo * info);

G_END_DECLS

#endif
