// SPDX-License-Identifier: GPL-2.0
/*
 * How the emulator reaches memory: effective address, segmentation (APM2
 * 4.5-4.12), canonical form, alignment check, stack, and the atomic
 * read-modify-write. Pages and devices are behind ctxt->ops; the handlers of
 * the other emul_*.c files call this.
 *
 * Known limits: an access that wraps at 4 GB in a flat segment faults; the
 * type of a segment is not looked at in real mode.
 */
#include "kvm-core/emul_run.h"

/* A LOCKed update that others keep winning goes back to the guest. */
#define LOCK_TRIES	16

enum emul_verdict emul_raise(struct emul_run *r, u8 vector)
{
	r->c->fault = (struct emul_fault) { .vector = vector };
	return EMUL_FAULT;
}

/* Real mode pushes no error codes. */
static enum emul_verdict raise_zero(struct emul_run *r, u8 vector)
{
	r->c->fault = (struct emul_fault) {
		.vector = vector,
		.has_error = emul_protected(r->c),
	};
	return EMUL_FAULT;
}

enum emul_verdict emul_raise_gp(struct emul_run *r)
{
	return raise_zero(r, EMUL_GP);
}

enum emul_verdict emul_verdict_of(enum emul_access_result a)
{
	switch (a) {
	case EMUL_ACC_OKAY:
		return EMUL_OKAY;
	case EMUL_ACC_FAULT:
		return EMUL_FAULT;
	case EMUL_ACC_EXIT:
		return EMUL_EXIT;
	case EMUL_ACC_RETRY:
		return EMUL_RETRY;
	}
	return EMUL_UNHANDLED;
}

bool emul_canonical(const struct emul_ctxt *c, u64 la)
{
	unsigned int shift = c->cr4 & EMUL_CR4_LA57 ? 7 : 16;

	return (u64)((s64)(la << shift) >> shift) == la;
}

u64 emul_offset(const struct emul_run *r)
{
	const struct insn *i = &r->i;
	u64 offset = i->disp;

	if (i->base != INSN_NO_REG)
		offset += r->c->regs[i->base];
	if (i->index != INSN_NO_REG)
		offset += r->c->regs[i->index] << i->scale;
	if (i->rip_relative)
		offset += r->next;
	return offset & emul_mask(i->addrsize);
}

static bool type_allows(const struct emul_segment *s, bool write)
{
	if (!(s->attrib & EMUL_ATTR_PRESENT))
		return false;
	if (s->attrib & EMUL_ATTR_CODE)
		return !write && (s->attrib & EMUL_ATTR_WRITE);
	return !write || (s->attrib & EMUL_ATTR_WRITE);
}

static bool within_limit(const struct emul_segment *s, u64 first, u64 last,
			 bool typed)
{
	u64 top;

	if (!typed || (s->attrib & (EMUL_ATTR_CODE | EMUL_ATTR_EXPAND_DOWN)) !=
		      EMUL_ATTR_EXPAND_DOWN)
		return last <= s->limit;
	top = s->attrib & EMUL_ATTR_BIG ? U32_MAX : U16_MAX;
	return first > s->limit && last <= top;
}

static bool segment_allows(const struct emul_run *r, unsigned int seg, u64 offset,
			   unsigned int len, bool write)
{
	const struct emul_segment *s = &r->c->seg[seg];
	bool typed = !emul_paragraphs(r->c);

	return (!typed || type_allows(s, write)) &&
	       within_limit(s, offset, offset + len - 1, typed);
}

/* #AC comes only to applications that asked for it. */
static bool alignment_fault(const struct emul_run *r, u64 la, unsigned int len)
{
	const struct emul_ctxt *c = r->c;

	return c->cpl == 3 && (c->cr0 & EMUL_CR0_AM) && (c->rflags & EMUL_AC) &&
	       (la & (len - 1)) && !(len & (len - 1)) && len <= 8;
}

enum emul_verdict emul_linear(struct emul_run *r, unsigned int seg, u64 offset,
			      unsigned int len, bool write, gva_t *la)
{
	const struct emul_ctxt *c = r->c;
	u64 addr = offset;
	bool okay;

	if (r->i.bits == 64) {
		if (seg >= EMUL_FS)
			addr += c->seg[seg].base;
		okay = emul_canonical(c, addr) && emul_canonical(c, addr + len - 1);
	} else {
		addr = (u32)(offset + c->seg[seg].base);
		okay = segment_allows(r, seg, offset, len, write);
	}
	if (unlikely(!okay))
		return raise_zero(r, seg == EMUL_SS ? EMUL_SS_FAULT : EMUL_GP);
	if (unlikely(alignment_fault(r, addr, len)))
		return raise_zero(r, EMUL_AC_FAULT);
	*la = addr;
	return EMUL_OKAY;
}

static enum emul_verdict read_la(struct emul_run *r, gva_t la, void *data,
				 unsigned int len, bool intent)
{
	if (!r->c->ops->read)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->read(r->c, la, data, len, intent));
}

static enum emul_verdict write_la(struct emul_run *r, gva_t la, const void *data,
				  unsigned int len)
{
	if (!r->c->ops->write)
		return EMUL_UNHANDLED;
	return emul_verdict_of(r->c->ops->write(r->c, la, data, len));
}

enum emul_verdict emul_read(struct emul_run *r, unsigned int seg, u64 offset,
			    void *data, unsigned int len)
{
	enum emul_verdict v;
	gva_t la;

	v = emul_linear(r, seg, offset, len, false, &la);
	return v == EMUL_OKAY ? read_la(r, la, data, len, false) : v;
}

enum emul_verdict emul_write(struct emul_run *r, unsigned int seg, u64 offset,
			     const void *data, unsigned int len)
{
	enum emul_verdict v;
	gva_t la;

	v = emul_linear(r, seg, offset, len, true, &la);
	return v == EMUL_OKAY ? write_la(r, la, data, len) : v;
}

enum emul_verdict emul_probe(struct emul_run *r, unsigned int seg, u64 offset,
			     unsigned int len)
{
	const struct emul_ops *ops = r->c->ops;
	enum emul_verdict v;
	gva_t la;

	v = emul_linear(r, seg, offset, len, true, &la);
	if (v != EMUL_OKAY || !ops->probe_write)
		return v;
	return emul_verdict_of(ops->probe_write(r->c, la, len));
}

enum emul_verdict emul_read_rm(struct emul_run *r, unsigned int size, u64 *v)
{
	if (!r->i.mem) {
		*v = emul_reg(r, r->i.rm, size);
		return EMUL_OKAY;
	}
	*v = 0;
	return emul_read(r, r->i.seg, emul_offset(r), v, size);
}

enum emul_verdict emul_write_rm(struct emul_run *r, unsigned int size, u64 v)
{
	if (!r->i.mem) {
		emul_set_reg(r, r->i.rm, size, v);
		return EMUL_OKAY;
	}
	return emul_write(r, r->i.seg, emul_offset(r), &v, size);
}

/* ---- read-modify-write ----------------------------------------------------- */

enum emul_verdict emul_compare_swap(struct emul_run *r, gva_t la, void *old,
				    const void *new_value, unsigned int len,
				    bool *swapped)
{
	const struct emul_ops *ops = r->c->ops;

	if (!ops->cmpxchg)
		return EMUL_UNHANDLED;
	*swapped = false;
	/* parentheses: cmpxchg is also a macro of env.h */
	return emul_verdict_of((ops->cmpxchg)(r->c, la, old, new_value, len,
					      swapped));
}

/* u->old is what memory held when the exchange succeeded. */
static enum emul_verdict modify_locked(struct emul_run *r, gva_t la,
				       emul_change f, struct emul_update *u)
{
	enum emul_verdict v;
	u64 new_value;
	unsigned int n;
	bool swapped;

	for (n = 0; n < LOCK_TRIES; n++) {
		*u->flags = r->c->rflags;
		new_value = f(u);
		v = emul_compare_swap(r, la, &u->old, &new_value, u->size,
				      &swapped);
		if (v != EMUL_OKAY || swapped)
			return v;
	}
	return EMUL_RETRY;
}

static enum emul_verdict modify_memory(struct emul_run *r, bool locked, u64 offset,
				       emul_change f, struct emul_update *u)
{
	enum emul_verdict v;
	u64 new_value;
	gva_t la;

	offset = (offset + emul_offset(r)) & emul_mask(r->i.addrsize);
	v = emul_linear(r, r->i.seg, offset, u->size, true, &la);
	if (v == EMUL_OKAY)
		v = read_la(r, la, &u->old, u->size, true);
	if (v != EMUL_OKAY)
		return v;
	if (locked || r->i.lock)
		return modify_locked(r, la, f, u);
	new_value = f(u);
	return write_la(r, la, &new_value, u->size);
}

enum emul_verdict emul_modify_rm(struct emul_run *r, unsigned int size, bool locked,
				 u64 offset, emul_change f, u64 arg, u64 *old)
{
	u64 flags = r->c->rflags;
	struct emul_update u = {
		.r = r, .size = size, .arg = arg, .flags = &flags,
	};
	enum emul_verdict v = EMUL_OKAY;

	if (r->i.mem) {
		v = modify_memory(r, locked, offset, f, &u);
	} else {
		u.old = emul_reg(r, r->i.rm, size);
		emul_set_reg(r, r->i.rm, size, f(&u));
	}
	if (v == EMUL_OKAY) {
		r->c->rflags = flags;
		*old = u.old;
	}
	return v;
}

/* ---- stack -------------------------------------------------------------------- */

unsigned int emul_stack_size(const struct emul_run *r)
{
	if (r->i.bits == 64)
		return 8;
	return r->c->seg[EMUL_SS].attrib & EMUL_ATTR_BIG ? 4 : 2;
}

u64 emul_sp_plus(const struct emul_run *r, u64 sp, s64 delta)
{
	return emul_merge(sp, sp + delta, emul_stack_size(r));
}

enum emul_verdict emul_push(struct emul_run *r, u64 *sp, u64 v, unsigned int size)
{
	u64 new_sp = emul_sp_plus(r, *sp, -(s64)size);
	enum emul_verdict verdict;

	verdict = emul_write(r, EMUL_SS, new_sp & emul_mask(emul_stack_size(r)),
			     &v, size);
	if (verdict == EMUL_OKAY)
		*sp = new_sp;
	return verdict;
}

enum emul_verdict emul_pop(struct emul_run *r, u64 *sp, u64 *v, unsigned int size)
{
	enum emul_verdict verdict;

	*v = 0;
	verdict = emul_read(r, EMUL_SS, *sp & emul_mask(emul_stack_size(r)), v, size);
	if (verdict == EMUL_OKAY)
		*sp = emul_sp_plus(r, *sp, size);
	return verdict;
}

enum emul_verdict emul_probe_push(struct emul_run *r, unsigned int size)
{
	u64 sp = emul_sp_plus(r, r->c->regs[EMUL_RSP], -(s64)size);

	return emul_probe(r, EMUL_SS, sp & emul_mask(emul_stack_size(r)), size);
}

/* ---- branches ------------------------------------------------------------------ */

enum emul_verdict emul_check_ip(struct emul_run *r, u64 *ip)
{
	*ip &= emul_mask(r->i.opsize);
	if (r->i.bits == 64 ? emul_canonical(r->c, *ip) :
			      *ip <= r->c->seg[EMUL_CS].limit)
		return EMUL_OKAY;
	return emul_raise_gp(r);
}
