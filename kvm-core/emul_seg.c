// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers that read or load segment registers. Loads and far transfers are
 * executed where a selector is only a paragraph number, in real and virtual-
 * 8086 mode (APM2 4.10); where descriptors would have to be fetched and
 * checked they are EMUL_UNHANDLED. Called from emul.c's table.
 *
 * IRET is not here: it also ends NMI blocking, which emul_ctxt does not show.
 */
#include "kvm-core/emul_run.h"

/* Limit and attributes stay: that is what makes "big real" mode. */
static void load_paragraph(struct emul_run *r, unsigned int seg, u16 selector)
{
	r->c->seg[seg].selector = selector;
	r->c->seg[seg].base = (u64)selector << 4;
	r->c->seg_dirty |= BIT(seg);
}

/* 06, 0E, 16, 1E, 0F A0, 0F A8: the number is in the opcode. */
static unsigned int opcode_seg(const struct emul_run *r)
{
	return r->i.opcode >> 3 & 7;
}

enum emul_verdict emul_push_seg(struct emul_run *r)
{
	return emul_push(r, &r->c->regs[EMUL_RSP],
			 r->c->seg[opcode_seg(r)].selector, r->i.opsize);
}

/* A load of SS holds interrupts off for one instruction. */
enum emul_verdict emul_pop_seg(struct emul_run *r)
{
	unsigned int seg = opcode_seg(r);
	enum emul_verdict v;
	u64 selector;

	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = emul_pop(r, &r->c->regs[EMUL_RSP], &selector, r->i.opsize);
	if (v != EMUL_OKAY)
		return v;
	load_paragraph(r, seg, selector);
	r->c->int_shadow = seg == EMUL_SS;
	return EMUL_OKAY;
}

/* Memory gets 16 bits whatever the operand size. */
enum emul_verdict emul_mov_rm_seg(struct emul_run *r)
{
	unsigned int seg = r->i.modrm >> 3 & 7;

	if (seg >= EMUL_NR_SEGS)
		return emul_raise(r, EMUL_UD);
	return emul_write_rm(r, r->i.mem ? 2 : r->i.opsize,
			     r->c->seg[seg].selector);
}

enum emul_verdict emul_mov_seg_rm(struct emul_run *r)
{
	unsigned int seg = r->i.modrm >> 3 & 7;
	enum emul_verdict v;
	u64 selector;

	if (seg == EMUL_CS || seg >= EMUL_NR_SEGS)
		return emul_raise(r, EMUL_UD);
	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = emul_read_rm(r, 2, &selector);
	if (v != EMUL_OKAY)
		return v;
	load_paragraph(r, seg, selector);
	r->c->int_shadow = seg == EMUL_SS;
	return EMUL_OKAY;
}

/* ---- far pointers in memory: the offset, then 16 bits of selector ----------- */

static enum emul_verdict read_far(struct emul_run *r, u64 *offset, u16 *selector)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 pointer = 0;

	v = emul_read(r, r->i.seg, emul_offset(r), &pointer, size + 2);
	*offset = pointer & emul_mask(size);
	*selector = pointer >> (8 * size);
	return v;
}

/* LES C4, LDS C5; LSS 0F B2, LFS 0F B4, LGS 0F B5 */
static unsigned int load_far_seg(const struct emul_run *r)
{
	switch (r->i.opcode) {
	case 0xc4:
		return EMUL_ES;
	case 0xc5:
		return EMUL_DS;
	default:
		return r->i.opcode & 7;
	}
}

enum emul_verdict emul_load_far(struct emul_run *r)
{
	enum emul_verdict v;
	u16 selector;
	u64 offset;

	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = read_far(r, &offset, &selector);
	if (v != EMUL_OKAY)
		return v;
	load_paragraph(r, load_far_seg(r), selector);
	emul_set_reg(r, r->i.reg, r->i.opsize, offset);
	return EMUL_OKAY;
}

/* ---- far transfers -------------------------------------------------------------- */

static enum emul_verdict jump_far(struct emul_run *r, u64 ip, u16 selector)
{
	enum emul_verdict v = emul_check_ip(r, &ip);

	if (v != EMUL_OKAY)
		return v;
	load_paragraph(r, EMUL_CS, selector);
	r->next = ip;
	return EMUL_OKAY;
}

static enum emul_verdict call_far(struct emul_run *r, u64 ip, u16 selector)
{
	u64 sp = r->c->regs[EMUL_RSP];
	enum emul_verdict v = emul_check_ip(r, &ip);

	if (v == EMUL_OKAY)
		v = emul_push(r, &sp, r->c->seg[EMUL_CS].selector, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_push(r, &sp, r->next, r->i.opsize);
	if (v != EMUL_OKAY)
		return v;
	r->c->regs[EMUL_RSP] = sp;
	return jump_far(r, ip, selector);
}

enum emul_verdict emul_jmp_far(struct emul_run *r)
{
	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	return jump_far(r, r->i.imm, r->i.imm2);
}

enum emul_verdict emul_call_far(struct emul_run *r)
{
	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	return call_far(r, r->i.imm, r->i.imm2);
}

enum emul_verdict emul_jmp_far_mem(struct emul_run *r)
{
	enum emul_verdict v;
	u16 selector;
	u64 ip;

	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = read_far(r, &ip, &selector);
	return v == EMUL_OKAY ? jump_far(r, ip, selector) : v;
}

enum emul_verdict emul_call_far_mem(struct emul_run *r)
{
	enum emul_verdict v;
	u16 selector;
	u64 ip;

	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = read_far(r, &ip, &selector);
	return v == EMUL_OKAY ? call_far(r, ip, selector) : v;
}

enum emul_verdict emul_ret_far(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], ip, selector;
	enum emul_verdict v;

	if (!emul_paragraphs(r->c))
		return EMUL_UNHANDLED;
	v = emul_pop(r, &sp, &ip, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_pop(r, &sp, &selector, r->i.opsize);
	if (v == EMUL_OKAY)
		v = jump_far(r, ip, selector);
	if (v == EMUL_OKAY)
		r->c->regs[EMUL_RSP] = emul_sp_plus(r, sp, (u16)r->i.imm);
	return v;
}
