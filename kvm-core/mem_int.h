/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the five files behind mem.h share: mem_linux.c (life, table memory,
 * slots), mem_fault_linux.c (faults and MMU notifiers), mem_dirty_linux.c (the
 * dirty log), mem_ring_linux.c (dirty rings), mem_pin_linux.c (pinning for
 * assigned cards).
 */
#ifndef BACKPLANE_MEM_INT_H
#define BACKPLANE_MEM_INT_H

#include "kvm-core/slots.h"
#include "kvm-core/vm.h"

struct pin_chunk;

/* What a slot has pinned. Made and freed with the slot; under slots_lock. */
struct slot_pin {
	struct pin_chunk *chunks;
	u64 pages;		/* pinned, as the chunks list them */
	u64 accounted;		/* against RLIMIT_MEMLOCK; 0: nothing of it is pinned */
	bool writable;		/* pinned for writing: a card may write it */
};

/* First guest address that no table of ours can map, or no CPU of this host reach. */
gpa_t mem_gpa_limit(struct vm *vm);

/*
 * Have table pages at hand for a gpm_map or two. Sleeps; no spinlock held. 0 or
 * -ENOMEM.
 */
int mem_refill(struct vm *vm);
/* All is mapped, for long: give the spare pages back. */
void mem_trim(struct vm *vm);

/*
 * After a gpm change with result @bits (negative: it failed half way): make all
 * readers forget [start, end), then free the table pages that fell out. Under
 * mmu_lock. False if a reader did not answer or the change failed: whatever was
 * mapped there must never be reused.
 */
bool mem_flush(struct vm *vm, gpa_t start, gpa_t end, int bits);
/* [start, end) became mapped for DMA: readers that remember absent entries
 * must forget them. mmu_lock held.
 */
void mem_flush_absent(struct vm *vm, gpa_t start, gpa_t end);

/*
 * Widen [*start, *end) to the leaves at its ends, which gpm_reclaim() and
 * gpm_write_protect() change as a whole: what mem_flush() is told. Before them,
 * under mmu_lock.
 */
void mem_whole_leaves(struct vm *vm, gpa_t *start, gpa_t *end);

/* Remove [start, end) and flush; result as mem_flush. Takes mmu_lock. */
bool mem_zap(struct vm *vm, gpa_t start, gpa_t end);

/* [slot_start, slot_end): where a slot is in the guest. */
static inline gpa_t slot_start(const struct slot *s)
{
	return s->base << PAGE_SHIFT;
}

static inline gpa_t slot_end(const struct slot *s)
{
	return (s->base + s->npages) << PAGE_SHIFT;
}

/* The slots, for a holder of slots_lock. */
struct slots *mem_slots_locked(struct vm *vm);

/*
 * How the host maps @hva now: at which level, and to which frame (that of @hva, not
 * the leaf's first). False: nothing there, or not a page.
 */
struct host_leaf {
	u64 pfn;
	unsigned int level;
	bool writable;
	bool young;	/* used since the host last looked */
};

bool mem_host_leaf(struct mm_struct *mm, hva_t hva, struct host_leaf *leaf);

/*
 * Shadow tables (smmu_linux.c), where vm->mem.smmu is not NULL. zap: gpm lost
 * something in [start, end); under mmu_lock, before the flush. wrote: the host
 * wrote this frame by itself; any context. share: user space writes guest tables.
 */
int mem_shadow_init(struct vm *vm);
void mem_shadow_destroy(struct vm *vm);
void mem_shadow_zap(struct vm *vm, gpa_t start, gpa_t end);
void mem_shadow_wrote(struct vm *vm, gfn_t gfn);
void mem_shadow_share(struct vm *vm);

int mem_notifier_register(struct vm *vm);

/* A bitmap for @slot with every bit clear, or every bit set; NULL: no memory. */
unsigned long *mem_dirty_alloc(const struct slot *slot, bool all);
/*
 * @gfn of @s, which is logged, was or is about to be written: into the log, and
 * into a dirty ring where the VM has them. False: all rings are full, it is in
 * neither. Under mmu_lock or not; holds the slots by srcu.
 */
bool mem_note_dirty(struct vm *vm, const struct slot *s, gfn_t gfn);
/* Logging was switched on for @slot, which is published. */
void mem_dirty_start(struct vm *vm, const struct slot *slot);

/*
 * Pin all of @slot and map it for cards. Device memory (VM_IO, VM_PFNMAP) is
 * left to faults: 0. Under slots_lock. On an error the caller zaps the slot and
 * calls mem_pin_release.
 */
int mem_pin_slot(struct vm *vm, const struct slot *slot);
/*
 * Nothing maps the slot's pages any more and, if @flushed, nothing remembers
 * them: unpin. Not @flushed: they stay pinned for ever, counted and logged.
 */
void mem_pin_release(struct vm *vm, struct slot_pin *pin, bool flushed);
/* The last user went without vm_mem_unpin: the VM is being destroyed. */
void mem_pin_destroy(struct vm *vm);

#endif
