// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow paging on Linux (svm.ko npt=0): what smmu.h calls memory, a lock and a
 * flush. gpm stays the VM's one table of guest-physical addresses, filled by the
 * same faults and emptied by the same notifiers; the shadow is one more reader of
 * it, and mem_flush() tells it what to forget. A card of the VM walks gpm, as ever.
 *
 * Called by svm's exits in the vCPU's thread, and by the memory code under
 * mmu_lock. Table memory: at most shadow_pages pages of 16 KiB for each VM, and one
 * for each of its vCPUs; shadow_total for all VMs, but for the few that each needs
 * to run at all.
 */
#include <linux/kvm.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "kvm-core/mem_int.h"
#include "kvm-core/smmu.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"

/* All of them are compared, and one chain of frames may hold all, under mmu_lock. */
#define SHADOW_DEFAULT_MAX	16384UL

static unsigned int shadow_pages;
module_param(shadow_pages, uint, 0444);
MODULE_PARM_DESC(shadow_pages, "shadow page tables a VM may have, 16 KiB each (0: a 64th of the host's memory, 256 MiB at most)");

static unsigned int shadow_total;
module_param(shadow_total, uint, 0444);
MODULE_PARM_DESC(shadow_total, "shadow page tables that all VMs together may have (0: a 16th of the host's memory)");

static atomic_t shadow_used = ATOMIC_INIT(0);
module_param_named(shadow_used, shadow_used.counter, int, 0444);
MODULE_PARM_DESC(shadow_used, "shadow page tables in use (read only)");

/* Then the guest may as well run and fault again. */
#define MAX_TRIES	12

/* ---- smmu's window ------------------------------------------------------------- */

static struct gpm_leaf shadow_lookup(void *ctx, gpa_t gpa)
{
	struct vm *vm = ctx;

	return gpm_lookup(&vm->mem.gpm, gpa);
}

/* Device memory holds no page tables. */
static void *shadow_memory(void *ctx, const struct gpm_leaf *leaf)
{
	hpa_t hpa = __sme_clr(leaf->hpa);

	return pfn_valid(hpa >> PAGE_SHIFT) ? __va(hpa) : NULL;
}

static void shadow_flush(void *ctx)
{
	vm_flush_tlb(ctx);
}

static const struct smmu_ops shadow_ops = {
	.lookup = shadow_lookup,
	.memory = shadow_memory,
	.flush = shadow_flush,
};

/* ---- pages ------------------------------------------------------------------------ */

static int total_cap(void)
{
	unsigned long cap = shadow_total;

	if (!cap)
		cap = totalram_pages() / 16 / 4;
	return min_t(unsigned long, cap, INT_MAX);
}

/* Each vCPU stands on a root. */
static u32 shadow_roots(struct vm *vm)
{
	return atomic_read(&(vm->outer ?: vm)->nr_vcpus);
}

/* One more page for @vm? Else it recycles its own. */
static bool shadow_reserve(struct vm *vm)
{
	if (atomic_inc_return(&shadow_used) <= total_cap() ||
	    READ_ONCE(vm->mem.smmu->pages) < SMMU_PAGES_MIN + shadow_roots(vm))
		return true;
	atomic_dec(&shadow_used);
	return false;
}

static void shadow_page_free(struct smmu_page *p)
{
	atomic_dec(&shadow_used);
	free_page((unsigned long)p->table);
	free_pages_exact(p, sizeof(*p));
}

static struct smmu_page *shadow_page_alloc(struct vm *vm, bool low)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
	struct smmu_page *p;

	if (!shadow_reserve(vm))
		return NULL;
	p = alloc_pages_exact(sizeof(*p), gfp);
	if (!p)
		goto give_back;
	/* A legacy CR3 has 32 bits. */
	p->table = (u64 *)__get_free_page(gfp | (low ? GFP_DMA32 : 0));
	if (!p->table)
		goto free;
	p->hpa = __sme_set(__pa(p->table));
	p->low = low;
	return p;

free:
	free_pages_exact(p, sizeof(*p));
give_back:
	atomic_dec(&shadow_used);
	return NULL;
}

/* Free what nobody wants, be it @p. */
static void shadow_donate(struct vm *vm, struct smmu_page *p)
{
	struct smmu *s = vm->mem.smmu;

	spin_lock(&vm->mem.mmu_lock);
	if (smmu_wants_page(s, p->low))
		p = smmu_donate(s, p);
	spin_unlock(&vm->mem.mmu_lock);
	if (p)
		shadow_page_free(p);
}

/* 0 or -ENOMEM. Sleeps. */
static int shadow_refill(struct vm *vm)
{
	struct smmu *s = vm->mem.smmu;
	bool ready, low, wanted, fresh = false;
	struct smmu_page *p;

	for (;;) {
		spin_lock(&vm->mem.mmu_lock);
		s->cap = vm->mem.shadow_cap + shadow_roots(vm);
		ready = smmu_ready(s, fresh);
		low = smmu_wants_page(s, true);
		wanted = low || smmu_wants_page(s, false);
		spin_unlock(&vm->mem.mmu_lock);
		if (ready)
			return 0;
		if (fresh || !wanted)
			return -ENOMEM;
		p = shadow_page_alloc(vm, low);
		fresh = !p;
		if (p)
			shadow_donate(vm, p);
	}
}

static u32 shadow_cap(void)
{
	unsigned long cap = shadow_pages;

	if (!cap)
		cap = min(totalram_pages() / 64 / 4, SHADOW_DEFAULT_MAX);
	return clamp_t(unsigned long, cap, SMMU_PAGES_MIN, SMMU_PAGES_MAX);
}

int mem_shadow_init(struct vm *vm)
{
	u32 cap = shadow_cap();
	struct smmu_page **by_id;
	struct smmu *s;

	s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	by_id = kvcalloc(cap + VM_MAX_VCPUS + 1, sizeof(*by_id), GFP_KERNEL_ACCOUNT);
	if (!s || !by_id) {
		kvfree(s);
		kvfree(by_id);
		return -ENOMEM;
	}
	smmu_init(s, &shadow_ops, vm, by_id, cap);
	vm->mem.shadow_cap = cap;
	vm->mem.smmu = s;
	return 0;
}

/* No vCPU will run any more. */
void mem_shadow_destroy(struct vm *vm)
{
	struct smmu *s = vm->mem.smmu;
	struct smmu_page *p;

	if (!s)
		return;
	while ((p = smmu_take_back(s)) != NULL)
		shadow_page_free(p);
	kvfree(s->by_id);
	kvfree(s);
	vm->mem.smmu = NULL;
}

void mem_shadow_zap(struct vm *vm, gpa_t start, gpa_t end)
{
	smmu_zap(vm->mem.smmu, start >> PAGE_SHIFT, (end + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

void mem_shadow_wrote(struct vm *vm, gfn_t gfn)
{
	smmu_note_write(vm->mem.smmu, gfn);
}

void mem_shadow_share(struct vm *vm)
{
	spin_lock(&vm->mem.mmu_lock);
	smmu_share(vm->mem.smmu);
	spin_unlock(&vm->mem.mmu_lock);
}

/* ---- the root ------------------------------------------------------------------------ */

static struct gwalk_mode mode_of(const struct vcpu *v)
{
	return (struct gwalk_mode){
		.cr0 = v->cr0, .cr3 = v->cr3, .cr4 = v->cr4, .efer = v->efer,
		.rflags = v->rflags, .phys_bits = v->phys_bits,
	};
}

static void put_root(struct vcpu *v)
{
	struct vm *vm = v->shadow.space;

	if (!v->shadow.root)
		return;
	spin_lock(&vm->mem.mmu_lock);
	smmu_put_root(v->shadow.root);
	spin_unlock(&vm->mem.mmu_lock);
	v->shadow.root = NULL;
}

int vcpu_shadow_load(struct vcpu *v)
{
	struct vm *vm = vcpu_space(v);
	struct gwalk_mode mode = mode_of(v);
	struct smmu_page *root;
	int tries, err;

	put_root(v);
	for (tries = 0; tries < MAX_TRIES; tries++) {
		spin_lock(&vm->mem.mmu_lock);
		if (v->shadow.zap)
			smmu_zap_all(vm->mem.smmu);
		v->shadow.zap = false;
		/* SMM and the guest see the same memory, each by its own tables. */
		if (unlikely(v->shadow.space && v->shadow.space != vm))
			smmu_doubt(vm->mem.smmu);
		smmu_sync(vm->mem.smmu);
		root = smmu_get_root(vm->mem.smmu, &mode);
		spin_unlock(&vm->mem.mmu_lock);
		if (root) {
			v->shadow.root = root;
			v->shadow.space = vm;
			vcpu_ops->set_root(v, root->hpa);
			return 0;
		}
		err = shadow_refill(vm);
		if (err)
			return err;
	}
	return -ENOMEM;
}

/* ---- faults ----------------------------------------------------------------------------- */

/* The guest's own. An interrupt whose delivery faulted is lost, as on a CPU. */
static enum run_verdict guest_fault(struct vcpu *v, const struct smmu_fault *f)
{
	v->interrupt.injected = false;
	v->nmi_injected = false;
	vcpu_queue_page_fault(v, f->gva, f->error);
	return RUN_AGAIN;
}

static enum run_verdict bring_table(struct vcpu *v, struct smmu_fault *f)
{
	enum vm_mem_verdict r = vm_mem_fault(v, f->gpa, f->write, false);
	gfn_t gfn = f->gpa >> PAGE_SHIFT;

	if (r != VM_MEM_MMIO && r != VM_MEM_READONLY)
		return vcpu_mem_verdict(r);
	if (f->write && f->nr_no_write < ARRAY_SIZE(f->no_write))
		f->no_write[f->nr_no_write++] = gfn;
	else if (!f->write && f->nr_no_table < ARRAY_SIZE(f->no_table))
		f->no_table[f->nr_no_table++] = gfn;
	return RUN_AGAIN;
}

static enum run_verdict bring_data(struct vcpu *v, struct smmu_fault *f,
				   bool delivering, bool *done)
{
	bool write = f->access & GWALK_W;
	enum vm_mem_verdict r;

	if (!delivering && vcpu_apf_fault(v, f->gpa, write)) {
		*done = true;
		return RUN_AGAIN;
	}
	r = vm_mem_fault(v, f->gpa, write, f->access & GWALK_I);
	if (r != VM_MEM_MMIO && r != VM_MEM_READONLY)
		return vcpu_mem_verdict(r);
	*done = true;
	v->stat_mmio_exits++;
	/* A delivery that hits MMIO has no instruction to emulate. */
	if (delivering)
		return vcpu_internal_error(v, KVM_INTERNAL_ERROR_EMULATION);
	return vcpu_mmio(v, f->gpa, write, NULL);
}

static enum smmu_verdict fault_locked(struct vcpu *v, struct smmu_fault *f)
{
	struct vm *vm = v->shadow.space;
	struct gwalk_mode mode = mode_of(v);
	enum smmu_verdict verdict;

	spin_lock(&vm->mem.mmu_lock);
	verdict = smmu_fault(vm->mem.smmu, v->shadow.root, &mode, f);
	spin_unlock(&vm->mem.mmu_lock);
	return verdict;
}

/* *done: the exit is answered by what is returned. */
static enum run_verdict fault_once(struct vcpu *v, struct smmu_fault *f,
				   bool delivering, bool *done)
{
	switch (fault_locked(v, f)) {
	case SMMU_NEED_TABLE:
		return bring_table(v, f);
	case SMMU_NEED_DATA:
		return bring_data(v, f, delivering, done);
	case SMMU_NEED_PAGES:
		return shadow_refill(v->shadow.space) ? RUN_NOMEM : RUN_AGAIN;
	case SMMU_GUEST_FAULT:
		*done = true;
		return guest_fault(v, f);
	case SMMU_EMULATE:
		*done = true;
		/* A delivery is no instruction: see bring_data(). */
		return delivering ?
			vcpu_internal_error(v, KVM_INTERNAL_ERROR_EMULATION) :
			vcpu_emulate(v);
	case SMMU_MAPPED:
	default:
		*done = true;
		return RUN_AGAIN;
	}
}

enum run_verdict vcpu_shadow_fault(struct vcpu *v, gva_t gva, u32 error,
				   bool delivering)
{
	struct smmu_fault f = {
		.gva = gva,
		.access = error & (GWALK_W | GWALK_U | GWALK_I),
		.implicit = !(error & GWALK_U) &&
			    static_call(vcpu_get_cpl)(v) == 3,
	};
	enum run_verdict verdict = RUN_AGAIN;
	bool done = false;
	int tries;

	for (tries = 0; tries < MAX_TRIES && !done; tries++) {
		verdict = fault_once(v, &f, delivering, &done);
		if (verdict != RUN_AGAIN || signal_pending(current))
			break;
	}
	return verdict;
}
EXPORT_SYMBOL_GPL(vcpu_shadow_fault);

void vcpu_shadow_invlpg(struct vcpu *v, gva_t gva)
{
	struct vm *vm = v->shadow.space;

	vcpu_ops->flush_tlb(v);
	if (!v->shadow.root)
		return;
	spin_lock(&vm->mem.mmu_lock);
	smmu_invlpg(vm->mem.smmu, v->shadow.root, gva);
	spin_unlock(&vm->mem.mmu_lock);
}
