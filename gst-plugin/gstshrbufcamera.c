// SPDX-License-Identifier: GPL-2.0
/*
 * What a camera can do, as caps.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gstshrbufcamera.h"

/* As large as any camera is asked for. */
#define MAX_SIZE 32768

static const struct
{
  guint32 fourcc;
  GstVideoFormat format;
} formats[] = {
  {V4L2_PIX_FMT_XBGR32, GST_VIDEO_FORMAT_BGRx},
  {V4L2_PIX_FMT_NV12, GST_VIDEO_FORMAT_NV12},
  {V4L2_PIX_FMT_NV12M, GST_VIDEO_FORMAT_NV12},
  {V4L2_PIX_FMT_YUYV, GST_VIDEO_FORMAT_YUY2},
  {V4L2_PIX_FMT_UYVY, GST_VIDEO_FORMAT_UYVY},
  {V4L2_PIX_FMT_RGB565, GST_VIDEO_FORMAT_RGB16},
  {V4L2_PIX_FMT_BGR24, GST_VIDEO_FORMAT_BGR},
  {V4L2_PIX_FMT_RGB24, GST_VIDEO_FORMAT_RGB},
  {V4L2_PIX_FMT_ABGR32, GST_VIDEO_FORMAT_BGRA},
  {V4L2_PIX_FMT_XRGB32, GST_VIDEO_FORMAT_xRGB},
  {V4L2_PIX_FMT_ARGB32, GST_VIDEO_FORMAT_ARGB},
  {V4L2_PIX_FMT_RGBX32, GST_VIDEO_FORMAT_RGBx},
  {V4L2_PIX_FMT_RGBA32, GST_VIDEO_FORMAT_RGBA},
  {V4L2_PIX_FMT_BGRX32, GST_VIDEO_FORMAT_xBGR},
  {V4L2_PIX_FMT_BGRA32, GST_VIDEO_FORMAT_ABGR},
  {V4L2_PIX_FMT_NV21, GST_VIDEO_FORMAT_NV21},
  {V4L2_PIX_FMT_NV21M, GST_VIDEO_FORMAT_NV21},
  {V4L2_PIX_FMT_NV16, GST_VIDEO_FORMAT_NV16},
  {V4L2_PIX_FMT_NV16M, GST_VIDEO_FORMAT_NV16},
  {V4L2_PIX_FMT_NV61, GST_VIDEO_FORMAT_NV61},
  {V4L2_PIX_FMT_NV61M, GST_VIDEO_FORMAT_NV61},
  {V4L2_PIX_FMT_NV24, GST_VIDEO_FORMAT_NV24},
  {V4L2_PIX_FMT_YUV420, GST_VIDEO_FORMAT_I420},
  {V4L2_PIX_FMT_YUV420M, GST_VIDEO_FORMAT_I420},
  {V4L2_PIX_FMT_YVU420, GST_VIDEO_FORMAT_YV12},
  {V4L2_PIX_FMT_YVU420M, GST_VIDEO_FORMAT_YV12},
  {V4L2_PIX_FMT_YUV422P, GST_VIDEO_FORMAT_Y42B},
  {V4L2_PIX_FMT_YUV422M, GST_VIDEO_FORMAT_Y42B},
  {V4L2_PIX_FMT_YVYU, GST_VIDEO_FORMAT_YVYU},
  {V4L2_PIX_FMT_VYUY, GST_VIDEO_FORMAT_VYUY},
  {V4L2_PIX_FMT_XRGB555, GST_VIDEO_FORMAT_RGB15},
  {V4L2_PIX_FMT_GREY, GST_VIDEO_FORMAT_GRAY8},
};

static gint
camera_ioctl (gint fd, gulong request, gpointer arg)
{
  gint ret;

  do
    ret = ioctl (fd, request, arg);
  while (ret < 0 && errno == EINTR);
  return ret < 0 ? -errno : 0;
}

/* Zero if it does not capture video. */
static guint32
queue_type (gint fd)
{
  struct v4l2_capability cap = { 0 };

  if (camera_ioctl (fd, VIDIOC_QUERYCAP, &cap) < 0)
    return 0;
  if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE)
    return V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE)
    return V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
  return 0;
}

gint
gst_shrbuf_camera_open (const gchar * path, GError ** error)
{
  gint fd = open (path, O_RDWR | O_CLOEXEC);

  if (fd >= 0 && queue_type (fd))
    return fd;
  if (fd >= 0) {
    close (fd);
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "%s is not a camera. List them: gst-device-monitor-1.0 Video/Source.",
        path);
  } else if (errno == EACCES || errno == EPERM) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "You may not use the camera %s. Join its group (see: ls -l %s), or become root.",
        path, path);
  } else if (errno == EBUSY) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
        "Another program has the camera %s. End it (see: fuser -v %s).", path,
        path);
  } else {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no camera %s that can be opened (%s). List them: gst-device-monitor-1.0 Video/Source.",
        path, g_strerror (errno));
  }
  return -1;
}

static gboolean
get_format (gint fd, struct v4l2_format *fmt)
{
  memset (fmt, 0, sizeof (*fmt));
  fmt->type = queue_type (fd);
  return fmt->type && camera_ioctl (fd, VIDIOC_G_FMT, fmt) == 0;
}

/* Width, height and format are at the same place in both kinds of formats. */
static void
choose (struct v4l2_format *fmt, guint32 fourcc, gint width, gint height)
{
  guint i;

  fmt->fmt.pix.pixelformat = fourcc;
  fmt->fmt.pix.width = width;
  fmt->fmt.pix.height = height;
  if (fmt->type == V4L2_BUF_TYPE_VIDEO_CAPTURE)
    fmt->fmt.pix.bytesperline = 0;
  else
    for (i = 0; i < VIDEO_MAX_PLANES; i++)
      fmt->fmt.pix_mp.plane_fmt[i].bytesperline = 0;
}

static gboolean
get_interval (gint fd, struct v4l2_streamparm *parm)
{
  struct v4l2_fract *interval = &parm->parm.capture.timeperframe;

  memset (parm, 0, sizeof (*parm));
  parm->type = queue_type (fd);
  return camera_ioctl (fd, VIDIOC_G_PARM, parm) == 0 && interval->numerator
      && interval->denominator && interval->numerator <= G_MAXINT
      && interval->denominator <= G_MAXINT;
}

void
gst_shrbuf_camera_get_current (gint fd, gint * width, gint * height,
    gint * fps_n, gint * fps_d)
{
  struct v4l2_streamparm parm;
  struct v4l2_format fmt;

  *width = *height = *fps_n = *fps_d = 0;
  if (get_format (fd, &fmt)) {
    *width = fmt.fmt.pix.width;
    *height = fmt.fmt.pix.height;
  }
  if (get_interval (fd, &parm)) {
    *fps_n = parm.parm.capture.timeperframe.denominator;
    *fps_d = parm.parm.capture.timeperframe.numerator;
  }
}

/* rates */

/* A rate is the inverse of an interval. */
static void
init_rate (GValue * value, const struct v4l2_fract *interval)
{
  g_value_init (value, GST_TYPE_FRACTION);
  gst_value_set_fraction (value, MAX (interval->denominator, 1),
      MAX (interval->numerator, 1));
}

static void
set_rates (gint fd, GstStructure * structure, guint32 fourcc, guint width,
    guint height)
{
  struct v4l2_frmivalenum val = {.pixel_format = fourcc,.width = width,
    .height = height
  };
  GValue list = G_VALUE_INIT, rate = G_VALUE_INIT;
  GValue slow = G_VALUE_INIT, fast = G_VALUE_INIT;

  if (camera_ioctl (fd, VIDIOC_ENUM_FRAMEINTERVALS, &val) < 0) {
    gst_structure_set (structure, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
        G_MAXINT, 1, NULL);
    return;
  }
  if (val.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
    init_rate (&slow, &val.stepwise.max);
    init_rate (&fast, &val.stepwise.min);
    if (gst_value_compare (&slow, &fast) == GST_VALUE_LESS_THAN) {
      g_value_init (&rate, GST_TYPE_FRACTION_RANGE);
      gst_value_set_fraction_range (&rate, &slow, &fast);
      gst_structure_take_value (structure, "framerate", &rate);
    } else {
      gst_structure_set_value (structure, "framerate", &fast);
    }
    g_value_unset (&slow);
    g_value_unset (&fast);
    return;
  }
  gst_value_list_init (&list, 8);
  do {
    init_rate (&rate, &val.discrete);
    gst_value_list_append_and_take_value (&list, &rate);
    memset (&rate, 0, sizeof (rate));
    val.index++;
  } while (camera_ioctl (fd, VIDIOC_ENUM_FRAMEINTERVALS, &val) == 0);
  gst_structure_take_value (structure, "framerate", &list);
}

/* sizes */

static void
set_range (GstStructure * structure, const gchar * name, guint min, guint max,
    guint step)
{
  if (min < max && step > 1 && min % step == 0 && max % step == 0) {
    GValue range = G_VALUE_INIT;

    g_value_init (&range, GST_TYPE_INT_RANGE);
    gst_value_set_int_range_step (&range, min, max, step);
    gst_structure_take_value (structure, name, &range);
  } else if (min < max) {
    gst_structure_set (structure, name, GST_TYPE_INT_RANGE, min, max, NULL);
  } else {
    gst_structure_set (structure, name, G_TYPE_INT, max, NULL);
  }
}

static GstStructure *
new_structure (GstVideoFormat format)
{
  return gst_structure_new ("video/x-raw", "format", G_TYPE_STRING,
      gst_video_format_to_string (format), NULL);
}

/* The driver does not list sizes: ask it for a small and for a large one. */
static void
append_tried (gint fd, GstCaps * caps, guint32 fourcc, GstVideoFormat format)
{
  GstStructure *structure = new_structure (format);
  struct v4l2_format small, large;

  if (!get_format (fd, &small)) {
    gst_structure_free (structure);
    return;
  }
  large = small;
  choose (&small, fourcc, 1, 1);
  choose (&large, fourcc, MAX_SIZE, MAX_SIZE);
  if (camera_ioctl (fd, VIDIOC_TRY_FMT, &small) < 0
      || camera_ioctl (fd, VIDIOC_TRY_FMT, &large) < 0) {
    gst_structure_free (structure);
    return;
  }
  set_range (structure, "width", small.fmt.pix.width, large.fmt.pix.width, 1);
  set_range (structure, "height", small.fmt.pix.height, large.fmt.pix.height,
      1);
  set_rates (fd, structure, fourcc, large.fmt.pix.width, large.fmt.pix.height);
  gst_caps_append_structure (caps, structure);
}

static void
append_sizes (gint fd, GstCaps * caps, guint32 fourcc, GstVideoFormat format)
{
  struct v4l2_frmsizeenum size = {.pixel_format = fourcc };
  GstStructure *structure;

  if (camera_ioctl (fd, VIDIOC_ENUM_FRAMESIZES, &size) < 0) {
    append_tried (fd, caps, fourcc, format);
    return;
  }
  if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
    structure = new_structure (format);
    set_range (structure, "width", size.stepwise.min_width,
        size.stepwise.max_width, size.stepwise.step_width);
    set_range (structure, "height", size.stepwise.min_height,
        size.stepwise.max_height, size.stepwise.step_height);
    set_rates (fd, structure, fourcc, size.stepwise.max_width,
        size.stepwise.max_height);
    gst_caps_append_structure (caps, structure);
    return;
  }
  do {
    structure = new_structure (format);
    gst_structure_set (structure, "width", G_TYPE_INT, size.discrete.width,
        "height", G_TYPE_INT, size.discrete.height, NULL);
    set_rates (fd, structure, fourcc, size.discrete.width,
        size.discrete.height);
    gst_caps_append_structure (caps, structure);
    size.index++;
  } while (camera_ioctl (fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0);
}

static gboolean
has_fourcc (gint fd, guint32 type, guint32 fourcc)
{
  struct v4l2_fmtdesc desc = {.type = type };

  for (; camera_ioctl (fd, VIDIOC_ENUM_FMT, &desc) == 0; desc.index++)
    if (desc.pixelformat == fourcc)
      return TRUE;
  return FALSE;
}

GstCaps *
gst_shrbuf_camera_get_caps (gint fd)
{
  GstCaps *caps = gst_caps_new_empty ();
  struct v4l2_format fmt;
  guint32 current = 0;
  guint i;

  if (!get_format (fd, &fmt))
    return caps;
  current = fmt.fmt.pix.pixelformat;
  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].fourcc == current)
      append_sizes (fd, caps, current, formats[i].format);
  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].fourcc != current
        && has_fourcc (fd, fmt.type, formats[i].fourcc))
      append_sizes (fd, caps, formats[i].fourcc, formats[i].format);
  return caps;
}

static gboolean
set_rate (gint fd, const GstStructure * structure)
{
  struct v4l2_streamparm parm;
  gint fps_n, fps_d;

  if (!gst_structure_get_fraction (structure, "framerate", &fps_n, &fps_d)
      || !fps_n)
    return TRUE;
  /* a camera that cannot be asked cannot be told */
  if (!get_interval (fd, &parm))
    return TRUE;
  parm.parm.capture.timeperframe.numerator = fps_d;
  parm.parm.capture.timeperframe.denominator = fps_n;
  return camera_ioctl (fd, VIDIOC_S_PARM, &parm) == 0;
}

gboolean
gst_shrbuf_camera_set_caps (gint fd, const GstCaps * fixed)
{
  GstStructure *structure = gst_caps_get_structure (fixed, 0);
  const gchar *name = gst_structure_get_string (structure, "format");
  struct v4l2_format fmt;
  gint width, height;
  guint i;

  if (!name || !gst_structure_get_int (structure, "width", &width)
      || !gst_structure_get_int (structure, "height", &height)
      || !get_format (fd, &fmt))
    return FALSE;
  for (i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (formats[i].format != gst_video_format_from_string (name)
        || !has_fourcc (fd, fmt.type, formats[i].fourcc))
      continue;
    choose (&fmt, formats[i].fourcc, width, height);
    if (camera_ioctl (fd, VIDIOC_S_FMT, &fmt) == 0
        && fmt.fmt.pix.pixelformat == formats[i].fourcc
        && fmt.fmt.pix.width == (guint32) width
        && fmt.fmt.pix.height == (guint32) height)
      return set_rate (fd, structure);
  }
  return FALSE;
}
