// SPDX-License-Identifier: GPL-2.0
/*
 * vmmabi: what VMMs of the field take for granted of a /dev/kvm without saying so:
 * in which order they make devices, what they hand back, which mistakes are told to
 * them and how. The in-tree stack passes the same points. TAP on stdout.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include "smallvm.h"

/* ---- order --------------------------------------------------------------------------- */

static const uint8_t halt[] = { 0xf4 };

/*
 * kvmtool makes the timer before the chips that it ticks into. Linux's own KVM takes it
 * on 6.1, and refuses on Debian's 6.12.
 */
static void timer_before_chips(void)
{
	static const uint8_t code[] = {
		0xfb,				/* sti */
		0xf4,				/* hlt */
		0xe6, 0x80,			/* out 80h, al */
	};
	struct kvm_pit_config pit = { .flags = 0 };
	struct kvm_pit_state2 ps;
	struct kvm_regs regs = { .rip = VM_CODE, .rflags = 2, .rsp = VM_STACK };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	struct kvm_sregs s;
	struct smallvm g;
	int r;

	g.vm = ioctl(kvm, KVM_CREATE_VM, 0);
	r = ioctl(g.vm, KVM_CREATE_PIT2, &pit);
	if (r && errno == ENOENT && access("/sys/module/kvm_core", F_OK)) {
		refused(r, ENOENT, "a PIT before the chips, by newer kernels' own,");
		goto close_vm;
	}
	if (!ok(!r, "a PIT before the chips"))
		goto close_vm;
	ok(!ioctl(g.vm, KVM_GET_PIT2, &ps), "has state");
	ok(!ioctl(g.vm, KVM_CREATE_IRQCHIP, 0), "the chips come after it");
	if (!ok(smallvm_fill(&g, code, sizeof(code)), "memory and a vCPU"))
		goto close_vm;
	/* Vector 8, of real mode: IRET. */
	g.ram[8 * 4 + 1] = 0x20;
	g.ram[0x2000] = 0xcf;
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.cs.base = 0;
	s.cs.selector = 0;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	ioctl(g.vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.pic.irq_base = 8;
	chip.chip.pic.imr = 0xfe;
	ioctl(g.vm, KVM_SET_IRQCHIP, &chip);
	ps.channels[0].mode = 2;
	ps.channels[0].count = 11932;
	ps.channels[0].gate = 1;
	ioctl(g.vm, KVM_SET_PIT2, &ps);
	alarm(20);
	ok(smallvm_run(&g) == KVM_EXIT_IO, "and it ticks into them");
	alarm(0);
	smallvm_close(&g);
	return;
close_vm:
	close(g.vm);
}

static void chips_too_late(void)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct smallvm g;

	if (!ok(smallvm_open(&g, halt, sizeof(halt), true), "a VM"))
		return;
	refused(ioctl(g.vm, KVM_CREATE_IRQCHIP, 0), EEXIST, "a second set of chips");
	refused(ioctl(g.vm, KVM_ENABLE_CAP, &split), EEXIST, "a split one beside it");
	smallvm_close(&g);
	if (!smallvm_open(&g, halt, sizeof(halt), false))
		return;
	refused(ioctl(g.vm, KVM_CREATE_IRQCHIP, 0), EINVAL, "chips after the first vCPU");
	refused(ioctl(g.vm, KVM_ENABLE_CAP, &split), EEXIST, "split chips after it");
	smallvm_close(&g);
}

/* ---- interrupts from user space ------------------------------------------------------- */

static bool in_bitmap(struct smallvm *g, unsigned int vector)
{
	struct kvm_sregs s;

	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	return s.interrupt_bitmap[vector / 64] >> vector % 64 & 1;
}

/* Taken from a PIC in user space, so it must not be lost on the way to another host. */
static void interrupt_travels(void)
{
	static const uint8_t code[] = { 0xe6, 0x81, 0xeb, 0xfc };	/* out 81h, al; again */
	struct kvm_interrupt irq = { .irq = 33 };
	struct kvm_vcpu_events e;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), false))
		return;
	smallvm_long(&g, VM_CODE);
	memcpy(g.ram + 0x3000, "\xe6\x82", 2);			/* out 82h, al */
	smallvm_gate(&g, 33, 0x3000);
	smallvm_gate(&g, 34, 0x3000);
	ok(!ioctl(g.vcpu, KVM_INTERRUPT, &irq), "an interrupt is given to a vCPU");
	ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	ok(e.interrupt.injected && e.interrupt.nr == 33, "its events tell of it");
	ok(in_bitmap(&g, 33), "so does the bitmap of its registers");
	irq.irq = 34;
	ok(!ioctl(g.vcpu, KVM_INTERRUPT, &irq) && in_bitmap(&g, 34) && !in_bitmap(&g, 33),
	   "another takes its place");
	g.run->immediate_exit = 1;
	ok(smallvm_run(&g) == -EINTR && in_bitmap(&g, 34) &&
	   !g.run->ready_for_interrupt_injection, "it waits while nothing runs");
	g.run->immediate_exit = 0;
	ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	e.interrupt.injected = 0;
	ok(!ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) && smallvm_out(&g, 0x81) >= 0,
	   "it can be taken back");
	e.interrupt.injected = 1;
	e.interrupt.nr = 33;
	ok(!ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) && smallvm_out(&g, 0x82) >= 0,
	   "and given again: the guest's handler runs");
	irq.irq = 256;
	refused(ioctl(g.vcpu, KVM_INTERRUPT, &irq), EINVAL, "vector 256");
	g.run->cr8 = 16;
	refused(ioctl(g.vcpu, KVM_RUN, 0), EINVAL, "a CR8 that is none");
	smallvm_close(&g);
}

static void interrupt_to_split(void)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 1UL << 32 } };
	struct kvm_interrupt irq = { .irq = 33 };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	refused(ioctl(vm, KVM_ENABLE_CAP, &split), EINVAL, "split chips with 2^32 pins");
	split.args[0] = 24;
	ioctl(vm, KVM_ENABLE_CAP, &split);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	ok(!ioctl(vcpu, KVM_INTERRUPT, &irq), "split chips: an interrupt for LINT0");
	refused(ioctl(vcpu, KVM_INTERRUPT, &irq), EEXIST, "another before it is taken");
	close(vcpu);
	close(vm);
}

/* The controllers are in user space, and so is what a lower priority lets through. */
static void lower_priority(void)
{
	static const uint8_t code[] = {
		0xb8, 0x05, 0x00, 0x00, 0x00,		/* mov eax, 5 */
		0x44, 0x0f, 0x22, 0xc0,			/* mov cr8, rax */
		0xe6, 0x81,				/* out 81h, al */
		0xb8, 0x03, 0x00, 0x00, 0x00,		/* mov eax, 3 */
		0x44, 0x0f, 0x22, 0xc0,			/* mov cr8, rax */
		0xe6, 0x82,				/* out 82h, al */
	};
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), false))
		return;
	smallvm_long(&g, VM_CODE);
	ok(smallvm_out(&g, 0x81) >= 0 && g.run->cr8 == 5, "a guest raises its priority");
	ok(smallvm_run(&g) == KVM_EXIT_SET_TPR && g.run->cr8 == 3,
	   "user space is told when it lowers it (%u)", g.run->exit_reason);
	ok(smallvm_out(&g, 0x82) >= 0, "and the guest goes on");
	smallvm_close(&g);
}

/* ---- messages --------------------------------------------------------------------------- */

static void messages(void)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry e; } r = {
		.head.nr = 1,
		.e = { .gsi = 24, .type = KVM_IRQ_ROUTING_MSI, .flags = KVM_MSI_VALID_DEVID,
		       .u.msi = { .address_lo = 0xfee00000, .data = 0x31, .devid = 8 } },
	};
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x31,
			       .flags = KVM_MSI_VALID_DEVID, .devid = 8 };
	struct kvm_enable_cap x2apic = { .cap = KVM_CAP_X2APIC_API,
					 .args = { KVM_X2APIC_API_USE_32BIT_IDS } };
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ok(ioctl(g.vm, KVM_SIGNAL_MSI, &msi) == 0,
	   "an MSI may name its sender, and be for an APIC that is off");
	msi.address_lo |= 5 << 12;
	ok(ioctl(g.vm, KVM_SIGNAL_MSI, &msi) == 0, "or for nobody");
	ok(!ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), "so may a route for MSIs");
	r.e.flags = 2;
	refused(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL, "a route with an unknown flag");
	r.e.flags = 0;
	msi.flags = 2;
	refused(ioctl(g.vm, KVM_SIGNAL_MSI, &msi), EINVAL, "an MSI with an unknown flag");
	msi.flags = 0;
	r.e.u.msi.address_hi = msi.address_hi = 0x101;
	ok(!ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), "8-bit ids: the upper half may be anything");
	ioctl(g.vm, KVM_ENABLE_CAP, &x2apic);
	refused(ioctl(g.vm, KVM_SET_GSI_ROUTING, &r), EINVAL,
		"32-bit ids: a route with bits where none are");
	refused(ioctl(g.vm, KVM_SIGNAL_MSI, &msi), EINVAL, "such an MSI");
	smallvm_close(&g);
}

/* ---- a vCPU's state ---------------------------------------------------------------------- */

static int set_mp(struct smallvm *g, uint32_t state)
{
	struct kvm_mp_state s = { state };

	return ioctl(g->vcpu, KVM_SET_MP_STATE, &s);
}

static int get_mp(struct smallvm *g)
{
	struct kvm_mp_state s = { 99 };

	return ioctl(g->vcpu, KVM_GET_MP_STATE, &s) ? -1 : (int)s.mp_state;
}

static void mp_states(void)
{
	struct kvm_vcpu_events e;
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), false))
		return;
	refused(set_mp(&g, KVM_MP_STATE_HALTED), EINVAL, "to be halted without an APIC");
	refused(set_mp(&g, KVM_MP_STATE_SIPI_RECEIVED), EINVAL, "a SIPI without one");
	ok(!set_mp(&g, KVM_MP_STATE_RUNNABLE), "to run needs none");
	smallvm_close(&g);
	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ok(!set_mp(&g, KVM_MP_STATE_HALTED) && get_mp(&g) == KVM_MP_STATE_HALTED,
	   "with one it is halted");
	ok(!set_mp(&g, KVM_MP_STATE_AP_RESET_HOLD) && get_mp(&g) == KVM_MP_STATE_AP_RESET_HOLD,
	   "or held in reset");
	ok(!set_mp(&g, KVM_MP_STATE_INIT_RECEIVED) && get_mp(&g) == KVM_MP_STATE_INIT_RECEIVED,
	   "or waits for its SIPI");
	ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	e.flags = KVM_VCPUEVENT_VALID_SMM;
	e.smi.pending = 1;
	refused(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e), EINVAL, "an SMI then");
	e.flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	e.smi.pending = 0;
	e.sipi_vector = 0x12;
	ok(!ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) && !ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   !e.sipi_vector, "a SIPI's vector is set, and never told");
	ok(!set_mp(&g, KVM_MP_STATE_SIPI_RECEIVED), "the SIPI comes");
	ok(get_mp(&g) == KVM_MP_STATE_RUNNABLE, "and has been taken when it is asked for");
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	ok(s.cs.selector == 0x1200 && s.cs.base == 0x12000, "the vCPU is at its vector (%#x)",
	   s.cs.selector);
	smallvm_close(&g);
}

static void registers(void)
{
	struct kvm_sregs s, was;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_GET_SREGS, &was);
	s = was;
	s.cs.l = 1;
	refused(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL, "64-bit code outside long mode");
	s = was;
	s.efer = 0x400;
	refused(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL, "LMA without LME");
	smallvm_long(&g, VM_CODE);
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.cr3 |= 1ULL << 51;
	refused(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL, "a CR3 beyond physical addresses");
	smallvm_close(&g);
}

static int set_events(struct smallvm *g, struct kvm_vcpu_events *e)
{
	return ioctl(g->vcpu, KVM_SET_VCPU_EVENTS, e) ||
	       ioctl(g->vcpu, KVM_GET_VCPU_EVENTS, e);
}

static void events(void)
{
	struct kvm_vcpu_events e;
	static struct kvm_xsave x;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	e.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	ok(!set_events(&g, &e) && e.interrupt.shadow == 3,
	   "one shadow of both kinds of instruction (%u)", e.interrupt.shadow);
	e.flags = 1 << 20;
	refused(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e), EINVAL, "an unknown event");
	ioctl(g.vcpu, KVM_GET_XSAVE, &x);
	x.region[512 / 4 + 1] = 1U << 31;	/* XSTATE_BV bit 63 */
	refused(ioctl(g.vcpu, KVM_SET_XSAVE, &x), EINVAL, "XSAVE with a state that is none");
	ioctl(g.vcpu, KVM_GET_XSAVE, &x);
	x.region[6] = 0xffffffff;
	x.region[512 / 4] |= 3;
	refused(ioctl(g.vcpu, KVM_SET_XSAVE, &x), EINVAL, "an MXCSR with reserved bits");
	smallvm_close(&g);
}

/* After KVM_SET_CPUID2 CR4 and XCR0 have what CPUID has. */
static void registers_by_cpuid(void)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[2]; } c = {
		.head.nent = 2,
		.e = { { .function = 1, .eax = 0x800f12 },
		       { .function = 0x80000008, .eax = 0x3028 } } };
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 3 } };
	struct kvm_sregs s;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	refused(ioctl(g.vcpu, KVM_SET_XCRS, &x), EINVAL, "XCR0.SSE before CPUID has XSAVE");
	x.xcrs[0].value = 1;
	ok(!ioctl(g.vcpu, KVM_SET_XCRS, &x), "XCR0 as it is at first");
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.cr4 |= 1 << 18;		/* OSXSAVE */
	ok(!ioctl(g.vcpu, KVM_SET_SREGS, &s), "without CPUID, CR4 has all that there is");
	s.cr4 = 0;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	c.e[1].eax = 0x2828;
	refused(ioctl(g.vcpu, KVM_SET_CPUID2, &c), EINVAL, "linear addresses of 40 bits");
	c.e[1].eax = 0x3028;
	ok(!ioctl(g.vcpu, KVM_SET_CPUID2, &c), "of 48 are taken");
	s.cr4 |= 1 << 18;
	refused(ioctl(g.vcpu, KVM_SET_SREGS, &s), EINVAL, "CR4.OSXSAVE without XSAVE in CPUID");
	smallvm_close(&g);
}

static void fpu(void)
{
	struct kvm_fpu f = { };
	struct kvm_xsave x;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_GET_FPU, &f);
	ok(f.fcw == 0x37f && !f.mxcsr, "KVM_GET_FPU tells no MXCSR (%#x)", f.mxcsr);
	f.mxcsr = 0x3f80;
	ioctl(g.vcpu, KVM_SET_FPU, &f);
	ioctl(g.vcpu, KVM_GET_XSAVE, &x);
	ok(x.region[6] == 0x1f80, "KVM_SET_FPU sets none (%#x)", x.region[6]);
	smallvm_close(&g);
}

static void local_apic(void)
{
	static struct kvm_lapic_state a, b;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), false))
		return;
	refused(ioctl(g.vcpu, KVM_GET_LAPIC, &a), EINVAL, "to read an APIC in user space");
	refused(ioctl(g.vcpu, KVM_SET_LAPIC, &a), EINVAL, "to write it");
	smallvm_close(&g);
	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ioctl(g.vcpu, KVM_GET_LAPIC, &a);
	a.regs[0x300] = (char)0xc8;
	ok(!ioctl(g.vcpu, KVM_SET_LAPIC, &a) && !ioctl(g.vcpu, KVM_GET_LAPIC, &b) &&
	   !memcmp(&a, &b, sizeof(a)), "an APIC's page goes in as it came out");
	smallvm_close(&g);
}

/*
 * What is left of a VM is its vCPU's file: interrupts that the guest asked of its own
 * timer still come.
 */
static void vm_file_closed(void)
{
	static const uint8_t code[] = { 0xfb, 0xf4, 0xe6, 0x81 };	/* sti; hlt; out 81h, al */
	static struct kvm_lapic_state a;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	memcpy(g.ram + 0x3000, "\xe6\x82", 2);			/* out 82h, al */
	smallvm_gate(&g, 33, 0x3000);
	ioctl(g.vcpu, KVM_GET_LAPIC, &a);
	*(uint32_t *)(a.regs + 0xf0) = 0x1ff;
	*(uint32_t *)(a.regs + 0x320) = 33;
	*(uint32_t *)(a.regs + 0x3e0) = 0xb;			/* a count is a nanosecond */
	*(uint32_t *)(a.regs + 0x380) = 300000000;
	*(uint32_t *)(a.regs + 0x390) = 300000000;
	ioctl(g.vcpu, KVM_SET_LAPIC, &a);
	close(g.vm);
	g.vm = -1;
	alarm(20);
	ok(smallvm_out(&g, 0x82) >= 0, "a VM's file closed: its APIC timer ends a halt");
	alarm(0);
	smallvm_close(&g);
}

static void machine_checks(void)
{
	struct kvm_x86_mce m = { .status = 1ULL << 63, .bank = 9 };
	uint64_t cap = 10 | 1 << 8 | 0xff0000;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ok(!ioctl(g.vcpu, KVM_X86_SETUP_MCE, &cap), "the count of extended registers may be any");
	ok(!ioctl(g.vcpu, KVM_X86_SET_MCE, &m), "an error in the last bank");
	m.status = 0;
	refused(ioctl(g.vcpu, KVM_X86_SET_MCE, &m), EINVAL, "one that is not valid");
	cap = 10 | 1 << 10;
	refused(ioctl(g.vcpu, KVM_X86_SETUP_MCE, &cap), EINVAL, "CMCI");
	cap = 33;
	refused(ioctl(g.vcpu, KVM_X86_SETUP_MCE, &cap), EINVAL, "33 banks");
	smallvm_close(&g);
}

/* ---- time -------------------------------------------------------------------------------- */

/* Two hosts never find quite the same rate; a vCPU keeps the one it came with. */
static void rates(void)
{
	struct smallvm g;
	int khz, near;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	khz = ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0);
	near = khz - khz / 5000;		/* 200 ppm */
	ok(!ioctl(g.vcpu, KVM_SET_TSC_KHZ, near) && ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == near,
	   "a TSC of nearly this host's rate (%d, %d)", khz, near);
	near = khz + khz / 5000;
	ok(!ioctl(g.vcpu, KVM_SET_TSC_KHZ, near) && ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == near,
	   "a little faster");
	ok(!ioctl(g.vcpu, KVM_SET_TSC_KHZ, 0) && ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == khz,
	   "0 is the host's");
	if (!ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL))
		refused(ioctl(g.vcpu, KVM_SET_TSC_KHZ, khz / 2), EINVAL,
			"half of it, without scaling");
	smallvm_close(&g);
}

/*
 * A guest that never looked at the clock cannot be told that it stood still. One that did
 * has the bit until it clears it, and its page's version goes on from what is there.
 */
static void paused_clock(void)
{
	static const uint8_t code[] = { 0xe6, 0x80, 0xeb, 0xfc };	/* out 80h, al; again */
	volatile uint32_t *version;
	volatile uint8_t *flags;
	uint32_t features = 0;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	version = (uint32_t *)(g.ram + 0x5000);
	flags = g.ram + 0x501d;
	smallvm_cpuid(&g, &features);
	refused(ioctl(g.vcpu, KVM_KVMCLOCK_CTRL, 0), EINVAL, "a pause without a clock");
	smallvm_set_msr(&g, 0x4b564d01, 0x5001);
	ok(!ioctl(g.vcpu, KVM_KVMCLOCK_CTRL, 0), "with one it is taken");
	ok(smallvm_out(&g, 0x80) >= 0 && *flags & 2, "and the guest finds it");
	*version = 0x1000;
	smallvm_set_msr(&g, 0x4b564d01, 0x5001);
	ok(smallvm_out(&g, 0x80) >= 0 && *flags & 2, "still, when its clock is written again");
	ok(*version > 0x1000 && *version < 0x1100 && !(*version & 1),
	   "which goes on from the version there (%#x)", *version);
	*flags = 0;
	smallvm_set_msr(&g, 0x4b564d01, 0x5001);
	ok(smallvm_out(&g, 0x80) >= 0 && !(*flags & 2), "not when it has taken note");
	smallvm_close(&g);
}

/* ---- lists and pages ----------------------------------------------------------------------- */

static void lists(void)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e[256]; } m = { .head.nmsrs = 255 };
	struct kvm_vapic_addr page = { .vapic_addr = 0xfee00000 };
	struct smallvm g;
	int i;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	for (i = 0; i < 256; i++)
		m.e[i].index = 0x277;
	ok(ioctl(g.vcpu, KVM_GET_MSRS, &m) == 255, "255 MSRs at a time");
	m.head.nmsrs = 256;
	refused(ioctl(g.vcpu, KVM_GET_MSRS, &m), E2BIG, "one more");
	refused(ioctl(g.vcpu, KVM_SET_VAPIC_ADDR, &page), EINVAL, "a page for TPRs where no RAM is");
	page.vapic_addr = 0x5000;
	ok(!ioctl(g.vcpu, KVM_SET_VAPIC_ADDR, &page), "one in RAM");
	page.vapic_addr = 0;
	ok(!ioctl(g.vcpu, KVM_SET_VAPIC_ADDR, &page), "none");
	smallvm_close(&g);
}

static sigjmp_buf after_bus;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(after_bus, 1);
}

static bool faults(volatile uint8_t *at)
{
	if (sigsetjmp(after_bus, 1))
		return true;
	(void)*at;
	return false;
}

static void descriptors(void)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e[3]; } m = { .head.nmsrs = 3,
		.e = { { .index = 0x277, .data = 0x0007040600070406 }, { .index = 0xdeadbeef },
		       { .index = 0x277, .data = 0 } } };
	struct kvm_clear_dirty_log log = { .first_page = 1 };
	struct kvm_clock_data clock = { .flags = 1 };
	struct smallvm g;
	uint8_t *map;
	int other;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	ok(ioctl(g.vcpu, KVM_SET_MSRS, &m) == 1, "MSRs are set up to the first that is none");
	refused(ioctl(g.vm, KVM_SET_CLOCK, &clock), EINVAL, "an unknown flag of the clock");
	refused(ioctl(g.vm, KVM_CLEAR_DIRTY_LOG, &log), EINVAL,
		"a log from the middle of a word, whatever the slot");
	map = mmap(NULL, 4 * 4096, PROT_READ, MAP_SHARED, g.vcpu, 0);
	signal(SIGBUS, on_bus);
	ok(map != MAP_FAILED && !faults(map) && !faults(map + 4096) && !faults(map + 8192) &&
	   faults(map + 3 * 4096), "kvm_run is three pages, which may be mapped to read");
	signal(SIGBUS, SIG_DFL);
	munmap(map, 4 * 4096);
	other = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	ioctl(g.vm, KVM_CREATE_VCPU, 1);
	ok(errno == EEXIST && get_mp(&g) == KVM_MP_STATE_RUNNABLE, "a second vCPU once");
	alarm(1);
	ok(ioctl(other, KVM_RUN, 0) < 0 && errno == EINTR, "it waits for its SIPI until a signal");
	close(other);
	refused(ioctl(g.vm, KVM_CREATE_VCPU, 1), EEXIST, "to make it again once it is closed");
	smallvm_long(&g, VM_CODE);
	close(g.vm);
	g.run->immediate_exit = 1;
	ok(smallvm_run(&g) == -EINTR, "a vCPU outlives its VM's descriptor");
	smallvm_close(&g);
}

/* A child has the descriptors, but not the memory that the guest is made of. */
static void children(void)
{
	struct kvm_regs r;
	struct smallvm g;
	int status = -1;
	pid_t pid;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	pid = fork();
	if (!pid)
		_exit((ioctl(g.vm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) < 0 && errno == EIO ? 0 : 1) +
		      (ioctl(g.vcpu, KVM_GET_REGS, &r) < 0 && errno == EIO ? 0 : 2) +
		      (ioctl(g.vcpu, KVM_RUN, 0) < 0 && errno == EIO ? 0 : 4));
	waitpid(pid, &status, 0);
	ok(status == 0, "a child that inherits the descriptors gets EIO (%#x)", status);
	smallvm_close(&g);
}

/* ---- programs of 32 bits -------------------------------------------------------------------- */

/* As such a program calls it: the kernel takes its structures' own layout. */
static int ioctl32(int fd, uint32_t request, void *arg)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r)
			 : "a"(54L), "b"((long)fd), "c"((long)request), "d"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

struct filter32 {
	uint32_t flags;
	struct { uint32_t flags, nmsrs, base, bitmap; } ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static void of_32_bits(void)
{
	struct kvm_userspace_memory_region mem = { .memory_size = VM_RAM,
						   .flags = KVM_MEM_LOG_DIRTY_PAGES };
	uint8_t *low = mmap(NULL, 0x3000, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct kvm_dirty_log *log = (void *)low;
	struct kvm_clear_dirty_log *clear = (void *)low;
	struct filter32 *f = (void *)low;
	struct smallvm g;

	if (!smallvm_open(&g, halt, sizeof(halt), true))
		return;
	mem.userspace_addr = (uintptr_t)g.ram;
	ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, &mem);
	log->padding2 = 0xdead000000000000 | (uintptr_t)(low + 0x1000);
	memset(low + 0x1000, 0xff, 0x100);
	ok(!ioctl32(g.vm, KVM_GET_DIRTY_LOG, log) && low[0x1000] != 0xff,
	   "32 bits: a dirty log, whatever is beside its pointer");
	memset(low, 0, 0x1000);
	clear->num_pages = VM_RAM / 4096;
	clear->padding2 = 0xdead000000000000 | (uintptr_t)(low + 0x1000);
	ok(!ioctl32(g.vm, KVM_CLEAR_DIRTY_LOG, clear), "it is cleared so");
	memset(low, 0, 0x1000);
	f->ranges[0].flags = KVM_MSR_FILTER_READ;
	f->ranges[0].nmsrs = 8;
	f->ranges[0].base = 0x10;
	f->ranges[0].bitmap = (uintptr_t)(low + 0x1000);
	ok(!ioctl32(g.vm, _IOW(KVMIO, 0xc6, struct filter32), f), "an MSR filter (%s)",
	   strerror(errno));
	f->flags = 2;
	refused(ioctl32(g.vm, _IOW(KVMIO, 0xc6, struct filter32), f), EINVAL,
		"one with an unknown flag");
	smallvm_close(&g);
	munmap(low, 0x3000);
}

int main(void)
{
	if (!smallvm_begin())
		goto end;
	timer_before_chips();
	chips_too_late();
	interrupt_travels();
	interrupt_to_split();
	lower_priority();
	messages();
	mp_states();
	registers();
	registers_by_cpuid();
	events();
	fpu();
	local_apic();
	vm_file_closed();
	machine_checks();
	rates();
	paused_clock();
	lists();
	descriptors();
	children();
	of_32_bits();
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
