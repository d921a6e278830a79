// SPDX-License-Identifier: GPL-2.0
/*
 * hostile: guests that do their worst. Each is a VM of one or two CPUs in some
 * mode (real, protected, PAE, long; CPL 0 or 3) whose memory is full of code that
 * writes control, debug and model-specific registers, ports, descriptor tables,
 * page tables and device memory at random, runs SVM's own instructions, jumps
 * anywhere, and of plain random bytes. Exits to user space are answered with
 * random data; a guest that shut down starts again elsewhere.
 *
 *   hostile SEED SECONDS [GUEST MS]
 *
 * The same seed makes the same guests, as far as time does not decide. Says how
 * they ended. Fails if this process's own registers or memory changed, or if
 * nothing ran; the rest of the verdict is the kernel's log.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define RAM		(4UL << 20)
#define CODE		0x10000U	/* 64 KiB of it */
#define CODE_BYTES	0x10000U
#define TABLES		0x20000U	/* page tables, 8 pages */
#define GDT		0x30000U
#define IDT		0x31000U
#define TSS		0x32000U
#define GUARD		(64UL << 10)	/* of this process, around the RAM */
#define NR_REASONS	64

static int kvm;
static uint64_t state;
static unsigned long ended[NR_REASONS + 1], refused_entries, starts;

static uint64_t rnd(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static unsigned int below(unsigned int n) { return rnd() % n; }
static bool one_in(unsigned int n) { return !below(n); }

/* A number of the kind that matters: small, a bit, nearly all ones, any. */
static uint64_t odd_number(void)
{
	switch (below(6)) {
	case 0: return below(256);
	case 1: return 1ULL << below(64);
	case 2: return ~(1ULL << below(64));
	case 3: return (uint64_t)(int64_t)(int32_t)rnd();
	case 4: return rnd() & 0x1ff;
	default: return rnd();
	}
}

/* Where something is: RAM, the APIC, the IOAPIC, firmware, nothing, non-canonical. */
static uint64_t odd_address(void)
{
	static const uint64_t at[] = { 0xfee00000, 0xfec00000, 0xfed00000, 0xa0000,
		0xffff0000, 0x100000000, 0x8000000000, 0x800000000000, ~0ULL << 47 };

	return one_in(2) ? below(RAM) : at[below(9)] + (one_in(2) ? below(4096) & ~3U : 0);
}

/* ---- code ------------------------------------------------------------------- */

struct code { uint8_t *p, *end; bool wide; };

static void put(struct code *c, const void *bytes, size_t n)
{
	if (c->p + n <= c->end) {
		memcpy(c->p, bytes, n);
		c->p += n;
	}
}

#define PUT(c, ...) do { static const uint8_t b_[] = { __VA_ARGS__ }; put(c, b_, sizeof(b_)); } while (0)

/* mov $value, reg: 64 bits where the guest is so */
static void load(struct code *c, unsigned int reg, uint64_t value)
{
	uint8_t b[10] = { 0x48, 0xb8 + reg };

	memcpy(b + 2, &value, 8);
	if (c->wide)
		put(c, b, 10);
	else
		put(c, b + 1, 5);
}

static uint32_t odd_msr(void)
{
	static const uint32_t known[] = { 0x10, 0x1b, 0x3a, 0x3b, 0x79, 0x8b, 0xfe, 0x174,
		0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x1d9, 0x200, 0x250, 0x268, 0x277, 0x2ff,
		0x400, 0x401, 0x6e0, 0x800, 0x808, 0x80b, 0x80f, 0x828, 0x830, 0x832, 0x838,
		0x83f, 0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
		0xc0000101, 0xc0000102, 0xc0000103, 0xc0000104, 0xc0010010, 0xc0010015,
		0xc001001f, 0xc0010055, 0xc0010058, 0xc0010111, 0xc0010114, 0xc0010115,
		0xc0010117, 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,
		0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07 };

	return one_in(4) ? (uint32_t)odd_number() : known[below(sizeof(known) / 4)];
}

static void msr(struct code *c)
{
	load(c, 1, odd_msr());
	load(c, 0, odd_number());
	load(c, 2, one_in(2) ? 0 : odd_number());
	if (one_in(3))
		PUT(c, 0x0f, 0x32);
	else
		PUT(c, 0x0f, 0x30);
}

static void control_register(struct code *c)
{
	uint8_t b[3] = { 0x0f, one_in(5) ? 0x20 : 0x22 };
	static const uint8_t which[] = { 0, 2, 3, 4, 8, 0, 4, 1, 5 };

	unsigned int reg = which[below(9)];

	b[2] = 0xc0 | (reg & 7) << 3;
	load(c, 0, one_in(3) ? odd_number() :
	     (0x80000011 ^ (one_in(2) ? 1ULL << below(32) : 0)));
	if (one_in(4))
		b[1] |= 1;		/* debug registers */
	if (reg == 8 && c->wide)
		PUT(c, 0x44);
	else if (reg == 8)
		PUT(c, 0xf0);		/* LOCK: another name of CR8 */
	put(c, b, 3);
}

static void port(struct code *c)
{
	static const uint16_t known[] = { 0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x61,
		0x4d0, 0x4d1, 0xb2, 0xcf8, 0xcfc, 0x3f8, 0x60, 0x64, 0x70, 0x80, 0x92 };
	static const uint8_t op[] = { 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f };

	load(c, 2, one_in(3) ? rnd() & 0xffff : known[below(19)]);
	load(c, 0, odd_number());
	load(c, 1, below(64));
	load(c, 6 + below(2), odd_address());
	if (one_in(2))
		PUT(c, 0xf3);
	if (one_in(3))
		PUT(c, 0x66);
	put(c, &op[below(8)], 1);
}

/* An access through (%rbx), by instructions that devices and tables meet. */
static void memory(struct code *c)
{
	static const uint8_t op[][4] = { { 0x89, 0x03 }, { 0x8b, 0x03 }, { 0x87, 0x03 },
		{ 0x01, 0x03 }, { 0xff, 0x33 }, { 0xff, 0x13 }, { 0xff, 0x2b }, { 0x0f, 0xc7, 0x0b },
		{ 0x0f, 0xb1, 0x03 }, { 0x0f, 0xab, 0x03 }, { 0x0f, 0x29, 0x03 }, { 0x0f, 0xae, 0x03 },
		{ 0x0f, 0xae, 0x0b }, { 0x0f, 0x01, 0x03 }, { 0x0f, 0x01, 0x0b }, { 0x0f, 0x01, 0x13 },
		{ 0x0f, 0x01, 0x1b }, { 0x0f, 0x01, 0x33 }, { 0x0f, 0x01, 0x3b }, { 0xa4, 0x90 },
		{ 0xab, 0x90 }, { 0xdd, 0x33 }, { 0xf7, 0x33 }, { 0x0f, 0xae, 0x23 },
		{ 0x0f, 0xae, 0x2b }, { 0x0f, 0x18, 0x03 }, { 0x62, 0x03 }, { 0xc5, 0xfc, 0x29, 0x03 } };
	const uint8_t *o = op[below(28)];

	load(c, 3, odd_address());
	load(c, 1, below(512));
	if (one_in(4))
		PUT(c, 0xf3);
	if (one_in(6))
		PUT(c, 0xf0);
	if (c->wide && one_in(2))
		PUT(c, 0x48);
	put(c, o, o[0] == 0xc5 ? 4 : o[0] == 0x0f ? 3 : 2);
}

/* What only a supervisor, a hypervisor or nobody may run. */
static void privileged(struct code *c)
{
	static const uint8_t op[][3] = { { 0x0f, 0x01, 0xd8 }, { 0x0f, 0x01, 0xd9 },
		{ 0x0f, 0x01, 0xda }, { 0x0f, 0x01, 0xdb }, { 0x0f, 0x01, 0xdc }, { 0x0f, 0x01, 0xdd },
		{ 0x0f, 0x01, 0xde }, { 0x0f, 0x01, 0xdf }, { 0x0f, 0x01, 0xd0 }, { 0x0f, 0x01, 0xd1 },
		{ 0x0f, 0x01, 0xc8 }, { 0x0f, 0x01, 0xc9 }, { 0x0f, 0x01, 0xf8 }, { 0x0f, 0x01, 0xf9 },
		{ 0x0f, 0x01, 0xee }, { 0x0f, 0x01, 0xef }, { 0x0f, 0x01, 0xca }, { 0x0f, 0x01, 0xcb },
		{ 0x0f, 0x00, 0xd0 }, { 0x0f, 0x00, 0xd8 }, { 0x0f, 0x09, 0x90 }, { 0x0f, 0x08, 0x90 },
		{ 0x0f, 0x06, 0x90 }, { 0x0f, 0x05, 0x90 }, { 0x0f, 0x07, 0x90 }, { 0x0f, 0x34, 0x90 },
		{ 0x0f, 0x35, 0x90 }, { 0x0f, 0xaa, 0x90 }, { 0x0f, 0x31, 0x90 }, { 0x0f, 0x33, 0x90 },
		{ 0x0f, 0xa2, 0x90 }, { 0x0f, 0x0b, 0x90 }, { 0x8e, 0xd8, 0x90 }, { 0x8e, 0xd0, 0x90 },
		{ 0x8e, 0xe0, 0x90 }, { 0xf4, 0x90, 0x90 }, { 0xfb, 0xf4, 0x90 }, { 0xcf, 0x90, 0x90 },
		{ 0xcb, 0x90, 0x90 }, { 0x9d, 0x90, 0x90 }, { 0xf1, 0x90, 0x90 }, { 0xcc, 0x90, 0x90 },
		{ 0xfa, 0x90, 0x90 }, { 0xfb, 0x90, 0x90 }, { 0xf3, 0x90, 0x90 }, { 0x0f, 0x77, 0x90 } };

	load(c, 0, one_in(2) ? odd_address() : odd_number());
	load(c, 1, odd_number());
	load(c, 2, odd_number());
	put(c, op[below(46)], 3);
}

static void transfer(struct code *c)
{
	uint8_t b[7];
	uint32_t to = CODE + below(CODE_BYTES);
	uint16_t selector = below(16) << 3 | below(4);

	switch (below(4)) {
	case 0:			/* int n */
		b[0] = 0xcd;
		b[1] = rnd();
		put(c, b, 2);
		break;
	case 1:			/* a far jump: a task gate, a TSS, another segment */
		b[0] = one_in(2) ? 0xea : 0x9a;
		memcpy(b + 1, &to, 4);
		memcpy(b + 5, &selector, 2);
		put(c, b, 7);
		break;
	case 2:			/* push flags with what is rarely set: TF, NT, VM, AC, ID */
		b[0] = 0x68;
		to = 1U << below(22) | (one_in(2) ? 0x100 : 0);
		memcpy(b + 1, &to, 4);
		b[5] = 0x9d;
		put(c, b, 6);
		break;
	default:
		load(c, 4, odd_address());
	}
}

static void garbage(struct code *c)
{
	uint64_t r[2] = { rnd(), rnd() };

	put(c, r, 1 + below(16));
}

static void write_code(uint8_t *ram, bool wide)
{
	static void (*const kinds[])(struct code *) = { msr, msr, control_register, port, port,
		memory, memory, memory, privileged, privileged, transfer, garbage };
	struct code c = { ram + CODE, ram + CODE + CODE_BYTES, wide };
	uint8_t *was;

	do {
		was = c.p;
		kinds[below(12)](&c);
	} while (c.p > was && c.p < c.end - 64);
}

/* ---- tables --------------------------------------------------------------------- */

static void spoil(uint64_t *words, unsigned int n, unsigned int rarity)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (one_in(rarity))
			words[i] ^= 1ULL << below(64);
}

/* Long mode's four levels, PAE's three (from the second page), two of 4 MiB. */
static void write_tables(uint8_t *ram)
{
	uint64_t *pml4 = (void *)(ram + TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;
	uint32_t *old = (void *)(pd + 512);
	unsigned int i;

	pml4[0] = (TABLES + 0x1000) | 7;
	pdpt[0] = (TABLES + 0x2000) | 1;
	pdpt[3] = (TABLES + 0x2000) | 1;
	if (one_in(2))
		pml4[0] |= 0x20, pdpt[0] |= 6;
	for (i = 0; i < 512; i++)
		pd[i] = (uint64_t)i << 21 | 0x87;
	for (i = 0; i < 1024; i++)
		old[i] = i << 22 | 0x87;
	if (one_in(2)) {
		pml4[1] = TABLES | 7;		/* a table that names itself */
		spoil(pml4, 4, 3);
		spoil(pd, 512, 64);
	}
}

static void write_descriptors(uint8_t *ram, bool wide)
{
	static const uint64_t sane[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff,
		0x00af9b000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff, 0x00cffb000000ffff,
		0x00008b0320000067, 0x0, 0x0000850000380000, 0x00009b000000ffff, 0x000093000000ffff };
	uint64_t *gdt = (void *)(ram + GDT), *idt = (void *)(ram + IDT);
	unsigned int i, to;

	memcpy(gdt, sane, sizeof(sane));
	spoil(gdt + 1, 11, 12);
	for (i = 12; i < 16; i++)
		gdt[i] = rnd();
	for (i = 0; i < 256; i++) {
		to = CODE + below(CODE_BYTES);
		idt[i * (wide ? 2 : 1)] = (to & 0xffff) | (uint64_t)(wide ? 0x18 : 8) << 16 |
			(uint64_t)(one_in(8) ? 0x85 + below(0x80) : 0xee) << 40 |
			(uint64_t)(to >> 16) << 48;
	}
	spoil(idt, 512, 200);
	memset(ram + TSS, 0, 0x1000);
	*(uint32_t *)(ram + TSS + 4) = 0x8000;
	*(uint32_t *)(ram + TSS + 8) = 0x10;
}

/* ---- a guest --------------------------------------------------------------------- */

struct guest {
	int vm, vcpu[2];
	unsigned int n;
	struct kvm_run *run[2];
	uint8_t *map, *ram;
	size_t run_bytes;
};

static bool wide_mode;

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t dpl, bool l, bool db)
{
	return (struct kvm_segment){ .selector = selector | dpl, .type = type, .present = 1,
		.s = 1, .l = l, .db = db, .g = 1, .dpl = dpl, .limit = 0xffffffff };
}

/* Somewhere, in some mode, all else at random too. */
static void begin(struct guest *g, unsigned int i)
{
	struct kvm_regs regs = { .rip = CODE + below(CODE_BYTES), .rflags = 2 | (one_in(2) ? 0x200 : 0),
		.rsp = 0x8000, .rax = odd_number(), .rbx = odd_address(), .rcx = odd_number(),
		.rdx = odd_number(), .rsi = odd_address(), .rdi = odd_address(), .rbp = odd_number() };
	struct kvm_sregs s;
	unsigned int mode = wide_mode ? 4 : below(4);
	uint8_t dpl = one_in(3) ? 3 : 0;
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

	starts++;
	ioctl(g->vcpu[i], KVM_SET_MP_STATE, &mp);
	ioctl(g->vcpu[i], KVM_GET_SREGS, &s);
	s.gdt.base = GDT;
	s.gdt.limit = 0x7f;
	s.idt.base = mode ? IDT : below(2) * IDT;
	s.idt.limit = 0xfff;
	s.cr0 = 0x10;
	s.cr4 = s.efer = s.cr3 = 0;
	if (mode == 0) {
		s.cs = s.ds = (struct kvm_segment){ .limit = 0xffff, .present = 1, .s = 1 };
		s.cs.type = 11, s.ds.type = 3;
		s.cs.base = CODE, s.cs.selector = CODE >> 4;
		regs.rip &= 0xffff;
	} else {
		s.cs = segment(8, 11, dpl, mode == 4, mode != 4);
		s.ds = segment(16, 3, dpl, false, true);
		s.cr0 |= 1;
	}
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.tr = (struct kvm_segment){ .base = TSS, .limit = 0xfff, .selector = 0x38, .type = 11, .present = 1 };
	if (mode >= 2) {
		s.cr0 |= 0x80000000 | (one_in(2) ? 1 << 16 : 0);
		s.cr4 = mode == 2 ? 0x10 : 0x20 | (one_in(2) ? 0x600 : 0);
		s.cr3 = mode == 2 ? TABLES + 0x3000 : mode == 3 ? TABLES + 0x1000 : TABLES;
		s.efer = mode == 4 ? 0xd01 : 0;
	}
	if (ioctl(g->vcpu[i], KVM_SET_SREGS, &s) || ioctl(g->vcpu[i], KVM_SET_REGS, &regs))
		refused_entries++;
}

static void offer_cpuid(int vcpu)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[128]; } c = { .head.nent = 128 };

	if (!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c))
		ioctl(vcpu, KVM_SET_CPUID2, &c);
}

static bool guest_open(struct guest *g)
{
	struct kvm_userspace_memory_region m = { .memory_size = RAM };
	struct kvm_pit_config pit = { 0 };
	unsigned int i;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	g->map = mmap(NULL, RAM + 2 * GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->vm < 0 || g->map == MAP_FAILED)
		return false;
	memset(g->map, 0x5a, GUARD);
	memset(g->map + GUARD + RAM, 0x5a, GUARD);
	g->ram = g->map + GUARD;
	m.userspace_addr = (uintptr_t)g->ram;
	m.flags = one_in(3) ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m);
	m.slot = 1;			/* the same memory, read-only, elsewhere */
	m.guest_phys_addr = 0xffc00000 - RAM;
	m.flags = KVM_MEM_READONLY;
	ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m);
	if (!one_in(4) && !ioctl(g->vm, KVM_CREATE_IRQCHIP, 0) && one_in(2))
		ioctl(g->vm, KVM_CREATE_PIT2, &pit);
	g->run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	for (i = 0; i < g->n; i++) {
		g->vcpu[i] = ioctl(g->vm, KVM_CREATE_VCPU, i);
		g->run[i] = mmap(NULL, g->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu[i], 0);
		if (g->vcpu[i] < 0 || g->run[i] == MAP_FAILED)
			return false;
		offer_cpuid(g->vcpu[i]);
	}
	return true;
}

/* The kernel kept to the guest's memory. */
static bool guards_whole(const struct guest *g)
{
	size_t i;

	for (i = 0; i < GUARD; i++)
		if (g->map[i] != 0x5a || g->map[GUARD + RAM + i] != 0x5a)
			return false;
	return true;
}

static void guest_close(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < g->n; i++) {
		munmap(g->run[i], g->run_bytes);
		close(g->vcpu[i]);
	}
	close(g->vm);
	munmap(g->map, RAM + 2 * GUARD);
}

/* ---- this CPU, as this process has it ---------------------------------------------- */

/* No holes: it is compared as bytes. */
struct own { uint32_t mxcsr, xcr0; uint16_t fcw, none[3]; uint64_t xmm[2]; };

static void own_set(void)
{
	uint32_t mxcsr = 0x1f80 | 0x6000;
	uint16_t fcw = 0x027f;
	static const uint64_t mark[2] = { 0x0123456789abcdefULL, 0xfedcba9876543210ULL };

	asm volatile("ldmxcsr %0; fldcw %1; movdqu %2, %%xmm7" :: "m"(mxcsr), "m"(fcw), "m"(mark) : "xmm7");
}

static struct own own_get(void)
{
	struct own o = { 0 };

	asm volatile("stmxcsr %0; fnstcw %1; movdqu %%xmm7, %2" : "=m"(o.mxcsr), "=m"(o.fcw), "=m"(o.xmm));
	asm volatile("xgetbv" : "=a"(o.xcr0) : "c"(0) : "edx");
	return o;
}

/* One KVM_RUN; the registers of this process are looked at right around it. */
static int run_once(int vcpu, bool *changed)
{
	struct own before, after;
	long r;

	own_set();
	before = own_get();
	asm volatile("syscall" : "=a"(r) : "0"(16L), "D"((long)vcpu), "S"((long)KVM_RUN), "d"(0L)
		     : "rcx", "r11", "memory");
	after = own_get();
	if (memcmp(&before, &after, sizeof(before))) {
		printf("# MXCSR %x %x, FCW %x %x, XCR0 %x %x, XMM7 %lx%lx %lx%lx\n", before.mxcsr, after.mxcsr,
		       before.fcw, after.fcw, before.xcr0, after.xcr0, before.xmm[1], before.xmm[0],
		       after.xmm[1], after.xmm[0]);
		*changed = true;
	}
	return r;
}

static volatile sig_atomic_t ticks;
static struct kvm_run *running[2];

/* Ends a run that has begun, and the next one where it came between. */
static void tick(int sig)
{
	(void)sig;
	ticks++;
	if (running[0])
		running[0]->immediate_exit = 1;
	if (running[1])
		running[1]->immediate_exit = 1;
}

static void answer(struct kvm_run *run)
{
	uint64_t r = rnd();

	if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
		memcpy(run->mmio.data, &r, 8);
	else if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN)
		memset((char *)run + run->io.data_offset, (int)r, run->io.size * run->io.count);
}

static void interrupt(struct guest *g, unsigned int i)
{
	struct kvm_interrupt irq = { .irq = below(256) };
	struct kvm_irq_level line = { .irq = below(24), .level = below(2) };

	switch (below(4)) {
	case 0: ioctl(g->vcpu[i], KVM_NMI, 0); break;
	case 1: ioctl(g->vcpu[i], KVM_INTERRUPT, &irq); break;
	case 2: ioctl(g->vm, KVM_IRQ_LINE, &line); break;
	default: g->run[i]->request_interrupt_window = one_in(2);
	}
}

/* Until @limit ticks; the CPUs of a guest take turns, so that a seed decides. */
static bool guest_run(struct guest *g, int limit)
{
	unsigned int i = 0, stuck = 0;
	bool changed = false;
	int r, then;

	for (i = 0; i < g->n; i++) {
		running[i] = g->run[i];
		begin(g, i);
	}
	ticks = 0;
	while (ticks < limit && !changed) {
		i = (i + 1) % g->n;
		then = ticks;
		g->run[i]->immediate_exit = 0;
		r = run_once(g->vcpu[i], &changed);
		if (one_in(8))
			interrupt(g, i);
		if (r) {
			ended[NR_REASONS]++;
			stuck += ticks != then;
			if (r != -EINTR || stuck > 1)
				begin(g, i), stuck = 0;
			continue;
		}
		ended[g->run[i]->exit_reason % NR_REASONS]++;
		answer(g->run[i]);
		if (g->run[i]->exit_reason != KVM_EXIT_MMIO && g->run[i]->exit_reason != KVM_EXIT_IO)
			begin(g, i);
		else if (one_in(4096))
			begin(g, i);
	}
	running[0] = running[1] = NULL;
	return !changed;
}

static bool one_guest(int limit)
{
	struct guest g = { .n = 1 + below(2) };
	sigset_t ticking;
	bool good;
	unsigned int i;

	wide_mode = one_in(2);
	/* A signal may interrupt the making of a VM (EINTR). */
	sigemptyset(&ticking);
	sigaddset(&ticking, SIGALRM);
	sigprocmask(SIG_BLOCK, &ticking, NULL);
	good = guest_open(&g);
	sigprocmask(SIG_UNBLOCK, &ticking, NULL);
	if (!good) {
		printf("# no guest: %s\n", strerror(errno));
		return false;
	}
	for (i = 0; i < RAM / 8; i += 1 + below(64))
		((uint64_t *)g.ram)[i] = rnd();
	write_code(g.ram, wide_mode);
	write_tables(g.ram);
	write_descriptors(g.ram, wide_mode);
	good = guest_run(&g, limit);
	if (!good)
		puts("# this process's registers changed over KVM_RUN");
	if (!guards_whole(&g)) {
		puts("# memory beside the guest's was written");
		good = false;
	}
	guest_close(&g);
	return good;
}

#define MANY	1000

/* Those that the guests have left by so far. */
static unsigned long exits_seen(void)
{
	unsigned long i, sum = 0;

	for (i = 0; i <= NR_REASONS; i++)
		sum += ended[i];
	return sum;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = tick };
	struct itimerval every = { { 0, 10000 }, { 0, 10000 } };
	unsigned long guests = 0, seed, i;
	int limit;
	time_t end;
	bool good = true;

	if (argc < 3) {
		fprintf(stderr, "usage: hostile SEED SECONDS [GUEST MS]\n");
		return 2;
	}
	seed = strtoul(argv[1], NULL, 0);
	end = time(NULL) + atoi(argv[2]);
	limit = (argc > 3 ? atoi(argv[3]) : 200) / 10;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		fprintf(stderr, "hostile: cannot open /dev/kvm: %s (load the modules)\n", strerror(errno));
		return 2;
	}
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	/* A slow machine takes longer for the same. */
	while (good && (time(NULL) < end || exits_seen() <= MANY)) {
		state = seed + guests++;
		good = one_guest(limit);
	}
	printf("# %lu guests from seed %lu, %lu starts (%lu refused)\n", guests, seed, starts, refused_entries);
	for (i = 0; i <= NR_REASONS; i++) {
		if (ended[i])
			printf("# %s %lu: %lu\n", i == NR_REASONS ? "errno or tick" : "exit", i, ended[i]);
	}
	if (!good)
		printf("# the guest of seed %lu did it\n", seed + guests - 1);
	return good ? 0 : 1;
}
