// SPDX-License-Identifier: GPL-2.0
/* What a filter of MSRs allows, by range, by operation, by default. */
#include "tests/unit/check.h"
#include "kvm-core/msrfilter.h"

static const u8 every_second[2] = { 0x55, 0x55 };
static const u8 none[2];

static void test_an_empty_filter_gives_its_default(void **state)
{
	struct msrfilter f = { .default_allow = true };

	assert_true(msrfilter_allows(&f, 0x10, MSRFILTER_READ));
	f.default_allow = false;
	assert_false(msrfilter_allows(&f, 0x10, MSRFILTER_READ));
}

static void test_a_range_decides_bit_by_bit(void **state)
{
	struct msrfilter f = { .ranges[3] = {
		.base = 0xc0000080, .count = 16, .ops = MSRFILTER_READ,
		.bitmap = every_second } };
	u32 i;

	for (i = 0; i < 16; i++)
		assert_int_equal(msrfilter_allows(&f, 0xc0000080 + i, MSRFILTER_READ),
				 !(i & 1));
	/* one below, one above, and the other operation: the default */
	f.default_allow = true;
	assert_true(msrfilter_allows(&f, 0xc000007f, MSRFILTER_READ));
	assert_true(msrfilter_allows(&f, 0xc0000090, MSRFILTER_READ));
	assert_true(msrfilter_allows(&f, 0xc0000081, MSRFILTER_WRITE));
}

static void test_the_first_range_wins(void **state)
{
	struct msrfilter f = { .ranges = {
		{ .base = 0x10, .count = 8, .ops = MSRFILTER_WRITE, .bitmap = none },
		{ .base = 0x10, .count = 8, .ops = MSRFILTER_READ | MSRFILTER_WRITE,
		  .bitmap = every_second } } };

	assert_false(msrfilter_allows(&f, 0x10, MSRFILTER_WRITE));
	assert_true(msrfilter_allows(&f, 0x10, MSRFILTER_READ));
}

static void test_a_range_may_end_at_the_last_msr(void **state)
{
	struct msrfilter f = { .ranges[0] = {
		.base = 0xfffffff0, .count = 16, .ops = MSRFILTER_READ,
		.bitmap = every_second } };

	assert_true(msrfilter_allows(&f, 0xfffffffe, MSRFILTER_READ));
	assert_false(msrfilter_allows(&f, 0xffffffff, MSRFILTER_READ));
	assert_false(msrfilter_allows(&f, 0, MSRFILTER_READ));
}

static void test_the_x2apic_cannot_be_filtered(void **state)
{
	struct msrfilter f = { .default_allow = false };

	assert_true(msrfilter_allows(&f, 0x800, MSRFILTER_WRITE));
	assert_true(msrfilter_allows(&f, 0x8ff, MSRFILTER_READ));
	assert_false(msrfilter_allows(&f, 0x7ff, MSRFILTER_READ));
	assert_false(msrfilter_allows(&f, 0x900, MSRFILTER_READ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_filter_gives_its_default),
		cmocka_unit_test(test_a_range_decides_bit_by_bit),
		cmocka_unit_test(test_the_first_range_wins),
		cmocka_unit_test(test_a_range_may_end_at_the_last_msr),
		cmocka_unit_test(test_the_x2apic_cannot_be_filtered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
