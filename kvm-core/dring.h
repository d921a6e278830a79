/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dring: a ring of dirty guest pages, shared with user space (KVM_CAP_DIRTY_LOG_RING).
 *
 * Each entry goes round: empty, dirty (published here), to be reset (user space
 * has noted it), empty again (collected here). Pure; one lock of the caller's
 * around push and take. User space may write anything anywhere into the
 * entries at any time: that misleads nobody but itself.
 */
#ifndef BACKPLANE_DRING_H
#define BACKPLANE_DRING_H

#include "addr.h"

struct kvm_dirty_gfn;

#define DRING_MAX_ENTRIES	65536U
/* What one stay outside user space may dirty after the ring was called full. */
#define DRING_RESERVED		64U

struct dring {
	struct kvm_dirty_gfn *entry;
	u32 size;		/* a power of two */
	u32 pushed, taken;	/* counts; taken <= pushed <= taken + size */
};

/* Pages of one aligned group of 64 in one slot: bit n is page first + n. */
struct dring_run {
	u32 slot;		/* address space in the upper half */
	u64 first;		/* page in the slot; a multiple of 64 */
	u64 mask;
	u32 entries;		/* that were taken for it */
};

/*
 * The entries of a ring of @bytes, as user space asks for it. 0 and *entries;
 * -EINVAL: not a power of two, below a page or not above the reserve; -E2BIG.
 */
int dring_entries(u64 bytes, u32 *entries);

/* @entry: @size zeroed entries. */
void dring_init(struct dring *r, struct kvm_dirty_gfn *entry, u32 size);

/* False: every entry is in use, nothing was done. */
bool dring_push(struct dring *r, u32 slot, u64 offset);

/* User space has to collect before more of the guest runs. */
bool dring_full(const struct dring *r);

/*
 * Take the oldest entries that user space has marked, as many as fall into one
 * group of 64 pages, and empty them. False: there is none.
 */
bool dring_take(struct dring *r, struct dring_run *run);

#endif
