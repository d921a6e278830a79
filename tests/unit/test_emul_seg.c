// SPDX-License-Identifier: GPL-2.0
/* Segment registers and far transfers. */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void test_loads_that_need_a_descriptor_are_left_to_the_caller(void **state)
{
	static const u8 rows[][5] = {
		{ 0x8e, 0xd8 }, { 0x1f }, { 0x0f, 0xa1 }, { 0xc4, 0x03 },
		{ 0x0f, 0xb2, 0x03 }, { 0xff, 0x2b }, { 0xff, 0x1b }, { 0xcb },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		guest_reset(&g, 32);
		assert_int_equal(guest_run(&g, rows[k], 5), EMUL_UNHANDLED);
		assert_int_equal(g.accesses, 0);
	}
	assert_int_equal(RUN(&g, 0xea, 0, 0, 0, 0, 8, 0), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x9a, 0, 0, 0, 0, 8, 0), EMUL_UNHANDLED);
}

static void test_segment_registers_6_and_7_and_loads_of_cs_are_undefined(void **state)
{
	(void)state;
	guest_reset_real(&g);
	assert_fault(&g, 6, false, 0x8e, 0xc8);
	assert_fault(&g, 6, false, 0x8e, 0xf0);
	assert_fault(&g, 6, false, 0x8c, 0xf8);
}

static void test_a_far_jump_beyond_the_limit_is_gp(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_CS].limit = 0xfff;
	assert_fault(&g, 13, false, 0xea, 0x00, 0x10, 0x34, 0x12);
	assert_fault(&g, 13, false, 0x9a, 0x00, 0x10, 0x34, 0x12);
	assert_int_equal(g.accesses, 0);
}

static void test_a_real_mode_load_sets_the_base_and_keeps_the_limit(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_DS].limit = 0xffffffff;
	g.c.regs[EMUL_RAX] = 0xabcd;
	assert_done(&g, 0x8e, 0xd8);
	assert_int_equal(g.c.seg[EMUL_DS].selector, 0xabcd);
	assert_int_equal(g.c.seg[EMUL_DS].base, 0xabcd0);
	assert_int_equal(g.c.seg[EMUL_DS].limit, 0xffffffff);
	assert_int_equal(g.c.seg_dirty, BIT(EMUL_DS));
	assert_false(g.c.int_shadow);
	assert_done(&g, 0x90);
	assert_int_equal(g.c.seg_dirty, 0);
}

static void test_a_load_of_ss_holds_interrupts_off(void **state)
{
	(void)state;
	guest_reset_real(&g);
	assert_done(&g, 0x8e, 0xd0);
	assert_true(g.c.int_shadow);
	guest_reset_real(&g);
	guest_poke(&g, 0x8000, 0x2000, 2);
	assert_done(&g, 0x17);
	assert_true(g.c.int_shadow);
	assert_int_equal(g.c.seg[EMUL_SS].base, 0x20000);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8002);
	guest_reset_real(&g);
	assert_done(&g, 0x07);
	assert_false(g.c.int_shadow);
}

static void test_selectors_are_stored_in_16_bits_to_memory(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RAX] = ~0ULL;
	g.c.seg[EMUL_GS].selector = 0x2b;
	guest_poke(&g, 0x100, 0xffffffff, 4);
	assert_done(&g, 0x48, 0x8c, 0x2b);
	assert_int_equal(guest_peek(&g, 0x100, 4), 0xffff002b);
	assert_done(&g, 0x8c, 0xe8);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x2b);
	assert_done(&g, 0x0f, 0xa8);	/* push gs */
	assert_int_equal(guest_peek(&g, 0x7ff8, 8), 0x2b);
}

static void test_les_and_its_kin_load_both_parts(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x100, 0x56781234, 4);
	assert_done(&g, 0xc4, 0x37);			/* les si, [bx] */
	assert_int_equal(g.c.regs[EMUL_RSI], 0x1234);
	assert_int_equal(g.c.seg[EMUL_ES].base, 0x56780);
	guest_poke(&g, 0x100, 0x9abc56781234, 6);
	assert_done(&g, 0x66, 0x0f, 0xb5, 0x3f);	/* lgs edi, [bx] */
	assert_int_equal(g.c.regs[EMUL_RDI], 0x56781234);
	assert_int_equal(g.c.seg[EMUL_GS].selector, 0x9abc);
	assert_int_equal(g.c.seg_dirty, BIT(EMUL_GS));
}

static void test_a_far_call_returns(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_CS].selector = 0x1111;
	assert_done(&g, 0x9a, 0x34, 0x12, 0x00, 0x20);
	assert_int_equal(g.c.rip, 0x1234);
	assert_int_equal(g.c.seg[EMUL_CS].base, 0x20000);
	assert_int_equal(guest_peek(&g, 0x7ffc, 4), 0x11110000 | (GUEST_CODE + 5));
	assert_done(&g, 0xca, 0x06, 0x00);		/* retf 6 */
	assert_int_equal(g.c.rip, GUEST_CODE + 5);
	assert_int_equal(g.c.seg[EMUL_CS].selector, 0x1111);
	assert_int_equal(g.c.seg[EMUL_CS].base, 0x11110);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8006);
}

static void test_far_pointers_in_memory_are_followed(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x100, 0x56781234, 4);
	assert_done(&g, 0xff, 0x2f);
	assert_int_equal(g.c.rip, 0x1234);
	assert_int_equal(g.c.seg[EMUL_CS].selector, 0x5678);
	assert_done(&g, 0xff, 0x1f);
	assert_int_equal(guest_peek(&g, 0x7ffc, 4), 0x56781236);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads_that_need_a_descriptor_are_left_to_the_caller),
		cmocka_unit_test(test_segment_registers_6_and_7_and_loads_of_cs_are_undefined),
		cmocka_unit_test(test_a_far_jump_beyond_the_limit_is_gp),
		cmocka_unit_test(test_a_real_mode_load_sets_the_base_and_keeps_the_limit),
		cmocka_unit_test(test_a_load_of_ss_holds_interrupts_off),
		cmocka_unit_test(test_selectors_are_stored_in_16_bits_to_memory),
		cmocka_unit_test(test_les_and_its_kin_load_both_parts),
		cmocka_unit_test(test_a_far_call_returns),
		cmocka_unit_test(test_far_pointers_in_memory_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
