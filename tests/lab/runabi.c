// SPDX-License-Identifier: GPL-2.0
/*
 * runabi: what a VMM reads in kvm_run and in the registers when KVM_RUN has come
 * back, and what it may change there: when an interrupt may be given, where rip
 * stands, what is left of a guest that ended. Without a VMM; TAP on stdout. The
 * in-tree stack passes the same points.
 */
#include <stdbool.h>
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

/* ---- registers ------------------------------------------------------------------- */

static int64_t get_msr(struct smallvm *g, uint32_t index)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } m = {
		.head.nmsrs = 1, .e = { .index = index } };

	return ioctl(g->vcpu, KVM_GET_MSRS, &m) == 1 ? (int64_t)m.e.data : -1;
}

#define EFER	0xc0000080

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
	ok(smallvm_set_msr(&g, EFER, 0x500) == 1 && get_msr(&g, EFER) == 0x100,
	   "EFER as an MSR brings no LMA (%#llx)", (long long)get_msr(&g, EFER));
	smallvm_long(&g, VM_CODE);
	ok(smallvm_set_msr(&g, EFER, 0x101) == 1 && get_msr(&g, EFER) == 0x501,
	   "and takes none (%#llx)", (long long)get_msr(&g, EFER));
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

int main(void)
{
	alarm(60);		/* a guest that never ends is a failure */
	if (!smallvm_begin())
		return 1;
	only_between_instructions();
	software_interrupts();
	efer();
	printf("1..%d\n", points);
	return bad != 0;
}
