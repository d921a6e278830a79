// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for system instructions: control and debug registers, the interrupt
 * flag, INVLPG, cache and fence hints (APM3 chapter 4; APM2 3.1 and 13.1).
 * Called from emul.c's table. Whether a value may be written to a control or
 * debug register, and DR7.GD, is ops' matter; here are encodings and privilege.
 */
#include "kvm-core/emul_run.h"

/* CPL or IOPL suffices, or CR4.VME or PVI gives a virtual interrupt flag. */
static enum emul_verdict interrupt_flag_allowed(struct emul_run *r)
{
	const struct emul_ctxt *c = r->c;
	u64 virtual_flag = emul_vm86(c) ? EMUL_CR4_VME : EMUL_CR4_PVI;

	if (!emul_protected(c) || c->cpl <= emul_iopl(c))
		return EMUL_OKAY;
	if (c->cpl == 3 && (c->cr4 & virtual_flag))
		return EMUL_UNHANDLED;
	return emul_raise_gp(r);
}

enum emul_verdict emul_cli(struct emul_run *r)
{
	enum emul_verdict v = interrupt_flag_allowed(r);

	if (v == EMUL_OKAY)
		r->c->rflags &= ~EMUL_IF;
	return v;
}

/* The shadow is only there when STI turned interrupts on. */
enum emul_verdict emul_sti(struct emul_run *r)
{
	enum emul_verdict v = interrupt_flag_allowed(r);

	if (v != EMUL_OKAY)
		return v;
	r->c->int_shadow = !(r->c->rflags & EMUL_IF);
	r->c->rflags |= EMUL_IF;
	return EMUL_OKAY;
}

/* ---- control and debug registers --------------------------------------------- */

static enum emul_verdict get_cr(struct emul_run *r, unsigned int n, u64 *v)
{
	*v = 0;
	if (!r->c->ops->get_cr)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->get_cr(r->c, n, v));
}

static enum emul_verdict set_cr(struct emul_run *r, unsigned int n, u64 v)
{
	if (!r->c->ops->set_cr)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->set_cr(r->c, n, v));
}

static enum emul_verdict get_dr(struct emul_run *r, unsigned int n, u64 *v)
{
	*v = 0;
	if (!r->c->ops->get_dr)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->get_dr(r->c, n, v));
}

static enum emul_verdict set_dr(struct emul_run *r, unsigned int n, u64 v)
{
	if (!r->c->ops->set_dr)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->set_dr(r->c, n, v));
}

/* The operand size is the mode's; prefixes do not change it. */
static unsigned int cr_size(const struct emul_run *r)
{
	return r->i.bits == 64 ? 8 : 4;
}

/* LOCK MOV CR0 is how 32-bit code names CR8. */
static enum emul_verdict cr_number(struct emul_run *r, unsigned int *n)
{
	*n = r->i.reg;
	if (r->i.lock)
		*n = *n == 0 ? 8 : 1;
	switch (*n) {
	case 0:
	case 2:
	case 3:
	case 4:
	case 8:
		return r->c->cpl ? emul_raise_gp(r) : EMUL_OKAY;
	default:
		return emul_raise(r, EMUL_UD);
	}
}

/* 0F 20 reads, 0F 22 writes the control register. */
enum emul_verdict emul_mov_cr(struct emul_run *r)
{
	enum emul_verdict v;
	unsigned int n;
	u64 value;

	v = cr_number(r, &n);
	if (v != EMUL_OKAY)
		return v;
	if (r->i.opcode & 2)
		return set_cr(r, n, emul_reg(r, r->i.rm, cr_size(r)));
	v = get_cr(r, n, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.rm, cr_size(r), value);
	return v;
}

/* 0F 21 reads, 0F 23 writes. What DR4 and DR5 are depends on CR4.DE: ops. */
enum emul_verdict emul_mov_dr(struct emul_run *r)
{
	enum emul_verdict v;
	u64 value;

	if (r->i.reg > 7)
		return emul_raise(r, EMUL_UD);
	if (r->c->cpl)
		return emul_raise_gp(r);
	if (r->i.opcode & 2)
		return set_dr(r, r->i.reg, emul_reg(r, r->i.rm, cr_size(r)));
	v = get_dr(r, r->i.reg, &value);
	if (v == EMUL_OKAY)
		emul_set_reg(r, r->i.rm, cr_size(r), value);
	return v;
}

enum emul_verdict emul_clts(struct emul_run *r)
{
	enum emul_verdict v;
	u64 cr0;

	if (r->c->cpl)
		return emul_raise_gp(r);
	v = get_cr(r, 0, &cr0);
	return v == EMUL_OKAY ? set_cr(r, 0, cr0 & ~EMUL_CR0_TS) : v;
}

/* A register gets as much of CR0 as it holds, memory 16 bits. */
enum emul_verdict emul_smsw(struct emul_run *r)
{
	enum emul_verdict v;
	u64 cr0;

	if (r->c->cpl && (r->c->cr4 & EMUL_CR4_UMIP))
		return emul_raise_gp(r);
	v = get_cr(r, 0, &cr0);
	if (v != EMUL_OKAY)
		return v;
	return emul_write_rm(r, r->i.mem ? 2 : r->i.opsize, cr0);
}

/* PE, MP, EM, TS; PE can be set, not cleared. */
enum emul_verdict emul_lmsw(struct emul_run *r)
{
	enum emul_verdict v;
	u64 cr0, msw;

	if (r->c->cpl)
		return emul_raise_gp(r);
	v = emul_read_rm(r, 2, &msw);
	if (v == EMUL_OKAY)
		v = get_cr(r, 0, &cr0);
	if (v != EMUL_OKAY)
		return v;
	return set_cr(r, 0, (cr0 & ~0xeULL) | (msw & 0xf));
}

/* The address is not checked: of a page that is not there nothing is cached. */
enum emul_verdict emul_invlpg(struct emul_run *r)
{
	u64 la = emul_offset(r);

	if (r->c->cpl)
		return emul_raise_gp(r);
	if (!r->c->ops->invlpg)
		return EMUL_UNHANDLED;
	if (r->i.bits != 64)
		la = (u32)(la + r->c->seg[r->i.seg].base);
	else if (r->i.seg >= EMUL_FS)
		la += r->c->seg[r->i.seg].base;
	return emul_verdict_of(r->c->ops->invlpg(r->c, la));
}

/*
 * 0F AE /5 /6 /7: LFENCE, MFENCE, SFENCE with a register; CLWB (66 /6),
 * CLFLUSH, CLFLUSHOPT (66 /7) with memory. Software execution is in order, and
 * a device is not cached.
 */
enum emul_verdict emul_group15(struct emul_run *r)
{
	bool is_7 = (r->i.modrm >> 3 & 7) == 7;
	gva_t la;

	if (!r->i.mem)
		return r->i.pp == INSN_PP_NONE ? EMUL_OKAY : EMUL_UNHANDLED;
	if (r->i.pp > INSN_PP_66 || (!is_7 && r->i.pp != INSN_PP_66))
		return EMUL_UNHANDLED;
	return emul_linear(r, r->i.seg, emul_offset(r), 1, false, &la);
}
