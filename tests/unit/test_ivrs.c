// SPDX-License-Identifier: GPL-2.0
/*
 * The IVRS parser on hand-made tables: every way a table can lie, then the
 * shapes that real firmware uses. The table is copied to an exact-size heap
 * block, so that a read beyond it stops the test.
 */
#include "tests/unit/check.h"
#include "iommu-amd/ivrs.h"

static u8 tab[1024];
static size_t tab_len;

/* What the callbacks saw. */
static struct {
	unsigned int units, ranges, specials, names, memories;
	struct ivrs_unit unit;
	struct ivrs_range range;
	struct ivrs_special special;
	struct ivrs_named named;
	struct ivrs_memory memory;
	int stop_at_range;
	struct {	/* who serves whom */
		u64 base;
		u16 segment, first, last;
	} route[8];
} seen;

static int on_unit(void *ctx, const struct ivrs_unit *unit)
{
	(void)ctx;
	seen.units++;
	seen.unit = *unit;
	return 0;
}

static int on_range(void *ctx, const struct ivrs_unit *unit,
		    const struct ivrs_range *range)
{
	(void)ctx;
	assert_int_equal(unit->devid, seen.unit.devid);
	seen.route[seen.ranges % 8].base = unit->base;
	seen.route[seen.ranges % 8].segment = unit->segment;
	seen.route[seen.ranges % 8].first = range->first;
	seen.route[seen.ranges % 8].last = range->last;
	seen.ranges++;
	seen.range = *range;
	return seen.stop_at_range;
}

static int on_special(void *ctx, const struct ivrs_unit *unit,
		      const struct ivrs_special *special)
{
	(void)ctx;
	(void)unit;
	seen.specials++;
	seen.special = *special;
	return 0;
}

static int on_named(void *ctx, const struct ivrs_unit *unit,
		    const struct ivrs_named *named)
{
	(void)ctx;
	(void)unit;
	seen.names++;
	seen.named = *named;
	return 0;
}

static int on_memory(void *ctx, const struct ivrs_memory *memory)
{
	(void)ctx;
	seen.memories++;
	seen.memory = *memory;
	return 0;
}

static const struct ivrs_ops ops = {
	.unit = on_unit, .range = on_range, .special = on_special,
	.named = on_named, .memory = on_memory,
};

static void put(const void *p, size_t n)
{
	memcpy(tab + tab_len, p, n);
	tab_len += n;
}

static void put16(size_t off, u16 v)
{
	tab[off] = (u8)v;
	tab[off + 1] = (u8)(v >> 8);
}

static void put64(size_t off, u64 v)
{
	memcpy(tab + off, &v, 8);
}

static void begin(void)
{
	memset(tab, 0, sizeof(tab));
	memset(&seen, 0, sizeof(seen));
	memcpy(tab, "IVRS", 4);
	tab[8] = 1;
	tab_len = IVRS_HEADER_SIZE;
}

/* A unit's block; returns its offset for ivhd_end(). */
static size_t ivhd(u8 type, u16 devid, u64 base)
{
	size_t off = tab_len;

	tab[off] = type;
	tab[off + 1] = 0xd1;
	put16(off + 4, devid);
	put16(off + 6, 0x40);
	put64(off + 8, base);
	tab_len += type == IVHD_TYPE_10 ? 24 : 40;
	if (type != IVHD_TYPE_10)
		put64(off + 24, 0x29d3);
	return off;
}

static void ivhd_end(size_t off)
{
	put16(off + 2, (u16)(tab_len - off));
}

static void entry4(u8 type, u16 devid, u8 flags)
{
	const u8 e[4] = { type, (u8)devid, (u8)(devid >> 8), flags };

	put(e, sizeof(e));
}

static void entry8(u8 type, u16 devid, u16 alias, u8 b4, u8 b7)
{
	const u8 e[8] = { type, (u8)devid, (u8)(devid >> 8), 0, b4,
			  (u8)alias, (u8)(alias >> 8), b7 };

	put(e, sizeof(e));
}

static void ivmd(u8 type, u8 flags, u16 first, u16 last, u64 start, u64 size)
{
	size_t off = tab_len;

	tab[off] = type;
	tab[off + 1] = flags;
	put16(off + 2, IVMD_SIZE);
	put16(off + 4, first);
	put16(off + 6, last);
	put64(off + 16, start);
	put64(off + 24, size);
	tab_len += IVMD_SIZE;
}

static void seal(void)
{
	u8 sum = 0;
	size_t i;

	tab[4] = (u8)tab_len;
	tab[5] = (u8)(tab_len >> 8);
	tab[9] = 0;
	for (i = 0; i < tab_len; i++)
		sum = (u8)(sum + tab[i]);
	tab[9] = (u8)-sum;
}

static int parse_raw(size_t len, const char **why)
{
	u8 *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, tab, len);
	err = ivrs_parse(copy, len, &ops, NULL, why);
	free(copy);
	return err;
}

static void assert_parses(void)
{
	const char *why;

	seal();
	assert_int_equal(parse_raw(tab_len, &why), 0);
}

static void assert_refused(const char *phrase)
{
	const char *why;

	seal();
	assert_int_equal(parse_raw(tab_len, &why), -EINVAL);
	assert_string_equal(why, phrase);
}

static void test_a_table_that_is_none_is_refused(void **state)
{
	const char *why;

	(void)state;
	begin();
	seal();
	assert_int_equal(parse_raw(0, &why), -EINVAL);
	assert_int_equal(parse_raw(47, &why), -EINVAL);
	tab[0] = 'X';
	assert_refused("it is no IVRS table");
	begin();
	seal();
	tab[9]++;
	assert_int_equal(parse_raw(tab_len, &why), -EINVAL);
	assert_string_equal(why, "its checksum is wrong");
	seal();
	tab[4] = 200;
	assert_int_equal(parse_raw(tab_len, &why), -EINVAL);
	assert_string_equal(why, "its length is wrong");
}

static void test_blocks_must_stay_inside(void **state)
{
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	put16(off + 2, 25);
	assert_refused("a block leaves the table");
	put16(off + 2, 0);
	assert_refused("a block leaves the table");
	put16(off + 2, 20);
	assert_refused("a unit's block is too short");
	begin();
	tab_len += 3;
	assert_refused("a block's header leaves the table");
	begin();
	ivmd(IVMD_TYPE_ALL, 1, 0, 0, 0x1000, 0x1000);
	put16(IVRS_HEADER_SIZE + 2, 16);
	assert_refused("a memory block is too short");
}

static void test_entries_must_stay_inside_and_be_known(void **state)
{
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	put("\x02\x00", 2);
	ivhd_end(off);
	assert_refused("a device entry leaves its block");
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_ALIAS, 0, 0);
	ivhd_end(off);
	assert_refused("a device entry leaves its block");
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(0xc0, 0, 0);
	ivhd_end(off);
	assert_refused("a device entry of unknown type");
}

static void test_ranges_must_pair_up(void **state)
{
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_RANGE, 8, 0);
	ivhd_end(off);
	assert_refused("a device range has no end");
	entry4(IVHD_DEV_RANGE, 9, 0);
	ivhd_end(off);
	assert_refused("a device range begins inside another");
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_RANGE_END, 8, 0);
	ivhd_end(off);
	assert_refused("a device range ends that never began");
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_RANGE, 9, 0);
	entry4(IVHD_DEV_RANGE_END, 8, 0);
	ivhd_end(off);
	assert_refused("a device range ends before it begins");
}

static void test_a_unit_needs_usable_registers_and_one_description(void **state)
{
	(void)state;
	begin();
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0));
	assert_refused("a unit's register address is unusable");
	begin();
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0xfed80100));
	assert_refused("a unit's register address is unusable");
	begin();
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0xfed80000));
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0xfed80000));
	assert_refused("a unit is described twice");
}

static void test_memory_is_for_those_under_its_ids(void **state)
{
	const struct ivrs_memory m = { .segment = 1, .first = 8, .last = 10 };
	const u16 below[] = { 7 }, above[] = { 11, 0 }, alias[] = { 3, 10 };

	assert_false(ivrs_memory_is_for(&m, 1, below, 1));
	assert_false(ivrs_memory_is_for(&m, 1, above, 2));
	assert_false(ivrs_memory_is_for(&m, 1, NULL, 0));
	assert_true(ivrs_memory_is_for(&m, 1, alias, 2));
	assert_false(ivrs_memory_is_for(&m, 1, alias, 1));
	assert_false(ivrs_memory_is_for(&m, 0, alias, 2));	/* elsewhere */
}

static void test_memory_blocks_must_make_sense(void **state)
{
	(void)state;
	begin();
	ivmd(IVMD_TYPE_RANGE, 1, 9, 8, 0x1000, 0x1000);
	assert_refused("a memory block's devices end before they begin");
	begin();
	ivmd(IVMD_TYPE_ONE, 1, 9, 0, 0x1000, 0);
	assert_refused("a memory block is empty or wraps");
	begin();
	ivmd(IVMD_TYPE_ONE, 1, 9, 0, 0xfffffffffffff000ULL, 0x2000);
	assert_refused("a memory block is empty or wraps");
}

/* The emulated q35 machine's table: selects and one IOAPIC. */
static void test_the_emulated_machines_shape(void **state)
{
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_SELECT, 0x00, 0);
	entry4(IVHD_DEV_SELECT, 0x08, 0);
	entry4(IVHD_DEV_SELECT, 0x20, 0xd7);
	entry8(IVHD_DEV_SPECIAL, 0, 0x00a0, 0, IVRS_IOAPIC);
	ivhd_end(off);
	assert_parses();
	assert_int_equal(seen.units, 1);
	assert_int_equal(seen.unit.base, 0xfed80000);
	assert_int_equal(seen.unit.cap, 0x40);
	assert_int_equal(seen.unit.flags, 0xd1);
	assert_int_equal(seen.unit.efr, 0);
	assert_int_equal(seen.ranges, 3);
	assert_int_equal(seen.range.first, 0x20);
	assert_int_equal(seen.range.last, 0x20);
	assert_int_equal(seen.range.flags, 0xd7);
	assert_int_equal(seen.specials, 1);
	assert_int_equal(seen.special.devid, 0xa0);
	assert_int_equal(seen.special.variety, IVRS_IOAPIC);
}

static void test_every_device_entry_is_understood(void **state)
{
	static const u8 named[22 + 3] = { IVHD_DEV_ACPI, 0x98, 0x00, 0x40,
		'A', 'M', 'D', 'I', '0', '0', '4', '0',
		0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 'a', 'b', 'c' };
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_40, 2, 0xfeb80000);
	entry4(IVHD_DEV_PAD, 0, 0);
	entry4(IVHD_DEV_ALL, 0, 0x11);
	ivhd_end(off);
	assert_parses();
	assert_int_equal(seen.unit.efr, 0x29d3);
	assert_int_equal(seen.range.first, 0);
	assert_int_equal(seen.range.last, 0xffff);

	entry4(IVHD_DEV_RANGE, 0x100, 0);
	entry4(IVHD_DEV_RANGE_END, 0x1ff, 0);
	ivhd_end(off);
	assert_parses();
	assert_int_equal(seen.range.first, 0x100);
	assert_int_equal(seen.range.last, 0x1ff);
	assert_false(seen.range.has_alias);

	entry8(IVHD_DEV_ALIAS, 0x208, 0x200, 0, 0);
	ivhd_end(off);
	assert_parses();
	assert_true(seen.range.has_alias);
	assert_int_equal(seen.range.first, 0x208);
	assert_int_equal(seen.range.alias, 0x200);

	entry8(IVHD_DEV_ALIAS_RANGE, 0x300, 0x2f0, 0, 0);
	entry4(IVHD_DEV_RANGE_END, 0x3ff, 0);
	ivhd_end(off);
	assert_parses();
	assert_int_equal(seen.range.last, 0x3ff);
	assert_int_equal(seen.range.alias, 0x2f0);

	entry8(IVHD_DEV_EXT, 0x408, 0, 0, 0);
	entry8(IVHD_DEV_EXT_RANGE, 0x500, 0, 0, 0);
	entry4(IVHD_DEV_RANGE_END, 0x50f, 0);
	put(named, sizeof(named));
	ivhd_end(off);
	memset(&seen, 0, sizeof(seen));
	assert_parses();
	assert_int_equal(seen.ranges, 6);
	assert_int_equal(seen.range.last, 0x50f);
	assert_int_equal(seen.names, 1);
	assert_int_equal(seen.named.devid, 0x98);
	assert_string_equal(seen.named.hid, "AMDI0040");
}

static void test_a_named_device_belongs_in_a_newer_block(void **state)
{
	static const u8 named[22] = { IVHD_DEV_ACPI };
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_11, 2, 0xfeb80000);
	put(named, sizeof(named));
	ivhd_end(off);
	assert_refused("an ACPI-named device outside a type 40h block");
}

static void test_the_newest_description_of_a_unit_wins(void **state)
{
	size_t off;
	u8 type;

	(void)state;
	begin();
	for (type = IVHD_TYPE_10; type <= IVHD_TYPE_11; type++) {
		off = ivhd(type, 2, 0xfeb80000);
		entry4(IVHD_DEV_SELECT, type, 0);
		ivhd_end(off);
	}
	off = ivhd(IVHD_TYPE_40, 2, 0xfeb80000);
	entry4(IVHD_DEV_SELECT, 0x40, 0);
	ivhd_end(off);
	ivhd_end(ivhd(IVHD_TYPE_10, 0x4002, 0xfec80000));
	assert_parses();
	assert_int_equal(seen.units, 2);
	assert_int_equal(seen.ranges, 1);
	assert_int_equal(seen.range.first, 0x40);
}

static void assert_route(unsigned int n, u64 base, u16 segment, u16 first,
			 u16 last)
{
	assert_int_equal(seen.route[n].base, base);
	assert_int_equal(seen.route[n].segment, segment);
	assert_int_equal(seen.route[n].first, first);
	assert_int_equal(seen.route[n].last, last);
}

/* Two units in one segment, and in another one with the ids of the first. */
static void test_a_card_goes_to_the_unit_that_names_it_in_its_segment(void **state)
{
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_11, 2, 0xfeb80000);
	entry4(IVHD_DEV_RANGE, 0x08, 0);
	entry4(IVHD_DEV_RANGE_END, 0x3fff, 0);
	ivhd_end(off);
	off = ivhd(IVHD_TYPE_11, 0x4002, 0xfec80000);
	entry4(IVHD_DEV_SELECT, 0x4100, 0);
	entry4(IVHD_DEV_RANGE, 0x4200, 0);
	entry4(IVHD_DEV_RANGE_END, 0x42ff, 0);
	ivhd_end(off);
	off = ivhd(IVHD_TYPE_11, 2, 0xfed80000);
	put16(off + 16, 1);
	entry4(IVHD_DEV_SELECT, 0x4100, 0);
	ivhd_end(off);
	assert_parses();
	assert_int_equal(seen.units, 3);
	assert_int_equal(seen.ranges, 4);
	assert_route(0, 0xfeb80000, 0, 0x08, 0x3fff);
	assert_route(1, 0xfec80000, 0, 0x4100, 0x4100);
	assert_route(2, 0xfec80000, 0, 0x4200, 0x42ff);
	assert_route(3, 0xfed80000, 1, 0x4100, 0x4100);
}

static void test_memory_is_reported_after_all_units(void **state)
{
	(void)state;
	begin();
	ivmd(IVMD_TYPE_RANGE, IVMD_FLAG_UNITY | IVMD_FLAG_READ, 8, 0x10,
	     0x7f000000, 0x2000);
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0xfed80000));
	assert_parses();
	assert_int_equal(seen.units, 1);
	assert_int_equal(seen.memories, 1);
	assert_int_equal(seen.memory.first, 8);
	assert_int_equal(seen.memory.last, 0x10);
	assert_int_equal(seen.memory.start, 0x7f000000);
	assert_int_equal(seen.memory.size, 0x2000);
	begin();
	ivmd(IVMD_TYPE_ALL, IVMD_FLAG_UNITY, 5, 5, 0x1000, 0x1000);
	assert_parses();
	assert_int_equal(seen.memory.first, 0);
	assert_int_equal(seen.memory.last, 0xffff);
}

static void test_unknown_blocks_are_stepped_over(void **state)
{
	(void)state;
	begin();
	tab[tab_len] = 0x77;
	put16(tab_len + 2, 12);
	tab_len += 12;
	ivhd_end(ivhd(IVHD_TYPE_10, 8, 0xfed80000));
	assert_parses();
	assert_int_equal(seen.units, 1);
}

static void test_a_callback_can_stop_the_walk(void **state)
{
	const char *why;
	size_t off;

	(void)state;
	begin();
	off = ivhd(IVHD_TYPE_10, 8, 0xfed80000);
	entry4(IVHD_DEV_SELECT, 0, 0);
	entry4(IVHD_DEV_SELECT, 8, 0);
	ivhd_end(off);
	seen.stop_at_range = -ENOMEM;
	seal();
	assert_int_equal(parse_raw(tab_len, &why), -ENOMEM);
	assert_int_equal(seen.ranges, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_table_that_is_none_is_refused),
		cmocka_unit_test(test_blocks_must_stay_inside),
		cmocka_unit_test(test_entries_must_stay_inside_and_be_known),
		cmocka_unit_test(test_ranges_must_pair_up),
		cmocka_unit_test(test_a_unit_needs_usable_registers_and_one_description),
		cmocka_unit_test(test_memory_is_for_those_under_its_ids),
		cmocka_unit_test(test_memory_blocks_must_make_sense),
		cmocka_unit_test(test_the_emulated_machines_shape),
		cmocka_unit_test(test_every_device_entry_is_understood),
		cmocka_unit_test(test_a_named_device_belongs_in_a_newer_block),
		cmocka_unit_test(test_the_newest_description_of_a_unit_wins),
		cmocka_unit_test(test_a_card_goes_to_the_unit_that_names_it_in_its_segment),
		cmocka_unit_test(test_memory_is_reported_after_all_units),
		cmocka_unit_test(test_unknown_blocks_are_stepped_over),
		cmocka_unit_test(test_a_callback_can_stop_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
