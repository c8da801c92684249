// SPDX-License-Identifier: GPL-2.0
/*
 * Sentences, signals, system calls.
 */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include "common.h"

int retry_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

static void print(const char *format, va_list args)
{
	/* what was printed before it comes before it, also in a log */
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);
	fputc('\n', stderr);
}

int complain(const char *advice, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);
	fprintf(stderr, " %s\n", advice);
	return -1;
}

int signals_open(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	/* blocked: they arrive at the file descriptor only */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fd < 0)
		return complain("Close some files, or raise the limit: ulimit -n.",
				"Signals cannot be received: %s.", strerror(errno));
	return fd;
}

const char *fourcc_text(uint32_t fourcc)
{
	static char texts[8][5];
	static unsigned int next;
	char *text = texts[next++ % ARRAY_SIZE(texts)];
	int i;

	for (i = 0; i < 4; i++, fourcc >>= 8)
		text[i] = (fourcc & 0x7f) >= ' ' && (fourcc & 0x7f) < 0x7f ? fourcc & 0x7f : '?';
	return text;
}
