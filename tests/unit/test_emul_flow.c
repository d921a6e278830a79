// SPDX-License-Identifier: GPL-2.0
/* Stack instructions and near branches. */
#include "tests/unit/emul_guest.h"

static struct guest g;

/* ---- refusals ----------------------------------------------------------------- */

static void test_virtual_8086_flags_need_iopl_3(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.cr0 |= 1;
	g.c.rflags |= EMUL_VM;
	g.c.cpl = 3;
	assert_fault(&g, 13, true, 0x9c);
	assert_fault(&g, 13, true, 0x9d);
	g.c.cr4 |= BIT(0);
	assert_int_equal(RUN(&g, 0x9c), EMUL_UNHANDLED);
	g.c.rflags |= EMUL_IOPL;
	assert_done(&g, 0x9c);
	assert_int_equal(guest_peek(&g, 0x7ffe, 2), 0x3002);
	/* VM and RF are not shown */
	g.c.rflags |= EMUL_RF;
	assert_done(&g, 0x66, 0x9c);
	assert_int_equal(guest_peek(&g, 0x7ffa, 4), 0x3002);
}

static void test_a_return_to_nowhere_keeps_the_stack(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	guest_poke(&g, 0x8000, 0x800000000000, 8);
	assert_fault(&g, 13, true, 0xc3);
	assert_fault(&g, 13, true, 0xc2, 0x08, 0x00);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8000);
}

/* ---- push, pop ------------------------------------------------------------------- */

static void test_pop_through_the_stack_pointer_uses_its_new_value(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	guest_poke(&g, 0x8000, 0x77, 8);
	assert_done(&g, 0x8f, 0x44, 0x24, 0x10);	/* pop [rsp+10h] */
	assert_int_equal(guest_peek(&g, 0x8018, 8), 0x77);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8008);
}

static void test_push_and_pop_of_the_stack_pointer(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_done(&g, 0x54);
	assert_int_equal(guest_peek(&g, 0x7ff8, 8), 0x8000);
	guest_poke(&g, 0x7ff8, 0x1234, 8);
	assert_done(&g, 0x5c);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x1234);
}

static void test_pusha_pushes_all_and_popa_skips_esp(void **state)
{
	unsigned int n;

	(void)state;
	guest_reset(&g, 32);
	for (n = 0; n < 8; n++)
		if (n != EMUL_RSP)
			g.c.regs[n] = 0x1000 + n;
	assert_done(&g, 0x60);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x7fe0);
	assert_int_equal(guest_peek(&g, 0x7fec, 4), 0x8000);
	guest_poke(&g, 0x7fec, 0xdead, 4);
	for (n = 0; n < 8; n++)
		if (n != EMUL_RSP)
			g.c.regs[n] = 0;
	assert_done(&g, 0x61);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8000);
	for (n = 0; n < 8; n++)
		if (n != EMUL_RSP)
			assert_int_equal(g.c.regs[n], 0x1000 + n);
}

static void test_popf_changes_what_privilege_allows(void **state)
{
	static const struct {
		u8 cpl, iopl;
		u64 changed;
	} rows[] = {
		{ 0, 0, EMUL_IF | EMUL_IOPL }, { 3, 3, EMUL_IF }, { 3, 0, 0 },
	};
	const u64 always = EMUL_STATUS | EMUL_TF | EMUL_DF | EMUL_NT | EMUL_AC | EMUL_ID;
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		u64 before = 2 | (u64)rows[k].iopl << 12;

		guest_reset(&g, 64);
		g.c.cpl = rows[k].cpl;
		g.c.rflags = before;
		guest_poke(&g, 0x8000, ~0ULL, 8);
		assert_done(&g, 0x9d);
		assert_int_equal(g.c.rflags, before | always | rows[k].changed);
		guest_poke(&g, 0x8008, 0, 8);
		assert_done(&g, 0x9d);
		assert_int_equal(g.c.rflags,
				 (before | rows[k].changed) & ~rows[k].changed);
	}
	guest_reset(&g, 64);
	guest_poke(&g, 0x8000, ~0ULL, 8);
	assert_done(&g, 0x66, 0x9d);		/* 16 bits: AC and ID stay */
	assert_false(g.c.rflags & (EMUL_AC | EMUL_ID));
}

static void test_enter_copies_the_enclosing_frames(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RBP] = 0x9000;
	guest_poke(&g, 0x8ffc, 0x1111, 4);
	guest_poke(&g, 0x8ff8, 0x2222, 4);
	assert_done(&g, 0xc8, 0x10, 0x00, 0x03);
	assert_int_equal(g.c.regs[EMUL_RBP], 0x7ffc);
	assert_int_equal(guest_peek(&g, 0x7ffc, 4), 0x9000);
	assert_int_equal(guest_peek(&g, 0x7ff8, 4), 0x1111);
	assert_int_equal(guest_peek(&g, 0x7ff4, 4), 0x2222);
	assert_int_equal(guest_peek(&g, 0x7ff0, 4), 0x7ffc);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x7fe0);
	assert_done(&g, 0xc9);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8000);
	assert_int_equal(g.c.regs[EMUL_RBP], 0x9000);
}

/* ---- branches ------------------------------------------------------------------------ */

static void test_calls_through_memory_return(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.device = 0x123456789000;
	assert_done(&g, 0xff, 0x13);
	assert_int_equal(g.c.rip, 0x123456789000);
	assert_int_equal(guest_peek(&g, 0x7ff8, 8), GUEST_CODE + 2);
	assert_done(&g, 0xc2, 0x10, 0x00);
	assert_int_equal(g.c.rip, GUEST_CODE + 2);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8010);
	assert_done(&g, 0xff, 0x23);
	assert_int_equal(g.c.rip, 0x123456789000);
}

static void test_targets_are_cut_to_the_operand_size(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.rip = 0x12347000;
	assert_done(&g, 0x66, 0xe9, 0x00, 0x01);	/* AMD: 16 bits */
	assert_int_equal(g.c.rip, 0x7104);
	guest_reset_real(&g);
	g.c.rip = 0xff00;
	assert_done(&g, 0xe9, 0x00, 0x02);
	assert_int_equal(g.c.rip, 0x0103);
	guest_reset(&g, 32);
	g.c.rip = 0x10;
	assert_done(&g, 0xeb, 0xe0);
	assert_int_equal(g.c.rip, 0xfffffff2);
}

static void test_conditional_branches_look_at_flags(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_done(&g, 0x74, 0x10);
	assert_int_equal(g.c.rip, GUEST_CODE + 2);
	g.c.rflags |= EMUL_ZF;
	assert_done(&g, 0x74, 0x10);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x14);
	assert_done(&g, 0x0f, 0x85, 0, 1, 0, 0);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x1a);
}

static void test_loops_count_in_the_address_size(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RCX] = 0x100000001;
	assert_done(&g, 0xe2, 0x10);
	assert_int_equal(g.c.regs[EMUL_RCX], 0x100000000);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x12);
	g.c.regs[EMUL_RCX] = 0x100000001;
	assert_done(&g, 0x67, 0xe2, 0x10);
	assert_int_equal(g.c.regs[EMUL_RCX], 0);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x15);
	assert_done(&g, 0x67, 0xe3, 0x10);		/* jecxz */
	assert_int_equal(g.c.rip, GUEST_CODE + 0x28);
	g.c.regs[EMUL_RCX] = 2;
	assert_done(&g, 0xe3, 0x10);
	assert_done(&g, 0xe1, 0x10);			/* loope, ZF clear */
	assert_int_equal(g.c.regs[EMUL_RCX], 1);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x2c);
	g.c.regs[EMUL_RCX] = 2;
	assert_done(&g, 0xe0, 0x10);			/* loopne taken */
	assert_int_equal(g.c.rip, GUEST_CODE + 0x3e);
	assert_done(&g, 0xe0, 0x10);			/* the last one is not */
	assert_int_equal(g.c.regs[EMUL_RCX], 0);
	assert_int_equal(g.c.rip, GUEST_CODE + 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virtual_8086_flags_need_iopl_3),
		cmocka_unit_test(test_a_return_to_nowhere_keeps_the_stack),
		cmocka_unit_test(test_pop_through_the_stack_pointer_uses_its_new_value),
		cmocka_unit_test(test_push_and_pop_of_the_stack_pointer),
		cmocka_unit_test(test_pusha_pushes_all_and_popa_skips_esp),
		cmocka_unit_test(test_popf_changes_what_privilege_allows),
		cmocka_unit_test(test_enter_copies_the_enclosing_frames),
		cmocka_unit_test(test_calls_through_memory_return),
		cmocka_unit_test(test_targets_are_cut_to_the_operand_size),
		cmocka_unit_test(test_conditional_branches_look_at_flags),
		cmocka_unit_test(test_loops_count_in_the_address_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
