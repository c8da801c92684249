// SPDX-License-Identifier: GPL-2.0
/*
 * Where publisher and receivers meet.
 *
 * The publisher answers each connection with one message, WireGreeting with the file
 * descriptor of the world, and closes it. All else goes through the world.
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rendezvous.h"
#include "wire.h"

#define BACKLOG 64

gchar *
rendezvous_path (const gchar * name)
{
  const gchar *dir = g_getenv ("XDG_RUNTIME_DIR");

  return dir && *dir ? g_strdup_printf ("%s/fusion-%s", dir, name) : NULL;
}

/* The length of the address, or an error. */
static gint
make_address (struct sockaddr_un *address, const gchar * path,
    gboolean abstract)
{
  gsize length = strlen (path);

  if (length + 1 > sizeof (address->sun_path))
    return -ENAMETOOLONG;
  memset (address, 0, sizeof (*address));
  address->sun_family = AF_UNIX;
  memcpy (address->sun_path + abstract, path, length);
  return offsetof (struct sockaddr_un, sun_path) + length + 1;
}

static gint
make_socket (void)
{
  gint fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  return fd < 0 ? -errno : fd;
}

/* Removes a path that nobody listens on any more. */
static gint
remove_stale (const gchar * path, const struct sockaddr_un *address,
    socklen_t length)
{
  struct stat st;
  gint fd, err;

  if (lstat (path, &st))
    return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK (st.st_mode))
    return -EEXIST;
  fd = make_socket ();
  if (fd < 0)
    return fd;
  err = connect (fd, (const struct sockaddr *) address, length) ? errno : 0;
  close (fd);
  if (err == ENOENT)
    return 0;
  if (err != ECONNREFUSED)
    return -EADDRINUSE;
  return unlink (path) && errno != ENOENT ? -errno : 0;
}

gint
rendezvous_listen (const gchar * path, gboolean abstract, guint mode)
{
  struct sockaddr_un address;
  gint length = make_address (&address, path, abstract), fd, ret;

  if (length < 0)
    return length;
  fd = make_socket ();
  if (fd < 0)
    return fd;
  /* the path has this mode, less the umask, from its first moment */
  if (!abstract && fchmod (fd, mode))
    goto err;
  if (bind (fd, (struct sockaddr *) &address, length)) {
    if (errno != EADDRINUSE || abstract)
      goto err;
    ret = remove_stale (path, &address, length);
    if (ret) {
      close (fd);
      return ret;
    }
    if (bind (fd, (struct sockaddr *) &address, length))
      goto err;
  }
  if (!abstract && chmod (path, mode))
    goto err;
  if (listen (fd, BACKLOG))
    goto err;
  return fd;

err:
  ret = -errno;
  close (fd);
  return ret;
}

void
rendezvous_greet (gint socket, gint world)
{
  WireGreeting greeting = { WIRE_MAGIC, WIRE_VERSION };
  struct iovec iov = {.iov_base = &greeting,.iov_len = sizeof (greeting) };
  union
  {
    struct cmsghdr head;
    gchar space[CMSG_SPACE (sizeof (gint))];
  }
  control;
  struct msghdr message = {
    .msg_iov = &iov,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof (control),
  };
  struct cmsghdr *head = CMSG_FIRSTHDR (&message);
  gint fd = accept4 (socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd < 0)
    return;
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN (sizeof (world));
  memcpy (CMSG_DATA (head), &world, sizeof (world));
  /* There is room in a new connection. Who has gone meanwhile needs nothing. */
  if (sendmsg (fd, &message, MSG_NOSIGNAL) < 0)
    g_debug ("a receiver was not greeted: %s", g_strerror (errno));
  close (fd);
}

static gint
wait_answer (gint fd, gint cancel_fd, gint64 until)
{
  struct pollfd fds[] = {
    {.fd = fd,.events = POLLIN},
    {.fd = cancel_fd,.events = POLLIN},
  };
  gint64 left;
  gint ret;

  do {
    left = MAX (until - g_get_monotonic_time (), 0);
    ret = poll (fds, G_N_ELEMENTS (fds), MIN (left / 1000 + 1, G_MAXINT));
  } while (ret < 0 && errno == EINTR);
  if (ret < 0)
    return -errno;
  if (fds[1].revents)
    return -ECANCELED;
  return ret ? 0 : -ETIMEDOUT;
}

static gint
receive_world (gint fd)
{
  WireGreeting greeting;
  struct iovec iov = {.iov_base = &greeting,.iov_len = sizeof (greeting) };
  union
  {
    struct cmsghdr head;
    gchar space[CMSG_SPACE (sizeof (gint))];
  }
  control;
  struct msghdr message = {
    .msg_iov = &iov,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof (control),
  };
  struct cmsghdr *head;
  ssize_t size = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
  gint world = -1;

  if (size < 0)
    return -errno;
  head = CMSG_FIRSTHDR (&message);
  if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS
      && head->cmsg_len == CMSG_LEN (sizeof (world)))
    memcpy (&world, CMSG_DATA (head), sizeof (world));
  /* it has ended between connection and answer */
  if (!size)
    return -ECONNREFUSED;
  if (world >= 0 && size == sizeof (greeting) && greeting.magic == WIRE_MAGIC
      && greeting.version == WIRE_VERSION)
    return world;
  if (world >= 0)
    close (world);
  return -EPROTO;
}

gint
rendezvous_connect (const gchar * path, gboolean abstract, gint cancel_fd,
    gint64 until)
{
  struct sockaddr_un address;
  gint length = make_address (&address, path, abstract), fd, ret = 0;

  if (length < 0)
    return length;
  fd = make_socket ();
  if (fd < 0)
    return fd;
  if (connect (fd, (struct sockaddr *) &address, length))
    /* another type of socket is somebody else's */
    ret = errno == EPROTOTYPE ? -EPROTO : -errno;
  if (!ret)
    ret = wait_answer (fd, cancel_fd, until);
  if (!ret)
    ret = receive_world (fd);
  close (fd);
  return ret;
}
