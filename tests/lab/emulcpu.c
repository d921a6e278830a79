// SPDX-License-Identifier: GPL-2.0
/*
 * emulcpu: the hypervisor's emulator against the CPU it runs on, inside the
 * emulated host. A guest executes one random instruction twice, from the same
 * registers and at the same addresses: once with its operands in memory, by the
 * CPU; once where the page tables lead to a hole, so that each access is
 * emulated and this program answers it. Registers, flags, vector registers, the
 * bytes written, the vector of an exception and what it pushed must be equal.
 *
 *   emulcpu [SEED [CASES]]     CASES for each of tests/unit/insn_gen.h's templates
 *
 * The operands lie around the end of a page, so that many accesses cross it.
 */
#include "smallvm.h"
#include "tests/unit/insn_gen.h"

#define INSN		0x3000
#define STUBS		0x2000		/* a HLT for each vector, 16 bytes apart */
#define IST_TOP		0x8000
#define TSS		0xb000
#define HOLE_TABLES	0x14000
#define TABLES_32	0x18000		/* one directory, and that with the hole */
#define IDT_32		0x1a000
#define GDT_32		0x1b000
#define BASE_32		0x100000	/* of data segments */
#define STACK_32	0x7000
#define TARGET		0x3800		/* of jumps: a HLT */
#define BUFFER_VA	0x600800	/* its middle is the end of a page */
#define HOLE		0x40000000UL	/* where the big page of it leads */
#define XSAVE_BYTES	832		/* legacy, header, upper halves of YMM */

static struct smallvm g;
static struct kvm_sregs sregs[2];	/* by the CPU, emulated */
static uint64_t hole;			/* the buffer there */
static unsigned int frame;		/* where exceptions push */
static uint8_t shadow[GEN_BUFFER], first[GEN_BUFFER];
static struct kvm_xsave fpu;
static unsigned int mmio_exits;
static bool avx;

/* ---- the guest -------------------------------------------------------------------- */

static bool set_up(void)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .value = 7 } };
	uint64_t *pml4, top = IST_TOP;
	unsigned int n;
	uint32_t none;

	if (!smallvm_open(&g, "\xf4", 1, false))
		return false;
	smallvm_cpuid(&g, &none);
	smallvm_long(&g, INSN);
	for (n = 0; n < 32; n++) {
		g.ram[STUBS + n * 16] = 0xf4;
		smallvm_gate(&g, n, STUBS + n * 16);
		((uint64_t *)(g.ram + VM_IDT + n * 16))[0] |= 1ULL << 32;
	}
	memcpy(g.ram + TSS + 0x24, &top, 8);
	pml4 = (void *)(g.ram + HOLE_TABLES);
	memcpy(pml4, g.ram + VM_TABLES, 0x3000);
	pml4[0] = (HOLE_TABLES + 0x1000) | 3;
	pml4[512] = (HOLE_TABLES + 0x2000) | 3;
	pml4[1024 + (BUFFER_VA >> 21)] = HOLE | 0x83;

	ioctl(g.vcpu, KVM_GET_SREGS, &sregs[0]);
	sregs[0].tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .type = 11,
					    .present = 1, .selector = 24 };
	sregs[0].cr4 |= 1 << 9 | 1 << 10;
	sregs[0].cr4 |= 1 << 18;
	avx = !ioctl(g.vcpu, KVM_SET_SREGS, &sregs[0]) &&
	      !ioctl(g.vcpu, KVM_SET_XCRS, &xcrs);
	if (!avx)
		sregs[0].cr4 &= ~(1 << 18);
	sregs[1] = sregs[0];
	sregs[1].cr3 = HOLE_TABLES;
	gen_at = BUFFER_VA;
	gen_bytes = g.ram + BUFFER_VA;
	hole = HOLE + (BUFFER_VA & 0x1fffff);
	frame = IST_TOP;
	g.ram[TARGET] = 0xf4;
	return true;
}

/* 32-bit code with paging and data segments that do not begin at 0. */
static void set_up_32(void)
{
	uint32_t *pd = (void *)(g.ram + TABLES_32);
	uint64_t *gdt = (void *)(g.ram + GDT_32), gate;
	struct kvm_sregs *s = &sregs[0];
	unsigned int n;

	pd[0] = pd[1024] = 0x83;
	pd[1] = 0x400000 | 0x83;
	pd[1025] = HOLE | 0x83;
	gdt[1] = 0x00cf9b000000ffffULL;
	gdt[2] = 0x00cf93000000ffffULL;
	for (n = 0; n < 32; n++) {
		gate = (STUBS + n * 16) | 8 << 16 | 0x8eULL << 40;
		memcpy(g.ram + IDT_32 + n * 8, &gate, 8);
	}
	s->cr3 = TABLES_32;
	s->cr4 = 1 << 4 | 1 << 9 | 1 << 10;
	s->efer = 0;
	s->cs = smallvm_seg(8, 11, false, true);
	s->ds = smallvm_seg(16, 3, false, true);
	s->ds.base = BASE_32;
	s->es = s->fs = s->gs = s->ss = s->ds;
	s->idt.base = IDT_32;
	s->idt.limit = 0xff;
	s->gdt.base = GDT_32;
	sregs[1] = sregs[0];
	sregs[1].cr3 += 0x1000;
	gen_bits = 32;
	gen_at = BUFFER_VA - BASE_32;
	gen_stack = STACK_32;
	hole = HOLE + (BUFFER_VA & 0x3fffff);
	frame = BASE_32 + STACK_32;
}

/* Its words, the flags third from 0: RIP, CS and flags, and what is beside them. */
static void read_frame(uint64_t *pushed)
{
	uint32_t small[4];
	unsigned int n;

	memset(pushed, 0, 48);
	if (gen_bits == 64) {
		memcpy(pushed, g.ram + frame - 48, 48);
		return;
	}
	memcpy(small, g.ram + frame - 16, 16);
	for (n = 0; n < 4; n++)
		pushed[n] = small[n];
}

static void answer(struct kvm_run *run)
{
	uint64_t at = run->mmio.phys_addr - hole;

	mmio_exits++;
	if (at + run->mmio.len > GEN_BUFFER)
		memset(run->mmio.data, 0xff, 8);
	else if (run->mmio.is_write)
		memcpy(shadow + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, shadow + at, run->mmio.len);
}

struct outcome {
	int exit;
	struct kvm_regs regs;
	struct kvm_xsave fpu;
	uint64_t pushed[6];		/* by an exception */
};

static void execute(bool emulated, const struct test_case *k, bool vectors,
		    struct outcome *o)
{
	struct kvm_regs regs = { .rip = INSN, .rflags = k->m.flags };

	memset(o, 0, sizeof(*o));
	memset(g.ram + frame - 48, 0, 48);
	regs.rax = k->m.regs[0], regs.rcx = k->m.regs[1], regs.rdx = k->m.regs[2];
	regs.rbx = k->m.regs[3], regs.rsp = k->m.regs[4], regs.rbp = k->m.regs[5];
	regs.rsi = k->m.regs[6], regs.rdi = k->m.regs[7];
	memcpy((char *)&regs + offsetof(struct kvm_regs, r8), &k->m.regs[8], 64);
	ioctl(g.vcpu, KVM_SET_SREGS, &sregs[emulated]);
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	if (vectors)
		ioctl(g.vcpu, KVM_SET_XSAVE, &fpu);
	while ((o->exit = smallvm_run(&g)) == KVM_EXIT_MMIO)
		answer(g.run);
	ioctl(g.vcpu, KVM_GET_REGS, &o->regs);
	if (vectors)
		ioctl(g.vcpu, KVM_GET_XSAVE, &o->fpu);
	read_frame(o->pushed);
}

/* ---- both ways ------------------------------------------------------------------------- */

/* RF in pushed flags is the CPU's affair (APM2 3.1.6); other bits must agree. */
static bool same_pushed(const uint64_t *a, const uint64_t *b, uint64_t mask)
{
	unsigned int n;

	for (n = 0; n < 6; n++)
		if ((a[n] ^ b[n]) & (n == 3 ? mask & ~(1ULL << 16) : ~0ULL))
			return false;
	return true;
}

static void complain(const struct test_case *k, const struct outcome *a,
		     const struct outcome *b, uint64_t mask)
{
	const uint64_t *ra = (const uint64_t *)&a->regs, *rb = (const uint64_t *)&b->regs;
	static const char * const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
	};
	unsigned int n;

	printf("# %s:", k->t->name);
	for (n = 0; n < k->n; n++)
		printf(" %02x", k->bytes[n]);
	printf("; exit %d by the CPU, %d emulated; memory %s\n", a->exit, b->exit,
	       memcmp(first, shadow, GEN_BUFFER) ? "differs" : "equal");
	if (b->exit == KVM_EXIT_INTERNAL_ERROR)
		printf("#   suberror %u\n", g.run->internal.suberror);
	for (n = 0; n < 18; n++)
		if ((ra[n] ^ rb[n]) & (n == 17 ? mask : ~0ULL))
			printf("#   %s %llx by the CPU, %llx emulated\n", names[n],
			       (unsigned long long)ra[n], (unsigned long long)rb[n]);
	for (n = 0; n < 6; n++)
		if (a->pushed[n] != b->pushed[n])
			printf("#   pushed[%u] %llx, %llx\n", n,
			       (unsigned long long)a->pushed[n],
			       (unsigned long long)b->pushed[n]);
}

/*
 * BSF and BSR of 0 leave their register alone (APM3). The emulated CPU clears the
 * upper half of one that a 32-bit form names: only lower halves count then.
 */
static void forget_upper(const struct test_case *k, struct outcome *o)
{
	uint64_t *r = (uint64_t *)&o->regs;
	unsigned int n;

	if (strncmp(k->t->name, "bs", 2) || k->size != 4 || !(o->regs.rflags & 0x40))
		return;
	for (n = 0; n < 16; n++)
		r[n] = (uint32_t)r[n];
}

/* The bytes of @k run both ways. */
static bool same(struct test_case *k, bool vectors, bool *emulated)
{
	uint64_t mask = ~undefined_flags(k, &k->m);
	struct outcome cpu, emu;
	bool equal;

	memcpy(g.ram + INSN, k->bytes, k->n);
	g.ram[INSN + k->n] = 0xf4;
	memcpy(shadow, gen_bytes, GEN_BUFFER);
	execute(false, k, vectors, &cpu);
	memcpy(first, gen_bytes, GEN_BUFFER);
	mmio_exits = 0;
	execute(true, k, vectors, &emu);
	*emulated = mmio_exits;
	forget_upper(k, &cpu);
	forget_upper(k, &emu);
	equal = cpu.exit == KVM_EXIT_HLT && emu.exit == KVM_EXIT_HLT &&
		!memcmp(&cpu.regs, &emu.regs, offsetof(struct kvm_regs, rflags)) &&
		!((cpu.regs.rflags ^ emu.regs.rflags) & mask) &&
		same_pushed(cpu.pushed, emu.pushed, mask) &&
		!memcmp(first, shadow, GEN_BUFFER) &&
		(!vectors ||
		 !memcmp((char *)&cpu.fpu + 160, (char *)&emu.fpu + 160, 256)) &&
		(!vectors || !avx ||
		 !memcmp((char *)&cpu.fpu + 576, (char *)&emu.fpu + 576, 256));
	if (!equal)
		complain(k, &cpu, &emu, mask);
	return equal;
}

static bool touches_memory(const struct test_case *k)
{
	if (!strcmp(k->t->name, "lea") || !strcmp(k->t->name, "nop"))
		return false;
	return uses_stack(k->t) || k->memory || (k->t->kind & STRING);
}

/* 63h is ARPL in 32-bit code; a fault that pushes into the hole has no end. */
static bool fits(const struct test_case *k)
{
	if (gen_bits == 64)
		return true;
	return strcmp(k->t->name, "movsxd") &&
	       (!strstr(k->t->name, "div") || k->m.regs[EMUL_RSP] == gen_stack);
}

static unsigned int cases, emulated_cases, differ;

static void run_template(const struct template *t, unsigned int count)
{
	unsigned int n, wrong = 0, done = 0;
	struct test_case k;
	bool emulated;

	for (n = 0; n < count * 4 && done < count && wrong < 3; n++) {
		make_case(&k, t);
		if (!touches_memory(&k) || !fits(&k) || undefined_result(&k, &k.m))
			continue;
		done++;
		wrong += !same(&k, false, &emulated);
		emulated_cases += emulated;
	}
	cases += done;
	differ += wrong;
}

/* ---- jumps ---------------------------------------------------------------------------------- */

static const struct { const char *name; uint8_t n, bytes[6]; } jumps[] = {
	{ "call [rsi]", 2, { 0xff, 0x16 } }, { "jmp [rsi]", 2, { 0xff, 0x26 } },
	{ "ret", 1, { 0xc3 } }, { "ret 16", 3, { 0xc2, 0x10, 0x00 } },
	{ "call", 5, { 0xe8, 0xfb, 0x07, 0x00, 0x00 } },
	{ "push [rsi]", 2, { 0xff, 0x36 } }, { "pop [rsi]", 2, { 0x8f, 0x06 } },
	{ "popf", 1, { 0x9d } },
};

/* Their operand is the address of a HLT; the stack crosses pages. */
static void run_jump(unsigned int which, unsigned int count)
{
	struct template t = { .name = jumps[which].name, .opcode = { 0x90 },
			      .length = 1, .kind = NO_MODRM };
	uint64_t target = TARGET;
	unsigned int n, wrong = 0;
	struct test_case k;
	bool emulated;

	for (n = 0; n < count && wrong < 3; n++) {
		make_case(&k, &t);
		k.n = jumps[which].n;
		memcpy(k.bytes, jumps[which].bytes, k.n);
		k.m.regs[EMUL_RSP] = gen_at + GEN_BUFFER / 2 - 16 + below(32);
		k.m.regs[EMUL_RSI] = gen_at + GEN_BUFFER / 2 + 96 + below(64);
		memcpy(gen_bytes + k.m.regs[EMUL_RSP] - gen_at, &target, 8);
		memcpy(gen_bytes + k.m.regs[EMUL_RSI] - gen_at, &target, 8);
		cases++;
		wrong += !same(&k, false, &emulated);
		emulated_cases += emulated;
	}
	differ += wrong;
}

static void integers(unsigned int count)
{
	unsigned int n;

	cases = differ = emulated_cases = 0;
	for (n = 0; n < ARRAY_SIZE(templates); n++)
		run_template(&templates[n], count);
	run_template(&movbe_load, count);
	run_template(&movbe_store, count);
	run_template(&cmpxchg16b, count);
	run_template(&popcnt, count);
	for (n = 0; n < ARRAY_SIZE(jumps); n++)
		run_jump(n, count);
	ok(!differ, "%u random %u-bit instructions leave the same by the CPU and by the emulator: %u do not",
	   cases, gen_bits, differ);
	ok(emulated_cases > cases / 2, "%u of them were emulated", emulated_cases);
}

/* ---- moves of vector registers --------------------------------------------------------- */

/* ModRM 2Eh: [rsi], register 5. */
static const struct vector_form {
	const char *name;
	uint8_t n, bytes[7];
	bool aligned, vex;
} forms[] = {
#define V(name, ...) { name, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, false, false }
#define A(name, ...) { name, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, true, false }
#define X(name, ...) { name, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, false, true }
#define XA(name, ...) { name, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, true, true }
	V("movups", 0x0f, 0x10, 0x2e), V("movups", 0x0f, 0x11, 0x2e),
	V("movupd", 0x66, 0x0f, 0x10, 0x2e), V("movupd", 0x66, 0x0f, 0x11, 0x2e),
	V("movss", 0xf3, 0x0f, 0x10, 0x2e), V("movss", 0xf3, 0x0f, 0x11, 0x2e),
	V("movsd", 0xf2, 0x0f, 0x10, 0x2e), V("movsd", 0xf2, 0x0f, 0x11, 0x2e),
	V("movlps", 0x0f, 0x12, 0x2e), V("movlps", 0x0f, 0x13, 0x2e),
	V("movlpd", 0x66, 0x0f, 0x12, 0x2e), V("movlpd", 0x66, 0x0f, 0x13, 0x2e),
	V("movhps", 0x0f, 0x16, 0x2e), V("movhps", 0x0f, 0x17, 0x2e),
	V("movhpd", 0x66, 0x0f, 0x16, 0x2e), V("movhpd", 0x66, 0x0f, 0x17, 0x2e),
	A("movaps", 0x0f, 0x28, 0x2e), A("movaps", 0x0f, 0x29, 0x2e),
	A("movapd", 0x66, 0x0f, 0x28, 0x2e), A("movapd", 0x66, 0x0f, 0x29, 0x2e),
	A("movntps", 0x0f, 0x2b, 0x2e), A("movntpd", 0x66, 0x0f, 0x2b, 0x2e),
	V("movd", 0x66, 0x0f, 0x6e, 0x2e), V("movd", 0x66, 0x0f, 0x7e, 0x2e),
	V("movq", 0x66, 0x48, 0x0f, 0x6e, 0x2e), V("movq", 0x66, 0x48, 0x0f, 0x7e, 0x2e),
	V("movq", 0xf3, 0x0f, 0x7e, 0x2e), V("movq", 0x66, 0x0f, 0xd6, 0x2e),
	A("movdqa", 0x66, 0x0f, 0x6f, 0x2e), A("movdqa", 0x66, 0x0f, 0x7f, 0x2e),
	V("movdqu", 0xf3, 0x0f, 0x6f, 0x2e), V("movdqu", 0xf3, 0x0f, 0x7f, 0x2e),
	A("movntdq", 0x66, 0x0f, 0xe7, 0x2e), V("lddqu", 0xf2, 0x0f, 0xf0, 0x2e),
	X("vmovups", 0xc5, 0xf8, 0x10, 0x2e), X("vmovups", 0xc5, 0xf8, 0x11, 0x2e),
	X("vmovups ymm", 0xc5, 0xfc, 0x10, 0x2e), X("vmovups ymm", 0xc5, 0xfc, 0x11, 0x2e),
	X("vmovdqu ymm", 0xc5, 0xfe, 0x6f, 0x2e), X("vmovdqu ymm", 0xc5, 0xfe, 0x7f, 0x2e),
	XA("vmovdqa ymm", 0xc5, 0xfd, 0x6f, 0x2e), XA("vmovdqa ymm", 0xc5, 0xfd, 0x7f, 0x2e),
	XA("vmovaps", 0xc5, 0xf8, 0x28, 0x2e), XA("vmovaps", 0xc5, 0xf8, 0x29, 0x2e),
	XA("vmovntdq ymm", 0xc5, 0xfd, 0xe7, 0x2e),
	X("vmovq", 0xc5, 0xfa, 0x7e, 0x2e), X("vmovq", 0xc5, 0xf9, 0xd6, 0x2e),
	X("vmovd", 0xc5, 0xf9, 0x6e, 0x2e), X("vmovd", 0xc5, 0xf9, 0x7e, 0x2e),
};

static void random_vectors(void)
{
	uint8_t *x = (uint8_t *)&fpu;
	unsigned int n;

	ioctl(g.vcpu, KVM_GET_XSAVE, &fpu);
	for (n = 160; n < 416; n += 8)
		memcpy(x + n, (uint64_t[]){ next_random() }, 8);
	for (n = 576; avx && n < XSAVE_BYTES; n += 8)
		memcpy(x + n, (uint64_t[]){ next_random() }, 8);
	*(uint64_t *)(x + 512) |= avx ? 7 : 3;
	*(uint32_t *)(x + 24) = 0x1f80;
}

/* Aligned forms get a bad address now and then: #GP both ways. */
static void run_form(const struct vector_form *f, unsigned int count)
{
	struct template t = { .name = f->name, .kind = NO_MODRM };
	unsigned int n, wrong = 0;
	struct test_case k;
	bool emulated;

	memcpy(t.opcode, "\x90", 1);
	t.length = 1;
	for (n = 0; n < count && wrong < 3; n++) {
		make_case(&k, &t);
		k.n = f->n;
		memcpy(k.bytes, f->bytes, f->n);
		k.m.regs[EMUL_RSI] = gen_at + GEN_BUFFER / 2 - 64 +
				     (f->aligned && n % 4 ? 32 * below(4) : below(100));
		random_vectors();
		cases++;
		wrong += !same(&k, true, &emulated);
		emulated_cases += emulated;
	}
	differ += wrong;
}

int main(int argc, char **argv)
{
	unsigned int n, count = argc > 2 ? atoi(argv[2]) : 12;

	if (argc > 1)
		seed ^= strtoull(argv[1], NULL, 0) * 0x9e3779b97f4a7c15ULL;
	kvm = open("/dev/kvm", O_RDWR);
	if (!ok(set_up(), "a guest"))
		return 1;
	integers(count);
	cases = differ = emulated_cases = 0;
	for (n = 0; n < ARRAY_SIZE(forms); n++)
		if (avx || !forms[n].vex)
			run_form(&forms[n], count);
	ok(!differ, "so do %u moves of SSE%s registers: %u do not", cases,
	   avx ? " and AVX" : "", differ);
	ok(emulated_cases > cases / 2, "%u of them were emulated", emulated_cases);
	set_up_32();
	integers(count);
	printf("1..%d\n", points);
	return bad != 0;
}
