// SPDX-License-Identifier: GPL-2.0
/*
 * What an SVM CPU may offer in CPUID 8000000Ah: next-RIP save (APM2 15.7.1,
 * 15.20), decode assists (15.8), clean bits (15.15). Each is tested whether it
 * is offered or not: a CPU that does not offer one must leave its fields alone.
 */
#include "bare.h"

#define UNTOUCHED	0x5a5a5a5a5a5a5a5aULL
#define MOV_CR		BIT_ULL(63)
#define NOWHERE		0x1000000000ULL		/* not in the page tables */
#define VECTOR		0x61

/* Instructions for a guest: NAME, and where the next one begins, NAME_end. */
#define INSN(name, text) \
	extern char name[], name##_end[]; \
	asm(".text\n" #name ": " text "\n" #name "_end: vmmcall\n")

INSN(i_cpuid, "cpuid");
INSN(i_cpuid_prefixed, ".byte 0x66, 0x2e; cpuid");
INSN(i_rdmsr, "rdmsr");
INSN(i_rdtsc, "rdtsc");
INSN(i_hlt, "hlt");
INSN(i_wbinvd, "wbinvd");
INSN(i_read_cr0, "mov %cr0, %r10");
INSN(i_read_cr3, "mov %cr3, %r9");
INSN(i_write_cr3, "mov %r11, %cr3");
INSN(i_write_cr0, "mov %rdi, %cr0");
INSN(i_clts, "clts");
INSN(i_smsw, "smsw %eax");
INSN(i_read_dr, "mov %dr2, %rbp");
INSN(i_write_dr, "mov %rsi, %dr7");
INSN(i_invlpg, "invlpg 0x1234(%rbx)");
INSN(i_int, "int $0x42");
INSN(i_load, "mov (%rbx), %rcx");
INSN(i_jump, "jmp *%rbx");
INSN(i_ud, "ud2");

static const struct exit_case {
	const char *name;
	char *insn, *next;
	unsigned int intercept;
	u64 code, info;
} exits[] = {
#define EXIT(insn, intercept, code, info) \
	{ #insn, insn, insn##_end, intercept, code, info }
	EXIT(i_cpuid, INTERCEPT_CPUID, EXIT_CPUID, 0),
	EXIT(i_cpuid_prefixed, INTERCEPT_CPUID, EXIT_CPUID, 0),
	EXIT(i_rdmsr, INTERCEPT_MSR, EXIT_MSR, 0),
	EXIT(i_rdtsc, INTERCEPT_RDTSC, EXIT_RDTSC, 0),
	EXIT(i_hlt, INTERCEPT_HLT, EXIT_HLT, 0),
	EXIT(i_wbinvd, INTERCEPT_WBINVD, EXIT_WBINVD, 0),
	EXIT(i_read_cr0, INTERCEPT_CR_READ(0), EXIT_CR_READ + 0, MOV_CR | 10),
	EXIT(i_read_cr3, INTERCEPT_CR_READ(3), EXIT_CR_READ + 3, MOV_CR | 9),
	EXIT(i_write_cr3, INTERCEPT_CR_WRITE(3), EXIT_CR_WRITE + 3, MOV_CR | 11),
	EXIT(i_write_cr0, INTERCEPT_CR0_SEL_WRITE, EXIT_CR0_SEL_WRITE, MOV_CR | 7),
	EXIT(i_clts, INTERCEPT_CR_WRITE(0), EXIT_CR_WRITE + 0, 0),
	EXIT(i_smsw, INTERCEPT_CR_READ(0), EXIT_CR_READ + 0, 0),
	EXIT(i_read_dr, INTERCEPT_DR_READ(2), EXIT_DR_READ + 2, 5),
	EXIT(i_write_dr, INTERCEPT_DR_WRITE(7), EXIT_DR_WRITE + 7, 6),
	EXIT(i_invlpg, INTERCEPT_INVLPG, EXIT_INVLPG, 0x40001234),
	EXIT(i_int, INTERCEPT_INTN, EXIT_SWINT, 0x42),
};

static void start(char *insn)
{
	guest_init((void (*)(void))insn);
	vmcb.c.next_rip = UNTOUCHED;
	vmcb.c.insn_len = 0x5a;
	guest_regs[0] = 0x40000000;
	guest_regs[1] = 0x12345678;	/* an MSR of no map: it always exits */
}

static void instruction_exits(void)
{
	bool nrip = svm_features & SVM_NRIPS, decode = svm_features & SVM_DECODE;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		const struct exit_case *e = &exits[i];
		u64 next = nrip ? (u64)e->next : UNTOUCHED, info = decode ? e->info : 0;

		start(e->insn);
		vmcb_intercept(&vmcb, e->intercept, true);
		guest_run();
		ok(vmcb.c.exit_code == e->code && vmcb.s.rip == (u64)e->insn &&
		   vmcb.c.next_rip == next && vmcb.c.exit_info1 == info &&
		   vmcb.c.insn_len == (decode ? 0 : 0x5a),
		   "%s: exit %x, next %x (want %x), info %x (want %x)", e->name,
		   vmcb.c.exit_code, vmcb.c.next_rip, next, vmcb.c.exit_info1, info);
	}
}

/* ---- injection ---- */

static void come_back(struct trap *t)
{
	(void)t;
}

/* The handler's IRET goes where the CPU says the next instruction is. */
static void injection(u64 type, u8 vector, const char *what)
{
	bool nrip = svm_features & SVM_NRIPS;
	u32 before = guest_count[vector];

	start(nrip ? i_ud : i_ud_end);
	guest_fault = come_back;
	vmcb.c.next_rip = (u64)i_ud_end;
	vmcb.c.event_inj = EVENT_VALID | type << 8 | vector;
	guest_run();
	ok(vmcb.c.exit_code == EXIT_VMMCALL && vmcb.s.rip == (u64)i_ud_end &&
	   guest_count[vector] == before + 1,
	   "%s is injected as if it ended before the next instruction (exit %x, rip %x)",
	   what, vmcb.c.exit_code, vmcb.s.rip);
}

/* ---- instruction bytes ---- */

static u8 code[8192] __attribute__((aligned(4096)));

static bool bytes_are(const u8 *want, unsigned int n)
{
	unsigned int i;

	if (!(svm_features & SVM_DECODE))
		return vmcb.c.insn_len == 0x5a;
	for (i = 0; i < n; i++)
		if (vmcb.c.insn_bytes[i] != want[i])
			return false;
	return vmcb.c.insn_len == n;
}

static void instruction_bytes(void)
{
	u64 no_next = svm_features & SVM_NRIPS ? 0 : UNTOUCHED;

	start(i_load);
	*nested_pte(0x40000000) = 0;
	guest_run();
	ok(vmcb.c.exit_code == EXIT_NPF && bytes_are((u8 *)i_load, 15) &&
	   vmcb.c.next_rip == no_next,
	   "a nested page fault has %d instruction bytes, no next RIP", (u64)vmcb.c.insn_len);

	memset(code, 0x90, sizeof(code));
	memcpy(code + 4093, i_load, 3);
	start((char *)code + 4093);
	nested_split((u64)code);
	nested_split((u64)code + 4096);
	*nested_pte((u64)code + 4096) = 0;
	*nested_pte(0x40000000) = 0;
	guest_run();
	ok(vmcb.c.exit_code == EXIT_NPF && vmcb.c.exit_info2 == 0x40000000 &&
	   bytes_are(code + 4093, 3),
	   "no more than can be fetched (%d)", (u64)vmcb.c.insn_len);

	start(i_load);
	guest_regs[0] = NOWHERE;
	vmcb_intercept(&vmcb, INTERCEPT_EXCEPTION(14), true);
	guest_run();
	ok(vmcb.c.exit_code == EXIT_EXCP + 14 && vmcb.c.exit_info2 == NOWHERE &&
	   bytes_are((u8 *)i_load, 15) && vmcb.c.next_rip == no_next,
	   "an intercepted page fault has them too (%d)", (u64)vmcb.c.insn_len);

	start(i_jump);
	guest_regs[0] = NOWHERE;
	vmcb_intercept(&vmcb, INTERCEPT_EXCEPTION(14), true);
	guest_run();
	ok(vmcb.c.exit_code == EXIT_EXCP + 14 && vmcb.s.rip == NOWHERE && bytes_are(NULL, 0),
	   "a fetch that faults has none (%d)", (u64)vmcb.c.insn_len);
}

/* ---- clean bits ---- */

INSN(r_cr0, "mov %cr0, %rbx");
INSN(r_cr2, "mov %cr2, %rbx");
INSN(r_cr8, "mov %cr8, %rbx");
INSN(r_dr6, "mov %dr6, %rbx");
INSN(r_ds, "xor %ebx, %ebx; mov %ds, %bx");
INSN(r_idt, "xor %ebx, %ebx; sub $16, %rsp; sidt (%rsp); mov (%rsp), %bx; add $16, %rsp");

#define CLEAN_ALL	0x3ff

static const struct clean_case {
	const char *name;
	u32 group;
	char *reader;
	u16 at;
	u8 size;
	u64 value, old, seen;
} cleans[] = {
#define CLEAN(group, reader, field, value, old, seen) \
	{ #group, group, reader, offsetof(struct vmcb, field), \
	  sizeof(((struct vmcb *)0)->field), value, old, seen }
	CLEAN(CLEAN_CR, r_cr0, s.cr0, 0x80050033, 0x80010033, 0x80050033),
	CLEAN(CLEAN_CR2, r_cr2, s.cr2, 0x777, 0x111, 0x777),
	CLEAN(CLEAN_INTR, r_cr8, c.int_ctl, VINTR_MASKING | 7, 2, 7),
	CLEAN(CLEAN_DR, r_dr6, s.dr6, 0xffff0ff1, 0xffff0ff0, 0xffff0ff1),
	CLEAN(CLEAN_SEG, r_ds, s.ds.selector, 0x20, 0x10, 0x20),
	CLEAN(CLEAN_DT, r_idt, s.idtr.limit, 0x7ff, 0xfff, 0x7ff),
};

static u64 read_again(const struct clean_case *c, u32 clean)
{
	memcpy((u8 *)&vmcb + c->at, &c->value, c->size);
	vmcb.c.clean = clean;
	vmcb.s.rip = (u64)c->reader;
	guest_regs[0] = 0;
	return guest_run() == EXIT_VMMCALL ? guest_regs[0] : ~0ULL;
}

static void saved_state_groups(void)
{
	bool cached = svm_features & SVM_CLEAN;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cleans); i++) {
		const struct clean_case *c = &cleans[i];
		u64 first, second;

		start(c->reader);
		vmcb.s.cr0 = 0x80010033;
		vmcb.s.cr2 = 0x111;
		vmcb.c.int_ctl = VINTR_MASKING | 2;
		guest_run();
		first = read_again(c, CLEAN_ALL);
		second = read_again(c, CLEAN_ALL & ~c->group);
		ok(first == (cached ? c->old : c->seen) && second == c->seen,
		   "%s: a change counts when its clean bit is clear (%x, then %x)",
		   c->name, first, second);
	}
}

static u64 cpuid_again(u32 clean)
{
	vmcb.c.clean = clean;
	vmcb.s.rip = (u64)i_cpuid;
	return guest_run();
}

static void start_cpuid(void)
{
	start(i_cpuid);
	vmcb_intercept(&vmcb, INTERCEPT_CPUID, true);
	guest_run();
}

static void control_groups(void)
{
	bool cached = svm_features & SVM_CLEAN;
	u64 first, second, root;

	start_cpuid();
	vmcb_intercept(&vmcb, INTERCEPT_CPUID, false);
	first = cpuid_again(CLEAN_ALL);
	second = cpuid_again(CLEAN_ALL & ~CLEAN_INTERCEPTS);
	ok(first == (cached ? EXIT_CPUID : EXIT_VMMCALL) && second == EXIT_VMMCALL,
	   "intercepts: the same (exit %x, then %x)", first, second);

	start_cpuid();
	vmcb.c.asid = 0;
	first = cpuid_again(CLEAN_ALL);
	ok((first == EXIT_CPUID) == cached, "ASID: the same (exit %x)", first);

	start_cpuid();
	root = vmcb.c.n_cr3;
	vmcb.c.n_cr3 = (u64)code;	/* no table */
	vmcb.c.tlb_control = TLB_CONTROL_ALL;
	memset(code, 0, 4096);
	first = cpuid_again(CLEAN_ALL);
	vmcb.c.tlb_control = TLB_CONTROL_ALL;
	second = cpuid_again(CLEAN_ALL & ~CLEAN_NPT);
	vmcb.c.n_cr3 = root;
	ok(first == (cached ? EXIT_CPUID : EXIT_NPF) && second == EXIT_NPF,
	   "nested paging: the same (exit %x, then %x)", first, second);
}

static struct vmcb elsewhere __attribute__((aligned(4096)));

static void another_vmcb(void)
{
	start_cpuid();
	memcpy(&elsewhere, &vmcb, sizeof(vmcb));
	vmcb_intercept(&elsewhere, INTERCEPT_CPUID, false);
	elsewhere.c.clean = CLEAN_ALL;
	vmrun(&elsewhere, guest_regs);
	stgi();
	ok(elsewhere.c.exit_code != EXIT_CPUID,
	   "a VMCB at another address was never read before (exit %x)", elsewhere.c.exit_code);
}

/* On its way to long mode, EFER first: the host must come back with its own CR0. */
extern char legacy_code[];
asm(".text\nlegacy_code: vmmcall\n");

static void half_way_to_long_mode(void)
{
	u64 exit, cr0;

	guest_init((void (*)(void))legacy_code);
	vmcb.s.cs.attrib = 0xc9b;
	vmcb.s.efer = 0x1100;		/* SVME, LME */
	vmcb.s.cr0 = 0x11;		/* ET, PE */
	vmcb.s.cr4 = 0;
	exit = guest_run();
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	ok(exit == EXIT_VMMCALL && cr0 >> 31 & 1,
	   "a guest with EFER.LME and no PAE leaves the host its paging (exit %x, CR0 %x)",
	   exit, cr0);
}

void test_features(void)
{
	print("# offered: %s%s%s%s\n", svm_features & SVM_NRIPS ? "next-RIP save, " : "",
	      svm_features & SVM_DECODE ? "decode assists, " : "",
	      svm_features & SVM_CLEAN ? "clean bits, " : "",
	      svm_features & SVM_FLUSH_ASID ? "flush by ASID" : "");
	instruction_exits();
	injection(EVENT_TYPE_SOFT, VECTOR, "a software interrupt");
	injection(EVENT_TYPE_EXCEPTION, 3, "INT3's exception");
	instruction_bytes();
	saved_state_groups();
	control_groups();
	another_vmcb();
	half_way_to_long_mode();
}
