/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes of fusion-receiver, as tests see them.
 */
#ifndef _TESTS_GST_FUSION_PROCESS_H
#define _TESTS_GST_FUSION_PROCESS_H

#include <stdio.h>

#include <glib.h>

typedef struct
{
  GPid pid;
  FILE *in;
  FILE *out;
} Process;

/* what a process says of a frame */
typedef struct
{
  guint64 offset;
  guint32 checksum;
  guint64 inode;
  gint stride;
  guint64 time;
  gint writable;
  gchar meta[256];
} Frame;

/* Starts one with this launch line. Descriptors without FD_CLOEXEC are inherited. */
void process_start (Process * p, const gchar * format, ...) G_GNUC_PRINTF (2,
    3);
/* Tells it a command. */
void process_tell (Process * p, const gchar * command);
/* The next line that begins so, without that: others are skipped. Owned by the caller. */
gchar *process_wait (Process * p, const gchar * begin);
/* The next frame. */
void process_wait_frame (Process * p, Frame * frame);
/* The next frame with this offset or a later one. */
void process_wait_offset (Process * p, guint64 offset, Frame * frame);
void process_signal (Process * p, int signal);
/* Ends it, and expects that it ends well. */
void process_end (Process * p);
/* Ends it with SIGKILL. */
void process_kill (Process * p);

#endif
