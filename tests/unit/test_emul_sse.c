// SPDX-License-Identifier: GPL-2.0
/* SSE and AVX moves: enabling, alignment, merging, stores. */
#include "tests/unit/emul_guest.h"

static struct guest g;

static void prepare(void)
{
	unsigned int n;

	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x100;
	for (n = 0; n < 64; n++)
		g.ram[0x100 + n] = n + 1;
	for (n = 0; n < 16; n++) {
		g.xmm[n] = (struct emul_xmm) { 0x1111111111111110 + n,
					       0x2222222222222220 + n };
		g.ymm_high[n] = (struct emul_xmm) { 0x3333333333333330 + n,
						    0x4444444444444440 + n };
	}
}

#define LOW	0x0807060504030201ULL
#define HIGH	0x100f0e0d0c0b0a09ULL
#define LOW2	0x1817161514131211ULL
#define HIGH2	0x201f1e1d1c1b1a19ULL

static void expect(unsigned int n, u64 lo, u64 hi, u64 ylo, u64 yhi)
{
	assert_int_equal(g.xmm[n].lo, lo);
	assert_int_equal(g.xmm[n].hi, hi);
	assert_int_equal(g.ymm_high[n].lo, ylo);
	assert_int_equal(g.ymm_high[n].hi, yhi);
}

/* ---- refusals ----------------------------------------------------------------- */

static void test_sse_must_be_enabled(void **state)
{
	(void)state;
	prepare();
	g.c.cr4 &= ~BIT(9);
	assert_fault(&g, 6, false, 0x0f, 0x10, 0x03);
	prepare();
	g.c.cr0 |= BIT(2);
	assert_fault(&g, 6, false, 0x0f, 0x10, 0x03);
	prepare();
	g.c.cr0 |= BIT(3);
	assert_fault(&g, 7, false, 0x0f, 0x10, 0x03);
	assert_int_equal(g.accesses, 0);
}

static void test_avx_must_be_enabled(void **state)
{
	(void)state;
	prepare();
	g.c.cr4 &= ~BIT(18);
	assert_fault(&g, 6, false, 0xc5, 0xfc, 0x10, 0x03);
	prepare();
	g.c.xcr0 = 3;
	assert_fault(&g, 6, false, 0xc5, 0xfc, 0x10, 0x03);
	prepare();
	g.c.cr0 |= BIT(3);
	assert_fault(&g, 7, false, 0xc5, 0xfc, 0x10, 0x03);
}

static void test_aligned_moves_fault_when_they_are_not(void **state)
{
	(void)state;
	prepare();
	g.c.regs[EMUL_RBX] = 0x108;
	assert_fault(&g, 13, true, 0x0f, 0x28, 0x03);		/* movaps */
	assert_fault(&g, 13, true, 0x0f, 0x29, 0x03);
	assert_fault(&g, 13, true, 0x66, 0x0f, 0x6f, 0x03);	/* movdqa */
	assert_fault(&g, 13, true, 0x0f, 0x2b, 0x03);		/* movntps */
	assert_fault(&g, 13, true, 0x66, 0x0f, 0xe7, 0x03);	/* movntdq */
	assert_fault(&g, 13, true, 0x66, 0x0f, 0x38, 0x2a, 0x03);
	assert_done(&g, 0x0f, 0x10, 0x03);
	g.c.regs[EMUL_RBX] = 0x110;
	assert_fault(&g, 13, true, 0xc5, 0xfc, 0x28, 0x03);	/* 32 bytes */
	assert_done(&g, 0xc5, 0xf8, 0x28, 0x03);
}

static void test_a_vex_operand_that_is_not_used_must_be_absent(void **state)
{
	(void)state;
	prepare();
	assert_fault(&g, 6, false, 0xc5, 0xe8, 0x10, 0x03);
	assert_fault(&g, 6, false, 0xc5, 0xe9, 0x6e, 0xc0);
	assert_fault(&g, 6, false, 0xc5, 0xea, 0x10, 0x03);	/* vmovss from memory */
	assert_fault(&g, 6, false, 0xc5, 0xfc, 0x12, 0x03);	/* L of vmovlps */
}

static void test_mmx_and_arithmetic_are_left_to_the_caller(void **state)
{
	(void)state;
	prepare();
	assert_int_equal(RUN(&g, 0x0f, 0x6f, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x7e, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0xe7, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0x0f, 0x58, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0xf3, 0x0f, 0x12, 0x03), EMUL_UNHANDLED);
	assert_int_equal(RUN(&g, 0xf3, 0x0f, 0x28, 0x03), EMUL_UNHANDLED);
}

/* ---- loads ---------------------------------------------------------------------- */

static void test_legacy_loads_keep_the_upper_half_of_ymm(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0x0f, 0x10, 0x0b);		/* movups xmm1 */
	expect(1, LOW, HIGH, 0x3333333333333331, 0x4444444444444441);
	assert_done(&g, 0xf3, 0x44, 0x0f, 0x6f, 0x0b);	/* movdqu xmm9 */
	expect(9, LOW, HIGH, 0x3333333333333339, 0x4444444444444449);
	assert_done(&g, 0xf2, 0x0f, 0xf0, 0x13);	/* lddqu xmm2 */
	expect(2, LOW, HIGH, 0x3333333333333332, 0x4444444444444442);
}

static void test_vex_loads_clear_or_fill_it(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0xc5, 0xf8, 0x10, 0x0b);
	expect(1, LOW, HIGH, 0, 0);
	assert_done(&g, 0xc5, 0x7e, 0x6f, 0x0b);	/* vmovdqu ymm9 */
	expect(9, LOW, HIGH, LOW2, HIGH2);
}

static void test_scalar_loads_clear_the_rest(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0xf3, 0x0f, 0x10, 0x0b);	/* movss */
	expect(1, 0x04030201, 0, 0x3333333333333331, 0x4444444444444441);
	assert_done(&g, 0xf2, 0x0f, 0x10, 0x13);	/* movsd */
	expect(2, LOW, 0, 0x3333333333333332, 0x4444444444444442);
	assert_done(&g, 0xc5, 0xfa, 0x10, 0x1b);	/* vmovss */
	expect(3, 0x04030201, 0, 0, 0);
	assert_done(&g, 0xf3, 0x0f, 0x7e, 0x23);	/* movq */
	expect(4, LOW, 0, 0x3333333333333334, 0x4444444444444444);
	assert_done(&g, 0x66, 0x0f, 0x6e, 0x2b);	/* movd */
	expect(5, 0x04030201, 0, 0x3333333333333335, 0x4444444444444445);
	assert_done(&g, 0x66, 0x48, 0x0f, 0x6e, 0xf3);	/* movq xmm6, rbx */
	expect(6, 0x100, 0, 0x3333333333333336, 0x4444444444444446);
}

static void test_half_loads_keep_the_other_half(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0x0f, 0x12, 0x0b);		/* movlps */
	expect(1, LOW, 0x2222222222222221, 0x3333333333333331, 0x4444444444444441);
	assert_done(&g, 0x66, 0x0f, 0x16, 0x13);	/* movhpd */
	expect(2, 0x1111111111111112, LOW, 0x3333333333333332, 0x4444444444444442);
	assert_done(&g, 0xc5, 0xe8, 0x16, 0x1b);	/* vmovhps xmm3, xmm2, m */
	expect(3, 0x1111111111111112, LOW, 0, 0);
	assert_done(&g, 0x0f, 0x12, 0xe5);		/* movhlps xmm4, xmm5 */
	expect(4, 0x2222222222222225, 0x2222222222222224, 0x3333333333333334,
	       0x4444444444444444);
	assert_done(&g, 0x0f, 0x16, 0xf7);		/* movlhps xmm6, xmm7 */
	expect(6, 0x1111111111111116, 0x1111111111111117, 0x3333333333333336,
	       0x4444444444444446);
}

/* ---- stores ---------------------------------------------------------------------- */

static void test_stores_write_as_much_as_they_say(void **state)
{
	static const struct {
		u8 len, n, bytes[5];
	} rows[] = {
		{ 16, 3, { 0x0f, 0x11, 0x0b } }, { 16, 3, { 0x0f, 0x29, 0x0b } },
		{ 4, 4, { 0xf3, 0x0f, 0x11, 0x0b } }, { 8, 4, { 0xf2, 0x0f, 0x11, 0x0b } },
		{ 16, 4, { 0x66, 0x0f, 0x7f, 0x0b } }, { 16, 4, { 0x66, 0x0f, 0xe7, 0x0b } },
		{ 16, 3, { 0x0f, 0x2b, 0x0b } }, { 4, 4, { 0xf3, 0x0f, 0x2b, 0x0b } },
		{ 8, 3, { 0x0f, 0x13, 0x0b } }, { 8, 4, { 0x66, 0x0f, 0xd6, 0x0b } },
		{ 4, 4, { 0x66, 0x0f, 0x7e, 0x0b } },
		{ 8, 5, { 0x66, 0x48, 0x0f, 0x7e, 0x0b } },
		{ 32, 4, { 0xc5, 0xfc, 0x11, 0x0b } }, { 32, 4, { 0xc5, 0xfd, 0x7f, 0x0b } },
		{ 32, 4, { 0xc5, 0xfd, 0xe7, 0x0b } }, { 16, 4, { 0xc5, 0xf8, 0x11, 0x0b } },
		{ 4, 4, { 0xc5, 0xfa, 0x11, 0x0b } },
	};
	u64 whole[4];
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		prepare();
		memset(g.ram + 0x100, 0xee, 64);
		assert_int_equal(guest_run(&g, rows[k].bytes, rows[k].n), EMUL_OKAY);
		assert_int_equal(g.c.length, rows[k].n);
		memcpy(whole, &g.xmm[1], 16);
		memcpy(whole + 2, &g.ymm_high[1], 16);
		assert_memory_equal(g.ram + 0x100, whole, rows[k].len);
		assert_int_equal(g.ram[0x100 + rows[k].len], 0xee);
	}
}

static void test_movhps_stores_the_upper_half(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0x0f, 0x17, 0x0b);
	assert_int_equal(guest_peek(&g, 0x100, 8), 0x2222222222222221);
	assert_int_equal(g.ram[0x108], 9);
}

/* ---- registers ------------------------------------------------------------------- */

static void test_moves_between_registers(void **state)
{
	(void)state;
	prepare();
	assert_done(&g, 0x0f, 0x28, 0xca);		/* movaps xmm1, xmm2 */
	expect(1, 0x1111111111111112, 0x2222222222222222, 0x3333333333333331,
	       0x4444444444444441);
	assert_done(&g, 0xf3, 0x0f, 0x10, 0xdc);	/* movss xmm3, xmm4 */
	expect(3, 0x1111111111111114, 0x2222222222222223, 0x3333333333333333,
	       0x4444444444444443);
	assert_done(&g, 0xc5, 0xd3, 0x10, 0xf7);	/* vmovsd xmm6, xmm5, xmm7 */
	expect(6, 0x1111111111111117, 0x2222222222222225, 0, 0);
	assert_done(&g, 0xc5, 0x7c, 0x29, 0xc1);	/* vmovaps ymm1, ymm8 */
	expect(1, 0x1111111111111118, 0x2222222222222228, 0x3333333333333338,
	       0x4444444444444448);
	assert_done(&g, 0x66, 0x0f, 0xd6, 0xca);	/* movq xmm2, xmm1 */
	expect(2, 0x1111111111111118, 0, 0x3333333333333332, 0x4444444444444442);
	assert_done(&g, 0x66, 0x48, 0x0f, 0x7e, 0xc8);	/* movq rax, xmm1 */
	assert_int_equal(g.c.regs[EMUL_RAX], 0x1111111111111118);
}

/* Whatever a VEX move writes, all of the register above is cleared. */
static void test_only_vex_moves_clear_what_zmm_registers_have_more(void **state)
{
	static const struct { bool clears; u8 bytes[5]; } rows[] = {
		{ false, { 0x0f, 0x10, 0x0b } },		/* movups xmm1, m */
		{ false, { 0x66, 0x0f, 0x6e, 0xcb } },		/* movd xmm1, ebx */
		{ false, { 0x0f, 0x28, 0xca } },		/* movaps xmm1, xmm2 */
		{ true, { 0xc5, 0xf8, 0x10, 0x0b } },		/* vmovups xmm1, m */
		{ true, { 0xc5, 0xfc, 0x10, 0x0b } },		/* ymm1, m */
		{ true, { 0xc5, 0xfc, 0x28, 0xca } },		/* vmovaps ymm1, ymm2 */
		{ true, { 0xc5, 0xfa, 0x10, 0x0b } },		/* vmovss xmm1, m */
		{ true, { 0xc5, 0xe8, 0x16, 0x0b } },		/* vmovhps xmm1, xmm2, m */
		{ true, { 0xc5, 0xf9, 0x6e, 0xcb } },		/* vmovd xmm1, ebx */
	};
	unsigned int k, n;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		prepare();
		for (n = 0; n < 16; n++)
			g.zmm_high[n] = n + 1;
		assert_int_equal(guest_run(&g, rows[k].bytes, 5), EMUL_OKAY);
		for (n = 0; n < 16; n++)
			assert_int_equal(g.zmm_high[n], n == 1 && rows[k].clears ? 0 : n + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sse_must_be_enabled),
		cmocka_unit_test(test_avx_must_be_enabled),
		cmocka_unit_test(test_aligned_moves_fault_when_they_are_not),
		cmocka_unit_test(test_a_vex_operand_that_is_not_used_must_be_absent),
		cmocka_unit_test(test_mmx_and_arithmetic_are_left_to_the_caller),
		cmocka_unit_test(test_legacy_loads_keep_the_upper_half_of_ymm),
		cmocka_unit_test(test_vex_loads_clear_or_fill_it),
		cmocka_unit_test(test_scalar_loads_clear_the_rest),
		cmocka_unit_test(test_half_loads_keep_the_other_half),
		cmocka_unit_test(test_stores_write_as_much_as_they_say),
		cmocka_unit_test(test_movhps_stores_the_upper_half),
		cmocka_unit_test(test_moves_between_registers),
		cmocka_unit_test(test_only_vex_moves_clear_what_zmm_registers_have_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
