// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_RUN: the loop around the guest.
 *
 * Each turn: serve requests, choose at most one event to inject, enter, answer
 * the exit. Interrupts are off from the last look at the requests to the
 * entry, so a request made later always finds IN_GUEST and sends an interrupt
 * that ends the guest's run. Knows no exit codes (svm) and no devices.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include "compat_linux.h"
#include "kvm-core/excp.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"

/* ---- the exception queue (APM2 8.2.9) ---------------------------------------------- */

static void exception_set(struct vcpu *v, u8 vector, u32 error)
{
	v->exception.pending = true;
	v->exception.injected = false;
	v->exception.has_payload = false;
	v->exception.at_insn = false;
	v->exception.vector = vector;
	/* Real mode pushes no error codes. */
	v->exception.has_error = excp_has_error(vector) && (v->cr0 & X86_CR0_PE);
	v->exception.error = error;
}

void vcpu_queue_exception(struct vcpu *v, u8 vector, u32 error)
{
	if (!v->exception.pending && !v->exception.injected) {
		exception_set(v, vector, error);
		return;
	}
	switch (excp_merge(v->exception.vector, vector)) {
	case EXCP_SECOND:
		exception_set(v, vector, error);
		break;
	case EXCP_DOUBLE_FAULT:
		exception_set(v, EXCP_DF, 0);
		break;
	case EXCP_SHUTDOWN:
		v->exception.pending = false;
		v->exception.injected = false;
		set_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		break;
	}
}
EXPORT_SYMBOL_GPL(vcpu_queue_exception);

void vcpu_queue_page_fault(struct vcpu *v, u64 cr2, u32 error)
{
	v->cr2 = cr2;
	vcpu_queue_exception(v, EXCP_PF, error);
}
EXPORT_SYMBOL_GPL(vcpu_queue_page_fault);

bool vcpu_stepped(struct vcpu *v)
{
	if (v->guest_debug & KVM_GUESTDBG_SINGLESTEP) {
		vcpu_ops->debug_stepped(v);
		return true;
	}
	v->dr6 = (v->dr6 & ~(u64)DR_TRAP_BITS) | DR_STEP;
	vcpu_queue_exception(v, EXCP_DB, 0);
	return false;
}
EXPORT_SYMBOL_GPL(vcpu_stepped);

enum run_verdict vcpu_internal_error(struct vcpu *v, u32 suberror)
{
	v->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	v->run->internal.suberror = suberror;
	v->run->internal.ndata = 0;
	return RUN_ERROR;
}
EXPORT_SYMBOL_GPL(vcpu_internal_error);

enum run_verdict vcpu_mem_verdict(enum vm_mem_verdict verdict)
{
	switch (verdict) {
	case VM_MEM_MAPPED:
	case VM_MEM_SIGNAL:
		return RUN_AGAIN;	/* a signal is seen by the run loop */
	case VM_MEM_NOMEM:
		return RUN_NOMEM;
	default:
		return RUN_BAD_MEM;
	}
}
EXPORT_SYMBOL_GPL(vcpu_mem_verdict);

/* ---- requests -------------------------------------------------------------------------- */

bool vcpu_take_request(struct vcpu *v, enum vcpu_request r)
{
	if (!test_bit(r, &v->requests))
		return false;
	clear_bit(r, &v->requests);
	/* What came with the request is read after the request is gone. */
	smp_mb__after_atomic();
	return true;
}

/* INIT (APM2 14.1): the boot CPU starts again, others wait for a SIPI. */
static void take_init(struct vcpu *v)
{
	vcpu_reset(v, true);
	v->mp_state = v->id == v->vm->boot_id ? KVM_MP_STATE_RUNNABLE :
						KVM_MP_STATE_INIT_RECEIVED;
}

/* SIPI: real mode at vector * 4096 (APM2 16.5). */
static void take_sipi(struct vcpu *v)
{
	struct kvm_sregs s = { };

	if (v->mp_state != KVM_MP_STATE_INIT_RECEIVED)
		return;
	vcpu_ops->get_sregs(v, &s);
	s.cs.selector = v->sipi_vector << 8;
	s.cs.base = v->sipi_vector << 12;
	vcpu_ops->set_sregs(v, &s);
	v->rip = 0;
	v->mp_state = KVM_MP_STATE_RUNNABLE;
}

void vcpu_accept_init(struct vcpu *v)
{
	if (vcpu_take_request(v, VCPU_REQ_INIT)) {
		if (v->smm.active)
			v->smm.init_latched = true;
		else
			take_init(v);
	}
	if (vcpu_take_request(v, VCPU_REQ_SIPI))
		take_sipi(v);
}

void vcpu_send_nmi(struct vcpu *v)
{
	atomic_inc(&v->nmis_sent);
	vcpu_request(v, VCPU_REQ_NMI);
}

/* One may be in its handler and one more wait (APM2 8.1.3): two that come at once
 * are both taken, a third is not.
 */
void vcpu_accept_nmi(struct vcpu *v)
{
	unsigned int room = v->nmi_masked || v->nmi_injected ? 1 : VCPU_MAX_NMIS;

	if (vcpu_take_request(v, VCPU_REQ_NMI))
		v->nmi_pending = min(room, v->nmi_pending +
				     (unsigned int)atomic_xchg(&v->nmis_sent, 0));
}

/* True: leave for user space, kvm_run is filled in. */
static noinline bool serve_waiting(struct vcpu *v)
{
	if (READ_ONCE(v->requests) == BIT(VCPU_REQ_EVENT)) {
		vcpu_take_request(v, VCPU_REQ_EVENT);
		return false;	/* choose_event() looks */
	}
	if (vcpu_take_request(v, VCPU_REQ_VM_DEAD) || v->vm->dead) {
		vcpu_internal_error(v, KVM_INTERNAL_ERROR_EMULATION);
		return true;
	}
	if (vcpu_take_request(v, VCPU_REQ_TPR)) {
		v->run->exit_reason = KVM_EXIT_TPR_ACCESS;
		return true;
	}
	if (vcpu_take_request(v, VCPU_REQ_TRIPLE_FAULT)) {
		v->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return true;
	}
	if (vcpu_take_request(v, VCPU_REQ_RING_FULL) && vcpu_ring_full(v)) {
		set_bit(VCPU_REQ_RING_FULL, &v->requests);
		v->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
		return true;
	}
	if (vcpu_take_request(v, VCPU_REQ_TLB_FLUSH))
		vcpu_ops->flush_tlb(v);
	if (vcpu_take_request(v, VCPU_REQ_TIMER))
		vcpu_irq_timer_poll(v);
	if (vcpu_take_request(v, VCPU_REQ_SMI))
		v->smm.pending = true;
	vcpu_accept_init(v);
	vcpu_accept_nmi(v);
	if (vcpu_take_request(v, VCPU_REQ_CLOCK))
		vcpu_clock_update(v);
	if (vcpu_take_request(v, VCPU_REQ_IOAPIC_EOI_EXIT)) {
		v->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		v->run->eoi.vector = v->eoi_vector;
		return true;
	}
	if (vcpu_take_request(v, VCPU_REQ_STEAL))
		vcpu_pv_steal_update(v);
	if (vcpu_take_request(v, VCPU_REQ_APF))
		vcpu_apf_tell(v);
	if (vcpu_take_request(v, VCPU_REQ_SHADOW) && vcpu_shadow_load(v)) {
		set_bit(VCPU_REQ_SHADOW, &v->requests);	/* no entry without it */
		vcpu_internal_error(v, KVM_INTERNAL_ERROR_EMULATION);
		return true;
	}
	vcpu_take_request(v, VCPU_REQ_EVENT);
	return false;
}

static bool serve_requests(struct vcpu *v)
{
	return unlikely(READ_ONCE(v->requests)) && serve_waiting(v);
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Sleep until something may have happened. True: leave, kvm_run is filled in. */
static bool vcpu_block(struct vcpu *v)
{
	if (vcpu_wait(v) || compat_immediate_exit(v->run) ||
	    !vcpu_is_halted(v))
		return false;
	if (serve_requests(v))
		return true;
	if (vcpu_runnable(v)) {
		v->mp_state = KVM_MP_STATE_RUNNABLE;
		v->smm.halted = v->smm.pending;
		WRITE_ONCE(v->pv.unhalted, false);
	}
	return false;
}

/* ---- injection -------------------------------------------------------------------------------- */

/* What user space queued changes CR2 or DR6 only now (APM2 8.4.2). */
static void deliver_payload(struct vcpu *v)
{
	v->exception.has_payload = false;
	if (v->exception.vector == EXCP_PF)
		v->cr2 = v->exception.payload;
	else if (v->exception.vector == EXCP_DB)
		v->dr6 = (v->dr6 & ~(u64)DR_TRAP_BITS) |
			 (v->exception.payload & 0xe00f);
}

/*
 * A #BP or #OF from user space, which met INT3 or INTO in its own way: the handler
 * returns behind that (APM2 8.2.4, 8.2.5). Where we cut a delivery short, rip is
 * behind it already.
 */
static void pass_insn(struct vcpu *v)
{
	static const struct { u8 bytes[2], len, vector; } insns[] = {
		{ { 0xcc }, 1, EXCP_BP }, { { 0xcd, EXCP_BP }, 2, EXCP_BP },
		{ { 0xce }, 1, EXCP_OF }, { { 0xcd, EXCP_OF }, 2, EXCP_OF },
	};
	unsigned int i;

	v->exception.at_insn = false;
	for (i = 0; i < ARRAY_SIZE(insns); i++)
		if (insns[i].vector == v->exception.vector &&
		    vcpu_insn_is(v, insns[i].bytes, insns[i].len)) {
			v->rip += insns[i].len;
			return;
		}
}

/* Faults, not traps: RF is set in the flags they push (APM2 3.1.6). */
static bool sets_rf(u8 vector)
{
	return vector != EXCP_DB && vector != EXCP_BP && vector != EXCP_OF;
}

static void deliver_exception(struct vcpu *v)
{
	if (unlikely(v->exception.has_payload))
		deliver_payload(v);
	v->exception.pending = false;
	v->exception.injected = true;
	if (sets_rf(v->exception.vector))
		v->rflags |= X86_EFLAGS_RF;
	if (v->exception.vector == EXCP_DB)	/* so that its handler may look */
		v->dr7 &= ~(u64)DR7_GD;
}

static bool user_irq_waiting(struct vcpu *v)
{
	return v->user_irq >= 0 && vcpu_irq_takes_extint(v);
}

static int next_interrupt(struct vcpu *v)
{
	int vector;

	if (user_irq_waiting(v)) {
		vector = v->user_irq;
		v->user_irq = -1;
		return vector;
	}
	return vcpu_irq_ack(v);
}

static void take_interrupt(struct vcpu *v, u8 vector)
{
	v->interrupt.injected = true;
	v->interrupt.soft = false;
	v->interrupt.vector = vector;
}

static bool interrupt_waiting(struct vcpu *v)
{
	return user_irq_waiting(v) || vcpu_irq_pending(v) >= 0;
}

/*
 * Choose what goes in with the next entry: first what an exit interrupted,
 * then a new exception, an NMI, an interrupt (APM2 table 8-8).
 */
static void choose_waiting(struct vcpu *v, bool window)
{
	bool trap;
	int vector;

	trap = vcpu_irq_needs_cr8(v);
	if (trap != v->cr8_trapped)
		vcpu_ops->trap_cr8(v, trap);
	if (unlikely(v->exception.at_insn &&
		     (v->exception.injected || v->exception.pending)))
		pass_insn(v);
	if (v->exception.injected || v->nmi_injected || v->interrupt.injected)
		goto windows;
	if (v->exception.pending) {
		deliver_exception(v);
		goto windows;
	}
	if (vcpu_user_event(v) >= 0) {
		take_interrupt(v, next_interrupt(v));
		goto windows;
	}
	if (unlikely(v->guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		return;
	if (unlikely(v->smm.pending))	/* its frame is big, and is cleared each time */
		vcpu_smi_enter(v);
	if (v->nmi_pending && vcpu_ops->nmi_allowed(v)) {
		v->nmi_pending--;
		v->nmi_injected = true;
		goto windows;
	}
	if (interrupt_waiting(v) && vcpu_ops->interrupt_allowed(v)) {
		vector = next_interrupt(v);
		if (vector >= 0)
			take_interrupt(v, vector);
	}
windows:
	if (v->nmi_pending)
		vcpu_ops->request_nmi_window(v);
	if (window || interrupt_waiting(v))
		vcpu_ops->request_irq_window(v, true);
}

/* User space wants to inject. It has nothing to, with all chips in the kernel. */
static bool window_asked(const struct vcpu *v)
{
	return v->run->request_interrupt_window && vm_irq_mode(v->vm) != IRQCHIP_KERNEL;
}

/*
 * v->quick: may svm answer what it can between two entries? Whatever a debugger, a
 * tracer, SMM, user space or a lent EOI wants of an exit, the loop below sees to.
 */
static void choose_event(struct vcpu *v)
{
	bool window = window_asked(v) && vcpu_irq_takes_extint(v);

	v->quick = true;
	if (likely(vcpu_irq_quiet(v) && !v->cr8_trapped && !window &&
		   !v->exception.injected && !v->exception.pending &&
		   !v->nmi_injected && !v->nmi_pending && !v->smm.pending &&
		   !v->interrupt.injected && v->user_irq < 0))
		return;
	choose_waiting(v, window);
	v->quick = !v->cr8_trapped && !window && !v->nmi_pending &&
		   !v->smm.pending && v->user_irq < 0;
}

/* ---- one entry ----------------------------------------------------------------------------------- */

/*
 * The interrupt that ended the run comes here; a tick among them is the guest's time.
 * It finds the thread preemptible: then RCU counts it as out of its sections, as it
 * does a program, and no grace period waits for a busy guest. Where time is kept
 * without ticks RCU does not wait for guests anyway (context tracking).
 */
static void let_interrupts_in(void)
{
	if (vtime_accounting_enabled_this_cpu()) {
		local_irq_enable();
		local_irq_disable();
		vtime_account_guest_exit();
		local_irq_enable();
		preempt_enable();
		return;
	}
	preempt_enable();
	local_irq_enable();
	current->flags &= ~PF_VCPU;
}

static enum run_verdict enter_guest(struct vcpu *v)
{
	choose_event(v);
	if (v->msr.pv_eoi)
		vcpu_pv_eoi_lend(v);
	if (unlikely(v->vapic_page))
		vcpu_vapic_put(v);
	if (unlikely(v->guest_debug || v->pv.eoi_lent || v->smm.active || v->vapic_page ||
		     trace_kvm_entry_enabled()))
		v->quick = false;

	preempt_disable();
	local_irq_disable();
	/* Pairs with vcpu_kick() and vm_flush_tlb(): mode, then requests. */
	smp_store_mb(v->mode, VCPU_IN_GUEST);

	if (READ_ONCE(v->requests) || host_wants_thread()) {
		/* Nothing is lost: what was chosen is still marked injected. */
		WRITE_ONCE(v->mode, VCPU_OUTSIDE);
		local_irq_enable();
		preempt_enable();
		if (v->pv.eoi_lent)
			vcpu_pv_eoi_settle(v);
		return RUN_AGAIN;
	}
	/* An SMI waits for the event that goes in now: come back right after. */
	if (unlikely(v->smm.pending && !v->smm.active))
		smp_send_reschedule(smp_processor_id());
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();

	trace_entry_away(v);
	vtime_account_guest_enter();
	static_call(vcpu_enter)(v);

	WRITE_ONCE(v->mode, VCPU_OUTSIDE);
	let_interrupts_in();
	if (v->pv.eoi_lent)
		vcpu_pv_eoi_settle(v);
	if (unlikely(v->vapic_page))
		vcpu_vapic_take(v);
	return static_call(vcpu_handle_exit)(v);
}

/*
 * Could the guest take an interrupt from user space now (APM2 15.21.4)? Not while the
 * delivery of something else has to go on first: its handler may want none.
 */
static bool takes_user_irq(struct vcpu *v)
{
	return v->user_irq < 0 && vcpu_irq_takes_extint(v) &&
	       !v->interrupt.injected && !v->nmi_injected &&
	       !v->exception.injected && !v->exception.pending &&
	       vcpu_ops->interrupt_allowed(v);
}

/* User space wants to inject, and now it could. */
static bool window_open(struct vcpu *v)
{
	return window_asked(v) && takes_user_irq(v);
}

static int vcpu_halt(struct vcpu *v)
{
	if (vm_irq_mode(v->vm) == IRQCHIP_NONE) {
		v->run->exit_reason = KVM_EXIT_HLT;
		return 1;
	}
	v->mp_state = KVM_MP_STATE_HALTED;
	return 0;
}

/* A signal waits, or user space wants its thread. Its CPU it gives up here. */
static noinline bool must_leave(struct vcpu *v)
{
	if (signal_pending(current) || compat_immediate_exit(v->run)) {
		v->run->exit_reason = KVM_EXIT_INTR;
		return true;
	}
	cond_resched();
	return false;
}

/* 0: kvm_run says why. -EINTR: a signal. -EFAULT, -ENOMEM: as the verdicts say. */
static int run_loop(struct vcpu *v)
{
	enum run_verdict verdict;

	v->run->exit_reason = KVM_EXIT_UNKNOWN;
	for (;;) {
		if (unlikely(host_wants_thread() || compat_immediate_exit(v->run)) &&
		    must_leave(v))
			return -EINTR;
		if (serve_requests(v))
			return 0;
		/* Before a halt: HLT runs in STI's shadow, which hides the window. */
		if (window_open(v)) {
			v->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
		if (v->mp_state != KVM_MP_STATE_RUNNABLE) {
			if (vcpu_block(v))
				return 0;
			continue;
		}
		verdict = enter_guest(v);
		if (verdict == RUN_AGAIN || (verdict == RUN_HALTED && !vcpu_halt(v)))
			continue;
		if (verdict == RUN_BAD_MEM)
			return -EFAULT;
		return verdict == RUN_NOMEM ? -ENOMEM : 0;
	}
}

/* What user space reads after every KVM_RUN. */
static void fill_run(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	run->if_flag = !!(v->rflags & X86_EFLAGS_IF);
	run->cr8 = vcpu_tpr_class(v);
	run->apic_base = vcpu_irq_get_apic_base(v);
	run->flags = v->smm.active ? KVM_RUN_X86_SMM : 0;
	run->ready_for_interrupt_injection =
		vm_irq_mode(v->vm) == IRQCHIP_KERNEL || takes_user_irq(v);
}

/*
 * An access that user space has answered ends its instruction now. 0: run on.
 * 1: kvm_run is filled in. < 0: errno.
 */
static int complete_access(struct vcpu *v)
{
	bool tf = (v->guest_debug & KVM_GUESTDBG_SINGLESTEP) ||
		  (v->rflags & X86_EFLAGS_TF);
	bool stepped = v->step_due;
	u64 rip = v->rip;
	int r = 0;

	if (!v->pio.active && !v->mmio.active && !v->load.active &&
	    likely(!v->user_msr.active && !v->user_hypercall && !stepped))
		return 0;
	v->step_due = false;
	if (v->user_msr.active)
		vcpu_complete_user_msr(v);
	else if (v->user_hypercall)
		vcpu_complete_hypercall(v);
	else if (v->pio.active || v->mmio.active || v->load.active)
		r = vcpu_complete_io(v);
	stepped |= v->rip != rip;
	return !r && stepped && tf ? vcpu_stepped(v) : r;
}

/*
 * KVM_SET_SIGNAL_MASK. What was blocked before counts as blocked still: a signal
 * without a handler, which user space waits for, would be dropped where it is not, or
 * end the process.
 */
static void mask_signals(struct vcpu *v)
{
	if (v->sigset_active)
		sigprocmask(SIG_SETMASK, &v->sigset, &current->real_blocked);
}

static void unmask_signals(const struct vcpu *v)
{
	if (!v->sigset_active)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

int vcpu_run(struct vcpu *v)
{
	bool own_cr8 = vm_irq_mode(v->vm) == IRQCHIP_NONE;
	u64 cr8 = READ_ONCE(v->run->cr8);
	int r;

	if (unlikely(v->run->kvm_valid_regs | v->run->kvm_dirty_regs)) {
		r = vcpu_sync_in(v);
		if (r)
			return r;
	}
	if (own_cr8 && cr8 > 15)
		return -EINVAL;
	mask_signals(v);
	if (own_cr8)
		vcpu_irq_set_cr8(v, cr8);

	WRITE_ONCE(v->task, current);
	fpu_swap_kvm_fpstate(&v->fpu, true);
	r = complete_access(v);
	if (!r && compat_immediate_exit(v->run))
		r = -EINTR;	/* what kvm_run says stays: all of it is done now */
	else if (!r)
		r = run_loop(v);
	else if (r > 0)
		r = 0;		/* the same instruction needs another answer */
	fpu_swap_kvm_fpstate(&v->fpu, false);
	WRITE_ONCE(v->task, NULL);

	fill_run(v);
	if (unlikely(v->run->kvm_valid_regs))
		vcpu_sync_out(v);
	trace_kvm_userspace_exit(v->run->exit_reason, r);
	unmask_signals(v);
	return r;
}
