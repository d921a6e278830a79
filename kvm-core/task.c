// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware task switch: AMD64 APM volume 2, 12.2 (the structures) and 12.3
 * (the order of what is checked, saved and loaded), 4.8 (descriptors). Called by
 * task_linux.c for a #VMEXIT that the CPU makes of a task switch. It knows of no
 * VMCB and of no paging: linear memory comes by ops.
 */
#include "kvm-core/excp.h"
#include "kvm-core/task.h"

#define CR0_TS		BIT_ULL(3)
#define CR0_PG		BIT_ULL(31)
#define FLAGS_FIXED	BIT_ULL(1)
#define FLAGS_NT	BIT_ULL(14)
#define FLAGS_RF	BIT_ULL(16)
#define FLAGS_VM	BIT_ULL(17)
#define FLAGS_DEFINED	0x3f7fd5U	/* APM2 3.1.6 */

/* L0-L3 and LE are the task's own (APM2 13.1.1.4). */
#define DR7_LOCAL	(BIT_ULL(0) | BIT_ULL(2) | BIT_ULL(4) | BIT_ULL(6) | BIT_ULL(8))

#define SEL_TI		BIT(2)
#define SEL_RPL		3U

/* Types of system descriptors (APM2 4.8.3). */
#define TYPE_TSS16	1
#define TYPE_LDT	2
#define TYPE_TSS32	9
#define TYPE_BUSY	2	/* added to either TSS */
/* Bits of the types of code and data descriptors (APM2 4.8.1, 4.8.2). */
#define TYPE_CODE	8
#define TYPE_CONFORMING	4	/* of code */
#define TYPE_RW		2	/* code: readable; data: writable */
#define TYPE_ACCESSED	1

/* A TSS in memory, either size; unused fields are the CPU's to skip. */
struct tss {
	u32 link, cr3, ip, flags, reg[8], seg[6], ldt, trap;
};

/* Where each field is; segments as ES CS SS DS FS GS. */
struct tss_layout {
	unsigned int bytes, width;
	u8 cr3, ip, flags, reg, seg, ldt, trap;
	unsigned int segs;
};

static const struct tss_layout layout32 = {
	.bytes = 0x68, .width = 4, .cr3 = 0x1c, .ip = 0x20, .flags = 0x24,
	.reg = 0x28, .seg = 0x48, .segs = 6, .ldt = 0x60, .trap = 0x64,
};

static const struct tss_layout layout16 = {
	.bytes = 0x2c, .width = 2, .cr3 = 0, .ip = 0x0e, .flags = 0x10,
	.reg = 0x12, .seg = 0x22, .segs = 4, .ldt = 0x2a,
};

struct task {
	struct task_cpu *cpu;
	const struct task_ops *ops;
	struct task_fault *fault;
	u32 cr3;
};

static enum task_verdict fault(struct task *t, u8 vector, u32 error)
{
	t->fault->vector = vector;
	t->fault->error = error;
	return TASK_FAULT;
}

static enum task_verdict get(struct task *t, gva_t la, void *data, unsigned int len)
{
	return t->ops->read(t->ops->ctx, t->cr3, (u32)la, data, len) ?
		TASK_PAGE_FAULT : TASK_DONE;
}

static enum task_verdict put(struct task *t, gva_t la, const void *data,
			     unsigned int len)
{
	return t->ops->write(t->ops->ctx, t->cr3, (u32)la, data, len) ?
		TASK_PAGE_FAULT : TASK_DONE;
}

static u32 field(const u8 *image, const struct tss_layout *l, unsigned int at)
{
	u32 v = 0;

	memcpy(&v, image + at, l->width);
	return v;
}

static void set_field(u8 *image, const struct tss_layout *l, unsigned int at, u32 v)
{
	memcpy(image + at, &v, l->width);
}

static void tss_unpack(struct tss *t, const u8 *image, const struct tss_layout *l)
{
	unsigned int i;

	memset(t, 0, sizeof(*t));
	t->link = (u16)field(image, l, 0);
	t->cr3 = l->cr3 ? field(image, l, l->cr3) : 0;
	t->ip = field(image, l, l->ip);
	t->flags = field(image, l, l->flags);
	for (i = 0; i < 8; i++)
		t->reg[i] = field(image, l, l->reg + i * l->width);
	for (i = 0; i < l->segs; i++)
		t->seg[i] = (u16)field(image, l, l->seg + i * l->width);
	t->ldt = (u16)field(image, l, l->ldt);
	t->trap = l->trap ? field(image, l, l->trap) & 1 : 0;
}

/* ---- descriptors --------------------------------------------------------------------- */

static struct kvm_segment segment(u16 selector, u64 d)
{
	struct kvm_segment s = {
		.selector = selector,
		.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000),
		.limit = (d & 0xffff) | (d >> 32 & 0xf0000),
		.type = d >> 40 & 0xf, .s = d >> 44 & 1, .dpl = d >> 45 & 3,
		.present = d >> 47 & 1, .avl = d >> 52 & 1, .l = d >> 53 & 1,
		.db = d >> 54 & 1, .g = d >> 55 & 1,
	};

	if (s.g)
		s.limit = s.limit << 12 | 0xfff;
	s.unusable = !s.present;
	return s;
}

/* Where @selector's descriptor is; 0 if it is in no table. */
static gva_t descriptor_at(const struct task_cpu *c, u16 selector)
{
	u32 offset = selector & ~7U;

	if (selector & SEL_TI)
		return c->s.ldt.unusable || offset + 7 > c->s.ldt.limit ? 0 :
			c->s.ldt.base + offset;
	return offset + 7 > c->s.gdt.limit ? 0 : c->s.gdt.base + offset;
}

/* Not found: a fault of @vector that names the selector. */
static enum task_verdict get_descriptor(struct task *t, u16 selector, u8 vector,
					gva_t *at, u64 *d)
{
	*at = descriptor_at(t->cpu, selector);
	if (!*at)
		return fault(t, vector, selector & ~SEL_RPL);
	return get(t, *at, d, sizeof(*d));
}

/* Set or clear a TSS descriptor's busy bit (bit 41). */
static enum task_verdict mark_busy(struct task *t, u16 selector, bool busy)
{
	enum task_verdict r;
	gva_t at;
	u64 d;

	r = get_descriptor(t, selector, EXCP_TS, &at, &d);
	if (r != TASK_DONE)
		return r;
	d = busy ? d | BIT_ULL(41) : d & ~BIT_ULL(41);
	return put(t, at, &d, sizeof(d));
}

/* ---- the incoming TSS ------------------------------------------------------------------- */

static bool is_tss(const struct kvm_segment *s, bool busy)
{
	u8 type = s->type & ~TYPE_BUSY;

	return !s->s && (type == TYPE_TSS16 || type == TYPE_TSS32) &&
	       !!(s->type & TYPE_BUSY) == busy;
}

static const struct tss_layout *layout_of(const struct kvm_segment *s)
{
	return s->type & 8 ? &layout32 : &layout16;
}

static enum task_verdict find_tss(struct task *t, const struct task_request *rq,
				  struct kvm_segment *out)
{
	bool iret = rq->reason == TASK_IRET;
	u32 error = rq->selector & ~SEL_RPL;
	u8 bad = iret ? EXCP_TS : EXCP_GP;
	enum task_verdict r;
	gva_t at;
	u64 d;

	if ((rq->selector & SEL_TI) || !error)
		return fault(t, bad, error);
	r = get_descriptor(t, rq->selector, bad, &at, &d);
	if (r != TASK_DONE)
		return r;
	*out = segment(rq->selector, d);
	if (!is_tss(out, iret))
		return fault(t, bad, error);
	if ((rq->reason == TASK_CALL || rq->reason == TASK_JUMP) &&
	    (out->dpl < t->cpu->cpl || out->dpl < (rq->selector & SEL_RPL)))
		return fault(t, EXCP_GP, error);
	if (!out->present)
		return fault(t, EXCP_NP, error);
	if (out->limit < layout_of(out)->bytes - 1)
		return fault(t, EXCP_TS, error);
	return TASK_DONE;
}

/* ---- the outgoing task -------------------------------------------------------------------- */

static const struct kvm_segment *cpu_segment(const struct kvm_sregs *s, unsigned int i)
{
	const struct kvm_segment *const segs[] = {
		&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs,
	};

	return segs[i];
}

/* What changes while a task runs; link, stacks, CR3 and LDT stay as they were. */
static enum task_verdict save_old(struct task *t, const struct task_request *rq)
{
	const struct task_cpu *c = t->cpu;
	const struct tss_layout *l = layout_of(&c->s.tr);
	u64 flags = (c->rflags & ~FLAGS_RF) | (rq->resume ? FLAGS_RF : 0);
	u8 image[0x68];
	enum task_verdict r;
	unsigned int i;

	if (rq->reason == TASK_IRET)
		flags &= ~FLAGS_NT;
	r = get(t, c->s.tr.base, image, l->bytes);
	if (r != TASK_DONE)
		return r;
	set_field(image, l, l->ip, (u32)c->rip);
	set_field(image, l, l->flags, (u32)flags);
	for (i = 0; i < 8; i++)
		set_field(image, l, l->reg + i * l->width, (u32)c->regs[i]);
	for (i = 0; i < l->segs; i++)
		set_field(image, l, l->seg + i * l->width,
			  cpu_segment(&c->s, i)->selector);
	return put(t, c->s.tr.base + l->ip, image + l->ip, l->ldt - l->ip);
}

/* ---- the incoming task's segments --------------------------------------------------------- */

static struct kvm_segment vm86_segment(u16 selector)
{
	return (struct kvm_segment) {
		.selector = selector, .base = (u32)selector << 4,
		.limit = 0xffff, .type = 3, .present = 1, .s = 1, .dpl = 3,
	};
}

static bool code_fits(const struct kvm_segment *s, u8 rpl)
{
	if (!s->s || !(s->type & TYPE_CODE))
		return false;
	return s->type & TYPE_CONFORMING ? s->dpl <= rpl : s->dpl == rpl;
}

static bool stack_fits(const struct kvm_segment *s, u8 cpl)
{
	return s->s && !(s->type & TYPE_CODE) && (s->type & TYPE_RW) &&
	       s->dpl == cpl && (s->selector & SEL_RPL) == cpl;
}

static bool data_fits(const struct kvm_segment *s, u8 cpl)
{
	u8 rpl = s->selector & SEL_RPL;

	if (!s->s || ((s->type & TYPE_CODE) && !(s->type & TYPE_RW)))
		return false;
	if ((s->type & TYPE_CODE) && (s->type & TYPE_CONFORMING))
		return true;
	return s->dpl >= cpl && s->dpl >= rpl;
}

enum { ES, CS, SS, DS, FS, GS };

static enum task_verdict load_segment(struct task *t, unsigned int which, u16 selector,
				      struct kvm_segment *out)
{
	u32 error = selector & ~SEL_RPL;
	u8 cpl = t->cpu->cpl;
	enum task_verdict r;
	bool good;
	gva_t at;
	u64 d;

	if (!error) {
		*out = (struct kvm_segment) { .selector = selector, .unusable = 1 };
		return which == CS || which == SS ? fault(t, EXCP_TS, 0) : TASK_DONE;
	}
	r = get_descriptor(t, selector, EXCP_TS, &at, &d);
	if (r != TASK_DONE)
		return r;
	*out = segment(selector, d);
	good = which == CS ? code_fits(out, selector & SEL_RPL) :
	       which == SS ? stack_fits(out, cpl) : data_fits(out, cpl);
	if (!good)
		return fault(t, EXCP_TS, error);
	if (!out->present)
		return fault(t, which == SS ? EXCP_SS : EXCP_NP, error);
	if (out->type & TYPE_ACCESSED)
		return TASK_DONE;
	out->type |= TYPE_ACCESSED;
	d |= BIT_ULL(40);
	return put(t, at, &d, sizeof(d));
}

static enum task_verdict load_ldt(struct task *t, u16 selector)
{
	struct kvm_segment ldt = { .selector = selector, .unusable = 1 };
	u32 error = selector & ~SEL_RPL;
	enum task_verdict r;
	gva_t at;
	u64 d;

	t->cpu->s.ldt = ldt;
	if (!error)
		return TASK_DONE;
	if (selector & SEL_TI)
		return fault(t, EXCP_TS, error);
	r = get_descriptor(t, selector, EXCP_TS, &at, &d);
	if (r != TASK_DONE)
		return r;
	ldt = segment(selector, d);
	if (ldt.s || ldt.type != TYPE_LDT || !ldt.present)
		return fault(t, EXCP_TS, error);
	t->cpu->s.ldt = ldt;
	return TASK_DONE;
}

static enum task_verdict load_segments(struct task *t, const struct tss *tss)
{
	/* CS first: its privilege is what the others are held against. */
	static const u8 order[] = { CS, SS, DS, ES, FS, GS };
	struct kvm_sregs *s = &t->cpu->s;
	struct kvm_segment *const segs[] = {
		&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs,
	};
	enum task_verdict r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		if (tss->flags & FLAGS_VM) {
			*segs[order[i]] = vm86_segment(tss->seg[order[i]]);
			continue;
		}
		r = load_segment(t, order[i], tss->seg[order[i]], segs[order[i]]);
		if (r != TASK_DONE)
			return r;
	}
	return TASK_DONE;
}

/* Selectors are there at once, though unusable until their descriptors are. */
static void load_registers(struct task_cpu *c, const struct tss *tss, bool wide)
{
	struct kvm_sregs *s = &c->s;
	struct kvm_segment *const segs[] = {
		&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs,
	};
	unsigned int i;

	c->rip = tss->ip;
	c->rflags = (tss->flags & FLAGS_DEFINED) | FLAGS_FIXED;
	c->dr7 &= ~DR7_LOCAL;
	c->debug_trap = tss->trap;
	for (i = 0; i < 8; i++)
		c->regs[i] = wide ? tss->reg[i] : 0xffff0000U | tss->reg[i];
	for (i = 0; i < ARRAY_SIZE(segs); i++)
		*segs[i] = (struct kvm_segment) { .selector = tss->seg[i], .unusable = 1 };
	c->cpl = tss->flags & FLAGS_VM ? 3 : tss->seg[CS] & SEL_RPL;
	s->cr0 |= CR0_TS;
}

static enum task_verdict push_error(struct task *t, bool wide, u32 error)
{
	struct task_cpu *c = t->cpu;
	u32 mask = c->s.ss.db ? ~0U : 0xffffU;
	u32 sp = (u32)c->regs[4] - (wide ? 4 : 2);

	c->regs[4] = (c->regs[4] & ~(u64)mask) | (sp & mask);
	return put(t, c->s.ss.base + (sp & mask), &error, wide ? 4 : 2);
}

/* ---- the switch ---------------------------------------------------------------------------- */

/* Which tasks are busy, and who called whom (APM2 12.2.3, 12.3.2). */
static enum task_verdict link_tasks(struct task *t, const struct task_request *rq,
				    const struct kvm_segment *tr)
{
	u16 old = t->cpu->s.tr.selector;
	enum task_verdict r = TASK_DONE;

	if (rq->reason == TASK_JUMP || rq->reason == TASK_IRET)
		r = mark_busy(t, old, false);
	if (r == TASK_DONE && rq->reason != TASK_IRET)
		r = mark_busy(t, rq->selector, true);
	if (r == TASK_DONE && (rq->reason == TASK_CALL || rq->reason == TASK_EVENT))
		r = put(t, tr->base, &old, sizeof(old));
	return r;
}

/* All that the old task does; @image is the new one's, as it was before. */
static enum task_verdict leave_old(struct task *t, const struct task_request *rq,
				   struct kvm_segment *tr, u8 *image)
{
	enum task_verdict r;

	r = find_tss(t, rq, tr);
	if (r == TASK_DONE)
		r = get(t, tr->base, image, layout_of(tr)->bytes);
	if (r == TASK_DONE)
		r = save_old(t, rq);
	return r == TASK_DONE ? link_tasks(t, rq, tr) : r;
}

enum task_verdict task_switch(struct task_cpu *cpu, const struct task_ops *ops,
			      const struct task_request *rq, struct task_fault *f)
{
	struct task t = { .cpu = cpu, .ops = ops, .fault = f, .cr3 = (u32)cpu->s.cr3 };
	const struct tss_layout *l;
	struct kvm_segment tr;
	enum task_verdict r;
	struct tss tss;
	u8 image[0x68];

	r = leave_old(&t, rq, &tr, image);
	if (r != TASK_DONE) {
		cpu->rip = rq->at;
		return r;
	}

	/* The new task from here on. */
	l = layout_of(&tr);
	tss_unpack(&tss, image, l);
	if (rq->reason == TASK_CALL || rq->reason == TASK_EVENT)
		tss.flags |= FLAGS_NT;
	tr.type |= TYPE_BUSY;
	cpu->s.tr = tr;
	if (l->cr3 && (cpu->s.cr0 & CR0_PG)) {
		cpu->s.cr3 = tss.cr3;
		t.cr3 = tss.cr3;
	}
	load_registers(cpu, &tss, l == &layout32);
	r = load_ldt(&t, tss.ldt);
	if (r == TASK_DONE)
		r = load_segments(&t, &tss);
	if (r == TASK_DONE && rq->has_error)
		r = push_error(&t, l == &layout32, rq->error);
	return r;
}
