// SPDX-License-Identifier: GPL-2.0
/*
 * svm: a guest under a debugger (KVM_SET_GUEST_DEBUG). The debugger's trap flag
 * and debug registers take the place of the guest's around each entry and never
 * become the guest's state (APM2 13.1, 15.20); what fires leaves as
 * KVM_EXIT_DEBUG.
 *
 * INT3 raises the #BP intercept on processors, and the INTn intercept on
 * QEMU's, so that both are taken while software breakpoints are asked for; an
 * INT n among them is delivered as the software interrupt it is. Known limits:
 * INTO is taken for INT3 on such an emulator; an interrupt handler entered
 * while the guest is stepped finds the trap flag in the flags it was pushed,
 * unless KVM_GUESTDBG_BLOCKIRQ holds interrupts off.
 */
#include <linux/kvm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include "kvm-core/excp.h"
#include "svm/clean.h"
#include "svm/svm.h"

void svm_update_debug(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	bool sw = v->guest_debug & KVM_GUESTDBG_USE_SW_BP;

	vmcb_intercept(vmcb, INTERCEPT_EXCEPTION(EXCP_BP), sw);
	vmcb_intercept(vmcb, INTERCEPT_INTN, sw);
}

/* ---- around an entry -------------------------------------------------------------- */

void svm_debug_enter(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->debug_dr6 = v->dr6;
	svm->debug_tf = ((v->guest_debug & KVM_GUESTDBG_SINGLESTEP) ||
			 svm->nmi_step) && !(v->rflags & X86_EFLAGS_TF);
	if (svm->debug_tf)
		svm->vmcb->s.rflags |= X86_EFLAGS_TF;
	if (!(v->guest_debug & KVM_GUESTDBG_USE_HW_BP))
		return;
	vmcb_put(svm->vmcb, s.dr7, v->debug_dr[7]);
	set_debugreg(0UL, 7);
	set_debugreg(v->debug_dr[0], 0);
	set_debugreg(v->debug_dr[1], 1);
	set_debugreg(v->debug_dr[2], 2);
	set_debugreg(v->debug_dr[3], 3);
	svm->dr_loaded = true;		/* the host's come back after the exit */
}

void svm_debug_exit(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->nmi_step = false;
	if (!svm->debug_tf)
		return;
	v->rflags &= ~(u64)X86_EFLAGS_TF;
	svm->debug_tf = svm->vmcb->c.exit_code == EXIT_EXCP + EXCP_DB;
}

/* ---- exits ---------------------------------------------------------------------------- */

static enum run_verdict debug_exit(struct vcpu *v, u8 vector, u64 dr6)
{
	struct kvm_debug_exit_arch *arch = &v->run->debug.arch;

	memset(&v->run->debug, 0, sizeof(v->run->debug));
	v->run->exit_reason = KVM_EXIT_DEBUG;
	arch->pc = to_svm(v)->vmcb->s.cs.base + v->rip;
	arch->exception = vector;
	if (vector == EXCP_DB) {
		arch->dr6 = dr6;
		arch->dr7 = v->guest_debug & KVM_GUESTDBG_USE_HW_BP ?
			    v->debug_dr[7] : v->dr7;
	}
	return RUN_USER;
}

/* A step of ours, to where an NMI may go in; what else fired is the guest's. */
static enum run_verdict nmi_stepped(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->debug_tf = false;
	if (!(v->dr6 & DR_TRAP_BITS)) {
		v->dr6 = svm->debug_dr6;
		return RUN_AGAIN;
	}
	v->dr6 = (v->dr6 & ~(u64)DR_STEP) | (svm->debug_dr6 & DR_STEP);
	vcpu_queue_exception(v, EXCP_DB, 0);
	return RUN_AGAIN;
}

enum run_verdict svm_exit_db(struct vcpu *v)
{
	u64 dr6 = v->dr6;

	if (!(v->guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))) {
		if (to_svm(v)->debug_tf)
			return nmi_stepped(v);
		vcpu_queue_exception(v, EXCP_DB, 0);
		return RUN_AGAIN;
	}
	v->dr6 = to_svm(v)->debug_dr6;	/* the guest has not seen it */
	to_svm(v)->debug_tf = false;
	return debug_exit(v, EXCP_DB, dr6);
}

/* A debugger that has DR7.GD set sees the guest's MOV to or from a debug register
 * first (APM2 13.1.1.4). Processors raise #DB before they exit; others come here.
 */
enum run_verdict svm_exit_dr(struct vcpu *v)
{
	if ((v->guest_debug & KVM_GUESTDBG_USE_HW_BP) && (v->debug_dr[7] & DR7_GD))
		return debug_exit(v, EXCP_DB, DR6_RESERVED | DR6_BD);
	return vcpu_emulate(v);
}

/* An instruction that the hypervisor has executed raises no #DB of its own. */
enum run_verdict svm_debug_stepped(struct vcpu *v)
{
	return debug_exit(v, EXCP_DB, DR6_RESERVED | DR_STEP);
}

enum run_verdict svm_exit_bp(struct vcpu *v)
{
	return debug_exit(v, EXCP_BP, 0);
}

/* The vector of an INT n at rip, or -1 with an exception queued. */
static int swint_vector(struct vcpu *v, unsigned int len)
{
	u64 la = to_svm(v)->vmcb->s.cs.base + v->rip + len - 1;
	u32 error;
	gpa_t gpa;
	u8 n;

	if (vcpu_translate(v, la, 0, &gpa, &error)) {
		vcpu_queue_page_fault(v, la, error);
		return -1;
	}
	return vm_mem_read(v->vm, gpa, &n, sizeof(n)) ? -1 : n;
}

enum run_verdict svm_exit_swint(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	unsigned int len = svm_features.nrip && c->next_rip ?
			   c->next_rip - v->rip : vcpu_insn_length(v);
	int vector;

	if (!len)
		return RUN_AGAIN;
	if (len == 1)
		return svm_exit_bp(v);
	vector = svm_features.decode_assist ? (u8)c->exit_info1 : swint_vector(v, len);
	if (vector < 0)
		return RUN_AGAIN;
	v->rip += len;
	v->interrupt.injected = true;
	v->interrupt.soft = true;
	v->interrupt.vector = vector;
	return RUN_AGAIN;
}
