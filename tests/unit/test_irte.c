// SPDX-License-Identifier: GPL-2.0
/* Interrupt remapping entries: refusals first, then the bits of both forms. */
#include "tests/unit/check.h"
#include "iommu-amd/irte.h"

static const struct irte_want good = {
	.vector = 0x31, .delivery = 1, .logical = true, .dest = 0x03,
};

static void assert_refused(struct irte_want want, bool wide)
{
	u32 low = ~0U;
	u64 out[2] = { ~0ULL, ~0ULL };

	if (!wide) {
		assert_int_equal(irte32_build(&want, &low), -EINVAL);
		assert_int_equal(low, 0);
	}
	assert_int_equal(irte128_build(&want, wide, out), -EINVAL);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 0);
}

static void test_exception_vectors_and_odd_deliveries_are_refused(void **state)
{
	struct irte_want want = good;

	(void)state;
	want.vector = 15;
	assert_refused(want, false);
	assert_refused(want, true);
	want = good;
	for (want.delivery = 2; want.delivery < 8; want.delivery++)
		assert_refused(want, false);	/* SMI, NMI, INIT, ExtINT */
}

static void test_a_wide_destination_needs_wide_entries(void **state)
{
	struct irte_want want = good;
	u64 out[2];

	(void)state;
	want.dest = 0x100;
	assert_refused(want, false);
	want.dest = 0x12345678;
	assert_int_equal(irte128_build(&want, true, out), 0);
	assert_int_equal(out[0] >> 8, 0x345678);
	assert_int_equal(out[1], 0x1200000000000031ULL);
}

static void test_bits_lie_where_the_manual_says(void **state)
{
	u32 low;
	u64 out[2];

	(void)state;
	assert_int_equal(irte32_build(&good, &low), 0);
	assert_int_equal(low, 0x31 << 16 | 0x03 << 8 | 1 << 6 | 1 << 2 | 1);
	assert_int_equal(irte128_build(&good, false, out), 0);
	assert_int_equal(out[0], 0x03 << 8 | 1 << 6 | 1 << 2 | 1);
	assert_int_equal(out[1], 0x31);
}

/* Bits 10:8 of the data word would be taken as a delivery mode. */
static void test_no_index_reaches_the_delivery_mode(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < IRTE_TABLE_ENTRIES; i++) {
		assert_int_equal(irte_msg_data(i), i);
		assert_int_equal(irte_msg_data(i) & 0x700, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exception_vectors_and_odd_deliveries_are_refused),
		cmocka_unit_test(test_a_wide_destination_needs_wide_entries),
		cmocka_unit_test(test_bits_lie_where_the_manual_says),
		cmocka_unit_test(test_no_index_reaches_the_delivery_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
