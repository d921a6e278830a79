// SPDX-License-Identifier: GPL-2.0
/* Control and debug registers, the interrupt flag, INVLPG, fences. */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void test_applications_may_not_touch_the_machine(void **state)
{
	static const u8 rows[][3] = {
		{ 0x0f, 0x20, 0xc0 }, { 0x0f, 0x22, 0xc0 }, { 0x0f, 0x21, 0xc0 },
		{ 0x0f, 0x23, 0xc0 }, { 0x0f, 0x06, 0x90 }, { 0x0f, 0x01, 0x3b },
		{ 0x0f, 0x01, 0xf0 }, { 0xfa, 0x90, 0x90 }, { 0xfb, 0x90, 0x90 },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		guest_reset(&g, 64);
		g.c.cpl = 3;
		assert_int_equal(guest_run(&g, rows[k], 3), EMUL_FAULT);
		assert_int_equal(g.c.fault.vector, 13);
		assert_true(g.c.fault.has_error);
	}
}

static void test_registers_that_do_not_exist_are_undefined(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.cpl = 3;		/* #UD comes before #GP */
	assert_fault(&g, 6, false, 0x0f, 0x20, 0xc8);		/* cr1 */
	assert_fault(&g, 6, false, 0x0f, 0x22, 0xe8);		/* cr5 */
	assert_fault(&g, 6, false, 0x44, 0x0f, 0x20, 0xc8);	/* cr9 */
	assert_fault(&g, 6, false, 0xf0, 0x0f, 0x20, 0xd8);	/* lock mov cr3 */
	assert_fault(&g, 6, false, 0x44, 0x0f, 0x21, 0xc0);	/* dr8 */
}

static void test_a_refused_value_is_the_callback_s_fault(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RAX] = 1ULL << 63;
	assert_fault(&g, 13, true, 0x0f, 0x22, 0xc0);
}

static void test_control_registers_move_whole(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.cr[3] = 0x123456789000;
	assert_done(&g, 0x66, 0x0f, 0x20, 0xdb);	/* 66h changes nothing */
	assert_int_equal(g.c.regs[EMUL_RBX], 0x123456789000);
	assert_done(&g, 0x44, 0x0f, 0x22, 0xc3);	/* mov cr8, rbx */
	assert_int_equal(g.cr[8], 0x123456789000);
	guest_reset(&g, 32);
	g.c.regs[EMUL_RAX] = 0xffffffff00000005;
	assert_done(&g, 0xf0, 0x0f, 0x22, 0xc0);	/* lock mov cr0 is cr8 */
	assert_int_equal(g.cr[8], 5);
}

static void test_debug_registers_move_whole(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RCX] = 0x1122334455667788;
	assert_done(&g, 0x0f, 0x23, 0xd1);
	assert_int_equal(g.dr[2], 0x1122334455667788);
	assert_done(&g, 0x0f, 0x21, 0xd7);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x1122334455667788);
}

static void test_lmsw_sets_pe_but_does_not_clear_it(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.cr[0] = 0x80000019;
	g.c.regs[EMUL_RAX] = 0xfff2;
	assert_done(&g, 0x0f, 0x01, 0xf0);
	assert_int_equal(g.cr[0], 0x80000013);
	g.cr[0] = 0x10;
	g.c.regs[EMUL_RAX] = 1;
	assert_done(&g, 0x0f, 0x01, 0xf0);
	assert_int_equal(g.cr[0], 0x11);
}

static void test_smsw_gives_memory_16_bits_and_umip_hides_it(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.cr[0] = 0x80050033;
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x102, 0xaa, 1);
	assert_done(&g, 0x0f, 0x01, 0x23);
	assert_int_equal(guest_peek(&g, 0x100, 4), 0xaa0033);
	assert_done(&g, 0x0f, 0x01, 0xe0);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x80050033);
	g.c.cpl = 3;
	assert_done(&g, 0x0f, 0x01, 0xe0);
	g.c.cr4 |= BIT(11);
	assert_fault(&g, 13, true, 0x0f, 0x01, 0xe0);
}

static void test_clts_clears_ts_alone(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.cr[0] = 0x8005003b;
	assert_done(&g, 0x0f, 0x06);
	assert_int_equal(g.cr[0], 0x80050033);
}

static void test_invlpg_gives_the_linear_address(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.seg[EMUL_GS].base = 0x1000;
	g.c.regs[EMUL_RBX] = 0x234000;
	assert_done(&g, 0x65, 0x0f, 0x01, 0x3b);
	assert_int_equal(g.invalidated, 0x235000);
	guest_reset(&g, 32);
	g.c.seg[EMUL_DS].base = 0xfffff000;
	g.c.regs[EMUL_RBX] = 0x3000;
	assert_done(&g, 0x0f, 0x01, 0x3b);
	assert_int_equal(g.invalidated, 0x2000);
}

static void test_sti_shadows_only_when_interrupts_were_off(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_done(&g, 0xfb);
	assert_true(g.c.int_shadow);
	assert_true(g.c.rflags & EMUL_IF);
	assert_done(&g, 0xfb);
	assert_false(g.c.int_shadow);
	assert_done(&g, 0xfa);
	assert_false(g.c.rflags & EMUL_IF);
}

static void test_iopl_allows_sti_and_virtual_interrupts_are_unhandled(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.cpl = 3;
	g.c.rflags |= EMUL_IOPL;
	assert_done(&g, 0xfb);
	g.c.rflags &= ~EMUL_IOPL;
	g.c.cr4 |= BIT(1);	/* PVI */
	assert_int_equal(RUN(&g, 0xfa), EMUL_UNHANDLED);
}

static void test_fences_and_cache_hints_do_nothing(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	assert_done(&g, 0x0f, 0xae, 0xe8);		/* lfence */
	assert_done(&g, 0x0f, 0xae, 0xf0);		/* mfence */
	assert_done(&g, 0x0f, 0xae, 0xf8);		/* sfence */
	assert_done(&g, 0x0f, 0xae, 0x3b);		/* clflush */
	assert_done(&g, 0x66, 0x0f, 0xae, 0x3b);	/* clflushopt */
	assert_done(&g, 0x66, 0x0f, 0xae, 0x33);	/* clwb */
	assert_done(&g, 0x0f, 0x18, 0x0b);		/* prefetch */
	assert_done(&g, 0x0f, 0x0d, 0x0b);		/* prefetchw */
	assert_int_equal(g.accesses, 0);
	assert_int_equal(RUN(&g, 0x0f, 0xae, 0x03), EMUL_UNHANDLED);	/* fxsave */
	assert_int_equal(RUN(&g, 0x0f, 0xae, 0x33), EMUL_UNHANDLED);	/* xsaveopt */
	assert_int_equal(RUN(&g, 0xf3, 0x0f, 0xae, 0xf3), EMUL_UNHANDLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_applications_may_not_touch_the_machine),
		cmocka_unit_test(test_registers_that_do_not_exist_are_undefined),
		cmocka_unit_test(test_a_refused_value_is_the_callback_s_fault),
		cmocka_unit_test(test_control_registers_move_whole),
		cmocka_unit_test(test_debug_registers_move_whole),
		cmocka_unit_test(test_lmsw_sets_pe_but_does_not_clear_it),
		cmocka_unit_test(test_smsw_gives_memory_16_bits_and_umip_hides_it),
		cmocka_unit_test(test_clts_clears_ts_alone),
		cmocka_unit_test(test_invlpg_gives_the_linear_address),
		cmocka_unit_test(test_sti_shadows_only_when_interrupts_were_off),
		cmocka_unit_test(test_iopl_allows_sti_and_virtual_interrupts_are_unhandled),
		cmocka_unit_test(test_fences_and_cache_hints_do_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
