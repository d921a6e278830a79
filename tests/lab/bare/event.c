// SPDX-License-Identifier: GPL-2.0
/*
 * bare: events whose delivery meets trouble (APM2 8.2, 8.9, 15.7.2): pages of IDT,
 * GDT and stack that the hypervisor has just lost (pc-testdev), so that it must
 * take the event up again; and such as the guest itself has not mapped, so that
 * one exception grows out of another.
 */
#include "bare.h"

#define IDT_VA		0x8060000ff0UL	/* vector 1 begins a page */
#define STACK_VA	0x8070000000UL
#define VECTOR		0x33

extern u64 gdt[];
static volatile u32 count, nested;
static volatile u64 came_from;
static bool is_interrupt;

static void counted(struct frame *f)
{
	count++;
	came_from = f->rip;
	if (is_interrupt)
		apic_eoi();
}

/* ---- what the hypervisor has lost ------------------------------------------------- */

static u8 *stack;

/* Run @insn with rsp at the middle of a page that has just been lost. */
#define ON_LOST_STACK(insn) do {					\
	forget_page(stack);						\
	asm volatile("mov %%rsp, %%rbx\n	mov %0, %%rsp\n" insn	\
		     "\n	mov %%rbx, %%rsp"			\
		     : : "r"(stack + 2048), "a"(stack), "d"(0) : "rbx", "rcx", "memory"); \
} while (0)
#define LOSE	"	outl %%eax, $0xe4\n"

static void lost_idt(void)
{
	count = 0;
	forget_page(idt);
	asm volatile("int $0x33" : : : "memory");
	ok(count == 1, "INT n, the IDT lost");
	is_interrupt = true;
	sti();
	forget_page(idt);
	apic_icr(ICR_SELF | VECTOR, 0);
	moment();
	cli();
	is_interrupt = false;
	ok(count == 2, "an interrupt, the IDT lost");
	forget_page(idt);
	ok(TRY("ud2", : : : "memory") == 6, "#UD, the IDT lost");
	forget_page(idt);
	ok(TRY("divl %0", : : "r"(0), "a"(1), "d"(0) : "memory") == 0, "#DE, the IDT lost");
	forget_page(idt);
	ok(TRY("mov (%0), %%eax", : : "r"(STACK_VA - 4096) : "rax", "memory") == 14, "#PF, the IDT lost");
	forget_page(idt);
	ok(TRY("mov (%0), %%eax", : : "r"(0x1234567812345678) : "rax", "memory") == 13, "#GP, the IDT lost");
}

static void lost_stack(void)
{
	count = 0;
	ON_LOST_STACK(LOSE "int $0x33");
	ok(count == 1, "INT n, the stack lost");
	set_handler(3, counted);
	ON_LOST_STACK(LOSE "int3");
	ok(count == 2, "INT3, the stack lost");
	set_handler(3, NULL);
	is_interrupt = true;
	sti();
	ON_LOST_STACK("	mov $0xfee00300, %%ecx\n" LOSE "	movl $0x40033, (%%rcx)\n	jmp 1f\n1:	nop");
	cli();
	ok(count == 3, "an interrupt, the stack lost (%u)", count);
	is_interrupt = false;
	ON_LOST_STACK("	movq $1f, resume_rip\n" LOSE "	ud2\n1:	movq $0, resume_rip");
	ok(caught.vector == 6, "#UD, the stack lost");
	ON_LOST_STACK("	movq $1f, resume_rip\n" LOSE "	xor %%ecx, %%ecx\n	divl %%ecx\n"
		      "1:	movq $0, resume_rip");
	ok(caught.vector == 0, "#DE, the stack lost");
	count = 0;
	set_handler(2, counted);
	ON_LOST_STACK("	mov $0xfee00300, %%ecx\n" LOSE "	movl $0x44400, (%%rcx)\n	jmp 1f\n1:	nop");
	ok(count == 1, "an NMI, the stack lost");
	set_handler(2, NULL);
}

static void lost_gdt(void)
{
	count = 0;
	forget_page((void *)((u64)gdt & ~4095ULL));
	asm volatile("int $0x33" : : : "memory");
	ok(count == 1, "INT n, the GDT lost");
	is_interrupt = true;
	sti();
	forget_page((void *)((u64)gdt & ~4095ULL));
	apic_icr(ICR_SELF | VECTOR, 0);
	moment();
	cli();
	ok(count == 2, "an interrupt, the GDT lost");
	is_interrupt = false;
}

/* ---- IRET from an NMI's handler ------------------------------------------------------ */

extern char iret_to[];
static u64 *iret_stack;

static void second_nmi(struct frame *f)
{
	nested++;
	came_from = f->rip;
}

/* A second one is sent, then the IRET meets a stack that the hypervisor has lost. */
static void first_nmi(struct frame *f)
{
	(void)f;
	count++;
	set_handler(2, second_nmi);
	apic_icr(ICR_SELF | ICR_NMI, 0);
	if (nested)
		count = 99;		/* within a handler it must wait */
	forget_page(iret_stack);
	asm volatile("mov %%rsp, %%rbx\n"
		     "	mov %0, %%rsp\n"
		     "	mov %%ss, %%ecx\n	push %%rcx\n	push %%rbx\n"
		     "	pushfq\n	mov %%cs, %%ecx\n	push %%rcx\n"
		     "	push $iret_to\n"
		     "	mov %1, %%eax\n	outl %%eax, $0xe4\n"
		     "	iretq\n"
		     "iret_to:	nop\n"
		     : : "r"((u64)iret_stack + 1024), "r"((u32)(u64)iret_stack)
		     : "rax", "rbx", "rcx", "memory");
}

static void nmi_and_iret(void)
{
	iret_stack = page_alloc();
	count = 0;
	nested = 0;
	set_handler(2, first_nmi);
	apic_icr(ICR_SELF | ICR_NMI, 0);
	moment();
	ok(count == 1 && nested == 1, "a second NMI waits for the IRET (%u, %u)", count, nested);
	ok(came_from == (u64)iret_to, "and comes right after it, its stack lost");
	set_handler(2, NULL);
}

/* An NMI's handler that faults: the #GP's IRET ends the blocking. */
static void faulting_nmi(struct frame *f)
{
	(void)f;
	if (++count > 1)
		return;
	apic_icr(ICR_SELF | ICR_NMI, 0);
	nested = count;
	TRY("ud2", : : : "memory");
	moment();
	nested = nested << 8 | count;
}

static void nmi_with_fault(void)
{
	count = 0;
	nested = 0;
	set_handler(2, faulting_nmi);
	apic_icr(ICR_SELF | ICR_NMI, 0);
	moment();
	ok(count == 2 && nested == 0x102, "an exception's IRET lets the next NMI in (%#x)", nested);
	set_handler(2, NULL);
}

/* HLT within an NMI's handler is not ended by an NMI that waits for its end. */
static volatile u32 ticks, ticks_then;

static void ticked(struct frame *f)
{
	(void)f;
	ticks++;
	apic_eoi();
}

static void halting_nmi(struct frame *f)
{
	(void)f;
	if (count++)
		return;
	apic_icr(ICR_SELF | ICR_NMI, 0);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, VECTOR + 1);
	apic_write(APIC_TMICT, 10000000);
	asm volatile("sti\n	hlt\n	cli" : : : "memory");
	ticks_then = ticks;
}

static void nmi_that_halts(void)
{
	count = 0;
	ticks = 0;
	set_handler(VECTOR + 1, ticked);
	set_handler(2, halting_nmi);
	apic_icr(ICR_SELF | ICR_NMI, 0);
	moment();
	ok(ticks_then == 1, "HLT in an NMI's handler lasts to the interrupt (%u)", ticks_then);
	ok(count == 2, "and the NMI that waited comes (%u)", count);
	apic_write(APIC_LVTT, 0x10000);
	set_handler(2, NULL);
}

/* ---- what the guest has not mapped ------------------------------------------------------ */

static void load_idt(u64 base)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) d = { 4095, base };

	asm volatile("lidt %0" : : "m"(d));
}

static u8 *idt_pages;

/* Another IDT, whose vectors from 16 up are in a second page, at a distance */
static void set_idt(bool second)
{
	u64 va = IDT_VA & ~4095ULL;
	unsigned int v;

	if (!idt_pages)
		idt_pages = big_alloc();
	memset(idt_pages, 0, 8192);
	for (v = 0; v < 256; v++)
		set_gate(idt_pages + 4096 - 256, v, 3, v == 8);
	map(va, (u64)idt_pages | PTE_P | PTE_W, 0);
	map(va + 4096, second ? (u64)(idt_pages + 4096) | PTE_P | PTE_W : 0, 0);
	load_idt(va + 4096 - 256);
}

static void missing_idt(void)
{
	u64 va = (IDT_VA & ~4095ULL) + 4096, gate = va + (0x33 - 16) * 16;

	set_idt(false);
	ok(TRY("int $0x33", : : : "memory") == 14, "INT n, its gate's page missing: #PF (%lu)", caught.vector);
	ok(caught.cr2 >= gate && caught.cr2 < gate + 16, "CR2 is the gate's");
	ok(!(caught.error & 7), "its error tells of a supervisor's read (%#lx)", caught.error);
	/* The vector's entry cannot be read: it is taken from the APIC, and gone. */
	caught.vector = NOTHING;
	asm volatile("movq $1f, resume_rip\n	sti\n	movl $0x40033, (%0)\n	jmp 2f\n2:	nop\n"
		     "1:	movq $0, resume_rip\n	cli" : : "r"(0xfee00300UL) : "memory");
	ok(caught.vector == 14, "an interrupt likewise (%lu)", caught.vector);
	load_idt((u64)idt);
	while (apic_read(APIC_ISR + 0x10))
		apic_eoi();
	ok(!apic_read(APIC_IRR + 0x10), "which is in service then");
}

static void bad_gates(void)
{
	u64 *gate;

	set_idt(true);
	gate = (u64 *)((IDT_VA & ~4095ULL) + 4096 - 256 + 0x35 * 16);
	gate[0] &= ~BIT(47);
	ok(TRY("int $0x35", : : : "memory") == 11 && caught.error == (0x35 * 8 | 2),
	   "a gate that is not present: #NP (%lu, %#lx)", caught.vector, caught.error);
	gate[0] = (gate[0] & ~(0x1fULL << 40)) | BIT(47) | 0x05ULL << 40;
	ok(TRY("int $0x35", : : : "memory") == 13 && caught.error == (0x35 * 8 | 2),
	   "one of a wrong type: #GP (%lu, %#lx)", caught.vector, caught.error);
	set_gate((void *)((u64)gate - 0x35 * 16), 0x35, 0, 0);
	gate[0] = (gate[0] & ~0xffff0000ULL) | 0x10 << 16;
	ok(TRY("int $0x35", : : : "memory") == 13 && caught.error == 0x10,
	   "a code segment that is data: #GP (%lu, %#lx)", caught.vector, caught.error);
	gate[0] = (gate[0] & ~0xffff0000ULL) | 0x40 << 16;
	gdt[8] = gdt[1] & ~BIT(47);
	ok(TRY("int $0x35", : : : "memory") == 11 && caught.error == 0x40,
	   "a code segment that is not present: #NP (%lu, %#lx)", caught.vector, caught.error);
	gdt[8] = 0;
	ok(TRY("int $0x35", : : : "memory") == 13 && caught.error == 0x40,
	   "no code segment: #GP (%lu, %#lx)", caught.vector, caught.error);
	load_idt((u64)idt);
}

static volatile u32 doubles;

static void doubled(struct frame *f)
{
	doubles++;
	f->rip = resume_rip;
	f->rsp = came_from;
	f->ss = 0x10;
	f->cs = 8;
	f->rflags = 2;
}

/* rsp where nothing is: the #PF cannot be pushed, which makes a double fault. */
static void missing_stack(void)
{
	set_handler(8, doubled);
	doubles = 0;
	asm volatile("mov %%rsp, %0\n	movq $1f, resume_rip\n"
		     "	mov %1, %%rsp\n	ud2\n"
		     "1:	movq $0, resume_rip"
		     : "=m"(came_from) : "r"(STACK_VA + 0x800000) : "memory");
	ok(doubles == 1, "#UD on a stack that is missing: #PF, then #DF");
	asm volatile("mov %%rsp, %0\n	movq $1f, resume_rip\n"
		     "	mov %1, %%rsp\n	push %%rax\n"
		     "1:	movq $0, resume_rip"
		     : "=m"(came_from) : "r"(STACK_VA + 0x800000) : "memory");
	ok(doubles == 2, "PUSH there likewise");
	set_handler(8, NULL);
}

/* ---- halts -------------------------------------------------------------------------------- */

static void halts(void)
{
	unsigned int i;

	count = 0;
	is_interrupt = true;
	for (i = 0; i < 100; i++) {
		cli();
		apic_icr(ICR_SELF | VECTOR, 0);
		asm volatile("sti\n	hlt" : : : "memory");
	}
	cli();
	ok(count == 100, "STI, HLT with an interrupt that waits (%u)", count);
	is_interrupt = false;
}

void test_event(void)
{
	if (!has_testdev()) {
		note("no pc-testdev");
		return;
	}
	stack = page_alloc();
	set_handler(VECTOR, counted);
	lost_idt();
	lost_stack();
	lost_gdt();
	nmi_and_iret();
	nmi_with_fault();
	nmi_that_halts();
	missing_idt();
	bad_gates();
	missing_stack();
	halts();
}
