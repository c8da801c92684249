// SPDX-License-Identifier: GPL-2.0
/*
 * A process that receives frames, or publishes them, for test-fusion: runs a launch line,
 * says what comes to the element "sink", and does what it is told.
 *
 * Usage: fusion-receiver LAUNCH-LINE
 *
 * Prints lines:
 *
 *	caps CAPS
 *	frame OFFSET CHECKSUM INODE STRIDE TIME WRITABLE META...
 *	eos
 *	error MESSAGE
 *
 * The time is the one of CLOCK_MONOTONIC that the timestamp stands for.
 *
 * Reads lines: "hold" keeps all frames that come from now on, "release" none, "pause" and
 * "play" change the state. The end of the input ends it.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>
#include <gst/gst.h>
#include <gst/video/video.h>

static GMainLoop *loop;
static GstElement *pipeline;
static gboolean holding;
static GQueue held;
static GMutex lock;

static guint32
checksum (GstBuffer * buffer)
{
  guint32 sum = 2166136261;
  GstMapInfo map;
  gsize i;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return 0;
  for (i = 0; i < map.size; i++)
    sum = (sum ^ map.data[i]) * 16777619;
  gst_buffer_unmap (buffer, &map);
  return sum;
}

static guint64
inode (GstBuffer * buffer)
{
  GstMemory *memory = gst_buffer_peek_memory (buffer, 0);
  struct stat st;

  if (!gst_is_dmabuf_memory (memory)
      || fstat (gst_dmabuf_memory_get_fd (memory), &st))
    return 0;
  return st.st_ino;
}

static gboolean
print_meta (GstBuffer * buffer, GstMeta ** meta, gpointer data)
{
  if ((*meta)->info->api == GST_VIDEO_CROP_META_API_TYPE) {
    GstVideoCropMeta *crop = (GstVideoCropMeta *) * meta;

    printf (" crop:%u,%u,%ux%u", crop->x, crop->y, crop->width, crop->height);
  } else if ((*meta)->info->api == GST_REFERENCE_TIMESTAMP_META_API_TYPE) {
    printf (" reference:%" G_GUINT64_FORMAT,
        ((GstReferenceTimestampMeta *) * meta)->timestamp);
  } else if ((*meta)->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) * meta;

    printf (" region:%s,%u,%u", g_quark_to_string (roi->roi_type), roi->x,
        roi->w);
  }
  return TRUE;
}

static void
handoff (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  GstCaps *caps = gst_pad_get_current_caps (pad);
  static gchar *last_caps;
  gchar *text = gst_caps_to_string (caps);

  if (g_strcmp0 (text, last_caps)) {
    printf ("caps %s\n", text);
    g_free (last_caps);
    last_caps = g_strdup (text);
  }
  g_free (text);
  gst_caps_unref (caps);
  printf ("frame %" G_GUINT64_FORMAT " %u %" G_GUINT64_FORMAT " %d %"
      G_GUINT64_FORMAT " %d", GST_BUFFER_OFFSET (buffer), checksum (buffer),
      inode (buffer), meta ? meta->stride[0] : 0,
      GST_BUFFER_PTS (buffer) + gst_element_get_base_time (sink),
      gst_buffer_is_all_memory_writable (buffer));
  gst_buffer_foreach_meta (buffer, print_meta, NULL);
  printf ("\n");
  g_mutex_lock (&lock);
  if (holding)
    g_queue_push_tail (&held, gst_buffer_ref (buffer));
  g_mutex_unlock (&lock);
}

static gboolean
message (GstBus * bus, GstMessage * message, gpointer data)
{
  GError *error;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    printf ("eos\n");
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    printf ("error %s\n", error->message);
    g_error_free (error);
  }
  return TRUE;
}

static gboolean
command (GIOChannel * input, GIOCondition condition, gpointer data)
{
  gchar *line = NULL;

  if (g_io_channel_read_line (input, &line, NULL, NULL, NULL)
      != G_IO_STATUS_NORMAL) {
    g_main_loop_quit (loop);
    return FALSE;
  }
  g_strchomp (line);
  if (!strcmp (line, "pause"))
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
  else if (!strcmp (line, "play"))
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_mutex_lock (&lock);
  holding = !strcmp (line, "hold");
  if (!strcmp (line, "release"))
    g_queue_clear_full (&held, (GDestroyNotify) gst_buffer_unref);
  g_mutex_unlock (&lock);
  g_free (line);
  return TRUE;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  GIOChannel *input;
  GstElement *sink;
  GstBus *bus;

  /* a test that fails leaves nobody behind */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  setvbuf (stdout, NULL, _IOLBF, 0);
  gst_init (&argc, &argv);
  if (argc != 2) {
    fprintf (stderr, "Usage: fusion-receiver LAUNCH-LINE\n");
    return 2;
  }
  pipeline = gst_parse_launch (argv[1], &error);
  if (!pipeline || error) {
    printf ("error %s\n", error->message);
    return 1;
  }
  loop = g_main_loop_new (NULL, FALSE);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  if (sink)
    g_signal_connect (sink, "handoff", G_CALLBACK (handoff), NULL);
  bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, message, NULL);
  input = g_io_channel_unix_new (STDIN_FILENO);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, command, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  g_queue_clear_full (&held, (GDestroyNotify) gst_buffer_unref);
  g_clear_object (&sink);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_io_channel_unref (input);
  g_main_loop_unref (loop);
  return 0;
}
