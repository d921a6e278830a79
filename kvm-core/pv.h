/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pv: what a paravirtual guest and its host tell each other beside the clock:
 * the decisions, without memory or threads. The formats are Linux's own
 * (<asm/kvm_para.h>, Documentation/virt/kvm/x86/msr.rst and hypercalls.rst).
 *
 * Nothing here is undone by a guest that writes nonsense: what the guest has
 * in its memory is read once, and only tells whether to end an interrupt or to
 * flush the guest's own translations.
 */
#ifndef BACKPLANE_PV_H
#define BACKPLANE_PV_H

#include "kvm-core/vlapic.h"

#define PV_MSR_ASYNC_PF_EN	0x4b564d02U
#define PV_MSR_STEAL_TIME	0x4b564d03U
#define PV_MSR_EOI_EN		0x4b564d04U
#define PV_MSR_POLL_CONTROL	0x4b564d05U
#define PV_MSR_ASYNC_PF_INT	0x4b564d06U
#define PV_MSR_ASYNC_PF_ACK	0x4b564d07U

#define PV_HC_KICK_CPU		5
#define PV_HC_SEND_IPI		10
#define PV_HC_SCHED_YIELD	11

/* Bit 0 of the MSRs that hold an address. */
#define PV_ENABLED		BIT_ULL(0)
#define PV_STEAL_ADDR		(~0x3fULL)
#define PV_EOI_ADDR		(~0x3ULL)

/* May the MSR hold @value? False: the guest gets #GP. */
bool pv_msr_valid(u32 msr, u64 value);

/* The bit of KVM's CPUID leaf (eax) that brings an MSR or a hypercall, or -1. */
int pv_msr_feature(u32 msr);
int pv_hypercall_feature(u64 nr);

/* ---- steal time ---------------------------------------------------------------- */

/*
 * ns that the vCPU's thread has waited for a CPU since *@last, which becomes
 * @run_delay, the thread's wait in all its life. Another thread may have run
 * the vCPU before: its past is nobody's, and counts nothing.
 */
u64 pv_steal_since(u64 *last, u64 run_delay);

/* ---- PV EOI --------------------------------------------------------------------- */

/*
 * May the guest end the interrupt in service by clearing a bit instead of
 * writing the EOI register? Only if nothing depends on the moment: one
 * interrupt is in service, edge-triggered, and none waits. Its vector, or -1.
 */
int pv_eoi_vector(const struct vlapic *a);

/* ---- hypercalls ------------------------------------------------------------------ */

/* KVM_HC_SEND_IPI: bit i of the 2 * @bits wide map means APIC id @min + i. */
struct pv_ipi {
	u64 low, high;
	unsigned int bits;	/* of each half: 64, or 32 for a 32-bit guest */
	u32 min;
};
/* The message @icr stands for, without its destination. False: it names a
 * destination or a shorthand itself, or is no interrupt that a bitmap may send.
 */
bool pv_ipi_message(u64 icr, struct vchip_msg *m);
/* The next destination, taken out of the map; U32_MAX for what is beyond all ids.
 * False: none is left.
 */
bool pv_ipi_next(struct pv_ipi *p, u32 *apic_id);

/* ---- async page faults -------------------------------------------------------------- */

#define PV_APF_SLOTS	16

/*
 * Pages that the host is still fetching while the vCPU runs on. A token names
 * one; the guest is told once that it is absent and once that it has come.
 */
struct pv_apf {
	struct {
		u32 token;		/* 0: free */
		bool ready;
	} page[PV_APF_SLOTS];
	u32 next;
	bool told;			/* the last "ready" is not acknowledged */
};

#define PV_APF_ADDR		(~0x3fULL)
#define PV_APF_SEND_ALWAYS	BIT_ULL(1)
#define PV_APF_AS_VMEXIT	BIT_ULL(2)	/* for nested guests: without any, nothing */
#define PV_APF_AS_INT		BIT_ULL(3)
#define PV_APF_WAKE_ALL		(~0U)	/* the token that means all */

/* Is the guest set up to be told: enabled, by interrupt, with a vector? */
bool pv_apf_enabled(u64 en, u64 vector);
/* May it be told now, at privilege level @cpl with interrupts as @irqs_on? */
bool pv_apf_may_tell(u64 en, u64 vector, unsigned int cpl, bool irqs_on);
/* A token for a page on its way, by vCPU @id; 0: too many are. */
u32 pv_apf_begin(struct pv_apf *a, unsigned int id);
/* Whoever waits for whatever shall look again: after a migration. */
void pv_apf_wake_all(struct pv_apf *a);
/* The page of @token came. False: nobody knows that token any more. */
bool pv_apf_came(struct pv_apf *a, u32 token);
/* One to tell now, or 0: none came, or the last was not acknowledged. */
u32 pv_apf_tell(struct pv_apf *a);
void pv_apf_ack(struct pv_apf *a);
/* Forget all; what comes later is nobody's. */
void pv_apf_reset(struct pv_apf *a);

#endif
