// SPDX-License-Identifier: GPL-2.0
/*
 * Why a receiver does not get into a world, and what to do.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>

#include <libdrm_fusion.h>

#include "gstfusionexplain.h"

static void
explain_fd (GstElement * src, gint fd, gint err)
{
  if (err == -EBADF || err == -EINVAL)
    GST_ELEMENT_ERROR (src, RESOURCE, SETTINGS,
        ("%d is no file descriptor of a world. Pass the one that the property "
            "fd of fusionsink has.", fd), (NULL));
  else
    GST_ELEMENT_ERROR (src, RESOURCE, OPEN_READ,
        ("The world with file descriptor %d cannot be joined: %s. %s", fd,
            g_strerror (-err), fusion_explain (err)), (NULL));
}

void
gst_fusion_src_explain (GstElement * src, const gchar * path, gint fd, gint err)
{
  switch (path ? err : -EBADMSG) {
    case -EBADMSG:
      explain_fd (src, fd, err);
      break;
    case -ENOENT:
    case -ECONNREFUSED:
      GST_ELEMENT_ERROR (src, RESOURCE, NOT_FOUND,
          ("Nobody publishes at %s. Start fusionsink there first, or set "
              "connection-timeout to wait for it.", path), (NULL));
      break;
    case -EACCES:
    case -EPERM:
      GST_ELEMENT_ERROR (src, RESOURCE, NOT_AUTHORIZED,
          ("You may not receive from %s, or may not open the render node of "
              "fusion. Be the user who publishes, or let socket-mode of "
              "fusionsink allow it.", path), (NULL));
      break;
    case -EPROTO:
      GST_ELEMENT_ERROR (src, RESOURCE, OPEN_READ,
          ("Who listens at %s is no fusionsink, or one of another version. "
              "Take the path of one.", path), (NULL));
      break;
    case -EAGAIN:
    case -ETIMEDOUT:
      GST_ELEMENT_ERROR (src, RESOURCE, OPEN_READ,
          ("Who publishes at %s does not answer. Is it stopped?", path),
          (NULL));
      break;
    case -EUSERS:
      GST_ELEMENT_ERROR (src, RESOURCE, NO_SPACE_LEFT,
          ("%s has all the receivers that it may have. Set max-clients of "
              "fusionsink to more.", path), (NULL));
      break;
    case -ENAMETOOLONG:
      GST_ELEMENT_ERROR (src, RESOURCE, SETTINGS,
          ("%s is too long for a socket. Take a shorter path.", path), (NULL));
      break;
    default:
      GST_ELEMENT_ERROR (src, RESOURCE, OPEN_READ,
          ("%s cannot be received from: %s. %s", path, g_strerror (-err),
              fusion_explain (err)), (NULL));
  }
}
