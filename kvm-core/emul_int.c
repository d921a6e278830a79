// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for the two-operand integer instructions: moves, arithmetic and
 * logic, exchanges, conditional moves (APM3 chapter 3). Called from emul.c's
 * table; numbers come from emul_alu.c, operands from emul_mem.c.
 */
#include "kvm-core/emul_run.h"

/* ---- add, or, adc, sbb, and, sub, xor, cmp --------------------------------- */

/* Opcodes 00-3F carry the kind in bits 5:3, group 1 in ModRM.reg. */
static enum emul_alu_kind alu_kind(const struct emul_run *r)
{
	return (r->i.opcode & 0x80 ? r->i.modrm : r->i.opcode) >> 3 & 7;
}

static u64 alu_change(const struct emul_update *u)
{
	return emul_alu(alu_kind(u->r), u->size, u->old, u->arg, u->flags);
}

/* CMP only reads. */
static enum emul_verdict alu_to_rm(struct emul_run *r, u64 arg)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 old;

	arg &= emul_mask(size);
	if (alu_kind(r) != EMUL_CMP)
		return emul_modify_rm(r, size, false, 0, alu_change, arg, &old);
	v = emul_read_rm(r, size, &old);
	if (v == EMUL_OKAY)
		emul_alu(EMUL_CMP, size, old, arg, &r->c->rflags);
	return v;
}

static void alu_to_reg(struct emul_run *r, unsigned int n, u64 arg)
{
	unsigned int size = r->i.opsize;
	enum emul_alu_kind kind = alu_kind(r);
	u64 result;

	result = emul_alu(kind, size, emul_reg(r, n, size), arg & emul_mask(size),
			  &r->c->rflags);
	if (kind != EMUL_CMP)
		emul_set_reg(r, n, size, result);
}

enum emul_verdict emul_alu_rm_r(struct emul_run *r)
{
	return alu_to_rm(r, emul_reg(r, r->i.reg, r->i.opsize));
}

enum emul_verdict emul_alu_rm_i(struct emul_run *r)
{
	return alu_to_rm(r, r->i.imm);
}

enum emul_verdict emul_alu_r_rm(struct emul_run *r)
{
	enum emul_verdict v;
	u64 arg;

	v = emul_read_rm(r, r->i.opsize, &arg);
	if (v == EMUL_OKAY)
		alu_to_reg(r, r->i.reg, arg);
	return v;
}

enum emul_verdict emul_alu_acc_i(struct emul_run *r)
{
	alu_to_reg(r, EMUL_RAX, r->i.imm);
	return EMUL_OKAY;
}

static enum emul_verdict test_rm(struct emul_run *r, u64 arg)
{
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, r->i.opsize, &value);
	if (v == EMUL_OKAY)
		emul_test(r->i.opsize, value, arg, &r->c->rflags);
	return v;
}

enum emul_verdict emul_test_rm_r(struct emul_run *r)
{
	return test_rm(r, emul_reg(r, r->i.reg, r->i.opsize));
}

enum emul_verdict emul_test_rm_i(struct emul_run *r)
{
	return test_rm(r, r->i.imm);
}

enum emul_verdict emul_test_acc_i(struct emul_run *r)
{
	emul_test(r->i.opsize, emul_reg(r, EMUL_RAX, r->i.opsize), r->i.imm,
		  &r->c->rflags);
	return EMUL_OKAY;
}

/* INC, DEC (FE, FF), NOT, NEG (F6, F7) */
static u64 unary_change(const struct emul_update *u)
{
	switch (u->r->i.modrm >> 3 & 7) {
	case 0:
		return emul_inc(u->size, u->old, u->flags);
	case 1:
		return emul_dec(u->size, u->old, u->flags);
	case 2:
		return ~u->old & emul_mask(u->size);
	default:
		return emul_alu(EMUL_SUB, u->size, 0, u->old, u->flags);
	}
}

enum emul_verdict emul_unary(struct emul_run *r)
{
	u64 old;

	return emul_modify_rm(r, r->i.opsize, false, 0, unary_change, 0, &old);
}

/* 40-4F outside 64-bit code */
enum emul_verdict emul_incdec_r(struct emul_run *r)
{
	unsigned int n = r->i.opcode & 7, size = r->i.opsize;
	u64 old = emul_reg(r, n, size);

	emul_set_reg(r, n, size, r->i.opcode & 8 ?
		     emul_dec(size, old, &r->c->rflags) :
		     emul_inc(size, old, &r->c->rflags));
	return EMUL_OKAY;
}

/* ---- moves ---------------------------------------------------------------------- */

enum emul_verdict emul_mov_rm_r(struct emul_run *r)
{
	return emul_write_rm(r, r->i.opsize, emul_reg(r, r->i.reg, r->i.opsize));
}

enum emul_verdict emul_mov_r_rm(struct emul_run *r)
{
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, r->i.opsize, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, r->i.opsize, value);
	return v;
}

enum emul_verdict emul_mov_rm_i(struct emul_run *r)
{
	return emul_write_rm(r, r->i.opsize, r->i.imm);
}

enum emul_verdict emul_mov_r_i(struct emul_run *r)
{
	unsigned int n = (r->i.opcode & 7) | (r->i.rex & INSN_REX_B ? 8 : 0);

	emul_set_reg(r, n, r->i.opsize, r->i.imm);
	return EMUL_OKAY;
}

enum emul_verdict emul_mov_acc_moffs(struct emul_run *r)
{
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, r->i.opsize, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, EMUL_RAX, r->i.opsize, value);
	return v;
}

enum emul_verdict emul_mov_moffs_acc(struct emul_run *r)
{
	return emul_write_rm(r, r->i.opsize, emul_reg(r, EMUL_RAX, r->i.opsize));
}

enum emul_verdict emul_movzx(struct emul_run *r)
{
	unsigned int from = r->i.opcode & 1 ? 2 : 1;
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, from, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, r->i.opsize, value);
	return v;
}

static enum emul_verdict move_extended(struct emul_run *r, unsigned int from)
{
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, from, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, r->i.opsize,
			     emul_sign_extend(value, from));
	return v;
}

enum emul_verdict emul_movsx(struct emul_run *r)
{
	return move_extended(r, r->i.opcode & 1 ? 2 : 1);
}

/* ARPL: raise the requested privilege level of a selector to arg's. */
static u64 arpl_change(const struct emul_update *u)
{
	bool raise = (u->old & 3) < (u->arg & 3);

	*u->flags = raise ? *u->flags | EMUL_ZF : *u->flags & ~EMUL_ZF;
	return raise ? (u->old & ~3ULL) | (u->arg & 3) : u->old;
}

/* Opcode 63 is ARPL outside 64-bit code. */
enum emul_verdict emul_movsxd(struct emul_run *r)
{
	u64 old;

	if (r->i.bits == 64)
		return move_extended(r, min(r->i.opsize, (u8)4));
	if (emul_paragraphs(r->c))
		return emul_raise(r, EMUL_UD);
	return emul_modify_rm(r, 2, false, 0, arpl_change,
			      emul_reg(r, r->i.reg, 2), &old);
}

static u64 swap_bytes(u64 v, unsigned int size)
{
	return __builtin_bswap64(v) >> (64 - 8 * size);
}

enum emul_verdict emul_movbe(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 value;

	if (r->i.opcode & 1)
		return emul_write_rm(r, size,
				     swap_bytes(emul_reg(r, r->i.reg, size), size));
	v = emul_read_rm(r, size, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, size, swap_bytes(value, size));
	return v;
}

/* A 16-bit BSWAP is undefined (APM3); it clears the register's low half. */
enum emul_verdict emul_bswap(struct emul_run *r)
{
	unsigned int n = (r->i.opcode & 7) | (r->i.rex & INSN_REX_B ? 8 : 0);
	unsigned int size = r->i.opsize;

	emul_set_reg(r, n, size,
		     size == 2 ? 0 : swap_bytes(emul_reg(r, n, size), size));
	return EMUL_OKAY;
}

/* Only a 32- or 64-bit store; 66h changes nothing. */
enum emul_verdict emul_movnti(struct emul_run *r)
{
	unsigned int size = r->i.rex & INSN_REX_W ? 8 : 4;

	return emul_write_rm(r, size, emul_reg(r, r->i.reg, size));
}

enum emul_verdict emul_lea(struct emul_run *r)
{
	emul_set_reg(r, r->i.reg, r->i.opsize, emul_offset(r));
	return EMUL_OKAY;
}

enum emul_verdict emul_xlat(struct emul_run *r)
{
	u64 offset = r->c->regs[EMUL_RBX] + (r->c->regs[EMUL_RAX] & 0xff);
	enum emul_verdict v;
	u8 value;

	v = emul_read(r, emul_data_seg(r), offset & emul_mask(r->i.addrsize),
		      &value, 1);
	if (v == EMUL_OKAY)
		emul_set_reg(r, EMUL_RAX, 1, value);
	return v;
}

enum emul_verdict emul_setcc(struct emul_run *r)
{
	return emul_write_rm(r, 1, emul_condition(r->i.opcode & 15, r->c->rflags));
}

/* The source is read, and a 32-bit destination cut, whatever the condition. */
enum emul_verdict emul_cmovcc(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 value;

	v = emul_read_rm(r, size, &value);
	if (v != EMUL_OKAY)
		return v;
	if (!emul_condition(r->i.opcode & 15, r->c->rflags))
		value = emul_reg(r, r->i.reg, size);
	emul_set_reg(r, r->i.reg, size, value);
	return EMUL_OKAY;
}

/* NOP with an operand, PREFETCH: nothing is accessed. */
enum emul_verdict emul_nop_mem(struct emul_run *r)
{
	(void)r;
	return EMUL_OKAY;
}

/* ---- exchanges -------------------------------------------------------------------- */

static u64 take_arg(const struct emul_update *u)
{
	return u->arg;
}

/* XCHG with memory is locked with or without the prefix. */
enum emul_verdict emul_xchg(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 old;

	v = emul_modify_rm(r, size, true, 0, take_arg,
			   emul_reg(r, r->i.reg, size), &old);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, size, old);
	return v;
}

/* 90 is NOP (PAUSE with F3) unless REX.B makes it r8. */
enum emul_verdict emul_xchg_acc(struct emul_run *r)
{
	unsigned int n = (r->i.opcode & 7) | (r->i.rex & INSN_REX_B ? 8 : 0);
	unsigned int size = r->i.opsize;
	u64 a, b;

	if (n == EMUL_RAX)
		return EMUL_OKAY;
	a = emul_reg(r, EMUL_RAX, size);
	b = emul_reg(r, n, size);
	emul_set_reg(r, EMUL_RAX, size, b);
	emul_set_reg(r, n, size, a);
	return EMUL_OKAY;
}

static u64 add_arg(const struct emul_update *u)
{
	return emul_alu(EMUL_ADD, u->size, u->old, u->arg, u->flags);
}

/* With one register as both operands the sum stays. */
enum emul_verdict emul_xadd(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 old;

	v = emul_modify_rm(r, size, false, 0, add_arg,
			   emul_reg(r, r->i.reg, size), &old);
	if (v == EMUL_OKAY && (r->i.mem || r->i.rm != r->i.reg))
		emul_set_reg(r, r->i.reg, size, old);
	return v;
}

static u64 replace_if_equal(const struct emul_update *u)
{
	u64 acc = emul_reg(u->r, EMUL_RAX, u->size);

	emul_alu(EMUL_CMP, u->size, acc, u->old, u->flags);
	return acc == u->old ? u->arg : u->old;
}

/*
 * When it does not match, memory is written all the same, as the CPU does, but
 * a register keeps all its bits.
 */
enum emul_verdict emul_cmpxchg(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	u64 acc = emul_reg(r, EMUL_RAX, size), old;
	u64 whole = r->c->regs[r->i.rm];
	enum emul_verdict v;

	v = emul_modify_rm(r, size, false, 0, replace_if_equal,
			   emul_reg(r, r->i.reg, size), &old);
	if (v != EMUL_OKAY || acc == old)
		return v;
	if (!r->i.mem && size > 1)
		r->c->regs[r->i.rm] = whole;
	emul_set_reg(r, EMUL_RAX, size, old);
	return EMUL_OKAY;
}

static enum emul_verdict cmpxchg_pair(struct emul_run *r, gva_t la,
				      unsigned int half, u64 *old, bool *equal)
{
	const u64 *g = r->c->regs;
	u64 want[2] = { g[EMUL_RAX], g[EMUL_RDX] };
	u64 new_value[2] = { g[EMUL_RBX], g[EMUL_RCX] };
	const struct emul_ops *ops = r->c->ops;
	enum emul_verdict v;
	bool swapped;

	if (half == 4) {
		want[0] = (u32)want[0] | want[1] << 32;
		new_value[0] = (u32)new_value[0] | new_value[1] << 32;
	}
	if (!ops->read || !ops->write)
		return EMUL_UNHANDLED;
	v = emul_verdict_of(ops->read(r->c, la, old, 2 * half, true));
	if (v != EMUL_OKAY)
		return v;
	*equal = !memcmp(old, want, 2 * half);
	if (!*equal)
		memcpy(new_value, old, 2 * half);
	if (!r->i.lock)
		return emul_verdict_of(ops->write(r->c, la, new_value, 2 * half));
	v = emul_compare_swap(r, la, old, new_value, 2 * half, &swapped);
	*equal &= swapped;
	return v;
}

enum emul_verdict emul_cmpxchg8b(struct emul_run *r)
{
	unsigned int half = r->i.rex & INSN_REX_W ? 8 : 4;
	u64 old[2] = { 0, 0 };
	enum emul_verdict v;
	bool equal;
	gva_t la;

	v = emul_linear(r, r->i.seg, emul_offset(r), 2 * half, true, &la);
	if (v != EMUL_OKAY)
		return v;
	if (half == 8 && (la & 15))
		return emul_raise_gp(r);
	v = cmpxchg_pair(r, la, half, old, &equal);
	if (v != EMUL_OKAY)
		return v;
	r->c->rflags &= ~EMUL_ZF;
	if (equal) {
		r->c->rflags |= EMUL_ZF;
		return EMUL_OKAY;
	}
	if (half == 4)
		old[1] = old[0] >> 32;
	emul_set_reg(r, EMUL_RAX, half, old[0]);
	emul_set_reg(r, EMUL_RDX, half, old[1]);
	return EMUL_OKAY;
}
