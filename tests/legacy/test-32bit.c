// SPDX-License-Identifier: GPL-2.0
/*
 * What a 32-bit program gets from /dev/fusionN on a 64-bit kernel: it can open the device,
 * but each request is refused (ENOTTY), and nothing is read or written. Built with -m32, and
 * so without the libraries of the other tests. Prints TAP.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fusion-legacy.h>

_Static_assert(sizeof(void *) == 4, "this is for -m32");

static const unsigned long requests[] = {
	FUSION_ENTER, FUSION_UNBLOCK, FUSION_KILL, FUSION_SHM_GET_BASE, FUSION_SEND_MESSAGE,
	FUSION_CALL_NEW, FUSION_CALL_EXECUTE3, FUSION_REF_NEW, FUSION_SKIRMISH_NEW,
	FUSION_PROPERTY_NEW, FUSION_REACTOR_NEW, FUSION_SHMPOOL_NEW,
};

static int refused(int fd)
{
	unsigned char argument[8192], before[sizeof(argument)];
	unsigned int i;

	memset(argument, 9, sizeof(argument));
	memcpy(before, argument, sizeof(before));
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (ioctl(fd, requests[i], argument) != -1 || errno != ENOTTY) {
			printf("# request %#lx: %s\n", requests[i], strerror(errno));
			return 0;
		}
	}
	return !memcmp(argument, before, sizeof(before));
}

static int has_not_entered(int fd)
{
	char buffer[64];

	return read(fd, buffer, sizeof(buffer)) == -1 && errno == EPERM;
}

int main(void)
{
	int fd = open("/dev/fusion0", O_RDWR | O_CLOEXEC), failed;

	printf("1..3\n");
	failed = fd < 0;
	printf("%sok 1 - a 32-bit program opens the device\n", fd < 0 ? "not " : "");
	failed += !refused(fd);
	printf("%sok 2 - its requests are refused\n", failed ? "not " : "");
	failed += !has_not_entered(fd);
	printf("%sok 3 - it is no fusionee\n", failed ? "not " : "");
	return failed != 0;
}
