// SPDX-License-Identifier: GPL-2.0
/* The emulator's door: refusals, LOCK, lengths, code size, rip. */
#include "tests/unit/emul_guest.h"

static struct guest g;

/* ---- refusals --------------------------------------------------------------- */

static void test_unknown_instructions_are_left_to_the_caller(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_int_equal(RUN(&g, 0x0f, 0x04), EMUL_UNHANDLED);
	assert_int_equal(g.c.length, 0);
}

/* Fewer bytes than the instruction has: nothing is executed. */
static void test_a_cut_instruction_has_length_0(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_int_equal(RUN(&g, 0x48, 0x8b), EMUL_UNHANDLED);
	assert_int_equal(g.c.length, 0);
}

static void test_lengths_are_given_for_what_is_not_executed(void **state)
{
	static const struct {
		u8 length, bytes[4];
	} rows[] = {
		{ 1, { 0xf4 } }, { 2, { 0x0f, 0xa2 } }, { 2, { 0x0f, 0x32 } },
		{ 2, { 0x0f, 0x30 } }, { 2, { 0x0f, 0x31 } }, { 2, { 0xcd, 0x80 } },
		{ 3, { 0x0f, 0x01, 0xd9 } }, { 3, { 0x0f, 0x01, 0x18 } },
		{ 2, { 0x0f, 0x09 } }, { 2, { 0xd9, 0x00 } }, { 1, { 0xcf } },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		guest_reset(&g, 64);
		assert_int_equal(guest_run(&g, rows[k].bytes, 4), EMUL_UNHANDLED);
		assert_int_equal(g.c.length, rows[k].length);
		assert_int_equal(emul_insn_length(&g.c), rows[k].length);
	}
}

static void test_surely_undefined_opcodes_are_ud(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_fault(&g, 6, false, 0x0f, 0x0b);		/* ud2 */
	assert_fault(&g, 6, false, 0x0f, 0xb9, 0xc0);	/* ud1 */
	assert_fault(&g, 6, false, 0x06);		/* push es */
	assert_fault(&g, 6, false, 0xff, 0xf8);		/* ff /7 */
	assert_fault(&g, 6, false, 0xfe, 0xd0);		/* fe /2 */
	assert_fault(&g, 6, false, 0x8d, 0xc0);		/* lea with a register */
	assert_fault(&g, 6, false, 0x0f, 0xc7, 0xc8);	/* cmpxchg8b with one */
}

static void test_lock_is_undefined_unless_memory_is_changed(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_fault(&g, 6, false, 0xf0, 0x01, 0xc0);		/* add eax, eax */
	assert_fault(&g, 6, false, 0xf0, 0x03, 0x03);		/* add eax, [rbx] */
	assert_fault(&g, 6, false, 0xf0, 0x39, 0x03);		/* cmp [rbx], eax */
	assert_fault(&g, 6, false, 0xf0, 0x83, 0x3b, 1);	/* cmp [rbx], 1 */
	assert_fault(&g, 6, false, 0xf0, 0x89, 0x03);		/* mov [rbx], eax */
	assert_fault(&g, 6, false, 0xf0, 0x0f, 0xa3, 0x03);	/* bt [rbx], eax */
	assert_fault(&g, 6, false, 0xf0, 0x0f, 0xba, 0x23, 1);	/* bt [rbx], 1 */
	assert_fault(&g, 6, false, 0xf0, 0xf7, 0x23);		/* mul [rbx] */
	assert_fault(&g, 6, false, 0xf0, 0x90);
	g.c.regs[EMUL_RBX] = 0x100;
	assert_done(&g, 0xf0, 0x01, 0x03);
	assert_done(&g, 0xf0, 0x0f, 0xba, 0x2b, 1);
	assert_done(&g, 0xf0, 0xf7, 0x13);
}

static void test_sixteen_bytes_are_a_general_protection_fault(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_fault(&g, 13, true, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		     0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66);
}

static void test_vex_is_undefined_in_real_mode(void **state)
{
	(void)state;
	guest_reset_real(&g);
	assert_fault(&g, 6, false, 0xc5, 0xf8, 0x10, 0xc1);
}

/* Without the callback there is nothing to execute the access with. */
static void test_a_missing_callback_is_unhandled(void **state)
{
	static const struct emul_ops none;

	(void)state;
	guest_reset(&g, 64);
	g.c.ops = &none;
	assert_int_equal(RUN(&g, 0x8b, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x89, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0xf0, 0x01, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0xf0, 0x0f, 0xc7, 0x0b), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0xec), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x20, 0xc0), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x22, 0xc0), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x21, 0xc0), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x23, 0xc0), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x01, 0x3b), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x10, 0x03), EMUL_UNHANDLED);
	g.c.cpl = 3;
	assert_int_equal(RUN(&g, 0xec), EMUL_UNHANDLED);
}

/* ---- code size, rip ------------------------------------------------------------- */

static void test_code_bits_come_from_lma_and_cs(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	assert_int_equal(emul_code_bits(&g.c), 64);
	g.c.efer = 0x100;	/* LME without LMA */
	assert_int_equal(emul_code_bits(&g.c), 16);
	g.c.efer = 0x500;
	g.c.seg[EMUL_CS].attrib = CS32;
	assert_int_equal(emul_code_bits(&g.c), 32);
	g.c.seg[EMUL_CS].attrib = CS16;
	assert_int_equal(emul_code_bits(&g.c), 16);
	guest_reset(&g, 32);
	g.c.rflags |= EMUL_VM;
	assert_int_equal(emul_code_bits(&g.c), 16);
}

static void test_rip_advances_and_wraps_at_4_gb_below_64_bit(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.rip = 0xfffffffe;
	assert_done(&g, 0x89, 0xc0);
	assert_int_equal(g.c.rip, 0x100000000);
	guest_reset(&g, 32);
	g.c.rip = 0xfffffffe;
	assert_done(&g, 0x89, 0xc0);
	assert_int_equal(g.c.rip, 0);
}

static void test_a_completed_instruction_clears_rf(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.rflags |= EMUL_RF;
	assert_fault(&g, 6, false, 0x0f, 0x0b);
	assert_true(g.c.rflags & EMUL_RF);
	assert_done(&g, 0x90);
	assert_false(g.c.rflags & EMUL_RF);
}

/* ---- restart: every access of these may fail, and then be made again ------------- */

static const struct {
	u8 bits, n, bytes[8];
} restartable[] = {
	{ 64, 3, { 0x48, 0x01, 0x03 } },	/* add [rbx], rax */
	{ 64, 4, { 0xf0, 0x48, 0x01, 0x03 } },
	{ 64, 3, { 0x48, 0x87, 0x03 } },	/* xchg */
	{ 64, 2, { 0xff, 0x33 } },		/* push [rbx] */
	{ 64, 2, { 0x8f, 0x03 } },		/* pop [rbx] */
	{ 64, 2, { 0xff, 0x13 } },		/* call [rbx] */
	{ 64, 4, { 0xc8, 0x20, 0x00, 0x04 } },	/* enter 20h, 4 */
	{ 32, 1, { 0x60 } }, { 32, 1, { 0x61 } },	/* pusha, popa */
	{ 64, 2, { 0xf3, 0xa4 } },		/* rep movsb */
	{ 64, 2, { 0xf3, 0xa6 } },		/* repe cmpsb */
	{ 64, 2, { 0xf3, 0x6c } },		/* rep insb */
	{ 64, 2, { 0xf3, 0x6e } },		/* rep outsb */
	{ 64, 4, { 0xf0, 0x0f, 0xc7, 0x0b } },	/* lock cmpxchg8b [rbx] */
	{ 64, 4, { 0xc5, 0xfc, 0x10, 0x03 } },	/* vmovups ymm0, [rbx] */
};

static void prepare(unsigned int k)
{
	guest_reset(&g, restartable[k].bits);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RBP] = 0x7000;
	g.c.regs[EMUL_RSI] = 0x200;
	g.c.regs[EMUL_RDI] = 0x300;
	g.c.regs[EMUL_RCX] = 3;
	g.port_in = 0x5a;
}

static void test_any_failed_access_leaves_the_state_for_a_restart(void **state)
{
	static const struct {
		enum emul_access_result with;
		enum emul_verdict verdict;
	} ways[] = {
		{ EMUL_ACC_FAULT, EMUL_FAULT }, { EMUL_ACC_EXIT, EMUL_EXIT },
		{ EMUL_ACC_RETRY, EMUL_RETRY },
	};
	unsigned int k, at, w, accesses;
	struct emul_ctxt straight;
	enum emul_verdict v;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(restartable); k++) {
		prepare(k);
		v = guest_run(&g, restartable[k].bytes, restartable[k].n);
		assert_true(v == EMUL_OKAY || v == EMUL_REP);
		straight = g.c;
		accesses = g.accesses;
		assert_true(accesses > 0);
		for (at = 1; at <= accesses; at++)
			for (w = 0; w < ARRAY_SIZE(ways); w++) {
				prepare(k);
				g.fail_at = at;
				g.fail_with = ways[w].with;
				assert_int_equal(guest_run(&g, restartable[k].bytes,
							   restartable[k].n),
						 ways[w].verdict);
				g.fail_at = 0;
				assert_int_equal(guest_run(&g, restartable[k].bytes,
							   restartable[k].n), v);
				assert_memory_equal(g.c.regs, straight.regs,
						    sizeof(straight.regs));
				assert_int_equal(g.c.rip, straight.rip);
				assert_int_equal(g.c.rflags, straight.rflags);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_instructions_are_left_to_the_caller),
		cmocka_unit_test(test_a_cut_instruction_has_length_0),
		cmocka_unit_test(test_lengths_are_given_for_what_is_not_executed),
		cmocka_unit_test(test_surely_undefined_opcodes_are_ud),
		cmocka_unit_test(test_lock_is_undefined_unless_memory_is_changed),
		cmocka_unit_test(test_sixteen_bytes_are_a_general_protection_fault),
		cmocka_unit_test(test_vex_is_undefined_in_real_mode),
		cmocka_unit_test(test_a_missing_callback_is_unhandled),
		cmocka_unit_test(test_code_bits_come_from_lma_and_cs),
		cmocka_unit_test(test_rip_advances_and_wraps_at_4_gb_below_64_bit),
		cmocka_unit_test(test_a_completed_instruction_clears_rf),
		cmocka_unit_test(test_any_failed_access_leaves_the_state_for_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
