/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The properties of fusionsink and fusionsrc that say where a world is.
 */
#ifndef _GST_FUSION_ADDRESS_H
#define _GST_FUSION_ADDRESS_H

#include <gio/gio.h>
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  gchar *world;
  gchar *path;
  GUnixSocketAddressType type;
} GstFusionAddress;

/* numbers of the properties; those of an element begin at the last one */
enum
{
  GST_FUSION_PROP_WORLD = 1,
  GST_FUSION_PROP_SOCKET_PATH,
  GST_FUSION_PROP_SOCKET_TYPE,
  GST_FUSION_PROP_LAST,
};

void gst_fusion_address_install (GObjectClass * klass);
void gst_fusion_address_init (GstFusionAddress * address);
void gst_fusion_address_clear (GstFusionAddress * address);
/* FALSE for another property. With the object's lock. */
gboolean gst_fusion_address_set (GstFusionAddress * address, guint id,
    const GValue * value);
gboolean gst_fusion_address_get (const GstFusionAddress * address, guint id,
    GValue * value);

/* The path or abstract name of the socket, NULL if there is to be none, or NULL with an
 * error. */
gchar *gst_fusion_address_resolve (const GstFusionAddress * address,
    GError ** error);
#define gst_fusion_address_is_abstract(address) \
    ((address)->type == G_UNIX_SOCKET_ADDRESS_ABSTRACT)

G_END_DECLS

#endif
