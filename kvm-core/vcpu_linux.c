// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU: its file descriptor and the ioctls that read and write its state.
 *
 * Every ioctl but KVM_INTERRUPT's kin runs with vcpu->mutex held and the vCPU
 * loaded. KVM_RUN itself is run_linux.c's. Knows no exit codes.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include "compat_linux.h"
#include "kvm-core/excp.h"
#include "kvm-core/stats.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vmsr.h"

/* ---- loaded on a CPU ------------------------------------------------------------- */

static void sched_in(struct preempt_notifier *n, int cpu)
{
	struct vcpu *v = container_of(n, struct vcpu, notifier);

	if (v->cpu != cpu) {
		/* Another CPU's TLB may hold old translations of ours. */
		vcpu_ops->flush_tlb(v);
		set_bit(VCPU_REQ_CLOCK, &v->requests);
		vcpu_irq_migrate_timer(v);
	}
	WRITE_ONCE(v->cpu, cpu);
	vcpu_pv_sched_in(v);
	vcpu_ops->load(v, cpu);
}

static void sched_out(struct preempt_notifier *n, struct task_struct *next)
{
	struct vcpu *v = container_of(n, struct vcpu, notifier);

	vcpu_pv_sched_out(v);
	vcpu_ops->put(v);
}

static struct preempt_ops preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

void vcpu_load(struct vcpu *v)
{
	int cpu = get_cpu();

	preempt_notifier_register(&v->notifier);
	sched_in(&v->notifier, cpu);
	put_cpu();
}

void vcpu_put(struct vcpu *v)
{
	preempt_disable();
	vcpu_pv_put(v);
	vcpu_ops->put(v);
	preempt_notifier_unregister(&v->notifier);
	preempt_enable();
}

/* ---- reset ------------------------------------------------------------------------- */

void vcpu_reset(struct vcpu *v, bool init)
{
	u64 cd_nw = init ? v->cr0 & X86_CR0_CACHE_BITS : X86_CR0_CACHE_BITS;

	memset(v->regs, 0, sizeof(v->regs));
	v->regs[EMUL_RDX] = vcpu_signature(v);
	v->rip = 0xfff0;
	v->rflags = X86_EFLAGS_FIXED;
	v->cr0 = X86_CR0_ET | cd_nw;
	v->cr2 = 0;
	v->cr3 = 0;
	v->cr4 = 0;
	v->efer = 0;
	memset(v->dr, 0, sizeof(v->dr));
	v->dr6 = DR6_RESERVED;
	v->dr7 = 0x400;
	memset(&v->exception, 0, sizeof(v->exception));
	memset(&v->interrupt, 0, sizeof(v->interrupt));
	atomic_set(&v->nmis_sent, 0);
	v->nmi_pending = 0;
	v->nmi_injected = false;
	v->nmi_masked = false;
	v->int_shadow = false;
	v->user_irq = -1;
	v->vapic_page = 0;
	vcpu_forget_code(v);
	v->device_gfn = ~0ULL;
	v->mmio.n = 0;
	v->mmio.active = false;
	v->pio.active = false;
	v->load.active = false;
	v->user_msr.active = false;
	if (!init) {
		v->xcr0 = XFEATURE_MASK_FP;
		v->pkru = 0;
		v->msr.ucode_rev = VMSR_UCODE_REV;
		v->msr.pat = 0x0007040600070406ULL;
		v->msr.misc_enable = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
				     MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
		v->msr.misc_features = 0;
		v->msr.platform_info = BIT_ULL(31);	/* CPUID can fault */
	}
	v->user_hypercall = false;
	v->ahead.count = 0;
	vcpu_pv_reset(v);
	vcpu_smm_reset(v, init);
	vcpu_irq_reset(v, init);
	vcpu_ops->vcpu_reset(v);
	vcpu_ops->update_mode(v);
	vcpu_flush_guest_tlb(v);
}
EXPORT_SYMBOL_GPL(vcpu_reset);

/* ---- registers ----------------------------------------------------------------------- */

/* struct kvm_regs in the order of enum emul_reg. */
static void regs_get(struct vcpu *v, struct kvm_regs *r)
{
	const u64 *g = v->regs;

	r->rax = g[EMUL_RAX];
	r->rbx = g[EMUL_RBX];
	r->rcx = g[EMUL_RCX];
	r->rdx = g[EMUL_RDX];
	r->rsi = g[EMUL_RSI];
	r->rdi = g[EMUL_RDI];
	r->rsp = g[EMUL_RSP];
	r->rbp = g[EMUL_RBP];
	r->r8 = g[8];
	r->r9 = g[9];
	r->r10 = g[10];
	r->r11 = g[11];
	r->r12 = g[12];
	r->r13 = g[13];
	r->r14 = g[14];
	r->r15 = g[15];
	r->rip = v->rip;
	r->rflags = v->rflags;
}

static void regs_set(struct vcpu *v, const struct kvm_regs *r)
{
	u64 *g = v->regs;

	g[EMUL_RAX] = r->rax;
	g[EMUL_RBX] = r->rbx;
	g[EMUL_RCX] = r->rcx;
	g[EMUL_RDX] = r->rdx;
	g[EMUL_RSI] = r->rsi;
	g[EMUL_RDI] = r->rdi;
	g[EMUL_RSP] = r->rsp;
	g[EMUL_RBP] = r->rbp;
	g[8] = r->r8;
	g[9] = r->r9;
	g[10] = r->r10;
	g[11] = r->r11;
	g[12] = r->r12;
	g[13] = r->r13;
	g[14] = r->r14;
	g[15] = r->r15;
	v->rflags = r->rflags | X86_EFLAGS_FIXED;
	v->exception.pending = false;
	if (v->rip == r->rip)
		return;
	/* A new rip ends whatever access was under way. */
	v->rip = r->rip;
	v->mmio.n = 0;
	v->mmio.active = false;
	v->pio.active = false;
	v->load.active = false;
	v->ahead.count = 0;
}

/* An interrupt that the guest has not begun to handle, and nobody else keeps. INT n is
 * none.
 */
static bool in_delivery(struct vcpu *v, u8 *vector)
{
	int given = vcpu_user_event(v);

	*vector = given >= 0 ? given : v->interrupt.vector;
	return given >= 0 || (v->interrupt.injected && !v->interrupt.soft);
}

static void sregs_get(struct vcpu *v, struct kvm_sregs *s)
{
	u8 vector;

	memset(s, 0, sizeof(*s));
	vcpu_ops->get_sregs(v, s);
	s->cr0 = v->cr0;
	s->cr2 = v->cr2;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	s->cr8 = vcpu_tpr_class(v);
	s->efer = v->efer;
	s->apic_base = vcpu_irq_get_apic_base(v);
	if (in_delivery(v, &vector))
		s->interrupt_bitmap[vector / 64] |= BIT_ULL(vector % 64);
}

bool vcpu_has_keys(void)
{
	return boot_cpu_has(X86_FEATURE_OSPKE) && !vcpu_ops->shadow;
}

u64 vcpu_cr4_possible(void)
{
	static const struct { u64 bits; int feature; } by_feature[] = {
		{ X86_CR4_UMIP, X86_FEATURE_UMIP },
		{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
		{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },
		{ X86_CR4_SMEP, X86_FEATURE_SMEP },
		{ X86_CR4_SMAP, X86_FEATURE_SMAP },
	};
	u64 bits = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |
		   X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		   X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(by_feature); i++)
		if (boot_cpu_has(by_feature[i].feature))
			bits |= by_feature[i].bits;
	if (vcpu_has_keys())
		bits |= X86_CR4_PKE;
	/* Not by the kernel's word: it forgets it where it uses four levels. */
	if (cpuid_eax(0) >= 7 && (cpuid_ecx(7) & BIT(16)))
		bits |= X86_CR4_LA57;
	return bits;
}

/* What VMRUN would refuse, or take for something else (APM2 15.5.1). */
static bool sregs_valid(const struct vcpu *v, const struct kvm_sregs *s)
{
	bool lma = s->efer & EFER_LMA;

	if (s->cr4 & ~vcpu_cr4_allowed(v) || s->cr0 >> 32)
		return false;
	if ((s->cr0 & X86_CR0_PG) && !(s->cr0 & X86_CR0_PE))
		return false;
	if ((s->cr0 & X86_CR0_NW) && !(s->cr0 & X86_CR0_CD))
		return false;
	if ((s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG))
		return lma && (s->cr4 & X86_CR4_PAE) && !(s->cr3 >> v->phys_bits);
	return !lma && !s->cs.l;
}

static int sregs_set(struct vcpu *v, const struct kvm_sregs *s)
{
	unsigned int i;
	int err;

	if (!sregs_valid(v, s))
		return -EINVAL;
	if (s->apic_base != vcpu_irq_get_apic_base(v)) {
		err = vcpu_irq_restore_apic_base(v, s->apic_base);
		if (err)
			return err;
	}
	v->cr0 = s->cr0;
	v->cr2 = s->cr2;
	v->cr3 = s->cr3;
	v->cr4 = s->cr4;
	v->efer = s->efer;
	vcpu_irq_set_cr8(v, s->cr8);
	vcpu_ops->set_sregs(v, s);
	v->shadow.zap = true;	/* a snapshot came, perhaps */
	vcpu_flush_guest_tlb(v);
	for (i = 0; i < ARRAY_SIZE(s->interrupt_bitmap); i++) {
		if (!s->interrupt_bitmap[i])
			continue;
		if (vcpu_user_event(v) >= 0)
			v->user_irq = -1;
		v->interrupt.injected = true;
		v->interrupt.soft = false;
		v->interrupt.vector = i * 64 + __ffs64(s->interrupt_bitmap[i]);
		break;
	}
	/* Older user space puts the boot CPU at its reset vector so. */
	if (v->id == v->vm->boot_id && v->rip == 0xfff0 && s->cs.selector == 0xf000 &&
	    !(s->cr0 & X86_CR0_PE))
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/* struct kvm_sregs2 is kvm_sregs with flags and PDPTEs in the bitmap's place. */
static_assert(offsetof(struct kvm_sregs, interrupt_bitmap) ==
	      offsetof(struct kvm_sregs2, flags), "one is a prefix of the other");

static bool sregs_pae(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

/* The CPU reads PDPTEs from the guest's memory with every walk, so they are
 * read there and need not be set (APM2 15.25.10).
 */
static int sregs2_get(struct vcpu *v, struct kvm_sregs2 *s2)
{
	gpa_t pdpt = v->cr3 & 0xffffffe0;
	struct kvm_sregs s;

	sregs_get(v, &s);
	memcpy(s2, &s, offsetof(struct kvm_sregs, interrupt_bitmap));
	if (sregs_pae(v->cr0, v->cr4, v->efer) &&
	    !vm_mem_read(v->vm, pdpt, s2->pdptrs, sizeof(s2->pdptrs)))
		s2->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	return 0;
}

static int sregs2_set(struct vcpu *v, const struct kvm_sregs2 *s2)
{
	struct kvm_sregs s = { };

	if (s2->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (s2->flags && !sregs_pae(s2->cr0, s2->cr4, s2->efer))
		return -EINVAL;
	memcpy(&s, s2, offsetof(struct kvm_sregs, interrupt_bitmap));
	return sregs_set(v, &s);
}

/* ---- FPU -------------------------------------------------------------------------------- */

/* MXCSR travels with XSAVE alone: the ABI has a field for it here that means nothing. */
static void fpu_get(struct vcpu *v, struct kvm_fpu *out)
{
	const struct fxregs_state *fx = &v->fpu.fpstate->regs.fxsave;

	memset(out, 0, sizeof(*out));
	memcpy(out->fpr, fx->st_space, sizeof(out->fpr));
	out->fcw = fx->cwd;
	out->fsw = fx->swd;
	out->ftwx = fx->twd;
	out->last_opcode = fx->fop;
	out->last_ip = fx->rip;
	out->last_dp = fx->rdp;
	memcpy(out->xmm, fx->xmm_space, sizeof(out->xmm));
}

/* MXCSR is no part of what bit 1 tells, but in the compacted form it is not written
 * while that bit stays clear.
 */
void vcpu_begin_sse(struct xregs_state *x)
{
	if (x->header.xfeatures & XFEATURE_MASK_SSE)
		return;
	memset(x->i387.xmm_space, 0, sizeof(x->i387.xmm_space));
	if (x->header.xcomp_bv & XCOMP_BV_COMPACTED_FORMAT)
		x->i387.mxcsr = MXCSR_DEFAULT;
	x->header.xfeatures |= XFEATURE_MASK_SSE;
}

static void fpu_set(struct vcpu *v, const struct kvm_fpu *in)
{
	struct xregs_state *x = &v->fpu.fpstate->regs.xsave;
	struct fxregs_state *fx = &x->i387;

	memcpy(fx->st_space, in->fpr, sizeof(in->fpr));
	fx->cwd = in->fcw;
	fx->swd = in->fsw;
	fx->twd = in->ftwx;
	fx->fop = in->last_opcode;
	fx->rip = in->last_ip;
	fx->rdp = in->last_dp;
	vcpu_begin_sse(x);
	memcpy(fx->xmm_space, in->xmm, sizeof(in->xmm));
	x->header.xfeatures |= XFEATURE_MASK_FPSSE;
}

static u64 xsave_features(void)
{
	return XFEATURE_MASK_FPSSE | vcpu_xcr0_possible();
}

static int xsave_get(struct vcpu *v, struct kvm_xsave *out)
{
	memset(out, 0, sizeof(*out));
	fpu_copy_guest_fpstate_to_uabi(&v->fpu, out, sizeof(*out),
				       xsave_features(), v->pkru);
	return 0;
}

static int xsave_set(struct vcpu *v, const struct kvm_xsave *in)
{
	return fpu_copy_uabi_to_guest_fpstate(&v->fpu, in, xsave_features(),
					      &v->pkru);
}

static int xcrs_get(struct vcpu *v, struct kvm_xcrs *x)
{
	memset(x, 0, sizeof(*x));
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return 0;
	x->nr_xcrs = 1;
	x->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	x->xcrs[0].value = v->xcr0;
	return 0;
}

static int xcrs_set(struct vcpu *v, const struct kvm_xcrs *x)
{
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE) || x->nr_xcrs > KVM_MAX_XCRS ||
	    x->flags)
		return -EINVAL;
	for (i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return vcpu_set_xcr0(v, x->xcrs[i].value);
	return 0;
}

/* ---- events, debug, state ------------------------------------------------------------------ */

/*
 * Without KVM_CAP_EXCEPTION_PAYLOAD an exception that waits is told as one in
 * delivery. The guest's own have changed CR2 and DR6 already; only user space
 * queues one with a payload.
 */
static void exception_get(struct vcpu *v, struct kvm_vcpu_events *e)
{
	bool apart = v->vm->exception_payload;

	e->exception.injected = v->exception.injected ||
				(v->exception.pending && !apart);
	e->exception.pending = v->exception.pending && apart;
	e->exception.nr = v->exception.vector;
	e->exception.has_error_code = v->exception.has_error;
	e->exception.error_code = v->exception.error;
	if (!apart)
		return;
	e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	e->exception_has_payload = v->exception.pending && v->exception.has_payload;
	if (e->exception_has_payload)
		e->exception_payload = v->exception.payload;
}

static int events_get(struct vcpu *v, struct kvm_vcpu_events *e)
{
	vcpu_accept_nmi(v);
	memset(e, 0, sizeof(*e));
	e->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	exception_get(v, e);
	e->interrupt.injected = in_delivery(v, &e->interrupt.nr);
	/* The CPU does not say of which kind. */
	e->interrupt.shadow = v->int_shadow ?
		KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
	e->nmi.injected = v->nmi_injected;
	e->nmi.pending = v->nmi_pending;
	e->nmi.masked = v->nmi_masked;
	vcpu_smm_events_get(v, e);
	if (v->vm->triple_fault_event) {
		e->triple_fault.pending = test_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		e->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static bool events_valid(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
		    KVM_VCPUEVENT_VALID_SIPI_VECTOR | KVM_VCPUEVENT_VALID_SMM |
		    KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	bool pending = (e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) &&
		       e->exception.pending;

	if (e->flags & ~known)
		return false;
	if ((e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && !v->vm->exception_payload)
		return false;
	if ((e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) &&
	    !v->vm->triple_fault_event)
		return false;
	/* One that waits for a SIPI takes no SMI. */
	if ((e->flags & KVM_VCPUEVENT_VALID_SMM) && (e->smi.smm || e->smi.pending) &&
	    v->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return false;
	return !(pending || e->exception.injected) ||
	       (e->exception.nr <= 31 && e->exception.nr != EXCP_NMI);
}

static void exception_restore(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	v->exception.pending = (e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) &&
			       e->exception.pending;
	v->exception.injected = e->exception.injected && !v->exception.pending;
	v->exception.vector = e->exception.nr;
	v->exception.at_insn = e->exception.nr == EXCP_BP || e->exception.nr == EXCP_OF;
	v->exception.has_error = e->exception.has_error_code;
	v->exception.error = e->exception.error_code;
	v->exception.has_payload = v->exception.pending && e->exception_has_payload;
	v->exception.payload = e->exception_payload;
}

static int events_set(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	if (!events_valid(v, e))
		return -EINVAL;
	vcpu_accept_nmi(v);
	vcpu_smm_events_set(v, e);
	exception_restore(v, e);
	if (vcpu_user_event(v) >= 0)
		v->user_irq = -1;	/* events_get() told of it */
	v->interrupt.injected = e->interrupt.injected;
	v->interrupt.vector = e->interrupt.nr;
	v->interrupt.soft = e->interrupt.soft;
	if (e->flags & KVM_VCPUEVENT_VALID_SHADOW)
		v->int_shadow = e->interrupt.shadow;
	v->nmi_injected = e->nmi.injected;
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		v->nmi_pending = min_t(unsigned int, e->nmi.pending, VCPU_MAX_NMIS);
	vcpu_mask_nmis(v, e->nmi.masked);
	if (e->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		v->sipi_vector = e->sipi_vector;
	if (e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (e->triple_fault.pending)
			set_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		else
			clear_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
	}
	return 0;
}

static int debugregs_get(struct vcpu *v, struct kvm_debugregs *d)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->db, v->dr, sizeof(v->dr));
	d->dr6 = v->dr6;
	d->dr7 = v->dr7;
	return 0;
}

static int debugregs_set(struct vcpu *v, const struct kvm_debugregs *d)
{
	if (d->flags || d->dr6 >> 32 || d->dr7 >> 32)
		return -EINVAL;
	memcpy(v->dr, d->db, sizeof(v->dr));
	v->dr6 = d->dr6;
	v->dr7 = d->dr7;
	vcpu_ops->update_debug(v);
	return 0;
}

/* An INIT or SIPI that has arrived counts, though the vCPU has not run since. */
static int mp_state_get(struct vcpu *v, struct kvm_mp_state *s)
{
	vcpu_accept_init(v);
	/* A kick that the HLT has not seen yet is not lost in a migration. */
	s->mp_state = vcpu_is_halted(v) && v->pv.unhalted ?
		KVM_MP_STATE_RUNNABLE : v->mp_state;
	return 0;
}

static int mp_state_set(struct vcpu *v, const struct kvm_mp_state *s)
{
	switch (s->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (v->smm.active || v->smm.pending)
			return -EINVAL;
		fallthrough;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_AP_RESET_HOLD:
		if (vm_irq_mode(v->vm) == IRQCHIP_NONE)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	v->mp_state = s->mp_state;
	if (s->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		v->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(VCPU_REQ_SIPI, &v->requests);
	}
	return 0;
}

static int guest_debug_inject(struct vcpu *v, u32 control)
{
	if (!(control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)))
		return 0;
	if (v->exception.pending || v->exception.injected)
		return -EBUSY;
	vcpu_queue_exception(v, control & KVM_GUESTDBG_INJECT_DB ? EXCP_DB : EXCP_BP, 0);
	v->exception.at_insn = v->exception.vector == EXCP_BP;
	return 0;
}

static int guest_debug_set(struct vcpu *v, const struct kvm_guest_debug *d)
{
	u32 control = d->control & VCPU_GUEST_DEBUG;	/* the ABI ignores the rest */
	unsigned int i;
	int err;

	err = guest_debug_inject(v, control);
	if (err)
		return err;
	v->guest_debug = control & KVM_GUESTDBG_ENABLE ? control : 0;
	for (i = 0; i < ARRAY_SIZE(v->debug_dr); i++)
		v->debug_dr[i] = d->arch.debugreg[i];
	/* What VMRUN would refuse (APM2 15.5.1). */
	v->debug_dr[7] = (u32)v->debug_dr[7];
	vcpu_ops->update_debug(v);
	return 0;
}

static int translate(struct vcpu *v, struct kvm_translation *t)
{
	gpa_t gpa;

	/* Without paging any address is one, but not beyond the bus. */
	t->valid = !vcpu_translate(v, t->linear_address, 0, &gpa, NULL) &&
		   !(gpa >> v->phys_bits);
	t->physical_address = t->valid ? gpa : ~0ULL;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}

static int mce_setup(struct vcpu *v, const u64 *cap)
{
	unsigned int banks = *cap & 0xff;

	if (!banks || banks > MCE_BANKS ||
	    (*cap & ~(VCPU_MCG_CAP | VCPU_MCG_COUNTS)))
		return -EINVAL;
	v->msr.mcg_cap = *cap;
	if (*cap & BIT_ULL(8))
		v->msr.mcg_ctl = ~0ULL;
	memset(v->msr.mce_banks, 0, sizeof(v->msr.mce_banks));
	while (banks--)
		v->msr.mce_banks[banks * 4] = ~0ULL;
	return 0;
}

static int interrupt_set(struct vcpu *v, const struct kvm_interrupt *irq)
{
	if (irq->irq > 255)
		return -EINVAL;
	if (vm_irq_mode(v->vm) == IRQCHIP_KERNEL)
		return -ENXIO;
	if (vm_irq_mode(v->vm) == IRQCHIP_SPLIT && v->user_irq >= 0)
		return -EEXIST;
	v->user_irq = irq->irq;
	set_bit(VCPU_REQ_EVENT, &v->requests);
	return 0;
}

/* ---- register sets in kvm_run, which user space may change at any moment -------------- */

int vcpu_sync_in(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	int err = 0;

	if ((dirty | READ_ONCE(run->kvm_valid_regs)) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (dirty & KVM_SYNC_X86_REGS) {
		struct kvm_regs regs = run->s.regs.regs;

		regs_set(v, &regs);
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		struct kvm_sregs sregs = run->s.regs.sregs;

		err = sregs_set(v, &sregs);
	}
	if (!err && (dirty & KVM_SYNC_X86_EVENTS)) {
		struct kvm_vcpu_events events = run->s.regs.events;

		err = events_set(v, &events);
	}
	if (!err)
		run->kvm_dirty_regs = 0;
	return err;
}

void vcpu_sync_out(struct vcpu *v)
{
	struct kvm_sync_regs *s = &v->run->s.regs;
	u64 valid = READ_ONCE(v->run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		regs_get(v, &s->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		sregs_get(v, &s->sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		events_get(v, &s->events);
}

static long signal_mask_set(struct vcpu *v, void __user *argp)
{
	struct kvm_signal_mask head;
	sigset_t set;

	if (!argp) {
		v->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, argp + sizeof(head), sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	v->sigset = set;
	v->sigset_active = true;
	return 0;
}

/* ---- ioctls ---------------------------------------------------------------------------------- */

#define GET(type, fn) ({						\
	type *a_ = kzalloc(sizeof(*a_), GFP_KERNEL_ACCOUNT);		\
	long r_ = -ENOMEM;						\
	if (a_) {							\
		r_ = (fn)(v, a_);					\
		if (!r_ && copy_to_user(argp, a_, sizeof(*a_)))		\
			r_ = -EFAULT;					\
		kfree(a_);						\
	}								\
	r_;								\
})
#define SET(type, fn) ({						\
	type *a_ = memdup_user(argp, sizeof(*a_));			\
	long r_ = PTR_ERR_OR_ZERO(a_);					\
	if (!r_) {							\
		r_ = (fn)(v, a_);					\
		kfree(a_);						\
	}								\
	r_;								\
})
/* Functions that cannot fail, as ones that return 0. */
#define ALWAYS(name, fn, type) \
	static int name(struct vcpu *v, type *a) { fn(v, a); return 0; }
ALWAYS(do_regs_get, regs_get, struct kvm_regs)
ALWAYS(do_regs_set, regs_set, const struct kvm_regs)
ALWAYS(do_sregs_get, sregs_get, struct kvm_sregs)
ALWAYS(do_fpu_get, fpu_get, struct kvm_fpu)
ALWAYS(do_fpu_set, fpu_set, const struct kvm_fpu)

static int inout_translate(struct vcpu *v, void __user *argp)
{
	struct kvm_translation t;

	if (copy_from_user(&t, argp, sizeof(t)))
		return -EFAULT;
	translate(v, &t);
	return copy_to_user(argp, &t, sizeof(t)) ? -EFAULT : 0;
}

static int inout_tpr(struct vcpu *v, void __user *argp)
{
	struct kvm_tpr_access_ctl c;
	int err;

	if (copy_from_user(&c, argp, sizeof(c)))
		return -EFAULT;
	err = vcpu_tpr_report(v, &c);
	return err ?: copy_to_user(argp, &c, sizeof(c)) ? -EFAULT : 0;
}

static int prefault(struct vcpu *v, void __user *argp)
{
	struct kvm_pre_fault_memory range;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	err = vm_mem_prefault(v, &range);
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : err;
}

static int clock_paused(struct vcpu *v)
{
	if (!(v->msr.kvm_clock & 1))
		return -EINVAL;		/* no page to say so on */
	v->clock_paused = true;
	set_bit(VCPU_REQ_CLOCK, &v->requests);
	return 0;
}

static long vcpu_state_ioctl(struct vcpu *v, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_REGS:
		return GET(struct kvm_regs, do_regs_get);
	case KVM_SET_REGS:
		return SET(struct kvm_regs, do_regs_set);
	case KVM_GET_SREGS:
		return GET(struct kvm_sregs, do_sregs_get);
	case KVM_SET_SREGS:
		return SET(struct kvm_sregs, sregs_set);
	case KVM_GET_SREGS2:
		return GET(struct kvm_sregs2, sregs2_get);
	case KVM_SET_SREGS2:
		return SET(struct kvm_sregs2, sregs2_set);
	case KVM_GET_FPU:
		return GET(struct kvm_fpu, do_fpu_get);
	case KVM_SET_FPU:
		return SET(struct kvm_fpu, do_fpu_set);
	case KVM_GET_XSAVE:
	case KVM_GET_XSAVE2:	/* as long as KVM_CAP_XSAVE2 says */
		return GET(struct kvm_xsave, xsave_get);
	case KVM_SET_XSAVE:
		return SET(struct kvm_xsave, xsave_set);
	case KVM_GET_XCRS:
		return GET(struct kvm_xcrs, xcrs_get);
	case KVM_SET_XCRS:
		return SET(struct kvm_xcrs, xcrs_set);
	case KVM_GET_VCPU_EVENTS:
		return GET(struct kvm_vcpu_events, events_get);
	case KVM_SET_VCPU_EVENTS:
		return SET(struct kvm_vcpu_events, events_set);
	case KVM_GET_DEBUGREGS:
		return GET(struct kvm_debugregs, debugregs_get);
	case KVM_SET_DEBUGREGS:
		return SET(struct kvm_debugregs, debugregs_set);
	case KVM_GET_MP_STATE:
		return GET(struct kvm_mp_state, mp_state_get);
	case KVM_SET_MP_STATE:
		return SET(struct kvm_mp_state, mp_state_set);
	case KVM_GET_LAPIC:
		return GET(struct kvm_lapic_state, vcpu_irq_get_lapic);
	case KVM_SET_LAPIC:
		return SET(struct kvm_lapic_state, vcpu_irq_set_lapic);
	case KVM_SET_GUEST_DEBUG:
		return SET(struct kvm_guest_debug, guest_debug_set);
	case KVM_INTERRUPT:
		return SET(struct kvm_interrupt, interrupt_set);
	case KVM_X86_SETUP_MCE:
		return SET(u64, mce_setup);
	case KVM_X86_SET_MCE:
		return SET(struct kvm_x86_mce, vcpu_set_mce);
	case KVM_ENABLE_CAP:
		return SET(struct kvm_enable_cap, vcpu_enable_cap);
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		return vcpu_attr_ioctl(v, cmd, argp);
	case KVM_GET_MSRS:
		return vcpu_msr_io(v, argp, false);
	case KVM_SET_MSRS:
		return vcpu_msr_io(v, argp, true);
	case KVM_SET_CPUID:
		return vcpu_set_cpuid(v, argp);
	case KVM_SET_CPUID2:
		return vcpu_set_cpuid2(v, argp);
	case KVM_GET_CPUID2:
		return vcpu_get_cpuid2(v, argp);
	case KVM_TRANSLATE:
		return inout_translate(v, argp);
	case KVM_PRE_FAULT_MEMORY:
		return prefault(v, argp);
	case KVM_GET_STATS_FD:
		return stats_fd(v->vm, v);
	case KVM_SET_SIGNAL_MASK:
		return signal_mask_set(v, argp);
	case KVM_NMI:
		vcpu_send_nmi(v);
		return 0;
	case KVM_SMI:
		set_bit(VCPU_REQ_SMI, &v->requests);
		return 0;
	case KVM_GET_TSC_KHZ:
		return v->tsc_khz;
	case KVM_SET_TSC_KHZ:
		return vcpu_set_tsc_khz(v, arg);
	case KVM_SET_VAPIC_ADDR:
		return SET(struct kvm_vapic_addr, vcpu_vapic_page);
	case KVM_TPR_ACCESS_REPORTING:
		return inout_tpr(v, argp);
	case KVM_KVMCLOCK_CTRL:
		return clock_paused(v);
	default:
		return -EINVAL;
	}
}

static long vcpu_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vcpu *v = f->private_data;
	long r;

	if (current->mm != v->vm->mm || v->vm->dead)
		return -EIO;
	/* Not an ioctl of ours at all: say so without taking the lock. */
	if (_IOC_TYPE(cmd) != KVMIO)
		return -EINVAL;
	if (mutex_lock_killable(&v->mutex))
		return -EINTR;
	vcpu_load(v);
	if (cmd == KVM_RUN)
		r = arg ? -EINVAL : vcpu_run(v);
	else
		r = vcpu_state_ioctl(v, cmd, arg);
	vcpu_put(v);
	mutex_unlock(&v->mutex);
	return r;
}

/* ---- the shared pages --------------------------------------------------------------------------- */

static vm_fault_t port_page_fault(struct vm_fault *vmf, struct vcpu *v)
{
	u8 *data = vcpu_port_data(v, GFP_KERNEL_ACCOUNT);

	if (!data)
		return VM_FAULT_OOM;
	vmf->page = virt_to_page(data);
	get_page(vmf->page);
	return 0;
}

static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct vcpu *v = vmf->vma->vm_file->private_data;

	if (vmf->pgoff == VCPU_PORT_DATA / PAGE_SIZE)
		return port_page_fault(vmf, v);
	if (vmf->pgoff >= KVM_DIRTY_LOG_PAGE_OFFSET)
		vmf->page = vcpu_ring_page(v, vmf->pgoff - KVM_DIRTY_LOG_PAGE_OFFSET);
	else if (vmf->pgoff >= VCPU_MMAP_PAGES)
		return VM_FAULT_SIGBUS;
	else if (vmf->pgoff == VCPU_COALESCED_PAGE)
		vmf->page = virt_to_page(v->vm->coalesced_ring);
	else
		vmf->page = virt_to_page(v->run);
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_page_fault,
};

/* A private copy of a ring would never be emptied. */
static int vcpu_mmap(struct file *f, struct vm_area_struct *vma)
{
	bool ring = vma->vm_pgoff + vma_pages(vma) > KVM_DIRTY_LOG_PAGE_OFFSET;

	if (ring && (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC)))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *f)
{
	struct vcpu *v = f->private_data;

	vm_put(v->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/* ---- create ---------------------------------------------------------------------------------------- */

#ifndef CONFIG_DEBUG_SPINLOCK
static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "for more the allocator takes two pages");
#endif

static struct vcpu *vcpu_alloc(struct vm *vm, unsigned int id)
{
	struct vcpu *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!v)
		return ERR_PTR(-ENOMEM);
	v->vm = vm;
	v->id = id;
	v->cpu = -1;
	v->user_irq = -1;
	v->tsc_ratio = VCLOCK_RATIO_ONE;
	v->msr.arch_caps = cpuid_arch_caps();
	v->msr.mcg_cap = MCE_BANKS;	/* until KVM_X86_SETUP_MCE */
	v->phys_bits = boot_cpu_data.x86_phys_bits;
	v->mp_state = id != vm->boot_id && vm_irq_mode(vm) != IRQCHIP_NONE ?
		KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	mutex_init(&v->mutex);
	rcuwait_init(&v->wait);
	preempt_notifier_init(&v->notifier, &preempt_ops);
	v->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->run)
		goto free;
	if (!fpu_alloc_guest_fpstate(&v->fpu))
		goto free_run;
	err = vcpu_ring_init(v);
	if (err)
		goto free_fpu;
	err = vcpu_ops->vcpu_create(v);
	if (err)
		goto free_ring;
	err = vcpu_irq_init(v);
	if (err)
		goto free_arch;
	vcpu_load(v);
	vcpu_reset(v, false);
	vcpu_set_tsc_khz(v, READ_ONCE(vm->tsc_khz));	/* one that can be had */
	vcpu_write_tsc(v, 0);
	vcpu_put(v);
	return v;

free_arch:
	vcpu_ops->vcpu_destroy(v);
free_ring:
	vcpu_ring_destroy(v);
free_fpu:
	fpu_free_guest_fpstate(&v->fpu);
free_run:
	free_page((unsigned long)v->run);
free:
	kfree(v);
	return ERR_PTR(err);
}

void vcpu_destroy(struct vcpu *v)
{
	vcpu_apf_destroy(v);
	vcpu_irq_destroy(v);
	vcpu_ops->vcpu_destroy(v);
	vcpu_ring_destroy(v);
	fpu_free_guest_fpstate(&v->fpu);
	free_page((unsigned long)v->port_data);
	free_page((unsigned long)v->run);
	kvfree(v->cpuid);
	kfree(v);
}

/* vm->lock held: is there a vCPU with this id? */
static bool vcpu_id_taken(struct vm *vm, unsigned int id)
{
	struct vcpu *v;
	int i;

	vm_for_each_vcpu(i, v, vm)
		if (v->id == id)
			return true;
	return false;
}

/*
 * The file of a vCPU that all may know of from now on. Whoever finds the descriptor may
 * run it at once: a flush of the VM's translations has to meet it by then.
 */
static int vcpu_publish(struct vm *vm, struct vcpu *v)
{
	char name[20];		/* as tools find it in /proc/PID/fd */
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "kvm-vcpu:%u", v->id);
	file = anon_inode_getfile(name, &vcpu_fops, v, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	vm_get(vm);		/* the file's */
	v->index = atomic_read(&vm->nr_vcpus);
	WRITE_ONCE(vm->vcpus[v->index], v);
	atomic_inc_return_release(&vm->nr_vcpus);
	fd_install(fd, file);
	return fd;
}

int vcpu_create(struct vm *vm, unsigned long id)
{
	struct vcpu *v;
	int fd;

	if (id >= VM_MAX_VCPU_IDS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	fd = -EEXIST;
	if (vcpu_id_taken(vm, id))
		goto unlock;
	fd = -EINVAL;
	if (atomic_read(&vm->nr_vcpus) >= VM_MAX_VCPUS ||
	    (vm->max_vcpu_ids && id >= vm->max_vcpu_ids))
		goto unlock;
	v = vcpu_alloc(vm, id);
	fd = PTR_ERR_OR_ZERO(v);
	if (fd)
		goto unlock;
	fd = vcpu_publish(vm, v);
	if (fd < 0)
		vcpu_destroy(v);
unlock:
	mutex_unlock(&vm->lock);
	return fd;
}
