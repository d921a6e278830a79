// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic against its definition: all 8-bit operands of every
 * operation, checked with wide integers, and the edges of the other sizes.
 */
#include "tests/unit/check.h"
#include "kvm-core/emul_alu.h"

static const unsigned int sizes[] = { 1, 2, 4, 8 };

static bool parity(u8 v)
{
	return !(__builtin_popcount(v) & 1);
}

static u64 szp(u8 r)
{
	return (r & 0x80 ? EMUL_SF : 0) | (r ? 0 : EMUL_ZF) |
	       (parity(r) ? EMUL_PF : 0);
}

/* ---- division refuses ------------------------------------------------------------ */

static void test_division_by_zero_and_overflow_change_nothing(void **state)
{
	static const struct {
		bool sign;
		unsigned int size;
		u64 d, lo, hi;
	} rows[] = {
		{ false, 1, 0, 5, 0 }, { false, 1, 1, 0, 1 }, { true, 1, 1, 0x80, 0 },
		{ true, 1, 0xff, 0x80, 0xff }, { false, 8, 1, 0, 1 },
		{ false, 8, 0, 0, 0 }, { true, 8, ~0ULL, 1ULL << 63, ~0ULL },
		{ true, 8, 1, 1ULL << 63, 0 }, { true, 4, 0xffffffff, 0x80000000, 0xffffffff },
		{ false, 4, 2, 0, 2 }, { true, 8, 0, 1, 0 },
	};
	unsigned int k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		u64 lo = rows[k].lo, hi = rows[k].hi;

		assert_false(emul_div(rows[k].sign, rows[k].size, rows[k].d, &lo, &hi));
		assert_int_equal(lo, rows[k].lo);
		assert_int_equal(hi, rows[k].hi);
	}
}

static void test_division_of_every_size(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < ARRAY_SIZE(sizes); k++) {
		unsigned int size = sizes[k];
		u64 mask = emul_mask(size);
		u64 lo = mask, hi = 2;

		/* 3 * 2^n - 1 = 5 q + r */
		assert_true(emul_div(false, size, 5, &lo, &hi));
		assert_int_equal((unsigned __int128)lo * 5 + hi ==
				 ((unsigned __int128)2 << (8 * size)) + mask, 1);
		lo = -7 & mask;
		hi = mask;
		assert_true(emul_div(true, size, 2, &lo, &hi));
		assert_int_equal(lo, -3 & mask);
		assert_int_equal(hi, mask);		/* the remainder is -1 */
		lo = mask >> 1;
		hi = 0;
		assert_true(emul_div(true, size, mask, &lo, &hi));
		assert_int_equal(lo, -(mask >> 1) & mask);
		assert_int_equal(hi, 0);
	}
}

/* ---- all bytes ------------------------------------------------------------------- */

static void check_add(unsigned int a, unsigned int b, unsigned int carry)
{
	u64 flags = carry ? EMUL_CF : 0;
	unsigned int sum = a + b + carry;
	int s = (s8)a + (s8)b + (int)carry;
	u64 want = szp(sum) | (sum > 0xff ? EMUL_CF : 0) |
		   ((a & 15) + (b & 15) + carry > 15 ? EMUL_AF : 0) |
		   (s > 127 || s < -128 ? EMUL_OF : 0);

	assert_int_equal(emul_alu(EMUL_ADC, 1, a, b, &flags), sum & 0xff);
	assert_int_equal(flags, want);
	if (!carry) {
		flags = EMUL_CF;	/* ADD does not look at it */
		assert_int_equal(emul_alu(EMUL_ADD, 1, a, b, &flags), sum & 0xff);
		assert_int_equal(flags, want);
	}
}

static void check_sub(unsigned int a, unsigned int b, unsigned int borrow)
{
	u64 flags = borrow ? EMUL_CF : 0;
	int s = (s8)a - (s8)b - (int)borrow;
	u64 want = szp(a - b - borrow) | (a < b + borrow ? EMUL_CF : 0) |
		   ((a & 15) < (b & 15) + borrow ? EMUL_AF : 0) |
		   (s > 127 || s < -128 ? EMUL_OF : 0);

	assert_int_equal(emul_alu(EMUL_SBB, 1, a, b, &flags), (a - b - borrow) & 0xff);
	assert_int_equal(flags, want);
	if (!borrow) {
		flags = EMUL_CF;
		assert_int_equal(emul_alu(EMUL_CMP, 1, a, b, &flags), (a - b) & 0xff);
		assert_int_equal(flags, want);
	}
}

static void check_logic(unsigned int a, unsigned int b)
{
	u64 flags = EMUL_CF | EMUL_OF | EMUL_DF;

	assert_int_equal(emul_alu(EMUL_XOR, 1, a, b, &flags), a ^ b);
	assert_int_equal(flags, szp(a ^ b) | EMUL_DF);
	assert_int_equal(emul_alu(EMUL_OR, 1, a, b, &flags), a | b);
	assert_int_equal(flags, szp(a | b) | EMUL_DF);
	assert_int_equal(emul_alu(EMUL_AND, 1, a, b, &flags), a & b);
	emul_test(1, a, b, &flags);
	assert_int_equal(flags, szp(a & b) | EMUL_DF);
}

static void check_product(unsigned int a, unsigned int b)
{
	int s = (s8)a * (s8)b;
	u64 lo, hi, flags = 0;

	emul_mul(false, 1, a, b, &lo, &hi, &flags);
	assert_int_equal(lo | hi << 8, a * b);
	assert_int_equal(flags, a * b > 0xff ? EMUL_CF | EMUL_OF : 0);
	emul_mul(true, 1, a, b, &lo, &hi, &flags);
	assert_int_equal(lo | hi << 8, (u16)s);
	assert_int_equal(flags, s != (s8)s ? EMUL_CF | EMUL_OF : 0);
}

static void test_every_pair_of_bytes(void **state)
{
	unsigned int a, b;

	(void)state;
	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			check_add(a, b, 0);
			check_add(a, b, 1);
			check_sub(a, b, 0);
			check_sub(a, b, 1);
			check_logic(a, b);
			check_product(a, b);
		}
}

static void test_every_byte_quotient(void **state)
{
	unsigned int n, d;

	(void)state;
	for (d = 1; d < 256; d++)
		for (n = 0; n < 0x10000; n += 7) {
			u64 lo = n & 0xff, hi = n >> 8;
			int q = (s16)n / (s8)d;

			assert_int_equal(emul_div(false, 1, d, &lo, &hi), n / d < 256);
			if (n / d < 256)
				assert_true(lo == n / d && hi == n % d);
			lo = n & 0xff;
			hi = n >> 8;
			assert_int_equal(emul_div(true, 1, d, &lo, &hi), q == (s8)q);
			if (q == (s8)q)
				assert_true(lo == (u8)q && hi == (u8)((s16)n % (s8)d));
		}
}

static void test_inc_and_dec_leave_the_carry(void **state)
{
	unsigned int k;
	u64 flags;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		flags = EMUL_CF;
		assert_int_equal(emul_inc(sizes[k], emul_mask(sizes[k]), &flags), 0);
		assert_int_equal(flags, EMUL_CF | EMUL_ZF | EMUL_PF | EMUL_AF);
		flags = 0;
		assert_int_equal(emul_dec(sizes[k], 0, &flags), emul_mask(sizes[k]));
		assert_int_equal(flags, EMUL_SF | EMUL_PF | EMUL_AF);
	}
}

/* ---- shifts --------------------------------------------------------------------------- */

/* One step of each at a time, with the bit that falls out. */
static u64 step(enum emul_shift_kind kind, u64 a, unsigned int width, bool *carry)
{
	u64 top = 1ULL << (width - 1), mask = ~0ULL >> (64 - width);
	bool left = kind == EMUL_ROL || kind == EMUL_RCL || kind == EMUL_SHL ||
		    kind == EMUL_SAL;
	bool out = left ? a & top : a & 1, in = false;

	if (kind == EMUL_ROL || kind == EMUL_ROR)
		in = out;
	else if (kind == EMUL_RCL || kind == EMUL_RCR)
		in = *carry;
	else if (kind == EMUL_SAR)
		in = a & top;
	*carry = out;
	return left ? ((a << 1) & mask) | in : a >> 1 | (in ? top : 0);
}

static void check_shift(enum emul_shift_kind kind, unsigned int size, u64 a,
			unsigned int count, bool carry)
{
	u64 flags = carry ? EMUL_CF : 0, want = a, got;
	unsigned int n, real = count & (size == 8 ? 63 : 31);

	for (n = 0; n < real; n++)
		want = step(kind, want, 8 * size, &carry);
	got = emul_shift(kind, size, a, count, &flags);
	assert_int_equal(got, want);
	/* SHL and SHR by more than the width leave CF undefined */
	if (real <= 8 * size || kind < EMUL_SHL || kind == EMUL_SAR)
		assert_int_equal(!!(flags & EMUL_CF), carry);
	if (!real)
		assert_int_equal(flags & ~EMUL_CF, 0);
}

static void test_shifts_are_repeated_single_steps(void **state)
{
	static const u64 values[] = { 0, 1, 0x80, 0x8001, 0x80000001, ~0ULL,
				      0x8000000000000001, 0x123456789abcdef0 };
	unsigned int kind, k, v, count;

	(void)state;
	for (kind = EMUL_ROL; kind <= EMUL_SAR; kind++)
		for (k = 0; k < ARRAY_SIZE(sizes); k++)
			for (v = 0; v < ARRAY_SIZE(values); v++)
				for (count = 0; count < 70; count++) {
					u64 a = values[v] & emul_mask(sizes[k]);

					check_shift(kind, sizes[k], a, count, false);
					check_shift(kind, sizes[k], a, count, true);
				}
}

static void test_double_shifts_take_bits_from_the_source(void **state)
{
	u64 flags = 0;

	(void)state;
	assert_int_equal(emul_shift_double(true, 4, 0x12345678, 0xabcdef01, 8, &flags),
			 0x345678ab);
	assert_int_equal(emul_shift_double(false, 4, 0x12345678, 0xabcdef01, 8, &flags),
			 0x01123456);
	assert_int_equal(emul_shift_double(true, 8, 1, 1ULL << 63, 1, &flags), 3);
	flags = EMUL_ZF;
	assert_int_equal(emul_shift_double(true, 4, 5, 6, 32, &flags), 5);
	assert_int_equal(flags, EMUL_ZF);
}

/* ---- the rest -------------------------------------------------------------------------- */

static void test_conditions_read_their_flags(void **state)
{
	unsigned int n, code;

	(void)state;
	for (n = 0; n < 32; n++) {
		bool o = n & 1, c = n & 2, z = n & 4, s = n & 8, p = n & 16;
		u64 flags = (o ? EMUL_OF : 0) | (c ? EMUL_CF : 0) |
			    (z ? EMUL_ZF : 0) | (s ? EMUL_SF : 0) |
			    (p ? EMUL_PF : 0);
		const bool want[8] = { o, c, z, c || z, s, p, s != o, z || s != o };

		for (code = 0; code < 16; code++)
			assert_int_equal(emul_condition(code, flags),
					 want[code / 2] != (code & 1));
	}
}

/* Sums and differences of two packed decimal digits. */
static void test_decimal_adjustments_give_decimal_results(void **state)
{
	unsigned int a, b;

	(void)state;
	for (a = 0; a < 100; a++)
		for (b = 0; b < 100; b++) {
			u8 pa = a / 10 << 4 | a % 10, pb = b / 10 << 4 | b % 10;
			unsigned int sum = a + b, diff = (a + 100 - b) % 100;
			u64 flags = 0;
			u16 ax = emul_alu(EMUL_ADD, 1, pa, pb, &flags);

			ax = emul_bcd_adjust(0x27, ax, &flags);
			assert_int_equal(ax, (sum / 10 % 10) << 4 | sum % 10);
			assert_int_equal(!!(flags & EMUL_CF), sum > 99);
			flags = 0;
			ax = emul_alu(EMUL_SUB, 1, pa, pb, &flags);
			ax = emul_bcd_adjust(0x2f, ax, &flags);
			assert_int_equal(ax, diff / 10 << 4 | diff % 10);
			assert_int_equal(!!(flags & EMUL_CF), a < b);
		}
}

static void test_ascii_adjustments_carry_into_ah(void **state)
{
	u64 flags = 0;

	(void)state;
	assert_int_equal(emul_bcd_adjust(0x37, 0x010e, &flags), 0x0204);
	assert_int_equal(flags, EMUL_AF | EMUL_CF);
	assert_int_equal(emul_bcd_adjust(0x37, 0x0135, (u64[]){ 0 }), 0x0105);
	flags = EMUL_AF;
	assert_int_equal(emul_bcd_adjust(0x3f, 0x02fe, &flags), 0x0108);
	assert_int_equal(flags, EMUL_AF | EMUL_CF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_division_by_zero_and_overflow_change_nothing),
		cmocka_unit_test(test_division_of_every_size),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_every_byte_quotient),
		cmocka_unit_test(test_inc_and_dec_leave_the_carry),
		cmocka_unit_test(test_shifts_are_repeated_single_steps),
		cmocka_unit_test(test_double_shifts_take_bits_from_the_source),
		cmocka_unit_test(test_conditions_read_their_flags),
		cmocka_unit_test(test_decimal_adjustments_give_decimal_results),
		cmocka_unit_test(test_ascii_adjustments_carry_into_ah),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
