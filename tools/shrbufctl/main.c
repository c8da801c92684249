// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl: shared buffers from the command line.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shrbufctl.h"

static int help_collect(const struct args *args, struct json_object *tree);
static void help_print(struct json_object *tree);

static const struct command commands[] = {
	{
		.name = "attach", .args = "DEVICE...", .needs = "a device",
		.summary = "make the buffers of video devices shared buffers",
		.min_args = 1, .max_args = INT_MAX,
		.collect = attach_collect, .print = attach_print,
	},
	{
		.name = "detach", .args = "DEVICE...", .needs = "a device",
		.summary = "undo attach; buffers that are still in use stay valid",
		.min_args = 1, .max_args = INT_MAX,
		.collect = detach_collect, .print = detach_print,
	},
	{
		.name = "list", .args = "",
		.summary = "show all shared buffers and attached queues (for root)",
		.collect = list_collect, .print = list_print,
	},
	{
		.name = "info", .args = "BUFFER|PID...", .needs = "a buffer or a process",
		.summary = "show what buffers are and what is in them",
		.min_args = 1, .max_args = INT_MAX,
		.collect = info_collect, .print = info_print,
	},
	{
		.name = "watch", .args = "BUFFER|DEVICE...", .needs = "a buffer or a device",
		.summary = "print what happens to buffers, until they are gone",
		.options = "c",
		.min_args = 1, .max_args = INT_MAX, .stream = watch_stream,
	},
	{
		.name = "alloc", .args = "SIZE [-- PROGRAM [ARG...]]", .needs = "a size",
		.summary = "allocate buffers for a program, or until Ctrl-C",
		.options = "cn",
		.min_args = 1, .max_args = INT_MAX, .stream = alloc_stream,
	},
	{
		.name = "top", .args = "",
		.summary = "show buffers, who has them, and the memory, every second",
		.options = "o",
		.stream = top_stream,
	},
	{
		.name = "route", .args = "list|show|stop|create ...",
		.needs = "an action: list, show, stop or create",
		.summary = "routes: list, show ROUTE, stop ROUTE, create CAMERA DISPLAY",
		.options = "p",
		.min_args = 1, .max_args = INT_MAX, .stream = route_stream,
	},
	{
		.name = "trace", .args = "",
		.summary = "print what the module does, as it does it (for root)",
		.options = "c",
		.stream = trace_stream,
	},
	{
		.name = "world", .args = "list|show|deadlocks|kill|legacy [NUMBER...]",
		.needs = "what to do: list, show, deadlocks, kill, legacy",
		.summary = "show worlds of fusion, or kill who is in one (for root)",
		.min_args = 1, .max_args = INT_MAX,
		.collect = world_collect, .print = world_print,
	},
	{
		.name = "doctor", .args = "",
		.summary = "say what is wrong with this system and what to do",
		.collect = doctor_collect, .print = doctor_print,
	},
	{
		.name = "version", .args = "",
		.summary = "show the versions of tool, library and module",
		.collect = version_collect, .print = version_print,
	},
	{
		.name = "help", .args = "",
		.summary = "show this text",
		.collect = help_collect, .print = help_print,
	},
};

static int help_collect(const struct args *args, struct json_object *tree)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	(void)args;
	tree_put(tree, "commands", array);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		struct json_object *obj = json_object_new_object();

		tree_append(array, obj);
		tree_put_string(obj, "name", commands[i].name);
		tree_put_string(obj, "args", commands[i].args);
		tree_put_string(obj, "summary", commands[i].summary);
	}
	return EXIT_OK;
}

static void help_print(struct json_object *tree)
{
	struct json_object *array = tree_get(tree, "commands");
	size_t i;

	puts("Usage: shrbufctl [OPTION...] COMMAND [ARGUMENT...]\n"
	     "\n"
	     "Shared buffers between devices and processes.\n"
	     "\n"
	     "Commands:");
	for (i = 0; i < json_object_array_length(array); i++) {
		struct json_object *obj = json_object_array_get_idx(array, i);

		printf("  %s%s%s\n      %s\n", tree_text(obj, "name"),
		       *tree_text(obj, "args") ? " " : "", tree_text(obj, "args"),
		       tree_text(obj, "summary"));
	}
	puts("\n"
	     "DEVICE is a path such as /dev/video0, a name in /dev such as video0, or the\n"
	     "number of a video device such as 0. A device can be attached or detached while\n"
	     "it has no buffers. If one of several devices fails, the others are still done.\n"
	     "A device that is already as it should be is no failure.\n"
	     "\n"
	     "BUFFER is PID:FD, a file descriptor of a process, or self:FD, one that this\n"
	     "program was started with; info takes the number alone for that, too. SIZE is in\n"
	     "bytes, or with K, M or G. WORLD and MEMBER are numbers.\n"
	     "\n"
	     "CAMERA is a DEVICE. DISPLAY is a path such as /dev/dri/card0, a name such as card0,\n"
	     "or its number. ROUTE is a number that route list shows.\n"
	     "\n"
	     "Options, before or after COMMAND:\n"
	     "  -j, --json     print one JSON object; in it also what failed and why. Commands\n"
	     "                 that go on print one in each line.\n"
	     "  -c, --count N  watch, trace: end after N events. alloc: that many buffers\n"
	     "  -n, --name NAME  alloc: name of the buffers in listings\n"
	     "  -o, --once     top: print once and end, as without a terminal\n"
	     "  -p, --priority N  route create: realtime, with priority 1 to 99\n"
	     "  -h, --help     show this text\n"
	     "  -V, --version  show the version of this program only\n"
	     "\n"
	     "Exit status:\n"
	     "  0  all was done, or Ctrl-C ended it; for doctor: nothing is wrong\n"
	     "  1  something failed; the message says what to do\n"
	     "  2  the command line is wrong\n"
	     "\n"
	     "Environment:\n"
	     "  SHRBUF_DEBUGFS  directory to read instead of /sys/kernel/debug/shrbuf\n"
	     "  SHRBUFCTL_ROOT  directory to find proc, sys and lib/modules in, instead of /\n"
	     "\n"
	     "Examples:\n"
	     "  shrbufctl attach /dev/video0\n"
	     "  shrbufctl watch /dev/video0\n"
	     "  shrbufctl route create /dev/video0 /dev/dri/card0\n"
	     "  shrbufctl --json list | jq '.buffers[].size'");
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int usage_error(void)
{
	fputs("Try: shrbufctl --help\n", stderr);
	return EXIT_USAGE;
}

/* A full disk must not look like success. */
static int finish(int status)
{
	int failed = ferror(stdout);

	if (fclose(stdout) || failed) {
		fputs("shrbufctl: The output cannot be written. Make room where it goes.\n",
		      stderr);
		return EXIT_FAILED;
	}
	return status;
}

static int run(const struct command *command, const struct args *args)
{
	struct json_object *tree;
	int status;

	if (command->stream)
		return finish(command->stream(args));

	tree = json_object_new_object();
	if (!tree)
		die_no_memory();
	tree_put_string(tree, "command", command->name);
	status = command->collect(args, tree);
	tree_put(tree, "ok", json_object_new_boolean(status == EXIT_OK));

	if (args->json)
		puts(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		command->print(tree);
	json_object_put(tree);
	return finish(status);
}

static bool parse_count(const char *text, unsigned long *count)
{
	char *end;

	errno = 0;
	*count = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *count;
}

/* Return: whether @args fit to @command, else a message was printed */
static bool args_fit(const struct command *command, const struct args *args,
		     const char *used)
{
	for (; *used; used++) {
		if (!strchr(command->options ?: "", *used)) {
			fprintf(stderr, "shrbufctl: The command %s has no option -%c.\n",
				command->name, *used);
			return false;
		}
	}
	if (args->argc < command->min_args) {
		fprintf(stderr, "shrbufctl: The command %s needs %s.\n", command->name,
			command->needs);
		return false;
	}
	if (args->argc > command->max_args) {
		fprintf(stderr, "shrbufctl: The command %s takes no arguments.\n",
			command->name);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "name", required_argument, NULL, 'n' },
		{ "once", no_argument, NULL, 'o' },
		{ "priority", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	bool help = false, version = false;
	const struct command *command;
	/* Letters of the options that only some commands take. */
	char used[5] = "";
	struct args args = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "c:hjn:op:V", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (!parse_count(optarg, &args.count)) {
				fprintf(stderr,
					"shrbufctl: '%s' is not a number greater than zero.\n",
					optarg);
				return usage_error();
			}
			break;
		case 'h':
			help = true;
			break;
		case 'j':
			args.json = true;
			break;
		case 'n':
			args.name = optarg;
			break;
		case 'o':
			args.once = true;
			break;
		case 'p':
			if (!parse_count(optarg, &args.priority) || args.priority > 99) {
				fprintf(stderr,
					"shrbufctl: '%s' is not a priority. Take one from 1 to 99.\n",
					optarg);
				return usage_error();
			}
			break;
		case 'V':
			version = true;
			break;
		default:
			return usage_error();
		}
		if (strchr("cnop", opt) && !strchr(used, opt))
			used[strlen(used)] = (char)opt;
	}
	args.argc = argc - optind - 1;
	args.argv = argv + optind + 1;

	if (help) {
		args.argc = 0;
		return run(find_command("help"), &args);
	}
	if (version) {
		puts("shrbufctl " SHRBUFCTL_RELEASE);
		return finish(EXIT_OK);
	}
	if (args.argc < 0) {
		fputs("shrbufctl: The command is missing.\n", stderr);
		return usage_error();
	}
	command = find_command(argv[optind]);
	if (!command) {
		fprintf(stderr, "shrbufctl: There is no command '%s'.\n", argv[optind]);
		return usage_error();
	}
	if (!args_fit(command, &args, used))
		return usage_error();
	return run(command, &args);
}
