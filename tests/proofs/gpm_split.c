// SPDX-License-Identifier: GPL-2.0
/*
 * Proof that splitting a big leaf of the shared table changes no translation,
 * for every leaf, with tables of 32 entries instead of 512.
 *
 * cbmc: -DGPM_FMT_INDEX_BITS=5 --unwindset split_leaf.0:33 --unwind 3
 */
#include "tests/proofs/gpm_steps.h"

/*
 * A split gives each small page the address and the permission that the big
 * one gave it, and keeps what hardware noted, even while it was split.
 */
void proof_split_keeps_each_translation(void)
{
	struct gpm g = { .ops = &proof_ops, .depth = 4 };
	unsigned int level = any_level(1), i = nondet_uint();
	u64 old = any_leaf(level, any_perm());
	u64 *table, small;

	entry = old;
	no_memory = nondet_bool();
	table = split_leaf(&g, &entry, level);
	if (no_memory) {
		assert(!table && entry == old);
		return;
	}
	assert(table == table_words);
	assert(entry == gpm_fmt_pointer(0x123000, level));
	__CPROVER_assume(i < GPM_FMT_ENTRIES);
	small = table_words[i];
	assert(leaf_is_sound(small, level - 1));
	assert(gpm_fmt_perm(small) == gpm_fmt_perm(old));
	assert(gpm_fmt_addr(small) ==
	       gpm_fmt_addr(old) + i * gpm_fmt_span(level - 1));
	assert((small & old & GPM_FMT_AD) == (old & GPM_FMT_AD));
}
