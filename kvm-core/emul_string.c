// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for the string instructions and for port I/O (APM1 3.3.8, 3.3.14;
 * APM3 chapter 3). Called from emul.c's table; ports are behind ctxt->ops.
 *
 * One call does one iteration and commits it: rSI, rDI, rCX and, if it was the
 * last, rip. An interrupt between two iterations finds the state that the CPU
 * would show, a fault midway loses nothing.
 */
#include "kvm-core/emul_run.h"

/* ---- repetition ------------------------------------------------------------ */

static u64 count(const struct emul_run *r)
{
	return emul_reg(r, EMUL_RCX, r->i.addrsize);
}

/* A repeated instruction with a count of zero does nothing. */
static bool nothing_to_do(const struct emul_run *r)
{
	return r->i.rep && !count(r);
}

static void advance_index(struct emul_run *r, unsigned int n, unsigned int size)
{
	u64 step = r->c->rflags & EMUL_DF ? -(u64)size : size;

	emul_set_reg(r, n, r->i.addrsize, r->c->regs[n] + step);
}

/* After an iteration. @stop: the comparison ends the repetition. */
static enum emul_verdict finish(struct emul_run *r, bool stop)
{
	u64 left;

	if (!r->i.rep)
		return EMUL_OKAY;
	left = count(r) - 1;
	emul_set_reg(r, EMUL_RCX, r->i.addrsize, left);
	return left && !stop ? EMUL_REP : EMUL_OKAY;
}

/* REPE (F3) goes on while equal, REPNE (F2) while not. */
static bool comparison_stops(const struct emul_run *r)
{
	bool equal = r->c->rflags & EMUL_ZF;

	return equal != (r->i.rep == 0xf3);
}

static u64 index_of(const struct emul_run *r, unsigned int n)
{
	return emul_reg(r, n, r->i.addrsize);
}

/* The source may use another segment, the destination is always in ES. */
static enum emul_verdict read_source(struct emul_run *r, u64 *v, unsigned int size)
{
	*v = 0;
	return emul_read(r, emul_data_seg(r), index_of(r, EMUL_RSI), v, size);
}

static enum emul_verdict read_destination(struct emul_run *r, u64 *v,
					  unsigned int size)
{
	*v = 0;
	return emul_read(r, EMUL_ES, index_of(r, EMUL_RDI), v, size);
}

static enum emul_verdict write_destination(struct emul_run *r, u64 v,
					   unsigned int size)
{
	return emul_write(r, EMUL_ES, index_of(r, EMUL_RDI), &v, size);
}

static enum emul_verdict probe_destination(struct emul_run *r, unsigned int size)
{
	return emul_probe(r, EMUL_ES, index_of(r, EMUL_RDI), size);
}

/* ---- memory ---------------------------------------------------------------------- */

enum emul_verdict emul_movs(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 value;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = probe_destination(r, size);
	if (v == EMUL_OKAY)
		v = read_source(r, &value, size);
	if (v == EMUL_OKAY)
		v = write_destination(r, value, size);
	if (v != EMUL_OKAY)
		return v;
	advance_index(r, EMUL_RSI, size);
	advance_index(r, EMUL_RDI, size);
	return finish(r, false);
}

enum emul_verdict emul_cmps(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 a, b;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = read_source(r, &a, size);
	if (v == EMUL_OKAY)
		v = read_destination(r, &b, size);
	if (v != EMUL_OKAY)
		return v;
	emul_alu(EMUL_CMP, size, a, b, &r->c->rflags);
	advance_index(r, EMUL_RSI, size);
	advance_index(r, EMUL_RDI, size);
	return finish(r, comparison_stops(r));
}

enum emul_verdict emul_stos(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = write_destination(r, r->c->regs[EMUL_RAX], size);
	if (v != EMUL_OKAY)
		return v;
	advance_index(r, EMUL_RDI, size);
	return finish(r, false);
}

enum emul_verdict emul_lods(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 value;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = read_source(r, &value, size);
	if (v != EMUL_OKAY)
		return v;
	emul_set_reg(r, EMUL_RAX, size, value);
	advance_index(r, EMUL_RSI, size);
	return finish(r, false);
}

enum emul_verdict emul_scas(struct emul_run *r)
{
	unsigned int size = r->i.opsize;
	enum emul_verdict v;
	u64 value;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = read_destination(r, &value, size);
	if (v != EMUL_OKAY)
		return v;
	emul_alu(EMUL_CMP, size, emul_reg(r, EMUL_RAX, size), value, &r->c->rflags);
	advance_index(r, EMUL_RDI, size);
	return finish(r, comparison_stops(r));
}

/* ---- ports ------------------------------------------------------------------------ */

static unsigned int port_size(const struct emul_run *r)
{
	return min(r->i.opsize, (u8)4);
}

/* IOPL decides, or else the TSS's bitmap; virtual-8086 code always asks it. */
static enum emul_verdict port_allowed(struct emul_run *r, u16 port)
{
	const struct emul_ctxt *c = r->c;

	if (!emul_protected(c) || (c->cpl <= emul_iopl(c) && !emul_vm86(c)))
		return EMUL_OKAY;
	if (!c->ops->pio_allowed)
		return EMUL_UNHANDLED;
	return emul_verdict_of(c->ops->pio_allowed(r->c, port, port_size(r)));
}

static enum emul_verdict port_access(struct emul_run *r, u16 port, u64 *v, bool in)
{
	if (!r->c->ops->pio)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->pio(r->c, port, v, port_size(r), in));
}

/* How many elements one answer may bring: as many as go into the page. */
static u16 elements_ahead(const struct emul_run *r, unsigned int size)
{
	u64 at = index_of(r, EMUL_RDI), room;

	if (!r->i.rep || (r->c->rflags & EMUL_DF))
		return 1;
	if (r->i.bits != 64)
		at += r->c->seg[EMUL_ES].base;
	room = (BP_PAGE_SIZE - (at & ~BP_PAGE_MASK)) / size;
	return room ? min(room, count(r)) : 1;
}

enum emul_verdict emul_ins(struct emul_run *r)
{
	u16 port = r->c->regs[EMUL_RDX];
	unsigned int size = port_size(r);
	enum emul_verdict v;
	u64 value = 0;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = port_allowed(r, port);
	if (v == EMUL_OKAY)
		v = probe_destination(r, size);
	r->c->ahead = elements_ahead(r, size);
	if (v == EMUL_OKAY)
		v = port_access(r, port, &value, true);
	if (v == EMUL_OKAY)
		v = write_destination(r, value, size);
	if (v != EMUL_OKAY)
		return v;
	advance_index(r, EMUL_RDI, size);
	return finish(r, false);
}

enum emul_verdict emul_outs(struct emul_run *r)
{
	u16 port = r->c->regs[EMUL_RDX];
	unsigned int size = port_size(r);
	enum emul_verdict v;
	u64 value;

	if (nothing_to_do(r))
		return EMUL_OKAY;
	v = port_allowed(r, port);
	if (v == EMUL_OKAY)
		v = read_source(r, &value, size);
	if (v == EMUL_OKAY)
		v = port_access(r, port, &value, false);
	if (v != EMUL_OKAY)
		return v;
	advance_index(r, EMUL_RSI, size);
	return finish(r, false);
}

/* E4-E7 name the port in a byte, EC-EF in DX. */
static u16 port_number(const struct emul_run *r)
{
	return r->i.opcode & 8 ? r->c->regs[EMUL_RDX] : r->i.imm & 0xff;
}

enum emul_verdict emul_in(struct emul_run *r)
{
	u16 port = port_number(r);
	enum emul_verdict v;
	u64 value = 0;

	v = port_allowed(r, port);
	r->c->ahead = 1;
	if (v == EMUL_OKAY)
		v = port_access(r, port, &value, true);
	if (v == EMUL_OKAY)
		emul_set_reg(r, EMUL_RAX, port_size(r), value);
	return v;
}

enum emul_verdict emul_out(struct emul_run *r)
{
	u16 port = port_number(r);
	enum emul_verdict v;
	u64 value;

	v = port_allowed(r, port);
	value = emul_reg(r, EMUL_RAX, port_size(r));
	return v == EMUL_OKAY ? port_access(r, port, &value, false) : v;
}
