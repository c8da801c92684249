/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of buffers and pools share. foo() asserts that it worked, try_foo() returns 0
 * or a negative errno.
 */
#ifndef _TESTS_FUSION_BUFFERS_H
#define _TESTS_FUSION_BUFFERS_H

#include "members.h"

uint32_t buffer_new(int fd, uint64_t size);
/* number in the world */
int try_share(int fd, uint32_t handle, uint32_t *id);
uint32_t buffer_share(int fd, uint32_t handle);
int try_open_buffer(int fd, uint32_t id, uint32_t *handle);
uint32_t buffer_open(int fd, uint32_t id);
void handle_close(int fd, uint32_t handle);
/* MAP_FAILED with errno if it does not work */
void *try_map(int fd, uint32_t handle, size_t size, int prot);
void *buffer_map(int fd, uint32_t handle, size_t size);
/* dma-buf of a handle, and the other way round */
int prime_export(int fd, uint32_t handle);
uint32_t prime_import(int fd, int dmabuf);

#endif /* _TESTS_FUSION_BUFFERS_H */
