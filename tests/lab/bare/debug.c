// SPDX-License-Identifier: GPL-2.0
/*
 * bare: debug registers, breakpoints and single steps (APM2 13.1) over what a
 * hypervisor does for its guest.
 */
#include "bare.h"

#define DR6_FIXED	0xffff0ff0U
#define DR7_FIXED	0x400
#define WINDOW		0x8040000000UL

static struct {
	u64 rip, dr6;
} seen[16];
static volatile u32 n;
static u64 stop_at;

static void stepped(struct frame *f)
{
	if (n < ARRAY_SIZE(seen)) {
		seen[n].rip = f->rip;
		seen[n].dr6 = GET_REG("dr6");
	}
	SET_REG("dr6", DR6_FIXED);
	if (seen[n < 16 ? n : 15].dr6 & 0xf)
		f->rflags |= 0x10000;
	if (++n >= ARRAY_SIZE(seen) || f->rip == stop_at) {
		f->rflags &= ~0x100ULL;
		SET_REG("dr7", DR7_FIXED);
	}
}

#define STEP(insns)							\
	"pushf\n	orl $0x100, (%%rsp)\n	popf\n" insns "\n"	\
	"pushf\n	andl $~0x100, (%%rsp)\n	popf\n"

#define EXPECT_STEP(i, label, what) do {				\
	extern char label[];						\
	ok(n > (i) && seen[i].rip == (u64)label && (seen[i].dr6 & 0xe00f) == 0x4000, \
	   "a step over %s (%#lx)", what, seen[i].dr6);			\
} while (0)

static void steps(void)
{
	u64 a = 0, b = 0, c = 0x277, d = 0;

	n = 0;
	stop_at = 0;
	map(WINDOW, 0xff000000 | PTE_P | PTE_W | PTE_PCD, 0);
	asm volatile(STEP("cpuid\ns_cpuid:	mov $0x277, %%ecx\n	rdmsr\ns_rdmsr:	in $0x21, %%al\n"
			  "s_in:	in $0xe0, %%al\ns_in_user:	mov %%cr4, %%rbx\n	mov %%rbx, %%cr4\n"
			  "s_cr:	mov (%%rdi), %%eax\ns_mmio:	nop\ns_end:")
		     : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : "D"(WINDOW) : "memory", "cc");
	EXPECT_STEP(0, s_cpuid, "CPUID");
	EXPECT_STEP(2, s_rdmsr, "RDMSR");
	EXPECT_STEP(3, s_in, "IN from the kernel's device");
	EXPECT_STEP(4, s_in_user, "IN from the VMM's");
	EXPECT_STEP(6, s_cr, "MOV to CR4");
	EXPECT_STEP(7, s_mmio, "a load from a device");
	EXPECT_STEP(8, s_end, "NOP");
}

static void step_more(void)
{
	u64 a = 0, b = 0, c = 0, d = 0;

	n = 0;
	asm volatile(STEP("mov %%dr7, %%rbx\nm_dr:	mov %%cr8, %%rbx\nm_cr8:	mov $0x40000000, %%eax\n"
			  "	invlpg (%%rdi)\nm_invlpg:	wbinvd\nm_wbinvd:	nop")
		     : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : "D"(WINDOW) : "memory", "cc");
	EXPECT_STEP(0, m_dr, "MOV from DR7");
	EXPECT_STEP(1, m_cr8, "MOV from CR8");
	EXPECT_STEP(3, m_invlpg, "INVLPG");
	EXPECT_STEP(4, m_wbinvd, "WBINVD");
}

/* MOV SS holds the trap off for one instruction. */
static void step_ss(void)
{
	n = 0;
	asm volatile(STEP("mov %%ss, %%eax\nss_0:	mov %%eax, %%ss\nss_1:	cpuid\nss_2:	nop\nss_3:")
		     : : : "rax", "rbx", "rcx", "rdx", "memory", "cc");
	EXPECT_STEP(0, ss_0, "MOV from SS");
	EXPECT_STEP(1, ss_2, "MOV to SS and CPUID behind it");
	EXPECT_STEP(2, ss_3, "NOP");
}

/* HLT is done, and the trap ends it (APM2 13.1.2.1); MOV SS puts it off to behind HLT. */
static void step_halt(void)
{
	extern char h_3[];
	unsigned int i;

	n = 0;
	asm volatile(STEP("hlt\nh_0:	nop\nh_1:") : : : "memory", "cc");
	EXPECT_STEP(0, h_0, "HLT");
	EXPECT_STEP(1, h_1, "NOP behind it");
	n = 0;
	asm volatile(STEP("sti\n	hlt\nh_3:	cli") : : : "memory", "cc");
	i = n > 0 && seen[0].rip != (u64)h_3;	/* a CPU may trap behind STI, too */
	EXPECT_STEP(i, h_3, "HLT behind STI");
	n = 0;
	asm volatile(STEP("mov %%ss, %%eax\n	mov %%eax, %%ss\n	hlt\nh_4:	nop") : : : "rax", "memory", "cc");
	EXPECT_STEP(1, h_4, "HLT behind MOV to SS");
}

static void code_breakpoints(void)
{
	extern char bp_1[], bp_2[], bp_3[], bp_4[];
	const char *from = "abc";
	u64 a = 0, c = 0, d, b;

	n = 0;
	SET_REG("dr0", bp_1);
	SET_REG("dr7", DR7_FIXED | 2);
	asm volatile("nop\nbp_1:	cpuid\n	nop" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
	ok(n == 1 && seen[0].rip == (u64)bp_1 && (seen[0].dr6 & 0xe00f) == 1,
	   "a breakpoint on CPUID (%u)", n);
	n = 0;
	SET_REG("dr0", bp_2);
	SET_REG("dr1", bp_3);
	SET_REG("dr7", DR7_FIXED | 0xa);
	asm volatile("bp_2:	cpuid\nbp_3:	mov %%cr8, %%rax" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
	ok(n == 2 && seen[1].rip == (u64)bp_3 && (seen[1].dr6 & 3) == 2,
	   "and one on the instruction behind (%u)", n);
	n = 0;
	c = 3;
	SET_REG("dr0", bp_4);
	SET_REG("dr7", DR7_FIXED | 2);
	asm volatile("bp_4:	rep outsb" : "+S"(from), "+c"(c) : "d"(0xe0) : "memory");
	ok(n == 1 && seen[0].rip == (u64)bp_4, "a breakpoint on REP OUTSB, once (%u)", n);
	SET_REG("dr7", DR7_FIXED);
}

static void data_breakpoints(void)
{
	static volatile u32 word;
	extern char wp_1[];

	n = 0;
	SET_REG("dr0", &word);
	SET_REG("dr7", DR7_FIXED | 2 | 0xd0000);	/* four bytes, written */
	asm volatile("movl $1, %0\nwp_1:	nop" : "=m"(word) : : "memory");
	ok(n == 1 && seen[0].rip == (u64)wp_1 && (seen[0].dr6 & 1), "a watchpoint (%u)", n);
	n = 0;
	outb(0xe0, 7);
	asm volatile("rep insb" : : "D"(&word), "c"(1), "d"(0xe0) : "memory");
	note("INSB to a watched word: %u traps", n);
	SET_REG("dr7", DR7_FIXED);
}

static volatile u64 gd_dr7;

static void guarded(struct frame *f)
{
	(void)f;
	seen[n & 15].dr6 = GET_REG("dr6");	/* here it is not guarded */
	gd_dr7 = GET_REG("dr7");
	seen[n & 15].rip = f->rip;
	n++;
	SET_REG("dr6", DR6_FIXED);
	f->rflags &= ~0x100ULL;
}

static void guard(void)
{
	extern char gd_1[], gd_2[];

	set_handler(1, guarded);
	n = 0;
	SET_REG("dr7", DR7_FIXED | 0x2000);
	asm volatile("gd_1:	mov %%dr3, %%rax" : : : "rax", "memory");
	ok(n == 1 && seen[0].rip == (u64)gd_1 && (seen[0].dr6 & 0x2000), "DR7.GD: an access is a fault");
	ok(!(gd_dr7 & 0x2000), "and GD is clear for the handler");
	n = 0;
	SET_REG("dr7", DR7_FIXED | 0x2000);
	asm volatile("pushf\n	orl $0x100, (%%rsp)\n	popf\n	nop\ngd_2:	nop" : : : "memory");
	ok(n == 1 && seen[0].rip == (u64)gd_2 && (seen[0].dr6 & 0xe00f) == 0x4000 &&
	   !(gd_dr7 & 0x2000), "DR7.GD: a step's handler finds it clear (%u, %#lx)", n, gd_dr7);
	SET_REG("dr7", DR7_FIXED);
	set_handler(1, stepped);
}

static void values(void)
{
	u64 cr4 = GET_REG("cr4"), v = 0;

	SET_REG("dr7", DR7_FIXED);
	ok(GET_REG("dr7") == DR7_FIXED, "DR7 at rest");
	SET_REG("dr6", 0);
	v = GET_REG("dr6");
	ok(v == DR6_FIXED, "DR6's fixed bits (%#lx)", v);
	SET_REG("dr6", DR6_FIXED | 0xe00f);
	ok(GET_REG("dr6") == (DR6_FIXED | 0xe00f), "and the others");
	ok(TRY("mov %0, %%dr6", : : "r"(BIT(32)) : "memory") == 13, "DR6: upper half #GP");
	ok(TRY("mov %0, %%dr7", : : "r"(BIT(40)) : "memory") == 13, "DR7: upper half #GP");
	SET_REG("dr3", 0x1234567812345678);
	ok(GET_REG("dr3") == 0x1234567812345678, "DR3 takes any address");
	SET_REG("cr4", cr4 & ~8);
	ok(TRY("mov %%dr4, %0", : "=r"(v) : : "memory") == NOTHING && v == GET_REG("dr6"), "DR4 is DR6");
	ok(TRY("mov %%dr5, %0", : "=r"(v) : : "memory") == NOTHING && v == DR7_FIXED, "DR5 is DR7");
	SET_REG("cr4", cr4 | 8);
	ok(TRY("mov %%dr4, %0", : "=r"(v) : : "memory") == 6, "DR4 is #UD with CR4.DE");
	SET_REG("cr4", cr4);
	ok(TRY("mov %%cr1, %0", : "=r"(v) : : "memory") == 6, "CR1 is #UD");
	SET_REG("dr6", DR6_FIXED);
}

static void icebp(void)
{
	extern char ice_1[];

	n = 0;
	if (TRY(".byte 0xf1\nice_1:	nop", : : : "memory") == 6) {
		note("this CPU has no ICEBP");
		return;
	}
	ok(n == 1 && seen[0].rip == (u64)ice_1, "ICEBP is #DB (%u)", n);
}

void test_debug(void)
{
	set_handler(1, stepped);
	values();
	steps();
	step_more();
	step_ss();
	step_halt();
	code_breakpoints();
	data_breakpoints();
	icebp();
	guard();
	set_handler(1, NULL);
}
