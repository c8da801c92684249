// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that chat: what one says, all others hear.
 *
 * A reactor is a broadcast with channels. Who is attached to a channel gets what others
 * dispatch on it. Two channels are used here:
 *
 *	CONTROL  HELLO and BYE. They must not be lost, so senders wait for slow listeners.
 *	TALK     lines. A slow listener loses the oldest ones, and is told how many.
 *
 * Nobody leads: each one says HELLO when it listens, and again to a HELLO of somebody new.
 * It talks when it knows all, and ends when all have said BYE, or are gone. The kernel says
 * who is gone, so nobody waits for a process that was killed. Try it with -k.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "family.h"

#define CONTROL		0
#define TALK		1

#define HELLO		"hello"
#define BYE		"bye"

#define LINE		80

enum talker { UNKNOWN, HERE, DONE };

struct chat {
	struct family family;
	struct fusion *fusion;
	uint32_t reactor, me;
	/* by their number in the world: from 1 on, in a world of our own */
	enum talker others[MAX_PROCESSES + 1];
	unsigned int heard;
};

static int dispatch(struct chat *c, uint32_t channel, const char *text)
{
	struct drm_fusion_reactor_dispatch args = {
		.id = c->reactor,
		.channel = channel,
		/* we know what we say */
		.flags = DRM_FUSION_DISPATCH_OTHERS,
		.payload = { .data = (uintptr_t)text, .size = strlen(text) },
		/* for listeners with DRM_FUSION_FULL_BLOCK whose queue is full */
		.timeout = seconds_from_now(PATIENCE),
	};
	int ret = fusion_reactor_dispatch(c->fusion, &args);

	if (ret)
		return complain(fusion_explain(ret), "Nobody hears member %u: %s.", c->me,
				strerror(-ret));
	return 0;
}

static int heard_control(struct chat *c, uint32_t sender, const char *text, int size)
{
	enum talker *other = &c->others[sender];

	if (size == (int)strlen(BYE) && !memcmp(text, BYE, size)) {
		*other = DONE;
		return 0;
	}
	if (*other != UNKNOWN)
		return 0;
	*other = HERE;
	/* It came later, and has not heard the first HELLO. */
	return dispatch(c, CONTROL, HELLO);
}

static int handle(struct chat *c, const struct drm_fusion_event *event)
{
	const char *text = fusion_event_data(event);

	switch (event->base.type) {
	case DRM_FUSION_EVENT_REACTOR:
		if (event->sender > c->family.processes)
			return 0;
		if (event->arg == CONTROL)
			return heard_control(c, event->sender, text, event->size);
		c->heard++;
		printf("member %u hears member %u: %.*s\n", c->me, event->sender,
		       (int)event->size, text);
		return 0;
	case DRM_FUSION_EVENT_LOST:
		printf("member %u was too slow, and has lost %llu messages\n", c->me,
		       (unsigned long long)event->arg);
		return 0;
	case DRM_FUSION_EVENT_LEAVE:
		/* All that it has sent came before this. */
		if (event->arg > c->family.processes || c->others[event->arg] == DONE)
			return 0;
		c->others[event->arg] = DONE;
		printf("member %u: member %llu is gone without a word\n", c->me,
		       (unsigned long long)event->arg);
		return 0;
	default:
		return 0;
	}
}

/* Handles what has come; waits for something until @timeout. */
static int hear(struct chat *c, int64_t timeout)
{
	uint64_t buffer[1024];
	struct drm_fusion_receive args = {
		.buffer = (uintptr_t)buffer, .size = sizeof(buffer), .timeout = timeout,
	};
	const struct drm_fusion_event *event = NULL;
	int ret = fusion_receive(c->fusion, &args);

	if (ret == -ETIMEDOUT && !timeout)
		return 0;
	if (ret)
		return complain(fusion_explain(ret), "Member %u hears nothing: %s.", c->me,
				strerror(-ret));
	while (!ret && (event = fusion_event_next(&args, event)))
		ret = handle(c, event);
	return ret;
}

/* until none of the others is in a state that is less */
static int hear_until(struct chat *c, enum talker state)
{
	unsigned int i;

	for (i = 1; i <= c->family.processes; i++)
		while (i != c->me && c->others[i] < state)
			if (hear(c, seconds_from_now(PATIENCE)))
				return -1;
	return 0;
}

static int talk(struct chat *c)
{
	char line[LINE];
	unsigned int i;

	for (i = 1; i <= c->family.count; i++) {
		/* Who talks without listening has its own queue full. */
		snprintf(line, LINE, "line %u of member %u", i, c->me);
		if (dispatch(c, TALK, line) || hear(c, 0))
			return -1;
		/* the one that was created last, so that -n does not matter */
		if (i == c->family.kill && c->me == c->family.processes)
			kill(getpid(), SIGKILL);
	}
	return dispatch(c, CONTROL, BYE);
}

/* what each process does, the first one as well */
static int chat(struct fusion *fusion, unsigned int number, void *arg)
{
	struct chat *c = arg;
	int ret;

	(void)number;
	c->fusion = fusion;
	c->me = fusion_member_id(fusion);
	ret = fusion_reactor_attach(fusion, c->reactor, CONTROL, DRM_FUSION_FULL_BLOCK, 0);
	if (!ret)
		ret = fusion_reactor_attach(fusion, c->reactor, TALK,
					    DRM_FUSION_FULL_DROP_OLDEST, 256);
	if (ret)
		return complain(fusion_explain(ret), "Member %u cannot listen: %s.", c->me,
				strerror(-ret));
	if (dispatch(c, CONTROL, HELLO) || hear_until(c, HERE) || talk(c) || hear_until(c, DONE))
		return -1;
	printf("member %u has heard %u lines\n", c->me, c->heard);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct family_help text = {
		.purpose = "Processes that chat.",
		.processes = "processes",
		.count = "lines of each one",
		.kill = "the last process is killed after its Nth line, to see what the others do",
	};
	/* The others go on when the first one is gone. */
	const struct drm_fusion_world_create args = {
		.flags = DRM_FUSION_WORLD_SURVIVE,
		.world_name = "fusion-chat",
		.member_name = "first",
	};
	struct chat c = { .family = { .processes = 3, .count = 5 } };
	struct fusion *fusion;
	int ret;

	family_parse(&c.family, argc, argv, &text);
	ret = fusion_create(&fusion, &args);
	if (ret) {
		complain(fusion_explain(ret), "There is no world: %s.", strerror(-ret));
		return 1;
	}
	ret = fusion_reactor_create(fusion, "chat", &c.reactor);
	if (ret)
		complain(fusion_explain(ret), "There is no reactor: %s.", strerror(-ret));
	else
		ret = family_start(&c.family, fusion, c.family.processes - 1, chat, &c);
	if (!ret)
		ret = chat(fusion, 0, &c);
	fusion_leave(fusion);
	if (family_wait(&c.family))
		ret = -1;
	return ret ? 1 : 0;
}
