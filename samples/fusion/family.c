// SPDX-License-Identifier: GPL-2.0
/*
 * Families of processes in a world, see family.h.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "family.h"

static void show_usage(const struct family *f, const struct family_help *text)
{
	printf("Usage: %s [OPTION...]\n%s\n\n"
	       "  -n N        %s (%u)\n"
	       "  -c COUNT    %s (%u)\n"
	       "  -k N        %s\n",
	       program_invocation_short_name, text->purpose, text->processes, f->processes,
	       text->count, f->count, text->kill);
	if (f->video)
		printf("  -V VIDEO    camera (%s)\n", f->video);
	printf("  -h, --help  show this text\n\n"
	       "Exit status: 0, 1 after an error, 2 if the command line is wrong.\n");
}

static unsigned int parse(const char *text, unsigned int max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!errno && !*end && text[0] >= '1' && text[0] <= '9' && value <= max)
		return value;
	say("'%s' is no number from 1 to %u. This shows the options: %s -h.", text, max,
	    program_invocation_short_name);
	exit(2);
}

void family_parse(struct family *f, int argc, char **argv, const struct family_help *text)
{
	static const struct option long_options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	const struct family defaults = *f;
	int option;

	/* Each process prints whole lines, also into a pipe that all share. */
	setlinebuf(stdout);
	setlinebuf(stderr);
	while ((option = getopt_long(argc, argv, f->video ? "n:c:k:V:h" : "n:c:k:h",
				     long_options, NULL)) != -1) {
		switch (option) {
		case 'n':
			f->processes = parse(optarg, MAX_PROCESSES);
			break;
		case 'c':
			f->count = parse(optarg, 1000000);
			break;
		case 'k':
			f->kill = parse(optarg, 1000000);
			break;
		case 'V':
			f->video = optarg;
			break;
		case 'h':
			show_usage(&defaults, text);
			exit(0);
		default:
			/* getopt_long() has said what is wrong */
			say("This shows the options: %s -h.", program_invocation_short_name);
			exit(2);
		}
	}
	if (optind < argc) {
		say("'%s' is no option. This shows the options: %s -h.", argv[optind],
		    program_invocation_short_name);
		exit(2);
	}
}

int64_t seconds_from_now(unsigned int seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec + seconds) * 1000000000LL + now.tv_nsec;
}

/*
 * In a child. A handle is of the process that has joined, so this one joins itself. The
 * file descriptor of the world is all that it takes: it has it by inheritance here, and
 * would have it through a unix socket (SCM_RIGHTS) from a process that is no parent.
 */
static int be_child(struct fusion *parent, int world, unsigned int number, family_child *child,
		    void *arg)
{
	char name[DRM_FUSION_NAME_LEN];
	struct fusion *fusion;
	int ret;

	/* frees this copy of the handle; the parent stays a member */
	fusion_leave(parent);
	snprintf(name, sizeof(name), "child %u", number);
	ret = fusion_join(&fusion, world, name);
	close(world);
	if (ret)
		return complain(fusion_explain(ret), "Child %u cannot join: %s.", number,
				strerror(-ret));
	ret = child(fusion, number, arg);
	fusion_leave(fusion);
	return ret;
}

int family_start(struct family *f, struct fusion *fusion, unsigned int children,
		 family_child *child, void *arg)
{
	int world = fusion_export(fusion);
	pid_t pid;

	if (world < 0)
		return complain(fusion_explain(world), "The world cannot be exported: %s.",
				strerror(-world));
	fflush(stdout);
	while (f->running < children) {
		pid = fork();
		if (!pid)
			exit(be_child(fusion, world, f->running + 1, child, arg) ? 1 : 0);
		if (pid < 0)
			break;
		f->running++;
	}
	close(world);
	if (f->running < children)
		return complain("Stop some programs, or raise the limit: ulimit -u.",
				"No more processes: %s.", strerror(errno));
	return 0;
}

int family_wait(struct family *f)
{
	int status, ret = 0;

	for (; f->running && wait(&status) > 0; f->running--) {
		if (WIFSIGNALED(status))
			say("A child was killed: %s.", strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status))
			ret = -1;
	}
	return ret;
}
