/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client of /dev/fusionN, as small as the tests allow. It does what libfusion does, in the
 * same order: opens a world, enters, reads messages in a thread of its own, calls.
 *
 * foo() asserts that it worked, try_foo() returns 0 or a negative errno.
 */
#ifndef _TESTS_LEGACY_LEGACY_H
#define _TESTS_LEGACY_LEGACY_H

#include <pthread.h>
#include <sys/types.h>

#include "abi.h"
#include "../api/common.h"

/* A test, after which everything is closed, and the world must be empty. */
#define LEGACY_TEST(f)	cmocka_unit_test_teardown(f, legacy_close_all)
int legacy_close_all(void **state);

/* Worlds of the device number @world; each test has world 0 for itself. */
int try_legacy_open(unsigned int world, int flags);
int legacy_open(unsigned int world, int flags);

/* the id or a negative errno */
int try_enter(int fd, int major, int minor, bool secure);
int enter(int fd);
/* opened, entered, unblocked */
int master_new(bool secure);
int slave_new(void);

/* requests whose argument begins with the number of an entry */
int try_id(int fd, unsigned long request, int id);
/* makes an entry that needs nothing more: skirmish, ref, property, reactor */
int id_new(int fd, unsigned long request);
int try_pair(int fd, unsigned long request, int first, int second);
int try_permit(int fd, int type, int id, uint64_t fusionee, uint32_t mask);
void name_entry(int fd, int type, int id, const char *name);

/* messages */
int try_message(int fd, uint64_t to, int msg_id, int channel, const void *data, int size);

/**
 * struct inbox - what was read and not taken yet
 * @fd: entered
 * @length: bytes in @data
 * @at: of these were taken
 * @data: whole packets
 */
struct inbox {
	int fd;
	size_t length;
	size_t at;
	char data[4 * L_PACKET];
};

/* The next message, waits for it; valid until the next one is asked for. */
struct l_message *next_message(struct inbox *inbox);
/* the same, of this type; skips LEAVE unless that is what is asked for */
struct l_message *expect_message(struct inbox *inbox, int type);
void *message_data(struct l_message *message);
/* nothing is there to be read */
void expect_silence(struct inbox *inbox);

/* calls */
int call_new(int fd, uint64_t handler, uint64_t ctx);
int try_execute(int fd, int call, int arg, uint32_t flags, int *value);
/* the length of the answer, or a negative errno */
int try_execute3(int fd, int call, int arg, const void *data, uint32_t length, void *answer,
		 uint32_t room);
int try_return(int fd, int call, uint32_t serial, int value);
int try_return3(int fd, int call, uint32_t serial, const void *data, uint32_t length);

/**
 * struct server - a thread that reads and answers, as each process of libfusion has one
 * @inbox: its messages
 * @thread: reads until it gets a SEND with msg_id -1
 * @tid: of the thread; set when it runs
 * @handle: a message other than that; may be NULL, then calls are answered with their
 *	argument plus one, or with the data that was sent
 * @arg: for @handle
 */
struct server {
	struct inbox inbox;
	pthread_t thread;
	pid_t tid;
	void (*handle)(struct server *server, struct l_message *message);
	void *arg;
};

struct server *server_start(int fd, void (*handle)(struct server *server,
						   struct l_message *message), void *arg);
/* sends that message, as libfusion does when it leaves, and joins */
void server_stop(struct server *server);
void server_answer(struct server *server, struct l_message *message);
/* another @handle: adds one to the int at @arg */
void count_messages(struct server *server, struct l_message *message);

/* processes */

/* A slave in a process of its own, which exits with what @run returns. */
pid_t slave_fork(int (*run)(int fd, void *arg), void *arg);
void slave_wait(pid_t pid);
void slave_kill(pid_t pid);
/* waits until it ends, and asserts that a signal did it */
void slave_killed(pid_t pid, int signal);
/* for slave_fork(): sets the flag, and sleeps until it is killed */
int slave_sleep(int fd, void *flag);
/* waits until a thread sleeps in this request, or in read() */
void wait_in_request(pid_t tid, unsigned long request);
void wait_in_read(pid_t tid);

/**
 * struct job - a request that sleeps, in a thread of its own
 * @fd: entered
 * @request: what is requested
 * @arg: its argument, lives until job_end()
 * @quiet: without signals
 * @ret: 0 or a negative errno
 * @thread: makes the request
 * @tid: of the thread
 */
struct job {
	int fd;
	unsigned long request;
	void *arg;
	bool quiet;
	int ret;
	pthread_t thread;
	pid_t tid;
};

/* makes the request, and comes back when it sleeps */
struct job *job_start(int fd, unsigned long request, void *arg);
/* the same, without the rain of signals: for what is not done again after one */
struct job *job_start_quietly(int fd, unsigned long request, void *arg);
/* makes the request, and does not care whether it sleeps */
struct job *job_run(int fd, unsigned long request, void *arg);
/* waits for its end; the result of the request */
int job_end(struct job *job);

/* memory that processes share, zero */
void *shared_new(size_t size);
/* waits for another process or thread to set it */
void wait_flag(const int *flag, const char *what);
void set_flag(int *flag);

/* a line of a listing of a world that has this text, or fails; static storage */
const char *listing_line(unsigned int world, const char *file, const char *text);

#endif /* _TESTS_LEGACY_LEGACY_H */
