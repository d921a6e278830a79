// SPDX-License-Identifier: GPL-2.0
/*
 * Two-operand integer instructions where modes differ from 64-bit code, and
 * where memory is involved; what 64-bit code does, test_emul_native compares
 * with the CPU.
 */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void test_arpl_is_undefined_where_selectors_have_no_privilege(void **state)
{
	(void)state;
	guest_reset_real(&g);
	assert_fault(&g, 6, false, 0x63, 0xc1);
}

/* Not even a read may reach the device. */
static void test_a_read_only_operand_is_refused_before_it_is_read(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.c.seg[EMUL_DS].attrib = 0x0c91;
	assert_fault(&g, 13, true, 0x01, 0x03);
	assert_fault(&g, 13, true, 0x87, 0x03);
	assert_fault(&g, 13, true, 0x0f, 0xc7, 0x0b);
	assert_int_equal(g.device_reads, 0);
}

static void test_cmpxchg16b_must_be_aligned(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x108;
	assert_fault(&g, 13, true, 0x48, 0x0f, 0xc7, 0x0b);
	assert_done(&g, 0x0f, 0xc7, 0x0b);
}

static void test_cmpxchg8b_and_16b_swap_or_load(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RSI] = 0x100;
	guest_poke(&g, 0x100, 0x1111111122222222, 8);
	guest_poke(&g, 0x108, 0x3333333344444444, 8);
	g.c.regs[EMUL_RBX] = 0xaaaaaaaabbbbbbbb;
	g.c.regs[EMUL_RCX] = 0xccccccccdddddddd;
	assert_done(&g, 0xf0, 0x0f, 0xc7, 0x0e);
	assert_false(g.c.rflags & EMUL_ZF);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x22222222);
	assert_int_equal(g.c.regs[EMUL_RDX], 0x11111111);
	assert_done(&g, 0xf0, 0x0f, 0xc7, 0x0e);
	assert_true(g.c.rflags & EMUL_ZF);
	assert_int_equal(guest_peek(&g, 0x100, 8), 0xddddddddbbbbbbbb);
	assert_done(&g, 0xf0, 0x48, 0x0f, 0xc7, 0x0e);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xddddddddbbbbbbbb);
	assert_int_equal(g.c.regs[EMUL_RDX], 0x3333333344444444);
	assert_done(&g, 0xf0, 0x48, 0x0f, 0xc7, 0x0e);
	assert_int_equal(guest_peek(&g, 0x108, 8), 0xccccccccdddddddd);
}

/* Another CPU's store between the read and the exchange must not be lost. */
static void test_cmpxchg8b_that_loses_a_race_loads_what_won(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RSI] = 0x100;
	g.interfere_at = 0x100;
	g.interfere = 0x0000000900000008;
	assert_done(&g, 0xf0, 0x0f, 0xc7, 0x0e);
	assert_false(g.c.rflags & EMUL_ZF);
	assert_int_equal(g.c.regs[EMUL_RAX], 8);
	assert_int_equal(g.c.regs[EMUL_RDX], 9);
	assert_int_equal(guest_peek(&g, 0x100, 8), 0x0000000900000008);
	/* and when it would not have matched at all */
	g.interfere_at = 0x100;
	g.interfere = 0x77;
	g.c.regs[EMUL_RAX] = 0x1234;
	assert_done(&g, 0xf0, 0x0f, 0xc7, 0x0e);
	assert_int_equal(guest_peek(&g, 0x100, 8), 0x77);
}

static void test_cmpxchg_that_loses_a_race_loads_what_won(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RSI] = 0x100;
	g.c.regs[EMUL_RCX] = 5;
	g.interfere_at = 0x100;
	g.interfere = 9;
	assert_done(&g, 0xf0, 0x0f, 0xb1, 0x0e);
	assert_false(g.c.rflags & EMUL_ZF);
	assert_int_equal(g.c.regs[EMUL_RAX], 9);
	assert_int_equal(guest_peek(&g, 0x100, 4), 9);
}

static void test_short_inc_and_dec_exist_outside_64_bit_code(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RDI] = 0xffffffff;
	assert_done(&g, 0x47);
	assert_int_equal(g.c.regs[EMUL_RDI], 0);
	assert_true(g.c.rflags & EMUL_ZF);
	assert_done(&g, 0x66, 0x4f);
	assert_int_equal(g.c.regs[EMUL_RDI], 0xffff);
}

static void test_arpl_raises_the_privilege_level(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RCX] = 0x10;
	g.c.regs[EMUL_RAX] = 0x0b;
	assert_done(&g, 0x63, 0xc1);		/* arpl cx, ax */
	assert_int_equal(g.c.regs[EMUL_RCX], 0x13);
	assert_true(g.c.rflags & EMUL_ZF);
	assert_done(&g, 0x63, 0xc1);
	assert_false(g.c.rflags & EMUL_ZF);
}

static void test_moves_of_16_bit_code(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_DS].base = 0x1000;
	g.c.regs[EMUL_RBX] = 0x20;
	g.c.regs[EMUL_RSI] = 0xfff8;
	g.c.regs[EMUL_RAX] = 0xaaaabbbb;
	assert_done(&g, 0x89, 0x00);		/* mov [bx+si], ax */
	assert_int_equal(guest_peek(&g, 0x1018, 4), 0xbbbb);
	assert_done(&g, 0x66, 0xc7, 0x06, 0x30, 0, 4, 3, 2, 1);
	assert_int_equal(guest_peek(&g, 0x1030, 4), 0x01020304);
	assert_done(&g, 0xa1, 0x30, 0x00);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xaaaa0304);
	assert_done(&g, 0xb4, 0x99);		/* mov ah */
	assert_int_equal(g.c.regs[EMUL_RAX], 0xaaaa9904);
}

static void test_absolute_moves_of_64_bit_code(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.device = 0x1122334455667788;
	assert_done(&g, 0x48, 0xa1, 0, 0, 0x0d, 0, 0, 0, 0, 0);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x1122334455667788);
	assert_done(&g, 0xa2, 8, 0, 0x0d, 0, 0, 0, 0, 0);
	assert_int_equal(g.device_wrote, 0x88);
}

static void test_a_device_read_extends_as_the_instruction_says(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.c.regs[EMUL_RAX] = ~0ULL;
	g.device = 0x8182838485868788;
	assert_done(&g, 0x8b, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x85868788);
	assert_done(&g, 0x0f, 0xbe, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xffffff88);
	assert_done(&g, 0x48, 0x0f, 0xbf, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xffffffffffff8788);
	assert_done(&g, 0x48, 0x63, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xffffffff85868788);
	assert_done(&g, 0x0f, 0xb6, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x88);
	assert_done(&g, 0x48, 0x0f, 0x38, 0xf0, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x8887868584838281);
	assert_done(&g, 0x66, 0x0f, 0x38, 0xf1, 0x03);
	assert_int_equal(g.device_wrote, 0x8182);
}

static void test_cmov_reads_the_device_even_when_it_does_not_move(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.c.regs[EMUL_RAX] = 0xffffffff00000005;
	assert_done(&g, 0x0f, 0x44, 0x03);
	assert_int_equal(g.device_reads, 1);
	assert_int_equal(g.c.regs[EMUL_RAX], 5);
}

static void test_xlat_looks_up_through_the_override(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_FS].base = 0x1000;
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RAX] = 0xabcdef07;
	guest_poke(&g, 0x1107, 0x5a, 1);
	assert_done(&g, 0x64, 0xd7);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xabcdef5a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arpl_is_undefined_where_selectors_have_no_privilege),
		cmocka_unit_test(test_a_read_only_operand_is_refused_before_it_is_read),
		cmocka_unit_test(test_cmpxchg16b_must_be_aligned),
		cmocka_unit_test(test_cmpxchg8b_and_16b_swap_or_load),
		cmocka_unit_test(test_cmpxchg8b_that_loses_a_race_loads_what_won),
		cmocka_unit_test(test_cmpxchg_that_loses_a_race_loads_what_won),
		cmocka_unit_test(test_short_inc_and_dec_exist_outside_64_bit_code),
		cmocka_unit_test(test_arpl_raises_the_privilege_level),
		cmocka_unit_test(test_moves_of_16_bit_code),
		cmocka_unit_test(test_absolute_moves_of_64_bit_code),
		cmocka_unit_test(test_a_device_read_extends_as_the_instruction_says),
		cmocka_unit_test(test_cmov_reads_the_device_even_when_it_does_not_move),
		cmocka_unit_test(test_xlat_looks_up_through_the_override),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
