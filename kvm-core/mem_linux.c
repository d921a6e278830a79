// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's memory: its life, the pages its table is made of, its slots, and
 * access to it by the host.
 *
 * Slots are an immutable array under SRCU. A change publishes a new array,
 * waits until nobody uses the old one, and only then takes the old mapping out
 * of gpm and flushes, so that no fault can map from a slot that is gone. Until then
 * the MMU notifiers know the slot as the one that leaves. What the table maps is
 * decided in mem_fault_linux.c and mem_pin_linux.c.
 */
#include <linux/kvm.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "kvm-core/mem_int.h"
#include "kvm-core/smmu.h"
#include "kvm-core/vcpu.h"

/* Table pages kept ready where pages are mapped: what one map can need. */
#define SPARE_PAGES	4

/* ---- the pages of the table --------------------------------------------- */

static u64 *table_alloc(void *ctx)
{
	struct vm_mem *m = ctx;
	struct page *page = list_first_entry_or_null(&m->spare, struct page, lru);

	if (!page)
		return NULL;
	list_del(&page->lru);
	m->nr_spare--;
	return page_address(page);
}

static void table_retire(void *ctx, u64 *table)
{
	struct vm_mem *m = ctx;

	list_add(&virt_to_page(table)->lru, &m->retired);
}

static hpa_t table_hpa(void *ctx, const u64 *table)
{
	return __sme_set(__pa(table));
}

static u64 *table_at(void *ctx, hpa_t hpa)
{
	return __va(__sme_clr(hpa));
}

static const struct gpm_ops table_ops = {
	.alloc_table = table_alloc,
	.retire_table = table_retire,
	.table_hpa = table_hpa,
	.table_at = table_at,
};

static void free_tables(struct list_head *list)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

static int refill_to(struct vm *vm, unsigned int n)
{
	struct vm_mem *m = &vm->mem;
	struct page *page;

	while (READ_ONCE(m->nr_spare) < n) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		spin_lock(&m->mmu_lock);
		list_add(&page->lru, &m->spare);
		m->nr_spare++;
		spin_unlock(&m->mmu_lock);
	}
	return 0;
}

int mem_refill(struct vm *vm)
{
	return refill_to(vm, SPARE_PAGES);
}

void mem_trim(struct vm *vm)
{
	struct vm_mem *m = &vm->mem;
	LIST_HEAD(idle);

	spin_lock(&m->mmu_lock);
	list_splice_init(&m->spare, &idle);
	m->nr_spare = 0;
	spin_unlock(&m->mmu_lock);
	free_tables(&idle);
}

gpa_t mem_gpa_limit(struct vm *vm)
{
	unsigned int bus_bits = cpuid_eax(0x80000008) & 0xff;

	if (vm->mem.smmu)
		return SMMU_GPA_LIMIT;
	/* The nested walk faults on more, whatever the guest's CPUID says. */
	return 1ULL << min(bus_bits, vm->mem.gpm.depth == 4 ? 48U : 52U);
}

hpa_t vm_mem_root(struct vm *vm)
{
	return gpm_root_hpa(&vm->mem.gpm);
}
EXPORT_SYMBOL_GPL(vm_mem_root);

/* ---- flushes ---------------------------------------------------------------- */

static bool flush_readers(struct vm *vm, gpa_t start, gpa_t end, bool walk)
{
	struct gpm_reader *r;
	bool ok = true;
	int err;

	list_for_each_entry(r, &vm->mem.readers, link) {
		err = r->flush(r, start, end, walk);
		if (!err)
			continue;
		pr_err_ratelimited("kvm-core: VM %u: a DMA translation flush failed (%d): its pages stay pinned, the card is blocked\n",
				   vm->id, err);
		ok = false;
	}
	return ok;
}

bool mem_flush(struct vm *vm, gpa_t start, gpa_t end, int bits)
{
	struct vm_mem *m = &vm->mem;
	bool ok;

	lockdep_assert_held(&m->mmu_lock);
	if (!bits)
		return true;
	if (m->smmu)
		mem_shadow_zap(vm, start, end);
	vm_flush_tlb(vm);
	ok = flush_readers(vm, start, end, bits < 0 || (bits & GPM_FLUSH_WALK));
	if (ok) {
		free_tables(&m->retired);
	} else {
		INIT_LIST_HEAD(&m->retired);	/* a card may still walk them */
		m->read_for_ever = true;
	}
	return ok && bits > 0;
}

void mem_flush_absent(struct vm *vm, gpa_t start, gpa_t end)
{
	struct gpm_reader *r;

	lockdep_assert_held(&vm->mem.mmu_lock);
	list_for_each_entry(r, &vm->mem.readers, link)
		if (r->caches_absent && r->caches_absent(r))
			r->flush(r, start, end, true);	/* tables may be new */
}

static gpa_t leaf_size(struct vm *vm, gpa_t gpa)
{
	struct gpm_leaf l = gpm_lookup(&vm->mem.gpm, gpa);

	return l.present ? PAGE_SIZE << (9 * l.level) : PAGE_SIZE;
}

void mem_whole_leaves(struct vm *vm, gpa_t *start, gpa_t *end)
{
	if (!vm->mem.smmu)	/* the others forget all they have */
		return;
	*start = round_down(*start, leaf_size(vm, *start));
	*end = round_up(*end, leaf_size(vm, *end - 1));
}

bool mem_zap(struct vm *vm, gpa_t start, gpa_t end)
{
	struct vm_mem *m = &vm->mem;
	bool ok;
	int bits;

	spin_lock(&m->mmu_lock);
	bits = gpm_unmap(&m->gpm, start, end);
	/* Leaves never straddle a slot, so nothing is split here. */
	WARN_ON_ONCE(bits < 0);
	ok = mem_flush(vm, start, end, bits);
	spin_unlock(&m->mmu_lock);
	return ok;
}

/* ---- slots ------------------------------------------------------------------- */

struct slots *mem_slots_locked(struct vm *vm)
{
	return rcu_dereference_protected(vm->mem.slots,
					 lockdep_is_held(&vm->mem.slots_lock));
}

static void slots_publish(struct vm *vm, struct slots *next)
{
	rcu_assign_pointer(vm->mem.slots, next);
	smp_wmb();	/* whoever sees the new count finds the new slots */
	WRITE_ONCE(vm->mem.generation, vm->mem.generation + 1);
	synchronize_srcu_expedited(&vm->mem.srcu);
}

/* A copy of the slots with @d applied, not yet published; NULL: no memory. */
static struct slots *slots_next(struct vm *vm, const struct slots_delta *d)
{
	struct slots *now = mem_slots_locked(vm);
	struct slots *next = kvzalloc(slots_bytes(slots_count_after(now, d)),
				      GFP_KERNEL_ACCOUNT);

	if (next)
		slots_apply(next, now, d);
	return next;
}

static void set_leaving(struct vm *vm, const struct slot *s)
{
	spin_lock(&vm->mem.mmu_lock);
	vm->mem.leaving = s;
	spin_unlock(&vm->mem.mmu_lock);
}

/*
 * Publish @next, which has @s no more, and unmap all of it. No fault finds it from
 * then on, but what the host takes back meanwhile must still go from the table.
 */
static void slot_withdraw(struct vm *vm, struct slots *next, const struct slot *s)
{
	set_leaving(vm, s);
	slots_publish(vm, next);
	mem_pin_release(vm, s->pin, mem_zap(vm, slot_start(s), slot_end(s)));
	set_leaving(vm, NULL);
}

static void slot_free(const struct slot *s)
{
	kvfree(s->dirty);
	kfree(s->pin);
}

static int region_delete(struct vm *vm, const struct slots_delta *d)
{
	struct slots *old = mem_slots_locked(vm), *next = slots_next(vm, d);

	if (!next)
		return -ENOMEM;
	slot_withdraw(vm, next, &d->old_slot);
	slot_free(&d->old_slot);
	kvfree(old);
	return 0;
}

/* @all_dirty: the log starts with every page in it. */
static int region_create(struct vm *vm, struct slots_delta *d, bool all_dirty)
{
	struct slots *old = mem_slots_locked(vm), *next;
	struct slot *s = &d->new_slot;
	int err = -ENOMEM;

	s->pin = kzalloc(sizeof(*s->pin), GFP_KERNEL_ACCOUNT);
	s->dirty = NULL;
	if (!s->pin)
		return -ENOMEM;
	if (s->flags & KVM_MEM_LOG_DIRTY_PAGES) {
		s->dirty = mem_dirty_alloc(s, all_dirty);
		if (!s->dirty)
			goto free_pin;
	}
	next = slots_next(vm, d);
	if (!next)
		goto free_dirty;
	slots_publish(vm, next);
	err = vm->mem.pin_users ? mem_pin_slot(vm, s) : 0;
	if (err)
		goto unpublish;
	kvfree(old);
	return 0;

unpublish:
	slot_withdraw(vm, old, s);
	slot_free(s);
	kvfree(next);
	return err;
free_dirty:
	kvfree(s->dirty);
free_pin:
	kfree(s->pin);
	return err;
}

/* The slots are @old again, with nothing of @s mapped. What a card may reach must
 * be, or the guest's driver would lose its buffers without a word.
 */
static void region_restore(struct vm *vm, struct slots *old, const struct slot *s)
{
	slots_publish(vm, old);
	if (vm->mem.pin_users && mem_pin_slot(vm, s))
		vm_kill(vm, "a slot could not move, and its memory not be pinned again");
}

/* Faults and notifiers may not meet a slot at two places. A slot that cannot be
 * made at its new place stays at the old one.
 */
static int region_move(struct vm *vm, const struct slots_delta *d)
{
	struct slots_delta gone = { .change = SLOTS_DELETE, .old_slot = d->old_slot };
	struct slots_delta made = { .change = SLOTS_CREATE, .new_slot = d->new_slot };
	struct slots *old = mem_slots_locked(vm), *without = slots_next(vm, &gone);
	const struct slot *s = &d->old_slot;
	int err;

	if (!without)
		return -ENOMEM;
	slot_withdraw(vm, without, s);
	err = region_create(vm, &made, true);
	if (err) {
		region_restore(vm, old, s);
		kvfree(without);
		return err;
	}
	slot_free(s);
	kvfree(old);
	return 0;
}

/* Dirty logging goes on or off. */
static int region_flags(struct vm *vm, struct slots_delta *d)
{
	struct slots *old = mem_slots_locked(vm), *next;
	struct slot *s = &d->new_slot;
	bool on = s->flags & KVM_MEM_LOG_DIRTY_PAGES;

	s->dirty = NULL;
	if (on) {
		s->dirty = mem_dirty_alloc(s, vm->mem.dirty_mode &
					   KVM_DIRTY_LOG_INITIALLY_SET);
		if (!s->dirty)
			return -ENOMEM;
	}
	next = slots_next(vm, d);
	if (!next) {
		kvfree(s->dirty);
		return -ENOMEM;
	}
	slots_publish(vm, next);
	if (on)
		mem_dirty_start(vm, s);
	kvfree(d->old_slot.dirty);
	kvfree(old);
	return 0;
}

static int region_change(struct vm *vm, struct slots_delta *d)
{
	switch (d->change) {
	case SLOTS_CREATE:
		return region_create(vm, d, vm->mem.dirty_mode &
				     KVM_DIRTY_LOG_INITIALLY_SET);
	case SLOTS_DELETE:
		return region_delete(vm, d);
	case SLOTS_MOVE:
		return region_move(vm, d);
	case SLOTS_FLAGS:
		return region_flags(vm, d);
	case SLOTS_NOTHING:
		break;
	}
	return 0;
}

/*
 * Is what the caller runs, or its stack, in it? Such a VMM is the guest's kernel, too
 * (gVisor's Sentry is), and writes the guest's tables in whichever mode it is.
 */
static bool holds_caller(const struct kvm_userspace_memory_region *r)
{
	const struct pt_regs *regs = current_pt_regs();

	return regs->ip - r->userspace_addr < r->memory_size ||
	       regs->sp - r->userspace_addr < r->memory_size;
}

int vm_mem_set_region(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct slots_delta d;
	int err;

	if (current->mm != vm->mm)
		return -EIO;
	if (!access_ok((void __user *)(unsigned long)r->userspace_addr,
		       r->memory_size))
		return -EINVAL;
	mutex_lock(&vm->mem.slots_lock);
	err = slots_check(mem_slots_locked(vm), r, mem_gpa_limit(vm), &d);
	if (!err)
		err = region_change(vm, &d);
	if (!err && vm->mem.smmu && holds_caller(r))
		mem_shadow_share(vm);
	mutex_unlock(&vm->mem.slots_lock);
	return err;
}

/* ---- access by the host -------------------------------------------------------- */

static void note_dirty(struct vm *vm, const struct slot *s, gfn_t first, gfn_t last)
{
	gfn_t gfn;

	for (gfn = first; vm->mem.smmu && gfn <= last; gfn++)
		mem_shadow_wrote(vm, gfn);
	for (; s->dirty && first <= last; first++)
		if (!mem_note_dirty(vm, s, first))
			vm_kill(vm->outer ?: vm,
				"more was written for the guest than its dirty rings hold");
}

/* The part of [gpa, gpa + *len) that lies in one slot, as user memory. */
static const struct slot *user_range(struct vm *vm, gpa_t gpa,
				     unsigned long *len, void __user **user)
{
	const struct slot *s;

	s = slots_find(srcu_dereference(vm->mem.slots, &vm->mem.srcu),
		       gpa >> PAGE_SHIFT);
	if (!s)
		return NULL;
	*len = min_t(u64, *len, slot_end(s) - gpa);
	*user = (void __user *)(slot_hva(s, gpa >> PAGE_SHIFT) +
				offset_in_page(gpa));
	return s;
}

/* The whole of it, in one direction. */
static int copy_guest(struct vm *vm, gpa_t gpa, void *data, unsigned long len,
		      bool write)
{
	const struct slot *s;
	void __user *user;
	unsigned long n;

	for (; len; len -= n, gpa += n, data += n) {
		n = len;
		s = user_range(vm, gpa, &n, &user);
		if (!s || (write && (s->flags & KVM_MEM_READONLY)))
			return -EFAULT;
		if (write ? copy_to_user(user, data, n) :
			    copy_from_user(data, user, n))
			return -EFAULT;
		if (write)
			note_dirty(vm, s, gpa >> PAGE_SHIFT,
				   (gpa + n - 1) >> PAGE_SHIFT);
	}
	return 0;
}

static int access_guest(struct vm *vm, gpa_t gpa, void *data, unsigned long len,
			bool write)
{
	int idx, err;

	if (current->mm != vm->mm)
		return -EFAULT;
	idx = srcu_read_lock(&vm->mem.srcu);
	err = copy_guest(vm, gpa, data, len, write);
	srcu_read_unlock(&vm->mem.srcu, idx);
	return err;
}

int vm_mem_read(struct vm *vm, gpa_t gpa, void *data, unsigned long len)
{
	return access_guest(vm, gpa, data, len, false);
}
EXPORT_SYMBOL_GPL(vm_mem_read);

int vm_mem_write(struct vm *vm, gpa_t gpa, const void *data, unsigned long len)
{
	return access_guest(vm, gpa, (void *)data, len, true);
}
EXPORT_SYMBOL_GPL(vm_mem_write);

#define USER_CMPXCHG(type, user, old, value)				\
({									\
	type was_ = (type)*(old);					\
	int ret_ = __try_cmpxchg_user((type __user *)(user), &was_,	\
				      (type)(value), fault_##type);	\
									\
	*(old) = was_;							\
	ret_ == 1 ? -EAGAIN : ret_;					\
})

static int user_cmpxchg(void __user *user, u64 *old, u64 value, unsigned int len)
{
	switch (len) {
	case 1:
		return USER_CMPXCHG(u8, user, old, value);
	case 2:
		return USER_CMPXCHG(u16, user, old, value);
	case 4:
		return USER_CMPXCHG(u32, user, old, value);
	case 8:
		return USER_CMPXCHG(u64, user, old, value);
	default:
		return -EFAULT;
	}
}

int vm_mem_cmpxchg(struct vm *vm, gpa_t gpa, u64 *old, u64 new_value,
		   unsigned int len)
{
	unsigned long n = len;
	const struct slot *s;
	void __user *user;
	int idx, err = -EFAULT;

	if (current->mm != vm->mm || offset_in_page(gpa) + len > PAGE_SIZE)
		return -EFAULT;
	idx = srcu_read_lock(&vm->mem.srcu);
	s = user_range(vm, gpa, &n, &user);
	if (s && !(s->flags & KVM_MEM_READONLY) && access_ok(user, len))
		err = user_cmpxchg(user, old, new_value, len);
	if (!err)
		note_dirty(vm, s, gpa >> PAGE_SHIFT, gpa >> PAGE_SHIFT);
	srcu_read_unlock(&vm->mem.srcu, idx);
	return err;
}
EXPORT_SYMBOL_GPL(vm_mem_cmpxchg);

hva_t vm_mem_gpa_to_hva(struct vm *vm, gpa_t gpa, bool *writable)
{
	void __user *user = NULL;
	unsigned long n = 1;
	const struct slot *s;
	int idx;

	idx = srcu_read_lock(&vm->mem.srcu);
	s = user_range(vm, gpa, &n, &user);
	if (writable)
		*writable = s && !(s->flags & KVM_MEM_READONLY);
	srcu_read_unlock(&vm->mem.srcu, idx);
	return (hva_t)user;
}
EXPORT_SYMBOL_GPL(vm_mem_gpa_to_hva);

void vm_mem_mark_dirty(struct vm *vm, gfn_t gfn)
{
	const struct slot *s;
	int idx;

	idx = srcu_read_lock(&vm->mem.srcu);
	s = slots_find(srcu_dereference(vm->mem.slots, &vm->mem.srcu), gfn);
	if (s)
		note_dirty(vm, s, gfn, gfn);
	srcu_read_unlock(&vm->mem.srcu, idx);
}
EXPORT_SYMBOL_GPL(vm_mem_mark_dirty);

/* ---- life ------------------------------------------------------------------------- */

int vm_mem_init(struct vm *vm)
{
	struct vm_mem *m = &vm->mem;
	int err;

	mutex_init(&m->slots_lock);
	spin_lock_init(&m->mmu_lock);
	INIT_LIST_HEAD(&m->readers);
	INIT_LIST_HEAD(&m->spare);
	INIT_LIST_HEAD(&m->retired);
	err = init_srcu_struct(&m->srcu);
	if (err)
		return err;
	err = refill_to(vm, 1);		/* the root; a fault brings more */
	if (err)
		goto free_spare;
	/* The nested walk is as deep as the host's own (APM2 15.25.3). */
	err = gpm_init(&m->gpm, &table_ops, m, pgtable_l5_enabled() ? 5 : 4);
	if (err)
		goto free_spare;
	if (!__sme_set(0ULL))	/* else entries carry the encryption bit */
		m->gpm.linear = PAGE_OFFSET;
	if (vcpu_ops->shadow) {
		err = mem_shadow_init(vm);
		if (err)
			goto free_table;
	}
	err = mem_notifier_register(vm);
	if (err)
		goto free_shadow;
	return 0;

free_shadow:
	mem_shadow_destroy(vm);
free_table:
	gpm_destroy(&m->gpm);
	free_tables(&m->retired);
free_spare:
	free_tables(&m->spare);
	cleanup_srcu_struct(&m->srcu);
	return err;
}

static void free_slots(struct slots *slots)
{
	unsigned int i;

	for (i = 0; slots && i < slots->count; i++) {
		kvfree(slots->slot[i].dirty);
		kfree(slots->slot[i].pin);
	}
	kvfree(slots);
}

void vm_mem_destroy(struct vm *vm)
{
	struct vm_mem *m = &vm->mem;

	vm_mem_stop(vm);
	mutex_lock(&m->slots_lock);
	mem_pin_destroy(vm);
	free_slots(mem_slots_locked(vm));
	mutex_unlock(&m->slots_lock);
	mem_shadow_destroy(vm);
	if (m->read_for_ever) {
		pr_err("kvm-core: VM %u: its table stays until reboot: an IOMMU may read it still\n",
		       vm->id);
	} else {
		spin_lock(&m->mmu_lock);
		gpm_destroy(&m->gpm);
		spin_unlock(&m->mmu_lock);
		free_tables(&m->retired);
	}
	free_tables(&m->spare);
	cleanup_srcu_struct(&m->srcu);
	mutex_destroy(&m->slots_lock);
}
