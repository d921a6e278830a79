// SPDX-License-Identifier: GPL-2.0
/*
 * Proofs for the words that iommu-amd writes and reads: device table entries
 * and the order of their stores, commands, remapping entries, events, ring
 * offsets; for every wish, every range and every bit pattern.
 * tests/proofs/run reads the next line.
 *
 * cbmc: --unwind 10 --unwindset memcmp.0:33 iommu-amd/dte.c iommu-amd/cmd.c iommu-amd/irte.c iommu-amd/event.c iommu-amd/ring.c
 */
#include <assert.h>
#include "iommu-amd/cmd.h"
#include "iommu-amd/dte.h"
#include "iommu-amd/event.h"
#include "iommu-amd/irte.h"
#include "iommu-amd/ring.h"

u64 nondet_u64(void);
u32 nondet_u32(void);
_Bool nondet_bool(void);

static struct dte_want any_want(void)
{
	struct dte_want w = {
		.dma = (enum dte_dma)(nondet_u32() & 3),
		.irq = (enum dte_irq)(nondet_u32() & 3),
		.suppress = nondet_bool(), .domain_id = (u16)nondet_u32(),
		.depth = (u8)nondet_u32(), .root = nondet_u64(),
		.irt_order = (u8)nondet_u32(), .irt = nondet_u64(),
	};

	return w;
}

/* Whatever is wished: no invalid entry, no reserved bit, a refusal blocks. */
void proof_dte_is_valid_and_clean(void)
{
	struct dte_want w = any_want();
	struct dte d;
	int err = dte_build(&w, &d);

	assert(d.q[0] & DTE_V);
	assert(d.q[0] & DTE_TV);
	assert(!(d.q[0] & ~DTE_Q0_USED) && !(d.q[1] & ~DTE_Q1_USED));
	assert(!(d.q[2] & ~DTE_Q2_USED) && !d.q[3]);
	if (err || w.dma == DTE_DMA_BLOCK)
		assert(dte_q0_blocks(d.q[0]));
	if (err || w.irq == DTE_IRQ_BLOCK)
		assert(d.q[2] & DTE_IV);
	if (!err && w.dma == DTE_DMA_TABLE) {
		assert(FIELD_GET(DTE_MODE, d.q[0]) == w.depth);
		assert((d.q[0] & DTE_ROOT) == w.root);
	}
	if (!err && w.irq == DTE_IRQ_TABLE)
		assert((d.q[2] & DTE_INT_ROOT) == w.irt);
}

/*
 * From any entry to any other, though neither need be one of ours: at each
 * pair of moments between two flushes the DMA half is the old one, the new
 * one, or blocks; the interrupt half is the old one or the new one.
 */
void proof_dte_plan_shows_no_mixture(void)
{
	struct dte old, new, hist[DTE_PLAN_MAX + 1];
	struct dte_step plan[DTE_PLAN_MAX];
	unsigned int n, i, h = 0, a, b;

	for (i = 0; i < 4; i++) {
		old.q[i] = nondet_u64();
		new.q[i] = nondet_u64();
	}
	n = dte_plan(&old, &new, plan);
	assert(n <= DTE_PLAN_MAX);
	hist[0] = old;
	/* Every window between flushes, seen through two moments of it. */
	for (i = 0; i < n; i++) {
		hist[i + 1] = hist[i];
		if (plan[i].what == DTE_STORE)
			hist[i + 1].q[plan[i].quad & 3] = plan[i].value;
	}
	if (!n)
		return;
	for (i = 0; i < 4; i++)
		assert(hist[n].q[i] == new.q[i]);
	assert(plan[n - 1].what == DTE_FLUSH);
	a = nondet_u32();
	b = nondet_u32();
	__CPROVER_assume(a <= b && b <= n);
	for (i = a; i < b; i++)
		h += plan[i].what == DTE_FLUSH;
	__CPROVER_assume(!h);
	for (i = 0; i < 2; i++) {
		u64 q0 = hist[i ? a : b].q[0], q1 = hist[i ? b : a].q[1];

		assert(dte_q0_blocks(q0) ||
		       (q0 == old.q[0] && q1 == old.q[1]) ||
		       (q0 == new.q[0] && q1 == new.q[1]));
	}
	assert(hist[a].q[2] == old.q[2] || hist[a].q[2] == new.q[2]);
}

/* The range that a command names holds the range that was asked for. */
void proof_invalidation_covers_what_was_asked(void)
{
	gpa_t start = nondet_u64(), end = nondet_u64(), at = nondet_u64();
	u16 domain = (u16)nondet_u32();
	_Bool walk = nondet_bool();
	struct amdvi_cmd c;
	u64 first, size = BP_PAGE_SIZE;

	__CPROVER_assume(start < end && end <= 1ULL << 52);
	__CPROVER_assume(at >= start && at < end);
	c = cmd_invalidate_pages(domain, start, end, walk);
	assert(FIELD_GET(CMD_CODE, c.q[0]) == CMD_INV_PAGES);
	assert(FIELD_GET(CMD_DOMAIN, c.q[0]) == domain);
	assert(!(c.q[0] & ~(CMD_CODE | CMD_DOMAIN)));
	assert(!(c.q[1] & ~(CMD_PAGES_ADDR | CMD_PAGES_S | CMD_PAGES_PDE)));
	assert(!!(c.q[1] & CMD_PAGES_PDE) == walk);
	first = c.q[1] & CMD_PAGES_ADDR;
	if (first == 0x7ffffffffffff000ULL)
		return;		/* everything */
	if (c.q[1] & CMD_PAGES_S) {
		u64 ones = ~(first >> 12);	/* its lowest set bit: the size */

		size = (ones & -ones) << 13;
		first &= ~(size - 1);
	}
	assert(at >= first && at - first < size);
}

void proof_interrupt_entries_are_clean(void)
{
	struct irte_want w = {
		.vector = (u8)nondet_u32(), .delivery = (u8)nondet_u32(),
		.logical = nondet_bool(), .dest = nondet_u32(),
	};
	_Bool wide = nondet_bool();
	u64 q[2];
	u32 e;

	if (irte32_build(&w, &e))
		assert(!e);
	else
		assert((u8)(e >> 16) == w.vector && (u8)(e >> 8) == w.dest &&
		       (e & 1) && !(e & 0xff0000a2) && (e >> 2 & 7) <= 1);
	if (irte128_build(&w, wide, q)) {
		assert(!q[0] && !q[1]);
		return;
	}
	assert((q[0] & 1) && (u8)q[1] == w.vector && w.vector >= 16);
	assert(((q[0] >> 8 & 0xffffff) | (q[1] >> 56) << 24) == w.dest);
	assert(!(q[0] & 0xffffffff000000a2ULL) && (q[0] >> 2 & 7) <= 1);
	assert(!(q[1] & 0x00ffffffffffff00ULL));
	assert(wide || w.dest <= 0xff);
}

/* Any bytes are an event, an empty slot, or one we do not know; all can be
 * printed.
 */
void proof_events_decode(void)
{
	u64 raw[2] = { nondet_u64(), nondet_u64() };
	struct amdvi_fault f;
	int err = event_decode(raw, (u16)nondet_u32(), &f);

	assert(err == 0 || err == -EAGAIN || err == -ENOENT);
	assert((err == -EAGAIN) == !(raw[0] >> 60));
	if (err == -EAGAIN)
		return;
	assert(f.code == raw[0] >> 60 && f.addr == raw[1]);
	assert(f.reason && event_name(f.code) && event_access(&f) &&
	       event_advice(&f));
	if (event_names_device(f.code))
		assert(f.devid == (u16)raw[0]);
	assert(!event_halts_commands(f.code) || !event_names_device(f.code));
}

void proof_ring_offsets_stay_inside(void)
{
	u32 order = nondet_u32(), size, next;
	u64 head = nondet_u64(), tail = nondet_u64();
	int n;

	__CPROVER_assume(order >= 8 && order <= 15);
	size = 1U << order;
	n = ring_pending(size, head, tail);
	assert(n >= 0 || n == -EINVAL);
	assert(n < (int)size);
	if (n < 0)
		return;
	next = ring_next_offset(size, (u32)head);
	assert(next < size * RING_ENTRY_SIZE && !(next % RING_ENTRY_SIZE));
	if (n > 0)
		assert(ring_pending(size, next, tail) == n - 1);
}
