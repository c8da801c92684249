// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the kernel and user space both write: small slots in pages.
 *
 * The pages are never moved or freed before the owner of the state is, so a pointer
 * into a slot is good for as long as the owner. User space maps pages one by one as
 * it touches them; a page that it has mapped outlives the owner.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include "fusion.h"

/**
 * fusion_state_init - prepare a state without pages
 * @state: state
 * @slot_size: bytes of a slot, a power of two, at most a page
 * @nr_slots: how many there may be
 */
void fusion_state_init(struct fusion_state *state, u32 slot_size, u32 nr_slots)
{
	ida_init(&state->slots);
	xa_init(&state->pages);
	mutex_init(&state->lock);
	state->slot_size = slot_size;
	state->nr_slots = nr_slots;
}

/**
 * fusion_state_fini - free the pages
 * @state: state that nobody uses any more
 */
void fusion_state_fini(struct fusion_state *state)
{
	struct page *page;
	unsigned long index;

	xa_for_each(&state->pages, index, page)
		put_page(page);
	xa_destroy(&state->pages);
	ida_destroy(&state->slots);
	mutex_destroy(&state->lock);
}

static struct page *state_grow(struct fusion_state *state, unsigned long index)
{
	struct page *page;
	int ret;

	mutex_lock(&state->lock);
	page = xa_load(&state->pages, index);
	if (page)
		goto unlock;
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page) {
		page = ERR_PTR(-ENOMEM);
		goto unlock;
	}
	ret = xa_insert(&state->pages, index, page, GFP_KERNEL_ACCOUNT);
	if (ret) {
		put_page(page);
		page = ERR_PTR(ret);
	}
unlock:
	mutex_unlock(&state->lock);
	return page;
}

/**
 * fusion_state_alloc - take a slot
 * @state: state
 * @slot: its number
 *
 * Context: sleeps.
 * Return: the slot, all zero, or ERR_PTR(-ENOSPC), ERR_PTR(-ENOMEM).
 */
void *fusion_state_alloc(struct fusion_state *state, u32 *slot)
{
	u32 per_page = PAGE_SIZE / state->slot_size;
	struct page *page;
	void *memory;
	int id;

	id = ida_alloc_max(&state->slots, state->nr_slots - 1, GFP_KERNEL_ACCOUNT);
	if (id < 0)
		return ERR_PTR(id);
	page = state_grow(state, id / per_page);
	if (IS_ERR(page)) {
		ida_free(&state->slots, id);
		return page;
	}
	*slot = id;
	memory = page_address(page) + (id % per_page) * state->slot_size;
	memset(memory, 0, state->slot_size);
	return memory;
}

/**
 * fusion_state_free - give a slot back
 * @state: state
 * @slot: its number
 */
void fusion_state_free(struct fusion_state *state, u32 slot)
{
	ida_free(&state->slots, slot);
}

/**
 * fusion_state_page - the page that user space wants to map
 * @state: state
 * @index: number of the page
 *
 * Return: the page with a reference, or NULL if it has no slot that was ever used.
 */
struct page *fusion_state_page(struct fusion_state *state, unsigned long index)
{
	struct page *page;

	/* Pages stay until the owner goes, and the caller holds the owner. */
	page = xa_load(&state->pages, index);
	if (page)
		get_page(page);
	return page;
}
