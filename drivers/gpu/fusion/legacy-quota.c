// SPDX-License-Identifier: GPL-2.0
/*
 * Quotas of calls: how many calls of one fusionee may wait until the owner of the call has
 * processed them.
 *
 * A quota stays with its call as long as the fusionee is there: a thread of it, which is
 * active, may use what it finds. A message that counts has a reference, so that it can be
 * counted down when the call is gone.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include "legacy.h"

static void quota_free(struct kref *kref)
{
	kfree(container_of(kref, struct fusion_legacy_quota, kref));
}

/* A new quota takes a place; those of fusionees that are gone give theirs back. */
static int make_place(struct fusion_object *call)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(call);
	struct fusion_legacy_quota *quota;
	unsigned long id;

	lockdep_assert_held(&entry->quotas.xa_lock);
	if (entry->nr_quotas < FUSION_MAX_MEMBERS)
		return 0;
	xa_for_each(&entry->quotas, id, quota) {
		if (xa_load(&call->world->members, id))
			continue;
		__xa_erase(&entry->quotas, id);
		kref_put(&quota->kref, quota_free);
		entry->nr_quotas--;
	}
	return entry->nr_quotas < FUSION_MAX_MEMBERS ? 0 : -ENOSPC;
}

/**
 * fusion_legacy_quota_set - set how many calls a fusionee may have on their way
 * @call: call
 * @id: id of the fusionee
 * @limit: how many; zero: any number
 *
 * Context: sleeps.
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int fusion_legacy_quota_set(struct fusion_object *call, u32 id, u32 limit)
{
	struct fusion_legacy_entry *entry = fusion_legacy_entry(call);
	struct fusion_legacy_quota *quota, *new;
	int ret;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	kref_init(&new->kref);
	spin_lock_init(&new->lock);
	INIT_LIST_HEAD(&new->waiters);
	new->limit = limit;
	ret = xa_reserve(&entry->quotas, id, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto free;
	xa_lock(&entry->quotas);
	quota = xa_load(&entry->quotas, id);
	if (!quota)
		ret = make_place(call);
	if (!quota && !ret) {
		ret = xa_err(__xa_store(&entry->quotas, id, new, GFP_ATOMIC));
		if (!ret) {
			entry->nr_quotas++;
			new = NULL;
		}
	}
	if (quota) {
		spin_lock(&quota->lock);
		quota->limit = limit;
		fusion_wake_all(&quota->waiters, 0);
		spin_unlock(&quota->lock);
	}
	xa_unlock(&entry->quotas);
	if (ret)
		xa_release(&entry->quotas, id);
free:
	kfree(new);
	return ret;
}

/* Waits once: 0 when it is time to look again. */
static int sleep(struct fusion_legacy_quota *quota, struct fusion_waiter *waiter)
{
	int ret = fusion_wait(waiter, KTIME_MAX);

	if (!ret)
		return 0;
	spin_lock(&quota->lock);
	if (waiter->done)
		ret = 0;
	else
		list_del_init(&waiter->link);
	spin_unlock(&quota->lock);
	return ret == -EAGAIN ? 0 : ret;
}

/**
 * fusion_legacy_quota_enter - count one more call, when that is allowed
 * @thread: the calling thread
 * @call: call
 *
 * Context: sleeps.
 * Return: the quota with a reference, for fusion_legacy_quota_leave(); NULL if there is
 * none; ERR_PTR(-EIDRM) if the call was destroyed, ERR_PTR(-ERESTARTSYS),
 * ERR_PTR(-ESHUTDOWN).
 */
struct fusion_legacy_quota *fusion_legacy_quota_enter(struct fusion_thread *thread,
						      struct fusion_object *call)
{
	u32 id = thread->member->id;
	struct fusion_legacy_quota *quota = xa_load(&fusion_legacy_entry(call)->quotas, id);
	struct fusion_waiter waiter;
	bool full;
	int ret;

	if (!quota)
		return NULL;
	for (;;) {
		if (READ_ONCE(call->dead))
			return ERR_PTR(-EIDRM);
		fusion_waiter_init(&waiter, thread);
		spin_lock(&quota->lock);
		full = quota->limit && quota->count >= quota->limit;
		if (full) {
			list_add_tail(&waiter.link, &quota->waiters);
		} else {
			quota->count++;
			kref_get(&quota->kref);
		}
		spin_unlock(&quota->lock);
		if (!full)
			return quota;
		WRITE_ONCE(fusion_legacy_of(thread->member)->quota, call->id);
		ret = sleep(quota, &waiter);
		WRITE_ONCE(fusion_legacy_of(thread->member)->quota, 0);
		if (ret)
			return ERR_PTR(ret);
	}
}

/**
 * fusion_legacy_quota_leave - a call was processed, or will never be
 * @quota: what fusion_legacy_quota_enter() gave, or NULL
 *
 * Context: any.
 */
void fusion_legacy_quota_leave(struct fusion_legacy_quota *quota)
{
	if (!quota)
		return;
	spin_lock(&quota->lock);
	quota->count--;
	fusion_wake_all(&quota->waiters, 0);
	spin_unlock(&quota->lock);
	kref_put(&quota->kref, quota_free);
}

/**
 * fusion_legacy_quotas_wake - the call was destroyed: nobody waits for its quotas
 * @call: call that is dead
 *
 * Context: any.
 */
void fusion_legacy_quotas_wake(struct fusion_object *call)
{
	struct fusion_legacy_quota *quota;
	unsigned long id;

	xa_lock(&fusion_legacy_entry(call)->quotas);
	xa_for_each(&fusion_legacy_entry(call)->quotas, id, quota) {
		spin_lock(&quota->lock);
		fusion_wake_all(&quota->waiters, 0);
		spin_unlock(&quota->lock);
	}
	xa_unlock(&fusion_legacy_entry(call)->quotas);
}

/**
 * fusion_legacy_quotas_free - the call is freed
 * @entry: its entry
 *
 * Context: any.
 */
void fusion_legacy_quotas_free(struct fusion_legacy_entry *entry)
{
	struct fusion_legacy_quota *quota;
	unsigned long id;

	xa_for_each(&entry->quotas, id, quota)
		kref_put(&quota->kref, quota_free);
	xa_destroy(&entry->quotas);
}
