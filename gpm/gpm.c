// SPDX-License-Identifier: GPL-2.0
/*
 * The one guest-physical table: walk it, map, split, unmap, protect.
 *
 * The tree is read at any moment by CPUs (APM2 15.25) and by IOMMUs (48882
 * 2.2.3), so every change here is one 64-bit store of a word that gpm_fmt.h
 * constructed, and a table is complete before anything points to it. Called by
 * kvm-core for a VM's table and by iommu-amd for tables of its own. This file
 * knows neither VMs nor devices, takes no lock and flushes nothing.
 */
#include "gpm/gpm_int.h"

#define GPM_MIN_DEPTH	3
#define GPM_MAX_DEPTH	6
#define GPM_ADDR_BITS	52

static void store(struct gpm *g, u64 *entry, u64 value)
{
	if (g->ops->store)
		g->ops->store(g->ctx, entry, value);
	else
		WRITE_ONCE(*entry, value);
}

static u64 *new_table(struct gpm *g)
{
	u64 *table = g->ops->alloc_table(g->ctx);

	if (table)
		g->tables++;
	return table;
}

static gpa_t limit_of(unsigned int depth)
{
	unsigned int bits = BP_PAGE_SHIFT + GPM_FMT_INDEX_BITS * depth;

	return 1ULL << (bits < GPM_ADDR_BITS ? bits : GPM_ADDR_BITS);
}

static bool in_msi_window(gpa_t start, gpa_t end)
{
	return start < GPM_MSI_END && end > GPM_MSI_START;
}

static bool range_valid(const struct gpm *g, gpa_t start, gpa_t end)
{
	return !((start | end) & ~BP_PAGE_MASK) && start <= end &&
	       end <= g->limit;
}

int gpm_init(struct gpm *g, const struct gpm_ops *ops, void *ctx,
	     unsigned int depth)
{
	if (depth < GPM_MIN_DEPTH || depth > GPM_MAX_DEPTH)
		return -EINVAL;
	g->ops = ops;
	g->ctx = ctx;
	g->depth = depth;
	g->linear = 0;
	g->limit = limit_of(depth);
	g->tables = 0;
	g->root = new_table(g);
	return g->root ? 0 : -ENOMEM;
}

hpa_t gpm_root_hpa(const struct gpm *g)
{
	return g->ops->table_hpa(g->ctx, g->root);
}

/*
 * Hand back a table of @level that nothing points to any more, and all below.
 * Only accessed and dirty bits can still change under us.
 */
static void retire_subtree(struct gpm *g, u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < GPM_FMT_ENTRIES; i++) {
		u64 entry = READ_ONCE(table[i]);

		if (gpm_fmt_present(entry) && gpm_fmt_is_pointer(entry, level))
			retire_subtree(g, gpm_table_of(g, entry), level - 1);
	}
	g->tables--;
	g->ops->retire_table(g->ctx, table);
}

void gpm_destroy(struct gpm *g)
{
	if (!g->root)
		return;
	retire_subtree(g, g->root, g->depth - 1);
	g->root = NULL;
}

static struct gpm_leaf describe(u64 entry, unsigned int level, gpa_t gpa)
{
	u64 offset = gpa & (gpm_fmt_span(level) - 1);

	return (struct gpm_leaf) {
		.hpa = gpm_fmt_addr(entry) | offset,
		.perm = gpm_fmt_perm(entry),
		.level = level,
		.present = true,
		.accessed = entry & GPM_FMT_A,
		.dirty = entry & GPM_FMT_D,
	};
}

struct gpm_leaf gpm_lookup(const struct gpm *g, gpa_t gpa)
{
	const u64 *table = g->root;
	unsigned int level = g->depth - 1;
	u64 entry;

	if (gpa >= g->limit)
		return (struct gpm_leaf) { .present = false };
	for (;; level--) {
		entry = READ_ONCE(table[gpm_fmt_index(gpa, level)]);
		if (!gpm_fmt_present(entry))
			return (struct gpm_leaf) { .level = level };
		if (!gpm_fmt_is_pointer(entry, level))
			return describe(entry, level, gpa);
		table = gpm_table_of(g, entry);
	}
}

/*
 * Replace the big leaf at @entry by a table of leaves one level smaller that
 * translate alike. The new table is full before the one store that shows it.
 */
static u64 *split_leaf(struct gpm *g, u64 *entry, unsigned int level)
{
	u64 *table = new_table(g);
	u64 old, value, ptr;
	unsigned int i;

	if (!table)
		return NULL;
	ptr = gpm_fmt_pointer(g->ops->table_hpa(g->ctx, table), level);
	do {
		old = READ_ONCE(*entry);
		value = gpm_fmt_leaf(gpm_fmt_addr(old), level - 1,
				     gpm_fmt_perm(old)) | (old & GPM_FMT_AD);
		for (i = 0; i < GPM_FMT_ENTRIES; i++)
			table[i] = value + i * gpm_fmt_span(level - 1);
	} while (!gpm_swap_entry(g, entry, old, ptr));
	return table;
}

static u64 *link_table(struct gpm *g, u64 *entry, unsigned int level)
{
	u64 *table = new_table(g);

	if (table)
		store(g, entry, gpm_fmt_pointer(g->ops->table_hpa(g->ctx, table),
						level));
	return table;
}

/* The entry of @level for @gpa; tables are added and leaves split on the way. */
static u64 *descend(struct gpm *g, gpa_t gpa, unsigned int level, int *result)
{
	u64 *table = g->root;
	unsigned int at;

	for (at = g->depth - 1; at > level; at--) {
		u64 *slot = &table[gpm_fmt_index(gpa, at)];
		u64 entry = READ_ONCE(*slot);

		if (!gpm_fmt_present(entry)) {
			table = link_table(g, slot, at);
		} else if (gpm_fmt_is_pointer(entry, at)) {
			table = gpm_table_of(g, entry);
		} else {
			table = split_leaf(g, slot, at);
			*result |= GPM_FLUSH;
		}
		if (!table)
			return NULL;
	}
	return &table[gpm_fmt_index(gpa, level)];
}

/* Must readers forget @old before they may be relied upon to see @new_entry? */
static bool needs_flush(u64 old, u64 new_entry)
{
	u64 same = ~(GPM_FMT_AD | GPM_FMT_W | GPM_FMT_US | GPM_FMT_NX);
	u32 lost = gpm_fmt_perm(old) & ~gpm_fmt_perm(new_entry);

	return ((old ^ new_entry) & same) || lost;
}

/*
 * Put @value in place of the present leaf at @entry. While the page stays the
 * same its accessed and dirty bits stay too.
 */
static int replace_leaf(struct gpm *g, u64 *entry, u64 value)
{
	u64 old;

	do {
		old = READ_ONCE(*entry);
		if (gpm_fmt_addr(old) != gpm_fmt_addr(value)) {
			store(g, entry, value);
			return GPM_FLUSH;
		}
	} while (!gpm_swap_entry(g, entry, old, value | (old & GPM_FMT_AD)));
	return needs_flush(old, value) ? GPM_FLUSH : GPM_DONE;
}

static int replace_subtree(struct gpm *g, u64 *entry, unsigned int level,
			   u64 value)
{
	u64 *table = gpm_table_of(g, READ_ONCE(*entry));

	store(g, entry, value);
	retire_subtree(g, table, level - 1);
	return GPM_FLUSH | GPM_FLUSH_WALK;
}

static bool perm_valid(u32 perm)
{
	if ((perm & (GPM_CPU_W | GPM_CPU_X)) && !(perm & GPM_CPU_R))
		return false;
	return perm & (GPM_CPU_R | GPM_DMA_RW);
}

static bool map_valid(const struct gpm *g, gpa_t gpa, hpa_t hpa,
		      unsigned int level, u32 perm, u64 count)
{
	u64 span, max = 1ULL << GPM_ADDR_BITS;

	if (level > GPM_MAX_LEVEL || !perm_valid(perm))
		return false;
	span = gpm_fmt_span(level);
	if (((gpa | hpa) & (span - 1)) || gpa >= g->limit || hpa >= max ||
	    count > (g->limit - gpa) / span || count > (max - hpa) / span)
		return false;
	return !(perm & GPM_DMA_RW) || !in_msi_window(gpa, gpa + count * span);
}

static int put_leaf(struct gpm *g, u64 *entry, unsigned int level, u64 value)
{
	u64 old = READ_ONCE(*entry);

	if (gpm_fmt_present(old) && !gpm_fmt_is_pointer(old, level))
		return replace_leaf(g, entry, value);
	if (gpm_fmt_present(old))
		return replace_subtree(g, entry, level, value);
	store(g, entry, value);
	return GPM_DONE;
}

int gpm_map_run(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level,
		u32 perm, u64 count, u64 *done, int *bits)
{
	u64 value, span, *entry;

	*done = 0;
	*bits = GPM_DONE;
	if (!map_valid(g, gpa, hpa, level, perm, count))
		return -EINVAL;
	span = gpm_fmt_span(level);
	value = gpm_fmt_leaf(hpa, level, perm);
	for (entry = NULL; *done < count; ++*done) {
		/* The next entry, or the first of another table */
		if (entry && gpm_fmt_index(gpa, level))
			entry++;
		else
			entry = descend(g, gpa, level, bits);
		if (!entry)
			return -ENOMEM;
		*bits |= put_leaf(g, entry, level, value);
		gpa += span;
		value += span;
	}
	return 0;
}

int gpm_map(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level, u32 perm)
{
	u64 done;
	int bits, err;

	err = gpm_map_run(g, gpa, hpa, level, perm, 1, &done, &bits);
	return err ? err : bits;
}

/* ---- ranges ------------------------------------------------------------ */

/*
 * A walk over [at, end): what to do with each present leaf, and with a pointer
 * whose table lies in the range as a whole (NULL: go down).
 */
struct range {
	struct gpm *g;
	gpa_t at, end;
	bool split;		/* leaves that straddle an edge */
	int (*leaf)(struct range *r, u64 *entry, unsigned int level);
	int (*table)(struct range *r, u64 *entry, unsigned int level);
	int result;		/* GPM_* bits so far */
	u32 clear, set;
	void (*dirty)(void *arg, gpa_t start, u64 size);
	int (*visit)(void *arg, gpa_t gpa, const struct gpm_leaf *leaf);
	void *arg;
};

/* The table to go down into for the part of @entry up to @next, or NULL. */
static int range_below(struct range *r, u64 *entry, unsigned int level,
		       gpa_t next, u64 **below)
{
	bool whole = next - r->at == gpm_fmt_span(level);
	u64 value = READ_ONCE(*entry);

	*below = NULL;
	if (gpm_fmt_is_pointer(value, level)) {
		if (!whole || !r->table)
			*below = gpm_table_of(r->g, value);
		return 0;
	}
	if (whole || !r->split)
		return 0;
	*below = split_leaf(r->g, entry, level);
	r->result |= GPM_FLUSH;
	return *below ? 0 : -ENOMEM;
}

/* [r->at, end), all of it below @table, which is of @level. */
static int range_table(struct range *r, u64 *table, unsigned int level,
		       gpa_t end)
{
	u64 *entry, *below, span = gpm_fmt_span(level);
	gpa_t next;
	int rc;

	for (; r->at < end; r->at = next) {
		entry = &table[gpm_fmt_index(r->at, level)];
		next = (r->at | (span - 1)) + 1;
		if (next > end)
			next = end;
		if (!gpm_fmt_present(READ_ONCE(*entry)))
			continue;
		rc = range_below(r, entry, level, next, &below);
		if (rc)
			return rc;
		if (below)
			rc = range_table(r, below, level - 1, next);
		else if (gpm_fmt_is_pointer(READ_ONCE(*entry), level))
			rc = r->table(r, entry, level);
		else
			rc = r->leaf(r, entry, level);
		if (rc)
			return rc;
	}
	return 0;
}

/* 0 or above: GPM_* bits. */
static int range_walk(struct range *r)
{
	int rc;

	if (!range_valid(r->g, r->at, r->end))
		return -EINVAL;
	rc = range_table(r, r->g->root, r->g->depth - 1, r->end);
	return rc ? rc : r->result;
}

static int unmap_leaf(struct range *r, u64 *entry, unsigned int level)
{
	(void)level;
	store(r->g, entry, 0);
	r->result |= GPM_FLUSH;
	return 0;
}

static int unmap_table(struct range *r, u64 *entry, unsigned int level)
{
	r->result |= replace_subtree(r->g, entry, level, 0);
	return 0;
}

int gpm_unmap(struct gpm *g, gpa_t start, gpa_t end)
{
	struct range r = {
		.g = g, .at = start, .end = end, .split = true,
		.leaf = unmap_leaf, .table = unmap_table,
	};

	return range_walk(&r);
}

static int protect_leaf(struct range *r, u64 *entry, unsigned int level)
{
	u64 old = READ_ONCE(*entry);
	u32 perm = (gpm_fmt_perm(old) & ~r->clear) | r->set;
	u64 value;

	if (!(perm & GPM_CPU_R))
		perm &= ~(GPM_CPU_W | GPM_CPU_X);
	if (!perm_valid(perm))
		return unmap_leaf(r, entry, level);
	value = gpm_fmt_leaf(gpm_fmt_addr(old), level, perm);
	if ((old & ~GPM_FMT_AD) != value)
		r->result |= replace_leaf(r->g, entry, value);
	return 0;
}

int gpm_protect(struct gpm *g, gpa_t start, gpa_t end, u32 clear, u32 set)
{
	struct range r = {
		.g = g, .at = start, .end = end, .split = true,
		.leaf = protect_leaf, .clear = clear, .set = set,
	};

	if ((set & GPM_DMA_RW) && in_msi_window(start, end))
		return -EINVAL;
	return range_walk(&r);
}

static bool has_dma(const u64 *entry)
{
	return READ_ONCE(*entry) & (GPM_FMT_IR | GPM_FMT_IW);
}

static int reclaim_leaf(struct range *r, u64 *entry, unsigned int level)
{
	return has_dma(entry) ? 0 : unmap_leaf(r, entry, level);
}

int gpm_reclaim(struct gpm *g, gpa_t start, gpa_t end)
{
	struct range r = {
		.g = g, .at = start, .end = end, .leaf = reclaim_leaf,
	};

	return range_walk(&r);
}

int gpm_reclaim_all(struct gpm *g, gpa_t start, gpa_t end)
{
	struct range r = {
		.g = g, .at = start, .end = end, .leaf = unmap_leaf,
	};

	return range_walk(&r);
}

static int write_protect_leaf(struct range *r, u64 *entry, unsigned int level)
{
	return has_dma(entry) ? 0 : protect_leaf(r, entry, level);
}

int gpm_write_protect(struct gpm *g, gpa_t start, gpa_t end)
{
	struct range r = {
		.g = g, .at = start, .end = end, .leaf = write_protect_leaf,
		.clear = GPM_CPU_W,
	};

	return range_walk(&r);
}

static int harvest_leaf(struct range *r, u64 *entry, unsigned int level)
{
	u64 old, span = gpm_fmt_span(level);

	do {
		old = READ_ONCE(*entry);
		if (!(old & GPM_FMT_D))
			return 0;
	} while (!gpm_swap_entry(r->g, entry, old, old & ~GPM_FMT_D));
	r->result |= GPM_FLUSH;
	r->dirty(r->arg, r->at & ~(span - 1), span);
	return 0;
}

int gpm_harvest_dirty(struct gpm *g, gpa_t start, gpa_t end,
		      void (*fn)(void *arg, gpa_t start, u64 size), void *arg)
{
	struct range r = {
		.g = g, .at = start, .end = end, .leaf = harvest_leaf,
		.dirty = fn, .arg = arg,
	};

	return range_walk(&r);
}

static int visit_leaf(struct range *r, u64 *entry, unsigned int level)
{
	gpa_t base = r->at & ~(gpm_fmt_span(level) - 1);
	struct gpm_leaf leaf = describe(READ_ONCE(*entry), level, base);

	return r->visit(r->arg, base, &leaf);
}

int gpm_visit_leaves(const struct gpm *g, gpa_t start, gpa_t end,
		      gpm_leaf_fn *fn, void *arg)
{
	/* With neither split nor table set, the walk only reads. */
	struct range r = {
		.g = (struct gpm *)g, .at = start, .end = end,
		.leaf = visit_leaf, .visit = fn, .arg = arg,
	};

	return range_walk(&r);
}
