// SPDX-License-Identifier: GPL-2.0
/*
 * fusionsink and fusionsrc: how worlds are found, what errors say, states, flushes and
 * leaks.
 */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>

#include "fusion-process.h"

#define PUBLISH "videotestsrc is-live=true ! " \
    "video/x-raw,format=RGBx,width=64,height=32,framerate=30/1 ! fusionsink "
#define SINK " ! fakesink name=sink signal-handoffs=true sync=false"

/* in milliseconds */
#define PATIENCE 60000

static gchar *
socket_path (const gchar * name)
{
  return g_strdup_printf ("%s/fusion-%s", g_getenv ("XDG_RUNTIME_DIR"), name);
}

static GstElement *
start (const gchar * line, GstState state)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  fail_unless (pipeline && !error, "%s", error ? error->message : line);
  fail_if (gst_element_set_state (pipeline, state) == GST_STATE_CHANGE_FAILURE);
  return pipeline;
}

static void
stop (GstElement * pipeline)
{
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
}

static GstMessage *
wait_message (GstElement * pipeline, GstMessageType types)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus,
      PATIENCE * GST_MSECOND, types);

  gst_object_unref (bus);
  fail_unless (message != NULL);
  return message;
}

/* The first error is that of a certain kind, and says this. */
static void
expect_error (GstElement * pipeline, gint code, const gchar * says)
{
  GstMessage *message = wait_message (pipeline, GST_MESSAGE_ERROR);
  GError *error;

  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s",
      error->message);
  fail_unless (strstr (error->message, says) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
}

/* A line that fails as soon as it is started. */
static void
expect_no_start (const gchar * line, gint code, const gchar * says)
{
  GstElement *pipeline = gst_parse_launch (line, NULL);

  fail_unless (pipeline != NULL);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  expect_error (pipeline, code, says);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

/* where worlds are */

GST_START_TEST (test_receiver_before_publisher)
{
  GstElement *pipeline;
  Process receiver;
  Frame frame;

  process_start (&receiver, "fusionsrc world=test "
      "connection-timeout=18446744073709551615" SINK);
  g_usleep (G_USEC_PER_SEC / 2);
  pipeline = start (PUBLISH "world=test", GST_STATE_PLAYING);
  process_wait_frame (&receiver, &frame);
  process_end (&receiver);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_abstract_socket_and_path)
{
  static const gchar *types[] = { "abstract", "path" };
  GstElement *pipeline;
  gchar *line = g_strdup_printf (PUBLISH "socket-path=%s/x socket-type=%s",
      g_getenv ("XDG_RUNTIME_DIR"), types[__i__]);
  gchar *path = g_strdup_printf ("%s/x", g_getenv ("XDG_RUNTIME_DIR"));
  Process receiver;
  Frame frame;

  pipeline = start (line, GST_STATE_PLAYING);
  fail_unless_equals_int (g_file_test (path, G_FILE_TEST_EXISTS), __i__);
  process_start (&receiver, "fusionsrc socket-path=%s socket-type=%s" SINK,
      path, types[__i__]);
  process_wait_frame (&receiver, &frame);
  process_end (&receiver);
  stop (pipeline);
  fail_if (g_file_test (path, G_FILE_TEST_EXISTS));
  g_free (line);
  g_free (path);
}

GST_END_TEST;

GST_START_TEST (test_by_file_descriptor)
{
  GstElement *pipeline = start (PUBLISH "name=pub", GST_STATE_PLAYING);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "pub");
  Process receiver;
  gint fd, copy;
  Frame frame;

  g_object_get (sink, "fd", &fd, NULL);
  fail_unless (fd >= 0);
  /* without FD_CLOEXEC */
  copy = dup (fd);
  process_start (&receiver, "fusionsrc fd=%d" SINK, copy);
  process_wait_frame (&receiver, &frame);
  process_end (&receiver);
  close (copy);
  gst_object_unref (sink);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_mode_of_the_socket)
{
  gchar *path = socket_path ("test");
  mode_t mask = umask (077);
  GstElement *pipeline;
  struct stat st;

  pipeline = start (PUBLISH "world=test socket-mode=432", GST_STATE_PAUSED);
  fail_if (stat (path, &st));
  fail_unless_equals_int (st.st_mode & 07777, 0660);
  stop (pipeline);
  pipeline = start (PUBLISH "world=test", GST_STATE_PAUSED);
  fail_if (stat (path, &st));
  fail_unless_equals_int (st.st_mode & 07777, 0600);
  stop (pipeline);
  umask (mask);
  g_free (path);
}

GST_END_TEST;

GST_START_TEST (test_wait_for_connection)
{
  GstElement *pipeline = start ("videotestsrc ! fusionsink name=pub world=test "
      "wait-for-connection=true sync=false", GST_STATE_PLAYING);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "pub");
  GstStructure *stats;
  guint64 published;
  Process receiver;
  Frame frame;

  g_usleep (G_USEC_PER_SEC / 2);
  g_object_get (sink, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "published", &published));
  gst_structure_free (stats);
  fail_unless_equals_uint64 (published, 0);
  /* while it waits it can be paused, and end */
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  process_start (&receiver, "fusionsrc world=test" SINK);
  process_wait_frame (&receiver, &frame);
  process_end (&receiver);
  gst_object_unref (sink);
  stop (pipeline);
  pipeline = start ("videotestsrc ! fusionsink world=test "
      "wait-for-connection=true", GST_STATE_PLAYING);
  stop (pipeline);
}

GST_END_TEST;

/* errors */

GST_START_TEST (test_errors_of_names)
{
  GstElement *pipeline;
  gchar *path = socket_path ("file");
  gint fd;

  expect_no_start ("fusionsrc world=nobody ! fakesink",
      GST_RESOURCE_ERROR_NOT_FOUND, "Start fusionsink there first");
  expect_no_start ("fusionsrc ! fakesink", GST_RESOURCE_ERROR_SETTINGS,
      "set world");
  expect_no_start ("fusionsrc world=a/b ! fakesink",
      GST_RESOURCE_ERROR_SETTINGS, "without \"/\"");
  expect_no_start
      ("fusionsrc world=01234567890123456789012345678901 ! fakesink",
      GST_RESOURCE_ERROR_SETTINGS, "1 to 31 bytes");
  expect_no_start ("fusionsrc fd=9999 ! fakesink", GST_RESOURCE_ERROR_SETTINGS,
      "no file descriptor of a world");
  expect_no_start ("fusionsrc fd=0 ! fakesink", GST_RESOURCE_ERROR_SETTINGS,
      "no file descriptor of a world");
  expect_no_start ("fusionsrc socket-type=anonymous world=a ! fakesink",
      GST_RESOURCE_ERROR_SETTINGS, "path or abstract");
  fd = g_creat (path, 0600);
  close (fd);
  expect_no_start (PUBLISH "world=file", GST_RESOURCE_ERROR_OPEN_WRITE,
      "is not a socket");
  expect_no_start (PUBLISH "socket-path=/nowhere/x",
      GST_RESOURCE_ERROR_OPEN_WRITE, "Set socket-path");
  pipeline = start (PUBLISH "world=test max-clients=1", GST_STATE_PLAYING);
  expect_no_start (PUBLISH "world=test", GST_RESOURCE_ERROR_BUSY,
      "Take another name");
  stop (pipeline);
  g_free (path);
}

GST_END_TEST;

GST_START_TEST (test_too_many_receivers)
{
  GstElement *pipeline = start (PUBLISH "world=test max-clients=1",
      GST_STATE_PLAYING);
  GstElement *receiver = start ("fusionsrc world=test ! fakesink",
      GST_STATE_PLAYING);

  expect_no_start ("fusionsrc world=test ! fakesink",
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "max-clients");
  stop (receiver);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_somebody_else_listens)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX };
  gint fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gchar *path = socket_path ("other");

  strcpy (address.sun_path, path);
  fail_if (bind (fd, (struct sockaddr *) &address, sizeof (address)));
  fail_if (listen (fd, 1));
  expect_no_start ("fusionsrc world=other ! fakesink",
      GST_RESOURCE_ERROR_OPEN_READ, "is no fusionsink");
  expect_no_start (PUBLISH "world=other", GST_RESOURCE_ERROR_BUSY,
      "Take another name");
  close (fd);
  g_free (path);
}

GST_END_TEST;

/* In a process of another user. */
GST_START_TEST (test_permissions)
{
  GstElement *pipeline = start (PUBLISH "world=test", GST_STATE_PLAYING);
  struct passwd *nobody = getpwnam ("nobody");
  gchar *path = socket_path ("test");
  struct sockaddr_un address = {.sun_family = AF_UNIX };
  pid_t pid;
  gint fd, status;

  fail_unless (nobody != NULL);
  strcpy (address.sun_path, path);
  pid = fork ();
  if (!pid) {
    fd = socket (AF_UNIX, SOCK_SEQPACKET, 0);
    if (setresgid (nobody->pw_gid, nobody->pw_gid, nobody->pw_gid)
        || setresuid (nobody->pw_uid, nobody->pw_uid, nobody->pw_uid))
      _exit (2);
    _exit (connect (fd, (struct sockaddr *) &address, sizeof (address)) == -1
        && errno == EACCES ? 0 : 1);
  }
  fail_unless_equals_int (waitpid (pid, &status, 0), pid);
  fail_unless_equals_int (status, 0);
  /* the same as fusionsrc says it */
  pid = fork ();
  if (!pid) {
    if (setresgid (nobody->pw_gid, nobody->pw_gid, nobody->pw_gid)
        || setresuid (nobody->pw_uid, nobody->pw_uid, nobody->pw_uid))
      _exit (2);
    expect_no_start ("fusionsrc world=test ! fakesink",
        GST_RESOURCE_ERROR_NOT_AUTHORIZED, "socket-mode");
    _exit (0);
  }
  fail_unless_equals_int (waitpid (pid, &status, 0), pid);
  fail_unless_equals_int (status, 0);
  stop (pipeline);
  g_free (path);
}

GST_END_TEST;

/* states */

GST_START_TEST (test_cancel_while_waiting)
{
  GstElement *pipeline, *publisher;

  /* for a publisher */
  pipeline = start ("fusionsrc world=nobody "
      "connection-timeout=18446744073709551615 ! fakesink", GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC / 5);
  stop (pipeline);
  /* for a frame of a publisher that has none */
  publisher =
      start ("fakesrc num-buffers=0 ! fusionsink world=test async=false",
      GST_STATE_PLAYING);
  pipeline = start ("fusionsrc world=test ! fakesink", GST_STATE_PLAYING);
  g_usleep (G_USEC_PER_SEC / 5);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  stop (pipeline);
  stop (publisher);
}

GST_END_TEST;

GST_START_TEST (test_200_times_without_a_leak)
{
  GstElement *publisher, *receiver, *src;
  GstStructure *stats;
  guint64 received;
  guint fds = 0, i;

  publisher = gst_parse_launch (PUBLISH "world=test", NULL);
  receiver = gst_parse_launch ("fusionsrc name=src world=test ! "
      "fakesink sync=false", NULL);
  src = gst_bin_get_by_name (GST_BIN (receiver), "src");
  for (i = 0; i < 200; i++) {
    fail_if (gst_element_set_state (publisher, GST_STATE_PLAYING)
        == GST_STATE_CHANGE_FAILURE);
    fail_if (gst_element_set_state (receiver, GST_STATE_PLAYING)
        == GST_STATE_CHANGE_FAILURE);
    received = i % 20;
    while (!received) {
      g_usleep (1000);
      g_object_get (src, "stats", &stats, NULL);
      gst_structure_get_uint64 (stats, "received", &received);
      gst_structure_free (stats);
    }
    /* each one first half of the times */
    gst_element_set_state (i & 1 ? publisher : receiver, GST_STATE_NULL);
    gst_element_set_state (i & 1 ? receiver : publisher, GST_STATE_NULL);
    if (i == 10)
      fds = count_fds ();
  }
  fail_unless_equals_int (count_fds (), fds);
  gst_object_unref (src);
  gst_object_unref (receiver);
  gst_object_unref (publisher);
}

GST_END_TEST;

GST_START_TEST (test_publisher_seeks)
{
  GstElement *pipeline = start ("videotestsrc ! "
      "video/x-raw,format=RGBx,width=64,height=32,framerate=30/1 ! "
      "fusionsink world=test", GST_STATE_PLAYING);
  guint64 before;
  Process receiver;
  Frame frame;

  process_start (&receiver, "fusionsrc world=test" SINK);
  process_wait_frame (&receiver, &frame);
  process_wait_offset (&receiver, 10, &frame);
  before = frame.time;
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 100 * GST_SECOND));
  process_wait_offset (&receiver, 3000, &frame);
  /* its time goes on as the clock does */
  fail_unless (frame.time > before);
  fail_unless (frame.time < before + 60 * GST_SECOND);
  /* the end */
  fail_unless (gst_element_seek (pipeline, 1, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          GST_SECOND));
  g_free (process_wait (&receiver, "eos"));
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_EOS));
  process_end (&receiver);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_short_stream_arrives_whole)
{
  GstElement *pipeline = start ("videotestsrc num-buffers=2 ! fusionsink "
      "world=test wait-for-connection=true sync=false", GST_STATE_PLAYING);
  Process receiver;
  Frame frame;

  process_start (&receiver, "fusionsrc world=test" SINK);
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_EOS));
  stop (pipeline);
  process_wait_frame (&receiver, &frame);
  fail_unless_equals_uint64 (frame.offset, 0);
  process_wait_frame (&receiver, &frame);
  fail_unless_equals_uint64 (frame.offset, 1);
  g_free (process_wait (&receiver, "eos"));
  process_end (&receiver);
}

GST_END_TEST;

GST_START_TEST (test_receiver_pauses)
{
  GstElement *pipeline = start (PUBLISH "world=test", GST_STATE_PLAYING);
  Process receiver;
  Frame frame, later;

  process_start (&receiver, "fusionsrc world=test" SINK);
  process_wait_frame (&receiver, &frame);
  process_tell (&receiver, "pause");
  process_tell (&receiver, "play");
  process_wait_offset (&receiver, frame.offset + 20, &later);
  process_end (&receiver);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GstElement *pipeline =
      start (PUBLISH "name=pub world=test", GST_STATE_PLAYING);
  GstElement *receiver = start ("fusionsrc name=src world=test ! fakesink",
      GST_STATE_PLAYING);
  GstElement *src = gst_bin_get_by_name (GST_BIN (receiver), "src");
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min, max, deadline;
  GstElement *sink;
  gboolean live;
  guint i = 0;

  gst_message_unref (wait_message (receiver, GST_MESSAGE_LATENCY));
  /* that of a live videotestsrc is one frame, and the sink allows for some work */
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "pub");
  g_object_get (sink, "processing-deadline", &deadline, NULL);
  gst_object_unref (sink);
  do {
    fail_unless (i++ < PATIENCE / 10);
    g_usleep (10000);
    fail_unless (gst_element_query (src, query));
    gst_query_parse_latency (query, &live, &min, &max);
  } while (min != GST_SECOND / 30 + deadline);
  fail_unless (live);
  fail_unless (max > min && GST_CLOCK_TIME_IS_VALID (max));
  gst_query_unref (query);
  gst_object_unref (src);
  stop (receiver);
  stop (pipeline);
}

GST_END_TEST;

static gboolean
setup_runtime_dir (void)
{
  gchar *dir = g_dir_make_tmp ("gst-fusion-XXXXXX", NULL);

  return dir && !g_chmod (dir, 0755) && g_setenv ("XDG_RUNTIME_DIR", dir, TRUE);
}

static Suite *
fusion_life_suite (void)
{
  Suite *suite = suite_create ("fusion-life");
  TCase *tcase = tcase_create ("fusion-life");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_receiver_before_publisher);
  tcase_add_loop_test (tcase, test_abstract_socket_and_path, 0, 2);
  tcase_add_test (tcase, test_by_file_descriptor);
  tcase_add_test (tcase, test_mode_of_the_socket);
  tcase_add_test (tcase, test_wait_for_connection);
  tcase_add_test (tcase, test_errors_of_names);
  tcase_add_test (tcase, test_too_many_receivers);
  tcase_add_test (tcase, test_somebody_else_listens);
  tcase_add_test (tcase, test_permissions);
  tcase_add_test (tcase, test_cancel_while_waiting);
  tcase_add_test (tcase, test_200_times_without_a_leak);
  tcase_add_test (tcase, test_publisher_seeks);
  tcase_add_test (tcase, test_short_stream_arrives_whole);
  tcase_add_test (tcase, test_receiver_pauses);
  tcase_add_test (tcase, test_latency);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_check_init (&argc, &argv);
  if (!setup_runtime_dir ())
    return 1;
  return gst_check_run_suite (fusion_life_suite (), "fusion-life", __FILE__);
}
