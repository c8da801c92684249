// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of the samples.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "common.h"
#include "options.h"

static void help(const char *purpose)
{
	printf("Usage: %s [OPTION...]\n"
	       "%s\n\n"
	       "  -D CARD    display (/dev/dri/card0)\n"
	       "  -V VIDEO   camera (/dev/video0)\n"
	       "  -c COUNT   end after so many frames (0: never)\n"
	       "  -f FOURCC  format of the camera as V4L2 names it, such as YUYV (the best one)\n"
	       "  -s WxH     size of the picture, such as 640x480 (the best one)\n"
	       "  -h         show this text\n\n"
	       "Ends with Ctrl+C. Exit status: 0, 1 after an error, 2 if the command line is wrong.\n",
	       program_invocation_short_name, purpose);
}

static void wrong(const char *what, const char *text)
{
	if (text)
		say("'%s' is no %s. This shows how it is written: %s -h.", text, what,
		    program_invocation_short_name);
	else
		say("%s. This shows the options: %s -h.", what, program_invocation_short_name);
	exit(2);
}

static void parse_count(struct options *options, const char *text)
{
	char *end;

	errno = 0;
	options->count = strtoul(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9')
		wrong("number of frames", text);
}

static void parse_size(struct options *options, const char *text)
{
	int length = 0;

	if (sscanf(text, "%5ux%5u%n", &options->width, &options->height, &length) != 2 ||
	    text[length] || !options->width || !options->height)
		wrong("size", text);
}

static void parse_fourcc(struct options *options, const char *text)
{
	char c[4] = "    ";
	size_t length = strlen(text);

	/* "Y10" is "Y10 " */
	if (!length || length > sizeof(c))
		wrong("format of four characters", text);
	memcpy(c, text, length);
	options->fourcc = v4l2_fourcc(c[0], c[1], c[2], c[3]);
}

void options_parse(struct options *options, int argc, char **argv, const char *purpose)
{
	int option;

	*options = (struct options) { .display = "/dev/dri/card0", .video = "/dev/video0" };
	while ((option = getopt(argc, argv, "D:V:c:f:s:h")) != -1) {
		switch (option) {
		case 'D':
			options->display = optarg;
			break;
		case 'V':
			options->video = optarg;
			break;
		case 'c':
			parse_count(options, optarg);
			break;
		case 'f':
			parse_fourcc(options, optarg);
			break;
		case 's':
			parse_size(options, optarg);
			break;
		case 'h':
			help(purpose);
			exit(0);
		default:
			/* getopt() has said what is wrong */
			wrong("The command line is wrong", NULL);
		}
	}
	if (optind < argc)
		wrong("option", argv[optind]);
}
