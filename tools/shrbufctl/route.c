// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl route
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* A program that has not ended by then is not going to. */
#define END_TIMEOUT_MS	10000

static const struct column columns[] = {
	{ "route", "ROUTE", true, format_text, false },
	{ "sink", "SINK", true, format_text, false },
	{ "type", "TYPE", false, format_text, false },
	{ "target", "TARGET", false, format_text, false },
	{ "state", "STATE", false, format_text, false },
	{ "in", "IN", true, format_text, false },
	{ "shown", "SHOWN", true, format_text, false },
	{ "newer", "NEWER", true, format_text, false },
	{ "held", "HELD", true, format_text, false },
	{ "damaged", "DAMAGED", true, format_text, false },
	{ "holds", "HOLDS", true, format_text, false },
	{ "latency", "LATENCY", false, format_latency, true },
	{ "pid", "PID", true, format_text, false },
	{ "comm", "PROGRAM", false, format_text, false },
};

/* A table of a listing of routes. */
void routes_print(FILE *f, struct json_object *routes)
{
	table_print(f, columns, ARRAY_SIZE(columns), routes);
}

static int fail(const struct args *args, struct json_object *tree)
{
	tree_put_string(tree, "action", args->argv[0]);
	return stream_fail(args, "route", tree);
}

/* @tree: is put */
static int done(const struct args *args, struct json_object *tree)
{
	if (args->json) {
		tree_put_string(tree, "command", "route");
		tree_put_string(tree, "action", args->argv[0]);
		tree_put(tree, "ok", json_object_new_boolean(true));
		stream_json(tree);
	} else {
		json_object_put(tree);
	}
	return EXIT_OK;
}

static int route_list(const struct args *args)
{
	struct json_object *tree = json_object_new_object();
	struct json_object *routes;

	if (list_routes(tree))
		return fail(args, tree);
	routes = tree_get(tree, "routes");
	if (!args->json && !json_object_array_length(routes))
		puts("There are no routes. Make one: shrbufctl route create CAMERA DISPLAY.");
	else if (!args->json)
		routes_print(stdout, routes);
	return done(args, tree);
}

/* The number of a route that the user means, zero if it is none. */
static unsigned int parse_id(const char *text)
{
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || id > UINT_MAX ? 0 : (unsigned int)id;
}

/* Leaves only one route in the listing. The first record is that of its source. */
static int find_route(struct json_object *tree, const char *name)
{
	struct json_object *all, *some = json_object_new_array();
	unsigned int id = parse_id(name);
	int ret = id ? list_routes(tree) : -EINVAL;
	size_t i;

	if (!id)
		tree_put_error(tree, EINVAL,
			       "'%s' is not the number of a route. List them: shrbufctl route list.",
			       name);
	all = tree_get(tree, "routes");
	for (i = 0; !ret && i < json_object_array_length(all); i++) {
		struct json_object *record = json_object_array_get_idx(all, i);

		if (json_object_get_uint64(tree_get(record, "route")) == id)
			tree_append(some, json_object_get(record));
	}
	if (!ret && !json_object_array_length(some)) {
		tree_put_error(tree, ENOENT,
			       "There is no route %u. List them: shrbufctl route list.", id);
		ret = -ENOENT;
	}
	tree_put(tree, "routes", some);
	return ret;
}

/* The file of the route in the program that made it, or a negative error number. */
static int open_route(struct json_object *source)
{
	int pid = json_object_get_int(tree_get(source, "pid"));
	int number = route_find(pid, (unsigned int)json_object_get_uint64(tree_get(source,
										   "route")));

	return number < 0 ? number : target_open_pid(pid, number);
}

/* What the listing does not have can be asked of the file, if it can be had. */
static int route_show(const struct args *args)
{
	struct json_object *tree = json_object_new_object();
	struct shrbuf_route_stats stats;
	struct json_object *routes;
	size_t i;
	int fd;

	if (find_route(tree, args->argv[1]))
		return fail(args, tree);
	routes = tree_get(tree, "routes");
	fd = open_route(json_object_array_get_idx(routes, 0));
	for (i = 1; fd >= 0 && i < json_object_array_length(routes); i++) {
		struct json_object *record = json_object_array_get_idx(routes, i);
		__u32 sink = (__u32)json_object_get_uint64(tree_get(record, "sink"));

		if (!shrbuf_route_get_stats(fd, sink, &stats))
			route_put_latency(record, &stats);
	}
	if (fd >= 0)
		close(fd);
	if (!args->json)
		routes_print(stdout, routes);
	return done(args, tree);
}

/* Ends a program that does nothing but keep the route. Return: 0 or a negative error number */
static int end_program(int pid, unsigned int id)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int ret;

	if (pidfd < 0)
		return -errno;
	/* Not another one that has the number now. */
	ret = route_find(pid, id);
	if (ret >= 0)
		ret = syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) ? -errno : 0;
	/* It may have been stopped. */
	if (!ret && syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0))
		ret = errno == ESRCH ? 0 : -errno;
	if (!ret && poll(&pfd, 1, END_TIMEOUT_MS) != 1)
		ret = -ETIMEDOUT;
	close(pidfd);
	return ret;
}

static void explain_stop(struct json_object *tree, struct json_object *source, int err)
{
	const char *pid = tree_text(source, "pid");

	if (err == ESRCH)
		tree_put_error(tree, err,
			       "Process %s has made the route and does not have it any more. End the program that has it now.",
			       pid);
	else if (err == EACCES || err == EPERM)
		tree_put_error(tree, err,
			       "You may not stop what process %s has made. Run the command as its user or as root.",
			       pid);
	else if (err == ETIMEDOUT)
		tree_put_error(tree, err,
			       "Process %s was told to end and did not. End it: kill -KILL %s.",
			       pid, pid);
	else
		tree_put_error(tree, err, "%s", shrbuf_explain(SHRBUF_REQUEST_ROUTE, err));
}

/* A route of ours ends with its program. That of another program may be needed by it. */
static int route_stop(const struct args *args)
{
	struct json_object *source, *tree = json_object_new_object();
	int fd, pid, ret;
	bool ours;

	if (find_route(tree, args->argv[1]))
		return fail(args, tree);
	source = json_object_array_get_idx(tree_get(tree, "routes"), 0);
	pid = json_object_get_int(tree_get(source, "pid"));
	ours = !strcmp(tree_text(source, "comm"), "shrbufctl");
	if (ours) {
		ret = end_program(pid, parse_id(args->argv[1]));
	} else {
		fd = open_route(source);
		ret = fd < 0 ? fd : shrbuf_route_stop(fd);
		if (fd >= 0)
			close(fd);
	}
	/* It does not run. */
	if (ret && ret != -ENOTCONN) {
		explain_stop(tree, source, -ret);
		return fail(args, tree);
	}
	tree_put_string(tree, "result", ours ? "ended" : "stopped");
	if (!args->json && ours)
		printf("Route %s has ended.\n", args->argv[1]);
	else if (!args->json)
		fprintf(stdout,
			"Route %s is stopped. The program %s (process %d) still has it, and can start it again.\n",
			args->argv[1], tree_text(source, "comm"), pid);
	return done(args, tree);
}

int route_stream(const struct args *args)
{
	static const struct {
		const char *name;
		int nr_args;
		const char *usage;
		int (*run)(const struct args *args);
	} actions[] = {
		{ "list", 1, "list", route_list },
		{ "show", 2, "show ROUTE", route_show },
		{ "stop", 2, "stop ROUTE", route_stop },
		{ "create", 3, "create CAMERA DISPLAY", route_create },
	};
	size_t i = 0;

	while (i < ARRAY_SIZE(actions) && strcmp(actions[i].name, args->argv[0]))
		i++;
	if (i == ARRAY_SIZE(actions)) {
		fprintf(stderr,
			"shrbufctl: There is no action '%s' of routes. Take list, show, stop or create.\n",
			args->argv[0]);
	} else if (args->argc != actions[i].nr_args) {
		fprintf(stderr, "shrbufctl: Write it like this: shrbufctl route %s.\n",
			actions[i].usage);
	} else if (args->priority && actions[i].run != route_create) {
		fprintf(stderr, "shrbufctl: Only route create has the option -p.\n");
	} else {
		return actions[i].run(args);
	}
	fputs("Try: shrbufctl --help\n", stderr);
	return EXIT_USAGE;
}
