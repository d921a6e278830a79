/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the three files of the local APIC model share (vlapic.c: requests and
 * registers, vlapic_timer.c, vlapic_state.c: its life). Nobody else includes it.
 */
#ifndef BACKPLANE_VLAPIC_PRIVATE_H
#define BACKPLANE_VLAPIC_PRIVATE_H

#include "kvm-core/vlapic.h"

#define REG(a, offset)		((a)->regs[(offset) / VLAPIC_STEP])
#define BANK(vector)		(((vector) / 32) * 0x10)
#define BANK_BIT(vector)	(1U << ((vector) % 32))

#define LVT_VECTOR		0x000000ffU
#define LVT_MODE		0x00000700U
#define LVT_PIN			0x0000a000U	/* polarity, trigger */
#define LVT_MASKED		((u32)VLAPIC_LVT_MASKED)
#define LVT_EXTINT		((u32)VCHIP_EXTINT << 8)

#define TIMER_MODE		0x00060000U
#define TIMER_PERIODIC		1
#define TIMER_DEADLINE		2

static inline u32 vlapic_timer_mode(const struct vlapic *a)
{
	return FIELD_GET(TIMER_MODE, REG(a, VLAPIC_LVTT));
}

static inline bool vlapic_sw_enabled(const struct vlapic *a)
{
	return READ_ONCE(REG(a, VLAPIC_SVR)) & VLAPIC_SVR_ENABLE;
}

/* Make irr_words and isr_words anew after the banks were written as a whole. */
void vlapic_index_banks(struct vlapic *a);
/* Recompute the processor priority after TPR or ISR changed. */
void vlapic_update_ppr(struct vlapic *a);
/* A guest write to LVTT, TMICT or TDCR; settled before. */
void vlapic_timer_write(struct vlapic *a, u32 reg, u32 val,
			const struct vlapic_time *now, struct vlapic_effect *e);
/* What the current count register reads. */
u32 vlapic_timer_count(const struct vlapic *a, const struct vlapic_time *now);
/* Count on from @count: after a new divider, or a restore. */
void vlapic_timer_resume(struct vlapic *a, u32 count,
			 const struct vlapic_time *now);
void vlapic_timer_stop(struct vlapic *a);
/* RDMSR and WRMSR of the TSC deadline; outside its mode 0 and ignored. */
void vlapic_timer_rdmsr(struct vlapic *a, u64 *val,
			const struct vlapic_time *now, struct vlapic_effect *e);
void vlapic_timer_wrmsr(struct vlapic *a, u64 val,
			const struct vlapic_time *now, struct vlapic_effect *e);

#endif
