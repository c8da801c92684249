// SPDX-License-Identifier: GPL-2.0
/*
 * Fusionees of a legacy world that are killed while they lock, count, dispatch, and call each
 * other with locks held. Afterwards the world must be gone, and a new one must work.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kill.h"
#include "../legacy/legacy.h"

#define FUSIONEES	3

/* what all of them know */
struct meeting {
	int skirmish, ref, reactor, property, ready;
	int calls[FUSIONEES];
};

static struct meeting *meeting;
static int role;

static void answer(int fd, const struct l_message *message)
{
	const struct l_call3_message *call3 = (const void *)(message + 1);
	const struct l_call_message *call = (const void *)(message + 1);

	if (message->type == L_MSG_CALL && call->serial) {
		/* it was lent */
		if (!try_id(fd, L_SKIRMISH_PREVAIL, meeting->skirmish))
			try_id(fd, L_SKIRMISH_DISMISS, meeting->skirmish);
		try_return(fd, message->id, call->serial, 1);
	} else if (message->type == L_MSG_CALL3 && call3->serial) {
		/* and again when it is returned while it is locked */
		try_id(fd, L_SKIRMISH_SWOOP, meeting->skirmish);
		try_return3(fd, message->id, call3->serial, "answer", 7);
	}
}

static void *serve(void *arg)
{
	static char buffer[4 * L_PACKET];
	int fd = *(int *)arg;
	ssize_t length, at;

	for (;;) {
		length = read(fd, buffer, sizeof(buffer));
		if (length < 0 && errno != EINTR)
			return NULL;
		for (at = 0; at < length;) {
			struct l_message *message = (void *)(buffer + at);

			answer(fd, message);
			at += sizeof(*message) + (message->size + 3) / 4 * 4;
		}
	}
}

static int new_entry(int fd, unsigned long request)
{
	int id = 0;

	try_ioctl(fd, request, &id);
	return id;
}

static void work(int fd, int other)
{
	struct l_dispatch dispatch = {
		.reactor_id = meeting->reactor, .self = 1, .size = 6, .data = (uintptr_t)"event",
	};
	char room[16];
	int value;

	if (try_id(fd, L_SKIRMISH_PREVAIL, meeting->skirmish))
		return;
	reached(DID_LOCK);
	try_id(fd, L_REF_UP, meeting->ref);
	if (!try_execute(fd, meeting->calls[other], 1, 0, &value))
		reached(DID_CALL);
	try_ioctl(fd, L_REACTOR_DISPATCH, &dispatch);
	try_execute3(fd, meeting->calls[other], 1, "data", 5, room, sizeof(room));
	try_id(fd, L_SKIRMISH_DISMISS, meeting->skirmish);
	if (!try_id(fd, L_PROPERTY_LEASE, meeting->property))
		try_id(fd, L_PROPERTY_CEDE, meeting->property);
	try_execute(fd, meeting->calls[other], 1, L_ONEWAY | L_QUEUE, NULL);
	try_id(fd, L_REF_DOWN, meeting->ref);
}

static void scene_legacy(void)
{
	struct l_call_new call = { .handler = 1 };
	int fd = try_legacy_open(0, O_RDWR | (role ? O_APPEND : 0)), i;
	struct l_watch watch = { .call_arg = 1 };
	pthread_t thread;

	if (fd < 0 || try_enter(fd, 9, 0, false) < 0)
		return;
	if (!role) {
		meeting->ref = new_entry(fd, L_REF_NEW);
		meeting->reactor = new_entry(fd, L_REACTOR_NEW);
		meeting->property = new_entry(fd, L_PROPERTY_NEW);
		meeting->skirmish = new_entry(fd, L_SKIRMISH_NEW);
		try_ioctl(fd, L_UNBLOCK, NULL);
	}
	try_ioctl(fd, L_CALL_NEW, &call);
	meeting->calls[role] = call.call_id;
	if (!role) {
		watch.id = meeting->ref;
		watch.call_id = call.call_id;
		try_id(fd, L_REF_UP, watch.id);
		try_ioctl(fd, L_REF_WATCH, &watch);
	}
	try_pair(fd, L_REACTOR_ATTACH, meeting->reactor, 0);
	if (pthread_create(&thread, NULL, serve, &fd))
		return;
	for (i = 1; i < 1000; i++)
		work(fd, (role + i) % FUSIONEES);
	reached(DID_ALL);
	/* stays in the world until it is killed */
	pthread_join(thread, NULL);
}

static bool world_is_gone(void *arg)
{
	int fd = try_legacy_open(0, O_RDWR | O_EXCL);

	(void)arg;
	if (fd < 0)
		return false;
	close(fd);
	return module_refs("fusion") == 0;
}

static void check_world_works(void)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2), value;
	struct server *server = server_start(master, NULL, NULL);
	int skirmish = id_new(slave, L_SKIRMISH_NEW);

	assert_int_equal(skirmish, 1);
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, skirmish), 0);
	assert_int_equal(try_execute(slave, call, 1, 0, &value), 0);
	assert_int_equal(value, 2);
	server_stop(server);
	close(slave);
	close(master);
}

void run_legacy(void)
{
	pid_t pids[FUSIONEES];
	static unsigned int first;
	int i;

	meeting = shared_new(sizeof(*meeting));
	for (i = 0; i < FUSIONEES; i++) {
		role = i;
		pids[i] = start_victim(scene_legacy);
	}
	/* each of them is the first one that is killed, now and then */
	first++;
	for (i = 0; i < FUSIONEES; i++) {
		wait_random();
		kill_and_wait(pids[(first + i) % FUSIONEES]);
	}
	munmap(meeting, sizeof(*meeting));
	wait_for(world_is_gone, NULL, "the world to be gone");
	check_world_works();
}
