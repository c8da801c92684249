// SPDX-License-Identifier: GPL-2.0
/*
 * Broken on purpose: loses memory. kmemleak has to find it.
 */

#include <linux/module.h>
#include <linux/slab.h>

/* More than one: a stale value somewhere may look like a pointer to one of them. */
#define BROKEN_LEAKS	16

static int __init broken_init(void)
{
	unsigned int i;
	u8 *lost;

	for (i = 0; i < BROKEN_LEAKS; i++) {
		lost = kmalloc(128, GFP_KERNEL);
		if (!lost)
			return -ENOMEM;
		memset(lost, i, 128);
	}
	return 0;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("Broken on purpose: loses memory, for tests of the test harness");
MODULE_LICENSE("GPL");
