// SPDX-License-Identifier: GPL-2.0
/*
 * runabi: what a VMM reads in kvm_run and in the registers when KVM_RUN has come
 * back, and what it may change there: when an interrupt may be given, where rip
 * stands, what is left of a guest that ended. Without a VMM; TAP on stdout. The
 * in-tree stack passes the same points.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "smallvm.h"

static const uint8_t halt[] = { 0xf4 };

static struct kvm_regs regs(struct smallvm *g)
{
	struct kvm_regs r = { 0 };

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	return r;
}

/* ---- interrupts from user space ------------------------------------------------ */

/* KVM_RUN that runs nothing: may an interrupt be given now? */
static bool ready(struct smallvm *g)
{
	g->run->immediate_exit = 1;
	smallvm_run(g);
	g->run->immediate_exit = 0;
	return g->run->ready_for_interrupt_injection;
}

static bool ready_with(struct smallvm *g, const struct kvm_vcpu_events *e)
{
	ioctl(g->vcpu, KVM_SET_VCPU_EVENTS, e);
	return ready(g);
}

/* The handler of what is being delivered may want no interrupts. */
static void only_between_instructions(void)
{
	struct kvm_vcpu_events none = { 0 }, fault = none, nmi = none;
	struct kvm_regs r;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), false))
		return;
	smallvm_long(&g, VM_CODE);
	ok(!ready(&g), "no interrupt while the guest wants none");
	r = regs(&g);
	r.rflags |= 1 << 9;
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	ok(ready_with(&g, &none), "one when it does");
	fault.exception.injected = 1;
	fault.exception.nr = 14;
	fault.exception.has_error_code = 1;
	ok(!ready_with(&g, &fault), "not while an exception is being delivered");
	nmi.nmi.injected = 1;
	ok(!ready_with(&g, &nmi), "nor an NMI");
	ok(ready_with(&g, &none), "afterwards again");
	g.run->request_interrupt_window = 1;
	ok(smallvm_run(&g) == KVM_EXIT_IRQ_WINDOW_OPEN, "who waits for that is told");
	smallvm_close(&g);
}

/* sti; hlt, the idle loop: HLT runs in STI's shadow, where no window opens. */
static void window_in_a_halt(void)
{
	static const uint8_t code[] = {
		0xfb, 0xf4, 0xe6, 0x80,			/* sti; hlt; out 80h, al */
		0xe6, 0x81, 0x48, 0xcf,			/* out 81h, al; iretq */
	};
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_interrupt irq = { .irq = 0x30 };
	struct smallvm g = { .vm = ioctl(kvm, KVM_CREATE_VM, 0) };
	int r;

	if (!ok(!ioctl(g.vm, KVM_ENABLE_CAP, &split) && smallvm_fill(&g, code, sizeof(code)),
		"a VM with the PIC in user space"))
		return;
	smallvm_long(&g, VM_CODE);
	smallvm_gate(&g, irq.irq, VM_CODE + 4);
	g.run->request_interrupt_window = 1;
	alarm(10);
	r = smallvm_run(&g);
	ok(r == KVM_EXIT_IRQ_WINDOW_OPEN, "the window opens in a halt, too (%d)", r);
	g.run->request_interrupt_window = 0;
	ioctl(g.vcpu, KVM_INTERRUPT, &irq);
	ok(smallvm_out(&g, 0x81) >= 0 && smallvm_out(&g, 0x80) >= 0,
	   "what is given then is delivered, and ends it");
	alarm(0);
	smallvm_close(&g);
}

/* With all chips in the kernel nobody injects from outside. */
static void window_of_nobody(void)
{
	static const uint8_t code[] = { 0xfb, 0x90, 0xe6, 0x80 };	/* sti; nop; out 80h, al */
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	g.run->request_interrupt_window = 1;
	alarm(10);
	ok(smallvm_out(&g, 0x80) >= 0, "a window that is asked for without need holds nothing up");
	alarm(0);
	smallvm_close(&g);
}

/* INT n starts over by itself: restored as an interrupt it would come twice. */
static void software_interrupts(void)
{
	struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 33, .soft = 1 } };
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ok(!ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) && !ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   !e.interrupt.injected, "a software interrupt in delivery is no event");
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	ok(!s.interrupt_bitmap[0], "nor in the registers' bitmap");
	smallvm_close(&g);
}

/* ---- the task priority ------------------------------------------------------------- */

static void map_apic(struct smallvm *g)
{
	uint64_t *pdpt = (void *)(g->ram + VM_TABLES + 0x1000), *pd = pdpt + 1024;

	pdpt[3] = (VM_TABLES + 0x3000) | 3;
	pd[0xfee00000 >> 21 & 511] = 0xfee00000 | 0x83;
}

static bool tpr_access(struct smallvm *g, uint64_t rip, bool write)
{
	return smallvm_run(g) == KVM_EXIT_TPR_ACCESS && g->run->tpr_access.rip == rip &&
	       g->run->tpr_access.is_write == write;
}

/* What QEMU does for guests that change their priority all the time. */
static void task_priorities(void)
{
	static const uint8_t code[] = {
		0xb8, 0x80, 0x00, 0xe0, 0xfe,		/* mov eax, fee00080h */
		0xc7, 0x00, 0x20, 0x00, 0x00, 0x00,	/* mov dword [rax], 20h */
		0x8b, 0x08,				/* mov ecx, [rax] */
		0xe6, 0x80,				/* out 80h, al */
		0xc6, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00, 0x40,	/* mov byte [5000h], 40h */
		0x8b, 0x08, 0x89, 0xc8,			/* mov ecx, [rax]; mov eax, ecx */
		0xe7, 0x81,				/* out 81h, eax */
	};
	struct kvm_tpr_access_ctl ctl = { .enabled = 1, .flags = 1 };
	struct kvm_vapic_addr page = { .vapic_addr = 0x5000 };
	struct kvm_lapic_state apic;
	struct smallvm g;
	int64_t v;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	map_apic(&g);
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VAPIC) == 1, "accesses to the TPR are told");
	refused(ioctl(g.vcpu, KVM_TPR_ACCESS_REPORTING, &ctl), EINVAL, "an unknown flag for that");
	ctl.flags = 0;
	ok(!ioctl(g.vcpu, KVM_TPR_ACCESS_REPORTING, &ctl), "who wants to know of them");
	ok(tpr_access(&g, VM_CODE + 5, true) && regs(&g).rip == VM_CODE + 11,
	   "a store leaves when it is done");
	ok(tpr_access(&g, VM_CODE + 11, false) && regs(&g).rcx == 0x20, "so does a load");
	ctl.enabled = 0;
	ok(!ioctl(g.vcpu, KVM_TPR_ACCESS_REPORTING, &ctl) && smallvm_out(&g, 0x80) >= 0, "no more");
	ok(!ioctl(g.vcpu, KVM_SET_VAPIC_ADDR, &page), "the guest's own page for it");
	v = smallvm_out(&g, 0x81);
	ok(v == 0x40, "what it writes there is its priority (%#llx)", (long long)v);
	ioctl(g.vcpu, KVM_GET_LAPIC, &apic);
	ok(*(uint32_t *)(apic.regs + 0x80) == 0x40, "its APIC's state has it");
	smallvm_close(&g);
}

/* ---- registers ------------------------------------------------------------------- */

/* An access is complete with the next KVM_RUN, and rip moves then. */
static void rip_at_a_port(void)
{
	static const uint8_t code[] = {
		0xe6, 0x80,				/* out 80h, al */
		0xe4, 0x80,				/* in al, 80h */
		0xe6, 0x7e,				/* out 7eh, al */
		0xe6, 0x7e, 0xe6, 0x81,
	};
	struct kvm_enable_cap off = { .cap = KVM_CAP_DISABLE_QUIRKS2,
				      .args = { KVM_X86_QUIRK_OUT_7E_INC_RIP } };
	struct kvm_regs r;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	ok(smallvm_out(&g, 0x80) >= 0 && regs(&g).rip == VM_CODE, "rip is at an OUT that left");
	ok(smallvm_run(&g) == KVM_EXIT_IO && regs(&g).rip == VM_CODE + 2, "and at an IN");
	ok(smallvm_out(&g, 0x7e) >= 0 && regs(&g).rip == VM_CODE + 6,
	   "but behind an OUT to port 7eh");
	ok(!ioctl(g.vm, KVM_ENABLE_CAP, &off) && smallvm_out(&g, 0x7e) >= 0 &&
	   regs(&g).rip == VM_CODE + 6, "unless that is switched off");
	r = regs(&g);
	r.rip = VM_CODE + 8;
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	ok(smallvm_out(&g, 0x81) >= 0, "a VMM may move it itself");
	smallvm_close(&g);
}

/* What the CPU keeps of segments is told as any CPU would have it. */
static void segments(void)
{
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	smallvm_long(&g, VM_CODE);
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.ds.type = s.fs.type = 2;
	s.ss = (struct kvm_segment){ .unusable = 1, .db = 1, .dpl = 3 };
	s.tr.type = 9;
	ok(!ioctl(g.vcpu, KVM_SET_SREGS, &s) && !ioctl(g.vcpu, KVM_GET_SREGS, &s) &&
	   s.ds.type == 3 && s.fs.type == 3, "data segments have been accessed");
	ok(s.ss.unusable && s.ss.dpl == 3 && !s.ss.db, "SS that is null has a level still");
	ok(s.tr.type == 11, "a task is busy");
	smallvm_close(&g);
}

static void apic_in_cpuid(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e;
	} c = { .head.nent = 1, .e = { .function = 1 } };
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_SET_CPUID2, &c);
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &c) && c.e.edx >> 9 & 1,
	   "CPUID has an APIC while it is on");
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.apic_base &= ~(1ULL << 11);
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &c) && !(c.e.edx >> 9 & 1), "and not while it is off");
	smallvm_close(&g);
}

#define EFER	0xc0000080

/* Of SMM's memory and old counters kernels read what there is on any PC. */
static void registers_that_are_empty(void)
{
	static const uint32_t empty[] = { 0xc1, 0x199, 0xc0010112, 0xc001102c };
	unsigned int i, n = 0;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	for (i = 0; i < sizeof(empty) / sizeof(*empty); i++)
		n += !smallvm_get_msr(&g, empty[i]);
	ok(n == i, "MSRs that are there and empty (%u of %u)", n, i);
	smallvm_close(&g);
}

/* LMA is the CPU's own, whatever order a VMM restores registers in. */
static void efer(void)
{
	static const uint8_t code[] = {
		0xe6, 0x80,				/* out 80h, al */
		0xb9, 0x80, 0x00, 0x00, 0xc0,		/* mov ecx, EFER */
		0x0f, 0x32, 0x80, 0xcc, 0x08,		/* rdmsr; or ah, NX */
		0x0f, 0x30, 0xe6, 0x81,			/* wrmsr; out 81h, al */
	};
	uint32_t features = 0;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	ok(smallvm_set_msr(&g, EFER, 0x500) == 1 && smallvm_get_msr(&g, EFER) == 0x100,
	   "EFER as an MSR brings no LMA");
	smallvm_long(&g, VM_CODE);
	ok(smallvm_set_msr(&g, EFER, 0x101) == 1 && smallvm_get_msr(&g, EFER) == 0x501,
	   "and takes none");
	ok(smallvm_out(&g, 0x80) >= 0, "the guest is in long mode still");
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "NX without its CPUID is #GP for the guest");
	smallvm_close(&g);
	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_cpuid(&g, &features);
	smallvm_long(&g, VM_CODE);
	ok(smallvm_out(&g, 0x80) >= 0 && smallvm_out(&g, 0x81) >= 0, "with it it is set");
	smallvm_close(&g);
}

/* ---- hypercalls ------------------------------------------------------------------- */

/* The kernel's code of 32 bits, in long mode. */
static void narrow_hypercalls(void)
{
	static const uint8_t code[] = {
		0xb8, 0x0c, 0x00, 0x00, 0x00,		/* mov eax, KVM_HC_MAP_GPA_RANGE */
		0xbb, 0x00, 0x00, 0x10, 0x00,		/* mov ebx, 100000h */
		0xb9, 0x01, 0x00, 0x00, 0x00,		/* mov ecx, 1 */
		0x31, 0xd2, 0x0f, 0x01, 0xd9,		/* xor edx, edx; vmmcall */
		0xe7, 0x80,				/* out 80h, eax */
		0xb8, 0x09, 0x00, 0x00, 0x00,		/* mov eax, KVM_HC_CLOCK_PAIRING */
		0xbb, 0x00, 0x70, 0x00, 0x00,		/* mov ebx, 7000h */
		0x31, 0xc9, 0x0f, 0x01, 0xd9,		/* xor ecx, ecx; vmmcall */
		0xe7, 0x81,				/* out 81h, eax */
	};
	struct kvm_enable_cap tell = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << 12 } };
	struct kvm_sregs s;
	struct smallvm g;
	int64_t v;
	int l;

	for (l = 0; l < 2; l++) {
		if (!smallvm_open(&g, code, sizeof(code), true))
			return;
		smallvm_long(&g, VM_CODE);
		ioctl(g.vcpu, KVM_GET_SREGS, &s);
		s.cs = smallvm_seg(8, 11, l, !l);
		ioctl(g.vcpu, KVM_SET_SREGS, &s);
		ok(!ioctl(g.vm, KVM_ENABLE_CAP, &tell) && smallvm_run(&g) == KVM_EXIT_HYPERCALL &&
		   (int)(g.run->hypercall.longmode & 1) == l, "a hypercall of %d bits leaves",
		   l ? 64 : 32);
		g.run->hypercall.ret = -5ULL;
		ok(smallvm_out(&g, 0x80) == 0xfffffffb && regs(&g).rax >> 32 == (l ? 0xffffffff : 0),
		   "and is answered in as many");
		v = smallvm_out(&g, 0x81);
		ok(v == 0 || (int32_t)v == -95, "a pair of clocks is given, or there is none (%d)",
		   (int)v);
		smallvm_close(&g);
	}
}

/* ---- the end of a guest -------------------------------------------------------------- */

/* FLD of a device's register: nobody emulates that. */
static const uint8_t impossible[] = {
	0xb8, 0x00, 0x00, 0x80, 0x00,			/* mov eax, 800000h */
	0xd9, 0x00,					/* fld dword [rax] */
};

static void map_device(struct smallvm *g)
{
	uint64_t *table = (void *)(g->ram + VM_TABLES);

	table[0] |= 4;			/* for programs, too */
	table[512] |= 4;
	table[1024 + 4] = VM_RAM | 0x87;
}

static void no_emulation(void)
{
	struct kvm_enable_cap all = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 } };
	struct kvm_vcpu_events e;
	struct smallvm g;
	int i;

	for (i = 0; i < 2; i++) {
		if (!smallvm_open(&g, impossible, sizeof(impossible), true))
			return;
		smallvm_long(&g, VM_CODE);
		map_device(&g);
		if (i)
			ioctl(g.vm, KVM_ENABLE_CAP, &all);
		ok(smallvm_run(&g) == KVM_EXIT_INTERNAL_ERROR &&
		   g.run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION,
		   "an instruction that cannot be emulated ends the kernel that has it");
		ok(g.run->emulation_failure.ndata >= 3 &&
		   g.run->emulation_failure.flags == KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES &&
		   g.run->emulation_failure.insn_size >= 2 &&
		   !memcmp(g.run->emulation_failure.insn_bytes, "\xd9\x00", 2),
		   "which is told with its bytes");
		ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
		ok(e.exception.injected == !i && (i || e.exception.nr == 6),
		   i ? "user space asked for all: nothing waits for the guest" :
		       "should it run on, it gets #UD");
		smallvm_close(&g);
	}
}

/* A program jumps to where a device is. */
static void code_in_a_device(void)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	smallvm_long(&g, VM_CODE);
	map_device(&g);
	memcpy(g.ram + 0x3000, "\xe6\x82", 2);		/* out 82h, al */
	smallvm_gate(&g, 6, 0x3000);
	*(uint32_t *)(g.ram + 0xb004) = 0x7000;		/* RSP0 */
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.tr = (struct kvm_segment){ .selector = 0x20, .type = 11, .present = 1,
				     .base = 0xb000, .limit = 0x67 };
	s.cs.selector = 0x1b;
	s.ss.selector = 0x23;
	s.cs.dpl = s.ss.dpl = 3;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	r = regs(&g);
	r.rip = VM_RAM;
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	ok(smallvm_out(&g, 0x82) >= 0, "a program that runs into a device gets #UD");
	smallvm_close(&g);
}

#define UNMAPPED_CODE	(1UL << 21)	/* two pages of 4 KiB there */
#define ITS_TABLE	0x14000

/* Answers until the guest has told of its end; false: it left for something else. */
static bool finish_unmapped(struct smallvm *g, uint64_t page, bool *wrong)
{
	uint64_t *pte = (uint64_t *)(g->ram + ITS_TABLE) + (page - UNMAPPED_CODE) / 4096;
	bool in_handler;
	struct kvm_sregs s;
	int i, r;

	for (i = 0; i < 10; i++) {
		r = smallvm_run(g);
		in_handler = regs(g).rip < UNMAPPED_CODE;
		if (r == KVM_EXIT_MMIO) {
			memset(g->run->mmio.data, 0, 8);
			g->run->mmio.data[0] = in_handler ? 7 : 5;
			if (!in_handler && i < 1)
				*pte = 0;
			continue;
		}
		if (r != KVM_EXIT_IO)
			return false;
		if (g->run->io.port == 0x80)
			return (uint32_t)regs(g).rax == 5;
		ioctl(g->vcpu, KVM_GET_SREGS, &s);
		*wrong |= (s.cr2 & ~0xfffULL) != page || regs(g).rcx != 7 ||
			  *(uint32_t *)(g->ram + regs(g).rsp) != 0x10;
		*pte = page | 3;
	}
	return false;
}

/*
 * Another CPU of the guest takes a page of the code away while user space answers what
 * the instruction there reads. A host may end it, or the guest's #PF comes first: its
 * handler reads the same register, for an answer of its own.
 */
static void code_unmapped_meanwhile(void)
{
	static const uint8_t insn[] = {
		0x03, 0x83, 0x10, 0, 0, 0,	/* add eax, [rbx + 10h] */
		0xe6, 0x80,			/* out 80h, al */
	}, handler[] = {
		0x31, 0xc9,			/* xor ecx, ecx */
		0x03, 0x8b, 0x10, 0, 0, 0,	/* add ecx, [rbx + 10h] */
		0xe6, 0x82,			/* out 82h, al */
		0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf,	/* add rsp, 8; iretq */
	};
	static const uint64_t at[] = { UNMAPPED_CODE + 0x800, UNMAPPED_CODE + 0xffe };
	bool wrong = false, ends;
	struct kvm_sregs s;
	struct kvm_regs r;
	struct smallvm g;
	uint64_t *pt;
	int i;

	for (i = 0; i < 2; i++) {
		if (!smallvm_open(&g, halt, sizeof(halt), true))
			return;
		smallvm_long(&g, VM_CODE);
		map_device(&g);
		pt = (uint64_t *)(g.ram + ITS_TABLE);
		pt[0] = UNMAPPED_CODE | 3;
		pt[1] = (UNMAPPED_CODE + 4096) | 3;
		((uint64_t *)(g.ram + VM_TABLES + 0x2000))[1] = ITS_TABLE | 3;
		memcpy(g.ram + at[i], insn, sizeof(insn));
		memcpy(g.ram + 0x3000, handler, sizeof(handler));
		smallvm_gate(&g, 14, 0x3000);
		ioctl(g.vcpu, KVM_GET_SREGS, &s);
		s.efer |= 1 << 11;		/* faults tell of a fetch */
		ioctl(g.vcpu, KVM_SET_SREGS, &s);
		r = regs(&g);
		r.rip = at[i];
		r.rbx = VM_RAM;
		r.rax = 0;
		ioctl(g.vcpu, KVM_SET_REGS, &r);
		ends = finish_unmapped(&g, UNMAPPED_CODE + i * 4096, &wrong);
		ok(ends, i ? "the second page of an instruction goes while user space answers" :
			     "the page of an instruction goes while user space answers");
		ok(!wrong, "a #PF of it is of that page, and its handler's reads are its own");
		smallvm_close(&g);
	}
}

/* A CPU's state is undefined then; it is told as after an INIT. */
static void after_a_shutdown(void)
{
	static const uint8_t code[] = { 0x0f, 0x0b };	/* ud2, without a handler */
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e;
	} c = { .head.nent = 1, .e = { .function = 1, .eax = 0x800f12 } };
	struct kvm_sregs s;
	struct kvm_regs r;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	ok(regs(&g).rdx == 0x600, "EDX of a vCPU without CPUID (%#llx)", regs(&g).rdx);
	ioctl(g.vcpu, KVM_SET_CPUID2, &c);
	smallvm_long(&g, VM_CODE);
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "a triple fault");
	r = regs(&g);
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	ok(r.rip == 0xfff0 && !r.rsp && s.cs.selector == 0xf000 && !(s.cr0 & 1) && !s.efer,
	   "the vCPU is at its reset vector (%#llx)", r.rip);
	ok(r.rdx == c.e.eax, "EDX has its signature (%#llx)", r.rdx);
	ok(smallvm_run(&g) == KVM_EXIT_INTERNAL_ERROR &&
	   g.run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	   !g.run->emulation_failure.flags, "where it runs on, if there is a ROM");
	smallvm_close(&g);
}

static void no_entry(void)
{
	struct kvm_sregs s;
	struct smallvm g;
	int r;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.efer = 1 << 20;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	r = smallvm_run(&g);
	ok(r == KVM_EXIT_FAIL_ENTRY &&
	   g.run->fail_entry.hardware_entry_failure_reason == 0xffffffff,
	   "a state that no CPU enters fails with the CPU's code (%d, %#llx)", r,
	   g.run->fail_entry.hardware_entry_failure_reason);
	smallvm_close(&g);
}

/* ---- what the host answers without a look at kvm_run ------------------------------- */

/* Of a plain load from the APIC all registers are good, and none is kept apart. */
static void load_into_rsp(void)
{
	static const uint8_t code[] = {
		0xb8, 0x30, 0x00, 0xe0, 0xfe,		/* mov eax, fee00030h */
		0x8b, 0x08, 0x8b, 0x08, 0x8b, 0x08,	/* mov ecx, [rax], three times */
		0x31, 0xe4, 0x8b, 0x20,			/* xor esp, esp; mov esp, [rax] */
		0x29, 0xcc, 0x89, 0xe0,			/* sub esp, ecx; mov eax, esp */
		0xe7, 0x81,				/* out 81h, eax */
	};
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	map_apic(&g);
	ok(smallvm_out(&g, 0x81) == 0, "a register of the APIC is loaded into RSP");
	smallvm_close(&g);
}

/* A debugger hands back the INT3 that is the guest's own. */
static void breakpoint_of_the_guest(void)
{
	static const uint8_t code[] = {
		0xcc, 0xf4, 0x90, 0x90,			/* int3; hlt */
		0x58, 0xe7, 0x81,			/* pop rax; out 81h, eax */
	};
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP };
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	smallvm_gate(&g, 3, VM_CODE + 4);
	ok(!ioctl(g.vcpu, KVM_SET_GUEST_DEBUG, &d) && smallvm_out(&g, 0x81) == VM_CODE + 1,
	   "a #BP that a debugger injects returns behind the INT3");
	smallvm_close(&g);
}

/* ---- NMIs ----------------------------------------------------------------------------- */

/* A guest that is restored in its NMI handler leaves it by an IRET like any other. */
static void end_of_an_nmi(void)
{
	static const uint8_t code[] = {
		0x6a, 0x10, 0x54, 0x9c, 0x6a, 0x08,	/* push 16; push rsp; pushf; push 8 */
		0x68, 0x0d, 0x10, 0x00, 0x00,		/* push VM_CODE + 13 */
		0x48, 0xcf, 0xf4,			/* iretq; hlt */
	};
	struct kvm_vcpu_events e = { .nmi.masked = 1 };
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), false))
		return;
	smallvm_long(&g, VM_CODE);
	ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e);
	ok(smallvm_run(&g) == KVM_EXIT_HLT && !ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   !e.nmi.masked, "an IRET ends the NMI that was restored");
	smallvm_close(&g);
}

/* ---- the process ------------------------------------------------------------------- */

static int doorbell;
static volatile unsigned int heard;

/* As an I/O thread: the guest's notification wakes it, on the vCPU's own CPU. */
static void *listen_to_it(void *arg)
{
	uint64_t n;

	while (read(doorbell, &n, sizeof(n)) == sizeof(n) && n < 1000)
		heard++;
	return arg;
}

/* Who a guest's write wakes need not wait for the next tick, though it never leaves. */
static void woken_by_the_guest(void)
{
	static const uint8_t code[] = {
		0xbb, 0xc8, 0x00, 0x00, 0x00,		/* mov ebx, 200 */
		0xe6, 0x90,				/* out 90h, al */
		0xb9, 0x10, 0x27, 0x00, 0x00,		/* mov ecx, 10000 */
		0xff, 0xc9, 0x75, 0xfc,			/* dec ecx; jnz */
		0xff, 0xcb, 0x75, 0xf1,			/* dec ebx; jnz to the out */
		0xe6, 0x80,				/* out 80h, al */
	};
	struct kvm_ioeventfd e = { .addr = 0x90, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct sched_param first = { .sched_priority = 1 };
	uint64_t end = 1000;
	bool came;
	cpu_set_t one, all;
	struct smallvm g;
	pthread_t t;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	e.fd = doorbell = eventfd(0, EFD_CLOEXEC);
	ioctl(g.vm, KVM_IOEVENTFD, &e);
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_create(&t, NULL, listen_to_it, NULL);
	pthread_setschedparam(t, SCHED_FIFO, &first);
	came = smallvm_out(&g, 0x80) >= 0;
	ok(came && heard > 150, "of 200 notifications %u woke at once who shares the CPU", heard);
	sched_setaffinity(0, sizeof(all), &all);
	ok(write(doorbell, &end, sizeof(end)) == sizeof(end) && !pthread_join(t, NULL), "and it ends");
	smallvm_close(&g);
	close(doorbell);
}

static volatile bool back;

/* Makes an LDT while @runner is in KVM_RUN, and ends that afterwards. */
static void *new_ldt(void *runner)
{
	struct user_desc d = { .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1 };
	long err;

	usleep(300000);
	err = syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
	while (!back) {
		usleep(200000);
		pthread_kill(*(pthread_t *)runner, SIGALRM);
	}
	return (void *)err;
}

static void load_its_segment(void)
{
	unsigned short was;

	asm volatile("mov %%es, %0" : "=r"(was));
	asm volatile("mov %0, %%es" : : "r"((unsigned short)7));
	asm volatile("mov %0, %%es" : : "r"(was));
}

/*
 * An exit loads the host's LDTR again: it must be the one of now. Linux's own loads the
 * one that KVM_RUN began with.
 */
static void ldt_that_changes_meanwhile(void)
{
	static const uint8_t code[] = { 0xeb, 0xfe };
	struct smallvm g;
	pthread_t t, self = pthread_self();
	void *err = (void *)-1;
	int status = -1;
	pid_t child;

	if (access("/sys/module/kvm_core", F_OK))
		return;
	fflush(stdout);
	child = fork();
	if (!child) {
		if (!smallvm_open(&g, code, sizeof(code), true))
			_exit(2);
		smallvm_long(&g, VM_CODE);
		pthread_create(&t, NULL, new_ldt, &self);
		if (smallvm_run(&g) != -EINTR)
			_exit(3);
		back = true;
		load_its_segment();	/* SIGSEGV, if it is not there */
		pthread_join(t, &err);
		_exit(err ? 4 : 0);
	}
	waitpid(child, &status, 0);
	ok(!status, "after KVM_RUN the LDT is the one that another thread made (%#x)", status);
}

int main(void)
{
	alarm(60);		/* a guest that never ends is a failure */
	if (!smallvm_begin())
		return 1;
	only_between_instructions();
	window_in_a_halt();
	window_of_nobody();
	software_interrupts();
	task_priorities();
	rip_at_a_port();
	segments();
	apic_in_cpuid();
	registers_that_are_empty();
	efer();
	narrow_hypercalls();
	no_emulation();
	code_in_a_device();
	code_unmapped_meanwhile();
	after_a_shutdown();
	no_entry();
	load_into_rsp();
	breakpoint_of_the_guest();
	end_of_an_nmi();
	woken_by_the_guest();
	ldt_that_changes_meanwhile();
	printf("1..%d\n", points);
	return bad != 0;
}
