// SPDX-License-Identifier: GPL-2.0
/*
 * Broken on purpose: reads memory that it has freed. KASAN has to find it.
 */

#include <linux/module.h>
#include <linux/slab.h>

static int __init broken_init(void)
{
	u8 *p = kzalloc(128, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	/* The compiler must not know that this is the same pointer. */
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	pr_info("the freed byte is %u\n", READ_ONCE(p[8]));
	return 0;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("Broken on purpose: uses freed memory, for tests of the test harness");
MODULE_LICENSE("GPL");
