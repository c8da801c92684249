// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl: shared buffers from the command line.
 */

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shrbufctl.h"

static int help_collect(int argc, char **argv, struct json_object *tree);
static void help_print(struct json_object *tree);

static const struct command commands[] = {
	{
		"attach", "DEVICE...",
		"make the buffers of video devices shared buffers",
		1, INT_MAX, attach_collect, attach_print,
	},
	{
		"detach", "DEVICE...",
		"undo attach; buffers that are still in use stay valid",
		1, INT_MAX, detach_collect, detach_print,
	},
	{
		"list", "",
		"show all shared buffers and attached queues (for root)",
		0, 0, list_collect, list_print,
	},
	{
		"version", "",
		"show the versions of tool, library and module",
		0, 0, version_collect, version_print,
	},
	{
		"help", "",
		"show this text",
		0, 0, help_collect, help_print,
	},
};

static int help_collect(int argc, char **argv, struct json_object *tree)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	(void)argc;
	(void)argv;
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

	puts("Usage: shrbufctl [OPTION...] COMMAND [DEVICE...]\n"
	     "\n"
	     "Shared buffers between devices and processes.\n"
	     "\n"
	     "Commands:");
	for (i = 0; i < json_object_array_length(array); i++) {
		struct json_object *obj = json_object_array_get_idx(array, i);

		printf("  %-7s %-10s  %s\n", tree_text(obj, "name"),
		       tree_text(obj, "args"), tree_text(obj, "summary"));
	}
	puts("\n"
	     "DEVICE is a path such as /dev/video0, a name in /dev such as video0, or the\n"
	     "number of a video device such as 0. A device can be attached or detached while\n"
	     "it has no buffers. If one of several devices fails, the others are still done.\n"
	     "A device that is already as it should be is no failure.\n"
	     "\n"
	     "Options, before or after COMMAND:\n"
	     "  -j, --json     print one JSON object; in it also what failed and why\n"
	     "  -h, --help     show this text\n"
	     "  -V, --version  show the version of this program only\n"
	     "\n"
	     "Exit status:\n"
	     "  0  all was done\n"
	     "  1  something failed; the message says what to do\n"
	     "  2  the command line is wrong\n"
	     "\n"
	     "Environment:\n"
	     "  SHRBUF_DEBUGFS  directory that list reads instead of /sys/kernel/debug/shrbuf\n"
	     "\n"
	     "Examples:\n"
	     "  shrbufctl attach /dev/video0\n"
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

static int run(const struct command *command, int argc, char **argv, bool json)
{
	struct json_object *tree = json_object_new_object();
	int status;

	if (!tree)
		die_no_memory();
	tree_put_string(tree, "command", command->name);
	status = command->collect(argc, argv, tree);
	tree_put(tree, "ok", json_object_new_boolean(status == EXIT_OK));

	if (json)
		puts(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		command->print(tree);
	json_object_put(tree);
	return finish(status);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const struct command *command;
	bool help = false, json = false, version = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "hjV", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			help = true;
			break;
		case 'j':
			json = true;
			break;
		case 'V':
			version = true;
			break;
		default:
			return usage_error();
		}
	}
	argc -= optind;
	argv += optind;

	if (help)
		return run(find_command("help"), 0, NULL, json);
	if (version) {
		puts("shrbufctl " SHRBUFCTL_RELEASE);
		return finish(EXIT_OK);
	}
	if (!argc) {
		fputs("shrbufctl: The command is missing.\n", stderr);
		return usage_error();
	}
	command = find_command(argv[0]);
	if (!command) {
		fprintf(stderr, "shrbufctl: There is no command '%s'.\n", argv[0]);
		return usage_error();
	}
	argc--;
	argv++;
	if (argc < command->min_args) {
		fprintf(stderr, "shrbufctl: The command %s needs a device.\n", command->name);
		return usage_error();
	}
	if (argc > command->max_args) {
		fprintf(stderr, "shrbufctl: The command %s takes no arguments.\n",
			command->name);
		return usage_error();
	}
	return run(command, argc, argv, json);
}
