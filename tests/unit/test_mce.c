// SPDX-License-Identifier: GPL-2.0
/* mce: which machine checks raise #MC, which only fill a bank (APM2 9.3.2). */
#include "tests/unit/check.h"
#include "kvm-core/mce.h"

#define UC (MCE_VALID | MCE_UNCORRECTED | MCE_CORRUPT)

struct machine {
	u64 status, bank[4];
	struct mce_state s;
};

static void machine_init(struct machine *m)
{
	*m = (struct machine) { .bank = { ~0ULL } };
	m->s = (struct mce_state) {
		.cap = MCE_CTL_PRESENT | 10, .ctl = ~0ULL,
		.status = &m->status, .bank = m->bank, .enabled = true,
	};
}

static const struct mce_record uncorrected = {
	.status = UC | 7, .addr = 0x1000, .misc = 5, .mcg_status = MCE_IN_PROGRESS,
};

static void test_an_uncorrected_error_is_logged_and_raised(void **state)
{
	struct machine m;

	machine_init(&m);
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_RAISE);
	assert_int_equal(m.bank[1], UC | 7);
	assert_int_equal(m.bank[2], 0x1000);
	assert_int_equal(m.bank[3], 5);
	assert_int_equal(m.status, MCE_IN_PROGRESS);
}

static void test_a_second_one_in_progress_shuts_the_cpu_down(void **state)
{
	struct machine m;

	machine_init(&m);
	mce_log(&m.s, &uncorrected);
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_SHUTDOWN);
	machine_init(&m);
	m.s.enabled = false;
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_SHUTDOWN);
	assert_int_equal(m.bank[1], 0);
}

static void test_what_is_masked_leaves_no_trace(void **state)
{
	struct machine m;

	machine_init(&m);
	m.s.ctl = 1;
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_LOGGED);
	assert_int_equal(m.bank[1], 0);
	m.s.cap &= ~MCE_CTL_PRESENT;	/* no MCG_CTL: nothing to mask by */
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_RAISE);
	machine_init(&m);
	m.bank[0] = 0;
	assert_int_equal(mce_log(&m.s, &uncorrected), MCE_LOGGED);
	assert_int_equal(m.bank[1], 0);
}

static void test_an_error_that_asks_for_nothing_only_fills_its_bank(void **state)
{
	struct mce_record r = { .status = MCE_VALID | MCE_UNCORRECTED, .addr = 9 };
	struct machine m;

	machine_init(&m);
	assert_int_equal(mce_log(&m.s, &r), MCE_LOGGED);
	assert_int_equal(m.bank[2], 9);
	assert_int_equal(m.status, 0);
}

static void test_a_corrected_error_does_not_hide_an_uncorrected_one(void **state)
{
	struct mce_record r = { .status = MCE_VALID | 3, .addr = 0x2000 };
	struct machine m;

	machine_init(&m);
	assert_int_equal(mce_log(&m.s, &r), MCE_LOGGED);
	assert_int_equal(m.bank[1], MCE_VALID | 3);
	assert_int_equal(mce_log(&m.s, &r), MCE_LOGGED);
	assert_int_equal(m.bank[1], MCE_VALID | MCE_OVERFLOW | 3);
	machine_init(&m);
	mce_log(&m.s, &uncorrected);
	mce_log(&m.s, &r);
	assert_int_equal(m.bank[1], UC | MCE_OVERFLOW | 7);
	assert_int_equal(m.bank[2], 0x1000);
}

static void test_a_bank_takes_all_or_nothing_and_a_clear_status(void **state)
{
	enum { CTL = 4, STATUS = 5, ADDR = 6 };		/* of bank 1 */

	assert_true(mce_write_valid(CTL, 0, false));
	assert_true(mce_write_valid(CTL, ~0ULL, false));
	assert_true(mce_write_valid(CTL, ~BIT_ULL(10), false));
	assert_true(mce_write_valid(CTL, ~BIT_ULL(0), false));
	assert_false(mce_write_valid(CTL, 1, false));
	assert_false(mce_write_valid(CTL, 1, true));
	assert_true(mce_write_valid(STATUS, 0, false));
	assert_false(mce_write_valid(STATUS, 1, false));
	assert_true(mce_write_valid(STATUS, 1, true));
	assert_true(mce_write_valid(ADDR, 1, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_uncorrected_error_is_logged_and_raised),
		cmocka_unit_test(test_a_second_one_in_progress_shuts_the_cpu_down),
		cmocka_unit_test(test_what_is_masked_leaves_no_trace),
		cmocka_unit_test(test_an_error_that_asks_for_nothing_only_fills_its_bank),
		cmocka_unit_test(test_a_corrected_error_does_not_hide_an_uncorrected_one),
		cmocka_unit_test(test_a_bank_takes_all_or_nothing_and_a_clear_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
