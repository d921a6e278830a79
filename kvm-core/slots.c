// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of memory slots: is a change allowed, what is it, and which
 * slot holds a frame (KVM API, section on KVM_SET_USER_MEMORY_REGION).
 *
 * Called by mem_linux.c, which owns the arrays and their publication. Knows
 * neither page tables nor the memory behind the addresses.
 */
#include <linux/kvm.h>
#include "kvm-core/slots.h"

#define KNOWN_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

size_t slots_bytes(unsigned int count)
{
	return sizeof(struct slots) + count * sizeof(struct slot);
}

static bool region_valid(const struct kvm_userspace_memory_region *r,
			 gpa_t gpa_limit)
{
	u64 end = r->guest_phys_addr + r->memory_size;

	if (r->slot >= SLOTS_MAX || (r->flags & ~KNOWN_FLAGS))
		return false;
	if ((r->guest_phys_addr | r->memory_size | r->userspace_addr) &
	    ~BP_PAGE_MASK)
		return false;
	if (end < r->guest_phys_addr || end > gpa_limit ||
	    (r->memory_size >> BP_PAGE_SHIFT) > SLOTS_MAX_PAGES)
		return false;
	return r->userspace_addr + r->memory_size >= r->userspace_addr;
}

static bool overlaps_other(const struct slots *s, const struct slot *n)
{
	unsigned int i;

	for (i = 0; s && i < s->count; i++) {
		const struct slot *o = &s->slot[i];

		if (o->id != n->id && o->base < n->base + n->npages &&
		    n->base < o->base + o->npages)
			return true;
	}
	return false;
}

/* What changing @old_slot into @n amounts to, or -EINVAL. */
static int classify_change(const struct slot *old_slot, const struct slot *n)
{
	if (n->npages != old_slot->npages || n->hva != old_slot->hva ||
	    ((n->flags ^ old_slot->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (n->base != old_slot->base)
		return SLOTS_MOVE;
	return n->flags == old_slot->flags ? SLOTS_NOTHING : SLOTS_FLAGS;
}

int slots_check(const struct slots *s,
		const struct kvm_userspace_memory_region *r, gpa_t gpa_limit,
		struct slots_delta *d)
{
	const struct slot *old_slot;
	int change = SLOTS_CREATE;

	if (!region_valid(r, gpa_limit))
		return -EINVAL;
	old_slot = slots_by_id(s, r->slot);
	memset(d, 0, sizeof(*d));
	if (old_slot)
		d->old_slot = *old_slot;
	if (!r->memory_size) {
		d->change = SLOTS_DELETE;
		return old_slot ? 0 : -EINVAL;
	}
	d->new_slot = (struct slot) {
		.base = r->guest_phys_addr >> BP_PAGE_SHIFT,
		.npages = r->memory_size >> BP_PAGE_SHIFT,
		.hva = r->userspace_addr,
		.id = r->slot,
		.flags = r->flags,
		.dirty = d->old_slot.dirty,
		.pin = d->old_slot.pin,
	};
	if (old_slot)
		change = classify_change(old_slot, &d->new_slot);
	if (change < 0)
		return change;
	if (overlaps_other(s, &d->new_slot))
		return -EEXIST;
	d->change = change;
	return 0;
}

unsigned int slots_count_after(const struct slots *s,
			       const struct slots_delta *d)
{
	unsigned int count = s ? s->count : 0;

	if (d->change == SLOTS_CREATE)
		return count + 1;
	return d->change == SLOTS_DELETE ? count - 1 : count;
}

void slots_apply(struct slots *dst, const struct slots *s,
		 const struct slots_delta *d)
{
	bool insert = d->change != SLOTS_DELETE;
	unsigned int i, n = 0;

	for (i = 0; s && i < s->count; i++) {
		const struct slot *o = &s->slot[i];

		if (insert && d->new_slot.base < o->base) {
			dst->slot[n++] = d->new_slot;
			insert = false;
		}
		if (d->change == SLOTS_CREATE || o->id != d->old_slot.id)
			dst->slot[n++] = *o;
	}
	if (insert)
		dst->slot[n++] = d->new_slot;
	dst->count = n;
}

const struct slot *slots_find(const struct slots *s, gfn_t gfn)
{
	unsigned int low = 0, high = s ? s->count : 0;

	/* The last slot whose base is not above gfn. */
	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (s->slot[mid].base <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || gfn - s->slot[low - 1].base >= s->slot[low - 1].npages)
		return NULL;
	return &s->slot[low - 1];
}

const struct slot *slots_by_id(const struct slots *s, u32 id)
{
	unsigned int i;

	for (i = 0; s && i < s->count; i++)
		if (s->slot[i].id == id)
			return &s->slot[i];
	return NULL;
}

bool slot_gfn_range(const struct slot *slot, hva_t hva, hva_t hva_end,
		    gfn_t *first, gfn_t *end)
{
	hva_t slot_end = slot->hva + (slot->npages << BP_PAGE_SHIFT);

	if (hva >= slot_end || hva_end <= slot->hva || hva >= hva_end)
		return false;
	if (hva < slot->hva)
		hva = slot->hva;
	if (hva_end > slot_end)
		hva_end = slot_end;
	*first = slot->base + ((hva - slot->hva) >> BP_PAGE_SHIFT);
	*end = slot->base +
	       ((hva_end - slot->hva + BP_PAGE_SIZE - 1) >> BP_PAGE_SHIFT);
	return true;
}
