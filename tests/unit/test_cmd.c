// SPDX-License-Identifier: GPL-2.0
/* Command encoding: exact bits, and ranges that cover what was asked. */
#include "tests/unit/check.h"
#include "iommu-amd/cmd.h"

static void assert_cmd(struct amdvi_cmd cmd, u64 q0, u64 q1)
{
	assert_int_equal(cmd.q[0], q0);
	assert_int_equal(cmd.q[1], q1);
}

static void test_simple_commands_have_the_manuals_bits(void **state)
{
	(void)state;
	assert_cmd(cmd_completion_wait(0x12345678, 42),
		   0x1000000012345678ULL | 1, 42);
	assert_cmd(cmd_invalidate_dte(0x00a0), 0x20000000000000a0ULL, 0);
	assert_cmd(cmd_invalidate_irt(0xffff), 0x500000000000ffffULL, 0);
	assert_cmd(cmd_invalidate_all(), 0x8000000000000000ULL, 0);
}

/* The store address must not spill into the code or the control bits. */
static void test_wait_address_is_cut_to_its_field(void **state)
{
	(void)state;
	assert_cmd(cmd_completion_wait(U64_MAX, 0),
		   0x1000000000000000ULL | GENMASK_ULL(51, 3) | 1, 0);
}

static void test_one_page_is_sent_without_a_size(void **state)
{
	(void)state;
	assert_cmd(cmd_invalidate_pages(5, 0x3000, 0x4000, false),
		   0x3000000500000000ULL, 0x3000);
	assert_cmd(cmd_invalidate_pages(5, 0x3000, 0x4000, true),
		   0x3000000500000000ULL, 0x3000 | 2);
}

static void test_an_empty_range_means_everything(void **state)
{
	(void)state;
	assert_cmd(cmd_invalidate_pages(9, 0, 0, false),
		   0x3000000900000000ULL, 0x7ffffffffffff003ULL);
	assert_cmd(cmd_invalidate_pages(9, 0x5000, 0x4000, false),
		   0x3000000900000000ULL, 0x7ffffffffffff003ULL);
	assert_cmd(cmd_invalidate_domain(9),
		   0x3000000900000000ULL, 0x7ffffffffffff003ULL);
}

/* What the hardware will make of the address: 2.4.3, first clear bit. */
static void decode(u64 q1, u64 *start, u64 *end)
{
	u64 addr = q1 & ~0xfffULL;
	unsigned int bit = 12;

	if (!(q1 & 1)) {
		*start = addr;
		*end = addr + 0x1000;
		return;
	}
	while (bit < 63 && (addr & (1ULL << bit)))
		bit++;
	*start = addr & ~((2ULL << bit) - 1);
	*end = bit >= 63 ? U64_MAX : *start + (2ULL << bit);
}

static void test_known_sizes(void **state)
{
	(void)state;
	/* 8 KiB: bit 12 clear; 2 MiB: bits 19:12 set, bit 20 clear. */
	assert_int_equal(cmd_invalidate_pages(0, 0x2000, 0x4000, false).q[1],
			 0x2001);
	assert_int_equal(cmd_invalidate_pages(0, 0x200000, 0x400000, false).q[1],
			 0x2ff001);
}

static void test_every_range_is_covered_and_aligned(void **state)
{
	const u64 points[] = { 0, 0x1000, 0x2000, 0x3000, 0x7000, 0x8000,
		0xfffff000, 0x100000000ULL, 0x100001000ULL, 0x1ff000, 0x200000,
		0x201000, 0x40000000, 0xfffffffff000ULL, 0x1000000000000ULL,
		0xfffffffffffff000ULL };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(points); i++)
		for (j = 0; j < ARRAY_SIZE(points); j++) {
			u64 start, end;

			if (points[j] <= points[i])
				continue;
			decode(cmd_invalidate_pages(1, points[i], points[j],
						    false).q[1], &start, &end);
			assert_true(start <= points[i]);
			assert_true(end >= points[j]);
		}
}

/* Two neighbours in one 8 KiB unit must not cost the whole domain. */
static void test_small_ranges_stay_small(void **state)
{
	u64 start, end;

	(void)state;
	decode(cmd_invalidate_pages(1, 0x10000, 0x14000, false).q[1],
	       &start, &end);
	assert_int_equal(start, 0x10000);
	assert_int_equal(end, 0x14000);
}

/* The short form of a block is the long form's. */
static void test_a_block_is_a_range(void **state)
{
	unsigned int bits, walk;
	u64 size, n;

	(void)state;
	for (bits = 12; bits <= 50; bits++)
		for (n = 0; n < 5; n++)
			for (walk = 0; walk < 2; walk++) {
				struct amdvi_cmd range;

				size = BIT_ULL(bits);
				range = cmd_invalidate_pages(77, n * size, (n + 1) * size, walk);
				assert_cmd(cmd_invalidate_block(77, n * size, size, walk),
					   range.q[0], range.q[1]);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple_commands_have_the_manuals_bits),
		cmocka_unit_test(test_wait_address_is_cut_to_its_field),
		cmocka_unit_test(test_one_page_is_sent_without_a_size),
		cmocka_unit_test(test_an_empty_range_means_everything),
		cmocka_unit_test(test_known_sizes),
		cmocka_unit_test(test_every_range_is_covered_and_aligned),
		cmocka_unit_test(test_small_ranges_stay_small),
		cmocka_unit_test(test_a_block_is_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
