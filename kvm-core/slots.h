/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slots: which host-virtual range backs which guest-physical range.
 *
 * Pure: an immutable sorted array. A change is checked against the present
 * array (slots_check says what it amounts to), a new array is made from the
 * old one and the change (slots_apply), and the caller publishes it. Errors
 * are those that KVM_SET_USER_MEMORY_REGION documents.
 */
#ifndef BACKPLANE_SLOTS_H
#define BACKPLANE_SLOTS_H

#include "addr.h"

struct kvm_userspace_memory_region;
struct slot_pin;

#define SLOTS_MAX		512	/* slot ids are 0..511 */
#define SLOTS_MAX_PAGES		((1UL << 31) - 1)	/* in one slot */

struct slot {
	gfn_t base;
	u64 npages;
	hva_t hva;		/* of base */
	u32 id;
	u32 flags;		/* KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY */
	/* The caller's, carried along unseen. */
	unsigned long *dirty;
	struct slot_pin *pin;
};

struct slots {
	unsigned int count;
	struct slot slot[];	/* sorted by base; never overlap */
};

enum slots_change {
	SLOTS_NOTHING,		/* it is so already */
	SLOTS_CREATE,
	SLOTS_DELETE,
	SLOTS_MOVE,		/* other guest address, same memory */
	SLOTS_FLAGS,		/* LOG_DIRTY_PAGES switched on or off */
};

struct slots_delta {
	enum slots_change change;
	struct slot old_slot;	/* all but CREATE */
	struct slot new_slot;	/* all but DELETE; dirty and pin as the old's */
};

/*
 * What would @r change? 0 and *d. -EINVAL: id too big, unknown flags, an
 * address or size that is not page aligned, wraps, or ends above @gpa_limit,
 * too many pages, a new size, memory or READONLY for an existing slot, or
 * deletion of one that does not exist. -EEXIST: overlaps another slot.
 * @s may be NULL (no slots).
 */
int slots_check(const struct slots *s,
		const struct kvm_userspace_memory_region *r, gpa_t gpa_limit,
		struct slots_delta *d);

/* Bytes for an array of @count slots. */
size_t slots_bytes(unsigned int count);

/* How many slots there are once @d is applied. */
unsigned int slots_count_after(const struct slots *s,
			       const struct slots_delta *d);

/* @dst (room for slots_count_after) = @s with @d, which slots_check made. */
void slots_apply(struct slots *dst, const struct slots *s,
		 const struct slots_delta *d);

/* The slot that holds @gfn, or NULL. Binary search. */
const struct slot *slots_find(const struct slots *s, gfn_t gfn);
/* The slot with this id, or NULL. */
const struct slot *slots_by_id(const struct slots *s, u32 id);

static inline hva_t slot_hva(const struct slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base) << BP_PAGE_SHIFT);
}

/*
 * The part of @slot backed by [hva, hva_end): false if none, else guest frames
 * [*first, *end).
 */
bool slot_gfn_range(const struct slot *slot, hva_t hva, hva_t hva_end,
		    gfn_t *first, gfn_t *end);

#endif
