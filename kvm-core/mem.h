/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mem: a VM's guest-physical memory on Linux.
 *
 * Slots (KVM_SET_USER_MEMORY_REGION) say which host-virtual range backs which
 * guest-physical range; gpm holds what has been mapped so far. Without an
 * assigned card the map fills on demand and follows MMU notifiers. With one
 * (vm_mem_pin) it is populated, pinned and DMA-permitted.
 *
 * Locks: vm->mem.slots_lock (mutex) over slot changes and pinning; vm->mem.srcu
 * around use of slots; vm->mem.mmu_lock (spinlock) around every gpm change.
 * Order: slots_lock, mmap_lock, mmu_lock.
 */
#ifndef BACKPLANE_MEM_H
#define BACKPLANE_MEM_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include "gpm/gpm.h"

struct vm;
struct vcpu;
struct kvm_userspace_memory_region;
struct kvm_dirty_log;
struct kvm_clear_dirty_log;
struct kvm_pre_fault_memory;
struct slot;
struct slots;
struct smmu;

/*
 * Whoever translates through the table besides the vCPUs (an IOMMU domain).
 * flush: forget [start, end) and wait until forgotten. 0, or an errno: the
 * pages stay pinned for ever and the reader's devices are blocked. Called
 * under mmu_lock.
 */
struct gpm_reader {
	struct list_head link;
	int (*flush)(struct gpm_reader *r, gpa_t start, gpa_t end, bool walk);
	/* Does it remember absent entries too, so that a range that becomes
	 * mapped must be flushed as well? NULL: no.
	 */
	bool (*caches_absent)(struct gpm_reader *r);
};

struct vm_mem {
	struct gpm gpm;
	struct mutex slots_lock;
	spinlock_t mmu_lock;
	struct srcu_struct srcu;
	struct slots __rcu *slots;	/* address space 0, the only one */
	unsigned long generation;	/* counts the changes of slots */
	const struct slot *leaving;	/* gone from slots, perhaps mapped; mmu_lock */
	struct mmu_notifier notifier;
	unsigned long invalidate_seq;
	unsigned long invalidate_count;
	hva_t invalidate_start, invalidate_end;
	struct list_head readers;
	struct smmu *smmu;		/* shadow tables, or NULL: smmu_linux.c */
	u32 shadow_cap;			/* of its pages, beside a root for each vCPU */
	unsigned int pin_users;		/* assigned cards */
	bool device_dma;		/* vm_mem_allow_device_dma() */
	bool read_for_ever;		/* a reader did not answer: the table stays */
	u64 pinned_pages;
	u64 lost_pages;			/* pinned for ever: a flush failed */
	struct list_head spare;		/* zeroed table pages, for the next map */
	unsigned int nr_spare;
	struct list_head retired;	/* table pages awaiting a flush */
	u64 dirty_mode;			/* KVM_DIRTY_LOG_*, see manual_protect */
	u64 stat_fault_4k, stat_fault_2m, stat_fault_1g;
};

int vm_mem_init(struct vm *vm);
/*
 * The process's changes of its mappings do not concern the VM any more: nothing
 * is mapped, nobody flushes a vCPU for that. Before the vCPUs go; once or twice.
 */
void vm_mem_stop(struct vm *vm);
void vm_mem_destroy(struct vm *vm);	/* stops it if nobody has */
hpa_t vm_mem_root(struct vm *vm);

/*
 * The ioctls; errors as Documentation/virt/kvm/api.rst states them, and -EIO
 * from a process that is not the VM's. With a card attached, a new slot is
 * pinned at once: -ENOMEM or -EFAULT if that fails, and there is no slot then.
 * A slot that moves is deleted and made anew.
 */
int vm_mem_set_region(struct vm *vm, const struct kvm_userspace_memory_region *r);
int vm_mem_get_dirty_log(struct vm *vm, struct kvm_dirty_log *log);
int vm_mem_clear_dirty_log(struct vm *vm, struct kvm_clear_dirty_log *log);
/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: @flags KVM_DIRTY_LOG_* as enabled. */
int vm_mem_manual_protect(struct vm *vm, u64 flags);

/*
 * KVM_CAP_DIRTY_LOG_RING: each vCPU made from now on has a ring of @bytes.
 * -EINVAL: a bad size, not the first call, a vCPU exists, or a card is
 * attached (it dirties memory unseen); -E2BIG.
 */
int vm_mem_ring_enable(struct vm *vm, u64 bytes);
/* KVM_RESET_DIRTY_RINGS: how many entries were taken back, or -EINVAL. */
int vm_mem_ring_reset(struct vm *vm);
/* A vCPU's ring; 0 or -ENOMEM. Nothing where the VM has no rings. */
int vcpu_ring_init(struct vcpu *v);
void vcpu_ring_destroy(struct vcpu *v);
/* Page @index of what user space maps, or NULL. */
struct page *vcpu_ring_page(struct vcpu *v, unsigned long index);
bool vcpu_ring_full(struct vcpu *v);

enum vm_mem_verdict {
	VM_MEM_MAPPED,		/* run the guest again */
	VM_MEM_MMIO,		/* no RAM there: emulate */
	VM_MEM_READONLY,	/* RAM, but the write must be emulated */
	VM_MEM_BAD_HVA,		/* user mapping missing: exit with -EFAULT */
	VM_MEM_SIGNAL,		/* interrupted (or SIGBUS: the page failed): -EINTR */
	VM_MEM_NOMEM,
};

/* Handle a nested page fault at @gpa. Sleeps; called from the vCPU's thread. */
enum vm_mem_verdict vm_mem_fault(struct vcpu *vcpu, gpa_t gpa, bool write, bool exec);

/*
 * KVM_PRE_FAULT_MEMORY: map what the guest's reads of @range would; @range is left
 * at what is still to do. 0 if that is less than it was. -EINVAL; -ENOENT: no slot
 * is there; -EFAULT: nothing behind it; -EINTR; -ENOMEM; -EOPNOTSUPP: shadow paging.
 */
int vm_mem_prefault(struct vcpu *vcpu, struct kvm_pre_fault_memory *range);

/* Copy to or from guest memory; 0 or -EFAULT. May sleep; any thread whose mm
 * is the VM's. Marks pages dirty. vm_mem_read never sees MMIO.
 */
int vm_mem_read(struct vm *vm, gpa_t gpa, void *data, unsigned long len);
int vm_mem_write(struct vm *vm, gpa_t gpa, const void *data, unsigned long len);
/* Atomic compare-exchange of 1,2,4,8 bytes within one page. 0: swapped,
 * -EAGAIN: differed, *old updated; -EFAULT: no RAM.
 */
int vm_mem_cmpxchg(struct vm *vm, gpa_t gpa, u64 *old, u64 new_value, unsigned int len);
/* Host-virtual address of @gpa or 0; *writable may be NULL. */
hva_t vm_mem_gpa_to_hva(struct vm *vm, gpa_t gpa, bool *writable);
void vm_mem_mark_dirty(struct vm *vm, gfn_t gfn);

/*
 * A card is about to be attached: populate and pin all of guest RAM with DMA
 * permission, and keep new slots so. Counted against RLIMIT_MEMLOCK once per
 * VM however many cards: -ENOMEM with one log line that gives needed, limit
 * and remedy. -EBUSY with a line: the VM has dirty rings. Nested: the last vm_mem_unpin releases. The reader is added
 * to (removed from) the list that every permission shrink must flush.
 */
int vm_mem_pin(struct vm *vm, struct gpm_reader *reader);
void vm_mem_unpin(struct vm *vm, struct gpm_reader *reader);
/*
 * From here on, for the VM's life, what the guest maps of its devices' memory
 * may be reached by its cards' DMA as well (and nothing else: not RAM mapped as
 * a device). For cards that run programs from their own memory. Any context.
 */
void vm_mem_allow_device_dma(struct vm *vm);

#endif
