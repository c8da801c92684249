// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers as the user names them: PID:FD or self:FD.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shrbufctl.h"

static bool parse_int(const char *text, const char *end, int *number)
{
	unsigned long value;
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoul(text, &stop, 10);
	*number = (int)value;
	return stop == end && !errno && value <= INT_MAX;
}

/* @pid: 0 for this process */
static bool parse(const char *text, int *pid, int *number)
{
	const char *colon = strchr(text, ':');

	if (!colon || !parse_int(colon + 1, colon + strlen(colon), number))
		return false;
	if (colon - text == 4 && !strncmp(text, "self", 4)) {
		*pid = 0;
		return true;
	}
	return parse_int(text, colon, pid) && *pid > 0;
}

/* Whether @text looks like a buffer, be it there or not. */
bool target_valid(const char *text)
{
	int pid, number;

	return parse(text, &pid, &number);
}

/**
 * target_explain - say why target_open_pid() failed
 * @err: positive error number
 *
 * Return: sentences
 */
const char *target_explain(int err)
{
	static const struct {
		int err;
		const char *text;
	} texts[] = {
		{ ESRCH,
		  "There is no such process. List those that have buffers: shrbufctl top --once.",
		},
		{ EBADF,
		  "The process has no such file descriptor. List those that it has: shrbufctl info PID.",
		},
		{ EPERM,
		  "You may not look into this process. Run the command as its user or as root, and see ptrace(2) about the setting kernel.yama.ptrace_scope.",
		},
		{ EACCES,
		  "You may not look into this process. Run the command as its user or as root.",
		},
		{ EMFILE,
		  "There are too many open files. Close some, or raise the limit: ulimit -n.",
		},
		{ 0,
		  "The file descriptor of the process cannot be had. It takes Linux 5.6 or newer; look for another reason in the kernel log: dmesg.",
		},
	};
	size_t i = 0;

	while (texts[i].err && texts[i].err != err)
		i++;
	return texts[i].text;
}

/**
 * target_open_pid - get a file descriptor of another process
 * @pid: the process
 * @number: of the file descriptor there
 *
 * Return: a file descriptor, which the caller closes, or a negative error number
 */
int target_open_pid(int pid, int number)
{
	/* glibc has functions for these only since 2.36. */
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd, err;

	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	err = errno;
	close(pidfd);
	return fd < 0 ? -err : fd;
}

/**
 * target_inherited - look whether this program was started with a file descriptor
 * @number: of the file descriptor
 *
 * Those that it has opened by itself are all closed on exec, and no inherited one is.
 *
 * Return: whether it was
 */
bool target_inherited(int number)
{
	int flags = fcntl(number, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/**
 * target_open - get a file descriptor of a buffer that the user has named
 * @text: for which target_valid() is true
 * @result: gets the error
 *
 * Return: a file descriptor, which the caller closes, or a negative error number and
 * @result says why
 */
int target_open(const char *text, struct json_object *result)
{
	int pid, number, fd;

	if (!parse(text, &pid, &number)) {
		tree_put_error(result, EINVAL,
			       "This is not the name of a buffer. Give PID:FD, such as 1234:5.");
		return -EINVAL;
	}
	if (pid) {
		fd = target_open_pid(pid, number);
	} else {
		fd = -EBADF;
		if (target_inherited(number)) {
			fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
			if (fd < 0)
				fd = -errno;
		}
	}
	if (fd == -EBADF && !pid)
		tree_put_error(result, EBADF,
			       "This program was started without such a file descriptor. Let the shell open it, or name another process: PID:FD.");
	else if (fd < 0)
		tree_put_error(result, -fd, "%s", target_explain(-fd));
	return fd;
}
