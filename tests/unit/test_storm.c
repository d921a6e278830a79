// SPDX-License-Identifier: GPL-2.0
/* pci-assign/storm.c: when a faulting card is cut off. */
#include "tests/unit/check.h"
#include "pci-assign/storm.h"

#define MS	1000000ULL

static void test_senseless_parameters_are_refused(void **state)
{
	struct storm s;

	(void)state;
	assert_int_equal(storm_init(&s, 0, 100), -EINVAL);
	assert_int_equal(storm_init(&s, 32, 0), -EINVAL);
	assert_int_equal(storm_init(&s, STORM_MAX_COUNT + 1, 100), -EINVAL);
	assert_int_equal(storm_init(&s, 32, STORM_MAX_WINDOW_MS + 1), -EINVAL);
	assert_int_equal(storm_init(&s, STORM_MAX_COUNT, 1), 0);
	assert_int_equal(storm_init(&s, 1, STORM_MAX_WINDOW_MS), 0);
}

/* Does a burst trip at exactly the count, for every count? */
static void test_a_burst_trips_at_the_count(void **state)
{
	static const unsigned int counts[] = { 1, 2, 3, 7, 32, 1000, 999983 };
	unsigned int i, n;
	struct storm s;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		assert_int_equal(storm_init(&s, counts[i], 100), 0);
		for (n = 1; n < counts[i]; n++)
			assert_int_equal(storm_fault(&s, 5 * MS), STORM_CALM);
		assert_int_equal(storm_fault(&s, 5 * MS), STORM_TRIPPED);
		assert_int_equal(storm_fault(&s, 5 * MS), STORM_RAGING);
	}
}

/* Does a burst that takes some time trip at the count, too? */
static void test_a_fast_rate_trips_at_the_count(void **state)
{
	struct storm s;
	unsigned int n;

	(void)state;
	storm_init(&s, 32, 100);
	for (n = 1; n < 32; n++)
		assert_int_equal(storm_fault(&s, n * MS / 20), STORM_CALM);
	assert_int_equal(storm_fault(&s, 32 * MS / 20), STORM_TRIPPED);
}

static void test_the_permitted_rate_never_trips(void **state)
{
	struct storm s;
	unsigned int n;
	u64 now = 77 * MS;

	(void)state;
	storm_init(&s, 32, 100);
	for (n = 0; n < 1000000; n++, now += 100 * MS / 32)
		assert_int_equal(storm_fault(&s, now), STORM_CALM);
}

/* Does any rate above the permitted one trip in the end? */
static void test_a_rate_above_always_trips(void **state)
{
	struct storm s;
	unsigned int n = 0;
	u64 now = 0;

	(void)state;
	storm_init(&s, 32, 100);
	for (; storm_fault(&s, now) == STORM_CALM; now += 100 * MS / 33)
		assert_true(++n < 10000);
	assert_true(n > 32);
}

static void test_quiet_empties_the_bucket(void **state)
{
	struct storm s;
	unsigned int n, round;
	u64 now = 0;

	(void)state;
	storm_init(&s, 32, 100);
	for (round = 0; round < 100; round++, now += 100 * MS)
		for (n = 0; n < 31; n++)
			assert_int_equal(storm_fault(&s, now), STORM_CALM);
}

static void test_only_a_reset_calms_a_storm(void **state)
{
	struct storm s;

	(void)state;
	storm_init(&s, 2, 100);
	storm_fault(&s, 0);
	assert_int_equal(storm_fault(&s, 0), STORM_TRIPPED);
	assert_int_equal(storm_fault(&s, 1000000 * MS), STORM_RAGING);
	storm_reset(&s);
	assert_int_equal(storm_fault(&s, 1000001 * MS), STORM_CALM);
}

static void test_a_clock_that_steps_back_stands_still(void **state)
{
	struct storm s;

	(void)state;
	storm_init(&s, 3, 100);
	assert_int_equal(storm_fault(&s, 500 * MS), STORM_CALM);
	assert_int_equal(storm_fault(&s, 1 * MS), STORM_CALM);
	assert_int_equal(storm_fault(&s, 500 * MS), STORM_TRIPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_senseless_parameters_are_refused),
		cmocka_unit_test(test_a_burst_trips_at_the_count),
		cmocka_unit_test(test_a_fast_rate_trips_at_the_count),
		cmocka_unit_test(test_the_permitted_rate_never_trips),
		cmocka_unit_test(test_a_rate_above_always_trips),
		cmocka_unit_test(test_quiet_empties_the_bucket),
		cmocka_unit_test(test_only_a_reset_calms_a_storm),
		cmocka_unit_test(test_a_clock_that_steps_back_stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
