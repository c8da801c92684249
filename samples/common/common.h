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

/* Both print "PROGRAM: SENTENCE" to standard error; complain() returns -1. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * SIGINT, SIGTERM and SIGHUP as a file descriptor for poll(). They do not end the
 * program any more, so it can leave the display as it was.
 */
int signals_open(void);

/* four characters as text, for "%s"; overwritten by the eighth call after it */
const char *fourcc_text(uint32_t fourcc);

#endif /* _SAMPLES_COMMON_H */
