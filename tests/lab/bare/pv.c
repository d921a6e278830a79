// SPDX-License-Identifier: GPL-2.0
/*
 * bare: what KVM gives guests that know it (Documentation/virt/kvm/x86/msr.rst,
 * hypercalls.rst): the clock's pages and the wall clock, async page faults by
 * interrupt, which values of the MSRs are refused, hypercalls from user code.
 */
#include "bare.h"

#define GP		13
#define WALL_CLOCK	0x4b564d00
#define SYSTEM_TIME	0x4b564d01
#define ASYNC_EN	0x4b564d02
#define STEAL_TIME	0x4b564d03
#define PV_EOI		0x4b564d04
#define POLL_CONTROL	0x4b564d05
#define ASYNC_INT	0x4b564d06
#define ASYNC_ACK	0x4b564d07
#define TSC_ADJUST	0x3b
#define VECTOR		0xe3
#define NO_MEMORY	BIT(38)
#define CODE		0x8120000000UL
#define SECOND		1000000000ULL

static u32 features(void)
{
	u32 r[4];

	cpuid(0x40000001, 0, r);
	return r[0];
}

/* ---- the clock ----------------------------------------------------------------------- */

struct clock {
	volatile u32 version;
	u32 pad;
	volatile u64 tsc, time;
	volatile u32 mul;
	volatile signed char shift;
	volatile u8 flags;
	u8 pad2[2];
} __attribute__((packed));

static struct {
	struct clock clock;
	u8 pad[96];
} clocks[NR_CPUS] __attribute__((aligned(128)));

static u64 clock_read(const struct clock *c)
{
	u32 version;
	u64 d, t;

	do {
		version = c->version;
		asm volatile("lfence" : : : "memory");
		d = rdtsc() - c->tsc;
		d = c->shift < 0 ? d >> -c->shift : d << c->shift;
		t = c->time + (u64)(((unsigned __int128)d * c->mul) >> 32);
		asm volatile("lfence" : : : "memory");
	} while ((version & 1) || version != c->version);
	return t;
}

static void clock_on(void *arg)
{
	wrmsr(SYSTEM_TIME, (u64)arg | 1);
}

static volatile u64 last, warps;

/* Each CPU's time must not be before what another one has seen. */
static void race(void *arg)
{
	unsigned int i;
	u64 was, now;

	for (i = 0; i < 20000; i++) {
		was = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
		now = clock_read(arg);
		if (now < was)
			__atomic_add_fetch(&warps, 1, __ATOMIC_SEQ_CST);
		else
			__atomic_compare_exchange_n(&last, &was, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
}

static void on_all(void (*fn)(void *))
{
	unsigned int i;

	for (i = 1; i < nr_cpus; i++)
		on_cpu(i, fn, &clocks[i].clock);
	fn(&clocks[0].clock);
	for (i = 1; i < nr_cpus; i++)
		wait_cpu(i);
}

static void monotonic(void)
{
	unsigned int i, back = 0;
	u64 was, now;

	was = clock_read(&clocks[0].clock);
	for (i = 0; i < 20000; i++, was = now) {
		now = clock_read(&clocks[0].clock);
		back += now < was;
	}
	ok(!back, "clock: it goes forwards (%u)", back);
	was = clock_read(&clocks[0].clock);
	delay_us(10000);
	now = clock_read(&clocks[0].clock);
	ok(now > was, "clock: it goes (%lu)", now - was);
	if (!(clocks[0].clock.flags & 1)) {
		note("the clock is not said to be the same on all CPUs");
		return;
	}
	last = 0;
	warps = 0;
	on_all(race);
	ok(!warps, "clock: no CPU's is behind another's (%lu)", warps);
}

/* The guest's own change of its TSC is none of the time. */
static void moved_tsc(void)
{
	u64 was, now, version;

	if (!has_cpuid(7, 1, 1))
		return;
	version = clocks[0].clock.version;
	was = clock_read(&clocks[0].clock);
	wrmsr(TSC_ADJUST, rdmsr(TSC_ADJUST) + (1ULL << 42));
	now = clock_read(&clocks[0].clock);
	ok(now >= was && now - was < 60 * SECOND && clocks[0].clock.version != version,
	   "clock: a TSC that the guest moves does not move it (%lu)", now - was);
	wrmsr(TSC_ADJUST, rdmsr(TSC_ADJUST) - (1ULL << 42));
	was = clock_read(&clocks[0].clock);
	ok(was >= now && was - now < 60 * SECOND, "clock: nor when it moves back (%lu)", was - now);
}

static void wall(void)
{
	static volatile struct {
		u32 version, sec, nsec;
	} wc;
	u64 now;
	u32 version;

	wrmsr(WALL_CLOCK, (u64)&wc);
	version = wc.version;
	now = wc.sec + clock_read(&clocks[0].clock) / SECOND;
	ok(version && !(version & 1) && wc.nsec < SECOND && now > 1577836800 && now < 4102444800,
	   "wall clock: a time of this century (%lu)", now);
	wrmsr(WALL_CLOCK, (u64)&wc);
	ok(wc.version > version && !(wc.version & 1), "wall clock: a new version each time (%u)", wc.version);
}

static void clock(void)
{
	unsigned int i, good = 0;
	u32 version;

	on_all(clock_on);
	for (i = 0; i < nr_cpus; i++)
		good += clocks[i].clock.version && !(clocks[i].clock.version & 1) && clocks[i].clock.mul &&
			clocks[i].clock.time;
	ok(good == nr_cpus, "clock: each CPU's page is written (%u)", good);
	ok(rdmsr(SYSTEM_TIME) == ((u64)&clocks[0].clock | 1), "clock: its MSR can be read");
	ok(!(clocks[0].clock.flags & 2), "clock: the guest was not stopped");
	monotonic();
	moved_tsc();
	wall();
	wrmsr(SYSTEM_TIME, 0);
	version = clocks[0].clock.version;
	if (has_cpuid(7, 1, 1))
		wrmsr(TSC_ADJUST, rdmsr(TSC_ADJUST));
	ok(clocks[0].clock.version == version, "clock: off, the page is left alone");
}

/* ---- async page faults ------------------------------------------------------------------- */

static volatile struct {
	u32 flags, token;
	u8 pad[56];
} apf __attribute__((aligned(64)));
static volatile u32 woken, token;

static void ready(struct frame *f)
{
	(void)f;
	token = apf.token;
	apf.token = 0;
	woken++;
	wrmsr(ASYNC_ACK, 1);
	apic_eoi();
}

static void async_faults(void)
{
	u64 at = (u64)&apf;
	bool bad = true;
	unsigned int i;

	if (!(features() & BIT(4)) || !(features() & BIT(14))) {
		note("no async page faults by interrupt");
		return;
	}
	for (i = 4; i < 6; i++)
		bad &= try_wrmsr(ASYNC_EN, at | 9 | BIT(i)) == GP;
	ok(bad, "async faults: reserved bits are #GP");
	ok(try_wrmsr(ASYNC_EN, NO_MEMORY | 9) == GP, "async faults: no memory there: #GP");
	ok(try_wrmsr(ASYNC_INT, 0x100) == GP, "async faults: no vector: #GP");
	ok(!rdmsr(ASYNC_EN) && !rdmsr(ASYNC_INT), "async faults: a refused value is not kept");
	set_handler(VECTOR, ready);
	ok(try_wrmsr(ASYNC_INT, VECTOR) == NOTHING && rdmsr(ASYNC_INT) == VECTOR, "async faults: a vector");
	woken = 0;
	sti();
	ok(try_wrmsr(ASYNC_EN, at | 0xb) == NOTHING && rdmsr(ASYNC_EN) == (at | 0xb), "async faults: on");
	reached(&woken, 1);
	cli();
	ok(woken == 1 && token == ~0U, "async faults: whoever waited is woken (%u, %#x)", woken, token);
	ok(!rdmsr(ASYNC_ACK), "async faults: the acknowledgement reads as 0");
	ok(try_wrmsr(ASYNC_EN, 0) == NOTHING && !rdmsr(ASYNC_EN), "async faults: off");
	ok(!apf.flags, "async faults: none was told (%u)", apf.flags);
	wrmsr(ASYNC_INT, 0);
	set_handler(VECTOR, NULL);
}

/* ---- others' MSRs, hypercalls ---------------------------------------------------------------- */

static void refused(void)
{
	if (features() & BIT(5))
		ok(try_wrmsr(STEAL_TIME, 0x1000 | 0x21) == GP, "steal time: reserved bits are #GP");
	if (features() & BIT(6)) {
		ok(try_wrmsr(PV_EOI, 0x1000 | 3) == GP, "PV EOI: reserved bits are #GP");
		ok(try_wrmsr(PV_EOI, NO_MEMORY | 1) == GP, "PV EOI: no memory there: #GP");
	}
	if (features() & BIT(12))
		ok(try_wrmsr(POLL_CONTROL, 2) == GP, "poll control: reserved bits are #GP");
}

/* A user's call, and one whose next instruction is at no canonical address */
static void hypercalls(void)
{
	static const u8 by_user[] = { 0x0f, 0x01, 0xd9, 0x48, 0x89, 0x07, 0xcd, 0x20 };
	u64 top = 0x7ffffffff000;
	u8 *page = page_alloc();

	map(CODE, (u64)page | PTE_P | PTE_W | PTE_U, 0);
	memcpy(page, by_user, sizeof(by_user));
	caught.vector = NOTHING;
	user_enter(CODE, CODE + 4096, CODE + 2048);
	ok(caught.vector == NOTHING && *(u64 *)(page + 2048) == (u64)-1, "a user's hypercall is not permitted (%#lx)",
	   *(u64 *)(page + 2048));
	map(top, (u64)page | PTE_P | PTE_W, 0);
	page[4093] = 0x0f;
	page[4094] = 0x01;
	page[4095] = 0xd9;
	ok(TRY("jmp *%0", : : "r"(top + 4093), "a"(~0ULL) : "memory") == GP, "a hypercall at the end of the lower half: #GP behind it (%lu)",
	   caught.vector);
	map(top, 0, 0);
}

void test_pv(void)
{
	u32 r[4];

	cpuid(0x40000000, 0, r);
	if (r[1] != 0x4b4d564b) {
		note("no KVM");
		return;
	}
	clock();
	async_faults();
	refused();
	hypercalls();
}
