// SPDX-License-Identifier: GPL-2.0
/* String instructions and ports: permission, one iteration a call, restarts. */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void prepare(u64 rsi, u64 rdi, u64 rcx)
{
	guest_reset(&g, 64);
	g.c.regs[EMUL_RSI] = rsi;
	g.c.regs[EMUL_RDI] = rdi;
	g.c.regs[EMUL_RCX] = rcx;
	g.c.regs[EMUL_RDX] = 0x1f0;
}

/* ---- refusals ------------------------------------------------------------------- */

static void test_ports_are_refused_by_iopl_and_bitmap(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 1);
	g.c.cpl = 3;
	g.port_refused = true;
	assert_fault(&g, 13, true, 0xec);
	assert_fault(&g, 13, true, 0xee);
	assert_fault(&g, 13, true, 0x6c);
	assert_fault(&g, 13, true, 0x6e);
	assert_int_equal(g.accesses, 0);
	g.c.rflags |= EMUL_IOPL;		/* IOPL 3: nobody is asked */
	assert_done(&g, 0xec);
	guest_reset_real(&g);
	g.c.cr0 |= 1;				/* virtual-8086 code always asks */
	g.c.rflags |= EMUL_VM | EMUL_IOPL;
	g.c.cpl = 3;
	g.port_refused = true;
	assert_fault(&g, 13, true, 0xec);
}

/* A device register read for nothing may be lost for good. */
static void test_the_source_is_not_touched_when_the_destination_would_fault(void **state)
{
	(void)state;
	prepare(GUEST_DEVICE, 0x20000, 4);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_FAULT);
	assert_int_equal(g.c.fault.cr2, 0x20000);
	assert_int_equal(g.device_reads, 0);
	assert_int_equal(RUN(&g, 0xf3, 0x6c), EMUL_FAULT);
	assert_int_equal(g.port_len, 0);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.c.regs[EMUL_RSP] = 0x20008;
	assert_int_equal(RUN(&g, 0xff, 0x33), EMUL_FAULT);	/* push [rbx] */
	assert_int_equal(RUN(&g, 0xff, 0x13), EMUL_FAULT);	/* call [rbx] */
	assert_int_equal(g.device_reads, 0);
}

static void test_the_destination_segment_cannot_be_overridden(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_ES].base = 0x1000;
	g.c.seg[EMUL_FS].base = 0x2000;
	g.c.regs[EMUL_RSI] = 0x10;
	g.c.regs[EMUL_RDI] = 0x20;
	guest_poke(&g, 0x2010, 0x99, 1);
	assert_done(&g, 0x64, 0xa4);
	assert_int_equal(guest_peek(&g, 0x1020, 1), 0x99);
}

/* ---- repetition -------------------------------------------------------------------- */

static void test_a_count_of_zero_does_nothing(void **state)
{
	static const u8 ops[] = { 0xa4, 0xa6, 0xaa, 0xac, 0xae, 0x6c, 0x6e };
	unsigned int k;
	u8 bytes[2] = { 0xf3 };

	(void)state;
	for (k = 0; k < sizeof(ops); k++) {
		prepare(0x100, 0x200, 0);
		bytes[1] = ops[k];
		assert_int_equal(guest_run(&g, bytes, 2), EMUL_OKAY);
		assert_int_equal(g.accesses, 0);
		assert_int_equal(g.c.rip, GUEST_CODE + 2);
		assert_int_equal(g.c.regs[EMUL_RSI], 0x100);
		assert_int_equal(g.c.rflags, 2);
	}
}

static void test_rep_does_one_iteration_a_call(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 3);
	memcpy(g.ram + 0x100, "abc", 3);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(g.c.regs[EMUL_RCX], 2);
	assert_int_equal(g.c.regs[EMUL_RSI], 0x101);
	assert_int_equal(g.ram[0x201], 0);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_OKAY);
	assert_memory_equal(g.ram + 0x200, "abc", 3);
	assert_int_equal(g.c.regs[EMUL_RCX], 0);
	assert_int_equal(g.c.rip, GUEST_CODE + 2);
}

/* A breakpoint on it fires once, not before each iteration. */
static void test_rf_is_set_until_rep_ends(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 2);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(g.c.rflags, 0x10002);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_OKAY);
	assert_int_equal(g.c.rflags, 2);
}

static void test_a_fault_midway_keeps_the_finished_iterations(void **state)
{
	(void)state;
	prepare(0xfffe, 0x200, 4);	/* memory ends at 10000h */
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(RUN(&g, 0xf3, 0xa4), EMUL_FAULT);
	assert_int_equal(g.c.fault.cr2, 0x10000);
	assert_int_equal(g.c.regs[EMUL_RCX], 2);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x202);
	assert_int_equal(g.c.rip, GUEST_CODE);
}

static void test_df_goes_down_by_the_operand_size(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 0);
	g.c.rflags |= EMUL_DF;
	assert_done(&g, 0x48, 0xa5);
	assert_int_equal(g.c.regs[EMUL_RSI], 0xf8);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x1f8);
	assert_done(&g, 0x66, 0xab);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x1f6);
}

static void test_indexes_and_count_have_the_address_size(void **state)
{
	(void)state;
	prepare(0xdead000000000100, 0xbeef000000000200, 0xcafe000000000002);
	assert_int_equal(RUN(&g, 0x67, 0xf3, 0xa4), EMUL_REP);
	assert_int_equal(g.c.regs[EMUL_RSI], 0x101);
	assert_int_equal(g.c.regs[EMUL_RCX], 1);
	guest_reset_real(&g);
	g.c.regs[EMUL_RDI] = 0x7777ffff;
	g.c.regs[EMUL_RCX] = 0x12340001;
	assert_int_equal(RUN(&g, 0xf3, 0xaa), EMUL_OKAY);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x77770000);
	assert_int_equal(g.c.regs[EMUL_RCX], 0x12340000);
}

static unsigned int repeat(const u8 *bytes)
{
	unsigned int n = 1;

	while (guest_run(&g, bytes, 2) == EMUL_REP)
		n++;
	return n;
}

static void test_comparisons_stop_at_the_first_decision(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 9);
	memcpy(g.ram + 0x100, "abcX", 4);
	memcpy(g.ram + 0x200, "abcY", 4);
	assert_int_equal(repeat((u8[]){ 0xf3, 0xa6 }), 4);
	assert_int_equal(g.c.regs[EMUL_RCX], 5);
	assert_true(g.c.rflags & EMUL_CF);
	prepare(0x100, 0x200, 9);
	memcpy(g.ram + 0x200, "abcX", 4);
	g.c.regs[EMUL_RAX] = 'c';
	assert_int_equal(repeat((u8[]){ 0xf2, 0xae }), 3);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x203);
	assert_true(g.c.rflags & EMUL_ZF);
}

/* ---- ports ---------------------------------------------------------------------------- */

static void test_in_merges_by_size_and_out_sends_the_low_part(void **state)
{
	(void)state;
	prepare(0, 0, 0);
	g.c.regs[EMUL_RAX] = 0x1122334455667788;
	g.port_in = 0xa1b2c3d4;
	assert_done(&g, 0xe4, 0x70);
	assert_int_equal(g.port, 0x70);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x11223344556677d4);
	assert_done(&g, 0x66, 0xed);
	assert_int_equal(g.port, 0x1f0);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x112233445566c3d4);
	assert_done(&g, 0xef);
	assert_int_equal(g.port_out, 0x5566c3d4);
	assert_done(&g, 0x48, 0xed);		/* no 64-bit ports */
	assert_int_equal(g.port_len, 4);
	assert_int_equal(g.c.regs[EMUL_RAX], 0xa1b2c3d4);
	assert_done(&g, 0xe6, 0x80);
	assert_int_equal(g.port, 0x80);
	assert_int_equal(g.port_len, 1);
}

static void test_ins_and_outs_move_memory(void **state)
{
	(void)state;
	prepare(0x100, 0x200, 2);
	g.port_in = 0xa1b2c3d4;
	guest_poke(&g, 0x100, 0x12345678, 4);
	assert_int_equal(RUN(&g, 0xf3, 0x6d), EMUL_REP);
	assert_int_equal(guest_peek(&g, 0x200, 4), 0xa1b2c3d4);
	assert_int_equal(g.c.regs[EMUL_RDI], 0x204);
	assert_int_equal(RUN(&g, 0x66, 0x6f), EMUL_OKAY);
	assert_int_equal(g.port_out, 0x5678);
	assert_int_equal(g.c.regs[EMUL_RSI], 0x102);
}

/* A port may answer for as many elements as the page takes. */
static void test_ins_says_how_many_elements_it_could_take(void **state)
{
	(void)state;
	prepare(0x100, 0x1ff8, 100);
	assert_int_equal(RUN(&g, 0xf3, 0x6d), EMUL_REP);	/* 4 bytes each */
	assert_int_equal(g.c.ahead, 2);
	prepare(0x100, 0x1000, 3);
	assert_int_equal(RUN(&g, 0xf3, 0x6c), EMUL_REP);
	assert_int_equal(g.c.ahead, 3);
	prepare(0x100, 0x1ffe, 100);		/* the first crosses */
	assert_int_equal(RUN(&g, 0xf3, 0x6d), EMUL_REP);
	assert_int_equal(g.c.ahead, 1);
	prepare(0x100, 0x1000, 3);
	g.c.rflags |= EMUL_DF;
	assert_int_equal(RUN(&g, 0xf3, 0x6c), EMUL_REP);
	assert_int_equal(g.c.ahead, 1);
	prepare(0x100, 0x1000, 3);
	assert_int_equal(RUN(&g, 0x6c), EMUL_OKAY);
	assert_int_equal(g.c.ahead, 1);
	assert_int_equal(RUN(&g, 0xec), EMUL_OKAY);
	assert_int_equal(g.c.ahead, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports_are_refused_by_iopl_and_bitmap),
		cmocka_unit_test(test_the_source_is_not_touched_when_the_destination_would_fault),
		cmocka_unit_test(test_the_destination_segment_cannot_be_overridden),
		cmocka_unit_test(test_a_count_of_zero_does_nothing),
		cmocka_unit_test(test_rep_does_one_iteration_a_call),
		cmocka_unit_test(test_rf_is_set_until_rep_ends),
		cmocka_unit_test(test_a_fault_midway_keeps_the_finished_iterations),
		cmocka_unit_test(test_df_goes_down_by_the_operand_size),
		cmocka_unit_test(test_indexes_and_count_have_the_address_size),
		cmocka_unit_test(test_comparisons_stop_at_the_first_decision),
		cmocka_unit_test(test_in_merges_by_size_and_out_sends_the_low_part),
		cmocka_unit_test(test_ins_and_outs_move_memory),
		cmocka_unit_test(test_ins_says_how_many_elements_it_could_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
