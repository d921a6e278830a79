// SPDX-License-Identifier: GPL-2.0
/* The decoder: refusals, prefixes, addressing forms, immediates. */
#include "tests/unit/check.h"
#include "kvm-core/emul.h"
#include "kvm-core/insn.h"

static struct insn in;

#define DECODE(bits, ...) \
	insn_decode(&in, (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }), bits)

/* ---- refusals --------------------------------------------------------------- */

static void test_missing_bytes_are_asked_for(void **state)
{
	static const u8 whole[] = { 0x66, 0x48, 0x81, 0x84, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned int n;

	(void)state;
	for (n = 0; n < sizeof(whole); n++)
		assert_int_equal(insn_decode(&in, whole, n, 64), INSN_SHORT);
	assert_int_equal(insn_decode(&in, whole, n, 64), INSN_OKAY);
	assert_int_equal(in.length, sizeof(whole));
}

/* The first byte of these may begin an older instruction: look first. */
static void test_one_byte_of_vex_xop_evex_is_not_enough(void **state)
{
	static const u8 first[] = { 0xc4, 0xc5, 0x62, 0x8f };
	unsigned int k;

	(void)state;
	for (k = 0; k < sizeof(first); k++) {
		assert_int_equal(insn_decode(&in, &first[k], 1, 64), INSN_SHORT);
		assert_int_equal(insn_decode(&in, &first[k], 1, 32), INSN_SHORT);
	}
}

static void test_more_than_fifteen_bytes_are_too_long(void **state)
{
	u8 bytes[15];

	(void)state;
	memset(bytes, 0x66, sizeof(bytes));
	assert_int_equal(insn_decode(&in, bytes, 15, 64), INSN_LONG);
	bytes[13] = 0x8b;
	bytes[14] = 0x43;	/* one byte of displacement is missing */
	assert_int_equal(insn_decode(&in, bytes, 15, 64), INSN_LONG);
	bytes[12] = 0x8b;
	bytes[13] = 0x43;
	assert_int_equal(insn_decode(&in, bytes, 15, 64), INSN_OKAY);
	assert_int_equal(in.length, 15);
}

static void test_opcodes_that_64_bit_code_lost_are_undefined(void **state)
{
	static const u8 lost[] = {
		0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
		0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea,
	};
	u8 bytes[15] = { 0 };
	unsigned int k;

	(void)state;
	for (k = 0; k < sizeof(lost); k++) {
		bytes[0] = lost[k];
		assert_int_equal(insn_decode(&in, bytes, 15, 64), INSN_UNDEFINED);
		assert_int_equal(insn_decode(&in, bytes, 15, 32), INSN_OKAY);
	}
}

static void test_vex_after_a_size_rep_or_rex_prefix_is_undefined(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x66, 0xc5, 0xf8, 0x10, 0x00), INSN_UNDEFINED);
	assert_int_equal(DECODE(64, 0xf3, 0xc5, 0xf8, 0x10, 0x00), INSN_UNDEFINED);
	assert_int_equal(DECODE(64, 0xf0, 0xc5, 0xf8, 0x10, 0x00), INSN_UNDEFINED);
	assert_int_equal(DECODE(64, 0x48, 0xc5, 0xf8, 0x10, 0x00), INSN_UNDEFINED);
	assert_int_equal(DECODE(64, 0x65, 0xc5, 0xf8, 0x10, 0x00), INSN_OKAY);
}

static void test_open_slots_are_unknown_not_undefined(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x0f, 0x04), INSN_UNKNOWN);
	assert_int_equal(DECODE(64, 0x0f, 0x7a, 0xc0), INSN_UNKNOWN);
	assert_int_equal(DECODE(64, 0x62, 0xf4, 0x7c, 0x48, 0x10, 0x07), INSN_UNKNOWN);
	assert_int_equal(DECODE(64, 0x8f, 0xeb, 0x78, 0x10, 0xc0), INSN_UNKNOWN);
	assert_int_equal(DECODE(64, 0xc5, 0xf8, 0xa2), INSN_UNKNOWN);
}

/* ---- prefixes -------------------------------------------------------------- */

static void test_rex_counts_only_right_before_the_opcode(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x48, 0x66, 0x8b, 0xc1), INSN_OKAY);
	assert_int_equal(in.opsize, 2);
	assert_int_equal(in.rex, 0);
	assert_int_equal(DECODE(64, 0x66, 0x48, 0x8b, 0xc1), INSN_OKAY);
	assert_int_equal(in.opsize, 8);
}

static void test_operand_and_address_sizes_follow_mode_and_prefix(void **state)
{
	static const struct {
		u8 bits, prefix, opsize, addrsize;
	} rows[] = {
		{ 16, 0x90, 2, 2 }, { 16, 0x66, 4, 2 }, { 16, 0x67, 2, 4 },
		{ 32, 0x90, 4, 4 }, { 32, 0x66, 2, 4 }, { 32, 0x67, 4, 2 },
		{ 64, 0x90, 4, 8 }, { 64, 0x66, 2, 8 }, { 64, 0x67, 4, 4 },
		{ 64, 0x48, 8, 8 },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		u8 bytes[] = { rows[k].prefix, 0x8b, 0xc1 };
		unsigned int skip = rows[k].prefix == 0x90;

		assert_int_equal(insn_decode(&in, bytes + skip, 3 - skip,
					     rows[k].bits), INSN_OKAY);
		assert_int_equal(in.opsize, rows[k].opsize);
		assert_int_equal(in.addrsize, rows[k].addrsize);
	}
}

static void test_push_and_near_branches_are_64_bit_by_default(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x50), INSN_OKAY);
	assert_int_equal(in.opsize, 8);
	assert_int_equal(DECODE(64, 0x66, 0x50), INSN_OKAY);
	assert_int_equal(in.opsize, 2);
	assert_int_equal(DECODE(64, 0xff, 0x10), INSN_OKAY);
	assert_int_equal(in.opsize, 8);
	assert_int_equal(DECODE(64, 0xff, 0x18), INSN_OKAY);
	assert_int_equal(in.opsize, 4);
}

static void test_only_fs_and_gs_override_in_64_bit_code(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x2e, 0x8b, 0x00), INSN_OKAY);
	assert_int_equal(in.seg, EMUL_DS);
	assert_int_equal(DECODE(64, 0x65, 0x8b, 0x00), INSN_OKAY);
	assert_int_equal(in.seg, EMUL_GS);
	assert_int_equal(DECODE(32, 0x2e, 0x8b, 0x00), INSN_OKAY);
	assert_int_equal(in.seg, EMUL_CS);
	assert_int_equal(DECODE(32, 0x2e, 0x26, 0x8b, 0x00), INSN_OKAY);
	assert_int_equal(in.seg, EMUL_ES);
}

/* ---- addressing ------------------------------------------------------------- */

static void test_sixteen_bit_forms_pair_base_and_index(void **state)
{
	static const struct {
		u8 base, index, seg;
	} rows[8] = {
		{ EMUL_RBX, EMUL_RSI, EMUL_DS }, { EMUL_RBX, EMUL_RDI, EMUL_DS },
		{ EMUL_RBP, EMUL_RSI, EMUL_SS }, { EMUL_RBP, EMUL_RDI, EMUL_SS },
		{ EMUL_RSI, INSN_NO_REG, EMUL_DS }, { EMUL_RDI, INSN_NO_REG, EMUL_DS },
		{ EMUL_RBP, INSN_NO_REG, EMUL_SS }, { EMUL_RBX, INSN_NO_REG, EMUL_DS },
	};
	unsigned int rm;

	(void)state;
	for (rm = 0; rm < 8; rm++) {
		assert_int_equal(DECODE(16, 0x8b, 0x40 | rm, 0xfe), INSN_OKAY);
		assert_int_equal(in.base, rows[rm].base);
		assert_int_equal(in.index, rows[rm].index);
		assert_int_equal(in.seg, rows[rm].seg);
		assert_int_equal(in.disp, -2LL);
	}
	assert_int_equal(DECODE(16, 0x8b, 0x06, 0x34, 0x12), INSN_OKAY);
	assert_int_equal(in.base, INSN_NO_REG);
	assert_int_equal(in.disp, 0x1234);
	assert_int_equal(in.seg, EMUL_DS);
}

static void test_sib_names_base_index_and_scale(void **state)
{
	(void)state;
	/* mov r9, [r12 + r13*8 - 80h] */
	assert_int_equal(DECODE(64, 0x4f, 0x8b, 0x8c, 0xec, 0x80, 0xff, 0xff, 0xff),
			 INSN_OKAY);
	assert_int_equal(in.reg, 9);
	assert_int_equal(in.base, 12);
	assert_int_equal(in.index, 13);
	assert_int_equal(in.scale, 3);
	assert_int_equal(in.disp, -0x80LL);
	assert_int_equal(in.seg, EMUL_DS);
	/* index 4 without REX.X is none; r12 as index is one */
	assert_int_equal(DECODE(64, 0x8b, 0x04, 0x24), INSN_OKAY);
	assert_int_equal(in.index, INSN_NO_REG);
	assert_int_equal(in.seg, EMUL_SS);
	assert_int_equal(DECODE(64, 0x42, 0x8b, 0x04, 0x20), INSN_OKAY);
	assert_int_equal(in.index, 12);
	/* base 5 with mod 0 is a displacement, r13 too */
	assert_int_equal(DECODE(64, 0x41, 0x8b, 0x04, 0x25, 1, 0, 0, 0), INSN_OKAY);
	assert_int_equal(in.base, INSN_NO_REG);
	assert_false(in.rip_relative);
}

static void test_mod_0_rm_5_is_rip_relative_in_64_bit_code_only(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x8b, 0x05, 1, 0, 0, 0x80), INSN_OKAY);
	assert_true(in.rip_relative);
	assert_int_equal(in.disp, 0xffffffff80000001);
	assert_int_equal(DECODE(32, 0x8b, 0x05, 1, 0, 0, 0x80), INSN_OKAY);
	assert_false(in.rip_relative);
}

static void test_mov_cr_ignores_mod(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x0f, 0x22, 0x04, 0x24), INSN_OKAY);
	assert_int_equal(in.length, 3);
	assert_false(in.mem);
	assert_int_equal(in.rm, 4);
}

/* ---- immediates -------------------------------------------------------------- */

static void test_immediates_are_sign_extended(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0x48, 0x83, 0xc0, 0xfe), INSN_OKAY);
	assert_int_equal(in.imm, -2LL);
	assert_int_equal(DECODE(64, 0x48, 0x81, 0xc0, 0, 0, 0, 0x80), INSN_OKAY);
	assert_int_equal(in.imm, 0xffffffff80000000);
	assert_int_equal(DECODE(64, 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8), INSN_OKAY);
	assert_int_equal(in.imm, 0x0807060504030201);
	assert_int_equal(DECODE(32, 0xc8, 0x34, 0x12, 0x05), INSN_OKAY);
	assert_int_equal(in.imm, 0x1234);
	assert_int_equal(in.imm2, 5);
	assert_int_equal(DECODE(16, 0xea, 0x34, 0x12, 0, 0xf0), INSN_OKAY);
	assert_int_equal(in.imm, 0x1234);
	assert_int_equal(in.imm2, 0xf000);
}

/* Only TEST of group 3 carries an immediate. */
static void test_groups_resolve_by_the_reg_field(void **state)
{
	(void)state;
	assert_int_equal(DECODE(32, 0xf7, 0xc0, 1, 2, 3, 4), INSN_OKAY);
	assert_int_equal(in.length, 6);
	assert_int_equal(insn_op(&in), INSN_OP_TEST_RM_I);
	assert_int_equal(DECODE(32, 0xf7, 0xd8), INSN_OKAY);
	assert_int_equal(in.length, 2);
	assert_int_equal(insn_op(&in), INSN_OP_UNARY);
	assert_int_equal(DECODE(32, 0x0f, 0x01, 0x38), INSN_OKAY);
	assert_int_equal(insn_op(&in), INSN_OP_INVLPG);
	assert_int_equal(DECODE(32, 0x0f, 0x01, 0xf8), INSN_OKAY);
	assert_int_equal(insn_op(&in), INSN_OP_LENGTH);
}

static void test_absolute_offsets_have_the_address_size(void **state)
{
	(void)state;
	assert_int_equal(DECODE(64, 0xa1, 1, 2, 3, 4, 5, 6, 7, 0x88), INSN_OKAY);
	assert_int_equal(in.length, 9);
	assert_int_equal(in.disp, 0x8807060504030201);
	assert_int_equal(DECODE(64, 0x67, 0xa1, 1, 2, 3, 4), INSN_OKAY);
	assert_int_equal(in.length, 6);
	assert_int_equal(DECODE(16, 0x64, 0xa1, 1, 2), INSN_OKAY);
	assert_int_equal(in.length, 4);
	assert_int_equal(in.seg, EMUL_FS);
}

static void test_vex_fields_are_given_upright(void **state)
{
	(void)state;
	/* vmovss xmm9, xmm10, xmm11 : C4 C1 2A 10 CB has B, not R */
	assert_int_equal(DECODE(64, 0xc4, 0x41, 0x2a, 0x10, 0xcb), INSN_OKAY);
	assert_int_equal(in.coding, INSN_VEX);
	assert_int_equal(in.reg, 9);
	assert_int_equal(in.rm, 11);
	assert_int_equal(in.vvvv, 10);
	assert_int_equal(in.pp, INSN_PP_F3);
	assert_int_equal(in.vex_l, 0);
	assert_int_equal(DECODE(64, 0xc5, 0xfc, 0x11, 0x07), INSN_OKAY);
	assert_int_equal(in.vvvv, 0);
	assert_int_equal(in.vex_l, 1);
	/* LDS, not VEX */
	assert_int_equal(DECODE(32, 0xc5, 0x07), INSN_OKAY);
	assert_int_equal(in.coding, INSN_LEGACY);
	assert_int_equal(DECODE(32, 0xc5, 0x87, 1, 2, 3, 4), INSN_OKAY);
	assert_int_equal(in.coding, INSN_LEGACY);
	assert_int_equal(in.length, 6);
}

static void test_lengths_of_rare_encodings(void **state)
{
	static const struct {
		u8 length, bytes[12];
	} rows[] = {
		{ 6, { 0x66, 0x0f, 0x78, 0xc0, 1, 2 } },	/* extrq */
		{ 6, { 0xf2, 0x0f, 0x78, 0xc1, 1, 2 } },	/* insertq */
		{ 4, { 0x0f, 0x0f, 0xc1, 0x9e } },		/* 3DNow! */
		{ 6, { 0x8f, 0xe8, 0x78, 0xc0, 0xc1, 3 } },	/* XOP map 8 */
		{ 5, { 0x8f, 0xe9, 0x78, 0x81, 0xc1 } },	/* XOP map 9 */
		{ 9, { 0x8f, 0xea, 0x78, 0x10, 0xc1, 1, 2, 3, 4 } },
		{ 6, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07 } },	/* EVEX */
		{ 7, { 0x62, 0xf5, 0x7c, 0x48, 0x5f, 0x40, 1 } },	/* map 5 */
		{ 3, { 0xc5, 0xf8, 0x77 } },			/* vzeroupper */
		{ 2, { 0x0f, 0xa2 } }, { 2, { 0x0f, 0x0b } }, { 1, { 0xf4 } },
		{ 3, { 0x0f, 0x01, 0xd9 } }, { 3, { 0x0f, 0x01, 0xd1 } },
		{ 2, { 0xcd, 0x80 } }, { 2, { 0xf3, 0x90 } }, { 2, { 0x0f, 0x30 } },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		assert_int_equal(insn_decode(&in, rows[k].bytes, 12, 64), INSN_OKAY);
		assert_int_equal(in.length, rows[k].length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_bytes_are_asked_for),
		cmocka_unit_test(test_one_byte_of_vex_xop_evex_is_not_enough),
		cmocka_unit_test(test_more_than_fifteen_bytes_are_too_long),
		cmocka_unit_test(test_opcodes_that_64_bit_code_lost_are_undefined),
		cmocka_unit_test(test_vex_after_a_size_rep_or_rex_prefix_is_undefined),
		cmocka_unit_test(test_open_slots_are_unknown_not_undefined),
		cmocka_unit_test(test_rex_counts_only_right_before_the_opcode),
		cmocka_unit_test(test_operand_and_address_sizes_follow_mode_and_prefix),
		cmocka_unit_test(test_push_and_near_branches_are_64_bit_by_default),
		cmocka_unit_test(test_only_fs_and_gs_override_in_64_bit_code),
		cmocka_unit_test(test_sixteen_bit_forms_pair_base_and_index),
		cmocka_unit_test(test_sib_names_base_index_and_scale),
		cmocka_unit_test(test_mod_0_rm_5_is_rip_relative_in_64_bit_code_only),
		cmocka_unit_test(test_mov_cr_ignores_mod),
		cmocka_unit_test(test_immediates_are_sign_extended),
		cmocka_unit_test(test_groups_resolve_by_the_reg_field),
		cmocka_unit_test(test_absolute_offsets_have_the_address_size),
		cmocka_unit_test(test_vex_fields_are_given_upright),
		cmocka_unit_test(test_lengths_of_rare_encodings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
