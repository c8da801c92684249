// SPDX-License-Identifier: GPL-2.0
/*
 * fusionsink and fusionsrc: what arrives in other processes, and what it costs the
 * publisher when they are slow, stopped or killed.
 *
 * The test itself publishes, with a harness or with a pipeline; receivers are processes of
 * their own. The pool that fusionsink proposes is limited, so a frame that does not come
 * back stops the test.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include <gst/allocators/gstdmabuf.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "fusion-process.h"

#define CAPS "video/x-raw,format=RGBx,width=66,height=32,framerate=30/1"
#define OTHER_CAPS "video/x-raw,format=RGB16,width=64,height=48,framerate=30/1"
#define RECEIVE "fusionsrc world=test connection-timeout=60000000000 "
#define SINK " ! fakesink name=sink signal-handoffs=true sync=false"

/* in milliseconds */
#define PATIENCE 60000

typedef struct
{
  GstHarness *h;
  GstElement *sink;
  GstBufferPool *pool;
  guint next;                   /* offset of the next frame */
} Publisher;

/* publisher */

static GstBufferPool *
take_proposed_pool (GstHarness * h, const gchar * text, guint max)
{
  GstCaps *caps = gst_caps_from_string (text);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  GstBufferPool *pool = NULL;
  GstStructure *config;
  guint size, min, proposed_max;

  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_get_n_allocation_pools (query) > 0);
  gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &min,
      &proposed_max);
  fail_unless (pool != NULL);
  fail_unless (min > 0 && min <= max);
  fail_unless_equals_int (proposed_max, 0);
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, size, min, max);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  fail_unless (gst_buffer_pool_set_active (pool, TRUE));
  gst_query_unref (query);
  gst_caps_unref (caps);
  return pool;
}

static void
publisher_start_at (Publisher * p, guint max, const gchar * properties)
{
  gchar *line = g_strdup_printf ("fusionsink sync=false %s", properties);

  p->h = gst_harness_new_parse (line);
  g_free (line);
  p->sink = gst_harness_find_element (p->h, "fusionsink");
  p->next = 0;
  gst_harness_set_src_caps_str (p->h, CAPS);
  p->pool = take_proposed_pool (p->h, CAPS, max);
}

static void
publisher_start (Publisher * p, guint max)
{
  publisher_start_at (p, max, "world=test");
}

static void
publisher_end (Publisher * p)
{
  gst_buffer_pool_set_active (p->pool, FALSE);
  gst_object_unref (p->pool);
  gst_object_unref (p->sink);
  gst_harness_teardown (p->h);
}

static void
fill (GstBuffer * buffer, guint offset)
{
  GstMapInfo map;
  gsize i;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (i = 0; i < map.size; i++)
    map.data[i] = i * 7 + offset * 31;
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_OFFSET (buffer) = offset;
  GST_BUFFER_PTS (buffer) = offset * GST_SECOND / 30;
  GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
}

static guint32
checksum (GstBuffer * buffer)
{
  guint32 sum = 2166136261;
  GstMapInfo map;
  gsize i;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
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

  fail_unless (gst_is_dmabuf_memory (memory));
  fail_if (fstat (gst_dmabuf_memory_get_fd (memory), &st));
  return st.st_ino;
}

/* The next frame, when the pool has a buffer. What it is, for who receives it. */
static void
publish (Publisher * p, Frame * frame)
{
  GstBuffer *buffer;

  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (p->pool, &buffer,
          NULL), GST_FLOW_OK);
  fill (buffer, p->next);
  if (frame) {
    frame->offset = p->next;
    frame->checksum = checksum (buffer);
    frame->inode = inode (buffer);
    frame->stride = gst_buffer_get_video_meta (buffer)->stride[0];
  }
  p->next++;
  fail_unless_equals_int (gst_harness_push (p->h, buffer), GST_FLOW_OK);
}

static guint64
stat_of (GstElement * element, const gchar * name)
{
  GstStructure *stats;
  guint64 value = 0;
  guint small;

  g_object_get (element, "stats", &stats, NULL);
  if (gst_structure_get_uint (stats, name, &small))
    value = small;
  else
    fail_unless (gst_structure_get_uint64 (stats, name, &value));
  gst_structure_free (stats);
  return value;
}

/* Waits until a number of the statistics is this one. */
static void
wait_stat (GstElement * element, const gchar * name, guint64 value)
{
  guint i;

  for (i = 0; stat_of (element, name) != value; i++) {
    fail_unless (i < PATIENCE / 10, "%s is still %" G_GUINT64_FORMAT, name,
        stat_of (element, name));
    g_usleep (10000);
  }
}

static void
expect_same (const Frame * frame, const Frame * sent)
{
  fail_unless_equals_uint64 (frame->offset, sent->offset);
  fail_unless_equals_int (frame->checksum, sent->checksum);
  fail_unless_equals_uint64 (frame->inode, sent->inode);
  fail_unless_equals_int (frame->stride, sent->stride);
  fail_if (frame->writable);
}

/* what arrives */

GST_START_TEST (test_the_same_memory_arrives)
{
  Frame sent, frame;
  Process a, b;
  Publisher p;
  guint i;

  publisher_start (&p, 5);
  process_start (&a, RECEIVE SINK);
  process_start (&b, RECEIVE SINK);
  wait_stat (p.sink, "clients", 2);
  for (i = 0; i < 20; i++) {
    publish (&p, &sent);
    process_wait_frame (&a, &frame);
    expect_same (&frame, &sent);
    process_wait_frame (&b, &frame);
    expect_same (&frame, &sent);
  }
  fail_unless_equals_uint64 (stat_of (p.sink, "published"), 20);
  fail_unless_equals_uint64 (stat_of (p.sink, "copied"), 0);
  /* only the newest one */
  wait_stat (p.sink, "in-flight", 1);
  process_end (&a);
  wait_stat (p.sink, "clients", 1);
  process_end (&b);
  wait_stat (p.sink, "clients", 0);
  publisher_end (&p);
}

GST_END_TEST;

GST_START_TEST (test_other_memory_is_copied_once)
{
  Frame sent = { }, frame;
  GstBuffer *buffer;
  Process receiver;
  Publisher p;
  guint i;

  publisher_start (&p, 4);
  process_start (&receiver, RECEIVE SINK);
  wait_stat (p.sink, "clients", 1);
  for (i = 0; i < 5; i++) {
    buffer = gst_buffer_new_allocate (NULL, 66 * 4 * 32, NULL);
    fill (buffer, i);
    sent.checksum = checksum (buffer);
    fail_unless_equals_int (gst_harness_push (p.h, buffer), GST_FLOW_OK);
    process_wait_frame (&receiver, &frame);
    fail_unless_equals_uint64 (frame.offset, i);
    fail_unless_equals_int (frame.checksum, sent.checksum);
    fail_unless_equals_int (frame.stride, 66 * 4);
    fail_unless (frame.inode != 0);
  }
  fail_unless_equals_uint64 (stat_of (p.sink, "copied"), 5);
  process_end (&receiver);
  publisher_end (&p);
}

GST_END_TEST;

GST_START_TEST (test_any_caps)
{
  GstHarness *h = gst_harness_new_parse ("fusionsink sync=false world=test");
  GstElement *sink = gst_harness_find_element (h, "fusionsink");
  GstCaps *caps = gst_caps_from_string ("application/x-test");
  GstQuery *query = gst_query_new_allocation (caps, TRUE);
  GstAllocator *allocator;
  GstBuffer *buffer;
  Process receiver;
  guint32 sum;
  Frame frame;
  gchar *text;
  guint i;

  gst_harness_set_src_caps_str (h, "application/x-test");
  process_start (&receiver, RECEIVE SINK);
  wait_stat (sink, "clients", 1);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  gst_query_parse_nth_allocation_param (query, 0, &allocator, NULL);
  fail_unless (allocator != NULL);
  /* plain memory, then what fusionsink proposes; sizes differ */
  for (i = 0; i < 6; i++) {
    buffer = gst_buffer_new_allocate (i < 3 ? NULL : allocator, 1000 + 500 * i,
        NULL);
    fill (buffer, i);
    sum = checksum (buffer);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
    if (!i) {
      text = process_wait (&receiver, "caps ");
      fail_unless_equals_string (text, "application/x-test");
      g_free (text);
    }
    process_wait_frame (&receiver, &frame);
    fail_unless_equals_uint64 (frame.offset, i);
    fail_unless_equals_int (frame.checksum, sum);
  }
  fail_unless_equals_uint64 (stat_of (sink, "copied"), 3);
  process_end (&receiver);
  gst_object_unref (allocator);
  gst_query_unref (query);
  gst_caps_unref (caps);
  gst_object_unref (sink);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_meta)
{
  GstCaps *reference = gst_caps_from_string ("timestamp/x-test");
  GstVideoCropMeta *crop;
  GstBuffer *buffer;
  Process receiver;
  Publisher p;
  Frame frame;

  publisher_start (&p, 4);
  process_start (&receiver, RECEIVE SINK);
  wait_stat (p.sink, "clients", 1);
  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (p.pool, &buffer,
          NULL), GST_FLOW_OK);
  fill (buffer, 0);
  crop = gst_buffer_add_video_crop_meta (buffer);
  crop->x = 2;
  crop->y = 4;
  crop->width = 16;
  crop->height = 8;
  gst_buffer_add_reference_timestamp_meta (buffer, reference, 12345,
      GST_CLOCK_TIME_NONE);
  gst_buffer_add_video_region_of_interest_meta (buffer, "face", 3, 5, 7, 9);
  fail_unless_equals_int (gst_harness_push (p.h, buffer), GST_FLOW_OK);
  process_wait_frame (&receiver, &frame);
  fail_unless (strstr (frame.meta, " crop:2,4,16x8") != NULL, "%s", frame.meta);
  fail_unless (strstr (frame.meta, " reference:12345") != NULL);
  fail_unless (strstr (frame.meta, " region:face,3,7") != NULL);
  gst_caps_unref (reference);
  process_end (&receiver);
  publisher_end (&p);
}

GST_END_TEST;

GST_START_TEST (test_caps_change)
{
  Process receiver;
  GstCaps *sent, *got;
  Publisher p;
  Frame frame;
  gchar *text;

  publisher_start (&p, 4);
  process_start (&receiver, RECEIVE SINK);
  wait_stat (p.sink, "clients", 1);
  publish (&p, NULL);
  process_wait_frame (&receiver, &frame);
  gst_buffer_pool_set_active (p.pool, FALSE);
  gst_object_unref (p.pool);
  gst_harness_set_src_caps_str (p.h, OTHER_CAPS);
  p.pool = take_proposed_pool (p.h, OTHER_CAPS, 4);
  publish (&p, NULL);
  text = process_wait (&receiver, "caps ");
  got = gst_caps_from_string (text);
  sent = gst_caps_from_string (OTHER_CAPS);
  fail_unless (gst_caps_is_subset (got, sent), "%s", text);
  process_wait_frame (&receiver, &frame);
  fail_unless_equals_uint64 (frame.offset, 1);
  fail_unless_equals_int (frame.stride, 128);
  gst_caps_unref (got);
  gst_caps_unref (sent);
  g_free (text);
  process_end (&receiver);
  publisher_end (&p);
}

GST_END_TEST;

GST_START_TEST (test_late_joiner_begins_with_the_newest)
{
  Process early, late;
  Frame sent, frame;
  Publisher p;

  publisher_start (&p, 4);
  process_start (&early, RECEIVE SINK);
  wait_stat (p.sink, "clients", 1);
  publish (&p, NULL);
  publish (&p, &sent);
  process_wait_offset (&early, 1, &frame);
  process_start (&late, RECEIVE SINK);
  process_wait_frame (&late, &frame);
  expect_same (&frame, &sent);
  /* and it comes to nobody twice */
  publish (&p, &sent);
  process_wait_frame (&early, &frame);
  expect_same (&frame, &sent);
  process_wait_frame (&late, &frame);
  expect_same (&frame, &sent);
  /* who comes after the end gets the last frame and the end */
  gst_harness_push_event (p.h, gst_event_new_eos ());
  g_free (process_wait (&early, "eos"));
  g_free (process_wait (&late, "eos"));
  process_end (&late);
  process_start (&late, RECEIVE SINK);
  process_wait_frame (&late, &frame);
  expect_same (&frame, &sent);
  g_free (process_wait (&late, "eos"));
  process_end (&early);
  process_end (&late);
  publisher_end (&p);
}

GST_END_TEST;

/* memory of others */

/* A dma-buf of vgem, whose pages have this name in the whole system. */
static GstMemory *
make_vgem (GstAllocator * allocator, gsize size)
{
  guint32 handle, pitch;
  guint64 total;
  drmVersionPtr version;
  gchar path[32];
  gint fd = -1, dmabuf, i;

  for (i = 0; i < 16 && fd < 0; i++) {
    g_snprintf (path, sizeof (path), "/dev/dri/card%d", i);
    fd = open (path, O_RDWR | O_CLOEXEC);
    version = fd < 0 ? NULL : drmGetVersion (fd);
    if (version && strcmp (version->name, "vgem")) {
      close (fd);
      fd = -1;
    }
    drmFreeVersion (version);
  }
  fail_if (fd < 0, "vgem is not there");
  fail_if (drmModeCreateDumbBuffer (fd, size, 1, 8, 0, &handle, &pitch,
          &total));
  fail_if (drmPrimeHandleToFD (fd, handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
  close (fd);
  return gst_dmabuf_allocator_alloc (allocator, dmabuf, size);
}

GST_START_TEST (test_dmabuf_of_another_device)
{
  GstAllocator *allocator = gst_dmabuf_allocator_new ();
  gsize size = 66 * 4 * 32;
  GstBuffer *buffer = gst_buffer_new ();
  Process receiver;
  Frame sent, frame;
  Publisher p;

  gst_buffer_append_memory (buffer, make_vgem (allocator, size + 128));
  /* the picture does not begin where the memory does */
  gst_buffer_resize (buffer, 128, size);
  fill (buffer, 0);
  sent.offset = 0;
  sent.checksum = checksum (buffer);
  sent.inode = inode (buffer);
  sent.stride = 66 * 4;
  publisher_start (&p, 4);
  process_start (&receiver, RECEIVE SINK);
  wait_stat (p.sink, "clients", 1);
  fail_unless_equals_int (gst_harness_push (p.h, buffer), GST_FLOW_OK);
  process_wait_frame (&receiver, &frame);
  expect_same (&frame, &sent);
  fail_unless_equals_uint64 (stat_of (p.sink, "copied"), 0);
  process_end (&receiver);
  publisher_end (&p);
  gst_object_unref (allocator);
}

GST_END_TEST;

#define MAX_INODES 4096

static GstPadProbeReturn
note_inode (GstPad * pad, GstPadProbeInfo * info, gpointer inodes)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (GST_BUFFER_OFFSET (buffer) < MAX_INODES)
    ((guint64 *) inodes)[GST_BUFFER_OFFSET (buffer)] = inode (buffer);
  return GST_PAD_PROBE_OK;
}

/* vivid, whose buffers two processes get; one of them stops. */
GST_START_TEST (test_camera)
{
  static guint64 inodes[MAX_INODES];
  GstElement *pipeline = gst_parse_launch ("v4l2src io-mode=dmabuf ! "
      "video/x-raw,format=YUY2,width=640,height=360 ! "
      "fusionsink name=sink world=test sync=false", NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  Process victim, other;
  Frame frame;
  guint i;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note_inode, inodes, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  process_start (&other, RECEIVE SINK);
  for (i = 0; i < 20; i++) {
    process_wait_frame (&other, &frame);
    fail_unless (frame.offset < MAX_INODES);
    fail_unless (frame.inode != 0);
    fail_unless_equals_uint64 (frame.inode, inodes[frame.offset]);
    fail_unless_equals_int (frame.stride, 1280);
  }
  fail_unless_equals_uint64 (stat_of (sink, "copied"), 0);
  process_start (&victim, RECEIVE "max-held=16" SINK);
  process_tell (&victim, "hold");
  process_wait_frame (&victim, &frame);
  process_wait_frame (&victim, &frame);
  process_signal (&victim, SIGSTOP);
  for (i = 0; i < 30; i++)
    process_wait_frame (&other, &frame);
  process_kill (&victim);
  for (i = 0; i < 10; i++)
    process_wait_frame (&other, &frame);
  process_end (&other);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* processes that misbehave */

GST_START_TEST (test_receiver_killed)
{
  Process victim, other;
  Frame sent, frame;
  Publisher p;
  guint i;

  publisher_start (&p, 6);
  process_start (&victim, RECEIVE "max-held=3" SINK);
  process_start (&other, RECEIVE SINK);
  wait_stat (p.sink, "clients", 2);
  process_tell (&victim, "hold");
  /* until the victim has said it, it may not have begun to hold */
  for (i = 0; i < 3; i++) {
    publish (&p, NULL);
    process_wait_frame (&victim, &frame);
    process_wait_frame (&other, &frame);
  }
  process_kill (&victim);
  wait_stat (p.sink, "clients", 1);
  wait_stat (p.sink, "in-flight", 1);
  for (i = 0; i < 30; i++) {
    publish (&p, &sent);
    process_wait_frame (&other, &frame);
    expect_same (&frame, &sent);
  }
  fail_unless_equals_uint64 (stat_of (p.sink, "copied"), 0);
  process_end (&other);
  publisher_end (&p);
}

GST_END_TEST;

GST_START_TEST (test_receiver_stopped)
{
  Process victim, other;
  Frame sent, frame;
  Publisher p;
  guint i;

  publisher_start (&p, 20);
  process_start (&victim, RECEIVE "max-held=2" SINK);
  process_start (&other, RECEIVE SINK);
  wait_stat (p.sink, "clients", 2);
  publish (&p, NULL);
  process_wait_frame (&victim, &frame);
  process_wait_frame (&other, &frame);
  process_signal (&victim, SIGSTOP);
  for (i = 0; i < 50; i++) {
    publish (&p, &sent);
    process_wait_frame (&other, &frame);
    expect_same (&frame, &sent);
  }
  fail_unless_equals_uint64 (stat_of (p.sink, "copied"), 0);
  /* two that it holds, two that wait for it; the other one has two at most */
  for (i = 0; stat_of (p.sink, "in-flight") > 6; i++) {
    fail_unless (i < PATIENCE / 10);
    g_usleep (10000);
  }
  process_signal (&victim, SIGCONT);
  /* what it gets then is what waits for it, the oldest was dropped */
  process_wait_offset (&victim, sent.offset, &frame);
  expect_same (&frame, &sent);
  publish (&p, &sent);
  process_wait_frame (&victim, &frame);
  expect_same (&frame, &sent);
  process_wait_frame (&other, &frame);
  wait_stat (p.sink, "in-flight", 1);
  process_end (&victim);
  process_end (&other);
  publisher_end (&p);
}

GST_END_TEST;

/* All that upstream has is held: frames are copied, and nothing waits. */
GST_START_TEST (test_upstream_never_runs_dry)
{
  Process victim, other;
  Frame frame;
  Publisher p;
  guint i;

  publisher_start (&p, 4);
  process_start (&victim, RECEIVE "max-held=8" SINK);
  process_start (&other, RECEIVE SINK);
  wait_stat (p.sink, "clients", 2);
  process_tell (&victim, "hold");
  for (i = 0; i < 30; i++) {
    publish (&p, NULL);
    process_wait_frame (&other, &frame);
    fail_unless_equals_uint64 (frame.offset, i);
  }
  /* it has begun to hold at some time, and has got no more than it may */
  fail_unless (stat_of (p.sink, "copied") > 0);
  fail_unless (stat_of (p.sink, "in-flight") <= 8 + 2 + 2);
  process_tell (&victim, "release");
  wait_stat (p.sink, "in-flight", 1);
  process_end (&victim);
  process_end (&other);
  publisher_end (&p);
}

GST_END_TEST;

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

/* Its statistics of an element "src" in a pipeline that runs. */
static GstElement *
start_receiver (const gchar * properties, GstElement ** pipeline)
{
  gchar *line = g_strdup_printf ("fusionsrc name=src %s ! fakesink sync=false",
      properties);
  GstElement *src;

  *pipeline = gst_parse_launch (line, NULL);
  g_free (line);
  fail_unless (*pipeline != NULL);
  src = gst_bin_get_by_name (GST_BIN (*pipeline), "src");
  gst_element_set_state (*pipeline, GST_STATE_PLAYING);
  return src;
}

static void
stop_receiver (GstElement * src, GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (src);
  gst_object_unref (pipeline);
}

#define PUBLISH "videotestsrc is-live=true ! " CAPS " ! fusionsink world=test "

static void
wait_frames (GstElement * src, guint64 more)
{
  guint64 begin = stat_of (src, "received");
  guint i;

  for (i = 0; stat_of (src, "received") < begin + more; i++) {
    fail_unless (i < PATIENCE / 10);
    g_usleep (10000);
  }
}

GST_START_TEST (test_publisher_killed)
{
  static const gchar *what[] = { "eos", "error", "reconnect" };
  GstElement *pipeline, *src;
  GstMessage *message;
  Process publisher;
  gchar *properties;

  /* the socket of the one that was killed is there each time */
  process_start (&publisher, PUBLISH);
  properties = g_strdup_printf ("world=test on-disconnect=%s "
      "connection-timeout=60000000000", what[__i__]);
  src = start_receiver (properties, &pipeline);
  g_free (properties);
  wait_frames (src, 3);
  process_kill (&publisher);
  if (__i__ == 2) {
    process_start (&publisher, PUBLISH);
    wait_frames (src, 10);
    process_kill (&publisher);
  } else {
    message = wait_message (pipeline, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless_equals_string (GST_MESSAGE_TYPE_NAME (message), what[__i__]);
    gst_message_unref (message);
  }
  stop_receiver (src, pipeline);
}

GST_END_TEST;

/* times */

#define MAX_TIMES 4096

/* Notes the time of each frame, by its offset, as one of CLOCK_MONOTONIC. */
static GstPadProbeReturn
note_time (GstPad * pad, GstPadProbeInfo * info, gpointer times)
{
  GstElement *sink = gst_pad_get_parent_element (pad);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (GST_BUFFER_OFFSET (buffer) < MAX_TIMES)
    ((GstClockTime *) times)[GST_BUFFER_OFFSET (buffer)] =
        GST_BUFFER_PTS (buffer) + gst_element_get_base_time (sink);
  gst_object_unref (sink);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_times_are_those_of_the_publisher)
{
  static GstClockTime times[MAX_TIMES];
  GstElement *pipeline = gst_parse_launch ("videotestsrc is-live=true ! " CAPS
      " ! fusionsink name=sink world=test sync=false", NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  Process receiver;
  Frame frame;
  guint i;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note_time, times, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  process_start (&receiver, RECEIVE SINK);
  /* the first one is from before its time began */
  process_wait_frame (&receiver, &frame);
  process_wait_frame (&receiver, &frame);
  for (i = 0; i < 10; i++) {
    process_wait_frame (&receiver, &frame);
    fail_unless (frame.offset < MAX_TIMES);
    fail_unless_equals_uint64 (frame.time, times[frame.offset]);
  }
  process_end (&receiver);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static gboolean
setup_runtime_dir (void)
{
  gchar *dir = g_dir_make_tmp ("gst-fusion-XXXXXX", NULL);

  return dir && !g_chmod (dir, 0755) && g_setenv ("XDG_RUNTIME_DIR", dir, TRUE);
}

static Suite *
fusion_suite (void)
{
  Suite *suite = suite_create ("fusion");
  TCase *tcase = tcase_create ("fusion");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_the_same_memory_arrives);
  tcase_add_test (tcase, test_other_memory_is_copied_once);
  tcase_add_test (tcase, test_any_caps);
  tcase_add_test (tcase, test_meta);
  tcase_add_test (tcase, test_caps_change);
  tcase_add_test (tcase, test_late_joiner_begins_with_the_newest);
  tcase_add_test (tcase, test_dmabuf_of_another_device);
  tcase_add_test (tcase, test_camera);
  tcase_add_test (tcase, test_receiver_killed);
  tcase_add_test (tcase, test_receiver_stopped);
  tcase_add_test (tcase, test_upstream_never_runs_dry);
  tcase_add_loop_test (tcase, test_publisher_killed, 0, 3);
  tcase_add_test (tcase, test_times_are_those_of_the_publisher);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_check_init (&argc, &argv);
  if (!setup_runtime_dir ())
    return 1;
  return gst_check_run_suite (fusion_suite (), "fusion", __FILE__);
}
