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
 * - FAKE_QUEUE: what attach, detach, watch and configure do with the device
 * - FAKE_VERSION: what the version request does. ABI:FEATURES:RELEASE, or an ERRNO
 * - FAKE_OLD: the module cannot test whether a device could be attached
 * - FAKE_CAPS: capabilities of video devices (V4L2_CAP_*), capture if not named
 * - FAKE_BUFFERS: files that are buffers, and the number of each. Its size is that of the
 *   file, its state is filled, or what FAKE_STATE says.
 * - FAKE_BUFFER: what a request for a buffer with this number does, as 12=ERRNO
 * - FAKE_ALLOC: what alloc does. ERRNO, or a file that the new buffer is
 * - FAKE_EVENTS: file that is read as /dev/shrbuf
 * - FAKE_PROCESS: what pidfd_getfd() gives: files by PID:FD. All else does not exist.
 * - FAKE_GROUP, FAKE_MODE: of fake files
 * - FAKE_EINTR: so many requests fail with EINTR first
 * - FAKE_LOG: file that gets a line for each request that was made
 */

/* This defines both kinds of the functions. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/shrbuf.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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

/* The text of @key in the list @name, cut into @value. */
static bool lookup_text(const char *name, const char *key, char *value, size_t size)
{
	const char *s = getenv(name);
	size_t len = strlen(key);

	for (; s && *s; s += strcspn(s, " "), s += strspn(s, " ")) {
		if (!strncmp(s, key, len) && s[len] == '=') {
			snprintf(value, size, "%.*s", (int)strcspn(s + len + 1, " "),
				 s + len + 1);
			return true;
		}
	}
	return false;
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
	if (!strcmp(path, "/dev/shrbuf") && getenv("FAKE_EVENTS"))
		fd = real(getenv("FAKE_EVENTS"), flags, mode);
	else
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
	*mode = S_IFCHR | strtoul(getenv("FAKE_MODE") ?: "660", NULL, 8);
	*rdev = makedev(81, 0);
	return 0;
}

int stat(const char *path, struct stat *st)
{
	int (*real)(const char *path, struct stat *st);

	if (is_fake(path)) {
		memset(st, 0, sizeof(*st));
		st->st_gid = atoi(getenv("FAKE_GROUP") ?: "0");
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
		st->st_gid = atoi(getenv("FAKE_GROUP") ?: "0");
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

	if (op->reserved[0] || op->reserved[1])
		return -EINVAL;
	if (op->flags) {
		/* An old module knows none. */
		if (op->flags != SHRBUF_ATTACH_TEST || getenv("FAKE_OLD"))
			return -EINVAL;
		request = "test";
	}
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

/* The number of the buffer that @fd is, or a negative error number. */
static int buffer_id(int fd)
{
	char link[32], path[4096], number[16];
	ssize_t len;
	int id, err;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -EBADF;
	path[len] = '\0';
	id = lookup("FAKE_BUFFERS", path);
	if (id < 0)
		return -EINVAL;
	snprintf(number, sizeof(number), "%d", id);
	err = lookup("FAKE_BUFFER", number);
	return err > 0 ? -err : id;
}

static int fake_info(struct shrbuf_info *info)
{
	int id = buffer_id(info->fd);
	struct stat st;

	if (id < 0)
		return id;
	note("info", NULL);
	fstat(info->fd, &st);
	info->id = id;
	info->size = st.st_size;
	info->holds = 2;
	info->status = SHRBUF_STATUS_QUEUE;
	strcpy((char *)info->name, "test pattern");
	strcpy((char *)info->backing, "pages");
	info->frame.seq = 7;
	info->frame.time = 1000;
	info->frame.state = atoi(getenv("FAKE_STATE") ?: "2");
	if (info->frame.state < SHRBUF_STATE_FILLED)
		return 0;
	info->frame.sequence = 17;
	info->frame.timestamp = 12345678901ULL;
	info->frame.bytesused = st.st_size;
	info->frame.field = V4L2_FIELD_NONE;
	info->frame.flags = V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	info->format = (struct shrbuf_format){
		.fourcc = v4l2_fourcc('N', 'V', '1', '2'),
		.v4l2_fourcc = V4L2_PIX_FMT_NV12M, .width = 640, .height = 480,
		.nr_planes = 2, .plane_mask = 1, .planes = { { .stride = 640 } },
		.crop = { .x = 8, .y = 4, .width = 624, .height = 472 },
		.colorspace = V4L2_COLORSPACE_REC709, .xfer_func = 99,
	};
	return 0;
}

static int fake_alloc(struct shrbuf_alloc_op *op)
{
	const char *answer = getenv("FAKE_ALLOC") ?: "25";
	char text[64];

	if (op->flags || op->device)
		return -EINVAL;
	snprintf(text, sizeof(text), "%llu %s", op->size, op->name);
	note("alloc", text);
	if (*answer != '/')
		return -atoi(answer);
	op->fd = open(answer, O_RDWR | O_CLOEXEC);
	return op->fd < 0 ? -errno : 0;
}

static int fake_watch(const char *request, const struct shrbuf_watch_op *op)
{
	struct shrbuf_queue_op queue = { .fd = op->fd };
	char number[16];
	int id;

	if (op->flags == SHRBUF_WATCH_QUEUE)
		return fake_queue(request, &queue);
	if (op->flags || op->pad)
		return -EINVAL;
	id = buffer_id(op->fd);
	if (id < 0)
		return id;
	snprintf(number, sizeof(number), "%d", id);
	note(request, number);
	return 0;
}

static int fake_video(int fd, unsigned long request, void *arg)
{
	struct v4l2_capability *cap = arg;
	int caps = lookup("FAKE_CAPS", fds[fd]);

	if (request != VIDIOC_QUERYCAP)
		return -ENOTTY;
	if (!caps)
		return -EIO;
	memset(cap, 0, sizeof(*cap));
	strcpy((char *)cap->driver, "fakecam");
	cap->device_caps = caps < 0 ? V4L2_CAP_VIDEO_CAPTURE : caps;
	cap->capabilities = cap->device_caps | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static int fake_pidfd_getfd(int pidfd, int number)
{
	char key[64], path[256];
	int fd;

	/* See below: a fake pidfd has the number of the process as its size. */
	snprintf(key, sizeof(key), "%ld:%d", (long)lseek(pidfd, 0, SEEK_END), number);
	if (!lookup_text("FAKE_PROCESS", key, path, sizeof(path))) {
		errno = EBADF;
		return -1;
	}
	if (*path != '/') {
		errno = atoi(path);
		return -1;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && fd < MAX_FDS)
		fds[fd][0] = '\0';
	return fd;
}

long syscall(long number, ...)
{
	long (*real)(long number, ...);
	long a[6];
	va_list args;
	char key[32];
	int i, fd;

	va_start(args, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);

	real = dlsym(RTLD_NEXT, "syscall");
	if (getenv("FAKE_PROCESS") && number == SYS_pidfd_open) {
		snprintf(key, sizeof(key), "%d:", (int)a[0]);
		if (!strstr(getenv("FAKE_PROCESS"), key)) {
			errno = ESRCH;
			return -1;
		}
		fd = real(SYS_memfd_create, "pidfd", 1);
		if (ftruncate(fd, (int)a[0]))
			return -1;
		return fd;
	}
	if (getenv("FAKE_PROCESS") && number == SYS_pidfd_getfd)
		return fake_pidfd_getfd((int)a[0], (int)a[1]);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
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
		err = fake_video(fd, request, arg);
	} else if (request == SHRBUF_IOC_VERSION) {
		err = fake_version(arg);
	} else if (request == SHRBUF_IOC_ATTACH) {
		err = fake_queue("attach", arg);
	} else if (request == SHRBUF_IOC_DETACH) {
		err = fake_queue("detach", arg);
	} else if (request == SHRBUF_IOC_CONFIGURE) {
		err = fake_configure(arg);
	} else if (request == SHRBUF_IOC_INFO) {
		err = fake_info(arg);
	} else if (request == SHRBUF_IOC_ALLOC) {
		err = fake_alloc(arg);
	} else if (request == SHRBUF_IOC_WATCH) {
		err = fake_watch("watch", arg);
	} else if (request == SHRBUF_IOC_UNWATCH) {
		err = fake_watch("unwatch", arg);
	} else {
		err = -ENOTTY;
	}
	errno = -err;
	return err ? -1 : 0;
}
