// SPDX-License-Identifier: GPL-2.0
/*
 * The GStreamer plugin "shrbuf". Each element is registered by its own file.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "elements.h"
#include "gstshrbufdeviceprovider.h"
#include "gstshrbufroute.h"
#include "gstshrbufsink.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  gst_shrbuf_init_debug ();

  return GST_ELEMENT_REGISTER (fusionsink, plugin)
      && GST_ELEMENT_REGISTER (fusionsrc, plugin)
      && GST_ELEMENT_REGISTER (shrbufroute, plugin)
      && GST_ELEMENT_REGISTER (shrbufsink, plugin)
      && GST_DEVICE_PROVIDER_REGISTER (shrbufdeviceprovider, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, shrbuf,
    "Frames shared between devices and processes, without a copy",
    plugin_init, VERSION, "GPL", PACKAGE, ORIGIN)
