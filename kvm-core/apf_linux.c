// SPDX-License-Identifier: GPL-2.0
/*
 * Async page faults: the guest touched a page that the host must first fetch
 * (from swap, a file, another machine). The guest is told which of its pages is
 * absent and may run another task; a worker fetches the page, and an interrupt
 * says that it came (Documentation/virt/kvm/x86/msr.rst, MSR_KVM_ASYNC_PF_*).
 *
 * Called by svm's nested page faults and the run loop. pv.c keeps the tokens. A
 * guest that cannot be told just now waits in the fault as without this. The
 * worker holds the process's memory, not the VM, and may be blocked for as long as
 * whoever serves the page likes: that may be the very thread that closes the VM. So a
 * vCPU goes without its workers, and the last of them has what is left taken away.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include "kvm-core/pv.h"
#include "kvm-core/vcpu.h"

struct fetch {
	struct work_struct work;
	struct vcpu_apf *apf;
	struct mm_struct *mm;
	hva_t hva;
	u32 token;
	bool write, busy;
};

struct vcpu_apf {
	struct vcpu *v;			/* NULL: it has gone; under lock */
	struct workqueue_struct *wq;	/* its own: a fetch may block for ever */
	struct work_struct end;		/* with a hold on the module */
	spinlock_t lock;		/* over pages, and who is busy */
	struct pv_apf pages;
	struct fetch fetch[PV_APF_SLOTS];
};

/* Of all VMs, those that are gone too: each may keep a thread of the kernel's. */
#define FETCH_MAX	1024
static atomic_t fetching;

static struct workqueue_struct *ends;	/* only waits for work that has done its own */

/* ---- the worker ------------------------------------------------------------------- */

/* Under apf->lock. */
static bool is_fetching(const struct vcpu_apf *apf)
{
	unsigned int i;

	for (i = 0; i < PV_APF_SLOTS; i++)
		if (apf->fetch[i].busy)
			return true;
	return false;
}

static void fetch_page(struct work_struct *work)
{
	struct fetch *f = container_of(work, struct fetch, work);
	struct vcpu_apf *apf = f->apf;
	bool unlocked = false;

	/* One fault, not a loop until the page is there: where a userfaultfd is
	 * being closed there is none, and its closer waits for our lock.
	 */
	mmap_read_lock(f->mm);
	fixup_user_fault(f->mm, f->hva, f->write ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(f->mm);
	mmput(f->mm);
	atomic_dec(&fetching);

	spin_lock(&apf->lock);
	f->busy = false;
	if (pv_apf_came(&apf->pages, f->token) && apf->v)
		vcpu_request(apf->v, VCPU_REQ_APF);
	if (!apf->v && !is_fetching(apf))
		queue_work(ends, &apf->end);
	spin_unlock(&apf->lock);
}

/* Under apf->lock: a worker that has nothing to do, or NULL. */
static struct fetch *idle_fetch(struct vcpu_apf *apf)
{
	unsigned int i;

	for (i = 0; i < PV_APF_SLOTS; i++)
		if (!apf->fetch[i].busy)
			return &apf->fetch[i];
	return NULL;
}

/* 0: as many as may be are on their way already. */
static u32 start_fetch(struct vcpu *v, hva_t hva, bool write)
{
	struct vcpu_apf *apf = v->apf;
	struct fetch *f;
	u32 token = 0;

	if (atomic_inc_return(&fetching) > FETCH_MAX)
		goto wait;
	spin_lock(&apf->lock);
	f = idle_fetch(apf);
	if (f)
		token = pv_apf_begin(&apf->pages, v->id);
	if (token)
		f->busy = true;
	spin_unlock(&apf->lock);
	if (!token)
		goto wait;
	f->token = token;
	f->hva = hva;
	f->write = write;
	f->mm = v->vm->mm;
	mmget(f->mm);
	queue_work(apf->wq, &f->work);
	return token;
wait:
	atomic_dec(&fetching);
	return 0;
}

/* ---- the fault ---------------------------------------------------------------------- */

/* Would a fault at @hva have to wait for something? */
static bool page_is_far(hva_t hva, bool write)
{
	unsigned int flags = write ? FOLL_WRITE : 0;
	struct page *page;
	long n;

	n = get_user_pages_fast_only(hva, 1, flags, &page);
	if (n != 1)
		n = get_user_pages_unlocked(hva, 1, &page, flags | FOLL_NOWAIT);
	if (n == 1)
		put_page(page);
	return n == 0;
}

/* An event that must be delivered first, or whose handler would be entered by
 * the fault instead.
 */
static bool event_under_way(const struct vcpu *v)
{
	return v->exception.pending || v->exception.injected ||
	       v->nmi_injected || v->interrupt.injected || v->int_shadow;
}

bool vcpu_apf_fault(struct vcpu *v, gpa_t gpa, bool write)
{
	u32 reason = KVM_PV_REASON_PAGE_NOT_PRESENT, token;
	bool writable;
	hva_t hva;

	if (!pv_apf_may_tell(v->msr.async_pf, v->msr.async_pf_int,
			     vcpu_ops->get_cpl(v), v->rflags & X86_EFLAGS_IF) ||
	    event_under_way(v) || v->smm.active)
		return false;
	hva = vm_mem_gpa_to_hva(v->vm, gpa, &writable);
	if (!hva || (write && !writable) || !page_is_far(hva, write))
		return false;
	/* Told first: a guest whose word for it is gone waits like any other. */
	if (vm_mem_write(v->vm, v->msr.async_pf & PV_APF_ADDR, &reason, sizeof(reason)))
		return false;
	token = start_fetch(v, hva, write);
	if (!token) {
		reason = 0;
		vm_mem_write(v->vm, v->msr.async_pf & PV_APF_ADDR, &reason,
			     sizeof(reason));
		return false;
	}
	v->stat_async_pf++;
	vcpu_queue_page_fault(v, token, 0);
	return true;
}
EXPORT_SYMBOL_GPL(vcpu_apf_fault);

/* ---- the page came --------------------------------------------------------------------- */

void vcpu_apf_tell(struct vcpu *v)
{
	gpa_t gpa = (v->msr.async_pf & PV_APF_ADDR) +
		    offsetof(struct kvm_vcpu_pv_apf_data, token);
	u32 token;

	if (!pv_apf_enabled(v->msr.async_pf, v->msr.async_pf_int) || !v->vlapic)
		return;
	spin_lock(&v->apf->lock);
	token = pv_apf_tell(&v->apf->pages);
	spin_unlock(&v->apf->lock);
	if (token && !vm_mem_write(v->vm, gpa, &token, sizeof(token)))
		vcpu_irq_post(v, v->msr.async_pf_int);
}

/* ---- MSRs and life ------------------------------------------------------------------------- */

/* Enabled anew, perhaps on another host: what was awaited before is here. */
void vcpu_apf_msr(struct vcpu *v, u32 msr, u64 data)
{
	if (!v->apf)
		return;
	spin_lock(&v->apf->lock);
	if (msr == PV_MSR_ASYNC_PF_ACK && (data & 1))
		pv_apf_ack(&v->apf->pages);
	else if (msr == PV_MSR_ASYNC_PF_EN && (data & PV_ENABLED))
		pv_apf_wake_all(&v->apf->pages);
	else if (msr == PV_MSR_ASYNC_PF_EN)
		pv_apf_reset(&v->apf->pages);
	spin_unlock(&v->apf->lock);
	set_bit(VCPU_REQ_APF, &v->requests);
}

void vcpu_apf_reset(struct vcpu *v)
{
	v->msr.async_pf = 0;
	v->msr.async_pf_int = 0;
	if (!v->apf)
		return;
	spin_lock(&v->apf->lock);
	pv_apf_reset(&v->apf->pages);
	spin_unlock(&v->apf->lock);
}

static void apf_free(struct vcpu_apf *apf)
{
	destroy_workqueue(apf->wq);	/* after the last of its work */
	kfree(apf);
}

static void apf_end(struct work_struct *work)
{
	apf_free(container_of(work, struct vcpu_apf, end));
	module_put(THIS_MODULE);
}

int vcpu_apf_init(struct vcpu *v)
{
	struct vcpu_apf *apf;
	unsigned int i;

	if (v->apf)
		return 0;
	apf = kzalloc(sizeof(*apf), GFP_KERNEL_ACCOUNT);
	if (!apf)
		return -ENOMEM;
	apf->wq = alloc_workqueue("backplane-apf", WQ_UNBOUND, PV_APF_SLOTS);
	if (!apf->wq) {
		kfree(apf);
		return -ENOMEM;
	}
	apf->v = v;
	INIT_WORK(&apf->end, apf_end);
	spin_lock_init(&apf->lock);
	for (i = 0; i < PV_APF_SLOTS; i++) {
		apf->fetch[i].apf = apf;
		INIT_WORK(&apf->fetch[i].work, fetch_page);
	}
	v->apf = apf;
	return 0;
}

void vcpu_apf_destroy(struct vcpu *v)
{
	struct vcpu_apf *apf = v->apf;
	bool later;

	if (!apf)
		return;
	spin_lock(&apf->lock);
	apf->v = NULL;
	later = is_fetching(apf);
	if (later)
		__module_get(THIS_MODULE);
	spin_unlock(&apf->lock);
	if (!later)
		apf_free(apf);
	v->apf = NULL;
}

int apf_start(void)
{
	ends = alloc_workqueue("backplane-apf-end", WQ_UNBOUND, 0);
	return ends ? 0 : -ENOMEM;
}

/* No module's user is left, but perhaps the last lines of apf_end(). */
void apf_stop(void)
{
	destroy_workqueue(ends);
}
