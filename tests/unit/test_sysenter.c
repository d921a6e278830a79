// SPDX-License-Identifier: GPL-2.0
/* sysenter: segments, pointers and refusals of both instructions (SDM 2B). */
#include "tests/unit/check.h"
#include "kvm-core/sysenter.h"

static struct sysenter_cpu user(void)
{
	return (struct sysenter_cpu) {
		.rcx = 0x1122334455667788, .rdx = 0x99aabbccddee,
		.rflags = 0x30202, .cs = 0x53, .esp = 0xaaffffffff,
		.eip = 0xffffffff81234567, .stack.dpl = 3,
	};
}

static void test_sysenter_goes_where_the_msrs_say(void **state)
{
	struct sysenter_cpu c = user();

	assert_true(sysenter_enter(&c));
	assert_int_equal(c.rip, 0xffffffff81234567);
	assert_int_equal(c.rsp, 0xaaffffffff);
	assert_int_equal(c.rflags, 2);
	assert_int_equal(c.code.selector, 0x50);
	assert_int_equal(c.code.type, 0xb);
	assert_true(c.code.l && !c.code.db && !c.code.dpl && c.code.present && c.code.s);
	assert_int_equal(c.stack.selector, 0x58);
	assert_int_equal(c.stack.type, 3);
	assert_int_equal(c.stack.limit, U32_MAX);
	assert_true(!c.stack.dpl && c.stack.db && c.stack.g && !c.stack.base);
}

static void test_without_a_selector_it_is_refused(void **state)
{
	struct sysenter_cpu c = user();

	c.cs = 3;
	assert_false(sysenter_enter(&c));
	assert_int_equal(c.rflags, 0x30202);
	c.stack.dpl = 0;
	assert_false(sysenter_exit(&c, false));
	assert_false(sysenter_exit(&c, true));
}

static void test_sysexit_to_32_bits(void **state)
{
	struct sysenter_cpu c = user();

	c.stack.dpl = 0;
	assert_true(sysenter_exit(&c, false));
	assert_int_equal(c.rip, 0xbbccddee);
	assert_int_equal(c.rsp, 0x55667788);
	assert_int_equal(c.rflags, 0x20202);
	assert_int_equal(c.code.selector, 0x63);
	assert_int_equal(c.stack.selector, 0x6b);
	assert_true(!c.code.l && c.code.db);
	assert_int_equal(c.code.dpl, 3);
	assert_int_equal(c.stack.dpl, 3);
}

static void test_sysexit_to_64_bits(void **state)
{
	struct sysenter_cpu c = user();

	c.stack.dpl = 0;
	assert_false(sysenter_exit(&c, true));	/* rsp is not canonical */
	c.rcx = 0x7fffffffe000;
	assert_false(sysenter_exit(&c, true));	/* nor is rip */
	c.la57 = true;
	assert_true(sysenter_exit(&c, true));
	assert_int_equal(c.rip, 0x99aabbccddee);
	assert_int_equal(c.rsp, 0x7fffffffe000);
	assert_int_equal(c.code.selector, 0x73);
	assert_int_equal(c.stack.selector, 0x7b);
	assert_true(c.code.l && !c.code.db);
}

static void test_sysexit_is_the_kernels(void **state)
{
	struct sysenter_cpu c = user();

	assert_false(sysenter_exit(&c, false));
	assert_int_equal(c.stack.dpl, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysenter_goes_where_the_msrs_say),
		cmocka_unit_test(test_without_a_selector_it_is_refused),
		cmocka_unit_test(test_sysexit_to_32_bits),
		cmocka_unit_test(test_sysexit_to_64_bits),
		cmocka_unit_test(test_sysexit_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
