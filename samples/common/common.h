/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the samples share: sentences about what went wrong, and signals as a file
 * descriptor. In all files: functions that can fail return -1 after they have said why,
 * so the caller only has to undo what it did.
 */
#ifndef _SAMPLES_COMMON_H
#define _SAMPLES_COMMON_H

#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* ioctl() that signals do not disturb */
int retry_ioctl(int fd, unsigned long request, void *arg);

/* prints "PROGRAM: SENTENCE" to standard error */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for an error, with the advice after the sentence. Returns -1. */
int complain(const char *advice, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* advice for errors that are found in many places */
#define FIND_CAMERA	"Choose another camera with -V, see: v4l2-ctl --list-devices."
#define FIND_USER	"Stop the program that uses it, see: fuser -v /dev/video*."
#define FIND_DISPLAY	"Choose another display with -D, see: ls /dev/dri."
#define FIND_FORMAT	"Choose another format with -f, see: v4l2-ctl --list-formats."
#define SEE_KERNEL_LOG	"Look for the reason in the kernel log: dmesg."

/*
 * SIGINT, SIGTERM and SIGHUP as a file descriptor for poll(). They do not end the
 * program any more, so it can leave the display as it was.
 */
int signals_open(void);

/* four characters as text, for "%s"; overwritten by the eighth call after it */
const char *fourcc_text(uint32_t fourcc);

#endif /* _SAMPLES_COMMON_H */
