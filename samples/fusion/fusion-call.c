// SPDX-License-Identifier: GPL-2.0
/*
 * A server and its clients.
 *
 *	client 1 --"hello"--> call "shout" --> server
 *	client 1 <--"HELLO"-- reply       <---'
 *
 * A call is a procedure that one member runs for others. The data of a call and of its
 * reply are copied once, by the kernel, from one process to the other. A client cannot hang
 * on a server that has died: the kernel answers then, with EPIPE. Try it with -k.
 */

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "family.h"

#define TEXT	64

/* kind of the message that ends the server */
#define QUIT	1

struct server {
	struct family family;
	struct fusion *fusion;
	uint32_t shout;
	unsigned int calls;
	/* the reply, until handle() is called again */
	char text[TEXT];
	int clients_failed;
};

/* the client */

static int be_client(struct fusion *fusion, unsigned int number, void *arg)
{
	const struct server *s = arg;
	char text[TEXT], reply[TEXT + 1];
	struct drm_fusion_call_execute call = {
		.id = s->shout,
		/* to be seen by the handler, any value */
		.arg = number,
		.payload.data = (uintptr_t)text,
		.reply = (uintptr_t)reply,
		.reply_room = TEXT,
		/* It is safe to wait without end: no reply is an answer, too. */
		.timeout = DRM_FUSION_FOREVER,
	};
	unsigned int i;
	int ret;

	for (i = 1; i <= s->family.count; i++) {
		call.payload.size = snprintf(text, TEXT, "hello %u from client %u", i, number);
		ret = fusion_call(fusion, &call);
		if (ret)
			return complain(fusion_explain(ret), "Client %u got no answer: %s.",
					number, strerror(-ret));
		reply[call.reply_size] = 0;
		printf("client %u: %s, call %d of the server\n", number, reply, call.result);
	}
	return 0;
}

/* the server */

/*
 * Is called for each message. What it writes into @reply is sent when it is called again,
 * or waits again: reply and receive are one system call.
 */
static int handle(void *user, const struct drm_fusion_event *event,
		  struct drm_fusion_call_reply *reply)
{
	struct server *s = user;
	const char *data = fusion_event_data(event);
	unsigned int i;

	switch (event->base.type) {
	case DRM_FUSION_EVENT_CALL:
		break;
	case DRM_FUSION_EVENT_MESSAGE:
		/* Any member can send a message. This one counts only if we sent it. */
		return event->sender == fusion_member_id(s->fusion) && event->arg == QUIT;
	default:
		/* members come and go */
		return 0;
	}
	/* The kernel says who calls, and how much there is; the rest the client made up. */
	for (i = 0; i < event->size && i < TEXT; i++)
		s->text[i] = toupper((unsigned char)data[i]);
	s->calls++;
	if (s->calls == s->family.kill) {
		say("The server dies in call %u.", s->calls);
		kill(getpid(), SIGKILL);
	}
	reply->result = s->calls;
	reply->payload.data = (uintptr_t)s->text;
	reply->payload.size = i;
	return 0;
}

/* A thread of the server: when the clients have ended it ends the other thread. */
static void *wait_for_clients(void *arg)
{
	struct server *s = arg;
	struct drm_fusion_message_send quit = {
		.member = fusion_member_id(s->fusion),
		.kind = QUIT,
		.timeout = DRM_FUSION_FOREVER,
	};
	int ret;

	s->clients_failed = family_wait(&s->family);
	ret = fusion_send(s->fusion, &quit);
	if (ret)
		say("The server cannot be ended: %s. %s", strerror(-ret), fusion_explain(ret));
	return NULL;
}

static int serve(struct server *s)
{
	int ret = fusion_call_create(s->fusion, "shout", 0, &s->shout), incomplete;
	pthread_t waiter;

	if (ret)
		return complain(fusion_explain(ret), "There is no call: %s.", strerror(-ret));
	/* The children have the number of the call because it was made before them. */
	incomplete = family_start(&s->family, s->fusion, s->family.processes, be_client,
				  s);
	ret = pthread_create(&waiter, NULL, wait_for_clients, s);
	if (ret)
		return complain("Stop some programs, or raise the limit: ulimit -u.",
				"There is no thread: %s.", strerror(ret));
	ret = fusion_serve(s->fusion, handle, s);
	pthread_join(waiter, NULL);
	if (ret < 0)
		return complain(fusion_explain(ret), "The server cannot go on: %s.",
				strerror(-ret));
	printf("%u calls were served.\n", s->calls);
	return incomplete ? -1 : s->clients_failed;
}

int main(int argc, char **argv)
{
	static const struct family_help text = {
		.purpose = "A server that shouts what its clients say.",
		.processes = "clients",
		.count = "calls of each client",
		.kill = "the server is killed in the Nth call, to see what the clients do",
	};
	/*
	 * Without DRM_FUSION_WORLD_SURVIVE the world ends when its first member is gone, and
	 * clients get ESHUTDOWN instead of EPIPE.
	 */
	const struct drm_fusion_world_create args = {
		.flags = DRM_FUSION_WORLD_SURVIVE,
		.world_name = "fusion-call",
		.member_name = "server",
	};
	struct server s = { .family = { .processes = 3, .count = 5 } };
	int ret;

	family_parse(&s.family, argc, argv, &text);
	ret = fusion_create(&s.fusion, &args);
	if (ret) {
		complain(fusion_explain(ret), "There is no world: %s.", strerror(-ret));
		return 1;
	}
	ret = serve(&s);
	fusion_leave(s.fusion);
	return ret ? 1 : 0;
}
