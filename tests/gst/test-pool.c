// SPDX-License-Identifier: GPL-2.0
/*
 * Formats, and the pool of shared buffers, as the elements of the plugin use them.
 */

#include <stdio.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include <drm_fourcc.h>
#include <gst/allocators/gstdmabuf.h>
#include <gst/check/gstcheck.h>

#include "elements.h"
#include "gstshrbufformat.h"
#include "gstshrbufpool.h"

#define SHRBUF_EVENTS "/sys/kernel/tracing/instances/gst-pool"

/* formats */

GST_START_TEST (test_all_formats_come_back)
{
  GstCaps *caps = gst_shrbuf_caps_from_fourccs (NULL, 0);
  const GValue *names;
  guint i;

  names = gst_structure_get_value (gst_caps_get_structure (caps,
          gst_caps_get_size (caps) - 1), "format");
  fail_unless (gst_value_list_get_size (names) > 30);
  for (i = 0; i < gst_value_list_get_size (names); i++) {
    GstVideoFormat format =
        gst_video_format_from_string (g_value_get_string
        (gst_value_list_get_value (names, i)));
    struct shrbuf_format there;
    GstVideoInfo info, back;

    fail_unless_equals_int (gst_shrbuf_format_from_fourcc
        (gst_shrbuf_format_to_fourcc (format)), format);
    fail_unless (gst_video_info_set_format (&info, format, 322, 242));
    fail_unless (gst_shrbuf_format_from_info (&there, &info));
    fail_unless (gst_shrbuf_format_to_info (&there, &back));
    back.size = info.size;
    fail_unless (gst_video_info_is_equal (&info, &back),
        "%s differs", gst_video_format_to_string (format));
  }
  gst_caps_unref (caps);
}

GST_END_TEST;

GST_START_TEST (test_layout_comes_back)
{
  GstVideoAlignment alignment;
  struct shrbuf_format there;
  GstVideoInfo info, back;

  gst_video_alignment_reset (&alignment);
  alignment.stride_align[0] = 255;
  alignment.stride_align[1] = 255;
  fail_unless (gst_video_info_set_format (&info, GST_VIDEO_FORMAT_NV12, 322,
          242));
  fail_unless (gst_video_info_align (&info, &alignment));
  fail_unless (gst_shrbuf_format_from_info (&there, &info));
  fail_unless_equals_int (there.fourcc, DRM_FORMAT_NV12);
  fail_unless_equals_int (there.planes[0].stride, 512);
  fail_unless_equals_int (there.planes[1].stride, 512);
  fail_unless_equals_int (there.planes[1].offset,
      GST_VIDEO_INFO_PLANE_OFFSET (&info, 1));
  fail_unless (gst_shrbuf_format_to_info (&there, &back));
  fail_unless_equals_int (back.stride[1], 512);

  /* tiles, and planes elsewhere, are not for GstVideoInfo */
  there.modifier = DRM_FORMAT_MOD_SAMSUNG_64_32_TILE;
  fail_if (gst_shrbuf_format_to_info (&there, &back));
  there.modifier = DRM_FORMAT_MOD_LINEAR;
  there.plane_mask = 1;
  fail_if (gst_shrbuf_format_to_info (&there, &back));
  fail_unless (gst_video_info_set_format (&info, GST_VIDEO_FORMAT_v210, 64,
          64));
  fail_if (gst_shrbuf_format_from_info (&there, &info));
}

GST_END_TEST;

GST_START_TEST (test_caps)
{
  guint32 fourccs[] = { DRM_FORMAT_XRGB8888, DRM_FORMAT_C8, DRM_FORMAT_NV12 };
  GstCaps *caps = gst_shrbuf_caps_from_fourccs (fourccs, 3);
  GstCaps *plain = gst_caps_from_string ("video/x-raw, format={BGRx, NV12}");
  GstCaps *other = gst_caps_from_string ("video/x-raw, format=I420");
  GstCaps *dmabuf =
      gst_caps_from_string ("video/x-raw(memory:DMABuf), format=NV12");
  GstVideoInfo info;

  fail_unless (gst_caps_can_intersect (caps, plain));
  fail_unless (gst_caps_can_intersect (caps, dmabuf));
  fail_if (gst_caps_can_intersect (caps, other));
  gst_caps_unref (caps);

  fail_unless (gst_video_info_set_format (&info, GST_VIDEO_FORMAT_NV12, 64,
          48));
  caps = gst_shrbuf_caps_from_info (&info, TRUE);
  fail_unless (gst_caps_is_subset (caps, dmabuf));
  fail_unless (gst_shrbuf_caps_to_info (caps, &info));
  gst_caps_unref (caps);
  gst_caps_unref (plain);
  gst_caps_unref (other);
  gst_caps_unref (dmabuf);
}

GST_END_TEST;

/* pool */

static GstBufferPool *
start_pool (const gchar * caps_string, gboolean aligned)
{
  GstCaps *caps = gst_caps_from_string (caps_string);
  GError *error = NULL;
  GstBufferPool *pool = gst_shrbuf_pool_new (&error);
  GstVideoAlignment alignment;
  GstStructure *config;

  fail_unless (pool != NULL, "%s", error ? error->message : "");
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 0, 2, 4);
  if (aligned) {
    gst_video_alignment_reset (&alignment);
    alignment.stride_align[0] = alignment.stride_align[1] = 255;
    gst_buffer_pool_config_add_option (config,
        GST_BUFFER_POOL_OPTION_VIDEO_META);
    gst_buffer_pool_config_add_option (config,
        GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
    gst_buffer_pool_config_set_video_alignment (config, &alignment);
  }
  fail_unless (gst_buffer_pool_set_config (pool, config));
  fail_unless (gst_buffer_pool_set_active (pool, TRUE));
  gst_caps_unref (caps);
  return pool;
}

static void
stop_pool (GstBufferPool * pool)
{
  fail_unless (gst_buffer_pool_set_active (pool, FALSE));
  gst_object_unref (pool);
}

static GstBuffer *
acquire (GstBufferPool * pool)
{
  GstBuffer *buffer = NULL;

  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (pool, &buffer, NULL),
      GST_FLOW_OK);
  fail_unless (gst_is_dmabuf_memory (gst_buffer_peek_memory (buffer, 0)));
  return buffer;
}

static void
check_kernel_knows (GstBuffer * buffer)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  gint dev = gst_shrbuf_open (NULL);
  struct shrbuf_info info;
  guint i;

  fail_unless (dev >= 0);
  fail_unless_equals_int (shrbuf_get_info (dev,
          gst_dmabuf_memory_get_fd (gst_buffer_peek_memory (buffer, 0)),
          &info), 0);
  fail_unless (info.size >= gst_buffer_get_size (buffer));
  fail_unless_equals_int (info.format.width, meta->width);
  fail_unless_equals_int (info.format.height, meta->height);
  fail_unless_equals_int (info.format.nr_planes, meta->n_planes);
  for (i = 0; i < meta->n_planes; i++) {
    fail_unless_equals_int (info.format.planes[i].stride, meta->stride[i]);
    fail_unless_equals_int (info.format.planes[i].offset, meta->offset[i]);
  }
  close (dev);
}

GST_START_TEST (test_buffers_have_layout)
{
  GstBufferPool *pool =
      start_pool ("video/x-raw,format=NV12,width=322,height=242", TRUE);
  GstBuffer *buffer = acquire (pool);
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);

  fail_unless (meta != NULL);
  fail_unless_equals_int (meta->stride[0], 512);
  fail_unless_equals_int (meta->stride[1], 512);
  check_kernel_knows (buffer);
  gst_buffer_unref (buffer);
  stop_pool (pool);

  /* who does not know the meta gets what the caps say */
  pool = start_pool ("video/x-raw,format=NV12,width=322,height=242", FALSE);
  buffer = acquire (pool);
  meta = gst_buffer_get_video_meta (buffer);
  fail_unless (meta != NULL);
  fail_unless_equals_int (meta->stride[0], 324);
  check_kernel_knows (buffer);
  gst_buffer_unref (buffer);
  stop_pool (pool);
}

GST_END_TEST;

GST_START_TEST (test_memory_is_shared)
{
  GstBufferPool *pool =
      start_pool ("video/x-raw,format=BGRx,width=64,height=48", FALSE);
  GstBuffer *buffer = acquire (pool);
  struct shrbuf_map map;
  GstMapInfo info;

  fail_unless (gst_buffer_map (buffer, &info, GST_MAP_WRITE));
  memset (info.data, 0x5a, info.size);
  gst_buffer_unmap (buffer, &info);
  fail_unless_equals_int (shrbuf_map (gst_dmabuf_memory_get_fd
          (gst_buffer_peek_memory (buffer, 0)), 0, SHRBUF_MAP_READ, &map), 0);
  fail_unless_equals_int (((guint8 *) map.addr)[64 * 48 * 4 - 1], 0x5a);
  shrbuf_unmap (&map);
  gst_buffer_unref (buffer);
  stop_pool (pool);
}

GST_END_TEST;

static guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir))
    count++;
  g_dir_close (dir);
  return count;
}

GST_START_TEST (test_no_leaks)
{
  guint before, i;

  stop_pool (start_pool ("video/x-raw,format=BGRx,width=64,height=48", FALSE));
  before = count_fds ();
  for (i = 0; i < 100; i++) {
    GstBufferPool *pool =
        start_pool ("video/x-raw,format=BGRx,width=64,height=48", FALSE);

    gst_buffer_unref (acquire (pool));
    stop_pool (pool);
  }
  fail_unless_equals_int (count_fds (), before);
}

GST_END_TEST;

GST_START_TEST (test_bad_configs)
{
  GstBufferPool *pool = gst_shrbuf_pool_new (NULL);
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstCaps *caps = gst_caps_from_string ("audio/x-raw");

  gst_buffer_pool_config_set_params (config, NULL, 100, 0, 0);
  fail_if (gst_buffer_pool_set_config (pool, config));
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 100, 0, 0);
  fail_if (gst_buffer_pool_set_config (pool, config));
  gst_caps_unref (caps);

  /* memory for a device that is none */
  caps = gst_caps_from_string ("video/x-raw,format=BGRx,width=64,height=48");
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 0, 1, 0);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  gst_shrbuf_pool_set_memory (GST_SHRBUF_POOL (pool), SHRBUF_ALLOC_DEVICE, 0);
  fail_if (gst_buffer_pool_set_active (pool, TRUE));
  gst_caps_unref (caps);
  gst_object_unref (pool);
}

GST_END_TEST;

/* What the kernel traces of accesses by the CPU. */
static gchar *
read_trace (void)
{
  gchar *text = NULL;

  fail_unless (g_file_get_contents (SHRBUF_EVENTS "/trace", &text, NULL, NULL));
  return text;
}

static void
write_trace (const gchar * file, const gchar * text)
{
  gchar *path = g_build_filename (SHRBUF_EVENTS, file, NULL);
  FILE *f = fopen (path, "w");

  fail_unless (f != NULL, "cannot open %s", path);
  fputs (text, f);
  fail_unless_equals_int (fclose (f), 0);
  g_free (path);
}

GST_START_TEST (test_kernel_is_told_of_accesses)
{
  GstBufferPool *pool;
  GstBuffer *buffer;
  GstMapInfo info;
  gchar *trace;
  guint i;

  g_mkdir (SHRBUF_EVENTS, 0700);
  write_trace ("events/shrbuf/enable", "1");
  pool = start_pool ("video/x-raw,format=BGRx,width=64,height=48", FALSE);
  buffer = acquire (pool);
  /* also of those that find the memory mapped */
  for (i = 0; i < 3; i++) {
    write_trace ("trace", "");
    fail_unless (gst_buffer_map (buffer, &info, GST_MAP_WRITE));
    trace = read_trace ();
    fail_unless (strstr (trace, "shrbuf_begin_cpu_access") != NULL,
        "access %u: %s", i, trace);
    g_free (trace);
    gst_buffer_unmap (buffer, &info);
    trace = read_trace ();
    fail_unless (strstr (trace, "shrbuf_end_cpu_access") != NULL,
        "access %u: %s", i, trace);
    g_free (trace);
  }
  gst_buffer_unref (buffer);
  stop_pool (pool);
  fail_unless_equals_int (rmdir (SHRBUF_EVENTS), 0);
}

GST_END_TEST;

static Suite *
pool_suite (void)
{
  Suite *suite = suite_create ("pool");
  TCase *formats = tcase_create ("formats");
  TCase *pools = tcase_create ("pool");

  gst_shrbuf_init_debug ();
  suite_add_tcase (suite, formats);
  tcase_add_test (formats, test_all_formats_come_back);
  tcase_add_test (formats, test_layout_comes_back);
  tcase_add_test (formats, test_caps);
  suite_add_tcase (suite, pools);
  tcase_add_test (pools, test_buffers_have_layout);
  tcase_add_test (pools, test_memory_is_shared);
  tcase_add_test (pools, test_kernel_is_told_of_accesses);
  tcase_add_test (pools, test_no_leaks);
  tcase_add_test (pools, test_bad_configs);
  return suite;
}

GST_CHECK_MAIN (pool);
