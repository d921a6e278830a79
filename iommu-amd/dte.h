/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device table entry of one card: what it should say, and the order of
 * stores that takes the hardware there (48882 2.2.2).
 *
 * An entry has 256 bits and the CPU changes 64 at a time, while the IOMMU may
 * fetch it at any moment, quad by quad. V = 0 lets everything through, so an
 * entry in use is never cleared: a change goes through "blocked", which quad 0
 * alone decides whatever quad 1 says. Quad 2 alone decides about interrupts.
 */
#ifndef BACKPLANE_AMDVI_DTE_H
#define BACKPLANE_AMDVI_DTE_H

#include "addr.h"
#include "iommu-amd/amdvi_fmt.h"

enum dte_dma {
	DTE_DMA_BLOCK,		/* every access fails */
	DTE_DMA_IDENTITY,	/* address = host physical address */
	DTE_DMA_TABLE,		/* through a table */
};

enum dte_irq {
	/*
	 * Every interrupt is dropped. If @irt is given, its entries are all
	 * off: an interrupt is then a page fault of the kind that @suppress
	 * silences. Without, IntCtl says abort, and a unit may report each
	 * interrupt as an invalid request, which no bit of the entry silences.
	 */
	DTE_IRQ_BLOCK,
	DTE_IRQ_PASS,		/* as without an IOMMU */
	DTE_IRQ_TABLE,		/* through the card's own remapping table */
};

struct dte_want {
	enum dte_dma dma;
	enum dte_irq irq;
	bool suppress;		/* log no faults of this card */
	u16 domain_id;
	u8 depth;		/* DTE_DMA_TABLE: levels, 1..6 */
	hpa_t root;		/* DTE_DMA_TABLE: 4 KiB aligned */
	u8 irt_order;		/* with @irt: log2 of entries, 1..11 */
	hpa_t irt;		/* table of interrupts, 128-byte aligned */
};

/* 0, or -EINVAL: @out is then a fully blocked entry. */
int dte_build(const struct dte_want *want, struct dte *out);

/* Does this quad 0 stop all DMA, whatever the other quads say? */
bool dte_q0_blocks(u64 q0);

/*
 * One step of a change. FLUSH: invalidate the entry, the interrupt table and
 * the translations of the old and new domain, and wait. If that fails, stop:
 * the entry as it stands is blocked or already the new one.
 */
struct dte_step {
	enum { DTE_STORE, DTE_FLUSH } what;
	u8 quad;
	u64 value;
};

#define DTE_PLAN_MAX 8

/*
 * The steps from @old to @new; returns their number, 0 if they are equal.
 * At every moment the IOMMU sees the old DMA rights, the new ones, or none;
 * and old or new interrupt rights.
 */
unsigned int dte_plan(const struct dte *old, const struct dte *new,
		      struct dte_step plan[DTE_PLAN_MAX]);

#endif
