/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of gpm/ share, and nobody else includes: how they go down to a
 * table, and how they change an entry that others may change. See gpm.h for the
 * contract of the ops that are called here.
 */
#ifndef GPM_INT_H
#define GPM_INT_H

#include "gpm/gpm.h"
#include "gpm/gpm_fmt.h"

/* The table that pointer @entry points to. */
static inline u64 *gpm_table_of(const struct gpm *g, u64 entry)
{
	if (likely(g->linear))
		return (u64 *)(uintptr_t)(gpm_fmt_addr(entry) + g->linear);
	return g->ops->table_at(g->ctx, gpm_fmt_addr(entry));
}

/* True if the entry was still @old and is now @value. */
static inline bool gpm_swap_entry(struct gpm *g, u64 *entry, u64 old, u64 value)
{
	if (g->ops->swap)
		return (g->ops->swap)(g->ctx, entry, old, value) == old; /* swap is also a kernel macro */
	return cmpxchg(entry, old, value) == old;
}

#endif
