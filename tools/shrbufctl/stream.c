// SPDX-License-Identifier: GPL-2.0
/*
 * What commands that go on have in common: how they are stopped, and how they print.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shrbufctl.h"

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/**
 * stop_open - from now on signals do not end the program, but make a file readable
 * @stop: to be given to stop_close()
 *
 * So a command can undo what it did. Ctrl-C is no failure: it is how such a command ends.
 */
void stop_open(struct stop *stop)
{
	sigset_t set;

	stop_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stop->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stop->fd < 0) {
		/* Without it nothing could be undone. */
		perror("shrbufctl: signalfd");
		exit(EXIT_FAILED);
	}
}

/* The signals that came have been heard: they do not end the program now. */
void stop_close(struct stop *stop)
{
	struct signalfd_siginfo info;
	sigset_t set;

	while (read(stop->fd, &info, sizeof(info)) > 0)
		;
	close(stop->fd);
	stop_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/**
 * stream_json - print one line of JSON
 * @tree: what to print, is put
 */
void stream_json(struct json_object *tree)
{
	puts(json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN |
						  JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(tree);
}

/**
 * stream_fail - print an error, as JSON or for people
 * @args: of the command
 * @command: its name
 * @tree: has the member "error", is put. The member "target" names what it is about.
 *
 * Return: EXIT_FAILED
 */
int stream_fail(const struct args *args, const char *command, struct json_object *tree)
{
	struct json_object *target = tree_get(tree, "target");

	if (!args->json) {
		complain(target ? json_object_get_string(target) : NULL,
			 tree_get(tree, "error"));
		json_object_put(tree);
		return EXIT_FAILED;
	}
	tree_put_string(tree, "command", command);
	tree_put(tree, "ok", json_object_new_boolean(false));
	stream_json(tree);
	return EXIT_FAILED;
}
