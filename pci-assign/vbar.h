/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vbar: base address registers as the guest sees them, and what inside a BAR
 * may be touched directly.
 *
 * Pure. The guest's BARs are numbers of the guest: it sizes and places them as
 * it likes (PCI 3.0 6.2.5.1) and the card's real BARs stay where the host put
 * them. So a BAR register is a shadow word whose size bits read zero. Inside a
 * BAR everything is the card's own business except the MSI-X table and its
 * pending bits, which the kernel models; pages that hold them are not mapped.
 */
#ifndef BACKPLANE_PCI_ASSIGN_VBAR_H
#define BACKPLANE_PCI_ASSIGN_VBAR_H

#include "addr.h"

#define VBAR_COUNT	6

enum vbar_kind { VBAR_NONE, VBAR_IO, VBAR_MEM32, VBAR_MEM64, VBAR_UPPER };

struct vbar {
	enum vbar_kind kind;	/* VBAR_UPPER: upper half of the one before */
	bool prefetch;
	u64 size;		/* power of two; 0 iff VBAR_NONE or UPPER */
};

/* What the register of BAR @index looks like: constant bits and the bits that
 * the guest may change. Bits in neither read 0.
 */
struct vbar_reg {
	u32 ones;
	u32 write;
};

/* Are sizes powers of two, at least 4 (I/O) or 16, 64-bit pairs complete,
 * I/O BARs within 64 KiB? A card that fails is refused.
 */
bool vbar_valid(const struct vbar bars[VBAR_COUNT]);

/*
 * Could a memory BAR that the host placed at @start be shown as a whole page,
 * if the rest of that page is nobody's? A page is the least that can be mapped.
 */
bool vbar_begins_page(const struct vbar *b, u64 start);

struct vbar_reg vbar_register(const struct vbar bars[VBAR_COUNT],
			      unsigned int index);

/* The expansion ROM's register for a ROM of @size bytes (0: none). */
struct vbar_reg vbar_rom_register(u64 size);

/* Where MSI-X lives; bar >= VBAR_COUNT: nowhere. */
struct vbar_msix {
	u8 table_bar, pba_bar;
	u32 table_start, table_end;	/* [start, end) */
	u32 pba_start, pba_end;
};

/* From the capability's three words; count as Message Control says. */
struct vbar_msix vbar_find_msix(u32 table_word, u32 pba_word,
				unsigned int count);
/* Do table and pending bits lie inside BARs that exist? */
bool vbar_msix_fits(const struct vbar_msix *m,
		    const struct vbar bars[VBAR_COUNT]);

enum vbar_target {
	VBAR_CARD,		/* the card's own registers */
	VBAR_TABLE,		/* the MSI-X table: @offset within it */
	VBAR_PBA,		/* pending bits: @offset within them */
};

struct vbar_run {
	enum vbar_target target;
	u32 offset;
	u64 len;		/* at most what was asked, never across a border */
};

/* What byte @offset of BAR @bar is, and for how many of the next @len bytes. */
struct vbar_run vbar_classify(const struct vbar_msix *m, unsigned int bar,
			      u64 offset, u64 len);

struct vbar_area {
	u64 start, end;
};

#define VBAR_MAX_AREAS	3

/*
 * The page-aligned parts of a memory BAR that may be mapped: all of it but the
 * pages that hold table or pending bits. Returns how many areas (0..3); a BAR
 * below a page has none.
 */
unsigned int vbar_mappable(const struct vbar_msix *m, unsigned int bar,
			   u64 size, struct vbar_area areas[VBAR_MAX_AREAS]);

/* Is [start, end) wholly inside one of them? */
bool vbar_may_map(const struct vbar_msix *m, unsigned int bar, u64 size,
		  u64 start, u64 end);

#endif
