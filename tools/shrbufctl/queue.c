// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl attach, shrbufctl detach
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/**
 * struct operation - what attach and detach do not have in common
 * @run: the request
 * @what: its name in the library
 * @already: what @run returns if there is nothing to do
 * @done: said when it is done
 * @nothing: said when there was nothing to do
 */
struct operation {
	int (*run)(int fd, int video_fd);
	enum shrbuf_request what;
	int already;
	const char *done;
	const char *nothing;
};

static const struct operation op_attach = {
	.run = shrbuf_attach_queue,
	.what = SHRBUF_REQUEST_ATTACH_QUEUE,
	.already = -EALREADY,
	.done = "attached",
	.nothing = "was attached already",
};

static const struct operation op_detach = {
	.run = shrbuf_detach_queue,
	.what = SHRBUF_REQUEST_DETACH_QUEUE,
	.already = -ENOTCONN,
	.done = "detached",
	.nothing = "was not attached",
};

static int run_on_device(const struct operation *op, int fd, const char *path,
			 struct json_object *result)
{
	int video_fd = device_open(path, result);
	int ret = video_fd;

	if (video_fd >= 0) {
		ret = op->run(fd, video_fd);
		close(video_fd);
		if (ret && ret != op->already)
			tree_put_error(result, -ret, "%s", shrbuf_explain(op->what, ret));
	}
	tree_put(result, "ok", json_object_new_boolean(!ret || ret == op->already));
	if (!ret || ret == op->already)
		tree_put(result, "already", json_object_new_boolean(ret == op->already));
	return ret == op->already ? 0 : ret;
}

static int collect(const struct operation *op, const struct args *args,
		   struct json_object *tree)
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
		struct json_object *result = json_object_new_object();
		char *path = device_path(args->argv[i]);

		tree_append(results, result);
		tree_put_string(result, "device", path);
		if (run_on_device(op, fd, path, result))
			status = EXIT_FAILED;
		free(path);
	}
	close(fd);
	return status;
}

static void print(const struct operation *op, struct json_object *tree)
{
	struct json_object *results = tree_get(tree, "results");
	struct json_object *error = tree_get(tree, "error");
	size_t i;

	if (error)
		complain(NULL, error);
	for (i = 0; i < json_object_array_length(results); i++) {
		struct json_object *result = json_object_array_get_idx(results, i);
		const char *device = tree_text(result, "device");

		error = tree_get(result, "error");
		if (error)
			complain(device, error);
		else
			printf("%s: %s\n", device,
			       tree_true(result, "already") ? op->nothing : op->done);
	}
}

int attach_collect(const struct args *args, struct json_object *tree)
{
	return collect(&op_attach, args, tree);
}

void attach_print(struct json_object *tree)
{
	print(&op_attach, tree);
}

int detach_collect(const struct args *args, struct json_object *tree)
{
	return collect(&op_detach, args, tree);
}

void detach_print(struct json_object *tree)
{
	print(&op_detach, tree);
}
