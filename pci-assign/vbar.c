// SPDX-License-Identifier: GPL-2.0
/*
 * BAR registers, MSI-X location and the mappable parts of a BAR (PCI 3.0
 * 6.2.5.1, 6.2.5.2, 6.8.2.4-5). Called when a card is opened, on every access
 * through the node, and by mmap. Arithmetic only: it must not know where the
 * card's BARs really are.
 */
#include <linux/pci_regs.h>
#include "pci-assign/vbar.h"

static bool is_power_of_two(u64 n)
{
	return n && !(n & (n - 1));
}

static bool one_valid(const struct vbar bars[VBAR_COUNT], unsigned int i)
{
	const struct vbar *b = &bars[i];

	switch (b->kind) {
	case VBAR_NONE:
		return b->size == 0;
	case VBAR_UPPER:
		return b->size == 0 && i > 0 && bars[i - 1].kind == VBAR_MEM64;
	case VBAR_IO:
		return is_power_of_two(b->size) && b->size >= 4 &&
		       b->size <= 0x10000;
	case VBAR_MEM32:
		return is_power_of_two(b->size) && b->size >= 16 &&
		       b->size <= BIT_ULL(31);
	case VBAR_MEM64:
		return is_power_of_two(b->size) && b->size >= 16 &&
		       i + 1 < VBAR_COUNT && bars[i + 1].kind == VBAR_UPPER;
	}
	return false;
}

bool vbar_valid(const struct vbar bars[VBAR_COUNT])
{
	unsigned int i;

	for (i = 0; i < VBAR_COUNT; i++)
		if (!one_valid(bars, i))
			return false;
	return true;
}

bool vbar_begins_page(const struct vbar *b, u64 start)
{
	return (b->kind == VBAR_MEM32 || b->kind == VBAR_MEM64) &&
	       b->size < BP_PAGE_SIZE && !(start & ~BP_PAGE_MASK);
}

struct vbar_reg vbar_register(const struct vbar bars[VBAR_COUNT],
			      unsigned int index)
{
	const struct vbar *b = &bars[index];
	struct vbar_reg r = { 0, 0 };

	switch (b->kind) {
	case VBAR_NONE:
		break;
	case VBAR_IO:
		r.ones = PCI_BASE_ADDRESS_SPACE_IO;
		r.write = ~(u32)(b->size - 1) & ~3U;
		break;
	case VBAR_MEM64:
		r.ones = PCI_BASE_ADDRESS_MEM_TYPE_64;
		fallthrough;
	case VBAR_MEM32:
		if (b->prefetch)
			r.ones |= PCI_BASE_ADDRESS_MEM_PREFETCH;
		r.write = (u32)~(b->size - 1) & ~0xfU;
		break;
	case VBAR_UPPER:
		r.write = (u32)(~(bars[index - 1].size - 1) >> 32);
		break;
	}
	return r;
}

struct vbar_reg vbar_rom_register(u64 size)
{
	struct vbar_reg r = { 0, 0 };

	if (is_power_of_two(size) && size >= 2048 && size <= BIT_ULL(24))
		r.write = (u32)~(size - 1) | PCI_ROM_ADDRESS_ENABLE;
	return r;
}

struct vbar_msix vbar_find_msix(u32 table_word, u32 pba_word,
				unsigned int count)
{
	struct vbar_msix m = {
		.table_bar = table_word & PCI_MSIX_TABLE_BIR,
		.pba_bar = pba_word & PCI_MSIX_PBA_BIR,
		.table_start = table_word & PCI_MSIX_TABLE_OFFSET,
		.pba_start = pba_word & PCI_MSIX_PBA_OFFSET,
	};

	m.table_end = m.table_start + count * PCI_MSIX_ENTRY_SIZE;
	m.pba_end = m.pba_start + (count + 63) / 64 * 8;
	return m;
}

static bool inside(const struct vbar bars[VBAR_COUNT], unsigned int bar,
		   u32 start, u32 end)
{
	return bar < VBAR_COUNT && start < end && end <= bars[bar].size &&
	       (bars[bar].kind == VBAR_MEM32 || bars[bar].kind == VBAR_MEM64);
}

bool vbar_msix_fits(const struct vbar_msix *m,
		    const struct vbar bars[VBAR_COUNT])
{
	return inside(bars, m->table_bar, m->table_start, m->table_end) &&
	       inside(bars, m->pba_bar, m->pba_start, m->pba_end) &&
	       (m->table_bar != m->pba_bar || m->table_end <= m->pba_start ||
		m->pba_end <= m->table_start);
}

/* [start, end) if it is in @bar, else an empty range beyond every offset. */
static struct vbar_area trap_range(unsigned int in_bar, unsigned int bar,
				   u32 start, u32 end)
{
	if (in_bar != bar)
		return (struct vbar_area) { U64_MAX, U64_MAX };
	return (struct vbar_area) { start, end };
}

static bool clip(const struct vbar_area *trap, u64 offset, u64 *len)
{
	if (offset >= trap->start && offset < trap->end) {
		*len = min(*len, trap->end - offset);
		return true;
	}
	if (offset < trap->start)
		*len = min(*len, trap->start - offset);
	return false;
}

struct vbar_run vbar_classify(const struct vbar_msix *m, unsigned int bar,
			      u64 offset, u64 len)
{
	struct vbar_area table = trap_range(m->table_bar, bar, m->table_start,
					    m->table_end);
	struct vbar_area pba = trap_range(m->pba_bar, bar, m->pba_start,
					  m->pba_end);
	struct vbar_run run = { VBAR_CARD, 0, len };

	if (clip(&table, offset, &run.len)) {
		run.target = VBAR_TABLE;
		run.offset = (u32)(offset - table.start);
	} else if (clip(&pba, offset, &run.len)) {
		run.target = VBAR_PBA;
		run.offset = (u32)(offset - pba.start);
	}
	return run;
}

static struct vbar_area page_hull(struct vbar_area a)
{
	if (a.start == U64_MAX)
		return a;
	return (struct vbar_area) {
		a.start & BP_PAGE_MASK,
		(a.end + BP_PAGE_SIZE - 1) & BP_PAGE_MASK,
	};
}

unsigned int vbar_mappable(const struct vbar_msix *m, unsigned int bar,
			   u64 size, struct vbar_area areas[VBAR_MAX_AREAS])
{
	struct vbar_area hole[2] = {
		page_hull(trap_range(m->table_bar, bar, m->table_start,
				     m->table_end)),
		page_hull(trap_range(m->pba_bar, bar, m->pba_start,
				     m->pba_end)),
	};
	unsigned int n = 0, i;
	u64 at = 0;

	if (size < BP_PAGE_SIZE)
		return 0;
	if (hole[1].start < hole[0].start) {
		struct vbar_area swap = hole[0];

		hole[0] = hole[1];
		hole[1] = swap;
	}
	for (i = 0; i < 2; i++) {
		u64 stop = min(hole[i].start, size);

		if (at < stop)
			areas[n++] = (struct vbar_area) { at, stop };
		at = max(at, hole[i].start < size ? hole[i].end : size);
	}
	if (at < size)
		areas[n++] = (struct vbar_area) { at, size };
	return n;
}

bool vbar_may_map(const struct vbar_msix *m, unsigned int bar, u64 size,
		  u64 start, u64 end)
{
	struct vbar_area areas[VBAR_MAX_AREAS];
	unsigned int n = vbar_mappable(m, bar, size, areas), i;

	for (i = 0; i < n; i++)
		if (start >= areas[i].start && start < end &&
		    end <= areas[i].end)
			return true;
	return false;
}
