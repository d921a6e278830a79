/* SPDX-License-Identifier: GPL-2.0 */
/*
 * emul_alu: what the arithmetic instructions compute, as functions of numbers.
 *
 * Operands are unsigned, already cut to @size bytes (1, 2, 4, 8); results are
 * cut as well. @flags is RFLAGS in and out; bits the instruction does not
 * define are left alone where APM3 says "undefined", with the exceptions noted
 * per function. Nothing here can fail but division.
 */
#ifndef BACKPLANE_KVM_CORE_EMUL_ALU_H
#define BACKPLANE_KVM_CORE_EMUL_ALU_H

#include "env.h"

/* RFLAGS, APM2 3.1.6 */
#define EMUL_CF		BIT_ULL(0)
#define EMUL_PF		BIT_ULL(2)
#define EMUL_AF		BIT_ULL(4)
#define EMUL_ZF		BIT_ULL(6)
#define EMUL_SF		BIT_ULL(7)
#define EMUL_TF		BIT_ULL(8)
#define EMUL_IF		BIT_ULL(9)
#define EMUL_DF		BIT_ULL(10)
#define EMUL_OF		BIT_ULL(11)
#define EMUL_IOPL	(BIT_ULL(12) | BIT_ULL(13))
#define EMUL_NT		BIT_ULL(14)
#define EMUL_RF		BIT_ULL(16)
#define EMUL_VM		BIT_ULL(17)
#define EMUL_AC		BIT_ULL(18)
#define EMUL_VIF	BIT_ULL(19)
#define EMUL_VIP	BIT_ULL(20)
#define EMUL_ID		BIT_ULL(21)
#define EMUL_STATUS	(EMUL_CF | EMUL_PF | EMUL_AF | EMUL_ZF | EMUL_SF | EMUL_OF)

/* ModRM.reg of group 1, bits 5:3 of opcodes 00-3F */
enum emul_alu_kind { EMUL_ADD, EMUL_OR, EMUL_ADC, EMUL_SBB, EMUL_AND, EMUL_SUB,
		     EMUL_XOR, EMUL_CMP };
/* ModRM.reg of group 2 */
enum emul_shift_kind { EMUL_ROL, EMUL_ROR, EMUL_RCL, EMUL_RCR, EMUL_SHL,
		       EMUL_SHR, EMUL_SAL, EMUL_SAR };

static inline u64 emul_mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

static inline u64 emul_sign_extend(u64 v, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(v << shift) >> shift);
}

/* EMUL_CMP returns the difference; the logical ones clear AF. */
u64 emul_alu(enum emul_alu_kind kind, unsigned int size, u64 a, u64 b, u64 *flags);
/* AND without a result: TEST. */
void emul_test(unsigned int size, u64 a, u64 b, u64 *flags);
/* INC and DEC leave CF alone. */
u64 emul_inc(unsigned int size, u64 a, u64 *flags);
u64 emul_dec(unsigned int size, u64 a, u64 *flags);
/*
 * @count as the instruction gave it. OF is computed as for a count of one at
 * any count; AF is left alone.
 */
u64 emul_shift(enum emul_shift_kind kind, unsigned int size, u64 a,
	       unsigned int count, u64 *flags);
/* A 16-bit count above 16 (undefined) shifts the double operand again. */
u64 emul_shift_double(bool left, unsigned int size, u64 dst, u64 src,
		      unsigned int count, u64 *flags);
/* The whole product in *lo, *hi, each @size bytes. */
void emul_mul(bool sign, unsigned int size, u64 a, u64 b, u64 *lo, u64 *hi,
	      u64 *flags);
/* hi:lo / d. False: divide error, nothing changed. */
bool emul_div(bool sign, unsigned int size, u64 d, u64 *lo, u64 *hi);
/* Condition codes in the order of Jcc. */
bool emul_condition(unsigned int code, u64 flags);
/* DAA 27, DAS 2F, AAA 37, AAS 3F on AX. */
u16 emul_bcd_adjust(u8 opcode, u16 ax, u64 *flags);
/* Set SF, ZF, PF from @v. */
void emul_set_szp(unsigned int size, u64 v, u64 *flags);

#endif
