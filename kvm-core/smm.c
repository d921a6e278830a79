// SPDX-License-Identifier: GPL-2.0
/*
 * System management mode as data: what an SMI saves and RSM restores (AMD64 APM
 * volume 2, 10.2 and 10.3). Called by smm_linux.c, which moves the area between
 * the guest's SMRAM and here and loads the CPU. Knows no memory, no SMI and no
 * VMCB. A field is a row of one table, used in both directions.
 */
#include "kvm-core/smm.h"

#define REVISION	0x00020064U	/* AMD64, SMBASE can be moved */

/* Offsets in the area, from SMBASE + FE00h. */
enum {
	AT_ES = 0x00, AT_CS = 0x10, AT_SS = 0x20, AT_DS = 0x30, AT_FS = 0x40,
	AT_GS = 0x50, AT_GDTR = 0x60, AT_LDTR = 0x70, AT_IDTR = 0x80,
	AT_TR = 0x90, AT_HALTED = 0xc9, AT_NMI_MASKED = 0xca,
	AT_INT_SHADOW = 0xcb, AT_EFER = 0xd0, AT_REVISION = 0xfc,
	AT_SMBASE = 0x100, AT_CR4 = 0x148, AT_CR3 = 0x150, AT_CR0 = 0x158,
	AT_DR7 = 0x160, AT_DR6 = 0x168, AT_RFLAGS = 0x170, AT_RIP = 0x178,
	AT_R15 = 0x180,		/* .. R8 at 1B8h */
	AT_RDI = 0x1c0,		/* RDI RSI RBP RSP RBX RDX RCX RAX */
	AT_RAX = 0x1f8,
};

#define CR0_PE	BIT_ULL(0)
#define CR0_EM	BIT_ULL(2)
#define CR0_TS	BIT_ULL(3)
#define CR0_NW	BIT_ULL(29)
#define CR0_CD	BIT_ULL(30)
#define CR0_PG	BIT_ULL(31)
#define CR4_PAE	BIT_ULL(5)
#define EFER_LME_BIT	BIT_ULL(8)
#define EFER_LMA_BIT	BIT_ULL(10)
#define FLAGS_FIXED	BIT_ULL(1)
#define FLAGS_VM	BIT_ULL(17)
#define DR7_FIXED	0x400U

static void put(u8 *area, unsigned int at, u64 value, unsigned int bytes)
{
	memcpy(area + at, &value, bytes);
}

static u64 get(const u8 *area, unsigned int at, unsigned int bytes)
{
	u64 value = 0;

	memcpy(&value, area + at, bytes);
	return value;
}

/* General registers by number; the area has them from the top downwards, with
 * RDI and RSI, RBX, RDX and RCX in the numbers' own order.
 */
static unsigned int reg_at(unsigned int n)
{
	return n < 8 ? AT_RAX - n * 8 : AT_R15 + (15 - n) * 8;
}

/* ---- segments: selector, attributes, limit, base ---------------------------------- */

/* The attributes are bits 23:8 of a descriptor's second word, limit bits out. */
static u16 attributes(const struct kvm_segment *seg)
{
	return (seg->type & 0xf) | (seg->s & 1) << 4 | (seg->dpl & 3) << 5 |
	       (seg->present && !seg->unusable) << 7 | (seg->avl & 1) << 12 |
	       (seg->l & 1) << 13 | (seg->db & 1) << 14 | (seg->g & 1) << 15;
}

static void put_segment(u8 *area, unsigned int at, const struct kvm_segment *seg)
{
	put(area, at, seg->selector, 2);
	put(area, at + 2, attributes(seg), 2);
	put(area, at + 4, seg->limit, 4);
	put(area, at + 8, seg->base, 8);
}

static void get_segment(const u8 *area, unsigned int at, struct kvm_segment *seg)
{
	u16 a = (u16)get(area, at + 2, 2);

	*seg = (struct kvm_segment) {
		.selector = (u16)get(area, at, 2),
		.limit = (u32)get(area, at + 4, 4),
		.base = get(area, at + 8, 8),
		.type = a & 0xf, .s = a >> 4 & 1, .dpl = a >> 5 & 3,
		.present = a >> 7 & 1, .avl = a >> 12 & 1, .l = a >> 13 & 1,
		.db = a >> 14 & 1, .g = a >> 15 & 1, .unusable = !(a >> 7 & 1),
	};
}

static void put_table(u8 *area, unsigned int at, const struct kvm_dtable *t)
{
	put(area, at + 4, t->limit, 4);
	put(area, at + 8, t->base, 8);
}

static void get_table(const u8 *area, unsigned int at, struct kvm_dtable *t)
{
	t->limit = (u16)get(area, at + 4, 4);
	t->base = get(area, at + 8, 8);
}

static const struct { unsigned int at; size_t offset; } segments[] = {
	{ AT_ES, offsetof(struct kvm_sregs, es) },
	{ AT_CS, offsetof(struct kvm_sregs, cs) },
	{ AT_SS, offsetof(struct kvm_sregs, ss) },
	{ AT_DS, offsetof(struct kvm_sregs, ds) },
	{ AT_FS, offsetof(struct kvm_sregs, fs) },
	{ AT_GS, offsetof(struct kvm_sregs, gs) },
	{ AT_LDTR, offsetof(struct kvm_sregs, ldt) },
	{ AT_TR, offsetof(struct kvm_sregs, tr) },
};

/* ---- the whole ------------------------------------------------------------------------ */

void smm_save(u8 area[SMM_AREA_BYTES], const struct smm_cpu *cpu)
{
	unsigned int i;

	memset(area, 0, SMM_AREA_BYTES);
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		put_segment(area, segments[i].at,
			    (const void *)((const u8 *)&cpu->s + segments[i].offset));
	put_table(area, AT_GDTR, &cpu->s.gdt);
	put_table(area, AT_IDTR, &cpu->s.idt);
	put(area, AT_HALTED, cpu->halted, 1);
	put(area, AT_NMI_MASKED, cpu->nmi_masked, 1);
	put(area, AT_INT_SHADOW, cpu->int_shadow, 1);
	put(area, AT_EFER, cpu->s.efer, 8);
	put(area, AT_REVISION, REVISION, 4);
	put(area, AT_SMBASE, cpu->smbase, 4);
	put(area, AT_CR4, cpu->s.cr4, 8);
	put(area, AT_CR3, cpu->s.cr3, 8);
	put(area, AT_CR0, cpu->s.cr0, 8);
	put(area, AT_DR7, cpu->dr7, 8);
	put(area, AT_DR6, cpu->dr6, 8);
	put(area, AT_RFLAGS, cpu->rflags, 8);
	put(area, AT_RIP, cpu->rip, 8);
	for (i = 0; i < 16; i++)
		put(area, reg_at(i), cpu->regs[i], 8);
}

static bool mode_valid(const struct smm_cpu *c)
{
	u64 cr0 = c->s.cr0, efer = c->s.efer;
	bool paging = cr0 & CR0_PG, lme = efer & EFER_LME_BIT;

	if (cr0 >> 32 || (paging && !(cr0 & CR0_PE)) ||
	    ((cr0 & CR0_NW) && !(cr0 & CR0_CD)))
		return false;
	if ((efer & ~c->efer_has) || (c->s.cr4 & ~c->cr4_has))
		return false;
	if (!!(efer & EFER_LMA_BIT) != (lme && paging))
		return false;
	if (!(efer & EFER_LMA_BIT))
		return true;
	return (c->s.cr4 & CR4_PAE) && !(c->rflags & FLAGS_VM) &&
	       !(c->s.cs.l && c->s.cs.db);
}

bool smm_restore(const u8 area[SMM_AREA_BYTES], struct smm_cpu *cpu)
{
	struct smm_cpu c = *cpu;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++)
		get_segment(area, segments[i].at,
			    (void *)((u8 *)&c.s + segments[i].offset));
	get_table(area, AT_GDTR, &c.s.gdt);
	get_table(area, AT_IDTR, &c.s.idt);
	c.halted = get(area, AT_HALTED, 1) & 1;
	c.nmi_masked = get(area, AT_NMI_MASKED, 1) & 1;
	c.int_shadow = get(area, AT_INT_SHADOW, 1) & 1;
	c.s.efer = get(area, AT_EFER, 8);
	c.smbase = (u32)get(area, AT_SMBASE, 4);
	c.s.cr4 = get(area, AT_CR4, 8);
	c.s.cr3 = get(area, AT_CR3, 8);
	c.s.cr0 = get(area, AT_CR0, 8);
	c.dr7 = (u32)get(area, AT_DR7, 8) | DR7_FIXED;
	c.dr6 = (u32)get(area, AT_DR6, 8);
	c.rflags = get(area, AT_RFLAGS, 8) | FLAGS_FIXED;
	c.rip = get(area, AT_RIP, 8);
	for (i = 0; i < 16; i++)
		c.regs[i] = get(area, reg_at(i), 8);
	if (!mode_valid(&c))
		return false;
	*cpu = c;
	return true;
}

/* Flat real mode with 4 GiB limits; the code segment starts at SMBASE. */
void smm_enter(struct smm_cpu *cpu)
{
	struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .present = 1, .s = 1, .g = 1,
	};

	cpu->rip = SMM_ENTRY;
	cpu->rflags = FLAGS_FIXED;
	cpu->dr7 = DR7_FIXED;
	cpu->s.cr0 &= ~(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
	cpu->s.cr4 = 0;
	cpu->s.efer = 0;
	cpu->s.ds = flat;
	cpu->s.es = flat;
	cpu->s.fs = flat;
	cpu->s.gs = flat;
	cpu->s.ss = flat;
	flat.type = 11;
	flat.selector = (u16)(cpu->smbase >> 4);
	flat.base = cpu->smbase;
	cpu->s.cs = flat;
	cpu->s.idt.base = 0;
	cpu->s.idt.limit = 0;	/* until the handler loads one, all faults shut down */
	cpu->halted = false;
	cpu->nmi_masked = true;
	cpu->int_shadow = false;
}
