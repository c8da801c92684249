// SPDX-License-Identifier: GPL-2.0
/*
 * What a frame costs in shrbufsink, and in kmssink. Prints lines of a name and two times
 * of the CPU in nanoseconds, each for one frame.
 *
 * Usage: bench-gst LIBGSTKMS.so
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "elements.h"
#include "gstshrbufpool.h"
#include "gstshrbufsink.h"

#define CAPS "video/x-raw,format=BGRx,width=640,height=480,framerate=60/1"
#define BUFFERS 6
#define WARM 12
#define FRAMES 60

static guint64
cpu_time (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * GST_SECOND + t.tv_nsec;
}

static GstBufferPool *
make_pool (gboolean shared)
{
  GstBufferPool *pool = shared ? gst_shrbuf_pool_new (NULL) :
      gst_video_buffer_pool_new ();
  GstCaps *caps = gst_caps_from_string (CAPS);
  GstStructure *config;

  g_assert (pool);
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 640 * 480 * 4, BUFFERS, 0);
  gst_buffer_pool_set_config (pool, config);
  gst_buffer_pool_set_active (pool, TRUE);
  gst_caps_unref (caps);
  return pool;
}

static guint64
measure (const gchar * name, gboolean shared)
{
  GstElement *sink = gst_element_factory_make (name, NULL);
  GstBufferPool *pool = make_pool (shared);
  GstHarness *h;
  GstBuffer *buffer;
  guint64 start = 0;
  guint i;

  g_assert (sink);
  g_object_set (sink, "driver-name", "vkms", "force-modesetting", TRUE,
      "sync", FALSE, NULL);
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  for (i = 0; i < WARM + FRAMES; i++) {
    if (i == WARM)
      start = cpu_time ();
    gst_buffer_pool_acquire_buffer (pool, &buffer, NULL);
    if (gst_harness_push (h, buffer) != GST_FLOW_OK) {
      g_printerr ("%s has failed\n", name);
      exit (1);
    }
  }
  start = cpu_time () - start;
  gst_harness_teardown (h);
  gst_object_unref (sink);
  gst_buffer_pool_set_active (pool, FALSE);
  gst_object_unref (pool);
  return start / FRAMES;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  gst_shrbuf_init_debug ();
  GST_ELEMENT_REGISTER (shrbufsink, NULL);
  if (argc != 2 || !gst_plugin_load_file (argv[1], NULL)) {
    g_printerr ("Usage: bench-gst LIBGSTKMS.so\n");
    return 2;
  }
  g_print ("shown %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
      measure ("shrbufsink", TRUE), measure ("kmssink", TRUE));
  g_print ("copied %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
      measure ("shrbufsink", FALSE), measure ("kmssink", FALSE));
  return 0;
}
