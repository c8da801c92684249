// SPDX-License-Identifier: GPL-2.0
/*
 * guest-agent - runs the command inside the guest
 *
 * The command writes into two pipes; everything that comes out goes to one
 * virtio-serial port as frames, so that the order of the two streams is kept
 * and kernel messages can not mix with them:
 *
 *	1 byte	type: 'o' standard output, 'e' standard error, else see init
 *	3 bytes	length of the data, little endian
 *	data
 *
 * Linked statically: it also runs where there is no C library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A status that the runner does not take for the one of the command. */
#define AGENT_FAILED 125

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "guest-agent: %s: %s\n", what, strerror(errno));
	exit(AGENT_FAILED);
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die("cannot write to the port");
		}
		data += n;
		len -= n;
	}
}

static void send_frame(int port, char type, const char *data, size_t len)
{
	/* One buffer and one write: a frame costs one trip to the host. */
	static char frame[4 + 32768];

	frame[0] = type;
	frame[1] = len & 0xff;
	frame[2] = (len >> 8) & 0xff;
	frame[3] = (len >> 16) & 0xff;
	memcpy(frame + 4, data, len);
	write_all(port, frame, len + 4);
}

static int open_port(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* Strings ended by NUL, as the runner on the host has written them. */
static char **read_strings(const char *dir, const char *name)
{
	char path[PATH_MAX], *data, **list;
	size_t i, n = 0, at = 0;
	struct stat st;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(path);
	data = calloc(1, st.st_size + 1);
	if (!data)
		die(path);
	while ((got = read(fd, data + at, st.st_size - at)) > 0)
		at += got;
	if (got < 0)
		die(path);
	close(fd);

	for (i = 0; i < at; i++)
		n += !data[i];
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		die(path);
	for (i = 0, n = 0; i < at; i += strlen(data + i) + 1)
		list[n++] = data + i;
	return list;
}

static _Noreturn void child(const char *conf, int out, int err)
{
	char **args = read_strings(conf, "args");
	char **env = read_strings(conf, "env");
	char **cwd = read_strings(conf, "cwd");
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		die("cannot set up the standard streams");
	if (null > 2)
		close(null);
	setsid();
	clearenv();
	for (; *env; env++)
		putenv(*env);
	if (chdir(cwd[0]))
		die(cwd[0]);
	execvp(args[0], args);
	fprintf(stderr, "guest-agent: cannot run %s: %s\n", args[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Returns the number of bytes moved; 0 is end of file. */
static ssize_t forward(int from, int port, char type)
{
	char data[32768];
	ssize_t n = read(from, data, sizeof(data));

	if (n > 0)
		send_frame(port, type, data, n);
	return n;
}

static void write_sysrq(const char *key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, key, 1) != 1)
		perror("guest-agent: /proc/sysrq-trigger");
	if (fd >= 0)
		close(fd);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int run(const char *port_path, const char *conf, int hang_seconds)
{
	int port = open_port(port_path), out[2], err[2], status, sfd;
	long long hang = now_ms() + hang_seconds * 1000LL;
	const char types[] = { 'o', 'e' };
	struct pollfd fds[3];
	sigset_t mask;
	pid_t pid;
	size_t i;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sfd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (sfd < 0)
		die("signalfd");

	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(conf, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);

	fds[0].fd = out[0];
	fds[1].fd = err[0];
	fds[2].fd = sfd;
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i].events = POLLIN;

	for (;;) {
		long long left = hang - now_ms();
		int n = poll(fds, ARRAY_SIZE(fds), hang_seconds && left > 0 ? (int)left : -1);

		if (n < 0 && errno != EINTR)
			die("poll");
		if (hang_seconds && now_ms() >= hang) {
			/* The time-out is near: leave in the log what hangs. */
			write_sysrq("w");
			hang_seconds = 0;
		}
		if (n <= 0)
			continue;
		for (i = 0; i < 2; i++)
			if (fds[i].revents && !forward(fds[i].fd, port, types[i]))
				fds[i].fd = -1;
		if (fds[2].revents) {
			struct signalfd_siginfo info;

			if (read(sfd, &info, sizeof(info)) < 0)
				die("signalfd");
			if (waitpid(pid, &status, WNOHANG) == pid)
				break;
		}
	}
	/*
	 * Take what the pipes still hold, and do not wait for their end: a
	 * process left in the background may keep them open for ever.
	 */
	for (i = 0; i < 2; i++)
		while (fds[i].fd >= 0 && forward(fds[i].fd, port, types[i]) > 0)
			;
	close(port);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "run"))
		return run(argv[2], argv[3], atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "send")) {
		send_frame(open_port(argv[2]), argv[3][0], argv[4], strnlen(argv[4], 32768));
		return 0;
	}
	fprintf(stderr, "usage: guest-agent run PORT DIRECTORY HANG_SECONDS\n"
			"       guest-agent send PORT TYPE TEXT\n");
	return AGENT_FAILED;
}
