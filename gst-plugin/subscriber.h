/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A member of a world that receives the frames of its publisher.
 *
 * Functions that can fail return a negative error number. One thread receives; others may
 * release frames and wait at the same time.
 */
#ifndef _GST_PLUGIN_SUBSCRIBER_H
#define _GST_PLUGIN_SUBSCRIBER_H

#include <glib.h>

#include "wire.h"

G_BEGIN_DECLS

typedef struct _Subscriber Subscriber;

typedef enum
{
  SUBSCRIBER_NOTHING,           /* for now */
  SUBSCRIBER_FRAME,
  SUBSCRIBER_FORGET,            /* this buffer is gone */
  SUBSCRIBER_FORGET_ALL,        /* it is not known which ones are gone */
  SUBSCRIBER_LAST,              /* the stream has ended */
} SubscriberEventType;

/* What it points to is there until the next event is asked for. */
typedef struct
{
  SubscriberEventType type;
  guint32 buffer;               /* of SUBSCRIBER_FORGET */
  /* the rest is of SUBSCRIBER_FRAME */
  guint64 sequence;
  guint32 hold;                 /* for subscriber_release() */
  guint nr_memories;
  WireMemory memories[WIRE_MAX_MEMORIES];
  gconstpointer description;
  gsize size;
} SubscriberEvent;

/* Joins the world as who gets its frames from now on, and the newest one. At most so many
 * wait to be received: then the oldest is dropped. -EPROTO: there is no publisher. */
gint subscriber_new (gint world, const gchar * name, guint queue_size,
    Subscriber ** out);
Subscriber *subscriber_ref (Subscriber * s);
/* The last one leaves the world. */
void subscriber_unref (Subscriber * s);

/* The next event, without waiting. The frame is held. -ESHUTDOWN: the publisher is gone, and
 * nothing is left. */
gint subscriber_receive (Subscriber * s, SubscriberEvent * event);
/* Waits for something to receive (if wanted), for a frame to be released (if wanted), or for
 * cancel_fd (-ECANCELED). */
gint subscriber_wait (Subscriber * s, gboolean receive, gboolean release,
    gint cancel_fd);
/* Receives no more. Frames that are held stay so. */
void subscriber_stop (Subscriber * s);

/* A dma-buf of a buffer of a frame that is held, closed on exec. */
gint subscriber_open_buffer (Subscriber * s, guint32 id);
/* The frame is not used any more. Any thread. */
void subscriber_release (Subscriber * s, guint32 hold);
/* Frames that are held. */
guint subscriber_held (Subscriber * s);

G_END_DECLS

#endif
