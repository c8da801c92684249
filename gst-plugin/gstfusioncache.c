// SPDX-License-Identifier: GPL-2.0
/*
 * Memories of the buffers that a receiver has got.
 *
 * A memory that nobody uses any more is not freed but goes back into the cache, unless its
 * buffer was forgotten meanwhile. The memory of a buffer that comes again while it is still
 * in use is one of its own, which does not come back.
 *
 * Memories are read-only: who wants to write gets a copy of its own.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <unistd.h>

#include <gst/allocators/gstdmabuf.h>

#include "gstfusioncache.h"

/* A frame, for each of its memories. */
typedef struct
{
  gatomicrefcount refs;
  guint32 id;
} Hold;

typedef struct
{
  GstFusionCache *cache;        /* with a reference while it is in use */
  guint32 id;
  GstMemory *memory;
  gboolean cached;              /* protected by the cache's lock */
  Hold *hold;                   /* while it is in use */
} Entry;

struct _GstFusionCache
{
  gatomicrefcount refs;
  Subscriber *subscriber;
  GstAllocator *allocator;
  GMutex lock;
  GHashTable *idle;             /* number -> Entry */
  GHashTable *busy;             /* the same, of those that come back */
};

static GQuark
entry_quark (void)
{
  static GQuark quark;

  if (!quark)
    quark = g_quark_from_static_string ("gst-fusion-cache-entry");
  return quark;
}

GstFusionCache *
gst_fusion_cache_new (Subscriber * subscriber)
{
  GstFusionCache *cache = g_new0 (GstFusionCache, 1);

  g_atomic_ref_count_init (&cache->refs);
  cache->subscriber = subscriber_ref (subscriber);
  cache->allocator = gst_dmabuf_allocator_new ();
  g_mutex_init (&cache->lock);
  cache->idle = g_hash_table_new (NULL, NULL);
  cache->busy = g_hash_table_new (NULL, NULL);
  return cache;
}

void
gst_fusion_cache_unref (GstFusionCache * cache)
{
  if (!g_atomic_ref_count_dec (&cache->refs))
    return;
  gst_fusion_cache_forget_all (cache);
  g_hash_table_unref (cache->idle);
  g_hash_table_unref (cache->busy);
  gst_object_unref (cache->allocator);
  g_mutex_clear (&cache->lock);
  subscriber_unref (cache->subscriber);
  g_free (cache);
}

static void
hold_unref (GstFusionCache * cache, Hold * hold)
{
  if (!g_atomic_ref_count_dec (&hold->refs))
    return;
  subscriber_release (cache->subscriber, hold->id);
  g_free (hold);
}

/* Nobody uses the memory any more. TRUE: it is to be freed. */
static gboolean
dispose (GstMiniObject * object)
{
  Entry *entry = gst_mini_object_get_qdata (object, entry_quark ());
  GstFusionCache *cache = entry->cache;
  Hold *hold = g_steal_pointer (&entry->hold);
  gboolean cached;

  /* it was idle, and is forgotten */
  if (!hold)
    return TRUE;
  g_mutex_lock (&cache->lock);
  cached = entry->cached;
  if (cached) {
    gst_mini_object_ref (object);
    g_hash_table_remove (cache->busy, GUINT_TO_POINTER (entry->id));
    g_hash_table_insert (cache->idle, GUINT_TO_POINTER (entry->id), entry);
  }
  g_mutex_unlock (&cache->lock);
  hold_unref (cache, hold);
  gst_fusion_cache_unref (cache);
  return !cached;
}

static gint
make_entry (GstFusionCache * cache, guint32 id, Entry ** out)
{
  gint fd = subscriber_open_buffer (cache->subscriber, id);
  off_t size;
  Entry *entry;

  if (fd < 0)
    return fd;
  size = lseek (fd, 0, SEEK_END);
  if (size <= 0) {
    close (fd);
    return -EINVAL;
  }
  entry = g_new0 (Entry, 1);
  entry->cache = cache;
  entry->id = id;
  entry->memory = gst_dmabuf_allocator_alloc_with_flags (cache->allocator, fd,
      size, GST_FD_MEMORY_FLAG_KEEP_MAPPED);
  GST_MINI_OBJECT_FLAG_SET (entry->memory, GST_MEMORY_FLAG_READONLY);
  gst_mini_object_set_qdata (GST_MINI_OBJECT (entry->memory), entry_quark (),
      entry, g_free);
  GST_MINI_OBJECT (entry->memory)->dispose = dispose;
  *out = entry;
  return 0;
}

/* An entry that nobody uses, and that is not in the cache any more. */
static gint
take_entry (GstFusionCache * cache, guint32 id, Entry ** out)
{
  gpointer key = GUINT_TO_POINTER (id);
  gint ret = 0;

  g_mutex_lock (&cache->lock);
  *out = g_hash_table_lookup (cache->idle, key);
  if (*out)
    g_hash_table_remove (cache->idle, key);
  else
    ret = make_entry (cache, id, out);
  if (!ret) {
    (*out)->cached = !g_hash_table_contains (cache->busy, key);
    if ((*out)->cached)
      g_hash_table_insert (cache->busy, key, *out);
  }
  g_mutex_unlock (&cache->lock);
  return ret;
}

static gint
append (GstFusionCache * cache, const WireMemory * wire, Hold * hold,
    GstBuffer * buffer)
{
  GstMemory *memory;
  Entry *entry;
  gint ret;

  ret = take_entry (cache, wire->buffer, &entry);
  if (ret)
    return ret;
  g_atomic_ref_count_inc (&cache->refs);
  g_atomic_ref_count_inc (&hold->refs);
  entry->hold = hold;
  memory = entry->memory;
  if (wire->offset > memory->maxsize
      || wire->size > memory->maxsize - wire->offset) {
    gst_memory_unref (memory);
    return -EINVAL;
  }
  memory->offset = wire->offset;
  memory->size = wire->size;
  gst_buffer_append_memory (buffer, memory);
  return 0;
}

gint
gst_fusion_cache_fill (GstFusionCache * cache, const SubscriberEvent * frame,
    GstBuffer * buffer)
{
  Hold *hold = g_new0 (Hold, 1);
  gint ret = 0;
  guint i;

  g_atomic_ref_count_init (&hold->refs);
  hold->id = frame->hold;
  for (i = 0; i < frame->nr_memories && !ret; i++)
    ret = append (cache, &frame->memories[i], hold, buffer);
  hold_unref (cache, hold);
  return ret;
}

void
gst_fusion_cache_forget (GstFusionCache * cache, guint32 id)
{
  gpointer key = GUINT_TO_POINTER (id);
  Entry *idle, *busy;

  g_mutex_lock (&cache->lock);
  idle = g_hash_table_lookup (cache->idle, key);
  busy = g_hash_table_lookup (cache->busy, key);
  if (busy)
    busy->cached = FALSE;
  g_hash_table_remove (cache->idle, key);
  g_hash_table_remove (cache->busy, key);
  g_mutex_unlock (&cache->lock);
  if (idle)
    gst_memory_unref (idle->memory);
}

void
gst_fusion_cache_forget_all (GstFusionCache * cache)
{
  GHashTableIter iter;
  GPtrArray *idle = g_ptr_array_new ();
  gpointer entry;
  guint i;

  g_mutex_lock (&cache->lock);
  g_hash_table_iter_init (&iter, cache->idle);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    g_ptr_array_add (idle, ((Entry *) entry)->memory);
  g_hash_table_iter_init (&iter, cache->busy);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    ((Entry *) entry)->cached = FALSE;
  g_hash_table_remove_all (cache->idle);
  g_hash_table_remove_all (cache->busy);
  g_mutex_unlock (&cache->lock);
  for (i = 0; i < idle->len; i++)
    gst_memory_unref (idle->pdata[i]);
  g_ptr_array_unref (idle);
}
