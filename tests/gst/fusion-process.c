// SPDX-License-Identifier: GPL-2.0
/*
 * Processes of fusion-receiver, as tests see them.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <gst/check/gstcheck.h>

#include "fusion-process.h"

/* beside the test program */
static gchar *
find_program (void)
{
  gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  gchar *dir = g_path_get_dirname (self);
  gchar *program = g_build_filename (dir, "fusion-receiver", NULL);

  g_free (self);
  g_free (dir);
  return program;
}

void
process_start (Process * p, const gchar * format, ...)
{
  gchar *argv[] = { find_program (), NULL, NULL };
  GError *error = NULL;
  va_list args;
  gint in, out;

  va_start (args, format);
  argv[1] = g_strdup_vprintf (format, args);
  va_end (args);
  fail_unless (g_spawn_async_with_pipes (NULL, argv, NULL,
          G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL,
          NULL, &p->pid, &in, &out, NULL, &error), "%s",
      error ? error->message : "");
  /* else the next process would keep the input of this one open */
  fcntl (in, F_SETFD, FD_CLOEXEC);
  fcntl (out, F_SETFD, FD_CLOEXEC);
  p->in = fdopen (in, "w");
  p->out = fdopen (out, "r");
  g_free (argv[0]);
  g_free (argv[1]);
}

void
process_tell (Process * p, const gchar * command)
{
  fprintf (p->in, "%s\n", command);
  fflush (p->in);
}

gchar *
process_wait (Process * p, const gchar * begin)
{
  gchar line[4096];

  while (fgets (line, sizeof (line), p->out)) {
    g_strchomp (line);
    GST_LOG ("process %d: %s", p->pid, line);
    if (g_str_has_prefix (line, begin))
      return g_strdup (line + strlen (begin));
    fail_if (g_str_has_prefix (line, "error"), "%s", line);
  }
  fail ("process %d ended before it said \"%s\"", p->pid, begin);
  return NULL;
}

void
process_wait_frame (Process * p, Frame * frame)
{
  gchar *line = process_wait (p, "frame ");

  frame->meta[0] = 0;
  fail_unless (sscanf (line, "%" G_GUINT64_FORMAT " %u %" G_GUINT64_FORMAT
          " %d %" G_GUINT64_FORMAT " %d%255[^\n]", &frame->offset,
          &frame->checksum, &frame->inode, &frame->stride, &frame->time,
          &frame->writable, frame->meta) >= 6);
  g_free (line);
}

void
process_wait_offset (Process * p, guint64 offset, Frame * frame)
{
  do
    process_wait_frame (p, frame);
  while (frame->offset < offset);
}

void
process_signal (Process * p, int signal)
{
  fail_if (kill (p->pid, signal));
}

static gint
reap (Process * p)
{
  gint status;

  fail_unless_equals_int (waitpid (p->pid, &status, 0), p->pid);
  fclose (p->out);
  return status;
}

void
process_end (Process * p)
{
  gchar line[4096];

  fclose (p->in);
  /* it may have more to say */
  while (fgets (line, sizeof (line), p->out));
  fail_unless_equals_int (reap (p), 0);
}

void
process_kill (Process * p)
{
  process_signal (p, SIGKILL);
  fclose (p->in);
  fail_unless (WIFSIGNALED (reap (p)));
}
