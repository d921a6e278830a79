/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vlapic: one vCPU's local APIC (APM2 chapter 16), as xAPIC and as x2APIC.
 *
 * Pure. The registers are the truth: regs[o / 16] is the one at offset o of the
 * page, which has nothing in between (KVM_GET_LAPIC spreads them out). A guest
 * access changes one and returns, as bits, what the caller must do; the model
 * sends nothing itself.
 *
 * Threads: vlapic_post and the predicates marked [any] may run on any CPU in
 * any context, hard-irq included, with no lock. Everything else belongs to the
 * vCPU's own thread. [any] functions write only IRR, TMR and esr_pending, and
 * only atomically.
 *
 * Time comes as an argument: nanoseconds for the counter (the bus clock is
 * 1 GHz, as KVM's), the guest's TSC for the deadline mode. Expiry is settled
 * lazily: every call that takes a time first delivers what has fallen due.
 *
 * Known limits: no CMCI, no extended LVTs (AMD ExtApicSpace), no remote read;
 * the arbitration register reads 0.
 */
#ifndef BACKPLANE_VLAPIC_H
#define BACKPLANE_VLAPIC_H

#include <linux/kvm.h>
#include "kvm-core/vchip.h"

#define VLAPIC_DEFAULT_BASE	0xfee00000ULL
#define VLAPIC_BASE_BSP		BIT_ULL(8)
#define VLAPIC_BASE_X2		BIT_ULL(10)
#define VLAPIC_BASE_EN		BIT_ULL(11)

/* Offsets in the register page (APM2 16.3.2). An x2APIC MSR is 800h + o/16. */
enum vlapic_reg {
	VLAPIC_ID = 0x20, VLAPIC_VERSION = 0x30, VLAPIC_TPR = 0x80,
	VLAPIC_APR = 0x90, VLAPIC_PPR = 0xa0, VLAPIC_EOI = 0xb0,
	VLAPIC_RRR = 0xc0, VLAPIC_LDR = 0xd0, VLAPIC_DFR = 0xe0,
	VLAPIC_SVR = 0xf0, VLAPIC_ISR = 0x100, VLAPIC_TMR = 0x180,
	VLAPIC_IRR = 0x200, VLAPIC_ESR = 0x280, VLAPIC_ICR = 0x300,
	VLAPIC_ICR2 = 0x310, VLAPIC_LVTT = 0x320, VLAPIC_LVTTHERM = 0x330,
	VLAPIC_LVTPC = 0x340, VLAPIC_LVT0 = 0x350, VLAPIC_LVT1 = 0x360,
	VLAPIC_LVTERR = 0x370, VLAPIC_TMICT = 0x380, VLAPIC_TMCCT = 0x390,
	VLAPIC_TDCR = 0x3e0, VLAPIC_SELF_IPI = 0x3f0,
};

#define VLAPIC_MSR_FIRST	0x800
#define VLAPIC_MSR_LAST		0x8ff
#define VLAPIC_MSR_DEADLINE	0x6e0

#define VLAPIC_LVT_MASKED	BIT(16)
#define VLAPIC_SVR_ENABLE	BIT(8)
#define VLAPIC_SVR_NO_BROADCAST	BIT(12)

/* Error status register. */
#define VLAPIC_ESR_SENT_ILLEGAL	BIT(5)
#define VLAPIC_ESR_RECV_ILLEGAL	BIT(6)
#define VLAPIC_ESR_BAD_REGISTER	BIT(7)

/* The longest count, divided by the most, still fits into 64 bits of ns. */
#define VLAPIC_BUS_NS_MAX	(U64_MAX / ((u64)U32_MAX * 128))

/* From one register to the next (APM2 16.3.1). */
#define VLAPIC_STEP	16

struct vlapic {
	u32 regs[KVM_APIC_REG_SIZE / VLAPIC_STEP];
	u64 base;		/* IA32_APIC_BASE */
	u32 id;			/* the vCPU's id; the x2APIC id */
	u32 esr_pending;	/* errors since ESR was last written */
	/* A bit per 32-bit word of the bank: clear, the word is zero. */
	u32 irr_words;		/* [any] atomic; set may also be a zero word */
	u32 isr_words;
	bool bsp;
	bool has_x2apic;	/* guest CPUID offers x2APIC */
	bool has_deadline;	/* guest CPUID offers the TSC deadline */
	bool directed_eoi;	/* SVR[12] offered: the IOAPIC has an EOI register */
	bool timer_on;		/* the counter is running */
	u64 timer_start;	/* ns at which the present count began */
	u64 tsc_deadline;	/* guest TSC; 0 = disarmed */
	u32 bus_ns;		/* one cycle of the bus whose cycles the timer
				 * counts: 1, unless the owner sets more
				 */
	u8 slot;		/* the caller's: index in struct vdest */
	u8 eoi_vector;		/* the caller's: for the EOI exit */
};

/* [any] The register at @offset of the page, as it is: nothing falls due. */
static inline u32 vlapic_peek(const struct vlapic *a, u32 offset)
{
	return READ_ONCE(a->regs[offset / VLAPIC_STEP]);
}

struct vlapic_time {
	u64 ns;
	u64 tsc;
	u32 tsc_khz;
};

/* What the caller must do after an access: OR of these. */
#define VLAPIC_DO_EOI	BIT(0)	/* broadcast: vector ended, see effect */
#define VLAPIC_DO_IPI	BIT(1)	/* send effect->ipi */
#define VLAPIC_DO_TIMER	BIT(2)	/* re-arm to vlapic_timer_due() */
#define VLAPIC_DO_MAP	BIT(3)	/* id, logical id or enable bits changed */
#define VLAPIC_DO_EVENT	BIT(4)	/* look for an interrupt before the next entry */

struct vlapic_effect {
	u32 asks;		/* VLAPIC_DO_*, of the caller */
	u8 vector;		/* ended by the EOI */
	bool level;		/* it was level-triggered */
	struct vchip_msg ipi;
};

enum vlapic_post {
	VLAPIC_REFUSED,		/* APIC disabled, or vector below 16 */
	VLAPIC_MERGED,		/* was already requested */
	VLAPIC_POSTED,
};

/* Power-on state, enabled at the default address. */
void vlapic_init(struct vlapic *a, u32 id, bool bsp, bool directed_eoi);
/* LINT0 as a processor has it after reset; ours is left open for the PIC. */
void vlapic_mask_lint0(struct vlapic *a);
/* INIT keeps the base MSR and the id; a reset restores the base too. */
void vlapic_reset(struct vlapic *a, bool init);

/* [any] Request a fixed interrupt. */
enum vlapic_post vlapic_post(struct vlapic *a, u8 vector, bool level);
/* [any, racy] Highest vector deliverable at the present PPR, or -1. */
int vlapic_pending(const struct vlapic *a);
/* [any, racy] Is anything requested, deliverable or not? May err on the safe side. */
static inline bool vlapic_requested(const struct vlapic *a)
{
	return READ_ONCE(a->irr_words);
}
/* [any, racy] Is exactly one vector requested? */
bool vlapic_requested_one(const struct vlapic *a);
/* Is a request waiting that the task priority alone may hold back? */
bool vlapic_held_by_tpr(const struct vlapic *a);
/* TPR, the class in service << 8, the highest vector requested << 24, as the page for
 * task priorities has them.
 */
u32 vlapic_priorities(const struct vlapic *a);
/* Take it: IRR -> ISR. Its vector, or -1. */
int vlapic_accept(struct vlapic *a);
/* [any] Enabled in the base MSR; in both it and SVR. */
static inline bool vlapic_hw_enabled(const struct vlapic *a)
{
	return READ_ONCE(a->base) & VLAPIC_BASE_EN;
}
bool vlapic_enabled(const struct vlapic *a);
static inline bool vlapic_is_x2apic(const struct vlapic *a)
{
	return READ_ONCE(a->base) & VLAPIC_BASE_X2;
}
/* [any] Would the PIC's output reach this CPU (virtual wire)? */
bool vlapic_accepts_pic(const struct vlapic *a);
/* The present APIC id: 8 bits as xAPIC, 32 as x2APIC. */
u32 vlapic_apic_id(const struct vlapic *a);

/* True if an access to @reg looks at the clock; otherwise @now is unused. */
static inline bool vlapic_reg_needs_time(u32 reg)
{
	return reg == VLAPIC_SVR || reg == VLAPIC_LVTT ||
	       (reg >= VLAPIC_TMICT && reg <= VLAPIC_TDCR);
}

/* Memory-mapped access to the 32-bit register at @reg (multiple of 16). */
u32 vlapic_read(struct vlapic *a, u32 reg, const struct vlapic_time *now,
		struct vlapic_effect *e);
void vlapic_write(struct vlapic *a, u32 reg, u32 val,
		  const struct vlapic_time *now, struct vlapic_effect *e);
/* x2APIC MSR or TSC deadline: 0, or -EINVAL for a #GP. The deadline never
 * faults: user space saves and restores it whatever the guest's CPUID says.
 */
int vlapic_rdmsr(struct vlapic *a, u32 msr, u64 *val,
		 const struct vlapic_time *now, struct vlapic_effect *e);
int vlapic_wrmsr(struct vlapic *a, u32 msr, u64 val,
		 const struct vlapic_time *now, struct vlapic_effect *e);
/* CR8 and TPR are one register. */
void vlapic_set_tpr(struct vlapic *a, u8 tpr, struct vlapic_effect *e);

/*
 * May the base MSR become @base? Not with reserved bits, a mode the CPUID does not
 * offer, or (unless @host restores state) by a transition APM2 16.9 forbids. Also for
 * a local APIC that is user space's.
 */
bool vlapic_base_allowed(u64 old, u64 base, bool has_x2apic, u8 phys_bits, bool host);
/* Write the base MSR: -EINVAL where that is not allowed. */
int vlapic_set_base(struct vlapic *a, u64 base, u8 phys_bits, bool host,
		    struct vlapic_effect *e);

/* Deliver what has fallen due. */
void vlapic_timer_settle(struct vlapic *a, const struct vlapic_time *now,
			 struct vlapic_effect *e);
/* When to call that next, in ns; U64_MAX = never. */
u64 vlapic_timer_due(const struct vlapic *a, const struct vlapic_time *now);

/*
 * KVM_GET_LAPIC, KVM_SET_LAPIC. @ids32: the id register of an x2APIC has its
 * 32-bit form (KVM_CAP_X2APIC_API), and set returns -EINVAL if it is another's;
 * else the id is in bits 31:24 and set ignores it. A one-shot timer whose current
 * count is absent (QEMU does not carry it) fires at once rather than never.
 */
void vlapic_get_state(struct vlapic *a, struct kvm_lapic_state *s, bool ids32,
		      const struct vlapic_time *now);
int vlapic_set_state(struct vlapic *a, const struct kvm_lapic_state *s,
		     bool ids32, const struct vlapic_time *now,
		     struct vlapic_effect *e);

#endif
