// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic handlers outside 64-bit code, their faults, and bit tests beyond
 * the operand. test_emul_native compares the rest with the CPU.
 */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void test_division_errors_are_de(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_fault(&g, 0, false, 0xf7, 0xf1);		/* div ecx, 0 */
	g.c.regs[EMUL_RCX] = 1;
	g.c.regs[EMUL_RDX] = 1;
	assert_fault(&g, 0, false, 0x48, 0xf7, 0xf1);
	guest_reset(&g, 32);
	assert_fault(&g, 0, false, 0xd4, 0x00);		/* aam 0 */
}

static void test_bound_faults_outside_and_not_within(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x100, (u32)-5, 4);
	guest_poke(&g, 0x104, 10, 4);
	g.c.regs[EMUL_RAX] = 11;
	assert_fault(&g, 5, false, 0x62, 0x03);
	g.c.regs[EMUL_RAX] = (u32)-6;
	assert_fault(&g, 5, false, 0x62, 0x03);
	g.c.regs[EMUL_RAX] = (u32)-5;
	assert_done(&g, 0x62, 0x03);
	g.c.regs[EMUL_RAX] = 10;
	assert_done(&g, 0x62, 0x03);
}

/* BT looks, and so needs no write permission. */
static void test_bt_does_not_write(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_DS].attrib = 0x0c91;
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x100, 4, 4);
	assert_done(&g, 0x0f, 0xba, 0x23, 0x02);
	assert_true(g.c.rflags & EMUL_CF);
	assert_fault(&g, 13, true, 0x0f, 0xba, 0x2b, 0x02);
}

static void test_bit_numbers_in_registers_reach_beyond_the_operand(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RAX] = 77;
	assert_done(&g, 0x0f, 0xab, 0x03);	/* bts [rbx], eax */
	assert_int_equal(guest_peek(&g, 0x108, 4), 1 << 13);
	g.c.regs[EMUL_RAX] = (u32)-1;
	assert_done(&g, 0xf0, 0x0f, 0xab, 0x03);
	assert_int_equal(guest_peek(&g, 0xfc, 4), 0x80000000);
	assert_false(g.c.rflags & EMUL_CF);
	assert_done(&g, 0x0f, 0xbb, 0x03);	/* btc */
	assert_true(g.c.rflags & EMUL_CF);
	assert_int_equal(guest_peek(&g, 0xfc, 4), 0);
	/* an immediate does not */
	assert_done(&g, 0x0f, 0xba, 0x2b, 77);
	assert_int_equal(guest_peek(&g, 0x100, 4), 1 << 13);
	/* 16 bits: two bytes at a time */
	g.c.regs[EMUL_RAX] = 17;
	assert_done(&g, 0x66, 0x0f, 0xab, 0x03);
	assert_int_equal(guest_peek(&g, 0x102, 2), 2);
}

/* A bit number that carries the address out of a segment still wraps in it. */
static void test_bit_addresses_wrap_at_the_address_size(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.regs[EMUL_RBX] = 0x0002;
	g.c.regs[EMUL_RAX] = (u16)-32;
	assert_done(&g, 0x0f, 0xab, 0x07);
	assert_int_equal(guest_peek(&g, 0xfffe, 2), 1);
}

static void test_decimal_instructions_work_on_al_and_ah(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RAX] = 0x12340000 + 83;
	assert_done(&g, 0xd4, 0x0a);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12340803);
	assert_done(&g, 0xd5, 0x0a);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12340000 + 83);
	g.c.regs[EMUL_RAX] = 0x1234000e;
	assert_done(&g, 0x37);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12340104);
	assert_true(g.c.rflags & EMUL_CF);
	assert_done(&g, 0xd6);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x123401ff);
	assert_done(&g, 0xf8);
	assert_done(&g, 0xd6);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12340100);
}

static void test_flag_instructions_of_ah(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.rflags = 2 | EMUL_STATUS;
	assert_done(&g, 0x9f);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xd700);
	g.c.regs[EMUL_RAX] = 0;
	assert_done(&g, 0x9e);
	assert_int_equal(g.c.rflags, 2 | EMUL_OF);
}

static void test_shifts_and_products_of_device_registers(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.device = 0x80000003;
	assert_done(&g, 0xd1, 0x23);		/* shl dword [rbx], 1 */
	assert_int_equal(g.device_wrote, 6);
	assert_true(g.c.rflags & EMUL_CF);
	g.c.regs[EMUL_RAX] = 2;
	assert_done(&g, 0xf7, 0x23);		/* mul dword [rbx] */
	assert_int_equal(g.c.regs[EMUL_RAX], 6);
	assert_int_equal(g.c.regs[EMUL_RDX], 1);
	assert_done(&g, 0x6b, 0x0b, 0xff);	/* imul ecx, [rbx], -1 */
	assert_int_equal(g.c.regs[EMUL_RCX], 0x7ffffffd);
	assert_int_equal(RUN(&g, 0x0f, 0xb8, 0x03), EMUL_UNHANDLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_division_errors_are_de),
		cmocka_unit_test(test_bound_faults_outside_and_not_within),
		cmocka_unit_test(test_bt_does_not_write),
		cmocka_unit_test(test_bit_numbers_in_registers_reach_beyond_the_operand),
		cmocka_unit_test(test_bit_addresses_wrap_at_the_address_size),
		cmocka_unit_test(test_decimal_instructions_work_on_al_and_ah),
		cmocka_unit_test(test_flag_instructions_of_ah),
		cmocka_unit_test(test_shifts_and_products_of_device_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
