// SPDX-License-Identifier: GPL-2.0
/*
 * The first part of the model: processes take turns, and write into books, which they
 * share, what each open file has to do with each buffer, and which events it must get. So
 * the result of each request is known beforehand. An event must be the next one in the
 * book; where the kernel says that some were lost, that many are skipped.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "model.h"

/* Each process has one of its own besides. */
#define NR_BUFFERS	(NR_SHARED + NR_PROCS)
/* Open files that all processes have, and then some for each. */
#define NR_COMMON	2
#define NR_CLIENTS	(NR_COMMON + 2 * NR_PROCS)
/* events that are remembered for each client */
#define NR_NOTES	32768
#define KERNEL_EVENTS	512

enum owner { OWNER_ALL = -1, OWNER_MESSAGE = -2 };

struct note {
	uint64_t cookie;
	uint64_t seq;
	uint32_t type;
	uint32_t id;
};

/* What a client has to do with a buffer. */
struct use {
	bool holds;
	bool fills;
	bool adopted;
	bool watches;
	uint64_t cookie;
	uint32_t events;
};

struct client {
	int owner;		/* number of a process, or enum owner */
	struct use uses[NR_BUFFERS];
	/* events that must come: how many were read, how many there were, most at a time */
	uint64_t tail, head, most;
	struct note notes[NR_NOTES];
};

struct buffer {
	uint32_t id;
	uint32_t state;
	uint64_t seq;
	bool only_adopted;	/* there is no file descriptor any more */
};

static struct book {
	pthread_mutex_t lock;
	struct buffer buffers[NR_BUFFERS];
	struct client clients[NR_CLIENTS];
	unsigned long events, lost, overflows, passed, closed, freed;
} *book;

/* of this process */
static unsigned int self;
static int buffer_fds[NR_BUFFERS];
static int client_fds[NR_CLIENTS];
static int sockets[NR_PROCS][2];	/* the second is where a process receives */

static bool anybody(unsigned int b, bool (*does)(const struct use *use))
{
	unsigned int c;

	for (c = 0; c < NR_CLIENTS; c++)
		if (does(&book->clients[c].uses[b]))
			return true;
	return false;
}

static bool does_hold(const struct use *use)
{
	return use->holds;
}

static bool does_fill(const struct use *use)
{
	return use->fills;
}

static bool does_own(const struct use *use)
{
	return use->adopted;
}

static void note(unsigned int b, uint32_t type)
{
	const struct buffer *buffer = &book->buffers[b];
	unsigned int c;

	for (c = 0; c < NR_CLIENTS; c++) {
		struct client *client = &book->clients[c];
		const struct use *use = &client->uses[b];

		if (!use->watches || (type != SHRBUF_EVENT_GONE && use->events &&
				      !(use->events & 1U << type)))
			continue;
		CHECK(client->head - client->tail < NR_NOTES, "NR_NOTES is too small");
		client->notes[client->head++ % NR_NOTES] = (struct note){
			.cookie = use->cookie,
			.seq = type == SHRBUF_EVENT_GONE ? 0 : buffer->seq,
			.type = type,
			.id = buffer->id,
		};
		if (client->head - client->tail > client->most)
			client->most = client->head - client->tail;
	}
}

static void change(unsigned int b, uint32_t state)
{
	book->buffers[b].state = state;
	book->buffers[b].seq++;
	note(b, state);
}

static void let_go(unsigned int b, struct use *use)
{
	use->holds = false;
	if (!anybody(b, does_hold))
		note(b, SHRBUF_EVENT_RELEASED);
}

/* The buffer goes. */
static void gone(unsigned int b)
{
	unsigned int c;

	note(b, SHRBUF_EVENT_GONE);
	for (c = 0; c < NR_CLIENTS; c++)
		memset(&book->clients[c].uses[b], 0, sizeof(struct use));
}

/* All that a close ends, in the order of the ids; then buffers that only it had go. */
static void close_book(struct client *client)
{
	uint32_t id = 0, next;
	unsigned int b, at;

	for (;;) {
		for (b = 0, at = 0, next = 0; b < NR_BUFFERS; b++)
			if (book->buffers[b].id > id &&
			    (!next || book->buffers[b].id < next)) {
				next = book->buffers[b].id;
				at = b;
			}
		if (!next)
			break;
		id = next;
		if (client->uses[at].holds)
			let_go(at, &client->uses[at]);
		if (client->uses[at].fills) {
			client->uses[at].fills = false;
			change(at, SHRBUF_STATE_ERROR);
		}
	}
	for (b = 0; b < NR_BUFFERS; b++) {
		bool adopted = client->uses[b].adopted;

		client->uses[b] = (struct use){ 0 };
		if (adopted && book->buffers[b].only_adopted && !anybody(b, does_own))
			gone(b);
	}
	client->head = 0;
	client->tail = 0;
	client->most = 0;
}

static void expect(const char *what, int got, int want)
{
	CHECK(got == want, "%s: %s instead of %s", what, strerror(got < 0 ? -got : 0),
	      strerror(want < 0 ? -want : 0));
}

/* An open file that this process can use and that does it, if there is one, mostly. */
static unsigned int prefer(unsigned int c, unsigned int b,
			   bool (*does)(const struct use *use))
{
	unsigned int i;

	for (i = 0; i < NR_CLIENTS; i++) {
		const struct client *client = &book->clients[i];

		if (client->owner != OWNER_ALL && client->owner != (int)self)
			continue;
		if (does(&client->uses[b]) && !one_in(4))
			return i;
	}
	return c;
}

/* operations */

static void op_hold(unsigned int c, unsigned int b)
{
	struct buffer *buffer = &book->buffers[b];
	struct use *use = &book->clients[c].uses[b];
	uint64_t seq = one_in(3) ? buffer->seq + below(3) - 1 : 0;
	int want = 0;

	if (use->holds)
		want = -EALREADY;
	else if (seq && seq != buffer->seq)
		want = -ESTALE;
	else if (buffer->state < SHRBUF_STATE_FILLED)
		want = -ENODATA;
	else
		use->holds = true;
	expect("HOLD", try_hold(client_fds[c], buffer_fds[b], seq), want);
}

static void op_release(unsigned int c, unsigned int b)
{
	struct use *use;
	bool holds;

	c = prefer(c, b, does_hold);
	use = &book->clients[c].uses[b];
	holds = use->holds;
	if (holds)
		let_go(b, use);
	expect("RELEASE", try_release(client_fds[c], buffer_fds[b]),
	       holds ? 0 : -ENOENT);
}

static void op_set_state(unsigned int c, unsigned int b)
{
	uint32_t state = below(4);
	struct use *use;
	int want = 0;

	c = prefer(c, b, does_fill);
	use = &book->clients[c].uses[b];
	if (anybody(b, does_hold) || (anybody(b, does_fill) && !use->fills)) {
		want = -EBUSY;
	} else {
		use->fills = state == SHRBUF_STATE_FILLING;
		change(b, state);
	}
	expect("SET_STATE", try_set_state(client_fds[c], buffer_fds[b], state), want);
}

static void op_watch(unsigned int c, unsigned int b)
{
	static const uint32_t masks[] = {
		0, 0, STATE_EVENTS, 1U << SHRBUF_EVENT_RELEASED,
		1U << SHRBUF_EVENT_FILLED | 1U << SHRBUF_EVENT_RELEASED,
	};
	struct use *use = &book->clients[c].uses[b];

	use->watches = true;
	use->cookie = random_next(&random_state);
	use->events = masks[below(ARRAY_SIZE(masks))];
	expect("WATCH", try_watch(client_fds[c], buffer_fds[b], 0, use->cookie,
				  use->events), 0);
}

static void op_unwatch(unsigned int c, unsigned int b)
{
	struct use *use = &book->clients[c].uses[b];
	bool watches = use->watches;

	use->watches = false;
	expect("UNWATCH", try_unwatch(client_fds[c], buffer_fds[b], 0),
	       watches ? 0 : -ENOENT);
}

static void op_info(unsigned int c, unsigned int b)
{
	const struct buffer *buffer = &book->buffers[b];
	struct shrbuf_info info;
	unsigned int i, holds = 0;

	expect("INFO", try_info(client_fds[c], buffer_fds[b], &info), 0);
	for (i = 0; i < NR_CLIENTS; i++)
		holds += book->clients[i].uses[b].holds;
	CHECK(info.holds == holds && info.id == buffer->id &&
	      info.frame.seq == buffer->seq && info.frame.state == buffer->state,
	      "INFO: buffer %u, %u holds, seq %llu, state %u; the book says %u, %u, %llu, %u",
	      info.id, info.holds, info.frame.seq, info.frame.state, buffer->id, holds,
	      (unsigned long long)buffer->seq, buffer->state);
}

static void op_adopt(unsigned int c, unsigned int b)
{
	struct shrbuf_info info;
	int fd = try_adopt(client_fds[c], buffer_fds[b]);

	CHECK(fd >= 0, "ADOPT: %s", strerror(-fd));
	expect("INFO", try_info(client_fds[c], fd, &info), 0);
	CHECK(info.id == book->buffers[b].id, "ADOPT gives another buffer");
	close(fd);
	book->clients[c].uses[b].adopted = true;
}

static void op_disown(unsigned int c, unsigned int b)
{
	struct use *use = &book->clients[c].uses[b];
	bool adopted = use->adopted;

	use->adopted = false;
	expect("DISOWN", try_disown(client_fds[c], buffer_fds[b]),
	       adopted ? 0 : -ENOENT);
}

/* Buffers that go at the same time may do so in any order. */
static void sort_gone(struct client *client, uint32_t id)
{
	struct note *first = &client->notes[client->tail % NR_NOTES];
	uint64_t i;

	for (i = client->tail; i < client->head; i++) {
		struct note *other = &client->notes[i % NR_NOTES], swap = *first;

		if (other->type != SHRBUF_EVENT_GONE)
			break;
		if (other->id != id)
			continue;
		*first = *other;
		*other = swap;
		break;
	}
}

/* An event that was read is the next in the book, or says how many are missing. */
static void check_event(struct client *client, const struct shrbuf_event *event)
{
	const struct note *want = &client->notes[client->tail % NR_NOTES];

	if (event->type == SHRBUF_EVENT_GONE)
		sort_gone(client, event->id);
	CHECK(client->tail < client->head, "event %u, and the book has none",
	      event->type);
	if (event->type == SHRBUF_EVENT_OVERFLOW) {
		CHECK(event->lost && event->lost <= client->head - client->tail,
		      "%llu events were lost, the book has %llu", event->lost,
		      (unsigned long long)(client->head - client->tail));
		CHECK(client->most > KERNEL_EVENTS, "events were lost without need");
		client->tail += event->lost;
		book->lost += event->lost;
		book->overflows++;
		return;
	}
	CHECK(event->type == want->type && event->cookie == want->cookie &&
	      event->seq == want->seq && event->id == want->id,
	      "event %u of %u, seq %llu; the book says %u of %u, seq %llu",
	      event->type, event->id, event->seq, want->type, want->id,
	      (unsigned long long)want->seq);
	client->tail++;
	book->events++;
}

static void op_read(unsigned int c, unsigned int b)
{
	struct client *client = &book->clients[c];
	struct shrbuf_event events[64];
	int max = 1 + below(ARRAY_SIZE(events)), nr, i;
	bool all = one_in(8);

	(void)b;
	do {
		nr = try_read_events(client_fds[c], events, max);
		if (nr < 0) {
			expect("read", nr, -EAGAIN);
			nr = 0;
		}
		for (i = 0; i < nr; i++)
			check_event(client, &events[i]);
	} while (all && nr == max);
	if (nr < max)
		CHECK(client->tail == client->head,
		      "no more events, but the book has %llu",
		      (unsigned long long)(client->head - client->tail));
	if (client->tail == client->head)
		client->most = 0;
}

static void op_poll(unsigned int c, unsigned int b)
{
	struct pollfd pollfd = { .fd = client_fds[c], .events = POLLIN };
	const struct client *client = &book->clients[c];

	(void)b;
	CHECK(poll(&pollfd, 1, 0) == (client->head != client->tail),
	      "poll() says 0x%x, the book has %llu events", pollfd.revents,
	      (unsigned long long)(client->head - client->tail));
}

static int open_client(void)
{
	int fd = open("/dev/shrbuf", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	CHECK(fd >= 0, "open: %s", strerror(errno));
	return fd;
}

static void op_close(unsigned int c, unsigned int b)
{
	(void)b;
	if (book->clients[c].owner == OWNER_ALL)
		return;
	close(client_fds[c]);
	close_book(&book->clients[c]);
	client_fds[c] = open_client();
	book->closed++;
}

/* The same open file by another number. */
static void op_dup(unsigned int c, unsigned int b)
{
	int fd = fcntl(client_fds[c], F_DUPFD_CLOEXEC, 0);

	(void)b;
	CHECK(fd >= 0, "dup: %s", strerror(errno));
	close(client_fds[c]);
	client_fds[c] = fd;
}

/* A message to another process takes the open file along, with all that it does. */
static void op_send(unsigned int c, unsigned int b)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = &c, .iov_len = sizeof(c) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	(void)b;
	if (book->clients[c].owner == OWNER_ALL)
		return;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &client_fds[c], sizeof(int));
	if (sendmsg(sockets[below(NR_PROCS)][0], &msg, MSG_NOSIGNAL) < 0)
		return;
	close(client_fds[c]);
	client_fds[c] = -1;
	book->clients[c].owner = OWNER_MESSAGE;
	book->passed++;
}

static void op_receive(unsigned int c, unsigned int b)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = &c, .iov_len = sizeof(c) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	(void)b;
	if (recvmsg(sockets[self][1], &msg, MSG_CMSG_CLOEXEC) < 0)
		return;
	CHECK(CMSG_FIRSTHDR(&msg), "a message without a file");
	memcpy(&client_fds[c], CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	book->clients[c].owner = self;
}

static void new_buffer(unsigned int b)
{
	struct shrbuf_info info;

	buffer_fds[b] = try_alloc_from(shrbuf_dev(), 1);
	CHECK(buffer_fds[b] >= 0, "ALLOC: %s", strerror(-buffer_fds[b]));
	expect("INFO", try_info(shrbuf_dev(), buffer_fds[b], &info), 0);
	book->buffers[b] = (struct buffer){ .id = info.id };
}

/* The last file descriptor goes: whatever was to do with the buffer ends. */
static void op_free(unsigned int c, unsigned int b)
{
	(void)c;
	b = NR_SHARED + self;
	if (anybody(b, does_own))
		return;
	close(buffer_fds[b]);
	gone(b);
	new_buffer(b);
	book->freed++;
}

static const struct {
	void (*run)(unsigned int c, unsigned int b);
	unsigned int weight;
} ops[] = {
	{ op_hold, 8 }, { op_release, 30 }, { op_set_state, 80 },
	{ op_watch, 20 }, { op_unwatch, 2 }, { op_info, 20 }, { op_adopt, 4 },
	{ op_disown, 4 }, { op_read, 3 }, { op_poll, 4 }, { op_close, 1 },
	{ op_dup, 2 }, { op_send, 4 }, { op_receive, 8 }, { op_free, 1 },
};

static unsigned int some_op(void)
{
	unsigned int i, chance, total = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	chance = below(total);
	for (i = 0; chance >= ops[i].weight; i++)
		chance -= ops[i].weight;
	return i;
}

/* All events, and then no more client. */
static void finish(unsigned int c)
{
	while (book->clients[c].tail != book->clients[c].head)
		op_read(c, 0);
	close(client_fds[c]);
	close_book(&book->clients[c]);
}

static void process(unsigned int me)
{
	unsigned int b, c, i;
	unsigned long nr;

	self = me;
	pthread_mutex_lock(&book->lock);
	new_buffer(NR_SHARED + self);
	for (c = NR_COMMON + self; c < NR_CLIENTS; c += NR_PROCS) {
		client_fds[c] = open_client();
		book->clients[c].owner = self;
	}
	pthread_mutex_unlock(&book->lock);

	for (nr = 0; nr < count / NR_PROCS; nr++) {
		i = some_op();
		b = below(NR_SHARED + 1);
		if (b == NR_SHARED)
			b += self;
		c = below(NR_CLIENTS);
		pthread_mutex_lock(&book->lock);
		while (book->clients[c].owner != OWNER_ALL &&
		       book->clients[c].owner != (int)self)
			c = (c + 1) % NR_CLIENTS;
		ops[i].run(c, b);
		pthread_mutex_unlock(&book->lock);
	}

	pthread_mutex_lock(&book->lock);
	for (c = 0; c < NR_CLIENTS; c++) {
		if (book->clients[c].owner != (int)self)
			continue;
		finish(c);
		book->clients[c].owner = OWNER_MESSAGE;
	}
	b = NR_SHARED + self;
	close(buffer_fds[b]);
	if (anybody(b, does_own))
		book->buffers[b].only_adopted = true;
	else
		gone(b);
	pthread_mutex_unlock(&book->lock);
}

void books(void **state)
{
	pthread_mutexattr_t attr;
	unsigned int b, c, i;

	(void)state;
	book = share(sizeof(*book));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&book->lock, &attr);
	for (i = 0; i < NR_PROCS; i++)
		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					    0, sockets[i]), 0);
	shrbuf_dev();
	memset(buffer_fds, -1, sizeof(buffer_fds));
	for (b = 0; b < NR_SHARED; b++)
		new_buffer(b);
	for (c = 0; c < NR_CLIENTS; c++) {
		client_fds[c] = c < NR_COMMON ? open_client() : -1;
		book->clients[c].owner = c < NR_COMMON ? OWNER_ALL : OWNER_MESSAGE;
	}

	run_processes(process);

	/* what is in messages; after that, nobody does anything any more */
	for (self = 0; self < NR_PROCS; self++) {
		for (i = 0; i < NR_CLIENTS; i++)
			op_receive(0, 0);
		close(sockets[self][0]);
		close(sockets[self][1]);
	}
	for (c = NR_CLIENTS; c--;)
		if (book->clients[c].owner != OWNER_MESSAGE)
			finish(c);
	printf("# %lu events read, %lu lost in %lu overflows\n", book->events,
	       book->lost, book->overflows);
	printf("# %lu files passed on, %lu closed; %lu buffers freed\n",
	       book->passed, book->closed, book->freed);
	/* else it was not tested */
	if (count >= 20000)
		assert_true(book->overflows && book->passed && book->closed &&
			    book->freed);
	for (b = 0; b < NR_SHARED; b++)
		close(buffer_fds[b]);
	expect_no_buffers();
	munmap(book, sizeof(*book));
}
