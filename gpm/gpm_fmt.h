/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gpm_fmt: every bit of an entry of the shared table, and who reads it.
 *
 * An entry is one 64-bit word read by two walkers: the CPU's nested walk
 * (APM2 5.3, 5.4 for the format; 15.25 for the nested use of it) and the
 * IOMMU's v1 host walk (48882 2.2.3). Where one walker uses a bit, the other
 * ignores it or wants the same value; the comments give both. The masks are
 * disjoint and cover the word (asserted below), so no bit is without an owner.
 *
 * Only gpm.c and gpm_try.c include this file in product code. There are exactly two
 * constructors of a present entry, gpm_fmt_leaf() and gpm_fmt_pointer(); an
 * absent entry is 0. No software state may be put into a present entry.
 */
#ifndef BACKPLANE_GPM_FMT_H
#define BACKPLANE_GPM_FMT_H

#include "gpm/gpm.h"

/* Proofs shrink the tables; the product has 512 entries in a table. */
#ifndef GPM_FMT_INDEX_BITS
#define GPM_FMT_INDEX_BITS	9
#endif
#define GPM_FMT_ENTRIES		(1U << GPM_FMT_INDEX_BITS)

/*				bit(s)		CPU (APM2)	IOMMU (48882)	*/
#define GPM_FMT_P	BIT_ULL(0)		/* P, 5.4.1	PR: same	*/
#define GPM_FMT_W	BIT_ULL(1)		/* R/W		ignored		*/
#define GPM_FMT_US	BIT_ULL(2)		/* U/S, 15.25.5	ignored		*/
#define GPM_FMT_PWT	BIT_ULL(3)		/* PWT		ignored		*/
#define GPM_FMT_PCD	BIT_ULL(4)		/* PCD		ignored		*/
#define GPM_FMT_A	BIT_ULL(5)		/* A, set by hw	ignored (A if
						 *		host A/D on)	*/
#define GPM_FMT_D	BIT_ULL(6)		/* D, set by hw	ignored (same)	*/
#define GPM_FMT_PS	BIT_ULL(7)		/* PS; PAT in a	ignored
						 * 4K leaf: 0			*/
#define GPM_FMT_G	BIT_ULL(8)		/* G, kept 0	ignored		*/
#define GPM_FMT_NEXT	GENMASK_ULL(11, 9)	/* available	Next Level: 0 in
						 *		a leaf		*/
#define GPM_FMT_ADDR	GENMASK_ULL(51, 12)	/* address	address; bit 12
						 * is PAT in a big leaf: 0	*/
#define GPM_FMT_RSVD	GENMASK_ULL(58, 52)	/* available	reserved: 0	*/
#define GPM_FMT_U	BIT_ULL(59)		/* available	U, kept 0	*/
#define GPM_FMT_FC	BIT_ULL(60)		/* available	FC: coherent	*/
#define GPM_FMT_IR	BIT_ULL(61)		/* available	IR, ANDed down	*/
#define GPM_FMT_IW	BIT_ULL(62)		/* available	IW, ANDed down	*/
#define GPM_FMT_NX	BIT_ULL(63)		/* NX		ignored		*/

/* What hardware writes behind our back. */
#define GPM_FMT_AD	(GPM_FMT_A | GPM_FMT_D)

/* The masks are disjoint if their sum is their union, and cover if it is ~0. */
#define GPM_FMT_SUM							\
	(GPM_FMT_P + GPM_FMT_W + GPM_FMT_US + GPM_FMT_PWT + GPM_FMT_PCD +	\
	 GPM_FMT_A + GPM_FMT_D + GPM_FMT_PS + GPM_FMT_G + GPM_FMT_NEXT +	\
	 GPM_FMT_ADDR + GPM_FMT_RSVD + GPM_FMT_U + GPM_FMT_FC +		\
	 GPM_FMT_IR + GPM_FMT_IW + GPM_FMT_NX)
#define GPM_FMT_UNION							\
	(GPM_FMT_P | GPM_FMT_W | GPM_FMT_US | GPM_FMT_PWT | GPM_FMT_PCD |	\
	 GPM_FMT_A | GPM_FMT_D | GPM_FMT_PS | GPM_FMT_G | GPM_FMT_NEXT |	\
	 GPM_FMT_ADDR | GPM_FMT_RSVD | GPM_FMT_U | GPM_FMT_FC |		\
	 GPM_FMT_IR | GPM_FMT_IW | GPM_FMT_NX)
static_assert(GPM_FMT_UNION == ~0ULL, "a bit of the entry has no owner");
static_assert(GPM_FMT_SUM == GPM_FMT_UNION, "a bit of the entry has two owners");
static_assert(sizeof(u64) * 512 == BP_PAGE_SIZE, "a table is one page");

/* Bytes that one entry of a table of @level covers. */
static inline u64 gpm_fmt_span(unsigned int level)
{
	return 1ULL << (BP_PAGE_SHIFT + GPM_FMT_INDEX_BITS * level);
}

static inline unsigned int gpm_fmt_index(gpa_t gpa, unsigned int level)
{
	return (gpa >> (BP_PAGE_SHIFT + GPM_FMT_INDEX_BITS * level)) &
	       (GPM_FMT_ENTRIES - 1);
}

static inline bool gpm_fmt_present(u64 entry)
{
	return entry & GPM_FMT_P;
}

/* Of a present entry found in a table of @level: does it point to a table? */
static inline bool gpm_fmt_is_pointer(u64 entry, unsigned int level)
{
	return level > 0 && !(entry & GPM_FMT_PS);
}

static inline hpa_t gpm_fmt_addr(u64 entry)
{
	return entry & GPM_FMT_ADDR;
}

/*
 * The entry in a table of @level (1 and up) that points to the next table.
 * Both walkers AND permissions down the path, so a pointer permits all.
 */
static inline u64 gpm_fmt_pointer(hpa_t table, unsigned int level)
{
	return GPM_FMT_P | GPM_FMT_W | GPM_FMT_US | GPM_FMT_IR | GPM_FMT_IW |
	       FIELD_PREP(GPM_FMT_NEXT, (u64)level) | (table & GPM_FMT_ADDR);
}

/* The leaf of @level for @perm (GPM_*, some CPU or DMA permission). */
static inline u64 gpm_fmt_leaf(hpa_t hpa, unsigned int level, u32 perm)
{
	u64 entry = GPM_FMT_P | (hpa & GPM_FMT_ADDR);

	if (perm & GPM_CPU_R)
		entry |= GPM_FMT_US;
	if (perm & GPM_CPU_W)
		entry |= GPM_FMT_W;
	if (!(perm & GPM_CPU_X))
		entry |= GPM_FMT_NX;
	if (perm & GPM_DMA_R)
		entry |= GPM_FMT_IR;
	if (perm & GPM_DMA_W)
		entry |= GPM_FMT_IW;
	if (perm & GPM_UNCACHED)
		entry |= GPM_FMT_PCD | GPM_FMT_PWT;
	if (perm & GPM_FORCE_COH)
		entry |= GPM_FMT_FC;
	if (level > 0)
		entry |= GPM_FMT_PS;
	return entry;
}

/* The permissions of a present leaf: the inverse of gpm_fmt_leaf(). */
static inline u32 gpm_fmt_perm(u64 entry)
{
	u32 perm = 0;

	if (entry & GPM_FMT_US)
		perm |= GPM_CPU_R;
	if (entry & GPM_FMT_W)
		perm |= GPM_CPU_W;
	if (!(entry & GPM_FMT_NX))
		perm |= GPM_CPU_X;
	if (entry & GPM_FMT_IR)
		perm |= GPM_DMA_R;
	if (entry & GPM_FMT_IW)
		perm |= GPM_DMA_W;
	if (entry & GPM_FMT_PCD)
		perm |= GPM_UNCACHED;
	if (entry & GPM_FMT_FC)
		perm |= GPM_FORCE_COH;
	return perm;
}

#endif
