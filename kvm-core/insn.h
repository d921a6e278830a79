/* SPDX-License-Identifier: GPL-2.0 */
/*
 * insn: x86 machine code -> one struct insn.
 *
 * The decoder knows the shape of every instruction in the one-byte, 0F, 0F38,
 * 0F3A, 3DNow!, VEX, XOP and EVEX encodings: prefixes, ModRM, SIB,
 * displacement, immediates, and so its length. What the instruction does is
 * the emulator's matter; the table only names the handler (enum insn_op), or
 * INSN_OP_LENGTH for those that nobody executes here.
 *
 * APM3 1.2-1.8 (encoding), appendix A (opcode maps). AMD's reading is taken
 * where vendors differ: 66h on a near branch in 64-bit code gives a 16-bit
 * displacement.
 *
 * Pure, no state, no allocation. Touches only the bytes it was given.
 */
#ifndef BACKPLANE_KVM_CORE_INSN_H
#define BACKPLANE_KVM_CORE_INSN_H

#include "env.h"

/* A table entry: bits 7:0 are the op (or the group), the rest the shape. */
#define INSN_OP_MASK	0xffu
#define INSN_MODRM	BIT(8)		/* a ModRM byte follows */
#define INSN_IMM_MASK	(BIT(9) | BIT(10) | BIT(11))
#define INSN_I8		(1u << 9)	/* one byte, sign-extended */
#define INSN_IZ		(2u << 9)	/* 2 or 4 bytes, sign-extended */
#define INSN_IV		(3u << 9)	/* 2, 4 or 8 bytes */
#define INSN_IW		(4u << 9)	/* 2 bytes */
#define INSN_IWB	(5u << 9)	/* 2 bytes, then 1 into imm2 */
#define INSN_FAR	(6u << 9)	/* 2 or 4 bytes, then 2 into imm2 */
#define INSN_MOFFS	(7u << 9)	/* an address-sized displacement */
#define INSN_BYTE	BIT(12)		/* operates on bytes */
#define INSN_D64	BIT(13)		/* 64-bit operand by default in 64-bit code */
#define INSN_NO64	BIT(14)		/* #UD in 64-bit code */
#define INSN_LOCKABLE	BIT(15)		/* LOCK allowed with a memory operand */
#define INSN_GROUP	BIT(16)		/* op is a group; ModRM.reg selects */
#define INSN_SPLIT	BIT(17)		/* register forms: the next group */
#define INSN_MEM	BIT(18)		/* #UD with a register operand */
#define INSN_PREFIX	BIT(19)		/* not an opcode */
#define INSN_SPECIAL	BIT(20)		/* the decoder has a rule of its own */

/* Who executes it. The order is that of emul.c's handler table. */
enum insn_op {
	INSN_OP_NONE,		/* not known, length neither */
	INSN_OP_LENGTH,		/* length known, never executed here */
	INSN_OP_UD,		/* surely undefined */
	/* emul_int.c */
	INSN_OP_ALU_RM_R, INSN_OP_ALU_R_RM, INSN_OP_ALU_ACC_I, INSN_OP_ALU_RM_I,
	INSN_OP_TEST_RM_R, INSN_OP_TEST_ACC_I, INSN_OP_TEST_RM_I,
	INSN_OP_MOV_RM_R, INSN_OP_MOV_R_RM, INSN_OP_MOV_RM_I, INSN_OP_MOV_R_I,
	INSN_OP_MOV_ACC_MOFFS, INSN_OP_MOV_MOFFS_ACC,
	INSN_OP_MOVZX, INSN_OP_MOVSX, INSN_OP_MOVSXD /* or ARPL */, INSN_OP_MOVBE,
	INSN_OP_MOVNTI, INSN_OP_XCHG, INSN_OP_XCHG_ACC, INSN_OP_LEA,
	INSN_OP_XADD, INSN_OP_CMPXCHG, INSN_OP_CMPXCHG8B,
	INSN_OP_INCDEC_R, INSN_OP_UNARY, INSN_OP_SETCC, INSN_OP_CMOVCC,
	INSN_OP_BSWAP, INSN_OP_XLAT, INSN_OP_NOP_MEM,
	/* emul_math.c */
	INSN_OP_MUL, INSN_OP_IMUL_R_RM, INSN_OP_IMUL_R_RM_I, INSN_OP_DIV,
	INSN_OP_SHIFT_I, INSN_OP_SHIFT_1, INSN_OP_SHIFT_CL, INSN_OP_SHLD_I,
	INSN_OP_SHLD_CL, INSN_OP_BT_R, INSN_OP_BT_I, INSN_OP_BITSCAN,
	INSN_OP_POPCNT, INSN_OP_CBW, INSN_OP_CWD, INSN_OP_SAHF, INSN_OP_LAHF,
	INSN_OP_FLAG, INSN_OP_BCD, INSN_OP_AAM, INSN_OP_AAD, INSN_OP_SALC,
	INSN_OP_BOUND,
	/* emul_flow.c */
	INSN_OP_PUSH_R, INSN_OP_POP_R, INSN_OP_PUSH_I, INSN_OP_PUSH_RM,
	INSN_OP_POP_RM, INSN_OP_PUSHA, INSN_OP_POPA, INSN_OP_PUSHF,
	INSN_OP_POPF, INSN_OP_ENTER, INSN_OP_LEAVE, INSN_OP_JMP_REL,
	INSN_OP_JCC, INSN_OP_LOOP, INSN_OP_JCXZ, INSN_OP_CALL_REL,
	INSN_OP_JMP_RM, INSN_OP_CALL_RM, INSN_OP_RET,
	/* emul_seg.c */
	INSN_OP_PUSH_SEG, INSN_OP_POP_SEG, INSN_OP_MOV_RM_SEG,
	INSN_OP_MOV_SEG_RM, INSN_OP_LOAD_FAR, INSN_OP_JMP_FAR,
	INSN_OP_CALL_FAR, INSN_OP_JMP_FAR_MEM, INSN_OP_CALL_FAR_MEM,
	INSN_OP_RET_FAR,
	/* emul_desc.c */
	INSN_OP_LOAD_SYSTEM, INSN_OP_STORE_SYSTEM, INSN_OP_LOAD_TABLE,
	INSN_OP_STORE_TABLE,
	/* emul_string.c */
	INSN_OP_MOVS, INSN_OP_CMPS, INSN_OP_STOS, INSN_OP_LODS, INSN_OP_SCAS,
	INSN_OP_INS, INSN_OP_OUTS, INSN_OP_IN, INSN_OP_OUT,
	/* emul_sys.c */
	INSN_OP_CLI, INSN_OP_STI, INSN_OP_MOV_CR, INSN_OP_MOV_DR,
	INSN_OP_CLTS, INSN_OP_SMSW, INSN_OP_LMSW, INSN_OP_INVLPG,
	INSN_OP_GROUP15,
	/* emul_sse.c: these also exist with a VEX prefix */
	INSN_OP_SSE_FIRST,
	INSN_OP_SSE_MOV = INSN_OP_SSE_FIRST,	/* loads and stores of one register */
	INSN_OP_SSE_HALF,			/* movlps, movhps, .. */
	INSN_OP_SSE_GPR,			/* movd, movq, movq xmm */
	INSN_NR_OPS
};

extern const u32 insn_map_one[256];	/* one-byte opcodes */
extern const u32 insn_map_0f[256];	/* after 0F */
extern const u32 insn_groups[][8];	/* by ModRM.reg */

enum insn_pp { INSN_PP_NONE, INSN_PP_66, INSN_PP_F3, INSN_PP_F2 };
enum insn_coding { INSN_LEGACY, INSN_VEX, INSN_XOP, INSN_EVEX };

#define INSN_REX_B	BIT(0)
#define INSN_REX_X	BIT(1)
#define INSN_REX_R	BIT(2)
#define INSN_REX_W	BIT(3)
#define INSN_NO_REG	0xff

struct insn {
	u32 attr;		/* the table entry, groups resolved */
	u8 map;			/* 0 one-byte, 1 0F, 2 0F38, 3 0F3A */
	u8 opcode;
	u8 modrm;
	u8 length;
	u8 bits;		/* of the code: 16, 32, 64 */
	u8 opsize;		/* bytes: 1, 2, 4, 8 */
	u8 addrsize;		/* bytes: 2, 4, 8 */
	u8 rex;			/* 0, or 40h + WRXB; VEX's bits too */
	u8 rep;			/* 0, F2h, F3h */
	u8 pp;			/* enum insn_pp, from prefixes or VEX */
	bool data16;		/* 66h seen */
	bool lock;
	u8 coding;		/* enum insn_coding */
	u8 vvvv, vex_l;		/* of VEX: register (not inverted), length bit */
	bool mem;		/* ModRM names memory */
	u8 seg;			/* of the memory operand, enum emul_seg */
	u8 seg_override;	/* INSN_NO_REG: none */
	u8 reg, rm;		/* register numbers with REX; rm if !mem */
	u8 base, index, scale;	/* INSN_NO_REG: none */
	bool rip_relative;
	u16 imm2;
	u64 disp;		/* sign-extended; of moffs, the address */
	u64 imm;		/* sign-extended; of INSN_FAR, the offset */
};

enum insn_result {
	INSN_OKAY,
	INSN_SHORT,		/* more bytes are needed */
	INSN_LONG,		/* more than 15 bytes: #GP */
	INSN_UNDEFINED,		/* #UD whatever follows */
	INSN_UNKNOWN,		/* neither known nor surely undefined */
};

static inline unsigned int insn_op(const struct insn *i)
{
	return i->attr & INSN_OP_MASK;
}

/*
 * Decode at most @count (<= 15) bytes of @bits-bit code. With INSN_OKAY all of
 * *@i is valid; otherwise nothing of it is.
 */
enum insn_result insn_decode(struct insn *i, const u8 *bytes,
			     unsigned int count, unsigned int bits);

#endif
