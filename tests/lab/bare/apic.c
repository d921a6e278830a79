// SPDX-License-Identifier: GPL-2.0
/*
 * bare: the local APIC in both forms (APM2 chapter 16): messages by each kind of
 * destination and shorthand, the timer's count, priorities, the base MSR.
 */
#include "bare.h"

#define BASE_MSR	0x1b
#define BASE_EN		BIT(11)
#define BASE_X2		BIT(10)
#define PAGE		0xfee00000UL
#define VECTOR		0x61
#define LOW_VECTOR	0x41

bool is_x2apic(void)
{
	return (rdmsr(BASE_MSR) & (BASE_EN | BASE_X2)) == (BASE_EN | BASE_X2);
}

u32 apic_read(u32 reg)
{
	if (is_x2apic())
		return rdmsr(0x800 + reg / 16);
	return *(volatile u32 *)(PAGE + reg);
}

void apic_write(u32 reg, u32 v)
{
	if (is_x2apic())
		wrmsr(0x800 + reg / 16, v);
	else
		*(volatile u32 *)(PAGE + reg) = v;
}

void apic_icr(u32 low, u32 dest)
{
	if (is_x2apic()) {
		wrmsr(0x830, (u64)dest << 32 | low);
		return;
	}
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, low);
}

void apic_eoi(void) { apic_write(APIC_EOI, 0); }

void apic_enable(void)
{
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_LVT0, 0x10000);
	apic_write(APIC_TPR, 0);
}

static volatile u32 count, low_count, at_low;

static void counted(struct frame *f)
{
	(void)f;
	__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
	apic_eoi();
}

static void low_counted(struct frame *f)
{
	(void)f;
	at_low = count;
	low_count++;
	apic_eoi();
}

static volatile u32 nmis;

static void nmi_counted(struct frame *f)
{
	(void)f;
	__atomic_add_fetch(&nmis, 1, __ATOMIC_SEQ_CST);
}

static u32 my_id(void) { return cpu_apic_id(0); }

/* Do @n CPUs take the message, and no more? */
static bool takes(u32 icr, u32 dest, u32 n)
{
	count = 0;
	sti();
	apic_icr(icr | VECTOR, dest);
	reached(&count, n);
	delay_us(10000);
	cli();
	return count == n;
}

static void learn_id(void *arg)
{
	*(volatile u32 *)arg = is_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

static void shorthands(const char *form)
{
	ok(takes(ICR_SELF, 0, 1), "%s: to self", form);
	ok(takes(ICR_SELF | 0x100, 0, 1), "%s: lowest priority to self", form);
	ok(takes(ICR_ASSERT, my_id(), 1), "%s: to one's own id", form);
	ok(takes(ICR_OTHERS, 0, nr_cpus - 1), "%s: to the others", form);
	ok(takes(0x80000, 0, nr_cpus), "%s: to all", form);
	ok(takes(ICR_ASSERT, is_x2apic() ? ~0U : 0xff, nr_cpus), "%s: physical broadcast", form);
	ok(takes(ICR_ASSERT, 0x3e, 0), "%s: to nobody's id", form);
}

static void nmi_to(u32 icr, u32 dest, const char *what)
{
	nmis = 0;
	apic_icr(icr | ICR_NMI | ICR_ASSERT, dest);
	ok(reached(&nmis, 1) && nmis == 1, "an NMI by %s (%u)", what, nmis);
}

static void many_to_self(struct frame *f)
{
	unsigned int i;

	(void)f;
	if (__atomic_add_fetch(&nmis, 1, __ATOMIC_SEQ_CST) == 1)
		for (i = 0; i < 10; i++)
			apic_icr(ICR_NMI | ICR_ASSERT, my_id());
}

static void nmis_meanwhile(void)
{
	u32 i, wrong = 0;

	set_handler(2, many_to_self);
	for (i = 0; i < 200; i++) {
		nmis = 0;
		apic_icr(ICR_NMI | ICR_ASSERT, my_id());
		reached(&nmis, 2);
		wrong += nmis != 2;
	}
	ok(!wrong, "of ten NMIs in a handler one is kept, each time (%u)", wrong);
	set_handler(2, nmi_counted);
}

static volatile u32 go_on;

static void nmi_sender(void *arg)
{
	(void)arg;
	while (go_on) {
		u32 seen = nmis;

		apic_icr(ICR_NMI | ICR_ASSERT, my_id());
		while (go_on && nmis == seen)
			pause();
	}
}

static void in_shadow(struct frame *f)
{
	extern char shadow_at[];

	nmis++;
	if (f->rip == (u64)shadow_at)
		count++;
}

/* An NMI may come in the shadow of STI or not; nothing may get lost there. */
static void nmis_by_another(void)
{
	u64 end = rdtsc() + 20000000000ULL;
	u32 seen = 0;

	if (nr_cpus < 2)
		return;
	set_handler(2, in_shadow);
	count = 0;
	nmis = 0;
	go_on = 1;
	on_cpu(1, nmi_sender, NULL);
	while (rdtsc() < end && nmis < 500) {
		asm volatile("cli\n	sti\nshadow_at:	nop\n" : : : "memory");
		if (nmis == seen)
			continue;
		seen = nmis;	/* a busy host may take its time, but one that is lost never comes */
		end = rdtsc() + 20000000000ULL;
	}
	go_on = 0;
	wait_cpu(1);
	cli();
	ok(nmis >= 500, "500 NMIs by another CPU (%u)", nmis);
	ok(!count, "none in the shadow of STI (%u)", count);
	set_handler(2, nmi_counted);
}

static void halt_for_nmi(void)
{
	nmis = 0;
	cli();
	apic_icr(ICR_NMI | ICR_SELF, 0);
	ok(reached(&nmis, 1), "an NMI with interrupts off");
	if (nr_cpus < 2)
		return;
	nmis = 0;
	go_on = 1;
	on_cpu(1, nmi_sender, NULL);
	for (go_on = 1; nmis < 200;)
		asm volatile("hlt");
	go_on = 0;
	wait_cpu(1);
	ok(true, "HLT ends by NMIs");
}

/* ---- priorities ------------------------------------------------------------------- */

static void priorities(void)
{
	count = 0;
	low_count = 0;
	SET_REG("cr8", 6);
	sti();
	apic_icr(ICR_SELF | VECTOR, 0);
	apic_icr(ICR_SELF | LOW_VECTOR, 0);
	delay_us(1000);
	ok(!count && !low_count, "CR8 holds back its class and those below");
	ok(apic_read(APIC_TPR) == 0x60 && apic_read(APIC_PPR) == 0x60, "TPR and PPR are CR8's");
	SET_REG("cr8", 5);
	moment();
	ok(count == 1 && !low_count, "one less: the one above comes");
	SET_REG("cr8", 0);
	moment();
	ok(low_count == 1, "none: all come");
	cli();
	apic_icr(ICR_SELF | LOW_VECTOR, 0);
	apic_icr(ICR_SELF | VECTOR, 0);
	ok(apic_read(APIC_IRR + 0x20) & 2 && apic_read(APIC_IRR + 0x30) & 2, "IRR has both");
	sti_nop_cli();
	ok(at_low == 2 && low_count == 2, "the higher one first");
	apic_write(APIC_TPR, 0x7f);
	ok(GET_REG("cr8") == 7, "CR8 is the TPR's class");
	apic_write(APIC_TPR, 0);
}

static volatile u64 came_at;

static void where(struct frame *f)
{
	came_at = f->rip;
	apic_eoi();
}

static void shadows(void)
{
	extern char behind_sti[];

	set_handler(VECTOR, where);
	cli();
	apic_icr(ICR_SELF | VECTOR, 0);
	asm volatile("sti\n	nop\nbehind_sti:	nop\n	nop\n	cli" : : : "memory");
	ok(came_at == (u64)behind_sti, "an interrupt comes behind STI's shadow");
	set_handler(VECTOR, counted);
}

/* ---- timer ------------------------------------------------------------------------ */

/* Of 16 ns each where a KVM makes the clock: longer than a busy host keeps a CPU away */
#define START	0x999999U
#define BY_16	3

/* Wait for the count to go down to @below; at most some seconds. */
static bool count_below(u32 below)
{
	u64 end = rdtsc() + 5000000000ULL;

	while (rdtsc() < end)
		if (apic_read(APIC_TMCCT) <= below)
			return true;
	return false;
}

static bool count_wraps(void)
{
	u64 end = rdtsc() + 5000000000ULL;
	u32 last = apic_read(APIC_TMCCT), now;

	for (; rdtsc() < end; last = now) {
		now = apic_read(APIC_TMCCT);
		if (now > last)
			return true;
	}
	return false;
}

static void timer_modes(void)
{
	bool goes_on = false;
	u32 i, now;

	apic_write(APIC_TDCR, BY_16);
	apic_write(APIC_LVTT, 0x10000 | VECTOR);
	apic_write(APIC_TMICT, START);
	apic_write(APIC_LVTT, 0x30000 | VECTOR);
	ok(apic_read(APIC_TMICT) == START, "the initial count outlives a change of mode");
	apic_write(APIC_LVTT, 0x10000 | VECTOR);
	apic_write(APIC_TMICT, START);
	ok(apic_read(APIC_TMCCT), "one-shot: it counts");
	ok(count_below(0) && !apic_read(APIC_TMCCT), "to zero, and stays");
	/* A busy host may keep the CPU away for longer than the rest of the count. */
	for (i = 0; i < 5 && !goes_on; i++) {
		apic_write(APIC_LVTT, 0x10000 | VECTOR);
		apic_write(APIC_TMICT, START);
		count_below(START / 2);
		apic_write(APIC_LVTT, 0x30000 | VECTOR);
		now = apic_read(APIC_TMCCT);
		goes_on = now && now < START / 2 + START / 8;
	}
	ok(goes_on, "made periodic it goes on from there");
	ok(count_wraps(), "and begins again");
	ok(count_below(START / 2), "periodic: half of it");
	apic_write(APIC_LVTT, 0x10000 | VECTOR);
	ok(apic_read(APIC_TMCCT) < START / 2 + START / 8, "made one-shot it goes on from there");
	ok(count_below(0), "to zero");
	apic_write(APIC_LVTT, 0x30000 | VECTOR);
	ok(!apic_read(APIC_TMCCT), "made periodic at zero it stays there");
	apic_write(APIC_TMICT, 0);
	ok(!apic_read(APIC_TMCCT), "an initial count of 0 stops it");
	apic_write(APIC_LVTT, 0x10000 | VECTOR);
	apic_write(APIC_TMICT, START);
	apic_write(APIC_TDCR, 0xb);
	ok(apic_read(APIC_TMCCT) > START / 4, "another divider leaves the count");
	apic_write(APIC_TMICT, 0);
}

static void timer_interrupts(void)
{
	u64 start;

	count = 0;
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, VECTOR);
	sti();
	start = rdtsc();
	apic_write(APIC_TMICT, 0x10000);
	ok(reached(&count, 1) && rdtsc() - start >= 0x10000, "one-shot: an interrupt");
	delay_us(5000);
	ok(count == 1, "only one (%u)", count);
	count = 0;
	apic_write(APIC_LVTT, 0x20000 | VECTOR);
	apic_write(APIC_TMICT, 500000);
	ok(reached(&count, 5), "periodic: they go on");
	count = 0;
	apic_write(APIC_TMICT, 1);
	ok(reached(&count, 5), "faster than can be served: the code between them goes on, too");
	apic_write(APIC_TMICT, 0);
	delay_us(2000);
	count = 0;
	delay_us(5000);
	ok(!count, "until the count is 0 (%u)", count);
	cli();
}

static void deadline(void)
{
	u32 early = 0;

	if (!has_cpuid(1, 2, 24)) {
		note("no TSC deadline");
		return;
	}
	apic_write(APIC_LVTT, 0x40000 | VECTOR);
	count = 0;
	sti();
	wrmsr(0x6e0, rdtsc() + 20000000);
	early = count;
	ok(rdmsr(0x6e0), "a deadline that is to come can be read");
	ok(reached(&count, 1) && !early, "it interrupts");
	ok(!rdmsr(0x6e0), "and is gone");
	wrmsr(0x6e0, rdtsc() - 1000);
	ok(reached(&count, 2), "one that is past interrupts at once");
	wrmsr(0x6e0, rdtsc() + (1ULL << 60));
	apic_write(APIC_LVTT, VECTOR);
	apic_write(APIC_LVTT, 0x40000 | VECTOR);
	ok(!rdmsr(0x6e0), "another mode disarms it");
	apic_write(APIC_TMICT, 1000);
	ok(!apic_read(APIC_TMCCT), "in this mode no count starts");
	apic_write(APIC_LVTT, 0x10000);
	cli();
}

/* ---- the PIC, by LINT0 ------------------------------------------------------------ */

#define PIC_VECTOR	0x80

static void by_pic(struct frame *f)
{
	(void)f;
	count++;
	outb(0x20, 0x20);
}

static void pic(void)
{
	u32 n;

	outb(0x20, 0x11);
	outb(0x21, PIC_VECTOR);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0x43, 0x34);		/* channel 0: 1 kHz */
	outb(0x40, 0xa9);
	outb(0x40, 0x04);
	set_handler(PIC_VECTOR, by_pic);
	outb(0x21, 0xfe);
	apic_write(APIC_LVT0, 0x10700);
	count = 0;
	sti();
	delay_us(20000);
	n = count;
	ok(!n, "the PIC is not heard while LINT0 is masked (%u)", n);
	apic_write(APIC_LVT0, 0x700);
	ok(reached(&count, 3), "it is when LINT0 is an ExtINT (%u)", count);
	apic_write(APIC_LVT0, 0x10700);
	delay_us(5000);
	count = 0;
	delay_us(20000);
	n = count;
	ok(!n, "and no more when it is masked (%u)", n);
	cli();
	outb(0x21, 0xff);
}

/* ---- the xAPIC's registers ----------------------------------------------------------- */

static void set_logical(void *arg)
{
	u32 ldr = (u64)arg & 0xff, flat = (u64)arg >> 8;

	apic_write(APIC_DFR, flat ? ~0U : 0x0fffffff);
	apic_write(APIC_LDR, ldr << 24);
}

static void set_all_logical(bool flat)
{
	unsigned int i;
	u64 ldr;

	for (i = 0; i < nr_cpus; i++) {
		ldr = flat ? 1U << (i & 7) : (i / 2) << 4 | 1U << (i & 1);
		if (!i) {
			set_logical((void *)(ldr | flat << 8));
			continue;
		}
		on_cpu(i, set_logical, (void *)(ldr | flat << 8));
		wait_cpu(i);
	}
}

static void logical(void)
{
	u32 pairs = nr_cpus > 1 ? 2 : 1;

	set_all_logical(true);
	ok(takes(ICR_ASSERT | 0x800, 1, 1), "flat: one");
	ok(takes(ICR_ASSERT | 0x800, 3, pairs), "flat: two");
	ok(takes(ICR_ASSERT | 0x900, 0xff, 1), "flat: lowest priority of all");
	ok(takes(ICR_ASSERT | 0x800, 0xff, nr_cpus), "flat: all");
	ok(takes(ICR_ASSERT | 0x800, 0, 0), "flat: none");
	set_all_logical(false);
	ok(takes(ICR_ASSERT | 0x800, 3, pairs), "cluster 0: both");
	ok(takes(ICR_ASSERT | 0x800, 0x1f, (nr_cpus > 3 ? 2 : nr_cpus > 2 ? 1 : 0)), "cluster 1");
	ok(takes(ICR_ASSERT | 0x800, 0xff, nr_cpus), "clusters: all");
	set_all_logical(true);
}

static void registers(void)
{
	u32 v, id = apic_read(APIC_ID);

	ok((apic_read(APIC_VERSION) & 0xff) >= 0x10 && (apic_read(APIC_VERSION) & 0xff) <= 0x1f,
	   "a version");
	apic_write(APIC_ESR, 0);
	apic_write(APIC_ESR, 0);
	ok(!apic_read(APIC_ESR), "no errors");
	v = apic_read(APIC_LVT0);
	apic_write(APIC_SVR, 0xff);
	ok(apic_read(APIC_LVTERR) & 0x10000, "off by software: LVTs are masked");
	apic_write(APIC_LVT0, 0x700);
	ok(apic_read(APIC_LVT0) & 0x10000, "and stay so");
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_LVT0, v);
	ok(apic_read(APIC_ID) == id, "the id stays");
	apic_write(APIC_ICR2, 0x12ffffff);
	ok(apic_read(APIC_ICR2) == 0x12000000, "ICR2 has the destination only");
	ok(!(apic_read(APIC_ICR) & 0x1000), "the ICR is never busy");
}

static void base_msr(void)
{
	u64 base = rdmsr(BASE_MSR);
	u32 r[4];

	cpuid(0x80000008, 0, r);
	ok(try_wrmsr(BASE_MSR, base | BIT(r[0] & 0xff)) == 13, "a base beyond memory is #GP");
	ok(try_wrmsr(BASE_MSR, base | 1) == 13, "so are reserved bits");
	ok(try_wrmsr(BASE_MSR, (base & ~BASE_EN) | BASE_X2) == 13, "so is x2APIC alone");
	map(TEST_VA, 0xd0000000 | PTE_P | PTE_W | PTE_PCD, 0);
	wrmsr(BASE_MSR, 0xd0000000 | (base & 0xfff));
	ok((*(volatile u32 *)(TEST_VA + APIC_VERSION) & 0xff) == (apic_read(APIC_VERSION) & 0xff) ||
	   (*(volatile u32 *)(TEST_VA + APIC_VERSION) & 0xf0) == 0x10, "the page moves");
	wrmsr(BASE_MSR, base);
	ok(rdmsr(BASE_MSR) == base, "and back");
	wrmsr(BASE_MSR, base & ~BASE_EN);
	ok(!has_cpuid(1, 3, 9), "off: CPUID has none");
	ok(*(volatile u32 *)(PAGE + APIC_VERSION) == ~0U, "its page reads as ones");
	wrmsr(BASE_MSR, base);
	ok(has_cpuid(1, 3, 9), "on again");
	ok(apic_read(APIC_SVR) == 0xff, "with reset registers (%#x)", apic_read(APIC_SVR));
	apic_enable();
}

void test_apic(void)
{
	set_handler(VECTOR, counted);
	set_handler(LOW_VECTOR, low_counted);
	set_handler(2, nmi_counted);
	base_msr();
	registers();
	shorthands("xAPIC");
	logical();
	priorities();
	shadows();
	pic();
	timer_modes();
	timer_interrupts();
	deadline();
	nmi_to(ICR_SELF, 0, "the shorthand");
	nmi_to(0, my_id(), "an id");
	nmis_meanwhile();
	nmis_by_another();
	halt_for_nmi();
	set_handler(2, NULL);
}

/* ---- x2APIC ---------------------------------------------------------------------------- */

static void enter_x2apic(void *arg)
{
	(void)arg;
	wrmsr(BASE_MSR, rdmsr(BASE_MSR) | BASE_X2);
	apic_enable();
}

static void all_x2apic(void)
{
	volatile u32 id = 0;
	unsigned int i;

	enter_x2apic(NULL);
	for (i = 1; i < nr_cpus; i++) {
		on_cpu(i, enter_x2apic, NULL);
		wait_cpu(i);
		on_cpu(i, learn_id, (void *)&id);
		wait_cpu(i);
		ok(id == cpu_apic_id(i), "CPU %u has its id in x2APIC form", i);
	}
}

static void x2_registers(void)
{
	u32 bad[] = { 0x801, 0x804, 0x809, 0x80c, 0x80e, 0x829, 0x82e, 0x831, 0x840, 0x8ff };
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		n += try_rdmsr(bad[i]) == 13;
	ok(n == ARRAY_SIZE(bad), "registers that do not exist are #GP (%u)", n);
	ok(try_rdmsr(0x80b) == 13 && try_rdmsr(0x83f) == 13, "EOI and self-IPI cannot be read");
	ok(try_wrmsr(0x80b, 1) == 13, "an EOI other than 0 is #GP");
	ok(try_wrmsr(0x802, 0) == 13 && try_wrmsr(0x803, 0) == 13 && try_wrmsr(0x80d, 0) == 13,
	   "id, version and LDR cannot be written");
	ok(try_wrmsr(0x808, 0x100) == 13, "nor reserved bits of TPR");
	ok(try_wrmsr(0x80f, BIT(32)) == 13, "nor upper halves");
	ok(rdmsr(0x80d) == ((rdmsr(0x802) >> 4) << 16 | 1 << (rdmsr(0x802) & 15)), "the LDR is the id's");
}

void test_x2apic(void)
{
	u64 base = rdmsr(BASE_MSR);

	set_handler(VECTOR, counted);
	set_handler(LOW_VECTOR, low_counted);
	set_handler(2, nmi_counted);
	if (!has_cpuid(1, 2, 21)) {
		note("no x2APIC");
		ok(try_wrmsr(BASE_MSR, base | BASE_X2) == 13, "x2APIC is #GP without CPUID's bit");
		return;
	}
	ok(try_rdmsr(0x802) == 13, "its MSRs are #GP in xAPIC mode");
	wrmsr(BASE_MSR, base & ~BASE_EN);
	ok(try_wrmsr(BASE_MSR, base | BASE_X2) == 13, "it is not entered from off");
	wrmsr(BASE_MSR, base);
	apic_enable();
	all_x2apic();
	ok(try_wrmsr(BASE_MSR, base) == 13, "it is not left for xAPIC");
	ok(*(volatile u32 *)(PAGE + APIC_VERSION) == ~0U, "the page reads as ones");
	x2_registers();
	shorthands("x2APIC");
	count = 0;
	sti();
	wrmsr(0x83f, VECTOR);
	moment();
	cli();
	ok(count == 1, "the self-IPI register");
	ok(takes(0x800, rdmsr(0x80d), 1), "x2APIC: logical, one");
	ok(takes(0x800, 0xffff, nr_cpus), "x2APIC: logical, a cluster");
	priorities();
	shadows();
	timer_modes();
	timer_interrupts();
	deadline();
	nmi_to(ICR_SELF, 0, "the shorthand, x2APIC");
	nmis_meanwhile();
	nmis_by_another();
	set_handler(2, NULL);
}
