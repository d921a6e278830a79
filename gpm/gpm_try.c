// SPDX-License-Identifier: GPL-2.0
/*
 * The shortest ways of the shared table: one leaf comes where nothing was, or
 * goes, and no other word changes. Each is one walk down tables that are there
 * and one atomic change of an entry (formats: gpm_fmt.h), so that it needs no lock
 * against others who do the same elsewhere. iommu-amd calls them for single maps
 * and unmaps; whatever they decline is gpm.c's, under the caller's lock.
 */
#include "gpm/gpm_int.h"

#define MAX_HPA		BIT_ULL(52)

/* The entry of @level for @gpa; NULL: a table is missing, or a big leaf there. */
static inline u64 *entry_of(const struct gpm *g, gpa_t gpa, unsigned int level)
{
	unsigned int at = g->depth - 1;
	unsigned int shift = BP_PAGE_SHIFT + GPM_FMT_INDEX_BITS * at;
	u64 entry, *table = g->root;

	for (; at > level; at--, shift -= GPM_FMT_INDEX_BITS) {
		entry = READ_ONCE(table[gpa >> shift & (GPM_FMT_ENTRIES - 1)]);
		if ((entry & (GPM_FMT_P | GPM_FMT_PS)) != GPM_FMT_P)
			return NULL;
		table = gpm_table_of(g, entry);
	}
	return &table[gpa >> shift & (GPM_FMT_ENTRIES - 1)];
}

/* @perm of a device's domain: DMA alone, so that there is little to check. */
static bool plain(const struct gpm *g, gpa_t gpa, hpa_t hpa, u64 span, u32 perm)
{
	return !((gpa | hpa) & (span - 1)) && gpa < g->limit && hpa < MAX_HPA &&
	       (perm & GPM_DMA_RW) && !(perm & GPM_CPU_RWX) &&
	       (gpa >= GPM_MSI_END || gpa + span <= GPM_MSI_START);
}

bool gpm_try_map(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level, u32 perm)
{
	u64 *entry;

	if (level > GPM_MAX_LEVEL || !plain(g, gpa, hpa, gpm_fmt_span(level), perm))
		return false;
	entry = entry_of(g, gpa, level);
	return entry && !READ_ONCE(*entry) &&
	       gpm_swap_entry(g, entry, 0, gpm_fmt_leaf(hpa, level, perm & ~GPM_CPU_RWX));
}

static unsigned int level_of(u64 size)
{
	unsigned int level = 0;

	while (level < GPM_MAX_LEVEL && gpm_fmt_span(level) < size)
		level++;
	return level;
}

bool gpm_try_unmap(struct gpm *g, gpa_t start, u64 size)
{
	unsigned int level = level_of(size);
	u64 *entry, old;

	if (size != gpm_fmt_span(level) || start & (size - 1) || start >= g->limit)
		return false;
	entry = entry_of(g, start, level);
	if (!entry)
		return false;
	old = READ_ONCE(*entry);
	if (!gpm_fmt_present(old) || gpm_fmt_is_pointer(old, level))
		return false;
	return gpm_swap_entry(g, entry, old, 0);
}
