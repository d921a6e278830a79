// SPDX-License-Identifier: GPL-2.0
/* vpoll: how long a halted vCPU polls before it sleeps. */
#include "tests/unit/check.h"
#include "kvm-core/vpoll.h"

static const struct vpoll_params usual = {
	.max = 200000, .grow = 2, .grow_start = 10000,
};

static void test_it_grows_until_it_covers_the_halt(void **state)
{
	static const u32 want[] = { 10000, 20000, 40000, 80000, 80000, 80000 };
	unsigned int i;
	u32 ns = 0;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ns = vpoll_next(&usual, ns, 70000);
		assert_int_equal(ns, want[i]);
	}
}

static void test_a_long_halt_ends_it(void **state)
{
	assert_int_equal(vpoll_next(&usual, 80000, 200000), 0);
	assert_int_equal(vpoll_next(&usual, 200000, 1ULL << 40), 0);
	assert_int_equal(vpoll_next(&usual, 0, 200000), 0);
}

static void test_a_halt_that_was_seen_to_end_changes_nothing(void **state)
{
	assert_int_equal(vpoll_next(&usual, 80000, 0), 80000);
	assert_int_equal(vpoll_next(&usual, 80000, 80000), 80000);
}

static void test_it_never_passes_its_bound(void **state)
{
	struct vpoll_params p = usual;
	u32 ns = 0, i;

	for (i = 0; i < 40; i++) {
		ns = vpoll_next(&p, ns, p.max - 1);
		assert_true(ns <= p.max);
	}
	assert_int_equal(ns, p.max);
	p.max = 30000;			/* the operator lowers it meanwhile */
	assert_int_equal(vpoll_next(&p, ns, 1), 30000);
	p.max = 5000;			/* below what it starts with */
	assert_int_equal(vpoll_next(&p, 0, 4000), 5000);
	p.max = ~0U;
	assert_int_equal(vpoll_next(&p, 1U << 31, (1ULL << 32) - 2), ~0U);
}

static void test_no_bound_is_no_polling(void **state)
{
	struct vpoll_params p = usual;

	p.max = 0;
	assert_int_equal(vpoll_next(&p, 0, 0), 0);
	assert_int_equal(vpoll_next(&p, 80000, 1), 0);
}

static void test_growth_and_shrinking_can_be_set(void **state)
{
	struct vpoll_params p = usual;

	p.grow = 0;
	assert_int_equal(vpoll_next(&p, 0, 1000), 0);
	assert_int_equal(vpoll_next(&p, 20000, 21000), 20000);
	p.grow = 1;
	assert_int_equal(vpoll_next(&p, 0, 1000), 10000);
	p.shrink = 2;
	assert_int_equal(vpoll_next(&p, 80000, 200000), 40000);
	assert_int_equal(vpoll_next(&p, 20000, 200000), 10000);
	assert_int_equal(vpoll_next(&p, 19999, 200000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows_until_it_covers_the_halt),
		cmocka_unit_test(test_a_long_halt_ends_it),
		cmocka_unit_test(test_a_halt_that_was_seen_to_end_changes_nothing),
		cmocka_unit_test(test_it_never_passes_its_bound),
		cmocka_unit_test(test_no_bound_is_no_polling),
		cmocka_unit_test(test_growth_and_shrinking_can_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
