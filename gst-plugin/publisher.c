// SPDX-License-Identifier: GPL-2.0
/*
 * The member of a world that publishes frames.
 *
 * A frame that is out has a slot, with a reference of the world that receivers count up
 * while they use the frame. It is released when
 *
 *   - the kernel has said of each of its dispatches that all receivers have processed it,
 *     have missed it, or are dead: who uses the frame has counted up by then;
 *   - and then the sum of the counts is zero: those of a receiver that dies are dropped by
 *     the kernel;
 *   - and it is not the newest one, which is kept for who comes late.
 *
 * Nothing here waits for a receiver.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libdrm_fusion.h>

#include "publisher.h"
#include "rendezvous.h"

/* Twice as many messages of the kernel, with those of members that come and go, have room
 * in the queue. */
#define MAX_SLOTS 64

typedef struct
{
  struct fusion_ref *ref;
  gpointer frame;               /* NULL: free */
  guint dispatches;             /* that are not done */
} Slot;

typedef struct
{
  guint32 handle;
  guint count;
} Shared;

struct _Publisher
{
  gatomicrefcount refs;
  PublisherEvents events;
  gpointer user;
  GThread *thread;
  gint wake_fd;

  GMutex lock;                  /* of all below */
  GCond cond;
  struct fusion *fusion;        /* NULL: closed */
  guint32 reactor;
  gint socket;
  Slot slots[MAX_SLOTS];
  gint newest;                  /* slot, or -1 */
  GByteArray *record;           /* of the newest frame, or of the end */
  gboolean ended;
  guint64 sequence;
  guint64 forgotten;
  GHashTable *receivers;        /* numbers of members */
  GHashTable *shared;           /* number -> Shared */
  gboolean wake;
  gboolean stop;
};

static void
wake_thread (Publisher * p)
{
  guint64 one = 1;

  if (write (p->wake_fd, &one, sizeof (one)) < 0)
    g_warn_if_reached ();
}

/* With the lock. Nobody who has no room is waited for. */
static gint
dispatch (Publisher * p, guint32 channel, gconstpointer data, gsize size,
    gint slot)
{
  struct drm_fusion_reactor_dispatch args = {
    .id = p->reactor,
    .channel = channel,
    .payload.data = (uintptr_t) data,
    .payload.size = size,
  };
  gint ret;

  if (slot >= 0) {
    args.flags = DRM_FUSION_DISPATCH_DONE;
    args.cookie = slot;
  }
  ret = fusion_reactor_dispatch (p->fusion, &args);
  if (ret == -ETIMEDOUT)
    ret = 0;
  if (!ret && slot >= 0)
    p->slots[slot].dispatches++;
  return ret;
}

/* With the lock. Returns the frame if nobody has it any more: the caller releases it. */
static gpointer
take_released (Publisher * p, gint index)
{
  Slot *slot = &p->slots[index];
  struct drm_fusion_ref_stat stat;
  gpointer frame = slot->frame;

  if (!frame || slot->dispatches || index == p->newest)
    return NULL;
  /* the count that goes to zero after this sends an event */
  if (!fusion_ref_stat (slot->ref, &stat) && stat.sum)
    return NULL;
  slot->frame = NULL;
  g_cond_broadcast (&p->cond);
  return frame;
}

static void
release (Publisher * p, gpointer frame)
{
  if (frame)
    p->events.released (p->user, frame);
}

/* With the lock. */
static void
collect (Publisher * p, guint64 slot, GPtrArray * frames)
{
  gpointer frame = slot < MAX_SLOTS ? take_released (p, slot) : NULL;

  if (frame)
    g_ptr_array_add (frames, frame);
}

/* What the kernel and receivers say. With the lock; the frames are to be released. */
static void
handle (Publisher * p, const struct drm_fusion_event *event, GPtrArray * frames,
    gboolean * changed)
{
  guint64 i;

  switch (event->base.type) {
    case DRM_FUSION_EVENT_DISPATCHED:
      if (event->arg < MAX_SLOTS && p->slots[event->arg].dispatches)
        p->slots[event->arg].dispatches--;
      g_cond_broadcast (&p->cond);
      collect (p, event->arg, frames);
      return;
    case DRM_FUSION_EVENT_REF_ZERO:
      collect (p, event->arg, frames);
      return;
    case DRM_FUSION_EVENT_LOST:
      for (i = 0; i < MAX_SLOTS; i++)
        collect (p, i, frames);
      return;
    case DRM_FUSION_EVENT_MESSAGE:
      if (event->arg != WIRE_HELLO
          || !g_hash_table_add (p->receivers, GUINT_TO_POINTER (event->sender)))
        return;
      *changed = TRUE;
      if (p->record->len)
        dispatch (p, WIRE_NEWEST, p->record->data, p->record->len, p->newest);
      return;
    case DRM_FUSION_EVENT_LEAVE:
      if (g_hash_table_remove (p->receivers, GUINT_TO_POINTER (event->arg)))
        *changed = TRUE;
      return;
    default:
      return;
  }
}

/* FALSE when there is nothing more to read. */
static gboolean
receive (Publisher * p)
{
  /* receivers only greet, so all messages are small */
  guint64 buffer[512];
  struct drm_fusion_receive args = {
    .buffer = (uintptr_t) buffer,
    .size = sizeof (buffer),
  };
  const struct drm_fusion_event *event = NULL;
  GPtrArray *frames;
  gboolean changed = FALSE;
  guint i;

  if (fusion_receive (p->fusion, &args))
    return FALSE;
  frames = g_ptr_array_new ();
  g_mutex_lock (&p->lock);
  while ((event = fusion_event_next (&args, event)))
    handle (p, event, frames, &changed);
  if (changed)
    g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
  for (i = 0; i < frames->len; i++)
    release (p, frames->pdata[i]);
  g_ptr_array_unref (frames);
  if (changed)
    p->events.changed (p->user);
  return TRUE;
}

static void
greet (Publisher * p, gint socket)
{
  gint world = fusion_export (p->fusion);

  if (world < 0)
    return;
  rendezvous_greet (socket, world);
  close (world);
}

static gpointer
run (gpointer data)
{
  Publisher *p = data;
  struct pollfd fds[] = {
    {.fd = p->wake_fd,.events = POLLIN},
    {.fd = fusion_fd (p->fusion),.events = POLLIN},
    {.fd = -1,.events = POLLIN},
  };
  guint64 count;

  for (;;) {
    g_mutex_lock (&p->lock);
    fds[2].fd = p->socket;
    if (p->stop) {
      g_mutex_unlock (&p->lock);
      return NULL;
    }
    g_mutex_unlock (&p->lock);
    if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
      continue;
    if (fds[0].revents && read (fds[0].fd, &count, sizeof (count)) < 0)
      g_warn_if_reached ();
    if (fds[1].revents) {
      while (receive (p));
      /* the world has ended: nothing comes any more */
      if (fds[1].revents & (POLLHUP | POLLERR))
        fds[1].fd = -1;
    }
    if (fds[2].revents)
      greet (p, fds[2].fd);
  }
}

static void
shared_free (gpointer shared)
{
  g_slice_free (Shared, shared);
}

static gint
make_world (Publisher * p, const gchar * name, guint max_receivers)
{
  struct drm_fusion_world_create args = {
    .max_members = max_receivers ? max_receivers + 1 : 0,
    .member_name = "publisher",
  };
  gint ret;

  if (strlen (name) >= sizeof (args.world_name))
    return -ENAMETOOLONG;
  strcpy ((char *) args.world_name, name);
  ret = fusion_create (&p->fusion, &args);
  if (!ret)
    ret = fusion_reactor_create (p->fusion, WIRE_REACTOR, &p->reactor);
  return ret;
}

gint
publisher_new (const gchar * name, guint max_receivers,
    const PublisherEvents * events, gpointer user, Publisher ** out)
{
  Publisher *p = g_new0 (Publisher, 1);
  gint ret;

  g_atomic_ref_count_init (&p->refs);
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  p->events = *events;
  p->user = user;
  p->socket = -1;
  p->newest = -1;
  p->record = g_byte_array_new ();
  p->receivers = g_hash_table_new (NULL, NULL);
  p->shared = g_hash_table_new_full (NULL, NULL, NULL, shared_free);
  p->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  ret = p->wake_fd < 0 ? -errno : make_world (p, name, max_receivers);
  if (ret) {
    publisher_close (p);
    publisher_unref (p);
    return ret;
  }
  p->thread = g_thread_new ("publisher", run, p);
  *out = p;
  return 0;
}

Publisher *
publisher_ref (Publisher * p)
{
  g_atomic_ref_count_inc (&p->refs);
  return p;
}

void
publisher_unref (Publisher * p)
{
  if (!g_atomic_ref_count_dec (&p->refs))
    return;
  g_hash_table_unref (p->receivers);
  g_hash_table_unref (p->shared);
  g_byte_array_unref (p->record);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->cond);
  if (p->wake_fd >= 0)
    close (p->wake_fd);
  g_free (p);
}

gint
publisher_export (Publisher * p)
{
  return fusion_export (p->fusion);
}

gint
publisher_listen (Publisher * p, gint socket)
{
  g_mutex_lock (&p->lock);
  p->socket = socket;
  g_mutex_unlock (&p->lock);
  wake_thread (p);
  return 0;
}

gint
publisher_add_buffer (Publisher * p, gint dmabuf, guint32 * id)
{
  Shared *shared = NULL;
  guint32 handle;
  gint ret;

  g_mutex_lock (&p->lock);
  ret = p->fusion ? fusion_buffer_import (p->fusion, dmabuf, &handle)
      : -ESHUTDOWN;
  if (ret)
    goto out;
  /* the same one again if it is shared, and then the handle is, too */
  ret = fusion_buffer_share (p->fusion, handle, "frame", id);
  if (!ret)
    shared = g_hash_table_lookup (p->shared, GUINT_TO_POINTER (*id));
  if (shared) {
    shared->count++;
  } else if (ret) {
    fusion_buffer_close (p->fusion, handle);
  } else {
    shared = g_slice_new (Shared);
    shared->handle = handle;
    shared->count = 1;
    g_hash_table_insert (p->shared, GUINT_TO_POINTER (*id), shared);
  }
out:
  g_mutex_unlock (&p->lock);
  return ret;
}

void
publisher_remove_buffer (Publisher * p, guint32 id)
{
  Shared *shared;

  g_mutex_lock (&p->lock);
  shared = g_hash_table_lookup (p->shared, GUINT_TO_POINTER (id));
  if (p->fusion && shared && !--shared->count) {
    WireForget record = {
      .head = {WIRE_MAGIC, WIRE_VERSION, WIRE_FORGET},
      .serial = ++p->forgotten,
      .buffer = id,
    };

    fusion_destroy (p->fusion, DRM_FUSION_BUFFER, id);
    fusion_buffer_close (p->fusion, shared->handle);
    g_hash_table_remove (p->shared, GUINT_TO_POINTER (id));
    /* who does not get it finds out by the numbers */
    dispatch (p, WIRE_CONTROL, &record, sizeof (record), -1);
  }
  g_mutex_unlock (&p->lock);
}

/* With the lock: a slot that is free, or -EBUSY, or another error. */
static gint
find_slot (Publisher * p)
{
  gint i, ret;

  for (i = 0; i < MAX_SLOTS; i++) {
    Slot *slot = &p->slots[i];

    /* A late dispatch of the newest frame may still be out. */
    if (slot->frame || slot->dispatches)
      continue;
    if (slot->ref)
      return i;
    ret = fusion_ref_create (p->fusion, "frame", &slot->ref);
    if (ret)
      return ret;
    ret = fusion_ref_watch (slot->ref, 0, i);
    if (!ret)
      return i;
    fusion_ref_destroy (slot->ref);
    fusion_ref_close (slot->ref);
    slot->ref = NULL;
    return ret;
  }
  return -EBUSY;
}

/* With the lock: the record of the next frame, or of the end. */
static void
make_record (Publisher * p, const WireMemory * memories, guint nr_memories,
    gconstpointer description, gsize size, guint32 reference, guint32 flags)
{
  WireFrame frame = {
    .head = {WIRE_MAGIC, WIRE_VERSION, WIRE_FRAME},
    .sequence = ++p->sequence,
    .forgotten = p->forgotten,
    .reference = reference,
    .flags = flags,
    .memories = nr_memories,
    .description = size,
  };

  g_byte_array_set_size (p->record, 0);
  g_byte_array_append (p->record, (gpointer) & frame, sizeof (frame));
  g_byte_array_append (p->record, (gpointer) memories,
      nr_memories * sizeof (*memories));
  g_byte_array_append (p->record, description, size);
}

gint
publisher_publish (Publisher * p, const WireMemory * memories,
    guint nr_memories, gconstpointer description, gsize size, gpointer frame)
{
  gpointer old = NULL;
  gint index, newest, ret;

  g_return_val_if_fail (nr_memories && nr_memories <= WIRE_MAX_MEMORIES,
      -EINVAL);
  if (sizeof (WireFrame) + nr_memories * sizeof (*memories) + size >
      DRM_FUSION_MAX_PAYLOAD)
    return -EMSGSIZE;
  g_mutex_lock (&p->lock);
  ret = p->fusion ? find_slot (p) : -ESHUTDOWN;
  if (ret < 0)
    goto out;
  index = ret;
  make_record (p, memories, nr_memories, description, size,
      fusion_ref_id (p->slots[index].ref), 0);
  ret = dispatch (p, WIRE_FRAMES, p->record->data, p->record->len, index);
  newest = p->newest;
  p->newest = -1;
  if (ret) {
    /* the record is nobody's */
    g_byte_array_set_size (p->record, 0);
  } else {
    p->slots[index].frame = frame;
    p->newest = index;
    p->ended = FALSE;
  }
  if (newest >= 0)
    old = take_released (p, newest);
out:
  g_mutex_unlock (&p->lock);
  release (p, old);
  return ret;
}

gint
publisher_end_stream (Publisher * p)
{
  gint ret = -ESHUTDOWN;
  WireFrame *newest;

  g_mutex_lock (&p->lock);
  if (p->fusion && !p->ended) {
    WireFrame end = {
      .head = {WIRE_MAGIC, WIRE_VERSION, WIRE_FRAME},
      .sequence = ++p->sequence,
      .forgotten = p->forgotten,
      .flags = WIRE_LAST,
    };

    /* not as a frame: the oldest one would be dropped for it */
    ret = dispatch (p, WIRE_CONTROL, &end, sizeof (end), -1);
    if (!p->record->len)
      g_byte_array_append (p->record, (gpointer) & end, sizeof (end));
    /* who comes late gets both in one */
    newest = (WireFrame *) p->record->data;
    newest->flags |= WIRE_LAST;
    p->ended = TRUE;
  } else if (p->fusion) {
    ret = 0;
  }
  g_mutex_unlock (&p->lock);
  return ret;
}

void
publisher_forget_newest (Publisher * p)
{
  gpointer old = NULL;
  gint newest;

  g_mutex_lock (&p->lock);
  newest = p->newest;
  p->newest = -1;
  p->ended = FALSE;
  g_byte_array_set_size (p->record, 0);
  if (p->fusion && newest >= 0)
    old = take_released (p, newest);
  g_mutex_unlock (&p->lock);
  release (p, old);
}

/* With the lock. */
static gboolean
all_received (Publisher * p)
{
  guint i;

  for (i = 0; i < MAX_SLOTS; i++)
    if (p->slots[i].dispatches)
      return FALSE;
  return TRUE;
}

gboolean
publisher_drain (Publisher * p, gint64 until)
{
  gboolean ret;

  g_mutex_lock (&p->lock);
  while (!all_received (p) && !p->wake && p->fusion)
    if (!g_cond_wait_until (&p->cond, &p->lock, until))
      break;
  ret = all_received (p);
  g_mutex_unlock (&p->lock);
  return ret;
}

gboolean
publisher_wait_receiver (Publisher * p)
{
  gboolean ret;

  g_mutex_lock (&p->lock);
  while (!g_hash_table_size (p->receivers) && !p->wake && p->fusion)
    g_cond_wait (&p->cond, &p->lock);
  ret = g_hash_table_size (p->receivers) > 0;
  g_mutex_unlock (&p->lock);
  return ret;
}

void
publisher_wake (Publisher * p, gboolean wake)
{
  g_mutex_lock (&p->lock);
  p->wake = wake;
  g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
}

guint
publisher_receivers (Publisher * p)
{
  guint ret;

  g_mutex_lock (&p->lock);
  ret = g_hash_table_size (p->receivers);
  g_mutex_unlock (&p->lock);
  return ret;
}

guint
publisher_in_flight (Publisher * p)
{
  guint ret = 0, i;

  g_mutex_lock (&p->lock);
  for (i = 0; i < MAX_SLOTS; i++)
    ret += p->slots[i].frame != NULL;
  g_mutex_unlock (&p->lock);
  return ret;
}

void
publisher_close (Publisher * p)
{
  struct fusion *fusion;
  guint i;

  g_mutex_lock (&p->lock);
  p->stop = TRUE;
  g_mutex_unlock (&p->lock);
  if (p->thread) {
    wake_thread (p);
    g_thread_join (p->thread);
    p->thread = NULL;
  }
  g_mutex_lock (&p->lock);
  fusion = p->fusion;
  p->fusion = NULL;
  if (p->socket >= 0)
    close (p->socket);
  p->socket = -1;
  g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
  for (i = 0; i < MAX_SLOTS; i++)
    if (p->slots[i].ref)
      fusion_ref_close (g_steal_pointer (&p->slots[i].ref));
  /* all objects go with the world */
  fusion_leave (fusion);
  for (i = 0; i < MAX_SLOTS; i++)
    release (p, g_steal_pointer (&p->slots[i].frame));
}
