// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufroute and its device provider, with vivid and vkms.
 *
 * Environment:
 *   TEST_TIMES=N   how often to go to PLAYING and back, instead of 200 times
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>
#include <shrbuf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define VIVID "/sys/bus/platform/drivers/vivid/"
/* No real wait is as long. */
#define TIMEOUT (60 * GST_SECOND)

/* A display that is on, and stays on: vkms can lock up when its CRTC is switched off. */
static gint display = -1;
static gchar *card;
static gchar *camera;

/* what is there */

static gboolean
write_file (const gchar * path, const gchar * text)
{
  gint fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean ret = fd >= 0
      && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);
  return ret;
}

static gboolean
is_driver (gint fd, const gchar * name)
{
  drmVersionPtr version = drmGetVersion (fd);
  gboolean ret = version && g_str_equal (version->name, name);

  drmFreeVersion (version);
  return ret;
}

static gboolean
find_display (void)
{
  glob_t found;
  gsize i;

  if (glob ("/dev/dri/card*", 0, NULL, &found))
    return FALSE;
  for (i = 0; i < found.gl_pathc && !card; i++) {
    display = open (found.gl_pathv[i], O_RDWR | O_CLOEXEC);
    if (display >= 0 && is_driver (display, "vkms"))
      card = g_strdup (found.gl_pathv[i]);
    else
      close (display);
  }
  globfree (&found);
  return card && shrbuf_display_set_mode (display, 0, 640, 480) == 0
      && drmDropMaster (display) == 0
      && write_file ("/sys/module/drm/parameters/vblankoffdelay", "0");
}

/* The capture device of the first vivid. */
static gchar *
find_camera (const gchar * wanted)
{
  gchar *name, *dir, *ret = NULL;
  glob_t found;
  gsize i;

  if (glob ("/sys/class/video4linux/video*/name", 0, NULL, &found))
    return NULL;
  for (i = 0; i < found.gl_pathc && !ret; i++) {
    if (!g_file_get_contents (found.gl_pathv[i], &name, NULL, NULL))
      continue;
    dir = g_path_get_dirname (found.gl_pathv[i]);
    if (g_str_equal (g_strstrip (name), wanted))
      ret = g_strconcat ("/dev/", strrchr (dir, '/') + 1, NULL);
    g_free (dir);
    g_free (name);
  }
  globfree (&found);
  return ret;
}

/* pipelines */

typedef struct
{
  GstElement *pipeline;
  GstElement *route;
  GstElement *sink;
  GstBus *bus;
} Scene;

/* A pipeline whose route is called r and whose sink is called s, if it has one. */
static void
scene_make (Scene * scene, const gchar * properties, const gchar * rest)
{
  gchar *line = g_strdup_printf ("shrbufroute name=r device=%s drm-device=%s "
      "caps=video/x-raw,format=BGRx,width=640,height=480,framerate=25/1 %s %s",
      camera, card, properties, rest);
  GError *error = NULL;

  scene->pipeline = gst_parse_launch (line, &error);
  fail_unless (scene->pipeline && !error, "%s: %s", line,
      error ? error->message : "");
  /* one element is not in a pipeline of its own */
  if (!GST_IS_PIPELINE (scene->pipeline)) {
    GstElement *element = scene->pipeline;

    scene->pipeline = gst_pipeline_new (NULL);
    gst_bin_add (GST_BIN (scene->pipeline), element);
  }
  scene->route = gst_bin_get_by_name (GST_BIN (scene->pipeline), "r");
  scene->sink = gst_bin_get_by_name (GST_BIN (scene->pipeline), "s");
  scene->bus = gst_element_get_bus (scene->pipeline);
  g_free (line);
}

/* Waits for a message of this type, and for an element message of this name. */
static GstMessage *
wait_message (Scene * scene, GstMessageType type, const gchar * name)
{
  GstMessage *message;
  GError *error = NULL;

  for (;;) {
    message = gst_bus_timed_pop_filtered (scene->bus, TIMEOUT,
        type | GST_MESSAGE_ERROR);
    fail_unless (message != NULL, "there is no message %s",
        name ? name : gst_message_type_get_name (type));
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR
        && type != GST_MESSAGE_ERROR) {
      gst_message_parse_error (message, &error, NULL);
      fail ("%s", error->message);
    }
    if (!name || gst_message_has_name (message, name))
      return message;
    gst_message_unref (message);
  }
}

static void
play (Scene * scene)
{
  GstMessage *message;

  if (gst_element_set_state (scene->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE)
    gst_message_unref (wait_message (scene, GST_MESSAGE_EOS, NULL));
  fail_unless (gst_element_get_state (scene->route, NULL, NULL, TIMEOUT)
      != GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (scene->bus, GST_MESSAGE_ERROR);
  fail_unless (message == NULL);
}

static void
scene_end (Scene * scene)
{
  gst_element_set_state (scene->pipeline, GST_STATE_NULL);
  gst_object_unref (scene->bus);
  gst_object_unref (scene->route);
  gst_clear_object (&scene->sink);
  gst_object_unref (scene->pipeline);
}

/* statistics */

/* A number of a part of the route. -1: there is no such part. */
static gint64
get_stat (Scene * scene, const gchar * part, const gchar * name)
{
  GstStructure *stats, *one = NULL;
  guint64 ret = 0;
  guint small;

  g_object_get (scene->route, "stats", &stats, NULL);
  fail_unless (stats != NULL);
  if (gst_structure_has_field (stats, part))
    fail_unless (gst_structure_get (stats, part, GST_TYPE_STRUCTURE, &one,
            NULL));
  gst_structure_free (stats);
  if (!one)
    return -1;
  if (gst_structure_get_uint (one, name, &small))
    ret = small;
  else
    fail_unless (gst_structure_get_uint64 (one, name, &ret), "no %s of %s",
        name, part);
  gst_structure_free (one);
  return ret;
}

static void
wait_stat (Scene * scene, const gchar * part, const gchar * name, gint64 least)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT / GST_USECOND, now;

  while ((now = get_stat (scene, part, name)) < least) {
    fail_unless (g_get_monotonic_time () < end, "%s of %s is %" G_GINT64_FORMAT
        ", not %" G_GINT64_FORMAT, name, part, now, least);
    g_usleep (10000);
  }
}

/* Nothing taps the route any more. */
static void
wait_no_tap (Scene * scene)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT / GST_USECOND;

  while (get_stat (scene, "tap", "frames") >= 0) {
    fail_unless (g_get_monotonic_time () < end, "the tap stays");
    g_usleep (10000);
  }
}

static void
wait_shown (Scene * scene, gint64 more)
{
  wait_stat (scene, "display", "shown",
      MAX (get_stat (scene, "display", "shown"), 0) + more);
}

/* frames */

/* What a sink got: the last ones first. */
static GMutex frames_lock;
static GCond frames_cond;
static GList *frames;
static guint frames_wanted;
static guint frames_seen;

/* Keeps so many frames, and lets the others go. */
static void
on_frame (GstElement * sink G_GNUC_UNUSED, GstBuffer * buffer,
    GstPad * pad G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
  g_mutex_lock (&frames_lock);
  frames_seen++;
  if (frames_wanted) {
    frames = g_list_prepend (frames, gst_buffer_ref (buffer));
    frames_wanted--;
  }
  g_cond_broadcast (&frames_cond);
  g_mutex_unlock (&frames_lock);
}

static void
keep_frames (Scene * scene, guint number)
{
  frames_wanted = number;
  frames_seen = 0;
  g_object_set (scene->sink, "signal-handoffs", TRUE, "enable-last-sample",
      FALSE, NULL);
  g_signal_connect (scene->sink, "handoff", G_CALLBACK (on_frame), NULL);
}

static void
wait_frames (guint number)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT / GST_USECOND;

  g_mutex_lock (&frames_lock);
  while (frames_seen < number)
    fail_unless (g_cond_wait_until (&frames_cond, &frames_lock, end),
        "%u of %u frames came", frames_seen, number);
  g_mutex_unlock (&frames_lock);
}

static void
drop_frames (void)
{
  g_mutex_lock (&frames_lock);
  frames_wanted = 0;
  g_list_free_full (frames, (GDestroyNotify) gst_buffer_unref);
  frames = NULL;
  g_mutex_unlock (&frames_lock);
}

/* vivid draws bars: the left one is white, the right one is black. */
static void
check_picture (GstBuffer * buffer)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  const guint8 *line;
  GstVideoInfo info;
  GstVideoFrame frame;
  guint i;

  fail_unless (meta != NULL);
  fail_unless_equals_int (meta->format, GST_VIDEO_FORMAT_BGRx);
  fail_unless_equals_int (meta->stride[0], 640 * 4);
  fail_unless (gst_is_dmabuf_memory (gst_buffer_peek_memory (buffer, 0)));
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_BGRx, 640, 480);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  line =
      (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) + 470 * 640 * 4;
  for (i = 0; i < 3; i++) {
    fail_unless (line[20 * 4 + i] > 0xa0, "%u", line[20 * 4 + i]);
    fail_unless (line[630 * 4 + i] < 0x20, "%u", line[630 * 4 + i]);
  }
  gst_video_frame_unmap (&frame);
}

/* tests */

GST_START_TEST (test_display_alone)
{
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;
  Scene scene;

  scene_make (&scene, "", "");
  fail_unless_equals_int (get_stat (&scene, "display", "shown"), -1);
  play (&scene);
  wait_shown (&scene, 10);
  fail_unless (get_stat (&scene, "camera", "frames") >= 10);
  fail_unless_equals_int (get_stat (&scene, "tap", "frames"), -1);
  fail_unless (gst_element_query (scene.pipeline, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  fail_unless (live);
  fail_unless_equals_uint64 (min, GST_SECOND / 25);
  gst_query_unref (query);
  /* it is over for the pipeline, too */
  fail_unless (gst_element_send_event (scene.pipeline, gst_event_new_eos ()));
  gst_message_unref (wait_message (&scene, GST_MESSAGE_EOS, NULL));
  gst_element_set_state (scene.pipeline, GST_STATE_NULL);
  fail_unless_equals_int (get_stat (&scene, "display", "shown"), -1);
  scene_end (&scene);
}

GST_END_TEST;

GST_START_TEST (test_pause)
{
  gint64 shown;
  Scene scene;

  scene_make (&scene, "", "! fakesink name=s sync=false async=false");
  keep_frames (&scene, 0);
  play (&scene);
  wait_frames (5);
  fail_unless (gst_element_set_state (scene.pipeline, GST_STATE_PAUSED)
      != GST_STATE_CHANGE_FAILURE);
  shown = get_stat (&scene, "camera", "frames");
  g_usleep (200000);
  fail_unless_equals_int64 (get_stat (&scene, "camera", "frames"), shown);
  play (&scene);
  wait_shown (&scene, 5);
  wait_frames (frames_seen + 5);
  scene_end (&scene);
}

GST_END_TEST;

GST_START_TEST (test_tap_gives_pictures)
{
  GstClockTime last = GST_CLOCK_TIME_NONE, now;
  GstClock *clock;
  GstCaps *caps;
  Scene scene;
  GList *l;

  scene_make (&scene, "", "! fakesink name=s sync=false");
  keep_frames (&scene, 3);
  play (&scene);
  wait_frames (10);
  clock = gst_element_get_clock (scene.route);
  now = gst_clock_get_time (clock) - gst_element_get_base_time (scene.route);
  gst_object_unref (clock);
  caps = gst_pad_get_current_caps (GST_PAD (scene.sink->sinkpads->data));
  g_mutex_lock (&frames_lock);
  fail_unless_equals_int (g_list_length (frames), 3);
  for (l = frames; l; l = l->next) {
    check_picture (l->data);
    fail_unless (GST_BUFFER_PTS (l->data) < now);
    fail_unless (GST_BUFFER_PTS (l->data) < last);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (l->data), GST_SECOND / 25);
    last = GST_BUFFER_PTS (l->data);
  }
  g_mutex_unlock (&frames_lock);
  fail_unless (gst_structure_has_field_typed (gst_caps_get_structure (caps, 0),
          "framerate", GST_TYPE_FRACTION));
  gst_caps_unref (caps);
  drop_frames ();
  scene_end (&scene);
}

GST_END_TEST;

/* What is linked can choose the size. */
GST_START_TEST (test_negotiation)
{
  gint width = 0, height = 0;
  GstElement *filter;
  GstCaps *caps;
  Scene scene;

  scene_make (&scene, "", "! capsfilter name=f caps=video/x-raw,width=320 "
      "! fakesink name=s sync=false");
  g_object_set (scene.route, "caps", NULL, NULL);
  keep_frames (&scene, 0);
  play (&scene);
  wait_frames (3);
  filter = gst_bin_get_by_name (GST_BIN (scene.pipeline), "f");
  caps = gst_pad_get_current_caps (GST_PAD (filter->srcpads->data));
  fail_unless (gst_structure_get (gst_caps_get_structure (caps, 0), "width",
          G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL));
  fail_unless_equals_int (width, 320);
  fail_unless_equals_int (height, 180);
  gst_caps_unref (caps);
  gst_object_unref (filter);
  wait_shown (&scene, 3);
  scene_end (&scene);
}

GST_END_TEST;

/* The pipeline stands still, the display goes on, and the bus says what is left out. */
GST_START_TEST (test_slow_tap)
{
  const GstStructure *s = NULL;
  GstMessage *message;
  guint64 newer, held;
  Scene scene;

  scene_make (&scene, "report-interval=50", "! fakesink name=s sync=false");
  keep_frames (&scene, G_MAXUINT);
  play (&scene);
  /* all that it may have */
  wait_stat (&scene, "tap", "held", 4);
  wait_shown (&scene, 30);
  do {
    message = wait_message (&scene, GST_MESSAGE_ELEMENT, "shrbufroute-dropped");
    s = gst_message_get_structure (message);
    fail_unless (gst_structure_get_uint64 (s, "newer", &newer));
    fail_unless (gst_structure_get_uint64 (s, "held", &held));
    fail_unless (newer || held);
    newer = g_str_equal (gst_structure_get_string (s, "part"), "tap");
    gst_message_unref (message);
  } while (!newer);
  fail_unless (get_stat (&scene, "tap", "shown") <= 5);
  fail_unless (get_stat (&scene, "tap", "dropped-held") > 0);
  /* as soon as there is room it goes on */
  drop_frames ();
  wait_frames (10);
  scene_end (&scene);
}

GST_END_TEST;

GST_START_TEST (test_every_frame)
{
  Scene scene;

  scene_make (&scene, "tap=every",
      "! identity sleep-time=100000 ! fakesink name=s sync=false");
  keep_frames (&scene, 0);
  play (&scene);
  wait_frames (20);
  fail_unless_equals_int (get_stat (&scene, "tap", "dropped-newer"), 0);
  fail_unless_equals_int (get_stat (&scene, "tap", "dropped-held"), 0);
  fail_unless (get_stat (&scene, "display", "shown") > 0);
  scene_end (&scene);
}

GST_END_TEST;

/* The route gets a frame when the last part of its memory is gone, and not before. */
GST_START_TEST (test_given_back)
{
  GstBuffer *part = NULL;
  Scene scene;

  scene_make (&scene, "tap-buffers=1", "! fakesink name=s sync=false");
  keep_frames (&scene, 1);
  play (&scene);
  wait_frames (1);
  g_mutex_lock (&frames_lock);
  part = gst_buffer_copy_region (frames->data, GST_BUFFER_COPY_ALL, 4096, 4096);
  g_mutex_unlock (&frames_lock);
  drop_frames ();
  wait_shown (&scene, 10);
  fail_unless_equals_int (get_stat (&scene, "tap", "held"), 1);
  fail_unless_equals_int (frames_seen, 1);
  gst_buffer_unref (part);
  wait_frames (3);
  scene_end (&scene);
}

GST_END_TEST;

GST_START_TEST (test_frames_outlive_the_route)
{
  Scene scene;

  scene_make (&scene, "", "! fakesink name=s sync=false");
  keep_frames (&scene, 2);
  play (&scene);
  wait_frames (2);
  scene_end (&scene);
  check_picture (frames->data);
  drop_frames ();
}

GST_END_TEST;

/* Linked and unlinked while the display shows frames. */
GST_START_TEST (test_links_come_and_go)
{
  GstPad *src, *sink;
  Scene scene;
  guint i;

  scene_make (&scene, "tap=every", "! fakesink name=s sync=false async=false");
  keep_frames (&scene, 0);
  play (&scene);
  src = gst_element_get_static_pad (scene.route, "src");
  sink = gst_element_get_static_pad (scene.sink, "sink");
  for (i = 0; i < 5; i++) {
    wait_frames (frames_seen + 3);
    fail_unless (gst_pad_unlink (src, sink));
    /* the sink keeps the last one */
    gst_element_set_state (scene.sink, GST_STATE_READY);
    wait_shown (&scene, 3);
    wait_no_tap (&scene);
    gst_element_set_state (scene.sink, GST_STATE_PLAYING);
    fail_unless_equals_int (gst_pad_link (src, sink), GST_PAD_LINK_OK);
  }
  wait_frames (frames_seen + 3);
  gst_object_unref (src);
  gst_object_unref (sink);
  scene_end (&scene);
}

GST_END_TEST;

GST_START_TEST (test_end_of_stream)
{
  Scene scene;

  scene_make (&scene, "num-buffers=5", "! fakesink name=s sync=false");
  keep_frames (&scene, 0);
  play (&scene);
  gst_message_unref (wait_message (&scene, GST_MESSAGE_EOS, NULL));
  fail_unless_equals_int (frames_seen, 5);
  scene_end (&scene);

  /* who wants no more does not end what the display shows */
  scene_make (&scene, "",
      "! identity eos-after=3 ! fakesink name=s sync=false");
  keep_frames (&scene, 0);
  play (&scene);
  wait_frames (2);
  wait_no_tap (&scene);
  wait_shown (&scene, 5);
  fail_unless (gst_element_send_event (scene.pipeline, gst_event_new_eos ()));
  gst_message_unref (wait_message (&scene, GST_MESSAGE_EOS, NULL));
  scene_end (&scene);
}

GST_END_TEST;

/* The display is somebody else's for a while. */
GST_START_TEST (test_master)
{
  GstMessage *message;
  gchar *fd;
  Scene scene;

  fail_unless_equals_int (drmSetMaster (display), 0);
  fd = g_strdup_printf ("fd=%d", display);
  scene_make (&scene, fd, "");
  g_free (fd);
  play (&scene);
  wait_shown (&scene, 3);
  fail_unless_equals_int (drmDropMaster (display), 0);
  message = wait_message (&scene, GST_MESSAGE_ELEMENT, "shrbufroute-paused");
  fail_unless (gst_structure_has_field_typed (gst_message_get_structure
          (message), "reason", G_TYPE_STRING));
  gst_message_unref (message);
  fail_unless_equals_int (drmSetMaster (display), 0);
  gst_message_unref (wait_message (&scene, GST_MESSAGE_ELEMENT,
          "shrbufroute-resumed"));
  wait_shown (&scene, 3);
  scene_end (&scene);
  fail_unless_equals_int (drmDropMaster (display), 0);
}

GST_END_TEST;

/* Another program has the display. */
GST_START_TEST (test_not_master)
{
  GstMessage *message;
  GError *error = NULL;
  Scene scene;

  fail_unless_equals_int (drmSetMaster (display), 0);
  scene_make (&scene, "", "");
  fail_unless_equals_int (gst_element_set_state (scene.pipeline,
          GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  message = wait_message (&scene, GST_MESSAGE_ERROR, NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NOT_AUTHORIZED), "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  scene_end (&scene);
  fail_unless_equals_int (drmDropMaster (display), 0);
}

GST_END_TEST;

GST_START_TEST (test_bad_properties)
{
  const struct
  {
    const gchar *properties;
    GQuark domain;
    gint code;
    const gchar *says;
  } cases[] = {
    {"device=/dev/video99", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no camera"},
    {"device=/dev/null", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "not a camera"},
    {"drm-device=/dev/null", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "not a display"},
    {"drm-device=/dev/dri/none", GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NOT_FOUND, "cannot be opened"},
    {"driver-name=none", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "driver none"},
    {"connector-id=123456", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "not a display that is connected"},
    {"caps=video/x-raw,width=3", GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
        "cannot do"},
    {"caps=video/x-raw,format=YUY2", GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_FAILED, "None of the formats"},
  };
  GstMessage *message;
  GError *error;
  Scene scene;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++) {
    scene_make (&scene, cases[i].properties, "");
    fail_unless_equals_int (gst_element_set_state (scene.pipeline,
            GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    message = wait_message (&scene, GST_MESSAGE_ERROR, NULL);
    error = NULL;
    gst_message_parse_error (message, &error, NULL);
    fail_unless (g_error_matches (error, cases[i].domain, cases[i].code),
        "%s: %s", cases[i].properties, error->message);
    fail_unless (strstr (error->message, cases[i].says) != NULL, "%s: %s",
        cases[i].properties, error->message);
    g_error_free (error);
    gst_message_unref (message);
    scene_end (&scene);
  }
}

GST_END_TEST;

/* Another program captures. */
GST_START_TEST (test_busy_camera)
{
  GstMessage *message;
  GError *error = NULL;
  Scene one, two;

  scene_make (&one, "", "");
  play (&one);
  scene_make (&two, "", "");
  gst_element_set_state (two.pipeline, GST_STATE_PLAYING);
  message = wait_message (&two, GST_MESSAGE_ERROR, NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless_equals_int (error->domain, GST_RESOURCE_ERROR);
  g_error_free (error);
  gst_message_unref (message);
  scene_end (&two);
  /* the first one has not noticed */
  wait_shown (&one, 5);
  scene_end (&one);
}

GST_END_TEST;

static guint
count_fds (void)
{
  DIR *dir = opendir ("/proc/self/fd");
  guint number = 0;

  fail_unless (dir != NULL);
  while (readdir (dir))
    number++;
  closedir (dir);
  return number;
}

GST_START_TEST (test_many_times)
{
  const guint times = g_getenv ("TEST_TIMES") ?
      (guint) atoi (g_getenv ("TEST_TIMES")) : 200;
  guint i, before = 0;
  Scene scene;

  scene_make (&scene, "", "! fakesink name=s sync=false async=false");
  keep_frames (&scene, 0);
  for (i = 0; i < times; i++) {
    play (&scene);
    if (i % 10 == 0)
      wait_frames (frames_seen + 1);
    fail_unless_equals_int (gst_element_set_state (scene.pipeline,
            GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    if (i == 2)
      before = count_fds ();
  }
  fail_unless_equals_int (count_fds (), before);
  scene_end (&scene);
}

GST_END_TEST;

static gint stop_reading;

static gpointer
read_stats (gpointer data)
{
  Scene *scene = data;
  GstStructure *stats;
  guint number = 0;

  while (!g_atomic_int_get (&stop_reading)) {
    g_object_get (scene->route, "stats", &stats, NULL);
    gst_structure_free (stats);
    number++;
  }
  return GUINT_TO_POINTER (number);
}

GST_START_TEST (test_properties_while_it_runs)
{
  GThread *thread;
  Scene scene;
  guint i;

  scene_make (&scene, "render-rectangle=<0,0,640,480>", "");
  g_atomic_int_set (&stop_reading, FALSE);
  thread = g_thread_new ("reader", read_stats, &scene);
  for (i = 0; i < 5; i++) {
    play (&scene);
    wait_shown (&scene, 2);
    gst_element_set_state (scene.pipeline, GST_STATE_NULL);
  }
  g_atomic_int_set (&stop_reading, TRUE);
  fail_unless (GPOINTER_TO_UINT (g_thread_join (thread)) > 0);
  scene_end (&scene);
}

GST_END_TEST;

/* devices */

static GstDevice *
find_device (GList * devices, const gchar * path)
{
  GstStructure *properties;
  GstDevice *ret = NULL;
  GList *l;

  for (l = devices; l && !ret; l = l->next) {
    properties = gst_device_get_properties (l->data);
    if (properties && !g_strcmp0 (gst_structure_get_string (properties,
                "device.api"), "shrbuf")
        && !g_strcmp0 (gst_structure_get_string (properties, "device.path"),
            path))
      ret = l->data;
    g_clear_pointer (&properties, gst_structure_free);
  }
  return ret;
}

/* Waits until a camera comes or goes. */
static void
wait_device (GstBus * bus, GstMessageType type, const gchar * path)
{
  GstMessage *message;
  GstDevice *device;
  gboolean found;
  GList *list;

  do {
    message = gst_bus_timed_pop_filtered (bus, TIMEOUT, type);
    fail_unless (message != NULL, "%s did not change", path);
    /* the filter lets all of the newer types pass */
    if (GST_MESSAGE_TYPE (message) != type) {
      gst_message_unref (message);
      found = FALSE;
      continue;
    }
    if (type == GST_MESSAGE_DEVICE_ADDED)
      gst_message_parse_device_added (message, &device);
    else
      gst_message_parse_device_removed (message, &device);
    list = g_list_prepend (NULL, device);
    found = find_device (list, path) != NULL;
    g_list_free (list);
    gst_object_unref (device);
    gst_message_unref (message);
  } while (!found);
}

GST_START_TEST (test_devices)
{
  GstDeviceMonitor *monitor = gst_device_monitor_new ();
  GstBus *bus = gst_device_monitor_get_bus (monitor);
  GstElement *element;
  GstDevice *device;
  GList *devices;
  GstCaps *caps;
  gchar *path;

  gst_device_monitor_add_filter (monitor, "Video/Source", NULL);
  fail_unless (gst_device_monitor_start (monitor));
  devices = gst_device_monitor_get_devices (monitor);
  device = find_device (devices, camera);
  fail_unless (device != NULL);
  caps = gst_device_get_caps (device);
  fail_unless (gst_caps_get_size (caps) > 10);
  gst_caps_unref (caps);
  element = gst_device_create_element (device, NULL);
  fail_unless (element != NULL);
  g_object_get (element, "device", &path, NULL);
  fail_unless_equals_string (path, camera);
  g_free (path);
  gst_object_unref (gst_object_ref_sink (element));
  g_list_free_full (devices, gst_object_unref);

  fail_unless (write_file (VIVID "unbind", "vivid.0"));
  wait_device (bus, GST_MESSAGE_DEVICE_REMOVED, camera);
  fail_unless (write_file (VIVID "bind", "vivid.0"));
  wait_device (bus, GST_MESSAGE_DEVICE_ADDED, camera);
  gst_device_monitor_stop (monitor);
  gst_object_unref (bus);
  gst_object_unref (monitor);
}

GST_END_TEST;

GST_START_TEST (test_unplugged)
{
  GstMessage *message;
  GError *error = NULL;
  Scene scene;

  scene_make (&scene, "", "! fakesink name=s sync=false");
  keep_frames (&scene, 1);
  play (&scene);
  wait_frames (3);
  fail_unless (write_file (VIVID "unbind", "vivid.0"));
  message = wait_message (&scene, GST_MESSAGE_ERROR, NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NOT_FOUND));
  fail_unless (g_str_has_prefix (error->message, "The camera has failed."),
      "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  /* what came before stays */
  check_picture (frames->data);
  drop_frames ();
  scene_end (&scene);
  fail_unless (write_file (VIVID "bind", "vivid.0"));
  /* it is there again */
  scene_make (&scene, "", "");
  play (&scene);
  wait_shown (&scene, 3);
  scene_end (&scene);
}

GST_END_TEST;

static Suite *
route_suite (void)
{
  Suite *s = suite_create ("route");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 0);
  tcase_add_test (tc, test_display_alone);
  tcase_add_test (tc, test_pause);
  tcase_add_test (tc, test_tap_gives_pictures);
  tcase_add_test (tc, test_negotiation);
  tcase_add_test (tc, test_slow_tap);
  tcase_add_test (tc, test_every_frame);
  tcase_add_test (tc, test_given_back);
  tcase_add_test (tc, test_frames_outlive_the_route);
  tcase_add_test (tc, test_links_come_and_go);
  tcase_add_test (tc, test_end_of_stream);
  tcase_add_test (tc, test_master);
  tcase_add_test (tc, test_not_master);
  tcase_add_test (tc, test_bad_properties);
  tcase_add_test (tc, test_busy_camera);
  tcase_add_test (tc, test_properties_while_it_runs);
  tcase_add_test (tc, test_many_times);
  tcase_add_test (tc, test_devices);
  tcase_add_test (tc, test_unplugged);
  return s;
}

int
main (int argc, char **argv)
{
  gst_check_init (&argc, &argv);
  /* for all tests, each of which has a process of its own */
  camera = find_camera ("vivid-000-vid-cap");
  if (!camera || !find_display ()) {
    g_printerr ("vivid or vkms is missing\n");
    return 1;
  }
  return gst_check_run_suite (route_suite (), "route", __FILE__);
}
