/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bare: what the files of the kernel for tests share. See bare.c.
 */
#ifndef BACKPLANE_TESTS_BARE_H
#define BACKPLANE_TESTS_BARE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1ULL << (n))

/* ---- bare.c ------------------------------------------------------------------- */
/* A point: "pass NAME" or "fail NAME", on the serial line. @good comes first. */
#define ok(good, ...) do {						\
	bool good_ = good;						\
	point(good_, __VA_ARGS__);					\
} while (0)
void point(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

/* A vector without a handler: what came last, and on to where TRY() says. */
struct caught {
	u64 vector, error, rip, cr2, rflags;
	u32 count;
};
extern struct caught caught;
extern u64 resume_rip;
#define NOTHING		0xffff

/* Run @insn; the vector it raised, or NOTHING. */
#define TRY(insn, ...) ({						\
	caught.vector = NOTHING;					\
	asm volatile("movq $1f, resume_rip\n" insn "\n1:	movq $0, resume_rip" \
		     __VA_ARGS__);					\
	caught.vector; })

typedef void (*handler_fn)(struct frame *f);
void set_handler(unsigned int vector, handler_fn fn);	/* NULL: none */
void set_gate(void *idt, unsigned int vector, unsigned int dpl, unsigned int ist);
extern u8 idt[4096];

void *page_alloc(void);			/* zeroed, 4 KiB */
void *big_alloc(void);			/* 2 MiB, not zeroed */
/* The entry of @va at @level (0: 4 KiB), its tables made if need be. */
u64 *pte_of(u64 va, unsigned int level);
void map(u64 va, u64 entry, unsigned int level);
#define PTE_P		BIT(0)
#define PTE_W		BIT(1)
#define PTE_U		BIT(2)
#define PTE_PCD		BIT(4)
#define PTE_A		BIT(5)
#define PTE_D		BIT(6)
#define PTE_PS		BIT(7)
#define PTE_NX		BIT(63)
#define TEST_VA		0x8000000000ULL	/* and up: nobody's */
/* Make the hypervisor lose what it mapped at @pa (pc-testdev). */
void forget_page(const void *pa);
bool has_testdev(void);

extern unsigned int nr_cpus;
u32 cpu_apic_id(unsigned int cpu);
/* Run @fn on CPU @cpu, 1 and up; does not wait. */
void on_cpu(unsigned int cpu, void (*fn)(void *), void *arg);
void wait_cpu(unsigned int cpu);
void delay_us(unsigned int us);
/* Wait up to a second for *@p >= @n. */
bool reached(volatile u32 *p, u32 n);

/* ---- the local APIC: apic.c ----------------------------------------------------- */
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 v);
void apic_icr(u32 low, u32 dest);
void apic_eoi(void);
void apic_enable(void);
bool is_x2apic(void);

#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_PPR	0xa0
#define APIC_EOI	0xb0
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SVR	0xf0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LVT0	0x350
#define APIC_LVTERR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define ICR_ASSERT	0x4000
#define ICR_NMI		0x400
#define ICR_SELF	0x40000
#define ICR_OTHERS	0xc0000

/* ---- the groups ------------------------------------------------------------------- */
void test_apic(void);
void test_x2apic(void);
void test_ioapic(void);
void test_emul(void);
void test_emul_more(void);
void test_real(void);
void test_event(void);
void test_debug(void);
void test_access(void);
void test_msr(void);
void test_misc(void);
void test_pcitest(void);
void test_reset(void);
void test_sysenter(void);
void test_syscall(void);
void test_task(void);
void test_task_more(void);
void test_pv(void);
/* @rdi is what the code at @rip, CPL 3, finds; back by INT 20h or by a fault. */
void user_enter(u64 rip, u64 rsp, u64 rdi);
void user_leave(void);

/* ---- the CPU ---------------------------------------------------------------------- */
static inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { asm volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}
static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
/* The vector it raises, or NOTHING. */
static inline u64 try_wrmsr(u32 msr, u64 v)
{
	return TRY("wrmsr", : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline u64 try_rdmsr(u32 msr)
{
	u32 lo, hi;

	return TRY("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
}
static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (u64)hi << 32;
}
static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(leaf), "c"(sub));
}
static inline bool has_cpuid(u32 leaf, unsigned int reg, unsigned int bit)
{
	u32 r[4];

	cpuid(leaf, 0, r);
	return r[reg] >> bit & 1;
}
#define GET_REG(name) ({ u64 v_; asm volatile("mov %%" name ", %0" : "=r"(v_)); v_; })
#define SET_REG(name, v) asm volatile("mov %0, %%" name : : "r"((u64)(v)) : "memory")
static inline void invlpg(u64 va) { asm volatile("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void sti(void) { asm volatile("sti" : : : "memory"); }
static inline void cli(void) { asm volatile("cli" : : : "memory"); }
static inline void nop(void) { asm volatile("nop" : : : "memory"); }
static inline void pause(void) { asm volatile("pause" : : : "memory"); }
/* Long enough for an interrupt that is on its way to oneself */
static inline void moment(void)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		pause();
}
static inline void sti_nop_cli(void) { asm volatile("sti\nnop\nnop\ncli" : : : "memory"); }
static inline u64 get_rflags(void)
{
	u64 v;

	asm volatile("pushf\npop %0" : "=r"(v));
	return v;
}
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
