/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cameras that can be the source of a route, for applications that look for devices.
 */
#ifndef _GST_SHRBUF_DEVICE_PROVIDER_H
#define _GST_SHRBUF_DEVICE_PROVIDER_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHRBUF_DEVICE (gst_shrbuf_device_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufDevice, gst_shrbuf_device, GST,
    SHRBUF_DEVICE, GstDevice)

#define GST_TYPE_SHRBUF_DEVICE_PROVIDER (gst_shrbuf_device_provider_get_type ())
G_DECLARE_FINAL_TYPE (GstShrbufDeviceProvider, gst_shrbuf_device_provider,
    GST, SHRBUF_DEVICE_PROVIDER, GstDeviceProvider)

GST_DEVICE_PROVIDER_REGISTER_DECLARE (shrbufdeviceprovider);

G_END_DECLS

#endif
