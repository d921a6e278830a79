// SPDX-License-Identifier: GPL-2.0
/* clean: no change of a VMCB field that the CPU keeps goes unsaid. */
#include "tests/unit/check.h"
#include "svm/clean.h"

static struct vmcb vmcb;

/* APM2 table 15-9, written a second time: offset, size, bit. */
static const struct { u16 at, size; int bit; } manual[] = {
	{ 0x000, 0x18, 0 }, { 0x03c, 4, 0 }, { 0x050, 8, 0 },
	{ 0x040, 16, 1 }, { 0x058, 4, 2 }, { 0x060, 8, 3 },
	{ 0x090, 8, 4 }, { 0x0b0, 8, 4 }, { 0x668, 8, 4 },
	{ 0x4d0, 8, 5 }, { 0x548, 24, 5 }, { 0x560, 16, 6 },
	{ 0x460, 16, 7 }, { 0x480, 16, 7 },
	{ 0x400, 64, 8 }, { 0x4cb, 1, 8 }, { 0x640, 8, 9 }, { 0x670, 40, 10 },
};

static u32 manual_group(size_t at)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(manual); i++)
		if (at >= manual[i].at && at < (size_t)manual[i].at + manual[i].size)
			return 1U << manual[i].bit;
	return 0;
}

static void test_every_byte_of_a_vmcb_has_the_group_of_the_manual(void **state)
{
	size_t at;

	for (at = 0; at < sizeof(vmcb); at++)
		assert_int_equal(clean_group(at), manual_group(at));
}

#define PUT_CLEARS(field, group) do {					\
	memset(&vmcb, 0, sizeof(vmcb));					\
	vmcb_known(&vmcb);						\
	vmcb_put(&vmcb, field, 0);					\
	assert_int_equal(vmcb.c.clean, CLEAN_ALL);			\
	vmcb_put(&vmcb, field, 1);					\
	assert_int_equal(vmcb.field, 1);				\
	assert_int_equal(vmcb.c.clean, CLEAN_ALL & ~(u64)(group));	\
} while (0)

static void test_a_change_clears_its_own_bit_and_no_other(void **state)
{
	PUT_CLEARS(c.tsc_offset, CLEAN_INTERCEPTS);
	PUT_CLEARS(c.iopm_base, CLEAN_PERMMAP);
	PUT_CLEARS(c.asid, CLEAN_ASID);
	PUT_CLEARS(c.int_ctl, CLEAN_INTR);
	PUT_CLEARS(c.n_cr3, CLEAN_NPT);
	PUT_CLEARS(s.g_pat, CLEAN_NPT);
	PUT_CLEARS(s.cr0, CLEAN_CR);
	PUT_CLEARS(s.cr3, CLEAN_CR);
	PUT_CLEARS(s.cr4, CLEAN_CR);
	PUT_CLEARS(s.efer, CLEAN_CR);
	PUT_CLEARS(s.dr6, CLEAN_DR);
	PUT_CLEARS(s.dr7, CLEAN_DR);
	PUT_CLEARS(s.cr2, CLEAN_CR2);
	PUT_CLEARS(s.rip, 0);
	PUT_CLEARS(c.int_state, 0);
}

static void test_intercepts_are_a_group_too(void **state)
{
	unsigned int n;

	for (n = 0; n < VMCB_INTERCEPT_WORDS * 32; n++) {
		memset(&vmcb, 0, sizeof(vmcb));
		vmcb_known(&vmcb);
		vmcb_intercept(&vmcb, n, false);
		assert_int_equal(vmcb.c.clean, CLEAN_ALL);
		vmcb_intercept(&vmcb, n, true);
		assert_int_equal(vmcb.c.intercept[n / 32], 1U << n % 32);
		assert_int_equal(vmcb.c.clean, CLEAN_ALL & ~(u64)CLEAN_INTERCEPTS);
		vmcb_known(&vmcb);
		vmcb_intercept(&vmcb, n, true);
		assert_int_equal(vmcb.c.clean, CLEAN_ALL);
		vmcb_intercept(&vmcb, n, false);
		assert_int_equal(vmcb.c.intercept[n / 32], 0);
		assert_int_equal(vmcb.c.clean, CLEAN_ALL & ~(u64)CLEAN_INTERCEPTS);
	}
}

static void test_a_change_back_still_counts(void **state)
{
	memset(&vmcb, 0, sizeof(vmcb));
	vmcb_known(&vmcb);
	vmcb_put(&vmcb, s.cr2, 5);
	vmcb_put(&vmcb, s.cr2, 0);
	assert_int_equal(vmcb.c.clean & CLEAN_CR2, 0);
}

static void test_what_is_forgotten_has_no_clean_group(void **state)
{
	vmcb_known(&vmcb);
	vmcb_forget(&vmcb);
	assert_int_equal(vmcb.c.clean, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_of_a_vmcb_has_the_group_of_the_manual),
		cmocka_unit_test(test_a_change_clears_its_own_bit_and_no_other),
		cmocka_unit_test(test_intercepts_are_a_group_too),
		cmocka_unit_test(test_a_change_back_still_counts),
		cmocka_unit_test(test_what_is_forgotten_has_no_clean_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
