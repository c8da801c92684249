/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the library share with each other. Not exported.
 */
#ifndef _SHRBUF_INTERNAL_H
#define _SHRBUF_INTERNAL_H

#include "shrbuf.h"

/* 0 or a negative error number. Restarted if a signal interrupts it. */
int shrbuf_ioctl(int fd, unsigned long request, void *arg);

#endif /* _SHRBUF_INTERNAL_H */
