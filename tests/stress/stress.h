/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the stress programs share, besides ../api/common.h.
 */
#ifndef _TESTS_STRESS_STRESS_H
#define _TESTS_STRESS_STRESS_H

#include <stdint.h>

#include "../api/common.h"

/* A number of the command line; ends the program if it is none. */
unsigned long parse_number(const char *text);

/* Something else each time. */
unsigned long seed_from_clock(void);

/* The next random number, all of its state is *state (splitmix64). */
uint64_t random_next(uint64_t *state);

/*
 * Fault injection into the system calls of this thread. False if the kernel has none.
 */
bool nth_open(void);
/* the n-th allocation or copy from now on fails; 0: none */
void nth_set(unsigned int n);
/* how many are left until then */
unsigned int nth_left(void);
/* ends the injection, tells if there was a fault */
bool nth_end(void);
/* with the stack of each fault in the kernel log */
void nth_traces(bool on);

/*
 * DMA_API_DEBUG takes a buffer that two devices, or two files of one device, have mapped
 * for a defect ("overlapping mappings aren't supported"), which is what dma-buf is for,
 * and warns of contiguous buffers of more than 64 KiB that vkms maps. So a kernel that
 * has it must be booted with dma_debug=off. This fails if it was not.
 */
void expect_no_dma_debug(void);

#endif /* _TESTS_STRESS_STRESS_H */
