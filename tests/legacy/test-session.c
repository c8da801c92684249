// SPDX-License-Identifier: GPL-2.0
/*
 * A session as libfusion makes it, with the requests in its order: a master, slaves in
 * processes of their own, shared memory in files of a tmpfs at the addresses that the kernel
 * gives, calls, reactors, fork, and an end. Secure and not.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "legacy.h"

#define TMPFS		"/dev/shm"
#define ROOT_SIZE	4096
#define POOL_SIZE	0x40000
#define SLAVES		3
#define ROUNDS		50
#define BIT(request)	(1U << ((request) & 0xff))

/* what libfusion keeps in the root: where all the rest is found */
struct root {
	int pool;
	uint64_t pool_base;
	int world_refs;
	int reactor;
	int skirmish;
};

/* in the pool: what the slaves change, under the skirmish */
struct heap {
	int counter;
};

/**
 * struct session - a process in the world
 * @fd: entered
 * @id: fusionee
 * @secure: slaves cannot write to the shared memory
 * @root: mapped
 * @heap: mapped
 * @server: reads messages
 * @messages: of the reactor, that have come
 */
struct session {
	int fd;
	int id;
	bool secure;
	struct root *root;
	struct heap *heap;
	struct server *server;
	int messages;
};

/* No assertion of cmocka can end a process that was forked. */
static void check(bool holds, const char *what, int line)
{
	if (holds)
		return;
	fprintf(stderr, "line %d, process %d: %s: %s\n", line, getpid(), what, strerror(errno));
	_exit(1);
}

#define CHECK(condition)	check(condition, #condition, __LINE__)

/* a file of the tmpfs at an address of the window */
static void *map_file(const char *name, size_t size, uint64_t address, bool create, bool secure,
		      bool writable)
{
	int fd = open(name, (create ? O_CREAT | O_TRUNC : 0) | (writable ? O_RDWR : O_RDONLY) |
		      O_CLOEXEC, secure ? 0640 : 0660);
	void *at;

	if (fd < 0)
		return NULL;
	if (create && (fchmod(fd, secure ? 0640 : 0660) || ftruncate(fd, size))) {
		close(fd);
		return NULL;
	}
	at = mmap((void *)(uintptr_t)address, size, PROT_READ | (writable ? PROT_WRITE : 0),
		  MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static void handle(struct server *server, struct l_message *message)
{
	struct session *session = server->arg;

	if (message->type == L_MSG_REACTOR)
		__atomic_add_fetch(&session->messages, 1, __ATOMIC_SEQ_CST);
	else
		server_answer(server, message);
}

static void session_enter(struct session *s, bool master)
{
	struct l_enter enter_args = { .major = 9, .secure = s->secure };
	struct l_pool_attach attach = { 0 };
	struct l_pool_new pool = { .max_size = POOL_SIZE };
	bool writable = master || !s->secure;
	struct statfs fs;
	uint64_t base;

	CHECK(!statfs(TMPFS, &fs) && fs.f_type == TMPFS_MAGIC);
	s->fd = try_legacy_open(0, O_RDWR | (master ? O_EXCL : O_APPEND));
	CHECK(s->fd >= 0);
	CHECK(!try_ioctl(s->fd, L_ENTER, &enter_args));
	s->id = enter_args.fusion_id;
	CHECK((s->id == 1) == master);
	CHECK(!try_ioctl(s->fd, L_SHM_GET_BASE, &base));
	s->root = map_file(TMPFS "/fusion.0", ROOT_SIZE, base, master, s->secure, writable);
	CHECK(s->root);
	if (master) {
		s->root->skirmish = 0;
		CHECK(!try_ioctl(s->fd, L_SKIRMISH_NEW, &s->root->skirmish));
		name_entry(s->fd, L_TYPE_SKIRMISH, s->root->skirmish, "Reactor Globals");
		CHECK(!try_permit(s->fd, L_TYPE_SKIRMISH, s->root->skirmish, 0,
				  BIT(L_SKIRMISH_PREVAIL) | BIT(L_SKIRMISH_DISMISS)));
		CHECK(!try_ioctl(s->fd, L_SHMPOOL_NEW, &pool));
		s->root->pool = pool.pool_id;
		s->root->pool_base = pool.addr_base;
		name_entry(s->fd, L_TYPE_SHMPOOL, pool.pool_id, "Fusion Main Pool");
		CHECK(!try_permit(s->fd, L_TYPE_SHMPOOL, pool.pool_id, 0,
				  BIT(L_SHMPOOL_ATTACH) | BIT(L_SHMPOOL_DETACH)));
	}
	attach.pool_id = s->root->pool;
	CHECK(!try_ioctl(s->fd, L_SHMPOOL_ATTACH, &attach));
	CHECK(attach.addr_base == s->root->pool_base);
	s->heap = map_file(TMPFS "/fusion.0.1", POOL_SIZE, attach.addr_base, master, s->secure,
			   writable);
	CHECK(s->heap);
	if (master) {
		s->root->world_refs = call_new(s->fd, 0x1234, 0x5678);
		name_entry(s->fd, L_TYPE_CALL, s->root->world_refs, "world_refs");
		CHECK(!try_permit(s->fd, L_TYPE_CALL, s->root->world_refs, 0,
				  BIT(L_CALL_EXECUTE) | BIT(L_CALL_EXECUTE3)));
		CHECK(!try_ioctl(s->fd, L_REACTOR_NEW, &s->root->reactor));
		name_entry(s->fd, L_TYPE_REACTOR, s->root->reactor, "events");
		CHECK(!try_permit(s->fd, L_TYPE_REACTOR, s->root->reactor, 0,
				  BIT(L_REACTOR_ATTACH) | BIT(L_REACTOR_DETACH)));
	}
	s->server = server_start(s->fd, handle, s);
	if (master)
		CHECK(!try_ioctl(s->fd, L_UNBLOCK, NULL));
}

static void session_exit(struct session *s, bool master)
{
	/* as libfusion: a message to itself ends the thread that reads */
	CHECK(!try_message(s->fd, s->id, -1, 0, "bye", 4));
	CHECK(!pthread_join(s->server->thread, NULL));
	free(s->server);
	if (master) {
		CHECK(!try_id(s->fd, L_CALL_DESTROY, s->root->world_refs));
		CHECK(!try_id(s->fd, L_REACTOR_DESTROY, s->root->reactor));
		CHECK(!try_id(s->fd, L_SKIRMISH_DESTROY, s->root->skirmish));
		CHECK(!try_id(s->fd, L_SHMPOOL_DESTROY, s->root->pool));
		CHECK(!unlink(TMPFS "/fusion.0.1"));
		CHECK(!unlink(TMPFS "/fusion.0"));
	} else {
		CHECK(!try_id(s->fd, L_SHMPOOL_DETACH, s->root->pool));
	}
	CHECK(!munmap(s->heap, POOL_SIZE));
	CHECK(!munmap(s->root, ROOT_SIZE));
	CHECK(!close(s->fd));
}

/* what each slave does */
static void work(struct session *s)
{
	char answer[64] = "";
	int i, value;

	for (i = 0; i < ROUNDS; i++) {
		CHECK(!try_execute(s->fd, s->root->world_refs, i, 0, &value));
		CHECK(value == i + 1);
		CHECK(try_execute3(s->fd, s->root->world_refs, i, "some data", 10, answer,
				   sizeof(answer)) == 10);
		CHECK(!strcmp(answer, "some data"));
		CHECK(!try_id(s->fd, L_SKIRMISH_PREVAIL, s->root->skirmish));
		if (!s->secure)
			s->heap->counter++;
		CHECK(!try_id(s->fd, L_SKIRMISH_DISMISS, s->root->skirmish));
	}
}

static bool has_heard(void *arg)
{
	struct session *s = arg;

	return __atomic_load_n(&s->messages, __ATOMIC_SEQ_CST) > 0;
}

/* A child of a slave, which becomes a fusionee of its own: libfusion's fork handler. */
static void run_forked(struct session *parent)
{
	struct session s = { .root = parent->root, .heap = parent->heap, .secure = parent->secure };
	struct l_enter args = { .major = 9 };
	uint64_t id = parent->id;

	closefrom(FIRST_TEST_FD);
	s.fd = try_legacy_open(0, O_RDWR | O_APPEND);
	CHECK(s.fd >= 0);
	CHECK(!try_ioctl(s.fd, L_ENTER, &args));
	s.id = args.fusion_id;
	CHECK(!try_ioctl(s.fd, L_FORK, &id));
	s.server = server_start(s.fd, handle, &s);
	work(&s);
	/* it listens because its parent did, and has the pool */
	wait_for(has_heard, &s, "a message of the reactor");
	session_exit(&s, false);
}

static void run_slave(bool secure)
{
	struct session s = { .secure = secure };
	int status;
	pid_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	closefrom(FIRST_TEST_FD);
	session_enter(&s, false);
	CHECK(!try_pair(s.fd, L_REACTOR_ATTACH, s.root->reactor, 0));
	work(&s);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		run_forked(&s);
		_exit(0);
	}
	wait_for(has_heard, &s, "a message of the reactor");
	while (waitpid(child, &status, 0) < 0)
		CHECK(errno == EINTR);
	CHECK(!status);
	CHECK(!try_pair(s.fd, L_REACTOR_DETACH, s.root->reactor, 0));
	session_exit(&s, false);
}

/**
 * struct slaves - processes that the master waits for
 * @master: dispatches to them
 * @pids: of those that run, zero for others
 * @failed: how many have ended badly
 */
struct slaves {
	struct session *master;
	pid_t pids[SLAVES];
	int failed;
};

/* Says something each time, so that those who came late hear it, too. */
static bool all_have_ended(void *arg)
{
	struct slaves *slaves = arg;
	struct l_dispatch args = {
		.reactor_id = slaves->master->root->reactor, .size = 6,
		.data = (uintptr_t)"event",
	};
	bool all = true;
	int i, status;

	do_ioctl(slaves->master->fd, L_REACTOR_DISPATCH, &args);
	for (i = 0; i < SLAVES; i++) {
		if (slaves->pids[i] && waitpid(slaves->pids[i], &status, WNOHANG) > 0) {
			slaves->failed += status != 0;
			slaves->pids[i] = 0;
		}
		all &= !slaves->pids[i];
	}
	return all;
}

static pid_t start_slave(struct session *master)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		/* what the parent has mapped there is not the child's */
		if (master->root) {
			munmap(master->heap, POOL_SIZE);
			munmap(master->root, ROOT_SIZE);
		}
		run_slave(master->secure);
		_exit(0);
	}
	return pid;
}

static void session(bool secure)
{
	struct session master = { .secure = secure };
	struct slaves slaves = { .master = &master };
	int i;

	/* one comes before the master: it waits */
	slaves.pids[0] = start_slave(&master);
	session_enter(&master, true);
	for (i = 1; i < SLAVES; i++)
		slaves.pids[i] = start_slave(&master);
	wait_for(all_have_ended, &slaves, "the slaves to end");
	assert_int_equal(slaves.failed, 0);
	assert_non_null(strstr(listing_line(0, "calls", "world_refs"), "idle"));
	/* each slave and its child */
	if (!secure)
		assert_int_equal(master.heap->counter, 2 * SLAVES * ROUNDS);
	session_exit(&master, true);
}

static void insecure_session(void **state)
{
	(void)state;
	session(false);
}

static void secure_session(void **state)
{
	(void)state;
	session(true);
}

/* libfusion starts anew in a world that had a session */
static void sessions_follow_each_other(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		session(i % 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(insecure_session),
		LEGACY_TEST(secure_session),
		LEGACY_TEST(sessions_follow_each_other),
	};

	/* what sleeps does so in other processes and threads */
	return cmocka_run_group_tests_name("legacy-session", tests, NULL, NULL);
}
