/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The member of a world that publishes frames. It knows nothing of what is in them.
 *
 * Functions that can fail return a negative error number.
 */
#ifndef _GST_PLUGIN_PUBLISHER_H
#define _GST_PLUGIN_PUBLISHER_H

#include <glib.h>

#include "wire.h"

G_BEGIN_DECLS

typedef struct _Publisher Publisher;

/* Called without a lock, from any thread that uses the publisher and from its own one. */
typedef struct
{
  /* No receiver has this frame any more. */
  void (*released) (gpointer user, gpointer frame);
  /* Receivers have come or gone. */
  void (*changed) (gpointer user);
} PublisherEvents;

/* Makes a world with the caller as its publisher. Zero receivers: as many as come. */
gint publisher_new (const gchar * name, guint max_receivers,
    const PublisherEvents * events, gpointer user, Publisher ** out);
Publisher *publisher_ref (Publisher * p);
void publisher_unref (Publisher * p);

/* A file descriptor of the world, closed on exec. */
gint publisher_export (Publisher * p);
/* Receivers that come by this socket get the world. The publisher owns the socket. Once. */
gint publisher_listen (Publisher * p, gint socket);

/* Shares a dma-buf. One that is shared already has the same number, and is removed as often
 * as it was added. */
gint publisher_add_buffer (Publisher * p, gint dmabuf, guint32 * id);
void publisher_remove_buffer (Publisher * p, guint32 id);

/* Publishes a frame, which stays until it is released. -EBUSY: too many frames are out. */
gint publisher_publish (Publisher * p, const WireMemory * memories,
    guint nr_memories, gconstpointer description, gsize size, gpointer frame);
/* Nothing comes any more, until a frame is published again. */
gint publisher_end_stream (Publisher * p);
/* Who comes from now on gets no frame until the next one is published. */
void publisher_forget_newest (Publisher * p);
/* Waits until all receivers have received all, at most until the time, in microseconds of
 * the monotonic clock, or until publisher_wake(). */
gboolean publisher_drain (Publisher * p, gint64 until);
/* As publisher_drain(), for the first receiver. Negative: without end. */
gboolean publisher_wait_receiver (Publisher * p);
/* Ends waiting until publisher_wake (FALSE). */
void publisher_wake (Publisher * p, gboolean wake);

guint publisher_receivers (Publisher * p);
/* Frames that are not released, the newest one, too. */
guint publisher_in_flight (Publisher * p);

/* Ends the world. All frames are released. */
void publisher_close (Publisher * p);

G_END_DECLS

#endif
