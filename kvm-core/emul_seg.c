// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers that read or load segment registers, and far transfers. In real and
 * virtual-8086 mode a selector is only a paragraph number (APM2 4.10), elsewhere
 * emul_desc.c fetches and checks descriptors. Called from emul.c's table.
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

static bool can_load(const struct emul_run *r)
{
	return emul_paragraphs(r->c) || r->c->ops->get_table;
}

/* The last thing that can fail. A load of SS holds interrupts off for one
 * instruction.
 */
static enum emul_verdict load(struct emul_run *r, unsigned int seg, u16 selector)
{
	enum emul_verdict v;

	if (emul_paragraphs(r->c)) {
		load_paragraph(r, seg, selector);
	} else {
		v = emul_load_segment(r, seg, selector);
		if (v != EMUL_OKAY)
			return v;
	}
	r->c->int_shadow = seg == EMUL_SS;
	return EMUL_OKAY;
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

enum emul_verdict emul_pop_seg(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], selector;
	enum emul_verdict v;

	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = emul_pop(r, &sp, &selector, r->i.opsize);
	if (v == EMUL_OKAY)
		v = load(r, opcode_seg(r), selector);
	if (v == EMUL_OKAY)
		r->c->regs[EMUL_RSP] = sp;
	return v;
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
	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = emul_read_rm(r, 2, &selector);
	return v == EMUL_OKAY ? load(r, seg, selector) : v;
}

/* ---- far pointers in memory: the offset, then 16 bits of selector ----------- */

/* Loads of a register have no offsets of 64 bits (APM3 LSS). */
static unsigned int far_size(const struct emul_run *r)
{
	return min(r->i.opsize, 4);
}

static enum emul_verdict read_far(struct emul_run *r, unsigned int size, u64 *offset,
				  u16 *selector)
{
	u8 pointer[8 + sizeof(*selector)] = { };
	enum emul_verdict v;

	v = emul_read(r, r->i.seg, emul_offset(r), pointer, size + sizeof(*selector));
	*offset = 0;
	memcpy(offset, pointer, size);
	memcpy(selector, pointer + size, sizeof(*selector));
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

	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = read_far(r, far_size(r), &offset, &selector);
	if (v == EMUL_OKAY)
		v = load(r, load_far_seg(r), selector);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.reg, far_size(r), offset);
	return v;
}

/* ---- far transfers -------------------------------------------------------------- */

/* Where @selector:@ip is; nothing has changed yet. */
static enum emul_verdict find_target(struct emul_run *r, u64 *ip, u16 selector,
				     struct emul_segment *cs)
{
	if (!emul_paragraphs(r->c))
		return emul_find_code(r, selector, *ip, cs);
	*cs = r->c->seg[EMUL_CS];
	cs->selector = selector;
	cs->base = (u64)selector << 4;
	return emul_check_ip(r, ip);
}

static void go_far(struct emul_run *r, u64 ip, const struct emul_segment *cs)
{
	r->c->seg[EMUL_CS] = *cs;
	r->c->seg_dirty |= BIT(EMUL_CS);
	r->next = ip;
}

static enum emul_verdict jump_far(struct emul_run *r, u64 ip, u16 selector)
{
	struct emul_segment cs;
	enum emul_verdict v = find_target(r, &ip, selector, &cs);

	if (v == EMUL_OKAY)
		go_far(r, ip, &cs);
	return v;
}

static enum emul_verdict call_far(struct emul_run *r, u64 ip, u16 selector)
{
	u64 sp = r->c->regs[EMUL_RSP];
	struct emul_segment cs;
	enum emul_verdict v = find_target(r, &ip, selector, &cs);

	if (v == EMUL_OKAY)
		v = emul_push(r, &sp, r->c->seg[EMUL_CS].selector, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_push(r, &sp, r->next, r->i.opsize);
	if (v != EMUL_OKAY)
		return v;
	r->c->regs[EMUL_RSP] = sp;
	go_far(r, ip, &cs);
	return EMUL_OKAY;
}

enum emul_verdict emul_jmp_far(struct emul_run *r)
{
	if (!can_load(r))
		return EMUL_UNHANDLED;
	return jump_far(r, r->i.imm, r->i.imm2);
}

enum emul_verdict emul_call_far(struct emul_run *r)
{
	if (!can_load(r))
		return EMUL_UNHANDLED;
	return call_far(r, r->i.imm, r->i.imm2);
}

/*
 * REX.W makes the offset one of 64 bits, as with Linux's KVM: the SDM (2A, JMP) has
 * the form, APM3 does not list it.
 */
enum emul_verdict emul_jmp_far_mem(struct emul_run *r)
{
	enum emul_verdict v;
	u16 selector;
	u64 ip;

	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = read_far(r, r->i.opsize, &ip, &selector);
	return v == EMUL_OKAY ? jump_far(r, ip, selector) : v;
}

enum emul_verdict emul_call_far_mem(struct emul_run *r)
{
	enum emul_verdict v;
	u16 selector;
	u64 ip;

	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = read_far(r, r->i.opsize, &ip, &selector);
	return v == EMUL_OKAY ? call_far(r, ip, selector) : v;
}

/* To an outer level: left to the caller; to an inner one: refused. */
static enum emul_verdict return_level(struct emul_run *r, u16 selector)
{
	unsigned int rpl = selector & 3;

	if (emul_paragraphs(r->c) || rpl == r->c->cpl)
		return EMUL_OKAY;
	if (rpl > r->c->cpl)
		return EMUL_UNHANDLED;
	r->c->fault = (struct emul_fault) {
		.vector = EMUL_GP, .has_error = true, .error = selector & ~3U,
	};
	return EMUL_FAULT;
}

enum emul_verdict emul_ret_far(struct emul_run *r)
{
	u64 sp = r->c->regs[EMUL_RSP], ip, selector;
	enum emul_verdict v;

	if (!can_load(r))
		return EMUL_UNHANDLED;
	v = emul_pop(r, &sp, &ip, r->i.opsize);
	if (v == EMUL_OKAY)
		v = emul_pop(r, &sp, &selector, r->i.opsize);
	if (v == EMUL_OKAY)
		v = return_level(r, selector);
	if (v == EMUL_OKAY)
		v = jump_far(r, ip, selector);
	if (v == EMUL_OKAY)
		r->c->regs[EMUL_RSP] = emul_sp_plus(r, sp, (u16)r->i.imm);
	return v;
}
