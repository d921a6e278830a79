// SPDX-License-Identifier: GPL-2.0
/*
 * svm: the MSRs by which a guest keeps its own programs from learning of each other
 * by speculation (APM2 3.2.9): a barrier for branch predictions, the control register
 * where the CPU keeps the guest's apart from the host's, and the virtual one of older
 * CPUs, for which the kernel finds a way. kvm-core has asked CPUID whether the guest
 * has them.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/spec-ctrl.h>
#include "svm/svm.h"

static int forget_branches(u64 data)
{
	u64 valid = (boot_cpu_has(X86_FEATURE_IBPB) ? PRED_CMD_IBPB : 0) |
		    (boot_cpu_has(X86_FEATURE_SBPB) ? PRED_CMD_SBPB : 0);

	if (data & ~valid)
		return -EINVAL;
	if (data)
		wrmsrl(MSR_IA32_PRED_CMD, data);
	return 0;
}

/* What the host has set holds in the guest, too, whatever the guest sets (APM2 15.38). */
static int set_control(struct vcpu *v, u64 data)
{
	u64 valid = (boot_cpu_has(X86_FEATURE_IBRS) ? SPEC_CTRL_IBRS : 0) |
		    (boot_cpu_has(X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0) |
		    (boot_cpu_has(X86_FEATURE_AMD_SSBD) ? SPEC_CTRL_SSBD : 0);

	if (!boot_cpu_has(X86_FEATURE_V_SPEC_CTRL))
		valid = 0;	/* what every VMM reads and writes back */
	if (data & ~valid)
		return -EINVAL;
	to_svm(v)->vmcb->s.spec_ctrl = data;
	return 0;
}

int svm_spec_set_msr(struct vcpu *v, u32 msr, u64 data)
{
	switch (msr) {
	case MSR_IA32_PRED_CMD:
		return forget_branches(data);
	case MSR_IA32_SPEC_CTRL:
		return set_control(v, data);
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (data & ~(u64)SPEC_CTRL_SSBD)
			return -EINVAL;
		to_svm(v)->virt_spec_ctrl = data;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

int svm_spec_get_msr(struct vcpu *v, u32 msr, u64 *data)
{
	switch (msr) {
	case MSR_IA32_SPEC_CTRL:
		*data = to_svm(v)->vmcb->s.spec_ctrl;
		return 0;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		*data = to_svm(v)->virt_spec_ctrl;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

void svm_spec_enter(struct vcpu *v)
{
	x86_spec_ctrl_set_guest(to_svm(v)->virt_spec_ctrl);
}

void svm_spec_exit(struct vcpu *v)
{
	x86_spec_ctrl_restore_host(to_svm(v)->virt_spec_ctrl);
}
