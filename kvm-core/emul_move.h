/* SPDX-License-Identifier: GPL-2.0 */
/*
 * emul_move: the plain loads and stores among the instructions, which is what
 * drivers use on device registers: MOV in all its forms, MOVZX, MOVSX, MOVSXD.
 *
 * When the CPU itself has translated and checked such an operand (a nested
 * fault on its address), all that is left is to move the bytes. The rest of
 * the emulator gives the same result and is the fallback for all else.
 */
#ifndef BACKPLANE_KVM_CORE_EMUL_MOVE_H
#define BACKPLANE_KVM_CORE_EMUL_MOVE_H

#include "kvm-core/insn.h"

struct emul_move {
	u64 value;		/* of a store of an immediate */
	u8 size;		/* bytes in memory: 1, 2, 4, 8 */
	u8 width;		/* bytes of the register */
	u8 reg;			/* 0..15 */
	bool load;		/* memory to register */
	bool sign;		/* a load extends the sign */
	bool high;		/* AH, CH, DH, BH: bits 15:8 of ->reg */
	bool immediate;
};

/* Is @i one of them, with one operand in memory? Then *m. */
bool emul_move_find(const struct insn *i, struct emul_move *m);
/* Its operand's offset in its segment; @next: rip after it. */
u64 emul_move_offset(const struct insn *i, const u64 *regs, u64 next);
/* What a store writes: ->size bytes of the result count. */
u64 emul_move_stored(const struct emul_move *m, const u64 *regs);
/* A load has read @value (->size bytes of it count). */
void emul_move_loaded(const struct emul_move *m, u64 *regs, u64 value);

#endif
