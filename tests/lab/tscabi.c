// SPDX-License-Identifier: GPL-2.0
/*
 * tscabi: a guest whose TSC has another rate than the host's (APM2 15.30.5): what the
 * CPU's RDTSC, the MSR, the local APIC's deadline and the paravirtual clock make of it.
 * Where the CPU does not scale, such rates are refused. TAP on stdout.
 */
#include <asm/kvm_para.h>
#include "smallvm.h"

#define MSR_TSC		0x10
#define MSR_DEADLINE	0x6e0
#define CLOCK_PAGE	0x5000
#define TIMER		0x31
#define HANDLER		0x2000

/* For ever: RDTSC, told by an OUT, with the value in RBX; if ESI, HLT until the timer. */
static const uint8_t code[] = {
	0x0f, 0x31,			/* rdtsc */
	0x48, 0xc1, 0xe2, 0x20,		/* shl rdx, 32 */
	0x48, 0x09, 0xd0,		/* or rax, rdx */
	0x48, 0x89, 0xc3,		/* mov rbx, rax */
	0xe6, 0x80,			/* out 80h, al */
	0x85, 0xf6,			/* test esi, esi */
	0x74, 0x03,			/* jz jmp */
	0xfb,				/* sti */
	0xf4,				/* hlt */
	0xfa,				/* cli */
	0xeb, 0xe9,			/* jmp: jmp code */
};

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* The guest's own RDTSC, @sleep: after the timer; 0 if it did not come to it. */
static uint64_t guest_tsc(struct smallvm *g, bool sleep)
{
	struct kvm_regs r;

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	r.rsi = sleep;
	ioctl(g->vcpu, KVM_SET_REGS, &r);
	if (smallvm_run(g) != KVM_EXIT_IO || ioctl(g->vcpu, KVM_GET_REGS, &r))
		return 0;
	return r.rbx;
}

/* CPUID with the deadline timer, which VMMs add themselves; LVTT set to it. */
static void use_deadline(struct smallvm *g)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[128];
	} c = { .head.nent = 128 };
	struct kvm_lapic_state a;
	unsigned int i;

	ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c);
	for (i = 0; i < c.head.nent; i++)
		if (c.e[i].function == 1)
			c.e[i].ecx |= 1 << 24;
	ioctl(g->vcpu, KVM_SET_CPUID2, &c);
	ioctl(g->vcpu, KVM_GET_LAPIC, &a);
	*(uint32_t *)(a.regs + 0x0f0) = 0x1ff;
	*(uint32_t *)(a.regs + 0x320) = 2 << 17 | TIMER;
	ioctl(g->vcpu, KVM_SET_LAPIC, &a);
}

/* What both read goes on at the rate asked for, in ticks of the host between two looks. */
static void rate(struct smallvm *g, uint32_t khz, uint32_t host_khz)
{
	uint64_t outer0, inner0, outer1, inner1, t0, t1, cpu;
	long double r = (long double)khz / host_khz;

	smallvm_set_msr(g, MSR_TSC, 1ULL << 40);
	outer0 = rdtsc();
	t0 = smallvm_get_msr(g, MSR_TSC);
	inner0 = rdtsc();
	usleep(30000);
	inner1 = rdtsc();
	t1 = smallvm_get_msr(g, MSR_TSC);
	outer1 = rdtsc();
	ok(t0 >= 1ULL << 40 && t1 - t0 + 2 >= (inner1 - inner0) * r &&
	   t1 - t0 <= (outer1 - outer0) * r + 2,
	   "%u kHz: the MSR goes on at that rate (%llu, the host %llu)", khz,
	   (unsigned long long)(t1 - t0), (unsigned long long)(inner1 - inner0));
	t0 = smallvm_get_msr(g, MSR_TSC);
	cpu = guest_tsc(g, false);
	t1 = smallvm_get_msr(g, MSR_TSC);
	ok(t0 < cpu && cpu < t1, "%u kHz: RDTSC reads the same", khz);
}

/* 40 ms of the guest's ticks from now, which the host's rate would make more or less. */
static void deadline(struct smallvm *g, uint32_t khz)
{
	uint64_t due = smallvm_get_msr(g, MSR_TSC) + 40ULL * khz, woke;

	smallvm_set_msr(g, MSR_DEADLINE, due);
	alarm(20);
	woke = guest_tsc(g, true);
	alarm(0);
	ok(woke >= due, "%u kHz: a deadline is not early (%lld ticks after it)", khz,
	   (long long)(woke - due));
}

/* The page says, by the guest's TSC, what KVM_GET_CLOCK does. */
static void clock_page(struct smallvm *g, uint32_t khz)
{
	volatile struct pvclock {
		uint32_t version, pad;
		uint64_t tsc, ns;
		uint32_t mul;
		int8_t shift;
		uint8_t flags;
	} *page = (void *)(g->ram + CLOCK_PAGE);
	struct kvm_clock_data before = { 0 }, after = { 0 };
	unsigned __int128 ticks;
	uint64_t ns;

	smallvm_set_msr(g, 0x4b564d01, CLOCK_PAGE | 1);
	guest_tsc(g, false);
	usleep(20000);
	ioctl(g->vm, KVM_GET_CLOCK, &before);
	ticks = smallvm_get_msr(g, MSR_TSC) - page->tsc;
	ioctl(g->vm, KVM_GET_CLOCK, &after);
	ticks = page->shift < 0 ? ticks >> -page->shift : ticks << page->shift;
	ns = page->ns + (uint64_t)(ticks * page->mul >> 32);
	/* 1 ms in 20: a host that is busy as it boots measures its own rate no better */
	ok(ns + 1000000 >= before.clock && ns <= after.clock + 1000000,
	   "%u kHz: the paravirtual clock keeps the host's time (%lld and %lld ns from it)", khz,
	   (long long)(ns - before.clock), (long long)(after.clock - ns));
}

static void at_rate(uint32_t khz, uint32_t host_khz)
{
	struct smallvm g;

	if (!ok(smallvm_open(&g, code, sizeof(code), true), "a VM"))
		return;
	use_deadline(&g);
	g.ram[HANDLER] = 0x48;			/* iretq */
	g.ram[HANDLER + 1] = 0xcf;
	smallvm_gate(&g, TIMER, HANDLER);
	ok(!ioctl(g.vcpu, KVM_SET_TSC_KHZ, khz) &&
	   ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == (int)khz, "%u kHz is taken", khz);
	smallvm_long(&g, VM_CODE);
	rate(&g, khz, host_khz);
	deadline(&g, khz);
	clock_page(&g, khz);
	smallvm_close(&g);
}

static void no_such_rate(uint32_t host_khz)
{
	struct smallvm g;

	if (!ok(smallvm_open(&g, code, sizeof(code), true), "a VM"))
		return;
	refused(ioctl(g.vcpu, KVM_SET_TSC_KHZ, 300 * host_khz), EINVAL, "300 times the host's rate");
	ok(ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == (int)host_khz, "and nothing has changed");
	smallvm_close(&g);
}

/* KVM_CAP_VM_TSC_CONTROL: what the VM's vCPUs begin with */
static void of_the_vm(uint32_t khz, uint32_t host_khz)
{
	struct smallvm g;

	g.vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ok(ioctl(g.vm, KVM_GET_TSC_KHZ, 0) == (int)host_khz, "a VM begins with the host's rate");
	ok(!ioctl(g.vm, KVM_SET_TSC_KHZ, khz) && ioctl(g.vm, KVM_GET_TSC_KHZ, 0) == (int)khz,
	   "a rate for all its vCPUs");
	if (!ok(!ioctl(g.vm, KVM_CREATE_IRQCHIP, 0) && smallvm_fill(&g, code, sizeof(code)), "one"))
		return;
	ok(ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0) == (int)khz, "has it");
	smallvm_long(&g, VM_CODE);
	rate(&g, khz, host_khz);
	smallvm_close(&g);
}

static uint32_t host_rate(void)
{
	struct smallvm g;
	int khz = 0;

	if (smallvm_open(&g, code, sizeof(code), true)) {
		khz = ioctl(g.vcpu, KVM_GET_TSC_KHZ, 0);
		smallvm_close(&g);
	}
	return khz;
}

int main(void)
{
	uint32_t khz;

	if (!smallvm_begin())
		goto end;
	khz = host_rate();
	if (!ok(khz > 100000, "the host's rate (%u kHz)", khz))
		goto end;
	if (!ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) == 1 &&
		ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TSC_CONTROL) == 1, "rates can be chosen"))
		goto end;
	at_rate(khz, khz);
	at_rate(khz / 2, khz);
	at_rate(khz / 7, khz);
	at_rate(khz / 2 * 3, khz);
	at_rate(khz * 5, khz);
	no_such_rate(khz);
	of_the_vm(khz / 3, khz);
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
