// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode maps as data: APM3 appendix A.2 (one-byte and 0F maps, ModRM
 * groups). One entry per opcode, eight to a paragraph, in the manual's order.
 * insn.c reads shapes from here, emul.c dispatches on the op. Slots that the
 * manual leaves open are INSN_OP_NONE: we claim nothing about them. What only
 * SIMD units execute is LENGTH.
 */
#include "kvm-core/insn.h"

#define OP(name)	INSN_OP_##name
#define M		INSN_MODRM
#define B		INSN_BYTE
#define I8		INSN_I8
#define IZ		INSN_IZ
#define D64		INSN_D64
#define NO64		INSN_NO64
#define LK		INSN_LOCKABLE
#define MEM		INSN_MEM
#define PFX		INSN_PREFIX
#define LEN		OP(LENGTH)
#define MLEN		(LEN | M)
#define GRP(name)	(INSN_GROUP | M | G_##name)
#define GRP2(name)	(GRP(name) | INSN_SPLIT)
#define X2(e)		(e), (e)
#define X4(e)		X2(e), X2(e)
#define X8(e)		X4(e), X4(e)

enum group {
	G_1, G_1A, G_2_I8, G_2_1, G_2_CL, G_3B, G_3, G_4, G_5, G_6,
	G_7, G_7_REG, G_8, G_9, G_9_REG, G_11, G_15, G_15_REG,
};

/* The six forms of an arithmetic instruction; CMP (0) takes no LOCK. */
#define ALU(lk) \
	OP(ALU_RM_R) | M | B | (lk), OP(ALU_RM_R) | M | (lk), \
	OP(ALU_R_RM) | M | B, OP(ALU_R_RM) | M, \
	OP(ALU_ACC_I) | I8 | B, OP(ALU_ACC_I) | IZ

const u32 insn_map_one[256] = {
	/* 00 */ ALU(LK), OP(PUSH_SEG) | NO64, OP(POP_SEG) | NO64,
	/* 08 */ ALU(LK), OP(PUSH_SEG) | NO64, PFX,
	/* 10 */ ALU(LK), OP(PUSH_SEG) | NO64, OP(POP_SEG) | NO64,
	/* 18 */ ALU(LK), OP(PUSH_SEG) | NO64, OP(POP_SEG) | NO64,
	/* 20 */ ALU(LK), PFX, OP(BCD) | NO64,
	/* 28 */ ALU(LK), PFX, OP(BCD) | NO64,
	/* 30 */ ALU(LK), PFX, OP(BCD) | NO64,
	/* 38 */ ALU(0), PFX, OP(BCD) | NO64,
	/* 40: REX in 64-bit code */ X8(OP(INCDEC_R)),
	/* 48 */ X8(OP(INCDEC_R)),
	/* 50 */ X8(OP(PUSH_R) | D64),
	/* 58 */ X8(OP(POP_R) | D64),
	/* 60 */ OP(PUSHA) | NO64, OP(POPA) | NO64, OP(BOUND) | M | MEM | NO64,
		 OP(MOVSXD) | M, X4(PFX),
	/* 68 */ OP(PUSH_I) | IZ | D64, OP(IMUL_R_RM_I) | M | IZ,
		 OP(PUSH_I) | I8 | D64, OP(IMUL_R_RM_I) | M | I8,
		 OP(INS) | B, OP(INS), OP(OUTS) | B, OP(OUTS),
	/* 70 */ X8(OP(JCC) | I8 | D64),
	/* 78 */ X8(OP(JCC) | I8 | D64),
	/* 80 */ GRP(1) | I8 | B, GRP(1) | IZ, GRP(1) | I8 | B | NO64,
		 GRP(1) | I8, OP(TEST_RM_R) | M | B, OP(TEST_RM_R) | M,
		 OP(XCHG) | M | B | LK, OP(XCHG) | M | LK,
	/* 88 */ OP(MOV_RM_R) | M | B, OP(MOV_RM_R) | M,
		 OP(MOV_R_RM) | M | B, OP(MOV_R_RM) | M,
		 OP(MOV_RM_SEG) | M, OP(LEA) | M | MEM, OP(MOV_SEG_RM) | M,
		 GRP(1A) | D64,
	/* 90 */ X8(OP(XCHG_ACC)),
	/* 98 */ OP(CBW), OP(CWD), OP(CALL_FAR) | INSN_FAR | NO64, LEN,
		 OP(PUSHF) | D64, OP(POPF) | D64, OP(SAHF), OP(LAHF),
	/* A0 */ OP(MOV_ACC_MOFFS) | INSN_MOFFS | B,
		 OP(MOV_ACC_MOFFS) | INSN_MOFFS,
		 OP(MOV_MOFFS_ACC) | INSN_MOFFS | B,
		 OP(MOV_MOFFS_ACC) | INSN_MOFFS,
		 OP(MOVS) | B, OP(MOVS), OP(CMPS) | B, OP(CMPS),
	/* A8 */ OP(TEST_ACC_I) | I8 | B, OP(TEST_ACC_I) | IZ,
		 OP(STOS) | B, OP(STOS), OP(LODS) | B, OP(LODS),
		 OP(SCAS) | B, OP(SCAS),
	/* B0 */ X8(OP(MOV_R_I) | I8 | B),
	/* B8 */ X8(OP(MOV_R_I) | INSN_IV),
	/* C0 */ GRP(2_I8) | I8 | B, GRP(2_I8) | I8,
		 OP(RET) | INSN_IW | D64, OP(RET) | D64,
		 OP(LOAD_FAR) | M | MEM | NO64, OP(LOAD_FAR) | M | MEM | NO64,
		 GRP(11) | I8 | B, GRP(11) | IZ,
	/* C8 */ OP(ENTER) | INSN_IWB | D64, OP(LEAVE) | D64,
		 OP(RET_FAR) | INSN_IW, OP(RET_FAR), LEN, LEN | I8,
		 LEN | NO64, LEN,
	/* D0 */ GRP(2_1) | B, GRP(2_1), GRP(2_CL) | B, GRP(2_CL),
		 OP(AAM) | I8 | NO64, OP(AAD) | I8 | NO64, OP(SALC) | NO64,
		 OP(XLAT) | B,
	/* D8 */ X8(MLEN),
	/* E0 */ OP(LOOP) | I8 | D64, OP(LOOP) | I8 | D64, OP(LOOP) | I8 | D64,
		 OP(JCXZ) | I8 | D64, OP(IN) | I8 | B, OP(IN) | I8,
		 OP(OUT) | I8 | B, OP(OUT) | I8,
	/* E8 */ OP(CALL_REL) | IZ | D64, OP(JMP_REL) | IZ | D64,
		 OP(JMP_FAR) | INSN_FAR | NO64, OP(JMP_REL) | I8 | D64,
		 OP(IN) | B, OP(IN), OP(OUT) | B, OP(OUT),
	/* F0 */ PFX, LEN, PFX, PFX, LEN, OP(FLAG), GRP(3B) | B, GRP(3),
	/* F8 */ OP(FLAG), OP(FLAG), OP(CLI), OP(STI), OP(FLAG), OP(FLAG),
		 GRP(4) | B, GRP(5),
};

const u32 insn_map_0f[256] = {
	/* 00 */ GRP(6), GRP2(7), MLEN, MLEN, 0, LEN, OP(CLTS), LEN,
	/* 08 */ LEN, LEN, 0, OP(UD), 0, OP(NOP_MEM) | M | MEM, LEN,
		 MLEN | I8,
	/* 10 */ X2(OP(SSE_MOV) | M), X2(OP(SSE_HALF) | M),
		 X2(MLEN), X2(OP(SSE_HALF) | M),
	/* 18 */ X8(OP(NOP_MEM) | M),
	/* 20: MOV CR, MOV DR. ModRM.mod is ignored */
		 OP(MOV_CR) | M | LK | INSN_SPECIAL,
		 OP(MOV_DR) | M | INSN_SPECIAL,
		 OP(MOV_CR) | M | LK | INSN_SPECIAL,
		 OP(MOV_DR) | M | INSN_SPECIAL, X4(0),
	/* 28 */ X2(OP(SSE_MOV) | M), MLEN, OP(SSE_MOV) | M, X4(MLEN),
	/* 30 */ X4(LEN), X2(LEN), 0, LEN,
	/* 38: two more maps */ PFX, 0, PFX, 0, X4(0),
	/* 40 */ X8(OP(CMOVCC) | M),
	/* 48 */ X8(OP(CMOVCC) | M),
	/* 50 */ X8(MLEN),
	/* 58 */ X8(MLEN),
	/* 60 */ X8(MLEN),
	/* 68 */ X4(MLEN), X2(MLEN), OP(SSE_GPR) | M, OP(SSE_MOV) | M,
	/* 70 */ X4(MLEN | I8), X2(MLEN), MLEN, LEN,
	/* 78: 66h and F2h make EXTRQ and INSERTQ, with two more bytes */
		 MLEN | INSN_SPECIAL, MLEN, 0, 0, X2(MLEN),
		 OP(SSE_GPR) | M, OP(SSE_MOV) | M,
	/* 80 */ X8(OP(JCC) | IZ | D64),
	/* 88 */ X8(OP(JCC) | IZ | D64),
	/* 90 */ X8(OP(SETCC) | M | B),
	/* 98 */ X8(OP(SETCC) | M | B),
	/* A0 */ OP(PUSH_SEG) | D64, OP(POP_SEG) | D64, LEN, OP(BT_R) | M,
		 OP(SHLD_I) | M | I8, OP(SHLD_CL) | M, 0, 0,
	/* A8 */ OP(PUSH_SEG) | D64, OP(POP_SEG) | D64, LEN, OP(BT_R) | M | LK,
		 OP(SHLD_I) | M | I8, OP(SHLD_CL) | M, GRP2(15),
		 OP(IMUL_R_RM) | M,
	/* B0 */ OP(CMPXCHG) | M | B | LK, OP(CMPXCHG) | M | LK,
		 OP(LOAD_FAR) | M | MEM, OP(BT_R) | M | LK,
		 OP(LOAD_FAR) | M | MEM, OP(LOAD_FAR) | M | MEM,
		 OP(MOVZX) | M, OP(MOVZX) | M,
	/* B8 */ OP(POPCNT) | M, OP(UD) | M, GRP(8) | I8, OP(BT_R) | M | LK,
		 OP(BITSCAN) | M, OP(BITSCAN) | M, OP(MOVSX) | M, OP(MOVSX) | M,
	/* C0 */ OP(XADD) | M | B | LK, OP(XADD) | M | LK, MLEN | I8,
		 OP(MOVNTI) | M | MEM, X2(MLEN | I8), MLEN | I8, GRP2(9),
	/* C8 */ X8(OP(BSWAP)),
	/* D0 */ X4(MLEN), X2(MLEN), OP(SSE_GPR) | M, MLEN,
	/* D8 */ X8(MLEN),
	/* E0 */ X4(MLEN), X2(MLEN), MLEN, OP(SSE_MOV) | M,
	/* E8 */ X8(MLEN),
	/* F0 */ OP(SSE_MOV) | M, MLEN, X2(MLEN), X4(MLEN),
	/* F8 */ X4(MLEN), X2(MLEN), MLEN, OP(UD) | M,
};

const u32 insn_groups[][8] = {
	[G_1] = { OP(ALU_RM_I) | LK, OP(ALU_RM_I) | LK, OP(ALU_RM_I) | LK,
		  OP(ALU_RM_I) | LK, OP(ALU_RM_I) | LK, OP(ALU_RM_I) | LK,
		  OP(ALU_RM_I) | LK, OP(ALU_RM_I) },
	[G_1A] = { OP(POP_RM), X4(OP(UD)), X2(OP(UD)), OP(UD) },
	[G_2_I8] = { X8(OP(SHIFT_I)) },
	[G_2_1] = { X8(OP(SHIFT_1)) },
	[G_2_CL] = { X8(OP(SHIFT_CL)) },
	[G_3B] = { X2(OP(TEST_RM_I) | I8), X2(OP(UNARY) | LK),
		   X2(OP(MUL)), X2(OP(DIV)) },
	[G_3] = { X2(OP(TEST_RM_I) | IZ), X2(OP(UNARY) | LK),
		  X2(OP(MUL)), X2(OP(DIV)) },
	[G_4] = { X2(OP(UNARY) | LK), X4(OP(UD)), X2(OP(UD)) },
	[G_5] = { X2(OP(UNARY) | LK), OP(CALL_RM) | D64,
		  OP(CALL_FAR_MEM) | MEM, OP(JMP_RM) | D64,
		  OP(JMP_FAR_MEM) | MEM, OP(PUSH_RM) | D64, OP(UD) },
	[G_6] = { X2(OP(STORE_SYSTEM)), X2(OP(LOAD_SYSTEM)), X2(LEN), X2(OP(UD)) },
	[G_7] = { X2(OP(STORE_TABLE)), X2(OP(LOAD_TABLE)), OP(SMSW), LEN, OP(LMSW), OP(INVLPG) },
	[G_7_REG] = { X4(LEN), OP(SMSW), LEN, OP(LMSW), LEN },
	[G_8] = { X4(OP(UD)), OP(BT_I), X2(OP(BT_I) | LK), OP(BT_I) | LK },
	[G_9] = { OP(UD), OP(CMPXCHG8B) | LK, X2(LEN), X4(LEN) },
	[G_9_REG] = { X2(OP(UD)), X2(LEN), X4(LEN) },
	[G_11] = { OP(MOV_RM_I), X4(OP(UD)), X2(OP(UD)), LEN },
	[G_15] = { X4(LEN), X2(LEN), X2(OP(GROUP15)) },
	[G_15_REG] = { X4(LEN), LEN, X2(OP(GROUP15)), OP(GROUP15) },
};
