// SPDX-License-Identifier: GPL-2.0
/*
 * Paravirtual features of a KVM guest, the part that decides: which MSR values
 * are valid, when an EOI may be skipped, whom an IPI bitmap means, which page
 * to report. Called by pv_linux.c and apf_linux.c, which own guest memory,
 * threads and locks. The formats are <asm/kvm_para.h>'s; interrupts are those of
 * APM2 chapter 16.
 */
#include "kvm-core/pv.h"

#define ICR_MODE	GENMASK_ULL(10, 8)
#define ICR_VECTOR	GENMASK_ULL(7, 0)
#define ICR_LEVEL	BIT_ULL(15)
#define ICR_ASSERT	BIT_ULL(14)
/* Destination, shorthand and the logical model: the bitmap says who. */
#define ICR_TARGET	(GENMASK_ULL(63, 56) | GENMASK_ULL(19, 18) | BIT_ULL(11))

#define STEAL_RESERVED	GENMASK_ULL(5, 1)
#define EOI_RESERVED	BIT_ULL(1)
#define APF_RESERVED	GENMASK_ULL(5, 4)

bool pv_msr_valid(u32 msr, u64 value)
{
	switch (msr) {
	case PV_MSR_STEAL_TIME:
		return !(value & STEAL_RESERVED);
	case PV_MSR_EOI_EN:
		return !(value & EOI_RESERVED);
	case PV_MSR_POLL_CONTROL:
		return value <= 1;
	case PV_MSR_ASYNC_PF_EN:
		return !(value & APF_RESERVED);
	case PV_MSR_ASYNC_PF_INT:
		return value <= 0xff;
	default:
		return msr == PV_MSR_ASYNC_PF_ACK;
	}
}

int pv_msr_feature(u32 msr)
{
	switch (msr) {
	case 0x11:			/* kvmclock, old numbers and new */
	case 0x12:
		return 0;
	case 0x4b564d00:
	case 0x4b564d01:
		return 3;
	case PV_MSR_ASYNC_PF_EN:
		return 4;
	case PV_MSR_STEAL_TIME:
		return 5;
	case PV_MSR_EOI_EN:
		return 6;
	case PV_MSR_POLL_CONTROL:
		return 12;
	case PV_MSR_ASYNC_PF_INT:
	case PV_MSR_ASYNC_PF_ACK:
		return 14;
	default:
		return -1;
	}
}

int pv_hypercall_feature(u64 nr)
{
	switch (nr) {
	case PV_HC_KICK_CPU:
		return 7;
	case PV_HC_SEND_IPI:
		return 11;
	case PV_HC_SCHED_YIELD:
		return 13;
	default:
		return -1;
	}
}

/* ---- steal time ------------------------------------------------------------------ */

u64 pv_steal_since(u64 *last, u64 run_delay)
{
	u64 waited = run_delay > *last ? run_delay - *last : 0;

	*last = run_delay;
	return waited;
}

/* ---- PV EOI -------------------------------------------------------------------------- */

static u32 bank_word(const struct vlapic *a, u32 bank, unsigned int word)
{
	return vlapic_peek(a, bank + word * VLAPIC_STEP);
}

int pv_eoi_vector(const struct vlapic *a)
{
	int vector = -1;
	unsigned int i;
	u32 isr;

	if (!a->isr_words)
		return -1;
	for (i = 0; i < 8; i++) {
		isr = bank_word(a, VLAPIC_ISR, i);
		if (bank_word(a, VLAPIC_IRR, i))
			return -1;
		if (!isr)
			continue;
		if (vector >= 0 || (isr & (isr - 1)) ||
		    (isr & bank_word(a, VLAPIC_TMR, i)))
			return -1;
		vector = i * 32 + __builtin_ctz(isr);
	}
	return vector;
}

/* ---- hypercalls ------------------------------------------------------------------------- */

bool pv_ipi_message(u64 icr, struct vchip_msg *m)
{
	if (icr & ICR_TARGET)
		return false;
	*m = (struct vchip_msg) {
		.vector = FIELD_GET(ICR_VECTOR, icr),
		.mode = FIELD_GET(ICR_MODE, icr),
		.level = (icr & ICR_LEVEL) && (icr & ICR_ASSERT),
		.wide = true,
	};
	switch (m->mode) {
	case VCHIP_FIXED:		/* an illegal vector reaches nobody */
	case VCHIP_LOWEST:
	case VCHIP_NMI:
		return true;
	default:
		return false;
	}
}

bool pv_ipi_next(struct pv_ipi *p, u32 *apic_id)
{
	u64 *half = p->low ? &p->low : &p->high, id;
	unsigned int bit;

	if (p->bits == 32) {
		p->low &= U32_MAX;
		p->high &= U32_MAX;
		half = p->low ? &p->low : &p->high;
	}
	if (!*half)
		return false;
	bit = __builtin_ctzll(*half);
	*half &= *half - 1;
	id = (u64)p->min + bit + (half == &p->high ? p->bits : 0);
	*apic_id = min(id, (u64)U32_MAX);
	return true;
}

/* ---- async page faults ---------------------------------------------------------------------- */

bool pv_apf_enabled(u64 en, u64 vector)
{
	return (en & PV_ENABLED) && (en & PV_APF_AS_INT) && vector >= 16;
}

/*
 * The guest handles "absent" as a page fault that may put the task to sleep: not
 * in the kernel (unless it asked), nor while it holds interrupts off.
 */
bool pv_apf_may_tell(u64 en, u64 vector, unsigned int cpl, bool irqs_on)
{
	return pv_apf_enabled(en, vector) && irqs_on &&
	       (cpl || (en & PV_APF_SEND_ALWAYS));
}

u32 pv_apf_begin(struct pv_apf *a, unsigned int id)
{
	unsigned int i;

	for (i = 0; i < PV_APF_SLOTS && a->page[i].token; i++)
		;
	if (i == PV_APF_SLOTS)
		return 0;
	do
		a->page[i].token = (++a->next << 12) | (id & 0xfff);
	while (!a->page[i].token || a->page[i].token == PV_APF_WAKE_ALL);
	a->page[i].ready = false;
	return a->page[i].token;
}

void pv_apf_wake_all(struct pv_apf *a)
{
	pv_apf_reset(a);
	a->page[0].token = PV_APF_WAKE_ALL;
	a->page[0].ready = true;
}

bool pv_apf_came(struct pv_apf *a, u32 token)
{
	unsigned int i;

	for (i = 0; i < PV_APF_SLOTS; i++) {
		if (!token || a->page[i].token != token)
			continue;
		a->page[i].ready = true;
		return true;
	}
	return false;
}

u32 pv_apf_tell(struct pv_apf *a)
{
	unsigned int i;
	u32 token;

	for (i = 0; i < PV_APF_SLOTS && !a->told; i++) {
		if (!a->page[i].token || !a->page[i].ready)
			continue;
		token = a->page[i].token;
		a->page[i].token = 0;
		a->told = true;
		return token;
	}
	return 0;
}

void pv_apf_ack(struct pv_apf *a)
{
	a->told = false;
}

void pv_apf_reset(struct pv_apf *a)
{
	u32 next = a->next;

	memset(a, 0, sizeof(*a));
	a->next = next;
}
