// SPDX-License-Identifier: GPL-2.0
/*
 * Proofs about single entries of the shared table, for all inputs and with the
 * product's table size: the constructors, what gpm_map accepts, and protect.
 * Each step is proved by itself; a property of all entries that every step
 * keeps holds after every sequence of them. gpm_split.c has the split, and
 * tests/unit/test_gpm_small.c tries whole histories.
 *
 * cbmc: --unwind 3
 */
#include "tests/proofs/gpm_steps.h"

/* No leaf can be taken for a pointer by the IOMMU, or carry a reserved bit. */
void proof_leaf_has_next_level_zero(void)
{
	unsigned int level = any_level(0);
	u32 perm = any_perm();
	u64 e = any_leaf(level, perm);

	assert(leaf_is_sound(e, level));
	assert(!gpm_fmt_is_pointer(e, level));
	assert(gpm_fmt_perm(e) == perm);
}

/* A pointer's next level is the depth of what it points to; it permits all. */
void proof_pointer_names_the_level_below(void)
{
	unsigned int level = nondet_uint();
	hpa_t table = nondet_u64();
	u64 e;

	__CPROVER_assume(level >= 1 && level <= GPM_MAX_DEPTH - 1);
	__CPROVER_assume(!(table & ~GPM_FMT_ADDR));
	e = gpm_fmt_pointer(table, level);
	assert(gpm_fmt_is_pointer(e, level) && gpm_fmt_present(e));
	assert(FIELD_GET(GPM_FMT_NEXT, e) == level);
	assert(gpm_fmt_addr(e) == table);
	assert(!(e & (GPM_FMT_RSVD | GPM_FMT_NX | GPM_FMT_PS)));
	assert((e & GPM_FMT_US) && (e & GPM_FMT_W) && (e & GPM_FMT_IR) &&
	       (e & GPM_FMT_IW));
}

/* Whatever gpm_map accepts is aligned, inside, and leaves the window alone. */
void proof_no_dma_is_mapped_in_the_window(void)
{
	struct gpm g = { .depth = nondet_uint() };
	gpa_t gpa = nondet_u64(), at = nondet_u64();
	hpa_t hpa = nondet_u64();
	unsigned int level = nondet_uint();
	u64 count = nondet_u64(), nth = nondet_u64(), value;
	u32 perm = nondet_u32();

	__CPROVER_assume(g.depth >= GPM_MIN_DEPTH && g.depth <= GPM_MAX_DEPTH);
	g.limit = limit_of(g.depth);
	__CPROVER_assume(map_valid(&g, gpa, hpa, level, perm, count));
	assert(level <= GPM_MAX_LEVEL);
	/* the nth leaf of the run, as gpm_map_run() counts it up */
	__CPROVER_assume(nth < count);
	value = gpm_fmt_leaf(hpa, level, perm) + nth * gpm_fmt_span(level);
	assert(leaf_is_sound(value, level));
	assert(gpm_fmt_perm(value) ==
	       gpm_fmt_perm(gpm_fmt_leaf(hpa, level, perm)));
	assert(gpm_fmt_addr(value) == hpa + nth * gpm_fmt_span(level));
	__CPROVER_assume(at >= gpa && at - gpa < count * gpm_fmt_span(level));
	assert(at < g.limit);
	assert(!(perm & GPM_DMA_RW) || at < GPM_MSI_START || at >= GPM_MSI_END);
}

/*
 * Protect never adds a permission that was not asked for, keeps the page and
 * what hardware noted, and asks for a flush whenever something is lost.
 */
void proof_protect_adds_only_what_is_asked(void)
{
	struct gpm g = { .ops = &proof_ops, .depth = 4 };
	struct range r = {
		.g = &g, .clear = nondet_u32(), .set = nondet_u32(),
	};
	unsigned int level = any_level(0);
	u64 old = any_leaf(level, any_perm());
	u32 was = gpm_fmt_perm(old), now;

	__CPROVER_assume(r.clear < BIT(7) && r.set < BIT(7));
	entry = old;
	protect_leaf(&r, &entry, level);
	if (!gpm_fmt_present(entry)) {
		assert(entry == 0 && r.result == GPM_FLUSH);
		assert(!((was & ~r.clear) & (GPM_CPU_R | GPM_DMA_RW)));
		return;
	}
	now = gpm_fmt_perm(entry);
	assert(leaf_is_sound(entry, level));
	assert(perm_valid(now));
	assert(gpm_fmt_addr(entry) == gpm_fmt_addr(old));
	assert((entry & old & GPM_FMT_AD) == (old & GPM_FMT_AD));
	assert(!(now & ~(was | r.set)));
	assert(!(was & ~now) || r.result == GPM_FLUSH);
	assert(!((was ^ now) & GPM_DMA_RW) || r.result == GPM_FLUSH);
}
