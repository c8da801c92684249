/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests of an open /dev/shrbuf about buffers. Each returns 0 or what it says, or a
 * negative errno. They assert nothing, so that victims can call them too.
 */
#ifndef _TESTS_STRESS_CLIENT_H
#define _TESTS_STRESS_CLIENT_H

#include <stdint.h>

#include <linux/shrbuf.h>

/* Bits for watches: all events of the content. */
#define STATE_EVENTS	(1U << SHRBUF_EVENT_EMPTY | 1U << SHRBUF_EVENT_FILLING | \
			 1U << SHRBUF_EVENT_FILLED | 1U << SHRBUF_EVENT_ERROR)

int try_info(int client, int fd, struct shrbuf_info *info);
int try_set_format(int client, int fd);
int try_set_state(int client, int fd, uint32_t state);
int try_watch(int client, int fd, uint32_t flags, uint64_t cookie, uint32_t events);
int try_unwatch(int client, int fd, uint32_t flags);
/* the frame with this number, zero for any */
int try_hold(int client, int fd, uint64_t seq);
int try_release(int client, int fd);
/* file descriptor of the buffer */
int try_adopt(int client, int fd);
int try_disown(int client, int fd);
/* a buffer of some pages: its file descriptor */
int try_alloc_from(int client, unsigned int pages);
/* number of events that were read */
int try_read_events(int client, struct shrbuf_event *events, unsigned int max);
/*
 * All that a client has to do with buffers, by its fdinfo: the sum of what it watches,
 * holds, fills and has adopted. Only adopted buffers, if @key is "adopted", and so on.
 */
int client_uses(int client, const char *key);

#endif /* _TESTS_STRESS_CLIENT_H */
