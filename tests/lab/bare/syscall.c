// SPDX-License-Identifier: GPL-2.0
/*
 * bare: SYSCALL and SYSRET (APM2 6.1.1): what they save, mask and load, with the trap
 * flag set by the user or masked by SFMASK, and without EFER.SCE.
 */
#include "bare.h"

extern u64 gdt[];
extern u8 sys_user[], sys_after[], sys_user_end[], sys_target[];

#define CODE		0x8110000000UL
#define EFER		0xc0000080
#define STAR		0xc0000081
#define LSTAR		0xc0000082
#define SFMASK		0xc0000084
#define TF		BIT(8)
#define DF		BIT(10)
#define AC		BIT(18)
#define FIXED		2ULL

/* The user's program is copied: nothing in it is relative to elsewhere. */
asm(".text\n	.align 16\n	.globl sys_user, sys_after, sys_user_end, sys_target\n"
    "sys_user:	push %rdi\n	popfq\n	syscall\n"
    "sys_after:	nop\n	cld\n	int $0x20\n"
    "sys_user_end:\n"
    "sys_target:	mov %r11, sys_r11\n	mov %rcx, sys_rcx\n	pushfq\n	popq sys_flags\n"
    "	mov %cs, sys_cs\n	mov %ss, sys_ss\n"
    "	mov sys_back, %r11\n	sysretq\n");
u64 sys_r11, sys_rcx, sys_flags, sys_cs, sys_ss, sys_back;

static struct {
	u64 rip, dr6;
} seen[4];
static volatile u32 n;

static void stepped(struct frame *f)
{
	if (n < ARRAY_SIZE(seen)) {
		seen[n].rip = f->rip;
		seen[n].dr6 = GET_REG("dr6");
	}
	n++;
	SET_REG("dr6", 0xffff0ff0);
	f->rflags &= ~TF;
}

/* The vector that it ended with; NOTHING if the user's program came to its end. */
static u64 call(u64 flags, u64 mask, u64 back)
{
	wrmsr(SFMASK, mask);
	n = 0;
	sys_r11 = 0;
	sys_rcx = 0;
	sys_cs = 0;
	sys_ss = 0;
	sys_back = back;
	caught.vector = NOTHING;
	user_enter(CODE, CODE + 8192, flags);
	cli();
	return caught.vector;
}

static void without_trap(void)
{
	u64 after = CODE + (sys_after - sys_user);

	ok(call(FIXED | DF | AC | 1, 0, FIXED) == NOTHING && sys_rcx == after, "SYSCALL leaves the next address in RCX");
	ok((sys_r11 & (DF | AC | 1)) == (DF | AC | 1) && !(sys_r11 & BIT(16)), "and the flags, without RF, in R11 (%#lx)", sys_r11);
	ok(sys_flags & AC, "SFMASK of zero leaves AC (%#lx)", sys_flags);
	ok((sys_flags & (DF | 1)) == (DF | 1), "and the flags of the arithmetic unit (%#lx)", sys_flags);
	ok(sys_cs == 8 && sys_ss == 0x10, "its selectors are STAR's (%#lx, %#lx)", sys_cs, sys_ss);
	ok(call(FIXED | DF | AC, DF | AC, FIXED) == NOTHING && !(sys_flags & (DF | AC)) &&
	   (sys_r11 & (DF | AC)) == (DF | AC), "SFMASK masks its own (%#lx)", sys_flags);
}

static void with_trap(void)
{
	u64 after = CODE + (sys_after - sys_user);

	set_handler(1, stepped);
	ok(call(FIXED | TF, TF, FIXED) == NOTHING && !n && (sys_r11 & TF), "SYSCALL with TF, masked: no trap (%u)", n);
	ok(call(FIXED | TF, 0, FIXED) == NOTHING && n == 1 && seen[0].rip == (u64)sys_target &&
	   (seen[0].dr6 & 0x4000), "not masked: a trap before the first instruction (%u, %#lx)", n, seen[0].rip);
	ok(call(FIXED, TF, FIXED | TF) == NOTHING && n == 1 && seen[0].rip == after && (seen[0].dr6 & 0x4000),
	   "SYSRET to TF: a trap right after the SYSCALL (%u, %#lx)", n, seen[0].rip);
	set_handler(1, NULL);
}

static void not_enabled(void)
{
	u64 efer = rdmsr(EFER);

	wrmsr(EFER, efer & ~1ULL);
	ok(call(FIXED, 0, FIXED) == 6 && caught.rip == CODE + (sys_after - sys_user) - 2, "SYSCALL without SCE: #UD");
	ok(TRY("sysretq", : : "c"(CODE), "r"(0ULL) : "r11", "memory") == 6, "SYSRET without SCE: #UD");
	wrmsr(EFER, efer | 1);
	((u8 *)(CODE + 0x100))[0] = 0x48;	/* SYSRET of the user's own */
	((u8 *)(CODE + 0x100))[1] = 0x0f;
	((u8 *)(CODE + 0x100))[2] = 0x07;
	caught.vector = NOTHING;
	user_enter(CODE + 0x100, CODE + 8192, 0);
	ok(caught.vector == 13, "SYSRET at CPL 3: #GP (%lu)", caught.vector);
	wrmsr(EFER, efer);
}

void test_syscall(void)
{
	u64 efer = rdmsr(EFER);

	map(CODE, (u64)page_alloc() | PTE_P | PTE_W | PTE_U, 0);
	map(CODE + 4096, (u64)page_alloc() | PTE_P | PTE_W | PTE_U, 0);
	memcpy((void *)CODE, sys_user, sys_user_end - sys_user);
	gdt[8] = gdt[5];			/* SYSRET wants them in this order */
	gdt[9] = gdt[4];
	wrmsr(EFER, efer | 1);
	wrmsr(STAR, (u64)0x38 << 48 | (u64)8 << 32);
	wrmsr(LSTAR, (u64)sys_target);
	without_trap();
	with_trap();
	not_enabled();
	wrmsr(EFER, efer);
	gdt[8] = 0;
	gdt[9] = 0;
}
