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

int main(void)
{
	alarm(60);		/* a guest that never ends is a failure */
	if (!smallvm_begin())
		return 1;
	only_between_instructions();
	printf("1..%d\n", points);
	return bad != 0;
}
