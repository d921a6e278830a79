/* SPDX-License-Identifier: GPL-2.0 */
/*
 * emul_run: what the emulator's files share, and nobody else includes.
 *
 * One struct emul_run lives for one instruction. A handler first does all that
 * can fail (checks, reads, then writes), and only then changes registers,
 * flags, segments, or r->next; so a verdict other than EMUL_OKAY or EMUL_REP
 * leaves the state as it was. emul.c moves r->next to rip at the end.
 */
#ifndef BACKPLANE_KVM_CORE_EMUL_RUN_H
#define BACKPLANE_KVM_CORE_EMUL_RUN_H

#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"
#include "kvm-core/insn.h"

struct emul_run {
	struct emul_ctxt *c;
	u64 next;		/* rip after the instruction */
	struct insn i;
};

typedef enum emul_verdict (*emul_handler)(struct emul_run *r);

/* Vectors, APM2 table 8-1 */
enum emul_vector { EMUL_DE = 0, EMUL_BR = 5, EMUL_UD = 6, EMUL_NM = 7,
		   EMUL_NP = 11, EMUL_SS_FAULT = 12, EMUL_GP = 13, EMUL_AC_FAULT = 17 };

#define EMUL_CR0_PE	BIT_ULL(0)
#define EMUL_CR0_EM	BIT_ULL(2)
#define EMUL_CR0_TS	BIT_ULL(3)
#define EMUL_CR0_AM	BIT_ULL(18)
#define EMUL_CR4_VME	BIT_ULL(0)
#define EMUL_CR4_PVI	BIT_ULL(1)
#define EMUL_CR4_OSFXSR	BIT_ULL(9)
#define EMUL_CR4_UMIP	BIT_ULL(11)
#define EMUL_CR4_LA57	BIT_ULL(12)
#define EMUL_CR4_OSXSAVE BIT_ULL(18)
#define EMUL_EFER_LMA	BIT_ULL(10)

/* struct emul_segment.attrib (APM2 15.5.1, 4.7) */
#define EMUL_ATTR_WRITE		BIT(1)	/* of data; of code: readable */
#define EMUL_ATTR_EXPAND_DOWN	BIT(2)	/* of data */
#define EMUL_ATTR_CODE		BIT(3)
#define EMUL_ATTR_PRESENT	BIT(7)
#define EMUL_ATTR_LONG		BIT(9)
#define EMUL_ATTR_BIG		BIT(10)

/* ---- verdicts ---- */

enum emul_verdict emul_raise(struct emul_run *r, u8 vector);	/* no error code */
enum emul_verdict emul_raise_gp(struct emul_run *r);		/* #GP(0) */
enum emul_verdict emul_verdict_of(enum emul_access_result a);

/* ---- modes ---- */

static inline bool emul_protected(const struct emul_ctxt *c)
{
	return c->cr0 & EMUL_CR0_PE;
}

static inline bool emul_vm86(const struct emul_ctxt *c)
{
	return c->rflags & EMUL_VM;
}

/* Segments are paragraph numbers: real mode and virtual-8086 mode. */
static inline bool emul_paragraphs(const struct emul_ctxt *c)
{
	return !emul_protected(c) || emul_vm86(c);
}

static inline unsigned int emul_iopl(const struct emul_ctxt *c)
{
	return (c->rflags & EMUL_IOPL) >> 12;
}

bool emul_canonical(const struct emul_ctxt *c, u64 la);

/* ---- registers ---- */

/* Byte registers 4..7 are AH, CH, DH, BH unless a REX prefix is there. */
static inline u64 emul_reg(const struct emul_run *r, unsigned int n,
			   unsigned int size)
{
	if (size == 1 && !r->i.rex && n >= 4)
		return r->c->regs[n & 3] >> 8 & 0xff;
	return r->c->regs[n] & emul_mask(size);
}

static inline u64 emul_merge(u64 old, u64 v, unsigned int size)
{
	return (old & ~emul_mask(size)) | (v & emul_mask(size));
}

/* A 32-bit result clears the upper half. */
static inline void emul_set_reg(struct emul_run *r, unsigned int n,
				unsigned int size, u64 v)
{
	u64 *reg = &r->c->regs[n];

	if (size == 8)
		*reg = v;
	else if (size == 4)
		*reg = (u32)v;
	else if (size == 1 && !r->i.rex && n >= 4)
		r->c->regs[n & 3] = (r->c->regs[n & 3] & ~0xff00ULL) | (v & 0xff) << 8;
	else
		*reg = emul_merge(*reg, v, size);
}

/* ---- memory ---- */

/* The segment of an operand that no ModRM names: DS, or the prefix. */
static inline unsigned int emul_data_seg(const struct emul_run *r)
{
	return r->i.seg_override != INSN_NO_REG ? r->i.seg_override : EMUL_DS;
}

/* The offset that ModRM names, cut to the address size. */
u64 emul_offset(const struct emul_run *r);
/* Segment, limit, canonical and alignment checks; the linear address. */
enum emul_verdict emul_linear(struct emul_run *r, unsigned int seg, u64 offset,
			      unsigned int len, bool write, gva_t *la);
enum emul_verdict emul_read(struct emul_run *r, unsigned int seg, u64 offset,
			    void *data, unsigned int len);
enum emul_verdict emul_write(struct emul_run *r, unsigned int seg, u64 offset,
			     const void *data, unsigned int len);
/* Would emul_write fail? Asked before the source is taken from a device. */
enum emul_verdict emul_probe(struct emul_run *r, unsigned int seg, u64 offset,
			     unsigned int len);

/* The ModRM operand as a number of @size bytes. */
enum emul_verdict emul_read_rm(struct emul_run *r, unsigned int size, u64 *v);
enum emul_verdict emul_write_rm(struct emul_run *r, unsigned int size, u64 v);

/* new value = f(old, arg); flags are a copy, committed with the result. */
struct emul_update {
	const struct emul_run *r;
	unsigned int size;
	u64 old, arg;
	u64 *flags;
};

typedef u64 (*emul_change)(const struct emul_update *u);

/*
 * Read, change and write back the ModRM operand, with LOCK (or @locked)
 * atomically. On success flags are committed and *old is what was there.
 * @offset is added to the memory address (bit tests reach beyond it).
 */
enum emul_verdict emul_modify_rm(struct emul_run *r, unsigned int size, bool locked,
				 u64 offset, emul_change f, u64 arg, u64 *old);
/* The same for 8 or 16 bytes at a linear address, atomically. */
enum emul_verdict emul_compare_swap(struct emul_run *r, gva_t la, void *old,
				    const void *new_value, unsigned int len,
				    bool *swapped);

/* ---- stack ---- */

/* Working copies of rSP: nothing is committed until emul_set_sp. */
unsigned int emul_stack_size(const struct emul_run *r);
enum emul_verdict emul_push(struct emul_run *r, u64 *sp, u64 v, unsigned int size);
enum emul_verdict emul_pop(struct emul_run *r, u64 *sp, u64 *v, unsigned int size);
enum emul_verdict emul_probe_push(struct emul_run *r, unsigned int size);
u64 emul_sp_plus(const struct emul_run *r, u64 sp, s64 delta);

/* ---- branches ---- */

/* Cut *ip to the operand size; #GP(0) if code may not run there. */
enum emul_verdict emul_check_ip(struct emul_run *r, u64 *ip);

/* ---- descriptors (emul_desc.c); ops->get_table is there ---- */

/* Load ES, SS, DS, FS or GS in protected mode: the last thing that can fail. */
enum emul_verdict emul_load_segment(struct emul_run *r, unsigned int seg, u16 selector);
/* The code segment that a far transfer to @selector:@ip leads to, at this level. */
enum emul_verdict emul_find_code(struct emul_run *r, u16 selector, u64 ip,
				 struct emul_segment *s);

/* ---- handlers, by file ---- */

#define EMUL_HANDLER(name) enum emul_verdict emul_##name(struct emul_run *r)

/* emul_int.c */
EMUL_HANDLER(alu_rm_r);
EMUL_HANDLER(alu_r_rm);
EMUL_HANDLER(alu_acc_i);
EMUL_HANDLER(alu_rm_i);
EMUL_HANDLER(test_rm_r);
EMUL_HANDLER(test_acc_i);
EMUL_HANDLER(test_rm_i);
EMUL_HANDLER(mov_rm_r);
EMUL_HANDLER(mov_r_rm);
EMUL_HANDLER(mov_rm_i);
EMUL_HANDLER(mov_r_i);
EMUL_HANDLER(mov_acc_moffs);
EMUL_HANDLER(mov_moffs_acc);
EMUL_HANDLER(movzx);
EMUL_HANDLER(movsx);
EMUL_HANDLER(movsxd);
EMUL_HANDLER(movbe);
EMUL_HANDLER(movnti);
EMUL_HANDLER(xchg);
EMUL_HANDLER(xchg_acc);
EMUL_HANDLER(lea);
EMUL_HANDLER(xadd);
EMUL_HANDLER(cmpxchg);
EMUL_HANDLER(cmpxchg8b);
EMUL_HANDLER(incdec_r);
EMUL_HANDLER(unary);
EMUL_HANDLER(setcc);
EMUL_HANDLER(cmovcc);
EMUL_HANDLER(bswap);
EMUL_HANDLER(xlat);
EMUL_HANDLER(nop_mem);

/* emul_math.c */
EMUL_HANDLER(mul_rm);
EMUL_HANDLER(imul_r_rm);
EMUL_HANDLER(imul_r_rm_i);
EMUL_HANDLER(div_rm);
EMUL_HANDLER(shift_i);
EMUL_HANDLER(shift_1);
EMUL_HANDLER(shift_cl);
EMUL_HANDLER(shld_i);
EMUL_HANDLER(shld_cl);
EMUL_HANDLER(bt_r);
EMUL_HANDLER(bt_i);
EMUL_HANDLER(bitscan);
EMUL_HANDLER(popcnt);
EMUL_HANDLER(cbw);
EMUL_HANDLER(cwd);
EMUL_HANDLER(sahf);
EMUL_HANDLER(lahf);
EMUL_HANDLER(flag);
EMUL_HANDLER(bcd);
EMUL_HANDLER(aam);
EMUL_HANDLER(aad);
EMUL_HANDLER(salc);
EMUL_HANDLER(bound);

/* emul_flow.c */
EMUL_HANDLER(push_r);
EMUL_HANDLER(pop_r);
EMUL_HANDLER(push_i);
EMUL_HANDLER(push_rm);
EMUL_HANDLER(pop_rm);
EMUL_HANDLER(pusha);
EMUL_HANDLER(popa);
EMUL_HANDLER(pushf);
EMUL_HANDLER(popf);
EMUL_HANDLER(enter);
EMUL_HANDLER(leave);
EMUL_HANDLER(jmp_rel);
EMUL_HANDLER(jcc);
EMUL_HANDLER(loop);
EMUL_HANDLER(jcxz);
EMUL_HANDLER(call_rel);
EMUL_HANDLER(jmp_rm);
EMUL_HANDLER(call_rm);
EMUL_HANDLER(ret);

/* emul_seg.c */
EMUL_HANDLER(push_seg);
EMUL_HANDLER(pop_seg);
EMUL_HANDLER(mov_rm_seg);
EMUL_HANDLER(mov_seg_rm);
EMUL_HANDLER(load_far);
EMUL_HANDLER(jmp_far);
EMUL_HANDLER(call_far);
EMUL_HANDLER(jmp_far_mem);
EMUL_HANDLER(call_far_mem);
EMUL_HANDLER(ret_far);

/* emul_desc.c */
EMUL_HANDLER(load_system);
EMUL_HANDLER(store_system);
EMUL_HANDLER(load_table);
EMUL_HANDLER(store_table);

/* emul_string.c */
EMUL_HANDLER(movs);
EMUL_HANDLER(cmps);
EMUL_HANDLER(stos);
EMUL_HANDLER(lods);
EMUL_HANDLER(scas);
EMUL_HANDLER(ins);
EMUL_HANDLER(outs);
EMUL_HANDLER(in);
EMUL_HANDLER(out);

/* emul_sys.c */
EMUL_HANDLER(cli);
EMUL_HANDLER(sti);
EMUL_HANDLER(mov_cr);
EMUL_HANDLER(mov_dr);
EMUL_HANDLER(clts);
EMUL_HANDLER(smsw);
EMUL_HANDLER(lmsw);
EMUL_HANDLER(invlpg);
EMUL_HANDLER(group15);

/* emul_sse.c */
EMUL_HANDLER(sse_mov);
EMUL_HANDLER(sse_half);
EMUL_HANDLER(sse_gpr);

#undef EMUL_HANDLER

#endif
