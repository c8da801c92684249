/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of shared buffers: /sys/kernel/tracing/events/shrbuf.
 *
 * Buffers are named by their id, devices by their name. No addresses.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shrbuf

#if !defined(_SHRBUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SHRBUF_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

#include "shrbuf-priv.h"

DECLARE_EVENT_CLASS(shrbuf_buffer,
		    TP_PROTO(const struct shrbuf *sb),
		    TP_ARGS(sb),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(u64, size)
				     __string(backing, sb->ops->name)
				     __string(name, sb->name)),
		    TP_fast_assign(__entry->id = sb->id;
				   __entry->size = sb->size;
				   shrbuf_compat_assign_str(backing, sb->ops->name);
				   shrbuf_compat_assign_str(name, sb->name);),
		    TP_printk("id=%u size=%llu backing=%s name=%s", __entry->id,
			      __entry->size, __get_str(backing), __get_str(name))
);

/* life of a buffer */
DEFINE_EVENT(shrbuf_buffer, shrbuf_create,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_release,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_export,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_import,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);

/* content */
DECLARE_EVENT_CLASS(shrbuf_content,
		    TP_PROTO(const struct shrbuf *sb),
		    TP_ARGS(sb),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(u32, state)
				     __field(u64, seq)
				     __field(u32, sequence)
				     __field(u32, holds)
				     __field(u64, bytesused)
				     __field(u64, timestamp)),
		    TP_fast_assign(__entry->id = sb->id;
				   __entry->state = sb->frame.state;
				   __entry->seq = sb->frame.seq;
				   __entry->sequence = sb->frame.sequence;
				   __entry->holds = sb->holds;
				   __entry->bytesused = sb->frame.bytesused;
				   __entry->timestamp = sb->frame.timestamp;),
		    TP_printk("id=%u state=%s seq=%llu holds=%u sequence=%u bytesused=%llu timestamp=%llu",
			      __entry->id,
			      __print_symbolic(__entry->state,
					       { SHRBUF_STATE_EMPTY, "empty" },
					       { SHRBUF_STATE_FILLING, "filling" },
					       { SHRBUF_STATE_FILLED, "filled" },
					       { SHRBUF_STATE_ERROR, "error" }),
			      __entry->seq, __entry->holds, __entry->sequence,
			      __entry->bytesused, __entry->timestamp)
);
DEFINE_EVENT(shrbuf_content, shrbuf_state,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_content, shrbuf_hold,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_content, shrbuf_unhold,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);

/* fences of frames to come */
DECLARE_EVENT_CLASS(shrbuf_fence,
		    TP_PROTO(const struct shrbuf *sb, u64 seqno, int error),
		    TP_ARGS(sb, seqno, error),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(u64, seqno)
				     __field(int, error)),
		    TP_fast_assign(__entry->id = sb->id;
				   __entry->seqno = seqno;
				   __entry->error = error;),
		    TP_printk("id=%u seqno=%llu error=%d", __entry->id,
			      __entry->seqno, __entry->error)
);
DEFINE_EVENT(shrbuf_fence, shrbuf_fence_publish,
	     TP_PROTO(const struct shrbuf *sb, u64 seqno, int error),
	     TP_ARGS(sb, seqno, error)
);
DEFINE_EVENT(shrbuf_fence, shrbuf_fence_signal,
	     TP_PROTO(const struct shrbuf *sb, u64 seqno, int error),
	     TP_ARGS(sb, seqno, error)
);

/* routes */
TRACE_EVENT(shrbuf_route_frame,
	    TP_PROTO(u32 route, u32 index, u32 sequence),
	    TP_ARGS(route, index, sequence),
	    TP_STRUCT__entry(__field(u32, route)
			     __field(u32, index)
			     __field(u32, sequence)),
	    TP_fast_assign(__entry->route = route;
			   __entry->index = index;
			   __entry->sequence = sequence;),
	    TP_printk("route=%u index=%u sequence=%u", __entry->route, __entry->index,
		      __entry->sequence)
);
TRACE_EVENT(shrbuf_route_fail,
	    TP_PROTO(u32 route, int error),
	    TP_ARGS(route, error),
	    TP_STRUCT__entry(__field(u32, route)
			     __field(int, error)),
	    TP_fast_assign(__entry->route = route;
			   __entry->error = error;),
	    TP_printk("route=%u error=%d", __entry->route, __entry->error)
);
DECLARE_EVENT_CLASS(shrbuf_sink,
		    TP_PROTO(u32 route, u32 sink, u32 index, int result),
		    TP_ARGS(route, sink, index, result),
		    TP_STRUCT__entry(__field(u32, route)
				     __field(u32, sink)
				     __field(u32, index)
				     __field(int, result)),
		    TP_fast_assign(__entry->route = route;
				   __entry->sink = sink;
				   __entry->index = index;
				   __entry->result = result;),
		    TP_printk("route=%u sink=%u index=%u result=%d", __entry->route,
			      __entry->sink, __entry->index, __entry->result)
);
/* result: of the commit */
DEFINE_EVENT(shrbuf_sink, shrbuf_route_commit,
	     TP_PROTO(u32 route, u32 sink, u32 index, int result),
	     TP_ARGS(route, sink, index, result)
);
/* result: latency in microseconds */
DEFINE_EVENT(shrbuf_sink, shrbuf_route_shown,
	     TP_PROTO(u32 route, u32 sink, u32 index, int result),
	     TP_ARGS(route, sink, index, result)
);
/* result: enum shrbuf_drop */
DEFINE_EVENT(shrbuf_sink, shrbuf_route_drop,
	     TP_PROTO(u32 route, u32 sink, u32 index, int result),
	     TP_ARGS(route, sink, index, result)
);

/* use by the CPU */
DEFINE_EVENT(shrbuf_buffer, shrbuf_mmap,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_vmap,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_vunmap,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_begin_cpu_access,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);
DEFINE_EVENT(shrbuf_buffer, shrbuf_end_cpu_access,
	     TP_PROTO(const struct shrbuf *sb),
	     TP_ARGS(sb)
);

/* a debug buffer was used without DMA_BUF_IOCTL_SYNC, see backing-debug.c */
TRACE_EVENT(shrbuf_sync_missing,
	    TP_PROTO(const struct shrbuf *sb, const char *what),
	    TP_ARGS(sb, what),
	    TP_STRUCT__entry(__field(u32, id)
			     __string(what, what)
			     __string(name, sb->name)),
	    TP_fast_assign(__entry->id = sb->id;
			   shrbuf_compat_assign_str(what, what);
			   shrbuf_compat_assign_str(name, sb->name);),
	    TP_printk("id=%u what=%s name=%s", __entry->id, __get_str(what),
		      __get_str(name))
);

/* use by a device */
DECLARE_EVENT_CLASS(shrbuf_device,
		    TP_PROTO(const struct shrbuf *sb, const struct device *dev),
		    TP_ARGS(sb, dev),
		    TP_STRUCT__entry(__field(u32, id)
				     __string(dev, dev_name(dev))),
		    TP_fast_assign(__entry->id = sb->id;
				   shrbuf_compat_assign_str(dev, dev_name(dev));),
		    TP_printk("id=%u dev=%s", __entry->id, __get_str(dev))
);
DEFINE_EVENT(shrbuf_device, shrbuf_device_attach,
	     TP_PROTO(const struct shrbuf *sb, const struct device *dev),
	     TP_ARGS(sb, dev)
);
DEFINE_EVENT(shrbuf_device, shrbuf_device_detach,
	     TP_PROTO(const struct shrbuf *sb, const struct device *dev),
	     TP_ARGS(sb, dev)
);
DEFINE_EVENT(shrbuf_device, shrbuf_device_map,
	     TP_PROTO(const struct shrbuf *sb, const struct device *dev),
	     TP_ARGS(sb, dev)
);

/* attached queues */
DECLARE_EVENT_CLASS(shrbuf_queue,
		    TP_PROTO(const char *node),
		    TP_ARGS(node),
		    TP_STRUCT__entry(__string(node, node)),
		    TP_fast_assign(shrbuf_compat_assign_str(node, node);),
		    TP_printk("node=%s", __get_str(node))
);
DEFINE_EVENT(shrbuf_queue, shrbuf_queue_attach,
	     TP_PROTO(const char *node),
	     TP_ARGS(node)
);
DEFINE_EVENT(shrbuf_queue, shrbuf_queue_detach,
	     TP_PROTO(const char *node),
	     TP_ARGS(node)
);

#endif /* _SHRBUF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
