// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU the test runs on: random 64-bit instructions
 * with random operands are executed natively, in a page that loads all
 * registers and flags, runs the one instruction and stores everything again;
 * then by the emulator, over a copy of the same memory. Registers, defined
 * flags and memory must be equal. The seed is fixed; a failure prints the
 * instruction.
 *
 * Flags that the manuals leave undefined are masked, case by case, by
 * undefined_flags(). What the vendors do differently (66h on near branches) is
 * not generated.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <cpuid.h>

#include "tests/unit/check.h"
#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"

#define CASES		300u	/* per template */
#define BUFFER		4096u

/* ---- the native side: one page of code, one of data, below 4 GB -------------- */

struct machine {
	u64 regs[16], flags;
};

#define INSN_AT		0x200
#define AFTER_AT	0x240
#define IN_AT		0x1000
#define OUT_AT		0x1100
#define SAVED_AT	0x1200

static u8 *page;
static u8 *buffer, *shadow;
static volatile sig_atomic_t native_faulted;

static unsigned int emit(unsigned int at, const void *bytes, unsigned int n)
{
	memcpy(page + at, bytes, n);
	return at + n;
}

/* An instruction whose ModRM is [rip + to] */
static unsigned int emit_rip(unsigned int at, const void *head, unsigned int n,
			     unsigned int to)
{
	s32 disp;

	at = emit(at, head, n);
	disp = (s32)to - (s32)(at + 4);
	return emit(at, &disp, 4);
}

static unsigned int emit_move(unsigned int at, bool load, unsigned int reg,
			      unsigned int to)
{
	u8 head[3] = { 0x48 | (reg & 8) >> 1, load ? 0x8b : 0x89, (reg & 7) << 3 | 5 };

	return emit_rip(at, head, 3, to);
}

static void emit_enter(void)
{
	unsigned int at = 0, n;

	at = emit(at, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);
	at = emit_move(at, false, EMUL_RSP, SAVED_AT);
	at = emit_rip(at, "\xff\x35", 2, IN_AT + 128);		/* push flags */
	at = emit(at, "\x9d", 1);
	for (n = 0; n < 16; n++)
		at = emit_move(at, true, n, IN_AT + 8 * n);
	assert_true(at <= INSN_AT);
}

static void emit_leave(void)
{
	unsigned int at = AFTER_AT, n;

	for (n = 0; n < 16; n++)
		at = emit_move(at, false, n, OUT_AT + 8 * n);
	at = emit_move(at, true, EMUL_RSP, SAVED_AT);
	at = emit(at, "\x9c", 1);
	at = emit_rip(at, "\x8f\x05", 2, OUT_AT + 128);		/* pop flags */
	at = emit(at, "\xfc\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12);
	assert_true(at <= 0x1000);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)number;
	(void)info;
	native_faulted = 1;
	u->uc_mcontext.gregs[REG_RIP] = (greg_t)(page + AFTER_AT);
}

/* Within a test: cmocka takes these signals at the start of each. */
static void take_signals(void)
{
	static u8 stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	assert_int_equal(sigaction(SIGFPE, &action, NULL), 0);
	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
	assert_int_equal(sigaction(SIGILL, &action, NULL), 0);
}

static int native_setup(void **state)
{
	(void)state;
	page = mmap(NULL, 0x2000 + 2 * BUFFER, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (page == MAP_FAILED)
		return -1;
	memset(page, 0x90, 0x1000);
	buffer = page + 0x2000;
	shadow = buffer + BUFFER;
	emit_enter();
	emit_leave();
	return 0;
}

/* False if the CPU raised an exception; then *m is the state at it. */
static bool native_run(const u8 *bytes, unsigned int n, struct machine *m)
{
	memset(page + INSN_AT, 0x90, AFTER_AT - INSN_AT);
	memcpy(page + INSN_AT, bytes, n);
	memcpy(page + IN_AT, m, sizeof(*m));
	native_faulted = 0;
	((void (*)(void))page)();
	memcpy(m, page + OUT_AT, sizeof(*m));
	return !native_faulted;
}

/* ---- the emulated side: the same addresses, the other buffer ------------------ */

static u8 *shadow_at(gva_t la, unsigned int len)
{
	if (la < (gva_t)buffer || la + len > (gva_t)buffer + BUFFER)
		return NULL;
	return shadow + (la - (gva_t)buffer);
}

static enum emul_access_result page_fault(struct emul_ctxt *c)
{
	c->fault = (struct emul_fault) { .vector = 14, .has_error = true };
	return EMUL_ACC_FAULT;
}

static enum emul_access_result op_read(struct emul_ctxt *c, gva_t la, void *data,
				       unsigned int len, bool intent)
{
	u8 *from = shadow_at(la, len);

	(void)intent;
	if (!from)
		return page_fault(c);
	memcpy(data, from, len);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_write(struct emul_ctxt *c, gva_t la,
					const void *data, unsigned int len)
{
	u8 *to = shadow_at(la, len);

	if (!to)
		return page_fault(c);
	memcpy(to, data, len);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_cmpxchg(struct emul_ctxt *c, gva_t la, void *old,
					  const void *new_value, unsigned int len,
					  bool *swapped)
{
	u8 *at = shadow_at(la, len);

	if (!at)
		return page_fault(c);
	*swapped = !memcmp(at, old, len);
	memcpy(*swapped ? (void *)at : old, *swapped ? new_value : at, len);
	return EMUL_ACC_OKAY;
}

static const struct emul_ops ops = {
	.read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
};

static enum emul_verdict emulated_run(const u8 *bytes, unsigned int n,
				      struct machine *m, u8 *vector)
{
	struct emul_ctxt c = {
		.rflags = m->flags, .cr0 = 0x80000011, .efer = 0x500, .cpl = 3,
		.rip = (u64)(page + INSN_AT), .ops = &ops, .nbytes = n,
		.seg = { [EMUL_CS] = { .attrib = 0x0afb, .limit = ~0u } },
	};
	enum emul_verdict v;

	memcpy(c.regs, m->regs, sizeof(c.regs));
	memcpy(c.bytes, bytes, n);
	do
		v = emul_step(&c);
	while (v == EMUL_REP);
	if (v == EMUL_OKAY) {
		assert_int_equal(c.length, n);
		assert_int_equal(c.rip, page + INSN_AT + n);
	}
	memcpy(m->regs, c.regs, sizeof(c.regs));
	m->flags = c.rflags;
	*vector = c.fault.vector;
	return v;
}

/* ---- templates ------------------------------------------------------------------ */

enum {
	BYTE = BIT(0),		/* no 66, no REX.W */
	IMM8 = BIT(1),
	IMMZ = BIT(2),
	NO_MODRM = BIT(3),
	MEMORY = BIT(4),	/* memory form only */
	LOCKS = BIT(5),		/* sometimes with LOCK, in memory */
	BITS = BIT(6),		/* the register is a bit number */
	STRING = BIT(7),	/* rsi, rdi, rcx and DF made to fit */
	NO16 = BIT(8),
	IMMV = BIT(9),
	REGISTER = BIT(10),	/* register form only */
	SHIFT = BIT(11), DOUBLE = BIT(12), COUNT_CL = BIT(13),
	FRAME = BIT(14),	/* rbp points into the buffer */
};

#define ANY	0xff
#define ALL	EMUL_STATUS
#define NOTHING_BUT(f) (ALL & ~(f))

struct template {
	const char *name;
	u8 opcode[4];
	u8 length, reg;		/* ModRM.reg, or ANY */
	u16 kind;
	u64 undefined;
};

#define ALU(name, base, af, lk) \
	{ name, { base }, 1, ANY, BYTE | (lk), af }, \
	{ name, { base + 1 }, 1, ANY, lk, af }, \
	{ name, { base + 2 }, 1, ANY, BYTE, af }, \
	{ name, { base + 3 }, 1, ANY, 0, af }, \
	{ name, { base + 4 }, 1, ANY, BYTE | IMM8 | NO_MODRM, af }, \
	{ name, { base + 5 }, 1, ANY, IMMZ | NO_MODRM, af }, \
	{ name, { 0x80 }, 1, base >> 3, BYTE | IMM8 | (lk), af }, \
	{ name, { 0x81 }, 1, base >> 3, IMMZ | (lk), af }, \
	{ name, { 0x83 }, 1, base >> 3, IMM8 | (lk), af }

#define SHIFTS(name, reg) \
	{ name, { 0xc0 }, 1, reg, BYTE | IMM8 | SHIFT, 0 }, \
	{ name, { 0xc1 }, 1, reg, IMM8 | SHIFT, 0 }, \
	{ name, { 0xd0 }, 1, reg, BYTE | SHIFT, 0 }, \
	{ name, { 0xd1 }, 1, reg, SHIFT, 0 }, \
	{ name, { 0xd2 }, 1, reg, BYTE | SHIFT | COUNT_CL, 0 }, \
	{ name, { 0xd3 }, 1, reg, SHIFT | COUNT_CL, 0 }

#define STRINGS(name, op, u) \
	{ name, { op }, 1, ANY, STRING | NO_MODRM | BYTE, u }, \
	{ name, { op + 1 }, 1, ANY, STRING | NO_MODRM, u }, \
	{ name, { 0xf3, op }, 2, ANY, STRING | NO_MODRM | BYTE, u }, \
	{ name, { 0xf2, op }, 2, ANY, STRING | NO_MODRM | BYTE, u }

#define BIT_TESTS(name, op, sub) \
	{ name, { 0x0f, op }, 2, ANY, BITS | (sub != 4 ? LOCKS : 0), \
	  NOTHING_BUT(EMUL_CF | EMUL_ZF) }, \
	{ name, { 0x0f, 0xba }, 2, sub, IMM8 | (sub != 4 ? LOCKS : 0), \
	  NOTHING_BUT(EMUL_CF | EMUL_ZF) }

static const struct template templates[] = {
	ALU("add", 0x00, 0, LOCKS), ALU("or", 0x08, EMUL_AF, LOCKS),
	ALU("adc", 0x10, 0, LOCKS), ALU("sbb", 0x18, 0, LOCKS),
	ALU("and", 0x20, EMUL_AF, LOCKS), ALU("sub", 0x28, 0, LOCKS),
	ALU("xor", 0x30, EMUL_AF, LOCKS), ALU("cmp", 0x38, 0, 0),
	{ "test", { 0x84 }, 1, ANY, BYTE, EMUL_AF },
	{ "test", { 0x85 }, 1, ANY, 0, EMUL_AF },
	{ "test", { 0xa8 }, 1, ANY, BYTE | IMM8 | NO_MODRM, EMUL_AF },
	{ "test", { 0xa9 }, 1, ANY, IMMZ | NO_MODRM, EMUL_AF },
	{ "test", { 0xf6 }, 1, 0, BYTE | IMM8, EMUL_AF },
	{ "test", { 0xf7 }, 1, 0, IMMZ, EMUL_AF },
	{ "not", { 0xf6 }, 1, 2, BYTE | LOCKS, 0 },
	{ "not", { 0xf7 }, 1, 2, LOCKS, 0 },
	{ "neg", { 0xf6 }, 1, 3, BYTE | LOCKS, 0 },
	{ "neg", { 0xf7 }, 1, 3, LOCKS, 0 },
	{ "mul", { 0xf6 }, 1, 4, BYTE, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "mul", { 0xf7 }, 1, 4, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0xf6 }, 1, 5, BYTE, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0xf7 }, 1, 5, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x0f, 0xaf }, 2, ANY, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x69 }, 1, ANY, IMMZ, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x6b }, 1, ANY, IMM8, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "div", { 0xf6 }, 1, 6, BYTE, ALL }, { "div", { 0xf7 }, 1, 6, 0, ALL },
	{ "idiv", { 0xf6 }, 1, 7, BYTE, ALL }, { "idiv", { 0xf7 }, 1, 7, 0, ALL },
	{ "inc", { 0xfe }, 1, 0, BYTE | LOCKS, 0 },
	{ "inc", { 0xff }, 1, 0, LOCKS, 0 },
	{ "dec", { 0xfe }, 1, 1, BYTE | LOCKS, 0 },
	{ "dec", { 0xff }, 1, 1, LOCKS, 0 },
	SHIFTS("rol", 0), SHIFTS("ror", 1), SHIFTS("rcl", 2), SHIFTS("rcr", 3),
	SHIFTS("shl", 4), SHIFTS("shr", 5), SHIFTS("sal", 6), SHIFTS("sar", 7),
	{ "shld", { 0x0f, 0xa4 }, 2, ANY, IMM8 | DOUBLE, EMUL_AF },
	{ "shld", { 0x0f, 0xa5 }, 2, ANY, DOUBLE | COUNT_CL, EMUL_AF },
	{ "shrd", { 0x0f, 0xac }, 2, ANY, IMM8 | DOUBLE, EMUL_AF },
	{ "shrd", { 0x0f, 0xad }, 2, ANY, DOUBLE | COUNT_CL, EMUL_AF },
	BIT_TESTS("bt", 0xa3, 4), BIT_TESTS("bts", 0xab, 5),
	BIT_TESTS("btr", 0xb3, 6), BIT_TESTS("btc", 0xbb, 7),
	{ "bsf", { 0x0f, 0xbc }, 2, ANY, 0, NOTHING_BUT(EMUL_ZF) },
	{ "bsr", { 0x0f, 0xbd }, 2, ANY, 0, NOTHING_BUT(EMUL_ZF) },
	{ "mov", { 0x88 }, 1, ANY, BYTE, 0 }, { "mov", { 0x89 }, 1, ANY, 0, 0 },
	{ "mov", { 0x8a }, 1, ANY, BYTE, 0 }, { "mov", { 0x8b }, 1, ANY, 0, 0 },
	{ "mov", { 0xc6 }, 1, 0, BYTE | IMM8, 0 }, { "mov", { 0xc7 }, 1, 0, IMMZ, 0 },
	{ "mov", { 0xb3 }, 1, ANY, BYTE | IMM8 | NO_MODRM, 0 },
	{ "mov", { 0xb7 }, 1, ANY, BYTE | IMM8 | NO_MODRM, 0 },
	{ "mov", { 0xbb }, 1, ANY, IMMV | NO_MODRM, 0 },
	{ "movzx", { 0x0f, 0xb6 }, 2, ANY, 0, 0 },
	{ "movzx", { 0x0f, 0xb7 }, 2, ANY, 0, 0 },
	{ "movsx", { 0x0f, 0xbe }, 2, ANY, 0, 0 },
	{ "movsx", { 0x0f, 0xbf }, 2, ANY, 0, 0 },
	{ "movsxd", { 0x63 }, 1, ANY, NO16, 0 },
	{ "movnti", { 0x0f, 0xc3 }, 2, ANY, MEMORY | NO16, 0 },
	{ "xchg", { 0x86 }, 1, ANY, BYTE | LOCKS, 0 },
	{ "xchg", { 0x87 }, 1, ANY, LOCKS, 0 },
	{ "xchg", { 0x93 }, 1, ANY, NO_MODRM, 0 },
	{ "nop", { 0x90 }, 1, ANY, NO_MODRM, 0 },
	{ "nop", { 0x0f, 0x1f }, 2, 0, 0, 0 },
	{ "lea", { 0x8d }, 1, ANY, MEMORY, 0 },
	{ "xadd", { 0x0f, 0xc0 }, 2, ANY, BYTE | LOCKS, 0 },
	{ "xadd", { 0x0f, 0xc1 }, 2, ANY, LOCKS, 0 },
	{ "cmpxchg", { 0x0f, 0xb0 }, 2, ANY, BYTE | LOCKS, 0 },
	{ "cmpxchg", { 0x0f, 0xb1 }, 2, ANY, LOCKS, 0 },
	{ "setcc", { 0x0f, 0x94 }, 2, 0, BYTE, 0 },
	{ "setcc", { 0x0f, 0x9f }, 2, 0, BYTE, 0 },
	{ "cmovcc", { 0x0f, 0x4c }, 2, ANY, 0, 0 },
	{ "cmovcc", { 0x0f, 0x46 }, 2, ANY, 0, 0 },
	{ "bswap", { 0x0f, 0xcb }, 2, ANY, NO_MODRM | NO16, 0 },
	{ "cbw", { 0x98 }, 1, ANY, NO_MODRM, 0 },
	{ "cwd", { 0x99 }, 1, ANY, NO_MODRM, 0 },
	{ "cmc", { 0xf5 }, 1, ANY, NO_MODRM, 0 },
	{ "clc", { 0xf8 }, 1, ANY, NO_MODRM, 0 },
	{ "stc", { 0xf9 }, 1, ANY, NO_MODRM, 0 },
	{ "cld", { 0xfc }, 1, ANY, NO_MODRM, 0 },
	{ "std", { 0xfd }, 1, ANY, NO_MODRM, 0 },
	{ "sahf", { 0x9e }, 1, ANY, NO_MODRM | BYTE, 0 },
	{ "lahf", { 0x9f }, 1, ANY, NO_MODRM | BYTE, 0 },
	{ "push", { 0x53 }, 1, ANY, NO_MODRM, 0 },
	{ "push", { 0x54 }, 1, ANY, NO_MODRM, 0 },
	{ "push", { 0x68 }, 1, ANY, NO_MODRM | IMMZ, 0 },
	{ "push", { 0x6a }, 1, ANY, NO_MODRM | IMM8, 0 },
	{ "push", { 0xff }, 1, 6, 0, 0 },
	{ "pop", { 0x5b }, 1, ANY, NO_MODRM, 0 },
	{ "pop", { 0x5c }, 1, ANY, NO_MODRM, 0 },
	{ "pop", { 0x8f }, 1, 0, 0, 0 },
	{ "pushf", { 0x9c }, 1, ANY, NO_MODRM, 0 },
	{ "enter", { 0xc8, 0x20, 0x00, 0x00 }, 4, ANY, NO_MODRM | FRAME, 0 },
	{ "enter", { 0xc8, 0x08, 0x01, 0x03 }, 4, ANY, NO_MODRM | FRAME, 0 },
	{ "leave", { 0xc9 }, 1, ANY, NO_MODRM | FRAME, 0 },
	STRINGS("movs", 0xa4, 0), STRINGS("cmps", 0xa6, 0), STRINGS("stos", 0xaa, 0),
	STRINGS("lods", 0xac, 0), STRINGS("scas", 0xae, 0),
};

/* Only where this CPU has them. */
static const struct template popcnt =
	{ "popcnt", { 0xf3, 0x0f, 0xb8 }, 3, ANY, 0, 0 };
static const struct template movbe_load =
	{ "movbe", { 0x0f, 0x38, 0xf0 }, 3, ANY, MEMORY, 0 };
static const struct template movbe_store =
	{ "movbe", { 0x0f, 0x38, 0xf1 }, 3, ANY, MEMORY, 0 };
static const struct template tzcnt =
	{ "tzcnt", { 0xf3, 0x0f, 0xbc }, 3, ANY, 0, NOTHING_BUT(EMUL_ZF | EMUL_CF) };
static const struct template lzcnt =
	{ "lzcnt", { 0xf3, 0x0f, 0xbd }, 3, ANY, 0, NOTHING_BUT(EMUL_ZF | EMUL_CF) };
static const struct template cmpxchg16b =
	{ "cmpxchg8b", { 0x0f, 0xc7 }, 2, 1, MEMORY | LOCKS | NO16, 0 };

/* ---- cases ----------------------------------------------------------------------- */

static u64 seed = 0x0ddba11c0ffee5ed;

static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned int below(unsigned int n)
{
	return next_random() % n;
}

/* Random, small, or at an edge of some width. */
static u64 random_value(void)
{
	static const u64 edges[] = {
		0, 1, ~0ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
	};

	switch (below(4)) {
	case 0:
		return edges[below(ARRAY_SIZE(edges))];
	case 1:
		return below(256);
	default:
		return next_random();
	}
}

struct test_case {
	const struct template *t;
	struct machine m;
	u8 bytes[15];
	unsigned int n, size, imm;
	bool memory, addr32;
};

static void put(struct test_case *k, const void *bytes, unsigned int n)
{
	memcpy(k->bytes + k->n, bytes, n);
	k->n += n;
}

/* A base register, sometimes an index, pointing at the buffer's middle. */
static void add_memory(struct test_case *k, unsigned int reg, u8 *rex, u8 *modrm,
		       u8 *sib, s8 *disp)
{
	unsigned int base, index, scale = below(4);
	bool aligned_pair = k->t->reg == 1 && (k->t->kind & MEMORY);

	do
		base = below(16);
	while (base == reg || (aligned_pair && base < 4));
	do
		index = below(16);
	while (index == reg || index == base || index == EMUL_RSP ||
	       (aligned_pair && index < 4));
	*disp = (s8)below(256);
	k->m.regs[base] = (u64)buffer + BUFFER / 2 - (s64)*disp;
	*modrm = 0x40 | (reg & 7) << 3;
	*rex |= (base & 8) >> 3;
	*sib = 0;
	if ((base & 7) == EMUL_RSP || below(2)) {
		*modrm |= 4;
		*sib = scale << 6 | 4 << 3 | (base & 7);
		if (below(2)) {
			*sib = scale << 6 | (index & 7) << 3 | (base & 7);
			*rex |= (index & 8) >> 2;
			k->m.regs[index] = below(8);
			k->m.regs[base] -= k->m.regs[index] << scale;
		}
	} else {
		*modrm |= base & 7;
	}
	/* only CMPXCHG16B must be aligned */
	if (!aligned_pair)
		k->m.regs[base] += below(32);
	/* 67h ignores the upper halves */
	if (k->addr32 && base != EMUL_RSP)
		k->m.regs[base] ^= next_random() << 32;
}

static void add_modrm(struct test_case *k, u8 rex)
{
	const struct template *t = k->t;
	unsigned int reg = t->reg == ANY ? below(16) : t->reg;
	u8 modrm, sib = 0;
	s8 disp = 0;

	if (t->reg == ANY)
		rex |= (reg & 8) >> 1;
	if (t->kind & BITS)
		k->m.regs[reg] = (u64)(s64)(s32)(below(8000) - 4000);
	k->memory = (t->kind & MEMORY) || (!(t->kind & REGISTER) && below(2));
	if (k->memory) {
		add_memory(k, t->reg == ANY ? reg : 16, &rex, &modrm, &sib, &disp);
		modrm = (modrm & ~0x38) | (reg & 7) << 3;
		if ((t->kind & LOCKS) && below(2))
			put(k, "\xf0", 1);
	} else {
		modrm = 0xc0 | (reg & 7) << 3 | below(8);
		rex |= below(2);
	}
	/* F3 in a template's opcode goes before REX */
	if (t->opcode[0] == 0xf3)
		put(k, "\xf3", 1);
	if (rex)
		put(k, (u8[]){ 0x40 | rex }, 1);
	put(k, t->opcode + (t->opcode[0] == 0xf3), t->length - (t->opcode[0] == 0xf3));
	put(k, &modrm, 1);
	if (k->memory && (modrm & 7) == 4)
		put(k, &sib, 1);
	if (k->memory)
		put(k, &disp, 1);
}

static void add_plain(struct test_case *k, u8 rex)
{
	const struct template *t = k->t;
	unsigned int skip = t->length > 1 && t->opcode[0] >= 0xf2;

	put(k, t->opcode, skip);
	if (rex)
		put(k, (u8[]){ 0x40 | rex }, 1);
	put(k, t->opcode + skip, t->length - skip);
}

static void add_immediate(struct test_case *k)
{
	u64 value = random_value();

	k->imm = value & 0xff;
	if (k->t->kind & IMM8)
		put(k, &value, 1);
	else if (k->t->kind & IMMZ)
		put(k, &value, k->size == 2 ? 2 : 4);
	else if (k->t->kind & IMMV)
		put(k, &value, k->size);
}

static void set_registers(struct test_case *k)
{
	unsigned int n;

	for (n = 0; n < 16; n++)
		k->m.regs[n] = random_value();
	k->m.regs[EMUL_RSP] = (u64)buffer + BUFFER / 2 + 8 * below(16);
	if (k->t->kind & FRAME)
		k->m.regs[EMUL_RBP] = (u64)buffer + BUFFER / 2 + 512 + 8 * below(16);
	k->m.flags = 0x202 | (next_random() & EMUL_STATUS);
	if (k->t->kind & STRING) {
		k->m.regs[EMUL_RSI] = (u64)buffer + 1000 + below(64);
		k->m.regs[EMUL_RDI] = (u64)buffer + 2000 + below(64);
		k->m.regs[EMUL_RCX] = below(6);
		k->m.flags |= below(2) ? EMUL_DF : 0;
	}
}

static void make_case(struct test_case *k, const struct template *t)
{
	bool may16 = !(t->kind & (BYTE | NO16)) && !(t->kind & FRAME);
	bool mayW = !(t->kind & (BYTE | FRAME));
	unsigned int pick = below(3), n;
	u8 rex = 0;

	*k = (struct test_case) { .t = t, .size = t->kind & BYTE ? 1 : 4 };
	set_registers(k);
	for (n = 0; n < BUFFER; n += 8)
		memcpy(buffer + n, (u64[]){ random_value() }, 8);
	memcpy(shadow, buffer, BUFFER);
	if ((t->kind & STRING || !(t->kind & NO_MODRM)) && below(4) == 0) {
		k->addr32 = true;
		put(k, "\x67", 1);
	}
	if (pick == 0 && may16) {
		k->size = 2;
		put(k, "\x66", 1);
	} else if (pick == 1 && mayW) {
		k->size = 8;
		rex = 8;
	}
	if (t->kind & NO_MODRM)
		add_plain(k, rex);
	else
		add_modrm(k, rex);
	add_immediate(k);
}

static u64 undefined_flags(const struct test_case *k, const struct machine *in)
{
	unsigned int count;
	u64 mask = k->t->undefined;

	if (!(k->t->kind & (SHIFT | DOUBLE)))
		return mask;
	count = k->t->kind & COUNT_CL ? in->regs[EMUL_RCX] & 0xff :
		k->t->kind & IMM8 ? k->imm : 1;
	count &= k->size == 8 ? 63 : 31;
	if (count != 1)
		mask |= EMUL_OF;
	if (count && (k->t->kind & DOUBLE || k->t->reg >= 4))
		mask |= EMUL_AF;
	if (count > 8 * k->size && k->t->reg >= 4)
		mask |= EMUL_CF;
	return count ? mask : mask & ~(EMUL_AF | EMUL_OF);
}

/* Results that the manuals leave open: a 16-bit double shift by more than 16. */
static bool undefined_result(const struct test_case *k, const struct machine *in)
{
	unsigned int count = k->t->kind & COUNT_CL ? in->regs[EMUL_RCX] : k->imm;

	return (k->t->kind & DOUBLE) && k->size == 2 && (count & 31) > 16;
}

static void complain_word(const char *what, unsigned int n, u64 in, u64 native,
			  u64 emulated)
{
	if (native != emulated)
		print_message("#  %s %u: %016llx -> native %016llx, emulated %016llx\n",
			      what, n, (unsigned long long)in,
			      (unsigned long long)native,
			      (unsigned long long)emulated);
}

static void complain(const struct test_case *k, const struct machine *in,
		     const struct machine *native, const struct machine *emulated)
{
	unsigned int n;

	print_message("# %s:", k->t->name);
	for (n = 0; n < k->n; n++)
		print_message(" %02x", k->bytes[n]);
	print_message(" (buffer %p)\n", (void *)buffer);
	for (n = 0; n < 16; n++)
		complain_word("register", n, in->regs[n], native->regs[n],
			      emulated->regs[n]);
	complain_word("flags", 0, in->flags, native->flags, emulated->flags);
}

static bool same(const struct test_case *k)
{
	struct machine in = k->m, native = k->m, emulated = k->m;
	u64 mask = ~undefined_flags(k, &in) & (EMUL_STATUS | EMUL_DF);
	enum emul_verdict v;
	u8 vector = 0;
	bool ran;

	ran = native_run(k->bytes, k->n, &native);
	v = emulated_run(k->bytes, k->n, &emulated, &vector);
	if (ran == (v == EMUL_OKAY) && (ran || (v == EMUL_FAULT && vector == 0)) &&
	    !memcmp(native.regs, emulated.regs, sizeof(native.regs)) &&
	    (!ran || ((native.flags ^ emulated.flags) & mask) == 0) &&
	    !memcmp(buffer, shadow, BUFFER))
		return true;
	print_message("# native %s, emulated verdict %u vector %u, memory %s\n",
		      ran ? "ran" : "faulted", v, vector,
		      memcmp(buffer, shadow, BUFFER) ? "differs" : "equal");
	complain(k, &in, &native, &emulated);
	return false;
}

static unsigned int run_template(const struct template *t)
{
	unsigned int n, bad = 0, done = 0;
	struct test_case k;

	for (n = 0; n < CASES && bad < 3; n++) {
		make_case(&k, t);
		if (undefined_result(&k, &k.m))
			continue;
		done++;
		bad += !same(&k);
	}
	assert_true(done > CASES / 2);
	return bad;
}

static void test_random_integer_instructions_equal_the_cpu(void **state)
{
	unsigned int k, bad = 0;

	(void)state;
	take_signals();
	for (k = 0; k < ARRAY_SIZE(templates); k++)
		bad += run_template(&templates[k]);
	assert_int_equal(bad, 0);
}

static void test_optional_instructions_equal_the_cpu(void **state)
{
	unsigned int a, b, c = 0, d, bad = 0, tested = 0, x1 = 0, b7 = 0;

	(void)state;
	take_signals();
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		bad += c & bit_POPCNT ? tested++, run_template(&popcnt) : 0;
		bad += c & bit_MOVBE ? tested++, run_template(&movbe_load) : 0;
		bad += c & bit_MOVBE ? tested++, run_template(&movbe_store) : 0;
		bad += c & bit_CMPXCHG16B ? tested++, run_template(&cmpxchg16b) : 0;
	}
	if (__get_cpuid(0x80000001, &a, &b, &x1, &d) && (x1 & bit_LZCNT))
		tested++, bad += run_template(&lzcnt);
	if (__get_cpuid_count(7, 0, &a, &b7, &c, &d) && (b7 & bit_BMI))
		tested++, bad += run_template(&tzcnt);
	print_message("# %u of 6 optional instructions exist here\n", tested);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_integer_instructions_equal_the_cpu),
		cmocka_unit_test(test_optional_instructions_equal_the_cpu),
	};

	return cmocka_run_group_tests(tests, native_setup, NULL);
}
