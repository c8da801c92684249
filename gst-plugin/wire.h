/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a publisher tells its receivers: see Documentation/gstreamer/fusion-protocol.rst.
 *
 * Both run on one machine: numbers are in its byte order.
 */
#ifndef _GST_PLUGIN_WIRE_H
#define _GST_PLUGIN_WIRE_H

#include <glib.h>

G_BEGIN_DECLS

#define WIRE_MAGIC 0x50475346   /* "FSGP" */
#define WIRE_VERSION 1

/* The reactor of the world's first member. Its name has the version, too. */
#define WIRE_REACTOR "gst-frames-1"

/* channels of the reactor */
#define WIRE_FRAMES 0           /* frames as they come */
#define WIRE_CONTROL 1          /* buffers that are gone, and the end */
#define WIRE_NEWEST 2           /* the newest frame, for who has just come */

/* kind of the message of who has attached to all channels */
#define WIRE_HELLO 1

/* types of records */
#define WIRE_FRAME 1
#define WIRE_FORGET 2

#define WIRE_MAX_MEMORIES 16

/* the only bytes that go over the socket, with the file descriptor of the world */
typedef struct
{
  guint32 magic;
  guint32 version;
} WireGreeting;

typedef struct
{
  guint32 magic;
  guint16 version;
  guint16 type;
} WireHead;

/* WireFrame.flags */
#define WIRE_LAST (1 << 0)      /* nothing comes after it */

/* a piece of a frame */
typedef struct
{
  guint32 buffer;               /* number in the world */
  guint32 pad;
  guint64 offset;
  guint64 size;
} WireMemory;

/* Behind it are the memories, and then the description. */
typedef struct
{
  WireHead head;
  guint64 sequence;             /* from 1, one more for each frame */
  guint64 forgotten;            /* how many WireForget there were before */
  guint32 reference;            /* to be counted up by who uses the frame */
  guint32 flags;
  guint32 memories;             /* zero: no frame, only WIRE_LAST */
  guint32 description;          /* bytes */
} WireFrame;

/* Nobody may open this buffer any more. */
typedef struct
{
  WireHead head;
  guint64 serial;               /* from 1, one more for each record of this type */
  guint32 buffer;
  guint32 pad;
} WireForget;

G_END_DECLS

#endif
