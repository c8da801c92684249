// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl alloc
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* Tells the program which file descriptors it has got. */
#define FDS_VARIABLE	"SHRBUF_FDS"

/* "4096", "600K", "8M", "1G" */
static bool parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*size = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return false;
		shift = 10 * (int)(unit - units + 1);
	}
	if (*size > UINT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}

static int fail(const struct args *args, int err, const char *text)
{
	struct json_object *tree = json_object_new_object();

	if (!tree)
		die_no_memory();
	tree_put_error(tree, err, "%s", text);
	return stream_fail(args, "alloc", tree);
}

/* Adds one buffer to @buffers. Return: 0 or a negative error number */
static int alloc_one(int fd, uint64_t size, const char *name, struct json_object *buffers)
{
	struct json_object *obj;
	struct shrbuf_info info;
	int buffer_fd = shrbuf_alloc(fd, size, name);

	if (buffer_fd < 0)
		return buffer_fd;
	obj = json_object_new_object();
	tree_append(buffers, obj);
	tree_put(obj, "fd", json_object_new_int(buffer_fd));
	/* A module that cannot tell is no reason to fail. */
	if (!shrbuf_get_info(fd, buffer_fd, &info))
		describe(obj, &info);
	return 0;
}

/* Replaces this program, returns only if that fails. */
static int run_program(const struct args *args, struct json_object *buffers)
{
	size_t i, nr = json_object_array_length(buffers), len = 0;
	char *fds = NULL, *text;
	FILE *f = open_memstream(&fds, &len);
	int err;

	if (!f)
		die_no_memory();
	for (i = 0; i < nr; i++) {
		struct json_object *buffer = json_object_array_get_idx(buffers, i);
		int fd = json_object_get_int(tree_get(buffer, "fd"));

		fcntl(fd, F_SETFD, 0);
		fprintf(f, "%s%d", i ? " " : "", fd);
	}
	if (fclose(f) || setenv(FDS_VARIABLE, fds, 1))
		die_no_memory();
	free(fds);
	fflush(stdout);
	execvp(args->argv[1], args->argv + 1);
	err = errno;
	if (asprintf(&text,
		     "%s cannot be run. Give the name of a program that is installed, or its path.",
		     args->argv[1]) < 0)
		die_no_memory();
	fail(args, err, text);
	free(text);
	return EXIT_FAILED;
}

static void print_text(struct json_object *buffers)
{
	size_t i, nr = json_object_array_length(buffers);

	for (i = 0; i < nr; i++) {
		struct json_object *buffer = json_object_array_get_idx(buffers, i);

		printf("%d:%s: ", getpid(), tree_text(buffer, "fd"));
		if (tree_get(buffer, "id"))
			describe_print(buffer);
		else
			puts("a buffer");
	}
	printf("\n"
	       "Other programs of this user get a buffer by process and number:\n"
	       "  shrbufctl info %1$d:%2$s\n"
	       "  shrbufctl watch %1$d:%2$s\n"
	       "and in a program by pidfd_getfd(2).\n"
	       "The buffers stay until this program ends. Press Ctrl-C to end it.\n",
	       getpid(), tree_text(json_object_array_get_idx(buffers, 0), "fd"));
	fflush(stdout);
}

/* @tree: is put */
static int hold(const struct args *args, struct json_object *tree, struct stop *stop)
{
	struct pollfd pfd = { .fd = stop->fd, .events = POLLIN };

	if (args->json) {
		stream_json(tree);
	} else {
		print_text(tree_get(tree, "buffers"));
		json_object_put(tree);
	}
	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	return EXIT_OK;
}

int alloc_stream(const struct args *args)
{
	struct json_object *tree, *buffers = json_object_new_array();
	unsigned long i, count = args->count ? args->count : 1;
	enum shrbuf_request what = SHRBUF_REQUEST_OPEN;
	struct stop stop;
	uint64_t size;
	int ret, fd, status;

	if (!parse_size(args->argv[0], &size)) {
		json_object_put(buffers);
		return fail(args, EINVAL,
			    "The size is not a number of bytes. Give one such as 4096, 600K or 8M.");
	}
	fd = shrbuf_open();
	ret = fd < 0 ? fd : 0;
	for (i = 0; !ret && i < count; i++) {
		what = SHRBUF_REQUEST_ALLOC;
		ret = alloc_one(fd, size, args->name, buffers);
	}
	if (ret) {
		json_object_put(buffers);
		if (fd >= 0)
			close(fd);
		return fail(args, -ret, shrbuf_explain(what, ret));
	}
	close(fd);

	/* Before others are told: they may stop it at once. */
	if (args->argc == 1)
		stop_open(&stop);
	tree = json_object_new_object();
	tree_put_string(tree, "command", "alloc");
	tree_put(tree, "ok", json_object_new_boolean(true));
	tree_put(tree, "pid", json_object_new_int(getpid()));
	tree_put(tree, "buffers", buffers);
	if (args->argc == 1) {
		status = hold(args, tree, &stop);
		stop_close(&stop);
		return status;
	}
	if (args->json)
		stream_json(json_object_get(tree));
	status = run_program(args, buffers);
	json_object_put(tree);
	return status;
}
