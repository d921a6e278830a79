// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU's accesses to one card arrive there whatever another CPU does to the
 * addresses of a second card: the emulator must not follow what it remembers
 * of the old map with the new one. The first CPU hides and shows a card (its
 * command register, PCI 3.0 section 6.2.2), the second works with the card
 * above it. check-svm gives the machine two edu cards.
 */
#include "bare.h"

#define EDU		0x11e81234U	/* device and vendor */
#define ECHO		0x04		/* edu: reads as the complement of what was written */
#define COMMAND		0x04
#define MEMORY		BIT(1)
#define BAR0		0x10
#define ROUNDS		300

static void outl(u16 port, u32 value)
{
	asm volatile("outl %0, %1" : : "a"(value), "d"(port));
}

static u32 inl(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "d"(port));
	return value;
}

static u32 config_read(u32 slot, u32 reg)
{
	outl(0xcf8, 0x80000000U | slot << 11 | reg);
	return inl(0xcfc);
}

static void config_write(u32 slot, u32 reg, u32 value)
{
	outl(0xcf8, 0x80000000U | slot << 11 | reg);
	outl(0xcfc, value);
}

static u32 find_edu(u32 slot)
{
	while (slot < 32 && config_read(slot, 0) != EDU)
		slot++;
	return slot;
}

static volatile u32 *card;
static volatile u64 accesses, strayed;
static volatile bool at_work;

/* Several in a row: the CPU looks for work from outside only between such rows. */
static void work_with_card(void)
{
	u32 n = (u32)accesses, a, b, c;

	at_work = true;
	card[0] = n;
	a = card[0];
	card[0] = n + 1;
	b = card[0];
	card[0] = n + 2;
	c = card[0];
	strayed += (a != ~n) + (b != ~(n + 1)) + (c != ~(n + 2));
	accesses += 3;
	at_work = false;
}

static u64 bar(u32 slot)
{
	return config_read(slot, BAR0) & ~0xfU;
}

void test_memory(void)
{
	u32 low = find_edu(0), high = find_edu(low + 1), swap, i;
	u64 seen;

	if (high >= 32) {
		ok(false, "the machine has two edu cards");
		return;
	}
	if (bar(low) > bar(high)) {
		swap = low;
		low = high;
		high = swap;
	}
	card = (volatile u32 *)(bar(high) + ECHO);
	start_second_cpu();
	second_cpu_job = work_with_card;
	for (i = 0; i < ROUNDS; i++) {
		config_write(low, COMMAND, i & 1 ? MEMORY : 0);
		for (seen = accesses; accesses == seen;)
			pause();
	}
	second_cpu_job = NULL;
	while (at_work)
		pause();
	ok(!strayed, "accesses to a card arrive while another's addresses come and go (%d of %d strayed)",
	   strayed, accesses);
}
