// SPDX-License-Identifier: GPL-2.0
/*
 * A page may be code and page table at once: the walk for an instruction's second
 * page then writes (the accessed bit, APM2 5.4.2) into the page that is being
 * executed. The emulator must not wait for itself there.
 */
#include "bare.h"

#define WINDOW	0x7000000UL	/* 2 MiB that nothing else uses */
#define PAGE	4096UL
#define RW	3UL		/* present, writable */
#define ACCESSED	BIT(5)
#define ADDRESS	0x000ffffffffff000UL

/* Its entries 1 and 2 map itself and the page after it. */
static u8 both[2 * PAGE] __attribute__((aligned(4096)));

static u64 *directory_entry(u64 address)
{
	u64 table, i;

	asm volatile("mov %%cr3, %0" : "=r"(table));
	for (i = 39; i > 21; i -= 9)
		table = ((u64 *)(table & ADDRESS))[address >> i & 511];
	return &((u64 *)(table & ADDRESS))[address >> 21 & 511];
}

static void flush(void)
{
	u64 cr3;

	asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

static u32 call(u64 address)
{
	u32 value;

	asm volatile("call *%1" : "=a"(value) : "r"(address) : "memory", "cc");
	return value;
}

void test_code(void)
{
	static const u8 load[] = { 0xb8, 0x78, 0x56, 0x34, 0x12, 0xc3 };	/* mov eax, 12345678h; ret */
	u64 *entry = directory_entry(WINDOW), was = *entry, *table = (u64 *)both;
	u64 at = 2 * PAGE - 2;		/* in the window: two bytes, and four in the next page */
	u32 i, value;

	for (i = 0; i < sizeof(load); i++)
		both[PAGE - 2 + i] = load[i];
	both[PAGE / 2] = 0xc3;
	table[1] = (u64)both | RW;
	table[2] = (u64)(both + PAGE) | RW;
	*entry = (u64)both | RW;
	flush();
	call(WINDOW + PAGE + PAGE / 2);	/* now the page is known to hold code */
	ok(!(table[2] & ACCESSED), "the next page was not used yet");
	value = call(WINDOW + at);
	ok(value == 0x12345678, "an instruction crosses from a page that is its page table (%x)", (u64)value);
	ok(table[2] & ACCESSED, "and the walk for its second page has marked the entry there");
	*entry = was;
	flush();
}
