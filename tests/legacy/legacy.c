// SPDX-License-Identifier: GPL-2.0
/*
 * A client of /dev/fusionN, see legacy.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "legacy.h"

static bool can_open_alone(void *arg)
{
	int fd = try_legacy_open(0, O_RDWR | O_EXCL);

	(void)arg;
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int legacy_close_all(void **state)
{
	(void)state;
	closefrom(FIRST_TEST_FD);
	if (access("/dev/fusion0", F_OK))
		return -1;
	wait_for(can_open_alone, NULL, "the world to be empty");
	return 0;
}

int try_legacy_open(unsigned int world, int flags)
{
	char path[32];
	int fd, high;

	snprintf(path, sizeof(path), "/dev/fusion%u", world);
	do {
		fd = open(path, flags | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(high >= 0);
	close(fd);
	return high;
}

int legacy_open(unsigned int world, int flags)
{
	int fd = try_legacy_open(world, flags);

	if (fd < 0)
		fail_msg("/dev/fusion%u: %s", world, strerror(-fd));
	return fd;
}

int try_enter(int fd, int major, int minor, bool secure)
{
	struct l_enter args = { .major = major, .minor = minor, .secure = secure };
	int ret = try_ioctl(fd, L_ENTER, &args);

	return ret ? ret : (int)args.fusion_id;
}

int enter(int fd)
{
	int id = try_enter(fd, 9, 0, false);

	if (id < 0)
		fail_msg("ENTER: %s", strerror(-id));
	return id;
}

int master_new(bool secure)
{
	int fd = legacy_open(0, O_RDWR);

	assert_int_equal(try_enter(fd, 9, 0, secure), 1);
	do_ioctl(fd, L_UNBLOCK, NULL);
	return fd;
}

int slave_new(void)
{
	int fd = legacy_open(0, O_RDWR);

	assert_true(enter(fd) > 1);
	return fd;
}

/* entries */

int try_id(int fd, unsigned long request, int id)
{
	return try_ioctl(fd, request, &id);
}

int id_new(int fd, unsigned long request)
{
	int id = 0;

	do_ioctl(fd, request, &id);
	assert_true(id > 0);
	return id;
}

int try_pair(int fd, unsigned long request, int first, int second)
{
	int pair[2] = { first, second };

	return try_ioctl(fd, request, pair);
}

int try_permit(int fd, int type, int id, uint64_t fusionee, uint32_t mask)
{
	struct l_permissions args = {
		.type = type, .id = id, .fusion_id = fusionee, .mask = mask,
	};

	return try_ioctl(fd, L_ADD_PERMISSIONS, &args);
}

void name_entry(int fd, int type, int id, const char *name)
{
	struct l_info args = { .type = type, .id = id };

	strncpy(args.name, name, sizeof(args.name) - 1);
	do_ioctl(fd, L_SET_INFO, &args);
}

/* messages */

int try_message(int fd, uint64_t to, int msg_id, int channel, const void *data, int size)
{
	struct l_send args = {
		.fusion_id = to, .msg_id = msg_id, .channel = channel, .size = size,
		.data = (uintptr_t)data,
	};

	return try_ioctl(fd, L_SEND_MESSAGE, &args);
}

static void fill(struct inbox *inbox)
{
	ssize_t ret;

	do {
		ret = read(inbox->fd, inbox->data, sizeof(inbox->data));
	} while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		fail_msg("read: %s", ret ? strerror(errno) : "the end");
	inbox->length = ret;
	inbox->at = 0;
}

static struct l_message *take(struct inbox *inbox)
{
	struct l_message *message = (void *)(inbox->data + inbox->at);
	size_t whole = sizeof(*message) + (message->size + 3) / 4 * 4;

	assert_in_range(message->size, 0, L_PACKET - sizeof(*message));
	assert_true(inbox->at + whole <= inbox->length);
	inbox->at += whole;
	return message;
}

struct l_message *next_message(struct inbox *inbox)
{
	struct pollfd fd = { .fd = inbox->fd, .events = POLLIN };
	int ret;

	if (inbox->at == inbox->length) {
		do {
			ret = poll(&fd, 1, TIMEOUT_MS);
		} while (ret < 0 && errno == EINTR);
		if (ret != 1 || !(fd.revents & POLLIN))
			fail_msg("no message has come");
		fill(inbox);
	}
	return take(inbox);
}

struct l_message *expect_message(struct inbox *inbox, int type)
{
	struct l_message *message;

	do {
		message = next_message(inbox);
	} while (message->type == L_MSG_LEAVE && type != L_MSG_LEAVE);
	assert_int_equal(message->type, type);
	return message;
}

void *message_data(struct l_message *message)
{
	return message + 1;
}

void expect_silence(struct inbox *inbox)
{
	struct pollfd fd = { .fd = inbox->fd, .events = POLLIN };

	assert_int_equal(inbox->at, inbox->length);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

/* calls */

int call_new(int fd, uint64_t handler, uint64_t ctx)
{
	struct l_call_new args = { .handler = handler, .ctx = ctx };

	do_ioctl(fd, L_CALL_NEW, &args);
	assert_true(args.call_id > 0);
	return args.call_id;
}

int try_execute(int fd, int call, int arg, uint32_t flags, int *value)
{
	struct l_exec args = {
		.call_id = call, .call_arg = arg, .flags = flags | L_RESUMABLE,
	};
	int ret = try_ioctl(fd, L_CALL_EXECUTE, &args);

	if (value)
		*value = args.ret_val;
	return ret;
}

int try_execute3(int fd, int call, int arg, const void *data, uint32_t length, void *answer,
		 uint32_t room)
{
	struct l_exec3 args = {
		.call_id = call, .call_arg = arg, .ptr = (uintptr_t)data, .length = length,
		.ret_ptr = (uintptr_t)answer, .ret_length = room, .flags = L_RESUMABLE,
	};
	int ret = try_ioctl(fd, L_CALL_EXECUTE3, &args);

	return ret ? ret : (int)args.ret_length;
}

int try_return(int fd, int call, uint32_t serial, int value)
{
	struct l_return args = { .call_id = call, .val = value, .serial = serial };

	return try_ioctl(fd, L_CALL_RETURN, &args);
}

int try_return3(int fd, int call, uint32_t serial, const void *data, uint32_t length)
{
	struct l_return3 args = {
		.call_id = call, .serial = serial, .ptr = (uintptr_t)data, .length = length,
	};

	return try_ioctl(fd, L_CALL_RETURN3, &args);
}

/* the thread that reads */

void server_answer(struct server *server, struct l_message *message)
{
	struct l_call3_message *call3 = message_data(message);
	struct l_call_message *call = message_data(message);

	if (message->type == L_MSG_CALL && call->serial)
		assert_int_equal(try_return(server->inbox.fd, message->id, call->serial,
					    call->call_arg + 1), 0);
	if (message->type == L_MSG_CALL3 && call3->serial)
		assert_int_equal(try_return3(server->inbox.fd, message->id, call3->serial,
					     call3 + 1, call3->length), 0);
}

void count_messages(struct server *server, struct l_message *message)
{
	(void)message;
	__atomic_add_fetch((int *)server->arg, 1, __ATOMIC_SEQ_CST);
}

static void *serve(void *arg)
{
	struct server *server = arg;
	struct l_message *message;

	/* tests signal their own thread; this one reads as libfusion does, and blocks */
	thread_without_signals();
	__atomic_store_n(&server->tid, gettid(), __ATOMIC_SEQ_CST);
	for (;;) {
		if (server->inbox.at == server->inbox.length)
			fill(&server->inbox);
		message = take(&server->inbox);
		if (message->type == L_MSG_SEND && message->id == -1)
			return NULL;
		if (server->handle)
			server->handle(server, message);
		else
			server_answer(server, message);
	}
}

struct server *server_start(int fd, void (*handle)(struct server *server,
						   struct l_message *message), void *arg)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	server->inbox.fd = fd;
	server->handle = handle;
	server->arg = arg;
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	wait_flag(&server->tid, "a thread to run");
	return server;
}

static int own_id(int fd)
{
	/* only a call knows whose it is */
	struct l_owner args = { .call_id = call_new(fd, 0, 0) };

	do_ioctl(fd, L_CALL_GET_OWNER, &args);
	assert_int_equal(try_id(fd, L_CALL_DESTROY, args.call_id), 0);
	return args.fusion_id;
}

void server_stop(struct server *server)
{
	int fd = server->inbox.fd;

	assert_int_equal(try_message(fd, own_id(fd), -1, 0, "bye", 4), 0);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	free(server);
}

/* processes */

pid_t slave_fork(int (*run)(int fd, void *arg), void *arg)
{
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* what the parent has open would keep its members alive */
	closefrom(FIRST_TEST_FD);
	/* no assertion of cmocka can end this process well */
	fd = try_legacy_open(0, O_RDWR);
	if (fd < 0 || try_enter(fd, 9, 0, false) < 2)
		_exit(99);
	_exit(run(fd, arg));
}

static int wait_status(pid_t pid)
{
	int status, ret;

	do {
		ret = waitpid(pid, &status, 0);
	} while (ret < 0 && errno == EINTR);
	assert_int_equal(ret, pid);
	return status;
}

void slave_wait(pid_t pid)
{
	int status = wait_status(pid);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("the slave has ended with status %#x", status);
}

void slave_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	slave_killed(pid, SIGKILL);
}

void slave_killed(pid_t pid, int signal)
{
	int status = wait_status(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal);
}

int slave_sleep(int fd, void *flag)
{
	(void)fd;
	set_flag(flag);
	while (getppid() != 1)
		pause();
	return 0;
}

/* a thread and the system call that it shall sleep in */
struct sleeper {
	pid_t tid;
	unsigned long number, request;
};

static bool sleeps_in_call(void *arg)
{
	struct sleeper *sleeper = arg;
	char path[64], line[256] = "";
	unsigned long number, fd, request;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", sleeper->tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return sscanf(line, "%lu %lx %lx", &number, &fd, &request) == 3 &&
	       number == sleeper->number &&
	       (number != SYS_ioctl || request == sleeper->request);
}

void wait_in_request(pid_t tid, unsigned long request)
{
	struct sleeper sleeper = { tid, SYS_ioctl, request };

	wait_for(sleeps_in_call, &sleeper, "a thread to sleep in a request");
}

void wait_in_read(pid_t tid)
{
	struct sleeper sleeper = { tid, SYS_read, 0 };

	wait_for(sleeps_in_call, &sleeper, "a thread to sleep in read()");
}

static void *run_job(void *arg)
{
	struct job *job = arg;

	if (job->quiet)
		thread_without_signals();
	__atomic_store_n(&job->tid, gettid(), __ATOMIC_SEQ_CST);
	job->ret = try_ioctl(job->fd, job->request, job->arg);
	return NULL;
}

static struct job *job_new(int fd, unsigned long request, void *arg, bool quiet)
{
	struct job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->fd = fd;
	job->request = request;
	job->arg = arg;
	job->quiet = quiet;
	assert_int_equal(pthread_create(&job->thread, NULL, run_job, job), 0);
	wait_flag(&job->tid, "a thread to run");
	return job;
}

struct job *job_run(int fd, unsigned long request, void *arg)
{
	return job_new(fd, request, arg, false);
}

struct job *job_start(int fd, unsigned long request, void *arg)
{
	struct job *job = job_new(fd, request, arg, false);

	wait_in_request(job->tid, request);
	return job;
}

struct job *job_start_quietly(int fd, unsigned long request, void *arg)
{
	struct job *job = job_new(fd, request, arg, true);

	wait_in_request(job->tid, request);
	return job;
}

int job_end(struct job *job)
{
	int ret;

	assert_int_equal(pthread_join(job->thread, NULL), 0);
	ret = job->ret;
	free(job);
	return ret;
}

/* memory */

void *shared_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static bool is_set(void *arg)
{
	return __atomic_load_n((const int *)arg, __ATOMIC_SEQ_CST);
}

void wait_flag(const int *flag, const char *what)
{
	wait_for(is_set, (void *)flag, what);
}

void set_flag(int *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
}

/* listings */

const char *listing_line(unsigned int world, const char *file, const char *text)
{
	static char line[4096];
	char path[128];
	FILE *listing;

	snprintf(path, sizeof(path), "/sys/kernel/debug/fusion/legacy/%u/%s", world, file);
	listing = fopen(path, "re");
	if (!listing)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), listing)) {
		if (strstr(line, text)) {
			fclose(listing);
			return line;
		}
	}
	fail_msg("%s has no line with '%s'", path, text);
	return NULL;
}
