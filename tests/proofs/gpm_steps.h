/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the proofs of gpm share. gpm.c is included whole, so that its internal
 * steps can be called one by one, on one entry and one table.
 */
#ifndef BACKPLANE_TESTS_GPM_STEPS_H
#define BACKPLANE_TESTS_GPM_STEPS_H

#include <assert.h>
#include "gpm/gpm.c"

u64 nondet_u64(void);
u32 nondet_u32(void);
unsigned int nondet_uint(void);
bool nondet_bool(void);

/* What both walkers rely on in any leaf (DESIGN rules 3 and 6). */
static bool leaf_is_sound(u64 e, unsigned int level)
{
	u64 below = gpm_fmt_span(level) - 1;

	return (e & GPM_FMT_P) && !(e & GPM_FMT_NEXT) && !(e & GPM_FMT_RSVD) &&
	       !(e & (GPM_FMT_U | GPM_FMT_G)) &&
	       !!(e & GPM_FMT_PS) == (level > 0) &&
	       !(gpm_fmt_addr(e) & below);
}

/* A leaf as some constructor made it and hardware may have marked it. */
static u64 any_leaf(unsigned int level, u32 perm)
{
	hpa_t hpa = nondet_u64();

	__CPROVER_assume(!(hpa & (gpm_fmt_span(level) - 1)));
	__CPROVER_assume(!(hpa >> GPM_ADDR_BITS));
	return gpm_fmt_leaf(hpa, level, perm) | (nondet_u64() & GPM_FMT_AD);
}

static u32 any_perm(void)
{
	u32 perm = nondet_u32();

	__CPROVER_assume(perm < BIT(7) && perm_valid(perm));
	return perm;
}

static unsigned int any_level(unsigned int least)
{
	unsigned int level = nondet_uint();

	__CPROVER_assume(level >= least && level <= GPM_MAX_LEVEL);
	return level;
}

static u64 table_words[GPM_FMT_ENTRIES];
static u64 entry;
static bool no_memory;

static u64 *proof_alloc(void *ctx)
{
	return no_memory ? NULL : table_words;
}

static void proof_retire(void *ctx, u64 *table)
{
	assert(false);		/* no step on one leaf loses a table */
}

static hpa_t proof_hpa(void *ctx, const u64 *table)
{
	return 0x123000;
}

static u64 *proof_at(void *ctx, hpa_t hpa)
{
	assert(hpa == 0x123000);
	return table_words;
}

/* Hardware may have set A or D since the entry was read, once. */
static u64 proof_swap(void *ctx, u64 *e, u64 old, u64 value)
{
	static bool raced;

	if (!raced && nondet_bool()) {
		raced = true;
		*e |= nondet_u64() & GPM_FMT_AD;
	}
	if (*e != old)
		return *e;
	*e = value;
	return old;
}

static const struct gpm_ops proof_ops = {
	.alloc_table = proof_alloc, .retire_table = proof_retire,
	.table_hpa = proof_hpa, .table_at = proof_at, .swap = proof_swap,
};

#endif
