// SPDX-License-Identifier: GPL-2.0
/*
 * SYSENTER and SYSEXIT that an AMD CPU does not know in long mode, for guests that
 * were told they run on the other vendor's: the vCPU's state to sysenter.c and
 * back. Called by svm's #UD exit, in the vCPU's thread.
 *
 * Known limit: the MSRs are the CPU's own, and silicon keeps 32 bits of the two that
 * hold addresses.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <asm/msr.h>
#include "kvm-core/excp.h"
#include "kvm-core/sysenter.h"
#include "kvm-core/vcpu.h"

static void cpu_get(struct vcpu *v, struct sysenter_cpu *c, struct kvm_sregs *s)
{
	vcpu_ops->get_sregs(v, s);
	c->rcx = v->regs[EMUL_RCX];
	c->rdx = v->regs[EMUL_RDX];
	c->rflags = v->rflags;
	c->la57 = v->cr4 & X86_CR4_LA57;
	c->stack.dpl = vcpu_ops->get_cpl(v);
	vcpu_ops->get_msr(v, MSR_IA32_SYSENTER_CS, &c->cs);
	vcpu_ops->get_msr(v, MSR_IA32_SYSENTER_ESP, &c->esp);
	vcpu_ops->get_msr(v, MSR_IA32_SYSENTER_EIP, &c->eip);
}

/* The privilege level travels as SS.DPL. */
static void cpu_set(struct vcpu *v, const struct sysenter_cpu *c, struct kvm_sregs *s)
{
	s->cs = c->code;
	s->ss = c->stack;
	vcpu_ops->set_sregs(v, s);
	v->regs[EMUL_RSP] = c->rsp;
	v->rip = c->rip;
	v->rflags = c->rflags;
	v->int_shadow = false;
}

bool vcpu_sysenter(struct vcpu *v)
{
	static const u8 enter[] = { 0x0f, 0x34 }, leave[] = { 0x0f, 0x35 },
			leave_wide[] = { 0x48, 0x0f, 0x35 };
	struct sysenter_cpu c = { };
	struct kvm_sregs s = { };
	bool good;

	if (!(v->efer & EFER_LMA) || !vcpu_is_intel(v))
		return false;
	cpu_get(v, &c, &s);
	if (vcpu_insn_is(v, enter, sizeof(enter)))
		good = sysenter_enter(&c);
	else if (vcpu_insn_is(v, leave, sizeof(leave)))
		good = sysenter_exit(&c, false);
	else if (vcpu_insn_is(v, leave_wide, sizeof(leave_wide)))
		good = sysenter_exit(&c, true);
	else
		return false;
	if (good)
		cpu_set(v, &c, &s);
	else
		vcpu_queue_exception(v, EXCP_GP, 0);
	return true;
}
EXPORT_SYMBOL_GPL(vcpu_sysenter);
