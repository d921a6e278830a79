// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that user space has a say in: the filter of a VM
 * (KVM_X86_SET_MSR_FILTER), and accesses that leave as KVM_EXIT_X86_RDMSR or
 * WRMSR because KVM_CAP_X86_USER_SPACE_MSR asked for them. Without either a
 * denied access is #GP in the guest.
 *
 * Called by svm's exit for RDMSR and WRMSR, and by the VM's ioctls. Filters are
 * read under RCU.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "kvm-core/msrfilter.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vlapic.h"
#include "kvm-core/vmsr.h"

#define USER_MSR_REASONS (KVM_MSR_EXIT_REASON_INVAL | \
			  KVM_MSR_EXIT_REASON_UNKNOWN | \
			  KVM_MSR_EXIT_REASON_FILTER)

static_assert(MSRFILTER_RANGES == KVM_MSR_FILTER_MAX_RANGES &&
	      MSRFILTER_READ == KVM_MSR_FILTER_READ &&
	      MSRFILTER_WRITE == KVM_MSR_FILTER_WRITE, "the ABI's numbers");

/* ---- the filter ----------------------------------------------------------------- */

static void filter_free(struct msrfilter *f)
{
	unsigned int i;

	for (i = 0; f && i < MSRFILTER_RANGES; i++)
		kfree(f->ranges[i].bitmap);
	kfree(f);
}

static int take_range(struct msrfilter_range *r, const struct kvm_msr_filter_range *in)
{
	size_t bytes = BITS_TO_LONGS((size_t)in->nmsrs) * sizeof(long);
	u8 *bitmap;

	if (!in->nmsrs)
		return 0;
	if (!in->flags || in->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE) ||
	    bytes > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	bitmap = memdup_user((void __user *)in->bitmap, bytes);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	*r = (struct msrfilter_range) {
		.base = in->base, .count = in->nmsrs, .ops = in->flags,
		.bitmap = bitmap,
	};
	return 0;
}

static struct msrfilter *filter_make(const struct kvm_msr_filter *arg)
{
	struct msrfilter *f;
	unsigned int i, used = 0;
	int err = 0;

	if (arg->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return ERR_PTR(-EINVAL);
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->default_allow = !(arg->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < MSRFILTER_RANGES && !err; i++) {
		used += arg->ranges[i].nmsrs != 0;
		err = take_range(&f->ranges[i], &arg->ranges[i]);
	}
	/* To deny all without an exception is a mistake, not a wish. */
	if (!err && !used && !f->default_allow)
		err = -EINVAL;
	if (!err)
		return f;
	filter_free(f);
	return ERR_PTR(err);
}

int vm_set_msr_filter(struct vm *vm, const struct kvm_msr_filter *arg)
{
	struct msrfilter *f = filter_make(arg), *old;

	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->msr_filter, f, lockdep_is_held(&vm->lock));
	mutex_unlock(&vm->lock);
	vm_flush_tlb(vm);	/* the backend looks which MSRs exit */
	synchronize_rcu_expedited();
	filter_free(old);
	return 0;
}

void vm_msr_filter_destroy(struct vm *vm)
{
	filter_free(rcu_dereference_protected(vm->msr_filter, 1));
}

int vm_user_space_msr(struct vm *vm, u64 reasons)
{
	if (reasons & ~(u64)USER_MSR_REASONS)
		return -EINVAL;
	WRITE_ONCE(vm->user_msr_reasons, reasons);
	return 0;
}

static bool allowed(struct vm *vm, u32 msr, u32 op)
{
	const struct msrfilter *f;
	bool yes;

	if (likely(!rcu_access_pointer(vm->msr_filter)))
		return true;
	rcu_read_lock();
	f = rcu_dereference(vm->msr_filter);
	yes = !f || msrfilter_allows(f, msr, op);
	rcu_read_unlock();
	return yes;
}

/* ---- the guest's accesses --------------------------------------------------------- */

static enum guest_msr refuse(struct vcpu *v, u32 msr, u64 data, bool write, u32 reason)
{
	struct kvm_run *run = v->run;

	if (!(READ_ONCE(v->vm->user_msr_reasons) & reason))
		return GUEST_MSR_GP;
	memset(&run->msr, 0, sizeof(run->msr));
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.reason = reason;
	run->msr.index = msr;
	run->msr.data = write ? data : 0;
	v->user_msr.active = true;
	v->user_msr.read = !write;
	return GUEST_MSR_USER;
}

enum guest_msr vcpu_guest_msr(struct vcpu *v, u32 msr, u64 *data, bool write)
{
	int err;

	if (!allowed(v->vm, msr, write ? MSRFILTER_WRITE : MSRFILTER_READ))
		return refuse(v, msr, *data, write, KVM_MSR_EXIT_REASON_FILTER);
	err = write ? vcpu_set_msr(v, msr, *data, false) :
		      vcpu_get_msr(v, msr, data, false);
	if (!err)
		return GUEST_MSR_DONE;
	return refuse(v, msr, *data, write,
		      vmsr_known(msr, write) ? KVM_MSR_EXIT_REASON_INVAL :
					       KVM_MSR_EXIT_REASON_UNKNOWN);
}
EXPORT_SYMBOL_GPL(vcpu_guest_msr);

/* The frequent ones, which user space has no part in. */
bool vcpu_quick_msr(struct vcpu *v, u32 msr, bool write)
{
	if (rcu_access_pointer(v->vm->msr_filter) ||
	    READ_ONCE(v->vm->user_msr_reasons))
		return false;
	if (msr >= VLAPIC_MSR_FIRST && msr <= VLAPIC_MSR_LAST)
		return vcpu_irq_quick_reg(v, (msr - VLAPIC_MSR_FIRST) << 4, write);
	return msr == VLAPIC_MSR_DEADLINE || msr == MSR_IA32_CR_PAT;
}
EXPORT_SYMBOL_GPL(vcpu_quick_msr);

void vcpu_complete_user_msr(struct vcpu *v)
{
	u64 data = v->run->msr.data;

	v->user_msr.active = false;
	if (v->run->msr.error) {
		vcpu_queue_gp(v);
		return;
	}
	if (v->user_msr.read) {
		v->regs[EMUL_RAX] = (u32)data;
		v->regs[EMUL_RDX] = data >> 32;
	}
	v->rip = v->user_msr.next_rip;
}
