// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's door: decode, check what holds for every instruction, hand
 * over to the handler, advance rip. Contract in emul.h. kvm-core's MMIO, port
 * and CR exits call it; it knows the guest only through struct emul_ctxt.
 *
 * Known limits: the guest's CPUID is not consulted, an instruction that the
 * host's table knows is executed. x87, MMX and SIMD arithmetic, far transfers
 * through gates, and system instructions that need more state than emul_ctxt has
 * are EMUL_UNHANDLED with their length known.
 */
#include "kvm-core/emul_run.h"

static const emul_handler handlers[INSN_NR_OPS] = {
	[INSN_OP_ALU_RM_R] = emul_alu_rm_r,
	[INSN_OP_ALU_R_RM] = emul_alu_r_rm,
	[INSN_OP_ALU_ACC_I] = emul_alu_acc_i,
	[INSN_OP_ALU_RM_I] = emul_alu_rm_i,
	[INSN_OP_TEST_RM_R] = emul_test_rm_r,
	[INSN_OP_TEST_ACC_I] = emul_test_acc_i,
	[INSN_OP_TEST_RM_I] = emul_test_rm_i,
	[INSN_OP_MOV_RM_R] = emul_mov_rm_r,
	[INSN_OP_MOV_R_RM] = emul_mov_r_rm,
	[INSN_OP_MOV_RM_I] = emul_mov_rm_i,
	[INSN_OP_MOV_R_I] = emul_mov_r_i,
	[INSN_OP_MOV_ACC_MOFFS] = emul_mov_acc_moffs,
	[INSN_OP_MOV_MOFFS_ACC] = emul_mov_moffs_acc,
	[INSN_OP_MOVZX] = emul_movzx,
	[INSN_OP_MOVSX] = emul_movsx,
	[INSN_OP_MOVSXD] = emul_movsxd,
	[INSN_OP_MOVBE] = emul_movbe,
	[INSN_OP_MOVNTI] = emul_movnti,
	[INSN_OP_XCHG] = emul_xchg,
	[INSN_OP_XCHG_ACC] = emul_xchg_acc,
	[INSN_OP_LEA] = emul_lea,
	[INSN_OP_XADD] = emul_xadd,
	[INSN_OP_CMPXCHG] = emul_cmpxchg,
	[INSN_OP_CMPXCHG8B] = emul_cmpxchg8b,
	[INSN_OP_INCDEC_R] = emul_incdec_r,
	[INSN_OP_UNARY] = emul_unary,
	[INSN_OP_SETCC] = emul_setcc,
	[INSN_OP_CMOVCC] = emul_cmovcc,
	[INSN_OP_BSWAP] = emul_bswap,
	[INSN_OP_XLAT] = emul_xlat,
	[INSN_OP_NOP_MEM] = emul_nop_mem,
	[INSN_OP_MUL] = emul_mul_rm,
	[INSN_OP_IMUL_R_RM] = emul_imul_r_rm,
	[INSN_OP_IMUL_R_RM_I] = emul_imul_r_rm_i,
	[INSN_OP_DIV] = emul_div_rm,
	[INSN_OP_SHIFT_I] = emul_shift_i,
	[INSN_OP_SHIFT_1] = emul_shift_1,
	[INSN_OP_SHIFT_CL] = emul_shift_cl,
	[INSN_OP_SHLD_I] = emul_shld_i,
	[INSN_OP_SHLD_CL] = emul_shld_cl,
	[INSN_OP_BT_R] = emul_bt_r,
	[INSN_OP_BT_I] = emul_bt_i,
	[INSN_OP_BITSCAN] = emul_bitscan,
	[INSN_OP_POPCNT] = emul_popcnt,
	[INSN_OP_CBW] = emul_cbw,
	[INSN_OP_CWD] = emul_cwd,
	[INSN_OP_SAHF] = emul_sahf,
	[INSN_OP_LAHF] = emul_lahf,
	[INSN_OP_FLAG] = emul_flag,
	[INSN_OP_BCD] = emul_bcd,
	[INSN_OP_AAM] = emul_aam,
	[INSN_OP_AAD] = emul_aad,
	[INSN_OP_SALC] = emul_salc,
	[INSN_OP_BOUND] = emul_bound,
	[INSN_OP_PUSH_R] = emul_push_r,
	[INSN_OP_POP_R] = emul_pop_r,
	[INSN_OP_PUSH_I] = emul_push_i,
	[INSN_OP_PUSH_RM] = emul_push_rm,
	[INSN_OP_POP_RM] = emul_pop_rm,
	[INSN_OP_PUSHA] = emul_pusha,
	[INSN_OP_POPA] = emul_popa,
	[INSN_OP_PUSHF] = emul_pushf,
	[INSN_OP_POPF] = emul_popf,
	[INSN_OP_ENTER] = emul_enter,
	[INSN_OP_LEAVE] = emul_leave,
	[INSN_OP_JMP_REL] = emul_jmp_rel,
	[INSN_OP_JCC] = emul_jcc,
	[INSN_OP_LOOP] = emul_loop,
	[INSN_OP_JCXZ] = emul_jcxz,
	[INSN_OP_CALL_REL] = emul_call_rel,
	[INSN_OP_JMP_RM] = emul_jmp_rm,
	[INSN_OP_CALL_RM] = emul_call_rm,
	[INSN_OP_RET] = emul_ret,
	[INSN_OP_PUSH_SEG] = emul_push_seg,
	[INSN_OP_POP_SEG] = emul_pop_seg,
	[INSN_OP_MOV_RM_SEG] = emul_mov_rm_seg,
	[INSN_OP_MOV_SEG_RM] = emul_mov_seg_rm,
	[INSN_OP_LOAD_FAR] = emul_load_far,
	[INSN_OP_JMP_FAR] = emul_jmp_far,
	[INSN_OP_CALL_FAR] = emul_call_far,
	[INSN_OP_JMP_FAR_MEM] = emul_jmp_far_mem,
	[INSN_OP_CALL_FAR_MEM] = emul_call_far_mem,
	[INSN_OP_RET_FAR] = emul_ret_far,
	[INSN_OP_LOAD_SYSTEM] = emul_load_system,
	[INSN_OP_STORE_SYSTEM] = emul_store_system,
	[INSN_OP_LOAD_TABLE] = emul_load_table,
	[INSN_OP_STORE_TABLE] = emul_store_table,
	[INSN_OP_MOVS] = emul_movs,
	[INSN_OP_CMPS] = emul_cmps,
	[INSN_OP_STOS] = emul_stos,
	[INSN_OP_LODS] = emul_lods,
	[INSN_OP_SCAS] = emul_scas,
	[INSN_OP_INS] = emul_ins,
	[INSN_OP_OUTS] = emul_outs,
	[INSN_OP_IN] = emul_in,
	[INSN_OP_OUT] = emul_out,
	[INSN_OP_CLI] = emul_cli,
	[INSN_OP_STI] = emul_sti,
	[INSN_OP_MOV_CR] = emul_mov_cr,
	[INSN_OP_MOV_DR] = emul_mov_dr,
	[INSN_OP_CLTS] = emul_clts,
	[INSN_OP_SMSW] = emul_smsw,
	[INSN_OP_LMSW] = emul_lmsw,
	[INSN_OP_INVLPG] = emul_invlpg,
	[INSN_OP_GROUP15] = emul_group15,
	[INSN_OP_SSE_MOV] = emul_sse_mov,
	[INSN_OP_SSE_HALF] = emul_sse_half,
	[INSN_OP_SSE_GPR] = emul_sse_gpr,
};

unsigned int emul_code_bits(const struct emul_ctxt *c)
{
	u16 attrib = c->seg[EMUL_CS].attrib;

	if ((c->efer & EMUL_EFER_LMA) && (attrib & EMUL_ATTR_LONG))
		return 64;
	if (emul_vm86(c))
		return 16;
	return attrib & EMUL_ATTR_BIG ? 32 : 16;
}

static enum insn_result decode(struct insn *i, const struct emul_ctxt *c)
{
	unsigned int count = min((unsigned int)c->nbytes,
				 (unsigned int)sizeof(c->bytes));

	return insn_decode(i, c->bytes, count, emul_code_bits(c));
}

unsigned int emul_insn_length(const struct emul_ctxt *c)
{
	struct insn i;

	return decode(&i, c) == INSN_OKAY ? i.length : 0;
}

/* LOCK needs a memory destination; MOV CR0 takes it to mean CR8 (APM3 MOV CRn). */
static bool lock_is_legal(const struct insn *i)
{
	return (i->attr & INSN_LOCKABLE) && (i->mem || insn_op(i) == INSN_OP_MOV_CR);
}

static bool form_is_undefined(const struct emul_run *r)
{
	const struct insn *i = &r->i;

	return insn_op(i) == INSN_OP_UD ||
	       (i->lock && !lock_is_legal(i)) ||
	       ((i->attr & INSN_MEM) && !i->mem) ||
	       (i->coding != INSN_LEGACY && emul_paragraphs(r->c));
}

static enum emul_verdict execute(struct emul_run *r)
{
	emul_handler handler;

	if (unlikely(form_is_undefined(r)))
		return emul_raise(r, EMUL_UD);
	handler = handlers[insn_op(&r->i)];
	return handler ? handler(r) : EMUL_UNHANDLED;
}

/* rip wraps at 4 GB outside 64-bit code. */
static u64 advance(const struct emul_run *r)
{
	u64 next = r->c->rip + r->i.length;

	return r->i.bits == 64 ? next : (u32)next;
}

enum emul_verdict emul_step(struct emul_ctxt *c)
{
	struct emul_run r;
	enum emul_verdict v;

	r.c = c;
	c->int_shadow = false;
	c->seg_dirty = 0;
	c->length = 0;
	switch (decode(&r.i, c)) {
	case INSN_OKAY:
		break;
	case INSN_LONG:
		return emul_raise_gp(&r);
	case INSN_UNDEFINED:
		return emul_raise(&r, EMUL_UD);
	default:
		return EMUL_UNHANDLED;
	}
	c->length = r.i.length;
	r.next = advance(&r);
	v = execute(&r);
	if (v == EMUL_OKAY) {
		c->rip = r.next;
		c->rflags &= ~EMUL_RF;
	} else if (v == EMUL_REP) {
		c->rflags |= EMUL_RF;
	}
	return v;
}
