// SPDX-License-Identifier: GPL-2.0
/*
 * Without devices, so that valgrind can watch on the machine of the developer: elements
 * that cannot start fail with an error, again and again, and leave nothing.
 */

#include <gst/check/gstcheck.h>

#include "elements.h"
#include "gstshrbufsink.h"

static void
fail_to_start (const gchar * description)
{
  GError *error = NULL;
  GstElement *pipeline;
  GstMessage *message;
  GstBus *bus;
  guint i;

  pipeline = gst_parse_launch (description, &error);
  fail_unless (pipeline != NULL, "%s", error ? error->message : "");
  bus = gst_element_get_bus (pipeline);
  for (i = 0; i < 10; i++) {
    fail_unless_equals_int (gst_element_set_state (pipeline,
            GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    fail_unless (message != NULL);
    gst_message_unref (message);
    fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
        GST_STATE_CHANGE_SUCCESS);
  }
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_sink)
{
  fail_to_start ("fakesrc ! shrbufsink driver-name=none bus-id=none");
  fail_to_start ("fakesrc ! shrbufsink fd=0 render-rectangle=\"<1,2,3,4>\"");
}

GST_END_TEST;

static Suite *
host_suite (void)
{
  Suite *suite = suite_create ("host");
  TCase *tests = tcase_create ("host");

  gst_shrbuf_init_debug ();
  GST_ELEMENT_REGISTER (shrbufsink, NULL);
  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_sink);
  return suite;
}

GST_CHECK_MAIN (host);
