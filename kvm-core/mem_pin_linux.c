// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning: all of a VM's memory, held in place and mapped for DMA, while a card
 * is assigned to it. A card cannot take a page fault, so what it may reach must
 * be there before and stay there (DESIGN rule 5).
 *
 * Pages are pinned slot by slot and remembered as runs of frames. A huge page
 * that the host maps as a whole takes one pin: a pin holds all of it, and what
 * a fork or a COW break asks about is kept once for such a mapping. They are
 * unpinned only after every reader has confirmed that it forgot them (rule 4);
 * if one did not, they stay pinned for ever. Called by mem_linux.c for new and
 * dying slots, and by whoever assigns a card, through mem.h.
 */
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/kvm.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "kvm-core/mem_int.h"

#define BATCH		512U	/* pages: what one 2 MiB leaf covers */
#define MAX_TURNS	64	/* of a batch that runs out of table pages */

struct pin_run {
	unsigned long pfn;
	u32 n, step;		/* frames; one pin in @step of them */
};

#define RUNS_PER_CHUNK	((PAGE_SIZE - 2 * sizeof(long)) / sizeof(struct pin_run))

struct pin_chunk {
	struct pin_chunk *next;
	unsigned long n;
	struct pin_run run[RUNS_PER_CHUNK];
};

static_assert(sizeof(struct pin_chunk) <= PAGE_SIZE);

/* ---- the record ------------------------------------------------------------ */

/* @step frames from @pfn on, with one pin. */
static int remember_page(struct slot_pin *pin, unsigned long pfn, u32 step)
{
	struct pin_chunk *c = pin->chunks;
	struct pin_run *last = c && c->n ? &c->run[c->n - 1] : NULL;

	if (last && last->pfn + last->n == pfn && last->step == step &&
	    last->n <= U32_MAX - step) {
		last->n += step;
		goto out;
	}
	if (!c || c->n == RUNS_PER_CHUNK) {
		c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
		if (!c)
			return -ENOMEM;
		c->next = pin->chunks;
		pin->chunks = c;
	}
	c->run[c->n++] = (struct pin_run) { pfn, step, step };
out:
	pin->pages += step;
	return 0;
}

static int remember_batch(struct vm *vm, struct slot_pin *pin,
			  struct page **pages, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!remember_page(pin, page_to_pfn(pages[i]), 1))
			continue;
		unpin_user_pages(pages + i, n - i);
		vm->mem.pinned_pages += i;
		return -ENOMEM;
	}
	vm->mem.pinned_pages += n;
	return 0;
}

static void unpin_chunk(const struct pin_chunk *c, bool written)
{
	unsigned long i, at;

	for (i = 0; i < c->n; i++) {
		const struct pin_run *r = &c->run[i];

		if (r->step == 1)
			unpin_user_page_range_dirty_lock(pfn_to_page(r->pfn),
							 r->n, written);
		for (at = 0; r->step > 1 && at < r->n; at += r->step)
			unpin_user_page_range_dirty_lock(pfn_to_page(r->pfn + at),
							 1, written);
		cond_resched();
	}
}

void mem_pin_release(struct vm *vm, struct slot_pin *pin, bool flushed)
{
	struct vm_mem *m = &vm->mem;
	struct pin_chunk *c;

	while ((c = pin->chunks)) {
		pin->chunks = c->next;
		if (flushed)
			unpin_chunk(c, pin->writable);
		kfree(c);
	}
	m->pinned_pages -= pin->pages;
	if (flushed) {
		account_locked_vm(vm->mm, pin->accounted, false);
	} else if (pin->pages) {
		m->lost_pages += pin->pages;
		pr_err("kvm-core: VM %u: %llu pages stay pinned until reboot: a card's translations of them could not be flushed\n",
		       vm->id, pin->pages);
	}
	*pin = (struct slot_pin) { };
}

/* ---- accounting ------------------------------------------------------------- */

enum pin_kind { PIN_NONE, PIN_READ, PIN_WRITE };

/*
 * How the process maps it, judged by the slot's first byte; RAM that goes on as
 * something else fails to be pinned. What the process may write is pinned for
 * writing even if the slot is read-only, so that a page that it shares or has
 * not touched yet is replaced by its own now and not under the card later.
 */
static enum pin_kind slot_kind(struct vm *vm, const struct slot *s)
{
	enum pin_kind kind = PIN_READ;
	struct vm_area_struct *vma;

	mmap_read_lock(vm->mm);
	vma = find_vma(vm->mm, s->hva);
	if (vma && vma->vm_start <= s->hva) {
		if (vma->vm_flags & (VM_IO | VM_PFNMAP))
			kind = PIN_NONE;
		else if (vma->vm_flags & VM_WRITE)
			kind = PIN_WRITE;
	}
	mmap_read_unlock(vm->mm);
	return kind;
}

static int account_slot(struct vm *vm, const struct slot *s)
{
	int err = account_locked_vm(vm->mm, s->npages, true);

	if (!err)
		s->pin->accounted = s->npages;
	return err;
}

/*
 * Registers that were mapped for cards (peer_dma) before their slot counted as pinned: from
 * now on the host would not take them back. Nothing else is pinned there yet.
 */
static int drop_registers(struct vm *vm, gpa_t start, gpa_t end)
{
	return !READ_ONCE(vm->mem.device_dma) || mem_zap(vm, start, end) ? 0 : -EIO;
}

static void explain_limit(struct vm *vm, u64 pages)
{
	pr_err("kvm-core: VM %u of process %d: an assigned card needs %llu KiB of guest memory pinned, RLIMIT_MEMLOCK is %lu KiB and %lu KiB are in use: raise it (ulimit -l, systemd LimitMEMLOCK=, libvirt hard_limit)\n",
	       vm->id, vm->owner_pid, pages << (PAGE_SHIFT - 10),
	       rlimit(RLIMIT_MEMLOCK) >> 10,
	       READ_ONCE(vm->mm->locked_vm) << (PAGE_SHIFT - 10));
}

/* ---- populate ------------------------------------------------------------------ */

struct populate {
	const struct slot *slot;
	struct page **pages;	/* this batch */
	gfn_t gfn;		/* of its first page */
	unsigned int n;
	bool whole;		/* one huge page, and only its first is in pages */
	u32 perm;
};

/* Nothing in the interrupt window is reached by DMA (DESIGN rule 6). */
static u32 page_perm(const struct populate *p, gpa_t gpa)
{
	if (gpa >= GPM_MSI_START && gpa < GPM_MSI_END)
		return p->perm & GPM_CPU_RWX;
	return p->perm;
}

static bool meets_msi_window(gpa_t gpa)
{
	return gpa < GPM_MSI_END && gpa + BATCH * PAGE_SIZE > GPM_MSI_START;
}

/* Is the batch one aligned 2 MiB piece of host memory? */
static bool is_big(const struct populate *p)
{
	unsigned long pfn = page_to_pfn(p->pages[0]);
	unsigned int i;

	if (p->whole)
		return true;
	if (p->n != BATCH || (p->gfn & (BATCH - 1)) || (pfn & (BATCH - 1)) ||
	    meets_msi_window(p->gfn << PAGE_SHIFT))
		return false;
	for (i = 1; i < BATCH; i++)
		if (page_to_pfn(p->pages[i]) != pfn + i)
			return false;
	return true;
}

/* Pages from @*i on, as far as table pages last. Under mmu_lock. */
static int map_some(struct vm *vm, const struct populate *p, bool big,
		    unsigned int *i)
{
	gpa_t start = (p->gfn + *i) << PAGE_SHIFT, gpa = start;
	int bits = 0, rc = 0;

	for (; *i < p->n && rc >= 0; gpa = (p->gfn + *i) << PAGE_SHIFT) {
		rc = gpm_map(&vm->mem.gpm, gpa,
			     __sme_set(page_to_phys(p->pages[*i])), big,
			     page_perm(p, gpa));
		if (rc >= 0) {
			bits |= rc;
			*i += big ? BATCH : 1;
		}
	}
	if (bits)
		mem_flush(vm, start, gpa, bits);
	else if (gpa > start)
		mem_flush_absent(vm, start, gpa);
	return rc < 0 ? rc : 0;
}

static int map_batch(struct vm *vm, const struct populate *p)
{
	bool big = is_big(p);
	unsigned int i = 0;
	int turn, err = -ENOMEM;

	/* Each turn comes with new table pages, which faults may use up. */
	for (turn = 0; turn < MAX_TURNS && err == -ENOMEM; turn++) {
		if (mem_refill(vm))
			return -ENOMEM;
		spin_lock(&vm->mem.mmu_lock);
		err = map_some(vm, p, big, &i);
		spin_unlock(&vm->mem.mmu_lock);
	}
	return err;
}

/*
 * The next batch as one huge page: pin its first page, then see whether the
 * host maps all of it, and by what is pinned. 0: it is not one; nothing is
 * pinned.
 */
static int pin_whole(struct vm *vm, struct populate *p, bool write)
{
	hva_t hva = slot_hva(p->slot, p->gfn);
	struct host_leaf host;
	u64 mine;

	if (((p->gfn | hva >> PAGE_SHIFT) & (BATCH - 1)) ||
	    p->gfn + BATCH > p->slot->base + p->slot->npages ||
	    meets_msi_window(p->gfn << PAGE_SHIFT))
		return 0;
	if (pin_user_pages_fast(hva, 1, FOLL_LONGTERM | (write ? FOLL_WRITE : 0),
				p->pages) != 1)
		return 0;
	mine = page_to_pfn(p->pages[0]);
	if (mem_host_leaf(vm->mm, hva, &host) && host.level && host.pfn == mine &&
	    !(mine & (BATCH - 1)) && PageCompound(p->pages[0]))
		return BATCH;
	unpin_user_page(p->pages[0]);
	return 0;
}

static int pin_pages(struct populate *p, bool write)
{
	u64 left = p->slot->base + p->slot->npages - p->gfn;
	u64 want = min_t(u64, BATCH - (p->gfn & (BATCH - 1)), left);

	return pin_user_pages_fast(slot_hva(p->slot, p->gfn), want,
				   FOLL_LONGTERM | (write ? FOLL_WRITE : 0),
				   p->pages);
}

static int remember_whole(struct vm *vm, struct populate *p)
{
	int err = remember_page(p->slot->pin, page_to_pfn(p->pages[0]), BATCH);

	if (err)
		unpin_user_page(p->pages[0]);
	else
		vm->mem.pinned_pages += BATCH;
	return err;
}

static int populate_batch(struct vm *vm, struct populate *p, bool write)
{
	int got = pin_whole(vm, p, write), err;

	p->whole = got;
	if (!got)
		got = pin_pages(p, write);
	if (got <= 0) {
		pr_err("kvm-core: VM %u: guest memory at %#llx (process address %#lx) cannot be pinned for a card: %d\n",
		       vm->id, p->gfn << PAGE_SHIFT,
		       slot_hva(p->slot, p->gfn), got);
		return got ? got : -EFAULT;
	}
	err = p->whole ? remember_whole(vm, p) :
			 remember_batch(vm, p->slot->pin, p->pages, got);
	if (err)
		return err;
	p->n = got;
	err = map_batch(vm, p);
	p->gfn += got;
	return err;
}

static int populate_slot(struct vm *vm, const struct slot *s, enum pin_kind kind)
{
	bool write = kind == PIN_WRITE;
	struct populate p = {
		.slot = s, .gfn = s->base,
		.perm = GPM_CPU_R | GPM_CPU_X | GPM_DMA_R | GPM_FORCE_COH,
	};
	int err = 0;

	if (write && !(s->flags & KVM_MEM_READONLY))
		p.perm |= GPM_CPU_W | GPM_DMA_W;
	p.pages = kcalloc(BATCH, sizeof(*p.pages), GFP_KERNEL_ACCOUNT);
	if (!p.pages)
		return -ENOMEM;
	s->pin->writable = p.perm & GPM_DMA_W;
	while (!err && p.gfn < s->base + s->npages) {
		err = populate_batch(vm, &p, write);
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	kfree(p.pages);
	mem_trim(vm);
	return err;
}

int mem_pin_slot(struct vm *vm, const struct slot *slot)
{
	enum pin_kind kind = slot_kind(vm, slot);
	int err;

	if (kind == PIN_NONE)
		return 0;
	err = account_slot(vm, slot);
	if (err) {
		explain_limit(vm, slot->npages);
		return err;
	}
	err = drop_registers(vm, slot_start(slot), slot_end(slot));
	return err ?: populate_slot(vm, slot, kind);
}

/* ---- all of the VM --------------------------------------------------------------- */

/* What cards wrote until now nobody saw: all of it goes into the log once more. */
static void log_unseen(const struct slot *s)
{
	if (s->dirty && s->pin->writable)
		bitmap_set(s->dirty, 0, s->npages);
}

/* With the table empty no reader reaches anything; faults fill it again. */
static void release_all(struct vm *vm)
{
	bool flushed = mem_zap(vm, 0, mem_gpa_limit(vm));
	struct slots *slots = mem_slots_locked(vm);
	unsigned int i;

	for (i = 0; slots && i < slots->count; i++) {
		log_unseen(&slots->slot[i]);
		mem_pin_release(vm, slots->slot[i].pin, flushed);
	}
}

/* Account for all before pinning any, so that a refusal is quick and whole. */
static int account_all(struct vm *vm, const struct slots *slots)
{
	u64 pages = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; i < slots->count; i++) {
		const struct slot *s = &slots->slot[i];

		if (slot_kind(vm, s) == PIN_NONE)
			continue;
		pages += s->npages;
		if (!err)
			err = account_slot(vm, s);
	}
	if (err)
		explain_limit(vm, pages);
	return err;
}

static int pin_all(struct vm *vm)
{
	struct slots *slots = mem_slots_locked(vm);
	unsigned int i;
	int err;

	if (!slots)
		return 0;
	err = account_all(vm, slots);
	if (!err)
		err = drop_registers(vm, 0, mem_gpa_limit(vm));
	for (i = 0; i < slots->count && !err; i++)
		if (slots->slot[i].pin->accounted)
			err = populate_slot(vm, &slots->slot[i],
					    slot_kind(vm, &slots->slot[i]));
	if (err)
		release_all(vm);
	return err;
}

static void set_users(struct vm *vm, int change)
{
	spin_lock(&vm->mem.mmu_lock);
	vm->mem.pin_users += change;
	spin_unlock(&vm->mem.mmu_lock);
}

int vm_mem_pin(struct vm *vm, struct gpm_reader *reader)
{
	struct vm_mem *m = &vm->mem;
	int err = 0;

	if (current->mm != vm->mm)
		return -EIO;
	mutex_lock(&m->slots_lock);
	if (vm->ring_entries) {
		pr_err("kvm-core: VM %u has dirty rings, which cannot see what a card writes: start QEMU without dirty-ring-size\n",
		       vm->id);
		err = -EBUSY;
		goto unlock;
	}
	/* Counted first: from here on faults respect what is pinned. */
	set_users(vm, 1);
	if (m->pin_users == 1)
		err = pin_all(vm);
	if (err) {
		set_users(vm, -1);
	} else {
		spin_lock(&m->mmu_lock);
		list_add_tail(&reader->link, &m->readers);
		spin_unlock(&m->mmu_lock);
	}
unlock:
	mutex_unlock(&m->slots_lock);
	return err;
}
EXPORT_SYMBOL_GPL(vm_mem_pin);

void vm_mem_unpin(struct vm *vm, struct gpm_reader *reader)
{
	struct vm_mem *m = &vm->mem;

	mutex_lock(&m->slots_lock);
	/* The reader is asked once more: it may have cached until now. */
	if (m->pin_users == 1)
		release_all(vm);
	spin_lock(&m->mmu_lock);
	list_del(&reader->link);
	m->pin_users--;
	spin_unlock(&m->mmu_lock);
	mutex_unlock(&m->slots_lock);
}
EXPORT_SYMBOL_GPL(vm_mem_unpin);

void mem_pin_destroy(struct vm *vm)
{
	lockdep_assert_held(&vm->mem.slots_lock);
	if (WARN_ON_ONCE(vm->mem.pin_users))
		release_all(vm);
}
