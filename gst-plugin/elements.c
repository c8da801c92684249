// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of the plugin share.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "elements.h"

GST_DEBUG_CATEGORY (gst_shrbuf_debug);

void
gst_shrbuf_init_debug (void)
{
  GST_DEBUG_CATEGORY_INIT (gst_shrbuf_debug, "shrbuf", 0,
      "frames shared between devices and processes");
}
