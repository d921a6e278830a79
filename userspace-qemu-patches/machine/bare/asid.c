// SPDX-License-Identifier: GPL-2.0
/*
 * Translations and their ASIDs (APM2 15.16): what a world switch keeps, what
 * TLB_CONTROL and INVLPGA take away, and from whom. The page is an alias that
 * the page tables of host and guest share; changing where it leads without a
 * flush must not be seen by whoever has used it.
 */
#include "bare.h"

#define ALIAS		0x8000000000UL		/* entry 1 of the PML4 */
#define LEAF		0x67UL			/* P, RW, US, A, D */
#define GLOBAL		0x100UL
#define CR4_PGE		0x80UL
#define TLB_CONTROL_LOCAL 7

extern u64 boot_pml4[];
static u64 a_pdpt[512] __attribute__((aligned(4096))), a_pd[512] __attribute__((aligned(4096)));
static u64 a_pt[512] __attribute__((aligned(4096)));
static u64 page[2][512] __attribute__((aligned(4096)));

extern char a_read[], a_invlpg[], a_cr3[];
asm(".text\n"
    "a_invlpg: invlpg (%rbx)\n"
    "jmp a_read\n"
    "a_cr3: mov %cr3, %rcx; mov %rcx, %cr3\n"
    "a_read: mov (%rbx), %rcx; vmmcall\n");

static void point(unsigned int to, u64 flags)
{
	*(volatile u64 *)a_pt = (u64)page[to] | LEAF | flags;
}

static u64 see(u32 asid, u8 control, char *how)
{
	vmcb.c.asid = asid;
	vmcb.c.tlb_control = control;
	vmcb.c.clean = 0;
	vmcb.s.rip = (u64)how;
	guest_regs[0] = ALIAS;
	guest_regs[1] = 99;
	return guest_run() == EXIT_VMMCALL ? guest_regs[1] : 98;
}

static u64 host_sees(void)
{
	return *(volatile u64 *)ALIAS;
}

static void invlpga(u64 address, u32 asid)
{
	asm volatile("invlpga %0, %1" : : "a"(address), "c"(asid) : "memory");
}

/* Both ASIDs and the host know page 0; from now on it is page FLAGS|1. */
static void stale(u64 flags)
{
	point(0, flags);
	see(1, TLB_CONTROL_ALL, a_read);
	see(2, TLB_CONTROL_NONE, a_read);
	host_sees();
	point(1, flags);
}

static void kept(void)
{
	u64 first, second, host;

	stale(0);
	first = see(1, TLB_CONTROL_NONE, a_read);
	host = host_sees();
	ok(first == 0 && host == 0, "world switches keep translations (guest %d, host %d)",
	   first, host);
	first = see(3, TLB_CONTROL_NONE, a_read);
	second = see(1, TLB_CONTROL_NONE, a_read);
	ok(first == 1 && second == 0, "a fresh ASID walks, an old one does not (%d, %d)",
	   first, second);
}

static void flushed_by_control(void)
{
	u64 first, second, host;

	stale(0);
	first = see(1, TLB_CONTROL_ASID, a_read);
	second = see(2, TLB_CONTROL_NONE, a_read);
	host = host_sees();
	ok(first == 1 && second == 0 && host == 0,
	   "TLB_CONTROL 3 flushes the guest's ASID alone (%d, %d, host %d)", first, second, host);
	stale(0);
	first = see(1, TLB_CONTROL_ALL, a_read);
	second = see(2, TLB_CONTROL_NONE, a_read);
	host = host_sees();
	ok(first == 1 && second == 1 && host == 1,
	   "TLB_CONTROL 1 flushes all (%d, %d, host %d)", first, second, host);
	stale(0);
	first = see(1, TLB_CONTROL_LOCAL, a_read);
	second = see(2, TLB_CONTROL_NONE, a_read);
	ok(first == 1 && second == 0, "TLB_CONTROL 7 flushes the guest's pages (%d, %d)",
	   first, second);
	vmcb.s.cr4 |= CR4_PGE;
	stale(GLOBAL);
	first = see(1, TLB_CONTROL_LOCAL, a_read);
	second = see(1, TLB_CONTROL_ASID, a_read);
	ok(first == 0 && second == 1, "but global ones by 3 only (%d, %d)", first, second);
}

static void flushed_by_instruction(void)
{
	u64 first, second, host;

	stale(0);
	invlpga(ALIAS, 2);
	first = see(1, TLB_CONTROL_NONE, a_read);
	second = see(2, TLB_CONTROL_NONE, a_read);
	host = host_sees();
	ok(first == 0 && second == 1 && host == 0,
	   "INVLPGA flushes one page of one ASID (%d, %d, host %d)", first, second, host);
	stale(0);
	asm volatile("invlpg (%0)" : : "r"(ALIAS) : "memory");
	first = see(1, TLB_CONTROL_NONE, a_read);
	host = host_sees();
	ok(first == 0 && host == 1, "INVLPG in the host flushes the host's (%d, host %d)",
	   first, host);
	stale(0);
	first = see(1, TLB_CONTROL_NONE, a_invlpg);
	second = see(2, TLB_CONTROL_NONE, a_cr3);
	host = host_sees();
	ok(first == 1 && second == 1 && host == 0,
	   "INVLPG and MOV CR3 in a guest flush the guest's (%d, %d, host %d)",
	   first, second, host);
	vmcb.s.cr4 |= CR4_PGE;
	stale(GLOBAL);
	first = see(1, TLB_CONTROL_NONE, a_cr3);
	second = see(1, TLB_CONTROL_NONE, a_invlpg);
	ok(first == 0 && second == 1, "MOV CR3 leaves global pages, INVLPG does not (%d, %d)",
	   first, second);
}

/* The nested table's own entries are cached as well. */
static void nested_kept(void)
{
	u64 first, second;

	guest_init((void (*)(void))a_read);
	point(0, 0);
	nested_split((u64)page[0]);
	see(1, TLB_CONTROL_ALL, a_read);
	*nested_pte((u64)page[0]) = (u64)page[1] | 0x67;
	first = see(1, TLB_CONTROL_NONE, a_read);
	second = see(1, TLB_CONTROL_ASID, a_read);
	ok(first == 0 && second == 1, "a changed nested entry counts after a flush (%d, then %d)",
	   first, second);
}

void test_asid(void)
{
	if (!(svm_features & SVM_FLUSH_ASID)) {
		skip("translations by ASID", "the CPU model has no flushbyasid");
		return;
	}
	page[1][0] = 1;
	a_pd[0] = (u64)a_pt | LEAF;
	a_pdpt[0] = (u64)a_pd | LEAF;
	boot_pml4[1] = (u64)a_pdpt | LEAF;
	guest_init((void (*)(void))a_read);
	kept();
	flushed_by_control();
	guest_init((void (*)(void))a_read);
	flushed_by_instruction();
	nested_kept();
}
