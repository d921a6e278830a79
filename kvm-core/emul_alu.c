// SPDX-License-Identifier: GPL-2.0
/*
 * Integer arithmetic with its flags (APM1 3.1.4, APM3 chapter 3), for the
 * emulator's handlers. Numbers only: it knows neither operands nor guests. No
 * inline assembly, so that the proofs and the sanitizers see all of it.
 */
#include "kvm-core/emul_alu.h"

static u64 sign_bit(unsigned int size)
{
	return 1ULL << (8 * size - 1);
}

static void put_flag(u64 *flags, u64 flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

static bool even_parity(u64 v)
{
	v ^= v >> 4;
	return !(0x6996 >> (v & 15) & 1);
}

void emul_set_szp(unsigned int size, u64 v, u64 *flags)
{
	v &= emul_mask(size);
	*flags &= ~(EMUL_SF | EMUL_ZF | EMUL_PF);
	if (v & sign_bit(size))
		*flags |= EMUL_SF;
	if (!v)
		*flags |= EMUL_ZF;
	if (even_parity(v))
		*flags |= EMUL_PF;
}

/* a + b + carry = r; the carry out of each bit is where the operands say so. */
static u64 add(unsigned int size, u64 a, u64 b, unsigned int carry, u64 *flags)
{
	u64 r = (a + b + carry) & emul_mask(size);
	u64 out = (a & b) | ((a | b) & ~r);

	put_flag(flags, EMUL_CF, out & sign_bit(size));
	put_flag(flags, EMUL_AF, out & 8);
	put_flag(flags, EMUL_OF, (a ^ r) & (b ^ r) & sign_bit(size));
	emul_set_szp(size, r, flags);
	return r;
}

static u64 sub(unsigned int size, u64 a, u64 b, unsigned int borrow, u64 *flags)
{
	u64 r = (a - b - borrow) & emul_mask(size);
	u64 out = (~a & b) | ((~a | b) & r);

	put_flag(flags, EMUL_CF, out & sign_bit(size));
	put_flag(flags, EMUL_AF, out & 8);
	put_flag(flags, EMUL_OF, (a ^ b) & (a ^ r) & sign_bit(size));
	emul_set_szp(size, r, flags);
	return r;
}

static u64 logic(unsigned int size, u64 r, u64 *flags)
{
	*flags &= ~(EMUL_CF | EMUL_OF | EMUL_AF);
	emul_set_szp(size, r, flags);
	return r;
}

u64 emul_alu(enum emul_alu_kind kind, unsigned int size, u64 a, u64 b, u64 *flags)
{
	unsigned int carry = *flags & EMUL_CF ? 1 : 0;

	switch (kind) {
	case EMUL_ADD:
		return add(size, a, b, 0, flags);
	case EMUL_ADC:
		return add(size, a, b, carry, flags);
	case EMUL_SBB:
		return sub(size, a, b, carry, flags);
	case EMUL_OR:
		return logic(size, a | b, flags);
	case EMUL_AND:
		return logic(size, a & b, flags);
	case EMUL_XOR:
		return logic(size, a ^ b, flags);
	default:
		return sub(size, a, b, 0, flags);
	}
}

void emul_test(unsigned int size, u64 a, u64 b, u64 *flags)
{
	logic(size, a & b, flags);
}

u64 emul_inc(unsigned int size, u64 a, u64 *flags)
{
	u64 carry = *flags & EMUL_CF;
	u64 r = add(size, a, 1, 0, flags);

	*flags = (*flags & ~EMUL_CF) | carry;
	return r;
}

u64 emul_dec(unsigned int size, u64 a, u64 *flags)
{
	u64 carry = *flags & EMUL_CF;
	u64 r = sub(size, a, 1, 0, flags);

	*flags = (*flags & ~EMUL_CF) | carry;
	return r;
}

/* ---- shifts and rotates ---------------------------------------------------- */

static u64 rotate_left(unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	unsigned int width = 8 * size, n = count % width;
	u64 r = a;

	if (n)
		r = (a << n | a >> (width - n)) & emul_mask(size);
	put_flag(flags, EMUL_CF, r & 1);
	put_flag(flags, EMUL_OF, (r & 1) != !!(r & sign_bit(size)));
	return r;
}

static u64 rotate_right(unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	unsigned int width = 8 * size, n = count % width;
	u64 r = a;

	if (n)
		r = (a >> n | a << (width - n)) & emul_mask(size);
	put_flag(flags, EMUL_CF, r & sign_bit(size));
	put_flag(flags, EMUL_OF, !(r & sign_bit(size)) != !(r & sign_bit(size) >> 1));
	return r;
}

/* Through carry, bit by bit: width + 1 positions. */
static u64 rotate_carry(bool left, unsigned int size, u64 a, unsigned int count,
			u64 *flags)
{
	u64 top = sign_bit(size), carry = *flags & EMUL_CF, out;

	for (count %= 8 * size + 1; count; count--) {
		out = left ? !!(a & top) : a & 1;
		a = left ? (a << 1 | carry) & emul_mask(size) :
			   a >> 1 | (carry ? top : 0);
		carry = out;
	}
	put_flag(flags, EMUL_CF, carry);
	if (left)
		put_flag(flags, EMUL_OF, !!(a & top) != carry);
	else
		put_flag(flags, EMUL_OF, !(a & top) != !(a & top >> 1));
	return a;
}

/* Counts up to 63 on any width. */
static u64 shift_left(unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	u64 r = (a << count) & emul_mask(size);
	unsigned int width = 8 * size;
	bool carry = count <= width && (a >> (width - count) & 1);

	put_flag(flags, EMUL_CF, carry);
	put_flag(flags, EMUL_OF, !!(r & sign_bit(size)) != carry);
	emul_set_szp(size, r, flags);
	return r;
}

static u64 shift_right(bool sign, unsigned int size, u64 a, unsigned int count,
		       u64 *flags)
{
	u64 wide = sign ? emul_sign_extend(a, size) : a;
	u64 last = sign ? (u64)((s64)wide >> (count - 1)) : wide >> (count - 1);
	u64 r = (sign ? (u64)((s64)last >> 1) : last >> 1) & emul_mask(size);

	put_flag(flags, EMUL_CF, last & 1);
	put_flag(flags, EMUL_OF, !sign && (a & sign_bit(size)));
	emul_set_szp(size, r, flags);
	return r;
}

u64 emul_shift(enum emul_shift_kind kind, unsigned int size, u64 a,
	       unsigned int count, u64 *flags)
{
	count &= size == 8 ? 63 : 31;
	if (!count)
		return a;
	switch (kind) {
	case EMUL_ROL:
		return rotate_left(size, a, count, flags);
	case EMUL_ROR:
		return rotate_right(size, a, count, flags);
	case EMUL_RCL:
	case EMUL_RCR:
		return rotate_carry(kind == EMUL_RCL, size, a, count, flags);
	case EMUL_SHL:
	case EMUL_SAL:
		return shift_left(size, a, count, flags);
	default:
		return shift_right(kind == EMUL_SAR, size, a, count, flags);
	}
}

u64 emul_shift_double(bool left, unsigned int size, u64 dst, u64 src,
		      unsigned int count, u64 *flags)
{
	unsigned int width = 8 * size;
	u64 r = dst, top = sign_bit(size);
	bool carry = false;

	count &= size == 8 ? 63 : 31;
	if (!count)
		return dst;
	/* bit by bit: rare, and right for every count */
	for (; count; count--) {
		carry = left ? r & top : r & 1;
		if (left) {
			r = (r << 1 | src >> (width - 1)) & emul_mask(size);
			src = (src << 1 | src >> (width - 1)) & emul_mask(size);
		} else {
			r = r >> 1 | (src & 1) << (width - 1);
			src = src >> 1 | (src & 1) << (width - 1);
		}
	}
	put_flag(flags, EMUL_CF, carry);
	put_flag(flags, EMUL_OF, (dst ^ r) & top);
	emul_set_szp(size, r, flags);
	return r;
}

/* ---- multiplication and division --------------------------------------------- */

void emul_mul(bool sign, unsigned int size, u64 a, u64 b, u64 *lo, u64 *hi,
	      u64 *flags)
{
	unsigned __int128 p;
	u64 fits;

	if (sign)
		p = (unsigned __int128)((__int128)(s64)emul_sign_extend(a, size) *
					(s64)emul_sign_extend(b, size));
	else
		p = (unsigned __int128)a * b;
	*lo = (u64)p & emul_mask(size);
	*hi = (u64)(p >> (8 * size)) & emul_mask(size);
	fits = sign && (*lo & sign_bit(size)) ? emul_mask(size) : 0;
	put_flag(flags, EMUL_CF | EMUL_OF, *hi != fits);
}

/* Long division, 128 by 64 bits: the kernel has none. Needs *hi < d. */
static u64 divide(u64 *hi, u64 lo, u64 d)
{
	u64 q = 0, rest = *hi;
	unsigned int n;
	bool over;

	for (n = 0; n < 64; n++) {
		over = rest >> 63;
		rest = rest << 1 | lo >> 63;
		lo <<= 1;
		q <<= 1;
		if (over || rest >= d) {
			rest -= d;
			q |= 1;
		}
	}
	*hi = rest;
	return q;
}

static void negate(u64 *lo, u64 *hi)
{
	*lo = -*lo;
	*hi = ~*hi + !*lo;
}

/* The dividend as 128 bits, whatever the size. */
static void widen(bool sign, unsigned int size, u64 *lo, u64 *hi)
{
	if (size == 8)
		return;
	*lo |= *hi << (8 * size);
	*hi = 0;
	if (sign) {
		*lo = emul_sign_extend(*lo, 2 * size);
		*hi = (s64)*lo < 0 ? ~0ULL : 0;
	}
}

bool emul_div(bool sign, unsigned int size, u64 d, u64 *lo, u64 *hi)
{
	u64 l = *lo, h = *hi, limit = emul_mask(size), q;
	bool minus_n, minus_d;

	widen(sign, size, &l, &h);
	if (sign)
		d = emul_sign_extend(d, size);
	minus_n = sign && (s64)h < 0;
	minus_d = sign && (s64)d < 0;
	if (minus_n)
		negate(&l, &h);
	if (minus_d)
		d = -d;
	if (h >= d)
		return false;
	q = divide(&h, l, d);
	if (sign)
		limit = sign_bit(size) - (minus_n == minus_d);
	if (q > limit)
		return false;
	*lo = (minus_n != minus_d ? -q : q) & emul_mask(size);
	*hi = (minus_n ? -h : h) & emul_mask(size);
	return true;
}

/* ---- the rest --------------------------------------------------------------- */

bool emul_condition(unsigned int code, u64 flags)
{
	bool less = !(flags & EMUL_SF) != !(flags & EMUL_OF), on;

	switch (code >> 1 & 7) {
	case 0:
		on = flags & EMUL_OF;
		break;
	case 1:
		on = flags & EMUL_CF;
		break;
	case 2:
		on = flags & EMUL_ZF;
		break;
	case 3:
		on = flags & (EMUL_CF | EMUL_ZF);
		break;
	case 4:
		on = flags & EMUL_SF;
		break;
	case 5:
		on = flags & EMUL_PF;
		break;
	case 6:
		on = less;
		break;
	default:
		on = less || (flags & EMUL_ZF);
		break;
	}
	return on != (code & 1);
}

static u8 decimal_adjust(bool subtract, u8 al, u64 *flags)
{
	bool low = (al & 15) > 9 || (*flags & EMUL_AF);
	bool high = al > 0x99 || (*flags & EMUL_CF);
	u8 by = (low ? 6 : 0) + (high ? 0x60 : 0);
	bool carry = high || (low && subtract && al < 6);

	al = subtract ? al - by : al + by;
	put_flag(flags, EMUL_AF, low);
	put_flag(flags, EMUL_CF, carry);
	emul_set_szp(1, al, flags);
	return al;
}

static u16 ascii_adjust(bool subtract, u16 ax, u64 *flags)
{
	bool over = (ax & 15) > 9 || (*flags & EMUL_AF);

	if (over)
		ax = subtract ? ax - 0x106 : ax + 0x106;
	put_flag(flags, EMUL_AF | EMUL_CF, over);
	return ax & 0xff0f;
}

u16 emul_bcd_adjust(u8 opcode, u16 ax, u64 *flags)
{
	bool subtract = opcode & 8;

	if (opcode >= 0x30)
		return ascii_adjust(subtract, ax, flags);
	return (ax & 0xff00) | decimal_adjust(subtract, ax & 0xff, flags);
}
