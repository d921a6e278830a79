// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for multiplication and division, shifts, bits, conversions, flags
 * and decimal arithmetic (APM3 chapter 3). Called from emul.c's table.
 *
 * TZCNT and LZCNT are executed as such whether or not the guest's CPUID
 * offers them.
 */
#include "kvm-core/emul_run.h"

/* ---- multiply, divide -------------------------------------------------------- */

/* AX, or rDX:rAX */
static void set_double(struct emul_run *r, unsigned int size, u64 lo, u64 hi)
{
	if (size == 1) {
		emul_set_reg(r, EMUL_RAX, 2, lo | hi << 8);
		return;
	}
	emul_set_reg(r, EMUL_RAX, size, lo);
	emul_set_reg(r, EMUL_RDX, size, hi);
}

/* F6, F7 /4 MUL, /5 IMUL */
enum emul_verdict emul_mul_rm(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 arg, lo, hi;

	v = emul_read_rm(r, size, &arg);
	if (v != EMUL_OKAY)
		return v;
	emul_mul(r->i.modrm & 8, size, emul_reg(r, EMUL_RAX, size), arg, &lo, &hi,
		 &r->c->rflags);
	set_double(r, size, lo, hi);
	return EMUL_OKAY;
}

static enum emul_verdict imul(struct emul_run *r, const u64 *other)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 arg, lo, hi;

	v = emul_read_rm(r, size, &arg);
	if (v != EMUL_OKAY)
		return v;
	emul_mul(true, size, arg, *other & emul_mask(size), &lo, &hi,
		 &r->c->rflags);
	emul_set_reg(r, r->i.reg, size, lo);
	return EMUL_OKAY;
}

enum emul_verdict emul_imul_r_rm(struct emul_run *r)
{
	return imul(r, &r->c->regs[r->i.reg]);
}

enum emul_verdict emul_imul_r_rm_i(struct emul_run *r)
{
	return imul(r, &r->i.imm);
}

/* F6, F7 /6 DIV, /7 IDIV */
enum emul_verdict emul_div_rm(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	const u64 *g = r->c->regs;
	enum emul_verdict v;
	u64 d, lo, hi;

	v = emul_read_rm(r, size, &d);
	if (v != EMUL_OKAY)
		return v;
	lo = g[EMUL_RAX] & emul_mask(size);
	hi = (size == 1 ? g[EMUL_RAX] >> 8 : g[EMUL_RDX]) & emul_mask(size);
	if (!emul_div(r->i.modrm & 8, size, d, &lo, &hi))
		return emul_raise(r, EMUL_DE);
	set_double(r, size, lo, hi);
	return EMUL_OKAY;
}

/* ---- shifts ---------------------------------------------------------------------- */

static u64 shift_change(const struct emul_update *u)
{
	return emul_shift(u->r->i.modrm >> 3 & 7, u->size, u->old, u->arg, u->flags);
}

static enum emul_verdict shift(struct emul_run *r, u64 count)
{
	u64 old;

	return emul_modify_rm(r, r->i.opsize, false, 0, shift_change,
			      count & 0xff, &old);
}

enum emul_verdict emul_shift_i(struct emul_run *r)
{
	return shift(r, r->i.imm);
}

enum emul_verdict emul_shift_1(struct emul_run *r)
{
	return shift(r, 1);
}

enum emul_verdict emul_shift_cl(struct emul_run *r)
{
	return shift(r, r->c->regs[EMUL_RCX]);
}

/* 0F A4, A5 SHLD; AC, AD SHRD */
static u64 double_change(const struct emul_update *u)
{
	const struct emul_run *r = u->r;

	return emul_shift_double(!(r->i.opcode & 8), u->size, u->old,
				 emul_reg(r, r->i.reg, u->size), u->arg, u->flags);
}

static enum emul_verdict shift_double(struct emul_run *r, u64 count)
{
	u64 old;

	return emul_modify_rm(r, r->i.opsize, false, 0, double_change,
			      count & 0xff, &old);
}

enum emul_verdict emul_shld_i(struct emul_run *r)
{
	return shift_double(r, r->i.imm);
}

enum emul_verdict emul_shld_cl(struct emul_run *r)
{
	return shift_double(r, r->c->regs[EMUL_RCX]);
}

/* ---- bits -------------------------------------------------------------------------- */

enum bit_kind { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static enum bit_kind bit_kind(const struct emul_run *r)
{
	return (insn_op(&r->i) == INSN_OP_BT_I ? r->i.modrm : r->i.opcode) >> 3 & 3;
}

static u64 bit_change(const struct emul_update *u)
{
	u64 bit = 1ULL << u->arg;

	*u->flags &= ~EMUL_CF;
	if (u->old & bit)
		*u->flags |= EMUL_CF;
	switch (bit_kind(u->r)) {
	case BIT_SET:
		return u->old | bit;
	case BIT_RESET:
		return u->old & ~bit;
	case BIT_COMPLEMENT:
		return u->old ^ bit;
	default:
		return u->old;
	}
}

/* BT only reads, at the same place. */
static enum emul_verdict bit_read(struct emul_run *r, u64 offset, u64 bit)
{
	unsigned int size = r->i.opsize;
	struct emul_update u = {
		.r = r, .size = size, .arg = bit, .flags = &r->c->rflags,
	};
	enum emul_verdict v;

	if (!r->i.mem) {
		u.old = emul_reg(r, r->i.rm, size);
		bit_change(&u);
		return EMUL_OKAY;
	}
	offset = (offset + emul_offset(r)) & emul_mask(r->i.addrsize);
	v = emul_read(r, r->i.seg, offset, &u.old, size);
	if (v == EMUL_OKAY)
		bit_change(&u);
	return v;
}

static enum emul_verdict bit_operation(struct emul_run *r, u64 offset, u64 bit)
{
	u64 old;

	if (bit_kind(r) == BIT_TEST)
		return bit_read(r, offset, bit);
	return emul_modify_rm(r, r->i.opsize, false, offset, bit_change, bit, &old);
}

/* A register's bit number is signed and reaches beyond a memory operand. */
enum emul_verdict emul_bt_r(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	u64 bit = emul_sign_extend(emul_reg(r, r->i.reg, size), size);
	u64 low = bit & (8 * size - 1);
	s64 units = (s64)(bit - low) / (8 * size);

	return bit_operation(r, (u64)units * size, low);
}

enum emul_verdict emul_bt_i(struct emul_run *r)
{
	return bit_operation(r, 0, r->i.imm & (8 * r->i.opsize - 1));
}

static unsigned int count_leading(u64 v, unsigned int size)
{
	return __builtin_clzll(v) - (64 - 8 * size);
}

/* BSF, BSR: a zero source leaves the destination (APM3). */
static void scan_plain(struct emul_run *r, u64 v)
{
	u64 index;

	r->c->rflags &= ~EMUL_ZF;
	if (!v) {
		r->c->rflags |= EMUL_ZF;
		return;
	}
	index = r->i.opcode & 1 ? 63 - __builtin_clzll(v) : __builtin_ctzll(v);
	emul_set_reg(r, r->i.reg, r->i.opsize, index);
}

/* LZCNT, TZCNT */
static void scan_count(struct emul_run *r, u64 v)
{
	unsigned int size = r->i.opsize;
	u64 count = 8 * size;

	if (v)
		count = r->i.opcode & 1 ? count_leading(v, size) :
					  (u64)__builtin_ctzll(v);
	r->c->rflags &= ~(EMUL_ZF | EMUL_CF);
	if (!v)
		r->c->rflags |= EMUL_CF;
	if (!count)
		r->c->rflags |= EMUL_ZF;
	emul_set_reg(r, r->i.reg, size, count);
}

enum emul_verdict emul_bitscan(struct emul_run *r)
{
	enum emul_verdict verdict;
	u64 v;

	verdict = emul_read_rm(r, r->i.opsize, &v);
	if (verdict != EMUL_OKAY)
		return verdict;
	if (r->i.pp == INSN_PP_F3)
		scan_count(r, v);
	else
		scan_plain(r, v);
	return EMUL_OKAY;
}

/* By hand: the kernel has no library for the compiler's own. */
static unsigned int count_ones(u64 v)
{
	unsigned int n;

	for (n = 0; v; n++)
		v &= v - 1;
	return n;
}

enum emul_verdict emul_popcnt(struct emul_run *r)
{
	enum emul_verdict verdict;
	u64 v;

	if (r->i.pp != INSN_PP_F3)
		return EMUL_UNHANDLED;
	verdict = emul_read_rm(r, r->i.opsize, &v);
	if (verdict != EMUL_OKAY)
		return verdict;
	r->c->rflags &= ~EMUL_STATUS;
	if (!v)
		r->c->rflags |= EMUL_ZF;
	emul_set_reg(r, r->i.reg, r->i.opsize, count_ones(v));
	return EMUL_OKAY;
}

/* ---- conversions, flags ------------------------------------------------------------- */

/* CBW, CWDE, CDQE */
enum emul_verdict emul_cbw(struct emul_run *r)
{
	unsigned int half = r->i.opsize / 2;

	emul_set_reg(r, EMUL_RAX, r->i.opsize,
		     emul_sign_extend(r->c->regs[EMUL_RAX], half));
	return EMUL_OKAY;
}

/* CWD, CDQ, CQO */
enum emul_verdict emul_cwd(struct emul_run *r)
{
	u64 a = emul_sign_extend(r->c->regs[EMUL_RAX], r->i.opsize);

	emul_set_reg(r, EMUL_RDX, r->i.opsize, (u64)((s64)a >> 63));
	return EMUL_OKAY;
}

#define AH_FLAGS (EMUL_SF | EMUL_ZF | EMUL_AF | EMUL_PF | EMUL_CF)

enum emul_verdict emul_sahf(struct emul_run *r)
{
	u64 ah = r->c->regs[EMUL_RAX] >> 8;

	r->c->rflags = (r->c->rflags & ~AH_FLAGS) | (ah & AH_FLAGS);
	return EMUL_OKAY;
}

/* Bit 1 reads as one. */
enum emul_verdict emul_lahf(struct emul_run *r)
{
	u64 ah = (r->c->rflags & AH_FLAGS) | 2;

	r->c->regs[EMUL_RAX] = (r->c->regs[EMUL_RAX] & ~0xff00ULL) | ah << 8;
	return EMUL_OKAY;
}

enum emul_verdict emul_flag(struct emul_run *r)
{
	u64 *flags = &r->c->rflags;

	switch (r->i.opcode) {
	case 0xf5:
		*flags ^= EMUL_CF;
		break;
	case 0xf8:
		*flags &= ~EMUL_CF;
		break;
	case 0xf9:
		*flags |= EMUL_CF;
		break;
	case 0xfc:
		*flags &= ~EMUL_DF;
		break;
	default:
		*flags |= EMUL_DF;
		break;
	}
	return EMUL_OKAY;
}

/* ---- decimal ---------------------------------------------------------------------- */

/* DAA, DAS, AAA, AAS */
enum emul_verdict emul_bcd(struct emul_run *r)
{
	u16 ax = emul_bcd_adjust(r->i.opcode, r->c->regs[EMUL_RAX], &r->c->rflags);

	emul_set_reg(r, EMUL_RAX, 2, ax);
	return EMUL_OKAY;
}

enum emul_verdict emul_aam(struct emul_run *r)
{
	u8 al = r->c->regs[EMUL_RAX], base = r->i.imm;

	if (!base)
		return emul_raise(r, EMUL_DE);
	emul_set_reg(r, EMUL_RAX, 2, al / base << 8 | al % base);
	emul_set_szp(1, al % base, &r->c->rflags);
	return EMUL_OKAY;
}

enum emul_verdict emul_aad(struct emul_run *r)
{
	u16 ax = r->c->regs[EMUL_RAX];
	u8 al = (ax & 0xff) + (ax >> 8) * (u8)r->i.imm;

	emul_set_reg(r, EMUL_RAX, 2, al);
	emul_set_szp(1, al, &r->c->rflags);
	return EMUL_OKAY;
}

/* D6: AL = CF ? FF : 0 */
enum emul_verdict emul_salc(struct emul_run *r)
{
	emul_set_reg(r, EMUL_RAX, 1, r->c->rflags & EMUL_CF ? 0xff : 0);
	return EMUL_OKAY;
}

/* Two signed bounds in memory, the lower first. */
enum emul_verdict emul_bound(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	s64 index = (s64)emul_sign_extend(r->c->regs[r->i.reg], size);
	enum emul_verdict v;
	u64 pair = 0;

	v = emul_read(r, r->i.seg, emul_offset(r), &pair, 2 * size);
	if (v != EMUL_OKAY)
		return v;
	if (index < (s64)emul_sign_extend(pair, size) ||
	    index > (s64)emul_sign_extend(pair >> (8 * size), size))
		return emul_raise(r, EMUL_BR);
	return EMUL_OKAY;
}
