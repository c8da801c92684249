// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl list
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

#define DEFAULT_DIR	"/sys/kernel/debug/shrbuf"

static const struct field buffer_fields[] = {
	{ "id", FIELD_NUMBER },
	{ "size", FIELD_NUMBER },
	{ "users", FIELD_NUMBER },
	{ "exports", FIELD_NUMBER },
	{ "devices", FIELD_WORDS },
	{ "seq", FIELD_NUMBER },
	{ "age", FIELD_NUMBER },
	{ "holds", FIELD_NUMBER },
	{ "reads", FIELD_NUMBER },
	{ "inodes", FIELD_WORDS },
};

static const struct column buffer_columns[] = {
	{ "id", "ID", true, format_text, false },
	{ "size", "SIZE", true, format_size, false },
	{ "backing", "BACKING", false, format_text, false },
	{ "users", "USERS", true, format_text, false },
	{ "exports", "EXPORTS", true, format_text, false },
	{ "devices", "DEVICES", false, format_words, false },
	{ "state", "STATE", false, format_text, true },
	{ "holds", "HOLDS", true, format_text, true },
	{ "name", "NAME", false, format_text, false },
};

static const struct field queue_fields[] = {
	{ "busy", FIELD_BOOL },
};

static const struct column queue_columns[] = {
	{ "node", "NODE", false, format_text, false },
	{ "driver", "DRIVER", false, format_text, false },
	{ "busy", "BUSY", false, format_yes_no, false },
	{ "name", "NAME", false, format_text, false },
};

static const struct field route_fields[] = {
	{ "route", FIELD_NUMBER },
	{ "sink", FIELD_NUMBER },
	{ "error", FIELD_NUMBER },
	{ "in", FIELD_NUMBER },
	{ "shown", FIELD_NUMBER },
	{ "newer", FIELD_NUMBER },
	{ "held", FIELD_NUMBER },
	{ "damaged", FIELD_NUMBER },
	{ "holds", FIELD_NUMBER },
	{ "waiting", FIELD_NUMBER },
	{ "cpu", FIELD_NUMBER },
	{ "pid", FIELD_NUMBER },
};

/* There is no listing: is it the module that is missing, or debugfs, or is it old? */
static void explain_missing(struct json_object *tree, const char *dir, const char *name)
{
	int fd = shrbuf_open();

	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
		tree_put_error(tree, -fd, "%s", shrbuf_explain(SHRBUF_REQUEST_OPEN, fd));
		return;
	}
	if (fd >= 0)
		close(fd);
	if (!access(dir, F_OK))
		tree_put_error(tree, ENOENT,
			       "The module shrbuf is loaded but does not list %s. Install a module and a shrbufctl of the same release, see: shrbufctl version.",
			       name);
	else
		tree_put_error(tree, ENOENT,
			       "The module shrbuf is loaded but debugfs is not there. Mount it as root: mount -t debugfs none /sys/kernel/debug.");
}

/* Adds a listing to the tree, or an error. */
static int collect_listing(struct json_object *tree, const char *name,
			   const struct field *fields, size_t nr)
{
	const char *dir = getenv("SHRBUF_DEBUGFS") ?: DEFAULT_DIR;
	struct json_object *records;
	char *path;
	int ret;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die_no_memory();
	ret = listing_read(path, fields, nr, &records);
	switch (ret) {
	case 0:
		tree_put(tree, name, records);
		break;
	case -ENOENT:
		explain_missing(tree, dir, name);
		break;
	case -EACCES:
	case -EPERM:
		tree_put_error(tree, -ret,
			       "Only root may see the %s of the whole system. Run the command as root: sudo shrbufctl %s.",
			       name, strcmp(name, "routes") ? "list" : "route list");
		break;
	case -EBADMSG:
		tree_put_error(tree, -ret,
			       "The contents of %s are not as expected. Install a module and a shrbufctl of the same release, see: shrbufctl version.",
			       path);
		break;
	default:
		tree_put_error(tree, -ret,
			       "%s cannot be read. Look for a reason in the kernel log: dmesg.",
			       path);
	}
	free(path);
	return ret;
}

/* Adds the listing of buffers to the tree, or an error. Return: 0 or the error */
int list_buffers(struct json_object *tree)
{
	return collect_listing(tree, "buffers", buffer_fields, ARRAY_SIZE(buffer_fields));
}

/* The same with routes. */
int list_routes(struct json_object *tree)
{
	return collect_listing(tree, "routes", route_fields, ARRAY_SIZE(route_fields));
}

int list_collect(const struct args *args, struct json_object *tree)
{
	(void)args;
	if (list_buffers(tree) ||
	    collect_listing(tree, "queues", queue_fields, ARRAY_SIZE(queue_fields)))
		return EXIT_FAILED;
	return EXIT_OK;
}

static void print_buffers(struct json_object *buffers)
{
	size_t i, nr = json_object_array_length(buffers);
	struct json_object *total;
	uint64_t bytes = 0;
	char *text;

	if (!nr) {
		puts("There are no shared buffers.");
		return;
	}
	for (i = 0; i < nr; i++)
		bytes += json_object_get_uint64(tree_get(json_object_array_get_idx(buffers, i),
							 "size"));
	total = json_object_new_uint64(bytes);
	if (!total)
		die_no_memory();
	text = format_size(total);
	json_object_put(total);
	table_print(stdout, buffer_columns, ARRAY_SIZE(buffer_columns), buffers);
	printf("%zu shared buffer%s, bytes in all: %s\n", nr, nr == 1 ? "" : "s", text);
	free(text);
}

static void print_queues(struct json_object *queues)
{
	if (!json_object_array_length(queues)) {
		puts("No queues are attached. Attach one: shrbufctl attach DEVICE.");
		return;
	}
	table_print(stdout, queue_columns, ARRAY_SIZE(queue_columns), queues);
}

void list_print(struct json_object *tree)
{
	struct json_object *error = tree_get(tree, "error");

	if (error) {
		complain(NULL, error);
		return;
	}
	print_buffers(tree_get(tree, "buffers"));
	putchar('\n');
	print_queues(tree_get(tree, "queues"));
}
