// SPDX-License-Identifier: GPL-2.0
/*
 * Device table entries (48882 2.2.2): from wish to bits, and from bits to an
 * ordered list of 64-bit stores. unit_linux.c carries the list out. Nothing
 * here knows where the device table lies or how a flush is done.
 */
#include "iommu-amd/dte.h"

static u64 dte_blocked_q0(void)
{
	return DTE_V | DTE_TV;	/* Mode 0, IR = IW = 0 */
}

static u64 dte_aborted_q2(bool suppress)
{
	return DTE_IV | FIELD_PREP(DTE_INT_CTL, DTE_INT_CTL_ABORT) |
	       (suppress ? DTE_IG : 0);
}

static int dte_build_dma(const struct dte_want *want, u64 *q0)
{
	switch (want->dma) {
	case DTE_DMA_BLOCK:
		*q0 = dte_blocked_q0();
		return 0;
	case DTE_DMA_IDENTITY:
		*q0 = dte_blocked_q0() | DTE_IR | DTE_IW;
		return 0;
	case DTE_DMA_TABLE:
		if (want->depth < 1 || want->depth > 6 ||
		    (want->root & ~DTE_ROOT))
			return -EINVAL;
		*q0 = DTE_V | DTE_TV | DTE_IR | DTE_IW | want->root |
		      FIELD_PREP(DTE_MODE, want->depth);
		return 0;
	}
	return -EINVAL;
}

static int dte_build_irt(const struct dte_want *want, u64 *q2)
{
	/* The root field starts at bit 6, the table at 128 bytes. */
	if (want->irt_order < 1 || want->irt_order > 11 ||
	    (want->irt & ~DTE_INT_ROOT) || (want->irt & 127))
		return -EINVAL;
	*q2 = DTE_IV | want->irt | FIELD_PREP(DTE_INT_LEN, want->irt_order) |
	      FIELD_PREP(DTE_INT_CTL, DTE_INT_CTL_REMAP) |
	      (want->suppress ? DTE_IG : 0);
	return 0;
}

static int dte_build_irq(const struct dte_want *want, u64 *q2)
{
	switch (want->irq) {
	case DTE_IRQ_BLOCK:
		if (want->irt)
			return dte_build_irt(want, q2);
		*q2 = dte_aborted_q2(want->suppress);
		return 0;
	case DTE_IRQ_PASS:
		*q2 = 0;
		return 0;
	case DTE_IRQ_TABLE:
		return dte_build_irt(want, q2);
	}
	return -EINVAL;
}

int dte_build(const struct dte_want *want, struct dte *out)
{
	u64 q0, q2;

	if (dte_build_dma(want, &q0) || dte_build_irq(want, &q2)) {
		*out = (struct dte){ { dte_blocked_q0(), 0,
				       dte_aborted_q2(false), 0 } };
		return -EINVAL;
	}
	out->q[0] = q0;
	out->q[1] = FIELD_PREP(DTE_DOMAIN, want->domain_id) |
		    (want->suppress ? DTE_SA | DTE_SE : 0);
	out->q[2] = q2;
	out->q[3] = 0;
	return 0;
}

bool dte_q0_blocks(u64 q0)
{
	return (q0 & DTE_V) && (q0 & DTE_TV) && !(q0 & (DTE_IR | DTE_IW));
}

struct dte_writer {
	struct dte_step *plan;
	unsigned int n;
	struct dte now;
};

static void dte_step_store(struct dte_writer *w, unsigned int quad, u64 value)
{
	if (w->now.q[quad] == value)
		return;
	w->now.q[quad] = value;
	w->plan[w->n++] = (struct dte_step){ DTE_STORE, (u8)quad, value };
}

static void dte_step_flush(struct dte_writer *w)
{
	w->plan[w->n++] = (struct dte_step){ DTE_FLUSH, 0, 0 };
}

/*
 * Quad 1 names the domain that cached translations are filed under: it may
 * only change while quad 0 blocks. The flush before it waits for fetches that
 * saw the old quad 0, the flush after it for those that saw the old quad 1.
 */
unsigned int dte_plan(const struct dte *old, const struct dte *new,
		      struct dte_step plan[DTE_PLAN_MAX])
{
	struct dte_writer w = { .plan = plan, .now = *old };
	bool beside = old->q[1] != new->q[1] || old->q[3] != new->q[3];

	if (!memcmp(old, new, sizeof(*old)))
		return 0;
	if (beside && !dte_q0_blocks(old->q[0])) {
		dte_step_store(&w, 0, dte_q0_blocks(new->q[0]) ?
				      new->q[0] : dte_blocked_q0());
		dte_step_store(&w, 2, new->q[2]);
		dte_step_flush(&w);
	}
	dte_step_store(&w, 3, new->q[3]);
	dte_step_store(&w, 2, new->q[2]);
	dte_step_store(&w, 1, new->q[1]);
	if (beside && !dte_q0_blocks(new->q[0]))
		dte_step_flush(&w);
	dte_step_store(&w, 0, new->q[0]);
	dte_step_flush(&w);
	return w.n;
}
