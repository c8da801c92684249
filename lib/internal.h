/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the library share with each other. Not exported.
 */
#ifndef _SHRBUF_INTERNAL_H
#define _SHRBUF_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "shrbuf.h"

/* 0 or a negative error number. Restarted if a signal interrupts it. */
int shrbuf_ioctl(int fd, unsigned long request, void *arg);

/* false if there is no such plane, too */
bool shrbuf_plane_has_format(int drm_fd, uint32_t plane_id, uint32_t fourcc);

#endif /* _SHRBUF_INTERNAL_H */
