// SPDX-License-Identifier: GPL-2.0
/*
 * shadowabi: a guest's paging, without a VMM. The guest does what it is told over
 * a port: reads, writes and runs addresses as supervisor and as user, changes its
 * own tables, flushes; its #PF handler tells the error code and CR2. Every paging
 * mode meets the same points: rights, WP, A and D, error codes, flushes, big
 * pages. TAP on stdout. What it looks for are stale or too generous shadow tables.
 * Under nested paging it tries the CPU itself; QEMU's gives error code 8 instead of
 * 9 for a reserved bit.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include "smallvm.h"

extern const uint8_t blob[], blob_end[], w_loop[], w_pf[], w_int80[], w_gp[],
	p_loop[], p_pf[], p_int80[], p_gp[], real[], user64[], user32[], user_end[];
#define AT(label)	(VM_CODE + (uint64_t)((label) - blob))

#define GDT	0xa000
#define TSS	0xc000
#define USER	0xd000		/* its code, user-accessible */
#define USTACK	0xe800
#define PML4	0x10000
#define PDPT	0x11000
#define PD	0x12000
#define PT0	0x13000		/* identity, for what the guest itself needs */
#define PT	0x14000		/* of V, which the tests change */
#define PT2	0x15000		/* the same in the second address space */
#define COPY	0x10000		/* the second space's upper tables are so far on */
#define V	0x400000UL
#define BIG	0x800000UL
#define DATA	0x200000UL	/* frames behind V, one value each */
#define VALUE(i) (0xd000 + (i))

enum op { READ, WRITE, INVLPG, CR3, CR0, CR4, EXEC, UREAD, UWRITE, UEXEC,
	  GET_CR0, GET_CR3, GET_CR4 };

/* The same agent for 64 and 32 bits: R is the size letter, I the interrupt return. */
#define AGENT(p, R, I, US)							\
p "_loop: mov $0x8000, %" R "sp\n mov $0x10, %edx\n"			\
" in %dx, %eax\n mov %eax, %ecx\n"						\
" in %dx, %eax\n mov %eax, %edi\n in %dx, %eax\n mov %eax, %esi\n"	\
" cmp $0, %ecx\n jne 1f\n mov (%" R "di), %eax\n jmp 9f\n"			\
"1: cmp $1, %ecx\n jne 1f\n mov %esi, (%" R "di)\n jmp 9f\n"		\
"1: cmp $2, %ecx\n jne 1f\n invlpg (%" R "di)\n jmp 9f\n"			\
"1: cmp $3, %ecx\n jne 1f\n mov %" R "di, %cr3\n jmp 9f\n"			\
"1: cmp $4, %ecx\n jne 1f\n mov %" R "di, %cr0\n jmp 9f\n"			\
"1: cmp $5, %ecx\n jne 1f\n mov %" R "di, %cr4\n jmp 9f\n"			\
"1: cmp $6, %ecx\n jne 1f\n call *%" R "di\n jmp 9f\n"			\
"1: cmp $10, %ecx\n jne 1f\n mov %cr0, %" R "ax\n jmp 9f\n"			\
"1: cmp $11, %ecx\n jne 1f\n mov %cr3, %" R "ax\n jmp 9f\n"			\
"1: cmp $12, %ecx\n jne 1f\n mov %cr4, %" R "ax\n jmp 9f\n"			\
"1: push $0x1b\n push $0xe800\n push $0x2\n push $0x23\n push $" US "\n"	\
I "\n"									\
"9: mov $0x11, %edx\n out %eax, %dx\n jmp " p "_loop\n"			\
p "_int80: jmp 9b\n"							\
p "_pf: pop %" R "bx\n mov %cr2, %" R "cx\n mov $0x12, %edx\n"		\
" mov %ebx, %eax\n out %eax, %dx\n mov %ecx, %eax\n out %eax, %dx\n jmp " p "_loop\n" \
p "_gp: mov $0x13, %edx\n out %eax, %dx\n jmp " p "_loop\n"

#define USERCODE(R)								\
" cmp $7, %ecx\n jne 1f\n mov (%" R "di), %eax\n int $0x80\n"		\
"1: cmp $8, %ecx\n jne 1f\n mov %esi, (%" R "di)\n int $0x80\n"		\
"1: call *%" R "di\n int $0x80\n"

asm(".pushsection .rodata\n"
"blob:\n"
AGENT("w", "r", "iretq", "0xd000")
".code32\n"
AGENT("p", "e", "iret", "0xd000")
".code16\n"
"real: movw $0x3000, %bx\n movl (%bx), %eax\n incl %eax\n movl %eax, (%bx)\n"
" outl %eax, $0x14\n jmp real\n"
"blob_end:\n"
".code64\n"
"user64:\n" USERCODE("r")
".code32\n"
"user32:\n" USERCODE("e")
"user_end:\n"
".code64\n.popsection\n");

enum mode { OFF, NARROW, PAE, LONG };
static const char *const mode_name[] = { "no paging", "32-bit", "PAE", "long mode" };

struct walker {
	struct smallvm g;
	enum mode mode;
	uint32_t error, cr2;	/* of the last fault */
};

/* ---- tables ------------------------------------------------------------------- */

static unsigned int entry_size(const struct walker *w)
{
	return w->mode == NARROW ? 4 : 8;
}

static void put(struct walker *w, uint32_t table, unsigned int i, uint64_t e)
{
	memcpy(w->g.ram + table + i * entry_size(w), &e, entry_size(w));
}

static uint64_t get(struct walker *w, uint32_t table, unsigned int i)
{
	uint64_t e = 0;

	memcpy(&e, w->g.ram + table + i * entry_size(w), entry_size(w));
	return e;
}

static unsigned int pd_index(const struct walker *w, uint32_t va)
{
	return w->mode == NARROW ? va >> 22 : va >> 21;
}

/* The space at @base: identity below 2 MiB for the supervisor, the user's own
 * pages, V through @pt.
 */
static void space(struct walker *w, uint32_t base, uint32_t pt)
{
	unsigned int i;

	put(w, base + PML4, 0, base + PDPT + 7);
	put(w, base + PDPT, 0, base + PDPT + 0x1000 + (w->mode == PAE ? 1 : 7));
	for (i = 0; i < 512; i++)
		put(w, PT0, i, i << 12 | 3);
	put(w, PT0, USER >> 12, USER | 7);
	put(w, PT0, USTACK >> 12, (USTACK & ~0xfff) | 7);
	put(w, base + PD, 0, PT0 | 7);
	put(w, base + PD, pd_index(w, V), pt | 7);
	put(w, base + PD, pd_index(w, BIG), 0x400000 | 0x87);
	for (i = 0; i < 512; i++)
		put(w, pt, i, (DATA + i % 64 * 0x1000) | 7);
}

static uint32_t cr3_of(const struct walker *w, bool second)
{
	uint32_t base = second ? COPY : 0;

	return base + (w->mode == LONG ? PML4 : w->mode == PAE ? PDPT : PD);
}

/* ---- the guest ------------------------------------------------------------------ */

static void gate32(struct walker *w, unsigned int vector, uint32_t to, bool user)
{
	uint64_t *g = (void *)(w->g.ram + VM_IDT + vector * 8);

	*g = (to & 0xffff) | 8 << 16 | (user ? 0xeeULL : 0x8eULL) << 40 |
	     (uint64_t)(to >> 16) << 48;
}

static void tables_of_the_cpu(struct walker *w, struct kvm_sregs *s)
{
	bool wide = w->mode == LONG;
	uint64_t *gdt = (void *)(w->g.ram + GDT);
	uint64_t stack = 0x7000;

	gdt[1] = wide ? 0x00af9b000000ffffULL : 0x00cf9b000000ffffULL;
	gdt[2] = 0x00cf93000000ffffULL;
	gdt[3] = 0x00cff3000000ffffULL;
	gdt[4] = wide ? 0x00affb000000ffffULL : 0x00cffb000000ffffULL;
	s->gdt.base = GDT;
	s->gdt.limit = 5 * 8 - 1;
	s->idt.base = VM_IDT;
	s->idt.limit = 0xfff;
	memcpy(w->g.ram + TSS + 4, &stack, 8);
	if (!wide)
		memcpy(w->g.ram + TSS + 8, &(uint32_t){ 16 }, 4);
	s->tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .selector = 40,
				      .type = 11, .present = 1 };
	if (wide) {
		smallvm_gate(&w->g, 13, AT(w_gp));
		smallvm_gate(&w->g, 14, AT(w_pf));
		smallvm_gate(&w->g, 0x80, AT(w_int80));
		w->g.ram[VM_IDT + 0x80 * 16 + 5] |= 0x60;
	} else {
		gate32(w, 13, AT(p_gp), false);
		gate32(w, 14, AT(p_pf), false);
		gate32(w, 0x80, AT(p_int80), true);
	}
}

static void enter_mode(struct walker *w, int vcpu)
{
	struct kvm_regs regs = { .rip = w->mode == LONG ? AT(w_loop) : AT(p_loop),
				 .rflags = 2, .rsp = VM_STACK };
	bool wide = w->mode == LONG;
	struct kvm_sregs s;

	ioctl(vcpu, KVM_GET_SREGS, &s);
	s.cs = smallvm_seg(8, 11, wide, !wide);
	s.ds = s.es = s.fs = s.gs = s.ss = smallvm_seg(16, 3, false, true);
	s.ds.selector = s.es.selector = 0x1b;	/* stays when the user is entered */
	s.ds.dpl = s.es.dpl = 3;
	tables_of_the_cpu(w, &s);
	s.cr3 = cr3_of(w, false);
	s.cr0 = w->mode == OFF ? 0x10011 : 0x80010011;
	s.cr4 = w->mode == NARROW ? 1 << 4 : w->mode == OFF ? 0 : 1 << 5;
	s.efer = wide ? 0xd00 : 0x800;
	if (ioctl(vcpu, KVM_SET_SREGS, &s) || ioctl(vcpu, KVM_SET_REGS, &regs))
		printf("# registers: %m\n");
}

static bool walker_open(struct walker *w, enum mode mode)
{
	uint32_t features;
	unsigned int i;

	*w = (struct walker){ .mode = mode };
	if (!smallvm_open(&w->g, blob, blob_end - blob, false))
		return false;
	if (mode == LONG)
		memcpy(w->g.ram + USER, user64, user32 - user64);
	else
		memcpy(w->g.ram + USER, user32, user_end - user32);
	for (i = 0; i < 64; i++) {
		memset(w->g.ram + DATA + i * 0x1000, 0xc3, 0x1000);	/* RET */
		memcpy(w->g.ram + DATA + i * 0x1000, &(uint32_t){ VALUE(i) }, 4);
	}
	memset(w->g.ram + 0x400000, 0x77, 0x400000);
	if (mode != OFF) {
		space(w, 0, PT);
		space(w, COPY, PT2);
	}
	smallvm_cpuid(&w->g, &features);
	enter_mode(w, w->g.vcpu);
	return true;
}

/* What an order came to. */
enum outcome { DONE, PF, GP, LOST };

static bool run_to_io(struct smallvm *g)
{
	int r;

	do
		r = smallvm_run(g);
	while (r == -EINTR || r == KVM_EXIT_INTR);
	if (r != KVM_EXIT_IO)
		printf("# exit %d instead of a port\n", r);
	return r == KVM_EXIT_IO;
}

static uint32_t *port_data(struct smallvm *g)
{
	return (uint32_t *)((char *)g->run + g->run->io.data_offset);
}

static enum outcome tell(struct walker *w, struct smallvm *g, enum op op,
			 uint32_t addr, uint32_t value, uint32_t *out)
{
	uint32_t words[] = { op, addr, value };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!run_to_io(g) || g->run->io.port != 0x10)
			return LOST;
		*port_data(g) = words[i];
	}
	if (!run_to_io(g))
		return LOST;
	if (out)
		*out = *port_data(g);
	if (g->run->io.port == 0x11)
		return DONE;
	if (g->run->io.port != 0x12)
		return GP;
	w->error = *port_data(g);
	if (!run_to_io(g))
		return LOST;
	w->cr2 = *port_data(g);
	return PF;
}

static enum outcome order(struct walker *w, enum op op, uint32_t addr, uint32_t value)
{
	return tell(w, &w->g, op, addr, value, NULL);
}

static bool reads(struct walker *w, uint32_t va, uint32_t want)
{
	uint32_t got = ~want;
	enum outcome r = tell(w, &w->g, READ, va, 0, &got);

	if (r != DONE || got != want)
		printf("# read %#x: outcome %d, %#x for %#x, error %#x\n", va, r, got,
		       want, w->error);
	return r == DONE && got == want;
}

static bool faults(struct walker *w, enum op op, uint32_t va, uint32_t error)
{
	enum outcome r = order(w, op, va, 0);

	if (r != PF || w->error != error || w->cr2 != va)
		printf("# op %d at %#x: outcome %d, error %#x for %#x, cr2 %#x\n", op,
		       va, r, w->error, error, w->cr2);
	return r == PF && w->error == error && w->cr2 == va;
}

/* The guest itself writes entry @i of the table behind V. */
static void guest_put(struct walker *w, uint32_t table, unsigned int i, uint64_t e)
{
	uint32_t at = table + i * entry_size(w);

	order(w, WRITE, at, (uint32_t)e);
	if (entry_size(w) == 8)
		order(w, WRITE, at + 4, e >> 32);
}

static void reload(struct walker *w)
{
	order(w, CR3, cr3_of(w, false), 0);
}

#define FRAME(i)	(DATA + (i) * 0x1000ULL)

/* ---- points ------------------------------------------------------------------------ */

static void rights(struct walker *w)
{
	const char *m = mode_name[w->mode];

	ok(reads(w, V + 0x1000, VALUE(1)), "%s: it reads", m);
	ok((get(w, PT, 1) & 0x60) == 0x20, "A is set, D is not");
	ok(order(w, WRITE, V + 0x1000, VALUE(1)) == DONE && (get(w, PT, 1) & 0x60) == 0x60,
	   "a write sets D");
	guest_put(w, PT, 2, 0);
	order(w, INVLPG, V + 0x2000, 0);
	ok(faults(w, READ, V + 0x2000, 0) && faults(w, WRITE, V + 0x2000, 2) &&
	   faults(w, UREAD, V + 0x2000, 4) && faults(w, UWRITE, V + 0x2000, 6),
	   "absent: error codes 0, 2, 4, 6");
	guest_put(w, PT, 3, FRAME(3) | 3);
	order(w, INVLPG, V + 0x3000, 0);
	ok(faults(w, UREAD, V + 0x3000, 5) && faults(w, UWRITE, V + 0x3000, 7) &&
	   reads(w, V + 0x3000, VALUE(3)), "the supervisor's: 5, 7");
	guest_put(w, PT, 4, FRAME(4) | 5);
	order(w, INVLPG, V + 0x4000, 0);
	ok(faults(w, WRITE, V + 0x4000, 3) && faults(w, UWRITE, V + 0x4000, 7) &&
	   order(w, UREAD, V + 0x4000, 0) == DONE, "read-only: 3, 7");
}

/* They are the guest's own, whatever the CPU runs with. */
static void control_registers(struct walker *w)
{
	uint32_t cr0, cr3, cr4, want0 = w->mode == OFF ? 0x10011 : 0x80010011;

	tell(w, &w->g, GET_CR0, 0, 0, &cr0);
	tell(w, &w->g, GET_CR3, 0, 0, &cr3);
	tell(w, &w->g, GET_CR4, 0, 0, &cr4);
	ok(cr0 == want0 && cr3 == cr3_of(w, false) &&
	   cr4 == (w->mode == NARROW ? 0x10 : w->mode == OFF ? 0 : 0x20),
	   "it reads its own CR0 %#x, CR3 %#x, CR4 %#x", cr0, cr3, cr4);
}

static void write_protect(struct walker *w)
{
	order(w, CR0, 0x80000011, 0);
	ok(order(w, WRITE, V + 0x4000, 0x44) == DONE && reads(w, V + 0x4000, 0x44),
	   "without WP the supervisor writes it");
	ok(get(w, PT, 4) & 0x40, "which sets D");
	ok(faults(w, UWRITE, V + 0x4000, 7) && order(w, UREAD, V + 0x4000, 0) == DONE,
	   "the user does not, but reads");
	ok(order(w, WRITE, V + 0x4000, 0x45) == DONE, "and again the supervisor");
	order(w, CR0, 0x80010011, 0);
	ok(faults(w, WRITE, V + 0x4000, 3) && reads(w, V + 0x4000, 0x45), "with WP not");
}

/* Often enough that tables are in step, and out of it, in between. */
static void flushes(struct walker *w)
{
	unsigned int i, j, wrong = 0;

	for (i = 0; i < 40; i++) {
		guest_put(w, PT, 5, FRAME(10 + i) | 7);
		if (i & 1)
			order(w, INVLPG, V + 0x5000, 0);
		else
			reload(w);
		wrong += !reads(w, V + 0x5000, VALUE(10 + i));
		for (j = 0; j < i % 8; j++)
			reload(w);
		wrong += order(w, WRITE, V + 0x5000, VALUE(10 + i)) != DONE;
	}
	ok(!wrong, "an entry that changes 40 times, flushed by INVLPG or CR3 (%u wrong)", wrong);
	for (i = wrong = 0; i < 10; i++) {
		guest_put(w, PT, 6, FRAME(6) | 7);
		order(w, INVLPG, V + 0x6000, 0);
		wrong += order(w, i & 1 ? WRITE : READ, V + 0x6000, VALUE(6)) != DONE;
		wrong += (get(w, PT, 6) & 0x60) != (i & 1 ? 0x60 : 0x20);
		reload(w);
		reload(w);
		reload(w);
	}
	ok(!wrong, "A and D come back after they were cleared (%u wrong)", wrong);
}

static void upper_levels(struct walker *w)
{
	unsigned int i = pd_index(w, V);

	order(w, READ, V + 0x7000, 0);
	order(w, WRITE, PD + i * entry_size(w), 0);
	order(w, INVLPG, V, 0);
	ok(faults(w, READ, V + 0x7000, 0), "a directory entry that goes takes all below it");
	order(w, WRITE, PD + i * entry_size(w), PT | 5);
	ok(faults(w, WRITE, V + 0x7000, 3) && reads(w, V + 0x7000, VALUE(7)),
	   "its W counts");
	order(w, WRITE, PD + i * entry_size(w), PT | 3);
	reload(w);
	ok(faults(w, UREAD, V + 0x7000, 5), "its U counts");
	order(w, WRITE, PD + i * entry_size(w), PT | 7);
	reload(w);
	ok(order(w, UWRITE, V + 0x7000, VALUE(7)) == DONE, "and both are back");
}

static void big_pages(struct walker *w)
{
	unsigned int i = pd_index(w, BIG);
	uint64_t bad = w->mode == NARROW ? 1 << 21 : 1 << 13;

	ok(reads(w, BIG + 0x123450, 0x77777777), "a big page");
	ok(order(w, WRITE, BIG + 0x123450, 5) == DONE && w->g.ram[0x523450] == 5 &&
	   (get(w, PD, i) & 0x60) == 0x60, "is written, and dirty");
	ok(order(w, UWRITE, BIG + 0x1ff000, 6) == DONE, "all over");
	order(w, WRITE, PD + i * entry_size(w), 0x400000 | 0x87 | bad);
	reload(w);
	ok(faults(w, READ, BIG, 9), "a reserved bit in it: 9");
	order(w, WRITE, PD + i * entry_size(w), 0x400000 | 0x85);
	reload(w);
	ok(faults(w, WRITE, BIG, 3), "read-only: 3");
	order(w, WRITE, PD + i * entry_size(w), PT2 | 7);
	order(w, INVLPG, BIG, 0);
	ok(reads(w, BIG + 0x3000, VALUE(3)), "replaced by a table");
}

static void no_execute(struct walker *w)
{
	guest_put(w, PT, 8, FRAME(8) | 7);
	ok(order(w, EXEC, V + 0x8010, 0) == DONE, "code runs");
	if (w->mode == NARROW)
		return;
	guest_put(w, PT, 8, FRAME(8) | 7 | 1ULL << 63);
	reload(w);
	ok(faults(w, EXEC, V + 0x8010, 0x11) && faults(w, UEXEC, V + 0x8010, 0x15) &&
	   reads(w, V + 0x8000, VALUE(8)), "not with NX: 11h, 15h");
	guest_put(w, PT, 8, FRAME(8) | 7 | 1ULL << 45);
	reload(w);
	ok(faults(w, READ, V + 0x8010, 9) && faults(w, UWRITE, V + 0x8010, 0xf),
	   "an address beyond the CPU's: 9, Fh");
}

static void smep_smap(struct walker *w)
{
	uint32_t cr4 = w->mode == NARROW ? 1 << 4 : 1 << 5;

	guest_put(w, PT, 9, FRAME(9) | 7);
	order(w, INVLPG, V + 0x9000, 0);
	ok(order(w, CR4, cr4 | 1 << 20, 0) == DONE &&
	   faults(w, EXEC, V + 0x9010, 0x11) && order(w, UEXEC, V + 0x9010, 0) == DONE,
	   "SMEP");
	ok(order(w, CR4, cr4 | 1 << 21, 0) == DONE && faults(w, READ, V + 0x9000, 1) &&
	   order(w, UREAD, V + 0x9000, 0) == DONE, "SMAP");
	order(w, CR4, cr4, 0);
	ok(reads(w, V + 0x9000, VALUE(9)), "and without");
}

static void global_pages(struct walker *w)
{
	uint32_t cr4 = w->mode == NARROW ? 1 << 4 : 1 << 5;

	order(w, CR4, cr4 | 1 << 7, 0);
	guest_put(w, PT, 11, FRAME(11) | 0x107);
	order(w, INVLPG, V + 0xb000, 0);
	ok(reads(w, V + 0xb000, VALUE(11)), "a global page");
	guest_put(w, PT, 11, FRAME(12) | 0x107);
	order(w, CR4, cr4, 0);
	ok(reads(w, V + 0xb000, VALUE(12)), "goes when CR4.PGE does");
}

/* Two address spaces, each changed while the other is in use. */
static void two_spaces(struct walker *w)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < 30; i++) {
		order(w, CR3, cr3_of(w, i & 1), 0);
		wrong += !reads(w, V + 0x14000, i < 2 ? VALUE(20) : VALUE(20 + (i - 1) % 40));
		guest_put(w, i & 1 ? PT : PT2, 20, FRAME(20 + i % 40) | 7);
		wrong += !reads(w, V + 0x15000, VALUE(21));
	}
	ok(!wrong, "two address spaces in turn (%u wrong)", wrong);
	order(w, CR3, cr3_of(w, false), 0);
}

/* Paging goes off and on again; what was written in between counts. */
static void paging_off(struct walker *w)
{
	if (w->mode == LONG)
		return;
	ok(order(w, CR0, 0x10011, 0) == DONE && reads(w, FRAME(30), VALUE(30)),
	   "paging goes off");
	order(w, WRITE, PT + 31 * entry_size(w), FRAME(32) | 7);
	ok(order(w, CR0, 0x80010011, 0) == DONE && reads(w, V + 31 * 0x1000, VALUE(32)),
	   "and on again");
}

static bool another_vcpu(struct walker *w, unsigned int id, struct smallvm *b)
{
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	uint32_t features;

	*b = w->g;
	b->vcpu = ioctl(w->g.vm, KVM_CREATE_VCPU, id);
	b->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->vcpu, 0);
	if (b->vcpu < 0 || b->run == MAP_FAILED)
		return false;
	smallvm_cpuid(b, &features);
	ioctl(b->vcpu, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
	enter_mode(w, b->vcpu);
	return true;
}

static void vcpu_close(struct smallvm *b)
{
	munmap(b->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(b->vcpu);
}

/* A second vCPU on the same tables sees a change when it has flushed. */
static void two_vcpus(struct walker *w)
{
	unsigned int i, wrong = 0;
	struct smallvm b;
	uint32_t got;

	if (!ok(another_vcpu(w, 1, &b), "a second vCPU"))
		return;
	for (i = 0; i < 30; i++) {
		guest_put(w, PT, 40, FRAME(10 + i) | 7);
		order(w, INVLPG, V + 0x28000, 0);
		wrong += tell(w, &b, INVLPG, V + 0x28000, 0, NULL) != DONE;
		wrong += tell(w, &b, READ, V + 0x28000, 0, &got) != DONE ||
			 got != VALUE(10 + i);
		if (i % 5 == 4)
			wrong += tell(w, &b, CR3, cr3_of(w, false), 0, NULL) != DONE;
	}
	ok(!wrong, "sees each change of the first (%u wrong)", wrong);
	vcpu_close(&b);
}

/* A VMM that has itself in the guest's memory is the guest's kernel, too, and writes
 * its tables from user space.
 */
static void user_space_writes(struct walker *w)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~0xfffUL;
	struct kvm_userspace_memory_region m = {
		.slot = 1, .guest_phys_addr = 64UL << 20, .memory_size = 16 << 12,
		.userspace_addr = here - (12 << 12),
	};
	unsigned int i, j, wrong = 0;

	if (!ok(!ioctl(w->g.vm, KVM_SET_USER_MEMORY_REGION, &m), "its stack is the guest's"))
		return;
	for (i = 0; i < 20; i++) {
		for (j = 0; j < i % 8; j++)
			reload(w);
		order(w, READ, V + 0x30000, 0);
		put(w, i & 1 ? PT2 : PT, 50, FRAME(10 + i) | 7);
		put(w, PD, pd_index(w, V), (i & 1 ? PT2 : PT) | 7);
		if (i % 3)
			reload(w);
		else
			order(w, INVLPG, V + 50 * 0x1000, 0);
		wrong += order(w, READ, V + 0x31000, 0) != DONE;
		wrong += !reads(w, V + 50 * 0x1000, VALUE(10 + i));
	}
	ok(!wrong, "what user space writes into tables counts after a flush (%u wrong)", wrong);
}

#define ROOTS		0x700000
#define MANY_VCPUS	64

/* Each on a root of its own, all in use at a time. */
static void many_roots(void)
{
	static struct smallvm g[MANY_VCPUS];
	unsigned int i, n, wrong = 0;
	struct walker w;
	uint32_t got;

	if (!ok(walker_open(&w, LONG), "a VM for many vCPUs"))
		return;
	g[0] = w.g;
	for (n = 1; n < MANY_VCPUS && another_vcpu(&w, n, &g[n]); n++)
		;
	ok(n == MANY_VCPUS, "%u vCPUs", n);
	for (i = 0; i < n; i++) {
		memcpy(w.g.ram + ROOTS + i * 0x1000, w.g.ram + PML4, 0x1000);
		wrong += tell(&w, &g[i], CR3, ROOTS + i * 0x1000, 0, NULL) != DONE;
	}
	for (i = 0; i < n; i++)
		wrong += tell(&w, &g[i], READ, V + i * 0x1000, 0, &got) != DONE ||
			 got != VALUE(i);
	ok(!wrong, "each finds its pages by tables of its own (%u wrong)", wrong);
	while (--n)
		vcpu_close(&g[n]);
	smallvm_close(&w.g);
}

static void paging_mode(enum mode mode)
{
	struct walker w;

	if (!ok(walker_open(&w, mode), "a VM for %s", mode_name[mode]))
		return;
	rights(&w);
	control_registers(&w);
	write_protect(&w);
	flushes(&w);
	upper_levels(&w);
	big_pages(&w);
	no_execute(&w);
	smep_smap(&w);
	global_pages(&w);
	two_spaces(&w);
	paging_off(&w);
	two_vcpus(&w);
	user_space_writes(&w);
	smallvm_close(&w.g);
}

static void no_paging(void)
{
	struct kvm_regs regs = { .rip = AT(real), .rflags = 2 };
	struct kvm_sregs s;
	struct walker w;

	if (!ok(walker_open(&w, OFF), "a VM without paging"))
		return;
	ok(reads(&w, FRAME(3), VALUE(3)) && order(&w, WRITE, FRAME(3), 9) == DONE &&
	   reads(&w, FRAME(3), 9), "protected mode reads and writes");
	control_registers(&w);
	ok(order(&w, UREAD, FRAME(3), 0) == DONE && order(&w, EXEC, FRAME(3) + 16, 0) == DONE,
	   "as the user, too, and runs");
	smallvm_close(&w.g);
	smallvm_open(&w.g, blob, blob_end - blob, false);
	ioctl(w.g.vcpu, KVM_GET_SREGS, &s);
	s.cs.base = s.cs.selector = 0;
	ioctl(w.g.vcpu, KVM_SET_SREGS, &s);
	ioctl(w.g.vcpu, KVM_SET_REGS, &regs);
	w.g.ram[0x3000] = 41;
	ok(smallvm_out(&w.g, 0x14) == 42 && smallvm_out(&w.g, 0x14) == 43 &&
	   w.g.ram[0x3000] == 43, "real mode");
	smallvm_close(&w.g);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (ok(kvm >= 0, "/dev/kvm opens")) {
		no_paging();
		paging_mode(LONG);
		paging_mode(PAE);
		paging_mode(NARROW);
		many_roots();
	}
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
