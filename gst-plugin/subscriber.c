// SPDX-License-Identifier: GPL-2.0
/*
 * A member of a world that receives the frames of its publisher.
 *
 * Messages are read as few at a time as possible: one that is read is not dropped any more
 * when newer ones come. What was read is counted up at once, and then the kernel is told
 * that it is processed, so nobody waits for what is done with it later.
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

#include "subscriber.h"

/* the first member of the world */
#define PUBLISHER 1

/* How long the publisher may take to read a greeting, in nanoseconds. */
#define PATIENCE (5 * G_GINT64_CONSTANT (1000000000))

struct _Subscriber
{
  gatomicrefcount refs;
  struct fusion *fusion;
  guint32 reactor;
  gint release_fd;
  gint held;                    /* atomic */

  GMutex lock;
  GHashTable *references;       /* number -> struct fusion_ref, protected by lock */

  /* of the thread that receives */
  GByteArray *room;
  GQueue events;                /* of SubscriberEvent */
  guint64 sequence;             /* of the last frame */
  guint64 forgotten;            /* of the last SUBSCRIBER_FORGET */
  gboolean joining;             /* still on WIRE_NEWEST */
};

static gint
find_reactor (Subscriber * s)
{
  struct drm_fusion_query_object object = { };
  struct drm_fusion_query query = {
    .what = DRM_FUSION_QUERY_OBJECTS,
    .type = DRM_FUSION_REACTOR,
    .records = (uintptr_t) & object,
  };
  gint ret;

  do {
    query.count = 1;
    query.after = object.id;
    ret = fusion_query (s->fusion, &query);
    if (ret)
      return ret;
    if (!query.count)
      return -EPROTO;
  } while (object.creator != PUBLISHER
      || strcmp ((const char *) object.name, WIRE_REACTOR));
  s->reactor = object.id;
  return 0;
}

static gint
attach (Subscriber * s, guint32 channel, guint limit)
{
  return fusion_reactor_attach (s->fusion, s->reactor, channel,
      DRM_FUSION_FULL_DROP_OLDEST, limit);
}

static gint
join (Subscriber * s, gint world, const gchar * name, guint queue_size)
{
  struct drm_fusion_message_send hello = {
    .member = PUBLISHER,
    .kind = WIRE_HELLO,
    .timeout = g_get_monotonic_time () * 1000 + PATIENCE,
  };
  gint ret = fusion_join (&s->fusion, world, name);

  if (!ret)
    ret = find_reactor (s);
  if (!ret)
    ret = attach (s, WIRE_CONTROL, 0);
  if (!ret)
    ret = attach (s, WIRE_FRAMES, queue_size);
  if (!ret)
    ret = attach (s, WIRE_NEWEST, 1);
  if (!ret)
    ret = fusion_send (s->fusion, &hello);
  s->joining = TRUE;
  return ret;
}

gint
subscriber_new (gint world, const gchar * name, guint queue_size,
    Subscriber ** out)
{
  Subscriber *s = g_new0 (Subscriber, 1);
  gint ret;

  g_atomic_ref_count_init (&s->refs);
  g_mutex_init (&s->lock);
  g_queue_init (&s->events);
  s->references = g_hash_table_new_full (NULL, NULL, NULL,
      (GDestroyNotify) fusion_ref_close);
  s->room = g_byte_array_new ();
  g_byte_array_set_size (s->room, 256);
  s->release_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  ret = s->release_fd < 0 ? -errno : join (s, world, name, queue_size);
  if (ret)
    subscriber_unref (s);
  else
    *out = s;
  return ret;
}

Subscriber *
subscriber_ref (Subscriber * s)
{
  g_atomic_ref_count_inc (&s->refs);
  return s;
}

void
subscriber_unref (Subscriber * s)
{
  if (!g_atomic_ref_count_dec (&s->refs))
    return;
  g_queue_clear_full (&s->events, g_free);
  g_hash_table_unref (s->references);
  fusion_leave (s->fusion);
  g_byte_array_unref (s->room);
  if (s->release_fd >= 0)
    close (s->release_fd);
  g_mutex_clear (&s->lock);
  g_free (s);
}

/* With the lock. */
static struct fusion_ref *
find_reference (Subscriber * s, guint32 id)
{
  struct fusion_ref *ref =
      g_hash_table_lookup (s->references, GUINT_TO_POINTER (id));

  if (!ref && !fusion_ref_open (s->fusion, id, &ref))
    g_hash_table_insert (s->references, GUINT_TO_POINTER (id), ref);
  return ref;
}

static gboolean
hold (Subscriber * s, guint32 id)
{
  struct fusion_ref *ref;
  gboolean ret;

  g_mutex_lock (&s->lock);
  ref = find_reference (s, id);
  ret = ref && !fusion_ref_up (ref);
  g_mutex_unlock (&s->lock);
  if (ret)
    g_atomic_int_inc (&s->held);
  return ret;
}

void
subscriber_release (Subscriber * s, guint32 hold)
{
  guint64 one = 1;

  g_mutex_lock (&s->lock);
  fusion_ref_down (find_reference (s, hold));
  g_mutex_unlock (&s->lock);
  g_atomic_int_add (&s->held, -1);
  if (write (s->release_fd, &one, sizeof (one)) < 0)
    g_warn_if_reached ();
}

guint
subscriber_held (Subscriber * s)
{
  return g_atomic_int_get (&s->held);
}

static SubscriberEvent *
add_event (Subscriber * s, SubscriberEventType type)
{
  SubscriberEvent *event = g_new0 (SubscriberEvent, 1);

  event->type = type;
  g_queue_push_tail (&s->events, event);
  return event;
}

/* What was forgotten before this was told, or not. */
static void
check_forgotten (Subscriber * s, guint64 forgotten)
{
  if (forgotten <= s->forgotten)
    return;
  s->forgotten = forgotten;
  add_event (s, SUBSCRIBER_FORGET_ALL);
}

static void
add_frame (Subscriber * s, const WireFrame * frame, gsize size)
{
  gsize memories = frame->memories * sizeof (WireMemory);
  SubscriberEvent *event;

  if (frame->memories > WIRE_MAX_MEMORIES
      || size < sizeof (*frame) + memories
      || size - sizeof (*frame) - memories < frame->description)
    return;
  if (s->joining) {
    fusion_reactor_detach (s->fusion, s->reactor, WIRE_NEWEST);
    s->joining = FALSE;
  }
  /* the newest one when we came, for example */
  if (frame->sequence <= s->sequence)
    return;
  s->sequence = frame->sequence;
  check_forgotten (s, frame->forgotten);
  /* an error here is the end of the world, which is told soon */
  if (frame->memories && hold (s, frame->reference)) {
    event = add_event (s, SUBSCRIBER_FRAME);
    event->sequence = frame->sequence;
    event->hold = frame->reference;
    event->nr_memories = frame->memories;
    memcpy (event->memories, frame + 1, memories);
    event->description = (const gchar *) (frame + 1) + memories;
    event->size = frame->description;
  }
  if (frame->flags & WIRE_LAST)
    add_event (s, SUBSCRIBER_LAST);
}

static void
add_forget (Subscriber * s, const WireForget * forget, gsize size)
{
  SubscriberEvent *event;

  if (size != sizeof (*forget))
    return;
  /* those that we have not got are told as such */
  check_forgotten (s, forget->serial - 1);
  s->forgotten = MAX (s->forgotten, forget->serial);
  event = add_event (s, SUBSCRIBER_FORGET);
  event->buffer = forget->buffer;
}

/* Records of who else may be in the world are not listened to. */
static void
add_message (Subscriber * s, const struct drm_fusion_event *event)
{
  const WireHead *head = fusion_event_data (event);

  if (event->base.type != DRM_FUSION_EVENT_REACTOR
      || event->object != s->reactor || event->sender != PUBLISHER
      || event->size < sizeof (WireHead) || head->magic != WIRE_MAGIC
      || head->version != WIRE_VERSION)
    return;
  if (head->type == WIRE_FRAME && event->size >= sizeof (WireFrame))
    add_frame (s, (const WireFrame *) head, event->size);
  else if (head->type == WIRE_FORGET)
    add_forget (s, (const WireForget *) head, event->size);
}

/* Tells the kernel that all is processed that this thread has read. */
static void
processed (Subscriber * s)
{
  struct drm_fusion_receive nothing = { };

  fusion_receive (s->fusion, &nothing);
}

/* Reads at least one message, if there is one. */
static gint
read_messages (Subscriber * s)
{
  struct drm_fusion_receive args = { };
  const struct drm_fusion_event *event = NULL;
  gint ret;

  for (;;) {
    args.buffer = (uintptr_t) s->room->data;
    args.size = s->room->len;
    ret = fusion_receive (s->fusion, &args);
    if (ret != -EMSGSIZE)
      break;
    /* Twice as much, which is less than for two of them. */
    g_byte_array_set_size (s->room, s->room->len * 2);
  }
  if (ret)
    return ret == -ETIMEDOUT ? 0 : ret;
  while ((event = fusion_event_next (&args, event)))
    add_message (s, event);
  processed (s);
  return 1;
}

gint
subscriber_receive (Subscriber * s, SubscriberEvent * event)
{
  SubscriberEvent *next;
  gint ret = 1;

  /* what is read may be nothing for us */
  while (g_queue_is_empty (&s->events) && ret > 0)
    ret = read_messages (s);
  next = g_queue_pop_head (&s->events);
  if (!next) {
    memset (event, 0, sizeof (*event));
    return ret;
  }
  *event = *next;
  g_free (next);
  return 0;
}

gint
subscriber_wait (Subscriber * s, gboolean receive, gboolean release,
    gint cancel_fd)
{
  struct pollfd fds[] = {
    {.fd = cancel_fd,.events = POLLIN},
    {.fd = receive ? fusion_fd (s->fusion) : -1,.events = POLLIN},
    {.fd = release ? s->release_fd : -1,.events = POLLIN},
  };
  guint64 count;
  gint ret;

  do {
    ret = poll (fds, G_N_ELEMENTS (fds), -1);
  } while (ret < 0 && errno == EINTR);
  if (ret < 0)
    return -errno;
  if (fds[2].revents && read (s->release_fd, &count, sizeof (count)) < 0)
    g_warn_if_reached ();
  return fds[0].revents ? -ECANCELED : 0;
}

void
subscriber_stop (Subscriber * s)
{
  SubscriberEvent event;

  fusion_reactor_detach (s->fusion, s->reactor, WIRE_FRAMES);
  fusion_reactor_detach (s->fusion, s->reactor, WIRE_CONTROL);
  if (s->joining)
    fusion_reactor_detach (s->fusion, s->reactor, WIRE_NEWEST);
  s->joining = FALSE;
  while (!subscriber_receive (s, &event) && event.type != SUBSCRIBER_NOTHING)
    if (event.type == SUBSCRIBER_FRAME)
      subscriber_release (s, event.hold);
}

gint
subscriber_open_buffer (Subscriber * s, guint32 id)
{
  guint32 handle;
  gint ret = fusion_buffer_open (s->fusion, id, &handle, NULL);

  if (ret)
    return ret;
  ret = fusion_buffer_export (s->fusion, handle);
  /* the dma-buf keeps the memory */
  fusion_buffer_close (s->fusion, handle);
  return ret;
}
