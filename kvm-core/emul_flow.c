// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for the stack and for near branches (APM3 chapter 3; APM2 4.9 for
 * the stack's address size). Called from emul.c's table. Branch targets are
 * checked before anything is pushed.
 */
#include "kvm-core/emul_run.h"

static unsigned int opcode_reg(const struct emul_run *r)
{
	return (r->i.opcode & 7) | (r->i.rex & INSN_REX_B ? 8 : 0);
}

static enum emul_verdict push(struct emul_run *r, u64 v)
{
	return emul_push(r, &r->c->regs[EMUL_RSP], v, r->i.opsize);
}

/* ---- push, pop ------------------------------------------------------------- */

enum emul_verdict emul_push_r(struct emul_run *r)
{
	return push(r, r->c->regs[opcode_reg(r)]);
}

enum emul_verdict emul_push_i(struct emul_run *r)
{
	return push(r, r->i.imm);
}

enum emul_verdict emul_push_rm(struct emul_run *r)
{
	enum emul_verdict v = EMUL_OKAY;
	u64 value;

	if (r->i.mem)
		v = emul_probe_push(r, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_read_rm(r, r->i.opsize, &value);
	return v == EMUL_OKAY ? push(r, value) : v;
}

/* POP rSP: the popped value wins over the increment. */
enum emul_verdict emul_pop_r(struct emul_run *r)
{
	enum emul_verdict v;
	u64 value;

	v = emul_pop(r, &r->c->regs[EMUL_RSP], &value, r->i.opsize);
	if (v == EMUL_OKAY)
		emul_set_reg(r, opcode_reg(r), r->i.opsize, value);
	return v;
}

/* An address through rSP is computed after the increment. */
enum emul_verdict emul_pop_rm(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], value, offset;
	enum emul_verdict v;

	v = emul_pop(r, &sp, &value, r->i.opsize);
	if (v != EMUL_OKAY)
		return v;
	if (!r->i.mem) {
		r->c->regs[EMUL_RSP] = sp;
		emul_set_reg(r, r->i.rm, r->i.opsize, value);
		return EMUL_OKAY;
	}
	offset = emul_offset(r);
	if (r->i.base == EMUL_RSP)
		offset = (offset + r->i.opsize) & emul_mask(r->i.addrsize);
	v = emul_write(r, r->i.seg, offset, &value, r->i.opsize);
	if (v == EMUL_OKAY)
		r->c->regs[EMUL_RSP] = sp;
	return v;
}

enum emul_verdict emul_pusha(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP];
	enum emul_verdict v;
	unsigned int n;

	for (n = EMUL_RAX; n <= EMUL_RDI; n++) {
		v = emul_push(r, &sp, r->c->regs[n], r->i.opsize);
		if (v != EMUL_OKAY)
			return v;
	}
	r->c->regs[EMUL_RSP] = sp;
	return EMUL_OKAY;
}

enum emul_verdict emul_popa(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], value[8];
	enum emul_verdict v;
	int n;

	for (n = EMUL_RDI; n >= EMUL_RAX; n--) {
		v = emul_pop(r, &sp, &value[n], r->i.opsize);
		if (v != EMUL_OKAY)
			return v;
	}
	value[EMUL_RSP] = sp;
	for (n = EMUL_RAX; n <= EMUL_RDI; n++)
		if (n != EMUL_RSP)
			emul_set_reg(r, n, r->i.opsize, value[n]);
	r->c->regs[EMUL_RSP] = sp;
	return EMUL_OKAY;
}

/* Virtual-8086 code needs IOPL 3; with VME it would have a flag of its own. */
static enum emul_verdict flags_allowed(struct emul_run *r)
{
	if (!emul_vm86(r->c) || emul_iopl(r->c) == 3)
		return EMUL_OKAY;
	return r->c->cr4 & EMUL_CR4_VME ? EMUL_UNHANDLED : emul_raise_gp(r);
}

enum emul_verdict emul_pushf(struct emul_run *r)
{
	enum emul_verdict v = flags_allowed(r);

	return v == EMUL_OKAY ? push(r, r->c->rflags & ~(EMUL_VM | EMUL_RF)) : v;
}

/* What POPF may change depends on the privilege (APM2 3.1.6). */
static u64 popf_mask(const struct emul_run *r)
{
	u64 mask = EMUL_STATUS | EMUL_TF | EMUL_DF | EMUL_NT | EMUL_AC | EMUL_ID;

	if (!emul_protected(r->c) || r->c->cpl == 0)
		mask |= EMUL_IOPL | EMUL_IF;
	else if (r->c->cpl <= emul_iopl(r->c))
		mask |= EMUL_IF;
	return mask & emul_mask(r->i.opsize);
}

enum emul_verdict emul_popf(struct emul_run *r)
{
	enum emul_verdict v = flags_allowed(r);
	u64 value, mask = popf_mask(r);

	if (v == EMUL_OKAY)
		v = emul_pop(r, &r->c->regs[EMUL_RSP], &value, r->i.opsize);
	if (v == EMUL_OKAY)
		r->c->rflags = (r->c->rflags & ~mask) | (value & mask);
	return v;
}

/* Copy the enclosing frames' pointers, then our own. */
static enum emul_verdict enter_nested(struct emul_run *r, u64 *sp, u64 frame,
				      unsigned int level)
{
	unsigned int size = r->i.opsize, n;
	u64 from = r->c->regs[EMUL_RBP], value;
	enum emul_verdict v;

	for (n = 1; n < level; n++) {
		from = emul_sp_plus(r, from, -(s64)size);
		value = 0;
		v = emul_read(r, EMUL_SS, from & emul_mask(emul_stack_size(r)),
			      &value, size);
		if (v == EMUL_OKAY)
			v = emul_push(r, sp, value, size);
		if (v != EMUL_OKAY)
			return v;
	}
	return emul_push(r, sp, frame, size);
}

enum emul_verdict emul_enter(struct emul_run *r)
{
	unsigned int level = r->i.imm2 & 31;
	u64 sp = r->c->regs[EMUL_RSP], frame;
	enum emul_verdict v;

	v = emul_push(r, &sp, r->c->regs[EMUL_RBP], r->i.opsize);
	frame = sp;
	if (v == EMUL_OKAY && level)
		v = enter_nested(r, &sp, frame, level);
	if (v != EMUL_OKAY)
		return v;
	r->c->regs[EMUL_RSP] = emul_sp_plus(r, sp, -(s64)(u16)r->i.imm);
	emul_set_reg(r, EMUL_RBP, r->i.opsize, frame);
	return EMUL_OKAY;
}

enum emul_verdict emul_leave(struct emul_run *r)
{
	u64 sp = emul_merge(r->c->regs[EMUL_RSP], r->c->regs[EMUL_RBP],
			    emul_stack_size(r));
	enum emul_verdict v;
	u64 value;

	v = emul_pop(r, &sp, &value, r->i.opsize);
	if (v != EMUL_OKAY)
		return v;
	r->c->regs[EMUL_RSP] = sp;
	emul_set_reg(r, EMUL_RBP, r->i.opsize, value);
	return EMUL_OKAY;
}

/* ---- branches ------------------------------------------------------------------ */

static enum emul_verdict jump(struct emul_run *r, u64 ip)
{
	enum emul_verdict v = emul_check_ip(r, &ip);

	if (v == EMUL_OKAY)
		r->next = ip;
	return v;
}

static enum emul_verdict call(struct emul_run *r, u64 ip)
{
	enum emul_verdict v = emul_check_ip(r, &ip);

	if (v == EMUL_OKAY)
		v = push(r, r->next);
	if (v == EMUL_OKAY)
		r->next = ip;
	return v;
}

enum emul_verdict emul_jmp_rel(struct emul_run *r)
{
	return jump(r, r->next + r->i.imm);
}

enum emul_verdict emul_jcc(struct emul_run *r)
{
	if (!emul_condition(r->i.opcode & 15, r->c->rflags))
		return EMUL_OKAY;
	return emul_jmp_rel(r);
}

/* E0 LOOPNE, E1 LOOPE, E2 LOOP: the counter is of the address size. */
enum emul_verdict emul_loop(struct emul_run *r)
{
	unsigned int size = r->i.addrsize;
	u64 count = (r->c->regs[EMUL_RCX] - 1) & emul_mask(size);
	bool zero = r->c->rflags & EMUL_ZF, taken = count;
	enum emul_verdict v = EMUL_OKAY;

	if (r->i.opcode != 0xe2)
		taken = taken && zero == (r->i.opcode & 1);
	if (taken)
		v = emul_jmp_rel(r);
	if (v == EMUL_OKAY)
		emul_set_reg(r, EMUL_RCX, size, count);
	return v;
}

enum emul_verdict emul_jcxz(struct emul_run *r)
{
	if (emul_reg(r, EMUL_RCX, r->i.addrsize))
		return EMUL_OKAY;
	return emul_jmp_rel(r);
}

enum emul_verdict emul_call_rel(struct emul_run *r)
{
	return call(r, r->next + r->i.imm);
}

enum emul_verdict emul_jmp_rm(struct emul_run *r)
{
	enum emul_verdict v;
	u64 ip;

	v = emul_read_rm(r, r->i.opsize, &ip);
	return v == EMUL_OKAY ? jump(r, ip) : v;
}

enum emul_verdict emul_call_rm(struct emul_run *r)
{
	enum emul_verdict v = EMUL_OKAY;
	u64 ip;

	if (r->i.mem)
		v = emul_probe_push(r, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_read_rm(r, r->i.opsize, &ip);
	return v == EMUL_OKAY ? call(r, ip) : v;
}

enum emul_verdict emul_ret(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], ip;
	enum emul_verdict v;

	v = emul_pop(r, &sp, &ip, r->i.opsize);
	if (v == EMUL_OKAY)
		v = jump(r, ip);
	if (v == EMUL_OKAY)
		r->c->regs[EMUL_RSP] = emul_sp_plus(r, sp, (u16)r->i.imm);
	return v;
}
