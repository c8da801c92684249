/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where publisher and receivers meet: a socket over which the file descriptor of the world
 * goes.
 *
 * Functions that can fail return a negative error number.
 */
#ifndef _GST_PLUGIN_RENDEZVOUS_H
#define _GST_PLUGIN_RENDEZVOUS_H

#include <glib.h>

G_BEGIN_DECLS

/* The path of a world's name in the user's runtime directory, or NULL if there is none. */
gchar *rendezvous_path (const gchar * name);

/* A socket to listen on. A path that nobody listens on any more is taken over; -EADDRINUSE:
 * somebody does, -EEXIST: it is no socket. The mode is for a path only. */
gint rendezvous_listen (const gchar * path, gboolean abstract, guint mode);

/* Takes in who has connected and gives it the world. */
void rendezvous_greet (gint socket, gint world);

/* The world of who listens there. -ENOENT, -ECONNREFUSED: nobody; -EPROTO: somebody else;
 * -EAGAIN: too many ask. Waits for the answer until the time, in microseconds of the
 * monotonic clock (-ETIMEDOUT), or until cancel_fd can be read (-ECANCELED). */
gint rendezvous_connect (const gchar * path, gboolean abstract, gint cancel_fd,
    gint64 until);

G_END_DECLS

#endif
