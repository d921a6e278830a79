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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absurd_rates_are_refused),
		cmocka_unit_test(test_a_second_of_ticks_is_a_second),
		cmocka_unit_test(test_time_never_runs_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
