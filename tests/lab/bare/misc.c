// SPDX-License-Identifier: GPL-2.0
/*
 * bare: hypercalls, control registers, instructions that the CPU offers or not, XSAVE,
 * what user code may not do; QEMU's pci-testdev, whose registers are ioeventfds.
 */
#include "bare.h"

#define UD	6
#define GP	13
#define CODE	0x80d0000000UL

/* ---- hypercalls ---------------------------------------------------------------------- */

static void hypercalls(void)
{
	u64 r = 0;

	ok(TRY("vmcall", : "=a"(r) : "a"(~0ULL) : "memory") == NOTHING && (int)r == -1000,
	   "VMCALL becomes one (%d)", (int)r);
	ok(TRY("vmmcall", : "=a"(r) : "a"(~0ULL) : "memory") == NOTHING && (int)r == -1000,
	   "VMMCALL of no call (%d)", (int)r);
	ok(TRY("vmcall", : "=a"(r) : "a"(10ULL), "b"(0xffffffffULL), "c"(0ULL), "d"(0xffffffffULL), "S"(0ULL) : "memory") == NOTHING &&
	   !r, "IPIs to nobody: none (%d)", (int)r);
	ok(TRY("vmrun", : : "a"(0x1000) : "memory") == UD, "VMRUN is #UD");
	ok(TRY("stgi", : : : "memory") == UD && TRY("clgi", : : : "memory") == UD, "STGI, CLGI are #UD");
	ok(TRY("invlpga", : : "a"(0), "c"(0) : "memory") == UD, "INVLPGA is #UD");
	ok(TRY(".byte 0x0f, 0x0b, 0x6b, 0x76, 0x6d", : : : "memory") == UD, "a prefix that forces emulation is #UD");
}

/* ---- control registers ------------------------------------------------------------------ */

static u64 try_cr4(u64 v) { return TRY("mov %0, %%cr4", : : "r"(v) : "memory"); }
static u64 try_cr0(u64 v) { return TRY("mov %0, %%cr0", : : "r"(v) : "memory"); }
static u64 try_cr3(u64 v) { return TRY("mov %0, %%cr3", : : "r"(v) : "memory"); }

static void control(void)
{
	u64 cr0 = GET_REG("cr0"), cr4 = GET_REG("cr4"), cr3 = GET_REG("cr3");
	u32 r[4];
	u16 msw;

	cpuid(0x80000008, 0, r);
	ok(try_cr0(cr0 | BIT(32)) == GP, "CR0, upper half: #GP");
	ok(try_cr0(cr0 & ~1ULL) == GP, "CR0.PE off while paging: #GP");
	ok(try_cr0(cr0 & ~BIT(31)) == GP, "CR0.PG off in 64-bit code: #GP");
	ok(try_cr0(cr0 | BIT(29)) == GP, "CR0.NW without CD: #GP");
	ok(try_cr0(cr0 | BIT(30)) == NOTHING && (GET_REG("cr0") & BIT(30)), "CR0.CD is kept");
	SET_REG("cr0", cr0);
	ok(try_cr4(cr4 & ~BIT(5)) == GP, "CR4.PAE off in long mode: #GP");
	ok(try_cr4(cr4 | BIT(40)) == GP, "CR4, reserved: #GP");
	ok(try_cr4(cr4 | BIT(13)) == GP, "CR4.VMXE: #GP");
	if (!has_cpuid(1, 2, 17))
		ok(try_cr4(cr4 | BIT(17)) == GP, "CR4.PCIDE without CPUID's bit: #GP");
	ok(try_cr3(cr3 | BIT(r[0] & 0xff)) == GP, "CR3 beyond memory: #GP");
	ok(TRY("mov %0, %%cr8", : : "r"(16ULL) : "memory") == GP, "CR8, reserved: #GP");
	asm volatile("smsw %0" : "=r"(msw));
	ok((msw & 0xffff) == (cr0 & 0xffff), "SMSW");
	asm volatile("lmsw %w0" : : "r"((u32)cr0 | 8));
	ok(GET_REG("cr0") & 8, "LMSW sets TS");
	ok(TRY("movups %%xmm0, %%xmm1", : : : "memory") == 7, "SSE with TS: #NM");
	asm volatile("clts");
	asm volatile("lmsw %w0" : : "r"((u32)cr0 & ~1U));
	ok(GET_REG("cr0") == cr0, "CLTS; LMSW does not clear PE (%#lx, %#lx)", GET_REG("cr0"), cr0);
	SET_REG("cr4", cr4 | BIT(7));
	SET_REG("cr4", cr4);
	ok(GET_REG("cr4") == cr4, "CR4.PGE on and off");
}

/* ---- instructions ------------------------------------------------------------------------- */

static void instructions(void)
{
	static u64 pair[2] __attribute__((aligned(16))) = { 1, 2 };
	u64 a;

	ok(TRY(".byte 0x0f, 0x01, 0xfd", : : "c"(0) : "rax", "rdx", "memory") == UD, "RDPRU is #UD");
	if (!has_cpuid(7, 1, 10))
		ok(TRY("invpcid (%0), %1", : : "r"(pair), "r"(0ULL) : "memory") == UD, "INVPCID is #UD");
	ok(TRY(".byte 0x0f, 0x38, 0xf0, 0xc0", : : : "memory") == UD, "MOVBE of registers is #UD");
	ok(TRY(".byte 0x8d, 0xc0", : : : "memory") == UD, "LEA of a register is #UD");
	ok(TRY("rdpmc", : : "c"(77) : "rax", "rdx", "memory") == GP, "RDPMC of no counter is #GP");
	ok(TRY(".byte 0xf0, 0x90", : : : "memory") == UD, "LOCK NOP is #UD");
	ok(TRY(".byte 0x66, 0x90, 0xf3, 0x90, 0x0f, 0x1f, 0x00, 0x0f, 0x1f, 0x44, 0x00, 0x00", : : "a"(pair) : "memory") == NOTHING,
	   "each kind of NOP");
	ok(TRY("mfence\n	lfence\n	sfence\n	clflush (%0)", : : "r"(pair) : "memory") == NOTHING,
	   "fences and CLFLUSH");
	if (has_cpuid(7, 1, 23))
		ok(TRY("clflushopt (%0)", : : "r"(pair) : "memory") == NOTHING, "CLFLUSHOPT");
	if (has_cpuid(7, 1, 24))
		ok(TRY("clwb (%0)", : : "r"(pair) : "memory") == NOTHING, "CLWB");
	if (!has_cpuid(1, 2, 3))
		note("no MONITOR");
	ok(TRY("wbinvd", : : : "memory") == NOTHING, "WBINVD");
	ok(TRY("invd", : : : "memory") == NOTHING, "INVD");
	asm volatile("lock cmpxchg16b %0" : "+m"(pair) : "a"(1ULL), "d"(2ULL), "b"(3ULL), "c"(4ULL) : "cc");
	ok(pair[0] == 3 && pair[1] == 4, "CMPXCHG16B");
	ok(TRY("cmpxchg16b (%0)", : : "r"((u64)pair + 8), "a"(0), "d"(0), "b"(0), "c"(0) : "memory", "cc") == GP,
	   "misaligned it is #GP");
	if (has_cpuid(0x80000001, 3, 27)) {
		wrmsr(0xc0000103, 0x77);
		asm volatile("rdtscp" : "=c"(a) : : "rax", "rdx");
		ok(a == 0x77, "RDTSCP tells TSC_AUX");
	}
}

/* What CPUID tells where there is nothing to tell (APM3 and SDM 2A, CPUID) */
static void leaves(void)
{
	u32 zero[4], r[4], last[4], one[4];
	bool intel;

	cpuid(0, 0, zero);
	intel = zero[1] == 0x756e6547;
	cpuid(zero[0], 0, last);
	cpuid(0x12345, 0, r);
	if (intel)
		ok(!memcmp(r, last, sizeof(r)), "CPUID beyond the last leaf is the last one");
	else
		ok(!(r[0] | r[1] | r[2] | r[3]), "CPUID beyond the last leaf is zero");
	cpuid(0xb, 1, one);
	cpuid(0xb, 77, r);
	if (zero[0] >= 0xb && one[1])
		ok(!r[0] && !r[1] && r[2] == 77 && r[3] == one[3],
		   "CPUID of a level that there is not (%#lx, %#lx)", (u64)r[2], (u64)r[3]);
}

static void xsave(void)
{
	u64 cr4 = GET_REG("cr4"), a;
	u32 r[4];

	if (!has_cpuid(1, 2, 26)) {
		note("no XSAVE");
		return;
	}
	ok(TRY("xgetbv", : : "c"(0) : "rax", "rdx", "memory") == UD, "XGETBV without OSXSAVE is #UD");
	ok(!has_cpuid(1, 2, 27), "CPUID's OSXSAVE is CR4's: clear");
	SET_REG("cr4", cr4 | BIT(18));
	ok(has_cpuid(1, 2, 27), "and set");
	asm volatile("xgetbv" : "=a"(a) : "c"(0) : "rdx");
	ok((u32)a & 1, "XCR0.x87");
#define XSETBV(n, v) TRY("xsetbv", : : "c"(n), "a"(v), "d"(0) : "memory")
	ok(XSETBV(0, 3) == NOTHING, "XCR0 of x87 and SSE");
	cpuid(0xd, 0, r);
	ok(r[1] == 576, "leaf D tells their size (%u)", r[1]);
	ok(XSETBV(0, 2) == GP, "without x87: #GP");
	ok(XSETBV(0, 5) == GP, "AVX without SSE: #GP");
	ok(XSETBV(0, 0x13) == GP || (r[0] & 0x10), "what CPUID does not offer: #GP");
	ok(XSETBV(1, 3) == GP, "XCR1: #GP");
	ok(XSETBV(0, 0) == GP, "XCR0 of nothing: #GP");
	ok(TRY("xsetbv", : : "c"(0), "a"(3), "d"(1) : "memory") == GP, "XCR0, upper half: #GP");
	ok(TRY("xgetbv", : : "c"(7) : "rax", "rdx", "memory") == GP, "XGETBV of XCR7: #GP");
	asm volatile("xgetbv" : "=a"(a) : "c"(0) : "rdx");
	ok((u32)a == 3, "what was refused changed nothing (%#lx)", a);
	if (r[0] & 4) {
		ok(XSETBV(0, 7) == NOTHING, "with AVX");
		cpuid(0xd, 0, r);
		ok(r[1] == 832, "is larger (%u)", r[1]);
	}
	XSETBV(0, 1);
	SET_REG("cr4", cr4);
	ok(TRY("xsetbv", : : "c"(0), "a"(3), "d"(0) : "memory") == UD, "XSETBV without OSXSAVE is #UD");
}

/* ---- protection keys, five levels, SMAP -------------------------------------------- */

#define WRPKRU(a, c, d) TRY("wrpkru", : : "a"(a), "c"(c), "d"(d) : "memory")
#define RDPKRU(c) TRY("rdpkru", : : "c"(c) : "rax", "rdx", "memory")

static void keys(void)
{
	u64 cr4 = GET_REG("cr4");
	u32 pkru, was;

	if (!has_cpuid(7, 2, 3)) {
		ok(try_cr4(cr4 | BIT(22)) == GP, "CR4.PKE without CPUID's bit: #GP");
		ok(RDPKRU(0) == UD && WRPKRU(0, 0, 0) == UD, "RDPKRU, WRPKRU: #UD");
		return;
	}
	ok(RDPKRU(0) == UD && WRPKRU(0, 0, 0) == UD, "RDPKRU, WRPKRU without CR4.PKE: #UD");
	ok(!has_cpuid(7, 2, 4), "CPUID's OSPKE is CR4's: clear");
	SET_REG("cr4", cr4 | BIT(22));
	ok(has_cpuid(7, 2, 4), "OSPKE is set");
	asm volatile("rdpkru" : "=a"(was) : "c"(0) : "rdx");
	ok(WRPKRU(0x55555554, 0, 0) == NOTHING, "WRPKRU");
	has_cpuid(0, 0, 0);		/* exits */
	outb(0xe0, 0);
	asm volatile("rdpkru" : "=a"(pkru) : "c"(0) : "rdx");
	ok(pkru == 0x55555554, "PKRU stays over exits (%#x)", pkru);
	ok(WRPKRU(0, 1, 0) == GP && WRPKRU(0, 0, 1) == GP && RDPKRU(1) == GP, "PKRU: ECX and EDX are zero, else #GP");
	asm volatile("wrpkru" : : "a"(was), "c"(0), "d"(0));
	SET_REG("cr4", cr4);
}

static void five_levels(void)
{
	u64 cr4 = GET_REG("cr4");

	ok(try_cr4(cr4 ^ BIT(12)) == GP && GET_REG("cr4") == cr4, "CR4.LA57 in long mode: #GP%s",
	   has_cpuid(7, 2, 16) ? ", though there are five levels" : "");
}

static void smap(void)
{
	u64 cr4 = GET_REG("cr4");

	if (!has_cpuid(7, 1, 20)) {
		ok(TRY("stac", : : : "memory") == UD, "STAC without CPUID's bit is #UD");
		return;
	}
	map(CODE, (u64)page_alloc() | PTE_P | PTE_U | PTE_W, 0);
	SET_REG("cr4", cr4 | BIT(21));
	ok(TRY("mov (%0), %%al", : : "r"(CODE) : "rax", "memory") == 14 && caught.error == 1,
	   "SMAP: a user's page is #PF (%#lx)", caught.error);
	ok(TRY("stac\n	mov (%0), %%al\n	clac", : : "r"(CODE) : "rax", "memory") == NOTHING,
	   "SMAP: between STAC and CLAC it is not");
	SET_REG("cr4", cr4);
	map(CODE, 0, 0);
}

/* ---- user space ------------------------------------------------------------------------------ */

static u8 *user_code;

/* Run these bytes at CPL 3; the vector, or NOTHING. */
static u64 user(const u8 *bytes, unsigned int n)
{
	memcpy(user_code, bytes, n);
	user_code[n] = 0xcd;
	user_code[n + 1] = 0x20;
	caught.vector = NOTHING;
	user_enter(CODE, CODE + 8192, CODE + 4096);
	return caught.vector;
}
#define USER(...) ({ static const u8 b_[] = { __VA_ARGS__ }; user(b_, sizeof(b_)); })

static void user_rights(void)
{
	u64 cr4 = GET_REG("cr4");

	user_code = page_alloc();
	map(CODE, (u64)user_code | PTE_P | PTE_U | PTE_W, 0);
	map(CODE + 4096, (u64)page_alloc() | PTE_P | PTE_U | PTE_W, 0);
	ok(USER(0x90) == NOTHING, "a user's NOP");
	ok(USER(0xe4, 0x21) == GP, "IN without the right: #GP");
	ok(USER(0x6c) == GP, "INSB likewise");
	ok(USER(0xf4) == GP, "HLT: #GP");
	ok(USER(0xfa) == GP, "CLI: #GP");
	ok(USER(0x0f, 0x20, 0xc0) == GP, "MOV from CR0: #GP");
	ok(USER(0x0f, 0x21, 0xf8) == GP, "MOV from DR7: #GP");
	ok(USER(0x0f, 0x32) == GP, "RDMSR: #GP");
	ok(USER(0x0f, 0x01, 0x3f) == GP, "INVLPG: #GP");
	ok(USER(0x0f, 0x08) == GP && USER(0x0f, 0x09) == GP, "INVD, WBINVD: #GP");
	ok(USER(0x0f, 0xa2) == NOTHING, "CPUID");
	ok(USER(0xcd, 0x33) == GP && caught.error == (0x33 * 8 | 2), "INT n of the kernel's: #GP (%#lx)", caught.error);
	ok(USER(0xcc) == 3, "INT3: #BP");
	ok(USER(0x0f, 0x31) == NOTHING, "RDTSC");
	SET_REG("cr4", cr4 | 4);
	ok(USER(0x0f, 0x31) == GP, "with CR4.TSD: #GP");
	SET_REG("cr4", cr4);
	if (has_cpuid(1, 2, 26)) {
		SET_REG("cr4", cr4 | BIT(18));
		ok(USER(0x31, 0xc9, 0x31, 0xd2, 0xb8, 3, 0, 0, 0, 0x0f, 0x01, 0xd1) == GP, "XSETBV: #GP");
		ok(USER(0x31, 0xc9, 0x0f, 0x01, 0xd0) == NOTHING, "XGETBV");
		SET_REG("cr4", cr4);
	}
	ok(USER(0x0f, 0x06) == GP, "CLTS: #GP");
	ok(USER(0x0f, 0x30) == GP, "WRMSR: #GP");
	ok(USER(0x0f, 0x00, 0xd0) == GP && USER(0x0f, 0x00, 0xd8) == GP, "LLDT, LTR: #GP");
	ok(USER(0x0f, 0x01, 0xca) == UD && USER(0x0f, 0x01, 0xcb) == UD, "CLAC, STAC: #UD");
	if (has_cpuid(7, 2, 2)) {
		ok(USER(0x0f, 0x01, 0x07) == NOTHING && USER(0x0f, 0x01, 0x0f) == NOTHING, "SGDT, SIDT");
		SET_REG("cr4", cr4 | BIT(11));
		ok(USER(0x0f, 0x01, 0x07) == GP && USER(0x0f, 0x01, 0x0f) == GP &&
		   USER(0x0f, 0x00, 0x07) == GP && USER(0x0f, 0x00, 0x0f) == GP &&
		   USER(0x0f, 0x01, 0x27) == GP, "with UMIP they, SLDT, STR and SMSW are #GP");
		SET_REG("cr4", cr4);
	}
	ok(USER(0x0f, 0x01, 0xd9) == NOTHING, "a user's VMMCALL returns");
}

/* ---- SYSENTER in long mode, which one vendor's CPUs have ----------------------------- */

static void no_sysenter(struct frame *f)
{
	caught.vector = f->vector;
	caught.rip = f->rip;
	user_leave();
}

void test_sysenter(void)
{
	extern void sysenter_try(void);
	extern u8 sysenter_target[];
	extern u64 sysenter_rsp;
	u64 stack = 0x8090000000UL + 2048;
	u32 r[4];

	cpuid(0, 0, r);
	map(0x8090000000UL, (u64)page_alloc() | PTE_P | PTE_W, 0);
	*pte_of(USER32, 1) = (u64)page_alloc() | PTE_P | PTE_W | PTE_U;
	user_code = page_alloc();
	user_code[0] = 0xcd;
	user_code[1] = 0x20;
	map(USER32, (u64)user_code | PTE_P | PTE_U, 0);
	wrmsr(0x174, 8);
	wrmsr(0x175, stack);
	wrmsr(0x176, (u64)sysenter_target);
	set_handler(UD, no_sysenter);
	caught.rip = 0;
	sysenter_try();
	note("SYSENTER: vector %lu at %#lx, rsp %#lx", caught.vector, caught.rip, sysenter_rsp);
	if (r[1] == 0x68747541)
		ok(caught.vector == UD, "SYSENTER in 32-bit code of long mode is #UD");
	else
		ok(caught.vector == NOTHING && caught.rip == USER32 + 2 && sysenter_rsp == stack,
		   "SYSENTER from 32-bit code, SYSEXIT to it");
	wrmsr(0x174, 0);
	set_handler(UD, NULL);
}

/* ---- pci-testdev ------------------------------------------------------------------------------- */

static u32 pci_read(u32 devfn, u32 reg)
{
	outl(0xcf8, 0x80000000 | devfn << 8 | reg);
	return inl(0xcfc);
}

static void pci_write(u32 devfn, u32 reg, u32 v)
{
	outl(0xcf8, 0x80000000 | devfn << 8 | reg);
	outl(0xcfc, v);
}

/* A header that the device shows in each of its two BARs */
struct header {
	u8 test, width, pad[2];
	u32 offset, data, count;
	u8 name[16];
};

static u8 bar_read8(bool io, u64 base, u32 at)
{
	return io ? inb(base + at) : *(volatile u8 *)(base + at);
}

static u32 bar_read32(bool io, u64 base, u32 at)
{
	return io ? inl(base + at) : *(volatile u32 *)(base + at);
}

static void bar_write(bool io, u64 base, u32 at, u32 v, u8 width)
{
	if (io && width == 1)
		outb(base + at, v);
	else if (io && width == 2)
		outw(base + at, v);
	else if (io)
		outl(base + at, v);
	else if (width == 1)
		*(volatile u8 *)(base + at) = v;
	else if (width == 2)
		*(volatile u16 *)(base + at) = v;
	else
		*(volatile u32 *)(base + at) = v;
}

/* Writes are counted by an ioeventfd, or by the device: each must be. */
static bool count_writes(bool io, u64 base, u8 test)
{
	u32 i, offset, data, count = 0;
	char name[17] = { 0 };
	u8 width;

	bar_write(io, base, offsetof(struct header, test), test, 1);
	if (bar_read8(io, base, 0) != test)
		return false;
	width = bar_read8(io, base, 1);
	for (i = 0; i < 16; i++)
		name[i] = bar_read8(io, base, offsetof(struct header, name) + i);
	offset = bar_read32(io, base, offsetof(struct header, offset));
	data = bar_read32(io, base, offsetof(struct header, data));
	for (i = 0; i < 20; i++)
		bar_write(io, base, offset, data, width);
	for (i = 0; i < 20 && count < 20; i++) {
		delay_us(1000);
		count = bar_read32(io, base, offsetof(struct header, count));
	}
	note("pci-testdev: %s, %s: %u of 20 writes", io ? "ports" : "memory", name, count);
	/* What an eventfd takes the device does not see. */
	ok(count == (test ? 0 : 20), "pci-testdev: %s %s", io ? "ports," : "memory,", name);
	return true;
}

void test_pcitest(void)
{
	u32 devfn, bar;
	u8 test;

	for (devfn = 0; devfn < 256 && pci_read(devfn, 0) != 0x00051b36; devfn++)
		;
	if (devfn == 256) {
		note("no pci-testdev");
		return;
	}
	pci_write(devfn, 4, pci_read(devfn, 4) | 3);
	bar = pci_read(devfn, 0x10) & ~15U;
	for (test = 0; test < 8 && count_writes(false, bar, test); test++)
		;
	bar = pci_read(devfn, 0x14) & ~3U;
	for (test = 0; test < 8 && count_writes(true, bar, test); test++)
		;
}

void test_misc(void)
{
	hypercalls();
	control();
	instructions();
	leaves();
	xsave();
	keys();
	five_levels();
	smap();
	user_rights();
}
