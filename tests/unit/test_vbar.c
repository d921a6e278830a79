// SPDX-License-Identifier: GPL-2.0
/* pci-assign/vbar.c: BAR registers, MSI-X location, what may be mapped. */
#include "tests/unit/check.h"
#include "pci-assign/vbar.h"

static const struct vbar_msix nowhere = { .table_bar = 0xff, .pba_bar = 0xff };

static void test_broken_bars_are_refused(void **state)
{
	static const struct vbar bad[][VBAR_COUNT] = {
		{ { VBAR_MEM32, false, 0 } },
		{ { VBAR_MEM32, false, 8 } },
		{ { VBAR_MEM32, false, 0x1800 } },
		{ { VBAR_MEM32, false, BIT_ULL(32) } },
		{ { VBAR_IO, false, 2 } },
		{ { VBAR_IO, false, 0x20000 } },
		{ { VBAR_NONE, false, 16 } },
		{ { VBAR_UPPER, false, 0 } },
		{ { VBAR_MEM64, false, 4096 } },
		{ { VBAR_MEM32, false, 4096 }, { VBAR_UPPER, false, 0 } },
		{ [5] = { VBAR_MEM64, false, 4096 } },
		{ { (enum vbar_kind)9, false, 16 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(vbar_valid(bad[i]));
}

struct reg_row {
	struct vbar bars[VBAR_COUNT];
	unsigned int index;
	u32 ones, write;
};

/* Does a guest that writes all ones read back type and size (6.2.5.1)? */
static void test_registers_size_as_the_manual_says(void **state)
{
	static const struct reg_row rows[] = {
		{ { { VBAR_NONE, 0, 0 } }, 0, 0, 0 },
		{ { { VBAR_IO, 0, 32 } }, 0, 1, 0xffffffe0 },
		{ { { VBAR_IO, 0, 4 } }, 0, 1, 0xfffffffc },
		{ { { VBAR_MEM32, 0, 0x20000 } }, 0, 0, 0xfffe0000 },
		{ { { VBAR_MEM32, 1, 16 } }, 0, 8, 0xfffffff0 },
		{ { { VBAR_MEM64, 1, 0x4000 }, { VBAR_UPPER, 0, 0 } }, 0,
		  0xc, 0xffffc000 },
		{ { { VBAR_MEM64, 1, 0x4000 }, { VBAR_UPPER, 0, 0 } }, 1,
		  0, 0xffffffff },
		{ { { VBAR_MEM64, 0, BIT_ULL(34) }, { VBAR_UPPER, 0, 0 } }, 0,
		  4, 0 },
		{ { { VBAR_MEM64, 0, BIT_ULL(34) }, { VBAR_UPPER, 0, 0 } }, 1,
		  0, 0xfffffffc },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vbar_reg r = vbar_register(rows[i].bars, rows[i].index);

		assert_true(vbar_valid(rows[i].bars));
		assert_int_equal(r.ones, rows[i].ones);
		assert_int_equal(r.write, rows[i].write);
		assert_int_equal(r.ones & r.write, 0);
	}
}

static void test_a_rom_register_has_an_enable_bit(void **state)
{
	(void)state;
	assert_int_equal(vbar_rom_register(0).write, 0);
	assert_int_equal(vbar_rom_register(0x3000).write, 0);
	assert_int_equal(vbar_rom_register(1024).write, 0);
	assert_int_equal(vbar_rom_register(0x40000).write, 0xfffc0001);
}

static void test_msix_outside_its_bar_does_not_fit(void **state)
{
	struct vbar bars[VBAR_COUNT] = {
		{ VBAR_MEM32, 0, 0x4000 }, { VBAR_IO, 0, 0x4000 },
	};
	struct { u32 table, pba; unsigned int count; bool fits; } rows[] = {
		{ 0x0000, 0x4000, 5, false },	/* pba past the end */
		{ 0x3fb8, 0x2000, 5, false },	/* table's tail past the end */
		{ 0x0001, 0x2000, 5, false },	/* I/O BAR */
		{ 0x0002, 0x2000, 5, false },	/* no BAR */
		{ 0x0007, 0x2000, 5, false },	/* no such BAR */
		{ 0x0000, 0x0040, 5, false },	/* overlap */
		{ 0xfffffff8, 0x2000, 1, false },
		{ 0x0000, 0x2000, 5, true },
		{ 0x3fb0, 0x2000, 5, true },
		{ 0x0000, 0x0050, 5, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vbar_msix m = vbar_find_msix(rows[i].table, rows[i].pba,
						    rows[i].count);

		assert_int_equal(vbar_msix_fits(&m, bars), rows[i].fits);
	}
}

static void test_classify_never_crosses_a_border(void **state)
{
	/* table [0x10, 0x60), pending bits [0x80, 0x88) */
	struct vbar_msix m = vbar_find_msix(0x10, 0x80, 5);
	u64 off, len;

	(void)state;
	for (off = 0; off < 0x100; off++)
		for (len = 1; len < 0x100; len++) {
			struct vbar_run r = vbar_classify(&m, 0, off, len);
			u64 border = off < 0x10 ? 0x10 : off < 0x60 ? 0x60 :
				     off < 0x80 ? 0x80 : off < 0x88 ? 0x88 :
				     0x1000;
			enum vbar_target want =
				off >= 0x10 && off < 0x60 ? VBAR_TABLE :
				off >= 0x80 && off < 0x88 ? VBAR_PBA :
				VBAR_CARD;

			assert_int_equal(r.target, want);
			assert_int_equal(r.len, min(len, border - off));
			if (want != VBAR_CARD)
				assert_int_equal(r.offset, off -
					(want == VBAR_TABLE ? 0x10 : 0x80));
		}
	assert_int_equal(vbar_classify(&m, 1, 0x10, 4).target, VBAR_CARD);
	assert_int_equal(vbar_classify(&nowhere, 0, 0x10, 4).target, VBAR_CARD);
}

/* Is every page mappable exactly when it holds neither table nor bits? */
static void test_mappable_pages_are_exactly_the_untrapped(void **state)
{
	static const u32 starts[] = { 0, 0x800, 0x1000, 0x1ff0, 0x3000, 0x7ff0 };
	size_t t, p;
	u64 page;

	(void)state;
	for (t = 0; t < ARRAY_SIZE(starts); t++)
		for (p = 0; p < ARRAY_SIZE(starts); p++) {
			struct vbar_msix m = vbar_find_msix(starts[t],
							    starts[p], 1);

			for (page = 0; page < 0x8000; page += 0x1000) {
				bool hit = (m.table_start < page + 0x1000 &&
					    m.table_end > page) ||
					   (m.pba_start < page + 0x1000 &&
					    m.pba_end > page);

				assert_int_equal(vbar_may_map(&m, 0, 0x8000,
							      page, page + 0x1000),
						 !hit);
			}
		}
}

static void test_areas_are_sorted_and_maximal(void **state)
{
	struct vbar_msix m = vbar_find_msix(0x1000, 0x3000, 5);
	struct vbar_area a[VBAR_MAX_AREAS];

	(void)state;
	assert_int_equal(vbar_mappable(&m, 0, 0x8000, a), 3);
	assert_int_equal(a[0].start, 0);
	assert_int_equal(a[0].end, 0x1000);
	assert_int_equal(a[1].start, 0x2000);
	assert_int_equal(a[1].end, 0x3000);
	assert_int_equal(a[2].start, 0x4000);
	assert_int_equal(a[2].end, 0x8000);
	assert_int_equal(vbar_mappable(&nowhere, 0, 0x8000, a), 1);
	assert_int_equal(a[0].end, 0x8000);
	assert_int_equal(vbar_mappable(&nowhere, 0, 0x800, a), 0);
	m = vbar_find_msix(0, 0x800, 5);
	assert_int_equal(vbar_mappable(&m, 0, 0x1000, a), 0);
}

static void test_a_map_past_the_bar_is_refused(void **state)
{
	(void)state;
	assert_false(vbar_may_map(&nowhere, 0, 0x4000, 0x3000, 0x5000));
	assert_false(vbar_may_map(&nowhere, 0, 0x4000, 0x4000, 0x4000));
	assert_false(vbar_may_map(&nowhere, 0, 0x4000, 0x2000, 0x1000));
	assert_true(vbar_may_map(&nowhere, 0, 0x4000, 0, 0x4000));
}

static void test_a_small_memory_bar_at_a_page_begins_one(void **state)
{
	const struct vbar small = { .kind = VBAR_MEM32, .size = 0x400 };
	const struct vbar wide = { .kind = VBAR_MEM64, .size = 0x10 };
	const struct vbar page = { .kind = VBAR_MEM32, .size = 0x1000 };
	const struct vbar ports = { .kind = VBAR_IO, .size = 0x100 };
	const struct vbar none = { 0 };

	(void)state;
	assert_true(vbar_begins_page(&small, 0xfebf1000));
	assert_true(vbar_begins_page(&wide, 0x8000000000));
	assert_false(vbar_begins_page(&small, 0xfebf1400));
	assert_false(vbar_begins_page(&wide, 0x8000000010));
	assert_false(vbar_begins_page(&page, 0xfebf1000));
	assert_false(vbar_begins_page(&ports, 0x1000));
	assert_false(vbar_begins_page(&none, 0x1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_bars_are_refused),
		cmocka_unit_test(test_registers_size_as_the_manual_says),
		cmocka_unit_test(test_a_rom_register_has_an_enable_bit),
		cmocka_unit_test(test_msix_outside_its_bar_does_not_fit),
		cmocka_unit_test(test_classify_never_crosses_a_border),
		cmocka_unit_test(test_mappable_pages_are_exactly_the_untrapped),
		cmocka_unit_test(test_areas_are_sorted_and_maximal),
		cmocka_unit_test(test_a_map_past_the_bar_is_refused),
		cmocka_unit_test(test_a_small_memory_bar_at_a_page_begins_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
