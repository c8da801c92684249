// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufsink, on vkms and on the display of the guest.
 *
 * The files of the plugin are linked into this program, so that a display can be made
 * choosy: __wrap_drmModeAddFB2().
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/videooverlay.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "elements.h"
#include "gstshrbufpool.h"
#include "gstshrbufsink.h"
#include "screen.h"

#define SIZE "width=640,height=480,format=BGRx"

static const gchar *const drivers[] = { "vkms", "cirrus" };

static Screen screens[G_N_ELEMENTS (drivers)];
static gboolean present[G_N_ELEMENTS (drivers)];

/* The display wants strides that are a multiple of this. */
static guint choosy = 1;
static gint imports;

int __real_drmModeAddFB2 (int fd, uint32_t width, uint32_t height,
    uint32_t format, const uint32_t * handles, const uint32_t * pitches,
    const uint32_t * offsets, uint32_t * id, uint32_t flags);
int __wrap_drmModeAddFB2 (int fd, uint32_t width, uint32_t height,
    uint32_t format, const uint32_t * handles, const uint32_t * pitches,
    const uint32_t * offsets, uint32_t * id, uint32_t flags);

int
__wrap_drmModeAddFB2 (int fd, uint32_t width, uint32_t height, uint32_t format,
    const uint32_t * handles, const uint32_t * pitches,
    const uint32_t * offsets, uint32_t * id, uint32_t flags)
{
  if (pitches[0] % choosy)
    return -EINVAL;
  g_atomic_int_inc (&imports);
  return __real_drmModeAddFB2 (fd, width, height, format, handles, pitches,
      offsets, id, flags);
}

/* Messages of GST_PERFORMANCE of shrbufsink. */
static gint warnings;

static void
count_warnings (GstDebugCategory * category, GstDebugLevel level,
    const gchar * file, const gchar * function, gint line, GObject * object,
    GstDebugMessage * message, gpointer data)
{
  if (level == GST_LEVEL_WARNING && object
      && !strcmp (G_OBJECT_TYPE_NAME (object), "GstShrbufSink")
      && !strcmp (gst_debug_category_get_name (category), "GST_PERFORMANCE"))
    g_atomic_int_inc (&warnings);
}

static void
watch_warnings (void)
{
  warnings = 0;
  gst_debug_set_active (TRUE);
  gst_debug_set_threshold_from_string ("GST_PERFORMANCE:4", FALSE);
  gst_debug_add_log_function (count_warnings, NULL, NULL);
}

/* NULL: the test is skipped, because there is no such display. */
static GstElement *
make_pipeline (gint display, const gchar * format, ...)
{
  GError *error = NULL;
  GstElement *pipeline;
  gchar *text, *all;
  va_list args;

  if (!present[display])
    return NULL;
  imports = 0;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  all = g_strdup_printf ("%s ! shrbufsink name=sink sync=false driver-name=%s",
      text, drivers[display]);
  pipeline = gst_parse_launch (all, &error);
  fail_unless (pipeline != NULL, "%s: %s", all, error ? error->message : "");
  g_free (text);
  g_free (all);
  return pipeline;
}

static GstElement *
get_sink (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");

  gst_object_unref (sink);
  return sink;
}

static guint64
get_copied (GstElement * pipeline)
{
  guint64 copied;

  g_object_get (get_sink (pipeline), "frames-copied", &copied, NULL);
  return copied;
}

/* The first error or EOS. */
static GstMessage *
wait_message (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 120 * GST_SECOND,
      GST_MESSAGE_ERROR | GST_MESSAGE_EOS);

  gst_object_unref (bus);
  fail_unless (message != NULL, "neither an error nor the end");
  return message;
}

static void
play_to_end (GstElement * pipeline)
{
  GError *error = NULL;
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = wait_message (pipeline);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  fail_unless (!error, "%s", error ? error->message : "");
  gst_message_unref (message);
}

static void
preroll (GstElement * pipeline)
{
  GstStateChangeReturn ret = gst_element_set_state (pipeline,
      GST_STATE_PAUSED);
  GError *error = NULL;

  if (ret == GST_STATE_CHANGE_ASYNC)
    ret = gst_element_get_state (pipeline, NULL, NULL, 120 * GST_SECOND);
  if (ret == GST_STATE_CHANGE_SUCCESS)
    return;
  gst_message_parse_error (wait_message (pipeline), &error, NULL);
  fail ("%s", error->message);
}

/* The display shows what it showed before. */
static void
stop (GstElement * pipeline, gint display)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  fail_unless_equals_int (screen_shows (&screens[display]),
      screens[display].black);
}

/* frames of programs */

static gint shared;
static gint others;

static GstPadProbeReturn
see_memory (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstMemory *memory =
      gst_buffer_peek_memory (GST_PAD_PROBE_INFO_BUFFER (info), 0);
  gint dev = gst_shrbuf_open (NULL);
  struct shrbuf_info buffer;

  if (gst_is_dmabuf_memory (memory)
      && !shrbuf_get_info (dev, gst_dmabuf_memory_get_fd (memory), &buffer))
    shared++;
  else
    others++;
  close (dev);
  return GST_PAD_PROBE_OK;
}

static void
watch_memory (GstElement * pipeline)
{
  GstPad *pad = gst_element_get_static_pad (get_sink (pipeline), "sink");

  shared = others = 0;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, see_memory, NULL, NULL);
  gst_object_unref (pad);
}

GST_START_TEST (test_software)
{
  GstElement *pipeline = make_pipeline (__i__,
      "videotestsrc num-buffers=20 ! video/x-raw," SIZE);

  if (!pipeline)
    return;
  watch_warnings ();
  watch_memory (pipeline);
  play_to_end (pipeline);
  fail_unless_equals_int (shared, 20);
  fail_unless_equals_int (others, 0);
  fail_unless_equals_uint64 (get_copied (pipeline), 0);
  fail_unless_equals_int (warnings, 0);
  /* each buffer of the pool once */
  fail_unless (imports <= 5, "%d imports", imports);
  fail_unless (screen_shows (&screens[__i__]) != screens[__i__].black);
  stop (pipeline, __i__);
}

GST_END_TEST;

GST_START_TEST (test_foreign_memory)
{
  GstElement *pipeline = make_pipeline (__i__, "videotestsrc num-buffers=20 ! "
      "identity drop-allocation=true ! video/x-raw," SIZE);

  if (!pipeline)
    return;
  watch_warnings ();
  watch_memory (pipeline);
  play_to_end (pipeline);
  fail_unless_equals_int (others, 20);
  /* the first one when it is paused, too */
  fail_unless_equals_uint64 (get_copied (pipeline), 21);
  fail_unless_equals_int (warnings, 1);
  stop (pipeline, __i__);
}

GST_END_TEST;

GST_START_TEST (test_camera)
{
  GstElement *pipeline = make_pipeline (__i__, "v4l2src num-buffers=20 "
      "io-mode=dmabuf ! video/x-raw," SIZE);

  if (!pipeline)
    return;
  watch_warnings ();
  play_to_end (pipeline);
  fail_unless_equals_uint64 (get_copied (pipeline), 0);
  fail_unless_equals_int (warnings, 0);
  fail_unless (imports <= 12, "%d imports", imports);
  stop (pipeline, __i__);
}

GST_END_TEST;

/* A dma-buf whose stride the display does not like, and one that it does. */
GST_START_TEST (test_stride)
{
  GstElement *sink = gst_element_factory_make ("shrbufsink", NULL);
  GstHarness *h;
  guint64 copied;
  gint i;

  g_object_set (sink, "driver-name", drivers[__i__], "sync", FALSE, NULL);
  if (!present[__i__]) {
    gst_object_unref (sink);
    return;
  }
  watch_warnings ();
  choosy = 256;
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw," SIZE ",framerate=30/1");
  for (i = 0; i < 6; i++) {
    gint stride = i < 3 ? 2560 : 2560 + 64, fd, dev = gst_shrbuf_open (NULL);
    GstAllocator *allocator = gst_dmabuf_allocator_new ();
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
    gint strides[GST_VIDEO_MAX_PLANES] = { stride };
    GstBuffer *buffer = gst_buffer_new ();

    fd = shrbuf_alloc (dev, stride * 480, "test");
    fail_unless (fd >= 0);
    gst_buffer_append_memory (buffer, gst_dmabuf_allocator_alloc (allocator,
            fd, stride * 480));
    gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
        GST_VIDEO_FORMAT_BGRx, 640, 480, 1, offset, strides);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
    g_object_get (sink, "frames-copied", &copied, NULL);
    fail_unless_equals_uint64 (copied, MAX (i - 2, 0));
    gst_object_unref (allocator);
    close (dev);
  }
  fail_unless_equals_int (warnings, 1);
  gst_harness_teardown (h);
  gst_object_unref (sink);
  fail_unless_equals_int (screen_shows (&screens[__i__]), screens[__i__].black);
}

GST_END_TEST;

/* The plane of cirrus must cover the display: copied into its middle. */
GST_START_TEST (test_too_small)
{
  GstElement *pipeline = make_pipeline (1, "videotestsrc num-buffers=5 ! "
      "video/x-raw,width=320,height=240,format=BGRx");

  if (!pipeline)
    return;
  watch_warnings ();
  play_to_end (pipeline);
  fail_unless_equals_uint64 (get_copied (pipeline), 6);
  fail_unless_equals_int (warnings, 1);
  stop (pipeline, 1);
}

GST_END_TEST;

/* pictures, by the checksums of vkms */

static guint32
reference (GstElement * pipeline, gint x, gint y)
{
  GstSample *sample;
  GstVideoFrame frame;
  GstVideoInfo info;
  guint32 crc;

  g_object_get (get_sink (pipeline), "last-sample", &sample, NULL);
  fail_unless (sample != NULL);
  gst_sample_ref (sample);
  /* the display is needed */
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  fail_unless (gst_video_frame_map (&frame, &info,
          gst_sample_get_buffer (sample), GST_MAP_READ));
  crc = screen_reference_crc (&screens[0], &frame, x, y);
  gst_video_frame_unmap (&frame);
  gst_sample_unref (sample);
  gst_sample_unref (sample);
  return crc;
}

static void
check_picture (const gchar * source, gint x, gint y, gboolean rectangle)
{
  GstElement *pipeline = make_pipeline (0, "%s", source);
  guint32 crc, expected;

  if (!pipeline)
    return;
  preroll (pipeline);
  if (rectangle)
    fail_unless (gst_video_overlay_set_render_rectangle (GST_VIDEO_OVERLAY
            (get_sink (pipeline)), x, y, 320, 240));
  crc = screen_crc (&screens[0]);
  expected = reference (pipeline, x, y);
  fail_unless_equals_int_hex (crc, expected);
  fail_if (crc == screen_crc (&screens[0]), "it was black");
  stop (pipeline, 0);
}

GST_START_TEST (test_picture)
{
  check_picture ("videotestsrc ! video/x-raw," SIZE, 0, 0, FALSE);
}

GST_END_TEST;

GST_START_TEST (test_picture_in_the_middle)
{
  check_picture ("videotestsrc ! video/x-raw,width=320,height=240,format=BGRx",
      160, 120, FALSE);
}

GST_END_TEST;

GST_START_TEST (test_picture_in_rectangle)
{
  check_picture ("videotestsrc ! video/x-raw,width=320,height=240,format=BGRx",
      16, 32, TRUE);
}

GST_END_TEST;

GST_START_TEST (test_picture_copied)
{
  check_picture ("videotestsrc ! identity drop-allocation=true ! video/x-raw,"
      SIZE, 0, 0, FALSE);
}

GST_END_TEST;

/* resources */

static guint
count_entries (const gchar * path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir))
    count++;
  g_dir_close (dir);
  return count;
}

static guint
count_buffers (void)
{
  guint count = 0;
  gchar *text, *c;

  fail_unless (g_file_get_contents ("/sys/kernel/debug/shrbuf/buffers", &text,
          NULL, NULL));
  for (c = text; *c; c++)
    count += *c == '\n';
  g_free (text);
  return count;
}

GST_START_TEST (test_states)
{
  GstElement *pipeline = make_pipeline (__i__, "videotestsrc is-live=true ! "
      "video/x-raw," SIZE ",framerate=100/1");
  guint i, fds = 0, buffers = 0;

  if (!pipeline)
    return;
  for (i = 0; i < 200; i++) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    if (i % 10 == 0)
      fail_unless (gst_element_get_state (pipeline, NULL, NULL,
              120 * GST_SECOND) != GST_STATE_CHANGE_FAILURE);
    fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
        GST_STATE_CHANGE_SUCCESS);
    /* what GStreamer keeps */
    if (i == 1) {
      fds = count_entries ("/proc/self/fd");
      buffers = count_buffers ();
    }
  }
  fail_unless_equals_int (count_entries ("/proc/self/fd"), fds);
  fail_unless_equals_int (count_buffers (), buffers);
  stop (pipeline, __i__);
}

GST_END_TEST;

/* errors */

static void
check_error (const gchar * properties, const gchar * says)
{
  gchar *text = g_strdup_printf ("videotestsrc ! shrbufsink %s", properties);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GError *error = NULL;
  GstMessage *message;

  fail_unless (pipeline != NULL);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PLAYING),
      GST_STATE_CHANGE_FAILURE);
  message = wait_message (pipeline);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, says), "%s: %s", properties,
      error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_free (text);
}

GST_START_TEST (test_wrong_properties)
{
  gint null = open ("/dev/null", O_RDWR);
  gchar *fd;

  check_error ("driver-name=none", "no display of none");
  if (!present[0])
    return;
  check_error ("driver-name=vkms bus-id=nowhere", "no display of vkms on bus");
  check_error ("driver-name=vkms connector-id=4711", "connector");
  check_error ("driver-name=vkms plane-id=4711", "plane-id");
  check_error ("fd=4711", "fd cannot be used");
  fd = g_strdup_printf ("fd=%d", null);
  check_error (fd, "fd is no display");
  g_free (fd);
  fd = g_strdup_printf ("fd=%d", screens[0].fd);
  check_error (fd, "not master");
  g_free (fd);
  fail_unless_equals_int (drmSetMaster (screens[0].fd), 0);
  check_error ("driver-name=vkms", "Another program is master");
  fail_unless_equals_int (drmDropMaster (screens[0].fd), 0);
  close (null);
}

GST_END_TEST;

GST_START_TEST (test_lost_master)
{
  GstElement *pipeline = make_pipeline (0, "videotestsrc ! video/x-raw," SIZE);
  GstMessage *message;
  GError *error;
  gint fd;

  if (!pipeline)
    return;
  /* as a switch of the console does it */
  fail_unless_equals_int (drmSetMaster (screens[0].fd), 0);
  fd = screens[0].fd;
  g_object_set (get_sink (pipeline), "fd", fd, "sync", TRUE, NULL);
  preroll (pipeline);
  fail_unless_equals_int (drmDropMaster (fd), 0);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = wait_message (pipeline);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_ERROR);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, "become master"), "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* ways to get the display */

GST_START_TEST (test_lease)
{
  Screen *screen = &screens[0];
  guint32 objects[] = { screen->crtc, screen->connector, screen->primary };
  GstElement *pipeline = make_pipeline (0,
      "videotestsrc num-buffers=10 ! video/x-raw," SIZE);
  guint32 lessee;
  gint fd;

  if (!pipeline)
    return;
  fail_unless_equals_int (drmSetMaster (screen->fd), 0);
  fd = drmModeCreateLease (screen->fd, objects, 3, O_CLOEXEC, &lessee);
  fail_unless (fd >= 0);
  g_object_set (get_sink (pipeline), "fd", fd, NULL);
  play_to_end (pipeline);
  fail_unless_equals_uint64 (get_copied (pipeline), 0);
  fail_unless (screen_shows (screen) != screen->black);
  stop (pipeline, 0);
  close (fd);
  fail_unless_equals_int (drmDropMaster (screen->fd), 0);
}

GST_END_TEST;

GST_START_TEST (test_mode)
{
  GstElement *pipeline = make_pipeline (0, "videotestsrc num-buffers=5 ! "
      "video/x-raw,width=800,height=600,format=BGRx");
  gint width, height;

  if (!pipeline)
    return;
  g_object_set (get_sink (pipeline), "force-modesetting", TRUE, NULL);
  play_to_end (pipeline);
  g_object_get (get_sink (pipeline), "display-width", &width,
      "display-height", &height, NULL);
  fail_unless_equals_int (width, 800);
  fail_unless_equals_int (height, 600);
  fail_unless_equals_uint64 (get_copied (pipeline), 0);
  stop (pipeline, 0);
}

GST_END_TEST;

/* In the process that outlives all tests. */
static void
setup (void)
{
  guint i;

  gst_shrbuf_init_debug ();
  fail_unless (GST_ELEMENT_REGISTER (shrbufsink, NULL));
  for (i = 0; i < G_N_ELEMENTS (drivers); i++) {
    present[i] = screen_open (&screens[i], drivers[i]);
    if (!present[i])
      g_print ("There is no display of %s: its tests are skipped.\n",
          drivers[i]);
  }
}

static Suite *
sink_suite (void)
{
  gint nr = G_N_ELEMENTS (drivers);
  Suite *suite = suite_create ("sink");
  TCase *tests = tcase_create ("sink");

  tcase_add_unchecked_fixture (tests, setup, NULL);
  suite_add_tcase (suite, tests);
  tcase_add_loop_test (tests, test_software, 0, nr);
  tcase_add_loop_test (tests, test_foreign_memory, 0, nr);
  tcase_add_loop_test (tests, test_camera, 0, nr);
  tcase_add_loop_test (tests, test_stride, 0, nr);
  tcase_add_test (tests, test_too_small);
  tcase_add_test (tests, test_picture);
  tcase_add_test (tests, test_picture_in_the_middle);
  tcase_add_test (tests, test_picture_in_rectangle);
  tcase_add_test (tests, test_picture_copied);
  tcase_add_loop_test (tests, test_states, 0, nr);
  tcase_add_test (tests, test_wrong_properties);
  tcase_add_test (tests, test_lost_master);
  tcase_add_test (tests, test_lease);
  tcase_add_test (tests, test_mode);
  return suite;
}

GST_CHECK_MAIN (sink);
