// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl trace
 *
 * It uses a trace instance of its own. So it neither disturbs others who trace, nor sees
 * their events, and to restore all means to remove the instance.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	"shrbufctl-"

/* "COMM-PID [CPU] FLAGS TIME: EVENT: TEXT", COMM has at most 16 bytes */
#define LINE_PATTERN \
	"^ *(.{1,16})-([0-9]+) +\\[([0-9]+)\\] +[^ ]+ +([0-9]+\\.[0-9]+): ([a-z0-9_]+): ?(.*)$"
#define NR_PARTS	7

/**
 * struct tracer - the instance and what is read from it
 * @instance: path of its directory
 * @pipe: its trace_pipe
 * @regex: what lines look like
 * @line: what was read of a line so far
 * @len: length of @line
 */
struct tracer {
	char *instance;
	int pipe;
	regex_t regex;
	char line[4096];
	size_t len;
};

/* What an event means. It is followed by what the event says. */
static const struct {
	const char *event;
	const char *text;
} events[] = {
	{ "shrbuf_create", "buffer made" },
	{ "shrbuf_release", "buffer freed" },
	{ "shrbuf_export", "buffer exported" },
	{ "shrbuf_import", "file turned back into a buffer" },
	{ "shrbuf_state", "content changed" },
	{ "shrbuf_hold", "frame held" },
	{ "shrbuf_unhold", "frame released" },
	{ "shrbuf_fence_publish", "fence published" },
	{ "shrbuf_fence_signal", "fence signalled" },
	{ "shrbuf_mmap", "buffer mapped by a program" },
	{ "shrbuf_vmap", "buffer mapped by a driver" },
	{ "shrbuf_vunmap", "buffer unmapped by a driver" },
	{ "shrbuf_begin_cpu_access", "access by the CPU begins" },
	{ "shrbuf_end_cpu_access", "access by the CPU ends" },
	{ "shrbuf_device_attach", "device imports a buffer" },
	{ "shrbuf_device_detach", "device lets a buffer go" },
	{ "shrbuf_device_map", "device begins to use a buffer" },
	{ "shrbuf_queue_attach", "video device attached" },
	{ "shrbuf_queue_detach", "video device detached" },
};

static int write_file(const char *dir, const char *name, const char *text)
{
	ssize_t len;
	char *path;
	int fd, err;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die_no_memory();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	return len < 0 ? -err : 0;
}

/* Return: 0 or a negative error number. An instance that is not there is no error. */
static int remove_instance(const char *dir)
{
	int err = 0;

	write_file(dir, "events/shrbuf/enable", "0");
	if (rmdir(dir) && errno != ENOENT)
		err = errno;
	return -err;
}

/* Those of programs like this one that were killed. */
static void remove_stale(void)
{
	char *path = path_of(TRACEFS "/instances");
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *instance;
		int pid;

		if (strncmp(entry->d_name, INSTANCE, strlen(INSTANCE)))
			continue;
		pid = atoi(entry->d_name + strlen(INSTANCE));
		if (pid <= 0 || !kill(pid, 0) || errno != ESRCH)
			continue;
		if (asprintf(&instance, "%s/%s", path, entry->d_name) < 0)
			die_no_memory();
		remove_instance(instance);
		free(instance);
	}
	if (dir)
		closedir(dir);
	free(path);
}

static int fail(const struct args *args, int err, const char *text)
{
	struct json_object *tree = json_object_new_object();

	if (!tree)
		die_no_memory();
	tree_put_error(tree, err, "%s", text);
	return stream_fail(args, "trace", tree);
}

static int explain(const struct args *args, int err)
{
	struct stat st;
	char *path;
	int fd;

	if (err == EACCES || err == EPERM)
		return fail(args, err,
			    "Only root may trace the kernel. Run the command as root: sudo shrbufctl trace.");
	if (err != ENOENT)
		return fail(args, err,
			    "The trace events cannot be turned on. Look for a reason in the kernel log: dmesg.");
	fd = shrbuf_open();
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
		return fail(args, -fd, shrbuf_explain(SHRBUF_REQUEST_OPEN, fd));
	if (fd >= 0)
		close(fd);
	path = path_of(TRACEFS "/instances");
	err = stat(path, &st) ? errno : 0;
	free(path);
	if (err == EACCES)
		return explain(args, err);
	if (err)
		return fail(args, err,
			    "tracefs is not there. Mount it as root: mount -t tracefs none /sys/kernel/tracing.");
	return fail(args, ENOENT,
		    "The kernel has no trace events of shrbuf. Load a kernel with CONFIG_TRACING, or the module of this release.");
}

/* Return: 0 or a negative error number */
static int tracer_open(struct tracer *tracer)
{
	char *path;
	int ret;

	remove_stale();
	tracer->instance = path_of(TRACEFS "/instances/" INSTANCE "%d", getpid());
	/* One that is there already is of a program that had this number before. */
	if (mkdir(tracer->instance, 0700) && errno != EEXIST)
		return -errno;
	/* The clock of watch. Events shall come one by one. Older kernels lack the files. */
	write_file(tracer->instance, "trace_clock", "mono");
	write_file(tracer->instance, "buffer_percent", "0");
	ret = write_file(tracer->instance, "events/shrbuf/enable", "1");
	if (ret)
		return ret;
	if (asprintf(&path, "%s/trace_pipe", tracer->instance) < 0)
		die_no_memory();
	tracer->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ret = tracer->pipe < 0 ? -errno : 0;
	free(path);
	return ret;
}

static int tracer_close(struct tracer *tracer)
{
	int ret;

	if (tracer->pipe >= 0)
		close(tracer->pipe);
	ret = remove_instance(tracer->instance);
	free(tracer->instance);
	regfree(&tracer->regex);
	return ret;
}

/* Where the next " key=" begins, or the end. The name of a buffer may have blanks. */
static const char *value_end(const char *text, size_t key_len, const char *key)
{
	const char *p;

	if ((key_len == 4 && !strncmp(key, "name", 4)))
		return text + strlen(text);
	for (p = strchr(text, ' '); p; p = strchr(p + 1, ' ')) {
		size_t len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (len && p[1 + len] == '=')
			return p;
	}
	return text + strlen(text);
}

/* "id=12 name=test pattern" */
static struct json_object *parse_fields(const char *text)
{
	struct json_object *obj = json_object_new_object();

	while (*text) {
		size_t len = strcspn(text, "=");
		char key[32], *stop;
		const char *end;
		uint64_t number;

		if (!text[len] || len >= sizeof(key))
			break;
		memcpy(key, text, len);
		key[len] = '\0';
		text += len + 1;
		end = value_end(text, len, key);
		number = strtoull(text, &stop, 10);
		if (stop == end && stop != text && *text != '-' && strcmp(key, "name"))
			tree_put(obj, key, json_object_new_uint64(number));
		else
			tree_put(obj, key, tree_string(text, end - text));
		text = *end ? end + 1 : end;
	}
	return obj;
}

static const char *meaning(const char *event)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i].event, event))
			return events[i].text;
	return strncmp(event, "shrbuf_", 7) ? event : event + 7;
}

/*
 * The kernel remembers the names of some processes only. One that is still there can be
 * asked. The caller frees it.
 */
static char *event_process(const char *name, const char *pid)
{
	char *s;

	if (!strcmp(name, "<...>"))
		return process_name(atoi(pid));
	s = strdup(name);
	if (!s)
		die_no_memory();
	return s;
}

/* Return: whether it was an event */
static bool print_line(const struct args *args, struct tracer *tracer)
{
	char *line = tracer->line, *part[NR_PARTS];
	struct json_object *obj, *text;
	regmatch_t match[NR_PARTS];
	char *name;
	size_t i;

	if (regexec(&tracer->regex, line, NR_PARTS, match, 0)) {
		if (!strstr(line, "LOST"))
			return false;
		if (!args->json)
			puts("Events were lost here, there are too many.");
		else
			stream_json(tree_string("lost", 4));
		return false;
	}
	for (i = 1; i < NR_PARTS; i++) {
		part[i] = line + match[i].rm_so;
		line[match[i].rm_eo] = '\0';
	}
	name = event_process(part[1], part[2]);
	if (!args->json) {
		/* A program may have given itself, or a buffer, any name. */
		text = tree_string(part[6], strlen(part[6]));
		obj = tree_string(name, strlen(name));
		printf("%s  %s-%s  %s: %s\n", part[4], json_object_get_string(obj), part[2],
		       meaning(part[5]), json_object_get_string(text));
		fflush(stdout);
		json_object_put(text);
		json_object_put(obj);
		free(name);
		return true;
	}
	obj = json_object_new_object();
	tree_put_string(obj, "event", part[5]);
	tree_put(obj, "time", json_object_new_double_s(atof(part[4]), part[4]));
	tree_put_string(obj, "process", name);
	tree_put(obj, "pid", json_object_new_int(atoi(part[2])));
	tree_put(obj, "cpu", json_object_new_int(atoi(part[3])));
	tree_put(obj, "fields", parse_fields(part[6]));
	stream_json(obj);
	free(name);
	return true;
}

/* Return: number of events printed, or a negative error number */
static long read_events(const struct args *args, struct tracer *tracer, unsigned long left)
{
	ssize_t len = read(tracer->pipe, tracer->line + tracer->len,
			   sizeof(tracer->line) - 1 - tracer->len);
	char *end;
	long nr = 0;

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!len)
		return -ENODATA;
	tracer->len += len;
	tracer->line[tracer->len] = '\0';
	while ((!left || nr < (long)left) && (end = strchr(tracer->line, '\n'))) {
		size_t used = end + 1 - tracer->line;

		*end = '\0';
		nr += print_line(args, tracer);
		tracer->len -= used;
		memmove(tracer->line, tracer->line + used, tracer->len + 1);
	}
	/* A line that is longer is none of ours. */
	if (tracer->len == sizeof(tracer->line) - 1)
		tracer->len = 0;
	return nr;
}

static int trace_loop(const struct args *args, struct tracer *tracer,
		      const struct stop *stop)
{
	struct pollfd fds[] = {
		{ .fd = tracer->pipe, .events = POLLIN },
		{ .fd = stop->fd, .events = POLLIN },
	};
	unsigned long left = args->count;

	while (!fds[1].revents) {
		long nr;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return fail(args, errno,
				    "Waiting for events failed. Look for a reason in the kernel log: dmesg.");
		if (!fds[0].revents)
			continue;
		nr = read_events(args, tracer, left);
		if (nr < 0)
			return fail(args, (int)-nr,
				    "The events cannot be read. Look for a reason in the kernel log: dmesg.");
		if (left) {
			left -= nr;
			if (!left)
				break;
		}
	}
	return EXIT_OK;
}

int trace_stream(const struct args *args)
{
	struct tracer tracer = { .pipe = -1 };
	struct stop stop;
	int status, ret;

	if (regcomp(&tracer.regex, LINE_PATTERN, REG_EXTENDED))
		die_no_memory();
	stop_open(&stop);
	ret = tracer_open(&tracer);
	if (ret)
		status = explain(args, -ret);
	else
		status = trace_loop(args, &tracer, &stop);
	if (tracer_close(&tracer) && status == EXIT_OK)
		status = fail(args, 0,
			      "The trace instance of this program cannot be removed. Do it as root: rmdir /sys/kernel/tracing/instances/shrbufctl-*.");
	stop_close(&stop);
	return status;
}
