// SPDX-License-Identifier: GPL-2.0
/*
 * A fake of /dev/shrbuf and of video devices, preloaded into shrbufctl by the tests.
 * It checks requests as the module does.
 *
 * Lists in the environment are PATH=ERRNO pairs, separated by blanks, ERRNO is a
 * number and 0 means success:
 *
 * - FAKE_OPEN: files that exist, and what open() does. All other /dev/shrbuf and
 *   /dev/video* do not exist. Other files are real.
 * - FAKE_QUEUE: what attach, detach and configure do with the device
 * - FAKE_VERSION: what the version request does. ABI:FEATURES:RELEASE, or an ERRNO
 * - FAKE_EINTR: so many requests fail with EINTR first
 * - FAKE_LOG: file that gets a line for each request that was made
 */

/* This defines both kinds of the functions. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/shrbuf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAX_FDS	64

/* Paths of fake files by file descriptor. */
static char fds[MAX_FDS][256];

/* The number of @path in the list @name, or -1. */
static int lookup(const char *name, const char *path)
{
	const char *s = getenv(name);
	size_t len = strlen(path);

	for (; s && *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (!strncmp(s, path, len) && s[len] == '=')
			return atoi(s + len + 1);
	return -1;
}

static bool is_fake(const char *path)
{
	return !strcmp(path, "/dev/shrbuf") || !strncmp(path, "/dev/video", 10) ||
	       lookup("FAKE_OPEN", path) >= 0;
}

static int fake_open(const char *symbol, const char *path, int flags, va_list args)
{
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	int (*real)(const char *path, int flags, ...);
	bool fake = is_fake(path);
	int fd;

	if (fake) {
		int err = lookup("FAKE_OPEN", path);

		if (err) {
			errno = err < 0 ? ENOENT : err;
			return -1;
		}
	}
	real = dlsym(RTLD_NEXT, symbol);
	fd = real(fake ? "/dev/null" : path, flags, mode);
	if (fd >= 0 && fd < MAX_FDS)
		snprintf(fds[fd], sizeof(fds[fd]), "%s", fake ? path : "");
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = fake_open("open", path, flags, args);
	va_end(args);
	return fd;
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = fake_open("open64", path, flags, args);
	va_end(args);
	return fd;
}

/* Fake files are V4L2 device nodes, whatever open() will do then. */
static int fake_stat(const char *path, mode_t *mode, dev_t *rdev)
{
	if (lookup("FAKE_OPEN", path) < 0) {
		errno = ENOENT;
		return -1;
	}
	*mode = S_IFCHR | 0660;
	*rdev = makedev(81, 0);
	return 0;
}

int stat(const char *path, struct stat *st)
{
	int (*real)(const char *path, struct stat *st);

	if (is_fake(path)) {
		memset(st, 0, sizeof(*st));
		return fake_stat(path, &st->st_mode, &st->st_rdev);
	}
	real = dlsym(RTLD_NEXT, "stat");
	return real(path, st);
}

int stat64(const char *path, struct stat64 *st)
{
	int (*real)(const char *path, struct stat64 *st);

	if (is_fake(path)) {
		memset(st, 0, sizeof(*st));
		return fake_stat(path, &st->st_mode, &st->st_rdev);
	}
	real = dlsym(RTLD_NEXT, "stat64");
	return real(path, st);
}

/* @path: of the video device, or NULL */
static void note(const char *request, const char *path)
{
	const char *name = getenv("FAKE_LOG");
	FILE *f = name ? fopen(name, "a") : NULL;

	if (f) {
		fprintf(f, "%s%s%s\n", request, path ? " " : "", path ?: "");
		fclose(f);
	}
}

static int fake_queue(const char *request, const struct shrbuf_queue_op *op)
{
	int err;

	if (op->reserved[0] || op->reserved[1] ||
	    op->flags & ~(strcmp(request, "attach") ? 0 : SHRBUF_ATTACH_TEST))
		return -EINVAL;
	if (op->flags)
		request = "test";
	if (op->fd < 0 || op->fd >= MAX_FDS || !fds[op->fd][0])
		return -EBADF;
	note(request, fds[op->fd]);
	err = lookup("FAKE_QUEUE", fds[op->fd]);
	return err < 0 ? 0 : -err;
}

static int fake_configure(const struct shrbuf_queue_config *config)
{
	bool waits = config->flags & SHRBUF_CONFIG_WAIT;
	bool fences = config->flags & SHRBUF_CONFIG_FENCES;
	char request[64];
	int err;

	if (config->flags & ~7U || config->reserved[0] || config->reserved[1] ||
	    (waits && config->flags != SHRBUF_CONFIG_WAIT) ||
	    waits != !!config->wait_ms || config->wait_ms > SHRBUF_MAX_WAIT_MS ||
	    fences != !!config->fence_ms || config->fence_ms > SHRBUF_MAX_FENCE_MS)
		return -EINVAL;
	if (config->fd < 0 || config->fd >= MAX_FDS || !fds[config->fd][0])
		return -EBADF;
	snprintf(request, sizeof(request), "configure %u %u %u", config->flags,
		 config->wait_ms, config->fence_ms);
	note(request, fds[config->fd]);
	err = lookup("FAKE_QUEUE", fds[config->fd]);
	return err < 0 ? 0 : -err;
}

static int fake_version(struct shrbuf_version *v)
{
	const char *s = getenv("FAKE_VERSION") ?: "1:1:0.1";
	unsigned long long features;
	char release[32] = "";
	unsigned int abi;

	if (v->flags || v->reserved[0] || v->reserved[1])
		return -EINVAL;
	note("version", NULL);
	if (sscanf(s, "%u:%llu:%31s", &abi, &features, release) != 3)
		return -atoi(s);
	v->abi = abi;
	v->features = features;
	memcpy(v->release, release, sizeof(v->release));
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int interrupts = -1;
	va_list args;
	void *arg;
	int err;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	if (fd < 0 || fd >= MAX_FDS || !fds[fd][0]) {
		int (*real)(int fd, unsigned long request, ...);

		real = dlsym(RTLD_NEXT, "ioctl");
		return real(fd, request, arg);
	}

	if (interrupts < 0)
		interrupts = atoi(getenv("FAKE_EINTR") ?: "0");
	if (interrupts > 0) {
		interrupts--;
		note("interrupted", NULL);
		err = -EINTR;
	} else if (strcmp(fds[fd], "/dev/shrbuf")) {
		err = -ENOTTY;
	} else if (request == SHRBUF_IOC_VERSION) {
		err = fake_version(arg);
	} else if (request == SHRBUF_IOC_ATTACH) {
		err = fake_queue("attach", arg);
	} else if (request == SHRBUF_IOC_DETACH) {
		err = fake_queue("detach", arg);
	} else if (request == SHRBUF_IOC_CONFIGURE) {
		err = fake_configure(arg);
	} else {
		err = -ENOTTY;
	}
	errno = -err;
	return err ? -1 : 0;
}
