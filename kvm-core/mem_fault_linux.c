// SPDX-License-Identifier: GPL-2.0
/*
 * Memory on demand: the nested page fault that maps a page, and the MMU
 * notifier that takes it back when the host wants it (APM2 15.25.6).
 *
 * A fault finds the host's page first and maps it afterwards. In between the
 * host may change its mind, so the fault notes invalidate_seq before, and maps
 * under mmu_lock only if no invalidation of that address is under way or has
 * ended since. Every present leaf thus mirrors the host's own page tables, but
 * those with DMA permission in a slot that is pinned, which are left alone here.
 *
 * Limit: the host's page ageing does not see the guest's accessed bits; a page
 * counts as used when it is mapped.
 */
#include <linux/hugetlb.h>
#include <linux/kvm.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include "compat_linux.h"
#include "kvm-core/mem_int.h"

/* Then the guest may as well run and fault again. */
#define MAX_TRIES	4

struct fault {
	const struct slot *slot;
	gfn_t gfn;
	hva_t hva;
	bool write;
	unsigned long seq;
	/* found: */
	u64 pfn;
	struct page *page;	/* NULL for device memory */
	bool present;		/* the host maps it, in whatever way */
	bool held;		/* there is a reference on page */
	bool writable, uncached;
	struct host_leaf host;	/* without a reference: how the host maps it */
};

/* ---- the host's tables ----------------------------------------------------- */

/* The huge leaves and the small one have the same bits, but for PAT's (APM2 5.4). */
static bool host_entry(pte_t entry, unsigned int level, hva_t hva,
		       struct host_leaf *leaf)
{
	u64 offset = (hva >> PAGE_SHIFT) & ((1ULL << (9 * level)) - 1);

	if (!pte_access_permitted(entry, false) || pte_special(entry) ||
	    pte_devmap(entry))
		return false;
	leaf->level = level;
	leaf->pfn = (pte_pfn(entry) & ~((1ULL << (9 * level)) - 1)) + offset;
	leaf->writable = pte_access_permitted(entry, true);
	leaf->young = pte_young(entry);
	return true;
}

static bool host_walk(pgd_t *top, hva_t hva, struct host_leaf *leaf)
{
	pgd_t pgd = READ_ONCE(*top);
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	if (!pgd_present(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!p4d_present(p4d))
		return false;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!pud_present(pud))
		return false;
	if (pud_leaf(pud))
		return host_entry(__pte(pud_val(pud)), 2, hva, leaf);
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_present(pmd))
		return false;
	if (pmd_leaf(pmd))
		return host_entry(__pte(pmd_val(pmd)), 1, hva, leaf);
	return host_entry(READ_ONCE(*pte_offset_kernel(&pmd, hva)), 0, hva, leaf);
}

/*
 * Interrupts are off, so the tables that are looked at are not freed; under
 * mmu_lock with the sequence checked the answer stays true until a notifier
 * calls.
 */
bool mem_host_leaf(struct mm_struct *mm, hva_t hva, struct host_leaf *leaf)
{
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = host_walk(pgd_offset(mm, hva), hva, leaf);
	local_irq_restore(flags);
	return found;
}

/* ---- the host's page ------------------------------------------------------ */

/* Of the entry at @hva, once it is there (and writable if wanted). */
static int look_at_pte(struct vm_area_struct *vma, struct fault *f)
{
	struct compat_pfn at;
	int err = compat_pfn_look(vma, f->hva, &at);

	if (err)
		return err;
	if (f->write && !at.writable)
		return -EFAULT;
	f->pfn = at.pfn;
	f->writable = at.writable && !(f->slot->flags & KVM_MEM_READONLY);
	f->uncached = at.uncached;
	return 0;
}

/* Device memory that user space mapped, such as an assigned card's BAR. */
static enum vm_mem_verdict find_device_memory(struct vm *vm, struct fault *f)
{
	struct vm_area_struct *vma;
	int err = -EFAULT;

	mmap_read_lock(vm->mm);
	vma = find_vma(vm->mm, f->hva);
	if (vma && vma->vm_start <= f->hva &&
	    (vma->vm_flags & (VM_IO | VM_PFNMAP))) {
		err = look_at_pte(vma, f);
		if (err && !fixup_user_fault(vm->mm, f->hva, f->write ?
					     FAULT_FLAG_WRITE : 0, NULL))
			err = look_at_pte(vma, f);
	}
	mmap_read_unlock(vm->mm);
	return err ? VM_MEM_BAD_HVA : VM_MEM_MAPPED;
}

/* Memory that failed is told to the VMM as to any process that touches it. */
static enum vm_mem_verdict page_missing(struct vm *vm, struct fault *f, long err)
{
	switch (err) {
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT,
				current);
		return VM_MEM_SIGNAL;
	case -EINTR:
	case -ERESTARTSYS:
	case -EAGAIN:
		return VM_MEM_SIGNAL;
	case -ENOMEM:
		return VM_MEM_NOMEM;
	default:
		return find_device_memory(vm, f);
	}
}

/*
 * Memory of the process's own that is mapped and in use needs no reference: what
 * the host's tables say holds until a notifier calls, and map_locked() sees to
 * that. Other pages have owners who ask more (files, secrets, devices).
 */
static bool find_mapped(struct vm *vm, struct fault *f)
{
	f->held = false;
	f->present = mem_host_leaf(vm->mm, f->hva, &f->host);
	if (!f->present || !f->host.young ||
	    (f->write && !f->host.writable) || !pfn_valid(f->host.pfn))
		return false;
	f->page = pfn_to_page(f->host.pfn);
	f->pfn = f->host.pfn;
	f->writable = f->host.writable && !(f->slot->flags & KVM_MEM_READONLY);
	return PageAnon(f->page);
}

/*
 * A page that is writable already is mapped so even for a read, to spare a
 * second fault; one that is not is only made writable for a write.
 */
static enum vm_mem_verdict find_page(struct vm *vm, struct fault *f)
{
	bool rw = !(f->slot->flags & KVM_MEM_READONLY);
	long n = 0;

	f->uncached = false;
	if (likely(find_mapped(vm, f)))
		return VM_MEM_MAPPED;
	f->page = NULL;
	f->writable = rw;
	if (f->present)
		n = get_user_pages_fast_only(f->hva, 1, rw ? FOLL_WRITE : 0,
					     &f->page);
	if (n != 1) {
		f->writable = f->write;
		n = get_user_pages_unlocked(f->hva, 1, &f->page, FOLL_HWPOISON |
					    (f->write ? FOLL_WRITE : 0));
	}
	if (n != 1) {
		f->page = NULL;
		return page_missing(vm, f, n);
	}
	f->held = true;
	f->pfn = page_to_pfn(f->page);
	return VM_MEM_MAPPED;
}

/* ---- how big ----------------------------------------------------------------- */

static u64 leaf_pages(unsigned int level)
{
	return 1ULL << (9 * level);
}

/* Does the leaf of @level around @f lie in its slot, congruent with the host? */
static bool level_fits(const struct fault *f, unsigned int level)
{
	u64 pages = leaf_pages(level);
	gfn_t first = f->gfn & ~(pages - 1);
	const struct slot *s = f->slot;

	return !((f->gfn ^ (f->hva >> PAGE_SHIFT)) & (pages - 1)) &&
	       !((f->gfn ^ f->pfn) & (pages - 1)) &&
	       first >= s->base && first + pages <= s->base + s->npages;
}

/* While cards are there a leaf takes the place of no table: it may hold what is pinned. */
static unsigned int highest_level(struct vm_mem *m, gfn_t gfn)
{
	return m->pin_users ? gpm_lookup(&m->gpm, gfn << PAGE_SHIFT).level : GPM_MAX_LEVEL;
}

/* Logged slots are mapped page by page, and so is what is being invalidated. */
static unsigned int choose_level(struct vm *vm, const struct fault *f)
{
	struct host_leaf host = f->host;

	if (!f->page || f->slot->dirty || vm->mem.invalidate_count)
		return 0;
	if (f->held && (!PageCompound(f->page) ||
			!mem_host_leaf(vm->mm, f->hva, &host)))
		return 0;
	host.level = min(host.level, highest_level(&vm->mem, f->gfn));
	while (host.level && !level_fits(f, host.level))
		host.level--;
	return host.level;
}

/* ---- map ---------------------------------------------------------------------- */

static bool was_invalidated(const struct vm_mem *m, const struct fault *f)
{
	if (m->invalidate_count && f->hva >= m->invalidate_start &&
	    f->hva < m->invalidate_end)
		return true;
	return m->invalidate_seq != f->seq;
}

/* Then the host takes back only what no card reaches. */
static bool slot_is_pinned(const struct fault *f)
{
	return READ_ONCE(f->slot->pin->accounted);
}

/*
 * A pinned page is mapped with all it may have already: -EEXIST, or -EFAULT if that
 * is too little, for the process may write it only since it was pinned. 0: not pinned.
 * Cards keep it whatever the process has there by now, a device's page too: so does
 * the guest.
 */
static int pinned(struct vm_mem *m, const struct fault *f)
{
	u32 perm;

	if (!m->pin_users || !slot_is_pinned(f))
		return 0;
	perm = gpm_lookup(&m->gpm, f->gfn << PAGE_SHIFT).perm;
	if (!(perm & GPM_DMA_RW))
		return 0;
	return f->write && !(perm & GPM_CPU_W) ? -EFAULT : -EEXIST;
}

static void count_leaf(struct vm_mem *m, unsigned int level)
{
	switch (level) {
	case 0:
		m->stat_fault_4k++;
		break;
	case 1:
		m->stat_fault_2m++;
		break;
	default:
		m->stat_fault_1g++;
	}
}

static u32 fault_perm(const struct vm_mem *m, const struct fault *f)
{
	u32 perm = GPM_CPU_R | GPM_CPU_X;

	/* A logged page becomes dirty when it becomes writable, be it for a read. */
	if (f->writable)
		perm |= GPM_CPU_W;
	if (f->uncached)
		perm |= GPM_UNCACHED;
	/* A register page, never one of RAM that somebody mapped as a device. */
	if (READ_ONCE(m->device_dma) && !f->page && !pfn_valid(f->pfn) &&
	    !slot_is_pinned(f))
		perm |= GPM_DMA_R | (perm & GPM_CPU_W ? GPM_DMA_W : 0);
	return perm;
}

void vm_mem_allow_device_dma(struct vm *vm)
{
	WRITE_ONCE(vm->mem.device_dma, true);
}
EXPORT_SYMBOL_GPL(vm_mem_allow_device_dma);

/*
 * The guest may write it from now on. A file's page was told by its fault. One that
 * the process has lazily freed (MADV_FREE) is dropped unless it is dirty.
 */
static void note_writable(const struct fault *f)
{
	if (f->page && (PageAnon(f->page) || folio_test_swapbacked(page_folio(f->page))))
		SetPageDirty(f->page);
}

/*
 * 0, -EAGAIN (the host changed its mind), -ENOMEM (no table pages at hand), -EFAULT (a
 * pinned page that the guest may not write).
 */
static int map_locked(struct vm *vm, struct fault *f)
{
	struct vm_mem *m = &vm->mem;
	u32 perm = fault_perm(m, f);
	unsigned int level;
	gpa_t gpa = f->gfn << PAGE_SHIFT;
	u64 size;
	hpa_t hpa;
	int bits;

	if (was_invalidated(m, f))
		return -EAGAIN;
	bits = pinned(m, f);
	if (unlikely(bits))
		return bits == -EEXIST ? 0 : bits;
	level = choose_level(vm, f);
	size = leaf_pages(level) << PAGE_SHIFT;
	gpa &= ~(size - 1);
	/* With its ring full the vCPU leaves before it faults again. */
	if ((perm & GPM_CPU_W) && f->slot->dirty &&
	    !mem_note_dirty(vm, f->slot, f->gfn))
		return -EAGAIN;
	hpa = (f->pfn << PAGE_SHIFT) & ~(size - 1);
	bits = gpm_map(&m->gpm, gpa, f->page ? __sme_set(hpa) : hpa, level, perm);
	if (bits < 0)
		return bits;
	if (perm & GPM_CPU_W)
		note_writable(f);
	count_leaf(m, level);
	if (bits)
		mem_flush(vm, gpa, gpa + size, bits);
	else if (perm & GPM_DMA_RW)
		mem_flush_absent(vm, gpa, gpa + size);
	return 0;
}

static enum vm_mem_verdict map_page(struct vm *vm, struct fault *f, bool *again)
{
	struct vm_mem *m = &vm->mem;
	int err;

	spin_lock(&m->mmu_lock);
	err = map_locked(vm, f);
	spin_unlock(&m->mmu_lock);
	if (f->held) {
		if (!err)
			mark_page_accessed(f->page);
		put_page(f->page);
	}
	*again = err == -EAGAIN || err == -ENOMEM;
	return err && !*again ? VM_MEM_BAD_HVA : VM_MEM_MAPPED;
}

static enum vm_mem_verdict fault_in_slot(struct vm *vm, struct fault *f)
{
	enum vm_mem_verdict verdict;
	bool again = false;
	int tries;

	f->hva = slot_hva(f->slot, f->gfn);
	for (tries = 0; tries < MAX_TRIES; tries++) {
		if (mem_refill(vm))
			return VM_MEM_NOMEM;
		f->seq = READ_ONCE(vm->mem.invalidate_seq);
		smp_rmb();	/* the host's tables are read after the count */
		verdict = find_page(vm, f);
		if (verdict != VM_MEM_MAPPED)
			return verdict;
		verdict = map_page(vm, f, &again);
		if (!again || signal_pending(current))
			return verdict;
		cond_resched();
	}
	return VM_MEM_MAPPED;
}

enum vm_mem_verdict vm_mem_fault(struct vcpu *vcpu, gpa_t gpa, bool write,
				 bool exec)
{
	struct vm *vm = vcpu_space(vcpu);
	struct vm_mem *m = &vm->mem;
	struct fault f = { .gfn = gpa >> PAGE_SHIFT, .write = write };
	unsigned long generation = READ_ONCE(m->generation);
	enum vm_mem_verdict verdict;
	int idx;

	/* A device's page is touched again and again (SMM's space is another). */
	if (f.gfn == vcpu->device_gfn && generation == vcpu->device_slots &&
	    likely(vm == vcpu->vm))
		return VM_MEM_MMIO;
	smp_rmb();	/* pairs with slots_publish */
	idx = srcu_read_lock(&m->srcu);
	f.slot = slots_find(srcu_dereference(m->slots, &m->srcu), f.gfn);
	if (!f.slot) {
		if (likely(vm == vcpu->vm)) {
			vcpu->device_gfn = f.gfn;
			vcpu->device_slots = generation;
		}
		verdict = VM_MEM_MMIO;
	} else if (write && (f.slot->flags & KVM_MEM_READONLY)) {
		verdict = VM_MEM_READONLY;
	} else {
		verdict = fault_in_slot(vm, &f);
	}
	srcu_read_unlock(&m->srcu, idx);
	return verdict;
}
EXPORT_SYMBOL_GPL(vm_mem_fault);

/* ---- before the guest asks --------------------------------------------------- */

/* From @gpa to the end of the leaf that has it; 0: the host has taken it back. */
static u64 mapped_from(struct vm_mem *m, gpa_t gpa)
{
	struct gpm_leaf leaf;
	u64 size;

	spin_lock(&m->mmu_lock);
	leaf = gpm_lookup(&m->gpm, gpa);
	spin_unlock(&m->mmu_lock);
	if (!leaf.present)
		return 0;
	size = leaf_pages(leaf.level) << PAGE_SHIFT;
	return size - (gpa & (size - 1));
}

static int prefault_error(enum vm_mem_verdict verdict)
{
	switch (verdict) {
	case VM_MEM_MAPPED:
		return 0;
	case VM_MEM_SIGNAL:
		return -EINTR;
	case VM_MEM_BAD_HVA:
		return -EFAULT;
	case VM_MEM_NOMEM:
		return -ENOMEM;
	default:
		return -ENOENT;
	}
}

/*
 * What becomes writable in a logged slot takes a place in a ring, which only user
 * space empties: the guest's own writes must find some left.
 */
static int prefault_one(struct vcpu *vcpu, gpa_t gpa)
{
	if (signal_pending(current))
		return -EINTR;
	if (vcpu_ring_full(vcpu))
		return -EAGAIN;
	return prefault_error(vm_mem_fault(vcpu, gpa, false, false));
}

int vm_mem_prefault(struct vcpu *vcpu, struct kvm_pre_fault_memory *range)
{
	u64 wanted = range->size, done;
	int err = 0;

	if (vcpu->vm->mem.smmu)
		return -EOPNOTSUPP;
	if (range->flags || !PAGE_ALIGNED(range->gpa | range->size) ||
	    range->gpa + range->size <= range->gpa)
		return -EINVAL;
	WRITE_ONCE(vcpu->task, current);	/* what becomes dirty goes into this ring */
	while (range->size) {
		err = prefault_one(vcpu, range->gpa);
		if (err)
			break;
		done = min(mapped_from(&vcpu_space(vcpu)->mem, range->gpa), range->size);
		range->gpa += done;
		range->size -= done;
		cond_resched();
	}
	WRITE_ONCE(vcpu->task, NULL);
	return range->size < wanted ? 0 : err;
}

/* ---- the host takes back ----------------------------------------------------- */

struct taken {
	gpa_t low, high;
	int bits;		/* of gpm */
};

static void reclaim_slot(struct vm *vm, const struct slot *s, hva_t start, hva_t end,
			 struct taken *t)
{
	gfn_t first, last;
	gpa_t from, to;

	if (!slot_gfn_range(s, start, end, &first, &last))
		return;
	from = first << PAGE_SHIFT;
	to = last << PAGE_SHIFT;
	mem_whole_leaves(vm, &from, &to);
	/* What cards reach of devices' memory is not pinned: it goes as well. */
	t->bits |= READ_ONCE(s->pin->accounted) ? gpm_reclaim(&vm->mem.gpm, from, to) :
						  gpm_reclaim_all(&vm->mem.gpm, from, to);
	t->low = min(t->low, from);
	t->high = max(t->high, to);
}

/* All that [start, end) of the process backs and no card may reach. */
static void reclaim(struct vm *vm, hva_t start, hva_t end)
{
	const struct slots *slots = srcu_dereference(vm->mem.slots, &vm->mem.srcu);
	struct taken t = { .low = ~0ULL };
	unsigned int i;

	for (i = 0; slots && i < slots->count; i++)
		reclaim_slot(vm, &slots->slot[i], start, end, &t);
	if (unlikely(vm->mem.leaving))
		reclaim_slot(vm, vm->mem.leaving, start, end, &t);
	mem_flush(vm, t.low, t.high, t.bits);
}

static void invalidate_begin(struct vm_mem *m, hva_t start, hva_t end)
{
	if (m->invalidate_count++) {
		m->invalidate_start = min(m->invalidate_start, start);
		m->invalidate_end = max(m->invalidate_end, end);
		return;
	}
	m->invalidate_start = start;
	m->invalidate_end = end;
}

static int notifier_start(struct mmu_notifier *n,
			  const struct mmu_notifier_range *range)
{
	struct vm *vm = container_of(n, struct vm, mem.notifier);
	struct vm_mem *m = &vm->mem;
	int idx = srcu_read_lock(&m->srcu);

	spin_lock(&m->mmu_lock);
	invalidate_begin(m, range->start, range->end);
	reclaim(vm, range->start, range->end);
	spin_unlock(&m->mmu_lock);
	srcu_read_unlock(&m->srcu, idx);
	return 0;
}

static void notifier_end(struct mmu_notifier *n,
			 const struct mmu_notifier_range *range)
{
	struct vm_mem *m = container_of(n, struct vm_mem, notifier);

	spin_lock(&m->mmu_lock);
	m->invalidate_seq++;
	smp_wmb();	/* pairs with the smp_rmb in fault_in_slot */
	m->invalidate_count--;
	spin_unlock(&m->mmu_lock);
}

/* The process is going: no notifier will call for its pages any more. */
static void notifier_release(struct mmu_notifier *n, struct mm_struct *mm)
{
	struct vm *vm = container_of(n, struct vm, mem.notifier);
	struct vm_mem *m = &vm->mem;
	int idx = srcu_read_lock(&m->srcu);

	spin_lock(&m->mmu_lock);
	invalidate_begin(m, 0, ~0UL);	/* for good: nothing is mapped again */
	reclaim(vm, 0, ~0UL);
	spin_unlock(&m->mmu_lock);
	srcu_read_unlock(&m->srcu, idx);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = notifier_start,
	.invalidate_range_end = notifier_end,
	.release = notifier_release,
};

int mem_notifier_register(struct vm *vm)
{
	vm->mem.notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->mem.notifier, vm->mm);
}

void vm_mem_stop(struct vm *vm)
{
	if (!vm->mem.notifier.ops)
		return;
	mmu_notifier_unregister(&vm->mem.notifier, vm->mm);
	vm->mem.notifier.ops = NULL;
}
