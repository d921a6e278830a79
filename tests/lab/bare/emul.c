// SPDX-License-Identifier: GPL-2.0
/*
 * bare: instructions whose operands are a device's: pc-testdev's 64 KiB window at
 * FF00_0000h keeps what is written, so that each must do there what it does in
 * memory. Every access is the hypervisor's emulator's, and QEMU's.
 */
#include "bare.h"

#define WINDOW_PA	0xff000000UL
#define WINDOW		0x8040000000UL		/* two pages of it, and two of memory */
#define RAM		0x8040004000UL

static u8 *ram;

static void set_up(void)
{
	unsigned int i;

	ram = big_alloc();
	memset(ram, 0, 16384);
	for (i = 0; i < 4; i++) {
		map(WINDOW + i * 4096, (WINDOW_PA + i * 4096) | PTE_P | PTE_W | PTE_PCD, 0);
		map(RAM + i * 4096, (u64)(ram + i * 4096) | PTE_P | PTE_W, 0);
	}
}

/* ---- the same instruction on memory and on the device ------------------------------ */

struct regs {
	u64 rax, rcx, rdx, rbx, rsi, rflags;
};

/* What the manual leaves undefined is not compared. */
#define FLAGS	0xcd5
#define CF_OF	0x801
#define ZF	0x40
#define NO_AF_OF	0x4c5

static u64 defined_flags(const char *name)
{
	static const struct {
		const char *start;
		u64 flags;
	} rows[] = {
		{ "mul", CF_OF }, { "imul", CF_OF }, { "div", 0 }, { "idiv", 0 },
		{ "shl", NO_AF_OF }, { "sar", NO_AF_OF }, { "shr", NO_AF_OF }, { "rcl", 0x4d5 },
		{ "bsf", ZF }, { "bsr", ZF }, { "bt", 1 },
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (n = 0; rows[i].start[n] && rows[i].start[n] == name[n]; n++)
			;
		if (!rows[i].start[n])
			return rows[i].flags;
	}
	return FLAGS;
}

static u64 saved_rsp __attribute__((used));

/* @insn uses (%rdi) and the other registers; it may leave anything on the stack. */
#define RUN(insn, at, r) ({						\
	register struct regs *r8_ asm("r8") = r;			\
	u64 di_ = at;							\
	caught.vector = NOTHING;					\
	asm volatile("push %%rbx\n	push %%rbp\n"			\
		     "	mov %%rsp, saved_rsp\n	movq $99f, resume_rip\n" \
		     "	mov 0(%%r8), %%rax\n	mov 8(%%r8), %%rcx\n"	\
		     "	mov 16(%%r8), %%rdx\n	mov 24(%%r8), %%rbx\n"	\
		     "	mov 32(%%r8), %%rsi\n	pushq 40(%%r8)\n	popfq\n" \
		     insn "\n"						\
		     "99:	mov saved_rsp, %%rsp\n	pushfq\n"	\
		     "	mov %%rax, 0(%%r8)\n	mov %%rcx, 8(%%r8)\n"	\
		     "	mov %%rdx, 16(%%r8)\n	mov %%rbx, 24(%%r8)\n"	\
		     "	mov %%rsi, 32(%%r8)\n	popq 40(%%r8)\n	cld\n" \
		     "	movq $0, resume_rip\n	pop %%rbp\n	pop %%rbx" \
		     : "+D"(di_) : "r"(r8_)				\
		     : "rax", "rcx", "rdx", "rsi", "r9", "memory", "cc"); \
	caught.vector; })

static void same(const char *name, u64 (*run)(u64 at, struct regs *r), unsigned int offset)
{
	struct regs first = { 0x1122334455667788, 0x3, 0x0123456789abcdef, 0x77, 0x5, 2 }, r[2];
	u8 image[2][64];
	u64 vector[2], base[2] = { RAM, WINDOW };
	unsigned int i, n;

	for (i = 0; i < 2; i++) {
		for (n = 0; n < 64; n++)
			((volatile u8 *)base[i])[offset + n] = 0x80 + n * 37;
		r[i] = first;
		vector[i] = run(base[i] + offset, &r[i]);
		for (n = 0; n < 64; n++)
			image[i][n] = ((volatile u8 *)base[i])[offset + n];
		r[i].rflags &= defined_flags(name);
	}
	ok(vector[0] == vector[1] && !memcmp(&r[0], &r[1], sizeof(r[0])) &&
	   !memcmp(image[0], image[1], 64), "emulated: %s%s", name, offset ? ", across pages" : "");
	if (vector[0] != vector[1])
		note("vectors %lu and %lu", vector[0], vector[1]);
}

#define INSNS								\
	X(add, "add %%rax, (%%rdi)") X(adc, "stc\nadc (%%rdi), %%rax")		\
	X(sbb, "sbbl $7, (%%rdi)") X(neg, "negw (%%rdi)") X(not, "notq (%%rdi)")	\
	X(inc, "lock incl (%%rdi)") X(dec, "decb (%%rdi)")			\
	X(xchg, "xchg %%rax, (%%rdi)") X(xadd, "lock xadd %%eax, (%%rdi)")	\
	X(cmpxchg, "lock cmpxchg %%rdx, (%%rdi)")				\
	X(cmpxchg8b, "lock cmpxchg8b (%%rdi)")					\
	X(mul, "mulq (%%rdi)") X(imul1, "imull (%%rdi)") X(imul2, "imul (%%rdi), %%rdx") \
	X(imul3, "imul $77, (%%rdi), %%edx") X(div, "xor %%edx, %%edx\ndivl (%%rdi)")	\
	X(div_0, "movl $0, (%%rdi)\ndivl (%%rdi)")				\
	X(div_of, "movb $1, (%%rdi)\ndivb (%%rdi)")				\
	X(idiv, "cqo\nidivq (%%rdi)")						\
	X(shl, "shlq %%cl, (%%rdi)") X(sar, "sarl $5, (%%rdi)") X(rcl, "rclw $9, (%%rdi)")	\
	X(shld, "shld $9, %%rdx, (%%rdi)") X(shrd, "shrd %%cl, %%edx, (%%rdi)")		\
	X(bts, "lock btsq %%rcx, (%%rdi)") X(btc, "btcw $13, (%%rdi)")			\
	X(btr_far, "mov $100, %%ecx\nbtr %%ecx, (%%rdi)")				\
	X(bsf, "bsf (%%rdi), %%rax") X(bsr, "bsrl (%%rdi), %%eax") \
	X(movzx, "movzwl (%%rdi), %%eax") X(movsx, "movsbq (%%rdi), %%rax")		\
	X(movsxd, "movslq (%%rdi), %%rax") X(movbe, "movbe (%%rdi), %%rax")		\
	X(movbe_st, "movbe %%eax, (%%rdi)") X(movnti, "movnti %%rax, (%%rdi)")		\
	X(setcc, "cmp %%eax, %%eax\nsete (%%rdi)") X(cmov, "cmp %%eax, %%ecx\ncmovb (%%rdi), %%rax") \
	X(push, "pushq (%%rdi)\npop %%rsi") X(pop, "push %%rdx\npopq (%%rdi)")		\
	X(push16, "pushw (%%rdi)\npop %%si") X(smsw, "smsw (%%rdi)")			\
	 X(str, "str (%%rdi)")		\
	X(sldt, "sldt (%%rdi)") X(mov_seg, "mov %%ss, (%%rdi)")				\
	X(fxch, "movl $0x3f800000, (%%rdi)\nnopl (%%rdi)")				\
	X(movups, "movups (%%rdi), %%xmm1\nmovups %%xmm1, 16(%%rdi)")			\
	X(movdqu, "movdqu 1(%%rdi), %%xmm2\nmovdqu %%xmm2, 17(%%rdi)")			\
	X(movaps, "add $15, %%rdi\nand $-16, %%rdi\nmovaps (%%rdi), %%xmm3\nmovaps %%xmm3, 32(%%rdi)")	\
	X(movaps_gp, "or $1, %%rdi\nmovaps (%%rdi), %%xmm3")				\
	X(movntdq, "add $15, %%rdi\nand $-16, %%rdi\nmovdqa (%%rdi), %%xmm4\nmovntdq %%xmm4, 16(%%rdi)")	\
				\
				\
	X(stosb, "mov $40, %%ecx\nrep stosb") X(stosq, "rep stosq")			\
	X(stos_down, "std\nadd $32, %%rdi\nrep stosl")					\
	X(lods, "mov %%rdi, %%rsi\nrep lodsq\nsub %%rdi, %%rsi")			\
	X(movs, "lea 32(%%rdi), %%rsi\nrep movsq\nsub %%rdi, %%rsi")			\
	X(movs_down, "lea 39(%%rdi), %%rsi\nadd $7, %%rdi\nmov $8, %%ecx\nstd\nrep movsb\nsub %%rdi, %%rsi") \
	X(scas, "mov $0xa5, %%al\nmov $20, %%ecx\nrepne scasb")				\
	X(scasq, "mov (%%rdi), %%rax\nrepe scasq")					\
	X(cmps, "mov %%rdi, %%rsi\nrepe cmpsw\nsub %%rdi, %%rsi")			\
	X(cmpsb, "lea 1(%%rdi), %%rsi\nmov $20, %%ecx\nrepne cmpsb\nsub %%rdi, %%rsi")	\
	X(rep_0, "xor %%ecx, %%ecx\nrep stosq") X(cmps_0, "xor %%ecx, %%ecx\nrepe cmpsb") \
	X(jmp, "lea 1f(%%rip), %%rax\nmov %%rax, (%%rdi)\njmp *(%%rdi)\nmov $0, %%edx\n1:")	\
	X(jmp_gp, "movabs $0x1234567890abcdef, %%rax\nmov %%rax, (%%rdi)\njmp *(%%rdi)")	\
	X(call, "lea 1f(%%rip), %%rax\nmov %%rax, (%%rdi)\ncall *(%%rdi)\njmp 2f\n1:	ret\n2:") \
	X(ljmp, "lea 1f(%%rip), %%eax\nmov %%eax, (%%rdi)\nmovw $8, 4(%%rdi)\nljmp *(%%rdi)\nmov $0, %%edx\n1:") \
	X(lss, "movl $0x1234, (%%rdi)\nmovw $0x10, 4(%%rdi)\nlss (%%rdi), %%ecx")		\
	X(lfs, "movl $0x1234, (%%rdi)\nmovw $0x10, 4(%%rdi)\nlfs (%%rdi), %%ecx")		\
	X(mov_es, "movw $0x10, (%%rdi)\nmov (%%rdi), %%es")				\
	X(mov_es_gp, "movw $0x1238, (%%rdi)\nmov (%%rdi), %%es")			\
	X(lldt_0, "movw $0, (%%rdi)\nlldt (%%rdi)")					\
	X(lldt_gp, "movw $8, (%%rdi)\nlldt (%%rdi)")					\
	X(lmsw, "movw $0x3b, (%%rdi)\nlmsw (%%rdi)\nclts\nmov %%cr0, %%rax")		\
	X(bound_lock, ".byte 0xf0\nmov %%eax, (%%rdi)") X(ud, ".byte 0x0f, 0x0b")		\
	X(clflush, "clflush (%%rdi)") X(prefetch, "prefetcht0 (%%rdi)")			\
	X(frame, "mov %%rsp, %%rax\nmov %%rbp, %%rcx\nlea 48(%%rdi), %%rsp\nmov %%rdx, %%rbp\nenter $8, $0\nmov %%rsp, %%rdx\nsub %%rdi, %%rdx\nleave\nmov %%rbp, %%rbx\nmov %%rcx, %%rbp\nmov %%rax, %%rsp\nxor %%eax, %%eax\nxor %%ecx, %%ecx") \
	X(stack, "mov %%rsp, %%rax\nlea 48(%%rdi), %%rsp\npush %%rdx\npush $7\npushfq\npop %%rcx\nmov %%rax, %%rsp\nxor %%eax, %%eax")

/* Those that Linux's KVM has no emulation for: it ends the guest. */
#define MORE								\
	X(movq, "movq (%%rdi), %%xmm5\nmovq %%xmm5, 24(%%rdi)") \
	X(movd, "movd (%%rdi), %%mm0\nmovd %%mm0, 8(%%rdi)\nemms") \
	X(movq_mm, "movq (%%rdi), %%mm7\nmovq %%mm7, 8(%%rdi)\nemms") \
	X(movhps, "movlps (%%rdi), %%xmm6\nmovhps %%xmm6, 8(%%rdi)") \
	X(popcnt, "popcnt (%%rdi), %%rax") \
	X(sgdt, "sgdt (%%rdi)") \
	X(sidt, "sidt (%%rdi)") \
	X(cmpxchg16b, "add $15, %%rdi\nand $-16, %%rdi\ncmpxchg16b (%%rdi)")

#define X(name, insn)							\
static u64 run_##name(u64 at, struct regs *r)				\
{									\
	return RUN(insn, at, r);					\
}
INSNS
MORE
#undef X

struct insn {
	const char *name;
	u64 (*run)(u64 at, struct regs *r);
};

#define X(name, insn) { #name, run_##name },
static const struct insn insns[] = { INSNS }, more[] = { MORE };
#undef X

/* ---- strings of 1,024 bytes ---------------------------------------------------------- */

static void strings(void)
{
	static u8 bytes[1024];
	u64 di, si, cx;
	unsigned int i;

	outb(0xe0, 0x99);
	di = WINDOW;
	cx = 1024;
	asm volatile("rep insb" : "+D"(di), "+c"(cx) : "d"(0xe0) : "memory");
	ok(di == WINDOW + 1024 && !cx && ((volatile u8 *)WINDOW)[1023] == 0x99 &&
	   ((volatile u8 *)WINDOW)[0] == 0x99, "1,024 bytes from a port to the device");
	for (i = 0; i < 1024; i++)
		((volatile u8 *)WINDOW)[i] = i * 7;
	si = WINDOW;
	cx = 1024;
	asm volatile("rep outsb" : "+S"(si), "+c"(cx) : "d"(0xe0) : "memory");
	ok(si == WINDOW + 1024 && !cx && inb(0xe0) == (u8)(1023 * 7), "and back to the port");
	si = WINDOW;
	di = (u64)bytes;
	cx = 1024;
	asm volatile("rep movsb" : "+S"(si), "+D"(di), "+c"(cx) : : "memory");
	for (i = 0; i < 1024 && bytes[i] == (u8)(i * 7); i++)
		;
	ok(i == 1024, "1,024 bytes from the device to memory (%u)", i);
	si = (u64)bytes + 1023;
	di = WINDOW + 4096 + 511;
	cx = 1024;
	asm volatile("std\n	rep movsb\n	cld" : "+S"(si), "+D"(di), "+c"(cx) : : "memory");
	ok(((volatile u8 *)WINDOW)[4096 + 511] == (u8)(1023 * 7) &&
	   ((volatile u8 *)WINDOW)[4096 - 512] == 0, "downwards, across two of its pages");
	outl(0xe0, 0x11223344);
	di = RAM + 4096 - 6;
	cx = 3;
	asm volatile("rep insl" : "+D"(di), "+c"(cx) : "d"(0xe0) : "memory");
	ok(*(u32 *)(RAM + 4096 - 6) == 0x11223344 && *(u32 *)(RAM + 4096 - 2) == 0x11223344 && !cx,
	   "INSD across pages of memory");
	bytes[0] = 'd';
	bytes[1] = 'u';
	si = (u64)bytes + 1;
	cx = 2;
	asm volatile("std\n	rep outsb\n	cld" : "+S"(si), "+c"(cx) : "d"(0xe0) : "memory");
	ok(inb(0xe0) == 'd' && si == (u64)bytes - 1, "OUTSB downwards");
}

/* A page that is not there in the middle: what was done stays, the rest comes after. */
static void fault_midway(void)
{
	u64 di = WINDOW + 8192 - 8, cx = 16, vector, rcx, rdi;

	map(WINDOW + 8192, 0, 0);
	vector = TRY("rep stosb", : "=D"(rdi), "=c"(rcx) : "D"(di), "c"(cx), "a"(0x3c) : "memory");
	ok(vector == 14 && caught.cr2 == WINDOW + 8192 && rdi == WINDOW + 8192 && rcx == 8,
	   "a fault midway: STOSB (%lu left)", rcx);
	ok(((volatile u8 *)WINDOW)[8191] == 0x3c, "what came before it is done");
	vector = TRY("rep insb", : "=D"(rdi), "=c"(rcx) : "D"(di), "c"(cx), "d"(0xe0) : "memory");
	ok(vector == 14 && rcx == 8 && rdi == WINDOW + 8192, "a fault midway: INSB (%lu left)", rcx);
	vector = TRY("movups %%xmm0, (%0)", : : "r"(di) : "memory");
	ok(vector == 14 && caught.cr2 == WINDOW + 8192 && (caught.error & 3) == 2,
	   "a store whose second page is missing: #PF for that");
	vector = TRY("mov (%0), %%rax", : : "r"(di + 4) : "rax", "memory");
	ok(vector == 14 && caught.cr2 == WINDOW + 8192, "a load likewise");
	map(WINDOW + 8192, (WINDOW_PA + 8192) | PTE_P | PTE_PCD, 0);
	vector = TRY("lock incl (%0)", : : "r"(WINDOW + 8192) : "memory");
	ok(vector == 14 && caught.error == 3, "a read-only page: #PF, error 3 (%#lx)", caught.error);
	vector = TRY("mov %%eax, (%0)", : : "r"(WINDOW + 8192) : "memory");
	ok(vector == 14 && caught.error == 3, "a plain store likewise (%#lx)", caught.error);
	map(WINDOW + 8192, (WINDOW_PA + 8192) | PTE_P | PTE_W | PTE_PCD, 0);
	vector = TRY("mov (%0), %%eax", : : "r"(0x1234567812345678) : "rax", "memory");
	ok(vector == 13, "no canonical address: #GP");
}

/* LDT and task register from descriptors that the device names */
static void systems(void)
{
	extern u64 gdt[];
	u64 saved = gdt[10];
	u16 was, is;

	asm volatile("str %0" : "=r"(was));
	gdt[8] = 0x0000820000000fff | (0x1234ULL << 16);
	gdt[9] = 0;
	*(volatile u16 *)WINDOW = 0x40;
	ok(TRY("lldt (%0)", : : "r"(WINDOW) : "memory") == NOTHING, "LLDT from the device");
	asm volatile("sldt %0" : "=r"(is));
	ok(is == 0x40, "it is loaded");
	*(volatile u16 *)WINDOW = 0;
	ok(TRY("lldt (%0)", : : "r"(WINDOW) : "memory") == NOTHING, "and unloaded");
	gdt[10] &= ~(2ULL << 40);		/* free: CPU 0's */
	*(volatile u16 *)WINDOW = was;
	ok(TRY("ltr (%0)", : : "r"(WINDOW) : "memory") == NOTHING, "LTR from the device");
	ok(gdt[10] == saved, "the descriptor is busy");
	ok(TRY("ltr (%0)", : : "r"(WINDOW) : "memory") == 13 && caught.error == was,
	   "a busy one is #GP with the selector");
	gdt[8] &= ~(BIT(47));
	*(volatile u16 *)WINDOW = 0x40;
	ok(TRY("lldt (%0)", : : "r"(WINDOW) : "memory") == 11 && caught.error == 0x40,
	   "one that is not present is #NP");
	gdt[8] = 0;
}

/* Code that begins in one page and ends in the next, of another frame */
static void cross_page_code(void)
{
	u8 *a = page_alloc(), *b = page_alloc();
	u64 at = 0x8050000000UL, rax = 0;

	map(at, (u64)a | PTE_P | PTE_W, 0);
	map(at + 4096, (u64)b | PTE_P | PTE_W, 0);
	/* mov (%rdi), %eax; ret: three bytes, one here, two there */
	a[4095] = 0x8b;
	b[0] = 0x07;
	b[1] = 0xc3;
	*(volatile u32 *)WINDOW = 0xcafe1234;
	asm volatile("call *%1" : "=a"(rax) : "r"(at + 4095), "D"(WINDOW) : "memory");
	ok((u32)rax == 0xcafe1234, "an instruction across two pages");
}

static void all(const struct insn *insn, unsigned int n)
{
	for (; n; n--, insn++) {
		same(insn->name, insn->run, 0);
		same(insn->name, insn->run, 4096 - 3);
	}
}

void test_emul_more(void)
{
	set_up();
	all(more, ARRAY_SIZE(more));
}

void test_emul(void)
{
	if (!has_testdev()) {
		note("no pc-testdev");
		return;
	}
	set_up();
	all(insns, ARRAY_SIZE(insns));
	strings();
	fault_midway();
	systems();
	cross_page_code();
}
