/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface of /dev/fusionN as programs were compiled against it, written down once more
 * and apart from <linux/fusion-legacy.h>: a test with the header alone would not see that
 * the header has changed. Numbers are what programs send, sizes and directions included.
 */
#ifndef _TESTS_LEGACY_ABI_H
#define _TESTS_LEGACY_ABI_H

#include <stdint.h>

#define L_ENTER			0x80180000
#define L_UNBLOCK		0x00000001
#define L_KILL			0x40100002
#define L_SET_INFO		0x40200003
#define L_GET_INFO		0x40200004
#define L_FORK			0x40080005
#define L_SYNC			0x00000006
#define L_ADD_PERMISSIONS	0x40180007
#define L_SHM_GET_BASE		0x80080008
#define L_GET_FUSIONEE_INFO	0x90100009
#define L_SEND_MESSAGE		0x40200100
#define L_CALL_NEW		0x40180200
#define L_CALL_EXECUTE		0x40200201
#define L_CALL_RETURN		0x400c0202
#define L_CALL_DESTROY		0x40040203
#define L_CALL_EXECUTE2		0x40200204
#define L_CALL_EXECUTE3		0x40300205
#define L_CALL_RETURN3		0x40180206
#define L_CALL_GET_OWNER	0x40100207
#define L_CALL_SET_QUOTA	0x40180208
#define L_REF_NEW		0x40040300
#define L_REF_UP		0x40040301
#define L_REF_UP_GLOBAL		0x40040302
#define L_REF_DOWN		0x40040303
#define L_REF_DOWN_GLOBAL	0x40040304
#define L_REF_ZERO_LOCK		0x40040305
#define L_REF_ZERO_TRYLOCK	0x40040306
#define L_REF_UNLOCK		0x40040307
#define L_REF_STAT		0x40040308
#define L_REF_WATCH		0x400c0309
#define L_REF_INHERIT		0x4008030a
#define L_REF_DESTROY		0x4004030b
#define L_REF_CATCH		0x4004030c
#define L_REF_THROW		0x4008030d
#define L_REF_SET_SYNC		0x4004030e
#define L_SKIRMISH_NEW		0x40040400
#define L_SKIRMISH_PREVAIL	0x40040401
#define L_SKIRMISH_SWOOP	0x40040402
#define L_SKIRMISH_DISMISS	0x40040403
#define L_SKIRMISH_DESTROY	0x40040404
#define L_SKIRMISH_LOCK_COUNT	0x40040405
#define L_SKIRMISH_WAIT		0x40100406
#define L_SKIRMISH_NOTIFY	0x40040407
#define L_PROPERTY_NEW		0x40040500
#define L_PROPERTY_LEASE	0x40040501
#define L_PROPERTY_PURCHASE	0x40040502
#define L_PROPERTY_CEDE		0x40040503
#define L_PROPERTY_HOLDUP	0x40040504
#define L_PROPERTY_DESTROY	0x40040505
#define L_REACTOR_NEW		0x40040600
#define L_REACTOR_ATTACH	0x40080601
#define L_REACTOR_DETACH	0x40080602
#define L_REACTOR_DISPATCH	0x40180603
#define L_REACTOR_DESTROY	0x40040604
#define L_REACTOR_SET_DISPATCH_CALLBACK	0x40100605
#define L_SHMPOOL_NEW		0x40100700
#define L_SHMPOOL_ATTACH	0x40180701
#define L_SHMPOOL_DETACH	0x40040702
#define L_SHMPOOL_DISPATCH	0x40080703
#define L_SHMPOOL_DESTROY	0x40040704
#define L_SHMPOOL_GET_BASE	0x80080705

/* kinds of entries, as in the second byte of a request */
#define L_TYPE_CALL		2
#define L_TYPE_REF		3
#define L_TYPE_SKIRMISH		4
#define L_TYPE_PROPERTY		5
#define L_TYPE_REACTOR		6
#define L_TYPE_SHMPOOL		7

/* messages */
#define L_MSG_SEND		0
#define L_MSG_CALL		1
#define L_MSG_REACTOR		2
#define L_MSG_SHMPOOL		3
#define L_MSG_CALL3		4
#define L_MSG_LEAVE		5

#define L_PACKET		16384

/* executions */
#define L_ONEWAY		0x01
#define L_QUEUE			0x02
#define L_FOLLOW		0x04
#define L_ERROR			0x08
#define L_RESUMABLE		0x10
#define L_DONE			0x20

struct l_enter {
	int32_t major, minor;
	uint64_t fusion_id;
	int32_t secure, pad;
};

struct l_kill {
	uint64_t fusion_id;
	int32_t signal, timeout_ms;
};

struct l_info {
	int32_t type, id;
	char name[24];
};

struct l_permissions {
	int32_t type, id;
	uint64_t fusion_id;
	uint32_t mask, pad;
};

struct l_fusionee_info {
	uint64_t fusion_id;
	char exe_file[4096];
	int32_t pid, pad;
};

struct l_send {
	uint64_t fusion_id;
	int32_t msg_id, channel, size, pad;
	uint64_t data;
};

struct l_call_new {
	int32_t call_id, pad;
	uint64_t handler, ctx;
};

struct l_exec {
	int32_t call_id, call_arg;
	uint64_t call_ptr;
	uint32_t flags, serial;
	int32_t ret_val, pad;
};

struct l_exec2 {
	int32_t call_id, call_arg;
	uint64_t ptr;
	uint32_t length, flags, serial;
	int32_t ret_val;
};

struct l_exec3 {
	int32_t call_id, call_arg;
	uint64_t ptr;
	uint32_t length, pad;
	uint64_t ret_ptr;
	uint32_t ret_length, flags, serial, pad2;
};

struct l_return {
	int32_t call_id, val;
	uint32_t serial;
};

struct l_return3 {
	int32_t call_id;
	uint32_t serial;
	uint64_t ptr;
	uint32_t length, pad;
};

struct l_owner {
	int32_t call_id, pad;
	uint64_t fusion_id;
};

struct l_quota {
	int32_t call_id, pad;
	uint64_t fusion_id;
	uint32_t limit, pad2;
};

struct l_watch {
	int32_t id, call_id, call_arg;
};

struct l_wait {
	int32_t id;
	uint32_t timeout, lock_count, notify_count;
};

struct l_dispatch {
	int32_t reactor_id, channel, self, size;
	uint64_t data;
};

struct l_callback {
	int32_t reactor_id, call_id;
	uint64_t call_ptr;
};

struct l_pool_new {
	int32_t max_size, pool_id;
	uint64_t addr_base;
};

struct l_pool_attach {
	int32_t pool_id, pad;
	uint64_t addr_base;
	int32_t size, pad2;
};

/* what read() gives */
struct l_message {
	int32_t type, id, size, channel;
};

struct l_call_message {
	uint64_t handler, ctx;
	int32_t caller, call_arg;
	uint64_t call_ptr;
	uint32_t serial, pad;
};

struct l_call3_message {
	uint64_t handler, ctx;
	int32_t caller, call_arg;
	uint64_t call_ptr;
	uint32_t length, ret_length, serial, pad;
};

struct l_pool_message {
	int32_t kind, size;
};

#define L_SIZE(type, size)	_Static_assert(sizeof(struct type) == (size), #type)

L_SIZE(l_enter, 24);
L_SIZE(l_kill, 16);
L_SIZE(l_info, 32);
L_SIZE(l_permissions, 24);
L_SIZE(l_fusionee_info, 4112);
L_SIZE(l_send, 32);
L_SIZE(l_call_new, 24);
L_SIZE(l_exec, 32);
L_SIZE(l_exec2, 32);
L_SIZE(l_exec3, 48);
L_SIZE(l_return, 12);
L_SIZE(l_return3, 24);
L_SIZE(l_owner, 16);
L_SIZE(l_quota, 24);
L_SIZE(l_watch, 12);
L_SIZE(l_wait, 16);
L_SIZE(l_dispatch, 24);
L_SIZE(l_callback, 16);
L_SIZE(l_pool_new, 16);
L_SIZE(l_pool_attach, 24);
L_SIZE(l_message, 16);
L_SIZE(l_call_message, 40);
L_SIZE(l_call3_message, 48);

#endif /* _TESTS_LEGACY_ABI_H */
