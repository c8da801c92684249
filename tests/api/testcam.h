/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test camera, which does what it is told and nothing else: see
 * tests/kernel/shrbuf_testcam.c.
 */
#ifndef _TESTS_API_TESTCAM_H
#define _TESTS_API_TESTCAM_H

#include "common.h"

/* what is written to the parameter "act" */
int try_testcam_act(const char *what);
void testcam_act(const char *what);
/* a device of this kind */
void testcam_new(const char *kind);
/* waits until it is there */
void testcam_open(struct camera *cam);
/* a stock device, open and attached */
void testcam_attached(struct camera *cam);
/* attached, configured, streaming, its first buffer has a frame: the dma-buf of that */
int testcam_with_frame(struct camera *cam, uint32_t flags, uint32_t ms);
/* f(a camera, arg) in three threads, again and again while the device goes and comes */
void testcam_race(void (*f)(struct camera *cam, void *arg), void *arg);
/* teardown of a test: as test_cleanup(), and the test camera is gone */
int testcam_cleanup(void **state);
#define TESTCAM_TEST(f)	cmocka_unit_test_teardown(f, testcam_cleanup)

#endif /* _TESTS_API_TESTCAM_H */
