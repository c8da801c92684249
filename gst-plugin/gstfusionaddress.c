// SPDX-License-Identifier: GPL-2.0
/*
 * The properties of fusionsink and fusionsrc that say where a world is.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <string.h>

#include <drm/fusion_drm.h>

#include "gstfusionaddress.h"
#include "rendezvous.h"

void
gst_fusion_address_install (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_FUSION_PROP_WORLD,
      g_param_spec_string ("world", "World",
          "Name of the world, which is found by a socket in the directory "
          "$XDG_RUNTIME_DIR", NULL,
          G_PARAM_READWRITE | GST_PARAM_MUTABLE_READY |
          G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (klass, GST_FUSION_PROP_SOCKET_PATH,
      g_param_spec_string ("socket-path", "Path of the socket",
          "Where the world is found, instead of in $XDG_RUNTIME_DIR", NULL,
          G_PARAM_READWRITE | GST_PARAM_MUTABLE_READY |
          G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (klass, GST_FUSION_PROP_SOCKET_TYPE,
      g_param_spec_enum ("socket-type", "Type of the socket",
          "What socket-path is: path or abstract",
          G_TYPE_UNIX_SOCKET_ADDRESS_TYPE, G_UNIX_SOCKET_ADDRESS_PATH,
          G_PARAM_READWRITE | GST_PARAM_MUTABLE_READY |
          G_PARAM_STATIC_STRINGS));
}

void
gst_fusion_address_init (GstFusionAddress * address)
{
  address->type = G_UNIX_SOCKET_ADDRESS_PATH;
}

void
gst_fusion_address_clear (GstFusionAddress * address)
{
  g_clear_pointer (&address->world, g_free);
  g_clear_pointer (&address->path, g_free);
}

gboolean
gst_fusion_address_set (GstFusionAddress * address, guint id,
    const GValue * value)
{
  switch (id) {
    case GST_FUSION_PROP_WORLD:
      g_free (address->world);
      address->world = g_value_dup_string (value);
      return TRUE;
    case GST_FUSION_PROP_SOCKET_PATH:
      g_free (address->path);
      address->path = g_value_dup_string (value);
      return TRUE;
    case GST_FUSION_PROP_SOCKET_TYPE:
      address->type = g_value_get_enum (value);
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_fusion_address_get (const GstFusionAddress * address, guint id,
    GValue * value)
{
  switch (id) {
    case GST_FUSION_PROP_WORLD:
      g_value_set_string (value, address->world);
      return TRUE;
    case GST_FUSION_PROP_SOCKET_PATH:
      g_value_set_string (value, address->path);
      return TRUE;
    case GST_FUSION_PROP_SOCKET_TYPE:
      g_value_set_enum (value, address->type);
      return TRUE;
    default:
      return FALSE;
  }
}

gchar *
gst_fusion_address_resolve (const GstFusionAddress * address, GError ** error)
{
  const gchar *world = address->world;
  gchar *path;

  if (address->type != G_UNIX_SOCKET_ADDRESS_PATH
      && address->type != G_UNIX_SOCKET_ADDRESS_ABSTRACT) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The property socket-type can be path or abstract.");
    return NULL;
  }
  if (world && (!*world || strchr (world, '/')
          || strlen (world) >= DRM_FUSION_NAME_LEN)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "\"%s\" cannot be the name of a world: take 1 to %d bytes without \"/\".",
        world, DRM_FUSION_NAME_LEN - 1);
    return NULL;
  }
  if (address->path)
    return g_strdup (address->path);
  if (!world)
    return NULL;
  path = rendezvous_path (world);
  if (!path)
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The environment has no XDG_RUNTIME_DIR, where sockets of worlds are: "
        "set it, or the property socket-path.");
  return path;
}
