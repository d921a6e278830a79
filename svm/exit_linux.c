// SPDX-License-Identifier: GPL-2.0
/*
 * svm exits: from the exit code to whoever answers, and events back in
 * (APM2 15.6-15.20, appendix C).
 *
 * One short function per exit; the frequent ones in a switch, the rest in a
 * table. Called from kvm-core's run loop with interrupts and preemption on. What
 * an access means is kvm-core's business.
 */
#include <linux/kvm.h>
#include <asm/msr.h>
#include "kvm-core/excp.h"
#include "kvm-core/hostwork.h"
#include "kvm-core/task.h"
#include "svm/trace.h"
#include "svm/clean.h"
#include "svm/inject.h"
#include "svm/svm.h"

/* ---- going past an instruction -------------------------------------------------- */

static void go_to(struct vcpu *v, u64 rip)
{
	v->rip = rip;
	v->rflags &= ~(u64)X86_EFLAGS_RF;	/* the next may have a breakpoint, too */
	v->int_shadow = false;
}

static u64 rip_behind(const struct vcpu *v, unsigned int len)
{
	return v->efer & EFER_LMA ? v->rip + len : (u32)(v->rip + len);
}

/* Step over the instruction that exited. False: its bytes could not be read,
 * an exception is queued instead.
 */
static bool skip_insn(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	unsigned int len;

	if (svm_features.nrip && vmcb->c.next_rip) {
		go_to(v, vmcb->c.next_rip);
		return true;
	}
	len = vcpu_insn_length(v);
	if (!len)
		return false;
	go_to(v, rip_behind(v, len));
	return true;
}

static enum run_verdict inject_ud(struct vcpu *v)
{
	vcpu_queue_exception(v, EXCP_UD, 0);
	return RUN_AGAIN;
}

/* RDPMC: of a counter that there is not (APM3). */
static enum run_verdict inject_gp(struct vcpu *v)
{
	vcpu_queue_gp(v);
	return RUN_AGAIN;
}

/* ---- rows ------------------------------------------------------------------------- */

static enum run_verdict exit_nothing(struct vcpu *v)
{
	return RUN_AGAIN;	/* the host has served it since STGI */
}

/* The host has served its interrupt; what that left to the thread comes here. */
static enum run_verdict exit_intr(struct vcpu *v)
{
	v->stat_irq_exits++;
	if (unlikely(test_thread_flag(TIF_NOTIFY_RESUME)))
		hostwork_do();
	return RUN_AGAIN;
}

static enum run_verdict exit_vintr(struct vcpu *v)
{
	v->stat_irq_windows++;
	vcpu_ops->request_irq_window(v, false);
	return RUN_AGAIN;	/* the run loop injects now */
}

static enum run_verdict exit_iret(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	vmcb_intercept(svm->vmcb, INTERCEPT_IRET, false);
	v->nmi_masked = false;
	svm->iret_pending = true;
	svm->iret_rip = v->rip;
	return RUN_AGAIN;
}

static enum run_verdict exit_cpuid(struct vcpu *v)
{
	if (unlikely(v->msr.misc_features) && vcpu_ops->get_cpl(v) && !v->smm.active) {
		vcpu_queue_gp(v);	/* it was asked to fault */
		return RUN_AGAIN;
	}
	if (skip_insn(v))
		vcpu_cpuid(v);
	return RUN_AGAIN;
}

static enum run_verdict exit_hlt(struct vcpu *v)
{
	if (!skip_insn(v))
		return RUN_AGAIN;
	v->stat_halts++;
	return RUN_HALTED;
}

static enum run_verdict exit_skip(struct vcpu *v)
{
	skip_insn(v);
	return RUN_AGAIN;
}

/* The guest has spun for as long as the CPU's pause filter lets it. */
static enum run_verdict exit_pause(struct vcpu *v)
{
	vcpu_on_spin(v);
	return exit_skip(v);
}

/* User space answers: rip moves on only when it has (#GP otherwise). */
static enum run_verdict exit_msr_user(struct vcpu *v)
{
	u64 rip = v->rip;

	if (!skip_insn(v)) {
		v->user_msr.active = false;
		return RUN_AGAIN;
	}
	v->user_msr.next_rip = v->rip;
	v->rip = rip;
	return RUN_USER;
}

static enum run_verdict exit_msr(struct vcpu *v)
{
	bool write = to_svm(v)->vmcb->c.exit_info1 & 1;
	u64 data = (u32)v->regs[EMUL_RAX] | v->regs[EMUL_RDX] << 32;
	u32 msr = (u32)v->regs[EMUL_RCX];
	enum guest_msr r = vcpu_guest_msr(v, msr, &data, write);

	if (r == GUEST_MSR_USER)
		return exit_msr_user(v);
	trace_kvm_msr(write, msr, data, r == GUEST_MSR_GP);
	if (r == GUEST_MSR_GP) {
		vcpu_queue_gp(v);
		return RUN_AGAIN;
	}
	if (!skip_insn(v))
		return RUN_AGAIN;
	if (!write) {
		v->regs[EMUL_RAX] = (u32)data;
		v->regs[EMUL_RDX] = data >> 32;
	}
	return RUN_AGAIN;
}

static enum run_verdict exit_ioio(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	u64 info = c->exit_info1;

	v->stat_io_exits++;
	if (info & IOIO_STRING)
		return vcpu_emulate(v);
	v->int_shadow = false;
	return vcpu_pio(v, FIELD_GET(IOIO_PORT, info),
			FIELD_GET(IOIO_SIZE, info), info & IOIO_IN,
			c->exit_info2);
}

static enum run_verdict exit_vmmcall(struct vcpu *v)
{
	return skip_insn(v) ? vcpu_hypercall(v) : RUN_AGAIN;
}

static enum run_verdict exit_xsetbv(struct vcpu *v)
{
	u64 value = (u32)v->regs[EMUL_RAX] | v->regs[EMUL_RDX] << 32;

	if (!(v->cr4 & X86_CR4_OSXSAVE))
		return inject_ud(v);	/* some emulators intercept it first */
	if (vcpu_ops->get_cpl(v) || (u32)v->regs[EMUL_RCX] ||
	    vcpu_set_xcr0(v, value)) {
		vcpu_queue_gp(v);
		return RUN_AGAIN;
	}
	return exit_skip(v);
}

static enum run_verdict exit_emulate(struct vcpu *v)
{
	return vcpu_emulate(v);
}

static enum run_verdict exit_cr_read(struct vcpu *v)
{
	return vcpu_mov_from_cr(v);
}

static enum run_verdict exit_invlpg(struct vcpu *v)
{
	return vcpu_invlpg(v);
}

/* The CPU says which registers (APM2 15.8.1); not for CLTS and LMSW. */
static enum run_verdict exit_cr_write(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	unsigned int cr = c->exit_code == EXIT_CR0_SEL_WRITE ? 0 :
			  c->exit_code - EXIT_CR_WRITE;

	if (svm_features.decode_assist && svm_features.nrip &&
	    (c->exit_info1 & MOV_CR_VALID))
		return vcpu_write_cr(v, cr, c->exit_info1 & MOV_CR_GPR, c->next_rip);
	return vcpu_mov_to_cr(v);
}

/* The CPU has fetched the instruction already (APM2 15.8.4). */
static enum run_verdict mmio(struct vcpu *v, gpa_t gpa)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	const u8 *insn = NULL;

	if (svm_features.decode_assist && c->insn_len == sizeof(c->insn_bytes))
		insn = c->insn_bytes;
	return vcpu_mmio(v, gpa, c->exit_info1 & NPF_WRITE, insn);
}

static enum run_verdict exit_npf(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	gpa_t gpa = c->exit_info2;
	enum vm_mem_verdict verdict;

	v->stat_npf++;
	trace_kvm_page_fault(v, gpa, c->exit_info1);
	if (vcpu_apf_fault(v, gpa, c->exit_info1 & NPF_WRITE))
		return RUN_AGAIN;
	verdict = vm_mem_fault(v, gpa, c->exit_info1 & NPF_WRITE,
			       c->exit_info1 & NPF_FETCH);
	if (verdict != VM_MEM_MMIO && verdict != VM_MEM_READONLY)
		return vcpu_mem_verdict(verdict);
	v->stat_mmio_exits++;
	/* A page walk or a delivery that hits MMIO has no instruction to emulate. */
	if ((c->exit_info1 & NPF_GUEST_WALK) || (c->exit_int_info & EVENT_VALID))
		return vcpu_internal_error(v, KVM_INTERNAL_ERROR_EMULATION);
	return mmio(v, gpa);
}

/* Shadow paging: the CPU found no entry of ours that permits the access. */
static enum run_verdict exit_pf(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;

	v->stat_npf++;
	trace_kvm_page_fault(v, c->exit_info2, c->exit_info1);
	return vcpu_shadow_fault(v, c->exit_info2, (u32)c->exit_info1,
				 c->exit_int_info & EVENT_VALID);
}

/* The VMCB holds nothing that is defined (APM2 15.14.3): the vCPU is as after an INIT. */
static enum run_verdict exit_shutdown(struct vcpu *v)
{
	vcpu_reset(v, true);
	v->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return RUN_USER;
}

static enum run_verdict exit_ac(struct vcpu *v)
{
	vcpu_queue_exception(v, EXCP_AC, (u32)to_svm(v)->vmcb->c.exit_info1);
	return RUN_AGAIN;
}

static enum run_verdict exit_rsm(struct vcpu *v)
{
	return vcpu_rsm(v);
}

/*
 * RSM is undefined to a CPU that is not really in SMM, and so is the other
 * vendor's hypercall: guests that do not look find theirs in its place and
 * execute it again; in ROM it is done where it is. In long mode so are SYSENTER
 * and SYSEXIT, which such guests have.
 */
static enum run_verdict exit_ud(struct vcpu *v)
{
	static const u8 rsm[] = { 0x0f, 0xaa }, vmcall[] = { 0x0f, 0x01, 0xc1 },
			vmmcall[] = { 0x0f, 0x01, 0xd9 };

	if (v->smm.active && vcpu_insn_is(v, rsm, sizeof(rsm)))
		return vcpu_rsm(v);
	if (vm_has_quirk(v->vm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN) &&
	    vcpu_insn_is(v, vmcall, sizeof(vmcall))) {
		if (!vcpu_patch_insn(v, vmmcall, sizeof(vmmcall)))
			return RUN_AGAIN;
		go_to(v, rip_behind(v, sizeof(vmcall)));
		return vcpu_hypercall(v);
	}
	if (vcpu_sysenter(v))
		return RUN_AGAIN;
	return inject_ud(v);
}

/* Nothing to wait for: another turn of the guest's loop. A guest whose CPUID has
 * no MONITOR gets #UD only if user space wants that.
 */
static enum run_verdict exit_mwait(struct vcpu *v)
{
	if (vm_has_quirk(v->vm, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) ||
	    vcpu_offers_mwait(v))
		return exit_skip(v);
	return inject_ud(v);
}

static enum task_reason task_reason(const struct vmcb_control *c)
{
	if (c->exit_info2 & TASK_BY_IRET)
		return TASK_IRET;
	if (c->exit_info2 & TASK_BY_JUMP)
		return TASK_JUMP;
	return c->exit_int_info & EVENT_VALID ? TASK_EVENT : TASK_CALL;
}

static enum run_verdict exit_task_switch(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	struct task_request rq = {
		.reason = task_reason(c),
		.selector = (u16)c->exit_info1,
		.has_error = c->exit_info2 & TASK_HAS_ERROR,
		.error = (u32)FIELD_GET(TASK_ERROR, c->exit_info2),
		.resume = c->exit_info2 & TASK_RF,
		.at = v->rip,
	};

	/* The event has arrived: its handler is the new task. One of ours by INT n
	 * had rip behind its instruction already.
	 */
	v->exception.injected = false;
	v->nmi_injected = false;
	v->interrupt.injected = false;
	if ((rq.reason != TASK_EVENT ||
	     (inject_by_insn(c->exit_int_info) &&
	      to_svm(v)->insn_event != (u32)c->exit_int_info)) && !skip_insn(v))
		return RUN_AGAIN;
	vcpu_task_switch(v, &rq);
	return RUN_AGAIN;
}

typedef enum run_verdict (*exit_fn)(struct vcpu *v);

static const exit_fn exit_table[] = {
	[EXIT_CR_READ + 0] = exit_cr_read,
	[EXIT_CR_READ + 3] = exit_cr_read,
	[EXIT_CR_READ + 4] = exit_cr_read,
	[EXIT_CR_READ + 8] = exit_emulate,
	[EXIT_CR_WRITE + 0] = exit_cr_write,
	[EXIT_CR_WRITE + 3] = exit_cr_write,
	[EXIT_CR_WRITE + 4] = exit_cr_write,
	[EXIT_CR_WRITE + 8] = exit_cr_write,
	[EXIT_DR_READ ... EXIT_DR_READ + 7] = svm_exit_dr,
	[EXIT_DR_WRITE ... EXIT_DR_WRITE + 7] = svm_exit_dr,
	[EXIT_EXCP + EXCP_DB] = svm_exit_db,
	[EXIT_EXCP + EXCP_BP] = svm_exit_bp,
	[EXIT_EXCP + EXCP_UD] = exit_ud,
	[EXIT_EXCP + EXCP_PF] = exit_pf,
	[EXIT_EXCP + EXCP_AC] = exit_ac,
	[EXIT_EXCP + EXCP_MC] = exit_nothing,
	[EXIT_NMI] = exit_nothing,
	[EXIT_SMI] = exit_nothing,
	[EXIT_INIT] = exit_nothing,
	[EXIT_CR0_SEL_WRITE] = exit_cr_write,
	[EXIT_RDPMC] = inject_gp,
	[EXIT_RSM] = exit_rsm,
	[EXIT_IRET] = exit_iret,
	[EXIT_SWINT] = svm_exit_swint,
	[EXIT_INVD] = exit_skip,
	[EXIT_PAUSE] = exit_pause,
	[EXIT_INVLPG] = exit_invlpg,
	[EXIT_INVLPGA] = inject_ud,
	[EXIT_TASK_SWITCH] = exit_task_switch,
	[EXIT_SHUTDOWN] = exit_shutdown,
	[EXIT_VMRUN] = inject_ud,
	[EXIT_VMMCALL] = exit_vmmcall,
	[EXIT_VMLOAD] = inject_ud,
	[EXIT_VMSAVE] = inject_ud,
	[EXIT_STGI] = inject_ud,
	[EXIT_CLGI] = inject_ud,
	[EXIT_SKINIT] = inject_ud,
	[EXIT_WBINVD] = exit_skip,
	[EXIT_MONITOR] = exit_mwait,
	[EXIT_MWAIT] = exit_mwait,
	[EXIT_XSETBV] = exit_xsetbv,
	[EXIT_RDPRU] = inject_ud,
	[EXIT_RDTSCP] = inject_ud,
	[EXIT_INVPCID] = inject_ud,
};

/* ---- events that the exit interrupted ----------------------------------------------- */

/* The guest's own INT n starts over; one that we injected has rip behind it. */
static void requeue_insn_event(struct vcpu *v, u64 info)
{
	struct svm_vcpu *svm = to_svm(v);

	if (!svm->insn_event || svm->insn_event != (u32)info)
		return;
	if (FIELD_GET(EVENT_TYPE, info) == EVENT_TYPE_SOFT) {
		v->interrupt.injected = true;
		v->interrupt.soft = true;
		v->interrupt.vector = (u8)info;
		return;
	}
	v->exception.injected = true;
	v->exception.vector = (u8)info;
	v->exception.has_error = false;
}

/* Put back what was being delivered, so that the next entry delivers it. */
static void requeue_event(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	struct inject_event e;

	v->exception.injected = false;
	v->nmi_injected = false;
	v->interrupt.injected = false;
	if (likely(!(vmcb->c.exit_int_info & EVENT_VALID)))
		return;
	e = inject_decode(vmcb->c.exit_int_info);
	switch (e.kind) {
	case INJECT_EXCEPTION:
		v->exception.injected = true;
		v->exception.vector = e.vector;
		v->exception.has_error = e.has_error;
		v->exception.error = e.error;
		break;
	case INJECT_NMI:
		v->nmi_injected = true;
		break;
	case INJECT_INTR:
		v->interrupt.injected = true;
		v->interrupt.soft = false;
		v->interrupt.vector = e.vector;
		break;
	default:
		requeue_insn_event(v, vmcb->c.exit_int_info);
		break;
	}
}

static void trace_injection(struct vcpu *v, const struct inject_event *e)
{
	if (e->kind == INJECT_EXCEPTION)
		trace_kvm_inj_exception(e->vector, e->has_error, e->error);
	else if (e->kind != INJECT_NMI)
		trace_kvm_inj_virq(e->vector, e->kind == INJECT_SOFT);
}

/* At most one event per entry, chosen by kvm-core (APM2 15.20). */
void svm_inject(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct inject_event e = { .kind = INJECT_NONE };

	svm->vmcb->c.event_inj = 0;
	svm->insn_event = 0;
	if (likely(!v->exception.injected && !v->nmi_injected &&
		   !v->interrupt.injected))
		return;
	if (v->exception.injected) {
		e.kind = INJECT_EXCEPTION;
		e.vector = v->exception.vector;
		e.has_error = v->exception.has_error;
		e.error = v->exception.error;
	} else if (v->nmi_injected) {
		e.kind = INJECT_NMI;
		e.vector = 2;
		v->nmi_masked = true;
		vmcb_intercept(svm->vmcb, INTERCEPT_IRET, true);
	} else if (v->interrupt.injected) {
		e.kind = v->interrupt.soft ? INJECT_SOFT : INJECT_INTR;
		e.vector = v->interrupt.vector;
	}
	v->int_shadow = false;
	v->stat_injections++;
	trace_injection(v, &e);
	svm->vmcb->c.event_inj = inject_encode(&e);
	if (!inject_by_insn(svm->vmcb->c.event_inj))
		return;
	/* Its instruction is behind rip: that is where its handler returns. */
	svm->vmcb->c.next_rip = v->rip;
	svm->insn_event = (u32)svm->vmcb->c.event_inj;
}

/* ---- the quick way: between two entries, interrupts and preemption off ----------------- */

/* Where the instruction that exited ends; 0: not known in the quick way. */
static u64 quick_next_rip(struct vcpu *v)
{
	unsigned int len;

	if (svm_features.nrip)
		return to_svm(v)->vmcb->c.next_rip;
	len = vcpu_quick_insn_length(v);
	return len ? v->rip + len : 0;
}

/*
 * Leaf D tells the size of what XCR0 enables, and a CPU that cannot intercept
 * XSETBV has the guest's XCR0 until svm_enter() fetches it.
 */
static bool quick_cpuid(struct vcpu *v)
{
	u64 next = quick_next_rip(v);

	if (!next || unlikely(v->msr.misc_features) ||
	    (u32)v->regs[EMUL_RAX] == 0xd)
		return false;
	v->rip = next;
	v->int_shadow = false;
	vcpu_cpuid(v);
	return true;
}

/* Not inlined: its variable in memory would cost the others a stack guard. */
static noinline bool quick_msr(struct vcpu *v)
{
	bool write = to_svm(v)->vmcb->c.exit_info1 & 1;
	u64 data = (u32)v->regs[EMUL_RAX] | v->regs[EMUL_RDX] << 32;
	u32 msr = (u32)v->regs[EMUL_RCX];
	u64 next;

	if (!vcpu_quick_msr(v, msr, write))
		return false;
	next = quick_next_rip(v);
	if (!next || vcpu_guest_msr(v, msr, &data, write) != GUEST_MSR_DONE)
		return false;	/* refused: again, for the exception */
	trace_kvm_msr(write, msr, data, false);
	v->rip = next;
	v->int_shadow = false;
	v->stat_msr_exits++;
	if (!write) {
		v->regs[EMUL_RAX] = (u32)data;
		v->regs[EMUL_RDX] = data >> 32;
	}
	return true;
}

static bool quick_ioio(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	u64 info = c->exit_info1;

	if ((info & IOIO_STRING) ||
	    !vcpu_quick_pio(v, FIELD_GET(IOIO_PORT, info), FIELD_GET(IOIO_SIZE, info),
			    info & IOIO_IN, c->exit_info2))
		return false;
	v->int_shadow = false;
	v->stat_io_exits++;
	return true;
}

static bool quick_npf(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;

	if ((c->exit_info1 & NPF_GUEST_WALK) || trace_kvm_page_fault_enabled() ||
	    !vcpu_quick_mmio(v, c->exit_info2, c->exit_info1 & NPF_WRITE))
		return false;
	v->stat_npf++;
	v->stat_mmio_exits++;
	return true;
}

static bool quick_answer(struct vcpu *v, u64 code)
{
	switch (code) {
	case EXIT_NPF:
		return quick_npf(v);
	case EXIT_MSR:
		return quick_msr(v);
	case EXIT_IOIO:
		return quick_ioio(v);
	case EXIT_CPUID:
		return quick_cpuid(v);
	}
	return false;
}

bool svm_quick_exit(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	u64 code = c->exit_code;

	if ((c->exit_int_info & EVENT_VALID) || !(v->efer & EFER_LMA) ||
	    (v->rflags & X86_EFLAGS_TF) ||
	    trace_kvm_exit_enabled() || !quick_answer(v, code))
		return false;
	v->exception.injected = false;
	v->nmi_injected = false;
	v->interrupt.injected = false;
	v->stat_exits++;
	return true;
}

static enum run_verdict answer_exit(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;
	enum run_verdict verdict;
	u64 code = c->exit_code;

	requeue_event(v);
	v->stat_exits++;
	if (code == EXIT_NPF)
		return exit_npf(v);
	if ((u32)code == EXIT_INVALID_LOW) {
		vmcb_forget(to_svm(v)->vmcb);
		v->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		v->run->fail_entry.hardware_entry_failure_reason = (u32)code;
		v->run->fail_entry.cpu = v->cpu;
		return RUN_USER;
	}
	switch (code) {		/* the frequent ones, without an indirect call */
	case EXIT_INTR:
		return exit_intr(v);
	case EXIT_IOIO:
		return exit_ioio(v);
	case EXIT_MSR:
		v->stat_msr_exits++;
		return exit_msr(v);
	case EXIT_CPUID:
		return exit_cpuid(v);
	case EXIT_EXCP + EXCP_PF:
		return exit_pf(v);
	case EXIT_HLT:
		return exit_hlt(v);
	case EXIT_VINTR:
		return exit_vintr(v);
	}
	if (code < ARRAY_SIZE(exit_table) && exit_table[code])
		return exit_table[code](v);

	verdict = vcpu_internal_error(v, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
	v->run->internal.ndata = 2;
	v->run->internal.data[0] = (u32)code;
	v->run->internal.data[1] = v->cpu;
	return verdict;
}

static noinline __cold void trace_exit(struct vcpu *v)
{
	struct vmcb_control *c = &to_svm(v)->vmcb->c;

	trace_kvm_exit(v, (u32)c->exit_code, KVM_ISA_SVM, c->exit_info1,
		       c->exit_info2, (u32)c->exit_int_info,
		       (u32)(c->exit_int_info >> 32));
}

/* Those that bring flags of their own, or go somewhere else. */
static bool is_no_step(u64 code)
{
	return code == EXIT_RSM || code == EXIT_TASK_SWITCH || code == EXIT_SWINT ||
	       (code >= EXIT_EXCP && code < EXIT_EXCP + 32 && code != EXIT_EXCP + EXCP_PF);
}

/* An exit of a guest that is stepped, by a debugger or by itself: has the
 * instruction been done?
 */
static noinline enum run_verdict answer_step(struct vcpu *v)
{
	bool debugger = v->guest_debug & KVM_GUESTDBG_SINGLESTEP;
	u64 rip = v->rip, code = to_svm(v)->vmcb->c.exit_code;
	enum run_verdict verdict = answer_exit(v);

	if (v->rip == rip || (!debugger && is_no_step(code)))
		return verdict;
	if (verdict == RUN_AGAIN || (verdict == RUN_HALTED && !debugger))
		return vcpu_stepped(v) ? RUN_USER : verdict;
	/* User space has the rest of an access that is done for the guest. */
	v->step_due = verdict == RUN_USER &&
		      (v->run->exit_reason == KVM_EXIT_IO ||
		       v->run->exit_reason == KVM_EXIT_MMIO);
	return verdict;
}

enum run_verdict svm_handle_exit(struct vcpu *v)
{
	if (to_svm(v)->answered)
		return RUN_AGAIN;
	if (trace_kvm_exit_enabled())
		trace_exit(v);
	if (unlikely((v->guest_debug & KVM_GUESTDBG_SINGLESTEP) ||
		     (v->rflags & X86_EFLAGS_TF)))
		return answer_step(v);
	return answer_exit(v);
}
