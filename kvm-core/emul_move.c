// SPDX-License-Identifier: GPL-2.0
/*
 * Plain loads and stores (APM3 MOV, MOVZX, MOVSX, MOVSXD), apart from the
 * emulator: no faults, no flags, no memory. fast_linux.c calls it on a nested
 * fault whose address the CPU has translated; it knows the instruction and the
 * registers, nothing else.
 */
#include "kvm-core/emul_move.h"
#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"

/* Byte registers 4..7 are AH, CH, DH, BH unless a REX prefix is there. */
static void set_register(const struct insn *i, struct emul_move *m, u8 reg)
{
	m->high = m->width == 1 && !i->rex && reg >= 4;
	m->reg = m->high ? reg & 3 : reg;
}

static void set_load(const struct insn *i, struct emul_move *m, u8 size, bool sign)
{
	m->load = true;
	m->size = size;
	m->width = i->opsize;
	m->sign = sign;
	set_register(i, m, i->reg);
}

bool emul_move_find(const struct insn *i, struct emul_move *m)
{
	if (!i->mem || i->lock || i->coding != INSN_LEGACY)
		return false;
	*m = (struct emul_move){ .size = i->opsize, .width = i->opsize };
	switch (insn_op(i)) {
	case INSN_OP_MOV_RM_R:
		set_register(i, m, i->reg);
		return true;
	case INSN_OP_MOV_R_RM:
		set_load(i, m, i->opsize, false);
		return true;
	case INSN_OP_MOV_RM_I:
		m->immediate = true;
		m->value = i->imm;
		return true;
	case INSN_OP_MOV_ACC_MOFFS:
		set_load(i, m, i->opsize, false);
		set_register(i, m, EMUL_RAX);
		return true;
	case INSN_OP_MOV_MOFFS_ACC:
		set_register(i, m, EMUL_RAX);
		return true;
	case INSN_OP_MOVZX:
	case INSN_OP_MOVSX:
		set_load(i, m, i->opcode & 1 ? 2 : 1, insn_op(i) == INSN_OP_MOVSX);
		return true;
	case INSN_OP_MOVSXD:	/* ARPL outside 64-bit code */
		set_load(i, m, min(i->opsize, (u8)4), true);
		return i->bits == 64;
	default:
		return false;
	}
}

u64 emul_move_offset(const struct insn *i, const u64 *regs, u64 next)
{
	u64 offset = i->disp;

	if (i->base != INSN_NO_REG)
		offset += regs[i->base];
	if (i->index != INSN_NO_REG)
		offset += regs[i->index] << i->scale;
	if (i->rip_relative)
		offset += next;
	return offset & emul_mask(i->addrsize);
}

u64 emul_move_stored(const struct emul_move *m, const u64 *regs)
{
	if (m->immediate)
		return m->value;
	return m->high ? regs[m->reg] >> 8 : regs[m->reg];
}

void emul_move_loaded(const struct emul_move *m, u64 *regs, u64 value)
{
	u64 *reg = &regs[m->reg];

	value = m->sign ? emul_sign_extend(value, m->size) :
			  value & emul_mask(m->size);
	if (m->width == 8)
		*reg = value;
	else if (m->width == 4)
		*reg = (u32)value;	/* clears the upper half */
	else if (m->high)
		*reg = (*reg & ~0xff00ULL) | value << 8;
	else
		*reg = (*reg & ~emul_mask(m->width)) |
		       (value & emul_mask(m->width));
}
