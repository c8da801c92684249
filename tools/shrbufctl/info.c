// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl info
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* Adds what the module says of a file. Return: 0 or a negative error number */
static int ask(int fd, int buffer_fd, struct json_object *result)
{
	struct shrbuf_info info;
	int ret = shrbuf_get_info(fd, buffer_fd, &info);

	if (ret)
		tree_put_error(result, -ret, "%s",
			       shrbuf_explain(SHRBUF_REQUEST_GET_INFO, ret));
	else
		describe(result, &info);
	return ret;
}

/* PID:FD or self:FD */
static int info_target(int fd, const char *target, struct json_object *result)
{
	int buffer_fd = target_open(target, result);
	int ret;

	if (buffer_fd < 0)
		return buffer_fd;
	ret = ask(fd, buffer_fd, result);
	close(buffer_fd);
	return ret;
}

/* Says of the buffer in @result where the process has it. */
static void put_use(struct json_object *result, const struct use *use)
{
	if (use->fd >= 0)
		tree_append(tree_get(result, "fds"), json_object_new_int(use->fd));
	else
		tree_put(result, "mapped", json_object_new_boolean(true));
}

static struct json_object *find_buffer(struct json_object *results, size_t first,
				       uint32_t id)
{
	size_t i;

	for (i = first; i < json_object_array_length(results); i++) {
		struct json_object *result = json_object_array_get_idx(results, i);

		if (id && json_object_get_uint64(tree_get(result, "id")) == id)
			return result;
	}
	return NULL;
}

/*
 * One buffer that the process has, for the first time. A mapping alone cannot be asked
 * about: what another has of the same buffer is as good.
 */
static int info_use(int fd, const struct use *use, struct json_object *result)
{
	int buffer_fd = use->fd;
	int ret;

	if (buffer_fd < 0) {
		tree_put(result, "id", json_object_new_uint64(use->id));
		return 0;
	}
	buffer_fd = target_open_pid(use->pid, use->fd);
	if (buffer_fd < 0) {
		tree_put_error(result, -buffer_fd, "%s", target_explain(-buffer_fd));
		return buffer_fd;
	}
	ret = ask(fd, buffer_fd, result);
	close(buffer_fd);
	return ret;
}

/* All that a process has. Adds nothing if it has nothing. */
static int info_process(int fd, int pid, struct json_object *results)
{
	size_t first = json_object_array_length(results), i;
	struct uses uses = { 0 };
	char *name = process_name(pid);
	struct json_object *result, *listing = json_object_new_object();
	int ret = uses_scan(&uses, pid);

	if (ret == -ENOENT)
		ret = -ESRCH;
	if (ret) {
		result = json_object_new_object();
		tree_append(results, result);
		tree_put(result, "pid", json_object_new_int(pid));
		tree_put_error(result, -ret, "%s", target_explain(-ret));
	}
	/* Whoever may read it can tell mappings, others do without. */
	if (!list_buffers(listing))
		uses_resolve(&uses, fd, tree_get(listing, "buffers"), NULL, NULL);
	else
		uses_resolve(&uses, fd, NULL, NULL, NULL);
	for (i = 0; i < uses.nr; i++) {
		result = find_buffer(results, first, uses.v[i].id);
		if (!result) {
			result = json_object_new_object();
			tree_append(results, result);
			tree_put(result, "pid", json_object_new_int(pid));
			tree_put_string(result, "process", name);
			tree_put(result, "fds", json_object_new_array());
			if (info_use(fd, &uses.v[i], result))
				ret = -EIO;
		}
		put_use(result, &uses.v[i]);
	}
	if (!ret && !uses.nr) {
		result = json_object_new_object();
		tree_append(results, result);
		tree_put(result, "pid", json_object_new_int(pid));
		tree_put_string(result, "process", name);
		tree_put(result, "fds", json_object_new_array());
	}
	json_object_put(listing);
	uses_free(&uses);
	free(name);
	return ret;
}

static int info_number(int fd, const char *text, struct json_object *results)
{
	struct json_object *result = json_object_new_object();
	int number = atoi(text);
	int ret = -EINVAL;

	if (!result)
		die_no_memory();
	if (target_inherited(number)) {
		tree_put_string(result, "target", text);
		ret = ask(fd, number, result);
	}
	/* Any program has a few files open that are no buffers. */
	if (ret == -EINVAL) {
		json_object_put(result);
		return info_process(fd, number, results);
	}
	tree_append(results, result);
	return ret;
}

static bool is_number(const char *text)
{
	return *text && strlen(text) < 10 && !text[strspn(text, "0123456789")];
}

int info_collect(const struct args *args, struct json_object *tree)
{
	struct json_object *results = json_object_new_array();
	int status = EXIT_OK;
	int fd;
	int i;

	tree_put(tree, "results", results);
	fd = shrbuf_open();
	if (fd < 0) {
		tree_put_error(tree, -fd, "%s", shrbuf_explain(SHRBUF_REQUEST_OPEN, fd));
		return EXIT_FAILED;
	}
	for (i = 0; i < args->argc; i++) {
		int ret;

		if (is_number(args->argv[i])) {
			ret = info_number(fd, args->argv[i], results);
		} else {
			struct json_object *result = json_object_new_object();

			tree_append(results, result);
			tree_put_string(result, "target", args->argv[i]);
			ret = info_target(fd, args->argv[i], result);
		}
		if (ret)
			status = EXIT_FAILED;
	}
	close(fd);
	return status;
}

/* "1234 (name)", the caller frees it. */
static char *who(struct json_object *result)
{
	char *text;
	int ret;

	if (tree_get(result, "target"))
		ret = asprintf(&text, "%s", tree_text(result, "target"));
	else if (tree_get(result, "process"))
		ret = asprintf(&text, "%s (%s)", tree_text(result, "pid"),
			       tree_text(result, "process"));
	else
		ret = asprintf(&text, "%s", tree_text(result, "pid"));
	if (ret < 0)
		die_no_memory();
	return text;
}

static void print_result(struct json_object *result)
{
	struct json_object *error = tree_get(result, "error");
	struct json_object *fds = tree_get(result, "fds");
	char *name = who(result), *text;

	if (error) {
		complain(name, error);
	} else if (!tree_get(result, "id")) {
		printf("%s: has no shared buffers\n", name);
	} else {
		printf("%s: ", name);
		if (fds && json_object_array_length(fds)) {
			text = format_words(fds);
			printf("fd %s%s: ", text,
			       tree_true(result, "mapped") ? ", mapped" : "");
			free(text);
		} else if (fds) {
			printf("mapped: ");
		}
		if (tree_get(result, "size"))
			describe_print(result);
		else
			printf("buffer %s, no file descriptor to ask for more\n",
			       tree_text(result, "id"));
	}
	free(name);
}

void info_print(struct json_object *tree)
{
	struct json_object *results = tree_get(tree, "results");
	struct json_object *error = tree_get(tree, "error");
	size_t i;

	if (error)
		complain(NULL, error);
	for (i = 0; i < json_object_array_length(results); i++)
		print_result(json_object_array_get_idx(results, i));
}
