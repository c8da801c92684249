// SPDX-License-Identifier: GPL-2.0
/*
 * A process is killed while it has to do with buffers of another one: it holds their
 * frames, fills them, watches them and a camera, waits for events, and has adopted
 * memory. The other one watches, and must be told of what the death has ended.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xf86drm.h>

#include "client.h"
#include "kill.h"

#define NR_SHARED	4
#define ROUNDS		10	/* so few that no event is lost */
#define MAX_EVENTS	512	/* that the kernel keeps */

/**
 * struct mark - what the victim does with a buffer at this moment
 * @holds: set after HOLD, cleared before RELEASE
 * @fills: set after SHRBUF_STATE_FILLING, cleared before the next state
 *
 * In memory that is shared with the victim.
 */
struct mark {
	bool holds;
	bool fills;
};

static struct mark *marks;
static int shared[NR_SHARED];	/* file descriptors of the buffers */

/* the victim */

static void set_mark(bool *mark, bool value)
{
	__atomic_store_n(mark, value, __ATOMIC_SEQ_CST);
}

static void *thread_read(void *arg)
{
	struct shrbuf_event events[4];
	int client = (long)arg;

	while (try_read_events(client, events, ARRAY_SIZE(events)) > 0)
		reached(DID_READ);
	return NULL;
}

static void *thread_poll(void *arg)
{
	struct pollfd pollfd = { .fd = (long)arg, .events = POLLIN };
	struct shrbuf_event event;

	while (poll(&pollfd, 1, -1) == 1)
		try_read_events(pollfd.fd, &event, 1);
	return NULL;
}

/* A client that watches all, and a thread that reads its events and never ends. */
static void start_watching(int video_fd, void *(*function)(void *))
{
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < NR_SHARED; i++)
		try_watch(client, shared[i], 0, i, 0);
	try_watch(client, video_fd, SHRBUF_WATCH_QUEUE, NR_SHARED, 0);
	pthread_create(&thread, NULL, function, (void *)(long)client);
}

static void hold_and_fill(int client, int other, unsigned int i)
{
	if (!try_hold(client, shared[i], 0)) {
		reached(DID_HOLD);
		set_mark(&marks[i].holds, true);
		if (!try_hold(other, shared[i], 0))
			try_release(other, shared[i]);
		set_mark(&marks[i].holds, false);
		try_release(client, shared[i]);
	}
	if (!try_set_state(client, shared[i], SHRBUF_STATE_FILLING)) {
		reached(DID_FILL);
		set_mark(&marks[i].fills, true);
		/* something that takes a while */
		close(try_alloc_from(client, 4));
		set_mark(&marks[i].fills, false);
		try_set_state(client, shared[i], SHRBUF_STATE_FILLED);
	}
}

/* Memory of others: of a render node, and of a camera that is not attached. */
static void adopt_some(int client)
{
	struct drm_mode_create_dumb create = {
		.width = 64, .height = 64, .bpp = 32,
	};
	int drm = drm_open("vgem"), fd = -1, adopted;

	if (!drmIoctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		drmPrimeHandleToFD(drm, create.handle, DRM_CLOEXEC | DRM_RDWR, &fd);
	adopted = try_adopt(client, fd);
	if (adopted >= 0) {
		reached(DID_ADOPT);
		try_watch(client, adopted, 0, 0, 0);
		try_set_state(client, adopted, SHRBUF_STATE_FILLED);
		try_hold(client, adopted, 0);
	}
	close(fd);
	close(drm);
}

/* Nobody will receive it: it is in a message that dies with the socket. */
static void send_away(int client)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return;
	send_fds(socks[0], &client, 1);
	close(client);
	reached(DID_PASS);
}

static void scene_clients(void)
{
	int client, other, sent;
	struct victim v;
	unsigned int i;

	victim_open(&v, false);
	victim_export(&v);
	start_watching(v.cam.fd, thread_read);
	start_watching(v.cam.fd, thread_poll);
	client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	other = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	sent = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	adopt_some(sent);
	send_away(sent);
	adopt_some(client);
	for (i = 0; i < ROUNDS * NR_SHARED; i++)
		hold_and_fill(client, other, i % NR_SHARED);
	victim_stream(&v, 1);
	for (i = 0; i < ROUNDS * NR_SHARED; i++)
		hold_and_fill(client, other, i % NR_SHARED);
	/* some are held until the end */
	for (i = 0; i < NR_SHARED / 2; i++)
		if (!try_hold(client, shared[i], 0))
			set_mark(&marks[i].holds, true);
	victim_close(&v);
}

/* who stays */

static bool is_let_go(void *arg)
{
	struct shrbuf_info info;
	unsigned int i;

	(void)arg;
	for (i = 0; i < NR_SHARED; i++) {
		assert_int_equal(try_info(shrbuf_dev(), shared[i], &info), 0);
		if (info.holds || info.frame.state == SHRBUF_STATE_FILLING)
			return false;
	}
	return buffers_alive() == NR_SHARED;
}

/* Events of all buffers, in the order of their cookies: the number of the buffer. */
struct history {
	uint64_t seq;
	unsigned int state;
	unsigned int last;	/* event */
};

static void read_history(int watcher, struct history *histories)
{
	struct shrbuf_event events[MAX_EVENTS];
	int nr = try_read_events(watcher, events, MAX_EVENTS), i;

	if (nr == -EAGAIN)
		return;
	assert_true(nr > 0);
	for (i = 0; i < nr; i++) {
		struct history *history = &histories[events[i].cookie];

		assert_int_not_equal(events[i].type, SHRBUF_EVENT_OVERFLOW);
		assert_true(events[i].cookie < NR_SHARED);
		history->last = events[i].type;
		if (events[i].type > SHRBUF_EVENT_ERROR) {
			assert_int_equal(events[i].type, SHRBUF_EVENT_RELEASED);
			assert_int_equal(events[i].seq, history->seq);
			continue;
		}
		assert_int_equal(events[i].seq, history->seq + 1);
		history->seq++;
		history->state = events[i].type;
	}
	assert_int_equal(try_read_events(watcher, events, 1), -EAGAIN);
}

/* What the victim was doing has ended, and the watcher was told. */
static void check_buffer(unsigned int i, const struct history *history)
{
	struct shrbuf_info info;
	int client = shrbuf_dev();

	assert_int_equal(try_info(client, shared[i], &info), 0);
	assert_int_equal(info.frame.seq, history->seq);
	assert_int_equal(info.frame.state, history->state);
	if (marks[i].holds)
		assert_int_equal(history->last, SHRBUF_EVENT_RELEASED);
	if (marks[i].fills)
		assert_int_equal(history->last, SHRBUF_EVENT_ERROR);
	/* nothing is in the way of others */
	assert_int_equal(try_set_state(client, shared[i], SHRBUF_STATE_FILLING), 0);
	assert_int_equal(try_set_state(client, shared[i], SHRBUF_STATE_FILLED), 0);
	assert_int_equal(try_hold(client, shared[i], 0), 0);
	assert_int_equal(try_release(client, shared[i]), 0);
}

void run_clients(void)
{
	struct history histories[NR_SHARED];
	unsigned int i;
	int watcher;
	pid_t pid;

	if (!marks) {
		marks = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_true(marks != MAP_FAILED);
	}
	memset(marks, 0, sizeof(*marks) * NR_SHARED);
	watcher = do_open("/dev/shrbuf", O_RDWR | O_NONBLOCK);
	for (i = 0; i < NR_SHARED; i++) {
		shared[i] = try_alloc_from(shrbuf_dev(), 1);
		assert_true(shared[i] >= 0);
		assert_int_equal(try_set_state(shrbuf_dev(), shared[i],
					       SHRBUF_STATE_FILLED), 0);
		assert_int_equal(try_watch(watcher, shared[i], 0, i, 0), 0);
		histories[i] = (struct history){
			.seq = 1,
			.state = SHRBUF_STATE_FILLED,
			.last = SHRBUF_STATE_FILLED,
		};
	}

	pid = start_victim(scene_clients);
	wait_random();
	kill_and_wait(pid);

	wait_for(is_let_go, NULL, "what a dead process had to do with buffers");
	read_history(watcher, histories);
	for (i = 0; i < NR_SHARED; i++) {
		check_buffer(i, &histories[i]);
		close(shared[i]);
	}
	close(watcher);
}
