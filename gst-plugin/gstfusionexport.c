// SPDX-License-Identifier: GPL-2.0
/*
 * Memories that a publisher has shared. Buffers of a pool come again and again with the
 * same memories: they are shared when they come first, and until they are freed.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/allocators/gstdmabuf.h>

#include "gstfusionexport.h"

struct _GstFusionExport
{
  gatomicrefcount refs;
  Publisher *publisher;
  GMutex lock;
  GHashTable *numbers;          /* GstMemory -> number in the world */
};

GstFusionExport *
gst_fusion_export_new (Publisher * publisher)
{
  GstFusionExport *export = g_new0 (GstFusionExport, 1);

  g_atomic_ref_count_init (&export->refs);
  export->publisher = publisher_ref (publisher);
  g_mutex_init (&export->lock);
  export->numbers = g_hash_table_new (NULL, NULL);
  return export;
}

void
gst_fusion_export_unref (GstFusionExport * export)
{
  if (!g_atomic_ref_count_dec (&export->refs))
    return;
  g_hash_table_unref (export->numbers);
  g_mutex_clear (&export->lock);
  publisher_unref (export->publisher);
  g_free (export);
}

static void
memory_freed (gpointer data, GstMiniObject * memory)
{
  GstFusionExport *export = data;
  guint32 id;

  g_mutex_lock (&export->lock);
  id = GPOINTER_TO_UINT (g_hash_table_lookup (export->numbers, memory));
  g_hash_table_remove (export->numbers, memory);
  g_mutex_unlock (&export->lock);
  publisher_remove_buffer (export->publisher, id);
  gst_fusion_export_unref (export);
}

static gint
find_number (GstFusionExport * export, GstMemory * memory, guint32 * id)
{
  gint ret;

  /* parts of it share its file descriptor */
  while (memory->parent)
    memory = memory->parent;
  g_mutex_lock (&export->lock);
  *id = GPOINTER_TO_UINT (g_hash_table_lookup (export->numbers, memory));
  g_mutex_unlock (&export->lock);
  if (*id)
    return 0;
  ret = publisher_add_buffer (export->publisher,
      gst_dmabuf_memory_get_fd (memory), id);
  if (ret)
    return ret;
  g_mutex_lock (&export->lock);
  g_hash_table_insert (export->numbers, memory, GUINT_TO_POINTER (*id));
  g_mutex_unlock (&export->lock);
  g_atomic_ref_count_inc (&export->refs);
  gst_mini_object_weak_ref (GST_MINI_OBJECT (memory), memory_freed, export);
  return 0;
}

gint
gst_fusion_export_buffer (GstFusionExport * export, GstBuffer * buffer,
    WireMemory memories[WIRE_MAX_MEMORIES])
{
  guint n = gst_buffer_n_memory (buffer), i;
  gint ret;

  if (n > WIRE_MAX_MEMORIES)
    return 0;
  for (i = 0; i < n; i++)
    if (!gst_is_dmabuf_memory (gst_buffer_peek_memory (buffer, i)))
      return 0;
  for (i = 0; i < n; i++) {
    GstMemory *memory = gst_buffer_peek_memory (buffer, i);

    memories[i].pad = 0;
    memories[i].offset = memory->offset;
    memories[i].size = memory->size;
    ret = find_number (export, memory, &memories[i].buffer);
    if (ret)
      return ret;
  }
  return n;
}
