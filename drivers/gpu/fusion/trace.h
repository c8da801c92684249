/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace points. Worlds, members and objects are named by their numbers.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fusion

#if !defined(_FUSION_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FUSION_TRACE_H

#include <linux/tracepoint.h>

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

#endif /* _FUSION_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
