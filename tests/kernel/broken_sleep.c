// SPDX-License-Identifier: GPL-2.0
/*
 * Broken on purpose: sleeps with a spinlock held. DEBUG_ATOMIC_SLEEP has to find it.
 */

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(broken_spinlock);	/* protects nothing */
static DEFINE_MUTEX(broken_mutex);		/* protects nothing */

static int __init broken_init(void)
{
	spin_lock(&broken_spinlock);
	/* Free, so it does not really sleep: a stock kernel would notice nothing. */
	mutex_lock(&broken_mutex);
	mutex_unlock(&broken_mutex);
	spin_unlock(&broken_spinlock);
	return 0;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_DESCRIPTION("Broken on purpose: sleeps in atomic context, for tests of the test harness");
MODULE_LICENSE("GPL");
