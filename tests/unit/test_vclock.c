// SPDX-License-Identifier: GPL-2.0
/* vclock: the pvclock scale factors. */
#include "tests/unit/check.h"
#include "kvm-core/vclock.h"

static void test_absurd_rates_are_refused(void **state)
{
	u32 mul;
	s8 shift;

	assert_false(vclock_scale(0, &mul, &shift));
	assert_false(vclock_scale(999, &mul, &shift));
	assert_false(vclock_scale(2000ULL * 1000000000, &mul, &shift));
}

/* Is one second of ticks one second of time, to a part in 2^30? */
static void test_a_second_of_ticks_is_a_second(void **state)
{
	static const u64 rates[] = {
		1000, 32768, 1193182, 999999999, 1000000000, 1000000001,
		2000000000, 2596000000ULL, 4999999999ULL, 1000000000000ULL,
	};
	unsigned int i;
	u32 mul;
	s8 shift;
	s64 off;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		assert_true(vclock_scale(rates[i], &mul, &shift));
		off = (s64)vclock_to_ns(rates[i], mul, shift) - 1000000000;
		assert_in_range(off + 4, 0, 8);
	}
}

static void test_time_never_runs_backwards(void **state)
{
	u64 tick, ns, last = 0;
	u32 mul;
	s8 shift;

	assert_true(vclock_scale(2596000000ULL, &mul, &shift));
	for (tick = 0; tick < 1000000; tick += 37) {
		ns = vclock_to_ns(tick, mul, shift);
		assert_true(ns >= last);
		last = ns;
	}
}

static void test_a_ratio_is_8_and_32_bits(void **state)
{
	u64 ratio;

	assert_true(vclock_ratio(2596000, 2596000, &ratio));
	assert_int_equal(ratio, VCLOCK_RATIO_ONE);
	assert_true(vclock_ratio(1298000, 2596000, &ratio));
	assert_int_equal(ratio, VCLOCK_RATIO_ONE / 2);
	assert_true(vclock_ratio(255 * 1000, 1000, &ratio));
	assert_int_equal(ratio, 255 * VCLOCK_RATIO_ONE);
	assert_false(vclock_ratio(256 * 1000, 1000, &ratio));
	assert_false(vclock_ratio(0, 1000, &ratio));
	assert_false(vclock_ratio(1000, 0, &ratio));
	assert_true(vclock_ratio(1000000000, 10000000, &ratio));
	assert_false(vclock_ratio(1000000001, 10000000, &ratio));
	assert_true(vclock_ratio(1, 1000000000, &ratio) && ratio == 4);
}

/* Every bit of the product, as 128-bit arithmetic has it. */
static void test_ticks_are_scaled_exactly(void **state)
{
	static const u64 ticks[] = { 0, 1, 0xffffffff, 0x100000001, 1ULL << 55, ~0ULL };
	static const u64 ratios[] = { 1, 0x80000000, 0xffffffff, VCLOCK_RATIO_ONE,
				      0x1deadbeef, 0xffffffffff };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(ticks); i++)
		for (j = 0; j < ARRAY_SIZE(ratios); j++)
			assert_int_equal(vclock_scale_ticks(ticks[i], ratios[j]),
				(u64)((unsigned __int128)ticks[i] * ratios[j] >> 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absurd_rates_are_refused),
		cmocka_unit_test(test_a_second_of_ticks_is_a_second),
		cmocka_unit_test(test_time_never_runs_backwards),
		cmocka_unit_test(test_a_ratio_is_8_and_32_bits),
		cmocka_unit_test(test_ticks_are_scaled_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
