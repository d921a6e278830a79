// SPDX-License-Identifier: GPL-2.0
/*
 * What user space switches on in a VM or a vCPU beyond memory and interrupts
 * (KVM_ENABLE_CAP), a vCPU's attributes, and register sets that travel in kvm_run
 * (Documentation/virt/kvm/api.rst). Called by the ioctls and by KVM_RUN; acts on
 * plain fields of struct vm and struct vcpu, which others read.
 */
#include <linux/capability.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include "compat_linux.h"
#include "kvm-core/mce.h"
#include "kvm-core/pv.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"

/* ---- a VM -------------------------------------------------------------------------- */

static int set_quirks(struct vm *vm, u64 off, bool checked)
{
	if (checked && (off & ~(u64)VM_QUIRKS))
		return -EINVAL;
	WRITE_ONCE(vm->quirks_off, off);
	return 0;
}

/* Once, and not below the boot CPU's; the first vCPU settles it. */
static int set_max_ids(struct vm *vm, u64 max)
{
	int err = -EINVAL;
	u32 was;

	if (max > VM_MAX_VCPU_IDS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	was = vm->max_vcpu_ids;
	if (!was && atomic_read(&vm->nr_vcpus))
		was = VM_MAX_VCPU_IDS;
	if (vm->boot_id <= max && (!was || was == max)) {
		vm->max_vcpu_ids = max;
		err = 0;
	}
	mutex_unlock(&vm->lock);
	return err;
}

/* Before any APIC is there; a guest may have measured its timer. */
static int set_apic_bus(struct vm *vm, u64 ns)
{
	int err = 0;

	if (!ns || ns > VLAPIC_BUS_NS_MAX)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm_irq_mode(vm) == IRQCHIP_NONE)
		err = -ENXIO;
	else if (atomic_read(&vm->nr_vcpus))
		err = -EINVAL;
	else
		vm->apic_bus_ns = ns;
	mutex_unlock(&vm->lock);
	return err;
}

/* Huge pages are executable here anyway: AMD's CPUs need no such mitigation. Who may
 * ask for that, and when, is the ABI's.
 */
static int disable_nx_huge_pages(struct vm *vm, u64 arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	return arg || atomic_read(&vm->nr_vcpus) ? -EINVAL : 0;
}

/*
 * What may be the guest's own, where its vCPUs have CPUs to themselves. A CPU in MWAIT
 * must wake for an interrupt, and its APIC's timer go on. C-states exit on no AMD CPU.
 */
u32 vm_exits_to_disable(void)
{
	bool mwait = boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
		     !boot_cpu_has_bug(X86_BUG_MONITOR);

	return KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE |
	       KVM_X86_DISABLE_EXITS_CSTATE | (mwait ? KVM_X86_DISABLE_EXITS_MWAIT : 0);
}

int vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap)
{
	u64 arg = cap->args[0];

	switch (cap->cap) {
	case KVM_CAP_EXCEPTION_PAYLOAD:
		vm->exception_payload = arg;
		return 0;
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		vm->triple_fault_event = arg;
		return 0;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		if (arg > 1)
			return -EINVAL;
		vm->exit_on_failure = arg;
		return 0;
	case KVM_CAP_EXIT_HYPERCALL:
		if (arg & ~(u64)VM_EXIT_HYPERCALLS)
			return -EINVAL;
		WRITE_ONCE(vm->exit_hypercalls, arg);
		return 0;
	case KVM_CAP_MSR_PLATFORM_INFO:
		WRITE_ONCE(vm->hide_platform_info, !arg);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS:
		return set_quirks(vm, arg, false);
	case KVM_CAP_DISABLE_QUIRKS2:
		return set_quirks(vm, arg, true);
	case KVM_CAP_HALT_POLL:
		if (arg > U32_MAX)
			return -EINVAL;
		WRITE_ONCE(vm->halt_poll_ns, arg);
		WRITE_ONCE(vm->halt_poll_set, true);
		return 0;
	case KVM_CAP_MAX_VCPU_ID:
		return set_max_ids(vm, arg);
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return set_apic_bus(vm, arg);
	case KVM_CAP_VM_DISABLE_NX_HUGE_PAGES:
		return disable_nx_huge_pages(vm, arg);
	default:
		return -EINVAL;
	}
}

int vm_set_boot_id(struct vm *vm, u64 id)
{
	int err = 0;

	mutex_lock(&vm->lock);
	if (atomic_read(&vm->nr_vcpus))
		err = -EBUSY;
	else if (id > (vm->max_vcpu_ids ?: VM_MAX_VCPU_IDS))
		err = -EINVAL;
	else
		vm->boot_id = id;
	mutex_unlock(&vm->lock);
	return err;
}

/* ---- a vCPU ------------------------------------------------------------------------- */

int vcpu_enable_cap(struct vcpu *v, const struct kvm_enable_cap *cap)
{
	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		v->pv.enforce = cap->args[0];
		return 0;
	default:
		return -EINVAL;
	}
}

long vcpu_attr_ioctl(struct vcpu *v, unsigned int cmd, const void __user *argp)
{
	struct kvm_device_attr attr;
	u64 __user *at;
	u64 offset;

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	if (attr.group != KVM_VCPU_TSC_CTRL || attr.attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	at = (u64 __user *)(unsigned long)attr.addr;
	if (cmd == KVM_HAS_DEVICE_ATTR)
		return 0;
	if (cmd == KVM_GET_DEVICE_ATTR)
		return put_user(v->tsc_offset, at) ? -EFAULT : 0;
	if (get_user(offset, at))
		return -EFAULT;
	vcpu_set_tsc_offset(v, offset);
	return 0;
}

static struct mce_state mce_state(struct vcpu *v, unsigned int bank)
{
	return (struct mce_state) {
		.cap = v->msr.mcg_cap, .ctl = v->msr.mcg_ctl,
		.status = &v->msr.mcg_status,
		.bank = &v->msr.mce_banks[bank * 4],
		.enabled = v->cr4 & X86_CR4_MCE,
	};
}

int vcpu_set_mce(struct vcpu *v, const struct kvm_x86_mce *in)
{
	struct mce_record r = {
		.status = in->status, .addr = in->addr, .misc = in->misc,
		.mcg_status = in->mcg_status,
	};
	struct mce_state s;

	if (in->bank >= (v->msr.mcg_cap & 0xff) || !(in->status & MCE_VALID))
		return -EINVAL;
	s = mce_state(v, in->bank);
	switch (mce_log(&s, &r)) {
	case MCE_RAISE:
		vcpu_queue_exception(v, 18, 0);
		break;
	case MCE_SHUTDOWN:
		set_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		break;
	case MCE_LOGGED:
		break;
	}
	return 0;
}
