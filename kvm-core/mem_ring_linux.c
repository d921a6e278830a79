// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty rings (KVM_CAP_DIRTY_LOG_RING): each vCPU's thread puts the pages that
 * it makes dirty into a ring that user space has mapped, and leaves the guest
 * when the ring is full (KVM_EXIT_DIRTY_RING_FULL).
 *
 * The slots keep their bitmaps: a set bit means that the page is in a ring and
 * may be writable, so that a page is put there once. KVM_RESET_DIRTY_RINGS
 * clears the bits of what user space has noted and takes write permission; what
 * was written until then is in memory before the ioctl returns. Called by the
 * fault path under mmu_lock and by whoever writes guest memory for the guest.
 *
 * A card writes without faulting, so a VM has cards or rings, never both.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "kvm-core/mem_int.h"

static struct vm *whole_vm(struct vm *space)
{
	return space->outer ?: space;
}

static unsigned int space_id(const struct vm *space)
{
	return space->outer ? 1 : 0;
}

/* ---- filling ------------------------------------------------------------------ */

static bool push(struct vcpu *v, u32 slot, u64 offset)
{
	bool pushed, full;

	spin_lock(&v->ring_lock);
	pushed = dring_push(&v->ring, slot, offset);
	full = dring_full(&v->ring);
	spin_unlock(&v->ring_lock);
	if (full)
		vcpu_request(v, VCPU_REQ_RING_FULL);
	return pushed;
}

/* The ring of the vCPU that this thread runs, or else any that has room. */
static bool push_somewhere(struct vm *vm, u32 slot, u64 offset)
{
	struct vcpu *v;
	int i;

	vm_for_each_vcpu(i, v, vm)
		if (v->task == current && push(v, slot, offset))
			return true;
	vm_for_each_vcpu(i, v, vm)
		if (push(v, slot, offset))
			return true;
	return false;
}

bool mem_note_dirty(struct vm *space, const struct slot *s, gfn_t gfn)
{
	struct vm *vm = whole_vm(space);
	u64 offset = gfn - s->base;

	if (test_and_set_bit(offset, s->dirty) || !vm->ring_entries)
		return true;
	if (push_somewhere(vm, space_id(space) << 16 | s->id, offset))
		return true;
	clear_bit(offset, s->dirty);
	return false;
}

bool vcpu_ring_full(struct vcpu *v)
{
	return v->ring.size && dring_full(&v->ring);
}

/* ---- emptying ------------------------------------------------------------------- */

/* The bits of a group that lie in the slot. */
static u64 group_mask(const struct slot *s, u64 first)
{
	u64 left;

	if (first >= s->npages)
		return 0;
	left = s->npages - first;
	return left >= 64 ? ~0ULL : BIT_ULL(left) - 1;
}

/* User space named the pages: none of it need be true. Result as gpm's. */
static int protect(struct vm *space, const struct slots *slots,
		   const struct dring_run *run)
{
	const struct slot *s = slots ? slots_by_id(slots, run->slot & 0xffff) : NULL;
	gpa_t start, end;
	u64 mask;
	int bits;

	mask = s && s->dirty ? run->mask & group_mask(s, run->first) : 0;
	if (!mask)
		return 0;
	start = (s->base + run->first) << PAGE_SHIFT;
	spin_lock(&space->mem.mmu_lock);
	env_atomic_and(&s->dirty[run->first / BITS_PER_LONG], ~mask);
	/* Those between lose it too: their bits stay, one more fault each. */
	end = start + (__fls(mask) + 1) * PAGE_SIZE;
	start += __ffs64(mask) * PAGE_SIZE;
	mem_whole_leaves(space, &start, &end);
	bits = gpm_write_protect(&space->mem.gpm, start, end);
	mem_flush(space, start, end, bits);
	spin_unlock(&space->mem.mmu_lock);
	return bits;
}

static bool take(struct vcpu *v, struct dring_run *run)
{
	bool taken;

	spin_lock(&v->ring_lock);
	taken = dring_take(&v->ring, run);
	spin_unlock(&v->ring_lock);
	return taken;
}

static void reset_run(struct vm *vm, const struct dring_run *run)
{
	struct vm *space = run->slot >> 16 ? vm->smm_space : vm;
	int idx;

	if (!space)
		return;
	idx = srcu_read_lock(&space->mem.srcu);
	protect(space, srcu_dereference(space->mem.slots, &space->mem.srcu), run);
	srcu_read_unlock(&space->mem.srcu, idx);
}

/* At most one ring's worth each: user space may mark for ever. */
static u32 reset_ring(struct vm *vm, struct vcpu *v)
{
	struct dring_run run;
	u32 n = 0;

	while (n < v->ring.size && take(v, &run)) {
		reset_run(vm, &run);
		n += run.entries;
		cond_resched();
	}
	return n;
}

int vm_mem_ring_reset(struct vm *vm)
{
	struct vcpu *v;
	int i, n = 0;

	if (!vm->ring_entries)
		return -EINVAL;
	mutex_lock(&vm->lock);
	vm_for_each_vcpu(i, v, vm)
		n += reset_ring(vm, v);
	mutex_unlock(&vm->lock);
	return n;
}

/* ---- life ------------------------------------------------------------------------ */

int vm_mem_ring_enable(struct vm *vm, u64 bytes)
{
	u32 entries;
	int err = dring_entries(bytes, &entries);

	if (err)
		return err;
	mutex_lock(&vm->lock);
	mutex_lock(&vm->mem.slots_lock);
	if (vm->ring_entries || atomic_read(&vm->nr_vcpus) || vm->mem.pin_users)
		err = -EINVAL;
	else
		vm->ring_entries = entries;
	mutex_unlock(&vm->mem.slots_lock);
	mutex_unlock(&vm->lock);
	return err;
}

int vcpu_ring_init(struct vcpu *v)
{
	u32 n = v->vm->ring_entries;
	void *entry;

	spin_lock_init(&v->ring_lock);
	if (!n)
		return 0;
	entry = __vmalloc(n * sizeof(struct kvm_dirty_gfn),
			  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!entry)
		return -ENOMEM;
	dring_init(&v->ring, entry, n);
	return 0;
}

void vcpu_ring_destroy(struct vcpu *v)
{
	vfree(v->ring.entry);
}

struct page *vcpu_ring_page(struct vcpu *v, unsigned long index)
{
	if (index >= v->ring.size * sizeof(struct kvm_dirty_gfn) >> PAGE_SHIFT)
		return NULL;
	return vmalloc_to_page((void *)v->ring.entry + index * PAGE_SIZE);
}
