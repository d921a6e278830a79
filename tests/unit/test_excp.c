// SPDX-License-Identifier: GPL-2.0
/* excp: error codes and double faults against the tables of APM2 8.2. */
#include "tests/unit/check.h"
#include "kvm-core/excp.h"

static void test_only_the_listed_vectors_push_an_error_code(void **state)
{
	static const u8 with[] = { 8, 10, 11, 12, 13, 14, 17, 21, 29, 30 };
	unsigned int v, i;

	for (v = 0; v < 256; v++) {
		bool expect = false;

		for (i = 0; i < ARRAY_SIZE(with); i++)
			expect |= with[i] == v;
		assert_int_equal(excp_has_error((u8)v), expect);
	}
}

static void test_second_faults_merge_as_the_manual_says(void **state)
{
	static const struct {
		u8 first, second;
		enum excp_merge expect;
	} rows[] = {
		{ EXCP_DB, EXCP_GP, EXCP_SECOND },
		{ EXCP_UD, EXCP_PF, EXCP_SECOND },
		{ EXCP_GP, EXCP_UD, EXCP_SECOND },
		{ EXCP_GP, EXCP_PF, EXCP_SECOND },
		{ EXCP_DE, EXCP_GP, EXCP_DOUBLE_FAULT },
		{ EXCP_GP, EXCP_NP, EXCP_DOUBLE_FAULT },
		{ EXCP_PF, EXCP_PF, EXCP_DOUBLE_FAULT },
		{ EXCP_PF, EXCP_SS, EXCP_DOUBLE_FAULT },
		{ EXCP_PF, EXCP_AC, EXCP_SECOND },
		{ EXCP_DF, EXCP_GP, EXCP_SHUTDOWN },
		{ EXCP_DF, EXCP_PF, EXCP_SHUTDOWN },
		{ EXCP_DF, EXCP_DB, EXCP_SECOND },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(excp_merge(rows[i].first, rows[i].second),
				 rows[i].expect);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_listed_vectors_push_an_error_code),
		cmocka_unit_test(test_second_faults_merge_as_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
