/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace points. Worlds, members and objects are named by their numbers.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fusion

#if !defined(_FUSION_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FUSION_TRACE_H

#include <linux/tracepoint.h>
#include "fusion.h"

DECLARE_EVENT_CLASS(fusion_member,
		    TP_PROTO(u32 world, u32 member),
		    TP_ARGS(world, member),
		    TP_STRUCT__entry(__field(u32, world)
				     __field(u32, member)),
		    TP_fast_assign(__entry->world = world;
				   __entry->member = member;),
		    TP_printk("world=%u member=%u", __entry->world, __entry->member)
);

/* who comes and goes */
DEFINE_EVENT(fusion_member, fusion_member_join,
	     TP_PROTO(u32 world, u32 member),
	     TP_ARGS(world, member)
);
DEFINE_EVENT(fusion_member, fusion_member_leave,
	     TP_PROTO(u32 world, u32 member),
	     TP_ARGS(world, member)
);

/* what objects come and go */
#define show_fusion_type(type)						\
	__print_symbolic(type,						\
			 { DRM_FUSION_SKIRMISH, "skirmish" },		\
			 { DRM_FUSION_REF, "ref" },			\
			 { DRM_FUSION_REACTOR, "reactor" },		\
			 { DRM_FUSION_CALL, "call" },			\
			 { DRM_FUSION_PROPERTY, "property" },		\
			 { DRM_FUSION_POOL, "pool" },			\
			 { DRM_FUSION_BUFFER, "buffer" })

DECLARE_EVENT_CLASS(fusion_object,
		    TP_PROTO(u32 world, u32 type, u32 id, u32 creator),
		    TP_ARGS(world, type, id, creator),
		    TP_STRUCT__entry(__field(u32, world)
				     __field(u32, type)
				     __field(u32, id)
				     __field(u32, creator)),
		    TP_fast_assign(__entry->world = world;
				   __entry->type = type;
				   __entry->id = id;
				   __entry->creator = creator;),
		    TP_printk("world=%u type=%s id=%u creator=%u", __entry->world,
			      show_fusion_type(__entry->type), __entry->id, __entry->creator)
);

DEFINE_EVENT(fusion_object, fusion_object_create,
	     TP_PROTO(u32 world, u32 type, u32 id, u32 creator),
	     TP_ARGS(world, type, id, creator)
);
DEFINE_EVENT(fusion_object, fusion_object_destroy,
	     TP_PROTO(u32 world, u32 type, u32 id, u32 creator),
	     TP_ARGS(world, type, id, creator)
);

/* messages of all kinds: calls, dispatches, what the kernel has to say */
#define show_fusion_event(event)					\
	__print_symbolic(event,						\
			 { DRM_FUSION_EVENT_MESSAGE, "message" },	\
			 { DRM_FUSION_EVENT_CALL, "call" },		\
			 { DRM_FUSION_EVENT_REACTOR, "reactor" },	\
			 { DRM_FUSION_EVENT_DISPATCHED, "dispatched" },	\
			 { DRM_FUSION_EVENT_REF_ZERO, "ref-zero" },	\
			 { DRM_FUSION_EVENT_POOL, "pool" },		\
			 { DRM_FUSION_EVENT_JOIN, "join" },		\
			 { DRM_FUSION_EVENT_LEAVE, "leave" },		\
			 { DRM_FUSION_EVENT_LOST, "lost" },		\
			 { DRM_FUSION_EVENT_END, "end" })

DECLARE_EVENT_CLASS(fusion_message,
		    TP_PROTO(u32 world, u32 sender, u32 member, u32 event, u32 object),
		    TP_ARGS(world, sender, member, event, object),
		    TP_STRUCT__entry(__field(u32, world)
				     __field(u32, sender)
				     __field(u32, member)
				     __field(u32, event)
				     __field(u32, object)),
		    TP_fast_assign(__entry->world = world;
				   __entry->sender = sender;
				   __entry->member = member;
				   __entry->event = event;
				   __entry->object = object;),
		    TP_printk("world=%u sender=%u member=%u event=%s object=%u",
			      __entry->world, __entry->sender, __entry->member,
			      show_fusion_event(__entry->event), __entry->object)
);

DEFINE_EVENT(fusion_message, fusion_message_send,
	     TP_PROTO(u32 world, u32 sender, u32 member, u32 event, u32 object),
	     TP_ARGS(world, sender, member, event, object)
);
DEFINE_EVENT(fusion_message, fusion_message_read,
	     TP_PROTO(u32 world, u32 sender, u32 member, u32 event, u32 object),
	     TP_ARGS(world, sender, member, event, object)
);

/*
 * Synchronous calls on their way. The member is the handler. The token is that of the thread
 * that takes the call, else of the caller.
 */
DECLARE_EVENT_CLASS(fusion_exec,
		    TP_PROTO(const struct fusion_exec *exec, u32 token, int status),
		    TP_ARGS(exec, token, status),
		    TP_STRUCT__entry(__field(u32, world)
				     __field(u32, handler)
				     __field(u32, call)
				     __field(u32, token)
				     __field(u64, serial)
				     __field(int, status)),
		    TP_fast_assign(__entry->world = exec->handler->world->nr;
				   __entry->handler = exec->handler->id;
				   __entry->call = exec->call->base.id;
				   __entry->token = token;
				   __entry->serial = fusion_exec_serial(exec);
				   __entry->status = status;),
		    TP_printk("world=%u member=%u call=%u serial=%llu token=%u status=%d",
			      __entry->world, __entry->handler, __entry->call, __entry->serial,
			      __entry->token, __entry->status)
);

DEFINE_EVENT(fusion_exec, fusion_call_begin,
	     TP_PROTO(const struct fusion_exec *exec, u32 token, int status),
	     TP_ARGS(exec, token, status)
);
DEFINE_EVENT(fusion_exec, fusion_call_take,
	     TP_PROTO(const struct fusion_exec *exec, u32 token, int status),
	     TP_ARGS(exec, token, status)
);
DEFINE_EVENT(fusion_exec, fusion_call_reply,
	     TP_PROTO(const struct fusion_exec *exec, u32 token, int status),
	     TP_ARGS(exec, token, status)
);
DEFINE_EVENT(fusion_exec, fusion_call_end,
	     TP_PROTO(const struct fusion_exec *exec, u32 token, int status),
	     TP_ARGS(exec, token, status)
);

/* who sleeps, who is woken up with what, and why a sleep has ended */
DECLARE_EVENT_CLASS(fusion_wait,
		    TP_PROTO(u32 world, u32 member, u32 token, int status),
		    TP_ARGS(world, member, token, status),
		    TP_STRUCT__entry(__field(u32, world)
				     __field(u32, member)
				     __field(u32, token)
				     __field(int, status)),
		    TP_fast_assign(__entry->world = world;
				   __entry->member = member;
				   __entry->token = token;
				   __entry->status = status;),
		    TP_printk("world=%u member=%u token=%u status=%d", __entry->world,
			      __entry->member, __entry->token, __entry->status)
);

DEFINE_EVENT(fusion_wait, fusion_wait,
	     TP_PROTO(u32 world, u32 member, u32 token, int status),
	     TP_ARGS(world, member, token, status)
);
DEFINE_EVENT(fusion_wait, fusion_wait_end,
	     TP_PROTO(u32 world, u32 member, u32 token, int status),
	     TP_ARGS(world, member, token, status)
);
DEFINE_EVENT(fusion_wait, fusion_wake,
	     TP_PROTO(u32 world, u32 member, u32 token, int status),
	     TP_ARGS(world, member, token, status)
);

#endif /* _FUSION_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
