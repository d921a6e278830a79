// SPDX-License-Identifier: GPL-2.0
/*
 * bare: the IOAPIC (Intel 82093AA data sheet, 3.2), its pins moved by pc-testdev:
 * edges and levels, masks, remote IRR, destinations, the trigger mode register.
 */
#include "bare.h"

#define PIN		14
#define LINE(n)		(0x2000 + (n))
#define VECTOR		0x71
#define OTHER		0x79
#define LEVEL		0x8000
#define MASKED		0x10000
#define REMOTE_IRR	0x4000

static volatile u32 *const ioapic = (u32 *)0xfec00000;

static u32 io_read(u32 reg)
{
	ioapic[0] = reg;
	return ioapic[4];
}

static void io_write(u32 reg, u32 v)
{
	ioapic[0] = reg;
	ioapic[4] = v;
}

static void redirect(unsigned int pin, u32 low, u32 dest)
{
	io_write(0x10 + pin * 2, MASKED);
	io_write(0x11 + pin * 2, dest << 24);
	io_write(0x10 + pin * 2, low);
}

static u32 entry(unsigned int pin) { return io_read(0x10 + pin * 2); }

static void line(unsigned int pin, u8 level) { outb(LINE(pin), level); }

static void settle(void)
{
	sti();
	delay_us(300);
	cli();
}

static volatile u32 count, other_count, tmr, on;
static volatile u32 lower_after;

static u32 tmr_of(u32 vector)
{
	return apic_read(APIC_TMR + vector / 32 * 16) >> (vector & 31) & 1;
}

static void edge(struct frame *f)
{
	tmr = tmr_of(f->vector);
	on = is_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	count++;
	apic_eoi();
}

static void level(struct frame *f)
{
	tmr = tmr_of(f->vector);
	count++;
	on = is_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	if (count >= lower_after)
		line(PIN, 0);
	apic_eoi();
}

static void other(struct frame *f)
{
	(void)f;
	other_count++;
	apic_eoi();
}

static void registers(void)
{
	u32 version = io_read(1), id = io_read(0), got;

	ok((version & 0xff) >= 0x11 && (version >> 16 & 0xff) == 23, "IOAPIC: a version, 24 pins");
	io_write(1, ~version);
	ok(io_read(1) == version, "IOAPIC: it stays");
	io_write(0, ~0U);
	got = io_read(0);
	ok(got == 0x0f000000, "IOAPIC: four bits of id (%#x)", got);
	ok(io_read(2) == got, "IOAPIC: the arbitration id is its");
	io_write(0, id);
	io_write(0x10 + 2 * PIN, ~0U);
	got = entry(PIN);
	ok((got & ~0x1000U) == (0x1ffff & ~(0x1000U | REMOTE_IRR)), "IOAPIC: an entry's bits (%#x)", got);
	io_write(0x10 + 2 * PIN, MASKED);
}

static void edges(void)
{
	set_handler(VECTOR, edge);
	redirect(PIN, VECTOR, cpu_apic_id(0));
	count = 0;
	line(PIN, 1);
	settle();
	ok(count == 1 && !tmr, "edge: one, TMR clear");
	line(PIN, 1);
	settle();
	ok(count == 1, "edge: no edge, none");
	line(PIN, 0);
	settle();
	ok(count == 1, "edge: the other edge, none");
	count = 0;
	line(PIN, 1);
	line(PIN, 0);
	line(PIN, 1);
	line(PIN, 0);
	settle();
	ok(count == 1, "edge: two at once are one (%u)", count);
	redirect(PIN, VECTOR | MASKED, cpu_apic_id(0));
	count = 0;
	line(PIN, 1);
	line(PIN, 0);
	settle();
	ok(!count, "edge: masked, none");
	io_write(0x10 + PIN * 2, VECTOR);
	settle();
	ok(!count, "edge: unmasked, none yet");
	line(PIN, 1);
	line(PIN, 0);
	settle();
	ok(count == 1, "edge: unmasked, one");
}

static void levels(void)
{
	set_handler(VECTOR, level);
	redirect(PIN, VECTOR | LEVEL, cpu_apic_id(0));
	count = 0;
	lower_after = 1;
	line(PIN, 1);
	settle();
	ok(count == 1 && tmr, "level: one, TMR set");
	ok(!(entry(PIN) & REMOTE_IRR), "level: remote IRR is clear after the EOI");
	line(PIN, 1);
	ok(entry(PIN) & REMOTE_IRR, "level: set before");
	line(PIN, 0);
	settle();
	ok(count == 2, "level: one that fell is still taken (%u)", count);
	count = 0;
	lower_after = 10;
	line(PIN, 1);
	settle();
	delay_us(2000);
	settle();
	ok(count == 10, "level: again until it falls (%u)", count);
	count = 0;
	lower_after = 1;
	redirect(PIN, VECTOR | LEVEL | MASKED, cpu_apic_id(0));
	line(PIN, 1);
	settle();
	ok(!count, "level: masked, none");
	io_write(0x10 + PIN * 2, VECTOR | LEVEL);
	settle();
	ok(count == 1, "level: unmasked, one");
}

/* Nobody lowers the line but the code that the interrupt keeps from running. */
static void never_lowered(struct frame *f)
{
	(void)f;
	if (++count == lower_after)
		line(PIN, 0);
	apic_eoi();
}

static void storm(void)
{
	set_handler(VECTOR, never_lowered);
	redirect(PIN, VECTOR | LEVEL, cpu_apic_id(0));
	count = 0;
	lower_after = 30000;
	line(PIN, 1);
	sti();
	delay_us(1);
	line(PIN, 0);
	cli();
	ok(count && count < lower_after, "level: never lowered, other code goes on (%u)", count);
	redirect(PIN, MASKED | VECTOR, 0);
}

static void two_pins(void)
{
	set_handler(VECTOR, level);
	set_handler(OTHER, other);
	redirect(PIN, VECTOR | LEVEL, cpu_apic_id(0));
	redirect(PIN + 1, OTHER, cpu_apic_id(0));
	count = 0;
	other_count = 0;
	lower_after = 1;
	line(PIN, 1);
	line(PIN + 1, 1);
	settle();
	ok(count == 1 && other_count == 1, "two pins at once");
	line(PIN + 1, 0);
	io_write(0x10 + (PIN + 1) * 2, MASKED);
}

static void tmr_follows(void)
{
	set_handler(VECTOR, edge);
	redirect(PIN, VECTOR | LEVEL, cpu_apic_id(0));
	set_handler(VECTOR, level);
	lower_after = 1;
	count = 0;
	line(PIN, 1);
	settle();
	ok(tmr && tmr_of(VECTOR), "TMR is set by a level");
	set_handler(VECTOR, edge);
	redirect(PIN, VECTOR, cpu_apic_id(0));
	ok(tmr_of(VECTOR), "and stays until the next");
	line(PIN, 1);
	line(PIN, 0);
	settle();
	ok(!tmr, "which is an edge: clear");
}

/* The handler gives its own pin another vector while the line is high. */
static void changed(struct frame *f)
{
	(void)f;
	count++;
	redirect(PIN, OTHER, cpu_apic_id(0));
	line(PIN, 0);
	line(PIN, 1);
	line(PIN, 0);
	apic_eoi();
}

static void reconfigure(void)
{
	set_handler(VECTOR, changed);
	set_handler(OTHER, other);
	redirect(PIN, VECTOR | LEVEL, cpu_apic_id(0));
	count = 0;
	other_count = 0;
	line(PIN, 1);
	settle();
	ok(count == 1 && other_count == 1, "a handler changes its own entry (%u, %u)", count, other_count);
	redirect(PIN, MASKED | VECTOR, 0);
}

static void destinations(void)
{
	unsigned int i;

	set_handler(VECTOR, edge);
	for (i = 0; i < nr_cpus; i++) {
		redirect(PIN, VECTOR, cpu_apic_id(i));
		count = 0;
		on = ~0U;
		line(PIN, 1);
		line(PIN, 0);
		sti();
		reached(&count, 1);
		cli();
		ok(count == 1 && on == cpu_apic_id(i), "physical: CPU %u", i);
	}
	if (!is_x2apic()) {
		apic_write(APIC_DFR, ~0U);
		apic_write(APIC_LDR, 1U << 24);
		redirect(PIN, VECTOR | 0x800, 1);
		count = 0;
		line(PIN, 1);
		line(PIN, 0);
		settle();
		ok(count == 1 && on == cpu_apic_id(0), "logical: CPU 0");
	}
	redirect(PIN, VECTOR, 0x7e);
	count = 0;
	line(PIN, 1);
	line(PIN, 0);
	settle();
	ok(!count, "nobody's id: none");
	redirect(PIN, MASKED, 0);
}

static void as_nmi(struct frame *f)
{
	(void)f;
	other_count++;
}

static void modes(void)
{
	set_handler(2, as_nmi);
	other_count = 0;
	redirect(PIN, 0x400, cpu_apic_id(0));
	line(PIN, 1);
	line(PIN, 0);
	delay_us(300);
	ok(other_count == 1, "a pin that is an NMI");
	redirect(PIN, MASKED, 0);
	set_handler(2, NULL);
}

void test_ioapic(void)
{
	if (!has_testdev()) {
		note("no pc-testdev");
		return;
	}
	registers();
	edges();
	levels();
	storm();
	two_pins();
	tmr_follows();
	reconfigure();
	destinations();
	modes();
}
