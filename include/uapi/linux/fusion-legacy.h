/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User interface of /dev/fusion0 to /dev/fusion31: the one that libfusion of DirectFB
 * 1.7.7 and DirectFB2 expect, version 9.0 of the Fusion kernel interface. New programs
 * use the render node, <drm/fusion_drm.h>.
 *
 * Rules for all requests:
 *
 * - A device is a world, an open file that has entered is a fusionee.
 * - Requests are told apart by their type and number alone. The size and the direction in
 *   their values are what the old interface declares, which is often not what they do.
 * - Structures are those of 64-bit programs.
 * - An unknown request fails with ENOSYS, one before FUSION_ENTER with EPERM.
 * - An unknown id fails with EINVAL. What is destroyed while a thread waits for it fails
 *   with EIDRM. A signal ends a wait with EINTR, and the request is not restarted.
 */
#ifndef _UAPI_LINUX_FUSION_LEGACY_H
#define _UAPI_LINUX_FUSION_LEGACY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FUSION_API_MAJOR_PROVIDED	9
#define FUSION_API_MINOR_PROVIDED	0
#define FUSION_API_MICRO_PROVIDED	3

/* The first one that enters a world. */
#define FUSION_ID_MASTER	1

/* Kinds of entries: the type of their requests. */
#define FT_LOUNGE		0x00
#define FT_MESSAGING		0x01
#define FT_CALL			0x02
#define FT_REF			0x03
#define FT_SKIRMISH		0x04
#define FT_PROPERTY		0x05
#define FT_REACTOR		0x06
#define FT_SHMPOOL		0x07

#define FUSION_ENTRY_INFO_NAME_LENGTH	24
#define FUSION_MAX_PACKET_SIZE		16384	/* of what one read() gives at least */
#define FUSION_MAX_MESSAGE_SIZE		65536	/* of data; it must fit a packet as well */
#define FUSION_MAX_CHANNELS		1024	/* of a reactor */

/*
 * Lounge
 */

/**
 * struct fusion_legacy_enter - argument of FUSION_ENTER
 * @major: in: version of the interface, 3, 4, 8 or 9, and the same as the master's
 * @minor: in: at most the master's
 * @fusion_id: out: 1 for the master, others have higher ones
 * @secure: in: of the master: requests need permissions
 * @pad: ignored
 */
struct fusion_legacy_enter {
	__s32 major;
	__s32 minor;
	__u64 fusion_id;
	__u32 secure;
	__u32 pad;
};

/**
 * struct fusion_legacy_kill - argument of FUSION_KILL
 * @fusion_id: in: who; 0: all others
 * @signal: in: signal
 * @timeout_ms: in: how long to wait until they are gone; 0: for ever; less: do not wait
 */
struct fusion_legacy_kill {
	__u64 fusion_id;
	__s32 signal;
	__s32 timeout_ms;
};

/**
 * struct fusion_legacy_info - argument of FUSION_ENTRY_SET_INFO and GET_INFO
 * @type: in: FT_CALL to FT_SHMPOOL
 * @id: in: which one
 * @name: in or out: ends with a zero byte
 */
struct fusion_legacy_info {
	__u32 type;
	__s32 id;
	char name[FUSION_ENTRY_INFO_NAME_LENGTH];
};

/**
 * struct fusion_legacy_fork - argument of FUSION_FORK
 * @fusion_id: in: whose attachments the caller gets as well; out: id of the caller
 */
struct fusion_legacy_fork {
	__u64 fusion_id;
};

/**
 * struct fusion_legacy_permissions - argument of FUSION_ENTRY_ADD_PERMISSIONS
 * @type: in: FT_CALL to FT_SHMPOOL
 * @id: in: which one
 * @fusion_id: in: who may; 0: everybody
 * @mask: in: bit n allows the request with number n
 * @pad: ignored
 */
struct fusion_legacy_permissions {
	__u32 type;
	__s32 id;
	__u64 fusion_id;
	__u32 mask;
	__u32 pad;
};

/**
 * struct fusion_legacy_fusionee_info - argument of FUSION_GET_FUSIONEE_INFO
 * @fusion_id: in: who
 * @exe_file: out: path of the program that it runs
 * @pid: out: the thread that has entered
 * @pad: out: zero
 */
struct fusion_legacy_fusionee_info {
	__u64 fusion_id;
	char exe_file[4096];
	__s32 pid;
	__u32 pad;
};

#define FUSION_ENTER			_IOR(FT_LOUNGE, 0x00, struct fusion_legacy_enter)
#define FUSION_UNBLOCK			_IO(FT_LOUNGE, 0x01)
#define FUSION_KILL			_IOW(FT_LOUNGE, 0x02, struct fusion_legacy_kill)
#define FUSION_ENTRY_SET_INFO		_IOW(FT_LOUNGE, 0x03, struct fusion_legacy_info)
#define FUSION_ENTRY_GET_INFO		_IOW(FT_LOUNGE, 0x04, struct fusion_legacy_info)
#define FUSION_FORK			_IOW(FT_LOUNGE, 0x05, struct fusion_legacy_fork)
#define FUSION_SYNC			_IO(FT_LOUNGE, 0x06)
#define FUSION_ENTRY_ADD_PERMISSIONS	_IOW(FT_LOUNGE, 0x07, struct fusion_legacy_permissions)
#define FUSION_SHM_GET_BASE		_IOR(FT_LOUNGE, 0x08, __u64)
#define FUSION_GET_FUSIONEE_INFO	_IOR(FT_LOUNGE, 0x09, struct fusion_legacy_fusionee_info)

/*
 * Messages
 */

/**
 * struct fusion_legacy_send - argument of FUSION_SEND_MESSAGE
 * @fusion_id: in: to whom
 * @msg_id: in: id in the header of the message
 * @channel: in: channel there
 * @size: in: bytes of data, 1 to FUSION_MAX_MESSAGE_SIZE
 * @pad: ignored
 * @data: in: address of the data
 */
struct fusion_legacy_send {
	__u64 fusion_id;
	__s32 msg_id;
	__s32 channel;
	__s32 size;
	__u32 pad;
	__u64 data;
};

#define FUSION_SEND_MESSAGE	_IOW(FT_MESSAGING, 0x00, struct fusion_legacy_send)

/* Types of messages that read() gives. */
#define FMT_SEND		0
#define FMT_CALL		1	/* struct fusion_legacy_call_message, data of EXECUTE2 */
#define FMT_REACTOR		2
#define FMT_SHMPOOL		3	/* struct fusion_legacy_pool_message */
#define FMT_CALL3		4	/* struct fusion_legacy_call3_message, data */
#define FMT_LEAVE		5	/* __u64: who has left */

/**
 * struct fusion_legacy_message_header - before the data of each message
 * @msg_type: FMT_*
 * @msg_id: what the sender says, or the id of the call, reactor or pool
 * @msg_size: bytes of data, which are filled up with zeros to a multiple of four
 * @msg_channel: what the sender says, or zero
 */
struct fusion_legacy_message_header {
	__s32 msg_type;
	__s32 msg_id;
	__s32 msg_size;
	__s32 msg_channel;
};

/**
 * struct fusion_legacy_call_message - data of FMT_CALL
 * @handler: from FUSION_CALL_NEW
 * @ctx: from FUSION_CALL_NEW
 * @caller: who calls; 0: the kernel
 * @call_arg: from the caller
 * @call_ptr: from the caller
 * @serial: for FUSION_CALL_RETURN; 0: no return is wanted
 * @pad: zero
 */
struct fusion_legacy_call_message {
	__u64 handler;
	__u64 ctx;
	__s32 caller;
	__s32 call_arg;
	__u64 call_ptr;
	__u32 serial;
	__u32 pad;
};

/**
 * struct fusion_legacy_call3_message - data of FMT_CALL3
 * @handler: from FUSION_CALL_NEW
 * @ctx: from FUSION_CALL_NEW
 * @caller: who calls
 * @call_arg: from the caller
 * @call_ptr: zero
 * @call_length: bytes of data that follow
 * @ret_length: bytes that the caller takes
 * @serial: for FUSION_CALL_RETURN3; 0: no return is wanted
 * @pad: zero
 */
struct fusion_legacy_call3_message {
	__u64 handler;
	__u64 ctx;
	__s32 caller;
	__s32 call_arg;
	__u64 call_ptr;
	__u32 call_length;
	__u32 ret_length;
	__u32 serial;
	__u32 pad;
};

#define FUSION_POOL_REMAP	0

/**
 * struct fusion_legacy_pool_message - data of FMT_SHMPOOL
 * @type: FUSION_POOL_REMAP
 * @size: the new size
 */
struct fusion_legacy_pool_message {
	__s32 type;
	__s32 size;
};

/*
 * Calls
 */

#define FCEF_ONEWAY	0x01	/* no return */
#define FCEF_QUEUE	0x02	/* with ONEWAY: no hurry, it is read with what follows */
#define FCEF_FOLLOW	0x04	/* EXECUTE3: one more structure follows this one */
#define FCEF_ERROR	0x08	/* EXECUTE3: out: this one has failed */
#define FCEF_RESUMABLE	0x10	/* after a signal the same structure goes on waiting */
#define FCEF_DONE	0x20	/* EXECUTE3: out: this one is done */

/**
 * struct fusion_legacy_call_new - argument of FUSION_CALL_NEW
 * @call_id: out: id
 * @pad: ignored
 * @handler: in: for the messages
 * @ctx: in: for the messages
 */
struct fusion_legacy_call_new {
	__s32 call_id;
	__u32 pad;
	__u64 handler;
	__u64 ctx;
};

/**
 * struct fusion_legacy_call_execute - argument of FUSION_CALL_EXECUTE
 * @call_id: in: which call
 * @call_arg: in: for the handler
 * @call_ptr: in: for the handler
 * @flags: in: FCEF_ONEWAY, FCEF_QUEUE, FCEF_RESUMABLE; others are ignored
 * @serial: in: zero, or what was there after EINTR; out: of this execution
 * @ret_val: out: from FUSION_CALL_RETURN
 * @pad: ignored
 */
struct fusion_legacy_call_execute {
	__s32 call_id;
	__s32 call_arg;
	__u64 call_ptr;
	__u32 flags;
	__u32 serial;
	__s32 ret_val;
	__u32 pad;
};

/**
 * struct fusion_legacy_call_execute2 - argument of FUSION_CALL_EXECUTE2
 * @call_id: in: which call
 * @call_arg: in: for the handler
 * @ptr: in: address of data for the handler
 * @length: in: its bytes
 * @flags: in: FCEF_*, as for FUSION_CALL_EXECUTE
 * @serial: in and out: as for FUSION_CALL_EXECUTE
 * @ret_val: out: from FUSION_CALL_RETURN
 */
struct fusion_legacy_call_execute2 {
	__s32 call_id;
	__s32 call_arg;
	__u64 ptr;
	__u32 length;
	__u32 flags;
	__u32 serial;
	__s32 ret_val;
};

/**
 * struct fusion_legacy_call_execute3 - argument of FUSION_CALL_EXECUTE3, perhaps several
 * @call_id: in: which call
 * @call_arg: in: for the handler
 * @ptr: in: address of data for the handler
 * @length: in: its bytes
 * @pad: ignored
 * @ret_ptr: in: where the answer goes
 * @ret_length: in: bytes of room there; out: bytes of the answer
 * @flags: in and out: FCEF_*
 * @serial: in and out: as for FUSION_CALL_EXECUTE
 * @pad2: ignored
 */
struct fusion_legacy_call_execute3 {
	__s32 call_id;
	__s32 call_arg;
	__u64 ptr;
	__u32 length;
	__u32 pad;
	__u64 ret_ptr;
	__u32 ret_length;
	__u32 flags;
	__u32 serial;
	__u32 pad2;
};

/**
 * struct fusion_legacy_call_return - argument of FUSION_CALL_RETURN
 * @call_id: in: which call
 * @val: in: for the caller
 * @serial: in: from the message
 */
struct fusion_legacy_call_return {
	__s32 call_id;
	__s32 val;
	__u32 serial;
};

/**
 * struct fusion_legacy_call_return3 - argument of FUSION_CALL_RETURN3
 * @call_id: in: which call
 * @serial: in: from the message
 * @ptr: in: address of the answer
 * @length: in: its bytes
 * @pad: ignored
 */
struct fusion_legacy_call_return3 {
	__s32 call_id;
	__u32 serial;
	__u64 ptr;
	__u32 length;
	__u32 pad;
};

/**
 * struct fusion_legacy_call_owner - argument of FUSION_CALL_GET_OWNER
 * @call_id: in: which call
 * @pad: ignored
 * @fusion_id: out: who runs it
 */
struct fusion_legacy_call_owner {
	__s32 call_id;
	__u32 pad;
	__u64 fusion_id;
};

/**
 * struct fusion_legacy_call_quota - argument of FUSION_CALL_SET_QUOTA
 * @call_id: in: which call
 * @pad: ignored
 * @fusion_id: in: who makes it
 * @limit: in: how many of its calls may wait to be processed; 0: as many as it likes
 * @pad2: ignored
 */
struct fusion_legacy_call_quota {
	__s32 call_id;
	__u32 pad;
	__u64 fusion_id;
	__u32 limit;
	__u32 pad2;
};

#define FUSION_CALL_NEW		_IOW(FT_CALL, 0x00, struct fusion_legacy_call_new)
#define FUSION_CALL_EXECUTE	_IOW(FT_CALL, 0x01, struct fusion_legacy_call_execute)
#define FUSION_CALL_RETURN	_IOW(FT_CALL, 0x02, struct fusion_legacy_call_return)
#define FUSION_CALL_DESTROY	_IOW(FT_CALL, 0x03, __s32)
#define FUSION_CALL_EXECUTE2	_IOW(FT_CALL, 0x04, struct fusion_legacy_call_execute2)
#define FUSION_CALL_EXECUTE3	_IOW(FT_CALL, 0x05, struct fusion_legacy_call_execute3)
#define FUSION_CALL_RETURN3	_IOW(FT_CALL, 0x06, struct fusion_legacy_call_return3)
#define FUSION_CALL_GET_OWNER	_IOW(FT_CALL, 0x07, struct fusion_legacy_call_owner)
#define FUSION_CALL_SET_QUOTA	_IOW(FT_CALL, 0x08, struct fusion_legacy_call_quota)

/*
 * References
 */

/**
 * struct fusion_legacy_ref_watch - argument of FUSION_REF_WATCH
 * @id: in: which reference
 * @call_id: in: call that is made when there are no counts any more
 * @call_arg: in: for the handler
 */
struct fusion_legacy_ref_watch {
	__s32 id;
	__s32 call_id;
	__s32 call_arg;
};

/**
 * struct fusion_legacy_ref_inherit - argument of FUSION_REF_INHERIT
 * @id: in: which reference
 * @from: in: reference whose local counts are counts of this one, too
 */
struct fusion_legacy_ref_inherit {
	__s32 id;
	__s32 from;
};

/**
 * struct fusion_legacy_ref_throw - argument of FUSION_REF_THROW
 * @id: in: which reference
 * @catcher: in: id of the fusionee that gets the local count
 */
struct fusion_legacy_ref_throw {
	__s32 id;
	__s32 catcher;
};

#define FUSION_REF_NEW			_IOW(FT_REF, 0x00, __s32)
#define FUSION_REF_UP			_IOW(FT_REF, 0x01, __s32)
#define FUSION_REF_UP_GLOBAL		_IOW(FT_REF, 0x02, __s32)
#define FUSION_REF_DOWN			_IOW(FT_REF, 0x03, __s32)
#define FUSION_REF_DOWN_GLOBAL		_IOW(FT_REF, 0x04, __s32)
#define FUSION_REF_ZERO_LOCK		_IOW(FT_REF, 0x05, __s32)
#define FUSION_REF_ZERO_TRYLOCK		_IOW(FT_REF, 0x06, __s32)
#define FUSION_REF_UNLOCK		_IOW(FT_REF, 0x07, __s32)
#define FUSION_REF_STAT			_IOW(FT_REF, 0x08, __s32)
#define FUSION_REF_WATCH		_IOW(FT_REF, 0x09, struct fusion_legacy_ref_watch)
#define FUSION_REF_INHERIT		_IOW(FT_REF, 0x0a, struct fusion_legacy_ref_inherit)
#define FUSION_REF_DESTROY		_IOW(FT_REF, 0x0b, __s32)
#define FUSION_REF_CATCH		_IOW(FT_REF, 0x0c, __s32)
#define FUSION_REF_THROW		_IOW(FT_REF, 0x0d, struct fusion_legacy_ref_throw)
#define FUSION_REF_SET_SYNC		_IOW(FT_REF, 0x0e, __s32)

/*
 * Skirmishes
 */

/**
 * struct fusion_legacy_skirmish_wait - argument of FUSION_SKIRMISH_WAIT
 * @id: in: which skirmish
 * @timeout: in: milliseconds; 0: for ever
 * @lock_count: in: zero, or what was there after EINTR; out: how often it was locked
 * @notify_count: in and out: of the kernel
 */
struct fusion_legacy_skirmish_wait {
	__s32 id;
	__u32 timeout;
	__u32 lock_count;
	__u32 notify_count;
};

/* FUSION_SKIRMISH_LOCK_COUNT has two integers: the id, and out: the count. */
#define FUSION_SKIRMISH_NEW		_IOW(FT_SKIRMISH, 0x00, __s32)
#define FUSION_SKIRMISH_PREVAIL		_IOW(FT_SKIRMISH, 0x01, __s32)
#define FUSION_SKIRMISH_SWOOP		_IOW(FT_SKIRMISH, 0x02, __s32)
#define FUSION_SKIRMISH_DISMISS		_IOW(FT_SKIRMISH, 0x03, __s32)
#define FUSION_SKIRMISH_DESTROY		_IOW(FT_SKIRMISH, 0x04, __s32)
#define FUSION_SKIRMISH_LOCK_COUNT	_IOW(FT_SKIRMISH, 0x05, __s32)
#define FUSION_SKIRMISH_WAIT		_IOW(FT_SKIRMISH, 0x06, struct fusion_legacy_skirmish_wait)
#define FUSION_SKIRMISH_NOTIFY		_IOW(FT_SKIRMISH, 0x07, __s32)

/*
 * Properties
 */

#define FUSION_PROPERTY_NEW		_IOW(FT_PROPERTY, 0x00, __s32)
#define FUSION_PROPERTY_LEASE		_IOW(FT_PROPERTY, 0x01, __s32)
#define FUSION_PROPERTY_PURCHASE	_IOW(FT_PROPERTY, 0x02, __s32)
#define FUSION_PROPERTY_CEDE		_IOW(FT_PROPERTY, 0x03, __s32)
#define FUSION_PROPERTY_HOLDUP		_IOW(FT_PROPERTY, 0x04, __s32)
#define FUSION_PROPERTY_DESTROY		_IOW(FT_PROPERTY, 0x05, __s32)

/*
 * Reactors
 */

/**
 * struct fusion_legacy_reactor_attach - argument of FUSION_REACTOR_ATTACH and DETACH
 * @reactor_id: in: which reactor
 * @channel: in: 0 to FUSION_MAX_CHANNELS - 1; not there if the world's major is 3 or 4
 */
struct fusion_legacy_reactor_attach {
	__s32 reactor_id;
	__s32 channel;
};

/**
 * struct fusion_legacy_reactor_dispatch - argument of FUSION_REACTOR_DISPATCH
 * @reactor_id: in: which reactor
 * @channel: in: to whom
 * @self: in: 0: not to the caller
 * @size: in: bytes of data, 1 to FUSION_MAX_MESSAGE_SIZE
 * @data: in: address of the data
 */
struct fusion_legacy_reactor_dispatch {
	__s32 reactor_id;
	__s32 channel;
	__s32 self;
	__s32 size;
	__u64 data;
};

/**
 * struct fusion_legacy_reactor_callback - argument of FUSION_REACTOR_SET_DISPATCH_CALLBACK
 * @reactor_id: in: which reactor
 * @call_id: in: call that is made when all have processed a message
 * @call_ptr: in: for the handler
 */
struct fusion_legacy_reactor_callback {
	__s32 reactor_id;
	__s32 call_id;
	__u64 call_ptr;
};

#define FUSION_REACTOR_NEW	_IOW(FT_REACTOR, 0x00, __s32)
#define FUSION_REACTOR_ATTACH	_IOW(FT_REACTOR, 0x01, struct fusion_legacy_reactor_attach)
#define FUSION_REACTOR_DETACH	_IOW(FT_REACTOR, 0x02, struct fusion_legacy_reactor_attach)
#define FUSION_REACTOR_DISPATCH	_IOW(FT_REACTOR, 0x03, struct fusion_legacy_reactor_dispatch)
#define FUSION_REACTOR_DESTROY	_IOW(FT_REACTOR, 0x04, __s32)
#define FUSION_REACTOR_SET_DISPATCH_CALLBACK \
				_IOW(FT_REACTOR, 0x05, struct fusion_legacy_reactor_callback)

/*
 * Pools of shared memory: only where they lie, the memory is files of user space
 */

/**
 * struct fusion_legacy_pool_new - argument of FUSION_SHMPOOL_NEW
 * @max_size: in: bytes that it may have
 * @pool_id: out: id
 * @addr_base: out: address in all fusionees
 */
struct fusion_legacy_pool_new {
	__s32 max_size;
	__s32 pool_id;
	__u64 addr_base;
};

/**
 * struct fusion_legacy_pool_attach - argument of FUSION_SHMPOOL_ATTACH
 * @pool_id: in: which pool
 * @pad: ignored
 * @addr_base: out: address
 * @size: out: as the last FUSION_SHMPOOL_DISPATCH said
 * @pad2: ignored
 */
struct fusion_legacy_pool_attach {
	__s32 pool_id;
	__u32 pad;
	__u64 addr_base;
	__s32 size;
	__u32 pad2;
};

/**
 * struct fusion_legacy_pool_dispatch - argument of FUSION_SHMPOOL_DISPATCH
 * @pool_id: in: which pool
 * @size: in: the new size
 */
struct fusion_legacy_pool_dispatch {
	__s32 pool_id;
	__s32 size;
};

#define FUSION_SHMPOOL_NEW	_IOW(FT_SHMPOOL, 0x00, struct fusion_legacy_pool_new)
#define FUSION_SHMPOOL_ATTACH	_IOW(FT_SHMPOOL, 0x01, struct fusion_legacy_pool_attach)
#define FUSION_SHMPOOL_DETACH	_IOW(FT_SHMPOOL, 0x02, __s32)
#define FUSION_SHMPOOL_DISPATCH	_IOW(FT_SHMPOOL, 0x03, struct fusion_legacy_pool_dispatch)
#define FUSION_SHMPOOL_DESTROY	_IOW(FT_SHMPOOL, 0x04, __s32)
#define FUSION_SHMPOOL_GET_BASE	_IOR(FT_SHMPOOL, 0x05, __u64)

#endif /* _UAPI_LINUX_FUSION_LEGACY_H */
