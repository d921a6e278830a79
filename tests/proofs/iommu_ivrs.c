// SPDX-License-Identifier: GPL-2.0
/*
 * Proofs that the IVRS parser reads nothing outside its bytes, ends, and
 * reports only what is ordered, whatever the bytes are: the walk over blocks,
 * and the walk over a unit's device entries. Longer tables are the same loops
 * again; whole tables, with header and units, are fuzz_iommu.c's.
 *
 * cbmc: --unwind 9
 */
#include <assert.h>
#include "iommu-amd/ivrs.c"

#define BODY	28
#define ENTRIES	24	/* six of 4 bytes, or one that ACPI names */

u8 nondet_u8(void);
size_t nondet_size(void);
int nondet_int(void);

static int on_range(void *ctx, const struct ivrs_unit *unit,
		    const struct ivrs_range *range)
{
	(void)ctx;
	(void)unit;
	assert(range->first <= range->last);
	return nondet_int();
}

static int on_memory(void *ctx, const struct ivrs_memory *memory)
{
	(void)ctx;
	assert(memory->first <= memory->last);
	assert(memory->start + memory->size > memory->start);
	return nondet_int();
}

static const struct ivrs_ops proof_ops = {
	.range = on_range, .memory = on_memory,
};

/* Blocks: their lengths, and what memory blocks say. */
void proof_any_blocks_are_walked_or_refused(void)
{
	u8 table[IVRS_HEADER_SIZE + BODY];
	const char *why = "";
	struct ivrs_parser ps = { .table = table, .ops = &proof_ops,
				  .why = &why };

	ps.len = nondet_size();
	__CPROVER_assume(ps.len >= IVRS_HEADER_SIZE && ps.len <= sizeof(table));
	ivrs_walk(&ps, false);
	assert(why);
}

/* A unit's device entries. */
void proof_any_device_entries_are_read_or_refused(void)
{
	struct ivrs_unit unit = { .type = nondet_u8() };
	const char *why = "";
	struct ivrs_parser ps = { .ops = &proof_ops, .why = &why };
	u8 entries[ENTRIES];
	size_t len = nondet_size();

	__CPROVER_assume(len <= sizeof(entries));
	ivhd_entries(&ps, &unit, entries, len);
	assert(why);
}
