// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors: segment registers loaded in protected and long mode, far transfers
 * at one privilege level, and the system segments and tables (APM2 4.6-4.8, 4.10;
 * APM3 LGDT, LLDT, LTR and their kin). Called from emul.c's table and by emul_seg.c,
 * which knows the modes without descriptors.
 *
 * Known limits: gates, task switches and returns to an outer level are
 * EMUL_UNHANDLED; the accessed and busy bits are set by a plain write.
 */
#include "kvm-core/emul_run.h"

#define SEL_TI			BIT(2)
#define SEL_RPL			3U

/* Of struct emul_segment.attrib, beside emul_run.h's */
#define ATTR_TYPE		0xfU
#define ATTR_ACCESSED		BIT(0)
#define ATTR_BUSY		BIT(1)	/* of a TSS */
#define ATTR_CONFORMING		BIT(2)	/* of code */
#define ATTR_USER		BIT(4)	/* code or data */
#define ATTR_GRANULARITY	BIT(11)
#define ATTR_STACK		0x93U	/* writable data, present */
#define TYPE_LDT		2U
#define TYPE_TSS16		1U
#define TYPE_TSS		9U

static unsigned int dpl(const struct emul_segment *s)
{
	return s->attrib >> 5 & 3;
}

static bool is_code(const struct emul_segment *s)
{
	return (s->attrib & ATTR_USER) && (s->attrib & EMUL_ATTR_CODE);
}

static enum emul_verdict raise_selector(struct emul_run *r, u8 vector, u16 selector)
{
	r->c->fault = (struct emul_fault) {
		.vector = vector, .has_error = true, .error = selector & ~SEL_RPL,
	};
	return EMUL_FAULT;
}

/* ---- tables in memory ------------------------------------------------------------ */

/* The CPU itself reads and writes descriptors, whatever runs. */
static enum emul_verdict system_access(struct emul_run *r, gva_t la, void *data,
				       unsigned int len, bool write)
{
	struct emul_ctxt *c = r->c;
	enum emul_access_result a;
	u8 cpl = c->cpl;

	if (!c->ops->read || !c->ops->write)
		return EMUL_UNHANDLED;
	if (!(c->efer & EMUL_EFER_LMA))
		la = (u32)la;
	c->cpl = 0;
	a = write ? c->ops->write(c, la, data, len) :
		    c->ops->read(c, la, data, len, false);
	c->cpl = cpl;
	return emul_verdict_of(a);
}

/* @len bytes of the descriptor that @selector names. */
static enum emul_verdict read_descriptor(struct emul_run *r, u16 selector, void *d,
					 unsigned int len, gva_t *at)
{
	enum emul_table t = selector & SEL_TI ? EMUL_LDTR : EMUL_GDTR;
	u32 offset = selector & ~7U;
	struct emul_segment table;

	r->c->ops->get_table(r->c, t, &table);
	if (offset + len - 1 > table.limit ||
	    (t == EMUL_LDTR && !(table.attrib & EMUL_ATTR_PRESENT)))
		return raise_selector(r, EMUL_GP, selector);
	*at = table.base + offset;
	return system_access(r, *at, d, len, false);
}

static struct emul_segment unpack(u16 selector, u64 d)
{
	struct emul_segment s = {
		.selector = selector,
		.attrib = (d >> 40 & 0xff) | (d >> 44 & 0xf00),
		.limit = (d & 0xffff) | (d >> 32 & 0xf0000),
		.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000),
	};

	if (s.attrib & ATTR_GRANULARITY)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

/* Byte 5 of a descriptor holds type, privilege and the present bit. */
static enum emul_verdict mark(struct emul_run *r, struct emul_segment *s, gva_t at,
			      u16 bit)
{
	u8 byte;

	if (s->attrib & bit)
		return EMUL_OKAY;
	s->attrib |= bit;
	byte = (u8)s->attrib;
	return system_access(r, at + 5, &byte, sizeof(byte), true);
}

/* ---- data and stack segments -------------------------------------------------------- */

static bool data_fits(const struct emul_run *r, const struct emul_segment *s)
{
	unsigned int rpl = s->selector & SEL_RPL;

	if (!(s->attrib & ATTR_USER) || (is_code(s) && !(s->attrib & EMUL_ATTR_WRITE)))
		return false;
	if (is_code(s) && (s->attrib & ATTR_CONFORMING))
		return true;
	return rpl <= dpl(s) && r->c->cpl <= dpl(s);
}

static bool stack_fits(const struct emul_run *r, const struct emul_segment *s)
{
	return (s->attrib & ATTR_USER) && !is_code(s) && (s->attrib & EMUL_ATTR_WRITE) &&
	       dpl(s) == r->c->cpl && (s->selector & SEL_RPL) == r->c->cpl;
}

/* SS may be null in 64-bit code, below CPL 3, at the code's own level. */
static enum emul_verdict load_null(struct emul_run *r, unsigned int seg, u16 selector)
{
	struct emul_segment s = { .selector = selector };

	if (seg == EMUL_SS) {
		if (r->i.bits != 64 || r->c->cpl == 3 || selector != r->c->cpl)
			return emul_raise_gp(r);
		s.attrib = ATTR_STACK | EMUL_ATTR_BIG | ATTR_GRANULARITY | r->c->cpl << 5;
		s.limit = U32_MAX;
	}
	r->c->seg[seg] = s;
	r->c->seg_dirty |= BIT(seg);
	return EMUL_OKAY;
}

enum emul_verdict emul_load_segment(struct emul_run *r, unsigned int seg, u16 selector)
{
	struct emul_segment s;
	enum emul_verdict v;
	gva_t at;
	u64 d;

	if (!(selector & ~SEL_RPL))
		return load_null(r, seg, selector);
	v = read_descriptor(r, selector, &d, sizeof(d), &at);
	if (v != EMUL_OKAY)
		return v;
	s = unpack(selector, d);
	if (!(seg == EMUL_SS ? stack_fits(r, &s) : data_fits(r, &s)))
		return raise_selector(r, EMUL_GP, selector);
	if (!(s.attrib & EMUL_ATTR_PRESENT))
		return raise_selector(r, seg == EMUL_SS ? EMUL_SS_FAULT : EMUL_NP, selector);
	v = mark(r, &s, at, ATTR_ACCESSED);
	if (v != EMUL_OKAY)
		return v;
	r->c->seg[seg] = s;
	r->c->seg_dirty |= BIT(seg);
	return EMUL_OKAY;
}

/* ---- code segments -------------------------------------------------------------------- */

static bool code_fits(const struct emul_run *r, const struct emul_segment *s)
{
	unsigned int rpl = s->selector & SEL_RPL, cpl = r->c->cpl;
	u16 wide = EMUL_ATTR_LONG | EMUL_ATTR_BIG;

	if ((r->c->efer & EMUL_EFER_LMA) && (s->attrib & wide) == wide)
		return false;
	return s->attrib & ATTR_CONFORMING ? dpl(s) <= cpl : dpl(s) == cpl && rpl <= cpl;
}

static bool ip_fits(const struct emul_run *r, const struct emul_segment *s, u64 ip)
{
	if ((r->c->efer & EMUL_EFER_LMA) && (s->attrib & EMUL_ATTR_LONG))
		return emul_canonical(r->c, ip);
	return ip <= s->limit;
}

enum emul_verdict emul_find_code(struct emul_run *r, u16 selector, u64 ip,
				 struct emul_segment *s)
{
	enum emul_verdict v;
	gva_t at;
	u64 d;

	if (!(selector & ~SEL_RPL))
		return emul_raise_gp(r);
	v = read_descriptor(r, selector, &d, sizeof(d), &at);
	if (v != EMUL_OKAY)
		return v;
	*s = unpack(selector, d);
	if (!(s->attrib & ATTR_USER))
		return EMUL_UNHANDLED;		/* a gate, a task */
	if (!is_code(s) || !code_fits(r, s))
		return raise_selector(r, EMUL_GP, selector);
	if (!(s->attrib & EMUL_ATTR_PRESENT))
		return raise_selector(r, EMUL_NP, selector);
	if (!ip_fits(r, s, ip))
		return emul_raise_gp(r);
	s->selector = (selector & ~SEL_RPL) | r->c->cpl;
	return mark(r, s, at, ATTR_ACCESSED);
}

/* ---- LDT and task register ---------------------------------------------------------------- */

/* 64-bit system descriptors have the upper half of the base behind them. */
static enum emul_verdict find_system(struct emul_run *r, u16 selector,
				     struct emul_segment *s, gva_t *at)
{
	bool wide = r->c->efer & EMUL_EFER_LMA;
	u64 d[2] = { 0, 0 };
	enum emul_verdict v;

	if (selector & SEL_TI)
		return raise_selector(r, EMUL_GP, selector);
	v = read_descriptor(r, selector, d, wide ? 16 : 8, at);
	if (v != EMUL_OKAY)
		return v;
	*s = unpack(selector, d[0]);
	s->base |= d[1] << 32;
	if (wide && !emul_canonical(r->c, s->base))
		return raise_selector(r, EMUL_GP, selector);
	return EMUL_OKAY;
}

static bool is_ldt(const struct emul_segment *s)
{
	return (s->attrib & (ATTR_USER | ATTR_TYPE)) == TYPE_LDT;
}

/* One that is free; long mode knows no 16-bit tasks. */
static bool is_free_tss(const struct emul_run *r, const struct emul_segment *s)
{
	u16 type = s->attrib & (ATTR_USER | ATTR_TYPE);

	return type == TYPE_TSS ||
	       (type == TYPE_TSS16 && !(r->c->efer & EMUL_EFER_LMA));
}

/* 0F 00 /2 LLDT, /3 LTR */
enum emul_verdict emul_load_system(struct emul_run *r)
{
	bool task = (r->i.modrm >> 3 & 7) == 3;
	struct emul_segment s = { };
	enum emul_verdict v;
	u64 selector;
	gva_t at;

	if (emul_paragraphs(r->c))
		return emul_raise(r, EMUL_UD);
	if (r->c->cpl)
		return emul_raise_gp(r);
	if (!r->c->ops->get_table || !r->c->ops->set_table)
		return EMUL_UNHANDLED;
	v = emul_read_rm(r, 2, &selector);
	if (v != EMUL_OKAY)
		return v;
	if (!(selector & ~SEL_RPL)) {
		if (task)
			return emul_raise_gp(r);
		s.selector = selector;		/* no LDT: not present */
		r->c->ops->set_table(r->c, EMUL_LDTR, &s);
		return EMUL_OKAY;
	}
	v = find_system(r, selector, &s, &at);
	if (v != EMUL_OKAY)
		return v;
	if (!(task ? is_free_tss(r, &s) : is_ldt(&s)))
		return raise_selector(r, EMUL_GP, selector);
	if (!(s.attrib & EMUL_ATTR_PRESENT))
		return raise_selector(r, EMUL_NP, selector);
	if (task)
		v = mark(r, &s, at, ATTR_BUSY);
	if (v == EMUL_OKAY)
		r->c->ops->set_table(r->c, task ? EMUL_TR : EMUL_LDTR, &s);
	return v;
}

static bool umip_forbids(const struct emul_run *r)
{
	return r->c->cpl && (r->c->cr4 & EMUL_CR4_UMIP);
}

/* 0F 00 /0 SLDT, /1 STR: memory gets 16 bits whatever the operand size. */
enum emul_verdict emul_store_system(struct emul_run *r)
{
	struct emul_segment s;

	if (emul_paragraphs(r->c))
		return emul_raise(r, EMUL_UD);
	if (umip_forbids(r))
		return emul_raise_gp(r);
	if (!r->c->ops->get_table)
		return EMUL_UNHANDLED;
	r->c->ops->get_table(r->c, r->i.modrm >> 3 & 1 ? EMUL_TR : EMUL_LDTR, &s);
	return emul_write_rm(r, r->i.mem ? 2 : r->i.opsize, s.selector);
}

/* ---- GDT and IDT ---------------------------------------------------------------------------- */

struct table_image {
	u8 bytes[10];		/* limit, then 4 or 8 bytes of base */
};

static unsigned int image_size(const struct emul_run *r)
{
	return r->i.bits == 64 ? 10 : 6;
}

static enum emul_table which_table(const struct emul_run *r)
{
	return r->i.modrm >> 3 & 1 ? EMUL_IDTR : EMUL_GDTR;
}

/* 0F 01 /0 SGDT, /1 SIDT */
enum emul_verdict emul_store_table(struct emul_run *r)
{
	struct table_image image;
	struct emul_segment s;
	u16 limit;

	if (umip_forbids(r))
		return emul_raise_gp(r);
	if (!r->c->ops->get_table)
		return EMUL_UNHANDLED;
	r->c->ops->get_table(r->c, which_table(r), &s);
	limit = s.limit;
	memcpy(image.bytes, &limit, sizeof(limit));
	memcpy(image.bytes + 2, &s.base, sizeof(s.base));
	return emul_write(r, r->i.seg, emul_offset(r), image.bytes, image_size(r));
}

/* 0F 01 /2 LGDT, /3 LIDT: with 16-bit operands the base has 24 bits. */
enum emul_verdict emul_load_table(struct emul_run *r)
{
	struct table_image image = { };
	struct emul_segment s = { };
	enum emul_verdict v;
	u16 limit;

	if (r->c->cpl)
		return emul_raise_gp(r);
	if (!r->c->ops->set_table)
		return EMUL_UNHANDLED;
	v = emul_read(r, r->i.seg, emul_offset(r), image.bytes, image_size(r));
	if (v != EMUL_OKAY)
		return v;
	memcpy(&limit, image.bytes, sizeof(limit));
	memcpy(&s.base, image.bytes + 2, sizeof(s.base));
	s.limit = limit;
	if (r->i.bits == 64 && !emul_canonical(r->c, s.base))
		return emul_raise_gp(r);
	if (r->i.bits != 64 && r->i.opsize == 2)
		s.base &= 0xffffff;
	r->c->ops->set_table(r->c, which_table(r), &s);
	return EMUL_OKAY;
}
