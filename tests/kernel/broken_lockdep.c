// SPDX-License-Identifier: GPL-2.0
/*
 * Broken on purpose: takes two locks in both orders. lockdep has to find it, although
 * nobody ever waits.
 */

#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(broken_first);	/* protects nothing */
static DEFINE_MUTEX(broken_second);	/* protects nothing */

static int __init broken_init(void)
{
	mutex_lock(&broken_first);
	mutex_lock(&broken_second);
	mutex_unlock(&broken_second);
	mutex_unlock(&broken_first);

	mutex_lock(&broken_second);
	mutex_lock(&broken_first);
	mutex_unlock(&broken_first);
	mutex_unlock(&broken_second);
	return 0;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("Broken on purpose: inverts a lock order, for tests of the test harness");
MODULE_LICENSE("GPL");
