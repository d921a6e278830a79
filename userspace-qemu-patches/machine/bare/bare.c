// SPDX-License-Identifier: GPL-2.0
/*
 * The bare program's ground: console (port E9h), verdicts in TAP, traps, the
 * local APIC, the second CPU, and a guest around a function (APM2 15.5 and
 * 16). The tests are in the other files; check-svm builds and runs it all.
 */
#include <stdarg.h>
#include "bare.h"

#define APIC(reg) (*(volatile u32 *)(0xfee00000UL + (reg)))

extern char host_entries[], guest_entries[], trampoline[], trampoline_end[];
extern char gdt[], gdt_end[];
extern u64 boot_pml4[];

struct gate { u64 low, high; };
struct gate host_idt[256] __attribute__((aligned(16)));
static struct gate guest_idt[256] __attribute__((aligned(16)));

struct vmcb vmcb __attribute__((aligned(4096)));
static struct vmcb host_state[2] __attribute__((aligned(4096)));
static u8 permission_map[3 * 4096] __attribute__((aligned(4096)));
static u64 n_pml4[512], n_pdpt[512], n_pd[4][512], n_pt[8][512]
	__attribute__((aligned(4096)));
static unsigned int n_split;
static u8 guest_stack[GUEST_STACK] __attribute__((aligned(16)));
u64 guest_regs[3];

volatile u32 host_count[256], guest_count[256];
void (*guest_fault)(struct trap *t);
void (*host_fault)(struct trap *t);
void (*volatile second_cpu_job)(void);
static volatile bool second_cpu_up;
u32 svm_features;
static u64 ticks_per_us;
static unsigned int tests, failures;

void *memset(void *p, int c, size_t n)
{
	u8 *b = p;

	while (n--)
		*b++ = c;
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	u8 *t = to;
	const u8 *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

/* ---- console and verdicts ---- */

static void print_number(u64 n, unsigned int base)
{
	char digits[20];
	int i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		outb(0xe9, digits[--i]);
}

static void print_list(const char *f, va_list args)
{
	const char *s;

	for (; *f; f++) {
		if (*f != '%') {
			outb(0xe9, *f);
			continue;
		}
		switch (*++f) {
		case 's':
			for (s = va_arg(args, const char *); *s; s++)
				outb(0xe9, *s);
			break;
		case 'd':
			print_number(va_arg(args, u64), 10);
			break;
		default:
			print_number(va_arg(args, u64), 16);
		}
	}
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_list(format, args);
	va_end(args);
}

void ok(bool good, const char *what, ...)
{
	va_list args;

	if (!good)
		failures++;
	print("%sok %d - ", good ? "" : "not ", (u64)++tests);
	va_start(args, what);
	print_list(what, args);
	va_end(args);
	print("\n");
}

void skip(const char *what, const char *why)
{
	print("ok %d - %s # SKIP %s\n", (u64)++tests, what, why);
}

static void end(void)
{
	print("1..%d\n", (u64)tests);
	outb(0xf4, failures ? 1 : 0);	/* isa-debug-exit: status 2n+1 */
	for (;;)
		asm volatile("cli; hlt");
}

static void die(const char *who, struct trap *t)
{
	print("Bail out! %s: vector %d error %x rip %x\n", who, t->vector, t->error, t->rip);
	failures++;
	end();
}

u64 microseconds(u64 n)
{
	return n * ticks_per_us;
}

/* ---- traps ---- */

void host_trap(struct trap *t)
{
	host_count[t->vector]++;
	if (t->vector < 32) {
		if (!host_fault)
			die("a trap of the host", t);
		host_fault(t);
		return;
	}
	APIC(0xb0) = 0;
}

void guest_trap(struct trap *t)
{
	guest_count[t->vector]++;
	if (t->vector >= 32)
		return;
	if (!guest_fault)
		die("a trap of the guest", t);
	guest_fault(t);
}

static void fill_idt(struct gate *idt, char *entries)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		/* an entry is 16 bytes: two pushes and a jump */
		u64 at = (u64)entries + i * 16;

		idt[i].low = (at & 0xffff) | 0x08 << 16 | 0x8eULL << 40 | (at >> 16 & 0xffff) << 48;
		idt[i].high = at >> 32;
	}
}

/* ---- local APIC ---- */

void apic_timer(u8 vector, u32 us)
{
	APIC(0x3e0) = 0xb;		/* divide by 1: 1 GHz */
	APIC(0x320) = vector;
	APIC(0x380) = us * 1000;
}

void apic_ipi(u8 vector, u8 to)
{
	APIC(0x310) = (u32)to << 24;
	APIC(0x300) = vector;
}

static void measure_tsc(void)
{
	u64 start;

	APIC(0x3e0) = 0xb;
	APIC(0x320) = 0x10000;
	APIC(0x380) = 0xffffffff;
	start = rdtsc();
	while (APIC(0x390) > 0xffffffff - 20000000)
		pause();
	ticks_per_us = (rdtsc() - start) / 20000 + 1;
	APIC(0x380) = 0;
}

void start_second_cpu(void)
{
	u64 i;

	if (second_cpu_up)
		return;
	for (i = 0; i < (u64)(trampoline_end - trampoline); i++)
		((volatile char *)0x8000UL)[i] = trampoline[i];
	APIC(0x310) = 1 << 24;
	APIC(0x300) = 0x4500;		/* INIT */
	for (i = rdtsc(); rdtsc() - i < microseconds(1000);)
		pause();
	APIC(0x310) = 1 << 24;
	APIC(0x300) = 0x4608;		/* start at 8000h */
	while (!second_cpu_up)
		pause();
}

static void second_cpu(void)
{
	second_cpu_up = true;
	for (;;) {
		void (*job)(void) = second_cpu_job;

		if (job)
			job();
		pause();
	}
}

/* ---- guests ---- */

static void nested_build(void)
{
	unsigned int i, j;

	n_pml4[0] = (u64)n_pdpt | 7;
	for (i = 0; i < 4; i++) {
		n_pdpt[i] = (u64)n_pd[i] | 7;
		for (j = 0; j < 512; j++)
			n_pd[i][j] = (u64)i << 30 | (u64)j << 21 | 0x87;
	}
	n_split = 0;
}

u64 *nested_pte(u64 address)
{
	u64 *pde = &n_pd[address >> 30][address >> 21 & 511];

	if (*pde & 0x80)
		return pde;
	return (u64 *)(*pde & ~0xfffUL) + (address >> 12 & 511);
}

void nested_split(u64 address)
{
	u64 *pde = nested_pte(address & ~0x1fffffUL), *pt;
	unsigned int i;

	if (!(*pde & 0x80))
		return;
	pt = n_pt[n_split++];
	for (i = 0; i < 512; i++)
		pt[i] = (address & ~0x1fffffUL) | (u64)i << 12 | 7;
	*pde = (u64)pt | 7;
}

static void segment(struct vmcb_seg *seg, u16 selector, u16 attrib)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffffffff;
	seg->base = 0;
}

void guest_init(void (*function)(void))
{
	u64 cr;

	memset(&vmcb, 0, sizeof(vmcb));
	memset(permission_map, 0, sizeof(permission_map));
	nested_build();
	vmcb_intercept(&vmcb, INTERCEPT_INTR, true);
	vmcb_intercept(&vmcb, INTERCEPT_VMRUN, true);
	vmcb_intercept(&vmcb, INTERCEPT_VMMCALL, true);
	vmcb_intercept(&vmcb, INTERCEPT_SHUTDOWN, true);
	vmcb.c.iopm_base = (u64)permission_map;
	vmcb.c.msrpm_base = (u64)permission_map;
	vmcb.c.asid = 1;
	vmcb.c.tlb_control = TLB_CONTROL_ALL;
	vmcb.c.int_ctl = VINTR_MASKING;
	vmcb.c.np_enable = 1;
	vmcb.c.n_cr3 = (u64)n_pml4;
	vmcb.s.g_pat = 0x0007040600070406ULL;
	segment(&vmcb.s.cs, 0x08, 0xa9b);
	segment(&vmcb.s.ss, 0x10, 0xc93);
	vmcb.s.ds = vmcb.s.ss;
	vmcb.s.es = vmcb.s.ss;
	segment(&vmcb.s.tr, 0, 0x08b);
	segment(&vmcb.s.ldtr, 0, 0x082);
	vmcb.s.gdtr.base = (u64)gdt;
	vmcb.s.gdtr.limit = gdt_end - gdt - 1;
	vmcb.s.idtr.base = (u64)guest_idt;
	vmcb.s.idtr.limit = sizeof(guest_idt) - 1;
	vmcb.s.efer = rdmsr(MSR_EFER);
	asm volatile("mov %%cr4, %0" : "=r"(cr));
	vmcb.s.cr4 = cr;
	asm volatile("mov %%cr3, %0" : "=r"(cr));
	vmcb.s.cr3 = cr;
	asm volatile("mov %%cr0, %0" : "=r"(cr));
	vmcb.s.cr0 = cr;
	vmcb.s.dr6 = 0xffff0ff0;
	vmcb.s.dr7 = 0x400;
	vmcb.s.rflags = 2;
	vmcb.s.rip = (u64)function;
	vmcb.s.rsp = (u64)(guest_stack + sizeof(guest_stack) - 8);
	guest_fault = NULL;
}

u64 guest_run(void)
{
	do {
		vmrun(&vmcb, guest_regs);
		vmcb.c.tlb_control = TLB_CONTROL_NONE;
		stgi();
		sti();
		asm volatile("nop");
		cli();
	} while (vmcb.c.exit_code == EXIT_INTR);
	return vmcb.c.exit_code;
}

void bare_main(u32 cpu)
{
	u32 leaf[4];

	APIC(0xf0) = 0x1ff;
	APIC(0x80) = 0;
	wrmsr(MSR_VM_HSAVE_PA, (u64)&host_state[cpu]);
	if (cpu)
		second_cpu();
	fill_idt(host_idt, host_entries);
	fill_idt(guest_idt, guest_entries);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	measure_tsc();
	cpuid(0x8000000a, leaf);
	svm_features = leaf[3];
	test_features();
	test_asid();
	test_interrupts();
	test_memory();
	test_code();
	end();
}
