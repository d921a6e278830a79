// SPDX-License-Identifier: GPL-2.0
/*
 * dring: the dirty ring of a vCPU, as Documentation/virt/kvm/api.rst 8.29 has
 * user space see it. Pure. mem_ring_linux.c pushes pages and takes them back;
 * what protects a page, and which vCPU's ring it goes to, is not known here.
 */
#include <linux/kvm.h>
#include "kvm-core/dring.h"

int dring_entries(u64 bytes, u32 *entries)
{
	u64 n = bytes / sizeof(struct kvm_dirty_gfn);

	if (!bytes || (bytes & (bytes - 1)))
		return -EINVAL;
	if (bytes < BP_PAGE_SIZE || n <= DRING_RESERVED)
		return -EINVAL;
	if (n > DRING_MAX_ENTRIES)
		return -E2BIG;
	*entries = n;
	return 0;
}

void dring_init(struct dring *r, struct kvm_dirty_gfn *entry, u32 size)
{
	r->entry = entry;
	r->size = size;
	r->pushed = 0;
	r->taken = 0;
}

static struct kvm_dirty_gfn *entry_at(const struct dring *r, u32 count)
{
	return &r->entry[count & (r->size - 1)];
}

static u32 in_use(const struct dring *r)
{
	return READ_ONCE(r->pushed) - READ_ONCE(r->taken);
}

bool dring_full(const struct dring *r)
{
	return in_use(r) >= r->size - DRING_RESERVED;
}

bool dring_push(struct dring *r, u32 slot, u64 offset)
{
	struct kvm_dirty_gfn *e = entry_at(r, r->pushed);

	if (in_use(r) >= r->size)
		return false;
	WRITE_ONCE(e->slot, slot);
	WRITE_ONCE(e->offset, offset);
	/* Whoever sees the flag sees the page. */
	env_store_release(&e->flags, KVM_DIRTY_GFN_F_DIRTY);
	WRITE_ONCE(r->pushed, r->pushed + 1);
	return true;
}

static bool marked(const struct dring *r)
{
	return in_use(r) && (env_load_acquire(&entry_at(r, r->taken)->flags) &
			     KVM_DIRTY_GFN_F_RESET);
}

/* Is the oldest entry of @run's group? Read once: user space may change it. */
static bool joins(const struct dring *r, struct dring_run *run)
{
	const struct kvm_dirty_gfn *e = entry_at(r, r->taken);
	u32 slot = READ_ONCE(e->slot);
	u64 offset = READ_ONCE(e->offset);

	if (!run->entries) {
		run->slot = slot;
		run->first = offset & ~63ULL;
	}
	if (slot != run->slot || (offset & ~63ULL) != run->first)
		return false;
	run->mask |= 1ULL << (offset & 63);
	return true;
}

bool dring_take(struct dring *r, struct dring_run *run)
{
	run->mask = 0;
	run->entries = 0;
	while (marked(r) && joins(r, run)) {
		/* Read before it is empty: then it may be pushed again. */
		env_store_release(&entry_at(r, r->taken)->flags, 0);
		WRITE_ONCE(r->taken, r->taken + 1);
		run->entries++;
	}
	return run->entries;
}
