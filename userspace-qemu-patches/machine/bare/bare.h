/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the bare test program share: console and verdicts, the
 * local APIC, traps of host and guest, and a guest that needs only a
 * function. The program runs on the emulated machine without an operating
 * system, so that each rule of APM2 chapter 15 is seen by itself.
 */
#ifndef BACKPLANE_BARE_H
#define BACKPLANE_BARE_H

#include "svm/vmcb.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* ---- instructions ---- */

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline void outb(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static inline void cpuid(u32 leaf, u32 out[4])
{
	asm volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
		     : "a"(leaf), "c"(0));
}

static inline void pause(void) { asm volatile("pause" : : : "memory"); }
static inline void stgi(void) { asm volatile("stgi" : : : "memory"); }
static inline void clgi(void) { asm volatile("clgi" : : : "memory"); }
static inline void sti(void) { asm volatile("sti" : : : "memory"); }
static inline void cli(void) { asm volatile("cli" : : : "memory"); }
static inline void vmmcall(void) { asm volatile("vmmcall" : : : "memory"); }

#define MSR_EFER	0xc0000080U
#define MSR_PAT		0x277U
#define MSR_VM_HSAVE_PA	0xc0010117U

/* CPUID 8000000Ah EDX */
#define SVM_NRIPS		BIT(3)
#define SVM_CLEAN		BIT(5)
#define SVM_FLUSH_ASID		BIT(6)
#define SVM_DECODE		BIT(7)
extern u32 svm_features;

/* ---- console and verdicts ---- */

/* %s, %d, %x (64 bits, no prefix); everything else as it stands. */
void print(const char *format, ...);
void ok(bool good, const char *what, ...);
void skip(const char *what, const char *why);
u64 microseconds(u64 n);		/* in ticks of the TSC, measured */

/* ---- traps ---- */

struct trap {
	u64 rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

extern volatile u32 host_count[256], guest_count[256];
/* Called for a guest's exception below 32; by default the program ends. */
extern void (*guest_fault)(struct trap *t);
extern void (*host_fault)(struct trap *t);

/* ---- local APIC ---- */

void apic_timer(u8 vector, u32 us);	/* once */
void apic_ipi(u8 vector, u8 to);
extern void (*volatile second_cpu_job)(void);	/* NULL: it idles */
void start_second_cpu(void);

/* ---- guests ---- */

#define GUEST_STACK	16384
extern struct vmcb vmcb;
extern u64 guest_regs[3];		/* RBX, RCX, RDX */

/* A guest in long mode at privilege 0 in the host's own address space (nested
 * paging on, guest-physical = host-physical), about to call FUNCTION, which
 * ends by vmmcall(). Intercepted: INTR, VMRUN, VMMCALL, SHUTDOWN.
 */
void guest_init(void (*function)(void));
/* Until the exit is another than INTR; returns its code. */
u64 guest_run(void);
void vmrun(struct vmcb *vmcb, u64 *regs);
u64 *nested_pte(u64 address);		/* the 2 MiB or 4 KiB entry of the nested table */
void nested_split(u64 address);		/* 2 MiB to 4 KiB entries */

/* ---- the tests ---- */
void test_interrupts(void);
void test_features(void);
void test_asid(void);
void test_memory(void);
void test_code(void);

#endif
