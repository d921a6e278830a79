// SPDX-License-Identifier: GPL-2.0
/*
 * bare: the machine's resets, one after the other, and a sleep to RAM: the kernel
 * starts anew each time and finds in a byte of the clock's memory what came before.
 */
#include "bare.h"

#define STAGE		0x3f		/* in the clock's memory */

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void set_cmos(u8 reg, u8 v)
{
	outb(0x70, reg);
	outb(0x71, v);
}

/* ---- ACPI: enough of it to sleep ---------------------------------------------------- */

struct table {
	char name[4];
	u32 length;
	u8 rest[28];
};

static const u8 *find_rsdp(void)
{
	const u8 *p;

	for (p = (const u8 *)0xe0000; p < (const u8 *)0x100000; p += 16)
		if (!memcmp(p, "RSD PTR ", 8))
			return p;
	return NULL;
}

static u32 at32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return v;
}

static const u8 *find_fadt(void)
{
	const u8 *rsdp = find_rsdp(), *rsdt, *t;
	u32 i;

	if (!rsdp)
		return NULL;
	rsdt = (const u8 *)(u64)at32(rsdp + 16);
	for (i = sizeof(struct table); i < at32(rsdt + 4); i += 4) {
		t = (const u8 *)(u64)at32(rsdt + i);
		if (!memcmp(t, "FACP", 4))
			return t;
	}
	return NULL;
}

/* The clock's alarm, each second, ends it; firmware goes on at WAKE_BASE. */
static void sleep_to_ram(void)
{
	extern u8 wake_code[], wake_code_end[];
	const u8 *fadt = find_fadt();
	u8 *facs;
	u16 events, control;

	ok(fadt != NULL, "firmware tells how to sleep");
	if (!fadt)
		return;
	facs = (u8 *)(u64)at32(fadt + 36);
	events = at32(fadt + 56);
	control = at32(fadt + 64);
	memcpy((void *)WAKE_BASE, wake_code, wake_code_end - wake_code);
	*(volatile u32 *)(facs + 12) = WAKE_BASE;
	set_cmos(1, 0xc0);
	set_cmos(3, 0xc0);
	set_cmos(5, 0xc0);
	set_cmos(0xb, cmos(0xb) | 0x20);
	cmos(0xc);
	outw(events, 0xffff);
	outw(events + 2, 0x400);		/* the clock may wake it */
	outw(control, 0x400 | 0x2000);
	delay_us(5000000);
	ok(false, "it sleeps");
}

/* ---- resets ---------------------------------------------------------------------------- */

static void reset_by(u8 way)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) none = { 0, 0 };

	switch (way) {
	case 0:
		outb(0xcf9, 0x02);
		outb(0xcf9, 0x06);
		break;
	case 1:
		outb(0x92, inb(0x92) & ~1);
		outb(0x92, inb(0x92) | 1);
		break;
	case 2:
		outb(0x64, 0xfe);
		break;
	default:
		asm volatile("lidt %0\n	ud2" : : "m"(none));
	}
}

void test_reset(void)
{
	static const char *const ways[] = { "power-on", "port CF9h", "port 92h", "the keyboard's controller",
					    "a triple fault" };
	u8 stage = cmos(STAGE);

	if (stage >= ARRAY_SIZE(ways))
		stage = 0;
	ok(true, "a start after %s", ways[stage]);
	if (stage == ARRAY_SIZE(ways) - 1) {
		set_cmos(STAGE, 0);
		sleep_to_ram();
		return;
	}
	set_cmos(STAGE, stage + 1);
	reset_by(stage);
	delay_us(500000);
	ok(false, "a reset by way %u", stage);
}
