// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts meet VMRUN (APM2 15.20, 15.21): none is lost and none comes
 * twice, however the two CPUs and the machine's timers run against each
 * other. These are races of the emulator: a loss shows as an interrupt that
 * does not come within a second, so the test counts many.
 */
#include "bare.h"

#define TIMER		0x50
#define IPI		0x51
#define VECTOR		0x60
#define TIMERS		500
#define SECONDS		2000000		/* us: how long each race is run */
#define INJECTIONS	20000
#define LOST		5000000		/* us: more than a busy machine takes */

static void guest_exits_at_once(void)
{
	for (;;)
		vmmcall();
}

static void enter_once(void)
{
	guest_run();
	vmcb.s.rip = (u64)guest_exits_at_once;
}

/* Enter a guest that leaves at once, with a virtual interrupt pending that
 * it (IF=0) does not take, until COUNT differs from BEFORE or it is late.
 */
static bool comes_beside_v_irq(volatile u32 *count, u32 before, u64 limit)
{
	u64 start = rdtsc();

	while (*count == before && rdtsc() - start < microseconds(limit))
		enter_once();
	return *count != before;
}

static void enter_with_v_irq(void)
{
	guest_init(guest_exits_at_once);
	vmcb.c.int_ctl |= VINTR_IRQ | VINTR_IGN_TPR;
}

static void timer_beside_v_irq(void)
{
	u64 lost = 0, i;
	u32 before;

	enter_with_v_irq();
	for (i = 0; i < TIMERS; i++) {
		before = host_count[TIMER];
		apic_timer(TIMER, 20 + i % 64);
		if (!comes_beside_v_irq(&host_count[TIMER], before, LOST) && ++lost)
			break;
	}
	ok(lost == 0, "no timer is lost beside VMRUN with V_IRQ (%d of %d lost)", lost, i);
}

static volatile u32 ipis_sent, ipis_lost;
static volatile bool ipi_under_way;

/* The second CPU: the next one goes when the last was seen. */
static void send_ipis(void)
{
	u32 before = host_count[IPI];
	u64 start = rdtsc();

	if (ipis_lost)
		return;
	ipi_under_way = true;
	apic_ipi(IPI, 0);
	ipis_sent++;
	while (host_count[IPI] == before && rdtsc() - start < microseconds(LOST))
		pause();
	if (host_count[IPI] == before)
		ipis_lost++;
	ipi_under_way = false;
}

static void ipi_beside_v_irq(void)
{
	u64 start;

	start_second_cpu();
	enter_with_v_irq();
	second_cpu_job = send_ipis;
	for (start = rdtsc(); rdtsc() - start < microseconds(SECONDS);)
		enter_once();
	second_cpu_job = NULL;
	while (ipi_under_way)
		enter_once();
	ok(ipis_sent && ipis_lost == 0, "no IPI is lost beside VMRUN with V_IRQ (%d of %d lost)",
	   (u64)ipis_lost, (u64)ipis_sent);
}

static u8 fpu_image[512] __attribute__((aligned(64)));

static void load_fpu(void)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		asm volatile("fxrstor64 %0" : : "m"(fpu_image));
}

/* What one CPU does to its own FPU changes nothing of another's: neither is
 * the guest's paging left on in the host, nor is STGI forgotten.
 */
static void fpu_of_the_other(void)
{
	u64 start = rdtsc(), entries = 0, wrong = 0, deaf = 0;
	u32 before;

	start_second_cpu();
	guest_init(guest_exits_at_once);
	asm volatile("fxsave64 %0" : "=m"(fpu_image));
	second_cpu_job = load_fpu;
	while (rdtsc() - start < microseconds(SECONDS) && !wrong && !deaf) {
		entries++;
		wrong += guest_run() != EXIT_VMMCALL || vmcb.s.rip != (u64)guest_exits_at_once;
		before = host_count[IPI];
		apic_ipi(IPI, 0);
		sti();
		asm volatile("nop");
		cli();
		deaf += host_count[IPI] == before;
	}
	second_cpu_job = NULL;
	ok(!wrong, "FXRSTOR on one CPU does not disturb the other's #VMEXIT (%d entries; exit %x, rip %x, info %x)",
	   entries, vmcb.c.exit_code, vmcb.s.rip, vmcb.c.exit_info2);
	ok(!deaf, "nor its STGI");
}

static volatile u32 guest_rounds;

/* Interrupts are off but for the injected one: EVENTINJ does not ask. */
static void guest_counts(void)
{
	volatile u32 i;

	for (;;) {
		for (i = 0; i < 50; i++)
			;
		guest_rounds++;
		vmmcall();
	}
}

static u8 line[8192] __attribute__((aligned(4096)));

/* An atomic access across two pages makes the emulator stop every CPU. */
static void stop_the_world(void)
{
	u64 *p = (u64 *)(line + 4092);
	volatile u32 i;

	asm volatile("lock incq %0" : "+m"(*p));
	for (i = 0; i < 200; i++)
		;
}

static void injected_once(void)
{
	u64 i;
	u32 before = guest_count[VECTOR];

	start_second_cpu();
	guest_init(guest_counts);
	second_cpu_job = stop_the_world;
	for (i = 0; i < INJECTIONS; i++) {
		vmcb.c.event_inj = EVENT_VALID | VECTOR;
		if (guest_run() != EXIT_VMMCALL)
			break;
		vmcb.s.rip += 3;
	}
	second_cpu_job = NULL;
	ok(i == INJECTIONS && guest_count[VECTOR] - before == INJECTIONS,
	   "an injected interrupt comes once (%d came for %d injections, exit %x)",
	   (u64)(guest_count[VECTOR] - before), i, vmcb.c.exit_code);
}

static volatile u32 traps;

static void count_trap(struct trap *t)
{
	traps += t->vector == 1;
}

/* A data breakpoint on the word where delivery stores SS: the interrupt comes, and
 * then the trap (APM2 13.1.3).
 */
static void watched_stack(void)
{
	void (*before)(struct trap *t) = host_fault;
	u32 count = host_count[IPI];
	u64 i;

	host_fault = count_trap;
	for (i = 0; i < 3; i++) {
		apic_ipi(IPI, 0);
		asm volatile("mov %%rsp, %%rax\n and $-16, %%rax\n sub $8, %%rax\n"
			     "mov %%rax, %%dr0\n mov %0, %%dr7\n"
			     "sti\n nop\n nop\n cli\n"
			     "mov %1, %%dr7" : : "r"(0x90401ULL), "r"(0x400ULL) : "rax", "memory");
	}
	host_fault = before;
	ok(host_count[IPI] - count == 3 && traps == 3,
	   "an interrupt onto a watched stack comes, and then the trap (%d and %d of 3)",
	   (u64)(host_count[IPI] - count), (u64)traps);
}

void test_interrupts(void)
{
	watched_stack();
	timer_beside_v_irq();
	ipi_beside_v_irq();
	injected_once();
	fpu_of_the_other();
}
